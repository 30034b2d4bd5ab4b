/* SPDX-License-Identifier: Apache-2.0
 * The result of pol eval in OPA's output forms: JSON whose members stand in OPA's order, bare values, tables.
 */
#include "compiler/cli/show.h"
#include "runtime/trace.h"

#include "compiler/cli/cli.h"

#include <stdlib.h>

enum { TABLE_CELL_MAX = 80 }; /* OPA's --pretty-limit */

pol_value show_bare(pol_arena *arena, pol_value value)
{
    if (!pol_is_defined(value))
        return value;
    pol_builder result = pol_builder_new(arena);
    pol_builder_put_text(&result, "bindings", pol_empty(POL_OBJECT));
    pol_builder_put_text(&result, "expressions", pol_array_of(arena, &value, 1));
    pol_value one = pol_builder_object(&result);
    return pol_array_of(arena, &one, 1);
}

static pol_bytes expression_text(const show_result *r, uint32_t i, uint32_t *row, uint32_t *col)
{
    *row = *col = 1;
    if (!r->query)
        return pol_bytes_text(r->text);
    if (i >= r->query->n_written)
        return POL_BYTES("");
    pol_span span = r->query->written[i]->span;
    pol_source_place(r->sources, span, row, col);
    return pol_source_text(r->sources, span);
}

static void put_result(const show_result *r, pol_value one, pol_buf *out)
{
    pol_value expressions = pol_object_member(one, "expressions"), bindings = pol_object_member(one, "bindings");
    pol_buf_text(out, "{\"expressions\":[");
    for (uint32_t i = 0; i < expressions.n; i++) {
        uint32_t row, col;
        pol_bytes text = expression_text(r, i, &row, &col);
        pol_buf_text(out, i ? ",{\"value\":" : "{\"value\":");
        pol_json_write(out, pol_element(expressions, i), POL_JSON_HTML);
        pol_buf_text(out, ",\"text\":");
        pol_json_write_string(out, text, POL_JSON_HTML);
        pol_buf_printf(out, ",\"location\":{\"row\":%u,\"col\":%u}}", row, col);
    }
    pol_buf_byte(out, ']');
    if (bindings.n) {
        pol_buf_text(out, ",\"bindings\":");
        pol_json_write(out, bindings, POL_JSON_HTML);
    }
    pol_buf_byte(out, '}');
}

static void put_errors(const show_result *r, pol_buf *out)
{
    pol_buf_text(out, "{\"errors\":[");
    for (unsigned i = 0; i < r->n_errors; i++) {
        const pol_eval_error *e = &r->errors[i];
        if (i)
            pol_buf_byte(out, ',');
        cli_put_error(out, pol_code_text(e->code), e->message, e->file, e->row, e->col);
    }
    pol_buf_byte(out, ']');
}

static void write_json(const show_result *r, pol_buf *out)
{
    POL_CLEAN(pol_buf_deinit) pol_buf compact = {0};
    if (r->n_errors)
        put_errors(r, &compact);
    else
        pol_buf_byte(&compact, '{');
    if (r->results.n) {
        pol_buf_text(&compact, r->n_errors ? ",\"result\":[" : "\"result\":[");
        for (uint32_t i = 0; i < r->results.n; i++) {
            if (i)
                pol_buf_byte(&compact, ',');
            put_result(r, pol_element(r->results, i), &compact);
        }
        pol_buf_byte(&compact, ']');
    }
    if (pol_is_defined(r->explanation)) {
        pol_buf_text(&compact, r->n_errors || r->results.n ? ",\"explanation\":" : "\"explanation\":");
        pol_json_write(&compact, r->explanation, POL_JSON_HTML);
    }
    pol_buf_byte(&compact, '}');
    cli_indent_json(pol_buf_view(&compact), out);
    pol_buf_byte(out, '\n');
}

static void write_indented(pol_value v, pol_buf *out)
{
    pol_json_write(out, v, POL_JSON_HTML | POL_JSON_PRETTY);
    pol_buf_byte(out, '\n');
}

static void write_errors_text(const show_result *r, pol_buf *out)
{
    pol_buf_printf(out, "%u error%s occurred:", r->n_errors, r->n_errors == 1 ? "" : "s");
    for (unsigned i = 0; i < r->n_errors; i++) {
        const pol_eval_error *e = &r->errors[i];
        pol_buf_text(out, r->n_errors == 1 ? " " : "\n");
        if (e->file && e->row)
            pol_buf_printf(out, "%s:%u: ", e->file, e->row);
        pol_buf_printf(out, "%s: %s", pol_code_text(e->code), e->message);
    }
    pol_buf_byte(out, '\n');
}

static void write_raw(const show_result *r, pol_buf *out)
{
    for (uint32_t i = 0; i < r->results.n; i++) {
        pol_value expressions = pol_object_member(pol_element(r->results, i), "expressions");
        for (uint32_t k = 0; k < expressions.n; k++) {
            pol_value v = pol_element(expressions, k);
            if (k)
                pol_buf_byte(out, ' ');
            if (v.tag == POL_STRING)
                pol_buf_bytes(out, pol_text(v));
            else
                pol_json_write(out, v, POL_JSON_HTML);
        }
        pol_buf_byte(out, '\n');
    }
}

/* ---- pretty: a value where there is one, else a table of bindings and expressions ---- */

typedef struct {
    pol_value key;  /* name of a variable; undefined: expression */
    uint32_t index; /* of the expression */
    size_t width;
} column;

static void put_cell(const show_result *r, const column *c, uint32_t result_i, pol_buf *out)
{
    size_t from = out->n;
    pol_value one = pol_element(r->results, result_i);
    if (pol_is_defined(c->key))
        pol_json_write(out, pol_object_get(pol_object_member(one, "bindings"), c->key), 0);
    else
        pol_json_write(out, pol_element(pol_object_member(one, "expressions"), c->index), 0);
    if (out->n - from > TABLE_CELL_MAX) {
        out->n = from + TABLE_CELL_MAX;
        pol_buf_text(out, "...");
    }
}

static void put_title(const show_result *r, const column *c, pol_buf *out)
{
    uint32_t row, col;
    pol_buf_bytes(out, pol_is_defined(c->key) ? pol_text(c->key) : expression_text(r, c->index, &row, &col));
}

static void put_padded(pol_buf *out, pol_bytes text, size_t width)
{
    pol_buf_text(out, " ");
    pol_buf_bytes(out, text);
    for (size_t i = text.n; i <= width; i++)
        pol_buf_byte(out, ' ');
    pol_buf_byte(out, '|');
}

static void put_rule(pol_buf *out, const column *columns, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        pol_buf_byte(out, '+');
        for (size_t k = 0; k < columns[i].width + 2; k++)
            pol_buf_byte(out, '-');
    }
    pol_buf_text(out, "+\n");
}

static void measure(const show_result *r, column *c)
{
    POL_CLEAN(pol_buf_deinit) pol_buf cell = {0};
    put_title(r, c, &cell);
    c->width = cell.n;
    for (uint32_t i = 0; i < r->results.n; i++) {
        pol_buf_clear(&cell);
        put_cell(r, c, i, &cell);
        if (cell.n > c->width)
            c->width = cell.n;
    }
}

static void write_table(const show_result *r, column *columns, uint32_t n, pol_buf *out)
{
    POL_CLEAN(pol_buf_deinit) pol_buf cell = {0};
    for (uint32_t i = 0; i < n; i++)
        measure(r, &columns[i]);
    put_rule(out, columns, n);
    pol_buf_byte(out, '|');
    for (uint32_t i = 0; i < n; i++) {
        pol_buf_clear(&cell);
        put_title(r, &columns[i], &cell);
        put_padded(out, pol_buf_view(&cell), columns[i].width);
    }
    pol_buf_byte(out, '\n');
    put_rule(out, columns, n);
    for (uint32_t k = 0; k < r->results.n; k++) {
        pol_buf_byte(out, '|');
        for (uint32_t i = 0; i < n; i++) {
            pol_buf_clear(&cell);
            put_cell(r, &columns[i], k, &cell);
            put_padded(out, pol_buf_view(&cell), columns[i].width);
        }
        pol_buf_byte(out, '\n');
    }
    put_rule(out, columns, n);
}

static void write_pretty(const show_result *r, pol_buf *out)
{
    if (r->results.n == 0) {
        pol_buf_text(out, "undefined\n");
        return;
    }
    pol_value first = pol_element(r->results, 0);
    pol_value bindings = pol_object_member(first, "bindings"), expressions = pol_object_member(first, "expressions");
    bool booleans = true;
    for (uint32_t i = 0; i < expressions.n; i++)
        booleans = booleans && pol_element(expressions, i).tag == POL_BOOL;
    if (r->results.n == 1 && bindings.n == 0 && expressions.n && (expressions.n == 1 || booleans)) {
        write_indented(pol_element(expressions, 0), out);
        return;
    }
    column *columns = calloc((size_t)bindings.n + expressions.n + 1, sizeof *columns);
    if (!columns)
        abort();
    uint32_t n = 0;
    for (uint32_t i = 0; i < bindings.n; i++)
        columns[n++] = (column){.key = pol_member_key(bindings, i)};
    for (uint32_t i = 0; i < expressions.n; i++)
        if (pol_element(expressions, i).tag != POL_BOOL)
            columns[n++] = (column){.key = pol_undefined(), .index = i};
    if (n)
        write_table(r, columns, n, out);
    else
        pol_buf_text(out, "true\n");
    free(columns);
}

static void write_values(const show_result *r, const char *member, pol_buf *out)
{
    for (uint32_t i = 0; i < r->results.n; i++)
        write_indented(pol_object_member(pol_element(r->results, i), member), out);
}

/* The events first, as OPA has it. */
static void write_explained(const show_result *r, pol_buf *out)
{
    pol_events_text(r->explanation, out);
    if (r->n_errors)
        write_errors_text(r, out);
    else
        write_pretty(r, out);
}

void show_write(const show_result *r, const char *format, pol_buf *out)
{
    if (strcmp(format, "discard") == 0)
        return;
    if (strcmp(format, "json") == 0)
        write_json(r, out);
    else if (pol_is_defined(r->explanation) && strcmp(format, "pretty") == 0)
        write_explained(r, out);
    else if (r->n_errors)
        write_errors_text(r, out);
    else if (strcmp(format, "values") == 0)
        write_values(r, "expressions", out);
    else if (strcmp(format, "bindings") == 0)
        write_values(r, "bindings", out);
    else if (strcmp(format, "pretty") == 0)
        write_pretty(r, out);
    else
        write_raw(r, out);
}
