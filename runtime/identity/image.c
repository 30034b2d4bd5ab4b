/* SPDX-License-Identifier: Apache-2.0
 * Packing of values: cells first, texts behind them.
 */
#include "runtime/identity/image.h"

#include <openssl/crypto.h>

enum { IMAGE_MAX = 4096 };

static bool has_text(pol_value v)
{
    return v.tag == POL_STRING || v.tag == POL_DECIMAL;
}

static uint32_t cells_of(pol_value v)
{
    return v.tag == POL_OBJECT ? 2 * v.n : pol_is_collection(v) ? v.n : 0;
}

/* Cells and bytes of text below v, added up; stops where that is more than is kept. */
static void measure(pol_value v, size_t *n_cells, size_t *n_text)
{
    uint32_t n = cells_of(v);
    *n_cells += n;
    *n_text += has_text(v) ? v.n : 0;
    for (uint32_t i = 0; i < n && *n_cells * sizeof(pol_cell) + *n_text <= IMAGE_MAX; i++)
        measure(pol_load(&v.cells[i]), n_cells, n_text);
}

typedef struct {
    pol_cell *cells; /* the next that is free */
    uint8_t *text;
} packing;

static void pack(packing *to, pol_cell *cell, pol_value v)
{
    uint32_t n = cells_of(v);
    pol_cell *below = to->cells;
    cell->raw = v;
    if (has_text(v)) {
        if (v.n)
            memcpy(to->text, v.text, v.n);
        cell->raw.flags |= POL_RELATIVE;
        cell->raw.i = to->text - (uint8_t *)cell;
        to->text += v.n;
    } else if (pol_is_collection(v)) {
        cell->raw.flags |= POL_RELATIVE;
        cell->raw.i = (uint8_t *)below - (uint8_t *)cell;
        to->cells += n;
    }
    for (uint32_t i = 0; i < n; i++)
        pack(to, &below[i], pol_load(&v.cells[i]));
}

bool pol_image_make(const pol_value *values, unsigned n, pol_image *out)
{
    size_t n_cells = n, n_text = 0;
    for (unsigned i = 0; i < n; i++)
        measure(values[i], &n_cells, &n_text);
    size_t size = n_cells * sizeof(pol_cell) + n_text;
    *out = (pol_image){.cells = size <= IMAGE_MAX ? OPENSSL_malloc(size) : NULL, .size = (uint16_t)size};
    if (!out->cells)
        return false;
    packing to = {.cells = out->cells + n, .text = (uint8_t *)(out->cells + n_cells)};
    for (unsigned i = 0; i < n; i++)
        pack(&to, &out->cells[i], values[i]);
    return true;
}

bool pol_image_open(const pol_image *image, pol_arena *arena, pol_value *values, unsigned n)
{
    pol_cell *cells = pol_arena_try(arena, image->size);
    if (!cells)
        return false;
    memcpy(cells, image->cells, image->size);
    for (unsigned i = 0; i < n; i++)
        values[i] = pol_load(&cells[i]);
    return true;
}

void pol_image_free(pol_image *image)
{
    OPENSSL_free(image->cells);
    *image = (pol_image){0};
}
