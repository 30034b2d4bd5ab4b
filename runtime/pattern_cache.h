/* SPDX-License-Identifier: Apache-2.0
 * Compiled patterns that are kept over decisions, at most POL_PATTERN_CACHE_MAX of them. One owner
 * at a time: an evaluator.
 */
#pragma once

#include "runtime/pattern.h"

enum { POL_PATTERN_CACHE_MAX = 256, POL_PATTERN_TEXT_MAX = 32768 };

typedef struct pol_pattern_cache pol_pattern_cache;

pol_pattern_cache *pol_pattern_cache_new(void);
/* NULL is allowed. */
void pol_pattern_cache_free(pol_pattern_cache *cache);
/* The compiled pattern, which lives until the next call. NULL when it does not compile or is longer
 * than POL_PATTERN_TEXT_MAX bytes; why says it. */
const pol_pattern *pol_pattern_cache_get(pol_pattern_cache *cache, pol_bytes pattern, char *why,
                                         size_t n_why);
