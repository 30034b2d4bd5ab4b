/* SPDX-License-Identifier: Apache-2.0
 * Tokens bound to a certificate. Binding is decided before any policy runs: a token whose cnf names another certificate is
 * taken for stolen, and must not choose which policy explains its refusal.
 */
#include "runtime/identity/oauth.h"

#include <openssl/crypto.h>

const char *pol_binding_check(pol_value claims, const uint8_t *sha256, bool *bound)
{
    enum { THUMBPRINT = 43 };
    *bound = false;
    pol_value cnf = pol_object_member(claims, "cnf");
    if (!pol_is_defined(cnf))
        return NULL;
    if (cnf.tag != POL_OBJECT)
        return pol_reason_binding_form;
    pol_value thumbprint = pol_object_member(cnf, "x5t#S256");
    if (!pol_is_defined(thumbprint))
        return pol_reason_binding_unknown;
    if (thumbprint.tag != POL_STRING)
        return pol_reason_binding_form;
    if (!sha256)
        return pol_reason_binding_mismatch;
    uint8_t text[THUMBPRINT + 1];
    size_t n = pol_base64_encode(text, pol_bytes_of(sha256, 32), POL_BASE64URL);
    if (thumbprint.n != n || CRYPTO_memcmp(text, thumbprint.text, n) != 0)
        return pol_reason_binding_mismatch;
    *bound = true;
    return NULL;
}
