/* SPDX-License-Identifier: Apache-2.0
 * Keys of issuers that are fetched: a JWKS by its URL, or by the URL that the issuer's metadata names (RFC 8414, OpenID Connect Discovery). They are fetched ahead of need and, for a
 * key that is not known, at once; decisions find them without a lock and without waiting in their thread.
 */
#pragma once

#include "runtime/identity/jose.h"

#include <stdatomic.h>

struct pol_fetcher;
struct pol_view;

/* The keys that an answer held. Immutable, shared by counting. */
typedef struct {
    atomic_uint shares;
    uint64_t version; /* of all sets of the process each has its own, from 1 */
    pol_jwks *jwks;
} pol_key_set;

typedef struct {
    const char *issuer;
    const char *url;         /* of the JWKS; NULL: it is discovered */
    const char *ca_file;     /* NULL: the system's roots */
    uint32_t timeout_ms;     /* of one request */
    uint64_t refresh_ms;     /* how old keys may get before they are asked for again; Cache-Control may say less */
    uint64_t early_ms;       /* two requests for unknown keys are at least so far apart */
    uint64_t max_stale_ms;   /* for how long keys count that could not be refreshed */
} pol_key_source_config;

/* ---- all sources of a process; they outlive every world ---- */
enum { POL_KEY_SOURCES_MAX = 256 };
typedef struct pol_key_sources pol_key_sources;

/* Something for the log: failed, or taken up. Texts are without secrets. */
typedef void pol_key_source_tell(void *context, const char *issuer, const char *text, bool failed);

POL_MUST_USE bool pol_key_sources_new(pol_key_source_tell *tell, void *context, pol_key_sources **out, pol_error *err);
/* Before the first decision: fetching begins. wake(context, waiter) from any thread. */
void pol_key_sources_start(pol_key_sources *all, struct pol_fetcher *fetcher, void (*wake)(void *context, unsigned waiter), void *context);
/* Nobody is woken any more. */
void pol_key_sources_stop(pol_key_sources *all);
/* After the fetcher, every trust and every view. NULL is nothing. */
void pol_key_sources_free(pol_key_sources *all);

/* ---- one of them ---- */
typedef struct pol_key_source pol_key_source;

/* A share of the source with these settings, whose keys stay when the trust that asks is replaced by another. Its first keys are fetched at once. */
POL_MUST_USE bool pol_key_source_open(pol_key_sources *all, const pol_key_source_config *config, pol_key_source **out, pol_error *err);
void pol_key_source_close(pol_key_source *source); /* NULL is nothing */

/* What is known now; NULL: nothing. By a view without a lock, and good until the view is asked again; without one a share that pol_key_set_release takes back. */
pol_key_set *pol_key_source_keys(pol_key_source *source, struct pol_view *view);
void pol_key_set_release(pol_key_set *set); /* NULL is nothing */
/* What is known is not enough: has it fetched, unless that was done just now. Where an answer is under way, view (may be NULL) is told what it has to wait for. */
void pol_key_source_need(pol_key_source *source, struct pol_view *view);
bool pol_key_source_is_pending(pol_key_sources *all, unsigned number);

typedef struct {
    const char *issuer; /* borrowed for the call */
    uint64_t fetched, failed;
    unsigned n_keys;
    bool known;
    int64_t age_ms; /* since keys were last fetched, or found unchanged */
} pol_key_source_state;
/* Calls visit for every source. */
void pol_key_sources_visit(pol_key_sources *all, void (*visit)(void *context, const pol_key_source_state *state), void *context);

/* Reads the answers of issuers, which are not to be trusted in their form. NULL, or what is wrong. Both take texts with a NUL behind them. */
const char *pol_key_metadata_read(pol_arena *arena, const char *issuer, pol_bytes text, const char **jwks_url);
const char *pol_key_set_read(pol_bytes text, pol_jwks **out);
