/* SPDX-License-Identifier: Apache-2.0
 * Slices, UTF-8, growing buffers, whole files, and the hash of bytes that bundles hold.
 */
#include "runtime/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int64_t pol_bytes_find(pol_bytes s, pol_bytes needle, size_t offset)
{
    if (offset > s.n)
        return -1;
    if (needle.n == 0)
        return (int64_t)offset;
    if (needle.n > s.n - offset)
        return -1;
    const uint8_t *at = memmem(s.at + offset, s.n - offset, needle.at, needle.n);
    return at ? at - s.at : -1;
}

int pol_bytes_compare(pol_bytes a, pol_bytes b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    if (n && a.at[0] != b.at[0]) /* most often so: no call is needed */
        return a.at[0] < b.at[0] ? -1 : 1;
    int order = n ? memcmp(a.at, b.at, n) : 0;
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

/* The code point at s[at], and its length; 0 for what is not valid UTF-8 (RFC 3629). */
static size_t decode(pol_bytes s, size_t at, uint32_t *c)
{
    const uint8_t *p = s.at + at;
    size_t left = s.n - at, n;
    uint32_t least;
    if (p[0] < 0x80) {
        *c = p[0];
        return 1;
    }
    if (p[0] >= 0xC2 && p[0] <= 0xDF)
        n = 2, least = 0x80, *c = p[0] & 0x1F;
    else if ((p[0] & 0xF0) == 0xE0)
        n = 3, least = 0x800, *c = p[0] & 0x0F;
    else if (p[0] >= 0xF0 && p[0] <= 0xF4)
        n = 4, least = 0x10000, *c = p[0] & 0x07;
    else
        return 0;
    if (left < n)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        *c = *c << 6 | (p[i] & 0x3F);
    }
    return *c < least || *c > 0x10FFFF || (*c >= 0xD800 && *c <= 0xDFFF) ? 0 : n;
}

bool pol_utf8_valid(pol_bytes s)
{
    uint32_t c;
    for (size_t at = 0; at < s.n;) {
        size_t n = decode(s, at, &c);
        if (n == 0)
            return false;
        at += n;
    }
    return true;
}

uint32_t pol_utf8_next(pol_bytes s, size_t *at)
{
    uint32_t c;
    size_t n = decode(s, *at, &c);
    *at += n ? n : 1;
    return n ? c : 0xFFFD;
}

size_t pol_utf8_put(uint8_t out[4], uint32_t c)
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xC0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xE0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
        out[2] = (uint8_t)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (uint8_t)(0xF0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3F));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
    out[3] = (uint8_t)(0x80 | (c & 0x3F));
    return 4;
}

enum { DISTANCE_MAX = 64 }; /* longer names are not suggested for */

unsigned pol_bytes_distance(pol_bytes a, pol_bytes b, unsigned limit)
{
    unsigned row[DISTANCE_MAX + 1];
    size_t longer = a.n > b.n ? a.n - b.n : b.n - a.n;
    if (a.n > DISTANCE_MAX || b.n > DISTANCE_MAX || longer > limit)
        return limit + 1;
    for (unsigned i = 0; i <= b.n; i++)
        row[i] = i;
    for (unsigned i = 1; i <= a.n; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned k = 1; k <= b.n; k++) {
            unsigned best = diagonal + (a.at[i - 1] != b.at[k - 1]);
            diagonal = row[k];
            if (row[k] + 1 < best)
                best = row[k] + 1;
            if (row[k - 1] + 1 < best)
                best = row[k - 1] + 1;
            row[k] = best;
        }
    }
    return row[b.n] > limit ? limit + 1 : row[b.n];
}

/* ---- buffers ---- */

void pol_buf_deinit(pol_buf *buf)
{
    free(buf->at);
    *buf = (pol_buf){0};
}

uint8_t *pol_buf_reserve(pol_buf *buf, size_t n)
{
    if (buf->capacity - buf->n <= n) { /* one more for the NUL */
        size_t capacity = buf->capacity ? buf->capacity : 64;
        if (n > SIZE_MAX / 4 - buf->n)
            abort();
        while (capacity - buf->n <= n)
            capacity *= 2;
        uint8_t *at = realloc(buf->at, capacity);
        if (!at)
            abort();
        buf->at = at;
        buf->capacity = capacity;
    }
    return buf->at + buf->n;
}

void pol_buf_add(pol_buf *buf, const void *p, size_t n)
{
    uint8_t *at = pol_buf_reserve(buf, n);
    if (n)
        memcpy(at, p, n);
    at[n] = 0;
    buf->n += n;
}

void pol_buf_byte(pol_buf *buf, uint8_t byte)
{
    uint8_t *at = pol_buf_reserve(buf, 1);
    at[0] = byte;
    at[1] = 0;
    buf->n++;
}

void pol_buf_text(pol_buf *buf, const char *text)
{
    pol_buf_add(buf, text, strlen(text));
}

void pol_buf_bytes(pol_buf *buf, pol_bytes bytes)
{
    pol_buf_add(buf, bytes.at, bytes.n);
}

void pol_buf_printf(pol_buf *buf, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n > 0) {
        vsnprintf((char *)pol_buf_reserve(buf, (size_t)n), (size_t)n + 1, fmt, again);
        buf->n += (size_t)n;
    }
    va_end(again);
}

void pol_buf_quoted(pol_buf *buf, pol_bytes bytes, size_t max_bytes)
{
    size_t n = bytes.n > max_bytes ? max_bytes : bytes.n;
    uint32_t c;
    pol_buf_byte(buf, '"');
    for (size_t at = 0; at < n;) {
        size_t length = decode(bytes, at, &c);
        if (length == 0)
            pol_buf_printf(buf, "\\x%02x", bytes.at[at]);
        else if (c == '"' || c == '\\')
            pol_buf_printf(buf, "\\%c", (int)c);
        else if (c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029)
            pol_buf_printf(buf, "\\u%04x", (unsigned)c);
        else
            pol_buf_add(buf, bytes.at + at, length);
        at += length ? length : 1;
    }
    pol_buf_text(buf, n < bytes.n ? "\"..." : "\"");
}

pol_bytes pol_buf_to_arena(const pol_buf *buf, pol_arena *arena)
{
    return (pol_bytes){pol_arena_copy(arena, buf->at, buf->n), buf->n};
}

/* ---- files ---- */

bool pol_file_read(const char *path, size_t max_bytes, pol_buf *buf, pol_error *err)
{
    size_t limit = max_bytes ? max_bytes : (size_t)1 << 30, first = buf->n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return pol_fail(err, POL_E_IO, "%s: cannot be opened: %s", path, strerror(errno));
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && (size_t)st.st_size <= limit)
        pol_buf_reserve(buf, (size_t)st.st_size + 64 * 1024); /* at once: a buffer that moves leaves behind what was in it */
    for (;;) {
        uint8_t *at = pol_buf_reserve(buf, 64 * 1024);
        ssize_t n = read(fd, at, 64 * 1024);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            int why = errno;
            close(fd);
            pol_buf_reserve(buf, 0)[0] = 0;
            return n == 0 || pol_fail(err, POL_E_IO, "%s: cannot be read: %s", path, strerror(why));
        }
        buf->n += (size_t)n;
        if (buf->n - first > limit) {
            close(fd);
            return pol_fail(err, POL_E_LIMIT, "%s: is larger than %zu bytes", path, limit);
        }
    }
}

/* ---- hash ---- */

static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load_word(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* Eight bytes at a time through a 64 by 64 bit multiplication, the last eight overlapping; shorter
 * ones are put together from their ends. The constants are odd numbers with about half of their
 * bits set. */
uint32_t pol_bytes_hash(pol_bytes s)
{
    const uint64_t k0 = 0x9E3779B97F4A7C15u, k1 = 0xD6E8FEB86659FD93u;
    uint64_t h = k0 ^ s.n * k1;
    if (s.n >= 8) {
        for (size_t at = 0; at + 8 < s.n; at += 8)
            h = mix(h ^ load_word(s.at + at), k1);
        h = mix(h ^ load_word(s.at + s.n - 8), k0);
    } else if (s.n >= 4) {
        uint32_t low, high;
        memcpy(&low, s.at, 4);
        memcpy(&high, s.at + s.n - 4, 4);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        low = __builtin_bswap32(low);
        high = __builtin_bswap32(high);
#endif
        h = mix(h ^ ((uint64_t)low << 32 | high), k1);
    } else if (s.n) {
        h = mix(h ^ ((uint64_t)s.at[0] << 16 | (uint64_t)s.at[s.n / 2] << 8 | s.at[s.n - 1]), k1);
    }
    h = mix(h, k0);
    return (uint32_t)(h ^ h >> 32);
}
