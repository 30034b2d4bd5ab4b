/* SPDX-License-Identifier: Apache-2.0
 * Definitions of one rule that each begin with the same part of the input being equal to a constant are found by that constant: the value is read once, an object
 * of all the constants gives the number of those definitions that it leaves, and comparisons by halves lead there. Two constants that differ cannot both hold, so the order of
 * what runs is as before; what is passed over would have failed at its first condition, which no error can precede.
 */
#include "compiler/optimise.h"

enum { FEWEST = 8 }; /* definitions for which it is worth it */

/* One definition: steps of a region, the constant that it wants, and which of the run's constants that is. */
typedef struct {
    const pol_step *steps;
    uint32_t n, number;
    pol_value wanted;
} unit;

typedef struct {
    pol_plan *plan;
    pol_plan_function *fn;
    const pol_step *path; /* the reads of the run's first definition */
    uint32_t path_n;
    unit *units;
    uint32_t n, capacity;
    uint32_t *first, constants; /* of each constant its first unit in by_number; one more for the end */
    unit *by_number;
    uint32_t number; /* register */
} run;

static void add(const run *r, pol_region *region, pol_step step)
{
    POL_GROW(r->plan->arena, region->items, region->n, region->capacity);
    region->items[region->n++] = step;
}

static bool is_op(const pol_step *step, pol_op op)
{
    return step->kind == POL_STEP_OP && step->op == op;
}

/* Whether the n steps read a part of the input, each from what the one before it gave. */
static bool reads_input(const pol_step *steps, uint32_t n)
{
    if (n == 0 || !is_op(&steps[0], POL_OP_INPUT))
        return false;
    for (uint32_t i = 1; i < n; i++)
        if (!is_op(&steps[i], POL_OP_GETK) || steps[i].b != steps[i - 1].a)
            return false;
    return true;
}

/* The reads and the constant of a block that does nothing unless they are equal. */
static bool guard_of(const pol_plan_function *fn, const pol_step *block, const pol_step **path, uint32_t *path_n, pol_value *wanted)
{
    const pol_region *region = &block->body;
    while (region->n == 1 && region->items[0].kind == POL_STEP_BLOCK)
        region = &region->items[0].body;
    uint32_t eq = 0;
    while (eq < region->n && !is_op(&region->items[eq], POL_OP_EQ))
        eq++;
    if (eq == region->n || eq < 3)
        return false;
    const pol_step *steps = region->items, *last = &steps[eq];
    bool constant_first = is_op(&steps[0], POL_OP_CONST);
    const pol_step *constant = &steps[constant_first ? 0 : eq - 1];
    *path = constant_first ? steps + 1 : steps;
    *path_n = eq - 1;
    if (!is_op(constant, POL_OP_CONST) || !reads_input(*path, *path_n))
        return false;
    uint32_t read = (*path)[*path_n - 1].a;
    *wanted = fn->constants[constant->n];
    return read != constant->a && ((last->a == read && last->b == constant->a) || (last->b == read && last->a == constant->a));
}

static bool same_path(const pol_plan_function *fn, const pol_step *a, uint32_t a_n, const pol_step *b, uint32_t b_n)
{
    if (a_n != b_n)
        return false;
    for (uint32_t i = 1; i < a_n; i++)
        if (pol_compare(fn->constants[a[i].c], fn->constants[b[i].c]) != 0)
            return false;
    return true;
}

/* The steps of the definition at steps, of at most n, with the path of the run; 0 when it is none. It is a block, or a block that gives a register its value and another that
 * uses it where it is defined. */
static uint32_t unit_at(run *r, const pol_step *steps, uint32_t n)
{
    bool valued = n >= 3 && is_op(&steps[0], POL_OP_UNDEF) && steps[2].kind == POL_STEP_BLOCK && steps[2].body.n &&
                  is_op(&steps[2].body.items[0], POL_OP_DEFINED) && steps[2].body.items[0].a == steps[0].a;
    const pol_step *block = &steps[valued ? 1 : 0], *path;
    uint32_t path_n;
    unit found = {.steps = steps, .n = valued ? 3 : 1};
    if (block->kind != POL_STEP_BLOCK || !guard_of(r->fn, block, &path, &path_n, &found.wanted))
        return 0;
    if (r->n && !same_path(r->fn, r->path, r->path_n, path, path_n))
        return 0;
    if (r->n == 0) {
        r->path = path;
        r->path_n = path_n;
    }
    POL_GROW(r->plan->arena, r->units, r->n, r->capacity);
    r->units[r->n++] = found;
    return found.n;
}

/* The steps with all that leaves them leaving `more` blocks more; depth: of blocks within them. */
static pol_region deepen(const run *r, const pol_step *steps, uint32_t n, uint32_t depth, uint32_t more)
{
    pol_region region = {POL_NEW_ARRAY(r->plan->arena, pol_step, n + 1), n, n + 1};
    for (uint32_t i = 0; i < n; i++) {
        pol_step *step = &region.items[i];
        *step = steps[i];
        if (step->kind == POL_STEP_EXIT && step->n >= depth)
            step->n += more;
        uint32_t inner = depth + (step->kind == POL_STEP_BLOCK || step->kind == POL_STEP_NOT);
        step->body = deepen(r, step->body.items, step->body.n, inner, more);
    }
    return region;
}

/* Puts into region what runs when the number is one of low to high - 1; region is so many blocks deep in the run's. */
static void by_halves(const run *r, pol_region *region, uint32_t low, uint32_t high, uint32_t depth)
{
    if (high - low == 1) {
        for (uint32_t i = r->first[low]; i < r->first[high]; i++) {
            pol_region moved = deepen(r, r->by_number[i].steps, r->by_number[i].n, 0, depth);
            for (uint32_t k = 0; k < moved.n; k++)
                add(r, region, moved.items[k]);
        }
        return;
    }
    uint32_t middle = low + (high - low) / 2, bound = r->number + 1;
    pol_place place = r->path->place;
    pol_step both = {.kind = POL_STEP_BLOCK, .place = place}, lower = both;
    add(r, &lower.body, (pol_step){.kind = POL_STEP_OP, .op = POL_OP_CONST, .a = bound, .n = pol_plan_constant(r->plan, r->fn, pol_int(middle)), .place = place});
    add(r, &lower.body, (pol_step){.kind = POL_STEP_OP, .op = POL_OP_LT, .a = r->number, .b = bound, .place = place});
    by_halves(r, &lower.body, low, middle, depth + 2);
    add(r, &lower.body, (pol_step){.kind = POL_STEP_EXIT, .n = 1, .place = place});
    add(r, &both.body, lower);
    by_halves(r, &both.body, middle, high, depth + 1);
    add(r, region, both);
}

/* Numbers the constants and puts the definitions into that order; gives the object from constant to number. */
static pol_value number_constants(run *r)
{
    pol_arena *arena = r->plan->arena;
    pol_builder constants = pol_builder_new(arena), numbers = pol_builder_new(arena);
    for (uint32_t i = 0; i < r->n; i++)
        pol_builder_add(&constants, r->units[i].wanted);
    pol_value set = pol_builder_set(&constants);
    r->constants = set.n;
    r->first = POL_NEW_ARRAY(arena, uint32_t, r->constants + 2);
    r->by_number = POL_NEW_ARRAY(arena, unit, r->n + 1);
    for (uint32_t i = 0; i < set.n; i++)
        pol_builder_put(&numbers, pol_element(set, i), pol_int(i));
    pol_value index = pol_builder_object(&numbers);
    for (uint32_t i = 0; i < r->n; i++) {
        r->units[i].number = (uint32_t)pol_object_get(index, r->units[i].wanted).i;
        r->first[r->units[i].number + 1]++;
    }
    for (uint32_t i = 0; i < r->constants; i++)
        r->first[i + 1] += r->first[i];
    uint32_t *next = POL_NEW_ARRAY(arena, uint32_t, r->constants + 1);
    for (uint32_t i = 0; i < r->n; i++) {
        uint32_t k = r->units[i].number;
        r->by_number[r->first[k] + next[k]++] = r->units[i];
    }
    return index;
}

/* The run as one block, put into region. */
static void add_run(run *r, pol_region *region)
{
    pol_place place = r->path->place;
    pol_value index = number_constants(r);
    uint32_t value = r->fn->n_registers, object = value + 1;
    r->number = value + 2;
    r->fn->n_registers += 4;
    pol_step block = {.kind = POL_STEP_BLOCK, .place = place};
    for (uint32_t i = 0; i < r->path_n; i++) {
        pol_step read = r->path[i];
        read.a = value;
        read.b = i ? value : read.b;
        add(r, &block.body, read);
    }
    add(r, &block.body, (pol_step){.kind = POL_STEP_OP, .op = POL_OP_CONST, .a = object, .n = pol_plan_constant(r->plan, r->fn, index), .place = place});
    add(r, &block.body, (pol_step){.kind = POL_STEP_OP, .op = POL_OP_GET, .a = r->number, .b = object, .c = value, .place = place});
    by_halves(r, &block.body, 0, r->constants, 1);
    add(r, region, block);
}

static void index_region(pol_plan *plan, pol_plan_function *fn, pol_region *region)
{
    pol_region made = {0};
    for (uint32_t i = 0; i < region->n;) {
        run r = {.plan = plan, .fn = fn};
        uint32_t end = i;
        for (uint32_t n; end < region->n && (n = unit_at(&r, region->items + end, region->n - end)) != 0;)
            end += n;
        if (r.n >= FEWEST) {
            add_run(&r, &made);
            i = end;
            continue;
        }
        end = end > i ? end : i + 1;
        for (; i < end; i++)
            add(&r, &made, region->items[i]);
    }
    *region = made;
}

void pol_optimise_definitions(pol_plan *plan, pol_plan_function *fn)
{
    if (fn->body.n >= FEWEST)
        index_region(plan, fn, &fn->body);
}
