/* SPDX-License-Identifier: Apache-2.0
 * Integers beyond 64 bits for the built-ins that work on bits or write other bases.
 */
#pragma once

#include "runtime/builtin.h"

#include <openssl/bn.h>

/* The decimal digits of the integer part of number, which is cut towards zero; "0" of what is below
 * one. Lives in the arena. False, with an error noted, when there are too many of them. */
POL_MUST_USE bool pol_integer_digits(pol_eval *ev, pol_value number, bool *negative,
                                     pol_bytes *digits);
/* The integer part as an OpenSSL number, the caller's to free; NULL with an error noted. Takes
 * nothing from the arena once it is made. */
BIGNUM *pol_integer_bignum(pol_eval *ev, pol_value number);
/* The value of n, which is freed, also when the decision ends here; NULL (memory was out) is an
 * error of the built-in. */
pol_value pol_integer_take(pol_eval *ev, BIGNUM *n);
/* The integer part in base 2, 8, 10 or 16, in lower case, "-" before a negative one. False with an
 * error noted. */
POL_MUST_USE bool pol_integer_text(pol_eval *ev, pol_value number, unsigned base, pol_bytes *text);
