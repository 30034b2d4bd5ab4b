/* SPDX-License-Identifier: Apache-2.0
 * Evaluators as their callers see them: paths and entry points, clock and seed, what a decision leaves behind, disassembly.
 */
#include "compiler/compile.h"
#include "runtime/builtin.h"
#include "runtime/engine.h"
#include "runtime/json.h"
#include "runtime/ops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const char policy[] = "package p.q\n"
                             "import rego.v1\n"
                             "default allow := false\n"
                             "allow if input.user == \"alice\"\n"
                             "names contains n if some n in data.people\n"
                             "now := time.now_ns()\n"
                             "dice := [rand.intn(\"a\", 1000000), rand.intn(\"b\", 1000000), rand.intn(\"a\", 1000000)]\n"
                             "bad := 1 / input.zero\n"
                             "said if print(\"hello\", input.user)\n"
                             "list := [10, {\"x\": 20}]\n";

typedef struct {
    pol_bundle *bundle;
    pol_eval *ev;
    pol_value input;
    pol_error err;
} engine;

static void open_engine(engine *e)
{
    pol_compile_options options = {.optimise = true, .print_statements = true};
    pol_compiler *c = pol_compiler_new(&options);
    pol_buf bytes = {0};
    *e = (engine){.ev = pol_eval_new(NULL)};
    pol_compiler_add_module(c, "p.rego", pol_bytes_text(policy));
    assert_true(pol_compiler_run(c));
    assert_true(pol_compiler_bundle(c, &bytes, &e->err));
    assert_true(pol_bundle_from_bytes(pol_buf_view(&bytes), NULL, &e->bundle, &e->err));
    pol_buf_deinit(&bytes);
    pol_compiler_free(c);
}

static void close_engine(engine *e)
{
    pol_eval_free(e->ev);
    pol_bundle_close(e->bundle);
}

static bool ask(engine *e, const char *path, const char *input, pol_value *result)
{
    pol_value document = pol_undefined();
    pol_eval_begin(e->ev, e->bundle);
    pol_arena *arena = pol_eval_arena(e->ev);
    if (input)
        assert_true(pol_json_read(arena, pol_bytes_text(input), NULL, &document, &e->err));
    return pol_eval_run(e->ev, pol_bundle_entry(e->bundle, arena, pol_path_split(arena, pol_bytes_text(path))), document, result, &e->err);
}

static void assert_answer(engine *e, const char *path, const char *input, const char *wanted)
{
    pol_value result;
    pol_buf text = {0};
    if (!ask(e, path, input, &result))
        fail_msg("%s: %s", path, e->err.text);
    pol_json_write(&text, result, POL_JSON_COMPACT);
    assert_string_equal(pol_is_defined(result) ? (char *)text.at : "undefined", wanted);
    pol_buf_deinit(&text);
}

static void paths_lead_to_rules_and_into_their_values(void **state)
{
    (void)state;
    engine e;
    open_engine(&e);
    assert_answer(&e, "p/q/allow", "{\"user\": \"alice\"}", "true");
    assert_answer(&e, "data.p.q.allow", "{\"user\": \"bob\"}", "false");
    assert_answer(&e, "p/q/list", NULL, "[10,{\"x\":20}]");
    assert_answer(&e, "p/q/list/1/x", NULL, "20");
    assert_answer(&e, "p/q/list/2", NULL, "undefined");
    assert_answer(&e, "p/q/list/01", NULL, "undefined");
    assert_answer(&e, "p/q/nothing", NULL, "undefined");
    assert_answer(&e, "elsewhere", NULL, "undefined");
    close_engine(&e);
}

static void path_segments_are_unescaped(void **state)
{
    (void)state;
    pol_arena arena;
    pol_buf text = {0};
    pol_arena_init(&arena, 0);
    pol_json_write(&text, pol_path_split(&arena, POL_BYTES("a%2Fb/c%25d//e")), 0);
    assert_string_equal((char *)text.at, "[\"a/b\",\"c%d\",\"e\"]");
    pol_buf_clear(&text);
    pol_json_write(&text, pol_path_split(&arena, POL_BYTES("data")), 0);
    assert_string_equal((char *)text.at, "[]");
    pol_buf_deinit(&text);
    pol_arena_deinit(&arena);
}

static void clock_and_seed_are_the_callers(void **state)
{
    (void)state;
    engine e;
    pol_value first, again;
    pol_buf text = {0};
    open_engine(&e);
    pol_eval_set_clock(e.ev, 1700000000000000001);
    assert_answer(&e, "p/q/now", NULL, "1700000000000000001");
    pol_eval_set_seed(e.ev, 42);
    assert_true(ask(&e, "p/q/dice", NULL, &first));
    assert_int_equal(first.n, 3);
    /* one key, one number within a decision */
    assert_int_equal(pol_element(first, 0).i, pol_element(first, 2).i);
    pol_json_write(&text, first, 0);
    assert_true(ask(&e, "p/q/dice", NULL, &again));
    pol_buf other = {0};
    pol_json_write(&other, again, 0);
    assert_string_equal((char *)text.at, (char *)other.at);
    pol_buf_deinit(&text);
    pol_buf_deinit(&other);
    close_engine(&e);
}

static void errors_are_noted_with_their_place(void **state)
{
    (void)state;
    engine e;
    pol_value result;
    unsigned n;
    open_engine(&e);
    assert_true(ask(&e, "p/q/bad", "{\"zero\": 0}", &result));
    assert_false(pol_is_defined(result));
    const pol_eval_error *errors = pol_eval_errors(e.ev, &n);
    assert_int_equal(n, 1);
    assert_int_equal(errors[0].code, POL_E_BUILTIN);
    assert_string_equal(errors[0].message, "div: divide by zero");
    assert_string_equal(errors[0].file, "p.rego");
    assert_int_equal(errors[0].row, 8);
    assert_answer(&e, "p/q/bad", "{\"zero\": 4}", "0.25");
    pol_eval_errors(e.ev, &n);
    assert_int_equal(n, 0);
    close_engine(&e);
}

static void keep_line(void *context, bool note, pol_bytes text)
{
    pol_buf *lines = context;
    pol_buf_text(lines, note ? "note " : "print ");
    pol_buf_bytes(lines, text);
    pol_buf_byte(lines, '\n');
}

static void printed_lines_reach_the_caller(void **state)
{
    (void)state;
    engine e;
    pol_buf lines = {0};
    open_engine(&e);
    pol_eval_set_output(e.ev, keep_line, &lines);
    assert_answer(&e, "p/q/said", "{\"user\": \"eve\"}", "true");
    assert_answer(&e, "p/q/said", "{}", "true");
    assert_string_equal((char *)lines.at, "print hello eve\nprint hello <undefined>\n");
    pol_buf_deinit(&lines);
    close_engine(&e);
}

static void instructions_are_counted_and_limited(void **state)
{
    (void)state;
    engine e;
    pol_value result;
    open_engine(&e);
    assert_true(ask(&e, "p/q/allow", "{\"user\": \"alice\"}", &result));
    uint64_t used = pol_eval_instructions(e.ev);
    assert_in_range(used, 1, 20);
    pol_eval_free(e.ev);
    pol_limits limits = {.instructions = used};
    e.ev = pol_eval_new(&limits);
    assert_true(ask(&e, "p/q/allow", "{\"user\": \"alice\"}", &result));
    pol_eval_free(e.ev);
    limits.instructions = used - 1 ? used - 1 : 1;
    e.ev = pol_eval_new(&limits);
    if (used > 1) {
        assert_false(ask(&e, "p/q/allow", "{\"user\": \"alice\"}", &result));
        assert_int_equal(e.err.code, POL_E_INSTRUCTIONS);
    }
    close_engine(&e);
}

static void instructions_are_shown_by_name_and_kind(void **state)
{
    (void)state;
    pol_buf text = {0};
    pol_disassemble(&text, (pol_insn){.op = POL_OP_GETK, .a = 1, .b = 2, .c = 3, .j = 4}, 10);
    assert_string_equal((char *)text.at, "  10  GETK     r1 r2 k3 -> 15");
    pol_buf_clear(&text);
    pol_disassemble(&text, (pol_insn){.op = POL_OP_NEXT, .a = 0, .b = 1, .c = 2, .j = -4}, 7);
    assert_string_equal((char *)text.at, "   7  NEXT     it0 r1 r2 -> 4");
    pol_buf_clear(&text);
    pol_disassemble(&text, (pol_insn){.op = 60000}, 0);
    assert_string_equal((char *)text.at, "   0  ? 60000");
    pol_buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_lead_to_rules_and_into_their_values),
        cmocka_unit_test(path_segments_are_unescaped),
        cmocka_unit_test(clock_and_seed_are_the_callers),
        cmocka_unit_test(errors_are_noted_with_their_place),
        cmocka_unit_test(printed_lines_reach_the_caller),
        cmocka_unit_test(instructions_are_counted_and_limited),
        cmocka_unit_test(instructions_are_shown_by_name_and_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
