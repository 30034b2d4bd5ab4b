/* SPDX-License-Identifier: Apache-2.0
 * Bytes to tokens, with re2c. Every byte is looked at a bounded number of times. The conditions are those of template strings: their text is lexed
 * until `{`, then code until the `}` that belongs to it.
 */
#include "grammar/tokens.h"
#include "grammar/rego.h"

/*!conditions:re2c*/

enum { RESTARTS_MAX = 3 }; /* back-tracks to behind a raw template without end; each may cost the whole text */

/* An open template string: where its token is, and how many braces are open in its expression. */
typedef struct {
    uint32_t token, braces;
    int condition;
} template;

typedef struct {
    pol_arena *arena;
    pol_tokens *tokens;
    uint32_t source;
    const uint8_t *begin, *end, *at;
    int condition;
    template *templates;
    uint32_t n_templates, templates_capacity;
    unsigned restarts;
    bool new_line; /* no token yet on this line */
} lexer;

static void add(lexer *lx, uint8_t kind, const uint8_t *start, const uint8_t *end)
{
    pol_tokens *t = lx->tokens;
    POL_GROW(lx->arena, t->items, t->n, t->capacity);
    t->items[t->n++] = (pol_token){.kind = kind, .first_on_line = lx->new_line, .start = (uint32_t)(start - lx->begin),
                                   .end = (uint32_t)(end - lx->begin)};
    lx->new_line = false;
}

static void add_fault(lexer *lx, pol_lex_fault fault, const uint8_t *start, const uint8_t *end)
{
    add(lx, TK_ERROR, start, end);
    lx->tokens->items[lx->tokens->n - 1].fault = (uint8_t)fault;
}

static void add_comment(lexer *lx, const uint8_t *start, const uint8_t *end)
{
    pol_tokens *t = lx->tokens;
    const uint8_t *text_end = end > start && end[-1] == '\r' ? end - 1 : end;
    POL_GROW(lx->arena, t->comments, t->n_comments, t->comments_capacity);
    t->comments[t->n_comments++] = (pol_comment){
        .text = pol_bytes_of(start + 1, (size_t)(text_end - start) - 1),
        .span = {lx->source, (uint32_t)(start - lx->begin), (uint32_t)(text_end - lx->begin)},
    };
    if (!pol_utf8_valid(pol_bytes_of(start, (size_t)(end - start))))
        add_fault(lx, POL_LEX_UTF8, start, end);
}

/* ---- templates ---- */

static void open_template(lexer *lx, uint8_t kind, int condition, const uint8_t *start, const uint8_t *end)
{
    POL_GROW(lx->arena, lx->templates, lx->n_templates, lx->templates_capacity);
    lx->templates[lx->n_templates++] = (template){.token = lx->tokens->n, .condition = condition};
    add(lx, kind, start, end);
    lx->condition = condition;
}

static void close_template(lexer *lx, const uint8_t *start, const uint8_t *end)
{
    add(lx, TK_TEMPLATE_CLOSE, start, end);
    lx->n_templates--;
    lx->condition = yyccode;
}

/* The open template has no end: its beginning becomes the fault, and what followed in it is forgotten. */
static void fail_template(lexer *lx, pol_lex_fault fault)
{
    template *t = &lx->templates[--lx->n_templates];
    pol_token *opening = &lx->tokens->items[t->token];
    opening->kind = TK_ERROR;
    opening->fault = (uint8_t)fault;
    lx->tokens->n = t->token + 1;
    lx->condition = yyccode;
}

static const uint8_t *line_end(const lexer *lx, const uint8_t *at)
{
    const uint8_t *end = memchr(at, '\n', (size_t)(lx->end - at));
    return end ? end : lx->end;
}

/* The text ended inside templates: the outermost is the one without end. Goes on behind its first line. False: it is the end. */
static bool restart(lexer *lx)
{
    if (!lx->n_templates)
        return false;
    lx->n_templates = 1;
    uint32_t token = lx->templates[0].token;
    fail_template(lx, POL_LEX_STRING_END);
    pol_tokens *t = lx->tokens;
    lx->at = line_end(lx, lx->begin + t->items[token].end);
    while (t->n_comments && lx->begin + t->comments[t->n_comments - 1].span.start >= lx->at)
        t->n_comments--;
    return ++lx->restarts <= RESTARTS_MAX;
}

/* ---- what the patterns cannot say ---- */

static void add_string(lexer *lx, uint8_t kind, const uint8_t *start, const uint8_t *end)
{
    if (pol_utf8_valid(pol_bytes_of(start, (size_t)(end - start))))
        add(lx, kind, start, end);
    else
        add_fault(lx, POL_LEX_UTF8, start, end);
}

static void add_bad_string(lexer *lx, const uint8_t *start, const uint8_t *end)
{
    bool utf8 = pol_utf8_valid(pol_bytes_of(start, (size_t)(end - start)));
    add_fault(lx, utf8 ? POL_LEX_ESCAPE : POL_LEX_UTF8, start, end);
}

static void add_brace(lexer *lx, const uint8_t *start)
{
    template *t = lx->n_templates ? &lx->templates[lx->n_templates - 1] : NULL;
    if (t && *start == '}' && t->braces == 0) {
        add(lx, TK_TEMPLATE_RBRACE, start, start + 1);
        lx->condition = t->condition;
        return;
    }
    if (t)
        t->braces += *start == '{' ? 1u : -1u;
    add(lx, *start == '{' ? TK_LBRACE : TK_RBRACE, start, start + 1);
}

/* A part of a template's text, which ends where the text does not go on plainly. */
static void open_expression(lexer *lx, const uint8_t *start, const uint8_t *end)
{
    lx->templates[lx->n_templates - 1].braces = 0;
    add(lx, TK_TEMPLATE_LBRACE, start, end);
    lx->condition = yyccode;
}

static pol_lex_fault number_fault(const uint8_t *start, const uint8_t *end)
{
    if (end - start > 1 && start[0] == '0' && start[1] >= '0' && start[1] <= '9')
        return POL_LEX_LEADING_ZERO;
    const uint8_t *dot = memchr(start, '.', (size_t)(end - start));
    return dot && (dot + 1 == end || dot[1] < '0' || dot[1] > '9') ? POL_LEX_FRACTION : POL_LEX_NUMBER;
}

/* One token, or blanks. False at the end of the text. */
static bool step(lexer *lx)
{
    const uint8_t *YYCURSOR = lx->at, *YYMARKER, *s = lx->at;
    /*!re2c
        re2c:define:YYCTYPE = "unsigned char";
        re2c:yyfill:enable = 0;
        re2c:define:YYGETCONDITION = "lx->condition";
        re2c:define:YYGETCONDITION:naked = 1;
        re2c:define:YYSETCONDITION = "lx->condition = @@;";
        re2c:define:YYSETCONDITION:naked = 1;

        multi = [\xC2-\xDF] [\x80-\xBF] | [\xE0-\xEF] [\x80-\xBF]{2} | [\xF0-\xF4] [\x80-\xBF]{3};
        escape = "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4});
        plain = [^\x00\n\r"\\];
        word = [a-zA-Z_] [a-zA-Z0-9_]*;
        integer = "0" | [1-9] [0-9]*;
        fraction = "." [0-9]+;
        exponent = [eE] [+-]? [0-9]+;
        number = (integer fraction? | fraction) exponent?;

        <code> [ \t\r]+     { lx->at = YYCURSOR; return true; }
        <code> "\n"         { lx->at = YYCURSOR; lx->new_line = true; return true; }
        <code> "#" [^\n\x00]* { lx->at = YYCURSOR; add_comment(lx, s, YYCURSOR); return true; }

        <code> "package"    { add(lx, TK_PACKAGE, s, YYCURSOR); goto done; }
        <code> "import"     { add(lx, TK_IMPORT, s, YYCURSOR); goto done; }
        <code> "as"         { add(lx, TK_AS, s, YYCURSOR); goto done; }
        <code> "default"    { add(lx, TK_DEFAULT, s, YYCURSOR); goto done; }
        <code> "else"       { add(lx, TK_ELSE, s, YYCURSOR); goto done; }
        <code> "if"         { add(lx, TK_IF, s, YYCURSOR); goto done; }
        <code> "contains"   { add(lx, TK_CONTAINS, s, YYCURSOR); goto done; }
        <code> "not"        { add(lx, TK_NOT, s, YYCURSOR); goto done; }
        <code> "some"       { add(lx, TK_SOME, s, YYCURSOR); goto done; }
        <code> "every"      { add(lx, TK_EVERY, s, YYCURSOR); goto done; }
        <code> "in"         { add(lx, TK_IN, s, YYCURSOR); goto done; }
        <code> "with"       { add(lx, TK_WITH, s, YYCURSOR); goto done; }
        <code> "true"       { add(lx, TK_TRUE, s, YYCURSOR); goto done; }
        <code> "false"      { add(lx, TK_FALSE, s, YYCURSOR); goto done; }
        <code> "null"       { add(lx, TK_NULL, s, YYCURSOR); goto done; }
        <code> word         { add(lx, TK_ID, s, YYCURSOR); goto done; }

        <code> number       { add(lx, TK_NUMBER, s, YYCURSOR); goto done; }
        <code> number [a-zA-Z0-9_] [a-zA-Z0-9_.]* { add_fault(lx, number_fault(s, YYCURSOR), s, YYCURSOR); goto done; }
        <code> integer "." [a-zA-Z0-9_.]*          { add_fault(lx, number_fault(s, YYCURSOR), s, YYCURSOR); goto done; }

        <code> "\"" (plain \ [\x80-\xff] | multi | escape)* "\""  { add_string(lx, TK_STRING, s, YYCURSOR); goto done; }
        <code> "\"" (plain | "\\" [^\x00\n\r])* "\""              { add_bad_string(lx, s, YYCURSOR); goto done; }
        <code> "\"" (plain | "\\" [^\x00\n\r])* "\\"?             { add_fault(lx, POL_LEX_STRING_END, s, YYCURSOR); goto done; }
        <code> "`" [^\x00`]* "`"                                  { add_string(lx, TK_RAW_STRING, s, YYCURSOR); goto done; }
        <code> "`" [^\x00`]*
        {
            YYCURSOR = line_end(lx, s);
            add_fault(lx, POL_LEX_STRING_END, s, YYCURSOR);
            goto done;
        }
        <code> "$\""        { open_template(lx, TK_TEMPLATE_OPEN, yycplain, s, YYCURSOR); goto done; }
        <code> "$`"         { open_template(lx, TK_RAW_TEMPLATE_OPEN, yycraw, s, YYCURSOR); goto done; }

        <code> "{" | "}"    { add_brace(lx, s); goto done; }
        <code> "["          { add(lx, TK_LBRACKET, s, YYCURSOR); goto done; }
        <code> "]"          { add(lx, TK_RBRACKET, s, YYCURSOR); goto done; }
        <code> "("          { add(lx, TK_LPAREN, s, YYCURSOR); goto done; }
        <code> ")"          { add(lx, TK_RPAREN, s, YYCURSOR); goto done; }
        <code> "."          { add(lx, TK_DOT, s, YYCURSOR); goto done; }
        <code> ","          { add(lx, TK_COMMA, s, YYCURSOR); goto done; }
        <code> ";"          { add(lx, TK_SEMICOLON, s, YYCURSOR); goto done; }
        <code> ":="         { add(lx, TK_ASSIGN, s, YYCURSOR); goto done; }
        <code> ":"          { add(lx, TK_COLON, s, YYCURSOR); goto done; }
        <code> "="          { add(lx, TK_UNIFY, s, YYCURSOR); goto done; }
        <code> "=="         { add(lx, TK_EQ, s, YYCURSOR); goto done; }
        <code> "!="         { add(lx, TK_NE, s, YYCURSOR); goto done; }
        <code> "<"          { add(lx, TK_LT, s, YYCURSOR); goto done; }
        <code> "<="         { add(lx, TK_LE, s, YYCURSOR); goto done; }
        <code> ">"          { add(lx, TK_GT, s, YYCURSOR); goto done; }
        <code> ">="         { add(lx, TK_GE, s, YYCURSOR); goto done; }
        <code> "|"          { add(lx, TK_OR, s, YYCURSOR); goto done; }
        <code> "&"          { add(lx, TK_AND, s, YYCURSOR); goto done; }
        <code> "+"          { add(lx, TK_PLUS, s, YYCURSOR); goto done; }
        <code> "-"          { add(lx, TK_MINUS, s, YYCURSOR); goto done; }
        <code> "*"          { add(lx, TK_STAR, s, YYCURSOR); goto done; }
        <code> "/"          { add(lx, TK_SLASH, s, YYCURSOR); goto done; }
        <code> "%"          { add(lx, TK_PERCENT, s, YYCURSOR); goto done; }
        <code> "?"          { add(lx, TK_QUESTION, s, YYCURSOR); goto done; }
        <code> "&&"         { add_fault(lx, POL_LEX_AND, s, YYCURSOR); goto done; }
        <code> "||"         { add_fault(lx, POL_LEX_OR, s, YYCURSOR); goto done; }
        <code> "===" | "!==" { add_fault(lx, POL_LEX_EQUAL, s, YYCURSOR); goto done; }
        <code> "!"          { add_fault(lx, POL_LEX_BANG, s, YYCURSOR); goto done; }
        <code> "'" [^'"\x00\n\r\x80-\xff]* "'"? { add_fault(lx, POL_LEX_QUOTE, s, YYCURSOR); goto done; }
        <code> "\xC2\xA0"   { add_fault(lx, POL_LEX_BLANK, s, YYCURSOR); goto done; }
        <code> "\xEF\xBB\xBF" { add_fault(lx, POL_LEX_MARK, s, YYCURSOR); goto done; }
        <code> multi+       { add_string(lx, TK_ERROR, s, YYCURSOR); goto character; }
        <code> "\x00"
        {
            if (s == lx->end)
                return restart(lx);
            add_fault(lx, POL_LEX_NUL, s, YYCURSOR);
            goto done;
        }
        <code> [\x80-\xff]  { add_fault(lx, POL_LEX_UTF8, s, YYCURSOR); goto done; }
        <code> *            { add_fault(lx, POL_LEX_CHARACTER, s, YYCURSOR); goto done; }

        <plain> (plain \ [{\x80-\xff] | multi | escape | "\\{")+ { add_string(lx, TK_TEMPLATE_TEXT, s, YYCURSOR); goto done; }
        <plain> "{"         { open_expression(lx, s, YYCURSOR); goto done; }
        <plain> "\""        { close_template(lx, s, YYCURSOR); goto done; }
        <plain> "\\" [^\x00\n\r] | [\x80-\xff]
        {
            fail_template(lx, *s == '\\' ? POL_LEX_ESCAPE : POL_LEX_UTF8);
            lx->at = line_end(lx, s);
            return true;
        }
        <plain> *           { fail_template(lx, POL_LEX_STRING_END); return true; }

        <raw> ([^\x00`{\\] | "\\" [^\x00`])+ { add_string(lx, TK_TEMPLATE_TEXT, s, YYCURSOR); goto done; }
        <raw> "\\"          { add(lx, TK_TEMPLATE_TEXT, s, YYCURSOR); goto done; }
        <raw> "{"           { open_expression(lx, s, YYCURSOR); goto done; }
        <raw> "`"           { close_template(lx, s, YYCURSOR); goto done; }
        <raw> *
        {
            if (s == lx->end)
                return restart(lx);
            add_fault(lx, POL_LEX_NUL, s, YYCURSOR);
            goto done;
        }
    */
character:
    lx->tokens->items[lx->tokens->n - 1].kind = TK_ERROR;
    if (!lx->tokens->items[lx->tokens->n - 1].fault)
        lx->tokens->items[lx->tokens->n - 1].fault = POL_LEX_CHARACTER;
done:
    lx->at = YYCURSOR;
    return true;
}

void pol_lex(pol_arena *arena, const pol_source *source, uint32_t source_i, pol_tokens *tokens)
{
    lexer lx = {.arena = arena, .tokens = tokens, .source = source_i, .begin = source->text.at, .condition = yyccode, .new_line = true};
    lx.at = lx.begin;
    lx.end = lx.begin + source->text.n;
    while (step(&lx))
        ;
    add(&lx, 0, lx.end, lx.end);
}
