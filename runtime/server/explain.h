/* SPDX-License-Identifier: Apache-2.0
 * The query parameter `explain` of both protocols, and what it adds to an answer.
 */
#pragma once

#include "runtime/server/decide.h"
#include "runtime/trace.h"

typedef enum {
    POL_EXPLAIN_OFF,
    POL_EXPLAIN_EVENTS,   /* notes, fails, full, debug: OPA's events */
    POL_EXPLAIN_DECISION, /* decision: docs/explain.md */
} pol_explain_kind;

typedef struct {
    pol_explain_kind kind;
    pol_events_mode mode;
    bool pretty; /* events are lines of text */
} pol_explain_wish;

/* What the request asks for, where the setting `explain` allows it. */
pol_explain_wish pol_explain_asked(const pol_worker *worker, const pol_request *request);
/* As pol_decide; *events is an array when events were asked for. Where the bundle cannot explain it is empty. */
POL_MUST_USE bool pol_decide_told(pol_worker *worker, pol_explain_wish wish, pol_entry entry, pol_value input, pol_value *result,
                                  pol_value *events, pol_error *err);
/* The explanation of data.polward.decision for input, after a decision, whose result stays valid; errors of the evaluator do not.
 * Where there is none: {"error": why}. */
pol_value pol_explain_told(pol_worker *worker, pol_value input);
