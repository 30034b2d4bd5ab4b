/* SPDX-License-Identifier: Apache-2.0
 * AuthZEN Authorization API 1.0: evaluation and evaluations. Reads the request strictly (I-JSON), describes it, and tells the
 * decision; a deny is 200, an HTTP error never stands for one.
 */
#include "runtime/server/authzen.h"

#include "runtime/identity/oauth.h"
#include "runtime/json.h"
#include "runtime/server/explain.h"
#include "runtime/server/log.h"

#include <stdarg.h>
#include <stdio.h>

void pol_authzen_refuse(pol_reading *r, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(r->why, sizeof r->why, fmt, args);
    va_end(args);
}

#define REFUSE(r, ...) (pol_authzen_refuse((r), __VA_ARGS__), false)

/* What the item says, else what stands at the top: whole, never member by member. */
static pol_value given(const pol_reading *r, const char *name)
{
    pol_value own = pol_object_member(r->item, name);
    return pol_is_defined(own) ? own : pol_object_member(r->body, name);
}

pol_value pol_authzen_optional(pol_value object, const char *name)
{
    pol_value v = pol_object_member(object, name);
    return v.tag == POL_NULL ? pol_undefined() : v;
}

POL_MUST_USE static bool read_text(pol_reading *r, pol_value object, const char *where, const char *name, bool required, pol_bytes *out)
{
    pol_value v = required ? pol_object_member(object, name) : pol_authzen_optional(object, name);
    if (v.tag == POL_STRING) {
        *out = pol_text(v);
        return true;
    }
    if (pol_is_defined(v))
        return REFUSE(r, "%s%s must be a string, not %s", where, name, pol_type_name(v));
    return !required || REFUSE(r, "%s%s is missing", where, name);
}

bool pol_authzen_entity(pol_reading *r, const char *name, const char *first, const char *second, bool required, pol_value *out)
{
    pol_bytes ignored;
    char where[16];
    snprintf(where, sizeof where, "%s.", name);
    *out = given(r, name);
    if (!pol_is_defined(*out))
        return !required || REFUSE(r, "%s is missing", name);
    if (out->tag != POL_OBJECT)
        return REFUSE(r, "%s must be an object, not %s", name, pol_type_name(*out));
    POL_TRY(read_text(r, *out, where, first, required, &ignored));
    if (second)
        POL_TRY(read_text(r, *out, where, second, required, &ignored));
    pol_value properties = pol_authzen_optional(*out, "properties");
    if (pol_is_defined(properties) && properties.tag != POL_OBJECT)
        return REFUSE(r, "%s.properties must be an object, not %s", name, pol_type_name(properties));
    return true;
}

/* The described request's headers, names in lower case, each once. */
POL_MUST_USE static bool read_headers(pol_reading *r, pol_value headers, pol_value *out)
{
    pol_arena *arena = &r->worker->arena;
    pol_builder b = pol_builder_new(arena);
    if (!pol_is_defined(headers))
        return true;
    if (headers.tag != POL_OBJECT)
        return REFUSE(r, "request.headers must be an object, not %s", pol_type_name(headers));
    for (uint32_t i = 0; i < headers.n; i++) {
        pol_value name = pol_member_key(headers, i), value = pol_member_value(headers, i);
        if (value.tag == POL_NULL)
            continue;
        if (value.tag != POL_STRING)
            return REFUSE(r, "request.headers must have strings as values, not %s", pol_type_name(value));
        uint8_t *lower = pol_arena_copy(arena, name.text, name.n);
        for (uint32_t k = 0; k < name.n; k++)
            if (lower[k] >= 'A' && lower[k] <= 'Z')
                lower[k] |= 0x20;
        pol_builder_put(&b, pol_string(pol_bytes_of(lower, name.n)), value);
    }
    uint32_t n = b.n / 2;
    *out = pol_builder_object(&b);
    return out->n == n || REFUSE(r, "request.headers has a name twice, in different case");
}

POL_MUST_USE static bool read_described(pol_reading *r, pol_value described, pol_description *d)
{
    static const char where[] = "request.";
    if (!pol_is_defined(described))
        return true;
    if (described.tag != POL_OBJECT)
        return REFUSE(r, "request must be an object, not %s", pol_type_name(described));
    POL_TRY(read_text(r, described, where, "method", true, &d->request.method));
    POL_TRY(read_text(r, described, where, "path", true, &d->request.path));
    POL_TRY(read_text(r, described, where, "query", false, &d->request.query));
    POL_TRY(read_text(r, described, where, "host", false, &d->request.host));
    POL_TRY(read_text(r, described, where, "scheme", false, &d->request.scheme));
    POL_TRY(read_text(r, described, where, "source_ip", false, &d->request.source_ip));
    if (d->request.method.n == 0 || d->request.path.n == 0)
        return REFUSE(r, "request.method and request.path must not be empty");
    if (memchr(d->request.path.at, '?', d->request.path.n))
        return REFUSE(r, "request.path has a query: it belongs into request.query");
    d->request.body = pol_authzen_optional(described, "body");
    return read_headers(r, pol_authzen_optional(described, "headers"), &d->request.headers);
}

bool pol_authzen_evidence(pol_reading *r, pol_description *d)
{
    POL_TRY(read_text(r, r->body, "", "token", false, &d->token));
    POL_TRY(read_text(r, r->body, "", "cert", false, &d->cert_pem));
    return read_described(r, pol_authzen_optional(r->body, "request"), d);
}

bool pol_authzen_shows_subject(const pol_description *d)
{
    return d->token.n || d->cert_pem.n || d->request.method.n || (d->tls_leaf && d->tls_is_subject);
}

bool pol_authzen_context(pol_reading *r, pol_description *d)
{
    d->context = given(r, "context");
    if (d->context.tag == POL_NULL)
        d->context = pol_undefined();
    return !pol_is_defined(d->context) || d->context.tag == POL_OBJECT ||
           REFUSE(r, "context must be an object, not %s", pol_type_name(d->context));
}

/* AuthZEN's own requests have subject, action and resource whole. One that shows a token or certificate, or describes an HTTP
 * request, may leave to them what they say themselves. */
POL_MUST_USE static bool read_target(pol_reading *r, pol_description *d)
{
    bool shows_target = d->request.method.n > 0;
    POL_TRY(pol_authzen_entity(r, "subject", "type", "id", !pol_authzen_shows_subject(d), &d->subject));
    POL_TRY(pol_authzen_entity(r, "action", "name", NULL, !shows_target, &d->action));
    POL_TRY(pol_authzen_entity(r, "resource", "type", "id", !shows_target, &d->resource));
    return pol_authzen_context(r, d);
}

bool pol_authzen_body(pol_reading *r)
{
    static const pol_json_options strict = {.unique_members = true, .borrow = true, .no_nul = true};
    pol_error err;
    if (!pol_http_media_type_is(r->request->head->content_type, "application/json"))
        return REFUSE(r, "the Content-Type must be application/json");
    if (r->request->body.n == 0)
        return REFUSE(r, "the body is empty");
    if (!pol_json_read(&r->worker->arena, r->request->body, &strict, &r->body, &err))
        return REFUSE(r, "the body is not JSON: %s", err.text);
    return r->body.tag == POL_OBJECT || REFUSE(r, "the body must be an object, not %s", pol_type_name(r->body));
}

/* ---- the answer ---- */

static void write_decision(pol_answer *answer, bool allow, const char *id)
{
    answer->status = 200;
    pol_buf_text(answer->body, allow ? "{\"decision\":true,\"context\":{\"id\":\"" : "{\"decision\":false,\"context\":{\"id\":\"");
    pol_buf_text(answer->body, id);
    pol_buf_byte(answer->body, '"');
}

static void write_member(pol_buf *out, pol_bytes name, pol_value value)
{
    pol_buf_byte(out, ',');
    pol_json_write_string(out, name, POL_JSON_COMPACT);
    pol_buf_byte(out, ':');
    pol_json_write(out, value, POL_JSON_COMPACT);
}

/* A deny that no policy made: reason is a stable code, text is for people. */
static void write_deny(pol_answer *answer, const char *id, const char *reason, const char *text)
{
    char challenge[200];
    write_decision(answer, false, id);
    pol_buf_printf(answer->body, ",\"effect\":\"none\",\"reason\":\"%s\",\"text\":", reason);
    pol_json_write_string(answer->body, pol_bytes_text(text), POL_JSON_COMPACT);
    pol_reason_challenge(reason, challenge);
    if (challenge[0])
        write_member(answer->body, POL_BYTES("www_authenticate"), pol_string_text(challenge));
    pol_buf_text(answer->body, "}}");
}

/* The members of a decision object beside the answer itself; its `context` holds what the statements returned. */
static void write_context(pol_buf *out, pol_value result)
{
    for (uint32_t i = 0; result.tag == POL_OBJECT && i < result.n; i++) {
        pol_value key = pol_member_key(result, i);
        if (key.tag != POL_STRING || pol_bytes_is(pol_text(key), "allow") || pol_bytes_is(pol_text(key), "decision") ||
            pol_bytes_is(pol_text(key), "id"))
            continue;
        bool returned = pol_bytes_is(pol_text(key), "context");
        write_member(out, returned ? POL_BYTES("returned") : pol_text(key), pol_member_value(result, i));
    }
}

/* A deny for want of a scope tells which would do. */
static void write_scope_challenge(pol_buf *out, pol_value result)
{
    POL_CLEAN(pol_buf_deinit) pol_buf challenge = {0};
    pol_scope_challenge(&challenge, result);
    if (challenge.n && !pol_is_defined(pol_object_member(result, "www_authenticate")))
        write_member(out, POL_BYTES("www_authenticate"), pol_string(pol_buf_view(&challenge)));
}

static void answer_result(pol_reading *r, pol_value input, pol_value result, pol_outcome *outcome)
{
    pol_value allow = pol_allow_of(result);
    outcome->result = result;
    if (allow.tag != POL_BOOL) {
        bool defined = pol_is_defined(result);
        outcome->effect = POL_EFFECT_ERROR;
        outcome->reason = defined ? "decision_malformed" : "decision_undefined";
        write_deny(r->answer, outcome->id, outcome->reason,
                   defined ? "the configured decision is neither a boolean nor an object with allow" : "the configured decision is undefined");
        return;
    }
    outcome->effect = pol_is_true(allow) ? POL_EFFECT_PERMIT : POL_EFFECT_DENY;
    outcome->rules = result.tag == POL_OBJECT ? pol_object_member(result, "rules") : pol_undefined();
    write_decision(r->answer, pol_is_true(allow), outcome->id);
    write_context(r->answer->body, result);
    if (outcome->effect == POL_EFFECT_DENY)
        write_scope_challenge(r->answer->body, result);
    if (r->told)
        write_member(r->answer->body, POL_BYTES("explanation"), pol_explain_told(r->worker, input));
    pol_buf_text(r->answer->body, "}}");
}

/* Assembles in arena, which is the worker's own or that of one item. */
static void decide(pol_reading *r, pol_arena *arena, const pol_identity *identity, const pol_description *d, pol_outcome *outcome)
{
    const pol_world *world = r->worker->world;
    pol_refusal refusal = {0};
    pol_value input, result;
    pol_error err;
    if (!pol_input_complete(arena, identity, world->routes, d, &input, &refusal)) {
        outcome->effect = POL_EFFECT_DENY;
        outcome->reason = refusal.reason ? refusal.reason : "internal_error";
        pol_metrics_refusal(&r->worker->metrics, outcome->reason);
        write_deny(r->answer, outcome->id, outcome->reason, refusal.text);
        return;
    }
    outcome->input = input;
    bool decided = pol_decide(r->worker, world->decision, input, &result, &err);
    r->instructions += pol_eval_instructions(r->worker->eval);
    if (!decided) {
        outcome->effect = POL_EFFECT_ERROR;
        outcome->reason = pol_code_text(err.code);
        pol_log_error(POL_LOG_WARNING, "a decision ended in an error", &err);
        write_deny(r->answer, outcome->id, outcome->reason, err.text);
        return;
    }
    answer_result(r, input, result, outcome);
}

void pol_authzen_answer_refusal(pol_reading *r)
{
    pol_answer_error(r->answer, r->request->head, POL_ERRORS_AUTHZEN, 400, NULL, "%s", r->why);
}

static void evaluate_one(pol_reading *r, pol_description *d)
{
    char id[POL_ID_TEXT];
    pol_outcome outcome = {.protocol = POL_PROTOCOL_AUTHZEN, .id = id};
    if (!read_target(r, d)) {
        pol_authzen_answer_refusal(r);
        return;
    }
    const pol_identity *identity = pol_identify(r->worker, d);
    if (!identity)
        return;
    r->told = pol_explain_asked(r->worker, r->request).kind != POL_EXPLAIN_OFF;
    pol_decision_id(r->worker, id);
    decide(r, &r->worker->arena, identity, d, &outcome);
    pol_buf_byte(r->answer->body, '\n');
    pol_decision_note(r->worker, r->request, &outcome);
}

void pol_serve_evaluation(pol_worker *worker, const pol_request *request, pol_answer *answer)
{
    pol_reading r = {.worker = worker, .request = request, .answer = answer, .item = pol_undefined()};
    pol_description d = pol_describe_connection(worker, request);
    if (!pol_authzen_body(&r) || !pol_authzen_evidence(&r, &d))
        pol_authzen_answer_refusal(&r);
    else
        evaluate_one(&r, &d);
}

/* ---- batches ---- */

typedef enum { EXECUTE_ALL, DENY_ON_FIRST_DENY, PERMIT_ON_FIRST_PERMIT } semantic;

POL_MUST_USE static bool read_semantic(pol_reading *r, semantic *out)
{
    static const char *const words[] = {"execute_all", "deny_on_first_deny", "permit_on_first_permit"};
    pol_value options = pol_authzen_optional(r->body, "options"), word = pol_authzen_optional(options, "evaluations_semantic");
    *out = EXECUTE_ALL;
    if (pol_is_defined(options) && options.tag != POL_OBJECT)
        return REFUSE(r, "options must be an object, not %s", pol_type_name(options));
    if (!pol_is_defined(word))
        return true;
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
        if (word.tag == POL_STRING && pol_bytes_is(pol_text(word), words[i])) {
            *out = (semantic)i;
            return true;
        }
    }
    return REFUSE(r, "options.evaluations_semantic must be execute_all, deny_on_first_deny or permit_on_first_permit");
}

/* An item that is no request is denied, since who asked for many gets as many answers. */
static void write_faulty(pol_reading *r, pol_outcome *outcome)
{
    outcome->effect = POL_EFFECT_ERROR;
    outcome->reason = "evaluation_malformed";
    write_decision(r->answer, false, outcome->id);
    pol_buf_text(r->answer->body, ",\"error\":{\"status\":400,\"message\":");
    pol_json_write_string(r->answer->body, pol_bytes_text(r->why), POL_JSON_COMPACT);
    pol_buf_text(r->answer->body, "}}}");
}

/* Whether the item is permitted. */
static bool evaluate_item(pol_reading *r, const pol_identity *identity, pol_description d, pol_value item)
{
    char id[POL_ID_TEXT];
    const pol_config *config = r->worker->world->config;
    pol_outcome outcome = {.protocol = POL_PROTOCOL_AUTHZEN, .id = id};
    size_t begun = r->answer->body->n;
    pol_arena_reset(&r->worker->item);
    pol_decision_id(r->worker, id);
    r->item = item;
    if (item.tag != POL_OBJECT) {
        pol_authzen_refuse(r, "an evaluation must be an object, not %s", pol_type_name(item));
        write_faulty(r, &outcome);
    } else if (!read_target(r, &d)) {
        write_faulty(r, &outcome);
    } else if (r->instructions >= config->limit_request_instructions) {
        outcome.effect = POL_EFFECT_ERROR;
        outcome.reason = "limit_instructions";
        write_deny(r->answer, id, outcome.reason, "the evaluations before this one used up the instructions of the batch");
    } else {
        decide(r, &r->worker->item, identity, &d, &outcome);
    }
    bool permitted = outcome.effect == POL_EFFECT_PERMIT;
    if (!config->batch_context) {
        r->answer->body->n = begun;
        pol_buf_text(r->answer->body, permitted ? "{\"decision\":true}" : "{\"decision\":false}");
    }
    pol_decision_note(r->worker, r->request, &outcome);
    return permitted;
}

static void evaluate_all(pol_reading *r, pol_description *d, pol_value items, semantic how)
{
    const pol_identity *identity = pol_identify(r->worker, d);
    if (!identity)
        return;
    r->answer->status = 200;
    pol_buf_text(r->answer->body, "{\"evaluations\":[");
    for (uint32_t i = 0; i < items.n; i++) {
        if (i)
            pol_buf_byte(r->answer->body, ',');
        bool permitted = evaluate_item(r, identity, *d, pol_element(items, i));
        if ((how == DENY_ON_FIRST_DENY && !permitted) || (how == PERMIT_ON_FIRST_PERMIT && permitted))
            break;
    }
    pol_buf_text(r->answer->body, "]}\n");
    pol_arena_reset(&r->worker->item);
}

POL_MUST_USE static bool read_items(pol_reading *r, pol_value *items)
{
    uint64_t most = r->worker->world->config->max_evaluations;
    *items = pol_authzen_optional(r->body, "evaluations");
    if (pol_is_defined(*items) && items->tag != POL_ARRAY)
        return REFUSE(r, "evaluations must be an array, not %s", pol_type_name(*items));
    return items->n <= most || REFUSE(r, "evaluations has %u elements, at most %llu are taken", items->n, (unsigned long long)most);
}

void pol_serve_evaluations(pol_worker *worker, const pol_request *request, pol_answer *answer)
{
    pol_reading r = {.worker = worker, .request = request, .answer = answer, .item = pol_undefined()};
    pol_description d = pol_describe_connection(worker, request);
    pol_value items = pol_undefined();
    semantic how = EXECUTE_ALL;
    if (!pol_authzen_body(&r) || !pol_authzen_evidence(&r, &d) || !read_semantic(&r, &how) || !read_items(&r, &items))
        pol_authzen_answer_refusal(&r);
    else if (!pol_is_defined(items) || items.n == 0)
        evaluate_one(&r, &d);
    else
        evaluate_all(&r, &d, items, how);
}
