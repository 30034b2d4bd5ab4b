/* SPDX-License-Identifier: Apache-2.0
 * Built-ins of family json: text from and to values, and parts of documents by paths.
 */
#include "runtime/json.h"

#include "runtime/builtins/patch.h"
#include "runtime/builtins/schema.h"
#include "runtime/builtins/writer.h"

static pol_value marshal(pol_eval *ev, pol_value v)
{
    pol_charge_value(ev, v);
    pol_buf buf = {0};
    pol_json_write(&buf, v, POL_JSON_HTML);
    return pol_string_take(ev, &buf);
}

POL_BUILTIN(marshal, "json.marshal", "(x: any) string",
            "The value as JSON text; a set as an array.")
{
    return marshal(ev, args[0]);
}

/* ---- marshal_with_options ---- */

typedef struct {
    bool pretty;
    pol_bytes indent, prefix;
} layout;

static bool read_layout(pol_eval *ev, pol_value options, layout *out)
{
    bool has_pretty = false, has_text = false, pretty = false;
    *out = (layout){.indent = POL_BYTES("\t")};
    for (uint32_t i = 0; i < options.n; i++) {
        pol_value key = pol_member_key(options, i), value = pol_member_value(options, i);
        pol_bytes name = key.tag == POL_STRING ? pol_text(key) : POL_BYTES("");
        bool is_indent = pol_bytes_is(name, "indent"), is_pretty = pol_bytes_is(name, "pretty");
        if (!is_indent && !is_pretty && !pol_bytes_is(name, "prefix")) {
            pol_bytes shown = pol_quoted(ev, name);
            pol_builtin_type_error(ev, "operand 2 object contained unknown key %.*s", (int)shown.n,
                                   (const char *)shown.at);
            return false;
        }
        if (value.tag != (is_pretty ? POL_BOOL : POL_STRING)) {
            pol_builtin_type_error(ev, "operand 2 key '%.*s' must be %s but got %s", (int)name.n,
                                   (const char *)name.at, is_pretty ? "boolean" : "string",
                                   pol_type_name(value));
            return false;
        }
        has_pretty |= is_pretty;
        has_text |= !is_pretty;
        if (is_pretty)
            pretty = value.n;
        else if (is_indent)
            out->indent = pol_text(value);
        else
            out->prefix = pol_text(value);
    }
    out->pretty = has_pretty ? pretty : has_text;
    return true;
}

static void begin_line(pol_writer *w, const layout *how, uint32_t depth)
{
    pol_charge(w->ev, 1 + (how->prefix.n + depth * how->indent.n) / 32);
    pol_writer_byte(w, '\n');
    pol_writer_bytes(w, how->prefix);
    for (uint32_t i = 0; i < depth; i++)
        pol_writer_bytes(w, how->indent);
}

/* Compact JSON text with line breaks and indents; empty collections stay as they are. */
static pol_value spread(pol_eval *ev, pol_bytes text, const layout *how)
{
    pol_writer w = pol_writer_new(ev, 2 * text.n);
    uint32_t depth = 0;
    pol_writer_bytes(&w, how->prefix);
    for (size_t i = 0; i < text.n; i++) {
        char c = (char)text.at[i];
        bool opens = c == '{' || c == '[', closes = c == '}' || c == ']';
        if (c == '"') {
            size_t end = i + 1;
            while (text.at[end] != '"')
                end += text.at[end] == '\\' ? 2 : 1;
            pol_writer_add(&w, text.at + i, end + 1 - i);
            i = end;
            continue;
        }
        if (closes)
            begin_line(&w, how, --depth);
        pol_writer_byte(&w, c);
        if (opens && (text.at[i + 1] == '}' || text.at[i + 1] == ']'))
            pol_writer_byte(&w, (char)text.at[++i]);
        else if (opens)
            begin_line(&w, how, ++depth);
        else if (c == ',')
            begin_line(&w, how, depth);
        else if (c == ':')
            pol_writer_byte(&w, ' ');
    }
    return pol_writer_string(&w);
}

POL_BUILTIN(marshal_with_options, "json.marshal_with_options",
            "(x: any, opts: {pretty: boolean, indent: string, prefix: string, ...}) string",
            "The value as JSON text, on lines of their own when `pretty`, `indent` or `prefix` ask "
            "for it; each option may be left out.")
{
    layout how;
    if (!read_layout(ev, pol_arg_object(ev, args, 1), &how) || pol_builtin_failed(ev))
        return pol_undefined();
    pol_value text = marshal(ev, args[0]);
    return how.pretty && pol_is_defined(text) ? spread(ev, pol_text(text), &how) : text;
}

/* OPA refuses numbers with exponents so large that reckoning with them would take no end. */
static bool has_huge_exponent(pol_value v)
{
    enum { DIGITS_MAX = 4 };
    if (v.tag == POL_DECIMAL) {
        size_t e = 0;
        while (e < v.n && (v.text[e] | 0x20) != 'e')
            e++;
        for (e++; e < v.n && (v.text[e] < '1' || v.text[e] > '9');)
            e++;
        return e < v.n && v.n - e > DIGITS_MAX;
    }
    uint64_t n = !pol_is_collection(v) ? 0 : (uint64_t)v.n * (v.tag == POL_OBJECT ? 2 : 1);
    for (uint64_t i = 0; i < n; i++)
        if (has_huge_exponent(pol_load(&v.cells[i])))
            return true;
    return false;
}

POL_BUILTIN(unmarshal, "json.unmarshal", "(x: string) any", "The value that the JSON text says.")
{
    pol_bytes text = pol_arg_string(ev, args, 0);
    if (pol_builtin_failed(ev))
        return pol_undefined();
    pol_charge(ev, 1 + text.n / 16);
    pol_value v;
    pol_error err;
    if (!pol_json_read(pol_eval_arena(ev), text, NULL, &v, &err))
        return pol_builtin_error(ev, "%s", err.text);
    if (has_huge_exponent(v))
        return pol_builtin_error(ev, "a number's exponent is out of range");
    return v;
}

POL_BUILTIN(json_is_valid, "json.is_valid", "(x: string) boolean",
            "True when the string is JSON text.")
{
    if (args[0].tag != POL_STRING)
        return pol_bool(false);
    pol_charge(ev, 1 + args[0].n / 16);
    pol_value v;
    return pol_bool(pol_json_read(pol_eval_arena(ev), pol_text(args[0]), NULL, &v, NULL));
}

/* ---- filter and remove ---- */

/* Paths [from, to) of a set of them, all of which have the same first segments, as many as lead to
 * a value. In Rego's order a path stands right before those that go on where it ends. */
typedef struct {
    pol_value all;
    uint32_t from, to;
} paths;

static bool read_paths(pol_eval *ev, const pol_value *args, paths *out)
{
    static const char wanted[] =
        "one of {set, array} containing string paths or array of path segments";
    pol_value list = pol_arg_list(ev, args, 1);
    pol_builder b = pol_builder_new(pol_eval_arena(ev));
    for (uint32_t i = 0; i < list.n; i++) {
        pol_charge(ev, 1);
        pol_value path = pol_path_segments(ev, pol_element(list, i));
        if (!pol_is_defined(path))
            pol_operand_error(ev, 2, wanted, pol_element(list, i));
        if (pol_is_defined(path) && path.n)
            pol_builder_add(&b, path);
    }
    out->all = pol_builder_set(&b);
    out->from = 0;
    out->to = out->all.n;
    return !pol_builtin_failed(ev);
}

/* The first of the paths of which the segment at depth is not before key, or with after set, is
 * behind it. */
static uint32_t find_segment(const paths *in, uint32_t depth, pol_value key, bool after)
{
    uint32_t low = in->from, high = in->to;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = pol_compare(pol_element(pol_element(in->all, middle), depth), key);
        if (order < 0 || (after && order == 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Those of the paths that go through key at depth. *ends: one of them ends there. */
static paths paths_below(pol_eval *ev, const paths *at, uint32_t depth, pol_value key, bool *ends)
{
    pol_charge(ev, 2);
    paths out = {at->all, find_segment(at, depth, key, false), find_segment(at, depth, key, true)};
    *ends = out.from < out.to && pol_element(out.all, out.from).n == depth + 1;
    return out;
}

static pol_value select_paths(pol_eval *ev, pol_value v, const paths *at, uint32_t depth,
                              bool keep);

/* Child at key of a value: what of it stays, undefined when nothing. */
static pol_value select_child(pol_eval *ev, pol_value child, const paths *at, uint32_t depth,
                              pol_value key, bool keep)
{
    bool ends;
    paths below = paths_below(ev, at, depth, key, &ends);
    if (below.from == below.to)
        return keep ? pol_undefined() : child;
    if (ends)
        return keep ? child : pol_undefined();
    return select_paths(ev, child, &below, depth + 1, keep);
}

/* v with only what the paths lead to (keep), or without it. Array indices are their digits, as OPA
 * has it. */
static pol_value select_paths(pol_eval *ev, pol_value v, const paths *at, uint32_t depth, bool keep)
{
    if (!pol_is_collection(v))
        return v;
    pol_builder b = pol_builder_new(pol_eval_arena(ev));
    for (uint32_t i = 0; i < v.n; i++) {
        pol_value key = v.tag == POL_OBJECT ? pol_member_key(v, i)
                        : v.tag == POL_SET  ? pol_element(v, i)
                                            : pol_string_printf(pol_eval_arena(ev), "%u", i);
        pol_value child =
            select_child(ev, v.tag == POL_OBJECT ? pol_member_value(v, i) : pol_element(v, i), at,
                         depth, key, keep);
        if (!pol_is_defined(child))
            continue;
        if (v.tag == POL_OBJECT)
            pol_builder_add(&b, key);
        pol_builder_add(&b, child);
    }
    return v.tag == POL_OBJECT ? pol_builder_object(&b)
           : v.tag == POL_SET  ? pol_builder_set(&b)
                               : pol_builder_array(&b);
}

static pol_value select_args(pol_eval *ev, const pol_value *args, bool keep)
{
    pol_value object = pol_arg_object(ev, args, 0);
    paths all;
    if (!read_paths(ev, args, &all))
        return pol_undefined();
    if (all.all.n == 0)
        return keep ? pol_empty(POL_OBJECT) : object;
    return select_paths(ev, object, &all, 0, keep);
}

#define PATHS "array[string | array[any]] | set[string | array[any]]"

POL_BUILTIN(json_filter, "json.filter",
            "(object: object[any: any], paths: " PATHS ") object[any: any]",
            "The object with only what the paths lead to.")
{
    return select_args(ev, args, true);
}

POL_BUILTIN(json_remove, "json.remove",
            "(object: object[any: any], paths: " PATHS ") object[any: any]",
            "The object without what the paths lead to.")
{
    return select_args(ev, args, false);
}

POL_BUILTIN(json_patch, "json.patch",
            "(target: any, patches: array[{op: string, path: any, ...}]) any",
            "The document with the operations of JSON Patch (RFC 6902) applied; undefined when one "
            "of them fails.")
{
    return pol_patch_apply(ev, args[0], pol_arg_array(ev, args, 1));
}

/* ---- schemas ---- */

/* Operand i: a document, or its JSON text. Undefined with why set when the text is none. */
static pol_value arg_document(pol_eval *ev, const pol_value *args, unsigned i, pol_error *why)
{
    pol_value v = args[i];
    if (v.tag == POL_OBJECT || v.tag == POL_ARRAY)
        return v;
    if (v.tag != POL_STRING)
        return pol_operand_error(ev, i + 1, "one of {string, object}", v);
    pol_charge(ev, 1 + v.n / 16);
    return pol_json_read(pol_eval_arena(ev), pol_text(args[i]), NULL, &v, why) ? v
                                                                               : pol_undefined();
}

POL_BUILTIN_FLAGS(json_match_schema, "json.match_schema",
                  "(document: string | object[any: any], schema: string | object[any: any]) "
                  "[boolean, array[{desc: string, error: string, field: string, type: string}]]",
                  "Whether the document fits the JSON Schema, and what does not.",
                  POL_NONDETERMINISTIC)
{
    pol_error why = {0};
    pol_value document = arg_document(ev, args, 0, &why),
              schema = pol_is_defined(document) ? arg_document(ev, args, 1, &why) : document;
    if (!pol_is_defined(schema))
        return pol_builtin_error(ev, "%s", why.text);
    const char *fault = pol_schema_fault(ev, schema);
    if (fault)
        return pol_builtin_error(ev, "%s", fault);
    pol_value failures = pol_schema_failures(ev, document, schema);
    if (!pol_is_defined(failures))
        return failures;
    pol_value pair[] = {pol_bool(failures.n == 0), failures};
    return pol_array_of(pol_eval_arena(ev), pair, 2);
}

POL_BUILTIN_FLAGS(json_verify_schema, "json.verify_schema",
                  "(schema: string | object[any: any]) [boolean, null | string]",
                  "Whether the schema is a JSON Schema, and what is wrong with it.",
                  POL_NONDETERMINISTIC)
{
    pol_error why = {.text = "wrong type, expected string or object"};
    bool read = args[0].tag == POL_STRING || pol_is_collection(args[0]);
    pol_value schema = read ? arg_document(ev, args, 0, &why) : pol_undefined(), pair[] = {pol_bool(true), pol_null()};
    if (pol_builtin_failed(ev))
        return pol_undefined();
    const char *fault = pol_is_defined(schema)      ? pol_schema_fault(ev, schema)
                        : args[0].tag == POL_STRING ? "invalid JSON string"
                                                    : why.text;
    if (fault) {
        pair[0] = pol_bool(false);
        pair[1] = pol_string_printf(pol_eval_arena(ev), "jsonschema: %s", fault);
    }
    return pol_array_of(pol_eval_arena(ev), pair, 2);
}

POL_FAMILY(json) = {
    POL_ROW(marshal),
    POL_ROW(marshal_with_options),
    POL_ROW(unmarshal),
    POL_ROW(json_is_valid),
    POL_ROW(json_filter),
    POL_ROW(json_remove),
    POL_ROW(json_patch),
    POL_ROW(json_match_schema),
    POL_ROW(json_verify_schema),
    POL_END,
};
