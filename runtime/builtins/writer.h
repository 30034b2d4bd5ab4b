/* SPDX-License-Identifier: Apache-2.0
 * Text that a built-in makes, growing in the decision's arena, so that a spent budget may end the
 * decision at any point. A text too long for a value is an error of the built-in.
 */
#pragma once

#include "runtime/builtin.h"

typedef struct {
    pol_eval *ev;
    uint8_t *at;
    size_t n, capacity;
} pol_writer;

/* expected: bytes of room to begin with. */
pol_writer pol_writer_new(pol_eval *ev, size_t expected);
void pol_writer_add(pol_writer *w, const void *p, size_t n);
static inline void pol_writer_bytes(pol_writer *w, pol_bytes s)
{
    pol_writer_add(w, s.at, s.n);
}
static inline void pol_writer_text(pol_writer *w, const char *text)
{
    pol_writer_add(w, text, strlen(text));
}
static inline void pol_writer_byte(pol_writer *w, char c)
{
    pol_writer_add(w, &c, 1);
}
void pol_writer_repeat(pol_writer *w, char c, size_t n);
/* Code point c as UTF-8. */
void pol_writer_code(pol_writer *w, uint32_t c);
/* v as Rego text, a string without quotes: what print, templates and sprintf's %v show. */
void pol_writer_value(pol_writer *w, pol_value v);
pol_bytes pol_writer_view(const pol_writer *w);
pol_value pol_writer_string(pol_writer *w);

/* A string of the buffer's contents; the buffer is emptied, also when the decision ends here. */
pol_value pol_string_take(pol_eval *ev, pol_buf *buf);
/* Foreign text for a message: quoted, cut after some hundred bytes. */
pol_bytes pol_quoted(pol_eval *ev, pol_bytes s);
/* Pays for every element in v, however often shared ones are met, and for the bytes of strings: to
 * be called before something is done that takes as long, such as printing. */
void pol_charge_value(pol_eval *ev, pol_value v);
/* Pays for looking for a pattern in a text: linear in the text, and in the worst case in the
 * pattern too. */
void pol_charge_search(pol_eval *ev, pol_bytes pattern, pol_bytes text);
