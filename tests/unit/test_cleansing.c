/* SPDX-License-Identifier: Apache-2.0
 * Memory that held a private or symmetric key is cleansed before it is given back: every block that is freed while keys are read, used and dropped is searched for them,
 * as bytes and as the text that they came in. Under the address sanitizer by its hook, else by taking free's place.
 */
#include "tests/unit/identity_fixture.h"

#include <malloc.h>
#include <openssl/rsa.h>

static bool armed;
static unsigned n_searched, n_found;
static uint8_t needles[8][64];
static size_t needle_sizes[8];
static unsigned n_needles;

static void search(const volatile void *block, size_t n)
{
    if (!armed || !block)
        return;
    armed = false; /* what is called here may free */
    n_searched++;
    for (unsigned i = 0; i < n_needles; i++)
        n_found += n >= needle_sizes[i] && memmem((const void *)(uintptr_t)block, n, needles[i], needle_sizes[i]) != NULL;
    armed = true;
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_allocated_size(const volatile void *p);
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t), void (*on_free)(const volatile void *));

static void ignore_malloc(const volatile void *p, size_t n)
{
    (void)p;
    (void)n;
}

static void on_free(const volatile void *p)
{
    search(p, p ? __sanitizer_get_allocated_size(p) : 0);
}

static void hook_free(void)
{
    __sanitizer_install_malloc_and_free_hooks(ignore_malloc, on_free);
}
#else
extern void __libc_free(void *p);

__attribute__((visibility("default"))) void free(void *p)
{
    search(p, p ? malloc_usable_size(p) : 0);
    __libc_free(p);
}

extern void *__libc_realloc(void *p, size_t n);

__attribute__((visibility("default"))) void *realloc(void *p, size_t n)
{
    unsigned before = n_found;
    search(p, p ? malloc_usable_size(p) : 0);
    unsigned after = n_found;
    void *moved = __libc_realloc(p, n);
    n_found = moved == p ? before : after;
    return moved;
}

static void hook_free(void)
{
}
#endif

static void look_for(const void *bytes, size_t n)
{
    needle_sizes[n_needles] = n < sizeof needles[0] ? n : sizeof needles[0];
    memcpy(needles[n_needles], bytes, needle_sizes[n_needles]);
    n_needles++;
}

/* The number as a member of a JWK, and as what is searched for: its text and its bytes in either order, without the ends. */
static void put_secret(pol_buf *jwk, const char *name, const uint8_t *bytes, size_t n)
{
    uint8_t text[1024], reversed[32];
    size_t n_text = pol_base64_encode(text, pol_bytes_of(bytes, n), POL_BASE64URL);
    pol_buf_printf(jwk, ",\"%s\":\"%.*s\"", name, (int)n_text, text);
    look_for(text, n_text < 40 ? n_text : 40);
    look_for(bytes + 4, 24);
    for (size_t i = 0; i < 24; i++) /* as numbers are kept on this machine */
        reversed[i] = bytes[n - 5 - i];
    look_for(reversed, 24);
}

static void put_number(pol_buf *jwk, const char *name, const BIGNUM *number, int size, bool is_secret)
{
    uint8_t bytes[600], text[1024];
    int n = size ? size : BN_num_bytes(number);
    assert_int_equal(BN_bn2binpad(number, bytes, n), n);
    if (is_secret)
        put_secret(jwk, name, bytes, (size_t)n);
    else
        pol_buf_printf(jwk, ",\"%s\":\"%.*s\"", name, (int)pol_base64_encode(text, pol_bytes_of(bytes, (size_t)n), POL_BASE64URL), text);
}

static void put_param(pol_buf *jwk, const char *name, EVP_PKEY *key, const char *param, int size, bool is_secret)
{
    BIGNUM *number = NULL;
    assert_int_equal(EVP_PKEY_get_bn_param(key, param, &number), 1);
    put_number(jwk, name, number, size, is_secret);
    BN_clear_free(number);
}

static void make_rsa(pol_buf *jwk)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    pol_buf_text(jwk, "{\"kty\":\"RSA\",\"alg\":\"PS256\"");
    put_param(jwk, "n", key, OSSL_PKEY_PARAM_RSA_N, 0, false);
    put_param(jwk, "e", key, OSSL_PKEY_PARAM_RSA_E, 0, false);
    put_param(jwk, "d", key, OSSL_PKEY_PARAM_RSA_D, 0, true);
    put_param(jwk, "p", key, OSSL_PKEY_PARAM_RSA_FACTOR1, 0, true);
    put_param(jwk, "q", key, OSSL_PKEY_PARAM_RSA_FACTOR2, 0, false);
    put_param(jwk, "dp", key, OSSL_PKEY_PARAM_RSA_EXPONENT1, 0, false);
    put_param(jwk, "dq", key, OSSL_PKEY_PARAM_RSA_EXPONENT2, 0, false);
    put_param(jwk, "qi", key, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, 0, false);
    EVP_PKEY_free(key);
}

static void make_ec(pol_buf *jwk)
{
    EVP_PKEY *key = make_ec_key();
    pol_buf_text(jwk, "{\"kty\":\"EC\",\"crv\":\"P-256\"");
    put_param(jwk, "x", key, OSSL_PKEY_PARAM_EC_PUB_X, 32, false);
    put_param(jwk, "y", key, OSSL_PKEY_PARAM_EC_PUB_Y, 32, false);
    put_param(jwk, "d", key, OSSL_PKEY_PARAM_PRIV_KEY, 32, true);
    EVP_PKEY_free(key);
}

static void make_okp(pol_buf *jwk)
{
    uint8_t bytes[32], text[44];
    size_t n = sizeof bytes;
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    EVP_PKEY_get_raw_public_key(key, bytes, &n);
    pol_buf_printf(jwk, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%.*s\"", (int)pol_base64_encode(text, pol_bytes_of(bytes, n), POL_BASE64URL), text);
    EVP_PKEY_get_raw_private_key(key, bytes, &n);
    put_secret(jwk, "d", bytes, n);
    EVP_PKEY_free(key);
}

static void make_oct(pol_buf *jwk)
{
    uint8_t bytes[64];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37 + 11);
    pol_buf_text(jwk, "{\"kty\":\"oct\"");
    put_secret(jwk, "k", bytes, sizeof bytes);
}

/* The JWK as a value that borrows its text: what the text is in is the caller's to cleanse. */
static void read_and_drop(const pol_buf *jwk, const char *alg)
{
    pol_arena arena;
    pol_value v;
    pol_key key;
    pol_error err;
    const char *why;
    uint8_t signature[POL_SIGNATURE_MAX];
    size_t n;
    pol_json_options borrow = {.borrow = true};
    pol_arena_init(&arena, 0);
    assert_true(pol_json_read(&arena, pol_buf_view(jwk), &borrow, &v, &err));
    armed = true;
    bool read = pol_jwk_read(v, POL_JWK_PRIVATE, &key, &why);
    bool made = read && pol_sign(&key, pol_alg_find(pol_bytes_text(alg)), POL_BYTES("text"), signature, &n);
    pol_key_deinit(&key);
    armed = false;
    pol_arena_deinit(&arena);
    assert_true(read);
    assert_true(made);
}

static void private_keys_leave_nothing_behind(void **state)
{
    (void)state;
    static const struct {
        void (*make)(pol_buf *jwk);
        const char *alg;
    } rows[] = {{make_rsa, "PS256"}, {make_ec, "ES256"}, {make_okp, "EdDSA"}, {make_oct, "HS256"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pol_buf jwk = {0};
        n_needles = n_found = n_searched = 0;
        rows[i].make(&jwk);
        pol_buf_byte(&jwk, '}');
        hook_free();
        read_and_drop(&jwk, rows[i].alg);
        assert_true(n_searched > 0);
        if (n_found)
            fail_msg("%s: %u blocks that were given back had the key in them", rows[i].alg, n_found);
        pol_buf_deinit(&jwk);
    }
}

static void secrets_of_a_key_file_leave_nothing_behind(void **state)
{
    (void)state;
    char path[64];
    pol_buf jwk = {0}, file = {0};
    pol_jwks *keys;
    pol_error err;
    n_needles = n_found = n_searched = 0;
    make_oct(&jwk);
    pol_buf_printf(&file, "{\"keys\":[%s,\"padding\":\"%0*d\"}]}", (const char *)jwk.at, 9000, 0);
    write_file(path, pol_buf_view(&file));
    hook_free();
    armed = true;
    bool read = pol_jwks_file_read(path, &keys, &err);
    if (read)
        pol_jwks_free(keys);
    armed = false;
    assert_true(read);
    assert_true(n_searched > 0);
    assert_int_equal(n_found, 0);
    unlink(path);
    pol_buf_deinit(&jwk);
    pol_buf_deinit(&file);
}

static void the_search_finds_what_is_there(void **state)
{
    (void)state;
    n_needles = n_found = 0;
    look_for("a secret that is long enough", 28);
    hook_free();
    armed = true;
    char *block = malloc(100);
    memcpy(block + 10, "a secret that is long enough", 28);
    /* so that the write is not left out */
    __asm__ volatile("" : : "r"(block) : "memory");
    free(block);
    armed = false;
    assert_int_equal(n_found, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_search_finds_what_is_there),
        cmocka_unit_test(private_keys_leave_nothing_behind),
        cmocka_unit_test(secrets_of_a_key_file_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
