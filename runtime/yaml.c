/* SPDX-License-Identifier: Apache-2.0
 * YAML text into values, in two passes: libyaml's events are kept in the arena while its parser is open, by the allocation that
 * cannot jump; values are made of them when it is closed. Knows which plain scalars are null, booleans and numbers.
 */
#include "runtime/yaml.h"

#include <yaml.h>

enum {
    YAML_NESTING_MAX = 500,    /* of collections */
    YAML_ELEMENTS_MAX = 4000000, /* after aliases are resolved: a small text must not become a huge value */
    YAML_SEARCH_MAX = 100000000, /* events looked at for the anchors of all aliases */
};

typedef enum { EVENT_SCALAR, EVENT_ALIAS, EVENT_SEQUENCE, EVENT_MAPPING, EVENT_END } event_kind;

typedef struct {
    uint8_t kind;
    bool plain;  /* a scalar without quotes or tag */
    bool string; /* tagged !!str */
    uint32_t line, column;
    pol_bytes text;   /* of a scalar; the name of an alias */
    pol_bytes anchor; /* n == 0: none */
} event;

typedef struct {
    pol_arena *arena;
    event *items;
    uint32_t n, capacity;
    uint32_t at;        /* next event to read */
    uint32_t n_made;
    uint32_t n_searched;
    uint32_t documents;
    uint32_t nesting; /* of collections that are open */
    bool first; /* later documents are parsed, and left out */
    pol_error *err;
} reading;

/* ---- first pass: events ---- */

POL_MUST_USE static bool keep_text(reading *r, pol_bytes *out, const void *at, size_t n)
{
    uint8_t *copy = pol_arena_try(r->arena, n + 1);
    if (!copy)
        return pol_fail(r->err, POL_E_LIMIT, "YAML text: it needs more memory than is allowed");
    if (n)
        memcpy(copy, at, n);
    copy[n] = 0;
    *out = pol_bytes_of(copy, n);
    return true;
}

static event *add_event(reading *r, const yaml_event_t *from, event_kind kind)
{
    if (r->n == r->capacity) {
        uint32_t capacity = r->capacity ? 2 * r->capacity : 64;
        event *items = pol_arena_try(r->arena, capacity * sizeof *items);
        if (!items)
            return NULL;
        if (r->n)
            memcpy(items, r->items, r->n * sizeof *items);
        r->items = items;
        r->capacity = capacity;
    }
    event *e = &r->items[r->n++];
    *e = (event){.kind = (uint8_t)kind,
                 .line = (uint32_t)from->start_mark.line + 1,
                 .column = (uint32_t)from->start_mark.column + 1};
    return e;
}

POL_MUST_USE static bool keep_node(reading *r, const yaml_event_t *from, event_kind kind, const yaml_char_t *anchor)
{
    event *e = add_event(r, from, kind);
    if (!e)
        return pol_fail(r->err, POL_E_LIMIT, "YAML text: it needs more memory than is allowed");
    if (anchor)
        POL_TRY(keep_text(r, &e->anchor, anchor, strlen((const char *)anchor)));
    return true;
}

POL_MUST_USE static bool keep_scalar(reading *r, const yaml_event_t *from)
{
    POL_TRY(keep_node(r, from, EVENT_SCALAR, from->data.scalar.anchor));
    event *e = &r->items[r->n - 1];
    const char *tag = (const char *)from->data.scalar.tag;
    e->plain = from->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !tag;
    e->string = tag && strcmp(tag, YAML_STR_TAG) == 0;
    return keep_text(r, &e->text, from->data.scalar.value, from->data.scalar.length);
}

POL_MUST_USE static bool keep_event(reading *r, const yaml_event_t *from)
{
    bool opens = from->type == YAML_SEQUENCE_START_EVENT || from->type == YAML_MAPPING_START_EVENT;
    bool closes = from->type == YAML_SEQUENCE_END_EVENT || from->type == YAML_MAPPING_END_EVENT;
    r->nesting = r->nesting + opens - closes;
    if (r->nesting > YAML_NESTING_MAX) /* seen here, for libyaml's time goes by the square of the depth */
        return pol_fail(r->err, POL_E_LIMIT, "YAML text, line %zu: collections are nested deeper than %d", from->start_mark.line + 1,
                        YAML_NESTING_MAX);
    if (r->first && r->documents > 1)
        return true;
    switch (from->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (++r->documents > 1 && !r->first)
            return pol_fail(r->err, POL_E_JSON, "YAML text, line %zu: a second document begins; one is wanted",
                            from->start_mark.line + 1);
        return true;
    case YAML_SCALAR_EVENT:
        return keep_scalar(r, from);
    case YAML_SEQUENCE_START_EVENT:
        return keep_node(r, from, EVENT_SEQUENCE, from->data.sequence_start.anchor);
    case YAML_MAPPING_START_EVENT:
        return keep_node(r, from, EVENT_MAPPING, from->data.mapping_start.anchor);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return keep_node(r, from, EVENT_END, NULL);
    case YAML_ALIAS_EVENT: {
        POL_TRY(keep_node(r, from, EVENT_ALIAS, NULL));
        const char *name = (const char *)from->data.alias.anchor;
        return keep_text(r, &r->items[r->n - 1].text, name, strlen(name));
    }
    default:
        return true;
    }
}

POL_MUST_USE static bool read_events(reading *r, pol_bytes text)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return pol_fail(r->err, POL_E_MEMORY, "YAML text: the parser could not be set up");
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, text.at ? text.at : (const uint8_t *)"", text.n);
    bool ok = true, more = true;
    while (ok && more) {
        yaml_event_t from;
        if (!yaml_parser_parse(&parser, &from)) {
            ok = pol_fail(r->err, POL_E_JSON, "YAML text, line %zu, column %zu: %s", parser.problem_mark.line + 1,
                          parser.problem_mark.column + 1, parser.problem ? parser.problem : "it cannot be read");
            break;
        }
        more = from.type != YAML_STREAM_END_EVENT;
        ok = keep_event(r, &from);
        yaml_event_delete(&from);
    }
    yaml_parser_delete(&parser);
    return ok;
}

/* ---- second pass: values ---- */

static bool is_one_of(pol_bytes text, const char *const *words)
{
    for (; *words; words++)
        if (pol_bytes_is(text, *words))
            return true;
    return false;
}

/* "-12", "3.5", ".5", "1e3" as the text of a JSON number in out; false when it is none. */
static bool decimal_text(pol_bytes s, char out[64])
{
    size_t i = 0, n = 0, digits = 0;
    if (s.n == 0 || s.n > 48)
        return false;
    if (s.at[i] == '-' || s.at[i] == '+') {
        if (s.at[i] == '-')
            out[n++] = '-';
        i++;
    }
    size_t whole = n;
    for (; i < s.n && (s.at[i] >= '0' && s.at[i] <= '9'); i++, digits++)
        out[n++] = (char)s.at[i];
    if (digits > 1 && out[whole] == '0')
        return false;
    if (digits == 0)
        out[n++] = '0';
    if (i < s.n && s.at[i] == '.') {
        size_t fraction = 0;
        out[n++] = '.';
        for (i++; i < s.n && s.at[i] >= '0' && s.at[i] <= '9'; i++, fraction++)
            out[n++] = (char)s.at[i];
        if (fraction == 0)
            out[n++] = '0';
        digits += fraction;
    }
    if (digits == 0)
        return false;
    if (i < s.n && (s.at[i] == 'e' || s.at[i] == 'E')) {
        out[n++] = 'e';
        i++;
        if (i < s.n && (s.at[i] == '-' || s.at[i] == '+'))
            out[n++] = (char)s.at[i++];
        size_t exponent = 0;
        for (; i < s.n && s.at[i] >= '0' && s.at[i] <= '9'; i++, exponent++)
            out[n++] = (char)s.at[i];
        if (exponent == 0)
            return false;
    }
    out[n] = 0;
    return i == s.n;
}

/* 0x1f, 0b101, 0o17, 017 and a leading minus, with underscores between digits; false when it is none or does not fit int64. */
static bool based_integer(pol_bytes s, int64_t *out)
{
    size_t i = 0;
    bool minus = false;
    if (s.n && (s.at[0] == '-' || s.at[0] == '+'))
        minus = s.at[i++] == '-';
    if (i + 1 >= s.n || s.at[i] != '0')
        return false;
    unsigned base = 8;
    i++;
    if (s.at[i] == 'x' || s.at[i] == 'b' || s.at[i] == 'o') {
        base = s.at[i] == 'x' ? 16 : s.at[i] == 'b' ? 2 : 8;
        i++;
    }
    uint64_t value = 0;
    size_t digits = 0;
    for (; i < s.n; i++) {
        uint8_t c = s.at[i];
        if (c == '_')
            continue;
        unsigned digit = 99;
        if (c >= '0' && c <= '9')
            digit = c - (unsigned)'0';
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            digit = (c | 32u) - 'a' + 10;
        if (digit >= base || value > (uint64_t)INT64_MAX / base)
            return false;
        value = value * base + digit;
        digits++;
    }
    if (digits == 0 || value > (uint64_t)INT64_MAX)
        return false;
    *out = minus ? -(int64_t)value : (int64_t)value;
    return true;
}

static pol_value scalar_value(const reading *r, const event *e)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y", NULL};
    static const char *const falses[] = {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N", NULL};
    if (!e->plain || e->string)
        return pol_string(e->text);
    if (is_one_of(e->text, nulls))
        return pol_null();
    if (is_one_of(e->text, trues))
        return pol_bool(true);
    if (is_one_of(e->text, falses))
        return pol_bool(false);
    char text[64];
    if (decimal_text(e->text, text)) {
        pol_value v = strpbrk(text, ".e") ? pol_number_double(r->arena, strtod(text, NULL)) /* a float of YAML is a double */
                                          : pol_number_read(pol_bytes_of(pol_arena_copy(r->arena, text, strlen(text)), strlen(text)));
        if (pol_is_defined(v))
            return v;
    }
    int64_t i;
    if (based_integer(e->text, &i))
        return pol_int(i);
    return pol_string(e->text);
}

POL_MUST_USE static bool read_node(reading *r, unsigned depth, pol_value *out);

/* The event behind the node that begins at i. */
static uint32_t node_end(const reading *r, uint32_t i)
{
    unsigned open = 0;
    do {
        if (r->items[i].kind == EVENT_SEQUENCE || r->items[i].kind == EVENT_MAPPING)
            open++;
        else if (r->items[i].kind == EVENT_END)
            open--;
        i++;
    } while (open);
    return i;
}

/* The newest node before i with that anchor; it must be complete there, or the document would hold itself. */
POL_MUST_USE static bool read_alias(reading *r, uint32_t i, unsigned depth, pol_value *out)
{
    const event *alias = &r->items[i];
    for (uint32_t k = i; k-- > 0;) {
        if (++r->n_searched > YAML_SEARCH_MAX)
            return pol_fail(r->err, POL_E_LIMIT, "YAML text: too many aliases and anchors");
        if (r->items[k].anchor.n == 0 || !pol_bytes_equal(r->items[k].anchor, alias->text))
            continue;
        if (node_end(r, k) > i)
            return pol_fail(r->err, POL_E_JSON, "YAML text, line %u: an alias stands inside what it names", alias->line);
        uint32_t at = r->at;
        r->at = k;
        POL_TRY(read_node(r, depth, out));
        r->at = at;
        return true;
    }
    return pol_fail(r->err, POL_E_JSON, "YAML text, line %u, column %u: no anchor has the alias's name", alias->line,
                    alias->column);
}

POL_MUST_USE static bool read_sequence(reading *r, unsigned depth, pol_value *out)
{
    pol_builder b = pol_builder_new(r->arena);
    while (r->items[r->at].kind != EVENT_END) {
        pol_value v;
        POL_TRY(read_node(r, depth + 1, &v));
        pol_builder_add(&b, v);
    }
    r->at++;
    *out = pol_builder_array(&b);
    return true;
}

/* Members of a merge key's value come under those that the mapping has itself. */
POL_MUST_USE static bool merge_into(reading *r, pol_value merged, pol_value *under, uint32_t line)
{
    if (merged.tag == POL_OBJECT) {
        *under = pol_is_defined(*under) ? *under : pol_empty(POL_OBJECT);
        pol_builder b = pol_builder_new(r->arena);
        for (uint32_t i = 0; i < merged.n; i++)
            pol_builder_put(&b, pol_member_key(merged, i), pol_member_value(merged, i));
        for (uint32_t i = 0; i < under->n; i++)
            pol_builder_put(&b, pol_member_key(*under, i), pol_member_value(*under, i));
        *under = pol_builder_object(&b);
        return true;
    }
    if (merged.tag == POL_ARRAY) {
        for (uint32_t i = 0; i < merged.n; i++) {
            pol_value one = pol_element(merged, i);
            if (one.tag != POL_OBJECT)
                return pol_fail(r->err, POL_E_JSON, "YAML text, line %u: a merge key takes mappings", line);
            POL_TRY(merge_into(r, one, under, line));
        }
        return true;
    }
    return pol_fail(r->err, POL_E_JSON, "YAML text, line %u: a merge key takes a mapping", line);
}

POL_MUST_USE static bool read_key(reading *r, unsigned depth, pol_value *key, bool *is_merge)
{
    const event *e = &r->items[r->at];
    *is_merge = e->kind == EVENT_SCALAR && e->plain && pol_bytes_is(e->text, "<<");
    POL_TRY(read_node(r, depth, key));
    if (key->tag == POL_STRING)
        return true;
    if (pol_is_collection(*key))
        return pol_fail(r->err, POL_E_JSON, "YAML text, line %u, column %u: a key must be a scalar", e->line, e->column);
    char number[POL_NUMBER_TEXT_MAX];
    pol_bytes text = key->tag == POL_NULL           ? POL_BYTES("null")
                     : key->tag == POL_BOOL && key->n ? POL_BYTES("true")
                     : key->tag == POL_BOOL         ? POL_BYTES("false")
                                                    : pol_number_text(*key, number);
    *key = pol_string_copy(r->arena, text);
    return true;
}

POL_MUST_USE static bool read_mapping(reading *r, unsigned depth, pol_value *out)
{
    pol_builder b = pol_builder_new(r->arena);
    pol_value under = pol_undefined();
    while (r->items[r->at].kind != EVENT_END) {
        pol_value key, value;
        bool is_merge;
        uint32_t line = r->items[r->at].line;
        POL_TRY(read_key(r, depth + 1, &key, &is_merge));
        POL_TRY(read_node(r, depth + 1, &value));
        if (is_merge)
            POL_TRY(merge_into(r, value, &under, line));
        else
            pol_builder_put(&b, key, value);
    }
    r->at++;
    *out = pol_builder_object(&b);
    if (!pol_is_defined(under))
        return true;
    pol_builder all = pol_builder_new(r->arena);
    for (uint32_t i = 0; i < under.n; i++)
        pol_builder_put(&all, pol_member_key(under, i), pol_member_value(under, i));
    for (uint32_t i = 0; i < out->n; i++)
        pol_builder_put(&all, pol_member_key(*out, i), pol_member_value(*out, i));
    *out = pol_builder_object(&all);
    return true;
}

static bool read_node(reading *r, unsigned depth, pol_value *out)
{
    if (depth > YAML_NESTING_MAX)
        return pol_fail(r->err, POL_E_LIMIT, "YAML text: nested deeper than %d", YAML_NESTING_MAX);
    if (++r->n_made > YAML_ELEMENTS_MAX)
        return pol_fail(r->err, POL_E_LIMIT, "YAML text: more than %d elements after its aliases", YAML_ELEMENTS_MAX);
    uint32_t i = r->at++;
    switch (r->items[i].kind) {
    case EVENT_SEQUENCE:
        return read_sequence(r, depth, out);
    case EVENT_MAPPING:
        return read_mapping(r, depth, out);
    case EVENT_ALIAS:
        return read_alias(r, i, depth, out);
    default:
        *out = scalar_value(r, &r->items[i]);
        return true;
    }
}

static bool read_document(reading *r, pol_bytes text, pol_value *out)
{
    *out = pol_null();
    POL_TRY(read_events(r, text));
    if (r->n == 0)
        return true;
    return read_node(r, 0, out);
}

bool pol_yaml_read(pol_arena *arena, pol_bytes text, pol_value *out, pol_error *err)
{
    reading r = {.arena = arena, .err = err};
    return read_document(&r, text, out);
}

bool pol_yaml_read_first(pol_arena *arena, pol_bytes text, pol_value *out, pol_error *err)
{
    reading r = {.arena = arena, .err = err, .first = true};
    return read_document(&r, text, out);
}
