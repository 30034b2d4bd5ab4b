/* SPDX-License-Identifier: Apache-2.0
 * JSON Patch on immutable values: each operation makes anew what lies on its path, and shares all
 * else.
 */
#include "runtime/builtins/patch.h"

#include "runtime/builtins/writer.h"

static pol_value unescape(pol_eval *ev, pol_bytes s)
{
    if (!s.n || !memchr(s.at, '~', s.n))
        return pol_string(s);
    pol_writer w = pol_writer_new(ev, s.n);
    for (size_t i = 0; i < s.n; i++) {
        bool escaped = s.at[i] == '~' && i + 1 < s.n && (s.at[i + 1] == '0' || s.at[i + 1] == '1');
        pol_writer_byte(&w, !escaped ? (char)s.at[i] : s.at[i + 1] == '1' ? '/' : '~');
        i += escaped;
    }
    return pol_writer_string(&w);
}

pol_value pol_path_segments(pol_eval *ev, pol_value v)
{
    if (v.tag == POL_ARRAY)
        return v;
    if (v.tag != POL_STRING)
        return pol_undefined();
    pol_builder b = pol_builder_new(pol_eval_arena(ev));
    pol_bytes s = pol_text(v);
    if (s.n == 0)
        return pol_builder_array(&b);
    pol_charge(ev, s.n / 16);
    size_t from = 0;
    while (from < s.n && s.at[from] == '/')
        from++;
    for (size_t at = from; at <= s.n; at++)
        if (at == s.n || s.at[at] == '/') {
            pol_builder_add(&b, unescape(ev, pol_bytes_of(s.at + from, at - from)));
            from = at + 1;
        }
    return pol_builder_array(&b);
}

int64_t pol_segment_index(pol_value segment, uint32_t n)
{
    int64_t i = 0;
    if (pol_is_number(segment))
        return pol_number_int64(segment, &i) && i >= 0 && i < n ? i : -1;
    pol_bytes s = segment.tag == POL_STRING ? pol_text(segment) : POL_BYTES("");
    if (s.n == 0 || s.n > 10 || (s.n > 1 && s.at[0] == '0'))
        return -1;
    for (size_t k = 0; k < s.n; k++) {
        if (s.at[k] < '0' || s.at[k] > '9')
            return -1;
        i = 10 * i + (s.at[k] - '0');
    }
    return i < n ? i : -1;
}

static pol_value child_of(pol_value v, pol_value segment)
{
    if (v.tag == POL_ARRAY) {
        int64_t i = pol_segment_index(segment, v.n);
        return i < 0 ? pol_undefined() : pol_element(v, (uint32_t)i);
    }
    return pol_lookup(v, segment);
}

static pol_value value_at(pol_value v, pol_value path)
{
    for (uint32_t i = 0; i < path.n && pol_is_defined(v); i++)
        v = child_of(v, pol_element(path, i));
    return v;
}

/* ---- one level ---- */

/* array with element i left out (value undefined), or value put before it (insert) or in its place.
 */
static pol_value edit_array(pol_eval *ev, pol_value array, uint32_t at, pol_value value,
                            bool insert)
{
    pol_builder b = pol_builder_new(pol_eval_arena(ev));
    for (uint32_t i = 0; i <= array.n; i++) {
        if (i == at && pol_is_defined(value))
            pol_builder_add(&b, value);
        if (i < array.n && (i != at || insert))
            pol_builder_add(&b, pol_element(array, i));
    }
    return pol_builder_array(&b);
}

static pol_value edit_object(pol_eval *ev, pol_value object, pol_value key, pol_value value)
{
    if (pol_is_defined(value))
        return pol_object_with(pol_eval_arena(ev), object, key, value);
    pol_builder b = pol_builder_new(pol_eval_arena(ev));
    for (uint32_t i = 0; i < object.n; i++)
        if (!pol_equal(pol_member_key(object, i), key))
            pol_builder_put(&b, pol_member_key(object, i), pol_member_value(object, i));
    return pol_builder_object(&b);
}

static pol_value edit_set(pol_eval *ev, pol_value set, pol_value element, pol_value value)
{
    pol_builder b = pol_builder_new(pol_eval_arena(ev));
    for (uint32_t i = 0; i < set.n; i++)
        if (!pol_equal(pol_element(set, i), element))
            pol_builder_add(&b, pol_element(set, i));
    if (pol_is_defined(value))
        pol_builder_add(&b, value);
    return pol_builder_set(&b);
}

/* v with value in place of the child at segment, which is there; undefined value: without it. */
static pol_value replace_child(pol_eval *ev, pol_value v, pol_value segment, pol_value value)
{
    pol_charge(ev, v.n);
    if (v.tag == POL_ARRAY)
        return edit_array(ev, v, (uint32_t)pol_segment_index(segment, v.n), value, false);
    return v.tag == POL_OBJECT ? edit_object(ev, v, segment, value)
                               : edit_set(ev, v, segment, value);
}

static pol_value add_child(pol_eval *ev, pol_value v, pol_value segment, pol_value value)
{
    pol_charge(ev, v.n);
    if (v.tag == POL_OBJECT)
        return edit_object(ev, v, segment, value);
    if (v.tag == POL_SET)
        return pol_equal(segment, value) ? edit_set(ev, v, segment, value) : pol_undefined();
    if (v.tag != POL_ARRAY)
        return pol_undefined();
    bool at_end = segment.tag == POL_STRING && pol_bytes_is(pol_text(segment), "-");
    int64_t i = at_end ? v.n : pol_segment_index(segment, v.n + 1);
    return i < 0 ? pol_undefined() : edit_array(ev, v, (uint32_t)i, value, true);
}

/* ---- operations: each gives the new document, or undefined when it fails ---- */

typedef enum { ADD, REMOVE, REPLACE } edit;

static pol_value edit_at(pol_eval *ev, edit how, pol_value v, pol_value path, uint32_t i,
                         pol_value value)
{
    if (i == path.n)
        return how == REMOVE ? pol_undefined() : value;
    pol_value segment = pol_element(path, i), child = child_of(v, segment);
    if (how == ADD && i + 1 == path.n)
        return add_child(ev, v, segment, value);
    if (!pol_is_defined(child))
        return child;
    if (i + 1 == path.n)
        return replace_child(ev, v, segment, value);
    child = edit_at(ev, how, child, path, i + 1, value);
    return pol_is_defined(child) ? replace_child(ev, v, segment, child) : child;
}

static pol_value move_or_copy(pol_eval *ev, bool moved, pol_value target, pol_value from,
                              pol_value path)
{
    pol_value value = value_at(target, from);
    if (!pol_is_defined(value))
        return value;
    if (moved && from.n == 0) /* the whole document: it can be moved to itself only */
        return path.n == 0 ? target : pol_undefined();
    if (moved)
        target = edit_at(ev, REMOVE, target, from, 0, pol_undefined());
    return edit_at(ev, ADD, target, path, 0, value);
}

/* A member of a patch that must be there; undefined with an error noted. */
static pol_value required(pol_eval *ev, pol_value patch, const char *name)
{
    pol_value v = pol_object_member(patch, name);
    return pol_is_defined(v) ? v : pol_builtin_error(ev, "missing '%s' attribute", name);
}

static pol_value required_path(pol_eval *ev, pol_value patch, const char *name)
{
    pol_value v = required(ev, patch, name), path = pol_path_segments(ev, v);
    if (!pol_is_defined(path) && pol_is_defined(v))
        pol_builtin_error(ev, "attribute '%s' must be a string or an array", name);
    return path;
}

static pol_value apply_patch(pol_eval *ev, pol_value target, pol_value patch)
{
    pol_value op = required(ev, patch, "op"), path = required_path(ev, patch, "path");
    if (!pol_is_defined(op) || !pol_is_defined(path))
        return pol_undefined();
    pol_bytes name = op.tag == POL_STRING ? pol_text(op) : POL_BYTES("");
    pol_charge(ev, path.n);
    if (pol_bytes_is(name, "remove"))
        return edit_at(ev, REMOVE, target, path, 0, pol_undefined());
    if (pol_bytes_is(name, "move") || pol_bytes_is(name, "copy")) {
        pol_value from = required_path(ev, patch, "from");
        return pol_is_defined(from) ? move_or_copy(ev, name.at[0] == 'm', target, from, path)
                                    : from;
    }
    bool adds = pol_bytes_is(name, "add"), tests = pol_bytes_is(name, "test");
    if (!adds && !tests && !pol_bytes_is(name, "replace")) {
        pol_bytes shown = pol_quoted(ev, name);
        return pol_builtin_error(ev, "bad patch operation: %.*s", (int)shown.n,
                                 (const char *)shown.at);
    }
    pol_value value = required(ev, patch, "value");
    if (!pol_is_defined(value))
        return value;
    if (!tests)
        return edit_at(ev, adds ? ADD : REPLACE, target, path, 0, value);
    pol_value found = value_at(target, path);
    return pol_is_defined(found) && pol_equal(found, value) ? target : pol_undefined();
}

pol_value pol_patch_apply(pol_eval *ev, pol_value target, pol_value patches)
{
    for (uint32_t i = 0; i < patches.n && pol_is_defined(target); i++) {
        pol_value patch = pol_element(patches, i);
        pol_charge(ev, 1);
        if (patch.tag != POL_OBJECT)
            return pol_element_error(ev, 2, patches, "object", patch);
        target = apply_patch(ev, target, patch);
    }
    return target;
}
