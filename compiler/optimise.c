/* SPDX-License-Identifier: Apache-2.0
 * Optimisations of plans, in place. Each is a function over one plan function that keeps its meaning, errors and order of conditions included.
 */
#include "compiler/optimise.h"

/* How often each register of a function is read and written. */
typedef struct {
    uint32_t *reads, *writes;
    pol_plan_part **variables; /* of each register: the last part that shows the variable in it; NULL: none */
} usage;

/* The number of registers that an ARGS operand stands for. */
static uint32_t args_of(const pol_plan *plan, const pol_step *step)
{
    switch ((pol_operand)pol_ops[step->op].operand[2]) {
    case POL_FUNC:
        return plan->functions[step->c]->n_params;
    case POL_BUILTIN:
        return plan->builtins[step->c].n_args;
    default:
        return step->c;
    }
}

static void count_step(const pol_plan *plan, const pol_step *step, usage *u)
{
    const pol_op_info *info = &pol_ops[step->op];
    const uint32_t operands[3] = {step->a, step->b, step->c};
    for (int i = 0; i < 3; i++) {
        switch ((pol_operand)info->operand[i]) {
        case POL_SRC:
            u->reads[operands[i]]++;
            break;
        case POL_DST:
            u->writes[operands[i]]++;
            break;
        case POL_BOTH:
            u->reads[operands[i]]++;
            u->writes[operands[i]]++;
            break;
        case POL_ARGS:
            for (uint32_t k = 0; k < args_of(plan, step); k++)
                u->reads[operands[i] + k]++;
            break;
        default:
            break;
        }
    }
}

static void count_region(const pol_plan *plan, const pol_region *region, usage *u)
{
    for (uint32_t i = 0; i < region->n; i++) {
        const pol_step *step = &region->items[i];
        if (step->kind == POL_STEP_OP) {
            count_step(plan, step, u);
        } else if (step->kind == POL_STEP_LOOP) {
            u->reads[step->a]++;
            u->writes[step->b]++;
            u->writes[step->c]++;
        }
        count_region(plan, &step->body, u);
    }
}

static bool writes_register(const pol_step *step, uint32_t reg)
{
    const pol_op_info *info = &pol_ops[step->op];
    return (info->operand[0] == POL_DST || info->operand[0] == POL_BOTH) && step->a == reg;
}

/* A value that is made only to be moved is made in place. Between the two stand plain steps only, which do not touch the place: a region in
 * between could use it for something of its own. Registers are numbered as a stack, so one number may be several values: only what is written once and read
 * once in the whole function is known to be one. And a step in between that can fail must not find an accumulator (which is written elsewhere
 * too) changed already. */
static void forward_moves(const pol_plan *plan, pol_region *region, const usage *u)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < region->n; i++) {
        pol_step *step = &region->items[i];
        forward_moves(plan, &step->body, u);
        bool gone = false;
        if (step->kind == POL_STEP_OP && step->op == POL_OP_MOVE && u->writes[step->b] == 1 && u->reads[step->b] == 1) {
            for (uint32_t k = kept; k-- > 0 && region->items[k].kind == POL_STEP_OP;) {
                pol_step *maker = &region->items[k];
                if (maker->a == step->b && pol_ops[maker->op].operand[0] == POL_DST) {
                    maker->a = step->a;
                    if (u->variables[step->b])
                        u->variables[step->b]->variable = step->a + 1;
                    gone = true;
                    break;
                }
                if (writes_register(maker, step->a) ||
                    (pol_ops[maker->op].flow == POL_FLOW_BRANCH && u->writes[step->a] > 1))
                    break;
            }
        }
        if (!gone)
            region->items[kept++] = *step;
    }
    region->n = kept;
}

uint32_t pol_plan_constant(pol_plan *plan, pol_plan_function *fn, pol_value value)
{
    POL_GROW(plan->arena, fn->constants, fn->n_constants, fn->constants_capacity);
    fn->constants[fn->n_constants] = value;
    return fn->n_constants++;
}

void pol_optimise(pol_plan *plan)
{
    pol_optimise_tables(plan);
    for (uint32_t i = 0; i < plan->n_functions; i++) {
        pol_plan_function *fn = plan->functions[i];
        usage u = {POL_NEW_ARRAY(plan->arena, uint32_t, fn->n_registers + 1), POL_NEW_ARRAY(plan->arena, uint32_t, fn->n_registers + 1),
                   POL_NEW_ARRAY(plan->arena, pol_plan_part *, fn->n_registers + 1)};
        for (uint32_t k = fn->first_part; k < fn->end_part; k++)
            if (plan->parts[k].variable && plan->parts[k].variable <= fn->n_registers)
                u.variables[plan->parts[k].variable - 1] = &plan->parts[k];
        count_region(plan, &fn->body, &u);
        forward_moves(plan, &fn->body, &u);
        pol_optimise_definitions(plan, fn);
    }
}
