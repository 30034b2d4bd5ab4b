/* SPDX-License-Identifier: Apache-2.0
 * Each source is a chain of timers and requests on the fetcher's thread; a decision that misses a key may begin a request between them. What an answer held is published
 * as a whole set, of which the source and every view that saw it have a share. All else is under one lock, which a decision takes when keys have changed or are missing.
 */
#include "runtime/identity/key_source.h"

#include "runtime/fetch/fetch.h"
#include "runtime/identity/view.h"
#include "runtime/json.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <time.h>

enum {
    BACKOFF_MS = 500,
    LEAST_MS = 10000,          /* Cache-Control asks for no more than one request in so long, unless the configuration does */
    DISCOVER_MS = 3600 * 1000, /* how long metadata counts */
    BODY_MAX = 512 << 10,
    URL_MAX_BYTES = 2048,
    N_WELL_KNOWN = 2,
};

struct pol_key_source {
    LIST_ENTRY(pol_key_source) link;
    pol_key_sources *of;
    unsigned number;
    char *issuer, *url, *ca_file;
    uint32_t timeout_ms;
    uint64_t refresh_ms, early_ms, max_stale_ms;
    pol_key_set *_Atomic current; /* written under the lock */
    /* under the lock */
    unsigned shares;
    bool in_flight, armed;
    int64_t good_ms, early_at_ms; /* when keys were last fetched, and asked for because one was missing; monotonic, 0: never */
    unsigned failures;            /* since then */
    uint64_t fetched, failed;
    uint64_t waiters[POL_WAITERS_MAX / 64];
    /* of the request under way */
    char found_url[URL_MAX_BYTES + 1]; /* by discovery; "": not found */
    int64_t found_ms;
    unsigned well_known;          /* which place of the metadata is tried */
    char etag[128];
    uint8_t digest[32];           /* of the text that current was read from */
};

struct pol_key_sources {
    pthread_mutex_t lock;
    LIST_HEAD(, pol_key_source) list;
    struct pol_fetcher *fetcher; /* NULL: not started, or stopped */
    void (*wake)(void *context, unsigned waiter);
    void *wake_context;
    pol_key_source_tell *tell;
    void *tell_context;
    uint64_t versions;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + 1;
}

/* ---- sets ---- */

void pol_key_set_release(pol_key_set *set)
{
    if (!set || atomic_fetch_sub(&set->shares, 1) != 1)
        return;
    pol_jwks_free(set->jwks);
    OPENSSL_free(set);
}

static pol_key_set *share_set(pol_key_set *set)
{
    if (set)
        atomic_fetch_add(&set->shares, 1);
    return set;
}

pol_key_set *pol_key_source_keys(pol_key_source *source, pol_view *view)
{
    pol_key_set **held = view ? &view->keys[source->number] : NULL;
    /* what is held is not freed, so that its address is no other set's */
    if (held && *held == atomic_load_explicit(&source->current, memory_order_acquire))
        return *held;
    pthread_mutex_lock(&source->of->lock);
    pol_key_set *set = share_set(atomic_load(&source->current));
    pthread_mutex_unlock(&source->of->lock);
    if (held) {
        pol_key_set_release(*held);
        *held = set;
    }
    return set;
}

/* ---- what issuers answer ---- */

static const pol_json_options strict = {.max_depth = 32, .unique_members = true, .no_nul = true, .borrow = true};

const char *pol_key_metadata_read(pol_arena *arena, const char *issuer, pol_bytes text, const char **jwks_url)
{
    pol_value document;
    pol_error err;
    if (!pol_json_read(arena, text, &strict, &document, &err) || document.tag != POL_OBJECT)
        return "the metadata is not one strict JSON object";
    pol_value its = pol_object_member(document, "issuer"), url = pol_object_member(document, "jwks_uri");
    /* RFC 8414, 3.3: else one issuer could speak for another */
    if (its.tag != POL_STRING || !pol_bytes_is(pol_text(its), issuer))
        return "the metadata is of another issuer";
    if (url.tag != POL_STRING || url.n == 0 || url.n > URL_MAX_BYTES)
        return "the metadata names no jwks_uri";
    *jwks_url = (const char *)pol_arena_copy(arena, url.text, url.n);
    return pol_fetch_url_check(*jwks_url, false, &err) ? NULL : "the metadata's jwks_uri is not an https URL";
}

/* What anyone may fetch is no secret, so that symmetric keys do not count. */
static void drop_secrets(pol_jwks *jwks)
{
    unsigned n = 0;
    for (unsigned i = 0; i < jwks->n; i++) {
        if (jwks->keys[i].type == POL_KEY_OCT)
            pol_key_deinit(&jwks->keys[i]);
        else
            jwks->keys[n++] = jwks->keys[i];
    }
    jwks->n = n;
}

const char *pol_key_set_read(pol_bytes text, pol_jwks **out)
{
    pol_arena arena;
    pol_value set;
    pol_error err;
    pol_arena_init(&arena, 0);
    const char *why = NULL;
    if (!pol_json_read(&arena, text, &strict, &set, &err))
        why = "the JWKS is not strict JSON";
    else if (!pol_jwks_read(set, POL_JWK_STRICT, out, &err))
        why = "the JWKS has no array of keys, too many of them, or two of one kid";
    pol_arena_deinit(&arena);
    if (!why)
        drop_secrets(*out);
    return why;
}

/* ---- requests; the lock is held where not said otherwise ---- */

static void on_timer(void *context);

static void free_source(pol_key_source *source)
{
    LIST_REMOVE(source, link);
    pol_key_set_release(atomic_load(&source->current));
    OPENSSL_free(source->issuer);
    OPENSSL_free(source->url);
    OPENSSL_free(source->ca_file);
    OPENSSL_free(source);
}

static void free_if_over(pol_key_source *source)
{
    if (source->shares == 0 && !source->in_flight && !source->armed)
        free_source(source);
}

/* Without the lock. */
static void on_timer_cancelled(void *context)
{
    pol_key_source *source = context;
    pthread_mutex_t *lock = &source->of->lock;
    pthread_mutex_lock(lock);
    source->armed = false;
    free_if_over(source);
    pthread_mutex_unlock(lock);
}

static void arm(pol_key_source *source, uint64_t ms)
{
    if (source->armed || source->shares == 0 || !source->of->fetcher)
        return;
    source->armed = pol_fetch_later(source->of->fetcher, pol_fetch_jitter(ms), on_timer, on_timer_cancelled, source);
}

/* How long until keys are to be asked for again. ttl_ms: as the answer said; UINT64_MAX: it did not. */
static uint64_t delay_of(const pol_key_source *source, uint64_t ttl_ms, int64_t now)
{
    uint64_t least = source->refresh_ms < LEAST_MS ? source->refresh_ms : LEAST_MS, delay = source->refresh_ms;
    if (source->failures) {
        delay = source->failures > 16 ? delay : (uint64_t)BACKOFF_MS << source->failures;
        delay = delay < source->refresh_ms ? delay : source->refresh_ms;
        uint64_t left = source->good_ms + (int64_t)source->max_stale_ms > now ? (uint64_t)(source->good_ms + (int64_t)source->max_stale_ms - now) : delay;
        return delay < left ? delay : left;
    }
    delay = ttl_ms < delay ? ttl_ms : delay;
    return delay > least ? delay : least;
}

static void tell(const pol_key_source *source, const char *text, bool failed)
{
    if (source->of->tell)
        source->of->tell(source->of->tell_context, source->issuer, text, failed);
}

/* Takes over set. */
static void publish(pol_key_source *source, pol_key_set *set)
{
    pol_key_set *old = atomic_load(&source->current);
    atomic_store_explicit(&source->current, set, memory_order_release);
    pol_key_set_release(old);
}

/* Keys that could not be refreshed for too long count no more: a key that was withdrawn meanwhile might be among them. */
static void expire(pol_key_source *source, int64_t now)
{
    if (!atomic_load(&source->current) || now < source->good_ms + (int64_t)source->max_stale_ms)
        return;
    publish(source, NULL);
    source->etag[0] = 0;
    tell(source, "its keys could not be refreshed for so long that they no longer count", true);
}

static void wake_waiters(pol_key_source *source)
{
    pol_key_sources *all = source->of;
    for (unsigned i = 0; i < POL_WAITERS_MAX; i++) {
        if (all->wake && (source->waiters[i / 64] >> i % 64 & 1))
            all->wake(all->wake_context, i);
    }
    memset(source->waiters, 0, sizeof source->waiters);
}

/* why NULL: keys were fetched. */
static void end_flight(pol_key_source *source, const char *why, uint64_t ttl_ms)
{
    int64_t now = now_ms();
    source->in_flight = false;
    if (why) {
        source->failures++;
        source->failed++;
        source->found_ms = 0;
        tell(source, why, true);
        expire(source, now);
    } else {
        source->failures = 0;
        source->fetched++;
        source->good_ms = now;
    }
    wake_waiters(source);
    arm(source, delay_of(source, ttl_ms, now));
    free_if_over(source);
}

static bool fetch(pol_key_source *source, const char *url, pol_fetch_done *done, bool conditional)
{
    char condition[sizeof source->etag + 16];
    const char *headers[2] = {"Accept: application/json, application/jwk-set+json", condition};
    bool has_etag = conditional && source->etag[0] && atomic_load(&source->current);
    snprintf(condition, sizeof condition, "If-None-Match: %s", source->etag);
    pol_fetch_request request = {.url = url, .headers = headers, .n_headers = has_etag ? 2 : 1, .ca_file = source->ca_file, .timeout_ms = source->timeout_ms, .max_bytes = BODY_MAX};
    pol_error err;
    return source->of->fetcher && pol_fetch(source->of->fetcher, &request, done, source, &err);
}

/* Published only where something has changed, so that what was verified before stays so. */
static void take_set(pol_key_source *source, pol_jwks *jwks, pol_bytes text)
{
    uint8_t digest[32];
    SHA256(text.at, text.n, digest);
    pol_key_set *set = NULL;
    if (!atomic_load(&source->current) || memcmp(digest, source->digest, sizeof digest) != 0)
        set = OPENSSL_zalloc(sizeof *set);
    if (!set) {
        pol_jwks_free(jwks);
        return;
    }
    memcpy(source->digest, digest, sizeof digest);
    *set = (pol_key_set){.version = ++source->of->versions, .jwks = jwks};
    atomic_init(&set->shares, 1);
    publish(source, set);
    char said[64];
    snprintf(said, sizeof said, "%u keys taken up", jwks->n);
    tell(source, said, jwks->n == 0);
}

/* Without the lock. */
static void on_keys(void *context, const pol_fetch_answer *answer)
{
    pol_key_source *source = context;
    char text[80];
    pol_jwks *jwks = NULL;
    bool unchanged = answer->ok && answer->status == 304;
    const char *why = NULL;
    if (!answer->ok) {
        why = answer->error;
    } else if (answer->status == 200) {
        why = pol_key_set_read(answer->body, &jwks);
    } else if (!unchanged) {
        snprintf(text, sizeof text, "its JWKS was answered with status %d", answer->status);
        why = text;
    }
    pthread_mutex_t *lock = &source->of->lock;
    pthread_mutex_lock(lock);
    if (unchanged && !atomic_load(&source->current))
        why = "its JWKS was answered with status 304, which nobody asked for";
    if (jwks) {
        take_set(source, jwks, answer->body);
        snprintf(source->etag, sizeof source->etag, "%s", answer->etag);
    }
    end_flight(source, why, answer->has_max_age ? (uint64_t)answer->max_age_s * 1000 : UINT64_MAX);
    pthread_mutex_unlock(lock);
}

static void fetch_keys(pol_key_source *source)
{
    if (!fetch(source, source->url ? source->url : source->found_url, on_keys, true))
        end_flight(source, "its JWKS could not be asked for", UINT64_MAX);
}

static void on_metadata(void *context, const pol_fetch_answer *answer);

/* Where metadata is: RFC 8414, 3.1 puts the name before the issuer's path, OpenID Connect Discovery, 4 behind it. */
static void fetch_metadata(pol_key_source *source)
{
    POL_CLEAN(pol_buf_deinit) pol_buf url = {0};
    const char *host = strstr(source->issuer, "://"), *path = host ? strchr(host + 3, '/') : NULL;
    size_t n = strlen(source->issuer), n_host = path ? (size_t)(path - source->issuer) : n;
    while (n > n_host && source->issuer[n - 1] == '/')
        n--;
    if (source->well_known == 0)
        pol_buf_printf(&url, "%.*s/.well-known/oauth-authorization-server%.*s", (int)n_host, source->issuer, (int)(n - n_host), source->issuer + n_host);
    else
        pol_buf_printf(&url, "%.*s/.well-known/openid-configuration", (int)n, source->issuer);
    pol_buf_byte(&url, 0);
    if (!fetch(source, (const char *)url.at, on_metadata, false))
        end_flight(source, "its metadata could not be asked for", UINT64_MAX);
}

/* Without the lock. */
static void on_metadata(void *context, const pol_fetch_answer *answer)
{
    pol_key_source *source = context;
    char text[80];
    const char *url, *why;
    pol_arena arena;
    pol_arena_init(&arena, 0);
    if (!answer->ok) {
        why = answer->error;
    } else if (answer->status != 200) {
        snprintf(text, sizeof text, "its metadata was answered with status %d", answer->status);
        why = text;
    } else {
        why = pol_key_metadata_read(&arena, source->issuer, answer->body, &url);
    }
    pthread_mutex_t *lock = &source->of->lock;
    pthread_mutex_lock(lock);
    if (!why) {
        if (strcmp(source->found_url, url) != 0)
            source->etag[0] = 0;
        snprintf(source->found_url, sizeof source->found_url, "%s", url);
        source->found_ms = now_ms();
        fetch_keys(source);
    } else if (++source->well_known < N_WELL_KNOWN) {
        fetch_metadata(source);
    } else {
        end_flight(source, why, UINT64_MAX);
    }
    pthread_mutex_unlock(lock);
    pol_arena_deinit(&arena);
}

static void begin_flight(pol_key_source *source)
{
    source->in_flight = true;
    source->well_known = 0;
    if (source->url || (source->found_ms && now_ms() - source->found_ms < DISCOVER_MS))
        fetch_keys(source);
    else
        fetch_metadata(source);
}

/* Without the lock. */
static void on_timer(void *context)
{
    pol_key_source *source = context;
    pthread_mutex_t *lock = &source->of->lock;
    pthread_mutex_lock(lock);
    source->armed = false;
    expire(source, now_ms());
    if (source->shares == 0)
        free_if_over(source);
    else if (!source->in_flight)
        begin_flight(source);
    pthread_mutex_unlock(lock);
}

/* ---- asking ---- */

void pol_key_source_need(pol_key_source *source, pol_view *view)
{
    pol_key_sources *all = source->of;
    int64_t now = now_ms();
    pthread_mutex_lock(&all->lock);
    if (!source->in_flight && all->fetcher && (!source->early_at_ms || now - source->early_at_ms >= (int64_t)source->early_ms)) {
        source->early_at_ms = now;
        begin_flight(source);
    }
    if (source->in_flight && view && !view->give_up) {
        source->waiters[view->waiter / 64] |= UINT64_C(1) << view->waiter % 64;
        view->pending = true;
        view->awaited = (pol_awaited){.keys = source->number + 1};
    }
    pthread_mutex_unlock(&all->lock);
}

bool pol_key_source_is_pending(pol_key_sources *all, unsigned number)
{
    bool pending = false;
    pol_key_source *source;
    pthread_mutex_lock(&all->lock);
    LIST_FOREACH(source, &all->list, link)
        pending = pending || (source->number == number && source->in_flight);
    pthread_mutex_unlock(&all->lock);
    return pending;
}

bool pol_view_is_pending(const pol_view *view, const pol_awaited *awaited)
{
    if (awaited->keys)
        return pol_key_source_is_pending(view->sources, awaited->keys - 1);
    return pol_introspection_is_pending(view->introspection, awaited->key);
}

void pol_view_deinit(pol_view *view)
{
    for (unsigned i = 0; i < POL_KEY_SOURCES_MAX; i++) {
        pol_key_set_release(view->keys[i]);
        view->keys[i] = NULL;
    }
    pol_opaque_cache_free(view->opaque);
    view->opaque = NULL;
}

void pol_key_sources_visit(pol_key_sources *all, void (*visit)(void *context, const pol_key_source_state *state), void *context)
{
    pol_key_source *source;
    int64_t now = now_ms();
    pthread_mutex_lock(&all->lock);
    LIST_FOREACH(source, &all->list, link) {
        const pol_key_set *set = atomic_load(&source->current);
        pol_key_source_state state = {.issuer = source->issuer, .fetched = source->fetched, .failed = source->failed, .known = set != NULL,
                                      .n_keys = set ? set->jwks->n : 0, .age_ms = source->good_ms ? now - source->good_ms : 0};
        if (source->shares)
            visit(context, &state);
    }
    pthread_mutex_unlock(&all->lock);
}

/* ---- making ---- */

bool pol_key_sources_new(pol_key_source_tell *tell_of, void *context, pol_key_sources **out, pol_error *err)
{
    pol_key_sources *all = OPENSSL_zalloc(sizeof *all);
    if (!all)
        return pol_fail(err, POL_E_MEMORY, "out of memory");
    pthread_mutex_init(&all->lock, NULL);
    LIST_INIT(&all->list);
    all->tell = tell_of;
    all->tell_context = context;
    *out = all;
    return true;
}

void pol_key_sources_start(pol_key_sources *all, struct pol_fetcher *fetcher, void (*wake)(void *context, unsigned waiter), void *context)
{
    pol_key_source *source, *next;
    pthread_mutex_lock(&all->lock);
    all->fetcher = fetcher;
    all->wake = wake;
    all->wake_context = context;
    for (source = LIST_FIRST(&all->list); source; source = next) {
        next = LIST_NEXT(source, link);
        begin_flight(source);
    }
    pthread_mutex_unlock(&all->lock);
}

void pol_key_sources_stop(pol_key_sources *all)
{
    pthread_mutex_lock(&all->lock);
    all->wake = NULL;
    all->fetcher = NULL;
    pthread_mutex_unlock(&all->lock);
}

void pol_key_sources_free(pol_key_sources *all)
{
    if (!all)
        return;
    for (pol_key_source *source; (source = LIST_FIRST(&all->list));)
        free_source(source);
    pthread_mutex_destroy(&all->lock);
    OPENSSL_free(all);
}

static bool texts_equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* One with the same settings; else *number is free, or POL_KEY_SOURCES_MAX. */
static pol_key_source *find_source(pol_key_sources *all, const pol_key_source_config *c, unsigned *number)
{
    bool taken[POL_KEY_SOURCES_MAX] = {0};
    pol_key_source *source;
    LIST_FOREACH(source, &all->list, link) {
        taken[source->number] = true;
        if (texts_equal(source->issuer, c->issuer) && texts_equal(source->url, c->url) && texts_equal(source->ca_file, c->ca_file) && source->timeout_ms == c->timeout_ms &&
            source->refresh_ms == c->refresh_ms && source->early_ms == c->early_ms && source->max_stale_ms == c->max_stale_ms)
            return source;
    }
    for (*number = 0; *number < POL_KEY_SOURCES_MAX && taken[*number];)
        ++*number;
    return NULL;
}

static pol_key_source *new_source(pol_key_sources *all, const pol_key_source_config *c, unsigned number)
{
    pol_key_source *source = OPENSSL_zalloc(sizeof *source);
    if (!source)
        return NULL;
    source->of = all;
    source->number = number;
    source->issuer = OPENSSL_strdup(c->issuer);
    source->url = c->url ? OPENSSL_strdup(c->url) : NULL;
    source->ca_file = c->ca_file ? OPENSSL_strdup(c->ca_file) : NULL;
    source->timeout_ms = c->timeout_ms;
    source->refresh_ms = c->refresh_ms;
    source->early_ms = c->early_ms;
    source->max_stale_ms = c->max_stale_ms;
    LIST_INSERT_HEAD(&all->list, source, link);
    if (source->issuer && !source->url == !c->url && !source->ca_file == !c->ca_file)
        return source;
    free_source(source);
    return NULL;
}

POL_MUST_USE static bool check_urls(const pol_key_source_config *c, pol_error *err)
{
    if (c->url)
        return pol_fetch_url_check(c->url, false, err);
    /* RFC 8414, 2 */
    if (strpbrk(c->issuer, "?#") || strlen(c->issuer) > URL_MAX_BYTES)
        return pol_fail(err, POL_E_CONFIG, "an issuer whose keys are discovered is a URL without query and fragment");
    return pol_fetch_url_check(c->issuer, false, err);
}

bool pol_key_source_open(pol_key_sources *all, const pol_key_source_config *config, pol_key_source **out, pol_error *err)
{
    unsigned number = 0;
    POL_TRY(check_urls(config, err));
    pthread_mutex_lock(&all->lock);
    pol_key_source *source = find_source(all, config, &number);
    bool is_new = !source, room = number < POL_KEY_SOURCES_MAX;
    if (is_new && room)
        source = new_source(all, config, number);
    if (source) {
        source->shares++;
        if (!source->in_flight && !source->armed && all->fetcher)
            begin_flight(source);
    }
    pthread_mutex_unlock(&all->lock);
    *out = source;
    return source || pol_fail(err, room ? POL_E_MEMORY : POL_E_LIMIT, room ? "out of memory" : "more than %d sources of keys", POL_KEY_SOURCES_MAX);
}

void pol_key_source_close(pol_key_source *source)
{
    if (!source)
        return;
    pthread_mutex_t *lock = &source->of->lock;
    pthread_mutex_lock(lock);
    source->shares--;
    free_if_over(source);
    pthread_mutex_unlock(lock);
}
