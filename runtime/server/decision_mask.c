/* SPDX-License-Identifier: Apache-2.0
 * Masking: a decision's event without what data.system.log.mask names. */
#include "runtime/server/decision_log.h"

typedef struct {
    pol_arena *arena;
    pol_value event;
    pol_builder erased, masked;
    bool refused; /* a rule cannot be understood */
} masking;

/* value with what lies at the segments replaced by by (undefined: removed); *found: it was there, or was made by an upsert. */
static pol_value replace(pol_arena *arena, pol_value value, pol_value segments, uint32_t i, pol_value by, bool *found)
{
    if (i == segments.n)
        return *found = true, by;
    pol_builder b = pol_builder_new(arena);
    pol_value name = pol_element(segments, i);
    bool here = false;
    if (value.tag != POL_OBJECT)
        return value;
    for (uint32_t k = 0; k < value.n; k++) {
        pol_value key = pol_member_key(value, k), member = pol_member_value(value, k);
        if (key.tag == POL_STRING && pol_bytes_equal(pol_text(key), pol_text(name))) {
            here = true;
            member = replace(arena, member, segments, i + 1, by, found);
        }
        if (pol_is_defined(member))
            pol_builder_put(&b, key, member);
    }
    if (!here && i + 1 == segments.n && pol_is_defined(by)) {
        pol_builder_put(&b, name, by);
        *found = true;
    }
    return pol_builder_object(&b);
}

/* Segments of "/input/a/b"; undefined: the path does not begin with input or result, or goes through an array, whose elements have no names. */
static pol_value segments_of(const masking *m, pol_value path)
{
    if (path.tag != POL_STRING || path.n < 2 || pol_text(path).at[0] != '/')
        return pol_undefined();
    pol_value segments = pol_path_split(m->arena, pol_bytes_of(pol_text(path).at + 1, path.n - 1));
    pol_value at = m->event;
    pol_bytes first = segments.n ? pol_text(pol_element(segments, 0)) : (pol_bytes){0};
    if (!pol_bytes_is(first, "input") && !pol_bytes_is(first, "result"))
        return pol_undefined();
    for (uint32_t i = 0; i < segments.n && pol_is_defined(at); i++) {
        if (at.tag == POL_ARRAY)
            return pol_undefined();
        at = at.tag == POL_OBJECT ? pol_object_get(at, pol_element(segments, i)) : pol_undefined();
    }
    return segments;
}

static void apply(masking *m, pol_value rule)
{
    pol_value path = rule.tag == POL_OBJECT ? pol_object_member(rule, "path") : rule, by = pol_undefined();
    if (rule.tag == POL_OBJECT) {
        pol_value op = pol_object_member(rule, "op");
        bool upsert = op.tag == POL_STRING && pol_bytes_is(pol_text(op), "upsert");
        bool removal = op.tag == POL_STRING && pol_bytes_is(pol_text(op), "remove");
        by = upsert ? pol_object_member(rule, "value") : by;
        m->refused = m->refused || !(removal || (upsert && pol_is_defined(by)));
    }
    pol_value segments = segments_of(m, path);
    bool found = false;
    m->refused = m->refused || !pol_is_defined(segments);
    if (m->refused)
        return;
    pol_value changed = replace(m->arena, m->event, segments, 0, by, &found);
    if (!pol_is_defined(changed)) {
        m->refused = true;
        return;
    }
    m->event = changed;
    if (found)
        pol_builder_add(pol_is_defined(by) ? &m->masked : &m->erased, path);
}

static pol_value without_documents(masking *m, pol_value event)
{
    static const char *const documents[] = {"/input", "/result"};
    m->refused = false;
    m->event = event;
    m->erased = pol_builder_new(m->arena);
    m->masked = pol_builder_new(m->arena);
    for (unsigned i = 0; i < sizeof documents / sizeof *documents; i++)
        apply(m, pol_string_text(documents[i]));
    return m->event;
}

static void tell(masking *m, const char *name, pol_builder *paths)
{
    bool found;
    if (paths->n == 0)
        return;
    pol_value before = pol_object_member(m->event, name), segment = pol_string_text(name);
    for (uint32_t i = 0; before.tag == POL_ARRAY && i < before.n; i++)
        pol_builder_add(paths, pol_element(before, i));
    pol_builder one = pol_builder_new(m->arena);
    pol_builder_add(&one, segment);
    m->event = replace(m->arena, m->event, pol_builder_array(&one), 0, pol_builder_array(paths), &found);
}

pol_value pol_event_mask(pol_arena *arena, pol_value event, pol_value rules)
{
    masking m = {.arena = arena, .event = event, .erased = pol_builder_new(arena), .masked = pol_builder_new(arena)};
    m.refused = rules.tag != POL_SET && rules.tag != POL_ARRAY;
    for (uint32_t i = 0; !m.refused && i < rules.n; i++)
        apply(&m, pol_element(rules, i));
    if (m.refused)
        without_documents(&m, event);
    tell(&m, "erased", &m.erased);
    tell(&m, "masked", &m.masked);
    return m.event;
}
