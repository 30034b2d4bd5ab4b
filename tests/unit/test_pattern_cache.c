/* SPDX-License-Identifier: Apache-2.0
 * The cache of compiled patterns: what it keeps, what it lets go, what it refuses.
 */
#include "runtime/pattern_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void a_pattern_asked_for_again_is_not_compiled_again(void **state)
{
    (void)state;
    char why[100];
    pol_pattern_cache *cache = pol_pattern_cache_new();
    const pol_pattern *first = pol_pattern_cache_get(cache, POL_BYTES("a+"), why, sizeof why);
    assert_non_null(first);
    assert_ptr_equal(pol_pattern_cache_get(cache, POL_BYTES("a+"), why, sizeof why), first);
    assert_ptr_not_equal(pol_pattern_cache_get(cache, POL_BYTES("b+"), why, sizeof why), first);
    assert_ptr_equal(pol_pattern_cache_get(cache, POL_BYTES("a+"), why, sizeof why), first);
    pol_pattern_cache_free(cache);
}

static void more_patterns_than_it_keeps_are_all_answered(void **state)
{
    (void)state;
    char why[100], text[32];
    pol_pattern_cache *cache = pol_pattern_cache_new();
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < 3 * POL_PATTERN_CACHE_MAX; i++) {
            snprintf(text, sizeof text, "^n%u$", i);
            const pol_pattern *p =
                pol_pattern_cache_get(cache, pol_bytes_text(text), why, sizeof why);
            assert_non_null(p);
            snprintf(text, sizeof text, "n%u", i);
            assert_true(pol_pattern_matches(p, pol_bytes_text(text)));
            assert_false(pol_pattern_matches(p, POL_BYTES("n")));
        }
    pol_pattern_cache_free(cache);
}

static void a_wrong_or_too_long_pattern_is_refused_with_a_reason(void **state)
{
    (void)state;
    char why[100] = "";
    pol_pattern_cache *cache = pol_pattern_cache_new();
    assert_null(pol_pattern_cache_get(cache, POL_BYTES("a("), why, sizeof why));
    assert_true(why[0] != 0);
    char *text = malloc(POL_PATTERN_TEXT_MAX + 1);
    assert_non_null(text);
    memset(text, 'a', POL_PATTERN_TEXT_MAX + 1);
    assert_null(pol_pattern_cache_get(cache, pol_bytes_of(text, POL_PATTERN_TEXT_MAX + 1), why,
                                      sizeof why));
    assert_string_equal(why, "pattern of 32769 bytes is longer than 32768");
    free(text);
    pol_pattern_cache_free(cache);
    pol_pattern_cache_free(NULL);
}

static void the_empty_pattern_is_one(void **state)
{
    (void)state;
    char why[100];
    pol_pattern_cache *cache = pol_pattern_cache_new();
    const pol_pattern *p = pol_pattern_cache_get(cache, POL_BYTES(""), why, sizeof why);
    assert_non_null(p);
    assert_true(pol_pattern_matches(p, POL_BYTES("")));
    assert_ptr_equal(pol_pattern_cache_get(cache, POL_BYTES(""), why, sizeof why), p);
    pol_pattern_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_asked_for_again_is_not_compiled_again),
        cmocka_unit_test(more_patterns_than_it_keeps_are_all_answered),
        cmocka_unit_test(a_wrong_or_too_long_pattern_is_refused_with_a_reason),
        cmocka_unit_test(the_empty_pattern_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
