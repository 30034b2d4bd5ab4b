/* SPDX-License-Identifier: Apache-2.0
 * One walk over terms, expressions and bodies, in the order written. What is a closure, with
 * variables of its own, is known here.
 */
#include "compiler/check.h"

bool pol_is_comprehension(const pol_term *t)
{
    return t->kind >= POL_TERM_ARRAY_COMPREHENSION;
}

bool pol_is_print(const pol_term *t)
{
    return t->kind == POL_TERM_CALL && t->builtin && strcmp(t->builtin->name, "print") == 0;
}

pol_expr *pol_embedded_expr(const pol_term *item)
{
    return !pol_is_comprehension(item) && item->body && item->body->n ? item->body->items[0] : NULL;
}

static void walk_withs(pol_walk *w, pol_expr *e)
{
    for (uint32_t i = 0; i < e->n_withs; i++) {
        pol_walk_term(w, e->withs[i].target);
        pol_walk_term(w, e->withs[i].value);
    }
}

/* What is embedded in a template can have `with` modifiers: those of the one expression in its
 * body. */
static void walk_embedded_withs(pol_walk *w, pol_term *item)
{
    pol_expr *e = pol_embedded_expr(item);
    if (e)
        walk_withs(w, e);
}

void pol_walk_term(pol_walk *w, pol_term *t)
{
    if (!t || (w->term && !w->term(w, t)))
        return;
    if (pol_is_comprehension(t) || t->kind == POL_TERM_TEMPLATE) {
        if (!w->closures)
            return;
        pol_walk_body(w, t->body);
    }
    for (uint32_t i = 0; i < t->n; i++) {
        pol_term *item = t->items[i];
        pol_walk_term(w, item);
        if (t->kind == POL_TERM_TEMPLATE)
            walk_embedded_withs(w, item);
    }
}

void pol_walk_expr(pol_walk *w, pol_expr *e)
{
    if (w->expr && !w->expr(w, e))
        return;
    walk_withs(w, e);
    for (uint32_t i = 0; i < e->n_terms; i++)
        pol_walk_term(w, e->terms[i]);
    if (e->kind == POL_EXPR_EVERY) { /* key and value belong to the body */
        pol_walk_term(w, e->right);
        if (w->closures) {
            pol_walk_term(w, e->key);
            pol_walk_term(w, e->left);
            pol_walk_body(w, e->body);
        }
        return;
    }
    pol_walk_term(w, e->key);
    pol_walk_term(w, e->left);
    pol_walk_term(w, e->right);
    if (w->closures || (e->kind == POL_EXPR_NOT && !e->braces)) {
        pol_walk_body(w, e->body);
        pol_walk_body(w, e->other);
    }
}

void pol_walk_body(pol_walk *w, pol_body *body)
{
    for (uint32_t i = 0; body && i < body->n; i++)
        pol_walk_expr(w, body->items[i]);
}
