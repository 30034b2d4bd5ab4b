/* SPDX-License-Identifier: Apache-2.0
 * Values against named types.
 */
#include "runtime/declared.h"

#include "runtime/calendar.h"

bool pol_is_declared(pol_value v, pol_bytes name)
{
    int64_t ns;
    pol_error err;
    if (pol_bytes_is(name, "any"))
        return true;
    if (pol_bytes_is(name, "null"))
        return v.tag == POL_NULL;
    if (pol_bytes_is(name, "bool"))
        return v.tag == POL_BOOL;
    if (pol_bytes_is(name, "number"))
        return pol_is_number(v);
    if (pol_bytes_is(name, "integer"))
        return pol_is_number(v) && pol_number_is_integer(v);
    if (pol_bytes_is(name, "time"))
        return v.tag == POL_STRING && pol_time_parse(POL_BYTES("2006-01-02T15:04:05Z07:00"), pol_text(v), &ns, &err);
    return v.tag == POL_STRING;
}
