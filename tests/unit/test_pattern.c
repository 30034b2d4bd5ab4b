/* SPDX-License-Identifier: Apache-2.0
 * Patterns: groups, offsets, refusals, linear time.
 */
#include "runtime/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static pol_pattern *compile(const char *text)
{
    char why[200];
    pol_pattern *p = pol_pattern_new(pol_bytes_text(text), why, sizeof why);
    if (!p)
        fail_msg("%s: %s", text, why);
    return p;
}

static bool matches(const char *pattern, pol_bytes text)
{
    pol_pattern *p = compile(pattern);
    bool matched = pol_pattern_matches(p, text);
    pol_pattern_free(p);
    return matched;
}

static void patterns_match_anywhere(void **state)
{
    (void)state;
    assert_true(matches("b+", POL_BYTES("abbc")));
    assert_false(matches("^b", POL_BYTES("abbc")));
    assert_true(matches("^.$", POL_BYTES("\xC3\xA4")));
    assert_true(matches("", (pol_bytes){0}));
    assert_true(matches("^a\\x00b$", POL_BYTES("a\0b")));
    assert_true(matches("(?i)ABC", POL_BYTES("xabcx")));
    assert_true(matches("\\p{Greek}", POL_BYTES("\xCE\xB1")));
    assert_false(matches("^$", POL_BYTES("\n")));
}

static void groups_are_found(void **state)
{
    (void)state;
    pol_pattern *p = compile("(\\w+)@(\\w+)(!)?");
    pol_bytes groups[4], text = POL_BYTES("to: ann@home, bob@work!");
    assert_int_equal(pol_pattern_groups(p), 3);
    assert_true(pol_pattern_find(p, text, 0, groups, 4));
    assert_true(pol_bytes_is(groups[0], "ann@home"));
    assert_true(pol_bytes_is(groups[1], "ann"));
    assert_true(pol_bytes_is(groups[2], "home"));
    assert_null(groups[3].at);
    assert_true(pol_pattern_find(p, text, 12, groups, 4));
    assert_true(pol_bytes_is(groups[0], "bob@work!"));
    assert_ptr_equal(groups[0].at, text.at + 14);
    assert_true(pol_bytes_is(groups[3], "!"));
    assert_false(pol_pattern_find(p, text, text.n, groups, 4));
    assert_false(pol_pattern_find(p, text, text.n + 1, groups, 4));
    pol_pattern_free(p);
}

/* An empty group that took part is not one that did not. */
static void empty_groups_are_there(void **state)
{
    (void)state;
    pol_pattern *p = compile("a(b*)");
    pol_bytes groups[2];
    assert_true(pol_pattern_find(p, POL_BYTES("a"), 0, groups, 2));
    assert_non_null(groups[1].at);
    assert_int_equal(groups[1].n, 0);
    pol_pattern_free(p);
}

static void many_groups_are_found(void **state)
{
    (void)state;
    char text[300] = "";
    pol_bytes groups[51];
    for (int i = 0; i < 50; i++)
        strcat(text, "(a)");
    pol_pattern *p = compile(text);
    assert_int_equal(pol_pattern_groups(p), 50);
    memset(text, 'a', 50);
    assert_true(pol_pattern_find(p, pol_bytes_of(text, 50), 0, groups, 51));
    for (int i = 1; i <= 50; i++)
        assert_ptr_equal(groups[i].at, text + i - 1);
    pol_pattern_free(p);
}

static void bad_patterns_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"(",    "[a",    "*a",   "a**b(",   "\\8",
                                      "(?<n", "(?=a)", "\xFF", "x{1001}", "((a{100}){100}){100}"};
    char why[200], small[5];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        why[0] = 0;
        assert_null(pol_pattern_new(pol_bytes_text(bad[i]), why, sizeof why));
        assert_true(strlen(why) > 5);
    }
    assert_null(pol_pattern_new(POL_BYTES("("), small, sizeof small));
    assert_int_equal(strlen(small), 4);
    assert_null(pol_pattern_new(POL_BYTES("("), NULL, 0));
}

/* What takes a backtracking matcher longer than the universe is old. */
static void hostile_patterns_take_linear_time(void **state)
{
    (void)state;
    enum { N = 50000 };
    char *text = malloc(N);
    assert_non_null(text);
    memset(text, 'a', N);
    assert_false(matches("^(a+)+$x", pol_bytes_of(text, N)));
    assert_false(matches("(a|a)*b", pol_bytes_of(text, N)));
    assert_false(matches("(.*)(.*)(.*)(.*)x$", pol_bytes_of(text, N)));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_anywhere),
        cmocka_unit_test(groups_are_found),
        cmocka_unit_test(empty_groups_are_there),
        cmocka_unit_test(many_groups_are_found),
        cmocka_unit_test(bad_patterns_are_refused),
        cmocka_unit_test(hostile_patterns_take_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
