/* SPDX-License-Identifier: Apache-2.0
 * pol build: policies and data into one bundle file, or a stage of the way as text.
 */
#include "compiler/cli/cli.h"
#include "runtime/json.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

static const char *const targets[] = {"polb", "rego", NULL};
static const char *const stages[] = {"tree", "plan", "asm", NULL};
static const char *const formats[] = {"pretty", "json", "sarif", NULL};

static const cli_option options[] = {
    {'b', "bundle", CLI_FLAG, CLI_OFFSET(as_bundle), NULL, "read the paths as bundles in OPA's layout", NULL},
    {'d', "data", CLI_MANY, CLI_OFFSET(data), "PATH", "a further file or folder", NULL},
    {'e', "entrypoint", CLI_MANY, CLI_OFFSET(entrypoints), "PATH", "compile only what this rule needs (orders/allow)", NULL},
    {0, "emit", CLI_TEXT, CLI_OFFSET(emit), "STAGE", "print a stage instead of writing the bundle", stages},
    {'f', "format", CLI_TEXT, CLI_OFFSET(format), "FORMAT", "form of the errors", formats},
    {0, "ignore", CLI_MANY, CLI_OFFSET(ignore), "PATTERN", "names of files and folders to pass over", NULL},
    {'O', "optimize", CLI_TEXT, CLI_OFFSET(optimize), "LEVEL", "0 leaves the plan as it is; else it is optimised", NULL},
    {'o', "output", CLI_TEXT, CLI_OFFSET(output), "FILE", "the bundle's file (bundle.polb), or the folder of the Rego target (rego)", NULL},
    {0, "keep-prints", CLI_FLAG, CLI_OFFSET(keep_prints), NULL, "keep calls of print", NULL},
    {'r', "revision", CLI_TEXT, CLI_OFFSET(revision), "TEXT", "the bundle's revision", NULL},
    {0, "signing-key", CLI_TEXT, CLI_OFFSET(signing_key), "FILE", "sign with this Ed25519 private key (PEM)", NULL},
    {0, "strip", CLI_FLAG, CLI_OFFSET(strip), NULL, "leave out source texts: the bundle cannot explain its decisions", NULL},
    {'S', "strict", CLI_FLAG, CLI_OFFSET(strict), NULL, "OPA's strict mode", NULL},
    {'t', "target", CLI_TEXT, CLI_OFFSET(target), "TARGET", "polb: our bundle; rego: plain Rego with equal decisions", targets},
    CLI_END,
};

POL_MUST_USE static bool write_bundle(cli_session *s, const cli_options *o, pol_error *err)
{
    POL_CLEAN(pol_buf_deinit) pol_buf bytes = {0};
    POL_TRY(pol_compiler_bundle(s->compiler, &bytes, err));
    if (o->signing_key) {
        POL_CLEAN(pol_buf_deinit) pol_buf key = {0};
        POL_TRY(pol_file_read(o->signing_key, 65536, &key, err));
        bool ok = pol_bundle_sign(&bytes, pol_buf_view(&key), err);
        explicit_bzero(key.at, key.n);
        POL_TRY(ok);
    }
    return cli_write_file(o->output ? o->output : "bundle.polb", pol_buf_view(&bytes), err);
}

/* "policies/orders.pol" as "policies_orders.rego": one folder holds them all. */
static const char *file_of(pol_arena *arena, const char *folder, pol_bytes name)
{
    size_t n = name.n;
    while (n && name.at[n - 1] != '.' && name.at[n - 1] != '/')
        n--;
    pol_bytes stem = pol_bytes_of(name.at, n && name.at[n - 1] == '.' ? n - 1 : name.n);
    uint8_t *flat = pol_arena_copy(arena, stem.at, stem.n);
    for (size_t i = 0; i < stem.n; i++)
        if (flat[i] == '/')
            flat[i] = '_';
    return pol_arena_printf(arena, "%s/%.*s.rego", folder, (int)stem.n, (const char *)flat);
}

POL_MUST_USE static bool write_modules(const cli_session *s, cli_session *again, const char *folder, pol_error *err)
{
    POL_CLEAN(pol_buf_deinit) pol_buf data = {0};
    pol_arena *arena = pol_compiler_arena(again->compiler);
    pol_value modules = pol_compiler_rego(s->compiler, again->compiler);
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return pol_fail(err, POL_E_IO, "%s: %s", folder, strerror(errno));
    for (uint32_t i = 0; i < modules.n; i++)
        POL_TRY(cli_write_file(file_of(arena, folder, pol_text(pol_member_key(modules, i))), pol_text(pol_member_value(modules, i)), err));
    pol_json_write(&data, pol_compiler_program(s->compiler)->data, POL_JSON_PRETTY);
    pol_buf_byte(&data, '\n');
    return cli_write_file(pol_arena_printf(arena, "%s/data.json", folder), pol_buf_view(&data), err);
}

POL_MUST_USE static bool write_rego(const cli_session *s, const cli_options *o, const pol_compile_options *how, pol_error *err)
{
    cli_session again = {0};
    bool ok = cli_prepare(&again, o, how) ? write_modules(s, &again, o->output ? o->output : "rego", err)
                                          : pol_fail(err, POL_E_INTERNAL, "what compiled cannot be prepared again");
    cli_close(&again);
    return ok;
}

static void emit(cli_session *s, const char *name)
{
    POL_CLEAN(pol_buf_deinit) pol_buf out = {0};
    pol_stage stage = strcmp(name, "tree") == 0 ? POL_EMIT_TREE : strcmp(name, "plan") == 0 ? POL_EMIT_PLAN : POL_EMIT_ASM;
    pol_compiler_emit(s->compiler, stage, &out);
    cli_write(&out);
}

static int run(const cli_options *o)
{
    if (o->arguments.n == 0 && o->data.n == 0) {
        fprintf(stderr, "pol build: name at least one file or folder\n");
        return CLI_FAILED;
    }
    uint64_t level;
    if (!cli_number("optimize", o->optimize, 1, &level))
        return CLI_FAILED;
    cli_session s = {0};
    pol_compile_options how = {
        .strict = o->strict,
        .print_statements = o->keep_prints,
        .optimise = level > 0,
        .revision = o->revision,
        .entrypoints = o->entrypoints.items,
        .n_entrypoints = o->entrypoints.n,
        .stripped = o->strip,
        .relative_names = true,
    };
    int code = CLI_FAILED;
    pol_error err;
    if (cli_compile(&s, o, &how, true, "pretty")) {
        if (pol_compiler_diags(s.compiler)->n)
            cli_report_diags(pol_compiler_diags(s.compiler), "pretty");
        if (o->emit) {
            emit(&s, o->emit);
            code = CLI_OK;
        } else if (o->target && strcmp(o->target, "rego") == 0 ? write_rego(&s, o, &how, &err) : write_bundle(&s, o, &err)) {
            code = CLI_OK;
        } else {
            cli_report(&err, cli_is_format(o, "json", "pretty"));
        }
    }
    cli_close(&s);
    return code;
}

const cli_command cli_build = {"build", "PATH ...", "compile policies and data into a bundle", options, run};
