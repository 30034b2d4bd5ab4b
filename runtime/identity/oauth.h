/* SPDX-License-Identifier: Apache-2.0
 * OAuth on the resource server's side: scopes, PKCE, answers of introspection, certificate-bound tokens, DPoP proofs.
 */
#pragma once

#include "runtime/identity/jwt.h"

/* The `scope` or `scp` of a token: a space-separated string or an array of tokens, as a sorted array without doubles. False when it is not
 * written as scopes. */
POL_MUST_USE bool pol_scopes_read(pol_arena *arena, pol_value scope, pol_value *scopes);

/* The value of the WWW-Authenticate header that answers decision, a decision object, when a missing scope denied it (RFC 6750, 3.1); appended. Nothing for others. */
void pol_scope_challenge(pol_buf *out, pol_value decision);

/* RFC 7636 with S256 only. NULL, or "method", "verifier_form", "challenge_mismatch". */
const char *pol_pkce_check(pol_bytes verifier, pol_bytes challenge, pol_bytes method);

/* An introspection answer (RFC 7662). */
typedef struct {
    int status;
    pol_bytes content_type, body;
} pol_introspection_answer;

typedef struct {
    const char *issuer;            /* NULL: no rule */
    const char *const *audiences;  /* n_audiences 0: no rule */
    unsigned n_audiences;
    double leeway_s;
    int64_t max_ttl_s, negative_ttl_s;
} pol_introspection_rules;

/* An answer that says that the token is active: its claims, of which nothing but types has been judged. NULL or a reason. */
const char *pol_introspection_read(pol_arena *arena, const pol_introspection_answer *answer, pol_value *claims);
/* NULL when claims of an active token are good now, or a reason; *ttl_s as below. */
const char *pol_introspection_claims_judge(pol_value claims, const pol_introspection_rules *rules, int64_t now_ns, int64_t *ttl_s);
/* NULL when the token is active and good now, or a reason; *ttl_s is how long the answer may be cached. */
const char *pol_introspection_judge(pol_arena *arena, const pol_introspection_answer *answer, const pol_introspection_rules *rules,
                                    int64_t now_ns, pol_value *claims, int64_t *ttl_s);

/* RFC 8705: is a token with these claims bound to the certificate of this request? sha256 is of the leaf's DER, NULL without
 * one. NULL (and *bound) or a reason: a `cnf` that cannot be checked refuses. */
const char *pol_binding_check(pol_value claims, const uint8_t *sha256, bool *bound);

/* What a DPoP proof (RFC 9449) has to fit. */
typedef struct {
    pol_bytes access_token, jkt, method, url;
    const char *const *algorithms;
    unsigned n_algorithms;
    double max_age_s, leeway_s;
} pol_dpop_rules;

/* NULL or a reason. That a proof is used once only is for the caller to see to, by its *jti (may be NULL; in the arena). */
const char *pol_dpop_check(pol_arena *arena, pol_bytes proof, const pol_dpop_rules *rules, int64_t now_ns, pol_bytes *jti);
