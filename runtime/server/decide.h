/* SPDX-License-Identifier: Apache-2.0
 * What the protocols share: decision ids, the connection's part of a description, running an entry point, telling it.
 */
#pragma once

#include "runtime/server/answer.h"

enum { POL_ID_TEXT = 37 };

/* The UUID (version 4) that 16 random bytes make, NUL-terminated; bytes are changed. */
void pol_uuid_text(uint8_t bytes[16], char out[POL_ID_TEXT]);
/* A random one. */
void pol_decision_id(pol_worker *worker, char out[POL_ID_TEXT]);

/* Random bytes of the worker's store. */
void pol_random(pol_worker *worker, void *out, size_t n);

/* A description with nothing but who is connected. */
pol_description pol_describe_connection(pol_worker *worker, const pol_request *request);

/* What d shows is verified, in worker->arena. NULL: its issuer is being asked about the token; the handler returns at once, and is called again with the same request. */
pol_identity *pol_identify(pol_worker *worker, const pol_description *d);

/* Runs entry with input. As pol_eval_run: *result lives until the worker's next decision. */
POL_MUST_USE bool pol_decide(pol_worker *worker, pol_entry entry, pol_value input, pol_value *result, pol_error *err);

/* What of a decision's result says whether it allows: itself, or the member of an object. */
pol_value pol_allow_of(pol_value result);

/* How a decision came out, for metrics and the log. */
typedef struct {
    pol_protocol protocol;
    pol_effect effect;
    const char *id;
    const char *reason; /* a refusal's or failure's code; NULL: none */
    pol_bytes path;     /* what was asked; n == 0: the configured decision */
    pol_value rules;    /* undefined: none */
    pol_value input, result; /* for the decision log */
} pol_outcome;

/* Counts it, and logs it where log.decisions says so. */
void pol_decision_note(pol_worker *worker, const pol_request *request, const pol_outcome *outcome);
