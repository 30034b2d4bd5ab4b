/* SPDX-License-Identifier: Apache-2.0
 * hiredis on a libevent loop. A connection is used once it has answered a PING; the first answer that is late ends it, all that was asked on it is answered as
 * not known, and it is tried again with a growing delay. Commands come through a bounded queue.
 */
#include "runtime/server/redis_store.h"

#include "runtime/server/log.h"

#include <errno.h>
#include <event2/event.h>
#include <hiredis/adapters/libevent.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

enum {
    MAC_BYTES = 32,
    END_BYTES = 8,
    VALUE_MAX = 80 << 10, /* an answer of 64 KiB and what stands before it */
    PENDING_MAX = 4096,
    RETRY_LEAST_MS = 100,
    RETRY_MOST_MS = 5000,
    HOST_MAX = 256,
};

/* One command, waiting to be sent or to be answered. */
typedef struct job {
    TAILQ_ENTRY(job) link;
    pol_redis *redis;
    uint8_t key[POL_OPAQUE_KEY];
    void (*found)(void *flight, pol_bytes value); /* NULL: value is to be kept */
    void *flight;
    pol_buf value;
    int64_t until_ns, deadline_ms;
} job;

typedef TAILQ_HEAD(jobs, job) jobs;

struct pol_redis {
    char host[HOST_MAX]; /* or the path of a socket */
    int port;            /* 0: a socket */
    char *user, *password;
    uint32_t timeout_ms;
    uint8_t mac_key[MAC_BYTES];
    atomic_bool up;
    pthread_mutex_t lock; /* of what follows */
    jobs queue;
    unsigned n_pending; /* queued or sent */
    bool stopping;
    /* of the thread alone: */
    pthread_t thread;
    bool running;
    struct event_base *base;
    struct event *wake_event, *timer, *retry;
    int wake;
    redisAsyncContext *connection;
    int64_t ping_deadline_ms; /* 0: answered */
    jobs sent;                /* oldest first; all have the same time */
    unsigned retry_ms;
    bool told_down;
};

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static struct timeval span(int64_t ms)
{
    ms = ms < 1 ? 1 : ms;
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

/* ---- values: MAC, end, what was kept ---- */

static void put_number(uint8_t *at, uint64_t n)
{
    for (unsigned i = 0; i < END_BYTES; i++)
        at[i] = (uint8_t)(n >> 8 * i);
}

/* Over the key too: a value counts for no other token. */
POL_MUST_USE static bool make_mac(const pol_redis *r, const uint8_t *key, pol_bytes text, uint8_t mac[MAC_BYTES])
{
    POL_CLEAN(pol_buf_deinit) pol_buf all = {0};
    unsigned n = MAC_BYTES;
    pol_buf_add(&all, key, POL_OPAQUE_KEY);
    pol_buf_bytes(&all, text);
    bool ok = HMAC(EVP_sha256(), r->mac_key, MAC_BYTES, all.at, all.n, mac, &n) != NULL;
    OPENSSL_cleanse(all.at, all.n);
    return ok;
}

/* n == 0: it is not authentic, or over. */
static pol_bytes open_value(const pol_redis *r, const uint8_t *key, pol_bytes stored)
{
    uint8_t mac[MAC_BYTES];
    uint64_t until = 0;
    if (stored.n < MAC_BYTES + END_BYTES || stored.n > VALUE_MAX)
        return (pol_bytes){0};
    pol_bytes text = pol_bytes_of(stored.at + MAC_BYTES, stored.n - MAC_BYTES);
    if (!make_mac(r, key, text, mac) || CRYPTO_memcmp(mac, stored.at, MAC_BYTES) != 0)
        return (pol_bytes){0};
    for (unsigned i = 0; i < END_BYTES; i++)
        until |= (uint64_t)text.at[i] << 8 * i;
    if (until > INT64_MAX || wall_ns() >= (int64_t)until)
        return (pol_bytes){0};
    return pol_bytes_of(text.at + END_BYTES, text.n - END_BYTES);
}

static void make_name(const uint8_t *key, pol_buf *out)
{
    pol_buf_text(out, "polward:introspection:");
    uint8_t *at = pol_buf_reserve(out, pol_base64_size(POL_OPAQUE_KEY));
    out->n += pol_base64_encode(at, pol_bytes_of(key, POL_OPAQUE_KEY), POL_BASE64URL);
}

/* ---- jobs ---- */

/* Its end: a value that was found, or nothing. No lock is held. */
static void end_job(job *j, pol_bytes value)
{
    pol_redis *r = j->redis;
    pthread_mutex_lock(&r->lock);
    r->n_pending--;
    pthread_mutex_unlock(&r->lock);
    if (j->found)
        j->found(j->flight, value);
    if (j->value.at)
        OPENSSL_cleanse(j->value.at, j->value.n);
    pol_buf_deinit(&j->value);
    free(j);
}

static void end_all(jobs *list)
{
    for (job *j; (j = TAILQ_FIRST(list));) {
        TAILQ_REMOVE(list, j, link);
        end_job(j, (pol_bytes){0});
    }
}

POL_MUST_USE static bool put_job(pol_redis *r, job *j)
{
    uint64_t one = 1;
    pthread_mutex_lock(&r->lock);
    bool ok = !r->stopping && r->n_pending < PENDING_MAX && atomic_load(&r->up);
    if (ok) {
        TAILQ_INSERT_TAIL(&r->queue, j, link);
        r->n_pending++;
    }
    pthread_mutex_unlock(&r->lock);
    if (ok) {
        ssize_t written = write(r->wake, &one, sizeof one);
        (void)written; /* a full counter wakes too */
    }
    return ok;
}

static job *make_job(pol_redis *r, const uint8_t *key)
{
    job *j = atomic_load(&r->up) ? calloc(1, sizeof *j) : NULL;
    if (!j)
        return NULL;
    j->redis = r;
    memcpy(j->key, key, POL_OPAQUE_KEY);
    return j;
}

static bool ask(void *context, const uint8_t key[POL_OPAQUE_KEY], void (*found)(void *flight, pol_bytes value), void *flight)
{
    job *j = make_job(context, key);
    if (!j)
        return false;
    j->found = found;
    j->flight = flight;
    if (put_job(context, j))
        return true;
    free(j);
    return false;
}

static void keep(void *context, const uint8_t key[POL_OPAQUE_KEY], pol_bytes value, int64_t until_ns)
{
    pol_redis *r = context;
    uint8_t mac[MAC_BYTES] = {0}, end[END_BYTES];
    job *j = make_job(r, key);
    if (!j)
        return;
    put_number(end, (uint64_t)until_ns);
    pol_buf_add(&j->value, mac, MAC_BYTES);
    pol_buf_add(&j->value, end, END_BYTES);
    pol_buf_bytes(&j->value, value);
    j->until_ns = until_ns;
    bool ok = make_mac(r, key, pol_bytes_of(j->value.at + MAC_BYTES, j->value.n - MAC_BYTES), mac);
    memcpy(j->value.at, mac, MAC_BYTES);
    if (ok && until_ns > 0 && put_job(r, j))
        return;
    OPENSSL_cleanse(j->value.at, j->value.n);
    pol_buf_deinit(&j->value);
    free(j);
}

/* ---- the connection; on the thread ---- */

static void tell(pol_redis *r, bool up, const char *why)
{
    if (r->told_down == !up)
        return;
    r->told_down = !up;
    pol_log_line line = pol_log_begin(up ? POL_LOG_INFO : POL_LOG_WARNING, up ? "Redis is used" : "Redis is not used");
    if (why)
        pol_log_text(&line, "error", why);
    pol_log_end(&line);
}

/* Not used any more; tried again later. */
static void give_up(pol_redis *r, const char *why)
{
    redisAsyncContext *connection = r->connection;
    struct timeval later = span(r->retry_ms);
    atomic_store(&r->up, false);
    r->connection = NULL;
    r->ping_deadline_ms = 0;
    tell(r, false, why);
    r->retry_ms = r->retry_ms * 2 < RETRY_MOST_MS ? r->retry_ms * 2 : RETRY_MOST_MS;
    event_add(r->retry, &later);
    if (connection)
        redisAsyncFree(connection);
    end_all(&r->sent);
}

/* The first word of an error, which is its code; what follows may quote what was sent. */
static void note_error(const redisReply *reply, char out[64])
{
    int n = 0;
    while (n < 40 && (size_t)n < reply->len && reply->str[n] >= 'A' && reply->str[n] <= 'Z')
        n++;
    snprintf(out, 64, "it answers %.*s", n, reply->str);
}

static void on_pong(redisAsyncContext *connection, void *answer, void *context)
{
    pol_redis *r = connection->data;
    const redisReply *reply = answer;
    char why[64];
    (void)context;
    if (r->connection != connection || !reply)
        return;
    if (reply->type == REDIS_REPLY_ERROR) {
        note_error(reply, why);
        give_up(r, why);
        return;
    }
    r->ping_deadline_ms = 0;
    r->retry_ms = RETRY_LEAST_MS;
    tell(r, true, NULL);
    atomic_store(&r->up, true);
}

static void on_password(redisAsyncContext *connection, void *answer, void *context)
{
    pol_redis *r = connection->data;
    const redisReply *reply = answer;
    (void)context;
    if (r->connection == connection && reply && reply->type == REDIS_REPLY_ERROR)
        give_up(r, "it does not take the password");
}

static void on_disconnected(const redisAsyncContext *connection, int status)
{
    pol_redis *r = connection->data;
    (void)status;
    if (r->connection != connection)
        return;
    r->connection = NULL; /* it is being freed */
    give_up(r, connection->errstr);
}

static void on_connected(const redisAsyncContext *connection, int status)
{
    if (status != REDIS_OK)
        on_disconnected(connection, status);
}

static bool send_greeting(pol_redis *r)
{
    redisAsyncContext *c = r->connection;
    c->data = r;
    bool ok = redisAsyncSetConnectCallback(c, on_connected) == REDIS_OK && redisAsyncSetDisconnectCallback(c, on_disconnected) == REDIS_OK &&
              redisLibeventAttach(c, r->base) == REDIS_OK;
    if (ok && r->password && r->user)
        ok = redisAsyncCommand(c, on_password, NULL, "AUTH %s %s", r->user, r->password) == REDIS_OK;
    else if (ok && r->password)
        ok = redisAsyncCommand(c, on_password, NULL, "AUTH %s", r->password) == REDIS_OK;
    return ok && redisAsyncCommand(c, on_pong, NULL, "PING") == REDIS_OK;
}

static void set_timer(pol_redis *r)
{
    const job *oldest = TAILQ_FIRST(&r->sent);
    int64_t first = r->ping_deadline_ms ? r->ping_deadline_ms : oldest ? oldest->deadline_ms : 0;
    struct timeval left = span(first - monotonic_ms());
    if (first)
        event_add(r->timer, &left);
}

static void connect_now(evutil_socket_t fd, short what, void *context)
{
    pol_redis *r = context;
    (void)fd;
    (void)what;
    if (r->connection)
        return;
    r->connection = r->port ? redisAsyncConnect(r->host, r->port) : redisAsyncConnectUnix(r->host);
    if (!r->connection || r->connection->err || !send_greeting(r)) {
        give_up(r, "it cannot be connected to");
        return;
    }
    r->ping_deadline_ms = monotonic_ms() + r->timeout_ms;
    set_timer(r);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    pol_redis *r = context;
    const job *oldest = TAILQ_FIRST(&r->sent);
    int64_t now = monotonic_ms();
    (void)fd;
    (void)what;
    if ((r->ping_deadline_ms && now >= r->ping_deadline_ms) || (oldest && now >= oldest->deadline_ms))
        give_up(r, "it is too slow");
    else
        set_timer(r);
}

static void on_reply(redisAsyncContext *connection, void *answer, void *context)
{
    job *j = context;
    pol_redis *r = connection->data;
    const redisReply *reply = answer;
    if (r->connection != connection)
        return; /* given up: all jobs are ended by that */
    pol_bytes value = {0};
    if (j->found && reply && reply->type == REDIS_REPLY_STRING)
        value = open_value(r, j->key, pol_bytes_of(reply->str, reply->len));
    TAILQ_REMOVE(&r->sent, j, link);
    end_job(j, value);
}

/* GETRANGE, as a value that is not ours may be of any length. */
static bool send_job(pol_redis *r, job *j)
{
    POL_CLEAN(pol_buf_deinit) pol_buf name = {0};
    make_name(j->key, &name);
    if (j->found)
        return redisAsyncCommand(r->connection, on_reply, j, "GETRANGE %b 0 %d", name.at, name.n, VALUE_MAX) == REDIS_OK;
    return redisAsyncCommand(r->connection, on_reply, j, "SET %b %b PXAT %lld", name.at, name.n, j->value.at, j->value.n,
                             (long long)(j->until_ns / 1000000)) == REDIS_OK;
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
    pol_redis *r = context;
    uint64_t count;
    jobs taken = TAILQ_HEAD_INITIALIZER(taken);
    (void)what;
    ssize_t n = read(fd, &count, sizeof count);
    (void)n;
    pthread_mutex_lock(&r->lock);
    TAILQ_CONCAT(&taken, &r->queue, link);
    bool stopping = r->stopping;
    pthread_mutex_unlock(&r->lock);
    bool was_idle = TAILQ_EMPTY(&r->sent);
    for (job *j; (j = TAILQ_FIRST(&taken));) {
        TAILQ_REMOVE(&taken, j, link);
        j->deadline_ms = monotonic_ms() + r->timeout_ms;
        if (atomic_load(&r->up) && r->connection && send_job(r, j))
            TAILQ_INSERT_TAIL(&r->sent, j, link);
        else
            end_job(j, (pol_bytes){0});
    }
    if (was_idle)
        set_timer(r);
    if (stopping)
        event_base_loopbreak(r->base);
}

static void *run(void *context)
{
    pol_redis *r = context;
    connect_now(-1, 0, r);
    event_base_dispatch(r->base);
    redisAsyncContext *connection = r->connection;
    r->connection = NULL;
    if (connection)
        redisAsyncFree(connection);
    end_all(&r->sent);
    return NULL;
}

/* ---- making ---- */

static bool read_address(const char *address, char host[HOST_MAX], int *port)
{
    size_t n = strlen(address);
    const char *colon = strrchr(address, ':');
    unsigned number = 0;
    *port = 0;
    if (address[0] == '/')
        return n < 108 && snprintf(host, HOST_MAX, "%s", address) > 0; /* sun_path */
    if (!colon || colon == address || !colon[1] || strlen(colon + 1) > 5)
        return false;
    for (const char *p = colon + 1; *p; p++) {
        if (*p < '0' || *p > '9')
            return false;
        number = number * 10 + (unsigned)(*p - '0');
    }
    size_t n_host = (size_t)(colon - address);
    bool bracketed = address[0] == '[' && colon[-1] == ']';
    if (number == 0 || number > 65535 || n_host >= HOST_MAX || (!bracketed && memchr(address, ':', n_host)))
        return false;
    *port = (int)number;
    return snprintf(host, HOST_MAX, "%.*s", (int)(bracketed ? n_host - 2 : n_host), bracketed ? address + 1 : address) > 0;
}

bool pol_redis_address_check(const char *address, pol_error *err)
{
    char host[HOST_MAX];
    int port;
    return read_address(address, host, &port) || pol_fail(err, POL_E_CONFIG, "HOST:PORT or the path of a unix socket is wanted");
}

POL_MUST_USE static bool make_loop(pol_redis *r, pol_error *err)
{
    r->base = event_base_new();
    r->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!r->base || r->wake < 0)
        return pol_fail(err, POL_E_IO, "the loop for Redis could not be made: %s", strerror(errno));
    r->wake_event = event_new(r->base, r->wake, EV_READ | EV_PERSIST, on_wake, r);
    r->timer = event_new(r->base, -1, 0, on_timer, r);
    r->retry = event_new(r->base, -1, 0, connect_now, r);
    if (!r->wake_event || !r->timer || !r->retry || event_add(r->wake_event, NULL) != 0)
        return pol_fail(err, POL_E_MEMORY, "the events for Redis could not be made");
    int failed = pthread_create(&r->thread, NULL, run, r);
    r->running = failed == 0;
    return r->running || pol_fail(err, POL_E_IO, "the thread for Redis could not be started: %s", strerror(failed));
}

bool pol_redis_new(const pol_redis_config *config, pol_bytes secret, pol_redis **out, pol_error *err)
{
    static const char purpose[] = "polward introspection value";
    unsigned n = MAC_BYTES;
    pol_redis *r = calloc(1, sizeof *r);
    if (!r)
        return pol_fail(err, POL_E_MEMORY, "no memory for Redis");
    pthread_mutex_init(&r->lock, NULL);
    TAILQ_INIT(&r->queue);
    TAILQ_INIT(&r->sent);
    r->wake = -1;
    r->timeout_ms = config->timeout_ms;
    r->retry_ms = RETRY_LEAST_MS;
    r->user = config->user ? strdup(config->user) : NULL;
    r->password = config->password ? strdup(config->password) : NULL;
    bool ok = read_address(config->address, r->host, &r->port) || pol_fail(err, POL_E_CONFIG, "%s is no address of a Redis", config->address);
    ok = ok && (HMAC(EVP_sha256(), secret.at, (int)secret.n, (const uint8_t *)purpose, sizeof purpose - 1, r->mac_key, &n) || pol_fail(err, POL_E_CRYPTO, "no HMAC"));
    if (!ok || !make_loop(r, err)) {
        pol_redis_free(r);
        return false;
    }
    *out = r;
    return true;
}

void pol_redis_free(pol_redis *r)
{
    uint64_t one = 1;
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_mutex_unlock(&r->lock);
    if (r->running) {
        ssize_t written = write(r->wake, &one, sizeof one);
        (void)written;
        pthread_join(r->thread, NULL);
    }
    end_all(&r->queue);
    struct event *events[] = {r->wake_event, r->timer, r->retry};
    for (unsigned i = 0; i < sizeof events / sizeof *events; i++) {
        if (events[i])
            event_free(events[i]);
    }
    if (r->base)
        event_base_free(r->base);
    if (r->wake >= 0)
        close(r->wake);
    if (r->password)
        OPENSSL_cleanse(r->password, strlen(r->password));
    free(r->user);
    free(r->password);
    OPENSSL_cleanse(r->mac_key, MAC_BYTES);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

pol_introspection_store pol_redis_as_store(pol_redis *redis)
{
    return (pol_introspection_store){.context = redis, .ask = ask, .keep = keep};
}

bool pol_redis_is_up(pol_redis *redis)
{
    return atomic_load(&redis->up);
}
