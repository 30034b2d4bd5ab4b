/* SPDX-License-Identifier: Apache-2.0
 * pol eval: a query against policies, data and an input, with OPA's options, output shapes and exit codes. A compiled bundle
 * (.polb) answers queries that are a path below data.
 */
#include "compiler/cli/cli.h"
#include "compiler/cli/show.h"
#include "runtime/trace.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const formats[] = {"json", "values", "bindings", "pretty", "source", "raw", "discard", NULL};
static const char *const explains[] = {"off", "full", "notes", "fails", "debug", NULL};
static const char *const targets[] = {"rego", "polb", NULL};

static const cli_option options[] = {
    {'b', "bundle", CLI_MANY, CLI_OFFSET(bundles), "PATH", "a bundle: a folder in OPA's layout, or a .polb file", NULL},
    {'d', "data", CLI_MANY, CLI_OFFSET(data), "PATH", "a file or folder of policies and data", NULL},
    {'e', "entrypoint", CLI_MANY, CLI_OFFSET(entrypoints), "PATH", "evaluate this rule instead of a query", NULL},
    {0, "explain", CLI_TEXT, CLI_OFFSET(explain), "MODE", "tell how the query was evaluated", explains},
    {0, "fail", CLI_FLAG, CLI_OFFSET(fail), NULL, "exit 1 when the query is undefined", NULL},
    {0, "fail-defined", CLI_FLAG, CLI_OFFSET(fail_defined), NULL, "exit 1 when the query is defined", NULL},
    {'f', "format", CLI_TEXT, CLI_OFFSET(format), "FORMAT", "form of the output", formats},
    {0, "ignore", CLI_MANY, CLI_OFFSET(ignore), "PATTERN", "names of files and folders to pass over", NULL},
    {0, "import", CLI_MANY, CLI_OFFSET(imports), "PATH", "an import for the query", NULL},
    {'i', "input", CLI_TEXT, CLI_OFFSET(input), "FILE", "the input document, JSON or YAML", NULL},
    {0, "package", CLI_TEXT, CLI_OFFSET(package), "PATH", "the query's package", NULL},
    {'p', "partial", CLI_REFUSED, 0, NULL, "partial evaluation of queries is not supported", NULL},
    {'s', "schema", CLI_REFUSED, 0, "PATH", "schemas are declared by `schema` statements", NULL},
    {0, "show-builtin-errors", CLI_FLAG, CLI_OFFSET(show_builtin_errors), NULL, "report all errors of built-in functions", NULL},
    {0, "stdin", CLI_FLAG, CLI_OFFSET(stdin_query), NULL, "read the query from standard input", NULL},
    {'I', "stdin-input", CLI_FLAG, CLI_OFFSET(stdin_input), NULL, "read the input document from standard input", NULL},
    {'S', "strict", CLI_FLAG, CLI_OFFSET(strict), NULL, "OPA's strict mode", NULL},
    {0, "strict-builtin-errors", CLI_FLAG, CLI_OFFSET(strict_builtin_errors), NULL, "the first error of a built-in is the outcome", NULL},
    {'t', "target", CLI_TEXT, CLI_OFFSET(target), "TARGET", "accepted for habit's sake", targets},
    {'u', "unknowns", CLI_REFUSED, 0, "PATH", "partial evaluation of queries is not supported", NULL},
    CLI_END,
};

static bool is_json(const cli_options *o)
{
    return cli_is_format(o, "json", "json");
}

/* print() and trace() go to standard error, so that the output stays what it is. */
static void print_line(void *context, bool note, pol_bytes text)
{
    const cli_options *o = context;
    if (note && (!o->explain || strcmp(o->explain, "notes") != 0))
        return;
    fprintf(stderr, "%s%.*s\n", note ? "note: " : "", (int)text.n, (const char *)text.at);
}

POL_MUST_USE static bool read_query(const cli_options *o, pol_buf *query, pol_error *err)
{
    if (o->entrypoints.n) {
        pol_buf_text(query, "data");
        for (const char *at = o->entrypoints.items[0]; *at;) {
            const char *slash = strchr(at, '/');
            size_t n = slash ? (size_t)(slash - at) : strlen(at);
            pol_buf_byte(query, '[');
            pol_json_write_string(query, pol_bytes_of(at, n), 0);
            pol_buf_byte(query, ']');
            at += n + (slash ? 1 : 0);
        }
        return true;
    }
    if (o->stdin_query)
        return cli_read_stdin(query, err);
    if (o->arguments.n != 1)
        return pol_fail(err, POL_E_USAGE, "one query is wanted; %u were given", o->arguments.n);
    pol_buf_text(query, o->arguments.items[0]);
    return true;
}

POL_MUST_USE static bool read_input(const cli_options *o, pol_eval *ev, pol_value *input, pol_error *err)
{
    *input = pol_undefined();
    if (!o->input && !o->stdin_input)
        return true;
    return cli_read_document(pol_eval_arena(ev), o->stdin_input ? NULL : o->input, input, err);
}

static int finish(const cli_options *o, show_result *result)
{
    POL_CLEAN(pol_buf_deinit) pol_buf out = {0};
    show_write(result, o->format ? o->format : "json", &out);
    cli_write(&out);
    bool defined = pol_is_defined(result->results) && result->results.n > 0;
    if (result->n_errors)
        return CLI_ERROR;
    if ((o->fail && !defined) || (o->fail_defined && defined))
        return CLI_FAILED;
    return CLI_OK;
}

/* Runs entry and shows what came of it. */
static int evaluate(const cli_options *o, pol_eval *ev, pol_bundle *bundle, pol_value path, show_result *result, bool bare)
{
    pol_error err;
    pol_value input, value;
    pol_eval_begin(ev, bundle);
    pol_eval_set_output(ev, print_line, (void *)o);
    if (!read_input(o, ev, &input, &err)) {
        cli_report(&err, is_json(o));
        return CLI_ERROR;
    }
    pol_entry entry = pol_bundle_entry(bundle, pol_eval_arena(ev), path);
    pol_events_mode mode;
    pol_events *events = NULL;
    result->explanation = pol_undefined();
    if (o->explain && pol_events_mode_read(pol_bytes_text(o->explain), &mode)) {
        events = pol_events_begin(ev, mode, &err);
        if (!events) {
            cli_report(&err, is_json(o));
            return CLI_ERROR;
        }
    }
    bool ok = pol_eval_run(ev, entry, input, &value, &err);
    if (events)
        result->explanation = pol_events_end(events);
    if (!ok) {
        pol_eval_error failure = pol_eval_failure(ev);
        failure.code = err.code;
        failure.message = err.text;
        result->errors = &failure;
        result->n_errors = 1;
        return finish(o, result);
    }
    unsigned n;
    result->errors = pol_eval_errors(ev, &n);
    result->n_errors = o->show_builtin_errors ? n : o->strict_builtin_errors && n ? 1 : 0;
    result->results = bare ? show_bare(pol_eval_arena(ev), value) : value;
    return finish(o, result);
}

/* "data.a.b" as segments; false when it is another kind of query. */
static bool is_data_path(const char *query)
{
    if (strncmp(query, "data", 4) != 0 || (query[4] && query[4] != '.'))
        return false;
    return strspn(query, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.") == strlen(query);
}

static int run_compiled(const cli_options *o, const char *query)
{
    if (o->bundles.n != 1 || o->data.n || !is_data_path(query)) {
        fprintf(stderr, "pol eval: a compiled bundle stands alone and answers paths such as data.orders.allow\n");
        return CLI_ERROR;
    }
    pol_bundle *bundle;
    pol_error err;
    if (!pol_bundle_open(o->bundles.items[0], NULL, &bundle, &err)) {
        cli_report(&err, is_json(o));
        return CLI_ERROR;
    }
    pol_arena arena;
    pol_arena_init(&arena, 0);
    pol_eval *ev = pol_eval_new(NULL);
    pol_value path = query[4] ? pol_path_split(&arena, pol_bytes_text(query)) : pol_empty(POL_ARRAY);
    show_result result = {.text = query};
    int code = evaluate(o, ev, bundle, path, &result, true);
    pol_eval_free(ev);
    pol_arena_deinit(&arena);
    pol_bundle_close(bundle);
    return code;
}

static int run_query(const cli_options *o, const char *query)
{
    cli_session s = {0};
    pol_error err;
    pol_compile_options how = {
        .strict = o->strict,
        .print_statements = true,
        .optimise = true,
        .query = query,
        .query_values = true,
        .query_package = o->package,
        .query_imports = o->imports.items,
        .n_query_imports = o->imports.n,
    };
    int code = CLI_ERROR;
    if (cli_compile(&s, o, &how, false, "json")) {
        if (!cli_open(&s, &err)) {
            cli_report(&err, is_json(o));
        } else {
            show_result result = {.query = pol_compiler_query(s.compiler), .sources = pol_compiler_program(s.compiler)->sources};
            pol_value name = pol_string_text("$query");
            pol_value path = pol_array_of(pol_compiler_arena(s.compiler), &name, 1);
            code = evaluate(o, s.eval, s.bundle, path, &result, false);
        }
    }
    cli_close(&s);
    return code;
}

static int run(const cli_options *o)
{
    POL_CLEAN(pol_buf_deinit) pol_buf query = {0};
    pol_error err;
    if ((o->fail && o->fail_defined) || (o->stdin_input && (o->stdin_query || o->input))) {
        fprintf(stderr, "pol eval: these options do not go together; see pol eval --help\n");
        return CLI_ERROR;
    }
    if (!read_query(o, &query, &err)) {
        cli_report(&err, is_json(o));
        return CLI_ERROR;
    }
    if (query.n && memchr(query.at, 0, query.n)) {
        fprintf(stderr, "pol eval: the query has a zero byte in it\n");
        return CLI_ERROR;
    }
    pol_buf_byte(&query, 0);
    const char *text = (const char *)query.at;
    for (unsigned i = 0; i < o->bundles.n; i++)
        if (pol_bytes_ends(pol_bytes_text(o->bundles.items[i]), POL_BYTES(".polb")))
            return run_compiled(o, text);
    return run_query(o, text);
}

const cli_command cli_eval = {"eval", "QUERY", "evaluate a query", options, run};
