/* SPDX-License-Identifier: Apache-2.0
 * OCSP (RFC 6960) without its transport: the request for one certificate, and the judgement of a response to it.
 */
#pragma once

#include "runtime/bytes.h"

#include <openssl/x509.h>

typedef enum { POL_OCSP_UNKNOWN, POL_OCSP_GOOD, POL_OCSP_REVOKED } pol_ocsp_status;

enum { POL_OCSP_NONCE = 16 };

/* A signed answer that counts now. */
typedef struct {
    pol_ocsp_status status;
    int64_t this_update_s;
    int64_t next_update_s; /* 0: the responder names none */
} pol_ocsp_answer;

/* The nonces that a response is held against. at NULL: none was sent, and none is expected. */
typedef struct {
    pol_bytes sent;
    bool required; /* a response without one is refused; one with another nonce always is */
} pol_ocsp_nonce;

/* The responder that the certificate itself names, as a new text (OPENSSL_free); NULL: none by http or https. */
char *pol_ocsp_url(X509 *cert);

/* Appends the request in DER. nonce.n == 0: none. */
POL_MUST_USE bool pol_ocsp_request(X509 *cert, X509 *issuer, pol_bytes nonce, pol_buf *der);

/* NULL and the answer, or a sentence why the response does not count. Signed by the issuer itself, or by a responder that the issuer has certified for
 * that (RFC 6960, 4.2.2.2); now lies between its times. */
const char *pol_ocsp_judge(pol_bytes der, X509 *cert, X509 *issuer, const pol_ocsp_nonce *nonce, int64_t now_s, pol_ocsp_answer *out);
