/* SPDX-License-Identifier: Apache-2.0
 * pol sign and pol verify: Ed25519 signatures of bundles.
 */
#include "compiler/cli/cli.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>

static const cli_option sign_options[] = {
    {'o', "output", CLI_TEXT, CLI_OFFSET(output), "FILE", "where the signed bundle goes (else in place)", NULL},
    {0, "signing-key", CLI_TEXT, CLI_OFFSET(signing_key), "FILE", "Ed25519 private key (PEM)", NULL},
    CLI_END,
};

static const cli_option verify_options[] = {
    {0, "verification-key", CLI_TEXT, CLI_OFFSET(verification_key), "FILE", "Ed25519 public key (PEM)", NULL},
    CLI_END,
};

POL_MUST_USE static bool sign_file(const cli_options *o, pol_error *err)
{
    POL_CLEAN(pol_buf_deinit) pol_buf bundle = {0};
    POL_CLEAN(pol_buf_deinit) pol_buf key = {0};
    POL_TRY(pol_file_read(o->arguments.items[0], 0, &bundle, err));
    POL_TRY(pol_file_read(o->signing_key, 65536, &key, err));
    bool ok = pol_bundle_sign(&bundle, pol_buf_view(&key), err);
    explicit_bzero(key.at, key.n);
    POL_TRY(ok);
    return cli_write_file(o->output ? o->output : o->arguments.items[0], pol_buf_view(&bundle), err);
}

static int run_sign(const cli_options *o)
{
    pol_error err;
    if (o->arguments.n != 1 || !o->signing_key) {
        fprintf(stderr, "pol sign: name one bundle and --signing-key\n");
        return CLI_FAILED;
    }
    if (sign_file(o, &err))
        return CLI_OK;
    cli_report(&err, false);
    return CLI_FAILED;
}

POL_MUST_USE static bool read_public_key(const char *path, uint8_t raw[32], pol_error *err)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return pol_fail(err, POL_E_IO, "%s: cannot be opened", path);
    EVP_PKEY *key = PEM_read_PUBKEY(file, NULL, NULL, NULL);
    fclose(file);
    size_t n = 32;
    bool ok = key && EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 && EVP_PKEY_get_raw_public_key(key, raw, &n) == 1 && n == 32;
    EVP_PKEY_free(key);
    return ok || pol_fail(err, POL_E_CRYPTO, "%s: an Ed25519 public key in PEM is wanted", path);
}

POL_MUST_USE static bool verify_file(const cli_options *o, pol_error *err)
{
    uint8_t raw[32];
    POL_TRY(read_public_key(o->verification_key, raw, err));
    pol_bytes key = pol_bytes_of(raw, sizeof raw);
    pol_bundle_options options = {.public_keys = &key, .n_public_keys = 1};
    pol_bundle *bundle;
    POL_TRY(pol_bundle_open(o->arguments.items[0], &options, &bundle, err));
    pol_bundle_close(bundle);
    return true;
}

static int run_verify(const cli_options *o)
{
    pol_error err;
    if (o->arguments.n != 1 || !o->verification_key) {
        fprintf(stderr, "pol verify: name one bundle and --verification-key\n");
        return CLI_FAILED;
    }
    if (verify_file(o, &err)) {
        printf("%s: signature is valid\n", o->arguments.items[0]);
        return CLI_OK;
    }
    cli_report(&err, false);
    return CLI_FAILED;
}

const cli_command cli_sign = {"sign", "BUNDLE", "sign a bundle", sign_options, run_sign};
const cli_command cli_verify = {"verify", "BUNDLE", "verify a bundle and its signature", verify_options, run_verify};
