/* SPDX-License-Identifier: Apache-2.0
 * Programs checked: what is refused and where, how names are bound, how bodies are ordered, which
 * groups and documents rules make.
 */
#include "compiler/program.h"
#include "grammar/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

typedef struct {
    pol_arena arena;
    pol_sources sources;
    pol_diags diags;
    pol_program program;
} compilation;

static void add_module(compilation *k, const char *name, const char *text)
{
    pol_bytes bytes = pol_bytes_text(text);
    uint32_t source = pol_source_add(&k->sources, name, bytes,
                                     pol_bytes_ends(pol_bytes_text(name), POL_BYTES(".pol")));
    POL_GROW(&k->arena, k->program.modules, k->program.n_modules, k->program.modules_capacity);
    k->program.modules[k->program.n_modules++] =
        pol_parse_module(&k->arena, &k->sources, source, &k->diags);
}

static void begin(compilation *k)
{
    *k = (compilation){0};
    pol_arena_init(&k->arena, 0);
    k->sources.arena = k->diags.arena = &k->arena;
    k->diags.sources = &k->sources;
    k->program = (pol_program){.arena = &k->arena,
                               .sources = &k->sources,
                               .diags = &k->diags,
                               .data = pol_empty(POL_OBJECT)};
}

/* "class row, class row" in order of places. */
static char *found(compilation *k)
{
    pol_buf out = {0};
    pol_diags_sort(&k->diags);
    for (uint32_t i = 0; i < k->diags.n; i++) {
        uint32_t row, col;
        pol_source_place(&k->sources, k->diags.items[i].span, &row, &col);
        pol_buf_printf(&out, "%s%s %u", i ? ", " : "",
                       pol_diag_infos[k->diags.items[i].code].class_name, row);
    }
    char *text = (char *)pol_arena_copy(&k->arena, out.at, out.n);
    pol_buf_deinit(&out);
    return text;
}

static void expect_as(const char *name, const char *text, const char *wanted)
{
    compilation k;
    begin(&k);
    add_module(&k, name, text);
    bool sound = k.diags.n_errors == 0 && pol_program_check(&k.program);
    assert_string_equal(found(&k), wanted);
    assert_int_equal(sound, *wanted == '\0');
    pol_arena_deinit(&k.arena);
}

static void expect(const char *text, const char *wanted)
{
    expect_as("t.rego", text, wanted);
}

/* ---- refusals ---- */

static void test_every_mistake_is_reported(void **state)
{
    (void)state;
    expect("package t\n"
           "import data.a\n"
           "import data.a\n"
           "p if x > 1\n"
           "q if { y := 1; y := 2 }\n"
           "r := nope(1)\n"
           "s := 1 + \"a\"\n"
           "u if u\n"
           "v := 1\n"
           "v contains 2\n"
           "w := http.send({})\n"
           "z if { 1 == 1 with nothing as 2 }\n",
           "rego_compile_error 3, rego_unsafe_var_error 4, rego_compile_error 5, rego_type_error "
           "6, rego_type_error 7, "
           "rego_recursion_error 8, rego_type_error 9, rego_type_error 11, rego_type_error 12");
}

/* `lost` may be defined in the line that cannot be read; `x` and `conut` cannot. */
static void test_what_stands_beside_syntax_errors_is_checked(void **state)
{
    (void)state;
    compilation k;
    begin(&k);
    add_module(&k, "t.rego",
               "package t\n"
               "lost := [1 2]\n"
               "p if lost == 1\n"
               "q if x > 1\n"
               "r := conut([1])\n");
    assert_false(pol_program_check(&k.program));
    assert_string_equal(
        found(&k), "rego_parse_error 2, rego_unsafe_var_error 4, rego_type_error 5");
    pol_arena_deinit(&k.arena);
}

static void test_names_of_the_request_in_pol_modules(void **state)
{
    (void)state;
    expect_as("t.pol", "package t\np if subject.id == resource.owner\n", "");
    expect_as("t.pol", "package t\np if { subject := 1; subject == 1 }\n", "rego_compile_error 2");
    expect_as("t.pol", "package t\ntoken := 1\n", "rego_compile_error 2");
    expect_as("t.pol", "package t\nimport data.peer\np := 1\n", "rego_compile_error 2");
    expect("package t\np if { subject := 1; subject == 1 }\n", "");
    expect("package t\np if subject.id == 1\n", "rego_unsafe_var_error 2");
}

static void test_types_of_the_request_in_pol_modules(void **state)
{
    (void)state;
    expect_as("t.pol", "package t\np if cert.spiffeid == \"x\"\n", "rego_type_error 2");
    expect_as("t.pol", "package t\np if cert.spiffe_id == \"x\"\n", "");
    expect_as("t.pol", "package t\np if token.bound == \"yes\"\n", "rego_type_error 2");
    expect_as("t.pol", "package t\np if token.claims.tenant == \"x\"\nq if resource.anything\n",
              "");
    expect_as("t.pol", "package t\np if cert.nothing with input as {\"cert\": {}}\n", "");
    expect("package t\np if input.cert.spiffeid == \"x\"\n", "");
}

static void test_closures_have_variables_of_their_own(void **state)
{
    (void)state;
    expect("package t\np := [x | x = 1]\nq := [y | some y in [1]] if { y := 2; y == 2 }\n", "");
    expect("package t\np if { count([x | x = 1]) == 1; x == 1 }\n", "rego_unsafe_var_error 2");
    expect("package t\np if { every x in [1] { x == y }; y := 1 }\n", "rego_unsafe_var_error 2");
    expect("package t\np if { every x in [1] { x == y }; y = 1 }\n", "");
}

static void test_calls_are_taken_out_where_that_makes_them_safe(void **state)
{
    (void)state;
    expect("package t\nxs := [1, 2]\np if { not count([xs[i]]) == 1 }\n", "");
    expect("package t\nxs := [1, 2]\np if { i + count([xs[i]]) == 1 }\n", "");
    expect("package t\nxs := [1, 2]\np if { xs[i] = max([i]) }\n", "");
}

static void test_long_bodies_and_chains(void **state)
{
    (void)state;
    pol_buf text = {0};
    pol_buf_text(&text, "package t\np if {\n");
    for (int i = 1500; i > 0; i--)
        pol_buf_printf(&text, "x%d = x%d + 1\n", i, i - 1);
    pol_buf_text(&text, "x0 = 1\n}\nq0 := 1\n");
    for (int i = 1; i < 3000; i++)
        pol_buf_printf(&text, "q%d := [q%d, q%d]\n", i, i - 1, i - 1);
    expect((const char *)text.at, "");
    pol_buf_deinit(&text);
}

/* ---- the resolved form ---- */

static const pol_group *group(const compilation *k, const char *name)
{
    for (uint32_t i = 0; i < k->program.n_groups; i++)
        if (strcmp(k->program.groups[i]->name, name) == 0)
            return k->program.groups[i];
    fail_msg("no group %s", name);
    return NULL;
}

static void check(compilation *k)
{
    bool sound = k->diags.n_errors == 0 && pol_program_check(&k->program);
    assert_string_equal(found(k), "");
    assert_true(sound);
}

static void test_groups_and_documents(void **state)
{
    (void)state;
    compilation k;
    begin(&k);
    add_module(&k, "a.rego",
               "package a\n"
               "p := 1\n"
               "s contains 1\n"
               "s contains 2\n"
               "o[x].y := 1 if x := \"k\"\n"
               "o.z := 2\n"
               "f(x) := x\n"
               "default f(_) := 3\n"
               "b.c := 4\n");
    add_module(&k, "b.rego", "package a.o\nlast := 5\n");
    check(&k);
    assert_int_equal(group(&k, "data.a.p")->kind, POL_GROUP_COMPLETE);
    assert_int_equal(group(&k, "data.a.s")->kind, POL_GROUP_SET);
    assert_int_equal(group(&k, "data.a.s")->n_rules, 2);
    assert_int_equal(group(&k, "data.a.o")->kind, POL_GROUP_OBJECT);
    assert_int_equal(group(&k, "data.a.o")->n_rules, 3); /* the other package's rule is below it */
    assert_int_equal(group(&k, "data.a.f")->kind, POL_GROUP_FUNCTION);
    assert_int_equal(group(&k, "data.a.f")->arity, 1);
    assert_int_equal(group(&k, "data.a.f")->n_rules, 1);
    assert_non_null(group(&k, "data.a.f")->default_rule);
    assert_int_equal(k.program.n_groups, 5);
    pol_bytes path[] = {POL_BYTES("a"), POL_BYTES("o"), POL_BYTES("k"), POL_BYTES("y")};
    uint32_t used;
    pol_document *document;
    assert_ptr_equal(pol_program_find(&k.program, path, 4, &used, &document),
                     group(&k, "data.a.o"));
    assert_int_equal(used, 2);
    pol_bytes nowhere[] = {POL_BYTES("b")};
    assert_null(pol_program_find(&k.program, nowhere, 1, &used, &document));
    assert_ptr_equal(document, k.program.root);
    pol_arena_deinit(&k.arena);
}

static void test_names_become_refs_from_the_root(void **state)
{
    (void)state;
    compilation k;
    begin(&k);
    add_module(&k, "a.rego",
               "package a\nimport input.user as u\nq := 1\np if { q == 1; u.name == \"x\" }\n");
    check(&k);
    const pol_body *body = &group(&k, "data.a.p")->rules[0]->body;
    const pol_term *q = body->items[0]->left->items[1], *u = body->items[1]->left->items[1];
    assert_int_equal(q->kind, POL_TERM_REF);
    assert_int_equal(q->n, 3);
    assert_int_equal(q->items[0]->bound, POL_BOUND_DATA);
    assert_true(pol_bytes_is(q->items[2]->text, "q"));
    assert_int_equal(u->n, 3);
    assert_int_equal(u->items[0]->bound, POL_BOUND_INPUT);
    assert_true(pol_bytes_is(u->items[1]->text, "user"));
    pol_arena_deinit(&k.arena);
}

static void test_bodies_are_put_in_order(void **state)
{
    (void)state;
    compilation k;
    begin(&k);
    add_module(&k, "a.rego", "package a\np if { some x; x > 1; x = y; y = input.n }\n");
    check(&k);
    const pol_body *body = &group(&k, "data.a.p")->rules[0]->body;
    assert_int_equal(body->n, 3); /* the declaration is gone */
    assert_true(pol_bytes_is(body->items[0]->left->text, "y"));
    assert_int_equal(body->items[1]->kind, POL_EXPR_UNIFY);
    assert_int_equal(body->items[2]->kind, POL_EXPR_TERM);
    pol_arena_deinit(&k.arena);
}

static void test_what_with_replaces_is_listed(void **state)
{
    (void)state;
    compilation k;
    begin(&k);
    add_module(&k, "a.rego",
               "package a\nf(x) := x\np if { f(1) with input.a.b as 1 with data.c as 2 with f as 3 "
               "with count as f }\n");
    check(&k);
    assert_int_equal(k.program.n_with_paths, 2);
    assert_int_equal(k.program.with_path_lengths[0], 3);
    assert_true(pol_bytes_is(k.program.with_paths[1][1], "c"));
    assert_true(group(&k, "data.a.f")->mocked);
    assert_int_equal(k.program.n_mocked_builtins, 1);
    assert_string_equal(k.program.mocked_builtins[0]->name, "count");
    pol_arena_deinit(&k.arena);
}

static void test_query(void **state)
{
    (void)state;
    compilation k;
    begin(&k);
    add_module(&k, "a.rego", "package a\np := 1\n");
    check(&k);
    uint32_t source = pol_source_add(&k.sources, "query", POL_BYTES("x = y; y := p; _ = 1"), false);
    pol_body *body = pol_parse_query(&k.arena, &k.sources, source, false, &k.diags);
    pol_bytes package[] = {POL_BYTES("a")};
    pol_query *q = pol_program_query(&k.program, body, package, 1, NULL, 0);
    assert_string_equal(found(&k), "rego_compile_error 1"); /* y is used before it is declared */
    assert_null(q);
    pol_arena_deinit(&k.arena);
    begin(&k);
    add_module(&k, "a.rego", "package a\np := 1\n");
    check(&k);
    source = pol_source_add(&k.sources, "query", POL_BYTES("y := p; x = y; _ = 1"), false);
    body = pol_parse_query(&k.arena, &k.sources, source, false, &k.diags);
    q = pol_program_query(&k.program, body, package, 1, NULL, 0);
    assert_non_null(q);
    assert_int_equal(q->n_vars, 2);
    assert_true(pol_bytes_is(q->vars[0]->text, "y"));
    assert_true(pol_bytes_is(q->vars[1]->text, "x"));
    assert_int_equal(q->n_written, 3);
    pol_arena_deinit(&k.arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_mistake_is_reported),
        cmocka_unit_test(test_what_stands_beside_syntax_errors_is_checked),
        cmocka_unit_test(test_names_of_the_request_in_pol_modules),
        cmocka_unit_test(test_types_of_the_request_in_pol_modules),
        cmocka_unit_test(test_closures_have_variables_of_their_own),
        cmocka_unit_test(test_calls_are_taken_out_where_that_makes_them_safe),
        cmocka_unit_test(test_long_bodies_and_chains),
        cmocka_unit_test(test_groups_and_documents),
        cmocka_unit_test(test_names_become_refs_from_the_root),
        cmocka_unit_test(test_bodies_are_put_in_order),
        cmocka_unit_test(test_what_with_replaces_is_listed),
        cmocka_unit_test(test_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
