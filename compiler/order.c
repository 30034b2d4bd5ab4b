/* SPDX-License-Identifier: Apache-2.0
 * Bodies in an order in which they can be evaluated from left to right, and what makes that
 * impossible. See safety.c for what an expression needs and binds.
 */
#include "compiler/safety.h"

#include <stdlib.h>

/* Of a rule. A text can be made to have any number; who reads more than these? */
enum { UNSAFE_MAX = 1000 };

typedef struct {
    uint32_t local;
    pol_span span;
} unsafe_var;

typedef struct {
    pol_checker *c;
    pol_arena *arena;
    pol_locals *locals;
    pol_module_info *m;
    unsafe_var *unsafe; /* one for each variable */
    uint32_t n_unsafe, unsafe_capacity;
} orderer;

/* ---- unsafe variables ---- */

static bool is_before(pol_span a, pol_span b)
{
    return a.source != b.source ? a.source < b.source : a.start < b.start;
}

static void note_unsafe(orderer *o, uint32_t local, pol_span span)
{
    for (uint32_t i = 0; i < o->n_unsafe; i++) {
        if (o->unsafe[i].local != local)
            continue;
        if (is_before(span, o->unsafe[i].span))
            o->unsafe[i].span = span;
        return;
    }
    if (o->n_unsafe == UNSAFE_MAX)
        return;
    POL_GROW(o->arena, o->unsafe, o->n_unsafe, o->unsafe_capacity);
    o->unsafe[o->n_unsafe++] = (unsafe_var){local, span};
}

static void suggest_name(orderer *o, pol_bytes name)
{
    uint32_t n = 0;
    if (o->c->diags->n > SUGGESTIONS_MAX || name.n < 3)
        return;
    pol_bytes *names = POL_NEW_ARRAY(o->arena, pol_bytes, o->m->n_globals + o->locals->n + 2);
    names[n++] = POL_BYTES("input");
    names[n++] = POL_BYTES("data");
    for (uint32_t i = 0; i < o->m->n_globals; i++)
        names[n++] = o->m->globals[i].name;
    for (uint32_t i = 0; i < o->locals->n; i++)
        if (!o->locals->items[i].generated && !pol_bytes_equal(o->locals->items[i].name, name))
            names[n++] = o->locals->items[i].name;
    pol_diag_suggest(o->c->diags, name, names, n);
}

/* Where the variable stands, if that is on the first line of the expression, by which others know it. */
static pol_span place_of(const orderer *o, pol_span var, pol_span expr)
{
    if (var.source != expr.source || var.start < expr.start || var.end > expr.end)
        return expr;
    pol_bytes before = pol_source_text(o->c->program->sources, (pol_span){expr.source, expr.start, var.start});
    return before.n && memchr(before.at, '\n', before.n) ? expr : var;
}

static void report(orderer *o, const unsafe_var *u)
{
    const pol_local *l = &o->locals->items[u->local];
    pol_span at = place_of(o, l->span, u->span);
    if (l->wildcard) {
        pol_diag(o->c->diags, POL_D_UNSAFE, at,
                 "the wildcard `_` is unsafe: nothing here gives it a value");
        return;
    }
    pol_term name = {.kind = POL_TERM_VAR, .text = l->name};
    const pol_builtin *b = pol_builtin_named(o->c, &name);
    pol_diag(o->c->diags, POL_D_UNSAFE, at,
             b ? "`%.*s` is a function and no value: call it"
               : "the variable `%.*s` is unsafe: nothing gives it a value",
             (int)l->name.n, (const char *)l->name.at);
    if (!b)
        suggest_name(o, l->name);
}

/* Names the causes: a variable that `:=` would bind, if its right side were safe, is none. */
static void report_unsafe(orderer *o)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < o->n_unsafe; i++) {
        const pol_local *l = &o->locals->items[o->unsafe[i].local];
        if (l->generated || l->assigned)
            continue;
        n++;
        if (pol_may_be_lost(o->c, l->name))
            continue;
        report(o, &o->unsafe[i]);
    }
    for (uint32_t i = 0; i < o->n_unsafe && !n; i++)
        report(o, &o->unsafe[i]);
}

/* ---- taking calls and refs out ---- */

typedef struct {
    pol_expr **items;
    uint32_t n, capacity;
} expr_list;

static void add_expr(orderer *o, expr_list *list, pol_expr *e)
{
    POL_GROW(o->arena, list->items, list->n, list->capacity);
    list->items[list->n++] = e;
}

/* `new := *slot`, before e and under its modifiers; *slot is new then. */
static void take_out(orderer *o, pol_term **slot, const pol_expr *e, expr_list *before)
{
    pol_term *t = *slot;
    pol_local local = {.name = POL_BYTES("$"), .span = t->span, .generated = true};
    pol_expr *assign = pol_expr_new(o->arena, POL_EXPR_ASSIGN, t->span);
    pol_term *var = pol_term_text(o->arena, POL_TERM_VAR, t->span, local.name);
    var->bound = POL_BOUND_LOCAL;
    var->local = pol_local_add(o->c, o->locals, local);
    assign->left = var;
    assign->right = t;
    assign->generated = true;
    if (e) {
        assign->withs = e->withs;
        assign->n_withs = e->n_withs;
    }
    *slot = pol_term_copy(o->arena, var);
    add_expr(o, before, assign);
}

/* Every call below *slot (itself too, unless top) into an assignment of its own, inner ones first.
 */
static void flatten_term(orderer *o, pol_term **slot, bool top, const pol_expr *e,
                         expr_list *before)
{
    pol_term *t = *slot;
    if (!t || pol_is_comprehension(t) || t->kind == POL_TERM_TEMPLATE || pol_is_print(t))
        return;
    for (uint32_t i = t->kind == POL_TERM_CALL; i < t->n; i++)
        flatten_term(o, &t->items[i], false, e, before);
    if (t->kind == POL_TERM_CALL && !top)
        take_out(o, slot, e, before);
}

static void flatten_expr(orderer *o, pol_expr *e, const pol_expr *modifiers, expr_list *before)
{
    for (uint32_t i = 0; i < e->n_withs; i++)
        flatten_term(o, &e->withs[i].value, false, NULL, before);
    if (e->kind == POL_EXPR_NOT && !e->braces) {
        for (uint32_t i = 0; i < e->body->n; i++)
            flatten_expr(o, e->body->items[i], e->body->items[i]->n_withs ? e->body->items[i] : e,
                         before);
        return;
    }
    flatten_term(o, &e->left, e->kind == POL_EXPR_TERM, modifiers, before);
    if (e->kind != POL_EXPR_EVERY)
        flatten_term(o, &e->key, false, modifiers, before);
    flatten_term(o, &e->right, false, modifiers, before);
}

/* ---- evaluation from left to right, tried ---- */

static bool is_local_var(const pol_term *t)
{
    return t->kind == POL_TERM_VAR && t->bound == POL_BOUND_LOCAL;
}

static bool is_pattern(const pol_varset *bound, const pol_term *t)
{
    if (is_local_var(t))
        return !pol_varset_has(bound, t->local);
    if (t->kind != POL_TERM_ARRAY && t->kind != POL_TERM_OBJECT)
        return false;
    bool object = t->kind == POL_TERM_OBJECT;
    for (uint32_t i = object; i < t->n; i += object ? 2 : 1)
        if (is_pattern(bound, t->items[i]))
            return true;
    return false;
}

static bool try_value(orderer *o, pol_varset *bound, const pol_term *t);

static bool try_pattern(orderer *o, pol_varset *bound, const pol_term *t)
{
    if (!is_pattern(bound, t))
        return try_value(o, bound, t);
    if (t->kind == POL_TERM_VAR) {
        pol_varset_add(o->arena, bound, t->local);
        return true;
    }
    for (uint32_t i = 0; i < t->n; i++) {
        bool key = t->kind == POL_TERM_OBJECT && i % 2 == 0;
        if (!(key ? try_value(o, bound, t->items[i]) : try_pattern(o, bound, t->items[i])))
            return false;
    }
    return true;
}

static bool try_value(orderer *o, pol_varset *bound, const pol_term *t)
{
    if (pol_is_comprehension(t) || t->kind == POL_TERM_TEMPLATE || pol_is_print(t))
        return true;
    if (is_local_var(t))
        return pol_varset_has(bound, t->local);
    uint32_t arity = UINT32_MAX;
    if (t->kind == POL_TERM_CALL)
        arity = t->group     ? t->group->arity
                : t->builtin ? pol_builtin_arity(t->builtin)
                             : UINT32_MAX;
    for (uint32_t i = t->kind == POL_TERM_CALL; i < t->n; i++) {
        bool pattern = (t->kind == POL_TERM_REF && i > 0) || i > arity;
        if (!(pattern ? try_pattern(o, bound, t->items[i]) : try_value(o, bound, t->items[i])))
            return false;
    }
    return true;
}

static bool try_expr(orderer *o, pol_varset *bound, const pol_expr *e)
{
    switch ((pol_expr_kind)e->kind) {
    case POL_EXPR_TERM:
    case POL_EXPR_EVERY:
        return try_value(o, bound, e->kind == POL_EXPR_TERM ? e->left : e->right);
    case POL_EXPR_ASSIGN:
    case POL_EXPR_UNIFY:
        if (is_pattern(bound, e->left) && is_pattern(bound, e->right))
            return true; /* element by element; those that cannot be have been refused */
        if (is_pattern(bound, e->right))
            return try_value(o, bound, e->left) && try_pattern(o, bound, e->right);
        return try_value(o, bound, e->right) && try_pattern(o, bound, e->left);
    case POL_EXPR_SOME_IN:
        return try_value(o, bound, e->right) && (!e->key || try_pattern(o, bound, e->key)) &&
               try_pattern(o, bound, e->left);
    default:
        return true;
    }
}

/* Takes out the first ref or call below *slot that can be evaluated now and binds something. */
static bool take_out_first(orderer *o, pol_varset *bound, pol_term **slot, bool top,
                           const pol_expr *e, expr_list *before)
{
    pol_term *t = *slot;
    if (!t || pol_is_comprehension(t) || t->kind == POL_TERM_TEMPLATE || pol_is_print(t))
        return false;
    if (!top && (t->kind == POL_TERM_REF || t->kind == POL_TERM_CALL)) {
        pol_varset after = pol_varset_copy(o->arena, bound),
                   outputs = pol_ref_outputs_of(o->arena, bound, t);
        bool binds = false;
        for (uint32_t i = 0; i < outputs.n; i++)
            binds |= outputs.words[i] != 0;
        if (binds && try_value(o, &after, t)) {
            take_out(o, slot, e, before);
            *bound = after;
            pol_varset_add(o->arena, bound, (*slot)->local);
            return true;
        }
    }
    for (uint32_t i = t->kind == POL_TERM_CALL; i < t->n; i++)
        if (take_out_first(o, bound, &t->items[i], false, e, before))
            return true;
    return false;
}

typedef enum { TAKE_ALL, TAKE_CALLS, TAKE_NOTHING } taking;

/* Every ref and call below *slot is evaluated on its own, and *slot itself as far as top says. */
static void take_out_operands(orderer *o, pol_term **slot, taking top, const pol_expr *e, expr_list *before)
{
    pol_term *t = *slot;
    if (!t || pol_is_comprehension(t) || t->kind == POL_TERM_TEMPLATE || pol_is_print(t))
        return;
    bool equation = top == TAKE_NOTHING && t->kind == POL_TERM_CALL && t->builtin && strcmp(t->builtin->name, "equal") == 0;
    for (uint32_t i = t->kind == POL_TERM_CALL || t->kind == POL_TERM_REF; i < t->n; i++)
        take_out_operands(o, &t->items[i], equation ? TAKE_CALLS : TAKE_ALL, e, before);
    bool document = t->kind == POL_TERM_REF || (t->kind == POL_TERM_VAR && t->bound == POL_BOUND_INPUT);
    if ((top != TAKE_NOTHING && t->kind == POL_TERM_CALL) || (top == TAKE_ALL && document))
        take_out(o, slot, e, before);
}

/* In Rego without future.keywords.not it is not the operands that `not` is about: `not f(input.x)` is undefined where input.x is. In
 * .pol modules, as with future.keywords.not, undefined operands let it hold, which is what the signs of polarity.c go by. */
static void free_negated(orderer *o, const pol_expr *e, expr_list *before)
{
    if (e->kind != POL_EXPR_NOT || e->braces || o->m->polward || !o->m->module || o->m->module->keyword_not)
        return;
    for (uint32_t i = 0; i < e->body->n; i++) {
        pol_expr *inner = e->body->items[i];
        const pol_expr *modifiers = inner->n_withs ? inner : e;
        bool equation = inner->kind == POL_EXPR_ASSIGN || inner->kind == POL_EXPR_UNIFY;
        take_out_operands(o, &inner->left, equation ? TAKE_CALLS : TAKE_NOTHING, modifiers, before);
        take_out_operands(o, &inner->right, equation ? TAKE_CALLS : TAKE_ALL, modifiers, before);
    }
}

/* Adds e to placed, behind what must be taken out of it so that no variable is met before it is
 * bound. */
static void place(orderer *o, const pol_varset *safe, pol_expr *e, expr_list *placed)
{
    pol_varset bound = pol_varset_copy(o->arena, safe);
    for (;;) {
        pol_varset trial = pol_varset_copy(o->arena, &bound);
        if (try_expr(o, &trial, e))
            break;
        bool top = e->kind == POL_EXPR_TERM;
        if (!take_out_first(o, &bound, &e->left, top, e, placed) &&
            !(e->right && take_out_first(o, &bound, &e->right, false, e, placed)))
            break;
    }
    free_negated(o, e, placed);
    add_expr(o, placed, e);
}

/* ---- one body ---- */

static void add_all(pol_arena *arena, pol_varset *to, const pol_varset *from)
{
    for (uint32_t i = 0; i < from->n; i++)
        for (uint64_t w = from->words[i]; w; w &= w - 1)
            pol_varset_add(arena, to, 64 * i + (uint32_t)__builtin_ctzll(w));
}

/* An expression that waits for variables. It is looked at again only when more of what it mentions
 * has become safe. */
typedef struct {
    pol_expr *expr;
    pol_varlist vars;
    uint32_t n_safe; /* of vars, when it was looked at; UINT32_MAX: not yet */
} waiter;

typedef struct {
    waiter *items;
    uint32_t n, capacity;
} waiter_list;

static void add_waiter(orderer *o, waiter_list *list, pol_expr *e)
{
    waiter w = {.expr = e, .n_safe = UINT32_MAX};
    pol_mentioned_in(o->arena, e, &w.vars);
    POL_GROW(o->arena, list->items, list->n, list->capacity);
    list->items[list->n++] = w;
}

static bool is_worth_a_look(waiter *w, const pol_varset *safe)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->vars.n; i++)
        n += pol_varset_has(safe, w->vars.items[i]);
    bool changed = n != w->n_safe;
    w->n_safe = n;
    return changed;
}

static bool try_to_place(orderer *o, pol_varset *safe, const pol_varset *body_vars, waiter *w,
                         expr_list *placed)
{
    pol_varset outputs;
    pol_varlist missing = {0};
    if (!is_worth_a_look(w, safe))
        return false;
    pol_missing_of(&o->c->scratch, safe, body_vars, w->expr, &outputs, &missing);
    if (!missing.n) {
        place(o, safe, w->expr, placed);
        add_all(o->arena, safe, &outputs);
    }
    pol_arena_reset(&o->c->scratch);
    return !missing.n;
}

/* Places what can be placed, in rounds; the rest stays in waiting. */
static void place_rounds(orderer *o, pol_varset *safe, const pol_varset *body_vars,
                         waiter_list *waiting, expr_list *placed)
{
    for (bool moved = true; moved && waiting->n;) {
        uint32_t kept = 0;
        moved = false;
        for (uint32_t i = 0; i < waiting->n; i++) {
            if (try_to_place(o, safe, body_vars, &waiting->items[i], placed))
                moved = true;
            else
                waiting->items[kept++] = waiting->items[i];
        }
        waiting->n = kept;
    }
}

/* Calls of what waits are evaluated on their own. */
static void flatten_waiting(orderer *o, waiter_list *waiting, pol_varset *body_vars)
{
    expr_list flat = {0};
    for (uint32_t i = 0; i < waiting->n; i++) {
        pol_expr *e = waiting->items[i].expr;
        flatten_expr(o, e, e, &flat);
        add_expr(o, &flat, e);
    }
    *waiting = (waiter_list){0};
    for (uint32_t i = 0; i < flat.n; i++) {
        pol_vars_of_expr(o->arena, flat.items[i], body_vars);
        add_waiter(o, waiting, flat.items[i]);
    }
}

/* Orders body; what cannot be placed is left at its end and noted as unsafe. */
static void order_body(orderer *o, pol_body *body, const pol_varset *globals)
{
    pol_varset safe = pol_varset_copy(o->arena, globals), body_vars = {0};
    pol_vars_of_body(o->arena, body, &body_vars);
    waiter_list waiting = {0};
    expr_list placed = {0};
    for (uint32_t i = 0; i < body->n; i++)
        add_waiter(o, &waiting, body->items[i]);
    place_rounds(o, &safe, &body_vars, &waiting, &placed);
    if (waiting.n) {
        flatten_waiting(o, &waiting, &body_vars);
        place_rounds(o, &safe, &body_vars, &waiting, &placed);
    }
    for (uint32_t i = 0; i < waiting.n; i++) {
        pol_varset outputs;
        pol_varlist missing = {0};
        pol_expr *e = waiting.items[i].expr;
        pol_missing_of(o->arena, &safe, &body_vars, e, &outputs, &missing);
        for (uint32_t k = 0; k < missing.n; k++)
            note_unsafe(o, missing.items[k], e->span);
        add_expr(o, &placed, e);
    }
    body->items = placed.items;
    body->n = placed.n;
    body->capacity = placed.capacity;
}

/* ---- heads ---- */

/* Takes out of a head the refs that bind variables: they iterate like expressions of the body. */
static void take_out_refs(orderer *o, const pol_varset *known, pol_term **slot, expr_list *out)
{
    pol_term *t = *slot;
    if (!t || pol_is_comprehension(t) || t->kind == POL_TERM_TEMPLATE)
        return;
    if (t->kind == POL_TERM_REF) {
        pol_varset outputs = pol_ref_outputs_of(o->arena, known, t);
        for (uint32_t i = 0; i < outputs.n; i++)
            if (outputs.words[i]) {
                take_out(o, slot, NULL, out);
                return;
            }
    }
    for (uint32_t i = t->kind == POL_TERM_CALL; i < t->n; i++)
        take_out_refs(o, known, &t->items[i], out);
}

/* Orders body so that head terms can be evaluated behind it. where: what an unsafe variable of the
 * head itself is reported at. */
static void order_with_head(orderer *o, pol_body *body, const pol_varset *globals,
                            pol_term ***heads, uint32_t n, pol_span where)
{
    uint32_t before = o->n_unsafe;
    order_body(o, body, globals);
    pol_varset known = pol_varset_copy(o->arena, globals);
    pol_vars_of_body(o->arena, body, &known);
    expr_list out = {0};
    for (uint32_t i = 0; i < n; i++)
        take_out_refs(o, &known, heads[i], &out);
    if (out.n) {
        for (uint32_t i = 0; i < out.n; i++)
            pol_body_add(o->arena, body, out.items[i]);
        o->n_unsafe = before;
        order_body(o, body, globals);
        pol_vars_of_body(o->arena, body, &known);
    }
    for (uint32_t i = 0; i < n; i++) {
        pol_term *t = *heads[i];
        pol_varlist vars = {0};
        pol_vars_of_term(o->arena, t, &vars);
        bool inside = t->kind == POL_TERM_CALL || t->kind == POL_TERM_REF;
        for (uint32_t k = 0; k < vars.n; k++)
            if (!pol_varset_has(&known, vars.items[k]))
                note_unsafe(o, vars.items[k], inside ? t->span : where);
    }
}

/* ---- closures ---- */

typedef struct {
    orderer *o;
    const pol_varset *globals;
    pol_span where;
} closing;

static void order_closures(orderer *o, pol_body *body, const pol_varset *globals);
static void close_term(orderer *o, pol_term *t, const pol_varset *globals, pol_span where);

static void close_comprehension(orderer *o, pol_term *t, const pol_varset *globals, pol_span where)
{
    pol_term **heads[] = {&t->items[0], t->n > 1 ? &t->items[1] : NULL};
    orderer inner = *o;
    inner.unsafe = NULL;
    inner.n_unsafe = inner.unsafe_capacity = 0;
    order_with_head(&inner, t->body, globals, heads, t->n, where);
    for (uint32_t i = 0; i < inner.n_unsafe; i++)
        note_unsafe(o, inner.unsafe[i].local, inner.unsafe[i].span);
    order_closures(o, t->body, globals);
    pol_varset known = pol_varset_copy(o->arena, globals);
    pol_vars_of_body(o->arena, t->body, &known);
    for (uint32_t i = 0; i < t->n; i++)
        close_term(o, t->items[i], &known, where);
}

/* What is embedded in a template, or printed: a closure of one term. */
static void close_embedded(orderer *o, pol_term *t, const pol_varset *globals, pol_span where)
{
    pol_varlist vars = {0};
    pol_varset outputs = pol_ref_outputs_of(o->arena, globals, t),
               known = pol_varset_copy(o->arena, globals);
    pol_expr *e = pol_embedded_expr(t);
    pol_vars_of_term(o->arena, t, &vars);
    for (uint32_t i = 0; e && i < e->n_withs; i++) {
        pol_vars_of_term(o->arena, e->withs[i].target, &vars);
        pol_vars_of_term(o->arena, e->withs[i].value, &vars);
        close_term(o, e->withs[i].value, globals, where);
    }
    add_all(o->arena, &known, &outputs);
    for (uint32_t i = 0; i < vars.n; i++)
        if (!pol_varset_has(&known, vars.items[i]))
            note_unsafe(o, vars.items[i], where);
    close_term(o, t, &known, where);
}

static bool close_walked(pol_walk *w, pol_term *t)
{
    closing *c = w->context;
    if (pol_is_comprehension(t)) {
        close_comprehension(c->o, t, c->globals, c->where);
        return false;
    }
    if (t->kind == POL_TERM_TEMPLATE || pol_is_print(t)) {
        for (uint32_t i = t->kind == POL_TERM_CALL; i < t->n; i++)
            close_embedded(c->o, t->items[i], c->globals, c->where);
        return false;
    }
    return true;
}

static void close_term(orderer *o, pol_term *t, const pol_varset *globals, pol_span where)
{
    closing c = {o, globals, where};
    pol_walk w = {.term = close_walked, .context = &c};
    pol_walk_term(&w, t);
}

static void order_closed_body(orderer *o, pol_body *body, const pol_varset *globals)
{
    if (!body)
        return;
    order_body(o, body, globals);
    order_closures(o, body, globals);
}

static bool close_expr(pol_walk *w, pol_expr *e)
{
    closing *c = w->context;
    if (e->kind == POL_EXPR_EVERY) {
        pol_varset inner = pol_varset_copy(c->o->arena, c->globals);
        if (e->key)
            pol_varset_add(c->o->arena, &inner, e->key->local);
        if (is_local_var(e->left))
            pol_varset_add(c->o->arena, &inner, e->left->local);
        order_closed_body(c->o, e->body, &inner);
    } else if (e->kind == POL_EXPR_AND || e->kind == POL_EXPR_OR ||
               (e->kind == POL_EXPR_NOT && e->braces)) {
        order_closed_body(c->o, e->body, c->globals);
        order_closed_body(c->o, e->other, c->globals);
    }
    return true;
}

/* The closures of an ordered body; each sees what the expressions before its own have. */
static void order_closures(orderer *o, pol_body *body, const pol_varset *globals)
{
    pol_varset known = pol_varset_copy(o->arena, globals);
    for (uint32_t i = 0; i < body->n; i++) {
        pol_expr *e = body->items[i];
        closing c = {o, &known, e->span};
        pol_walk w = {.term = close_walked, .expr = close_expr, .context = &c};
        pol_walk_expr(&w, e);
        pol_vars_of_expr(o->arena, e, &known);
    }
}

/* ---- rules and queries ---- */

static bool end(orderer *o)
{
    if (o->n_unsafe)
        report_unsafe(o);
    return o->n_unsafe == 0;
}

bool pol_order_rule(pol_checker *c, pol_rule_info *branch)
{
    pol_rule *rule = branch->rule;
    orderer o = {.c = c, .arena = c->arena, .locals = branch->locals, .m = branch->module};
    pol_varset globals = {0};
    for (uint32_t i = 0; i < rule->n_args; i++) {
        pol_varlist vars = {0};
        pol_vars_of_term(c->arena, rule->args[i], &vars);
        for (uint32_t k = 0; k < vars.n; k++)
            pol_varset_add(c->arena, &globals, vars.items[k]);
        close_term(&o, rule->args[i], &globals, rule->span);
    }
    bool ref = rule->name->kind == POL_TERM_REF;
    pol_term ***heads = POL_NEW_ARRAY(c->arena, pol_term **, (ref ? rule->name->n : 0) + 2);
    uint32_t n = 0;
    for (uint32_t i = 1; ref && i < rule->name->n; i++)
        heads[n++] = &rule->name->items[i];
    if (rule->key)
        heads[n++] = &rule->key;
    if (rule->value)
        heads[n++] = &rule->value;
    order_with_head(&o, &rule->body, &globals, heads, n, rule->span);
    order_closures(&o, &rule->body, &globals);
    pol_vars_of_body(c->arena, &rule->body, &globals);
    for (uint32_t i = 0; i < n; i++)
        close_term(&o, *heads[i], &globals, (*heads[i])->span);
    return end(&o);
}

bool pol_order_query(pol_checker *c, pol_module_info *m, pol_body *body, pol_locals *locals)
{
    orderer o = {.c = c, .arena = c->arena, .locals = locals, .m = m};
    pol_varset globals = {0};
    order_body(&o, body, &globals);
    order_closures(&o, body, &globals);
    return end(&o);
}
