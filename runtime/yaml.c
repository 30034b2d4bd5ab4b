/* SPDX-License-Identifier: Apache-2.0
 * YAML text into values, in two passes: libyaml's events are kept in the arena while its parser is open, by the allocation that
 * cannot jump; values are made of them when it is closed. Knows which plain scalars are null, booleans and numbers.
 */
#include "runtime/yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <yaml.h>

enum {
    YAML_NESTING_MAX = 500,    /* of collections */
    YAML_ELEMENTS_MAX = 4000000, /* after aliases are resolved: a small text must not become a huge value */
    YAML_SEARCH_MAX = 100000000, /* events looked at for the anchors of all aliases */
};

typedef enum { EVENT_SCALAR, EVENT_ALIAS, EVENT_SEQUENCE, EVENT_MAPPING, EVENT_END } event_kind;

/* What a scalar says of itself; SCALAR_PLAIN is one without quotes and tag, SCALAR_TEXT one with quotes or a tag of somebody's own. */
typedef enum { SCALAR_PLAIN, SCALAR_TEXT, SCALAR_BINARY, SCALAR_INT, SCALAR_FLOAT, SCALAR_BOOL, SCALAR_NULL } scalar_tag;

typedef struct {
    uint8_t kind;
    uint8_t tag; /* of a scalar: scalar_tag */
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

static const char *const tag_names[] = {[SCALAR_BINARY] = "binary", [SCALAR_INT] = "int", [SCALAR_FLOAT] = "float", [SCALAR_BOOL] = "bool",
                                        [SCALAR_NULL] = "null"};

static scalar_tag tag_of(const char *tag, bool plain)
{
    static const char prefix[] = "tag:yaml.org,2002:";
    if (!tag)
        return plain ? SCALAR_PLAIN : SCALAR_TEXT;
    for (scalar_tag i = SCALAR_BINARY; i <= SCALAR_NULL; i++)
        if (strncmp(tag, prefix, sizeof prefix - 1) == 0 && strcmp(tag + sizeof prefix - 1, tag_names[i]) == 0)
            return i;
    return SCALAR_TEXT;
}

POL_MUST_USE static bool keep_scalar(reading *r, const yaml_event_t *from)
{
    POL_TRY(keep_node(r, from, EVENT_SCALAR, from->data.scalar.anchor));
    event *e = &r->items[r->n - 1];
    e->tag = (uint8_t)tag_of((const char *)from->data.scalar.tag, from->data.scalar.style == YAML_PLAIN_SCALAR_STYLE);
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

/* "-12", "3.5", ".5", "1e3", "08" as the text of a JSON number in out, the point or the exponent of which says that it is a float; false
 * when it is none. */
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
    for (; i + 1 < s.n && s.at[i] == '0' && s.at[i + 1] >= '0' && s.at[i + 1] <= '9'; i++)
        ;
    for (; i < s.n && (s.at[i] >= '0' && s.at[i] <= '9'); i++, digits++)
        out[n++] = (char)s.at[i];
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

/* 0x1f, 0b101, 0o17, 017 and a leading minus; false when it is none or does not fit int64. */
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

/* The text of a number without the underscores that YAML 1.1 allows behind its first character. */
static pol_bytes without_underscores(const reading *r, pol_bytes s)
{
    if (s.n == 0 || s.at[0] == '_' || !memchr(s.at, '_', s.n))
        return s;
    uint8_t *out = pol_arena_alloc(r->arena, s.n);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        if (s.at[i] != '_')
            out[n++] = s.at[i];
    return pol_bytes_of(out, n);
}

/* A number as YAML says it; undefined when it is none. What is no integer of 64 bits is a double. */
static pol_value number_value(const reading *r, pol_bytes s)
{
    pol_bytes digits = without_underscores(r, s);
    int64_t i;
    char text[64];
    if (based_integer(digits, &i))
        return pol_int(i);
    if (!decimal_text(digits, text))
        return pol_undefined();
    if (!strpbrk(text, ".e")) {
        errno = 0;
        i = strtoll(text, NULL, 10);
        if (errno == 0)
            return pol_int(i);
        errno = 0;
        strtoull(text, NULL, 10);
        if (errno == 0 && text[0] != '-')
            return pol_number_read(pol_bytes_of(pol_arena_copy(r->arena, text, strlen(text)), strlen(text)));
    }
    return pol_number_double(r->arena, strtod(text, NULL));
}

/* What plain text is: null, a boolean, a number, or else undefined. */
static pol_value resolve(const reading *r, pol_bytes s)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", NULL};
    static const char *const falses[] = {"false", "False", "FALSE", NULL};
    if (is_one_of(s, nulls))
        return pol_null();
    if (is_one_of(s, trues))
        return pol_bool(true);
    if (is_one_of(s, falses))
        return pol_bool(false);
    return number_value(r, s);
}

POL_MUST_USE static bool binary_value(const reading *r, const event *e, pol_value *out)
{
    uint8_t *bytes = pol_arena_alloc(r->arena, e->text.n + 1);
    size_t n;
    if (!pol_base64_decode(bytes, &n, e->text, POL_BASE64, false) || !pol_utf8_valid(pol_bytes_of(bytes, n)))
        return pol_fail(r->err, POL_E_JSON, "YAML text, line %u, column %u: what is tagged !!binary is no base64 of text", e->line, e->column);
    *out = pol_string(pol_bytes_of(bytes, n));
    return true;
}

POL_MUST_USE static bool scalar_value(const reading *r, const event *e, pol_value *out)
{
    static const char *const no_json[] = {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF", ".nan", ".NaN", ".NAN", NULL};
    if (e->tag == SCALAR_BINARY)
        return binary_value(r, e, out);
    pol_value v = e->tag == SCALAR_TEXT ? pol_undefined() : resolve(r, e->text);
    bool fits = e->tag == SCALAR_INT     ? v.tag == POL_INT || (pol_is_number(v) && pol_number_is_integer(v))
                : e->tag == SCALAR_FLOAT ? pol_is_number(v)
                : e->tag == SCALAR_BOOL  ? v.tag == POL_BOOL
                : e->tag == SCALAR_NULL  ? v.tag == POL_NULL
                                         : true;
    if (!fits)
        return pol_fail(r->err, POL_E_JSON, "YAML text, line %u, column %u: what is tagged !!%s is none", e->line, e->column, tag_names[e->tag]);
    if (e->tag == SCALAR_PLAIN && is_one_of(e->text, no_json))
        return pol_fail(r->err, POL_E_JSON, "YAML text, line %u, column %u: JSON has no such number", e->line, e->column);
    *out = pol_is_defined(v) ? v : pol_string(e->text);
    return true;
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
    *is_merge = e->kind == EVENT_SCALAR && e->tag == SCALAR_PLAIN && pol_bytes_is(e->text, "<<");
    POL_TRY(read_node(r, depth, key));
    if (key->tag == POL_STRING)
        return true;
    if (pol_is_collection(*key) || key->tag == POL_NULL)
        return pol_fail(r->err, POL_E_JSON, "YAML text, line %u, column %u: a key must be text, a number or a boolean", e->line, e->column);
    char number[POL_NUMBER_TEXT_MAX];
    pol_bytes text = key->tag == POL_BOOL && key->n ? POL_BYTES("true")
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
        return scalar_value(r, &r->items[i], out);
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
