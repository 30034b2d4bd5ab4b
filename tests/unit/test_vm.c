/* SPDX-License-Identifier: Apache-2.0
 * The machine and its verifier, by instructions written by hand: scopes, memoised rules, errors that fail closed, limits, refusals.
 */
#include "compiler/image.h"
#include "runtime/bundle.h"
#include "runtime/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { MAX_CODE = 40, MAX_FUNCTIONS = 6 };

typedef struct {
    pol_arena arena;
    pol_image image;
    pol_image_function functions[MAX_FUNCTIONS];
    pol_image_builtin builtins[4];
    pol_image_entry entries[1];
    pol_bundle *bundle;
    pol_eval *ev;
    pol_limits limits;
    pol_error err;
} program;

static pol_value json(program *p, const char *text)
{
    pol_value v;
    assert_true(pol_json_read(&p->arena, pol_bytes_text(text), NULL, &v, &p->err));
    return v;
}

static void begin(program *p)
{
    static const char *files[] = {"p.pol"};
    *p = (program){.limits = {.depth = 20}};
    pol_arena_init(&p->arena, 0);
    p->entries[0] = (pol_image_entry){"p", 0};
    p->image = (pol_image){.functions = p->functions, .builtins = p->builtins, .entries = p->entries, .n_entries = 1, .files = files,
                           .n_files = 1, .manifest = pol_empty(POL_OBJECT)};
    p->image.data = pol_empty(POL_OBJECT);
}

/* constants: a JSON array. Registers, iterators and builders: 10, 2 and 2. The row of an instruction's place is its number. */
static void add(program *p, bool memoised, uint16_t n_params, const char *constants, const pol_insn *code, uint32_t n)
{
    pol_value list = json(p, constants);
    pol_image_function *fn = &p->functions[p->image.n_functions++];
    *fn = (pol_image_function){.name = "f", .n_params = n_params, .n_registers = 10, .n_iterators = 2, .n_builders = 2, .memoised = memoised,
                               .n_code = n, .n_constants = list.n};
    fn->code = POL_NEW_ARRAY(&p->arena, pol_insn, n);
    memcpy(fn->code, code, n * sizeof *code);
    fn->places = POL_NEW_ARRAY(&p->arena, pol_place, n);
    for (uint32_t i = 0; i < n; i++)
        fn->places[i] = (pol_place){.row = i, .col = 1};
    fn->constants = POL_NEW_ARRAY(&p->arena, pol_value, list.n + 1);
    for (uint32_t i = 0; i < list.n; i++)
        fn->constants[i] = pol_element(list, i);
}
#define CODE(...) (const pol_insn[]){__VA_ARGS__}, sizeof((pol_insn[]){__VA_ARGS__}) / sizeof(pol_insn)
#define I(name, a_, b_, c_, j_) {.op = POL_OP_##name, .a = (a_), .b = (b_), .c = (c_), .j = (j_)}

static bool load(program *p)
{
    pol_buf bytes = {0};
    assert_true(pol_bundle_write(&p->image, &bytes, &p->err));
    bool ok = pol_bundle_from_bytes(pol_buf_view(&bytes), NULL, &p->bundle, &p->err);
    pol_buf_deinit(&bytes);
    return ok;
}

static void end(program *p)
{
    pol_eval_free(p->ev);
    pol_bundle_close(p->bundle);
    pol_arena_deinit(&p->arena);
}

static bool run(program *p, pol_value input, pol_value *result)
{
    if (!p->bundle && !load(p))
        fail_msg("%s", p->err.text);
    if (!p->ev)
        p->ev = pol_eval_new(&p->limits);
    pol_eval_begin(p->ev, p->bundle);
    pol_arena *arena = pol_eval_arena(p->ev);
    return pol_eval_run(p->ev, pol_bundle_entry(p->bundle, arena, pol_path_split(arena, POL_BYTES("p"))), input, result, &p->err);
}

/* Runs and ends p; wanted is JSON, or NULL for undefined. */
static void assert_value(program *p, const char *input, const char *wanted)
{
    pol_value result;
    pol_buf text = {0};
    if (!run(p, input ? json(p, input) : pol_undefined(), &result))
        fail_msg("%s", p->err.text);
    pol_json_write(&text, result, 0);
    assert_string_equal(pol_is_defined(result) ? (char *)text.at : "undefined", wanted ? wanted : "undefined");
    pol_buf_deinit(&text);
    end(p);
}

/* ---- values and loops ---- */

static void sum_of_an_array_by_a_loop(void **state)
{
    (void)state;
    program p;
    begin(&p);
    add(&p, true, 0, "[[1, 2, 39], 0]",
        CODE(I(CONST, 0, 0, 0, 0), I(CONST, 1, 0, 0, 1), I(SCAN, 0, 0, 0, 3), I(NEXT, 0, 2, 3, 2), I(ADD, 1, 1, 3, -2), I(JUMP, 0, 0, 0, -3),
             I(RETURN, 1, 0, 0, 0)));
    assert_value(&p, NULL, "42");
}

static void integers_overflow_into_exact_numbers(void **state)
{
    (void)state;
    program p;
    begin(&p);
    add(&p, true, 0, "[9223372036854775807, 1]",
        CODE(I(CONST, 0, 0, 0, 0), I(CONST, 1, 0, 0, 1), I(ADD, 2, 0, 1, 1), I(RETURN, 2, 0, 0, 0), I(FAIL, 0, 0, 0, 0)));
    assert_value(&p, NULL, "9223372036854775808");
}

static void finished_collections_do_not_change(void **state)
{
    (void)state;
    program p;
    begin(&p);
    /* a set is made, then its builder is used again: the first set still is {1, 2} */
    add(&p, true, 0, "[2, 1, 0]",
        CODE(I(CONST, 0, 0, 0, 0), I(CONST, 1, 0, 0, 1), I(CONST, 2, 0, 0, 2), I(START, 0, 0, 0, 0), I(PUSH, 0, 0, 0, 0), I(PUSH, 0, 1, 0, 0),
             I(SET, 3, 0, 0, 0), I(PUSH, 0, 2, 0, 0), I(ARRAY, 4, 0, 0, 0), I(TUPLE, 5, 3, 2, 0), I(RETURN, 5, 0, 0, 0)));
    assert_value(&p, NULL, "[[1,2],[0]]");
}

static void membership_is_among_values(void **state)
{
    (void)state;
    program p;
    begin(&p);
    /* 7 is a value; "a" is a key only, so the second test jumps */
    add(&p, true, 0, "[{\"a\": 7}, 7, \"a\"]",
        CODE(I(CONST, 0, 0, 0, 0), I(CONST, 1, 0, 0, 1), I(CONST, 2, 0, 0, 2), I(IN, 1, 0, 0, 1), I(IN, 2, 0, 0, 1), I(FAIL, 0, 0, 0, 0),
             I(RETURN, 2, 0, 0, 0)));
    assert_value(&p, NULL, "\"a\"");
}

/* ---- rules ---- */

typedef struct {
    unsigned entered[MAX_FUNCTIONS];
} visits;

static void count_entries(void *context, uint32_t function, uint32_t pc)
{
    visits *v = context;
    v->entered[function] += pc == 0;
}

static void rules_are_computed_once_a_decision(void **state)
{
    (void)state;
    program p;
    pol_value result;
    visits v = {{0}};
    begin(&p);
    add(&p, true, 0, "[]",
        CODE(I(RULE, 0, 1, 0, 3), I(RULE, 1, 1, 0, 2), I(TUPLE, 2, 0, 2, 0), I(RETURN, 2, 0, 0, 0), I(FAIL, 0, 0, 0, 0)));
    add(&p, true, 0, "[5]", CODE(I(CONST, 0, 0, 0, 0), I(RETURN, 0, 0, 0, 0)));
    assert_true(run(&p, pol_undefined(), &result));
    pol_eval_set_listener(p.ev, count_entries, &v);
    assert_true(run(&p, pol_undefined(), &result));
    assert_int_equal(v.entered[0], 1);
    assert_int_equal(v.entered[1], 1);
    assert_true(run(&p, pol_undefined(), &result));
    assert_int_equal(v.entered[1], 2);
    end(&p);
}

static void rules_are_read_by_number(void **state)
{
    (void)state;
    program p;
    begin(&p);
    add(&p, true, 0, "[1, 2]",
        CODE(I(CONST, 0, 0, 0, 0), I(RULEX, 1, 0, 0, 3), I(CONST, 0, 0, 0, 1), I(RULEX, 2, 0, 0, 1), I(FAIL, 0, 0, 0, 0),
             I(RETURN, 1, 0, 0, 0)));
    add(&p, true, 0, "[\"one\"]", CODE(I(CONST, 0, 0, 0, 0), I(RETURN, 0, 0, 0, 0)));
    p.functions[0].code[1].j = 2; /* absent: FAIL */
    assert_value(&p, NULL, "\"one\"");
}

static void two_values_of_a_rule_end_the_decision(void **state)
{
    (void)state;
    program p;
    pol_value result;
    begin(&p);
    add(&p, true, 0, "[1, 2]",
        CODE(I(CONST, 0, 0, 0, 0), I(MERGE, 0, 0, 0, 0), I(CONST, 1, 0, 0, 1), I(MERGE, 0, 1, 0, 0), I(RETURN, 0, 0, 0, 0)));
    assert_false(run(&p, pol_undefined(), &result));
    assert_int_equal(p.err.code, POL_E_CONFLICT);
    assert_string_equal(p.err.text, "rule f produced conflicting values");
    assert_string_equal(pol_eval_failure(p.ev).file, "p.pol");
    assert_int_equal(pol_eval_failure(p.ev).row, 3);
    end(&p);
}

/* ---- with ---- */

static void with_holds_until_its_end_and_rules_are_computed_anew(void **state)
{
    (void)state;
    program p;
    begin(&p);
    add(&p, true, 0, "[[\"input\", \"a\", \"b\"], 9]",
        CODE(I(RULE, 0, 1, 0, 6), I(CONST, 1, 0, 0, 1), I(WITH, 1, 0, 0, 0), I(RULE, 1, 1, 0, 3), I(ENDWITH, 1, 0, 0, 0), I(RULE, 2, 1, 0, 1),
             I(JUMP, 0, 0, 0, 1), I(FAIL, 0, 0, 0, 0), I(TUPLE, 3, 0, 3, 0), I(RETURN, 3, 0, 0, 0)));
    add(&p, true, 0, "[]", CODE(I(INPUT, 0, 0, 0, 1), I(RETURN, 0, 0, 0, 0), I(FAIL, 0, 0, 0, 0)));
    assert_value(&p, "{\"a\": 1, \"c\": 2}", "[{\"a\":1,\"c\":2},{\"a\":{\"b\":9},\"c\":2},{\"a\":1,\"c\":2}]");
}

static void overrides_of_data_cover_and_patch(void **state)
{
    (void)state;
    program p;
    begin(&p);
    /* data.x.y is 1 below data.x; a newer data.x hides it; OVERRIDE reads below an override */
    add(&p, true, 0, "[[\"data\", \"x\"], [\"data\", \"x\", \"y\"], [\"data\", \"x\", \"z\"], {\"z\": 3}, {\"w\": 0}, 1]",
        CODE(I(CONST, 0, 0, 0, 5), I(WITH, 0, 1, 0, 0), I(CONST, 1, 0, 0, 4), I(PATCH, 1, 0, 0, 0), I(CONST, 2, 0, 0, 3), I(WITH, 2, 0, 0, 0),
             I(OVERRIDE, 2, 2, 0, 4), I(CONST, 3, 0, 0, 4), I(PATCH, 3, 0, 0, 0), I(TUPLE, 4, 1, 3, 0), I(RETURN, 4, 0, 0, 0),
             I(FAIL, 0, 0, 0, 0)));
    assert_value(&p, NULL, "[{\"w\":0,\"y\":1},3,{\"w\":0}]");
}

static void replaced_functions_reach_the_original_inside(void **state)
{
    (void)state;
    program p;
    begin(&p);
    p.builtins[p.image.n_builtins++] = (pol_image_builtin){"upper", 1};
    /* f1(x) = [x]; f2(x) = [f1(x), "mock"]; f1 replaced by f2, upper by 5 */
    add(&p, true, 0, "[\"a\", 5]",
        CODE(I(MOCKFF, 1, 2, 0, 0), I(CONST, 0, 0, 0, 1), I(MOCKBV, 0, 0, 0, 0), I(CONST, 0, 0, 0, 0), I(CALLM, 1, 0, 1, 6),
             I(BUILTINM, 2, 0, 0, 5), I(ENDWITH, 2, 0, 0, 0), I(CALLM, 3, 0, 1, 3), I(BUILTINM, 4, 0, 0, 2), I(TUPLE, 5, 1, 4, 0),
             I(RETURN, 5, 0, 0, 0), I(FAIL, 0, 0, 0, 0)));
    add(&p, false, 1, "[]", CODE(I(TUPLE, 1, 0, 1, 0), I(RETURN, 1, 0, 0, 0)));
    add(&p, false, 1, "[\"mock\"]",
        CODE(I(CALLM, 1, 0, 1, 3), I(CONST, 2, 0, 0, 0), I(TUPLE, 3, 1, 2, 0), I(RETURN, 3, 0, 0, 0), I(FAIL, 0, 0, 0, 0)));
    assert_value(&p, NULL, "[[[\"a\"],\"mock\"],5,[\"a\"],\"A\"]");
}

/* ---- errors ---- */

static void failed_builtins_are_undefined_and_noted(void **state)
{
    (void)state;
    program p;
    pol_value result;
    unsigned n;
    begin(&p);
    add(&p, true, 0, "[1, \"x\"]",
        CODE(I(CONST, 0, 0, 0, 0), I(CONST, 1, 0, 0, 1), I(ADD, 2, 0, 1, 1), I(RETURN, 2, 0, 0, 0), I(FAIL, 0, 0, 0, 0)));
    assert_true(run(&p, pol_undefined(), &result));
    assert_false(pol_is_defined(result));
    const pol_eval_error *errors = pol_eval_errors(p.ev, &n);
    assert_int_equal(n, 1);
    assert_int_equal(errors[0].code, POL_E_TYPE);
    assert_string_equal(errors[0].message, "plus: operand 2 must be number but got string");
    assert_string_equal(errors[0].file, "p.pol");
    assert_int_equal(errors[0].row, 2);
    end(&p);
}

/* Function 1 divides by zero and gives true all the same; function 0 reads it twice and tests each time. */
static void tainted_rules_taint_each_reader(void **state)
{
    (void)state;
    for (int closed = 0; closed < 2; closed++) {
        program p;
        begin(&p);
        add(&p, true, 0, "[\"clean\", \"tainted\"]",
            CODE(I(CLOSED, closed, 0, 0, 0), I(MARK, 0, 0, 0, 0), I(RULE, 1, 1, 0, 9), I(FORGIVE, 0, 0, 0, 0), I(MARK, 0, 0, 0, 0),
                 I(RULE, 1, 1, 0, 6), I(TAINT, 0, 0, 0, 2), I(CONST, 2, 0, 0, 0), I(RETURN, 2, 0, 0, 0), I(ERROR, 2, 0, 0, 2),
                 I(GETK, 2, 2, 1, 1), I(RETURN, 2, 0, 0, 0), I(FAIL, 0, 0, 0, 0)));
        p.functions[0].constants[1] = pol_string_text("message");
        add(&p, true, 0, "[1, 0]",
            CODE(I(CONST, 0, 0, 0, 0), I(CONST, 1, 0, 0, 1), I(DIV, 2, 0, 1, 1), I(RETURN, 2, 0, 0, 0), I(RETURN, 0, 0, 0, 0)));
        assert_value(&p, NULL, closed ? "\"div: divide by zero\"" : "\"clean\"");
    }
}

static void conflicts_fail_closed_within_a_statement(void **state)
{
    (void)state;
    program p;
    begin(&p);
    add(&p, true, 0, "[\"code\"]",
        CODE(I(CLOSED, 1, 0, 0, 0), I(MARK, 0, 0, 0, 0), I(RULE, 1, 1, 0, 1), I(FAIL, 0, 0, 0, 0), I(ERROR, 2, 0, 0, 2), I(GETK, 2, 2, 0, 1),
             I(RETURN, 2, 0, 0, 0), I(FAIL, 0, 0, 0, 0)));
    add(&p, true, 0, "[1, 2]",
        CODE(I(CONST, 0, 0, 0, 0), I(CONST, 1, 0, 0, 1), I(MERGE, 0, 1, 0, 0), I(RETURN, 0, 0, 0, 0)));
    assert_value(&p, NULL, "\"eval_conflict_error\"");
}

/* ---- limits ---- */

static void assert_ends(program *p, pol_code wanted)
{
    pol_value result;
    assert_false(run(p, pol_undefined(), &result));
    assert_int_equal(p->err.code, wanted);
    assert_false(pol_is_defined(result));
    /* the evaluator goes on to serve */
    assert_false(run(p, pol_undefined(), &result));
    assert_int_equal(p->err.code, wanted);
    end(p);
}

static void endless_recursion_meets_the_depth(void **state)
{
    (void)state;
    program p;
    begin(&p);
    add(&p, true, 0, "[]", CODE(I(RULE, 0, 0, 0, 0), I(FAIL, 0, 0, 0, 0)));
    assert_ends(&p, POL_E_DEPTH);
}

static void endless_work_meets_the_instructions(void **state)
{
    (void)state;
    program p;
    begin(&p);
    /* five functions that loop over ten elements and call the next one in the loop */
    add(&p, true, 0, "[[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]", CODE(I(CONST, 0, 0, 0, 0), I(CALL, 1, 0, 1, 0), I(FAIL, 0, 0, 0, 0)));
    for (uint16_t i = 1; i < MAX_FUNCTIONS; i++) {
        add(&p, false, 1, "[]",
            CODE(I(SCAN, 0, 0, 0, 3), I(NEXT, 0, 1, 2, 2), I(CALL, 3, 0, (uint16_t)(i + 1), -2), I(JUMP, 0, 0, 0, -3), I(FAIL, 0, 0, 0, 0)));
        if (i + 1 == MAX_FUNCTIONS)
            p.functions[i].code[2] = (pol_insn)I(TUPLE, 3, 0, 1, 0);
    }
    p.limits.instructions = 5000;
    assert_ends(&p, POL_E_INSTRUCTIONS);
}

static void growth_meets_the_memory(void **state)
{
    (void)state;
    program p;
    pol_buf many = {0};
    begin(&p);
    pol_buf_text(&many, "[[0");
    for (int i = 1; i < 50; i++)
        pol_buf_printf(&many, ",%d", i);
    pol_buf_text(&many, "]]");
    /* 2,500 elements: more than the arena's first block */
    add(&p, true, 0, (const char *)many.at,
        CODE(I(CONST, 0, 0, 0, 0), I(START, 0, 0, 0, 0), I(SCAN, 0, 0, 0, 6), I(NEXT, 0, 1, 2, 5), I(SCAN, 1, 0, 0, -2), I(NEXT, 1, 3, 4, -3),
             I(TUPLE, 5, 0, 1, 0), I(PUSH, 0, 5, 0, 0), I(JUMP, 0, 0, 0, -4), I(FAIL, 0, 0, 0, 0)));
    pol_buf_deinit(&many);
    p.limits.arena_bytes = 2000;
    assert_ends(&p, POL_E_ARENA);
}

/* ---- refusals ---- */

static void assert_refused(program *p, const char *why)
{
    if (load(p))
        fail_msg("accepted, wanted: %s", why);
    assert_int_equal(p->err.code, POL_E_BUNDLE);
    if (!strstr(p->err.text, why))
        fail_msg("got: %s, wanted: %s", p->err.text, why);
    end(p);
}

static void code_that_could_go_wrong_is_refused(void **state)
{
    (void)state;
    static const struct {
        pol_insn code[6];
        uint32_t n;
        const char *why;
    } cases[] = {
        {{I(RETURN, 0, 0, 0, 0)}, 1, "reads unset register 0"},
        {{I(CONST, 10, 0, 0, 0), I(FAIL, 0, 0, 0, 0)}, 2, "register 10 of 10"},
        {{I(CONST, 0, 0, 0, 3), I(FAIL, 0, 0, 0, 0)}, 2, "constant 3 of 3"},
        {{I(CONST, 0, 0, 0, -1), I(FAIL, 0, 0, 0, 0)}, 2, "constant"},
        {{I(CONST, 0, 0, 0, 0)}, 1, "can run past its end"},
        {{I(JUMP, 0, 0, 0, 1), I(FAIL, 0, 0, 0, 0)}, 2, "a jump to 2 of 2"},
        {{I(JUMP, 0, 0, 0, -1)}, 1, "a jump backwards, not to NEXT"},
        {{I(JUMP, 0, 0, 0, 0), I(FAIL, 0, 0, 0, 0), I(FAIL, 0, 0, 0, 0)}, 3, "instruction 2: nothing reaches it"},
        {{I(NEXT, 0, 1, 2, 0), I(FAIL, 0, 0, 0, 0)}, 2, "reads unset iterator 0"},
        {{I(ARRAY, 0, 1, 0, 0), I(FAIL, 0, 0, 0, 0)}, 2, "uses unset builder 1"},
        {{I(ARRAY, 0, 2, 0, 0), I(FAIL, 0, 0, 0, 0)}, 2, "builder 2 of 2"},
        {{I(CONST, 0, 0, 0, 0), I(SCAN, 2, 0, 0, 0), I(FAIL, 0, 0, 0, 0)}, 3, "iterator 2 of 2"},
        /* set on one way of two only */
        {{I(CONST, 0, 0, 0, 0), I(TRUE, 0, 0, 0, 1), I(CONST, 1, 0, 0, 0), I(RETURN, 1, 0, 0, 0)}, 4, "reads unset register 1"},
        /* what a jump would leave unset */
        {{I(INPUT, 0, 0, 0, 0), I(RETURN, 0, 0, 0, 0)}, 2, "reads unset register 0"},
        {{I(CONST, 0, 0, 0, 0), I(WITH, 0, 0, 0, 0), I(FAIL, 0, 0, 0, 0)}, 3, "no array of 1 to 256 segments"},
        {{I(CONST, 0, 0, 0, 0), I(WITH, 0, 2, 0, 0), I(FAIL, 0, 0, 0, 0)}, 3, "does not begin with data or input"},
        {{I(OVERRIDE, 0, 1, 0, 0), I(FAIL, 0, 0, 0, 0)}, 2, "does not begin with data or input"},
        {{I(RULE, 0, 7, 0, 0), I(FAIL, 0, 0, 0, 0)}, 2, "function 7 of 1"},
        {{I(BUILTIN, 0, 0, 0, 0), I(FAIL, 0, 0, 0, 0)}, 2, "built-in 0 of 0"},
        {{I(CONST, 0, 0, 0, 0), I(TUPLE, 1, 0, 11, 0), I(FAIL, 0, 0, 0, 0)}, 3, "arguments from register 0 of 10"},
        {{I(CONST, 0, 0, 0, 0), I(TUPLE, 1, 0, 2, 0), I(FAIL, 0, 0, 0, 0)}, 3, "reads unset register 1"},
        {{{.op = POL_OP_COUNT}}, 1, "opcode"},
        {{I(FAIL, 1, 0, 0, 0)}, 1, "an operand that must be 0"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        program p;
        begin(&p);
        add(&p, true, 0, "[1, [\"input\"], [\"x\"]]", cases[i].code, cases[i].n);
        assert_refused(&p, cases[i].why);
    }
}

static void loops_that_lose_what_was_set_are_refused(void **state)
{
    (void)state;
    program p;
    begin(&p);
    /* the jump over CONST 1 comes back to NEXT, where register 1 was not set: accepted, but reading it at the head is not */
    add(&p, true, 0, "[[1]]",
        CODE(I(CONST, 0, 0, 0, 0), I(SCAN, 0, 0, 0, 4), I(NEXT, 0, 2, 3, 3), I(TRUE, 3, 0, 0, -2), I(CONST, 1, 0, 0, 0), I(JUMP, 0, 0, 0, -4),
             I(RETURN, 1, 0, 0, 0)));
    assert_refused(&p, "reads unset register 1");
}

static void callees_must_fit_their_calls(void **state)
{
    (void)state;
    program p;
    begin(&p);
    add(&p, true, 0, "[]", CODE(I(RULE, 0, 1, 0, 0), I(FAIL, 0, 0, 0, 0)));
    add(&p, false, 1, "[]", CODE(I(RETURN, 0, 0, 0, 0)));
    assert_refused(&p, "RULE of a function with parameters");
    begin(&p);
    add(&p, true, 0, "[]", CODE(I(MOCKFF, 0, 1, 0, 0), I(FAIL, 0, 0, 0, 0)));
    add(&p, false, 1, "[]", CODE(I(RETURN, 0, 0, 0, 0)));
    assert_refused(&p, "another number of parameters");
    begin(&p);
    add(&p, true, 0, "[]", CODE(I(FAIL, 0, 0, 0, 0)));
    p.builtins[p.image.n_builtins++] = (pol_image_builtin){"no.such", 1};
    assert_refused(&p, "no.such");
    begin(&p);
    add(&p, true, 0, "[]", CODE(I(FAIL, 0, 0, 0, 0)));
    p.builtins[p.image.n_builtins++] = (pol_image_builtin){"upper", 2};
    assert_refused(&p, "upper");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sum_of_an_array_by_a_loop),
        cmocka_unit_test(integers_overflow_into_exact_numbers),
        cmocka_unit_test(finished_collections_do_not_change),
        cmocka_unit_test(membership_is_among_values),
        cmocka_unit_test(rules_are_computed_once_a_decision),
        cmocka_unit_test(rules_are_read_by_number),
        cmocka_unit_test(two_values_of_a_rule_end_the_decision),
        cmocka_unit_test(with_holds_until_its_end_and_rules_are_computed_anew),
        cmocka_unit_test(overrides_of_data_cover_and_patch),
        cmocka_unit_test(replaced_functions_reach_the_original_inside),
        cmocka_unit_test(failed_builtins_are_undefined_and_noted),
        cmocka_unit_test(tainted_rules_taint_each_reader),
        cmocka_unit_test(conflicts_fail_closed_within_a_statement),
        cmocka_unit_test(endless_recursion_meets_the_depth),
        cmocka_unit_test(endless_work_meets_the_instructions),
        cmocka_unit_test(growth_meets_the_memory),
        cmocka_unit_test(code_that_could_go_wrong_is_refused),
        cmocka_unit_test(loops_that_lose_what_was_set_are_refused),
        cmocka_unit_test(callees_must_fit_their_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
