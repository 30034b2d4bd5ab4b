/* SPDX-License-Identifier: Apache-2.0
 * The client of one introspection endpoint, as introspect.c uses it.
 */
#pragma once

#include "runtime/fetch/fetch.h"
#include "runtime/identity/introspect.h"
#include "runtime/identity/jose.h"

#include <stdatomic.h>

enum { POL_INTROSPECTED_MAX = 65536 }; /* bytes of an answer */

struct pol_introspector {
    atomic_uint shares;
    char *url, *audience, *client_id, *token_prefix, *ca_file, *cert_file, *key_file;
    pol_client_auth auth;
    pol_buf secret; /* cleansed */
    pol_key key;
    const pol_alg *alg;
    uint8_t id[32]; /* names the endpoint and who asks it */
    uint32_t timeout_ms;
    int64_t cache_ns, inactive_ns;
};

pol_introspector *pol_introspector_share(pol_introspector *introspector);
/* As pol_fetch, for what the endpoint says of token. */
POL_MUST_USE bool pol_introspector_ask(const pol_introspector *by, struct pol_fetcher *fetcher, pol_bytes token, int64_t now_ns, pol_fetch_done *done, void *context);
