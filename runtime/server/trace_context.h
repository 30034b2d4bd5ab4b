/* SPDX-License-Identifier: Apache-2.0
 * The headers by which a caller says what a request is part of: W3C Trace Context (traceparent, tracestate) and Baggage. What is malformed is as good as not there. Pure functions over bytes.
 */
#pragma once

#include "runtime/server/http.h"

enum { POL_TRACE_ID = 16, POL_SPAN_ID = 8 };

typedef struct {
    bool has_parent;
    uint8_t trace_id[POL_TRACE_ID], parent_id[POL_SPAN_ID];
    uint8_t flags;    /* bit 0: sampled; bit 1: the trace id is random; no others */
    pol_bytes state;  /* tracestate, where it is well-formed and one line; n == 0: none */
} pol_trace_context;

pol_trace_context pol_trace_context_read(const pol_http_head *head);

/* The value of key in a baggage header, percent-decoded into out, which has room for header.n bytes. False: it is not there, or malformed. */
POL_MUST_USE bool pol_baggage_get(pol_bytes header, pol_bytes key, uint8_t *out, size_t *n_out);
