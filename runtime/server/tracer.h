/* SPDX-License-Identifier: Apache-2.0
 * OpenTelemetry: a span for each decision that is sampled, by OTLP over HTTP in JSON. A worker puts its spans into a ring of its own; one thread sends them in batches. A full ring loses the span and counts it.
 */
#pragma once

#include "runtime/server/decide.h"

typedef struct pol_tracer pol_tracer;

/* NULL in *out: none is configured. To be called before workers start, for n of them; pol_tracer_start afterwards. */
POL_MUST_USE bool pol_tracer_new(pol_server *server, const pol_config *config, unsigned n_workers, pol_tracer **out, pol_error *err);
POL_MUST_USE bool pol_tracer_start(pol_tracer *tracer, pol_error *err);
/* After the workers have ended: sends what is in the rings, once, and ends the thread. NULL is nothing. */
void pol_tracer_free(pol_tracer *tracer);

/* By a worker, about a decision of its own; leaves in worker->span what it became. */
void pol_tracer_note(pol_worker *worker, const pol_request *request, const pol_outcome *outcome, int64_t took_ns);

typedef enum { POL_SPANS_SENT, POL_SPANS_FAILED, POL_SPANS_LOST, POL_SPANS_COUNT } pol_spans;
/* 0 for a NULL tracer. From any thread. */
uint64_t pol_tracer_count(const pol_tracer *tracer, pol_spans kind);
