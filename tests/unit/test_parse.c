/* SPDX-License-Identifier: Apache-2.0
 * The grammar: what is a statement and what a rule, what a text prints as, and where faults are told.
 */
#include "grammar/parse.h"
#include "runtime/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

typedef struct {
    pol_arena arena;
    pol_sources sources;
    pol_diags diags;
    pol_module *module;
    pol_buf printed;
} parsed;

static void begin(parsed *p)
{
    memset(p, 0, sizeof *p);
    pol_arena_init(&p->arena, 0);
    p->sources.arena = &p->arena;
    p->diags = (pol_diags){.arena = &p->arena, .sources = &p->sources};
}

static void parse_bytes(parsed *p, pol_bytes text, bool polward)
{
    begin(p);
    p->module = pol_parse_module(&p->arena, &p->sources, pol_source_add(&p->sources, "test", text, polward), &p->diags);
    pol_diags_sort(&p->diags);
}

static void parse(parsed *p, const char *text, bool polward)
{
    parse_bytes(p, pol_bytes_text(text), polward);
}

static void end(parsed *p)
{
    pol_buf_deinit(&p->printed);
    pol_arena_deinit(&p->arena);
}

static void assert_place(const parsed *p, uint32_t i, const char *code, uint32_t row, uint32_t col)
{
    uint32_t got_row, got_col;
    assert_true(i < p->diags.n);
    pol_source_place(&p->sources, p->diags.items[i].span, &got_row, &got_col);
    if (strcmp(pol_diag_infos[p->diags.items[i].code].name, code) != 0 || row != got_row || col != got_col)
        fail_msg("wanted %s at %u:%u, got %s at %u:%u: %s", code, row, col, pol_diag_infos[p->diags.items[i].code].name, got_row, got_col,
                 p->diags.items[i].message);
}

static void assert_prints(const char *text, bool polward, const char *wanted)
{
    parsed p;
    parse(&p, text, polward);
    if (p.module->failed)
        fail_msg("%s: %s", text, p.diags.items[0].message);
    pol_module_print(p.module, &p.sources, &p.printed);
    assert_string_equal((const char *)p.printed.at, wanted);
    end(&p);
}

static void assert_refused(const char *text, bool polward, const char *code, uint32_t row, uint32_t col)
{
    parsed p;
    parse(&p, text, polward);
    assert_true(p.module->failed);
    if (p.diags.n != 1)
        fail_msg("%u diagnostics for %s", p.diags.n, text);
    assert_place(&p, 0, code, row, col);
    end(&p);
}

static void twelve_mistakes_are_told_each_at_its_place(void **state)
{
    (void)state;
    static const char text[] = "package orders\n"
                               "\n"
                               "import foo.bar\n"                                  /* 3: no such root */
                               "\n"
                               "role clerk inherits\n"                             /* nothing inherited: told at the next token, 7 */
                               "\n"
                               "scope orders covers read on order\n"               /* and that swallows none of 9 */
                               "\n"
                               "route GET \"/v1/orders\" read on order\n"          /* 9: `is` is missing */
                               "\n"
                               "permit clerk read on order\n"                      /* 11: `to` is missing */
                               "\n"
                               "permit clerk to refund on order\n"
                               "\tif {\n"
                               "\t\tresource.amount <=\n"
                               "\t}\n"                                             /* 16: no right side */
                               "\n"
                               "forbid to anyone on order\n"                       /* 18: no role */
                               "\n"
                               "limits := [1, 2\n"
                               "\n"
                               "count_all := count([1, 2)\n"                       /* 22: the array above is open; and 22:25 */
                               "\n"
                               "small if { x := 1 y := 2 }\n"                      /* 24 */
                               "\n"
                               "name := \"abc\n"                                   /* 26: no end */
                               "\n"
                               "other {\n"                                         /* 28: no `if` */
                               "\ttrue\n"
                               "}\n"
                               "\n"
                               "schema resource order { owner: strng }\n";         /* 32 */
    static const struct {
        const char *code;
        uint32_t row, col;
    } wanted[] = {
        {"POL0106", 3, 8},   {"POL0100", 7, 1},   {"POL0100", 7, 7},  {"POL0100", 9, 24},  {"POL0100", 11, 14}, {"POL0100", 16, 2},
        {"POL0112", 18, 8},  {"POL0100", 22, 1},  {"POL0100", 22, 25}, {"POL0100", 24, 19}, {"POL0102", 26, 9},  {"POL0108", 28, 1},
        {"POL0112", 32, 32},
    };
    parsed p;
    parse(&p, text, true);
    for (uint32_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        assert_place(&p, i, wanted[i].code, wanted[i].row, wanted[i].col);
    assert_int_equal(p.diags.n, sizeof wanted / sizeof *wanted);
    end(&p);
}

static void a_message_says_what_was_expected_and_what_was_found(void **state)
{
    (void)state;
    parsed p;
    parse(&p, "package t\n\np if {\n\tx ==\n}\n", false);
    pol_diags_write(&p.diags, POL_DIAGS_PRETTY, &p.printed);
    assert_non_null(strstr((const char *)p.printed.at, "test:5:1: error POL0100: expected an expression, found `}`\n"));
    end(&p);
}

static void precedence_is_that_of_rego(void **state)
{
    (void)state;
    assert_prints("package t\np := 1 + 2 * 3 - 4 == 5 & 6 | 7\n", false, "package t\n\np := 1 + 2 * 3 - 4 == 5 & 6 | 7\n");
    assert_prints("package t\np := (1 + 2) * 3\n", false, "package t\n\np := (1 + 2) * 3\n");
    assert_prints("package t\np := 1 < 2 < 3\n", false, "package t\n\np := 1 < 2 < 3\n");
    assert_prints("package t\np := 1 < (2 < 3)\n", false, "package t\n\np := 1 < (2 < 3)\n");
    assert_prints("package t\np := -x.y - - 1\n", false, "package t\n\np := 0 - x.y - -1\n");
}

static void braces_are_what_their_place_makes_them(void **state)
{
    (void)state;
    assert_prints("package t\np if { x }\n", false, "package t\n\np if {\n\tx\n}\n");
    assert_prints("package t\np if { k, v in xs }\n", false, "package t\n\np if {\n\t(k, v in xs)\n}\n");
    assert_prints("package t\np if {}\n", false, "package t\n\np if {\n\t{}\n}\n");
    assert_prints("package t\np if {1} == {1}\n", false, "package t\n\np if {\n\t{1} == {1}\n}\n");
    assert_prints("package t\np := [(x | y), 1]\n", false, "package t\n\np := [(x | y), 1]\n");
    assert_prints("package t\np := {x | x := 1; x > 0}\n", false, "package t\n\np := {x | x := 1; x > 0}\n");
    assert_prints("package t\np := 1 if { a } { b }\n", false, "package t\n\np := 1 if {\n\ta\n}\n\np := 1 if {\n\tb\n}\n");
}

static void a_minus_that_begins_an_expression_stays_apart(void **state)
{
    (void)state;
    assert_prints("package t\np if {\n\tx; -1 < y\n}\n", false, "package t\n\np if {\n\tx;\n\t-1 < y\n}\n");
}

static void keywords_of_statements_are_names_elsewhere(void **state)
{
    (void)state;
    assert_prints("package t\npermit := 1\n", true, "package t\n\npermit := 1\n");
    assert_prints("package t\npermit if to.x\n", true, "package t\n\npermit if {\n\tto.x\n}\n");
    assert_prints("package t\np := on +\n\trole\n", true, "package t\n\np := on + role\n");
    assert_prints("package t\nat(on) := is[on]\n", true, "package t\n\nat(on) := is[on]\n");
    assert_prints("package t\ndefault role := \"x\"\n", true, "package t\n\ndefault role := \"x\"\n");
    assert_refused("package t\npermit clerk to read on order\n", false, "POL0107", 2, 1);
}

static void statements_print_in_their_one_form(void **state)
{
    (void)state;
    assert_prints("package t\npermit a, \"b c\" to * on x at tenant as \"i\" because \"w\" returning {\"l\":1} if x.y unless z\n", true,
                  "package t\n\npermit a, \"b c\" to * on x at tenant as \"i\"\n\tbecause \"w\"\n\treturning {\"l\": 1}\n\tif {\n\t\tx.y\n\t}"
                  "\n\tunless {\n\t\tz\n\t}\n");
    assert_prints("package t\nscope \"r\" covers read, list on *\nscope \"w\" covers * on page\n", true,
                  "package t\n\nscope \"r\" covers read, list on *\n\nscope \"w\" covers * on page\n");
    assert_prints("package t\nschema resource order { a?: \"x\"|-1, \"b-c\": [set({[string]: any})] }\n", true,
                  "package t\n\nschema resource order {a?: \"x\" | -1, \"b-c\": [set({[string]: any})]}\n");
    assert_prints("package t\nschema data.x from \"x.json\"\nrole from data.r\nassign a from token.x\n", true,
                  "package t\n\nschema data.x from \"x.json\"\n\nrole from data.r\n\nassign a from token.x\n");
}

static void words_of_logic_are_keywords_by_import_only(void **state)
{
    (void)state;
    assert_prints("package t\np if {\n\tand\n\tor := 1\n}\n", false, "package t\n\np if {\n\tand\n\tor := 1\n}\n");
    assert_prints("package t\nimport rego.v2\np if not a and { b := 1; b } or c\n", false,
                  "package t\n\nimport rego.v2\n\np if {\n\t{ { not a } and { b := 1; b } } or { c }\n}\n");
    assert_prints("package t\nimport future.keywords.not\np if not { a; b }\n", false,
                  "package t\n\nimport future.keywords.not\n\np if {\n\tnot { a; b }\n}\n");
    assert_refused("package t\np if {\n\tfalse or true\n}\n", false, "POL0100", 3, 8);
}

static void templates_hold_text_and_expressions(void **state)
{
    (void)state;
    assert_prints("package t\np := $\"a\\{b}{x.y}\\n\"\n", false, "package t\n\np := $\"a\\{b}{x.y}\\n\"\n");
    assert_prints("package t\np := $`{$\"{a}\"}\n`\n", false, "package t\n\np := $\"{$\"{a}\"}\\n\"\n");
    assert_refused("package t\np := $\"{x := 1}\"\n", false, "POL0110", 2, 9);
    assert_refused("package t\np := $`abc\n\nq := 1\n", false, "POL0102", 2, 6);
}

static void metadata_belongs_to_what_stands_below(void **state)
{
    (void)state;
    parsed p;
    parse(&p, "# METADATA\n# title: P\npackage t\n\n# METADATA\n# title: R\n# custom:\n#  n: 1\np := 1\n\n# plain\nq := 2\n\n"
              "# METADATA\n# title: S\nrole clerk\n", true);
    assert_false(p.module->failed);
    assert_int_equal(p.module->n_metadata, 3);
    assert_int_equal(p.module->n_comments, 9);
    assert_true(pol_equal(pol_object_member(p.module->package_metadata->value, "title"), pol_string_text("P")));
    assert_true(pol_equal(pol_object_member(p.module->rules[0]->metadata->value, "title"), pol_string_text("R")));
    assert_null(p.module->rules[1]->metadata);
    assert_true(pol_equal(pol_object_member(p.module->statements[0]->metadata->value, "title"), pol_string_text("S")));
    end(&p);
    assert_refused("package t\n# METADATA\n# title: [\np := 1\n", false, "POL0111", 2, 1);
    assert_refused("package t\n# METADATA\n# words\np := 1\n", false, "POL0111", 2, 1);
}

static void repeated(pol_buf *text, const char *part, unsigned n, const char *last)
{
    pol_buf_text(text, "package t\np := ");
    for (unsigned i = 0; i < n; i++)
        pol_buf_text(text, part);
    pol_buf_text(text, last);
}

static void deep_nesting_is_refused_and_costs_no_stack(void **state)
{
    (void)state;
    static const struct {
        const char *part, *close; /* a string without an end would be told of first */
    } texts[] = {{"[", NULL}, {"(", NULL}, {"- ", NULL}, {"1 + ", NULL}, {"$\"{", "}\""},
                 {"{\"a\": ", NULL}, {"f(", NULL}, {"x in ", NULL}, {"x[", NULL}, {"{x | x := ", NULL}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        pol_buf text = {0};
        parsed p;
        repeated(&text, texts[i].part, 100000, "1");
        for (unsigned k = 0; texts[i].close && k < 100000; k++)
            pol_buf_text(&text, texts[i].close);
        parse_bytes(&p, pol_buf_view(&text), true);
        assert_true(p.module->failed);
        assert_int_equal(p.diags.items[0].code, POL_D_NESTING);
        end(&p);
        pol_buf_deinit(&text);
    }
}

static void long_texts_take_linear_time(void **state)
{
    (void)state;
    static const char *const parts[] = {"\np := [", "\n$`", "\n$\"{", "\n`", "\npermit a to", "\n# METADATA", ".a", "\nelse := 1"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        pol_buf text = {0};
        parsed p;
        repeated(&text, parts[i], 30000, "\n");
        parse_bytes(&p, pol_buf_view(&text), true);
        assert_non_null(p.module);
        end(&p);
        pol_buf_deinit(&text);
    }
}

static void terms_and_queries_are_parsed_alone(void **state)
{
    (void)state;
    parsed p;
    begin(&p);
    pol_term *term = pol_parse_term(&p.arena, &p.sources, pol_source_add(&p.sources, "term", POL_BYTES("{\"a\": [1, {2}]}"), false), &p.diags);
    pol_rego_write(&p.printed, pol_term_value(&p.arena, term));
    assert_string_equal((const char *)p.printed.at, "{\"a\": [1, {2}]}");
    pol_body *query = pol_parse_query(&p.arena, &p.sources, pol_source_add(&p.sources, "query", POL_BYTES("x := 1; y = x"), false), false, &p.diags);
    assert_int_equal(query->n, 2);
    assert_null(pol_parse_query(&p.arena, &p.sources, pol_source_add(&p.sources, "query", POL_BYTES("x :="), false), false, &p.diags));
    assert_int_equal(p.diags.n, 1);
    end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twelve_mistakes_are_told_each_at_its_place),
        cmocka_unit_test(a_message_says_what_was_expected_and_what_was_found),
        cmocka_unit_test(precedence_is_that_of_rego),
        cmocka_unit_test(braces_are_what_their_place_makes_them),
        cmocka_unit_test(a_minus_that_begins_an_expression_stays_apart),
        cmocka_unit_test(keywords_of_statements_are_names_elsewhere),
        cmocka_unit_test(statements_print_in_their_one_form),
        cmocka_unit_test(words_of_logic_are_keywords_by_import_only),
        cmocka_unit_test(templates_hold_text_and_expressions),
        cmocka_unit_test(metadata_belongs_to_what_stands_below),
        cmocka_unit_test(deep_nesting_is_refused_and_costs_no_stack),
        cmocka_unit_test(long_texts_take_linear_time),
        cmocka_unit_test(terms_and_queries_are_parsed_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
