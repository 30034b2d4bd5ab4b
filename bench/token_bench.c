/* SPDX-License-Identifier: Apache-2.0
 * token-bench [--check] [SECONDS]: what verifying a token costs beside OpenSSL's bare EVP verify of the same signature, for each algorithm, taken in turns in one
 * run; and what a token costs whose signature was found good before, an opaque one whose issuer was asked before, and the input document of a certificate, first and known. --check: fails where docs/performance.md's bounds are passed.
 */
#include "runtime/identity/trust.h"
#include "runtime/identity/view.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 31, NOW_S = 1800000000, SECRET = 64 };

#define CLAIMS                                                                                                                                       \
    "{\"iss\":\"https://id.example\",\"aud\":\"orders\",\"sub\":\"ann\",\"client_id\":\"web\",\"scope\":\"orders.read orders.write\",\"tenant_id\":\"t1\"," \
    "\"iat\":1799999900,\"exp\":1800000600,\"jti\":\"6f1ed002ab5595859014ebf0951522d9\"}"

static const struct {
    const char *alg, *note;
    double most; /* of the bare verify; 0: told, not judged */
} table[] = {{"RS256", "2048 bits", 1.10}, {"RS384", "2048 bits", 0}, {"RS512", "2048 bits", 0}, {"PS256", "2048 bits", 0}, {"PS384", "2048 bits", 0},
             {"PS512", "2048 bits", 0}, {"ES256", "P-256", 1.10}, {"ES384", "P-384", 0}, {"ES512", "P-521", 0}, {"EdDSA", "Ed25519", 1.10},
             {"HS256", "64 bytes", 0}, {"HS384", "64 bytes", 0}, {"HS512", "64 bytes", 0}};

static const char *const issuer = "https://id.example";

typedef struct {
    pol_key key;
    pol_jwks keys;
    pol_jwt_rules rules;
    const pol_alg *alg;
    pol_buf token;
    pol_bytes signed_part;
    uint8_t signature[POL_SIGNATURE_MAX]; /* as OpenSSL takes it */
    size_t n_signature;
    pol_arena arena;
} subject;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "token-bench: %s failed\n", what);
    exit(1);
}

static void make_key(subject *s)
{
    static const char *const curves[] = {"P-256", "P-384", "P-521"};
    s->key = (pol_key){.type = s->alg->key_type, .may_verify = true, .kid = strdup("k1"), .n_kid = 2};
    switch (s->key.type) {
    case POL_KEY_RSA: s->key.pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048); break;
    case POL_KEY_EC:
        s->key.pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curves[s->alg->n_bytes == 32 ? 0 : s->alg->n_bytes == 48 ? 1 : 2]);
        memcpy(s->key.curve, s->alg->curve, strlen(s->alg->curve) + 1);
        break;
    case POL_KEY_OKP: s->key.pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"); break;
    default:
        s->key.secret = calloc(1, SECRET);
        s->key.n_secret = SECRET;
    }
    if (!s->key.pkey && !s->key.secret)
        die("making a key");
}

static void put_segment(pol_buf *out, pol_bytes bytes)
{
    out->n += pol_base64_encode(pol_buf_reserve(out, pol_base64_size(bytes.n)), bytes, POL_BASE64URL);
}

/* r and s as the DER that OpenSSL takes. */
static void to_der(subject *s, const uint8_t *raw)
{
    int n = (int)s->alg->n_bytes;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    ECDSA_SIG_set0(sig, BN_bin2bn(raw, n, NULL), BN_bin2bn(raw + n, n, NULL));
    uint8_t *at = s->signature;
    s->n_signature = (size_t)i2d_ECDSA_SIG(sig, &at);
    ECDSA_SIG_free(sig);
}

static void make_token(subject *s)
{
    char header[80];
    uint8_t raw[POL_SIGNATURE_MAX];
    size_t n;
    snprintf(header, sizeof header, "{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"k1\"}", s->alg->name);
    put_segment(&s->token, pol_bytes_text(header));
    pol_buf_byte(&s->token, '.');
    put_segment(&s->token, POL_BYTES(CLAIMS));
    size_t n_signed = s->token.n;
    if (!pol_sign(&s->key, s->alg, pol_buf_view(&s->token), raw, &n))
        die("signing");
    pol_buf_byte(&s->token, '.');
    put_segment(&s->token, pol_bytes_of(raw, n));
    s->signed_part = pol_bytes_of(s->token.at, n_signed);
    if (s->key.type == POL_KEY_EC) {
        to_der(s, raw);
    } else {
        memcpy(s->signature, raw, n);
        s->n_signature = n;
    }
}

/* ---- the two that are compared ---- */

static bool verify_ours(subject *s)
{
    pol_jws jws;
    pol_value claims;
    pol_arena_reset(&s->arena);
    return pol_jwt_verify(&s->arena, pol_buf_view(&s->token), &s->keys, &s->rules, NOW_S * INT64_C(1000000000), &jws, &claims) == NULL;
}

static bool verify_bare(subject *s)
{
    if (s->key.type == POL_KEY_OCT) {
        uint8_t mac[EVP_MAX_MD_SIZE];
        unsigned n;
        return HMAC(EVP_get_digestbyname(s->alg->digest), s->key.secret, SECRET, s->signed_part.at, s->signed_part.n, mac, &n) != NULL &&
               CRYPTO_memcmp(mac, s->signature, n) == 0;
    }
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key_ctx;
    bool ok = EVP_DigestVerifyInit(ctx, &key_ctx, s->alg->digest ? EVP_get_digestbyname(s->alg->digest) : NULL, NULL, s->key.pkey) == 1;
    if (ok && s->alg->pss)
        ok = EVP_PKEY_CTX_set_rsa_padding(key_ctx, RSA_PKCS1_PSS_PADDING) == 1 && EVP_PKEY_CTX_set_rsa_pss_saltlen(key_ctx, (int)s->alg->n_bytes) == 1;
    ok = ok && EVP_DigestVerify(ctx, s->signature, s->n_signature, s->signed_part.at, s->signed_part.n) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

static double time_of(bool (*verify)(subject *s), subject *s, unsigned n)
{
    int64_t from = now_ns();
    for (unsigned i = 0; i < n; i++) {
        if (!verify(s))
            die("verifying");
    }
    return (double)(now_ns() - from) / n;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *of)
{
    qsort(of, ROUNDS, sizeof *of, compare_doubles);
    return of[ROUNDS / 2];
}

/* In turns, which of the two is first too: what the machine does meanwhile falls on both. */
static bool compare(const char *name, const char *note, double most, double seconds)
{
    static const char *const audiences[] = {"orders"};
    subject s = {.alg = pol_alg_find(pol_bytes_text(name))};
    double ours[ROUNDS], bare[ROUNDS], ratio[ROUNDS];
    make_key(&s);
    make_token(&s);
    s.keys = (pol_jwks){.keys = &s.key, .n = 1};
    s.rules = (pol_jwt_rules){.issuer = issuer, .audiences = audiences, .n_audiences = 1, .algorithms = &name, .n_algorithms = 1};
    pol_arena_init(&s.arena, 0);
    double once = time_of(verify_bare, &s, 20);
    unsigned n = (unsigned)(seconds * 1e9 / ROUNDS / 2 / once) + 1;
    for (unsigned i = 0; i < ROUNDS; i++) {
        double first = time_of(i % 2 ? verify_ours : verify_bare, &s, n), second = time_of(i % 2 ? verify_bare : verify_ours, &s, n);
        ours[i] = i % 2 ? first : second;
        bare[i] = i % 2 ? second : first;
        ratio[i] = ours[i] / bare[i];
    }
    double at = median(ratio);
    bool ok = most == 0 || at <= most;
    printf("%-6s %-10s %10.2f us %10.2f us %7.3f%s\n", name, note, median(bare) / 1000, median(ours) / 1000, at, ok ? "" : "  over the bound");
    EVP_PKEY_free(s.key.pkey);
    free(s.key.secret);
    free(s.key.kid);
    pol_buf_deinit(&s.token);
    pol_arena_deinit(&s.arena);
    return ok;
}

/* ---- a token that was verified before ---- */

typedef struct {
    pol_trust *trust;
    pol_token_cache *cache;
    pol_arena arena;
    pol_bytes token;
} again;

static double time_again(again *a, unsigned n)
{
    int64_t from = now_ns();
    for (unsigned i = 0; i < n; i++) {
        pol_verified_token seen;
        pol_arena_reset(&a->arena);
        if (pol_trust_token(a->trust, a->cache, NULL, &a->arena, a->token, NOW_S * INT64_C(1000000000), &seen))
            die("verifying again");
    }
    return (double)(now_ns() - from) / n;
}

static pol_trust *trust_in(const pol_key *key)
{
    static const char *const algorithms[] = {"EdDSA"}, *const audiences[] = {"orders"};
    char path[] = "/tmp/token-bench-XXXXXX";
    uint8_t raw[32], x[44] = {0};
    size_t n = sizeof raw;
    EVP_PKEY_get_raw_public_key(key->pkey, raw, &n);
    pol_base64_encode(x, pol_bytes_of(raw, n), POL_BASE64URL);
    int file = mkstemp(path);
    dprintf(file, "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k1\",\"x\":\"%s\"}]}", (const char *)x);
    close(file);
    pol_issuer_config one = {.issuer = issuer, .jwks_file = path, .audiences = audiences, .n_audiences = 1, .algorithms = algorithms, .n_algorithms = 1};
    pol_trust_config config = {.issuers = &one, .n_issuers = 1};
    pol_trust *trust;
    pol_error err;
    if (!pol_trust_new(&config, &trust, &err))
        die(err.text);
    unlink(path);
    return trust;
}

static bool time_cached(double most_ns)
{
    subject s = {.alg = pol_alg_find(POL_BYTES("EdDSA"))};
    make_key(&s);
    make_token(&s);
    again a = {.trust = trust_in(&s.key), .cache = pol_token_cache_new(), .token = pol_buf_view(&s.token)};
    double rounds[ROUNDS];
    pol_arena_init(&a.arena, 0);
    time_again(&a, 1000);
    for (unsigned i = 0; i < ROUNDS; i++)
        rounds[i] = time_again(&a, 20000);
    double at = median(rounds);
    printf("verified before, %zu bytes: %.0f ns\n", a.token.n, at);
    pol_arena_deinit(&a.arena);
    pol_token_cache_free(a.cache);
    pol_trust_free(a.trust);
    EVP_PKEY_free(s.key.pkey);
    free(s.key.kid);
    pol_buf_deinit(&s.token);
    return at < most_ns;
}

/* ---- an opaque token whose issuer was asked before ---- */

/* What was asked of the second level, for the bench to answer. */
typedef struct {
    void (*found)(void *flight, pol_bytes value);
    void *flight;
} asked_level;

static bool ask_level(void *context, const uint8_t key[POL_OPAQUE_KEY], void (*found)(void *flight, pol_bytes value), void *flight)
{
    (void)key;
    *(asked_level *)context = (asked_level){found, flight};
    return true;
}

static void keep_nothing(void *context, const uint8_t key[POL_OPAQUE_KEY], pol_bytes value, int64_t until_ns)
{
    (void)context;
    (void)key;
    (void)value;
    (void)until_ns;
}

static int64_t bench_clock(void)
{
    return NOW_S * INT64_C(1000000000);
}

static pol_trust *trust_that_asks(void)
{
    char path[] = "/tmp/token-bench-XXXXXX";
    int file = mkstemp(path);
    dprintf(file, "secret\n");
    close(file);
    pol_issuer_config one = {.issuer = issuer, .introspection = {.url = "https://id.example/introspect", .client_id = "api", .secret_file = path, .cache_ms = 60000}};
    pol_trust_config config = {.issuers = &one, .n_issuers = 1};
    pol_trust *trust;
    pol_error err;
    if (!pol_trust_new(&config, &trust, &err))
        die(err.text);
    unlink(path);
    return trust;
}

static double time_known(const pol_trust *trust, pol_view *view, pol_arena *arena, unsigned n)
{
    int64_t from = now_ns();
    for (unsigned i = 0; i < n; i++) {
        pol_verified_token seen;
        pol_arena_reset(arena);
        if (pol_trust_token(trust, NULL, view, arena, POL_BYTES("mF_9.B5f-4.1JqM-2YotnFZFEjr1zCsicMWpAA-tGzv3JOkF0"), NOW_S * INT64_C(1000000000), &seen))
            die("an opaque token that is known");
    }
    return (double)(now_ns() - from) / n;
}

static bool time_opaque(double most_ns)
{
    static const char answer[] = "{\"active\":true,\"sub\":\"ann\",\"client_id\":\"web\",\"scope\":\"orders:read orders:write\",\"aud\":[\"orders\"],\"iss\":\"https://id.example\","
                                 "\"token_type\":\"Bearer\",\"exp\":1800000300,\"iat\":1799999990,\"tenant_id\":\"t1\"}";
    asked_level asked;
    pol_introspection_store store = {.context = &asked, .ask = ask_level, .keep = keep_nothing};
    pol_view view = {.opaque = pol_opaque_cache_new()};
    pol_trust *trust = trust_that_asks();
    pol_buf value = {0};
    pol_arena arena;
    pol_error err;
    pol_verified_token seen;
    double rounds[ROUNDS];
    if (!pol_introspection_new((pol_bytes){0}, &view.introspection, &err))
        die(err.text);
    pol_introspection_set_clock(view.introspection, bench_clock);
    pol_introspection_start(view.introspection, NULL, &store, NULL, NULL);
    pol_arena_init(&arena, 0);
    if (!pol_trust_token(trust, NULL, &view, &arena, POL_BYTES("mF_9.B5f-4.1JqM-2YotnFZFEjr1zCsicMWpAA-tGzv3JOkF0"), bench_clock(), &seen))
        die("it was known before it was asked about");
    for (unsigned i = 0; i < 8; i++)
        pol_buf_byte(&value, (uint8_t)(bench_clock() >> 8 * i));
    pol_buf_byte(&value, 1);
    pol_buf_text(&value, answer);
    asked.found(asked.flight, pol_buf_view(&value));
    time_known(trust, &view, &arena, 1000);
    for (unsigned i = 0; i < ROUNDS; i++)
        rounds[i] = time_known(trust, &view, &arena, 20000);
    double at = median(rounds);
    printf("opaque, asked about before: %.0f ns\n", at);
    pol_buf_deinit(&value);
    pol_arena_deinit(&arena);
    pol_opaque_cache_free(view.opaque);
    pol_introspection_free(view.introspection);
    pol_trust_free(trust);
    return at < most_ns;
}

/* ---- a client certificate: first, and known ---- */

static X509 *certify(const char *name, const char *const extensions[][2], EVP_PKEY *key, X509 *by, EVP_PKEY *by_key)
{
    X509 *cert = X509_new();
    X509V3_CTX ctx;
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 4711);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(by ? by : cert));
    ASN1_TIME_set(X509_getm_notBefore(cert), NOW_S - 60);
    ASN1_TIME_set(X509_getm_notAfter(cert), NOW_S + 86400);
    X509_set_pubkey(cert, key);
    X509V3_set_ctx(&ctx, by ? by : cert, cert, NULL, NULL, 0);
    for (unsigned i = 0; extensions[i][0]; i++) {
        X509_EXTENSION *e = X509V3_EXT_nconf(NULL, &ctx, extensions[i][0], extensions[i][1]);
        X509_add_ext(cert, e, -1);
        X509_EXTENSION_free(e);
    }
    if (X509_sign(cert, by_key ? by_key : key, EVP_sha256()) <= 0)
        die("making a certificate");
    return cert;
}

static void write_pem(X509 *cert, pol_buf *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *at;
    PEM_write_bio_X509(bio, cert);
    size_t n = (size_t)BIO_get_mem_data(bio, &at);
    pol_buf_add(out, at, n);
    BIO_free(bio);
}

static pol_trust *trust_in_root(pol_buf *leaf_pem)
{
    static const char *const of_root[][2] = {{"basicConstraints", "critical,CA:TRUE"}, {"keyUsage", "critical,keyCertSign"}, {"subjectKeyIdentifier", "hash"}, {0}};
    static const char *const of_leaf[][2] = {{"basicConstraints", "critical,CA:FALSE"}, {"keyUsage", "critical,digitalSignature"}, {"subjectKeyIdentifier", "hash"},
                                             {"authorityKeyIdentifier", "keyid:always"}, {"extendedKeyUsage", "clientAuth"},
                                             {"subjectAltName", "URI:spiffe://acme.example/web"}, {0}};
    char path[] = "/tmp/token-bench-XXXXXX";
    EVP_PKEY *root_key = EVP_EC_gen("P-256"), *leaf_key = EVP_EC_gen("P-256");
    X509 *root = certify("Root", of_root, root_key, NULL, NULL), *leaf = certify("leaf", of_leaf, leaf_key, root, root_key);
    pol_buf root_pem = {0};
    pol_trust *trust;
    pol_error err;
    write_pem(leaf, leaf_pem);
    write_pem(root, &root_pem);
    int file = mkstemp(path);
    if (file < 0 || write(file, root_pem.at, root_pem.n) != (ssize_t)root_pem.n)
        die("writing a root");
    close(file);
    const char *const files[] = {path};
    pol_trust_config config = {.trust_files = files, .n_trust_files = 1};
    if (!pol_trust_new(&config, &trust, &err))
        die(err.text);
    unlink(path);
    pol_buf_deinit(&root_pem);
    X509_free(root);
    X509_free(leaf);
    EVP_PKEY_free(root_key);
    EVP_PKEY_free(leaf_key);
    return trust;
}

static double time_certificate(const pol_trust *trust, pol_arena *arena, pol_bytes pem, pol_chain_cache *chains, unsigned n)
{
    pol_value undefined = pol_undefined(), input;
    pol_refusal refusal;
    int64_t from = now_ns();
    for (unsigned i = 0; i < n; i++) {
        pol_arena_reset(arena);
        pol_builder action = pol_builder_new(arena), resource = pol_builder_new(arena);
        pol_builder_put_text(&action, "name", pol_string_text("read"));
        pol_builder_put_text(&resource, "type", pol_string_text("note"));
        pol_description d = {.subject = undefined, .action = pol_builder_object(&action), .resource = pol_builder_object(&resource), .context = undefined,
                             .request = {.headers = undefined, .body = undefined}, .cert_pem = pem, .chains = chains};
        if (!pol_input_assemble(arena, trust, undefined, &d, NOW_S * INT64_C(1000000000), &input, &refusal))
            die(refusal.text);
    }
    return (double)(now_ns() - from) / n;
}

static void time_certificates(void)
{
    pol_buf pem = {0};
    pol_trust *trust = trust_in_root(&pem);
    pol_chain_cache *chains = pol_chain_cache_new();
    double first[ROUNDS], known[ROUNDS];
    pol_arena arena;
    pol_arena_init(&arena, 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        first[i] = time_certificate(trust, &arena, pol_buf_view(&pem), NULL, 20);
        known[i] = time_certificate(trust, &arena, pol_buf_view(&pem), chains, 5000);
    }
    double at_first = median(first);
    printf("the input of a certificate, %zu bytes of PEM: first %.0f us, known %.2f us\n", pem.n, at_first / 1000, median(known) / 1000);
    pol_arena_deinit(&arena);
    pol_chain_cache_free(chains);
    pol_trust_free(trust);
    pol_buf_deinit(&pem);
}

int main(int argc, char **argv)
{
    bool check = argc > 1 && strcmp(argv[1], "--check") == 0, ok = true;
    double seconds = argc > 1 + check ? strtod(argv[1 + check], NULL) : 0.6;
    printf("%-6s %-10s %13s %13s %7s\n", "alg", "key", "bare EVP", "token", "ratio");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        ok &= compare(table[i].alg, table[i].note, table[i].most, seconds);
    ok &= time_cached(1000);
    ok &= time_opaque(1000);
    time_certificates();
    return check && !ok;
}
