/* SPDX-License-Identifier: Apache-2.0
 * Hashes of tokens in buckets of slots; the newest takes the place of the oldest of its bucket. Neither a token nor anything of it is kept.
 */
#include "runtime/identity/token_cache.h"

#include <openssl/evp.h>

#include <stdlib.h>

enum { N_BUCKETS = 1 << 12, BUCKET_SLOTS = 4 };

typedef struct {
    uint8_t keys[BUCKET_SLOTS][POL_TOKEN_DIGEST];
    uint8_t n, next; /* slots used; which is taken next */
} bucket;

struct pol_token_cache {
    EVP_MD_CTX *hash; /* kept, because making one allocates */
    EVP_MD *sha256;
    bucket buckets[N_BUCKETS];
};

pol_token_cache *pol_token_cache_new(void)
{
    pol_token_cache *cache = calloc(1, sizeof *cache);
    if (!cache)
        return NULL;
    cache->hash = EVP_MD_CTX_new();
    cache->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (cache->hash && cache->sha256)
        return cache;
    pol_token_cache_free(cache);
    return NULL;
}

void pol_token_cache_free(pol_token_cache *cache)
{
    if (!cache)
        return;
    EVP_MD_CTX_free(cache->hash);
    EVP_MD_free(cache->sha256);
    free(cache);
}

bool pol_token_cache_key(pol_token_cache *cache, pol_bytes id, pol_bytes token, uint8_t key[POL_TOKEN_DIGEST])
{
    return EVP_DigestInit_ex2(cache->hash, cache->sha256, NULL) == 1 && EVP_DigestUpdate(cache->hash, id.at, id.n) == 1 &&
           EVP_DigestUpdate(cache->hash, token.at, token.n) == 1 && EVP_DigestFinal_ex(cache->hash, key, NULL) == 1;
}

static size_t bucket_of(const uint8_t key[POL_TOKEN_DIGEST])
{
    return (size_t)(key[0] | key[1] << 8) % N_BUCKETS;
}

bool pol_token_cache_has(const pol_token_cache *cache, const uint8_t key[POL_TOKEN_DIGEST])
{
    const bucket *b = &cache->buckets[bucket_of(key)];
    for (unsigned i = 0; i < b->n; i++) {
        if (memcmp(b->keys[i], key, POL_TOKEN_DIGEST) == 0)
            return true;
    }
    return false;
}

void pol_token_cache_add(pol_token_cache *cache, const uint8_t key[POL_TOKEN_DIGEST])
{
    bucket *b = &cache->buckets[bucket_of(key)];
    memcpy(b->keys[b->next], key, POL_TOKEN_DIGEST);
    b->next = (uint8_t)((b->next + 1) % BUCKET_SLOTS);
    if (b->n < BUCKET_SLOTS)
        b->n++;
}
