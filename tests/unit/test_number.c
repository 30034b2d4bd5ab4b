/* SPDX-License-Identifier: Apache-2.0
 * Numbers: text, order at any size, OPA's arithmetic and rounding, hostile exponents.
 */
#include "runtime/value.h"

#include <float.h>
#include <locale.h>
#include <math.h>
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

static pol_value number(const char *text)
{
    return pol_number_read(pol_bytes_text(text));
}

static void assert_text(pol_value v, const char *wanted)
{
    char buf[POL_NUMBER_TEXT_MAX];
    if (!pol_is_number(v))
        fail_msg("no number; wanted %s", wanted);
    pol_bytes text = pol_number_text(v, buf);
    if (!pol_bytes_is(text, wanted))
        fail_msg("%.*s, wanted %s", (int)text.n, (const char *)text.at, wanted);
}

static void texts_stay_as_written(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0",
        "-0",
        "1",
        "-1",
        "1.0",
        "1.50",
        "0.1",
        "-0.1",
        "0.0001",
        "0.00001",
        "123.456",
        "1e2",
        "1E2",
        "1e+2",
        "-1.5e-7",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "99999999999999.9",
        "999999999999999.5",
        "0.000123456789012345",
        "0.1234567890123456",
        "123456789012345.0",
        "1e999999999999",
        "100000000000000000000000000000000000000000000000000000000000.5",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_text(number(texts[i]), texts[i]);
}

static void small_numbers_have_one_form(void **state)
{
    (void)state;
    assert_int_equal(number("12").tag, POL_INT);
    assert_int_equal(number("-9223372036854775808").tag, POL_INT);
    assert_int_equal(number("9223372036854775808").tag, POL_DECIMAL);
    assert_int_equal(number("1.5").tag, POL_DOUBLE);
    assert_int_equal(number("0.0001").tag, POL_DOUBLE);
    assert_int_equal(number("1.0").tag, POL_DECIMAL);
    assert_int_equal(number("1.50").tag, POL_DECIMAL);
    assert_int_equal(number("0.00001").tag, POL_DECIMAL);
    assert_int_equal(number("1e2").tag, POL_DECIMAL);
    assert_int_equal(number("-0").tag, POL_DECIMAL);
}

static void doubles_of_at_most_15_digits_come_back(void **state)
{
    (void)state;
    uint64_t random = 99;
    char text[40];
    for (int i = 0; i < 20000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        unsigned digits = 1 + (unsigned)(random >> 60) % 15,
                 behind = 1 + (unsigned)(random >> 50 & 1023) % digits;
        uint64_t m = (random >> 8) % 1000000000000000u;
        for (unsigned k = digits; k < 15; k++)
            m /= 10;
        m += m % 10 == 0;
        uint64_t scale = 1;
        for (unsigned k = 0; k < behind; k++)
            scale *= 10;
        snprintf(text, sizeof text, "%s%llu.%0*llu", random & 1 ? "-" : "",
                 (unsigned long long)(m / scale), (int)behind, (unsigned long long)(m % scale));
        assert_text(number(text), text);
    }
}

/* A bundle may hold any finite double; its text stays within the buffer and is a number. */
static void doubles_that_no_text_reads_as_are_zero(void **state)
{
    (void)state;
    static const double lies[] = {1e300, 5e-324, -1e15, 1.0 / 3, DBL_MAX, -DBL_MIN, INFINITY, NAN};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++)
        assert_text((pol_value){.tag = POL_DOUBLE, .d = lies[i]}, "0");
}

static void doubles_print_as_the_shortest_decimal(void **state)
{
    (void)state;
    static const struct {
        double d;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-0.0, "0"},
        {1, "1"},
        {100, "100"},
        {0.1, "0.1"},
        {-2.5, "-2.5"},
        {1e20, "100000000000000000000"},
        {1e21, "1e+21"},
        {0.0001, "0.0001"},
        {0.00001, "1e-05"},
        {5e-324, "5e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {1.0 / 3, "0.3333333333333333"},
        {9007199254740993.0, "9007199254740992"},
        {123456789.125, "123456789.125"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_text(pol_number_double(&arena, cases[i].d), cases[i].text);
    assert_false(pol_is_defined(pol_number_double(&arena, NAN)));
    assert_false(pol_is_defined(pol_number_double(&arena, -INFINITY)));
}

static void order_is_by_value_at_any_size(void **state)
{
    (void)state;
    static const char *const rising[] = {
        "-1e99999999999999999999",
        "-1e99999999999",
        "-1e400",
        "-9223372036854775808.5",
        "-9223372036854775808",
        "-2",
        "-1.5",
        "-0.1",
        "-1e-99999999999",
        "0",
        "1e-99999999999",
        "1e-400",
        "0.1",
        "0.10000000000000000001",
        "0.2",
        "1.9",
        "2",
        "2.00000000000000000001",
        "3.5",
        "9007199254740991.5",
        "9007199254740992",
        "9007199254740993",
        "9223372036854775807",
        "9223372036854775807.1",
        "9223372036854775808",
        "1e19",
        "1e400",
        "9e400",
        "1e401",
        "1e1000000000",
        "1e1000000001",
        "1e99999999999",
        "1e100000000000000000000",
    };
    int n = sizeof rising / sizeof *rising;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < n; k++)
            if (pol_number_compare(number(rising[i]), number(rising[k])) != (i > k) - (i < k))
                fail_msg("%s and %s", rising[i], rising[k]);
}

static void whole_numbers_are_recognised(void **state)
{
    (void)state;
    int64_t i;
    assert_true(pol_number_is_integer(number("1.0")) && pol_number_is_integer(number("1e2")));
    assert_true(pol_number_is_integer(number("0.0")) &&
                pol_number_is_integer(number("1e999999999")));
    assert_false(pol_number_is_integer(number("1.5")) || pol_number_is_integer(number("1e-1")) ||
                 pol_number_is_integer(number("1e-999999999")));
    assert_true(pol_number_int64(number("-9.223372036854775808e18"), &i) && i == INT64_MIN);
    assert_true(pol_number_int64(number("120e-1"), &i) && i == 12);
    assert_true(pol_number_int64(number("0e999999999999"), &i) && i == 0);
    assert_false(pol_number_int64(number("9223372036854775808"), &i));
    assert_false(pol_number_int64(number("1e19"), &i));
    assert_false(pol_number_int64(number("0.5"), &i));
    assert_false(pol_number_int64(number("1e999999999999"), &i));
}

static void doubles_are_the_nearest(void **state)
{
    (void)state;
    assert_true(pol_number_to_double(number("0.1")) == 0.1);
    assert_true(pol_number_to_double(number("-123.4560")) == -123.456);
    assert_true(pol_number_to_double(number("1e400")) == INFINITY);
    assert_true(pol_number_to_double(number("1e-400")) == 0);
    assert_true(pol_number_to_double(number("1e999999999999999999999")) == INFINITY);
    assert_true(pol_number_to_double(number("9007199254740993")) == 9007199254740992.0);
    assert_true(
        pol_number_to_double(number("9007199254740993.0000000000000000000000000000000000001")) ==
        9007199254740994.0);
}

static void assert_arithmetic(const char *a, char op, const char *b, const char *wanted)
{
    static const char ops[] = "+-*/%";
    const char *why;
    pol_value v = pol_number_arithmetic(&arena, (pol_arithmetic)(strchr(ops, op) - ops), number(a),
                                        number(b), &why);
    if (pol_is_defined(v)) {
        assert_null(why);
        assert_text(v, wanted);
    } else {
        assert_string_equal(why, wanted);
    }
}

static void integers_are_exact(void **state)
{
    (void)state;
    assert_arithmetic("9223372036854775807", '+', "1", "9223372036854775808");
    assert_arithmetic("-9223372036854775808", '-', "1", "-9223372036854775809");
    assert_arithmetic("9223372036854775807", '*', "9223372036854775807",
                      "85070591730234615847396907784232501249");
    assert_arithmetic("-9223372036854775808", '/', "-1", "9223372036854775808");
    assert_arithmetic("-9223372036854775808", '%', "-1", "0");
    assert_arithmetic("100000000000000000001", '-', "100000000000000000000", "1");
    assert_arithmetic("1e20", '+', "1", "100000000000000000001");
    assert_arithmetic("1.0", '+', "1", "2");
    assert_arithmetic("7", '%', "-3", "1");
    assert_arithmetic("-7", '%', "3", "-1");
    assert_arithmetic("6", '/', "3", "2");
    assert_arithmetic("100000000000000000000", '/', "10000000000", "10000000000");
    assert_arithmetic("5.0", '%', "3e0", "2");
}

static void other_results_have_a_64_bit_mantissa(void **state)
{
    (void)state;
    assert_arithmetic("1", '/', "3", "0.33333333333333333334");
    assert_arithmetic("2", '/', "3", "0.6666666666666666667");
    assert_arithmetic("0.1", '+', "0.2", "0.3");
    assert_arithmetic("1234567.0", '+', "0.5", "1.2345675e+06");
    assert_arithmetic("123456", '+', "0.5", "123456.5");
    assert_arithmetic("0.5", '+', "0.5", "1");
    assert_arithmetic("1", '-', "0.9", "0.10000000000000000002");
    assert_arithmetic("1.5", '*', "1.5", "2.25");
    assert_arithmetic("1", '/', "100000", "1e-05");
    assert_arithmetic("1", '/', "10000", "0.0001");
    assert_arithmetic("0.1", '-', "0.1", "0");
    assert_arithmetic("1e30", '+', "0.5", "1000000000000000000000000000000");
    assert_arithmetic("-7", '/', "2", "-3.5");
    assert_arithmetic("1", '/', "-9223372036854775808", "-1.084202172485504434e-19");
}

static void failures_say_why(void **state)
{
    (void)state;
    assert_arithmetic("1", '/', "0", "divide by zero");
    assert_arithmetic("1.5", '/', "0.0", "divide by zero");
    assert_arithmetic("1", '%', "0", "modulo by zero");
    assert_arithmetic("1.5", '%', "2", "modulo on floating-point number");
    assert_arithmetic("1e1000000000", '+', "1", "the numbers are too large");
    assert_arithmetic("1", '*', "1e-1000000000", "the numbers are too large");
    assert_arithmetic("1e999999999999999999", '/', "1e999999999999999999",
                      "the numbers are too large");
}

static void assert_rounds(const char *text, const char *round, const char *ceil, const char *floor,
                          const char *absolute)
{
    assert_text(pol_number_round(&arena, POL_ROUND, number(text)), round);
    assert_text(pol_number_round(&arena, POL_CEIL, number(text)), ceil);
    assert_text(pol_number_round(&arena, POL_FLOOR, number(text)), floor);
    assert_text(pol_number_round(&arena, POL_ABS, number(text)), absolute);
}

static void rounding_is_exact(void **state)
{
    (void)state;
    assert_rounds("2.5", "3", "3", "2", "2.5");
    assert_rounds("-2.5", "-3", "-2", "-3", "2.5");
    assert_rounds("0.4", "0", "1", "0", "0.4");
    assert_rounds("-0.4", "0", "0", "-1", "0.4");
    assert_rounds("1.0", "1", "1", "1", "1");
    assert_rounds("7", "7", "7", "7", "7");
    assert_rounds("-9223372036854775808", "-9223372036854775808", "-9223372036854775808",
                  "-9223372036854775808", "9223372036854775808");
    assert_rounds("99999999999999999999.5", "100000000000000000000", "100000000000000000000",
                  "99999999999999999999", "100000000000000000000");
    assert_rounds("-99999999999999999.9", "-100000000000000000", "-99999999999999999",
                  "-100000000000000000", "9.99999999999999999e+16");
    assert_rounds("1e-999999999", "0", "1", "0", "1e-999999999");
    assert_rounds("-1e-999999999", "0", "0", "-1", "1e-999999999");
    assert_rounds("1e999999999", "1e999999999", "1e999999999", "1e999999999", "1e999999999");
    assert_rounds("-0.0", "0", "0", "0", "0");
    assert_rounds("0.49999999999999999999999", "0", "1", "0", "0.5");
}

/* Multiplying again and again ends at the limit, not with the machine's memory. */
static void growth_ends(void **state)
{
    (void)state;
    const char *why;
    pol_value v = number("12345678901234567890");
    int rounds = 0;
    while (pol_is_defined(v) && rounds < 100) {
        v = pol_number_arithmetic(&arena, POL_MULTIPLY, v, v, &why);
        rounds++;
    }
    assert_int_equal(rounds, 11); /* 20 digits doubled ten times are more than 10,000 */
    assert_string_equal(why, "the numbers are too large");
}

/* A program around the library may have chosen a locale whose decimal point is a comma. */
static void the_locale_does_not_matter(void **state)
{
    (void)state;
    static const char *const commas[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "nl_NL.UTF-8"};
    for (size_t i = 0; i < sizeof commas / sizeof *commas; i++)
        if (setlocale(LC_ALL, commas[i]))
            break;
    assert_text(number("1.5"), "1.5");
    assert_true(pol_number_to_double(number("1.50")) == 1.5);
    assert_text(pol_number_double(&arena, 0.1), "0.1");
    assert_arithmetic("0.1", '+', "0.2", "0.3");
    setlocale(LC_ALL, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_stay_as_written),
        cmocka_unit_test(small_numbers_have_one_form),
        cmocka_unit_test(doubles_of_at_most_15_digits_come_back),
        cmocka_unit_test(doubles_that_no_text_reads_as_are_zero),
        cmocka_unit_test(doubles_print_as_the_shortest_decimal),
        cmocka_unit_test(order_is_by_value_at_any_size),
        cmocka_unit_test(whole_numbers_are_recognised),
        cmocka_unit_test(doubles_are_the_nearest),
        cmocka_unit_test(integers_are_exact),
        cmocka_unit_test(other_results_have_a_64_bit_mantissa),
        cmocka_unit_test(failures_say_why),
        cmocka_unit_test(rounding_is_exact),
        cmocka_unit_test(growth_ends),
        cmocka_unit_test(the_locale_does_not_matter),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
