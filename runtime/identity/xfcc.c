/* SPDX-License-Identifier: Apache-2.0
 * X-Forwarded-Client-Cert, parsed strictly: elements parted by commas, pairs by semicolons, values bare or quoted. An open quote that
 * swallowed the next element, a second Hash or a Cert that is not the hashed one would let one caller pass for another.
 */
#include "runtime/identity/xfcc.h"

#include "runtime/identity/x509.h"

#include <strings.h>

enum { ELEMENTS_MAX = 16, HEADER_MAX = 65536 };

typedef enum { BY, URI, DNS, HASH, CERT, CHAIN, SUBJECT, N_FIELDS } field;

static const struct {
    const char *name, *member;
    bool repeats;
} fields[N_FIELDS] = {
    [BY] = {"By", "by", true},       [URI] = {"URI", "uri", true},       [DNS] = {"DNS", "dns", true},
    [HASH] = {"Hash", "hash", false}, [CERT] = {"Cert", "cert", false},  [CHAIN] = {"Chain", "chain", false},
    [SUBJECT] = {"Subject", "subject", false},
};

typedef struct {
    pol_arena *arena;
    pol_bytes s;
    size_t at;
} reader;

static bool read_field(reader *r, field *out)
{
    size_t from = r->at;
    while (r->at < r->s.n && r->s.at[r->at] != '=')
        r->at++;
    if (r->at == r->s.n)
        return false;
    size_t n = r->at++ - from;
    for (field f = 0; f < N_FIELDS; f++) {
        if (strlen(fields[f].name) == n && strncasecmp(fields[f].name, (const char *)r->s.at + from, n) == 0) {
            *out = f;
            return true;
        }
    }
    return false;
}

/* The length of a quoted text that begins behind the quote at s[at], escapes and all; false when it does not end or holds a tab. */
static bool measure_quoted(pol_bytes s, size_t at, size_t *n)
{
    size_t i = at + 1;
    for (; i < s.n && s.at[i] != '"'; i++) {
        if (s.at[i] == '\t')
            return false;
        if (s.at[i] == '\\' && (++i == s.n || (s.at[i] != '"' && s.at[i] != '\\')))
            return false;
    }
    *n = i - at - 1;
    return i < s.n;
}

/* A value, bare or quoted; quotes and their escapes are taken away. */
static bool read_value(reader *r, pol_bytes *out)
{
    if (r->at < r->s.n && r->s.at[r->at] == '"') {
        size_t length, n = 0;
        if (!measure_quoted(r->s, r->at, &length))
            return false;
        const uint8_t *from = r->s.at + r->at + 1;
        uint8_t *text = pol_arena_try(r->arena, length + 1);
        for (size_t i = 0; text && i < length; i++)
            text[n++] = from[i] == '\\' ? from[++i] : from[i];
        *out = pol_bytes_of(text, n);
        r->at += length + 2;
        return text != NULL;
    }
    size_t from = r->at;
    while (r->at < r->s.n && r->s.at[r->at] != ';' && r->s.at[r->at] != ',' && r->s.at[r->at] != ' ' &&
           r->s.at[r->at] != '\t') {
        if (r->s.at[r->at] == '"')
            return false;
        r->at++;
    }
    *out = pol_bytes_of(r->s.at + from, r->at - from);
    return true;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %XX decoded once; a plus sign stands for itself. */
static bool decode_url(pol_arena *arena, pol_bytes *text)
{
    uint8_t *out = pol_arena_try(arena, text->n + 1);
    size_t n = 0;
    if (!out)
        return false;
    for (size_t i = 0; i < text->n; i++) {
        uint8_t c = text->at[i];
        if (c == '%') {
            bool whole = i + 2 < text->n;
            int high = whole ? hex_digit(text->at[i + 1]) : -1, low = whole ? hex_digit(text->at[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (uint8_t)(high << 4 | low);
            i += 2;
            if (c == 0)
                return false;
        }
        out[n++] = c;
    }
    *text = pol_bytes_of(out, n);
    return true;
}

static bool lower_hash(pol_arena *arena, pol_bytes *text)
{
    if (text->n != 64)
        return false;
    uint8_t *out = pol_arena_try(arena, 64);
    for (size_t i = 0; out && i < 64; i++) {
        if (hex_digit(text->at[i]) < 0)
            return false;
        out[i] = text->at[i] >= 'A' && text->at[i] <= 'F' ? text->at[i] | 32 : text->at[i];
    }
    *text = pol_bytes_of(out, 64);
    return out != NULL;
}

/* Hash is the SHA-256 of Cert, Cert is one certificate, Chain starts with it. */
static bool check_certs(pol_bytes hash, pol_bytes cert, pol_bytes chain)
{
    pol_chain one = {0}, all = {0};
    uint8_t digest[32], text[64];
    bool ok = true;
    if (cert.n) {
        ok = pol_chain_read(cert, &one) && sk_X509_num(one.rest) == 0;
        if (ok && hash.n) {
            pol_cert_fingerprint(one.leaf, digest);
            pol_hex_encode(text, pol_bytes_of(digest, sizeof digest));
            ok = memcmp(text, hash.at, sizeof text) == 0;
        }
    }
    if (ok && chain.n) {
        ok = pol_chain_read(chain, &all) && (!one.leaf || X509_cmp(one.leaf, all.leaf) == 0);
        if (ok && hash.n) {
            pol_cert_fingerprint(all.leaf, digest);
            pol_hex_encode(text, pol_bytes_of(digest, sizeof digest));
            ok = memcmp(text, hash.at, sizeof text) == 0;
        }
    }
    pol_chain_deinit(&one);
    pol_chain_deinit(&all);
    return ok;
}

static bool take_value(reader *r, field f, pol_bytes value, pol_builder *lists, pol_bytes *singles)
{
    if (fields[f].repeats) {
        pol_builder_add(&lists[f], pol_string(value));
        return true;
    }
    if (singles[f].at)
        return false;
    if (((f == CERT || f == CHAIN) && (!decode_url(r->arena, &value) || value.n == 0)) || (f == HASH && !lower_hash(r->arena, &value)))
        return false;
    singles[f] = value.at ? value : POL_BYTES("");
    return pol_utf8_valid(value);
}

static bool read_element(reader *r, pol_value *out)
{
    pol_builder lists[N_FIELDS];
    pol_bytes singles[N_FIELDS] = {0}, value;
    for (field f = 0; f < N_FIELDS; f++)
        lists[f] = pol_builder_new(r->arena);
    do {
        field f;
        if (!read_field(r, &f) || !read_value(r, &value) || !take_value(r, f, value, lists, singles))
            return false;
    } while (r->at < r->s.n && r->s.at[r->at] == ';' && ++r->at);
    if (!check_certs(singles[HASH], singles[CERT], singles[CHAIN]))
        return false;
    pol_builder object = pol_builder_new(r->arena);
    for (field f = 0; f < N_FIELDS; f++) {
        if (fields[f].repeats && lists[f].n)
            pol_builder_put_text(&object, fields[f].member, pol_builder_array(&lists[f]));
        else if (singles[f].at)
            pol_builder_put_text(&object, fields[f].member, pol_string(singles[f]));
    }
    *out = pol_builder_object(&object);
    return true;
}

static void skip_blanks(reader *r)
{
    while (r->at < r->s.n && (r->s.at[r->at] == ' ' || r->s.at[r->at] == '\t'))
        r->at++;
}

const char *pol_xfcc_parse(pol_arena *arena, pol_bytes header, pol_value *elements)
{
    reader r = {.arena = arena, .s = header};
    pol_builder list = pol_builder_new(arena);
    bool ok = header.n <= HEADER_MAX && pol_utf8_valid(header);
    for (size_t i = 0; ok && i < header.n; i++)
        ok = (header.at[i] >= ' ' || header.at[i] == '\t') && header.at[i] != 0x7f;
    for (bool more = true; ok && more;) {
        pol_value element;
        skip_blanks(&r);
        ok = list.n < ELEMENTS_MAX && read_element(&r, &element);
        if (!ok)
            break;
        pol_builder_add(&list, element);
        skip_blanks(&r);
        more = r.at < r.s.n;
        ok = !more || r.s.at[r.at++] == ',';
    }
    *elements = ok ? pol_builder_array(&list) : pol_undefined();
    return ok ? NULL : pol_reason_xfcc_form;
}
