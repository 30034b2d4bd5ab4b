/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a DPoP proof. None may fit a key that nobody has: that of an all-zero thumbprint.
 */
#include "runtime/identity/oauth.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const algorithms[] = {"ES256", "EdDSA", "RS256"};
    pol_dpop_rules rules = {.access_token = POL_BYTES("token"), .jkt = POL_BYTES("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), .method = POL_BYTES("GET"),
                            .url = POL_BYTES("https://api.example/x"), .algorithms = algorithms, .n_algorithms = 3, .max_age_s = 1e12, .leeway_s = 5};
    pol_arena arena;
    pol_bytes jti;
    pol_arena_init(&arena, 0);
    if (!pol_dpop_check(&arena, pol_bytes_of(data, size), &rules, 1800000000LL * 1000000000, &jti))
        abort();
    pol_arena_deinit(&arena);
    return 0;
}
