/* SPDX-License-Identifier: Apache-2.0
 * The certificates whose chains verified, with the document of each. One thread's: no lock is taken, and what is found is found without an allocation. An entry counts
 * until the first certificate of its path expires or a list changes; what responders say is looked up each time, not kept here.
 */
#pragma once

#include "runtime/identity/revocation.h"
#include "runtime/value.h"

typedef struct pol_chain_cache pol_chain_cache;

enum { POL_CHAIN_DIGEST = 32, POL_LINKS_MAX = 12 };

/* What revocation needs of a verified path: its certificates below the root, leaf first. */
typedef struct {
    unsigned n;
    uint32_t crl_good; /* bit i: a list says that the i-th is good */
    uint32_t named;    /* bit i: the i-th has a responder, and is looked up by its key */
    uint8_t keys[POL_LINKS_MAX][POL_CERT_KEY];
} pol_links;

typedef struct {
    pol_value document; /* as input.cert, with the revocation of then */
    uint8_t fingerprint[32];
    pol_links links;
    int64_t from_s, until_s;
} pol_known_chain;

/* NULL: no memory. */
pol_chain_cache *pol_chain_cache_new(void);
void pol_chain_cache_free(pol_chain_cache *cache);
/* Of a trust that is gone nothing will be asked again. */
void pol_chain_cache_clear(pol_chain_cache *cache);
/* The key of a certificate, in whatever form it came, under the roots that id stands for. source: how it came. */
void pol_chain_cache_key(pol_bytes id, const char *source, pol_bytes certificate, uint8_t key[POL_CHAIN_DIGEST]);
/* False: it is not there, or no longer. */
POL_MUST_USE bool pol_chain_cache_find(pol_chain_cache *cache, const uint8_t key[POL_CHAIN_DIGEST], int64_t now_s, pol_arena *arena, pol_known_chain *out);
/* A certificate with much in it is passed over. */
void pol_chain_cache_add(pol_chain_cache *cache, const uint8_t key[POL_CHAIN_DIGEST], const pol_known_chain *chain);
/* From any thread: how often something was found, and not. */
typedef struct {
    uint64_t hits, misses;
} pol_chain_counts;
pol_chain_counts pol_chain_cache_count(const pol_chain_cache *cache);
