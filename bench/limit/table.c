/* SPDX-License-Identifier: Apache-2.0
 * The tables of the hand-written decisions: filled once, never changed while deciding.
 */
#include "bench/limit/limit.h"

void limit_table_init(limit_table *t, pol_arena *arena, uint32_t most)
{
    uint32_t slots = 16;
    while (slots < most * 2)
        slots *= 2;
    *t = (limit_table){.keys = pol_arena_zero(arena, slots, sizeof *t->keys),
                       .numbers = pol_arena_zero(arena, slots, sizeof *t->numbers),
                       .mask = slots - 1};
    for (uint32_t i = 0; i < slots; i++)
        t->keys[i] = pol_undefined();
}

uint32_t limit_table_add(limit_table *t, pol_value key)
{
    uint32_t at = (key.hash ^ key.hash >> 7) & t->mask;
    for (; t->keys[at].tag == POL_STRING; at = (at + 1) & t->mask)
        if (pol_equal(t->keys[at], key))
            return t->numbers[at];
    t->keys[at] = key;
    t->numbers[at] = t->n;
    return t->n++;
}

void limit_closure(pol_arena *arena, limit_table *names, pol_value parents, uint64_t **rows)
{
    for (uint32_t i = 0; i < parents.n; i++)
        limit_table_add(names, pol_member_key(parents, i));
    uint32_t n = names->n, *waiting = pol_arena_zero(arena, n + 1, sizeof *waiting);
    pol_value *above = pol_arena_zero(arena, n + 1, sizeof *above);
    for (uint32_t i = 0; i < parents.n; i++)
        above[limit_table_find(names, pol_member_key(parents, i))] = pol_member_value(parents, i);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t n_waiting = 0;
        rows[i] = limit_bits(arena, n);
        limit_bit_set(rows[i], i);
        waiting[n_waiting++] = i;
        while (n_waiting) {
            pol_value next = above[waiting[--n_waiting]];
            for (uint32_t j = 0; next.tag == POL_ARRAY && j < next.n; j++) {
                uint32_t k = limit_table_find(names, pol_element(next, j));
                if (k != LIMIT_NONE && !limit_bit(rows[i], k)) {
                    limit_bit_set(rows[i], k);
                    waiting[n_waiting++] = k;
                }
            }
        }
    }
}
