/* SPDX-License-Identifier: Apache-2.0
 * A request as handlers see it, and the answer they fill. */
#pragma once

#include "runtime/server/worker.h"

/* Who is connected. */
typedef struct {
    bool unix_socket, has_credentials;
    bool admin;                   /* on the admin socket */
    uint32_t uid, gid, pid;
    X509 *leaf;                   /* of the TLS connection, verified; borrowed */
    STACK_OF(X509) *chain;
} pol_peer;

typedef enum { POL_ERRORS_DATA, POL_ERRORS_AUTHZEN } pol_error_form;

typedef struct {
    const pol_http_head *head;
    pol_bytes body; /* body.at[body.n] is NUL */
    pol_bytes below; /* of a TREE route: the path behind the route's own, without the slash between */
    const pol_peer *peer;
    int64_t begun_ns; /* pol_monotonic_ns when it was complete */
} pol_request;

typedef struct {
    int status;
    const char *content_type;
    pol_buf *body, *headers; /* headers: whole lines with CR LF */
    bool close;
} pol_answer;

typedef void (*pol_handler)(pol_worker *worker, const pol_request *request, pol_answer *answer);

/* Dispatches: fills answer and returns the route, for metrics. */
pol_route_id pol_answer_request(pol_worker *worker, pol_request *request, pol_answer *answer);
/* The most bytes a body may have on the route of head, and the refusal of a longer one, by the route's custom. */
void pol_answer_too_large(const pol_http_head *head, uint64_t most, pol_answer *answer);
/* 503 with Retry-After, in the form of head's route. */
void pol_answer_overloaded(const pol_http_head *head, pol_answer *answer);
/* A refusal in the form that the route uses: an OPA error object, or AuthZEN's message. text is for people, without foreign bytes
 * that were not quoted. code: OPA's code; NULL: by status. */
void pol_answer_error(pol_answer *answer, const pol_http_head *head, pol_error_form form, int status, const char *code, const char *fmt,
                      ...) POL_PRINTF(6, 7);
/* Status line and headers for answer into worker->answer_head. */
void pol_answer_finish(pol_worker *worker, const pol_http_head *head, pol_answer *answer);

#define ROUTE(id, method, path, reach, errors, use, handler, label, doc)                                \
    void handler(pol_worker *worker, const pol_request *request, pol_answer *answer);
#include "runtime/server/routes.def"
#undef ROUTE
