/* SPDX-License-Identifier: Apache-2.0
 * Built-ins of family io.jwt, with OPA's results and errors. They trust the keys that the policy hands them, and read tokens as laxly as OPA
 * does: identity, which pold itself verifies, is pol.jwt.verify's and runtime/identity's.
 */
#include "runtime/builtins/armor.h"
#include "runtime/identity/jose.h"
#include "runtime/json.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

enum { KEY_COST = 500, SIGNATURE_COST = 1000, NESTED_MAX = 16 };

/* ---- the parts of a token ---- */

typedef struct {
    pol_bytes part[3]; /* as written: header, payload, signature */
    pol_bytes signed_part;
    pol_value header;
} token;

static bool fail(pol_eval *ev, const char *text)
{
    pol_builtin_error(ev, "%s", text);
    return false;
}

static bool split(pol_eval *ev, pol_bytes text, token *t)
{
    unsigned n = 0;
    size_t from = 0;
    for (size_t i = 0; i <= text.n; i++) {
        if (i < text.n && text.at[i] != '.')
            continue;
        if (n < 3)
            t->part[n] = pol_bytes_of(text.at + from, i - from);
        n++;
        from = i + 1;
    }
    if (n == 1)
        return fail(ev, "encoded JWT had no period separators");
    if (n != 3) {
        pol_builtin_error(ev, "encoded JWT must have 3 sections, found %u", n);
        return false;
    }
    t->signed_part = pol_bytes_of(text.at, t->part[0].n + 1 + t->part[1].n);
    return true;
}

static bool decode_part(pol_eval *ev, pol_bytes part, const char *what, pol_bytes *out)
{
    size_t bad_at;
    pol_base64_kind kind = pol_bytes_ends(part, POL_BYTES("=")) ? POL_BASE64URL_PADDED : POL_BASE64URL;
    if (pol_armor_base64(pol_eval_arena(ev), part, kind, out, &bad_at))
        return true;
    pol_builtin_error(ev, "JWT %s had invalid encoding: illegal base64 data at input byte %zu", what, bad_at);
    return false;
}

static bool read_object(pol_eval *ev, pol_bytes json, pol_value *out)
{
    pol_error err;
    if (!pol_json_read(pol_eval_arena(ev), json, NULL, out, &err))
        return fail(ev, err.text);
    return out->tag == POL_OBJECT || fail(ev, "decoded JSON type was not an Object");
}

static bool read_header(pol_eval *ev, token *t)
{
    pol_bytes json;
    if (!decode_part(ev, t->part[0], "header", &json) || !read_object(ev, json, &t->header))
        return false;
    if (pol_is_defined(pol_object_member(t->header, "enc")))
        return fail(ev, "JWT is a JWE object, which is not supported");
    return true;
}

static pol_bytes member_text(pol_value object, const char *name)
{
    pol_value v = pol_object_member(object, name);
    return v.tag == POL_STRING ? pol_text(v) : (pol_bytes){0};
}

/* Is the payload another token? Quotes round it, which some encoders write, are taken away. */
static bool is_nested(const token *t, bool any_case)
{
    pol_bytes cty = member_text(t->header, "cty");
    if (pol_bytes_is(cty, "JWT"))
        return true;
    return any_case && cty.n == 3 && (cty.at[0] | 32) == 'j' && (cty.at[1] | 32) == 'w' && (cty.at[2] | 32) == 't';
}

static pol_bytes strip_quotes(pol_bytes s)
{
    if (s.n >= 2 && s.at[0] == '"' && s.at[s.n - 1] == '"')
        return pol_bytes_of(s.at + 1, s.n - 2);
    return s;
}

static pol_value make_decoded(pol_eval *ev, const token *t, pol_value payload, pol_bytes signature)
{
    uint8_t *hex = pol_arena_alloc(pol_eval_arena(ev), 2 * signature.n + 1);
    pol_hex_encode(hex, signature);
    pol_value parts[3] = {t->header, payload, pol_string(pol_bytes_of(hex, 2 * signature.n))};
    return pol_array_of(pol_eval_arena(ev), parts, 3);
}

POL_BUILTIN(decode, "io.jwt.decode", "(jwt: string) [object[any: any], object[any: any], string]",
            "Header, claims and signature (hex) of a token. Nothing is verified.")
{
    pol_bytes text = pol_arg_string(ev, args, 0), payload, signature;
    pol_value claims;
    token t;
    if (pol_builtin_failed(ev))
        return pol_undefined();
    for (unsigned depth = 0; depth < NESTED_MAX; depth++) {
        pol_charge(ev, text.n / 16);
        if (!split(ev, text, &t) || !read_header(ev, &t) || !decode_part(ev, t.part[1], "payload", &payload))
            return pol_undefined();
        if (is_nested(&t, false)) {
            text = strip_quotes(payload);
            continue;
        }
        if (!decode_part(ev, t.part[2], "signature", &signature) || !read_object(ev, payload, &claims))
            return pol_undefined();
        return make_decoded(ev, &t, claims, signature);
    }
    return pol_builtin_error(ev, "tokens are nested too deep");
}

/* ---- keys that the policy hands over ---- */

/* PEM, a JWK or a JWKS. NULL with an error noted. The caller frees. */
static pol_jwks *read_keys(pol_eval *ev, pol_bytes text)
{
    pol_jwks *keys = NULL;
    pol_value v = pol_undefined();
    pol_charge(ev, KEY_COST);
    bool pem = pol_armor_is_pem(text);
    if (!pem && (!pol_json_read(pol_eval_arena(ev), text, NULL, &v, NULL) || v.tag != POL_OBJECT)) {
        pol_builtin_error(ev, "failed to parse a JWK key (set)");
        return NULL;
    }
    if (!pem && pol_is_defined(pol_object_member(v, "keys"))) {
        if (pol_jwks_read(v, POL_JWK_LAX, &keys, NULL) && keys->n > 0)
            return keys;
        pol_jwks_free(keys);
        pol_builtin_error(ev, "failed to parse a JWK key (set)");
        return NULL;
    }
    keys = OPENSSL_zalloc(sizeof *keys);
    if (keys)
        keys->keys = OPENSSL_zalloc(sizeof *keys->keys);
    if (keys && keys->keys &&
        (pem ? pol_key_from_pem(text, &keys->keys[0]) : pol_jwk_read(v, POL_JWK_LAX, &keys->keys[0], NULL))) {
        keys->n = 1;
        return keys;
    }
    pol_jwks_free(keys);
    pol_builtin_error(ev, pem ? "failed to extract a Key from the PEM certificate" : "failed to parse a JWK key (set)");
    return NULL;
}

static bool try_key(const pol_key *key, const pol_alg *alg, const token *t, pol_bytes signature)
{
    bool ok = pol_key_fits(key, alg, false) && pol_signature_ok(key, alg, t->signed_part, signature);
    ERR_clear_error();
    return ok;
}

/* With a kid that names a key, that key alone; else every key whose own alg, if any, is the token's. */
static bool try_keys(const pol_jwks *keys, const pol_alg *alg, const token *t, pol_bytes signature)
{
    pol_bytes kid = member_text(t->header, "kid"), said = member_text(t->header, "alg");
    for (unsigned i = 0; kid.n && i < keys->n; i++) {
        if (keys->keys[i].kid && pol_bytes_equal(pol_bytes_of(keys->keys[i].kid, keys->keys[i].n_kid), kid))
            return try_key(&keys->keys[i], alg, t, signature);
    }
    for (unsigned i = 0; i < keys->n; i++) {
        const char *own = keys->keys[i].alg;
        if ((!own[0] || pol_bytes_is(said, own)) && try_key(&keys->keys[i], alg, t, signature))
            return true;
    }
    return false;
}

static pol_value verify(pol_eval *ev, const pol_value *args, const char *alg_name)
{
    pol_bytes text = pol_arg_string(ev, args, 0), key_text = pol_arg_string(ev, args, 1), signature;
    const pol_alg *alg = pol_alg_find(pol_bytes_text(alg_name));
    token t;
    if (pol_builtin_failed(ev) || !split(ev, text, &t) || !decode_part(ev, t.part[2], "signature", &signature) || !read_header(ev, &t))
        return pol_undefined();
    pol_charge(ev, SIGNATURE_COST);
    pol_jwks *keys = read_keys(ev, key_text);
    if (!keys)
        return pol_undefined();
    bool ok = try_keys(keys, alg, &t, signature);
    pol_jwks_free(keys);
    return pol_bool(ok);
}

static bool check_secret(pol_bytes secret, const pol_alg *alg, const token *t, pol_bytes signature)
{
    pol_key key = {.type = POL_KEY_OCT, .secret = (uint8_t *)(uintptr_t)(secret.n ? secret.at : (const uint8_t *)""), .n_secret = secret.n};
    return pol_signature_ok(&key, alg, t->signed_part, signature);
}

static pol_value verify_hmac(pol_eval *ev, const pol_value *args, const char *alg_name)
{
    pol_bytes text = pol_arg_string(ev, args, 0), secret = pol_arg_string(ev, args, 1), signature;
    token t;
    if (pol_builtin_failed(ev) || !split(ev, text, &t) || !decode_part(ev, t.part[2], "signature", &signature))
        return pol_undefined();
    pol_charge(ev, text.n / 64);
    return pol_bool(check_secret(secret, pol_alg_find(pol_bytes_text(alg_name)), &t, signature));
}

#define VERIFY(id, name, alg)                                                                      \
    POL_BUILTIN(id, "io.jwt." name, "(jwt: string, certificate: string) boolean",                  \
                "True when the signature is " alg "'s by a key given as PEM certificate, PEM public key, JWK or JWKS.") \
    {                                                                                              \
        return verify(ev, args, alg);                                                              \
    }
#define VERIFY_HMAC(id, name, alg)                                                                 \
    POL_BUILTIN(id, "io.jwt." name, "(jwt: string, secret: string) boolean", "True when the signature is " alg "'s by the secret.") \
    {                                                                                              \
        return verify_hmac(ev, args, alg);                                                         \
    }

VERIFY(verify_rs256, "verify_rs256", "RS256")
VERIFY(verify_rs384, "verify_rs384", "RS384")
VERIFY(verify_rs512, "verify_rs512", "RS512")
VERIFY(verify_ps256, "verify_ps256", "PS256")
VERIFY(verify_ps384, "verify_ps384", "PS384")
VERIFY(verify_ps512, "verify_ps512", "PS512")
VERIFY(verify_es256, "verify_es256", "ES256")
VERIFY(verify_es384, "verify_es384", "ES384")
VERIFY(verify_es512, "verify_es512", "ES512")
VERIFY(verify_eddsa, "verify_eddsa", "EdDSA")
VERIFY_HMAC(verify_hs256, "verify_hs256", "HS256")
VERIFY_HMAC(verify_hs384, "verify_hs384", "HS384")
VERIFY_HMAC(verify_hs512, "verify_hs512", "HS512")

/* ---- decode_verify ---- */

typedef struct {
    pol_bytes cert, secret, alg, iss, aud;
    bool has_cert, has_secret, has_iss, has_aud;
    double time_ns;
} constraints;

static bool read_constraint(pol_eval *ev, pol_bytes name, pol_value v, constraints *c)
{
    static const char *const names[] = {"cert", "secret", "alg", "iss", "aud"};
    pol_bytes *const texts[] = {&c->cert, &c->secret, &c->alg, &c->iss, &c->aud};
    bool *const flags[] = {&c->has_cert, &c->has_secret, NULL, &c->has_iss, &c->has_aud};
    for (unsigned i = 0; i < 5; i++) {
        if (!pol_bytes_is(name, names[i]))
            continue;
        if (v.tag != POL_STRING) {
            pol_builtin_error(ev, "%s constraint: must be a string", names[i]);
            return false;
        }
        *texts[i] = pol_text(v);
        if (flags[i])
            *flags[i] = true;
        return true;
    }
    if (!pol_bytes_is(name, "time")) {
        pol_builtin_error(ev, "unknown token validation constraint: %.*s", (int)(name.n < 40 ? name.n : 40), (const char *)name.at);
        return false;
    }
    if (!pol_is_number(v))
        return fail(ev, "token time constraint: must be a number");
    c->time_ns = pol_number_to_double(v);
    return true;
}

static bool read_constraints(pol_eval *ev, pol_value object, constraints *c)
{
    *c = (constraints){.time_ns = (double)pol_eval_now_ns(ev)};
    for (uint32_t i = 0; i < object.n; i++) {
        pol_value key = pol_member_key(object, i);
        if (key.tag != POL_STRING || !read_constraint(ev, pol_text(key), pol_member_value(object, i), c))
            return key.tag == POL_STRING ? false : fail(ev, "a token validation constraint's name must be a string");
    }
    if (c->has_cert && c->has_secret)
        return fail(ev, "duplicate key constraints");
    if (!c->has_cert && (!c->has_secret || c->secret.n == 0))
        return fail(ev, "no key constraint");
    return true;
}

static bool is_header_valid(const token *t)
{
    pol_value crit = pol_object_member(t->header, "crit");
    return member_text(t->header, "alg").n > 0 && !pol_is_defined(crit);
}

/* What OPA answers of a token that is not good. */
static pol_value make_unverified(pol_eval *ev)
{
    pol_value parts[3] = {pol_bool(false), pol_empty(POL_OBJECT), pol_empty(POL_OBJECT)};
    return pol_array_of(pol_eval_arena(ev), parts, 3);
}

/* Compares now (in seconds) to a date claim: negative before it. */
static int compare_now(pol_eval *ev, const constraints *c, pol_value date)
{
    return pol_number_compare(pol_number_double(pol_eval_arena(ev), c->time_ns / 1e9), date);
}

/* True when the claims are good; false also after an error was noted. */
static bool check_claims(pol_eval *ev, const constraints *c, pol_value claims)
{
    pol_value aud = pol_object_member(claims, "aud"), exp = pol_object_member(claims, "exp"), nbf = pol_object_member(claims, "nbf");
    if (c->has_iss && c->iss.n && !pol_bytes_equal(member_text(claims, "iss"), c->iss))
        return false;
    if (pol_is_defined(aud)) {
        bool found = aud.tag == POL_STRING && pol_bytes_equal(pol_text(aud), c->aud);
        for (uint32_t i = 0; aud.tag == POL_ARRAY && i < aud.n; i++) {
            pol_value e = pol_element(aud, i);
            found |= e.tag == POL_STRING && pol_bytes_equal(pol_text(e), c->aud);
        }
        if (!found || !c->has_aud)
            return false;
    } else if (c->has_aud && c->aud.n) {
        return false;
    }
    if (pol_is_defined(exp) && !pol_is_number(exp))
        return fail(ev, "exp value must be a number");
    if (pol_is_defined(exp) && compare_now(ev, c, exp) >= 0)
        return false;
    if (pol_is_defined(nbf) && !pol_is_number(nbf))
        return fail(ev, "nbf value must be a number");
    return !pol_is_defined(nbf) || compare_now(ev, c, nbf) >= 0;
}

/* Signature by the constraint's key; false also after an error was noted. */
static bool check_signature(pol_eval *ev, const constraints *c, const token *t, pol_bytes signature)
{
    pol_bytes name = member_text(t->header, "alg");
    const pol_alg *alg = pol_alg_find(name);
    if (!alg) {
        pol_builtin_error(ev, "unknown JWS algorithm: %.*s", (int)(name.n < 40 ? name.n : 40), (const char *)name.at);
        return false;
    }
    pol_charge(ev, SIGNATURE_COST);
    if (!c->has_cert)
        return alg->key_type == POL_KEY_OCT && check_secret(c->secret, alg, t, signature);
    pol_jwks *keys = read_keys(ev, c->cert);
    bool ok = keys && try_keys(keys, alg, t, signature);
    pol_jwks_free(keys);
    return ok;
}

POL_BUILTIN_FLAGS(decode_verify, "io.jwt.decode_verify",
                  "(jwt: string, constraints: object[string: any]) [boolean, object[any: any], object[any: any]]",
                  "[true, header, claims] when signature, times and constraints (cert or secret, alg, iss, aud, time) are met, else [false, {}, {}].",
                  POL_NONDETERMINISTIC)
{
    pol_bytes text = pol_arg_string(ev, args, 0), payload, signature;
    pol_value object = pol_arg_object(ev, args, 1), claims;
    constraints c;
    token t;
    if (pol_builtin_failed(ev) || !read_constraints(ev, object, &c))
        return pol_undefined();
    for (unsigned depth = 0; depth < NESTED_MAX; depth++) {
        if (!split(ev, text, &t) || !read_header(ev, &t))
            return pol_undefined();
        if (!is_header_valid(&t) || (c.alg.n && !pol_bytes_equal(c.alg, member_text(t.header, "alg"))))
            return make_unverified(ev);
        if (!decode_part(ev, t.part[2], "signature", &signature))
            return pol_undefined();
        if (!check_signature(ev, &c, &t, signature))
            return pol_builtin_failed(ev) ? pol_undefined() : make_unverified(ev);
        if (!decode_part(ev, t.part[1], "payload", &payload))
            return pol_undefined();
        if (is_nested(&t, true)) {
            text = strip_quotes(payload);
            continue;
        }
        if (!read_object(ev, payload, &claims))
            return pol_undefined();
        if (!check_claims(ev, &c, claims))
            return pol_builtin_failed(ev) ? pol_undefined() : make_unverified(ev);
        pol_value parts[3] = {pol_bool(true), t.header, claims};
        return pol_array_of(pol_eval_arena(ev), parts, 3);
    }
    return pol_builtin_error(ev, "tokens are nested too deep");
}

/* ---- signing ---- */

static bool read_signing_key(pol_value jwk, pol_key *key)
{
    pol_value list = pol_object_member(jwk, "keys");
    if (list.tag == POL_ARRAY && list.n > 0)
        jwk = pol_element(list, 0);
    return pol_jwk_read(jwk, POL_JWK_PRIVATE, key, NULL);
}

/* header and payload as texts, joined and signed. */
static pol_value sign(pol_eval *ev, pol_bytes header, pol_bytes payload, pol_value jwk)
{
    pol_arena *arena = pol_eval_arena(ev);
    pol_value parsed = pol_undefined(), ignored;
    if (!pol_json_read(arena, header, NULL, &parsed, NULL) || pol_object_member(parsed, "alg").tag != POL_STRING)
        return pol_builtin_error(ev, "missing or invalid 'alg' header: jwsbb: header \"alg\" not found");
    pol_bytes name = member_text(parsed, "alg"), typ = member_text(parsed, "typ");
    const pol_alg *alg = pol_alg_find(name);
    if (!alg)
        return pol_builtin_error(ev, "unknown JWS algorithm: %.*s", (int)(name.n < 40 ? name.n : 40), (const char *)name.at);
    if ((typ.n == 0 || pol_bytes_is(typ, "JWT")) && !pol_json_read(arena, payload, NULL, &ignored, NULL))
        return pol_builtin_error(ev, "type is JWT but payload is not JSON");
    size_t most = pol_base64_size(header.n) + pol_base64_size(payload.n) + pol_base64_size(POL_SIGNATURE_MAX) + 3, n;
    uint8_t *out = pol_arena_alloc(arena, most), signature[POL_SIGNATURE_MAX];
    n = pol_base64_encode(out, header, POL_BASE64URL);
    out[n++] = '.';
    n += pol_base64_encode(out + n, payload, POL_BASE64URL);
    pol_charge(ev, SIGNATURE_COST);
    pol_key key;
    size_t n_signature = 0;
    if (!read_signing_key(jwk, &key))
        return pol_builtin_error(ev, "failed to parse a JWK key (set)");
    bool ok = pol_key_fits(&key, alg, false) && pol_sign(&key, alg, pol_bytes_of(out, n), signature, &n_signature);
    pol_key_deinit(&key);
    ERR_clear_error();
    if (!ok)
        return pol_builtin_error(ev, "the key cannot sign with %s", alg->name);
    out[n++] = '.';
    n += pol_base64_encode(out + n, pol_bytes_of(signature, n_signature), POL_BASE64URL);
    return pol_string(pol_bytes_of(out, n));
}

static pol_bytes marshal(pol_eval *ev, pol_value v)
{
    pol_buf json = {0};
    pol_json_write(&json, v, POL_JSON_COMPACT | POL_JSON_HTML);
    size_t n = json.n;
    uint8_t *copy = pol_arena_try(pol_eval_arena(ev), n + 1);
    if (copy) {
        memcpy(copy, json.at, n);
        copy[n] = 0;
    }
    pol_buf_deinit(&json);
    if (!copy)
        pol_builtin_error(ev, "the token is too large");
    return pol_bytes_of(copy, copy ? n : 0);
}

POL_BUILTIN_FLAGS(encode_sign, "io.jwt.encode_sign", "(headers: object[string: any], payload: object[string: any], key: object[string: any]) string",
                  "A signed token; `key` is a JWK with its private part.", POL_NONDETERMINISTIC)
{
    pol_value headers = pol_arg_object(ev, args, 0), payload = pol_arg_object(ev, args, 1), key = pol_arg_object(ev, args, 2);
    if (pol_builtin_failed(ev))
        return pol_undefined();
    pol_bytes header_text = marshal(ev, headers), payload_text = marshal(ev, payload);
    return pol_builtin_failed(ev) ? pol_undefined() : sign(ev, header_text, payload_text, key);
}

POL_BUILTIN_FLAGS(encode_sign_raw, "io.jwt.encode_sign_raw", "(headers: string, payload: string, key: string) string",
                  "The same from JSON texts, which are signed as they are.", POL_NONDETERMINISTIC)
{
    pol_bytes headers = pol_arg_string(ev, args, 0), payload = pol_arg_string(ev, args, 1), key = pol_arg_string(ev, args, 2);
    pol_value jwk;
    if (pol_builtin_failed(ev))
        return pol_undefined();
    if (!pol_json_read(pol_eval_arena(ev), key, NULL, &jwk, NULL))
        return pol_builtin_error(ev, "failed to parse a JWK key (set)");
    return sign(ev, headers, payload, jwk);
}

POL_FAMILY(token) = {
    POL_ROW(decode), POL_ROW(decode_verify), POL_ROW(verify_rs256), POL_ROW(verify_rs384), POL_ROW(verify_rs512), POL_ROW(verify_ps256),
    POL_ROW(verify_ps384), POL_ROW(verify_ps512), POL_ROW(verify_es256), POL_ROW(verify_es384), POL_ROW(verify_es512), POL_ROW(verify_eddsa),
    POL_ROW(verify_hs256), POL_ROW(verify_hs384), POL_ROW(verify_hs512), POL_ROW(encode_sign), POL_ROW(encode_sign_raw), POL_END,
};
