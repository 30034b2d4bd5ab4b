/* SPDX-License-Identifier: Apache-2.0
 * Drives lexer and parser over a text. After a syntax error parsing goes on at the next line that begins, in its first column, like a statement; the rest is read into tokens anew from
 * there, since an unclosed bracket makes the old ones worthless.
 */
#include "grammar/parse.h"
#include "grammar/build.h"
#include "grammar/rego.h"
#include "runtime/json.h"
#include "runtime/yaml.h"

#include <stdlib.h>

enum { ERRORS_MAX = 100, DEPTH_MAX = 250 };

void *PolParseAlloc(void *(*allocate)(size_t), builder *b);
void PolParseFree(void *parser, void (*release)(void *));
void PolParse(void *parser, int kind, token t);

static builder new_builder(pol_arena *arena, pol_sources *sources, uint32_t source, pol_diags *diags)
{
    const pol_source *s = &sources->items[source];
    return (builder){
        .arena = arena, .sources = sources, .diags = diags, .source = source,
        .lexer = {.arena = arena, .diags = diags, .source = source, .text = s->text.at, .n = (uint32_t)s->text.n},
    };
}

/* Feeds tokens until the end or an error; the index of the token at which it stopped. */
static uint32_t feed(builder *b, const tokens *ts, int start_kind)
{
    uint32_t i = 0;
    void *parser = PolParseAlloc(malloc, b);
    if (!parser)
        abort();
    b->failed = false;
    PolParse(parser, start_kind, (token){.kind = start_kind});
    for (; i < ts->n && !b->failed; i++) {
        const token *t = &ts->items[i];
        if (t->depth > DEPTH_MAX) {
            pol_diag(b->diags, POL_D_NESTING, (pol_span){b->source, t->start, t->end}, "brackets are nested too deep");
            b->failed = true;
            break;
        }
        PolParse(parser, t->kind, *t);
        if (t->kind)
            b->last_end = t->end;
        if (b->failed)
            break;
    }
    PolParseFree(parser, free);
    return i < ts->n ? i : ts->n - 1;
}

static bool begins_statement(const token *t)
{
    switch (t->kind) {
    case TK_NAME: case TK_DEFAULT: case TK_IMPORT: case TK_PERMIT: case TK_FORBID: case TK_ROLE: case TK_ASSIGN_ROLES: case TK_SCOPE:
    case TK_ROUTE: case TK_SCHEMA: case TK_TIER:
        return true;
    default:
        return false;
    }
}

/* Offset of the next statement behind the token at which parsing stopped; the text's length when there is none. */
static uint32_t next_statement(const builder *b, const tokens *ts, uint32_t stopped)
{
    const uint8_t *text = b->lexer.text;
    uint32_t from = ts->items[stopped].start;
    bool at_line = from == 0 || text[from - 1] == '\n';
    for (uint32_t i = stopped + !(at_line && stopped > 0 && begins_statement(&ts->items[stopped])); i < ts->n; i++) {
        const token *t = &ts->items[i];
        if (t->kind && begins_statement(t) && (t->start == 0 || text[t->start - 1] == '\n'))
            return t->start;
    }
    return b->lexer.n;
}

/* ---- METADATA ---- */

static uint32_t row_of(const builder *b, pol_span span)
{
    uint32_t row, col;
    pol_source_place(b->sources, span, &row, &col);
    return row;
}

static pol_bytes trimmed(pol_bytes s)
{
    while (s.n && (s.at[0] == ' ' || s.at[0] == '\t'))
        s = pol_bytes_of(s.at + 1, s.n - 1);
    while (s.n && (s.at[s.n - 1] == ' ' || s.at[s.n - 1] == '\t' || s.at[s.n - 1] == '\r'))
        s.n--;
    return s;
}

/* The comment lines from i on that follow each other, read as YAML; *last is the row of the last one. */
static pol_metadata *read_block(builder *b, const pol_module *m, uint32_t *i, uint32_t *last)
{
    pol_metadata *block = POL_NEW(b->arena, pol_metadata);
    pol_buf yaml = {0};
    pol_error err;
    block->span = m->comments[*i].span;
    *last = row_of(b, block->span);
    for (++*i; *i < m->n_comments && row_of(b, m->comments[*i].span) == *last + 1; ++*i, ++*last) {
        pol_bytes text = m->comments[*i].text;
        if (text.n && text.at[0] == ' ')
            text = pol_bytes_of(text.at + 1, text.n - 1);
        pol_buf_bytes(&yaml, text);
        pol_buf_byte(&yaml, '\n');
        block->span.end = m->comments[*i].span.end;
    }
    block->yaml = pol_buf_to_arena(&yaml, b->arena);
    pol_buf_deinit(&yaml);
    if (!pol_yaml_read(b->arena, block->yaml, &block->value, &err))
        pol_diag(b->diags, POL_D_METADATA, block->span, "this METADATA block is no YAML: %s", err.text);
    else if (block->value.tag != POL_OBJECT && block->value.tag != POL_NULL)
        pol_diag(b->diags, POL_D_METADATA, block->span, "a METADATA block holds members such as `title: ...`");
    if (block->value.tag != POL_OBJECT)
        block->value = pol_undefined();
    return block;
}

static void attach(builder *b, pol_module *m, pol_metadata *block, uint32_t row)
{
    if (m->package && row_of(b, m->package_span) == row)
        m->package_metadata = block;
    for (uint32_t i = 0; i < m->n_rules; i++)
        if (row_of(b, m->rules[i]->span) == row)
            m->rules[i]->metadata = block;
    for (uint32_t i = 0; i < m->n_statements; i++)
        if (row_of(b, m->statements[i]->span) == row)
            m->statements[i]->metadata = block;
}

static void read_metadata(builder *b, pol_module *m)
{
    for (uint32_t i = 0; i < m->n_comments;) {
        if (!pol_bytes_is(trimmed(m->comments[i].text), "METADATA")) {
            i++;
            continue;
        }
        uint32_t last;
        pol_metadata *block = read_block(b, m, &i, &last);
        POL_GROW(b->arena, m->metadata, m->n_metadata, m->metadata_capacity);
        m->metadata[m->n_metadata++] = block;
        attach(b, m, block, last + 1);
    }
}

/* ---- public ---- */

pol_module *pol_parse_module(pol_arena *arena, pol_sources *sources, uint32_t source, pol_diags *diags)
{
    builder b = new_builder(arena, sources, source, diags);
    pol_module *m = POL_NEW(arena, pol_module);
    uint32_t errors = diags->n_errors, from = 0;
    int start = TK_START_MODULE;
    b.module = m;
    m->source = source;
    for (unsigned tries = 0; tries < ERRORS_MAX; tries++) {
        tokens ts = tokens_read(arena, sources, source, from, diags, false, false);
        if (tries == 0) {
            m->comments = ts.comments;
            m->n_comments = ts.n_comments;
        }
        uint32_t stopped = feed(&b, &ts, start);
        if (!b.failed)
            break;
        b.refused = false;
        b.n_further = 0;
        from = next_statement(&b, &ts, stopped);
        start = TK_START_REST;
        if (from >= b.lexer.n)
            break;
    }
    if (!m->package && diags->n_errors == errors)
        pol_diag(diags, POL_D_PACKAGE, (pol_span){source, 0, 0}, "a module begins with its package: `package orders`");
    m->failed = diags->n_errors != errors;
    read_metadata(&b, m);
    m->failed = diags->n_errors != errors;
    if (!m->package) {
        m->package = pol_term_text(arena, POL_TERM_VAR, (pol_span){source, 0, 0}, POL_BYTES("unnamed"));
        m->package_span = m->package->span;
    }
    return m;
}

pol_body *pol_parse_query(pol_arena *arena, pol_sources *sources, uint32_t source, bool keywords, pol_diags *diags)
{
    builder b = new_builder(arena, sources, source, diags);
    uint32_t errors = diags->n_errors;
    tokens ts = tokens_read(arena, sources, source, 0, diags, true, keywords);
    feed(&b, &ts, TK_START_QUERY);
    return b.query && diags->n_errors == errors ? b.query : NULL;
}

pol_term *pol_parse_term(pol_arena *arena, pol_sources *sources, uint32_t source, pol_diags *diags)
{
    builder b = new_builder(arena, sources, source, diags);
    uint32_t errors = diags->n_errors;
    tokens ts = tokens_read(arena, sources, source, 0, diags, false, false);
    feed(&b, &ts, TK_START_TERM);
    return b.term && diags->n_errors == errors ? b.term : NULL;
}

static pol_value list_value(pol_arena *arena, const pol_term *t)
{
    pol_builder out = pol_builder_new(arena);
    for (uint32_t i = 0; i < t->n; i++) {
        pol_value v = pol_term_value(arena, t->items[i]);
        if (!pol_is_defined(v))
            return v;
        pol_builder_add(&out, v);
    }
    return t->kind == POL_TERM_ARRAY ? pol_builder_array(&out)
           : t->kind == POL_TERM_SET ? pol_builder_set(&out)
                                     : pol_builder_object(&out);
}

pol_value pol_term_value(pol_arena *arena, const pol_term *term)
{
    switch ((pol_term_kind)term->kind) {
    case POL_TERM_NULL:
        return pol_null();
    case POL_TERM_BOOL:
        return pol_bool(term->boolean);
    case POL_TERM_NUMBER:
        return pol_number_read(term->text);
    case POL_TERM_STRING:
        return pol_string(term->text);
    case POL_TERM_ARRAY:
    case POL_TERM_SET:
    case POL_TERM_OBJECT:
        return list_value(arena, term);
    default:
        return pol_undefined();
    }
}
