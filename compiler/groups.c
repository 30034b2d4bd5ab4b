/* SPDX-License-Identifier: Apache-2.0
 * The tree of rules as the plan wants it: groups of definitions that make one value, and the
 * documents that hold them.
 */
#include "compiler/check.h"

#include <stdlib.h>

static bool is_function(const pol_rule_info *info)
{
    return info->rule->n_args > 0;
}

/* Does the ref of a rule end at its node? */
static bool ends_at_node(const pol_rule_info *info)
{
    const pol_term *name = info->rule->name;
    for (uint32_t i = 1; name->kind == POL_TERM_REF && i < name->n; i++)
        if (!pol_is_constant(name->items[i]))
            return false;
    return true;
}

static bool is_object(const pol_rule_node *node)
{
    for (uint32_t i = 0; i < node->n_rules; i++)
        if (!ends_at_node(node->rules[i]))
            return true;
    /* p[1] := 2: documents are by strings, so what is below is one object too */
    for (uint32_t i = 0; i < node->n_children; i++)
        if (!node->children[i]->named)
            return true;
    return false;
}

/* ---- names ---- */

static bool is_plain_name(pol_bytes s)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t b = s.at[i];
        if (!(b == '_' || (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') ||
              (i && b >= '0' && b <= '9')))
            return false;
    }
    return s.n > 0;
}

static const char *group_name(pol_checker *c, const pol_bytes *path, uint32_t n)
{
    pol_buf text = {0};
    pol_buf_text(&text, "data");
    for (uint32_t i = 0; i < n; i++) {
        if (is_plain_name(path[i]) || (path[i].n && path[i].at[0] == '$')) {
            pol_buf_byte(&text, '.');
            pol_buf_bytes(&text, path[i]);
        } else {
            pol_buf_byte(&text, '[');
            pol_buf_quoted(&text, path[i], path[i].n);
            pol_buf_byte(&text, ']');
        }
    }
    const char *name = (const char *)pol_arena_copy(c->arena, text.at, text.n);
    pol_buf_deinit(&text);
    return name;
}

/* ---- groups ---- */

static pol_group *new_group(pol_checker *c, pol_group_kind kind, const pol_bytes *path, uint32_t n)
{
    pol_program *p = c->program;
    pol_group *g = POL_NEW(c->arena, pol_group);
    g->kind = kind;
    g->path = POL_NEW_ARRAY(c->arena, pol_bytes, n + 1);
    if (n)
        memcpy(g->path, path, n * sizeof *path);
    g->n_path = n;
    g->name = group_name(c, path, n);
    g->hidden = n && path[n - 1].n && path[n - 1].at[0] == '$';
    g->index = p->n_groups;
    POL_GROW(c->arena, p->groups, p->n_groups, p->groups_capacity);
    p->groups[p->n_groups++] = g;
    return g;
}

static void join_group(pol_checker *c, pol_group *g, pol_rule_info *info)
{
    for (pol_rule_info *branch = info; branch; branch = branch->next_else)
        branch->group = g;
    if (info->rule->is_default) {
        if (!g->default_rule)
            g->default_rule = info->rule;
        return;
    }
    uint32_t capacity = g->capacity;
    POL_GROW(c->arena, g->rules, g->n_rules, capacity);
    POL_GROW(c->arena, g->modules, g->n_rules, g->capacity);
    g->rules[g->n_rules] = info->rule;
    g->modules[g->n_rules++] = info->module->module;
}

typedef struct {
    pol_rule_info **items;
    uint32_t n, capacity;
} rule_list;

static void gather(pol_checker *c, const pol_rule_node *node, rule_list *list)
{
    for (uint32_t i = 0; i < node->n_rules; i++) {
        if (is_function(node->rules[i]))
            continue;
        POL_GROW(c->arena, list->items, list->n, list->capacity);
        list->items[list->n++] = node->rules[i];
    }
    for (uint32_t i = 0; i < node->n_children; i++)
        gather(c, node->children[i], list);
}

static int compare_rules(const void *a, const void *b)
{
    const pol_rule_info *x = *(pol_rule_info *const *)a, *y = *(pol_rule_info *const *)b;
    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

static pol_group *object_group(pol_checker *c, const pol_rule_node *node, const pol_bytes *path,
                               uint32_t n)
{
    rule_list list = {0};
    gather(c, node, &list);
    if (list.n)
        qsort(list.items, list.n, sizeof *list.items, compare_rules);
    pol_group *g = new_group(c, POL_GROUP_OBJECT, path, n);
    for (uint32_t i = 0; i < list.n; i++)
        join_group(c, g, list.items[i]);
    return g;
}

static pol_group *plain_group(pol_checker *c, const pol_rule_node *node, const pol_bytes *path,
                              uint32_t n)
{
    const pol_rule_info *first = node->rules[0];
    pol_group_kind kind = is_function(first)      ? POL_GROUP_FUNCTION
                          : first->rule->contains ? POL_GROUP_SET
                                                  : POL_GROUP_COMPLETE;
    pol_group *g = new_group(c, kind, path, n);
    if (kind == POL_GROUP_FUNCTION)
        g->arity = first->rule->n_args;
    for (uint32_t i = 0; i < node->n_rules; i++)
        join_group(c, g, node->rules[i]);
    return g;
}

/* ---- documents ---- */

static int compare_documents(const void *a, const void *b)
{
    return pol_bytes_compare((*(pol_document *const *)a)->segment,
                             (*(pol_document *const *)b)->segment);
}

typedef struct {
    pol_bytes *items;
    uint32_t n, capacity;
} path_stack;

static bool holds_functions(const pol_rule_node *node)
{
    for (uint32_t i = 0; i < node->n_rules; i++)
        if (is_function(node->rules[i]))
            return true;
    for (uint32_t i = 0; i < node->n_children; i++)
        if (holds_functions(node->children[i]))
            return true;
    return false;
}

/* covered: a group above holds all that are no functions. */
static pol_document *make_document(pol_checker *c, const pol_rule_node *node, path_stack *path,
                                   bool covered)
{
    pol_document *d = POL_NEW(c->arena, pol_document);
    d->is_package = node->n_modules > 0 || !node->parent;
    bool function = node->n_rules && is_function(node->rules[0]);
    if (!covered && !function && is_object(node)) {
        d->group = object_group(c, node, path->items, path->n);
        covered = true;
    } else if (node->n_rules && (function || !covered)) {
        d->group = plain_group(c, node, path->items, path->n);
        covered |= !function;
    }
    for (uint32_t i = 0; i < node->n_children; i++) {
        const pol_rule_node *child = node->children[i];
        if (!child->named || (covered && !holds_functions(child)))
            continue;
        pol_bytes segment = child->segment;
        POL_GROW(c->arena, path->items, path->n, path->capacity);
        path->items[path->n++] = segment;
        pol_document *below = make_document(c, child, path, covered);
        path->n--;
        below->segment = segment;
        POL_GROW(c->arena, d->children, d->n_children, d->capacity);
        d->children[d->n_children++] = below;
    }
    if (d->n_children)
        qsort(d->children, d->n_children, sizeof *d->children, compare_documents);
    return d;
}

void pol_make_groups(pol_checker *c)
{
    path_stack path = {0};
    c->program->root = make_document(c, c->tree, &path, false);
}

pol_group *pol_program_find(const pol_program *program, const pol_bytes *segments, uint32_t n,
                            uint32_t *used, pol_document **document)
{
    pol_document *d = program->root;
    pol_group *found = d->group;
    *used = 0;
    for (uint32_t i = 0; i < n; i++) {
        pol_document *below = NULL;
        for (uint32_t low = 0, high = d->n_children; low < high && !below;) {
            uint32_t middle = low + (high - low) / 2;
            int order = pol_bytes_compare(d->children[middle]->segment, segments[i]);
            if (order == 0)
                below = d->children[middle];
            else if (order < 0)
                low = middle + 1;
            else
                high = middle;
        }
        if (!below)
            break;
        d = below;
        if (d->group) {
            found = d->group;
            *used = i + 1;
        }
    }
    *document = d;
    return found;
}
