/* SPDX-License-Identifier: Apache-2.0
 * What responders say of the certificates that were seen: fetched in the background, ahead of need, and looked up by decisions without a lock and without waiting.
 * One of a process; it outlives every world.
 */
#pragma once

#include "runtime/identity/identity.h"
#include "runtime/identity/ocsp.h"

struct pol_fetcher;

typedef struct pol_revocation pol_revocation;

/* A certificate by its issuer and its serial number. */
enum { POL_CERT_KEY = 32 };
bool pol_cert_key(X509 *cert, X509 *issuer, uint8_t key[POL_CERT_KEY]);

typedef enum { POL_NONCE_OPTIONAL, POL_NONCE_REQUIRED, POL_NONCE_NONE } pol_nonce_policy;

typedef struct {
    uint32_t interval_ms;       /* how old a status may get before it is asked for again; 0: an hour */
    uint32_t timeout_ms;        /* 0: 5 s */
    const char *url;            /* asked in place of the responder that a client's certificate names; NULL: that one */
    const char *ca_file;        /* for responders by https; NULL: the system's roots */
    pol_nonce_policy nonce;
} pol_revocation_settings;

/* Something for the log. Both texts are without secrets. */
typedef void pol_revocation_tell(void *context, const char *url, const char *text);

POL_MUST_USE bool pol_revocation_new(pol_revocation_tell *tell, void *context, pol_revocation **out, pol_error *err);
/* After the fetcher has ended. */
void pol_revocation_free(pol_revocation *r);
/* Before the first decision; without it nothing is fetched. The fetcher must end first. */
void pol_revocation_start(pol_revocation *r, struct pol_fetcher *fetcher);
/* Copied. */
void pol_revocation_configure(pol_revocation *r, const pol_revocation_settings *settings);

/* Has the status of cert, whose key this is, fetched from now on, where there is room. False: no responder is known for it. Takes a lock, but never waits for one:
 * what is not watched yet is not found, and may be asked for again. */
bool pol_revocation_watch(pol_revocation *r, X509 *cert, X509 *issuer, const uint8_t key[POL_CERT_KEY], int64_t now_s);

typedef enum { POL_WATCHED_NOT, POL_WATCHED_UNKNOWN, POL_WATCHED_GOOD, POL_WATCHED_REVOKED } pol_watched;
pol_watched pol_revocation_find(pol_revocation *r, const uint8_t key[POL_CERT_KEY], int64_t now_s);

/* The certificate of the TLS listener, whose response is fetched and kept for its clients. leaf NULL: there is none any more. */
void pol_revocation_own(pol_revocation *r, X509 *leaf, X509 *issuer);
/* A copy (OPENSSL_free) of the current response that says good; NULL: there is none. */
uint8_t *pol_revocation_staple(pol_revocation *r, int64_t now_s, size_t *n);

typedef struct {
    uint64_t good, revoked, unknown, failed; /* answers */
    unsigned watched;
    bool stapling; /* a response for the listener's own certificate is at hand */
} pol_revocation_counts;
pol_revocation_counts pol_revocation_count(pol_revocation *r, int64_t now_s);
