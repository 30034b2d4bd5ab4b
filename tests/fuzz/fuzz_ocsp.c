/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a certificate, its issuer and an OCSP response: two lengths of two bytes before the first two. What counts is current, and counts no longer when
 * its time is over.
 */
#include "runtime/identity/ocsp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The certificate in front of *rest, which is then behind it. */
static X509 *read_cert(pol_bytes *rest)
{
    size_t n = rest->n < 2 ? 0 : (size_t)(rest->at[0] << 8 | rest->at[1]);
    if (n == 0 || n > rest->n - 2)
        return NULL;
    const unsigned char *at = rest->at + 2;
    X509 *cert = d2i_X509(NULL, &at, (long)n);
    *rest = pol_bytes_of(rest->at + 2 + n, rest->n - 2 - n);
    return cert;
}

static void judge(pol_bytes response, X509 *cert, X509 *issuer)
{
    enum { NOW_S = 1800000000, LATER_S = NOW_S + 10 * 365 * 86400 };
    pol_ocsp_nonce nonce = {.sent = POL_BYTES("0123456789abcdef")};
    pol_ocsp_answer answer;
    pol_buf request = {0};
    OPENSSL_free(pol_ocsp_url(cert));
    bool made = pol_ocsp_request(cert, issuer, nonce.sent, &request);
    if (made && request.n == 0)
        abort();
    pol_buf_deinit(&request);
    if (pol_ocsp_judge(response, cert, issuer, &nonce, NOW_S, &answer))
        return;
    if (answer.this_update_s > NOW_S + 300 || (answer.next_update_s && answer.next_update_s <= NOW_S))
        abort();
    if (answer.next_update_s < LATER_S && !pol_ocsp_judge(response, cert, issuer, &nonce, LATER_S, &answer))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pol_bytes rest = pol_bytes_of(data, size);
    X509 *cert = read_cert(&rest), *issuer = cert ? read_cert(&rest) : NULL;
    if (issuer)
        judge(rest, cert, issuer);
    X509_free(cert);
    X509_free(issuer);
    return 0;
}
