/* SPDX-License-Identifier: Apache-2.0
 * JWS: the table of algorithms, the strict split of a compact token, and signatures by OpenSSL.
 */
#include "runtime/identity/jose.h"

#include "runtime/json.h"

#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

POL_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free)
POL_CLEANUP(ECDSA_SIG *, ECDSA_SIG_free)

enum { DEPTH_MAX = 64, TRIES_MAX = 16, ECDSA_DER_MAX = 160 };

static const pol_alg algs[] = {
    {"RS256", POL_KEY_RSA, "SHA256", NULL, 32, false}, {"RS384", POL_KEY_RSA, "SHA384", NULL, 48, false},
    {"RS512", POL_KEY_RSA, "SHA512", NULL, 64, false}, {"PS256", POL_KEY_RSA, "SHA256", NULL, 32, true},
    {"PS384", POL_KEY_RSA, "SHA384", NULL, 48, true},  {"PS512", POL_KEY_RSA, "SHA512", NULL, 64, true},
    {"ES256", POL_KEY_EC, "SHA256", "prime256v1", 32, false}, {"ES384", POL_KEY_EC, "SHA384", "secp384r1", 48, false},
    {"ES512", POL_KEY_EC, "SHA512", "secp521r1", 66, false}, {"EdDSA", POL_KEY_OKP, NULL, NULL, 0, false},
    {"HS256", POL_KEY_OCT, "SHA256", NULL, 32, false}, {"HS384", POL_KEY_OCT, "SHA384", NULL, 48, false},
    {"HS512", POL_KEY_OCT, "SHA512", NULL, 64, false},
};

const pol_alg *pol_alg_find(pol_bytes name)
{
    enum { LENGTH = 5 }; /* of each of them */
    for (size_t i = 0; name.n == LENGTH && i < sizeof algs / sizeof *algs; i++) {
        if (memcmp(name.at, algs[i].name, LENGTH) == 0)
            return &algs[i];
    }
    return NULL;
}

bool pol_key_fits(const pol_key *key, const pol_alg *alg, bool strict)
{
    if (key->type != alg->key_type)
        return false;
    if (alg->curve && strcmp(key->curve, alg->curve) != 0)
        return false;
    if (!strict)
        return true;
    if (!key->may_verify || (key->alg[0] && strcmp(key->alg, alg->name) != 0))
        return false;
    return key->type != POL_KEY_OCT || key->n_secret >= alg->n_bytes;
}

/* ---- signatures ---- */

static bool check_hmac(const pol_key *key, const pol_alg *alg, pol_bytes input, pol_bytes signature)
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    bool ok = key->n_secret <= INT32_MAX &&
              HMAC(EVP_get_digestbyname(alg->digest), key->secret, (int)key->n_secret, input.at, input.n, mac, &n) != NULL &&
              signature.n == n && CRYPTO_memcmp(mac, signature.at, n) == 0;
    OPENSSL_cleanse(mac, sizeof mac);
    return ok;
}

/* r and s at fixed length (RFC 7518, 3.4) as the DER that OpenSSL takes. */
static bool ecdsa_to_der(pol_bytes raw, unsigned n_bytes, uint8_t out[ECDSA_DER_MAX], size_t *n)
{
    if (raw.n != 2 * (size_t)n_bytes)
        return false;
    POL_CLEAN(ECDSA_SIG_free) ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw.at, (int)n_bytes, NULL), *s = BN_bin2bn(raw.at + n_bytes, (int)n_bytes, NULL);
    if (!sig || !r || !s || ECDSA_SIG_set0(sig, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return false;
    }
    int length = i2d_ECDSA_SIG(sig, NULL);
    if (length <= 0 || length > ECDSA_DER_MAX)
        return false;
    uint8_t *at = out;
    *n = (size_t)i2d_ECDSA_SIG(sig, &at);
    return true;
}

static bool set_pss(EVP_PKEY_CTX *ctx, const pol_alg *alg)
{
    return !alg->pss || (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
                         EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)alg->n_bytes) == 1 &&
                         EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_get_digestbyname(alg->digest)) == 1);
}

bool pol_signature_ok(const pol_key *key, const pol_alg *alg, pol_bytes input, pol_bytes signature)
{
    if (alg->key_type != key->type)
        return false;
    if (key->type == POL_KEY_OCT)
        return check_hmac(key, alg, input, signature);
    uint8_t der[ECDSA_DER_MAX];
    if (key->type == POL_KEY_EC) {
        size_t n;
        if (!ecdsa_to_der(signature, alg->n_bytes, der, &n))
            return false;
        signature = pol_bytes_of(der, n);
    }
    POL_CLEAN(EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key_ctx = NULL;
    const EVP_MD *md = alg->digest ? EVP_get_digestbyname(alg->digest) : NULL;
    return ctx && EVP_DigestVerifyInit(ctx, &key_ctx, md, NULL, key->pkey) == 1 && set_pss(key_ctx, alg) &&
           EVP_DigestVerify(ctx, signature.at, signature.n, input.at, input.n) == 1;
}

static bool ecdsa_from_der(const uint8_t *der, size_t n_der, unsigned n_bytes, uint8_t *out, size_t *n)
{
    const uint8_t *at = der;
    POL_CLEAN(ECDSA_SIG_free) ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)n_der);
    if (!sig)
        return false;
    *n = 2 * (size_t)n_bytes;
    return BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, (int)n_bytes) == (int)n_bytes &&
           BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + n_bytes, (int)n_bytes) == (int)n_bytes;
}

bool pol_sign(const pol_key *key, const pol_alg *alg, pol_bytes input, uint8_t out[POL_SIGNATURE_MAX], size_t *n)
{
    if (alg->key_type != key->type || key->n_secret > INT32_MAX)
        return false;
    if (key->type == POL_KEY_OCT) {
        unsigned n_mac = 0;
        bool ok = HMAC(EVP_get_digestbyname(alg->digest), key->secret, (int)key->n_secret, input.at, input.n, out, &n_mac) != NULL;
        *n = n_mac;
        return ok;
    }
    POL_CLEAN(EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key_ctx = NULL;
    const EVP_MD *md = alg->digest ? EVP_get_digestbyname(alg->digest) : NULL;
    size_t length = POL_SIGNATURE_MAX;
    if (!ctx || EVP_DigestSignInit(ctx, &key_ctx, md, NULL, key->pkey) != 1 || !set_pss(key_ctx, alg) ||
        EVP_DigestSign(ctx, out, &length, input.at, input.n) != 1)
        return false;
    *n = length;
    if (key->type != POL_KEY_EC)
        return true;
    uint8_t der[ECDSA_DER_MAX];
    if (length > sizeof der)
        return false;
    memcpy(der, out, length);
    return ecdsa_from_der(der, length, alg->n_bytes, out, n);
}

/* ---- the compact form ---- */

/* A segment decoded into the arena, with a NUL behind it. */
static bool decode_segment(pol_arena *arena, pol_bytes segment, pol_bytes *out)
{
    uint8_t *at = pol_arena_try(arena, segment.n + 1);
    size_t n = 0;
    if (!at || !pol_base64_decode(at, &n, segment, POL_BASE64URL, true))
        return false;
    at[n] = 0;
    *out = pol_bytes_of(at, n);
    return true;
}

static bool split(pol_bytes token, pol_bytes segments[3])
{
    size_t from = 0;
    for (int i = 0; i < 3; i++) {
        const uint8_t *dot = from < token.n ? memchr(token.at + from, '.', token.n - from) : NULL;
        if ((dot == NULL) != (i == 2))
            return false;
        size_t end = dot ? (size_t)(dot - token.at) : token.n;
        segments[i] = pol_bytes_of(token.at + from, end - from);
        from = end + 1;
    }
    return true;
}

void pol_members(pol_value object, const pol_bytes *names, unsigned n, pol_value *values)
{
    for (unsigned k = 0; k < n; k++)
        values[k] = pol_undefined();
    for (uint32_t i = 0; object.tag == POL_OBJECT && i < object.n; i++) {
        pol_value key = pol_member_key(object, i);
        for (unsigned k = 0; key.tag == POL_STRING && k < n; k++) {
            if (key.n == names[k].n && key.text[0] == names[k].at[0] && memcmp(key.text, names[k].at, key.n) == 0)
                values[k] = pol_member_value(object, i);
        }
    }
}

static const char *check_header(pol_value header, pol_bytes *alg)
{
    enum { CRIT, B64, ALG, KID, TYP, N };
    static const pol_bytes names[N] = {POL_NAME("crit"), POL_NAME("b64"), POL_NAME("alg"), POL_NAME("kid"), POL_NAME("typ")};
    pol_value v[N];
    pol_members(header, names, N, v);
    if (pol_is_defined(v[CRIT]) || pol_is_defined(v[B64]))
        return pol_reason_token_crit;
    if (v[ALG].tag != POL_STRING)
        return pol_reason_token_alg;
    if (pol_is_defined(v[KID]) && v[KID].tag != POL_STRING)
        return pol_reason_token_header;
    if (pol_is_defined(v[TYP]) && v[TYP].tag != POL_STRING)
        return pol_reason_token_typ;
    *alg = pol_text(v[ALG]);
    return NULL;
}

const char *pol_jws_open(pol_arena *arena, pol_bytes token, const pol_jws_limits *limits, pol_jws *jws)
{
    *jws = (pol_jws){0};
    size_t max_bytes = limits && limits->max_bytes ? limits->max_bytes : POL_TOKEN_MAX;
    /* borrowed: what is decoded is in the arena with a NUL behind it */
    pol_json_options options = {.max_depth = limits && limits->max_depth ? limits->max_depth : DEPTH_MAX,
                                .unique_members = true, .no_nul = true, .borrow = true};
    if (token.n > max_bytes)
        return pol_reason_token_too_large;
    pol_bytes segments[3], header;
    if (!split(token, segments))
        return pol_reason_token_malformed;
    if (!decode_segment(arena, segments[0], &header) || !decode_segment(arena, segments[1], &jws->payload) ||
        !decode_segment(arena, segments[2], &jws->signature))
        return pol_reason_token_encoding;
    pol_error err;
    if (!pol_json_read(arena, header, &options, &jws->header, &err))
        return err.code == POL_E_LIMIT ? pol_reason_token_too_large : pol_reason_token_json;
    if (jws->header.tag != POL_OBJECT)
        return pol_reason_token_json;
    pol_bytes alg;
    const char *why = check_header(jws->header, &alg);
    if (why)
        return why;
    jws->alg = pol_alg_find(alg);
    jws->signed_part = pol_bytes_of(token.at, segments[0].n + 1 + segments[1].n);
    return jws->alg ? NULL : pol_reason_token_alg;
}

const char *pol_jws_check(const pol_jws *jws, const pol_jwks *keys, const char *const *allowed, unsigned n_allowed)
{
    bool listed = false;
    for (unsigned i = 0; i < n_allowed; i++)
        listed |= strcmp(allowed[i], jws->alg->name) == 0;
    if (!listed)
        return pol_reason_token_alg;
    pol_value kid = pol_object_member(jws->header, "kid");
    const char *why = pol_reason_token_key;
    /* RFC 7517, 4.5: kid is a hint. Without one every key that fits is tried, but not many: one token must not buy
     * a hundred RSA checks. */
    for (unsigned i = 0, tries = 0; i < keys->n && tries < TRIES_MAX; i++) {
        const pol_key *key = &keys->keys[i];
        if (pol_is_defined(kid) && !(key->kid && pol_bytes_equal(pol_bytes_of(key->kid, key->n_kid), pol_text(kid))))
            continue;
        if (!pol_key_fits(key, jws->alg, true))
            continue;
        if (pol_signature_ok(key, jws->alg, jws->signed_part, jws->signature))
            return NULL;
        why = pol_reason_token_signature;
        tries++;
    }
    return why;
}
