/* SPDX-License-Identifier: Apache-2.0
 * Bytes: searching, UTF-8 (RFC 3629), buffers, quoting, base64 and hex (RFC 4648, section 10), the
 * bundle's hash.
 */
#include "runtime/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void slices_compare_and_find(void **state)
{
    (void)state;
    assert_int_equal(pol_bytes_find(POL_BYTES("abcabc"), POL_BYTES("ca"), 0), 2);
    assert_int_equal(pol_bytes_find(POL_BYTES("abcabc"), POL_BYTES("a"), 1), 3);
    assert_int_equal(pol_bytes_find(POL_BYTES("abc"), POL_BYTES("d"), 0), -1);
    assert_int_equal(pol_bytes_find(POL_BYTES("abc"), POL_BYTES(""), 3), 3);
    assert_int_equal(pol_bytes_find(POL_BYTES("abc"), POL_BYTES(""), 4), -1);
    assert_int_equal(pol_bytes_find((pol_bytes){0}, POL_BYTES("a"), 0), -1);
    assert_true(pol_bytes_compare(POL_BYTES("a"), POL_BYTES("ab")) < 0);
    assert_true(pol_bytes_compare(POL_BYTES("b"), POL_BYTES("ab")) > 0);
    assert_true(pol_bytes_compare(POL_BYTES("\x7f"), POL_BYTES("\x80")) < 0);
    assert_int_equal(pol_bytes_compare((pol_bytes){0}, POL_BYTES("")), 0);
    assert_true(pol_bytes_equal((pol_bytes){0}, POL_BYTES("")));
    assert_true(pol_bytes_starts(POL_BYTES("abc"), POL_BYTES("ab")) &&
                !pol_bytes_starts(POL_BYTES("a"), POL_BYTES("ab")));
    assert_true(pol_bytes_ends(POL_BYTES("abc"), POL_BYTES("bc")) &&
                !pol_bytes_ends(POL_BYTES("abc"), POL_BYTES("ab")));
}

static void utf8_is_checked(void **state)
{
    (void)state;
    static const char *const good[] = {"",
                                       "plain",
                                       "\xC2\x80",
                                       "\xDF\xBF",
                                       "\xE0\xA0\x80",
                                       "\xED\x9F\xBF",
                                       "\xEE\x80\x80",
                                       "\xEF\xBF\xBF",
                                       "\xF0\x90\x80\x80",
                                       "\xF4\x8F\xBF\xBF"};
    static const char *const bad[] = {"\x80",
                                      "\xBF",
                                      "\xC0\x80",
                                      "\xC1\xBF",
                                      "\xC2",
                                      "\xC2 ",
                                      "\xE0\x9F\xBF",
                                      "\xE2\x82",
                                      "\xED\xA0\x80",
                                      "\xED\xBF\xBF",
                                      "\xF0\x8F\xBF\xBF",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xF0\x90\x80",
                                      "\xFF",
                                      "\xFE",
                                      "a\xC3"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(pol_utf8_valid(pol_bytes_text(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(pol_utf8_valid(pol_bytes_text(bad[i])));
}

static void utf8_goes_there_and_back(void **state)
{
    (void)state;
    uint8_t out[4];
    for (uint32_t c = 0; c < 0x110000; c += c < 0x1000 ? 1 : 61) {
        size_t at = 0, n = pol_utf8_put(out, c);
        if (c >= 0xD800 && c <= 0xDFFF)
            continue;
        assert_int_equal(pol_utf8_next(pol_bytes_of(out, n), &at), c);
        assert_int_equal(at, n);
    }
    size_t at = 0;
    pol_bytes broken = POL_BYTES("\xE2\x82z");
    assert_int_equal(pol_utf8_next(broken, &at), 0xFFFD);
    assert_int_equal(pol_utf8_next(broken, &at), 0xFFFD);
    assert_int_equal(pol_utf8_next(broken, &at), 'z');
    assert_int_equal(at, 3);
}

static void distances_count_edits(void **state)
{
    (void)state;
    assert_int_equal(pol_bytes_distance(POL_BYTES("kitten"), POL_BYTES("sitting"), 5), 3);
    assert_int_equal(pol_bytes_distance(POL_BYTES("kitten"), POL_BYTES("sitting"), 2), 3);
    assert_int_equal(pol_bytes_distance(POL_BYTES(""), POL_BYTES("ab"), 5), 2);
    assert_int_equal(pol_bytes_distance(POL_BYTES("same"), POL_BYTES("same"), 5), 0);
    assert_int_equal(pol_bytes_distance(POL_BYTES("a"), POL_BYTES("abcdefgh"), 2), 3);
}

static void buffers_grow_and_end_in_nul(void **state)
{
    (void)state;
    pol_buf buf = {0};
    pol_arena arena;
    pol_arena_init(&arena, 0);
    for (int i = 0; i < 1000; i++)
        pol_buf_printf(&buf, "%03d,", i);
    assert_int_equal(buf.n, 4000);
    assert_int_equal(buf.at[4000], 0);
    assert_memory_equal(buf.at + 3996, "999,", 4);
    assert_int_equal(pol_buf_to_arena(&buf, &arena).n, 4000);
    pol_buf_clear(&buf);
    pol_buf_text(&buf, "a");
    pol_buf_byte(&buf, 'b');
    pol_buf_bytes(&buf, (pol_bytes){0});
    assert_string_equal((char *)buf.at, "ab");
    pol_buf_deinit(&buf);
    assert_null(buf.at);
    pol_arena_deinit(&arena);
}

static void assert_quoted(pol_bytes in, size_t max, const char *wanted)
{
    pol_buf buf = {0};
    pol_buf_quoted(&buf, in, max);
    assert_string_equal((char *)buf.at, wanted);
    pol_buf_deinit(&buf);
}

static void foreign_bytes_are_quoted(void **state)
{
    (void)state;
    assert_quoted(POL_BYTES("plain"), 100, "\"plain\"");
    assert_quoted(POL_BYTES("a\"b\\c"), 100, "\"a\\\"b\\\\c\"");
    assert_quoted(POL_BYTES("\x1b[31m\n\0z"), 100, "\"\\u001b[31m\\u000a\\u0000z\"");
    assert_quoted(POL_BYTES("\xC3\xA4\xFF\x7F"), 100, "\"\xC3\xA4\\xff\\u007f\"");
    assert_quoted(POL_BYTES("\xE2\x80\xA8"), 100, "\"\\u2028\"");
    assert_quoted(POL_BYTES("abcdef"), 3, "\"abc\"...");
    assert_quoted((pol_bytes){0}, 3, "\"\"");
}

static void assert_base64(const char *plain, pol_base64_kind kind, const char *wanted)
{
    uint8_t text[64], back[64];
    size_t n = pol_base64_encode(text, pol_bytes_text(plain), kind), m;
    assert_int_equal(n, strlen(wanted));
    assert_memory_equal(text, wanted, n);
    assert_true(pol_base64_decode(back, &m, pol_bytes_of(text, n), kind, true));
    assert_int_equal(m, strlen(plain));
    assert_memory_equal(back, plain, m);
}

static void base64_is_that_of_the_rfc(void **state)
{
    (void)state;
    assert_base64("", POL_BASE64, "");
    assert_base64("f", POL_BASE64, "Zg==");
    assert_base64("fo", POL_BASE64, "Zm8=");
    assert_base64("foo", POL_BASE64, "Zm9v");
    assert_base64("foob", POL_BASE64, "Zm9vYg==");
    assert_base64("fooba", POL_BASE64, "Zm9vYmE=");
    assert_base64("foobar", POL_BASE64, "Zm9vYmFy");
    assert_base64("f", POL_BASE64URL, "Zg");
    assert_base64("fo", POL_BASE64URL, "Zm8");
    assert_base64("fo", POL_BASE64URL_PADDED, "Zm8=");
    assert_base64("\xFB\xFF", POL_BASE64, "+/8=");
    assert_base64("\xFB\xFF", POL_BASE64URL, "-_8");
}

static bool decodes(const char *text, pol_base64_kind kind, bool strict)
{
    uint8_t out[64];
    size_t n;
    return pol_base64_decode(out, &n, pol_bytes_text(text), kind, strict);
}

static void strict_base64_has_one_spelling(void **state)
{
    (void)state;
    static const char *const bad[] = {"Zg",   "Zg=",      "Zg===",  "Zh==",  "Zm9=", "Z",   "=",
                                      "====", "Zg==Zg==", "Zm8=\n", "Zm 8=", "Zm-_", "Z=g="};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(decodes(bad[i], POL_BASE64, true));
    static const char *const bad_url[] = {"Zg==", "Zh", "Zm9", "Z", "Zm+/", "Zg\n", "ZZZZZ"};
    for (size_t i = 0; i < sizeof bad_url / sizeof *bad_url; i++)
        assert_false(decodes(bad_url[i], POL_BASE64URL, true));
    assert_true(decodes("Zh==", POL_BASE64, false));
    assert_true(decodes("Z\r\ng=\n=", POL_BASE64, false));
    assert_true(decodes("Zh", POL_BASE64URL, false));
    assert_false(decodes("Zg", POL_BASE64, false));
    assert_false(decodes("Zg= =", POL_BASE64, false));
}

static void hex_goes_there_and_back(void **state)
{
    (void)state;
    uint8_t text[8], out[4];
    pol_hex_encode(text, POL_BYTES("\x00\x9f\xff\x10"));
    assert_memory_equal(text, "009fff10", 8);
    assert_true(pol_hex_decode(out, POL_BYTES("009FfF10")));
    assert_memory_equal(out, "\x00\x9f\xff\x10", 4);
    assert_false(pol_hex_decode(out, POL_BYTES("0")));
    assert_false(pol_hex_decode(out, POL_BYTES("0g")));
    assert_false(pol_hex_decode(out, POL_BYTES("@0")));
    assert_true(pol_hex_decode(out, (pol_bytes){0}));
}

/* The hash is part of the bundle format: these numbers may only change together with its version.
 */
static void the_hash_stays(void **state)
{
    (void)state;
    assert_int_equal(pol_bytes_hash(POL_BYTES("")), 0xf0717135u);
    assert_int_equal(pol_bytes_hash(POL_BYTES("a")), 0x8771c4a2u);
    assert_int_equal(pol_bytes_hash(POL_BYTES("roles")), 0x0aa056e4u);
    assert_int_equal(pol_bytes_hash(POL_BYTES("resource")), 0x70062b5cu);
    assert_int_equal(pol_bytes_hash(POL_BYTES("spiffe://example.org/ns/shop/sa/web")), 0x4666c02bu);
}

static void the_hash_spreads(void **state)
{
    (void)state;
    static uint16_t seen[4096];
    char text[32];
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < 40960; i++) {
        int n = snprintf(text, sizeof text, "user-%05d", i);
        seen[pol_bytes_hash(pol_bytes_of(text, (size_t)n)) & 4095]++;
    }
    for (int i = 0; i < 4096; i++)
        assert_true(seen[i] < 40); /* ten are expected; one in 10^11 slots would have 40 */
}

static void files_are_read_up_to_a_limit(void **state)
{
    (void)state;
    char path[] = "/tmp/test_bytes_XXXXXX";
    int fd = mkstemp(path);
    pol_buf buf = {0};
    pol_error err;
    assert_true(fd >= 0);
    for (int i = 0; i < 20000; i++)
        assert_int_equal(write(fd, "0123456789", 10), 10);
    close(fd);
    assert_true(pol_file_read(path, 0, &buf, &err));
    assert_int_equal(buf.n, 200000);
    assert_memory_equal(buf.at + 199990, "0123456789", 11);
    pol_buf_clear(&buf);
    assert_true(pol_file_read(path, 200000, &buf, &err));
    pol_buf_clear(&buf);
    assert_false(pol_file_read(path, 199999, &buf, &err));
    assert_int_equal(err.code, POL_E_LIMIT);
    unlink(path);
    assert_false(pol_file_read(path, 0, &buf, &err));
    assert_int_equal(err.code, POL_E_IO);
    assert_non_null(strstr(err.text, "No such file"));
    pol_buf_deinit(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_compare_and_find),
        cmocka_unit_test(utf8_is_checked),
        cmocka_unit_test(utf8_goes_there_and_back),
        cmocka_unit_test(distances_count_edits),
        cmocka_unit_test(buffers_grow_and_end_in_nul),
        cmocka_unit_test(foreign_bytes_are_quoted),
        cmocka_unit_test(base64_is_that_of_the_rfc),
        cmocka_unit_test(strict_base64_has_one_spelling),
        cmocka_unit_test(hex_goes_there_and_back),
        cmocka_unit_test(the_hash_stays),
        cmocka_unit_test(the_hash_spreads),
        cmocka_unit_test(files_are_read_up_to_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
