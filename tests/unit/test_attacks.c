/* SPDX-License-Identifier: Apache-2.0
 * What RFC 8725, 8705, 9068 and 9700 tell a verifier to guard against, tried against configured issuers as the daemon has them. docs/security.md names these tests.
 */
#include "runtime/identity/oauth.h"
#include "runtime/identity/trust.h"
#include "tests/unit/identity_fixture.h"

static pol_arena arena;
static EVP_PKEY *key, *other_key;
static pol_trust *trust;

#define TIMES "\"exp\":1800000600,\"iat\":1800000000"
#define PROFILE "\"iss\":\"https://a.example\",\"aud\":\"orders\",\"sub\":\"ann\",\"client_id\":\"web\",\"jti\":\"1\","

static const char at_header[] = "{\"alg\":\"ES256\",\"kid\":\"k1\",\"typ\":\"at+jwt\"}";
static const char at_claims[] = "{" PROFILE TIMES "}";
static const char plain_header[] = "{\"alg\":\"ES256\",\"kid\":\"k1\"}";

static const char *write_jwks(char path[64], EVP_PKEY *public, const char *more)
{
    pol_buf text = {0};
    pol_buf_text(&text, "{\"keys\":[");
    put_jwk(&text, public);
    pol_buf_printf(&text, "%s]}", more);
    write_file(path, pol_buf_view(&text));
    pol_buf_deinit(&text);
    return path;
}

/* a.example gives access tokens by RFC 9068, b.example plain ones, with a key of its own and an HMAC key for HS512 only. */
static int make_all(void **state)
{
    (void)state;
    char a[64], b[64];
    static const char *const audiences[] = {"orders"}, *const ecdsa[] = {"ES256"}, *const more[] = {"ES256", "HS256", "HS512"};
    static const char *const clients[] = {"gty => client-credentials"}, *const refused[] = {"gty => implicit", "amr => none => none"};
    pol_arena_init(&arena, 0);
    key = make_ec_key();
    other_key = make_ec_key();
    write_jwks(a, key, "");
    write_jwks(b, other_key, ",{\"kty\":\"oct\",\"kid\":\"mac\",\"alg\":\"HS512\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}");
    pol_issuer_config issuers[] = {
        {.issuer = "https://a.example", .jwks_file = a, .audiences = audiences, .n_audiences = 1, .algorithms = ecdsa, .n_algorithms = 1, .at_jwt = true,
         .leeway_s = 30},
        {.issuer = "https://b.example", .jwks_file = b, .audiences = audiences, .n_audiences = 1, .algorithms = more, .n_algorithms = 3, .leeway_s = 30,
         .subject_prefix = "b:", .client_claims = clients, .n_client_claims = 1, .refused_claims = refused, .n_refused_claims = 2},
    };
    pol_trust_config config = {.issuers = issuers, .n_issuers = 2};
    pol_error err;
    if (!pol_trust_new(&config, &trust, &err))
        fail_msg("%s", err.text);
    unlink(a);
    unlink(b);
    return 0;
}

static int free_all(void **state)
{
    (void)state;
    pol_trust_free(trust);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other_key);
    pol_arena_deinit(&arena);
    return 0;
}

static const char *judge(pol_bytes token)
{
    pol_verified_token seen;
    const char *why = pol_trust_token(trust, NULL, NULL, &arena, token, NOW_NS, &seen);
    return why ? why : "ok";
}

static const char *signed_by(EVP_PKEY *by, const char *header, const char *claims)
{
    return judge(make_token(&arena, by, header, claims));
}

static void a_key_is_for_one_algorithm(void **state)
{
    (void)state;
    static uint8_t secret[64];
    static const char claims[] = "{\"iss\":\"https://b.example\",\"aud\":\"orders\",\"sub\":\"ann\"," TIMES "}";
    static const char *const names[] = {"HS256", "HS512"}, *const wanted[] = {"token_key", "ok"};
    pol_key mac = {.type = POL_KEY_OCT, .secret = secret, .n_secret = 64};
    for (unsigned i = 0; i < 2; i++) {
        char header[60];
        uint8_t text[600], signature[POL_SIGNATURE_MAX];
        size_t n, n_signature;
        snprintf(header, sizeof header, "{\"alg\":\"%s\",\"kid\":\"mac\"}", names[i]);
        n = pol_base64_encode(text, pol_bytes_text(header), POL_BASE64URL);
        text[n++] = '.';
        n += pol_base64_encode(text + n, pol_bytes_text(claims), POL_BASE64URL);
        assert_true(pol_sign(&mac, pol_alg_find(pol_bytes_text(names[i])), pol_bytes_of(text, n), signature, &n_signature));
        text[n++] = '.';
        n += pol_base64_encode(text + n, pol_bytes_of(signature, n_signature), POL_BASE64URL);
        assert_string_equal(judge(pol_bytes_of(text, n)), wanted[i]);
    }
}

static void points_off_the_curve_are_no_keys(void **state)
{
    (void)state;
    pol_buf good = {0};
    pol_key read;
    const char *why;
    put_jwk(&good, key);
    assert_true(pol_jwk_read(from_json(&arena, (const char *)good.at), POL_JWK_STRICT, &read, &why));
    pol_key_deinit(&read);
    char *x = strstr((char *)good.at, "\"x\":\"") + 5;
    x[4] = x[4] == 'A' ? 'B' : 'A';
    assert_false(pol_jwk_read(from_json(&arena, (const char *)good.at), POL_JWK_STRICT, &read, &why));
    assert_string_equal(why, "the point is not on its curve");
    pol_buf_deinit(&good);
}

static void encrypted_tokens_are_refused(void **state)
{
    (void)state;
    assert_string_equal(judge(POL_BYTES("eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00iLCJ6aXAiOiJERUYifQ.AAAA.AAAA.AAAA.AAAA")), "token_malformed");
    assert_string_equal(signed_by(key, "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"zip\":\"DEF\"}", at_claims), "token_alg");
}

static void text_that_is_not_utf8_is_refused(void **state)
{
    (void)state;
    assert_string_equal(signed_by(key, at_header, "{" PROFILE TIMES ",\"x\":\"\xc3\xa9\"}"), "ok");
    static const char *const bad[] = {"\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\\ud800"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char claims[300], header[100];
        snprintf(claims, sizeof claims, "{" PROFILE TIMES ",\"x\":\"%s\"}", bad[i]);
        assert_string_equal(signed_by(key, at_header, claims), "token_json");
        snprintf(header, sizeof header, "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"x\":\"%s\"}", bad[i]);
        assert_string_equal(signed_by(key, header, at_claims), "token_json");
    }
    /* UTF-16, as a file of it begins */
    assert_string_equal(signed_by(key, at_header, "\xff\xfe{"), "token_json");
}

static void a_key_of_one_issuer_signs_for_no_other(void **state)
{
    (void)state;
    assert_string_equal(signed_by(key, at_header, at_claims), "ok");
    assert_string_equal(signed_by(other_key, at_header, at_claims), "token_signature");
    static const char of_b[] = "{\"iss\":\"https://b.example\",\"aud\":\"orders\",\"sub\":\"ann\"," TIMES "}";
    assert_string_equal(signed_by(other_key, plain_header, of_b), "ok");
    assert_string_equal(signed_by(key, plain_header, of_b), "token_signature");
    static const char *const names[] = {"https://A.example", "https://a.example/", "http://a.example", "a.example", ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char claims[300];
        snprintf(claims, sizeof claims, "{\"iss\":\"%s\",\"aud\":\"orders\",\"sub\":\"ann\",\"client_id\":\"web\",\"jti\":\"1\"," TIMES "}", names[i]);
        assert_string_equal(signed_by(key, at_header, claims), "token_issuer");
    }
}

static void a_header_fetches_nothing_and_brings_no_key(void **state)
{
    (void)state;
    pol_buf jwk = {0};
    put_jwk(&jwk, other_key);
    static const struct {
        const char *before;
        bool jwk;
    } headers[] = {
        {"\"jwk\":", true},
        {"\"kid\":\"k1\",\"jwk\":", true},
        {"\"jku\":\"http://127.0.0.1:9/\"", false},
        {"\"x5u\":\"http://127.0.0.1:9/\",\"x5c\":[\"AAAA\"]", false},
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        char header[600];
        snprintf(header, sizeof header, "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",%s%s}", headers[i].before, headers[i].jwk ? (const char *)jwk.at : "");
        assert_string_equal(signed_by(other_key, header, at_claims), "token_signature");
        assert_string_equal(signed_by(key, header, at_claims), "ok");
    }
    pol_buf_deinit(&jwk);
    static const char *const kids[] = {"../../../dev/null", "' OR '1'='1", "k1\\u0000", "K1", "", "https://evil.example/keys"};
    for (size_t i = 0; i < sizeof kids / sizeof *kids; i++) {
        char header[200];
        snprintf(header, sizeof header, "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}", kids[i]);
        assert_string_equal(signed_by(key, header, at_claims), strstr(kids[i], "u0000") ? "token_json" : "token_key");
    }
}

static void types_are_explicit(void **state)
{
    (void)state;
    static const struct {
        const char *header, *want;
    } rows[] = {
        {"{\"alg\":\"ES256\",\"typ\":\"AT+JWT\"}", "ok"},
        {"{\"alg\":\"ES256\",\"typ\":\"application/at+jwt\"}", "ok"},
        {"{\"alg\":\"ES256\",\"typ\":\"JWT\"}", "token_typ"},
        {"{\"alg\":\"ES256\"}", "token_typ"},
        {"{\"alg\":\"ES256\",\"typ\":\"at+jwt \"}", "token_typ"},
        {"{\"alg\":\"ES256\",\"typ\":\"text/at+jwt\"}", "token_typ"},
        {"{\"alg\":\"ES256\",\"typ\":[\"at+jwt\"]}", "token_typ"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(signed_by(key, rows[i].header, at_claims), rows[i].want);
}

static void one_kind_of_token_is_not_taken_for_another(void **state)
{
    (void)state;
    static const char proof_claims[] = "{\"jti\":\"1\",\"htm\":\"GET\",\"htu\":\"https://api.example/x\",\"ath\":\"x\"," TIMES "}";
    static const char *const algorithms[] = {"ES256"};
    /* an ID token, a logout token and a DPoP proof are no access tokens */
    assert_string_equal(signed_by(key, "{\"alg\":\"ES256\",\"typ\":\"JWT\"}", "{\"iss\":\"https://a.example\",\"aud\":\"orders\",\"sub\":\"ann\",\"nonce\":\"n\"," TIMES "}"),
                        "token_typ");
    assert_string_equal(signed_by(key, "{\"alg\":\"ES256\",\"typ\":\"logout+jwt\"}", at_claims), "token_typ");
    assert_string_equal(signed_by(key, "{\"alg\":\"ES256\",\"typ\":\"dpop+jwt\"}", at_claims), "token_typ");
    assert_string_equal(signed_by(key, "{\"alg\":\"ES256\",\"typ\":\"dpop+jwt\"}", proof_claims), "token_issuer");
    /* and an access token is no DPoP proof */
    pol_dpop_rules rules = {.algorithms = algorithms, .n_algorithms = 1, .max_age_s = 60};
    assert_string_equal(pol_dpop_check(&arena, make_token(&arena, key, at_header, proof_claims), &rules, NOW_NS, NULL), "dpop_typ");
}

static void the_profile_for_access_tokens_is_whole(void **state)
{
    (void)state;
    static const char *const members[] = {"\"iss\":\"https://a.example\"", "\"exp\":1800000600", "\"aud\":\"orders\"", "\"sub\":\"ann\"",
                                          "\"client_id\":\"web\"", "\"iat\":1800000000", "\"jti\":\"1\""};
    enum { N = sizeof members / sizeof *members };
    for (size_t left_out = 0; left_out <= N; left_out++) {
        pol_buf claims = {0};
        for (size_t i = 0; i < N; i++) {
            if (i != left_out)
                pol_buf_printf(&claims, "%c%s", claims.n ? ',' : '{', members[i]);
        }
        pol_buf_byte(&claims, '}');
        const char *want = left_out == N ? "ok" : left_out == 0 ? "token_issuer" : "token_claim_missing";
        assert_string_equal(signed_by(key, at_header, (const char *)claims.at), want);
        pol_buf_deinit(&claims);
    }
    assert_string_equal(signed_by(key, "{\"alg\":\"none\",\"typ\":\"at+jwt\"}", at_claims), "token_alg");
    assert_string_equal(signed_by(key, at_header, "{" PROFILE "\"iat\":1799990000,\"exp\":1799999970}"), "token_expired");
    assert_string_equal(signed_by(key, at_header, "{" PROFILE "\"iat\":1799990000,\"exp\":1799999971}"), "ok");
    assert_string_equal(signed_by(key, at_header, "{\"iss\":\"https://a.example\",\"aud\":\"bills\",\"sub\":\"ann\",\"client_id\":\"web\",\"jti\":\"1\"," TIMES "}"),
                        "token_audience");
}

static void tokens_of_the_implicit_flow_are_refused_where_they_are_marked(void **state)
{
    (void)state;
    static const struct {
        const char *member, *want;
        bool client;
    } rows[] = {
        {"\"gty\":\"implicit\"", "token_grant", false},        {"\"gty\":[\"x\",\"implicit\"]", "token_grant", false},
        {"\"gty\":\"Implicit\"", "ok", false},                 {"\"gty\":\"password\"", "ok", false},
        {"\"gty\":\"client-credentials\"", "ok", true},        {"\"gty\":[[\"implicit\"],7]", "ok", false},
        {"\"amr\":\"none => none\"", "token_grant", false},    {"\"gty\":{\"implicit\":true}", "ok", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char claims[300];
        pol_verified_token seen;
        snprintf(claims, sizeof claims, "{\"iss\":\"https://b.example\",\"aud\":\"orders\",\"sub\":\"ann\"," TIMES ",%s}", rows[i].member);
        const char *why = pol_trust_token(trust, NULL, NULL, &arena, make_token(&arena, other_key, plain_header, claims), NOW_NS, &seen);
        assert_string_equal(why ? why : "ok", rows[i].want);
        assert_int_equal(seen.is_client, rows[i].client);
    }
}

static void the_confirmation_of_an_introspected_token_counts(void **state)
{
    (void)state;
    static const uint8_t hash[32] = {1}, other[32] = {2};
    uint8_t text[44];
    char body[300];
    size_t n = pol_base64_encode(text, pol_bytes_of(hash, sizeof hash), POL_BASE64URL);
    snprintf(body, sizeof body, "{\"active\":true,\"sub\":\"ann\",\"cnf\":{\"x5t#S256\":\"%.*s\"}}", (int)n, text);
    pol_introspection_answer answer = {.status = 200, .content_type = POL_BYTES("application/json"), .body = pol_bytes_text(body)};
    pol_introspection_rules rules = {.max_ttl_s = 60};
    pol_value claims;
    int64_t ttl_s;
    bool bound;
    assert_null(pol_introspection_judge(&arena, &answer, &rules, NOW_NS, &claims, &ttl_s));
    assert_null(pol_binding_check(claims, hash, &bound));
    assert_true(bound);
    assert_string_equal(pol_binding_check(claims, other, &bound), "binding_mismatch");
    assert_string_equal(pol_binding_check(claims, NULL, &bound), "binding_mismatch");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_for_one_algorithm),
        cmocka_unit_test(points_off_the_curve_are_no_keys),
        cmocka_unit_test(encrypted_tokens_are_refused),
        cmocka_unit_test(text_that_is_not_utf8_is_refused),
        cmocka_unit_test(a_key_of_one_issuer_signs_for_no_other),
        cmocka_unit_test(a_header_fetches_nothing_and_brings_no_key),
        cmocka_unit_test(types_are_explicit),
        cmocka_unit_test(one_kind_of_token_is_not_taken_for_another),
        cmocka_unit_test(the_profile_for_access_tokens_is_whole),
        cmocka_unit_test(tokens_of_the_implicit_flow_are_refused_where_they_are_marked),
        cmocka_unit_test(the_confirmation_of_an_introspected_token_counts),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
