/* SPDX-License-Identifier: Apache-2.0
 * A bundle that is fetched by HTTP: kept in the file bundle.path, from where the reloader takes it up. The file is replaced by rename only, with what verified, so that every start finds a whole bundle that
 * was good. Asked again after a while, or at once where the server holds the question until it has something new.
 */
#pragma once

#include "runtime/server/config.h"

typedef struct pol_source pol_source;

/* Before the first world is made. Where bundle.path is not there yet, it is waited for, for bundle.first_wait at most. NULL in *out: bundle.url is not set. */
POL_MUST_USE bool pol_source_start(const pol_config *config, pol_source **out, pol_error *err);
/* NULL is nothing. */
void pol_source_free(pol_source *source);

typedef struct {
    int64_t asked_ns, answered_ns, taken_ns; /* the last question, the last that was answered well, the last bundle kept; 0: none */
    uint64_t failures;                       /* since an answer was good */
    char error[200];                         /* of the last one; "": none */
} pol_source_state;
/* From any thread. */
pol_source_state pol_source_look(pol_source *source);
