/* SPDX-License-Identifier: Apache-2.0
 * Values: Rego's order, equality and hash, searching (plain, by halves, by index), builders,
 * joining, copying, and collections that lie.
 */
#include "runtime/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

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

static pol_value read(const char *json)
{
    pol_value v;
    pol_error err;
    if (!pol_json_read(&arena, pol_bytes_text(json), NULL, &v, &err))
        fail_msg("%s: %s", json, err.text);
    return v;
}

/* An array read as a set. */
static pol_value read_set(const char *json)
{
    pol_value array = read(json);
    pol_builder b = pol_builder_new(&arena);
    for (uint32_t i = 0; i < array.n; i++)
        pol_builder_add(&b, pol_element(array, i));
    return pol_builder_set(&b);
}

static void assert_is(pol_value v, const char *rego)
{
    pol_buf text = {0};
    pol_rego_write(&text, v);
    assert_string_equal((const char *)text.at, rego);
    pol_buf_deinit(&text);
}

static void types_have_an_order(void **state)
{
    (void)state;
    pol_value in_order[] = {
        pol_undefined(),
        pol_null(),
        pol_bool(false),
        pol_bool(true),
        read("-1e400"),
        pol_int(INT64_MIN),
        pol_int(-2),
        read("-1.5"),
        pol_int(0),
        read("1e-400"),
        read("0.5"),
        pol_int(1),
        read("1.25"),
        pol_int(INT64_MAX),
        read("9223372036854775808"),
        read("1e400"),
        read("\"\""),
        read("\"a\""),
        read("\"a\\u0000\""),
        read("\"ab\""),
        read("\"b\""),
        read("\"\\u00e4\""),
        read("[]"),
        read("[1]"),
        read("[1,2]"),
        read("[2]"),
        read("{}"),
        read("{\"a\":1}"),
        read("{\"a\":1,\"b\":1}"),
        read("{\"a\":2}"),
        read("{\"b\":0}"),
        read_set("[]"),
        read_set("[1]"),
        read_set("[1,3]"),
        read_set("[2]"),
    };
    size_t n = sizeof in_order / sizeof *in_order;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++) {
            int order = pol_compare(in_order[i], in_order[k]);
            if ((i > k) - (i < k) != (order > 0) - (order < 0))
                fail_msg("elements %zu and %zu compare as %d", i, k, order);
            assert_int_equal(pol_equal(in_order[i], in_order[k]), i == k);
        }
}

static void equal_values_have_equal_hashes(void **state)
{
    (void)state;
    static const char *const equal[][4] = {
        {"1", "1.0", "10e-1", "0.1e1"},
        {"0", "-0", "0.0", "0e99"},
        {"2.5", "2.50", "25e-1", "0.25E+1"},
        {"9223372036854775808", "9223372036854775808.0", "9.223372036854775808e18",
         "92233720368547758080e-1"},
        {"-9223372036854775808", "-9.223372036854775808e18", "-9223372036854775808.00",
         "-922337203685477580800E-2"},
        {"100000000000000000000", "1e20", "1E+20", "0.1e21"},
        {"[1,{\"a\":[2]}]", "[1.0,{\"a\":[2]}]", "[1,{\"a\":[2.0]}]",
         "[1e0,{\"\\u0061\":[20e-1]}]"},
        {"\"\\u0061b\"", "\"ab\"", "\"a\\u0062\"", "\"\\u0061\\u0062\""},
    };
    for (size_t i = 0; i < sizeof equal / sizeof *equal; i++)
        for (size_t k = 1; k < 4; k++) {
            pol_value a = read(equal[i][0]), b = read(equal[i][k]);
            assert_true(pol_equal(a, b));
            assert_int_equal(pol_compare(a, b), 0);
            assert_int_equal(pol_hash(a), pol_hash(b));
        }
    assert_int_not_equal(pol_hash(read("[1,2]")), pol_hash(read("[2,1]")));
    assert_int_not_equal(pol_hash(read("[1]")), pol_hash(read_set("[1]")));
    assert_false(pol_equal(read("[1]"), read_set("[1]")));
    assert_false(pol_equal(pol_bool(true), pol_int(1)));
}

static void objects_find_their_members(void **state)
{
    (void)state;
    for (int n = 0; n < 60; n++) {
        pol_builder b = pol_builder_new(&arena);
        for (int i = n - 1; i >= 0; i--)
            pol_builder_put(&b, pol_string_printf(&arena, "key%03d", 2 * i), pol_int(i));
        pol_value object = pol_builder_object(&b);
        assert_int_equal(object.n, n);
        for (int i = 0; i < n; i++) {
            assert_int_equal(pol_object_get(object, pol_string_printf(&arena, "key%03d", 2 * i)).i,
                             i);
            assert_int_equal(pol_find(object, pol_string_printf(&arena, "key%03d", 2 * i)), i);
        }
        for (int i = -1; i < n; i++)
            assert_false(pol_is_defined(
                pol_object_get(object, pol_string_printf(&arena, "key%03d", 2 * i + 1))));
        assert_false(pol_is_defined(pol_object_get(object, pol_int(3))));
    }
}

static void lookups_follow_regos_refs(void **state)
{
    (void)state;
    pol_value array = read("[10,20,30]");
    assert_int_equal(pol_lookup(array, pol_int(2)).i, 30);
    assert_int_equal(pol_lookup(array, read("1.0")).i, 20);
    assert_int_equal(pol_lookup(array, read("1e0")).i, 20);
    assert_false(pol_is_defined(pol_lookup(array, pol_int(3))));
    assert_false(pol_is_defined(pol_lookup(array, pol_int(-1))));
    assert_false(pol_is_defined(pol_lookup(array, read("0.5"))));
    assert_false(pol_is_defined(pol_lookup(array, read("4294967296"))));
    assert_false(pol_is_defined(pol_lookup(array, read("\"0\""))));
    pol_value set = read_set("[1.0,\"x\",[1]]");
    assert_is(pol_lookup(set, pol_int(1)), "1.0");
    assert_is(pol_lookup(set, read("[1.0]")), "[1]");
    assert_false(pol_is_defined(pol_lookup(set, pol_int(0))));
    pol_builder b = pol_builder_new(&arena);
    pol_builder_put(&b, pol_int(1), pol_string_text("one"));
    pol_builder_put(&b, pol_null(), pol_string_text("none"));
    pol_value object = pol_builder_object(&b);
    assert_is(pol_lookup(object, read("1.0")), "\"one\"");
    assert_is(pol_lookup(object, pol_null()), "\"none\"");
    assert_false(pol_is_defined(pol_lookup(pol_string_text("text"), pol_int(0))));
    assert_false(pol_is_defined(pol_object_get(array, pol_int(0))));
    assert_is(pol_object_member(read("{\"a\":{\"\":5}}"), "a"), "{\"\": 5}");
    assert_int_equal(pol_object_get(read("{\"\":5}"), pol_string((pol_bytes){0})).i, 5);
}

static void builders_sort_and_drop_duplicates(void **state)
{
    (void)state;
    assert_is(read_set("[]"), "set()");
    assert_is(read_set("[3,1,2,1.0,3]"), "{1, 2, 3}");
    assert_is(read_set("[1,2,2,3]"), "{1, 2, 3}");
    assert_is(read_set("[\"b\",[1],{\"a\":1},null,true,\"a\",2]"),
              "{null, true, 2, \"a\", \"b\", [1], {\"a\": 1}}");
    assert_is(read("{\"b\":1,\"a\":2,\"b\":3}"), "{\"a\": 2, \"b\": 3}");
    assert_is(read("{\"a\":1,\"a\":2,\"a\":3}"), "{\"a\": 3}");
}

/* Sorting is stable and right for every kind of run, above all around the sizes where the method
 * changes. */
static void builders_sort_many(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (uint32_t n = 1; n < 200; n += n < 40 ? 1 : 23)
        for (unsigned kind = 0; kind < 5; kind++) {
            pol_builder b = pol_builder_new(&arena);
            int64_t last[64];
            memset(last, -1, sizeof last);
            for (uint32_t i = 0; i < n; i++) {
                random = random * 6364136223846793005u + 1442695040888963407u;
                int64_t key = kind == 0   ? i % 64
                              : kind == 1 ? 63 - i % 64
                              : kind == 2 ? (int64_t)(random >> 58)
                              : kind == 3 ? (int64_t)i / 8 % 64
                                          : 7;
                last[key] = i;
                pol_builder_put(&b, pol_int(key), pol_int(i));
            }
            pol_value object = pol_builder_object(&b);
            uint32_t found = 0;
            for (int64_t key = 0; key < 64; key++) {
                if (last[key] < 0)
                    continue;
                assert_int_equal(pol_member_key(object, found).i, key);
                assert_int_equal(pol_member_value(object, found).i, last[key]);
                found++;
            }
            assert_int_equal(object.n, found);
        }
}

static void strict_objects_refuse_conflicts(void **state)
{
    (void)state;
    pol_value conflict;
    pol_builder b = pol_builder_new(&arena), c = pol_builder_new(&arena);
    pol_builder_put_text(&b, "b", pol_int(1));
    pol_builder_put_text(&b, "a", pol_int(2));
    pol_builder_put_text(&b, "b", read("1.0"));
    assert_is(pol_builder_object_strict(&b, &conflict), "{\"a\": 2, \"b\": 1.0}");
    assert_false(pol_is_defined(conflict));
    pol_builder_put_text(&c, "b", pol_int(1));
    pol_builder_put_text(&c, "b", pol_int(2));
    assert_false(pol_is_defined(pol_builder_object_strict(&c, &conflict)));
    assert_is(conflict, "\"b\"");
}

static void depth_is_bounded(void **state)
{
    (void)state;
    pol_value v = pol_int(1);
    for (unsigned i = 1; i <= POL_DEPTH_MAX; i++) {
        v = pol_array_of(&arena, &v, 1);
        assert_int_equal(v.tag, POL_ARRAY);
        assert_int_equal(pol_depth(v), i);
    }
    assert_int_equal(pol_compare(v, pol_value_copy(&arena, v)), 0);
    assert_int_equal(pol_hash(v), pol_hash(pol_value_copy(&arena, v)));
    assert_false(pol_is_defined(pol_array_of(&arena, &v, 1)));
    pol_builder b = pol_builder_new(&arena), c = pol_builder_new(&arena);
    pol_builder_put_text(&b, "a", v);
    assert_false(pol_is_defined(pol_builder_object(&b)));
    pol_builder_add(&c, v);
    assert_false(pol_is_defined(pol_builder_set(&c)));
    assert_int_equal(pol_depth(read("[{\"a\":[]},1]")), 3);
}

static void sets_join(void **state)
{
    (void)state;
    pol_value a = read_set("[1,2,3]"), b = read_set("[2,3.0,4]"), none = read_set("[]");
    assert_is(pol_set_union(&arena, a, b), "{1, 2, 3, 4}");
    assert_is(pol_set_intersection(&arena, a, b), "{2, 3}");
    assert_is(pol_set_difference(&arena, a, b), "{1}");
    assert_is(pol_set_difference(&arena, b, a), "{4}");
    assert_is(pol_set_union(&arena, none, a), "{1, 2, 3}");
    assert_is(pol_set_intersection(&arena, a, none), "set()");
    assert_is(pol_set_difference(&arena, a, a), "set()");
    assert_true(pol_set_has(a, pol_int(1)));
    assert_false(pol_set_has(a, pol_int(4)));
    assert_false(pol_set_has(read("[1]"), pol_int(1)));
}

static void objects_join(void **state)
{
    (void)state;
    pol_value a = read("{\"a\":1,\"b\":{\"x\":1,\"y\":{\"p\":1}},\"c\":[1]}"),
              b = read("{\"b\":{\"y\":{\"q\":2},\"z\":3},\"c\":[2],\"d\":4}");
    assert_is(pol_object_union(&arena, a, b), "{\"a\": 1, \"b\": {\"x\": 1, \"y\": {\"p\": 1, "
                                              "\"q\": 2}, \"z\": 3}, \"c\": [2], \"d\": 4}");
    assert_is(pol_object_union(&arena, b, read("{\"b\":5}")), "{\"b\": 5, \"c\": [2], \"d\": 4}");
    assert_is(pol_object_union(&arena, read("{}"), read("{}")), "{}");
    pol_value object = read("{\"b\":1,\"d\":2}");
    assert_is(pol_object_with(&arena, object, pol_string_text("a"), pol_int(9)),
              "{\"a\": 9, \"b\": 1, \"d\": 2}");
    assert_is(pol_object_with(&arena, object, pol_string_text("c"), pol_int(9)),
              "{\"b\": 1, \"c\": 9, \"d\": 2}");
    assert_is(pol_object_with(&arena, object, pol_string_text("d"), pol_int(9)),
              "{\"b\": 1, \"d\": 9}");
    assert_is(pol_object_with(&arena, object, pol_string_text("e"), pol_int(9)),
              "{\"b\": 1, \"d\": 2, \"e\": 9}");
    assert_is(pol_object_with(&arena, pol_null(), pol_string_text("e"), pol_int(9)), "{\"e\": 9}");
    assert_is(object, "{\"b\": 1, \"d\": 2}");
}

static void copies_outlive_their_source(void **state)
{
    (void)state;
    pol_arena other;
    pol_arena_init(&other, 0);
    pol_value v =
        pol_value_copy(&other, read("{\"a\":[\"text\",1.25,1e999,{\"b\":[]}],\"c\":null}"));
    pol_arena_reset(&arena);
    memset(pol_arena_alloc(&arena, 4000), 0xAA, 4000);
    assert_is(v, "{\"a\": [\"text\", 1.25, 1e999, {\"b\": []}], \"c\": null}");
    pol_arena_deinit(&other);
}

/* Cells as in a bundle: addresses relative to the cell, an index in front. */
enum { BUNDLE_N = 20, BUNDLE_SLOTS = 64 };

typedef struct {
    char names[BUNDLE_N][8];
    uint32_t slots[BUNDLE_SLOTS];
    union {
        pol_index index;
        pol_cell cell;
    } front;
    pol_cell cells[2 * BUNDLE_N];
} bundle;

static pol_value make_bundle(bundle *b)
{
    memset(b, 0, sizeof *b);
    for (uint32_t i = 0; i < BUNDLE_N; i++) {
        snprintf(b->names[i], sizeof b->names[i], "name%02u", i);
        pol_value key = pol_string_text(b->names[i]);
        uint32_t at = pol_hash(key) & (BUNDLE_SLOTS - 1);
        while (b->slots[at])
            at = (at + 1) & (BUNDLE_SLOTS - 1);
        b->slots[at] = i + 1;
        key.flags = POL_RELATIVE;
        key.i = (int64_t)((const uint8_t *)b->names[i] - (const uint8_t *)&b->cells[2 * i]);
        pol_store(&b->cells[2 * i], key);
        pol_store(&b->cells[2 * i + 1], pol_int(i));
    }
    b->front.index = (pol_index){.n_slots = BUNDLE_SLOTS,
                                 .slots = (int64_t)((uint8_t *)b->slots - (uint8_t *)&b->front)};
    return (pol_value){
        .tag = POL_OBJECT, .flags = POL_INDEXED, .hash = 1, .n = BUNDLE_N, .cells = b->cells};
}

static void indexed_objects_find_their_members(void **state)
{
    (void)state;
    bundle b;
    pol_value object = make_bundle(&b);
    for (uint32_t i = 0; i < BUNDLE_N; i++)
        assert_int_equal(pol_object_get(object, pol_string_printf(&arena, "name%02u", i)).i, i);
    assert_false(pol_is_defined(pol_object_get(object, pol_string_text("name20"))));
    assert_false(pol_is_defined(pol_object_get(object, pol_int(1))));
    pol_value copy = pol_value_copy(&arena, object);
    assert_int_equal(copy.flags, 0);
    assert_true(pol_equal(copy, object));
    assert_int_equal(pol_object_get(copy, pol_string_text("name07")).i, 7);
    assert_int_equal(pol_object_union(&arena, object, read("{\"name07\":\"x\"}")).n, BUNDLE_N);
}

/* A bundle made by an enemy may lie about order, hashes and slots: the answers are wrong then, and
 * no more than that. */
static void lies_end(void **state)
{
    (void)state;
    bundle b;
    pol_value object = make_bundle(&b), key = pol_string_text("nothing");
    for (uint32_t i = 0; i < BUNDLE_SLOTS; i++)
        b.slots[i] = 1 + i % BUNDLE_N;
    assert_false(pol_is_defined(pol_object_get(object, key)));
    for (uint32_t i = 0; i < BUNDLE_SLOTS; i++)
        b.slots[i] = 0xFFFFFFFF;
    assert_false(pol_is_defined(pol_object_get(object, key)));
    b.front.index.n_slots = 0;
    assert_false(pol_is_defined(pol_object_get(object, key)));
    object.flags = 0;
    for (uint32_t i = 0; i < BUNDLE_N; i++)
        pol_store(&b.cells[2 * i], pol_int(BUNDLE_N - i));
    (void)pol_object_get(object, pol_int(3));
    (void)pol_object_union(&arena, object, object);
    pol_value set = {.tag = POL_SET, .hash = 1, .n = 2 * BUNDLE_N, .cells = b.cells};
    (void)pol_set_union(&arena, set, read_set("[5,6,7]"));
    (void)pol_set_difference(&arena, set, set);
    assert_int_equal(pol_compare(set, set), 0);
}

static void names_of_types_are_regos(void **state)
{
    (void)state;
    assert_string_equal(pol_type_name(pol_bool(true)), "boolean");
    assert_string_equal(pol_type_name(read("1.5")), "number");
    assert_string_equal(pol_type_name(read("1e999")), "number");
    assert_string_equal(pol_type_name(read_set("[]")), "set");
    assert_string_equal(pol_type_name((pol_value){.tag = 77}), "undefined");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_have_an_order),
        cmocka_unit_test(equal_values_have_equal_hashes),
        cmocka_unit_test(objects_find_their_members),
        cmocka_unit_test(lookups_follow_regos_refs),
        cmocka_unit_test(builders_sort_and_drop_duplicates),
        cmocka_unit_test(builders_sort_many),
        cmocka_unit_test(strict_objects_refuse_conflicts),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(sets_join),
        cmocka_unit_test(objects_join),
        cmocka_unit_test(copies_outlive_their_source),
        cmocka_unit_test(indexed_objects_find_their_members),
        cmocka_unit_test(lies_end),
        cmocka_unit_test(names_of_types_are_regos),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
