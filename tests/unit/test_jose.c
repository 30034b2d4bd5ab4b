/* SPDX-License-Identifier: Apache-2.0
 * Tokens, keys and claims: each rule broken once.
 */
#include "runtime/identity/oauth.h"
#include "tests/unit/identity_fixture.h"

static pol_arena arena;
static EVP_PKEY *key, *other_key;
static pol_jwks *keys;

static const char good_header[] = "{\"alg\":\"ES256\",\"kid\":\"k1\"}";
static const char good_claims[] = "{\"iss\":\"i\",\"aud\":[\"x\",\"a\"],\"exp\":1800000001.5,\"nbf\":1800000000,\"iat\":0}";

static pol_jwks *read_set(const char *json)
{
    pol_jwks *out = NULL;
    pol_error err;
    if (!pol_jwks_read(from_json(&arena, json), POL_JWK_STRICT, &out, &err))
        return NULL;
    return out;
}

static int make_keys(void **state)
{
    (void)state;
    pol_buf text = {0};
    pol_arena_init(&arena, 0);
    key = make_ec_key();
    other_key = make_ec_key();
    pol_buf_text(&text, "{\"keys\":[");
    put_jwk(&text, key);
    pol_buf_text(&text, ",{\"kty\":\"oct\",\"kid\":\"short\",\"k\":\"AAAA\"},{\"kty\":\"unknown\"},5]}");
    keys = read_set((const char *)text.at);
    assert_non_null(keys);
    assert_int_equal(keys->n, 2);
    pol_buf_deinit(&text);
    return 0;
}

static int free_keys(void **state)
{
    (void)state;
    pol_jwks_free(keys);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other_key);
    pol_arena_deinit(&arena);
    return 0;
}

static const char *verify(pol_bytes token)
{
    static const char *const audiences[] = {"a"}, *const algorithms[] = {"ES256", "HS256", "none"}, *const required[] = {"exp"};
    pol_jwt_rules rules = {.issuer = "i", .audiences = audiences, .n_audiences = 1, .algorithms = algorithms, .n_algorithms = 3,
                           .required = required, .n_required = 1, .limits = {.max_bytes = 2000, .max_depth = 8}};
    pol_jws jws;
    pol_value claims;
    const char *why = pol_jwt_verify(&arena, token, keys, &rules, NOW_NS, &jws, &claims);
    assert_true(why ? !pol_is_defined(claims) : claims.tag == POL_OBJECT);
    return why ? why : "ok";
}

static void assert_verify(const char *header, const char *claims, const char *want)
{
    assert_string_equal(verify(make_token(&arena, key, header, claims)), want);
}

static void a_good_token_verifies(void **state)
{
    (void)state;
    assert_verify(good_header, good_claims, "ok");
    assert_verify("{\"alg\":\"ES256\"}", good_claims, "ok");
    assert_verify("{\"alg\":\"ES256\",\"jku\":\"https://evil.example\",\"x5u\":\"file:///etc/passwd\"}", good_claims, "ok");
}

static void headers_that_ask_for_more_are_refused(void **state)
{
    (void)state;
    assert_verify("{\"alg\":\"none\"}", good_claims, "token_alg");
    assert_verify("{\"alg\":\"RS256\"}", good_claims, "token_alg");
    assert_verify("{\"alg\":[\"ES256\"]}", good_claims, "token_alg");
    assert_verify("{}", good_claims, "token_alg");
    assert_verify("{\"alg\":\"ES256\",\"crit\":[]}", good_claims, "token_crit");
    assert_verify("{\"alg\":\"ES256\",\"b64\":true}", good_claims, "token_crit");
    assert_verify("{\"alg\":\"ES256\",\"kid\":\"k2\"}", good_claims, "token_key");
    assert_verify("{\"alg\":\"ES256\",\"kid\":null}", good_claims, "token_header");
    assert_verify("{\"alg\":\"ES256\",\"alg\":\"ES256\"}", good_claims, "token_json");
    assert_verify("[]", good_claims, "token_json");
    assert_verify("{\"alg\":\"ES256\",\"x\":[[[[[[[[[1]]]]]]]]]}", good_claims, "token_json");
    /* an HMAC key shorter than the hash fits nothing, and a public key is never an HMAC key */
    assert_verify("{\"alg\":\"HS256\",\"kid\":\"short\"}", good_claims, "token_key");
    assert_verify("{\"alg\":\"HS256\",\"kid\":\"k1\"}", good_claims, "token_key");
}

static void claims_are_judged_one_by_one(void **state)
{
    (void)state;
    static const struct {
        const char *claims, *want;
    } rows[] = {
        {"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1800000000}", "token_expired"},
        {"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1800000001,\"nbf\":1800000000.5}", "token_not_yet_valid"},
        {"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1800000001,\"iat\":1800000001}", "token_not_yet_valid"},
        {"{\"iss\":\"i\",\"aud\":\"a\"}", "token_claim_missing"},
        {"{\"aud\":\"a\",\"exp\":1800000001}", "token_claim_missing"},
        {"{\"iss\":\"I\",\"aud\":\"a\",\"exp\":1800000001}", "token_issuer"},
        {"{\"iss\":\"i\",\"aud\":\"A\",\"exp\":1800000001}", "token_audience"},
        {"{\"iss\":\"i\",\"aud\":[\"a\",1],\"exp\":1800000001}", "token_claim_type"},
        {"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":\"1800000001\"}", "token_claim_type"},
        {"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":-1}", "token_claim_type"},
        {"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":253402300800}", "token_claim_type"},
        {"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1e999}", "token_claim_type"},
        {"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1800000001,\"sub\":7}", "token_claim_type"},
        {"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1800000001,\"x\":\"\\u0000\"}", "token_json"},
        {"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1800000001}x", "token_json"},
        {"\"text\"", "token_json"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_verify(good_header, rows[i].claims, rows[i].want);
}

static void a_token_has_one_spelling(void **state)
{
    (void)state;
    pol_bytes good = make_token(&arena, key, good_header, good_claims);
    char text[1000];
    static const char *const tails[] = {".", "=", "\n", " ", "A", "?"};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        int n = snprintf(text, sizeof text, "%.*s%s", (int)good.n, (const char *)good.at, tails[i]);
        assert_string_not_equal(verify(pol_bytes_of(text, (size_t)n)), "ok");
    }
    assert_string_equal(verify(pol_bytes_of(good.at, good.n - 1)), "token_encoding");
    assert_string_equal(verify(pol_bytes_of(good.at, good.n - 2)), "token_signature");
    assert_string_equal(verify(POL_BYTES("")), "token_malformed");
    assert_string_equal(verify(POL_BYTES("..")), "token_json");
    memset(text, 'A', sizeof text);
    uint8_t *large = pol_arena_zero(&arena, 1, 2001);
    assert_string_equal(verify(pol_bytes_of(large, 2001)), "token_too_large");
    assert_string_equal(verify(make_token(&arena, other_key, good_header, good_claims)), "token_signature");
}

static void key_sets_are_read_strictly(void **state)
{
    (void)state;
    static const char *const none[] = {
        "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"sXch\",\"e\":\"AQAB\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"AAAA\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"AAAA\",\"y\":\"AAAA\"}]}",
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}]}",
        "{\"keys\":[{\"kty\":\"oct\"},{\"kty\":\"oct\",\"k\":\"A\"},{\"kty\":\"oct\",\"k\":\"AAAA\",\"kid\":7}]}",
        "{\"keys\":[]}",
    };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        pol_jwks *set = read_set(none[i]);
        assert_non_null(set);
        assert_int_equal(set->n, 0);
        pol_jwks_free(set);
    }
    assert_null(read_set("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\",\"kid\":\"a\"},{\"kty\":\"oct\",\"k\":\"AAAB\",\"kid\":\"a\"}]}"));
    assert_null(read_set("{\"keys\":{}}"));
    assert_null(read_set("[]"));
}

static void keys_say_what_they_are_for(void **state)
{
    (void)state;
    pol_jwks *set = read_set("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\",\"use\":\"enc\"},{\"kty\":\"oct\",\"k\":\"AAAA\",\"key_ops\":[\"sign\"]},"
                             "{\"kty\":\"oct\",\"k\":\"AAAA\",\"use\":\"sig\",\"key_ops\":[\"sign\",\"verify\"]}]}");
    assert_int_equal(set->n, 3);
    assert_false(set->keys[0].may_verify);
    assert_false(set->keys[1].may_verify);
    assert_true(set->keys[2].may_verify);
    pol_jwks_free(set);
}

static void scopes_are_whole_tokens(void **state)
{
    (void)state;
    pol_value scopes;
    assert_true(pol_scopes_read(&arena, pol_string_text(" b  a b "), &scopes));
    assert_json(scopes, "[\"a\",\"b\"]");
    assert_true(pol_scopes_read(&arena, from_json(&arena, "[\"x:y\"]"), &scopes));
    assert_json(scopes, "[\"x:y\"]");
    assert_false(pol_scopes_read(&arena, pol_string_text("a\tb"), &scopes));
    assert_false(pol_scopes_read(&arena, from_json(&arena, "[\"a b\"]"), &scopes));
    assert_false(pol_scopes_read(&arena, pol_int(1), &scopes));
}

static void a_missing_scope_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *decision, *want;
    } rows[] = {
        {"{\"effect\":\"forbid\",\"reasons\":[{\"rule\":\"scope\",\"text\":\"the token needs one of the scopes: a:b, c,d\"}]}",
         "Bearer error=\"insufficient_scope\", error_description=\"the token does not have a scope that covers this\", scope=\"a:b c,d\""},
        {"{\"effect\":\"forbid\",\"reasons\":[{\"rule\":\"p.x\",\"text\":\"t\"},{\"rule\":\"scope\",\"text\":\"no scope covers this action\"}]}",
         "Bearer error=\"insufficient_scope\", error_description=\"no scope covers this\""},
        {"{\"effect\":\"forbid\",\"reasons\":[{\"rule\":\"scope\",\"text\":\"the token needs one of the scopes: a\\\"\\r\\nX: y\"}]}", ""},
        {"{\"effect\":\"forbid\",\"reasons\":[{\"rule\":\"p.scope\",\"text\":\"the token needs one of the scopes: a\"}]}", ""},
        {"{\"effect\":\"permit\",\"reasons\":[{\"rule\":\"scope\",\"text\":\"the token needs one of the scopes: a\"}]}", ""},
        {"{\"effect\":\"forbid\",\"reasons\":\"x\"}", ""},
        {"false", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pol_buf out = {0};
        pol_scope_challenge(&out, from_json(&arena, rows[i].decision));
        assert_string_equal(out.n ? (const char *)out.at : "", rows[i].want);
        pol_buf_deinit(&out);
    }
}

static void pkce_is_s256_only(void **state)
{
    (void)state;
    /* RFC 7636, appendix B */
    pol_bytes verifier = POL_BYTES("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    pol_bytes challenge = POL_BYTES("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    assert_null(pol_pkce_check(verifier, challenge, POL_BYTES("S256")));
    assert_string_equal(pol_pkce_check(verifier, verifier, POL_BYTES("plain")), "method");
    assert_string_equal(pol_pkce_check(verifier, verifier, POL_BYTES("S256")), "challenge_mismatch");
    assert_string_equal(pol_pkce_check(POL_BYTES("short"), challenge, POL_BYTES("S256")), "verifier_form");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_token_verifies),
        cmocka_unit_test(headers_that_ask_for_more_are_refused),
        cmocka_unit_test(claims_are_judged_one_by_one),
        cmocka_unit_test(a_token_has_one_spelling),
        cmocka_unit_test(key_sets_are_read_strictly),
        cmocka_unit_test(keys_say_what_they_are_for),
        cmocka_unit_test(scopes_are_whole_tokens),
        cmocka_unit_test(a_missing_scope_is_told),
        cmocka_unit_test(pkce_is_s256_only),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
