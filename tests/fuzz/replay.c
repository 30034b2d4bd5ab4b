/* SPDX-License-Identifier: Apache-2.0
 * Runs a fuzz target on files, for builds without libFuzzer. Each file is one input, and so is each of its beginnings at a power of two,
 * and each of some copies with a byte changed: seeds alone would only show what is well-formed.
 */
#include "runtime/bytes.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CHANGED_COPIES = 64 };

static void run_variants(pol_buf *bytes)
{
    LLVMFuzzerTestOneInput(bytes->at, bytes->n);
    for (size_t n = 1; n < bytes->n; n *= 2)
        LLVMFuzzerTestOneInput(bytes->at, n);
    for (unsigned i = 0; i < CHANGED_COPIES && bytes->n; i++) {
        uint8_t *at = &bytes->at[(size_t)i * 2654435761u % bytes->n], kept = *at;
        *at = (uint8_t)(kept ^ (1u << i % 8));
        LLVMFuzzerTestOneInput(bytes->at, bytes->n);
        *at = kept;
    }
}

int main(int argc, char **argv)
{
    unsigned failed = 0;
    for (int i = 1; i < argc; i++) {
        pol_buf bytes = {0};
        pol_error err;
        if (pol_file_read(argv[i], 0, &bytes, &err)) {
            run_variants(&bytes);
        } else {
            printf("%s\n", err.text);
            failed++;
        }
        pol_buf_deinit(&bytes);
    }
    printf("%u passed, %u failed, 0 skipped\n", (unsigned)argc - 1 - failed, failed);
    return failed ? 1 : 0;
}
