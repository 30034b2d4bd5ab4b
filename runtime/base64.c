/* SPDX-License-Identifier: Apache-2.0
 * base64, base64url (RFC 4648) and hex: the only coders of the project.
 */
#include "runtime/bytes.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t pol_base64_encode(uint8_t *out, pol_bytes in, pol_base64_kind kind)
{
    const char *digits = kind == POL_BASE64 ? alphabet : url_alphabet;
    size_t n = 0, i = 0;
    for (; i + 3 <= in.n; i += 3) {
        uint32_t three = (uint32_t)in.at[i] << 16 | (uint32_t)in.at[i + 1] << 8 | in.at[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6)
            out[n++] = (uint8_t)digits[three >> shift & 63];
    }
    if (i < in.n) {
        uint32_t last = (uint32_t)in.at[i] << 16 | (i + 1 < in.n ? (uint32_t)in.at[i + 1] << 8 : 0);
        out[n++] = (uint8_t)digits[last >> 18];
        out[n++] = (uint8_t)digits[last >> 12 & 63];
        if (i + 1 < in.n)
            out[n++] = (uint8_t)digits[last >> 6 & 63];
        for (; kind != POL_BASE64URL && n % 4; n++)
            out[n] = '=';
    }
    return n;
}

/* The value of a digit with a bit that says that it is one; 0 for all other bytes. */
enum { DIGIT = 0x40 };

#define COMMON_DIGITS                                                                                                       \
    ['A'] = DIGIT | 0, ['B'] = DIGIT | 1, ['C'] = DIGIT | 2, ['D'] = DIGIT | 3, ['E'] = DIGIT | 4, ['F'] = DIGIT | 5,       \
    ['G'] = DIGIT | 6, ['H'] = DIGIT | 7, ['I'] = DIGIT | 8, ['J'] = DIGIT | 9, ['K'] = DIGIT | 10, ['L'] = DIGIT | 11,     \
    ['M'] = DIGIT | 12, ['N'] = DIGIT | 13, ['O'] = DIGIT | 14, ['P'] = DIGIT | 15, ['Q'] = DIGIT | 16, ['R'] = DIGIT | 17, \
    ['S'] = DIGIT | 18, ['T'] = DIGIT | 19, ['U'] = DIGIT | 20, ['V'] = DIGIT | 21, ['W'] = DIGIT | 22, ['X'] = DIGIT | 23, \
    ['Y'] = DIGIT | 24, ['Z'] = DIGIT | 25, ['a'] = DIGIT | 26, ['b'] = DIGIT | 27, ['c'] = DIGIT | 28, ['d'] = DIGIT | 29, \
    ['e'] = DIGIT | 30, ['f'] = DIGIT | 31, ['g'] = DIGIT | 32, ['h'] = DIGIT | 33, ['i'] = DIGIT | 34, ['j'] = DIGIT | 35, \
    ['k'] = DIGIT | 36, ['l'] = DIGIT | 37, ['m'] = DIGIT | 38, ['n'] = DIGIT | 39, ['o'] = DIGIT | 40, ['p'] = DIGIT | 41, \
    ['q'] = DIGIT | 42, ['r'] = DIGIT | 43, ['s'] = DIGIT | 44, ['t'] = DIGIT | 45, ['u'] = DIGIT | 46, ['v'] = DIGIT | 47, \
    ['w'] = DIGIT | 48, ['x'] = DIGIT | 49, ['y'] = DIGIT | 50, ['z'] = DIGIT | 51, ['0'] = DIGIT | 52, ['1'] = DIGIT | 53, \
    ['2'] = DIGIT | 54, ['3'] = DIGIT | 55, ['4'] = DIGIT | 56, ['5'] = DIGIT | 57, ['6'] = DIGIT | 58, ['7'] = DIGIT | 59, \
    ['8'] = DIGIT | 60, ['9'] = DIGIT | 61

static const uint8_t values[] = {COMMON_DIGITS, ['+'] = DIGIT | 62, ['/'] = DIGIT | 63, [255] = 0};
static const uint8_t url_values[] = {COMMON_DIGITS, ['-'] = DIGIT | 62, ['_'] = DIGIT | 63, [255] = 0};

/* As many whole groups of four digits as there are from the beginning; returns how many digits that was. */
static size_t decode_groups(uint8_t *restrict out, pol_bytes in, const uint8_t *restrict value)
{
    const uint8_t *restrict at = in.at;
    size_t i = 0;
    for (; in.n - i >= 4; i += 4, out += 3) {
        uint32_t a = value[at[i]], b = value[at[i + 1]], c = value[at[i + 2]], d = value[at[i + 3]];
        if (!(a & b & c & d & DIGIT))
            break;
        uint32_t bits = (a & 63) << 18 | (b & 63) << 12 | (c & 63) << 6 | (d & 63);
        out[0] = (uint8_t)(bits >> 16);
        out[1] = (uint8_t)(bits >> 8);
        out[2] = (uint8_t)bits;
    }
    return i;
}

bool pol_base64_decode(uint8_t *out, size_t *n_out, pol_bytes in, pol_base64_kind kind, bool strict)
{
    uint32_t bits = 0;
    unsigned digits = 0, padding = 0;
    const uint8_t *of_digit = kind == POL_BASE64 ? values : url_values;
    size_t whole = decode_groups(out, in, of_digit), n = whole / 4 * 3;
    for (size_t i = whole; i < in.n; i++) {
        uint8_t c = in.at[i];
        if (!strict && (c == '\r' || c == '\n'))
            continue;
        if (c == '=' && kind != POL_BASE64URL) {
            if (++padding > 2 || digits + padding > 4 || digits < 2)
                return false;
            continue;
        }
        uint32_t value = of_digit[c];
        if (!value || padding)
            return false;
        bits = bits << 6 | (value & 63);
        if (++digits == 4) {
            out[n++] = (uint8_t)(bits >> 16);
            out[n++] = (uint8_t)(bits >> 8);
            out[n++] = (uint8_t)bits;
            bits = 0;
            digits = 0;
        }
    }
    if (digits == 1 || (kind != POL_BASE64URL && (digits + padding) % 4) ||
        (digits == 0 && padding))
        return false;
    if (digits && strict && (bits & ((1u << (digits == 2 ? 4 : 2)) - 1)))
        return false;
    if (digits == 2)
        out[n++] = (uint8_t)(bits >> 4);
    if (digits == 3) {
        out[n++] = (uint8_t)(bits >> 10);
        out[n++] = (uint8_t)(bits >> 2);
    }
    *n_out = n;
    return true;
}

void pol_hex_encode(uint8_t *out, pol_bytes in)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < in.n; i++) {
        out[2 * i] = (uint8_t)digits[in.at[i] >> 4];
        out[2 * i + 1] = (uint8_t)digits[in.at[i] & 15];
    }
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool pol_hex_decode(uint8_t *out, pol_bytes in)
{
    if (in.n % 2)
        return false;
    for (size_t i = 0; i < in.n; i += 2) {
        int high = hex_value(in.at[i]), low = hex_value(in.at[i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    return true;
}
