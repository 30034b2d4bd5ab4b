/* SPDX-License-Identifier: Apache-2.0
 * Which rules read which, by their refs, calls and `with`, and which so read themselves. The order
 * found, what is read first, is that of the type checker.
 *
 * The graph has a vertex for each branch of a rule and one for each node of the tree of rules,
 * which stands for all rules below it, so that a ref to a package costs one edge. Strongly
 * connected components are found with a stack of our own: chains of rules can be long.
 */
#include "compiler/recursion.h"

typedef struct vertex vertex;
struct vertex {
    pol_rule_info *rule;       /* or NULL */
    const pol_rule_node *node; /* all below it */
    uint32_t *edges;
    uint32_t n_edges, capacity, next_edge;
    uint32_t index, low; /* index 0: not visited */
    bool on_stack, self;
};

typedef struct {
    pol_checker *c;
    pol_arena *arena;
    vertex *items;
    uint32_t n, capacity;
    uint32_t current; /* while edges are collected */
    pol_locals *locals;
} graph;

static uint32_t add_vertex(graph *g, vertex v)
{
    POL_GROW(g->arena, g->items, g->n, g->capacity);
    g->items[g->n] = v;
    return g->n++;
}

static void add_edge(graph *g, uint32_t from, uint32_t to)
{
    vertex *v = &g->items[from];
    if (v->n_edges && v->edges[v->n_edges - 1] == to)
        return;
    POL_GROW(g->arena, v->edges, v->n_edges, v->capacity);
    v->edges[v->n_edges++] = to;
    if (from == to)
        v->self = true;
}

/* ---- vertices ---- */

static void add_nodes(graph *g, pol_rule_node *node)
{
    node->vertex = add_vertex(g, (vertex){.node = node});
    for (uint32_t i = 0; i < node->n_children; i++) {
        add_nodes(g, node->children[i]);
        add_edge(g, node->vertex, node->children[i]->vertex);
    }
}

static void add_rules(graph *g)
{
    for (uint32_t i = 0; i < g->c->n_rules; i++) {
        pol_rule_info *info = g->c->rules[i];
        for (pol_rule_info *b = info; b; b = b->next_else) {
            b->vertex = add_vertex(g, (vertex){.rule = b});
            add_edge(g, info->node->vertex, b->vertex);
        }
    }
}

/* ---- edges ---- */

static void add_rules_at(graph *g, const pol_rule_node *node)
{
    for (uint32_t i = 0; i < node->n_rules; i++)
        for (pol_rule_info *b = node->rules[i]; b; b = b->next_else)
            add_edge(g, g->current, b->vertex);
}

static const pol_term *constant_of(const graph *g, const pol_term *t)
{
    if (pol_is_constant(t))
        return t;
    if (t->kind == POL_TERM_VAR && t->bound == POL_BOUND_LOCAL && t->local < g->locals->n)
        return g->locals->items[t->local].constant;
    return NULL;
}

/* All rules that the ref, from operand i on, can read below node. */
static void add_ref(graph *g, const pol_rule_node *node, const pol_term *ref, uint32_t i)
{
    if (i >= ref->n) {
        add_edge(g, g->current, node->vertex);
        return;
    }
    const pol_term *k = constant_of(g, ref->items[i]);
    if (k) {
        const pol_rule_node *child = pol_rule_node_child(node, k);
        if (!child)
            return;
        add_rules_at(g, child);
        add_ref(g, child, ref, i + 1);
        return;
    }
    for (uint32_t n = 0; n < node->n_children; n++) {
        add_rules_at(g, node->children[n]);
        add_ref(g, node->children[n], ref, i + 1);
    }
}

static void add_group(graph *g, const pol_group *group)
{
    for (uint32_t i = 0; i < g->c->n_rules; i++)
        if (g->c->rules[i]->group == group) {
            add_rules_at(g, g->c->rules[i]->node);
            return;
        }
}

static bool visit_term(pol_walk *w, pol_term *t)
{
    graph *g = w->context;
    if (t->kind == POL_TERM_REF && t->items[0]->kind == POL_TERM_VAR &&
        t->items[0]->bound == POL_BOUND_DATA) {
        add_ref(g, g->c->tree, t, 1);
        for (uint32_t i = 1; i < t->n; i++)
            pol_walk_term(w, t->items[i]);
        return false;
    }
    if (t->kind == POL_TERM_VAR && t->bound == POL_BOUND_DATA)
        add_edge(g, g->current, g->c->tree->vertex);
    return true;
}

static bool visit_expr(pol_walk *w, pol_expr *e)
{
    graph *g = w->context;
    for (uint32_t i = 0; i < e->n_withs; i++)
        if (e->withs[i].value_group)
            add_group(g, e->withs[i].value_group);
    return true;
}

static void add_edges(graph *g, pol_rule_info *b)
{
    pol_walk w = {.term = visit_term, .expr = visit_expr, .context = g, .closures = true};
    g->current = b->vertex;
    g->locals = b->locals;
    pol_walk_body(&w, &b->rule->body);
    for (uint32_t i = 1; b->rule->name->kind == POL_TERM_REF && i < b->rule->name->n; i++)
        pol_walk_term(&w, b->rule->name->items[i]);
    pol_walk_term(&w, b->rule->key);
    pol_walk_term(&w, b->rule->value);
    for (uint32_t i = 0; i < b->rule->n_args; i++)
        pol_walk_term(&w, b->rule->args[i]);
}

/* ---- components ---- */

typedef struct {
    uint32_t *items;
    uint32_t n;
} stack;

typedef struct {
    graph *g;
    stack path, open;
    uint32_t next;
    pol_rule_order *order;
} search;

/* The rules of data.polward are in no file of the author's: the statement on the cycle is told of.
 */
static bool is_result(const graph *g, const pol_rule_info *b)
{
    return g->c->program->has_statements && b->module->n_path == 1 &&
           pol_bytes_is(b->module->path[0], "polward");
}

static void report(graph *g, pol_rule_info *b)
{
    b->failed = true;
    if (is_result(g, b))
        return;
    if (b->group && b->group->hidden)
        pol_diag(g->c->diags, POL_D_RECURSION, b->rule->span,
                 "this statement reads the decision that it is a part of");
    else
        pol_diag(
            g->c->diags, POL_D_RECURSION, b->rule->span,
            "`%s` depends on itself: no rule may read its own value, directly or through others",
            b->group ? b->group->name : "this rule");
}

static void close_component(search *s, uint32_t root)
{
    graph *g = s->g;
    uint32_t first = s->open.n;
    while (s->open.items[--first] != root)
        ;
    bool cycle = s->open.n - first > 1 || g->items[root].self;
    for (uint32_t i = first; i < s->open.n; i++) {
        vertex *v = &g->items[s->open.items[i]];
        v->on_stack = false;
        if (!v->rule)
            continue;
        if (cycle)
            report(g, v->rule);
        s->order->items[s->order->n++] = v->rule;
    }
    s->open.n = first;
}

static void visit(search *s, uint32_t i)
{
    vertex *v = &s->g->items[i];
    v->index = v->low = ++s->next;
    v->on_stack = true;
    s->open.items[s->open.n++] = i;
    s->path.items[s->path.n++] = i;
}

static void find_components(search *s, uint32_t start)
{
    graph *g = s->g;
    visit(s, start);
    while (s->path.n) {
        uint32_t i = s->path.items[s->path.n - 1];
        vertex *v = &g->items[i];
        if (v->next_edge < v->n_edges) {
            uint32_t to = v->edges[v->next_edge++];
            vertex *w = &g->items[to];
            if (!w->index)
                visit(s, to);
            else if (w->on_stack && w->index < v->low)
                v->low = w->index;
            continue;
        }
        s->path.n--;
        if (v->low == v->index)
            close_component(s, i);
        if (s->path.n) {
            vertex *before = &g->items[s->path.items[s->path.n - 1]];
            if (v->low < before->low)
                before->low = v->low;
        }
    }
}

pol_rule_order pol_check_recursion(pol_checker *c)
{
    graph g = {.c = c, .arena = c->arena};
    add_nodes(&g, c->tree);
    add_rules(&g);
    for (uint32_t i = 0; i < c->n_rules; i++)
        for (pol_rule_info *b = c->rules[i]; b; b = b->next_else)
            add_edges(&g, b);
    pol_rule_order order = {.items = POL_NEW_ARRAY(c->arena, pol_rule_info *, g.n + 1)};
    search s = {.g = &g, .order = &order};
    s.path.items = POL_NEW_ARRAY(c->arena, uint32_t, g.n + 1);
    s.open.items = POL_NEW_ARRAY(c->arena, uint32_t, g.n + 1);
    for (uint32_t i = 0; i < g.n; i++)
        if (!g.items[i].index)
            find_components(&s, i);
    return order;
}
