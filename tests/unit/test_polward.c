/* SPDX-License-Identifier: Apache-2.0
 * The C interface for services: bundles opened, replaced and asked.
 */
#include "compiler/compile.h"
#include "runtime/polward.h"
#include "tests/unit/identity_fixture.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/polward-unit-XXXXXX";

static const char *path_of(const char *name)
{
    static _Thread_local char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void keep_file(const char *name, pol_bytes bytes)
{
    FILE *file = fopen(path_of(name), "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.at, 1, bytes.n, file), bytes.n);
    fclose(file);
}

static void compile_file(const char *name, const char *policy)
{
    pol_compile_options options = {.optimise = true};
    pol_compiler *c = pol_compiler_new(&options);
    pol_buf bytes = {0};
    pol_error err;
    pol_compiler_add_module(c, "p.pol", pol_bytes_text(policy));
    assert_true(pol_compiler_run(c));
    assert_true(pol_compiler_bundle(c, &bytes, &err));
    keep_file(name, pol_buf_view(&bytes));
    pol_buf_deinit(&bytes);
    pol_compiler_free(c);
}

static const char alice[] = "{\"subject\": {\"type\": \"user\", \"id\": \"alice\"}, \"action\": {\"name\": \"read\"}, "
                            "\"resource\": {\"type\": \"page\"}}";

static void assert_answer(polward_session *session, const char *path, const char *wanted)
{
    const char *answer;
    size_t n;
    char why[200] = "";
    assert_int_equal(polward_ask(session, path, alice, sizeof alice - 1, &answer, &n, why, sizeof why), POLWARD_DEFINED);
    assert_int_equal(n, strlen(wanted));
    assert_memory_equal(answer, wanted, n);
}

static void decision_is_answered_as_json(void **state)
{
    (void)state;
    polward_engine *engine = polward_engine_open(path_of("yes.polb"), NULL, NULL, 0);
    assert_non_null(engine);
    polward_session *session = polward_session_new(engine);
    assert_answer(session, "polward/allow", "true");
    assert_answer(session, "p/name", "\"alice\"");
    assert_true(polward_allows(session, alice, sizeof alice - 1));
    polward_session_free(session);
    polward_engine_close(engine);
}

static void undefined_and_failed_are_told_apart(void **state)
{
    (void)state;
    const char *answer;
    size_t n;
    char why[200] = "";
    polward_engine *engine = polward_engine_open(path_of("yes.polb"), NULL, NULL, 0);
    polward_session *session = polward_session_new(engine);
    assert_int_equal(polward_ask(session, "p/nothing", alice, sizeof alice - 1, &answer, &n, why, sizeof why), POLWARD_UNDEFINED);
    assert_null(answer);
    assert_int_equal(polward_ask(session, "p/name", "{", 1, &answer, &n, why, sizeof why), POLWARD_FAILED);
    assert_true(strlen(why) > 0);
    assert_false(polward_allows(session, "{", 1));
    polward_session_free(session);
    polward_engine_close(engine);
}

static void reload_changes_the_answer_and_keeps_the_old_bundle_when_it_fails(void **state)
{
    (void)state;
    char why[200] = "";
    polward_engine *engine = polward_engine_open(path_of("yes.polb"), NULL, NULL, 0);
    polward_session *session = polward_session_new(engine);
    keep_file("bad.polb", POL_BYTES("not a bundle"));
    assert_false(polward_engine_reload(engine, path_of("bad.polb"), why, sizeof why));
    assert_true(strlen(why) > 0);
    assert_true(polward_allows(session, alice, sizeof alice - 1));
    assert_true(polward_engine_reload(engine, path_of("no.polb"), why, sizeof why));
    assert_false(polward_allows(session, alice, sizeof alice - 1));
    polward_session_free(session);
    polward_engine_close(engine);
}

static void missing_and_unsigned_bundles_are_refused(void **state)
{
    (void)state;
    static const uint8_t key[32] = {1};
    const uint8_t *keys[] = {key};
    polward_options options = {.public_keys = keys, .n_public_keys = 1};
    char why[8] = "xxxxxxx";
    assert_null(polward_engine_open(path_of("none.polb"), NULL, why, sizeof why));
    assert_int_equal(strlen(why), sizeof why - 1);
    assert_null(polward_engine_open(path_of("yes.polb"), &options, NULL, 0));
}

/* ---- identities ---- */

static const char token_header[] = "{\"alg\":\"ES256\",\"kid\":\"k1\"}";
static const char claims_of_alice[] = "{\"iss\":\"https://id.example\",\"aud\":\"pages\",\"sub\":\"alice\",\"exp\":4102444800}";
static const char action[] = "{\"name\":\"read\"}", resource[] = "{\"type\":\"page\",\"id\":\"1\"}";

static const char *text_of_token(pol_arena *arena, pol_bytes token)
{
    return pol_arena_printf(arena, "%.*s", (int)token.n, (const char *)token.at);
}

static polward_identity *open_identity(EVP_PKEY *key)
{
    static const char *const audiences[] = {"pages"}, *const algorithms[] = {"ES256"};
    pol_buf jwks = {0};
    pol_buf_text(&jwks, "{\"keys\":[");
    put_jwk(&jwks, key);
    pol_buf_text(&jwks, "]}");
    keep_file("jwks.json", pol_buf_view(&jwks));
    pol_buf_deinit(&jwks);
    polward_issuer issuer = {.issuer = "https://id.example", .jwks_file = path_of("jwks.json"), .audiences = audiences, .n_audiences = 1, .algorithms = algorithms, .n_algorithms = 1};
    polward_identity_options options = {.issuers = &issuer, .n_issuers = 1};
    polward_identity *identity = polward_identity_open(&options, NULL, 0);
    assert_non_null(identity);
    return identity;
}

static void assert_decides(polward_session *session, const polward_identity *identity, const polward_request *request, polward_outcome wanted, const char *text)
{
    const char *answer;
    size_t n;
    char why[200] = "";
    for (int i = 0; i < 2; i++) { /* the second time with what the first one left in caches */
        assert_int_equal(polward_decide(session, identity, "p/name", request, &answer, &n, why, sizeof why), wanted);
        assert_string_equal(wanted == POLWARD_DEFINED ? answer : why, text);
    }
}

static void tokens_are_verified_before_they_count(void **state)
{
    (void)state;
    EVP_PKEY *key = make_ec_key(), *other = make_ec_key();
    pol_arena arena;
    pol_arena_init(&arena, 0);
    polward_identity *identity = open_identity(key);
    polward_engine *engine = polward_engine_open(path_of("yes.polb"), NULL, NULL, 0);
    polward_session *session = polward_session_new(engine);
    const char *good = text_of_token(&arena, make_token(&arena, key, token_header, claims_of_alice));
    const char *forged = text_of_token(&arena, make_token(&arena, other, token_header, claims_of_alice));
    polward_request request = {.action = action, .resource = resource, .token = good};
    assert_decides(session, identity, &request, POLWARD_DEFINED, "\"alice\"");
    assert_decides(session, NULL, &request, POLWARD_REFUSED, "token_issuer: the token is from no configured issuer");
    request.token = forged;
    assert_decides(session, identity, &request, POLWARD_REFUSED, "token_signature: the token's signature does not match");
    request.token = good;
    request.subject = "{\"type\":\"user\",\"id\":\"bob\"}";
    assert_decides(session, identity, &request, POLWARD_REFUSED, "subject_mismatch: the subject named in the request is not the one that was verified");
    request.subject = NULL;
    request.action = "[]";
    assert_decides(session, identity, &request, POLWARD_FAILED, "action is not an object");
    request.action = action;
    request.headers = "{\"Accept\":\"x\"}";
    assert_decides(session, identity, &request, POLWARD_FAILED, "headers: a name is not in lower case");
    polward_session_free(session);
    polward_engine_close(engine);
    polward_identity_close(identity);
    pol_arena_deinit(&arena);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}

static void an_identity_without_keys_is_told(void **state)
{
    (void)state;
    static const char *const algorithms[] = {"ES256"};
    polward_issuer issuer = {.issuer = "https://id.example", .jwks_file = path_of("none.json"), .algorithms = algorithms, .n_algorithms = 1};
    char why[200] = "";
    assert_null(polward_identity_open(&(polward_identity_options){.issuers = &issuer, .n_issuers = 1}, why, sizeof why));
    assert_true(strlen(why) > 0);
}

typedef struct {
    polward_engine *engine;
    atomic_bool stop;
    atomic_uint wrong;
} shared_state;

static void *ask_until_told(void *context)
{
    shared_state *s = context;
    polward_session *session = polward_session_new(s->engine);
    while (!atomic_load(&s->stop)) {
        const char *answer;
        size_t n;
        if (polward_ask(session, "p/name", alice, sizeof alice - 1, &answer, &n, NULL, 0) != POLWARD_DEFINED || n != 7)
            atomic_fetch_add(&s->wrong, 1);
    }
    polward_session_free(session);
    return NULL;
}

static void bundles_are_replaced_while_threads_decide(void **state)
{
    (void)state;
    shared_state s = {.engine = polward_engine_open(path_of("yes.polb"), NULL, NULL, 0)};
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_until_told, &s), 0);
    for (int i = 0; i < 100; i++)
        assert_true(polward_engine_reload(s.engine, path_of(i % 2 ? "yes.polb" : "no.polb"), NULL, 0));
    atomic_store(&s.stop, true);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&s.wrong), 0);
    polward_engine_close(s.engine);
}

static int make_bundles(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    compile_file("yes.polb", "package p\n\nname := input.subject.id\n\npermit anyone to read on page\n");
    compile_file("no.polb", "package p\n\nname := input.subject.id\n\nforbid anyone to read on page\n");
    return 0;
}

static int remove_bundles(void **state)
{
    (void)state;
    unlink(path_of("yes.polb"));
    unlink(path_of("no.polb"));
    unlink(path_of("bad.polb"));
    unlink(path_of("jwks.json"));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decision_is_answered_as_json),
        cmocka_unit_test(undefined_and_failed_are_told_apart),
        cmocka_unit_test(reload_changes_the_answer_and_keeps_the_old_bundle_when_it_fails),
        cmocka_unit_test(missing_and_unsigned_bundles_are_refused),
        cmocka_unit_test(tokens_are_verified_before_they_count),
        cmocka_unit_test(an_identity_without_keys_is_told),
        cmocka_unit_test(bundles_are_replaced_while_threads_decide),
    };
    return cmocka_run_group_tests(tests, make_bundles, remove_bundles);
}
