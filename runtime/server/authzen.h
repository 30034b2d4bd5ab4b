/* SPDX-License-Identifier: Apache-2.0
 * Reading AuthZEN requests: what evaluation and search share.
 */
#pragma once

#include "runtime/server/decide.h"

/* One reading of a request; the first thing that is wrong is told. */
typedef struct {
    pol_worker *worker;
    const pol_request *request;
    pol_answer *answer;
    pol_value body, item;  /* item: the evaluation of a batch; undefined: none */
    uint64_t instructions; /* that its decisions have used */
    bool told;             /* an explanation is asked for */
    char why[400];         /* of a refusal */
} pol_reading;

void pol_authzen_refuse(pol_reading *r, const char *fmt, ...) POL_PRINTF(2, 3);
/* Answers 400 with r->why. */
void pol_authzen_answer_refusal(pol_reading *r);

/* An optional member: null counts as absent. */
pol_value pol_authzen_optional(pol_value object, const char *name);
/* The body as an object. */
POL_MUST_USE bool pol_authzen_body(pol_reading *r);
/* token, cert and request, none of which is verified here. */
POL_MUST_USE bool pol_authzen_evidence(pol_reading *r, pol_description *d);
/* Whether d has something that says who the subject is. */
bool pol_authzen_shows_subject(const pol_description *d);
/* subject, action or resource: an object whose names are strings; what of them must be there depends on the request. */
POL_MUST_USE bool pol_authzen_entity(pol_reading *r, const char *name, const char *first, const char *second, bool required,
                                     pol_value *out);
POL_MUST_USE bool pol_authzen_context(pol_reading *r, pol_description *d);
