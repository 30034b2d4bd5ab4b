/* SPDX-License-Identifier: Apache-2.0
 * Gateways that ask about each request before it goes on: Envoy's ext_authz and nginx's auth_request put the original target behind /ext_authz, Traefik and Caddy describe it in X-Forwarded-*
 * headers to /forward_auth. One decision, told by status and headers: 200, or 401 and 403 alone, since nginx knows no others. See docs/gateways.md.
 */
#include "runtime/identity/oauth.h"
#include "runtime/identity/reasons.h"
#include "runtime/json.h"
#include "runtime/server/decide.h"
#include "runtime/server/log.h"

#include <stdlib.h>
#include <strings.h>

enum { VALUE_MAX = 4096 }; /* bytes of a header of ours */

typedef struct {
    pol_worker *worker;
    const pol_request *request;
    pol_answer *answer;
    pol_description d;
    char id[POL_ID_TEXT];
    pol_outcome outcome;
} asking;

static pol_bytes text_at(const uint8_t *at, size_t n)
{
    return n ? pol_bytes_of(at, n) : (pol_bytes){0};
}

/* ---- the original request ---- */

static bool is_name(pol_bytes a, pol_bytes b)
{
    return a.n == b.n && strncasecmp((const char *)a.at, (const char *)b.at, a.n) == 0;
}

/* What Envoy adds about itself is none of the client's. */
static bool is_gateways(pol_bytes name)
{
    return (name.n > 8 && strncasecmp((const char *)name.at, "x-envoy-", 8) == 0) || is_name(name, POL_BYTES("connection")) || is_name(name, POL_BYTES("content-length"));
}

static pol_value lower_name(pol_arena *arena, pol_bytes name)
{
    uint8_t *lower = pol_arena_copy(arena, name.at, name.n);
    for (size_t i = 0; i < name.n; i++)
        lower[i] = (uint8_t)(lower[i] >= 'A' && lower[i] <= 'Z' ? lower[i] | 0x20 : lower[i]);
    return pol_string(pol_bytes_of(lower, name.n));
}

/* All values of the name of header i, joined as RFC 9110, 5.3 has it; undefined where it stood before. */
static pol_value join_values(pol_arena *arena, const pol_http_head *head, unsigned i)
{
    POL_CLEAN(pol_buf_deinit) pol_buf all = {0};
    pol_bytes name = head->headers[i].name;
    for (unsigned k = 0; k < i; k++) {
        if (is_name(head->headers[k].name, name))
            return pol_undefined();
    }
    for (unsigned k = i; k < head->n_headers; k++) {
        if (!is_name(head->headers[k].name, name))
            continue;
        if (k > i)
            pol_buf_text(&all, is_name(name, POL_BYTES("cookie")) ? "; " : ", ");
        pol_buf_bytes(&all, head->headers[k].value);
    }
    return pol_string_copy(arena, pol_buf_view(&all));
}

/* nginx hands a certificate on as it is escaped in XFCC too. */
static pol_value forwarded_by_nginx(const asking *a)
{
    const pol_http_head *head = a->request->head;
    pol_bytes cert = pol_http_header_get(head, "X-Client-Cert");
    bool verified = pol_bytes_is(pol_http_header_get(head, "X-Client-Cert-Verify"), "SUCCESS");
    if (!a->worker->world->config->gateway_client_cert || !verified || cert.n == 0 || memchr(cert.at, '"', cert.n) || memchr(cert.at, '\\', cert.n))
        return pol_undefined();
    return pol_string_printf(&a->worker->arena, "Cert=\"%.*s\"", (int)cert.n, (const char *)cert.at);
}

static pol_value read_headers(const asking *a)
{
    static const char xfcc[] = "x-forwarded-client-cert";
    pol_arena *arena = &a->worker->arena;
    const pol_http_head *head = a->request->head;
    pol_builder b = pol_builder_new(arena);
    for (unsigned i = 0; i < head->n_headers; i++) {
        pol_value value = is_gateways(head->headers[i].name) ? pol_undefined() : join_values(arena, head, i);
        if (pol_is_defined(value) && pol_utf8_valid(pol_text(value)))
            pol_builder_put(&b, lower_name(arena, head->headers[i].name), value);
    }
    pol_value headers = pol_builder_object(&b), cert = forwarded_by_nginx(a);
    return pol_is_defined(cert) && !pol_is_defined(pol_object_member(headers, xfcc)) ? pol_object_with(arena, headers, pol_string_text(xfcc), cert) : headers;
}

/* JSON where it says so and is, else text; a part of a body is none. */
static pol_value read_body(const asking *a)
{
    static const pol_json_options strict = {.unique_members = true, .max_depth = 64};
    const pol_request *request = a->request;
    pol_value v;
    pol_error err;
    bool partial = pol_bytes_is(pol_http_header_get(request->head, "X-Envoy-Auth-Partial-Body"), "true");
    if (!a->worker->world->config->gateway_body || partial || request->body.n == 0)
        return pol_undefined();
    if (pol_http_media_type_is(request->head->content_type, "application/json") && pol_json_read(&a->worker->arena, request->body, &strict, &v, &err))
        return v;
    return pol_utf8_valid(request->body) ? pol_string_copy(&a->worker->arena, request->body) : pol_undefined();
}

/* The last address of a list: the one that the gateway itself saw. */
static pol_bytes last_address(pol_bytes list)
{
    size_t from = list.n;
    while (from > 0 && list.at[from - 1] != ',')
        from--;
    while (from < list.n && list.at[from] == ' ')
        from++;
    return text_at(list.at + from, list.n - from);
}

static void describe(asking *a, pol_bytes method, pol_bytes path, pol_bytes query, pol_bytes host)
{
    const pol_http_head *head = a->request->head;
    pol_bytes scheme = pol_http_header_get(head, "X-Forwarded-Proto");
    a->d = pol_describe_connection(a->worker, a->request);
    a->d.subject = a->d.action = a->d.resource = a->d.context = pol_undefined();
    a->d.request.method = method;
    a->d.request.path = path;
    a->d.request.query = query;
    a->d.request.host = host;
    a->d.request.scheme = pol_bytes_is(scheme, "http") || pol_bytes_is(scheme, "https") ? scheme : (pol_bytes){0};
    a->d.request.source_ip = last_address(pol_http_header_get(head, "X-Forwarded-For"));
    a->d.request.headers = read_headers(a);
    a->d.request.body = read_body(a);
}

/* ---- the answer ---- */

/* A header's value of any text: what is no printable ASCII is percent-encoded. */
static void put_header(asking *a, const char *name, pol_bytes value)
{
    pol_buf *out = a->answer->headers;
    pol_buf_printf(out, "%s: ", name);
    for (size_t i = 0; i < value.n && i < VALUE_MAX; i++) {
        uint8_t c = value.at[i];
        if (c < ' ' || c >= 0x7f || c == '%')
            pol_buf_printf(out, "%%%02X", c);
        else
            pol_buf_byte(out, c);
    }
    pol_buf_text(out, "\r\n");
}

static pol_bytes text_or_none(pol_value v)
{
    return v.tag == POL_STRING ? pol_text(v) : (pol_bytes){0};
}

/* Each of them every time: for one that is missing Envoy lets the client's own through. */
static void permit(asking *a, pol_value input)
{
    POL_CLEAN(pol_buf_deinit) pol_buf roles = {0};
    pol_value subject = pol_object_member(input, "subject"), held = a->outcome.result.tag == POL_OBJECT ? pol_object_member(a->outcome.result, "roles") : pol_undefined();
    for (uint32_t i = 0; held.tag == POL_ARRAY && i < held.n; i++) {
        if (i)
            pol_buf_byte(&roles, ',');
        pol_buf_bytes(&roles, text_or_none(pol_element(held, i)));
    }
    put_header(a, "X-Auth-Subject", text_or_none(pol_object_member(subject, "id")));
    put_header(a, "X-Auth-Subject-Type", text_or_none(pol_object_member(subject, "type")));
    put_header(a, "X-Auth-Roles", pol_buf_view(&roles));
    put_header(a, "X-Decision-Id", pol_bytes_text(a->id));
    a->answer->status = 200;
    pol_buf_text(a->answer->body, "{\"decision\":true}\n");
}

static void deny(asking *a, int status, pol_bytes reason, pol_bytes text, pol_bytes challenge)
{
    pol_buf *body = a->answer->body;
    a->answer->status = status;
    put_header(a, "X-Deny-Reason", text.n ? text : reason);
    put_header(a, "X-Decision-Id", pol_bytes_text(a->id));
    if (challenge.n)
        put_header(a, "WWW-Authenticate", challenge);
    pol_buf_printf(body, "{\"decision\":false,\"context\":{\"id\":\"%s\",\"reason\":", a->id);
    pol_json_write_string(body, reason, POL_JSON_COMPACT);
    pol_buf_text(body, ",\"reason_user\":");
    pol_json_write_string(body, text.n ? text : reason, POL_JSON_COMPACT);
    pol_buf_text(body, "}}\n");
}

static void deny_refused(asking *a, const pol_refusal *refusal)
{
    char challenge[200];
    pol_reason_challenge(refusal->reason, challenge);
    deny(a, challenge[0] ? 401 : 403, pol_bytes_text(refusal->reason), pol_bytes_text(refusal->text[0] ? refusal->text : pol_reason_sentence(refusal->reason)),
         pol_bytes_text(challenge));
}

/* The first reason that a statement gives, or how it came. */
static pol_bytes reason_of(pol_value result, bool *by_statement)
{
    pol_value reasons = result.tag == POL_OBJECT ? pol_object_member(result, "reasons") : pol_undefined();
    pol_value first = reasons.tag == POL_ARRAY && reasons.n ? pol_element(reasons, 0) : pol_undefined();
    pol_bytes text = text_or_none(first.tag == POL_OBJECT ? pol_object_member(first, "text") : first);
    *by_statement = text.n > 0;
    return text.n ? text : POL_BYTES("no permit applies");
}

/* Who came without a token may try again with one, where there are issuers. */
static void deny_decided(asking *a, pol_value input)
{
    POL_CLEAN(pol_buf_deinit) pol_buf challenge = {0};
    bool by_statement;
    pol_bytes text = reason_of(a->outcome.result, &by_statement);
    pol_scope_challenge(&challenge, a->outcome.result);
    bool has_token = pol_is_defined(pol_object_member(input, "token")) || a->worker->world->config->issuers.n == 0;
    if (challenge.n)
        deny(a, 403, POL_BYTES("insufficient_scope"), text, pol_buf_view(&challenge));
    else if (!has_token)
        deny(a, 401, POL_BYTES("token_missing"), by_statement ? text : POL_BYTES("a token is needed"), POL_BYTES("Bearer"));
    else
        deny(a, 403, POL_BYTES("denied"), text, (pol_bytes){0});
}

static void fail(asking *a, const char *reason)
{
    a->outcome.effect = POL_EFFECT_ERROR;
    a->outcome.reason = reason;
    deny(a, 403, pol_bytes_text(reason), POL_BYTES("the decision ended in an error"), (pol_bytes){0});
}

static void decide(asking *a, const pol_identity *identity)
{
    const pol_world *world = a->worker->world;
    pol_refusal refusal = {0};
    pol_value input, result;
    pol_error err;
    if (!pol_input_complete(&a->worker->arena, identity, world->routes, &a->d, &input, &refusal)) {
        refusal.reason = refusal.reason ? refusal.reason : pol_reason_internal_error;
        a->outcome.effect = POL_EFFECT_DENY;
        a->outcome.reason = refusal.reason;
        pol_metrics_refusal(&a->worker->metrics, refusal.reason);
        deny_refused(a, &refusal);
        return;
    }
    a->outcome.input = input;
    if (!pol_decide(a->worker, world->decision, input, &result, &err)) {
        pol_log_error(POL_LOG_WARNING, "a decision ended in an error", &err);
        fail(a, pol_code_text(err.code));
        return;
    }
    a->outcome.result = result;
    pol_value allow = pol_allow_of(result);
    if (allow.tag != POL_BOOL) {
        fail(a, pol_is_defined(result) ? "decision_malformed" : "decision_undefined");
        return;
    }
    a->outcome.effect = pol_is_true(allow) ? POL_EFFECT_PERMIT : POL_EFFECT_DENY;
    a->outcome.rules = result.tag == POL_OBJECT ? pol_object_member(result, "rules") : pol_undefined();
    if (pol_is_true(allow))
        permit(a, input);
    else
        deny_decided(a, input);
}

static void serve(asking *a)
{
    const pol_identity *identity = pol_identify(a->worker, &a->d);
    if (!identity)
        return;
    pol_decision_id(a->worker, a->id);
    a->outcome = (pol_outcome){.protocol = POL_PROTOCOL_GATEWAY, .id = a->id};
    a->answer->content_type = "application/json";
    decide(a, identity);
    pol_decision_note(a->worker, a->request, &a->outcome);
}

/* ---- the two ways to be asked ---- */

void pol_serve_ext_authz(pol_worker *worker, const pol_request *request, pol_answer *answer)
{
    asking a = {.worker = worker, .request = request, .answer = answer};
    const pol_http_head *head = request->head;
    pol_bytes prefix = POL_BYTES("/ext_authz");
    pol_bytes path = head->path.n > prefix.n ? pol_bytes_of(head->path.at + prefix.n, head->path.n - prefix.n) : POL_BYTES("/");
    describe(&a, head->method, path, head->query, head->host);
    serve(&a);
}

static bool is_token(pol_bytes s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!((s.at[i] | 32) >= 'a' && (s.at[i] | 32) <= 'z') && s.at[i] != '-')
            return false;
    }
    return s.n > 0 && s.n <= 32;
}

void pol_serve_forward_auth(pol_worker *worker, const pol_request *request, pol_answer *answer)
{
    asking a = {.worker = worker, .request = request, .answer = answer};
    const pol_http_head *head = request->head;
    pol_bytes method = pol_http_header_once(head, "X-Forwarded-Method"), target = pol_http_header_once(head, "X-Forwarded-Uri");
    if (!worker->world->config->gateway_forward_auth) {
        pol_answer_error(answer, head, POL_ERRORS_AUTHZEN, 404, NULL, "the setting gateway.forward_auth is not on");
        return;
    }
    if (!is_token(method) || target.n == 0 || target.at[0] != '/') {
        pol_answer_error(answer, head, POL_ERRORS_AUTHZEN, 400, NULL, "X-Forwarded-Method and X-Forwarded-Uri must describe the original request, each once");
        return;
    }
    const uint8_t *mark = memchr(target.at, '?', target.n);
    size_t n = mark ? (size_t)(mark - target.at) : target.n;
    describe(&a, method, pol_bytes_of(target.at, n), mark ? text_at(mark + 1, target.n - n - 1) : (pol_bytes){0}, pol_http_header_once(head, "X-Forwarded-Host"));
    serve(&a);
}
