/* SPDX-License-Identifier: Apache-2.0
 * Runner of a folder of X.509 vectors: path-validation/ with any names, spiffe-ids.json, spiffe-svids.json, xfcc.json; those that are there.
 */
#include "runtime/calendar.h"
#include "runtime/identity/spiffe.h"
#include "runtime/identity/x509.h"
#include "runtime/identity/xfcc.h"
#include "tests/identity/pack.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <dirent.h>

POL_CLEANUP(BIO *, BIO_free_all)

/* ---- paths ---- */

static X509 *read_cert(pol_value pem)
{
    POL_CLEAN(BIO_free_all) BIO *bio = pem.tag == POL_STRING ? BIO_new_mem_buf(pem.text, (int)pem.n) : NULL;
    X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    ERR_clear_error();
    return cert;
}

static STACK_OF(X509) *read_list(pol_value list)
{
    STACK_OF(X509) *out = sk_X509_new_null();
    for (uint32_t i = 0; list.tag == POL_ARRAY && i < list.n; i++) {
        X509 *cert = read_cert(pol_element(list, i));
        if (cert)
            sk_X509_push(out, cert);
    }
    return out;
}

static X509_STORE *read_store(pol_value roots, pol_value crls)
{
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509) *certs = read_list(roots);
    for (int i = 0; i < sk_X509_num(certs); i++)
        X509_STORE_add_cert(store, sk_X509_value(certs, i));
    sk_X509_pop_free(certs, X509_free);
    for (uint32_t i = 0; crls.tag == POL_ARRAY && i < crls.n; i++) {
        pol_value pem = pol_element(crls, i);
        POL_CLEAN(BIO_free_all) BIO *bio = BIO_new_mem_buf(pem.text, (int)pem.n);
        X509_CRL *crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
        if (crl)
            X509_STORE_add_crl(store, crl);
        X509_CRL_free(crl);
    }
    return store;
}

static int64_t read_time(pol_value c)
{
    int64_t ns = 0;
    if (!pol_time_parse(POL_BYTES("2006-01-02T15:04:05Z07:00"), get_text(c, "validation_time"), &ns, NULL))
        return 0;
    return ns / 1000000000;
}

static const char *verify_path(pol_value c, X509_STORE *store, const char *purpose, bool check_crls, int max_depth)
{
    pol_chain chain = {.leaf = read_cert(get(c, "peer_certificate")), .rest = read_list(get(c, "untrusted_intermediates"))};
    pol_path_rules rules = {.roots = store, .purpose = purpose, .max_depth = max_depth, .check_crls = check_crls};
    const char *why = chain.leaf ? pol_path_verify(&chain, &rules, read_time(c), NULL) : pol_reason_cert_malformed;
    pol_chain_deinit(&chain);
    return why;
}

static void run_path(pack *p, pol_value c)
{
    pol_value crls = get(c, "crls"), depth = get(c, "max_chain_depth");
    X509_STORE *store = read_store(get(c, "trusted_certs"), crls);
    bool check_crls = crls.tag == POL_ARRAY && crls.n > 0, accept = pol_bytes_is(get_text(c, "expected_result"), "SUCCESS");
    const char *why = verify_path(c, store, get_c(p, c, "purpose"), check_crls, pol_is_number(depth) ? (int)depth.i : -1);
    X509_STORE_free(store);
    report(p, c, accept == (why == NULL), accept ? "SUCCESS" : "FAILURE", why ? why : "SUCCESS");
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void run_paths(pack *p)
{
    enum { FILES_MAX = 256 };
    char *names[FILES_MAX], folder[4096];
    int n = 0;
    snprintf(folder, sizeof folder, "%s/path-validation", p->folder);
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && n < FILES_MAX && (e = readdir(dir));) {
        if (pol_bytes_ends(pol_bytes_text(e->d_name), POL_BYTES(".json")))
            names[n++] = strdup(e->d_name);
    }
    if (dir)
        closedir(dir);
    qsort(names, (size_t)n, sizeof *names, compare_names);
    for (int i = 0; i < n; i++) {
        char name[600];
        snprintf(name, sizeof name, "path-validation/%.500s", names[i]);
        pol_value cases = pack_read(p, name);
        for (uint32_t k = 0; cases.tag == POL_ARRAY && k < cases.n; k++)
            run_path(p, pol_element(cases, k));
        free(names[i]);
    }
}

/* ---- SPIFFE ---- */

static void run_ids(pack *p)
{
    pol_value cases = pack_read(p, "spiffe-ids.json");
    for (uint32_t i = 0; cases.tag == POL_ARRAY && i < cases.n; i++) {
        pol_value c = pol_element(cases, i);
        pol_bytes trust_domain, path;
        bool ok = pol_spiffe_parse(get_text(c, "spiffe_id"), &trust_domain, &path);
        const char *why = ok ? NULL : "no SPIFFE ID";
        if (ok && pol_is_true(get(c, "valid")) &&
            !(pol_bytes_equal(trust_domain, get_text(c, "trust_domain")) && pol_bytes_equal(path, get_text(c, "path"))))
            why = "another trust domain or path";
        judge(p, c, why);
    }
}

static const char *check_svid(pack *p, pol_value c)
{
    char id[POL_SPIFFE_ID_MAX + 1];
    pol_bytes trust_domain, path;
    X509 *leaf = read_cert(get(c, "peer_certificate"));
    if (!leaf)
        return pol_reason_cert_malformed;
    const char *why = pol_svid_check(leaf, id);
    X509_free(leaf);
    if (why)
        return why;
    if (!pol_spiffe_parse(pol_bytes_text(id), &trust_domain, &path))
        return pol_reason_svid_id;
    /* the bundle of the id's own trust domain, and no other */
    pol_value bundle = pol_object_get(get(c, "bundles"), pol_string_copy(&p->arena, trust_domain));
    X509_STORE *store = read_store(bundle, pol_undefined());
    why = verify_path(c, store, "clientAuth", false, -1);
    X509_STORE_free(store);
    if (!why && pol_is_defined(get(c, "spiffe_id")) && !pol_bytes_is(get_text(c, "spiffe_id"), id))
        why = "another id";
    return why;
}

static void run_svids(pack *p)
{
    pol_value cases = pack_read(p, "spiffe-svids.json");
    for (uint32_t i = 0; cases.tag == POL_ARRAY && i < cases.n; i++) {
        pol_value c = pol_element(cases, i);
        judge(p, c, check_svid(p, c));
    }
}

/* ---- XFCC ---- */

static void run_xfcc(pack *p)
{
    pol_value cases = pack_read(p, "xfcc.json");
    for (uint32_t i = 0; cases.tag == POL_ARRAY && i < cases.n; i++) {
        pol_value c = pol_element(cases, i), elements;
        pol_value header = get(c, "header");
        /* the header as it was on the wire: a character above U+007F stands for one byte */
        uint8_t *wire = pol_arena_alloc(&p->arena, header.n + 1);
        size_t n = 0;
        for (size_t at = 0; at < header.n;) {
            uint32_t ch = pol_utf8_next(pol_text(header), &at);
            wire[n++] = (uint8_t)ch;
        }
        const char *why = pol_xfcc_parse(&p->arena, pol_bytes_of(wire, n), &elements);
        if (!why && pol_is_defined(get(c, "elements")) && !pol_equal(elements, get(c, "elements")))
            why = "other elements";
        judge(p, c, why);
    }
}

int main(int argc, char **argv)
{
    pack p;
    if (!pack_start(&p, argc, argv))
        return pack_usage("x509-vectors");
    run_paths(&p);
    run_ids(&p);
    run_svids(&p);
    run_xfcc(&p);
    return pack_finish(&p);
}
