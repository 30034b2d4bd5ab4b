/* SPDX-License-Identifier: Apache-2.0
 * Types: signatures read, unions, what meets what, what an index gives.
 */
#include "compiler/types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static pol_arena arena;

static int set_up(void **state)
{
    (void)state;
    pol_arena_init(&arena, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pol_arena_deinit(&arena);
    return 0;
}

/* The type that text writes, read as the result of a function without arguments. */
static const pol_type *type(const char *text)
{
    pol_signature s;
    assert_true(pol_signature_read(&arena, pol_arena_printf(&arena, "() %s", text), &s));
    return s.result;
}

static void expect_text(const pol_type *t, const char *text)
{
    pol_buf buf = {0};
    pol_type_write(&buf, t);
    assert_string_equal((const char *)buf.at, text);
    pol_buf_deinit(&buf);
}

static void test_signature_with_names(void **state)
{
    (void)state;
    pol_signature s;
    assert_true(
        pol_signature_read(&arena, "(search: string | array[string], n: number) set[any]", &s));
    assert_int_equal(s.n, 2);
    expect_text(s.arguments[0], "string | array[string]");
    expect_text(s.arguments[1], "number");
    expect_text(s.result, "set[any]");
    assert_null(s.rest);
}

static void test_signature_without_result(void **state)
{
    (void)state;
    pol_signature s;
    assert_true(pol_signature_read(&arena, "(array[any]) none", &s));
    assert_int_equal(s.n, 1);
    assert_null(s.result);
}

static void test_malformed_signatures(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "(",
                                        "()",
                                        "(number",
                                        "(number) ",
                                        "(number) number number",
                                        "(nothing) number",
                                        "(array[) number",
                                        "([number) number",
                                        "(object[string]) any",
                                        "({a number}) any"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        pol_signature s;
        assert_false(pol_signature_read(&arena, texts[i], &s));
    }
}

static void test_every_builtin_has_a_signature(void **state)
{
    (void)state;
    for (unsigned i = 0; pol_builtin_at(i); i++) {
        const pol_builtin *b = pol_builtin_at(i);
        pol_signature s;
        if (!pol_signature_read(&arena, b->signature, &s))
            fail_msg("%s: %s", b->name, b->signature);
        if (!(b->flags & POL_VARIADIC))
            assert_int_equal(s.n, pol_builtin_arity(b));
    }
}

static void test_union_has_no_member_twice(void **state)
{
    (void)state;
    const pol_type *a =
        pol_type_or(&arena, type("string | number"), type("number | array[string]"));
    expect_text(a, "string | number | array[string]");
    expect_text(pol_type_or(&arena, a, type("any")), "any");
    expect_text(pol_type_or(&arena, NULL, type("null")), "null");
}

static void test_what_meets(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool meet;
    } rows[] = {
        {"number", "string", false},
        {"number", "any", true},
        {"string | number", "number | null", true},
        {"array[string]", "[string]", true},
        {"array[string]", "[number]", false},
        {"[number]", "[number, number]", false},
        {"array[number]", "set[number]", false},
        {"set[string]", "set[number]", false},
        {"{a: number}", "{a: string}", false},
        {"{a: number}", "{b: number}", false},
        {"{a: number}", "object[string: any]", true},
        {"{a: number, ...}", "{a: number, b: string}", true},
        {"{a: number, ...}", "{a: string, b: string}", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(pol_types_meet(type(rows[i].a), type(rows[i].b)), rows[i].meet);
        assert_int_equal(pol_types_meet(type(rows[i].b), type(rows[i].a)), rows[i].meet);
    }
}

static void test_look_up(void **state)
{
    (void)state;
    const pol_type *object = type("{a: number, b: string}"), *pair = type("[number, string]");
    expect_text(pol_type_select(&arena, object, pol_string_text("b")), "string");
    assert_null(pol_type_select(&arena, object, pol_string_text("c")));
    expect_text(pol_type_select(&arena, pair, pol_int(1)), "string");
    assert_null(pol_type_select(&arena, pair, pol_int(2)));
    assert_null(pol_type_select(&arena, pair, pol_int(-1)));
    expect_text(pol_type_values(&arena, pair), "number | string");
    expect_text(pol_type_keys(&arena, object), "string");
    assert_null(pol_type_keys(&arena, type("boolean")));
    assert_null(pol_type_select(&arena, type("set[string]"), pol_int(1)));
}

/* q0 := [1], q1 := [q0, q0] ...: 2^n elements as a tree. */
static void test_types_stay_small(void **state)
{
    (void)state;
    const pol_type *t = type("number");
    for (int i = 0; i < 200; i++) {
        const pol_type **parts = POL_NEW_ARRAY(&arena, const pol_type *, 2);
        parts[0] = parts[1] = t;
        t = pol_type_array(&arena, parts, 2, NULL);
    }
    assert_true(t->size < 4096);
    assert_true(pol_types_meet(t, t));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signature_with_names),
        cmocka_unit_test(test_signature_without_result),
        cmocka_unit_test(test_malformed_signatures),
        cmocka_unit_test(test_every_builtin_has_a_signature),
        cmocka_unit_test(test_union_has_no_member_twice),
        cmocka_unit_test(test_what_meets),
        cmocka_unit_test(test_look_up),
        cmocka_unit_test(test_types_stay_small),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
