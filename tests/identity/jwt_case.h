/* SPDX-License-Identifier: Apache-2.0
 * One case of jwt-cases.json or at-jwt.json: a token, a key set and what the issuer is configured to.
 */
#pragma once

#include "runtime/identity/jwt.h"
#include "tests/identity/pack.h"

static inline void run_jwt_case(pack *p, pol_value c)
{
    pol_value options = get(c, "options");
    pol_jwt_rules rules = {.issuer = get_c(p, options, "issuer"), .typ = get_c(p, options, "typ"), .leeway_s = get_number(options, "leeway")};
    rules.audiences = get_list(p, options, "audience", &rules.n_audiences);
    rules.algorithms = get_list(p, options, "algs", &rules.n_algorithms);
    rules.required = get_list(p, options, "require", &rules.n_required);
    rules.limits.max_bytes = (size_t)get_number(options, "max_token_bytes");
    rules.limits.max_depth = (uint32_t)get_number(options, "max_depth");
    int64_t now_ns = (int64_t)(get_number(options, "now") * 1e9);
    pol_jwks *keys = NULL;
    pol_jws jws;
    pol_value claims;
    const char *why = pol_reason_token_key;
    if (pol_jwks_read(get(c, "jwks"), POL_JWK_STRICT, &keys, NULL))
        why = pol_jwt_verify(&p->arena, get_text(c, "token"), keys, &rules, now_ns, &jws, &claims);
    pol_jwks_free(keys);
    judge(p, c, why);
}

static inline void run_jwt_file(pack *p, const char *name)
{
    pol_value cases = pack_read(p, name);
    for (uint32_t i = 0; cases.tag == POL_ARRAY && i < cases.n; i++)
        run_jwt_case(p, pol_element(cases, i));
}
