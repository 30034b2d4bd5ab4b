/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a certificate chain in PEM. Its document is JSON whatever it holds; without a root nothing is trusted.
 */
#include "runtime/identity/x509.h"
#include "runtime/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_document(X509 *leaf, const char *id)
{
    pol_cert_facts facts = {.chain_length = 1, .revocation = "unknown", .source = "request", .spiffe_id = id};
    pol_buf json = {0};
    pol_arena arena;
    pol_value document;
    pol_error err;
    pol_arena_init(&arena, 0);
    pol_cert_write(&json, leaf, &facts);
    if (!pol_json_read(&arena, pol_buf_view(&json), NULL, &document, &err))
        abort();
    pol_buf_deinit(&json);
    pol_arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pol_chain chain;
    char id[POL_SPIFFE_ID_MAX + 1] = "";
    if (!pol_chain_read(pol_bytes_of(data, size), &chain))
        return 0;
    if (pol_svid_check(chain.leaf, id))
        id[0] = 0;
    check_document(chain.leaf, id);
    X509_STORE *store = X509_STORE_new();
    pol_path_rules rules = {.roots = store, .purpose = "clientAuth", .max_depth = -1};
    if (!pol_path_verify(&chain, &rules, 1800000000, NULL))
        abort();
    X509_STORE_free(store);
    pol_chain_deinit(&chain);
    return 0;
}
