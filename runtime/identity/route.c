/* SPDX-License-Identifier: Apache-2.0
 * The one normalisation of request paths and the one matching of templates: two readings of one path would be a way past a policy.
 */
#include "runtime/identity/route.h"

#include <stdlib.h>

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
        if (kind != LITERAL)
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

/* ---- the index ----
 * For each method a tree of segments, as objects: "/literal" leads to the node of what is below that segment, "{}" to that below a name, "{...}" to the route that takes the
 * rest and "=" to the route that ends there. A path is looked up in as many steps as it has segments, and more only where literals and names
 * lead the same way: the first segment of different kinds decides, so the first route that is met wins. */

typedef struct {
    pol_bytes method, template;
    pol_value route;
} row;

/* The key under which the row stands in a node at depth at of its template. */
static pol_bytes key_at(const row *r, size_t at)
{
    if (at >= r->template.n)
        return POL_BYTES("=");
    pol_bytes s = segment_at(r->template, at), name;
    segment_kind kind = kind_of(s, &name);
    return kind == LITERAL ? pol_bytes_of(r->template.at + at, 1 + s.n) : kind == NAME ? POL_BYTES("{}") : POL_BYTES("{...}");
}

static int compare_rows(const void *left, const void *right)
{
    const row *a = left, *b = right;
    int order = pol_bytes_compare(a->method, b->method);
    for (size_t x = 0, y = 0; order == 0 && (x < a->template.n || y < b->template.n);) {
        order = pol_bytes_compare(key_at(a, x), key_at(b, y));
        x += x < a->template.n ? 1 + segment_at(a->template, x).n : 0;
        y += y < b->template.n ? 1 + segment_at(b->template, y).n : 0;
    }
    return order;
}

/* The node of rows, sorted, whose keys so far are the same; at[i] is where the rest of row i's template begins. */
static pol_value node_of(pol_arena *arena, const row *rows, uint32_t *at, uint32_t n)
{
    pol_builder node = pol_builder_new(arena);
    for (uint32_t i = 0; i < n;) {
        pol_bytes key = key_at(&rows[i], at[i]);
        bool leaf = at[i] >= rows[i].template.n || pol_bytes_is(key, "{...}");
        uint32_t first = i;
        for (; i < n && pol_bytes_equal(key_at(&rows[i], at[i]), key); i++)
            ;
        for (uint32_t k = first; k < i && !leaf; k++)
            at[k] += (uint32_t)(1 + segment_at(rows[k].template, at[k]).n);
        pol_builder_put(&node, pol_string(key), leaf ? rows[first].route : node_of(arena, rows + first, at + first, i - first));
    }
    return pol_builder_object(&node);
}

bool pol_route_index(pol_arena *arena, pol_value routes, pol_value *index, pol_error *err)
{
    uint32_t n = routes.tag == POL_ARRAY ? routes.n : 0, *at = POL_NEW_ARRAY(arena, uint32_t, n + 1);
    row *rows = POL_NEW_ARRAY(arena, row, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        pol_value route = pol_element(routes, i), method = pol_object_member(route, "method"), template = pol_object_member(route, "template");
        if (method.tag != POL_STRING || template.tag != POL_STRING || template.n > POL_TEMPLATE_MAX || !pol_template_valid(pol_text(template)))
            return pol_fail(err, POL_E_BUNDLE, "route %u of the bundle's manifest has no method, or no template that can be matched", i);
        rows[i] = (row){pol_text(method), pol_text(template), route};
    }
    qsort(rows, n, sizeof *rows, compare_rows);
    pol_builder methods = pol_builder_new(arena);
    for (uint32_t i = 0; i < n;) {
        uint32_t first = i;
        for (; i < n && pol_bytes_equal(rows[i].method, rows[first].method); i++)
            at[i] = 0;
        pol_builder_put(&methods, pol_string(rows[first].method), node_of(arena, rows + first, at + first, i - first));
    }
    *index = pol_builder_object(&methods);
    return true;
}

/* The route below node for what is left of the path from p on. */
static pol_value find_below(pol_value node, pol_bytes path, size_t p)
{
    if (p >= path.n)
        return pol_object_member(node, "=");
    pol_bytes s = segment_at(path, p);
    pol_value child = pol_object_get(node, pol_string(pol_bytes_of(path.at + p, 1 + s.n)));
    pol_value found = pol_is_defined(child) ? find_below(child, path, p + 1 + s.n) : pol_undefined();
    child = pol_is_defined(found) || s.n == 0 ? pol_undefined() : pol_object_member(node, "{}");
    if (pol_is_defined(child))
        found = find_below(child, path, p + 1 + s.n);
    return pol_is_defined(found) ? found : pol_object_member(node, "{...}");
}

pol_value pol_route_find(pol_arena *arena, pol_value index, pol_bytes method, pol_bytes normal, pol_value *captures)
{
    pol_value tree = pol_object_get(index, pol_string(method));
    pol_value route = pol_is_defined(tree) ? find_below(tree, normal, 0) : pol_undefined();
    if (!pol_is_defined(route) || !pol_template_match(arena, pol_text(pol_object_member(route, "template")), normal, captures))
        return pol_undefined();
    return route;
}
