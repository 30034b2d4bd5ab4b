/* SPDX-License-Identifier: Apache-2.0
 * rego-conformance DIR: runs the cases of a Rego conformance pack and judges each as OPA's own test does. With --formatted each module is laid out
 * first, which must give what laying it out again gives.
 */
#include "compiler/compile.h"
#include "compiler/layout.h"
#include "grammar/parse.h"
#include "runtime/engine.h"
#include "runtime/json.h"
#include "tests/conformance/batch.h"

#include <dirent.h>

typedef struct {
    const char *group;
    uint32_t position;
    pol_value value; /* the case as read */
} test_case;

typedef struct {
    pol_arena arena;
    test_case *items;
    uint32_t n, capacity;
    const char *group, *note; /* only these; NULL: all */
    bool verbose, plain;      /* plain: not optimised */
    bool formatted;           /* modules are laid out first */
} pack;

typedef struct {
    pol_buf *why; /* of a failure */
    pol_compiler *compiler;
    pol_bundle *bundle;
    pol_eval *eval;
    bool formatted;
    pol_arena arena;
} running;

/* ---- reading the pack ---- */

static int is_group_file(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    return n > 5 && strcmp(entry->d_name + n - 5, ".json") == 0 && strcmp(entry->d_name, "builtins.json") != 0;
}

POL_MUST_USE static bool check_fields(const char *group, pol_value one, pol_error *err)
{
    static const char *const known[] = {"note", "query", "modules", "data", "input", "input_term", "want_result", "want_error_code",
                                        "want_error", "sort_bindings", "ignore_generated_vars", "strict_error", "want_defined",
                                        "experimental_keywords", "env", "builtins", "features", NULL};
    for (uint32_t i = 0; i < one.n; i++) {
        pol_bytes key = pol_text(pol_member_key(one, i));
        const char *const *k = known;
        while (*k && !pol_bytes_is(key, *k))
            k++;
        if (!*k)
            return pol_fail(err, POL_E_JSON, "%s: a case has the unknown field \"%.*s\"", group, (int)key.n, (const char *)key.at);
    }
    return true;
}

POL_MUST_USE static bool read_group(pack *p, const char *dir, const char *file, pol_error *err)
{
    POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
    POL_CLEAN(pol_buf_deinit) pol_buf path = {0};
    const char *group = pol_arena_printf(&p->arena, "%.*s", (int)strlen(file) - 5, file);
    if (p->group && strcmp(p->group, group) != 0)
        return true;
    pol_buf_printf(&path, "%s/%s", dir, file);
    pol_value cases;
    POL_TRY(pol_file_read((const char *)path.at, 0, &text, err));
    POL_TRY(pol_json_read(&p->arena, pol_buf_view(&text), NULL, &cases, err));
    if (cases.tag != POL_ARRAY)
        return pol_fail(err, POL_E_JSON, "%s: an array is wanted", file);
    for (uint32_t i = 0; i < cases.n; i++) {
        pol_value one = pol_element(cases, i);
        POL_TRY(check_fields(group, one, err));
        if (p->note && !pol_bytes_is(pol_text(pol_object_member(one, "note")), p->note))
            continue;
        POL_GROW(&p->arena, p->items, p->n, p->capacity);
        p->items[p->n++] = (test_case){.group = group, .position = i, .value = one};
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

/* ---- judging ---- */

/* As OPA turns values into JSON: a set is an array in order, a key that is no string its compact text. */
static pol_value to_json(pol_arena *arena, pol_value v)
{
    pol_builder b = pol_builder_new(arena);
    switch (v.tag) {
    case POL_ARRAY:
    case POL_SET:
        for (uint32_t i = 0; i < v.n; i++)
            pol_builder_add(&b, to_json(arena, pol_element(v, i)));
        return pol_builder_array(&b);
    case POL_OBJECT:
        for (uint32_t i = 0; i < v.n; i++) {
            pol_value key = pol_member_key(v, i);
            if (key.tag != POL_STRING) {
                POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
                pol_json_write(&text, key, POL_JSON_HTML);
                key = pol_string_copy(arena, pol_buf_view(&text));
            }
            pol_builder_put(&b, key, to_json(arena, pol_member_value(v, i)));
        }
        return pol_builder_object(&b);
    default:
        return v;
    }
}

static int compare_values(const void *a, const void *b)
{
    return pol_compare(*(const pol_value *)a, *(const pol_value *)b);
}

/* Undefined when v is no array. */
static pol_value sort_array(pol_arena *arena, pol_value v)
{
    if (v.tag != POL_ARRAY)
        return pol_undefined();
    pol_value *items = pol_arena_array(arena, (size_t)v.n + 1, sizeof *items);
    for (uint32_t i = 0; i < v.n; i++)
        items[i] = pol_element(v, i);
    qsort(items, v.n, sizeof *items, compare_values);
    return pol_array_of(arena, items, v.n);
}

static bool is_set_to_true(pol_value one, const char *field)
{
    return pol_is_true(pol_object_member(one, field));
}

/* The set of results as the judge compares it; false when sort_bindings meets something other than an array. */
POL_MUST_USE static bool gather(running *r, pol_value one, pol_value results, pol_value *out)
{
    pol_builder all = pol_builder_new(&r->arena);
    for (uint32_t i = 0; i < results.n; i++) {
        pol_value bindings = pol_object_member(pol_element(results, i), "bindings");
        pol_builder b = pol_builder_new(&r->arena);
        for (uint32_t k = 0; k < bindings.n; k++) {
            pol_value name = pol_member_key(bindings, k), value = to_json(&r->arena, pol_member_value(bindings, k));
            if (is_set_to_true(one, "ignore_generated_vars") && pol_bytes_starts(pol_text(name), POL_BYTES("__localq")))
                continue;
            if (is_set_to_true(one, "sort_bindings") && !pol_is_defined(value = sort_array(&r->arena, value)))
                return false;
            pol_builder_put(&b, name, value);
        }
        pol_builder_add(&all, pol_builder_object(&b));
    }
    *out = pol_builder_set(&all);
    return true;
}

POL_MUST_USE static bool judge_result(running *r, pol_value one, pol_value results)
{
    pol_value wanted = pol_object_member(one, "want_result"), got;
    if (!pol_is_defined(wanted))
        return true;
    pol_builder set = pol_builder_new(&r->arena);
    for (uint32_t i = 0; i < wanted.n; i++)
        pol_builder_add(&set, pol_element(wanted, i));
    wanted = pol_builder_set(&set);
    if (!gather(r, one, results, &got)) {
        pol_buf_text(r->why, "sort_bindings: a bound value is no array");
        return false;
    }
    if (pol_equal(wanted, got))
        return true;
    pol_buf_text(r->why, "wanted ");
    pol_json_write(r->why, wanted, 0);
    pol_buf_text(r->why, "\n  got    ");
    pol_json_write(r->why, got, 0);
    return false;
}

/* error: its text, n == 0 when there is none. */
POL_MUST_USE static bool judge(running *r, pol_value one, pol_value results, pol_bytes error, const char *code)
{
    pol_value want_error = pol_object_member(one, "want_error"), want_code = pol_object_member(one, "want_error_code");
    bool wants_error = pol_is_defined(want_error) || pol_is_defined(want_code);
    if (!wants_error && !pol_is_defined(pol_object_member(one, "want_result"))) {
        pol_buf_text(r->why, "the case wants nothing");
        return false;
    }
    if (error.n && !wants_error) {
        pol_buf_text(r->why, "error ");
        pol_buf_bytes(r->why, error);
        return false;
    }
    if (pol_is_defined(want_error) && (!error.n || pol_bytes_find(error, pol_text(want_error), 0) < 0)) {
        pol_buf_printf(r->why, "wanted error \"%.*s\"\n  got    ", (int)want_error.n, (const char *)want_error.text);
        pol_buf_bytes(r->why, error.n ? error : POL_BYTES("no error"));
        return false;
    }
    if (pol_is_defined(want_code) && (!error.n || !pol_bytes_is(pol_text(want_code), code))) {
        pol_buf_printf(r->why, "wanted error code %.*s, got %s", (int)want_code.n, (const char *)want_code.text,
                       error.n ? code : "no error");
        return false;
    }
    return judge_result(r, one, results);
}

/* ---- running one case ---- */

/* Lays text out, and the result again. Empty: it cannot be, or the second time gives something else. */
static pol_bytes lay_out(running *r, const char *name, pol_bytes text)
{
    pol_bytes before = text;
    for (int i = 0; i < 2; i++) {
        POL_CLEAN(pol_buf_deinit) pol_buf out = {0};
        pol_sources sources = {.arena = &r->arena};
        pol_diags diags = {.arena = &r->arena, .sources = &sources};
        before = text;
        if (!pol_lay_out(&r->arena, &sources, pol_source_add(&sources, name, text, false), &diags, &out)) {
            pol_buf_text(r->why, "cannot be laid out:\n");
            pol_diags_write(&diags, POL_DIAGS_PRETTY, r->why);
            return (pol_bytes){0};
        }
        text = pol_buf_to_arena(&out, &r->arena);
    }
    if (pol_bytes_equal(before, text))
        return text;
    pol_buf_text(r->why, "laid out twice is not as once:\n");
    pol_buf_bytes(r->why, before);
    pol_buf_bytes(r->why, text);
    return (pol_bytes){0};
}

POL_MUST_USE static bool compile(running *r, pol_value one, bool optimise, pol_error *err)
{
    pol_value query = pol_object_member(one, "query"), modules = pol_object_member(one, "modules");
    pol_compile_options options = {
        .optimise = optimise,
        .query = (const char *)pol_arena_copy(&r->arena, query.text, query.n),
    };
    r->compiler = pol_compiler_new(&options);
    for (uint32_t i = 0; i < modules.n; i++) {
        char name[32];
        snprintf(name, sizeof name, "test-%u.rego", i);
        pol_bytes text = pol_text(pol_element(modules, i));
        if (r->formatted && (text = lay_out(r, name, text)).n == 0)
            return pol_fail(err, POL_E_USAGE, "layout");
        pol_compiler_add_module(r->compiler, name, text);
    }
    pol_value data = pol_object_member(one, "data");
    if (pol_is_defined(data))
        POL_TRY(pol_compiler_add_data(r->compiler, "data", NULL, 0, data, err));
    if (!pol_compiler_run(r->compiler)) {
        POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
        pol_diags_write(pol_compiler_diags(r->compiler), POL_DIAGS_PRETTY, &text);
        pol_buf_text(r->why, "does not compile:\n");
        pol_buf_bytes(r->why, pol_buf_view(&text));
        return pol_fail(err, POL_E_USAGE, "does not compile");
    }
    POL_CLEAN(pol_buf_deinit) pol_buf bytes = {0};
    POL_TRY(pol_compiler_bundle(r->compiler, &bytes, err));
    return pol_bundle_from_bytes(pol_buf_view(&bytes), NULL, &r->bundle, err);
}

POL_MUST_USE static bool read_input(running *r, pol_value one, pol_value *input, pol_error *err)
{
    pol_value term = pol_object_member(one, "input_term");
    *input = pol_object_member(one, "input");
    if (!pol_is_defined(term))
        return true;
    pol_sources sources = {.arena = &r->arena};
    pol_diags diags = {.arena = &r->arena, .sources = &sources};
    uint32_t source = pol_source_add(&sources, "input_term", pol_text(term), false);
    pol_term *tree = pol_parse_term(&r->arena, &sources, source, &diags);
    if (!tree || diags.n_errors)
        return pol_fail(err, POL_E_USAGE, "input_term does not parse");
    *input = pol_term_value(&r->arena, tree);
    return pol_is_defined(*input) || pol_fail(err, POL_E_USAGE, "input_term is not ground");
}

static void put_error_text(pol_buf *out, const pol_eval_error *e, pol_code code, const char *message)
{
    if (e->file && e->row)
        pol_buf_printf(out, "%s:%u: ", e->file, e->row);
    pol_buf_printf(out, "%s: %s", pol_code_text(code), message);
}

POL_MUST_USE static bool decide(running *r, pol_value one, pol_error *err)
{
    static const pol_limits limits = {.instructions = 200000000, .arena_bytes = (size_t)1 << 30, .depth = 10000};
    POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
    pol_value input, results, name = pol_string_text("$query");
    POL_TRY(read_input(r, one, &input, err));
    r->eval = pol_eval_new(&limits);
    pol_eval_begin(r->eval, r->bundle);
    pol_entry entry = pol_bundle_entry(r->bundle, &r->arena, pol_array_of(&r->arena, &name, 1));
    const char *code = "";
    if (!pol_eval_run(r->eval, entry, input, &results, err)) {
        pol_eval_error at = pol_eval_failure(r->eval);
        code = pol_code_text(err->code);
        put_error_text(&text, &at, err->code, err->text);
    } else if (is_set_to_true(one, "strict_error")) {
        unsigned n;
        const pol_eval_error *errors = pol_eval_errors(r->eval, &n);
        if (n) {
            code = pol_code_text(errors[0].code);
            put_error_text(&text, &errors[0], errors[0].code, errors[0].message);
        }
    }
    if (judge(r, one, results, pol_buf_view(&text), code))
        return true;
    return pol_fail(err, POL_E_USAGE, "judged");
}

POL_MUST_USE static bool run_case(const test_case *c, const pack *p, pol_buf *why)
{
    running r = {.why = why, .formatted = p->formatted};
    pol_error err;
    pol_arena_init(&r.arena, 0);
    bool ok = compile(&r, c->value, !p->plain, &err) && decide(&r, c->value, &err);
    if (!ok && why->n == 0)
        pol_buf_printf(why, "%s: %s", pol_code_text(err.code), err.text);
    if (r.eval)
        pol_eval_free(r.eval);
    if (r.bundle)
        pol_bundle_close(r.bundle);
    pol_compiler_free(r.compiler);
    pol_arena_deinit(&r.arena);
    return ok;
}

static bool run_indexed(void *context, uint32_t i, pol_buf *why)
{
    const pack *p = context;
    return run_case(&p->items[i], p, why);
}

static void name_case(void *context, uint32_t i, pol_buf *out)
{
    const test_case *c = &((const pack *)context)->items[i];
    pol_value note = pol_object_member(c->value, "note");
    pol_buf_printf(out, "%s [%u] %.*s", c->group, c->position, (int)note.n, (const char *)note.text);
}

static void free_pack(void *context)
{
    pol_arena_deinit(&((pack *)context)->arena);
}

static int usage(void)
{
    fprintf(stderr, "usage: rego-conformance [-v] [--group NAME] [--note NOTE] [--plain] [--formatted] DIR\n");
    return 2;
}

int main(int argc, char **argv)
{
    pack p = {0};
    const char *dir = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0)
            p.verbose = true;
        else if (strcmp(argv[i], "--plain") == 0)
            p.plain = true;
        else if (strcmp(argv[i], "--formatted") == 0)
            p.formatted = true;
        else if (strcmp(argv[i], "--group") == 0 && i + 1 < argc)
            p.group = argv[++i];
        else if (strcmp(argv[i], "--note") == 0 && i + 1 < argc)
            p.note = argv[++i];
        else if (argv[i][0] == '-' || dir)
            return usage();
        else
            dir = argv[i];
    }
    if (!dir)
        return usage();
    pol_error err;
    pol_arena_init(&p.arena, 0);
    if (!read_pack(&p, dir, &err)) {
        fprintf(stderr, "rego-conformance: %s\n", err.text);
        return 2;
    }
    batch b = {.n = p.n, .run = run_indexed, .name = name_case, .free = free_pack, .context = &p, .verbose = p.verbose};
    return run_cases(&b);
}
