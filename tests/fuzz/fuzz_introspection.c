/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as the answer of an introspection. What is accepted is an object that says active, and is kept no longer than allowed.
 */
#include "runtime/identity/oauth.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pol_introspection_rules rules = {.leeway_s = 30, .max_ttl_s = 300, .negative_ttl_s = 5};
    pol_introspection_answer answer = {.status = 200, .content_type = POL_BYTES("application/json"), .body = pol_bytes_of(data, size)};
    pol_arena arena;
    pol_value claims;
    int64_t ttl_s = 0;
    pol_arena_init(&arena, 0);
    if (!pol_introspection_judge(&arena, &answer, &rules, 1800000000LL * 1000000000, &claims, &ttl_s) &&
        (claims.tag != POL_OBJECT || !pol_is_true(pol_object_member(claims, "active")) || ttl_s > 300))
        abort();
    pol_arena_deinit(&arena);
    return 0;
}
