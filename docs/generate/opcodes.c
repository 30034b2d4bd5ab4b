/* SPDX-License-Identifier: Apache-2.0
 * The reference page of opcodes, made from runtime/ops.def; to standard output.
 */
#include "runtime/ops.h"

#include <stdio.h>

static const char *operand_name(pol_operand kind)
{
    static const char *const names[] = {
        [POL_NONE] = "",          [POL_DST] = "register, written",   [POL_SRC] = "register",        [POL_BOTH] = "register, read and written",
        [POL_ARGS] = "registers", [POL_KONST] = "constant",          [POL_FUNC] = "function",       [POL_BUILTIN] = "built-in",
        [POL_ITERD] = "iterator, set up", [POL_ITER] = "iterator",   [POL_BUILDD] = "builder, set up", [POL_BUILD] = "builder",
        [POL_COUNT] = "count",    [POL_IMM] = "number",              [POL_JUMP] = "jump",
    };
    return names[kind];
}

static const char *flow_name(unsigned flow)
{
    static const char *const names[] = {
        [POL_FLOW_NEXT] = "goes on", [POL_FLOW_BRANCH] = "goes on or jumps", [POL_FLOW_STOP] = "does not go on"};
    return names[flow];
}

/* '|' would end the table's cell. */
static void print_cell(const char *text)
{
    for (; *text; text++)
        printf(*text == '|' ? "\\%c" : "%c", *text);
}

int main(void)
{
    printf("# Opcodes\n\n"
           "An instruction has 12 bytes: op, A, B, C of 16 bits and J of 32. A jump is counted in instructions from the one behind. `r` are the\n"
           "registers of the function that runs, `k` its constants. A register that is written keeps its value when the jump is taken.\n\n"
           "| number | name | A | B | C | J | flow | meaning |\n"
           "| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (unsigned i = 0; i < POL_OP_COUNT; i++) {
        const pol_op_info *op = &pol_ops[i];
        printf("| %u | `%s` |", i, op->name);
        for (unsigned k = 0; k < 4; k++)
            printf(" %s |", operand_name((pol_operand)op->operand[k]));
        printf(" %s | ", flow_name(op->flow));
        print_cell(op->meaning);
        printf(" |\n");
    }
    return 0;
}
