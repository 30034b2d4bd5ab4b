/* SPDX-License-Identifier: Apache-2.0
 * What the eight statements call: the check of the input before any statement counts, and names that stand for the result documents in the module that the
 * compiler makes. It plans the bodies of those in place, so none of them is ever called. internal.trace is.
 */
#include "runtime/builtins/writer.h"
#include "runtime/declared.h"
#include "runtime/explain.h"

/* Entries come from the bundle, which may be an enemy's: what is not there is undefined, what is no array is empty. */
static pol_value part(pol_value array, uint32_t i)
{
    return array.tag == POL_ARRAY && i < array.n ? pol_element(array, i) : pol_undefined();
}

static pol_value list(pol_value v)
{
    return v.tag == POL_ARRAY ? v : pol_empty(POL_ARRAY);
}

static pol_bytes text(pol_value v)
{
    return v.tag == POL_STRING ? pol_text(v) : pol_bytes_of(NULL, 0);
}

/* A type is [kind, what it is made of], as compiler/lower_input.c writes it; kind is a name of the language or literal, list, object, map, union. */
static bool has_type(pol_eval *ev, pol_value v, pol_value type, bool whole);

static bool allows_null(pol_value type)
{
    pol_bytes kind = text(part(type, 0));
    pol_value made_of = part(type, 1);
    if (pol_bytes_is(kind, "null") || pol_bytes_is(kind, "any"))
        return true;
    if (pol_bytes_is(kind, "literal"))
        return made_of.tag == POL_NULL;
    for (uint32_t i = 0; pol_bytes_is(kind, "union") && i < list(made_of).n; i++)
        if (allows_null(part(made_of, i)))
            return true;
    return false;
}

/* A null counts as absent where the declared type has none. */
static bool is_absent(pol_value v, pol_value type)
{
    return !pol_is_defined(v) || (v.tag == POL_NULL && !allows_null(type));
}

static bool has_fields(pol_eval *ev, pol_value v, pol_value fields)
{
    for (uint32_t i = 0; i < fields.n; i++) {
        pol_value field = pol_element(fields, i), member = pol_object_get(v, part(field, 0)), type = part(field, 2);
        bool optional = pol_equal(part(field, 1), pol_bool(true));
        if (is_absent(member, type) ? !optional : !has_type(ev, member, type, true))
            return false;
    }
    return true;
}

static bool have_type(pol_eval *ev, pol_value v, pol_value type)
{
    for (uint32_t i = 0; i < v.n; i++)
        if (!has_type(ev, v.tag == POL_OBJECT ? pol_member_value(v, i) : pol_element(v, i), type, true))
            return false;
    return true;
}

/* whole: what is in v too. */
static bool has_type(pol_eval *ev, pol_value v, pol_value type, bool whole)
{
    pol_bytes kind = text(part(type, 0));
    pol_value made_of = part(type, 1);
    pol_charge(ev, 1);
    if (pol_bytes_is(kind, "literal"))
        return pol_equal(v, made_of);
    if (pol_bytes_is(kind, "list"))
        return (v.tag == POL_ARRAY || v.tag == POL_SET) && (!whole || have_type(ev, v, made_of));
    if (pol_bytes_is(kind, "object"))
        return v.tag == POL_OBJECT && (!whole || has_fields(ev, v, list(made_of)));
    if (pol_bytes_is(kind, "map"))
        return v.tag == POL_OBJECT && (!whole || have_type(ev, v, made_of));
    if (!pol_bytes_is(kind, "union"))
        return pol_is_declared(v, kind);
    for (uint32_t i = 0; i < list(made_of).n; i++)
        if (has_type(ev, v, part(made_of, i), whole))
            return true;
    return false;
}

/* [path, required, whole, type, the path as text, the type as text] */
enum { ENTRY_PATH, ENTRY_REQUIRED, ENTRY_WHOLE, ENTRY_TYPE, ENTRY_PATH_TEXT, ENTRY_TYPE_TEXT };

static bool is_true(pol_value entry, uint32_t i)
{
    return pol_equal(part(entry, i), pol_bool(true));
}

/* What is wrong at the path's segments from i on, below v: "and is missing"; NULL: nothing. */
static const char *fault(pol_eval *ev, pol_value v, pol_value entry, uint32_t i)
{
    pol_value path = list(part(entry, ENTRY_PATH)), type = part(entry, ENTRY_TYPE);
    if (i == path.n) {
        if (is_absent(v, type))
            return is_true(entry, ENTRY_REQUIRED) ? "and is missing" : NULL;
        return has_type(ev, v, type, is_true(entry, ENTRY_WHOLE)) ? NULL : "and is not";
    }
    pol_value segment = pol_element(path, i);
    if (segment.tag != POL_NULL) /* where what holds it is not there, its own entry says so */
        return v.tag == POL_OBJECT || v.tag == POL_ARRAY ? fault(ev, pol_lookup(v, segment), entry, i + 1) : NULL;
    const char *found = NULL;
    for (uint32_t k = 0; pol_is_collection(v) && !found && k < v.n; k++) {
        pol_charge(ev, 1);
        found = fault(ev, v.tag == POL_OBJECT ? pol_member_value(v, k) : pol_element(v, k), entry, i + 1);
    }
    return found;
}

static pol_value error_of(pol_eval *ev, pol_value entry, const char *what)
{
    pol_writer w = pol_writer_new(ev, 128);
    pol_builder b = pol_builder_new(pol_eval_arena(ev));
    pol_writer_bytes(&w, text(part(entry, ENTRY_PATH_TEXT)));
    pol_writer_text(&w, " must be ");
    pol_writer_bytes(&w, text(part(entry, ENTRY_TYPE_TEXT)));
    pol_writer_text(&w, ", ");
    pol_writer_text(&w, what);
    pol_builder_put_text(&b, "code", pol_string_text("input_invalid"));
    pol_builder_put_text(&b, "message", pol_writer_string(&w));
    pol_builder_put_text(&b, "path", pol_string(text(part(entry, ENTRY_PATH_TEXT))));
    return pol_builder_object(&b);
}

POL_BUILTIN(input_errors, "internal.input_errors", "(input: any, entries: array[any]) array[any]",
            "What the statements of the request's action and type need to know, and the input does not say as its schema declares.")
{
    pol_value entries = pol_arg_array(ev, args, 1);
    pol_builder errors = pol_builder_new(pol_eval_arena(ev));
    for (uint32_t i = 0; i < entries.n; i++) {
        pol_value entry = pol_element(entries, i);
        const char *what = fault(ev, args[0], entry, 0);
        if (what)
            pol_builder_add(&errors, error_of(ev, entry, what));
    }
    return pol_builder_array(&errors);
}

POL_BUILTIN(trace, "internal.trace", "(decision: any) array[any]", "Why the statements of the input's action and type did or did not apply.")
{
    return pol_explain_statements(ev);
}

static const pol_builtin rows[] = {
    {"internal.decision", "(rules: array[any]) object[string: any]", "The decision of the bundle's statements.", NULL, 0},
    {"internal.allow", "(rules: array[any]) boolean", "Whether the bundle's statements allow.", NULL, 0},
    {"internal.roles", "(rules: array[any]) set[string]", "The effective roles of the subject.", NULL, 0},
    {"internal.actions", "() set[string]", "The actions that the bundle names for the resource's type.", NULL, 0},
};

POL_FAMILY(statements) = {POL_ROW(input_errors), POL_ROW(trace), &rows[0], &rows[1], &rows[2], &rows[3], POL_END};
