/* SPDX-License-Identifier: Apache-2.0
 * Bytes with their length: borrowed slices, growing buffers, and the encodings of bytes as text. There is one
 * function for each encoding in the whole project, so that no two parts read the same text differently.
 */
#pragma once

#include "runtime/arena.h"

/* A borrowed run of bytes; at may be NULL when n is 0. Not NUL-terminated unless said so. */
typedef struct {
    const uint8_t *at;
    size_t n;
} pol_bytes;

#define POL_BYTES(literal) ((pol_bytes){(const uint8_t *)("" literal), sizeof(literal) - 1})

static inline pol_bytes pol_bytes_of(const void *at, size_t n)
{
    return (pol_bytes){(const uint8_t *)at, n};
}
static inline pol_bytes pol_bytes_text(const char *text)
{
    return (pol_bytes){(const uint8_t *)text, text ? strlen(text) : 0};
}
static inline bool pol_bytes_equal(pol_bytes a, pol_bytes b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.at, b.at, a.n) == 0);
}
static inline bool pol_bytes_is(pol_bytes a, const char *text)
{
    return pol_bytes_equal(a, pol_bytes_text(text));
}
static inline bool pol_bytes_starts(pol_bytes s, pol_bytes prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.at, prefix.at, prefix.n) == 0);
}
static inline bool pol_bytes_ends(pol_bytes s, pol_bytes suffix)
{
    return s.n >= suffix.n && (suffix.n == 0 || memcmp(s.at + s.n - suffix.n, suffix.at, suffix.n) == 0);
}
/* Position of the first needle in s from offset, or -1. */
int64_t pol_bytes_find(pol_bytes s, pol_bytes needle, size_t offset);
/* Bytewise order: negative, zero, positive. */
int pol_bytes_compare(pol_bytes a, pol_bytes b);
/* True when s is valid UTF-8 (no surrogates, no overlong forms, at most U+10FFFF). */
bool pol_utf8_valid(pol_bytes s);
/* Decodes the code point at s[*at] and moves *at behind it; an invalid byte gives U+FFFD and moves by one. */
uint32_t pol_utf8_next(pol_bytes s, size_t *at);
/* Writes code point c (below 0x110000) as UTF-8; returns the count, 1 to 4. */
size_t pol_utf8_put(uint8_t out[4], uint32_t c);
/* Edit distance for "did you mean", at most limit + 1. */
unsigned pol_bytes_distance(pol_bytes a, pol_bytes b, unsigned limit);

/* A growing heap buffer. Append functions abort() when memory is out; contents are NUL-terminated at n (not counted).
 * Zero-initialised is valid and empty. */
typedef struct {
    uint8_t *at;
    size_t n, capacity;
} pol_buf;

void pol_buf_deinit(pol_buf *buf);
static inline void pol_buf_deinit_at(pol_buf *buf)
{
    pol_buf_deinit(buf);
}
static inline void pol_buf_clear(pol_buf *buf)
{
    buf->n = 0;
}
/* Room for n more bytes at the end; returns where to write. Adjust buf->n afterwards. */
uint8_t *pol_buf_reserve(pol_buf *buf, size_t n);
void pol_buf_add(pol_buf *buf, const void *p, size_t n);
void pol_buf_byte(pol_buf *buf, uint8_t byte);
void pol_buf_text(pol_buf *buf, const char *text);
void pol_buf_bytes(pol_buf *buf, pol_bytes bytes);
void pol_buf_printf(pol_buf *buf, const char *fmt, ...) POL_PRINTF(2, 3);
/* Foreign bytes for logs and messages: quoted, control and non-UTF-8 bytes escaped, cut after max_bytes. */
void pol_buf_quoted(pol_buf *buf, pol_bytes bytes, size_t max_bytes);
static inline pol_bytes pol_buf_view(const pol_buf *buf)
{
    return (pol_bytes){buf->at, buf->n};
}
/* Copies the contents into arena. */
pol_bytes pol_buf_to_arena(const pol_buf *buf, pol_arena *arena);

/* Reads a whole file into buf. Refuses more than max_bytes (0: 1 GiB). */
POL_MUST_USE bool pol_file_read(const char *path, size_t max_bytes, pol_buf *buf, pol_error *err);

/* base64 (RFC 4648). strict: canonical only (right padding for POL_BASE64 and none for POL_BASE64URL, no bits left
 * over, no other characters). Not strict, as Go's decoders: '\r' and '\n' are skipped, left-over bits ignored. */
typedef enum {
    POL_BASE64,           /* +/ padded */
    POL_BASE64URL,        /* -_ unpadded */
    POL_BASE64URL_PADDED, /* -_ padded */
} pol_base64_kind;
/* out has room for pol_base64_size(n); returns the bytes written. */
size_t pol_base64_encode(uint8_t *out, pol_bytes in, pol_base64_kind kind);
static inline size_t pol_base64_size(size_t n)
{
    return (n + 2) / 3 * 4;
}
/* out has room for in.n bytes; false (and nothing promised in out) when in is malformed. */
POL_MUST_USE bool pol_base64_decode(uint8_t *out, size_t *n_out, pol_bytes in, pol_base64_kind kind, bool strict);
/* Lower-case hex; out has room for 2 * n. */
void pol_hex_encode(uint8_t *out, pol_bytes in);
/* Either case; out has room for n / 2. */
POL_MUST_USE bool pol_hex_decode(uint8_t *out, pol_bytes in);

/* 32 bits over all of the bytes, the same on every machine: part of the bundle format. */
uint32_t pol_bytes_hash(pol_bytes s);
