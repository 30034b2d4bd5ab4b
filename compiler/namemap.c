/* SPDX-License-Identifier: Apache-2.0
 * Names to numbers by open addressing. Small maps, which are nearly all, are searched without
 * slots.
 */
#include "compiler/namemap.h"

enum { SMALL = 8 };

static uint32_t find_slot(const pol_namemap *map, pol_bytes key)
{
    uint32_t mask = map->n_slots - 1, at = pol_bytes_hash(key) & mask;
    while (map->slots[at] && !pol_bytes_equal(map->keys[map->slots[at] - 1], key))
        at = (at + 1) & mask;
    return at;
}

uint32_t *pol_namemap_find(const pol_namemap *map, pol_bytes key)
{
    if (map->n_slots) {
        uint32_t found = map->slots[find_slot(map, key)];
        return found ? &map->values[found - 1] : NULL;
    }
    for (uint32_t i = 0; i < map->n; i++)
        if (pol_bytes_equal(map->keys[i], key))
            return &map->values[i];
    return NULL;
}

static void index_all(pol_arena *arena, pol_namemap *map)
{
    map->n_slots = map->n_slots ? 2 * map->n_slots : 4 * SMALL;
    map->slots = POL_NEW_ARRAY(arena, uint32_t, map->n_slots);
    for (uint32_t i = 0; i < map->n; i++)
        map->slots[find_slot(map, map->keys[i])] = i + 1;
}

uint32_t *pol_namemap_put(pol_arena *arena, pol_namemap *map, pol_bytes key, uint32_t value)
{
    uint32_t *found = pol_namemap_find(map, key);
    if (found)
        return found;
    if (map->n >= SMALL && 2 * (map->n + 1) > map->n_slots)
        index_all(arena, map);
    POL_GROW(arena, map->values, map->n, map->values_capacity);
    POL_GROW(arena, map->keys, map->n, map->capacity);
    map->keys[map->n] = key;
    map->values[map->n] = value;
    map->n++;
    if (map->n_slots)
        map->slots[find_slot(map, key)] = map->n;
    return &map->values[map->n - 1];
}
