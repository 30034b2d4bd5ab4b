/* SPDX-License-Identifier: Apache-2.0
 * pol explain: why the decision for a request came out as it did, as text or as JSON.
 */
#include "compiler/cli/cli.h"
#include "runtime/explain.h"
#include "runtime/json.h"

#include <stdio.h>

static const char *const formats[] = {"pretty", "json", NULL};

static const cli_option options[] = {
    {'b', "bundle", CLI_MANY, CLI_OFFSET(bundles), "PATH", "a bundle: a folder in OPA's layout, or a .polb file", NULL},
    {'d', "data", CLI_MANY, CLI_OFFSET(data), "PATH", "a file or folder of policies and data", NULL},
    {'f', "format", CLI_TEXT, CLI_OFFSET(format), "FORMAT", "form of the output", formats},
    {0, "ignore", CLI_MANY, CLI_OFFSET(ignore), "PATTERN", "names of files and folders to pass over", NULL},
    {'i', "input", CLI_TEXT, CLI_OFFSET(input), "FILE", "the input document, JSON or YAML; - is standard input", NULL},
    {'I', "stdin-input", CLI_FLAG, CLI_OFFSET(stdin_input), NULL, "read the input document from standard input", NULL},
    CLI_END,
};

static bool is_json(const cli_options *o)
{
    return cli_is_format(o, "json", "pretty");
}

POL_MUST_USE static bool explain(const cli_options *o, pol_eval *ev, const pol_bundle *bundle, pol_error *err)
{
    POL_CLEAN(pol_buf_deinit) pol_buf out = {0};
    pol_value input, explanation;
    pol_eval_begin(ev, bundle);
    POL_TRY(cli_read_document(pol_eval_arena(ev), o->stdin_input ? NULL : o->input, &input, err));
    POL_TRY(pol_explain(ev, input, &explanation, err));
    if (is_json(o)) {
        pol_json_write(&out, explanation, POL_JSON_PRETTY);
        pol_buf_byte(&out, '\n');
    } else {
        pol_explain_text(explanation, &out);
    }
    cli_write(&out);
    return true;
}

static int explain_compiled(const cli_options *o)
{
    pol_bundle *bundle;
    pol_error err;
    if (!pol_bundle_open(o->bundles.items[0], NULL, &bundle, &err)) {
        cli_report(&err, is_json(o));
        return CLI_FAILED;
    }
    pol_eval *ev = pol_eval_new(NULL);
    bool ok = explain(o, ev, bundle, &err);
    if (!ok)
        cli_report(&err, is_json(o));
    pol_eval_free(ev);
    pol_bundle_close(bundle);
    return ok ? CLI_OK : CLI_FAILED;
}

static int explain_sources(const cli_options *o)
{
    static const char *const decision = "polward/decision";
    cli_session s = {0};
    pol_compile_options how = {.optimise = true, .relative_names = true, .entrypoints = &decision, .n_entrypoints = 1};
    pol_error err;
    bool ok = cli_compile(&s, o, &how, true, "pretty");
    if (ok) {
        ok = cli_open(&s, &err) && explain(o, s.eval, s.bundle, &err);
        if (!ok)
            cli_report(&err, is_json(o));
    }
    cli_close(&s);
    return ok ? CLI_OK : CLI_FAILED;
}

static int run(const cli_options *o)
{
    bool compiled = o->bundles.n == 1 && pol_bytes_ends(pol_bytes_text(o->bundles.items[0]), POL_BYTES(".polb"));
    if (!o->input == !o->stdin_input) {
        fprintf(stderr, "pol explain: one input document is wanted: --input FILE or --stdin-input\n");
        return CLI_FAILED;
    }
    if (compiled && (o->data.n || o->arguments.n)) {
        fprintf(stderr, "pol explain: a compiled bundle stands alone\n");
        return CLI_FAILED;
    }
    if (!compiled && !o->data.n && !o->bundles.n && !o->arguments.n) {
        fprintf(stderr, "pol explain: name a bundle, or policies and data\n");
        return CLI_FAILED;
    }
    return compiled ? explain_compiled(o) : explain_sources(o);
}

const cli_command cli_explain = {"explain", "[PATH ...]", "tell why a request is allowed or denied", options, run};
