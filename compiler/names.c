/* SPDX-License-Identifier: Apache-2.0
 * What a name means where it is used: a local variable, a rule of the package, an import, a root
 * document, a function.
 */
#include "compiler/resolve.h"

/* ---- variables and refs ---- */

static void use_local(resolver *r, pol_term *t)
{
    t->bound = POL_BOUND_LOCAL;
    t->local = UNSET;
    name_entry *e = scope_find(r->scope, t->text);
    if (!e)
        e = scope_add(r, t->text,
                      (name_entry){.local = UNSET, .occurrence = SEEN, .span = t->span});
    e->uses++;
    t->local = e->local;
}

/* Puts the path of g in the place of the VAR t, with rest behind it. */
static void put_path(resolver *r, pol_term *t, pol_global *g, pol_term *const *rest,
                     uint32_t n_rest)
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

name_meaning resolve_meaning(resolver *r, pol_bytes name, pol_global **global)
{
    *global = NULL;
    if (scope_is_ahead(r->scope, name))
        return NAME_LOCAL;
    *global = pol_global_find(r->m, name);
    if (*global)
        return NAME_GLOBAL;
    return pol_bytes_is(name, "input") || pol_bytes_is(name, "data") ? NAME_ROOT : NAME_LOCAL;
}

void resolve_root(pol_term *t)
{
    t->bound = pol_bytes_is(t->text, "input") ? POL_BOUND_INPUT : POL_BOUND_DATA;
}

void resolve_var(resolver *r, pol_term *t)
{
    pol_global *g;
    if (resolve_is_wildcard(t->text)) {
        resolve_wildcard(r, t);
        return;
    }
    switch (resolve_meaning(r, t->text, &g)) {
    case NAME_LOCAL:
        use_local(r, t);
        break;
    case NAME_GLOBAL:
        put_path(r, t, g, NULL, 0);
        break;
    case NAME_ROOT:
        resolve_root(t);
        break;
    }
}

void resolve_ref(resolver *r, pol_term *t)
{
    pol_term *head = t->items[0];
    pol_global *g = NULL;
    uint32_t first = 1;
    if (head->kind != POL_TERM_VAR || resolve_is_wildcard(head->text)) {
        resolve_term(r, head);
    } else {
        switch (resolve_meaning(r, head->text, &g)) {
        case NAME_LOCAL:
            use_local(r, head);
            break;
        case NAME_ROOT:
            resolve_root(head);
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

const pol_term *resolve_operator_head(const pol_term *name)
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
    if (name->kind != POL_TERM_REF || name->items[0]->kind != POL_TERM_VAR ||
        name->items[0]->bound != POL_BOUND_DATA)
        return NULL;
    pol_rule_node *node = pol_rule_node_at(c, name);
    if (!node || !node->n_rules || !node->rules[0]->group ||
        node->rules[0]->group->kind != POL_GROUP_FUNCTION)
        return NULL;
    return node->rules[0]->group;
}

const pol_builtin *pol_builtin_named(pol_checker *c, const pol_term *name)
{
    if (resolve_operator_head(name)->kind != POL_TERM_VAR)
        return NULL;
    for (uint32_t i = 1; name->kind == POL_TERM_REF && i < name->n; i++)
        if (name->items[i]->kind != POL_TERM_STRING)
            return NULL;
    return pol_builtin_find(pol_name_joined(c, name));
}

static void suggest_function(resolver *r, pol_bytes name)
{
    unsigned n = 0;
    if (r->c->diags->n > SUGGESTIONS_MAX || name.n < 3)
        return;
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
    pol_rule_node *node =
        resolve_operator_head(name)->bound == POL_BOUND_DATA && name->kind == POL_TERM_REF
            ? pol_rule_node_at(r->c, name)
            : NULL;
    r->failed = true;
    const pol_term *last = name->kind == POL_TERM_REF ? name->items[name->n - 1] : name;
    if (pol_may_be_lost(r->c, last->text))
        return;
    if (node && node->n_rules)
        FAIL(r, POL_D_UNDEFINED_FUNCTION, call->span,
             "`%.*s` is a rule without arguments, so it cannot be called", (int)written.n,
             (const char *)written.at);
    else
        FAIL(r, POL_D_UNDEFINED_FUNCTION, call->span, "there is no function `%.*s`", (int)written.n,
             (const char *)written.at);
    suggest_function(r, written);
}

static void check_arity(resolver *r, const pol_term *call, const char *name, unsigned arity,
                        bool statement)
{
    uint32_t n = call->n - 1;
    if (n == arity || (statement && n == arity + 1))
        return;
    FAIL(r, POL_D_ARITY, call->span, "`%s` takes %u argument%s, and %u %s given", name, arity,
         arity == 1 ? "" : "s", n, n == 1 ? "is" : "are");
}

static bool resolve_is_void(const pol_builtin *b)
{
    return pol_bytes_ends(pol_bytes_text(b->signature), POL_BYTES(" none"));
}

static void check_builtin_call(resolver *r, const pol_term *call, bool statement)
{
    const pol_builtin *b = call->builtin;
    if (b->flags & POL_EXCLUDED)
        FAIL(r, POL_D_EXCLUDED, call->span,
             "`%s` reaches out of the process: a decision depends on the bundle, the input and the "
             "clock only. "
             "Put what it would fetch into data or into the input",
             b->name);
    if (b->flags & POL_DEPRECATED)
        pol_diag(r->c->diags, POL_D_DEPRECATED, call->span,
                 "the built-in function `%s` is deprecated and no part of Rego v1", b->name);
    if (!(b->flags & POL_VARIADIC))
        check_arity(r, call, b->name, pol_builtin_arity(b), statement);
    if (!statement && resolve_is_void(b))
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
    name_entry *local = scope_find(r->scope, head->text);
    switch (resolve_meaning(r, head->text, &g)) {
    case NAME_LOCAL:
        if (!local || local->local == UNSET)
            return true;
        FAIL(
            r, statement ? POL_D_UNDEFINED_FUNCTION : POL_D_CALL_SHADOWED, call->span,
            "`%.*s` is a variable here, which hides the function of that name: rename the variable",
            (int)written.n, (const char *)written.at);
        return false;
    case NAME_ROOT:
        resolve_root(head);
        return true;
    case NAME_GLOBAL:
        put_path(r, name, g, name->kind == POL_TERM_REF ? name->items + 1 : NULL,
                 name->kind == POL_TERM_REF ? name->n - 1 : 0);
        return true;
    }
    return true;
}

void resolve_call(resolver *r, pol_term *call, bool statement)
{
    pol_bytes written = pol_name_joined(r->c, call->items[0]);
    bool known = resolve_operator(r, call, statement);
    pol_term *name = call->items[0];
    if (known) {
        call->group = pol_function_named(r->c, name);
        if (!call->group && resolve_operator_head(name)->bound == POL_BOUND_NOWHERE)
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
