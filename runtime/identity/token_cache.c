/* SPDX-License-Identifier: Apache-2.0
 * Hashes of tokens in buckets of slots; the newest takes the place of the oldest of its bucket. The token itself is not kept. What is in it is kept as one run of
 * memory with relative addresses, as bundles have them, so that copying it is all there is to do.
 */
/* SHA-256 in its old form: what EVP begins anew it allocates anew */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "runtime/identity/token_cache.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <stdlib.h>

enum { N_BUCKETS = 1 << 12, BUCKET_SLOTS = 4, IMAGE_MAX = 4096 };

typedef struct {
    uint8_t keys[BUCKET_SLOTS][POL_TOKEN_DIGEST];
    pol_cell *images[BUCKET_SLOTS]; /* the header, the claims, and what they point to */
    uint16_t sizes[BUCKET_SLOTS];
    uint8_t n, next; /* slots used; which is taken next */
} bucket;

struct pol_token_cache {
    bucket buckets[N_BUCKETS];
};

pol_token_cache *pol_token_cache_new(void)
{
    return calloc(1, sizeof(pol_token_cache));
}

void pol_token_cache_free(pol_token_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < (size_t)N_BUCKETS * BUCKET_SLOTS; i++)
        OPENSSL_free(cache->buckets[i / BUCKET_SLOTS].images[i % BUCKET_SLOTS]);
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

bool pol_token_cache_find(const pol_token_cache *cache, const uint8_t key[POL_TOKEN_DIGEST], pol_arena *arena, pol_value *header, pol_value *claims)
{
    const bucket *b = &cache->buckets[bucket_of(key)];
    for (unsigned i = 0; i < b->n; i++) {
        if (CRYPTO_memcmp(b->keys[i], key, POL_TOKEN_DIGEST) != 0)
            continue;
        pol_cell *cells = pol_arena_try(arena, b->sizes[i]);
        if (!cells)
            return false;
        memcpy(cells, b->images[i], b->sizes[i]);
        *header = pol_load(&cells[0]);
        *claims = pol_load(&cells[1]);
        return true;
    }
    return false;
}

/* ---- images ---- */

static bool has_text(pol_value v)
{
    return v.tag == POL_STRING || v.tag == POL_DECIMAL;
}

static uint32_t cells_of(pol_value v)
{
    return v.tag == POL_OBJECT ? 2 * v.n : pol_is_collection(v) ? v.n : 0;
}

/* Cells and bytes of text below v, added up; stops where that is more than is kept. */
static void measure(pol_value v, size_t *n_cells, size_t *n_text)
{
    uint32_t n = cells_of(v);
    *n_cells += n;
    *n_text += has_text(v) ? v.n : 0;
    for (uint32_t i = 0; i < n && *n_cells * sizeof(pol_cell) + *n_text <= IMAGE_MAX; i++)
        measure(pol_load(&v.cells[i]), n_cells, n_text);
}

typedef struct {
    pol_cell *cells; /* the next that is free */
    uint8_t *text;
} image;

static void pack(image *to, pol_cell *cell, pol_value v)
{
    uint32_t n = cells_of(v);
    pol_cell *below = to->cells;
    cell->raw = v;
    if (has_text(v)) {
        if (v.n)
            memcpy(to->text, v.text, v.n);
        cell->raw.flags |= POL_RELATIVE;
        cell->raw.i = to->text - (uint8_t *)cell;
        to->text += v.n;
    } else if (pol_is_collection(v)) {
        cell->raw.flags |= POL_RELATIVE;
        cell->raw.i = (uint8_t *)below - (uint8_t *)cell;
        to->cells += n;
    }
    for (uint32_t i = 0; i < n; i++)
        pack(to, &below[i], pol_load(&v.cells[i]));
}

void pol_token_cache_add(pol_token_cache *cache, const uint8_t key[POL_TOKEN_DIGEST], pol_value header, pol_value claims)
{
    size_t n_cells = 2, n_text = 0;
    measure(header, &n_cells, &n_text);
    measure(claims, &n_cells, &n_text);
    size_t size = n_cells * sizeof(pol_cell) + n_text;
    pol_cell *cells = size <= IMAGE_MAX ? OPENSSL_malloc(size) : NULL;
    if (!cells)
        return;
    image to = {.cells = cells + 2, .text = (uint8_t *)(cells + n_cells)};
    pack(&to, &cells[0], header);
    pack(&to, &cells[1], claims);
    bucket *b = &cache->buckets[bucket_of(key)];
    OPENSSL_free(b->images[b->next]);
    memcpy(b->keys[b->next], key, POL_TOKEN_DIGEST);
    b->images[b->next] = cells;
    b->sizes[b->next] = (uint16_t)size;
    b->next = (uint8_t)((b->next + 1) % BUCKET_SLOTS);
    if (b->n < BUCKET_SLOTS)
        b->n++;
}
