/* SPDX-License-Identifier: Apache-2.0
 * Scopes, PKCE and answers of introspection. Scopes are whole tokens: nothing here looks inside one.
 */
#include "runtime/identity/oauth.h"

#include "runtime/engine.h"
#include "runtime/json.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <math.h>
#include <strings.h>

/* RFC 6749, 3.3: printable ASCII without space, quote and backslash. */
static bool is_scope_token(pol_bytes s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.at[i] < 0x21 || s.at[i] > 0x7e || s.at[i] == '"' || s.at[i] == '\\')
            return false;
    }
    return s.n > 0;
}

static pol_value set_to_array(pol_arena *arena, pol_builder *set)
{
    pol_value sorted = pol_builder_set(set);
    pol_builder list = pol_builder_new(arena);
    for (uint32_t i = 0; i < sorted.n; i++)
        pol_builder_add(&list, pol_element(sorted, i));
    return pol_builder_array(&list);
}

bool pol_scopes_read(pol_arena *arena, pol_value scope, pol_value *scopes)
{
    pol_builder set = pol_builder_new(arena);
    if (scope.tag == POL_ARRAY) {
        for (uint32_t i = 0; i < scope.n; i++) {
            pol_value token = pol_element(scope, i);
            if (token.tag != POL_STRING || !is_scope_token(pol_text(token)))
                return false;
            pol_builder_add(&set, token);
        }
    } else if (scope.tag == POL_STRING) {
        pol_bytes s = pol_text(scope);
        for (size_t i = 0; i < s.n;) {
            const uint8_t *space = memchr(s.at + i, ' ', s.n - i);
            size_t n = space ? (size_t)(space - s.at) - i : s.n - i;
            pol_bytes token = pol_bytes_of(s.at + i, n);
            if (n && !is_scope_token(token))
                return false;
            if (n)
                pol_builder_add(&set, pol_string(token));
            i += n + 1;
        }
    } else {
        return false;
    }
    *scopes = set_to_array(arena, &set);
    return true;
}

/* The text of the decision's rule `scope`: the id of the implicit forbid alone, as all others have a package before them. */
static pol_bytes scope_reason(pol_value decision)
{
    pol_value reasons = pol_object_member(decision, "reasons"), effect = pol_object_member(decision, "effect");
    for (uint32_t i = 0; reasons.tag == POL_ARRAY && pol_equal(effect, pol_string_text("forbid")) && i < reasons.n; i++) {
        pol_value rule = pol_object_member(pol_element(reasons, i), "rule"), text = pol_object_member(pol_element(reasons, i), "text");
        if (rule.tag == POL_STRING && pol_bytes_is(pol_text(rule), "scope") && text.tag == POL_STRING)
            return pol_text(text);
    }
    return (pol_bytes){0};
}

void pol_scope_challenge(pol_buf *out, pol_value decision)
{
    const pol_bytes prefix = POL_BYTES(POL_SCOPES_NEEDED);
    pol_bytes text = scope_reason(decision), list = pol_bytes_starts(text, prefix) ? pol_bytes_of(text.at + prefix.n, text.n - prefix.n) : (pol_bytes){0};
    POL_CLEAN(pol_buf_deinit) pol_buf scopes = {0};
    for (size_t at = 0; at < list.n;) {
        int64_t comma = pol_bytes_find(list, POL_BYTES(", "), at);
        size_t end = comma < 0 ? list.n : (size_t)comma;
        pol_bytes scope = pol_bytes_of(list.at + at, end - at);
        if (!is_scope_token(scope)) /* nothing that would end the header or its quotes */
            return;
        pol_buf_printf(&scopes, "%s%.*s", scopes.n ? " " : "", (int)scope.n, (const char *)scope.at);
        at = end + 2;
    }
    if (text.n == 0)
        return;
    pol_buf_text(out, "Bearer error=\"insufficient_scope\", error_description=\"");
    pol_buf_text(out, scopes.n ? "the token does not have a scope that covers this\", scope=\"" : "no scope covers this");
    pol_buf_bytes(out, pol_buf_view(&scopes));
    pol_buf_byte(out, '"');
}

const char *pol_pkce_check(pol_bytes verifier, pol_bytes challenge, pol_bytes method)
{
    enum { LEAST = 43, MOST = 128, CHALLENGE = 43 };
    if (!pol_bytes_is(method, "S256"))
        return "method";
    bool ok = verifier.n >= LEAST && verifier.n <= MOST;
    for (size_t i = 0; ok && i < verifier.n; i++) {
        uint8_t c = verifier.at[i];
        ok = ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    }
    if (!ok)
        return "verifier_form";
    uint8_t digest[SHA256_DIGEST_LENGTH], text[CHALLENGE + 1];
    SHA256(verifier.at, verifier.n, digest);
    size_t n = pol_base64_encode(text, pol_bytes_of(digest, sizeof digest), POL_BASE64URL);
    if (challenge.n != n || CRYPTO_memcmp(text, challenge.at, n) != 0)
        return "challenge_mismatch";
    return NULL;
}

/* ---- introspection ---- */

/* application/json, with or without parameters. */
static bool is_json_type(pol_bytes type)
{
    static const char wanted[] = "application/json";
    const size_t n = sizeof wanted - 1;
    if (type.n < n || strncasecmp((const char *)type.at, wanted, n) != 0)
        return false;
    return type.n == n || type.at[n] == ';' || type.at[n] == ' ' || type.at[n] == '\t';
}

static bool is_access_token_type(pol_value type)
{
    if (!pol_is_defined(type))
        return true;
    pol_bytes s = type.tag == POL_STRING ? pol_text(type) : (pol_bytes){0};
    return (s.n == 6 && strncasecmp((const char *)s.at, "bearer", 6) == 0) || (s.n == 4 && strncasecmp((const char *)s.at, "dpop", 4) == 0) ||
           (s.n == 12 && strncasecmp((const char *)s.at, "access_token", 12) == 0);
}

static int64_t bounded(int64_t most, long double seconds)
{
    if (!(seconds > 0))
        return 0;
    return seconds < (long double)most ? (int64_t)floorl(seconds) : most;
}

const char *pol_introspection_read(pol_arena *arena, const pol_introspection_answer *answer, pol_value *claims)
{
    *claims = pol_undefined();
    if (answer->status != 200 || !is_json_type(answer->content_type))
        return pol_reason_introspection_failed;
    pol_json_options options = {.max_depth = 64, .unique_members = true, .no_nul = true};
    pol_value body;
    if (!pol_json_read(arena, answer->body, &options, &body, NULL) || body.tag != POL_OBJECT)
        return pol_reason_introspection_form;
    pol_value active = pol_object_member(body, "active");
    if (active.tag != POL_BOOL || !pol_claims_typed(body))
        return pol_reason_introspection_form;
    if (pol_is_false(active))
        return pol_reason_token_inactive;
    *claims = body;
    return NULL;
}

const char *pol_introspection_claims_judge(pol_value body, const pol_introspection_rules *rules, int64_t now_ns, int64_t *ttl_s)
{
    const long double now = (long double)now_ns / 1e9L, leeway = (long double)rules->leeway_s;
    long double exp, nbf;
    *ttl_s = rules->negative_ttl_s;
    pol_value iss = pol_object_member(body, "iss");
    if (rules->issuer && !(iss.tag == POL_STRING && pol_bytes_is(pol_text(iss), rules->issuer)))
        return pol_reason_token_issuer;
    if (rules->n_audiences && !pol_audience_ok(pol_object_member(body, "aud"), rules->audiences, rules->n_audiences))
        return pol_reason_token_audience;
    if (!is_access_token_type(pol_object_member(body, "token_type")))
        return pol_reason_token_type;
    bool has_exp = pol_jwt_date(pol_object_member(body, "exp"), &exp);
    if (has_exp && !(now < exp + leeway))
        return pol_reason_token_expired;
    if (pol_jwt_date(pol_object_member(body, "nbf"), &nbf) && !(now + leeway >= nbf)) {
        *ttl_s = bounded(rules->negative_ttl_s, nbf - leeway - now);
        return pol_reason_token_not_yet_valid;
    }
    *ttl_s = has_exp ? bounded(rules->max_ttl_s, exp + leeway - now) : rules->max_ttl_s;
    return NULL;
}

const char *pol_introspection_judge(pol_arena *arena, const pol_introspection_answer *answer, const pol_introspection_rules *rules,
                                    int64_t now_ns, pol_value *claims, int64_t *ttl_s)
{
    const char *why = pol_introspection_read(arena, answer, claims);
    *ttl_s = why == pol_reason_token_inactive ? rules->negative_ttl_s : 0;
    if (!why)
        why = pol_introspection_claims_judge(*claims, rules, now_ns, ttl_s);
    if (why)
        *claims = pol_undefined();
    return why;
}
