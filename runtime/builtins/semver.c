/* SPDX-License-Identifier: Apache-2.0
 * Built-ins of family semver: Semantic Versioning 2.0.0.
 */
#include "runtime/builtins/writer.h"

typedef struct {
    pol_bytes core[3]; /* digits without leading zeros */
    pol_bytes pre;     /* without the '-'; n == 0: none */
} version;

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_all_digits(pol_bytes s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_digit(s.at[i]))
            return false;
    return s.n > 0;
}

/* What of s from *at stands before the next '.'; *at moves behind that. */
static pol_bytes next_part(pol_bytes s, size_t *at)
{
    size_t from = *at;
    while (*at < s.n && s.at[*at] != '.')
        (*at)++;
    pol_bytes part = pol_bytes_of(s.at + from, *at - from);
    (*at)++;
    return part;
}

/* Identifiers with '.' between them; with no_zeros a number has no leading zero. */
static bool are_identifiers(pol_bytes s, bool no_zeros)
{
    for (size_t at = 0; at <= s.n;) {
        pol_bytes part = next_part(s, &at);
        if (part.n == 0 || (no_zeros && part.n > 1 && part.at[0] == '0' && is_all_digits(part)))
            return false;
        for (size_t i = 0; i < part.n; i++)
            if (!is_digit(part.at[i]) && part.at[i] != '-' &&
                !((part.at[i] | 0x20) >= 'a' && (part.at[i] | 0x20) <= 'z'))
                return false;
    }
    return true;
}

static bool read_version(pol_bytes s, version *out)
{
    size_t at = s.n && s.at[0] == 'v'; /* as in OPA */
    *out = (version){0};
    for (unsigned i = 0; i < 3; i++) {
        size_t from = at;
        while (at < s.n && is_digit(s.at[at]))
            at++;
        out->core[i] = pol_bytes_of(s.at + from, at - from);
        if (at == from || (s.at[from] == '0' && at - from > 1) ||
            (i < 2 && (at == s.n || s.at[at++] != '.')))
            return false;
    }
    const uint8_t *plus = at < s.n ? memchr(s.at + at, '+', s.n - at) : NULL;
    size_t end = plus ? (size_t)(plus - s.at) : s.n;
    if (plus && !are_identifiers(pol_bytes_of(plus + 1, s.n - end - 1), false))
        return false;
    if (at == end)
        return true;
    out->pre = pol_bytes_of(s.at + at + 1, end - at - 1);
    return s.at[at] == '-' && are_identifiers(out->pre, true);
}

static int compare_digits(pol_bytes a, pol_bytes b)
{
    return a.n != b.n ? (a.n < b.n ? -1 : 1) : pol_bytes_compare(a, b);
}

/* Clause 11: numbers below words, fewer identifiers below more, a pre-release below its version. */
static int compare_pre(pol_bytes a, pol_bytes b)
{
    if (a.n == 0 || b.n == 0)
        return (a.n == 0) - (b.n == 0);
    for (size_t i = 0, k = 0;;) {
        if (i > a.n || k > b.n)
            return (i <= a.n) - (k <= b.n);
        pol_bytes x = next_part(a, &i), y = next_part(b, &k);
        bool x_number = is_all_digits(x), y_number = is_all_digits(y);
        int order = x_number && y_number   ? compare_digits(x, y)
                    : x_number != y_number ? y_number - x_number
                                           : pol_bytes_compare(x, y);
        if (order)
            return order;
    }
}

static bool arg_version(pol_eval *ev, const pol_value *args, unsigned i, version *out)
{
    pol_bytes s = pol_arg_string(ev, args, i);
    pol_charge(ev, 1 + s.n / 16);
    if (pol_builtin_failed(ev) || read_version(s, out))
        return !pol_builtin_failed(ev);
    pol_bytes shown = pol_quoted(ev, s);
    pol_builtin_error(ev, "operand %u: string %.*s is not a valid SemVer", i + 1, (int)shown.n,
                      (const char *)shown.at);
    return false;
}

POL_BUILTIN(semver_compare, "semver.compare", "(a: string, b: string) number",
            "-1 when version `a` is before `b`, 1 when behind, 0 when neither.")
{
    version a, b;
    if (!arg_version(ev, args, 0, &a) || !arg_version(ev, args, 1, &b))
        return pol_undefined();
    int order = 0;
    for (unsigned i = 0; i < 3 && order == 0; i++)
        order = compare_digits(a.core[i], b.core[i]);
    if (order == 0)
        order = compare_pre(a.pre, b.pre);
    return pol_int((order > 0) - (order < 0));
}

POL_BUILTIN(semver_is_valid, "semver.is_valid", "(vsn: any) boolean",
            "True of a string that is a semantic version.")
{
    version v;
    if (args[0].tag != POL_STRING)
        return pol_bool(false);
    pol_charge(ev, 1 + args[0].n / 16);
    return pol_bool(read_version(pol_text(args[0]), &v));
}

POL_FAMILY(semver) = {POL_ROW(semver_compare), POL_ROW(semver_is_valid), POL_END};
