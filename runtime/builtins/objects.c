/* SPDX-License-Identifier: Apache-2.0
 * Built-ins of family objects.
 */
#include "runtime/builtin.h"

POL_BUILTIN(
    object_get, "object.get", "(object: object[any: any], key: any, default: any) any",
    "The value at `key`, or, when `key` is an array, at that path; `default` when there is none.")
{
    pol_value object = pol_arg_object(ev, args, 0), key = args[1], value = object;
    if (key.tag != POL_ARRAY) {
        value = pol_object_get(object, key);
        return pol_is_defined(value) ? value : args[2];
    }
    pol_charge(ev, key.n);
    for (uint32_t i = 0; i < key.n && pol_is_defined(value); i++)
        value = pol_lookup(value, pol_element(key, i));
    return pol_is_defined(value) ? value : args[2];
}

POL_BUILTIN(object_keys, "object.keys", "(object: object[any: any]) set[any]",
            "The set of the object's keys.")
{
    pol_value object = pol_arg_object(ev, args, 0);
    pol_builder b = pol_builder_new(pol_eval_arena(ev));
    pol_charge(ev, object.n);
    for (uint32_t i = 0; i < object.n; i++)
        pol_builder_add(&b, pol_member_key(object, i));
    return pol_builder_set(&b);
}

/* The keys of operand 2 as a set or object, in which to look up. */
static pol_value arg_keys(pol_eval *ev, const pol_value *args)
{
    pol_value keys = args[1];
    if (keys.tag == POL_OBJECT || keys.tag == POL_SET)
        return keys;
    if (keys.tag != POL_ARRAY) {
        pol_operand_error(ev, 2, "one of {object, set, array}", keys);
        return pol_empty(POL_SET);
    }
    pol_charge(ev, keys.n);
    pol_builder b = pol_builder_new(pol_eval_arena(ev));
    for (uint32_t i = 0; i < keys.n; i++)
        pol_builder_add(&b, pol_element(keys, i));
    return pol_builder_set(&b);
}

/* Those members of object of which the keys are (kept), or are not, in keys. */
static pol_value select_members(pol_eval *ev, const pol_value *args, bool kept)
{
    pol_value object = pol_arg_object(ev, args, 0), keys = arg_keys(ev, args);
    pol_builder b = pol_builder_new(pol_eval_arena(ev));
    pol_charge(ev, object.n);
    for (uint32_t i = 0; i < object.n; i++) {
        pol_value key = pol_member_key(object, i);
        if ((pol_find(keys, key) >= 0) == kept)
            pol_builder_put(&b, key, pol_member_value(object, i));
    }
    return pol_builder_object(&b);
}

POL_BUILTIN(
    object_filter, "object.filter",
    "(object: object[any: any], keys: array[any] | object[any: any] | set[any]) object[any: any]",
    "The members of which the key is among `keys` (of an object: its keys).")
{
    return select_members(ev, args, true);
}

POL_BUILTIN(
    object_remove, "object.remove",
    "(object: object[any: any], keys: array[any] | object[any: any] | set[any]) object[any: any]",
    "The members of which the key is not among `keys` (of an object: its keys).")
{
    return select_members(ev, args, false);
}

static bool is_subset(pol_eval *ev, pol_value super, pol_value sub);

static bool has_members(pol_eval *ev, pol_value super, pol_value sub)
{
    pol_charge(ev, sub.n);
    for (uint32_t i = 0; i < sub.n; i++) {
        pol_value inner = pol_object_get(super, pol_member_key(sub, i));
        if (!pol_is_defined(inner) || !is_subset(ev, inner, pol_member_value(sub, i)))
            return false;
    }
    return true;
}

/* sub's elements stand in super one behind the other. */
static bool has_run(pol_eval *ev, pol_value super, pol_value sub)
{
    for (uint64_t start = 0; start + sub.n <= super.n; start++) {
        uint32_t i = 0;
        while (i < sub.n && pol_equal(pol_element(super, (uint32_t)start + i), pol_element(sub, i)))
            i++;
        pol_charge(ev, (uint64_t)i + 1);
        if (i == sub.n)
            return true;
    }
    return false;
}

static bool has_elements(pol_eval *ev, pol_value super, pol_value sub)
{
    pol_charge(ev, (uint64_t)sub.n + 1);
    if (super.tag == POL_ARRAY) {
        pol_charge(ev, super.n);
        pol_builder b = pol_builder_new(pol_eval_arena(ev));
        for (uint32_t i = 0; i < super.n; i++)
            pol_builder_add(&b, pol_element(super, i));
        super = pol_builder_set(&b);
    }
    for (uint32_t i = 0; i < sub.n; i++)
        if (!pol_set_has(super, pol_element(sub, i)))
            return false;
    return true;
}

/* What lies in members: objects, sets and arrays by their own kind of part, all else by equality.
 */
static bool is_subset(pol_eval *ev, pol_value super, pol_value sub)
{
    if (super.tag != sub.tag)
        return pol_equal(super, sub);
    if (sub.tag == POL_OBJECT)
        return has_members(ev, super, sub);
    if (sub.tag == POL_SET)
        return has_elements(ev, super, sub);
    if (sub.tag == POL_ARRAY)
        return has_run(ev, super, sub);
    return pol_equal(super, sub);
}

POL_BUILTIN(object_subset, "object.subset",
            "(super: array[any] | object[any: any] | set[any], sub: array[any] | object[any: any] "
            "| set[any]) boolean",
            "True when `sub` is a part of `super`: members (recursively), elements of a set, a run "
            "of an array; or a set in an array.")
{
    pol_value super = args[0], sub = args[1];
    if (super.tag == POL_ARRAY && sub.tag == POL_SET)
        return pol_bool(super.n && has_elements(ev, super, sub)); /* as in OPA: of an empty array not even set() is a part */
    if (super.tag != sub.tag || !pol_is_collection(super))
        return pol_builtin_type_error(
            ev, "both arguments object.subset must be of the same type or array and set");
    return pol_bool(is_subset(ev, super, sub));
}

POL_BUILTIN(object_union, "object.union",
            "(a: object[any: any], b: object[any: any]) object[any: any]",
            "The members of both; of equal keys `b`'s value counts, but two objects are joined in "
            "the same way.")
{
    pol_value a = pol_arg_object(ev, args, 0), b = pol_arg_object(ev, args, 1);
    pol_charge(ev, (uint64_t)a.n + b.n);
    return pol_object_union(pol_eval_arena(ev), a, b);
}

POL_BUILTIN(object_union_n, "object.union_n", "(objects: array[object[any: any]]) object[any: any]",
            "`object.union` of all of the objects, from the left.")
{
    pol_value objects = pol_arg_array(ev, args, 0), result = pol_empty(POL_OBJECT);
    for (uint32_t i = 0; i < objects.n; i++) {
        pol_value o = pol_element(objects, i);
        if (o.tag != POL_OBJECT)
            return pol_element_error(ev, 1, objects, "object", o);
        pol_charge(ev, (uint64_t)result.n + o.n + 1);
        result = pol_object_union(pol_eval_arena(ev), result, o);
    }
    return result;
}

POL_FAMILY(objects) = {
    POL_ROW(object_get),    POL_ROW(object_keys),  POL_ROW(object_filter),  POL_ROW(object_remove),
    POL_ROW(object_subset), POL_ROW(object_union), POL_ROW(object_union_n), POL_END,
};
