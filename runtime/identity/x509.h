/* SPDX-License-Identifier: Apache-2.0
 * Client certificates: chains in PEM, path validation by OpenSSL with what it leaves out, X.509-SVIDs, and a certificate as the
 * document that policies see. Nothing here takes memory from an arena, so foreign objects cannot leak.
 */
#pragma once

#include "runtime/bytes.h"
#include "runtime/identity/reasons.h"

#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

/* A leaf and what was sent with it. */
typedef struct {
    X509 *leaf;
    STACK_OF(X509) *rest; /* may be NULL */
} pol_chain;

void pol_chain_deinit(pol_chain *chain);
/* PEM with certificates only, leaf first, at most 16. On failure chain is empty. */
POL_MUST_USE bool pol_chain_read(pol_bytes pem, pol_chain *chain);

typedef struct {
    X509_STORE *roots;            /* trusted, and CRLs */
    STACK_OF(X509) *intermediates; /* known ones beside those sent; NULL: none */
    const char *purpose;          /* "clientAuth" or "serverAuth" */
    int max_depth;                /* intermediates allowed; negative: 10 */
    bool check_crls;
    bool crls_may_lack;           /* a certificate without a list that counts is told of in crl_good, not refused */
} pol_path_rules;

/* A path that verified. */
typedef struct {
    STACK_OF(X509) *certs; /* leaf first, root last */
    int64_t until_s;       /* it verifies as long as now is before this */
    uint32_t crl_good;     /* bit i: a list that counts does not hold certificate i */
} pol_path;

void pol_path_deinit(pol_path *path);
/* NULL, or why the chain is refused. *path may be NULL; it is empty when refused. */
const char *pol_path_verify(const pol_chain *chain, const pol_path_rules *rules, int64_t unix_s, pol_path *path);

/* The verify callback of a store whose lists may lack. */
int pol_crls_may_lack(int ok, X509_STORE_CTX *ctx);
/* Seconds since 1970. */
POL_MUST_USE bool pol_asn1_time(const ASN1_TIME *t, int64_t *unix_s);

/* The rules for an X.509-SVID leaf, and its id: NULL or a reason. id is copied into out (NUL-terminated). */
enum { POL_SPIFFE_ID_MAX = 2048 };
const char *pol_svid_check(X509 *leaf, char out[POL_SPIFFE_ID_MAX + 1]);
/* Does the leaf have a URI name that claims to be a SPIFFE ID? */
bool pol_svid_claimed(X509 *leaf);
/* The trust domain of the first one that can be read; false: there is none. */
enum { POL_TRUST_DOMAIN_MAX = 255 };
bool pol_svid_domain(X509 *leaf, char out[POL_TRUST_DOMAIN_MAX + 1]);

void pol_cert_fingerprint(X509 *cert, uint8_t sha256[32]);
/* The leaf's subject as text (RFC 4514), appended. */
void pol_cert_subject(pol_buf *out, X509 *cert);

/* What the document says beside the certificate itself. */
typedef struct {
    unsigned chain_length;
    const char *revocation; /* "good" or "unknown" */
    const char *source;     /* "tls", "xfcc", "request" */
    const char *spiffe_id;  /* NULL or "": none */
} pol_cert_facts;

/* The document input.cert as JSON, appended. */
void pol_cert_write(pol_buf *json, X509 *leaf, const pol_cert_facts *facts);

/* "2026-01-02T03:04:05Z", appended as JSON string; from an ASN.1 time. */
void pol_cert_write_time(pol_buf *json, const ASN1_TIME *t);
/* An ASN.1 text as UTF-8, appended as JSON string. */
void pol_cert_write_text(pol_buf *json, const ASN1_STRING *s);
/* An iPAddress name as text, appended as JSON string; "" when it is neither IPv4 nor IPv6. */
void pol_cert_write_address(pol_buf *json, const ASN1_OCTET_STRING *s);
