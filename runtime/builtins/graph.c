/* SPDX-License-Identifier: Apache-2.0
 * Built-ins of family graph: reachability in graphs given as objects of neighbours, and the walk
 * through a document.
 */
#include "runtime/builtin.h"

#include <stdlib.h>

/* What a node's member says are its neighbours: what is no array or set has none. */
static pol_value neighbours_in(pol_value edges)
{
    return edges.tag == POL_ARRAY || edges.tag == POL_SET ? edges : pol_empty(POL_ARRAY);
}

static pol_value neighbours_of(pol_value graph, pol_value node)
{
    pol_value edges = pol_object_get(graph, node);
    return pol_is_defined(edges) ? neighbours_in(edges) : edges;
}

/* The nodes reached so far, by their positions among the graph's members, in the order in which
 * they were. The work is by what is reached, not by the graph's size. */
typedef struct {
    pol_arena *arena;
    uint32_t *nodes, n, capacity;
    uint32_t *slots, n_slots; /* open addressing over nodes, each + 1; from SCAN_MAX nodes on */
} reached;

enum { SCAN_MAX = 16 };

/* The slot that holds node or is free for it. */
static uint32_t *slot_of(const reached *r, uint32_t node)
{
    uint32_t at = (node * 2654435761u) & (r->n_slots - 1);
    while (r->slots[at] && r->slots[at] != node + 1)
        at = (at + 1) & (r->n_slots - 1);
    return &r->slots[at];
}

static bool has_node(const reached *r, uint32_t node)
{
    if (r->n_slots)
        return *slot_of(r, node) != 0;
    for (uint32_t i = 0; i < r->n; i++)
        if (r->nodes[i] == node)
            return true;
    return false;
}

static void add_node(reached *r, uint32_t node)
{
    POL_GROW(r->arena, r->nodes, r->n, r->capacity);
    r->nodes[r->n++] = node;
    if (r->n < SCAN_MAX)
        return;
    if (2 * r->n > r->n_slots) {
        r->n_slots = r->n_slots ? 4 * r->n_slots : 8 * SCAN_MAX;
        r->slots = POL_NEW_ARRAY(r->arena, uint32_t, r->n_slots);
        for (uint32_t i = 0; i + 1 < r->n; i++)
            *slot_of(r, r->nodes[i]) = r->nodes[i] + 1;
    }
    *slot_of(r, node) = node + 1;
}

static int compare_nodes(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

POL_BUILTIN(reachable, "graph.reachable",
            "(graph: object[any: array[any] | set[any]], initial: array[any] | set[any]) set[any]",
            "The nodes of the graph that are reached from the initial ones, these included.")
{
    pol_value graph = pol_arg_object(ev, args, 0), edges = pol_arg_list(ev, args, 1);
    if (pol_builtin_failed(ev))
        return pol_undefined();
    reached r = {.arena = pol_eval_arena(ev)};
    for (uint32_t next = 0;; next++) {
        pol_charge(ev, edges.n);
        for (uint32_t i = 0; i < edges.n; i++) {
            int64_t at = pol_find(graph, pol_element(edges, i));
            if (at >= 0 && !has_node(&r, (uint32_t)at))
                add_node(&r, (uint32_t)at);
        }
        if (next == r.n)
            break;
        edges = neighbours_in(pol_member_value(graph, r.nodes[next]));
    }
    /* Members are in the order of their keys, so positions in order give the set in order. */
    if (r.n > 1)
        qsort(r.nodes, r.n, sizeof *r.nodes, compare_nodes);
    pol_builder b = pol_builder_new(r.arena);
    for (uint32_t i = 0; i < r.n; i++)
        pol_builder_add(&b, pol_member_key(graph, r.nodes[i]));
    return pol_builder_set(&b);
}

typedef struct {
    pol_value node, edges;
    uint32_t next; /* neighbour to go to */
} step;

typedef struct {
    step *steps;
    uint32_t n, capacity;
} path;

static void push_step(pol_eval *ev, path *p, pol_value node, pol_value edges)
{
    POL_GROW(pol_eval_arena(ev), p->steps, p->n, p->capacity);
    p->steps[p->n++] = (step){node, edges, 0};
}

static bool is_on_path(pol_eval *ev, const path *p, pol_value node)
{
    pol_charge(ev, 1 + p->n / 4);
    for (uint32_t i = 0; i < p->n; i++)
        if (pol_equal(p->steps[i].node, node))
            return true;
    return false;
}

static void add_path(pol_eval *ev, pol_builder *found, const path *p)
{
    pol_builder b = pol_builder_new(pol_eval_arena(ev));
    pol_charge(ev, p->n);
    for (uint32_t i = 0; i < p->n; i++)
        pol_builder_add(&b, p->steps[i].node);
    pol_builder_add(found, pol_builder_array(&b));
}

POL_BUILTIN(
    reachable_paths, "graph.reachable_paths",
    "(graph: object[any: array[any] | set[any]], initial: array[any] | set[any]) set[array[any]]",
    "The paths from the initial nodes to where they end: a node without neighbours, one outside "
    "the graph, or a loop.")
{
    pol_value graph = pol_arg_object(ev, args, 0), initial = pol_arg_list(ev, args, 1);
    pol_builder found = pol_builder_new(pol_eval_arena(ev));
    path p = {0};
    for (uint32_t i = 0; i < initial.n; i++) {
        pol_value root = pol_element(initial, i), edges = neighbours_of(graph, root);
        if (pol_is_defined(edges))
            push_step(ev, &p, root, edges);
        while (p.n) {
            step *top = &p.steps[p.n - 1];
            if (top->edges.n == 0)
                add_path(ev, &found, &p);
            if (top->next >= top->edges.n) {
                p.n--;
                continue;
            }
            pol_value node = pol_element(top->edges, top->next++);
            edges = neighbours_of(graph, node);
            if (!pol_is_defined(edges) || is_on_path(ev, &p, node))
                add_path(ev, &found, &p);
            else
                push_step(ev, &p, node, edges);
        }
    }
    return pol_builder_set(&found);
}

typedef struct {
    pol_eval *ev;
    pol_builder pairs;
    pol_value path[POL_DEPTH_MAX + 1];
} walking;

static void walk_value(walking *w, pol_value v, uint32_t depth)
{
    pol_arena *arena = pol_eval_arena(w->ev);
    pol_charge(w->ev, 1 + depth / 4);
    pol_value pair[] = {pol_array_of(arena, w->path, depth), v};
    pol_value added = pol_array_of(arena, pair, 2);
    if (!pol_is_defined(added)) {
        pol_builtin_error(w->ev, "the document is nested too deep");
        return;
    }
    pol_builder_add(&w->pairs, added);
    if (!pol_is_collection(v) || depth >= POL_DEPTH_MAX || pol_builtin_failed(w->ev))
        return;
    for (uint32_t i = 0; i < v.n; i++) {
        w->path[depth] = v.tag == POL_OBJECT ? pol_member_key(v, i)
                         : v.tag == POL_SET  ? pol_element(v, i)
                                             : pol_int(i);
        walk_value(w, v.tag == POL_OBJECT ? pol_member_value(v, i) : pol_element(v, i), depth + 1);
    }
}

POL_BUILTIN_FLAGS(walk, "walk", "(x: any) [array[any], any]",
                  "Each value in `x`, itself first, with the path to it.", POL_RELATION)
{
    walking *w = pol_arena_zero(pol_eval_arena(ev), 1, sizeof *w);
    w->ev = ev;
    w->pairs = pol_builder_new(pol_eval_arena(ev));
    walk_value(w, args[0], 0);
    return pol_builder_array(&w->pairs);
}

POL_FAMILY(graph) = {POL_ROW(reachable), POL_ROW(reachable_paths), POL_ROW(walk), POL_END};
