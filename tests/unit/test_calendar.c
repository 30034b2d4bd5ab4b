/* SPDX-License-Identifier: Apache-2.0
 * Dates, zones, layouts and durations, each against an answer worked out by hand or known from a calendar.
 */
#include "runtime/calendar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int64_t parse(const char *layout, const char *value)
{
    int64_t ns = 0;
    pol_error err = {0};
    if (!pol_time_parse(pol_bytes_text(layout), pol_bytes_text(value), &ns, &err))
        fail_msg("%s: %s", value, err.text);
    return ns;
}

static void assert_no_parse(const char *layout, const char *value, const char *why)
{
    int64_t ns;
    pol_error err = {0};
    assert_false(pol_time_parse(pol_bytes_text(layout), pol_bytes_text(value), &ns, &err));
    assert_string_equal(err.text, why);
}

static void assert_format(int64_t unix_s, int32_t ns, const char *zone_name, const char *layout, const char *want)
{
    pol_zone zone;
    pol_error err;
    pol_buf out = {0};
    assert_true(pol_zone_read(&zone, pol_bytes_text(zone_name), &err));
    pol_civil c = pol_civil_at(&zone, unix_s, ns);
    pol_time_format(&out, &c, pol_bytes_text(layout));
    assert_string_equal((const char *)out.at, want);
    pol_buf_deinit(&out);
    pol_zone_deinit(&zone);
}

static void days_count_from_1970(void **state)
{
    (void)state;
    assert_int_equal(pol_days_from_civil(1970, 1, 1), 0);
    assert_int_equal(pol_days_from_civil(2000, 3, 1), 11017);
    assert_int_equal(pol_days_from_civil(1969, 12, 31), -1);
    assert_int_equal(pol_days_from_civil(0, 1, 1), -719528);
    assert_int_equal(pol_days_from_civil(2023, 14, 1), pol_days_from_civil(2024, 2, 1));
    assert_int_equal(pol_days_from_civil(2024, 0, 31), pol_days_from_civil(2023, 12, 31));
}

static void leap_days_and_the_year_before_one_are_right(void **state)
{
    (void)state;
    assert_format(951782400, 0, "", "2006-01-02 Mon 002", "2000-02-29 Tue 060");
    assert_format(-62167219200, 0, "", "2006-01-02", "0000-01-01");
    assert_format(-62167219201, 0, "", "2006-01-02T15:04:05", "-0001-12-31T23:59:59");
}

static void summer_time_begins_and_ends_in_berlin(void **state)
{
    (void)state;
    assert_format(1711846799, 0, "Europe/Berlin", "15:04:05 MST -0700", "01:59:59 CET +0100");
    assert_format(1711846800, 0, "Europe/Berlin", "15:04:05 MST -0700", "03:00:00 CEST +0200");
    assert_format(1729990800, 0, "Europe/Berlin", "15:04:05 MST", "02:00:00 CET");
}

static void the_rule_of_the_footer_serves_far_years(void **state)
{
    (void)state;
    assert_format(4118083200, 0, "America/New_York", "2006-01-02 15:04 MST", "2100-06-30 20:00 EDT");
    assert_format(4133980800, 0, "Australia/Sydney", "2006-01-02 15:04 MST", "2101-01-01 11:00 AEDT");
}

static void zone_names_cannot_leave_the_data_base(void **state)
{
    (void)state;
    static const char *const names[] = {"../../etc/passwd", "/etc/passwd", "Europe/../../x", "Europe//Berlin", "Europe/", "No/Such",
                                        "Europe\\Berlin", "zone.tab", "Europe"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        pol_zone zone;
        assert_false(pol_zone_read(&zone, pol_bytes_text(names[i]), NULL));
    }
}

static void layouts_write_what_go_writes(void **state)
{
    (void)state;
    const int64_t s = 1136239445; /* 2006-01-02T22:04:05Z */
    assert_format(s, 123456000, "", "Mon Jan _2 15:04:05.000 2006", "Mon Jan  2 22:04:05.123 2006");
    assert_format(s, 123456000, "", "05.999999999", "05.123456");
    assert_format(s, 0, "", "05.999", "05");
    assert_format(s, 0, "", "3:04PM pm 06 1 January Monday", "10:04PM pm 06 1 January Monday");
    assert_format(s, 0, "Asia/Kolkata", "Z07:00 Z0700 -07", "+05:30 +0530 +05");
    assert_format(s, 0, "", "Janet _2006 Z07:00", "Janet _2006 Z");
}

static void layouts_read_what_go_reads(void **state)
{
    (void)state;
    assert_int_equal(parse("2006-01-02T15:04:05Z07:00", "1970-01-01T00:00:00Z"), 0);
    assert_int_equal(parse("2006-01-02T15:04:05Z07:00", "1970-01-01T00:00:00.5+00:01"), -59500000000);
    assert_int_equal(parse("Jan _2 2006 3:04PM", "feb  3 1970 12:00AM"), 33 * 86400 * 1000000000LL);
    assert_int_equal(parse("2006 002", "2024 060"), 1709164800000000000);
    assert_int_equal(parse("2006-01-02 MST", "1970-01-02 CEST"), 86400000000000);
    assert_int_equal(parse("06", "69"), -365 * 86400 * 1000000000LL);
}

static void what_is_no_time_is_refused_with_gos_words(void **state)
{
    (void)state;
    assert_no_parse("2006-01-02", "2023-02-29", "parsing time \"2023-02-29\": day out of range");
    assert_no_parse("2006-01-02", "2023-13-01", "parsing time \"2023-13-01\": month out of range");
    assert_no_parse("2006-01-02", "2023-1-01", "parsing time \"2023-1-01\" as \"2006-01-02\": cannot parse \"1-01\" as \"01\"");
    assert_no_parse("2006", "2023x", "parsing time \"2023x\": extra text: \"x\"");
    assert_no_parse("2006-01-02T15:04:05Z07:00", "2262-04-11T23:47:16.854775808Z", "time outside of valid range");
}

static void durations_add_up(void **state)
{
    (void)state;
    int64_t ns;
    assert_true(pol_duration_parse(POL_BYTES("1h15m30.918s"), &ns, NULL));
    assert_int_equal(ns, 4530918000000);
    assert_true(pol_duration_parse(POL_BYTES("-1.5h"), &ns, NULL));
    assert_int_equal(ns, -5400000000000);
    assert_true(pol_duration_parse(POL_BYTES("0"), &ns, NULL));
    assert_int_equal(ns, 0);
    assert_true(pol_duration_parse(POL_BYTES("-9223372036854775808ns"), &ns, NULL));
    assert_int_equal(ns, INT64_MIN);
    static const char *const wrong[] = {"", "1", "s", "1.h.", "1x", "9223372036854775808ns", "--1s", "1 s"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(pol_duration_parse(pol_bytes_text(wrong[i]), &ns, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_count_from_1970),
        cmocka_unit_test(leap_days_and_the_year_before_one_are_right),
        cmocka_unit_test(summer_time_begins_and_ends_in_berlin),
        cmocka_unit_test(the_rule_of_the_footer_serves_far_years),
        cmocka_unit_test(zone_names_cannot_leave_the_data_base),
        cmocka_unit_test(layouts_write_what_go_writes),
        cmocka_unit_test(layouts_read_what_go_reads),
        cmocka_unit_test(what_is_no_time_is_refused_with_gos_words),
        cmocka_unit_test(durations_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
