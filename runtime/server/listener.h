/* SPDX-License-Identifier: Apache-2.0
 * Listening sockets and the acceptor, which hands each connection to the worker with the fewest.
 */
#pragma once

#include "runtime/server/worker.h"

typedef struct pol_listeners pol_listeners;

/* Makes the sockets that config names, or takes those of systemd (LISTEN_FDS). A stale unix socket is removed, one that answers
 * is an error. */
POL_MUST_USE bool pol_listeners_open(const pol_config *config, pol_listeners **out, pol_error *err);
/* Accepts on base from now on. */
POL_MUST_USE bool pol_listeners_start(pol_listeners *listeners, struct event_base *base, pol_server *server, uint64_t max_connections,
                                      pol_error *err);
/* Takes what has been connected so far, then closes; removes the socket file if it is still ours. NULL is allowed. */
void pol_listeners_close(pol_listeners *listeners);
