/* SPDX-License-Identifier: Apache-2.0
 * Reading of traceparent, tracestate and baggage. */
#include "runtime/server/trace_context.h"

enum { PARENT_BYTES = 55, STATE_MAX = 2048, STATE_MEMBERS = 32, KEY_MAX = 256, VALUE_MAX = 256, BAGGAGE_MAX = 8192 };

static bool is_lower_hex(pol_bytes s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!(s.at[i] >= '0' && s.at[i] <= '9') && !(s.at[i] >= 'a' && s.at[i] <= 'f'))
            return false;
    }
    return true;
}

static bool read_hex(pol_bytes text, uint8_t *out)
{
    return is_lower_hex(text) && pol_hex_decode(out, text);
}

static bool is_zero(const uint8_t *bytes, size_t n)
{
    uint8_t all = 0;
    for (size_t i = 0; i < n; i++)
        all |= bytes[i];
    return all == 0;
}

/* version "-" trace-id "-" parent-id "-" flags; a later version may go on behind another dash. */
static bool read_parent(pol_bytes s, pol_trace_context *c)
{
    uint8_t version, flags;
    if (s.n < PARENT_BYTES || s.at[2] != '-' || s.at[35] != '-' || s.at[52] != '-' || !read_hex(pol_bytes_of(s.at, 2), &version) || version == 0xff)
        return false;
    if (s.n > PARENT_BYTES && (version == 0 || s.at[PARENT_BYTES] != '-'))
        return false;
    if (!read_hex(pol_bytes_of(s.at + 3, 32), c->trace_id) || !read_hex(pol_bytes_of(s.at + 36, 16), c->parent_id) || !read_hex(pol_bytes_of(s.at + 53, 2), &flags))
        return false;
    c->flags = flags & 3;
    return !is_zero(c->trace_id, POL_TRACE_ID) && !is_zero(c->parent_id, POL_SPAN_ID);
}

static bool is_state_key(pol_bytes key)
{
    for (size_t i = 0; i < key.n; i++) {
        uint8_t c = key.at[i];
        bool first = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!first && (i == 0 || (c != '_' && c != '-' && c != '*' && c != '/' && c != '@')))
            return false;
    }
    return key.n > 0 && key.n <= KEY_MAX;
}

static bool is_state_value(pol_bytes value)
{
    for (size_t i = 0; i < value.n; i++) {
        if (value.at[i] < ' ' || value.at[i] > '~' || value.at[i] == ',' || value.at[i] == '=')
            return false;
    }
    return value.n <= VALUE_MAX;
}

static pol_bytes trim(pol_bytes s)
{
    while (s.n && (s.at[0] == ' ' || s.at[0] == '\t'))
        s = pol_bytes_of(s.at + 1, s.n - 1);
    while (s.n && (s.at[s.n - 1] == ' ' || s.at[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* What of list stands before its first comma; *list is what follows. */
static pol_bytes take_member(pol_bytes *list, uint8_t separator)
{
    const uint8_t *end = list->n ? memchr(list->at, separator, list->n) : NULL;
    size_t n = end ? (size_t)(end - list->at) : list->n;
    pol_bytes member = pol_bytes_of(list->at, n);
    *list = end ? pol_bytes_of(end + 1, list->n - n - 1) : (pol_bytes){0};
    return member;
}

static bool is_state(pol_bytes s)
{
    unsigned n = 0;
    if (s.n > STATE_MAX)
        return false;
    while (s.n) {
        pol_bytes member = trim(take_member(&s, ','));
        const uint8_t *equals = member.n ? memchr(member.at, '=', member.n) : NULL;
        if (member.n == 0)
            continue;
        size_t n_key = equals ? (size_t)(equals - member.at) : 0;
        if (!equals || ++n > STATE_MEMBERS || !is_state_key(pol_bytes_of(member.at, n_key)) || !is_state_value(pol_bytes_of(equals + 1, member.n - n_key - 1)))
            return false;
    }
    return n > 0;
}

pol_trace_context pol_trace_context_read(const pol_http_head *head)
{
    pol_trace_context c = {0};
    if (head->n_headers == 0 || !read_parent(pol_http_header_once(head, "traceparent"), &c))
        return (pol_trace_context){0};
    c.has_parent = true;
    pol_bytes state = pol_http_header_once(head, "tracestate");
    if (is_state(state))
        c.state = state;
    return c;
}

bool pol_baggage_get(pol_bytes header, pol_bytes key, uint8_t *out, size_t *n_out)
{
    if (header.n > BAGGAGE_MAX)
        return false;
    while (header.n) {
        pol_bytes member = take_member(&header, ','), pair = take_member(&member, ';'), name = take_member(&pair, '='), value = trim(pair);
        if (!pol_bytes_equal(trim(name), key) || pair.at == NULL)
            continue;
        for (size_t i = 0; i < value.n; i++) {
            if (value.at[i] <= ' ' || value.at[i] > '~' || value.at[i] == '"' || value.at[i] == '\\')
                return false;
        }
        return pol_http_unescape(out, n_out, value, false) && pol_utf8_valid(pol_bytes_of(out, *n_out));
    }
    return false;
}
