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

static int digit_value(uint8_t c, bool url)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == (url ? '-' : '+'))
        return 62;
    if (c == (url ? '_' : '/'))
        return 63;
    return -1;
}

bool pol_base64_decode(uint8_t *out, size_t *n_out, pol_bytes in, pol_base64_kind kind, bool strict)
{
    uint32_t bits = 0;
    unsigned digits = 0, padding = 0;
    size_t n = 0;
    for (size_t i = 0; i < in.n; i++) {
        uint8_t c = in.at[i];
        if (!strict && (c == '\r' || c == '\n'))
            continue;
        if (c == '=' && kind != POL_BASE64URL) {
            if (++padding > 2 || digits + padding > 4 || digits < 2)
                return false;
            continue;
        }
        int value = digit_value(c, kind != POL_BASE64);
        if (value < 0 || padding)
            return false;
        bits = bits << 6 | (uint32_t)value;
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
