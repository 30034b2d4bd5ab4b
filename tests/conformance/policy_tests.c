/* SPDX-License-Identifier: Apache-2.0
 * policy-tests [--plain] PATH...: policies that carry what they must do.
 *
 * A .pol or .rego file is compiled alone. Comments in it:
 *   # data {...}                       base documents
 *   # input {...}                      the input of the expectations that follow
 *   # expect data.a.b = JSON           the value, sets as arrays in order
 *   # expect data.a.b undefined
 *   # expect error CODE                evaluation of `data` ends with it
 *   #      ^^^^ error POL0301: text    a diagnostic at these columns of the line above that has none of these carets; the text may be left out,
 *                                      or be the beginning of what is said
 * A diagnostic that no line expects fails the file. A folder with a requests.jsonl is one bundle with data.json (and, with requests-x.jsonl,
 * another one with data-x.json), and each line of the table a case: {"note", "input", "decision": {members that data.polward.decision
 * must have}, "permissions"?: [...]}. Instead of being given, the input can be assembled as the daemon does it: "describe": {"subject",
 * "action", "resource", "context", "method", "path"}; members of "input" are then put beside, and "refusal" is the wanted reason, if any.
 * --plain compiles without optimisation.
 */
#include "compiler/compile.h"
#include "runtime/engine.h"
#include "runtime/identity/identity.h"
#include "runtime/identity/route.h"
#include "runtime/json.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct {
    bool plain;
    unsigned passed, failed;
} counts;

typedef struct {
    const char *path; /* of the file or folder */
    counts *counts;
    pol_arena arena;
    pol_compiler *compiler;
    pol_bundle *bundle;
    pol_eval *eval;
    pol_value data, input;
    bool *met; /* of each diagnostic: expected */
    bool expects_diagnostics;
    uint32_t code_row; /* the last line that is no caret line */
} tested;

static void pass(tested *t)
{
    t->counts->passed++;
}

static void fail(tested *t, unsigned row, const char *fmt, ...) POL_PRINTF(3, 4);
static void fail(tested *t, unsigned row, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    printf("FAIL %s:%u: ", t->path, row);
    vprintf(fmt, args);
    printf("\n");
    va_end(args);
    t->counts->failed++;
}

static pol_value to_json(pol_arena *arena, pol_value v)
{
    POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
    pol_error err;
    pol_value out = pol_undefined();
    if (!pol_is_defined(v))
        return v;
    pol_json_write(&text, v, 0);
    if (!pol_json_read(arena, pol_buf_view(&text), NULL, &out, &err))
        return pol_undefined();
    return out;
}

POL_MUST_USE static bool open_bundle(tested *t, pol_error *err)
{
    static const pol_limits limits = {.instructions = 10000000, .arena_bytes = (size_t)64 << 20, .depth = 1000};
    POL_CLEAN(pol_buf_deinit) pol_buf bytes = {0};
    POL_TRY(pol_compiler_bundle(t->compiler, &bytes, err));
    POL_TRY(pol_bundle_from_bytes(pol_buf_view(&bytes), NULL, &t->bundle, err));
    t->eval = pol_eval_new(&limits);
    return true;
}

static void close_all(tested *t)
{
    if (t->eval)
        pol_eval_free(t->eval);
    pol_bundle_close(t->bundle);
    pol_compiler_free(t->compiler);
    pol_arena_deinit(&t->arena);
}

/* The segments of a path; `errors[0]` is two. */
static pol_value split_path(pol_arena *arena, pol_bytes path)
{
    pol_value names = pol_path_split(arena, path);
    pol_builder b = pol_builder_new(arena);
    for (uint32_t i = 0; i < names.n; i++) {
        pol_bytes name = pol_text(pol_element(names, i));
        const uint8_t *open = name.n ? memchr(name.at, '[', name.n) : NULL;
        if (!open || name.at[name.n - 1] != ']') {
            pol_builder_add(&b, pol_element(names, i));
            continue;
        }
        size_t at = (size_t)(open - name.at);
        pol_builder_add(&b, pol_string(pol_bytes_of(name.at, at)));
        pol_builder_add(&b, pol_number_read(pol_bytes_of(open + 1, name.n - at - 2)));
    }
    return pol_builder_array(&b);
}

/* The document at path as JSON; on failure err says why. */
POL_MUST_USE static bool ask(tested *t, pol_bytes path, pol_value input, pol_value *out, pol_error *err)
{
    pol_eval_begin(t->eval, t->bundle);
    pol_entry entry = pol_bundle_entry(t->bundle, &t->arena, split_path(&t->arena, path));
    POL_TRY(pol_eval_run(t->eval, entry, input, out, err));
    *out = to_json(&t->arena, *out);
    return true;
}

/* ---- comments of a file ---- */

/* text after `# word `; false when the line is none of these. */
static bool is_directive(pol_bytes line, const char *word, pol_bytes *rest)
{
    pol_bytes w = pol_bytes_text(word);
    if (line.n < w.n + 3 || memcmp(line.at, "# ", 2) != 0 || memcmp(line.at + 2, w.at, w.n) != 0 || line.at[w.n + 2] != ' ')
        return false;
    *rest = pol_bytes_of(line.at + w.n + 3, line.n - w.n - 3);
    return true;
}

/* "#    ^^^^ error ...": the columns of the carets, from 1, and the text behind them. */
static bool is_caret_line(pol_bytes line, uint32_t *from, uint32_t *to, pol_bytes *rest)
{
    size_t i = 1;
    if (line.n == 0 || line.at[0] != '#')
        return false;
    while (i < line.n && (line.at[i] == ' ' || line.at[i] == '\t'))
        i++;
    size_t first = i;
    while (i < line.n && line.at[i] == '^')
        i++;
    if (i == first)
        return false;
    *from = (uint32_t)first + 1;
    *to = (uint32_t)i + 1;
    while (i < line.n && line.at[i] == ' ')
        i++;
    *rest = pol_bytes_of(line.at + i, line.n - i);
    return pol_bytes_starts(*rest, POL_BYTES("error ")) || pol_bytes_starts(*rest, POL_BYTES("warning "));
}

static void expect_value(tested *t, unsigned row, pol_bytes text)
{
    POL_CLEAN(pol_buf_deinit) pol_buf got = {0};
    pol_error err;
    pol_value value, wanted;
    pol_bytes code;
    if (pol_bytes_starts(text, POL_BYTES("error "))) {
        code = pol_bytes_of(text.at + 6, text.n - 6);
        if (ask(t, POL_BYTES("data"), t->input, &value, &err))
            fail(t, row, "no error; wanted %.*s", (int)code.n, (const char *)code.at);
        else if (!pol_bytes_is(code, pol_code_text(err.code)))
            fail(t, row, "wanted %.*s, got %s: %s", (int)code.n, (const char *)code.at, pol_code_text(err.code), err.text);
        else
            pass(t);
        return;
    }
    size_t n = 0;
    while (n < text.n && text.at[n] != ' ')
        n++;
    pol_bytes path = pol_bytes_of(text.at, n), rest = pol_bytes_of(text.at + n, text.n - n);
    bool undefined = pol_bytes_is(rest, " undefined");
    if (!undefined && (!pol_bytes_starts(rest, POL_BYTES(" = ")) ||
                       !pol_json_read(&t->arena, pol_bytes_of(rest.at + 3, rest.n - 3), NULL, &wanted, &err))) {
        fail(t, row, "an expectation is `data.path = JSON` or `data.path undefined`");
        return;
    }
    if (!ask(t, path, t->input, &value, &err)) {
        fail(t, row, "%s: %s", pol_code_text(err.code), err.text);
        return;
    }
    if (undefined ? !pol_is_defined(value) : pol_is_defined(value) && pol_equal(value, wanted)) {
        pass(t);
        return;
    }
    if (pol_is_defined(value))
        pol_json_write(&got, value, 0);
    else
        pol_buf_text(&got, "undefined");
    fail(t, row, "%.*s\n  got %s", (int)text.n, (const char *)text.at, (const char *)got.at);
}

/* "error POL0301: text" against the diagnostics that begin at row and cover the carets. */
static void expect_diagnostic(tested *t, unsigned row, uint32_t from, uint32_t to, pol_bytes text)
{
    const pol_diags *diags = pol_compiler_diags(t->compiler);
    const pol_sources *sources = pol_compiler_program(t->compiler)->sources;
    for (uint32_t i = 0; i < diags->n; i++) {
        const pol_diagnostic *d = &diags->items[i];
        const pol_diag_info *info = &pol_diag_infos[d->code];
        POL_CLEAN(pol_buf_deinit) pol_buf said = {0};
        uint32_t at_row, at_col;
        pol_source_place(sources, d->span, &at_row, &at_col);
        pol_buf_printf(&said, "%s %s: %s%s%s", info->severity == POL_SEVERITY_ERROR ? "error" : "warning", info->name, d->message,
                       d->hint ? ", " : "", d->hint ? d->hint : "");
        if (at_row != t->code_row || at_col != from || !pol_bytes_starts(pol_buf_view(&said), text))
            continue;
        bool one_line = d->span.end - d->span.start == to - from;
        if (!one_line && memchr(sources->items[d->span.source].text.at + d->span.start, '\n', d->span.end - d->span.start) == NULL)
            continue;
        t->met[i] = true;
        pass(t);
        return;
    }
    fail(t, row, "no diagnostic at %u:%u-%u is: %.*s", t->code_row, from, to, (int)text.n, (const char *)text.at);
}

/* Calls each with every line. */
static void for_lines(tested *t, pol_bytes text, void (*each)(tested *t, unsigned row, pol_bytes line))
{
    unsigned row = 0;
    for (size_t at = 0; at < text.n;) {
        const uint8_t *end = memchr(text.at + at, '\n', text.n - at);
        pol_bytes line = pol_bytes_of(text.at + at, (end ? (size_t)(end - text.at) : text.n) - at);
        at += line.n + 1;
        each(t, ++row, line);
    }
}

static void before_compiling(tested *t, unsigned row, pol_bytes line)
{
    pol_bytes rest;
    uint32_t from, to;
    pol_error err;
    if (is_directive(line, "data", &rest) && !pol_json_read(&t->arena, rest, NULL, &t->data, &err))
        fail(t, row, "data: %s", err.text);
    if (is_caret_line(line, &from, &to, &rest) && pol_bytes_starts(rest, POL_BYTES("error ")))
        t->expects_diagnostics = true;
}

static void after_compiling(tested *t, unsigned row, pol_bytes line)
{
    pol_bytes rest;
    uint32_t from, to;
    pol_error err;
    if (is_caret_line(line, &from, &to, &rest)) {
        expect_diagnostic(t, row, from, to, rest);
        return;
    }
    t->code_row = row;
    if (t->expects_diagnostics)
        return;
    if (is_directive(line, "input", &rest)) {
        if (!pol_json_read(&t->arena, rest, NULL, &t->input, &err))
            fail(t, row, "input: %s", err.text);
    } else if (is_directive(line, "expect", &rest)) {
        expect_value(t, row, rest);
    }
}

static void report_unexpected(tested *t)
{
    const pol_diags *diags = pol_compiler_diags(t->compiler);
    for (uint32_t i = 0; i < diags->n; i++) {
        const pol_diagnostic *d = &diags->items[i];
        uint32_t row, col;
        if (t->met[i])
            continue;
        pol_source_place(pol_compiler_program(t->compiler)->sources, d->span, &row, &col);
        fail(t, row, "column %u: unexpected %s: %s", col, pol_diag_infos[d->code].name, d->message);
    }
}

static void test_file(const char *path, counts *c)
{
    tested t = {.path = path, .counts = c, .input = pol_undefined(), .data = pol_undefined()};
    POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
    pol_error err;
    pol_arena_init(&t.arena, 0);
    if (!pol_file_read(path, 0, &text, &err)) {
        fail(&t, 0, "%s", err.text);
        close_all(&t);
        return;
    }
    for_lines(&t, pol_buf_view(&text), before_compiling);
    pol_compile_options options = {.optimise = !c->plain, .print_statements = true};
    t.compiler = pol_compiler_new(&options);
    pol_compiler_add_module(t.compiler, path, pol_buf_view(&text));
    bool ok = !pol_is_defined(t.data) || pol_compiler_add_data(t.compiler, path, NULL, 0, t.data, &err);
    if (!ok)
        fail(&t, 0, "%s", err.text);
    bool compiled = pol_compiler_run(t.compiler);
    t.met = calloc((size_t)pol_compiler_diags(t.compiler)->n + 1, sizeof *t.met);
    if (compiled && t.expects_diagnostics)
        fail(&t, 0, "compiles, though errors are expected");
    else if (compiled && !open_bundle(&t, &err))
        fail(&t, 0, "%s: %s", pol_code_text(err.code), err.text);
    else if (compiled || t.expects_diagnostics)
        for_lines(&t, pol_buf_view(&text), after_compiling);
    report_unexpected(&t);
    free(t.met);
    close_all(&t);
}

/* ---- folders with a table of requests ---- */

static void test_members(tested *t, unsigned row, pol_value note, pol_value wanted, pol_value got)
{
    for (uint32_t i = 0; i < wanted.n; i++) {
        pol_value key = pol_member_key(wanted, i), value = pol_object_get(got, key);
        if (pol_is_defined(value) && pol_equal(value, pol_member_value(wanted, i)))
            continue;
        POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
        pol_json_write(&text, wanted, 0);
        pol_buf_text(&text, "\n  got    ");
        pol_json_write(&text, got, 0);
        fail(t, row, "%.*s\n  wanted %s", (int)note.n, (const char *)note.text, (const char *)text.at);
        return;
    }
    pass(t);
}

/* The input of a table's line. False when the line is judged already: refused, as wanted or not. */
POL_MUST_USE static bool make_input(tested *t, unsigned row, pol_value one, pol_value *input)
{
    pol_value describe = pol_object_member(one, "describe"), wanted = pol_object_member(one, "refusal");
    pol_value method = pol_object_member(describe, "method"), path = pol_object_member(describe, "path");
    *input = pol_object_member(one, "input");
    if (!pol_is_defined(describe))
        return true;
    pol_description d = {
        .subject = pol_object_member(describe, "subject"),
        .action = pol_object_member(describe, "action"),
        .resource = pol_object_member(describe, "resource"),
        .context = pol_object_member(describe, "context"),
        .unix_socket = true,
        .request = {.headers = pol_undefined(), .body = pol_undefined()},
    };
    if (pol_is_defined(method)) {
        d.request.method = pol_text(method);
        d.request.path = pol_text(path);
    }
    pol_value routes, assembled;
    pol_refusal refusal = {0};
    pol_error err;
    if (!pol_route_index(&t->arena, pol_object_member(pol_bundle_manifest_value(t->bundle), "routes"), &routes, &err)) {
        fail(t, row, "%s", err.text);
        return false;
    }
    if (!pol_input_assemble(&t->arena, NULL, routes, &d, 1, &assembled, &refusal)) {
        if (wanted.tag == POL_STRING && refusal.reason && pol_bytes_is(pol_text(wanted), refusal.reason))
            pass(t);
        else
            fail(t, row, "refused: %s: %s", refusal.reason ? refusal.reason : "?", refusal.text);
        return false;
    }
    if (pol_is_defined(wanted)) {
        fail(t, row, "not refused; wanted %.*s", (int)wanted.n, (const char *)wanted.text);
        return false;
    }
    *input = pol_is_defined(*input) ? pol_object_union(&t->arena, assembled, *input) : assembled;
    return true;
}

static void test_request(tested *t, unsigned row, pol_bytes line)
{
    pol_value one, got, input;
    pol_error err;
    if (line.n == 0 || line.at[0] == '#')
        return;
    if (!pol_json_read(&t->arena, line, NULL, &one, &err)) {
        fail(t, row, "%s", err.text);
        return;
    }
    if (!make_input(t, row, one, &input))
        return;
    pol_value note = pol_object_member(one, "note");
    pol_value permissions = pol_object_member(one, "permissions"), decision = pol_object_member(one, "decision");
    if (pol_is_defined(decision)) {
        if (ask(t, POL_BYTES("data.polward.decision"), input, &got, &err))
            test_members(t, row, note, decision, got);
        else
            fail(t, row, "%.*s: %s: %s", (int)note.n, (const char *)note.text, pol_code_text(err.code), err.text);
    }
    if (pol_is_defined(permissions)) {
        if (ask(t, POL_BYTES("data.polward.permissions"), input, &got, &err) && pol_is_defined(got) && pol_equal(got, permissions))
            pass(t);
        else
            fail(t, row, "%.*s: permissions differ", (int)note.n, (const char *)note.text);
    }
}

static bool exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

/* variant: "" or "-x". */
static void test_table(const char *folder, const char *table, const char *variant, counts *c)
{
    tested t = {.path = table, .counts = c};
    POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
    pol_error err;
    pol_arena_init(&t.arena, 0);
    const char *data = pol_arena_printf(&t.arena, "%s/data%s.json", folder, variant);
    pol_compile_options options = {.optimise = !c->plain};
    t.compiler = pol_compiler_new(&options);
    pol_compiler_ignore(t.compiler, "*.json");
    if (!pol_file_read(table, 0, &text, &err) || !pol_compiler_load(t.compiler, folder, &err) ||
        (exists(data) && !pol_compiler_load(t.compiler, data, &err))) {
        fail(&t, 0, "%s", err.text);
    } else if (!pol_compiler_run(t.compiler)) {
        POL_CLEAN(pol_buf_deinit) pol_buf said = {0};
        pol_diags_write(pol_compiler_diags(t.compiler), POL_DIAGS_PRETTY, &said);
        fail(&t, 0, "does not compile:\n%s", said.at ? (const char *)said.at : "");
    } else if (!open_bundle(&t, &err)) {
        fail(&t, 0, "%s: %s", pol_code_text(err.code), err.text);
    } else {
        for_lines(&t, pol_buf_view(&text), test_request);
    }
    close_all(&t);
}

/* ---- folders ---- */

static int skip_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void test_path(const char *path, counts *c, unsigned depth)
{
    struct stat st;
    pol_bytes name = pol_bytes_text(path);
    if (depth > 16 || stat(path, &st) != 0) {
        printf("FAIL %s: cannot be read\n", path);
        c->failed++;
        return;
    }
    if (!S_ISDIR(st.st_mode)) {
        if (pol_bytes_ends(name, POL_BYTES(".pol")) || pol_bytes_ends(name, POL_BYTES(".rego")))
            test_file(path, c);
        return;
    }
    POL_CLEAN(pol_buf_deinit) pol_buf table = {0};
    pol_buf_printf(&table, "%s/requests.jsonl", path);
    bool has_table = exists((const char *)table.at);
    struct dirent **entries;
    int n = scandir(path, &entries, skip_hidden, alphasort);
    for (int i = 0; i < n; i++) {
        POL_CLEAN(pol_buf_deinit) pol_buf inner = {0};
        char variant[64] = "";
        pol_buf_printf(&inner, "%s/%s", path, entries[i]->d_name);
        if (!has_table)
            test_path((const char *)inner.at, c, depth + 1);
        else if (sscanf(entries[i]->d_name, "requests%63[^.].jsonl", variant) == 1 || strcmp(entries[i]->d_name, "requests.jsonl") == 0)
            test_table(path, (const char *)inner.at, variant, c);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
}

int main(int argc, char **argv)
{
    counts c = {0};
    int i = 1;
    if (argc > 1 && strcmp(argv[1], "--plain") == 0) {
        c.plain = true;
        i++;
    }
    if (i >= argc) {
        fprintf(stderr, "usage: policy-tests [--plain] PATH...\n");
        return 2;
    }
    for (; i < argc; i++)
        test_path(argv[i], &c, 0);
    printf("%u passed, %u failed, 0 skipped\n", c.passed, c.failed);
    return c.failed ? 1 : 0;
}
