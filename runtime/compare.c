/* SPDX-License-Identifier: Apache-2.0
 * Rego's total order over values, equality, and the hash that goes with it. Recursion is bounded by
 * POL_DEPTH_MAX: a collection's depth is greater than that of all in it, which the bundle's
 * verifier checks and builders keep.
 */
#include "runtime/value.h"

/* The three kinds of number are one type in Rego's order. */
static int rank(pol_value v)
{
    return v.tag == POL_DOUBLE || v.tag == POL_DECIMAL ? POL_INT : v.tag;
}

static int compare_cells(const pol_cell *a, uint32_t n_a, const pol_cell *b, uint32_t n_b)
{
    uint32_t n = n_a < n_b ? n_a : n_b;
    for (uint32_t i = 0; i < n; i++) {
        int order = pol_compare(pol_load(&a[i]), pol_load(&b[i]));
        if (order)
            return order;
    }
    return (n_a > n_b) - (n_a < n_b);
}

/* As OPA: keys and values pairwise in order of keys, key before value; then the number of members.
 */
static int compare_objects(pol_value a, pol_value b)
{
    uint32_t n = a.n < b.n ? a.n : b.n;
    for (uint32_t i = 0; i < n; i++) {
        int order = pol_compare(pol_member_key(a, i), pol_member_key(b, i));
        if (order == 0)
            order = pol_compare(pol_member_value(a, i), pol_member_value(b, i));
        if (order)
            return order;
    }
    return (a.n > b.n) - (a.n < b.n);
}

int pol_compare(pol_value a, pol_value b)
{
    int rank_a = rank(a), rank_b = rank(b);
    if (rank_a != rank_b)
        return rank_a < rank_b ? -1 : 1;
    switch (rank_a) {
    case POL_BOOL:
        return (a.n > b.n) - (a.n < b.n);
    case POL_INT:
        return pol_number_compare(a, b);
    case POL_STRING:
        return a.text == b.text && a.n == b.n ? 0 : pol_bytes_compare(pol_text(a), pol_text(b));
    case POL_ARRAY:
    case POL_SET:
        return a.cells == b.cells && a.n == b.n ? 0 : compare_cells(a.cells, a.n, b.cells, b.n);
    case POL_OBJECT:
        return a.cells == b.cells && a.n == b.n ? 0 : compare_objects(a, b);
    default:
        return 0;
    }
}

bool pol_equal_slow(pol_value a, pol_value b)
{
    if (rank(a) != rank(b))
        return false;
    if (a.tag == POL_STRING)
        return a.n == b.n && a.hash == b.hash && (a.n == 0 || memcmp(a.text, b.text, a.n) == 0);
    if (!pol_is_collection(a))
        return pol_compare(a, b) == 0;
    if (a.n != b.n)
        return false;
    if (a.cells == b.cells)
        return true;
    size_t n = a.tag == POL_OBJECT ? 2 * (size_t)a.n : a.n;
    for (size_t i = 0; i < n; i++)
        if (!pol_equal(pol_load(&a.cells[i]), pol_load(&b.cells[i])))
            return false;
    return true;
}

static uint32_t combine(uint32_t h, uint32_t x)
{
    uint64_t product = ((uint64_t)h << 32 | x) * 0x9E3779B97F4A7C15u;
    return (uint32_t)(product >> 32) ^ (uint32_t)product;
}

uint32_t pol_hash(pol_value v)
{
    if (v.tag == POL_STRING)
        return pol_bytes_hash(pol_text(v));
    if (pol_is_number(v))
        return pol_number_hash(v);
    uint32_t h = combine(v.tag, v.n);
    size_t n = v.tag == POL_OBJECT ? 2 * (size_t)v.n : v.n;
    for (size_t i = 0; pol_is_collection(v) && i < n; i++)
        h = combine(h, pol_hash(pol_load(&v.cells[i])));
    return h;
}
