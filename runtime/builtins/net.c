/* SPDX-License-Identifier: Apache-2.0
 * Built-ins of family net: sets of addresses written as CIDR. An IPv4 address is kept as the IPv6 address ::ffff:a.b.c.d, so that
 * one kind of arithmetic serves both; the two families never contain each other.
 */
#include "runtime/builtin.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    uint8_t first[16]; /* host bits are zero */
    unsigned n_bits;   /* of 128 */
    bool v4;
} network;

enum { TEXT_MAX = 64 };

static bool read_address(pol_bytes text, uint8_t out[16], bool *v4)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    char z[TEXT_MAX];
    if (text.n == 0 || text.n >= sizeof z || memchr(text.at, 0, text.n))
        return false;
    memcpy(z, text.at, text.n);
    z[text.n] = 0;
    memcpy(out, mapped, sizeof mapped);
    if (inet_pton(AF_INET, z, out + 12) == 1) {
        *v4 = true;
        return true;
    }
    *v4 = false;
    if (inet_pton(AF_INET6, z, out) != 1)
        return false;
    return true;
}

static bool is_mapped(const uint8_t a[16])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return memcmp(a, mapped, sizeof mapped) == 0;
}

static void mask_host(uint8_t a[16], unsigned n_bits, uint8_t fill)
{
    for (unsigned i = 0; i < 16; i++) {
        unsigned kept = n_bits <= 8 * i ? 0 : n_bits - 8 * i > 8 ? 8 : n_bits - 8 * i;
        uint8_t host = (uint8_t)(0xff >> kept);
        a[i] = (uint8_t)((a[i] & ~host) | (fill & host));
    }
}

static bool read_ip(pol_bytes text, network *out)
{
    if (!read_address(text, out->first, &out->v4))
        return false;
    out->n_bits = 128;
    out->v4 = is_mapped(out->first);
    return true;
}

static bool read_cidr(pol_bytes text, network *out)
{
    int64_t slash = pol_bytes_find(text, POL_BYTES("/"), 0);
    if (slash < 0 || !read_address(pol_bytes_of(text.at, (size_t)slash), out->first, &out->v4))
        return false;
    unsigned bits = 0, most = out->v4 ? 32 : 128;
    pol_bytes number = pol_bytes_of(text.at + slash + 1, text.n - (size_t)slash - 1);
    if (number.n == 0)
        return false;
    for (size_t i = 0; i < number.n; i++) {
        if (number.at[i] < '0' || number.at[i] > '9')
            return false;
        bits = bits * 10 + (unsigned)(number.at[i] - '0');
        if (bits > most)
            return false;
    }
    out->n_bits = out->v4 ? bits + 96 : bits;
    mask_host(out->first, out->n_bits, 0);
    out->v4 = out->n_bits >= 96 && is_mapped(out->first);
    return true;
}

static bool contains(const network *net, const uint8_t address[16])
{
    uint8_t masked[16];
    memcpy(masked, address, 16);
    mask_host(masked, net->n_bits, 0);
    return net->v4 == is_mapped(address) && memcmp(masked, net->first, 16) == 0;
}

static bool contains_net(const network *net, const network *inner)
{
    return inner->v4 == net->v4 && inner->n_bits >= net->n_bits && contains(net, inner->first);
}

/* RFC 5952: lower case, the longest run of two or more zero groups as "::", an IPv4 address in dots. */
static size_t write_address(char out[TEXT_MAX], const uint8_t a[16])
{
    if (is_mapped(a))
        return (size_t)snprintf(out, TEXT_MAX, "%u.%u.%u.%u", a[12], a[13], a[14], a[15]);
    unsigned group[8], run_at = 8, run_n = 1;
    for (unsigned i = 0; i < 8; i++)
        group[i] = (unsigned)a[2 * i] << 8 | a[2 * i + 1];
    for (unsigned i = 0; i < 8; i++) {
        unsigned n = 0;
        while (i + n < 8 && group[i + n] == 0)
            n++;
        if (n > run_n) {
            run_at = i;
            run_n = n;
        }
    }
    size_t n = 0;
    for (unsigned i = 0; i < 8; i++) {
        if (i == run_at) {
            n += (size_t)snprintf(out + n, TEXT_MAX - n, "::");
            i += run_n - 1;
            continue;
        }
        bool colon = i > 0 && !(run_at < 8 && i == run_at + run_n);
        n += (size_t)snprintf(out + n, TEXT_MAX - n, "%s%x", colon ? ":" : "", group[i]);
    }
    return n;
}

static bool fail_cidr(pol_eval *ev, pol_bytes text)
{
    pol_builtin_error(ev, "invalid CIDR address: %.*s", (int)(text.n < 64 ? text.n : 64), (const char *)text.at);
    return false;
}

/* Does the network outer contain the address or network inner? */
static bool check_contains(pol_eval *ev, pol_bytes outer, pol_bytes inner, bool *out)
{
    network net, other;
    if (!read_cidr(outer, &net))
        return fail_cidr(ev, outer);
    if (!read_ip(inner, &other) && !read_cidr(inner, &other)) {
        pol_builtin_error(ev, "not a valid textual representation of an IP address or CIDR: %.*s",
                          (int)(inner.n < 64 ? inner.n : 64), (const char *)inner.at);
        return false;
    }
    *out = contains_net(&net, &other);
    return true;
}

static pol_value answer_contains(pol_eval *ev, const pol_value *args)
{
    pol_bytes outer = pol_arg_string(ev, args, 0), inner = pol_arg_string(ev, args, 1);
    bool yes = false;
    if (pol_builtin_failed(ev) || !check_contains(ev, outer, inner, &yes))
        return pol_undefined();
    return pol_bool(yes);
}

POL_BUILTIN(cidr_contains, "net.cidr_contains", "(cidr: string, cidr_or_ip: string) boolean",
            "True when the network contains the address or the whole other network.")
{
    return answer_contains(ev, args);
}

POL_BUILTIN_FLAGS(cidr_overlap, "net.cidr_overlap", "(cidr1: string, cidr2: string) boolean", "The old name of net.cidr_contains.",
                  POL_DEPRECATED)
{
    return answer_contains(ev, args);
}

POL_BUILTIN(cidr_intersects, "net.cidr_intersects", "(cidr1: string, cidr2: string) boolean", "True when the networks have an address in common.")
{
    pol_bytes a = pol_arg_string(ev, args, 0), b = pol_arg_string(ev, args, 1);
    if (pol_builtin_failed(ev))
        return pol_undefined();
    network x, y;
    if (!read_cidr(a, &x))
        return fail_cidr(ev, a), pol_undefined();
    if (!read_cidr(b, &y))
        return fail_cidr(ev, b), pol_undefined();
    return pol_bool(contains_net(&x, &y) || contains_net(&y, &x));
}

POL_BUILTIN(cidr_is_valid, "net.cidr_is_valid", "(cidr: string) boolean", "True when the text is a CIDR network.")
{
    network net;
    return pol_bool(args[0].tag == POL_STRING && read_cidr(pol_text(args[0]), &net));
}

/* ---- matches between two collections ---- */

/* The CIDR of element i of a collection and what the result calls it. */
static bool take_match(pol_eval *ev, unsigned operand, pol_value v, uint32_t i, pol_bytes *cidr, pol_value *name)
{
    pol_value e;
    switch (v.tag) {
    case POL_STRING:
        *cidr = pol_text(v);
        *name = v;
        return true;
    case POL_ARRAY:
        e = pol_element(v, i);
        *name = pol_int(i);
        break;
    case POL_OBJECT:
        e = pol_member_value(v, i);
        *name = pol_member_key(v, i);
        break;
    default:
        e = pol_element(v, i);
        *name = e;
        break;
    }
    if (e.tag == POL_ARRAY && e.n > 0)
        e = pol_element(e, 0);
    else if (e.tag != POL_STRING)
        e = pol_undefined();
    if (e.tag != POL_STRING) {
        pol_builtin_error(ev, "operand %u: element must be string or non-empty array", operand);
        return false;
    }
    *cidr = pol_text(e);
    return true;
}

/* Of other types nothing could match, as in OPA. */
static uint32_t n_matches(pol_value v)
{
    return v.tag == POL_STRING ? 1 : pol_is_collection(v) ? v.n : 0;
}

POL_BUILTIN(cidr_contains_matches, "net.cidr_contains_matches",
            "(cidrs: string|array[string|array[any]]|object[string: string|array[any]]|set[string|array[any]], "
            "cidrs_or_ips: string|array[string|array[any]]|object[string: string|array[any]]|set[string|array[any]]) set[[any, any]]",
            "The pairs of a network and an address or network that it contains, by index, key or element.")
{
    uint32_t n = n_matches(args[0]), m = n_matches(args[1]);
    pol_builder set = pol_builder_new(pol_eval_arena(ev));
    for (uint32_t i = 0; i < n; i++) {
        pol_bytes outer, inner;
        pol_value pair[2];
        if (!take_match(ev, 1, args[0], i, &outer, &pair[0]))
            return pol_undefined();
        for (uint32_t k = 0; k < m; k++) {
            bool yes = false;
            pol_charge(ev, 1);
            if (!take_match(ev, 2, args[1], k, &inner, &pair[1]) || !check_contains(ev, outer, inner, &yes))
                return pol_undefined();
            if (yes)
                pol_builder_add(&set, pol_array_of(pol_eval_arena(ev), pair, 2));
        }
    }
    return pol_builder_set(&set);
}

/* ---- expanding and merging ---- */

static bool step_up(uint8_t a[16])
{
    for (int i = 15; i >= 0; i--) {
        if (++a[i])
            return true;
    }
    return false;
}

POL_BUILTIN(cidr_expand, "net.cidr_expand", "(cidr: string) set[string]", "All addresses of a network.")
{
    pol_bytes text = pol_arg_string(ev, args, 0);
    network net;
    if (pol_builtin_failed(ev))
        return pol_undefined();
    if (!read_cidr(text, &net))
        return fail_cidr(ev, text), pol_undefined();
    pol_builder set = pol_builder_new(pol_eval_arena(ev));
    uint8_t at[16];
    memcpy(at, net.first, 16);
    do {
        char buf[TEXT_MAX];
        size_t n = write_address(buf, at);
        pol_charge(ev, 1);
        pol_builder_add(&set, pol_string_copy(pol_eval_arena(ev), pol_bytes_of(buf, n)));
    } while (step_up(at) && contains(&net, at));
    return pol_builder_set(&set);
}

typedef struct {
    uint8_t first[16], last[16];
    bool v4;
} range;

static int compare_ranges(const void *a, const void *b)
{
    const range *x = a, *y = b;
    if (x->v4 != y->v4)
        return x->v4 ? -1 : 1;
    int c = memcmp(x->first, y->first, 16);
    return c ? c : memcmp(x->last, y->last, 16);
}

/* Does b begin inside a or right behind it? Both of one family, a not after b. */
static bool touches(const range *a, const range *b)
{
    uint8_t next[16];
    memcpy(next, a->last, 16);
    return a->v4 == b->v4 && (!step_up(next) || memcmp(b->first, next, 16) <= 0);
}

/* The fewest networks that make up a range. */
static void add_networks(pol_eval *ev, pol_builder *set, const range *r)
{
    uint8_t at[16];
    memcpy(at, r->first, 16);
    bool more = true;
    while (more && memcmp(at, r->last, 16) <= 0) {
        unsigned bits = 128, least = r->v4 ? 96 : 0;
        uint8_t end[16], wider[16];
        memcpy(end, at, 16);
        while (bits > least) {
            memcpy(wider, at, 16);
            mask_host(wider, bits - 1, 0);
            if (memcmp(wider, at, 16) != 0)
                break;
            mask_host(wider, bits - 1, 0xff);
            if (memcmp(wider, r->last, 16) > 0)
                break;
            memcpy(end, wider, 16);
            bits--;
        }
        char buf[TEXT_MAX + 8];
        size_t n = write_address(buf, at);
        n += (size_t)snprintf(buf + n, sizeof buf - n, "/%u", bits - least);
        pol_charge(ev, 1);
        pol_builder_add(set, pol_string_copy(pol_eval_arena(ev), pol_bytes_of(buf, n)));
        memcpy(at, end, 16);
        more = step_up(at);
    }
}

/* An address with no prefix length stands, as in OPA, for its network by the classes of old: /8, /16 or /24. */
static bool read_member(pol_eval *ev, pol_bytes text, network *net)
{
    if (!read_ip(text, net))
        return read_cidr(text, net) || fail_cidr(ev, text);
    uint8_t high = net->first[12];
    if (!net->v4 || high >= 224) {
        pol_builtin_error(ev, "%s invalid: needs prefix length", net->v4 ? "IPv4" : "IPv6");
        return false;
    }
    net->n_bits = 96 + (high < 128 ? 8 : high < 192 ? 16 : 24);
    mask_host(net->first, net->n_bits, 0);
    return true;
}

POL_BUILTIN(cidr_merge, "net.cidr_merge", "(addrs: array[string]|set[string]) set[string]",
            "The fewest networks that together are the same addresses.")
{
    pol_value list = pol_arg_list(ev, args, 0);
    if (pol_builtin_failed(ev))
        return pol_undefined();
    range *ranges = pol_arena_array(pol_eval_arena(ev), list.n ? list.n : 1, sizeof *ranges);
    for (uint32_t i = 0; i < list.n; i++) {
        pol_value e = pol_element(list, i);
        network net;
        pol_charge(ev, 1);
        if (e.tag != POL_STRING)
            return pol_builtin_error(ev, "element must be string");
        if (!read_member(ev, pol_text(e), &net))
            return pol_undefined();
        memcpy(ranges[i].first, net.first, 16);
        memcpy(ranges[i].last, net.first, 16);
        mask_host(ranges[i].last, net.n_bits, 0xff);
        ranges[i].v4 = net.v4;
    }
    qsort(ranges, list.n, sizeof *ranges, compare_ranges);
    pol_builder set = pol_builder_new(pol_eval_arena(ev));
    for (uint32_t i = 0; i < list.n;) {
        range r = ranges[i++];
        for (; i < list.n && touches(&r, &ranges[i]); i++) {
            if (memcmp(ranges[i].last, r.last, 16) > 0)
                memcpy(r.last, ranges[i].last, 16);
        }
        add_networks(ev, &set, &r);
    }
    return pol_builder_set(&set);
}

POL_FAMILY(net) = {
    POL_ROW(cidr_contains), POL_ROW(cidr_overlap), POL_ROW(cidr_intersects), POL_ROW(cidr_is_valid),
    POL_ROW(cidr_contains_matches), POL_ROW(cidr_expand), POL_ROW(cidr_merge), POL_END,
};
