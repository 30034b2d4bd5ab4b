/* SPDX-License-Identifier: Apache-2.0
 * Keys (RFC 7517, 7518 section 6, 8037): from JWK, from PEM, thumbprints. A key that is read strictly is one that identity may rest on:
 * its lengths are exact, its points are on their curve, its modulus is long enough.
 */
#include "runtime/identity/jose.h"

#include "runtime/json.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include <stdlib.h>

POL_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free)
POL_CLEANUP(OSSL_PARAM_BLD *, OSSL_PARAM_BLD_free)
POL_CLEANUP(OSSL_PARAM *, OSSL_PARAM_free)
POL_CLEANUP(BIO *, BIO_free_all)
POL_CLEANUP(X509 *, X509_free)

enum { MEMBER_MAX = 2048, RSA_BITS_MIN = 2048, RSA_BITS_MAX = 16384, KEYS_MAX = 256, JWKS_FILE_MAX = 1 << 20 };

static const struct {
    const char *jwk, *openssl;
    unsigned n_bytes;
} curves[] = {{"P-256", "prime256v1", 32}, {"P-384", "secp384r1", 48}, {"P-521", "secp521r1", 66}};

static const struct {
    const char *jwk, *openssl;
    int type;
    unsigned n_bytes;
} edwards[] = {{"Ed25519", "ED25519", EVP_PKEY_ED25519, 32}, {"Ed448", "ED448", EVP_PKEY_ED448, 57}};

void pol_key_deinit(pol_key *key)
{
    EVP_PKEY_free(key->pkey);
    OPENSSL_clear_free(key->secret, key->n_secret);
    OPENSSL_free(key->kid);
    *key = (pol_key){0};
}

void pol_jwks_free(pol_jwks *jwks)
{
    if (!jwks)
        return;
    for (unsigned i = 0; i < jwks->n; i++)
        pol_key_deinit(&jwks->keys[i]);
    OPENSSL_free(jwks->keys);
    OPENSSL_free(jwks);
}

/* A base64url member as bytes; false when it is absent or malformed. */
static bool read_member(pol_value jwk, const char *name, uint8_t out[MEMBER_MAX], size_t *n)
{
    pol_value v = pol_object_member(jwk, name);
    return v.tag == POL_STRING && v.n > 0 && v.n <= MEMBER_MAX && pol_base64_decode(out, n, pol_text(v), POL_BASE64URL, true);
}

static bool has_member(pol_value jwk, const char *name)
{
    return pol_is_defined(pol_object_member(jwk, name));
}

/* A key of a type and its parameters; bld is used up by the caller's cleanup. */
static EVP_PKEY *make_key(const char *type, OSSL_PARAM_BLD *bld, int selection)
{
    POL_CLEAN(OSSL_PARAM_free) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
    POL_CLEAN(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;
    if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &key, selection, params) != 1) {
        EVP_PKEY_free(key);
        return NULL;
    }
    return key;
}

/* ---- the types ---- */

/* A number whose copies OpenSSL cleanses when they are freed: as it does with those that are marked secure. */
static BIGNUM *read_secret(const uint8_t *bytes, size_t n)
{
    BIGNUM *number = BN_secure_new();
    if (!number || BN_bin2bn(bytes, (int)n, number))
        return number;
    BN_clear_free(number);
    return NULL;
}

static bool push_number(OSSL_PARAM_BLD *bld, pol_value jwk, const char *name, const char *param, BIGNUM **kept)
{
    uint8_t bytes[MEMBER_MAX];
    size_t n;
    bool ok = read_member(jwk, name, bytes, &n) && (*kept = read_secret(bytes, n)) != NULL &&
              OSSL_PARAM_BLD_push_BN(bld, param, *kept) == 1;
    OPENSSL_cleanse(bytes, sizeof bytes);
    return ok;
}

static const char *check_rsa(const BIGNUM *n, const BIGNUM *e, pol_jwk_mode mode)
{
    if (BN_num_bits(n) > RSA_BITS_MAX)
        return "the RSA modulus is too long";
    if (mode != POL_JWK_STRICT)
        return NULL;
    if (BN_num_bits(n) < RSA_BITS_MIN)
        return "the RSA modulus has fewer than 2048 bits";
    if (!BN_is_odd(e) || BN_is_one(e) || BN_num_bits(e) > 64)
        return "the RSA exponent is even, 1 or too long";
    return BN_is_odd(n) ? NULL : "the RSA modulus is even";
}

static const char *read_rsa(pol_value jwk, pol_jwk_mode mode, pol_key *key)
{
    static const struct {
        const char *jwk, *param;
    } members[] = {{"n", OSSL_PKEY_PARAM_RSA_N}, {"e", OSSL_PKEY_PARAM_RSA_E}, {"d", OSSL_PKEY_PARAM_RSA_D},
                   {"p", OSSL_PKEY_PARAM_RSA_FACTOR1}, {"q", OSSL_PKEY_PARAM_RSA_FACTOR2},
                   {"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1}, {"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2},
                   {"qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1}};
    POL_CLEAN(OSSL_PARAM_BLD_free) OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    BIGNUM *numbers[8] = {0};
    bool private = mode == POL_JWK_PRIVATE && has_member(jwk, "d"), ok = bld != NULL;
    unsigned n_members = !private ? 2 : has_member(jwk, "p") ? 8 : 3;
    for (unsigned i = 0; ok && i < n_members; i++)
        ok = push_number(bld, jwk, members[i].jwk, members[i].param, &numbers[i]);
    const char *why = ok ? check_rsa(numbers[0], numbers[1], mode) : "a number of the RSA key is missing or malformed";
    if (!why)
        key->pkey = make_key("RSA", bld, private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY);
    for (unsigned i = 0; i < 8; i++)
        BN_clear_free(numbers[i]);
    key->type = POL_KEY_RSA;
    return why ? why : key->pkey ? NULL : "the RSA key is not valid";
}

static const char *read_ec(pol_value jwk, pol_jwk_mode mode, pol_key *key)
{
    pol_value crv = pol_object_member(jwk, "crv");
    unsigned c = 0, n_curves = sizeof curves / sizeof *curves;
    while (c < n_curves && !(crv.tag == POL_STRING && pol_bytes_is(pol_text(crv), curves[c].jwk)))
        c++;
    if (c == n_curves)
        return "the curve is unknown";
    size_t size = curves[c].n_bytes, nx = 0, ny = 0, nd = 0;
    uint8_t x[MEMBER_MAX], y[MEMBER_MAX], point[1 + 2 * 66] = {4};
    if (!read_member(jwk, "x", x, &nx) || !read_member(jwk, "y", y, &ny))
        return "a coordinate is missing or malformed";
    if (nx > size || ny > size || (mode == POL_JWK_STRICT && (nx != size || ny != size)))
        return "a coordinate is not at its full length";
    memcpy(point + 1 + (size - nx), x, nx);
    memcpy(point + 1 + size + (size - ny), y, ny);
    POL_CLEAN(OSSL_PARAM_BLD_free) OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    BIGNUM *d = NULL;
    bool private = mode == POL_JWK_PRIVATE && has_member(jwk, "d");
    bool ok = bld && OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, curves[c].openssl, 0) == 1 &&
              OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * size) == 1;
    if (ok && private) {
        ok = read_member(jwk, "d", x, &nd) && (d = read_secret(x, nd)) != NULL &&
             OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, d) == 1;
        OPENSSL_cleanse(x, sizeof x);
    }
    if (ok)
        key->pkey = make_key("EC", bld, private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY);
    BN_clear_free(d);
    key->type = POL_KEY_EC;
    memcpy(key->curve, curves[c].openssl, strlen(curves[c].openssl) + 1);
    return key->pkey ? NULL : "the point is not on its curve";
}

static const char *read_okp(pol_value jwk, pol_jwk_mode mode, pol_key *key)
{
    pol_value crv = pol_object_member(jwk, "crv");
    uint8_t bytes[MEMBER_MAX];
    size_t n;
    for (unsigned i = 0; i < sizeof edwards / sizeof *edwards; i++) {
        if (crv.tag != POL_STRING || !pol_bytes_is(pol_text(crv), edwards[i].jwk))
            continue;
        bool private = mode == POL_JWK_PRIVATE && has_member(jwk, "d");
        if (!read_member(jwk, private ? "d" : "x", bytes, &n) || n != edwards[i].n_bytes)
            return "the key is missing, malformed or not at its full length";
        key->pkey = private ? EVP_PKEY_new_raw_private_key(edwards[i].type, NULL, bytes, n)
                            : EVP_PKEY_new_raw_public_key(edwards[i].type, NULL, bytes, n);
        OPENSSL_cleanse(bytes, n);
        key->type = POL_KEY_OKP;
        memcpy(key->curve, edwards[i].openssl, strlen(edwards[i].openssl) + 1);
        return key->pkey ? NULL : "the key is not valid";
    }
    return "the curve is unknown";
}

static const char *read_oct(pol_value jwk, pol_key *key)
{
    pol_value k = pol_object_member(jwk, "k");
    if (k.tag != POL_STRING || k.n == 0)
        return "the secret is missing";
    size_t n = 0;
    uint8_t *bytes = OPENSSL_malloc(k.n);
    if (!bytes || !pol_base64_decode(bytes, &n, pol_text(k), POL_BASE64URL, true)) {
        OPENSSL_clear_free(bytes, k.n);
        return "the secret is malformed";
    }
    key->type = POL_KEY_OCT;
    key->secret = OPENSSL_malloc(n ? n : 1);
    if (key->secret)
        memcpy(key->secret, bytes, n);
    key->n_secret = n;
    OPENSSL_clear_free(bytes, k.n);
    return key->secret ? NULL : "out of memory";
}

/* ---- what is common to all types ---- */

/* "use" must be sig and "key_ops" hold verify, where they are there. */
static const char *read_purpose(pol_value jwk, pol_key *key)
{
    pol_value use = pol_object_member(jwk, "use"), ops = pol_object_member(jwk, "key_ops");
    key->may_verify = true;
    if (pol_is_defined(use)) {
        if (use.tag != POL_STRING)
            return "\"use\" is no string";
        key->may_verify = pol_bytes_is(pol_text(use), "sig");
    }
    if (pol_is_defined(ops)) {
        bool verify = false;
        if (ops.tag != POL_ARRAY)
            return "\"key_ops\" is no array";
        for (uint32_t i = 0; i < ops.n; i++) {
            pol_value op = pol_element(ops, i);
            if (op.tag != POL_STRING)
                return "\"key_ops\" holds what is no string";
            verify |= pol_bytes_is(pol_text(op), "verify");
        }
        key->may_verify &= verify;
    }
    return NULL;
}

static const char *read_names(pol_value jwk, pol_key *key)
{
    pol_value kid = pol_object_member(jwk, "kid"), alg = pol_object_member(jwk, "alg");
    if (pol_is_defined(alg)) {
        if (alg.tag != POL_STRING)
            return "\"alg\" is no string";
        /* a name that is too long to be one of ours fits nothing */
        bool fits = alg.n > 0 && alg.n < sizeof key->alg && !memchr(alg.text, 0, alg.n);
        if (fits)
            memcpy(key->alg, alg.text, alg.n);
        else
            key->alg[0] = '?';
    }
    if (pol_is_defined(kid)) {
        if (kid.tag != POL_STRING)
            return "\"kid\" is no string";
        key->kid = OPENSSL_malloc((size_t)kid.n + 1);
        if (!key->kid)
            return "out of memory";
        memcpy(key->kid, kid.text ? kid.text : (const uint8_t *)"", kid.n);
        key->n_kid = kid.n;
    }
    return NULL;
}

static const char *read_material(pol_value jwk, pol_jwk_mode mode, pol_key *key)
{
    pol_value kty = pol_object_member(jwk, "kty");
    if (kty.tag != POL_STRING)
        return "\"kty\" is missing";
    pol_bytes type = pol_text(kty);
    if (pol_bytes_is(type, "RSA"))
        return read_rsa(jwk, mode, key);
    if (pol_bytes_is(type, "EC"))
        return read_ec(jwk, mode, key);
    if (pol_bytes_is(type, "OKP"))
        return read_okp(jwk, mode, key);
    if (pol_bytes_is(type, "oct"))
        return read_oct(jwk, key);
    return "\"kty\" is unknown";
}

bool pol_jwk_read(pol_value jwk, pol_jwk_mode mode, pol_key *key, const char **why)
{
    *key = (pol_key){0};
    const char *text = jwk.tag == POL_OBJECT ? read_material(jwk, mode, key) : "a key is no object";
    if (!text)
        text = read_purpose(jwk, key);
    if (!text)
        text = read_names(jwk, key);
    ERR_clear_error();
    if (text)
        pol_key_deinit(key);
    if (why)
        *why = text;
    return text == NULL;
}

static bool has_twin(const pol_jwks *set, unsigned i)
{
    for (unsigned k = 0; k < i; k++) {
        const pol_key *a = &set->keys[i], *b = &set->keys[k];
        if (a->kid && b->kid && pol_bytes_equal(pol_bytes_of(a->kid, a->n_kid), pol_bytes_of(b->kid, b->n_kid)))
            return true;
    }
    return false;
}

bool pol_jwks_read(pol_value set, pol_jwk_mode mode, pol_jwks **out, pol_error *err)
{
    pol_value list = pol_object_member(set, "keys");
    if (list.tag != POL_ARRAY)
        return pol_fail(err, POL_E_JSON, "a JWKS is an object with an array \"keys\"");
    if (list.n > KEYS_MAX)
        return pol_fail(err, POL_E_LIMIT, "a JWKS of %u keys: at most %d are allowed", list.n, KEYS_MAX);
    pol_jwks *jwks = OPENSSL_zalloc(sizeof *jwks);
    if (!jwks)
        return pol_fail(err, POL_E_MEMORY, "out of memory");
    jwks->keys = OPENSSL_zalloc((list.n ? list.n : 1) * sizeof *jwks->keys);
    for (uint32_t i = 0; jwks->keys && i < list.n; i++) {
        if (!pol_jwk_read(pol_element(list, i), mode, &jwks->keys[jwks->n], NULL))
            continue;
        jwks->n++;
        if (mode == POL_JWK_STRICT && has_twin(jwks, jwks->n - 1)) {
            pol_jwks_free(jwks);
            return pol_fail(err, POL_E_CONFIG, "key %u of the JWKS has the kid of another one", i + 1);
        }
    }
    *out = jwks;
    return true;
}

bool pol_jwks_file_read(const char *path, pol_jwks **out, pol_error *err)
{
    POL_CLEAN(pol_buf_deinit) pol_buf file = {0};
    POL_TRY(pol_file_read(path, JWKS_FILE_MAX, &file, err));
    pol_arena arena;
    pol_arena_init(&arena, 0);
    /* borrowed: secrets stay in the one buffer that is cleansed */
    pol_json_options options = {.max_depth = 32, .unique_members = true, .no_nul = true, .borrow = true};
    pol_value set;
    bool ok = pol_json_read(&arena, pol_buf_view(&file), &options, &set, err) && pol_jwks_read(set, POL_JWK_STRICT, out, err);
    pol_arena_deinit(&arena);
    OPENSSL_cleanse(file.at, file.n); /* a JWKS may hold HMAC secrets */
    return ok;
}

/* ---- PEM ---- */

static void name_curve(pol_key *key)
{
    size_t n = 0;
    switch (EVP_PKEY_get_base_id(key->pkey)) {
    case EVP_PKEY_RSA: key->type = POL_KEY_RSA; break;
    case EVP_PKEY_EC:
        key->type = POL_KEY_EC;
        if (EVP_PKEY_get_group_name(key->pkey, key->curve, sizeof key->curve, &n) != 1)
            key->curve[0] = 0;
        break;
    case EVP_PKEY_ED25519:
    case EVP_PKEY_ED448: key->type = POL_KEY_OKP; break;
    default: key->type = POL_KEY_NONE; break;
    }
}

bool pol_key_from_pem(pol_bytes pem, pol_key *key)
{
    *key = (pol_key){.may_verify = true};
    if (pem.n > INT32_MAX)
        return false;
    if (pol_bytes_find(pem, POL_BYTES("-----BEGIN CERTIFICATE-----"), 0) >= 0) {
        POL_CLEAN(BIO_free_all) BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.n);
        POL_CLEAN(X509_free) X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
        key->pkey = cert ? X509_get_pubkey(cert) : NULL;
    } else if (pol_bytes_find(pem, POL_BYTES("-----BEGIN PUBLIC KEY-----"), 0) >= 0) {
        POL_CLEAN(BIO_free_all) BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.n);
        key->pkey = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    }
    ERR_clear_error();
    if (!key->pkey)
        return false;
    name_curve(key);
    return true;
}

/* ---- thumbprints ---- */

bool pol_jwk_thumbprint(pol_value jwk, char out[44])
{
    static const struct {
        const char *kty, *members[4]; /* in the order of RFC 7638, 3.2 */
    } types[] = {{"RSA", {"e", "kty", "n"}}, {"EC", {"crv", "kty", "x", "y"}}, {"OKP", {"crv", "kty", "x"}}, {"oct", {"k", "kty"}}};
    pol_value kty = pol_object_member(jwk, "kty");
    for (unsigned i = 0; i < sizeof types / sizeof *types; i++) {
        if (kty.tag != POL_STRING || !pol_bytes_is(pol_text(kty), types[i].kty))
            continue;
        pol_buf text = {0};
        bool ok = true;
        for (unsigned k = 0; k < 4 && types[i].members[k]; k++) {
            pol_value v = pol_object_member(jwk, types[i].members[k]);
            ok &= v.tag == POL_STRING;
            pol_buf_printf(&text, "%s\"%s\":", k ? "," : "{", types[i].members[k]);
            pol_json_write(&text, v, POL_JSON_COMPACT);
        }
        pol_buf_byte(&text, '}');
        uint8_t digest[SHA256_DIGEST_LENGTH];
        SHA256(text.at, text.n, digest);
        OPENSSL_cleanse(text.at, text.n);
        pol_buf_deinit(&text);
        size_t n = pol_base64_encode((uint8_t *)out, pol_bytes_of(digest, sizeof digest), POL_BASE64URL);
        out[n < 43 ? n : 43] = 0;
        return ok;
    }
    return false;
}
