/* SPDX-License-Identifier: Apache-2.0
 * The tokens whose signatures were found good, with what is in them. One thread's: no lock is taken, and what is found is found without an allocation. Claims are judged
 * anew each time, so that nothing here can outlive a token's `exp`.
 */
#pragma once

#include "runtime/value.h"

typedef struct pol_token_cache pol_token_cache;

typedef struct {
    pol_value header, claims;
    uint64_t version; /* of the keys that verified it, where they change: see pol_key_set */
} pol_cached_token;

enum { POL_TOKEN_DIGEST = 32 };

/* NULL: no memory. */
pol_token_cache *pol_token_cache_new(void);
void pol_token_cache_free(pol_token_cache *cache);
/* Of a trust that is gone nothing will be asked again. */
void pol_token_cache_clear(pol_token_cache *cache);
/* The key of a token under the keys that id stands for. */
void pol_token_cache_key(pol_bytes id, pol_bytes token, uint8_t key[POL_TOKEN_DIGEST]);
/* What was added of a token, copied into arena. False: it is not there. */
POL_MUST_USE bool pol_token_cache_find(pol_token_cache *cache, const uint8_t key[POL_TOKEN_DIGEST], pol_arena *arena, pol_cached_token *token);
/* One with much in it is passed over. */
void pol_token_cache_add(pol_token_cache *cache, const uint8_t key[POL_TOKEN_DIGEST], const pol_cached_token *token);
/* From any thread: how often something was found, and not. */
typedef struct {
    uint64_t hits, misses;
} pol_token_counts;
pol_token_counts pol_token_cache_count(const pol_token_cache *cache);
