/* SPDX-License-Identifier: Apache-2.0
 * OPA's arithmetic. Whole numbers are exact at any size (OpenSSL's big integers beyond int64);
 * other results are those of a binary floating-point number with a 64-bit mantissa, rounded to
 * nearest even, and are written as the shortest decimal that gives the same one back. All of it is
 * done with integers, so it is the same on every machine. A number beyond DIGITS_MAX digits takes
 * no part: an exponent is cheap to write.
 */
#include "runtime/decimal.h"

#include <openssl/bn.h>
#include <stdio.h>
#include <stdlib.h>

enum { DIGITS_MAX = 10000 };

POL_CLEANUP(BIGNUM *, BN_free)
POL_CLEANUP(BN_CTX *, BN_CTX_free)

/* ---- whole numbers of any size ---- */

static bool too_long(const pol_decimal *d)
{
    return d->n > DIGITS_MAX || d->magnitude > DIGITS_MAX || d->magnitude < -DIGITS_MAX;
}

/* The integer of D1...Dn followed by zeros zeros. NULL when memory is out. */
static BIGNUM *digits_to_integer(const pol_decimal *d, size_t zeros)
{
    char *text = OPENSSL_malloc(d->n + zeros + 3);
    BIGNUM *out = NULL;
    size_t at = 0;
    if (!text)
        return NULL;
    if (d->negative)
        text[at++] = '-';
    for (size_t i = 0; i < d->n; i++)
        text[at++] = (char)('0' + pol_decimal_digit(d, i));
    memset(text + at, '0', zeros);
    at += zeros;
    if (d->n == 0)
        text[at++] = '0';
    text[at] = 0;
    if (BN_dec2bn(&out, text) == 0) {
        BN_free(out);
        out = NULL;
    }
    OPENSSL_free(text);
    return out;
}

static pol_value integer_to_value(pol_arena *arena, const BIGNUM *n)
{
    char *text = BN_bn2dec(n);
    size_t length = text ? strlen(text) : 0;
    pol_value v;
    if (!text)
        return pol_undefined();
    v = pol_number_copy(arena, text, length);
    OPENSSL_free(text);
    return v;
}

static const char *const no_memory = "the numbers are too large";

static pol_value integer_arithmetic(pol_arena *arena, pol_arithmetic op, const pol_decimal *x,
                                    const pol_decimal *y, const char **why)
{
    pol_value out = pol_undefined();
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *a = digits_to_integer(x, x->n ? (size_t)x->magnitude - x->n : 0),
           *b = digits_to_integer(y, y->n ? (size_t)y->magnitude - y->n : 0);
    BIGNUM *r = BN_new(), *rest = BN_new();
    bool done = false;
    *why = no_memory;
    if (ctx && a && b && r && rest) {
        switch (op) {
        case POL_ADD:
            done = BN_add(r, a, b);
            break;
        case POL_SUBTRACT:
            done = BN_sub(r, a, b);
            break;
        case POL_MULTIPLY:
            done = BN_mul(r, a, b, ctx);
            break;
        case POL_REMAINDER:
            done = BN_div(NULL, r, a, b, ctx);
            break;
        case POL_DIVIDE:
            done = BN_div(r, rest, a, b, ctx) && BN_is_zero(rest);
            *why = NULL; /* not exact: the caller goes on with a mantissa */
            break;
        }
    }
    BN_free(a);
    BN_free(b);
    BN_free(rest);
    BN_CTX_free(ctx);
    if (done)
        out = integer_to_value(arena, r);
    BN_free(r);
    if (done)
        *why = pol_is_defined(out) ? NULL : no_memory;
    return out;
}

/* ---- a binary number with a 64-bit mantissa ---- */

typedef struct {
    bool negative;
    uint64_t mantissa; /* its highest bit set, but for zero */
    int64_t exponent;  /* the value is mantissa times 2^exponent */
} binary;

/* m times 2^exponent, and more below when sticky, rounded to nearest even in so many bits. m is not 0. */
static binary round_bits(bool negative, unsigned __int128 m, int64_t exponent, bool sticky, int bits)
{
    int has = (uint64_t)(m >> 64) ? 128 - __builtin_clzll((uint64_t)(m >> 64)) : 64 - __builtin_clzll((uint64_t)m);
    int drop = has - bits, free = 64 - bits;
    if (drop <= 0) /* exact: whoever calls with sticky has given more bits */
        return (binary){negative, (uint64_t)m << (64 - has), exponent - (64 - has)};
    unsigned __int128 half = (unsigned __int128)1 << (drop - 1), rest = m & ((half << 1) - 1);
    uint64_t kept = (uint64_t)(m >> drop);
    if (rest > half || (rest == half && (sticky || (kept & 1))))
        kept++;
    uint64_t mantissa = kept << free;
    return mantissa ? (binary){negative, mantissa, exponent + drop - free} : (binary){negative, (uint64_t)1 << 63, exponent + drop - free + 1};
}

static binary round_binary(bool negative, unsigned __int128 m, int64_t exponent, bool sticky)
{
    return round_bits(negative, m, exponent, sticky, 64);
}

/* The top 128 bits of n as m, the rest as sticky. */
static binary binary_of_integer(bool negative, const BIGNUM *n, int64_t exponent, bool sticky)
{
    int bits = BN_num_bits(n), drop = bits > 128 ? bits - 128 : 0;
    unsigned __int128 m = 0;
    for (int i = bits - 1; i >= drop; i--)
        m = m << 1 | (unsigned)BN_is_bit_set(n, i);
    for (int i = 0; i < drop && !sticky; i++)
        sticky = BN_is_bit_set(n, i);
    return m ? round_binary(negative, m, exponent + drop, sticky) : (binary){0};
}

static bool is_zero(binary a)
{
    return a.mantissa == 0;
}

static binary multiply_binary(binary a, binary b, int bits)
{
    if (is_zero(a) || is_zero(b))
        return (binary){0};
    return round_bits(a.negative != b.negative, (unsigned __int128)a.mantissa * b.mantissa, a.exponent + b.exponent, false, bits);
}

static binary divide_binary(binary a, binary b)
{
    if (is_zero(a))
        return a;
    unsigned __int128 n = (unsigned __int128)a.mantissa << 64, q = n / b.mantissa,
                      rest = n % b.mantissa;
    /* One more bit than the quotient may have, so that half a unit can be told from more. */
    q = q << 2;
    rest <<= 1;
    if (rest >= b.mantissa)
        q |= 2, rest -= b.mantissa;
    rest <<= 1;
    if (rest >= b.mantissa)
        q |= 1, rest -= b.mantissa;
    return round_binary(a.negative != b.negative, q, a.exponent - b.exponent - 66, rest != 0);
}

enum { TEN_MAX = 27 }; /* 5^27 has 63 bits: these powers are exact */

static binary power_of_ten(unsigned n)
{
    uint64_t five = 1;
    for (unsigned i = 0; i < n; i++)
        five *= 5;
    return round_binary(false, five, n, false);
}

/* Nearest to the decimal: its digits times a power of ten, or divided by one after a shift that
 * leaves enough bits. */
static bool binary_of_decimal(const pol_decimal *d, binary *out)
{
    pol_decimal magnitude = *d;
    int64_t scale = d->magnitude - (int64_t)d->n;
    magnitude.negative = false;
    *out = (binary){0};
    if (d->n == 0)
        return true;
    if (d->n <= 19 && scale <= TEN_MAX && scale >= -TEN_MAX) {
        uint64_t m = 0;
        for (size_t i = 0; i < d->n; i++)
            m = 10 * m + (uint64_t)pol_decimal_digit(d, i);
        binary ten = power_of_ten((unsigned)(scale < 0 ? -scale : scale)),
               exact = round_binary(d->negative, m, 0, false);
        *out = scale < 0 ? divide_binary(exact, ten) : multiply_binary(exact, ten, 64);
        return true;
    }
    POL_CLEAN(BN_free)
    BIGNUM *digits = digits_to_integer(&magnitude, scale > 0 ? (size_t)scale : 0);
    if (!digits || scale >= 0) {
        if (digits)
            *out = binary_of_integer(d->negative, digits, 0, false);
        return digits != NULL;
    }
    POL_CLEAN(BN_CTX_free) BN_CTX *ctx = BN_CTX_new();
    POL_CLEAN(BN_free)
    BIGNUM *ten = BN_new(), *power = BN_new(), *rest = BN_new(), *quotient = BN_new();
    if (!ctx || !ten || !power || !rest || !quotient || !BN_set_word(ten, 10) ||
        !BN_set_word(power, (BN_ULONG)-scale) || !BN_exp(power, ten, power, ctx))
        return false;
    int shift = 130 + BN_num_bits(power) - BN_num_bits(digits);
    if (shift < 0)
        shift = 0;
    if (!BN_lshift(digits, digits, shift) || !BN_div(quotient, rest, digits, power, ctx))
        return false;
    *out = binary_of_integer(d->negative, quotient, -(int64_t)shift, !BN_is_zero(rest));
    return true;
}

static binary add_binary(binary a, binary b)
{
    if (is_zero(a) || is_zero(b))
        return is_zero(a) ? b : a;
    if (a.exponent < b.exponent) {
        binary c = a;
        a = b;
        b = c;
    }
    /* a's mantissa stands 63 bits up, so that what is shifted out of b only matters as being there.
     */
    int64_t shift = a.exponent - b.exponent;
    unsigned __int128 x = (unsigned __int128)a.mantissa << 62,
                      y = (unsigned __int128)b.mantissa << 62;
    bool sticky = false;
    if (shift >= 126) {
        sticky = true;
        y = 0;
    } else if (shift) {
        sticky = (y & (((unsigned __int128)1 << shift) - 1)) != 0;
        y >>= shift;
    }
    if (a.negative == b.negative)
        return round_binary(a.negative, x + y, a.exponent - 62, sticky);
    if (x == y && !sticky)
        return (binary){0};
    if (x >= y)
        return round_binary(a.negative, x - y - sticky, a.exponent - 62, sticky);
    return round_binary(b.negative, y - x, a.exponent - 62, sticky);
}

static bool is_whole(binary a)
{
    return is_zero(a) || a.exponent >= 0 ||
           (a.exponent > -64 && (a.mantissa & (((uint64_t)1 << -a.exponent) - 1)) == 0);
}

/* The exact integer of a whole number, or the integer part of another one. */
static BIGNUM *integer_of_binary(binary a)
{
    BIGNUM *n = BN_new();
    if (!n || a.exponent > 4 * DIGITS_MAX || !BN_set_word(n, a.mantissa) ||
        !(a.exponent >= 0 ? BN_lshift(n, n, (int)a.exponent)
                          : BN_rshift(n, n, a.exponent < -64 ? 64 : (int)-a.exponent))) {
        BN_free(n);
        return NULL;
    }
    BN_set_negative(n, a.negative);
    return n;
}

/* digits = the first `precision` decimal digits of a, rounded; *magnitude as in decimal. scaled is
 * |a| times 10^scale / 2^shift as an integer with digits to spare. */
static bool decimal_digits(binary a, char *digits, int precision, int64_t *magnitude, BN_CTX *ctx)
{
    /* An estimate of the decimal exponent; the integer below has precision digits or one more. */
    int64_t estimate =
        (int64_t)((double)(a.exponent + 63) * 0.30102999566398120) - (a.exponent + 63 < 0);
    int64_t scale = precision - estimate; /* times 10^scale */
    POL_CLEAN(BN_free)
    BIGNUM *n = BN_new(), *d = BN_new(), *ten = BN_new(), *power = BN_new(), *rest = BN_new();
    if (!n || !d || !ten || !power || !rest || !BN_set_word(n, a.mantissa) || !BN_one(d) ||
        !BN_set_word(ten, 10) || !BN_set_word(power, (BN_ULONG)llabs(scale)) ||
        !BN_exp(power, ten, power, ctx))
        return false;
    if (!(a.exponent >= 0 ? BN_lshift(n, n, (int)a.exponent) : BN_lshift(d, d, (int)-a.exponent)) ||
        !(scale >= 0 ? BN_mul(n, n, power, ctx) : BN_mul(d, d, power, ctx)) ||
        !BN_div(n, rest, n, d, ctx))
        return false;
    bool more = !BN_is_zero(rest);
    char *text = BN_bn2dec(n);
    if (!text)
        return false;
    int length = (int)strlen(text), at;
    *magnitude = length - scale;
    bool up = length > precision &&
              (text[precision] > '5' ||
               (text[precision] == '5' &&
                (more || strspn(text + precision + 1, "0") < strlen(text + precision + 1) ||
                 (text[precision - 1] - '0') % 2)));
    for (at = 0; at < precision; at++)
        digits[at] = at < length ? text[at] : '0';
    OPENSSL_free(text);
    for (at = precision - 1; up && at >= 0; at--) {
        up = digits[at] == '9';
        digits[at] = up ? '0' : (char)(digits[at] + 1);
    }
    if (up) {
        memmove(digits + 1, digits, (size_t)precision - 1);
        digits[0] = '1';
        ++*magnitude;
    }
    digits[precision] = 0;
    return true;
}

static bool rounds_to(binary from, binary to, int bits)
{
    binary rounded = is_zero(from) ? from : round_bits(from.negative, from.mantissa, from.exponent, false, bits);
    return rounded.mantissa == to.mantissa && rounded.exponent == to.exponent;
}

/* The shortest decimal that rounds to a in so many bits. */
static bool shortest_digits(binary a, int bits, char digits[24], int *n, int64_t *magnitude)
{
    POL_CLEAN(BN_CTX_free) BN_CTX *ctx = BN_CTX_new();
    if (!ctx)
        return false;
    int low = 1, high = 21; /* 21 digits always do */
    while (low < high) {
        int middle = (low + high) / 2;
        binary back;
        if (!decimal_digits(a, digits, middle, magnitude, ctx))
            return false;
        pol_decimal d = {.text = (const uint8_t *)digits,
                         .n = (size_t)middle,
                         .point = SIZE_MAX,
                         .magnitude = *magnitude,
                         .negative = a.negative};
        if (!binary_of_decimal(&d, &back))
            return false;
        if (rounds_to(back, a, bits))
            high = middle;
        else
            low = middle + 1;
    }
    if (!decimal_digits(a, digits, low, magnitude, ctx))
        return false;
    while (low > 1 && digits[low - 1] == '0')
        low--;
    *n = low;
    return true;
}

/* The same where at most 15 digits do, which is nearly always. A shorter decimal with fewer digits
 * behind the point would have been found before. */
static bool few_digits(binary a, int bits, char digits[24], int *n, int64_t *magnitude)
{
    if (a.exponent < -90 || a.exponent > 0)
        return false;
    double d = (double)a.mantissa;
    for (int64_t i = a.exponent; i < 0; i++)
        d /= 2;
    for (unsigned k = 1; k <= POL_BEHIND_MAX && d * pol_powers_of_ten[k] < 1e15; k++) {
        uint64_t m = (uint64_t)(d * pol_powers_of_ten[k] + 0.5);
        if (m == 0)
            continue;
        binary back = divide_binary(round_binary(a.negative, m, 0, false), power_of_ten(k));
        if (rounds_to(back, a, bits)) {
            *n = snprintf(digits, 24, "%llu", (unsigned long long)m);
            *magnitude = *n - (int64_t)k;
            return true;
        }
    }
    return false;
}

/* A whole number beyond 64 bits is the shortest decimal too, filled up with zeros. */
static pol_value write_whole(pol_arena *arena, bool negative, const char *digits, int n, int64_t magnitude, const char **why)
{
    pol_buf text = {0};
    if (magnitude > 2 * DIGITS_MAX) {
        *why = no_memory;
        return pol_undefined();
    }
    if (negative)
        pol_buf_byte(&text, '-');
    for (int i = 0; i < magnitude; i++)
        pol_buf_byte(&text, i < n ? (uint8_t)digits[i] : '0');
    pol_value v = pol_number_copy(arena, (const char *)text.at, text.n);
    pol_buf_deinit(&text);
    if (!pol_is_defined(v))
        *why = no_memory;
    return v;
}

static pol_value binary_to_value(pol_arena *arena, binary a, int bits, const char **why)
{
    *why = NULL;
    if (is_zero(a))
        return pol_int(0);
    if (is_whole(a) && a.exponent <= bits - 64) {
        BIGNUM *n = integer_of_binary(a);
        pol_value v = n ? integer_to_value(arena, n) : pol_undefined();
        BN_free(n);
        if (!pol_is_defined(v))
            *why = no_memory;
        return v;
    }
    char digits[24];
    int n;
    int64_t magnitude;
    if (!few_digits(a, bits, digits, &n, &magnitude) && !shortest_digits(a, bits, digits, &n, &magnitude)) {
        *why = no_memory;
        return pol_undefined();
    }
    return is_whole(a) ? write_whole(arena, a.negative, digits, n, magnitude, why)
                       : pol_number_write(arena, a.negative, digits, n, magnitude, 6);
}

/* ---- arithmetic ---- */

static bool small_arithmetic(pol_arithmetic op, int64_t a, int64_t b, int64_t *out)
{
    switch (op) {
    case POL_ADD:
        return !__builtin_add_overflow(a, b, out);
    case POL_SUBTRACT:
        return !__builtin_sub_overflow(a, b, out);
    case POL_MULTIPLY:
        return !__builtin_mul_overflow(a, b, out);
    case POL_DIVIDE:
        if (b == 0 || (a == INT64_MIN && b == -1) || a % b)
            return false;
        *out = a / b;
        return true;
    case POL_REMAINDER:
        if (b == 0)
            return false;
        *out = b == -1 ? 0 : a % b;
        return true;
    }
    return false;
}

pol_value pol_number_arithmetic(pol_arena *arena, pol_arithmetic op, pol_value a, pol_value b,
                                const char **why)
{
    int64_t small;
    *why = NULL;
    if (a.tag == POL_INT && b.tag == POL_INT && small_arithmetic(op, a.i, b.i, &small))
        return pol_int(small);
    char buf_a[POL_NUMBER_TEXT_MAX], buf_b[POL_NUMBER_TEXT_MAX];
    pol_decimal x = pol_decimal_of(a, buf_a), y = pol_decimal_of(b, buf_b);
    bool whole = pol_number_is_integer(a) && pol_number_is_integer(b);
    if (op == POL_REMAINDER && !whole)
        *why = "modulo on floating-point number";
    else if (y.n == 0 && (op == POL_DIVIDE || op == POL_REMAINDER))
        *why = op == POL_DIVIDE ? "divide by zero" : "modulo by zero";
    else if (too_long(&x) || too_long(&y))
        *why = no_memory;
    if (*why)
        return pol_undefined();
    bool inexact = op == POL_DIVIDE && a.tag == POL_INT && b.tag == POL_INT &&
                   a.i != INT64_MIN; /* else it was done above */
    if (whole && !inexact) {
        pol_value v = integer_arithmetic(arena, op, &x, &y, why);
        if (pol_is_defined(v) || *why)
            return v;
    }
    binary p, q, r;
    if (!binary_of_decimal(&x, &p) || !binary_of_decimal(&y, &q)) {
        *why = no_memory;
        return pol_undefined();
    }
    if (op == POL_SUBTRACT)
        q.negative = !q.negative;
    r = op == POL_MULTIPLY ? multiply_binary(p, q, 64)
        : op == POL_DIVIDE ? divide_binary(p, q)
                           : add_binary(p, q);
    return binary_to_value(arena, r, 64, why);
}

pol_value pol_number_product(pol_arena *arena, pol_value list, const char **why)
{
    enum { DOUBLE_BITS = 53 };
    binary product = {.mantissa = (uint64_t)1 << 63, .exponent = -63};
    *why = NULL;
    for (uint32_t i = 0; i < list.n; i++) {
        char buf[POL_NUMBER_TEXT_MAX];
        pol_decimal d = pol_decimal_of(pol_element(list, i), buf);
        binary factor;
        if (too_long(&d) || !binary_of_decimal(&d, &factor)) {
            *why = no_memory;
            return pol_undefined();
        }
        product = multiply_binary(product, factor, DOUBLE_BITS);
    }
    return binary_to_value(arena, product, DOUBLE_BITS, why);
}

/* A whole number stays exact; any other has the precision that arithmetic gives it, if its exponent is not beyond that. */
static pol_value absolute(pol_arena *arena, pol_value v, pol_decimal d)
{
    binary b;
    const char *why;
    char buf[POL_NUMBER_TEXT_MAX];
    bool negative = d.negative;
    d.negative = false;
    if (d.n == 0)
        return pol_int(0);
    if (too_long(&d) || d.magnitude > DIGITS_MAX || d.magnitude < -DIGITS_MAX) {
        pol_bytes text = pol_number_text(v, buf);
        return negative ? pol_number_copy(arena, (const char *)text.at + 1, text.n - 1) : v;
    }
    if (!pol_number_is_integer(v))
        return binary_of_decimal(&d, &b) ? binary_to_value(arena, b, 64, &why) : pol_undefined();
    POL_CLEAN(BN_free) BIGNUM *n = digits_to_integer(&d, (size_t)d.magnitude - d.n);
    return n ? integer_to_value(arena, n) : pol_undefined();
}

/* Half away from zero, up, down: by the decimal's own digits, which is exact. */
pol_value pol_number_round(pol_arena *arena, pol_rounding how, pol_value v)
{
    if (v.tag == POL_INT && (how != POL_ABS || v.i >= 0))
        return v;
    if (v.tag == POL_INT && v.i != INT64_MIN)
        return pol_int(-v.i);
    char buf[POL_NUMBER_TEXT_MAX];
    pol_decimal d = pol_decimal_of(v, buf);
    if (how == POL_ABS)
        return absolute(arena, v, d);
    bool whole = d.n == 0 || d.magnitude >= (int64_t)d.n;
    if (d.magnitude > DIGITS_MAX)
        return whole ? v : pol_undefined();
    bool up = false; /* away from zero */
    if (!whole) {
        bool half = d.magnitude >= 0 && (size_t)d.magnitude < d.n &&
                    pol_decimal_digit(&d, (size_t)d.magnitude) >= 5;
        up = how == POL_ROUND ? half : how == POL_CEIL ? !d.negative : d.negative;
        d.n = d.magnitude > 0 ? (size_t)d.magnitude : 0;
    }
    if (d.magnitude <= 17) {
        int64_t i = 0;
        for (int64_t k = 0; k < d.magnitude; k++)
            i = 10 * i + ((size_t)k < d.n ? pol_decimal_digit(&d, (size_t)k) : 0);
        return pol_int(d.negative ? -i - up : i + up);
    }
    POL_CLEAN(BN_free)
    BIGNUM *n =
        digits_to_integer(&d, d.n && d.magnitude > (int64_t)d.n ? (size_t)d.magnitude - d.n : 0);
    bool negative = d.negative;
    if (!n)
        return pol_undefined();
    BN_set_negative(n, 0);
    if (up && !BN_add_word(n, 1))
        return pol_undefined();
    BN_set_negative(n, negative);
    return integer_to_value(arena, n);
}
