/* SPDX-License-Identifier: Apache-2.0
 * What a policy that compiles had better not do (docs/lint.md). A rule is a row of diag.def from LINT_SHADOWED on; its class is the rule's name.
 */
#pragma once

#include "compiler/statements.h"

enum { POL_LINT_FIRST = POL_D_LINT_SHADOWED, POL_LINT_END = POL_D_LINT_PRINT + 1, POL_LINT_COUNT = POL_LINT_END - POL_LINT_FIRST };

typedef struct {
    bool off[POL_LINT_COUNT];
} pol_lint_options;

/* The rule called name, from 0; -1: there is none. */
int pol_lint_rule(pol_bytes name);
/* Adds to diags, sorted, what program (checked, without errors) should be told; not what comments (`# lint: ignore NAME`) switch off. */
void pol_lint(const pol_program *program, const pol_lint_options *options, pol_diags *diags);

/* ---- lint_statements.c, lint_bodies.c: parts of it ---- */
void pol_lint_statements(const pol_program *program, pol_diags *diags);
void pol_lint_bodies(const pol_program *program, pol_diags *diags);
