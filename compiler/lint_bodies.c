/* SPDX-License-Identifier: Apache-2.0
 * Lint of bodies: conditions that say nothing, walks where look-ups would do, functions that had better not be called. Works on the resolved tree: names are
 * whole paths, and two texts that print alike mean the same.
 */
#include "compiler/check.h"
#include "compiler/lint.h"

typedef struct {
    pol_walk walk;
    const pol_program *p;
    pol_diags *diags;
    pol_arena *arena;
    const pol_names *actions, *types; /* of the statement whose body this is; NULL: of none */
    bool *seen;       /* of each group: is in the queue or was */
    const pol_group **queue;
    uint32_t n_queue;
    bool hot, negative; /* hot: read by statements, where there are any; negative: undefined turns towards allow here */
} linter;

/* ---- asking of terms ---- */

static pol_bytes text_of(const linter *l, const pol_term *t)
{
    POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
    pol_term_print(t, &text);
    return pol_buf_to_arena(&text, l->arena);
}

static const pol_term *root_of(const pol_term *t)
{
    return t->kind == POL_TERM_REF ? t->items[0] : t;
}

static bool is_bound(const pol_term *t, pol_bound bound)
{
    const pol_term *root = root_of(t);
    return root->kind == POL_TERM_VAR && root->bound == bound;
}

static bool is_call_of(const pol_term *t, const char *name)
{
    return t && t->kind == POL_TERM_CALL && t->builtin && strcmp(t->builtin->name, name) == 0;
}

typedef struct {
    pol_walk walk;
    bool call, input, local;
    uint32_t of; /* the local that counts */
} search;

static bool note_term(pol_walk *walk, pol_term *t)
{
    search *s = (search *)walk;
    s->call |= t->kind == POL_TERM_CALL && !t->infix;
    s->input |= t->kind == POL_TERM_VAR && t->bound == POL_BOUND_INPUT;
    s->local |= t->kind == POL_TERM_VAR && t->bound == POL_BOUND_LOCAL && t->local == s->of;
    return true;
}

static search look_into(pol_term *t, uint32_t local)
{
    search s = {.walk = {.term = note_term, .closures = true}, .of = local};
    pol_walk_term(&s.walk, t);
    return s;
}

/* ---- redundant-condition, never-holds ---- */

/* Both sides of a comparison of the kind; false if e is none. */
static bool sides_of(const pol_expr *e, const char *name, pol_term **left, pol_term **right)
{
    if (e->n_withs)
        return false;
    bool unify = e->kind == POL_EXPR_UNIFY && strcmp(name, "equal") == 0;
    if (!unify && (e->kind != POL_EXPR_TERM || !is_call_of(e->left, name) || e->left->n != 3))
        return false;
    *left = unify ? e->left : e->left->items[1];
    *right = unify ? e->right : e->left->items[2];
    return true;
}

static void check_constant(const linter *l, const pol_expr *e)
{
    if (e->kind != POL_EXPR_TERM || e->n_withs || e->left->kind > POL_TERM_STRING)
        return;
    if (e->left->kind == POL_TERM_BOOL && !e->left->boolean)
        pol_diag(l->diags, POL_D_LINT_NEVER, e->span, "this is false, so what it is a condition of never holds");
    else
        pol_diag(l->diags, POL_D_LINT_REDUNDANT, e->span, "this constant always holds: leave it out");
}

static void check_same_sides(const linter *l, const pol_expr *e)
{
    static const char *const names[] = {"equal", "lte", "gte", "neq", "lt", "gt"};
    enum { TRUE_NAMES = 3 };
    pol_term *left, *right;
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (!sides_of(e, names[i], &left, &right) || left->kind == POL_TERM_CALL || !pol_bytes_equal(text_of(l, left), text_of(l, right)))
            continue;
        if (i < TRUE_NAMES)
            pol_diag(l->diags, POL_D_LINT_REDUNDANT, e->span, "both sides are the same, so this holds whenever they are defined");
        else
            pol_diag(l->diags, POL_D_LINT_NEVER, e->span, "both sides are the same, so this never holds");
    }
}

/* `resource.type == "order"` in a statement on order. */
static void check_named(const linter *l, const pol_expr *e, const char *path, const pol_names *names, const char *what)
{
    pol_term *left, *right;
    if (!names || names->n != 1 || names->items[0].star || !sides_of(e, "equal", &left, &right))
        return;
    const pol_term *constant = right->kind == POL_TERM_STRING ? right : left, *other = constant == right ? left : right;
    if (constant->kind != POL_TERM_STRING || !pol_bytes_is(text_of(l, other), path))
        return;
    if (pol_bytes_equal(constant->text, names->items[0].text))
        pol_diag(l->diags, POL_D_LINT_REDUNDANT, e->span, "the statement is for the %s `%.*s` only: leave this out", what, (int)constant->text.n,
                 (const char *)constant->text.at);
    else
        pol_diag(l->diags, POL_D_LINT_NEVER, e->span, "the statement is for the %s `%.*s` only, so this never holds", what, (int)names->items[0].text.n,
                 (const char *)names->items[0].text.at);
}

static bool is_same_twice(const linter *l, const pol_expr *a, const pol_expr *b)
{
    POL_CLEAN(pol_buf_deinit) pol_buf x = {0};
    POL_CLEAN(pol_buf_deinit) pol_buf y = {0};
    if (a->kind != b->kind || (a->kind != POL_EXPR_TERM && a->kind != POL_EXPR_NOT))
        return false;
    pol_expr_print(a, &x);
    pol_expr_print(b, &y);
    bool wild = x.n && memchr(x.at, '_', x.n) && strstr((const char *)pol_arena_copy(l->arena, x.at, x.n), "[_]");
    return !wild && pol_bytes_equal(pol_buf_view(&x), pol_buf_view(&y));
}

static void check_twice(const linter *l, const pol_body *body)
{
    enum { COMPARED_MAX = 200 };
    for (uint32_t i = 1; i < body->n && i < COMPARED_MAX; i++)
        for (uint32_t k = 0; k < i; k++) {
            const pol_expr *a = body->items[k], *b = body->items[i];
            if (a->generated || b->generated || !is_same_twice(l, a, b))
                continue;
            const pol_expr *later = a->span.start < b->span.start ? b : a;
            if (!is_call_of(later->left, "print"))
                pol_diag(l->diags, POL_D_LINT_REDUNDANT, later->span, "this condition stands in the body before");
            break;
        }
}

/* ---- non-indexable-rule ---- */

/* Does e compare what is reached through the local with something that is known without it? */
static bool compares(const pol_expr *e, uint32_t local)
{
    pol_term *left, *right;
    if (!sides_of(e, "equal", &left, &right))
        return false;
    for (int i = 0; i < 2; i++) {
        pol_term *one = i ? right : left, *other = i ? left : right;
        const pol_term *root = root_of(one);
        bool through = one->kind == POL_TERM_REF && root->kind == POL_TERM_VAR && root->bound == POL_BOUND_LOCAL && root->local == local;
        search s = look_into(other, local);
        if (through && !s.local && (s.input || other->kind == POL_TERM_VAR))
            return true;
    }
    return false;
}

static void tell_scan(const linter *l, const pol_expr *e, const pol_term *data)
{
    pol_bytes text = text_of(l, data);
    pol_diag(l->diags, POL_D_LINT_SCAN, e->span,
             "every decision walks all of `%.*s` for one member: keep it as an object by what is looked for, and look it up", (int)text.n,
             (const char *)text.at);
}

static void check_scan(const linter *l, const pol_body *body)
{
    for (uint32_t i = 0; l->hot && i < body->n; i++) {
        const pol_expr *e = body->items[i];
        if (e->kind != POL_EXPR_SOME_IN || e->left->kind != POL_TERM_VAR || !is_bound(e->right, POL_BOUND_DATA))
            continue;
        for (uint32_t k = 0; k < body->n; k++)
            if (k != i && compares(body->items[k], e->left->local)) {
                tell_scan(l, e, e->right);
                break;
            }
    }
}

/* `data.users[_].id == subject.id` */
static void check_wild_scan(const linter *l, const pol_expr *e)
{
    pol_term *left, *right;
    if (!l->hot || !sides_of(e, "equal", &left, &right))
        return;
    for (int k = 0; k < 2; k++) {
        pol_term *one = k ? right : left, *other = k ? left : right;
        if (one->kind != POL_TERM_REF || !is_bound(one, POL_BOUND_DATA) || !look_into(other, 0).input)
            continue;
        for (uint32_t i = 1; i + 1 < one->n; i++)
            if (one->items[i]->kind == POL_TERM_VAR && pol_bytes_is(one->items[i]->text, "_")) {
                tell_scan(l, e, one);
                return;
            }
    }
}

/* ---- terms ---- */

static void check_call(const linter *l, const pol_term *t)
{
    static const char *const weak[] = {"crypto.md5", "crypto.sha1", "crypto.hmac.md5", "crypto.hmac.sha1"};
    for (size_t i = 0; i < sizeof weak / sizeof *weak; i++)
        if (is_call_of(t, weak[i]))
            pol_diag(l->diags, POL_D_LINT_WEAK_HASH, t->span, "`%s` is broken: use `%s`", weak[i], i < 2 ? "crypto.sha256" : "crypto.hmac.sha256");
    if (is_call_of(t, "io.jwt.decode"))
        pol_diag(l->diags, POL_D_LINT_UNVERIFIED, t->span,
                 "`io.jwt.decode` verifies nothing, so anybody can write what it gives: read `token`, which is verified, or use `pol.jwt.verify`");
    if (is_call_of(t, "print"))
        pol_diag(l->diags, POL_D_LINT_PRINT, t->span, "`print` is for trying things out");
}

/* A key from the request that data does not have would turn the answer towards allow. */
static void check_lookup(const linter *l, pol_term *t)
{
    if (!l->negative || t->kind != POL_TERM_REF || !is_bound(t, POL_BOUND_DATA))
        return;
    for (uint32_t i = 1; i < t->n; i++)
        if (t->items[i]->kind != POL_TERM_STRING && look_into(t->items[i], 0).input) {
            pol_bytes text = text_of(l, t);
            pol_diag(l->diags, POL_D_LINT_LOOKUP, t->span,
                     "where `%.*s` is not in data, this does not hold, which turns the decision towards allow: use `object.get` with a default", (int)text.n, (const char *)text.at);
            return;
        }
}

static void add_group(linter *l, const pol_group *group)
{
    if (!l->seen[group->index])
        l->queue[l->n_queue++] = group;
    l->seen[group->index] = true;
}

static void follow(linter *l, const pol_term *t)
{
    if (t->kind == POL_TERM_CALL && t->group)
        add_group(l, t->group);
    if (t->kind != POL_TERM_REF || !is_bound(t, POL_BOUND_DATA))
        return;
    pol_bytes *path = POL_NEW_ARRAY(l->arena, pol_bytes, t->n);
    uint32_t n = 0, used;
    pol_document *document;
    while (n + 1 < t->n && t->items[n + 1]->kind == POL_TERM_STRING) {
        path[n] = t->items[n + 1]->text;
        n++;
    }
    const pol_group *group = pol_program_find(l->p, path, n, &used, &document);
    if (group)
        add_group(l, group);
}

static bool visit_term(pol_walk *walk, pol_term *t)
{
    linter *l = (linter *)walk;
    check_call(l, t);
    check_lookup(l, t);
    follow(l, t);
    if (pol_is_comprehension(t) && t->body) {
        check_scan(l, t->body);
        check_twice(l, t->body);
    }
    return true;
}

static bool visit_expr(pol_walk *walk, pol_expr *e)
{
    linter *l = (linter *)walk;
    if (e->generated)
        return true;
    check_constant(l, e);
    check_same_sides(l, e);
    check_named(l, e, "input.action.name", l->actions, "action");
    check_named(l, e, "input.resource.type", l->types, "type");
    check_wild_scan(l, e);
    const pol_body *bodies[] = {e->body, e->other};
    for (int i = 0; i < 2; i++)
        if (bodies[i]) {
            check_scan(l, bodies[i]);
            check_twice(l, bodies[i]);
        }
    return true;
}

/* ---- rules ---- */

static void visit_rule(linter *l, const pol_rule *rule)
{
    for (const pol_rule *r = rule; r; r = r->next_else) {
        for (uint32_t i = 0; i < r->n_args; i++)
            pol_walk_term(&l->walk, r->args[i]);
        for (uint32_t i = 1; r->name->kind == POL_TERM_REF && i < r->name->n; i++)
            pol_walk_term(&l->walk, r->name->items[i]);
        pol_walk_term(&l->walk, r->key);
        pol_walk_term(&l->walk, r->value);
        check_scan(l, &r->body);
        check_twice(l, &r->body);
        pol_walk_body(&l->walk, (pol_body *)(uintptr_t)&r->body);
    }
}

static bool is_test(const pol_group *g)
{
    pol_bytes name = g->n_path ? g->path[g->n_path - 1] : pol_bytes_of(NULL, 0);
    return pol_bytes_starts(name, POL_BYTES("test_")) || pol_bytes_starts(name, POL_BYTES("todo_test_"));
}

static void visit_hidden(linter *l, const pol_module *m, const pol_rule *rule, bool negative)
{
    pol_group *group = rule ? pol_hidden_group(l->p, m, rule) : NULL;
    if (!group)
        return;
    l->seen[group->index] = true;
    l->negative = negative;
    visit_rule(l, rule);
    l->negative = false;
}

static void visit_statements(linter *l)
{
    const pol_statements *s = l->p->statements;
    for (uint32_t i = 0; i < s->n_grants; i++) {
        const pol_grant *g = &s->grants[i];
        const pol_statement *st = g->statement;
        if (!st)
            continue;
        l->actions = &st->actions;
        l->types = &st->types;
        visit_hidden(l, g->module, st->if_rule, g->forbid);
        visit_hidden(l, g->module, st->unless_rule, !g->forbid);
        visit_hidden(l, g->module, st->because_rule, false);
        visit_hidden(l, g->module, st->returning_rule, false);
    }
    l->actions = l->types = NULL;
    for (uint32_t i = 0; i < s->n_assigns; i++) {
        visit_hidden(l, s->assigns[i].module, s->assigns[i].statement->if_rule, false);
        visit_hidden(l, s->assigns[i].module, s->assigns[i].statement->from_rule, false);
    }
}

static void visit_queue(linter *l)
{
    while (l->n_queue) {
        const pol_group *group = l->queue[--l->n_queue];
        for (uint32_t i = 0; i < group->n_rules; i++)
            visit_rule(l, group->rules[i]);
    }
}

void pol_lint_bodies(const pol_program *program, pol_diags *diags)
{
    linter l = {.walk = {.term = visit_term, .expr = visit_expr, .closures = true}, .p = program, .diags = diags, .arena = program->arena, .hot = true};
    l.seen = POL_NEW_ARRAY(program->arena, bool, (size_t)program->n_groups + 1);
    l.queue = POL_NEW_ARRAY(program->arena, const pol_group *, (size_t)program->n_groups + 1);
    if (program->has_statements) {
        visit_statements(&l);
        visit_queue(&l);
        l.hot = false;
    }
    for (uint32_t i = 0; i < program->n_groups; i++) {
        if (!is_test(program->groups[i]))
            add_group(&l, program->groups[i]);
        visit_queue(&l);
    }
}
