/* SPDX-License-Identifier: Apache-2.0
 * The strict JSON reader (RFC 8259), text straight into values in one pass, and the printer. The
 * reader keeps its own stack, so nesting costs no C stack; tokens are found by re2c over text that
 * ends in a NUL.
 */
#include "runtime/json.h"

#include <stdlib.h>

/* ---- reader ---- */

enum { FIRST_CELLS = 128, FIRST_LEVELS = 16 };

/* An array or object that is open: its elements are the cells from first on. */
typedef struct {
    uint32_t first;
    uint16_t depth; /* greatest of its elements */
    bool object;
} level;

typedef struct {
    pol_arena *arena;
    const uint8_t *begin, *at, *end;
    const pol_json_options *options;
    pol_error *err;
    /* Elements of all that is open. What closes moves into the arena, exactly as large as it is. */
    pol_cell *cells;
    uint32_t n, capacity;
    level *levels;
    uint32_t depth, levels_capacity;
} reader;

typedef enum {
    TOKEN_END,
    TOKEN_BAD,
    TOKEN_OPEN_ARRAY,
    TOKEN_CLOSE_ARRAY,
    TOKEN_OPEN_OBJECT,
    TOKEN_CLOSE_OBJECT,
    TOKEN_COMMA,
    TOKEN_COLON,
    TOKEN_STRING, /* the opening quote */
    TOKEN_NUMBER,
    TOKEN_NULL,
    TOKEN_TRUE,
    TOKEN_FALSE,
} token;

static bool fail_at(const reader *r, const uint8_t *at, const char *what)
{
    size_t row = 1, col = 1;
    for (const uint8_t *p = r->begin; p < at; p++) {
        col = *p == '\n' ? 1 : col + 1;
        row += *p == '\n';
    }
    return pol_fail(r->err, POL_E_JSON, "line %zu, column %zu (byte %zu): %s", row, col,
                    (size_t)(at - r->begin), what);
}

static POL_COLD bool fail_memory(const reader *r)
{
    return pol_fail(r->err, POL_E_LIMIT, "no memory is left for this document");
}

/* Moves over byte c when it is the very next one: the quick way past the lexer. */
static inline bool skip_byte(reader *r, uint8_t c)
{
    if (*r->at != c)
        return false;
    r->at++;
    return true;
}

/* The next token; *start is where it begins, r->at behind it. */
static token next_token(reader *r, const uint8_t **start)
{
    const uint8_t *YYCURSOR = r->at, *YYMARKER, *token_start;
    token kind;
    for (;;) {
        token_start = YYCURSOR;
        /*!re2c
            re2c:define:YYCTYPE = "unsigned char";
            re2c:yyfill:enable = 0;

            integer = "-"? ("0" | [1-9] [0-9]*);
            number = integer ("." [0-9]+)? ([eE] [+-]? [0-9]+)?;

            [ \t\r\n]+ { continue; }
            "["     { kind = TOKEN_OPEN_ARRAY; break; }
            "]"     { kind = TOKEN_CLOSE_ARRAY; break; }
            "{"     { kind = TOKEN_OPEN_OBJECT; break; }
            "}"     { kind = TOKEN_CLOSE_OBJECT; break; }
            ","     { kind = TOKEN_COMMA; break; }
            ":"     { kind = TOKEN_COLON; break; }
            "\""    { kind = TOKEN_STRING; break; }
            "null"  { kind = TOKEN_NULL; break; }
            "true"  { kind = TOKEN_TRUE; break; }
            "false" { kind = TOKEN_FALSE; break; }
            number  { kind = TOKEN_NUMBER; break; }
            *       { kind = token_start == r->end ? TOKEN_END : TOKEN_BAD; break; }
        */
    }
    *start = token_start;
    r->at = kind == TOKEN_END ? r->end : YYCURSOR;
    return kind;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hex digits at p; -1 when they are none. The text's NUL ends the search in time. */
static int32_t unit_at(const uint8_t *p)
{
    int32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* The escape at r->at, behind its backslash, as UTF-8 into out; its length, or 0 with an error. */
static size_t read_escape(reader *r, uint8_t out[4])
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const uint8_t *at = r->at;
    const char *simple = *at ? strchr(from, *at) : NULL;
    if (simple) {
        r->at++;
        out[0] = (uint8_t)to[simple - from];
        return 1;
    }
    int32_t unit = *at == 'u' ? unit_at(at + 1) : -1;
    if (unit < 0) {
        (void)!fail_at(r, at, "this is no escape of a string");
        return 0;
    }
    r->at = at + 5;
    uint32_t c = (uint32_t)unit;
    if (c >= 0xD800 && c <= 0xDFFF) {
        int32_t low = c < 0xDC00 && r->at[0] == '\\' && r->at[1] == 'u' ? unit_at(r->at + 2) : -1;
        if (low < 0xDC00 || low > 0xDFFF) {
            (void)!fail_at(r, at, "a surrogate stands alone");
            return 0;
        }
        c = 0x10000 + ((c - 0xD800) << 10) + ((uint32_t)low - 0xDC00);
        r->at += 6;
    }
    if (c == 0 && r->options->no_nul) {
        (void)!fail_at(r, at, "U+0000 is not allowed in a string here");
        return 0;
    }
    return pol_utf8_put(out, c);
}

/* Is the byte one that a string holds as it is, and that is a character by itself? */
static inline bool is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* Moves over plain bytes, eight at a time. */
static const uint8_t *skip_plain(const uint8_t *at, const uint8_t *end)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    while (end - at >= 8) {
        uint64_t w;
        memcpy(&w, at, 8);
        uint64_t quote = w ^ ones * '"', slash = w ^ ones * '\\';
        uint64_t special = ((w - ones * 0x20) | (quote - ones) | (slash - ones) | w) & highs;
        if (special)
            break;
        at += 8;
    }
    while (is_plain(*at))
        at++;
    return at;
}

/* Length of the multi-byte character at p; 0 when it is not valid UTF-8. */
static size_t wide_length(const uint8_t *p, const uint8_t *end)
{
    size_t n = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if ((size_t)(end - p) < n || !pol_utf8_valid(pol_bytes_of(p, n)))
        return 0;
    return n;
}

/* The rest of a string that has an escape, from first: decoded into the arena. The result is never
 * longer than the text. */
static bool read_escaped(reader *r, const uint8_t *first, const uint8_t *close, pol_value *out)
{
    uint8_t *text = pol_arena_try(r->arena, (size_t)(close - first) + 1), *to = text;
    if (!text)
        return fail_memory(r);
    r->at = first;
    while (r->at < close) {
        if (*r->at == '\\') {
            r->at++;
            size_t n = read_escape(r, to);
            if (n == 0)
                return false;
            to += n;
        } else {
            *to++ = *r->at++;
        }
    }
    *to = 0;
    r->at = close + 1;
    *out = pol_string(pol_bytes_of(text, (size_t)(to - text)));
    return true;
}

/* A string; r->at is behind its opening quote. */
static bool read_string(reader *r, pol_value *out)
{
    const uint8_t *first = r->at, *p = first;
    bool escaped = false;
    for (;;) {
        p = skip_plain(p, r->end);
        if (*p == '"')
            break;
        if (*p == '\\') {
            escaped = true;
            p += p[1] ? 2 : 1;
        } else if (*p >= 0x80) {
            size_t n = wide_length(p, r->end);
            if (n == 0)
                return fail_at(r, p, "this is not valid UTF-8");
            p += n;
        } else if (p >= r->end) {
            return fail_at(r, first - 1, "this string has no end");
        } else {
            return fail_at(r, p, "a control character in a string must be escaped");
        }
    }
    if (escaped)
        return read_escaped(r, first, p, out);
    r->at = p + 1;
    *out = pol_string(pol_bytes_of(first, (size_t)(p - first)));
    return true;
}

static bool push(reader *r, pol_value v)
{
    if (r->n == r->capacity) {
        uint32_t capacity = 2 * r->capacity;
        pol_cell *cells =
            capacity ? pol_arena_try(r->arena, (size_t)capacity * sizeof *cells) : NULL;
        if (!cells)
            return fail_memory(r);
        memcpy(cells, r->cells, r->n * sizeof *cells);
        r->cells = cells;
        r->capacity = capacity;
    }
    pol_store(&r->cells[r->n++], v);
    return true;
}

static bool open_level(reader *r, bool object)
{
    if (r->depth == r->levels_capacity) {
        uint32_t capacity = 2 * r->levels_capacity; /* depth is limited, so is this */
        level *levels = pol_arena_try(r->arena, capacity * sizeof *levels);
        if (!levels)
            return fail_memory(r);
        memcpy(levels, r->levels, r->depth * sizeof *levels);
        r->levels = levels;
        r->levels_capacity = capacity;
    }
    r->levels[r->depth++] = (level){.first = r->n, .object = object};
    return true;
}

/* What is open last becomes a value. */
static bool close_level(reader *r, const uint8_t *start, pol_value *out)
{
    const level *open = &r->levels[--r->depth];
    pol_builder b = {.arena = r->arena, .n = r->n - open->first, .depth = open->depth};
    b.capacity = b.n;
    r->n = open->first;
    if (r->depth && r->levels[r->depth - 1].depth <= open->depth)
        r->levels[r->depth - 1].depth = (uint16_t)(open->depth + 1);
    if (b.n) {
        /* Sorting many members needs room for half of them. Finding out now that there is none is
         * an error of the document; later it would be the end of a decision. */
        size_t size = b.n * sizeof *b.cells, room = open->object ? size : 0;
        b.cells = pol_arena_try(r->arena, size + room);
        if (!b.cells)
            return fail_memory(r);
        memcpy(b.cells, r->cells + open->first, size);
        r->arena->at -= room;
    }
    if (!open->object) {
        *out = pol_builder_array(&b);
        return true;
    }
    uint32_t n = b.n / 2;
    *out = pol_builder_object(&b);
    if (r->options->unique_members && out->n != n)
        return fail_at(r, start, "the object that ends here has two members of one name");
    return true;
}

static const char *const expected_value =
    "a value was expected here: an object, array, string, number, true, false or null";

static bool read_scalar(reader *r, token t, const uint8_t *start, pol_value *out)
{
    switch (t) {
    case TOKEN_STRING:
        return read_string(r, out);
    case TOKEN_NUMBER:
        *out = pol_number_read(pol_bytes_of(start, (size_t)(r->at - start)));
        return true;
    case TOKEN_NULL:
        *out = pol_null();
        return true;
    case TOKEN_TRUE:
    case TOKEN_FALSE:
        *out = pol_bool(t == TOKEN_TRUE);
        return true;
    default:
        if (t == TOKEN_END)
            return fail_at(r, start, "the text ends where a value was expected");
        return fail_at(r, start, expected_value);
    }
}

/* Key and colon of a member of the object that is open; or its end, when first and closed. */
static bool read_key(reader *r, bool first, bool *closed, const uint8_t **start)
{
    pol_value key;
    if (!skip_byte(r, '"')) {
        token t = next_token(r, start);
        *closed = first && t == TOKEN_CLOSE_OBJECT;
        if (*closed)
            return true;
        if (t != TOKEN_STRING)
            return fail_at(r, *start, "a member's name was expected here, a string");
    }
    POL_TRY(read_string(r, &key));
    if (!skip_byte(r, ':') && next_token(r, start) != TOKEN_COLON)
        return fail_at(r, *start, "`:` was expected here, between a member's name and its value");
    return push(r, key);
}

/* A collection's beginning, up to where its first element is expected; *closed when it has none. */
static bool read_opening(reader *r, token t, bool *closed, const uint8_t **start)
{
    uint32_t max_depth = r->options->max_depth;
    if (max_depth == 0 || max_depth > POL_DEPTH_MAX)
        max_depth = POL_DEPTH_MAX;
    if (r->depth == max_depth)
        return fail_at(r, *start, "this is nested too deep");
    POL_TRY(open_level(r, t == TOKEN_OPEN_OBJECT));
    *closed = false;
    if (t == TOKEN_OPEN_OBJECT)
        return read_key(r, true, closed, start);
    const uint8_t *first = r->at;
    *closed = next_token(r, start) == TOKEN_CLOSE_ARRAY;
    if (!*closed)
        r->at = first;
    return true;
}

/* What stands behind a value of the collection that is open: a comma and, in an object, the next
 * key; or its end. */
static bool read_behind(reader *r, bool *closed, const uint8_t **start)
{
    bool object = r->levels[r->depth - 1].object;
    token t = TOKEN_COMMA;
    *closed = false;
    if (!skip_byte(r, ','))
        t = next_token(r, start);
    if (t == TOKEN_COMMA)
        return !object || read_key(r, false, closed, start);
    *closed = true;
    if (t == (object ? TOKEN_CLOSE_OBJECT : TOKEN_CLOSE_ARRAY))
        return true;
    return fail_at(r, *start,
                   object ? "`,` or `}` was expected here" : "`,` or `]` was expected here");
}

/* One document: values go to the collection that is open; one that closes is a value itself. */
static bool read_document(reader *r, pol_value *out)
{
    const uint8_t *start;
    pol_value v;
    for (;;) {
        bool closed;
        token t = next_token(r, &start);
        if (t == TOKEN_OPEN_ARRAY || t == TOKEN_OPEN_OBJECT) {
            POL_TRY(read_opening(r, t, &closed, &start));
            if (!closed)
                continue;
            POL_TRY(close_level(r, start, &v));
        } else {
            POL_TRY(read_scalar(r, t, start, &v));
        }
        do {
            if (r->depth == 0) {
                if (next_token(r, &start) != TOKEN_END)
                    return fail_at(r, start, "the document has ended; nothing may follow");
                *out = v;
                return true;
            }
            POL_TRY(push(r, v));
            POL_TRY(read_behind(r, &closed, &start));
            if (closed)
                POL_TRY(close_level(r, start, &v));
        } while (closed);
    }
}

bool pol_json_read(pol_arena *arena, pol_bytes text, const pol_json_options *options,
                   pol_value *out, pol_error *err)
{
    static const pol_json_options plain = {0};
    pol_cell cells[FIRST_CELLS];
    level levels[FIRST_LEVELS];
    reader r = {.arena = arena, .options = options ? options : &plain, .err = err};
    r.cells = cells;
    r.capacity = FIRST_CELLS;
    r.levels = levels;
    r.levels_capacity = FIRST_LEVELS;
    *out = pol_undefined();
    if (text.n > UINT32_MAX) /* no string or number in it is longer than a value's length can say */
        return pol_fail(err, POL_E_LIMIT,
                        "the document has %zu bytes; the most that can be read is 4 GiB", text.n);
    if (!r.options->borrow) {
        /* The lexer needs a NUL behind the text. Strings may as well point into the copy. */
        uint8_t *copy = pol_arena_try(arena, text.n + 1);
        if (!copy)
            return fail_memory(&r);
        if (text.n)
            memcpy(copy, text.at, text.n);
        copy[text.n] = 0;
        text.at = copy;
    }
    r.begin = r.at = text.at;
    r.end = text.at + text.n;
    return read_document(&r, out);
}

/* ---- printer ---- */

/* Strings that built-ins decode from base64 or hex may hold any bytes. */
static bool has_bad_bytes(pol_bytes s)
{
    uint8_t all = 0;
    for (size_t i = 0; i < s.n; i++)
        all |= s.at[i];
    return (all & 0x80) && !pol_utf8_valid(s);
}

/* How many bytes the character at s.at[at] has, of bytes that are not all UTF-8; 0: it is none. */
static size_t character_at(pol_bytes s, size_t at)
{
    size_t next = at;
    uint32_t c = pol_utf8_next(s, &next);
    return c == 0xFFFD && next == at + 1 ? 0 : next - at;
}

void pol_json_write_string(pol_buf *out, pol_bytes s, unsigned style)
{
    static const char short_escapes[] = "\b\f\n\r\t", letters[] = "bfnrt";
    bool has_bad = has_bad_bytes(s);
    pol_buf_byte(out, '"');
    for (size_t at = 0, from = 0;; at++) {
        uint8_t c = at < s.n ? s.at[at] : 0;
        bool end = at == s.n;
        bool html = (style & POL_JSON_HTML) && (c == '<' || c == '>' || c == '&');
        bool separator =
            c == 0xE2 && at + 2 < s.n && s.at[at + 1] == 0x80 && (s.at[at + 2] | 1) == 0xA9;
        size_t n = has_bad && c >= 0x80 ? character_at(s, at) : 1;
        if (n > 1 && !separator)
            at += n - 1;
        if (!end && c >= 0x20 && c != '"' && c != '\\' && !html && !separator && n)
            continue;
        pol_buf_add(out, s.at + from, at - from);
        if (end)
            break;
        const char *letter = c ? strchr(short_escapes, c) : NULL;
        if (!n) {
            pol_buf_text(out, "\\ufffd");
        } else if (separator) {
            pol_buf_printf(out, "\\u202%x", s.at[at + 2] & 15);
            at += 2;
        } else if (c == '"' || c == '\\') {
            pol_buf_byte(out, '\\');
            pol_buf_byte(out, c);
        } else if (letter) {
            pol_buf_byte(out, '\\');
            pol_buf_byte(out, (uint8_t)letters[letter - short_escapes]);
        } else {
            pol_buf_printf(out, "\\u%04x", c);
        }
        from = at + 1;
    }
    pol_buf_byte(out, '"');
}

static void new_line(pol_buf *out, unsigned style, unsigned depth)
{
    if (!(style & POL_JSON_PRETTY))
        return;
    pol_buf_byte(out, '\n');
    for (unsigned i = 0; i < depth; i++)
        pol_buf_text(out, "  ");
}

static void write_value(pol_buf *out, pol_value v, unsigned style, unsigned depth);

typedef struct {
    pol_bytes name;
    uint32_t at; /* which member */
} named_member;

static int compare_names(const void *a, const void *b)
{
    const named_member *x = a, *y = b;
    int order = pol_bytes_compare(x->name, y->name);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

static void write_member(pol_buf *out, pol_bytes name, pol_value v, unsigned style, unsigned depth)
{
    new_line(out, style, depth + 1);
    pol_json_write_string(out, name, style);
    pol_buf_text(out, style & POL_JSON_PRETTY ? ": " : ":");
    write_value(out, v, style, depth + 1);
}

/* An object with keys that are no strings: a key's own JSON is its name, members are in the order of their names, and of those that come to one name the last one counts, as in OPA. */
static void write_members_by_name(pol_buf *out, pol_value object, unsigned style, unsigned depth)
{
    pol_buf names = {0}, list = {0};
    for (uint32_t i = 0; i < object.n; i++) {
        pol_value key = pol_member_key(object, i);
        named_member m = {.name.n = names.n, .at = i};
        if (key.tag == POL_STRING)
            pol_buf_bytes(&names, pol_text(key));
        else
            write_value(&names, key, POL_JSON_HTML, 0);
        m.name.n = names.n - m.name.n;
        pol_buf_add(&list, &m, sizeof m);
    }
    named_member *members = (void *)list.at;
    for (uint32_t i = 0, at = 0; i < object.n; at += (uint32_t)members[i++].name.n)
        members[i].name.at = names.at + at;
    qsort(members, object.n, sizeof *members, compare_names);
    for (uint32_t i = 0, n = 0; i < object.n; i++) {
        if (i + 1 < object.n && pol_bytes_equal(members[i].name, members[i + 1].name))
            continue;
        if (n++)
            pol_buf_byte(out, ',');
        write_member(out, members[i].name, pol_member_value(object, members[i].at), style, depth);
    }
    pol_buf_deinit(&names);
    pol_buf_deinit(&list);
}

/* Keys are sorted by their types, of which strings are neither the first nor the last. */
static bool has_names_only(pol_value object)
{
    return object.n == 0 || (pol_member_key(object, 0).tag == POL_STRING && pol_member_key(object, object.n - 1).tag == POL_STRING);
}

/* Recursion is bounded by POL_DEPTH_MAX. */
static void write_collection(pol_buf *out, pol_value v, unsigned style, unsigned depth)
{
    bool object = v.tag == POL_OBJECT, by_name = object && !has_names_only(v);
    pol_buf_byte(out, object ? '{' : '[');
    if (by_name)
        write_members_by_name(out, v, style, depth);
    for (uint32_t i = 0; !by_name && i < v.n; i++) {
        if (i)
            pol_buf_byte(out, ',');
        if (object) {
            write_member(out, pol_text(pol_member_key(v, i)), pol_member_value(v, i), style, depth);
            continue;
        }
        new_line(out, style, depth + 1);
        write_value(out, pol_element(v, i), style, depth + 1);
    }
    if (v.n)
        new_line(out, style, depth);
    pol_buf_byte(out, object ? '}' : ']');
}

static void write_value(pol_buf *out, pol_value v, unsigned style, unsigned depth)
{
    char number[POL_NUMBER_TEXT_MAX];
    switch (v.tag) {
    case POL_BOOL:
        pol_buf_text(out, v.n ? "true" : "false");
        break;
    case POL_INT:
    case POL_DOUBLE:
    case POL_DECIMAL:
        pol_buf_bytes(out, pol_number_text(v, number));
        break;
    case POL_STRING:
        pol_json_write_string(out, pol_text(v), style);
        break;
    case POL_ARRAY:
    case POL_OBJECT:
    case POL_SET:
        write_collection(out, v, style, depth);
        break;
    default:
        pol_buf_text(out, "null");
    }
}

void pol_json_write(pol_buf *out, pol_value v, unsigned style)
{
    write_value(out, v, style, 0);
}

void pol_rego_write(pol_buf *out, pol_value v)
{
    if (!pol_is_collection(v)) {
        write_value(out, v, POL_JSON_COMPACT, 0);
        return;
    }
    if (v.tag == POL_SET && v.n == 0) {
        pol_buf_text(out, "set()");
        return;
    }
    pol_buf_byte(out, v.tag == POL_ARRAY ? '[' : '{');
    for (uint32_t i = 0; i < v.n; i++) {
        if (i)
            pol_buf_text(out, ", ");
        if (v.tag == POL_OBJECT) {
            pol_rego_write(out, pol_member_key(v, i));
            pol_buf_text(out, ": ");
        }
        pol_rego_write(out, v.tag == POL_OBJECT ? pol_member_value(v, i) : pol_element(v, i));
    }
    pol_buf_byte(out, v.tag == POL_ARRAY ? ']' : '}');
}
