/* SPDX-License-Identifier: Apache-2.0
 * The table of built-ins: names, the grammar of signatures, and the agreement with the list of a
 * conformance pack, which the environment variable POLWARD_BUILTINS_JSON names.
 */
#include "runtime/builtin.h"
#include "runtime/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- the grammar, as builtin.h has it ---- */

static void skip_blanks(const char **p)
{
    while (**p == ' ')
        (*p)++;
}

static bool take(const char **p, const char *token)
{
    skip_blanks(p);
    size_t n = strlen(token);
    if (strncmp(*p, token, n) != 0)
        return false;
    *p += n;
    return true;
}

static bool read_name(const char **p, char *out, size_t n_out)
{
    skip_blanks(p);
    size_t n = strspn(*p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    snprintf(out, n_out, "%.*s", (int)n, *p);
    *p += n;
    return n > 0;
}

static bool read_type(const char **p);

static bool read_word_type(const char **p)
{
    static const char *const scalars[] = {"null", "boolean", "number", "string", "any"};
    char name[32];
    if (!read_name(p, name, sizeof name))
        return false;
    for (size_t i = 0; i < sizeof scalars / sizeof *scalars; i++)
        if (strcmp(name, scalars[i]) == 0)
            return true;
    if (strcmp(name, "object") == 0)
        return take(p, "[") && read_type(p) && take(p, ":") && read_type(p) && take(p, "]");
    return (strcmp(name, "array") == 0 || strcmp(name, "set") == 0) && take(p, "[") &&
           read_type(p) && take(p, "]");
}

static bool read_single(const char **p)
{
    char name[32];
    if (take(p, "("))
        return read_type(p) && take(p, ")");
    if (take(p, "[")) {
        if (take(p, "]"))
            return true;
        do {
            if (!read_type(p))
                return false;
        } while (take(p, ","));
        return take(p, "]");
    }
    if (!take(p, "{"))
        return read_word_type(p);
    do {
        if (take(p, "..."))
            break;
        if (!read_name(p, name, sizeof name) || !take(p, ":") || !read_type(p))
            return false;
    } while (take(p, ","));
    return take(p, "}");
}

static bool read_type(const char **p)
{
    do {
        if (!read_single(p))
            return false;
    } while (take(p, "|"));
    return true;
}

/* The number of arguments, or -1 when text is no signature. */
static int read_signature(const char *text)
{
    int n = 0;
    const char *p = text;
    char name[32];
    if (!take(&p, "("))
        return -1;
    while (!take(&p, ")")) {
        if (n++ && !take(&p, ","))
            return -1;
        const char *start = p;
        if (!read_name(&p, name, sizeof name) || !take(&p, ":"))
            p = start;
        if (!read_type(&p))
            return -1;
    }
    if (!take(&p, "none") && !read_type(&p))
        return -1;
    skip_blanks(&p);
    return *p ? -1 : n;
}

static void every_signature_follows_the_grammar(void **state)
{
    (void)state;
    const pol_builtin *b;
    for (unsigned i = 0; (b = pol_builtin_at(i)); i++) {
        int n = read_signature(b->signature);
        if (n < 0 || (unsigned)n != pol_builtin_arity(b))
            fail_msg("%s: \"%s\" reads as %d arguments, arity %u", b->name, b->signature, n,
                     pol_builtin_arity(b));
    }
}

static void every_name_is_found_once(void **state)
{
    (void)state;
    const pol_builtin *b;
    for (unsigned i = 0; (b = pol_builtin_at(i)); i++)
        if (pol_builtin_find(pol_bytes_text(b->name)) != b)
            fail_msg("%s stands twice", b->name);
    assert_null(pol_builtin_find(POL_BYTES("no.such.function")));
    assert_null(pol_builtin_find(POL_BYTES("")));
}

static void an_excluded_one_has_no_body(void **state)
{
    (void)state;
    const pol_builtin *b;
    for (unsigned i = 0; (b = pol_builtin_at(i)); i++) {
        if (b->flags & POL_EXCLUDED)
            assert_null(b->call);
        assert_true(b->summary[0] != 0);
    }
    const pol_builtin *send = pol_builtin_find(POL_BYTES("http.send"));
    assert_non_null(send);
    assert_true(send->flags & POL_EXCLUDED);
}

static bool is_true(pol_value entry, const char *name)
{
    return pol_is_true(pol_object_member(entry, name));
}

static void check_entry(pol_value entry)
{
    pol_bytes name = pol_text(pol_object_member(entry, "name"));
    const pol_builtin *b = pol_builtin_find(name);
    if (!b)
        fail_msg("%.*s is missing", (int)name.n, (const char *)name.at);
    unsigned arity = pol_object_member(entry, "args").n;
    if (pol_builtin_arity(b) != arity)
        fail_msg("%s: arity %u, wanted %u", b->name, pol_builtin_arity(b), arity);
    if (is_true(entry, "deprecated") != !!(b->flags & POL_DEPRECATED) ||
        is_true(entry, "relation") != !!(b->flags & POL_RELATION) ||
        is_true(entry, "out_of_scope") != !!(b->flags & POL_EXCLUDED))
        fail_msg("%s: flags %u", b->name, b->flags);
}

static void the_list_of_the_pack_is_here(void **state)
{
    (void)state;
    const char *path = getenv("POLWARD_BUILTINS_JSON");
    if (!path) {
        print_message("POLWARD_BUILTINS_JSON is not set: nothing to compare with\n");
        skip();
    }
    pol_buf text = {0};
    pol_error err;
    pol_value list;
    pol_arena arena;
    pol_arena_init(&arena, 0);
    assert_true(pol_file_read(path, 0, &text, &err));
    assert_true(pol_json_read(&arena, pol_buf_view(&text), NULL, &list, &err));
    for (uint32_t i = 0; i < list.n; i++)
        check_entry(pol_element(list, i));
    pol_arena_deinit(&arena);
    pol_buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_signature_follows_the_grammar),
        cmocka_unit_test(every_name_is_found_once),
        cmocka_unit_test(an_excluded_one_has_no_body),
        cmocka_unit_test(the_list_of_the_pack_is_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
