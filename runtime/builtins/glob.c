/* SPDX-License-Identifier: Apache-2.0
 * Built-ins of family glob. A glob becomes a regular expression: '*' and '?' stand for characters
 * that are no delimiters, "**" for any; [abc], [!abc], [a-c], {one,other} and '\' as usual.
 */
#include "runtime/builtins/writer.h"
#include "runtime/pattern.h"

typedef struct {
    pol_eval *ev;
    pol_writer w;
    pol_bytes glob;
    size_t at;
    pol_bytes other; /* the class of what is no delimiter */
} translation;

static void write_literal(pol_writer *w, uint32_t c)
{
    bool special = c < 0x80 && c > ' ' && !(c >= '0' && c <= '9') &&
                   !((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && c != '_';
    if (special)
        pol_writer_byte(w, '\\');
    if (c == 0)
        pol_writer_text(w, "\\x00");
    else
        pol_writer_code(w, c);
}

/* The next character, an escaped one without its '\'; false at the end. */
static bool next_character(translation *t, uint32_t *c, bool *escaped)
{
    if (t->at >= t->glob.n)
        return false;
    *c = pol_utf8_next(t->glob, &t->at);
    *escaped = *c == '\\';
    if (*escaped && t->at < t->glob.n)
        *c = pol_utf8_next(t->glob, &t->at);
    return true;
}

/* What stands behind '[': one range or some characters. */
static bool translate_class(translation *t)
{
    uint32_t c, high;
    bool escaped;
    pol_writer_byte(&t->w, '[');
    if (t->at < t->glob.n && t->glob.at[t->at] == '!') {
        pol_writer_byte(&t->w, '^');
        t->at++;
    }
    if (!next_character(t, &c, &escaped) || (c == ']' && !escaped))
        return false;
    if (t->at < t->glob.n && t->glob.at[t->at] == '-') {
        t->at++;
        if (!next_character(t, &high, &escaped) || high < c || t->at >= t->glob.n ||
            t->glob.at[t->at] != ']')
            return false;
        t->at++;
        write_literal(&t->w, c);
        pol_writer_byte(&t->w, '-');
        write_literal(&t->w, high);
    } else {
        do
            write_literal(&t->w, c);
        while (next_character(t, &c, &escaped) && (c != ']' || escaped));
        if (c != ']' || escaped)
            return false;
    }
    pol_writer_byte(&t->w, ']');
    return true;
}

static bool translate_glob(translation *t)
{
    unsigned depth = 0;
    uint32_t c;
    bool escaped;
    pol_writer_text(&t->w, "(?s)\\A");
    while (next_character(t, &c, &escaped)) {
        if (escaped) {
            write_literal(&t->w, c);
        } else if (c == '*' && t->at < t->glob.n && t->glob.at[t->at] == '*') {
            t->at++;
            pol_writer_text(&t->w, ".*");
        } else if (c == '*' || c == '?') {
            pol_writer_bytes(&t->w, t->other);
            if (c == '*')
                pol_writer_byte(&t->w, '*');
        } else if (c == '[') {
            if (!translate_class(t))
                return false;
        } else if (c == '{') {
            depth++;
            pol_writer_text(&t->w, "(?:");
        } else if (c == '}' && depth) {
            depth--;
            pol_writer_byte(&t->w, ')');
        } else if (c == ',' && depth) {
            pol_writer_byte(&t->w, '|');
        } else {
            write_literal(&t->w, c);
        }
    }
    pol_writer_text(&t->w, "\\z");
    return depth == 0;
}

/* Operand 2 as a class of all other characters; none when null, '.' when empty. */
static pol_bytes arg_delimiters(pol_eval *ev, const pol_value *args)
{
    pol_value list = args[1];
    if (list.tag == POL_NULL)
        return POL_BYTES(".");
    if (list.tag != POL_ARRAY) {
        pol_operand_error(ev, 2, "one of {null, array}", list);
        return POL_BYTES(".");
    }
    if (list.n == 0)
        return POL_BYTES("[^\\.]");
    pol_writer w = pol_writer_new(ev, 0);
    pol_writer_text(&w, "[^");
    for (uint32_t i = 0; i < list.n; i++) {
        pol_value e = pol_element(list, i);
        size_t at = 0;
        if (e.tag != POL_STRING) {
            pol_element_error(ev, 2, list, "string", e);
            return POL_BYTES(".");
        }
        if (e.n)
            write_literal(&w, pol_utf8_next(pol_text(e), &at));
        if (at == 0 || at != e.n) {
            pol_builtin_type_error(ev, "operand 2 must be array of strings of one character each");
            return POL_BYTES(".");
        }
    }
    pol_writer_byte(&w, ']');
    return pol_writer_view(&w);
}

POL_BUILTIN(glob_match, "glob.match",
            "(pattern: string, delimiters: null | array[string], match: string) boolean",
            "True when `match` as a whole fits the glob. Delimiters are what '*' and '?' do not "
            "stand for; null: nothing, empty: '.'.")
{
    pol_bytes glob = pol_arg_string(ev, args, 0), match = pol_arg_string(ev, args, 2);
    translation t = {.ev = ev,
                     .w = pol_writer_new(ev, 2 * glob.n + 16),
                     .glob = glob,
                     .other = arg_delimiters(ev, args)};
    if (pol_builtin_failed(ev))
        return pol_undefined();
    pol_charge(ev, 1 + glob.n / 16);
    if (!translate_glob(&t)) {
        pol_bytes shown = pol_quoted(ev, glob);
        return pol_builtin_error(ev, "glob %.*s is not closed or has a wrong range", (int)shown.n,
                                 (const char *)shown.at);
    }
    const struct pol_pattern *p = pol_eval_pattern(ev, pol_writer_view(&t.w));
    pol_charge_search(ev, pol_writer_view(&t.w), match);
    return p ? pol_bool(pol_pattern_matches(p, match)) : pol_undefined();
}

POL_BUILTIN(quote_meta, "glob.quote_meta", "(pattern: string) string",
            "The string with a '\\' before what a glob gives a meaning to.")
{
    pol_bytes s = pol_arg_string(ev, args, 0);
    pol_charge(ev, s.n / 16);
    pol_writer w = pol_writer_new(ev, 2 * s.n);
    for (size_t i = 0; i < s.n; i++) {
        if (s.at[i] && strchr("*?\\[]{}", s.at[i]))
            pol_writer_byte(&w, '\\');
        pol_writer_byte(&w, (char)s.at[i]);
    }
    return pol_writer_string(&w);
}

POL_FAMILY(glob) = {POL_ROW(glob_match), POL_ROW(quote_meta), POL_END};
