/* SPDX-License-Identifier: Apache-2.0
 * Opaque tokens without a server: an issuer that is asked, and a second level that answers when the test says so.
 */
#pragma once

#include "runtime/identity/trust.h"
#include "runtime/identity/view.h"
#include "tests/unit/identity_fixture.h"

/* What was asked of the second level last. */
typedef struct {
    void (*found)(void *flight, pol_bytes value);
    void *flight;
    unsigned n_asked;
} asked_level;

static inline bool ask_level(void *context, const uint8_t key[POL_OPAQUE_KEY], void (*found)(void *flight, pol_bytes value), void *flight)
{
    asked_level *level = context;
    (void)key;
    assert_null(level->found);
    level->found = found;
    level->flight = flight;
    level->n_asked++;
    return true;
}

static inline void keep_nothing(void *context, const uint8_t key[POL_OPAQUE_KEY], pol_bytes value, int64_t until_ns)
{
    (void)context;
    (void)key;
    (void)value;
    (void)until_ns;
}

/* The issuer's answer, which came at from_ns, as the second level keeps it; "" for none. */
static inline void answer_level(asked_level *level, int64_t from_ns, const char *text)
{
    pol_buf value = {0};
    void (*found)(void *flight, pol_bytes value) = level->found;
    assert_non_null(found);
    for (unsigned i = 0; *text && i < 8; i++)
        pol_buf_byte(&value, (uint8_t)(from_ns >> 8 * i));
    if (*text)
        pol_buf_byte(&value, 1);
    pol_buf_text(&value, text);
    level->found = NULL;
    found(level->flight, pol_buf_view(&value));
    pol_buf_deinit(&value);
}

static inline pol_introspection *make_introspection(asked_level *level)
{
    pol_introspection *all;
    pol_error err;
    pol_introspection_store store = {.context = level, .ask = ask_level, .keep = keep_nothing};
    if (!pol_introspection_new(POL_BYTES("0123456789abcdef0123456789abcdef"), &all, &err))
        fail_msg("%s", err.text);
    pol_introspection_start(all, NULL, &store, NULL, NULL);
    return all;
}

/* Of https://id.example, whose tokens are all asked about by a client. */
static inline pol_trust *make_asking_trust(const char *client, uint64_t cache_ms, uint64_t inactive_ms)
{
    char path[64];
    pol_trust *trust;
    pol_error err;
    write_file(path, POL_BYTES("secret\n"));
    pol_issuer_config issuer = {.issuer = "https://id.example", .leeway_s = 300,
                                .introspection = {.url = "https://id.example/introspect", .client_id = client, .secret_file = path, .cache_ms = cache_ms, .inactive_ms = inactive_ms}};
    pol_trust_config config = {.issuers = &issuer, .n_issuers = 1};
    if (!pol_trust_new(&config, &trust, &err))
        fail_msg("%s", err.text);
    unlink(path);
    return trust;
}
