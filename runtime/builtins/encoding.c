/* SPDX-License-Identifier: Apache-2.0
 * Built-ins of family encoding: base64, hex and URL queries.
 */
#include "runtime/builtins/writer.h"
#include "runtime/json.h"

/* ---- base64 ---- */

static pol_value encode(pol_eval *ev, const pol_value *args, pol_base64_kind kind)
{
    pol_bytes s = pol_arg_string(ev, args, 0);
    pol_charge(ev, s.n / 16);
    uint8_t *out = pol_arena_alloc(pol_eval_arena(ev), pol_base64_size(s.n) + 1);
    return pol_string(pol_bytes_of(out, pol_base64_encode(out, s, kind)));
}

static bool is_base64_digit(uint8_t c, bool url)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
           c == (url ? '-' : '+') || c == (url ? '_' : '/') || c == '\r' || c == '\n';
}

static pol_value decode(pol_eval *ev, pol_bytes s, pol_base64_kind kind)
{
    size_t n, wrong = 0;
    pol_charge(ev, s.n / 16);
    uint8_t *out = pol_arena_alloc(pol_eval_arena(ev), s.n + 1);
    if (pol_base64_decode(out, &n, s, kind, false))
        return pol_string(pol_bytes_of(out, n));
    while (wrong < s.n && is_base64_digit(s.at[wrong], kind != POL_BASE64))
        wrong++;
    return pol_builtin_error(ev, "illegal base64 data at input byte %zu", wrong);
}

POL_BUILTIN(base64_encode, "base64.encode", "(x: string) string", "The bytes in base64, padded.")
{
    return encode(ev, args, POL_BASE64);
}

POL_BUILTIN(base64_decode, "base64.decode", "(x: string) string",
            "The bytes that the base64 text says.")
{
    return decode(ev, pol_arg_string(ev, args, 0), POL_BASE64);
}

POL_BUILTIN(base64_is_valid, "base64.is_valid", "(x: string) boolean",
            "True when the string is base64, padded.")
{
    if (args[0].tag != POL_STRING)
        return pol_bool(false);
    pol_bytes s = pol_text(args[0]);
    size_t n;
    pol_charge(ev, s.n / 16);
    return pol_bool(
        pol_base64_decode(pol_arena_alloc(pol_eval_arena(ev), s.n + 1), &n, s, POL_BASE64, false));
}

POL_BUILTIN(base64url_encode, "base64url.encode", "(x: string) string",
            "The bytes in base64url, padded.")
{
    return encode(ev, args, POL_BASE64URL_PADDED);
}

POL_BUILTIN(base64url_encode_no_pad, "base64url.encode_no_pad", "(x: string) string",
            "The bytes in base64url, without padding.")
{
    return encode(ev, args, POL_BASE64URL);
}

POL_BUILTIN(base64url_decode, "base64url.decode", "(x: string) string",
            "The bytes that the base64url text says, padded or not.")
{
    pol_bytes s = pol_arg_string(ev, args, 0);
    if (s.n && s.at[s.n - 1] == '=')
        return decode(ev, s, POL_BASE64URL_PADDED);
    if (s.n % 4 == 1) {
        pol_bytes shown = pol_quoted(ev, s);
        return pol_builtin_error(ev, "illegal base64url string: %.*s", (int)shown.n,
                                 (const char *)shown.at);
    }
    /* line breaks count for the padding that is missing, though they say nothing */
    size_t missing = (4 - s.n % 4) % 4;
    uint8_t *whole = pol_arena_alloc(pol_eval_arena(ev), s.n + missing + 1);
    if (s.n)
        memcpy(whole, s.at, s.n);
    memset(whole + s.n, '=', missing);
    return decode(ev, pol_bytes_of(whole, s.n + missing), POL_BASE64URL_PADDED);
}

/* ---- hex ---- */

POL_BUILTIN(hex_encode, "hex.encode", "(x: string) string", "The bytes in hex, lower case.")
{
    pol_bytes s = pol_arg_string(ev, args, 0);
    pol_charge(ev, s.n / 16);
    uint8_t *out = pol_arena_array(pol_eval_arena(ev), s.n + 1, 2);
    pol_hex_encode(out, s);
    return pol_string(pol_bytes_of(out, 2 * s.n));
}

POL_BUILTIN(hex_decode, "hex.decode", "(x: string) string", "The bytes that the hex text says.")
{
    pol_bytes s = pol_arg_string(ev, args, 0);
    pol_charge(ev, s.n / 16);
    uint8_t *out = pol_arena_alloc(pol_eval_arena(ev), s.n / 2 + 1);
    if (s.n % 2 == 0 && pol_hex_decode(out, s))
        return pol_string(pol_bytes_of(out, s.n / 2));
    for (size_t i = 0; i < s.n; i++)
        if (!s.at[i] || !strchr("0123456789abcdefABCDEF", s.at[i])) {
            char shown[] = " 'c'";
            shown[2] = (char)s.at[i];
            bool printable = s.at[i] >= ' ' && s.at[i] < 0x7f;
            return pol_builtin_error(ev, "encoding/hex: invalid byte: U+%04X%s", s.at[i],
                                     printable ? shown : "");
        }
    return pol_builtin_error(ev, "encoding/hex: odd length hex string");
}

/* ---- URL queries ---- */

static void write_escaped(pol_writer *w, pol_bytes s)
{
    static const char digits[] = "0123456789ABCDEF";
    pol_charge(w->ev, 1 + s.n / 16);
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.at[i];
        if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' ||
            c == '_' || c == '.' || c == '~') {
            pol_writer_byte(w, (char)c);
        } else if (c == ' ') {
            pol_writer_byte(w, '+');
        } else {
            char escaped[] = {'%', digits[c >> 4], digits[c & 15]};
            pol_writer_add(w, escaped, sizeof escaped);
        }
    }
}

/* s without its escapes; undefined with an error noted. */
static pol_value unescape(pol_eval *ev, pol_bytes s)
{
    pol_charge(ev, 1 + s.n / 16);
    uint8_t *out = pol_arena_alloc(pol_eval_arena(ev), s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.at[i];
        if (c == '%') {
            pol_bytes digits = pol_bytes_of(s.at + i + 1, s.n - i - 1 < 2 ? s.n - i - 1 : 2);
            if (digits.n < 2 || !pol_hex_decode(&c, digits)) {
                pol_bytes shown = pol_quoted(ev, pol_bytes_of(s.at + i, digits.n + 1));
                return pol_builtin_error(ev, "invalid URL escape %.*s", (int)shown.n,
                                         (const char *)shown.at);
            }
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        out[n++] = c;
    }
    return pol_string(pol_bytes_of(out, n));
}

POL_BUILTIN(urlquery_encode, "urlquery.encode", "(x: string) string",
            "The string escaped for a URL's query; a blank is '+'.")
{
    pol_bytes s = pol_arg_string(ev, args, 0);
    pol_writer w = pol_writer_new(ev, s.n);
    write_escaped(&w, s);
    return pol_writer_string(&w);
}

POL_BUILTIN(urlquery_decode, "urlquery.decode", "(x: string) string",
            "The string without the escapes of a URL's query.")
{
    return unescape(ev, pol_arg_string(ev, args, 0));
}

static void write_pair(pol_writer *w, pol_bytes key, pol_bytes value)
{
    if (w->n)
        pol_writer_byte(w, '&');
    write_escaped(w, key);
    pol_writer_byte(w, '=');
    write_escaped(w, value);
}

/* The name that a key has in JSON. */
static pol_value key_text(pol_eval *ev, pol_value key)
{
    pol_buf text = {0};
    pol_json_write(&text, key, POL_JSON_HTML);
    pol_value v = pol_string(pol_buf_to_arena(&text, pol_eval_arena(ev)));
    pol_buf_deinit(&text);
    return v;
}

POL_BUILTIN(urlquery_encode_object, "urlquery.encode_object",
            "(object: object[string: string | array[string] | set[string]]) string",
            "The members as a URL's query, one pair for each value.")
{
    pol_value object = pol_arg_object(ev, args, 0);
    pol_writer w = pol_writer_new(ev, 0);
    for (uint32_t i = 0; i < object.n; i++) {
        pol_value key = pol_member_key(object, i), v = pol_member_value(object, i);
        if (key.tag != POL_STRING)
            key = key_text(ev, key);
        if (v.tag == POL_STRING) {
            write_pair(&w, pol_text(key), pol_text(v));
            continue;
        }
        if (v.tag != POL_ARRAY && v.tag != POL_SET)
            return pol_operand_error(ev, 1, "one of {string, array, set}", v);
        for (uint32_t k = 0; k < v.n; k++) {
            if (pol_element(v, k).tag != POL_STRING)
                return pol_element_error(ev, 1, v, "string", pol_element(v, k));
            write_pair(&w, pol_text(key), pol_text(pol_element(v, k)));
        }
    }
    return pol_writer_string(&w);
}

/* One pair of a query as [key, value]. */
static pol_value read_pair(pol_eval *ev, pol_bytes s)
{
    const uint8_t *equals = memchr(s.at, '=', s.n);
    size_t n_key = equals ? (size_t)(equals - s.at) : s.n, from = equals ? n_key + 1 : s.n;
    pol_value pair[] = {unescape(ev, pol_bytes_of(s.at, n_key)),
                        unescape(ev, pol_bytes_of(s.at + from, s.n - from))};
    return pol_builtin_failed(ev) ? pol_undefined() : pol_array_of(pol_eval_arena(ev), pair, 2);
}

POL_BUILTIN(urlquery_decode_object, "urlquery.decode_object",
            "(x: string) object[string: array[string]]",
            "The pairs of a URL's query: each key with its values in order.")
{
    pol_bytes s = pol_arg_string(ev, args, 0);
    pol_builder pairs = pol_builder_new(pol_eval_arena(ev)), keys = pairs, object = pairs;
    for (size_t from = 0; from < s.n;) {
        const uint8_t *end = memchr(s.at + from, '&', s.n - from);
        pol_bytes part = pol_bytes_of(s.at + from, (end ? (size_t)(end - s.at) : s.n) - from);
        from += part.n + 1;
        if (part.n == 0)
            continue;
        if (memchr(part.at, ';', part.n))
            return pol_builtin_error(ev, "invalid semicolon separator in query");
        pol_value pair = read_pair(ev, part);
        if (!pol_is_defined(pair))
            return pair;
        pol_builder_add(&pairs, pair);
        pol_builder_add(&keys, pol_element(pair, 0));
    }
    /* Each key's place among the keys in order, so that the values are gathered in one pass over
     * the pairs. */
    pol_value list = pol_builder_array(&pairs), index = pol_builder_set(&keys);
    pol_builder *values = pol_arena_zero(pol_eval_arena(ev), index.n ? index.n : 1, sizeof *values);
    for (uint32_t i = 0; i < list.n; i++) {
        pol_value pair = pol_element(list, i);
        pol_builder *of = &values[pol_find(index, pol_element(pair, 0))];
        of->arena = pol_eval_arena(ev);
        pol_builder_add(of, pol_element(pair, 1));
    }
    for (uint32_t i = 0; i < index.n; i++)
        pol_builder_put(&object, pol_element(index, i), pol_builder_array(&values[i]));
    return pol_builder_object(&object);
}

POL_FAMILY(encoding) = {
    POL_ROW(base64_encode),
    POL_ROW(base64_decode),
    POL_ROW(base64_is_valid),
    POL_ROW(base64url_encode),
    POL_ROW(base64url_encode_no_pad),
    POL_ROW(base64url_decode),
    POL_ROW(hex_encode),
    POL_ROW(hex_decode),
    POL_ROW(urlquery_encode),
    POL_ROW(urlquery_decode),
    POL_ROW(urlquery_encode_object),
    POL_ROW(urlquery_decode_object),
    POL_END,
};
