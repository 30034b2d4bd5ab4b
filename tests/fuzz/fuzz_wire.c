/* SPDX-License-Identifier: Apache-2.0
 * Binary frames: what is read of a stream cut anywhere is what is read of it whole, no frame is longer than its bound, and all of it lies in the text.
 */
#include "runtime/server/wire.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MAX_BODY = 256 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    for (size_t at = 0; at < n;) {
        pol_wire_frame frame, part;
        pol_bytes left = pol_bytes_of(data + at, n - at);
        pol_wire_outcome outcome = pol_wire_read(left, MAX_BODY, &frame);
        if (frame.whole > MAX_BODY + POL_WIRE_ASKED_BYTES || !frame.path)
            abort();
        if (outcome != POL_WIRE_COMPLETE)
            break;
        if (frame.whole > left.n || frame.whole < POL_WIRE_ASKED_BYTES)
            abort();
        for (size_t k = 0; k < frame.whole; k++)
            if (pol_wire_read(pol_bytes_of(left.at, k), MAX_BODY, &part) != POL_WIRE_MORE || (part.whole && part.whole != frame.whole))
                abort();
        at += frame.whole;
    }
    return 0;
}
