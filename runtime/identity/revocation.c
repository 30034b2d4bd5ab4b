/* SPDX-License-Identifier: Apache-2.0
 * A table of fixed size that decisions read without a lock, and for each certificate in it a watch: a chain of timers and requests on the fetcher's thread. A slot
 * is written under the lock and guarded by a sequence number for its readers: what is being written is not there. A revoked certificate stays revoked until
 * a newer response says otherwise; everything else stops counting at its nextUpdate.
 */
#include "runtime/identity/revocation.h"

#include "runtime/fetch/fetch.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <time.h>

enum {
    N_BUCKETS = 1 << 10,
    BUCKET_SLOTS = 8,
    KEY_WORDS = POL_CERT_KEY / 8,
    IN_FLIGHT_MAX = 16, /* of the fetcher's connections, which are others' too */
    INTERVAL_MS = 3600000,
    DELAY_MIN_MS = 250,
    BACKOFF_MS = 500,
    FORGET_S = 7 * 86400, /* a certificate that was not seen for so long is not asked for any more */
    EVICT_S = 3600,       /* and after so long another may take its place */
    TELL_S = 10,
    RESPONSE_MAX = 1 << 16,
};

/* until, shifted, with the status below it */
enum { STATUS_BITS = 2, STATUS_MASK = 3 };

struct watch;

typedef struct {
    atomic_uint sequence; /* odd: being written */
    _Atomic uint64_t key[KEY_WORDS];
    _Atomic uint64_t verdict;
    _Atomic int64_t seen_s;
    struct watch *watch; /* NULL: free. under the lock */
} slot;

typedef struct watch {
    STAILQ_ENTRY(watch) next; /* of those that wait for their turn */
    pol_revocation *of;
    slot *slot; /* NULL: the listener's own, or dropped. under the lock */
    bool dropped; /* under the lock */
    X509 *cert, *issuer;
    char *url;
    uint8_t key[POL_CERT_KEY], nonce[POL_OCSP_NONCE];
    unsigned failures; /* since the last success */
    bool nonce_sent, nonce_required;
    pol_ocsp_answer last;
    pol_buf response; /* of the listener's own. under the lock */
} watch;

struct pol_revocation {
    pthread_mutex_t lock;
    struct pol_fetcher *fetcher;
    pol_revocation_tell *tell;
    void *context;
    pol_revocation_settings settings; /* under the lock; its texts are our own */
    watch *own;                       /* under the lock */
    /* the fetcher's thread's */
    unsigned in_flight;
    STAILQ_HEAD(, watch) waiting;
    int64_t told_s;
    /* anybody's */
    _Atomic uint64_t good, revoked, unknown, failed;
    atomic_uint watched;
    slot slots[N_BUCKETS][BUCKET_SLOTS];
};

bool pol_cert_key(X509 *cert, X509 *issuer, uint8_t key[POL_CERT_KEY])
{
    uint8_t digest[EVP_MAX_MD_SIZE], both[EVP_MAX_MD_SIZE + 64];
    unsigned n = 0;
    const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
    int n_serial = ASN1_STRING_length(serial);
    if (n_serial < 1 || n_serial > 62 || X509_digest(issuer, EVP_sha256(), digest, &n) != 1)
        return false;
    memcpy(both, digest, n);
    both[n++] = (uint8_t)ASN1_STRING_type(serial); /* a negative number's bytes are those of the positive one */
    both[n++] = ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER;
    memcpy(both + n, ASN1_STRING_get0_data(serial), (size_t)n_serial);
    SHA256(both, n + (size_t)n_serial, key);
    return true;
}

/* ---- the table ---- */

static slot *bucket_of(pol_revocation *r, const uint8_t key[POL_CERT_KEY])
{
    return r->slots[(key[0] | key[1] << 8) % N_BUCKETS];
}

static void read_words(const uint8_t key[POL_CERT_KEY], uint64_t words[KEY_WORDS])
{
    memcpy(words, key, POL_CERT_KEY);
}

/* Under the lock. key NULL: it becomes free. */
static void write_slot(slot *s, const uint8_t *key, uint64_t verdict, int64_t seen_s)
{
    uint64_t words[KEY_WORDS] = {0};
    if (key)
        read_words(key, words);
    unsigned sequence = atomic_load_explicit(&s->sequence, memory_order_relaxed);
    atomic_store_explicit(&s->sequence, sequence + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    for (unsigned i = 0; i < KEY_WORDS; i++)
        atomic_store_explicit(&s->key[i], words[i], memory_order_relaxed);
    atomic_store_explicit(&s->verdict, verdict, memory_order_relaxed);
    atomic_store_explicit(&s->seen_s, seen_s, memory_order_relaxed);
    atomic_store_explicit(&s->sequence, sequence + 2, memory_order_release);
}

static bool read_slot(slot *s, const uint64_t words[KEY_WORDS], uint64_t *verdict)
{
    unsigned before = atomic_load_explicit(&s->sequence, memory_order_acquire);
    uint64_t differs = 0;
    for (unsigned i = 0; i < KEY_WORDS; i++)
        differs |= atomic_load_explicit(&s->key[i], memory_order_relaxed) ^ words[i];
    *verdict = atomic_load_explicit(&s->verdict, memory_order_relaxed);
    atomic_thread_fence(memory_order_acquire);
    return !differs && !(before & 1) && atomic_load_explicit(&s->sequence, memory_order_relaxed) == before;
}

pol_watched pol_revocation_find(pol_revocation *r, const uint8_t key[POL_CERT_KEY], int64_t now_s)
{
    uint64_t words[KEY_WORDS], verdict;
    slot *bucket = bucket_of(r, key);
    read_words(key, words);
    for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
        if (!read_slot(&bucket[i], words, &verdict))
            continue;
        if (atomic_load_explicit(&bucket[i].seen_s, memory_order_relaxed) != now_s)
            atomic_store_explicit(&bucket[i].seen_s, now_s, memory_order_relaxed);
        pol_ocsp_status status = (pol_ocsp_status)(verdict & STATUS_MASK);
        if (status == POL_OCSP_REVOKED)
            return POL_WATCHED_REVOKED;
        return status == POL_OCSP_GOOD && now_s < (int64_t)(verdict >> STATUS_BITS) ? POL_WATCHED_GOOD : POL_WATCHED_UNKNOWN;
    }
    return POL_WATCHED_NOT;
}

/* Under the lock: one that is free, else one whose certificate was not seen for long. */
static slot *take_slot(pol_revocation *r, const uint8_t key[POL_CERT_KEY], int64_t now_s, bool *known)
{
    slot *bucket = bucket_of(r, key), *free_one = NULL, *oldest = NULL;
    *known = false;
    for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
        slot *s = &bucket[i];
        if (!s->watch)
            free_one = s;
        else if (memcmp(s->watch->key, key, POL_CERT_KEY) == 0)
            *known = true;
        else if (!oldest || atomic_load(&s->seen_s) < atomic_load(&oldest->seen_s))
            oldest = s;
    }
    if (*known)
        return NULL;
    if (free_one)
        return free_one;
    return oldest && atomic_load(&oldest->seen_s) + EVICT_S < now_s ? oldest : NULL;
}

/* ---- watches ---- */

static void free_watch(watch *w)
{
    X509_free(w->cert);
    X509_free(w->issuer);
    OPENSSL_free(w->url);
    pol_buf_deinit(&w->response);
    free(w);
}

/* Under the lock. The watch ends at its next step. */
static void drop(watch *w)
{
    w->dropped = true;
    if (w->slot) {
        w->slot->watch = NULL;
        write_slot(w->slot, NULL, 0, 0);
        w->slot = NULL;
        atomic_fetch_sub(&w->of->watched, 1);
    }
    if (w->of->own == w)
        w->of->own = NULL;
}

/* On the fetcher's thread, or when it has ended. */
static void end_watch(void *context)
{
    watch *w = context;
    pthread_mutex_lock(&w->of->lock);
    drop(w);
    pthread_mutex_unlock(&w->of->lock);
    free_watch(w);
}

static watch *new_watch(pol_revocation *r, X509 *cert, X509 *issuer, const uint8_t key[POL_CERT_KEY], char *url)
{
    watch *w = url ? calloc(1, sizeof *w) : NULL;
    if (!w) {
        OPENSSL_free(url);
        return NULL;
    }
    *w = (watch){.of = r, .cert = cert, .issuer = issuer, .url = url};
    X509_up_ref(cert);
    X509_up_ref(issuer);
    memcpy(w->key, key, POL_CERT_KEY);
    return w;
}

static void refresh(void *context);

static void step_later(watch *w, uint32_t ms)
{
    if (!pol_fetch_later(w->of->fetcher, ms, refresh, end_watch, w))
        end_watch(w);
}

static uint32_t interval_of(const pol_revocation *r)
{
    return r->settings.interval_ms ? r->settings.interval_ms : INTERVAL_MS;
}

/* Ahead of nextUpdate, with time for more than one attempt; after failures ever longer, up to the interval. Under the lock. */
static uint32_t delay_of(const watch *w, int64_t now_s)
{
    uint64_t interval = interval_of(w->of), delay = interval;
    if (w->failures) {
        delay = w->failures > 16 ? interval : (uint64_t)BACKOFF_MS << w->failures;
    } else if (w->last.next_update_s) {
        uint64_t left = (uint64_t)(w->last.next_update_s - now_s) * 1000;
        delay = left / 2;
    }
    delay = delay < interval ? delay : interval;
    return pol_fetch_jitter(delay > DELAY_MIN_MS ? delay : DELAY_MIN_MS);
}

static int64_t clock_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec;
}

/* Under the lock. A response without nextUpdate counts for two intervals. */
static void publish(watch *w, const pol_ocsp_answer *got, pol_bytes response, int64_t now_s)
{
    w->last = *got;
    int64_t until = w->last.next_update_s ? w->last.next_update_s : now_s + 1 + 2 * (int64_t)interval_of(w->of) / 1000;
    if (w->slot)
        write_slot(w->slot, w->key, (uint64_t)until << STATUS_BITS | (uint64_t)w->last.status, atomic_load(&w->slot->seen_s));
    else if (!w->dropped) {
        w->last.next_update_s = until;
        pol_buf_clear(&w->response);
        pol_buf_bytes(&w->response, response);
    }
}

static const char *judge(const watch *w, const pol_fetch_answer *answer, int64_t now_s, pol_ocsp_answer *got, char text[100])
{
    pol_ocsp_nonce nonce = {.sent = pol_bytes_of(w->nonce_sent ? w->nonce : NULL, sizeof w->nonce), .required = w->nonce_required};
    if (!answer->ok)
        return answer->error;
    if (answer->status != 200) {
        snprintf(text, 100, "the responder answered with status %d", answer->status);
        return text;
    }
    const char *why = pol_ocsp_judge(answer->body, w->cert, w->issuer, &nonce, now_s, got);
    if (why)
        return why;
    if (got->this_update_s < w->last.this_update_s)
        return "the response is older than one seen before";
    if (got->status == POL_OCSP_UNKNOWN && w->last.status == POL_OCSP_REVOKED)
        return "the responder no longer knows the certificate, which is revoked";
    return NULL;
}

static void count(pol_revocation *r, const char *why, pol_ocsp_status status)
{
    atomic_fetch_add(why ? &r->failed : status == POL_OCSP_GOOD ? &r->good : status == POL_OCSP_REVOKED ? &r->revoked : &r->unknown, 1);
}

static void tell(watch *w, const char *text, int64_t now_s)
{
    pol_revocation *r = w->of;
    if (!r->tell || now_s < r->told_s + TELL_S)
        return;
    r->told_s = now_s;
    r->tell(r->context, w->url, text);
}

static void on_answer(void *context, const pol_fetch_answer *answer)
{
    watch *w = context;
    pol_revocation *r = w->of;
    char text[100];
    int64_t now_s = clock_s();
    r->in_flight--;
    pol_ocsp_answer got = {0};
    const char *why = judge(w, answer, now_s, &got, text);
    count(r, why, got.status);
    w->failures = why ? w->failures + 1 : 0;
    if (why)
        tell(w, why, now_s);
    pthread_mutex_lock(&r->lock);
    if (!why)
        publish(w, &got, answer->body, now_s);
    uint32_t delay = delay_of(w, now_s);
    bool is_own = r->own == w;
    pthread_mutex_unlock(&r->lock);
    if (!why && is_own && got.status == POL_OCSP_REVOKED)
        tell(w, "the TLS listener's own certificate is revoked", now_s);
    step_later(w, delay);
    while (r->in_flight < IN_FLIGHT_MAX && (w = STAILQ_FIRST(&r->waiting)) != NULL) {
        STAILQ_REMOVE_HEAD(&r->waiting, next);
        refresh(w);
    }
}

/* Under the lock: is there still a use for it? */
static bool is_wanted(const watch *w, int64_t now_s)
{
    return !w->dropped && (!w->slot || atomic_load(&w->slot->seen_s) + FORGET_S > now_s);
}

/* Under the lock: its texts are copied by pol_fetch. */
static bool send_request(watch *w, pol_error *err)
{
    static const char *const headers[] = {"Content-Type: application/ocsp-request", "Accept: application/ocsp-response"};
    pol_revocation *r = w->of;
    POL_CLEAN(pol_buf_deinit) pol_buf der = {0};
    w->nonce_sent = r->settings.nonce != POL_NONCE_NONE && RAND_bytes(w->nonce, sizeof w->nonce) == 1;
    w->nonce_required = r->settings.nonce == POL_NONCE_REQUIRED;
    if (!pol_ocsp_request(w->cert, w->issuer, pol_bytes_of(w->nonce, w->nonce_sent ? sizeof w->nonce : 0), &der))
        return pol_fail(err, POL_E_CRYPTO, "the request could not be made");
    pol_fetch_request request = {.url = w->slot && r->settings.url ? r->settings.url : w->url, .headers = headers, .n_headers = 2, .body = pol_buf_view(&der),
                                 .ca_file = r->settings.ca_file, .timeout_ms = r->settings.timeout_ms, .max_bytes = RESPONSE_MAX, .plain_http = true};
    return pol_fetch(r->fetcher, &request, on_answer, w, err);
}

static void refresh(void *context)
{
    watch *w = context;
    pol_revocation *r = w->of;
    pol_error err = {0};
    int64_t now_s = clock_s();
    if (r->in_flight >= IN_FLIGHT_MAX) {
        STAILQ_INSERT_TAIL(&r->waiting, w, next);
        return;
    }
    pthread_mutex_lock(&r->lock);
    bool wanted = is_wanted(w, now_s), sent = wanted && send_request(w, &err);
    w->failures += wanted && !sent;
    uint32_t delay = delay_of(w, now_s);
    pthread_mutex_unlock(&r->lock);
    if (sent) {
        r->in_flight++;
    } else if (wanted) {
        count(r, err.text, POL_OCSP_UNKNOWN);
        tell(w, err.text, now_s);
        step_later(w, delay);
    } else {
        end_watch(w);
    }
}

bool pol_revocation_watch(pol_revocation *r, X509 *cert, X509 *issuer, const uint8_t key[POL_CERT_KEY], int64_t now_s)
{
    bool known = false;
    char *url = pol_ocsp_url(cert);
    if (!r->fetcher || pthread_mutex_trylock(&r->lock) != 0) {
        OPENSSL_free(url);
        return url != NULL;
    }
    if (r->settings.url) {
        OPENSSL_free(url);
        url = OPENSSL_strdup(r->settings.url);
    }
    bool named = url != NULL;
    slot *s = named ? take_slot(r, key, now_s, &known) : NULL;
    watch *w = s ? new_watch(r, cert, issuer, key, url) : NULL;
    if (!s)
        OPENSSL_free(url);
    if (w) {
        if (s->watch)
            drop(s->watch);
        w->slot = s;
        s->watch = w;
        write_slot(s, key, 0, now_s);
        atomic_fetch_add(&r->watched, 1);
    }
    pthread_mutex_unlock(&r->lock);
    if (w)
        step_later(w, 0);
    return named;
}

/* ---- the listener's own ---- */

void pol_revocation_own(pol_revocation *r, X509 *leaf, X509 *issuer)
{
    uint8_t key[POL_CERT_KEY];
    bool has = leaf && issuer && r->fetcher && pol_cert_key(leaf, issuer, key);
    watch *w = NULL;
    pthread_mutex_lock(&r->lock);
    bool same = has && r->own && memcmp(r->own->key, key, POL_CERT_KEY) == 0;
    if (!same && r->own)
        drop(r->own);
    if (!same && has)
        r->own = w = new_watch(r, leaf, issuer, key, pol_ocsp_url(leaf));
    pthread_mutex_unlock(&r->lock);
    if (w)
        step_later(w, 0);
}

/* Under the lock. */
static bool can_staple(const pol_revocation *r, int64_t now_s)
{
    const watch *w = r->own;
    return w && w->response.n && w->last.status == POL_OCSP_GOOD && now_s < w->last.next_update_s;
}

uint8_t *pol_revocation_staple(pol_revocation *r, int64_t now_s, size_t *n)
{
    pthread_mutex_lock(&r->lock);
    uint8_t *copy = can_staple(r, now_s) ? OPENSSL_memdup(r->own->response.at, r->own->response.n) : NULL;
    *n = copy ? r->own->response.n : 0;
    pthread_mutex_unlock(&r->lock);
    return copy;
}

/* ---- the whole ---- */

bool pol_revocation_new(pol_revocation_tell *tell_to, void *context, pol_revocation **out, pol_error *err)
{
    pol_revocation *r = calloc(1, sizeof *r);
    if (!r || pthread_mutex_init(&r->lock, NULL) != 0) {
        free(r);
        return pol_fail(err, POL_E_MEMORY, "no memory for the table of revocations");
    }
    STAILQ_INIT(&r->waiting);
    r->tell = tell_to;
    r->context = context;
    *out = r;
    return true;
}

static void free_settings(pol_revocation *r)
{
    OPENSSL_free((void *)(uintptr_t)r->settings.url);
    OPENSSL_free((void *)(uintptr_t)r->settings.ca_file);
}

void pol_revocation_free(pol_revocation *r)
{
    if (!r)
        return;
    for (watch *w; (w = STAILQ_FIRST(&r->waiting)) != NULL;) {
        STAILQ_REMOVE_HEAD(&r->waiting, next);
        end_watch(w);
    }
    free_settings(r);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

void pol_revocation_start(pol_revocation *r, struct pol_fetcher *fetcher)
{
    r->fetcher = fetcher;
}

void pol_revocation_configure(pol_revocation *r, const pol_revocation_settings *settings)
{
    pthread_mutex_lock(&r->lock);
    free_settings(r);
    r->settings = *settings;
    r->settings.url = settings->url ? OPENSSL_strdup(settings->url) : NULL;
    r->settings.ca_file = settings->ca_file ? OPENSSL_strdup(settings->ca_file) : NULL;
    pthread_mutex_unlock(&r->lock);
}

pol_revocation_counts pol_revocation_count(pol_revocation *r, int64_t now_s)
{
    pthread_mutex_lock(&r->lock);
    pol_revocation_counts counts = {.good = atomic_load(&r->good), .revoked = atomic_load(&r->revoked), .unknown = atomic_load(&r->unknown),
                                    .failed = atomic_load(&r->failed), .watched = atomic_load(&r->watched), .stapling = can_staple(r, now_s)};
    pthread_mutex_unlock(&r->lock);
    return counts;
}
