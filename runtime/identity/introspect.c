/* SPDX-License-Identifier: Apache-2.0
 * What is known of opaque tokens and what is under way, in a table behind one lock that the hit path never takes: a thread finds what it has seen in its own cache.
 * A flight asks the second level, then the issuer; its end is written into the table, and those who wait are woken.
 */
/* SHA-256 in its old form: what EVP begins anew it allocates anew */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "runtime/identity/introspect.h"

#include "runtime/identity/introspector.h"
#include "runtime/identity/oauth.h"
#include "runtime/identity/view.h"
#include "runtime/json.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { N_BUCKETS = 1 << 10, BUCKET_SLOTS = 8, BLOCK = 64, VALUE_HEAD = 9 };

static const int64_t failed_ns = 1000000000; /* how long an endpoint that did not answer is left alone about a token */

typedef enum { FREE, PENDING, ACTIVE, INACTIVE, FAILED, MALFORMED, EXPIRED } state;

typedef struct {
    uint8_t key[POL_OPAQUE_KEY];
    state state;
    int64_t from_ns, until_ns;
    uint8_t *text; /* ACTIVE: the answer, n bytes and a NUL */
    size_t n;
    uint64_t waiters[POL_WAITERS_MAX / 64];
} entry;

struct pol_introspection {
    SHA256_CTX inner, outer; /* of HMAC, after its key */
    pthread_mutex_t lock;    /* of what follows */
    entry entries[N_BUCKETS][BUCKET_SLOTS];
    struct pol_fetcher *fetcher;
    pol_introspection_store store; /* ask NULL: none */
    void (*wake)(void *context, unsigned waiter);
    void *context;
    _Atomic uint64_t stored_hits, stored_misses, asked;
    int64_t (*clock_ns)(void);
};

typedef struct {
    pol_introspection *all;
    pol_introspector *by;
    uint8_t key[POL_OPAQUE_KEY];
    int64_t begun_ns;
    uint8_t *token;
    size_t n_token;
} flight;

/* What came of a flight. */
typedef struct {
    state state;
    int64_t from_ns, until_ns;
    pol_bytes text;
} outcome;

static int64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

bool pol_introspection_new(pol_bytes secret, pol_introspection **out, pol_error *err)
{
    uint8_t key[BLOCK] = {0}, pad[BLOCK];
    pol_introspection *all = OPENSSL_zalloc(sizeof *all);
    if (!all)
        return pol_fail(err, POL_E_MEMORY, "out of memory");
    if (secret.n > BLOCK)
        SHA256(secret.at, secret.n, key);
    else if (secret.n)
        memcpy(key, secret.at, secret.n);
    else if (RAND_bytes(key, sizeof key) != 1) {
        OPENSSL_free(all);
        return pol_fail(err, POL_E_CRYPTO, "no random numbers");
    }
    for (unsigned i = 0; i < BLOCK; i++)
        pad[i] = key[i] ^ 0x36;
    SHA256_Init(&all->inner);
    SHA256_Update(&all->inner, pad, sizeof pad);
    for (unsigned i = 0; i < BLOCK; i++)
        pad[i] = key[i] ^ 0x5c;
    SHA256_Init(&all->outer);
    SHA256_Update(&all->outer, pad, sizeof pad);
    OPENSSL_cleanse(key, sizeof key);
    OPENSSL_cleanse(pad, sizeof pad);
    pthread_mutex_init(&all->lock, NULL);
    all->clock_ns = clock_ns;
    *out = all;
    return true;
}

void pol_introspection_start(pol_introspection *all, struct pol_fetcher *fetcher, const pol_introspection_store *store,
                             void (*wake)(void *context, unsigned waiter), void *context)
{
    pthread_mutex_lock(&all->lock);
    all->fetcher = fetcher;
    all->store = store ? *store : (pol_introspection_store){0};
    all->wake = wake;
    all->context = context;
    pthread_mutex_unlock(&all->lock);
}

void pol_introspection_set_clock(pol_introspection *all, int64_t (*clock)(void))
{
    all->clock_ns = clock;
}

void pol_introspection_stop(pol_introspection *all)
{
    pthread_mutex_lock(&all->lock);
    all->wake = NULL;
    all->fetcher = NULL;
    all->store = (pol_introspection_store){0};
    pthread_mutex_unlock(&all->lock);
}

static void empty(entry *e)
{
    if (e->text)
        OPENSSL_clear_free(e->text, e->n + 1);
    *e = (entry){0};
}

void pol_introspection_free(pol_introspection *all)
{
    if (!all)
        return;
    for (unsigned i = 0; i < N_BUCKETS * BUCKET_SLOTS; i++)
        empty(&all->entries[i / BUCKET_SLOTS][i % BUCKET_SLOTS]);
    pthread_mutex_destroy(&all->lock);
    OPENSSL_clear_free(all, sizeof *all);
}

pol_introspection_counts pol_introspection_count(pol_introspection *all)
{
    return (pol_introspection_counts){atomic_load(&all->stored_hits), atomic_load(&all->stored_misses), atomic_load(&all->asked)};
}

/* HMAC-SHA-256 of the endpoint and the token. */
static void make_key(const pol_introspection *all, const pol_introspector *by, pol_bytes token, uint8_t key[POL_OPAQUE_KEY])
{
    SHA256_CTX hash = all->inner;
    SHA256_Update(&hash, by->id, sizeof by->id);
    SHA256_Update(&hash, token.at, token.n);
    SHA256_Final(key, &hash);
    hash = all->outer;
    SHA256_Update(&hash, key, POL_OPAQUE_KEY);
    SHA256_Final(key, &hash);
}

/* ---- the table; the lock is held ---- */

static bool is_good(const entry *e, int64_t now_ns)
{
    return e->state == PENDING || (e->state != FREE && now_ns >= e->from_ns && now_ns < e->until_ns);
}

static entry *find_entry(pol_introspection *all, const uint8_t *key)
{
    entry *row = all->entries[(size_t)(key[2] | key[3] << 8) % N_BUCKETS];
    for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
        if (row[i].state != FREE && CRYPTO_memcmp(row[i].key, key, POL_OPAQUE_KEY) == 0)
            return &row[i];
    }
    return NULL;
}

/* One for a flight: free, over, or the one that ends first. NULL: all are awaited. */
static entry *take_entry(pol_introspection *all, const uint8_t *key, int64_t now_ns)
{
    entry *row = all->entries[(size_t)(key[2] | key[3] << 8) % N_BUCKETS], *chosen = find_entry(all, key);
    for (unsigned i = 0; !chosen && i < BUCKET_SLOTS; i++)
        chosen = is_good(&row[i], now_ns) ? NULL : &row[i];
    for (unsigned i = 0; i < BUCKET_SLOTS && (!chosen || is_good(chosen, now_ns)); i++) {
        if (row[i].state != PENDING && (!chosen || row[i].until_ns < chosen->until_ns))
            chosen = &row[i];
    }
    if (!chosen)
        return NULL;
    empty(chosen);
    memcpy(chosen->key, key, POL_OPAQUE_KEY);
    chosen->state = PENDING;
    return chosen;
}

static void add_waiter(entry *e, unsigned waiter)
{
    e->waiters[waiter / 64] |= UINT64_C(1) << waiter % 64;
}

/* ---- the end of a flight ---- */

static void end_flight(flight *f, const outcome *o)
{
    pol_introspection *all = f->all;
    uint8_t *text = o->state == ACTIVE ? OPENSSL_malloc(o->text.n + 1) : NULL;
    if (text) {
        memcpy(text, o->text.at, o->text.n);
        text[o->text.n] = 0;
    }
    pthread_mutex_lock(&all->lock);
    entry *e = find_entry(all, f->key);
    if (e && e->state == PENDING) {
        e->state = o->state == ACTIVE && !text ? FAILED : o->state;
        e->from_ns = o->from_ns;
        e->until_ns = o->until_ns;
        e->text = text;
        e->n = o->text.n;
        text = NULL;
        for (unsigned i = 0; all->wake && i < POL_WAITERS_MAX; i++) {
            if (e->waiters[i / 64] >> i % 64 & 1)
                all->wake(all->context, i);
        }
    }
    pthread_mutex_unlock(&all->lock);
    if (text)
        OPENSSL_clear_free(text, o->text.n + 1);
    pol_introspector_free(f->by);
    OPENSSL_clear_free(f->token, f->n_token);
    OPENSSL_free(f);
}

static void fail_flight(flight *f)
{
    int64_t now_ns = f->all->clock_ns();
    end_flight(f, &(outcome){.state = FAILED, .from_ns = now_ns, .until_ns = now_ns + failed_ns});
}

/* When a token with these claims is over; at most at until_ns. */
static int64_t end_of(pol_value claims, int64_t until_ns)
{
    long double exp;
    if (!pol_jwt_date(pol_object_member(claims, "exp"), &exp))
        return until_ns;
    return exp * 1e9L < (long double)until_ns ? (int64_t)(exp * 1e9L) : until_ns;
}

/* What an answer comes to. text is the issuer's, or the second level's copy of it, which counts no longer than until_ns. */
static outcome judge(pol_arena *arena, const pol_introspection_answer *answer, const pol_introspector *by, int64_t from_ns, int64_t now_ns, int64_t until_ns)
{
    pol_value claims;
    const char *why = pol_introspection_read(arena, answer, &claims);
    outcome o = {.from_ns = from_ns, .text = answer->body};
    if (!why) {
        o.state = ACTIVE;
        o.until_ns = end_of(claims, from_ns + by->cache_ns < until_ns ? from_ns + by->cache_ns : until_ns);
    } else if (why == pol_reason_token_inactive) {
        o.state = INACTIVE;
        o.until_ns = from_ns + by->inactive_ns < until_ns ? from_ns + by->inactive_ns : until_ns;
    }
    if (!why && end_of(claims, INT64_MAX) <= now_ns) {
        o.state = EXPIRED;
        o.until_ns = now_ns + failed_ns;
    } else if (why && why != pol_reason_token_inactive) {
        o.state = why == pol_reason_introspection_form ? MALFORMED : FAILED;
        o.until_ns = now_ns + failed_ns;
    } else if (o.until_ns <= now_ns) { /* a cache time of 0: good for those who wait for it now */
        o.until_ns = end_of(claims, now_ns + failed_ns);
    }
    return o;
}

static void put_number(uint8_t *at, uint64_t n)
{
    for (unsigned i = 0; i < 8; i++)
        at[i] = (uint8_t)(n >> 8 * i);
}

/* When the answer came, what it was, and its text. */
static void store_answer(const pol_introspection_store *store, const flight *f, const outcome *o)
{
    POL_CLEAN(pol_buf_deinit) pol_buf value = {0};
    uint8_t head[VALUE_HEAD];
    put_number(head, (uint64_t)o->from_ns);
    head[8] = o->state == ACTIVE;
    pol_buf_add(&value, head, sizeof head);
    pol_buf_bytes(&value, o->text);
    store->keep(store->context, f->key, pol_buf_view(&value), o->until_ns);
    OPENSSL_cleanse(value.at, value.n);
}

static void on_answer(void *context, const pol_fetch_answer *fetched)
{
    flight *f = context;
    pol_arena arena;
    int64_t now_ns = f->all->clock_ns();
    pol_introspection_answer answer = {.status = fetched->ok ? fetched->status : 0, .content_type = pol_bytes_text(fetched->content_type), .body = fetched->body};
    pol_arena_init(&arena, 0);
    /* from when it was asked: what is revoked meanwhile is not known */
    outcome o = judge(&arena, &answer, f->by, f->begun_ns < now_ns ? f->begun_ns : now_ns, now_ns, INT64_MAX);
    pthread_mutex_lock(&f->all->lock);
    if (f->all->store.ask && (o.state == ACTIVE || o.state == INACTIVE))
        store_answer(&f->all->store, f, &o);
    pthread_mutex_unlock(&f->all->lock);
    end_flight(f, &o);
    pol_arena_deinit(&arena);
}

static void ask_issuer(flight *f)
{
    pthread_mutex_lock(&f->all->lock);
    struct pol_fetcher *fetcher = f->all->fetcher;
    f->begun_ns = f->all->clock_ns();
    bool ok = fetcher && pol_introspector_ask(f->by, fetcher, pol_bytes_of(f->token, f->n_token), f->begun_ns, on_answer, f);
    atomic_fetch_add(&f->all->asked, 1);
    pthread_mutex_unlock(&f->all->lock);
    if (!ok)
        fail_flight(f);
}

/* What the second level holds, which is authentic; is it still to be used? */
static void on_stored(void *context, pol_bytes value)
{
    flight *f = context;
    uint64_t from = 0;
    int64_t now_ns = f->all->clock_ns();
    if (value.n < VALUE_HEAD) {
        atomic_fetch_add(&f->all->stored_misses, 1);
        ask_issuer(f);
        return;
    }
    for (unsigned i = 0; i < 8; i++)
        from |= (uint64_t)value.at[i] << 8 * i;
    pol_buf text = {0};
    pol_buf_add(&text, value.at + VALUE_HEAD, value.n - VALUE_HEAD);
    pol_buf_byte(&text, 0);
    pol_introspection_answer answer = {.status = 200, .content_type = POL_BYTES("application/json"), .body = pol_bytes_of(text.at, text.n - 1)};
    pol_arena arena;
    pol_arena_init(&arena, 0);
    int64_t from_ns = from <= (uint64_t)now_ns ? (int64_t)from : 0;
    outcome o = judge(&arena, &answer, f->by, from_ns, now_ns, INT64_MAX);
    bool ok = from_ns && (o.state == ACTIVE || o.state == INACTIVE);
    int64_t kept_ns = o.state == ACTIVE ? f->by->cache_ns : f->by->inactive_ns;
    if (ok && now_ns - from_ns < kept_ns) {
        atomic_fetch_add(&f->all->stored_hits, 1);
        end_flight(f, &o);
    } else {
        atomic_fetch_add(&f->all->stored_misses, 1);
        ask_issuer(f);
    }
    pol_arena_deinit(&arena);
    OPENSSL_cleanse(text.at, text.n);
    pol_buf_deinit(&text);
}

/* ---- asking ---- */

static flight *make_flight(pol_introspection *all, pol_introspector *by, const uint8_t *key, pol_bytes token)
{
    flight *f = OPENSSL_zalloc(sizeof *f);
    uint8_t *copy = OPENSSL_malloc(token.n);
    if (!f || !copy) {
        OPENSSL_free(f);
        OPENSSL_free(copy);
        return NULL;
    }
    memcpy(copy, token.at, token.n);
    *f = (flight){.all = all, .by = pol_introspector_share(by), .token = copy, .n_token = token.n};
    memcpy(f->key, key, POL_OPAQUE_KEY);
    return f;
}

static const char *reason_of(state s)
{
    switch (s) {
    case INACTIVE: return pol_reason_token_inactive;
    case MALFORMED: return pol_reason_introspection_form;
    case EXPIRED: return pol_reason_token_expired;
    default: return pol_reason_introspection_failed;
    }
}

/* What the table has, copied; else a flight is begun, *begun, or joined. */
static outcome look_up(pol_view *view, pol_introspector *by, pol_arena *arena, pol_bytes token, int64_t now_ns, flight **begun)
{
    pol_introspection *all = view->introspection;
    outcome o = {.state = FAILED};
    *begun = NULL;
    pthread_mutex_lock(&all->lock);
    entry *e = find_entry(all, view->awaited.key);
    if (e && is_good(e, now_ns)) {
        uint8_t *text = e->text ? pol_arena_try(arena, e->n + 1) : NULL;
        o = (outcome){.state = e->text && !text ? FAILED : e->state, .from_ns = e->from_ns, .until_ns = e->until_ns, .text = {text, e->n}};
        if (text)
            memcpy(text, e->text, e->n + 1);
    } else if (!view->give_up && (e = take_entry(all, view->awaited.key, now_ns))) {
        *begun = make_flight(all, by, view->awaited.key, token);
        o.state = *begun ? PENDING : FAILED;
        if (!*begun)
            empty(e);
    }
    if (o.state == PENDING && view->give_up)
        o.state = FAILED;
    else if (o.state == PENDING)
        add_waiter(e, view->waiter);
    pthread_mutex_unlock(&all->lock);
    return o;
}

static void begin_flight(flight *f)
{
    pthread_mutex_lock(&f->all->lock);
    const pol_introspection_store *store = &f->all->store;
    bool asked = store->ask && store->ask(store->context, f->key, on_stored, f);
    pthread_mutex_unlock(&f->all->lock);
    if (!asked)
        ask_issuer(f);
}

const char *pol_introspect(pol_view *view, pol_introspector *by, pol_arena *arena, pol_bytes token, int64_t now_ns, pol_value *claims)
{
    flight *begun;
    *claims = pol_undefined();
    if (!view || !view->introspection)
        return pol_reason_introspection_failed;
    view->awaited.keys = 0;
    make_key(view->introspection, by, token, view->awaited.key);
    if (view->opaque && pol_opaque_cache_find(view->opaque, view->awaited.key, now_ns, arena, claims))
        return pol_is_defined(*claims) ? NULL : pol_reason_token_inactive;
    outcome o = look_up(view, by, arena, token, now_ns, &begun);
    if (begun)
        begin_flight(begun);
    view->pending = view->pending || o.state == PENDING;
    pol_introspection_answer answer = {.status = 200, .content_type = POL_BYTES("application/json"), .body = o.text};
    const char *why = o.state == ACTIVE ? pol_introspection_read(arena, &answer, claims) : reason_of(o.state);
    if (view->opaque && (o.state == INACTIVE || (o.state == ACTIVE && !why)))
        pol_opaque_cache_add(view->opaque, view->awaited.key, *claims, o.from_ns, o.until_ns, now_ns);
    return why;
}

bool pol_introspection_is_pending(pol_introspection *all, const uint8_t key[POL_OPAQUE_KEY])
{
    pthread_mutex_lock(&all->lock);
    const entry *e = find_entry(all, key);
    bool pending = e && e->state == PENDING;
    pthread_mutex_unlock(&all->lock);
    return pending;
}
