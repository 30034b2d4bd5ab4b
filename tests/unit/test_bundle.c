/* SPDX-License-Identifier: Apache-2.0
 * Bundles made by hand: written, opened, signed, damaged; and their values, found by index and by order.
 */
#include "compiler/image.h"
#include "runtime/builtin.h"
#include "runtime/bundle.h"
#include "runtime/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

static const pol_place nowhere = {.row = 1, .col = 1};

/* An image whose entry "p/x" is data.<key>, taken by instructions from a constant. */
static void make_image(pol_arena *arena, pol_value data, pol_image *image)
{
    static const char *files[] = {"p.rego"};
    pol_image_function *fn = POL_NEW(arena, pol_image_function);
    pol_value *constants = POL_NEW_ARRAY(arena, pol_value, 2);
    constants[0] = data;
    constants[1] = pol_string_text("key500");
    const pol_insn code[] = {
        {.op = POL_OP_CONST, .a = 0, .j = 0},
        {.op = POL_OP_GETK, .a = 1, .b = 0, .c = 1, .j = 1},
        {.op = POL_OP_RETURN, .a = 1},
        {.op = POL_OP_FAIL},
    };
    pol_place *places = POL_NEW_ARRAY(arena, pol_place, 4);
    for (int i = 0; i < 4; i++)
        places[i] = nowhere;
    *fn = (pol_image_function){.name = "data.p.x", .n_registers = 2, .memoised = true, .places = places, .n_code = 4, .constants = constants,
                               .n_constants = 2, .place = nowhere};
    fn->code = POL_NEW_ARRAY(arena, pol_insn, 4);
    memcpy(fn->code, code, sizeof code);
    pol_image_entry *entry = POL_NEW(arena, pol_image_entry);
    *entry = (pol_image_entry){"p/x", 0};
    *image = (pol_image){.functions = fn, .n_functions = 1, .entries = entry, .n_entries = 1, .files = files, .n_files = 1, .data = data,
                         .manifest = pol_empty(POL_OBJECT)};
}

/* {"key0": 0, ...}: enough members for an index, with every kind of value among them. */
static pol_value make_data(pol_arena *arena)
{
    pol_builder b = pol_builder_new(arena);
    for (int i = 0; i < 1000; i++)
        pol_builder_put(&b, pol_string_printf(arena, "key%d", i), pol_int(i));
    pol_value v;
    pol_error err;
    assert_true(pol_json_read(arena, POL_BYTES("[null, true, 1.5, 12345678901234567890123, \"\", \"a\", [], {}, {\"a\": [[1]]}]"), NULL, &v, &err));
    pol_builder_put(&b, pol_string_text("values"), v);
    return pol_builder_object(&b);
}

static void make_bundle(pol_buf *out)
{
    pol_arena arena;
    pol_image image;
    pol_error err;
    pol_arena_init(&arena, 0);
    make_image(&arena, make_data(&arena), &image);
    assert_true(pol_bundle_write(&image, out, &err));
    pol_arena_deinit(&arena);
}

static pol_value ask(pol_eval *ev, const pol_bundle *bundle, const char *path)
{
    pol_value v;
    pol_error err;
    pol_eval_begin(ev, bundle);
    pol_arena *arena = pol_eval_arena(ev);
    pol_entry entry = pol_bundle_entry(bundle, arena, pol_path_split(arena, pol_bytes_text(path)));
    assert_true(pol_eval_run(ev, entry, pol_undefined(), &v, &err));
    return v;
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    pol_buf bytes = {0}, text = {0};
    pol_bundle *bundle;
    pol_error err;
    make_bundle(&bytes);
    assert_true(pol_bundle_from_bytes(pol_buf_view(&bytes), NULL, &bundle, &err));
    pol_eval *ev = pol_eval_new(NULL);
    pol_value v = ask(ev, bundle, "p/x");
    assert_int_equal(v.tag, POL_INT);
    assert_int_equal(v.i, 500);
    assert_int_equal(ask(ev, bundle, "data.key999").i, 999);
    assert_false(pol_is_defined(ask(ev, bundle, "key1000")));
    assert_false(pol_is_defined(ask(ev, bundle, "p/y")));
    pol_json_write(&text, ask(ev, bundle, "values"), 0);
    assert_string_equal((const char *)text.at, "[null,true,1.5,12345678901234567890123,\"\",\"a\",[],{},{\"a\":[[1]]}]");
    for (uint32_t i = 0; i < 1000; i++) {
        char name[32];
        snprintf(name, sizeof name, "data.key%u", i);
        assert_int_equal(ask(ev, bundle, name).i, i);
    }
    assert_true(pol_bundle_data(bundle).flags & POL_INDEXED);
    assert_string_equal(pol_bundle_entry_path(bundle, 0), "p/x");
    assert_null(pol_bundle_entry_path(bundle, 1));
    pol_eval_free(ev);
    pol_bundle_close(bundle);
    pol_buf_deinit(&bytes);
    pol_buf_deinit(&text);
}

static void equal_images_give_equal_bytes(void **state)
{
    (void)state;
    pol_buf a = {0}, b = {0};
    make_bundle(&a);
    make_bundle(&b);
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.at, b.at, a.n);
    pol_buf_deinit(&a);
    pol_buf_deinit(&b);
}

static void make_key(pol_buf *pem, uint8_t public_key[32])
{
    size_t n = 32;
    char *text;
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(EVP_PKEY_get_raw_public_key(key, public_key, &n), 1);
    long n_text = BIO_get_mem_data(bio, &text);
    pol_buf_add(pem, text, (size_t)n_text);
    BIO_free(bio);
    EVP_PKEY_free(key);
}

static bool opens(const pol_buf *bytes, const uint8_t key[32], pol_code *code)
{
    pol_bytes keys = pol_bytes_of(key, 32);
    pol_bundle_options options = {.public_keys = &keys, .n_public_keys = 1};
    pol_bundle *bundle;
    pol_error err = {0};
    bool ok = pol_bundle_from_bytes(pol_buf_view(bytes), &options, &bundle, &err);
    *code = err.code;
    pol_bundle_close(bundle);
    return ok;
}

static void signature_is_required_and_checked(void **state)
{
    (void)state;
    uint8_t one[32], two[32];
    pol_buf bytes = {0}, first = {0}, second = {0};
    pol_error err;
    pol_code code;
    make_key(&first, one);
    make_key(&second, two);
    make_bundle(&bytes);
    assert_false(opens(&bytes, one, &code));
    assert_int_equal(code, POL_E_SIGNATURE);
    assert_true(pol_bundle_sign(&bytes, pol_buf_view(&first), &err));
    assert_true(opens(&bytes, one, &code));
    assert_false(opens(&bytes, two, &code));
    assert_true(pol_bundle_sign(&bytes, pol_buf_view(&second), &err));
    assert_true(opens(&bytes, one, &code));
    assert_true(opens(&bytes, two, &code));
    bytes.at[bytes.n - 1] ^= 1; /* the second signature */
    assert_false(opens(&bytes, two, &code));
    assert_int_equal(code, POL_E_SIGNATURE);
    assert_true(opens(&bytes, one, &code));
    assert_false(pol_bundle_sign(&bytes, POL_BYTES("no key"), &err));
    pol_buf_deinit(&bytes);
    pol_buf_deinit(&first);
    pol_buf_deinit(&second);
}

static void every_changed_byte_of_the_body_is_noticed(void **state)
{
    (void)state;
    pol_arena arena;
    pol_image image;
    pol_buf bytes = {0};
    pol_bundle *bundle;
    pol_error err;
    pol_arena_init(&arena, 0);
    make_image(&arena, pol_empty(POL_OBJECT), &image);
    assert_true(pol_bundle_write(&image, &bytes, &err));
    for (size_t i = 0; i < bytes.n; i++) {
        bytes.at[i] ^= 0x40;
        assert_false(pol_bundle_from_bytes(pol_buf_view(&bytes), NULL, &bundle, &err));
        assert_null(bundle);
        bytes.at[i] ^= 0x40;
    }
    for (size_t n = 0; n < bytes.n; n++)
        assert_false(pol_bundle_from_bytes(pol_bytes_of(bytes.at, n), NULL, &bundle, &err));
    pol_buf_deinit(&bytes);
    pol_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(equal_images_give_equal_bytes),
        cmocka_unit_test(signature_is_required_and_checked),
        cmocka_unit_test(every_changed_byte_of_the_body_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
