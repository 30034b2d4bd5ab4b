/* SPDX-License-Identifier: Apache-2.0
 * What the commands of pol share: options read by a table, a compilation with its evaluator, output in OPA's shapes.
 */
#pragma once

#include "compiler/compile.h"
#include "runtime/engine.h"

/* Exit codes; docs/cli.md says which command uses which. */
enum {
    CLI_OK = 0,
    CLI_FAILED = 1, /* wrong usage, unreadable file, errors in policies; of eval: undefined with --fail, defined with --fail-defined */
    CLI_ERROR = 2,  /* of eval: errors; of test: failed tests */
};

typedef struct {
    const char **items;
    unsigned n;
} cli_list;

typedef struct {
    cli_list data, bundles, imports, entrypoints, ignore;
    cli_list audiences, algorithms, required, trust, crls;
    cli_list arguments; /* what is no option */
    const char *input, *format, *package, *explain, *run, *output, *revision, *target, *emit;
    const char *signing_key, *verification_key, *count, *optimize, *threshold, *config, *requests;
    const char *jwks, *issuer, *leeway, *certificate, *time, *key, *kid, *alg, *typ, *claims, *expires_in;
    bool at_jwt;
    bool stdin_input, stdin_query, fail, fail_defined, strict, strict_builtin_errors, show_builtin_errors, verbose, help;
    bool as_bundle, exit_zero_on_skipped, keep_prints, strip, write, list, diff, check, coverage;
} cli_options;

typedef enum {
    CLI_FLAG,    /* bool */
    CLI_TEXT,    /* the last one counts */
    CLI_MANY,    /* each one counts; commas separate where the row says so */
    CLI_REFUSED, /* known from OPA and not done: an error that says why */
} cli_kind;

typedef struct {
    char letter; /* 0: none */
    const char *name;
    cli_kind kind;
    unsigned offset;   /* in cli_options */
    const char *value; /* what help calls the value; NULL for flags */
    const char *summary;
    const char *const *choices; /* NULL-terminated; NULL: free */
} cli_option;

#define CLI_OFFSET(member) offsetof(cli_options, member)
#define CLI_END {0, NULL, CLI_FLAG, 0, NULL, NULL, NULL}

typedef struct cli_command cli_command;
struct cli_command {
    const char *name; /* of one word, or of two: "token verify" */
    const char *arguments, *summary;
    const cli_option *options;
    int (*run)(const cli_options *o);
};

extern const cli_command cli_build, cli_check, cli_eval, cli_explain, cli_fmt, cli_compare, cli_lint, cli_test, cli_inspect, cli_sign, cli_verify,
    cli_token_decode, cli_token_verify, cli_token_mint, cli_cert;

/* Reads argv behind the command's name. False when the line is wrong; it has been said on stderr then. */
POL_MUST_USE bool cli_read_options(const cli_command *command, int argc, char **argv, cli_options *o);
void cli_free_options(cli_options *o);
void cli_print_help(const cli_command *command);
/* A number of an option, 0 or more; missing gives fallback. False when text is none. */
POL_MUST_USE bool cli_number(const char *name, const char *text, uint64_t fallback, uint64_t *out);
/* "json" and so on; format NULL gives fallback. */
bool cli_is_format(const cli_options *o, const char *format, const char *fallback);

/* ---- output ---- */
/* Compact JSON with line breaks and indents of two. */
void cli_indent_json(pol_bytes compact, pol_buf *out);
void cli_write(const pol_buf *buf);
/* An operational error on stderr, or as {"errors": [...]} on stdout where json. */
void cli_report(const pol_error *err, bool json);
/* The diagnostics in the wanted form: json and sarif on stdout, pretty on stderr. */
void cli_report_diags(const pol_diags *diags, const char *format);
/* {"message":...,"code":...,"location":{...}} */
void cli_put_error(pol_buf *out, const char *code, const char *message, const char *file, uint32_t row, uint32_t col);

/* What turns a into b, in the unified form with three lines of context. Nothing where they are the same. */
void cli_diff(const char *name_a, const char *name_b, pol_bytes a, pol_bytes b, pol_buf *out);

/* ---- a compilation and its evaluator ---- */
typedef struct {
    pol_compiler *compiler;
    pol_bundle *bundle;
    pol_eval *eval;
} cli_session;

/* Loads what o names, arguments too, for pol_compiler_prepare: for sources that were compiled already. False when that fails. */
POL_MUST_USE bool cli_prepare(cli_session *s, const cli_options *o, const pol_compile_options *how);
/* Loads what o names (data, bundles, arguments where use_arguments) and compiles. False after having reported. */
POL_MUST_USE bool cli_compile(cli_session *s, const cli_options *o, const pol_compile_options *how, bool use_arguments,
                              const char *fallback_format);
/* Bundle and evaluator of a compilation. */
POL_MUST_USE bool cli_open(cli_session *s, pol_error *err);
void cli_close(cli_session *s);
/* The file as JSON or YAML by its name; "-" or NULL is standard input as JSON. */
POL_MUST_USE bool cli_read_document(pol_arena *arena, const char *path, pol_value *out, pol_error *err);
/* All of standard input. */
POL_MUST_USE bool cli_read_stdin(pol_buf *out, pol_error *err);
/* A file, or standard input for "-". */
POL_MUST_USE bool cli_read_file(const char *path, size_t max_bytes, pol_buf *out, pol_error *err);
/* An instant: RFC 3339, or seconds since 1970; NULL is now. */
POL_MUST_USE bool cli_read_time(const char *text, int64_t *ns, pol_error *err);
/* The value as indented JSON and a line break on standard output. */
void cli_print_value(pol_value v);
/* Writes a file by way of a temporary one and a rename. */
POL_MUST_USE bool cli_write_file(const char *path, pol_bytes bytes, pol_error *err);
