/* SPDX-License-Identifier: Apache-2.0
 * A bump allocator: blocks that grow, one reset that gives all back. Not thread-safe: one owner at a time.
 * All memory is 16-byte aligned. The first block is kept over resets, so that a steady load allocates nothing.
 */
#pragma once

#include "runtime/error.h"

#include <stddef.h>
#include <string.h>

typedef struct pol_arena_block pol_arena_block;
typedef struct pol_arena pol_arena;

/* Called when an arena's budget or the machine's memory is used up; must not return. */
typedef void (*pol_arena_exhausted)(void *context);

struct pol_arena {
    uint8_t *at, *end;              /* free part of the current block */
    pol_arena_block *blocks;        /* newest first */
    size_t used_bytes;              /* of all full blocks */
    size_t budget_bytes;            /* most that may be taken between two resets; 0: no limit */
    pol_arena_exhausted exhausted;  /* NULL: abort() */
    void *context;
};

/* arena is the caller's storage. No memory is taken before the first use. */
void pol_arena_init(pol_arena *arena, size_t budget_bytes);
void pol_arena_deinit(pol_arena *arena);

/* Everything taken from the arena ends here. One block is kept. */
void pol_arena_reset(pol_arena *arena);

/* Bytes taken since the last reset. */
size_t pol_arena_used(const pol_arena *arena);

/* NULL when the budget is spent: for readers of foreign bytes, who report it as their own error. */
POL_MUST_USE void *pol_arena_try(pol_arena *arena, size_t size);

/* The slow path of pol_arena_alloc. Never NULL: calls exhausted instead. */
void *pol_arena_alloc_slow(pol_arena *arena, size_t size);

/* Under the address sanitizer every piece is taken by the slow path, which knows what to unpoison. */
#ifdef __SANITIZE_ADDRESS__
#define POL_ARENA_INLINE 0
#elif defined(__clang__)
#define POL_ARENA_INLINE (!__has_feature(address_sanitizer))
#else
#define POL_ARENA_INLINE 1
#endif

static inline void *pol_arena_alloc(pol_arena *arena, size_t size)
{
    size_t need = (size + 15) & ~(size_t)15;
    if (POL_ARENA_INLINE && __builtin_expect(need >= size && need <= (size_t)(arena->end - arena->at), 1)) {
        void *p = arena->at;
        arena->at += need;
        return p;
    }
    return pol_arena_alloc_slow(arena, size);
}

/* n times size, checked for overflow; zeroed. */
void *pol_arena_zero(pol_arena *arena, size_t n, size_t size);

/* n times size, checked for overflow; not zeroed. */
void *pol_arena_array(pol_arena *arena, size_t n, size_t size);

/* A copy of n bytes at p with a NUL behind it. p may be NULL when n is 0. */
uint8_t *pol_arena_copy(pol_arena *arena, const void *p, size_t n);

/* printf into the arena; NUL-terminated. */
char *pol_arena_printf(pol_arena *arena, const char *fmt, ...) POL_PRINTF(2, 3);

#define POL_NEW(arena, type) ((type *)pol_arena_zero((arena), 1, sizeof(type)))
#define POL_NEW_ARRAY(arena, type, n) ((type *)pol_arena_zero((arena), (n), sizeof(type)))

/* Makes room for one more element in an array that lives in an arena: doubles items when n reaches capacity.
 * Usage: POL_GROW(arena, list->items, list->n, list->capacity); list->items[list->n++] = x; */
#define POL_GROW(arena, items, n, capacity)                                                        \
    do {                                                                                           \
        if ((n) == (capacity)) {                                                                   \
            size_t grown_ = (capacity) ? 2 * (size_t)(capacity) : 8;                               \
            __typeof__(items) new_ = pol_arena_array((arena), grown_, sizeof *(items));            \
            if (n)                                                                                 \
                memcpy(new_, (items), (n) * sizeof *(items));                                      \
            (items) = new_;                                                                        \
            (capacity) = (__typeof__(capacity))grown_;                                             \
        }                                                                                          \
    } while (0)
