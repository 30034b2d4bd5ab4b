/* SPDX-License-Identifier: Apache-2.0
 * Any text, cut in two at its first line break, as the operands of the built-ins that read a
 * language of their own. Each decides and ends, and what comes out can be written as JSON that
 * reads back.
 */
#include "compiler/compile.h"
#include "runtime/engine.h"
#include "runtime/json.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char module[] =
    "package t\n"
    "f01 := sprintf(input.a, [input.b, count(input.b), 1.5, [input.b], input.b])\n"
    "f02 := strings.render_template(input.a, {\"b\": input.b, \"l\": [1, 2, {\"b\": input.b}]})\n"
    "f03 := glob.match(input.a, [\"/\"], input.b)\n"
    "f04 := regex.replace(input.b, input.a, \"$1${n}$$\")\n"
    "f05 := regex.find_all_string_submatch_n(input.a, input.b, -1)\n"
    "f06 := regex.split(input.a, input.b)\n"
    "f07 := regex.globs_match(input.a, input.b)\n"
    "f08 := regex.template_match(input.a, input.b, \"{\", \"}\")\n"
    "f09 := [units.parse(input.a), 1]\n"
    "f10 := units.parse_bytes(input.a)\n"
    "f11 := uri.parse(input.a)\n"
    "f12 := uuid.parse(input.a)\n"
    "f13 := semver.compare(input.a, input.b)\n"
    "f14 := yaml.marshal(yaml.unmarshal(input.a))\n"
    "f15 := json.patch({\"a\": [1, {\"b\": {\"c\"}}]}, json.unmarshal(input.a))\n"
    "f16 := json.filter({\"a\": [1, {\"b\": 2}], \"c\": {\"d\"}}, [input.a, input.b])\n"
    "f17 := json.remove({\"a\": [1, {\"b\": 2}], \"c\": {\"d\"}}, [input.a, input.b])\n"
    "f18 := json.match_schema(input.b, input.a)\n"
    "f19 := json.marshal_with_options(input.b, {\"prefix\": input.a, \"indent\": \" \"})\n"
    "f20 := urlquery.decode_object(input.a)\n"
    "f21 := hex.encode(base64.decode(input.a))\n"
    "f22 := base64url.decode(input.a)\n"
    "f23 := strings.replace_n({input.a: input.b, \"\": \"x\"}, input.b)\n"
    "f24 := [trim(input.b, input.a), split(input.b, input.a), upper(input.a), "
    "strings.reverse(input.b)]\n"
    "f25 := [to_number(input.a), format_int(to_number(input.a), 16), bits.lsh(to_number(input.a), "
    "3)]\n"
    "f26 := [p | walk(json.unmarshal(input.a), [p, _])]\n"
    "f27 := hex.decode(input.a)\n";

static pol_bundle *compile_module(void)
{
    pol_buf bytes = {0};
    pol_bundle *bundle = NULL;
    pol_error err;
    pol_compile_options options = {.optimise = true};
    pol_compiler *c = pol_compiler_new(&options);
    pol_compiler_add_module(c, "builtins.rego", pol_bytes_text(module));
    if (!pol_compiler_run(c) || !pol_compiler_bundle(c, &bytes, &err) ||
        !pol_bundle_from_bytes(pol_buf_view(&bytes), NULL, &bundle, &err)) {
        fprintf(stderr, "the module does not compile\n");
        abort();
    }
    pol_buf_deinit(&bytes);
    pol_compiler_free(c);
    return bundle;
}

static void check_result(pol_value result)
{
    pol_buf text = {0};
    pol_arena arena;
    pol_value again;
    pol_error err;
    pol_arena_init(&arena, 0);
    pol_json_write(&text, result, POL_JSON_COMPACT);
    if (!pol_json_read(&arena, pol_buf_view(&text), NULL, &again, &err)) {
        fprintf(stderr, "%s\n%s\n", err.text, (const char *)text.at);
        abort();
    }
    pol_buf_deinit(&text);
    pol_arena_deinit(&arena);
}

static void decide(pol_eval *ev, const pol_bundle *bundle, const char *path, pol_bytes a,
                   pol_bytes b)
{
    pol_value result;
    pol_error err;
    pol_eval_begin(ev, bundle);
    pol_eval_set_clock(ev, 1);
    pol_eval_set_seed(ev, 1);
    pol_arena *arena = pol_eval_arena(ev);
    pol_builder input = pol_builder_new(arena);
    pol_builder_put_text(&input, "a", pol_string_copy(arena, a));
    pol_builder_put_text(&input, "b", pol_string_copy(arena, b));
    pol_value document = pol_builder_object(&input);
    pol_entry entry = pol_bundle_entry(bundle, arena, pol_path_split(arena, pol_bytes_text(path)));
    if (pol_eval_run(ev, entry, document, &result, &err) && pol_is_defined(result))
        check_result(result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static pol_bundle *bundle;
    static const pol_limits limits = {.instructions = 200000, .arena_bytes = (size_t)4 << 20};
    pol_bytes text = pol_bytes_of(data, size);
    if (!pol_utf8_valid(text))
        return 0;
    if (!bundle)
        bundle = compile_module();
    const uint8_t *line_end = size ? memchr(data, '\n', size) : NULL;
    size_t n = line_end ? (size_t)(line_end - data) : size, rest = line_end ? n + 1 : n;
    pol_eval *ev = pol_eval_new(&limits);
    const char *path;
    for (uint32_t i = 0; (path = pol_bundle_entry_path(bundle, i)); i++)
        if (strncmp(path, "t/", 2) == 0)
            decide(ev, bundle, path, pol_bytes_of(data, n), pol_bytes_of(data + rest, size - rest));
    pol_eval_free(ev);
    return 0;
}
