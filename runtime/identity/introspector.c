/* SPDX-License-Identifier: Apache-2.0
 * The client of an introspection endpoint: who it is, and the request that proves it: a secret (RFC 6749, 2.3.1), a signed assertion (RFC 7523) or a client certificate
 * (RFC 8705, 2).
 */
#include "runtime/identity/introspector.h"

#include "runtime/identity/jose.h"
#include "runtime/json.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <stdlib.h>

enum { SECRET_MAX = 4096, ASSERTION_S = 60 };

static const char *const signing[] = {"ES256", "ES384", "ES512", "EdDSA", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"};

static void cleanse(pol_buf *buf)
{
    if (buf->at)
        OPENSSL_cleanse(buf->at, buf->n);
}

/* A secret on one line. */
static bool read_secret(pol_introspector *to, const char *path, pol_error *err)
{
    POL_CLEAN(pol_buf_deinit) pol_buf file = {0};
    POL_TRY(pol_file_read(path, SECRET_MAX, &file, err));
    size_t n = file.n;
    while (n && (file.at[n - 1] == '\n' || file.at[n - 1] == '\r'))
        n--;
    pol_buf_add(&to->secret, file.at, n);
    cleanse(&file);
    return n > 0 || pol_fail(err, POL_E_CONFIG, "%s: the client's secret is empty", path);
}

static bool read_key(pol_introspector *to, const char *path, pol_error *err)
{
    POL_CLEAN(pol_buf_deinit) pol_buf file = {0};
    pol_json_options options = {.max_depth = 16, .unique_members = true, .no_nul = true, .borrow = true};
    pol_arena arena;
    pol_value jwk;
    const char *why = NULL;
    POL_TRY(pol_file_read(path, SECRET_MAX * 4, &file, err));
    pol_arena_init(&arena, 0);
    bool ok = pol_json_read(&arena, pol_buf_view(&file), &options, &jwk, err);
    bool is_private = ok && pol_is_defined(pol_object_member(jwk, "d"));
    ok = ok && pol_jwk_read(jwk, POL_JWK_PRIVATE, &to->key, &why);
    pol_arena_deinit(&arena);
    cleanse(&file);
    for (unsigned i = 0; ok && is_private && !to->alg && i < sizeof signing / sizeof *signing; i++) {
        const pol_alg *alg = pol_alg_find(pol_bytes_text(signing[i]));
        to->alg = pol_key_fits(&to->key, alg, true) ? alg : NULL;
    }
    return to->alg || pol_fail(err, POL_E_CONFIG, "%s: not a private JWK that can sign%s%s", path, why ? ": " : "", why ? why : "");
}

static char *copy_text(const char *text)
{
    return text ? OPENSSL_strdup(text) : NULL;
}

static bool read_credentials(pol_introspector *to, const pol_introspector_config *c, pol_error *err)
{
    if (!c->client_id || !c->client_id[0])
        return pol_fail(err, POL_E_CONFIG, "introspection: `client_id` is required");
    switch (c->auth) {
    case POL_CLIENT_SECRET:
        return c->secret_file ? read_secret(to, c->secret_file, err) : pol_fail(err, POL_E_CONFIG, "introspection: `secret_file` is required");
    case POL_CLIENT_ASSERTION:
        return c->jwk_file ? read_key(to, c->jwk_file, err) : pol_fail(err, POL_E_CONFIG, "introspection: `jwk_file` is required for private_key_jwt");
    case POL_CLIENT_CERTIFICATE:
        return (c->cert_file && c->key_file) || pol_fail(err, POL_E_CONFIG, "introspection: `certificate` and `key` are required for mtls");
    }
    return false;
}

bool pol_introspector_new(const char *issuer, const pol_introspector_config *c, pol_introspector **out, pol_error *err)
{
    POL_TRY(pol_fetch_url_check(c->url, false, err));
    pol_introspector *to = OPENSSL_zalloc(sizeof *to);
    if (!to)
        return pol_fail(err, POL_E_MEMORY, "out of memory");
    atomic_init(&to->shares, 1);
    to->url = copy_text(c->url);
    to->audience = copy_text(issuer);
    to->client_id = copy_text(c->client_id);
    to->token_prefix = copy_text(c->token_prefix ? c->token_prefix : "");
    to->ca_file = copy_text(c->ca_file);
    to->cert_file = copy_text(c->cert_file);
    to->key_file = copy_text(c->key_file);
    to->auth = c->auth;
    to->timeout_ms = c->timeout_ms;
    to->cache_ns = (int64_t)c->cache_ms * 1000000;
    to->inactive_ns = (int64_t)c->inactive_ms * 1000000;
    if (!read_credentials(to, c, err) || !to->url || !to->audience || !to->token_prefix) {
        pol_introspector_free(to);
        return false;
    }
    POL_CLEAN(pol_buf_deinit) pol_buf name = {0};
    pol_buf_printf(&name, "%s\n%s\n%s", issuer, c->url, c->client_id);
    SHA256(name.at, name.n, to->id);
    *out = to;
    return true;
}

pol_introspector *pol_introspector_share(pol_introspector *introspector)
{
    atomic_fetch_add(&introspector->shares, 1);
    return introspector;
}

void pol_introspector_free(pol_introspector *i)
{
    if (!i || atomic_fetch_sub(&i->shares, 1) != 1)
        return;
    cleanse(&i->secret);
    pol_buf_deinit(&i->secret);
    pol_key_deinit(&i->key);
    char *texts[] = {i->url, i->audience, i->client_id, i->token_prefix, i->ca_file, i->cert_file, i->key_file};
    for (unsigned k = 0; k < sizeof texts / sizeof *texts; k++)
        OPENSSL_free(texts[k]);
    OPENSSL_free(i);
}

bool pol_introspector_takes(const pol_introspector *introspector, pol_bytes token)
{
    return pol_bytes_starts(token, pol_bytes_text(introspector->token_prefix));
}

/* ---- the request ---- */

/* application/x-www-form-urlencoded */
static void put_form(pol_buf *out, pol_bytes text)
{
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.at[i];
        if (((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_')
            pol_buf_byte(out, c);
        else
            pol_buf_printf(out, "%%%02X", c);
    }
}

static void put_base64(pol_buf *out, pol_bytes bytes, pol_base64_kind kind)
{
    uint8_t *at = pol_buf_reserve(out, pol_base64_size(bytes.n));
    out->n += pol_base64_encode(at, bytes, kind);
}

static bool put_assertion(pol_buf *out, const pol_introspector *by, int64_t now_ns)
{
    POL_CLEAN(pol_buf_deinit) pol_buf header = {0}, claims = {0};
    uint8_t random[16], signature[POL_SIGNATURE_MAX];
    size_t n, from = out->n;
    if (RAND_bytes(random, sizeof random) != 1)
        return false;
    pol_buf_printf(&header, "{\"alg\":\"%s\",\"typ\":\"JWT\"", by->alg->name);
    if (by->key.kid) {
        pol_buf_text(&header, ",\"kid\":");
        pol_json_write_string(&header, pol_bytes_of(by->key.kid, by->key.n_kid), POL_JSON_COMPACT);
    }
    pol_buf_byte(&header, '}');
    const struct {
        const char *name, *text;
    } members[] = {{"{\"iss\":", by->client_id}, {",\"sub\":", by->client_id}, {",\"aud\":", by->audience}};
    for (unsigned i = 0; i < sizeof members / sizeof *members; i++) {
        pol_buf_text(&claims, members[i].name);
        pol_json_write_string(&claims, pol_bytes_text(members[i].text), POL_JSON_COMPACT);
    }
    long long now_s = (long long)(now_ns / 1000000000);
    pol_buf_printf(&claims, ",\"iat\":%lld,\"exp\":%lld,\"jti\":\"", now_s, now_s + ASSERTION_S);
    put_base64(&claims, pol_bytes_of(random, sizeof random), POL_BASE64URL);
    pol_buf_text(&claims, "\"}");
    put_base64(out, pol_buf_view(&header), POL_BASE64URL);
    pol_buf_byte(out, '.');
    put_base64(out, pol_buf_view(&claims), POL_BASE64URL);
    if (!pol_sign(&by->key, by->alg, pol_bytes_of(out->at + from, out->n - from), signature, &n))
        return false;
    pol_buf_byte(out, '.');
    put_base64(out, pol_bytes_of(signature, n), POL_BASE64URL);
    return true;
}

bool pol_introspector_ask(const pol_introspector *by, struct pol_fetcher *fetcher, pol_bytes token, int64_t now_ns, pol_fetch_done *done, void *context)
{
    pol_buf body = {0}, basic = {0}, pair = {0};
    pol_error err;
    bool ok = true;
    const char *headers[3] = {"Content-Type: application/x-www-form-urlencoded", "Accept: application/json"};
    pol_buf_text(&body, "token=");
    put_form(&body, token);
    pol_buf_text(&body, "&token_type_hint=access_token");
    if (by->auth == POL_CLIENT_SECRET) {
        put_form(&pair, pol_bytes_text(by->client_id));
        pol_buf_byte(&pair, ':');
        put_form(&pair, pol_buf_view(&by->secret));
        pol_buf_text(&basic, "Authorization: Basic ");
        put_base64(&basic, pol_buf_view(&pair), POL_BASE64);
        pol_buf_byte(&basic, 0);
        headers[2] = (const char *)basic.at;
    } else {
        pol_buf_text(&body, "&client_id=");
        put_form(&body, pol_bytes_text(by->client_id));
    }
    if (by->auth == POL_CLIENT_ASSERTION) {
        pol_buf_text(&body, "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=");
        ok = put_assertion(&body, by, now_ns);
    }
    bool by_certificate = by->auth == POL_CLIENT_CERTIFICATE;
    pol_fetch_request request = {.url = by->url, .headers = headers, .n_headers = headers[2] ? 3 : 2, .body = pol_buf_view(&body), .ca_file = by->ca_file,
                                 .cert_file = by_certificate ? by->cert_file : NULL, .key_file = by_certificate ? by->key_file : NULL,
                                 .timeout_ms = by->timeout_ms, .max_bytes = POL_INTROSPECTED_MAX};
    ok = ok && pol_fetch(fetcher, &request, done, context, &err);
    pol_buf *secret[] = {&body, &basic, &pair};
    for (unsigned i = 0; i < sizeof secret / sizeof *secret; i++) {
        cleanse(secret[i]);
        pol_buf_deinit(secret[i]);
    }
    return ok;
}
