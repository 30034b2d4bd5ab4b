/* SPDX-License-Identifier: Apache-2.0
 * The shadow bundle: decides what the serving one has decided, on a thread of its own, and never answers. Where the two differ it is counted, and written with both explanations to the file
 * of the setting `shadow.log`.
 */
#pragma once

#include "runtime/server/decide.h"

typedef struct pol_shadow pol_shadow;

/* NULL in *out: none is configured. To be called before workers start, for n of them; pol_shadow_start afterwards. */
POL_MUST_USE bool pol_shadow_new(pol_server *server, const pol_config *config, unsigned n_workers, pol_shadow **out, pol_error *err);
/* After the world was published. */
POL_MUST_USE bool pol_shadow_start(pol_shadow *shadow, pol_error *err);
/* After the workers have ended. Decisions that wait are not looked at any more. NULL is nothing. */
void pol_shadow_free(pol_shadow *shadow);

/* By a worker, about a decision of its own. */
void pol_shadow_note(pol_worker *worker, const pol_outcome *outcome);

/* How the shadow decided. */
typedef enum {
    POL_SHADOW_SAME,
    POL_SHADOW_ALLOWS, /* and the serving bundle does not */
    POL_SHADOW_DENIES, /* and the serving bundle does not */
    POL_SHADOW_RULES,  /* alike, but by other rules, another tier, or with another value */
    POL_SHADOW_ERROR,  /* not at all */
    POL_SHADOW_LOST,   /* it was not asked: a buffer was full */
    POL_SHADOW_COUNT
} pol_shadow_kind;
extern const char *const pol_shadow_words[POL_SHADOW_COUNT];
/* 0 for a NULL shadow. From any thread. */
uint64_t pol_shadow_count(const pol_shadow *shadow, pol_shadow_kind kind);
