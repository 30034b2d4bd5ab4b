/* SPDX-License-Identifier: Apache-2.0
 * What is known of opaque tokens ends when it must: by the thread, by the process and by the second level, under a clock that the test moves.
 */
#include "tests/unit/opaque_fixture.h"

enum { THREAD, PROCESS, SHARED, LEVELS }; /* where a token is known: by all three; by the last two; by the last one */

static int64_t clock_at; /* nanoseconds */

static int64_t read_clock(void)
{
    return clock_at;
}

static pol_arena arena;

/* The same numbers each time. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* "active", or the reason; "asked": it is not known. What is asked stays without an answer. */
static const char *judge(const pol_trust *trust, pol_view *view, pol_bytes token)
{
    pol_verified_token seen;
    view->pending = false;
    pol_arena_reset(&arena);
    const char *why = pol_trust_token(trust, NULL, view, &arena, token, clock_at, &seen);
    return view->pending ? "asked" : why ? why : "active";
}

enum { LOOKS = 8 };

typedef struct {
    pol_trust *trust;
    pol_trust *others[LOOKS]; /* the same by other clients: what is known to one is not to another */
    asked_level asked, shared_asked;
    pol_opaque_cache *cache;
    pol_introspection *all, *shared;
} world;

static void begin(world *w, uint64_t cache_ms, uint64_t inactive_ms)
{
    *w = (world){.trust = make_asking_trust("api", cache_ms, inactive_ms), .cache = pol_opaque_cache_new()};
    w->all = make_introspection(&w->asked);
    w->shared = make_introspection(&w->shared_asked);
    pol_introspection_set_clock(w->all, read_clock);
    pol_introspection_set_clock(w->shared, read_clock);
    for (unsigned i = 0; i < LOOKS; i++) {
        char client[16];
        snprintf(client, sizeof client, "other-%u", i);
        w->others[i] = make_asking_trust(client, cache_ms, inactive_ms);
    }
}

static void end(world *w)
{
    if (w->asked.found)
        answer_level(&w->asked, 0, "");
    pol_introspection_free(w->all);
    pol_introspection_free(w->shared);
    pol_opaque_cache_free(w->cache);
    pol_trust_free(w->trust);
    for (unsigned i = 0; i < LOOKS; i++)
        pol_trust_free(w->others[i]);
}

/* What comes of token where the level that knows is the given one. from_ns, text: what the second level has. look: a number not used for this token before. */
static const char *judge_at(world *w, unsigned level, unsigned look, pol_bytes token, int64_t from_ns, const char *text)
{
    pol_view view = {.introspection = w->all, .opaque = level == THREAD ? w->cache : NULL};
    if (level != SHARED)
        return judge(w->trust, &view, token);
    view.introspection = w->shared;
    assert_string_equal(judge(w->others[look], &view, token), "asked");
    answer_level(&w->shared_asked, from_ns, text);
    return judge(w->others[look], &view, token);
}

static int compare_times(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* 10,000 tokens with random lifetimes, each looked for at random times and at the nanoseconds around its end: never known at or after exp, nor longer than it may be kept, by no
 * level; and known by all as long as it may be. */
static void nothing_is_known_after_exp(void **state)
{
    (void)state;
    enum { TOKENS = 10000, CACHE_MS = 60000 };
    const int64_t second = 1000000000, cache_ns = CACHE_MS * INT64_C(1000000);
    uint64_t seed = 88172645463325252u;
    unsigned n_known = 0, n_over = 0;
    world w;
    for (unsigned i = 0; i < TOKENS; i++) {
        if (i % 1000 == 0) {
            if (i)
                end(&w);
            begin(&w, CACHE_MS, 5000);
        }
        int64_t from = NOW_NS + (int64_t)(next_random(&seed) % (uint64_t)(100000 * second));
        int64_t quarters = from / (second / 4) + 1 + (int64_t)(next_random(&seed) % (i % 2 ? 40 : 800)); /* exact as a double */
        int64_t exp = quarters * (second / 4), until = exp < from + cache_ns ? exp : from + cache_ns;
        char name[32], text[160];
        snprintf(name, sizeof name, "token-%u", i);
        snprintf(text, sizeof text, "{\"active\":true,\"sub\":\"ann\",\"exp\":%lld.%02d}", (long long)(quarters / 4), (int)(quarters % 4) * 25);
        pol_bytes token = pol_bytes_text(name);
        /* learnt at its beginning */
        clock_at = from;
        pol_view view = {.introspection = w.all, .opaque = w.cache};
        assert_string_equal(judge(w.trust, &view, token), "asked");
        answer_level(&w.asked, from, text);
        assert_string_equal(judge(w.trust, &view, token), "active");
        int64_t looks[LOOKS] = {from, until - 1, until, exp - 1, exp, exp + 1};
        for (unsigned k = 6; k < LOOKS; k++)
            looks[k] = from + (int64_t)(next_random(&seed) % (uint64_t)(2 * (exp - from)));
        qsort(looks, LOOKS, sizeof *looks, compare_times);
        for (unsigned k = 0; k < LOOKS; k++) {
            clock_at = looks[k];
            bool may = clock_at < until;
            const char *by[LEVELS];
            /* first what the thread has: to look further makes the process ask anew */
            for (unsigned level = 0; level < LEVELS; level++) {
                by[level] = judge_at(&w, level, k, token, from, text);
                if (w.asked.found)
                    answer_level(&w.asked, from, text);
            }
            for (unsigned level = 0; level < LEVELS; level++) {
                bool active = strcmp(by[level], "active") == 0;
                if (active != may)
                    fail_msg("token %u, level %u: %s, %lld ns after its end", i, level, by[level], (long long)(clock_at - until));
            }
            n_known += may;
            n_over += !may;
        }
    }
    end(&w);
    assert_true(n_known > TOKENS * 2 && n_over > TOKENS * 2);
}

static void a_clock_that_is_set_back_knows_nothing(void **state)
{
    (void)state;
    world w;
    static const char text[] = "{\"active\":true,\"sub\":\"ann\"}";
    begin(&w, 60000, 5000);
    pol_view view = {.introspection = w.all, .opaque = w.cache};
    clock_at = NOW_NS;
    assert_string_equal(judge(w.trust, &view, POL_BYTES("t")), "asked");
    answer_level(&w.asked, clock_at, text);
    assert_string_equal(judge(w.trust, &view, POL_BYTES("t")), "active");
    clock_at = NOW_NS - 1;
    for (unsigned level = 0; level < LEVELS; level++) {
        assert_string_not_equal(judge_at(&w, level, 0, POL_BYTES("t"), NOW_NS, text), "active");
        if (w.asked.found)
            answer_level(&w.asked, NOW_NS, text);
    }
    end(&w);
}

static void that_a_token_is_not_active_is_known_for_its_time(void **state)
{
    (void)state;
    world w;
    begin(&w, 60000, 5000);
    pol_view view = {.introspection = w.all, .opaque = w.cache};
    clock_at = NOW_NS;
    assert_string_equal(judge(w.trust, &view, POL_BYTES("t")), "asked");
    answer_level(&w.asked, clock_at, "{\"active\":false}");
    assert_string_equal(judge(w.trust, &view, POL_BYTES("t")), "token_inactive");
    clock_at += INT64_C(5000000000) - 1;
    assert_string_equal(judge(w.trust, &view, POL_BYTES("t")), "token_inactive");
    assert_int_equal(w.asked.n_asked, 1);
    clock_at++;
    assert_string_equal(judge(w.trust, &view, POL_BYTES("t")), "asked");
    assert_int_equal(w.asked.n_asked, 2);
    end(&w);
}

static void all_who_want_one_token_make_one_question(void **state)
{
    (void)state;
    world w;
    begin(&w, 60000, 5000);
    clock_at = NOW_NS;
    for (unsigned i = 0; i < 5; i++) {
        pol_view view = {.introspection = w.all, .waiter = i};
        assert_string_equal(judge(w.trust, &view, POL_BYTES("t")), "asked");
        assert_true(pol_introspection_is_pending(w.all, view.awaited.key));
    }
    pol_view last = {.introspection = w.all, .give_up = true};
    assert_string_equal(judge(w.trust, &last, POL_BYTES("t")), "introspection_failed");
    assert_int_equal(w.asked.n_asked, 1);
    answer_level(&w.asked, clock_at, "{\"active\":true}");
    assert_false(pol_introspection_is_pending(w.all, last.awaited.key));
    assert_string_equal(judge(w.trust, &last, POL_BYTES("t")), "active");
    end(&w);
}

static void what_the_second_level_says_is_read_strictly(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "x", "{}", "{\"active\":1}", "{\"active\":true}x", "{\"active\":true,\"active\":true}", "{\"active\":true,\"exp\":\"never\"}",
                                        "{\"active\":true,\"exp\":1}"};
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        world w;
        begin(&w, 60000, 5000);
        clock_at = NOW_NS;
        /* with no issuer to ask, what is not known has failed */
        assert_string_equal(judge_at(&w, SHARED, 0, POL_BYTES("t"), NOW_NS, texts[i]), "introspection_failed");
        assert_string_equal(judge_at(&w, SHARED, 1, POL_BYTES("t"), NOW_NS + 1, "{\"active\":true}"), "introspection_failed");
        assert_string_equal(judge_at(&w, SHARED, 2, POL_BYTES("t"), -1, "{\"active\":true}"), "introspection_failed");
        end(&w);
    }
}

/* More tokens than there is room for, in one thread and in the process: what is wanted often stays. */
static void what_is_wanted_often_stays(void **state)
{
    (void)state;
    enum { MANY = 40000, OFTEN = 200 };
    world w;
    begin(&w, 60000, 5000);
    clock_at = NOW_NS;
    for (unsigned i = 0; i < MANY + OFTEN; i++) {
        char name[32];
        pol_view view = {.introspection = w.all, .opaque = w.cache};
        snprintf(name, sizeof name, "token-%u", i);
        if (strcmp(judge(w.trust, &view, pol_bytes_text(name)), "asked") == 0)
            answer_level(&w.asked, clock_at, "{\"active\":true}");
        for (unsigned k = 0; k < (i < OFTEN ? 5 : 1); k++)
            assert_string_equal(judge(w.trust, &view, pol_bytes_text(name)), "active");
    }
    pol_opaque_counts before = pol_opaque_cache_count(w.cache);
    assert_true(before.entries <= 16384);
    for (unsigned i = 0; i < OFTEN; i++) {
        char name[32];
        pol_view view = {.introspection = w.all, .opaque = w.cache};
        snprintf(name, sizeof name, "token-%u", i);
        assert_string_equal(judge(w.trust, &view, pol_bytes_text(name)), "active");
    }
    assert_int_equal(pol_opaque_cache_count(w.cache).hits - before.hits, OFTEN);
    end(&w);
}

static void configurations_that_cannot_be_right_are_refused(void **state)
{
    (void)state;
    pol_introspector_config good = {.url = "https://id.example/i", .client_id = "api", .auth = POL_CLIENT_CERTIFICATE, .cert_file = "c", .key_file = "k"};
    const struct {
        pol_introspector_config config;
        const char *why;
    } rows[] = {
        {{.url = "http://id.example/i", .client_id = "api"}, "http"},
        {{.url = "https://id.example/i"}, "client_id"},
        {{.url = "https://id.example/i", .client_id = "api"}, "secret_file"},
        {{.url = "https://id.example/i", .client_id = "api", .secret_file = "/nowhere/secret"}, "/nowhere/secret"},
        {{.url = "https://id.example/i", .client_id = "api", .auth = POL_CLIENT_ASSERTION}, "jwk_file"},
        {{.url = "https://id.example/i", .client_id = "api", .auth = POL_CLIENT_CERTIFICATE, .cert_file = "c"}, "certificate"},
    };
    pol_trust *trust;
    pol_error err;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        pol_issuer_config issuer = {.issuer = "https://id.example", .introspection = rows[i].config};
        pol_trust_config config = {.issuers = &issuer, .n_issuers = 1};
        assert_false(pol_trust_new(&config, &trust, &err));
        assert_non_null(strstr(err.text, rows[i].why));
    }
    const char *const prefixes[][2] = {{NULL, NULL}, {"a_", NULL}, {"a_", "a_"}, {"a_", "a_b_"}, {"a_b_", "a_"}, {"a_", "b_"}};
    for (unsigned i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        pol_issuer_config issuers[] = {{.issuer = "https://a.example", .introspection = good, .subject_prefix = "a:"}, {.issuer = "https://b.example", .introspection = good, .subject_prefix = "b:"}};
        issuers[0].introspection.token_prefix = prefixes[i][0];
        issuers[1].introspection.token_prefix = prefixes[i][1];
        pol_trust_config config = {.issuers = issuers, .n_issuers = 2};
        bool ok = pol_trust_new(&config, &trust, &err);
        assert_int_equal(ok, i == 5);
        if (ok)
            pol_trust_free(trust);
    }
}

static int make_all(void **state)
{
    (void)state;
    pol_arena_init(&arena, 0);
    return 0;
}

static int drop_all(void **state)
{
    (void)state;
    pol_arena_deinit(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_after_exp),
        cmocka_unit_test(a_clock_that_is_set_back_knows_nothing),
        cmocka_unit_test(that_a_token_is_not_active_is_known_for_its_time),
        cmocka_unit_test(all_who_want_one_token_make_one_question),
        cmocka_unit_test(what_the_second_level_says_is_read_strictly),
        cmocka_unit_test(what_is_wanted_often_stays),
        cmocka_unit_test(configurations_that_cannot_be_right_are_refused),
    };
    return cmocka_run_group_tests(tests, make_all, drop_all);
}
