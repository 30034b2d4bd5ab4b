/* SPDX-License-Identifier: Apache-2.0
 * sprintf as Go's fmt does it. OPA hands whole numbers over as int or *big.Int, others as float64,
 * all else as string: so a verb that does not fit shows one of these types ("%!d(string=a)").
 */
#include "runtime/builtins/format.h"

#include "runtime/builtins/integer.h"
#include "runtime/builtins/writer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <utf8proc.h>

enum {
    NUMBER_MAX = 1000000, /* of a width, a precision or an index */
    FLOAT_TEXT_MAX = 400,
};

typedef enum { ARG_INT, ARG_BIG, ARG_FLOAT, ARG_STRING } arg_kind;

typedef struct {
    arg_kind kind;
    int64_t i;
    double d;
    pol_bytes text;  /* of a string */
    pol_value value; /* of a number */
} argument;

typedef struct {
    pol_eval *ev;
    pol_writer w;
    pol_bytes f;
    size_t at;
    pol_value values;
    uint32_t arg; /* next one */
    bool reordered, good_index, after_index;
    bool plus, minus, sharp, space, zero, plus_v, sharp_v;
    bool has_width, has_precision;
    int64_t width, precision;
} formatter;

/* ---- arguments ---- */

static bool is_plain_integer(pol_bytes text)
{
    size_t i = text.n && text.at[0] == '-';
    for (size_t k = i; k < text.n; k++)
        if (text.at[k] < '0' || text.at[k] > '9')
            return false;
    return text.n > i;
}

static argument read_argument(pol_eval *ev, pol_value v)
{
    argument a = {.kind = ARG_STRING, .value = v};
    if (v.tag == POL_INT) {
        a.kind = ARG_INT;
        a.i = v.i;
    } else if (v.tag == POL_DECIMAL && is_plain_integer(pol_text(v))) {
        a.kind = pol_number_int64(v, &a.i) ? ARG_INT : ARG_BIG;
    } else if (pol_is_number(v)) {
        a.d = pol_number_to_double(v);
        a.kind = isfinite(a.d) ? ARG_FLOAT : ARG_STRING;
        a.text = pol_text(v); /* only a decimal is not finite */
    } else if (v.tag == POL_STRING) {
        a.text = pol_text(v);
    } else {
        pol_writer w = pol_writer_new(ev, 0);
        pol_writer_value(&w, v);
        a.text = pol_writer_view(&w);
    }
    return a;
}

/* ---- padding ---- */

static size_t count_codes(pol_bytes s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += (s.at[i] & 0xc0) != 0x80;
    return n;
}

static void write_padded(formatter *m, pol_bytes s, bool zeros)
{
    size_t n = count_codes(s), width = m->has_width ? (size_t)m->width : 0,
           pad = width > n ? width - n : 0;
    pol_charge(m->ev, (s.n + pad) / 32);
    if (!m->minus)
        pol_writer_repeat(&m->w, zeros ? '0' : ' ', pad);
    pol_writer_bytes(&m->w, s);
    if (m->minus)
        pol_writer_repeat(&m->w, ' ', pad);
}

/* ---- verbs ---- */

static void print_argument(formatter *m, const argument *a, uint32_t verb);

static const char *type_of(const argument *a, bool bare)
{
    static const char *const names[] = {"int64", "*big.Int", "float64", "string"};
    return bare && a->kind == ARG_BIG ? "big.Int" : names[a->kind];
}

static void print_bad_verb(formatter *m, const argument *a, uint32_t verb)
{
    pol_writer_text(&m->w, "%!");
    pol_writer_code(&m->w, verb);
    pol_writer_byte(&m->w, '(');
    pol_writer_text(&m->w, type_of(a, true));
    pol_writer_byte(&m->w, '=');
    print_argument(m, a, 'v');
    pol_writer_byte(&m->w, ')');
}

/* Digits with sign, prefix, zeros by precision or by the flag 0, and padding. */
static void print_digits(formatter *m, bool negative, pol_bytes digits, const char *prefix)
{
    bool is_zero = digits.n == 1 && digits.at[0] == '0';
    size_t width = m->has_width ? (size_t)m->width : 0, zeros = 0;
    const char *sign = negative ? "-" : m->plus ? "+" : m->space ? " " : "";
    if (m->has_precision && m->precision == 0 && is_zero) {
        pol_writer_repeat(&m->w, ' ', width);
        return;
    }
    if (m->has_precision)
        zeros = (size_t)m->precision > digits.n ? (size_t)m->precision - digits.n : 0;
    else if (m->zero && !m->minus && width > digits.n + strlen(sign))
        zeros = width - digits.n - strlen(sign);
    pol_charge(m->ev, (digits.n + zeros + width) / 32);
    pol_writer text = pol_writer_new(m->ev, digits.n + zeros + 4);
    pol_writer_text(&text, sign);
    if (strcmp(prefix, "0") != 0 || (zeros == 0 && !is_zero))
        pol_writer_text(&text, prefix);
    pol_writer_repeat(&text, '0', zeros);
    pol_writer_bytes(&text, digits);
    write_padded(m, pol_writer_view(&text), false);
}

static void print_integer(formatter *m, const argument *a, uint32_t verb)
{
    unsigned base = verb == 'b'                  ? 2
                    : verb == 'o' || verb == 'O' ? 8
                    : verb == 'x' || verb == 'X' ? 16
                                                 : 10;
    const char *prefix = verb == 'O'   ? "0o"
                         : !m->sharp   ? ""
                         : base == 2   ? "0b"
                         : base == 8   ? "0"
                         : verb == 'x' ? "0x"
                         : verb == 'X' ? "0X"
                                       : "";
    pol_bytes digits;
    if (!pol_integer_text(m->ev, a->value, base, &digits))
        return;
    bool negative = digits.n && digits.at[0] == '-';
    digits = pol_bytes_of(digits.at + negative, digits.n - negative);
    if (verb == 'X') {
        uint8_t *upper = pol_arena_copy(pol_eval_arena(m->ev), digits.at, digits.n);
        for (size_t i = 0; i < digits.n; i++)
            upper[i] = upper[i] >= 'a' ? (uint8_t)(upper[i] - 'a' + 'A') : upper[i];
        digits.at = upper;
    }
    print_digits(m, negative, digits, prefix);
}

static bool is_printable(uint32_t c)
{
    if (c == ' ')
        return true;
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);
    return category != UTF8PROC_CATEGORY_CN && category < UTF8PROC_CATEGORY_ZS;
}

static void quote_code(pol_writer *w, uint32_t c, char quote, bool ascii)
{
    static const char named[] = "\aa\bb\ff\nn\rr\tt\vv";
    char text[12];
    if (c == (uint32_t)quote || c == '\\') {
        pol_writer_byte(w, '\\');
        pol_writer_byte(w, (char)c);
        return;
    }
    for (size_t i = 0; i + 1 < sizeof named; i += 2)
        if (c == (uint32_t)named[i]) {
            pol_writer_byte(w, '\\');
            pol_writer_byte(w, named[i + 1]);
            return;
        }
    if (c < 0x80 ? c >= ' ' && c != 0x7f : !ascii && is_printable(c)) {
        pol_writer_code(w, c);
        return;
    }
    snprintf(text, sizeof text, c < 0x80 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
    pol_writer_text(w, text);
}

static void print_quoted(formatter *m, pol_bytes s)
{
    pol_writer w = pol_writer_new(m->ev, s.n + 2);
    bool raw = m->sharp && !memchr(s.n ? s.at : (const uint8_t *)"", '`', s.n);
    for (size_t at = 0; raw && at < s.n;) {
        uint32_t c = pol_utf8_next(s, &at);
        raw = c == '\t' || (c >= ' ' && c != 0x7f && c != 0xfeff);
    }
    pol_writer_byte(&w, raw ? '`' : '"');
    if (raw)
        pol_writer_bytes(&w, s);
    for (size_t at = 0; !raw && at < s.n;)
        quote_code(&w, pol_utf8_next(s, &at), '"', m->plus);
    pol_writer_byte(&w, raw ? '`' : '"');
    write_padded(m, pol_writer_view(&w), m->zero);
}

/* %c %q %U of an integer. */
static void print_code(formatter *m, int64_t i, uint32_t verb)
{
    uint32_t c = i >= 0 && i < 0x110000 && (i < 0xd800 || i > 0xdfff) ? (uint32_t)i : 0xfffd;
    pol_writer w = pol_writer_new(m->ev, 16);
    if (verb == 'c') {
        pol_writer_code(&w, c);
    } else if (verb == 'q') {
        pol_writer_byte(&w, '\'');
        quote_code(&w, c, '\'', m->plus);
        pol_writer_byte(&w, '\'');
    } else {
        char text[40];
        int least =
            m->has_precision && m->precision > 4 ? (int)(m->precision < 20 ? m->precision : 20) : 4;
        snprintf(text, sizeof text, "U+%0*llX", least, (unsigned long long)i);
        pol_writer_text(&w, text);
        if (m->sharp && i >= 0 && i < 0x110000 && is_printable(c)) {
            pol_writer_text(&w, " '");
            pol_writer_code(&w, c);
            pol_writer_byte(&w, '\'');
        }
    }
    write_padded(m, pol_writer_view(&w), verb != 'U' && m->zero);
}

static void print_hex_bytes(formatter *m, pol_bytes s, bool upper)
{
    static const char lower_digits[] = "0123456789abcdef", upper_digits[] = "0123456789ABCDEF";
    const char *digits = upper ? upper_digits : lower_digits;
    size_t n = m->has_precision && (size_t)m->precision < s.n ? (size_t)m->precision : s.n;
    pol_charge(m->ev, n / 16);
    pol_writer w = pol_writer_new(m->ev, 2 * n);
    for (size_t i = 0; i < n; i++) {
        if (i && m->space)
            pol_writer_byte(&w, ' ');
        if (m->sharp && (i == 0 || m->space))
            pol_writer_text(&w, upper ? "0X" : "0x");
        pol_writer_byte(&w, digits[s.at[i] >> 4]);
        pol_writer_byte(&w, digits[s.at[i] & 15]);
    }
    write_padded(m, pol_writer_view(&w), m->zero);
}

static pol_bytes cut_codes(const formatter *m, pol_bytes s)
{
    size_t at = 0;
    for (int64_t n = 0; m->has_precision && n < m->precision && at < s.n; n++)
        pol_utf8_next(s, &at);
    return m->has_precision ? pol_bytes_of(s.at, at) : s;
}

static void print_string(formatter *m, const argument *a, uint32_t verb)
{
    if (verb == 's' || (verb == 'v' && !m->sharp_v))
        write_padded(m, cut_codes(m, a->text), m->zero);
    else if (verb == 'q' || verb == 'v')
        print_quoted(m, cut_codes(m, a->text));
    else if (verb == 'x' || verb == 'X')
        print_hex_bytes(m, a->text, verb == 'X');
    else
        print_bad_verb(m, a, verb);
}

/* The least number of digits that gives d back, as C's %.*e with that many less one. */
static int shortest_digits(double d)
{
    char text[64];
    for (int digits = 1; digits < 17; digits++) {
        snprintf(text, sizeof text, "%.*e", digits - 1, d);
        if (strtod(text, NULL) == d)
            return digits;
    }
    return 17;
}

/* Go's 'g' with the least number of digits: an exponent is written below -4 and from 6 on. */
static void write_shortest(char *out, size_t n_out, double d)
{
    int digits = shortest_digits(d);
    char text[64];
    snprintf(text, sizeof text, "%.*e", digits - 1, d);
    const char *e = strchr(text, 'e');
    long exponent = e ? strtol(e + 1, NULL, 10) : 0;
    if (exponent < -4 || exponent >= 6)
        snprintf(out, n_out, "%s", text);
    else
        snprintf(out, n_out, "%.*f", digits - 1 - exponent > 0 ? (int)(digits - 1 - exponent) : 0,
                 d);
}

static void write_binary_exponent(char *out, size_t n_out, double d)
{
    int exponent;
    double mantissa = frexp(fabs(d), &exponent);
    snprintf(out, n_out, "%s%.0fp%+d", signbit(d) ? "-" : "", ldexp(mantissa, 53),
             d == 0 ? -1074 : exponent - 53);
}

/* C's %a with an exponent of at least two digits. With '#' there is a point, and for a small x zeros as Go counts them, which takes the x for a digit. */
static void write_hex_float(const formatter *m, char *out, size_t n_out, double d, int precision, bool upper)
{
    char text[FLOAT_TEXT_MAX];
    if (precision < 0)
        snprintf(text, sizeof text, upper ? "%A" : "%a", d);
    else
        snprintf(text, sizeof text, upper ? "%.*A" : "%.*a", precision, d);
    char *p = strchr(text, upper ? 'P' : 'p');
    long exponent = p ? strtol(p + 1, NULL, 10) : 0;
    int n = p ? (int)(p - text) : (int)strlen(text);
    char *leading = text + (*text == '-') + 2;
    if (p && *leading == '2') { /* rounded up: one bit stands before the point */
        *leading = '1';
        exponent++;
    }
    bool has_point = memchr(text, '.', (size_t)n) != NULL;
    int counted = n - (*text == '-') - 1 - has_point, zeros = m->sharp && p && !upper ? (precision < 0 ? 6 : precision) - counted : 0;
    snprintf(out, n_out, "%.*s%s%.*s%c%c%02ld", n, text, m->sharp && p && !has_point ? "." : "", zeros > 0 ? zeros : 0, "000000", upper ? 'P' : 'p',
             exponent < 0 ? '-' : '+', labs(exponent));
}

static void write_float(const formatter *m, char *out, size_t n_out, double d, uint32_t verb)
{
    int precision =
        m->has_precision
            ? (int)(m->precision < FLOAT_TEXT_MAX - 350 ? m->precision : FLOAT_TEXT_MAX - 350)
            : -1;
    if (verb == 'x' || verb == 'X') {
        write_hex_float(m, out, n_out, d, precision, verb == 'X');
    } else if (verb == 'b') {
        write_binary_exponent(out, n_out, d);
    } else if ((verb == 'g' || verb == 'G' || verb == 'v') && precision < 0 && !m->sharp) {
        write_shortest(out, n_out, d);
        for (char *p = out; verb == 'G' && *p; p++)
            *p = *p == 'e' ? 'E' : *p;
    } else {
        char format[] = {'%',
                         m->sharp ? '#' : '-',
                         '.',
                         '*',
                         (char)(verb == 'v' ? 'g' : verb == 'F' ? 'f' : verb),
                         0};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(out, n_out, format, precision < 0 ? 6 : precision, d);
#pragma GCC diagnostic pop
    }
}

static void print_float(formatter *m, const argument *a, uint32_t verb)
{
    if (!verb || verb > 127 || !strchr("vbgGxXfFeE", (int)verb)) {
        print_bad_verb(m, a, verb);
        return;
    }
    char text[FLOAT_TEXT_MAX + 8];
    write_float(m, text + 1, sizeof text - 1, a->d, verb);
    char *number = text + 1;
    if (*number != '-')
        *--number = m->plus ? '+' : ' ';
    if (*number == ' ' && !m->space)
        number++;
    pol_bytes shown = pol_bytes_text(number);
    bool has_sign = *number == '-' || *number == '+' || *number == ' ';
    if (m->zero && !m->minus && m->has_width && has_sign && (size_t)m->width > shown.n) {
        pol_charge(m->ev, (uint64_t)m->width / 32);
        pol_writer_byte(&m->w, *number);
        pol_writer_repeat(&m->w, '0', (size_t)m->width - shown.n);
        pol_writer_add(&m->w, shown.at + 1, shown.n - 1);
        return;
    }
    write_padded(m, shown, m->zero && !m->minus);
}

static void print_argument(formatter *m, const argument *a, uint32_t verb)
{
    if (verb == 'T') {
        write_padded(m, pol_bytes_text(type_of(a, false)), m->zero);
    } else if (a->kind == ARG_STRING) {
        print_string(m, a, verb);
    } else if (a->kind == ARG_FLOAT) {
        print_float(m, a, verb);
    } else if (verb < 128 && verb &&
               (strchr("vdboOxX", (int)verb) || (verb == 's' && a->kind == ARG_BIG))) {
        print_integer(m, a, verb);
    } else if (a->kind == ARG_INT && (verb == 'c' || verb == 'q' || verb == 'U')) {
        print_code(m, a->i, verb);
    } else {
        print_bad_verb(m, a, verb);
    }
}

/* ---- the format ---- */

/* Digits up to position end; false when there are none or too many. */
static bool read_number(formatter *m, size_t end, int64_t *out)
{
    *out = 0;
    bool any = false;
    for (; m->at < end && m->f.at[m->at] >= '0' && m->f.at[m->at] <= '9'; m->at++) {
        *out = 10 * *out + (m->f.at[m->at] - '0');
        any = true;
        if (*out > NUMBER_MAX) {
            *out = 0;
            m->at = end;
            return false;
        }
    }
    return any;
}

/* "[3]": which argument comes next. */
static void read_index(formatter *m)
{
    m->after_index = false;
    if (m->at >= m->f.n || m->f.at[m->at] != '[')
        return;
    m->reordered = true;
    const uint8_t *close = memchr(m->f.at + m->at, ']', m->f.n - m->at);
    int64_t index = 0;
    if (!close) {
        m->good_index = false;
        m->at++;
        return;
    }
    size_t end = (size_t)(close - m->f.at);
    m->at++;
    bool ok = read_number(m, end, &index) && m->at == end;
    m->at = end + 1;
    m->after_index = ok;
    if (ok && index >= 1 && index <= m->values.n)
        m->arg = (uint32_t)(index - 1);
    else
        m->good_index = false;
}

/* The integer argument that '*' takes. */
static bool take_star(formatter *m, int64_t *out)
{
    m->at++;
    m->after_index = false;
    *out = 0;
    if (m->arg >= m->values.n)
        return false;
    argument a = read_argument(m->ev, pol_element(m->values, m->arg++));
    if (a.kind != ARG_INT || a.i > NUMBER_MAX || a.i < -NUMBER_MAX)
        return false;
    *out = a.i;
    return true;
}

static void read_flags(formatter *m)
{
    m->plus = m->minus = m->sharp = m->space = m->zero = m->plus_v = m->sharp_v = m->has_width =
        m->has_precision = false;
    for (; m->at < m->f.n; m->at++) {
        switch (m->f.at[m->at]) {
        case '#':
            m->sharp = true;
            break;
        case '0':
            m->zero = true;
            break;
        case '+':
            m->plus = true;
            break;
        case '-':
            m->minus = true;
            break;
        case ' ':
            m->space = true;
            break;
        default:
            return;
        }
    }
}

static void read_width(formatter *m)
{
    read_index(m);
    if (m->at < m->f.n && m->f.at[m->at] == '*') {
        m->has_width = take_star(m, &m->width);
        if (!m->has_width)
            pol_writer_text(&m->w, "%!(BADWIDTH)");
        if (m->width < 0) {
            m->width = -m->width;
            m->minus = true;
            m->zero = false;
        }
    } else {
        m->has_width = read_number(m, m->f.n, &m->width);
        if (m->after_index && m->has_width)
            m->good_index = false;
    }
    if (m->at >= m->f.n || m->f.at[m->at] != '.')
        return;
    m->at++;
    if (m->after_index)
        m->good_index = false;
    read_index(m);
    if (m->at < m->f.n && m->f.at[m->at] == '*') {
        m->has_precision = take_star(m, &m->precision) && m->precision >= 0;
        if (!m->has_precision)
            pol_writer_text(&m->w, "%!(BADPREC)");
    } else {
        m->has_precision = true;
        if (!read_number(m, m->f.n, &m->precision))
            m->precision = 0;
    }
}

static void print_mark(formatter *m, uint32_t verb, const char *mark)
{
    pol_writer_text(&m->w, "%!");
    pol_writer_code(&m->w, verb);
    pol_writer_text(&m->w, mark);
}

/* %s, %d and %v alone, of values whose text is at hand: nearly all that policies write. */
static bool print_plain(formatter *m)
{
    char verb = m->at < m->f.n ? (char)m->f.at[m->at] : 0, buf[POL_NUMBER_TEXT_MAX];
    if ((verb != 's' && verb != 'd' && verb != 'v') || m->arg >= m->values.n)
        return false;
    pol_value v = pol_element(m->values, m->arg);
    bool plain_double = v.tag == POL_DOUBLE && fabs(v.d) >= 1e-4 &&
                        fabs(v.d) < 1e6; /* Go writes no exponent then */
    if (v.tag == POL_STRING && verb != 'd') {
        pol_charge(m->ev, v.n / 32);
        pol_writer_bytes(&m->w, pol_text(v));
    } else if ((v.tag == POL_INT && verb != 's') || (plain_double && verb == 'v')) {
        pol_writer_bytes(&m->w, pol_number_text(v, buf));
    } else {
        return false;
    }
    m->at++;
    m->arg++;
    return true;
}

/* What stands behind a '%'. */
static void print_verb(formatter *m)
{
    if (print_plain(m))
        return;
    m->good_index = true;
    read_flags(m);
    read_width(m);
    if (!m->after_index)
        read_index(m);
    if (m->at >= m->f.n) {
        pol_writer_text(&m->w, "%!(NOVERB)");
        return;
    }
    uint32_t verb = pol_utf8_next(m->f, &m->at);
    if (verb == '%') {
        pol_writer_byte(&m->w, '%');
    } else if (!m->good_index) {
        print_mark(m, verb, "(BADINDEX)");
    } else if (m->arg >= m->values.n) {
        print_mark(m, verb, "(MISSING)");
    } else {
        argument a = read_argument(m->ev, pol_element(m->values, m->arg++));
        if (verb == 'v' && a.kind != ARG_BIG) {
            m->sharp_v = m->sharp;
            m->plus_v = m->plus;
            m->sharp = m->plus = false;
        }
        print_argument(m, &a, verb);
    }
}

static void print_extra(formatter *m)
{
    read_flags(m);
    pol_writer_text(&m->w, "%!(EXTRA ");
    for (uint32_t first = m->arg; m->arg < m->values.n; m->arg++) {
        argument a = read_argument(m->ev, pol_element(m->values, m->arg));
        pol_charge(m->ev, 1);
        if (m->arg > first)
            pol_writer_text(&m->w, ", ");
        pol_writer_text(&m->w, type_of(&a, false));
        pol_writer_byte(&m->w, '=');
        print_argument(m, &a, 'v');
    }
    pol_writer_byte(&m->w, ')');
}

pol_value pol_format(pol_eval *ev, pol_bytes format, pol_value values)
{
    formatter m = {.ev = ev, .w = pol_writer_new(ev, format.n + 32), .f = format, .values = values};
    while (m.at < format.n && !pol_builtin_failed(ev)) {
        const uint8_t *percent = memchr(format.at + m.at, '%', format.n - m.at);
        size_t to = percent ? (size_t)(percent - format.at) : format.n;
        pol_writer_add(&m.w, format.at + m.at, to - m.at);
        pol_charge(ev, 1 + (to - m.at) / 32);
        m.at = to;
        if (!percent)
            break;
        m.at++;
        print_verb(&m);
    }
    if (!m.reordered && m.arg < values.n)
        print_extra(&m);
    return pol_builtin_failed(ev) ? pol_undefined() : pol_writer_string(&m.w);
}
