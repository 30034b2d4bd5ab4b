/* SPDX-License-Identifier: Apache-2.0
 * The arena: alignment, growth, reset, budgets, and sizes that overflow.
 */
#include "runtime/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void pieces_are_aligned_and_apart(void **state)
{
    (void)state;
    pol_arena arena;
    uint8_t *pieces[500];
    pol_arena_init(&arena, 0);
    for (size_t i = 0; i < 500; i++) {
        pieces[i] = pol_arena_alloc(&arena, i);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)(i & 255), i);
    }
    for (size_t i = 0; i < 500; i++)
        for (size_t k = 0; k < i; k++)
            assert_int_equal(pieces[i][k], i & 255);
    pol_arena_deinit(&arena);
}

static void a_piece_may_be_larger_than_any_block(void **state)
{
    (void)state;
    pol_arena arena;
    pol_arena_init(&arena, 0);
    uint8_t *large = pol_arena_alloc(&arena, 10 << 20);
    memset(large, 7, 10 << 20);
    uint8_t *small = pol_arena_alloc(&arena, 1);
    *small = 1;
    assert_int_equal(large[(10 << 20) - 1], 7);
    pol_arena_deinit(&arena);
}

static void used_counts_what_was_taken(void **state)
{
    (void)state;
    pol_arena arena;
    pol_arena_init(&arena, 0);
    assert_int_equal(pol_arena_used(&arena), 0);
    pol_arena_alloc(&arena, 1);
    assert_int_equal(pol_arena_used(&arena), 16);
    pol_arena_alloc(&arena, 33);
    assert_int_equal(pol_arena_used(&arena), 64);
    pol_arena_alloc(&arena, 1 << 20);
    assert_int_equal(pol_arena_used(&arena), 64 + (1 << 20));
    pol_arena_reset(&arena);
    assert_int_equal(pol_arena_used(&arena), 0);
    pol_arena_deinit(&arena);
}

static void a_reset_keeps_one_block(void **state)
{
    (void)state;
    pol_arena arena;
    pol_arena_init(&arena, 0);
    void *first = pol_arena_alloc(&arena, 100);
    pol_arena_reset(&arena);
    assert_ptr_equal(pol_arena_alloc(&arena, 100), first);
    for (int i = 0; i < 1000; i++)
        pol_arena_alloc(&arena, 1000);
    pol_arena_reset(&arena);
    assert_ptr_equal(pol_arena_alloc(&arena, 100), first);
    pol_arena_deinit(&arena);
}

static void budgets_end_readers_gently(void **state)
{
    (void)state;
    pol_arena arena;
    size_t taken = 0;
    pol_arena_init(&arena, 100000);
    while (pol_arena_try(&arena, 160))
        taken += 160;
    assert_in_range(taken, 80000, 100000);
    assert_null(pol_arena_try(&arena, 100000));
    assert_null(pol_arena_try(&arena, SIZE_MAX));
    assert_null(pol_arena_try(&arena, SIZE_MAX - 15));
    assert_true(pol_arena_used(&arena) <= 100000);
    pol_arena_reset(&arena);
    assert_non_null(pol_arena_try(&arena, 160));
    pol_arena_deinit(&arena);
}

static void leave(void *context)
{
    longjmp(*(jmp_buf *)context, 1);
}

static void spent_arenas_call_exhausted(void **state)
{
    (void)state;
    pol_arena arena;
    jmp_buf back;
    volatile int stage = 0;
    pol_arena_init(&arena, 1000);
    arena.exhausted = leave;
    arena.context = &back;
    if (setjmp(back) != 0)
        stage = stage + 1;
    switch (stage) {
    case 0:
        pol_arena_alloc(&arena, 2000);
        break;
    case 1:
        pol_arena_array(&arena, SIZE_MAX / 8, 16);
        break;
    case 2:
        pol_arena_zero(&arena, 1 << 10, 1 << 10);
        break;
    case 3:
        pol_arena_copy(&arena, NULL, SIZE_MAX);
        break;
    }
    assert_int_equal(stage, 4);
    assert_non_null(pol_arena_alloc(&arena, 500));
    pol_arena_deinit(&arena);
}

static void copies_end_in_nul_and_arrays_are_zero(void **state)
{
    (void)state;
    pol_arena arena;
    pol_arena_init(&arena, 0);
    assert_string_equal((char *)pol_arena_copy(&arena, "abcdef", 3), "abc");
    assert_string_equal((char *)pol_arena_copy(&arena, NULL, 0), "");
    assert_string_equal(pol_arena_printf(&arena, "%d-%s", 42, "x"), "42-x");
    memset(pol_arena_alloc(&arena, 4096), 0xFF, 4096);
    pol_arena_reset(&arena);
    const uint32_t *zeros = POL_NEW_ARRAY(&arena, uint32_t, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(zeros[i], 0);
    assert_non_null(pol_arena_alloc(&arena, 0));
    pol_arena_deinit(&arena);
}

static void arrays_grow_and_keep_their_elements(void **state)
{
    (void)state;
    pol_arena arena;
    int *items = NULL;
    uint32_t n = 0, capacity = 0;
    pol_arena_init(&arena, 0);
    for (int i = 0; i < 5000; i++) {
        POL_GROW(&arena, items, n, capacity);
        items[n++] = i;
    }
    for (int i = 0; i < 5000; i++)
        assert_int_equal(items[i], i);
    pol_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_and_apart),
        cmocka_unit_test(a_piece_may_be_larger_than_any_block),
        cmocka_unit_test(used_counts_what_was_taken),
        cmocka_unit_test(a_reset_keeps_one_block),
        cmocka_unit_test(budgets_end_readers_gently),
        cmocka_unit_test(spent_arenas_call_exhausted),
        cmocka_unit_test(copies_end_in_nul_and_arrays_are_zero),
        cmocka_unit_test(arrays_grow_and_keep_their_elements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
