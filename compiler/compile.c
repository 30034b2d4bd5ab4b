/* SPDX-License-Identifier: Apache-2.0
 * The compiler from outside: takes modules and data, runs the stages one after another, holds what they made. Knows their order
 * and nothing of what they do. Modules are compiled in order of their labels, so that a bundle does not depend on the order in
 * which files were found.
 */
#include "compiler/compile.h"

#include "compiler/plan.h"
#include "compiler/rego_target.h"
#include "compiler/statements.h"
#include "grammar/parse.h"
#include "runtime/engine.h"

#include <assert.h>
#include <fnmatch.h>
#include <stdlib.h>

typedef struct {
    const char *name, *label;
    pol_bytes text;
} module_text;

struct pol_compiler {
    pol_arena arena;
    pol_compile_options options;
    pol_sources sources;
    pol_diags diags;
    pol_program program;
    module_text *texts;
    uint32_t n_texts, texts_capacity;
    const char **ignored;
    uint32_t n_ignored, ignored_capacity;
    const char **labels; /* of each source */
    pol_query *query;
    pol_plan *plan;
    pol_image image;
    bool ready; /* image is complete */
};

pol_compiler *pol_compiler_new(const pol_compile_options *options)
{
    pol_compiler *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    pol_arena_init(&c->arena, 0);
    if (options)
        c->options = *options;
    c->sources.arena = &c->arena;
    c->diags.arena = &c->arena;
    c->diags.sources = &c->sources;
    c->program = (pol_program){
        .arena = &c->arena,
        .sources = &c->sources,
        .diags = &c->diags,
        .options = {.strict = c->options.strict, .print_statements = c->options.print_statements},
        .data = pol_empty(POL_OBJECT),
    };
    return c;
}

void pol_compiler_free(pol_compiler *c)
{
    if (!c)
        return;
    pol_arena_deinit(&c->arena);
    free(c);
}

/* ---- what is compiled ---- */

void pol_compiler_add_labelled(pol_compiler *c, const char *name, const char *label, pol_bytes text)
{
    POL_GROW(&c->arena, c->texts, c->n_texts, c->texts_capacity);
    c->texts[c->n_texts++] = (module_text){
        .name = pol_arena_printf(&c->arena, "%s", name),
        .label = pol_arena_printf(&c->arena, "%s", label),
        .text = pol_bytes_of(pol_arena_copy(&c->arena, text.at, text.n), text.n),
    };
}

void pol_compiler_add_module(pol_compiler *c, const char *name, pol_bytes text)
{
    pol_compiler_add_labelled(c, name, name, text);
}

void pol_compiler_ignore(pol_compiler *c, const char *pattern)
{
    POL_GROW(&c->arena, c->ignored, c->n_ignored, c->ignored_capacity);
    c->ignored[c->n_ignored++] = pattern;
}

bool pol_compiler_ignores(const pol_compiler *c, const char *name)
{
    for (uint32_t i = 0; i < c->n_ignored; i++)
        if (fnmatch(c->ignored[i], name, 0) == 0)
            return true;
    return false;
}

void pol_compiler_set_revision(pol_compiler *c, pol_bytes revision)
{
    if (!c->options.revision)
        c->options.revision = (const char *)pol_arena_copy(&c->arena, revision.at, revision.n);
}

bool pol_compiler_add_tiers(pol_compiler *c, const char *name, pol_value tiers, pol_error *err)
{
    if (!pol_is_defined(tiers))
        return true;
    if (tiers.tag != POL_OBJECT)
        return pol_fail(err, POL_E_JSON, "%s: metadata.tiers is an object of names and weights", name);
    for (uint32_t i = 0; i < tiers.n; i++) {
        pol_bytes tier = pol_text(pol_member_key(tiers, i));
        int64_t weight;
        if (!pol_is_number(pol_member_value(tiers, i)) || !pol_number_int64(pol_member_value(tiers, i), &weight) || weight < 1 ||
            weight > POL_TIER_WEIGHT_MAX)
            return pol_fail(err, POL_E_JSON, "%s: the weight of tier `%.*s` is a whole number from 1 to %d", name, (int)tier.n,
                            (const char *)tier.at, POL_TIER_WEIGHT_MAX);
    }
    c->program.tiers = c->program.tiers.tag == POL_OBJECT ? pol_object_union(&c->arena, c->program.tiers, tiers) : tiers;
    return true;
}

/* Objects are merged member by member; two other values at one place are a conflict, equal ones too, as in OPA. */
POL_MUST_USE static bool merge(pol_arena *arena, pol_value a, pol_value b, const char *name, pol_value *out, pol_error *err)
{
    if (a.tag != POL_OBJECT || b.tag != POL_OBJECT)
        return pol_fail(err, POL_E_CONFLICT, "%s: data that another file has set already; only objects are merged", name);
    pol_builder all = pol_builder_new(arena);
    for (uint32_t i = 0; i < a.n; i++)
        pol_builder_put(&all, pol_member_key(a, i), pol_member_value(a, i));
    for (uint32_t i = 0; i < b.n; i++) {
        pol_value key = pol_member_key(b, i), value = pol_member_value(b, i), there = pol_object_get(a, key);
        if (pol_is_defined(there))
            POL_TRY(merge(arena, there, value, name, &value, err));
        pol_builder_put(&all, key, value);
    }
    *out = pol_builder_object(&all);
    return true;
}

bool pol_compiler_add_data(pol_compiler *c, const char *name, const pol_bytes *path, uint32_t n_path, pol_value data, pol_error *err)
{
    for (uint32_t i = n_path; i-- > 0;) {
        pol_builder b = pol_builder_new(&c->arena);
        pol_builder_put(&b, pol_string_copy(&c->arena, path[i]), data);
        data = pol_builder_object(&b);
    }
    if (!pol_is_defined(data))
        return pol_fail(err, POL_E_LIMIT, "%s: nested deeper than %d", name, POL_DEPTH_MAX);
    if (data.tag != POL_OBJECT)
        return pol_fail(err, POL_E_JSON, "%s: the data document must be an object", name);
    return merge(&c->arena, c->program.data, data, name, &c->program.data, err);
}

/* ---- stages ---- */

static int compare_texts(const void *a, const void *b)
{
    const module_text *x = a, *y = b;
    int order = strcmp(x->label, y->label);
    if (order == 0)
        order = pol_bytes_compare(x->text, y->text);
    return order ? order : strcmp(x->name, y->name);
}

static bool is_polward(const char *name)
{
    return pol_bytes_ends(pol_bytes_text(name), POL_BYTES(".pol"));
}

/* Parses every module; true when all are sound. */
POL_MUST_USE static bool parse_modules(pol_compiler *c)
{
    pol_program *p = &c->program;
    bool sound = true;
    if (c->n_texts)
        qsort(c->texts, c->n_texts, sizeof *c->texts, compare_texts);
    c->labels = POL_NEW_ARRAY(&c->arena, const char *, (size_t)c->n_texts + 1);
    for (uint32_t i = 0; i < c->n_texts; i++) {
        const module_text *t = &c->texts[i];
        uint32_t source = pol_source_add(&c->sources, t->name, t->text, is_polward(t->name));
        assert(source == i);
        c->labels[source] = t->label;
        pol_module *module = pol_parse_module(&c->arena, &c->sources, source, &c->diags);
        POL_GROW(&c->arena, p->modules, p->n_modules, p->modules_capacity);
        p->modules[p->n_modules++] = module;
        if (module->failed)
            sound = false;
    }
    return sound && c->diags.n_errors == 0;
}

static bool has_polward_module(const pol_compiler *c)
{
    for (uint32_t i = 0; i < c->sources.n; i++)
        if (c->sources.items[i].polward)
            return true;
    return false;
}

POL_MUST_USE static bool check_query(pol_compiler *c)
{
    const pol_compile_options *o = &c->options;
    pol_value path = pol_empty(POL_ARRAY);
    if (o->query_package) {
        POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
        pol_buf_text(&text, "data.");
        pol_buf_text(&text, o->query_package);
        path = pol_path_split(&c->arena, pol_buf_view(&text));
    }
    pol_bytes *package = POL_NEW_ARRAY(&c->arena, pol_bytes, (size_t)path.n + 1);
    for (uint32_t i = 0; i < path.n; i++)
        package[i] = pol_text(pol_element(path, i));
    uint32_t source = pol_source_add(&c->sources, "", pol_bytes_text(o->query), false);
    pol_body *body = pol_parse_query(&c->arena, &c->sources, source, o->query_keywords, &c->diags);
    if (!body || c->diags.n_errors)
        return false;
    c->query = pol_program_query(&c->program, body, package, path.n, o->query_imports, o->n_query_imports);
    if (!c->query || c->diags.n_errors)
        return false;
    c->query->show_values = o->query_values;
    return true;
}

/* "data.orders.allow" and "/orders/allow" as "orders/allow". */
static const char *entry_path(pol_compiler *c, const char *path)
{
    while (*path == '/')
        path++;
    pol_bytes text = pol_bytes_text(path);
    if (!pol_bytes_starts(text, POL_BYTES("data.")))
        return path;
    uint8_t *slashed = pol_arena_copy(&c->arena, path + 5, text.n - 5);
    for (uint8_t *at = slashed; *at; at++)
        if (*at == '.')
            *at = '/';
    return (const char *)slashed;
}

/* The bundle's own words beside what the plan says: deterministic, so no time, user or machine. */
static pol_value make_manifest(pol_compiler *c, const char *const *entrypoints, uint32_t n_entrypoints)
{
    pol_builder b = pol_builder_new(&c->arena);
    pol_builder_put_text(&b, "compiler", pol_string_text("polward " POLWARD_VERSION));
    if (c->options.revision)
        pol_builder_put_text(&b, "revision", pol_string_text(c->options.revision));
    if (c->program.has_statements || has_polward_module(c)) {
        pol_value routes = pol_statements_routes(&c->program);
        if (pol_is_defined(routes) && routes.n)
            pol_builder_put_text(&b, "routes", routes);
    }
    if (n_entrypoints) {
        pol_builder names = pol_builder_new(&c->arena);
        for (uint32_t i = 0; i < n_entrypoints; i++)
            pol_builder_add(&names, pol_string_text(entrypoints[i]));
        pol_builder_put_text(&b, "entrypoints", pol_builder_set(&names));
    }
    pol_value ours = pol_builder_object(&b);
    return c->plan->manifest.tag == POL_OBJECT ? pol_object_union(&c->arena, c->plan->manifest, ours) : ours;
}

static void label_files(pol_compiler *c)
{
    const char **files = POL_NEW_ARRAY(&c->arena, const char *, (size_t)c->plan->n_files + 1);
    for (uint32_t i = 0; i < c->plan->n_files; i++) {
        files[i] = c->plan->files[i];
        for (uint32_t k = 0; k < c->n_texts; k++)
            if (strcmp(c->sources.items[k].name, files[i]) == 0)
                files[i] = c->labels[k];
    }
    c->plan->files = files;
}

bool pol_compiler_prepare(pol_compiler *c)
{
    bool sound = parse_modules(c);
    return (!has_polward_module(c) || pol_statements_prepare(&c->program)) && sound && c->diags.n_errors == 0;
}

bool pol_compiler_run(pol_compiler *c)
{
    /* One run tells of all mistakes: what could be read is checked too. */
    bool sound = parse_modules(c);
    if (has_polward_module(c) && !pol_statements_prepare(&c->program))
        sound = false;
    if (!pol_program_check(&c->program))
        sound = false;
    POL_TRY(sound && c->diags.n_errors == 0);
    POL_TRY(pol_attributes_check(&c->program));
    if (c->options.query)
        POL_TRY(check_query(c));
    const char **entrypoints = POL_NEW_ARRAY(&c->arena, const char *, (size_t)c->options.n_entrypoints + 1);
    for (uint32_t i = 0; i < c->options.n_entrypoints; i++)
        entrypoints[i] = entry_path(c, c->options.entrypoints[i]);
    c->plan = pol_lower(&c->program, c->query, entrypoints, c->options.n_entrypoints);
    if (!c->plan || c->diags.n_errors)
        return false;
    if (c->options.relative_names)
        label_files(c);
    c->plan->data = c->program.data;
    c->plan->manifest = make_manifest(c, entrypoints, c->options.n_entrypoints);
    if (c->options.optimise)
        pol_optimise(c->plan);
    return true;
}

/* ---- results ---- */

const pol_diags *pol_compiler_diags(const pol_compiler *c)
{
    return &c->diags;
}

pol_arena *pol_compiler_arena(pol_compiler *c)
{
    return &c->arena;
}

const pol_program *pol_compiler_program(const pol_compiler *c)
{
    return &c->program;
}

pol_value pol_compiler_rego(const pol_compiler *c, pol_compiler *prepared)
{
    return pol_rego_target(&prepared->program, c->program.statements ? c->program.statements->input_checks : pol_undefined());
}

const pol_query *pol_compiler_query(const pol_compiler *c)
{
    return c->query;
}

POL_MUST_USE static bool make_image(pol_compiler *c, pol_error *err)
{
    if (c->ready)
        return true;
    if (!c->plan)
        return pol_fail(err, POL_E_USAGE, "nothing was compiled");
    POL_TRY(pol_emit(c->plan, &c->image, err));
    if (!c->options.stripped) {
        POL_CLEAN(pol_buf_deinit) pol_buf explain = {0};
        pol_explain_write(&c->program, c->plan, &c->image, &explain);
        c->image.explain = pol_buf_to_arena(&explain, &c->arena);
    }
    c->ready = true;
    return true;
}

bool pol_compiler_bundle(pol_compiler *c, pol_buf *out, pol_error *err)
{
    POL_TRY(make_image(c, err));
    return pol_bundle_write(&c->image, out, err);
}

void pol_compiler_emit(pol_compiler *c, pol_stage what, pol_buf *out)
{
    pol_error err;
    switch (what) {
    case POL_EMIT_TREE:
        for (uint32_t i = 0; i < c->program.n_modules; i++)
            pol_module_dump(c->program.modules[i], &c->sources, out);
        break;
    case POL_EMIT_PLAN:
        if (c->plan)
            pol_plan_print(c->plan, out);
        break;
    case POL_EMIT_ASM:
        if (make_image(c, &err))
            pol_image_print(&c->image, out);
        else
            pol_buf_printf(out, "; %s: %s\n", pol_code_text(err.code), err.text);
        break;
    }
}
