/* SPDX-License-Identifier: Apache-2.0
 * What is known of opaque tokens in one thread: found without a lock and without an allocation, never after its time. Bounded: an entry that is asked for less often
 * makes room (TinyLFU).
 */
#pragma once

#include "runtime/value.h"

#include <stdatomic.h>

typedef struct pol_opaque_cache pol_opaque_cache;

enum { POL_OPAQUE_KEY = 32 };

/* NULL: no memory. */
pol_opaque_cache *pol_opaque_cache_new(void);
void pol_opaque_cache_free(pol_opaque_cache *cache);
/* An entry that is good from from_ns until before until_ns. claims undefined: the token is known not to be active. */
void pol_opaque_cache_add(pol_opaque_cache *cache, const uint8_t key[POL_OPAQUE_KEY], pol_value claims, int64_t from_ns, int64_t until_ns, int64_t now_ns);
/* The claims, copied into arena. False: not known now. */
POL_MUST_USE bool pol_opaque_cache_find(pol_opaque_cache *cache, const uint8_t key[POL_OPAQUE_KEY], int64_t now_ns, pol_arena *arena, pol_value *claims);

typedef struct {
    uint64_t hits, misses, entries;
} pol_opaque_counts;
/* From any thread. */
pol_opaque_counts pol_opaque_cache_count(const pol_opaque_cache *cache);
