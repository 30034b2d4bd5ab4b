/* SPDX-License-Identifier: Apache-2.0
 * Source texts, and byte offsets to lines and columns. A place in a text is two byte offsets until it is printed.
 */
#pragma once

#include "runtime/bytes.h"

typedef struct {
    uint32_t source;     /* index of the text */
    uint32_t start, end; /* byte offsets, end exclusive */
} pol_span;

typedef struct {
    const char *name; /* as given: path of the file */
    pol_bytes text;   /* NUL at text.at[text.n]; an initial byte-order mark is not part of it */
    uint32_t *lines;  /* offsets of line beginnings, made on first use */
    uint32_t n_lines;
    bool generated;   /* the compiler's own text */
    bool polward;     /* a .pol file: the eight statements are understood; else plain Rego v1 */
} pol_source;

typedef struct {
    pol_arena *arena;
    pol_source *items;
    uint32_t n, capacity;
} pol_sources;

/* text is copied into the arena. Returns the index. polward: see pol_source. */
uint32_t pol_source_add(pol_sources *sources, const char *name, pol_bytes text, bool polward);
/* row and col from 1; col counts bytes. */
void pol_source_place(const pol_sources *sources, pol_span span, uint32_t *row, uint32_t *col);
/* The text of a row, without its line end. */
pol_bytes pol_source_row(const pol_sources *sources, uint32_t source, uint32_t row);
static inline pol_bytes pol_source_text(const pol_sources *sources, pol_span span)
{
    return pol_bytes_of(sources->items[span.source].text.at + span.start, span.end - span.start);
}
