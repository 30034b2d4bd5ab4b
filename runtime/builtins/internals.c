/* SPDX-License-Identifier: Apache-2.0
 * Built-ins that the compiler calls for authors: template strings, the objects of rules with
 * general heads, printing.
 */
#include "runtime/builtins/writer.h"

POL_BUILTIN(template_string, "internal.template_string", "(parts: array[any]) string",
            "The parts of a template string joined; an embedded expression is a set of its value, "
            "empty when it is undefined.")
{
    pol_value parts = pol_arg_array(ev, args, 0);
    pol_writer w = pol_writer_new(ev, 0);
    for (uint32_t i = 0; i < parts.n; i++) {
        pol_value part = pol_element(parts, i);
        pol_charge(ev, 1);
        if (part.tag != POL_SET)
            pol_writer_value(&w, part);
        else if (part.n == 0)
            pol_writer_text(&w, "<undefined>");
        else if (part.n == 1)
            pol_writer_value(&w, pol_element(part, 0));
        else
            pol_eval_conflict(ev, "template-strings must not produce multiple outputs");
    }
    return pol_writer_string(&w);
}

/* Prints every line that can be made of one element of each set. */
static void print_product(pol_eval *ev, pol_value sets, uint32_t i, pol_writer *w)
{
    pol_charge(ev, 1);
    if (i == sets.n) {
        pol_eval_print(ev, pol_writer_view(w));
        return;
    }
    size_t n = w->n;
    pol_value set = pol_element(sets, i);
    if (set.tag != POL_SET) {
        pol_element_error(ev, 1, sets, "set", set);
        return;
    }
    for (uint32_t k = 0; k == 0 || k < set.n; k++) {
        w->n = n;
        if (i)
            pol_writer_byte(w, ' ');
        if (set.n)
            pol_writer_value(w, pol_element(set, k));
        else
            pol_writer_text(w, "<undefined>");
        print_product(ev, sets, i + 1, w);
    }
}

POL_BUILTIN(internal_print, "internal.print", "(sets: array[set[any]]) none",
            "Prints what is in the sets, one element of each a line.")
{
    enum { SETS_MAX = 1000 };
    pol_value sets = pol_arg_array(ev, args, 0);
    if (sets.n > SETS_MAX)
        return pol_builtin_error(ev, "more than %d arguments", SETS_MAX);
    pol_writer w = pol_writer_new(ev, 0);
    print_product(ev, sets, 0, &w);
    return pol_bool(true);
}

POL_BUILTIN(internal_test_case, "internal.test_case", "(array[any]) none",
            "Names a case of a test; without effect on decisions.")
{
    return pol_bool(true);
}

/* ---- internal.nest ---- */

static const char conflict_text[] = "object keys must be unique";

typedef struct {
    pol_eval *ev;
    pol_value entries; /* a set: sorted by path, so that a path stands right before those that begin
                          with it */
} nesting;

static pol_value path_of(const nesting *nest, uint32_t i)
{
    return pol_element(pol_element(nest->entries, i), 0);
}

static bool is_element(const nesting *nest, uint32_t i)
{
    return pol_equal(pol_element(pol_element(nest->entries, i), 1), pol_int(1));
}

/* The value or set that entries [from, to) give at their common path, of n segments, which is the
 * first's whole path. */
static pol_value nest_leaf(const nesting *nest, uint32_t from, uint32_t to, uint32_t n)
{
    if (!is_element(nest, from)) {
        if (to - from > 1)
            pol_eval_conflict(nest->ev, conflict_text);
        return pol_element(pol_element(nest->entries, from), 2);
    }
    pol_builder b = pol_builder_new(pol_eval_arena(nest->ev));
    for (uint32_t i = from; i < to; i++) {
        if (path_of(nest, i).n != n || !is_element(nest, i))
            pol_eval_conflict(nest->ev, conflict_text);
        pol_builder_add(&b, pol_element(pol_element(nest->entries, i), 2));
    }
    return pol_builder_set(&b);
}

/* The value of entries [from, to), of which the first n segments of the paths are equal. */
static pol_value nest_entries(const nesting *nest, uint32_t from, uint32_t to, uint32_t n)
{
    pol_value result;
    if (path_of(nest, from).n == n) {
        result = nest_leaf(nest, from, to, n);
    } else {
        pol_builder b = pol_builder_new(pol_eval_arena(nest->ev));
        for (uint32_t i = from, end; i < to; i = end) {
            pol_value key = pol_element(path_of(nest, i), n);
            for (end = i + 1; end < to && pol_equal(pol_element(path_of(nest, end), n), key);)
                end++;
            pol_value inner = nest_entries(nest, i, end, n + 1);
            if (!pol_is_defined(inner))
                return inner;
            pol_builder_put(&b, key, inner);
        }
        result = pol_builder_object(&b);
    }
    return pol_is_defined(result) ? result
                                  : pol_builtin_error(nest->ev, "the document is nested too deep");
}

POL_BUILTIN(nest, "internal.nest", "(entries: array[[array[any], number, any]]) any",
            "The document that holds each value at its path (kind 0), or as an element of the set "
            "at its path (kind 1).")
{
    enum { PATH_MAX_SEGMENTS = 500 };
    pol_value entries = pol_arg_array(ev, args, 0);
    pol_builder b = pol_builder_new(pol_eval_arena(ev));
    for (uint32_t i = 0; i < entries.n; i++) {
        pol_value e = pol_element(entries, i);
        pol_charge(ev, 1);
        if (e.tag != POL_ARRAY || e.n != 3 || pol_element(e, 0).tag != POL_ARRAY ||
            pol_element(e, 0).n > PATH_MAX_SEGMENTS)
            return pol_builtin_type_error(ev, "operand 1 must be array of [path, kind, value]");
        pol_builder_add(&b, e);
    }
    nesting nest = {ev, pol_builder_set(&b)};
    if (nest.entries.n == 0)
        return pol_empty(POL_OBJECT);
    return nest_entries(&nest, 0, nest.entries.n, 0);
}

POL_FAMILY(internals) = {
    POL_ROW(template_string),
    POL_ROW(internal_print),
    POL_ROW(internal_test_case),
    POL_ROW(nest),
    POL_END,
};
