/* SPDX-License-Identifier: Apache-2.0
 * Which tokens' signatures were found good. One thread's: no lock is taken. Nothing is allocated once it is made. Claims are judged anew each time, so that nothing
 * here can outlive a token's `exp`.
 */
#pragma once

#include "runtime/bytes.h"

typedef struct pol_token_cache pol_token_cache;

enum { POL_TOKEN_DIGEST = 32 };

/* NULL: no memory. */
pol_token_cache *pol_token_cache_new(void);
void pol_token_cache_free(pol_token_cache *cache);
/* The key of a token under the keys that id stands for. False: it cannot be made. */
POL_MUST_USE bool pol_token_cache_key(pol_token_cache *cache, pol_bytes id, pol_bytes token, uint8_t key[POL_TOKEN_DIGEST]);
POL_MUST_USE bool pol_token_cache_has(const pol_token_cache *cache, const uint8_t key[POL_TOKEN_DIGEST]);
void pol_token_cache_add(pol_token_cache *cache, const uint8_t key[POL_TOKEN_DIGEST]);
