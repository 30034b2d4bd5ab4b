/* SPDX-License-Identifier: Apache-2.0
 * Any text as a policy, through every stage. What compiles must give a bundle that the verifier accepts, whose decision ends.
 */
#include "compiler/compile.h"
#include "runtime/engine.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decide(const pol_buf *bytes)
{
    static const pol_limits limits = {.instructions = 20000, .arena_bytes = 1 << 20, .depth = 64};
    pol_bundle *bundle;
    pol_error err;
    pol_value result;
    if (!pol_bundle_from_bytes(pol_buf_view(bytes), NULL, &bundle, &err))
        abort();
    pol_eval *ev = pol_eval_new(&limits);
    pol_eval_begin(ev, bundle);
    pol_eval_set_clock(ev, 1);
    pol_eval_set_seed(ev, 1);
    pol_entry entry = pol_bundle_entry(bundle, pol_eval_arena(ev), pol_empty(POL_ARRAY));
    if (!pol_eval_run(ev, entry, pol_undefined(), &result, &err) && err.code == POL_E_INTERNAL)
        abort();
    pol_eval_free(ev);
    pol_bundle_close(bundle);
}

/* The first byte says whether it is a .pol or a .rego and whether the plan is optimised. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > 1 << 16)
        return 0;
    pol_compile_options options = {.optimise = data[0] & 1, .strict = data[0] & 2, .print_statements = true};
    pol_compiler *c = pol_compiler_new(&options);
    pol_buf bytes = {0}, text = {0};
    pol_error err;
    pol_compiler_add_module(c, data[0] & 4 ? "fuzz.rego" : "fuzz.pol", pol_bytes_of(data + 1, size - 1));
    if (pol_compiler_run(c)) {
        if (pol_compiler_bundle(c, &bytes, &err))
            decide(&bytes);
        pol_compiler_emit(c, POL_EMIT_PLAN, &text);
    }
    pol_compiler_emit(c, POL_EMIT_TREE, &text);
    pol_diags_write(pol_compiler_diags(c), POL_DIAGS_PRETTY, &text);
    pol_buf_deinit(&bytes);
    pol_buf_deinit(&text);
    pol_compiler_free(c);
    return 0;
}
