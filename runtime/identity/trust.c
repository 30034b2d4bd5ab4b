/* SPDX-License-Identifier: Apache-2.0
 * The configured issuers with their keys, and the roots and intermediates for client certificates: read and checked whole, or refused.
 */
#include "runtime/identity/trust.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

POL_CLEANUP(BIO *, BIO_free_all)

enum { LEEWAY_MAX = 300, DPOP_MAX_AGE_S = 60, TRUST_FILE_MAX = 16 << 20, PATH_MAX_BYTES = 4096 };

typedef struct {
    pol_jwt_rules rules;
    pol_jwks *keys;
    char *subject_prefix;
    const char **sub_certificates, **client_claims, **refused_claims;
} issuer;

struct pol_trust {
    issuer *issuers;
    unsigned n_issuers;
    X509_STORE *roots;
    STACK_OF(X509) *intermediates;
    const char **proxy_uids, **proxy_names;
    uint32_t dpop_max_age_s;
    uint8_t id[32]; /* random: what was verified under other keys is not found under these */
    bool has_roots, check_crls;
};

/* RFC 9068, 2.2 */
static const char *const at_jwt_claims[] = {"iss", "exp", "aud", "sub", "client_id", "iat", "jti"};
enum { N_AT_JWT_CLAIMS = sizeof at_jwt_claims / sizeof *at_jwt_claims };

static const char arrow_text[] = " => ";

/* ---- making ---- */

/* first and second as one list of own copies. */
static const char **copy_list(const char *const *first, unsigned n_first, const char *const *second, unsigned n_second)
{
    const char **out = OPENSSL_zalloc((n_first + n_second + 1) * sizeof *out);
    for (unsigned i = 0; out && i < n_first + n_second; i++)
        out[i] = OPENSSL_strdup(i < n_first ? first[i] : second[i - n_first]);
    return out;
}

static void free_list(const char *const *list)
{
    for (unsigned i = 0; list && list[i]; i++)
        OPENSSL_free((void *)(uintptr_t)list[i]);
    OPENSSL_free((void *)(uintptr_t)list);
}

static void free_issuer(issuer *i)
{
    free_list(i->rules.audiences);
    free_list(i->rules.algorithms);
    free_list(i->rules.required);
    OPENSSL_free((void *)(uintptr_t)i->rules.issuer);
    OPENSSL_free(i->subject_prefix);
    free_list(i->sub_certificates);
    free_list(i->client_claims);
    free_list(i->refused_claims);
    pol_jwks_free(i->keys);
}

/* Each element has a text on both sides of its arrow. */
static bool check_arrows(const char *const *list, unsigned n, unsigned number, const char *setting, const char *form, pol_error *err)
{
    for (unsigned i = 0; i < n; i++) {
        const char *arrow = strstr(list[i], arrow_text);
        if (!arrow || arrow == list[i] || !arrow[strlen(arrow_text)])
            return pol_fail(err, POL_E_CONFIG, "issuer %u: element %u of `%s` is not of the form %s", number, i + 1, setting, form);
    }
    return true;
}

static bool check_issuer(const pol_trust_config *config, unsigned i, pol_error *err)
{
    const pol_issuer_config *c = &config->issuers[i];
    if (!c->issuer || !c->issuer[0] || !c->jwks_file)
        return pol_fail(err, POL_E_CONFIG, "issuer %u: `issuer` and `jwks_file` are required", i + 1);
    if (c->n_algorithms == 0)
        return pol_fail(err, POL_E_CONFIG, "issuer %u: `algorithms` must name at least one", i + 1);
    for (unsigned k = 0; k < c->n_algorithms; k++) {
        if (!pol_alg_find(pol_bytes_text(c->algorithms[k])))
            return pol_fail(err, POL_E_CONFIG, "issuer %u: algorithm %u is not one of RS/PS/ES/HS 256, 384, 512 and EdDSA", i + 1, k + 1);
    }
    if (c->leeway_s > LEEWAY_MAX)
        return pol_fail(err, POL_E_CONFIG, "issuer %u: leeway of %u s: at most %d are allowed", i + 1, c->leeway_s, LEEWAY_MAX);
    POL_TRY(check_arrows(c->sub_certificates, c->n_sub_certificates, i + 1, "sub_certificates", "SUB => NAME", err));
    POL_TRY(check_arrows(c->client_claims, c->n_client_claims, i + 1, "client_claims", "CLAIM => VALUE", err));
    POL_TRY(check_arrows(c->refused_claims, c->n_refused_claims, i + 1, "refused_claims", "CLAIM => VALUE", err));
    const char *prefix = c->subject_prefix ? c->subject_prefix : "";
    for (unsigned k = 0; k < i; k++) {
        const pol_issuer_config *other = &config->issuers[k];
        if (strcmp(other->issuer, c->issuer) == 0)
            return pol_fail(err, POL_E_CONFIG, "issuer %u is configured twice", i + 1);
        /* a `sub` is unique only with its issuer */
        if (strcmp(other->subject_prefix ? other->subject_prefix : "", prefix) == 0)
            return pol_fail(err, POL_E_CONFIG, "issuers %u and %u have the same `subject_prefix`: each needs its own", k + 1, i + 1);
    }
    return true;
}

static bool add_issuer(pol_trust *trust, const pol_issuer_config *c, pol_error *err)
{
    issuer *i = &trust->issuers[trust->n_issuers++];
    const char *const *more = c->at_jwt ? at_jwt_claims : NULL;
    unsigned n_more = c->at_jwt ? N_AT_JWT_CLAIMS : 0;
    i->rules = (pol_jwt_rules){
        .issuer = OPENSSL_strdup(c->issuer),
        .audiences = copy_list(c->audiences, c->n_audiences, NULL, 0), .n_audiences = c->n_audiences,
        .algorithms = copy_list(c->algorithms, c->n_algorithms, NULL, 0), .n_algorithms = c->n_algorithms,
        .required = copy_list(c->required_claims, c->n_required_claims, more, n_more), .n_required = c->n_required_claims + n_more,
        .typ = c->at_jwt ? "at+jwt" : NULL,
        .leeway_s = c->leeway_s,
    };
    i->sub_certificates = copy_list(c->sub_certificates, c->n_sub_certificates, NULL, 0);
    i->client_claims = copy_list(c->client_claims, c->n_client_claims, NULL, 0);
    i->refused_claims = copy_list(c->refused_claims, c->n_refused_claims, NULL, 0);
    i->subject_prefix = c->subject_prefix ? OPENSSL_strdup(c->subject_prefix) : NULL;
    if (!i->rules.issuer || !i->rules.audiences || !i->rules.algorithms || !i->rules.required || !i->sub_certificates ||
        !i->client_claims || !i->refused_claims)
        return pol_fail(err, POL_E_MEMORY, "out of memory");
    POL_TRY(pol_jwks_file_read(c->jwks_file, &i->keys, err));
    if (i->keys->n == 0)
        return pol_fail(err, POL_E_CONFIG, "%s: no key of the set can be used (RSA below 2048 bits, unknown type or malformed)", c->jwks_file);
    return true;
}

/* A self-signed certificate is a root, another one an intermediate. */
static bool add_certificate(pol_trust *trust, X509 *cert)
{
    if (X509_get_extension_flags(cert) & EXFLAG_SS) {
        trust->has_roots = true;
        return X509_STORE_add_cert(trust->roots, cert) == 1;
    }
    return X509_up_ref(cert) == 1 && sk_X509_push(trust->intermediates, cert) > 0;
}

static bool read_pem_file(pol_trust *trust, const char *path, bool crls, pol_error *err)
{
    POL_CLEAN(pol_buf_deinit) pol_buf file = {0};
    POL_TRY(pol_file_read(path, TRUST_FILE_MAX, &file, err));
    POL_CLEAN(BIO_free_all) BIO *bio = BIO_new_mem_buf(file.at, (int)file.n);
    STACK_OF(X509_INFO) *all = bio ? PEM_X509_INFO_read_bio(bio, NULL, NULL, NULL) : NULL;
    unsigned n = 0;
    bool ok = all != NULL;
    for (int i = 0; ok && i < sk_X509_INFO_num(all); i++) {
        X509_INFO *info = sk_X509_INFO_value(all, i);
        if (info->x_pkey)
            ok = false;
        else if (crls && info->crl)
            ok = X509_STORE_add_crl(trust->roots, info->crl) == 1 && ++n;
        else if (!crls && info->x509)
            ok = add_certificate(trust, info->x509) && ++n;
    }
    sk_X509_INFO_pop_free(all, X509_INFO_free);
    ERR_clear_error();
    if (!ok || n == 0)
        return pol_fail(err, POL_E_CONFIG, "%s: not a PEM file of %s only", path, crls ? "CRLs" : "certificates");
    return true;
}

/* A file, or each .pem and .crt file of a folder. */
static bool read_pem_path(pol_trust *trust, const char *path, bool crls, pol_error *err)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return pol_fail(err, POL_E_IO, "%s: cannot be read", path);
    if (!S_ISDIR(st.st_mode))
        return read_pem_file(trust, path, crls, err);
    DIR *folder = opendir(path);
    if (!folder)
        return pol_fail(err, POL_E_IO, "%s: the folder cannot be read", path);
    bool ok = true;
    for (struct dirent *entry; ok && (entry = readdir(folder));) {
        char file[PATH_MAX_BYTES];
        pol_bytes name = pol_bytes_text(entry->d_name);
        if (name.at[0] == '.' || !(pol_bytes_ends(name, POL_BYTES(".pem")) || pol_bytes_ends(name, POL_BYTES(".crt"))))
            continue;
        int n = snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        ok = n > 0 && (size_t)n < sizeof file ? read_pem_file(trust, file, crls, err)
                                               : pol_fail(err, POL_E_CONFIG, "%s: a name in it is too long", path);
    }
    closedir(folder);
    return ok;
}

static bool fill(pol_trust *trust, const pol_trust_config *config, pol_error *err)
{
    for (unsigned i = 0; i < config->n_proxy_uids; i++) {
        size_t n = strspn(config->proxy_uids[i], "0123456789");
        if (n == 0 || n > 10 || config->proxy_uids[i][n])
            return pol_fail(err, POL_E_CONFIG, "element %u of the proxies' uids is not the number of a user", i + 1);
    }
    if (RAND_bytes(trust->id, sizeof trust->id) != 1)
        return pol_fail(err, POL_E_CRYPTO, "no random numbers");
    trust->roots = X509_STORE_new();
    trust->intermediates = sk_X509_new_null();
    trust->issuers = OPENSSL_zalloc((config->n_issuers + 1) * sizeof *trust->issuers);
    trust->proxy_uids = copy_list(config->proxy_uids, config->n_proxy_uids, NULL, 0);
    trust->proxy_names = copy_list(config->proxy_names, config->n_proxy_names, NULL, 0);
    trust->dpop_max_age_s = config->dpop_max_age_s ? config->dpop_max_age_s : DPOP_MAX_AGE_S;
    if (!trust->roots || !trust->intermediates || !trust->issuers || !trust->proxy_uids || !trust->proxy_names)
        return pol_fail(err, POL_E_MEMORY, "out of memory");
    for (unsigned i = 0; i < config->n_issuers; i++) {
        POL_TRY(check_issuer(config, i, err));
        POL_TRY(add_issuer(trust, &config->issuers[i], err));
    }
    for (unsigned i = 0; i < config->n_trust_files; i++)
        POL_TRY(read_pem_path(trust, config->trust_files[i], false, err));
    if (config->n_trust_files && !trust->has_roots)
        return pol_fail(err, POL_E_CONFIG, "the trust files hold no self-signed root");
    for (unsigned i = 0; i < config->n_crl_files; i++)
        POL_TRY(read_pem_path(trust, config->crl_files[i], true, err));
    trust->check_crls = config->n_crl_files > 0;
    /* what the TLS listener's handshake checks is what pol_path_verify checks */
    X509_VERIFY_PARAM *param = X509_STORE_get0_param(trust->roots);
    unsigned long flags = X509_V_FLAG_X509_STRICT;
    if (trust->check_crls)
        flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
    X509_VERIFY_PARAM_set_flags(param, flags);
    X509_VERIFY_PARAM_set_auth_level(param, 2);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return true;
}

bool pol_trust_new(const pol_trust_config *config, pol_trust **out, pol_error *err)
{
    pol_trust *trust = OPENSSL_zalloc(sizeof *trust);
    if (!trust)
        return pol_fail(err, POL_E_MEMORY, "out of memory");
    if (!fill(trust, config, err)) {
        pol_trust_free(trust);
        return false;
    }
    *out = trust;
    return true;
}

void pol_trust_free(pol_trust *trust)
{
    if (!trust)
        return;
    for (unsigned i = 0; i < trust->n_issuers; i++)
        free_issuer(&trust->issuers[i]);
    OPENSSL_free(trust->issuers);
    free_list(trust->proxy_uids);
    free_list(trust->proxy_names);
    X509_STORE_free(trust->roots);
    sk_X509_pop_free(trust->intermediates, X509_free);
    OPENSSL_free(trust);
}

struct x509_store_st *pol_trust_store(const pol_trust *trust)
{
    return trust && trust->has_roots ? trust->roots : NULL;
}

/* ---- judging ---- */

static bool holds_text(pol_value array, const char *text)
{
    for (uint32_t i = 0; i < array.n; i++) {
        pol_value v = pol_element(array, i);
        if (v.tag == POL_STRING && pol_bytes_is(pol_text(v), text))
            return true;
    }
    return false;
}

/* The name that sub is tied to. */
static const char *find_binding(const issuer *from, pol_value claims)
{
    pol_value sub = pol_object_member(claims, "sub");
    for (unsigned i = 0; sub.tag == POL_STRING && from->sub_certificates[i]; i++) {
        const char *line = from->sub_certificates[i], *arrow = strstr(line, arrow_text);
        if (pol_bytes_equal(pol_text(sub), pol_bytes_of(line, (size_t)(arrow - line))))
            return arrow + strlen(arrow_text);
    }
    return NULL;
}

/* Does a claim have the value that a line of list says, or hold it as an element? */
static bool has_claim_of(pol_value claims, const char **list)
{
    for (uint32_t i = 0; i < claims.n; i++) {
        pol_value name = pol_member_key(claims, i), value = pol_member_value(claims, i);
        for (unsigned k = 0; list[k]; k++) {
            const char *arrow = strstr(list[k], arrow_text), *wanted = arrow + strlen(arrow_text);
            if (!pol_bytes_equal(pol_text(name), pol_bytes_of(list[k], (size_t)(arrow - list[k]))))
                continue;
            if (value.tag == POL_STRING ? pol_bytes_is(pol_text(value), wanted) : value.tag == POL_ARRAY && holds_text(value, wanted))
                return true;
        }
    }
    return false;
}

bool pol_trust_is_proxy(const pol_trust *trust, const uint32_t *uid, pol_bytes name)
{
    char number[16];
    snprintf(number, sizeof number, "%u", uid ? *uid : 0);
    for (unsigned i = 0; trust && uid && trust->proxy_uids[i]; i++) {
        if (strcmp(trust->proxy_uids[i], number) == 0)
            return true;
    }
    for (unsigned i = 0; trust && name.n && trust->proxy_names[i]; i++) {
        if (pol_bytes_is(name, trust->proxy_names[i]))
            return true;
    }
    return false;
}

uint32_t pol_trust_dpop_age(const pol_trust *trust)
{
    return trust->dpop_max_age_s;
}

/* A token as it was verified before under the very keys of trust, or opened; *known says which. */
static const char *open_token(pol_token_cache *cache, const uint8_t *key, pol_arena *arena, pol_bytes token, pol_jws *jws,
                              pol_value *claims, bool *known)
{
    *jws = (pol_jws){0};
    *known = key && pol_token_cache_find(cache, key, arena, &jws->header, claims);
    const char *why = *known ? NULL : pol_jws_open(arena, token, NULL, jws);
    return why || *known ? why : pol_jwt_claims(arena, jws, NULL, claims);
}

static const char *check_signature(pol_token_cache *cache, const uint8_t *key, const pol_jws *jws, pol_value claims, const issuer *from)
{
    const char *why = pol_jws_check(jws, from->keys, from->rules.algorithms, from->rules.n_algorithms);
    if (key && !why)
        pol_token_cache_add(cache, key, jws->header, claims);
    return why;
}

const char *pol_trust_token(const pol_trust *trust, pol_token_cache *cache, pol_arena *arena, pol_bytes token, int64_t now_ns, pol_verified_token *out)
{
    *out = (pol_verified_token){.header = pol_undefined(), .claims = pol_undefined()};
    pol_jws jws;
    pol_value claims;
    uint8_t digest[POL_TOKEN_DIGEST];
    bool known, keyed = trust && cache && token.n <= POL_TOKEN_MAX;
    const uint8_t *key = keyed ? digest : NULL;
    if (keyed)
        pol_token_cache_key(pol_bytes_of(trust->id, sizeof trust->id), token, digest);
    const char *why = open_token(cache, key, arena, token, &jws, &claims, &known);
    if (why)
        return why;
    /* The issuer is named by what is not verified yet; it only says whose keys have to verify it. */
    pol_value iss = pol_object_member(claims, "iss");
    for (unsigned i = 0; trust && iss.tag == POL_STRING && i < trust->n_issuers; i++) {
        const issuer *from = &trust->issuers[i];
        if (!pol_bytes_is(pol_text(iss), from->rules.issuer))
            continue;
        why = known ? NULL : check_signature(cache, key, &jws, claims, from);
        if (!why)
            why = pol_jwt_judge(&jws, claims, &from->rules, now_ns);
        if (!why && has_claim_of(claims, from->refused_claims))
            why = pol_reason_token_grant;
        if (why)
            return why;
        *out = (pol_verified_token){.header = jws.header, .claims = claims, .subject_prefix = from->subject_prefix,
                                    .is_client = has_claim_of(claims, from->client_claims), .bound_name = find_binding(from, claims)};
        return NULL;
    }
    return pol_reason_token_issuer;
}

const char *pol_trust_chain(const pol_trust *trust, const pol_chain *chain, int64_t now_ns, pol_cert_facts *facts,
                            char spiffe_id[POL_SPIFFE_ID_MAX + 1])
{
    spiffe_id[0] = 0;
    if (!trust || !trust->has_roots)
        return pol_reason_cert_untrusted;
    pol_path_rules rules = {.roots = trust->roots, .intermediates = trust->intermediates, .purpose = "clientAuth", .max_depth = -1,
                            .check_crls = trust->check_crls};
    unsigned length = 0;
    const char *why = pol_path_verify(chain, &rules, now_ns / 1000000000, &length);
    if (!why && pol_svid_claimed(chain->leaf))
        why = pol_svid_check(chain->leaf, spiffe_id);
    *facts = (pol_cert_facts){.chain_length = length, .revocation = trust->check_crls ? "good" : "unknown", .source = "request",
                              .spiffe_id = spiffe_id};
    return why;
}
