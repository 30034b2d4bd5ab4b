/* SPDX-License-Identifier: Apache-2.0
 * Normal form of paths, templates, and which route wins.
 */
#include "runtime/identity/route.h"
#include "tests/unit/identity_fixture.h"

static pol_arena arena;

static void a_path_is_decoded_once(void **state)
{
    (void)state;
    pol_bytes normal;
    assert_true(pol_path_normal(&arena, POL_BYTES("/a%20b/%C3%A4/%2541/x"), &normal));
    assert_true(pol_bytes_is(normal, "/a b/\xc3\xa4/%41/x"));
    assert_true(pol_path_normal(&arena, POL_BYTES("/a/"), &normal));
    assert_true(pol_bytes_is(normal, "/a/"));
    assert_true(pol_path_normal(&arena, POL_BYTES("/"), &normal));
}

static void a_path_without_normal_form_is_refused(void **state)
{
    (void)state;
    static const char *const paths[] = {"", "a", "//", "//a", "/a//b", "/./a", "/a/..", "/%2e%2e/a", "/a/%2E", "/a\\b", "/a%5Cb", "/a%2Fb",
                                        "/a%2fb", "/a%00b", "/a%", "/a%2", "/a%zz", "/%ff", "/\xff", "/a?b", "/a#b"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        pol_bytes normal;
        if (pol_path_normal(&arena, pol_bytes_text(paths[i]), &normal))
            fail_msg("%s was taken", paths[i]);
    }
}

static void assert_match(const char *template, const char *path, const char *want)
{
    pol_value captures;
    assert_true(pol_template_valid(pol_bytes_text(template)));
    bool ok = pol_template_match(&arena, pol_bytes_text(template), pol_bytes_text(path), &captures);
    if (ok != (want != NULL))
        fail_msg("%s and %s: %s", template, path, ok ? "match" : "no match");
    if (want)
        assert_json(captures, want);
}

static void templates_capture_whole_segments(void **state)
{
    (void)state;
    assert_match("/v1/orders/{id}", "/v1/orders/42", "{\"id\":\"42\"}");
    assert_match("/v1/orders/{id}", "/v1/orders/", NULL);
    assert_match("/v1/orders/{id}", "/v1/orders/42/", NULL);
    assert_match("/v1/orders/{id}/", "/v1/orders/42/", "{\"id\":\"42\"}");
    assert_match("/v1/orders", "/v1/orders", "{}");
    assert_match("/v1/orders", "/v1/ORDERS", NULL);
    assert_match("/f/{rest...}", "/f/a/b/c", "{\"rest\":\"a/b/c\"}");
    assert_match("/f/{rest...}", "/f/", "{\"rest\":\"\"}");
    assert_match("/f/{rest...}", "/f", NULL);
    assert_match("/{a}/{b}", "/x/y", "{\"a\":\"x\",\"b\":\"y\"}");
}

static void malformed_templates_are_known(void **state)
{
    (void)state;
    static const char *const templates[] = {"", "a", "/{a", "/a}", "/x{a}", "/{a}x", "/{rest...}/a", "//a", "/{a{b}}"};
    for (size_t i = 0; i < sizeof templates / sizeof *templates; i++) {
        if (pol_template_valid(pol_bytes_text(templates[i])))
            fail_msg("%s was taken", templates[i]);
    }
}

static void assert_route(pol_value routes, const char *method, const char *path, const char *action)
{
    pol_value captures, route = pol_route_find(&arena, routes, pol_bytes_text(method), pol_bytes_text(path), &captures);
    pol_value got = pol_object_member(route, "action");
    if (!action)
        assert_false(pol_is_defined(route));
    else if (!pol_bytes_is(pol_text(got), action))
        fail_msg("%s %s: %.*s, not %s", method, path, (int)got.n, (const char *)got.text, action);
}

static void a_literal_wins_over_a_name_and_a_name_over_the_rest(void **state)
{
    (void)state;
    /* in the order that would go wrong if the first match won */
    pol_value routes = from_json(&arena, "[{\"method\":\"GET\",\"template\":\"/{rest...}\",\"action\":\"any\",\"type\":\"t\"},"
                                         "{\"method\":\"GET\",\"template\":\"/a/{id}\",\"action\":\"read\",\"type\":\"t\"},"
                                         "{\"method\":\"GET\",\"template\":\"/{x}/new\",\"action\":\"other\",\"type\":\"t\"},"
                                         "{\"method\":\"GET\",\"template\":\"/a/new\",\"action\":\"form\",\"type\":\"t\"},"
                                         "{\"method\":\"POST\",\"template\":\"/a/{id}\",\"action\":\"write\",\"type\":\"t\"}]");
    assert_route(routes, "GET", "/a/new", "form");
    assert_route(routes, "GET", "/a/1", "read");
    assert_route(routes, "GET", "/b/new", "other");
    assert_route(routes, "GET", "/b/c/d", "any");
    assert_route(routes, "POST", "/a/new", "write");
    assert_route(routes, "HEAD", "/a/1", NULL);
    assert_route(routes, "get", "/a/1", NULL);
    assert_route(pol_undefined(), "GET", "/a/1", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_decoded_once),
        cmocka_unit_test(a_path_without_normal_form_is_refused),
        cmocka_unit_test(templates_capture_whole_segments),
        cmocka_unit_test(malformed_templates_are_known),
        cmocka_unit_test(a_literal_wins_over_a_name_and_a_name_over_the_rest),
    };
    pol_arena_init(&arena, 0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pol_arena_deinit(&arena);
    return failed;
}
