/* SPDX-License-Identifier: Apache-2.0
 * Certificates, requests and keys as the JSON documents that Go's encoder makes of its own structures, as Rego's crypto functions give them.
 */
#pragma once

#include "runtime/bytes.h"

#include <openssl/x509.h>

void pol_go_certificate(pol_buf *json, X509 *cert);
void pol_go_request(pol_buf *json, X509_REQ *req);
void pol_go_private_key(pol_buf *json, EVP_PKEY *key);
/* A private RSA key as a JWK object. */
void pol_rsa_jwk(pol_buf *json, EVP_PKEY *key);
/* "base64" of bytes, quoted. */
void pol_go_bytes(pol_buf *json, const uint8_t *at, size_t n);
