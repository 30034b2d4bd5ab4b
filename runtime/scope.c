/* SPDX-License-Identifier: Apache-2.0
 * What holds for a part of a decision only: documents and functions replaced by `with`, and the errors noted so far.
 */
#include "runtime/eval.h"

/* Of plain evaluation, where errors change nothing, only the first ones are kept. */
enum { PLAIN_ERRORS_MAX = 64 };

/* ---- with ---- */

static pol_override *push_override(pol_eval *ev, pol_override_kind kind)
{
    POL_GROW(&ev->arena, ev->overrides, ev->n_overrides, ev->overrides_capacity);
    pol_override *o = &ev->overrides[ev->n_overrides++];
    *o = (pol_override){.kind = (uint8_t)kind, .input = ev->input, .generation = ev->generation};
    pol_generation_fresh(ev);
    return o;
}

/* document with value at path[i...]; what is no object on the way is replaced by one. Recursion is bounded: the verifier refuses long paths. */
static pol_value put_at(pol_eval *ev, pol_value document, pol_value path, uint32_t i, pol_value value)
{
    if (i == path.n)
        return value;
    pol_value key = pol_element(path, i);
    pol_value inner = put_at(ev, pol_object_get(document, key), path, i + 1, value);
    pol_charge(ev, document.tag == POL_OBJECT ? (uint64_t)document.n + 1 : 1);
    return pol_is_defined(inner) ? pol_object_with(&ev->arena, document, key, inner) : document;
}

void pol_override_with(pol_eval *ev, pol_value path, pol_value value)
{
    if (pol_bytes_is(pol_text(pol_element(path, 0)), "input")) {
        pol_value input = put_at(ev, ev->input, path, 1, value);
        push_override(ev, POL_WITH_INPUT);
        ev->input = input;
        return;
    }
    pol_override *o = push_override(ev, POL_WITH_DATA);
    o->path = path;
    o->value = value;
}

void pol_override_mock(pol_eval *ev, pol_override_kind kind, uint32_t target, pol_replacement by, uint32_t replacement, pol_value value)
{
    pol_override *o = push_override(ev, kind);
    o->target = target;
    o->by = (uint8_t)by;
    o->replacement = replacement;
    o->value = value;
}

void pol_override_end(pol_eval *ev, uint32_t n)
{
    if (n >= ev->n_overrides)
        return;
    ev->input = ev->overrides[n].input;
    ev->generation = ev->overrides[n].generation;
    ev->n_overrides = n;
}

uint32_t pol_override_find(const pol_eval *ev, pol_override_kind kind, uint32_t target)
{
    for (uint32_t i = ev->n_overrides; i-- > 0;)
        if (ev->overrides[i].kind == kind && ev->overrides[i].target == target)
            return ev->overrides[i].off ? 0 : i + 1;
    return 0;
}

static bool begins_with(pol_value path, pol_value prefix)
{
    if (prefix.n > path.n)
        return false;
    for (uint32_t i = 0; i < prefix.n; i++)
        if (!pol_equal(pol_element(path, i), pol_element(prefix, i)))
            return false;
    return true;
}

/* 1 + index of the newest override of path or of a prefix of it; 0: none. */
static uint32_t find_cover(const pol_eval *ev, pol_value path)
{
    for (uint32_t i = ev->n_overrides; i-- > 0;)
        if (ev->overrides[i].kind == POL_WITH_DATA && begins_with(path, ev->overrides[i].path))
            return i + 1;
    return 0;
}

bool pol_override_read(const pol_eval *ev, pol_value path, pol_value *value)
{
    uint32_t i = find_cover(ev, path);
    if (i == 0)
        return false;
    const pol_override *o = &ev->overrides[i - 1];
    pol_value found = o->value;
    for (uint32_t k = o->path.n; k < path.n && pol_is_defined(found); k++)
        found = pol_lookup(found, pol_element(path, k));
    *value = found;
    return true;
}

/* Those older than an override of the whole are hidden by it. */
pol_value pol_override_patch(pol_eval *ev, pol_value path, pol_value document)
{
    for (uint32_t i = find_cover(ev, path); i < ev->n_overrides; i++) {
        const pol_override *o = &ev->overrides[i];
        if (o->kind == POL_WITH_DATA && o->path.n > path.n && begins_with(o->path, path))
            document = put_at(ev, document, o->path, path.n, o->value);
    }
    return document;
}

/* ---- errors ---- */

static void add_error(pol_eval *ev, pol_eval_error error)
{
    if (!ev->closed && ev->n_errors >= PLAIN_ERRORS_MAX)
        return;
    POL_GROW(&ev->arena, ev->errors, ev->n_errors, ev->errors_capacity);
    ev->errors[ev->n_errors++] = error;
}

void pol_eval_note_error(pol_eval *ev, pol_code code, pol_bytes message)
{
    if (ev->failed)
        return;
    ev->failed = true;
    if (!ev->closed && ev->n_errors >= PLAIN_ERRORS_MAX)
        return;
    pol_eval_error error = pol_eval_place(ev);
    const char *name = ev->builtin ? ev->builtin->name : "";
    error.code = code;
    error.message = pol_arena_printf(&ev->arena, "%s%s%.*s", name, *name ? ": " : "", (int)message.n, (const char *)message.at);
    add_error(ev, error);
}

void pol_error_again(pol_eval *ev, const pol_eval_error *error)
{
    add_error(ev, *error);
}

/* Registers hold marks as integers; those of damaged code are taken for "no error since". */
static uint32_t read_mark(const pol_eval *ev, pol_value mark)
{
    return mark.tag == POL_INT && mark.i >= 0 && mark.i < ev->n_errors ? (uint32_t)mark.i : ev->n_errors;
}

bool pol_error_any(const pol_eval *ev, pol_value mark)
{
    return ev->closed && read_mark(ev, mark) < ev->n_errors;
}

void pol_error_forget(pol_eval *ev, pol_value mark)
{
    if (ev->closed)
        ev->n_errors = read_mark(ev, mark);
}

static pol_value location_of(pol_arena *arena, const pol_eval_error *error)
{
    pol_builder b = pol_builder_new(arena);
    pol_builder_put_text(&b, "file", pol_string_text(error->file ? error->file : ""));
    pol_builder_put_text(&b, "row", pol_int(error->row));
    pol_builder_put_text(&b, "col", pol_int(error->col));
    return pol_builder_object(&b);
}

pol_value pol_error_since(pol_eval *ev, pol_value mark)
{
    if (!pol_error_any(ev, mark))
        return pol_undefined();
    const pol_eval_error *error = &ev->errors[read_mark(ev, mark)];
    pol_builder b = pol_builder_new(&ev->arena);
    pol_builder_put_text(&b, "code", pol_string_text(pol_code_text(error->code)));
    pol_builder_put_text(&b, "message", pol_string_text(error->message));
    pol_builder_put_text(&b, "location", location_of(&ev->arena, error));
    return pol_builder_object(&b);
}
