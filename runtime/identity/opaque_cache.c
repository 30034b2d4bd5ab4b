/* SPDX-License-Identifier: Apache-2.0
 * Keyed hashes in buckets of slots, and a sketch of how often each was asked for: a count-min sketch whose counters are halved from time to time, so that
 * what was wanted long ago weighs less. The keys are hashes with a secret: nobody outside can aim at a bucket or a counter.
 */
#include "runtime/identity/opaque_cache.h"

#include "runtime/identity/image.h"

#include <openssl/crypto.h>

#include <stdlib.h>

enum { N_BUCKETS = 1 << 11, BUCKET_SLOTS = 8, SKETCH_ROWS = 4, SKETCH_COUNTERS = 1 << 15, COUNTER_MAX = 15, HALVE_AFTER = 10 * N_BUCKETS * BUCKET_SLOTS };

typedef struct {
    int64_t from_ns, until_ns; /* until_ns 0: the slot is free */
    pol_image image;           /* of the claims; no cells: the token is not active */
    bool is_active;
} slot;

typedef struct {
    uint8_t keys[BUCKET_SLOTS][POL_OPAQUE_KEY];
    slot slots[BUCKET_SLOTS];
} bucket;

struct pol_opaque_cache {
    bucket buckets[N_BUCKETS];
    uint8_t sketch[SKETCH_ROWS][SKETCH_COUNTERS];
    uint32_t n_counted;
    _Atomic uint64_t hits, misses, entries;
};

pol_opaque_cache *pol_opaque_cache_new(void)
{
    return calloc(1, sizeof(pol_opaque_cache));
}

void pol_opaque_cache_free(pol_opaque_cache *cache)
{
    if (!cache)
        return;
    for (unsigned i = 0; i < N_BUCKETS * BUCKET_SLOTS; i++)
        pol_image_free(&cache->buckets[i / BUCKET_SLOTS].slots[i % BUCKET_SLOTS].image);
    free(cache);
}

static void add_to(_Atomic uint64_t *counter, int64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + (uint64_t)n, memory_order_relaxed);
}

/* ---- how often ---- */

static uint8_t *counter_of(pol_opaque_cache *cache, const uint8_t *key, unsigned row)
{
    const uint8_t *at = key + 4 + 4 * row;
    return &cache->sketch[row][(size_t)(at[0] | at[1] << 8) % SKETCH_COUNTERS];
}

static void count_use(pol_opaque_cache *cache, const uint8_t *key)
{
    for (unsigned row = 0; row < SKETCH_ROWS; row++) {
        uint8_t *counter = counter_of(cache, key, row);
        *counter += *counter < COUNTER_MAX;
    }
    if (++cache->n_counted < HALVE_AFTER)
        return;
    cache->n_counted = 0;
    for (unsigned row = 0; row < SKETCH_ROWS; row++) {
        for (unsigned i = 0; i < SKETCH_COUNTERS; i++)
            cache->sketch[row][i] >>= 1;
    }
}

static unsigned estimate(pol_opaque_cache *cache, const uint8_t *key)
{
    unsigned least = COUNTER_MAX;
    for (unsigned row = 0; row < SKETCH_ROWS; row++) {
        unsigned n = *counter_of(cache, key, row);
        least = n < least ? n : least;
    }
    return least;
}

/* ---- entries ---- */

static bucket *bucket_of(pol_opaque_cache *cache, const uint8_t *key)
{
    return &cache->buckets[(size_t)(key[0] | key[1] << 8) % N_BUCKETS];
}

/* A clock that was set back finds nothing either. */
static bool is_good(const slot *s, int64_t now_ns)
{
    return s->until_ns && now_ns >= s->from_ns && now_ns < s->until_ns;
}

bool pol_opaque_cache_find(pol_opaque_cache *cache, const uint8_t key[POL_OPAQUE_KEY], int64_t now_ns, pol_arena *arena, pol_value *claims)
{
    bucket *b = bucket_of(cache, key);
    count_use(cache, key);
    *claims = pol_undefined();
    for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
        const slot *s = &b->slots[i];
        if (!is_good(s, now_ns) || CRYPTO_memcmp(b->keys[i], key, POL_OPAQUE_KEY) != 0)
            continue;
        if (s->is_active && !pol_image_open(&s->image, arena, claims, 1))
            break;
        add_to(&cache->hits, 1);
        return true;
    }
    add_to(&cache->misses, 1);
    return false;
}

/* The slot of key, one whose time is over, or the one that was wanted least, if that is less than key was; else NULL. */
static slot *choose_slot(pol_opaque_cache *cache, bucket *b, const uint8_t *key, int64_t now_ns, unsigned *at)
{
    unsigned least = COUNTER_MAX + 1, victim = 0;
    for (*at = 0; *at < BUCKET_SLOTS; ++*at) {
        if (b->slots[*at].until_ns && CRYPTO_memcmp(b->keys[*at], key, POL_OPAQUE_KEY) == 0)
            return &b->slots[*at];
    }
    for (*at = 0; *at < BUCKET_SLOTS; ++*at) {
        if (!is_good(&b->slots[*at], now_ns))
            return &b->slots[*at];
        unsigned n = estimate(cache, b->keys[*at]);
        if (n < least) {
            least = n;
            victim = *at;
        }
    }
    *at = victim;
    return estimate(cache, key) > least ? &b->slots[victim] : NULL;
}

void pol_opaque_cache_add(pol_opaque_cache *cache, const uint8_t key[POL_OPAQUE_KEY], pol_value claims, int64_t from_ns, int64_t until_ns, int64_t now_ns)
{
    bucket *b = bucket_of(cache, key);
    pol_image image = {0};
    unsigned at;
    slot *s = choose_slot(cache, b, key, now_ns, &at);
    if (!s || (pol_is_defined(claims) && !pol_image_make(&claims, 1, &image)))
        return;
    add_to(&cache->entries, s->until_ns == 0);
    pol_image_free(&s->image);
    memcpy(b->keys[at], key, POL_OPAQUE_KEY);
    *s = (slot){.from_ns = from_ns, .until_ns = until_ns, .image = image, .is_active = pol_is_defined(claims)};
}

pol_opaque_counts pol_opaque_cache_count(const pol_opaque_cache *cache)
{
    pol_opaque_cache *c = (pol_opaque_cache *)(uintptr_t)cache;
    return (pol_opaque_counts){atomic_load(&c->hits), atomic_load(&c->misses), atomic_load(&c->entries)};
}
