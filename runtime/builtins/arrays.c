/* SPDX-License-Identifier: Apache-2.0
 * Built-ins of family arrays.
 */
#include "runtime/builtin.h"

static void add_all(pol_eval *ev, pol_builder *b, pol_value array, uint32_t from, uint32_t to)
{
    if (to > from)
        pol_charge(ev, to - from);
    for (uint32_t i = from; i < to; i++)
        pol_builder_add(b, pol_element(array, i));
}

POL_BUILTIN(array_concat, "array.concat", "(x: array[any], y: array[any]) array[any]",
            "The elements of `x`, then those of `y`.")
{
    pol_value x = pol_arg_array(ev, args, 0), y = pol_arg_array(ev, args, 1);
    pol_builder b = pol_builder_new(pol_eval_arena(ev));
    add_all(ev, &b, x, 0, x.n);
    add_all(ev, &b, y, 0, y.n);
    return pol_builder_array(&b);
}

POL_BUILTIN(array_flatten, "array.flatten", "(arr: array[any]) array[any]",
            "The elements of `arr`, each that is an array replaced by its elements.")
{
    pol_value array = pol_arg_array(ev, args, 0);
    pol_builder b = pol_builder_new(pol_eval_arena(ev));
    for (uint32_t i = 0; i < array.n; i++) {
        pol_value e = pol_element(array, i);
        pol_charge(ev, 1);
        if (e.tag == POL_ARRAY)
            add_all(ev, &b, e, 0, e.n);
        else
            pol_builder_add(&b, e);
    }
    return pol_builder_array(&b);
}

POL_BUILTIN(array_reverse, "array.reverse", "(arr: array[any]) array[any]",
            "The elements, the last one first.")
{
    pol_value array = pol_arg_array(ev, args, 0);
    pol_builder b = pol_builder_new(pol_eval_arena(ev));
    pol_charge(ev, array.n);
    for (uint32_t i = array.n; i > 0; i--)
        pol_builder_add(&b, pol_element(array, i - 1));
    return pol_builder_array(&b);
}

POL_BUILTIN(array_slice, "array.slice", "(arr: array[any], start: number, stop: number) array[any]",
            "The elements from index `start` up to, not including, `stop`; both are moved into the "
            "array's bounds.")
{
    pol_value array = pol_arg_array(ev, args, 0);
    int64_t start = pol_arg_int(ev, args, 1), stop = pol_arg_int(ev, args, 2);
    stop = stop < 0 ? 0 : stop > array.n ? array.n : stop;
    start = start < 0 ? 0 : start > stop ? stop : start;
    pol_builder b = pol_builder_new(pol_eval_arena(ev));
    add_all(ev, &b, array, (uint32_t)start, (uint32_t)stop);
    return pol_builder_array(&b);
}

POL_FAMILY(arrays) = {
    POL_ROW(array_concat),
    POL_ROW(array_flatten),
    POL_ROW(array_reverse),
    POL_ROW(array_slice),
    POL_END,
};
