/* SPDX-License-Identifier: Apache-2.0
 * Built-ins of family units: amounts with a prefix, reckoned exactly as decimals.
 */
#include "runtime/builtins/writer.h"

/* text without quotes, cut into the amount and the unit. */
typedef struct {
    pol_bytes amount;
    uint8_t unit[8];
    size_t n_unit;
} quantity;

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Where the amount ends: an 'e' belongs to it when an exponent follows. */
static size_t amount_end(pol_bytes s)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.at[i], next = i + 1 < s.n ? s.at[i + 1] : 0;
        if ((c | 0x20) == 'e') {
            if (!is_digit(next) && next != '+' && next != '-')
                return i;
            i += !is_digit(next);
        } else if (!is_digit(c) && c != '.' && c != '+' && c != '-') {
            return i;
        }
    }
    return s.n;
}

/* The places by which a prefix moves the point, or the power of 1024. False when there is no such
 * unit. */
static bool read_unit(const quantity *q, bool bytes, int *places, int *power)
{
    static const char prefixes[] = "kmgtpe";
    size_t n = q->n_unit;
    *places = *power = 0;
    if (n == 0)
        return true;
    if (!bytes && n == 1 && q->unit[0] == 'm') {
        *places = -3;
        return true;
    }
    const char *found = strchr(prefixes, q->unit[0] | 0x20);
    bool binary = n >= 2 && (q->unit[1] | 0x20) == 'i';
    size_t rest = n - 1 - binary;
    if (!found || rest > (bytes ? 1 : 0) || (rest && (q->unit[n - 1] | 0x20) != 'b'))
        return false;
    int step = (int)(found - prefixes) + 1;
    *power = binary ? step : 0;
    *places = binary ? 0 : 3 * step;
    return true;
}

enum { EXPONENT_MAX = 4096, AMOUNT_MAX = 1000 };

/* digits * 10^-*scale out of a decimal text. Returns NULL or what is wrong. */
static const char *read_amount(pol_bytes s, uint8_t *digits, size_t *n_digits, int64_t *scale,
                               const char *malformed)
{
    size_t i = 0, n = 0;
    bool point = false, any = false;
    int64_t exponent = 0;
    *scale = 0;
    if (i < s.n && (s.at[i] == '-' || s.at[i] == '+')) {
        if (s.at[i] == '-')
            digits[n++] = '-';
        i++;
    }
    for (; i < s.n && (is_digit(s.at[i]) || s.at[i] == '.'); i++) {
        if (s.at[i] == '.' && point)
            return malformed;
        point |= s.at[i] == '.';
        if (s.at[i] == '.')
            continue;
        any = true;
        digits[n++] = s.at[i];
        *scale += point;
    }
    if (i < s.n && (s.at[i] | 0x20) == 'e') {
        bool negative = ++i < s.n && s.at[i] == '-';
        i += i < s.n && (s.at[i] == '-' || s.at[i] == '+');
        size_t from = i;
        for (; i < s.n && is_digit(s.at[i]) && exponent <= EXPONENT_MAX; i++)
            exponent = 10 * exponent + (s.at[i] - '0');
        if (exponent > EXPONENT_MAX)
            return "exponent too large";
        any &= i > from;
        *scale -= negative ? -exponent : exponent;
    }
    *n_digits = n;
    return any && i == s.n ? NULL : malformed;
}

/* digits / 10^scale as a number: digits is an optional '-' and digits. */
static pol_value scale_digits(pol_eval *ev, pol_bytes digits, int64_t scale)
{
    pol_writer w = pol_writer_new(ev, digits.n + 16);
    size_t sign = digits.n && digits.at[0] == '-';
    pol_bytes bare = pol_bytes_of(digits.at + sign, digits.n - sign);
    while (bare.n && bare.at[0] == '0') {
        bare.at++;
        bare.n--;
    }
    while (scale > 0 && bare.n && bare.at[bare.n - 1] == '0') {
        bare.n--;
        scale--;
    }
    if (bare.n == 0)
        return pol_int(0);
    if (sign)
        pol_writer_byte(&w, '-');
    size_t whole = scale <= 0 ? bare.n : bare.n > (uint64_t)scale ? bare.n - (size_t)scale : 0;
    if (whole == 0)
        pol_writer_byte(&w, '0');
    pol_writer_add(&w, bare.at, whole);
    if (scale <= 0) {
        pol_writer_repeat(&w, '0', (size_t)-scale);
    } else {
        pol_writer_byte(&w, '.');
        pol_writer_repeat(&w, '0', (size_t)scale - (bare.n - whole));
        pol_writer_add(&w, bare.at + whole, bare.n - whole);
    }
    return pol_number_read(pol_writer_view(&w));
}

enum { PLACES = 10 };

/* digits / 10^scale, which is no whole number, rounded to PLACES digits behind the point. */
static pol_value fix_places(pol_eval *ev, pol_bytes digits, int64_t scale)
{
    size_t sign = digits.n && digits.at[0] == '-', n = digits.n - sign, room = n + PLACES + 4, at = room;
    size_t dropped = scale > PLACES ? (size_t)(scale - PLACES) : 0, padded = scale > PLACES ? 0 : (size_t)(PLACES - scale);
    uint8_t *out = pol_arena_alloc(pol_eval_arena(ev), room);
    bool carry = dropped && dropped <= n && digits.at[digits.n - dropped] >= '5';
    for (size_t place = 0, i = dropped; place <= PLACES || i < n; place++) {
        uint8_t c = '0';
        if (place == PLACES)
            out[--at] = '.';
        if (place >= padded && i < n)
            c = digits.at[digits.n - ++i];
        out[--at] = !carry ? c : c == '9' ? '0' : (uint8_t)(c + 1);
        carry = carry && c == '9';
    }
    if (carry)
        out[--at] = '1';
    if (sign)
        out[--at] = '-';
    return pol_number_read(pol_bytes_of(out + at, room - at));
}

static pol_value parse(pol_eval *ev, pol_bytes text, bool bytes)
{
    static const char *const none[] = {"no amount provided", "no byte amount provided"};
    static const char *const malformed[] = {"could not parse amount to a number",
                                            "could not parse byte amount to a number"};
    pol_charge(ev, 1 + text.n);
    uint8_t *kept = pol_arena_alloc(pol_eval_arena(ev), text.n + 1),
            *digits = pol_arena_alloc(pol_eval_arena(ev), text.n + 1);
    pol_bytes s = {kept, 0};
    for (size_t i = 0; i < text.n; i++)
        if (text.at[i] != '"')
            kept[s.n++] = text.at[i];
    if (s.n && memchr(s.at, ' ', s.n))
        return pol_builtin_error(ev, "spaces not allowed in resource strings");
    quantity q = {.amount = pol_bytes_of(s.at, amount_end(s))};
    if (q.amount.n == 0)
        return pol_builtin_error(ev, "%s", none[bytes]);
    q.n_unit = s.n - q.amount.n;
    int places, power;
    if (q.n_unit <= sizeof q.unit)
        memcpy(q.unit, s.at + q.amount.n, q.n_unit);
    if (q.n_unit > sizeof q.unit || !read_unit(&q, bytes, &places, &power)) {
        int n = q.n_unit < 32 ? (int)q.n_unit : 32;
        return pol_builtin_error(ev, "%s %.*s not recognized", bytes ? "byte unit" : "unit", n,
                                 (const char *)s.at + q.amount.n);
    }
    size_t n_digits = 0;
    int64_t scale = 0;
    const char *why = q.amount.n > AMOUNT_MAX
                          ? malformed[bytes]
                          : read_amount(q.amount, digits, &n_digits, &scale, malformed[bytes]);
    if (why)
        return pol_builtin_error(ev, "%s", why);
    pol_value v = scale_digits(ev, pol_bytes_of(digits, n_digits), 0);
    v = pol_number_arithmetic(pol_eval_arena(ev), POL_MULTIPLY, v,
                              pol_int((int64_t)1 << 10 * power), &why);
    char buf[POL_NUMBER_TEXT_MAX];
    pol_bytes product = pol_number_text(v, buf);
    v = scale_digits(ev, product, scale - places);
    if (pol_number_is_integer(v))
        return v;
    /* As OPA: bytes are cut to whole ones, other amounts have ten places. */
    if (!bytes)
        return fix_places(ev, product, scale - places);
    return pol_number_round(pol_eval_arena(ev),
                            pol_compare(v, pol_int(0)) < 0 ? POL_CEIL : POL_FLOOR, v);
}

POL_BUILTIN(units_parse, "units.parse", "(x: string) number",
            "The amount with its prefix: K M G T P E are powers of 1000, Ki ... of 1024, m is a "
            "thousandth.")
{
    pol_bytes text = pol_arg_string(ev, args, 0);
    return pol_builtin_failed(ev) ? pol_undefined() : parse(ev, text, false);
}

POL_BUILTIN(units_parse_bytes, "units.parse_bytes", "(x: string) number",
            "The number of bytes: KB or K ... are powers of 1000, KiB or Ki ... of 1024, in either "
            "case of letters.")
{
    pol_bytes text = pol_arg_string(ev, args, 0);
    return pol_builtin_failed(ev) ? pol_undefined() : parse(ev, text, true);
}

POL_FAMILY(units) = {POL_ROW(units_parse), POL_ROW(units_parse_bytes), POL_END};
