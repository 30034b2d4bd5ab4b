/* SPDX-License-Identifier: Apache-2.0
 * Hashes of certificates in buckets of slots; the newest takes the place of the oldest of its bucket.
 */
/* SHA-256 in its old form: what EVP begins anew it allocates anew */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "runtime/identity/chain_cache.h"

#include "runtime/identity/image.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <stdatomic.h>
#include <stdlib.h>

enum { N_BUCKETS = 1 << 10, BUCKET_SLOTS = 4 };

typedef struct {
    uint8_t key[POL_CHAIN_DIGEST];
    pol_image image; /* the document */
    pol_known_chain chain; /* without it */
} slot;

typedef struct {
    slot slots[BUCKET_SLOTS];
    uint8_t n, next; /* slots used; which is taken next */
} bucket;

struct pol_chain_cache {
    _Atomic uint64_t hits, misses; /* written by the one thread */
    bucket buckets[N_BUCKETS];
};

pol_chain_cache *pol_chain_cache_new(void)
{
    return calloc(1, sizeof(pol_chain_cache));
}

void pol_chain_cache_clear(pol_chain_cache *cache)
{
    for (unsigned i = 0; cache && i < N_BUCKETS; i++) {
        bucket *b = &cache->buckets[i];
        for (unsigned k = 0; k < b->n; k++)
            pol_image_free(&b->slots[k].image);
        b->n = b->next = 0;
    }
}

void pol_chain_cache_free(pol_chain_cache *cache)
{
    pol_chain_cache_clear(cache);
    free(cache);
}

void pol_chain_cache_key(pol_bytes id, const char *source, pol_bytes certificate, uint8_t key[POL_CHAIN_DIGEST])
{
    SHA256_CTX hash;
    SHA256_Init(&hash);
    SHA256_Update(&hash, id.at, id.n);
    SHA256_Update(&hash, source, strlen(source) + 1);
    SHA256_Update(&hash, certificate.at, certificate.n);
    SHA256_Final(key, &hash);
}

static size_t bucket_of(const uint8_t key[POL_CHAIN_DIGEST])
{
    return (size_t)(key[0] | key[1] << 8) % N_BUCKETS;
}

static void count(_Atomic uint64_t *counter)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_relaxed);
}

bool pol_chain_cache_find(pol_chain_cache *cache, const uint8_t key[POL_CHAIN_DIGEST], int64_t now_s, pol_arena *arena, pol_known_chain *out)
{
    const bucket *b = &cache->buckets[bucket_of(key)];
    for (unsigned i = 0; i < b->n; i++) {
        const slot *s = &b->slots[i];
        /* a clock that was set back finds nothing either */
        if (memcmp(s->key, key, POL_CHAIN_DIGEST) != 0 || now_s < s->chain.from_s || now_s >= s->chain.until_s)
            continue;
        *out = s->chain;
        if (!pol_image_open(&s->image, arena, &out->document, 1))
            break;
        count(&cache->hits);
        return true;
    }
    count(&cache->misses);
    return false;
}

/* The slot that has the key already, else the next. */
static slot *choose_slot(bucket *b, const uint8_t key[POL_CHAIN_DIGEST])
{
    for (unsigned i = 0; i < b->n; i++) {
        if (memcmp(b->slots[i].key, key, POL_CHAIN_DIGEST) == 0)
            return &b->slots[i];
    }
    slot *s = &b->slots[b->next];
    b->next = (uint8_t)((b->next + 1) % BUCKET_SLOTS);
    if (b->n < BUCKET_SLOTS)
        b->n++;
    return s;
}

void pol_chain_cache_add(pol_chain_cache *cache, const uint8_t key[POL_CHAIN_DIGEST], const pol_known_chain *chain)
{
    pol_image image;
    if (!pol_image_make(&chain->document, 1, &image))
        return;
    slot *s = choose_slot(&cache->buckets[bucket_of(key)], key);
    pol_image_free(&s->image);
    memcpy(s->key, key, POL_CHAIN_DIGEST);
    s->image = image;
    s->chain = *chain;
    s->chain.document = pol_undefined();
}

pol_chain_counts pol_chain_cache_count(const pol_chain_cache *cache)
{
    pol_chain_cache *c = (pol_chain_cache *)(uintptr_t)cache;
    return (pol_chain_counts){atomic_load_explicit(&c->hits, memory_order_relaxed), atomic_load_explicit(&c->misses, memory_order_relaxed)};
}
