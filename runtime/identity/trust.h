/* SPDX-License-Identifier: Apache-2.0
 * What the parts of identity ask of the configured trust (made by pol_trust_new of identity.h). Thread-safe: nothing changes after it is made.
 */
#pragma once

#include "runtime/identity/chain_cache.h"
#include "runtime/identity/identity.h"
#include "runtime/identity/jwt.h"
#include "runtime/identity/token_cache.h"
#include "runtime/identity/x509.h"

/* A token that was verified. All in the arena. */
typedef struct {
    pol_value header, claims;
    const char *subject_prefix; /* of its issuer; NULL: none */
    bool is_client;             /* the issuer marks it as a client's, without a user */
    bool is_opaque;             /* asked about; header is empty */
    const char *bound_name;     /* the SPIFFE ID or subject of the certificate that its sub is tied to by configuration; NULL: none */
} pol_verified_token;

/* Verifies a token against the configured issuers, by the handler that its shape or its issuer asks for. trust may be NULL. cache, view: the thread's, NULL: none. NULL or a reason. */
const char *pol_trust_token(const pol_trust *trust, pol_token_cache *cache, struct pol_view *view, pol_arena *arena, pol_bytes token, int64_t now_ns, pol_verified_token *out);

/* Does the holder of the connection forward certificates of others? uid: NULL, not known. name: SPIFFE ID or subject of its verified certificate; n == 0: none. */
bool pol_trust_is_proxy(const pol_trust *trust, const uint32_t *uid, pol_bytes name);
/* How old a DPoP proof may be. */
uint32_t pol_trust_dpop_age(const pol_trust *trust);

/* Names these keys and roots: what was verified under others is not found under it. trust may be NULL. */
pol_bytes pol_trust_id(const pol_trust *trust);

/* A chain that was verified, but for revocation. */
typedef struct {
    unsigned length;
    char spiffe_id[POL_SPIFFE_ID_MAX + 1]; /* "": none */
    int64_t until_s;
    pol_links links;
} pol_verified_chain;

/* Verifies a chain for a client, for an identity of a trust domain against that domain's roots: path, and the rules of X.509-SVIDs when it claims to be one.
 * trust may be NULL. NULL, or a reason. Takes nothing from an arena. */
const char *pol_trust_chain(const pol_trust *trust, const pol_chain *chain, int64_t now_ns, pol_verified_chain *out);
/* What is known now of the revocation of its certificates. NULL and *word for the document, or a reason. *is_watched (may be NULL): false when one of them is not, or no longer, among
 * those whose status is fetched. Waits for nothing. */
const char *pol_trust_revocation(const pol_trust *trust, const pol_links *links, int64_t now_ns, const char **word, bool *is_watched);
