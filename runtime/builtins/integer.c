/* SPDX-License-Identifier: Apache-2.0
 * Integers beyond 64 bits: their digits out of a number's text, and to and from OpenSSL's numbers.
 */
#include "runtime/builtins/integer.h"

#include <openssl/crypto.h>

/* Conversion between bases takes time by the square of the digits. */
enum { DIGITS_MAX = 10000 };

bool pol_integer_digits(pol_eval *ev, pol_value number, bool *negative, pol_bytes *digits)
{
    char buf[POL_NUMBER_TEXT_MAX];
    pol_bytes text = pol_number_text(number, buf);
    size_t i = 0, n_digits = 0;
    int64_t point = -1, exponent = 0; /* point: digits before it */
    *negative = text.n && text.at[0] == '-';
    uint8_t *out = pol_arena_alloc(pol_eval_arena(ev), text.n + 1);
    for (i = *negative; i < text.n && (text.at[i] | 0x20) != 'e'; i++) {
        if (text.at[i] == '.')
            point = (int64_t)n_digits;
        else
            out[n_digits++] = text.at[i];
    }
    if (point < 0)
        point = (int64_t)n_digits;
    if (i < text.n) {
        bool below = text.at[++i] == '-';
        for (i += text.at[i] == '-' || text.at[i] == '+'; i < text.n && exponent < 1000000; i++)
            exponent = 10 * exponent + (text.at[i] - '0');
        point += below ? -exponent : exponent;
    }
    size_t zeros = 0;
    while (zeros < n_digits && out[zeros] == '0')
        zeros++;
    point -= (int64_t)zeros;
    out += zeros;
    n_digits -= zeros;
    if (n_digits == 0 || point <= 0) {
        *digits = POL_BYTES("0");
        *negative = false;
        return true;
    }
    if (point > DIGITS_MAX) {
        pol_builtin_error(ev, "the number has more than %d digits", DIGITS_MAX);
        return false;
    }
    pol_charge(ev, (uint64_t)point * (uint64_t)point / 1024);
    uint8_t *whole = pol_arena_alloc(pol_eval_arena(ev), (size_t)point + 1);
    size_t kept = n_digits < (size_t)point ? n_digits : (size_t)point;
    memcpy(whole, out, kept);
    memset(whole + kept, '0', (size_t)point - kept);
    whole[point] = 0;
    *digits = pol_bytes_of(whole, (size_t)point);
    return true;
}

BIGNUM *pol_integer_bignum(pol_eval *ev, pol_value number)
{
    bool negative;
    pol_bytes digits;
    if (!pol_integer_digits(ev, number, &negative, &digits))
        return NULL;
    BIGNUM *n = NULL;
    if (!BN_dec2bn(&n, (const char *)digits.at)) {
        BN_free(n);
        pol_builtin_error(ev, "the number could not be converted");
        return NULL;
    }
    BN_set_negative(n, negative);
    return n;
}

/* The text of n in base 10 or 16 into the arena; n is freed. */
static bool take_text(pol_eval *ev, BIGNUM *n, bool hex, pol_bytes *out)
{
    char *text = !n ? NULL : hex ? BN_bn2hex(n) : BN_bn2dec(n);
    BN_free(n);
    if (!text) {
        pol_builtin_error(ev, "the number could not be converted");
        return false;
    }
    size_t length = strlen(text);
    uint8_t *at = pol_arena_try(pol_eval_arena(ev), length + 1);
    if (at)
        memcpy(at, text, length + 1);
    OPENSSL_free(text);
    if (!at)
        at = pol_arena_zero(pol_eval_arena(ev), length + 1, 1); /* ends the decision */
    *out = pol_bytes_of(at, length);
    return true;
}

pol_value pol_integer_take(pol_eval *ev, BIGNUM *n)
{
    pol_bytes text;
    return take_text(ev, n, false, &text) ? pol_number_read(text) : pol_undefined();
}

/* Digits of base 2 or 8 from those of base 16, which have no sign. */
static pol_bytes regroup(pol_eval *ev, pol_bytes hex, unsigned bits)
{
    size_t n_bits = 4 * hex.n, n = (n_bits + bits - 1) / bits;
    uint8_t *out = pol_arena_zero(pol_eval_arena(ev), n + 1, 1);
    for (size_t i = 0; i < n_bits; i++) { /* bit i counted from the lowest */
        uint8_t c = hex.at[hex.n - 1 - i / 4];
        unsigned digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
        out[n - 1 - i / bits] |= (uint8_t)((digit >> i % 4 & 1) << i % bits);
    }
    size_t zeros = 0;
    while (zeros + 1 < n && out[zeros] == 0)
        zeros++;
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(out[i] + '0');
    return pol_bytes_of(out + zeros, n - zeros);
}

bool pol_integer_text(pol_eval *ev, pol_value number, unsigned base, pol_bytes *text)
{
    bool negative;
    pol_bytes digits;
    if (!pol_integer_digits(ev, number, &negative, &digits))
        return false;
    if (base != 10) {
        BIGNUM *n = NULL;
        bool made = BN_dec2bn(&n, (const char *)digits.at);
        if (!made) {
            BN_free(n);
            n = NULL;
        }
        if (!take_text(ev, n, true, &digits))
            return false;
        while (digits.n > 1 && digits.at[0] == '0') {
            digits.at++;
            digits.n--;
        }
        if (base != 16)
            digits = regroup(ev, digits, base == 8 ? 3 : 1);
    }
    uint8_t *out = pol_arena_alloc(pol_eval_arena(ev), digits.n + 2);
    out[0] = '-';
    for (size_t i = 0; i < digits.n; i++)
        out[negative + i] =
            digits.at[i] >= 'A' && digits.at[i] <= 'F' ? digits.at[i] | 0x20 : digits.at[i];
    *text = pol_bytes_of(out, digits.n + negative);
    return true;
}
