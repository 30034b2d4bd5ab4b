/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a bundle, its digest made right: it is refused, or each of its entry points decides and ends.
 */
#include "tests/fuzz/bundle_case.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size) __attribute__((weak));

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pol_buf bytes = {0};
    pol_eval *ev = case_evaluator();
    pol_buf_add(&bytes, data, size);
    decide_all(ev, &bytes);
    seal(&bytes);
    decide_all(ev, &bytes);
    pol_buf_deinit(&bytes);
    pol_eval_free(ev);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    dice d = {seed};
    if (below(&d, 8) == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    for (uint64_t changes = 1 + below(&d, 4); changes > 0; changes--)
        size = change(&d, data, size);
    return size;
}
