/* SPDX-License-Identifier: Apache-2.0
 * A plan into instructions: regions become jumps. The order of functions, built-ins and constants is that of the plan, so equal plans give
 * equal images.
 */
#include "compiler/plan.h"

typedef struct {
    uint32_t *items;
    uint32_t n, capacity;
} jump_list;

/* Where a failure goes, and where EXIT goes, in the region being emitted. */
typedef struct target target;
struct target {
    target *outer;
    uint8_t kind;     /* pol_step_kind */
    jump_list failed; /* of BLOCK and NOT: to be patched to what follows */
    jump_list left;   /* of BLOCK: EXITs */
    uint32_t head;    /* of LOOP: its NEXT */
};

typedef struct {
    pol_arena *arena;
    const pol_plan_function *fn;
    pol_insn *code;
    pol_place *places;
    uint32_t n, capacity, places_capacity;
    target *inner;
    bool overflow;
} emitter;

static void note_jump(emitter *e, jump_list *list, uint32_t at)
{
    POL_GROW(e->arena, list->items, list->n, list->capacity);
    list->items[list->n++] = at;
}

static void patch(emitter *e, const jump_list *list, uint32_t to)
{
    for (uint32_t i = 0; i < list->n; i++)
        e->code[list->items[i]].j = (int32_t)to - (int32_t)list->items[i] - 1;
}

static uint16_t narrow(emitter *e, uint32_t operand)
{
    if (operand > UINT16_MAX)
        e->overflow = true;
    return (uint16_t)operand;
}

static uint32_t put(emitter *e, pol_op op, uint32_t a, uint32_t b, uint32_t c, pol_place place)
{
    uint32_t n_places = e->n;
    POL_GROW(e->arena, e->code, e->n, e->capacity);
    POL_GROW(e->arena, e->places, n_places, e->places_capacity);
    e->code[e->n] = (pol_insn){.op = (uint16_t)op, .a = narrow(e, a), .b = narrow(e, b), .c = narrow(e, c)};
    e->places[e->n] = place;
    return e->n++;
}

/* The instruction at `at` jumps to where failures of the region of t go. */
static void fail_to(emitter *e, target *t, uint32_t at)
{
    if (t->kind == POL_STEP_LOOP)
        e->code[at].j = (int32_t)t->head - (int32_t)at - 1;
    else
        note_jump(e, &t->failed, at);
}

static bool emit_region(emitter *e, const pol_region *region);

static void emit_exit(emitter *e, const pol_step *step)
{
    target *t = e->inner;
    for (uint32_t n = step->n;; t = t->outer) {
        if (t->kind == POL_STEP_LOOP)
            continue;
        if (n-- == 0)
            break;
    }
    uint32_t at = put(e, POL_OP_JUMP, 0, 0, 0, step->place);
    if (t->kind == POL_STEP_NOT)
        fail_to(e, t->outer, at);
    else
        note_jump(e, &t->left, at);
}

static void emit_caught(emitter *e, const pol_step *step)
{
    target t = {.outer = e->inner, .kind = step->kind};
    e->inner = &t;
    emit_region(e, &step->body);
    e->inner = t.outer;
    patch(e, &t.failed, e->n);
    patch(e, &t.left, e->n);
}

static void emit_loop(emitter *e, const pol_step *step)
{
    uint32_t scan = put(e, POL_OP_SCAN, step->n, step->a, 0, step->place);
    uint32_t next = put(e, POL_OP_NEXT, step->n, step->b, step->c, step->place);
    target t = {.outer = e->inner, .kind = POL_STEP_LOOP, .head = next};
    e->inner = &t;
    if (emit_region(e, &step->body))
        fail_to(e, &t, put(e, POL_OP_JUMP, 0, 0, 0, step->place));
    e->inner = t.outer;
    e->code[scan].j = (int32_t)e->n - (int32_t)scan - 1;
    e->code[next].j = (int32_t)e->n - (int32_t)next - 1;
}

static void emit_op(emitter *e, const pol_step *step)
{
    const pol_op_info *info = &pol_ops[step->op];
    uint32_t at = put(e, (pol_op)step->op, step->a, step->b, step->c, step->place);
    if (info->operand[3] == POL_KONST)
        e->code[at].j = (int32_t)step->n;
    else if (info->operand[3] == POL_JUMP)
        fail_to(e, e->inner, at);
}

/* False when the region's end cannot be reached; steps behind a RETURN or EXIT are not emitted. */
static bool emit_region(emitter *e, const pol_region *region)
{
    for (uint32_t i = 0; i < region->n; i++) {
        const pol_step *step = &region->items[i];
        switch ((pol_step_kind)step->kind) {
        case POL_STEP_OP:
            emit_op(e, step);
            if (pol_ops[step->op].flow == POL_FLOW_STOP)
                return false;
            break;
        case POL_STEP_BLOCK:
        case POL_STEP_NOT:
            emit_caught(e, step);
            break;
        case POL_STEP_LOOP:
            emit_loop(e, step);
            break;
        case POL_STEP_EXIT:
            emit_exit(e, step);
            return false;
        }
    }
    return true;
}

/* Jumps to a JUMP go to where that one goes. The verifier wants backward jumps to end at NEXT; a chain's last one does. */
static void thread_jumps(emitter *e)
{
    for (uint32_t i = 0; i < e->n; i++) {
        if (pol_ops[e->code[i].op].operand[3] != POL_JUMP)
            continue;
        int64_t to = (int64_t)i + 1 + e->code[i].j;
        for (int hops = 0; hops < 100 && e->code[to].op == POL_OP_JUMP; hops++)
            to = to + 1 + e->code[to].j;
        e->code[i].j = (int32_t)(to - i - 1);
    }
}

/* What no jump and no falling through reaches is taken out, so that the verifier sees live code only. */
static void drop_dead(emitter *e)
{
    bool *live = POL_NEW_ARRAY(e->arena, bool, e->n + 1);
    uint32_t *moved = POL_NEW_ARRAY(e->arena, uint32_t, e->n + 1);
    live[0] = true;
    for (bool again = true; again;) {
        again = false;
        for (uint32_t i = 0; i < e->n; i++) {
            const pol_op_info *info = &pol_ops[e->code[i].op];
            uint32_t to = info->operand[3] == POL_JUMP ? i + 1 + (uint32_t)e->code[i].j : i;
            if (!live[i])
                continue;
            again |= !live[to] && to < i;
            live[to] = true;
            if (info->flow != POL_FLOW_STOP)
                live[i + 1] = true;
        }
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i <= e->n; i++) {
        moved[i] = n;
        n += i < e->n && live[i];
    }
    for (uint32_t i = 0; i < e->n; i++) {
        if (!live[i])
            continue;
        pol_insn in = e->code[i];
        if (pol_ops[in.op].operand[3] == POL_JUMP)
            in.j = (int32_t)moved[i + 1 + (uint32_t)in.j] - (int32_t)moved[i] - 1;
        e->code[moved[i]] = in;
        e->places[moved[i]] = e->places[i];
    }
    e->n = n;
}

static bool emit_function(const pol_plan *plan, const pol_plan_function *fn, pol_image_function *out, pol_error *err)
{
    emitter e = {.arena = plan->arena, .fn = fn};
    target function = {.kind = POL_STEP_BLOCK};
    e.inner = &function;
    emit_region(&e, &fn->body);
    patch(&e, &function.failed, e.n);
    patch(&e, &function.left, e.n);
    put(&e, POL_OP_FAIL, 0, 0, 0, fn->place);
    thread_jumps(&e);
    drop_dead(&e);
    *out = (pol_image_function){
        .name = fn->name, .n_params = narrow(&e, fn->n_params), .n_registers = narrow(&e, fn->n_registers),
        .n_iterators = narrow(&e, fn->n_iterators), .n_builders = narrow(&e, fn->n_builders), .memoised = fn->memoised,
        .code = e.code, .places = e.places, .n_code = e.n, .constants = fn->constants, .n_constants = fn->n_constants, .place = fn->place,
    };
    if (e.overflow)
        return pol_fail(err, POL_E_LIMIT, "%s needs more than 65,535 registers, constants or functions: split the rule", fn->name);
    return true;
}

bool pol_emit(const pol_plan *plan, pol_image *image, pol_error *err)
{
    *image = (pol_image){
        .functions = POL_NEW_ARRAY(plan->arena, pol_image_function, plan->n_functions + 1), .n_functions = plan->n_functions,
        .builtins = plan->builtins, .n_builtins = plan->n_builtins, .entries = plan->entries, .n_entries = plan->n_entries,
        .files = plan->files, .n_files = plan->n_files, .data = plan->data, .manifest = plan->manifest,
    };
    for (uint32_t i = 0; i < plan->n_functions; i++)
        POL_TRY(emit_function(plan, plan->functions[i], &image->functions[i], err));
    return true;
}
