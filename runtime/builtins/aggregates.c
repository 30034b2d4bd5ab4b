/* SPDX-License-Identifier: Apache-2.0
 * Built-ins of family aggregates: one value of a whole collection.
 */
#include "runtime/builtin.h"

POL_BUILTIN(count, "count",
            "(collection: string | array[any] | object[any: any] | set[any]) number",
            "The number of elements of a collection, or of code points of a string.")
{
    if (pol_is_collection(args[0]))
        return pol_int(args[0].n);
    if (args[0].tag != POL_STRING)
        return pol_operand_error(ev, 1, "one of {array, object, set, string}", args[0]);
    pol_charge(ev, args[0].n / 32);
    int64_t n = 0;
    for (uint32_t i = 0; i < args[0].n; i++)
        n += (args[0].text[i] & 0xc0) != 0x80;
    return pol_int(n);
}

static pol_value fold(pol_eval *ev, const pol_value *args, pol_arithmetic op, int64_t start)
{
    pol_value list = pol_arg_list(ev, args, 0), result = pol_int(start);
    const char *why = NULL;
    bool all_whole = true;
    pol_charge(ev, list.n);
    for (uint32_t i = 0; i < list.n; i++) {
        pol_value e = pol_element(list, i);
        if (!pol_is_number(e))
            return pol_element_error(ev, 1, list, "number", e);
        all_whole = all_whole && pol_number_is_integer(e);
        result = pol_number_arithmetic(pol_eval_arena(ev), op, result, e, &why);
        if (!pol_is_defined(result))
            return pol_builtin_error(ev, "%s", why ? why : "number out of range");
    }
    if (op == POL_MULTIPLY && !all_whole)
        result = pol_number_product(pol_eval_arena(ev), list, &why);
    return pol_is_defined(result) ? result : pol_builtin_error(ev, "%s", why);
}

POL_BUILTIN(sum, "sum", "(collection: array[number] | set[number]) number",
            "The sum of all elements.")
{
    return fold(ev, args, POL_ADD, 0);
}

POL_BUILTIN(product, "product", "(collection: array[number] | set[number]) number",
            "The product of all elements.")
{
    return fold(ev, args, POL_MULTIPLY, 1);
}

static pol_value pick(pol_eval *ev, const pol_value *args, int sign)
{
    pol_value list = pol_arg_list(ev, args, 0);
    if (list.n == 0)
        return pol_undefined();
    if (list.tag == POL_SET)
        return pol_element(list, sign > 0 ? list.n - 1 : 0);
    pol_charge(ev, list.n);
    pol_value best = pol_element(list, 0);
    for (uint32_t i = 1; i < list.n; i++) {
        pol_value e = pol_element(list, i);
        if (pol_compare(e, best) * sign > 0)
            best = e;
    }
    return best;
}

POL_BUILTIN(max, "max", "(collection: array[any] | set[any]) any",
            "The greatest element in Rego's order; undefined of none.")
{
    return pick(ev, args, 1);
}

POL_BUILTIN(min, "min", "(collection: array[any] | set[any]) any",
            "The least element in Rego's order; undefined of none.")
{
    return pick(ev, args, -1);
}

typedef struct {
    pol_eval *ev;
    pol_value *from, *to;
} sorting;

/* Merges the runs [a, b) and [b, c) of from into to: stable, and its time is bounded whatever the
 * order of elements. */
static void merge_runs(const sorting *s, uint32_t a, uint32_t b, uint32_t c)
{
    uint32_t left = a, right = b;
    for (uint32_t i = a; i < c; i++) {
        bool take_left =
            left < b && (right >= c || pol_compare(s->from[left], s->from[right]) <= 0);
        s->to[i] = s->from[take_left ? left++ : right++];
    }
}

POL_BUILTIN(sort, "sort", "(collection: array[any] | set[any]) array[any]",
            "The elements in Rego's order.")
{
    pol_value list = pol_arg_list(ev, args, 0);
    pol_arena *arena = pol_eval_arena(ev);
    uint32_t n = list.n;
    pol_charge(ev, n);
    sorting s = {ev, pol_arena_array(arena, n, sizeof(pol_value)),
                 pol_arena_array(arena, n, sizeof(pol_value))};
    for (uint32_t i = 0; i < n; i++)
        s.from[i] = pol_element(list, i);
    if (list.tag == POL_SET)
        return pol_array_of(arena, s.from, n);
    for (uint64_t width = 1; width < n; width *= 2) {
        pol_charge(ev, n);
        for (uint64_t a = 0; a < n; a += 2 * width) {
            uint64_t b = a + width < n ? a + width : n, c = b + width < n ? b + width : n;
            merge_runs(&s, (uint32_t)a, (uint32_t)b, (uint32_t)c);
        }
        pol_value *sorted = s.to;
        s.to = s.from;
        s.from = sorted;
    }
    return pol_array_of(arena, s.from, n);
}

static pol_value test_all(pol_eval *ev, pol_value list, bool all)
{
    if (list.tag != POL_ARRAY && list.tag != POL_SET)
        return pol_operand_error(ev, 1, "one of {array, set}", list);
    pol_charge(ev, list.n);
    for (uint32_t i = 0; i < list.n; i++)
        if (pol_is_true(pol_element(list, i)) != all)
            return pol_bool(!all);
    return pol_bool(all);
}

POL_BUILTIN_FLAGS(all, "all", "(array[any] | set[any]) boolean", "True when every element is true.",
                  POL_DEPRECATED)
{
    return test_all(ev, args[0], true);
}

POL_BUILTIN_FLAGS(any, "any", "(array[any] | set[any]) boolean", "True when some element is true.",
                  POL_DEPRECATED)
{
    return test_all(ev, args[0], false);
}

POL_FAMILY(aggregates) = {
    POL_ROW(count), POL_ROW(sum), POL_ROW(product), POL_ROW(max), POL_ROW(min),
    POL_ROW(sort),  POL_ROW(all), POL_ROW(any),     POL_END,
};
