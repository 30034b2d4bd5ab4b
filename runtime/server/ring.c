/* SPDX-License-Identifier: Apache-2.0
 * The ring: two counters that only grow, each written by one thread. */
#include "runtime/server/ring.h"

#include <stdlib.h>

bool pol_ring_init(pol_ring *ring, size_t size)
{
    *ring = (pol_ring){.bytes = malloc(size), .size = size};
    return ring->bytes != NULL;
}

void pol_ring_deinit(pol_ring *ring)
{
    free(ring->bytes);
    ring->bytes = NULL;
}

static void copy_in(pol_ring *ring, uint64_t at, const uint8_t *from, size_t n)
{
    size_t begin = (size_t)(at % ring->size), first = n < ring->size - begin ? n : ring->size - begin;
    memcpy(ring->bytes + begin, from, first);
    memcpy(ring->bytes, from + first, n - first);
}

static void copy_out(const pol_ring *ring, uint64_t at, uint8_t *to, size_t n)
{
    size_t begin = (size_t)(at % ring->size), first = n < ring->size - begin ? n : ring->size - begin;
    memcpy(to, ring->bytes + begin, first);
    memcpy(to + first, ring->bytes, n - first);
}

void pol_ring_put(pol_ring *ring, pol_bytes text)
{
    uint32_t n = (uint32_t)text.n;
    uint64_t at = atomic_load_explicit(&ring->written, memory_order_relaxed);
    uint64_t used = at - atomic_load_explicit(&ring->taken, memory_order_acquire);
    if (text.n + sizeof n > ring->size - used) {
        pol_count(&ring->lost, 1);
        return;
    }
    copy_in(ring, at, (const uint8_t *)&n, sizeof n);
    copy_in(ring, at + sizeof n, text.at, text.n);
    atomic_store_explicit(&ring->written, at + sizeof n + text.n, memory_order_release);
}

bool pol_ring_take(pol_ring *ring, pol_buf *out)
{
    uint64_t at = atomic_load_explicit(&ring->taken, memory_order_relaxed);
    uint32_t n;
    if (at == atomic_load_explicit(&ring->written, memory_order_acquire))
        return false;
    copy_out(ring, at, (uint8_t *)&n, sizeof n);
    pol_buf_clear(out);
    copy_out(ring, at + sizeof n, pol_buf_reserve(out, (size_t)n + 1), n);
    out->n = n;
    out->at[n] = 0;
    atomic_store_explicit(&ring->taken, at + sizeof n + n, memory_order_release);
    return true;
}

uint64_t pol_ring_waiting(const pol_ring *ring)
{
    uint64_t taken = atomic_load_explicit(&((pol_ring *)(uintptr_t)ring)->taken, memory_order_acquire);
    return atomic_load_explicit(&((pol_ring *)(uintptr_t)ring)->written, memory_order_acquire) - taken;
}
