/* SPDX-License-Identifier: Apache-2.0
 * Collecting diagnostics and writing them for people, programs and code scanners.
 */
#include "compiler/diag.h"
#include "runtime/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const pol_diag_info pol_diag_infos[POL_D_COUNT] = {
#define DIAG(name_, number, severity_, class_, title_)                                             \
    [POL_D_##name_] = {"POL0" #number, POL_SEVERITY_##severity_, class_, title_},
#include "compiler/diag.def"
#undef DIAG
};

static bool same_span(pol_span a, pol_span b)
{
    return a.source == b.source && a.start == b.start && a.end == b.end;
}

void pol_diag(pol_diags *diags, pol_diag_code code, pol_span span, const char *fmt, ...)
{
    pol_buf text = {0};
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n > 0) {
        vsnprintf((char *)pol_buf_reserve(&text, (size_t)n), (size_t)n + 1, fmt, again);
        text.n = (size_t)n;
    }
    va_end(again);
    const char *message = (const char *)pol_arena_copy(diags->arena, text.at, text.n);
    pol_buf_deinit(&text);
    for (uint32_t i = diags->n; i-- > 0 && i + 64 > diags->n;)
        if (diags->items[i].code == code && same_span(diags->items[i].span, span) && strcmp(diags->items[i].message, message) == 0)
            return;
    POL_GROW(diags->arena, diags->items, diags->n, diags->capacity);
    diags->items[diags->n++] = (pol_diagnostic){.code = code, .span = span, .message = message};
    diags->n_errors += pol_diag_infos[code].severity == POL_SEVERITY_ERROR;
}

void pol_diag_hint(pol_diags *diags, const char *fmt, ...)
{
    char text[300];
    va_list args;
    if (diags->n == 0)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    diags->items[diags->n - 1].hint = (const char *)pol_arena_copy(diags->arena, text, strlen(text));
}

void pol_diag_suggest(pol_diags *diags, pol_bytes name, const pol_bytes *names, size_t n)
{
    unsigned limit = name.n <= 3 ? 1 : name.n <= 8 ? 2 : 3, best = limit + 1;
    size_t nearest = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned distance = pol_bytes_distance(name, names[i], limit);
        if (distance < best && distance > 0) {
            best = distance;
            nearest = i;
        }
    }
    if (best <= limit)
        pol_diag_hint(diags, "did you mean `%.*s`?", (int)names[nearest].n, (const char *)names[nearest].at);
}

static int compare(const void *a, const void *b, void *context)
{
    const pol_diagnostic *x = a, *y = b;
    const pol_sources *sources = context;
    if (x->span.source != y->span.source) {
        const char *name_x = x->span.source < sources->n ? sources->items[x->span.source].name : "";
        const char *name_y = y->span.source < sources->n ? sources->items[y->span.source].name : "";
        int order = strcmp(name_x, name_y);
        return order ? order : x->span.source < y->span.source ? -1 : 1;
    }
    if (x->span.start != y->span.start)
        return x->span.start < y->span.start ? -1 : 1;
    return (x->code > y->code) - (x->code < y->code);
}

void pol_diags_sort(pol_diags *diags)
{
    if (diags->n)
        qsort_r(diags->items, diags->n, sizeof *diags->items, compare, diags->sources);
}

/* ---- pretty ---- */

static const char *source_name(const pol_diags *diags, const pol_diagnostic *d)
{
    return d->span.source < diags->sources->n ? diags->sources->items[d->span.source].name : "";
}

static void underline(pol_buf *out, pol_bytes row, uint32_t col, const pol_diagnostic *d)
{
    size_t n = d->span.end - d->span.start, left = row.n >= col ? row.n - col + 1 : 1;
    for (uint32_t i = 1; i < col; i++)
        pol_buf_byte(out, i <= row.n && row.at[i - 1] == '\t' ? '\t' : ' ');
    for (size_t i = 0; i < (n == 0 ? 1 : n > left ? left : n); i++)
        pol_buf_byte(out, '^');
    pol_buf_byte(out, '\n');
}

static void write_pretty(const pol_diags *diags, const pol_diagnostic *d, pol_buf *out)
{
    const pol_diag_info *info = &pol_diag_infos[d->code];
    uint32_t row, col;
    pol_source_place(diags->sources, d->span, &row, &col);
    if (row)
        pol_buf_printf(out, "%s:%u:%u: ", source_name(diags, d), row, col);
    pol_buf_printf(out, "%s %s: %s\n", info->severity == POL_SEVERITY_ERROR ? "error" : "warning", info->name, d->message);
    if (row) {
        pol_bytes line = pol_source_row(diags->sources, d->span.source, row);
        pol_buf_text(out, "    ");
        pol_buf_bytes(out, line);
        pol_buf_text(out, "\n    ");
        underline(out, line, col, d);
    }
    if (d->hint)
        pol_buf_printf(out, "    %s\n", d->hint);
}

/* ---- json: OPA's shape, ours beside ---- */

static pol_value place_value(const pol_diags *diags, pol_arena *arena, const pol_diagnostic *d)
{
    pol_builder b = pol_builder_new(arena);
    uint32_t row, col;
    pol_source_place(diags->sources, d->span, &row, &col);
    pol_builder_put_text(&b, "file", pol_string_text(source_name(diags, d)));
    pol_builder_put_text(&b, "row", pol_int(row));
    pol_builder_put_text(&b, "col", pol_int(col));
    return pol_builder_object(&b);
}

static const char *severity_text(const pol_diagnostic *d)
{
    return pol_diag_infos[d->code].severity == POL_SEVERITY_ERROR ? "error" : "warning";
}

static pol_value json_list(const pol_diags *diags, pol_arena *arena, pol_severity severity)
{
    pol_builder list = pol_builder_new(arena);
    for (uint32_t i = 0; i < diags->n; i++) {
        const pol_diagnostic *d = &diags->items[i];
        pol_builder b = pol_builder_new(arena);
        if (pol_diag_infos[d->code].severity != severity)
            continue;
        pol_builder_put_text(&b, "message", pol_string_text(d->message));
        pol_builder_put_text(&b, "code", pol_string_text(pol_diag_infos[d->code].class_name));
        pol_builder_put_text(&b, "location", place_value(diags, arena, d));
        pol_builder_put_text(&b, "pol_code", pol_string_text(pol_diag_infos[d->code].name));
        pol_builder_put_text(&b, "severity", pol_string_text(severity_text(d)));
        if (d->hint)
            pol_builder_put_text(&b, "hint", pol_string_text(d->hint));
        pol_builder_add(&list, pol_builder_object(&b));
    }
    return pol_builder_array(&list);
}

static pol_value object_of(pol_arena *arena, const char *key, pol_value value)
{
    pol_builder b = pol_builder_new(arena);
    pol_builder_put_text(&b, key, value);
    return pol_builder_object(&b);
}

/* ---- SARIF 2.1.0 ---- */

static pol_value sarif_result(const pol_diags *diags, pol_arena *arena, const pol_diagnostic *d)
{
    pol_builder b = pol_builder_new(arena), region = pol_builder_new(arena), physical = pol_builder_new(arena);
    uint32_t row, col;
    pol_source_place(diags->sources, d->span, &row, &col);
    pol_builder_put_text(&region, "startLine", pol_int(row ? row : 1));
    pol_builder_put_text(&region, "startColumn", pol_int(col ? col : 1));
    pol_builder_put_text(&physical, "artifactLocation", object_of(arena, "uri", pol_string_text(source_name(diags, d))));
    pol_builder_put_text(&physical, "region", pol_builder_object(&region));
    pol_value location = object_of(arena, "physicalLocation", pol_builder_object(&physical));
    pol_builder_put_text(&b, "ruleId", pol_string_text(pol_diag_infos[d->code].name));
    pol_builder_put_text(&b, "level", pol_string_text(severity_text(d)));
    pol_builder_put_text(&b, "message", object_of(arena, "text", pol_string_text(d->message)));
    pol_builder_put_text(&b, "locations", pol_array_of(arena, &location, 1));
    return pol_builder_object(&b);
}

static pol_value sarif_run(const pol_diags *diags, pol_arena *arena)
{
    pol_builder driver = pol_builder_new(arena), rules = pol_builder_new(arena), results = pol_builder_new(arena), run = pol_builder_new(arena);
    for (unsigned i = 0; i < POL_D_COUNT; i++) {
        pol_builder rule = pol_builder_new(arena);
        pol_builder_put_text(&rule, "id", pol_string_text(pol_diag_infos[i].name));
        pol_builder_put_text(&rule, "shortDescription", object_of(arena, "text", pol_string_text(pol_diag_infos[i].title)));
        pol_builder_add(&rules, pol_builder_object(&rule));
    }
    for (uint32_t i = 0; i < diags->n; i++)
        pol_builder_add(&results, sarif_result(diags, arena, &diags->items[i]));
    pol_builder_put_text(&driver, "name", pol_string_text("pol"));
    pol_builder_put_text(&driver, "rules", pol_builder_array(&rules));
    pol_builder_put_text(&run, "tool", object_of(arena, "driver", pol_builder_object(&driver)));
    pol_builder_put_text(&run, "results", pol_builder_array(&results));
    return pol_builder_object(&run);
}

void pol_diags_write(const pol_diags *diags, pol_diags_form form, pol_buf *out)
{
    pol_arena arena;
    if (form == POL_DIAGS_PRETTY) {
        for (uint32_t i = 0; i < diags->n; i++)
            write_pretty(diags, &diags->items[i], out);
        return;
    }
    pol_arena_init(&arena, 0);
    pol_builder b = pol_builder_new(&arena);
    if (form == POL_DIAGS_JSON) {
        pol_builder_put_text(&b, "errors", json_list(diags, &arena, POL_SEVERITY_ERROR));
        pol_value warnings = json_list(diags, &arena, POL_SEVERITY_WARNING);
        if (warnings.n)
            pol_builder_put_text(&b, "warnings", warnings);
    } else {
        pol_value run = sarif_run(diags, &arena);
        pol_builder_put_text(&b, "$schema", pol_string_text("https://json.schemastore.org/sarif-2.1.0.json"));
        pol_builder_put_text(&b, "version", pol_string_text("2.1.0"));
        pol_builder_put_text(&b, "runs", pol_array_of(&arena, &run, 1));
    }
    pol_json_write(out, pol_builder_object(&b), POL_JSON_PRETTY);
    pol_buf_byte(out, '\n');
    pol_arena_deinit(&arena);
}
