/* SPDX-License-Identifier: Apache-2.0
 * Runner of a folder of JOSE vectors: jwt-cases.json, jwt-cases-large.json, wycheproof-jws.json, rfc-examples.json,
 * jwk-thumbprints.json; those that are there.
 */
#include "tests/identity/jwt_case.h"

static const char *const all_algs[] = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
                                       "EdDSA", "HS256", "HS384", "HS512"};
enum { N_ALGS = sizeof all_algs / sizeof *all_algs };

static const char *check_jws(pack *p, pol_value set, pol_value jws_text, pol_bytes *payload)
{
    pol_jwks *keys = NULL;
    pol_jws jws;
    if (jws_text.tag != POL_STRING)
        return pol_reason_token_malformed;
    if (!pol_jwks_read(set, POL_JWK_STRICT, &keys, NULL))
        return pol_reason_token_key;
    const char *why = pol_jws_open(&p->arena, pol_text(jws_text), NULL, &jws);
    if (!why)
        why = pol_jws_check(&jws, keys, all_algs, N_ALGS);
    pol_jwks_free(keys);
    if (payload)
        *payload = jws.payload;
    return why;
}

static void run_wycheproof(pack *p)
{
    pol_value cases = pack_read(p, "wycheproof-jws.json");
    for (uint32_t i = 0; cases.tag == POL_ARRAY && i < cases.n; i++) {
        pol_value c = pol_element(cases, i);
        judge(p, c, check_jws(p, get(c, "jwks"), get(c, "jws"), NULL));
    }
}

/* The payload as text, or as claims, is what the RFC says. */
static bool is_payload(pack *p, pol_value c, pol_bytes payload)
{
    pol_value text = get(c, "payload"), claims = get(c, "claims"), got;
    if (text.tag == POL_STRING)
        return pol_bytes_equal(pol_text(text), payload);
    return !pol_is_defined(claims) || (pol_json_read(&p->arena, payload, NULL, &got, NULL) && pol_equal(claims, got));
}

static void run_examples(pack *p)
{
    pol_value cases = pack_read(p, "rfc-examples.json");
    for (uint32_t i = 0; cases.tag == POL_ARRAY && i < cases.n; i++) {
        pol_value c = pol_element(cases, i), jwk = get(c, "jwk"), token = get(c, "token");
        pol_bytes payload = {0};
        pol_value list = pol_array_of(&p->arena, &jwk, 1);
        pol_builder set = pol_builder_new(&p->arena);
        pol_builder_put_text(&set, "keys", list);
        const char *why = check_jws(p, pol_builder_object(&set), token, &payload);
        if (!why && !is_payload(p, c, payload))
            why = "another payload";
        judge(p, c, why);
    }
}

static void run_thumbprints(pack *p)
{
    pol_value cases = pack_read(p, "jwk-thumbprints.json");
    for (uint32_t i = 0; cases.tag == POL_ARRAY && i < cases.n; i++) {
        pol_value c = pol_element(cases, i);
        const char *want = get_c(p, c, "sha256");
        char got[44] = "none";
        bool ok = pol_jwk_thumbprint(get(c, "jwk"), got);
        report(p, c, ok && want && strcmp(want, got) == 0, want ? want : "none", got);
    }
}

int main(int argc, char **argv)
{
    pack p;
    if (!pack_start(&p, argc, argv))
        return pack_usage("jose-vectors");
    run_jwt_file(&p, "jwt-cases.json");
    run_jwt_file(&p, "jwt-cases-large.json");
    run_wycheproof(&p);
    run_examples(&p);
    run_thumbprints(&p);
    return pack_finish(&p);
}
