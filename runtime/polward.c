/* SPDX-License-Identifier: Apache-2.0
 * The C interface: bundles shared by reference count, one evaluator a session, JSON in and out.
 */
#include "runtime/polward.h"

#include "runtime/builtin.h"
#include "runtime/engine.h"
#include "runtime/json.h"

#include <pthread.h>
#include <stdlib.h>

/* A bundle with its users: the engine, as long as it is the published one, and the decisions that run with it. */
typedef struct {
    pol_bundle *bundle;
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

POL_MUST_USE static bool open_shared(const polward_engine *engine, const char *path, shared_bundle **out, pol_error *err)
{
    pol_bundle_options options = {.public_keys = engine->keys, .n_public_keys = engine->n_keys};
    pol_bundle *bundle;
    POL_TRY(pol_bundle_open(path, &options, &bundle, err));
    *out = must_have(calloc(1, sizeof **out));
    **out = (shared_bundle){.bundle = bundle, .n_users = 1};
    return true;
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
    if (!last)
        return;
    pol_bundle_close(shared->bundle);
    free(shared);
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

polward_outcome polward_ask(polward_session *session, const char *path, const char *input, size_t n_input, const char **answer,
                            size_t *n_answer, char *why, size_t n_why)
{
    pol_value result;
    pol_error err;
    *answer = NULL;
    *n_answer = 0;
    shared_bundle *shared = retain(session->engine);
    bool ok = run(session, shared->bundle, path, pol_bytes_of(input, n_input), &result, &err);
    bool defined = ok && pol_is_defined(result);
    if (defined) {
        pol_buf_clear(&session->answer);
        pol_json_write(&session->answer, result, POL_JSON_COMPACT);
        *answer = (const char *)session->answer.at;
        *n_answer = session->answer.n;
    }
    release(session->engine, shared);
    if (!ok)
        say(why, n_why, &err);
    return defined ? POLWARD_DEFINED : ok ? POLWARD_UNDEFINED : POLWARD_FAILED;
}

bool polward_allows(polward_session *session, const char *input, size_t n_input)
{
    const char *answer;
    size_t n;
    polward_outcome outcome = polward_ask(session, "polward/allow", input, n_input, &answer, &n, NULL, 0);
    return outcome == POLWARD_DEFINED && pol_bytes_is(pol_bytes_of(answer, n), "true");
}
