/* SPDX-License-Identifier: Apache-2.0
 * The instruction table made of ops.def, and the disassembler, which knows operand kinds and no opcode.
 */
#include "runtime/ops.h"

#include <stdio.h>

const pol_op_info pol_ops[POL_OP_COUNT] = {
#define OP(name, a, b, c, j, flow, meaning)                                                        \
    [POL_OP_##name] = {#name, meaning, {POL_##a, POL_##b, POL_##c, POL_##j}, POL_FLOW_##flow},
#include "runtime/ops.def"
#undef OP
};

static void write_operand(pol_buf *out, pol_operand kind, int64_t operand, uint32_t pc)
{
    static const char *const forms[] = {
        [POL_DST] = "r%lld",      [POL_SRC] = "r%lld",      [POL_BOTH] = "r%lld",   [POL_ARGS] = "r%lld...",
        [POL_KONST] = "k%lld",    [POL_FUNC] = "f%lld",     [POL_BUILTIN] = "b%lld", [POL_ITERD] = "it%lld",
        [POL_ITER] = "it%lld",    [POL_BUILDD] = "bld%lld", [POL_BUILD] = "bld%lld", [POL_COUNT] = "#%lld",
        [POL_IMM] = "#%lld",      [POL_JUMP] = "-> %lld",
    };
    char text[32];
    if (kind == POL_JUMP)
        operand += (int64_t)pc + 1;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof text, forms[kind], (long long)operand);
#pragma GCC diagnostic pop
    pol_buf_printf(out, " %s", text);
}

void pol_disassemble(pol_buf *out, pol_insn in, uint32_t pc)
{
    if (in.op >= POL_OP_COUNT) {
        pol_buf_printf(out, "%4u  ? %u", pc, in.op);
        return;
    }
    const pol_op_info *op = &pol_ops[in.op];
    const int64_t operands[] = {in.a, in.b, in.c, in.j};
    pol_buf_printf(out, "%4u  %-8s", pc, op->name);
    for (unsigned i = 0; i < 4; i++)
        if (op->operand[i] != POL_NONE)
            write_operand(out, (pol_operand)op->operand[i], operands[i], pc);
}
