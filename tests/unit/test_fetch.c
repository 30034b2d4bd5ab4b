/* SPDX-License-Identifier: Apache-2.0
 * Outgoing requests against a server of our own on loopback: what it answers, what is too much, who is not asked at all.
 */
#include "runtime/fetch/fetch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* Answers each connection with the same text and closes it; keeps what was asked. "" is never answered. */
typedef struct {
    int fd;
    uint16_t port;
    const char *answer;
    char asked[1024];
    pthread_t thread;
} server;

static void *serve(void *context)
{
    server *s = context;
    for (int c; (c = accept(s->fd, NULL, NULL)) >= 0; close(c)) {
        ssize_t n = recv(c, s->asked, sizeof s->asked - 1, 0);
        s->asked[n > 0 ? n : 0] = '\0';
        if (*s->answer)
            (void)!send(c, s->answer, strlen(s->answer), MSG_NOSIGNAL);
        else
            (void)recv(c, (char[1]){0}, 1, 0); /* until the other side goes */
    }
    return NULL;
}

static void start(server *s, const char *answer)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    *s = (server){.fd = socket(AF_INET, SOCK_STREAM, 0), .answer = answer};
    assert_int_equal(bind(s->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->fd, 8), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&at, &n), 0);
    s->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop(server *s)
{
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
}

typedef struct {
    sem_t came;
    pol_fetch_answer answer;
    char body[256];
} waiting;

static void on_answer(void *context, const pol_fetch_answer *answer)
{
    waiting *w = context;
    w->answer = *answer;
    snprintf(w->body, sizeof w->body, "%s", (const char *)answer->body.at);
    sem_post(&w->came);
}

/* Fetches from s with r's settings and waits for the answer. */
static void fetch(const server *s, pol_fetch_request r, waiting *w)
{
    pol_fetcher *f;
    pol_error err;
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/keys", s->port);
    r.url = url;
    sem_init(&w->came, 0, 0);
    assert_true(pol_fetcher_new(&f, &err));
    assert_true(pol_fetch(f, &r, on_answer, w, &err));
    sem_wait(&w->came);
    pol_fetcher_free(f);
}

static void test_answer(void **state)
{
    (void)state;
    server s;
    waiting w;
    start(&s, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nETag: \"a1\"\r\nCache-Control: public, max-age=90\r\nContent-Length: 2\r\n\r\n{}");
    fetch(&s, (pol_fetch_request){.headers = (const char *[]){"X-Asked: yes"}, .n_headers = 1}, &w);
    stop(&s);
    assert_true(w.answer.ok);
    assert_int_equal(w.answer.status, 200);
    assert_string_equal(w.body, "{}");
    assert_string_equal(w.answer.etag, "\"a1\"");
    assert_string_equal(w.answer.content_type, "application/json");
    assert_true(w.answer.has_max_age);
    assert_int_equal(w.answer.max_age_s, 90);
    assert_non_null(strstr(s.asked, "GET /keys HTTP/1.1\r\n"));
    assert_non_null(strstr(s.asked, "X-Asked: yes\r\n"));
}

static void test_post(void **state)
{
    (void)state;
    server s;
    waiting w;
    start(&s, "HTTP/1.1 401 Unauthorized\r\nCache-Control: no-store, max-age=5\r\nContent-Length: 0\r\n\r\n");
    fetch(&s, (pol_fetch_request){.body = POL_BYTES("token=t")}, &w);
    stop(&s);
    assert_true(w.answer.ok);
    assert_int_equal(w.answer.status, 401);
    assert_true(w.answer.has_max_age);
    assert_int_equal(w.answer.max_age_s, 0);
    assert_non_null(strstr(s.asked, "POST /keys HTTP/1.1\r\n"));
    assert_non_null(strstr(s.asked, "\r\n\r\ntoken=t"));
}

static void test_too_large(void **state)
{
    (void)state;
    server s;
    waiting w;
    start(&s, "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world");
    fetch(&s, (pol_fetch_request){.max_bytes = 10}, &w);
    stop(&s);
    assert_false(w.answer.ok);
    assert_string_equal(w.answer.error, "the answer is larger than 10 bytes");
    start(&s, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello worl");
    fetch(&s, (pol_fetch_request){.max_bytes = 10}, &w);
    stop(&s);
    assert_true(w.answer.ok);
}

static void test_cut_short_redirect_timeout(void **state)
{
    (void)state;
    server s;
    waiting w;
    start(&s, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello");
    fetch(&s, (pol_fetch_request){0}, &w);
    stop(&s);
    assert_false(w.answer.ok);
    start(&s, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
    fetch(&s, (pol_fetch_request){0}, &w);
    stop(&s);
    assert_true(w.answer.ok);
    assert_int_equal(w.answer.status, 302);
    start(&s, "");
    fetch(&s, (pol_fetch_request){.timeout_ms = 100}, &w);
    stop(&s);
    assert_false(w.answer.ok);
    assert_string_equal(w.answer.error, "Timeout was reached");
}

static void test_urls(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        bool plain, good;
    } cases[] = {
        {"https://issuer.example/keys", false, true},
        {"http://127.0.0.1:8080/keys", false, true},
        {"http://127.1.2.3/keys", false, true},
        {"http://[::1]/keys", false, true},
        {"http://localhost:80/", false, true},
        {"http://issuer.example/keys", false, false},
        {"http://issuer.example/keys", true, true},
        {"http://127.0.0.1.issuer.example/", false, false},
        {"http://localhost.issuer.example/", false, false},
        {"https://user:secret@issuer.example/", false, false},
        {"ftp://127.0.0.1/", true, false},
        {"file:///etc/passwd", true, false},
        {"issuer.example/keys", false, false},
        {"", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pol_error err;
        if (pol_fetch_url_check(cases[i].url, cases[i].plain, &err) != cases[i].good)
            fail_msg("%s", cases[i].url);
    }
}

static void mark(void *context)
{
    *(bool *)context = true;
}

static sem_t timers;
static char order[4];
static void first(void *context)
{
    strcat(order, context);
    sem_post(&timers);
}

/* Timers run in their order; what has not come by the end is cancelled or answered. */
static void test_end(void **state)
{
    (void)state;
    server s;
    waiting w;
    pol_fetcher *f;
    pol_error err;
    char url[64];
    bool cancelled = false;
    start(&s, "");
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", s.port);
    sem_init(&timers, 0, 0);
    sem_init(&w.came, 0, 0);
    assert_true(pol_fetcher_new(&f, &err));
    assert_true(pol_fetch(f, &(pol_fetch_request){.url = url, .timeout_ms = 60000}, on_answer, &w, &err));
    assert_true(pol_fetch_later(f, 40, first, NULL, "2"));
    assert_true(pol_fetch_later(f, 5, first, NULL, "1"));
    assert_true(pol_fetch_later(f, 60000, first, mark, &cancelled));
    sem_wait(&timers);
    sem_wait(&timers);
    pol_fetcher_free(f);
    sem_wait(&w.came);
    stop(&s);
    assert_string_equal(order, "12");
    assert_true(cancelled);
    assert_false(w.answer.ok);
    assert_string_equal(w.answer.error, "the daemon is stopping");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer),
        cmocka_unit_test(test_post),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_cut_short_redirect_timeout),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
