/* SPDX-License-Identifier: Apache-2.0
 * The texts of one compilation, and where a byte of one is for people.
 */
#include "compiler/source.h"

uint32_t pol_source_add(pol_sources *sources, const char *name, pol_bytes text, bool polward)
{
    static const uint8_t mark[] = {0xEF, 0xBB, 0xBF};
    if (pol_bytes_starts(text, pol_bytes_of(mark, sizeof mark)))
        text = pol_bytes_of(text.at + sizeof mark, text.n - sizeof mark);
    POL_GROW(sources->arena, sources->items, sources->n, sources->capacity);
    sources->items[sources->n] = (pol_source){
        .name = (const char *)pol_arena_copy(sources->arena, name, strlen(name)),
        .text = pol_bytes_of(pol_arena_copy(sources->arena, text.at, text.n), text.n),
        .polward = polward,
    };
    return sources->n++;
}

/* Offsets of line beginnings; there is always a first line. */
static void find_lines(const pol_sources *sources, pol_source *source)
{
    uint32_t n = 1;
    for (size_t i = 0; i < source->text.n; i++)
        n += source->text.at[i] == '\n';
    source->lines = POL_NEW_ARRAY(sources->arena, uint32_t, n);
    source->n_lines = 1;
    for (size_t i = 0; i < source->text.n; i++)
        if (source->text.at[i] == '\n')
            source->lines[source->n_lines++] = (uint32_t)i + 1;
}

void pol_source_place(const pol_sources *sources, pol_span span, uint32_t *row, uint32_t *col)
{
    pol_source *source = &sources->items[span.source];
    if (!source->lines)
        find_lines(sources, source);
    uint32_t low = 0, high = source->n_lines;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (source->lines[middle] <= span.start)
            low = middle;
        else
            high = middle;
    }
    *row = low + 1;
    *col = span.start - source->lines[low] + 1;
}

pol_bytes pol_source_row(const pol_sources *sources, uint32_t source_i, uint32_t row)
{
    pol_source *source = &sources->items[source_i];
    if (!source->lines)
        find_lines(sources, source);
    if (row == 0 || row > source->n_lines)
        return pol_bytes_of(NULL, 0);
    size_t start = source->lines[row - 1], end = row < source->n_lines ? source->lines[row] : source->text.n;
    while (end > start && (source->text.at[end - 1] == '\n' || source->text.at[end - 1] == '\r'))
        end--;
    return pol_bytes_of(source->text.at + start, end - start);
}
