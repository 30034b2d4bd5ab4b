/* SPDX-License-Identifier: Apache-2.0
 * pol lint: what policies that compile had better not do. Rules are switched off in .pol-lint.yaml, by --disable, or by comments.
 */
#include "compiler/cli/cli.h"
#include "compiler/lint.h"
#include "runtime/json.h"

#include <stdio.h>
#include <unistd.h>

static const char default_config[] = ".pol-lint.yaml";
static const char *const formats[] = {"pretty", "json", "sarif", NULL};

static const cli_option options[] = {
    {'b', "bundle", CLI_FLAG, CLI_OFFSET(as_bundle), NULL, "read the paths as bundles in OPA's layout", NULL},
    {'c', "config", CLI_TEXT, CLI_OFFSET(config), "FILE", "which rules are on, instead of .pol-lint.yaml of this folder", NULL},
    {'d', "data", CLI_MANY, CLI_OFFSET(data), "PATH", "a further file or folder", NULL},
    {0, "disable", CLI_MANY, CLI_OFFSET(entrypoints), "RULE", "switch a rule off", NULL},
    {'f', "format", CLI_TEXT, CLI_OFFSET(format), "FORMAT", "form of the output", formats},
    {0, "ignore", CLI_MANY, CLI_OFFSET(ignore), "PATTERN", "names of files and folders to pass over", NULL},
    CLI_END,
};

POL_MUST_USE static bool set_rule(pol_lint_options *lint, pol_bytes name, bool on, const char *where)
{
    int rule = pol_lint_rule(name);
    if (rule >= 0) {
        lint->off[rule] = !on;
        return true;
    }
    POL_CLEAN(pol_buf_deinit) pol_buf quoted = {0};
    pol_buf_quoted(&quoted, name, 80);
    fprintf(stderr, "pol lint: %s: there is no rule %s; docs/lint.md lists them\n", where, (const char *)quoted.at);
    return false;
}

/* {"rules": {"print-call": false}} */
POL_MUST_USE static bool read_config(const cli_options *o, pol_lint_options *lint)
{
    const char *path = o->config ? o->config : access(default_config, R_OK) == 0 ? default_config : NULL;
    pol_arena arena;
    pol_value config;
    pol_error err;
    if (!path)
        return true;
    pol_arena_init(&arena, 0);
    bool ok = cli_read_document(&arena, path, &config, &err);
    if (!ok)
        cli_report(&err, false);
    pol_value rules = ok && config.tag == POL_OBJECT ? pol_object_member(config, "rules") : pol_undefined();
    if (ok && rules.tag != POL_OBJECT) {
        fprintf(stderr, "pol lint: %s: expected `rules`, an object of rules and true or false\n", path);
        ok = false;
    }
    for (uint32_t i = 0; ok && i < rules.n; i++) {
        pol_value key = pol_member_key(rules, i), value = pol_member_value(rules, i);
        if (value.tag != POL_BOOL) {
            fprintf(stderr, "pol lint: %s: a rule is true or false\n", path);
            ok = false;
        } else {
            ok = key.tag == POL_STRING && set_rule(lint, pol_text(key), !pol_is_false(value), path);
        }
    }
    pol_arena_deinit(&arena);
    return ok;
}

static void report(const cli_options *o, const pol_diags *diags)
{
    POL_CLEAN(pol_buf_deinit) pol_buf out = {0};
    bool pretty = cli_is_format(o, "pretty", "pretty");
    for (uint32_t i = 0; pretty && i < diags->n; i++)
        diags->items[i].hint = pol_arena_printf(diags->arena, "rule %s", pol_diag_infos[diags->items[i].code].class_name);
    pol_diags_write(diags, pretty ? POL_DIAGS_PRETTY : cli_is_format(o, "json", "pretty") ? POL_DIAGS_JSON : POL_DIAGS_SARIF, &out);
    if (pretty && diags->n)
        pol_buf_printf(&out, "%u found; `# lint: ignore RULE` before a line passes over it\n", diags->n);
    cli_write(&out);
}

static int run(const cli_options *o)
{
    pol_lint_options lint = {0};
    if (o->arguments.n == 0 && o->data.n == 0) {
        fprintf(stderr, "pol lint: name at least one file or folder\n");
        return CLI_FAILED;
    }
    if (!read_config(o, &lint))
        return CLI_FAILED;
    for (unsigned i = 0; i < o->entrypoints.n; i++)
        if (!set_rule(&lint, pol_bytes_text(o->entrypoints.items[i]), false, "--disable"))
            return CLI_FAILED;
    cli_session s = {0};
    pol_compile_options how = {.print_statements = true, .optimise = true};
    int code = CLI_FAILED;
    if (cli_compile(&s, o, &how, true, "pretty")) {
        const pol_program *program = pol_compiler_program(s.compiler);
        pol_diags diags = {.arena = pol_compiler_arena(s.compiler), .sources = program->sources};
        pol_lint(program, &lint, &diags);
        report(o, &diags);
        code = diags.n ? CLI_ERROR : CLI_OK;
    }
    cli_close(&s);
    return code;
}

const cli_command cli_lint = {"lint", "PATH ...", "say what policies had better not do", options, run};
