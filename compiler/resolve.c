/* SPDX-License-Identifier: Apache-2.0
 * Names bound to what they mean, rule by rule, through terms, expressions, bodies and heads.
 * Variables that nobody declares are left to locals.c.
 */
#include "compiler/resolve.h"

static void resolve_body(resolver *r, pol_body *body);

/* ---- closures ---- */

static void resolve_comprehension(resolver *r, pol_term *t)
{
    name_scope s = {0};
    scope_push(r, &s);
    scope_look_ahead(r, t->body);
    resolve_body(r, t->body);
    for (uint32_t i = 0; i < t->n; i++)
        resolve_term(r, t->items[i]);
    scope_check_unused(r, &s);
    r->scope = s.outer;
}

static void resolve_closed_body(resolver *r, pol_body *body)
{
    if (!body)
        return;
    name_scope s = {0};
    scope_push(r, &s);
    scope_look_ahead(r, body);
    resolve_body(r, body);
    scope_check_unused(r, &s);
    r->scope = s.outer;
}

static void resolve_withs(resolver *r, pol_expr *e);

static void resolve_template(resolver *r, pol_term *t)
{
    for (uint32_t i = 0; i < t->n; i++) {
        name_scope s = {0};
        scope_push(r, &s);
        resolve_term(r, t->items[i]);
        pol_expr *e = pol_embedded_expr(t->items[i]);
        if (e)
            resolve_withs(r, e);
        r->scope = s.outer;
    }
}

void resolve_term(resolver *r, pol_term *t)
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
    if ((name->kind != POL_TERM_VAR && name->kind != POL_TERM_REF) ||
        resolve_operator_head(name)->kind != POL_TERM_VAR ||
        resolve_meaning(r, resolve_operator_head(name)->text, &g) != NAME_LOCAL)
        return NULL;
    name_entry *local = scope_find(r->scope, resolve_operator_head(name)->text);
    return local && local->local != UNSET ? NULL : pol_builtin_named(r->c, name);
}

static void resolve_target(resolver *r, pol_with *w)
{
    pol_term *head = w->target->kind == POL_TERM_REF ? w->target->items[0] : w->target;
    w->builtin = builtin_meant(r, w->target);
    if (w->builtin)
        return;
    /* `with input as` means the input even where a variable of that name hides it. */
    if (head->kind == POL_TERM_VAR &&
        (pol_bytes_is(head->text, "input") || pol_bytes_is(head->text, "data"))) {
        resolve_root(head);
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
        [POL_TERM_NULL] = "null",
        [POL_TERM_BOOL] = "a boolean",
        [POL_TERM_NUMBER] = "a number",
        [POL_TERM_STRING] = "a string",
        [POL_TERM_TEMPLATE] = "a template string",
        [POL_TERM_VAR] = "a variable",
        [POL_TERM_REF] = "a ref",
        [POL_TERM_CALL] = "a call",
        [POL_TERM_ARRAY] = "an array",
        [POL_TERM_SET] = "a set",
        [POL_TERM_OBJECT] = "an object",
        [POL_TERM_ARRAY_COMPREHENSION] = "a comprehension",
        [POL_TERM_SET_COMPREHENSION] = "a comprehension",
        [POL_TERM_OBJECT_COMPREHENSION] = "a comprehension",
    };
    FAIL(
        r, POL_D_ASSIGN_TARGET, t->span,
        "`:=` cannot assign to %s: its left side is a variable, or an array or object of variables",
        kinds[t->kind]);
    r->declaration_errors++;
}

static void declare_pattern(resolver *r, pol_term *t)
{
    switch ((pol_term_kind)t->kind) {
    case POL_TERM_VAR:
        scope_declare(r, t, ASSIGNED, t->span);
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
    if (e->left->kind == POL_TERM_VAR &&
        (pol_bytes_is(e->left->text, "input") || pol_bytes_is(e->left->text, "data")))
        FAIL(r, POL_D_SHADOW_ROOT, e->left->span,
             "a variable cannot be called `%.*s`, which is a document of every policy: choose "
             "another name",
             (int)e->left->text.n, (const char *)e->left->text.at);
    declare_pattern(r, e->left);
    if (e->left->kind == POL_TERM_VAR && e->left->bound == POL_BOUND_LOCAL &&
        pol_is_constant(e->right))
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

static void declare_some_var(resolver *r, pol_term *t, pol_expr *e)
{
    if (resolve_is_wildcard(t->text)) {
        resolve_wildcard(r, t);
        return;
    }
    name_entry *own = scope_entry(r->scope, t->text);
    bool twice = own && own->occurrence == DECLARED && own->span.start == e->span.start;
    if (twice || is_in(e->right, t->text)) {
        resolve_var(r, t);
        return;
    }
    scope_declare(r, t, DECLARED, e->span);
    own = scope_entry(r->scope, t->text);
    if (own)
        own->uses++;
}

/* The variables of `some PATTERN in domain`; those that stand in the domain too mean the same
 * there. */
static void declare_some(resolver *r, pol_term *t, pol_expr *e)
{
    switch ((pol_term_kind)t->kind) {
    case POL_TERM_VAR:
        declare_some_var(r, t, e);
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
    name_scope s = {0};
    scope_push(r, &s);
    pol_walk w = {.term = scope_add_ahead, .context = r};
    pol_walk_term(&w, e->key);
    pol_walk_term(&w, e->left);
    scope_look_ahead(r, e->body);
    pol_span where = e->body->n ? e->body->items[0]->span : e->span;
    if (e->key)
        scope_declare(r, e->key, DECLARED, where);
    if (e->left->kind == POL_TERM_VAR)
        scope_declare(r, e->left, DECLARED, where);
    resolve_body(r, e->body);
    scope_check_unused(r, &s);
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
            scope_normalise(inner);
            if (inner->kind == POL_EXPR_ASSIGN || inner->kind == POL_EXPR_SOME ||
                inner->kind == POL_EXPR_SOME_IN) {
                FAIL(r, POL_D_ASSIGN_TARGET, inner->span,
                     "`not` cannot stand before a declaration: what it declares could not be used");
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
            scope_declare(r, e->terms[i], DECLARED, e->span);
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

/* Resolves in the order written; then drops declarations, which have done their work, and erased
 * prints. */
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

/* A template among the arguments can use variables of the body: the argument is compared to it
 * there. */
static void take_template(resolver *r, pol_term *t)
{
    pol_term *template = pol_term_copy(r->c->arena, t);
    *t = (pol_term){.kind = POL_TERM_VAR, .span = t->span, .text = POL_BYTES("$")};
    resolve_as_local(
        t, pol_local_add(
               r->c, r->locals,
               (pol_local){.name = t->text, .span = t->span, .generated = true, .argument = true}));
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
            FAIL(r, POL_D_SHADOW_ROOT, rule->span,
                 "an argument cannot be called `%.*s`, which is a document of every policy: choose "
                 "another name",
                 (int)t->text.n, (const char *)t->text.at);
            resolve_wildcard(r, t);
            return;
        }
        name_entry *e = resolve_is_wildcard(t->text) ? NULL : scope_entry(r->scope, t->text);
        if (e)
            resolve_as_local(t, e->local); /* f(x, x): both must be equal */
        else
            scope_declare(r, t, ARGUMENT, t->span);
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
        FAIL(r, POL_D_ARGUMENT, t->span,
             "an argument of a function is a variable or a pattern, and this is a call: compare in "
             "the body");
        return;
    case POL_TERM_REF:
        FAIL(r, POL_D_UNSAFE, rule->span,
             "an argument of a function is a variable or a pattern, and this is a ref: compare in "
             "the body");
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

static void check_unused_arguments(resolver *r, const pol_rule *rule, const name_scope *arguments)
{
    if (!r->c->program->options.strict || rule->is_default)
        return;
    for (uint32_t i = 0; i < arguments->names.n; i++)
        if (!arguments->entries[i].uses)
            FAIL(r, POL_D_UNUSED_ARGUMENT, rule->span,
                 "the argument `%.*s` is not used: write `_` in its place",
                 (int)arguments->names.keys[i].n, (const char *)arguments->names.keys[i].at);
}

static void check_rule_name(resolver *r, pol_rule *rule)
{
    pol_term *head = rule->name->kind == POL_TERM_REF ? rule->name->items[0] : rule->name;
    if (pol_bytes_is(head->text, "input") || pol_bytes_is(head->text, "data"))
        FAIL(r, POL_D_SHADOW_ROOT, rule->span,
             "a rule cannot be called `%.*s`, which is a document of every policy: choose another "
             "name",
             (int)head->text.n, (const char *)head->text.at);
    if (resolve_is_request(r, head->text))
        resolve_refuse_request(r, head);
}

/* One branch: arguments are declared in the same scope as the variables of its body, so that
 * neither can take the other's name. */
static void resolve_branch(resolver *r, pol_rule *rule, name_scope *arguments)
{
    name_scope s = {0};
    scope_push(r, &s);
    for (uint32_t i = 0; i < arguments->names.n; i++) {
        name_entry e = arguments->entries[i];
        e.uses = 0;
        scope_add(r, arguments->names.keys[i], e);
        pol_namemap_put(r->c->arena, &s.ahead, arguments->names.keys[i], 0);
    }
    scope_look_ahead(r, &rule->body);
    resolve_body(r, &rule->body);
    compare_templates(r, rule);
    resolve_head(r, rule);
    scope_check_unused(r, &s);
    for (uint32_t i = 0; i < arguments->names.n; i++)
        arguments->entries[i].uses += s.entries[i].uses;
    r->scope = s.outer;
}

bool pol_resolve_rule(pol_checker *c, pol_rule_info *info)
{
    resolver r = {.c = c, .m = info->module, .info = info, .locals = info->locals};
    pol_rule *rule = info->rule;
    name_scope arguments = {0};
    check_rule_name(&r, rule);
    scope_push(&r, &arguments);
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
    name_scope s = {0};
    scope_push(&r, &s);
    scope_look_ahead(&r, body);
    resolve_body(&r, body);
    return !r.failed;
}
