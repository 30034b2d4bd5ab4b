/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a token. One that can be taken apart has one spelling only: encoding its parts again gives the very token. One that
 * verifies against a key that nobody else has would be a forgery. What the cache of known tokens gives back is what was put in.
 */
#include "runtime/identity/jwt.h"
#include "runtime/identity/token_cache.h"
#include "runtime/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_spelling(pol_bytes token, const pol_jws *jws)
{
    pol_buf again = {0};
    pol_buf_bytes(&again, jws->signed_part);
    pol_buf_byte(&again, '.');
    again.n += pol_base64_encode(pol_buf_reserve(&again, pol_base64_size(jws->signature.n)), jws->signature, POL_BASE64URL);
    if (!pol_bytes_equal(pol_buf_view(&again), token))
        abort();
    pol_buf_clear(&again);
    again.n += pol_base64_encode(pol_buf_reserve(&again, pol_base64_size(jws->payload.n)), jws->payload, POL_BASE64URL);
    if (!pol_bytes_ends(jws->signed_part, pol_buf_view(&again)))
        abort();
    pol_buf_deinit(&again);
}

static void check_cache(pol_token_cache *cache, pol_bytes token, pol_value header, pol_value claims)
{
    uint8_t key[POL_TOKEN_DIGEST];
    pol_cached_token token_of = {.header = header, .claims = claims}, found;
    pol_arena arena;
    pol_arena_init(&arena, 0);
    pol_token_cache_key(POL_BYTES("id"), token, key);
    pol_token_cache_add(cache, key, &token_of);
    if (pol_token_cache_find(cache, key, &arena, &found) && !(pol_equal(header, found.header) && pol_equal(claims, found.claims)))
        abort();
    pol_arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const algs[] = {"HS256", "RS256", "ES256", "EdDSA"};
    uint8_t secret[32] = "a key that no seed was signed by";
    pol_key key = {.type = POL_KEY_OCT, .secret = secret, .n_secret = sizeof secret, .may_verify = true};
    pol_jwks keys = {.keys = &key, .n = 1};
    pol_jwt_rules rules = {.issuer = "joe", .algorithms = algs, .n_algorithms = 4};
    static pol_token_cache *cache; /* one for all runs: making it is what costs */
    if (!cache)
        cache = pol_token_cache_new();
    pol_bytes token = pol_bytes_of(data, size);
    pol_arena arena;
    pol_arena_init(&arena, 0);
    pol_jws jws;
    pol_value claims;
    if (!pol_jws_open(&arena, token, NULL, &jws)) {
        check_spelling(token, &jws);
        if (!pol_jwt_claims(&arena, &jws, NULL, &claims)) {
            (void)pol_jwt_judge(&jws, claims, &rules, 1300819000LL * 1000000000);
            check_cache(cache, token, jws.header, claims);
        }
    }
    if (!pol_jwt_verify(&arena, token, &keys, &rules, 1300819000LL * 1000000000, &jws, &claims))
        abort();
    pol_arena_deinit(&arena);
    return 0;
}
