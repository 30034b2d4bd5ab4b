/* SPDX-License-Identifier: Apache-2.0
 * decide-batch: one bundle and its questions a line of standard input, answers a line of standard output; for tests that compare thousands of them.
 *   {"modules": {"a.pol": text}, "data": {...}, "path": "polward/decision", "inputs": [...], "plain": not optimised, "rego": its Rego target is wanted}
 *   with "paths" instead of "path": each of them with every input
 *   {"results": [{"value": v} or {} or {"error": code}]}, with "rego": {name: text}, or {"refused": [[code, row, message]]}
 */
#include "compiler/compile.h"
#include "runtime/engine.h"
#include "runtime/json.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct {
    pol_arena arena;
    pol_compiler *compiler;
    pol_bundle *bundle;
    pol_eval *eval;
} asked;

static pol_value refusals(asked *a, const pol_diags *diags)
{
    pol_builder list = pol_builder_new(&a->arena);
    for (uint32_t i = 0; i < diags->n; i++) {
        const pol_diagnostic *d = &diags->items[i];
        uint32_t row, col;
        pol_source_place(pol_compiler_program(a->compiler)->sources, d->span, &row, &col);
        pol_value parts[] = {pol_string_text(pol_diag_infos[d->code].name), pol_int(row), pol_string_text(d->message)};
        pol_builder_add(&list, pol_array_of(&a->arena, parts, 3));
    }
    return pol_builder_array(&list);
}

static pol_value ask(asked *a, pol_value path, pol_value input)
{
    pol_builder b = pol_builder_new(&a->arena);
    pol_value value;
    pol_error err;
    POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
    pol_eval_begin(a->eval, a->bundle);
    pol_entry entry = pol_bundle_entry(a->bundle, pol_eval_arena(a->eval), path);
    if (!pol_eval_run(a->eval, entry, input, &value, &err)) {
        pol_builder_put_text(&b, "error", pol_string_text(pol_code_text(err.code)));
    } else if (pol_is_defined(value)) { /* the value ends with the next decision */
        pol_json_write(&text, value, POL_JSON_COMPACT);
        if (pol_json_read(&a->arena, pol_bytes_of(pol_arena_copy(&a->arena, text.at, text.n), text.n), NULL, &value, &err))
            pol_builder_put_text(&b, "value", value);
    }
    return pol_builder_object(&b);
}

POL_MUST_USE static bool load(asked *a, pol_value line, pol_compiler **out, pol_error *err)
{
    pol_compile_options options = {.optimise = !pol_equal(pol_object_member(line, "plain"), pol_bool(true))};
    pol_value modules = pol_object_member(line, "modules"), data = pol_object_member(line, "data");
    *out = pol_compiler_new(&options);
    for (uint32_t i = 0; modules.tag == POL_OBJECT && i < modules.n; i++) {
        pol_bytes name = pol_text(pol_member_key(modules, i));
        pol_compiler_add_module(*out, (const char *)pol_arena_copy(&a->arena, name.at, name.n), pol_text(pol_member_value(modules, i)));
    }
    return data.tag != POL_OBJECT || pol_compiler_add_data(*out, "data.json", NULL, 0, data, err);
}

POL_MUST_USE static bool compile(asked *a, pol_value line, pol_error *err)
{
    POL_TRY(load(a, line, &a->compiler, err));
    if (!pol_compiler_run(a->compiler))
        return pol_fail(err, POL_E_USAGE, "does not compile");
    POL_CLEAN(pol_buf_deinit) pol_buf bytes = {0};
    POL_TRY(pol_compiler_bundle(a->compiler, &bytes, err));
    return pol_bundle_from_bytes(pol_buf_view(&bytes), NULL, &a->bundle, err);
}

static void answer(pol_bytes line)
{
    asked a = {0};
    pol_compiler *prepared = NULL;
    pol_error err;
    pol_value request, inputs;
    POL_CLEAN(pol_buf_deinit) pol_buf out = {0};
    pol_arena_init(&a.arena, 0);
    pol_builder b = pol_builder_new(&a.arena), results = pol_builder_new(&a.arena);
    if (!pol_json_read(&a.arena, line, NULL, &request, &err)) {
        fprintf(stderr, "decide-batch: %s\n", err.text);
        exit(2);
    }
    if (!compile(&a, request, &err)) {
        pol_builder_put_text(&b, "refused", refusals(&a, pol_compiler_diags(a.compiler)));
    } else {
        a.eval = pol_eval_new(NULL);
        inputs = pol_object_member(request, "inputs");
        pol_value path = pol_object_member(request, "path"), paths = pol_object_member(request, "paths");
        if (paths.tag != POL_ARRAY)
            paths = pol_array_of(&a.arena, &path, 1);
        for (uint32_t p = 0; p < paths.n; p++) {
            path = pol_path_split(&a.arena, pol_text(pol_element(paths, p)));
            for (uint32_t i = 0; i < inputs.n; i++)
                pol_builder_add(&results, ask(&a, path, pol_element(inputs, i)));
        }
        pol_builder_put_text(&b, "results", pol_builder_array(&results));
        if (pol_equal(pol_object_member(request, "rego"), pol_bool(true)) && load(&a, request, &prepared, &err) && pol_compiler_prepare(prepared))
            pol_builder_put_text(&b, "rego", pol_compiler_rego(a.compiler, prepared));
    }
    pol_json_write(&out, pol_builder_object(&b), POL_JSON_COMPACT);
    pol_buf_byte(&out, '\n');
    fwrite(out.at, 1, out.n, stdout);
    fflush(stdout);
    if (a.eval)
        pol_eval_free(a.eval);
    pol_bundle_close(a.bundle);
    pol_compiler_free(a.compiler);
    if (prepared)
        pol_compiler_free(prepared);
    pol_arena_deinit(&a.arena);
}

int main(void)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t n;
    while ((n = getline(&line, &capacity, stdin)) > 0)
        answer(pol_bytes_of(line, (size_t)n));
    free(line);
    return 0;
}
