/* SPDX-License-Identifier: Apache-2.0
 * The bundle as plain Rego v1 with equal decisions: for engines that know nothing of the eight statements, and to hold ours against theirs.
 */
#pragma once

#include "compiler/program.h"

/* Modules as {name: text}, of a program whose statements are prepared and whose names are not bound yet. input_checks: as lower_input.c makes it, of
 * the same program compiled (undefined: none). */
pol_value pol_rego_target(pol_program *program, pol_value input_checks);

/* ---- rego_errors.c ---- */
/* Bodies in which an error is one, as under our rule that errors fail closed: Rego takes it for undefined and goes on. */
typedef struct pol_rego_errors pol_rego_errors;
pol_rego_errors *pol_rego_errors_new(pol_program *program);
/* Can the rule called name of module m meet an error? Then it has a twin, pol_rego_twin(name), that is true when it does. */
bool pol_rego_may_fail(pol_rego_errors *e, const pol_module *m, pol_bytes name);
/* Puts guards into the module's rules and adds the twins of those that may fail. */
void pol_rego_guard(pol_rego_errors *e, pol_module *m);
