/* SPDX-License-Identifier: Apache-2.0
 * pol diff: what compare.c (sides, statements, data) and replay.c (requests) share.
 */
#pragma once

#include "compiler/cli/cli.h"

/* What a statement, or all definitions of a rule, say. */
typedef struct {
    const char *name; /* "permit orders.refund", "rule orders.limit", "role clerk": what makes it the same on both sides */
    pol_bytes text;   /* as the tree prints it: layout and comments do not count */
    const char *file;
    uint32_t row;
} cli_saying;

typedef struct {
    cli_session session;
    pol_bundle *bundle;
    pol_arena arena;
    cli_saying *items; /* by name */
    uint32_t n, capacity;
    bool stripped; /* built without the texts of its sources */
} cli_side;

/* Decides the requests of the file o->requests by both sides. Returns an object: {"requests", "masked", "flipped": [...], "differ"}. */
POL_MUST_USE bool cli_replay(const cli_options *o, const cli_side *a, const cli_side *b, pol_arena *arena, pol_value *out, pol_error *err);
/* The same for people. */
void cli_print_replay(pol_value replay, pol_buf *out);
