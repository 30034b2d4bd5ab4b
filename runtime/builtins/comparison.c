/* SPDX-License-Identifier: Apache-2.0
 * Built-ins of family comparison: the operators by their names, for `with` and for calls by name.
 * The compiler has instructions for them where they are operators.
 */
#include "runtime/builtin.h"

POL_BUILTIN(equal, "equal", "(x: any, y: any) boolean", "True when `x` and `y` are equal.")
{
    return pol_bool(pol_equal(args[0], args[1]));
}

POL_BUILTIN(neq, "neq", "(x: any, y: any) boolean", "True when `x` and `y` differ.")
{
    return pol_bool(!pol_equal(args[0], args[1]));
}

POL_BUILTIN(lt, "lt", "(x: any, y: any) boolean",
            "True when `x` stands before `y` in Rego's order.")
{
    return pol_bool(pol_compare(args[0], args[1]) < 0);
}

POL_BUILTIN(lte, "lte", "(x: any, y: any) boolean",
            "True when `y` does not stand before `x` in Rego's order.")
{
    return pol_bool(pol_compare(args[0], args[1]) <= 0);
}

POL_BUILTIN(gt, "gt", "(x: any, y: any) boolean",
            "True when `y` stands before `x` in Rego's order.")
{
    return pol_bool(pol_compare(args[0], args[1]) > 0);
}

POL_BUILTIN(gte, "gte", "(x: any, y: any) boolean",
            "True when `x` does not stand before `y` in Rego's order.")
{
    return pol_bool(pol_compare(args[0], args[1]) >= 0);
}

POL_BUILTIN(eq, "eq", "(any, any) boolean", "Unification `=`; of two ground values their equality.")
{
    return pol_bool(pol_equal(args[0], args[1]));
}

POL_BUILTIN(assign, "assign", "(any, any) boolean",
            "Assignment `:=`; of two ground values their equality.")
{
    return pol_bool(pol_equal(args[0], args[1]));
}

static bool has_value(pol_eval *ev, pol_value collection, pol_value wanted)
{
    if (collection.tag == POL_SET)
        return pol_set_has(collection, wanted);
    if (collection.tag != POL_ARRAY && collection.tag != POL_OBJECT)
        return false;
    pol_charge(ev, collection.n);
    for (uint32_t i = 0; i < collection.n; i++) {
        pol_value v = collection.tag == POL_ARRAY ? pol_element(collection, i)
                                                  : pol_member_value(collection, i);
        if (pol_equal(v, wanted))
            return true;
    }
    return false;
}

POL_BUILTIN(member_2, "internal.member_2", "(any, any) boolean",
            "`x in collection`: an element or a member's value equals `x`.")
{
    return pol_bool(has_value(ev, args[1], args[0]));
}

POL_BUILTIN(member_3, "internal.member_3", "(any, any, any) boolean",
            "`k, v in collection`: the value at key or index `k` equals `v`.")
{
    return pol_bool(pol_equal(pol_lookup(args[2], args[0]), args[1]));
}

POL_FAMILY(comparison) = {
    POL_ROW(equal),    POL_ROW(neq),      POL_ROW(lt), POL_ROW(lte),
    POL_ROW(gt),       POL_ROW(gte),      POL_ROW(eq), POL_ROW(assign),
    POL_ROW(member_2), POL_ROW(member_3), POL_END,
};
