/* SPDX-License-Identifier: Apache-2.0
 * Path validation: OpenSSL with strict checks, and behind it the rules that it does not check: a leaf is version 3 and no CA, names are
 * well-formed, a wildcard name does not slip past an excluded one, constraints are meaningful, keys are of a kind we know.
 */
#include "runtime/identity/x509.h"

#include "runtime/calendar.h"
#include "runtime/identity/spiffe.h"
#include "runtime/json.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <strings.h>

POL_CLEANUP(BIO *, BIO_free_all)
POL_CLEANUP(X509_STORE_CTX *, X509_STORE_CTX_free)
POL_CLEANUP(GENERAL_NAMES *, GENERAL_NAMES_free)
POL_CLEANUP(NAME_CONSTRAINTS *, NAME_CONSTRAINTS_free)
POL_CLEANUP(BIGNUM *, BN_free)
POL_CLEANUP(ASN1_TIME *, ASN1_TIME_free)
POL_CLEANUP(EXTENDED_KEY_USAGE *, EXTENDED_KEY_USAGE_free)

enum { CHAIN_MAX = 16, PEM_MAX = 1 << 20, DEPTH_DEFAULT = 10, SERIAL_MAX_BYTES = 20 };

static pol_bytes bytes_of(const ASN1_STRING *s)
{
    return pol_bytes_of(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
}

/* ---- reading ---- */

void pol_chain_deinit(pol_chain *chain)
{
    X509_free(chain->leaf);
    sk_X509_pop_free(chain->rest, X509_free);
    *chain = (pol_chain){0};
}

bool pol_chain_read(pol_bytes pem, pol_chain *chain)
{
    *chain = (pol_chain){.rest = sk_X509_new_null()};
    POL_CLEAN(BIO_free_all) BIO *bio = pem.n <= PEM_MAX ? BIO_new_mem_buf(pem.at, (int)pem.n) : NULL;
    bool ok = bio && chain->rest;
    for (unsigned n = 0; ok; n++) {
        char *name = NULL, *header = NULL;
        unsigned char *der = NULL;
        long length = 0;
        if (PEM_read_bio(bio, &name, &header, &der, &length) != 1) {
            /* the end is "no start line"; all else is a block that cannot be read */
            ok = n > 0 && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
            break;
        }
        const unsigned char *at = der;
        X509 *cert = n < CHAIN_MAX && strcmp(name, PEM_STRING_X509) == 0 ? d2i_X509(NULL, &at, length) : NULL;
        ok = cert && at == der + length && header[0] == 0;
        if (ok && n == 0)
            chain->leaf = cert;
        else if (!ok || !sk_X509_push(chain->rest, cert)) {
            X509_free(cert);
            ok = false;
        }
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(der);
    }
    ERR_clear_error();
    if (!ok)
        pol_chain_deinit(chain);
    return ok;
}

/* ---- names ---- */

/* A host name of letters, digits, '-' and '_' in labels that are not empty; "*." may stand first when wildcard. */
static bool is_dns_name(pol_bytes s, bool wildcard)
{
    if (wildcard && s.n > 2 && s.at[0] == '*' && s.at[1] == '.')
        s = pol_bytes_of(s.at + 2, s.n - 2);
    if (s.n == 0 || s.n > 253)
        return false;
    size_t label = 0;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.at[i];
        if (c == '.') {
            if (label == 0)
                return false;
            label = 0;
            continue;
        }
        bool plain = ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!plain || ++label > 63)
            return false;
    }
    return label > 0;
}

static bool is_mailbox(pol_bytes s)
{
    int64_t at = pol_bytes_find(s, POL_BYTES("@"), 0);
    if (at <= 0 || pol_bytes_find(s, POL_BYTES("@"), (size_t)at + 1) >= 0)
        return false;
    for (int64_t i = 0; i < at; i++) {
        if (s.at[i] <= ' ' || s.at[i] >= 0x7f)
            return false;
    }
    return is_dns_name(pol_bytes_of(s.at + at + 1, s.n - (size_t)at - 1), false);
}

static bool is_printable(pol_bytes s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.at[i] <= ' ' || s.at[i] >= 0x7f)
            return false;
    }
    return s.n > 0;
}

/* A host of a URI: a name or an address, with a port of digits or none. */
static bool is_authority(pol_bytes s)
{
    int64_t at = pol_bytes_find(s, POL_BYTES("@"), 0), colon;
    if (at >= 0)
        s = pol_bytes_of(s.at + at + 1, s.n - (size_t)at - 1);
    if (s.n && s.at[0] == '[')
        return pol_bytes_find(s, POL_BYTES("]"), 0) > 1;
    colon = pol_bytes_find(s, POL_BYTES(":"), 0);
    for (size_t i = colon < 0 ? s.n : (size_t)colon + 1; i < s.n; i++) {
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
    }
    return is_dns_name(pol_bytes_of(s.at, colon < 0 ? s.n : (size_t)colon), false);
}

static bool is_uri(pol_bytes s)
{
    int64_t slashes = pol_bytes_find(s, POL_BYTES("://"), 0);
    if (!is_printable(s) || slashes < 0)
        return is_printable(s);
    size_t from = (size_t)slashes + 3, end = from;
    while (end < s.n && s.at[end] != '/' && s.at[end] != '?' && s.at[end] != '#')
        end++;
    return end == from || is_authority(pol_bytes_of(s.at + from, end - from));
}

static bool is_name_well_formed(const GENERAL_NAME *name)
{
    switch (name->type) {
    case GEN_DNS: return is_dns_name(bytes_of(name->d.dNSName), true);
    case GEN_EMAIL: return is_mailbox(bytes_of(name->d.rfc822Name));
    case GEN_URI: return is_uri(bytes_of(name->d.uniformResourceIdentifier));
    case GEN_IPADD: return ASN1_STRING_length(name->d.iPAddress) == 4 || ASN1_STRING_length(name->d.iPAddress) == 16;
    default: return true;
    }
}

static bool ends_with_domain(pol_bytes name, pol_bytes domain)
{
    if (name.n < domain.n || strncasecmp((const char *)name.at + (name.n - domain.n), (const char *)domain.at, domain.n) != 0)
        return false;
    return name.n == domain.n || name.at[name.n - domain.n - 1] == '.';
}

/* Could a wildcard name stand for a host that a constraint excludes? */
static bool wildcard_reaches(const GENERAL_NAMES *names, const NAME_CONSTRAINTS *nc)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        pol_bytes text = name->type == GEN_DNS ? bytes_of(name->d.dNSName) : (pol_bytes){0};
        if (!pol_bytes_starts(text, POL_BYTES("*.")))
            continue;
        pol_bytes base = pol_bytes_of(text.at + 2, text.n - 2);
        for (int k = 0; k < sk_GENERAL_SUBTREE_num(nc->excludedSubtrees); k++) {
            const GENERAL_NAME *tree = sk_GENERAL_SUBTREE_value(nc->excludedSubtrees, k)->base;
            if (tree->type == GEN_DNS && ends_with_domain(bytes_of(tree->d.dNSName), base))
                return true;
        }
    }
    return false;
}

static bool are_subtrees_well_formed(STACK_OF(GENERAL_SUBTREE) *trees)
{
    for (int i = 0; i < sk_GENERAL_SUBTREE_num(trees); i++) {
        const GENERAL_NAME *base = sk_GENERAL_SUBTREE_value(trees, i)->base;
        if (base->type != GEN_DNS)
            continue;
        pol_bytes text = bytes_of(base->d.dNSName);
        if (text.n && !is_dns_name(text, false))
            return false;
    }
    return true;
}

/* ---- what OpenSSL leaves out ---- */

static bool is_key_kind_known(X509 *cert)
{
    const EVP_PKEY *key = X509_get0_pubkey(cert);
    switch (key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE) {
    case EVP_PKEY_RSA: return EVP_PKEY_get_bits(key) % 8 == 0;
    case EVP_PKEY_EC:
    case EVP_PKEY_ED25519:
    case EVP_PKEY_ED448: return true;
    default: return false;
    }
}

/* RFC 5280, 4.1.2.2: positive and at most 20 octets. */
static bool is_serial_sound(X509 *cert)
{
    POL_CLEAN(BN_free) BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
    return n && !BN_is_negative(n) && !BN_is_zero(n) && X509_get0_serialNumber(cert)->length <= SERIAL_MAX_BYTES;
}

static const char *check_leaf(X509 *leaf)
{
    int critical;
    if (X509_get_version(leaf) != X509_VERSION_3)
        return pol_reason_cert_constraint;
    if (X509_get_extension_flags(leaf) & EXFLAG_CA)
        return pol_reason_cert_constraint;
    if (X509_get_ext_by_NID(leaf, NID_name_constraints, -1) >= 0)
        return pol_reason_cert_constraint;
    POL_CLEAN(GENERAL_NAMES_free) GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, &critical, NULL);
    if (!names && critical != -1)
        return pol_reason_cert_malformed;
    /* RFC 5280, 4.2.1.6: critical where it stands for the subject, and there only */
    if (critical == 1 && X509_NAME_entry_count(X509_get_subject_name(leaf)) > 0)
        return pol_reason_cert_constraint;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        if (!is_name_well_formed(sk_GENERAL_NAME_value(names, i)))
            return pol_reason_cert_malformed;
    }
    return NULL;
}

static const char *check_constraints(X509 *ca, X509 *leaf)
{
    int critical;
    POL_CLEAN(NAME_CONSTRAINTS_free) NAME_CONSTRAINTS *nc = X509_get_ext_d2i(ca, NID_name_constraints, &critical, NULL);
    if (!nc)
        return critical == -1 ? NULL : pol_reason_cert_malformed;
    if (critical != 1) /* RFC 5280, 4.2.1.10 */
        return pol_reason_cert_constraint;
    if (sk_GENERAL_SUBTREE_num(nc->permittedSubtrees) <= 0 && sk_GENERAL_SUBTREE_num(nc->excludedSubtrees) <= 0)
        return pol_reason_cert_constraint;
    if (!are_subtrees_well_formed(nc->permittedSubtrees) || !are_subtrees_well_formed(nc->excludedSubtrees))
        return pol_reason_cert_constraint;
    POL_CLEAN(GENERAL_NAMES_free) GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    return names && wildcard_reaches(names, nc) ? pol_reason_cert_constraint : NULL;
}

/* Every extension that OpenSSL knows can be read, also those that path building does not look at. */
static bool are_extensions_readable(X509 *cert)
{
    for (int i = 0; i < X509_get_ext_count(cert); i++) {
        X509_EXTENSION *ext = X509_get_ext(cert, i);
        const X509V3_EXT_METHOD *method = X509V3_EXT_get(ext);
        void *value = method ? X509V3_EXT_d2i(ext) : NULL;
        if (method && !value)
            return false;
        if (value && method->it)
            ASN1_item_free(value, ASN1_ITEM_ptr(method->it));
        else if (value)
            method->ext_free(value);
    }
    return true;
}

/* The leaf names the purpose itself: a certificate for everything is none for a client. SPIFFE lets an SVID name none. */
static const char *check_purpose_named(X509 *leaf, const char *purpose)
{
    int critical;
    POL_CLEAN(EXTENDED_KEY_USAGE_free) EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(leaf, NID_ext_key_usage, &critical, NULL);
    if (!usages)
        return critical == -1 && pol_svid_claimed(leaf) ? NULL : pol_reason_cert_purpose;
    bool named = false;
    for (int i = 0; i < sk_ASN1_OBJECT_num(usages); i++) {
        int nid = OBJ_obj2nid(sk_ASN1_OBJECT_value(usages, i));
        if (nid == NID_anyExtendedKeyUsage)
            return pol_reason_cert_purpose;
        named |= nid == OBJ_sn2nid(purpose);
    }
    return named ? NULL : pol_reason_cert_purpose;
}

/* A root signs for whatever is below it: what narrows it belongs to intermediates. An authority key identifier without the
 * identifier identifies none. */
static const char *check_root(X509 *root)
{
    if (!(X509_get_extension_flags(root) & EXFLAG_SS))
        return NULL;
    if (X509_get_ext_by_NID(root, NID_ext_key_usage, -1) >= 0)
        return pol_reason_cert_constraint;
    bool has_aki = X509_get_ext_by_NID(root, NID_authority_key_identifier, -1) >= 0;
    return has_aki && !X509_get0_authority_key_id(root) ? pol_reason_cert_constraint : NULL;
}

/* RFC 5280, 6.1: self-issued certificates between leaf and root do not count. */
static bool is_too_deep(STACK_OF(X509) *path, int max_depth)
{
    int n = 0;
    for (int i = 1; i + 1 < sk_X509_num(path); i++)
        n += !(X509_get_extension_flags(sk_X509_value(path, i)) & EXFLAG_SI);
    return max_depth >= 0 && n > max_depth;
}

static const char *check_path(STACK_OF(X509) *path, const pol_path_rules *rules)
{
    X509 *leaf = sk_X509_value(path, 0);
    const char *why = check_leaf(leaf);
    if (!why)
        why = check_purpose_named(leaf, rules->purpose);
    if (!why && is_too_deep(path, rules->max_depth))
        why = pol_reason_cert_constraint;
    for (int i = 0; !why && i < sk_X509_num(path); i++) {
        X509 *cert = sk_X509_value(path, i);
        if (!is_key_kind_known(cert))
            why = pol_reason_cert_signature;
        else if ((i + 1 < sk_X509_num(path) && !is_serial_sound(cert)) || !are_extensions_readable(cert))
            why = pol_reason_cert_malformed; /* roots of serial 0 exist, and are trusted by name */
        else if (i > 0)
            why = check_constraints(cert, leaf);
    }
    return why ? why : check_root(sk_X509_value(path, sk_X509_num(path) - 1));
}

bool pol_asn1_time(const ASN1_TIME *t, int64_t *unix_s)
{
    POL_CLEAN(ASN1_TIME_free) ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int days = 0, seconds = 0;
    if (!t || !epoch || ASN1_TIME_check(t) != 1 || ASN1_TIME_diff(&days, &seconds, epoch, t) != 1)
        return false;
    *unix_s = (int64_t)days * 86400 + seconds;
    return true;
}

/* until becomes t where that is earlier, and not past. */
static void bound(int64_t *until_s, const ASN1_TIME *t, int64_t now_s)
{
    int64_t at;
    if (pol_asn1_time(t, &at) && at > now_s && at < *until_s)
        *until_s = at;
}

/* The lists that may speak of the path's certificates: RFC 5280, 5.2.3, one without a number cannot be told from an older one. Takes away bits of *good, and
 * bounds *until_s by the time when any of them changes. */
static void check_crls(X509_STORE_CTX *ctx, STACK_OF(X509) *path, int64_t now_s, uint32_t *good, int64_t *until_s)
{
    for (int i = 0; i < sk_X509_num(path); i++) {
        STACK_OF(X509_CRL) *lists = X509_STORE_CTX_get1_crls(ctx, X509_get_issuer_name(sk_X509_value(path, i)));
        for (int k = 0; k < sk_X509_CRL_num(lists); k++) {
            const X509_CRL *list = sk_X509_CRL_value(lists, k);
            if (X509_CRL_get_ext_by_NID(list, NID_crl_number, -1) < 0)
                *good &= ~(UINT32_C(1) << i);
            bound(until_s, X509_CRL_get0_lastUpdate(list), now_s);
            bound(until_s, X509_CRL_get0_nextUpdate(list), now_s);
        }
        sk_X509_CRL_pop_free(lists, X509_CRL_free);
    }
}

static const char *reason_of(int error)
{
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return pol_reason_cert_expired;
    case X509_V_ERR_CERT_NOT_YET_VALID: return pol_reason_cert_not_yet_valid;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED: return pol_reason_cert_untrusted;
    case X509_V_ERR_INVALID_PURPOSE:
    case X509_V_ERR_CERT_REJECTED: return pol_reason_cert_purpose;
    case X509_V_ERR_CERT_REVOKED: return pol_reason_cert_revoked;
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
    case X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD:
    case X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
    case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
    case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
    case X509_V_ERR_DIFFERENT_CRL_SCOPE:
    case X509_V_ERR_CRL_PATH_VALIDATION_ERROR: return pol_reason_cert_revocation;
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK: return pol_reason_cert_signature;
    default: return pol_reason_cert_constraint;
    }
}

int pol_crls_may_lack(int ok, X509_STORE_CTX *ctx)
{
    return ok || reason_of(X509_STORE_CTX_get_error(ctx)) == pol_reason_cert_revocation;
}

/* The same, with a bit of the context's mask taken away for what lacks a list. */
static int note_lack(int ok, X509_STORE_CTX *ctx)
{
    uint32_t *good = X509_STORE_CTX_get_app_data(ctx);
    int depth = X509_STORE_CTX_get_error_depth(ctx);
    if (ok || !pol_crls_may_lack(ok, ctx))
        return ok;
    *good &= depth >= 0 && depth < 32 ? ~(UINT32_C(1) << depth) : 0;
    return 1;
}

/* Known and sent intermediates in one stack that borrows them. */
static STACK_OF(X509) *join_untrusted(const pol_chain *chain, const pol_path_rules *rules)
{
    STACK_OF(X509) *all = sk_X509_new_null();
    for (int i = 0; all && i < sk_X509_num(chain->rest); i++)
        sk_X509_push(all, sk_X509_value(chain->rest, i));
    for (int i = 0; all && i < sk_X509_num(rules->intermediates); i++)
        sk_X509_push(all, sk_X509_value(rules->intermediates, i));
    return all;
}

static void set_rules(X509_STORE_CTX *ctx, const pol_path_rules *rules, int64_t unix_s)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    unsigned long flags = X509_V_FLAG_X509_STRICT | X509_V_FLAG_USE_CHECK_TIME;
    if (rules->check_crls)
        flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
    X509_VERIFY_PARAM_set_flags(param, flags);
    X509_VERIFY_PARAM_set_time(param, (time_t)unix_s);
    X509_VERIFY_PARAM_set_depth(param, DEPTH_DEFAULT);
    X509_VERIFY_PARAM_set_auth_level(param, 2);
    /* a common name is no host name: constraints on DNS names do not judge it */
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    X509_STORE_CTX_set_purpose(ctx, strcmp(rules->purpose, "clientAuth") == 0 ? X509_PURPOSE_SSL_CLIENT : X509_PURPOSE_SSL_SERVER);
}

/* One run of OpenSSL's builder. trusted NULL: the store's roots; else these only. */
static const char *verify_once(X509 *leaf, STACK_OF(X509) *untrusted, STACK_OF(X509) *trusted, const pol_path_rules *rules,
                               int64_t unix_s, pol_path *out)
{
    uint32_t good = rules->check_crls ? UINT32_MAX : 0;
    POL_CLEAN(X509_STORE_CTX_free) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    if (!ctx || !untrusted || X509_STORE_CTX_init(ctx, rules->roots, leaf, untrusted) != 1)
        return pol_reason_internal_error;
    set_rules(ctx, rules, unix_s);
    if (trusted) {
        /* a root that is not self-signed is one all the same: it was chosen as the path's end */
        X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
        X509_STORE_CTX_set0_trusted_stack(ctx, trusted);
    }
    if (rules->crls_may_lack) {
        X509_STORE_CTX_set_app_data(ctx, &good);
        X509_STORE_CTX_set_verify_cb(ctx, note_lack);
    }
    if (X509_verify_cert(ctx) != 1)
        return reason_of(X509_STORE_CTX_get_error(ctx));
    STACK_OF(X509) *path = X509_STORE_CTX_get0_chain(ctx);
    const char *why = check_path(path, rules);
    int64_t until_s = INT64_MAX;
    for (int i = 0; i < sk_X509_num(path); i++)
        bound(&until_s, X509_get0_notAfter(sk_X509_value(path, i)), unix_s);
    if (!why && rules->check_crls) {
        uint32_t before = good;
        check_crls(ctx, path, unix_s, &good, &until_s);
        why = good == before || rules->crls_may_lack ? NULL : pol_reason_cert_revocation;
    }
    if (!why && out)
        *out = (pol_path){.certs = X509_STORE_CTX_get1_chain(ctx), .until_s = until_s, .crl_good = good};
    return why;
}

/* ---- other paths ----
 * OpenSSL takes the first issuer that fits by name and never goes back. Where that path fails, the others are tried one by one: few, because
 * each costs signatures and who sends the chain decides how many there are. */

enum { ATTEMPTS_MAX = 8, STEPS_MAX = 200 };

typedef struct {
    const pol_path_rules *rules;
    int64_t unix_s;
    STACK_OF(X509) *untrusted, *roots, *path; /* path: leaf first, without the root */
    unsigned attempts, steps;
    pol_path *out;
} search;

/* The path with this root behind it. */
static const char *attempt(search *s, X509 *root)
{
    STACK_OF(X509) *between = sk_X509_new_null(), *trusted = sk_X509_new_null();
    for (int i = 1; between && i < sk_X509_num(s->path); i++)
        sk_X509_push(between, sk_X509_value(s->path, i));
    const char *why = pol_reason_internal_error;
    if (between && trusted && sk_X509_push(trusted, root))
        why = verify_once(sk_X509_value(s->path, 0), between, trusted, s->rules, s->unix_s, s->out);
    sk_X509_free(between);
    sk_X509_free(trusted);
    s->attempts++;
    return why;
}

/* The same authority again, by whatever certificate, would be a loop. */
static bool is_in_path(const search *s, const X509 *cert)
{
    for (int i = 0; i < sk_X509_num(s->path); i++) {
        const X509 *other = sk_X509_value(s->path, i);
        if (X509_NAME_cmp(X509_get_subject_name(other), X509_get_subject_name(cert)) == 0 &&
            EVP_PKEY_eq(X509_get0_pubkey(other), X509_get0_pubkey(cert)) == 1)
            return true;
    }
    return false;
}

/* True when some path of n certificates without its root, going on from here, verifies. */
static bool search_from(search *s, X509 *last, int n)
{
    bool full = sk_X509_num(s->path) == n;
    for (int i = 0; full && i < sk_X509_num(s->roots) && s->attempts < ATTEMPTS_MAX; i++) {
        X509 *root = sk_X509_value(s->roots, i);
        if (X509_check_issued(root, last) == X509_V_OK && !attempt(s, root))
            return true;
    }
    for (int i = 0; !full && i < sk_X509_num(s->untrusted) && s->attempts < ATTEMPTS_MAX && s->steps < STEPS_MAX; i++) {
        X509 *ca = sk_X509_value(s->untrusted, i);
        if (X509_check_issued(ca, last) != X509_V_OK || is_in_path(s, ca))
            continue;
        s->steps++;
        if (!sk_X509_push(s->path, ca))
            return false;
        if (search_from(s, ca, n))
            return true;
        (void)sk_X509_pop(s->path);
    }
    return false;
}

static bool try_others(X509 *leaf, STACK_OF(X509) *untrusted, const pol_path_rules *rules, int64_t unix_s, pol_path *out)
{
    search s = {.rules = rules, .unix_s = unix_s, .untrusted = untrusted, .roots = X509_STORE_get1_all_certs(rules->roots),
                .path = sk_X509_new_null(), .out = out};
    bool found = false, ready = s.path && sk_X509_push(s.path, leaf);
    for (int n = 1; ready && !found && n <= DEPTH_DEFAULT + 1; n++)
        found = search_from(&s, leaf, n);
    sk_X509_free(s.path);
    sk_X509_pop_free(s.roots, X509_free);
    return found;
}

void pol_path_deinit(pol_path *path)
{
    sk_X509_pop_free(path->certs, X509_free);
    *path = (pol_path){0};
}

const char *pol_path_verify(const pol_chain *chain, const pol_path_rules *rules, int64_t unix_s, pol_path *path)
{
    if (path)
        *path = (pol_path){0};
    if (!rules->roots || !chain->leaf)
        return pol_reason_cert_untrusted;
    STACK_OF(X509) *untrusted = join_untrusted(chain, rules);
    const char *why = verify_once(chain->leaf, untrusted, NULL, rules, unix_s, path);
    if (why && sk_X509_num(untrusted) > 0 && try_others(chain->leaf, untrusted, rules, unix_s, path))
        why = NULL;
    sk_X509_free(untrusted);
    ERR_clear_error();
    return why;
}

/* ---- X.509-SVIDs ---- */

/* The next URI name that claims to be a SPIFFE ID; *from is then behind it. n == 0: there is none. */
static pol_bytes claimed_id(const GENERAL_NAMES *names, int *from)
{
    for (; *from < sk_GENERAL_NAME_num(names); ++*from) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, *from);
        if (name->type == GEN_URI && pol_spiffe_claimed(bytes_of(name->d.uniformResourceIdentifier))) {
            ++*from;
            return bytes_of(name->d.uniformResourceIdentifier);
        }
    }
    return (pol_bytes){0};
}

bool pol_svid_claimed(X509 *leaf)
{
    POL_CLEAN(GENERAL_NAMES_free) GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    return claimed_id(names, &(int){0}).n > 0;
}

bool pol_svid_domain(X509 *leaf, char out[POL_TRUST_DOMAIN_MAX + 1])
{
    POL_CLEAN(GENERAL_NAMES_free) GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    pol_bytes id, domain, path;
    int from = 0;
    while ((id = claimed_id(names, &from)).n) {
        if (!pol_spiffe_parse(id, &domain, &path) || domain.n > POL_TRUST_DOMAIN_MAX)
            continue;
        memcpy(out, domain.at, domain.n);
        out[domain.n] = 0;
        return true;
    }
    return false;
}

const char *pol_svid_check(X509 *leaf, char out[POL_SPIFFE_ID_MAX + 1])
{
    POL_CLEAN(GENERAL_NAMES_free) GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    pol_bytes uri = {0}, trust_domain, path;
    unsigned n_uris = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_URI) {
            uri = bytes_of(name->d.uniformResourceIdentifier);
            n_uris++;
        }
    }
    if (n_uris != 1)
        return pol_reason_svid_uri_count;
    if (!pol_spiffe_parse(uri, &trust_domain, &path) || path.n == 0 || uri.n > POL_SPIFFE_ID_MAX)
        return pol_reason_svid_id;
    uint32_t usage = X509_get_key_usage(leaf);
    if (X509_get_extension_flags(leaf) & EXFLAG_CA)
        return pol_reason_svid_ca;
    if (usage == UINT32_MAX || !(usage & KU_DIGITAL_SIGNATURE) || (usage & (KU_KEY_CERT_SIGN | KU_CRL_SIGN)))
        return pol_reason_svid_key_usage;
    memcpy(out, uri.at, uri.n);
    out[uri.n] = 0;
    return NULL;
}

/* ---- the document ---- */

void pol_cert_fingerprint(X509 *cert, uint8_t sha256[32])
{
    unsigned n = 0;
    if (X509_digest(cert, EVP_sha256(), sha256, &n) != 1)
        memset(sha256, 0, 32);
}

void pol_cert_write_time(pol_buf *json, const ASN1_TIME *t)
{
    struct tm tm = {0};
    if (!t || ASN1_TIME_to_tm(t, &tm) != 1) {
        pol_buf_text(json, "null");
        return;
    }
    pol_buf_printf(json, "\"%04d-%02d-%02dT%02d:%02d:%02dZ\"", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                   tm.tm_sec);
}

void pol_cert_write_text(pol_buf *json, const ASN1_STRING *s)
{
    unsigned char *utf8 = NULL;
    int n = s ? ASN1_STRING_to_UTF8(&utf8, s) : -1;
    pol_bytes text = pol_bytes_of(utf8, n > 0 ? (size_t)n : 0);
    pol_json_write_string(json, pol_utf8_valid(text) ? text : (pol_bytes){0}, POL_JSON_COMPACT);
    OPENSSL_free(utf8);
    ERR_clear_error();
}

static void write_name(pol_buf *out, const X509_NAME *name)
{
    POL_CLEAN(BIO_free_all) BIO *bio = BIO_new(BIO_s_mem());
    const char *text = NULL;
    if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0) {
        long n = BIO_get_mem_data(bio, &text);
        if (n > 0)
            pol_buf_add(out, text, (size_t)n);
    }
    ERR_clear_error();
}

void pol_cert_subject(pol_buf *out, X509 *cert)
{
    write_name(out, X509_get_subject_name(cert));
}

static void put_name(pol_buf *json, const char *member, const X509_NAME *name)
{
    pol_buf text = {0};
    write_name(&text, name);
    pol_buf_printf(json, "\"%s\":", member);
    pol_json_write_string(json, pol_utf8_valid(pol_buf_view(&text)) ? pol_buf_view(&text) : (pol_bytes){0}, POL_JSON_COMPACT);
    pol_buf_byte(json, ',');
    pol_buf_deinit(&text);
}

static void put_hex(pol_buf *json, const char *member, pol_bytes bytes)
{
    pol_buf_printf(json, "\"%s\":\"", member);
    pol_hex_encode(pol_buf_reserve(json, 2 * bytes.n), bytes);
    json->n += 2 * bytes.n;
    pol_buf_text(json, "\",");
}

void pol_cert_write_address(pol_buf *json, const ASN1_OCTET_STRING *s)
{
    char text[INET6_ADDRSTRLEN];
    pol_bytes a = bytes_of(s);
    bool ok = (a.n == 4 || a.n == 16) && inet_ntop(a.n == 4 ? AF_INET : AF_INET6, a.at, text, sizeof text);
    pol_buf_printf(json, "\"%s\"", ok ? text : "");
}

static void put_names(pol_buf *json, const char *member, const GENERAL_NAMES *names, int type)
{
    unsigned n = 0;
    pol_buf_printf(json, "\"%s\":[", member);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != type || !is_name_well_formed(name))
            continue;
        if (n++)
            pol_buf_byte(json, ',');
        if (type == GEN_IPADD)
            pol_cert_write_address(json, name->d.iPAddress);
        else
            pol_json_write_string(json, bytes_of(name->d.ia5), POL_JSON_COMPACT);
    }
    pol_buf_byte(json, ']');
}

void pol_cert_write(pol_buf *json, X509 *leaf, const pol_cert_facts *facts)
{
    uint8_t digest[32];
    pol_cert_fingerprint(leaf, digest);
    pol_buf_byte(json, '{');
    put_name(json, "subject", X509_get_subject_name(leaf));
    put_name(json, "issuer", X509_get_issuer_name(leaf));
    const ASN1_INTEGER *serial = X509_get0_serialNumber(leaf);
    put_hex(json, "serial", bytes_of(serial));
    put_hex(json, "fingerprint_sha256", pol_bytes_of(digest, sizeof digest));
    pol_buf_text(json, "\"not_before\":");
    pol_cert_write_time(json, X509_get0_notBefore(leaf));
    pol_buf_text(json, ",\"not_after\":");
    pol_cert_write_time(json, X509_get0_notAfter(leaf));
    POL_CLEAN(GENERAL_NAMES_free) GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    pol_buf_text(json, ",\"san\":{");
    put_names(json, "dns", names, GEN_DNS);
    pol_buf_byte(json, ',');
    put_names(json, "uri", names, GEN_URI);
    pol_buf_byte(json, ',');
    put_names(json, "email", names, GEN_EMAIL);
    pol_buf_byte(json, ',');
    put_names(json, "ip", names, GEN_IPADD);
    pol_buf_byte(json, '}');
    pol_bytes trust_domain, path, id = pol_bytes_text(facts->spiffe_id);
    if (id.n && pol_spiffe_parse(id, &trust_domain, &path)) {
        pol_buf_text(json, ",\"spiffe_id\":");
        pol_json_write_string(json, id, POL_JSON_COMPACT);
        pol_buf_text(json, ",\"trust_domain\":");
        pol_json_write_string(json, trust_domain, POL_JSON_COMPACT);
    }
    pol_buf_printf(json, ",\"chain_length\":%u,\"revocation\":\"%s\",\"source\":\"%s\"}", facts->chain_length, facts->revocation,
                   facts->source);
}
