/* SPDX-License-Identifier: Apache-2.0
 * One pass forwards. What is set at an instruction is what is set on every way to it: by falling through and by each jump forwards. Jumps
 * backwards go to a NEXT that was passed; since what is set only grows on a straight way, what was set there must still be set at the jump.
 */
#include "runtime/assigned.h"

/* Sets of one bit for each register, iterator and builder, in this order. */
typedef uint64_t word;

typedef struct {
    const pol_bundle *b;
    const pol_bundle_function *fn;
    const pol_insn *code;
    uint32_t f, pc;
    size_t n_words;
    word *now;    /* set here; valid when reached */
    bool reached;
    word **at;    /* of each instruction: what jumps forwards to it bring, or what was set at a NEXT; NULL: none yet */
    word *spare;  /* sets that are used no more; the first word holds the address of the next one */
    pol_arena *arena;
    uint64_t *work;
    pol_error *err;
} flow;

/* Bytes of sets for one function: reached by none of ours. */
enum { MEMORY_MAX = 256 * 1024 * 1024 };

static bool refuse(const flow *c, const char *what, uint32_t i)
{
    return pol_fail(c->err, POL_E_BUNDLE, "function %u, instruction %u: %s %u", c->f, c->pc, what, i);
}

POL_MUST_USE static bool pay(flow *c)
{
    if (*c->work < c->n_words + 1)
        return pol_fail(c->err, POL_E_BUNDLE, "function %u: too many jumps over too many registers to be checked", c->f);
    *c->work -= c->n_words + 1;
    return true;
}

static uint32_t bit_of(const flow *c, pol_operand kind, uint32_t i)
{
    switch (kind) {
    case POL_ITERD:
    case POL_ITER:
        return c->fn->n_registers + i;
    case POL_BUILDD:
    case POL_BUILD:
        return (uint32_t)c->fn->n_registers + c->fn->n_iterators + i;
    default:
        return i;
    }
}

static bool has(const flow *c, uint32_t bit)
{
    return c->now[bit / 64] >> bit % 64 & 1;
}

static void set(flow *c, uint32_t bit)
{
    c->now[bit / 64] |= (word)1 << bit % 64;
}

static uint32_t count_args(const flow *c, pol_insn in)
{
    switch ((pol_operand)pol_ops[in.op].operand[2]) {
    case POL_FUNC:
        return c->b->functions[in.c].n_params;
    case POL_BUILTIN:
        return c->b->builtins[in.c].n_args;
    default:
        return in.c;
    }
}

POL_MUST_USE static bool check_reads(flow *c, pol_insn in)
{
    const uint8_t *kinds = pol_ops[in.op].operand;
    const uint32_t operands[] = {in.a, in.b, in.c};
    for (unsigned i = 0; i < 3; i++) {
        uint32_t n = 1;
        switch ((pol_operand)kinds[i]) {
        case POL_ARGS:
            n = count_args(c, in);
            break;
        case POL_SRC:
        case POL_BOTH:
        case POL_ITER:
        case POL_BUILD:
            break;
        default:
            continue;
        }
        uint32_t bit = bit_of(c, (pol_operand)kinds[i], operands[i]);
        for (uint32_t k = 0; k < n; k++)
            if (!has(c, bit + k))
                return refuse(c, kinds[i] == POL_ITER ? "reads unset iterator" : kinds[i] == POL_BUILD ? "uses unset builder" : "reads unset register",
                              operands[i] + k);
    }
    return true;
}

static void note_writes(flow *c, pol_insn in)
{
    const uint8_t *kinds = pol_ops[in.op].operand;
    const uint32_t operands[] = {in.a, in.b, in.c};
    for (unsigned i = 0; i < 3; i++)
        if (kinds[i] == POL_DST || kinds[i] == POL_ITERD || kinds[i] == POL_BUILDD)
            set(c, bit_of(c, (pol_operand)kinds[i], operands[i]));
}

POL_MUST_USE static bool keep(flow *c, uint32_t pc)
{
    size_t bytes = c->n_words * sizeof(word);
    c->at[pc] = c->spare ? c->spare : pol_arena_try(c->arena, bytes);
    if (c->spare)
        c->spare = (word *)(uintptr_t)*c->spare;
    if (!c->at[pc])
        return pol_fail(c->err, POL_E_BUNDLE, "function %u: too many jumps over too many registers to be checked", c->f);
    memcpy(c->at[pc], c->now, bytes);
    return true;
}

POL_MUST_USE static bool check_jump(flow *c, uint32_t to)
{
    POL_TRY(pay(c));
    if (!c->at[to])
        return to > c->pc ? keep(c, to) : refuse(c, "jumps back to unreached instruction", to);
    if (to > c->pc) {
        for (size_t i = 0; i < c->n_words; i++)
            c->at[to][i] &= c->now[i];
        return true;
    }
    for (size_t i = 0; i < c->n_words; i++)
        if (c->at[to][i] & ~c->now[i])
            return refuse(c, "jumps back with less set than before to instruction", to);
    return true;
}

/* Joins what jumps bring to pc, and keeps it where jumps backwards may come to. */
POL_MUST_USE static bool arrive(flow *c)
{
    word **brought = &c->at[c->pc];
    if (*brought) {
        POL_TRY(pay(c));
        for (size_t i = 0; i < c->n_words; i++)
            c->now[i] = c->reached ? c->now[i] & (*brought)[i] : (*brought)[i];
        c->reached = true;
        (*brought)[0] = (uintptr_t)c->spare;
        c->spare = *brought;
        *brought = NULL;
    }
    if (!c->reached)
        return pol_fail(c->err, POL_E_BUNDLE, "function %u, instruction %u: nothing reaches it", c->f, c->pc);
    if (c->code[c->pc].op != POL_OP_NEXT)
        return true;
    POL_TRY(pay(c));
    return keep(c, c->pc);
}

POL_MUST_USE static bool follow(flow *c)
{
    for (c->pc = 0; c->pc < c->fn->n_code; c->pc++) {
        pol_insn in = c->code[c->pc];
        POL_TRY(arrive(c));
        POL_TRY(check_reads(c, in));
        if (pol_ops[in.op].operand[3] == POL_JUMP)
            POL_TRY(check_jump(c, (uint32_t)((int64_t)c->pc + 1 + in.j)));
        note_writes(c, in);
        c->reached = pol_ops[in.op].flow != POL_FLOW_STOP;
    }
    return true;
}

bool pol_assigned_check(const pol_bundle *bundle, uint32_t f, uint64_t *work, pol_error *err)
{
    const pol_bundle_function *fn = &bundle->functions[f];
    size_t n_bits = (size_t)fn->n_registers + fn->n_iterators + fn->n_builders;
    pol_arena arena;
    pol_arena_init(&arena, MEMORY_MAX);
    flow c = {.b = bundle, .fn = fn, .code = bundle->code + fn->first_insn, .f = f, .n_words = n_bits / 64 + 1, .reached = true,
              .arena = &arena, .work = work, .err = err};
    c.now = pol_arena_try(&arena, c.n_words * sizeof(word));
    c.at = pol_arena_try(&arena, fn->n_code * sizeof *c.at);
    bool ok = c.now && c.at;
    if (ok) {
        memset(c.now, 0, c.n_words * sizeof(word));
        memset(c.at, 0, fn->n_code * sizeof *c.at);
    } else {
        ok = pol_fail(err, POL_E_MEMORY, "function %u: no memory to check %u instructions", f, fn->n_code);
    }
    for (uint32_t i = 0; ok && i < fn->n_params; i++)
        set(&c, i);
    ok = ok && follow(&c);
    pol_arena_deinit(&arena);
    return ok;
}
