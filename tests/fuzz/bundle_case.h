/* SPDX-License-Identifier: Apache-2.0
 * What the fuzz target of bundles and the mutation driver share: changes that know the format, and a decision of each entry point.
 */
#pragma once

#include "runtime/bundle.h"
#include "runtime/explain.h"
#include "runtime/json.h"
#include "runtime/trace.h"

#include <openssl/evp.h>
#include <stdlib.h>

typedef struct {
    uint64_t state;
} dice;

static inline uint64_t roll(dice *d)
{
    uint64_t z = d->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}
static inline uint64_t below(dice *d, uint64_t n)
{
    return n ? roll(d) % n : 0;
}

/* Numbers that are often just wrong: borders, neighbours of what stood there, small ones. */
static inline uint64_t odd_number(dice *d, uint64_t was)
{
    static const uint64_t borders[] = {0, 1, 2, 16, 255, 256, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
                                       0x100000000, 0x7fffffffffffffff, 0xffffffffffffffff};
    switch (below(d, 5)) {
    case 0:
        return borders[below(d, sizeof borders / sizeof *borders)];
    case 1:
        return was + below(d, 7) - 3;
    case 2:
        return below(d, 32);
    case 3:
        return was ^ (uint64_t)1 << below(d, 64);
    default:
        return roll(d);
    }
}

/* Writes an odd number over the size (1, 2, 4 or 8) bytes at `at`. */
static inline void spoil(dice *d, uint8_t *at, size_t size)
{
    uint64_t was = 0;
    memcpy(&was, at, size);
    was = odd_number(d, was);
    memcpy(at, &was, size);
}

/* A section of the bundle in bytes, as far as its header is believable. */
static inline bool find_section(const uint8_t *bytes, size_t n, pol_section which, pol_bundle_section *s)
{
    pol_bundle_header header;
    if (n < sizeof header)
        return false;
    memcpy(&header, bytes, sizeof header);
    *s = header.sections[which];
    return s->size > 0 && s->size <= n && s->offset <= n - s->size;
}

static inline void spoil_field(dice *d, uint8_t *bytes, size_t n, pol_section which, size_t row, size_t field)
{
    pol_bundle_section s;
    if (find_section(bytes, n, which, &s) && s.size >= row) {
        uint64_t rows = s.size / row, fields = row / field;
        spoil(d, bytes + s.offset + below(d, rows) * row + below(d, fields) * field, field);
    }
}

/* One instruction in the place of another one, or a jump that goes anywhere. */
static inline void spoil_code(dice *d, uint8_t *bytes, size_t n)
{
    pol_bundle_section s;
    pol_insn in, other;
    if (!find_section(bytes, n, POL_SECTION_CODE, &s) || s.size < sizeof in)
        return;
    uint64_t rows = s.size / sizeof in;
    uint8_t *at = bytes + s.offset + below(d, rows) * sizeof in;
    memcpy(&in, at, sizeof in);
    memcpy(&other, bytes + s.offset + below(d, rows) * sizeof in, sizeof other);
    switch (below(d, 7)) {
    case 0:
        in.op = (uint16_t)below(d, POL_OP_COUNT + 1);
        break;
    case 1:
        in.a = (uint16_t)below(d, 12);
        break;
    case 2:
        in.b = (uint16_t)below(d, 12);
        break;
    case 3:
        in.c = (uint16_t)below(d, 12);
        break;
    case 4:
        in.j = (int32_t)below(d, 24) - 12;
        break;
    case 5:
        in = other;
        break;
    default:
        in.op = other.op;
    }
    memcpy(at, &in, sizeof in);
}

/* A cell: tag, flags, length, address. */
static inline void spoil_cell(dice *d, uint8_t *bytes, size_t n)
{
    static const struct {
        uint8_t at, size;
    } parts[] = {{0, 1}, {1, 1}, {2, 2}, {4, 4}, {8, 8}};
    pol_bundle_section s;
    if (!find_section(bytes, n, POL_SECTION_VALUES, &s) || s.size < sizeof(pol_cell))
        return;
    uint64_t rows = s.size / sizeof(pol_cell);
    uint8_t *cell = bytes + s.offset + below(d, rows) * sizeof(pol_cell);
    unsigned part = (unsigned)below(d, 7);
    if (part == 5) {
        memcpy(cell, bytes + s.offset + below(d, rows) * sizeof(pol_cell), 8); /* another's head */
    } else if (part == 6) {
        int64_t address = -16 * (int64_t)below(d, 64);
        memcpy(cell + 8, &address, sizeof address);
    } else {
        spoil(d, cell + parts[part].at, parts[part].size);
    }
}

/* Changes bytes in place and returns how many of them remain. */
static inline size_t change(dice *d, uint8_t *bytes, size_t n)
{
    if (n == 0)
        return 0;
    switch (below(d, 12)) {
    case 0:
        bytes[below(d, n)] ^= (uint8_t)(1u << below(d, 8));
        break;
    case 1:
        bytes[below(d, n)] = (uint8_t)roll(d);
        break;
    case 2: /* header */
        if (n >= sizeof(pol_bundle_header))
            spoil(d, bytes + 8 * below(d, sizeof(pol_bundle_header) / 8), 8);
        break;
    case 3:
        spoil_field(d, bytes, n, POL_SECTION_FUNCTIONS, sizeof(pol_bundle_function), below(d, 2) ? 4 : 2);
        break;
    case 4:
        spoil_field(d, bytes, n, POL_SECTION_INDEXES, 4, 4);
        break;
    case 5:
        spoil_field(d, bytes, n, (pol_section)(POL_SECTION_PLACES + below(d, 5)), 4, 4);
        break;
    case 6: { /* a piece over another one */
        size_t size = (size_t)below(d, n / 2 < 64 ? n / 2 : 64);
        memmove(bytes + below(d, n - size), bytes + below(d, n - size), size);
        break;
    }
    case 7:
        if (below(d, 8) == 0)
            return (size_t)below(d, n);
        break;
    case 8:
    case 9:
        spoil_cell(d, bytes, n);
        break;
    default:
        spoil_code(d, bytes, n);
    }
    return n;
}

/* Makes the digest right again, so that more than the digest's check is met. buf holds n bytes of a body (and what was its trailer). */
static inline void seal(pol_buf *buf)
{
    pol_bundle_header header;
    pol_bundle_trailer trailer = {.magic = POL_TRAILER_MAGIC};
    if (buf->n < sizeof header)
        return;
    memcpy(&header, buf->at, sizeof header);
    if (header.body_size > buf->n)
        header.body_size = buf->n & ~(size_t)15;
    buf->n = header.body_size;
    if (buf->n < sizeof header)
        return;
    memcpy(buf->at, &header, sizeof header);
    if (EVP_Digest(buf->at, buf->n, trailer.digest, NULL, EVP_sha256(), NULL) != 1)
        abort();
    pol_buf_add(buf, &trailer, sizeof trailer);
}

static const char case_input[] =
    "{\"subject\": {\"type\": \"user\", \"id\": \"alice\", \"properties\": {\"roles\": [\"admin\"], \"tenant\": \"t1\"}},"
    " \"action\": {\"name\": \"read\"}, \"resource\": {\"type\": \"document\", \"id\": \"1\", \"properties\": {\"owner\": \"alice\", \"n\": 5}},"
    " \"context\": {\"time\": \"2026-01-01T00:00:00Z\"}, \"user\": \"alice\", \"x\": [1, 2.5, null, \"a\", {\"b\": []}]}";

static const char explained_input[] =
    "{\"subject\": {\"type\": \"user\", \"id\": \"alice\"}, \"action\": {\"name\": \"refund\"}, \"resource\": {\"type\": \"order\", \"id\": \"1\"},"
    " \"token\": {\"claims\": {\"sub\": \"alice\", \"roles\": [\"clerk\"]}, \"scopes\": []}}";

/* The explanation as text, and the events of an entry point. */
static inline void explain_all(pol_eval *ev, const pol_bundle *bundle)
{
    pol_error err;
    pol_value input, told, result;
    pol_buf text = {0};
    pol_eval_begin(ev, bundle);
    pol_arena *arena = pol_eval_arena(ev);
    if (!pol_json_read(arena, pol_bytes_text(explained_input), NULL, &input, &err))
        abort();
    if (pol_explain(ev, input, &told, &err)) {
        pol_explain_text(told, &text);
        pol_json_write(&text, told, POL_JSON_COMPACT);
    }
    const char *path = pol_bundle_entry_path(bundle, 0);
    pol_events *events = path ? pol_events_begin(ev, POL_EVENTS_FULL, &err) : NULL;
    if (events) {
        bool ok = pol_eval_run(ev, pol_bundle_entry(bundle, arena, pol_path_split(arena, pol_bytes_text(path))), input, &result, &err);
        pol_events_text(pol_events_end(events), &text);
        if (ok)
            pol_json_write(&text, result, POL_JSON_COMPACT);
    }
    pol_buf_deinit(&text);
}

static inline pol_eval *case_evaluator(void)
{
    static const pol_limits limits = {.instructions = 20000, .arena_bytes = 1 << 20, .depth = 32};
    pol_eval *ev = pol_eval_new(&limits);
    pol_eval_set_clock(ev, 1700000000000000000);
    pol_eval_set_seed(ev, 1);
    return ev;
}

/* Opens the bundle and, when it is accepted, decides each entry point, with an input and without. Returns the decisions; 0: refused or none. */
static inline unsigned decide_all(pol_eval *ev, const pol_buf *bytes)
{
    enum { ENTRIES_MAX = 200 };
    pol_bundle *bundle;
    pol_error err;
    unsigned n = 0;
    if (!pol_bundle_from_bytes(pol_buf_view(bytes), NULL, &bundle, &err))
        return 0;
    for (uint32_t i = 0; i < ENTRIES_MAX && pol_bundle_entry_path(bundle, i); i++)
        for (int with = 0; with < 2; with++, n++) {
            pol_value input = pol_undefined(), result;
            pol_eval_begin(ev, bundle);
            pol_arena *arena = pol_eval_arena(ev);
            if (with && !pol_json_read(arena, pol_bytes_text(case_input), NULL, &input, &err))
                abort();
            pol_value path = pol_path_split(arena, pol_bytes_text(pol_bundle_entry_path(bundle, i)));
            pol_buf text = {0};
            if (pol_eval_run(ev, pol_bundle_entry(bundle, arena, path), input, &result, &err))
                pol_json_write(&text, result, POL_JSON_COMPACT);
            pol_buf_deinit(&text);
        }
    explain_all(ev, bundle);
    pol_bundle_close(bundle);
    return n;
}
