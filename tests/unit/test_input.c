/* SPDX-License-Identifier: Apache-2.0
 * The input document from descriptions of requests: what is verified, what must agree, what is refused and why.
 */
#include "runtime/identity/identity.h"
#include "runtime/identity/route.h"
#include "runtime/identity/replay.h"
#include "runtime/identity/token_cache.h"
#include "tests/unit/identity_fixture.h"

#include <ctype.h>
#include <openssl/sha.h>

static pol_arena arena;
static pol_trust *trust;
static EVP_PKEY *issuer_key, *client_key;
static X509 *ca, *client, *other_client, *stranger;
static EVP_PKEY *ca_key;

static const char header[] = "{\"alg\":\"ES256\",\"kid\":\"k1\"}";

static void make_trust(void)
{
    char jwks_path[64], ca_path[64];
    pol_buf jwks = {0};
    pol_buf_text(&jwks, "{\"keys\":[");
    put_jwk(&jwks, issuer_key);
    pol_buf_text(&jwks, "]}");
    write_file(jwks_path, pol_buf_view(&jwks));
    write_file(ca_path, to_pem(&arena, ca));
    const char *audiences[] = {"orders"}, *algorithms[] = {"ES256"}, *roots[] = {ca_path}, *required[] = {"exp"};
    const char *ties[] = {"carol => spiffe://acme.example/orders"}, *uids[] = {"4711"}, *names[] = {"spiffe://acme.example/orders"};
    pol_issuer_config issuer = {.issuer = "https://id.example", .jwks_file = jwks_path, .audiences = audiences, .n_audiences = 1,
                                .algorithms = algorithms, .n_algorithms = 1, .required_claims = required, .n_required_claims = 1,
                                .leeway_s = 30,
                                .sub_certificates = ties, .n_sub_certificates = 1};
    pol_trust_config config = {.proxy_uids = uids, .n_proxy_uids = 1, .proxy_names = names, .n_proxy_names = 1,
                               .issuers = &issuer, .n_issuers = 1, .trust_files = roots, .n_trust_files = 1};
    pol_error err;
    if (!pol_trust_new(&config, &trust, &err))
        fail_msg("%s", err.text);
    unlink(jwks_path);
    unlink(ca_path);
    pol_buf_deinit(&jwks);
}

static int make_all(void **state)
{
    (void)state;
    const int64_t year = 365 * 86400;
    pol_arena_init(&arena, 0);
    issuer_key = make_ec_key();
    client_key = make_ec_key();
    ca_key = make_ec_key();
    ca = make_cert(&(cert_plan){.subject = "Test CA", .ca = true, .from_s = -year, .to_s = year}, ca_key, NULL, NULL);
    client = make_cert(&(cert_plan){.subject = "orders", .san = "URI:spiffe://acme.example/orders", .from_s = -year, .to_s = year},
                       client_key, ca, ca_key);
    other_client = make_cert(&(cert_plan){.subject = "plain", .san = "DNS:plain.example,IP:10.0.0.1,IP:2001:db8::1", .from_s = -year, .to_s = year}, client_key, ca,
                             ca_key);
    stranger = make_cert(&(cert_plan){.subject = "Test CA", .ca = true, .from_s = -year, .to_s = year}, client_key, NULL, NULL);
    make_trust();
    return 0;
}

static int free_all(void **state)
{
    (void)state;
    pol_trust_free(trust);
    X509_free(ca);
    X509_free(client);
    X509_free(other_client);
    X509_free(stranger);
    EVP_PKEY_free(issuer_key);
    EVP_PKEY_free(client_key);
    EVP_PKEY_free(ca_key);
    pol_arena_deinit(&arena);
    return 0;
}

static pol_description describe(const char *subject, const char *action, const char *resource)
{
    return (pol_description){
        .subject = subject ? from_json(&arena, subject) : pol_undefined(),
        .action = action ? from_json(&arena, action) : pol_undefined(),
        .resource = resource ? from_json(&arena, resource) : pol_undefined(),
        .context = pol_undefined(),
        .request = {.headers = pol_undefined(), .body = pol_undefined()},
        .unix_socket = true,
    };
}

static pol_value routes(void)
{
    pol_value index;
    pol_value list = from_json(&arena, "[{\"method\":\"GET\",\"template\":\"/v1/orders/{id}\",\"action\":\"read\",\"type\":\"order\"}]");
    assert_true(pol_route_index(&arena, list, &index, NULL));
    return index;
}

static void describe_request(pol_description *d, const char *method, const char *path, const char *headers)
{
    d->request.method = pol_bytes_text(method);
    d->request.path = pol_bytes_text(path);
    d->request.headers = from_json(&arena, headers);
}

static pol_value accept(const pol_description *d)
{
    pol_value input;
    pol_refusal refusal;
    if (!pol_input_assemble(&arena, trust, routes(), d, NOW_NS, &input, &refusal))
        fail_msg("refused: %s, %s", refusal.reason, refusal.text);
    return input;
}

static void refuse(const pol_description *d, const char *reason)
{
    pol_value input;
    pol_refusal refusal;
    if (pol_input_assemble(&arena, trust, routes(), d, NOW_NS, &input, &refusal))
        fail_msg("accepted, not refused for %s", reason);
    assert_string_equal(refusal.reason, reason);
    assert_true(refusal.text[0] != 0);
    assert_int_equal(input.tag, POL_OBJECT);
}

static const char ok_claims[] = "{\"iss\":\"https://id.example\",\"aud\":\"orders\",\"sub\":\"alice\",\"exp\":1800000600,"
                                "\"scope\":\"orders:write orders:read\"}";

static pol_bytes token_of(const char *claims)
{
    return make_token(&arena, issuer_key, header, claims);
}

/* ---- subject ---- */

static void nobody_is_anonymous_and_never_empty(void **state)
{
    (void)state;
    pol_description d = describe(NULL, "{\"name\":\"read\"}", "{\"type\":\"order\"}");
    assert_json(pol_object_member(accept(&d), "subject"), "{\"id\":\"polward:anonymous\",\"type\":\"anonymous\"}");
    d.subject = from_json(&arena, "{\"id\":\"\",\"type\":\"user\"}");
    refuse(&d, "subject_id");
    d.subject = from_json(&arena, "{\"id\":\"polward:anonymous\",\"type\":\"user\"}");
    refuse(&d, "subject_id");
    d.subject = from_json(&arena, "{\"id\":5,\"type\":\"user\"}");
    refuse(&d, "subject_form");
    d.subject = from_json(&arena, "{\"type\":\"user\"}");
    refuse(&d, "subject_form");
}

static void nulls_are_dropped_at_any_depth_of_objects(void **state)
{
    (void)state;
    pol_description d = describe("{\"id\":\"a\",\"type\":\"user\",\"properties\":{\"x\":null,\"y\":{\"z\":null,\"k\":[null]}}}",
                                 "{\"name\":\"read\",\"properties\":null}", "{\"type\":\"order\",\"id\":null}");
    d.context = from_json(&arena, "{\"ip\":null,\"n\":1}");
    pol_value input = accept(&d);
    assert_json(pol_object_member(input, "subject"), "{\"id\":\"a\",\"properties\":{\"y\":{\"k\":[null]}},\"type\":\"user\"}");
    assert_json(pol_object_member(input, "action"), "{\"name\":\"read\"}");
    assert_json(pol_object_member(input, "resource"), "{\"type\":\"order\"}");
    assert_json(pol_object_member(input, "context"), "{\"n\":1}");
}

static void properties_of_the_resource_are_lifted(void **state)
{
    (void)state;
    pol_description d = describe(NULL, "{\"name\":\"read\"}", "{\"type\":\"order\",\"id\":\"1\",\"properties\":{\"owner\":\"bob\",\"type\":\"x\",\"id\":\"y\"}}");
    assert_json(pol_object_member(accept(&d), "resource"),
                "{\"id\":\"1\",\"owner\":\"bob\",\"properties\":{\"id\":\"y\",\"owner\":\"bob\",\"type\":\"x\"},\"type\":\"order\"}");
    d.resource = from_json(&arena, "{\"type\":\"order\",\"owner\":\"alice\",\"properties\":{\"owner\":\"bob\"}}");
    refuse(&d, "resource_form");
    d.resource = from_json(&arena, "{\"id\":\"1\"}");
    refuse(&d, "resource_form");
    d = describe(NULL, "{}", "{\"type\":\"order\"}");
    refuse(&d, "action_form");
}

/* ---- token ---- */

static void a_verified_token_names_the_subject(void **state)
{
    (void)state;
    pol_description d = describe(NULL, "{\"name\":\"read\"}", "{\"type\":\"order\"}");
    d.token = token_of(ok_claims);
    pol_value input = accept(&d), token = pol_object_member(input, "token");
    assert_json(pol_object_member(input, "subject"), "{\"id\":\"alice\",\"type\":\"user\"}");
    assert_json(pol_object_member(token, "scopes"), "[\"orders:read\",\"orders:write\"]");
    assert_json(pol_object_member(token, "header"), header);
    assert_json(pol_object_member(token, "bound"), "false");
    assert_json(pol_object_member(token, "kind"), "\"jwt\"");
    assert_json(pol_object_member(token, "expires_at"), "1800000600");
    d.subject = from_json(&arena, "{\"id\":\"alice\",\"type\":\"user\",\"properties\":{\"x\":1}}");
    (void)accept(&d);
    d.subject = from_json(&arena, "{\"id\":\"bob\",\"type\":\"user\"}");
    refuse(&d, "subject_mismatch");
}

static void a_token_without_a_user_is_a_client(void **state)
{
    (void)state;
    pol_description d = describe(NULL, "{\"name\":\"read\"}", "{\"type\":\"order\"}");
    d.token = token_of("{\"iss\":\"https://id.example\",\"aud\":\"orders\",\"client_id\":\"batch\",\"exp\":1800000600}");
    assert_json(pol_object_member(accept(&d), "subject"), "{\"id\":\"batch\",\"type\":\"client\"}");
    d.subject = from_json(&arena, "{\"id\":\"batch\",\"type\":\"user\"}");
    assert_json(pol_object_member(accept(&d), "subject"), "{\"id\":\"batch\",\"type\":\"client\"}");
    d.subject = pol_undefined();
    d.token = token_of("{\"iss\":\"https://id.example\",\"aud\":\"orders\",\"exp\":1800000600}");
    refuse(&d, "token_subject");
    d.token = token_of("{\"iss\":\"https://id.example\",\"aud\":\"orders\",\"sub\":\"\",\"exp\":1800000600}");
    refuse(&d, "token_subject");
}

static void a_token_that_does_not_verify_is_refused_with_its_reason(void **state)
{
    (void)state;
    pol_description d = describe(NULL, "{\"name\":\"read\"}", "{\"type\":\"order\"}");
    d.token = token_of("{\"iss\":\"https://id.example\",\"aud\":\"orders\",\"sub\":\"a\",\"exp\":1799999970}");
    refuse(&d, "token_expired");
    d.token = token_of("{\"iss\":\"https://other.example\",\"aud\":\"orders\",\"sub\":\"a\",\"exp\":1800000600}");
    refuse(&d, "token_issuer");
    d.token = token_of("{\"iss\":\"https://id.example\",\"aud\":\"x\",\"sub\":\"a\",\"exp\":1800000600}");
    refuse(&d, "token_audience");
    d.token = token_of("{\"iss\":\"https://id.example\",\"aud\":\"orders\",\"sub\":\"a\"}");
    refuse(&d, "token_claim_missing");
    d.token = token_of("{\"iss\":\"https://id.example\",\"aud\":\"orders\",\"sub\":\"a\",\"exp\":1800000600,\"scope\":5}");
    refuse(&d, "token_scopes");
    d.token = make_token(&arena, client_key, header, ok_claims);
    refuse(&d, "token_signature");
    d.token = POL_BYTES("opaque");
    refuse(&d, "token_malformed");
    pol_value input;
    pol_refusal refusal;
    d.token = token_of(ok_claims);
    assert_false(pol_input_assemble(&arena, NULL, pol_undefined(), &d, NOW_NS, &input, &refusal));
    assert_string_equal(refusal.reason, "token_issuer");
}

static void a_token_found_good_is_judged_anew_each_time(void **state)
{
    (void)state;
    pol_description d = describe(NULL, "{\"name\":\"read\"}", "{\"type\":\"order\"}");
    d.tokens = pol_token_cache_new();
    d.token = token_of(ok_claims);
    (void)accept(&d);
    (void)accept(&d);
    pol_value input;
    pol_refusal refusal;
    const int64_t end_ns = 1800000630LL * 1000000000; /* exp and the leeway */
    assert_true(pol_input_assemble(&arena, trust, routes(), &d, end_ns - 1, &input, &refusal));
    assert_false(pol_input_assemble(&arena, trust, routes(), &d, end_ns, &input, &refusal));
    assert_string_equal(refusal.reason, "token_expired");
    uint8_t *forged = pol_arena_copy(&arena, d.token.at, d.token.n);
    forged[d.token.n - 10] = forged[d.token.n - 10] == 'A' ? 'B' : 'A';
    d.token = pol_bytes_of(forged, d.token.n);
    for (unsigned i = 0; i < 3; i++)
        refuse(&d, "token_signature");
    pol_token_cache_free(d.tokens);
}

static void tokens_of_withdrawn_keys_are_not_found_again(void **state)
{
    (void)state;
    pol_description d = describe(NULL, "{\"name\":\"read\"}", "{\"type\":\"order\"}");
    d.tokens = pol_token_cache_new();
    d.token = token_of(ok_claims);
    (void)accept(&d);
    pol_trust *first = trust;
    EVP_PKEY *first_key = issuer_key;
    issuer_key = client_key;
    make_trust();
    refuse(&d, "token_signature");
    pol_trust_free(trust);
    trust = first;
    issuer_key = first_key;
    (void)accept(&d);
    pol_token_cache_free(d.tokens);
}

static void a_token_comes_one_way_only(void **state)
{
    (void)state;
    pol_description d = describe(NULL, NULL, NULL);
    pol_bytes token = token_of(ok_claims);
    char headers[2000];
    snprintf(headers, sizeof headers, "{\"authorization\":\"bearer %.*s\",\"x-a\":\"1\"}", (int)token.n, (const char *)token.at);
    describe_request(&d, "GET", "/v1/orders/42", headers);
    pol_value input = accept(&d);
    assert_json(pol_object_member(input, "subject"), "{\"id\":\"alice\",\"type\":\"user\"}");
    /* the secret is not part of the document */
    assert_json(pol_object_member(pol_object_member(input, "request"), "headers"), "{\"x-a\":\"1\"}");
    d.token = token;
    refuse(&d, "token_multiple");
    d.token = (pol_bytes){0};
    d.request.query = POL_BYTES("access_token=x");
    refuse(&d, "token_in_query");
    d.request.query = (pol_bytes){0};
    describe_request(&d, "GET", "/v1/orders/42", "{\"authorization\":\"Bearer a b\"}");
    refuse(&d, "authorization_form");
    describe_request(&d, "GET", "/v1/orders/42", "{\"authorization\":\"Basic YTpi\"}");
    assert_false(pol_is_defined(pol_object_member(accept(&d), "token")));
}

/* ---- certificates and binding ---- */

static void a_certificate_of_the_trusted_ca_names_its_spiffe_id(void **state)
{
    (void)state;
    pol_description d = describe(NULL, "{\"name\":\"read\"}", "{\"type\":\"order\"}");
    d.cert_pem = to_pem(&arena, client);
    pol_value input = accept(&d), cert = pol_object_member(input, "cert");
    assert_json(pol_object_member(input, "subject"), "{\"id\":\"spiffe://acme.example/orders\",\"type\":\"workload\"}");
    assert_json(pol_object_member(cert, "trust_domain"), "\"acme.example\"");
    assert_json(pol_object_member(cert, "subject"), "\"CN=orders\"");
    assert_json(pol_object_member(cert, "serial"), "\"1267\"");
    assert_json(pol_object_member(cert, "not_before"), "\"2026-01-15T08:00:00Z\"");
    assert_json(pol_object_member(cert, "san"), "{\"dns\":[],\"email\":[],\"ip\":[],\"uri\":[\"spiffe://acme.example/orders\"]}");
    assert_json(pol_object_member(cert, "chain_length"), "2");
    assert_json(pol_object_member(cert, "source"), "\"request\"");
    d.cert_pem = to_pem(&arena, other_client);
    input = accept(&d);
    assert_json(pol_object_member(input, "subject"), "{\"id\":\"CN=plain\",\"type\":\"client\"}");
    assert_json(pol_object_member(pol_object_member(pol_object_member(input, "cert"), "san"), "ip"), "[\"10.0.0.1\",\"2001:db8::1\"]");
}

static void a_certificate_that_does_not_verify_is_refused(void **state)
{
    (void)state;
    pol_description d = describe(NULL, "{\"name\":\"read\"}", "{\"type\":\"order\"}");
    const cert_plan bad[] = {
        {.subject = "old", .from_s = -2000, .to_s = -1000},
        {.subject = "new", .from_s = 1000, .to_s = 2000},
        {.subject = "two", .san = "URI:spiffe://acme.example/a,URI:spiffe://acme.example/b", .from_s = -1000, .to_s = 1000},
        {.subject = "any", .usage = "clientAuth,anyExtendedKeyUsage", .from_s = -1000, .to_s = 1000},
        {.subject = "all", .usage = "", .from_s = -1000, .to_s = 1000},
        {.subject = "server", .usage = "serverAuth", .from_s = -1000, .to_s = 1000},
        {.subject = "critical", .san = "critical,DNS:a.example", .from_s = -1000, .to_s = 1000},
        {.subject = "upper", .san = "URI:spiffe://ACME.example/a", .from_s = -1000, .to_s = 1000},
    };
    static const char *const why[] = {"cert_expired", "cert_not_yet_valid", "svid_uri_count", "cert_purpose", "cert_purpose", "cert_purpose",
                                      "cert_constraint", "svid_id"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        X509 *cert = make_cert(&bad[i], client_key, ca, ca_key);
        d.cert_pem = to_pem(&arena, cert);
        refuse(&d, why[i]);
        X509_free(cert);
    }
    X509 *unnamed = make_cert(&(cert_plan){.subject = "s", .san = "URI:spiffe://acme.example/s", .usage = "", .from_s = -1000, .to_s = 1000},
                              client_key, ca, ca_key);
    d.cert_pem = to_pem(&arena, unnamed); /* an SVID may name no usage */
    (void)accept(&d);
    X509_free(unnamed);
    X509 *foreign = make_cert(&(cert_plan){.subject = "x", .from_s = -1000, .to_s = 1000}, client_key, stranger, client_key);
    d.cert_pem = to_pem(&arena, foreign);
    refuse(&d, "cert_untrusted");
    X509_free(foreign);
    d.cert_pem = POL_BYTES("no certificate");
    refuse(&d, "cert_malformed");
}

static pol_bytes bound_token(X509 *cert)
{
    uint8_t digest[32], text[44];
    char claims[500];
    pol_cert_fingerprint(cert, digest);
    size_t n = pol_base64_encode(text, pol_bytes_of(digest, 32), POL_BASE64URL);
    snprintf(claims, sizeof claims, "{\"iss\":\"https://id.example\",\"aud\":\"orders\",\"sub\":\"alice\",\"exp\":1800000600,\"cnf\":{\"x5t#S256\":\"%.*s\"}}",
             (int)n, text);
    return token_of(claims);
}

static void a_bound_token_needs_its_certificate(void **state)
{
    (void)state;
    pol_description d = describe(NULL, "{\"name\":\"read\"}", "{\"type\":\"order\"}");
    d.token = bound_token(client);
    d.cert_pem = to_pem(&arena, client);
    pol_value input = accept(&d);
    assert_json(pol_object_member(pol_object_member(input, "token"), "bound"), "true");
    assert_json(pol_object_member(input, "subject"), "{\"id\":\"alice\",\"type\":\"user\"}");
    d.cert_pem = to_pem(&arena, other_client);
    refuse(&d, "binding_mismatch");
    d.cert_pem = (pol_bytes){0};
    refuse(&d, "binding_mismatch");
    d.token = token_of("{\"iss\":\"https://id.example\",\"aud\":\"orders\",\"sub\":\"a\",\"exp\":1800000600,\"cnf\":{\"jkt\":\"x\"}}");
    refuse(&d, "binding_unknown");
}

static void a_subject_tied_to_a_certificate_is_bound_to_it(void **state)
{
    (void)state;
    pol_description d = describe(NULL, "{\"name\":\"read\"}", "{\"type\":\"order\"}");
    d.token = token_of("{\"iss\":\"https://id.example\",\"aud\":\"orders\",\"sub\":\"carol\",\"exp\":1800000600}");
    d.cert_pem = to_pem(&arena, client);
    assert_json(pol_object_member(pol_object_member(accept(&d), "token"), "bound"), "true");
    d.cert_pem = to_pem(&arena, other_client);
    assert_json(pol_object_member(pol_object_member(accept(&d), "token"), "bound"), "false");
    d.cert_pem = (pol_bytes){0};
    assert_json(pol_object_member(pol_object_member(accept(&d), "token"), "bound"), "false");
    d.token = token_of(ok_claims);
    d.cert_pem = to_pem(&arena, client);
    assert_json(pol_object_member(pol_object_member(accept(&d), "token"), "bound"), "false");
}

/* ---- forwarded certificates ---- */

/* Headers with an element that has the certificate, behind the one given. */
static void forward(pol_description *d, const char *before, X509 *cert)
{
    char text[8000] = "{\"x-forwarded-client-cert\":\"", *out = text + strlen(text);
    pol_bytes pem = to_pem(&arena, cert);
    out += sprintf(out, "%sCert=", before);
    for (size_t i = 0; i < pem.n; i++)
        out += isalnum(pem.at[i]) ? sprintf(out, "%c", pem.at[i]) : sprintf(out, "%%%02X", pem.at[i]);
    sprintf(out, "\"}");
    describe_request(d, "GET", "/v1/orders/42", (const char *)pol_arena_copy(&arena, text, strlen(text) + 1));
}

static void a_forwarded_certificate_counts_from_a_proxy_only(void **state)
{
    (void)state;
    pol_description d = describe(NULL, NULL, NULL);
    d.has_credentials = true;
    d.uid = 4711;
    forward(&d, "URI=spiffe://acme.example/forged,", client);
    pol_value input = accept(&d), cert = pol_object_member(input, "cert");
    assert_json(pol_object_member(cert, "source"), "\"xfcc\"");
    assert_json(pol_object_member(input, "subject"), "{\"id\":\"spiffe://acme.example/orders\",\"type\":\"workload\"}");
    assert_json(pol_object_member(pol_object_member(input, "request"), "headers"), "{}");
    d.cert_pem = to_pem(&arena, client);
    refuse(&d, "cert_multiple");
    d.cert_pem = (pol_bytes){0};
    forward(&d, "", stranger);
    refuse(&d, "cert_untrusted");
    describe_request(&d, "GET", "/v1/orders/42", "{\"x-forwarded-client-cert\":\"Hash=zz\"}");
    refuse(&d, "xfcc_form");
    forward(&d, "", client);
    d.uid = 4712;
    input = accept(&d);
    assert_false(pol_is_defined(pol_object_member(input, "cert")));
    assert_json(pol_object_member(pol_object_member(input, "subject"), "type"), "\"anonymous\"");
    d.uid = 4711;
    d.has_credentials = false;
    assert_false(pol_is_defined(pol_object_member(accept(&d), "cert")));
    d.unix_socket = false;
    d.tls_leaf = client;
    forward(&d, "", other_client);
    assert_json(pol_object_member(pol_object_member(accept(&d), "subject"), "id"), "\"CN=plain\"");
    d.tls_leaf = other_client;
    assert_false(pol_is_defined(pol_object_member(accept(&d), "cert")));
}

/* ---- proofs of possession ---- */

static const char *thumbprint_of(EVP_PKEY *key)
{
    static char out[44];
    pol_buf jwk = {0};
    put_jwk(&jwk, key);
    pol_buf_byte(&jwk, 0);
    assert_true(pol_jwk_thumbprint(from_json(&arena, (const char *)jwk.at), out));
    pol_buf_deinit(&jwk);
    return out;
}

static void describe_proof(pol_description *d, const char *scheme, pol_bytes token, EVP_PKEY *key, const char *jti)
{
    uint8_t digest[32], ath[44];
    char claims[400];
    pol_buf head = {0}, headers = {0};
    pol_buf_text(&head, "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jwk\":");
    put_jwk(&head, key);
    pol_buf_text(&head, "}");
    pol_buf_byte(&head, 0);
    SHA256(token.at, token.n, digest);
    size_t n = pol_base64_encode(ath, pol_bytes_of(digest, 32), POL_BASE64URL);
    snprintf(claims, sizeof claims, "{\"jti\":\"%s\",\"htm\":\"GET\",\"htu\":\"https://api.example/v1/orders/42\",\"iat\":1800000000,\"ath\":\"%.*s\"}",
             jti, (int)n, ath);
    pol_bytes proof = make_token(&arena, key, (const char *)head.at, claims);
    pol_buf_printf(&headers, "{\"authorization\":\"%s %.*s\",\"dpop\":\"%.*s\"}", scheme, (int)token.n, (const char *)token.at, (int)proof.n,
                   (const char *)proof.at);
    pol_buf_byte(&headers, 0);
    describe_request(d, "GET", "/v1/orders/42", (const char *)pol_arena_copy(&arena, headers.at, headers.n));
    d->request.scheme = POL_BYTES("https");
    d->request.host = POL_BYTES("api.example");
    pol_buf_deinit(&head);
    pol_buf_deinit(&headers);
}

static void a_token_of_a_key_needs_a_fresh_proof(void **state)
{
    (void)state;
    pol_description d = describe(NULL, NULL, NULL);
    pol_replay *replay = d.replay = pol_replay_new();
    char claims[400];
    snprintf(claims, sizeof claims, "{\"iss\":\"https://id.example\",\"aud\":\"orders\",\"sub\":\"alice\",\"exp\":1800000600,\"cnf\":{\"jkt\":\"%s\"}}",
             thumbprint_of(client_key));
    pol_bytes token = token_of(claims);
    describe_proof(&d, "DPoP", token, client_key, "one");
    pol_value input = accept(&d);
    assert_json(pol_object_member(pol_object_member(input, "token"), "bound"), "true");
    assert_json(pol_object_member(pol_object_member(input, "request"), "headers"), "{}");
    refuse(&d, "dpop_replay");
    describe_proof(&d, "DPoP", token, client_key, "one"); /* another signature, the same id */
    refuse(&d, "dpop_replay");
    describe_proof(&d, "DPoP", token, client_key, "two");
    (void)accept(&d);
    describe_proof(&d, "DPoP", token, ca_key, "three");
    refuse(&d, "dpop_binding");
    describe_proof(&d, "Bearer", token, client_key, "four");
    refuse(&d, "binding_mismatch");
    describe_proof(&d, "DPoP", token_of(ok_claims), client_key, "five");
    refuse(&d, "binding_mismatch");
    describe_proof(&d, "DPoP", token, client_key, "six");
    d.request.host = POL_BYTES("other.example");
    refuse(&d, "dpop_htu");
    d.request.host = POL_BYTES("api.example");
    d.replay = NULL;
    refuse(&d, "binding_unknown");
    d.replay = replay;
    d.token = token;
    describe_request(&d, "GET", "/v1/orders/42", "{}");
    refuse(&d, "dpop_missing");
    pol_replay_free(replay);
}

static void used_proofs_are_forgotten_when_they_are_too_old(void **state)
{
    (void)state;
    pol_replay *replay = pol_replay_new();
    assert_true(pol_replay_note(replay, POL_BYTES("k"), POL_BYTES("j"), 100, 160));
    assert_false(pol_replay_note(replay, POL_BYTES("k"), POL_BYTES("j"), 160, 220));
    assert_true(pol_replay_note(replay, POL_BYTES("l"), POL_BYTES("j"), 160, 220));
    assert_true(pol_replay_note(replay, POL_BYTES("k"), POL_BYTES("j"), 161, 221));
    unsigned refused = 0;
    for (unsigned i = 0; i < 400000; i++) {
        char jti[16];
        snprintf(jti, sizeof jti, "%u", i);
        refused += !pol_replay_note(replay, POL_BYTES("k"), pol_bytes_text(jti), 161, 221);
    }
    assert_true(refused >= 400000 - (1 << 17)); /* what cannot be remembered does not pass */
    pol_replay_free(replay);
}

static void the_listeners_certificate_is_the_peers_unless_it_asks_for_itself(void **state)
{
    (void)state;
    pol_description d = describe(NULL, "{\"name\":\"read\"}", "{\"type\":\"order\"}");
    d.unix_socket = false;
    d.tls_leaf = client;
    pol_value input = accept(&d), peer = pol_object_member(input, "peer");
    assert_false(pol_is_defined(pol_object_member(input, "cert")));
    assert_json(pol_object_member(pol_object_member(peer, "cert"), "source"), "\"tls\"");
    assert_json(pol_object_member(peer, "transport"), "\"tls\"");
    d.tls_is_subject = true;
    input = accept(&d);
    assert_json(pol_object_member(pol_object_member(input, "cert"), "spiffe_id"), "\"spiffe://acme.example/orders\"");
    assert_false(pol_is_defined(pol_object_member(pol_object_member(input, "peer"), "cert")));
    d.cert_pem = to_pem(&arena, client);
    refuse(&d, "cert_multiple");
}

/* ---- routes ---- */

static void a_route_gives_action_type_and_captures(void **state)
{
    (void)state;
    pol_description d = describe(NULL, NULL, NULL);
    describe_request(&d, "GET", "/v1/orders/4%32", "{}");
    d.request.query = POL_BYTES("a=1&b=x+y%21&a=2&c");
    pol_value input = accept(&d), request = pol_object_member(input, "request");
    assert_json(pol_object_member(input, "action"), "{\"name\":\"read\"}");
    assert_json(pol_object_member(input, "resource"), "{\"id\":\"42\",\"type\":\"order\"}");
    assert_json(pol_object_member(request, "query"), "{\"a\":[\"1\",\"2\"],\"b\":[\"x y!\"],\"c\":[\"\"]}");
    assert_json(pol_object_member(request, "path"), "\"/v1/orders/42\"");
    assert_json(pol_object_member(request, "time"), "\"2027-01-15T08:00:00Z\"");
    d.request.query = POL_BYTES("a=%zz");
    refuse(&d, "query_form");
}

static void what_the_caller_names_must_agree_with_the_route(void **state)
{
    (void)state;
    static const struct {
        const char *action, *resource, *refused;
    } rows[] = {
        {"{\"name\":\"read\"}", "{\"type\":\"order\",\"id\":\"42\",\"owner\":\"bob\"}", NULL},
        {"{\"name\":\"refund\"}", NULL, "route_mismatch"},
        {NULL, "{\"type\":\"invoice\"}", "route_mismatch"},
        {NULL, "{\"type\":\"order\",\"id\":\"43\"}", "route_mismatch"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pol_description d = describe(NULL, rows[i].action, rows[i].resource);
        describe_request(&d, "GET", "/v1/orders/42", "{}");
        if (rows[i].refused)
            refuse(&d, rows[i].refused);
        else
            (void)accept(&d);
    }
}

static void a_request_without_a_route_is_plain_http(void **state)
{
    (void)state;
    pol_description d = describe(NULL, NULL, NULL);
    describe_request(&d, "DELETE", "/v1/orders/42", "{}");
    pol_value input = accept(&d);
    assert_json(pol_object_member(input, "action"), "{\"name\":\"delete\"}");
    assert_json(pol_object_member(input, "resource"), "{\"id\":\"/v1/orders/42\",\"type\":\"http\"}");
    describe_request(&d, "GET", "/v1/orders/../admin", "{}");
    refuse(&d, "path_form");
}

static void credentials_of_the_socket_are_the_peers(void **state)
{
    (void)state;
    pol_description d = describe(NULL, "{\"name\":\"read\"}", "{\"type\":\"order\"}");
    d.has_credentials = true;
    d.uid = 1000;
    d.gid = 1001;
    d.pid = 77;
    assert_json(pol_object_member(accept(&d), "peer"), "{\"gid\":1001,\"pid\":77,\"transport\":\"unix\",\"uid\":1000}");
}

/* ---- configuration ---- */

static void trust_that_cannot_be_right_is_refused(void **state)
{
    (void)state;
    const char *algorithms[] = {"ES256"}, *none[] = {"none"};
    pol_issuer_config two[2] = {{.issuer = "a", .jwks_file = "/nonexistent", .algorithms = none, .n_algorithms = 1},
                                {.issuer = "b", .jwks_file = "/nonexistent", .algorithms = algorithms, .n_algorithms = 1}};
    pol_trust *t;
    pol_error err;
    pol_trust_config config = {.issuers = two, .n_issuers = 1};
    assert_false(pol_trust_new(&config, &t, &err));
    assert_non_null(strstr(err.text, "algorithm 1"));
    two[0].algorithms = algorithms;
    assert_false(pol_trust_new(&config, &t, &err));
    assert_non_null(strstr(err.text, "/nonexistent"));
    two[0].leeway_s = 301;
    assert_false(pol_trust_new(&config, &t, &err));
    assert_non_null(strstr(err.text, "leeway"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_anonymous_and_never_empty),
        cmocka_unit_test(nulls_are_dropped_at_any_depth_of_objects),
        cmocka_unit_test(properties_of_the_resource_are_lifted),
        cmocka_unit_test(a_verified_token_names_the_subject),
        cmocka_unit_test(a_token_without_a_user_is_a_client),
        cmocka_unit_test(a_token_that_does_not_verify_is_refused_with_its_reason),
        cmocka_unit_test(a_token_found_good_is_judged_anew_each_time),
        cmocka_unit_test(tokens_of_withdrawn_keys_are_not_found_again),
        cmocka_unit_test(a_token_comes_one_way_only),
        cmocka_unit_test(a_certificate_of_the_trusted_ca_names_its_spiffe_id),
        cmocka_unit_test(a_certificate_that_does_not_verify_is_refused),
        cmocka_unit_test(a_bound_token_needs_its_certificate),
        cmocka_unit_test(a_subject_tied_to_a_certificate_is_bound_to_it),
        cmocka_unit_test(a_forwarded_certificate_counts_from_a_proxy_only),
        cmocka_unit_test(a_token_of_a_key_needs_a_fresh_proof),
        cmocka_unit_test(used_proofs_are_forgotten_when_they_are_too_old),
        cmocka_unit_test(the_listeners_certificate_is_the_peers_unless_it_asks_for_itself),
        cmocka_unit_test(a_route_gives_action_type_and_captures),
        cmocka_unit_test(what_the_caller_names_must_agree_with_the_route),
        cmocka_unit_test(a_request_without_a_route_is_plain_http),
        cmocka_unit_test(credentials_of_the_socket_are_the_peers),
        cmocka_unit_test(trust_that_cannot_be_right_is_refused),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
