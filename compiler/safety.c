/* SPDX-License-Identifier: Apache-2.0
 * Which variables an expression needs and which it binds, and from that the order of bodies, as OPA
 * finds it: an expression is placed as soon as what it needs is bound, in the order written where
 * there is a choice. What cannot be placed is unsafe. Closures are ordered inside with what is
 * bound around them.
 *
 * Where a call can only be placed apart from the expression it stands in, or where evaluation from
 * left to right would meet a variable too early, the call or ref is taken out into an assignment of
 * its own before the expression.
 */
#include "compiler/safety.h"

enum { PATTERN_MAX = 2000 };

/* ---- sets of locals ---- */

void pol_varset_add(pol_arena *arena, pol_varset *set, uint32_t local)
{
    uint32_t word = local / 64;
    if (word >= set->n) {
        uint32_t n = 2 * word + 2;
        uint64_t *words = POL_NEW_ARRAY(arena, uint64_t, n);
        if (set->n)
            memcpy(words, set->words, set->n * sizeof *words);
        set->words = words;
        set->n = n;
    }
    set->words[word] |= UINT64_C(1) << (local % 64);
}

bool pol_varset_has(const pol_varset *set, uint32_t local)
{
    return local / 64 < set->n && (set->words[local / 64] >> (local % 64) & 1);
}

pol_varset pol_varset_copy(pol_arena *arena, const pol_varset *set)
{
    pol_varset copy = {POL_NEW_ARRAY(arena, uint64_t, set->n + 1), set->n};
    if (set->n)
        memcpy(copy.words, set->words, set->n * sizeof *copy.words);
    return copy;
}

void pol_varlist_add(pol_arena *arena, pol_varlist *list, uint32_t local)
{
    for (uint32_t i = list->n; i-- > 0 && list->n - i < 16;) /* nearly all repetitions are near */
        if (list->items[i] == local)
            return;
    POL_GROW(arena, list->items, list->n, list->capacity);
    list->items[list->n++] = local;
}

/* ---- what stands in a term ---- */

typedef struct {
    pol_arena *arena;
    pol_varlist *list;
} collector;

static bool collect_own(pol_walk *w, pol_term *t)
{
    collector *c = w->context;
    if (pol_is_print(t))
        return false;
    if (t->kind == POL_TERM_CALL) {
        for (uint32_t i = 1; i < t->n; i++)
            pol_walk_term(w, t->items[i]);
        return false;
    }
    if (t->kind == POL_TERM_VAR && t->bound == POL_BOUND_LOCAL)
        pol_varlist_add(c->arena, c->list, t->local);
    return true;
}

void pol_vars_of_term(pol_arena *arena, pol_term *t, pol_varlist *out)
{
    collector c = {arena, out};
    pol_walk w = {.term = collect_own, .context = &c};
    pol_walk_term(&w, t);
}

static void vars_of_expr(pol_arena *arena, pol_expr *e, pol_varlist *out)
{
    collector c = {arena, out};
    pol_walk w = {.term = collect_own, .context = &c};
    pol_walk_expr(&w, e);
}

static bool collect_all(pol_walk *w, pol_term *t)
{
    collector *c = w->context;
    if (t->kind == POL_TERM_VAR && t->bound == POL_BOUND_LOCAL)
        pol_varlist_add(c->arena, c->list, t->local);
    return true;
}

static bool enter_closure(pol_walk *w, pol_term *t)
{
    collector *c = w->context;
    if (!pol_is_comprehension(t) && t->kind != POL_TERM_TEMPLATE && !pol_is_print(t))
        return true;
    pol_walk inside = {.term = collect_all, .context = c, .closures = true};
    pol_walk_term(&inside, t);
    return false;
}

static bool enter_closed_expr(pol_walk *w, pol_expr *e)
{
    collector *c = w->context;
    pol_walk inside = {.term = collect_all, .context = c, .closures = true};
    if (e->kind == POL_EXPR_EVERY || e->kind == POL_EXPR_AND || e->kind == POL_EXPR_OR ||
        (e->kind == POL_EXPR_NOT && e->braces)) {
        pol_walk_body(&inside, e->body);
        pol_walk_body(&inside, e->other);
    }
    return true;
}

/* All that closures in e mention, their own variables too. */
static void vars_in_closures(pol_arena *arena, pol_expr *e, pol_varlist *out)
{
    collector c = {arena, out};
    pol_walk w = {.term = enter_closure, .expr = enter_closed_expr, .context = &c};
    pol_walk_expr(&w, e);
}

void pol_mentioned_in(pol_arena *arena, pol_expr *e, pol_varlist *out)
{
    vars_of_expr(arena, e, out);
    vars_in_closures(arena, e, out);
}

/* ---- what an expression binds ---- */

static bool all_safe(const pol_varset *safe, const pol_varset *more, const pol_varlist *vars)
{
    for (uint32_t i = 0; i < vars->n; i++)
        if (!pol_varset_has(safe, vars->items[i]) &&
            !(more && pol_varset_has(more, vars->items[i])))
            return false;
    return true;
}

typedef struct {
    pol_arena *arena;
    const pol_varset *safe;
    pol_varset out;
    bool changed;
} binding;

static void mark(binding *b, uint32_t local)
{
    if (pol_varset_has(b->safe, local) || pol_varset_has(&b->out, local))
        return;
    pol_varset_add(b->arena, &b->out, local);
    b->changed = true;
}

static bool is_safe_var(const binding *b, const pol_term *t)
{
    return pol_varset_has(b->safe, t->local) || pol_varset_has(&b->out, t->local);
}

static bool is_local_var(const pol_term *t)
{
    return t->kind == POL_TERM_VAR && t->bound == POL_BOUND_LOCAL;
}

static bool is_term_safe(const binding *b, pol_term *t)
{
    pol_varlist vars = {0};
    pol_vars_of_term(b->arena, t, &vars);
    return all_safe(b->safe, &b->out, &vars);
}

static bool is_head_safe(const binding *b, const pol_term *ref)
{
    pol_term *head = ref->items[0];
    return is_local_var(head) ? pol_varset_has(b->safe, head->local) : is_term_safe(b, head);
}

/* Variables that an operand or a pattern binds: those of arrays and of objects' values (and, in an
 * operand, of sets). */
static void mark_pattern(binding *b, const pol_term *t, bool operand)
{
    if (is_local_var(t)) {
        mark(b, t->local);
    } else if (t->kind == POL_TERM_ARRAY || (operand && t->kind == POL_TERM_SET)) {
        for (uint32_t i = 0; i < t->n; i++)
            mark_pattern(b, t->items[i], operand);
    } else if (t->kind == POL_TERM_OBJECT) {
        for (uint32_t i = 1; i < t->n; i += 2)
            mark_pattern(b, t->items[i], operand);
    }
}

static bool mark_ref(pol_walk *w, pol_term *t)
{
    binding *b = w->context;
    if (t->kind == POL_TERM_CALL) {
        for (uint32_t i = 1; i < t->n; i++)
            pol_walk_term(w, t->items[i]);
        return false;
    }
    if (t->kind != POL_TERM_REF)
        return true;
    if (!is_head_safe(b, t)) {
        pol_walk_term(w, t->items[0]);
        return false;
    }
    for (uint32_t i = 1; i < t->n; i++)
        mark_pattern(b, t->items[i], true);
    return true;
}

static void mark_refs(binding *b, pol_term *t)
{
    pol_walk w = {.term = mark_ref, .context = b};
    pol_walk_term(&w, t);
}

static bool is_same_key(const pol_term *a, const pol_term *b)
{
    if (is_local_var(a) || is_local_var(b))
        return is_local_var(a) && is_local_var(b) && a->local == b->local;
    return a->kind == b->kind && pol_is_constant(a) && a->boolean == b->boolean &&
           pol_bytes_equal(a->text, b->text);
}

static bool is_pattern_kind(const pol_term *t)
{
    return t->kind == POL_TERM_ARRAY || t->kind == POL_TERM_OBJECT;
}

static bool pattern_is_safe(const binding *b, const pol_term *t)
{
    if (is_local_var(t))
        return is_safe_var(b, t);
    if (is_pattern_kind(t)) {
        bool object = t->kind == POL_TERM_OBJECT;
        for (uint32_t i = object; i < t->n; i += object ? 2 : 1)
            if (!pattern_is_safe(b, t->items[i]))
                return false;
        return true;
    }
    return true;
}

static void unify_var(binding *b, pol_term *var, pol_term *other);

static void unify(binding *b, pol_term *x, pol_term *y);

/* Long literals are matched by position: nobody writes them as patterns. */
static void unify_objects(binding *b, pol_term *x, pol_term *y)
{
    bool by_position = x->n > PATTERN_MAX;
    for (uint32_t i = 0; x->n == y->n && i < x->n; i += 2)
        for (uint32_t k = by_position ? i : 0; k < (by_position ? i + 2 : y->n); k += 2)
            if (is_same_key(x->items[i], y->items[k]))
                unify(b, x->items[i + 1], y->items[k + 1]);
}

static void unify(binding *b, pol_term *x, pol_term *y)
{
    if (is_local_var(x)) {
        unify_var(b, x, y);
    } else if (is_local_var(y)) {
        unify_var(b, y, x);
    } else if (x->kind == POL_TERM_ARRAY && y->kind == POL_TERM_ARRAY) {
        for (uint32_t i = 0; x->n == y->n && i < x->n; i++)
            unify(b, x->items[i], y->items[i]);
    } else if (x->kind == POL_TERM_OBJECT && y->kind == POL_TERM_OBJECT) {
        unify_objects(b, x, y);
    } else if (is_pattern_kind(x) || is_pattern_kind(y)) {
        pol_term *pattern = is_pattern_kind(x) ? x : y, *value = pattern == x ? y : x;
        if (value->kind == POL_TERM_REF
                ? is_head_safe(b, value)
                : pol_is_comprehension(value) ||
                      (value->kind == POL_TERM_CALL && is_term_safe(b, value)))
            mark_pattern(b, pattern, false);
        else if (value->kind == POL_TERM_VAR) /* input or data */
            mark_pattern(b, pattern, false);
    }
}

static void unify_var(binding *b, pol_term *var, pol_term *other)
{
    if (is_local_var(other)) {
        if (is_safe_var(b, other))
            mark(b, var->local);
        else if (is_safe_var(b, var))
            mark(b, other->local);
    } else if (is_pattern_kind(other)) {
        if (is_safe_var(b, var))
            mark_pattern(b, other, false);
        else if (pattern_is_safe(b, other))
            mark(b, var->local);
    } else if (other->kind == POL_TERM_REF) {
        if (is_head_safe(b, other))
            mark(b, var->local);
    } else if (other->kind == POL_TERM_CALL) {
        if (is_term_safe(b, other))
            mark(b, var->local);
    } else {
        mark(b, var->local);
    }
}

static void bind_call(binding *b, pol_term *call)
{
    mark_refs(b, call);
    uint32_t arity = call->group     ? call->group->arity
                     : call->builtin ? pol_builtin_arity(call->builtin)
                                     : UINT32_MAX;
    if (call->builtin && (call->builtin->flags & POL_VARIADIC))
        return;
    if (arity == UINT32_MAX || call->n - 1 != arity + 1)
        return;
    pol_varlist needed = {0};
    for (uint32_t i = 1; i <= arity; i++)
        pol_vars_of_term(b->arena, call->items[i], &needed);
    if (all_safe(b->safe, &b->out, &needed))
        mark_pattern(b, call->items[arity + 1], false);
}

static bool withs_are_safe(const binding *b, const pol_expr *e)
{
    pol_varlist vars = {0};
    for (uint32_t i = 0; i < e->n_withs; i++) {
        pol_vars_of_term(b->arena, e->withs[i].target, &vars);
        pol_vars_of_term(b->arena, e->withs[i].value, &vars);
    }
    return all_safe(b->safe, NULL, &vars);
}

/* safe without the variables of t. */
static pol_varset without(pol_arena *arena, const pol_varset *safe, pol_term *t)
{
    pol_varlist vars = {0};
    pol_varset left = pol_varset_copy(arena, safe);
    pol_vars_of_term(arena, t, &vars);
    for (uint32_t i = 0; i < vars.n; i++) {
        if (pol_varset_has(&left, vars.items[i]))
            left.words[vars.items[i] / 64] &= ~(UINT64_C(1) << (vars.items[i] % 64));
    }
    return left;
}

pol_varset pol_outputs_of(pol_arena *arena, const pol_varset *safe, pol_expr *e)
{
    binding b = {.arena = arena, .safe = safe};
    if (!withs_are_safe(&b, e))
        return b.out;
    switch ((pol_expr_kind)e->kind) {
    case POL_EXPR_TERM:
        if (pol_is_print(e->left))
            break;
        if (e->left->kind == POL_TERM_CALL)
            bind_call(&b, e->left);
        else
            mark_refs(&b, e->left);
        break;
    case POL_EXPR_ASSIGN:
    case POL_EXPR_UNIFY:
        mark_refs(&b, e->left);
        mark_refs(&b, e->right);
        /* `:=` gives the left side its value, and never the right one the left one's */
        pol_varset rest = {0};
        if (e->kind == POL_EXPR_ASSIGN) {
            rest = without(arena, safe, e->left);
            b.safe = &rest;
        }
        do {
            b.changed = false;
            unify(&b, e->left, e->right);
        } while (b.changed);
        break;
    case POL_EXPR_SOME_IN:
        mark_refs(&b, e->right);
        if (e->right->kind == POL_TERM_REF ? is_head_safe(&b, e->right)
                                           : is_term_safe(&b, e->right)) {
            if (e->key)
                mark_pattern(&b, e->key, true);
            mark_pattern(&b, e->left, false);
        }
        break;
    case POL_EXPR_EVERY:
        mark_refs(&b, e->right);
        break;
    case POL_EXPR_NOT:
    case POL_EXPR_SOME:
    case POL_EXPR_AND:
    case POL_EXPR_OR:
        break;
    }
    return b.out;
}

pol_varset pol_ref_outputs_of(pol_arena *arena, const pol_varset *safe, pol_term *t)
{
    binding b = {.arena = arena, .safe = safe};
    mark_refs(&b, t);
    return b.out;
}

/* ---- what it needs ---- */

static void add_missing(pol_arena *arena, const pol_varset *safe, const pol_varset *outputs,
                        const pol_varlist *vars, pol_varlist *missing)
{
    for (uint32_t i = 0; i < vars->n; i++)
        if (!pol_varset_has(safe, vars->items[i]) &&
            !(outputs && pol_varset_has(outputs, vars->items[i])))
            pol_varlist_add(arena, missing, vars->items[i]);
}

/* Variables of the body (body_vars) that e cannot do without and that are neither safe nor bound by
 * e itself. */
void pol_missing_of(pol_arena *arena, const pol_varset *safe, const pol_varset *body_vars,
                    pol_expr *e, pol_varset *outputs, pol_varlist *missing)
{
    pol_varlist own = {0}, closed = {0}, shared = {0};
    *outputs = pol_outputs_of(arena, safe, e);
    vars_of_expr(arena, e, &own);
    add_missing(arena, safe, outputs, &own, missing);
    vars_in_closures(arena, e, &closed);
    for (uint32_t i = 0; i < closed.n; i++)
        if (pol_varset_has(body_vars, closed.items[i]))
            pol_varlist_add(arena, &shared, closed.items[i]);
    add_missing(arena, safe, NULL, &shared, missing);
}

void pol_vars_of_body(pol_arena *arena, pol_body *body, pol_varset *out)
{
    for (uint32_t i = 0; i < body->n; i++) {
        pol_varlist own = {0};
        vars_of_expr(arena, body->items[i], &own);
        for (uint32_t k = 0; k < own.n; k++)
            pol_varset_add(arena, out, own.items[k]);
    }
}

void pol_vars_of_expr(pol_arena *arena, pol_expr *e, pol_varset *out)
{
    pol_varlist own = {0};
    vars_of_expr(arena, e, &own);
    for (uint32_t k = 0; k < own.n; k++)
        pol_varset_add(arena, out, own.items[k]);
}
