/* SPDX-License-Identifier: Apache-2.0
 * pol token mint: tokens for tests, signed with a private JWK. Everything that was read of the key is cleansed.
 */
#include "compiler/cli/cli.h"
#include "runtime/calendar.h"
#include "runtime/identity/jose.h"
#include "runtime/identity/x509.h"
#include "runtime/json.h"

#include <openssl/crypto.h>
#include <stdio.h>

enum { FILE_MAX = 1 << 20, RSA_BITS_MIN = 2048, LIFETIME_S = 300 };

static const cli_option options[] = {
    {0, "alg", CLI_TEXT, CLI_OFFSET(alg), "ALG", "algorithm (else the key's own, or what fits it)", NULL},
    {0, "bind-cert", CLI_TEXT, CLI_OFFSET(certificate), "FILE", "bind the token to this certificate (PEM): cnf.x5t#S256", NULL},
    {0, "claims", CLI_TEXT, CLI_OFFSET(claims), "JSON", "the claims: an object, a file of it, or - for standard input", NULL},
    {0, "expires-in", CLI_TEXT, CLI_OFFSET(expires_in), "TIME", "90s, 5m, 1h (else 5m, or the claims' exp); -10m has expired; never", NULL},
    {0, "key", CLI_TEXT, CLI_OFFSET(key), "FILE", "private JWK, or a JWKS of which --kid names one", NULL},
    {0, "kid", CLI_TEXT, CLI_OFFSET(kid), "ID", "the header's kid (else the key's)", NULL},
    {0, "typ", CLI_TEXT, CLI_OFFSET(typ), "TYPE", "the header's typ (else JWT); at+jwt is RFC 9068's", NULL},
    CLI_END,
};

/* ---- key ---- */

static pol_value choose_jwk(const cli_options *o, pol_value document)
{
    pol_value list = pol_object_member(document, "keys");
    if (list.tag != POL_ARRAY)
        return document;
    for (uint32_t i = 0; o->kid && i < list.n; i++) {
        pol_value kid = pol_object_member(pol_element(list, i), "kid");
        if (kid.tag == POL_STRING && pol_bytes_is(pol_text(kid), o->kid))
            return pol_element(list, i);
    }
    return list.n == 1 ? pol_element(list, 0) : pol_undefined();
}

POL_MUST_USE static bool read_key(const cli_options *o, pol_key *key, pol_error *err)
{
    POL_CLEAN(pol_buf_deinit) pol_buf file = {0};
    pol_arena arena;
    /* borrowed: the secret stays in the one buffer that is cleansed */
    pol_json_options strict = {.max_depth = 32, .unique_members = true, .no_nul = true, .borrow = true};
    pol_value document;
    pol_error ignored;
    const char *why = "not JSON";
    *key = (pol_key){0};
    POL_TRY(cli_read_file(o->key, FILE_MAX, &file, err));
    pol_arena_init(&arena, 0);
    bool ok = false;
    if (file.n && pol_json_read(&arena, pol_buf_view(&file), &strict, &document, &ignored)) {
        pol_value jwk = choose_jwk(o, document);
        bool is_private = pol_is_defined(pol_object_member(jwk, "d")) || pol_is_defined(pol_object_member(jwk, "k"));
        why = !pol_is_defined(jwk) ? "--kid names no key of the set" : !is_private ? "the key is no private one" : NULL;
        ok = !why && pol_jwk_read(jwk, POL_JWK_PRIVATE, key, &why);
    }
    pol_arena_deinit(&arena);
    if (file.n)
        OPENSSL_cleanse(file.at, file.n);
    return ok || pol_fail(err, POL_E_CONFIG, "%s: %s", o->key, why ? why : "the key cannot be read");
}

/* The algorithm that was asked for, the key's own, or the first that fits. A token that every verifier refuses is not made. */
POL_MUST_USE static bool choose_alg(const cli_options *o, const pol_key *key, const pol_alg **alg, pol_error *err)
{
    static const char *const usual[] = {"RS256", "ES256", "ES384", "ES512", "EdDSA", "HS256"};
    const char *name = o->alg ? o->alg : key->alg[0] ? key->alg : NULL;
    *alg = name ? pol_alg_find(pol_bytes_text(name)) : NULL;
    for (size_t i = 0; !name && !*alg && i < sizeof usual / sizeof *usual; i++) {
        const pol_alg *candidate = pol_alg_find(pol_bytes_text(usual[i]));
        *alg = pol_key_fits(key, candidate, false) ? candidate : NULL;
    }
    if (!*alg)
        return pol_fail(err, POL_E_CONFIG, "the algorithm is not one of RS/PS/ES/HS 256, 384, 512 and EdDSA");
    if (!pol_key_fits(key, *alg, false))
        return pol_fail(err, POL_E_CONFIG, "%s cannot be used with a key of this type", (*alg)->name);
    if (key->alg[0] && strcmp(key->alg, (*alg)->name) != 0)
        return pol_fail(err, POL_E_CONFIG, "the key is for another algorithm than %s", (*alg)->name);
    if (key->type == POL_KEY_OCT && key->n_secret < (*alg)->n_bytes)
        return pol_fail(err, POL_E_CONFIG, "%s needs a secret of %u bytes or more", (*alg)->name, (*alg)->n_bytes);
    if (key->type == POL_KEY_RSA && EVP_PKEY_get_bits(key->pkey) < RSA_BITS_MIN)
        return pol_fail(err, POL_E_CONFIG, "an RSA key has %d bits or more", RSA_BITS_MIN);
    return true;
}

/* ---- claims ---- */

POL_MUST_USE static bool read_claims(pol_arena *arena, const char *text, pol_value *claims, pol_error *err)
{
    *claims = pol_empty(POL_OBJECT);
    if (!text)
        return true;
    POL_CLEAN(pol_buf_deinit) pol_buf file = {0};
    pol_bytes json = pol_bytes_text(text);
    if (text[0] != '{') {
        POL_TRY(cli_read_file(text, FILE_MAX, &file, err));
        json = pol_buf_view(&file);
    }
    pol_json_options strict = {.max_depth = 64, .unique_members = true, .no_nul = true};
    POL_TRY(pol_json_read(arena, json, &strict, claims, err));
    return claims->tag == POL_OBJECT || pol_fail(err, POL_E_USAGE, "--claims takes an object");
}

POL_MUST_USE static bool put_times(pol_arena *arena, const cli_options *o, pol_value *claims, pol_error *err)
{
    int64_t now_ns, lifetime_ns = LIFETIME_S * INT64_C(1000000000);
    pol_error ignored;
    POL_TRY(cli_read_time(NULL, &now_ns, err));
    bool never = o->expires_in && strcmp(o->expires_in, "never") == 0;
    if (o->expires_in && !never && !pol_duration_parse(pol_bytes_text(o->expires_in), &lifetime_ns, &ignored))
        return pol_fail(err, POL_E_USAGE, "--expires-in takes 90s, 5m, 1h30m or never");
    int64_t now_s = now_ns / 1000000000, exp_s = now_s + lifetime_ns / 1000000000;
    if (!pol_is_defined(pol_object_member(*claims, "iat")))
        *claims = pol_object_with(arena, *claims, pol_string_text("iat"), pol_int(exp_s < now_s ? exp_s : now_s));
    if (!never && (o->expires_in || !pol_is_defined(pol_object_member(*claims, "exp"))))
        *claims = pol_object_with(arena, *claims, pol_string_text("exp"), pol_int(exp_s));
    return true;
}

/* RFC 8705, 3.1 */
POL_MUST_USE static bool put_binding(pol_arena *arena, const char *path, pol_value *claims, pol_error *err)
{
    POL_CLEAN(pol_buf_deinit) pol_buf pem = {0};
    pol_chain chain;
    uint8_t digest[32], text[44];
    POL_TRY(cli_read_file(path, FILE_MAX, &pem, err));
    if (!pol_chain_read(pol_buf_view(&pem), &chain))
        return pol_fail(err, POL_E_CONFIG, "%s: not a certificate in PEM", path);
    pol_cert_fingerprint(chain.leaf, digest);
    pol_chain_deinit(&chain);
    size_t n = pol_base64_encode(text, pol_bytes_of(digest, sizeof digest), POL_BASE64URL);
    pol_value cnf = pol_object_member(*claims, "cnf");
    cnf = pol_object_with(arena, cnf.tag == POL_OBJECT ? cnf : pol_empty(POL_OBJECT), pol_string_text("x5t#S256"),
                          pol_string_copy(arena, pol_bytes_of(text, n)));
    *claims = pol_object_with(arena, *claims, pol_string_text("cnf"), cnf);
    return true;
}

/* ---- the token ---- */

static void put_segment(pol_buf *out, pol_bytes bytes)
{
    out->n += pol_base64_encode(pol_buf_reserve(out, pol_base64_size(bytes.n)), bytes, POL_BASE64URL);
}

static void put_json(pol_buf *out, pol_value v)
{
    POL_CLEAN(pol_buf_deinit) pol_buf json = {0};
    pol_json_write(&json, v, POL_JSON_COMPACT);
    put_segment(out, pol_buf_view(&json));
}

static pol_value make_header(pol_arena *arena, const cli_options *o, const pol_key *key, const pol_alg *alg)
{
    pol_builder b = pol_builder_new(arena);
    pol_builder_put_text(&b, "alg", pol_string_text(alg->name));
    pol_builder_put_text(&b, "typ", pol_string_text(o->typ ? o->typ : "JWT"));
    if (o->kid)
        pol_builder_put_text(&b, "kid", pol_string_text(o->kid));
    else if (key->kid)
        pol_builder_put_text(&b, "kid", pol_string_copy(arena, pol_bytes_of(key->kid, key->n_kid)));
    return pol_builder_object(&b);
}

POL_MUST_USE static bool write_token(pol_arena *arena, const cli_options *o, const pol_key *key, pol_error *err)
{
    POL_CLEAN(pol_buf_deinit) pol_buf token = {0};
    const pol_alg *alg;
    pol_value claims;
    uint8_t signature[POL_SIGNATURE_MAX];
    size_t n;
    POL_TRY(choose_alg(o, key, &alg, err));
    POL_TRY(read_claims(arena, o->claims, &claims, err));
    POL_TRY(put_times(arena, o, &claims, err));
    if (o->certificate)
        POL_TRY(put_binding(arena, o->certificate, &claims, err));
    put_json(&token, make_header(arena, o, key, alg));
    pol_buf_byte(&token, '.');
    put_json(&token, claims);
    if (!pol_sign(key, alg, pol_buf_view(&token), signature, &n))
        return pol_fail(err, POL_E_CRYPTO, "the key does not sign: it is not a whole private key");
    pol_buf_byte(&token, '.');
    put_segment(&token, pol_bytes_of(signature, n));
    pol_buf_byte(&token, '\n');
    cli_write(&token);
    return true;
}

static int run(const cli_options *o)
{
    pol_error err;
    pol_key key;
    if (!o->key || o->arguments.n) {
        fprintf(stderr, "pol token mint: name --key FILE, and no argument\n");
        return CLI_FAILED;
    }
    pol_arena arena;
    pol_arena_init(&arena, 0);
    bool ok = read_key(o, &key, &err) && write_token(&arena, o, &key, &err);
    pol_key_deinit(&key);
    pol_arena_deinit(&arena);
    if (!ok)
        cli_report(&err, false);
    return ok ? CLI_OK : CLI_FAILED;
}

const cli_command cli_token_mint = {"token mint", "--key FILE", "make a token for tests", options, run};
