/* SPDX-License-Identifier: Apache-2.0
 * The one normalisation of request paths and the one matching of templates: two readings of one path would be a way past a policy.
 */
#include "runtime/identity/route.h"

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The segment of s behind the '/' at s[at]. */
static pol_bytes segment_at(pol_bytes s, size_t at)
{
    const uint8_t *slash = at + 1 < s.n ? memchr(s.at + at + 1, '/', s.n - at - 1) : NULL;
    size_t end = slash ? (size_t)(slash - s.at) : s.n;
    return pol_bytes_of(s.at + at + 1, end - at - 1);
}

static bool check_segments(pol_bytes path)
{
    for (size_t at = 0; at < path.n;) {
        pol_bytes s = segment_at(path, at);
        at += 1 + s.n;
        if ((s.n == 0 && at < path.n) || pol_bytes_is(s, ".") || pol_bytes_is(s, ".."))
            return false;
    }
    return true;
}

bool pol_path_normal(pol_arena *arena, pol_bytes path, pol_bytes *normal)
{
    if (path.n == 0 || path.at[0] != '/')
        return false;
    uint8_t *out = pol_arena_try(arena, path.n + 1);
    size_t n = 0;
    if (!out)
        return false;
    for (size_t i = 0; i < path.n; i++) {
        uint8_t c = path.at[i];
        if (c == '?' || c == '#')
            return false;
        if (c == '%') {
            int high = i + 2 < path.n ? hex_digit(path.at[i + 1]) : -1, low = i + 2 < path.n ? hex_digit(path.at[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (uint8_t)(high << 4 | low);
            if (c == '/')
                return false;
            i += 2;
        }
        if (c == '\\' || c == 0)
            return false;
        out[n++] = c;
    }
    *normal = pol_bytes_of(out, n);
    return pol_utf8_valid(*normal) && check_segments(*normal);
}

typedef enum { LITERAL, NAME, REST } segment_kind;

static segment_kind kind_of(pol_bytes segment, pol_bytes *name)
{
    if (segment.n < 3 || segment.at[0] != '{' || segment.at[segment.n - 1] != '}')
        return LITERAL;
    *name = pol_bytes_of(segment.at + 1, segment.n - 2);
    if (name->n > 3 && pol_bytes_ends(*name, POL_BYTES("..."))) {
        name->n -= 3;
        return REST;
    }
    return NAME;
}

bool pol_template_valid(pol_bytes template)
{
    if (template.n == 0 || template.at[0] != '/')
        return false;
    for (size_t at = 0; at < template.n;) {
        pol_bytes s = segment_at(template, at), name;
        at += 1 + s.n;
        segment_kind kind = kind_of(s, &name);
        pol_bytes text = kind == LITERAL ? s : name;
        if (pol_bytes_find(text, POL_BYTES("{"), 0) >= 0 || pol_bytes_find(text, POL_BYTES("}"), 0) >= 0)
            return false;
        if ((kind == REST && at < template.n) || (kind == LITERAL && s.n == 0 && at < template.n))
            return false;
    }
    return true;
}

/* captures may be NULL: only whether it matches. */
static bool match(pol_bytes template, pol_bytes path, pol_builder *captures)
{
    size_t t = 0, p = 0;
    while (t < template.n && p < path.n) {
        pol_bytes wanted = segment_at(template, t), got = segment_at(path, p), name;
        segment_kind kind = kind_of(wanted, &name);
        if (kind == LITERAL && !pol_bytes_equal(wanted, got))
            return false;
        if (kind == NAME && got.n == 0)
            return false;
        if (kind == REST)
            got = pol_bytes_of(path.at + p + 1, path.n - p - 1);
        if (kind != LITERAL && captures)
            pol_builder_put(captures, pol_string(name), pol_string(got));
        t += 1 + wanted.n;
        p += 1 + got.n;
    }
    return t == template.n && p == path.n;
}

bool pol_template_match(pol_arena *arena, pol_bytes template, pol_bytes normal, pol_value *captures)
{
    pol_builder b = pol_builder_new(arena);
    if (!match(template, normal, &b))
        return false;
    *captures = pol_builder_object(&b);
    return true;
}

/* Is a more specific than b, both matching one path? The first segment of different kinds decides. */
static bool is_more_specific(pol_bytes a, pol_bytes b)
{
    for (size_t x = 0, y = 0; x < a.n && y < b.n;) {
        pol_bytes s = segment_at(a, x), t = segment_at(b, y), name;
        segment_kind k = kind_of(s, &name), l = kind_of(t, &name);
        if (k != l)
            return k < l;
        x += 1 + s.n;
        y += 1 + t.n;
    }
    return false;
}

pol_value pol_route_find(pol_arena *arena, pol_value routes, pol_bytes method, pol_bytes normal, pol_value *captures)
{
    pol_value best = pol_undefined(), best_template = pol_undefined();
    for (uint32_t i = 0; routes.tag == POL_ARRAY && i < routes.n; i++) {
        pol_value route = pol_element(routes, i), template = pol_object_member(route, "template");
        pol_value wanted = pol_object_member(route, "method");
        if (template.tag != POL_STRING || wanted.tag != POL_STRING || !pol_bytes_equal(pol_text(wanted), method) ||
            !match(pol_text(template), normal, NULL))
            continue;
        if (!pol_is_defined(best) || is_more_specific(pol_text(template), pol_text(best_template))) {
            best = route;
            best_template = template;
        }
    }
    if (pol_is_defined(best) && !pol_template_match(arena, pol_text(best_template), normal, captures))
        return pol_undefined();
    return best;
}
