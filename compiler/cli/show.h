/* SPDX-License-Identifier: Apache-2.0
 * The result of pol eval in OPA's output forms.
 */
#pragma once

#include "compiler/program.h"
#include "runtime/engine.h"
#include "runtime/json.h"

typedef struct {
    const pol_query *query;     /* NULL: text is the one expression */
    const pol_sources *sources; /* of query */
    const char *text;
    pol_value results;          /* as the entry point $query gives them; undefined: none */
    const pol_eval_error *errors;
    unsigned n_errors;
    pol_value explanation;      /* events (runtime/trace.h); undefined: not asked for */
} show_result;

/* A value alone in the shape of results. */
pol_value show_bare(pol_arena *arena, pol_value value);
/* format: json, values, bindings, pretty, source, raw or discard. */
void show_write(const show_result *r, const char *format, pol_buf *out);
