/* SPDX-License-Identifier: Apache-2.0
 * Building plans. A register is taken when something is computed and is given back when the region in which that happened is closed; so a register is written in one place only, but for
 * accumulators, and one that was handed out stays valid to the end of its region.
 */
#include "compiler/plan_build.h"

struct open_region {
    open_region *outer;
    pol_step step; /* what will be added to the outer region when this one closes */
    uint32_t next_register, next_iterator, next_builder, n_trail;
};

static void push_region(pol_lowering *l, pol_step_kind kind)
{
    open_region *r = POL_NEW(l->arena, open_region);
    r->outer = l->open;
    r->step.kind = (uint8_t)kind;
    r->step.place = l->place;
    r->next_register = l->next_register;
    r->next_iterator = l->next_iterator;
    r->next_builder = l->next_builder;
    r->n_trail = l->n_trail;
    l->open = r;
}

static void add_step(pol_lowering *l, pol_step step)
{
    pol_region *region = &l->open->step.body;
    POL_GROW(l->arena, region->items, region->n, region->capacity);
    region->items[region->n++] = step;
}

/* Takes the innermost region off and adds it to the one around it. */
static void pop_region(pol_lowering *l)
{
    open_region *r = l->open;
    l->open = r->outer;
    l->next_register = r->next_register;
    l->next_iterator = r->next_iterator;
    l->next_builder = r->next_builder;
    while (l->n_trail > r->n_trail)
        l->registers[l->trail[--l->n_trail]] = 0;
    add_step(l, r->step);
}

void lowering_begin(pol_lowering *l, pol_program *program, pol_plan *plan, lowering_queue *queue,
                    pol_plan_function *fn)
{
    *l = (pol_lowering){.arena = plan->arena, .program = program, .plan = plan, .queue = queue, .fn = fn};
    l->closed = program->has_statements;
    l->place = fn->place;
    fn->first_part = plan->n_parts;
    l->next_register = fn->n_params;
    fn->n_registers = fn->n_params;
    push_region(l, POL_STEP_BLOCK);
}

void lowering_end(pol_lowering *l)
{
    while (l->open->outer)
        pop_region(l);
    l->fn->body = l->open->step.body;
    l->fn->end_part = l->plan->n_parts;
    l->open = NULL;
}

void lowering_locals(pol_lowering *l, uint32_t n)
{
    l->registers = POL_NEW_ARRAY(l->arena, uint32_t, n ? n : 1);
    l->n_locals = n;
    l->trail = NULL;
    l->n_trail = l->trail_capacity = 0;
    for (open_region *r = l->open; r; r = r->outer)
        r->n_trail = 0;
}

uint32_t new_registers(pol_lowering *l, uint32_t n)
{
    uint32_t first = l->next_register;
    l->next_register += n;
    if (l->next_register > l->fn->n_registers)
        l->fn->n_registers = l->next_register;
    return first;
}

uint32_t new_register(pol_lowering *l)
{
    return new_registers(l, 1);
}

uint32_t new_builder(pol_lowering *l)
{
    uint32_t b = l->next_builder++;
    if (l->next_builder > l->fn->n_builders)
        l->fn->n_builders = l->next_builder;
    return b;
}

/* Equal in value and in text: 1 and 1.0 are two constants. */
static bool same_scalar(pol_value a, pol_value b)
{
    if (a.tag != b.tag || pol_is_collection(a))
        return false;
    return a.tag == POL_DECIMAL ? pol_bytes_equal(pol_text(a), pol_text(b)) : pol_equal(a, b);
}

static uint32_t hash_scalar(pol_value v)
{
    uint64_t hash = 0xcbf29ce484222325 ^ v.tag;
    pol_bytes text = v.tag == POL_STRING || v.tag == POL_DECIMAL ? pol_text(v) : pol_bytes_of((const uint8_t *)&v.i, sizeof v.i);
    for (size_t i = 0; i < text.n; i++)
        hash = (hash ^ text.at[i]) * 0x100000001b3;
    return (uint32_t)(hash ^ hash >> 32);
}

/* The slot of a scalar that is equal, or the free one where it belongs. */
static uint32_t *find_slot(const pol_plan_function *fn, pol_value v)
{
    uint32_t i = hash_scalar(v) & (fn->n_slots - 1);
    while (fn->slots[i] && !same_scalar(fn->constants[fn->slots[i] - 1], v))
        i = (i + 1) & (fn->n_slots - 1);
    return &fn->slots[i];
}

static void grow_slots(pol_lowering *l)
{
    pol_plan_function *fn = l->fn;
    fn->n_slots = fn->n_slots ? 2 * fn->n_slots : 16;
    fn->slots = POL_NEW_ARRAY(l->arena, uint32_t, fn->n_slots);
    for (uint32_t i = 0; i < fn->n_constants; i++)
        if (!pol_is_collection(fn->constants[i]))
            *find_slot(fn, fn->constants[i]) = i + 1;
}

uint32_t constant(pol_lowering *l, pol_value v)
{
    pol_plan_function *fn = l->fn;
    if (!pol_is_collection(v)) {
        if (2 * (fn->n_constants + 1) > fn->n_slots)
            grow_slots(l);
        uint32_t *slot = find_slot(fn, v);
        if (*slot)
            return *slot - 1;
        *slot = fn->n_constants + 1;
    }
    POL_GROW(l->arena, fn->constants, fn->n_constants, fn->constants_capacity);
    fn->constants[fn->n_constants] = v;
    return fn->n_constants++;
}

uint32_t constant_text(pol_lowering *l, const char *text)
{
    return constant(l, pol_string_text(text));
}

void add_op(pol_lowering *l, pol_op op, uint32_t a, uint32_t b, uint32_t c)
{
    add_step(l, (pol_step){.kind = POL_STEP_OP, .op = (uint16_t)op, .a = a, .b = b, .c = c, .place = l->place});
}

void load_into(pol_lowering *l, uint32_t dst, pol_value v)
{
    add_step(l, (pol_step){.kind = POL_STEP_OP, .op = POL_OP_CONST, .a = dst, .n = constant(l, v), .place = l->place});
}

uint32_t load(pol_lowering *l, pol_value v)
{
    uint32_t dst = new_register(l);
    load_into(l, dst, v);
    return dst;
}

void add_failure(pol_lowering *l)
{
    uint32_t r = new_register(l);
    add_op(l, POL_OP_UNDEF, r, 0, 0);
    add_op(l, POL_OP_DEFINED, r, 0, 0);
}

void open_block(pol_lowering *l)
{
    push_region(l, POL_STEP_BLOCK);
}

void open_not(pol_lowering *l)
{
    push_region(l, POL_STEP_NOT);
}

void open_loop(pol_lowering *l, uint32_t collection, uint32_t *key, uint32_t *value)
{
    push_region(l, POL_STEP_LOOP);
    pol_step *step = &l->open->step;
    step->a = collection;
    step->n = l->next_iterator++;
    if (l->next_iterator > l->fn->n_iterators)
        l->fn->n_iterators = l->next_iterator;
    step->b = *key = new_register(l);
    step->c = *value = new_register(l);
}

void close_region(pol_lowering *l)
{
    while (l->open->step.kind == POL_STEP_LOOP)
        pop_region(l);
    pop_region(l);
}

bool in_loop(const pol_lowering *l)
{
    return l->open->step.kind == POL_STEP_LOOP;
}

void add_exit(pol_lowering *l, uint32_t n)
{
    add_step(l, (pol_step){.kind = POL_STEP_EXIT, .n = n, .place = l->place});
}

void bind_local(pol_lowering *l, uint32_t local, uint32_t reg)
{
    POL_GROW(l->arena, l->trail, l->n_trail, l->trail_capacity);
    l->trail[l->n_trail++] = local;
    l->registers[local] = reg + 1;
}

bool is_bound(const pol_lowering *l, uint32_t local)
{
    return local < l->n_locals && l->registers[local] != 0;
}

uint32_t local_register(const pol_lowering *l, uint32_t local)
{
    return l->registers[local] - 1;
}

uint32_t import_builtin(pol_plan *plan, const char *name, uint32_t n_args)
{
    for (uint32_t i = 0; i < plan->n_builtins; i++)
        if (strcmp(plan->builtins[i].name, name) == 0 && plan->builtins[i].n_args == n_args)
            return i;
    POL_GROW(plan->arena, plan->builtins, plan->n_builtins, plan->builtins_capacity);
    plan->builtins[plan->n_builtins] = (pol_image_builtin){.name = name, .n_args = (uint16_t)n_args};
    return plan->n_builtins++;
}

pol_plan_function *new_function(pol_plan *plan, const char *name, uint32_t *index)
{
    pol_plan_function *fn = POL_NEW(plan->arena, pol_plan_function);
    fn->name = name;
    POL_GROW(plan->arena, plan->functions, plan->n_functions, plan->functions_capacity);
    *index = plan->n_functions;
    plan->functions[plan->n_functions++] = fn;
    return fn;
}

pol_place place_of(const pol_program *program, pol_span span)
{
    pol_place place = {.file = span.source};
    pol_source_place(program->sources, span, &place.row, &place.col);
    return place;
}

pol_place enter_part(pol_lowering *l, pol_part_kind kind, pol_span span, pol_place place)
{
    pol_plan *plan = l->plan;
    POL_GROW(l->arena, plan->parts, plan->n_parts, plan->parts_capacity);
    plan->parts[plan->n_parts++] = (pol_plan_part){.kind = (uint8_t)kind, .parent = l->place.part, .place = place, .span = span};
    place.part = plan->n_parts;
    return place;
}
