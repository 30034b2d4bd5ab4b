/* SPDX-License-Identifier: Apache-2.0
 * A number's text taken apart, as number.c and arithmetic.c see it; of use to nobody else.
 */
#pragma once

#include "runtime/value.h"

/* The value is 0.D1 D2 ... Dn times 10^magnitude, D1 and Dn not 0; n is 0 for zero. */
typedef struct {
    bool negative;
    const uint8_t *text;
    size_t first;      /* index of D1 in text */
    size_t n;          /* digits, a point among them not counted */
    size_t point;      /* index of the point in text; SIZE_MAX: none */
    int64_t magnitude; /* bounded: see EXPONENT_LIMIT */
} pol_decimal;

/* Digit number i, from 0. */
static inline int pol_decimal_digit(const pol_decimal *d, size_t i)
{
    size_t at = d->first + i;
    if (d->first < d->point && at >= d->point)
        at++;
    return d->text[at] - '0';
}

pol_decimal pol_decimal_read(pol_bytes text);
/* The text of any number; buf is used for int and double. */
pol_decimal pol_decimal_of(pol_value v, char buf[POL_NUMBER_TEXT_MAX]);
/* A number from text that is not in the arena yet. Undefined when the arena is spent: callers may
 * hold OpenSSL's memory, so the arena must not end the decision here. */
pol_value pol_number_copy(pol_arena *arena, const char *text, size_t n);
/* Digits 0.D1...Dn times 10^magnitude in Go's 'g' form: an exponent below -4 and from 21 on for
 * doubles, from 6 on for the 64-bit mantissa (shortest). */
pol_value pol_number_write(pol_arena *arena, bool negative, const char *digits, int n,
                           int64_t magnitude, int64_t exponent_from);

/* Powers of ten that a double holds exactly; a POL_DOUBLE has no more digits behind its point. */
enum { POL_BEHIND_MAX = 18 };
extern const double pol_powers_of_ten[POL_BEHIND_MAX + 1];
