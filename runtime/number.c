/* SPDX-License-Identifier: Apache-2.0
 * Numbers: reading, text, order and hash. Small ones are an int64 or a double; all others keep the
 * text they were written in, which is taken apart wherever their value is asked for.
 */
#include "runtime/decimal.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>

const double pol_powers_of_ten[POL_BEHIND_MAX + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,
                                                      1e7,  1e8,  1e9,  1e10, 1e11, 1e12, 1e13,
                                                      1e14, 1e15, 1e16, 1e17, 1e18};

/* An exponent is read exactly below ten times this; larger ones are all the same, 20 times this.
 * Such numbers are only ever compared. */
static const int64_t EXPONENT_LIMIT = 100000000000000000;

static int64_t read_exponent(const uint8_t *text, size_t at, size_t n)
{
    bool negative = text[at] == '-';
    int64_t e = 0;
    at += text[at] == '-' || text[at] == '+';
    for (; at < n; at++)
        e = e < EXPONENT_LIMIT ? 10 * e + (text[at] - '0') : 20 * EXPONENT_LIMIT;
    return negative ? -e : e;
}

pol_decimal pol_decimal_read(pol_bytes s)
{
    pol_decimal d = {.text = s.at, .point = SIZE_MAX};
    size_t at = s.n && s.at[0] == '-', last = 0, i;
    bool found = false;
    int64_t exponent = 0, whole = 0;
    d.negative = at == 1;
    size_t begin = at;
    for (i = at; i < s.n; i++) {
        if (s.at[i] == '.') {
            d.point = i;
        } else if ((s.at[i] | 0x20) == 'e') {
            exponent = read_exponent(s.at, i + 1, s.n);
            break;
        } else if (s.at[i] != '0') {
            if (!found)
                d.first = i;
            found = true;
            last = i;
        }
    }
    if (!found)
        return (pol_decimal){.text = s.at, .point = SIZE_MAX};
    whole = (int64_t)((d.point == SIZE_MAX ? i : d.point) - begin);
    d.n = last - d.first + 1 - (d.first < d.point && d.point < last);
    /* D1's place: digits of the integer part from D1 on, or zeros behind the point */
    d.magnitude = exponent + whole - (int64_t)(d.first - begin) +
                  (d.point != SIZE_MAX && d.first > d.point ? 1 : 0);
    return d;
}

pol_decimal pol_decimal_of(pol_value v, char buf[POL_NUMBER_TEXT_MAX])
{
    return pol_decimal_read(pol_number_text(v, buf));
}

/* ---- reading and text ---- */

/* digits.digits of at most 15 significant digits, the last not 0, the first at most four behind the
 * point. The quotient of two numbers that a double holds exactly is the nearest double. */
static bool read_double(pol_bytes s, double *out)
{
    size_t at = s.n && s.at[0] == '-', behind = 0;
    int64_t digits = 0;
    unsigned significant = 0;
    bool point = false;
    if (s.n > 24)
        return false;
    for (; at < s.n; at++) {
        uint8_t c = s.at[at];
        if (c == '.') {
            point = true;
            continue;
        }
        if (c < '0' || c > '9')
            return false;
        digits = 10 * digits + (c - '0');
        significant += digits != 0;
        behind += point;
        if (significant > 15)
            return false;
    }
    if (!point || significant == 0 || s.at[s.n - 1] == '0' || behind > significant + 3)
        return false;
    *out = (double)digits / pol_powers_of_ten[behind];
    if (s.at[0] == '-')
        *out = -*out;
    return true;
}

static bool read_int(pol_bytes s, int64_t *out)
{
    bool negative = s.n && s.at[0] == '-';
    uint64_t i = 0;
    if (s.n - negative > 19 || (negative && s.at[1] == '0'))
        return false;
    for (size_t at = negative; at < s.n; at++) {
        if (s.at[at] < '0' || s.at[at] > '9')
            return false;
        i = 10 * i + (uint64_t)(s.at[at] - '0');
    }
    if (i > (uint64_t)INT64_MAX + negative)
        return false;
    *out = negative ? (int64_t)(0 - i) : (int64_t)i;
    return true;
}

pol_value pol_number_read(pol_bytes text)
{
    int64_t i;
    double d;
    if (read_int(text, &i))
        return pol_int(i);
    if (read_double(text, &d))
        return (pol_value){.tag = POL_DOUBLE, .d = d};
    return (pol_value){.tag = POL_DECIMAL, .n = (uint32_t)text.n, .text = text.at};
}

/* The digits of a double as an integer, and how many of them are behind the point. The product is
 * wrong by less than half, as there are at most 15 digits; so rounding gives them, and dividing
 * tells whether all are there. A bundle may hold doubles that no text reads as: these are zero. */
static uint64_t double_digits(double d, unsigned *behind, bool *negative)
{
    *negative = d < 0;
    d = *negative ? -d : d;
    for (unsigned k = 1; k <= POL_BEHIND_MAX && d * pol_powers_of_ten[k] < 1e15; k++) {
        uint64_t digits = (uint64_t)(d * pol_powers_of_ten[k] + 0.5);
        if ((double)digits / pol_powers_of_ten[k] == d) {
            *behind = k;
            return digits;
        }
    }
    *behind = 0;
    *negative = false;
    return 0;
}

pol_bytes pol_number_text(pol_value v, char buf[POL_NUMBER_TEXT_MAX])
{
    if (v.tag == POL_DECIMAL)
        return pol_text(v);
    bool negative = v.i < 0;
    uint64_t left = negative ? 0 - (uint64_t)v.i : (uint64_t)v.i;
    unsigned behind = 0;
    if (v.tag == POL_DOUBLE)
        left = double_digits(v.d, &behind, &negative);
    char *at = buf + POL_NUMBER_TEXT_MAX, *const end = at, *const point = at - behind;
    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
        if (behind && at == point)
            *--at = '.';
    } while (left || (behind && at >= point));
    if (behind && at[0] == '.')
        *--at = '0';
    if (negative)
        *--at = '-';
    return pol_bytes_of(at, (size_t)(end - at));
}

pol_value pol_number_copy(pol_arena *arena, const char *text, size_t n)
{
    pol_value v = pol_number_read(pol_bytes_of(text, n));
    if (v.tag != POL_DECIMAL)
        return v;
    uint8_t *copy = pol_arena_try(arena, n + 1);
    if (!copy)
        return pol_undefined();
    memcpy(copy, text, n);
    copy[n] = 0;
    v.text = copy;
    return v;
}

pol_value pol_number_write(pol_arena *arena, bool negative, const char *digits, int n,
                           int64_t magnitude, int64_t exponent_from)
{
    char out[80];
    int64_t exponent = magnitude - 1;
    int at = 0;
    if (n > 40)
        n = 40;
    if (negative)
        out[at++] = '-';
    if (exponent < -4 || exponent >= exponent_from) {
        out[at++] = digits[0];
        if (n > 1)
            out[at++] = '.';
        for (int i = 1; i < n; i++)
            out[at++] = digits[i];
        at += snprintf(out + at, sizeof out - (size_t)at, "e%c%02lld", exponent < 0 ? '-' : '+',
                       (long long)llabs(exponent));
    } else if (magnitude <= 0) {
        out[at++] = '0';
        out[at++] = '.';
        for (int64_t i = magnitude; i < 0; i++)
            out[at++] = '0';
        for (int i = 0; i < n; i++)
            out[at++] = digits[i];
    } else {
        for (int i = 0; i < n || i < magnitude; i++) {
            if (i == magnitude)
                out[at++] = '.';
            out[at++] = i < n ? digits[i] : '0';
        }
    }
    return pol_number_copy(arena, out, (size_t)at);
}

pol_value pol_number_double(pol_arena *arena, double d)
{
    char text[40], digits[24];
    int n = 0;
    if (d != d || d - d != 0)
        return pol_undefined();
    if (d == 0)
        return pol_int(0);
    for (int precision = d > -DBL_MIN && d < DBL_MIN ? 0 : 14; precision < 17; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, d);
        if (strtod(text, NULL) == d)
            break;
    }
    for (const char *p = text; *p && *p != 'e'; p++)
        if (*p >= '0' && *p <= '9')
            digits[n++] = *p;
    while (n > 1 && digits[n - 1] == '0')
        n--;
    return pol_number_write(arena, d < 0, digits, n, strtol(strchr(text, 'e') + 1, NULL, 10) + 1,
                            21);
}

/* ---- asking ---- */

bool pol_number_is_integer(pol_value v)
{
    if (v.tag != POL_DECIMAL)
        return v.tag == POL_INT;
    pol_decimal d = pol_decimal_read(pol_text(v));
    return d.n == 0 || d.magnitude >= (int64_t)d.n;
}

bool pol_number_int64(pol_value v, int64_t *out)
{
    if (v.tag == POL_INT) {
        *out = v.i;
        return true;
    }
    if (v.tag != POL_DECIMAL)
        return false;
    pol_decimal d = pol_decimal_read(pol_text(v));
    uint64_t i = 0;
    if (d.n == 0) {
        *out = 0;
        return true;
    }
    if (d.magnitude < (int64_t)d.n || d.magnitude > 19)
        return false;
    for (size_t k = 0; k < (size_t)d.magnitude; k++)
        i = 10 * i + (uint64_t)(k < d.n ? pol_decimal_digit(&d, k) : 0);
    if (i > (uint64_t)INT64_MAX + d.negative)
        return false;
    *out = d.negative ? (int64_t)(0 - i) : (int64_t)i;
    return true;
}

double pol_number_to_double(pol_value v)
{
    if (v.tag == POL_INT)
        return (double)v.i;
    if (v.tag == POL_DOUBLE)
        return v.d;
    pol_decimal d = pol_decimal_read(pol_text(v));
    char text[1000];
    /* Digits beyond these cannot change the nearest double but by being there: one 1 stands for all
     * of them. */
    size_t n = d.n < 800 ? d.n : 800, at = 0;
    if (d.n == 0)
        return 0;
    if (d.negative)
        text[at++] = '-';
    for (size_t i = 0; i < n; i++)
        text[at++] = (char)('0' + pol_decimal_digit(&d, i));
    if (n < d.n)
        text[at++] = '1';
    /* Without a point: strtod wants that of the program's locale. */
    snprintf(text + at, sizeof text - at, "e%lld",
             (long long)d.magnitude - (long long)(n + (n < d.n)));
    return strtod(text, NULL);
}

/* Whole numbers below this are doubles without rounding. */
static const int64_t EXACT_MAX = (int64_t)1 << 53;

int pol_number_compare(pol_value a, pol_value b)
{
    if (a.tag == POL_INT && b.tag == POL_INT)
        return (a.i > b.i) - (a.i < b.i);
    if (a.tag == POL_DOUBLE && b.tag == POL_DOUBLE)
        return (a.d > b.d) - (a.d < b.d);
    if (a.tag == POL_INT && b.tag == POL_DOUBLE && a.i < EXACT_MAX && a.i > -EXACT_MAX)
        return ((double)a.i > b.d) - ((double)a.i < b.d);
    if (a.tag == POL_DOUBLE && b.tag == POL_INT && b.i < EXACT_MAX && b.i > -EXACT_MAX)
        return (a.d > (double)b.i) - (a.d < (double)b.i);
    char buf_a[POL_NUMBER_TEXT_MAX], buf_b[POL_NUMBER_TEXT_MAX];
    pol_decimal x = pol_decimal_of(a, buf_a), y = pol_decimal_of(b, buf_b);
    int sign_x = x.n == 0 ? 0 : x.negative ? -1 : 1, sign_y = y.n == 0 ? 0 : y.negative ? -1 : 1;
    if (sign_x != sign_y || sign_x == 0)
        return (sign_x > sign_y) - (sign_x < sign_y);
    int order = (x.magnitude > y.magnitude) - (x.magnitude < y.magnitude);
    for (size_t i = 0; order == 0 && (i < x.n || i < y.n); i++) {
        int digit_x = i < x.n ? pol_decimal_digit(&x, i) : 0,
            digit_y = i < y.n ? pol_decimal_digit(&y, i) : 0;
        order = (digit_x > digit_y) - (digit_x < digit_y);
    }
    return sign_x < 0 ? -order : order;
}

uint32_t pol_number_hash(pol_value v)
{
    int64_t i;
    uint64_t h = 0x9E3779B97F4A7C15u;
    if (pol_number_int64(v, &i)) {
        h = (h ^ (uint64_t)i) * 0xD6E8FEB86659FD93u;
    } else {
        char buf[POL_NUMBER_TEXT_MAX];
        pol_decimal d = pol_decimal_of(v, buf);
        h = (h ^ (uint64_t)d.magnitude ^ d.negative) * 0xD6E8FEB86659FD93u;
        for (size_t k = 0; k < d.n; k++)
            h = (h ^ (uint64_t)pol_decimal_digit(&d, k)) * 0xD6E8FEB86659FD93u;
    }
    return (uint32_t)(h >> 32) ^ (uint32_t)h;
}
