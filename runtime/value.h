/* SPDX-License-Identifier: Apache-2.0
 * The one value of constants, data, input and results: 16 bytes, passed by value, never freed.
 *
 * The first eight bytes (the head) hold tag, flags, a 16-bit hash and a length; the second eight an integer, a
 * double or an address. Heads that differ tell nearly all unequal strings apart without touching their bytes.
 *
 *   tag        head.n            payload
 *   undefined  0                 0               never an element of a collection
 *   null       0                 0
 *   bool       0 or 1            0
 *   int        0                 i               any integer that int64 holds and whose text is canonical ("1", not "1.0")
 *   double     0                 d               a decimal of at most 15 significant digits that is no int, nearest to d, whose
 *                                                text is what pol_number_text gives; equality of two is equality of d
 *   decimal    bytes of text     text            every other number; its JSON text as it was written
 *   string     bytes             text            UTF-8; hash = low 16 bits of pol_bytes_hash
 *   array      elements          cells           n cells
 *   object     members           cells           2n cells: key, value, key, value, in Rego's order of keys, keys unique
 *   set        elements          cells           n cells in Rego's order, unique
 *
 * A collection's hash field is its depth: 1 + the greatest depth of what is in it (a scalar has 0), at most
 * POL_DEPTH_MAX; so recursion over values is bounded, also in a bundle made by an enemy.
 *
 * Elements of collections are pol_cell: in a bundle their address is relative to the cell (flag POL_RELATIVE), in an
 * arena it is a pointer. Only pol_load reads a cell, and what it gives always has pointers. So bundle and arena mix freely.
 *
 * An indexed collection (flag POL_INDEXED, made for the bundle only, above POL_INDEX_MIN elements) has a pol_index in the
 * 16 bytes before its first cell.
 */
#pragma once

#include "runtime/bytes.h"

typedef enum { /* in Rego's order of types */
    POL_UNDEFINED,
    POL_NULL,
    POL_BOOL,
    POL_INT,
    POL_DOUBLE,
    POL_DECIMAL,
    POL_STRING,
    POL_ARRAY,
    POL_OBJECT,
    POL_SET,
} pol_tag;

enum {
    POL_RELATIVE = 1, /* in cells only */
    POL_INDEXED = 2,
    POL_DEPTH_MAX = 1000,
    POL_INDEX_MIN = 16,
};

typedef struct pol_cell pol_cell;

typedef struct {
    uint8_t tag, flags;
    uint16_t hash;
    uint32_t n;
    union {
        int64_t i; /* also the relative address in a cell */
        double d;
        const uint8_t *text;
        const pol_cell *cells;
    };
} pol_value;

struct pol_cell {
    pol_value raw; /* read by pol_load only */
};
_Static_assert(sizeof(pol_value) == 16 && sizeof(pol_cell) == 16, "the bundle format holds them");

typedef struct {
    uint32_t n_slots; /* power of two, more than the number of elements */
    uint32_t unused;
    int64_t slots; /* relative to this pol_index: uint32_t[n_slots], 0 empty, else element + 1 */
} pol_index;

static inline pol_value pol_load(const pol_cell *cell)
{
    pol_value v = cell->raw;
    if (v.flags & POL_RELATIVE) {
        v.flags = (uint8_t)(v.flags & ~POL_RELATIVE);
        v.text = (const uint8_t *)cell + v.i;
    }
    return v;
}
/* Stores into a cell in an arena. */
static inline void pol_store(pol_cell *cell, pol_value v)
{
    cell->raw = v;
}
static inline pol_value pol_element(pol_value collection, uint32_t i)
{
    return pol_load(&collection.cells[i]);
}
static inline pol_value pol_member_key(pol_value object, uint32_t i)
{
    return pol_load(&object.cells[2 * (size_t)i]);
}
static inline pol_value pol_member_value(pol_value object, uint32_t i)
{
    return pol_load(&object.cells[2 * (size_t)i + 1]);
}

/* ---- making scalars ---- */
static inline pol_value pol_undefined(void)
{
    return (pol_value){.tag = POL_UNDEFINED};
}
static inline pol_value pol_null(void)
{
    return (pol_value){.tag = POL_NULL};
}
static inline pol_value pol_bool(bool b)
{
    return (pol_value){.tag = POL_BOOL, .n = b};
}
static inline pol_value pol_int(int64_t i)
{
    return (pol_value){.tag = POL_INT, .i = i};
}
/* s is borrowed: it must live as long as the value. At most 2^32 - 1 bytes. */
static inline pol_value pol_string(pol_bytes s)
{
    return (pol_value){.tag = POL_STRING, .hash = (uint16_t)pol_bytes_hash(s), .n = (uint32_t)s.n, .text = s.at};
}
/* text is borrowed and NUL-terminated. */
static inline pol_value pol_string_text(const char *text)
{
    return pol_string(pol_bytes_text(text));
}
/* A string copied into arena. */
pol_value pol_string_copy(pol_arena *arena, pol_bytes s);
pol_value pol_string_printf(pol_arena *arena, const char *fmt, ...) POL_PRINTF(2, 3);

/* ---- asking ---- */
static inline bool pol_is_defined(pol_value v)
{
    return v.tag != POL_UNDEFINED;
}
static inline bool pol_is_number(pol_value v)
{
    return v.tag >= POL_INT && v.tag <= POL_DECIMAL;
}
static inline bool pol_is_collection(pol_value v)
{
    return v.tag >= POL_ARRAY;
}
static inline bool pol_is_false(pol_value v)
{
    return v.tag == POL_BOOL && v.n == 0;
}
static inline bool pol_is_true(pol_value v)
{
    return v.tag == POL_BOOL && v.n == 1;
}
/* The text of a string or decimal. */
static inline pol_bytes pol_text(pol_value v)
{
    return (pol_bytes){v.text, v.n};
}
/* "null", "boolean", "number", "string", "array", "object", "set", "undefined": Rego's names. */
const char *pol_type_name(pol_value v);
static inline unsigned pol_depth(pol_value v)
{
    return pol_is_collection(v) ? v.hash : 0;
}

/* ---- comparing (compare.c): Rego's total order and equality; numbers by value at any size ---- */
int pol_compare(pol_value a, pol_value b);
bool pol_equal_slow(pol_value a, pol_value b);
static inline bool pol_equal(pol_value a, pol_value b)
{
    if (a.tag == POL_STRING && b.tag == POL_STRING)
        return a.n == b.n && a.hash == b.hash && (a.n == 0 || memcmp(a.text, b.text, a.n) == 0);
    if (a.tag == POL_INT && b.tag == POL_INT)
        return a.i == b.i;
    return pol_equal_slow(a, b);
}
/* Equal values have equal hashes, 1 and 1.0 too. Part of the bundle format (indexes). */
uint32_t pol_hash(pol_value v);

/* ---- reading collections (collection.c) ---- */
/* The value of key, or undefined. object may be any value: others give undefined. */
pol_value pol_object_get(pol_value object, pol_value key);
/* The same by name. */
pol_value pol_object_member(pol_value object, const char *name);
/* x[key] as a Rego ref reads it: array by integer index, object by key, set by element (gives the element). */
pol_value pol_lookup(pol_value collection, pol_value key);
bool pol_set_has(pol_value set, pol_value element);
/* Position of key in an object, of element in a set; -1 when absent. */
int64_t pol_find(pol_value object_or_set, pol_value key);

/* ---- making collections, in an arena ----
 * A builder grows; finishing sorts and removes duplicates. The result is immutable. */
typedef struct {
    pol_arena *arena;
    pol_cell *cells;
    uint32_t n, capacity; /* in cells */
    uint16_t depth;       /* greatest of what was added */
} pol_builder;

static inline pol_builder pol_builder_new(pol_arena *arena)
{
    return (pol_builder){.arena = arena};
}
void pol_builder_grow(pol_builder *b);
static inline void pol_builder_add(pol_builder *b, pol_value v)
{
    if (b->n == b->capacity)
        pol_builder_grow(b);
    unsigned depth = pol_depth(v);
    if (depth > b->depth)
        b->depth = (uint16_t)depth;
    pol_store(&b->cells[b->n++], v);
}
static inline void pol_builder_put(pol_builder *b, pol_value key, pol_value value)
{
    pol_builder_add(b, key);
    pol_builder_add(b, value);
}
static inline void pol_builder_put_text(pol_builder *b, const char *key, pol_value value)
{
    pol_builder_put(b, pol_string_text(key), value);
}
/* Finishing. Undefined is returned when the result would be deeper than POL_DEPTH_MAX. */
pol_value pol_builder_array(pol_builder *b);
pol_value pol_builder_set(pol_builder *b);
/* Of equal keys the last one's value counts. */
pol_value pol_builder_object(pol_builder *b);
/* Equal keys with equal values are one; with different values *conflict is set to the key (else undefined) and the
 * result is undefined. */
pol_value pol_builder_object_strict(pol_builder *b, pol_value *conflict);

static inline pol_value pol_empty(pol_tag tag)
{
    return (pol_value){.tag = (uint8_t)tag, .hash = 1};
}
/* Values of n elements at v. */
pol_value pol_array_of(pol_arena *arena, const pol_value *v, uint32_t n);
pol_value pol_set_union(pol_arena *arena, pol_value a, pol_value b);
pol_value pol_set_intersection(pol_arena *arena, pol_value a, pol_value b);
pol_value pol_set_difference(pol_arena *arena, pol_value a, pol_value b);
/* Recursive union of two objects: b's members win, objects on both sides are merged (OPA's object.union). */
pol_value pol_object_union(pol_arena *arena, pol_value a, pol_value b);
/* object with key set to value (a copy, sharing all else). */
pol_value pol_object_with(pol_arena *arena, pol_value object, pol_value key, pol_value value);
/* A deep copy into arena: for values that must outlive another arena or a bundle. */
pol_value pol_value_copy(pol_arena *arena, pol_value v);

/* ---- numbers (number.c) ---- */
/* From a JSON or Rego number's text (which is checked by the caller: -?digits[.digits][e[+-]digits]). text is borrowed
 * by a decimal result. */
pol_value pol_number_read(pol_bytes text);
/* From the nearest double, as Go's shortest form; NaN and infinities give undefined. */
pol_value pol_number_double(pol_arena *arena, double d);
/* The JSON text as it was written, or of int and double the canonical one. buf has room for POL_NUMBER_TEXT_MAX; the result
 * points into buf or, for a decimal, to its own text. */
enum { POL_NUMBER_TEXT_MAX = 40 };
pol_bytes pol_number_text(pol_value v, char buf[POL_NUMBER_TEXT_MAX]);
/* Whether v is a whole number (1, 1.0, 1e2). */
bool pol_number_is_integer(pol_value v);
/* Exact when v is a whole number in range; false otherwise. */
POL_MUST_USE bool pol_number_int64(pol_value v, int64_t *out);
double pol_number_to_double(pol_value v);
int pol_number_compare(pol_value a, pol_value b);
uint32_t pol_number_hash(pol_value v);
/* OPA's arithmetic: integers exact at any size, all else with a 64-bit mantissa (round to nearest even), results as the shortest
 * decimal that gives the same value back. */
typedef enum { POL_ADD, POL_SUBTRACT, POL_MULTIPLY, POL_DIVIDE, POL_REMAINDER } pol_arithmetic;
/* On failure *why is a static text ("divide by zero", "modulo on floating-point number") and the result undefined. */
pol_value pol_number_arithmetic(pol_arena *arena, pol_arithmetic op, pol_value a, pol_value b, const char **why);
/* The product of a list's numbers, not all of which are whole: OPA makes it with the precision of a double. Errors as above. */
pol_value pol_number_product(pol_arena *arena, pol_value list, const char **why);
typedef enum { POL_ROUND, POL_CEIL, POL_FLOOR, POL_ABS } pol_rounding;
pol_value pol_number_round(pol_arena *arena, pol_rounding how, pol_value v);
