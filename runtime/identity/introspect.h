/* SPDX-License-Identifier: Apache-2.0
 * Opaque tokens: asked of their issuer by RFC 7662, never while a decision waits in its thread. What is known is found; what is not is asked for once, whoever
 * wants it is told to come again, and is woken when the answer is there. Claims are judged anew by each decision.
 */
#pragma once

#include "runtime/identity/identity.h"
#include "runtime/identity/opaque_cache.h"
#include "runtime/value.h"

struct pol_fetcher;

/* ---- the client of one issuer's introspection endpoint; immutable, shared by counting ---- */
typedef struct pol_introspector pol_introspector;

/* Reads the files that config names. */
POL_MUST_USE bool pol_introspector_new(const char *issuer, const pol_introspector_config *config, pol_introspector **out, pol_error *err);
void pol_introspector_free(pol_introspector *introspector); /* one share; NULL is nothing */
/* May it be asked about a token that is no JWT? */
bool pol_introspector_takes(const pol_introspector *introspector, pol_bytes token);

/* ---- all that is known and under way; one of a process, it outlives every world ---- */
typedef struct pol_introspection pol_introspection;

/* The second level, which other processes share. Both return at once, whatever state it is in. */
typedef struct {
    void *context;
    /* Asks for the value of key; found is called once, from another thread, with n == 0 when there is none. False: not asked. */
    bool (*ask)(void *context, const uint8_t key[POL_OPAQUE_KEY], void (*found)(void *flight, pol_bytes value), void *flight);
    void (*keep)(void *context, const uint8_t key[POL_OPAQUE_KEY], pol_bytes value, int64_t until_ns);
} pol_introspection_store;

/* secret: what keys are hashed with; n == 0: a random one. */
POL_MUST_USE bool pol_introspection_new(pol_bytes secret, pol_introspection **out, pol_error *err);
/* Before the first decision. wake(context, waiter) from any thread. store may be NULL; it is copied. */
void pol_introspection_start(pol_introspection *all, struct pol_fetcher *fetcher, const pol_introspection_store *store,
                             void (*wake)(void *context, unsigned waiter), void *context);
/* Another clock than CLOCK_REALTIME, for tests. */
void pol_introspection_set_clock(pol_introspection *all, int64_t (*clock)(void));
/* Nobody is woken any more. */
void pol_introspection_stop(pol_introspection *all);
/* After the fetcher and the store have ended. */
void pol_introspection_free(pol_introspection *all);
/* How often the second level knew and did not, and how often an issuer was asked. From any thread. */
typedef struct {
    uint64_t stored_hits, stored_misses, asked;
} pol_introspection_counts;
pol_introspection_counts pol_introspection_count(pol_introspection *all);

enum { POL_WAITERS_MAX = 256 };
struct pol_view;

/* The claims that the issuer says an active token has, of which exp is not over. NULL or a reason; then view->pending says whether it will be known. view may be NULL. */
const char *pol_introspect(struct pol_view *view, pol_introspector *by, pol_arena *arena, pol_bytes token, int64_t now_ns, pol_value *claims);
/* Is the answer to key still awaited? */
bool pol_introspection_is_pending(pol_introspection *all, const uint8_t key[POL_OPAQUE_KEY]);
