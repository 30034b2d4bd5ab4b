/* SPDX-License-Identifier: Apache-2.0
 * Built-ins of family types: asking for a value's type, and the old casts.
 */
#include "runtime/builtin.h"

POL_BUILTIN(type_name, "type_name", "(x: any) string",
            "The name of the value's type: null, boolean, number, string, array, object or set.")
{
    return pol_string_text(pol_type_name(args[0]));
}

POL_BUILTIN(is_null, "is_null", "(x: any) boolean", "True of null.")
{
    return pol_bool(args[0].tag == POL_NULL);
}

POL_BUILTIN(is_boolean, "is_boolean", "(x: any) boolean", "True of true and false.")
{
    return pol_bool(args[0].tag == POL_BOOL);
}

POL_BUILTIN(is_number, "is_number", "(x: any) boolean", "True of a number.")
{
    return pol_bool(pol_is_number(args[0]));
}

POL_BUILTIN(is_string, "is_string", "(x: any) boolean", "True of a string.")
{
    return pol_bool(args[0].tag == POL_STRING);
}

POL_BUILTIN(is_array, "is_array", "(x: any) boolean", "True of an array.")
{
    return pol_bool(args[0].tag == POL_ARRAY);
}

POL_BUILTIN(is_object, "is_object", "(x: any) boolean", "True of an object.")
{
    return pol_bool(args[0].tag == POL_OBJECT);
}

POL_BUILTIN(is_set, "is_set", "(x: any) boolean", "True of a set.")
{
    return pol_bool(args[0].tag == POL_SET);
}

/* A list's elements as an array or a set. */
static pol_value cast_list(pol_eval *ev, const pol_value *args, pol_tag tag)
{
    pol_value list = args[0];
    if (list.tag != POL_ARRAY && list.tag != POL_SET)
        return pol_operand_error(ev, 1, "one of {array, set}", list);
    pol_charge(ev, list.n);
    pol_builder b = pol_builder_new(pol_eval_arena(ev));
    for (uint32_t i = 0; i < list.n; i++)
        pol_builder_add(&b, pol_element(list, i));
    return tag == POL_ARRAY ? pol_builder_array(&b) : pol_builder_set(&b);
}

POL_BUILTIN_FLAGS(cast_array, "cast_array", "(any) array[any]",
                  "An array, or a set's elements in order.", POL_DEPRECATED)
{
    return cast_list(ev, args, POL_ARRAY);
}

POL_BUILTIN_FLAGS(cast_set, "cast_set", "(any) set[any]",
                  "A set, or the set of an array's elements.", POL_DEPRECATED)
{
    return cast_list(ev, args, POL_SET);
}

static pol_value cast_same(pol_eval *ev, pol_value v, pol_tag tag, const char *wanted)
{
    return v.tag == tag ? v : pol_operand_error(ev, 1, wanted, v);
}

POL_BUILTIN_FLAGS(cast_string, "cast_string", "(any) string", "The value, if it is a string.",
                  POL_DEPRECATED)
{
    return cast_same(ev, args[0], POL_STRING, "string");
}

POL_BUILTIN_FLAGS(cast_boolean, "cast_boolean", "(any) boolean", "The value, if it is a boolean.",
                  POL_DEPRECATED)
{
    return cast_same(ev, args[0], POL_BOOL, "boolean");
}

POL_BUILTIN_FLAGS(cast_null, "cast_null", "(any) null", "The value, if it is null.", POL_DEPRECATED)
{
    return cast_same(ev, args[0], POL_NULL, "null");
}

POL_BUILTIN_FLAGS(cast_object, "cast_object", "(any) object[any: any]",
                  "The value, if it is an object.", POL_DEPRECATED)
{
    return cast_same(ev, args[0], POL_OBJECT, "object");
}

POL_FAMILY(types) = {
    POL_ROW(type_name), POL_ROW(is_null),     POL_ROW(is_boolean),
    POL_ROW(is_number), POL_ROW(is_string),   POL_ROW(is_array),
    POL_ROW(is_object), POL_ROW(is_set),      POL_ROW(cast_array),
    POL_ROW(cast_set),  POL_ROW(cast_string), POL_ROW(cast_boolean),
    POL_ROW(cast_null), POL_ROW(cast_object), POL_END,
};
