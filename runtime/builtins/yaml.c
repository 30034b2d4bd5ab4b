/* SPDX-License-Identifier: Apache-2.0
 * Built-ins of family yaml. Values become YAML by libyaml's emitter, which writes into a buffer
 * while nothing is taken from the arena.
 */
#include "runtime/yaml.h"

#include "runtime/builtins/writer.h"
#include "runtime/json.h"

#include <stdlib.h>
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

/* A plain scalar that YAML 1.1 could read as something else than a string: digits, dates, words for
 * booleans and null. */
static bool needs_quotes(pol_bytes s)
{
    static const char *const words[] = {"~", "null", "true", "false", "yes",   "no",   "on", "off",
                                        "y", "n",    ".inf", "-.inf", "+.inf", ".nan", "<<", "="};
    if (s.n == 0)
        return true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (s.n == strlen(words[i])) {
            size_t k = 0;
            while (k < s.n && (s.at[k] == (uint8_t)words[i][k] ||
                               (words[i][k] >= 'a' && (s.at[k] | 0x20) == words[i][k])))
                k++;
            if (k == s.n)
                return true;
        }
    uint8_t first = s.at[0], second = s.n > 1 ? s.at[1] : 0;
    bool digit = first >= '0' && first <= '9';
    if (!digit && !((first == '-' || first == '+' || first == '.') &&
                    ((second >= '0' && second <= '9') || second == '.')))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!s.at[i] || !strchr("0123456789abcdefABCDEFxXoO_:+-.TZtz ", s.at[i]))
            return false;
    return true;
}

static bool emit(yaml_emitter_t *e, yaml_event_t *event, int made)
{
    return made && yaml_emitter_emit(e, event);
}

static bool emit_scalar(yaml_emitter_t *e, pol_bytes s, bool is_string)
{
    bool lines = is_string && s.n && memchr(s.at, '\n', s.n);
    yaml_scalar_style_t style = !is_string        ? YAML_PLAIN_SCALAR_STYLE
                                : needs_quotes(s) ? YAML_DOUBLE_QUOTED_SCALAR_STYLE
                                : lines           ? YAML_LITERAL_SCALAR_STYLE
                                                  : YAML_PLAIN_SCALAR_STYLE;
    yaml_event_t event;
    return emit(e, &event,
                yaml_scalar_event_initialize(&event, NULL, NULL,
                                             (const yaml_char_t *)(s.n ? (const char *)s.at : ""),
                                             (int)s.n, 1, 1, style));
}

static bool emit_key(yaml_emitter_t *e, pol_value key)
{
    if (key.tag == POL_STRING)
        return emit_scalar(e, pol_text(key), true);
    pol_buf text = {0};
    pol_json_write(&text, key, POL_JSON_HTML);
    bool ok = emit_scalar(e, pol_buf_view(&text), true);
    pol_buf_deinit(&text);
    return ok;
}

static bool emit_value(yaml_emitter_t *e, pol_value v)
{
    yaml_event_t event;
    char buf[POL_NUMBER_TEXT_MAX];
    if (v.tag == POL_STRING)
        return emit_scalar(e, pol_text(v), true);
    if (pol_is_number(v))
        return emit_scalar(e, pol_number_text(v, buf), false);
    if (!pol_is_collection(v))
        return emit_scalar(e,
                           pol_bytes_text(v.tag != POL_BOOL ? "null"
                                          : v.n             ? "true"
                                                            : "false"),
                           false);
    if (v.tag == POL_OBJECT) {
        if (!emit(e, &event,
                  yaml_mapping_start_event_initialize(&event, NULL, NULL, 1,
                                                      YAML_BLOCK_MAPPING_STYLE)))
            return false;
        for (uint32_t i = 0; i < v.n; i++)
            if (!emit_key(e, pol_member_key(v, i)) || !emit_value(e, pol_member_value(v, i)))
                return false;
        return emit(e, &event, yaml_mapping_end_event_initialize(&event));
    }
    if (!emit(
            e, &event,
            yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE)))
        return false;
    for (uint32_t i = 0; i < v.n; i++)
        if (!emit_value(e, pol_element(v, i)))
            return false;
    return emit(e, &event, yaml_sequence_end_event_initialize(&event));
}

static bool emit_document(yaml_emitter_t *e, pol_value v)
{
    yaml_event_t event;
    return emit(e, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING)) &&
           emit(e, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1)) &&
           emit_value(e, v) && emit(e, &event, yaml_document_end_event_initialize(&event, 1)) &&
           emit(e, &event, yaml_stream_end_event_initialize(&event));
}

POL_BUILTIN(yaml_marshal, "yaml.marshal", "(x: any) string",
            "The value as YAML text; a set as an array.")
{
    pol_charge_value(ev, args[0]);
    yaml_emitter_t e;
    if (!yaml_emitter_initialize(&e))
        return pol_builtin_error(ev, "the YAML emitter could not be set up");
    pol_buf buf = {0};
    yaml_emitter_set_output(&e, append, &buf);
    yaml_emitter_set_unicode(&e, 1);
    yaml_emitter_set_width(&e, -1);
    yaml_emitter_set_indent(&e, 2);
    bool ok = emit_document(&e, args[0]);
    yaml_emitter_delete(&e);
    if (ok)
        return pol_string_take(ev, &buf);
    pol_buf_deinit(&buf);
    return pol_builtin_error(ev, "the value could not be written as YAML");
}

POL_FAMILY(yaml) = {POL_ROW(yaml_unmarshal), POL_ROW(yaml_is_valid), POL_ROW(yaml_marshal),
                    POL_END};
