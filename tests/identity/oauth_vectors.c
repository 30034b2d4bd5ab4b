/* SPDX-License-Identifier: Apache-2.0
 * Runner of a folder of OAuth vectors: pkce.json, scopes.json, cert-bound.json, introspection.json, at-jwt.json, dpop.json; those that are there.
 */
#include "runtime/identity/oauth.h"
#include "runtime/identity/x509.h"
#include "tests/identity/jwt_case.h"

static void run_pkce(pack *p)
{
    pol_value cases = pack_read(p, "pkce.json");
    for (uint32_t i = 0; cases.tag == POL_ARRAY && i < cases.n; i++) {
        pol_value c = pol_element(cases, i);
        judge(p, c, pol_pkce_check(get_text(c, "verifier"), get_text(c, "challenge"), get_text(c, "method")));
    }
}

static bool has_all(pol_value scopes, pol_value required)
{
    for (uint32_t i = 0; required.tag == POL_ARRAY && i < required.n; i++) {
        bool found = false;
        for (uint32_t k = 0; k < scopes.n; k++)
            found |= pol_equal(pol_element(scopes, k), pol_element(required, i));
        if (!found)
            return false;
    }
    return true;
}

static void run_scopes(pack *p)
{
    pol_value cases = pack_read(p, "scopes.json");
    for (uint32_t i = 0; cases.tag == POL_ARRAY && i < cases.n; i++) {
        pol_value c = pol_element(cases, i), scopes = pol_undefined();
        bool well_formed = pol_scopes_read(&p->arena, get(c, "scope"), &scopes);
        const char *why = !well_formed ? "malformed" : has_all(scopes, get(c, "required")) ? NULL : "missing";
        if (well_formed != pol_is_true(get(c, "well_formed")))
            report(p, c, false, well_formed ? "malformed" : "well-formed", well_formed ? "well-formed" : "malformed");
        else if (well_formed && pol_is_defined(get(c, "scopes")) && !pol_equal(scopes, get(c, "scopes")))
            report(p, c, false, "the scopes of the case", "others");
        else
            judge(p, c, why);
    }
}

static void run_bound(pack *p)
{
    pol_value cases = pack_read(p, "cert-bound.json");
    for (uint32_t i = 0; cases.tag == POL_ARRAY && i < cases.n; i++) {
        pol_value c = pol_element(cases, i), pem = get(c, "cert");
        uint8_t digest[32];
        bool bound = false, has_cert = pem.tag == POL_STRING;
        pol_chain chain = {0};
        if (has_cert && !pol_chain_read(pol_text(pem), &chain)) {
            report(p, c, false, "a certificate", "none that can be read");
            continue;
        }
        if (has_cert)
            pol_cert_fingerprint(chain.leaf, digest);
        pol_chain_deinit(&chain);
        const char *why = pol_binding_check(get(c, "claims"), has_cert ? digest : NULL, &bound);
        if (!why && bound != pol_is_true(get(c, "bound")))
            why = bound ? "bound" : "not bound";
        judge(p, c, why);
    }
}

static void run_introspection(pack *p)
{
    pol_value cases = pack_read(p, "introspection.json");
    for (uint32_t i = 0; cases.tag == POL_ARRAY && i < cases.n; i++) {
        pol_value c = pol_element(cases, i), options = get(c, "options"), claims;
        pol_introspection_answer answer = {.status = (int)get_number(c, "status"), .content_type = get_text(c, "content_type"),
                                           .body = get_text(c, "body")};
        pol_introspection_rules rules = {.issuer = get_c(p, options, "issuer"), .leeway_s = get_number(options, "leeway"),
                                         .max_ttl_s = (int64_t)get_number(options, "max_ttl"),
                                         .negative_ttl_s = (int64_t)get_number(options, "negative_ttl")};
        rules.audiences = get_list(p, options, "audience", &rules.n_audiences);
        int64_t ttl = 0, want = (int64_t)get_number(c, "cache_ttl");
        const char *why = pol_introspection_judge(&p->arena, &answer, &rules, (int64_t)(get_number(options, "now") * 1e9), &claims, &ttl);
        if (ttl != want) {
            char wanted_text[40], got_text[40];
            snprintf(wanted_text, sizeof wanted_text, "cache_ttl %lld", (long long)want);
            snprintf(got_text, sizeof got_text, "cache_ttl %lld", (long long)ttl);
            report(p, c, false, wanted_text, got_text);
        } else {
            judge(p, c, why);
        }
    }
}

static void run_dpop(pack *p)
{
    pol_value cases = pack_read(p, "dpop.json");
    for (uint32_t i = 0; cases.tag == POL_ARRAY && i < cases.n; i++) {
        pol_value c = pol_element(cases, i);
        pol_dpop_rules rules = {.access_token = get_text(c, "access_token"), .jkt = get_text(c, "jkt"), .method = get_text(c, "method"),
                                .url = get_text(c, "url"), .max_age_s = get_number(c, "max_age"), .leeway_s = get_number(c, "leeway")};
        rules.algorithms = get_list(p, c, "algs", &rules.n_algorithms);
        judge(p, c, pol_dpop_check(&p->arena, get_text(c, "proof"), &rules, (int64_t)(get_number(c, "now") * 1e9), NULL));
    }
}

int main(int argc, char **argv)
{
    pack p;
    if (!pack_start(&p, argc, argv))
        return pack_usage("oauth-vectors");
    run_pkce(&p);
    run_scopes(&p);
    run_bound(&p);
    run_introspection(&p);
    run_jwt_file(&p, "at-jwt.json");
    run_dpop(&p);
    return pack_finish(&p);
}
