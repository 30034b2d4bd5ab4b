/* SPDX-License-Identifier: Apache-2.0
 * Hashes of tokens in buckets of slots; the newest takes the place of the oldest of its bucket. The token itself is not kept.
 */
/* SHA-256 in its old form: what EVP begins anew it allocates anew */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "runtime/identity/token_cache.h"

#include "runtime/identity/image.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <stdatomic.h>
#include <stdlib.h>

enum { N_BUCKETS = 1 << 12, BUCKET_SLOTS = 4 };

typedef struct {
    uint8_t keys[BUCKET_SLOTS][POL_TOKEN_DIGEST];
    pol_image images[BUCKET_SLOTS]; /* the header and the claims */
    uint64_t versions[BUCKET_SLOTS];
    uint8_t n, next; /* slots used; which is taken next */
} bucket;

struct pol_token_cache {
    _Atomic uint64_t hits, misses; /* written by the one thread */
    bucket buckets[N_BUCKETS];
};

pol_token_cache *pol_token_cache_new(void)
{
    return calloc(1, sizeof(pol_token_cache));
}

void pol_token_cache_clear(pol_token_cache *cache)
{
    for (unsigned i = 0; cache && i < N_BUCKETS; i++) {
        bucket *b = &cache->buckets[i];
        for (unsigned k = 0; k < b->n; k++)
            pol_image_free(&b->images[k]);
        b->n = b->next = 0;
    }
}

void pol_token_cache_free(pol_token_cache *cache)
{
    pol_token_cache_clear(cache);
    free(cache);
}

void pol_token_cache_key(pol_bytes id, pol_bytes token, uint8_t key[POL_TOKEN_DIGEST])
{
    SHA256_CTX hash;
    SHA256_Init(&hash);
    SHA256_Update(&hash, id.at, id.n);
    SHA256_Update(&hash, token.at, token.n);
    SHA256_Final(key, &hash);
}

static size_t bucket_of(const uint8_t key[POL_TOKEN_DIGEST])
{
    return (size_t)(key[0] | key[1] << 8) % N_BUCKETS;
}

static void count(_Atomic uint64_t *counter)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_relaxed);
}

bool pol_token_cache_find(pol_token_cache *cache, const uint8_t key[POL_TOKEN_DIGEST], pol_arena *arena, pol_cached_token *token)
{
    const bucket *b = &cache->buckets[bucket_of(key)];
    for (unsigned i = 0; i < b->n; i++) {
        if (CRYPTO_memcmp(b->keys[i], key, POL_TOKEN_DIGEST) != 0)
            continue;
        pol_value both[2];
        if (!pol_image_open(&b->images[i], arena, both, 2))
            break;
        count(&cache->hits);
        *token = (pol_cached_token){.header = both[0], .claims = both[1], .version = b->versions[i]};
        return true;
    }
    count(&cache->misses);
    return false;
}

void pol_token_cache_add(pol_token_cache *cache, const uint8_t key[POL_TOKEN_DIGEST], const pol_cached_token *token)
{
    pol_image image;
    if (!pol_image_make((pol_value[]){token->header, token->claims}, 2, &image))
        return;
    bucket *b = &cache->buckets[bucket_of(key)];
    unsigned i = 0;
    while (i < b->n && CRYPTO_memcmp(b->keys[i], key, POL_TOKEN_DIGEST) != 0)
        i++;
    if (i == b->n) {
        i = b->next;
        b->next = (uint8_t)((b->next + 1) % BUCKET_SLOTS);
        b->n = (uint8_t)(b->n < BUCKET_SLOTS ? b->n + 1 : BUCKET_SLOTS);
    }
    pol_image_free(&b->images[i]);
    memcpy(b->keys[i], key, POL_TOKEN_DIGEST);
    b->images[i] = image;
    b->versions[i] = token->version;
}

pol_token_counts pol_token_cache_count(const pol_token_cache *cache)
{
    pol_token_cache *c = (pol_token_cache *)(uintptr_t)cache;
    return (pol_token_counts){atomic_load_explicit(&c->hits, memory_order_relaxed), atomic_load_explicit(&c->misses, memory_order_relaxed)};
}
