/* SPDX-License-Identifier: Apache-2.0
 * What the bundle's `schema` statements say of a part of the input, by its path.
 */
#pragma once

#include "compiler/statements.h"

/* Segments of a path below input (polarity.h): a scalar, null for any element while iterating, false for one by a key that is computed. */
typedef struct {
    const pol_type_node *type; /* NULL: no schema says anything of it */
    bool required;             /* it is there when what holds it is */
} pol_declared;

/* Segments of path that lead to what schema is of; 0 when path is not in it. type: the resource's, for a `schema resource NAME`. */
uint32_t pol_schema_root(const pol_statement *schema, pol_bytes type, pol_value path);
/* What schema says of path, whose first root segments lead to what schema is of. */
pol_declared pol_schema_at(const pol_statement *schema, uint32_t root, pol_value path);
/* ---- schema_json.c ---- */
/* The type that a JSON Schema describes, as far as the language has words for it. */
pol_type_node *pol_schema_of_json(pol_arena *arena, pol_value schema, pol_span span);
/* ---- schema_check.c ---- */
/* Reads the files that schema statements name, and checks the data against the schemas of it. */
void pol_schemas_prepare(pol_program *program, pol_statements *s);

/* The part of a union that holds others, or the type itself; NULL when there are several. */
const pol_type_node *pol_schema_holder(const pol_type_node *type);
