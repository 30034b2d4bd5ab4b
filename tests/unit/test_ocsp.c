/* SPDX-License-Identifier: Apache-2.0
 * OCSP responses: whose signature counts, for which certificate, when, and what makes one refused.
 */
#include "runtime/identity/ocsp.h"
#include "tests/unit/identity_fixture.h"

#include <openssl/ocsp.h>

enum { DAY = 86400, MINUTE = 60 };

static EVP_PKEY *ca_key, *responder_key, *leaf_key, *stranger_key;
static X509 *ca, *leaf, *responder, *no_usage, *expired, *stranger, *strangers_responder;

static X509 *issue(const char *subject, const char *usage, int64_t to_s, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
    return make_cert(&(cert_plan){.subject = subject, .usage = usage, .from_s = -2 * DAY, .to_s = to_s}, key, issuer, issuer_key);
}

static int make_all(void **state)
{
    (void)state;
    ca_key = make_ec_key();
    responder_key = make_ec_key();
    leaf_key = make_ec_key();
    stranger_key = make_ec_key();
    cert_plan root = {.subject = "CA", .ca = true, .from_s = -2 * DAY, .to_s = 9 * DAY};
    ca = make_cert(&root, ca_key, NULL, NULL);
    stranger = make_cert(&root, stranger_key, NULL, NULL); /* of the same name */
    leaf = issue("leaf", NULL, DAY, leaf_key, ca, ca_key);
    responder = issue("responder", "OCSPSigning", DAY, responder_key, ca, ca_key);
    no_usage = issue("no usage", "clientAuth", DAY, responder_key, ca, ca_key);
    expired = issue("expired", "OCSPSigning", -DAY, responder_key, ca, ca_key);
    strangers_responder = issue("responder", "OCSPSigning", DAY, responder_key, stranger, stranger_key);
    return 0;
}

static int free_all(void **state)
{
    (void)state;
    X509 *certs[] = {ca, leaf, responder, no_usage, expired, stranger, strangers_responder};
    EVP_PKEY *keys[] = {ca_key, responder_key, leaf_key, stranger_key};
    for (size_t i = 0; i < sizeof certs / sizeof *certs; i++)
        X509_free(certs[i]);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        EVP_PKEY_free(keys[i]);
    return 0;
}

typedef enum { BY_CA, BY_RESPONDER, BY_NO_USAGE, BY_EXPIRED, BY_STRANGER, BY_STRANGERS_RESPONDER, BY_LEAF } signer;

typedef struct {
    signer by;
    int status;         /* V_OCSP_CERTSTATUS_... */
    int64_t from_s, to_s; /* offsets from NOW_S; to_s 0: no nextUpdate */
    bool sha1, about_other, critical;
    const char *nonce;  /* NULL: none */
    int then;           /* a second answer with this status, plus 1; 0: none */
    int error;          /* a response status other than successful */
} response_plan;

static void add_answer(OCSP_BASICRESP *basic, const response_plan *p, int status)
{
    ASN1_INTEGER *serial = ASN1_INTEGER_dup(X509_get0_serialNumber(leaf));
    if (p->about_other)
        ASN1_INTEGER_set(serial, 4712);
    OCSP_CERTID *id = OCSP_cert_id_new(EVP_sha1(), X509_get_subject_name(ca), X509_get0_pubkey_bitstr(ca), serial);
    ASN1_INTEGER_free(serial);
    ASN1_TIME *from = ASN1_GENERALIZEDTIME_set(NULL, NOW_S + p->from_s), *to = p->to_s ? ASN1_GENERALIZEDTIME_set(NULL, NOW_S + p->to_s) : NULL;
    OCSP_SINGLERESP *single = OCSP_basic_add1_status(basic, id, status, 0, from, from, to);
    assert_non_null(single);
    if (p->critical)
        assert_int_equal(OCSP_SINGLERESP_add1_ext_i2d(single, NID_id_pkix_OCSP_archiveCutoff, from, 1, 0), 1);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
}

static void make_response(const response_plan *p, pol_buf *out)
{
    X509 *const certs[] = {ca, responder, no_usage, expired, stranger, strangers_responder, leaf};
    EVP_PKEY *const keys[] = {ca_key, responder_key, responder_key, responder_key, stranger_key, responder_key, leaf_key};
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    add_answer(basic, p, p->status);
    if (p->then)
        add_answer(basic, p, p->then - 1);
    if (p->nonce)
        OCSP_basic_add1_nonce(basic, (unsigned char *)(uintptr_t)p->nonce, (int)strlen(p->nonce));
    assert_int_equal(OCSP_basic_sign(basic, certs[p->by], keys[p->by], p->sha1 ? EVP_sha1() : EVP_sha256(), NULL, 0), 1);
    OCSP_RESPONSE *response = OCSP_response_create(p->error, p->error ? NULL : basic);
    unsigned char *der = NULL;
    int n = i2d_OCSP_RESPONSE(response, &der);
    assert_true(n > 0);
    pol_buf_add(out, der, (size_t)n);
    OPENSSL_free(der);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
}

static const char good_nonce[] = "0123456789abcdef";

static const char *judge(const response_plan *p, bool nonce_required, pol_ocsp_answer *answer)
{
    pol_buf der = {0};
    pol_ocsp_nonce nonce = {.sent = pol_bytes_text(good_nonce), .required = nonce_required};
    make_response(p, &der);
    const char *why = pol_ocsp_judge(pol_buf_view(&der), leaf, ca, &nonce, NOW_S, answer);
    pol_buf_deinit(&der);
    return why ? why : "counts";
}

static const char unsigned_text[] = "the response is not signed by the issuer or by a responder it has certified for that";
static const char stale_text[] = "the response is no longer current";

static void only_current_answers_of_the_right_signer_count(void **state)
{
    (void)state;
    static const struct {
        response_plan plan;
        const char *want;
    } rows[] = {
        {{.by = BY_CA, .from_s = -1, .to_s = 1}, "counts"},
        {{.by = BY_RESPONDER, .from_s = -1, .to_s = 1}, "counts"},
        {{.by = BY_NO_USAGE, .from_s = -1, .to_s = 1}, unsigned_text},
        {{.by = BY_EXPIRED, .from_s = -1, .to_s = 1}, unsigned_text},
        {{.by = BY_STRANGER, .from_s = -1, .to_s = 1}, unsigned_text},
        {{.by = BY_STRANGERS_RESPONDER, .from_s = -1, .to_s = 1}, unsigned_text},
        {{.by = BY_LEAF, .from_s = -1, .to_s = 1}, unsigned_text},
        {{.by = BY_RESPONDER, .from_s = -1, .to_s = 1, .sha1 = true}, "the response is signed with a digest that is too weak"},
        {{.by = BY_RESPONDER, .from_s = -1, .to_s = 1, .about_other = true}, "the response is about another certificate"},
        {{.by = BY_RESPONDER, .from_s = -1, .to_s = 1, .critical = true}, "the response has a critical extension that is not known"},
        {{.by = BY_RESPONDER, .from_s = 300, .to_s = 900}, "counts"},
        {{.by = BY_RESPONDER, .from_s = 301, .to_s = 900}, "the response is from the future"},
        {{.by = BY_RESPONDER, .from_s = -MINUTE, .to_s = -1}, stale_text},
        {{.by = BY_RESPONDER, .from_s = 200, .to_s = 100}, stale_text},
        {{.by = BY_RESPONDER, .from_s = -DAY + 1}, "counts"},
        {{.by = BY_RESPONDER, .from_s = -DAY}, stale_text},
        {{.by = BY_RESPONDER, .error = OCSP_RESPONSE_STATUS_TRYLATER}, "the responder answers with an error"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pol_ocsp_answer answer;
        const char *got = judge(&rows[i].plan, false, &answer);
        if (strcmp(got, rows[i].want) != 0)
            fail_msg("row %zu: %s", i, got);
        assert_int_equal(answer.status, strcmp(got, "counts") == 0 ? POL_OCSP_GOOD : POL_OCSP_UNKNOWN);
    }
}

static void what_is_said_is_read(void **state)
{
    (void)state;
    pol_ocsp_answer answer;
    assert_string_equal(judge(&(response_plan){.by = BY_CA, .status = V_OCSP_CERTSTATUS_REVOKED, .from_s = -5, .to_s = 7}, false, &answer), "counts");
    assert_int_equal(answer.status, POL_OCSP_REVOKED);
    assert_int_equal(answer.this_update_s, NOW_S - 5);
    assert_int_equal(answer.next_update_s, NOW_S + 7);
    assert_string_equal(judge(&(response_plan){.by = BY_CA, .status = V_OCSP_CERTSTATUS_UNKNOWN, .from_s = -5}, false, &answer), "counts");
    assert_int_equal(answer.status, POL_OCSP_UNKNOWN);
    assert_int_equal(answer.next_update_s, 0);
}

/* In whichever order they stand. */
static void a_revocation_outweighs_other_answers(void **state)
{
    (void)state;
    static const int worst[3][3] = {{POL_OCSP_GOOD, POL_OCSP_REVOKED, POL_OCSP_UNKNOWN},
                                    {POL_OCSP_REVOKED, POL_OCSP_REVOKED, POL_OCSP_REVOKED},
                                    {POL_OCSP_UNKNOWN, POL_OCSP_REVOKED, POL_OCSP_UNKNOWN}};
    for (int first = 0; first < 3; first++) {
        for (int second = 0; second < 3; second++) {
            pol_ocsp_answer answer;
            assert_string_equal(judge(&(response_plan){.by = BY_CA, .status = first, .then = second + 1, .from_s = -1, .to_s = 9}, false, &answer), "counts");
            assert_int_equal(answer.status, worst[first][second]);
        }
    }
}

static void a_nonce_is_the_one_that_was_sent(void **state)
{
    (void)state;
    pol_ocsp_answer answer;
    response_plan plan = {.by = BY_RESPONDER, .from_s = -1, .to_s = 9};
    assert_string_equal(judge(&plan, true, &answer), "the response has no nonce");
    plan.nonce = good_nonce;
    assert_string_equal(judge(&plan, true, &answer), "counts");
    assert_string_equal(judge(&plan, false, &answer), "counts");
    plan.nonce = "0123456789abcdeg";
    assert_string_equal(judge(&plan, false, &answer), "the response has another nonce");
    plan.nonce = "0123456789abcde";
    assert_string_equal(judge(&plan, false, &answer), "the response has another nonce");
}

static void a_changed_response_counts_nothing(void **state)
{
    (void)state;
    pol_buf der = {0};
    pol_ocsp_nonce nonce = {0};
    pol_ocsp_answer answer;
    make_response(&(response_plan){.by = BY_CA, .from_s = -1, .to_s = 9}, &der);
    assert_null(pol_ocsp_judge(pol_buf_view(&der), leaf, ca, &nonce, NOW_S, &answer));
    for (size_t i = 0; i < der.n; i++) {
        der.at[i] ^= 0x04;
        const char *why = pol_ocsp_judge(pol_buf_view(&der), leaf, ca, &nonce, NOW_S, &answer);
        der.at[i] ^= 0x04;
        /* certificates sent along are not signed, and not needed where the issuer signs */
        if (!why)
            assert_int_equal(answer.status, POL_OCSP_GOOD);
        assert_non_null(pol_ocsp_judge(pol_bytes_of(der.at, i), leaf, ca, &nonce, NOW_S, &answer));
    }
    pol_buf_byte(&der, 0);
    assert_string_equal(pol_ocsp_judge(pol_buf_view(&der), leaf, ca, &nonce, NOW_S, &answer), "it is no OCSP response");
    pol_buf_deinit(&der);
}

static void a_request_names_the_certificate(void **state)
{
    (void)state;
    pol_buf der = {0};
    assert_true(pol_ocsp_request(leaf, ca, pol_bytes_text(good_nonce), &der));
    const unsigned char *at = der.at;
    OCSP_REQUEST *request = d2i_OCSP_REQUEST(NULL, &at, (long)der.n);
    assert_non_null(request);
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), leaf, ca);
    assert_int_equal(OCSP_request_onereq_count(request), 1);
    assert_int_equal(OCSP_id_cmp(OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, 0)), id), 0);
    assert_true(OCSP_REQUEST_get_ext_by_NID(request, NID_id_pkix_OCSP_Nonce, -1) >= 0);
    OCSP_CERTID_free(id);
    OCSP_REQUEST_free(request);
    pol_buf_deinit(&der);
    assert_null(pol_ocsp_url(leaf));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_current_answers_of_the_right_signer_count),
        cmocka_unit_test(what_is_said_is_read),
        cmocka_unit_test(a_revocation_outweighs_other_answers),
        cmocka_unit_test(a_nonce_is_the_one_that_was_sent),
        cmocka_unit_test(a_changed_response_counts_nothing),
        cmocka_unit_test(a_request_names_the_certificate),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
