/* SPDX-License-Identifier: Apache-2.0
 * The optimisations that have a file of their own; pol_optimise runs them.
 */
#pragma once

#include "compiler/plan.h"

/* Definitions of a rule are found by the constant that a part of the input must equal. */
void pol_optimise_definitions(pol_plan *plan, pol_plan_function *fn);
/* Rules that depend on one part of the input are tabled: they begin with a look-up of what was computed now. */
void pol_optimise_tables(pol_plan *plan);

/* Number of a further constant of fn. */
uint32_t pol_plan_constant(pol_plan *plan, pol_plan_function *fn, pol_value value);
