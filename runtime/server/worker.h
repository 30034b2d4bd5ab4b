/* SPDX-License-Identifier: Apache-2.0
 * A worker: a thread with its libevent loop, evaluator, arena and connections. Nothing of it is touched by another thread but
 * the atomics and the two descriptors that wake it.
 */
#pragma once

#include "runtime/identity/view.h"
#include "runtime/server/http.h"
#include "runtime/server/server.h"

#include <event2/event.h>
#include <sys/queue.h>

struct pol_connection;
struct pol_parked_frame;

typedef struct {
    bool on;
    uint8_t trace_id[16], span_id[8];
} pol_span;

typedef struct pol_worker {
    pol_server *server;
    unsigned number;
    pthread_t thread;
    struct event_base *base;
    struct event *inbox_event, *wake_event, *sweep_event;
    int inbox[2];        /* a pipe of pol_handover; its write end is the acceptor's */
    int wake;            /* an eventfd */
    _Atomic int64_t beat_ms;      /* pol_monotonic_ms when it last had a turn */
    _Atomic uint64_t seen;        /* generation of the world this worker uses; UINT64_MAX once it has ended */
    atomic_uint n_connections;    /* counted up by the acceptor, down by the worker */
    const pol_world *world;
    pol_eval *eval;
    struct pol_token_cache *tokens; /* NULL: no memory for one */
    struct pol_chain_cache *chains; /* the same */
    pol_view view;
    bool identity_known; /* what the request in hand shows of an identity was verified before */
    pol_span span;       /* of the decision in hand */
    pol_arena arena;     /* of one request: descriptions and what adaptors make; no budget, bounded by limits.body */
    pol_arena item;      /* of one evaluation of a batch or one candidate of a search */
    pol_http_head head;  /* of the request in hand */
    pol_buf answer_head, answer_body, answer_headers;
    pol_buf inflated;    /* a request's body without its gzip, then an answer's with it */
    uint8_t *scratch;    /* what was read, before anything must be kept */
    uint8_t ids[512];    /* random bytes for decision ids */
    unsigned ids_left;
    char date[64];       /* the Date header's value of date_s */
    int64_t date_s;
    bool draining, inbox_closed;
    int64_t drain_until_ms;
    TAILQ_HEAD(, pol_connection) connections;
    unsigned n_parked;   /* of both lists below */
    TAILQ_HEAD(, pol_parked_frame) parked_frames;
    TAILQ_HEAD(parked_connections, pol_connection) parked; /* those of them that wait for something that is fetched */
    pol_metrics metrics;
} pol_worker;

enum { POL_SCRATCH = 65536 };

typedef struct {
    int fd;
    bool tls, admin;
} pol_handover;

POL_MUST_USE bool pol_worker_start(pol_server *server, unsigned number, pol_worker **out, pol_error *err);
/* Takes up a world that was published, by the worker's own thread: before it waits, and first of all when something has come, so that what comes
 * after a publication is decided by it. Nothing of a decision is alive then. */
void pol_worker_take_world(pol_worker *worker);
/* From any thread. */
void pol_worker_wake(pol_worker *worker);
/* By the acceptor: false when the worker's inbox is full. */
POL_MUST_USE bool pol_worker_hand(pol_worker *worker, pol_handover what);
/* By the acceptor, after the last one. */
void pol_worker_close_inbox(pol_worker *worker);
/* After its thread was joined. */
void pol_worker_free(pol_worker *worker);

/* CLOCK_MONOTONIC. */
int64_t pol_monotonic_ns(void);
int64_t pol_monotonic_ms(void);

/* ---- connection.c ---- */
void pol_connection_open(pol_worker *worker, pol_handover what);
/* Closes what is idle, lets the rest end. */
void pol_connections_drain(pol_worker *worker);
/* Goes on with those that wait for nothing any more. */
void pol_connections_resume(pol_worker *worker);
/* Cuts those whose time is over. */
void pol_connections_sweep(pol_worker *worker);
void pol_connections_close_all(pol_worker *worker);
