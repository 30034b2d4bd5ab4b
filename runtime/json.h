/* SPDX-License-Identifier: Apache-2.0
 * The one strict JSON reader that makes values, in one pass, and the printer back. UTF-8 is checked, lone surrogates and
 * control characters in strings are refused. Thread-safe: no state.
 */
#pragma once

#include "runtime/value.h"

typedef struct {
    uint32_t max_depth;  /* 0: POL_DEPTH_MAX */
    bool unique_members; /* refuse duplicate members (where identity is read); else the last counts, as in OPA */
    bool borrow;         /* strings and decimals may point into the text, which must outlive the value AND have a NUL at
                          * text.at[text.n]; else they are copied into the arena */
    bool no_nul;         /* refuse U+0000 in strings (identity) */
} pol_json_options;

/* text as one JSON document. On failure err says byte offset, line and column and what was expected. options may be NULL. */
POL_MUST_USE bool pol_json_read(pol_arena *arena, pol_bytes text, const pol_json_options *options, pol_value *out,
                                pol_error *err);

typedef enum {
    POL_JSON_COMPACT = 0,
    POL_JSON_HTML = 1,   /* <, >, & as \u003c ..., as Go's encoder and OPA's json.marshal do */
    POL_JSON_PRETTY = 2, /* two blanks an indent */
} pol_json_style;

/* Sets are written as arrays in order; keys that are no strings as the compact text of the key in a string. Undefined writes null. */
void pol_json_write(pol_buf *out, pol_value v, unsigned style);

/* Rego's own text, as print, sprintf("%v") and errors show it: {"a": 1}, {1, 2}, set(). */
void pol_rego_write(pol_buf *out, pol_value v);

/* A JSON string literal of s, quotes included. */
void pol_json_write_string(pol_buf *out, pol_bytes s, unsigned style);
