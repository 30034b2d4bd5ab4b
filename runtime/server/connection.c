/* SPDX-License-Identifier: Apache-2.0
 * One connection: bytes in, requests cut out of them, answers out, deadlines. Plain sockets use bare events and one writev an
 * answer; TLS goes through a bufferevent. A connection belongs to one worker for its life.
 */
#include "runtime/server/connection.h"

#include "runtime/server/log.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    LINGER_MS = 1000,
    LINGER_BYTES = 1 << 20,
    TLS_BACKLOG = 262144, /* answers waiting in a TLS connection's buffer before no more requests are taken */
    SHRINK_ABOVE = 65536,
};

void pol_connection_close(pol_connection *c)
{
    pol_worker *w = c->worker;
    TAILQ_REMOVE(&w->connections, c, link);
    if (c->parked)
        pol_unpark(c);
    pol_parked_frames_drop(c);
    if (c->tls) {
        bufferevent_free(c->tls); /* closes fd */
    } else {
        event_del(&c->read_event);
        event_del(&c->write_event);
        close(c->fd);
    }
    pol_buf_deinit(&c->in);
    pol_buf_deinit(&c->out);
    free(c);
    atomic_fetch_sub(&w->n_connections, 1);
    atomic_fetch_sub(&w->server->n_connections, 1);
}

static void set_deadline(pol_connection *c, uint64_t from_now_ms)
{
    c->deadline_ms = pol_monotonic_ms() + (int64_t)from_now_ms;
}

/* ---- writing ---- */

bool pol_connection_has_output(const pol_connection *c)
{
    return c->tls ? evbuffer_get_length(bufferevent_get_output(c->tls)) > 0 : c->out.n > c->out_at;
}

bool pol_connection_is_blocked(const pol_connection *c)
{
    if (c->parked)
        return true;
    return c->tls ? evbuffer_get_length(bufferevent_get_output(c->tls)) > TLS_BACKLOG : c->out.n > c->out_at;
}

static void keep_output(pol_connection *c, pol_bytes head, pol_bytes body, size_t written)
{
    size_t of_head = written < head.n ? written : head.n, of_body = written - of_head;
    pol_buf_add(&c->out, head.at + of_head, head.n - of_head);
    if (body.n > of_body)
        pol_buf_add(&c->out, body.at + of_body, body.n - of_body);
}

/* False: the connection is dead. */
POL_MUST_USE static bool send_bytes(pol_connection *c, pol_bytes head, pol_bytes body)
{
    if (c->tls)
        return bufferevent_write(c->tls, head.at, head.n) == 0 && (body.n == 0 || bufferevent_write(c->tls, body.at, body.n) == 0);
    size_t written = 0;
    if (!pol_connection_has_output(c)) {
        struct iovec parts[2] = {{(void *)head.at, head.n}, {(void *)body.at, body.n}};
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = body.n ? 2 : 1};
        ssize_t n = sendmsg(c->fd, &message, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        written = n > 0 ? (size_t)n : 0;
        if (written == head.n + body.n)
            return true;
        pol_buf_clear(&c->out);
        c->out_at = 0;
        set_deadline(c, c->worker->world->config->write_ms);
        event_add(&c->write_event, NULL);
        event_del(&c->read_event);
    }
    keep_output(c, head, body, written);
    return true;
}

POL_MUST_USE static bool send_answer(pol_connection *c, pol_answer *answer)
{
    pol_worker *w = c->worker;
    answer->close = answer->close || c->close_after;
    pol_answer_finish(w, &w->head, answer);
    if (answer->close)
        c->close_after = true;
    return send_bytes(c, pol_buf_view(&w->answer_head), pol_buf_view(answer->body));
}

static pol_answer begin_answer(pol_worker *w)
{
    pol_buf_clear(&w->answer_body);
    pol_buf_clear(&w->answer_headers);
    return (pol_answer){.status = 500, .content_type = "application/json", .body = &w->answer_body, .headers = &w->answer_headers};
}

/* Lets handlers see the request. False: it has to wait. */
POL_MUST_USE static bool handle(pol_connection *c, pol_request *request, pol_answer *answer, pol_route_id *route)
{
    pol_worker *w = c->worker;
    w->view.pending = false;
    pol_arena_reset(&w->arena);
    *route = pol_answer_request(w, request, answer);
    w->view.give_up = false;
    return !w->view.pending;
}

/* What is answered instead of waiting, where too many wait already. */
static pol_answer refuse_to_wait(pol_worker *w)
{
    pol_answer answer = begin_answer(w);
    pol_answer_overloaded(&w->head, &answer);
    pol_count(&w->metrics.waiting_refused, 1);
    return answer;
}

/* ---- requests ---- */

/* Answers what could not be read as a request, and gives the connection up: where the next one begins is not known. */
POL_MUST_USE static bool refuse_request(pol_connection *c, int status, const char *why)
{
    pol_worker *w = c->worker;
    pol_answer answer = begin_answer(w);
    w->head.method = POL_BYTES("");
    w->head.has_accept = w->head.has_request_id = false;
    pol_answer_error(&answer, &w->head, POL_ERRORS_DATA, status, NULL, "%s", why);
    c->close_after = c->refused = true;
    pol_metrics_http(&w->metrics, POL_ROUTE_NONE, status, w->head.method, 0);
    return send_answer(c, &answer);
}

POL_MUST_USE static bool refuse_body(pol_connection *c, uint64_t most)
{
    pol_answer answer = begin_answer(c->worker);
    pol_answer_too_large(&c->worker->head, most, &answer);
    c->close_after = c->refused = true;
    pol_metrics_http(&c->worker->metrics, POL_ROUTE_NONE, answer.status, c->worker->head.method, 0);
    return send_answer(c, &answer);
}

/* The request in worker->head, whole at text; more: bytes follow it that are another request. */
POL_MUST_USE static bool serve_request(pol_connection *c, uint8_t *text, bool more)
{
    pol_worker *w = c->worker;
    pol_answer answer = begin_answer(w);
    uint8_t *end = text + w->head.head_bytes + w->head.body_bytes, behind = *end;
    pol_request request = {
        .head = &w->head,
        .body = pol_bytes_of(text + w->head.head_bytes, w->head.body_bytes),
        .peer = &c->peer,
        .begun_ns = c->begun_ns ? c->begun_ns : pol_monotonic_ns(),
    };
    /* the JSON reader wants a NUL behind the text; what stands there is the next request's first byte */
    *end = 0;
    pol_route_id route;
    bool handled = handle(c, &request, &answer, &route);
    *end = behind;
    if (!handled && pol_park_has_room(w)) {
        pol_park(c, request.begun_ns);
        return true;
    }
    if (!handled)
        answer = refuse_to_wait(w);
    c->begun_ns = 0;
    if (!w->head.keep_alive || (atomic_load(&w->server->draining) && !more))
        c->close_after = true;
    pol_metrics_http(&w->metrics, route, answer.status, w->head.method, (uint64_t)(pol_monotonic_ns() - request.begun_ns));
    return send_answer(c, &answer);
}

/* ---- frames ---- */

POL_MUST_USE static bool send_framed(pol_connection *c, uint32_t id, const pol_answer *answer)
{
    uint8_t head[POL_WIRE_ANSWERED_BYTES];
    pol_wire_head(head, id, answer->status, answer->body->n);
    return send_bytes(c, pol_bytes_of(head, sizeof head), pol_buf_view(answer->body));
}

/* Answers what is no frame, and gives the connection up. */
POL_MUST_USE static bool refuse_frame(pol_connection *c, uint32_t id, int status, const char *why)
{
    pol_worker *w = c->worker;
    pol_answer answer = begin_answer(w);
    w->head = (pol_http_head){.method = POL_BYTES("POST"), .path = POL_BYTES("/")};
    pol_answer_error(&answer, &w->head, POL_ERRORS_AUTHZEN, status, NULL, "%s", why);
    c->close_after = c->refused = true;
    pol_metrics_http(&w->metrics, POL_ROUTE_NONE, status, w->head.method, 0);
    return send_framed(c, id, &answer);
}

/* The frame, whole at text, is answered as the same request by HTTP. waited: where it was parked before; NULL: nowhere. */
bool pol_connection_serve_frame(pol_connection *c, const pol_wire_frame *frame, uint8_t *text, bool more, pol_parked_frame *waited)
{
    pol_worker *w = c->worker;
    pol_answer answer = begin_answer(w);
    uint8_t *end = text + frame->whole, behind = *end;
    w->head = (pol_http_head){.method = POL_BYTES("POST"), .path = pol_bytes_text(frame->path), .content_type = POL_BYTES("application/json"),
                              .keep_alive = true, .body_bytes = frame->whole - POL_WIRE_ASKED_BYTES};
    pol_request request = {
        .head = &w->head,
        .body = pol_bytes_of(text + POL_WIRE_ASKED_BYTES, frame->whole - POL_WIRE_ASKED_BYTES),
        .peer = &c->peer,
        .begun_ns = waited ? waited->begun_ns : c->begun_ns ? c->begun_ns : pol_monotonic_ns(),
    };
    pol_route_id route = POL_ROUTE_NONE;
    bool handled = true;
    *end = 0;
    if (w->head.path.n == 1)
        pol_answer_error(&answer, &w->head, POL_ERRORS_AUTHZEN, 404, NULL, "this operation is not known");
    else
        handled = handle(c, &request, &answer, &route);
    *end = behind;
    if (!handled && waited) {
        waited->awaited = w->view.awaited;
        return true;
    }
    if (!handled && !pol_park_has_room(w)) {
        answer = refuse_to_wait(w);
    } else if (!handled) {
        if (c->begun_ns || !pol_park_frame(c, frame, text, request.begun_ns))
            pol_park(c, request.begun_ns);
        return true;
    }
    const uint32_t id = frame->id;
    if (waited)
        pol_parked_frame_drop(waited); /* and frame with it */
    else
        c->begun_ns = 0;
    c->close_after = c->close_after || (atomic_load(&w->server->draining) && !more);
    pol_metrics_http(&w->metrics, route, answer.status, w->head.method, (uint64_t)(pol_monotonic_ns() - request.begun_ns));
    return send_framed(c, id, &answer);
}

POL_MUST_USE static bool serve_frames(pol_connection *c, uint8_t *text, size_t n, size_t *used)
{
    pol_wire_frame frame;
    if (c->speech == GREETING) {
        size_t greeted = n < POL_WIRE_GREETING_BYTES ? n : POL_WIRE_GREETING_BYTES;
        if (memcmp(text, POL_WIRE_GREETING, greeted) != 0)
            return refuse_frame(c, 0, 400, "this greeting is not known");
        if (n < POL_WIRE_GREETING_BYTES)
            return true;
        c->speech = FRAMES;
        *used = POL_WIRE_GREETING_BYTES;
    }
    while (*used < n && !c->close_after && !pol_connection_is_blocked(c)) {
        pol_bytes left = pol_bytes_of(text + *used, n - *used);
        if (c->need > left.n)
            return true;
        c->need = 0;
        switch (pol_wire_read(left, c->worker->world->config->max_body, &frame)) {
        case POL_WIRE_MORE:
            c->need = frame.whole;
            return true;
        case POL_WIRE_TOO_SHORT:
            return refuse_frame(c, frame.id, 400, "the frame's length is less than its id and operation need");
        case POL_WIRE_TOO_LONG:
            return refuse_frame(c, frame.id, 413, "the frame is longer than limits.body allows");
        case POL_WIRE_COMPLETE:
            break;
        }
        POL_TRY(pol_connection_serve_frame(c, &frame, text + *used, left.n > frame.whole, NULL));
        if (c->parked)
            return true;
        *used += frame.whole;
    }
    return true;
}

/* Cuts requests out of the n bytes at text and answers them; text[n] may be written to. *used: how many bytes are done with.
 * False: the connection is dead. */
POL_MUST_USE static bool serve_bytes(pol_connection *c, uint8_t *text, size_t n, size_t *used)
{
    pol_worker *w = c->worker;
    const pol_config *config = w->world->config;
    *used = 0;
    if (c->speech == SILENT && n)
        c->speech = text[0] == POL_WIRE_GREETING[0] ? GREETING : HTTP;
    if (c->speech > HTTP)
        return serve_frames(c, text, n, used);
    while (*used < n && !c->close_after && !pol_connection_is_blocked(c)) {
        uint8_t *at = text + *used;
        size_t left = n - *used;
        if (c->need > left)
            return true;
        c->need = 0;
        switch (pol_http_read(pol_bytes_of(at, left), config->max_head, &w->head)) {
        case POL_HTTP_MORE:
            return true;
        case POL_HTTP_REFUSED:
            return refuse_request(c, w->head.status, w->head.why);
        case POL_HTTP_COMPLETE:
            break;
        }
        if (w->head.body_bytes > config->max_body)
            return refuse_body(c, config->max_body);
        size_t whole = w->head.head_bytes + (size_t)w->head.body_bytes;
        if (whole > left) {
            c->need = whole;
            if (!w->head.expects_continue || c->continued || left > w->head.head_bytes)
                return true;
            c->continued = true;
            return send_bytes(c, POL_BYTES("HTTP/1.1 100 Continue\r\n\r\n"), (pol_bytes){0});
        }
        POL_TRY(serve_request(c, at, left > whole));
        if (c->parked)
            return true;
        c->continued = false;
        *used += whole;
    }
    return true;
}

/* ---- the end ---- */

/* Nothing is to be written any more. A refused client may still be sending: closing now could take the answer away from him. */
static void finish(pol_connection *c)
{
    if (c->tls) {
        SSL *ssl = bufferevent_openssl_get_ssl(c->tls);
        SSL_set_shutdown(ssl, SSL_RECEIVED_SHUTDOWN);
        SSL_shutdown(ssl);
        ERR_clear_error();
    }
    if (!c->refused || c->ended) {
        pol_connection_close(c);
        return;
    }
    c->state = LINGERING;
    shutdown(c->fd, SHUT_WR);
    set_deadline(c, LINGER_MS);
    if (!c->tls)
        event_add(&c->read_event, NULL);
}

void pol_connection_after_serving(pol_connection *c)
{
    const pol_config *config = c->worker->world->config;
    if (c->n_parked_frames) {
        if (c->ended && !c->tls)
            event_del(&c->read_event); /* the end can be read again and again */
        return;
    }
    if (c->close_after && !pol_connection_has_output(c)) {
        finish(c);
        return;
    }
    if (pol_connection_has_output(c) || c->parked)
        return;
    if (c->worker->draining && c->in.n == 0) {
        finish(c);
        return;
    }
    if (c->in.n == 0)
        set_deadline(c, config->idle_ms);
}

/* Puts what is left of the n bytes at text into in. */
static void keep_input(pol_connection *c, const uint8_t *text, size_t n)
{
    bool fresh = c->in.n == 0;
    if (n == 0)
        return;
    pol_buf_add(&c->in, text, n);
    if (fresh && !pol_connection_has_output(c))
        set_deadline(c, c->worker->world->config->request_ms);
}

static void drop_input(pol_connection *c, size_t used)
{
    if (used == 0)
        return;
    memmove(c->in.at, c->in.at + used, c->in.n - used);
    c->in.n -= used;
    if (c->in.n == 0 && c->in.capacity > SHRINK_ABOVE)
        pol_buf_deinit(&c->in);
    else if (c->in.n)
        set_deadline(c, c->worker->world->config->request_ms);
}

/* Serves what is in c->in. False: dead. */
bool pol_connection_serve_kept(pol_connection *c)
{
    size_t used = 0;
    (void)pol_buf_reserve(&c->in, 1);
    POL_TRY(serve_bytes(c, c->in.at, c->in.n, &used));
    drop_input(c, used);
    return true;
}

/* n bytes have come at text, with room for one more. False: dead. */
POL_MUST_USE static bool take_bytes(pol_connection *c, uint8_t *text, size_t n)
{
    size_t used = 0;
    if (c->in.n == 0) {
        POL_TRY(serve_bytes(c, text, n, &used));
        if (!c->close_after)
            keep_input(c, text + used, n - used);
        return true;
    }
    keep_input(c, text, n);
    /* Without a line end among the new bytes an unfinished head is still unfinished, unless it is too long by now: a head that
     * drips in is not read again for each byte. */
    if (c->speech == HTTP && !c->need && !memchr(text, '\n', n) && c->in.n < c->worker->world->config->max_head)
        return true;
    return pol_connection_serve_kept(c);
}

POL_MUST_USE static bool refuse_late(pol_connection *c)
{
    static const char why[] = "the request took too long to arrive";
    return c->speech > HTTP ? refuse_frame(c, 0, 408, why) : refuse_request(c, 408, why);
}

/* The client sends no more. False: dead. */
bool pol_connection_take_end(pol_connection *c)
{
    c->ended = true;
    if (pol_connection_is_blocked(c))
        return true; /* what is in hand is answered once he reads */
    if (c->in.n && !c->close_after)
        return c->speech == HTTP ? refuse_request(c, 400, "the connection ended within a request")
                                 : refuse_frame(c, 0, 400, "the connection ended within a frame");
    c->close_after = true;
    return true;
}

/* ---- plain sockets ---- */

static void discard(pol_connection *c)
{
    pol_worker *w = c->worker;
    ssize_t n = recv(c->fd, w->scratch, POL_SCRATCH, 0);
    if (n > 0)
        c->lingered += (size_t)n;
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || c->lingered > LINGER_BYTES)
        pol_connection_close(c);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    pol_connection *c = context;
    (void)what;
    if (c->state == LINGERING) {
        discard(c);
        return;
    }
    ssize_t n = recv(fd, c->worker->scratch, POL_SCRATCH, 0);
    pol_worker_take_world(c->worker);
    bool alive = n > 0 ? take_bytes(c, c->worker->scratch, (size_t)n)
                 : n == 0 ? pol_connection_take_end(c)
                          : errno == EAGAIN || errno == EINTR;
    if (alive)
        pol_connection_after_serving(c);
    else
        pol_connection_close(c);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    pol_connection *c = context;
    (void)what;
    ssize_t n = send(fd, c->out.at + c->out_at, c->out.n - c->out_at, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        pol_connection_close(c);
        return;
    }
    c->out_at += n > 0 ? (size_t)n : 0;
    if (pol_connection_has_output(c))
        return;
    event_del(&c->write_event);
    pol_buf_clear(&c->out);
    c->out_at = 0;
    if (c->out.capacity > SHRINK_ABOVE)
        pol_buf_deinit(&c->out);
    if (!c->close_after && c->in.n && !pol_connection_serve_kept(c)) {
        pol_connection_close(c);
        return;
    }
    if (!pol_connection_has_output(c) && !c->close_after && !c->parked)
        event_add(&c->read_event, NULL);
    pol_connection_after_serving(c);
}

/* ---- TLS ---- */

bool pol_connection_is_still_good(pol_connection *c)
{
    const pol_world *world = c->worker->world;
    if (!c->tls || c->tls_generation == world->generation)
        return true;
    c->tls_generation = world->generation;
    return pol_tls_still_good(world, bufferevent_openssl_get_ssl(c->tls));
}

static void on_tls_readable(struct bufferevent *bev, void *context)
{
    pol_connection *c = context;
    struct evbuffer *input = bufferevent_get_input(bev);
    pol_worker_take_world(c->worker);
    const pol_world *world = c->worker->world;
    if (c->state == LINGERING) {
        c->lingered += evbuffer_get_length(input);
        evbuffer_drain(input, evbuffer_get_length(input));
        if (c->lingered > LINGER_BYTES)
            pol_connection_close(c);
        return;
    }
    if (!pol_connection_is_still_good(c)) {
        pol_connection_close(c);
        return;
    }
    while (evbuffer_get_length(input) && !pol_connection_is_blocked(c) && !c->close_after) {
        int n = evbuffer_remove(input, c->worker->scratch, POL_SCRATCH);
        if (n > 0 && !take_bytes(c, c->worker->scratch, (size_t)n)) {
            pol_connection_close(c);
            return;
        }
    }
    if (pol_connection_has_output(c))
        set_deadline(c, world->config->write_ms);
    pol_connection_after_serving(c);
}

static void on_tls_written(struct bufferevent *bev, void *context)
{
    pol_connection *c = context;
    if (c->state != SERVING)
        return;
    if (!c->close_after && c->in.n && !pol_connection_serve_kept(c)) {
        pol_connection_close(c);
        return;
    }
    on_tls_readable(bev, c);
}

static void on_tls_event(struct bufferevent *bev, short what, void *context)
{
    pol_connection *c = context;
    if (what & BEV_EVENT_CONNECTED) {
        SSL *ssl = bufferevent_openssl_get_ssl(bev);
        c->peer.leaf = SSL_get0_peer_certificate(ssl);
        c->peer.chain = SSL_get0_verified_chain(ssl);
        c->state = SERVING;
        set_deadline(c, c->worker->world->config->idle_ms);
        return;
    }
    if (c->state == HANDSHAKE)
        pol_count(&c->worker->metrics.tls_failures, 1);
    ERR_clear_error();
    if (c->state != SERVING || !(what & BEV_EVENT_EOF) || !pol_connection_take_end(c)) {
        pol_connection_close(c);
        return;
    }
    pol_connection_after_serving(c);
}

POL_MUST_USE static bool begin_tls(pol_connection *c)
{
    const pol_world *world = c->worker->world;
    SSL *ssl = world->tls ? SSL_new(world->tls) : NULL;
    if (!ssl)
        return false;
    c->tls = bufferevent_openssl_socket_new(c->worker->base, c->fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    if (!c->tls) {
        SSL_free(ssl);
        return false;
    }
    c->state = HANDSHAKE;
    c->tls_generation = world->generation;
    bufferevent_openssl_set_allow_dirty_shutdown(c->tls, 0);
    bufferevent_setcb(c->tls, on_tls_readable, on_tls_written, on_tls_event, c);
    bufferevent_setwatermark(c->tls, EV_READ, 0, POL_SCRATCH);
    return bufferevent_enable(c->tls, EV_READ | EV_WRITE) == 0;
}

/* ---- opening, draining, sweeping ---- */

static void read_credentials(pol_connection *c)
{
    struct ucred credentials;
    socklen_t n = sizeof credentials;
    c->peer.unix_socket = true;
    if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &credentials, &n) != 0)
        return;
    c->peer.has_credentials = true;
    c->peer.uid = credentials.uid;
    c->peer.gid = credentials.gid;
    c->peer.pid = (uint32_t)credentials.pid;
}

void pol_connection_open(pol_worker *worker, pol_handover what)
{
    pol_connection *c = calloc(1, sizeof *c);
    if (!c) {
        close(what.fd);
        atomic_fetch_sub(&worker->n_connections, 1);
        atomic_fetch_sub(&worker->server->n_connections, 1);
        return;
    }
    c->worker = worker;
    c->fd = what.fd;
    c->peer.admin = what.admin;
    c->state = SERVING;
    event_assign(&c->read_event, worker->base, c->fd, EV_READ | EV_PERSIST, on_readable, c);
    event_assign(&c->write_event, worker->base, c->fd, EV_WRITE | EV_PERSIST, on_writable, c);
    TAILQ_INSERT_TAIL(&worker->connections, c, link);
    set_deadline(c, what.tls ? worker->world->config->request_ms : worker->world->config->idle_ms);
    pol_count(&worker->metrics.connections_total, 1);
    if (what.tls) {
        if (!begin_tls(c))
            pol_connection_close(c);
        return;
    }
    read_credentials(c);
    event_add(&c->read_event, NULL);
    /* the request is often here already: no turn through the loop for it */
    on_readable(c->fd, EV_READ, c);
}

void pol_connections_drain(pol_worker *worker)
{
    pol_connection *next;
    for (pol_connection *c = TAILQ_FIRST(&worker->connections); c; c = next) {
        next = TAILQ_NEXT(c, link);
        if (c->state != SERVING || pol_connection_has_output(c) || c->in.n)
            continue;
        /* what has reached the socket is accepted too */
        if (c->tls)
            on_tls_readable(c->tls, c);
        else
            on_readable(c->fd, EV_READ, c);
    }
}

void pol_connection_read_on(pol_connection *c)
{
    bool reads = !c->parked && !c->close_after && !c->ended;
    if (c->tls && reads) {
        bufferevent_enable(c->tls, EV_READ);
        on_tls_readable(c->tls, c); /* what came before is in its buffer already */
        return;
    }
    if (reads && !pol_connection_has_output(c))
        event_add(&c->read_event, NULL);
    pol_connection_after_serving(c);
}

void pol_connections_sweep(pol_worker *worker)
{
    pol_parked_frames_resume(worker, true);
    int64_t now = pol_monotonic_ms();
    pol_connection *next;
    for (pol_connection *c = TAILQ_FIRST(&worker->connections); c; c = next) {
        next = TAILQ_NEXT(c, link);
        if (worker->draining && now >= worker->drain_until_ms) {
            pol_connection_close(c);
            continue;
        }
        if (c->parked) {
            if (now >= c->parked_until_ms)
                pol_parked_resume(c, true);
            continue;
        }
        if (now < c->deadline_ms || c->n_parked_frames)
            continue;
        bool late_request = c->state == SERVING && c->in.n && !pol_connection_has_output(c) && !c->close_after;
        if (late_request || pol_connection_has_output(c) || c->state == HANDSHAKE)
            pol_count(&worker->metrics.connections_timed_out, 1);
        if (!late_request || !refuse_late(c))
            pol_connection_close(c);
        else
            pol_connection_after_serving(c);
    }
}

void pol_connections_close_all(pol_worker *worker)
{
    while (!TAILQ_EMPTY(&worker->connections))
        pol_connection_close(TAILQ_FIRST(&worker->connections));
}
