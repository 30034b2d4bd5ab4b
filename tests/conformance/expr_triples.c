/* SPDX-License-Identifier: Apache-2.0
 * expr-triples PATH...: files of triples that test built-ins and operators, separated by blank lines: an expression, an input (JSON, or -
 * for none), the wanted value as JSON, sets as arrays in order, or `undefined`, or %FAIL and in the next line the whole error
 * "code: message". Lines that begin with # are comments. Errors are strict: one on the way is the outcome.
 */
#include "compiler/compile.h"
#include "runtime/engine.h"
#include "runtime/json.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TRIPLE_LINES = 4 };

typedef struct {
    const char *file;
    unsigned row;
    unsigned n;
    pol_bytes lines[TRIPLE_LINES];
} triple;

typedef struct {
    unsigned passed, failed;
} counts;

/* The outcome of a triple as text: JSON, undefined, or "code: message". */
typedef struct {
    pol_arena arena;
    pol_value value;
    pol_buf error;
} outcome;

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

static void put_first_diag(const pol_diags *diags, pol_buf *out)
{
    for (uint32_t i = 0; i < diags->n; i++) {
        const pol_diagnostic *d = &diags->items[i];
        if (pol_diag_infos[d->code].severity != POL_SEVERITY_ERROR)
            continue;
        pol_buf_printf(out, "%s: %s", pol_diag_infos[d->code].class_name, d->message);
        return;
    }
    pol_buf_text(out, "the compiler failed without saying why");
}

static void decide(outcome *o, const pol_bundle *bundle, pol_value input)
{
    static const pol_limits limits = {.instructions = 100000000, .arena_bytes = (size_t)256 << 20, .depth = 1000};
    pol_eval *ev = pol_eval_new(&limits);
    pol_error err;
    pol_value results, name = pol_string_text("$query");
    pol_eval_begin(ev, bundle);
    pol_entry entry = pol_bundle_entry(bundle, &o->arena, pol_array_of(&o->arena, &name, 1));
    if (!pol_eval_run(ev, entry, input, &results, &err)) {
        pol_buf_printf(&o->error, "%s: %s", pol_code_text(err.code), err.text);
    } else {
        unsigned n;
        const pol_eval_error *errors = pol_eval_errors(ev, &n);
        if (n)
            pol_buf_printf(&o->error, "%s: %s", pol_code_text(errors[0].code), errors[0].message);
        if (results.n)
            o->value = to_json(&o->arena, pol_object_member(pol_object_member(pol_element(results, 0), "bindings"), "x"));
    }
    pol_eval_free(ev);
}

static void evaluate(outcome *o, const triple *t)
{
    POL_CLEAN(pol_buf_deinit) pol_buf query = {0};
    POL_CLEAN(pol_buf_deinit) pol_buf bytes = {0};
    pol_error err;
    pol_value input = pol_undefined();
    pol_bundle *bundle = NULL;
    if (!pol_bytes_is(t->lines[1], "-") && !pol_json_read(&o->arena, t->lines[1], NULL, &input, &err)) {
        pol_buf_printf(&o->error, "input: %s", err.text);
        return;
    }
    pol_buf_text(&query, "x := ");
    pol_buf_bytes(&query, t->lines[0]);
    pol_compile_options options = {.optimise = true, .query = (const char *)query.at};
    pol_compiler *c = pol_compiler_new(&options);
    if (!pol_compiler_run(c))
        put_first_diag(pol_compiler_diags(c), &o->error);
    else if (!pol_compiler_bundle(c, &bytes, &err) || !pol_bundle_from_bytes(pol_buf_view(&bytes), NULL, &bundle, &err))
        pol_buf_printf(&o->error, "%s: %s", pol_code_text(err.code), err.text);
    else
        decide(o, bundle, input);
    pol_bundle_close(bundle);
    pol_compiler_free(c);
}

static void show(const triple *t, const outcome *o)
{
    POL_CLEAN(pol_buf_deinit) pol_buf got = {0};
    if (o->error.n)
        pol_buf_bytes(&got, pol_buf_view(&o->error));
    else if (pol_is_defined(o->value))
        pol_json_write(&got, o->value, 0);
    else
        pol_buf_text(&got, "undefined");
    const pol_bytes wanted = t->lines[t->n - 1];
    printf("FAIL %s:%u: %.*s\n  wanted %.*s\n  got    %s\n", t->file, t->row, (int)t->lines[0].n, (const char *)t->lines[0].at,
           (int)wanted.n, (const char *)wanted.at, (const char *)got.at);
}

static bool is_as_wanted(const triple *t, outcome *o)
{
    if (t->n == 4)
        return pol_bytes_is(t->lines[2], "%FAIL") && pol_bytes_equal(pol_buf_view(&o->error), t->lines[3]);
    if (t->n != 3 || o->error.n)
        return false;
    if (pol_bytes_is(t->lines[2], "undefined"))
        return !pol_is_defined(o->value);
    pol_value wanted;
    pol_error err;
    if (!pol_json_read(&o->arena, t->lines[2], NULL, &wanted, &err))
        return false;
    return pol_is_defined(o->value) && pol_equal(wanted, o->value);
}

static void run_triple(const triple *t, counts *c)
{
    outcome o = {.value = pol_undefined()};
    pol_arena_init(&o.arena, 0);
    if (t->n >= 3)
        evaluate(&o, t);
    if (is_as_wanted(t, &o)) {
        c->passed++;
    } else {
        c->failed++;
        show(t, &o);
    }
    pol_buf_deinit(&o.error);
    pol_arena_deinit(&o.arena);
}

static void run_text(const char *file, pol_bytes text, counts *c)
{
    triple t = {.file = file};
    unsigned row = 0;
    for (size_t at = 0; at <= text.n;) {
        const uint8_t *end = at < text.n ? memchr(text.at + at, '\n', text.n - at) : NULL;
        pol_bytes line = pol_bytes_of(text.at + at, (end ? (size_t)(end - text.at) : text.n) - at);
        at += line.n + 1;
        row++;
        if (line.n && line.at[0] == '#')
            continue;
        if (line.n == 0) {
            if (t.n)
                run_triple(&t, c);
            t.n = 0;
        } else if (t.n < TRIPLE_LINES) {
            if (t.n == 0)
                t.row = row;
            t.lines[t.n++] = line;
        }
    }
    if (t.n)
        run_triple(&t, c);
}

static void run_file(const char *path, counts *c)
{
    POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
    pol_error err;
    if (pol_file_read(path, 0, &text, &err)) {
        run_text(path, pol_buf_view(&text), c);
    } else {
        printf("FAIL %s\n", err.text);
        c->failed++;
    }
}

static int is_test_file(const struct dirent *entry)
{
    return pol_bytes_ends(pol_bytes_text(entry->d_name), POL_BYTES(".test"));
}

static void run_path(const char *path, counts *c)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        run_file(path, c);
        return;
    }
    struct dirent **files;
    int n = scandir(path, &files, is_test_file, alphasort);
    for (int i = 0; i < n; i++) {
        POL_CLEAN(pol_buf_deinit) pol_buf name = {0};
        pol_buf_printf(&name, "%s/%s", path, files[i]->d_name);
        run_file((const char *)name.at, c);
        free(files[i]);
    }
    if (n >= 0)
        free(files);
}

int main(int argc, char **argv)
{
    counts c = {0};
    if (argc < 2) {
        fprintf(stderr, "usage: expr-triples PATH...\n");
        return 2;
    }
    for (int i = 1; i < argc; i++)
        run_path(argv[i], &c);
    printf("%u passed, %u failed, 0 skipped\n", c.passed, c.failed);
    return c.failed ? 1 : 0;
}
