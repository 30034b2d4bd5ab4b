/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as X-Forwarded-Client-Cert. What is accepted has at most 16 elements, each with at least one member, and hashes of 64 lower-case digits.
 */
#include "runtime/identity/xfcc.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_element(pol_value element)
{
    pol_value hash = pol_object_member(element, "hash");
    if (element.tag != POL_OBJECT || element.n == 0)
        abort();
    if (!pol_is_defined(hash))
        return;
    if (hash.n != 64)
        abort();
    for (uint32_t i = 0; i < hash.n; i++) {
        uint8_t c = hash.text[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pol_arena arena;
    pol_value elements;
    pol_arena_init(&arena, 0);
    if (!pol_xfcc_parse(&arena, pol_bytes_of(data, size), &elements)) {
        if (elements.tag != POL_ARRAY || elements.n == 0 || elements.n > 16)
            abort();
        for (uint32_t i = 0; i < elements.n; i++)
            check_element(pol_element(elements, i));
    }
    pol_arena_deinit(&arena);
    return 0;
}
