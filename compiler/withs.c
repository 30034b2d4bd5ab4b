/* SPDX-License-Identifier: Apache-2.0
 * What `with` may replace and by what, and the lists of what is replaced, from which the plan knows
 * where to look.
 */
#include "compiler/check.h"

bool pol_is_rooted(const pol_term *t, pol_bound root)
{
    const pol_term *head = t->kind == POL_TERM_REF ? t->items[0] : t;
    return head->kind == POL_TERM_VAR && head->bound == root;
}

/* A rule above the target: its value cannot be replaced in part. */
static bool is_below_rule(const pol_checker *c, const pol_term *target)
{
    const pol_rule_node *node = c->tree;
    for (uint32_t i = 1; node && i + 1 < target->n; i++) {
        node =
            pol_is_constant(target->items[i]) ? pol_rule_node_child(node, target->items[i]) : NULL;
        if (node && node->n_rules)
            return true;
    }
    return false;
}

static bool check_builtin(pol_checker *c, const pol_with *w)
{
    const char *name = w->builtin->name, *why = NULL;
    if (strcmp(name, "eq") == 0 || strncmp(name, "rego.metadata.", 14) == 0)
        why = "it is no ordinary function";
    else if (strncmp(name, "internal.", 9) == 0)
        why = "it is an internal function";
    else if (w->builtin->flags & POL_RELATION)
        why = "it has several results";
    else if (pol_bytes_ends(pol_bytes_text(w->builtin->signature), POL_BYTES(" none")))
        why = "it has no value";
    if (why)
        pol_diag(c->diags, POL_D_WITH_REPLACE, w->target->span, "`with` cannot replace `%s`: %s",
                 name, why);
    return !why;
}

static void note_path(pol_checker *c, const pol_term *target)
{
    pol_program *p = c->program;
    pol_buf joined = {0};
    uint32_t n = 1;
    while (target->kind == POL_TERM_REF && n < target->n &&
           target->items[n]->kind == POL_TERM_STRING)
        n++;
    pol_bytes *path = POL_NEW_ARRAY(c->arena, pol_bytes, n);
    for (uint32_t i = 0; i < n; i++) {
        path[i] = target->kind == POL_TERM_REF ? target->items[i]->text : target->text;
        pol_buf_printf(&joined, "%zu:", path[i].n);
        pol_buf_bytes(&joined, path[i]);
    }
    pol_bytes key = pol_buf_to_arena(&joined, c->arena);
    pol_buf_deinit(&joined);
    if (pol_namemap_find(&c->with_names, key))
        return;
    pol_namemap_put(c->arena, &c->with_names, key, 0);
    uint32_t capacity = p->with_paths_capacity;
    POL_GROW(c->arena, p->with_paths, p->n_with_paths, capacity);
    POL_GROW(c->arena, p->with_path_lengths, p->n_with_paths, p->with_paths_capacity);
    p->with_paths[p->n_with_paths] = path;
    p->with_path_lengths[p->n_with_paths++] = n;
}

static void note_builtin(pol_checker *c, const pol_builtin *b)
{
    pol_program *p = c->program;
    for (uint32_t i = 0; i < p->n_mocked_builtins; i++)
        if (p->mocked_builtins[i] == b)
            return;
    POL_GROW(c->arena, p->mocked_builtins, p->n_mocked_builtins, p->mocked_builtins_capacity);
    p->mocked_builtins[p->n_mocked_builtins++] = b;
}

bool pol_check_with(pol_checker *c, pol_with *w)
{
    if (w->builtin) {
        if (!check_builtin(c, w))
            return false;
        note_builtin(c, w->builtin);
        return true;
    }
    if (!pol_is_rooted(w->target, POL_BOUND_INPUT) && !pol_is_rooted(w->target, POL_BOUND_DATA)) {
        pol_diag(c->diags, POL_D_WITH_TARGET, w->target->span,
                 "`with` replaces `input`, `data`, something below them, or a function; this is "
                 "none of them");
        return false;
    }
    if (pol_is_rooted(w->target, POL_BOUND_DATA) && w->target->kind == POL_TERM_REF &&
        is_below_rule(c, w->target)) {
        pol_diag(c->diags, POL_D_WITH_REPLACE, w->target->span,
                 "`with` cannot replace a part of a rule's value: replace the rule");
        return false;
    }
    if (w->group)
        w->group->mocked = true;
    else
        note_path(c, w->target);
    return true;
}
