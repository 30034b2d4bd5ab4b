/* SPDX-License-Identifier: Apache-2.0
 * YAML text into values: scalars as OPA reads them, aliases and merge keys, hostile texts.
 */
#include "runtime/json.h"
#include "runtime/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* What text is as JSON, or "error". */
static void assert_reads(const char *text, const char *wanted)
{
    pol_arena arena;
    pol_value v;
    pol_error err;
    pol_buf got = {0};
    pol_arena_init(&arena, 0);
    if (pol_yaml_read(&arena, pol_bytes_text(text), &v, &err))
        pol_json_write(&got, v, 0);
    else
        pol_buf_text(&got, "error");
    assert_string_equal((const char *)got.at, wanted);
    pol_buf_deinit(&got);
    pol_arena_deinit(&arena);
}

static void plain_scalars_are_null_booleans_numbers_or_strings(void **state)
{
    (void)state;
    assert_reads("[null, ~, '', Null]", "[null,null,\"\",null]");
    assert_reads("[true, True, yes, on, false, No, OFF]", "[true,true,\"yes\",\"on\",false,\"No\",\"OFF\"]");
    assert_reads("[1, -2, +3, 1.5, -0.25, 1e3, 0x1f, 0b101, 0o17, 017]", "[1,-2,3,1.5,-0.25,1000,31,5,15,15]");
    assert_reads("[1.2.3, 2026-01-02, 12:30, 0x, 1e, '1', \"true\", a b]",
                 "[\"1.2.3\",\"2026-01-02\",\"12:30\",\"0x\",\"1e\",\"1\",\"true\",\"a b\"]");
    assert_reads("!!str 12", "\"12\"");
    assert_reads("[12345678901234567890, 12345678901234567890123, 08, 1_000]", "[12345678901234567890,1.2345678901234568e+22,8,1000]");
}

static void collections_nest(void **state)
{
    (void)state;
    assert_reads("a:\n  - 1\n  - {b: [c, d]}\ne: {}\n", "{\"a\":[1,{\"b\":[\"c\",\"d\"]}],\"e\":{}}");
    assert_reads("b: 1\na: 2\n", "{\"a\":2,\"b\":1}");
    assert_reads("text: |\n  one\n  two\n", "{\"text\":\"one\\ntwo\\n\"}");
    assert_reads("{\"json\": [1, {\"too\": null}]}", "{\"json\":[1,{\"too\":null}]}");
}

static void keys_are_strings(void **state)
{
    (void)state;
    assert_reads("{1: a, true: b, 1.5: d}", "{\"1\":\"a\",\"1.5\":\"d\",\"true\":\"b\"}");
    assert_reads("{null: c}", "error");
    assert_reads("{[1]: a}", "error");
}

static void aliases_stand_for_what_they_name(void **state)
{
    (void)state;
    assert_reads("a: &x [1, 2]\nb: *x\n", "{\"a\":[1,2],\"b\":[1,2]}");
    assert_reads("a: &x 1\nb: &x 2\nc: *x\n", "{\"a\":1,\"b\":2,\"c\":2}");
    assert_reads("a: *x\n", "error");
    assert_reads("a: &x [*x]\n", "error");
}

static void merge_keys_come_under_own_members(void **state)
{
    (void)state;
    assert_reads("d: &d {a: 1, b: 2}\ne: {<<: *d, b: 3}\n", "{\"d\":{\"a\":1,\"b\":2},\"e\":{\"a\":1,\"b\":3}}");
    assert_reads("e: {b: 3, <<: [{a: 1, b: 1}, {a: 2, c: 2}]}\n", "{\"e\":{\"a\":1,\"b\":3,\"c\":2}}");
    assert_reads("{<<: 1}", "error");
}

static void one_document_is_wanted(void **state)
{
    (void)state;
    assert_reads("", "null");
    assert_reads("# only a comment\n", "null");
    assert_reads("---\na: 1\n", "{\"a\":1}");
    assert_reads("a: 1\n---\nb: 2\n", "error");
    assert_reads("a: [1\n", "error");
    assert_reads("\xff\xfe: 1", "error");
}

static void hostile_texts_end(void **state)
{
    (void)state;
    pol_buf text = {0};
    pol_arena arena;
    pol_value v;
    pol_error err;
    pol_buf_text(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 12; i++)
        pol_buf_printf(&text, "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i, i - 1, i - 1, i - 1, i - 1, i - 1,
                       i - 1, i - 1, i - 1);
    pol_arena_init(&arena, 0);
    assert_false(pol_yaml_read(&arena, pol_buf_view(&text), &v, &err));
    assert_int_equal(err.code, POL_E_LIMIT);
    pol_buf_clear(&text);
    for (int i = 0; i < 2000; i++)
        pol_buf_byte(&text, '[');
    assert_false(pol_yaml_read(&arena, pol_buf_view(&text), &v, &err));
    pol_arena_deinit(&arena);
    pol_arena_init(&arena, 1 << 16);
    pol_buf_clear(&text);
    for (int i = 0; i < 20000; i++)
        pol_buf_text(&text, "- x\n");
    assert_false(pol_yaml_read(&arena, pol_buf_view(&text), &v, &err));
    assert_int_equal(err.code, POL_E_LIMIT);
    pol_arena_deinit(&arena);
    pol_buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_scalars_are_null_booleans_numbers_or_strings),
        cmocka_unit_test(collections_nest),
        cmocka_unit_test(keys_are_strings),
        cmocka_unit_test(aliases_stand_for_what_they_name),
        cmocka_unit_test(merge_keys_come_under_own_members),
        cmocka_unit_test(one_document_is_wanted),
        cmocka_unit_test(hostile_texts_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
