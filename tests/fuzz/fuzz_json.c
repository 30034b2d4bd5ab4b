/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as JSON. What is read prints as text that is read as an equal value with an equal hash,
 * in each style; a stricter reader accepts no more; a small budget ends in an error.
 */
#include "runtime/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_printing(pol_arena *arena, pol_value v)
{
    pol_buf text = {0};
    pol_value again;
    for (unsigned style = 0; style < 4; style++) {
        pol_buf_clear(&text);
        pol_json_write(&text, v, style);
        check(pol_utf8_valid(pol_buf_view(&text)));
        check(pol_json_read(arena, pol_buf_view(&text), &(pol_json_options){.borrow = true}, &again,
                            NULL));
        check(pol_equal(v, again) && pol_compare(v, again) == 0 && pol_hash(v) == pol_hash(again));
    }
    pol_buf_clear(&text);
    pol_rego_write(&text, v);
    check(pol_utf8_valid(pol_buf_view(&text)));
    pol_buf_deinit(&text);
}

/* Numbers of foreign texts in arithmetic and rounding. */
static void check_numbers(pol_arena *arena, pol_value v)
{
    pol_value last = pol_int(3);
    const char *why;
    for (uint32_t i = 0; v.tag == POL_ARRAY && i < v.n && i < 4; i++) {
        pol_value x = pol_element(v, i);
        if (!pol_is_number(x))
            continue;
        for (int op = POL_ADD; op <= POL_REMAINDER; op++)
            check(pol_is_defined(pol_number_arithmetic(arena, (pol_arithmetic)op, x, last, &why)) ==
                  !why);
        for (int how = POL_ROUND; how <= POL_ABS; how++) {
            pol_value rounded = pol_number_round(arena, (pol_rounding)how, x);
            check(!pol_is_defined(rounded) || how == POL_ABS || pol_number_is_integer(rounded));
        }
        check(pol_number_compare(x, last) == -pol_number_compare(last, x));
        (void)pol_number_to_double(x);
        last = x;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const pol_json_options strict = {.max_depth = 8, .unique_members = true, .no_nul = true};
    pol_arena arena, small;
    pol_value v, w;
    pol_error err;
    pol_arena_init(&arena, 0);
    pol_arena_init(&small, 4096);
    pol_bytes text = pol_bytes_of(data, size);
    bool read = pol_json_read(&arena, text, NULL, &v, &err);
    if (read) {
        check(pol_utf8_valid(text));
        check_printing(&arena, v);
        check_numbers(&arena, v);
        check(pol_equal(v, pol_value_copy(&arena, v)));
    } else {
        check(!pol_is_defined(v) && err.text[0]);
    }
    if (pol_json_read(&arena, text, &strict, &w, NULL))
        check(read && pol_equal(v, w) && pol_depth(w) <= 8);
    if (pol_json_read(&small, text, NULL, &w, NULL))
        check(read && pol_equal(v, w));
    pol_arena_deinit(&small);
    pol_arena_deinit(&arena);
    return 0;
}
