/* SPDX-License-Identifier: Apache-2.0
 * The cache of compiled patterns: sets of a few entries chosen by the pattern's hash; in each the
 * one not used for longest makes room.
 */
#include "runtime/pattern_cache.h"

#include <stdio.h>
#include <stdlib.h>

enum { WAYS = 8, SETS = POL_PATTERN_CACHE_MAX / WAYS };

typedef struct {
    pol_pattern *compiled; /* NULL: free */
    pol_buf text;
    uint64_t used; /* turn of its last use */
} entry;

struct pol_pattern_cache {
    uint64_t turn;
    entry entries[SETS][WAYS];
};

pol_pattern_cache *pol_pattern_cache_new(void)
{
    pol_pattern_cache *cache = calloc(1, sizeof *cache);
    if (!cache)
        abort();
    return cache;
}

static void clear_entry(entry *e)
{
    pol_pattern_free(e->compiled);
    pol_buf_deinit(&e->text);
    *e = (entry){0};
}

void pol_pattern_cache_free(pol_pattern_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < SETS; i++)
        for (size_t k = 0; k < WAYS; k++)
            if (cache->entries[i][k].compiled)
                clear_entry(&cache->entries[i][k]);
    free(cache);
}

const pol_pattern *pol_pattern_cache_get(pol_pattern_cache *cache, pol_bytes pattern, char *why,
                                         size_t n_why)
{
    if (pattern.n > POL_PATTERN_TEXT_MAX) {
        snprintf(why, n_why, "pattern of %zu bytes is longer than %d", pattern.n,
                 POL_PATTERN_TEXT_MAX);
        return NULL;
    }
    entry *set = cache->entries[pol_bytes_hash(pattern) % SETS], *oldest = set;
    for (size_t k = 0; k < WAYS; k++) {
        entry *e = &set[k];
        if (e->compiled && pol_bytes_equal(pol_buf_view(&e->text), pattern)) {
            e->used = ++cache->turn;
            return e->compiled;
        }
        if (e->used < oldest->used)
            oldest = e;
    }
    pol_pattern *compiled = pol_pattern_new(pattern, why, n_why);
    if (!compiled)
        return NULL;
    if (oldest->compiled)
        clear_entry(oldest);
    *oldest = (entry){.compiled = compiled, .used = ++cache->turn};
    pol_buf_bytes(&oldest->text, pattern);
    return compiled;
}
