/* SPDX-License-Identifier: Apache-2.0
 * Making nodes of the syntax tree.
 */
#include "compiler/tree.h"

pol_term *pol_term_new(pol_arena *arena, pol_term_kind kind, pol_span span)
{
    pol_term *term = POL_NEW(arena, pol_term);
    term->kind = (uint8_t)kind;
    term->span = span;
    return term;
}

pol_term *pol_term_text(pol_arena *arena, pol_term_kind kind, pol_span span, pol_bytes text)
{
    pol_term *term = pol_term_new(arena, kind, span);
    term->text = text;
    return term;
}

pol_term *pol_term_list(pol_arena *arena, pol_term_kind kind, pol_span span, pol_term **items, uint32_t n)
{
    pol_term *term = pol_term_new(arena, kind, span);
    term->items = items;
    term->n = n;
    return term;
}

/* The name of a built-in as a term: a VAR, or with dots a REF. */
static pol_term *operator_term(pol_arena *arena, pol_span span, const char *name)
{
    uint32_t n = 1;
    for (const char *p = name; *p; p++)
        n += *p == '.';
    pol_term **items = POL_NEW_ARRAY(arena, pol_term *, n);
    for (uint32_t i = 0; i < n; i++) {
        size_t size = strcspn(name, ".");
        pol_bytes text = pol_bytes_of(pol_arena_copy(arena, name, size), size);
        items[i] = pol_term_text(arena, i ? POL_TERM_STRING : POL_TERM_VAR, span, text);
        items[i]->infix = i > 0;
        name += size + (name[size] == '.');
    }
    return n == 1 ? items[0] : pol_term_list(arena, POL_TERM_REF, span, items, n);
}

pol_term *pol_term_call(pol_arena *arena, pol_span span, const char *name, pol_term **args, uint32_t n)
{
    pol_term **items = POL_NEW_ARRAY(arena, pol_term *, n + 1);
    items[0] = operator_term(arena, span, name);
    if (n)
        memcpy(items + 1, args, n * sizeof *args);
    return pol_term_list(arena, POL_TERM_CALL, span, items, n + 1);
}

pol_expr *pol_expr_new(pol_arena *arena, pol_expr_kind kind, pol_span span)
{
    pol_expr *expr = POL_NEW(arena, pol_expr);
    expr->kind = (uint8_t)kind;
    expr->span = span;
    return expr;
}

void pol_body_add(pol_arena *arena, pol_body *body, pol_expr *expr)
{
    POL_GROW(arena, body->items, body->n, body->capacity);
    body->items[body->n++] = expr;
}

bool pol_is_infix(const pol_term *term, const char *name)
{
    if (term->kind != POL_TERM_CALL || !term->infix)
        return false;
    const pol_term *operator = term->items[0];
    if (operator->kind == POL_TERM_VAR)
        return pol_bytes_is(operator->text, name);
    return strncmp(name, "internal.", 9) == 0 && pol_bytes_is(operator->items[1]->text, name + 9);
}

/* ---- copies ---- */

static pol_body *copy_body(pol_arena *arena, const pol_body *body);

static pol_term **copy_terms(pol_arena *arena, pol_term *const *terms, uint32_t n)
{
    pol_term **copies = POL_NEW_ARRAY(arena, pol_term *, n ? n : 1);
    for (uint32_t i = 0; i < n; i++)
        copies[i] = pol_term_copy(arena, terms[i]);
    return copies;
}

static pol_expr *copy_expr(pol_arena *arena, const pol_expr *expr)
{
    pol_expr *copy = POL_NEW(arena, pol_expr);
    *copy = *expr;
    copy->key = pol_term_copy(arena, expr->key);
    copy->left = pol_term_copy(arena, expr->left);
    copy->right = pol_term_copy(arena, expr->right);
    copy->terms = copy_terms(arena, expr->terms, expr->n_terms);
    copy->body = copy_body(arena, expr->body);
    copy->other = copy_body(arena, expr->other);
    copy->withs = POL_NEW_ARRAY(arena, pol_with, expr->n_withs + 1);
    for (uint32_t i = 0; i < expr->n_withs; i++) {
        copy->withs[i] = expr->withs[i];
        copy->withs[i].target = pol_term_copy(arena, expr->withs[i].target);
        copy->withs[i].value = pol_term_copy(arena, expr->withs[i].value);
    }
    return copy;
}

static pol_body *copy_body(pol_arena *arena, const pol_body *body)
{
    if (!body)
        return NULL;
    pol_body *copy = POL_NEW(arena, pol_body);
    for (uint32_t i = 0; i < body->n; i++)
        pol_body_add(arena, copy, copy_expr(arena, body->items[i]));
    return copy;
}

pol_term *pol_term_copy(pol_arena *arena, const pol_term *term)
{
    if (!term)
        return NULL;
    pol_term *copy = POL_NEW(arena, pol_term);
    *copy = *term;
    copy->items = copy_terms(arena, term->items, term->n);
    copy->body = copy_body(arena, term->body);
    return copy;
}
