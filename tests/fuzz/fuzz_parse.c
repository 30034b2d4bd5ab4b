/* SPDX-License-Identifier: Apache-2.0
 * Any text as a module. What parses is printed; the printed text must parse, and print as the same text again. What is laid out has itself for layout.
 */
#include "compiler/layout.h"
#include "grammar/parse.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static pol_module *parse(pol_arena *arena, pol_sources *sources, pol_diags *diags, pol_bytes text, bool polward)
{
    return pol_parse_module(arena, sources, pol_source_add(sources, "fuzz", text, polward), diags);
}

static void check_printed(pol_arena *arena, pol_sources *sources, pol_diags *diags, const pol_module *module, bool polward)
{
    pol_buf once = {0}, twice = {0};
    pol_module_print(module, sources, &once);
    const pol_module *again = parse(arena, sources, diags, pol_buf_view(&once), polward);
    if (!again->failed)
        pol_module_print(again, sources, &twice);
    if (again->failed || !pol_bytes_equal(pol_buf_view(&once), pol_buf_view(&twice))) {
        pol_buf told = {0};
        pol_diags_write(diags, POL_DIAGS_PRETTY, &told);
        fprintf(stderr, "%.*s\n---- again ----\n%.*s\n%.*s\n", (int)once.n, (const char *)once.at, (int)twice.n, twice.n ? (const char *)twice.at : "",
                (int)told.n, told.n ? (const char *)told.at : "");
        abort();
    }
    pol_buf_deinit(&once);
    pol_buf_deinit(&twice);
}

static void check_layout(pol_arena *arena, pol_sources *sources, pol_diags *diags, pol_bytes text, bool polward)
{
    pol_buf once = {0}, twice = {0};
    if (pol_lay_out(arena, sources, pol_source_add(sources, "fuzz", text, polward), diags, &once) &&
        (!pol_lay_out(arena, sources, pol_source_add(sources, "fuzz", pol_buf_view(&once), polward), diags, &twice) ||
         !pol_bytes_equal(pol_buf_view(&once), pol_buf_view(&twice)))) {
        fprintf(stderr, "%.*s\n---- again ----\n%.*s\n", (int)once.n, (const char *)once.at, (int)twice.n, twice.n ? (const char *)twice.at : "");
        abort();
    }
    pol_buf_deinit(&once);
    pol_buf_deinit(&twice);
}

/* The first byte says whether it is a .pol or a .rego. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > 1 << 16)
        return 0;
    pol_arena arena;
    pol_arena_init(&arena, 0);
    pol_sources sources = {.arena = &arena};
    pol_diags diags = {.arena = &arena, .sources = &sources};
    pol_buf told = {0};
    bool polward = data[0] & 1;
    const pol_module *module = parse(&arena, &sources, &diags, pol_bytes_of(data + 1, size - 1), polward);
    if ((module->failed != false) != (diags.n_errors > 0))
        abort();
    pol_diags_sort(&diags);
    pol_diags_write(&diags, POL_DIAGS_PRETTY, &told);
    if (module->failed)
        pol_module_dump(module, &sources, &told);
    else
        check_printed(&arena, &sources, &diags, module, polward);
    if (!module->failed)
        check_layout(&arena, &sources, &diags, pol_bytes_of(data + 1, size - 1), polward);
    pol_buf_deinit(&told);
    pol_arena_deinit(&arena);
    return 0;
}
