/* SPDX-License-Identifier: Apache-2.0
 * Diagnostics: collecting, sorting, and the three forms in which they are written.
 */
#include "compiler/diag.h"
#include "runtime/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const pol_diag_info pol_diag_infos[POL_D_COUNT] = {
#define DIAG(name, number, severity, class, title) {"POL0" #number, POL_SEVERITY_##severity, class, title},
#include "compiler/diag.def"
#undef DIAG
};

static const char *format(pol_arena *arena, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));

static const char *format(pol_arena *arena, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    size_t size = n < 0 ? 0 : (size_t)n;
    char *text = pol_arena_array(arena, size + 1, 1);
    text[0] = '\0';
    if (size)
        vsnprintf(text, size + 1, fmt, args);
    return text;
}

static bool is_told(const pol_diags *diags, const pol_diagnostic *d)
{
    enum { LOOK_BACK = 64 }; /* repetitions come close together; looking through all would be quadratic */
    for (uint32_t i = diags->n; i > 0 && diags->n - i < LOOK_BACK; i--) {
        const pol_diagnostic *other = &diags->items[i - 1];
        if (other->code == d->code && other->span.source == d->span.source && other->span.start == d->span.start &&
            strcmp(other->message, d->message) == 0)
            return true;
    }
    return false;
}

void pol_diag(pol_diags *diags, pol_diag_code code, pol_span span, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    pol_diagnostic d = {.code = code, .span = span, .message = format(diags->arena, fmt, args)};
    va_end(args);
    if (is_told(diags, &d))
        return;
    POL_GROW(diags->arena, diags->items, diags->n, diags->capacity);
    diags->items[diags->n++] = d;
    diags->n_errors += pol_diag_infos[code].severity == POL_SEVERITY_ERROR;
}

void pol_diag_hint(pol_diags *diags, const char *fmt, ...)
{
    if (!diags->n)
        return;
    va_list args;
    va_start(args, fmt);
    diags->items[diags->n - 1].hint = format(diags->arena, fmt, args);
    va_end(args);
}

void pol_diag_suggest(pol_diags *diags, pol_bytes name, const pol_bytes *names, size_t n)
{
    enum { LONGEST = 64 };
    if (!diags->n || !name.n || name.n > LONGEST)
        return;
    unsigned best = (unsigned)(name.n + 2) / 3 + 1; /* a third of the name may differ */
    const pol_bytes *nearest = NULL;
    for (size_t i = 0; i < n; i++) {
        unsigned distance = names[i].n <= 2 * LONGEST ? pol_bytes_distance(name, names[i], best) : best;
        if (distance < best) {
            best = distance;
            nearest = &names[i];
        }
    }
    if (nearest)
        pol_diag_hint(diags, "did you mean `%.*s`?", (int)nearest->n, (const char *)nearest->at);
}

static int compare_places(const void *a, const void *b, void *context)
{
    const pol_diagnostic *x = a, *y = b;
    const pol_sources *sources = context;
    if (x->span.source != y->span.source) {
        int order = strcmp(sources->items[x->span.source].name, sources->items[y->span.source].name);
        return order ? order : x->span.source < y->span.source ? -1 : 1;
    }
    if (x->span.start != y->span.start)
        return x->span.start < y->span.start ? -1 : 1;
    if (x->code != y->code)
        return x->code < y->code ? -1 : 1;
    return strcmp(x->message, y->message);
}

void pol_diags_sort(pol_diags *diags)
{
    if (diags->n)
        qsort_r(diags->items, diags->n, sizeof *diags->items, compare_places, diags->sources);
}

/* ---- for people ---- */

/* Control bytes and what is no UTF-8 as `?`: a source's bytes must not steer a terminal. Returns the columns printed. */
static size_t put_visible(pol_buf *out, pol_bytes text)
{
    size_t columns = 0;
    for (size_t at = 0; at < text.n; columns++) {
        size_t start = at;
        uint32_t c = pol_utf8_next(text, &at);
        bool bad = (c < 0x20 && c != '\t') || (c >= 0x7f && c < 0xa0) || c == 0xfffd || (c >= 0x202a && c <= 0x202e) ||
                   (c >= 0x2066 && c <= 0x2069);
        if (bad)
            pol_buf_byte(out, '?');
        else
            pol_buf_add(out, text.at + start, at - start);
    }
    return columns;
}

static void put_excerpt(const pol_sources *sources, pol_span span, uint32_t row, uint32_t col, pol_buf *out)
{
    enum { WIDEST = 200, BEFORE = 80 };
    pol_bytes line = pol_source_row(sources, span.source, row);
    if (!line.n)
        return;
    size_t start = col - 1 < line.n ? col - 1 : line.n, from = start > BEFORE && line.n > WIDEST ? start - BEFORE : 0;
    size_t to = line.n - from > WIDEST ? from + WIDEST : line.n;
    pol_buf_printf(out, "%5u | ", row);
    put_visible(out, pol_bytes_of(line.at + from, to - from));
    pol_buf_text(out, "\n      | ");
    for (size_t at = from; at < start;) { /* tabs are kept, so that the mark stands below */
        pol_buf_byte(out, line.at[at] == '\t' ? '\t' : ' ');
        pol_utf8_next(line, &at);
    }
    size_t end = start + (span.end > span.start ? span.end - span.start : 1);
    end = end > to ? to : end;
    pol_buf scratch = {0};
    size_t width = start < end ? put_visible(&scratch, pol_bytes_of(line.at + start, end - start)) : 1;
    pol_buf_deinit(&scratch);
    for (size_t i = 0; i < (width ? width : 1); i++)
        pol_buf_byte(out, '^');
    pol_buf_byte(out, '\n');
}

static void write_pretty(const pol_diags *diags, pol_buf *out)
{
    for (uint32_t i = 0; i < diags->n; i++) {
        const pol_diagnostic *d = &diags->items[i];
        const pol_diag_info *info = &pol_diag_infos[d->code];
        uint32_t row, col;
        pol_source_place(diags->sources, d->span, &row, &col);
        pol_buf_printf(out, "%s:%u:%u: %s %s: ", diags->sources->items[d->span.source].name, row, col,
                       info->severity == POL_SEVERITY_ERROR ? "error" : "warning", info->name);
        put_visible(out, pol_bytes_text(d->message));
        pol_buf_byte(out, '\n');
        put_excerpt(diags->sources, d->span, row, col, out);
        if (d->hint) {
            pol_buf_text(out, "      = ");
            put_visible(out, pol_bytes_text(d->hint));
            pol_buf_byte(out, '\n');
        }
    }
}

/* ---- for programs ---- */

static pol_value text_value(pol_arena *arena, const char *text)
{
    pol_bytes bytes = pol_bytes_text(text);
    if (pol_utf8_valid(bytes))
        return pol_string(bytes);
    pol_buf clean = {0};
    put_visible(&clean, bytes);
    pol_value v = pol_string_copy(arena, pol_buf_view(&clean));
    pol_buf_deinit(&clean);
    return v;
}

static const char *severity_name(const pol_diag_info *info)
{
    return info->severity == POL_SEVERITY_ERROR ? "error" : "warning";
}

static pol_value json_of(const pol_diags *diags, const pol_diagnostic *d, pol_arena *arena)
{
    const pol_diag_info *info = &pol_diag_infos[d->code];
    uint32_t row, col;
    pol_source_place(diags->sources, d->span, &row, &col);
    pol_builder location = pol_builder_new(arena), b = pol_builder_new(arena);
    pol_builder_put_text(&location, "file", text_value(arena, diags->sources->items[d->span.source].name));
    pol_builder_put_text(&location, "row", pol_int(row));
    pol_builder_put_text(&location, "col", pol_int(col));
    pol_builder_put_text(&b, "message", text_value(arena, d->message));
    pol_builder_put_text(&b, "code", pol_string_text(info->class_name));
    pol_builder_put_text(&b, "location", pol_builder_object(&location));
    pol_builder_put_text(&b, "pol_code", pol_string_text(info->name));
    pol_builder_put_text(&b, "severity", pol_string_text(severity_name(info)));
    if (d->hint)
        pol_builder_put_text(&b, "hint", text_value(arena, d->hint));
    return pol_builder_object(&b);
}

static pol_value object_1(pol_arena *arena, const char *key, pol_value value)
{
    pol_builder b = pol_builder_new(arena);
    pol_builder_put_text(&b, key, value);
    return pol_builder_object(&b);
}

static pol_value sarif_result(const pol_diags *diags, const pol_diagnostic *d, pol_arena *arena)
{
    const pol_diag_info *info = &pol_diag_infos[d->code];
    uint32_t row, col;
    pol_source_place(diags->sources, d->span, &row, &col);
    pol_builder region = pol_builder_new(arena), place = pol_builder_new(arena), b = pol_builder_new(arena);
    pol_builder_put_text(&region, "startLine", pol_int(row));
    pol_builder_put_text(&region, "startColumn", pol_int(col));
    pol_builder_put_text(&region, "byteOffset", pol_int(d->span.start));
    pol_builder_put_text(&region, "byteLength", pol_int(d->span.end - d->span.start));
    pol_value file = object_1(arena, "uri", text_value(arena, diags->sources->items[d->span.source].name));
    pol_builder_put_text(&place, "artifactLocation", file);
    pol_builder_put_text(&place, "region", pol_builder_object(&region));
    pol_value physical = object_1(arena, "physicalLocation", pol_builder_object(&place));
    const char *text = d->hint ? pol_arena_printf(arena, "%s (%s)", d->message, d->hint) : d->message;
    pol_builder_put_text(&b, "ruleId", pol_string_text(info->name));
    pol_builder_put_text(&b, "level", pol_string_text(severity_name(info)));
    pol_builder_put_text(&b, "message", object_1(arena, "text", text_value(arena, text)));
    pol_builder_put_text(&b, "locations", pol_array_of(arena, &physical, 1));
    return pol_builder_object(&b);
}

static pol_value sarif_rules(const pol_diags *diags, pol_arena *arena)
{
    bool used[POL_D_COUNT] = {false};
    for (uint32_t i = 0; i < diags->n; i++)
        used[diags->items[i].code] = true;
    pol_builder rules = pol_builder_new(arena);
    for (size_t i = 0; i < POL_D_COUNT; i++) {
        if (!used[i])
            continue;
        pol_builder b = pol_builder_new(arena);
        pol_builder_put_text(&b, "id", pol_string_text(pol_diag_infos[i].name));
        pol_builder_put_text(&b, "shortDescription", object_1(arena, "text", pol_string_text(pol_diag_infos[i].title)));
        pol_builder_add(&rules, pol_builder_object(&b));
    }
    return pol_builder_array(&rules);
}

static pol_value sarif_of(const pol_diags *diags, pol_arena *arena)
{
    pol_builder driver = pol_builder_new(arena), run = pol_builder_new(arena), b = pol_builder_new(arena);
    pol_builder results = pol_builder_new(arena);
    for (uint32_t i = 0; i < diags->n; i++)
        pol_builder_add(&results, sarif_result(diags, &diags->items[i], arena));
    pol_builder_put_text(&driver, "name", pol_string_text("pol"));
    pol_builder_put_text(&driver, "version", pol_string_text(POLWARD_VERSION));
    pol_builder_put_text(&driver, "rules", sarif_rules(diags, arena));
    pol_value tool = object_1(arena, "driver", pol_builder_object(&driver));
    pol_builder_put_text(&run, "tool", tool);
    pol_builder_put_text(&run, "results", pol_builder_array(&results));
    pol_value one = pol_builder_object(&run);
    pol_builder_put_text(&b, "$schema", pol_string_text("https://json.schemastore.org/sarif-2.1.0.json"));
    pol_builder_put_text(&b, "version", pol_string_text("2.1.0"));
    pol_builder_put_text(&b, "runs", pol_array_of(arena, &one, 1));
    return pol_builder_object(&b);
}

void pol_diags_write(const pol_diags *diags, pol_diags_form form, pol_buf *out)
{
    if (form == POL_DIAGS_PRETTY) {
        write_pretty(diags, out);
        return;
    }
    pol_builder errors = pol_builder_new(diags->arena);
    for (uint32_t i = 0; form == POL_DIAGS_JSON && i < diags->n; i++)
        pol_builder_add(&errors, json_of(diags, &diags->items[i], diags->arena));
    pol_value document = form == POL_DIAGS_JSON ? object_1(diags->arena, "errors", pol_builder_array(&errors))
                                                : sarif_of(diags, diags->arena);
    pol_json_write(out, document, POL_JSON_PRETTY);
    pol_buf_byte(out, '\n');
}
