/* SPDX-License-Identifier: Apache-2.0
 * Drives the parser over the tokens. A statement that cannot be parsed is told once, at its first fault; parsing goes on at the next token that stands where
 * a statement would begin: first on its line, not further right than the broken one.
 */
#include "grammar/parse.h"
#include "grammar/build.h"
#include "grammar/rego.h"

#include <stdarg.h>
#include <stdio.h>

/* At the end of rego.y. */
size_t pol_rego_size(void);
bool pol_rego_takes(void *lemon, int kind);
void pol_regoInit(void *lemon, pol_parser *p);
void pol_regoFinalize(void *lemon);
void pol_rego(void *lemon, int kind, const pol_token *token);

/* ---- places and faults ---- */

pol_span pol_parser_span(const pol_parser *p, uint32_t start)
{
    uint32_t end = p->at > 0 ? p->tokens.items[p->at - 1].end : 0;
    return (pol_span){p->source, start, end > start ? end : start};
}

pol_span pol_token_span(const pol_parser *p, const pol_token *t)
{
    return (pol_span){p->source, t->start, t->end};
}

void pol_parser_error(pol_parser *p, pol_diag_code code, pol_span span, const char *fmt, ...)
{
    char text[512];
    if (p->faulty && p->span.start <= span.start)
        return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    p->faulty = true;
    p->code = code;
    p->span = span;
    p->message = (const char *)pol_arena_copy(p->arena, text, strlen(text));
}

static void tell(pol_parser *p)
{
    if (!p->faulty)
        return;
    pol_diag(p->diags, p->code, p->span, "%s", p->message);
    p->faulty = false;
    if (p->module)
        p->module->failed = true;
}

void pol_parser_end_statement(pol_parser *p)
{
    const pol_token *next = &p->tokens.items[p->at];
    if (p->faulty && next->kind && !next->first_on_line)
        return; /* what follows on the line belongs to the same fault */
    tell(p);
    p->first = p->at;
}

void pol_parser_overflow(pol_parser *p)
{
    pol_parser_error(p, POL_D_NESTING, pol_token_span(p, &p->tokens.items[p->at]), "this is nested too deep");
    p->broken = true;
}

/* ---- what was expected ---- */

static const struct {
    int kind;
    const char *text;
} expectations[] = {
    {TK_NUMBER, "an expression"}, {TK_RBRACE, "`}`"},         {TK_RBRACKET, "`]`"},   {TK_RPAREN, "`)`"},       {TK_COLON, "`:`"},
    {TK_ASSIGN, "`:=`"},          {TK_IF, "`if`"},            {TK_COMMA, "`,`"},      {TK_IN, "`in`"},          {TK_AS, "`as`"},
    {TK_ID, "a name"},            {TK_TO, "`to`"},            {TK_ON, "`on`"},        {TK_COVERS, "`covers`"},  {TK_IS, "`is`"},
    {TK_STRING, "a string"},      {TK_TEMPLATE_RBRACE, "`}`"}, {TK_PACKAGE, "`package`"}, {TK_LBRACE, "`{`"}, {TK_FROM, "`from`"},
};

static void put_expected(pol_buf *out, void *lemon)
{
    enum { LISTED = 4 };
    const char *wanted[LISTED];
    unsigned n = 0;
    bool expression = pol_rego_takes(lemon, TK_NUMBER) && pol_rego_takes(lemon, TK_LPAREN);
    for (size_t i = 0; i < sizeof expectations / sizeof *expectations && n < LISTED; i++) {
        int kind = expectations[i].kind;
        bool implied = expression && (kind == TK_ID || kind == TK_STRING || kind == TK_LBRACE);
        if (implied || (kind == TK_NUMBER && !expression) || !pol_rego_takes(lemon, kind))
            continue;
        if (!n || strcmp(wanted[n - 1], expectations[i].text) != 0)
            wanted[n++] = expectations[i].text;
    }
    for (unsigned i = 0; i < n; i++)
        pol_buf_printf(out, "%s%s", i == 0 ? "expected " : i + 1 == n ? " or " : ", ", wanted[i]);
    if (n)
        pol_buf_text(out, ", ");
}

static void put_found(const pol_parser *p, const pol_token *t, pol_buf *out)
{
    enum { SHOWN = 40 };
    pol_bytes text = pol_token_text(p, t);
    if (!t->kind)
        pol_buf_text(out, "found the end of the file");
    else if (text.n > SHOWN || memchr(text.at, '\n', text.n))
        pol_buf_printf(out, "found `%.*s ...`", (int)strcspn((const char *)text.at, " \t\n\r") > SHOWN ? SHOWN : (int)strcspn((const char *)text.at, " \t\n\r"),
                       (const char *)text.at);
    else
        pol_buf_printf(out, "found `%.*s`", (int)text.n, (const char *)text.at);
}

/* `some x in` without a domain: the place is the `in`. */
static const pol_token *blamed(const pol_parser *p)
{
    const pol_token *t = &p->tokens.items[p->at];
    if (p->at < p->first + 3 || t[-1].kind != TK_IN || t->kind == TK_ERROR)
        return t;
    for (uint32_t back = 3; back <= 5 && p->at >= p->first + back; back += 2)
        if (t[-(int)back].kind == TK_SOME)
            return t - 1;
    return t;
}

void pol_parser_refuse(pol_parser *p, void *lemon, int kind)
{
    const pol_token *t = blamed(p);
    p->broken = true;
    if (kind == TK_ERROR) {
        pol_diag_code code;
        const char *text = pol_lex_fault_text((pol_lex_fault)t->fault, &code);
        pol_parser_error(p, code, pol_token_span(p, t), "%s", text);
        return;
    }
    if (p->module && !p->module->package && t == p->tokens.items && t->kind != TK_PACKAGE) {
        pol_parser_error(p, POL_D_PACKAGE, pol_token_span(p, t), "expected `package` and the name of the package at the beginning of the file");
        return;
    }
    pol_buf message = {0};
    put_expected(&message, lemon);
    put_found(p, t, &message);
    pol_parser_error(p, POL_D_SYNTAX, pol_token_span(p, t), "%s", (const char *)message.at);
    pol_buf_deinit(&message);
}

/* ---- recovery ---- */

/* How far the line of the token is indented. */
static uint32_t indentation(const pol_parser *p, const pol_token *t)
{
    uint32_t line = t->start, at;
    while (line > 0 && p->text.at[line - 1] != '\n')
        line--;
    for (at = line; at < t->start && (p->text.at[at] == ' ' || p->text.at[at] == '\t'); at++)
        ;
    return at - line;
}

static bool may_begin(const pol_token *t)
{
    if (!t->first_on_line || t->kind == TK_DEFAULT || t->kind == TK_IMPORT || (t->kind >= TK_TIER && t->kind <= TK_FORBID))
        return t->first_on_line;
    switch (t->kind == TK_ID ? t[1].kind : 0) {
    case TK_ASSIGN:
    case TK_UNIFY:
    case TK_IF:
    case TK_CONTAINS:
    case TK_DOT:
    case TK_REF_OPEN:
    case TK_CALL_OPEN:
    case TK_LBRACE:
        return true;
    default:
        return false;
    }
}

/* The token at which to go on, behind the one that does not fit, or that one. */
static uint32_t next_border(const pol_parser *p)
{
    const pol_tokens *ts = &p->tokens;
    uint32_t limit = indentation(p, &ts->items[p->first]), i = p->at > p->first ? p->at : p->first + 1;
    while (i + 1 < ts->n && !(may_begin(&ts->items[i]) && indentation(p, &ts->items[i]) <= limit))
        i++;
    return i < ts->n ? i : ts->n - 1;
}

/* Feeds the tokens; after a fault of a module on behind it. */
static void run(pol_parser *p, int start)
{
    pol_buf storage = {0};
    void *lemon = pol_buf_reserve(&storage, pol_rego_size());
    for (;;) {
        pol_regoInit(lemon, p);
        p->broken = false;
        pol_rego(lemon, start, NULL);
        for (p->first = p->at; p->at < p->tokens.n && !p->broken; p->at++) {
            const pol_token *t = &p->tokens.items[p->at];
            pol_rego(lemon, t->kind, t);
            if (p->broken)
                break;
        }
        pol_regoFinalize(lemon);
        bool broken = p->broken;
        tell(p);
        if (!broken || !p->module || !p->tokens.items[p->at].kind)
            break;
        p->at = next_border(p);
        start = TK_START_STATEMENTS;
    }
    pol_buf_deinit(&storage);
}

static pol_parser new_parser(pol_arena *arena, pol_sources *sources, uint32_t source, pol_diags *diags, bool keywords)
{
    pol_parser p = {.arena = arena, .sources = sources, .source = source, .text = sources->items[source].text, .diags = diags};
    p.tokens.keyword_and = p.tokens.keyword_or = p.tokens.keyword_not = keywords;
    pol_tokens_read(arena, &sources->items[source], source, &p.tokens);
    return p;
}

/* ---- public ---- */

pol_module *pol_parse_module(pol_arena *arena, pol_sources *sources, uint32_t source, pol_diags *diags)
{
    pol_parser p = new_parser(arena, sources, source, diags, false);
    pol_module *m = POL_NEW(arena, pol_module);
    p.module = m;
    m->source = source;
    m->comments = p.tokens.comments;
    m->n_comments = p.tokens.n_comments;
    m->comments_capacity = p.tokens.comments_capacity;
    run(&p, TK_START_MODULE);
    m->keyword_and = p.tokens.keyword_and;
    m->keyword_or = p.tokens.keyword_or;
    m->keyword_not = p.tokens.keyword_not;
    pol_attach_metadata(&p);
    if (!m->package) { /* reported */
        m->package = pol_term_text(arena, POL_TERM_VAR, (pol_span){source, 0, 0}, POL_BYTES("unnamed"));
        m->package_span = m->package->span;
        m->failed = true;
    }
    return m;
}

pol_body *pol_parse_query(pol_arena *arena, pol_sources *sources, uint32_t source, bool keywords, pol_diags *diags)
{
    pol_parser p = new_parser(arena, sources, source, diags, keywords);
    uint32_t errors = diags->n_errors;
    run(&p, TK_START_QUERY);
    return diags->n_errors == errors ? p.query : NULL;
}

pol_term *pol_parse_term(pol_arena *arena, pol_sources *sources, uint32_t source, pol_diags *diags)
{
    pol_parser p = new_parser(arena, sources, source, diags, false);
    uint32_t errors = diags->n_errors;
    run(&p, TK_START_TERM);
    return diags->n_errors == errors ? p.term : NULL;
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
