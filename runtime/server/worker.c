/* SPDX-License-Identifier: Apache-2.0
 * The worker's thread: its loop, how it takes up a new world, and how it ends. */
#include "runtime/server/worker.h"

#include "runtime/identity/chain_cache.h"
#include "runtime/identity/token_cache.h"
#include "runtime/server/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { SWEEP_MS = 200 };

int64_t pol_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t pol_monotonic_ms(void)
{
    return pol_monotonic_ns() / 1000000;
}

/* The evaluator's caches belong to the old bundle and go with it. */
void pol_worker_take_world(pol_worker *w)
{
    const pol_world *world = atomic_load_explicit(&w->server->world, memory_order_acquire);
    if (world == w->world)
        return;
    pol_limits limits = {
        .instructions = world->config->limit_instructions,
        .arena_bytes = world->config->limit_arena,
        .depth = (uint32_t)world->config->limit_depth,
    };
    pol_eval_free(w->eval);
    w->eval = pol_eval_new(&limits);
    pol_token_cache_clear(w->tokens);
    pol_chain_cache_clear(w->chains);
    pol_eval_set_trust(w->eval, world->trust);
    w->world = world;
    atomic_store_explicit(&w->seen, world->generation, memory_order_release);
    uint64_t one = 1;
    ssize_t written = write(w->server->seen_event, &one, sizeof one);
    (void)written; /* the counter is full only if the reloader has much to read already */
}

static void on_inbox(evutil_socket_t fd, short what, void *context)
{
    pol_worker *w = context;
    pol_handover next;
    ssize_t n;
    (void)what;
    pol_worker_take_world(w);
    while ((n = read(fd, &next, sizeof next)) == (ssize_t)sizeof next)
        pol_connection_open(w, next);
    if (n == 0) {
        w->inbox_closed = true;
        event_del(w->inbox_event);
    }
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
    pol_worker *w = context;
    uint64_t count;
    (void)what;
    ssize_t n = read(fd, &count, sizeof count);
    (void)n;
    pol_worker_take_world(w);
    pol_connections_resume(w);
    if (w->draining || !atomic_load(&w->server->draining))
        return;
    w->draining = true;
    w->drain_until_ms = pol_monotonic_ms() + (int64_t)w->server->drain_ms;
    on_inbox(w->inbox[0], EV_READ, w);
    pol_connections_drain(w);
}

static void on_sweep(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    pol_worker *w = context;
    atomic_store_explicit(&w->beat_ms, pol_monotonic_ms(), memory_order_relaxed);
    pol_worker_take_world(w);
    pol_connections_sweep(w);
}

static void *run(void *context)
{
    pol_worker *w = context;
    while (!w->draining || !w->inbox_closed || !TAILQ_EMPTY(&w->connections)) {
        pol_worker_take_world(w);
        if (event_base_loop(w->base, EVLOOP_ONCE) < 0)
            break;
    }
    pol_connections_close_all(w);
    atomic_store(&w->seen, UINT64_MAX);
    uint64_t one = 1;
    ssize_t written = write(w->server->seen_event, &one, sizeof one);
    (void)written;
    return NULL;
}

POL_MUST_USE static bool set_up(pol_worker *w, pol_error *err)
{
    struct timeval period = {0, SWEEP_MS * 1000};
    w->scratch = malloc(POL_SCRATCH + 1);
    w->base = event_base_new();
    w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    w->tokens = pol_token_cache_new();
    w->chains = pol_chain_cache_new();
    w->view = (pol_view){.introspection = w->server->introspection, .opaque = pol_opaque_cache_new(), .sources = w->server->key_sources, .waiter = w->number};
    if (!w->scratch || !w->base || w->wake < 0 || pipe2(w->inbox, O_CLOEXEC | O_NONBLOCK) != 0)
        return pol_fail(err, POL_E_IO, "a worker could not be set up: %s", strerror(errno));
    w->inbox_event = event_new(w->base, w->inbox[0], EV_READ | EV_PERSIST, on_inbox, w);
    w->wake_event = event_new(w->base, w->wake, EV_READ | EV_PERSIST, on_wake, w);
    w->sweep_event = event_new(w->base, -1, EV_PERSIST, on_sweep, w);
    if (!w->inbox_event || !w->wake_event || !w->sweep_event || event_add(w->inbox_event, NULL) != 0 ||
        event_add(w->wake_event, NULL) != 0 || event_add(w->sweep_event, &period) != 0)
        return pol_fail(err, POL_E_MEMORY, "a worker's events could not be made");
    pol_worker_take_world(w);
    int failed = pthread_create(&w->thread, NULL, run, w);
    return failed == 0 || pol_fail(err, POL_E_IO, "a worker's thread could not be started: %s", strerror(failed));
}

void pol_worker_free(pol_worker *w)
{
    if (!w)
        return;
    struct event *events[] = {w->inbox_event, w->wake_event, w->sweep_event};
    for (unsigned i = 0; i < sizeof events / sizeof *events; i++)
        if (events[i])
            event_free(events[i]);
    if (w->base)
        event_base_free(w->base);
    for (unsigned i = 0; i < 2; i++)
        if (w->inbox[i] >= 0)
            close(w->inbox[i]);
    if (w->wake >= 0)
        close(w->wake);
    pol_eval_free(w->eval);
    pol_token_cache_free(w->tokens);
    pol_chain_cache_free(w->chains);
    pol_view_deinit(&w->view);
    pol_arena_deinit(&w->arena);
    pol_arena_deinit(&w->item);
    pol_buf_deinit(&w->answer_head);
    pol_buf_deinit(&w->answer_body);
    pol_buf_deinit(&w->inflated);
    pol_buf_deinit(&w->answer_headers);
    free(w->scratch);
    free(w);
}

bool pol_worker_start(pol_server *server, unsigned number, pol_worker **out, pol_error *err)
{
    pol_worker *w = calloc(1, sizeof *w);
    if (!w)
        return pol_fail(err, POL_E_MEMORY, "no memory for a worker");
    w->server = server;
    w->number = number;
    w->inbox[0] = w->inbox[1] = w->wake = -1;
    w->date_s = -1;
    w->beat_ms = pol_monotonic_ms();
    TAILQ_INIT(&w->connections);
    TAILQ_INIT(&w->parked);
    TAILQ_INIT(&w->parked_frames);
    pol_arena_init(&w->arena, 0);
    pol_arena_init(&w->item, 0);
    if (!set_up(w, err)) {
        pol_worker_free(w);
        return false;
    }
    *out = w;
    return true;
}

void pol_worker_wake(pol_worker *worker)
{
    uint64_t one = 1;
    ssize_t written = write(worker->wake, &one, sizeof one);
    (void)written; /* a full counter wakes too */
}

bool pol_worker_hand(pol_worker *worker, pol_handover what)
{
    atomic_fetch_add(&worker->n_connections, 1);
    atomic_fetch_add(&worker->server->n_connections, 1);
    if (write(worker->inbox[1], &what, sizeof what) == (ssize_t)sizeof what)
        return true;
    atomic_fetch_sub(&worker->n_connections, 1);
    atomic_fetch_sub(&worker->server->n_connections, 1);
    return false;
}

void pol_worker_close_inbox(pol_worker *worker)
{
    close(worker->inbox[1]);
    worker->inbox[1] = -1;
}
