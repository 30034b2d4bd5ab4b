/* SPDX-License-Identifier: Apache-2.0
 * What one thread sees of all that is fetched in the background for identities: what it knows by itself, and, where something is not known yet, what it has to wait for.
 */
#pragma once

#include "runtime/identity/introspect.h"
#include "runtime/identity/key_source.h"

/* Something that is under way. */
typedef struct pol_awaited {
    uint8_t key[POL_OPAQUE_KEY]; /* of an opaque token, where keys is 0 */
    unsigned keys;               /* 1 + the number of a key source */
} pol_awaited;

typedef struct pol_view {
    pol_introspection *introspection; /* NULL: no token is asked about */
    pol_opaque_cache *opaque;         /* NULL: no memory for one */
    pol_key_sources *sources;         /* NULL: no keys are fetched */
    pol_key_set *keys[POL_KEY_SOURCES_MAX]; /* of each source those seen last: a share */
    unsigned waiter;                  /* below POL_WAITERS_MAX */
    bool give_up;                     /* what is not known fails */
    bool pending;                     /* set when something has to be waited for, */
    pol_awaited awaited;              /* this */
} pol_view;

/* Is it still under way? */
bool pol_view_is_pending(const pol_view *view, const pol_awaited *awaited);
/* Gives back what it holds. */
void pol_view_deinit(pol_view *view);
