/* SPDX-License-Identifier: Apache-2.0
 * A JSON Schema as a type of the language, for `schema ... from "file.json"`. What the language has no word for (patterns, bounds, conditions) says nothing
 * here: such a part is of any type, or of the type beside it.
 */
#include "compiler/schema.h"

#include "runtime/engine.h"

/* References may go round, and each of many may lead to many. */
enum { SCHEMA_DEPTH_MAX = 32, SCHEMA_TYPES_MAX = 10000 };

typedef struct {
    pol_arena *arena;
    pol_value root;
    pol_span span;
    uint32_t n_types;
} reader;

static pol_type_node *read_type(reader *r, pol_value schema, unsigned depth);

static pol_type_node *new_node(reader *r, pol_type_kind kind)
{
    pol_type_node *t = POL_NEW(r->arena, pol_type_node);
    t->kind = (uint8_t)kind;
    t->span = r->span;
    return t;
}

static pol_type_node *named(reader *r, const char *name)
{
    pol_type_node *t = new_node(r, POL_TYPE_NAME);
    t->text = pol_bytes_text(name);
    return t;
}

static pol_type_node *literal(reader *r, pol_value v)
{
    static const uint8_t kinds[] = {
        [POL_NULL] = POL_TERM_NULL, [POL_BOOL] = POL_TERM_BOOL, [POL_INT] = POL_TERM_NUMBER, [POL_DOUBLE] = POL_TERM_NUMBER,
        [POL_DECIMAL] = POL_TERM_NUMBER, [POL_STRING] = POL_TERM_STRING,
    };
    char buf[POL_NUMBER_TEXT_MAX];
    if (v.tag < POL_NULL || v.tag > POL_STRING)
        return named(r, "any");
    pol_type_node *t = new_node(r, POL_TYPE_LITERAL);
    t->literal = pol_term_new(r->arena, (pol_term_kind)kinds[v.tag], r->span);
    t->literal->boolean = v.tag == POL_BOOL && pol_equal(v, pol_bool(true));
    if (v.tag == POL_STRING) {
        t->literal->text = pol_text(v);
    } else if (pol_is_number(v)) {
        pol_bytes text = pol_number_text(v, buf);
        t->literal->text = pol_bytes_of(pol_arena_copy(r->arena, text.at, text.n), text.n);
    }
    return t;
}

/* Each of list made a type by how; one alone is that type. */
static pol_type_node *one_of(reader *r, pol_value list, pol_type_node *(*how)(reader *, pol_value, unsigned), unsigned depth)
{
    if (list.tag != POL_ARRAY || list.n == 0)
        return named(r, "any");
    if (list.n == 1)
        return how(r, pol_element(list, 0), depth);
    pol_type_node *t = new_node(r, POL_TYPE_UNION);
    t->parts = POL_NEW_ARRAY(r->arena, pol_type_node *, list.n);
    for (uint32_t i = 0; i < list.n; i++)
        t->parts[t->n_parts++] = how(r, pol_element(list, i), depth);
    return t;
}

static pol_type_node *literal_part(reader *r, pol_value v, unsigned depth)
{
    (void)depth;
    return literal(r, v);
}

static bool is_required(pol_value schema, pol_value name)
{
    pol_value required = pol_object_member(schema, "required");
    for (uint32_t i = 0; required.tag == POL_ARRAY && i < required.n; i++)
        if (pol_equal(pol_element(required, i), name))
            return true;
    return false;
}

static pol_type_node *read_object(reader *r, pol_value schema, unsigned depth)
{
    pol_value properties = pol_object_member(schema, "properties"), others = pol_object_member(schema, "additionalProperties");
    if (properties.tag != POL_OBJECT) {
        pol_type_node *map = new_node(r, POL_TYPE_MAP);
        map->of = named(r, "string");
        map->to = others.tag == POL_OBJECT ? read_type(r, others, depth) : named(r, "any");
        return map;
    }
    pol_type_node *t = new_node(r, POL_TYPE_OBJECT);
    t->fields = POL_NEW_ARRAY(r->arena, pol_type_field, properties.n + 1);
    for (uint32_t i = 0; i < properties.n; i++) {
        pol_value name = pol_member_key(properties, i);
        t->fields[t->n_fields++] = (pol_type_field){
            .name = pol_text(name),
            .span = r->span,
            .optional = !is_required(schema, name),
            .type = read_type(r, pol_member_value(properties, i), depth),
        };
    }
    return t;
}

static pol_type_node *read_name(reader *r, pol_value schema, pol_bytes name, unsigned depth)
{
    static const struct {
        const char *name, *type;
    } names[] = {{"number", "number"}, {"integer", "integer"}, {"boolean", "bool"}, {"null", "null"}};
    if (pol_bytes_is(name, "object"))
        return read_object(r, schema, depth);
    if (pol_bytes_is(name, "array")) {
        pol_value items = pol_object_member(schema, "items");
        pol_type_node *t = new_node(r, POL_TYPE_ARRAY);
        t->of = items.tag == POL_OBJECT ? read_type(r, items, depth) : named(r, "any");
        return t;
    }
    if (pol_bytes_is(name, "string")) {
        pol_value format = pol_object_member(schema, "format");
        bool time = format.tag == POL_STRING && pol_bytes_is(pol_text(format), "date-time");
        return named(r, time ? "time" : "string");
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (pol_bytes_is(name, names[i].name))
            return named(r, names[i].type);
    return named(r, "any");
}

/* "#/$defs/address" within the file; undefined when it leads nowhere. */
static pol_value follow(reader *r, pol_bytes ref)
{
    pol_value v = r->root;
    if (!pol_bytes_starts(ref, POL_BYTES("#")))
        return pol_undefined();
    pol_value path = pol_path_split(r->arena, pol_bytes_of(ref.at + 1, ref.n - 1));
    for (uint32_t i = 0; i < path.n; i++)
        v = pol_object_get(v, pol_element(path, i));
    return v;
}

static pol_type_node *read_type(reader *r, pol_value schema, unsigned depth)
{
    if (schema.tag != POL_OBJECT || depth >= SCHEMA_DEPTH_MAX || ++r->n_types > SCHEMA_TYPES_MAX)
        return named(r, "any");
    pol_value ref = pol_object_member(schema, "$ref"), type = pol_object_member(schema, "type"), v;
    if (ref.tag == POL_STRING)
        return read_type(r, follow(r, pol_text(ref)), depth + 1);
    if (pol_is_defined(v = pol_object_member(schema, "const")))
        return literal(r, v);
    if (pol_is_defined(v = pol_object_member(schema, "enum")))
        return one_of(r, v, literal_part, depth + 1);
    if (pol_is_defined(v = pol_object_member(schema, "anyOf")) || pol_is_defined(v = pol_object_member(schema, "oneOf")))
        return one_of(r, v, read_type, depth + 1);
    if (type.tag == POL_STRING)
        return read_name(r, schema, pol_text(type), depth + 1);
    if (type.tag == POL_ARRAY && type.n) {
        pol_type_node *t = new_node(r, POL_TYPE_UNION);
        t->parts = POL_NEW_ARRAY(r->arena, pol_type_node *, type.n);
        for (uint32_t i = 0; i < type.n; i++)
            t->parts[t->n_parts++] =
                pol_element(type, i).tag == POL_STRING ? read_name(r, schema, pol_text(pol_element(type, i)), depth + 1) : named(r, "any");
        return t;
    }
    return pol_object_member(schema, "properties").tag == POL_OBJECT ? read_object(r, schema, depth + 1) : named(r, "any");
}

pol_type_node *pol_schema_of_json(pol_arena *arena, pol_value schema, pol_span span)
{
    reader r = {arena, schema, span, 0};
    return read_type(&r, schema, 0);
}
