/* SPDX-License-Identifier: Apache-2.0
 * Claims of a JWT (RFC 7519, RFC 9068): types, times, issuer, audience, required claims. Signatures are jose.h's.
 */
#pragma once

#include "runtime/identity/jose.h"

typedef struct {
    const char *issuer;               /* exact */
    const char *const *audiences;     /* any of; n_audiences 0: no rule */
    unsigned n_audiences;
    const char *const *algorithms;
    unsigned n_algorithms;
    const char *const *required;      /* claims that must be there */
    unsigned n_required;
    const char *typ;                  /* "at+jwt", or NULL: no rule */
    double leeway_s;
    pol_jws_limits limits;
} pol_jwt_rules;

/* The claims document of an opened token: one strict JSON object. NULL or a reason. */
const char *pol_jwt_claims(pol_arena *arena, const pol_jws *jws, const pol_jws_limits *limits, pol_value *claims);
/* Types of the registered claims, `typ`, then issuer, audience, times and required claims. NULL or a reason. */
const char *pol_jwt_judge(const pol_jws *jws, pol_value claims, const pol_jwt_rules *rules, int64_t now_ns);
/* All of it in order: split, signature, claims. NULL or a reason; header is in jws->header. */
const char *pol_jwt_verify(pol_arena *arena, pol_bytes token, const pol_jwks *keys, const pol_jwt_rules *rules, int64_t now_ns,
                           pol_jws *jws, pol_value *claims);

/* A NumericDate within years 1970 to 9999 in seconds. */
POL_MUST_USE bool pol_jwt_date(pol_value v, long double *seconds);
/* Registered claims that are there have their types, dates their range. */
bool pol_claims_typed(pol_value claims);
/* `aud`, typed as above, holds one of the audiences. */
bool pol_audience_ok(pol_value aud, const char *const *audiences, unsigned n);
