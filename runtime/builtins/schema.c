/* SPDX-License-Identifier: Apache-2.0
 * JSON Schema: one function for each group of keywords, over one table of what a keyword's value
 * has to be. The texts of failures are those that policies written for OPA expect.
 */
#include "runtime/builtins/schema.h"

#include "runtime/builtins/patch.h"
#include "runtime/builtins/writer.h"
#include "runtime/json.h"
#include "runtime/pattern.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>

enum { NESTING_MAX = 300, TEXT_MAX = 300 };

/* Where a value stands in the document. */
typedef struct place {
    const struct place *up;
    pol_value segment;
} place;

typedef struct {
    pol_eval *ev;
    pol_value root; /* the schema */
    pol_builder failures;
    uint32_t n_failures;
    unsigned quiet; /* above 0 failures are counted only */
    unsigned nesting;
} validation;

static pol_value keyword(pol_value schema, const char *name)
{
    return pol_object_member(schema, name);
}

static bool is_list(pol_value v)
{
    return v.tag == POL_ARRAY || v.tag == POL_SET;
}

/* ---- the schema itself ---- */

static const char type_names[] = "array boolean integer number null object string";

static bool is_type_name(pol_value v)
{
    static const char *const names[] = {"array", "boolean", "integer", "number",
                                        "null",  "object",  "string"};
    for (size_t i = 0; v.tag == POL_STRING && i < sizeof names / sizeof *names; i++)
        if (pol_bytes_is(pol_text(v), names[i]))
            return true;
    return false;
}

typedef enum {
    SCHEMA,
    SCHEMAS,
    SCHEMA_OR_LIST,
    SCHEMA_MAP,
    STRING,
    STRINGS,
    NUMBER,
    COUNT,
    BOOLEAN,
    NUMBER_OR_BOOLEAN,
    LIST,
    OBJECT
} keyword_form;

static const struct {
    const char *name;
    keyword_form form;
    const char *wanted;
} keywords[] = {
    {"additionalItems", SCHEMA, "a schema"},
    {"additionalProperties", SCHEMA, "a schema"},
    {"allOf", SCHEMAS, "an array of schemas"},
    {"anyOf", SCHEMAS, "an array of schemas"},
    {"contains", SCHEMA, "a schema"},
    {"definitions", SCHEMA_MAP, "an object of schemas"},
    {"dependencies", OBJECT, "an object"},
    {"else", SCHEMA, "a schema"},
    {"enum", LIST, "an array"},
    {"exclusiveMaximum", NUMBER_OR_BOOLEAN, "a number"},
    {"exclusiveMinimum", NUMBER_OR_BOOLEAN, "a number"},
    {"format", STRING, "a string"},
    {"if", SCHEMA, "a schema"},
    {"items", SCHEMA_OR_LIST, "a schema or an array of schemas"},
    {"maximum", NUMBER, "a number"},
    {"maxItems", COUNT, "a whole number from 0"},
    {"maxLength", COUNT, "a whole number from 0"},
    {"maxProperties", COUNT, "a whole number from 0"},
    {"minimum", NUMBER, "a number"},
    {"minItems", COUNT, "a whole number from 0"},
    {"minLength", COUNT, "a whole number from 0"},
    {"minProperties", COUNT, "a whole number from 0"},
    {"multipleOf", NUMBER, "a number"},
    {"not", SCHEMA, "a schema"},
    {"oneOf", SCHEMAS, "an array of schemas"},
    {"pattern", STRING, "a string"},
    {"patternProperties", SCHEMA_MAP, "an object of schemas"},
    {"properties", SCHEMA_MAP, "an object of schemas"},
    {"propertyNames", SCHEMA, "a schema"},
    {"required", STRINGS, "an array of strings"},
    {"then", SCHEMA, "a schema"},
    {"uniqueItems", BOOLEAN, "a boolean"},
    {"$ref", STRING, "a string"},
};

static const char *find_fault(pol_eval *ev, pol_value schema, unsigned nesting);

static const char *fault_in(pol_eval *ev, pol_value schemas, unsigned nesting)
{
    const char *fault = NULL;
    for (uint32_t i = 0; i < schemas.n && !fault; i++)
        fault = find_fault(
            ev, schemas.tag == POL_OBJECT ? pol_member_value(schemas, i) : pol_element(schemas, i),
            nesting);
    return fault;
}

static bool is_of_form(pol_value v, keyword_form form)
{
    int64_t count;
    switch (form) {
    case SCHEMA:
        return v.tag == POL_OBJECT || v.tag == POL_BOOL;
    case SCHEMAS:
    case LIST:
        return is_list(v);
    case SCHEMA_OR_LIST:
        return is_list(v) || v.tag == POL_OBJECT || v.tag == POL_BOOL;
    case SCHEMA_MAP:
    case OBJECT:
        return v.tag == POL_OBJECT;
    case STRING:
        return v.tag == POL_STRING;
    case STRINGS:
        for (uint32_t i = 0; is_list(v) && i < v.n; i++)
            if (pol_element(v, i).tag != POL_STRING)
                return false;
        return is_list(v);
    case NUMBER:
        return pol_is_number(v);
    case COUNT:
        return pol_is_number(v) && pol_number_int64(v, &count) && count >= 0;
    case BOOLEAN:
        return v.tag == POL_BOOL;
    case NUMBER_OR_BOOLEAN:
        return pol_is_number(v) || v.tag == POL_BOOL;
    }
    return false;
}

static const char *type_fault(pol_eval *ev, pol_value type)
{
    uint32_t n = is_list(type) ? type.n : 1;
    for (uint32_t i = 0; i < n; i++) {
        pol_value name = is_list(type) ? pol_element(type, i) : type;
        if (name.tag != POL_STRING)
            return "Invalid type. Expected: string/array of strings, given: type";
        if (!is_type_name(name))
            return pol_arena_printf(pol_eval_arena(ev),
                                    "has a primitive type that is NOT VALID -- given: /%.*s/ "
                                    "Expected valid values are:[%s]",
                                    (int)(name.n < TEXT_MAX ? name.n : TEXT_MAX),
                                    (const char *)name.text, type_names);
    }
    return NULL;
}

static const char *find_fault(pol_eval *ev, pol_value schema, unsigned nesting)
{
    pol_charge(ev, 1);
    if (schema.tag == POL_BOOL)
        return NULL;
    if (schema.tag != POL_OBJECT)
        return nesting ? "Invalid type. Expected: object or boolean, given: schema" : "schema is invalid";
    if (nesting > NESTING_MAX)
        return "the schema is nested too deep";
    pol_value type = keyword(schema, "type");
    const char *fault = pol_is_defined(type) ? type_fault(ev, type) : NULL;
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords && !fault; i++) {
        pol_value v = keyword(schema, keywords[i].name);
        keyword_form form = keywords[i].form;
        if (!pol_is_defined(v))
            continue;
        if (!is_of_form(v, form))
            return pol_arena_printf(pol_eval_arena(ev), "%s must be %s", keywords[i].name,
                                    keywords[i].wanted);
        if (form == SCHEMAS || form == SCHEMA_MAP || (form == SCHEMA_OR_LIST && is_list(v)))
            fault = fault_in(ev, v, nesting + 1);
        else if (form == SCHEMA || form == SCHEMA_OR_LIST)
            fault = find_fault(ev, v, nesting + 1);
    }
    return fault;
}

const char *pol_schema_fault(pol_eval *ev, pol_value schema)
{
    return find_fault(ev, schema, 0);
}

/* ---- failures ---- */

static void write_place(pol_writer *w, const place *at)
{
    if (!at)
        return;
    write_place(w, at->up);
    if (w->n)
        pol_writer_byte(w, '.');
    pol_writer_value(w, at->segment);
}

static void add_failure(validation *v, const place *at, const char *type, const char *fmt, ...)
    POL_PRINTF(4, 5);

static void add_failure(validation *v, const place *at, const char *type, const char *fmt, ...)
{
    v->n_failures++;
    if (v->quiet)
        return;
    char text[2 * TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    pol_arena *arena = pol_eval_arena(v->ev);
    pol_writer field = pol_writer_new(v->ev, 16), error = pol_writer_new(v->ev, 64);
    write_place(&field, at);
    if (field.n == 0)
        pol_writer_text(&field, "(Root)");
    pol_writer_bytes(&error, pol_writer_view(&field));
    pol_writer_text(&error, ": ");
    pol_writer_text(&error, text);
    pol_builder b = pol_builder_new(arena);
    pol_builder_put_text(&b, "desc", pol_string_copy(arena, pol_bytes_text(text)));
    pol_builder_put_text(&b, "error", pol_writer_string(&error));
    pol_builder_put_text(&b, "field", pol_writer_string(&field));
    pol_builder_put_text(&b, "type", pol_string_text(type));
    pol_builder_add(&v->failures, pol_builder_object(&b));
}

/* A value's JSON text for a message; the buffer is emptied before anything else is made. */
static const char *shown(validation *v, pol_value value)
{
    pol_charge_value(v->ev, value);
    pol_buf buf = {0};
    pol_json_write(&buf, value, POL_JSON_COMPACT);
    pol_bytes text = pol_text(pol_string_take(v->ev, &buf));
    return pol_arena_printf(pol_eval_arena(v->ev), "%.*s",
                            (int)(text.n < TEXT_MAX ? text.n : TEXT_MAX), (const char *)text.at);
}

static const char *plain(validation *v, pol_value string)
{
    return pol_arena_printf(pol_eval_arena(v->ev), "%.*s",
                            (int)(string.n < TEXT_MAX ? string.n : TEXT_MAX),
                            (const char *)string.text);
}

/* ---- validating ---- */

static void validate(validation *v, pol_value value, pol_value schema, const place *at);

/* Whether value fits schema, nothing being reported. */
static bool fits(validation *v, pol_value value, pol_value schema)
{
    uint32_t before = v->n_failures;
    v->quiet++;
    validate(v, value, schema, NULL);
    v->quiet--;
    bool ok = v->n_failures == before;
    v->n_failures = before;
    return ok;
}

static const char *json_type(pol_value v)
{
    if (pol_is_number(v))
        return pol_number_is_integer(v) ? "integer" : "number";
    return v.tag == POL_SET ? "array" : pol_type_name(v);
}

static bool has_type(pol_value value, pol_value name)
{
    const char *type = json_type(value);
    return pol_bytes_is(pol_text(name), type) ||
           (pol_is_number(value) && pol_bytes_is(pol_text(name), "number"));
}

static void check_type(validation *v, pol_value value, pol_value schema, const place *at)
{
    pol_value type = keyword(schema, "type");
    if (!pol_is_defined(type))
        return;
    if (type.tag == POL_STRING) {
        if (!has_type(value, type))
            add_failure(v, at, "invalid_type", "Invalid type. Expected: %s, given: %s",
                        plain(v, type), json_type(value));
        return;
    }
    pol_writer names = pol_writer_new(v->ev, 32);
    for (uint32_t i = 0; i < type.n; i++) {
        if (has_type(value, pol_element(type, i)))
            return;
        pol_writer_text(&names, i ? "," : "[");
        pol_writer_value(&names, pol_element(type, i));
    }
    pol_writer_add(&names, "]", 2);
    add_failure(v, at, "invalid_type", "Invalid type. Expected: %s, given: %s",
                (const char *)names.at, json_type(value));
}

static void check_values(validation *v, pol_value value, pol_value schema, const place *at)
{
    pol_value allowed = keyword(schema, "enum"), constant = keyword(schema, "const");
    if (pol_is_defined(constant) && !pol_equal(value, constant))
        add_failure(v, at, "const", "%s does not match: %s", at ? shown(v, at->segment) : "(Root)",
                    shown(v, constant));
    if (!pol_is_defined(allowed))
        return;
    pol_writer texts = pol_writer_new(v->ev, 64);
    for (uint32_t i = 0; i < allowed.n; i++) {
        pol_charge(v->ev, 1);
        if (pol_equal(value, pol_element(allowed, i)))
            return;
        pol_writer_text(&texts, i ? ", " : "");
        pol_writer_text(&texts, shown(v, pol_element(allowed, i)));
    }
    pol_writer field = pol_writer_new(v->ev, 16);
    write_place(&field, at);
    add_failure(v, at, "enum", "%.*s must be one of the following: %.*s",
                field.n ? (int)(field.n < 100 ? field.n : 100) : 6,
                field.n ? (const char *)field.at : "(Root)",
                (int)(texts.n < TEXT_MAX ? texts.n : TEXT_MAX), (const char *)texts.at);
}

static uint32_t count_fitting(validation *v, pol_value value, pol_value schemas)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < schemas.n; i++)
        n += fits(v, value, pol_element(schemas, i));
    return n;
}

static void check_combinations(validation *v, pol_value value, pol_value schema, const place *at)
{
    pol_value all = keyword(schema, "allOf"), any = keyword(schema, "anyOf"),
              one = keyword(schema, "oneOf"), none = keyword(schema, "not");
    pol_value condition = keyword(schema, "if");
    if (pol_is_defined(any) && count_fitting(v, value, any) == 0)
        add_failure(v, at, "number_any_of", "Must validate at least one schema (anyOf)");
    if (pol_is_defined(one) && count_fitting(v, value, one) != 1)
        add_failure(v, at, "number_one_of", "Must validate one and only one schema (oneOf)");
    uint32_t before = v->n_failures;
    for (uint32_t i = 0; pol_is_defined(all) && i < all.n; i++)
        validate(v, value, pol_element(all, i), at);
    if (v->n_failures > before)
        add_failure(v, at, "number_all_of", "Must validate all the schemas (allOf)");
    if (pol_is_defined(none) && fits(v, value, none))
        add_failure(v, at, "number_not", "Must not validate the schema (not)");
    if (!pol_is_defined(condition))
        return;
    bool holds = fits(v, value, condition);
    pol_value branch = keyword(schema, holds ? "then" : "else");
    if (pol_is_defined(branch) && !fits(v, value, branch))
        add_failure(v, at, holds ? "condition_then" : "condition_else",
                    "Must validate \"%s\" as \"if\" was %s", holds ? "then" : "else",
                    holds ? "valid" : "not valid");
}

/* True, and *limit set, when the keyword is there. */
static bool has_limit(pol_value schema, const char *name, int64_t *limit)
{
    pol_value v = keyword(schema, name);
    return pol_is_defined(v) && pol_number_int64(v, limit);
}

static bool is_unique(validation *v, pol_value list)
{
    if (list.tag == POL_SET)
        return true;
    pol_builder b = pol_builder_new(pol_eval_arena(v->ev));
    pol_charge(v->ev, list.n);
    for (uint32_t i = 0; i < list.n; i++)
        pol_builder_add(&b, pol_element(list, i));
    return pol_builder_set(&b).n == list.n;
}

static void check_items(validation *v, pol_value list, pol_value schema, const place *at)
{
    pol_value items = keyword(schema, "items"), more = keyword(schema, "additionalItems"),
              contains = keyword(schema, "contains");
    int64_t limit;
    bool contained = false;
    for (uint32_t i = 0; i < list.n; i++) {
        place below = {at, pol_int(i)};
        pol_value element = pol_element(list, i);
        if (pol_is_defined(items) && !is_list(items))
            validate(v, element, items, &below);
        else if (pol_is_defined(items) && i < items.n)
            validate(v, element, pol_element(items, i), &below);
        else if (pol_is_defined(items) && more.tag == POL_OBJECT)
            validate(v, element, more, &below);
        contained = contained || (pol_is_defined(contains) && fits(v, element, contains));
    }
    if (is_list(items) && pol_is_false(more) && list.n > items.n)
        add_failure(v, at, "array_no_additional_items", "No additional items allowed on array");
    if (pol_is_defined(contains) && !contained)
        add_failure(v, at, "contains", "At least one of the items must match");
    if (has_limit(schema, "minItems", &limit) && list.n < limit)
        add_failure(v, at, "array_min_items", "Array must have at least %lld items",
                    (long long)limit);
    if (has_limit(schema, "maxItems", &limit) && list.n > limit)
        add_failure(v, at, "array_max_items", "Array must have at most %lld items",
                    (long long)limit);
    if (pol_is_true(keyword(schema, "uniqueItems")) && !is_unique(v, list))
        add_failure(v, at, "unique", "array items must be unique");
}

static bool matches(validation *v, pol_value pattern, pol_value text)
{
    const struct pol_pattern *p = pol_eval_pattern(v->ev, pol_text(pattern));
    pol_charge_search(v->ev, pol_text(pattern), pol_text(text));
    return p && pol_pattern_matches(p, pol_text(text));
}

static void check_member(validation *v, pol_value key, pol_value value, pol_value schema,
                         const place *at)
{
    pol_value properties = keyword(schema, "properties"),
              patterns = keyword(schema, "patternProperties");
    pol_value more = keyword(schema, "additionalProperties"),
              names = keyword(schema, "propertyNames");
    place below = {at, key};
    pol_value of = pol_is_defined(properties) ? pol_object_get(properties, key) : pol_undefined();
    bool known = pol_is_defined(of);
    if (known)
        validate(v, value, of, &below);
    for (uint32_t i = 0; pol_is_defined(patterns) && key.tag == POL_STRING && i < patterns.n; i++)
        if (matches(v, pol_member_key(patterns, i), key)) {
            known = true;
            validate(v, value, pol_member_value(patterns, i), &below);
        }
    if (!known && pol_is_false(more))
        add_failure(v, at, "additional_property_not_allowed",
                    "Additional property %s is not allowed",
                    key.tag == POL_STRING ? plain(v, key) : shown(v, key));
    else if (!known && more.tag == POL_OBJECT)
        validate(v, value, more, &below);
    if (pol_is_defined(names) && !fits(v, key, names))
        add_failure(v, at, "invalid_property_name", "Property name of \"%s\" does not match",
                    key.tag == POL_STRING ? plain(v, key) : shown(v, key));
}

static void check_dependencies(validation *v, pol_value object, pol_value dependencies,
                               const place *at)
{
    for (uint32_t i = 0; i < dependencies.n; i++) {
        pol_value wanted = pol_member_value(dependencies, i);
        if (!pol_is_defined(pol_object_get(object, pol_member_key(dependencies, i))))
            continue;
        if (wanted.tag == POL_OBJECT)
            validate(v, object, wanted, at);
        for (uint32_t k = 0; is_list(wanted) && k < wanted.n; k++)
            if (!pol_is_defined(pol_object_get(object, pol_element(wanted, k))))
                add_failure(v, at, "missing_dependency", "Has a dependency on %s",
                            shown(v, pol_element(wanted, k)));
    }
}

static void check_members(validation *v, pol_value object, pol_value schema, const place *at)
{
    pol_value required = keyword(schema, "required"),
              dependencies = keyword(schema, "dependencies");
    int64_t limit;
    for (uint32_t i = 0; pol_is_defined(required) && i < required.n; i++)
        if (!pol_is_defined(pol_object_get(object, pol_element(required, i))))
            add_failure(v, at, "required", "%s is required", plain(v, pol_element(required, i)));
    for (uint32_t i = 0; i < object.n; i++)
        check_member(v, pol_member_key(object, i), pol_member_value(object, i), schema, at);
    if (pol_is_defined(dependencies))
        check_dependencies(v, object, dependencies, at);
    if (has_limit(schema, "minProperties", &limit) && object.n < limit)
        add_failure(v, at, "array_min_properties", "Must have at least %lld properties",
                    (long long)limit);
    if (has_limit(schema, "maxProperties", &limit) && object.n > limit)
        add_failure(v, at, "array_max_properties", "Must have at most %lld properties",
                    (long long)limit);
}

/* The formats that can be told for sure; others are not looked at, as the standard allows. */
static bool has_format(validation *v, pol_value format, pol_value text)
{
    static const struct {
        const char *name, *pattern;
    } formats[] = {
        {"date", "\\A\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\\d|3[01])\\z"},
        {"time", "\\A(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d+)?(?:Z|[+-]\\d\\d:\\d\\d)?\\z"},
        {"date-time", "\\A\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\\d|3[01])T(?:[01]\\d|2[0-3]):[0-"
                      "5]\\d:[0-5]\\d(?:\\.\\d+)?(?:Z|[+-]\\d\\d:\\d\\d)\\z"},
        {"email", "\\A[^@\\s]+@[^@\\s]+\\z"},
        {"hostname", "\\A(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)*[A-Za-z0-9](?:[A-Za-"
                     "z0-9-]{0,61}[A-Za-z0-9])?\\z"},
        {"uri", "\\A[A-Za-z][A-Za-z0-9+.-]*:[^\\s]*\\z"},
        {"uuid", "\\A[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\\z"},
        {"json-pointer", "\\A(?:/(?:[^~/]|~[01])*)*\\z"},
    };
    char z[64], out[16];
    if (pol_bytes_is(pol_text(format), "ipv4") || pol_bytes_is(pol_text(format), "ipv6")) {
        snprintf(z, sizeof z, "%.*s", (int)(text.n < sizeof z ? text.n : 0),
                 (const char *)text.text);
        return strlen(z) == text.n &&
               inet_pton(format.text[3] == '4' ? AF_INET : AF_INET6, z, out) == 1;
    }
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (pol_bytes_is(pol_text(format), formats[i].name))
            return matches(v, pol_string_text(formats[i].pattern), text);
    return true;
}

static void check_text(validation *v, pol_value text, pol_value schema, const place *at)
{
    pol_value pattern = keyword(schema, "pattern"), format = keyword(schema, "format");
    int64_t limit, n = 0;
    for (uint32_t i = 0; i < text.n; i++)
        n += (text.text[i] & 0xc0) != 0x80;
    pol_charge(v->ev, text.n / 32);
    if (has_limit(schema, "minLength", &limit) && n < limit)
        add_failure(v, at, "string_gte", "String length must be greater than or equal to %lld",
                    (long long)limit);
    if (has_limit(schema, "maxLength", &limit) && n > limit)
        add_failure(v, at, "string_lte", "String length must be less than or equal to %lld",
                    (long long)limit);
    if (pol_is_defined(pattern) && !matches(v, pattern, text))
        add_failure(v, at, "pattern", "Does not match pattern '%s'", plain(v, pattern));
    if (pol_is_defined(format) && !has_format(v, format, text))
        add_failure(v, at, "format", "Does not match format '%s'", plain(v, format));
}

static void check_number(validation *v, pol_value number, pol_value schema, const place *at)
{
    pol_value least = keyword(schema, "minimum"), most = keyword(schema, "maximum"),
              step = keyword(schema, "multipleOf");
    pol_value above = keyword(schema, "exclusiveMinimum"),
              below = keyword(schema, "exclusiveMaximum");
    /* Draft 4: true makes the limit beside it exclusive. */
    if (above.tag == POL_BOOL) {
        bool exclusive = above.n;
        above = exclusive ? least : pol_undefined();
        least = exclusive ? pol_undefined() : least;
    }
    if (below.tag == POL_BOOL) {
        bool exclusive = below.n;
        below = exclusive ? most : pol_undefined();
        most = exclusive ? pol_undefined() : most;
    }
    if (pol_is_defined(least) && pol_compare(number, least) < 0)
        add_failure(v, at, "number_gte", "Must be greater than or equal to %s", shown(v, least));
    if (pol_is_defined(above) && pol_compare(number, above) <= 0)
        add_failure(v, at, "number_gt", "Must be greater than %s", shown(v, above));
    if (pol_is_defined(most) && pol_compare(number, most) > 0)
        add_failure(v, at, "number_lte", "Must be less than or equal to %s", shown(v, most));
    if (pol_is_defined(below) && pol_compare(number, below) >= 0)
        add_failure(v, at, "number_lt", "Must be less than %s", shown(v, below));
    const char *why = NULL;
    if (pol_is_defined(step)) {
        pol_value times =
            pol_number_arithmetic(pol_eval_arena(v->ev), POL_DIVIDE, number, step, &why);
        if (!pol_is_defined(times) || !pol_number_is_integer(times))
            add_failure(v, at, "multiple_of", "Must be a multiple of %s", shown(v, step));
    }
}

/* The schema that a reference leads to; undefined with an error noted. */
static pol_value resolve(validation *v, pol_value ref)
{
    pol_bytes text = pol_text(ref);
    pol_value to = v->root;
    if (text.n == 0 || text.at[0] != '#' || (text.n > 1 && text.at[1] != '/'))
        return pol_builtin_error(v->ev, "reference %s does not stay inside the schema",
                                 shown(v, ref));
    pol_value path = pol_path_segments(v->ev, pol_string(pol_bytes_of(text.at + 1, text.n - 1)));
    for (uint32_t i = 0; i < path.n && pol_is_defined(to); i++) {
        int64_t index = to.tag == POL_ARRAY ? pol_segment_index(pol_element(path, i), to.n) : -1;
        to = to.tag != POL_ARRAY ? pol_lookup(to, pol_element(path, i))
             : index >= 0        ? pol_element(to, (uint32_t)index)
                                 : pol_undefined();
    }
    if (to.tag == POL_OBJECT || to.tag == POL_BOOL)
        return to;
    return pol_builtin_error(v->ev, "reference %s leads to no schema", shown(v, ref));
}

static void validate(validation *v, pol_value value, pol_value schema, const place *at)
{
    pol_charge(v->ev, 10);
    if (v->nesting >= NESTING_MAX)
        pol_builtin_error(v->ev, "the schema is nested too deep");
    if (pol_builtin_failed(v->ev))
        return;
    if (schema.tag != POL_OBJECT) {
        if (pol_is_false(schema))
            add_failure(v, at, "false", "False always fails validation");
        return;
    }
    v->nesting++;
    pol_value ref = keyword(schema, "$ref");
    if (pol_is_defined(ref)) { /* in these drafts what stands beside it does not count */
        pol_value to = resolve(v, ref);
        if (pol_is_defined(to))
            validate(v, value, to, at);
    } else {
        check_type(v, value, schema, at);
        check_values(v, value, schema, at);
        check_combinations(v, value, schema, at);
        if (is_list(value))
            check_items(v, value, schema, at);
        else if (value.tag == POL_OBJECT)
            check_members(v, value, schema, at);
        else if (value.tag == POL_STRING)
            check_text(v, value, schema, at);
        else if (pol_is_number(value))
            check_number(v, value, schema, at);
    }
    v->nesting--;
}

pol_value pol_schema_failures(pol_eval *ev, pol_value document, pol_value schema)
{
    validation v = {.ev = ev, .root = schema, .failures = pol_builder_new(pol_eval_arena(ev))};
    validate(&v, document, schema, NULL);
    return pol_builtin_failed(ev) ? pol_undefined() : pol_builder_array(&v.failures);
}
