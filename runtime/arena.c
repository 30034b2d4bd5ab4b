/* SPDX-License-Identifier: Apache-2.0
 * A bump allocator over blocks that double in size. The first block stays when the arena is reset,
 * so a steady load asks the system for nothing. Under the address sanitizer the free part of a
 * block is poisoned.
 */
#include "runtime/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define POL_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POL_ASAN 1
#endif
#endif
#ifdef POL_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, n) ((void)(at), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(at, n) ((void)(at), (void)(n))
#endif

enum { BLOCK_MIN = 16 * 1024, BLOCK_MAX = 4 * 1024 * 1024 };

struct pol_arena_block {
    pol_arena_block *older;
    size_t size; /* of data */
    _Alignas(16) uint8_t data[];
};

void pol_arena_init(pol_arena *arena, size_t budget_bytes)
{
    *arena = (pol_arena){.budget_bytes = budget_bytes};
}

static void free_block(pol_arena_block *block)
{
    ASAN_UNPOISON_MEMORY_REGION(block->data, block->size);
    free(block);
}

void pol_arena_deinit(pol_arena *arena)
{
    while (arena->blocks) {
        pol_arena_block *older = arena->blocks->older;
        free_block(arena->blocks);
        arena->blocks = older;
    }
    arena->at = arena->end = NULL;
    arena->used_bytes = 0;
}

void pol_arena_reset(pol_arena *arena)
{
    while (arena->blocks && arena->blocks->older) {
        pol_arena_block *older = arena->blocks->older;
        free_block(arena->blocks);
        arena->blocks = older;
    }
    arena->used_bytes = 0;
    if (!arena->blocks)
        return;
    arena->at = arena->blocks->data;
    arena->end = arena->blocks->data + arena->blocks->size;
    ASAN_POISON_MEMORY_REGION(arena->blocks->data, arena->blocks->size);
}

size_t pol_arena_used(const pol_arena *arena)
{
    return arena->used_bytes + (arena->blocks ? (size_t)(arena->at - arena->blocks->data) : 0);
}

/* A block with room for need bytes becomes the current one. */
static bool add_block(pol_arena *arena, size_t need)
{
    size_t size = arena->blocks ? 2 * arena->blocks->size : BLOCK_MIN, used = pol_arena_used(arena);
    if (size > BLOCK_MAX)
        size = BLOCK_MAX;
    if (size < need)
        size = need;
    if (arena->budget_bytes) {
        if (used > arena->budget_bytes || need > arena->budget_bytes - used)
            return false;
        if (size > arena->budget_bytes - used)
            size = arena->budget_bytes - used;
        size &= ~(size_t)15;
        if (size < need)
            return false;
    }
    pol_arena_block *block = size < SIZE_MAX / 2 ? malloc(sizeof *block + size) : NULL;
    if (!block)
        return false;
    block->older = arena->blocks;
    block->size = size;
    arena->used_bytes = used;
    arena->blocks = block;
    arena->at = block->data;
    arena->end = block->data + size;
    ASAN_POISON_MEMORY_REGION(block->data, size);
    return true;
}

void *pol_arena_try(pol_arena *arena, size_t size)
{
    size_t need = (size + 15) & ~(size_t)15;
    if (need < size || (need > (size_t)(arena->end - arena->at) && !add_block(arena, need)))
        return NULL;
    if (!arena->at &&
        !add_block(arena, 16)) /* nothing asked for of an empty arena: still no NULL */
        return NULL;
    void *p = arena->at;
    arena->at += need;
    ASAN_UNPOISON_MEMORY_REGION(p, need);
    return p;
}

void *pol_arena_alloc_slow(pol_arena *arena, size_t size)
{
    void *p = pol_arena_try(arena, size);
    if (p)
        return p;
    if (arena->exhausted)
        arena->exhausted(arena->context);
    abort();
}

void *pol_arena_array(pol_arena *arena, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes))
        bytes = SIZE_MAX;
    return pol_arena_alloc(arena, bytes);
}

void *pol_arena_zero(pol_arena *arena, size_t n, size_t size)
{
    void *p = pol_arena_array(arena, n, size);
    memset(p, 0, n * size);
    return p;
}

uint8_t *pol_arena_copy(pol_arena *arena, const void *p, size_t n)
{
    uint8_t *copy = pol_arena_alloc(arena, n == SIZE_MAX ? n : n + 1);
    if (n)
        memcpy(copy, p, n);
    copy[n] = 0;
    return copy;
}

char *pol_arena_printf(pol_arena *arena, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    size_t size = n < 0 ? 1 : (size_t)n + 1;
    char *text = pol_arena_alloc(arena, size);
    text[0] = 0;
    if (n >= 0)
        vsnprintf(text, size, fmt, again);
    va_end(again);
    return text;
}
