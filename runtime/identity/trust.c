/* SPDX-License-Identifier: Apache-2.0
 * The configured issuers with their keys, and the roots and intermediates for client certificates: read and checked whole, or refused.
 */
#include "runtime/identity/trust.h"

#include "runtime/identity/introspect.h"
#include "runtime/identity/oauth.h"
#include "runtime/identity/spiffe.h"
#include "runtime/identity/view.h"

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
    pol_jwks *keys;         /* NULL: they are fetched, */
    pol_key_source *source; /* here; NULL too: its tokens are asked about */
    pol_introspector *introspector; /* NULL: they are not */
    char *subject_prefix;
    const char **sub_certificates, **client_claims, **refused_claims;
} issuer;

typedef struct {
    const char *domain; /* SPIFFE trust domain; NULL: everything that has no anchors of its own */
    X509_STORE *roots;
    STACK_OF(X509) *intermediates;
    bool has_roots;
} anchors;

struct pol_trust {
    issuer *issuers;
    unsigned n_issuers;
    anchors *anchors; /* the first ones are those of no domain */
    unsigned n_anchors;
    X509_STORE *all;  /* of all anchors, for handshakes */
    pol_revocation_mode revocation; /* not AUTO */
    struct pol_revocation *responders; /* NULL: none is asked */
    const char **proxy_uids, **proxy_names;
    uint32_t dpop_max_age_s;
    uint8_t id[32]; /* random: what was verified under other keys is not found under these */
    bool has_roots, check_crls, crls_may_lack;
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
    pol_key_source_close(i->source);
    pol_introspector_free(i->introspector);
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
    if (!c->issuer || !c->issuer[0] || (!c->jwks_file && !c->keys && !c->introspection.url))
        return pol_fail(err, POL_E_CONFIG, "issuer %u: `issuer` and its keys, or `introspection.url`, are required", i + 1);
    if (c->jwks_file && c->keys)
        return pol_fail(err, POL_E_CONFIG, "issuer %u: its keys are in a file or are fetched, not both", i + 1);
    if (c->keys && !config->key_sources)
        return pol_fail(err, POL_E_CONFIG, "issuer %u: keys are not fetched here", i + 1);
    if (c->n_algorithms == 0 && (c->jwks_file || c->keys))
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
        const char *mine = c->introspection.token_prefix ? c->introspection.token_prefix : "";
        const char *its = other->introspection.token_prefix ? other->introspection.token_prefix : "";
        if (c->introspection.url && other->introspection.url && (!*mine || !*its || strncmp(mine, its, strlen(its)) == 0 || strncmp(mine, its, strlen(mine)) == 0))
            return pol_fail(err, POL_E_CONFIG, "issuers %u and %u: `introspection.token_prefix` must say whose a token is that is no JWT", k + 1, i + 1);
        if (strcmp(other->subject_prefix ? other->subject_prefix : "", prefix) == 0)
            return pol_fail(err, POL_E_CONFIG, "issuers %u and %u have the same `subject_prefix`: each needs its own", k + 1, i + 1);
    }
    return true;
}

static bool add_issuer(pol_trust *trust, const pol_issuer_config *c, pol_key_sources *sources, pol_error *err)
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
    if (c->introspection.url)
        POL_TRY(pol_introspector_new(c->issuer, &c->introspection, &i->introspector, err));
    if (c->jwks_file)
        POL_TRY(pol_jwks_file_read(c->jwks_file, &i->keys, err));
    pol_error why;
    if (c->keys && !pol_key_source_open(sources, c->keys, &i->source, &why))
        return pol_fail(err, why.code, "issuer %s: %s", c->issuer, why.text);
    if (i->keys && i->keys->n == 0)
        return pol_fail(err, POL_E_CONFIG, "%s: no key of the set can be used (RSA below 2048 bits, unknown type or malformed)", c->jwks_file);
    return true;
}

/* A self-signed certificate is a root, another one an intermediate. */
static bool add_certificate(pol_trust *trust, anchors *to, X509 *cert)
{
    if (X509_STORE_add_cert(trust->all, cert) != 1)
        return false;
    if (X509_get_extension_flags(cert) & EXFLAG_SS) {
        trust->has_roots = to->has_roots = true;
        return X509_STORE_add_cert(to->roots, cert) == 1;
    }
    return X509_up_ref(cert) == 1 && sk_X509_push(to->intermediates, cert) > 0;
}

static bool add_crl(pol_trust *trust, X509_CRL *crl)
{
    bool ok = X509_STORE_add_crl(trust->all, crl) == 1;
    for (unsigned i = 0; ok && i < trust->n_anchors; i++)
        ok = X509_STORE_add_crl(trust->anchors[i].roots, crl) == 1;
    return ok;
}

/* to NULL: CRLs, for all. */
static bool read_pem_file(pol_trust *trust, anchors *to, const char *path, pol_error *err)
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
        else if (!to && info->crl)
            ok = add_crl(trust, info->crl) && ++n;
        else if (to && info->x509)
            ok = add_certificate(trust, to, info->x509) && ++n;
    }
    sk_X509_INFO_pop_free(all, X509_INFO_free);
    ERR_clear_error();
    if (!ok || n == 0)
        return pol_fail(err, POL_E_CONFIG, "%s: not a PEM file of %s only", path, to ? "certificates" : "CRLs");
    return true;
}

/* A file, or each .pem and .crt (of CRLs: .crl) file of a folder. */
static bool read_pem_path(pol_trust *trust, anchors *to, const char *path, pol_error *err)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return pol_fail(err, POL_E_IO, "%s: cannot be read", path);
    if (!S_ISDIR(st.st_mode))
        return read_pem_file(trust, to, path, err);
    DIR *folder = opendir(path);
    if (!folder)
        return pol_fail(err, POL_E_IO, "%s: the folder cannot be read", path);
    bool ok = true;
    for (struct dirent *entry; ok && (entry = readdir(folder));) {
        char file[PATH_MAX_BYTES];
        pol_bytes name = pol_bytes_text(entry->d_name);
        bool wanted = pol_bytes_ends(name, POL_BYTES(".pem")) || pol_bytes_ends(name, to ? POL_BYTES(".crt") : POL_BYTES(".crl"));
        if (name.at[0] == '.' || !wanted)
            continue;
        int n = snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        ok = n > 0 && (size_t)n < sizeof file ? read_pem_file(trust, to, file, err)
                                               : pol_fail(err, POL_E_CONFIG, "%s: a name in it is too long", path);
    }
    closedir(folder);
    return ok;
}

/* What the TLS listener's handshake checks is what pol_path_verify checks. */
static void set_flags(const pol_trust *trust, X509_STORE *store)
{
    X509_VERIFY_PARAM *param = X509_STORE_get0_param(store);
    unsigned long flags = X509_V_FLAG_X509_STRICT;
    if (trust->check_crls)
        flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
    X509_VERIFY_PARAM_set_flags(param, flags);
    X509_VERIFY_PARAM_set_auth_level(param, 2);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (trust->crls_may_lack)
        X509_STORE_set_verify_cb(store, pol_crls_may_lack);
}

/* Lists alone have to speak of every certificate, root included; where responders are asked too, or nothing has to be known, they may lack. */
static void set_revocation(pol_trust *trust, const pol_trust_config *config)
{
    bool has_lists = config->n_crl_files > 0, is_auto = config->revocation == POL_REVOCATION_AUTO;
    trust->revocation = !is_auto ? config->revocation : has_lists ? POL_REVOCATION_HARD : POL_REVOCATION_OFF;
    trust->responders = is_auto || trust->revocation == POL_REVOCATION_OFF ? NULL : config->responders;
    trust->check_crls = has_lists && trust->revocation != POL_REVOCATION_OFF;
    trust->crls_may_lack = trust->revocation == POL_REVOCATION_SOFT || trust->responders;
}

static bool add_anchors(pol_trust *trust, const char *domain, const char *const *files, unsigned n_files, pol_error *err)
{
    anchors *to = &trust->anchors[trust->n_anchors++];
    pol_bytes parsed, path;
    *to = (anchors){.roots = X509_STORE_new(), .intermediates = sk_X509_new_null(), .domain = domain ? OPENSSL_strdup(domain) : NULL};
    if (!to->roots || !to->intermediates || (domain && !to->domain))
        return pol_fail(err, POL_E_MEMORY, "out of memory");
    POL_CLEAN(pol_buf_deinit) pol_buf id = {0};
    pol_buf_printf(&id, "spiffe://%s", domain ? domain : "any");
    if (!pol_spiffe_parse(pol_buf_view(&id), &parsed, &path) || path.n)
        return pol_fail(err, POL_E_CONFIG, "trust domain %u: its name is not one of SPIFFE (lower case letters, digits, '.', '-', '_')", trust->n_anchors - 1);
    for (unsigned i = 1; i + 1 < trust->n_anchors; i++) {
        if (strcmp(trust->anchors[i].domain, domain) == 0)
            return pol_fail(err, POL_E_CONFIG, "trust domain %s is configured twice", domain);
    }
    for (unsigned i = 0; i < n_files; i++)
        POL_TRY(read_pem_path(trust, to, files[i], err));
    if (domain && !to->has_roots)
        return pol_fail(err, POL_E_CONFIG, "the trust files of trust domain %s hold no self-signed root", domain);
    return !n_files || to->has_roots || pol_fail(err, POL_E_CONFIG, "the trust files hold no self-signed root");
}

static bool add_all_anchors(pol_trust *trust, const pol_trust_config *config, pol_error *err)
{
    set_revocation(trust, config);
    trust->all = X509_STORE_new();
    trust->anchors = OPENSSL_zalloc((config->n_domains + 1) * sizeof *trust->anchors);
    if (!trust->all || !trust->anchors)
        return pol_fail(err, POL_E_MEMORY, "out of memory");
    POL_TRY(add_anchors(trust, NULL, config->trust_files, config->n_trust_files, err));
    for (unsigned i = 0; i < config->n_domains; i++)
        POL_TRY(add_anchors(trust, config->domains[i].domain, config->domains[i].files, config->domains[i].n_files, err));
    for (unsigned i = 0; i < config->n_crl_files; i++)
        POL_TRY(read_pem_path(trust, NULL, config->crl_files[i], err));
    set_flags(trust, trust->all);
    return true;
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
    trust->issuers = OPENSSL_zalloc((config->n_issuers + 1) * sizeof *trust->issuers);
    trust->proxy_uids = copy_list(config->proxy_uids, config->n_proxy_uids, NULL, 0);
    trust->proxy_names = copy_list(config->proxy_names, config->n_proxy_names, NULL, 0);
    trust->dpop_max_age_s = config->dpop_max_age_s ? config->dpop_max_age_s : DPOP_MAX_AGE_S;
    if (!trust->issuers || !trust->proxy_uids || !trust->proxy_names)
        return pol_fail(err, POL_E_MEMORY, "out of memory");
    for (unsigned i = 0; i < config->n_issuers; i++) {
        POL_TRY(check_issuer(config, i, err));
        POL_TRY(add_issuer(trust, &config->issuers[i], config->key_sources, err));
    }
    return add_all_anchors(trust, config, err);
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
    for (unsigned i = 0; i < trust->n_anchors; i++) {
        X509_STORE_free(trust->anchors[i].roots);
        sk_X509_pop_free(trust->anchors[i].intermediates, X509_free);
        OPENSSL_free((void *)(uintptr_t)trust->anchors[i].domain);
    }
    OPENSSL_free(trust->anchors);
    X509_STORE_free(trust->all);
    OPENSSL_free(trust);
}

struct x509_store_st *pol_trust_store(const pol_trust *trust)
{
    return trust && trust->has_roots ? trust->all : NULL;
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

/* A token taken apart: as it was verified before, or anew. */
typedef struct {
    pol_token_cache *cache; /* NULL: key is not to be found */
    uint8_t key[POL_TOKEN_DIGEST];
    bool known;             /* verified before, by keys of version */
    pol_cached_token cached;
    pol_jws jws;
} opened;

static const char *open_anew(opened *o, pol_arena *arena, pol_bytes token)
{
    o->known = false;
    const char *why = pol_jws_open(arena, token, NULL, &o->jws);
    if (!why)
        why = pol_jwt_claims(arena, &o->jws, NULL, &o->cached.claims);
    o->cached.header = o->jws.header;
    return why;
}

static const char *open_token(opened *o, const pol_trust *trust, pol_token_cache *cache, pol_arena *arena, pol_bytes token)
{
    *o = (opened){.cache = trust && token.n <= POL_TOKEN_MAX ? cache : NULL};
    if (!o->cache)
        return open_anew(o, arena, token);
    pol_token_cache_key(pol_bytes_of(trust->id, sizeof trust->id), token, o->key);
    o->known = pol_token_cache_find(o->cache, o->key, arena, &o->cached);
    if (!o->known)
        return open_anew(o, arena, token);
    o->jws.header = o->cached.header;
    return NULL;
}

/* By keys of that version. What was verified before by others is verified anew. */
static const char *check_signature(opened *o, pol_arena *arena, pol_bytes token, const issuer *from, const pol_jwks *keys, uint64_t version)
{
    if (o->known && o->cached.version == version)
        return NULL;
    const char *why = o->known ? open_anew(o, arena, token) : NULL;
    if (!why)
        why = pol_jws_check(&o->jws, keys, from->rules.algorithms, from->rules.n_algorithms);
    o->cached.version = version;
    if (o->cache && !why)
        pol_token_cache_add(o->cache, o->key, &o->cached);
    return why;
}

/* The same by the keys that are known now, whether they come from a file or are fetched. */
static const char *check_by_issuer(opened *o, pol_view *view, pol_arena *arena, pol_bytes token, const issuer *from)
{
    if (!from->source)
        return check_signature(o, arena, token, from, from->keys, 0);
    pol_key_set *set = pol_key_source_keys(from->source, view);
    const char *why = set ? check_signature(o, arena, token, from, set->jwks, set->version) : pol_reason_keys_unavailable;
    if (!view)
        pol_key_set_release(set);
    if (why == pol_reason_keys_unavailable || why == pol_reason_token_key)
        pol_key_source_need(from->source, view);
    return why;
}

/* What its issuer says, held against the issuer's rules. An answer that names no issuer is from the one that was asked. */
static const char *judge_opaque(const issuer *from, pol_view *view, pol_arena *arena, pol_bytes token, int64_t now_ns, pol_verified_token *out)
{
    pol_value claims;
    int64_t ttl_s;
    if (token.n > POL_TOKEN_MAX)
        return pol_reason_token_too_large;
    const char *why = pol_introspect(view, from->introspector, arena, token, now_ns, &claims);
    if (why)
        return why;
    pol_value iss = pol_string_text("iss");
    if (!pol_is_defined(pol_object_member(claims, "iss")))
        claims = pol_object_with(arena, claims, iss, pol_string_text(from->rules.issuer));
    const pol_introspection_rules rules = {.issuer = from->rules.issuer, .audiences = from->rules.audiences, .n_audiences = from->rules.n_audiences,
                                           .leeway_s = from->rules.leeway_s};
    why = pol_introspection_claims_judge(claims, &rules, now_ns, &ttl_s);
    for (unsigned i = 0; !why && i < from->rules.n_required; i++)
        why = pol_is_defined(pol_object_member(claims, from->rules.required[i])) ? NULL : pol_reason_token_claim_missing;
    if (!why && has_claim_of(claims, from->refused_claims))
        why = pol_reason_token_grant;
    if (!why)
        *out = (pol_verified_token){.header = pol_empty(POL_OBJECT), .claims = claims, .subject_prefix = from->subject_prefix, .is_opaque = true,
                                    .is_client = has_claim_of(claims, from->client_claims), .bound_name = find_binding(from, claims)};
    return why;
}

/* Three segments, of which the first is an object in base64url: what every JWS in compact form has. */
static bool is_jwt_shaped(pol_bytes token)
{
    unsigned dots = 0;
    for (size_t i = 0; i < token.n; i++)
        dots += token.at[i] == '.';
    return dots == 2 && pol_bytes_starts(token, POL_BYTES("ey"));
}

static const char *judge_jwt(const pol_trust *trust, pol_token_cache *cache, pol_view *view, pol_arena *arena, pol_bytes token, int64_t now_ns,
                             pol_verified_token *out)
{
    opened o;
    const char *why = open_token(&o, trust, cache, arena, token);
    if (why)
        return why;
    /* The issuer is named by what is not verified yet; it only says whose keys have to verify it. */
    pol_value iss = pol_object_member(o.cached.claims, "iss");
    for (unsigned i = 0; trust && iss.tag == POL_STRING && i < trust->n_issuers; i++) {
        const issuer *from = &trust->issuers[i];
        if (!pol_bytes_is(pol_text(iss), from->rules.issuer))
            continue;
        if (!from->keys && !from->source)
            return judge_opaque(from, view, arena, token, now_ns, out);
        why = check_by_issuer(&o, view, arena, token, from);
        pol_value claims = o.cached.claims;
        if (!why)
            why = pol_jwt_judge(&o.jws, claims, &from->rules, now_ns);
        if (!why && has_claim_of(claims, from->refused_claims))
            why = pol_reason_token_grant;
        if (why)
            return why;
        *out = (pol_verified_token){.header = o.jws.header, .claims = claims, .subject_prefix = from->subject_prefix,
                                    .is_client = has_claim_of(claims, from->client_claims), .bound_name = find_binding(from, claims)};
        return NULL;
    }
    return pol_reason_token_issuer;
}

const char *pol_trust_token(const pol_trust *trust, pol_token_cache *cache, pol_view *view, pol_arena *arena, pol_bytes token, int64_t now_ns,
                            pol_verified_token *out)
{
    *out = (pol_verified_token){.header = pol_undefined(), .claims = pol_undefined()};
    for (unsigned i = 0; trust && i < trust->n_issuers && !is_jwt_shaped(token); i++) {
        const issuer *from = &trust->issuers[i];
        if (from->introspector && pol_introspector_takes(from->introspector, token))
            return judge_opaque(from, view, arena, token, now_ns, out);
    }
    return judge_jwt(trust, cache, view, arena, token, now_ns, out);
}

pol_bytes pol_trust_id(const pol_trust *trust)
{
    return trust ? pol_bytes_of(trust->id, sizeof trust->id) : (pol_bytes){0};
}

/* ---- chains ---- */

/* A trust domain that has roots of its own is vouched for by no other; and these vouch for nothing else. */
static const anchors *find_anchors(const pol_trust *trust, X509 *leaf)
{
    char domain[POL_TRUST_DOMAIN_MAX + 1];
    if (trust->n_anchors == 1 || !pol_svid_domain(leaf, domain))
        return &trust->anchors[0];
    for (unsigned i = 1; i < trust->n_anchors; i++) {
        if (strcmp(trust->anchors[i].domain, domain) == 0)
            return &trust->anchors[i];
    }
    return &trust->anchors[0];
}

static void note_links(const pol_trust *trust, const pol_path *path, int64_t now_s, pol_links *links)
{
    int n = sk_X509_num(path->certs) - 1;
    *links = (pol_links){.n = n < 0 ? 0 : n < POL_LINKS_MAX ? (unsigned)n : POL_LINKS_MAX, .crl_good = path->crl_good};
    for (unsigned i = 0; trust->responders && i < links->n; i++) {
        X509 *cert = sk_X509_value(path->certs, (int)i), *above = sk_X509_value(path->certs, (int)i + 1);
        if (pol_cert_key(cert, above, links->keys[i]) && pol_revocation_watch(trust->responders, cert, above, links->keys[i], now_s))
            links->named |= UINT32_C(1) << i;
    }
}

const char *pol_trust_chain(const pol_trust *trust, const pol_chain *chain, int64_t now_ns, pol_verified_chain *out)
{
    out->spiffe_id[0] = 0;
    const anchors *under = trust ? find_anchors(trust, chain->leaf) : NULL;
    if (!under || !under->has_roots)
        return pol_reason_cert_untrusted;
    pol_path_rules rules = {.roots = under->roots, .intermediates = under->intermediates, .purpose = "clientAuth", .max_depth = -1,
                            .check_crls = trust->check_crls, .crls_may_lack = trust->crls_may_lack};
    pol_path path;
    int64_t now_s = now_ns / 1000000000;
    const char *why = pol_path_verify(chain, &rules, now_s, &path);
    if (!why && pol_svid_claimed(chain->leaf))
        why = pol_svid_check(chain->leaf, out->spiffe_id);
    if (!why) {
        out->length = (unsigned)sk_X509_num(path.certs);
        out->until_s = path.until_s;
        note_links(trust, &path, now_s, &out->links);
    }
    pol_path_deinit(&path);
    return why;
}

const char *pol_trust_revocation(const pol_trust *trust, const pol_links *links, int64_t now_ns, const char **word, bool *is_watched)
{
    bool watched = true, good = links->n > 0;
    *word = "unknown";
    for (unsigned i = 0; trust->revocation != POL_REVOCATION_OFF && i < links->n; i++) {
        uint32_t bit = UINT32_C(1) << i;
        bool asked = trust->responders && (links->named & bit);
        pol_watched status = asked ? pol_revocation_find(trust->responders, links->keys[i], now_ns / 1000000000) : POL_WATCHED_UNKNOWN;
        if (status == POL_WATCHED_REVOKED)
            return pol_reason_cert_revoked;
        watched &= status != POL_WATCHED_NOT;
        good &= (links->crl_good & bit) || status == POL_WATCHED_GOOD;
    }
    if (is_watched)
        *is_watched = watched;
    if (trust->revocation == POL_REVOCATION_OFF)
        return NULL;
    *word = good ? "good" : "unknown";
    return good || trust->revocation == POL_REVOCATION_SOFT ? NULL : pol_reason_cert_revocation;
}
