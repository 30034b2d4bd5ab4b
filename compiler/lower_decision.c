/* SPDX-License-Identifier: Apache-2.0
 * The decision of the eight statements (language page, section 2) as a plan. Statements are found by constant indexes over (type, action), grants without conditions by role
 * too, so that what cannot apply costs nothing; those with conditions are functions, called by number from the index. Errors fail closed throughout.
 */
#include "compiler/lower.h"
#include "runtime/explain.h"

enum {
    ROLES_EFFECTIVE = POL_ROLES_EFFECTIVE,
    ROLES_PSEUDO = POL_ROLES_PSEUDO,
    ROLES_DOUBTFUL = POL_ROLES_DOUBTFUL,
    ROLES_ERRORS = POL_ROLES_ERRORS,
    ROLES_PARTS = POL_ROLES_PARTS,
};

/* ---- small plans ---- */

static uint32_t get_text(pol_lowering *l, uint32_t object, const char *key)
{
    uint32_t dst = new_register(l);
    add_op(l, POL_OP_GETK, dst, object, constant_text(l, key));
    return dst;
}

static uint32_t get_part(pol_lowering *l, uint32_t array, uint32_t i)
{
    uint32_t dst = new_register(l);
    add_op(l, POL_OP_GETK, dst, array, constant(l, pol_int(i)));
    return dst;
}

/* input.<part>.<member>, or "" when there is none. */
static uint32_t input_name(pol_lowering *l, const char *part, const char *member)
{
    uint32_t dst = load(l, pol_string_text("")), input = new_register(l);
    open_block(l);
    add_op(l, POL_OP_INPUT, input, 0, 0);
    uint32_t name = get_text(l, get_text(l, input, part), member);
    add_op(l, POL_OP_MOVE, dst, name, 0);
    close_region(l);
    return dst;
}

/* object[key], else object["*"]; fails when neither is there. */
static uint32_t get_or_star(pol_lowering *l, uint32_t object, uint32_t key)
{
    uint32_t dst = new_register(l), found = new_register(l);
    add_op(l, POL_OP_UNDEF, dst, 0, 0);
    open_block(l);
    open_block(l);
    add_op(l, POL_OP_GET, found, object, key);
    add_op(l, POL_OP_MOVE, dst, found, 0);
    add_exit(l, 1);
    close_region(l);
    add_op(l, POL_OP_MOVE, dst, get_text(l, object, "*"), 0);
    close_region(l);
    add_op(l, POL_OP_DEFINED, dst, 0, 0);
    return dst;
}

static uint32_t make_object(pol_lowering *l, uint32_t n, const char *const *keys, const uint32_t *values)
{
    uint32_t b = new_builder(l), dst = new_register(l);
    add_op(l, POL_OP_START, b, 0, 0);
    for (uint32_t i = 0; i < n; i++)
        add_op(l, POL_OP_PUT, b, load(l, pol_string_text(keys[i])), values[i]);
    add_op(l, POL_OP_OBJECT, dst, b, 0);
    return dst;
}

static uint32_t new_mark(pol_lowering *l)
{
    uint32_t mark = new_register(l);
    add_op(l, POL_OP_MARK, mark, 0, 0);
    return mark;
}

/* The first error since mark goes to builder errors, with the rule in register rule; all since then are forgotten. */
static void record_error(pol_lowering *l, uint32_t mark, uint32_t rule, uint32_t errors)
{
    uint32_t first = new_registers(l, 2), merged = new_register(l);
    open_block(l);
    add_op(l, POL_OP_ERROR, first + 1, mark, 0);
    add_op(l, POL_OP_MOVE, first, make_object(l, 1, (const char *const[]){"rule"}, (const uint32_t[]){rule}), 0);
    add_op(l, POL_OP_BUILTIN, merged, first, import_builtin(l->plan, "object.union", 2));
    add_op(l, POL_OP_PUSH, errors, merged, 0);
    close_region(l);
    add_op(l, POL_OP_FORGIVE, mark, 0, 0);
}

/* The array of what is in the set or array. */
static void push_all(pol_lowering *l, uint32_t builder, uint32_t collection)
{
    uint32_t key, value;
    open_block(l);
    open_loop(l, collection, &key, &value);
    add_op(l, POL_OP_PUSH, builder, value, 0);
    close_region(l);
}

static uint32_t to_array(pol_lowering *l, uint32_t collection)
{
    uint32_t b = new_builder(l), dst = new_register(l);
    add_op(l, POL_OP_START, b, 0, 0);
    push_all(l, b, collection);
    add_op(l, POL_OP_ARRAY, dst, b, 0);
    return dst;
}

/* ---- hidden rules ---- */

/* The value of a hidden rule; fails when it is undefined or false. */
static uint32_t read_hidden(pol_lowering *l, const pol_module *m, const pol_rule *rule)
{
    uint32_t dst = new_register(l);
    add_op(l, POL_OP_RULE, dst, function_of_group(l, pol_hidden_group(l->program, m, rule)), 0);
    return dst;
}

static pol_plan_function *hidden_function(pol_lowering *l, const char *name, uint32_t *index)
{
    pol_plan_function *fn = new_function(l->plan, name, index);
    fn->memoised = true;
    fn->place = l->place;
    return fn;
}

/* ---- roles ---- */

static pol_value names_of(pol_lowering *l, const pol_statements *s, const uint32_t *roles, uint32_t n)
{
    pol_builder b = pol_builder_new(l->arena);
    for (uint32_t i = 0; i < n; i++)
        pol_builder_add(&b, pol_string(s->roles[roles[i]].name));
    return pol_builder_set(&b);
}

/* The number of the i-th role that an assign may give: those it lists or, of `assign from` without names, all but the derived ones. */
static bool assignable(const pol_statements *s, const pol_statement *st, uint32_t i, uint32_t *role)
{
    int64_t found = st->names.n ? pol_statements_role(s, st->names.items[i].text) : i;
    *role = (uint32_t)found;
    return found >= 0 && (st->names.n || !s->roles[i].derived);
}

static uint32_t n_assignable(const pol_statements *s, const pol_statement *st)
{
    return st->names.n ? st->names.n : s->n_roles;
}

/* Role: set of all that it holds by inheritance; of the roles that the assign may give. */
static pol_value closure_index(pol_lowering *l, const pol_statements *s, const pol_statement *st)
{
    pol_builder b = pol_builder_new(l->arena);
    uint32_t role;
    for (uint32_t i = 0; i < n_assignable(s, st); i++)
        if (assignable(s, st, i, &role))
            pol_builder_put(&b, pol_string(s->roles[role].name), names_of(l, s, s->roles[role].closure, s->roles[role].n_closure));
    return pol_builder_object(&b);
}

/* All that the assign may give, with what is held by inheritance. */
static pol_value closure_of_all(pol_lowering *l, const pol_statements *s, const pol_statement *st)
{
    pol_builder b = pol_builder_new(l->arena);
    uint8_t *seen = POL_NEW_ARRAY(l->arena, uint8_t, s->n_roles + 1);
    uint32_t role;
    for (uint32_t i = 0; i < n_assignable(s, st); i++)
        for (uint32_t k = 0; assignable(s, st, i, &role) && k < s->roles[role].n_closure; k++) {
            uint32_t held = s->roles[role].closure[k];
            if (!seen[held])
                pol_builder_add(&b, pol_string(s->roles[held].name));
            seen[held] = 1;
        }
    return pol_builder_set(&b);
}

static void lower_assign(pol_lowering *l, const pol_statements *s, const pol_assign *a, uint32_t given, uint32_t doubtful, uint32_t errors)
{
    const pol_statement *st = a->statement;
    uint32_t mark = new_mark(l), error = new_register(l), all = load(l, closure_of_all(l, s, st));
    open_block(l);
    if (st->from_rule) {
        uint32_t closures = load(l, closure_index(l, s, st)), from = read_hidden(l, a->module, st->from_rule), key, name, held = new_register(l);
        open_loop(l, from, &key, &name);
        add_op(l, POL_OP_GET, held, closures, name);
        push_all(l, given, held);
    } else {
        add_op(l, POL_OP_TRUE, read_hidden(l, a->module, st->if_rule), 0, 0);
        push_all(l, given, all);
    }
    close_region(l);
    open_block(l);
    add_op(l, POL_OP_ERROR, error, mark, 0);
    push_all(l, doubtful, all);
    close_region(l);
    record_error(l, mark, load(l, pol_string_text(a->name)), errors);
}

static void note_authenticated(pol_lowering *l, uint32_t pseudo, const char *part, pol_value names)
{
    uint32_t input = new_register(l);
    open_block(l);
    add_op(l, POL_OP_INPUT, input, 0, 0);
    get_text(l, input, part);
    load_into(l, pseudo, names);
    close_region(l);
}

static void lower_roles(pol_lowering *l, const pol_statements *s)
{
    uint32_t given = new_builder(l), doubtful = new_builder(l), errors = new_builder(l), parts = new_registers(l, ROLES_PARTS);
    pol_value pseudo[] = {pol_string_text("anyone"), pol_string_text("authenticated")};
    add_op(l, POL_OP_START, given, 0, 0);
    add_op(l, POL_OP_START, doubtful, 0, 0);
    add_op(l, POL_OP_START, errors, 0, 0);
    for (uint32_t i = 0; i < s->n_assigns; i++)
        lower_assign(l, s, &s->assigns[i], given, doubtful, errors);
    add_op(l, POL_OP_SET, parts + ROLES_EFFECTIVE, given, 0);
    load_into(l, parts + ROLES_PSEUDO, pol_array_of(l->arena, pseudo, 1));
    note_authenticated(l, parts + ROLES_PSEUDO, "token", pol_array_of(l->arena, pseudo, 2));
    note_authenticated(l, parts + ROLES_PSEUDO, "cert", pol_array_of(l->arena, pseudo, 2));
    add_op(l, POL_OP_SET, parts + ROLES_DOUBTFUL, doubtful, 0);
    add_op(l, POL_OP_ARRAY, parts + ROLES_ERRORS, errors, 0);
    uint32_t result = new_register(l);
    add_op(l, POL_OP_TUPLE, result, parts, ROLES_PARTS);
    add_op(l, POL_OP_RETURN, result, 0, 0);
}

/* The function $roles, made once a plan. */
static uint32_t roles_function(pol_lowering *l)
{
    for (uint32_t i = 0; i < l->plan->n_functions; i++)
        if (strcmp(l->plan->functions[i]->name, "$roles") == 0)
            return i;
    uint32_t index;
    pol_lowering inner;
    lowering_begin(&inner, l->program, l->plan, l->queue, hidden_function(l, "$roles", &index));
    lower_roles(&inner, l->program->statements);
    lowering_end(&inner);
    return index;
}

static uint32_t read_roles(pol_lowering *l)
{
    uint32_t dst = new_register(l);
    add_op(l, POL_OP_RULE, dst, roles_function(l), 0);
    return dst;
}

/* ---- one statement ---- */

/* Fails when one of the names is in the collection, which leaves the NOT around. */
static void exclude_names(pol_lowering *l, const pol_names *names, uint32_t collection)
{
    for (uint32_t i = 0; i < names->n; i++) {
        open_not(l);
        add_op(l, POL_OP_IN, load(l, pol_string(names->items[i].text)), collection, 0);
        add_exit(l, 0);
        close_region(l);
    }
}

static void require_role(pol_lowering *l, const pol_grant *g)
{
    const pol_names *names = &g->statement->names;
    bool authenticated = false;
    for (uint32_t i = 0; i < names->n; i++) {
        if (pol_bytes_is(names->items[i].text, "anyone"))
            return;
        authenticated |= pol_bytes_is(names->items[i].text, "authenticated");
    }
    uint32_t roles = read_roles(l);
    open_not(l);
    exclude_names(l, names, get_part(l, roles, ROLES_EFFECTIVE));
    if (authenticated)
        exclude_names(l, names, get_part(l, roles, ROLES_PSEUDO));
    if (g->forbid)
        exclude_names(l, names, get_part(l, roles, ROLES_DOUBTFUL));
    add_exit(l, 0);
    close_region(l);
}

static void require_conditions(pol_lowering *l, const pol_grant *g)
{
    const pol_statement *st = g->statement;
    if (st->if_rule)
        add_op(l, POL_OP_TRUE, read_hidden(l, g->module, st->if_rule), 0, 0);
    if (st->unless_rule) {
        open_not(l);
        add_op(l, POL_OP_TRUE, read_hidden(l, g->module, st->unless_rule), 0, 0);
        add_exit(l, 0);
        close_region(l);
    }
}

/* Defined when the statement applies. An error noted on the way is left for the decision to record. */
static void lower_statement(pol_lowering *l, const pol_grant *g)
{
    uint32_t mark = new_mark(l);
    require_role(l, g);
    if (g->forbid) {
        open_block(l);
        require_conditions(l, g);
        add_op(l, POL_OP_RETURN, load(l, pol_bool(true)), 0, 0);
        close_region(l);
        /* The conditions failed: only with an error does it apply all the same. */
        open_not(l);
        add_op(l, POL_OP_TAINT, mark, 0, 0);
        add_exit(l, 0);
        close_region(l);
    } else {
        require_conditions(l, g);
        add_op(l, POL_OP_TAINT, mark, 0, 0);
        if (g->statement->returning_rule)
            read_hidden(l, g->module, g->statement->returning_rule);
    }
    add_op(l, POL_OP_RETURN, load(l, pol_bool(true)), 0, 0);
}

static bool has_conditions(const pol_grant *g)
{
    const pol_statement *st = g->statement;
    return st && (st->if_rule || st->unless_rule || (!g->forbid && st->returning_rule));
}

static void make_statement_functions(pol_lowering *l, pol_statements *s)
{
    for (uint32_t i = 0; i < s->n_grants; i++) {
        pol_grant *g = &s->grants[i];
        if (!has_conditions(g) || g->function)
            continue;
        uint32_t index;
        pol_lowering inner;
        pol_plan_function *fn = hidden_function(l, pol_arena_printf(l->arena, "$statement:%s", g->id), &index);
        fn->place = place_of(l->program, g->statement->span);
        lowering_begin(&inner, l->program, l->plan, l->queue, fn);
        lower_statement(&inner, g);
        lowering_end(&inner);
        g->function = index + 1;
    }
}

/* ---- the decision ---- */

typedef struct {
    uint32_t type, action;      /* names of the request */
    uint32_t roles;             /* value of $roles */
    uint32_t effect, tier, rules, scope_text; /* results so far */
    uint32_t errors;            /* builder */
} decision;

/* Ids of the statements without conditions whose role is held go to builder. */
static void push_granted(pol_lowering *l, const decision *d, uint32_t cell, bool forbid, uint32_t builder)
{
    static const uint32_t parts[] = {ROLES_EFFECTIVE, ROLES_PSEUDO, ROLES_DOUBTFUL};
    uint32_t key, role, ids = new_register(l);
    open_block(l);
    uint32_t by_role = get_text(l, cell, forbid ? "forbids" : "permits");
    for (uint32_t i = 0; i < (forbid ? 3 : 2); i++) {
        open_block(l);
        open_loop(l, get_part(l, d->roles, parts[i]), &key, &role);
        add_op(l, POL_OP_GET, ids, by_role, role);
        push_all(l, builder, ids);
        close_region(l);
    }
    close_region(l);
}

static void push_conditional(pol_lowering *l, const decision *d, uint32_t cell, uint32_t forbids, uint32_t permits)
{
    uint32_t key, entry, applies = new_register(l);
    open_block(l);
    uint32_t list = get_text(l, cell, "conditional");
    open_loop(l, list, &key, &entry);
    uint32_t is_forbid = get_part(l, entry, 0), function = get_part(l, entry, 1), id = get_part(l, entry, 2), mark = new_mark(l);
    open_block(l);
    add_op(l, POL_OP_RULEX, applies, function, 0);
    open_block(l);
    add_op(l, POL_OP_TRUE, is_forbid, 0, 0);
    add_op(l, POL_OP_PUSH, forbids, id, 0);
    add_exit(l, 1);
    close_region(l);
    add_op(l, POL_OP_PUSH, permits, id, 0);
    close_region(l);
    record_error(l, mark, id, d->errors);
    close_region(l);
}

/* The ceiling: a token without a scope that covers the action meets a forbid. */
static void push_scope(pol_lowering *l, const decision *d, const pol_statements *s, uint32_t forbids)
{
    uint32_t input = new_register(l), key, scope;
    open_block(l);
    add_op(l, POL_OP_INPUT, input, 0, 0);
    uint32_t token = get_text(l, input, "token");
    uint32_t row = get_or_star(l, load(l, scope_index(l, s)), d->type), need = get_or_star(l, row, d->action);
    uint32_t scopes = get_part(l, need, 0), text = get_part(l, need, 1);
    open_not(l);
    uint32_t held = get_text(l, token, "scopes");
    open_loop(l, scopes, &key, &scope);
    add_op(l, POL_OP_IN, scope, held, 0);
    add_exit(l, 0);
    close_region(l);
    add_op(l, POL_OP_PUSH, forbids, load(l, pol_string_text("scope")), 0);
    add_op(l, POL_OP_MOVE, d->scope_text, text, 0);
    close_region(l);
}

/* When the builder has something, it decides: leaves the block around the tiers. */
static void settle(pol_lowering *l, const decision *d, uint32_t builder, const char *effect, pol_bytes tier)
{
    uint32_t ids = new_register(l);
    open_block(l);
    add_op(l, POL_OP_ARRAY, ids, builder, 0);
    open_not(l);
    add_op(l, POL_OP_ISARRAY, ids, 0, 0);
    add_exit(l, 0);
    close_region(l);
    add_op(l, POL_OP_MOVE, d->rules, ids, 0);
    load_into(l, d->effect, pol_string_text(effect));
    load_into(l, d->tier, pol_string(tier));
    add_exit(l, 1);
    close_region(l);
}

/* Indexes are made once, for all entry points that decide. */
static pol_value index_of_tier(pol_lowering *l, pol_statements *s, uint32_t tier)
{
    if (!s->tier_indexes) {
        s->tier_indexes = POL_NEW_ARRAY(l->arena, pol_value, s->n_tiers);
        for (uint32_t i = 0; i < s->n_tiers; i++)
            s->tier_indexes[i] = tier_index(l, s, i);
        s->input_checks = input_check_index(l, s);
    }
    return s->tier_indexes[tier];
}

static void lower_tier(pol_lowering *l, const decision *d, pol_statements *s, uint32_t tier)
{
    pol_value index = index_of_tier(l, s, tier);
    bool ceiling = s->n_scopes && pol_bytes_is(s->tiers[tier].name, POL_TIER_SCOPE);
    if (index.n == 0 && !ceiling)
        return;
    uint32_t forbids = new_builder(l), permits = new_builder(l);
    add_op(l, POL_OP_START, forbids, 0, 0);
    add_op(l, POL_OP_START, permits, 0, 0);
    if (ceiling)
        push_scope(l, d, s, forbids);
    open_block(l);
    uint32_t row = get_or_star(l, load(l, index), d->type), cell = get_or_star(l, row, d->action);
    push_granted(l, d, cell, true, forbids);
    push_granted(l, d, cell, false, permits);
    push_conditional(l, d, cell, forbids, permits);
    close_region(l);
    settle(l, d, forbids, "forbid", s->tiers[tier].name);
    settle(l, d, permits, "permit", s->tiers[tier].name);
}

/* {"rule": id, member: value} for each deciding statement that tells one. */
static uint32_t lower_told(pol_lowering *l, const decision *d, const pol_statements *s, bool because)
{
    uint32_t b = new_builder(l), dst = new_register(l), key, id, value = new_register(l), function = new_register(l);
    const char *const keys[] = {"rule", because ? "text" : "value"};
    uint32_t index = load(l, told_index(l, s, because)), mark = new_mark(l);
    add_op(l, POL_OP_START, b, 0, 0);
    open_block(l);
    open_loop(l, d->rules, &key, &id);
    if (because) {
        open_block(l);
        add_op(l, POL_OP_EQK, id, constant_text(l, "scope"), 0);
        add_op(l, POL_OP_PUSH, b, make_object(l, 2, keys, (const uint32_t[]){id, d->scope_text}), 0);
        close_region(l);
    }
    open_block(l);
    add_op(l, POL_OP_GET, function, index, id);
    add_op(l, POL_OP_RULEX, value, function, 0);
    add_op(l, POL_OP_PUSH, b, make_object(l, 2, keys, (const uint32_t[]){id, value}), 0);
    close_region(l);
    close_region(l);
    add_op(l, POL_OP_FORGIVE, mark, 0, 0);
    add_op(l, POL_OP_ARRAY, dst, b, 0);
    return dst;
}

static uint32_t sorted(pol_lowering *l, uint32_t array)
{
    uint32_t b = new_builder(l), set = new_register(l);
    add_op(l, POL_OP_START, b, 0, 0);
    push_all(l, b, array);
    add_op(l, POL_OP_SET, set, b, 0);
    return to_array(l, set);
}

static uint32_t is_permitted(pol_lowering *l, const decision *d)
{
    uint32_t allow = load(l, pol_bool(false));
    open_block(l);
    add_op(l, POL_OP_EQK, d->effect, constant_text(l, "permit"), 0);
    load_into(l, allow, pol_bool(true));
    close_region(l);
    return allow;
}

static uint32_t result_object(pol_lowering *l, const decision *d, const pol_statements *s)
{
    uint32_t b = new_builder(l), dst = new_register(l), errors = new_register(l), allow = is_permitted(l, d);
    uint32_t reasons = lower_told(l, d, s, true), context = lower_told(l, d, s, false);
    uint32_t roles = to_array(l, get_part(l, d->roles, ROLES_EFFECTIVE));
    add_op(l, POL_OP_ARRAY, errors, d->errors, 0);
    const struct {
        const char *name;
        uint32_t value;
    } members[] = {{"allow", allow}, {"effect", d->effect}, {"rules", d->rules}, {"reasons", reasons}, {"context", context},
                   {"roles", roles}, {"errors", errors}};
    add_op(l, POL_OP_START, b, 0, 0);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        add_op(l, POL_OP_PUT, b, load(l, pol_string_text(members[i].name)), members[i].value);
    open_block(l);
    add_op(l, POL_OP_DEFINED, d->tier, 0, 0);
    add_op(l, POL_OP_PUT, b, load(l, pol_string_text("tier")), d->tier);
    close_region(l);
    add_op(l, POL_OP_OBJECT, dst, b, 0);
    return dst;
}

/* The register of whether the input lacks what the statements must know; what is wrong with it goes to the errors. */
static uint32_t check_input(pol_lowering *l, const decision *d, pol_value index)
{
    uint32_t invalid = load(l, pol_bool(false)), errors = new_register(l), key, error;
    open_block(l);
    uint32_t row = get_or_star(l, load(l, index), d->type), entries = get_or_star(l, row, d->action), args = new_registers(l, 2);
    add_op(l, POL_OP_INPUT, args, 0, 0);
    add_op(l, POL_OP_MOVE, args + 1, entries, 0);
    add_op(l, POL_OP_BUILTIN, errors, args, import_builtin(l->plan, "internal.input_errors", 2));
    open_loop(l, errors, &key, &error);
    add_op(l, POL_OP_PUSH, d->errors, error, 0);
    load_into(l, invalid, pol_bool(true));
    close_region(l);
    return invalid;
}

/* Everything up to which statements decide. */
static decision lower_outcome(pol_lowering *l, pol_statements *s)
{
    decision d = {0};
    add_op(l, POL_OP_CLOSED, 1, 0, 0);
    make_statement_functions(l, s);
    d.effect = load(l, pol_string_text("none"));
    d.tier = new_register(l);
    add_op(l, POL_OP_UNDEF, d.tier, 0, 0);
    d.rules = load(l, pol_empty(POL_ARRAY));
    d.scope_text = load(l, pol_string_text(""));
    d.errors = new_builder(l);
    add_op(l, POL_OP_START, d.errors, 0, 0);
    d.type = input_name(l, "resource", "type");
    d.action = input_name(l, "action", "name");
    d.roles = read_roles(l);
    push_all(l, d.errors, get_part(l, d.roles, ROLES_ERRORS));
    index_of_tier(l, s, 0);
    uint32_t invalid = s->input_checks.n ? check_input(l, &d, s->input_checks) : 0;
    open_block(l);
    if (s->input_checks.n)
        add_op(l, POL_OP_EQK, invalid, constant(l, pol_bool(false)), 0);
    for (uint32_t tier = 0; tier < s->n_tiers; tier++)
        lower_tier(l, &d, s, tier);
    close_region(l);
    return d;
}

static uint32_t lower_decision(pol_lowering *l, pol_statements *s)
{
    decision d = lower_outcome(l, s);
    add_op(l, POL_OP_MOVE, d.rules, sorted(l, d.rules), 0);
    return result_object(l, &d, s);
}

/* The decision's `allow`, without what the decision tells beside it. */
static uint32_t lower_allow(pol_lowering *l, pol_statements *s)
{
    decision d = lower_outcome(l, s);
    return is_permitted(l, &d);
}

/* All action names that statements, scopes and routes name for each type. */
static uint32_t lower_actions(pol_lowering *l, const pol_statements *s)
{
    return get_or_star(l, load(l, actions_index(l, s)), input_name(l, "resource", "type"));
}

bool lower_intrinsic(pol_lowering *l, const char *name, uint32_t *reg)
{
    pol_statements *s = l->program->statements;
    if (!s || strncmp(name, "internal.", 9) != 0)
        return false;
    if (strcmp(name, "internal.decision") == 0) {
        *reg = lower_decision(l, s);
    } else if (strcmp(name, "internal.allow") == 0) {
        *reg = lower_allow(l, s);
    } else if (strcmp(name, "internal.roles") == 0) {
        add_op(l, POL_OP_CLOSED, 1, 0, 0);
        *reg = get_part(l, read_roles(l), ROLES_EFFECTIVE);
    } else if (strcmp(name, "internal.actions") == 0) {
        *reg = lower_actions(l, s);
    } else {
        return false;
    }
    return true;
}
