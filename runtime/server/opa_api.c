/* SPDX-License-Identifier: Apache-2.0
 * OPA's data API: POST and GET /v1/data[/path], POST /v0/data[/path] and POST /, whose body is the input and whose answer is the bare
 * value, and POST /v1/batch/data[/path] for several inputs. The input is the caller's, but for what only this daemon can vouch
 * for: input.peer is the connection's, and input.cert and input.token, which policies take for verified, are taken out.
 */
#include "runtime/server/explain.h"

#include "runtime/json.h"
#include "runtime/server/log.h"

#include <strings.h>

typedef struct {
    pol_worker *worker;
    const pol_request *request;
    pol_answer *answer;
    pol_bytes asked;     /* the path that names it */
    pol_entry entry;
    pol_value input;
    const char *warning; /* NULL: none */
    pol_explain_wish explain;
    pol_value explanation; /* undefined: none */
    int64_t parsed_ns;   /* what reading the input took */
    int64_t evaluated_ns;
    char id[POL_ID_TEXT];
} query;

#define REFUSE(q, ...) (pol_answer_error((q)->answer, (q)->request->head, POL_ERRORS_DATA, 400, "invalid_parameter", __VA_ARGS__), false)

/* OPA's boolean parameters: there without value, empty or "true". */
static bool flag(const query *q, const char *name)
{
    pol_bytes value;
    if (!pol_http_parameter(q->request->head->query, name, &value))
        return false;
    return value.n == 0 || (value.n == 4 && strncasecmp((const char *)value.at, "true", 4) == 0);
}

/* The path below the route: segments between slashes, each unescaped after splitting. */
POL_MUST_USE static bool read_path(query *q)
{
    pol_arena *arena = &q->worker->arena;
    pol_builder segments = pol_builder_new(arena);
    pol_bytes rest = q->asked = q->request->below;
    while (rest.n) {
        const uint8_t *slash = memchr(rest.at, '/', rest.n);
        pol_bytes raw = pol_bytes_of(rest.at, slash ? (size_t)(slash - rest.at) : rest.n);
        uint8_t *text = pol_arena_alloc(arena, raw.n + 1);
        size_t n;
        if (!pol_http_unescape(text, &n, raw, false) || !pol_utf8_valid(pol_bytes_of(text, n)))
            return REFUSE(q, "the path is not UTF-8 in percent-encoding");
        pol_builder_add(&segments, pol_string(pol_bytes_of(text, n)));
        rest = slash ? pol_bytes_of(slash + 1, rest.n - raw.n - 1) : (pol_bytes){0};
    }
    q->entry = pol_bundle_entry(q->worker->world->bundle, arena, pol_builder_array(&segments));
    return true;
}

/* ---- input ---- */

static pol_value peer_of(const query *q)
{
    pol_description d = pol_describe_connection(q->worker, q->request);
    pol_refusal refusal = {0};
    pol_value document = pol_undefined();
    d.tls_is_subject = false;
    /* nobody and nothing is named here, which may be refused; the peer is in the document all the same */
    bool accepted = pol_input_assemble(&q->worker->arena, q->worker->world->trust, pol_undefined(), &d, pol_clock_ns(), &document, &refusal);
    (void)accepted;
    return pol_object_member(document, "peer");
}

static void vouch(query *q)
{
    pol_builder b = pol_builder_new(&q->worker->arena);
    bool trusted = q->worker->world->config->trust_input;
    if (q->input.tag != POL_OBJECT)
        return;
    for (uint32_t i = 0; i < q->input.n; i++) {
        pol_value key = pol_member_key(q->input, i);
        pol_bytes name = pol_text(key);
        bool identity = pol_bytes_is(name, "cert") || pol_bytes_is(name, "token");
        if (identity && !trusted)
            q->warning = "'cert' and 'token' are taken out of the input: only this server's own verification gives them "
                         "(setting trust_input)";
        if (pol_bytes_is(name, "peer") || (identity && !trusted))
            continue;
        pol_builder_put(&b, key, pol_member_value(q->input, i));
    }
    pol_value peer = peer_of(q);
    if (pol_is_defined(peer))
        pol_builder_put_text(&b, "peer", peer);
    q->input = pol_builder_object(&b);
}

POL_MUST_USE static bool read_json(query *q, pol_bytes text, const char *where, pol_value *out)
{
    static const pol_json_options options = {.borrow = true};
    pol_error err;
    int64_t begun = pol_monotonic_ns();
    if (!pol_json_read(&q->worker->arena, text, &options, out, &err))
        return REFUSE(q, "%s contains malformed input document: %s", where, err.text);
    q->parsed_ns = pol_monotonic_ns() - begun;
    return true;
}

POL_MUST_USE static bool read_body(query *q)
{
    pol_value body = pol_empty(POL_OBJECT);
    if (q->request->body.n && !read_json(q, q->request->body, "body", &body))
        return false;
    if (body.tag != POL_OBJECT)
        return REFUSE(q, "body contains malformed input document: an object is wanted, not %s", pol_type_name(body));
    q->input = pol_object_member(body, "input");
    if (!pol_is_defined(q->input))
        q->warning = "'input' key missing from the request";
    vouch(q);
    return true;
}

/* v0: the body is the input. */
POL_MUST_USE static bool read_bare(query *q)
{
    if (q->request->body.n && !read_json(q, q->request->body, "body", &q->input))
        return false;
    vouch(q);
    return true;
}

POL_MUST_USE static bool read_parameter(query *q)
{
    pol_bytes raw;
    size_t n;
    if (!pol_http_parameter(q->request->head->query, "input", &raw))
        return true;
    uint8_t *text = pol_arena_alloc(&q->worker->arena, raw.n + 1);
    if (!pol_http_unescape(text, &n, raw, true))
        return REFUSE(q, "parameter contains malformed input document: a bad percent-escape");
    text[n] = 0;
    POL_TRY(read_json(q, pol_bytes_of(text, n), "parameter", &q->input));
    vouch(q);
    return true;
}

/* ---- answers ---- */

static void put_error(pol_arena *arena, pol_builder *list, pol_eval_error e)
{
    pol_builder b = pol_builder_new(arena);
    pol_builder_put_text(&b, "code", pol_string_text(pol_code_text(e.code)));
    pol_builder_put_text(&b, "message", pol_string_copy(arena, pol_bytes_text(e.message ? e.message : "")));
    if (e.file) {
        pol_builder place = pol_builder_new(arena);
        pol_builder_put_text(&place, "file", pol_string_text(e.file));
        pol_builder_put_text(&place, "row", pol_int(e.row));
        pol_builder_put_text(&place, "col", pol_int(e.col));
        pol_builder_put_text(&b, "location", pol_builder_object(&place));
    }
    pol_builder_add(list, pol_builder_object(&b));
}

/* OPA's error object; undefined: nested too deep to be one. */
static pol_value failure_of(const query *q, const pol_eval_error *errors, unsigned n)
{
    pol_arena *arena = &q->worker->arena;
    pol_builder list = pol_builder_new(arena), b = pol_builder_new(arena);
    for (unsigned i = 0; i < n; i++)
        put_error(arena, &list, errors[i]);
    pol_builder_put_text(&b, "code", pol_string_text("internal_error"));
    pol_builder_put_text(&b, "message", pol_string_text("error(s) occurred while evaluating query"));
    pol_builder_put_text(&b, "errors", pol_builder_array(&list));
    return pol_builder_object(&b);
}

static void answer_json(const query *q, int status, pol_value value, unsigned style)
{
    q->answer->status = status;
    pol_json_write(q->answer->body, value, POL_JSON_HTML | style);
    pol_buf_byte(q->answer->body, '\n');
}

static unsigned style_asked(const query *q)
{
    return flag(q, "pretty") ? POL_JSON_PRETTY : 0;
}

static pol_value metrics_of(const query *q)
{
    pol_builder b = pol_builder_new(&q->worker->arena);
    pol_builder_put_text(&b, "counter_server_query_cache_hit", pol_int(1));
    pol_builder_put_text(&b, "timer_rego_input_parse_ns", pol_int(q->parsed_ns));
    pol_builder_put_text(&b, "timer_rego_query_eval_ns", pol_int(q->evaluated_ns));
    pol_builder_put_text(&b, "timer_server_handler_ns", pol_int(pol_monotonic_ns() - q->request->begun_ns));
    return pol_builder_object(&b);
}

static pol_value provenance_of(const query *q)
{
    pol_arena *arena = &q->worker->arena;
    pol_builder bundle = pol_builder_new(arena), bundles = pol_builder_new(arena), b = pol_builder_new(arena);
    pol_builder_put_text(&bundle, "revision", pol_string_text(q->worker->world->revision));
    pol_builder_put_text(&bundles, "main", pol_builder_object(&bundle));
    pol_builder_put_text(&b, "version", pol_string_text(POLWARD_VERSION));
    pol_builder_put_text(&b, "bundles", pol_builder_object(&bundles));
    return pol_builder_object(&b);
}

static void answer_result(const query *q, pol_value result)
{
    pol_arena *arena = &q->worker->arena;
    pol_builder b = pol_builder_new(arena);
    pol_builder_put_text(&b, "decision_id", pol_string_text(q->id));
    if (pol_is_defined(q->explanation))
        pol_builder_put_text(&b, "explanation", q->explanation);
    if (flag(q, "metrics") || flag(q, "instrument"))
        pol_builder_put_text(&b, "metrics", metrics_of(q));
    if (flag(q, "provenance"))
        pol_builder_put_text(&b, "provenance", provenance_of(q));
    if (pol_is_defined(result))
        pol_builder_put_text(&b, "result", result);
    if (q->warning) {
        pol_builder warning = pol_builder_new(arena);
        pol_builder_put_text(&warning, "code", pol_string_text("api_usage_warning"));
        pol_builder_put_text(&warning, "message", pol_string_text(q->warning));
        pol_builder_put_text(&b, "warning", pol_builder_object(&warning));
    }
    pol_value whole = pol_builder_object(&b);
    if (!pol_is_defined(whole)) {
        pol_answer_error(q->answer, q->request->head, POL_ERRORS_DATA, 500, NULL, "the result is nested too deep to be written");
        return;
    }
    answer_json(q, 200, whole, style_asked(q));
}

/* Decides, counts and logs it. False: it failed, and *result is OPA's error object. */
POL_MUST_USE static bool decide(query *q, pol_value *result)
{
    pol_outcome outcome = {.protocol = POL_PROTOCOL_DATA, .id = q->id, .path = q->asked, .effect = POL_EFFECT_PERMIT};
    pol_error err;
    unsigned n_errors;
    pol_decision_id(q->worker, q->id);
    int64_t begun = pol_monotonic_ns();
    bool ok = pol_decide_told(q->worker, q->explain, q->entry, q->input, result, &q->explanation, &err);
    q->evaluated_ns = pol_monotonic_ns() - begun;
    const pol_eval_error *errors = pol_eval_errors(q->worker->eval, &n_errors);
    pol_eval_error failure = {0};
    if (!ok) {
        failure = pol_eval_failure(q->worker->eval);
        failure.code = err.code;
        failure.message = err.text;
        outcome.reason = pol_code_text(err.code);
    } else if (n_errors && flag(q, "strict-builtin-errors")) {
        failure = errors[0];
        outcome.reason = "eval_builtin_error";
    }
    outcome.input = q->input;
    if (!outcome.reason)
        outcome.result = *result;
    if (outcome.reason) {
        outcome.effect = POL_EFFECT_ERROR;
        *result = failure_of(q, &failure, 1);
    } else if (!pol_is_defined(*result) || pol_is_false(*result)) {
        outcome.effect = POL_EFFECT_DENY;
    }
    pol_decision_note(q->worker, q->request, &outcome);
    return !outcome.reason;
}

/* v1: the result in an object. */
static void serve_wrapped(query *q)
{
    pol_value result;
    q->explain = pol_explain_asked(q->worker, q->request);
    q->explain.pretty = flag(q, "pretty");
    if (!decide(q, &result)) {
        answer_json(q, 500, result, POL_JSON_PRETTY);
        return;
    }
    if (q->explain.kind == POL_EXPLAIN_DECISION)
        q->explanation = pol_explain_told(q->worker, q->input);
    answer_result(q, result);
}

/* v0: the bare value. */
static void serve_bare(query *q)
{
    POL_CLEAN(pol_buf_deinit) pol_buf name = {0};
    pol_bytes asked = q->asked;
    pol_value result;
    if (!decide(q, &result)) {
        answer_json(q, 500, result, POL_JSON_PRETTY);
    } else if (pol_is_defined(result)) {
        answer_json(q, 200, result, style_asked(q));
    } else {
        pol_buf_text(&name, "data");
        for (size_t i = 0; i < asked.n && i < 256; i++) {
            if (i == 0)
                pol_buf_byte(&name, '.');
            pol_buf_byte(&name, asked.at[i] == '/' ? '.' : asked.at[i] < 0x80 ? asked.at[i] : '?');
        }
        pol_answer_error(q->answer, q->request->head, POL_ERRORS_DATA, 404, "undefined_document", "document %s: %.*s",
                         q->entry.function >= 0 ? "undefined" : "missing", (int)name.n, (const char *)name.at);
    }
}

void pol_serve_data_post(pol_worker *worker, const pol_request *request, pol_answer *answer)
{
    query q = {.worker = worker, .request = request, .answer = answer, .input = pol_undefined()};
    if (read_path(&q) && read_body(&q))
        serve_wrapped(&q);
}

void pol_serve_data_get(pol_worker *worker, const pol_request *request, pol_answer *answer)
{
    query q = {.worker = worker, .request = request, .answer = answer, .input = pol_undefined()};
    if (read_path(&q) && read_parameter(&q))
        serve_wrapped(&q);
}

void pol_serve_data_bare(pol_worker *worker, const pol_request *request, pol_answer *answer)
{
    query q = {.worker = worker, .request = request, .answer = answer, .input = pol_undefined()};
    if (read_path(&q) && read_bare(&q))
        serve_bare(&q);
}

void pol_serve_default(pol_worker *worker, const pol_request *request, pol_answer *answer)
{
    query q = {.worker = worker, .request = request, .answer = answer, .input = pol_undefined()};
    q.entry = worker->world->default_decision;
    q.asked = pol_bytes_text(worker->world->config->default_decision);
    if (read_bare(&q))
        serve_bare(&q);
}

/* ---- batches ---- */

typedef struct {
    pol_value key;
    pol_bytes members; /* of the response, without braces: a result lives until the next decision, so it is written at once */
    bool ok;
} response;

static response decide_one(query *q, pol_value key, uint64_t *instructions)
{
    pol_value result;
    pol_builder b = pol_builder_new(&q->worker->arena);
    response r = {.key = key};
    if (*instructions < q->worker->world->config->limit_request_instructions) {
        r.ok = decide(q, &result);
        *instructions += pol_eval_instructions(q->worker->eval);
    } else {
        pol_eval_error late = {.code = POL_E_INSTRUCTIONS, .message = "the inputs before this one used up the instructions of the batch"};
        result = failure_of(q, &late, 1);
    }
    pol_buf *text = q->answer->body; /* borrowed until the answer is put together */
    pol_builder_put_text(&b, "decision_id", pol_string_text(q->id));
    if (r.ok && pol_is_defined(result))
        pol_builder_put_text(&b, "result", result);
    pol_value whole = r.ok ? pol_builder_object(&b) : result;
    if (!pol_is_defined(whole)) {
        r.ok = false;
        pol_eval_error deep = {.code = POL_E_TYPE, .message = "the result is nested too deep to be written"};
        whole = failure_of(q, &deep, 1);
    }
    pol_buf_clear(text);
    pol_json_write(text, whole, POL_JSON_HTML);
    pol_bytes written = pol_buf_to_arena(text, &q->worker->arena);
    r.members = pol_bytes_of(written.at + 1, written.n - 2);
    return r;
}

/* 200: all are decided, 500: none is, 207: each says how it is. */
static void answer_batch(const query *q, const response *responses, uint32_t n, const char *batch_id)
{
    pol_buf *out = q->answer->body;
    uint32_t n_ok = 0;
    for (uint32_t i = 0; i < n; i++)
        n_ok += responses[i].ok;
    bool mixed = n_ok && n_ok < n;
    q->answer->status = n_ok == n ? 200 : mixed ? 207 : 500;
    pol_buf_clear(out);
    pol_buf_printf(out, "{\"batch_decision_id\":\"%s\",\"responses\":{", batch_id);
    for (uint32_t i = 0; i < n; i++) {
        if (i)
            pol_buf_byte(out, ',');
        pol_json_write(out, responses[i].key, POL_JSON_HTML);
        pol_buf_text(out, mixed ? ":{\"http_status_code\":\"" : ":{");
        if (mixed)
            pol_buf_text(out, responses[i].ok ? "200\"," : "500\",");
        pol_buf_bytes(out, responses[i].members);
        pol_buf_byte(out, '}');
    }
    pol_buf_text(out, "}}\n");
}

void pol_serve_batch(pol_worker *worker, const pol_request *request, pol_answer *answer)
{
    query whole = {.worker = worker, .request = request, .answer = answer, .input = pol_undefined()}, *q = &whole;
    pol_value body = pol_undefined();
    char batch_id[POL_ID_TEXT];
    uint64_t instructions = 0;
    if (!read_path(q) || !read_json(q, request->body, "body", &body))
        return;
    pol_value inputs = pol_object_member(body, "inputs");
    if (inputs.tag != POL_OBJECT || inputs.n > worker->world->config->max_evaluations) {
        pol_answer_error(answer, request->head, POL_ERRORS_DATA, 400, NULL, "'inputs' must be an object of at most %llu inputs",
                         (unsigned long long)worker->world->config->max_evaluations);
        return;
    }
    response *responses = POL_NEW_ARRAY(&worker->arena, response, inputs.n ? inputs.n : 1);
    pol_decision_id(worker, batch_id);
    for (uint32_t i = 0; i < inputs.n; i++) {
        q->input = pol_member_value(inputs, i);
        vouch(q);
        responses[i] = decide_one(q, pol_member_key(inputs, i), &instructions);
    }
    answer_batch(q, responses, inputs.n, batch_id);
}
