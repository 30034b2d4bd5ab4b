/* SPDX-License-Identifier: Apache-2.0
 * The source has a fetcher of its own, whose thread writes files: those who wait for other answers do not wait for disks. Of etcd the value of a key is read, then watched from the next revision on; whatever
 * ends the watch, it is read again.
 */
#include "runtime/server/source.h"

#include "runtime/engine.h"
#include "runtime/fetch/fetch.h"
#include "runtime/server/etcd.h"
#include "runtime/server/log.h"
#include "runtime/server/world.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FIRST_BACKOFF_MS = 500, LEAST_MS = 1000, MARGIN_MS = 10000, TOKEN_MAX = 8192, PATH_BYTES = 4096, WATCH_MS = 600000, AROUND_VALUE = 65536 };

struct pol_source {
    pol_fetcher *fetcher;
    char *url, *path, *ca_file, *cert_file, *key_file;
    char part[PATH_BYTES], folder[PATH_BYTES]; /* what is being written; where path is */
    pol_buf authorization;                     /* a header with a NUL, or empty */
    uint64_t interval_ms, wait_ms, timeout_ms, max_bytes;
    uint8_t raw_keys[POL_WORLD_KEYS_MAX][32];
    pol_bytes keys[POL_WORLD_KEYS_MAX];
    unsigned n_keys;
    bool refuse_older;
    /* the fetcher's thread's */
    char etag[128];
    int64_t begun_ms;
    pol_bytes etcd_key;  /* n == 0: not of etcd */
    char *range_url, *watch_url;
    uint64_t revision;   /* of the store, when it was last read */
    pol_buf line;        /* of a watch, as far as it came */
    const char *watch_ended;
    /* anybody's */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pol_source_state state;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- keeping ---- */

POL_MUST_USE static bool write_whole(int fd, pol_bytes bytes)
{
    while (bytes.n) {
        ssize_t n = write(fd, bytes.at, bytes.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes = pol_bytes_of(bytes.at + n, bytes.n - (size_t)n);
    }
    return fsync(fd) == 0;
}

/* Beside path, on the disk, then renamed over it: whenever this ends, path is the old bundle or the new one. */
POL_MUST_USE static bool keep(const pol_source *s, pol_bytes bytes, pol_error *err)
{
    int fd = open(s->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    bool ok = fd >= 0 && write_whole(fd, bytes);
    int why = errno;
    if (fd >= 0)
        close(fd);
    if (ok && rename(s->part, s->path) != 0) {
        ok = false;
        why = errno;
    }
    if (!ok) {
        (void)unlink(s->part);
        return pol_fail(err, POL_E_IO, "%s: %s", s->path, strerror(why));
    }
    int folder = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        (void)fsync(folder);
        close(folder);
    }
    return true;
}

static bool is_kept(const pol_source *s, pol_bytes bytes)
{
    POL_CLEAN(pol_buf_deinit) pol_buf file = {0};
    pol_error err;
    struct stat st;
    return stat(s->path, &st) == 0 && st.st_size == (off_t)bytes.n && pol_file_read(s->path, s->max_bytes, &file, &err) && pol_bytes_equal(pol_buf_view(&file), bytes);
}

/* What is kept and does not open is no reason to refuse another. */
POL_MUST_USE static bool check_revision(const pol_source *s, const pol_bundle *next, pol_error *err)
{
    const pol_bundle_options options = {.public_keys = s->keys, .n_public_keys = s->n_keys, .copy = true};
    pol_bundle *kept;
    pol_error none;
    if (!s->refuse_older || !pol_bundle_open(s->path, &options, &kept, &none))
        return true;
    bool ok = pol_world_not_older(next, kept, err);
    pol_bundle_close(kept);
    return ok;
}

/* What is kept has verified. */
POL_MUST_USE static bool take(pol_source *s, pol_bytes bytes, pol_error *err)
{
    const pol_bundle_options options = {.public_keys = s->keys, .n_public_keys = s->n_keys};
    pol_bundle *bundle;
    if (is_kept(s, bytes))
        return true;
    POL_TRY(pol_bundle_from_bytes(bytes, &options, &bundle, err));
    bool ok = check_revision(s, bundle, err);
    pol_bundle_close(bundle);
    return ok && keep(s, bytes, err);
}

/* ---- asking ---- */

static void ask(void *context);

/* A server that holds questions is asked again at once, but not if it answers the moment that it is asked. False: the fetcher ends. */
static bool ask_later(pol_source *s, uint64_t failures)
{
    uint64_t delay = s->interval_ms;
    if (failures)
        delay = failures > 16 || (uint64_t)FIRST_BACKOFF_MS << failures > delay ? delay : (uint64_t)FIRST_BACKOFF_MS << failures;
    else if (s->wait_ms)
        delay = now_ms() - s->begun_ms < LEAST_MS ? LEAST_MS : 1;
    return pol_fetch_later(s->fetcher, pol_fetch_jitter(delay), ask, NULL, s);
}

static uint64_t note(pol_source *s, const char *why, bool taken)
{
    int64_t now_ns = pol_clock_ns();
    pthread_mutex_lock(&s->lock);
    s->state.failures = why ? s->state.failures + 1 : 0;
    if (!why)
        s->state.answered_ns = now_ns;
    if (taken)
        s->state.taken_ns = now_ns;
    snprintf(s->state.error, sizeof s->state.error, "%s", why ? why : "");
    uint64_t failures = s->state.failures;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return failures;
}

static void tell(const char *why)
{
    pol_log_line line = pol_log_begin(POL_LOG_WARNING, "the bundle could not be fetched, it is asked for again");
    pol_log_text(&line, "error", why);
    pol_log_end(&line);
}

/* What came of a question; why NULL: it was answered well. */
static void end_question(pol_source *s, const char *why, bool taken)
{
    uint64_t failures = note(s, why, taken);
    if (ask_later(s, failures) && failures == 1)
        tell(why);
}

static void on_answer(void *context, const pol_fetch_answer *answer)
{
    pol_source *s = context;
    pol_error err;
    char text[80];
    if (!answer->ok) {
        end_question(s, answer->error, false);
    } else if (answer->status == 304 && s->etag[0]) {
        end_question(s, NULL, false);
    } else if (answer->status != 200) {
        snprintf(text, sizeof text, "the server answered %d", answer->status);
        s->etag[0] = 0;
        end_question(s, text, false);
    } else if (!take(s, answer->body, &err)) {
        s->etag[0] = 0;
        end_question(s, err.text, false);
    } else {
        snprintf(s->etag, sizeof s->etag, "%s", answer->etag);
        end_question(s, NULL, true);
    }
}

/* ---- etcd ---- */

/* One line of the watch. False: it is over. */
static bool take_line(pol_source *s, pol_bytes line)
{
    pol_etcd_answer answer;
    pol_arena arena;
    pol_error err;
    pol_arena_init(&arena, 0);
    s->watch_ended = pol_etcd_watch_read(&arena, line, s->etcd_key, &answer);
    if (!s->watch_ended && answer.canceled)
        s->watch_ended = "etcd canceled the watch";
    if (!s->watch_ended && answer.has_value) {
        bool taken = take(s, answer.value, &err);
        if (note(s, taken ? NULL : err.text, taken) == 1)
            tell(err.text);
    }
    pol_arena_deinit(&arena);
    return !s->watch_ended;
}

static bool on_watch_part(void *context, pol_bytes bytes)
{
    pol_source *s = context;
    if (bytes.n > s->max_bytes / 3 * 4 + AROUND_VALUE - s->line.n) {
        s->watch_ended = "a line of etcd's watch is longer than bundle.max allows";
        return false;
    }
    while (bytes.n) {
        const uint8_t *end = memchr(bytes.at, '\n', bytes.n);
        size_t n = end ? (size_t)(end - bytes.at) : bytes.n;
        pol_buf_add(&s->line, bytes.at, n);
        bytes = pol_bytes_of(bytes.at + n + (end != NULL), bytes.n - n - (end != NULL));
        if (!end)
            break;
        pol_buf_byte(&s->line, 0);
        bool goes_on = s->line.n == 1 || take_line(s, pol_bytes_of(s->line.at, s->line.n - 1));
        pol_buf_clear(&s->line);
        if (!goes_on)
            return false;
    }
    return true;
}

/* A watch that ends is no failure yet: what has changed is read. */
static void on_watch_end(void *context, const pol_fetch_answer *answer)
{
    pol_source *s = context;
    char text[80];
    pol_buf_clear(&s->line);
    if (now_ms() - s->begun_ms >= LEAST_MS) {
        ask(s);
    } else if (answer->ok && answer->status != 200) {
        snprintf(text, sizeof text, "etcd answered %d to the watch", answer->status);
        end_question(s, text, false);
    } else {
        end_question(s, s->watch_ended ? s->watch_ended : answer->ok ? "etcd ended the watch" : answer->error, false);
    }
}

POL_MUST_USE static bool post(pol_source *s, const char *url, pol_bytes body, bool is_watch, pol_fetch_done *done, pol_error *err)
{
    const char *headers[] = {"Content-Type: application/json", (const char *)s->authorization.at};
    pol_fetch_request request = {.url = url, .headers = headers, .n_headers = s->authorization.n ? 2 : 1, .body = body, .ca_file = s->ca_file, .cert_file = s->cert_file, .key_file = s->key_file,
                                 .timeout_ms = is_watch ? WATCH_MS : (uint32_t)s->timeout_ms, .max_bytes = (size_t)s->max_bytes / 3 * 4 + AROUND_VALUE, .part = is_watch ? on_watch_part : NULL};
    return pol_fetch(s->fetcher, &request, done, s, err);
}

static void watch(pol_source *s)
{
    POL_CLEAN(pol_buf_deinit) pol_buf body = {0};
    pol_error err;
    pol_etcd_watch_write(&body, s->etcd_key, s->revision + 1);
    s->begun_ms = now_ms();
    s->watch_ended = NULL;
    if (!post(s, s->watch_url, pol_buf_view(&body), true, on_watch_end, &err))
        end_question(s, err.text, false);
}

static void on_range(void *context, const pol_fetch_answer *answer)
{
    pol_source *s = context;
    pol_etcd_answer value = {0};
    pol_arena arena;
    pol_error err;
    char text[80];
    const char *why = answer->ok ? NULL : answer->error;
    pol_arena_init(&arena, 0);
    if (!why && answer->status != 200) {
        snprintf(text, sizeof text, "etcd answered %d", answer->status);
        why = text;
    }
    if (!why)
        why = pol_etcd_range_read(&arena, answer->body, s->etcd_key, &value);
    s->revision = value.revision;
    if (why) {
        end_question(s, why, false);
    } else {
        /* what does not verify, or is not there, may come yet */
        bool taken = value.has_value && take(s, value.value, &err);
        if (note(s, taken ? NULL : value.has_value ? err.text : "etcd has no value under bundle.etcd_key", taken) == 1)
            tell(value.has_value ? err.text : "etcd has no value under bundle.etcd_key");
        watch(s);
    }
    pol_arena_deinit(&arena);
}

static void ask_etcd(pol_source *s)
{
    POL_CLEAN(pol_buf_deinit) pol_buf body = {0};
    pol_error err;
    pol_etcd_range_write(&body, s->etcd_key);
    s->begun_ms = now_ms();
    if (!post(s, s->range_url, pol_buf_view(&body), false, on_range, &err))
        end_question(s, err.text, false);
}

static void ask_server(pol_source *s)
{
    char condition[sizeof s->etag + 16], prefer[64];
    const char *headers[3];
    unsigned n = 0;
    pol_error err;
    if (s->authorization.n)
        headers[n++] = (const char *)s->authorization.at;
    snprintf(condition, sizeof condition, "If-None-Match: %s", s->etag);
    if (s->etag[0])
        headers[n++] = condition;
    snprintf(prefer, sizeof prefer, "Prefer: modes=snapshot;wait=%llu", (unsigned long long)s->wait_ms / 1000);
    bool holds = s->wait_ms && s->etag[0];
    if (holds)
        headers[n++] = prefer;
    pol_fetch_request request = {.url = s->url, .headers = headers, .n_headers = n, .ca_file = s->ca_file, .cert_file = s->cert_file, .key_file = s->key_file,
                                 .timeout_ms = (uint32_t)(holds ? s->wait_ms + MARGIN_MS : s->timeout_ms), .max_bytes = (size_t)s->max_bytes};
    s->begun_ms = now_ms();
    if (!pol_fetch(s->fetcher, &request, on_answer, s, &err))
        end_question(s, err.text, false);
}

static void ask(void *context)
{
    pol_source *s = context;
    pthread_mutex_lock(&s->lock);
    s->state.asked_ns = pol_clock_ns();
    pthread_mutex_unlock(&s->lock);
    if (s->etcd_key.n)
        ask_etcd(s);
    else
        ask_server(s);
}

pol_source_state pol_source_look(pol_source *source)
{
    pthread_mutex_lock(&source->lock);
    pol_source_state state = source->state;
    pthread_mutex_unlock(&source->lock);
    return state;
}

/* ---- life ---- */

static char *copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

POL_MUST_USE static bool read_token(pol_source *s, const char *path, bool etcd, pol_error *err)
{
    POL_CLEAN(pol_buf_deinit) pol_buf token = {0};
    if (!path)
        return true;
    POL_TRY(pol_file_read(path, TOKEN_MAX, &token, err));
    while (token.n && (token.at[token.n - 1] == '\n' || token.at[token.n - 1] == '\r'))
        token.n--;
    bool ok = token.n > 0;
    for (size_t i = 0; i < token.n; i++)
        ok &= token.at[i] > ' ' && token.at[i] < 0x7f;
    if (ok) {
        pol_buf_text(&s->authorization, etcd ? "Authorization: " : "Authorization: Bearer ");
        pol_buf_bytes(&s->authorization, pol_buf_view(&token));
        pol_buf_byte(&s->authorization, 0);
    }
    OPENSSL_cleanse(token.at, token.capacity);
    return ok || pol_fail(err, POL_E_CONFIG, "%s: a token on one line is wanted", path);
}

/* The key, and the two places where it is asked about. */
POL_MUST_USE static bool name_etcd(pol_source *s, const pol_config *config, pol_error *err)
{
    size_t n = strlen(config->bundle_url);
    if (!config->bundle_etcd_key)
        return true;
    while (n && config->bundle_url[n - 1] == '/')
        n--;
    char *key = strdup(config->bundle_etcd_key);
    s->etcd_key = pol_bytes_text(key ? key : "");
    if (asprintf(&s->range_url, "%.*s/v3/kv/range", (int)n, config->bundle_url) < 0)
        s->range_url = NULL;
    if (asprintf(&s->watch_url, "%.*s/v3/watch", (int)n, config->bundle_url) < 0)
        s->watch_url = NULL;
    return (key && s->range_url && s->watch_url) || pol_fail(err, POL_E_MEMORY, "out of memory");
}

POL_MUST_USE static bool fill(pol_source *s, const pol_config *config, pol_error *err)
{
    const char *slash = strrchr(config->bundle_path, '/');
    size_t n_folder = slash ? (size_t)(slash - config->bundle_path) : 0;
    struct stat st;
    POL_TRY(pol_fetch_url_check(config->bundle_url, false, err));
    if (!config->bundle_watch)
        return pol_fail(err, POL_E_CONFIG, "bundle.url needs bundle.watch");
    if (stat(config->bundle_path, &st) == 0 && !S_ISREG(st.st_mode))
        return pol_fail(err, POL_E_CONFIG, "bundle.path: with bundle.url it is the file that the bundle is kept in, not a folder");
    snprintf(s->folder, sizeof s->folder, "%.*s", slash ? (int)(n_folder ? n_folder : 1) : 1, slash ? config->bundle_path : ".");
    if (snprintf(s->part, sizeof s->part, "%s.part", config->bundle_path) >= (int)sizeof s->part)
        return pol_fail(err, POL_E_CONFIG, "bundle.path is too long");
    s->url = copy(config->bundle_url);
    s->path = copy(config->bundle_path);
    s->ca_file = copy(config->bundle_ca);
    s->cert_file = copy(config->bundle_certificate);
    s->key_file = copy(config->bundle_key);
    s->interval_ms = config->bundle_interval_ms;
    s->wait_ms = config->bundle_long_poll_ms;
    s->timeout_ms = config->bundle_timeout_ms;
    s->max_bytes = config->bundle_max_bytes;
    s->refuse_older = config->bundle_refuse_older;
    s->n_keys = config->bundle_public_keys.n;
    POL_TRY(pol_world_keys(config, s->raw_keys, err));
    for (unsigned i = 0; i < s->n_keys; i++)
        s->keys[i] = pol_bytes_of(s->raw_keys[i], sizeof s->raw_keys[i]);
    POL_TRY(read_token(s, config->bundle_token, config->bundle_etcd_key != NULL, err));
    POL_TRY(name_etcd(s, config, err));
    return s->url && s->path ? pol_fetcher_new(&s->fetcher, err) : pol_fail(err, POL_E_MEMORY, "out of memory");
}

/* Until there is a bundle. */
POL_MUST_USE static bool wait_for_first(pol_source *s, uint64_t wait_ms, pol_error *err)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(wait_ms / 1000);
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&s->lock);
    int late = 0;
    while (s->state.taken_ns == 0 && late == 0)
        late = pthread_cond_timedwait(&s->changed, &s->lock, &until);
    bool ok = s->state.taken_ns != 0 || pol_fail(err, POL_E_IO, "bundle.url: no bundle came within bundle.first_wait, and %s is not there: %s", s->path,
                                                  s->state.error[0] ? s->state.error : "no answer yet");
    pthread_mutex_unlock(&s->lock);
    return ok;
}

bool pol_source_start(const pol_config *config, pol_source **out, pol_error *err)
{
    pthread_condattr_t monotonic;
    *out = NULL;
    if (!config->bundle_url)
        return true;
    pol_source *s = calloc(1, sizeof *s);
    if (!s)
        return pol_fail(err, POL_E_MEMORY, "out of memory");
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    *out = s;
    POL_TRY(fill(s, config, err));
    ask(s);
    return access(s->path, F_OK) == 0 || wait_for_first(s, config->bundle_first_wait_ms, err);
}

void pol_source_free(pol_source *source)
{
    if (!source)
        return;
    pol_fetcher_free(source->fetcher);
    pthread_cond_destroy(&source->changed);
    pthread_mutex_destroy(&source->lock);
    if (source->authorization.at)
        OPENSSL_cleanse(source->authorization.at, source->authorization.n);
    pol_buf_deinit(&source->authorization);
    pol_buf_deinit(&source->line);
    free((void *)(uintptr_t)(source->etcd_key.n ? source->etcd_key.at : NULL));
    char *texts[] = {source->url, source->path, source->ca_file, source->cert_file, source->key_file, source->range_url, source->watch_url};
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    free(source);
}
