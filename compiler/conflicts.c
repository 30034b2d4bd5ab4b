/* SPDX-License-Identifier: Apache-2.0
 * Rules that cannot be definitions of one document: different kinds or arities under one name, a
 * rule below a rule, two defaults, a package where a rule is.
 */
#include "compiler/check.h"

static bool is_ground(const pol_rule *rule)
{
    for (uint32_t i = 1; rule->name->kind == POL_TERM_REF && i < rule->name->n; i++)
        if (!pol_is_constant(rule->name->items[i]))
            return false;
    return true;
}

static const char *place_of(const pol_checker *c, pol_span span)
{
    uint32_t row, col;
    pol_source_place(c->program->sources, span, &row, &col);
    return pol_arena_printf(c->arena, "%s:%u", c->program->sources->items[span.source].name, row);
}

/* The rule's full name, as it is referred to. */
static const char *name_of(const pol_checker *c, const pol_rule_info *info)
{
    pol_buf text = {0};
    pol_buf_text(&text, "data");
    for (uint32_t i = 0; i < info->module->n_path; i++) {
        pol_buf_byte(&text, '.');
        pol_buf_bytes(&text, info->module->path[i]);
    }
    pol_buf_byte(&text, '.');
    pol_term_print(info->rule->name, &text);
    const char *name = (const char *)pol_arena_copy(c->arena, text.at, text.n);
    pol_buf_deinit(&text);
    return name;
}

static const pol_rule_info *first_below(const pol_rule_node *node)
{
    for (uint32_t i = 0; i < node->n_children; i++) {
        const pol_rule_node *child = node->children[i];
        const pol_rule_info *found = child->n_rules ? child->rules[0] : first_below(child);
        if (found)
            return found;
    }
    return NULL;
}

static void refuse_kinds(pol_checker *c, const pol_rule_node *node)
{
    const pol_rule_info *first = node->rules[0], *other = NULL;
    for (uint32_t i = 1; i < node->n_rules && !other; i++) {
        const pol_rule *r = node->rules[i]->rule;
        if (r->contains != first->rule->contains || r->n_args != first->rule->n_args ||
            is_ground(r) != is_ground(first->rule))
            other = node->rules[i];
    }
    if (!other)
        return;
    const char *what = other->rule->n_args != first->rule->n_args
                           ? "take the same number of arguments"
                           : "be of one kind: a value, a set, an object or a function";
    pol_diag(c->diags, POL_D_RULE_CONFLICT, first->rule->span,
             "all definitions of `%s` must %s; the one at %s does not fit this one",
             name_of(c, first), what, place_of(c, other->rule->span));
}

static void refuse_defaults(pol_checker *c, const pol_rule_node *node)
{
    const pol_rule_info *first = NULL;
    for (uint32_t i = 0; i < node->n_rules; i++) {
        const pol_rule_info *info = node->rules[i];
        if (!info->rule->is_default)
            continue;
        if (first) {
            pol_diag(c->diags, POL_D_DEFAULTS, first->module->module->package_span,
                     "`%s` has two defaults, at %s and %s: remove one", name_of(c, info),
                     place_of(c, first->rule->span), place_of(c, info->rule->span));
            return;
        }
        first = info;
    }
}

/* A rule with a value of its own can have no rules below it; one with a variable in its ref can. */
static bool refuse_extent(pol_checker *c, const pol_rule_node *node)
{
    const pol_rule_info *below = first_below(node);
    if (!below)
        return false;
    for (uint32_t i = 0; i < node->n_rules; i++) {
        if (!is_ground(node->rules[i]->rule))
            continue;
        pol_diag(c->diags, POL_D_RULE_CONFLICT, node->rules[0]->rule->span,
                 "`%s` has a value of its own, so there can be no rule `%s` (%s) below it",
                 name_of(c, node->rules[0]), name_of(c, below), place_of(c, below->rule->span));
        return true;
    }
    return false;
}

static bool is_other_package(const pol_rule_node *node, const pol_module_info *m)
{
    for (uint32_t i = 0; i < node->n_modules; i++)
        if (node->modules[i] != m)
            return true;
    return false;
}

static void refuse_packages(pol_checker *c, const pol_rule_node *node)
{
    for (uint32_t i = 0; i < node->n_rules; i++) {
        const pol_rule_info *info = node->rules[i];
        if (!is_ground(info->rule) || !is_other_package(node, info->module))
            continue;
        pol_diag(c->diags, POL_D_PACKAGE_CONFLICT, info->module->module->package_span,
                 "the rule `%s` (%s) and a package have the same name: rename one of them",
                 name_of(c, info), place_of(c, info->rule->span));
    }
}

static void check_node(pol_checker *c, const pol_rule_node *node)
{
    if (node->n_rules && !refuse_extent(c, node)) {
        refuse_kinds(c, node);
        refuse_defaults(c, node);
    }
    if (node->n_modules)
        refuse_packages(c, node);
    for (uint32_t i = 0; i < node->n_children; i++)
        check_node(c, node->children[i]);
}

void pol_check_conflicts(pol_checker *c)
{
    check_node(c, c->tree);
}
