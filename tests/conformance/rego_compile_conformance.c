/* SPDX-License-Identifier: Apache-2.0
 * rego-compile-conformance DIR: what a Rego v1 compiler must accept and refuse, and with which class of error on which line.
 */
#include "compiler/compile.h"
#include "runtime/json.h"
#include "tests/conformance/batch.h"

#include <dirent.h>

typedef struct {
    const char *file;
    pol_value value;
} test_case;

typedef struct {
    pol_arena arena;
    test_case *items;
    uint32_t n, capacity;
    const char *group, *note; /* only these; NULL: all */
} pack;

static int is_group_file(const struct dirent *entry)
{
    return pol_bytes_ends(pol_bytes_text(entry->d_name), POL_BYTES(".json"));
}

POL_MUST_USE static bool read_group(pack *p, const char *dir, const char *file, pol_error *err)
{
    POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
    const char *group = pol_arena_printf(&p->arena, "%.*s", (int)strlen(file) - 5, file);
    pol_value cases;
    if (p->group && strcmp(p->group, group) != 0)
        return true;
    POL_TRY(pol_file_read(pol_arena_printf(&p->arena, "%s/%s", dir, file), 0, &text, err));
    POL_TRY(pol_json_read(&p->arena, pol_buf_view(&text), NULL, &cases, err));
    if (cases.tag != POL_ARRAY)
        return pol_fail(err, POL_E_JSON, "%s: an array is wanted", file);
    for (uint32_t i = 0; i < cases.n; i++) {
        pol_value one = pol_element(cases, i);
        if (p->note && !pol_bytes_is(pol_text(pol_object_member(one, "note")), p->note))
            continue;
        POL_GROW(&p->arena, p->items, p->n, p->capacity);
        p->items[p->n++] = (test_case){.file = group, .value = one};
    }
    return true;
}

POL_MUST_USE static bool read_pack(pack *p, const char *dir, pol_error *err)
{
    struct dirent **files;
    int n = scandir(dir, &files, is_group_file, alphasort);
    if (n < 0)
        return pol_fail(err, POL_E_IO, "%s: %s", dir, strerror(errno));
    bool ok = true;
    for (int i = 0; i < n; i++) {
        ok = ok && read_group(p, dir, files[i]->d_name, err);
        free(files[i]);
    }
    free(files);
    return ok;
}

static bool is_error(const pol_diagnostic *d)
{
    return pol_diag_infos[d->code].severity == POL_SEVERITY_ERROR;
}

/* Same module, class and row; row 0 matches any line and module. */
static bool matches(const pol_sources *sources, const pol_diagnostic *d, pol_value wanted)
{
    pol_value module = pol_object_member(wanted, "module");
    int64_t wanted_row = pol_object_member(wanted, "row").i;
    uint32_t row, col;
    if (!pol_bytes_is(pol_text(pol_object_member(wanted, "code")), pol_diag_infos[d->code].class_name))
        return false;
    if (wanted_row == 0)
        return true;
    pol_source_place(sources, d->span, &row, &col);
    pol_bytes name = module.tag == POL_STRING ? pol_text(module) : POL_BYTES("test-0.rego");
    return row == wanted_row && pol_bytes_is(name, sources->items[d->span.source].name);
}

static bool is_met(const pol_sources *sources, const pol_diags *diags, pol_value wanted)
{
    for (uint32_t i = 0; i < diags->n; i++)
        if (is_error(&diags->items[i]) && matches(sources, &diags->items[i], wanted))
            return true;
    return false;
}

static bool is_wanted(const pol_sources *sources, const pol_diagnostic *d, pol_value wanted)
{
    for (uint32_t i = 0; i < wanted.n; i++)
        if (matches(sources, d, pol_element(wanted, i)))
            return true;
    return false;
}

static void put_diags(const pol_diags *diags, const char *what, pol_buf *why)
{
    pol_buf_printf(why, "%s\n", what);
    pol_diags_write(diags, POL_DIAGS_PRETTY, why);
}

POL_MUST_USE static bool judge(const pol_compiler *c, pol_value one, bool compiled, pol_buf *why)
{
    const pol_diags *diags = pol_compiler_diags(c);
    const pol_sources *sources = pol_compiler_program(c)->sources;
    pol_value wanted = pol_object_member(one, "want_errors");
    if (pol_is_true(pol_object_member(one, "compiles"))) {
        if (compiled && diags->n_errors == 0)
            return true;
        put_diags(diags, "must be accepted:", why);
        return false;
    }
    if (compiled) {
        pol_buf_text(why, "must be refused: ");
        pol_json_write(why, wanted, 0);
        return false;
    }
    for (uint32_t i = 0; i < wanted.n; i++)
        if (!is_met(sources, diags, pol_element(wanted, i))) {
            pol_buf_text(why, "not reported: ");
            pol_json_write(why, pol_element(wanted, i), 0);
            put_diags(diags, "\nreported:", why);
            return false;
        }
    for (uint32_t i = 0; pol_is_true(pol_object_member(one, "exhaustive")) && i < diags->n; i++)
        if (is_error(&diags->items[i]) && !is_wanted(sources, &diags->items[i], wanted)) {
            put_diags(diags, "reported more than is wanted:", why);
            pol_buf_text(why, "\nwanted: ");
            pol_json_write(why, wanted, 0);
            return false;
        }
    return true;
}

static bool run_indexed(void *context, uint32_t i, pol_buf *why)
{
    pol_value one = ((const pack *)context)->items[i].value, modules = pol_object_member(one, "modules");
    pol_compile_options options = {
        .optimise = true,
        .strict = pol_is_true(pol_object_member(one, "strict")),
        .print_statements = pol_is_true(pol_object_member(one, "print_statements")),
    };
    pol_compiler *c = pol_compiler_new(&options);
    for (uint32_t k = 0; k < modules.n; k++) {
        char name[32];
        snprintf(name, sizeof name, "test-%u.rego", k);
        pol_compiler_add_module(c, name, pol_text(pol_element(modules, k)));
    }
    bool compiled = pol_compiler_run(c);
    bool ok = judge(c, one, compiled, why);
    pol_compiler_free(c);
    return ok;
}

static void name_case(void *context, uint32_t i, pol_buf *out)
{
    const test_case *c = &((const pack *)context)->items[i];
    pol_value note = pol_object_member(c->value, "note");
    pol_buf_printf(out, "%s %.*s", c->file, (int)note.n, (const char *)note.text);
}

static void free_pack(void *context)
{
    pol_arena_deinit(&((pack *)context)->arena);
}

int main(int argc, char **argv)
{
    pack p = {0};
    bool verbose = false;
    const char *dir = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0)
            verbose = true;
        else if (strcmp(argv[i], "--group") == 0 && i + 1 < argc)
            p.group = argv[++i];
        else if (strcmp(argv[i], "--note") == 0 && i + 1 < argc)
            p.note = argv[++i];
        else
            dir = argv[i];
    }
    if (!dir) {
        fprintf(stderr, "usage: rego-compile-conformance [-v] [--group NAME] [--note NOTE] DIR\n");
        return 2;
    }
    pol_error err;
    pol_arena_init(&p.arena, 0);
    if (!read_pack(&p, dir, &err)) {
        fprintf(stderr, "rego-compile-conformance: %s\n", err.text);
        return 2;
    }
    batch b = {.n = p.n, .run = run_indexed, .name = name_case, .free = free_pack, .context = &p, .verbose = verbose};
    return run_cases(&b);
}
