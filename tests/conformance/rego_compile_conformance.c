/* SPDX-License-Identifier: Apache-2.0
 * rego-compile-conformance DIR [-v]: sets of modules that must compile, or must be refused with a
 * class of error on a line, from a folder of JSON files. Each file is an array of cases {note,
 * modules, strict, print_statements, want_errors, exhaustive, compiles}; the i-th module is
 * test-<i>.rego.
 */
#include "compiler/diag.h"
#include "compiler/program.h"
#include "grammar/parse.h"
#include "runtime/json.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    unsigned passed, failed, skipped;
    bool verbose;
} tally;

typedef struct {
    pol_arena arena;
    pol_sources sources;
    pol_diags diags;
} compilation;

static bool flag(pol_value c, const char *name)
{
    return pol_is_true(pol_object_member(c, name));
}

/* Syntax errors hide all that comes after parsing. */
static void compile(compilation *k, pol_value c)
{
    pol_value modules = pol_object_member(c, "modules");
    pol_program program = {
        .arena = &k->arena,
        .sources = &k->sources,
        .diags = &k->diags,
        .options = {.strict = flag(c, "strict"), .print_statements = flag(c, "print_statements")},
        .data = pol_empty(POL_OBJECT),
    };
    k->sources.arena = k->diags.arena = &k->arena;
    k->diags.sources = &k->sources;
    for (uint32_t i = 0; i < modules.n; i++) {
        const char *name = pol_arena_printf(&k->arena, "test-%u.rego", i);
        uint32_t source =
            pol_source_add(&k->sources, name, pol_text(pol_element(modules, i)), false);
        pol_module *module = pol_parse_module(&k->arena, &k->sources, source, &k->diags);
        POL_GROW(&k->arena, program.modules, program.n_modules, program.modules_capacity);
        program.modules[program.n_modules++] = module;
    }
    if (k->diags.n_errors == 0 && !pol_program_check(&program))
        pol_diags_sort(&k->diags);
}

/* ---- judging ---- */

static const char *class_of(const pol_diagnostic *d)
{
    return pol_diag_infos[d->code].class_name;
}

static bool is_error(const pol_diagnostic *d)
{
    return pol_diag_infos[d->code].severity == POL_SEVERITY_ERROR;
}

static bool matches(const compilation *k, const pol_diagnostic *d, pol_value want)
{
    pol_value module = pol_object_member(want, "module"),
              wanted_row = pol_object_member(want, "row");
    pol_bytes name = module.tag == POL_STRING ? pol_text(module) : POL_BYTES("test-0.rego");
    uint32_t row, col;
    if (!pol_bytes_is(pol_text(pol_object_member(want, "code")), class_of(d)))
        return false;
    if (wanted_row.tag != POL_INT || wanted_row.i == 0)
        return true;
    pol_source_place(&k->sources, d->span, &row, &col);
    return row == wanted_row.i && pol_bytes_is(name, k->sources.items[d->span.source].name);
}

static bool is_answered(const compilation *k, pol_value want)
{
    for (uint32_t i = 0; i < k->diags.n; i++)
        if (is_error(&k->diags.items[i]) && matches(k, &k->diags.items[i], want))
            return true;
    return false;
}

static bool is_wanted(const compilation *k, const pol_diagnostic *d, pol_value wants)
{
    for (uint32_t i = 0; i < wants.n; i++)
        if (matches(k, d, pol_element(wants, i)))
            return true;
    return false;
}

static bool judge(const compilation *k, pol_value c)
{
    pol_value wants = pol_object_member(c, "want_errors");
    if (flag(c, "compiles"))
        return k->diags.n_errors == 0;
    if (k->diags.n_errors == 0)
        return false;
    for (uint32_t i = 0; i < wants.n; i++)
        if (!is_answered(k, pol_element(wants, i)))
            return false;
    for (uint32_t i = 0; flag(c, "exhaustive") && i < k->diags.n; i++)
        if (is_error(&k->diags.items[i]) && !is_wanted(k, &k->diags.items[i], wants))
            return false;
    return true;
}

/* ---- telling ---- */

static void tell(const compilation *k, const char *file, pol_value c)
{
    pol_bytes note = pol_text(pol_object_member(c, "note"));
    pol_buf out = {0};
    pol_buf_printf(&out, "FAIL %s %.*s\n  wanted: ", file, (int)note.n, (const char *)note.at);
    if (flag(c, "compiles"))
        pol_buf_text(&out, "no error");
    else
        pol_json_write(&out, pol_object_member(c, "want_errors"), POL_JSON_COMPACT);
    pol_buf_text(&out, "\n  got:    ");
    if (!k->diags.n)
        pol_buf_text(&out, "no error");
    for (uint32_t i = 0; i < k->diags.n; i++) {
        const pol_diagnostic *d = &k->diags.items[i];
        uint32_t row, col;
        pol_source_place(&k->sources, d->span, &row, &col);
        pol_buf_printf(&out, "%s%s:%u:%u: %s %s: %s", i ? "\n          " : "",
                       k->sources.items[d->span.source].name, row, col, class_of(d),
                       pol_diag_infos[d->code].name, d->message);
    }
    printf("%.*s\n", (int)out.n, (const char *)out.at);
    pol_buf_deinit(&out);
}

static void run_case(tally *t, const char *file, pol_value c)
{
    compilation k = {0};
    pol_arena_init(&k.arena, 0);
    compile(&k, c);
    if (judge(&k, c)) {
        t->passed++;
    } else {
        t->failed++;
        if (t->verbose)
            tell(&k, file, c);
    }
    pol_arena_deinit(&k.arena);
}

POL_MUST_USE static bool run_file(tally *t, const char *dir, const char *name, pol_error *err)
{
    pol_arena arena;
    pol_buf text = {0};
    pol_value cases;
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    pol_arena_init(&arena, 0);
    bool read = pol_file_read(path, 0, &text, err) &&
                pol_json_read(&arena, pol_buf_view(&text), NULL, &cases, err);
    if (read && cases.tag != POL_ARRAY)
        read = pol_fail(err, POL_E_JSON, "not an array of cases");
    for (uint32_t i = 0; read && i < cases.n; i++)
        run_case(t, name, pol_element(cases, i));
    pol_buf_deinit(&text);
    pol_arena_deinit(&arena);
    return read;
}

static int is_json(const struct dirent *entry)
{
    return pol_bytes_ends(pol_bytes_text(entry->d_name), POL_BYTES(".json"));
}

int main(int argc, char **argv)
{
    tally t = {0};
    const char *dir = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0)
            t.verbose = true;
        else
            dir = argv[i];
    }
    struct dirent **entries;
    int n = dir ? scandir(dir, &entries, is_json, alphasort) : -1;
    if (n < 0) {
        fprintf(stderr,
                dir ? "rego-compile-conformance: %s cannot be read\n"
                    : "usage: rego-compile-conformance DIR [-v]\n",
                dir);
        return 2;
    }
    for (int i = 0; i < n; i++) {
        pol_error err;
        if (!run_file(&t, dir, entries[i]->d_name, &err)) {
            fprintf(stderr, "rego-compile-conformance: %s: %s\n", entries[i]->d_name, err.text);
            t.failed++;
        }
        free(entries[i]);
    }
    free(entries);
    printf("%u passed, %u failed, %u skipped\n", t.passed, t.failed, t.skipped);
    return t.failed ? 1 : 0;
}
