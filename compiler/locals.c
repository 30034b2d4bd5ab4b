/* SPDX-License-Identifier: Apache-2.0
 * Numbers for variables that nobody declares. Such a variable belongs to the body in which it stands;
 * in a closure it means that of the body around when that one, or one further out, has a variable of
 * the name at its own level, before or behind. On the way, constants in refs below data.
 */
#include "compiler/check.h"

enum { UNSET = UINT32_MAX };

typedef struct level level;
struct level {
    const level *outer;
    pol_namemap names;
};

typedef struct {
    pol_checker *c;
    pol_locals *locals;
    level *level;
    pol_term **terms; /* closures at the level, to be done when it is complete */
    uint32_t n_terms, terms_capacity;
    pol_expr **exprs;
    uint32_t n_exprs, exprs_capacity;
} binder;

static uint32_t *find_name(const level *l, pol_bytes name)
{
    for (; l; l = l->outer) {
        uint32_t *found = pol_namemap_find(&l->names, name);
        if (found)
            return found;
    }
    return NULL;
}

/* `data[x].p` where x := "a" reads data.a.p and nothing else. Base documents are found by the text
 * of a key, so data[2] is the member "2" of the data. */
static void put_constants(binder *b, pol_term *ref)
{
    pol_value base = b->c->program->data;
    for (uint32_t i = 1; i < ref->n; i++) {
        pol_term *t = ref->items[i];
        if (t->kind == POL_TERM_VAR && t->bound == POL_BOUND_LOCAL && t->local != UNSET &&
            b->locals->items[t->local].constant)
            t = ref->items[i] = pol_term_copy(b->c->arena, b->locals->items[t->local].constant);
        bool text = t->kind == POL_TERM_STRING || t->kind == POL_TERM_NUMBER;
        base = text && base.tag == POL_OBJECT ? pol_object_get(base, pol_string(t->text))
                                              : pol_undefined();
        if (t->kind == POL_TERM_NUMBER && pol_is_defined(base))
            ref->items[i] = pol_term_text(b->c->arena, POL_TERM_STRING, t->span, t->text);
    }
}

static bool bind_term(pol_walk *w, pol_term *t)
{
    binder *b = w->context;
    if (t->kind == POL_TERM_REF && pol_is_rooted(t, POL_BOUND_DATA))
        put_constants(b, t);
    if (pol_is_comprehension(t) || t->kind == POL_TERM_TEMPLATE || (pol_is_print(t) && t->n > 1)) {
        POL_GROW(b->c->arena, b->terms, b->n_terms, b->terms_capacity);
        b->terms[b->n_terms++] = t;
        return false;
    }
    if (t->kind == POL_TERM_CALL) { /* the operator is no variable */
        for (uint32_t i = 1; i < t->n; i++)
            pol_walk_term(w, t->items[i]);
        return false;
    }
    if (t->kind != POL_TERM_VAR || t->bound != POL_BOUND_LOCAL || t->local != UNSET)
        return true;
    uint32_t *found = find_name(b->level, t->text);
    if (found) {
        t->local = *found;
        return true;
    }
    t->local = pol_local_add(b->c, b->locals, (pol_local){.name = t->text, .span = t->span});
    pol_namemap_put(b->c->arena, &b->level->names, t->text, t->local);
    return true;
}

static bool note_expr(pol_walk *w, pol_expr *e)
{
    binder *b = w->context;
    if (e->kind == POL_EXPR_EVERY || e->kind == POL_EXPR_AND || e->kind == POL_EXPR_OR ||
        (e->kind == POL_EXPR_NOT && e->braces)) {
        POL_GROW(b->c->arena, b->exprs, b->n_exprs, b->exprs_capacity);
        b->exprs[b->n_exprs++] = e;
    }
    return true;
}

static void bind_closures(binder *b);

/* A level inside outer: all of terms and body. */
static void bind_level(pol_checker *c, pol_locals *locals, const level *outer, pol_body *body,
                       pol_term **terms, uint32_t n)
{
    level own = {.outer = outer};
    binder b = {.c = c, .locals = locals, .level = &own};
    pol_walk w = {.term = bind_term, .expr = note_expr, .context = &b};
    pol_walk_body(&w, body);
    for (uint32_t i = 0; i < n; i++)
        pol_walk_term(&w, terms[i]);
    bind_closures(&b);
}

static void bind_embedded(binder *b, pol_term *item)
{
    level own = {.outer = b->level};
    binder inner = {.c = b->c, .locals = b->locals, .level = &own};
    pol_walk w = {.term = bind_term, .expr = note_expr, .context = &inner};
    pol_walk_term(&w, item);
    pol_expr *e = pol_embedded_expr(item);
    for (uint32_t i = 0; e && i < e->n_withs; i++) {
        pol_walk_term(&w, e->withs[i].target);
        pol_walk_term(&w, e->withs[i].value);
    }
    bind_closures(&inner);
}

static void bind_closures(binder *b)
{
    for (uint32_t i = 0; i < b->n_terms; i++) {
        pol_term *t = b->terms[i];
        if (pol_is_comprehension(t)) {
            bind_level(b->c, b->locals, b->level, t->body, t->items, t->n);
            continue;
        }
        for (uint32_t k = t->kind == POL_TERM_CALL; k < t->n; k++)
            bind_embedded(b, t->items[k]);
    }
    for (uint32_t i = 0; i < b->n_exprs; i++) {
        pol_expr *e = b->exprs[i];
        pol_term *own[] = {e->key, e->left};
        bool every = e->kind == POL_EXPR_EVERY;
        bind_level(b->c, b->locals, b->level, e->body, own, every ? 2 : 0);
        if (e->other)
            bind_level(b->c, b->locals, b->level, e->other, NULL, 0);
    }
}

void pol_bind_rule(pol_checker *c, pol_rule_info *branch)
{
    pol_rule *rule = branch->rule;
    bool ref = rule->name->kind == POL_TERM_REF;
    uint32_t n = 0;
    pol_term **terms = POL_NEW_ARRAY(c->arena, pol_term *, (ref ? rule->name->n : 0) + 2);
    for (uint32_t i = 1; ref && i < rule->name->n; i++)
        terms[n++] = rule->name->items[i];
    if (rule->key)
        terms[n++] = rule->key;
    if (rule->value)
        terms[n++] = rule->value;
    bind_level(c, branch->locals, NULL, &rule->body, terms, n);
    for (uint32_t i = 0; i < rule->n_args; i++)
        bind_level(c, branch->locals, NULL, NULL, &rule->args[i], 1);
}

void pol_bind_query(pol_checker *c, pol_body *body, pol_locals *locals)
{
    bind_level(c, locals, NULL, body, NULL, 0);
}
