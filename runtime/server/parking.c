/* SPDX-License-Identifier: Apache-2.0
 * Requests and frames that wait for something that is fetched: kept aside, handled again when it is there or their time is over.
 */
#include "runtime/server/connection.h"

#include <event2/bufferevent.h>
#include <openssl/crypto.h>

enum { PARKED_FRAMES_MAX = 256 }; /* of one connection; one more holds up those behind it */

void pol_parked_frame_drop(pol_parked_frame *f)
{
    TAILQ_REMOVE(&f->connection->worker->parked_frames, f, link);
    f->connection->n_parked_frames--;
    f->connection->worker->n_parked--;
    OPENSSL_clear_free(f, sizeof *f + f->frame.whole + 1); /* a token is in it */
}

void pol_parked_frames_drop(pol_connection *c)
{
    pol_parked_frame *next;
    for (pol_parked_frame *f = TAILQ_FIRST(&c->worker->parked_frames); f && c->n_parked_frames; f = next) {
        next = TAILQ_NEXT(f, link);
        if (f->connection == c)
            pol_parked_frame_drop(f);
    }
}

bool pol_park_has_room(const pol_worker *w)
{
    /* each worker has its part of the whole */
    uint64_t n_workers = w->server->n_workers ? w->server->n_workers : 1;
    return w->n_parked < (w->world->config->max_waiting + n_workers - 1) / n_workers;
}

void pol_unpark(pol_connection *c)
{
    TAILQ_REMOVE(&c->worker->parked, c, parked_link);
    c->worker->n_parked--;
    c->parked = false;
}

void pol_park(pol_connection *c, int64_t begun_ns)
{
    pol_worker *w = c->worker;
    if (!c->begun_ns) {
        c->begun_ns = begun_ns;
        c->parked_until_ms = pol_monotonic_ms() + (int64_t)w->world->config->introspection_wait_ms;
        pol_count(&w->metrics.parked, 1);
    }
    c->awaited = w->view.awaited;
    c->parked = true;
    TAILQ_INSERT_TAIL(&w->parked, c, parked_link);
    w->n_parked++;
    if (c->tls)
        bufferevent_disable(c->tls, EV_READ);
    else
        event_del(&c->read_event);
}

bool pol_park_frame(pol_connection *c, const pol_wire_frame *frame, const uint8_t *text, int64_t begun_ns)
{
    pol_worker *w = c->worker;
    pol_parked_frame *f = c->n_parked_frames < PARKED_FRAMES_MAX ? OPENSSL_malloc(sizeof *f + frame->whole + 1) : NULL;
    if (!f)
        return false;
    *f = (pol_parked_frame){.connection = c, .begun_ns = begun_ns, .until_ms = pol_monotonic_ms() + (int64_t)w->world->config->introspection_wait_ms, .frame = *frame};
    memcpy(f->bytes, text, frame->whole);
    f->awaited = w->view.awaited;
    TAILQ_INSERT_TAIL(&w->parked_frames, f, link);
    c->n_parked_frames++;
    w->n_parked++;
    pol_count(&w->metrics.parked, 1);
    return true;
}

void pol_parked_resume(pol_connection *c, bool give_up)
{
    pol_worker *w = c->worker;
    pol_unpark(c);
    w->view.give_up = give_up;
    bool alive = pol_connection_is_still_good(c) && pol_connection_serve_kept(c);
    w->view.give_up = false;
    if (alive && c->ended && !pol_connection_is_blocked(c))
        alive = pol_connection_take_end(c);
    if (!alive) {
        pol_connection_close(c);
        return;
    }
    pol_connection_read_on(c);
}

/* Handles a parked frame again. False: its connection is closed, and all its frames are gone. */
POL_MUST_USE static bool resume_frame(pol_parked_frame *f, bool give_up)
{
    pol_connection *c = f->connection;
    c->worker->view.give_up = give_up;
    bool alive = pol_connection_is_still_good(c) && pol_connection_serve_frame(c, &f->frame, f->bytes, true, f);
    c->worker->view.give_up = false;
    if (alive)
        pol_connection_after_serving(c); /* which closes it only behind its last frame */
    else
        pol_connection_close(c);
    return alive;
}

void pol_parked_frames_resume(pol_worker *worker, bool late_ones)
{
    int64_t now = pol_monotonic_ms();
    pol_parked_frame *next;
    for (pol_parked_frame *f = TAILQ_FIRST(&worker->parked_frames); f; f = next) {
        next = TAILQ_NEXT(f, link);
        bool due = late_ones ? now >= f->until_ms : !pol_view_is_pending(&worker->view, &f->awaited);
        if (due && !resume_frame(f, late_ones))
            next = TAILQ_FIRST(&worker->parked_frames);
    }
}

void pol_connections_resume(pol_worker *worker)
{
    pol_parked_frames_resume(worker, false);
    pol_connection *next, *last = TAILQ_LAST(&worker->parked, parked_connections);
    for (pol_connection *c = TAILQ_FIRST(&worker->parked); c; c = next) {
        next = c == last ? NULL : TAILQ_NEXT(c, parked_link); /* those that are parked again stand behind */
        if (!pol_view_is_pending(&worker->view, &c->awaited))
            pol_parked_resume(c, false);
    }
}
