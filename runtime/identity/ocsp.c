/* SPDX-License-Identifier: Apache-2.0
 * OpenSSL reads responses and checks signatures; what is added: nothing behind the response, no weak digests, no critical extension passed over, the times, and
 * the most severe of several answers for one certificate.
 */
#include "runtime/identity/ocsp.h"

#include "runtime/identity/x509.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

POL_CLEANUP(OCSP_RESPONSE *, OCSP_RESPONSE_free)
POL_CLEANUP(OCSP_BASICRESP *, OCSP_BASICRESP_free)
POL_CLEANUP(OCSP_REQUEST *, OCSP_REQUEST_free)
POL_CLEANUP(OCSP_CERTID *, OCSP_CERTID_free)
POL_CLEANUP(X509_STORE *, X509_STORE_free)
POL_CLEANUP(AUTHORITY_INFO_ACCESS *, AUTHORITY_INFO_ACCESS_free)

enum { RESPONSE_MAX = 1 << 16, SKEW_S = 300, UNDATED_MAX_S = 86400, URL_MAX = 2048 };

char *pol_ocsp_url(X509 *cert)
{
    POL_CLEAN(AUTHORITY_INFO_ACCESS_free) AUTHORITY_INFO_ACCESS *access = X509_get_ext_d2i(cert, NID_info_access, NULL, NULL);
    for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(access); i++) {
        const ACCESS_DESCRIPTION *one = sk_ACCESS_DESCRIPTION_value(access, i);
        if (OBJ_obj2nid(one->method) != NID_ad_OCSP || one->location->type != GEN_URI)
            continue;
        const ASN1_IA5STRING *uri = one->location->d.uniformResourceIdentifier;
        pol_bytes text = pol_bytes_of(ASN1_STRING_get0_data(uri), (size_t)ASN1_STRING_length(uri));
        bool web = pol_bytes_starts(text, POL_BYTES("http://")) || pol_bytes_starts(text, POL_BYTES("https://"));
        if (web && text.n <= URL_MAX && !memchr(text.at, 0, text.n))
            return OPENSSL_strndup((const char *)text.at, text.n);
    }
    return NULL;
}

/* SHA-1 names the certificate here and protects nothing; it is what every responder knows. */
static OCSP_CERTID *name_of(X509 *cert, X509 *issuer)
{
    return OCSP_cert_to_id(EVP_sha1(), cert, issuer);
}

bool pol_ocsp_request(X509 *cert, X509 *issuer, pol_bytes nonce, pol_buf *der)
{
    POL_CLEAN(OCSP_REQUEST_free) OCSP_REQUEST *request = OCSP_REQUEST_new();
    OCSP_CERTID *id = name_of(cert, issuer);
    if (!request || !id || !OCSP_request_add0_id(request, id)) {
        OCSP_CERTID_free(id);
        return false;
    }
    if (nonce.n && OCSP_request_add1_nonce(request, (unsigned char *)(uintptr_t)nonce.at, (int)nonce.n) != 1)
        return false;
    unsigned char *at = NULL;
    int n = i2d_OCSP_REQUEST(request, &at);
    if (n > 0)
        pol_buf_add(der, at, (size_t)n);
    OPENSSL_free(at);
    return n > 0;
}

/* ---- responses ---- */

/* The nonce is what is compared here; anything else that must not be passed over is not known. */
static bool has_unknown_critical(OCSP_BASICRESP *basic, OCSP_SINGLERESP *single)
{
    int n = single ? OCSP_SINGLERESP_get_ext_count(single) : OCSP_BASICRESP_get_ext_count(basic);
    for (int i = 0; i < n; i++) {
        X509_EXTENSION *ext = single ? OCSP_SINGLERESP_get_ext(single, i) : OCSP_BASICRESP_get_ext(basic, i);
        if (X509_EXTENSION_get_critical(ext) && OBJ_obj2nid(X509_EXTENSION_get_object(ext)) != NID_id_pkix_OCSP_Nonce)
            return true;
    }
    return false;
}

/* An OCTET STRING in the extension's value, or, as some write it, the bytes themselves. */
static bool is_nonce(X509_EXTENSION *ext, pol_bytes sent)
{
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(ext);
    pol_bytes got = pol_bytes_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
    if (pol_bytes_equal(got, sent))
        return true;
    return got.n == sent.n + 2 && got.at[0] == V_ASN1_OCTET_STRING && got.at[1] == sent.n &&
           pol_bytes_equal(pol_bytes_of(got.at + 2, sent.n), sent);
}

static const char *check_nonce(OCSP_BASICRESP *basic, const pol_ocsp_nonce *nonce)
{
    int at = OCSP_BASICRESP_get_ext_by_NID(basic, NID_id_pkix_OCSP_Nonce, -1);
    if (!nonce->sent.at)
        return NULL;
    if (at < 0)
        return nonce->required ? "the response has no nonce" : NULL;
    return is_nonce(OCSP_BASICRESP_get_ext(basic, at), nonce->sent) ? NULL : "the response has another nonce";
}

static bool is_digest_strong(const OCSP_BASICRESP *basic)
{
    const X509_ALGOR *algorithm = OCSP_resp_get0_tbs_sigalg(basic);
    const ASN1_OBJECT *name = NULL;
    int digest = NID_undef, key = NID_undef;
    X509_ALGOR_get0(&name, NULL, NULL, algorithm);
    if (!OBJ_find_sigid_algs(OBJ_obj2nid(name), &digest, &key))
        return false;
    /* EdDSA and PSS have theirs elsewhere; PSS's is checked with the key's strength by OpenSSL */
    return digest == NID_undef || digest == NID_sha224 || digest == NID_sha256 || digest == NID_sha384 || digest == NID_sha512 ||
           digest == NID_sha3_256 || digest == NID_sha3_384 || digest == NID_sha3_512;
}

/* The issuer is the one trust anchor: only it, and whom it certified directly for OCSP signing, may answer for its certificates. */
static const char *check_signer(OCSP_BASICRESP *basic, X509 *issuer, int64_t now_s)
{
    POL_CLEAN(X509_STORE_free) X509_STORE *store = X509_STORE_new();
    STACK_OF(X509) *known = sk_X509_new_null();
    const char *why = "no memory";
    if (store && known && sk_X509_push(known, issuer) && X509_STORE_add_cert(store, issuer) == 1) {
        X509_VERIFY_PARAM *param = X509_STORE_get0_param(store);
        X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
        X509_VERIFY_PARAM_set_time(param, (time_t)now_s);
        X509_VERIFY_PARAM_set_auth_level(param, 2);
        bool ok = OCSP_basic_verify(basic, known, store, OCSP_NOEXPLICIT) == 1;
        why = ok ? NULL : "the response is not signed by the issuer or by a responder it has certified for that";
    }
    sk_X509_free(known);
    return why;
}

static const char *judge_single(OCSP_SINGLERESP *single, int64_t now_s, pol_ocsp_answer *out)
{
    ASN1_GENERALIZEDTIME *revoked_at = NULL, *this_update = NULL, *next_update = NULL;
    int reason, status = OCSP_single_get0_status(single, &reason, &revoked_at, &this_update, &next_update);
    if (has_unknown_critical(NULL, single))
        return "the response has a critical extension that is not known";
    *out = (pol_ocsp_answer){.status = status == V_OCSP_CERTSTATUS_GOOD ? POL_OCSP_GOOD
                                       : status == V_OCSP_CERTSTATUS_REVOKED ? POL_OCSP_REVOKED
                                                                             : POL_OCSP_UNKNOWN};
    if (!pol_asn1_time(this_update, &out->this_update_s) || (next_update && !pol_asn1_time(next_update, &out->next_update_s)))
        return "a time of the response cannot be read";
    if (out->this_update_s > now_s + SKEW_S)
        return "the response is from the future";
    if (next_update ? out->next_update_s <= now_s || out->next_update_s < out->this_update_s : out->this_update_s + UNDATED_MAX_S <= now_s)
        return "the response is no longer current";
    return NULL;
}

/* Of several answers for the certificate each must count, and a revocation outweighs the others. */
static const char *find_answer(OCSP_BASICRESP *basic, OCSP_CERTID *id, int64_t now_s, pol_ocsp_answer *out)
{
    bool found = false;
    for (int i = OCSP_resp_find(basic, id, -1); i >= 0; i = OCSP_resp_find(basic, id, i)) {
        pol_ocsp_answer one;
        const char *why = judge_single(OCSP_resp_get0(basic, i), now_s, &one);
        if (why)
            return why;
        if (!found || one.status == POL_OCSP_REVOKED || (one.status == POL_OCSP_UNKNOWN && out->status == POL_OCSP_GOOD))
            *out = one;
        found = true;
    }
    return found ? NULL : "the response is about another certificate";
}

static const char *judge(pol_bytes der, X509 *cert, X509 *issuer, const pol_ocsp_nonce *nonce, int64_t now_s, pol_ocsp_answer *out)
{
    const unsigned char *at = der.at;
    POL_CLEAN(OCSP_RESPONSE_free) OCSP_RESPONSE *response = der.n <= RESPONSE_MAX ? d2i_OCSP_RESPONSE(NULL, &at, (long)der.n) : NULL;
    if (!response || at != der.at + der.n)
        return "it is no OCSP response";
    if (OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        return "the responder answers with an error";
    POL_CLEAN(OCSP_BASICRESP_free) OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);
    POL_CLEAN(OCSP_CERTID_free) OCSP_CERTID *id = name_of(cert, issuer);
    if (!basic || !id)
        return "it is no basic OCSP response";
    if (has_unknown_critical(basic, NULL))
        return "the response has a critical extension that is not known";
    if (!is_digest_strong(basic))
        return "the response is signed with a digest that is too weak";
    const char *why = check_nonce(basic, nonce);
    if (!why)
        why = check_signer(basic, issuer, now_s);
    return why ? why : find_answer(basic, id, now_s, out);
}

const char *pol_ocsp_judge(pol_bytes der, X509 *cert, X509 *issuer, const pol_ocsp_nonce *nonce, int64_t now_s, pol_ocsp_answer *out)
{
    *out = (pol_ocsp_answer){0};
    const char *why = judge(der, cert, issuer, nonce, now_s, out);
    if (why)
        *out = (pol_ocsp_answer){0};
    ERR_clear_error();
    return why;
}
