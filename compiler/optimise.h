/* SPDX-License-Identifier: Apache-2.0
 * The optimisations that have a file of their own; pol_optimise runs them.
 */
#pragma once

#include "compiler/plan.h"

/* Definitions of a rule are found by the constant that a part of the input must equal. */
void pol_optimise_definitions(pol_plan *plan, pol_plan_function *fn);
