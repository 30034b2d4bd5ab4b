/* SPDX-License-Identifier: Apache-2.0
 * Types: making, union, meeting, look-up, reading signatures. Unions are kept small: one of more
 * than UNION_MAX members is any, which only means that less is known.
 */
#include "compiler/types.h"
#include "runtime/json.h"

#include <stdlib.h>

enum { UNION_MAX = 32, WRITE_MAX = 4, SIZE_MAX_NODES = 1024, DEPTH_MAX = 24 };

static const pol_type any_type = {.kind = POL_TYPE_KIND_ANY};
static const pol_type scalars[] = {
    [POL_TYPE_KIND_NULL] = {.kind = POL_TYPE_KIND_NULL},
    [POL_TYPE_KIND_BOOL] = {.kind = POL_TYPE_KIND_BOOL},
    [POL_TYPE_KIND_NUMBER] = {.kind = POL_TYPE_KIND_NUMBER},
    [POL_TYPE_KIND_STRING] = {.kind = POL_TYPE_KIND_STRING},
};

const pol_type *pol_type_any(void)
{
    return &any_type;
}

const pol_type *pol_type_scalar(pol_kind kind)
{
    return &scalars[kind];
}

bool pol_type_is_any(const pol_type *t)
{
    return t->kind == POL_TYPE_KIND_ANY && t->n == 0;
}

static void measure(pol_type *t, const pol_type *part)
{
    if (!part)
        return;
    t->size += part->size + 1;
    if (part->depth + 1 > t->depth)
        t->depth = part->depth + 1;
}

/* A copy of t in arena, or any if it is too large. */
static const pol_type *make(pol_arena *arena, pol_type t)
{
    measure(&t, t.rest);
    measure(&t, t.keys);
    for (uint32_t i = 0; i < t.n && t.size < SIZE_MAX_NODES; i++)
        measure(&t, t.parts[i]);
    for (uint32_t i = 0; i < t.n_properties && t.size < SIZE_MAX_NODES; i++)
        measure(&t, t.properties[i].type);
    if (t.size >= SIZE_MAX_NODES || t.depth > DEPTH_MAX)
        return &any_type;
    pol_type *made = POL_NEW(arena, pol_type);
    *made = t;
    return made;
}

const pol_type *pol_type_array(pol_arena *arena, const pol_type **parts, uint32_t n,
                               const pol_type *rest)
{
    return make(arena,
                (pol_type){.kind = POL_TYPE_KIND_ARRAY, .parts = parts, .n = n, .rest = rest});
}

const pol_type *pol_type_set(pol_arena *arena, const pol_type *of)
{
    return make(arena, (pol_type){.kind = POL_TYPE_KIND_SET, .rest = of});
}

static int compare_properties(const void *a, const void *b)
{
    return pol_compare(((const pol_property *)a)->key, ((const pol_property *)b)->key);
}

const pol_type *pol_type_object(pol_arena *arena, pol_property *properties, uint32_t n,
                                const pol_type *keys, const pol_type *rest)
{
    uint32_t kept = 0;
    if (n)
        qsort(properties, n, sizeof *properties, compare_properties);
    for (uint32_t i = 0; i < n; i++) {
        if (kept && pol_equal(properties[kept - 1].key, properties[i].key))
            properties[kept - 1].type =
                pol_type_or(arena, properties[kept - 1].type, properties[i].type);
        else
            properties[kept++] = properties[i];
    }
    return make(arena, (pol_type){.kind = POL_TYPE_KIND_OBJECT,
                                  .properties = properties,
                                  .n_properties = kept,
                                  .keys = keys,
                                  .rest = rest});
}

/* ---- equality and union ---- */

static bool same(const pol_type *a, const pol_type *b)
{
    if (a == b)
        return true;
    if (!a || !b || a->kind != b->kind || a->n != b->n || a->n_properties != b->n_properties)
        return false;
    if (pol_is_defined(a->literal) != pol_is_defined(b->literal) ||
        (pol_is_defined(a->literal) && !pol_equal(a->literal, b->literal)))
        return false;
    for (uint32_t i = 0; i < a->n; i++)
        if (!same(a->parts[i], b->parts[i]))
            return false;
    for (uint32_t i = 0; i < a->n_properties; i++)
        if (!pol_equal(a->properties[i].key, b->properties[i].key) ||
            !same(a->properties[i].type, b->properties[i].type))
            return false;
    return same(a->rest, b->rest) && same(a->keys, b->keys);
}

static bool has_part(const pol_type *const *parts, uint32_t n, const pol_type *t)
{
    for (uint32_t i = 0; i < n; i++)
        if (same(parts[i], t))
            return true;
    return false;
}

const pol_type *pol_type_or(pol_arena *arena, const pol_type *a, const pol_type *b)
{
    if (!a || !b)
        return a ? a : b;
    if (a == b || pol_type_is_any(a) || pol_type_is_any(b))
        return pol_type_is_any(b) ? b : a;
    const pol_type *one_a[] = {a}, *one_b[] = {b};
    const pol_type *const *parts_a = a->kind == POL_TYPE_KIND_ANY ? a->parts : one_a;
    const pol_type *const *parts_b = b->kind == POL_TYPE_KIND_ANY ? b->parts : one_b;
    uint32_t n_a = a->kind == POL_TYPE_KIND_ANY ? a->n : 1,
             n_b = b->kind == POL_TYPE_KIND_ANY ? b->n : 1;
    const pol_type *parts[UNION_MAX];
    uint32_t n = 0;
    for (uint32_t i = 0; i < n_a; i++)
        parts[n++] = parts_a[i];
    for (uint32_t i = 0; i < n_b; i++) {
        if (has_part(parts, n, parts_b[i]))
            continue;
        if (n == UNION_MAX)
            return &any_type;
        parts[n++] = parts_b[i];
    }
    if (n == n_a)
        return a;
    const pol_type **kept = POL_NEW_ARRAY(arena, const pol_type *, n);
    memcpy(kept, parts, n * sizeof *parts);
    return make(arena, (pol_type){.kind = POL_TYPE_KIND_ANY, .n = n, .parts = kept});
}

/* ---- meeting ---- */

static const pol_type *type_of_scalar(pol_value v)
{
    switch (v.tag) {
    case POL_NULL:
        return &scalars[POL_TYPE_KIND_NULL];
    case POL_BOOL:
        return &scalars[POL_TYPE_KIND_BOOL];
    case POL_STRING:
        return &scalars[POL_TYPE_KIND_STRING];
    default:
        return &scalars[POL_TYPE_KIND_NUMBER];
    }
}

const pol_type *pol_type_literal(pol_arena *arena, pol_value scalar)
{
    return make(arena, (pol_type){.kind = type_of_scalar(scalar)->kind, .literal = scalar});
}

static const pol_type *element_of(const pol_type *array, uint64_t i)
{
    return i < array->n ? array->parts[i] : array->rest;
}

static const pol_type *property_of(const pol_type *object, pol_value key)
{
    uint32_t low = 0, high = object->n_properties;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = pol_compare(object->properties[middle].key, key);
        if (order == 0)
            return object->properties[middle].type;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return object->rest && object->keys && pol_types_meet(object->keys, type_of_scalar(key))
               ? object->rest
               : NULL;
}

static bool arrays_meet(const pol_type *a, const pol_type *b)
{
    uint32_t n = a->n > b->n ? a->n : b->n;
    for (uint32_t i = 0; i < n; i++)
        if (!pol_types_meet(element_of(a, i), element_of(b, i)))
            return false;
    return !a->rest || !b->rest || pol_types_meet(a->rest, b->rest);
}

static bool properties_meet(const pol_type *a, const pol_type *b)
{
    for (uint32_t i = 0; i < a->n_properties; i++)
        if (!pol_types_meet(a->properties[i].type, property_of(b, a->properties[i].key)))
            return false;
    return true;
}

bool pol_types_meet(const pol_type *a, const pol_type *b)
{
    if (!a || !b)
        return false;
    if (pol_type_is_any(a) || pol_type_is_any(b))
        return true;
    if (a->kind == POL_TYPE_KIND_ANY || b->kind == POL_TYPE_KIND_ANY) {
        const pol_type *both = a->kind == POL_TYPE_KIND_ANY ? a : b, *other = both == a ? b : a;
        for (uint32_t i = 0; i < both->n; i++)
            if (pol_types_meet(both->parts[i], other))
                return true;
        return false;
    }
    if (a->kind != b->kind)
        return false;
    switch ((pol_kind)a->kind) {
    case POL_TYPE_KIND_ARRAY:
        return arrays_meet(a, b);
    case POL_TYPE_KIND_OBJECT:
        return properties_meet(a, b) && properties_meet(b, a) &&
               (!a->rest || !b->rest || pol_types_meet(a->rest, b->rest));
    case POL_TYPE_KIND_SET:
        return pol_types_meet(a->rest, b->rest);
    default:
        return !pol_is_defined(a->literal) || !pol_is_defined(b->literal) ||
               pol_equal(a->literal, b->literal);
    }
}

static int kind_of(const pol_type *t)
{
    int kind = t->kind == POL_TYPE_KIND_ANY ? -1 : t->kind;
    for (uint32_t i = 0; t->kind == POL_TYPE_KIND_ANY && i < t->n; i++) {
        int part = kind_of(t->parts[i]);
        if (part < 0 || (i && part != kind))
            return -1;
        kind = part;
    }
    return kind;
}

bool pol_type_is_one_kind(const pol_type *a, const pol_type *b)
{
    return kind_of(a) >= 0 && kind_of(a) == kind_of(b);
}

/* ---- look-up ---- */

const pol_type *pol_type_keys(pol_arena *arena, const pol_type *t)
{
    const pol_type *keys = NULL;
    switch ((pol_kind)t->kind) {
    case POL_TYPE_KIND_ARRAY:
        return &scalars[POL_TYPE_KIND_NUMBER];
    case POL_TYPE_KIND_SET:
        return t->rest;
    case POL_TYPE_KIND_OBJECT:
        keys = t->keys;
        for (uint32_t i = 0; i < t->n_properties; i++)
            keys = pol_type_or(arena, keys, type_of_scalar(t->properties[i].key));
        return keys;
    case POL_TYPE_KIND_ANY:
        if (t->n == 0)
            return t;
        for (uint32_t i = 0; i < t->n; i++)
            keys = pol_type_or(arena, keys, pol_type_keys(arena, t->parts[i]));
        return keys;
    default:
        return NULL;
    }
}

const pol_type *pol_type_values(pol_arena *arena, const pol_type *t)
{
    const pol_type *values = NULL;
    switch ((pol_kind)t->kind) {
    case POL_TYPE_KIND_SET:
        return t->rest;
    case POL_TYPE_KIND_ARRAY:
        values = t->rest;
        for (uint32_t i = 0; i < t->n; i++)
            values = pol_type_or(arena, values, t->parts[i]);
        return values;
    case POL_TYPE_KIND_OBJECT:
        values = t->rest;
        for (uint32_t i = 0; i < t->n_properties; i++)
            values = pol_type_or(arena, values, t->properties[i].type);
        return values;
    case POL_TYPE_KIND_ANY:
        if (t->n == 0)
            return t;
        for (uint32_t i = 0; i < t->n; i++)
            values = pol_type_or(arena, values, pol_type_values(arena, t->parts[i]));
        return values;
    default:
        return NULL;
    }
}

const pol_type *pol_type_select(pol_arena *arena, const pol_type *t, pol_value key)
{
    const pol_type *found = NULL;
    int64_t i;
    switch ((pol_kind)t->kind) {
    case POL_TYPE_KIND_ARRAY:
        if (!pol_is_number(key) || !pol_number_int64(key, &i) || i < 0)
            return NULL;
        return element_of(t, (uint64_t)i);
    case POL_TYPE_KIND_OBJECT:
        return property_of(t, key);
    case POL_TYPE_KIND_SET:
        return pol_types_meet(t->rest, type_of_scalar(key)) ? type_of_scalar(key) : NULL;
    case POL_TYPE_KIND_ANY:
        if (t->n == 0)
            return t;
        for (uint32_t k = 0; k < t->n; k++)
            found = pol_type_or(arena, found, pol_type_select(arena, t->parts[k], key));
        return found;
    default:
        return NULL;
    }
}

/* ---- signatures ---- */

typedef struct {
    pol_arena *arena;
    const char *at;
    unsigned depth;
} reader;

static const pol_type *read_union(reader *r);

static void skip_blanks(reader *r)
{
    while (*r->at == ' ')
        r->at++;
}

static bool take(reader *r, char c)
{
    skip_blanks(r);
    if (*r->at != c)
        return false;
    r->at++;
    return true;
}

static pol_bytes read_name(reader *r)
{
    skip_blanks(r);
    const char *start = r->at;
    while ((*r->at >= 'a' && *r->at <= 'z') || (*r->at >= 'A' && *r->at <= 'Z') ||
           (*r->at >= '0' && *r->at <= '9') || *r->at == '_')
        r->at++;
    return pol_bytes_of(start, (size_t)(r->at - start));
}

/* "name:" if it is there. */
static pol_bytes read_label(reader *r)
{
    const char *before = r->at;
    pol_bytes name = read_name(r);
    if (name.n && take(r, ':'))
        return name;
    r->at = before;
    return pol_bytes_of(NULL, 0);
}

static const pol_type *read_fixed_array(reader *r)
{
    const pol_type **parts = NULL;
    uint32_t n = 0, capacity = 0;
    if (take(r, ']'))
        return pol_type_array(r->arena, NULL, 0, NULL);
    do {
        const pol_type *t = read_union(r);
        if (!t)
            return NULL;
        POL_GROW(r->arena, parts, n, capacity);
        parts[n++] = t;
    } while (take(r, ','));
    return take(r, ']') ? pol_type_array(r->arena, parts, n, NULL) : NULL;
}

static const pol_type *read_fixed_object(reader *r)
{
    pol_property *properties = NULL;
    uint32_t n = 0, capacity = 0;
    const pol_type *others = NULL;
    do {
        if (take(r, '.')) { /* ", ...": and any others */
            others = &any_type;
            if (!take(r, '.') || !take(r, '.'))
                return NULL;
            break;
        }
        pol_bytes name = read_label(r);
        const pol_type *t = name.n ? read_union(r) : NULL;
        if (!t)
            return NULL;
        POL_GROW(r->arena, properties, n, capacity);
        properties[n++] = (pol_property){pol_string(name), t};
    } while (take(r, ','));
    return take(r, '}') ? pol_type_object(r->arena, properties, n, others, others) : NULL;
}

static const pol_type *read_object(reader *r)
{
    if (!take(r, '['))
        return pol_type_object(r->arena, NULL, 0, &any_type, &any_type);
    const pol_type *keys = read_union(r);
    const pol_type *values = keys && take(r, ':') ? read_union(r) : NULL;
    return values && take(r, ']') ? pol_type_object(r->arena, NULL, 0, keys, values) : NULL;
}

static const pol_type *read_one(reader *r)
{
    if (take(r, '['))
        return read_fixed_array(r);
    if (take(r, '{'))
        return read_fixed_object(r);
    pol_bytes name = read_name(r);
    static const char *const names[] = {"null", "boolean", "number", "string"};
    for (int i = 0; i < 4; i++)
        if (pol_bytes_is(name, names[i]))
            return &scalars[i];
    if (pol_bytes_is(name, "any"))
        return &any_type;
    if (pol_bytes_is(name, "object"))
        return read_object(r);
    bool array = pol_bytes_is(name, "array");
    if (!array && !pol_bytes_is(name, "set"))
        return NULL;
    const pol_type *of = &any_type;
    if (take(r, '[') && (!(of = read_union(r)) || !take(r, ']')))
        return NULL;
    return array ? pol_type_array(r->arena, NULL, 0, of) : pol_type_set(r->arena, of);
}

static const pol_type *read_union(reader *r)
{
    const pol_type *t = NULL;
    if (++r->depth > 32)
        return NULL;
    do {
        const pol_type *one = read_one(r);
        if (!one)
            return NULL;
        t = pol_type_or(r->arena, t, one);
    } while (take(r, '|'));
    r->depth--;
    return t;
}

bool pol_signature_read(pol_arena *arena, const char *text, pol_signature *out)
{
    reader r = {arena, text, 0};
    uint32_t capacity = 0;
    *out = (pol_signature){0};
    if (!take(&r, '('))
        return false;
    if (!take(&r, ')')) {
        do {
            read_label(&r);
            bool variadic = false;
            while (take(&r, '.'))
                variadic = true;
            const pol_type *t = read_union(&r);
            if (!t)
                return false;
            if (variadic || take(&r, '.'))
                out->rest = t;
            while (take(&r, '.'))
                ;
            if (out->rest)
                continue;
            POL_GROW(arena, out->arguments, out->n, capacity);
            out->arguments[out->n++] = t;
        } while (take(&r, ','));
        if (!take(&r, ')'))
            return false;
    }
    skip_blanks(&r);
    if (strcmp(r.at, "none") == 0)
        return true;
    read_label(&r);
    out->result = read_union(&r);
    skip_blanks(&r);
    return out->result && *r.at == '\0';
}

/* ---- writing ---- */

static void write_type(pol_buf *out, const pol_type *t, unsigned depth);

static void write_list(pol_buf *out, const pol_type *const *parts, uint32_t n, const char *between,
                       unsigned depth)
{
    for (uint32_t i = 0; i < n; i++) {
        if (i)
            pol_buf_text(out, between);
        if (i == WRITE_MAX * 2) {
            pol_buf_text(out, "...");
            return;
        }
        write_type(out, parts[i], depth);
    }
}

static void write_object(pol_buf *out, const pol_type *t, unsigned depth)
{
    if (!t->n_properties) {
        pol_buf_text(out, "object[");
        write_type(out, t->keys, depth);
        pol_buf_text(out, ": ");
        write_type(out, t->rest, depth);
        pol_buf_byte(out, ']');
        return;
    }
    pol_buf_byte(out, '{');
    for (uint32_t i = 0; i < t->n_properties; i++) {
        if (i)
            pol_buf_text(out, ", ");
        if (i == WRITE_MAX * 2) {
            pol_buf_text(out, "...");
            break;
        }
        pol_value key = t->properties[i].key;
        if (key.tag == POL_STRING)
            pol_buf_quoted(out, pol_text(key), 40);
        else
            pol_buf_text(out, pol_type_name(key));
        pol_buf_text(out, ": ");
        write_type(out, t->properties[i].type, depth);
    }
    pol_buf_byte(out, '}');
}

static void write_type(pol_buf *out, const pol_type *t, unsigned depth)
{
    static const char *const names[] = {"null", "boolean", "number", "string"};
    if (!t || depth > WRITE_MAX) {
        pol_buf_text(out, t ? "..." : "nothing");
        return;
    }
    switch ((pol_kind)t->kind) {
    case POL_TYPE_KIND_ARRAY:
        if (t->rest && !t->n)
            pol_buf_text(out, "array");
        pol_buf_byte(out, '[');
        write_list(out, t->parts, t->n, ", ", depth + 1);
        if (t->rest) {
            pol_buf_text(out, t->n ? ", ..." : "");
            write_type(out, t->rest, depth + 1);
        }
        pol_buf_byte(out, ']');
        return;
    case POL_TYPE_KIND_SET:
        pol_buf_text(out, "set[");
        write_type(out, t->rest, depth + 1);
        pol_buf_byte(out, ']');
        return;
    case POL_TYPE_KIND_OBJECT:
        write_object(out, t, depth + 1);
        return;
    case POL_TYPE_KIND_ANY:
        if (t->n == 0)
            pol_buf_text(out, "any");
        else
            write_list(out, t->parts, t->n, " | ", depth + 1);
        return;
    default:
        if (t->literal.tag == POL_STRING)
            pol_buf_quoted(out, pol_text(t->literal), 40);
        else if (pol_is_defined(t->literal))
            pol_json_write(out, t->literal, POL_JSON_COMPACT);
        else
            pol_buf_text(out, names[t->kind]);
    }
}

void pol_type_write(pol_buf *out, const pol_type *t)
{
    write_type(out, t, 0);
}
