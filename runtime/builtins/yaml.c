/* SPDX-License-Identifier: Apache-2.0
 * Built-ins of family yaml. Scalars become YAML by libyaml's emitter, which knows when and how they are quoted; collections are
 * laid out here as go-yaml does, which indents sequences within mappings and sorts keys with numbers in them by their value.
 */
#include "runtime/yaml.h"

#include "runtime/builtins/writer.h"
#include "runtime/json.h"

#include <stdlib.h>
#include <strings.h>
#include <utf8proc.h>
#include <yaml.h>

/* go-yaml's form of an error: its parser counts lines from 0 where its scanner, which says other
 * things, counts from 1. */
static pol_value fail_yaml(pol_eval *ev, const char *text)
{
    const char *line = strstr(text, "line "), *why = line ? strstr(line, ": ") : NULL;
    if (!why)
        return pol_builtin_error(ev, "yaml: %s", text);
    unsigned long n = strtoul(line + 5, NULL, 10);
    bool by_parser = strncmp(why + 2, "did not find expected", 21) == 0;
    return pol_builtin_error(ev, "yaml: line %lu: %s", by_parser && n > 1 ? n - 1 : n, why + 2);
}

POL_BUILTIN(yaml_unmarshal, "yaml.unmarshal", "(x: string) any",
            "The value that the YAML text says; of several documents the first one's.")
{
    pol_bytes text = pol_arg_string(ev, args, 0);
    if (pol_builtin_failed(ev))
        return pol_undefined();
    pol_charge(ev, 1 + text.n / 4);
    pol_value v;
    pol_error err;
    if (!pol_yaml_read_first(pol_eval_arena(ev), text, &v, &err))
        return fail_yaml(ev, err.text);
    pol_charge_value(ev, v); /* aliases make much of little */
    return v;
}

POL_BUILTIN(yaml_is_valid, "yaml.is_valid", "(x: string) boolean",
            "True when the string is YAML text.")
{
    if (args[0].tag != POL_STRING)
        return pol_bool(false);
    pol_charge(ev, 1 + args[0].n / 4);
    pol_value v;
    return pol_bool(pol_yaml_read_first(pol_eval_arena(ev), pol_text(args[0]), &v, NULL));
}

/* ---- marshal ---- */

static int append(void *buf, unsigned char *at, size_t n)
{
    pol_buf_add(buf, at, n);
    return 1;
}

static bool is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

static bool has_only(pol_bytes s, const char *others)
{
    for (size_t i = 0; i < s.n; i++)
        if (!s.at[i] || (!is_digit(s.at[i]) && !strchr(others, s.at[i])))
            return false;
    return true;
}

/* Whether the text, plain, is or was in YAML 1.1 something else than a string: a word for a boolean or null, a number, also one of base
 * 60, or a date. */
static bool needs_quotes(pol_arena *arena, pol_bytes s)
{
    static const char *const words[] = {"~", "null", "true", "false", "yes",   "no",   "on", "off",
                                        "y", "n",    ".inf", "-.inf", "+.inf", ".nan"};
    if (s.n == 0)
        return true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (s.n == strlen(words[i]) && strncasecmp((const char *)s.at, words[i], s.n) == 0)
            return true;
    if (!is_digit(s.at[0]) && !strchr("+-.", s.at[0]))
        return false;
    pol_value read;
    if (pol_yaml_read_first(arena, s, &read, NULL) && pol_is_number(read))
        return true;
    bool date = s.n >= 8 && s.at[4] == '-' && is_digit(s.at[0]) && is_digit(s.at[1]) && is_digit(s.at[2]) && is_digit(s.at[3]);
    return (date && has_only(s, "-:.TtZz+ ")) || (memchr(s.at, ':', s.n) && has_only(s, ":._+-"));
}

static bool emit(yaml_emitter_t *e, yaml_event_t *event, int made)
{
    return made && yaml_emitter_emit(e, event);
}

static bool emit_scalar(yaml_emitter_t *e, pol_bytes s, bool quoted)
{
    yaml_scalar_style_t style = quoted                             ? YAML_DOUBLE_QUOTED_SCALAR_STYLE
                                : s.n && memchr(s.at, '\n', s.n) ? YAML_LITERAL_SCALAR_STYLE
                                                                   : YAML_PLAIN_SCALAR_STYLE;
    yaml_event_t event;
    return emit(e, &event,
                yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)(s.n ? (const char *)s.at : ""), (int)s.n, 1, 1, style));
}

/* "- text" or, as a key, "text: {}". */
static bool emit_around(yaml_emitter_t *e, pol_bytes s, bool quoted, bool is_key)
{
    yaml_event_t event;
    if (!emit(e, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING)) ||
        !emit(e, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1)))
        return false;
    bool ok = is_key ? emit(e, &event, yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE)) && emit_scalar(e, s, quoted) &&
                           emit(e, &event, yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_FLOW_MAPPING_STYLE)) &&
                           emit(e, &event, yaml_mapping_end_event_initialize(&event)) && emit(e, &event, yaml_mapping_end_event_initialize(&event))
                     : emit(e, &event, yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE)) && emit_scalar(e, s, quoted) &&
                           emit(e, &event, yaml_sequence_end_event_initialize(&event));
    return ok && emit(e, &event, yaml_document_end_event_initialize(&event, 1)) && emit(e, &event, yaml_stream_end_event_initialize(&event));
}

/* The string as it stands in a collection that is indented by so much, without what stands before and behind it. */
static void write_string(pol_writer *w, pol_bytes s, bool is_key, size_t indent)
{
    yaml_emitter_t e;
    pol_buf buf = {0};
    bool quoted = needs_quotes(pol_eval_arena(w->ev), s);
    bool ok = yaml_emitter_initialize(&e);
    if (ok) {
        yaml_emitter_set_output(&e, append, &buf);
        yaml_emitter_set_unicode(&e, 1);
        yaml_emitter_set_width(&e, -1);
        yaml_emitter_set_indent(&e, 2);
        ok = emit_around(&e, s, quoted, is_key);
        yaml_emitter_delete(&e);
    }
    static const char ends[] = "\n...\n"; /* the document ends, said when a literal's empty lines would leave it open */
    if (ok && buf.n >= sizeof ends - 1 && memcmp(buf.at + buf.n - (sizeof ends - 1), ends, sizeof ends - 1) == 0)
        buf.n -= sizeof ends - 2;
    size_t before = is_key ? 0 : sizeof "- " - 1, behind = is_key ? sizeof ": {}\n" - 1 : 0;
    ok = ok && buf.n >= before + behind;
    pol_value text = pol_string_take(w->ev, &buf);
    if (!ok) {
        pol_builtin_error(w->ev, "the value could not be written as YAML");
        return;
    }
    const uint8_t *at = text.text + before, *end = text.text + text.n - behind;
    while (at < end) {
        const uint8_t *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop + 1 : end;
        pol_writer_add(w, at, (size_t)(stop - at));
        if (stop < end && *stop != '\n')
            pol_writer_repeat(w, ' ', indent);
        at = stop;
    }
}

/* A number that is no integer of 64 bits is a double there: its shortest form, with an exponent below -4 and from 6 on. */
static void write_number(pol_writer *w, pol_value v)
{
    char text[POL_NUMBER_TEXT_MAX], shortest[40];
    pol_bytes s = pol_number_text(v, text);
    bool digits_only = true;
    for (size_t i = 0; i < s.n; i++)
        digits_only = digits_only && (is_digit(s.at[i]) || (i == 0 && s.at[i] == '-'));
    if (v.tag == POL_INT || (digits_only && s.at[0] != '-' && (s.n < 20 || (s.n == 20 && memcmp(s.at, "18446744073709551615", 20) <= 0)))) {
        pol_writer_bytes(w, s);
        return;
    }
    pol_buf copy = {0};
    pol_buf_add(&copy, s.at, s.n);
    pol_buf_byte(&copy, 0);
    double d = strtod((const char *)copy.at, NULL);
    pol_buf_deinit(&copy);
    int digits = 0;
    do
        snprintf(shortest, sizeof shortest, "%.*e", digits, d);
    while (strtod(shortest, NULL) != d && ++digits < 17);
    const char *e = strchr(shortest, 'e');
    long exponent = e ? strtol(e + 1, NULL, 10) : 0;
    if (exponent >= -4 && exponent < 6)
        snprintf(shortest, sizeof shortest, "%.*f", digits > exponent ? (int)(digits - exponent) : 0, d);
    pol_writer_text(w, shortest);
}

typedef struct {
    pol_value key; /* a string */
    pol_value value;
} yaml_member;

static bool is_letter(uint32_t c)
{
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);
    return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

/* The number that the digits from at on make, on top of number; *end is behind them. */
static uint64_t number_at(pol_bytes s, size_t at, uint64_t number, size_t *end)
{
    for (; at < s.n && is_digit(s.at[at]); at++)
        number = number * 10 + (s.at[at] - (uint64_t)'0');
    *end = at;
    return number;
}

/* go-yaml's order of keys: by the first code point that differs; letters come behind what is none, but before it within a number; numbers
 * are compared as such. */
static int compare_keys(const void *left, const void *right)
{
    pol_bytes a = pol_text(((const yaml_member *)left)->key), b = pol_text(((const yaml_member *)right)->key);
    size_t at = 0, next_a = 0, next_b = 0, end_a, end_b;
    uint32_t x = 0, y = 0;
    while (x == y) {
        at = next_a;
        if (at == a.n || at == b.n)
            return a.n < b.n ? -1 : a.n > b.n;
        x = pol_utf8_next(a, &next_a);
        y = pol_utf8_next(b, &next_b);
    }
    bool in_number = at > 0 && is_digit(a.at[at - 1]), letter_x = is_letter(x), letter_y = is_letter(y);
    if (letter_x != letter_y)
        return letter_x == in_number ? -1 : 1;
    bool counts = false; /* a zero that follows other digits */
    for (size_t i = at; (x == '0' || y == '0') && i > 0 && is_digit(a.at[i - 1]); i--)
        counts = counts || a.at[i - 1] != '0';
    uint64_t m = number_at(a, at, counts, &end_a), n = number_at(b, at, counts, &end_b);
    if (!letter_x && m != n)
        return m < n ? -1 : 1;
    if (!letter_x && end_a != end_b)
        return end_a < end_b ? -1 : 1;
    return x < y ? -1 : 1;
}

static void write_value(pol_writer *w, pol_value v, size_t indent);

/* A member's value behind its colon; one of a key that needs lines of its own begins in the line of the colon. */
static void write_member_value(pol_writer *w, pol_value v, size_t indent, bool same_line)
{
    if (!same_line && pol_is_collection(v) && v.n) {
        pol_writer_byte(w, '\n');
        pol_writer_repeat(w, ' ', indent + 2);
    } else {
        pol_writer_byte(w, ' ');
    }
    write_value(w, v, pol_is_collection(v) ? indent + 2 : indent);
}

static void write_mapping(pol_writer *w, pol_value v, size_t indent)
{
    yaml_member *members = pol_arena_alloc(pol_eval_arena(w->ev), v.n * sizeof *members);
    for (uint32_t i = 0; i < v.n; i++) {
        pol_value key = pol_member_key(v, i);
        if (key.tag != POL_STRING) {
            pol_buf text = {0};
            pol_json_write(&text, key, POL_JSON_HTML);
            key = pol_string_take(w->ev, &text);
        }
        members[i] = (yaml_member){key, pol_member_value(v, i)};
    }
    qsort(members, v.n, sizeof *members, compare_keys);
    for (uint32_t i = 0; i < v.n; i++) {
        if (i)
            pol_writer_repeat(w, ' ', indent);
        size_t begin = w->n;
        write_string(w, pol_text(members[i].key), true, indent);
        bool own_lines = w->n > begin && w->at[begin] == '?';
        if (own_lines && w->at[w->n - 1] == '\n')
            pol_writer_repeat(w, ' ', indent);
        pol_writer_byte(w, ':');
        write_member_value(w, members[i].value, indent, own_lines);
    }
}

/* v, from where the line stands on, which is indented so far, with its line end. */
static void write_value(pol_writer *w, pol_value v, size_t indent)
{
    if (v.tag == POL_STRING) {
        write_string(w, pol_text(v), false, indent);
        return;
    }
    if (v.tag == POL_OBJECT && v.n) {
        write_mapping(w, v, indent);
        return;
    }
    if (pol_is_collection(v) && v.n) {
        for (uint32_t i = 0; i < v.n; i++) {
            if (i)
                pol_writer_repeat(w, ' ', indent);
            pol_writer_text(w, "- ");
            pol_value e = pol_element(v, i);
            write_value(w, e, pol_is_collection(e) ? indent + 2 : indent);
        }
        return;
    }
    if (pol_is_number(v))
        write_number(w, v);
    else
        pol_writer_text(w, v.tag == POL_OBJECT ? "{}" : pol_is_collection(v) ? "[]" : v.tag != POL_BOOL ? "null" : v.n ? "true" : "false");
    pol_writer_byte(w, '\n');
}

POL_BUILTIN(yaml_marshal, "yaml.marshal", "(x: any) string",
            "The value as YAML text; a set as an array.")
{
    pol_charge_value(ev, args[0]);
    pol_writer w = pol_writer_new(ev, 64);
    write_value(&w, args[0], 0);
    return pol_builtin_failed(ev) ? pol_undefined() : pol_writer_string(&w);
}

POL_FAMILY(yaml) = {POL_ROW(yaml_unmarshal), POL_ROW(yaml_is_valid), POL_ROW(yaml_marshal),
                    POL_END};
