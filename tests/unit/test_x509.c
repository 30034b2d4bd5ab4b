/* SPDX-License-Identifier: Apache-2.0
 * Paths, leaves and SVIDs: what OpenSSL alone would take, and what it would miss.
 */
#include "tests/unit/identity_fixture.h"

enum { DAY = 86400 };

static pol_arena arena;
static EVP_PKEY *root_key, *ca_key, *leaf_key;
static X509 *root;
static X509_STORE *store;

static X509 *issue(const char *subject, const char *san, bool ca, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
    return make_cert(&(cert_plan){.subject = subject, .san = san, .ca = ca, .from_s = -DAY, .to_s = DAY}, key, issuer, issuer_key);
}

static int make_all(void **state)
{
    (void)state;
    pol_arena_init(&arena, 0);
    root_key = make_ec_key();
    ca_key = make_ec_key();
    leaf_key = make_ec_key();
    root = issue("Root", NULL, true, root_key, NULL, NULL);
    store = X509_STORE_new();
    X509_STORE_add_cert(store, root);
    return 0;
}

static int free_all(void **state)
{
    (void)state;
    X509_STORE_free(store);
    X509_free(root);
    EVP_PKEY_free(root_key);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(leaf_key);
    pol_arena_deinit(&arena);
    return 0;
}

/* Takes over leaf and the certificates of rest. */
static const char *verify(X509 *leaf, STACK_OF(X509) *rest, unsigned *length)
{
    pol_chain chain = {.leaf = leaf, .rest = rest};
    pol_path_rules rules = {.roots = store, .purpose = "clientAuth", .max_depth = -1};
    pol_path path;
    const char *why = pol_path_verify(&chain, &rules, NOW_S, &path);
    if (length)
        *length = (unsigned)sk_X509_num(path.certs);
    pol_path_deinit(&path);
    pol_chain_deinit(&chain);
    return why ? why : "ok";
}

static void a_good_leaf_verifies(void **state)
{
    (void)state;
    unsigned length = 0;
    assert_string_equal(verify(issue("leaf", "DNS:*.a.example,email:a@b.example,URI:https://[::1]:8/x,IP:10.0.0.1", false, leaf_key, root, root_key),
                               NULL, &length), "ok");
    assert_int_equal(length, 2);
}

static void a_second_issuer_of_one_name_is_tried(void **state)
{
    (void)state;
    /* the same name and key: the first certificate has expired, the second has not */
    X509 *old = make_cert(&(cert_plan){.subject = "CA", .ca = true, .from_s = -2 * DAY, .to_s = -DAY}, ca_key, root, root_key);
    X509 *new = issue("CA", NULL, true, ca_key, root, root_key);
    for (int order = 0; order < 2; order++) {
        STACK_OF(X509) *rest = sk_X509_new_null();
        unsigned length = 0;
        X509_up_ref(old);
        X509_up_ref(new);
        sk_X509_push(rest, order ? old : new);
        sk_X509_push(rest, order ? new : old);
        assert_string_equal(verify(issue("leaf", NULL, false, leaf_key, new, ca_key), rest, &length), "ok");
        assert_int_equal(length, 3);
    }
    STACK_OF(X509) *rest = sk_X509_new_null();
    sk_X509_push(rest, old);
    assert_string_equal(verify(issue("leaf", NULL, false, leaf_key, new, ca_key), rest, NULL), "cert_expired");
    X509_free(new);
}

static void a_ca_is_no_leaf(void **state)
{
    (void)state;
    X509 *ca = issue("CA", NULL, true, ca_key, root, root_key);
    assert_string_not_equal(verify(ca, NULL, NULL), "ok");
}

static void malformed_names_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"DNS:a..b", "DNS:a.*.b", "DNS:a b", "DNS:.a", "email:a", "email:a@b@c", "URI:http://a:b/", "URI:http://a b/"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *got = verify(issue("leaf", names[i], false, leaf_key, root, root_key), NULL, NULL);
        if (strcmp(got, "cert_malformed") != 0)
            fail_msg("%s: %s", names[i], got);
    }
}

static void chains_hold_certificates_only(void **state)
{
    (void)state;
    pol_chain chain;
    pol_buf pem = {0};
    pol_buf_bytes(&pem, to_pem(&arena, root));
    size_t one = pem.n;
    assert_true(pol_chain_read(pol_buf_view(&pem), &chain));
    assert_int_equal(sk_X509_num(chain.rest), 0);
    pol_chain_deinit(&chain);
    for (int i = 1; i < 16; i++)
        pol_buf_bytes(&pem, to_pem(&arena, root));
    assert_true(pol_chain_read(pol_buf_view(&pem), &chain));
    assert_int_equal(sk_X509_num(chain.rest), 15);
    pol_chain_deinit(&chain);
    pol_buf_bytes(&pem, to_pem(&arena, root));
    assert_false(pol_chain_read(pol_buf_view(&pem), &chain));
    pem.n = one;
    pol_buf_text(&pem, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    assert_false(pol_chain_read(pol_buf_view(&pem), &chain));
    pem.n = one - 30;
    assert_false(pol_chain_read(pol_buf_view(&pem), &chain));
    assert_false(pol_chain_read(POL_BYTES(""), &chain));
    assert_null(chain.leaf);
    pol_buf_deinit(&pem);
}

static void an_svid_has_one_id_with_a_path(void **state)
{
    (void)state;
    static const struct {
        const char *san, *want;
    } rows[] = {
        {"URI:spiffe://acme.example/api", "ok"},
        {"URI:spiffe://acme.example/api,DNS:a.example", "ok"},
        {"URI:spiffe://acme.example", "svid_id"},
        {"URI:spiffe://acme.example/api,URI:https://a.example", "svid_uri_count"},
        {"DNS:a.example", "svid_uri_count"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char id[POL_SPIFFE_ID_MAX + 1];
        X509 *leaf = issue("leaf", rows[i].san, false, leaf_key, root, root_key);
        const char *why = pol_svid_check(leaf, id);
        assert_string_equal(why ? why : "ok", rows[i].want);
        if (!why)
            assert_string_equal(id, "spiffe://acme.example/api");
        X509_free(leaf);
    }
    char id[POL_SPIFFE_ID_MAX + 1];
    X509 *ca = issue("CA", "URI:spiffe://acme.example/api", true, ca_key, root, root_key);
    assert_string_equal(pol_svid_check(ca, id), "svid_ca");
    X509_free(ca);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_leaf_verifies),
        cmocka_unit_test(a_second_issuer_of_one_name_is_tried),
        cmocka_unit_test(a_ca_is_no_leaf),
        cmocka_unit_test(malformed_names_are_refused),
        cmocka_unit_test(chains_hold_certificates_only),
        cmocka_unit_test(an_svid_has_one_id_with_a_path),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
