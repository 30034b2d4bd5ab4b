/* SPDX-License-Identifier: Apache-2.0
 * What the threads of pold share: the published world, the stop flag, the workers and how the last reload went.
 */
#pragma once

#include "runtime/server/metrics.h"
#include "runtime/server/world.h"

#include <pthread.h>

struct pol_worker;

typedef struct {
    uint64_t succeeded, failed;
    bool failing;      /* the last one failed, an older world serves */
    int64_t failed_ns; /* when */
    char error[256];
    /* of the world that serves: */
    uint64_t generation;
    int64_t activated_ns;
    char revision[128], digest[65];
} pol_reload_status;

typedef struct pol_server {
    pol_world *_Atomic world; /* see reload.h */
    atomic_bool draining;
    atomic_uint n_connections;
    struct pol_replay *replay; /* DPoP proofs that were used */
    struct pol_revocation *revocation; /* what OCSP responders say; lives longer than every world */
    struct pol_key_sources *key_sources; /* the keys of issuers that are fetched; lives longer than every world */
    struct pol_introspection *introspection; /* what is known of opaque tokens; lives longer than every world */
    struct pol_redis *redis; /* where that is known too; NULL: nowhere */
    struct pol_fetcher *fetcher; /* lives longer than every world */
    pol_counter n_refused;    /* connections; counted by the acceptor */
    struct pol_worker **workers;
    unsigned n_workers;
    int statm;                /* /proc/self/statm, which the sandbox would not open later; -1: not there */
    int seen_event;           /* an eventfd that workers write to when they have taken up a new world */
    struct pol_decision_log *decision_log; /* NULL: none */
    struct pol_source *source; /* NULL: the bundle is a file that others write */
    struct pol_tracer *tracer; /* NULL: none */
    struct pol_shadow *shadow; /* NULL: none */
    _Atomic uint64_t shadow_seen; /* as log_seen, of the shadow's thread */
    _Atomic uint64_t log_seen; /* generation of the world that the decision log's thread uses; UINT64_MAX: none */
    char id[37];              /* of this process, a random UUID */
    int64_t started_ns;
    uint64_t drain_ms;
    pthread_mutex_t status_lock; /* of status; never taken while deciding */
    pol_reload_status status;
} pol_server;

pol_reload_status pol_server_status(const pol_server *server);
