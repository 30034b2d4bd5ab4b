/* SPDX-License-Identifier: Apache-2.0
 * pol check: compiles and says what is wrong; exit 0 when nothing is.
 */
#include "compiler/cli/cli.h"

#include <stdio.h>

static const char *const formats[] = {"pretty", "json", "sarif", NULL};

static const cli_option options[] = {
    {'b', "bundle", CLI_FLAG, CLI_OFFSET(as_bundle), NULL, "read the paths as bundles in OPA's layout", NULL},
    {'d', "data", CLI_MANY, CLI_OFFSET(data), "PATH", "a further file or folder", NULL},
    {'f', "format", CLI_TEXT, CLI_OFFSET(format), "FORMAT", "form of the errors", formats},
    {0, "ignore", CLI_MANY, CLI_OFFSET(ignore), "PATTERN", "names of files and folders to pass over", NULL},
    {'S', "strict", CLI_FLAG, CLI_OFFSET(strict), NULL, "OPA's strict mode", NULL},
    {'s', "schema", CLI_REFUSED, 0, "PATH", "schemas are declared by `schema` statements", NULL},
    CLI_END,
};

static int run(const cli_options *o)
{
    if (o->arguments.n == 0 && o->data.n == 0) {
        fprintf(stderr, "pol check: name at least one file or folder\n");
        return CLI_FAILED;
    }
    cli_session s = {0};
    pol_compile_options how = {.strict = o->strict, .print_statements = true, .optimise = true};
    int code = CLI_FAILED;
    if (cli_compile(&s, o, &how, true, "pretty")) {
        const pol_diags *diags = pol_compiler_diags(s.compiler);
        if (diags->n || cli_is_format(o, "sarif", "pretty"))
            cli_report_diags(diags, o->format ? o->format : "pretty");
        else if (cli_is_format(o, "json", "pretty"))
            printf("{}\n");
        code = CLI_OK;
    }
    cli_close(&s);
    return code;
}

const cli_command cli_check = {"check", "PATH ...", "say what is wrong in policies", options, run};
