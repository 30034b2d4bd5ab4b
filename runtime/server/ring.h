/* SPDX-License-Identifier: Apache-2.0
 * Texts from one thread to another: a worker puts them in without a lock, a wait or a system call, and one other thread takes them out. What finds no room is lost and counted.
 */
#pragma once

#include "runtime/server/metrics.h"

/* Each text is its length and its bytes, both possibly wrapped around. */
typedef struct {
    uint8_t *bytes;
    size_t size;
    _Atomic uint64_t written, taken; /* bytes, ever */
    pol_counter lost;
} pol_ring;

POL_MUST_USE bool pol_ring_init(pol_ring *ring, size_t size);
void pol_ring_deinit(pol_ring *ring);
/* By the writer. */
void pol_ring_put(pol_ring *ring, pol_bytes text);
/* By the reader: the next one in out, with a NUL behind it. False: there is none. */
POL_MUST_USE bool pol_ring_take(pol_ring *ring, pol_buf *out);
/* Bytes that wait. From any thread. */
uint64_t pol_ring_waiting(const pol_ring *ring);
