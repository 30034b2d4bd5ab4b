/* SPDX-License-Identifier: Apache-2.0
 * Why a decision of the eight statements came out as it did (docs/explain.md).
 */
#pragma once

#include "runtime/engine.h"

/* What the function $roles of a bundle returns (compiler/lower_decision.c), an array: */
enum {
    POL_ROLES_EFFECTIVE, /* set of names */
    POL_ROLES_PSEUDO,    /* array of `anyone` and, where it is so, `authenticated` */
    POL_ROLES_DOUBTFUL,  /* set of what assigns that met an error might give: held for forbids too */
    POL_ROLES_ERRORS,    /* array */
    POL_ROLES_PARTS
};

/* Explains what data.polward.decision is for input: runs it, and after it every statement of the action and type by itself, in
 * ev, which has begun with the bundle. *out is the JSON form, in ev's arena. Values of runs before stay valid; errors and
 * instructions of ev are then those of the explanation. False: the bundle has no statements, was stripped, or met a limit. */
POL_MUST_USE bool pol_explain(pol_eval *ev, pol_value input, pol_value *out, pol_error *err);
/* The statements of the JSON form, for data.polward.trace, from inside a decision with its input; pays for the instructions.
 * Undefined with an error noted when the bundle cannot explain. */
pol_value pol_explain_statements(pol_eval *ev);
/* The JSON form as text for people. */
void pol_explain_text(pol_value explanation, pol_buf *out);
