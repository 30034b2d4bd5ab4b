/* SPDX-License-Identifier: Apache-2.0
 * Arrays, sets and objects: searching, making, joining. What a bundle says about order and hashes
 * is taken for true and may be a lie; then answers are wrong, but every search stays within the
 * collection and ends.
 */
#include "runtime/value.h"

#include <stdarg.h>
#include <stdio.h>

const char *pol_type_name(pol_value v)
{
    static const char *const names[] = {
        [POL_UNDEFINED] = "undefined", [POL_NULL] = "null",
        [POL_BOOL] = "boolean",        [POL_INT] = "number",
        [POL_DOUBLE] = "number",       [POL_DECIMAL] = "number",
        [POL_STRING] = "string",       [POL_ARRAY] = "array",
        [POL_OBJECT] = "object",       [POL_SET] = "set",
    };
    return v.tag <= POL_SET ? names[v.tag] : "undefined";
}

pol_value pol_string_copy(pol_arena *arena, pol_bytes s)
{
    return pol_string(pol_bytes_of(pol_arena_copy(arena, s.at, s.n), s.n));
}

pol_value pol_string_printf(pol_arena *arena, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *text = pol_arena_alloc(arena, n < 0 ? 1 : (size_t)n + 1);
    text[0] = 0;
    if (n > 0)
        vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    return pol_string(pol_bytes_of(text, n < 0 ? 0 : (size_t)n));
}

/* ---- searching ---- */

/* Distance in cells from one element (or key) to the next. */
static size_t stride(pol_value v)
{
    return v.tag == POL_OBJECT ? 2 : 1;
}

static int64_t find_by_index(pol_value v, pol_value key, size_t step)
{
    const pol_index *index = (const pol_index *)(const void *)(v.cells - 1);
    const uint32_t *slots = (const uint32_t *)(const void *)((const uint8_t *)index + index->slots);
    uint32_t mask = index->n_slots - 1, at = pol_hash(key) & mask;
    for (uint32_t tried = 0; tried < index->n_slots; tried++, at = (at + 1) & mask) {
        uint32_t slot = slots[at];
        if (slot == 0 || slot > v.n)
            return -1;
        if (pol_equal(pol_load(&v.cells[(slot - 1) * step]), key))
            return slot - 1;
    }
    return -1;
}

static int64_t find_by_halves(pol_value v, pol_value key, size_t step)
{
    uint32_t low = 0, high = v.n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = pol_compare(pol_load(&v.cells[middle * step]), key);
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

/* Strings: the head (tag, hash, length) tells nearly all others apart without touching their bytes.
 */
static int64_t find_string(pol_value v, pol_value key, size_t step)
{
    const pol_cell *cell = v.cells;
    for (uint32_t i = 0; i < v.n; i++, cell += step)
        if (cell->raw.tag == POL_STRING && cell->raw.hash == key.hash && cell->raw.n == key.n) {
            pol_value s = pol_load(cell);
            if (key.n == 0 || memcmp(s.text, key.text, key.n) == 0)
                return i;
        }
    return -1;
}

int64_t pol_find(pol_value v, pol_value key)
{
    size_t step = stride(v);
    if (v.tag != POL_OBJECT && v.tag != POL_SET)
        return -1;
    if (v.flags & POL_INDEXED)
        return find_by_index(v, key, step);
    if (v.n > POL_INDEX_MIN)
        return find_by_halves(v, key, step);
    if (key.tag == POL_STRING)
        return find_string(v, key, step);
    for (uint32_t i = 0; i < v.n; i++)
        if (pol_equal(pol_load(&v.cells[i * step]), key))
            return i;
    return -1;
}

pol_value pol_object_get(pol_value object, pol_value key)
{
    int64_t i = object.tag == POL_OBJECT ? pol_find(object, key) : -1;
    return i < 0 ? pol_undefined() : pol_member_value(object, (uint32_t)i);
}

pol_value pol_object_member(pol_value object, const char *name)
{
    return pol_object_get(object, pol_string_text(name));
}

bool pol_set_has(pol_value set, pol_value element)
{
    return set.tag == POL_SET && pol_find(set, element) >= 0;
}

pol_value pol_lookup(pol_value collection, pol_value key)
{
    int64_t i;
    switch (collection.tag) {
    case POL_OBJECT:
        return pol_object_get(collection, key);
    case POL_SET:
        i = pol_find(collection, key);
        return i < 0 ? pol_undefined() : pol_element(collection, (uint32_t)i);
    case POL_ARRAY:
        if (key.tag == POL_INT)
            i = key.i;
        else if (!pol_is_number(key) || !pol_number_int64(key, &i))
            return pol_undefined();
        return i < 0 || i >= collection.n ? pol_undefined() : pol_element(collection, (uint32_t)i);
    default:
        return pol_undefined();
    }
}

/* ---- builders ---- */

void pol_builder_grow(pol_builder *b)
{
    if (b->capacity > UINT32_MAX / 2)
        pol_arena_alloc_slow(b->arena,
                             SIZE_MAX); /* more cells than can be counted: the arena is exhausted */
    POL_GROW(b->arena, b->cells, b->n, b->capacity);
}

static pol_value finish(pol_builder *b, pol_tag tag, uint32_t n)
{
    if (b->depth >= POL_DEPTH_MAX)
        return pol_undefined();
    return (pol_value){
        .tag = (uint8_t)tag, .hash = (uint16_t)(b->depth + 1), .n = n, .cells = b->cells};
}

pol_value pol_builder_array(pol_builder *b)
{
    return finish(b, POL_ARRAY, b->n);
}

/* 0 when all are in order and no two equal, 1 when some are equal, 2 when there is something to
 * sort. */
static unsigned disorder(const pol_cell *cells, uint32_t n, size_t step)
{
    unsigned found = 0;
    for (uint32_t i = 1; i < n; i++) {
        int order = pol_compare(pol_load(&cells[(i - 1) * step]), pol_load(&cells[i * step]));
        if (order > 0)
            return 2;
        found |= order == 0;
    }
    return found;
}

static void insertion_sort(pol_cell *cells, uint32_t n, size_t step)
{
    for (uint32_t i = 1; i < n; i++) {
        pol_cell held[2];
        memcpy(held, &cells[i * step], step * sizeof *cells);
        pol_value key = pol_load(&held[0]);
        uint32_t at = i;
        while (at > 0 && pol_compare(pol_load(&cells[(at - 1) * step]), key) > 0)
            at--;
        memmove(&cells[(at + 1) * step], &cells[at * step], (i - at) * step * sizeof *cells);
        memcpy(&cells[at * step], held, step * sizeof *cells);
    }
}

/* Stable merge sort of n elements of step cells, few of them by insertion; spare has room for half
 * of them. */
static void sort_cells(pol_cell *cells, uint32_t n, size_t step, pol_cell *spare)
{
    if (n <= 12) {
        insertion_sort(cells, n, step);
        return;
    }
    uint32_t half = n / 2, left = 0, right = half, out = 0;
    sort_cells(cells, half, step, spare);
    sort_cells(cells + half * step, n - half, step, spare);
    memcpy(spare, cells, half * step * sizeof *cells);
    while (left < half && right < n) {
        bool take_right =
            pol_compare(pol_load(&spare[left * step]), pol_load(&cells[right * step])) > 0;
        const pol_cell *from = take_right ? &cells[right++ * step] : &spare[left++ * step];
        memmove(&cells[out++ * step], from, step * sizeof *cells);
    }
    memcpy(&cells[out * step], &spare[left * step], (half - left) * step * sizeof *cells);
}

/* False when nothing was to be done: in order and all different. */
static bool sort_builder(pol_builder *b, size_t step)
{
    uint32_t n = (uint32_t)(b->n / step);
    unsigned found = disorder(b->cells, n, step);
    if (found < 2)
        return found;
    pol_cell *spare = n > 12 ? pol_arena_array(b->arena, (n / 2 + 1) * step, sizeof *spare) : NULL;
    sort_cells(b->cells, n, step, spare);
    return true;
}

pol_value pol_builder_set(pol_builder *b)
{
    uint32_t kept = 0;
    if (!sort_builder(b, 1))
        return finish(b, POL_SET, b->n);
    for (uint32_t i = 0; i < b->n; i++)
        if (kept == 0 || !pol_equal(pol_load(&b->cells[kept - 1]), pol_load(&b->cells[i])))
            b->cells[kept++] = b->cells[i];
    b->n = kept;
    return finish(b, POL_SET, kept);
}

/* Of equal keys the last stays. A conflict is an equal key with another value. */
static pol_value finish_object(pol_builder *b, pol_value *conflict)
{
    uint32_t kept = 0;
    if (!sort_builder(b, 2))
        return finish(b, POL_OBJECT, b->n / 2);
    for (uint32_t i = 0; i < b->n; i += 2) {
        if (kept && pol_equal(pol_load(&b->cells[kept - 2]), pol_load(&b->cells[i]))) {
            if (conflict && !pol_equal(pol_load(&b->cells[kept - 1]), pol_load(&b->cells[i + 1]))) {
                *conflict = pol_load(&b->cells[i]);
                return pol_undefined();
            }
            b->cells[kept - 1] = b->cells[i + 1];
            continue;
        }
        b->cells[kept] = b->cells[i];
        b->cells[kept + 1] = b->cells[i + 1];
        kept += 2;
    }
    b->n = kept;
    return finish(b, POL_OBJECT, kept / 2);
}

pol_value pol_builder_object(pol_builder *b)
{
    return finish_object(b, NULL);
}

pol_value pol_builder_object_strict(pol_builder *b, pol_value *conflict)
{
    *conflict = pol_undefined();
    return finish_object(b, conflict);
}

pol_value pol_array_of(pol_arena *arena, const pol_value *v, uint32_t n)
{
    pol_builder b = pol_builder_new(arena);
    b.cells = pol_arena_array(arena, n ? n : 1, sizeof *b.cells);
    b.capacity = n ? n : 1;
    for (uint32_t i = 0; i < n; i++)
        pol_builder_add(&b, v[i]);
    return pol_builder_array(&b);
}

/* ---- joining ---- */

/* Both in order: one pass. take: bit 0 elements of a only, bit 1 of both, bit 2 of b only. */
static pol_value merge_sets(pol_arena *arena, pol_value a, pol_value b, unsigned take)
{
    if ((a.n == 0 && (take & 4)) || (b.n == 0 && (take & 1)))
        return a.n == 0 && (take & 4) ? b : a;
    pol_builder out = pol_builder_new(arena);
    uint32_t i = 0, k = 0;
    while (i < a.n || k < b.n) {
        int order = i == a.n   ? 1
                    : k == b.n ? -1
                               : pol_compare(pol_element(a, i), pol_element(b, k));
        if (take & (order < 0 ? 1u : order == 0 ? 2u : 4u))
            pol_builder_add(&out, order <= 0 ? pol_element(a, i) : pol_element(b, k));
        i += order <= 0;
        k += order >= 0;
    }
    return finish(&out, POL_SET, out.n);
}

pol_value pol_set_union(pol_arena *arena, pol_value a, pol_value b)
{
    return merge_sets(arena, a, b, 7);
}

pol_value pol_set_intersection(pol_arena *arena, pol_value a, pol_value b)
{
    return merge_sets(arena, a, b, 2);
}

pol_value pol_set_difference(pol_arena *arena, pol_value a, pol_value b)
{
    return merge_sets(arena, a, b, 1);
}

pol_value pol_object_union(pol_arena *arena, pol_value a, pol_value b)
{
    pol_builder out = pol_builder_new(arena);
    uint32_t i = 0, k = 0;
    while (i < a.n || k < b.n) {
        int order = i == a.n   ? 1
                    : k == b.n ? -1
                               : pol_compare(pol_member_key(a, i), pol_member_key(b, k));
        pol_value value = order < 0 ? pol_member_value(a, i) : pol_member_value(b, k);
        if (order == 0 && value.tag == POL_OBJECT && pol_member_value(a, i).tag == POL_OBJECT)
            value = pol_object_union(arena, pol_member_value(a, i), value);
        pol_builder_put(&out, order <= 0 ? pol_member_key(a, i) : pol_member_key(b, k), value);
        i += order <= 0;
        k += order >= 0;
    }
    return finish(&out, POL_OBJECT, out.n / 2);
}

pol_value pol_object_with(pol_arena *arena, pol_value object, pol_value key, pol_value value)
{
    pol_builder one = pol_builder_new(arena), out = pol_builder_new(arena);
    pol_builder_put(&one, key, value);
    if (object.tag != POL_OBJECT)
        return pol_builder_object(&one);
    bool placed = false;
    for (uint32_t i = 0; i < object.n; i++) {
        int order = placed ? -1 : pol_compare(pol_member_key(object, i), key);
        if (order >= 0) {
            pol_builder_put(&out, order == 0 ? pol_member_key(object, i) : key, value);
            placed = true;
        }
        if (order != 0)
            pol_builder_put(&out, pol_member_key(object, i), pol_member_value(object, i));
    }
    if (!placed)
        pol_builder_put(&out, key, value);
    return finish(&out, POL_OBJECT, out.n / 2);
}

pol_value pol_value_copy(pol_arena *arena, pol_value v)
{
    if (v.tag == POL_STRING || v.tag == POL_DECIMAL) {
        v.text = pol_arena_copy(arena, v.text, v.n);
        return v;
    }
    if (!pol_is_collection(v))
        return v;
    size_t n = v.n * stride(v);
    pol_cell *cells = pol_arena_array(arena, n ? n : 1, sizeof *cells);
    for (size_t i = 0; i < n; i++)
        pol_store(&cells[i], pol_value_copy(arena, pol_load(&v.cells[i])));
    v.cells = cells;
    v.flags = 0;
    return v;
}
