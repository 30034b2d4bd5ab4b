/* SPDX-License-Identifier: Apache-2.0
 * The eight statements: checked as declarations of the whole bundle, their bodies made into hidden rules before names are bound, and the
 * documents below data.polward planned after.
 */
#pragma once

#include "compiler/program.h"

typedef struct pol_plan pol_plan;

/* Before pol_program_check: checks names, roles, tiers, ids, routes, scopes; appends the hidden rules ($permit-1-if ...) to the modules. Errors are in diags. */
POL_MUST_USE bool pol_statements_prepare(pol_program *program);
/* The route table for the manifest: array of {"method", "template", "action", "type"}; empty when there are none. */
pol_value pol_statements_routes(const pol_program *program);
