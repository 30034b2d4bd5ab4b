/* SPDX-License-Identifier: Apache-2.0
 * Errors in the Rego target. A call has failed when its operands have values and it has none. Where Rego would go on as though nothing had been (below a `not`,
 * in a comprehension, beside a default), a guard is put before; and each rule that may fail gets a twin that is true when it does and does not hold otherwise.
 */
#include "compiler/check.h"
#include "compiler/rego_target.h"

#include <stdlib.h>

typedef struct {
    pol_body **items;
    uint32_t n, capacity;
} ways; /* bodies: each, when it holds, is a way to an error */

struct pol_rego_errors {
    pol_program *p;
    pol_arena *arena;
    pol_namemap rules; /* "package/name": flags */
    uint32_t n_names;
};

enum { RULE = 1, FAILS = 2, SWALLOWS = 4, FUNCTION = 8 }; /* SWALLOWS: an error in it is not undefined outside */

typedef struct {
    pol_rego_errors *e;
    const pol_module *m;
    pol_span span;
} place;

static pol_body *guarded_body(place at, const pol_body *body);
static void ways_of_term(place at, const pol_term *t, bool swallowed, ways *out);
static void ways_of_body(place at, const pol_body *body, ways *out);
static void ways_of_expr(place at, pol_expr *e, ways *out);

/* ---- names ---- */

static pol_bytes text_of(pol_arena *arena, const pol_term *t)
{
    pol_buf text = {0};
    pol_term_print(t, &text);
    pol_bytes kept = pol_buf_to_arena(&text, arena);
    pol_buf_deinit(&text);
    return kept;
}

static pol_bytes key_of(pol_rego_errors *e, pol_bytes package, pol_bytes name)
{
    return pol_bytes_text(pol_arena_printf(e->arena, "%.*s/%.*s", (int)package.n, (const char *)package.at, (int)name.n, (const char *)name.at));
}

static pol_bytes first_name(const pol_rule *r)
{
    return r->name->kind == POL_TERM_REF ? r->name->items[0]->text : r->name->text;
}

static uint32_t *flags_of(pol_rego_errors *e, pol_bytes package, pol_bytes name)
{
    return pol_namemap_find(&e->rules, key_of(e, package, name));
}

/* "data.a.b.c" as the rule c of package a.b, or b of package a with something below it. */
static uint32_t *flags_of_path(pol_rego_errors *e, const pol_term *ref, uint32_t from, pol_bytes prefix, uint32_t *used)
{
    pol_buf package = {0};
    uint32_t *found = NULL;
    pol_buf_bytes(&package, prefix);
    for (uint32_t i = from; i < ref->n && ref->items[i]->kind == POL_TERM_STRING && !found; i++) {
        found = flags_of(e, pol_buf_view(&package), ref->items[i]->text);
        *used = i + 1;
        pol_buf_text(&package, package.n ? "." : "");
        pol_buf_bytes(&package, ref->items[i]->text);
    }
    pol_buf_deinit(&package);
    return found;
}

static const pol_import *import_named(const pol_module *m, pol_bytes name)
{
    for (uint32_t i = 0; i < m->n_imports; i++) {
        const pol_import *import = &m->imports[i];
        const pol_term *path = import->path;
        pol_bytes alias = import->alias.n ? import->alias : path->kind == POL_TERM_REF ? path->items[path->n - 1]->text : path->text;
        if (pol_bytes_equal(alias, name))
            return import;
    }
    return NULL;
}

/* The rule that a term names, and how many of a ref's items its name takes; NULL when it names none. */
static uint32_t *rule_named(place at, const pol_term *t, uint32_t *used)
{
    pol_bytes package = text_of(at.e->arena, at.m->package);
    *used = 1;
    if (t->kind == POL_TERM_VAR)
        return flags_of(at.e, package, t->text);
    if (t->kind != POL_TERM_REF || t->items[0]->kind != POL_TERM_VAR)
        return NULL;
    pol_bytes head = t->items[0]->text;
    if (pol_bytes_is(head, "data"))
        return flags_of_path(at.e, t, 1, pol_bytes_of(NULL, 0), used);
    uint32_t *own = flags_of(at.e, package, head);
    if (own)
        return own;
    const pol_import *import = import_named(at.m, head);
    const pol_term *path = import ? import->path : NULL;
    if (!path || path->kind != POL_TERM_REF || !pol_bytes_is(path->items[0]->text, "data"))
        return NULL;
    pol_bytes prefix = text_of(at.e->arena, path);
    prefix = pol_bytes_of(prefix.at + 5, prefix.n - 5);
    uint32_t within;
    uint32_t *found = flags_of_path(at.e, path, 1, pol_bytes_of(NULL, 0), &within);
    return found ? found : flags_of_path(at.e, t, 1, prefix, used);
}

/* ---- making terms ---- */

static pol_term *new_var(place at)
{
    return pol_term_text(at.e->arena, POL_TERM_VAR, at.span, pol_bytes_text(pol_arena_printf(at.e->arena, "polward_%u", at.e->n_names++)));
}

static pol_term *number(place at, const char *text)
{
    return pol_term_text(at.e->arena, POL_TERM_NUMBER, at.span, pol_bytes_text(text));
}

static pol_expr *assign(place at, pol_term *left, pol_term *right)
{
    pol_expr *e = pol_expr_new(at.e->arena, POL_EXPR_ASSIGN, at.span);
    e->left = left;
    e->right = right;
    return e;
}

static pol_expr *condition(place at, pol_term *t)
{
    pol_expr *e = pol_expr_new(at.e->arena, POL_EXPR_TERM, at.span);
    e->left = t;
    return e;
}

/* `with input as input`, which changes nothing: OPA's indexes leave out expressions with modifiers, and give wrong answers for some. */
static void keep_out_of_indexes(place at, pol_expr *e)
{
    pol_term *input = pol_term_text(at.e->arena, POL_TERM_VAR, at.span, POL_BYTES("input"));
    e->n_withs = 1;
    e->withs = POL_NEW_ARRAY(at.e->arena, pol_with, 1);
    e->withs[0] = (pol_with){.target = input, .value = input, .span = at.span};
}

/* count([1 | body]) compared with 0 by the built-in called how. The index of comprehensions may take variables around them for unknown. */
static pol_expr *counted(place at, pol_body *body, const char *how)
{
    pol_arena *arena = at.e->arena;
    pol_term **one = POL_NEW_ARRAY(arena, pol_term *, 1), **list = POL_NEW_ARRAY(arena, pol_term *, 1), **both = POL_NEW_ARRAY(arena, pol_term *, 2);
    one[0] = number(at, "1");
    list[0] = pol_term_list(arena, POL_TERM_ARRAY_COMPREHENSION, at.span, one, 1);
    list[0]->body = body;
    both[0] = pol_term_call(arena, at.span, "count", list, 1);
    both[1] = number(at, "0");
    pol_expr *e = condition(at, pol_term_call(arena, at.span, how, both, 2));
    keep_out_of_indexes(at, e);
    return e;
}

static pol_body *new_body(place at)
{
    return POL_NEW(at.e->arena, pol_body);
}

static void add_body(place at, pol_body *to, const pol_body *from)
{
    for (uint32_t i = 0; from && i < from->n; i++)
        pol_body_add(at.e->arena, to, from->items[i]);
}

static void add_way(place at, ways *out, pol_body *way)
{
    POL_GROW(at.e->arena, out->items, out->n, out->capacity);
    out->items[out->n++] = way;
}

/* The name of a rule with suffix behind it. */
static pol_term *renamed(place at, const pol_term *name, uint32_t used, const char *suffix)
{
    pol_arena *arena = at.e->arena;
    if (name->kind == POL_TERM_VAR || used <= 1) {
        const pol_term *var = name->kind == POL_TERM_VAR ? name : name->items[0];
        return pol_term_text(arena, POL_TERM_VAR, at.span,
                             pol_bytes_text(pol_arena_printf(arena, "%.*s%s", (int)var->text.n, (const char *)var->text.at, suffix)));
    }
    pol_term **items = POL_NEW_ARRAY(arena, pol_term *, used);
    memcpy(items, name->items, used * sizeof *items);
    const pol_term *last = items[used - 1];
    items[used - 1] = pol_term_text(arena, POL_TERM_STRING, at.span,
                                    pol_bytes_text(pol_arena_printf(arena, "%.*s%s", (int)last->text.n, (const char *)last->text.at, suffix)));
    items[used - 1]->infix = last->infix;
    return pol_term_list(arena, POL_TERM_REF, at.span, items, used);
}

/* ---- which rules can fail ---- */

/* Comparisons, membership and what takes any operand. */
static bool is_total(pol_bytes operator)
{
    static const char *const names[] = {
        "equal",     "neq",        "lt",       "lte",       "gt",       "gte",     "eq",        "assign",    "internal.member_2", "internal.member_3",
        "is_array",  "is_boolean", "is_null",  "is_number", "is_object", "is_set", "is_string", "type_name", "print",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (pol_bytes_is(operator, names[i]))
            return true;
    return false;
}

typedef struct {
    place at;
    bool fails;
} search;

static bool look_at_term(pol_walk *w, pol_term *t)
{
    search *s = w->context;
    uint32_t used, *flags = NULL;
    if (t->kind == POL_TERM_CALL) {
        flags = rule_named(s->at, t->items[0], &used);
        s->fails |= flags ? (*flags & FAILS) != 0 : !is_total(text_of(s->at.e->arena, t->items[0]));
    } else if (t->kind == POL_TERM_REF || t->kind == POL_TERM_VAR) {
        flags = rule_named(s->at, t, &used);
        s->fails |= flags && (*flags & FAILS);
    }
    return true;
}

static bool rule_fails(pol_rego_errors *e, const pol_module *m, const pol_rule *rule)
{
    search s = {{e, m, rule->span}, false};
    pol_walk walk = {.term = look_at_term, .context = &s, .closures = true};
    for (const pol_rule *r = rule; r && !s.fails; r = r->next_else) {
        pol_walk_body(&walk, (pol_body *)(uintptr_t)&r->body);
        pol_walk_term(&walk, r->key);
        pol_walk_term(&walk, r->value);
    }
    return s.fails;
}

pol_rego_errors *pol_rego_errors_new(pol_program *program)
{
    pol_rego_errors *e = POL_NEW(program->arena, pol_rego_errors);
    e->p = program;
    e->arena = program->arena;
    for (int round = 0, changed = 1; changed; round++) {
        changed = 0;
        for (uint32_t i = 0; i < program->n_modules; i++) {
            const pol_module *m = program->modules[i];
            for (uint32_t k = 0; k < m->n_rules; k++) {
                const pol_rule *r = m->rules[k];
                uint32_t *flags = pol_namemap_put(e->arena, &e->rules, key_of(e, text_of(e->arena, m->package), first_name(r)), RULE);
                bool swallows = r->is_default || r->next_else || r->contains || r->name->kind == POL_TERM_REF;
                uint32_t before = *flags;
                *flags |= (swallows ? SWALLOWS : 0) | (r->has_args ? FUNCTION : 0);
                if (round && !(before & FAILS) && rule_fails(e, m, r))
                    *flags |= FAILS;
                changed |= *flags != before || !round;
            }
        }
    }
    return e;
}

bool pol_rego_may_fail(pol_rego_errors *e, const pol_module *m, pol_bytes name)
{
    const uint32_t *flags = flags_of(e, text_of(e->arena, m->package), name);
    return flags && (*flags & FAILS);
}

/* ---- ways to an error ---- */

/* A call of operator with what its arguments give: held in variables first, so that a way ends where one has none. */
static void way_of_call(place at, const pol_term *t, ways *out)
{
    pol_body *way = new_body(at);
    uint32_t used, n = t->n - 1, *flags = rule_named(at, t->items[0], &used);
    pol_term **args = POL_NEW_ARRAY(at.e->arena, pol_term *, n + 1), **call = POL_NEW_ARRAY(at.e->arena, pol_term *, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        args[i] = new_var(at);
        pol_body_add(at.e->arena, way, assign(at, args[i], t->items[i + 1]));
    }
    if (n)
        memcpy(call + 1, args, n * sizeof *args);
    call[0] = flags ? renamed(at, t->items[0], used, "__error") : t->items[0];
    pol_term *again = pol_term_list(at.e->arena, POL_TERM_CALL, at.span, call, n + 1);
    again->infix = !flags && t->infix;
    if (flags) {
        pol_body_add(at.e->arena, way, condition(at, again));
    } else {
        pol_body *value = new_body(at);
        pol_body_add(at.e->arena, value, assign(at, new_var(at), again));
        pol_body_add(at.e->arena, way, counted(at, value, "equal"));
    }
    add_way(at, out, way);
}

static void way_of_rule(place at, const pol_term *t, uint32_t used, ways *out)
{
    pol_body *way = new_body(at);
    pol_body_add(at.e->arena, way, condition(at, renamed(at, t, used, "__error")));
    add_way(at, out, way);
}

static void ways_of_comprehension(place at, const pol_term *t, ways *out)
{
    ways_of_body(at, t->body, out);
    ways of_head = {0};
    for (uint32_t i = 0; i < t->n; i++)
        ways_of_term(at, t->items[i], false, &of_head);
    for (uint32_t i = 0; i < of_head.n; i++) {
        pol_body *way = new_body(at);
        add_body(at, way, guarded_body(at, t->body));
        add_body(at, way, of_head.items[i]);
        add_way(at, out, way);
    }
}

/* swallowed: only those that leave the term with a value all the same. */
static void ways_of_term(place at, const pol_term *t, bool swallowed, ways *out)
{
    uint32_t used, *flags;
    if (!t)
        return;
    if (pol_is_comprehension(t)) {
        ways_of_comprehension(at, t, out);
        return;
    }
    for (uint32_t i = t->kind == POL_TERM_CALL; i < t->n; i++)
        ways_of_term(at, t->items[i], swallowed, out);
    if (t->kind == POL_TERM_CALL) {
        flags = rule_named(at, t->items[0], &used);
        if (flags ? (*flags & FAILS) && (!swallowed || *flags & SWALLOWS) : !swallowed && !is_total(text_of(at.e->arena, t->items[0])))
            way_of_call(at, t, out);
    } else if (t->kind == POL_TERM_REF || t->kind == POL_TERM_VAR) {
        flags = rule_named(at, t, &used);
        if (flags && (*flags & FAILS) && !(*flags & FUNCTION) && (!swallowed || *flags & SWALLOWS))
            way_of_rule(at, t, used, out);
    }
}

static pol_expr *some_in(place at, pol_term *key, pol_term *value, pol_term *domain)
{
    pol_expr *e = pol_expr_new(at.e->arena, POL_EXPR_SOME_IN, at.span);
    e->key = key;
    e->left = value;
    e->right = domain;
    return e;
}

static bool rename_var(pol_walk *w, pol_term *t)
{
    const pol_term *const *names = w->context;
    if (t->kind == POL_TERM_VAR && pol_bytes_equal(t->text, names[0]->text))
        t->text = names[1]->text;
    return true;
}

/* e with a variable of another name in the place of from: a name that is declared again further in is more than some engines bear. */
static pol_expr *with_var(place at, const pol_expr *e, const pol_term *from, const pol_term *to)
{
    const pol_term *names[] = {from, to};
    pol_walk w = {.term = rename_var, .context = names, .closures = true};
    pol_expr *copy = condition(at, pol_term_copy(at.e->arena, e->left));
    copy->withs = e->withs;
    copy->n_withs = e->n_withs;
    pol_walk_term(&w, copy->left);
    return copy;
}

/* At some element the body meets an error and does not hold, and it holds at all before. */
static void ways_of_every(place at, const pol_expr *e, ways *out)
{
    ways of_body = {0};
    ways_of_body(at, e->body, &of_body);
    for (uint32_t i = 0; i < of_body.n; i++) {
        pol_body *way = new_body(at), *fails = guarded_body(at, e->body), *before = new_body(at);
        pol_term *key = e->key ? e->key : new_var(at), *earlier = new_var(at), **order = POL_NEW_ARRAY(at.e->arena, pol_term *, 2);
        pol_body_add(at.e->arena, way, some_in(at, key, e->left, e->right));
        add_body(at, way, of_body.items[i]);
        pol_body_add(at.e->arena, way, counted(at, fails, "equal"));
        pol_term *value = new_var(at);
        order[0] = earlier;
        order[1] = key;
        pol_body_add(at.e->arena, before, some_in(at, earlier, value, e->right));
        pol_body_add(at.e->arena, before, condition(at, pol_term_call(at.e->arena, at.span, "lt", order, 2)));
        pol_body_add(at.e->arena, before, with_var(at, counted(at, fails, "equal"), e->left, value));
        pol_body_add(at.e->arena, way, counted(at, before, "equal"));
        add_way(at, out, way);
    }
}

static void ways_of_not(place at, const pol_expr *e, ways *out)
{
    ways of_body = {0};
    ways_of_body(at, e->body, &of_body);
    for (uint32_t i = 0; i < of_body.n; i++) {
        pol_body *way = of_body.items[i];
        pol_body_add(at.e->arena, way, counted(at, guarded_body(at, e->body), "equal"));
        add_way(at, out, way);
    }
}

static void ways_without_withs(place at, const pol_expr *e, bool swallowed, ways *out)
{
    switch ((pol_expr_kind)e->kind) {
    case POL_EXPR_NOT:
        ways_of_not(at, e, out);
        return;
    case POL_EXPR_EVERY:
        ways_of_term(at, e->right, swallowed, out);
        if (!swallowed)
            ways_of_every(at, e, out);
        return;
    case POL_EXPR_AND:
    case POL_EXPR_OR:
        ways_of_body(at, e->body, out);
        ways_of_body(at, e->other, out);
        return;
    default:
        ways_of_term(at, e->right, swallowed, out);
        ways_of_term(at, e->left, swallowed, out);
    }
}

static void ways_of(place at, pol_expr *e, bool swallowed, ways *out)
{
    ways own = {0};
    at.span = e->span;
    ways_without_withs(at, e, swallowed, &own);
    for (uint32_t i = 0; i < own.n; i++) {
        if (!e->n_withs) {
            add_way(at, out, own.items[i]);
            continue;
        }
        pol_body *way = new_body(at);
        pol_expr *with = counted(at, own.items[i], "gt");
        with->withs = e->withs;
        with->n_withs = e->n_withs;
        pol_body_add(at.e->arena, way, with);
        add_way(at, out, way);
    }
}

static void ways_of_expr(place at, pol_expr *e, ways *out)
{
    ways_of(at, e, false, out);
}

static void ways_of_body(place at, const pol_body *body, ways *out)
{
    pol_body before = {0};
    for (uint32_t i = 0; body && i < body->n; i++) {
        ways own = {0};
        ways_of_expr(at, body->items[i], &own);
        if (own.n) {
            before.n = i;
            before.items = body->items;
        }
        for (uint32_t k = 0; k < own.n; k++) {
            pol_body *way = new_body(at);
            add_body(at, way, guarded_body(at, &before));
            add_body(at, way, own.items[k]);
            add_way(at, out, way);
        }
    }
}

/* ---- guards ---- */

static pol_term *guarded_term(place at, pol_term *t)
{
    if (!t || t->height == 0)
        return t;
    pol_term *copy = POL_NEW(at.e->arena, pol_term);
    *copy = *t;
    copy->items = POL_NEW_ARRAY(at.e->arena, pol_term *, t->n + 1);
    for (uint32_t i = 0; i < t->n; i++)
        copy->items[i] = guarded_term(at, t->items[i]);
    if (pol_is_comprehension(t))
        copy->body = guarded_body(at, t->body);
    return copy;
}

/* `true` in the form 1 == 1: OPA leaves out a body of nothing but true, also behind `not` and with modifiers. */
static void spell_true(place at, pol_expr *e)
{
    if (e->kind != POL_EXPR_TERM || e->left->kind != POL_TERM_BOOL || !e->left->boolean)
        return;
    pol_term **both = POL_NEW_ARRAY(at.e->arena, pol_term *, 2);
    both[0] = both[1] = number(at, "1");
    e->left = pol_term_call(at.e->arena, at.span, "equal", both, 2);
    e->left->infix = true;
}

static pol_expr *guarded_expr(place at, const pol_expr *e)
{
    pol_expr *copy = POL_NEW(at.e->arena, pol_expr);
    *copy = *e;
    copy->left = guarded_term(at, e->left);
    copy->right = guarded_term(at, e->right);
    copy->body = e->body ? guarded_body(at, e->body) : NULL;
    copy->other = e->other ? guarded_body(at, e->other) : NULL;
    if (e->n_withs)
        spell_true(at, copy);
    else if (e->kind == POL_EXPR_TERM && pol_is_infix(e->left, "internal.member_2") && e->left->items[1]->kind == POL_TERM_VAR)
        keep_out_of_indexes(at, copy); /* the index of rules: x in xs; x == 1 */
    if (e->kind == POL_EXPR_NOT && copy->body->n == 1)
        spell_true(at, copy->body->items[0]);
    return copy;
}

static void add_guards(place at, pol_body *to, const ways *found)
{
    for (uint32_t i = 0; i < found->n; i++)
        pol_body_add(at.e->arena, to, counted(at, found->items[i], "equal"));
}

static pol_body *guarded_body(place at, const pol_body *body)
{
    pol_body *out = new_body(at);
    for (uint32_t i = 0; body && i < body->n; i++) {
        ways found = {0};
        ways_of(at, body->items[i], true, &found);
        add_guards(at, out, &found);
        pol_body_add(at.e->arena, out, guarded_expr(at, body->items[i]));
    }
    return out;
}

/* ---- rules ---- */

static pol_rule *twin_of(place at, const pol_rule *r, const char *suffix, const pol_body *body)
{
    pol_rule *twin = POL_NEW(at.e->arena, pol_rule);
    twin->span = r->span;
    twin->name = renamed(at, r->name, 1, suffix);
    twin->args = r->args;
    twin->n_args = r->n_args;
    twin->has_args = r->has_args;
    twin->has_if = twin->has_body = true;
    twin->body = *body;
    return twin;
}

static void add_rule(place at, pol_module *m, pol_rule *r)
{
    POL_GROW(at.e->arena, m->rules, m->n_rules, m->rules_capacity);
    m->rules[m->n_rules++] = r;
}

/* name__holds, where a definition holds whatever others meet; partial rules have none, for all their elements count. */
static bool has_holds(const pol_rule *r)
{
    return !r->contains && r->name->kind == POL_TERM_VAR;
}

static void add_twins(place at, pol_module *m, const pol_rule *first)
{
    for (const pol_rule *r = first; r; r = r->next_else) {
        ways found = {0}, of_value = {0};
        pol_body *holds = new_body(at), *value = new_body(at);
        ways_of_body(at, &r->body, &found);
        ways_of_term(at, r->key, false, &of_value);
        ways_of_term(at, r->value, false, &of_value);
        add_body(at, holds, guarded_body(at, &r->body));
        if (r->value)
            pol_body_add(at.e->arena, value, assign(at, new_var(at), r->value));
        for (uint32_t i = 0; i < of_value.n; i++) {
            pol_body *way = new_body(at);
            add_body(at, way, holds);
            add_body(at, way, of_value.items[i]);
            add_way(at, &found, way);
        }
        add_body(at, holds, value);
        if (!holds->n)
            pol_body_add(at.e->arena, holds, condition(at, pol_term_text(at.e->arena, POL_TERM_STRING, at.span, POL_BYTES("always"))));
        if (has_holds(first))
            add_rule(at, m, twin_of(at, first, "__holds", holds));
        for (uint32_t i = 0; i < found.n; i++) {
            pol_body *way = new_body(at), *held = new_body(at);
            if (has_holds(first)) {
                pol_term **call = POL_NEW_ARRAY(at.e->arena, pol_term *, first->n_args + 1);
                call[0] = renamed(at, first->name, 1, "__holds");
                for (uint32_t k = 0; k < first->n_args; k++)
                    call[k + 1] = first->args[k];
                pol_body_add(at.e->arena, held,
                             condition(at, first->has_args ? pol_term_list(at.e->arena, POL_TERM_CALL, at.span, call, first->n_args + 1) : call[0]));
                pol_body_add(at.e->arena, way, counted(at, held, "equal"));
            }
            add_body(at, way, found.items[i]);
            add_rule(at, m, twin_of(at, first, "__error", way));
        }
    }
}

void pol_rego_guard(pol_rego_errors *e, pol_module *m)
{
    uint32_t n = m->n_rules;
    for (uint32_t i = 0; i < n; i++) {
        place at = {e, m, m->rules[i]->span};
        if (!m->rules[i]->is_default && pol_rego_may_fail(e, m, first_name(m->rules[i])))
            add_twins(at, m, m->rules[i]);
    }
    for (uint32_t i = 0; i < n; i++)
        for (pol_rule *r = m->rules[i]; r; r = r->next_else) {
            place at = {e, m, r->span};
            ways of_value = {0};
            ways_of_term(at, r->key, true, &of_value);
            ways_of_term(at, r->value, true, &of_value);
            if (r->is_default)
                continue;
            r->body = *guarded_body(at, &r->body);
            add_guards(at, &r->body, &of_value);
            r->key = guarded_term(at, r->key);
            r->value = guarded_term(at, r->value);
            r->has_if |= r->body.n > 0;
            r->has_body |= r->body.n > 0;
        }
}
