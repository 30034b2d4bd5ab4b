/* SPDX-License-Identifier: Apache-2.0
 * Lint of the eight statements as declarations: which of them can never count, which roles nobody has or needs, which permits say too much.
 */
#include "compiler/check.h"
#include "compiler/lint.h"

typedef struct {
    const pol_program *p;
    const pol_statements *s;
    pol_diags *diags;
} linter;

static pol_span word_of(const pol_statement *st)
{
    enum { WORD = 6 }; /* permit, forbid */
    return (pol_span){st->span.source, st->span.start, st->span.start + WORD};
}

static const char *effect_of(const pol_grant *g)
{
    return g->forbid ? "forbid" : "permit";
}

static bool is_star(const pol_names *names)
{
    return names->n == 1 && names->items[0].star;
}

static bool has_name(const pol_names *names, pol_bytes name)
{
    for (uint32_t i = 0; i < names->n; i++)
        if (names->items[i].star || pol_bytes_equal(names->items[i].text, name))
            return true;
    return false;
}

/* Are all names of b among those of a? */
static bool covers(const pol_names *a, const pol_names *b)
{
    for (uint32_t i = 0; i < b->n; i++)
        if (b->items[i].star ? !is_star(a) : !has_name(a, b->items[i].text))
            return false;
    return true;
}

/* Does who holds role hold the role called wanted too? */
static bool inherits(const linter *l, pol_bytes role, pol_bytes wanted)
{
    int64_t i = pol_statements_role(l->s, role);
    for (uint32_t k = 0; i >= 0 && k < l->s->roles[i].n_closure; k++)
        if (pol_bytes_equal(l->s->roles[l->s->roles[i].closure[k]].name, wanted))
            return true;
    return pol_bytes_equal(role, wanted) || pol_bytes_is(wanted, "anyone");
}

static bool covers_roles(const linter *l, const pol_names *a, const pol_names *b)
{
    for (uint32_t i = 0; i < b->n; i++) {
        bool covered = false;
        for (uint32_t k = 0; k < a->n; k++)
            covered |= inherits(l, b->items[i].text, a->items[k].text);
        if (!covered)
            return false;
    }
    return true;
}

/* ---- shadowed-statement ---- */

static bool has_condition(const pol_grant *g)
{
    return g->statement->if_rule || g->statement->unless_rule || (!g->forbid && g->statement->returning_rule);
}

/* Does a decide, unconditionally, whatever b could? Of two alike the later one is idle. */
static bool shadows(const linter *l, uint32_t i, uint32_t k)
{
    const pol_grant *a = &l->s->grants[i], *b = &l->s->grants[k];
    if (i == k || !a->statement || !b->statement || has_condition(a))
        return false;
    bool stronger = a->tier < b->tier || (a->tier == b->tier && a->forbid && !b->forbid);
    bool says_more = b->statement->because || b->statement->returning;
    bool alike = a->tier == b->tier && a->forbid == b->forbid && !says_more && (has_condition(b) || i < k);
    return (stronger || alike) && covers_roles(l, &a->statement->names, &b->statement->names) && covers(&a->statement->actions, &b->statement->actions) &&
           covers(&a->statement->types, &b->statement->types);
}

static void check_shadowed(const linter *l, uint32_t k)
{
    const pol_grant *b = &l->s->grants[k];
    for (uint32_t i = 0; i < l->s->n_grants; i++)
        if (shadows(l, i, k)) {
            const pol_grant *a = &l->s->grants[i];
            pol_diag(l->diags, POL_D_LINT_SHADOWED, word_of(b->statement),
                     "this %s never decides anything: the %s %s covers all that it names, without a condition", effect_of(b), effect_of(a), a->id);
            return;
        }
}

/* ---- what one statement says ---- */

static void check_id(const linter *l, const pol_grant *g)
{
    if (!g->statement->id.text.n)
        pol_diag(l->diags, POL_D_LINT_NO_ID, word_of(g->statement),
                 "this %s has no id: decisions call it %s, which changes when statements move; name it with `as \"...\"`", effect_of(g), g->id);
}

static void check_wildcard(const linter *l, const pol_grant *g)
{
    bool actions = is_star(&g->statement->actions), types = is_star(&g->statement->types);
    if (g->forbid || (!actions && !types))
        return;
    const pol_names *names = actions ? &g->statement->actions : &g->statement->types;
    pol_diag(l->diags, POL_D_LINT_WILDCARD, names->items[0].span, "this permits every %s, those that are added later too: name those that are meant",
             actions && types ? "action on every type" : actions ? "action" : "type");
}

/* Scopes are a ceiling where any names the type. */
static bool is_covered(const linter *l, pol_bytes action, pol_bytes type, bool *limited)
{
    *limited = false;
    for (uint32_t i = 0; i < l->s->n_scopes; i++) {
        if (!has_name(&l->s->scopes[i]->types, type))
            continue;
        *limited = true;
        if (has_name(&l->s->scopes[i]->actions, action))
            return true;
    }
    return false;
}

static void check_scopes(const linter *l, const pol_grant *g)
{
    enum { SCOPE_WEIGHT = 900 };
    const pol_statement *st = g->statement;
    if (g->forbid || l->s->tiers[g->tier].weight > SCOPE_WEIGHT)
        return;
    for (uint32_t i = 0; i < st->actions.n; i++)
        for (uint32_t k = 0; k < st->types.n; k++) {
            const pol_name *action = &st->actions.items[i], *type = &st->types.items[k];
            bool limited;
            if (action->star || type->star || is_covered(l, action->text, type->text, &limited) || !limited)
                continue;
            pol_diag(l->diags, POL_D_LINT_UNSCOPED, action->span, "no scope covers `%.*s` on `%.*s`: whoever comes with a token is refused",
                     (int)action->text.n, (const char *)action->text.at, (int)type->text.n, (const char *)type->text.at);
        }
}

/* ---- roles ---- */

static bool is_named(const linter *l, pol_bytes role)
{
    for (uint32_t i = 0; i < l->s->n_grants; i++) {
        const pol_grant *g = &l->s->grants[i];
        if (g->statement ? has_name(&g->statement->names, role) : pol_bytes_equal(g->role, role))
            return true;
    }
    return false;
}

static void check_role(const linter *l, const pol_role *role)
{
    bool named = false, assigned = false;
    for (uint32_t i = 0; i < role->n_closure; i++)
        named |= is_named(l, l->s->roles[role->closure[i]].name);
    for (uint32_t i = 0; i < l->s->n_assigns; i++)
        assigned |= pol_assign_gives(l->s, &l->s->assigns[i], role->name);
    if (!named)
        pol_diag(l->diags, POL_D_LINT_ROLE_UNUSED, role->span, "no permit or forbid names the role `%.*s` or one that it inherits", (int)role->name.n,
                 (const char *)role->name.at);
    else if (!assigned)
        pol_diag(l->diags, POL_D_LINT_ROLE_UNASSIGNED, role->span, "no `assign` can give the role `%.*s` or one that inherits it, so nobody holds it",
                 (int)role->name.n, (const char *)role->name.at);
}

/* ---- token-only-forbid ---- */

typedef struct {
    pol_walk walk;
    bool token, cert;
} reading;

static bool note_part(pol_walk *walk, pol_term *t)
{
    reading *r = (reading *)walk;
    bool part = t->kind == POL_TERM_REF && t->n > 1 && t->items[0]->kind == POL_TERM_VAR && t->items[0]->bound == POL_BOUND_INPUT &&
                t->items[1]->kind == POL_TERM_STRING;
    r->token |= part && pol_bytes_is(t->items[1]->text, "token");
    r->cert |= part && pol_bytes_is(t->items[1]->text, "cert");
    return true;
}

/* Which of the two the conditions of the assign name themselves. */
static reading read_by(const pol_assign *a)
{
    reading r = {.walk = {.term = note_part, .closures = true}};
    const pol_rule *rules[] = {a->statement->if_rule, a->statement->from_rule};
    for (int i = 0; i < 2; i++)
        if (rules[i]) {
            pol_walk_term(&r.walk, rules[i]->value);
            pol_walk_body(&r.walk, (pol_body *)(uintptr_t)&rules[i]->body);
        }
    return r;
}

/* Does every assign that gives the role need a token? */
static bool needs_token(const linter *l, pol_bytes role)
{
    bool any = false;
    for (uint32_t i = 0; i < l->s->n_assigns; i++) {
        reading r = read_by(&l->s->assigns[i]);
        if (!pol_assign_gives(l->s, &l->s->assigns[i], role))
            continue;
        if (!r.token || r.cert)
            return false;
        any = true;
    }
    return any;
}

/* Can who has a certificate alone hold one of the roles? */
static bool holds_by_cert(const linter *l, const pol_names *roles)
{
    for (uint32_t i = 0; i < roles->n; i++) {
        pol_bytes role = roles->items[i].text;
        if (pol_bytes_is(role, "anyone") || pol_bytes_is(role, "authenticated"))
            return true;
        for (uint32_t k = 0; k < l->s->n_assigns; k++) {
            reading r = read_by(&l->s->assigns[k]);
            if (r.cert && !r.token && pol_assign_gives(l->s, &l->s->assigns[k], role))
                return true;
        }
    }
    return false;
}

static bool overlaps(const pol_names *a, const pol_names *b)
{
    for (uint32_t i = 0; i < a->n; i++)
        if (a->items[i].star || has_name(b, a->items[i].text))
            return true;
    return is_star(b);
}

static void check_token_only(const linter *l, const pol_grant *g)
{
    const pol_names *roles = &g->statement->names;
    for (uint32_t i = 0; g->forbid && i < roles->n; i++)
        if (!needs_token(l, roles->items[i].text))
            return;
    for (uint32_t i = 0; g->forbid && i < l->s->n_grants; i++) {
        const pol_grant *p = &l->s->grants[i];
        if (p->forbid || !p->statement || p->tier < g->tier || !overlaps(&p->statement->actions, &g->statement->actions) ||
            !overlaps(&p->statement->types, &g->statement->types) || !holds_by_cert(l, &p->statement->names))
            continue;
        pol_diag(l->diags, POL_D_LINT_TOKEN_ONLY, roles->items[0].span,
                 "only a token gives this role, so the forbid does not meet who has a certificate alone, whom the permit %s may allow the same", p->id);
        return;
    }
}

void pol_lint_statements(const pol_program *program, pol_diags *diags)
{
    linter l = {program, program->statements, diags};
    for (uint32_t i = 0; i < l.s->n_grants; i++) {
        const pol_grant *g = &l.s->grants[i];
        if (!g->statement)
            continue;
        check_id(&l, g);
        check_wildcard(&l, g);
        check_scopes(&l, g);
        check_token_only(&l, g);
        check_shadowed(&l, i);
    }
    for (uint32_t i = 0; i < l.s->n_roles; i++)
        if (l.s->roles[i].parents)
            check_role(&l, &l.s->roles[i]);
}
