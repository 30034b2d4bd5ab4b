/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a JSON Web Key Set, from a file and as an issuer's answer, and as its metadata. A key that is read has a type, what verifies with it, and a kid that no other one has;
 * none that was fetched is symmetric.
 */
#include "runtime/identity/key_source.h"
#include "runtime/json.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_key(const pol_jwks *set, unsigned i)
{
    const pol_key *key = &set->keys[i];
    if (key->type == POL_KEY_NONE || (key->type == POL_KEY_OCT ? !key->n_secret : !key->pkey))
        abort();
    for (unsigned k = 0; key->kid && k < i; k++) {
        if (set->keys[k].kid && pol_bytes_equal(pol_bytes_of(key->kid, key->n_kid), pol_bytes_of(set->keys[k].kid, set->keys[k].n_kid)))
            abort();
    }
}

static void check_answers(pol_arena *arena, const uint8_t *data, size_t size)
{
    uint8_t *text = malloc(size + 1);
    pol_jwks *set = NULL;
    const char *url = NULL;
    memcpy(text, data, size);
    text[size] = 0;
    if (!pol_key_metadata_read(arena, "https://id.example", pol_bytes_of(text, size), &url) && strncasecmp(url, "http", 4) != 0)
        abort();
    if (!pol_key_set_read(pol_bytes_of(text, size), &set)) {
        for (unsigned i = 0; i < set->n; i++) {
            check_key(set, i);
            if (set->keys[i].type == POL_KEY_OCT)
                abort();
        }
    }
    pol_jwks_free(set);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pol_arena arena;
    pol_value v;
    pol_error err;
    pol_jwks *set = NULL;
    char thumbprint[44];
    pol_arena_init(&arena, 0);
    if (pol_json_read(&arena, pol_bytes_of(data, size), NULL, &v, &err) && pol_jwks_read(v, POL_JWK_STRICT, &set, &err)) {
        for (unsigned i = 0; i < set->n; i++)
            check_key(set, i);
        pol_value keys = pol_object_member(v, "keys");
        for (uint32_t i = 0; i < keys.n; i++)
            (void)!pol_jwk_thumbprint(pol_element(keys, i), thumbprint);
    }
    check_answers(&arena, data, size);
    pol_jwks_free(set);
    pol_arena_deinit(&arena);
    return 0;
}
