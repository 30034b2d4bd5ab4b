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
/* The part of a union that holds others, or the type itself; NULL when there are several. */
const pol_type_node *pol_schema_holder(const pol_type_node *type);
