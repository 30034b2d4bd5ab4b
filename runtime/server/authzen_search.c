/* SPDX-License-Identifier: Apache-2.0
 * AuthZEN's searches: candidates come from a document of the bundle, and each is decided upon as an evaluation would. Bounded in
 * candidates, results and instructions; what is left is found with a token, which is a position bound to its request and bundle.
 */
#include "runtime/server/authzen.h"

#include "runtime/json.h"
#include "runtime/server/log.h"

#include <openssl/sha.h>

typedef enum { SUBJECTS, RESOURCES, ACTIONS } kind;

enum { POSITION_BYTES = 8, BINDING_BYTES = 16, TOKEN_BYTES = POSITION_BYTES + BINDING_BYTES, TOKEN_TEXT = 32 };

typedef struct {
    pol_reading r;
    kind kind;
    pol_description d;
    const pol_identity *identity;
    bool paged;       /* the request has a page */
    uint64_t limit;   /* results of this page */
    uint64_t from;    /* position of the first candidate */
    pol_value sought; /* the type that is searched */
} search;

#define REFUSE(s, ...) (pol_authzen_refuse(&(s)->r, __VA_ARGS__), false)

/* ---- page tokens ---- */

/* The request but for its page, and the bundle: a token is good for no other. */
static void make_token(const search *s, uint64_t position, uint8_t out[TOKEN_BYTES])
{
    static const char *const members[] = {"subject", "action", "resource", "context", "token", "cert"};
    POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
    uint8_t digest[SHA256_DIGEST_LENGTH];
    pol_buf_printf(&text, "%s %d %llu", s->r.worker->world->digest, (int)s->kind, (unsigned long long)position);
    for (unsigned i = 0; i < sizeof members / sizeof *members; i++) {
        pol_value v = pol_object_member(s->r.body, members[i]);
        pol_buf_byte(&text, '\n');
        if (pol_is_defined(v))
            pol_json_write(&text, v, POL_JSON_COMPACT);
    }
    SHA256(text.at, text.n, digest);
    for (unsigned i = 0; i < POSITION_BYTES; i++)
        out[i] = (uint8_t)(position >> (56 - 8 * i));
    memcpy(out + POSITION_BYTES, digest, BINDING_BYTES);
}

POL_MUST_USE static bool read_token(search *s, pol_bytes token)
{
    uint8_t given[TOKEN_TEXT], made[TOKEN_BYTES];
    size_t n = 0;
    if (token.n == 0)
        return true;
    if (token.n != TOKEN_TEXT || !pol_base64_decode(given, &n, token, POL_BASE64URL, true) || n != TOKEN_BYTES)
        return REFUSE(s, "page.token is none of this server's");
    for (unsigned i = 0; i < POSITION_BYTES; i++)
        s->from = s->from << 8 | given[i];
    make_token(s, s->from, made);
    return memcmp(given, made, TOKEN_BYTES) == 0 ||
           REFUSE(s, "page.token belongs to another request or to a bundle that is no longer served: search again without it");
}

POL_MUST_USE static bool read_page(search *s)
{
    pol_value page = pol_authzen_optional(s->r.body, "page"), limit = pol_authzen_optional(page, "limit");
    pol_value token = pol_authzen_optional(page, "token");
    int64_t n = 0;
    s->limit = s->r.worker->world->config->search_page;
    s->paged = pol_is_defined(page);
    if (s->paged && page.tag != POL_OBJECT)
        return REFUSE(s, "page must be an object, not %s", pol_type_name(page));
    if (pol_is_defined(limit) && (!pol_is_number(limit) || !pol_number_int64(limit, &n) || n < 0))
        return REFUSE(s, "page.limit must be a whole number of 0 or more");
    if (n > 0 && (uint64_t)n < s->limit)
        s->limit = (uint64_t)n;
    if (pol_is_defined(token) && token.tag != POL_STRING)
        return REFUSE(s, "page.token must be a string, not %s", pol_type_name(token));
    return !pol_is_defined(token) || read_token(s, pol_text(token));
}

/* ---- the request ---- */

/* Of the searched entity only the type counts: its id is left out, whatever it is. */
POL_MUST_USE static bool read_sought(search *s, const char *name, pol_value *out)
{
    POL_TRY(pol_authzen_entity(&s->r, name, "type", NULL, true, out));
    s->sought = pol_object_member(*out, "type");
    pol_builder b = pol_builder_new(&s->r.worker->arena);
    for (uint32_t i = 0; i < out->n; i++) {
        if (!pol_bytes_is(pol_text(pol_member_key(*out, i)), "id"))
            pol_builder_put(&b, pol_member_key(*out, i), pol_member_value(*out, i));
    }
    *out = pol_builder_object(&b);
    return true;
}

POL_MUST_USE static bool read_search(search *s)
{
    pol_reading *r = &s->r;
    pol_description *d = &s->d;
    POL_TRY(pol_authzen_body(r) && pol_authzen_evidence(r, d));
    if (d->request.method.n)
        return REFUSE(s, "request has no meaning in a search");
    if (s->kind == SUBJECTS) {
        if (d->token.n || d->cert_pem.n)
            return REFUSE(s, "token and cert have no meaning in a subject search: they say who the subject is");
        d->tls_is_subject = false;
        POL_TRY(read_sought(s, "subject", &d->subject));
    } else {
        POL_TRY(pol_authzen_entity(r, "subject", "type", "id", !pol_authzen_shows_subject(d), &d->subject));
    }
    if (s->kind == ACTIONS) {
        /* every permission is looked at with its own name in this one's place */
        pol_builder b = pol_builder_new(&r->worker->arena);
        pol_builder_put_text(&b, "name", pol_string_text("search"));
        d->action = pol_builder_object(&b);
    } else {
        POL_TRY(pol_authzen_entity(r, "action", "name", NULL, true, &d->action));
    }
    if (s->kind == RESOURCES)
        POL_TRY(read_sought(s, "resource", &d->resource));
    else
        POL_TRY(pol_authzen_entity(r, "resource", "type", "id", true, &d->resource));
    return pol_authzen_context(r, d) && read_page(s);
}

/* ---- candidates ---- */

/* Runs the document of the candidates. *input is left undefined for subjects, which are searched before there is one. False: failed. A refusal of
 * identity leaves *list undefined: nobody may do anything. */
POL_MUST_USE static bool find_candidates(search *s, pol_value *list, pol_error *err)
{
    pol_worker *worker = s->r.worker;
    const pol_world *world = worker->world;
    pol_value input = pol_undefined(), document;
    pol_refusal refusal;
    const char *configured = s->kind == SUBJECTS ? world->config->search_subjects
                             : s->kind == RESOURCES ? world->config->search_resources : world->config->search_actions;
    pol_entry entry = s->kind == SUBJECTS ? world->subjects : s->kind == RESOURCES ? world->resources : world->actions;
    *list = pol_undefined();
    if (!configured)
        return true;
    if (s->kind != SUBJECTS && !pol_input_complete(&worker->arena, s->identity, world->routes, &s->d, &input, &refusal)) {
        pol_metrics_refusal(&worker->metrics, refusal.reason);
        return true;
    }
    POL_TRY(pol_decide(worker, entry, input, &document, err));
    s->r.instructions += pol_eval_instructions(worker->eval);
    *list = s->kind == ACTIONS ? document : pol_object_get(document, s->sought);
    return true;
}

static uint32_t size_of(pol_value list)
{
    return pol_is_collection(list) ? list.n : 0;
}

/* The texts of list from the position on, out of the evaluator's memory, which the next decision takes back. */
static pol_value take_window(search *s, pol_value list)
{
    pol_arena *arena = &s->r.worker->arena;
    pol_builder b = pol_builder_new(arena);
    uint64_t end = s->from + s->r.worker->world->config->search_candidates;
    for (uint64_t i = s->from; i < size_of(list) && i < end; i++) {
        pol_value v = list.tag == POL_OBJECT ? pol_member_key(list, (uint32_t)i) : pol_element(list, (uint32_t)i);
        pol_builder_add(&b, v.tag == POL_STRING ? pol_string_copy(arena, pol_text(v)) : pol_null());
    }
    return pol_builder_array(&b);
}

static bool allows(pol_value result)
{
    if (result.tag == POL_BOOL)
        return pol_is_true(result);
    pol_value allow = pol_object_member(result, "allow");
    return pol_is_true(pol_is_defined(allow) ? allow : pol_object_member(result, "decision"));
}

/* What an evaluation of this candidate would say; an error is a deny. */
static bool is_permitted(search *s, pol_value id)
{
    pol_worker *worker = s->r.worker;
    pol_description d = s->d;
    pol_value *entity = s->kind == SUBJECTS ? &d.subject : &d.resource;
    pol_value input, result;
    pol_refusal refusal;
    pol_error err;
    pol_arena_reset(&worker->item);
    *entity = pol_object_with(&worker->item, *entity, pol_string_text("id"), id);
    if (!pol_input_complete(&worker->item, s->identity, worker->world->routes, &d, &input, &refusal))
        return false;
    bool decided = pol_decide(worker, worker->world->decision, input, &result, &err);
    s->r.instructions += pol_eval_instructions(worker->eval);
    if (!decided)
        pol_log_error(POL_LOG_WARNING, "a candidate of a search was passed over", &err);
    return decided && allows(result);
}

/* ---- the answer ---- */

static void write_result(const search *s, pol_buf *out, pol_value id, unsigned n)
{
    if (n)
        pol_buf_byte(out, ',');
    if (s->kind == ACTIONS) {
        pol_buf_text(out, "{\"name\":");
    } else {
        pol_buf_text(out, "{\"type\":");
        pol_json_write(out, s->sought, POL_JSON_COMPACT);
        pol_buf_text(out, ",\"id\":");
    }
    pol_json_write(out, id, POL_JSON_COMPACT);
    pol_buf_byte(out, '}');
}

static void write_page(const search *s, pol_buf *out, uint64_t next, bool ended, unsigned n)
{
    uint8_t token[TOKEN_BYTES], text[TOKEN_TEXT];
    pol_buf_text(out, ",\"page\":{\"next_token\":\"");
    if (!ended) {
        make_token(s, next, token);
        pol_buf_add(out, text, pol_base64_encode(text, pol_bytes_of(token, sizeof token), POL_BASE64URL));
    }
    pol_buf_printf(out, "\",\"count\":%u}", n);
}

static void write_results(search *s, pol_value window, uint32_t size)
{
    pol_buf *out = s->r.answer->body;
    const pol_config *config = s->r.worker->world->config;
    unsigned n = 0;
    uint32_t i = 0;
    s->r.answer->status = 200;
    pol_buf_text(out, "{\"results\":[");
    /* one candidate at least, so that each page comes further */
    for (; i < window.n && n < s->limit && (i == 0 || s->r.instructions < config->limit_request_instructions); i++) {
        pol_value id = pol_element(window, i);
        if (id.tag == POL_STRING && (s->kind == ACTIONS || is_permitted(s, id)))
            write_result(s, out, id, n++);
    }
    pol_arena_reset(&s->r.worker->item);
    bool ended = s->from + i >= size;
    pol_buf_byte(out, ']');
    if (s->paged || !ended)
        write_page(s, out, s->from + i, ended, n);
}

static void run(pol_worker *worker, const pol_request *request, pol_answer *answer, kind what)
{
    char id[POL_ID_TEXT];
    search s = {.r = {.worker = worker, .request = request, .answer = answer, .item = pol_undefined()},
                .kind = what, .d = pol_describe_connection(worker, request)};
    pol_outcome outcome = {.protocol = POL_PROTOCOL_AUTHZEN, .effect = POL_EFFECT_PERMIT, .id = id};
    pol_value list;
    pol_error err;
    if (!read_search(&s)) {
        pol_authzen_answer_refusal(&s.r);
        return;
    }
    s.identity = pol_identify(worker, &s.d);
    if (!s.identity)
        return;
    pol_decision_id(worker, id);
    if (find_candidates(&s, &list, &err)) {
        uint32_t size = size_of(list);
        write_results(&s, take_window(&s, list), size);
        pol_buf_printf(answer->body, ",\"context\":{\"id\":\"%s\"}}\n", id);
    } else {
        outcome.effect = POL_EFFECT_ERROR;
        outcome.reason = pol_code_text(err.code);
        pol_log_error(POL_LOG_WARNING, "a search ended in an error", &err);
        pol_answer_error(answer, request->head, POL_ERRORS_AUTHZEN, 500, NULL, "the candidates of the search could not be found: %s", err.text);
    }
    pol_decision_note(worker, request, &outcome);
}

void pol_serve_search_subject(pol_worker *worker, const pol_request *request, pol_answer *answer)
{
    run(worker, request, answer, SUBJECTS);
}

void pol_serve_search_resource(pol_worker *worker, const pol_request *request, pol_answer *answer)
{
    run(worker, request, answer, RESOURCES);
}

void pol_serve_search_action(pol_worker *worker, const pol_request *request, pol_answer *answer)
{
    run(worker, request, answer, ACTIONS);
}
