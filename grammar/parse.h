/* SPDX-License-Identifier: Apache-2.0
 * The grammar's one public face: text in, tree or diagnostics out.
 */
#pragma once

#include "compiler/diag.h"
#include "compiler/tree.h"

/* Parses sources->items[source]. Never NULL; errors are in diags and in module->failed, and what could be parsed is in the tree: parsing goes on at
 * the next statement. */
pol_module *pol_parse_module(pol_arena *arena, pol_sources *sources, uint32_t source, pol_diags *diags);
/* A query: a Rego body. Its source is parsed as .rego. NULL body items on failure; the errors are in diags. keywords: and, or, not { } are known. */
pol_body *pol_parse_query(pol_arena *arena, pol_sources *sources, uint32_t source, bool keywords, pol_diags *diags);
/* One term (an input_term of the conformance pack, a value of a test). NULL on failure. */
pol_term *pol_parse_term(pol_arena *arena, pol_sources *sources, uint32_t source, pol_diags *diags);
/* The value that a ground term writes; undefined if it is not ground (variables, refs, calls). */
pol_value pol_term_value(pol_arena *arena, const pol_term *term);
