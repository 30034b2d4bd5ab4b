/* SPDX-License-Identifier: Apache-2.0
 * The fetcher: libcurl's multi interface and a list of timers on one thread. Other threads put jobs and timers into a locked inbox
 * and wake it.
 */
#include "runtime/fetch/fetch.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/queue.h>
#include <time.h>

enum {
    TIMEOUT_MS = 5000,
    MAX_BYTES = 1 << 20,
    MAX_WAIT_MS = 60000,
    MAX_CONNECTIONS = 64,
    MAX_HEADER_BYTES = 64 << 10,
};

typedef struct job {
    STAILQ_ENTRY(job) link;   /* in the inbox */
    LIST_ENTRY(job) running;
    CURL *easy;
    struct curl_slist *headers;
    pol_buf body, answer;
    size_t max_bytes, header_bytes;
    bool too_large;
    bool (*part)(void *context, pol_bytes bytes);
    pol_fetch_done *done;
    void *context;
    pol_fetch_answer result;
} job;

typedef struct timer {
    LIST_ENTRY(timer) link;
    int64_t at_ms;
    void (*run)(void *);
    void (*cancelled)(void *);
    void *context;
} timer;

struct pol_fetcher {
    pthread_t thread;
    CURLM *multi;
    pthread_mutex_t lock; /* of inbox, timers, ending */
    STAILQ_HEAD(, job) inbox;
    LIST_HEAD(, timer) timers;
    bool ending;
    LIST_HEAD(, job) jobs; /* the thread's own */
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

uint32_t pol_fetch_jitter(uint64_t ms)
{
    uint16_t random = 0;
    if (RAND_bytes((uint8_t *)&random, sizeof random) != 1)
        random = 0;
    ms = ms < 1 ? 1 : ms < UINT32_MAX ? ms : UINT32_MAX;
    return (uint32_t)(ms - ms / 4 * random / UINT16_MAX);
}

/* ---- URLs ---- */

static bool is_loopback(const char *host)
{
    unsigned a, b, c, d;
    char end;
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (sscanf(host, "%3u.%3u.%3u.%3u%c", &a, &b, &c, &d, &end) == 4 && a == 127 && b < 256 && c < 256 && d < 256);
}

POL_MUST_USE static bool check_parts(CURLU *url, bool plain_http, pol_error *err)
{
    char *scheme = NULL, *host = NULL, *user = NULL;
    bool ok = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK && curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK;
    bool has_user = curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_OK;
    if (!ok)
        ok = pol_fail(err, POL_E_CONFIG, "the URL has no scheme or no host");
    else if (has_user)
        ok = pol_fail(err, POL_E_CONFIG, "the URL carries a user: give credentials in their own settings");
    else if (strcmp(scheme, "https") != 0 && !(strcmp(scheme, "http") == 0 && (plain_http || is_loopback(host))))
        ok = pol_fail(err, POL_E_CONFIG, "a URL must begin with https://; http:// is taken for 127.0.0.1, [::1] and localhost only");
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    return ok;
}

bool pol_fetch_url_check(const char *text, bool plain_http, pol_error *err)
{
    CURLU *url = curl_url();
    if (!url)
        return pol_fail(err, POL_E_MEMORY, "no memory for a URL");
    bool ok = curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK
                  ? check_parts(url, plain_http, err)
                  : pol_fail(err, POL_E_CONFIG, "it is not a URL");
    curl_url_cleanup(url);
    return ok;
}

/* ---- answers ---- */

static size_t on_body(char *at, size_t size, size_t n, void *context)
{
    job *j = context;
    n *= size;
    long status = 0;
    if (j->part && curl_easy_getinfo(j->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status == 200)
        return j->part(j->context, pol_bytes_of((const uint8_t *)at, n)) ? n : 0;
    if (n > j->max_bytes - j->answer.n) {
        j->too_large = true;
        return 0;
    }
    pol_buf_add(&j->answer, at, n);
    return n;
}

/* The value of a header line called name, trimmed; false: it is another. */
static bool is_header(pol_bytes line, const char *name, pol_bytes *value)
{
    size_t n = strlen(name);
    if (line.n <= n || line.at[n] != ':' || strncasecmp((const char *)line.at, name, n) != 0)
        return false;
    pol_bytes v = {line.at + n + 1, line.n - n - 1};
    while (v.n && (*v.at == ' ' || *v.at == '\t'))
        v = (pol_bytes){v.at + 1, v.n - 1};
    while (v.n && (v.at[v.n - 1] == '\r' || v.at[v.n - 1] == '\n' || v.at[v.n - 1] == ' '))
        v.n--;
    *value = v;
    return true;
}

static void keep_text(char *out, size_t room, pol_bytes value)
{
    if (value.n < room) {
        memcpy(out, value.at, value.n);
        out[value.n] = '\0';
    }
}

/* RFC 9111 section 5.2.2: the first max-age; no-store and no-cache leave nothing to keep. */
static void read_cache_control(pol_fetch_answer *answer, pol_bytes value)
{
    char text[256];
    char *rest = text;
    snprintf(text, sizeof text, "%.*s", (int)(value.n < sizeof text ? value.n : sizeof text - 1), (const char *)value.at);
    for (char *part; (part = strsep(&rest, ",")) != NULL;) {
        part += strspn(part, " \t");
        if (strncasecmp(part, "no-store", 8) == 0 || strncasecmp(part, "no-cache", 8) == 0) {
            answer->has_max_age = true;
            answer->max_age_s = 0;
            return;
        }
        if (strncasecmp(part, "max-age=", 8) != 0 || answer->has_max_age)
            continue;
        char *end;
        unsigned long long age = strtoull(part + 8, &end, 10);
        if (end != part + 8 && part[8] != '-') {
            answer->has_max_age = true;
            answer->max_age_s = age > UINT32_MAX ? UINT32_MAX : (uint32_t)age;
        }
    }
}

static size_t on_header(char *at, size_t size, size_t n, void *context)
{
    job *j = context;
    n *= size;
    j->header_bytes += n;
    if (j->header_bytes > MAX_HEADER_BYTES) {
        j->too_large = true;
        return 0;
    }
    pol_bytes line = pol_bytes_of(at, n), value;
    if (is_header(line, "etag", &value))
        keep_text(j->result.etag, sizeof j->result.etag, value);
    else if (is_header(line, "content-type", &value))
        keep_text(j->result.content_type, sizeof j->result.content_type, value);
    else if (is_header(line, "cache-control", &value))
        read_cache_control(&j->result, value);
    return n;
}

static void free_job(job *j)
{
    curl_easy_cleanup(j->easy);
    for (struct curl_slist *h = j->headers; h; h = h->next)
        OPENSSL_cleanse(h->data, strlen(h->data)); /* Authorization */
    curl_slist_free_all(j->headers);
    if (j->body.n)
        OPENSSL_cleanse(j->body.at, j->body.n); /* tokens, assertions */
    if (j->answer.n)
        OPENSSL_cleanse(j->answer.at, j->answer.n);
    pol_buf_deinit(&j->body);
    pol_buf_deinit(&j->answer);
    free(j);
}

static void end_job(job *j, CURLcode code, const char *why)
{
    pol_fetch_answer *r = &j->result;
    long status = 0;
    curl_easy_getinfo(j->easy, CURLINFO_RESPONSE_CODE, &status);
    r->ok = !why && code == CURLE_OK;
    r->status = (int)status;
    if (why)
        snprintf(r->error, sizeof r->error, "%s", why);
    else if (j->too_large)
        snprintf(r->error, sizeof r->error, "the answer is larger than %zu bytes", j->max_bytes);
    else if (!r->ok)
        snprintf(r->error, sizeof r->error, "%s", curl_easy_strerror(code));
    pol_buf_byte(&j->answer, 0);
    r->body = pol_bytes_of(j->answer.at, j->answer.n - 1);
    j->done(j->context, r);
    free_job(j);
}

/* ---- the thread ---- */

static void take_inbox(pol_fetcher *f)
{
    for (;;) {
        pthread_mutex_lock(&f->lock);
        job *j = STAILQ_FIRST(&f->inbox);
        if (j)
            STAILQ_REMOVE_HEAD(&f->inbox, link);
        pthread_mutex_unlock(&f->lock);
        if (!j)
            return;
        if (curl_multi_add_handle(f->multi, j->easy) != CURLM_OK) {
            end_job(j, CURLE_OUT_OF_MEMORY, "no memory for a request");
            continue;
        }
        LIST_INSERT_HEAD(&f->jobs, j, running);
    }
}

static void end_finished(pol_fetcher *f)
{
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(f->multi, &left)) != NULL;) {
        if (m->msg != CURLMSG_DONE)
            continue;
        job *j = NULL;
        CURLcode code = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&j);
        curl_multi_remove_handle(f->multi, j->easy);
        LIST_REMOVE(j, running);
        end_job(j, code, NULL);
    }
}

/* Runs the timers that are due; returns how long to wait for the next. */
static int run_timers(pol_fetcher *f)
{
    for (;;) {
        int64_t now = now_ms(), next = now + MAX_WAIT_MS;
        timer *due = NULL, *t;
        pthread_mutex_lock(&f->lock);
        LIST_FOREACH(t, &f->timers, link) {
            if (t->at_ms <= now && (!due || t->at_ms < due->at_ms))
                due = t;
            if (t->at_ms < next)
                next = t->at_ms;
        }
        if (due)
            LIST_REMOVE(due, link);
        pthread_mutex_unlock(&f->lock);
        if (!due)
            return (int)(next - now);
        due->run(due->context);
        free(due);
    }
}

static bool is_ending(pol_fetcher *f)
{
    pthread_mutex_lock(&f->lock);
    bool ending = f->ending;
    pthread_mutex_unlock(&f->lock);
    return ending;
}

static void *turn(void *context)
{
    pol_fetcher *f = context;
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL); /* signals are the main thread's */
    while (!is_ending(f)) {
        int wait_ms = run_timers(f), running;
        take_inbox(f);
        curl_multi_perform(f->multi, &running);
        end_finished(f);
        curl_multi_poll(f->multi, NULL, 0, wait_ms, NULL);
    }
    return NULL;
}

/* ---- from other threads ---- */

bool pol_fetcher_new(pol_fetcher **out, pol_error *err)
{
    *out = NULL;
    pol_fetcher *f = calloc(1, sizeof *f);
    if (!f || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(f->multi = curl_multi_init())) {
        free(f);
        return pol_fail(err, POL_E_MEMORY, "no memory for outgoing requests");
    }
    curl_multi_setopt(f->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)MAX_CONNECTIONS);
    STAILQ_INIT(&f->inbox);
    pthread_mutex_init(&f->lock, NULL);
    if (pthread_create(&f->thread, NULL, turn, f) != 0) {
        curl_multi_cleanup(f->multi);
        pthread_mutex_destroy(&f->lock);
        free(f);
        return pol_fail(err, POL_E_INTERNAL, "the thread of outgoing requests does not start");
    }
    pthread_setname_np(f->thread, "pold-fetch");
    *out = f;
    return true;
}

static void drop_jobs(pol_fetcher *f)
{
    static const char why[] = "the daemon is stopping";
    for (job *j; (j = LIST_FIRST(&f->jobs)) != NULL;) {
        LIST_REMOVE(j, running);
        curl_multi_remove_handle(f->multi, j->easy);
        end_job(j, CURLE_OK, why);
    }
    for (job *j; (j = STAILQ_FIRST(&f->inbox)) != NULL;) {
        STAILQ_REMOVE_HEAD(&f->inbox, link);
        end_job(j, CURLE_OK, why);
    }
}

void pol_fetcher_free(pol_fetcher *f)
{
    if (!f)
        return;
    pthread_mutex_lock(&f->lock);
    f->ending = true;
    pthread_mutex_unlock(&f->lock);
    curl_multi_wakeup(f->multi);
    pthread_join(f->thread, NULL);
    drop_jobs(f);
    for (timer *t; (t = LIST_FIRST(&f->timers)) != NULL;) {
        LIST_REMOVE(t, link);
        if (t->cancelled)
            t->cancelled(t->context);
        free(t);
    }
    curl_multi_cleanup(f->multi);
    pthread_mutex_destroy(&f->lock);
    free(f);
    curl_global_cleanup();
}

POL_MUST_USE static bool set_headers(job *j, const pol_fetch_request *r)
{
    for (unsigned i = 0; i < r->n_headers; i++) {
        struct curl_slist *longer = curl_slist_append(j->headers, r->headers[i]);
        if (!longer)
            return false;
        j->headers = longer;
    }
    return true;
}

/* curl copies all texts but the body. */
POL_MUST_USE static bool set_options(job *j, const pol_fetch_request *r)
{
    CURL *e = j->easy;
    CURLcode bad = CURLE_OK;
#define SET(option, value) bad = bad ? bad : curl_easy_setopt(e, CURLOPT_##option, value)
    SET(PRIVATE, j);
    SET(URL, r->url);
    SET(PROTOCOLS_STR, "http,https");
    SET(PROXY, "");
    SET(NOSIGNAL, 1L);
    SET(SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(TIMEOUT_MS, (long)(r->timeout_ms ? r->timeout_ms : TIMEOUT_MS));
    SET(WRITEFUNCTION, on_body);
    SET(WRITEDATA, j);
    SET(HEADERFUNCTION, on_header);
    SET(HEADERDATA, j);
    SET(USERAGENT, "pold/" POLWARD_VERSION);
    if (r->ca_file) {
        SET(CAINFO, r->ca_file);
        SET(CAPATH, NULL); /* else the system's roots would do as well */
    }
    if (r->cert_file) {
        SET(SSLCERT, r->cert_file);
        SET(SSLKEY, r->key_file ? r->key_file : r->cert_file);
    }
    if (r->body.at) {
        pol_buf_bytes(&j->body, r->body);
        SET(POST, 1L);
        SET(POSTFIELDSIZE_LARGE, (curl_off_t)j->body.n);
        SET(POSTFIELDS, j->body.n ? (const char *)j->body.at : "");
    }
    if (r->method)
        SET(CUSTOMREQUEST, r->method);
    SET(HTTPHEADER, j->headers);
#undef SET
    return bad == CURLE_OK;
}

bool pol_fetch(pol_fetcher *f, const pol_fetch_request *r, pol_fetch_done *done, void *context, pol_error *err)
{
    POL_TRY(pol_fetch_url_check(r->url, r->plain_http, err));
    job *j = calloc(1, sizeof *j);
    if (!j)
        return pol_fail(err, POL_E_MEMORY, "no memory for a request");
    j->part = r->part;
    j->done = done;
    j->context = context;
    j->max_bytes = r->max_bytes ? r->max_bytes : MAX_BYTES;
    j->easy = curl_easy_init();
    if (!j->easy || !set_headers(j, r) || !set_options(j, r)) {
        free_job(j);
        return pol_fail(err, POL_E_MEMORY, "a request cannot be set up");
    }
    pthread_mutex_lock(&f->lock);
    bool taken = !f->ending;
    if (taken)
        STAILQ_INSERT_TAIL(&f->inbox, j, link);
    pthread_mutex_unlock(&f->lock);
    if (!taken) {
        free_job(j);
        return pol_fail(err, POL_E_IO, "the daemon is stopping");
    }
    curl_multi_wakeup(f->multi);
    return true;
}

bool pol_fetch_later(pol_fetcher *f, uint32_t ms, void (*run)(void *), void (*cancelled)(void *), void *context)
{
    timer *t = calloc(1, sizeof *t);
    if (!t)
        return false;
    *t = (timer){.at_ms = now_ms() + ms, .run = run, .cancelled = cancelled, .context = context};
    pthread_mutex_lock(&f->lock);
    bool taken = !f->ending;
    if (taken)
        LIST_INSERT_HEAD(&f->timers, t, link);
    pthread_mutex_unlock(&f->lock);
    if (!taken)
        free(t);
    else
        curl_multi_wakeup(f->multi);
    return taken;
}
