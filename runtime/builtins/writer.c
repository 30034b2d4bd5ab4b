/* SPDX-License-Identifier: Apache-2.0
 * Texts made by built-ins: growing, and taken over from buffers.
 */
#include "runtime/builtins/writer.h"

#include "runtime/json.h"

pol_writer pol_writer_new(pol_eval *ev, size_t expected)
{
    pol_writer w = {.ev = ev, .capacity = expected < 64 ? 64 : expected};
    w.at = pol_arena_alloc(pol_eval_arena(ev), w.capacity);
    return w;
}

/* Room for n more bytes; NULL, with an error noted, when the text would be too long. */
static uint8_t *reserve(pol_writer *w, size_t n)
{
    if (n > UINT32_MAX - w->n) {
        pol_builtin_error(w->ev, "the text is too long");
        return NULL;
    }
    if (n > w->capacity - w->n) {
        size_t grown = w->n + n > 2 * w->capacity ? w->n + n : 2 * w->capacity;
        uint8_t *at = pol_arena_alloc(pol_eval_arena(w->ev), grown);
        memcpy(at, w->at, w->n);
        w->at = at;
        w->capacity = grown;
    }
    return w->at + w->n;
}

void pol_writer_add(pol_writer *w, const void *p, size_t n)
{
    uint8_t *to = n ? reserve(w, n) : NULL;
    if (!to)
        return;
    memcpy(to, p, n);
    w->n += n;
}

void pol_writer_repeat(pol_writer *w, char c, size_t n)
{
    uint8_t *to = n ? reserve(w, n) : NULL;
    if (!to)
        return;
    memset(to, c, n);
    w->n += n;
}

void pol_writer_code(pol_writer *w, uint32_t c)
{
    uint8_t bytes[4];
    pol_writer_add(w, bytes, pol_utf8_put(bytes, c));
}

void pol_writer_value(pol_writer *w, pol_value v)
{
    if (v.tag == POL_STRING) {
        pol_writer_bytes(w, pol_text(v));
        return;
    }
    pol_charge_value(w->ev, v);
    pol_buf buf = {0};
    pol_rego_write(&buf, v);
    pol_writer_bytes(w, pol_text(pol_string_take(w->ev, &buf)));
}

pol_bytes pol_writer_view(const pol_writer *w)
{
    return pol_bytes_of(w->at, w->n);
}

pol_value pol_writer_string(pol_writer *w)
{
    return pol_string(pol_writer_view(w));
}

pol_value pol_string_take(pol_eval *ev, pol_buf *buf)
{
    pol_arena *arena = pol_eval_arena(ev);
    size_t n = buf->n;
    if (n > UINT32_MAX) {
        pol_buf_deinit(buf);
        return pol_builtin_error(ev, "the text is too long");
    }
    uint8_t *at = pol_arena_try(arena, n + 1);
    if (at && n)
        memcpy(at, buf->at, n);
    pol_buf_deinit(buf);
    if (!at)
        at = pol_arena_zero(arena, n + 1, 1); /* ends the decision, the buffer being freed */
    at[n] = 0;
    return pol_string(pol_bytes_of(at, n));
}

pol_bytes pol_quoted(pol_eval *ev, pol_bytes s)
{
    enum { SHOWN_MAX = 120 };
    pol_buf buf = {0};
    pol_buf_quoted(&buf, s, SHOWN_MAX);
    return pol_text(pol_string_take(ev, &buf));
}

void pol_charge_value(pol_eval *ev, pol_value v)
{
    if (!pol_is_collection(v)) {
        pol_charge(ev, 1 + (v.tag == POL_STRING || v.tag == POL_DECIMAL ? v.n / 32 : 0));
        return;
    }
    pol_charge(ev, 1);
    uint64_t n_cells = (uint64_t)v.n * (v.tag == POL_OBJECT ? 2 : 1);
    for (uint64_t i = 0; i < n_cells; i++)
        pol_charge_value(ev, pol_load(&v.cells[i]));
}

void pol_charge_search(pol_eval *ev, pol_bytes pattern, pol_bytes text)
{
    pol_charge(ev, (1 + text.n / 16) * (1 + pattern.n / 128));
}
