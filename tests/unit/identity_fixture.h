/* SPDX-License-Identifier: Apache-2.0
 * Keys, tokens and certificates for the tests of identity, made anew in each run: an issuer with an ES256 key, a CA, client certificates.
 */
#pragma once

#include "runtime/identity/jose.h"
#include "runtime/identity/x509.h"
#include "runtime/json.h"

#include <assert.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <setjmp.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum { NOW_S = 1800000000 }; /* 2027-01-15T08:00:00Z */
#define NOW_NS (NOW_S * 1000000000LL)

static inline EVP_PKEY *make_ec_key(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    assert_non_null(key);
    return key;
}

/* The public key as a JWK with kid "k1". */
static inline void put_jwk(pol_buf *out, EVP_PKEY *key)
{
    uint8_t point[65], text[100];
    size_t n = 0;
    assert_int_equal(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, sizeof point, &n), 1);
    assert_int_equal(n, 65);
    pol_buf_text(out, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k1\",\"x\":\"");
    pol_buf_add(out, text, pol_base64_encode(text, pol_bytes_of(point + 1, 32), POL_BASE64URL));
    pol_buf_text(out, "\",\"y\":\"");
    pol_buf_add(out, text, pol_base64_encode(text, pol_bytes_of(point + 33, 32), POL_BASE64URL));
    pol_buf_text(out, "\"}");
}

/* A compact JWS of the two JSON texts, in arena. */
static inline pol_bytes make_token(pol_arena *arena, EVP_PKEY *pkey, const char *header, const char *claims)
{
    pol_key key = {.type = POL_KEY_EC, .pkey = pkey, .curve = "prime256v1", .may_verify = true};
    uint8_t signature[POL_SIGNATURE_MAX], *out = pol_arena_alloc(arena, 2 * (strlen(header) + strlen(claims)) + 200);
    size_t n = pol_base64_encode(out, pol_bytes_text(header), POL_BASE64URL), n_signature;
    out[n++] = '.';
    n += pol_base64_encode(out + n, pol_bytes_text(claims), POL_BASE64URL);
    assert_true(pol_sign(&key, pol_alg_find(POL_BYTES("ES256")), pol_bytes_of(out, n), signature, &n_signature));
    out[n++] = '.';
    n += pol_base64_encode(out + n, pol_bytes_of(signature, n_signature), POL_BASE64URL);
    return pol_bytes_of(out, n);
}

/* ---- certificates ---- */

typedef struct {
    const char *subject; /* common name */
    const char *san;     /* as in OpenSSL's configuration: "URI:spiffe://..."; NULL: none */
    const char *usage;   /* extended key usage; NULL: clientAuth, "": none */
    bool ca;
    int64_t from_s, to_s; /* offsets from NOW_S */
} cert_plan;

static inline void put_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_nconf_nid(NULL, &ctx, nid, value);
    assert_non_null(e);
    X509_add_ext(cert, e, -1);
    X509_EXTENSION_free(e);
}

/* issuer NULL: self-signed by key. */
static inline X509 *make_cert(const cert_plan *plan, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *cert = X509_new();
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 4711);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8, (const unsigned char *)plan->subject, -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer : cert));
    ASN1_TIME_set(X509_getm_notBefore(cert), NOW_S + plan->from_s);
    ASN1_TIME_set(X509_getm_notAfter(cert), NOW_S + plan->to_s);
    X509_set_pubkey(cert, key);
    put_extension(cert, issuer ? issuer : cert, NID_basic_constraints, plan->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    put_extension(cert, issuer ? issuer : cert, NID_key_usage, plan->ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
    put_extension(cert, issuer ? issuer : cert, NID_subject_key_identifier, "hash");
    if (issuer)
        put_extension(cert, issuer, NID_authority_key_identifier, "keyid:always");
    if (!plan->ca && (!plan->usage || plan->usage[0]))
        put_extension(cert, issuer, NID_ext_key_usage, plan->usage ? plan->usage : "clientAuth");
    if (plan->san)
        put_extension(cert, issuer, NID_subject_alt_name, plan->san);
    assert_true(X509_sign(cert, issuer_key ? issuer_key : key, EVP_sha256()) > 0);
    return cert;
}

static inline pol_bytes to_pem(pol_arena *arena, X509 *cert)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *at;
    assert_int_equal(PEM_write_bio_X509(bio, cert), 1);
    long n = BIO_get_mem_data(bio, &at);
    pol_bytes pem = pol_bytes_of(pol_arena_copy(arena, at, (size_t)n), (size_t)n);
    BIO_free(bio);
    return pem;
}

/* Writes bytes to a new file of /tmp; path has room for 64. */
static inline void write_file(char path[64], pol_bytes bytes)
{
    snprintf(path, 64, "/tmp/polward-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes.at, bytes.n), (ssize_t)bytes.n);
    close(fd);
}

static inline pol_value from_json(pol_arena *arena, const char *text)
{
    pol_value v;
    pol_error err;
    if (!pol_json_read(arena, pol_bytes_text(text), NULL, &v, &err))
        fail_msg("%s: %s", text, err.text);
    return v;
}

static inline void assert_json(pol_value got, const char *want)
{
    pol_buf text = {0};
    pol_json_write(&text, got, POL_JSON_COMPACT);
    assert_string_equal((const char *)text.at, want);
    pol_buf_deinit(&text);
}
