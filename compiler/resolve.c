/* SPDX-License-Identifier: Apache-2.0
 * Names to what they mean, rule by rule: arguments, declared variables, rules of the package, imports, root documents, functions. Follows OPA in what shadows what:
 * a name that a body declares anywhere means no rule or import in all of that body, and must not be used in it before.
 * Variables that nobody declares are left to locals.c.
 */
#include "compiler/check.h"

enum { UNSET = UINT32_MAX };

typedef enum { SEEN, ASSIGNED, DECLARED, ARGUMENT } occurrence;

typedef struct {
    uint32_t local; /* UNSET: not declared, only seen */
    uint8_t occurrence;
    uint32_t uses;
    pol_span span; /* of the expression that declares it */
} entry;

typedef struct scope scope;
struct scope {
    scope *outer;
    pol_namemap names;
    entry *entries;
    uint32_t n, capacity;
    pol_namemap ahead; /* declared somewhere in the body */
};

typedef struct {
    pol_checker *c;
    pol_module_info *m;
    const pol_rule_info *info; /* NULL: a query */
    pol_locals *locals;
    scope *scope;
    bool failed;
    uint32_t declaration_errors;
    pol_term **templates; /* that stand in the arguments: variable, template, variable ... */
    uint32_t n_templates, templates_capacity;
} resolver;

static void resolve_term(resolver *r, pol_term *t);
static void resolve_body(resolver *r, pol_body *body);

#define FAIL(r, ...)                                                                               \
    do {                                                                                           \
        pol_diag((r)->c->diags, __VA_ARGS__);                                                      \
        (r)->failed = true;                                                                        \
    } while (0)

uint32_t pol_local_add(pol_checker *c, pol_locals *locals, pol_local local)
{
    POL_GROW(c->arena, locals->items, locals->n, locals->capacity);
    locals->items[locals->n] = local;
    return locals->n++;
}

/* ---- scopes ---- */

static entry *find_entry(const scope *s, pol_bytes name)
{
    uint32_t *i = pol_namemap_find(&s->names, name);
    return i ? &s->entries[*i] : NULL;
}

static entry *find_anywhere(const scope *s, pol_bytes name)
{
    for (; s; s = s->outer) {
        entry *e = find_entry(s, name);
        if (e)
            return e;
    }
    return NULL;
}

static bool is_ahead(const scope *s, pol_bytes name)
{
    for (; s; s = s->outer)
        if (pol_namemap_find(&s->ahead, name))
            return true;
    return false;
}

static entry *add_entry(resolver *r, pol_bytes name, entry e)
{
    scope *s = r->scope;
    pol_namemap_put(r->c->arena, &s->names, name, s->n);
    POL_GROW(r->c->arena, s->entries, s->n, s->capacity);
    s->entries[s->n] = e;
    return &s->entries[s->n++];
}

static void push(resolver *r, scope *s)
{
    s->outer = r->scope;
    r->scope = s;
}

static bool is_wildcard(pol_bytes name)
{
    return pol_bytes_is(name, "_");
}

/* ---- what a body declares ---- */

static bool add_ahead(pol_walk *w, pol_term *t)
{
    resolver *r = w->context;
    if (t->kind == POL_TERM_VAR && !is_wildcard(t->text))
        pol_namemap_put(r->c->arena, &r->scope->ahead, t->text, 0);
    return true;
}

static bool is_call_of(const pol_term *t, const char *name)
{
    return t->kind == POL_TERM_CALL && t->n == 3 && t->items[0]->kind == POL_TERM_VAR && pol_bytes_is(t->items[0]->text, name);
}

/* x = y and x := y written as calls, or in parentheses. */
static void normalise(pol_expr *e)
{
    if (e->kind != POL_EXPR_TERM || !(is_call_of(e->left, "eq") || is_call_of(e->left, "assign")))
        return;
    pol_term *call = e->left;
    e->kind = is_call_of(call, "eq") ? POL_EXPR_UNIFY : POL_EXPR_ASSIGN;
    e->left = call->items[1];
    e->right = call->items[2];
}

static void look_ahead(resolver *r, pol_body *body)
{
    pol_walk w = {.term = add_ahead, .context = r};
    for (uint32_t i = 0; body && i < body->n; i++) {
        pol_expr *e = body->items[i];
        normalise(e);
        if (e->kind == POL_EXPR_ASSIGN) {
            pol_walk_term(&w, e->left);
        } else if (e->kind == POL_EXPR_SOME) {
            for (uint32_t k = 0; k < e->n_terms; k++)
                pol_walk_term(&w, e->terms[k]);
        } else if (e->kind == POL_EXPR_SOME_IN) {
            if (e->key)
                pol_walk_term(&w, e->key);
            pol_walk_term(&w, e->left);
        }
    }
}

/* ---- declaring ---- */

static void set_local(pol_term *t, uint32_t local)
{
    t->bound = POL_BOUND_LOCAL;
    t->local = local;
}

static void resolve_wildcard(resolver *r, pol_term *t)
{
    set_local(t, pol_local_add(r->c, r->locals, (pol_local){.name = t->text, .span = t->span, .wildcard = true}));
}

static bool is_request_name(const resolver *r, pol_bytes name)
{
    pol_global *g = r->m->polward ? pol_global_find(r->m, name) : NULL;
    return g && g->request;
}

static void refuse_request_name(resolver *r, pol_term *t)
{
    FAIL(r, POL_D_REQUEST_NAME, t->span, "in a .pol module `%.*s` means `input.%.*s`: choose another name", (int)t->text.n,
         (const char *)t->text.at, (int)t->text.n, (const char *)t->text.at);
}

/* Declares the VAR t in the innermost scope; where is what an error points at. */
static void declare(resolver *r, pol_term *t, occurrence how, pol_span where)
{
    if (is_wildcard(t->text)) {
        resolve_wildcard(r, t);
        return;
    }
    static const char *const earlier[] = {"used above, so it cannot be declared here: move the declaration up",
                                          "assigned above: choose another name, or compare with `==`",
                                          "declared above: choose another name, or compare with `==`",
                                          "an argument of the function: choose another name, or compare with `==`"};
    if (is_request_name(r, t->text))
        refuse_request_name(r, t);
    entry *e = find_entry(r->scope, t->text);
    if (e) {
        FAIL(r, POL_D_REDECLARED, where, "the variable `%.*s` is %s", (int)t->text.n, (const char *)t->text.at,
             earlier[e->occurrence]);
        r->declaration_errors++;
        if (e->local != UNSET)
            set_local(t, e->local);
        else
            resolve_wildcard(r, t);
        return;
    }
    pol_local local = {.name = t->text, .span = t->span, .assigned = how == ASSIGNED, .argument = how == ARGUMENT};
    set_local(t, pol_local_add(r->c, r->locals, local));
    add_entry(r, t->text, (entry){.local = t->local, .occurrence = (uint8_t)how, .span = where});
}

/* ---- variables and refs ---- */

static void use_local(resolver *r, pol_term *t)
{
    t->bound = POL_BOUND_LOCAL;
    t->local = UNSET;
    entry *e = find_anywhere(r->scope, t->text);
    if (!e)
        e = add_entry(r, t->text, (entry){.local = UNSET, .occurrence = SEEN, .span = t->span});
    e->uses++;
    t->local = e->local;
}

/* Puts the path of g in the place of the VAR t, with rest behind it. */
static void put_path(resolver *r, pol_term *t, pol_global *g, pol_term *const *rest, uint32_t n_rest)
{
    uint32_t n = g->path->kind == POL_TERM_REF ? g->path->n : 1;
    pol_span span = rest ? t->items[0]->span : t->span;
    g->used = true;
    pol_term **items = POL_NEW_ARRAY(r->c->arena, pol_term *, n + n_rest);
    for (uint32_t i = 0; i < n; i++) {
        const pol_term *from = g->path->kind == POL_TERM_REF ? g->path->items[i] : g->path;
        items[i] = pol_term_text(r->c->arena, i ? POL_TERM_STRING : POL_TERM_VAR, span, from->text);
        if (i == 0)
            items[i]->bound = from->bound;
    }
    for (uint32_t i = 0; i < n_rest; i++)
        items[n + i] = rest[i];
    if (n + n_rest == 1) {
        t->kind = POL_TERM_VAR;
        t->text = items[0]->text;
        t->bound = items[0]->bound;
        t->items = NULL;
        t->n = 0;
        return;
    }
    t->kind = POL_TERM_REF;
    t->items = items;
    t->n = n + n_rest;
}

typedef enum { NAME_LOCAL, NAME_GLOBAL, NAME_ROOT } name_meaning;

static name_meaning meaning_of(resolver *r, pol_bytes name, pol_global **global)
{
    *global = NULL;
    if (is_ahead(r->scope, name))
        return NAME_LOCAL;
    *global = pol_global_find(r->m, name);
    if (*global)
        return NAME_GLOBAL;
    return pol_bytes_is(name, "input") || pol_bytes_is(name, "data") ? NAME_ROOT : NAME_LOCAL;
}

static void set_root(pol_term *t)
{
    t->bound = pol_bytes_is(t->text, "input") ? POL_BOUND_INPUT : POL_BOUND_DATA;
}

static void resolve_var(resolver *r, pol_term *t)
{
    pol_global *g;
    if (is_wildcard(t->text)) {
        resolve_wildcard(r, t);
        return;
    }
    switch (meaning_of(r, t->text, &g)) {
    case NAME_LOCAL:
        use_local(r, t);
        break;
    case NAME_GLOBAL:
        put_path(r, t, g, NULL, 0);
        break;
    case NAME_ROOT:
        set_root(t);
        break;
    }
}

static void resolve_ref(resolver *r, pol_term *t)
{
    pol_term *head = t->items[0];
    pol_global *g = NULL;
    uint32_t first = 1;
    if (head->kind != POL_TERM_VAR || is_wildcard(head->text)) {
        resolve_term(r, head);
    } else {
        switch (meaning_of(r, head->text, &g)) {
        case NAME_LOCAL:
            use_local(r, head);
            break;
        case NAME_ROOT:
            set_root(head);
            break;
        case NAME_GLOBAL:
            first = g->path->kind == POL_TERM_REF ? g->path->n : 1;
            put_path(r, t, g, t->items + 1, t->n - 1);
            break;
        }
    }
    for (uint32_t i = first; i < t->n; i++)
        resolve_term(r, t->items[i]);
}

/* ---- calls ---- */

static const pol_term *operator_head(const pol_term *name)
{
    return name->kind == POL_TERM_REF ? name->items[0] : name;
}

pol_bytes pol_name_joined(pol_checker *c, const pol_term *name)
{
    if (name->kind != POL_TERM_REF)
        return name->text;
    pol_buf buf = {0};
    for (uint32_t i = 0; i < name->n; i++) {
        if (i)
            pol_buf_byte(&buf, '.');
        if (i == 0 || pol_is_constant(name->items[i]))
            pol_buf_bytes(&buf, name->items[i]->text);
        else
            pol_buf_text(&buf, "[...]");
    }
    pol_bytes joined = pol_buf_to_arena(&buf, c->arena);
    pol_buf_deinit(&buf);
    return joined;
}

pol_group *pol_function_named(pol_checker *c, const pol_term *name)
{
    if (name->kind != POL_TERM_REF || name->items[0]->kind != POL_TERM_VAR || name->items[0]->bound != POL_BOUND_DATA)
        return NULL;
    pol_rule_node *node = pol_rule_node_at(c, name);
    if (!node || !node->n_rules || !node->rules[0]->group || node->rules[0]->group->kind != POL_GROUP_FUNCTION)
        return NULL;
    return node->rules[0]->group;
}

const pol_builtin *pol_builtin_named(pol_checker *c, const pol_term *name)
{
    if (operator_head(name)->kind != POL_TERM_VAR)
        return NULL;
    for (uint32_t i = 1; name->kind == POL_TERM_REF && i < name->n; i++)
        if (name->items[i]->kind != POL_TERM_STRING)
            return NULL;
    return pol_builtin_find(pol_name_joined(c, name));
}

static void suggest_function(resolver *r, pol_bytes name)
{
    unsigned n = 0;
    while (pol_builtin_at(n))
        n++;
    pol_bytes *names = POL_NEW_ARRAY(r->c->arena, pol_bytes, n + r->m->n_globals);
    for (unsigned i = 0; i < n; i++)
        names[i] = pol_bytes_text(pol_builtin_at(i)->name);
    for (uint32_t i = 0; i < r->m->n_globals; i++)
        names[n + i] = r->m->globals[i].name;
    pol_diag_suggest(r->c->diags, name, names, n + r->m->n_globals);
}

static void refuse_function(resolver *r, const pol_term *call, pol_bytes written)
{
    const pol_term *name = call->items[0];
    pol_rule_node *node = operator_head(name)->bound == POL_BOUND_DATA && name->kind == POL_TERM_REF ? pol_rule_node_at(r->c, name) : NULL;
    if (node && node->n_rules)
        FAIL(r, POL_D_UNDEFINED_FUNCTION, call->span, "`%.*s` is a rule without arguments, so it cannot be called", (int)written.n,
             (const char *)written.at);
    else
        FAIL(r, POL_D_UNDEFINED_FUNCTION, call->span, "there is no function `%.*s`", (int)written.n, (const char *)written.at);
    suggest_function(r, written);
}

static void check_arity(resolver *r, const pol_term *call, const char *name, unsigned arity, bool statement)
{
    uint32_t n = call->n - 1;
    if (n == arity || (statement && n == arity + 1))
        return;
    FAIL(r, POL_D_ARITY, call->span, "`%s` takes %u argument%s, and here are %u", name, arity, arity == 1 ? "" : "s", n);
}

static bool is_void(const pol_builtin *b)
{
    return pol_bytes_ends(pol_bytes_text(b->signature), POL_BYTES(" none"));
}

static void check_builtin_call(resolver *r, const pol_term *call, bool statement)
{
    const pol_builtin *b = call->builtin;
    if (b->flags & POL_EXCLUDED)
        FAIL(r, POL_D_EXCLUDED, call->span,
             "`%s` reaches out of the process: a decision depends on the bundle, the input and the clock only. "
             "Put what it would fetch into data or into the input", b->name);
    if (b->flags & POL_DEPRECATED)
        pol_diag(r->c->diags, POL_D_DEPRECATED, call->span, "the built-in function `%s` is deprecated and no part of Rego v1", b->name);
    if (!(b->flags & POL_VARIADIC))
        check_arity(r, call, b->name, pol_builtin_arity(b), statement);
    if (!statement && is_void(b))
        FAIL(r, POL_D_VOID, call->span, "`%s` has no value: call it in a line of its own", b->name);
}

/* The operator of a call: false when it is a local variable. */
static bool resolve_operator(resolver *r, pol_term *call, bool statement)
{
    pol_term *name = call->items[0];
    pol_term *head = name->kind == POL_TERM_REF ? name->items[0] : name;
    if (call->infix || head->kind != POL_TERM_VAR)
        return true;
    pol_bytes written = pol_name_joined(r->c, name);
    pol_global *g;
    entry *local = find_anywhere(r->scope, head->text);
    switch (meaning_of(r, head->text, &g)) {
    case NAME_LOCAL:
        if (!local || local->local == UNSET)
            return true;
        FAIL(r, statement ? POL_D_UNDEFINED_FUNCTION : POL_D_CALL_SHADOWED, call->span,
             "`%.*s` is a variable here, which hides the function of that name: rename the variable", (int)written.n,
             (const char *)written.at);
        return false;
    case NAME_ROOT:
        set_root(head);
        return true;
    case NAME_GLOBAL:
        put_path(r, name, g, name->kind == POL_TERM_REF ? name->items + 1 : NULL, name->kind == POL_TERM_REF ? name->n - 1 : 0);
        return true;
    }
    return true;
}

static void resolve_call(resolver *r, pol_term *call, bool statement)
{
    pol_bytes written = pol_name_joined(r->c, call->items[0]);
    bool known = resolve_operator(r, call, statement);
    pol_term *name = call->items[0];
    if (known) {
        call->group = pol_function_named(r->c, name);
        if (!call->group && operator_head(name)->bound == POL_BOUND_NOWHERE)
            call->builtin = pol_builtin_named(r->c, name);
        if (call->group)
            check_arity(r, call, call->group->name, call->group->arity, statement);
        else if (call->builtin)
            check_builtin_call(r, call, statement);
        else
            refuse_function(r, call, written);
    }
    if (call->builtin && pol_put_metadata(r->c, r->info, call))
        return;
    for (uint32_t i = 1; i < call->n; i++)
        resolve_term(r, call->items[i]);
}

/* ---- declarations that nobody uses ---- */

static void check_unused(resolver *r, scope *s)
{
    if (r->declaration_errors)
        return;
    for (uint32_t i = 0; i < s->names.n; i++) {
        const entry *e = &s->entries[i];
        pol_bytes name = s->names.keys[i];
        if (e->uses)
            continue;
        if (e->occurrence == DECLARED)
            FAIL(r, POL_D_UNUSED_VARIABLE, e->span, "the variable `%.*s` is declared and not used: remove it, or write `_`",
                 (int)name.n, (const char *)name.at);
        else if (e->occurrence == ASSIGNED && r->c->program->options.strict)
            FAIL(r, POL_D_UNUSED_VARIABLE, e->span, "the variable `%.*s` is assigned and not used: remove it, or write `_`",
                 (int)name.n, (const char *)name.at);
    }
}

/* ---- closures ---- */

static void resolve_comprehension(resolver *r, pol_term *t)
{
    scope s = {0};
    push(r, &s);
    look_ahead(r, t->body);
    resolve_body(r, t->body);
    for (uint32_t i = 0; i < t->n; i++)
        resolve_term(r, t->items[i]);
    check_unused(r, &s);
    r->scope = s.outer;
}

static void resolve_closed_body(resolver *r, pol_body *body)
{
    if (!body)
        return;
    scope s = {0};
    push(r, &s);
    look_ahead(r, body);
    resolve_body(r, body);
    check_unused(r, &s);
    r->scope = s.outer;
}

static void resolve_withs(resolver *r, pol_expr *e);

static void resolve_template(resolver *r, pol_term *t)
{
    for (uint32_t i = 0; i < t->n; i++) {
        scope s = {0};
        push(r, &s);
        resolve_term(r, t->items[i]);
        pol_expr *e = pol_embedded_expr(t->items[i]);
        if (e)
            resolve_withs(r, e);
        r->scope = s.outer;
    }
}

static void resolve_term(resolver *r, pol_term *t)
{
    switch ((pol_term_kind)t->kind) {
    case POL_TERM_VAR:
        resolve_var(r, t);
        return;
    case POL_TERM_REF:
        resolve_ref(r, t);
        return;
    case POL_TERM_CALL:
        resolve_call(r, t, false);
        return;
    case POL_TERM_TEMPLATE:
        resolve_template(r, t);
        return;
    case POL_TERM_ARRAY_COMPREHENSION:
    case POL_TERM_SET_COMPREHENSION:
    case POL_TERM_OBJECT_COMPREHENSION:
        resolve_comprehension(r, t);
        return;
    default:
        for (uint32_t i = 0; i < t->n; i++)
            resolve_term(r, t->items[i]);
    }
}

/* ---- expressions ---- */

/* Does the name, so far unresolved, mean a built-in function? */
static const pol_builtin *builtin_meant(resolver *r, const pol_term *name)
{
    pol_global *g;
    if ((name->kind != POL_TERM_VAR && name->kind != POL_TERM_REF) || operator_head(name)->kind != POL_TERM_VAR ||
        meaning_of(r, operator_head(name)->text, &g) != NAME_LOCAL)
        return NULL;
    entry *local = find_anywhere(r->scope, operator_head(name)->text);
    return local && local->local != UNSET ? NULL : pol_builtin_named(r->c, name);
}

static void resolve_target(resolver *r, pol_with *w)
{
    pol_term *head = w->target->kind == POL_TERM_REF ? w->target->items[0] : w->target;
    w->builtin = builtin_meant(r, w->target);
    if (w->builtin)
        return;
    /* `with input as` means the input even where a variable of that name hides it. */
    if (head->kind == POL_TERM_VAR && (pol_bytes_is(head->text, "input") || pol_bytes_is(head->text, "data"))) {
        set_root(head);
        for (uint32_t i = 1; i < w->target->n; i++)
            resolve_term(r, w->target->items[i]);
    } else {
        resolve_term(r, w->target);
    }
    w->group = pol_function_named(r->c, w->target);
}

static void resolve_withs(resolver *r, pol_expr *e)
{
    for (uint32_t i = 0; i < e->n_withs; i++) {
        pol_with *w = &e->withs[i];
        resolve_target(r, w);
        if (w->builtin || w->group)
            w->value_builtin = builtin_meant(r, w->value);
        if (!w->value_builtin)
            resolve_term(r, w->value);
        if (w->builtin || w->group)
            w->value_group = pol_function_named(r->c, w->value);
        if (!pol_check_with(r->c, w))
            r->failed = true;
    }
}

static void refuse_target(resolver *r, const pol_term *t)
{
    static const char *const kinds[] = {
        [POL_TERM_NULL] = "null",   [POL_TERM_BOOL] = "a boolean",          [POL_TERM_NUMBER] = "a number",
        [POL_TERM_STRING] = "a string", [POL_TERM_TEMPLATE] = "a template string", [POL_TERM_VAR] = "a variable",
        [POL_TERM_REF] = "a ref",   [POL_TERM_CALL] = "a call",             [POL_TERM_ARRAY] = "an array",
        [POL_TERM_SET] = "a set",   [POL_TERM_OBJECT] = "an object",        [POL_TERM_ARRAY_COMPREHENSION] = "a comprehension",
        [POL_TERM_SET_COMPREHENSION] = "a comprehension", [POL_TERM_OBJECT_COMPREHENSION] = "a comprehension",
    };
    FAIL(r, POL_D_ASSIGN_TARGET, t->span, "`:=` cannot assign to %s: its left side is a variable, or an array or object of variables", kinds[t->kind]);
    r->declaration_errors++;
}

static void declare_pattern(resolver *r, pol_term *t)
{
    switch ((pol_term_kind)t->kind) {
    case POL_TERM_VAR:
        declare(r, t, ASSIGNED, t->span);
        break;
    case POL_TERM_ARRAY:
        for (uint32_t i = 0; i < t->n; i++)
            declare_pattern(r, t->items[i]);
        break;
    case POL_TERM_OBJECT:
        for (uint32_t i = 0; i < t->n; i += 2) {
            resolve_term(r, t->items[i]);
            declare_pattern(r, t->items[i + 1]);
        }
        break;
    default:
        refuse_target(r, t);
    }
}

static void resolve_assign(resolver *r, pol_expr *e)
{
    resolve_term(r, e->right);
    resolve_withs(r, e);
    if (e->left->kind == POL_TERM_VAR && (pol_bytes_is(e->left->text, "input") || pol_bytes_is(e->left->text, "data")))
        FAIL(r, POL_D_SHADOW_ROOT, e->left->span, "a variable cannot be called `%.*s`, which is a document of every policy: choose another name",
             (int)e->left->text.n, (const char *)e->left->text.at);
    declare_pattern(r, e->left);
    if (e->left->kind == POL_TERM_VAR && e->left->bound == POL_BOUND_LOCAL && pol_is_constant(e->right))
        r->locals->items[e->left->local].constant = e->right;
}

static bool is_in(pol_term *t, pol_bytes name);

static bool stop_at_name(pol_walk *w, pol_term *t)
{
    pol_bytes *name = w->context;
    if (t->kind == POL_TERM_VAR && pol_bytes_equal(t->text, *name))
        name->n = SIZE_MAX; /* found */
    return true;
}

static bool is_in(pol_term *t, pol_bytes name)
{
    pol_walk w = {.term = stop_at_name, .context = &name, .closures = true};
    pol_walk_term(&w, t);
    return name.n == SIZE_MAX;
}

/* The variables of `some PATTERN in domain`; those that stand in the domain too mean the same there. */
static void declare_some(resolver *r, pol_term *t, pol_expr *e)
{
    switch ((pol_term_kind)t->kind) {
    case POL_TERM_VAR:
        if (!is_wildcard(t->text) && is_in(e->right, t->text)) {
            resolve_var(r, t);
            break;
        }
        declare(r, t, DECLARED, e->span);
        if (!is_wildcard(t->text)) {
            entry *declared = find_entry(r->scope, t->text);
            if (declared)
                declared->uses++;
        }
        break;
    case POL_TERM_ARRAY:
        for (uint32_t i = 0; i < t->n; i++)
            declare_some(r, t->items[i], e);
        break;
    case POL_TERM_OBJECT:
        for (uint32_t i = 0; i < t->n; i += 2) {
            resolve_term(r, t->items[i]);
            declare_some(r, t->items[i + 1], e);
        }
        break;
    default:
        resolve_term(r, t);
    }
}

static void resolve_every(resolver *r, pol_expr *e)
{
    resolve_term(r, e->right);
    resolve_withs(r, e);
    scope s = {0};
    push(r, &s);
    pol_walk w = {.term = add_ahead, .context = r};
    pol_walk_term(&w, e->key);
    pol_walk_term(&w, e->left);
    look_ahead(r, e->body);
    pol_span where = e->body->n ? e->body->items[0]->span : e->span;
    if (e->key)
        declare(r, e->key, DECLARED, where);
    if (e->left->kind == POL_TERM_VAR)
        declare(r, e->left, DECLARED, where);
    resolve_body(r, e->body);
    check_unused(r, &s);
    r->scope = s.outer;
}

static void resolve_expr(resolver *r, pol_expr *e);

static void resolve_not(resolver *r, pol_expr *e)
{
    if (e->braces) {
        resolve_closed_body(r, e->body);
    } else {
        for (uint32_t i = 0; i < e->body->n; i++) {
            pol_expr *inner = e->body->items[i];
            normalise(inner);
            if (inner->kind == POL_EXPR_ASSIGN || inner->kind == POL_EXPR_SOME || inner->kind == POL_EXPR_SOME_IN) {
                FAIL(r, POL_D_ASSIGN_TARGET, inner->span, "`not` cannot stand before a declaration: what it declares could not be used");
                r->declaration_errors++;
            }
            resolve_expr(r, inner);
        }
    }
    resolve_withs(r, e);
}

static void resolve_expr(resolver *r, pol_expr *e)
{
    switch ((pol_expr_kind)e->kind) {
    case POL_EXPR_TERM:
        if (e->left->kind == POL_TERM_CALL)
            resolve_call(r, e->left, true);
        else
            resolve_term(r, e->left);
        resolve_withs(r, e);
        break;
    case POL_EXPR_ASSIGN:
        resolve_assign(r, e);
        break;
    case POL_EXPR_UNIFY:
        resolve_term(r, e->left);
        resolve_term(r, e->right);
        resolve_withs(r, e);
        break;
    case POL_EXPR_NOT:
        resolve_not(r, e);
        break;
    case POL_EXPR_SOME:
        for (uint32_t i = 0; i < e->n_terms; i++)
            declare(r, e->terms[i], DECLARED, e->span);
        break;
    case POL_EXPR_SOME_IN:
        resolve_term(r, e->right);
        if (e->key)
            declare_some(r, e->key, e);
        declare_some(r, e->left, e);
        resolve_withs(r, e);
        break;
    case POL_EXPR_EVERY:
        resolve_every(r, e);
        break;
    case POL_EXPR_AND:
    case POL_EXPR_OR:
        resolve_closed_body(r, e->body);
        resolve_closed_body(r, e->other);
        resolve_withs(r, e);
        break;
    }
}

static bool is_dropped(const resolver *r, const pol_expr *e)
{
    if (e->kind == POL_EXPR_SOME)
        return true;
    if (r->c->program->options.print_statements)
        return false;
    if (e->kind == POL_EXPR_NOT && !e->braces && e->body->n == 1)
        e = e->body->items[0];
    return e->kind == POL_EXPR_TERM && pol_is_print(e->left);
}

/* Resolves in the order written; then drops declarations, which have done their work, and erased prints. */
static void resolve_body(resolver *r, pol_body *body)
{
    for (uint32_t i = 0; i < body->n; i++)
        resolve_expr(r, body->items[i]);
    uint32_t kept = 0;
    pol_span span = body->n ? body->items[0]->span : (pol_span){0, 0, 0};
    bool any = body->n > 0;
    for (uint32_t i = 0; i < body->n; i++)
        if (!is_dropped(r, body->items[i]))
            body->items[kept++] = body->items[i];
    body->n = kept;
    if (any && !kept) {
        pol_expr *holds = pol_expr_new(r->c->arena, POL_EXPR_TERM, span);
        holds->left = pol_term_new(r->c->arena, POL_TERM_BOOL, span);
        holds->left->boolean = true;
        holds->generated = true;
        pol_body_add(r->c->arena, body, holds);
    }
}

/* ---- rules ---- */

/* A template among the arguments can use variables of the body: the argument is compared to it there. */
static void take_template(resolver *r, pol_term *t)
{
    pol_term *template = pol_term_copy(r->c->arena, t);
    *t = (pol_term){.kind = POL_TERM_VAR, .span = t->span, .text = POL_BYTES("$")};
    set_local(t, pol_local_add(r->c, r->locals, (pol_local){.name = t->text, .span = t->span, .generated = true, .argument = true}));
    POL_GROW(r->c->arena, r->templates, r->n_templates, r->templates_capacity);
    r->templates[r->n_templates++] = t;
    POL_GROW(r->c->arena, r->templates, r->n_templates, r->templates_capacity);
    r->templates[r->n_templates++] = template;
}

static void compare_templates(resolver *r, pol_rule *rule)
{
    for (uint32_t i = 0; i < r->n_templates; i += 2) {
        pol_expr *e = pol_expr_new(r->c->arena, POL_EXPR_UNIFY, r->templates[i]->span);
        e->left = pol_term_copy(r->c->arena, r->templates[i]);
        e->right = pol_term_copy(r->c->arena, r->templates[i + 1]);
        e->generated = true;
        resolve_term(r, e->right);
        pol_body_add(r->c->arena, &rule->body, e);
    }
}

static void declare_argument(resolver *r, pol_term *t, const pol_rule *rule)
{
    switch ((pol_term_kind)t->kind) {
    case POL_TERM_VAR: {
        if (pol_bytes_is(t->text, "input") || pol_bytes_is(t->text, "data")) {
            FAIL(r, POL_D_SHADOW_ROOT, rule->span, "an argument cannot be called `%.*s`, which is a document of every policy: choose another name",
                 (int)t->text.n, (const char *)t->text.at);
            resolve_wildcard(r, t);
            return;
        }
        entry *e = is_wildcard(t->text) ? NULL : find_entry(r->scope, t->text);
        if (e)
            set_local(t, e->local); /* f(x, x): both must be equal */
        else
            declare(r, t, ARGUMENT, t->span);
        return;
    }
    case POL_TERM_ARRAY:
        for (uint32_t i = 0; i < t->n; i++)
            declare_argument(r, t->items[i], rule);
        return;
    case POL_TERM_OBJECT:
        for (uint32_t i = 0; i < t->n; i += 2) {
            resolve_term(r, t->items[i]);
            declare_argument(r, t->items[i + 1], rule);
        }
        return;
    case POL_TERM_TEMPLATE:
        take_template(r, t);
        return;
    case POL_TERM_CALL:
        FAIL(r, POL_D_ARGUMENT, t->span, "an argument of a function is a variable or a pattern, and this is a call: compare in the body");
        return;
    case POL_TERM_REF:
        FAIL(r, POL_D_UNSAFE, rule->span, "an argument of a function is a variable or a pattern, and this is a ref: compare in the body");
        return;
    default:
        resolve_term(r, t);
    }
}

static void resolve_head(resolver *r, pol_rule *rule)
{
    for (uint32_t i = 1; rule->name->kind == POL_TERM_REF && i < rule->name->n; i++)
        resolve_term(r, rule->name->items[i]);
    if (rule->key)
        resolve_term(r, rule->key);
    if (rule->value)
        resolve_term(r, rule->value);
}

static void check_unused_arguments(resolver *r, const pol_rule *rule, const scope *arguments)
{
    if (!r->c->program->options.strict || rule->is_default)
        return;
    for (uint32_t i = 0; i < arguments->names.n; i++)
        if (!arguments->entries[i].uses)
            FAIL(r, POL_D_UNUSED_ARGUMENT, rule->span, "the argument `%.*s` is not used: write `_` in its place",
                 (int)arguments->names.keys[i].n, (const char *)arguments->names.keys[i].at);
}

static void check_rule_name(resolver *r, pol_rule *rule)
{
    pol_term *head = rule->name->kind == POL_TERM_REF ? rule->name->items[0] : rule->name;
    if (pol_bytes_is(head->text, "input") || pol_bytes_is(head->text, "data"))
        FAIL(r, POL_D_SHADOW_ROOT, rule->span, "a rule cannot be called `%.*s`, which is a document of every policy: choose another name",
             (int)head->text.n, (const char *)head->text.at);
    if (is_request_name(r, head->text))
        refuse_request_name(r, head);
}

/* One branch: arguments are declared in the same scope as the variables of its body, so that neither can take the other's name. */
static void resolve_branch(resolver *r, pol_rule *rule, scope *arguments)
{
    scope s = {0};
    push(r, &s);
    for (uint32_t i = 0; i < arguments->names.n; i++) {
        entry e = arguments->entries[i];
        e.uses = 0;
        add_entry(r, arguments->names.keys[i], e);
        pol_namemap_put(r->c->arena, &s.ahead, arguments->names.keys[i], 0);
    }
    look_ahead(r, &rule->body);
    resolve_body(r, &rule->body);
    compare_templates(r, rule);
    resolve_head(r, rule);
    check_unused(r, &s);
    for (uint32_t i = 0; i < arguments->names.n; i++)
        arguments->entries[i].uses += s.entries[i].uses;
    r->scope = s.outer;
}

bool pol_resolve_rule(pol_checker *c, pol_rule_info *info)
{
    resolver r = {.c = c, .m = info->module, .info = info, .locals = info->locals};
    pol_rule *rule = info->rule;
    scope arguments = {0};
    check_rule_name(&r, rule);
    push(&r, &arguments);
    for (uint32_t i = 0; i < rule->n_args; i++)
        declare_argument(&r, rule->args[i], rule);
    r.scope = NULL;
    for (pol_rule_info *b = info; b; b = b->next_else) {
        if (b != info && rule->n_args) {
            b->rule->args = rule->args;
            b->rule->n_args = rule->n_args;
        }
        resolve_branch(&r, b->rule, &arguments);
    }
    check_unused_arguments(&r, rule, &arguments);
    return !r.failed;
}

bool pol_resolve_query(pol_checker *c, pol_module_info *m, pol_body *body, pol_locals *locals)
{
    resolver r = {.c = c, .m = m, .locals = locals};
    scope s = {0};
    push(&r, &s);
    look_ahead(&r, body);
    resolve_body(&r, body);
    return !r.failed;
}
