/* SPDX-License-Identifier: Apache-2.0
 * The stages of the check in their order. A rule in which one finds an error is not looked at by
 * the next, which would report what follows from it.
 */
#include "compiler/check.h"
#include "compiler/infer.h"

#include <stdlib.h>

static void check_names(pol_checker *c)
{
    for (uint32_t i = 0; i < c->n_rules; i++) {
        pol_rule_info *info = c->rules[i];
        bool sound = pol_resolve_rule(c, info);
        for (pol_rule_info *b = info; b; b = b->next_else)
            b->failed = !sound;
    }
    pol_check_imports_used(c);
}

static void check_order(pol_checker *c)
{
    for (uint32_t i = 0; i < c->n_rules; i++) {
        pol_rule_info *info = c->rules[i];
        for (pol_rule_info *b = info; b; b = b->next_else) {
            pol_bind_rule(c, b);
            if (!b->failed && !pol_order_rule(c, b))
                b->failed = true;
        }
        for (pol_rule_info *b = info; b; b = b->next_else)
            b->rule->n_locals = info->locals->n;
    }
}

bool pol_program_check(pol_program *program)
{
    uint32_t errors = program->diags->n_errors;
    pol_checker *c = POL_NEW(program->arena, pol_checker);
    program->checker = c;
    c->program = program;
    c->arena = program->arena;
    c->diags = program->diags;
    pol_arena_init(&c->scratch, 0);
    pol_check_modules(c);
    pol_make_groups(c);
    check_names(c);
    pol_check_conflicts(c);
    check_order(c);
    pol_rule_order order = pol_check_recursion(c);
    pol_check_types(c, &order);
    pol_diags_sort(program->diags);
    pol_arena_deinit(&c->scratch);
    return program->diags->n_errors == errors && !c->incomplete;
}

/* ---- queries ---- */

static pol_term *import_path(pol_checker *c, pol_span span, const char *text)
{
    pol_bytes left = pol_bytes_text(text);
    pol_term **items = POL_NEW_ARRAY(c->arena, pol_term *, left.n + 1);
    uint32_t n = 0;
    while (left.n) {
        const uint8_t *dot = memchr(left.at, '.', left.n);
        size_t length = dot ? (size_t)(dot - left.at) : left.n;
        pol_bytes part = pol_bytes_of(pol_arena_copy(c->arena, left.at, length), length);
        items[n] = pol_term_text(c->arena, n ? POL_TERM_STRING : POL_TERM_VAR, span, part);
        n++;
        left = pol_bytes_of(left.at + length + (dot != NULL), left.n - length - (dot != NULL));
    }
    if (n == 1)
        return items[0];
    return pol_term_list(c->arena, POL_TERM_REF, span, items, n);
}

/* The module that a query stands in: its package, its imports. */
static pol_module_info *query_module(pol_checker *c, pol_span span, const pol_bytes *package,
                                     uint32_t n_package, const char *const *imports,
                                     uint32_t n_imports)
{
    pol_module_info *m = POL_NEW(c->arena, pol_module_info);
    m->path = POL_NEW_ARRAY(c->arena, pol_bytes, n_package + 1);
    if (n_package)
        memcpy(m->path, package, n_package * sizeof *package);
    m->n_path = n_package;
    pol_rule_node *node = c->tree;
    for (uint32_t i = 0; node && i < n_package; i++) {
        pol_term segment = {.kind = POL_TERM_STRING, .text = package[i]};
        node = pol_rule_node_child(node, &segment);
    }
    if (node && n_package && node->n_modules)
        m->package = node->modules[0]->package;
    m->module = POL_NEW(c->arena, pol_module);
    m->module->package_span = span;
    for (uint32_t i = 0; i < n_imports; i++) {
        pol_import import = {.path = import_path(c, span, imports[i]), .span = span};
        POL_GROW(c->arena, m->module->imports, m->module->n_imports, m->module->imports_capacity);
        m->module->imports[m->module->n_imports++] = import;
    }
    pol_module_globals(c, m);
    return m;
}

static int compare_places(const void *a, const void *b)
{
    const pol_term *x = *(pol_term *const *)a, *y = *(pol_term *const *)b;
    return (x->span.start > y->span.start) - (x->span.start < y->span.start);
}

/* The query's own variables, by first use. */
static void list_vars(pol_checker *c, pol_query *q, const pol_locals *locals, pol_body *body)
{
    pol_varset own = {0};
    pol_vars_of_body(c->arena, body, &own);
    q->vars = POL_NEW_ARRAY(c->arena, pol_term *, locals->n + 1);
    for (uint32_t i = 0; i < locals->n; i++) {
        const pol_local *l = &locals->items[i];
        if (l->generated || !pol_varset_has(&own, i))
            continue;
        q->iterates = true;
        if (l->wildcard)
            continue;
        pol_term *var = pol_term_text(c->arena, POL_TERM_VAR, l->span, l->name);
        var->bound = POL_BOUND_LOCAL;
        var->local = i;
        q->vars[q->n_vars++] = var;
    }
    if (q->n_vars)
        qsort(q->vars, q->n_vars, sizeof *q->vars, compare_places);
}

pol_query *pol_program_query(pol_program *program, pol_body *body, const pol_bytes *package,
                             uint32_t n_package, const char *const *imports, uint32_t n_imports)
{
    pol_checker *c = program->checker;
    uint32_t errors = program->diags->n_errors;
    pol_span span = body->n ? body->items[0]->span : (pol_span){0, 0, 0};
    pol_query *q = POL_NEW(c->arena, pol_query);
    pol_locals *locals = POL_NEW(c->arena, pol_locals);
    q->body = body;
    q->n_written = body->n;
    q->written = POL_NEW_ARRAY(c->arena, pol_expr *, body->n + 1);
    q->values = POL_NEW_ARRAY(c->arena, pol_term *, body->n + 1);
    for (uint32_t i = 0; i < body->n; i++)
        q->written[i] = body->items[i];
    pol_arena_init(&c->scratch, 0);
    pol_module_info *m = query_module(c, span, package, n_package, imports, n_imports);
    if (pol_resolve_query(c, m, body, locals)) {
        pol_bind_query(c, body, locals);
        if (pol_order_query(c, m, body, locals))
            pol_check_query_types(c, body, locals);
    }
    for (uint32_t i = 0; i < q->n_written; i++)
        q->values[i] = q->written[i]->kind == POL_EXPR_TERM ? q->written[i]->left : NULL;
    pol_arena_deinit(&c->scratch);
    list_vars(c, q, locals, body);
    q->n_locals = locals->n;
    return program->diags->n_errors == errors ? q : NULL;
}
