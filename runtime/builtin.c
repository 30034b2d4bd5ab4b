/* SPDX-License-Identifier: Apache-2.0
 * The registry of built-ins and what their bodies share: getters of operands and the texts of
 * errors, which are OPA's.
 */
#include "runtime/builtin.h"

#include <stdarg.h>
#include <stdio.h>

static const pol_builtin *const *const families[] = {
#define FAMILY(name) pol_family_##name,
#include "runtime/builtins/families.def"
#undef FAMILY
};
enum { N_FAMILIES = sizeof families / sizeof *families };

const pol_builtin *pol_builtin_find(pol_bytes name)
{
    for (unsigned f = 0; name.n && f < N_FAMILIES; f++)
        for (const pol_builtin *const *row = families[f]; *row; row++)
            if ((uint8_t)(*row)->name[0] == name.at[0] && pol_bytes_is(name, (*row)->name))
                return *row;
    return NULL;
}

const pol_builtin *pol_builtin_at(unsigned i)
{
    for (unsigned f = 0; f < N_FAMILIES; f++)
        for (const pol_builtin *const *row = families[f]; *row; row++)
            if (i-- == 0)
                return *row;
    return NULL;
}

unsigned pol_builtin_arity(const pol_builtin *b)
{
    unsigned depth = 0, commas = 0;
    bool any = false;
    for (const char *p = b->signature; *p; p++) {
        if (*p == '(' || *p == '[' || *p == '{')
            any |= depth++ > 0;
        else if (*p == ')' || *p == ']' || *p == '}')
            depth--;
        else if (*p == ',')
            commas += depth == 1;
        else
            any |= *p != ' ';
        if (depth == 0)
            break;
    }
    return any ? commas + 1 : 0;
}

/* ---- errors ---- */

/* Longer messages are cut: they hold parts of foreign text. */
enum { MESSAGE_MAX = 400 };

static void note(pol_eval *ev, pol_code code, const char *fmt, va_list ap) POL_PRINTF(3, 0);

static void note(pol_eval *ev, pol_code code, const char *fmt, va_list ap)
{
    if (pol_builtin_failed(ev))
        return;
    char text[MESSAGE_MAX];
    int n = vsnprintf(text, sizeof text, fmt, ap);
    size_t kept = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    if ((size_t)n > kept) /* not in the midst of a code point */
        while (kept > 0 && (text[kept - 1] & 0x80))
            kept--;
    pol_eval_note_error(ev, code, pol_bytes_of(text, kept));
}

pol_value pol_builtin_error(pol_eval *ev, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    note(ev, POL_E_BUILTIN, fmt, ap);
    va_end(ap);
    return pol_undefined();
}

pol_value pol_builtin_type_error(pol_eval *ev, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    note(ev, POL_E_TYPE, fmt, ap);
    va_end(ap);
    return pol_undefined();
}

pol_value pol_operand_error(pol_eval *ev, unsigned i, const char *wanted, pol_value got)
{
    return pol_builtin_type_error(ev, "operand %u must be %s but got %s", i, wanted,
                                  pol_type_name(got));
}

pol_value pol_element_error(pol_eval *ev, unsigned i, pol_value collection, const char *wanted,
                            pol_value element)
{
    const char *of = pol_type_name(collection);
    return pol_builtin_type_error(ev, "operand %u must be %s of %ss but got %s containing %s", i,
                                  of, wanted, of, pol_type_name(element));
}

/* ---- getters ---- */

pol_bytes pol_arg_string(pol_eval *ev, const pol_value *args, unsigned i)
{
    if (args[i].tag == POL_STRING)
        return pol_text(args[i]);
    pol_operand_error(ev, i + 1, "string", args[i]);
    return POL_BYTES("");
}

bool pol_arg_bool(pol_eval *ev, const pol_value *args, unsigned i)
{
    if (args[i].tag == POL_BOOL)
        return args[i].n;
    pol_operand_error(ev, i + 1, "boolean", args[i]);
    return false;
}

pol_value pol_arg_number(pol_eval *ev, const pol_value *args, unsigned i)
{
    if (pol_is_number(args[i]))
        return args[i];
    pol_operand_error(ev, i + 1, "number", args[i]);
    return pol_int(0);
}

/* As in OPA: 1e2 is no integer as an operand, and 100.0 is. */
static bool has_exponent(pol_value number)
{
    return number.tag == POL_DECIMAL && (memchr(number.text, 'e', number.n) || memchr(number.text, 'E', number.n));
}

int64_t pol_arg_int(pol_eval *ev, const pol_value *args, unsigned i)
{
    int64_t out = 0;
    if (!pol_is_number(args[i]))
        pol_operand_error(ev, i + 1, "number", args[i]);
    else if (!pol_number_is_integer(args[i]) || has_exponent(args[i]))
        pol_builtin_type_error(
            ev, "operand %u must be integer number but got floating-point number", i + 1);
    else if (!pol_number_int64(args[i], &out))
        pol_builtin_type_error(ev, "operand %u must be an integer of 64 bits but got a larger one",
                               i + 1);
    return out;
}

static pol_value get(pol_eval *ev, const pol_value *args, unsigned i, pol_tag tag, const char *name)
{
    if (args[i].tag == tag)
        return args[i];
    pol_operand_error(ev, i + 1, name, args[i]);
    return pol_empty(tag);
}

pol_value pol_arg_array(pol_eval *ev, const pol_value *args, unsigned i)
{
    return get(ev, args, i, POL_ARRAY, "array");
}

pol_value pol_arg_set(pol_eval *ev, const pol_value *args, unsigned i)
{
    return get(ev, args, i, POL_SET, "set");
}

pol_value pol_arg_object(pol_eval *ev, const pol_value *args, unsigned i)
{
    return get(ev, args, i, POL_OBJECT, "object");
}

pol_value pol_arg_list(pol_eval *ev, const pol_value *args, unsigned i)
{
    if (args[i].tag == POL_ARRAY || args[i].tag == POL_SET)
        return args[i];
    pol_operand_error(ev, i + 1, "one of {set, array}", args[i]);
    return pol_empty(POL_ARRAY);
}
