/* SPDX-License-Identifier: Apache-2.0
 * JSON Schema (drafts 4, 6 and 7) on values: what json.match_schema and json.verify_schema do.
 * References stay inside the schema.
 */
#pragma once

#include "runtime/builtin.h"

/* NULL when schema is one, else what is wrong with it; in the arena. */
const char *pol_schema_fault(pol_eval *ev, pol_value schema);
/* The failures of a document: an array of {"desc", "error", "field", "type"}; undefined with an
 * error noted. The schema has no fault. */
pol_value pol_schema_failures(pol_eval *ev, pol_value document, pol_value schema);
