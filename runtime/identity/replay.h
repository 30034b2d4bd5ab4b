/* SPDX-License-Identifier: Apache-2.0
 * Which DPoP proofs were used: a proof is good once. One memory serves all threads of a process; of several processes each knows its own.
 */
#pragma once

#include "runtime/bytes.h"

typedef struct pol_replay pol_replay;

/* NULL: no memory. */
pol_replay *pol_replay_new(void);
void pol_replay_free(pol_replay *replay);
/* Notes that the key with this thumbprint used this jti, which must be remembered until until_s. False: it did before, or there is no room to remember
 * it, and then it must not pass either. */
POL_MUST_USE bool pol_replay_note(pol_replay *replay, pol_bytes thumbprint, pol_bytes jti, int64_t now_s, int64_t until_s);
