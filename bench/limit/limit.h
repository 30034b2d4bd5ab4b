/* SPDX-License-Identifier: Apache-2.0
 * Decisions written by hand in C, as a good programmer would write that one decision over the same values: what any engine can be
 * measured against. Each is made ready from the workload's data once and then decides on inputs; the tables that they share are here.
 */
#pragma once

#include "runtime/value.h"

typedef struct {
    const char *name; /* of the workload, or what it begins with */
    void *(*load)(pol_arena *arena, pol_value data);
    bool (*decide)(const void *state, pol_value input);
} limit;

extern const limit limit_zero_trust, limit_rbac, limit_gdrive, limit_http_acl;

/* ---- strings to numbers: open addressing by the hash that a string's value has in it ---- */
typedef struct {
    pol_value *keys;
    uint32_t *numbers;
    uint32_t mask, n;
} limit_table;

enum { LIMIT_NONE = UINT32_MAX };

/* For at most `most` different strings. */
void limit_table_init(limit_table *t, pol_arena *arena, uint32_t most);
/* The number of a string, a new one where it is not known yet. */
uint32_t limit_table_add(limit_table *t, pol_value key);

static inline uint32_t limit_table_find(const limit_table *t, pol_value key)
{
    if (key.tag != POL_STRING)
        return LIMIT_NONE;
    for (uint32_t at = (key.hash ^ key.hash >> 7) & t->mask; t->keys[at].tag == POL_STRING; at = (at + 1) & t->mask)
        if (pol_equal(t->keys[at], key))
            return t->numbers[at];
    return LIMIT_NONE;
}

/* The member of a small object. */
static inline pol_value limit_member(pol_value object, pol_value key)
{
    if (object.tag == POL_OBJECT)
        for (uint32_t i = 0; i < object.n; i++)
            if (pol_equal(pol_member_key(object, i), key))
                return pol_member_value(object, i);
    return pol_undefined();
}

static inline bool limit_array_has(pol_value array, pol_value element)
{
    if (array.tag == POL_ARRAY)
        for (uint32_t i = 0; i < array.n; i++)
            if (pol_equal(pol_element(array, i), element))
                return true;
    return false;
}

/* ---- rows of bits ---- */
static inline uint64_t *limit_bits(pol_arena *arena, uint32_t n)
{
    return pol_arena_zero(arena, (n + 63) / 64 + 1, sizeof(uint64_t));
}
static inline void limit_bit_set(uint64_t *bits, uint32_t i)
{
    bits[i / 64] |= UINT64_C(1) << i % 64;
}
static inline bool limit_bit(const uint64_t *bits, uint32_t i)
{
    return bits[i / 64] >> i % 64 & 1;
}

/* parents: an object from a name to the names next above it. rows[i] gets the numbers of i itself and of all above it. */
void limit_closure(pol_arena *arena, limit_table *names, pol_value parents, uint64_t **rows);
