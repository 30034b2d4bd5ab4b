/* SPDX-License-Identifier: Apache-2.0
 * Bundles and decisions: a bundle is opened (mapped and verified) once, immutable and shared by threads; an evaluator is one
 * thread's machine with its arena, stack and caches, and runs one decision at a time.
 */
#pragma once

#include "runtime/value.h"

typedef struct pol_bundle pol_bundle;
typedef struct pol_eval pol_eval;
struct pol_trust;

/* How the reason of the rule `scope` begins when scopes would do; they stand behind it, parted by ", ". Compilers write it, challenges are made of it. */
#define POL_SCOPES_NEEDED "the token needs one of the scopes: "

/* ---- bundle ---- */
typedef struct {
    const pol_bytes *public_keys; /* raw 32-byte Ed25519 keys; with n_public_keys > 0 one valid signature is required */
    unsigned n_public_keys;
    bool copy;         /* copy into a sealed memfd even if only root or this user can write the file and its folder */
} pol_bundle_options;

/* Maps and verifies the file at path. options may be NULL. On success *out is to be closed by pol_bundle_close. */
POL_MUST_USE bool pol_bundle_open(const char *path, const pol_bundle_options *options, pol_bundle **out, pol_error *err);
/* The same from memory, which is copied. */
POL_MUST_USE bool pol_bundle_from_bytes(pol_bytes bytes, const pol_bundle_options *options, pol_bundle **out, pol_error *err);
/* NULL is allowed. No evaluator may be deciding with it, no value that points into it may be used any more. */
void pol_bundle_close(pol_bundle *bundle);
/* The manifest (JSON text: revision, entry points, compiler version, metadata). */
pol_bytes pol_bundle_manifest(const pol_bundle *bundle);
/* The same as a value (an object; see docs/bundle.md for its members; "routes" is what pol_route_index takes). */
pol_value pol_bundle_manifest_value(const pol_bundle *bundle);
/* The base documents: an object. */
pol_value pol_bundle_data(const pol_bundle *bundle);
/* SHA-256 of the file, the bundle's identity. */
void pol_bundle_digest(const pol_bundle *bundle, uint8_t digest[32]);

/* ---- entry points ----
 * Every rule and every package is one, named by its path below data, segments joined by '/': "orders/allow"; a '/' or '%' in a
 * segment is %2F or %25. */
typedef struct {
    int32_t function; /* -1: no rule: the value is base data only */
    pol_value rest;   /* array: what of the path lies below the entry point; looked up in its value */
} pol_entry;

/* The entry point that answers data.<segments>. segments is an array of strings; arena holds rest. Never fails: a path that nothing answers
 * gives an entry that is undefined. */
pol_entry pol_bundle_entry(const pol_bundle *bundle, pol_arena *arena, pol_value segments);
/* "orders/allow" or "data.orders.allow" split into segments. */
pol_value pol_path_split(pol_arena *arena, pol_bytes path);
/* The i-th entry point's path, from 0; NULL at the end. */
const char *pol_bundle_entry_path(const pol_bundle *bundle, uint32_t i);

/* ---- evaluator ---- */
typedef struct {
    uint64_t instructions; /* 0: 1,000,000 */
    size_t arena_bytes;    /* 0: 16 MiB */
    uint32_t depth;        /* 0: 256 */
} pol_limits;

pol_eval *pol_eval_new(const pol_limits *limits); /* limits may be NULL */
void pol_eval_free(pol_eval *ev);

typedef struct {
    pol_code code;          /* POL_E_TYPE, POL_E_BUILTIN, ... */
    const char *file;       /* NULL when unknown */
    uint32_t row, col;      /* from 1; 0 unknown */
    const char *message;    /* "operand 1 must be ...", with the built-in's name before it; lives until the next begin */
} pol_eval_error;

/* Starts a decision: the arena is emptied, so nothing of the one before may be used any more. Between begin and run the caller may read the
 * input's JSON into pol_eval_arena(ev). now_ns 0: the clock. */
void pol_eval_begin(pol_eval *ev, const pol_bundle *bundle);
void pol_eval_set_clock(pol_eval *ev, int64_t now_ns);
void pol_eval_set_seed(pol_eval *ev, uint64_t seed);
void pol_eval_set_trust(pol_eval *ev, const struct pol_trust *trust);
/* Where print() and trace() lines go; NULL: nowhere. */
void pol_eval_set_output(pol_eval *ev, void (*line)(void *context, bool note, pol_bytes text), void *context);

/* Runs entry with input (undefined: none). True: *result is the value, or undefined; it lives until the next begin or the bundle's close. False: a limit or
 * a conflict ended the decision, err says it, and *result is undefined. */
POL_MUST_USE bool pol_eval_run(pol_eval *ev, pol_entry entry, pol_value input, pol_value *result, pol_error *err);
/* Where a failed run failed (conflict errors): file and place; message is err's text. */
pol_eval_error pol_eval_failure(const pol_eval *ev);
/* Errors of built-ins noted by the last run, the first ones of them (OPA's strict mode makes the first one the outcome). */
const pol_eval_error *pol_eval_errors(const pol_eval *ev, unsigned *n);
/* Instructions that the last run used. */
uint64_t pol_eval_instructions(const pol_eval *ev);
/* Coverage: while set, counts[function][instruction offset within the code section] of executed instructions is kept. NULL: off. */
typedef void (*pol_listener)(void *context, uint32_t function, uint32_t pc);
void pol_eval_set_listener(pol_eval *ev, pol_listener listener, void *context);
