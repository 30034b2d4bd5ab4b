/* SPDX-License-Identifier: Apache-2.0
 * Declarations: what a body declares, in which order with its uses, and what nobody uses. Follows
 * OPA: a name that a body declares anywhere means no rule or import in all of that body, and must
 * not be used in it before.
 */
#include "compiler/resolve.h"

uint32_t pol_local_add(pol_checker *c, pol_locals *locals, pol_local local)
{
    POL_GROW(c->arena, locals->items, locals->n, locals->capacity);
    locals->items[locals->n] = local;
    return locals->n++;
}

/* ---- scopes ---- */

name_entry *scope_entry(const name_scope *s, pol_bytes name)
{
    uint32_t *i = pol_namemap_find(&s->names, name);
    return i ? &s->entries[*i] : NULL;
}

name_entry *scope_find(const name_scope *s, pol_bytes name)
{
    for (; s; s = s->outer) {
        name_entry *e = scope_entry(s, name);
        if (e)
            return e;
    }
    return NULL;
}

bool scope_is_ahead(const name_scope *s, pol_bytes name)
{
    for (; s; s = s->outer)
        if (pol_namemap_find(&s->ahead, name))
            return true;
    return false;
}

name_entry *scope_add(resolver *r, pol_bytes name, name_entry e)
{
    name_scope *s = r->scope;
    pol_namemap_put(r->c->arena, &s->names, name, s->n);
    POL_GROW(r->c->arena, s->entries, s->n, s->capacity);
    s->entries[s->n] = e;
    return &s->entries[s->n++];
}

void scope_push(resolver *r, name_scope *s)
{
    s->outer = r->scope;
    r->scope = s;
}

bool resolve_is_wildcard(pol_bytes name)
{
    return pol_bytes_is(name, "_");
}

/* ---- what a body declares ---- */

bool scope_add_ahead(pol_walk *w, pol_term *t)
{
    resolver *r = w->context;
    if (t->kind == POL_TERM_VAR && !resolve_is_wildcard(t->text))
        pol_namemap_put(r->c->arena, &r->scope->ahead, t->text, 0);
    return true;
}

static bool is_call_of(const pol_term *t, const char *name)
{
    return t->kind == POL_TERM_CALL && t->n == 3 && t->items[0]->kind == POL_TERM_VAR &&
           pol_bytes_is(t->items[0]->text, name);
}

/* x = y and x := y written as calls, or in parentheses. */
void scope_normalise(pol_expr *e)
{
    if (e->kind != POL_EXPR_TERM || !(is_call_of(e->left, "eq") || is_call_of(e->left, "assign")))
        return;
    pol_term *call = e->left;
    e->kind = is_call_of(call, "eq") ? POL_EXPR_UNIFY : POL_EXPR_ASSIGN;
    e->left = call->items[1];
    e->right = call->items[2];
}

void scope_look_ahead(resolver *r, pol_body *body)
{
    pol_walk w = {.term = scope_add_ahead, .context = r};
    for (uint32_t i = 0; body && i < body->n; i++) {
        pol_expr *e = body->items[i];
        scope_normalise(e);
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

void resolve_as_local(pol_term *t, uint32_t local)
{
    t->bound = POL_BOUND_LOCAL;
    t->local = local;
}

void resolve_wildcard(resolver *r, pol_term *t)
{
    resolve_as_local(
        t, pol_local_add(r->c, r->locals,
                         (pol_local){.name = t->text, .span = t->span, .wildcard = true}));
}

bool resolve_is_request(const resolver *r, pol_bytes name)
{
    pol_global *g = r->m->polward ? pol_global_find(r->m, name) : NULL;
    return g && g->request;
}

void resolve_refuse_request(resolver *r, pol_term *t)
{
    FAIL(r, POL_D_REQUEST_NAME, t->span,
         "in a .pol module `%.*s` means `input.%.*s`: choose another name", (int)t->text.n,
         (const char *)t->text.at, (int)t->text.n, (const char *)t->text.at);
}

/* Declares the VAR t in the innermost scope; where is what an error points at. */
void scope_declare(resolver *r, pol_term *t, name_occurrence how, pol_span where)
{
    if (resolve_is_wildcard(t->text)) {
        resolve_wildcard(r, t);
        return;
    }
    static const char *const earlier[] = {
        "used above, so it cannot be declared here: move the declaration up",
        "assigned above: choose another name, or compare with `==`",
        "declared above: choose another name, or compare with `==`",
        "an argument of the function: choose another name, or compare with `==`"};
    if (resolve_is_request(r, t->text))
        resolve_refuse_request(r, t);
    name_entry *e = scope_entry(r->scope, t->text);
    if (e) {
        FAIL(r, POL_D_REDECLARED, where, "the variable `%.*s` is %s", (int)t->text.n,
             (const char *)t->text.at, earlier[e->occurrence]);
        r->declaration_errors++;
        if (e->local != UNSET)
            resolve_as_local(t, e->local);
        else
            resolve_wildcard(r, t);
        return;
    }
    pol_local local = {
        .name = t->text, .span = t->span, .assigned = how == ASSIGNED, .argument = how == ARGUMENT};
    resolve_as_local(t, pol_local_add(r->c, r->locals, local));
    scope_add(r, t->text,
              (name_entry){.local = t->local, .occurrence = (uint8_t)how, .span = where});
}

/* ---- declarations that nobody uses ---- */

void scope_check_unused(resolver *r, name_scope *s)
{
    if (r->declaration_errors)
        return;
    for (uint32_t i = 0; i < s->names.n; i++) {
        const name_entry *e = &s->entries[i];
        pol_bytes name = s->names.keys[i];
        if (e->uses)
            continue;
        if (e->occurrence == DECLARED)
            FAIL(r, POL_D_UNUSED_VARIABLE, e->span,
                 "the variable `%.*s` is declared and not used: remove it, or write `_`",
                 (int)name.n, (const char *)name.at);
        else if (e->occurrence == ASSIGNED && r->c->program->options.strict)
            FAIL(r, POL_D_UNUSED_VARIABLE, e->span,
                 "the variable `%.*s` is assigned and not used: remove it, or write `_`",
                 (int)name.n, (const char *)name.at);
    }
}
