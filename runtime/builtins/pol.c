/* SPDX-License-Identifier: Apache-2.0
 * Polward's own built-ins. What needs the daemon's configuration takes it from the evaluator; without one nothing is trusted.
 */
#include "runtime/builtins/armor.h"
#include "runtime/identity/oauth.h"
#include "runtime/identity/route.h"
#include "runtime/identity/spiffe.h"
#include "runtime/identity/trust.h"

enum { SIGNATURE_COST = 1000, PATH_COST = 5000 };

POL_BUILTIN(spiffe_parse, "pol.spiffe.parse", "(id: string) {trust_domain: string, path: string}",
            "Trust domain and path of a SPIFFE ID; undefined when it is none.")
{
    pol_bytes id = pol_arg_string(ev, args, 0), trust_domain, path;
    if (pol_builtin_failed(ev) || !pol_spiffe_parse(id, &trust_domain, &path))
        return pol_undefined();
    pol_builder b = pol_builder_new(pol_eval_arena(ev));
    pol_builder_put_text(&b, "trust_domain", pol_string(trust_domain));
    pol_builder_put_text(&b, "path", pol_string(path));
    return pol_builder_object(&b);
}

POL_BUILTIN(has_scope, "pol.oauth.has_scope", "(scopes: string|array[string], wanted: string) boolean",
            "True when `wanted` is one of the scopes, compared whole. Malformed scopes are none.")
{
    pol_bytes wanted = pol_arg_string(ev, args, 1);
    pol_value scopes;
    if (args[0].tag != POL_STRING && args[0].tag != POL_ARRAY)
        return pol_operand_error(ev, 1, "one of {string, array}", args[0]);
    if (pol_builtin_failed(ev))
        return pol_undefined();
    pol_charge(ev, args[0].n / 8);
    if (!pol_scopes_read(pol_eval_arena(ev), args[0], &scopes))
        return pol_bool(false);
    for (uint32_t i = 0; i < scopes.n; i++) {
        if (pol_bytes_equal(pol_text(pol_element(scopes, i)), wanted))
            return pol_bool(true);
    }
    return pol_bool(false);
}

POL_BUILTIN(pkce_ok, "pol.oauth.pkce_ok", "(verifier: string, challenge: string, method: string) boolean",
            "True when the verifier is the challenge's by RFC 7636 with S256; other methods are false.")
{
    pol_bytes verifier = pol_arg_string(ev, args, 0), challenge = pol_arg_string(ev, args, 1), method = pol_arg_string(ev, args, 2);
    if (pol_builtin_failed(ev))
        return pol_undefined();
    return pol_bool(pol_pkce_check(verifier, challenge, method) == NULL);
}

POL_BUILTIN(path_match, "pol.path.match", "(template: string, path: string) object[string: string]",
            "The captures of a path by a template such as \"/v1/orders/{id}\" or \"/files/{rest...}\"; undefined when it does not match or "
            "has no normal form.")
{
    pol_bytes template = pol_arg_string(ev, args, 0), path = pol_arg_string(ev, args, 1), normal;
    pol_value captures;
    if (pol_builtin_failed(ev))
        return pol_undefined();
    if (!pol_template_valid(template))
        return pol_builtin_error(ev, "the template must begin with '/', and {name} or a last {rest...} be whole segments");
    pol_charge(ev, path.n / 8);
    if (!pol_path_normal(pol_eval_arena(ev), path, &normal) || !pol_template_match(pol_eval_arena(ev), template, normal, &captures))
        return pol_undefined();
    return captures;
}

/* options: {"issuer", "audience"}, further rules beside the configured ones; true when the claims meet them. */
static bool check_options(pol_eval *ev, pol_value options, pol_value claims, const char **why)
{
    for (uint32_t i = 0; i < options.n; i++) {
        pol_value key = pol_member_key(options, i), wanted = pol_member_value(options, i);
        pol_bytes name = key.tag == POL_STRING ? pol_text(key) : (pol_bytes){0};
        bool issuer = pol_bytes_is(name, "issuer");
        if ((!issuer && !pol_bytes_is(name, "audience")) || wanted.tag != POL_STRING || memchr(wanted.text, 0, wanted.n)) {
            pol_builtin_error(ev, "options may hold the strings \"issuer\" and \"audience\" only");
            return false;
        }
        const char *audience = (const char *)pol_arena_copy(pol_eval_arena(ev), wanted.text, wanted.n);
        bool ok = issuer ? pol_equal(pol_object_member(claims, "iss"), wanted)
                         : pol_audience_ok(pol_object_member(claims, "aud"), &audience, 1);
        if (!ok && pol_is_defined(claims))
            *why = issuer ? pol_reason_token_issuer : pol_reason_token_audience;
    }
    return true;
}

POL_BUILTIN_FLAGS(jwt_verify, "pol.jwt.verify", "(token: string, options: object[string: any]) object[string: any]",
                  "Verifies a token against the daemon's issuers: {\"valid\", \"reason\", \"header\", \"claims\"}.", POL_NONDETERMINISTIC)
{
    pol_bytes token = pol_arg_string(ev, args, 0);
    pol_value options = pol_arg_object(ev, args, 1);
    if (pol_builtin_failed(ev))
        return pol_undefined();
    pol_charge(ev, SIGNATURE_COST + token.n / 16);
    pol_verified_token verified;
    const char *why = pol_trust_token(pol_eval_trust(ev), NULL, NULL, pol_eval_arena(ev), token, pol_eval_now_ns(ev), &verified);
    if (!check_options(ev, options, verified.claims, &why))
        return pol_undefined();
    pol_builder b = pol_builder_new(pol_eval_arena(ev));
    pol_builder_put_text(&b, "valid", pol_bool(why == NULL));
    pol_builder_put_text(&b, "reason", pol_string_text(why ? why : "ok"));
    if (!why) {
        pol_builder_put_text(&b, "header", verified.header);
        pol_builder_put_text(&b, "claims", verified.claims);
    }
    return pol_builder_object(&b);
}

POL_BUILTIN_FLAGS(cert_verify, "pol.cert.verify", "(pem_chain: string, options: object[string: any]) object[string: any]",
                  "Verifies a client certificate with its chain against the daemon's trust bundle: a document like `input.cert`, undefined "
                  "when it is not trusted.",
                  POL_NONDETERMINISTIC)
{
    pol_bytes pem = pol_arg_string(ev, args, 0);
    pol_value options = pol_arg_object(ev, args, 1);
    if (pol_builtin_failed(ev))
        return pol_undefined();
    if (options.n)
        return pol_builtin_error(ev, "no options are known: give {}");
    pol_charge(ev, PATH_COST);
    pol_chain chain;
    pol_verified_chain verified;
    const char *revocation = NULL;
    if (!pol_chain_read(pem, &chain))
        return pol_builtin_error(ev, "%s: %s", pol_reason_cert_malformed, pol_reason_sentence(pol_reason_cert_malformed));
    const char *why = pol_trust_chain(pol_eval_trust(ev), &chain, pol_eval_now_ns(ev), &verified);
    if (!why)
        why = pol_trust_revocation(pol_eval_trust(ev), &verified.links, pol_eval_now_ns(ev), &revocation, NULL);
    pol_cert_facts facts = {.chain_length = verified.length, .revocation = revocation, .source = "request", .spiffe_id = verified.spiffe_id};
    pol_buf json = {0};
    if (!why)
        pol_cert_write(&json, chain.leaf, &facts);
    pol_chain_deinit(&chain);
    return why ? pol_undefined() : pol_armor_value(ev, &json);
}

POL_FAMILY(pol) = {
    POL_ROW(spiffe_parse), POL_ROW(has_scope), POL_ROW(pkce_ok), POL_ROW(path_match), POL_ROW(jwt_verify), POL_ROW(cert_verify), POL_END,
};
