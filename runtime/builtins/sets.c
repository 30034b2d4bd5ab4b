/* SPDX-License-Identifier: Apache-2.0
 * Built-ins of family sets. The difference by `-` is in numbers.c, for that operator takes numbers
 * too.
 */
#include "runtime/builtin.h"

POL_BUILTIN(and, "and", "(x: set[any], y: set[any]) set[any]",
            "`x & y`: the elements in both sets.")
{
    pol_value x = pol_arg_set(ev, args, 0), y = pol_arg_set(ev, args, 1);
    pol_charge(ev, (uint64_t)x.n + y.n);
    return pol_set_intersection(pol_eval_arena(ev), x, y);
}

POL_BUILTIN(or, "or", "(x: set[any], y: set[any]) set[any]", "`x | y`: the elements in either set.")
{
    pol_value x = pol_arg_set(ev, args, 0), y = pol_arg_set(ev, args, 1);
    pol_charge(ev, (uint64_t)x.n + y.n);
    return pol_set_union(pol_eval_arena(ev), x, y);
}

POL_BUILTIN_FLAGS(set_diff, "set_diff", "(set[any], set[any]) set[any]",
                  "The elements of the first set that are not in the second.", POL_DEPRECATED)
{
    pol_value x = pol_arg_set(ev, args, 0), y = pol_arg_set(ev, args, 1);
    pol_charge(ev, (uint64_t)x.n + y.n);
    return pol_set_difference(pol_eval_arena(ev), x, y);
}

/* Element i of the set of sets; undefined with an error noted when it is no set. */
static pol_value inner_set(pol_eval *ev, pol_value sets, uint32_t i)
{
    pol_value inner = pol_element(sets, i);
    if (inner.tag != POL_SET)
        return pol_element_error(ev, 1, sets, "set", inner);
    pol_charge(ev, (uint64_t)inner.n + 1);
    return inner;
}

POL_BUILTIN(intersection, "intersection", "(xs: set[set[any]]) set[any]",
            "The elements that are in every set of `xs`.")
{
    pol_value sets = pol_arg_set(ev, args, 0), result = pol_empty(POL_SET);
    for (uint32_t i = 0; i < sets.n; i++) {
        pol_value inner = inner_set(ev, sets, i);
        if (!pol_is_defined(inner))
            return inner;
        pol_charge(ev, result.n);
        result = i ? pol_set_intersection(pol_eval_arena(ev), result, inner) : inner;
    }
    return result;
}

POL_BUILTIN(union, "union", "(xs: set[set[any]]) set[any]",
            "The elements that are in any set of `xs`.")
{
    pol_value sets = pol_arg_set(ev, args, 0);
    pol_builder b = pol_builder_new(pol_eval_arena(ev));
    for (uint32_t i = 0; i < sets.n; i++) {
        pol_value inner = inner_set(ev, sets, i);
        if (!pol_is_defined(inner))
            return inner;
        for (uint32_t k = 0; k < inner.n; k++)
            pol_builder_add(&b, pol_element(inner, k));
    }
    return pol_builder_set(&b);
}

POL_FAMILY(sets) = {
    POL_ROW(and), POL_ROW(or), POL_ROW(set_diff), POL_ROW(intersection), POL_ROW(union), POL_END,
};
