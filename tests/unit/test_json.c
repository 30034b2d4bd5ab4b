/* SPDX-License-Identifier: Apache-2.0
 * The JSON reader and printer: what RFC 8259 allows and what not, where errors are said to be,
 * limits, Go's escapes; and many generated texts on which jansson must agree.
 */
#include "runtime/json.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

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

/* Reads an exact copy of text, so that the address sanitizer sees every byte read behind it; a
 * borrowing reader gets its NUL. */
static bool read_copy(pol_bytes text, const pol_json_options *options, pol_value *v, pol_error *err)
{
    bool borrow = options && options->borrow;
    uint8_t *copy = malloc(text.n + borrow + (text.n == 0));
    assert_non_null(copy);
    if (text.n)
        memcpy(copy, text.at, text.n);
    if (borrow)
        copy[text.n] = 0;
    bool read = pol_json_read(&arena, pol_bytes_of(copy, text.n), options, v, err);
    if (read)
        *v = pol_value_copy(&arena, *v);
    free(copy);
    return read;
}

static pol_value read(const char *json)
{
    pol_value v;
    pol_error err;
    if (!read_copy(pol_bytes_text(json), NULL, &v, &err))
        fail_msg("%s: %s", json, err.text);
    return v;
}

static void assert_prints(pol_value v, unsigned style, const char *wanted)
{
    pol_buf text = {0};
    pol_json_write(&text, v, style);
    assert_string_equal((const char *)text.at, wanted);
    pol_buf_deinit(&text);
}

static void assert_reads(const char *json, const char *wanted)
{
    assert_prints(read(json), POL_JSON_COMPACT, wanted);
}

static void assert_refused(pol_bytes text, const pol_json_options *options, const char *wanted)
{
    pol_value v;
    pol_error err = {0};
    if (read_copy(text, options, &v, &err))
        fail_msg("%.*s was read; wanted %s", (int)text.n, (const char *)text.at, wanted);
    assert_string_equal(err.text, wanted);
    assert_false(pol_is_defined(v));
}

static void documents_are_read(void **state)
{
    (void)state;
    assert_reads("null", "null");
    assert_reads(" \t\r\n true \n", "true");
    assert_reads("[]", "[]");
    assert_reads("{}", "{}");
    assert_reads("[ [ ] , { } ]", "[[],{}]");
    assert_reads("{\"b\":1,\"a\":[true,false,null,\"\"]}",
                 "{\"a\":[true,false,null,\"\"],\"b\":1}");
    assert_reads("[0,-0,1.0,1.50,1e5,1E+5,-0.1e-7,123456789012345678901234567890]",
                 "[0,-0,1.0,1.50,1e5,1E+5,-0.1e-7,123456789012345678901234567890]");
    assert_reads("{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}");
    assert_reads("{\"\":{\"\":{}}}", "{\"\":{\"\":{}}}");
}

static void escapes_are_decoded(void **state)
{
    (void)state;
    pol_value v = read("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e4\\u20AC\\uD83D\\uDE00\\u0000z\"");
    static const char wanted[] = "\"\\/\b\f\n\r\tA\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\0z";
    assert_int_equal(v.n, sizeof wanted - 1);
    assert_memory_equal(v.text, wanted, v.n);
    assert_true(pol_equal(v, pol_string(pol_bytes_of(wanted, sizeof wanted - 1))));
    assert_reads("\"\xC3\xA4\xEF\xBF\xBF\xF4\x8F\xBF\xBF\x7F\"",
                 "\"\xC3\xA4\xEF\xBF\xBF\xF4\x8F\xBF\xBF\x7F\"");
}

/* A special character at every place of a string and a word's border. */
static void strings_of_all_lengths_are_read(void **state)
{
    (void)state;
    for (size_t n = 0; n < 40; n++)
        for (size_t at = 0; at < n; at++) {
            char json[64];
            memset(json, 'x', sizeof json);
            json[0] = '"';
            json[n + 1] = '"';
            json[n + 2] = 0;
            assert_int_equal(read(json).n, n);
            json[1 + at] = '\x1F';
            pol_value v;
            assert_false(read_copy(pol_bytes_text(json), NULL, &v, NULL));
            json[1 + at] = '\x80';
            assert_false(read_copy(pol_bytes_text(json), NULL, &v, NULL));
            json[1 + at] = '"';
            assert_false(read_copy(pol_bytes_text(json), NULL, &v, NULL));
            json[1 + at] = '\x7F';
            assert_int_equal(read(json).n, n);
        }
}

static void errors_say_where(void **state)
{
    (void)state;
    static const char value[] =
        "a value was expected here: an object, array, string, number, true, false or null";
    char wanted[200];
    assert_refused(POL_BYTES(""), NULL,
                   "line 1, column 1 (byte 0): the text ends where a value was expected");
    assert_refused(
        POL_BYTES("{\"a\":\n  [1,\n  ]}"), NULL,
        (snprintf(wanted, sizeof wanted, "line 3, column 3 (byte 14): %s", value), wanted));
    assert_refused(
        POL_BYTES("nul"), NULL,
        (snprintf(wanted, sizeof wanted, "line 1, column 1 (byte 0): %s", value), wanted));
    assert_refused(POL_BYTES("[1 2]"), NULL,
                   "line 1, column 4 (byte 3): `,` or `]` was expected here");
    assert_refused(
        POL_BYTES("{\"a\" 1}"), NULL,
        "line 1, column 6 (byte 5): `:` was expected here, between a member's name and its value");
    assert_refused(POL_BYTES("{\"a\":1,}"), NULL,
                   "line 1, column 8 (byte 7): a member's name was expected here, a string");
    assert_refused(POL_BYTES("{1:1}"), NULL,
                   "line 1, column 2 (byte 1): a member's name was expected here, a string");
    assert_refused(POL_BYTES("{} x"), NULL,
                   "line 1, column 4 (byte 3): the document has ended; nothing may follow");
    assert_refused(POL_BYTES("1\0"), NULL,
                   "line 1, column 2 (byte 1): the document has ended; nothing may follow");
    assert_refused(POL_BYTES("\"abc"), NULL, "line 1, column 1 (byte 0): this string has no end");
    assert_refused(POL_BYTES("\"a\nb\""), NULL,
                   "line 1, column 3 (byte 2): a control character in a string must be escaped");
    assert_refused(POL_BYTES("\"a\xFF\""), NULL,
                   "line 1, column 3 (byte 2): this is not valid UTF-8");
    assert_refused(POL_BYTES("\"\\x\""), NULL,
                   "line 1, column 3 (byte 2): this is no escape of a string");
    assert_refused(POL_BYTES("\"\\uD83Dx\""), NULL,
                   "line 1, column 3 (byte 2): a surrogate stands alone");
}

static void what_the_rfc_forbids_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "[",
        "]",
        "{",
        "}",
        "[1",
        "[1,",
        "[,1]",
        "[1,,2]",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1e",
        "1e+",
        "-01",
        "0x1",
        "1_0",
        "NaN",
        "Infinity",
        "-Infinity",
        "True",
        "nulll",
        "'a'",
        "\"",
        "\"\\",
        "\"\\\"",
        "\"\\u",
        "\"\\u12\"",
        "\"\\u12G4\"",
        "\"\\uD800\"",
        "\"\\uDC00\"",
        "\"\\uD800\\u0041\"",
        "\"\\uD800\\uD800\"",
        "\"\\uD800\\\"",
        "\"\t\"",
        "\"\x01\"",
        "\"\xC0\x80\"",
        "\"\xED\xA0\x80\"",
        "\"\xF4\x90\x80\x80\"",
        "\"\xE2\x82\"",
        "\xEF\xBB\xBF[]",
        "[1]//x",
        "/*x*/1",
        "[1;2]",
        "{\"a\"=1}",
        "{a:1}",
        "[\"a\" \"b\"]",
        "\f1",
        "\xC2\xA0[]",
        "[}",
        "{]",
    };
    pol_value v;
    pol_error err;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (int borrow = 0; borrow < 2; borrow++)
            if (read_copy(pol_bytes_text(bad[i]), &(pol_json_options){.borrow = borrow}, &v, &err))
                fail_msg("%s was read", bad[i]);
}

static void identity_is_stricter(void **state)
{
    (void)state;
    static const pol_json_options unique = {.unique_members = true}, no_nul = {.no_nul = true};
    assert_refused(
        POL_BYTES("[{\"a\":1,\"\\u0061\":1}]"), &unique,
        "line 1, column 19 (byte 18): the object that ends here has two members of one name");
    assert_refused(POL_BYTES("[\"a\\u0000\"]"), &no_nul,
                   "line 1, column 5 (byte 4): U+0000 is not allowed in a string here");
    pol_value v;
    assert_true(read_copy(POL_BYTES("{\"b\":1,\"a\":1}"), &unique, &v, NULL));
}

static void nesting_is_limited(void **state)
{
    (void)state;
    enum { MANY = 200000 };
    pol_value v;
    pol_error err;
    char *text = malloc(2 * MANY);
    assert_non_null(text);
    memset(text, '[', MANY);
    memset(text + MANY, ']', MANY);
    assert_true(
        read_copy(pol_bytes_of(text + MANY - POL_DEPTH_MAX, 2 * POL_DEPTH_MAX), NULL, &v, &err));
    assert_int_equal(pol_depth(v), POL_DEPTH_MAX);
    assert_false(read_copy(pol_bytes_of(text + MANY - POL_DEPTH_MAX - 1, 2 * POL_DEPTH_MAX + 2),
                           NULL, &v, &err));
    assert_string_equal(err.text, "line 1, column 1001 (byte 1000): this is nested too deep");
    assert_false(read_copy(pol_bytes_of(text, 2 * MANY), NULL, &v, &err));
    assert_true(read_copy(pol_bytes_of(text + MANY - 5, 10), &(pol_json_options){.max_depth = 5},
                          &v, &err));
    assert_false(read_copy(pol_bytes_of(text + MANY - 6, 12), &(pol_json_options){.max_depth = 5},
                           &v, &err));
    free(text);
}

/* Every budget ends the reading with an error or is enough: never with the arena's end of a
 * decision. */
static void memory_is_limited(void **state)
{
    (void)state;
    static const char text[] =
        "{\"z\":[1,2,3,[4,[5,{\"b\":1,\"a\":\"\\u0041\"}]]],\"y\":12345678901234567890,\"x\":{},"
        "\"m\":1,\"l\":2,\"k\":3,\"j\":4,"
        "\"i\":5,\"h\":6,\"g\":7,\"f\":8,\"e\":9,\"d\":10,\"c\":11,\"b\":12,\"a\":13}";
    unsigned read = 0, refused = 0;
    for (size_t budget = 16; budget < 8192; budget += 16) {
        pol_arena small;
        pol_value v;
        pol_error err;
        pol_arena_init(&small, budget);
        if (pol_json_read(&small, pol_bytes_text(text), NULL, &v, &err)) {
            read++;
        } else {
            assert_int_equal(err.code, POL_E_LIMIT);
            refused++;
        }
        pol_arena_deinit(&small);
    }
    assert_true(read > 10 && refused > 10);
}

static void borrowed_strings_point_into_the_text(void **state)
{
    (void)state;
    static const char text[] = "[\"abc\",\"d\\n\",12345678901234567890]";
    pol_value v;
    pol_error err;
    assert_true(
        pol_json_read(&arena, pol_bytes_text(text), &(pol_json_options){.borrow = true}, &v, &err));
    assert_ptr_equal(pol_element(v, 0).text, text + 2);
    assert_ptr_equal(pol_element(v, 2).text, text + 13);
    assert_prints(v, 0, "[\"abc\",\"d\\n\",12345678901234567890]");
}

static void strings_print_as_gos_encoder_writes_them(void **state)
{
    (void)state;
    pol_value v = pol_string(POL_BYTES(
        "<a "
        "href=\"x\">&\\/"
        "\b\f\n\r\t\x01\x1F\x7F\0\xC3\xA4\xE2\x80\xA7\xE2\x80\xA8\xE2\x80\xA9\xE2\x80\xAA"));
    assert_prints(
        v, POL_JSON_COMPACT,
        "\"<a "
        "href=\\\"x\\\">&\\\\/"
        "\\b\\f\\n\\r\\t\\u0001\\u001f\x7F\\u0000\xC3\xA4\xE2\x80\xA7\\u2028\\u2029\xE2\x80\xAA\"");
    assert_prints(
        v, POL_JSON_HTML,
        "\"\\u003ca "
        "href=\\\"x\\\"\\u003e\\u0026\\\\/"
        "\\b\\f\\n\\r\\t\\u0001\\u001f\x7F\\u0000\xC3\xA4\xE2\x80\xA7\\u2028\\u2029\xE2\x80\xAA\"");
    assert_prints(pol_string((pol_bytes){0}), 0, "\"\"");
}

/* Built-ins make strings of any bytes; what is printed is JSON all the same. */
static void bytes_that_are_no_utf8_are_mended(void **state)
{
    (void)state;
    assert_prints(pol_string(POL_BYTES("a\xFFz\"\xE2\x82")), POL_JSON_COMPACT,
                  "\"a\\ufffdz\\\"\\ufffd\\ufffd\"");
    assert_prints(pol_string(POL_BYTES("\xED\xA0\x80<")), POL_JSON_HTML,
                  "\"\\ufffd\\ufffd\\ufffd\\u003c\"");
}

static pol_value strange_object(void)
{
    pol_builder set = pol_builder_new(&arena), b = pol_builder_new(&arena);
    pol_builder_add(&set, pol_string_text("<"));
    pol_builder_add(&set, pol_int(2));
    pol_builder_put(&b, pol_builder_set(&set), pol_undefined());
    pol_builder_put(&b, pol_null(), pol_int(1));
    pol_builder_put(&b, read("[1,\"a\"]"), read("{}"));
    pol_builder_put(&b, read("1.5"), read("[]"));
    return pol_builder_object(&b);
}

static void keys_that_are_no_strings_are_written_as_strings(void **state)
{
    (void)state;
    assert_prints(strange_object(), POL_JSON_COMPACT,
                  "{\"1.5\":[],\"[1,\\\"a\\\"]\":{},\"[2,\\\"\\\\u003c\\\"]\":null,\"null\":1}");
}

static void pretty_text_is_indented(void **state)
{
    (void)state;
    assert_prints(read("{\"a\":[1,{\"b\":[]}],\"c\":{}}"), POL_JSON_PRETTY,
                  "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ],\n  \"c\": {}\n}");
}

static void rego_text_is_regos(void **state)
{
    (void)state;
    pol_buf text = {0};
    pol_rego_write(&text, strange_object());
    assert_string_equal((char *)text.at, "{null: 1, 1.5: [], [1, \"a\"]: {}, {2, \"<\"}: null}");
    pol_buf_clear(&text);
    pol_builder none = pol_builder_new(&arena);
    pol_rego_write(&text, pol_builder_set(&none));
    pol_buf_byte(&text, ' ');
    pol_rego_write(&text, read("{\"a\": [], \"b\": {}}"));
    assert_string_equal((char *)text.at, "set() {\"a\": [], \"b\": {}}");
    pol_buf_deinit(&text);
}

/* ---- generated texts, against jansson ---- */

static uint64_t random_state = 20260101;

static unsigned random_below(unsigned n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((random_state >> 33) % n);
}

static void add_string(pol_buf *out)
{
    static const char *const parts[] = {"a",
                                        "key",
                                        " ",
                                        "\\n",
                                        "\\\"",
                                        "\\\\",
                                        "\\u0041",
                                        "\\u00e4",
                                        "\\ud83d\\ude00",
                                        "\xC3\xA4",
                                        "\xE2\x82\xAC",
                                        "\xF0\x9F\x98\x80",
                                        "long plain text of words",
                                        "/",
                                        "<>&",
                                        "\\u2028"};
    pol_buf_byte(out, '"');
    for (unsigned n = random_below(5); n > 0; n--)
        pol_buf_text(out, parts[random_below(sizeof parts / sizeof *parts)]);
    pol_buf_byte(out, '"');
}

static void add_blanks(pol_buf *out)
{
    static const char *const blanks[] = {"", "", "", " ", "\n", "\t \r\n"};
    pol_buf_text(out, blanks[random_below(6)]);
}

static void add_value(pol_buf *out, unsigned depth)
{
    static const char *const scalars[] = {
        "null", "true",   "false", "0",     "-1", "42", "9007199254740993", "-9223372036854775808",
        "0.5",  "-12.25", "1e3",   "1.5E-3"};
    unsigned kind = random_below(depth ? 6 : 3), n = random_below(5);
    add_blanks(out);
    if (kind < 2)
        pol_buf_text(out, scalars[random_below(sizeof scalars / sizeof *scalars)]);
    else if (kind == 2)
        add_string(out);
    else {
        bool object = kind == 3;
        pol_buf_byte(out, object ? '{' : '[');
        for (unsigned i = 0; i < n; i++) {
            if (i)
                pol_buf_byte(out, ',');
            add_blanks(out);
            if (object) {
                add_string(out);
                add_blanks(out);
                pol_buf_byte(out, ':');
            }
            add_value(out, depth - 1);
        }
        add_blanks(out);
        pol_buf_byte(out, object ? '}' : ']');
    }
    add_blanks(out);
}

static void break_text(pol_buf *text)
{
    static const char bytes[] = "{}[],:\"\\0123456789.eE+-tfnul \n\x01\x80\xC3\xED\xF4\xFF";
    unsigned at = random_below((unsigned)text->n);
    switch (random_below(3)) {
    case 0:
        text->at[at] = (uint8_t)bytes[random_below(sizeof bytes - 1)];
        break;
    case 1:
        memmove(text->at + at, text->at + at + 1, text->n - at - 1);
        text->n--;
        break;
    default:
        text->n = at;
    }
}

static bool same(pol_value v, const json_t *j)
{
    const char *key;
    json_t *member;
    size_t i;
    switch (json_typeof(j)) {
    case JSON_NULL:
        return v.tag == POL_NULL;
    case JSON_TRUE:
        return pol_is_true(v);
    case JSON_FALSE:
        return pol_is_false(v);
    case JSON_INTEGER:
        return v.tag == POL_INT
                   ? v.i == json_integer_value(j)
                   : pol_is_number(v) && pol_number_to_double(v) == (double)json_integer_value(j);
    case JSON_REAL:
        return pol_is_number(v) && pol_number_to_double(v) == json_real_value(j);
    case JSON_STRING:
        return v.tag == POL_STRING &&
               pol_bytes_equal(pol_text(v),
                               pol_bytes_of(json_string_value(j), json_string_length(j)));
    case JSON_ARRAY:
        if (v.tag != POL_ARRAY || v.n != json_array_size(j))
            return false;
        json_array_foreach(j, i,
                           member) if (!same(pol_element(v, (uint32_t)i), member)) return false;
        return true;
    case JSON_OBJECT:
        if (v.tag != POL_OBJECT || v.n != json_object_size(j))
            return false;
        json_object_foreach((json_t *)j, key,
                            member) if (!same(pol_object_member(v, key), member)) return false;
        return true;
    }
    return false;
}

static void jansson_agrees(void **state)
{
    (void)state;
    pol_buf text = {0}, printed = {0};
    unsigned read = 0, refused = 0;
    for (unsigned i = 0; i < 30000; i++) {
        pol_value v, again;
        pol_error err;
        json_error_t json_err;
        pol_buf_clear(&text);
        add_value(&text, 4);
        if (i % 2)
            break_text(&text);
        json_t *j =
            json_loadb((const char *)text.at, text.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &json_err);
        if (!j && (strstr(json_err.text, "too big") || strstr(json_err.text, "overflow")))
            continue; /* two numbers that a broken text made one: jansson has a limit */
        bool good =
            read_copy(pol_buf_view(&text), &(pol_json_options){.borrow = i / 2 % 2}, &v, &err);
        if (good != (j != NULL) || (good && !same(v, j)))
            fail_msg("%.*s: %s; jansson: %s", (int)text.n, (char *)text.at,
                     good ? "read" : err.text, j ? "read" : json_err.text);
        if (good) {
            pol_buf_clear(&printed);
            pol_json_write(&printed, v, i / 4 % 4);
            assert_true(read_copy(pol_buf_view(&printed), NULL, &again, &err));
            assert_true(pol_equal(v, again));
        }
        read += good;
        refused += !good;
        json_decref(j);
        pol_arena_reset(&arena);
    }
    assert_true(read > 15000 && refused > 8000);
    pol_buf_deinit(&text);
    pol_buf_deinit(&printed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_are_read),
        cmocka_unit_test(escapes_are_decoded),
        cmocka_unit_test(strings_of_all_lengths_are_read),
        cmocka_unit_test(errors_say_where),
        cmocka_unit_test(what_the_rfc_forbids_is_refused),
        cmocka_unit_test(identity_is_stricter),
        cmocka_unit_test(nesting_is_limited),
        cmocka_unit_test(memory_is_limited),
        cmocka_unit_test(borrowed_strings_point_into_the_text),
        cmocka_unit_test(strings_print_as_gos_encoder_writes_them),
        cmocka_unit_test(bytes_that_are_no_utf8_are_mended),
        cmocka_unit_test(keys_that_are_no_strings_are_written_as_strings),
        cmocka_unit_test(pretty_text_is_indented),
        cmocka_unit_test(rego_text_is_regos),
        cmocka_unit_test(jansson_agrees),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
