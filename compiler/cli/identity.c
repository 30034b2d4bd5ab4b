/* SPDX-License-Identifier: Apache-2.0
 * pol token decode, pol token verify and pol cert: what is in a token, and whether the daemon would take a token or a certificate, as what, and why not.
 * The verdict is the daemon's own code's; here it gets its configuration from options, and what helps to understand a refusal is put beside it. Tokens come
 * from files or standard input: a command line is seen by others.
 */
#include "compiler/cli/cli.h"
#include "runtime/calendar.h"
#include "runtime/identity/trust.h"
#include "runtime/json.h"

#include <stdio.h>

enum { FILE_MAX = 1 << 20 };

static const char *const formats[] = {"pretty", "json", NULL};

static const cli_option no_options[] = {CLI_END};

#define OPTION_CRL {0, "crl", CLI_MANY, CLI_OFFSET(crls), "FILE", "revocation lists (PEM); may be repeated", NULL}
#define OPTION_FORMAT {'f', "format", CLI_TEXT, CLI_OFFSET(format), "FORMAT", "form of the output", formats}
#define OPTION_TIME {0, "time", CLI_TEXT, CLI_OFFSET(time), "TIME", "judge as of then: RFC 3339 or seconds since 1970 (else now)", NULL}
#define OPTION_TRUST {0, "trust", CLI_MANY, CLI_OFFSET(trust), "PATH", "roots and intermediates (PEM, a file or folder); may be repeated", NULL}

static const cli_option token_options[] = {
    {0, "alg", CLI_MANY, CLI_OFFSET(algorithms), "ALG", "an algorithm that the issuer uses; may be repeated (else all whose keys are in the set)", NULL},
    {0, "at-jwt", CLI_FLAG, CLI_OFFSET(at_jwt), NULL, "the profile of RFC 9068 is required", NULL},
    {0, "audience", CLI_MANY, CLI_OFFSET(audiences), "NAME", "an audience that is ours; may be repeated (else any)", NULL},
    {0, "cert", CLI_TEXT, CLI_OFFSET(certificate), "FILE", "the certificate that the token comes with (PEM chain, leaf first)", NULL},
    OPTION_CRL,
    OPTION_FORMAT,
    {0, "issuer", CLI_TEXT, CLI_OFFSET(issuer), "URL", "the issuer that is trusted (else whom the token names)", NULL},
    {0, "jwks", CLI_TEXT, CLI_OFFSET(jwks), "FILE", "the issuer's keys (JWKS)", NULL},
    {0, "leeway", CLI_TEXT, CLI_OFFSET(leeway), "SECONDS", "by how much clocks may differ (else 30)", NULL},
    {0, "require", CLI_MANY, CLI_OFFSET(required), "CLAIM", "a claim that must be there; may be repeated", NULL},
    OPTION_TIME,
    OPTION_TRUST,
    CLI_END,
};

static const cli_option cert_options[] = {OPTION_CRL, OPTION_FORMAT, OPTION_TIME, OPTION_TRUST, CLI_END};

/* ---- reading ---- */

/* The token of a file, without the line break behind it. */
POL_MUST_USE static bool read_token(const cli_options *o, pol_buf *file, pol_bytes *token, pol_error *err)
{
    if (o->arguments.n > 1)
        return pol_fail(err, POL_E_USAGE, "name one file with a token, or - for standard input");
    POL_TRY(cli_read_file(o->arguments.n ? o->arguments.items[0] : "-", FILE_MAX, file, err));
    *token = pol_buf_view(file);
    while (token->n && (token->at[token->n - 1] == '\n' || token->at[token->n - 1] == '\r' || token->at[token->n - 1] == ' '))
        token->n--;
    return true;
}

/* Header and claims, unverified; undefined where they cannot be read. The reason why the token is refused without any key. */
static const char *open_token(pol_arena *arena, pol_bytes token, pol_value *header, pol_value *claims)
{
    pol_jws jws;
    const char *why = pol_jws_open(arena, token, NULL, &jws);
    *header = jws.header.tag == POL_OBJECT ? jws.header : pol_undefined();
    *claims = pol_undefined();
    const char *unreadable = pol_is_defined(*header) ? pol_jwt_claims(arena, &jws, NULL, claims) : NULL;
    if (unreadable)
        *claims = pol_undefined();
    return why ? why : unreadable;
}

/* ---- what helps to understand a refusal ---- */

static pol_value time_text(pol_arena *arena, int64_t seconds)
{
    pol_civil c = pol_civil_at(NULL, seconds, 0);
    return pol_string_printf(arena, "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)c.year, c.month, c.day, c.hour, c.minute, c.second);
}

static void put_date(pol_arena *arena, pol_builder *b, pol_value claims, const char *name)
{
    long double seconds;
    pol_value v = pol_object_member(claims, name);
    if (pol_is_defined(v))
        pol_builder_put_text(b, name, pol_jwt_date(v, &seconds) ? time_text(arena, (int64_t)seconds) : v);
}

static void put_member(pol_builder *b, pol_value object, const char *name)
{
    pol_value v = pol_object_member(object, name);
    if (pol_is_defined(v))
        pol_builder_put_text(b, name, v);
}

static pol_value string_list(pol_arena *arena, const cli_list *list)
{
    pol_builder b = pol_builder_new(arena);
    for (unsigned i = 0; i < list->n; i++)
        pol_builder_add(&b, pol_string_text(list->items[i]));
    return pol_builder_array(&b);
}

/* The ids of the keys that can be used at all. */
static pol_value key_names(pol_arena *arena, const char *path)
{
    pol_jwks *keys;
    pol_error ignored;
    pol_builder b = pol_builder_new(arena);
    if (!pol_jwks_file_read(path, &keys, &ignored))
        return pol_undefined();
    for (unsigned i = 0; i < keys->n; i++)
        pol_builder_add(&b, keys->keys[i].kid ? pol_string_copy(arena, pol_bytes_of(keys->keys[i].kid, keys->keys[i].n_kid)) : pol_null());
    pol_jwks_free(keys);
    return pol_builder_array(&b);
}

/* The parts of the token that bear on reason, and what was wanted. */
static pol_value token_details(pol_arena *arena, const cli_options *o, const char *reason, pol_bytes token, int64_t now_ns)
{
    static const struct {
        const char *reason, *claim, *header;
    } parts[] = {
        {pol_reason_token_issuer, "iss", NULL},       {pol_reason_token_audience, "aud", NULL},     {pol_reason_token_expired, "exp", NULL},
        {pol_reason_token_not_yet_valid, "nbf", NULL}, {pol_reason_token_not_yet_valid, "iat", NULL}, {pol_reason_token_key, NULL, "kid"},
        {pol_reason_token_key, NULL, "alg"},          {pol_reason_token_signature, NULL, "kid"},    {pol_reason_token_alg, NULL, "alg"},
        {pol_reason_token_typ, NULL, "typ"},          {pol_reason_token_crit, NULL, "crit"},        {pol_reason_binding_mismatch, "cnf", NULL},
        {pol_reason_binding_unknown, "cnf", NULL},    {pol_reason_binding_form, "cnf", NULL},
    };
    pol_value header, claims;
    pol_builder b = pol_builder_new(arena);
    open_token(arena, token, &header, &claims);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].reason != reason)
            continue;
        if (parts[i].header)
            put_member(&b, header, parts[i].header);
        else if (reason == pol_reason_token_expired || reason == pol_reason_token_not_yet_valid)
            put_date(arena, &b, claims, parts[i].claim);
        else
            put_member(&b, claims, parts[i].claim);
    }
    if (reason == pol_reason_token_expired || reason == pol_reason_token_not_yet_valid)
        pol_builder_put_text(&b, "now", time_text(arena, now_ns / 1000000000));
    if (reason == pol_reason_token_audience)
        pol_builder_put_text(&b, "wanted", string_list(arena, &o->audiences));
    if (reason == pol_reason_token_alg && o->algorithms.n)
        pol_builder_put_text(&b, "wanted", string_list(arena, &o->algorithms));
    if (reason == pol_reason_token_issuer && o->issuer)
        pol_builder_put_text(&b, "wanted", pol_string_text(o->issuer));
    if (reason == pol_reason_token_key)
        pol_builder_put_text(&b, "keys", key_names(arena, o->jwks));
    if (reason == pol_reason_token_claim_missing && claims.tag == POL_OBJECT) {
        pol_builder names = pol_builder_new(arena);
        for (uint32_t i = 0; i < claims.n; i++)
            pol_builder_add(&names, pol_member_key(claims, i));
        pol_builder_put_text(&b, "claims", pol_builder_array(&names));
    }
    return pol_builder_object(&b);
}

static pol_value describe_cert(pol_arena *arena, X509 *cert)
{
    static const char *const shown[] = {"subject", "issuer", "serial", "not_before", "not_after", "fingerprint_sha256"};
    POL_CLEAN(pol_buf_deinit) pol_buf json = {0};
    pol_cert_facts facts = {.revocation = "unknown", .source = "request"};
    pol_value all;
    pol_error ignored;
    pol_cert_write(&json, cert, &facts);
    if (!pol_json_read(arena, pol_buf_view(&json), NULL, &all, &ignored))
        return pol_undefined();
    pol_builder b = pol_builder_new(arena);
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        put_member(&b, all, shown[i]);
    return pol_builder_object(&b);
}

/* What was sent, certificate by certificate. */
static pol_value chain_details(pol_arena *arena, pol_bytes pem, int64_t now_ns)
{
    pol_chain chain;
    pol_builder b = pol_builder_new(arena), list = pol_builder_new(arena);
    pol_builder_put_text(&b, "now", time_text(arena, now_ns / 1000000000));
    if (pol_chain_read(pem, &chain)) {
        pol_builder_add(&list, describe_cert(arena, chain.leaf));
        for (int i = 0; i < sk_X509_num(chain.rest); i++)
            pol_builder_add(&list, describe_cert(arena, sk_X509_value(chain.rest, i)));
        pol_chain_deinit(&chain);
    }
    pol_builder_put_text(&b, "chain", pol_builder_array(&list));
    return pol_builder_object(&b);
}

/* ---- the verdict ---- */

static void print_details(pol_value details)
{
    for (uint32_t i = 0; i < details.n; i++) {
        POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
        pol_value key = pol_member_key(details, i), v = pol_member_value(details, i);
        bool rows = v.tag == POL_ARRAY && v.n && pol_element(v, 0).tag == POL_OBJECT;
        for (uint32_t k = 0; k < (rows ? v.n : 1); k++) {
            pol_buf_printf(&text, "  %.*s: ", (int)key.n, (const char *)key.text);
            pol_json_write(&text, rows ? pol_element(v, k) : v, POL_JSON_COMPACT);
            pol_buf_byte(&text, '\n');
        }
        cli_write(&text);
    }
}

static int report(pol_arena *arena, const cli_options *o, pol_value input, const pol_refusal *refusal, pol_value details)
{
    static const char *const shown[] = {"subject", "token", "cert"};
    bool ok = refusal->reason == NULL;
    pol_builder verified = pol_builder_new(arena), b = pol_builder_new(arena);
    for (size_t i = 0; ok && i < sizeof shown / sizeof *shown; i++)
        put_member(&verified, input, shown[i]);
    pol_value seen = pol_builder_object(&verified);
    if (cli_is_format(o, "json", "pretty")) {
        pol_builder_put_text(&b, "accepted", pol_bool(ok));
        if (ok) {
            pol_builder_put_text(&b, "input", seen);
        } else {
            pol_builder_put_text(&b, "reason", pol_string_text(refusal->reason));
            pol_builder_put_text(&b, "message", pol_string_text(refusal->text));
            pol_builder_put_text(&b, "details", details);
        }
        cli_print_value(pol_builder_object(&b));
    } else if (ok) {
        printf("accepted\n");
        cli_print_value(seen);
    } else {
        printf("refused: %s: %s\n", refusal->reason, refusal->text);
        print_details(details);
    }
    return ok ? CLI_OK : CLI_FAILED;
}

/* As the daemon does for a request that comes with them. */
POL_MUST_USE static bool judge(pol_arena *arena, const pol_trust_config *config, pol_bytes token, pol_bytes pem, int64_t now_ns, pol_value *input,
                               pol_refusal *refusal, pol_error *err)
{
    pol_trust *trust;
    pol_builder action = pol_builder_new(arena), resource = pol_builder_new(arena);
    pol_builder_put_text(&action, "name", pol_string_text("verify"));
    pol_builder_put_text(&resource, "type", pol_string_text("identity"));
    pol_description d = {.subject = pol_undefined(), .action = pol_builder_object(&action), .resource = pol_builder_object(&resource),
                         .context = pol_undefined(), .token = token, .cert_pem = pem, .request = {.headers = pol_undefined(), .body = pol_undefined()}};
    POL_TRY(pol_trust_new(config, &trust, err));
    bool accepted = pol_input_assemble(arena, trust, pol_undefined(), &d, now_ns, input, refusal);
    pol_trust_free(trust);
    return accepted || refusal->reason != NULL;
}

static pol_trust_config trust_of(const cli_options *o)
{
    return (pol_trust_config){.trust_files = o->trust.items, .n_trust_files = o->trust.n, .crl_files = o->crls.items, .n_crl_files = o->crls.n};
}

POL_MUST_USE static bool verify_token(pol_arena *arena, const cli_options *o, int *code, pol_error *err)
{
    static const char *const all[] = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512"};
    POL_CLEAN(pol_buf_deinit) pol_buf file = {0};
    POL_CLEAN(pol_buf_deinit) pol_buf pem = {0};
    POL_CLEAN(pol_buf_deinit) pol_buf named = {0};
    pol_bytes token;
    pol_value header, claims, input;
    pol_refusal refusal;
    int64_t now_ns;
    uint64_t leeway_s;
    if (!o->jwks)
        return pol_fail(err, POL_E_USAGE, "--jwks FILE with the issuer's keys is needed");
    if (!cli_number("leeway", o->leeway, 30, &leeway_s) || leeway_s > 300)
        return pol_fail(err, POL_E_USAGE, "--leeway: at most 300 seconds");
    POL_TRY(cli_read_time(o->time, &now_ns, err));
    POL_TRY(read_token(o, &file, &token, err));
    if (o->certificate)
        POL_TRY(cli_read_file(o->certificate, FILE_MAX, &pem, err));
    open_token(arena, token, &header, &claims);
    pol_value iss = pol_object_member(claims, "iss");
    if (!o->issuer && iss.tag == POL_STRING && iss.n)
        pol_buf_bytes(&named, pol_text(iss));
    else
        pol_buf_text(&named, o->issuer ? o->issuer : "-");
    pol_issuer_config issuer = {.issuer = (const char *)named.at, .jwks_file = o->jwks, .audiences = o->audiences.items, .n_audiences = o->audiences.n,
                                .algorithms = o->algorithms.n ? o->algorithms.items : all,
                                .n_algorithms = o->algorithms.n ? o->algorithms.n : sizeof all / sizeof *all, .required_claims = o->required.items,
                                .n_required_claims = o->required.n, .at_jwt = o->at_jwt, .leeway_s = (uint32_t)leeway_s};
    pol_trust_config config = trust_of(o);
    config.issuers = &issuer;
    config.n_issuers = 1;
    POL_TRY(judge(arena, &config, token, pol_buf_view(&pem), now_ns, &input, &refusal, err));
    bool of_cert = refusal.reason && (strncmp(refusal.reason, "cert_", 5) == 0 || strncmp(refusal.reason, "svid_", 5) == 0);
    pol_value details = !refusal.reason ? pol_undefined()
                        : of_cert       ? chain_details(arena, pol_buf_view(&pem), now_ns)
                                        : token_details(arena, o, refusal.reason, token, now_ns);
    *code = report(arena, o, input, &refusal, details);
    return true;
}

POL_MUST_USE static bool decode_token(pol_arena *arena, const cli_options *o, int *code, pol_error *err)
{
    POL_CLEAN(pol_buf_deinit) pol_buf file = {0};
    pol_bytes token;
    pol_value header, claims;
    POL_TRY(read_token(o, &file, &token, err));
    const char *why = open_token(arena, token, &header, &claims);
    pol_builder b = pol_builder_new(arena);
    if (why)
        fprintf(stderr, "pol token decode: %s: %s\n", why, pol_reason_sentence(why));
    *code = why ? CLI_FAILED : CLI_OK;
    if (!pol_is_defined(header))
        return true;
    pol_builder_put_text(&b, "header", header);
    if (pol_is_defined(claims))
        pol_builder_put_text(&b, "claims", claims);
    cli_print_value(pol_builder_object(&b));
    return true;
}

POL_MUST_USE static bool show_cert(pol_arena *arena, const cli_options *o, int *code, pol_error *err)
{
    POL_CLEAN(pol_buf_deinit) pol_buf pem = {0};
    pol_value input;
    pol_refusal refusal;
    int64_t now_ns;
    if (o->arguments.n != 1)
        return pol_fail(err, POL_E_USAGE, "name one file with a chain in PEM, leaf first, or - for standard input");
    if (o->trust.n == 0)
        return pol_fail(err, POL_E_USAGE, "--trust PATH with the roots is needed");
    POL_TRY(cli_read_time(o->time, &now_ns, err));
    POL_TRY(cli_read_file(o->arguments.items[0], FILE_MAX, &pem, err));
    if (pem.n == 0)
        return pol_fail(err, POL_E_USAGE, "%s: the file is empty", o->arguments.items[0]);
    pol_trust_config config = trust_of(o);
    POL_TRY(judge(arena, &config, (pol_bytes){0}, pol_buf_view(&pem), now_ns, &input, &refusal, err));
    *code = report(arena, o, input, &refusal, refusal.reason ? chain_details(arena, pol_buf_view(&pem), now_ns) : pol_undefined());
    return true;
}

static int run(const cli_options *o, bool (*work)(pol_arena *arena, const cli_options *o, int *code, pol_error *err))
{
    pol_arena arena;
    pol_error err;
    int code = CLI_FAILED;
    pol_arena_init(&arena, 0);
    if (!work(&arena, o, &code, &err))
        cli_report(&err, cli_is_format(o, "json", "pretty"));
    pol_arena_deinit(&arena);
    return code;
}

static int run_decode(const cli_options *o)
{
    return run(o, decode_token);
}

static int run_verify(const cli_options *o)
{
    return run(o, verify_token);
}

static int run_cert(const cli_options *o)
{
    return run(o, show_cert);
}

const cli_command cli_token_decode = {"token decode", "[FILE]", "show what is in a token, without verifying it", no_options, run_decode};
const cli_command cli_token_verify = {"token verify", "--jwks FILE [FILE]", "say whether a token is good, as what, and why not", token_options, run_verify};
const cli_command cli_cert = {"cert", "--trust PATH CHAIN", "show a certificate as policies see it, or why it is refused", cert_options, run_cert};
