/* SPDX-License-Identifier: Apache-2.0
 * Names to numbers, in order of first use; lives in an arena. For scopes, packages, trees of rules.
 */
#pragma once

#include "runtime/bytes.h"

typedef struct {
    pol_bytes *keys; /* in order of first use */
    uint32_t *values;
    uint32_t n, capacity, values_capacity;
    uint32_t *slots; /* key + 1; a power of two of them */
    uint32_t n_slots;
} pol_namemap;

/* The value of key, to be read or changed; NULL when it is not there. Good until the next put. */
uint32_t *pol_namemap_find(const pol_namemap *map, pol_bytes key);
/* Adds key with value unless it is there; its value in either case. key is borrowed. */
uint32_t *pol_namemap_put(pol_arena *arena, pol_namemap *map, pol_bytes key, uint32_t value);
