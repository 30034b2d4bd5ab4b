/* SPDX-License-Identifier: Apache-2.0
 * The decision log: events in OPA's form. A worker writes an event into a ring of its own, without a lock or a system call; one
 * thread takes them out, asks the policies data.system.log.drop and data.system.log.mask about them, and writes what is left. A full
 * ring loses the event and counts it.
 */
#pragma once

#include "runtime/server/decide.h"

typedef struct pol_decision_log pol_decision_log;

/* NULL in *out: none is configured. To be called before workers start, for n of them; pol_decision_log_start afterwards. */
POL_MUST_USE bool pol_decision_log_new(pol_server *server, const pol_config *config, unsigned n_workers, pol_decision_log **out, pol_error *err);
/* After the world was published. */
POL_MUST_USE bool pol_decision_log_start(pol_decision_log *log, pol_error *err);
/* After the workers have ended: writes what is in the rings, and ends the thread. NULL is nothing. */
void pol_decision_log_free(pol_decision_log *log);

/* By a worker, about a decision of its own. */
void pol_decision_log_note(pol_worker *worker, const pol_request *request, const pol_outcome *outcome);

/* input without the headers that carry tokens. */
pol_value pol_input_hide(pol_arena *arena, pol_value input);

typedef enum { POL_LOGGED_WRITTEN, POL_LOGGED_DROPPED, POL_LOGGED_LOST, POL_LOGGED_FAILED, POL_LOGGED_COUNT } pol_logged;
/* Bytes of events that wait for the thread; 0 for a NULL log. */
uint64_t pol_decision_log_waiting(const pol_decision_log *log);
/* How many events came to which end; 0 for a NULL log. */
uint64_t pol_decision_log_count(const pol_decision_log *log, pol_logged kind);

/* ---- decision_mask.c ---- */
/* event with what the rules (the value of data.system.log.mask) name removed or replaced, and told in `erased` and `masked`. A rule that is none,
 * and a value that cannot be had (undefined), erase input and result whole: what was to be hidden stays hidden. */
pol_value pol_event_mask(pol_arena *arena, pol_value event, pol_value rules);
