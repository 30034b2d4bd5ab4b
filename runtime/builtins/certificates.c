/* SPDX-License-Identifier: Apache-2.0
 * Go's view of X.509 as JSON: its names, its numbering of algorithms and usages, null for a list that is not there.
 */
#include "runtime/builtins/certificates.h"

#include "runtime/identity/x509.h"
#include "runtime/json.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

POL_CLEANUP(GENERAL_NAMES *, GENERAL_NAMES_free)
POL_CLEANUP(BASIC_CONSTRAINTS *, BASIC_CONSTRAINTS_free)
POL_CLEANUP(AUTHORITY_INFO_ACCESS *, AUTHORITY_INFO_ACCESS_free)
POL_CLEANUP(AUTHORITY_KEYID *, AUTHORITY_KEYID_free)
POL_CLEANUP(ASN1_OCTET_STRING *, ASN1_OCTET_STRING_free)
POL_CLEANUP(EXTENDED_KEY_USAGE *, EXTENDED_KEY_USAGE_free)

void pol_go_bytes(pol_buf *json, const uint8_t *at, size_t n)
{
    pol_buf_byte(json, '"');
    json->n += pol_base64_encode(pol_buf_reserve(json, pol_base64_size(n) + 1), pol_bytes_of(at, n), POL_BASE64);
    pol_buf_byte(json, '"');
}

static void put_member(pol_buf *json, const char *name)
{
    if (json->n && json->at[json->n - 1] != '{')
        pol_buf_byte(json, ',');
    pol_buf_printf(json, "\"%s\":", name);
}

static void put_bytes(pol_buf *json, const char *name, const uint8_t *at, int n)
{
    put_member(json, name);
    if (at && n > 0)
        pol_go_bytes(json, at, (size_t)n);
    else
        pol_buf_text(json, "null");
}

static void put_string_bytes(pol_buf *json, const char *name, const ASN1_STRING *s)
{
    put_bytes(json, name, s ? ASN1_STRING_get0_data(s) : NULL, s ? ASN1_STRING_length(s) : 0);
}

static void put_int(pol_buf *json, const char *name, int v)
{
    put_member(json, name);
    pol_buf_printf(json, "%d", v);
}

static void put_bool(pol_buf *json, const char *name, bool v)
{
    put_member(json, name);
    pol_buf_text(json, v ? "true" : "false");
}

static void put_null(pol_buf *json, const char *name)
{
    put_member(json, name);
    pol_buf_text(json, "null");
}

static void put_number(pol_buf *json, const char *name, const BIGNUM *n)
{
    char *text = n ? BN_bn2dec(n) : NULL;
    put_member(json, name);
    pol_buf_text(json, text ? text : "null");
    OPENSSL_free(text);
}

/* An object identifier as [1,2,840]. */
static void put_oid(pol_buf *json, const ASN1_OBJECT *oid)
{
    char text[256];
    int n = OBJ_obj2txt(text, sizeof text, oid, 1);
    pol_buf_byte(json, '[');
    for (int i = 0; i < n && i < (int)sizeof text - 1; i++)
        pol_buf_byte(json, text[i] == '.' ? ',' : (uint8_t)text[i]);
    pol_buf_byte(json, ']');
}

/* ---- names ---- */

static void put_name_list(pol_buf *json, const char *member, const X509_NAME *name, int nid)
{
    bool any = false;
    put_member(json, member);
    for (int i = X509_NAME_get_index_by_NID(name, nid, -1); i >= 0; i = X509_NAME_get_index_by_NID(name, nid, i)) {
        pol_buf_byte(json, any ? ',' : '[');
        any = true;
        pol_cert_write_text(json, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i)));
    }
    pol_buf_text(json, any ? "]" : "null");
}

/* The last of its kind, "" when there is none. */
static void put_name_text(pol_buf *json, const char *member, const X509_NAME *name, int nid)
{
    int last = -1;
    for (int i = X509_NAME_get_index_by_NID(name, nid, -1); i >= 0; i = X509_NAME_get_index_by_NID(name, nid, i))
        last = i;
    put_member(json, member);
    if (last >= 0)
        pol_cert_write_text(json, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, last)));
    else
        pol_buf_text(json, "\"\"");
}

static void put_name(pol_buf *json, const char *member, const X509_NAME *name)
{
    static const struct {
        const char *member;
        int nid;
    } lists[] = {{"Country", NID_countryName}, {"Organization", NID_organizationName},
                 {"OrganizationalUnit", NID_organizationalUnitName}, {"Locality", NID_localityName},
                 {"Province", NID_stateOrProvinceName}, {"StreetAddress", NID_streetAddress}, {"PostalCode", NID_postalCode}};
    put_member(json, member);
    pol_buf_byte(json, '{');
    for (unsigned i = 0; i < sizeof lists / sizeof *lists; i++)
        put_name_list(json, lists[i].member, name, lists[i].nid);
    put_name_text(json, "SerialNumber", name, NID_serialNumber);
    put_name_text(json, "CommonName", name, NID_commonName);
    put_member(json, "Names");
    int n = X509_NAME_entry_count(name);
    for (int i = 0; i < n; i++) {
        X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
        pol_buf_text(json, i ? ",{\"Type\":" : "[{\"Type\":");
        put_oid(json, X509_NAME_ENTRY_get_object(entry));
        pol_buf_text(json, ",\"Value\":");
        pol_cert_write_text(json, X509_NAME_ENTRY_get_data(entry));
        pol_buf_byte(json, '}');
    }
    pol_buf_text(json, n > 0 ? "]" : "null");
    put_null(json, "ExtraNames");
    pol_buf_byte(json, '}');
}

/* ---- alternative names ---- */

typedef enum { AS_TEXT, AS_URL, AS_ADDRESS } name_form;

static void put_san(pol_buf *json, const char *member, const GENERAL_NAMES *names, int type, name_form form)
{
    bool any = false;
    put_member(json, member);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != type)
            continue;
        pol_buf_byte(json, any ? ',' : '[');
        any = true;
        if (form == AS_ADDRESS)
            pol_cert_write_address(json, name->d.iPAddress);
        else if (form == AS_TEXT)
            pol_cert_write_text(json, name->d.ia5);
        else {
            pol_buf_text(json, "{\"String\":");
            pol_cert_write_text(json, name->d.ia5);
            pol_buf_byte(json, '}');
        }
    }
    pol_buf_text(json, any ? "]" : "null");
}

static void put_sans(pol_buf *json, const GENERAL_NAMES *names)
{
    put_san(json, "DNSNames", names, GEN_DNS, AS_TEXT);
    put_san(json, "EmailAddresses", names, GEN_EMAIL, AS_TEXT);
    put_san(json, "IPAddresses", names, GEN_IPADD, AS_ADDRESS);
    put_san(json, "URIs", names, GEN_URI, AS_URL);
    put_san(json, "URIStrings", names, GEN_URI, AS_TEXT);
}

/* ---- keys ---- */

static void put_param(pol_buf *json, const char *name, const EVP_PKEY *key, const char *param)
{
    BIGNUM *n = NULL;
    if (EVP_PKEY_get_bn_param(key, param, &n) == 1)
        put_number(json, name, n);
    BN_clear_free(n);
}

/* Go's numbers: 1 RSA, 2 DSA, 3 ECDSA, 4 Ed25519, 0 unknown. */
static int go_key_algorithm(const EVP_PKEY *key)
{
    switch (key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE) {
    case EVP_PKEY_RSA: return 1;
    case EVP_PKEY_DSA: return 2;
    case EVP_PKEY_EC: return 3;
    case EVP_PKEY_ED25519: return 4;
    default: return 0;
    }
}

static int go_signature_algorithm(int nid)
{
    static const struct {
        int nid, go;
    } rows[] = {{NID_md2WithRSAEncryption, 1}, {NID_md5WithRSAEncryption, 2}, {NID_sha1WithRSAEncryption, 3},
                {NID_sha256WithRSAEncryption, 4}, {NID_sha384WithRSAEncryption, 5}, {NID_sha512WithRSAEncryption, 6},
                {NID_dsaWithSHA1, 7}, {NID_dsa_with_SHA256, 8}, {NID_ecdsa_with_SHA1, 9}, {NID_ecdsa_with_SHA256, 10},
                {NID_ecdsa_with_SHA384, 11}, {NID_ecdsa_with_SHA512, 12}, {NID_rsassaPss, 13}, {NID_ED25519, 16}};
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].nid == nid)
            return rows[i].go;
    }
    return 0;
}

static void put_public_key(pol_buf *json, const EVP_PKEY *key)
{
    uint8_t raw[32];
    size_t n = sizeof raw;
    put_member(json, "PublicKey");
    switch (go_key_algorithm(key)) {
    case 1:
        pol_buf_byte(json, '{');
        put_param(json, "N", key, OSSL_PKEY_PARAM_RSA_N);
        put_param(json, "E", key, OSSL_PKEY_PARAM_RSA_E);
        pol_buf_byte(json, '}');
        break;
    case 3:
        pol_buf_text(json, "{\"Curve\":{}");
        put_param(json, "X", key, OSSL_PKEY_PARAM_EC_PUB_X);
        put_param(json, "Y", key, OSSL_PKEY_PARAM_EC_PUB_Y);
        pol_buf_byte(json, '}');
        break;
    case 4:
        if (EVP_PKEY_get_raw_public_key(key, raw, &n) == 1) {
            pol_go_bytes(json, raw, n);
            break;
        }
        /* fall through */
    default: pol_buf_text(json, "null"); break;
    }
}

void pol_go_private_key(pol_buf *json, EVP_PKEY *key)
{
    uint8_t raw[64];
    size_t n = 32, n_public = 32;
    switch (go_key_algorithm(key)) {
    case 1:
        pol_buf_byte(json, '{');
        put_param(json, "N", key, OSSL_PKEY_PARAM_RSA_N);
        put_param(json, "E", key, OSSL_PKEY_PARAM_RSA_E);
        put_param(json, "D", key, OSSL_PKEY_PARAM_RSA_D);
        put_member(json, "Primes");
        pol_buf_text(json, "[");
        for (int i = 0; i < 2; i++) {
            BIGNUM *p = NULL;
            EVP_PKEY_get_bn_param(key, i ? OSSL_PKEY_PARAM_RSA_FACTOR2 : OSSL_PKEY_PARAM_RSA_FACTOR1, &p);
            char *text = p ? BN_bn2dec(p) : NULL;
            pol_buf_printf(json, "%s%s", i ? "," : "", text ? text : "0");
            OPENSSL_clear_free(text, text ? strlen(text) : 0);
            BN_clear_free(p);
        }
        pol_buf_text(json, "],\"Precomputed\":{");
        put_param(json, "Dp", key, OSSL_PKEY_PARAM_RSA_EXPONENT1);
        put_param(json, "Dq", key, OSSL_PKEY_PARAM_RSA_EXPONENT2);
        put_param(json, "Qinv", key, OSSL_PKEY_PARAM_RSA_COEFFICIENT1);
        pol_buf_text(json, ",\"CRTValues\":[]}}");
        break;
    case 3:
        pol_buf_text(json, "{\"Curve\":{}");
        put_param(json, "X", key, OSSL_PKEY_PARAM_EC_PUB_X);
        put_param(json, "Y", key, OSSL_PKEY_PARAM_EC_PUB_Y);
        put_param(json, "D", key, OSSL_PKEY_PARAM_PRIV_KEY);
        pol_buf_byte(json, '}');
        break;
    case 4: /* seed and public key in one */
        if (EVP_PKEY_get_raw_private_key(key, raw, &n) == 1 && EVP_PKEY_get_raw_public_key(key, raw + 32, &n_public) == 1)
            pol_go_bytes(json, raw, sizeof raw);
        else
            pol_buf_text(json, "null");
        OPENSSL_cleanse(raw, sizeof raw);
        break;
    default: pol_buf_text(json, "null"); break;
    }
}

void pol_rsa_jwk(pol_buf *json, EVP_PKEY *key)
{
    static const struct {
        const char *jwk, *param;
    } members[] = {{"n", OSSL_PKEY_PARAM_RSA_N}, {"e", OSSL_PKEY_PARAM_RSA_E}, {"d", OSSL_PKEY_PARAM_RSA_D},
                   {"p", OSSL_PKEY_PARAM_RSA_FACTOR1}, {"q", OSSL_PKEY_PARAM_RSA_FACTOR2},
                   {"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1}, {"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2},
                   {"qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1}};
    pol_buf_text(json, "{\"kty\":\"RSA\"");
    for (unsigned i = 0; i < sizeof members / sizeof *members; i++) {
        BIGNUM *n = NULL;
        if (EVP_PKEY_get_bn_param(key, members[i].param, &n) == 1) {
            size_t size = (size_t)BN_num_bytes(n);
            uint8_t *bytes = OPENSSL_malloc(size ? size : 1);
            if (bytes && BN_bn2bin(n, bytes) >= 0) {
                pol_buf_printf(json, ",\"%s\":\"", members[i].jwk);
                json->n += pol_base64_encode(pol_buf_reserve(json, pol_base64_size(size) + 1), pol_bytes_of(bytes, size), POL_BASE64URL);
                pol_buf_byte(json, '"');
            }
            OPENSSL_clear_free(bytes, size);
        }
        BN_clear_free(n);
    }
    pol_buf_byte(json, '}');
}

/* ---- extensions ---- */

static void put_extensions(pol_buf *json, const STACK_OF(X509_EXTENSION) *list)
{
    int n = sk_X509_EXTENSION_num(list);
    put_member(json, "Extensions");
    for (int i = 0; i < n; i++) {
        X509_EXTENSION *e = sk_X509_EXTENSION_value(list, i);
        pol_buf_text(json, i ? ",{\"Id\":" : "[{\"Id\":");
        put_oid(json, X509_EXTENSION_get_object(e));
        put_bool(json, "Critical", X509_EXTENSION_get_critical(e));
        put_string_bytes(json, "Value", X509_EXTENSION_get_data(e));
        pol_buf_byte(json, '}');
    }
    pol_buf_text(json, n > 0 ? "]" : "null");
    put_null(json, "ExtraExtensions");
}

static int go_key_usage(X509 *cert)
{
    static const uint32_t order[] = {KU_DIGITAL_SIGNATURE, KU_NON_REPUDIATION, KU_KEY_ENCIPHERMENT, KU_DATA_ENCIPHERMENT,
                                     KU_KEY_AGREEMENT, KU_KEY_CERT_SIGN, KU_CRL_SIGN, KU_ENCIPHER_ONLY, KU_DECIPHER_ONLY};
    uint32_t usage = X509_get_key_usage(cert);
    int go = 0;
    for (unsigned i = 0; usage != UINT32_MAX && i < sizeof order / sizeof *order; i++) {
        if (usage & order[i])
            go |= 1 << i;
    }
    return go;
}

static void put_extended_usage(pol_buf *json, X509 *cert)
{
    static const int order[] = {NID_anyExtendedKeyUsage, NID_server_auth, NID_client_auth, NID_code_sign, NID_email_protect,
                                NID_ipsecEndSystem, NID_ipsecTunnel, NID_ipsecUser, NID_time_stamp, NID_OCSP_sign,
                                NID_ms_sgc, NID_ns_sgc};
    POL_CLEAN(EXTENDED_KEY_USAGE_free) EXTENDED_KEY_USAGE *usage = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
    bool any = false;
    put_member(json, "ExtKeyUsage");
    for (int i = 0; i < sk_ASN1_OBJECT_num(usage); i++) {
        int nid = OBJ_obj2nid(sk_ASN1_OBJECT_value(usage, i));
        for (unsigned k = 0; k < sizeof order / sizeof *order; k++) {
            if (order[k] == nid) {
                pol_buf_printf(json, "%s%u", any ? "," : "[", k);
                any = true;
            }
        }
    }
    pol_buf_text(json, any ? "]" : "null");
    put_null(json, "UnknownExtKeyUsage");
}

static void put_access(pol_buf *json, const char *member, const AUTHORITY_INFO_ACCESS *access, int nid)
{
    bool any = false;
    put_member(json, member);
    for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(access); i++) {
        const ACCESS_DESCRIPTION *d = sk_ACCESS_DESCRIPTION_value(access, i);
        if (OBJ_obj2nid(d->method) != nid || d->location->type != GEN_URI)
            continue;
        pol_buf_byte(json, any ? ',' : '[');
        any = true;
        pol_cert_write_text(json, d->location->d.uniformResourceIdentifier);
    }
    pol_buf_text(json, any ? "]" : "null");
}

static void put_basic(pol_buf *json, X509 *cert)
{
    POL_CLEAN(BASIC_CONSTRAINTS_free) BASIC_CONSTRAINTS *bc = X509_get_ext_d2i(cert, NID_basic_constraints, NULL, NULL);
    long length = bc && bc->pathlen ? ASN1_INTEGER_get(bc->pathlen) : -1;
    put_bool(json, "BasicConstraintsValid", bc != NULL);
    put_bool(json, "IsCA", bc && bc->ca);
    put_int(json, "MaxPathLen", bc ? (int)length : 0);
    put_bool(json, "MaxPathLenZero", bc && length == 0);
}

static void put_identifiers(pol_buf *json, X509 *cert)
{
    POL_CLEAN(ASN1_OCTET_STRING_free) ASN1_OCTET_STRING *own = X509_get_ext_d2i(cert, NID_subject_key_identifier, NULL, NULL);
    POL_CLEAN(AUTHORITY_KEYID_free) AUTHORITY_KEYID *of_ca = X509_get_ext_d2i(cert, NID_authority_key_identifier, NULL, NULL);
    put_string_bytes(json, "SubjectKeyId", own);
    put_string_bytes(json, "AuthorityKeyId", of_ca ? of_ca->keyid : NULL);
}

/* ---- whole documents ---- */

static void put_der(pol_buf *json, const char *name, unsigned char *der, int n)
{
    put_bytes(json, name, der, n);
    OPENSSL_free(der);
}

static void put_ders(pol_buf *json, X509 *cert)
{
    unsigned char *der = NULL;
    int n = i2d_X509(cert, &der);
    put_der(json, "Raw", der, n);
    der = NULL;
    n = i2d_re_X509_tbs(cert, &der);
    put_der(json, "RawTBSCertificate", der, n);
    der = NULL;
    n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    put_der(json, "RawSubjectPublicKeyInfo", der, n);
    der = NULL;
    n = i2d_X509_NAME(X509_get_subject_name(cert), &der);
    put_der(json, "RawSubject", der, n);
    der = NULL;
    n = i2d_X509_NAME(X509_get_issuer_name(cert), &der);
    put_der(json, "RawIssuer", der, n);
}

void pol_go_certificate(pol_buf *json, X509 *cert)
{
    static const char *const absent[] = {"UnhandledCriticalExtensions", "PermittedDNSDomains", "ExcludedDNSDomains", "PermittedIPRanges",
        "ExcludedIPRanges", "PermittedEmailAddresses", "ExcludedEmailAddresses", "PermittedURIDomains", "ExcludedURIDomains",
        "CRLDistributionPoints", "PolicyIdentifiers", "Policies"};
    const ASN1_BIT_STRING *signature = NULL;
    pol_buf_byte(json, '{');
    put_ders(json, cert);
    X509_get0_signature(&signature, NULL, cert);
    put_string_bytes(json, "Signature", signature);
    put_int(json, "SignatureAlgorithm", go_signature_algorithm(X509_get_signature_nid(cert)));
    put_int(json, "PublicKeyAlgorithm", go_key_algorithm(X509_get0_pubkey(cert)));
    put_public_key(json, X509_get0_pubkey(cert));
    put_int(json, "Version", (int)X509_get_version(cert) + 1);
    BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
    put_number(json, "SerialNumber", serial);
    BN_free(serial);
    put_name(json, "Issuer", X509_get_issuer_name(cert));
    put_name(json, "Subject", X509_get_subject_name(cert));
    put_member(json, "NotBefore");
    pol_cert_write_time(json, X509_get0_notBefore(cert));
    put_member(json, "NotAfter");
    pol_cert_write_time(json, X509_get0_notAfter(cert));
    put_int(json, "KeyUsage", go_key_usage(cert));
    put_extensions(json, X509_get0_extensions(cert));
    put_extended_usage(json, cert);
    put_basic(json, cert);
    put_identifiers(json, cert);
    POL_CLEAN(AUTHORITY_INFO_ACCESS_free) AUTHORITY_INFO_ACCESS *access = X509_get_ext_d2i(cert, NID_info_access, NULL, NULL);
    put_access(json, "OCSPServer", access, NID_ad_OCSP);
    put_access(json, "IssuingCertificateURL", access, NID_ad_ca_issuers);
    POL_CLEAN(GENERAL_NAMES_free) GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    put_sans(json, names);
    put_bool(json, "PermittedDNSDomainsCritical", false);
    for (unsigned i = 0; i < sizeof absent / sizeof *absent; i++)
        put_null(json, absent[i]);
    pol_buf_byte(json, '}');
    ERR_clear_error();
}

void pol_go_request(pol_buf *json, X509_REQ *req)
{
    STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(req);
    const ASN1_BIT_STRING *signature = NULL;
    X509_REQ_get0_signature(req, &signature, NULL);
    pol_buf_byte(json, '{');
    put_int(json, "Version", (int)X509_REQ_get_version(req));
    put_string_bytes(json, "Signature", signature);
    put_int(json, "SignatureAlgorithm", go_signature_algorithm(X509_REQ_get_signature_nid(req)));
    put_int(json, "PublicKeyAlgorithm", go_key_algorithm(X509_REQ_get0_pubkey(req)));
    put_public_key(json, X509_REQ_get0_pubkey(req));
    put_name(json, "Subject", X509_REQ_get_subject_name(req));
    put_null(json, "Attributes");
    put_extensions(json, extensions);
    GENERAL_NAMES *names = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);
    put_sans(json, names);
    GENERAL_NAMES_free(names);
    pol_buf_byte(json, '}');
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    ERR_clear_error();
}
