/* SPDX-License-Identifier: Apache-2.0
 * pol inspect: what a bundle says of itself.
 */
#include "compiler/cli/cli.h"
#include "runtime/json.h"

#include <stdio.h>

static const char *const formats[] = {"pretty", "json", NULL};

static const cli_option options[] = {
    {'f', "format", CLI_TEXT, CLI_OFFSET(format), "FORMAT", "form of the output", formats},
    CLI_END,
};

static pol_value describe(pol_arena *arena, const pol_bundle *bundle)
{
    uint8_t digest[32];
    char hex[65] = "";
    pol_bundle_digest(bundle, digest);
    pol_hex_encode((uint8_t *)hex, pol_bytes_of(digest, sizeof digest));
    pol_builder entries = pol_builder_new(arena);
    for (uint32_t i = 0; pol_bundle_entry_path(bundle, i); i++)
        pol_builder_add(&entries, pol_string_text(pol_bundle_entry_path(bundle, i)));
    pol_builder roots = pol_builder_new(arena);
    pol_value data = pol_bundle_data(bundle);
    for (uint32_t i = 0; i < data.n; i++)
        pol_builder_add(&roots, pol_member_key(data, i));
    pol_builder b = pol_builder_new(arena);
    pol_builder_put_text(&b, "manifest", pol_bundle_manifest_value(bundle));
    pol_builder_put_text(&b, "sha256", pol_string_copy(arena, pol_bytes_of(hex, 64)));
    pol_builder_put_text(&b, "entrypoints", pol_builder_array(&entries));
    pol_builder_put_text(&b, "data", pol_builder_array(&roots));
    return pol_builder_object(&b);
}

static void print_list(const char *title, pol_value list)
{
    printf("%s:\n", title);
    for (uint32_t i = 0; i < list.n; i++) {
        pol_value v = pol_element(list, i);
        printf("  %.*s\n", (int)v.n, (const char *)v.text);
    }
}

static void print_pretty(pol_value about)
{
    POL_CLEAN(pol_buf_deinit) pol_buf manifest = {0};
    pol_json_write(&manifest, pol_object_member(about, "manifest"), POL_JSON_PRETTY);
    pol_value sha = pol_object_member(about, "sha256");
    printf("sha256: %.*s\nmanifest: %.*s\n", (int)sha.n, (const char *)sha.text, (int)manifest.n, (const char *)manifest.at);
    print_list("data", pol_object_member(about, "data"));
    print_list("entry points", pol_object_member(about, "entrypoints"));
}

static int run(const cli_options *o)
{
    if (o->arguments.n != 1) {
        fprintf(stderr, "pol inspect: name one bundle\n");
        return CLI_FAILED;
    }
    pol_bundle *bundle;
    pol_error err;
    if (!pol_bundle_open(o->arguments.items[0], NULL, &bundle, &err)) {
        cli_report(&err, cli_is_format(o, "json", "pretty"));
        return CLI_FAILED;
    }
    pol_arena arena;
    pol_arena_init(&arena, 0);
    pol_value about = describe(&arena, bundle);
    if (cli_is_format(o, "json", "pretty")) {
        POL_CLEAN(pol_buf_deinit) pol_buf out = {0};
        pol_json_write(&out, about, POL_JSON_PRETTY);
        pol_buf_byte(&out, '\n');
        cli_write(&out);
    } else {
        print_pretty(about);
    }
    pol_arena_deinit(&arena);
    pol_bundle_close(bundle);
    return CLI_OK;
}

const cli_command cli_inspect = {"inspect", "BUNDLE", "show what is in a bundle", options, run};
