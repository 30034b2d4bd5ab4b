/* SPDX-License-Identifier: Apache-2.0
 * etcd's JSON, both ways. */
#include "runtime/server/etcd.h"

#include "runtime/json.h"

static const char no_json[] = "etcd's answer is not strict JSON of its form";

static bool read_number(pol_value v, uint64_t *out)
{
    *out = 0;
    if (!pol_is_defined(v))
        return true;
    if (v.tag != POL_STRING || v.n == 0 || v.n > 19)
        return false;
    for (uint32_t i = 0; i < v.n; i++) {
        if (v.text[i] < '0' || v.text[i] > '9')
            return false;
        *out = *out * 10 + (uint64_t)(v.text[i] - '0');
    }
    return true;
}

/* An empty value is left out. */
static bool read_bytes(pol_arena *arena, pol_value v, pol_bytes *out)
{
    size_t n = 0;
    *out = pol_bytes_of((const uint8_t *)"", 0);
    if (!pol_is_defined(v))
        return true;
    if (v.tag != POL_STRING)
        return false;
    uint8_t *at = pol_arena_alloc(arena, (size_t)v.n + 1);
    if (!pol_base64_decode(at, &n, pol_text(v), POL_BASE64, true))
        return false;
    *out = pol_bytes_of(at, n);
    return true;
}

static bool is_key(pol_arena *arena, pol_value kv, pol_bytes key)
{
    pol_bytes its;
    return kv.tag == POL_OBJECT && read_bytes(arena, pol_object_member(kv, "key"), &its) && pol_bytes_equal(its, key);
}

static bool read_object(pol_arena *arena, pol_bytes text, pol_value *out)
{
    static const pol_json_options strict = {.unique_members = true, .max_depth = 16, .borrow = true};
    pol_error err;
    return pol_json_read(arena, text, &strict, out, &err) && out->tag == POL_OBJECT;
}

const char *pol_etcd_range_read(pol_arena *arena, pol_bytes text, pol_bytes key, pol_etcd_answer *out)
{
    pol_value answer;
    *out = (pol_etcd_answer){0};
    if (!read_object(arena, text, &answer) || !read_number(pol_object_member(pol_object_member(answer, "header"), "revision"), &out->revision) || out->revision == 0)
        return no_json;
    pol_value kvs = pol_object_member(answer, "kvs");
    for (uint32_t i = 0; kvs.tag == POL_ARRAY && i < kvs.n; i++) {
        pol_value kv = pol_element(kvs, i);
        if (!is_key(arena, kv, key))
            continue;
        if (!read_bytes(arena, pol_object_member(kv, "value"), &out->value))
            return no_json;
        out->has_value = true;
    }
    return NULL;
}

static const char *read_event(pol_arena *arena, pol_value event, pol_bytes key, pol_etcd_answer *out)
{
    pol_value kv = pol_object_member(event, "kv"), type = pol_object_member(event, "type");
    if (!is_key(arena, kv, key))
        return NULL;
    out->deleted = type.tag == POL_STRING && pol_bytes_is(pol_text(type), "DELETE");
    out->has_value = !out->deleted;
    return out->deleted || read_bytes(arena, pol_object_member(kv, "value"), &out->value) ? NULL : no_json;
}

const char *pol_etcd_watch_read(pol_arena *arena, pol_bytes line, pol_bytes key, pol_etcd_answer *out)
{
    pol_value answer;
    *out = (pol_etcd_answer){0};
    if (!read_object(arena, line, &answer))
        return no_json;
    if (pol_is_defined(pol_object_member(answer, "error")))
        return "etcd ended the watch";
    pol_value result = pol_object_member(answer, "result"), events = pol_object_member(result, "events");
    if (result.tag != POL_OBJECT || !read_number(pol_object_member(pol_object_member(result, "header"), "revision"), &out->revision))
        return no_json;
    out->created = pol_is_true(pol_object_member(result, "created"));
    out->canceled = pol_is_true(pol_object_member(result, "canceled"));
    const char *why = NULL;
    for (uint32_t i = 0; !why && events.tag == POL_ARRAY && i < events.n; i++)
        why = read_event(arena, pol_element(events, i), key, out);
    return why;
}

static void put_key(pol_buf *out, pol_bytes key)
{
    pol_buf_text(out, "\"key\":\"");
    out->n += pol_base64_encode(pol_buf_reserve(out, pol_base64_size(key.n)), key, POL_BASE64);
    pol_buf_byte(out, '"');
}

void pol_etcd_range_write(pol_buf *out, pol_bytes key)
{
    pol_buf_byte(out, '{');
    put_key(out, key);
    pol_buf_byte(out, '}');
}

void pol_etcd_watch_write(pol_buf *out, pol_bytes key, uint64_t from_revision)
{
    pol_buf_text(out, "{\"create_request\":{");
    put_key(out, key);
    pol_buf_printf(out, ",\"start_revision\":\"%llu\"}}", (unsigned long long)from_revision);
}
