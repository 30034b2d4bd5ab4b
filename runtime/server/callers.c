/* SPDX-License-Identifier: Apache-2.0
 * The input of the policy on callers, and its answer. */
#include "runtime/server/callers.h"

#include "runtime/server/decide.h"
#include "runtime/server/log.h"

static pol_value make_input(pol_worker *worker, const pol_request *request, const pol_identity *identity, const char *endpoint)
{
    pol_builder b = pol_builder_new(&worker->arena);
    pol_builder_put_text(&b, "endpoint", pol_string_text(endpoint));
    pol_builder_put_text(&b, "method", pol_string(request->head->method));
    pol_builder_put_text(&b, "document", pol_string(request->below));
    pol_builder_put_text(&b, "admin", pol_bool(request->peer->admin));
    pol_builder_put_text(&b, "peer", pol_identity_peer(identity));
    return pol_builder_object(&b);
}

pol_caller_verdict pol_caller_judge(pol_worker *worker, const pol_request *request, const char *endpoint)
{
    pol_error err;
    pol_value answer;
    pol_description d = pol_describe_connection(worker, request);
    d.tls_is_subject = false; /* here it is always the caller's */
    const pol_identity *identity = pol_identify(worker, &d);
    if (!identity)
        return POL_CALLER_WAITS;
    if (!pol_decide(worker, worker->world->callers, make_input(worker, request, identity, endpoint), &answer, &err)) {
        pol_log_error(POL_LOG_ERROR, "the policy on callers ended in an error", &err);
        return POL_CALLER_FAILED;
    }
    return pol_is_true(answer) ? POL_CALLER_MAY : POL_CALLER_MAY_NOT;
}
