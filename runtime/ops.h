/* SPDX-License-Identifier: Apache-2.0
 * Instructions: their form, and the table that ops.def makes of them. The verifier, disassembler and reference page read
 * the table; only vm.c and emit.c know an opcode by name.
 */
#pragma once

#include "runtime/bytes.h"

typedef struct {
    uint16_t op, a, b, c;
    int32_t j;
} pol_insn;
_Static_assert(sizeof(pol_insn) == 12, "the bundle format holds them");

typedef enum {
#define OP(name, a, b, c, j, flow, meaning) POL_OP_##name,
#include "runtime/ops.def"
#undef OP
    POL_OP_COUNT
} pol_op;

typedef enum {
    POL_NONE,    /* must be 0 */
    POL_DST,     /* register, written */
    POL_SRC,     /* register, read */
    POL_BOTH,    /* register, read and written */
    POL_ARGS,    /* first of as many consecutive registers, read, as the callee has parameters (TUPLE: as C says) */
    POL_KONST,   /* index of a constant of the function */
    POL_FUNC,    /* index of a function of the bundle; of RULE one without parameters */
    POL_BUILTIN, /* index of an imported built-in of the bundle */
    POL_ITERD,   /* iterator, set up */
    POL_ITER,    /* iterator, used */
    POL_BUILDD,  /* builder, set up */
    POL_BUILD,   /* builder, used */
    POL_COUNT,   /* a count */
    POL_IMM,     /* a small number with the meaning given */
    POL_JUMP,    /* offset in instructions from the next instruction */
} pol_operand;

typedef enum { POL_FLOW_NEXT, POL_FLOW_BRANCH, POL_FLOW_STOP } pol_flow;

typedef struct {
    const char *name, *meaning;
    uint8_t operand[4]; /* pol_operand of A, B, C, J */
    uint8_t flow;       /* pol_flow */
} pol_op_info;

extern const pol_op_info pol_ops[POL_OP_COUNT];

/* One instruction as text, without an end of line; pc is its offset in the function, from which jumps are counted. Any bytes are allowed. */
void pol_disassemble(pol_buf *out, pol_insn in, uint32_t pc);
