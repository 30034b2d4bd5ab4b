/* SPDX-License-Identifier: Apache-2.0
 * The C interface: bundles shared by reference count, one evaluator a session, JSON in and out, identities verified on the way.
 */
#include "runtime/polward.h"

#include "runtime/builtin.h"
#include "runtime/engine.h"
#include "runtime/identity/chain_cache.h"
#include "runtime/identity/reasons.h"
#include "runtime/identity/route.h"
#include "runtime/identity/token_cache.h"
#include "runtime/json.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* A bundle with its users: the engine, as long as it is the published one, and the decisions that run with it. */
typedef struct {
    pol_bundle *bundle;
    pol_arena arena;  /* of routes */
    pol_value routes; /* the index of the bundle's */
    unsigned n_users; /* under the engine's lock */
} shared_bundle;

struct polward_engine {
    pthread_mutex_t lock;
    shared_bundle *current; /* under lock */
    pol_limits limits;
    pol_bytes *keys;
    unsigned n_keys;
};

struct polward_session {
    polward_engine *engine;
    pol_eval *eval;
    pol_buf answer;
    pol_token_cache *tokens; /* these two: NULL until an identity is verified */
    pol_chain_cache *chains;
};

struct polward_identity {
    pol_trust *trust;
};

enum { KEY_BYTES = 32 };

static void *must_have(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static void say(char *why, size_t n_why, const pol_error *err)
{
    if (!why || n_why == 0)
        return;
    size_t n = strlen(err->text);
    n = n < n_why ? n : n_why - 1;
    memcpy(why, err->text, n);
    why[n] = 0;
}

static void free_shared(shared_bundle *shared)
{
    pol_bundle_close(shared->bundle);
    pol_arena_deinit(&shared->arena);
    free(shared);
}

POL_MUST_USE static bool open_shared(const polward_engine *engine, const char *path, shared_bundle **out, pol_error *err)
{
    pol_bundle_options options = {.public_keys = engine->keys, .n_public_keys = engine->n_keys};
    pol_bundle *bundle;
    POL_TRY(pol_bundle_open(path, &options, &bundle, err));
    shared_bundle *shared = *out = must_have(calloc(1, sizeof **out));
    *shared = (shared_bundle){.bundle = bundle, .n_users = 1};
    pol_arena_init(&shared->arena, 0);
    if (pol_route_index(&shared->arena, pol_object_member(pol_bundle_manifest_value(bundle), "routes"), &shared->routes, err))
        return true;
    free_shared(shared);
    return false;
}

static shared_bundle *retain(polward_engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    shared_bundle *shared = engine->current;
    shared->n_users++;
    pthread_mutex_unlock(&engine->lock);
    return shared;
}

static void release(polward_engine *engine, shared_bundle *shared)
{
    pthread_mutex_lock(&engine->lock);
    bool last = --shared->n_users == 0;
    pthread_mutex_unlock(&engine->lock);
    if (last)
        free_shared(shared);
}

static void copy_keys(polward_engine *engine, const polward_options *options)
{
    engine->n_keys = options->n_public_keys;
    engine->keys = must_have(calloc((size_t)engine->n_keys + 1, sizeof *engine->keys));
    for (unsigned i = 0; i < engine->n_keys; i++) {
        uint8_t *key = must_have(malloc(KEY_BYTES));
        memcpy(key, options->public_keys[i], KEY_BYTES);
        engine->keys[i] = pol_bytes_of(key, KEY_BYTES);
    }
}

static void free_engine(polward_engine *engine)
{
    for (unsigned i = 0; i < engine->n_keys; i++)
        free((void *)(uintptr_t)engine->keys[i].at);
    free(engine->keys);
    pthread_mutex_destroy(&engine->lock);
    free(engine);
}

polward_engine *polward_engine_open(const char *path, const polward_options *options, char *why, size_t n_why)
{
    static const polward_options defaults;
    polward_engine *engine = must_have(calloc(1, sizeof *engine));
    pol_error err;
    options = options ? options : &defaults;
    pthread_mutex_init(&engine->lock, NULL);
    engine->limits = (pol_limits){.instructions = options->instructions, .arena_bytes = options->arena_bytes, .depth = options->depth};
    copy_keys(engine, options);
    if (open_shared(engine, path, &engine->current, &err))
        return engine;
    say(why, n_why, &err);
    free_engine(engine);
    return NULL;
}

bool polward_engine_reload(polward_engine *engine, const char *path, char *why, size_t n_why)
{
    shared_bundle *fresh, *old;
    pol_error err;
    if (!open_shared(engine, path, &fresh, &err)) {
        say(why, n_why, &err);
        return false;
    }
    pthread_mutex_lock(&engine->lock);
    old = engine->current;
    engine->current = fresh;
    pthread_mutex_unlock(&engine->lock);
    release(engine, old);
    return true;
}

void polward_engine_close(polward_engine *engine)
{
    if (!engine)
        return;
    release(engine, engine->current);
    free_engine(engine);
}

polward_session *polward_session_new(polward_engine *engine)
{
    polward_session *session = must_have(calloc(1, sizeof *session));
    session->engine = engine;
    session->eval = pol_eval_new(&engine->limits);
    return session;
}

void polward_session_free(polward_session *session)
{
    if (!session)
        return;
    pol_eval_free(session->eval);
    pol_buf_deinit(&session->answer);
    pol_token_cache_free(session->tokens);
    pol_chain_cache_free(session->chains);
    free(session);
}

POL_MUST_USE static bool run(polward_session *session, const pol_bundle *bundle, const char *path, pol_bytes input, pol_value *result,
                             pol_error *err)
{
    pol_value document = pol_undefined();
    pol_eval_begin(session->eval, bundle);
    pol_arena *arena = pol_eval_arena(session->eval);
    if (input.n)
        POL_TRY(pol_json_read(arena, input, NULL, &document, err));
    pol_entry entry = pol_bundle_entry(bundle, arena, pol_path_split(arena, pol_bytes_text(path)));
    return pol_eval_run(session->eval, entry, document, result, err);
}

/* Tells what came of a run, and ends the use of its bundle. */
static polward_outcome tell(polward_session *session, shared_bundle *shared, bool ok, pol_value result, const pol_error *err, const char **answer, size_t *n_answer,
                            char *why, size_t n_why)
{
    bool defined = ok && pol_is_defined(result);
    if (defined) {
        pol_buf_clear(&session->answer);
        pol_json_write(&session->answer, result, POL_JSON_COMPACT);
        *answer = (const char *)session->answer.at;
        *n_answer = session->answer.n;
    }
    release(session->engine, shared);
    if (!ok)
        say(why, n_why, err);
    return defined ? POLWARD_DEFINED : ok ? POLWARD_UNDEFINED : POLWARD_FAILED;
}

polward_outcome polward_ask(polward_session *session, const char *path, const char *input, size_t n_input, const char **answer,
                            size_t *n_answer, char *why, size_t n_why)
{
    pol_value result;
    pol_error err;
    *answer = NULL;
    *n_answer = 0;
    shared_bundle *shared = retain(session->engine);
    pol_eval_set_trust(session->eval, NULL);
    bool ok = run(session, shared->bundle, path, pol_bytes_of(input, n_input), &result, &err);
    return tell(session, shared, ok, result, &err, answer, n_answer, why, n_why);
}

bool polward_allows(polward_session *session, const char *input, size_t n_input)
{
    const char *answer;
    size_t n;
    polward_outcome outcome = polward_ask(session, "polward/allow", input, n_input, &answer, &n, NULL, 0);
    return outcome == POLWARD_DEFINED && pol_bytes_is(pol_bytes_of(answer, n), "true");
}

/* ---- identities ---- */

polward_identity *polward_identity_open(const polward_identity_options *options, char *why, size_t n_why)
{
    pol_issuer_config *issuers = must_have(calloc((size_t)options->n_issuers + 1, sizeof *issuers));
    for (unsigned i = 0; i < options->n_issuers; i++) {
        const polward_issuer *from = &options->issuers[i];
        issuers[i] = (pol_issuer_config){
            .issuer = from->issuer, .jwks_file = from->jwks_file, .audiences = from->audiences, .n_audiences = from->n_audiences,
            .algorithms = from->algorithms, .n_algorithms = from->n_algorithms, .subject_prefix = from->subject_prefix, .at_jwt = from->at_jwt, .leeway_s = from->leeway_s,
        };
    }
    const pol_trust_config config = {
        .issuers = issuers, .n_issuers = options->n_issuers, .trust_files = options->trust_files, .n_trust_files = options->n_trust_files,
        .crl_files = options->crl_files, .n_crl_files = options->n_crl_files,
    };
    polward_identity *identity = must_have(calloc(1, sizeof *identity));
    pol_error err;
    bool ok = pol_trust_new(&config, &identity->trust, &err);
    free(issuers);
    if (ok)
        return identity;
    say(why, n_why, &err);
    free(identity);
    return NULL;
}

void polward_identity_close(polward_identity *identity)
{
    if (!identity)
        return;
    pol_trust_free(identity->trust);
    free(identity);
}

POL_MUST_USE static bool read_member(pol_arena *arena, const char *name, const char *text, pol_value *out, pol_error *err)
{
    static const pol_json_options strict = {.unique_members = true};
    pol_error why;
    *out = pol_undefined();
    if (!text)
        return true;
    if (!pol_json_read(arena, pol_bytes_text(text), &strict, out, &why))
        return pol_fail(err, why.code, "%s: %s", name, why.text);
    return out->tag == POL_OBJECT || pol_fail(err, POL_E_JSON, "%s is not an object", name);
}

/* What the rest of the library takes for granted of headers. */
POL_MUST_USE static bool check_headers(pol_value headers, pol_error *err)
{
    for (uint32_t i = 0; pol_is_defined(headers) && i < headers.n; i++) {
        pol_bytes name = pol_text(pol_member_key(headers, i));
        for (size_t k = 0; k < name.n; k++) {
            if (name.at[k] >= 'A' && name.at[k] <= 'Z')
                return pol_fail(err, POL_E_JSON, "headers: a name is not in lower case");
        }
        if (pol_member_value(headers, i).tag != POL_STRING)
            return pol_fail(err, POL_E_JSON, "headers: a value is not a string");
    }
    return true;
}

static pol_bytes text_of(const char *text)
{
    return text ? pol_bytes_text(text) : (pol_bytes){0};
}

POL_MUST_USE static bool describe(polward_session *session, pol_arena *arena, const polward_request *request, pol_description *d, pol_error *err)
{
    *d = (pol_description){
        .token = text_of(request->token), .cert_pem = text_of(request->cert), .tokens = session->tokens, .chains = session->chains,
        .request = {.method = text_of(request->method), .path = text_of(request->path), .query = text_of(request->query), .host = text_of(request->host),
                    .scheme = text_of(request->scheme), .body = pol_undefined()},
    };
    return read_member(arena, "subject", request->subject, &d->subject, err) && read_member(arena, "action", request->action, &d->action, err) &&
           read_member(arena, "resource", request->resource, &d->resource, err) && read_member(arena, "context", request->context, &d->context, err) &&
           read_member(arena, "headers", request->headers, &d->request.headers, err) && check_headers(d->request.headers, err);
}

static int64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void say_refusal(char *why, size_t n_why, const pol_refusal *refusal)
{
    if (why && n_why)
        snprintf(why, n_why, "%s: %s", refusal->reason, refusal->text[0] ? refusal->text : pol_reason_sentence(refusal->reason));
}

polward_outcome polward_decide(polward_session *session, const polward_identity *identity, const char *path, const polward_request *request, const char **answer,
                               size_t *n_answer, char *why, size_t n_why)
{
    pol_value input, result = pol_undefined();
    pol_description d;
    pol_refusal refusal = {0};
    pol_error err;
    *answer = NULL;
    *n_answer = 0;
    session->tokens = session->tokens ? session->tokens : pol_token_cache_new();
    session->chains = session->chains ? session->chains : pol_chain_cache_new();
    shared_bundle *shared = retain(session->engine);
    const pol_trust *trust = identity ? identity->trust : NULL;
    pol_eval_begin(session->eval, shared->bundle);
    pol_eval_set_trust(session->eval, trust);
    pol_arena *arena = pol_eval_arena(session->eval);
    bool ok = describe(session, arena, request, &d, &err);
    if (ok && !pol_input_assemble(arena, trust, shared->routes, &d, clock_ns(), &input, &refusal)) {
        release(session->engine, shared);
        say_refusal(why, n_why, &refusal);
        return POLWARD_REFUSED;
    }
    ok = ok && pol_eval_run(session->eval, pol_bundle_entry(shared->bundle, arena, pol_path_split(arena, pol_bytes_text(path))), input, &result, &err);
    return tell(session, shared, ok, result, &err, answer, n_answer, why, n_why);
}
