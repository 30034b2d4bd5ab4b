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

static pol_value index_of(pol_value routes)
{
    pol_value index;
    pol_error err;
    if (!pol_route_index(&arena, routes, &index, &err))
        fail_msg("%s", err.text);
    return index;
}

static void assert_route(pol_value routes, const char *method, const char *path, const char *action)
{
    pol_value captures, route = pol_route_find(&arena, index_of(routes), pol_bytes_text(method), pol_bytes_text(path), &captures);
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

/* ---- the index against a plain search ---- */

/* Is template a more specific than b, both matching one path? */
static bool is_more_specific(const char *a, const char *b)
{
    for (;;) {
        int kinds[2];
        const char *both[] = {a + 1, b + 1};
        for (int i = 0; i < 2; i++)
            kinds[i] = both[i][0] != '{' ? 0 : strcspn(both[i], "/") > 4 && strncmp(both[i] + strcspn(both[i], "}") - 3, "...", 3) == 0 ? 2 : 1;
        if (kinds[0] != kinds[1])
            return kinds[0] < kinds[1];
        a = strchr(a + 1, '/');
        b = strchr(b + 1, '/');
        if (!a || !b)
            return false;
    }
}

static pol_value search(pol_value routes, const char *method, const char *path)
{
    pol_value best = pol_undefined(), captures;
    for (uint32_t i = 0; i < routes.n; i++) {
        pol_value route = pol_element(routes, i), template = pol_object_member(route, "template");
        if (pol_bytes_is(pol_text(pol_object_member(route, "method")), method) &&
            pol_template_match(&arena, pol_text(template), pol_bytes_text(path), &captures) &&
            (!pol_is_defined(best) || is_more_specific((const char *)template.text, (const char *)pol_object_member(best, "template").text)))
            best = route;
    }
    return best;
}

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 16;
}

static void random_path(char *out, uint32_t *seed, bool is_template)
{
    static const char *const segments[] = {"a", "b", "ab", "{", "=", "a.b"}, *const names[] = {"{x}", "{id}", "{y}"};
    uint32_t n = 1 + next(seed) % 4;
    *out = 0;
    for (uint32_t i = 0; i < n; i++) {
        strcat(out, "/");
        bool last = i + 1 == n;
        uint32_t kind = next(seed) % 8;
        if (is_template && last && kind == 0)
            strcat(out, "{rest...}");
        else if (is_template && kind < 3)
            strcat(out, names[next(seed) % 3]);
        else if (!last || kind != 7)
            strcat(out, segments[is_template && next(seed) % 2 ? next(seed) % 3 : next(seed) % (is_template ? 3 : 6)]);
    }
}

static void the_index_finds_what_a_search_finds(void **state)
{
    (void)state;
    static const char *const methods[] = {"GET", "POST", "G"};
    uint32_t seed = 7, found = 0;
    for (int round = 0; round < 300; round++) {
        pol_arena_reset(&arena);
        pol_buf json = {0};
        char path[200], shapes[40][200], shape[200];
        uint32_t n = 0;
        pol_buf_text(&json, "[");
        for (uint32_t i = 0; i < 40; i++) {
            const char *method = methods[next(&seed) % 3];
            random_path(path, &seed, true);
            /* two of one shape are refused by the compiler */
            char *to = shape + sprintf(shape, "%s ", method);
            for (const char *c = path; *c; c++) {
                *to++ = *c;
                if (*c == '{' && strncmp(c, "{rest", 5) != 0)
                    c += strcspn(c, "}") - 1;
            }
            *to = 0;
            bool twice = false;
            for (uint32_t k = 0; k < n; k++)
                twice = twice || strcmp(shapes[k], shape) == 0;
            if (twice)
                continue;
            strcpy(shapes[n++], shape);
            pol_buf_printf(&json, "%s{\"method\":\"%s\",\"template\":\"%s\",\"action\":\"%u\",\"type\":\"t\"}", n > 1 ? "," : "", method, path, i);
        }
        pol_buf_text(&json, "]");
        pol_value routes = from_json(&arena, (const char *)json.at), index = index_of(routes), captures;
        for (int i = 0; i < 100; i++) {
            const char *method = methods[next(&seed) % 3];
            random_path(path, &seed, false);
            pol_value wanted = search(routes, method, path), got = pol_route_find(&arena, index, pol_bytes_text(method), pol_bytes_text(path), &captures);
            if (pol_is_defined(wanted) != pol_is_defined(got) || (pol_is_defined(got) && !pol_equal(got, wanted)))
                fail_msg("%s %s by %s", method, path, (const char *)json.at);
            found += pol_is_defined(got);
        }
        pol_buf_deinit(&json);
    }
    assert_true(found > 5000);
}

static void malformed_routes_are_refused(void **state)
{
    (void)state;
    static const char *const lists[] = {"[{\"method\":\"GET\"}]", "[{\"method\":1,\"template\":\"/a\"}]", "[{\"method\":\"GET\",\"template\":\"/{a\"}]", "[1]"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        pol_value index;
        pol_error err;
        if (pol_route_index(&arena, from_json(&arena, lists[i]), &index, &err))
            fail_msg("%s was taken", lists[i]);
        assert_string_equal(err.text, "route 0 of the bundle's manifest has no method, or no template that can be matched");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_decoded_once),
        cmocka_unit_test(a_path_without_normal_form_is_refused),
        cmocka_unit_test(templates_capture_whole_segments),
        cmocka_unit_test(malformed_templates_are_known),
        cmocka_unit_test(a_literal_wins_over_a_name_and_a_name_over_the_rest),
        cmocka_unit_test(the_index_finds_what_a_search_finds),
        cmocka_unit_test(malformed_routes_are_refused),
    };
    pol_arena_init(&arena, 0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pol_arena_deinit(&arena);
    return failed;
}
