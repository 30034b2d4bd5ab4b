/* SPDX-License-Identifier: Apache-2.0
 * What emit.c hands to bundle_write.c: a program in memory, before it has addresses.
 */
#pragma once

#include "runtime/ops.h"
#include "runtime/value.h"

typedef struct {
    uint32_t file; /* index into pol_image.files */
    uint32_t row, col;
    uint32_t part; /* 1 + index of the plan's part that the instruction computes; 0: none */
} pol_place;

typedef struct {
    const char *name; /* "data.orders.allow", for listings and traces */
    uint16_t n_params, n_registers, n_iterators, n_builders;
    bool memoised;    /* a rule: computed once a decision. Has no parameters */
    pol_insn *code;
    pol_place *places; /* one for each instruction: where in the source it comes from */
    uint32_t n_code;
    pol_value *constants;
    uint32_t n_constants;
    pol_place place;
} pol_image_function;

typedef struct {
    const char *name;
    uint16_t n_args;
} pol_image_builtin;

typedef struct {
    const char *path; /* as in engine.h: "orders/allow" */
    uint32_t function;
} pol_image_entry;

typedef struct {
    pol_image_function *functions;
    uint32_t n_functions;
    pol_image_builtin *builtins;
    uint32_t n_builtins;
    pol_image_entry *entries; /* in any order; paths unique */
    uint32_t n_entries;
    const char **files;
    uint32_t n_files;
    pol_value data;     /* the base documents: an object */
    pol_value manifest; /* an object; the writer adds format, sections and digests */
    pol_bytes explain;  /* the section that explanations need (runtime/trace.h); empty: stripped */
} pol_image;

/* The bundle's bytes, the same for equal images. Equal constants are stored once. */
POL_MUST_USE bool pol_bundle_write(const pol_image *image, pol_buf *out, pol_error *err);
/* Adds an Ed25519 signature by the private key in PEM text to the bundle in bundle. */
POL_MUST_USE bool pol_bundle_sign(pol_buf *bundle, pol_bytes private_key_pem, pol_error *err);
