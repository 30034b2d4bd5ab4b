/* SPDX-License-Identifier: Apache-2.0
 * The closed list of reasons why an identity is refused. A reason is a static string, so that it can be kept and compared
 * without ownership; NULL means not refused.
 */
#pragma once

#include <stddef.h>

#define REASON(code, challenge, sentence) extern const char pol_reason_##code[];
#include "runtime/identity/reasons.def"
#undef REASON

/* The sentence for people of a reason of the list. */
const char *pol_reason_sentence(const char *reason);

/* The WWW-Authenticate header that tells a client of a refusal for this reason, without its name; "" when it calls for none. */
void pol_reason_challenge(const char *reason, char out[200]);
