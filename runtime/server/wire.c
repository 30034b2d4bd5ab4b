/* SPDX-License-Identifier: Apache-2.0
 * Binary frames: lengths, ids and operations, in network order. */
#include "runtime/server/wire.h"

static const char *const operations[] = {
    "/", "/access/v1/evaluation", "/access/v1/evaluations", "/access/v1/search/subject", "/access/v1/search/resource", "/access/v1/search/action",
};

static uint32_t read_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void write_u32(uint8_t *at, uint32_t n)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(n >> (24 - 8 * i));
}

pol_wire_outcome pol_wire_read(pol_bytes text, uint64_t max_body, pol_wire_frame *frame)
{
    enum { BEHIND_LENGTH = POL_WIRE_ASKED_BYTES - 4 };
    *frame = (pol_wire_frame){.path = operations[0]};
    if (text.n < 4)
        return POL_WIRE_MORE;
    uint32_t n = read_u32(text.at);
    if (text.n >= 8)
        frame->id = read_u32(text.at + 4);
    if (n < BEHIND_LENGTH)
        return POL_WIRE_TOO_SHORT;
    if (n - BEHIND_LENGTH > max_body)
        return POL_WIRE_TOO_LONG;
    frame->whole = 4 + (size_t)n;
    if (text.n < frame->whole)
        return POL_WIRE_MORE;
    uint8_t operation = text.at[8];
    if (operation < sizeof operations / sizeof *operations)
        frame->path = operations[operation];
    return POL_WIRE_COMPLETE;
}

void pol_wire_head(uint8_t out[POL_WIRE_ANSWERED_BYTES], uint32_t id, int status, size_t body_bytes)
{
    write_u32(out, (uint32_t)(body_bytes + POL_WIRE_ANSWERED_BYTES - 4));
    write_u32(out + 4, id);
    out[8] = (uint8_t)(status >> 8);
    out[9] = (uint8_t)status;
}
