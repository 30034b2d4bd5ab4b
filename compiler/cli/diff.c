/* SPDX-License-Identifier: Apache-2.0
 * The lines that differ between two texts, by Myers' algorithm, in the unified form. Texts that differ in very many lines are shown as one change.
 */
#include "compiler/cli/cli.h"

#include <stdlib.h>

enum { CONTEXT = 3, EDITS_MAX = 2000 };

typedef struct {
    pol_bytes *at;
    uint32_t n;
} lines;

/* One line of the result: ' ', '-' or '+', and where it is in both texts. */
typedef struct {
    char sign;
    uint32_t a, b;
} edit;

static lines split(pol_bytes text)
{
    lines l = {0};
    for (size_t i = 0; i < text.n; i++)
        l.n += text.at[i] == '\n' || i + 1 == text.n;
    l.at = calloc((size_t)l.n + 1, sizeof *l.at);
    if (!l.at)
        abort();
    size_t from = 0;
    for (uint32_t k = 0; k < l.n; k++) {
        const uint8_t *end = memchr(text.at + from, '\n', text.n - from);
        size_t to = end ? (size_t)(end - text.at) + 1 : text.n;
        l.at[k] = pol_bytes_of(text.at + from, to - from);
        from = to;
    }
    return l;
}

/* The furthest points of each number of edits; trace[d] has 2d+1 of them. Returns the number that it takes, or -1: more than EDITS_MAX. */
static int search(const lines *a, const lines *b, int32_t **trace)
{
    int32_t n = (int32_t)a->n, m = (int32_t)b->n;
    for (int32_t d = 0; d <= EDITS_MAX; d++) {
        int32_t *v = trace[d] = calloc((size_t)(2 * d + 1), sizeof *v);
        if (!v)
            abort();
        const int32_t *before = d ? trace[d - 1] + (d - 1) : NULL; /* by diagonal */
        for (int32_t k = -d; k <= d; k += 2) {
            bool down = d && (k == -d || (k != d && before[k - 1] < before[k + 1]));
            int32_t x = !d ? 0 : down ? before[k + 1] : before[k - 1] + 1;
            while (x < n && x - k < m && pol_bytes_equal(a->at[x], b->at[x - k]))
                x++;
            v[k + d] = x;
            if (x >= n && x - k >= m)
                return d;
        }
    }
    return -1;
}

/* The way back; edits are filled from the end. Returns their number. */
static uint32_t trace_back(const lines *a, const lines *b, int32_t **trace, int d, edit *edits)
{
    uint32_t n = 0;
    int32_t x = (int32_t)a->n, y = (int32_t)b->n;
    for (; d >= 0; d--) {
        int32_t k = x - y;
        const int32_t *before = d ? trace[d - 1] + (d - 1) : NULL;
        bool down = d && (k == -d || (k != d && before[k - 1] < before[k + 1]));
        int32_t from_x = !d ? 0 : down ? before[k + 1] : before[k - 1], from_y = !d ? 0 : from_x - (down ? k + 1 : k - 1);
        while (x > from_x && y > from_y && (!d || x > from_x + !down) && (!d || y > from_y + down))
            edits[n++] = (edit){' ', (uint32_t)--x, (uint32_t)--y};
        if (d)
            edits[n++] = down ? (edit){'+', (uint32_t)x, (uint32_t)(y - 1)} : (edit){'-', (uint32_t)(x - 1), (uint32_t)y};
        x = from_x;
        y = from_y;
    }
    for (uint32_t i = 0; i < n / 2; i++) {
        edit e = edits[i];
        edits[i] = edits[n - 1 - i];
        edits[n - 1 - i] = e;
    }
    return n;
}

static uint32_t replace_all(const lines *a, const lines *b, edit *edits)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < a->n; i++)
        edits[n++] = (edit){'-', i, 0};
    for (uint32_t i = 0; i < b->n; i++)
        edits[n++] = (edit){'+', a->n, i};
    return n;
}

static void put_range(pol_buf *out, char sign, uint32_t from, uint32_t n)
{
    pol_buf_printf(out, n == 1 ? "%c%u" : "%c%u,%u", sign, n ? from + 1 : from, n);
}

static void put_hunk(const lines *a, const lines *b, const edit *edits, uint32_t from, uint32_t to, pol_buf *out)
{
    uint32_t n_a = 0, n_b = 0;
    for (uint32_t i = from; i < to; i++) {
        n_a += edits[i].sign != '+';
        n_b += edits[i].sign != '-';
    }
    pol_buf_text(out, "@@ ");
    put_range(out, '-', edits[from].a, n_a);
    pol_buf_byte(out, ' ');
    put_range(out, '+', edits[from].b, n_b);
    pol_buf_text(out, " @@\n");
    for (uint32_t i = from; i < to; i++) {
        pol_bytes line = edits[i].sign == '+' ? b->at[edits[i].b] : a->at[edits[i].a];
        pol_buf_byte(out, (uint8_t)edits[i].sign);
        pol_buf_bytes(out, line);
        if (!pol_bytes_ends(line, POL_BYTES("\n")))
            pol_buf_text(out, "\n\\ No newline at end of file\n");
    }
}

static void put_hunks(const lines *a, const lines *b, const edit *edits, uint32_t n, pol_buf *out)
{
    for (uint32_t i = 0; i < n;) {
        if (edits[i].sign == ' ') {
            i++;
            continue;
        }
        uint32_t from = i > CONTEXT ? i - CONTEXT : 0, last = i;
        for (; i < n && i <= last + 2 * CONTEXT; i++)
            if (edits[i].sign != ' ')
                last = i;
        uint32_t to = last + 1 + CONTEXT < n ? last + 1 + CONTEXT : n;
        put_hunk(a, b, edits, from, to, out);
        i = to;
    }
}

void cli_diff(const char *name_a, const char *name_b, pol_bytes text_a, pol_bytes text_b, pol_buf *out)
{
    if (pol_bytes_equal(text_a, text_b))
        return;
    lines a = split(text_a), b = split(text_b);
    int32_t **trace = calloc(EDITS_MAX + 1, sizeof *trace);
    edit *edits = calloc((size_t)a.n + b.n + 1, sizeof *edits);
    if (!trace || !edits)
        abort();
    int d = search(&a, &b, trace);
    uint32_t n = d < 0 ? replace_all(&a, &b, edits) : trace_back(&a, &b, trace, d, edits);
    pol_buf_printf(out, "--- %s\n+++ %s\n", name_a, name_b);
    put_hunks(&a, &b, edits, n, out);
    for (unsigned i = 0; i <= EDITS_MAX; i++)
        free(trace[i]);
    free(trace);
    free(edits);
    free(a.at);
    free(b.at);
}
