/* SPDX-License-Identifier: Apache-2.0
 * Built-ins of family strings. Positions and lengths count code points; searching goes by bytes,
 * which in valid UTF-8 finds the same.
 */
#include "runtime/builtins/format.h"
#include "runtime/builtins/template.h"
#include "runtime/builtins/writer.h"

#include <utf8proc.h>

static void charge_bytes(pol_eval *ev, size_t n)
{
    pol_charge(ev, n / 32);
}

static pol_bytes cut(pol_bytes s, size_t from, size_t to)
{
    return pol_bytes_of(s.at + from, to - from);
}

/* ---- searching ---- */

POL_BUILTIN(contains, "contains", "(haystack: string, needle: string) boolean",
            "True when `needle` is somewhere in `haystack`.")
{
    pol_bytes s = pol_arg_string(ev, args, 0), needle = pol_arg_string(ev, args, 1);
    charge_bytes(ev, s.n);
    return pol_bool(pol_bytes_find(s, needle, 0) >= 0);
}

POL_BUILTIN(startswith, "startswith", "(search: string, base: string) boolean",
            "True when `search` begins with `base`.")
{
    pol_bytes s = pol_arg_string(ev, args, 0), base = pol_arg_string(ev, args, 1);
    return pol_bool(pol_bytes_starts(s, base));
}

POL_BUILTIN(endswith, "endswith", "(search: string, base: string) boolean",
            "True when `search` ends with `base`.")
{
    pol_bytes s = pol_arg_string(ev, args, 0), base = pol_arg_string(ev, args, 1);
    return pol_bool(pol_bytes_ends(s, base));
}

static int64_t count_codes(pol_bytes s)
{
    int64_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += (s.at[i] & 0xc0) != 0x80;
    return n;
}

POL_BUILTIN(indexof, "indexof", "(haystack: string, needle: string) number",
            "Where `needle` is first found, from 0; -1 when it is not there.")
{
    pol_bytes s = pol_arg_string(ev, args, 0), needle = pol_arg_string(ev, args, 1);
    if (needle.n == 0)
        return pol_builtin_error(ev, "empty search character");
    charge_bytes(ev, s.n);
    int64_t at = pol_bytes_find(s, needle, 0);
    return pol_int(at < 0 ? -1 : count_codes(cut(s, 0, (size_t)at)));
}

POL_BUILTIN(indexof_n, "indexof_n", "(haystack: string, needle: string) array[number]",
            "Everywhere that `needle` is found, overlapping ones too.")
{
    pol_bytes s = pol_arg_string(ev, args, 0), needle = pol_arg_string(ev, args, 1);
    if (needle.n == 0)
        return pol_builtin_error(ev, "empty search character");
    charge_bytes(ev, s.n);
    pol_builder found = pol_builder_new(pol_eval_arena(ev));
    size_t counted = 0;
    int64_t codes = 0;
    for (int64_t at = 0; (at = pol_bytes_find(s, needle, (size_t)at)) >= 0; at++) {
        pol_charge(ev, 1);
        codes += count_codes(cut(s, counted, (size_t)at));
        counted = (size_t)at;
        pol_builder_add(&found, pol_int(codes));
    }
    return pol_builder_array(&found);
}

POL_BUILTIN(strings_count, "strings.count", "(search: string, substring: string) number",
            "How often `substring` is found in `search`, not overlapping; an empty one stands "
            "around every code point.")
{
    pol_bytes s = pol_arg_string(ev, args, 0), needle = pol_arg_string(ev, args, 1);
    charge_bytes(ev, s.n);
    if (needle.n == 0)
        return pol_int(count_codes(s) + 1);
    int64_t n = 0;
    for (int64_t at = 0; (at = pol_bytes_find(s, needle, (size_t)at)) >= 0; at += (int64_t)needle.n)
        n++;
    return pol_int(n);
}

/* Operand i as a list of strings: itself, or the string alone. An empty list with an error noted
 * when it is neither. */
static pol_value arg_strings(pol_eval *ev, const pol_value *args, unsigned i)
{
    pol_value v = args[i];
    if (v.tag == POL_STRING)
        return pol_array_of(pol_eval_arena(ev), &v, 1);
    if (v.tag != POL_ARRAY && v.tag != POL_SET) {
        pol_operand_error(ev, i + 1, "one of {string, set, array}", v);
        return pol_empty(POL_ARRAY);
    }
    pol_charge(ev, v.n);
    for (uint32_t k = 0; k < v.n; k++) {
        pol_value e = pol_element(v, k);
        if (e.tag != POL_STRING) {
            pol_element_error(ev, i + 1, v, "string", e);
            return pol_empty(POL_ARRAY);
        }
    }
    return v;
}

static pol_value match_any(pol_eval *ev, const pol_value *args,
                           bool (*matches)(pol_bytes s, pol_bytes part))
{
    pol_value search = arg_strings(ev, args, 0), base = arg_strings(ev, args, 1);
    for (uint32_t i = 0; i < search.n; i++) {
        pol_charge(ev, base.n);
        for (uint32_t k = 0; k < base.n; k++)
            if (matches(pol_text(pol_element(search, i)), pol_text(pol_element(base, k))))
                return pol_bool(true);
    }
    return pol_bool(false);
}

POL_BUILTIN(any_prefix_match, "strings.any_prefix_match",
            "(search: string | array[string] | set[string], base: string | array[string] | "
            "set[string]) boolean",
            "True when one of the strings `search` begins with one of `base`.")
{
    return match_any(ev, args, pol_bytes_starts);
}

POL_BUILTIN(any_suffix_match, "strings.any_suffix_match",
            "(search: string | array[string] | set[string], base: string | array[string] | "
            "set[string]) boolean",
            "True when one of the strings `search` ends with one of `base`.")
{
    return match_any(ev, args, pol_bytes_ends);
}

/* ---- parts ---- */

/* Where code point n of s begins; s.n when there are fewer. */
static size_t skip_codes(pol_bytes s, size_t from, int64_t n)
{
    size_t at = from;
    while (n > 0 && at < s.n) {
        pol_utf8_next(s, &at);
        n--;
    }
    return at;
}

POL_BUILTIN(substring, "substring", "(value: string, offset: number, length: number) string",
            "`length` code points from `offset` on; all of the rest when `length` is negative.")
{
    pol_bytes s = pol_arg_string(ev, args, 0);
    int64_t offset = pol_arg_int(ev, args, 1), length = pol_arg_int(ev, args, 2);
    if (offset < 0)
        return pol_builtin_error(ev, "negative offset");
    charge_bytes(ev, s.n);
    size_t from = skip_codes(s, 0, offset);
    return pol_string(cut(s, from, length < 0 ? s.n : skip_codes(s, from, length)));
}

static pol_value split_text(pol_eval *ev, pol_bytes s, pol_bytes delimiter)
{
    pol_builder parts = pol_builder_new(pol_eval_arena(ev));
    charge_bytes(ev, s.n);
    size_t from = 0;
    if (delimiter.n == 0) {
        while (from < s.n) {
            size_t to = from;
            pol_utf8_next(s, &to);
            pol_charge(ev, 1);
            pol_builder_add(&parts, pol_string(cut(s, from, to)));
            from = to;
        }
        return pol_builder_array(&parts);
    }
    for (int64_t at; (at = pol_bytes_find(s, delimiter, from)) >= 0;
         from = (size_t)at + delimiter.n) {
        pol_charge(ev, 1);
        pol_builder_add(&parts, pol_string(cut(s, from, (size_t)at)));
    }
    pol_builder_add(&parts, pol_string(cut(s, from, s.n)));
    return pol_builder_array(&parts);
}

POL_BUILTIN(split, "split", "(x: string, delimiter: string) array[string]",
            "What stands between the delimiters; with an empty one the code points.")
{
    pol_bytes s = pol_arg_string(ev, args, 0), delimiter = pol_arg_string(ev, args, 1);
    return split_text(ev, s, delimiter);
}

POL_BUILTIN(split_n, "strings.split_n", "(x: string, delimiter: string, n: number) array[string]",
            "The first `n` parts of `split`, or with a negative `n` the last -`n`.")
{
    pol_bytes s = pol_arg_string(ev, args, 0), delimiter = pol_arg_string(ev, args, 1);
    int64_t n = pol_arg_int(ev, args, 2);
    if (pol_builtin_failed(ev))
        return pol_undefined();
    pol_value parts = split_text(ev, s, delimiter);
    uint64_t kept = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    if (kept > parts.n)
        kept = parts.n;
    pol_builder b = pol_builder_new(pol_eval_arena(ev));
    uint32_t first = n < 0 ? parts.n - (uint32_t)kept : 0;
    for (uint32_t i = 0; i < kept; i++)
        pol_builder_add(&b, pol_element(parts, first + i));
    return pol_builder_array(&b);
}

POL_BUILTIN(concat, "concat", "(delimiter: string, collection: array[string] | set[string]) string",
            "The strings joined, with the delimiter between them.")
{
    pol_bytes delimiter = pol_arg_string(ev, args, 0);
    pol_value list = pol_arg_list(ev, args, 1);
    pol_charge(ev, list.n);
    size_t n = 0;
    for (uint32_t i = 0; i < list.n; i++) {
        pol_value e = pol_element(list, i);
        if (e.tag != POL_STRING)
            return pol_element_error(ev, 2, list, "string", e);
        n += e.n + (i ? delimiter.n : 0);
    }
    charge_bytes(ev, n);
    pol_writer w = pol_writer_new(ev, n);
    for (uint32_t i = 0; i < list.n; i++) {
        if (i)
            pol_writer_bytes(&w, delimiter);
        pol_writer_bytes(&w, pol_text(pol_element(list, i)));
    }
    return pol_writer_string(&w);
}

POL_BUILTIN(reverse, "strings.reverse", "(x: string) string", "The code points in reverse.")
{
    pol_bytes s = pol_arg_string(ev, args, 0);
    charge_bytes(ev, s.n);
    uint8_t *out = pol_arena_alloc(pol_eval_arena(ev), s.n);
    for (size_t from = 0, to = 0; from < s.n; from = to) {
        pol_utf8_next(s, &to);
        memcpy(out + s.n - to, s.at + from, to - from);
    }
    return pol_string(pol_bytes_of(out, s.n));
}

/* ---- case ---- */

static uint32_t to_lower(uint32_t c)
{
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
}

/* Simple mappings only, as in UnicodeData.txt: the sharp s has none there. */
static uint32_t to_upper(uint32_t c)
{
    return c == 0xdf ? c : (uint32_t)utf8proc_toupper((utf8proc_int32_t)c);
}

static pol_value map_case(pol_eval *ev, pol_bytes s, uint32_t (*map)(uint32_t c))
{
    charge_bytes(ev, 4 * s.n);
    pol_writer w = pol_writer_new(ev, s.n);
    for (size_t at = 0; at < s.n;)
        pol_writer_code(&w, map(pol_utf8_next(s, &at)));
    return pol_writer_string(&w);
}

POL_BUILTIN(lower, "lower", "(x: string) string", "The string in lower case.")
{
    return map_case(ev, pol_arg_string(ev, args, 0), to_lower);
}

POL_BUILTIN(upper, "upper", "(x: string) string", "The string in upper case.")
{
    return map_case(ev, pol_arg_string(ev, args, 0), to_upper);
}

/* ---- trimming ---- */

enum { LEFT = 1, RIGHT = 2 };

/* s without the code points at its ends (which: LEFT, RIGHT) of which drops(c, context) is true. */
static pol_bytes trim_ends(pol_eval *ev, pol_bytes s, unsigned which,
                           bool (*drops)(uint32_t c, pol_bytes context), pol_bytes context)
{
    size_t from = 0, to = s.n;
    while (which & LEFT && from < to) {
        size_t next = from;
        pol_charge(ev, 1 + context.n / 16);
        if (!drops(pol_utf8_next(s, &next), context))
            break;
        from = next;
    }
    while (which & RIGHT && from < to) {
        size_t last = to - 1;
        pol_charge(ev, 1 + context.n / 16);
        while (last > from && (s.at[last] & 0xc0) == 0x80)
            last--;
        size_t next = last;
        if (!drops(pol_utf8_next(s, &next), context))
            break;
        to = last;
    }
    return cut(s, from, to);
}

static bool is_in(uint32_t c, pol_bytes cutset)
{
    for (size_t at = 0; at < cutset.n;)
        if (pol_utf8_next(cutset, &at) == c)
            return true;
    return false;
}

/* Unicode's White_Space. */
static bool is_space(uint32_t c, pol_bytes unused)
{
    (void)unused;
    return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

static pol_value trim_args(pol_eval *ev, const pol_value *args, unsigned which)
{
    pol_bytes s = pol_arg_string(ev, args, 0), cutset = pol_arg_string(ev, args, 1);
    return pol_string(trim_ends(ev, s, which, is_in, cutset));
}

POL_BUILTIN(trim, "trim", "(value: string, cutset: string) string",
            "The string without the characters of `cutset` at either end.")
{
    return trim_args(ev, args, LEFT | RIGHT);
}

POL_BUILTIN(trim_left, "trim_left", "(value: string, cutset: string) string",
            "The string without the characters of `cutset` at its beginning.")
{
    return trim_args(ev, args, LEFT);
}

POL_BUILTIN(trim_right, "trim_right", "(value: string, cutset: string) string",
            "The string without the characters of `cutset` at its end.")
{
    return trim_args(ev, args, RIGHT);
}

POL_BUILTIN(trim_space, "trim_space", "(value: string) string",
            "The string without white space at either end.")
{
    pol_bytes s = pol_arg_string(ev, args, 0);
    return pol_string(trim_ends(ev, s, LEFT | RIGHT, is_space, POL_BYTES("")));
}

POL_BUILTIN(trim_prefix, "trim_prefix", "(value: string, prefix: string) string",
            "The string without `prefix`, if it begins so.")
{
    pol_bytes s = pol_arg_string(ev, args, 0), prefix = pol_arg_string(ev, args, 1);
    return pol_string(pol_bytes_starts(s, prefix) ? cut(s, prefix.n, s.n) : s);
}

POL_BUILTIN(trim_suffix, "trim_suffix", "(value: string, suffix: string) string",
            "The string without `suffix`, if it ends so.")
{
    pol_bytes s = pol_arg_string(ev, args, 0), suffix = pol_arg_string(ev, args, 1);
    return pol_string(pol_bytes_ends(s, suffix) ? cut(s, 0, s.n - suffix.n) : s);
}

/* ---- replacing ---- */

POL_BUILTIN(replace, "replace", "(x: string, old: string, new: string) string",
            "The string with `new` for each `old`; an empty `old` stands around every code point.")
{
    pol_bytes s = pol_arg_string(ev, args, 0), old = pol_arg_string(ev, args, 1),
              new = pol_arg_string(ev, args, 2);
    charge_bytes(ev, s.n);
    pol_writer w = pol_writer_new(ev, s.n);
    size_t from = 0;
    if (old.n == 0) {
        pol_writer_bytes(&w, new);
        while (from < s.n) {
            size_t to = from;
            pol_utf8_next(s, &to);
            pol_charge(ev, 1);
            pol_writer_bytes(&w, cut(s, from, to));
            pol_writer_bytes(&w, new);
            from = to;
        }
        return pol_writer_string(&w);
    }
    for (int64_t at; (at = pol_bytes_find(s, old, from)) >= 0; from = (size_t)at + old.n) {
        pol_charge(ev, 1);
        pol_writer_bytes(&w, cut(s, from, (size_t)at));
        pol_writer_bytes(&w, new);
    }
    pol_writer_bytes(&w, cut(s, from, s.n));
    return pol_writer_string(&w);
}

/* The first pattern, in order of keys, that stands at the beginning of s; -1: none. */
static int64_t match_pattern(pol_value patterns, pol_bytes s, bool no_empty)
{
    for (uint32_t i = 0; i < patterns.n; i++) {
        pol_bytes key = pol_text(pol_member_key(patterns, i));
        if ((key.n || !no_empty) && pol_bytes_starts(s, key))
            return i;
    }
    return -1;
}

POL_BUILTIN(replace_n, "strings.replace_n",
            "(patterns: object[string: string], value: string) string",
            "The string with each key of `patterns` replaced by its value; at each place the first "
            "fitting key counts, and results are not searched.")
{
    pol_value patterns = pol_arg_object(ev, args, 0);
    for (uint32_t i = 0; i < patterns.n; i++) {
        pol_charge(ev, 1);
        if (pol_member_key(patterns, i).tag != POL_STRING)
            return pol_builtin_type_error(ev, "operand 1 non-string key found in pattern object");
        if (pol_member_value(patterns, i).tag != POL_STRING)
            return pol_builtin_type_error(ev, "operand 1 non-string value found in pattern object");
    }
    pol_bytes s = pol_arg_string(ev, args, 1);
    pol_writer w = pol_writer_new(ev, s.n);
    bool was_empty = false;
    for (size_t at = 0; at <= s.n;) {
        pol_charge(ev, patterns.n / 8 + 1);
        int64_t i = match_pattern(patterns, cut(s, at, s.n), was_empty);
        if (i >= 0) {
            size_t n = pol_member_key(patterns, (uint32_t)i).n;
            pol_writer_bytes(&w, pol_text(pol_member_value(patterns, (uint32_t)i)));
            was_empty = n == 0;
            at += n;
            continue;
        }
        was_empty = false;
        if (at == s.n)
            break;
        size_t next = at;
        pol_utf8_next(s, &next);
        pol_writer_bytes(&w, cut(s, at, next));
        at = next;
    }
    return pol_writer_string(&w);
}

/* ---- formatting ---- */

POL_BUILTIN(sprintf, "sprintf", "(format: string, values: array[any]) string",
            "The format with its verbs replaced by the values, as Go's fmt does.")
{
    pol_bytes format = pol_arg_string(ev, args, 0);
    pol_value values = pol_arg_array(ev, args, 1);
    return pol_builtin_failed(ev) ? pol_undefined() : pol_format(ev, format, values);
}

/* Whether v can be told in JSON without another form: it holds no set and no member whose name is no string. */
static bool is_json(pol_eval *ev, pol_value v)
{
    if (v.tag == POL_SET)
        return false;
    pol_charge(ev, 1);
    for (uint32_t i = 0; pol_is_collection(v) && i < v.n; i++)
        if (!is_json(ev, v.tag == POL_OBJECT ? pol_member_value(v, i) : pol_element(v, i)) ||
            (v.tag == POL_OBJECT && pol_member_key(v, i).tag != POL_STRING))
            return false;
    return true;
}

POL_BUILTIN(render_template, "strings.render_template",
            "(value: string, vars: object[string: any]) string",
            "The template, in the language of Go's text/template, filled with the variables.")
{
    pol_bytes text = pol_arg_string(ev, args, 0);
    pol_value vars = pol_arg_object(ev, args, 1);
    if (pol_builtin_failed(ev))
        return pol_undefined();
    if (!is_json(ev, vars))
        return pol_builtin_type_error(ev, "operand 2 must hold no sets and only names that are strings, as JSON does");
    return pol_template_render(ev, text, vars);
}

POL_FAMILY(strings) = {
    POL_ROW(contains),
    POL_ROW(startswith),
    POL_ROW(endswith),
    POL_ROW(indexof),
    POL_ROW(indexof_n),
    POL_ROW(strings_count),
    POL_ROW(any_prefix_match),
    POL_ROW(any_suffix_match),
    POL_ROW(substring),
    POL_ROW(split),
    POL_ROW(split_n),
    POL_ROW(concat),
    POL_ROW(reverse),
    POL_ROW(lower),
    POL_ROW(upper),
    POL_ROW(trim),
    POL_ROW(trim_left),
    POL_ROW(trim_right),
    POL_ROW(trim_space),
    POL_ROW(trim_prefix),
    POL_ROW(trim_suffix),
    POL_ROW(replace),
    POL_ROW(replace_n),
    POL_ROW(sprintf),
    POL_ROW(render_template),
    POL_END,
};
