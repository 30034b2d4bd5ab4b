/* SPDX-License-Identifier: Apache-2.0
 * Plans and images as text, for --emit=plan and --emit=asm.
 */
#include "compiler/plan.h"
#include "runtime/json.h"

enum { CONSTANT_MAX = 60 }; /* bytes of a constant's text in a listing */

static void print_constant(pol_buf *out, pol_value v)
{
    pol_buf text = {0};
    pol_json_write(&text, v, POL_JSON_COMPACT);
    if (text.n > CONSTANT_MAX)
        pol_buf_printf(out, "%.*s... (%zu bytes)", CONSTANT_MAX, (const char *)text.at, text.n);
    else
        pol_buf_bytes(out, pol_buf_view(&text));
    pol_buf_deinit(&text);
}

typedef struct {
    pol_buf *out;
    const pol_value *constants;
    uint32_t n_constants;
    const pol_image_builtin *builtins;
    uint32_t n_builtins;
    const char *(*function_name)(const void *program, uint32_t i);
    const void *program;
} listing;

static void print_operand(const listing *l, pol_operand kind, uint32_t x)
{
    switch (kind) {
    case POL_NONE:
    case POL_JUMP:
        return;
    case POL_KONST:
        pol_buf_byte(l->out, ' ');
        if (x < l->n_constants)
            print_constant(l->out, l->constants[x]);
        return;
    case POL_FUNC:
        pol_buf_printf(l->out, " %s", l->function_name(l->program, x));
        return;
    case POL_BUILTIN:
        pol_buf_printf(l->out, " %s", x < l->n_builtins ? l->builtins[x].name : "?");
        return;
    case POL_ITERD:
    case POL_ITER:
        pol_buf_printf(l->out, " i%u", x);
        return;
    case POL_BUILDD:
    case POL_BUILD:
        pol_buf_printf(l->out, " b%u", x);
        return;
    case POL_COUNT:
    case POL_IMM:
        pol_buf_printf(l->out, " %u", x);
        return;
    default:
        pol_buf_printf(l->out, " r%u", x);
    }
}

static void indent(pol_buf *out, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++)
        pol_buf_text(out, "  ");
}

static void print_op_name(pol_buf *out, const char *name)
{
    for (; *name; name++)
        pol_buf_byte(out, (uint8_t)(*name | 0x20));
}

static void print_region(const listing *l, const pol_region *region, unsigned depth)
{
    for (uint32_t i = 0; i < region->n; i++) {
        const pol_step *step = &region->items[i];
        indent(l->out, depth);
        switch ((pol_step_kind)step->kind) {
        case POL_STEP_OP: {
            const pol_op_info *info = &pol_ops[step->op];
            const uint32_t operands[4] = {step->a, step->b, step->c, step->n};
            print_op_name(l->out, info->name);
            for (int k = 0; k < 4; k++)
                print_operand(l, (pol_operand)info->operand[k], operands[k]);
            break;
        }
        case POL_STEP_BLOCK:
            pol_buf_text(l->out, "block");
            break;
        case POL_STEP_NOT:
            pol_buf_text(l->out, "not");
            break;
        case POL_STEP_LOOP:
            pol_buf_printf(l->out, "for r%u, r%u in r%u", step->b, step->c, step->a);
            break;
        case POL_STEP_EXIT:
            pol_buf_printf(l->out, "exit %u", step->n);
            break;
        }
        pol_buf_byte(l->out, '\n');
        print_region(l, &step->body, depth + 1);
    }
}

static const char *plan_function_name(const void *program, uint32_t i)
{
    const pol_plan *plan = program;
    return i < plan->n_functions ? plan->functions[i]->name : "?";
}

void pol_plan_print(const pol_plan *plan, pol_buf *out)
{
    for (uint32_t i = 0; i < plan->n_functions; i++) {
        const pol_plan_function *fn = plan->functions[i];
        listing l = {.out = out, .constants = fn->constants, .n_constants = fn->n_constants, .builtins = plan->builtins,
                     .n_builtins = plan->n_builtins, .function_name = plan_function_name, .program = plan};
        pol_buf_printf(out, "%s %s(%u)\n", fn->memoised ? "rule" : "function", fn->name, fn->n_params);
        print_region(&l, &fn->body, 1);
    }
    for (uint32_t i = 0; i < plan->n_entries; i++)
        pol_buf_printf(out, "entry \"%s\" = %s\n", plan->entries[i].path, plan_function_name(plan, plan->entries[i].function));
}

static const char *image_function_name(const void *program, uint32_t i)
{
    const pol_image *image = program;
    return i < image->n_functions ? image->functions[i].name : "?";
}

static void print_instruction(const listing *l, const pol_insn *code, uint32_t pc)
{
    const pol_op_info *info = &pol_ops[code[pc].op];
    const uint32_t operands[4] = {code[pc].a, code[pc].b, code[pc].c, (uint32_t)code[pc].j};
    pol_buf_printf(l->out, "  %4u  ", pc);
    print_op_name(l->out, info->name);
    for (int k = 0; k < 4; k++)
        print_operand(l, (pol_operand)info->operand[k], operands[k]);
    if (info->operand[3] == POL_JUMP)
        pol_buf_printf(l->out, " -> %d", (int)pc + 1 + code[pc].j);
    pol_buf_byte(l->out, '\n');
}

void pol_image_print(const pol_image *image, pol_buf *out)
{
    for (uint32_t i = 0; i < image->n_functions; i++) {
        const pol_image_function *fn = &image->functions[i];
        listing l = {.out = out, .constants = fn->constants, .n_constants = fn->n_constants, .builtins = image->builtins,
                     .n_builtins = image->n_builtins, .function_name = image_function_name, .program = image};
        pol_buf_printf(out, "%s %s: %u parameters, %u registers, %u iterators, %u builders\n", fn->memoised ? "rule" : "function",
                       fn->name, fn->n_params, fn->n_registers, fn->n_iterators, fn->n_builders);
        for (uint32_t pc = 0; pc < fn->n_code; pc++)
            print_instruction(&l, fn->code, pc);
    }
    for (uint32_t i = 0; i < image->n_entries; i++)
        pol_buf_printf(out, "entry \"%s\" = %s\n", image->entries[i].path, image_function_name(image, image->entries[i].function));
}
