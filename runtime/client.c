/* SPDX-License-Identifier: Apache-2.0
 * The client of binary frames (docs/protocols.md). What comes is from a daemon that may be broken: lengths are bounded before anything is read.
 */
#include "runtime/json.h"
#include "runtime/polward.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { ASKED_HEAD = 9, ANSWERED_HEAD = 10, ANSWER_MAX = 64 << 20, TIMEOUT_MS = 1000 };

static const char greeting[4] = {0, 'P', 'W', '1'};

struct polward_client {
    struct sockaddr_un address;
    unsigned timeout_ms;
    int fd; /* -1: not connected */
    int64_t until_ms;
    pol_buf answer;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void say(char *why, size_t n_why, const char *fmt, ...) POL_PRINTF(3, 4);

static void say(char *why, size_t n_why, const char *fmt, ...)
{
    va_list args;
    if (!why || n_why == 0)
        return;
    va_start(args, fmt);
    vsnprintf(why, n_why, fmt, args);
    va_end(args);
}

static void disconnect(polward_client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

polward_client *polward_client_new(const char *socket_path, unsigned timeout_ms)
{
    polward_client *c = strlen(socket_path) < sizeof c->address.sun_path ? calloc(1, sizeof *c) : NULL;
    if (!c)
        return NULL;
    c->address.sun_family = AF_UNIX;
    memcpy(c->address.sun_path, socket_path, strlen(socket_path));
    c->timeout_ms = timeout_ms ? timeout_ms : TIMEOUT_MS;
    c->fd = -1;
    return c;
}

void polward_client_free(polward_client *client)
{
    if (!client)
        return;
    disconnect(client);
    pol_buf_deinit(&client->answer);
    free(client);
}

/* ---- bytes; false: why is told, the connection closed ---- */

static bool fail(polward_client *c, char *why, size_t n_why, const char *what, int error)
{
    disconnect(c);
    say(why, n_why, "%s%s%s", what, error ? ": " : "", error ? strerror(error) : "");
    return false;
}

/* Until fd is ready, or the call's time is over. */
static bool wait_for(polward_client *c, short events)
{
    int64_t left = c->until_ms - now_ms();
    struct pollfd fd = {.fd = c->fd, .events = events};
    int n = left > 0 ? poll(&fd, 1, (int)left) : 0;
    return n > 0 || (n < 0 && errno == EINTR);
}

static bool send_all(polward_client *c, const void *bytes, size_t n, char *why, size_t n_why)
{
    const uint8_t *at = bytes;
    while (n) {
        ssize_t sent = send(c->fd, at, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            at += sent;
            n -= (size_t)sent;
        } else if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            return fail(c, why, n_why, "the daemon closed the connection", errno);
        } else if (!wait_for(c, POLLOUT)) {
            return fail(c, why, n_why, "the daemon takes no more requests in time", 0);
        }
    }
    return true;
}

static bool receive_all(polward_client *c, void *bytes, size_t n, char *why, size_t n_why)
{
    uint8_t *at = bytes;
    while (n) {
        ssize_t got = recv(c->fd, at, n, MSG_DONTWAIT);
        if (got > 0) {
            at += got;
            n -= (size_t)got;
        } else if (got == 0) {
            return fail(c, why, n_why, "the daemon closed the connection", 0);
        } else if (errno != EAGAIN && errno != EINTR) {
            return fail(c, why, n_why, "the daemon closed the connection", errno);
        } else if (!wait_for(c, POLLIN)) {
            return fail(c, why, n_why, "the daemon did not answer in time", 0);
        }
    }
    return true;
}

static bool connect_to(polward_client *c, char *why, size_t n_why)
{
    if (c->fd >= 0)
        return true;
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)&c->address, sizeof c->address) != 0)
        return fail(c, why, n_why, c->address.sun_path, errno);
    return send_all(c, greeting, sizeof greeting, why, n_why);
}

static uint32_t read32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void write32(uint8_t *at, uint32_t n)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(n >> (24 - 8 * i));
}

static bool send_frame(polward_client *c, uint32_t id, polward_operation operation, const char *body, size_t n_body, char *why, size_t n_why)
{
    uint8_t head[ASKED_HEAD];
    if (n_body > UINT32_MAX - ASKED_HEAD) {
        say(why, n_why, "the request is too long");
        return false;
    }
    write32(head, (uint32_t)n_body + 5);
    write32(head + 4, id);
    head[8] = (uint8_t)operation;
    return connect_to(c, why, n_why) && send_all(c, head, sizeof head, why, n_why) && send_all(c, body, n_body, why, n_why);
}

/* begun: a byte of the answer came. */
static bool receive_frame(polward_client *c, uint32_t *id, int *status, const char **answer, size_t *n_answer, bool *begun, char *why, size_t n_why)
{
    uint8_t head[ANSWERED_HEAD];
    if (c->fd < 0) {
        say(why, n_why, "nothing is awaited");
        return false;
    }
    *begun = false;
    if (!receive_all(c, head, 1, why, n_why))
        return false;
    *begun = true;
    if (!receive_all(c, head + 1, sizeof head - 1, why, n_why))
        return false;
    uint32_t n = read32(head);
    if (n < 6 || n - 6 > ANSWER_MAX)
        return fail(c, why, n_why, "what came is no answer of pold", 0);
    pol_buf_clear(&c->answer);
    uint8_t *at = pol_buf_reserve(&c->answer, (size_t)n - 6 + 1);
    if (!receive_all(c, at, n - 6, why, n_why))
        return false;
    at[n - 6] = 0;
    *id = read32(head + 4);
    *status = head[8] << 8 | head[9];
    *answer = (const char *)at;
    *n_answer = n - 6;
    return true;
}

/* ---- calls ---- */

bool polward_client_send(polward_client *client, uint32_t id, polward_operation operation, const char *body, size_t n_body, char *why, size_t n_why)
{
    client->until_ms = now_ms() + client->timeout_ms;
    return send_frame(client, id, operation, body, n_body, why, n_why);
}

bool polward_client_receive(polward_client *client, uint32_t *id, int *status, const char **answer, size_t *n_answer, char *why, size_t n_why)
{
    bool begun;
    client->until_ms = now_ms() + client->timeout_ms;
    return receive_frame(client, id, status, answer, n_answer, &begun, why, n_why);
}

bool polward_client_ask(polward_client *client, polward_operation operation, const char *body, size_t n_body, int *status, const char **answer, size_t *n_answer, char *why, size_t n_why)
{
    uint32_t id;
    client->until_ms = now_ms() + client->timeout_ms;
    bool was_connected = client->fd >= 0, begun = false;
    for (;;) {
        bool ok = send_frame(client, 1, operation, body, n_body, why, n_why) && receive_frame(client, &id, status, answer, n_answer, &begun, why, n_why);
        if (ok && id != 1)
            return fail(client, why, n_why, "the answer is to another request", 0);
        /* an idle connection that the daemon has closed: nothing was answered, so that nothing is asked twice that counts */
        if (ok || !was_connected || begun || now_ms() >= client->until_ms)
            return ok;
        was_connected = false;
    }
}

bool polward_client_allows(polward_client *client, const char *body, size_t n_body)
{
    static const pol_json_options strict = {.unique_members = true};
    const char *answer;
    size_t n;
    int status;
    pol_arena arena;
    pol_value v;
    pol_error err;
    if (!polward_client_ask(client, POLWARD_EVALUATION, body, n_body, &status, &answer, &n, NULL, 0) || status != 200)
        return false;
    pol_arena_init(&arena, 0);
    bool allows = pol_json_read(&arena, pol_bytes_of((const uint8_t *)answer, n), &strict, &v, &err) && pol_is_true(pol_object_member(v, "decision"));
    pol_arena_deinit(&arena);
    return allows;
}
