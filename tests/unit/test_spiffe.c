/* SPDX-License-Identifier: Apache-2.0
 * SPIFFE IDs and the X-Forwarded-Client-Cert header as text.
 */
#include "runtime/identity/spiffe.h"
#include "runtime/identity/xfcc.h"
#include "tests/unit/identity_fixture.h"

static pol_arena arena;

static void an_id_has_a_trust_domain_and_a_path(void **state)
{
    (void)state;
    pol_bytes trust_domain, path;
    assert_true(pol_spiffe_parse(POL_BYTES("spiffe://acme.example/ns/prod/Api_1"), &trust_domain, &path));
    assert_true(pol_bytes_is(trust_domain, "acme.example"));
    assert_true(pol_bytes_is(path, "/ns/prod/Api_1"));
    assert_true(pol_spiffe_parse(POL_BYTES("spiffe://acme"), &trust_domain, &path));
    assert_int_equal(path.n, 0);
}

static void what_needs_normalising_is_no_id(void **state)
{
    (void)state;
    static const char *const ids[] = {"", "spiffe://", "spiffe:///a", "SPIFFE://a/b", "spiffe://A/b", "spiffe://a/", "spiffe://a//b",
                                      "spiffe://a/./b", "spiffe://a/..", "spiffe://a/b/", "spiffe://a:1/b", "spiffe://u@a/b",
                                      "spiffe://a/b?c", "spiffe://a/b#c", "spiffe://a/%62", "spiffe://a/b c", "https://a/b"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        pol_bytes trust_domain, path;
        if (pol_spiffe_parse(pol_bytes_text(ids[i]), &trust_domain, &path))
            fail_msg("%s was taken", ids[i]);
    }
    assert_true(pol_spiffe_claimed(POL_BYTES("Spiffe:x")));
    assert_false(pol_spiffe_claimed(POL_BYTES("https://a")));
}

#define H1 "1111111111111111111111111111111111111111111111111111111111111111"
#define HA "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define ha "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void xfcc_elements_are_read(void **state)
{
    (void)state;
    pol_value elements;
    assert_null(pol_xfcc_parse(&arena, POL_BYTES("By=x;by=y;hash=" HA ";Subject=\"CN=a;b,c\\\"\\\\\";URI= , DNS=d;DNS=e"), &elements));
    assert_json(elements, "[{\"by\":[\"x\",\"y\"],\"hash\":\"" ha "\",\"subject\":\"CN=a;b,c\\\"\\\\\",\"uri\":[\"\"]},{\"dns\":[\"d\",\"e\"]}]");
}

static void a_defect_refuses_the_whole_header(void **state)
{
    (void)state;
    static const char *const headers[] = {"", " ", ",", "Hash=" H1 ",", "Hash=" H1 ";", "Hash=" H1 ";Hash=" H1, "Hash=1", "Foo=1", "=1", "Hash",
                                          "Hash=" H1 ";Subject=\"a", "Hash=" H1 ";Subject=\"a\"b", "Subject=\"a\\x\"", "URI=a b",
                                          "URI=a; DNS=b", "URI=a\tb", "Subject=\"a\tb\"", "URI=a\nDNS=b", "Cert=\"abc\"", "Cert=\"%\"", "Cert=\"%0\"", "Subject=\"\xff\""};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        pol_value elements;
        if (!pol_xfcc_parse(&arena, pol_bytes_text(headers[i]), &elements))
            fail_msg("%s was taken", headers[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_has_a_trust_domain_and_a_path),
        cmocka_unit_test(what_needs_normalising_is_no_id),
        cmocka_unit_test(xfcc_elements_are_read),
        cmocka_unit_test(a_defect_refuses_the_whole_header),
    };
    pol_arena_init(&arena, 0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pol_arena_deinit(&arena);
    return failed;
}
