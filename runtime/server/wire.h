/* SPDX-License-Identifier: Apache-2.0
 * Binary frames, docs/protocols.md: a connection that begins with the greeting speaks them, any other HTTP. Pure functions over bytes.
 */
#pragma once

#include "runtime/bytes.h"

/* No HTTP request begins with a NUL. */
#define POL_WIRE_GREETING "\0PW1"

enum {
    POL_WIRE_GREETING_BYTES = 4,
    POL_WIRE_ASKED_BYTES = 9,     /* length, id, operation: before a request's body */
    POL_WIRE_ANSWERED_BYTES = 10, /* length, id, status: before an answer's */
};

typedef struct {
    uint32_t id;
    const char *path; /* of the operation, as HTTP has it; "/" for one that is not known */
    size_t whole;     /* bytes of the frame, its length included */
} pol_wire_frame;

typedef enum { POL_WIRE_COMPLETE, POL_WIRE_MORE, POL_WIRE_TOO_SHORT, POL_WIRE_TOO_LONG } pol_wire_outcome;

/* Reads the frame at the beginning of text. COMPLETE: all of it is there. MORE: whole is 0 where not even its length is known. */
pol_wire_outcome pol_wire_read(pol_bytes text, uint64_t max_body, pol_wire_frame *frame);
/* What stands before an answer's body. */
void pol_wire_head(uint8_t out[POL_WIRE_ANSWERED_BYTES], uint32_t id, int status, size_t body_bytes);
