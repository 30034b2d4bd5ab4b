/* SPDX-License-Identifier: Apache-2.0
 * Who may ask what, by the policy that the setting `callers` names.
 */
#pragma once

#include "runtime/server/answer.h"

typedef enum { POL_CALLER_MAY, POL_CALLER_MAY_NOT, POL_CALLER_FAILED, POL_CALLER_WAITS } pol_caller_verdict;

/* Of a request for the endpoint that route's label names. WAITS: the request is to be parked, as by pol_identify. */
pol_caller_verdict pol_caller_judge(pol_worker *worker, const pol_request *request, const char *endpoint);
