/* SPDX-License-Identifier: Apache-2.0
 * Built-ins of family numbers: arithmetic (and `-` of sets), rounding, ranges, conversion.
 */
#include "runtime/builtins/integer.h"
#include "runtime/builtins/writer.h"

#include <math.h>

static pol_value compute(pol_eval *ev, pol_arithmetic op, pol_value x, pol_value y)
{
    const char *why = NULL;
    pol_value result = pol_number_arithmetic(pol_eval_arena(ev), op, x, y, &why);
    return pol_is_defined(result) ? result
                                  : pol_builtin_error(ev, "%s", why ? why : "number out of range");
}

static pol_value compute_args(pol_eval *ev, const pol_value *args, pol_arithmetic op)
{
    pol_value x = pol_arg_number(ev, args, 0), y = pol_arg_number(ev, args, 1);
    return pol_builtin_failed(ev) ? pol_undefined() : compute(ev, op, x, y);
}

POL_BUILTIN(plus, "plus", "(x: number, y: number) number", "`x + y`.")
{
    return compute_args(ev, args, POL_ADD);
}

POL_BUILTIN(minus, "minus", "(x: number | set[any], y: number | set[any]) number | set[any]",
            "`x - y`: of numbers the difference, of sets the elements of `x` that are not in `y`.")
{
    pol_value x = args[0], y = args[1];
    if (x.tag == POL_SET && y.tag == POL_SET) {
        pol_charge(ev, (uint64_t)x.n + y.n);
        return pol_set_difference(pol_eval_arena(ev), x, y);
    }
    if (pol_is_number(x) && pol_is_number(y))
        return compute(ev, POL_SUBTRACT, x, y);
    if (x.tag != POL_SET && !pol_is_number(x))
        return pol_operand_error(ev, 1, "one of {number, set}", x);
    return pol_operand_error(ev, 2, pol_is_number(y) ? "set" : "number", y);
}

POL_BUILTIN(mul, "mul", "(x: number, y: number) number", "`x * y`.")
{
    return compute_args(ev, args, POL_MULTIPLY);
}

POL_BUILTIN(div, "div", "(x: number, y: number) number", "`x / y`; dividing by zero is an error.")
{
    return compute_args(ev, args, POL_DIVIDE);
}

POL_BUILTIN(rem, "rem", "(x: number, y: number) number",
            "`x % y`, the remainder of integers, with the sign of `x`.")
{
    return compute_args(ev, args, POL_REMAINDER);
}

static pol_value round_arg(pol_eval *ev, const pol_value *args, pol_rounding how)
{
    return pol_number_round(pol_eval_arena(ev), how, pol_arg_number(ev, args, 0));
}

POL_BUILTIN(abs, "abs", "(x: number) number", "The number without its sign.")
{
    return round_arg(ev, args, POL_ABS);
}

POL_BUILTIN(ceil, "ceil", "(x: number) number", "The least integer that is not less.")
{
    return round_arg(ev, args, POL_CEIL);
}

POL_BUILTIN(floor, "floor", "(x: number) number", "The greatest integer that is not greater.")
{
    return round_arg(ev, args, POL_FLOOR);
}

POL_BUILTIN(round, "round", "(x: number) number", "The nearest integer, halves away from zero.")
{
    return round_arg(ev, args, POL_ROUND);
}

/* ---- ranges ---- */

static pol_value arg_integer(pol_eval *ev, const pol_value *args, unsigned i)
{
    pol_value n = pol_arg_number(ev, args, i);
    if (pol_number_is_integer(n))
        return n;
    pol_builtin_type_error(ev, "operand %u must be integer number but got floating-point number",
                           i + 1);
    return pol_int(0);
}

static pol_value range_between(pol_eval *ev, pol_value a, pol_value b, pol_value step)
{
    pol_builder list = pol_builder_new(pol_eval_arena(ev));
    bool up = pol_compare(a, b) <= 0;
    int64_t at, end, by;
    if (pol_number_int64(a, &at) && pol_number_int64(b, &end) && pol_number_int64(step, &by)) {
        uint64_t n =
            (up ? (uint64_t)end - (uint64_t)at : (uint64_t)at - (uint64_t)end) / (uint64_t)by;
        pol_charge(ev, n);
        if (n >= UINT32_MAX)
            return pol_builtin_error(ev, "the range has too many elements");
        for (uint64_t i = 0; i <= n; i++)
            pol_builder_add(&list, pol_int((int64_t)(up ? (uint64_t)at + i * (uint64_t)by
                                                        : (uint64_t)at - i * (uint64_t)by)));
        return pol_builder_array(&list);
    }
    for (pol_value i = a; up ? pol_compare(i, b) <= 0 : pol_compare(i, b) >= 0;) {
        pol_charge(ev, 4 + (i.tag == POL_DECIMAL ? i.n / 4 : 0));
        if (list.n == UINT32_MAX)
            return pol_builtin_error(ev, "the range has too many elements");
        pol_builder_add(&list, i);
        i = compute(ev, up ? POL_ADD : POL_SUBTRACT, i, step);
        if (!pol_is_defined(i))
            return i;
    }
    return pol_builder_array(&list);
}

POL_BUILTIN(numbers_range, "numbers.range", "(a: number, b: number) array[number]",
            "The integers from `a` to `b`, both included, upwards or downwards.")
{
    pol_value a = arg_integer(ev, args, 0), b = arg_integer(ev, args, 1);
    return pol_builtin_failed(ev) ? pol_undefined() : range_between(ev, a, b, pol_int(1));
}

POL_BUILTIN(numbers_range_step, "numbers.range_step",
            "(a: number, b: number, step: number) array[number]",
            "Every `step`-th integer from `a` to `b`, `a` included, upwards or downwards; `step` "
            "is above zero.")
{
    pol_value a = arg_integer(ev, args, 0), b = arg_integer(ev, args, 1),
              step = arg_integer(ev, args, 2);
    if (pol_builtin_failed(ev))
        return pol_undefined();
    if (pol_compare(step, pol_int(0)) <= 0)
        return pol_builtin_error(ev, "step must be a positive number above zero");
    return range_between(ev, a, b, step);
}

POL_BUILTIN_FLAGS(
    rand_intn, "rand.intn", "(str: string, n: number) number",
    "A random integer from 0 to `n` - 1, the same for the same arguments throughout a decision.",
    POL_NONDETERMINISTIC)
{
    pol_bytes name = pol_arg_string(ev, args, 0);
    int64_t n = pol_arg_int(ev, args, 1);
    if (pol_builtin_failed(ev) || n == INT64_MIN)
        return pol_builtin_error(ev, "the bound is out of range");
    if (n == 0)
        return pol_int(0);
    uint64_t bound = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    pol_value parts[] = {pol_string_text("rand.intn"), pol_string(name), pol_int(n)};
    pol_value key = pol_array_of(pol_eval_arena(ev), parts, 3), kept = pol_eval_recall(ev, key);
    if (pol_is_defined(kept))
        return kept;
    /* What lies above the last whole multiple of bound is drawn again, so that all results are
     * equally likely. */
    uint64_t limit = UINT64_MAX - UINT64_MAX % bound, drawn;
    do {
        pol_charge(ev, 1);
        drawn = pol_eval_random(ev);
    } while (drawn >= limit);
    kept = pol_int((int64_t)(drawn % bound));
    pol_eval_remember(ev, key, kept);
    return kept;
}

POL_BUILTIN(format_int, "format_int", "(number: number, base: number) string",
            "The integer part of `number` as digits of base 2, 8, 10 or 16.")
{
    pol_value number = pol_arg_number(ev, args, 0), base = pol_arg_number(ev, args, 1);
    int64_t b = 0;
    if (pol_builtin_failed(ev))
        return pol_undefined();
    if (!pol_number_int64(base, &b) || (b != 2 && b != 8 && b != 10 && b != 16))
        return pol_builtin_type_error(ev, "operand 2 must be one of {2, 8, 10, 16}");
    pol_bytes text;
    return pol_integer_text(ev, number, (unsigned)b, &text) ? pol_string(text) : pol_undefined();
}

/* ---- to_number ---- */

static size_t copy_digits(pol_bytes s, size_t *i, uint8_t *out, size_t n)
{
    while (*i < s.n && s.at[*i] >= '0' && s.at[*i] <= '9')
        out[n++] = s.at[(*i)++];
    return n;
}

/* s in the form of a JSON number into out, which has room for s.n + 2 bytes: a leading '+', leading
 * zeros and a point with no digits on one side are allowed in s. Returns the length, 0 when s is no
 * decimal number. */
static size_t normalise_number(pol_bytes s, uint8_t *out)
{
    size_t i = 0, n = 0, n_digits;
    if (s.n && (s.at[0] == '-' || s.at[0] == '+')) {
        if (s.at[0] == '-')
            out[n++] = '-';
        i++;
    }
    size_t start = i;
    while (i + 1 < s.n && s.at[i] == '0' && s.at[i + 1] >= '0' && s.at[i + 1] <= '9')
        i++;
    size_t before = n;
    n = copy_digits(s, &i, out, n);
    n_digits = i - start;
    if (n == before)
        out[n++] = '0';
    if (i < s.n && s.at[i] == '.') {
        size_t point = n, digits = ++i;
        out[n++] = '.';
        n = copy_digits(s, &i, out, n);
        n_digits += i - digits;
        if (i == digits)
            n = point;
    }
    if (n_digits == 0)
        return 0;
    if (i < s.n && (s.at[i] | 0x20) == 'e') {
        out[n++] = s.at[i++];
        if (i < s.n && (s.at[i] == '-' || s.at[i] == '+'))
            out[n++] = s.at[i++];
        size_t digits = i;
        n = copy_digits(s, &i, out, n);
        if (i == digits)
            return 0;
    }
    return i == s.n ? n : 0;
}

static bool is_word(pol_bytes s, const char *word)
{
    size_t n = strlen(word);
    if (s.n != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if ((s.at[i] | 0x20) != (uint8_t)word[i])
            return false;
    return true;
}

static pol_value read_number(pol_eval *ev, pol_bytes s)
{
    enum { TEXT_MAX = 10000 };
    pol_bytes bare = s;
    while (bare.n && (bare.at[0] == '+' || bare.at[0] == '-')) {
        bare.at++;
        bare.n--;
    }
    if (is_word(bare, "inf") || is_word(bare, "infinity") || is_word(bare, "nan"))
        return pol_operand_error(ev, 1, "valid number string", pol_string(s));
    uint8_t *out = s.n <= TEXT_MAX ? pol_arena_alloc(pol_eval_arena(ev), s.n + 3) : NULL;
    size_t n = out ? normalise_number(s, out) : 0;
    const char *why = "invalid syntax";
    if (n) {
        out[n] = 0;
        pol_value v = pol_number_read(pol_bytes_of(out, n));
        if (pol_is_defined(v) && isfinite(pol_number_to_double(v)))
            return v;
        why = "value out of range";
    }
    pol_bytes quoted = pol_quoted(ev, s);
    return pol_builtin_error(ev, "strconv.ParseFloat: parsing %.*s: %s", (int)quoted.n,
                             (const char *)quoted.at, why);
}

POL_BUILTIN(to_number, "to_number", "(value: null | boolean | number | string) number",
            "The value as a number: null and false are 0, true is 1, a string is read.")
{
    switch ((pol_tag)args[0].tag) {
    case POL_NULL:
        return pol_int(0);
    case POL_BOOL:
        return pol_int(args[0].n);
    case POL_INT:
    case POL_DOUBLE:
    case POL_DECIMAL:
        return args[0];
    case POL_STRING:
        return read_number(ev, pol_text(args[0]));
    default:
        return pol_operand_error(ev, 1, "one of {null, boolean, number, string}", args[0]);
    }
}

POL_FAMILY(numbers) = {
    POL_ROW(plus),
    POL_ROW(minus),
    POL_ROW(mul),
    POL_ROW(div),
    POL_ROW(rem),
    POL_ROW(abs),
    POL_ROW(ceil),
    POL_ROW(floor),
    POL_ROW(round),
    POL_ROW(numbers_range),
    POL_ROW(numbers_range_step),
    POL_ROW(rand_intn),
    POL_ROW(format_int),
    POL_ROW(to_number),
    POL_END,
};
