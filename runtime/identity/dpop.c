/* SPDX-License-Identifier: Apache-2.0
 * DPoP proofs (RFC 9449): the one place where a key in a token's header is used, and then only to see that its thumbprint is the one that the
 * access token is bound to.
 */
#include "runtime/identity/oauth.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <strings.h>

/* ---- URLs: RFC 3986, 6.2.2 and 6.2.3, without query and fragment ---- */

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_unreserved(int c)
{
    return ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

/* Escapes of unreserved characters decoded, others in upper case. */
static bool put_path_byte(pol_buf *out, pol_bytes path, size_t *i)
{
    if (path.at[*i] != '%') {
        pol_buf_byte(out, path.at[*i]);
        return true;
    }
    int high = *i + 2 < path.n ? hex_digit(path.at[*i + 1]) : -1, low = *i + 2 < path.n ? hex_digit(path.at[*i + 2]) : -1;
    if (high < 0 || low < 0)
        return false;
    int c = high << 4 | low;
    if (is_unreserved(c))
        pol_buf_byte(out, (uint8_t)c);
    else
        pol_buf_printf(out, "%%%02X", c);
    *i += 2;
    return true;
}

/* RFC 3986, 5.2.4, over out from offset from on. */
static void remove_dot_segments(pol_buf *out, size_t from)
{
    size_t to = from;
    for (size_t i = from; i < out->n;) {
        size_t end = i + 1;
        while (end < out->n && out->at[end] != '/')
            end++;
        bool last = end == out->n, dot = end - i == 2 && out->at[i + 1] == '.';
        bool dots = end - i == 3 && out->at[i + 1] == '.' && out->at[i + 2] == '.';
        if (dots) {
            while (to > from && out->at[--to] != '/')
                ;
        }
        if (dot || dots) {
            if (last)
                out->at[to++] = '/';
        } else {
            memmove(out->at + to, out->at + i, end - i);
            to += end - i;
        }
        i = end;
    }
    out->n = to;
}

static bool put_normal_url(pol_buf *out, pol_bytes url)
{
    static const struct {
        const char *scheme, *port;
    } schemes[] = {{"https://", ":443"}, {"http://", ":80"}};
    for (unsigned k = 0; k < 2; k++) {
        size_t n = strlen(schemes[k].scheme), i = n;
        if (url.n <= n || strncasecmp((const char *)url.at, schemes[k].scheme, n) != 0)
            continue;
        pol_buf_text(out, schemes[k].scheme);
        size_t host = out->n;
        for (; i < url.n && url.at[i] != '/' && url.at[i] != '?' && url.at[i] != '#'; i++) {
            uint8_t c = url.at[i];
            pol_buf_byte(out, c >= 'A' && c <= 'Z' ? c | 32 : c);
        }
        pol_bytes authority = pol_bytes_of(out->at + host, out->n - host);
        if (pol_bytes_ends(authority, pol_bytes_text(schemes[k].port)))
            out->n -= strlen(schemes[k].port);
        else if (pol_bytes_ends(authority, POL_BYTES(":")))
            out->n--;
        if (out->n == host)
            return false;
        size_t path = out->n;
        for (; i < url.n && url.at[i] != '?' && url.at[i] != '#'; i++) {
            if (!put_path_byte(out, url, &i))
                return false;
        }
        remove_dot_segments(out, path);
        if (out->n == path)
            pol_buf_byte(out, '/');
        return true;
    }
    return false;
}

static bool is_same_url(pol_bytes a, pol_bytes b)
{
    pol_buf x = {0}, y = {0};
    bool same = put_normal_url(&x, a) && put_normal_url(&y, b) && pol_bytes_equal(pol_buf_view(&x), pol_buf_view(&y));
    pol_buf_deinit(&x);
    pol_buf_deinit(&y);
    return same;
}

/* ---- the proof ---- */

static const char *check_key(const pol_jws *jws, const pol_dpop_rules *rules)
{
    bool listed = false;
    for (unsigned i = 0; i < rules->n_algorithms; i++)
        listed |= strcmp(rules->algorithms[i], jws->alg->name) == 0;
    if (!listed || jws->alg->key_type == POL_KEY_OCT)
        return pol_reason_dpop_alg;
    pol_value jwk = pol_object_member(jws->header, "jwk");
    if (jwk.tag != POL_OBJECT || pol_is_defined(pol_object_member(jwk, "d")) || pol_is_defined(pol_object_member(jwk, "k")))
        return pol_reason_dpop_key;
    char thumbprint[44];
    pol_key key;
    if (!pol_jwk_thumbprint(jwk, thumbprint) || !pol_jwk_read(jwk, POL_JWK_STRICT, &key, NULL))
        return pol_reason_dpop_key;
    const char *why = NULL;
    if (!pol_key_fits(&key, jws->alg, true))
        why = pol_reason_dpop_key;
    else if (!pol_signature_ok(&key, jws->alg, jws->signed_part, jws->signature))
        why = pol_reason_dpop_signature;
    else if (rules->jkt.n != 43 || CRYPTO_memcmp(rules->jkt.at, thumbprint, 43) != 0)
        why = pol_reason_dpop_binding;
    pol_key_deinit(&key);
    return why;
}

static const char *check_claims(pol_value claims, const pol_dpop_rules *rules, int64_t now_ns)
{
    static const char *const strings[] = {"jti", "htm", "htu", "ath"};
    for (unsigned i = 0; i < 4; i++) {
        pol_value v = pol_object_member(claims, strings[i]);
        if (v.tag != POL_STRING || v.n == 0)
            return pol_reason_dpop_claim_missing;
    }
    pol_value iat = pol_object_member(claims, "iat"), ath = pol_object_member(claims, "ath");
    if (!pol_is_defined(iat))
        return pol_reason_dpop_claim_missing;
    if (!pol_bytes_equal(pol_text(pol_object_member(claims, "htm")), rules->method))
        return pol_reason_dpop_htm;
    if (!is_same_url(pol_text(pol_object_member(claims, "htu")), rules->url))
        return pol_reason_dpop_htu;
    long double at, now = (long double)now_ns / 1e9L;
    if (!pol_jwt_date(iat, &at) || at > now + (long double)rules->leeway_s ||
        at < now - (long double)rules->max_age_s - (long double)rules->leeway_s)
        return pol_reason_dpop_iat;
    uint8_t digest[SHA256_DIGEST_LENGTH], text[44];
    SHA256(rules->access_token.at, rules->access_token.n, digest);
    size_t n = pol_base64_encode(text, pol_bytes_of(digest, sizeof digest), POL_BASE64URL);
    return ath.n == n && CRYPTO_memcmp(ath.text, text, n) == 0 ? NULL : pol_reason_dpop_binding;
}

const char *pol_dpop_check(pol_arena *arena, pol_bytes proof, const pol_dpop_rules *rules, int64_t now_ns, pol_bytes *jti)
{
    pol_jws jws;
    pol_value claims;
    const char *why = pol_jws_open(arena, proof, NULL, &jws);
    if (why == pol_reason_token_crit)
        return pol_reason_dpop_crit;
    if (why == pol_reason_token_alg)
        return pol_reason_dpop_alg;
    if (why)
        return pol_reason_dpop_form;
    pol_value typ = pol_object_member(jws.header, "typ");
    if (typ.tag != POL_STRING || typ.n != 8 || strncasecmp((const char *)typ.text, "dpop+jwt", 8) != 0)
        return pol_reason_dpop_typ;
    why = pol_jwt_claims(arena, &jws, NULL, &claims) ? pol_reason_dpop_form : check_key(&jws, rules);
    if (!why)
        why = check_claims(claims, rules, now_ns);
    if (!why && jti)
        *jti = pol_text(pol_object_member(claims, "jti"));
    return why;
}
