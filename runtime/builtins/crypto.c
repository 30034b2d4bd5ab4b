/* SPDX-License-Identifier: Apache-2.0
 * Built-ins of family crypto: hashes, HMACs, certificates and keys. Documents of certificates are certificates.h's; no arena memory is
 * taken while an object of OpenSSL is held.
 */
#include "runtime/builtins/armor.h"
#include "runtime/builtins/certificates.h"
#include "runtime/identity/x509.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

POL_CLEANUP(BIO *, BIO_free_all)
POL_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
POL_CLEANUP(X509_REQ *, X509_REQ_free)
POL_CLEANUP(X509_STORE *, X509_STORE_free)
POL_CLEANUP(X509_STORE_CTX *, X509_STORE_CTX_free)

enum { CERTS_MAX = 100 };

static pol_value make_hex(pol_eval *ev, const uint8_t *bytes, size_t n)
{
    uint8_t *text = pol_arena_alloc(pol_eval_arena(ev), 2 * n);
    pol_hex_encode(text, pol_bytes_of(bytes, n));
    return pol_string(pol_bytes_of(text, 2 * n));
}

static pol_value hash(pol_eval *ev, const pol_value *args, const EVP_MD *md)
{
    pol_bytes x = pol_arg_string(ev, args, 0);
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (pol_builtin_failed(ev))
        return pol_undefined();
    pol_charge(ev, x.n / 64);
    if (EVP_Digest(x.at, x.n, digest, &n, md, NULL) != 1)
        return pol_builtin_error(ev, "the hash is not available");
    return make_hex(ev, digest, n);
}

static pol_value hmac(pol_eval *ev, const pol_value *args, const EVP_MD *md)
{
    pol_bytes x = pol_arg_string(ev, args, 0), key = pol_arg_string(ev, args, 1);
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (pol_builtin_failed(ev))
        return pol_undefined();
    pol_charge(ev, x.n / 64);
    if (key.n > INT32_MAX || !HMAC(md, key.n ? key.at : (const uint8_t *)"", (int)key.n, x.at, x.n, mac, &n))
        return pol_builtin_error(ev, "the hash is not available");
    return make_hex(ev, mac, n);
}

POL_BUILTIN(md5, "crypto.md5", "(x: string) string", "MD5 in hex. Not for security.")
{
    return hash(ev, args, EVP_md5());
}
POL_BUILTIN(sha1, "crypto.sha1", "(x: string) string", "SHA-1 in hex. Not for security.")
{
    return hash(ev, args, EVP_sha1());
}
POL_BUILTIN(sha256, "crypto.sha256", "(x: string) string", "SHA-256 in hex.")
{
    return hash(ev, args, EVP_sha256());
}
POL_BUILTIN(hmac_md5, "crypto.hmac.md5", "(x: string, key: string) string", "HMAC with MD5 in hex. Not for security.")
{
    return hmac(ev, args, EVP_md5());
}
POL_BUILTIN(hmac_sha1, "crypto.hmac.sha1", "(x: string, key: string) string", "HMAC with SHA-1 in hex.")
{
    return hmac(ev, args, EVP_sha1());
}
POL_BUILTIN(hmac_sha256, "crypto.hmac.sha256", "(x: string, key: string) string", "HMAC with SHA-256 in hex.")
{
    return hmac(ev, args, EVP_sha256());
}
POL_BUILTIN(hmac_sha512, "crypto.hmac.sha512", "(x: string, key: string) string", "HMAC with SHA-512 in hex.")
{
    return hmac(ev, args, EVP_sha512());
}
POL_BUILTIN(hmac_equal, "crypto.hmac.equal", "(mac1: string, mac2: string) boolean", "Compares in time that depends on the length only.")
{
    pol_bytes a = pol_arg_string(ev, args, 0), b = pol_arg_string(ev, args, 1);
    if (pol_builtin_failed(ev))
        return pol_undefined();
    return pol_bool(a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.at, b.at, a.n) == 0));
}

/* ---- reading what foreign texts hold ---- */

/* Certificates of PEM or of DER ones behind each other; NULL and *why. The caller frees with sk_X509_pop_free. */
static STACK_OF(X509) *read_certs(pol_bytes s, const char **why)
{
    STACK_OF(X509) *certs = sk_X509_new_null();
    bool pem = pol_armor_is_pem(s);
    const unsigned char *at = s.at, *end = s.at + s.n;
    POL_CLEAN(BIO_free_all) BIO *bio = pem && s.n <= INT32_MAX ? BIO_new_mem_buf(s.at, (int)s.n) : NULL;
    bool ok = certs && (!pem || bio);
    *why = "x509: malformed certificate";
    while (ok && (pem || at < end)) {
        char *name = NULL, *header = NULL;
        unsigned char *der = NULL;
        const unsigned char *from = at;
        long n = end - at;
        if (pem) {
            if (PEM_read_bio(bio, &name, &header, &der, &n) != 1)
                break;
            from = der;
        }
        X509 *cert = NULL;
        if (pem && strcmp(name, PEM_STRING_X509) != 0)
            *why = "PEM block type must be CERTIFICATE";
        else if (sk_X509_num(certs) < CERTS_MAX)
            cert = d2i_X509(NULL, &from, n);
        ok = cert && sk_X509_push(certs, cert);
        if (!ok)
            X509_free(cert);
        if (!pem)
            at = from;
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(der);
    }
    ERR_clear_error();
    if (ok && sk_X509_num(certs) > 0)
        return certs;
    sk_X509_pop_free(certs, X509_free);
    return NULL;
}

static void put_certs(pol_buf *json, STACK_OF(X509) *certs)
{
    pol_buf_byte(json, '[');
    for (int i = 0; i < sk_X509_num(certs); i++) {
        if (i)
            pol_buf_byte(json, ',');
        pol_go_certificate(json, sk_X509_value(certs, i));
    }
    pol_buf_byte(json, ']');
}

POL_BUILTIN(parse_certificates, "crypto.x509.parse_certificates", "(certs: string) array[object[string: any]]",
            "The certificates of a PEM text, or of base64 of PEM or DER.")
{
    pol_bytes text = pol_arg_string(ev, args, 0), raw;
    if (pol_builtin_failed(ev) || !pol_armor_open(ev, text, &raw))
        return pol_undefined();
    pol_charge(ev, raw.n / 16);
    const char *why;
    STACK_OF(X509) *certs = read_certs(raw, &why);
    if (!certs)
        return pol_builtin_error(ev, "%s", why);
    pol_buf json = {0};
    put_certs(&json, certs);
    sk_X509_pop_free(certs, X509_free);
    return pol_armor_value(ev, &json);
}

/* ---- verifying a chain: root first, leaf last ---- */

typedef struct {
    int64_t now_s;
    char dns_name[256];
    unsigned usages; /* bits: 1 << Go's number of an extended key usage */
} verify_options;

static const char *const usage_names[] = {"KeyUsageAny", "KeyUsageServerAuth", "KeyUsageClientAuth", "KeyUsageCodeSigning",
                                          "KeyUsageEmailProtection", "KeyUsageIPSECEndSystem", "KeyUsageIPSECTunnel",
                                          "KeyUsageIPSECUser", "KeyUsageTimeStamping", "KeyUsageOCSPSigning"};
static const int usage_nids[] = {NID_anyExtendedKeyUsage, NID_server_auth, NID_client_auth, NID_code_sign, NID_email_protect,
                                 NID_ipsecEndSystem, NID_ipsecTunnel, NID_ipsecUser, NID_time_stamp, NID_OCSP_sign};
enum { N_USAGES = sizeof usage_names / sizeof *usage_names, USAGE_ANY = 1 << 0, USAGE_SERVER = 1 << 1 };

static bool has_usage(X509 *leaf, unsigned usages)
{
    EXTENDED_KEY_USAGE *list = X509_get_ext_d2i(leaf, NID_ext_key_usage, NULL, NULL);
    bool found = !list || (usages & USAGE_ANY);
    for (int i = 0; i < sk_ASN1_OBJECT_num(list); i++) {
        int nid = OBJ_obj2nid(sk_ASN1_OBJECT_value(list, i));
        for (unsigned k = 0; k < N_USAGES; k++)
            found |= (usages & (1u << k)) && (nid == usage_nids[k] || nid == NID_anyExtendedKeyUsage);
    }
    EXTENDED_KEY_USAGE_free(list);
    return found;
}

/* The verified path appended as documents, or false. */
static bool verify_certs(STACK_OF(X509) *certs, const verify_options *o, pol_buf *json)
{
    int n = sk_X509_num(certs);
    POL_CLEAN(X509_STORE_free) X509_STORE *store = X509_STORE_new();
    POL_CLEAN(X509_STORE_CTX_free) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    if (n < 2 || !store || !ctx || X509_STORE_add_cert(store, sk_X509_value(certs, 0)) != 1 ||
        X509_STORE_CTX_init(ctx, store, sk_X509_value(certs, n - 1), certs) != 1)
        return false;
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_USE_CHECK_TIME);
    X509_VERIFY_PARAM_set_time(param, (time_t)o->now_s);
    if (o->dns_name[0] && X509_VERIFY_PARAM_set1_host(param, o->dns_name, 0) != 1)
        return false;
    if (X509_verify_cert(ctx) != 1 || !has_usage(sk_X509_value(certs, n - 1), o->usages))
        return false;
    put_certs(json, X509_STORE_CTX_get0_chain(ctx));
    return true;
}

static bool read_usages(pol_eval *ev, pol_value list, verify_options *o)
{
    if (list.tag != POL_ARRAY && list.tag != POL_SET) {
        pol_builtin_error(ev, "'KeyUsages' should be an array or a set of strings");
        return false;
    }
    o->usages = list.n ? 0 : o->usages;
    for (uint32_t i = 0; i < list.n; i++) {
        pol_value v = pol_element(list, i);
        unsigned k = 0;
        while (k < N_USAGES && !(v.tag == POL_STRING && pol_bytes_is(pol_text(v), usage_names[k])))
            k++;
        if (k == N_USAGES) {
            pol_builtin_error(ev, "invalid entries for 'KeyUsages' found: element %u is none of the known names", i);
            return false;
        }
        o->usages |= 1u << k;
    }
    return true;
}

static bool read_options(pol_eval *ev, pol_value options, verify_options *o)
{
    for (uint32_t i = 0; i < options.n; i++) {
        pol_value key = pol_member_key(options, i), v = pol_member_value(options, i);
        pol_bytes name = key.tag == POL_STRING ? pol_text(key) : (pol_bytes){0};
        int64_t ns;
        if (pol_bytes_is(name, "DNSName")) {
            if (v.tag != POL_STRING || v.n >= sizeof o->dns_name || memchr(v.text, 0, v.n)) {
                pol_builtin_error(ev, "'DNSName' should be a string");
                return false;
            }
            memcpy(o->dns_name, v.text, v.n);
        } else if (pol_bytes_is(name, "CurrentTime")) {
            if (!pol_is_number(v) || !pol_number_int64(v, &ns)) {
                pol_builtin_error(ev, "'CurrentTime' should be a number of nanoseconds");
                return false;
            }
            o->now_s = ns / 1000000000;
        } else if (pol_bytes_is(name, "KeyUsages")) {
            POL_TRY(read_usages(ev, v, o));
        } else if (!pol_bytes_is(name, "MaxConstraintComparisons")) {
            pol_builtin_error(ev, "invalid key option");
            return false;
        }
    }
    return true;
}

static pol_value parse_and_verify(pol_eval *ev, const pol_value *args, pol_value options)
{
    verify_options o = {.now_s = pol_eval_now_ns(ev) / 1000000000, .usages = USAGE_SERVER};
    pol_bytes text = pol_arg_string(ev, args, 0), raw;
    if (pol_builtin_failed(ev) || !read_options(ev, options, &o))
        return pol_undefined();
    pol_value refused[2] = {pol_bool(false), pol_empty(POL_ARRAY)};
    pol_value answer = pol_array_of(pol_eval_arena(ev), refused, 2);
    size_t bad_at;
    raw = text;
    if (!pol_armor_is_pem(text) && !pol_armor_base64(pol_eval_arena(ev), text, POL_BASE64, &raw, &bad_at))
        return answer;
    pol_charge(ev, 10000);
    const char *why;
    STACK_OF(X509) *certs = read_certs(raw, &why);
    pol_buf json = {0};
    pol_buf_text(&json, "[true,");
    bool ok = certs && verify_certs(certs, &o, &json);
    pol_buf_byte(&json, ']');
    sk_X509_pop_free(certs, X509_free);
    ERR_clear_error();
    if (ok)
        return pol_armor_value(ev, &json);
    pol_buf_deinit(&json);
    return answer;
}

POL_BUILTIN_FLAGS(parse_and_verify_certificates, "crypto.x509.parse_and_verify_certificates",
                  "(certs: string) [boolean, array[object[string: any]]]",
                  "Verifies a chain given root first and leaf last: [true, the chain from leaf to root] or [false, []].", POL_NONDETERMINISTIC)
{
    return parse_and_verify(ev, args, pol_empty(POL_OBJECT));
}

POL_BUILTIN_FLAGS(parse_and_verify_certificates_with_options, "crypto.x509.parse_and_verify_certificates_with_options",
                  "(certs: string, options: object[string: any]) [boolean, array[object[string: any]]]",
                  "The same with `DNSName`, `CurrentTime` (ns) and `KeyUsages`.", POL_NONDETERMINISTIC)
{
    pol_value options = pol_arg_object(ev, args, 1);
    if (pol_builtin_failed(ev))
        return pol_undefined();
    return parse_and_verify(ev, args, options);
}

POL_BUILTIN(parse_certificate_request, "crypto.x509.parse_certificate_request", "(csr: string) object[string: any]",
            "A PKCS #10 request of PEM, or of base64 of PEM or DER.")
{
    pol_bytes text = pol_arg_string(ev, args, 0), raw;
    if (pol_builtin_failed(ev) || !pol_armor_open(ev, text, &raw))
        return pol_undefined();
    pol_charge(ev, raw.n / 16);
    pol_buf json = {0};
    {
        const unsigned char *at = raw.at;
        POL_CLEAN(BIO_free_all) BIO *bio = pol_armor_is_pem(raw) && raw.n <= INT32_MAX ? BIO_new_mem_buf(raw.at, (int)raw.n) : NULL;
        POL_CLEAN(X509_REQ_free) X509_REQ *req = bio ? PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL) : d2i_X509_REQ(NULL, &at, (long)raw.n);
        if (req)
            pol_go_request(&json, req);
        ERR_clear_error();
    }
    return json.n ? pol_armor_value(ev, &json) : pol_builtin_error(ev, "asn1: structure error: not a certificate request");
}

/* ---- private keys ---- */

static int refuse_password(char *buf, int size, int rwflag, void *context)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)context;
    return -1;
}

POL_BUILTIN(parse_rsa_private_key, "crypto.x509.parse_rsa_private_key", "(pem: string) object[string: any]", "A private RSA key as JWK.")
{
    pol_bytes text = pol_arg_string(ev, args, 0), raw;
    if (pol_builtin_failed(ev) || !pol_armor_open(ev, text, &raw))
        return pol_undefined();
    pol_charge(ev, 1000);
    pol_buf json = {0};
    {
        POL_CLEAN(BIO_free_all) BIO *bio = raw.n <= INT32_MAX ? BIO_new_mem_buf(raw.at, (int)raw.n) : NULL;
        POL_CLEAN(EVP_PKEY_free) EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, refuse_password, NULL) : NULL;
        if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
            pol_rsa_jwk(&json, key);
        ERR_clear_error();
    }
    return json.n ? pol_armor_value(ev, &json) : pol_builtin_error(ev, "the text is no private RSA key");
}

POL_BUILTIN(parse_private_keys, "crypto.parse_private_keys", "(keys: string) array[object[string: any]]", "The private keys of a PEM text.")
{
    pol_bytes text = pol_arg_string(ev, args, 0), raw;
    if (pol_builtin_failed(ev))
        return pol_undefined();
    if (text.n == 0)
        return pol_null();
    if (!pol_armor_open(ev, text, &raw))
        return pol_undefined();
    pol_charge(ev, raw.n / 16);
    pol_buf json = {0};
    unsigned n = 0;
    pol_buf_byte(&json, '[');
    {
        POL_CLEAN(BIO_free_all) BIO *bio = raw.n <= INT32_MAX ? BIO_new_mem_buf(raw.at, (int)raw.n) : NULL;
        for (EVP_PKEY *key; bio && n < CERTS_MAX && (key = PEM_read_bio_PrivateKey(bio, NULL, refuse_password, NULL)); n++) {
            if (n)
                pol_buf_byte(&json, ',');
            pol_go_private_key(&json, key);
            EVP_PKEY_free(key);
        }
        ERR_clear_error();
    }
    pol_buf_byte(&json, ']');
    return pol_armor_value(ev, &json);
}

/* The pair as JSON, or false when the key is not the first certificate's. */
static bool put_pair(pol_buf *json, pol_bytes cert_pem, pol_bytes key_pem)
{
    const char *why;
    STACK_OF(X509) *certs = pol_armor_is_pem(cert_pem) ? read_certs(cert_pem, &why) : NULL;
    POL_CLEAN(BIO_free_all) BIO *bio = key_pem.n <= INT32_MAX ? BIO_new_mem_buf(key_pem.at, (int)key_pem.n) : NULL;
    POL_CLEAN(EVP_PKEY_free) EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, refuse_password, NULL) : NULL;
    bool ok = certs && key && X509_check_private_key(sk_X509_value(certs, 0), key) == 1;
    if (ok) {
        pol_buf_text(json, "{\"Certificate\":[");
        for (int i = 0; i < sk_X509_num(certs); i++) {
            unsigned char *der = NULL;
            int n = i2d_X509(sk_X509_value(certs, i), &der);
            if (i)
                pol_buf_byte(json, ',');
            pol_go_bytes(json, der, n > 0 ? (size_t)n : 0);
            OPENSSL_free(der);
        }
        pol_buf_text(json, "],\"PrivateKey\":");
        pol_go_private_key(json, key);
        pol_buf_text(json, ",\"Leaf\":");
        pol_go_certificate(json, sk_X509_value(certs, 0));
        pol_buf_text(json, ",\"OCSPStaple\":null,\"SignedCertificateTimestamps\":null,\"SupportedSignatureAlgorithms\":null}");
    }
    sk_X509_pop_free(certs, X509_free);
    ERR_clear_error();
    return ok;
}

POL_BUILTIN(parse_keypair, "crypto.x509.parse_keypair", "(cert: string, pem: string) object[string: any]",
            "A certificate chain and its private key, each PEM or base64 of PEM.")
{
    pol_bytes cert = pol_arg_string(ev, args, 0), key = pol_arg_string(ev, args, 1), cert_raw, key_raw;
    if (pol_builtin_failed(ev) || !pol_armor_open(ev, cert, &cert_raw) || !pol_armor_open(ev, key, &key_raw))
        return pol_undefined();
    pol_charge(ev, 1000);
    pol_buf json = {0};
    if (!put_pair(&json, cert_raw, key_raw)) {
        pol_buf_deinit(&json);
        return pol_builtin_error(ev, "tls: the certificate and the private key are no pair");
    }
    return pol_armor_value(ev, &json);
}

POL_FAMILY(crypto) = {
    POL_ROW(md5), POL_ROW(sha1), POL_ROW(sha256), POL_ROW(hmac_md5), POL_ROW(hmac_sha1), POL_ROW(hmac_sha256), POL_ROW(hmac_sha512),
    POL_ROW(hmac_equal), POL_ROW(parse_certificates), POL_ROW(parse_and_verify_certificates),
    POL_ROW(parse_and_verify_certificates_with_options), POL_ROW(parse_certificate_request), POL_ROW(parse_rsa_private_key),
    POL_ROW(parse_private_keys), POL_ROW(parse_keypair), POL_END,
};
