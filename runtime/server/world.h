/* SPDX-License-Identifier: Apache-2.0
 * The world: everything that decisions depend on, as one immutable record that is replaced whole. How it is published and closed
 * is in reload.h.
 */
#pragma once

#include "runtime/engine.h"
#include "runtime/identity/identity.h"
#include "runtime/server/config.h"

#include <openssl/ssl.h>

typedef struct {
    uint64_t generation; /* from 1 */
    const pol_config *config; /* borrowed */
    pol_bundle *bundle;
    pol_trust *trust; /* NULL: no issuers and no roots are configured */
    SSL_CTX *tls;     /* NULL: no TLS listener */
    pol_value routes; /* index of the bundle's */
    pol_entry decision; /* config's `decision` in this bundle */
    pol_entry default_decision; /* config's `default_decision` */
    pol_entry subjects, resources, actions; /* of searches; undefined ones where config names none */
    pol_entry callers; /* config's `callers` */
    pol_arena arena;  /* of the entries */
    char *bundle_file; /* which file it is; of a folder the one chosen */
    char *revision;   /* of the manifest; "" when it has none */
    char digest[65];  /* hex */
    char *signature;  /* pol_world_signature, taken before the files were read: a change while they are read is seen as one */
    int64_t activated_ns;
} pol_world;

struct pol_revocation;

/* What is fetched in the background, for whichever world serves. Borrowed. */
typedef struct {
    struct pol_revocation *responders;
    pol_key_sources *key_sources;
} pol_background;

/* Opens and verifies everything config names. Nothing is published. */
POL_MUST_USE bool pol_world_new(const pol_config *config, uint64_t generation, pol_background background, pol_world **out, pol_error *err);
/* What is fetched from OCSP responders follows this world's settings from now on. */
void pol_world_follow(const pol_world *world, struct pol_revocation *responders);
void pol_world_free(pol_world *world);
/* The Ed25519 public keys that config names. */
enum { POL_WORLD_KEYS_MAX = 16 };
POL_MUST_USE bool pol_world_keys(const pol_config *config, uint8_t raw[POL_WORLD_KEYS_MAX][32], pol_error *err);
/* Opens the bundle at path as config says bundles are opened: signed where keys are named. copy: even where config does not ask for it. */
POL_MUST_USE bool pol_world_bundle(const pol_config *config, const char *path, bool copy, pol_bundle **out, pol_error *err);

/* Fails unless next's revision is at least as new as current's: compared bytewise, but digits as the number that they are. None is older than any. */
POL_MUST_USE bool pol_world_not_older(const pol_bundle *next, const pol_bundle *current, pol_error *err);

/* A text that changes whenever a file that the world depends on was replaced or written: names, inodes, sizes, times. */
void pol_world_signature(const pol_config *config, pol_buf *out);
/* Calls visit for every file and folder that the world depends on. */
void pol_world_files(const pol_config *config, void (*visit)(void *context, const char *path), void *context);

/* tls.c: the context of the TLS listener: TLS 1.3, a client certificate required and verified against trust. responders: where the response to staple is. */
POL_MUST_USE bool pol_tls_new(const pol_config *config, const pol_trust *trust, struct pol_revocation *responders, SSL_CTX **out, pol_error *err);
/* Has the response for the listener's certificate fetched. */
void pol_tls_staple(const pol_world *world, struct pol_revocation *responders);
/* Whether a connection's client certificate, verified when it was made, still is good under this world's trust. */
bool pol_tls_still_good(const pol_world *world, SSL *ssl);
