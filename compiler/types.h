/* SPDX-License-Identifier: Apache-2.0
 * What is known of a value before it is there: the types of Rego, their union, look-up, and the
 * texts of built-in signatures read into them. Types are immutable and live in the compile arena.
 * NULL is "nothing is known yet", which is not any.
 */
#pragma once

#include "runtime/builtin.h"

typedef enum {
    POL_TYPE_KIND_NULL,
    POL_TYPE_KIND_BOOL,
    POL_TYPE_KIND_NUMBER,
    POL_TYPE_KIND_STRING,
    POL_TYPE_KIND_ARRAY,
    POL_TYPE_KIND_OBJECT,
    POL_TYPE_KIND_SET,
    POL_TYPE_KIND_ANY, /* a union of parts; of none: any value */
} pol_kind;

typedef struct pol_type pol_type;
typedef struct {
    pol_value key; /* a scalar */
    const pol_type *type;
} pol_property;

struct pol_type {
    uint8_t kind;           /* pol_kind */
    pol_value literal;      /* of a scalar: the one value that it can be; undefined: any of the kind */
    const pol_type **parts; /* ARRAY: the first elements; ANY: of the union, no two alike */
    uint32_t n;
    const pol_type *rest; /* ARRAY: further elements; SET: elements; OBJECT: values of other keys;
                             NULL: there are none */
    const pol_type *keys; /* OBJECT: other keys */
    pol_property *properties; /* OBJECT, sorted by key */
    uint32_t n_properties;
    uint32_t size,
        depth; /* of the type as a tree; what grows too large is any, so that no check takes long */
};

typedef struct {
    const pol_type **arguments;
    uint32_t n;
    const pol_type *result; /* NULL: none */
    const pol_type *rest;   /* type of further arguments; NULL: there are none */
} pol_signature;

const pol_type *pol_type_any(void);
const pol_type *pol_type_scalar(pol_kind kind);
const pol_type *pol_type_literal(pol_arena *arena, pol_value scalar);
const pol_type *pol_type_array(pol_arena *arena, const pol_type **parts, uint32_t n,
                               const pol_type *rest);
const pol_type *pol_type_set(pol_arena *arena, const pol_type *of);
const pol_type *pol_type_object(pol_arena *arena, pol_property *properties, uint32_t n,
                                const pol_type *keys, const pol_type *rest);
/* The type of either; a NULL counts for nothing. */
const pol_type *pol_type_or(pol_arena *arena, const pol_type *a, const pol_type *b);
bool pol_type_is_any(const pol_type *t);
/* Could one value be of both? */
bool pol_types_meet(const pol_type *a, const pol_type *b);
/* Are all values of both of the same kind? */
bool pol_type_is_one_kind(const pol_type *a, const pol_type *b);
/* What x[k] can be indexed with and what it gives, x of type t; NULL: nothing. */
const pol_type *pol_type_keys(pol_arena *arena, const pol_type *t);
const pol_type *pol_type_values(pol_arena *arena, const pol_type *t);
const pol_type *pol_type_select(pol_arena *arena, const pol_type *t, pol_value key);
/* A signature as in builtin.h. False when the text is malformed. */
POL_MUST_USE bool pol_signature_read(pol_arena *arena, const char *text, pol_signature *out);
/* As authors write it: "array[string] | set[string]". */
void pol_type_write(pol_buf *out, const pol_type *t);
