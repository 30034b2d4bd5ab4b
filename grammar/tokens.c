/* SPDX-License-Identifier: Apache-2.0
 * What a token is by its neighbours: names that are spelled like keywords, brackets that apply to what they touch, the contextual keywords `and`, `or`
 * and `not {`, and the words that open one of the eight statements (language.md, at its top, has the whole rule).
 */
#include "grammar/tokens.h"
#include "grammar/rego.h"

typedef struct {
    const pol_source *source;
    pol_tokens *tokens;
    bool in_statement;         /* a clause of one of the eight may stand here */
    uint32_t statement_column; /* of its first word */
} reader;

static pol_bytes text_of(const reader *r, const pol_token *t)
{
    return pol_bytes_of(r->source->text.at + t->start, t->end - t->start);
}

static bool is_keyword(uint8_t kind)
{
    return kind >= TK_PACKAGE && kind <= TK_NULL;
}

/* Can a value end with it, so that a bracket behind it applies to it? */
static bool ends_term(uint8_t kind)
{
    switch (kind) {
    case TK_ID:
    case TK_TRUE:
    case TK_FALSE:
    case TK_NULL:
    case TK_STRING:
    case TK_RAW_STRING:
    case TK_NUMBER:
    case TK_RPAREN:
    case TK_RBRACKET:
    case TK_RBRACE:
    case TK_TEMPLATE_CLOSE:
        return true;
    default:
        return false;
    }
}

static bool is_operator_or_comma(uint8_t kind)
{
    return (kind >= TK_ASSIGN && kind <= TK_PERCENT) || kind == TK_COMMA;
}

/* ---- brackets, dots, names ---- */

static void set_fault(pol_token *t, pol_lex_fault fault)
{
    t->kind = TK_ERROR;
    t->fault = (uint8_t)fault;
}

static void settle_dot(const reader *r, uint32_t i)
{
    pol_token *t = &r->tokens->items[i], *next = t + 1;
    bool touches = i > 0 && t[-1].end == t->start && ends_term(t[-1].kind);
    bool word = next->kind == TK_ID || is_keyword(next->kind);
    if (!touches || next->start != t->end || !word) {
        set_fault(t, POL_LEX_DOT);
        if (touches) { /* what is missing is missing behind the dot */
            t->start = t->end < r->source->text.n && r->source->text.at[t->end] == '\n' ? t->end + 1 : t->end;
            t->end = t->start;
        }
        return;
    }
    next->kind = TK_ID;
}

static bool is_touched_by(const pol_token *t, uint8_t kind)
{
    return t[1].kind == kind && t[1].start == t->end;
}

/* A keyword that a dot touches is a name: `import.foo := 1`. */
static void settle_keyword(const reader *r, uint32_t i)
{
    pol_token *t = &r->tokens->items[i];
    if (is_touched_by(t, TK_DOT) && (t[2].kind == TK_ID || is_keyword(t[2].kind)) && t[2].start == t[1].end)
        t->kind = TK_ID;
}

static void settle_bracket(const reader *r, uint32_t i)
{
    pol_token *t = &r->tokens->items[i];
    if (i > 0 && t[-1].end == t->start && ends_term(t[-1].kind))
        t->kind = t->kind == TK_LPAREN ? TK_CALL_OPEN : TK_REF_OPEN;
}

/* ---- keywords by import ---- */

static bool is_path(const reader *r, uint32_t i, const char *const *names)
{
    const pol_tokens *t = r->tokens;
    for (; *names; names++, i += 2)
        if (i + 2 >= t->n || !pol_bytes_is(text_of(r, &t->items[i]), *names) || (names[1] && t->items[i + 1].kind != TK_DOT))
            return false;
    return true;
}

/* The token i is `import`. What it switches on holds in the whole module. */
static void note_import(const reader *r, uint32_t i)
{
    static const char *const v2[] = {"rego", "v2", NULL}, *const with_and[] = {"future", "keywords", "and", NULL};
    static const char *const every[] = {"future", "keywords", NULL};
    static const char *const with_or[] = {"future", "keywords", "or", NULL}, *const with_not[] = {"future", "keywords", "not", NULL};
    bool all = is_path(r, i + 1, v2) || (is_path(r, i + 1, every) && r->tokens->items[i + 4].kind != TK_DOT);
    r->tokens->keyword_and |= all || is_path(r, i + 1, with_and);
    r->tokens->keyword_or |= all || is_path(r, i + 1, with_or);
    r->tokens->keyword_not |= all || is_path(r, i + 1, with_not);
}

static void settle_word(const reader *r, uint32_t i)
{
    pol_token *t = &r->tokens->items[i];
    if (r->tokens->keyword_and && pol_bytes_is(text_of(r, t), "and") && !is_touched_by(t, TK_DOT))
        t->kind = TK_LOGIC_AND;
    else if (r->tokens->keyword_or && pol_bytes_is(text_of(r, t), "or") && !is_touched_by(t, TK_DOT))
        t->kind = TK_LOGIC_OR;
}

/* ---- statements ---- */

static uint8_t opener_kind(pol_bytes text)
{
    static const struct {
        const char *word;
        uint8_t kind;
    } openers[] = {
        {"tier", TK_TIER},   {"schema", TK_SCHEMA}, {"role", TK_ROLE},     {"assign", TK_ASSIGN_ROLE},
        {"scope", TK_SCOPE}, {"route", TK_ROUTE},   {"permit", TK_PERMIT}, {"forbid", TK_FORBID},
    };
    for (size_t i = 0; i < sizeof openers / sizeof *openers; i++)
        if (pol_bytes_is(text, openers[i].word))
            return openers[i].kind;
    return 0;
}

static uint8_t clause_kind(pol_bytes text)
{
    static const struct {
        const char *word;
        uint8_t kind;
    } clauses[] = {
        {"to", TK_TO},         {"on", TK_ON},         {"at", TK_AT},     {"because", TK_BECAUSE}, {"returning", TK_RETURNING},
        {"unless", TK_UNLESS}, {"inherits", TK_INHERITS}, {"from", TK_FROM}, {"covers", TK_COVERS},   {"is", TK_IS},
    };
    for (size_t i = 0; i < sizeof clauses / sizeof *clauses; i++)
        if (pol_bytes_is(text, clauses[i].word))
            return clauses[i].kind;
    return TK_ID;
}

bool pol_is_clause_word(pol_bytes text)
{
    return clause_kind(text) != TK_ID;
}

/* Does the token continue what an operator or comma before it left open? The star of `on *` is no operator. Two names in a row go on with no
 * operator: there the operand is forgotten. */
static bool goes_on(const reader *r, uint32_t i)
{
    const pol_token *t = &r->tokens->items[i];
    if (i > 0 && t[-1].kind != TK_COMMA && t[1].kind == TK_ID && clause_kind(text_of(r, &t[1])) == TK_ID)
        return false;
    return i > 0 && is_operator_or_comma(t[-1].kind) && !(i > 1 && t[-1].kind == TK_STAR && t[-2].kind == TK_ON);
}

/* `schema resource NAME TYPE`, not a schema of the whole `resource`. */
static bool is_resource_schema(const reader *r, const pol_token *resource)
{
    const pol_token *name = resource + 1;
    return resource->kind == TK_ID && pol_bytes_is(text_of(r, resource), "resource") && (name->kind == TK_ID || name->kind == TK_STRING) &&
           !(name->kind == TK_ID && clause_kind(text_of(r, name)) == TK_FROM);
}

static uint32_t column_of(const reader *r, const pol_token *t)
{
    uint32_t at = t->start;
    while (at > 0 && r->source->text.at[at - 1] != '\n')
        at--;
    return t->start - at;
}

/* A clause word that a bracket or dot touches is a name, unless a clause may stand here: `because(x)` against `at(x)` in a rule. */
static void settle_clause_word(const reader *r, uint32_t i)
{
    pol_token *t = &r->tokens->items[i];
    uint8_t kind = clause_kind(text_of(r, t));
    bool bracket = is_touched_by(t, TK_LPAREN) || is_touched_by(t, TK_LBRACKET);
    if (is_touched_by(t, TK_DOT) || (bracket && (t->depth || !r->in_statement)))
        return;
    t->kind = kind;
}

static bool open_statement(reader *r, uint32_t i)
{
    pol_token *t = &r->tokens->items[i], *next = t + 1;
    if (!t->first_on_line || t->depth || goes_on(r, i))
        return false;
    if ((next->kind != TK_ID && next->kind != TK_STRING) || next->first_on_line)
        return false;
    uint8_t kind = opener_kind(text_of(r, t));
    if (!kind)
        return false;
    t->kind = kind == TK_SCHEMA && is_resource_schema(r, next) ? TK_SCHEMA_RESOURCE : kind;
    r->in_statement = true;
    r->statement_column = column_of(r, t);
    return true;
}

/* ---- all of them ---- */

static void settle(reader *r, uint32_t i)
{
    pol_token *t = &r->tokens->items[i];
    if (is_keyword(t->kind))
        settle_keyword(r, i);
    switch (t->kind) {
    case TK_DOT:
        settle_dot(r, i);
        break;
    case TK_LPAREN:
    case TK_LBRACKET:
        settle_bracket(r, i);
        break;
    case TK_CONTAINS: /* the built-in, but behind a rule's name */
        if (is_touched_by(t, TK_LPAREN) && (t->depth || t->first_on_line || i == 0 || !ends_term(t[-1].kind)))
            t->kind = TK_ID;
        break;
    case TK_NOT:
        if (r->tokens->keyword_not && t[1].kind == TK_LBRACE)
            t->kind = TK_NOT_BLOCK;
        break;
    case TK_ID:
        if ((i > 0 && t[-1].kind == TK_DOT) || (r->source->polward && open_statement(r, i)))
            break;
        settle_word(r, i);
        if (t->kind == TK_ID && r->source->polward)
            settle_clause_word(r, i);
        break;
    default:
        break;
    }
}

static int depth_change(uint8_t kind)
{
    switch (kind) {
    case TK_LBRACE:
    case TK_LBRACKET:
    case TK_LPAREN:
    case TK_CALL_OPEN:
    case TK_REF_OPEN:
    case TK_TEMPLATE_LBRACE:
        return 1;
    case TK_RBRACE:
    case TK_RBRACKET:
    case TK_RPAREN:
    case TK_TEMPLATE_RBRACE:
        return -1;
    default:
        return 0;
    }
}

/* An opener at the very beginning of a line begins anew, whatever brackets an error left open. */
static bool is_border(const reader *r, uint32_t i)
{
    const pol_token *t = &r->tokens->items[i];
    if (!r->source->polward || t->kind != TK_ID || !t->first_on_line || (t->start > 0 && r->source->text.at[t->start - 1] != '\n'))
        return false;
    return (t[1].kind == TK_ID || t[1].kind == TK_STRING) && !t[1].first_on_line && opener_kind(text_of(r, t)) &&
           !goes_on(r, i);
}

void pol_tokens_read(pol_arena *arena, const pol_source *source, uint32_t source_i, pol_tokens *tokens)
{
    pol_lex(arena, source, source_i, tokens);
    reader r = {.source = source, .tokens = tokens};
    int depth = 0;
    for (uint32_t i = 0; i + 1 < tokens->n; i++)
        if (tokens->items[i].kind == TK_IMPORT)
            note_import(&r, i);
    for (uint32_t i = 0; i + 1 < tokens->n; i++) {
        pol_token *t = &tokens->items[i];
        if (is_border(&r, i))
            depth = 0;
        if (r.in_statement && t->first_on_line && (t->kind != TK_ID || clause_kind(text_of(&r, t)) == TK_ID) && column_of(&r, t) <= r.statement_column)
            r.in_statement = false;
        int change = depth_change(t->kind);
        if (change < 0 && depth > 0)
            depth--;
        t->depth = (uint16_t)depth;
        if (change > 0 && ++depth > POL_NESTING_MAX)
            set_fault(t, POL_LEX_DEPTH);
        settle(&r, i);
    }
}

const char *pol_lex_fault_text(pol_lex_fault fault, pol_diag_code *code)
{
    static const struct {
        pol_diag_code code;
        const char *text;
    } faults[] = {
        [POL_LEX_OK] = {POL_D_SYNTAX, ""},
        [POL_LEX_CHARACTER] = {POL_D_TOKEN, "this character has no meaning here"},
        [POL_LEX_NUL] = {POL_D_TOKEN, "a NUL byte cannot be part of a policy"},
        [POL_LEX_UTF8] = {POL_D_TOKEN, "these bytes are not valid UTF-8"},
        [POL_LEX_MARK] = {POL_D_TOKEN, "a byte-order mark may stand only at the very beginning of a file"},
        [POL_LEX_BLANK] = {POL_D_TOKEN, "this is a non-breaking space; use a plain one"},
        [POL_LEX_STRING_END] = {POL_D_STRING, "this string has no end"},
        [POL_LEX_ESCAPE] = {POL_D_STRING, "a wrong escape in a string: there are \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX, and \\{ in template strings"},
        [POL_LEX_FRACTION] = {POL_D_NUMBER, "expected digits after the point of this number"},
        [POL_LEX_LEADING_ZERO] = {POL_D_NUMBER, "a number cannot begin with 0 and another digit"},
        [POL_LEX_NUMBER] = {POL_D_NUMBER, "this is neither a number nor a name"},
        [POL_LEX_DOT] = {POL_D_SYNTAX, "expected a name right after a dot that touches what stands before it"},
        [POL_LEX_DEPTH] = {POL_D_NESTING, "brackets are nested more than 500 deep"},
        [POL_LEX_AND] = {POL_D_TOKEN, "there is no `&&`: conditions that must all hold stand on lines of their own, or have `;` between them"},
        [POL_LEX_OR] = {POL_D_TOKEN, "there is no `||`: write a rule twice, once for each condition, or `x in {a, b}`"},
        [POL_LEX_EQUAL] = {POL_D_TOKEN, "there is no `===`: compare with `==` or `!=`"},
        [POL_LEX_BANG] = {POL_D_TOKEN, "there is no `!`: write `not`"},
        [POL_LEX_QUOTE] = {POL_D_TOKEN, "strings stand in double quotes, or in back quotes without escapes"},
    };
    *code = faults[fault].code;
    return faults[fault].text;
}
