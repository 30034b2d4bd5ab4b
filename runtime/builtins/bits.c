/* SPDX-License-Identifier: Apache-2.0
 * Built-ins of family bits: integers of any size as if in two's complement with endless sign bits.
 */
#include "runtime/builtins/integer.h"

enum { SHIFT_MAX = 40000, BYTES_MAX = 8192 };

/* An integer operand; 0 with an error noted when it is none. */
static pol_value arg_integer(pol_eval *ev, const pol_value *args, unsigned i)
{
    pol_value n = pol_arg_number(ev, args, i);
    if (pol_number_is_integer(n))
        return n;
    pol_builtin_type_error(ev, "operand %u must be integer number but got floating-point number",
                           i + 1);
    return pol_int(0);
}

typedef enum { AND, OR, XOR } bitwise;

static uint8_t combine(bitwise op, uint8_t a, uint8_t b)
{
    return op == AND ? a & b : op == OR ? a | b : a ^ b;
}

/* The lowest BYTES_MAX bytes of n's two's complement, the lowest first. */
static bool to_complement(const BIGNUM *n, uint8_t out[BYTES_MAX])
{
    if (BN_bn2lebinpad(n, out, BYTES_MAX) < 0)
        return false;
    if (!BN_is_negative(n))
        return true;
    unsigned carry = 1;
    for (size_t i = 0; i < BYTES_MAX; i++) {
        carry += (uint8_t)~out[i];
        out[i] = (uint8_t)carry;
        carry >>= 8;
    }
    return true;
}

static BIGNUM *from_complement(uint8_t bytes[BYTES_MAX])
{
    bool negative = bytes[BYTES_MAX - 1] & 0x80;
    unsigned carry = 1;
    for (size_t i = 0; negative && i < BYTES_MAX; i++) {
        carry += (uint8_t)~bytes[i];
        bytes[i] = (uint8_t)carry;
        carry >>= 8;
    }
    BIGNUM *n = BN_lebin2bn(bytes, BYTES_MAX, NULL);
    if (n)
        BN_set_negative(n, negative);
    return n;
}

static pol_value combine_large(pol_eval *ev, bitwise op, pol_value x, pol_value y)
{
    uint8_t a[BYTES_MAX], b[BYTES_MAX];
    BIGNUM *n = pol_integer_bignum(ev, x);
    if (!n)
        return pol_undefined();
    bool fits = to_complement(n, a);
    BN_free(n);
    n = pol_integer_bignum(ev, y);
    if (!n)
        return pol_undefined();
    fits = to_complement(n, b) && fits;
    BN_free(n);
    if (!fits)
        return pol_builtin_error(ev, "the number is too large");
    for (size_t i = 0; i < BYTES_MAX; i++)
        a[i] = combine(op, a[i], b[i]);
    return pol_integer_take(ev, from_complement(a));
}

static pol_value combine_args(pol_eval *ev, const pol_value *args, bitwise op)
{
    pol_value x = arg_integer(ev, args, 0), y = arg_integer(ev, args, 1);
    int64_t a, b;
    if (!pol_number_int64(x, &a) || !pol_number_int64(y, &b))
        return combine_large(ev, op, x, y);
    return pol_int(op == AND ? a & b : op == OR ? a | b : a ^ b);
}

POL_BUILTIN(bits_and, "bits.and", "(x: number, y: number) number",
            "The bits that are set in both integers.")
{
    return combine_args(ev, args, AND);
}

POL_BUILTIN(bits_or, "bits.or", "(x: number, y: number) number",
            "The bits that are set in either integer.")
{
    return combine_args(ev, args, OR);
}

POL_BUILTIN(bits_xor, "bits.xor", "(x: number, y: number) number",
            "The bits that are set in one of the integers only.")
{
    return combine_args(ev, args, XOR);
}

POL_BUILTIN(bits_negate, "bits.negate", "(x: number) number",
            "Every bit of the integer flipped: `-x - 1`.")
{
    pol_value x = arg_integer(ev, args, 0);
    const char *why = NULL;
    return pol_number_arithmetic(pol_eval_arena(ev), POL_SUBTRACT, pol_int(-1), x, &why);
}

static bool arg_shift(pol_eval *ev, const pol_value *args, int *shift)
{
    pol_value s = arg_integer(ev, args, 1);
    if (pol_compare(s, pol_int(0)) < 0) {
        pol_builtin_type_error(
            ev, "operand 2 must be an unsigned integer number but got a negative integer");
        return false;
    }
    int64_t n;
    *shift = !pol_number_int64(s, &n) || n > SHIFT_MAX ? SHIFT_MAX + 1 : (int)n;
    return !pol_builtin_failed(ev);
}

POL_BUILTIN(bits_lsh, "bits.lsh", "(x: number, s: number) number",
            "The integer's bits moved `s` places up.")
{
    pol_value x = arg_integer(ev, args, 0);
    int shift;
    int64_t a;
    if (!arg_shift(ev, args, &shift))
        return pol_undefined();
    if (shift > SHIFT_MAX)
        return pol_builtin_error(ev, "a shift by more than %d bits", SHIFT_MAX);
    if (pol_number_int64(x, &a) && shift < 32 && a >= INT32_MIN && a <= INT32_MAX)
        return pol_int(a * ((int64_t)1 << shift));
    BIGNUM *n = pol_integer_bignum(ev, x);
    if (n && !BN_lshift(n, n, shift)) {
        BN_free(n);
        n = NULL;
    }
    return n ? pol_integer_take(ev, n) : pol_builtin_error(ev, "the number could not be shifted");
}

POL_BUILTIN(bits_rsh, "bits.rsh", "(x: number, s: number) number",
            "The integer's bits moved `s` places down, the sign kept.")
{
    pol_value x = arg_integer(ev, args, 0);
    int shift;
    int64_t a;
    if (!arg_shift(ev, args, &shift))
        return pol_undefined();
    if (pol_number_int64(x, &a)) {
        int s = shift > 63 ? 63 : shift;
        return pol_int(a < 0 ? ~(~a >> s) : a >> s);
    }
    /* Of a negative number -((-x - 1) >> s) - 1, for OpenSSL shifts the magnitude. */
    bool negative = pol_compare(x, pol_int(0)) < 0;
    BIGNUM *n = pol_integer_bignum(ev, x);
    if (!n)
        return pol_undefined();
    bool ok = (!negative || BN_add_word(n, 1)) && BN_rshift(n, n, shift) &&
              (!negative || BN_sub_word(n, 1));
    if (ok)
        return pol_integer_take(ev, n);
    BN_free(n);
    return pol_builtin_error(ev, "the number could not be shifted");
}

POL_FAMILY(bits) = {
    POL_ROW(bits_and), POL_ROW(bits_or),  POL_ROW(bits_xor), POL_ROW(bits_negate),
    POL_ROW(bits_lsh), POL_ROW(bits_rsh), POL_END,
};
