/* SPDX-License-Identifier: Apache-2.0
 * The layout of a module: its tokens and comments as they are, with other blanks, line ends, semicolons and last commas. What the tokens mean is asked of
 * the tree (which brace opens a body, where an expression of it begins); which lines there are is the author's choice where both are good: a bracket whose
 * items stood on lines of their own keeps them so, as does one that would be too long. The result is parsed again and must be the same tree.
 */
#include "compiler/layout.h"
#include "compiler/check.h"
#include "grammar/parse.h"
#include "grammar/rego.h"
#include "grammar/tokens.h"

enum { WIDTH = 100, TAB = 4 };

/* What a token is, beyond its kind. */
enum {
    MARK_ITEM = 1,   /* first of a package, import, rule or statement */
    MARK_EXPR = 2,   /* first of an expression of a body that is not the first */
    MARK_BODY = 4,   /* opens a body */
    MARK_BLOCK = 8,  /* ... of a rule or statement: always on lines of its own */
    MARK_BAR = 16,   /* of a comprehension */
    MARK_BINDS = 32, /* `=` that means := */
    MARK_COMPREHENSION = 128, /* opens one */
    MARK_BREAK = 64, /* opening bracket: its items stand on lines of their own; word of a clause: begins a line */
};

typedef struct {
    uint32_t closer;
    unsigned base, indent; /* of the line with the bracket; of what stands in it on lines of its own */
    uint32_t opener;
    bool broken, list, comprehension;
} frame;

typedef struct {
    pol_walk walk;
    pol_bytes text;
    pol_tokens tokens;
    uint8_t *marks;
    uint32_t *match; /* of an opening bracket the closing one, and the other way */
    frame *frames;
    uint32_t n_frames, frames_capacity;
    pol_arena *arena;
    pol_buf *out;
    uint32_t comment; /* the next */
    const pol_module *module;
    unsigned line_indent, item_indent;
    size_t line_start; /* in out */
    bool in_schema, in_statement;
} layout;

/* ---- what the tree says ---- */

static uint32_t token_at(const layout *l, uint32_t start)
{
    uint32_t low = 0, high = l->tokens.n - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (l->tokens.items[middle].start < start)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint8_t kind_at(const layout *l, uint32_t i)
{
    return l->tokens.items[i].kind;
}

/* The bracket or word that a body stands behind. */
static uint32_t opener_of(const layout *l, const pol_body *body)
{
    uint32_t first = token_at(l, body->items[0]->span.start);
    return kind_at(l, first - 1) == TK_COMMA ? first - 2 : first - 1; /* `{, x}` */
}

static void mark_body(layout *l, const pol_body *body)
{
    if (!body || !body->n)
        return;
    uint32_t opener = opener_of(l, body);
    if (kind_at(l, opener) == TK_LBRACE)
        l->marks[opener] |= MARK_BODY;
    for (uint32_t i = 1; i < body->n; i++)
        l->marks[token_at(l, body->items[i]->span.start)] |= MARK_EXPR;
}

static void mark_block(layout *l, pol_body *body)
{
    if (!body || !body->n)
        return;
    mark_body(l, body);
    uint32_t opener = opener_of(l, body);
    if (kind_at(l, opener) == TK_LBRACE)
        l->marks[opener] |= MARK_BLOCK | MARK_BREAK;
    pol_walk_body(&l->walk, body);
}

static bool mark_term(pol_walk *walk, pol_term *t)
{
    layout *l = (layout *)walk;
    if (t->kind == POL_TERM_TEMPLATE)
        return false;
    if (pol_is_comprehension(t) && t->body->n) {
        mark_body(l, t->body);
        l->marks[token_at(l, t->body->items[0]->span.start) - 1] |= MARK_BAR;
    }
    return true;
}

static bool mark_expr(pol_walk *walk, pol_expr *e)
{
    mark_body((layout *)walk, e->body);
    mark_body((layout *)walk, e->other);
    return true;
}

static void mark_rule(layout *l, const pol_rule *rule)
{
    for (const pol_rule *r = rule; r; r = r->next_else) {
        pol_walk_term(&l->walk, r->name);
        for (uint32_t i = 0; i < r->n_args; i++)
            pol_walk_term(&l->walk, r->args[i]);
        pol_walk_term(&l->walk, r->key);
        pol_walk_term(&l->walk, r->value);
        mark_block(l, (pol_body *)(uintptr_t)&r->body);
        uint32_t value = r->value ? token_at(l, r->value->span.start) : 0;
        if (value && kind_at(l, value - 1) == TK_UNIFY)
            l->marks[value - 1] |= MARK_BINDS;
    }
}

static void mark_item(layout *l, pol_span span)
{
    uint32_t i = token_at(l, span.start);
    if (kind_at(l, i) != TK_LBRACE) /* a further body */
        l->marks[i] |= MARK_ITEM;
}

static void mark_module(layout *l)
{
    const pol_module *m = l->module;
    mark_item(l, m->package_span);
    for (uint32_t i = 0; i < m->n_imports; i++)
        mark_item(l, m->imports[i].span);
    for (uint32_t i = 0; i < m->n_rules; i++) {
        mark_item(l, m->rules[i]->span);
        mark_rule(l, m->rules[i]);
    }
    for (uint32_t i = 0; i < m->n_statements; i++) {
        pol_statement *s = m->statements[i];
        mark_item(l, s->span);
        pol_walk_term(&l->walk, s->from);
        pol_walk_term(&l->walk, s->because);
        pol_walk_term(&l->walk, s->returning);
        mark_block(l, s->if_body);
        mark_block(l, s->unless_body);
    }
    l->marks[l->tokens.n - 1] |= MARK_ITEM;
}

/* ---- brackets ---- */

static bool opens(uint8_t kind)
{
    return kind == TK_LPAREN || kind == TK_LBRACKET || kind == TK_LBRACE || kind == TK_CALL_OPEN || kind == TK_REF_OPEN || kind == TK_TEMPLATE_LBRACE;
}

static bool closes(uint8_t kind)
{
    return kind == TK_RPAREN || kind == TK_RBRACKET || kind == TK_RBRACE || kind == TK_TEMPLATE_RBRACE;
}

static bool is_schema_word(uint8_t kind)
{
    return kind == TK_SCHEMA || kind == TK_SCHEMA_RESOURCE;
}

static bool is_comprehension(const layout *l, uint32_t opener)
{
    return l->marks[opener] & MARK_COMPREHENSION;
}

/* Items with commas between them, the last of which may have one too. */
static bool is_list(const layout *l, uint32_t opener, bool in_schema)
{
    uint8_t kind = kind_at(l, opener);
    if (in_schema)
        return kind == TK_LBRACE && kind_at(l, opener + 1) != TK_LBRACKET;
    return (kind == TK_LBRACKET || kind == TK_LBRACE || kind == TK_CALL_OPEN) && !(l->marks[opener] & MARK_BODY) && !is_comprehension(l, opener);
}

static bool may_break(const layout *l, uint32_t opener, bool in_schema)
{
    uint8_t kind = kind_at(l, opener);
    return in_schema ? is_list(l, opener, true) : kind == TK_LBRACKET || kind == TK_LBRACE || kind == TK_CALL_OPEN;
}

static void match_brackets(layout *l)
{
    uint32_t *stack = POL_NEW_ARRAY(l->arena, uint32_t, l->tokens.n), n = 0;
    for (uint32_t i = 0; i < l->tokens.n; i++) {
        if (opens(kind_at(l, i))) {
            stack[n++] = i;
        } else if (closes(kind_at(l, i)) && n) {
            l->match[i] = stack[--n];
            l->match[stack[n]] = i;
        } else if ((l->marks[i] & MARK_BAR) && n) {
            l->marks[stack[n - 1]] |= MARK_COMPREHENSION;
        }
    }
}

/* Does the author begin a line with token i, where lines can begin in a bracket? */
static bool breaks_line(const layout *l, uint32_t i, uint32_t opener)
{
    if (!l->tokens.items[i].first_on_line)
        return false;
    bool comma = !(l->marks[opener] & (MARK_BODY | MARK_COMPREHENSION)) && (kind_at(l, i - 1) == TK_COMMA || kind_at(l, i) == TK_COMMA);
    return i == opener + 1 || i == l->match[opener] || comma || (l->marks[i] & MARK_EXPR) || (l->marks[i - 1] & MARK_BAR);
}

/* Brackets that are on lines of their own already, or have comments in them. */
static void find_broken(layout *l)
{
    uint32_t *stack = POL_NEW_ARRAY(l->arena, uint32_t, l->tokens.n), n = 0, comment = 0;
    bool in_schema = false;
    for (uint32_t i = 0; i < l->tokens.n; i++) {
        bool commented = false;
        for (; comment < l->tokens.n_comments && l->tokens.comments[comment].span.start < l->tokens.items[i].start; comment++)
            commented = true;
        if (l->marks[i] & MARK_ITEM)
            in_schema = is_schema_word(kind_at(l, i));
        if (n && may_break(l, stack[n - 1], in_schema) && (commented || breaks_line(l, i, stack[n - 1])))
            l->marks[stack[n - 1]] |= MARK_BREAK;
        if (closes(kind_at(l, i)) && n)
            n--;
        if (opens(kind_at(l, i)))
            stack[n++] = i;
    }
}

/* ---- blanks within a line ---- */

static bool ends_term(uint8_t kind)
{
    return kind == TK_ID || kind == TK_TRUE || kind == TK_FALSE || kind == TK_NULL || kind == TK_STRING || kind == TK_RAW_STRING || kind == TK_NUMBER ||
           kind == TK_TEMPLATE_CLOSE || closes(kind);
}

static bool is_sign(const layout *l, uint32_t i)
{
    return kind_at(l, i) == TK_MINUS && (!ends_term(kind_at(l, i - 1)) || (l->marks[i] & MARK_EXPR));
}

static bool is_operator(const layout *l, uint32_t i)
{
    uint8_t kind = kind_at(l, i);
    return ((kind >= TK_ASSIGN && kind <= TK_PERCENT) || kind == TK_LOGIC_AND || kind == TK_LOGIC_OR) && !(l->marks[i] & MARK_BAR) && !is_sign(l, i);
}

static bool is_left_out(const layout *l, uint32_t i)
{
    uint8_t kind = kind_at(l, i);
    return kind == TK_SEMICOLON || (kind == TK_COMMA && (closes(kind_at(l, i + 1)) || opens(kind_at(l, i - 1))));
}

/* The token before i of those that are not left out. */
static uint32_t before(const layout *l, uint32_t i)
{
    return i > 1 && kind_at(l, i - 1) == TK_COMMA && is_left_out(l, i - 1) ? i - 2 : i - 1;
}

/* Is there a blank before token i, on the line of the one before it? */
static bool has_blank(const layout *l, uint32_t i)
{
    uint32_t last = before(l, i);
    uint8_t kind_before = kind_at(l, last), kind = kind_at(l, i);
    if (kind_before == TK_LBRACE && (l->marks[last] & MARK_BODY))
        return true;
    if (kind == TK_RBRACE)
        return l->marks[l->match[i]] & MARK_BODY;
    if (opens(kind_before) || kind_before == TK_DOT || (kind_before == TK_MINUS && is_sign(l, last)))
        return false;
    return !(closes(kind) || kind == TK_COMMA || kind == TK_SEMICOLON || kind == TK_COLON || kind == TK_DOT || kind == TK_CALL_OPEN || kind == TK_REF_OPEN ||
             kind == TK_QUESTION);
}

/* The last token of what is printed as it is written: a template string. */
static uint32_t last_of(const layout *l, uint32_t i)
{
    unsigned depth = 0;
    do {
        depth += kind_at(l, i) == TK_TEMPLATE_OPEN || kind_at(l, i) == TK_RAW_TEMPLATE_OPEN;
        depth -= kind_at(l, i) == TK_TEMPLATE_CLOSE;
    } while (depth && ++i < l->tokens.n);
    return i;
}

/* How wide tokens from..to are on one line: up to a bracket on lines of its own, and not more than is needed to see that it is too wide. */
static unsigned width_of(const layout *l, uint32_t from, uint32_t to)
{
    unsigned width = 0;
    for (uint32_t i = from; i <= to && width <= WIDTH; i++) {
        uint32_t last = last_of(l, i);
        const pol_token *t = &l->tokens.items[i];
        if (is_left_out(l, i))
            continue;
        width += (i > from && has_blank(l, i)) + (l->tokens.items[last].end - t->start) + (l->marks[i] & MARK_EXPR ? 1 : 0);
        if (opens(t->kind) && (l->marks[i] & MARK_BREAK))
            break;
        i = last;
    }
    return width;
}

static unsigned column(const layout *l)
{
    unsigned n = (unsigned)(l->out->n - l->line_start);
    return n + l->line_indent * (TAB - 1);
}

/* Would breaking the bracket help, and is it needed? One that only holds another bracket leaves it to that. */
static bool is_too_wide(const layout *l, uint32_t opener)
{
    uint32_t closer = l->match[opener];
    if (!may_break(l, opener, l->in_schema) || closer <= opener + 2)
        return false;
    if (opens(kind_at(l, opener + 1)) && l->match[opener + 1] == closer - 1)
        return false;
    return column(l) + width_of(l, opener, closer) > WIDTH;
}

/* ---- lines ---- */

static void end_line(layout *l)
{
    pol_buf_byte(l->out, '\n');
    l->line_start = l->out->n;
}

static void begin_line(layout *l, unsigned indent)
{
    for (unsigned i = 0; i < indent; i++)
        pol_buf_byte(l->out, '\t');
    l->line_indent = indent;
}

static bool in_metadata(const layout *l, const pol_comment *c)
{
    for (uint32_t i = 0; i < l->module->n_metadata; i++)
        if (c->span.start >= l->module->metadata[i]->span.start && c->span.end <= l->module->metadata[i]->span.end)
            return true;
    return false;
}

static void put_comment(layout *l, const pol_comment *c)
{
    pol_bytes text = c->text;
    while (text.n && (text.at[text.n - 1] == ' ' || text.at[text.n - 1] == '\t' || text.at[text.n - 1] == '\r') && !in_metadata(l, c))
        text.n--;
    pol_buf_byte(l->out, '#');
    pol_buf_bytes(l->out, text);
}

static unsigned line_ends(const layout *l, uint32_t from, uint32_t to)
{
    unsigned n = 0;
    for (uint32_t i = from; i < to; i++)
        n += l->text.at[i] == '\n';
    return n;
}

static const pol_comment *next_comment(const layout *l, uint32_t before)
{
    if (l->comment >= l->tokens.n_comments)
        return NULL;
    const pol_comment *c = &l->tokens.comments[l->comment];
    return c->span.start < before ? c : NULL;
}

/* Comments that stand on lines of their own before start, and the empty lines between them; what came before ended at from. */
static void put_comments(layout *l, uint32_t from, uint32_t start, unsigned indent, bool first, bool last)
{
    const pol_comment *c;
    for (; (c = next_comment(l, start)); l->comment++, first = false) {
        if (!first && line_ends(l, from, c->span.start) > 1)
            end_line(l);
        begin_line(l, indent);
        put_comment(l, c);
        end_line(l);
        from = c->span.end;
    }
    if (!first && !last && line_ends(l, from, start) > 1)
        end_line(l);
}

/* Ends the line of the token that ended at from, with the comment behind it. Returns where that ends. */
static uint32_t finish_line(layout *l, uint32_t from, uint32_t start)
{
    const pol_comment *c = next_comment(l, start);
    if (c && !line_ends(l, from, c->span.start)) {
        pol_buf_byte(l->out, ' ');
        put_comment(l, c);
        from = c->span.end;
        l->comment++;
    }
    end_line(l);
    return from;
}

/* From token i-1 to the beginning of a line for token i. first, last: of what is in a bracket, where no empty lines stay. */
static void break_line(layout *l, uint32_t i, unsigned indent, bool first, bool last)
{
    uint32_t start = l->tokens.items[i].start, from = finish_line(l, l->tokens.items[i - 1].end, start);
    put_comments(l, from, start, last ? l->frames[l->n_frames - 1].indent : indent, first, last);
    begin_line(l, indent);
}

/* ---- items ---- */

static bool is_clause_word(uint8_t kind)
{
    return kind == TK_BECAUSE || kind == TK_RETURNING || kind == TK_IF || kind == TK_UNLESS;
}

/* The clauses of a permit or forbid: on lines of their own if one was, if they do not fit on one, or if one of several has a body in braces. */
static void break_clauses(layout *l, uint32_t start)
{
    uint32_t end = start + 1, n = 0;
    bool wanted = false, block = false;
    for (; !(l->marks[end] & MARK_ITEM); end++) {
        if (opens(kind_at(l, end))) {
            block |= (l->marks[end] & MARK_BLOCK) != 0;
            end = l->match[end];
        } else if (is_clause_word(kind_at(l, end))) {
            wanted |= l->tokens.items[end].first_on_line;
            n++;
        }
    }
    wanted |= (block && n > 1) || width_of(l, start, end - 1) > WIDTH;
    for (uint32_t i = start + 1; wanted && i < end; i++) {
        if (opens(kind_at(l, i)))
            i = l->match[i];
        else if (is_clause_word(kind_at(l, i)))
            l->marks[i] |= MARK_BREAK;
    }
}

/* ---- tokens ---- */

static void push(layout *l, uint32_t opener)
{
    if (!(l->marks[opener] & MARK_BREAK) && is_too_wide(l, opener))
        l->marks[opener] |= MARK_BREAK;
    bool broken = l->marks[opener] & MARK_BREAK;
    POL_GROW(l->arena, l->frames, l->n_frames, l->frames_capacity);
    l->frames[l->n_frames++] = (frame){
        .opener = opener,
        .closer = l->match[opener],
        .base = l->line_indent,
        .indent = broken ? l->line_indent + 1 : l->n_frames > 1 ? l->frames[l->n_frames - 2].indent : l->item_indent,
        .broken = broken,
        .list = is_list(l, opener, l->in_schema),
        .comprehension = is_comprehension(l, opener),
    };
}

/* Where the items of the bracket that is open begin a line. */
static bool begins_item(const layout *l, const frame *f, uint32_t i)
{
    if (l->marks[i] & MARK_EXPR)
        return true;
    if (f->comprehension)
        return l->marks[i - 1] & MARK_BAR;
    return before(l, i) == f->opener || (f->list && kind_at(l, i - 1) == TK_COMMA);
}

static bool goes_on(const layout *l, uint32_t i)
{
    if (!l->tokens.items[i].first_on_line)
        return false;
    return is_operator(l, i - 1) || is_operator(l, i) || kind_at(l, i) == TK_WITH || kind_at(l, i) == TK_ELSE;
}

/* Would the line be too wide with the `with` that begins with token i? */
static bool passes_width(const layout *l, uint32_t i)
{
    uint32_t end = i + 1;
    while (!closes(kind_at(l, end)) && kind_at(l, end) != TK_WITH && !(l->marks[end] & (MARK_ITEM | MARK_EXPR)) && end - i < WIDTH)
        end = opens(kind_at(l, end)) ? l->match[end] + 1 : last_of(l, end) + 1;
    return column(l) + 1 + width_of(l, i, end - 1) > WIDTH;
}

/* What stands between token i, which is not the first of its item, and the one before it. */
static void put_gap(layout *l, uint32_t i)
{
    frame *f = l->n_frames ? &l->frames[l->n_frames - 1] : NULL;
    uint32_t start = l->tokens.items[i].start;
    unsigned inner = f ? f->indent : l->item_indent;
    if (f && f->broken && i == f->closer) {
        if (f->list && i > f->opener + 1)
            pol_buf_byte(l->out, ',');
        break_line(l, i, f->base, false, true);
    } else if (f && f->broken && begins_item(l, f, i)) {
        if (is_sign(l, i) && (l->marks[i] & MARK_EXPR))
            pol_buf_byte(l->out, ';');
        break_line(l, i, inner, before(l, i) == f->opener || (l->marks[i - 1] & MARK_BAR), false);
    } else if (!f && (l->marks[i] & MARK_BREAK) && is_clause_word(kind_at(l, i))) {
        break_line(l, i, 1, true, false);
        l->item_indent = 1;
    } else if (next_comment(l, start) || (goes_on(l, i) && !(kind_at(l, i) == TK_ELSE && kind_at(l, i - 1) == TK_RBRACE))) {
        if (l->marks[i] & MARK_EXPR)
            pol_buf_byte(l->out, ';');
        bool chain = !f && kind_at(l, i) == TK_ELSE;
        break_line(l, i, chain ? 0 : inner + 1, true, false);
    } else if (kind_at(l, i) == TK_WITH && passes_width(l, i)) {
        break_line(l, i, inner + 1, true, false);
    } else if (!f && l->in_statement && kind_at(l, i - 1) == TK_COMMA && column(l) + 1 + width_of(l, i, i + 1) > WIDTH) {
        break_line(l, i, inner + 1, true, false);
    } else {
        if (l->marks[i] & MARK_EXPR)
            pol_buf_byte(l->out, ';');
        if (has_blank(l, i))
            pol_buf_byte(l->out, ' ');
    }
}

static void put_token(layout *l, uint32_t i, uint32_t last)
{
    const pol_token *t = &l->tokens.items[i];
    uint32_t end = l->tokens.items[last].end;
    if (l->marks[i] & MARK_BINDS)
        pol_buf_text(l->out, ":=");
    else
        pol_buf_bytes(l->out, pol_bytes_of(l->text.at + t->start, end - t->start));
    while (last > i && next_comment(l, end))
        l->comment++; /* within the template string */
}

/* The item that begins with token i. Returns the token behind it. */
static uint32_t put_item(layout *l, uint32_t i)
{
    uint8_t kind = kind_at(l, i);
    l->item_indent = l->line_indent = 0;
    l->in_schema = is_schema_word(kind);
    l->in_statement = kind >= TK_TIER && kind <= TK_FORBID;
    if (kind == TK_PERMIT || kind == TK_FORBID)
        break_clauses(l, i);
    for (bool first = true; kind_at(l, i) && (first || !(l->marks[i] & MARK_ITEM)); i++, first = false) {
        if (is_left_out(l, i))
            continue;
        if (!first)
            put_gap(l, i);
        if (l->n_frames && l->frames[l->n_frames - 1].closer == i)
            l->n_frames--;
        uint32_t last = last_of(l, i);
        put_token(l, i, last);
        i = last;
        if (opens(kind_at(l, i)))
            push(l, i);
    }
    return i;
}

/* What stands between two items: an empty line where the author left one, and around what takes more than one line, behind the package, and between imports
 * and what is none. */
static void put_border(layout *l, uint32_t last, uint32_t i, bool has_lines)
{
    uint32_t start = l->tokens.items[i].start, from = 0;
    if (i) {
        uint8_t a = kind_at(l, last), b = kind_at(l, i);
        from = finish_line(l, l->tokens.items[i - 1].end, start);
        bool apart = a == TK_PACKAGE || (a == TK_IMPORT) != (b == TK_IMPORT) || has_lines;
        const pol_comment *c = next_comment(l, start);
        bool blank = (b || c) && ((apart && b) || line_ends(l, from, c ? c->span.start : start) > 1);
        if (blank)
            end_line(l);
    }
    put_comments(l, from, start, 0, true, !kind_at(l, i) || !next_comment(l, start));
}

static void put_module(layout *l, pol_buf *out)
{
    POL_CLEAN(pol_buf_deinit) pol_buf item = {0};
    bool had_lines = false;
    for (uint32_t i = 0, last = 0;;) {
        uint32_t comment = l->comment, start = l->tokens.items[i].start, next;
        while (next_comment(l, start))
            l->comment++;
        pol_buf_clear(&item);
        l->out = &item;
        l->line_start = 0;
        next = put_item(l, i);
        bool has_lines = item.n && memchr(item.at, '\n', item.n);
        uint32_t behind = l->comment;
        l->comment = comment;
        l->out = out;
        put_border(l, last, i, had_lines || has_lines);
        l->comment = behind;
        pol_buf_bytes(out, pol_buf_view(&item));
        if (!kind_at(l, i))
            return;
        last = i;
        i = next;
        had_lines = has_lines;
    }
}

/* ---- the check ---- */

/* Both trees in their canonical print, and both lists of comments. */
static bool is_same(pol_sources *sources, const pol_module *a, const pol_module *b)
{
    if (b->failed || a->n_comments != b->n_comments)
        return false;
    POL_CLEAN(pol_buf_deinit) pol_buf x = {0};
    POL_CLEAN(pol_buf_deinit) pol_buf y = {0};
    pol_module_print(a, sources, &x);
    pol_module_print(b, sources, &y);
    return pol_bytes_equal(pol_buf_view(&x), pol_buf_view(&y));
}

bool pol_lay_out(pol_arena *arena, pol_sources *sources, uint32_t source, pol_diags *diags, pol_buf *out)
{
    pol_module *module = pol_parse_module(arena, sources, source, diags);
    if (module->failed)
        return false;
    layout l = {.walk = {.term = mark_term, .expr = mark_expr, .closures = true}, .arena = arena, .module = module};
    l.text = sources->items[source].text;
    pol_tokens_read(arena, &sources->items[source], source, &l.tokens);
    l.marks = POL_NEW_ARRAY(arena, uint8_t, l.tokens.n);
    l.match = POL_NEW_ARRAY(arena, uint32_t, l.tokens.n);
    mark_module(&l);
    match_brackets(&l);
    find_broken(&l);
    size_t from = out->n;
    put_module(&l, out);
    const pol_source *original = &sources->items[source];
    uint32_t again = pol_source_add(sources, original->name, pol_bytes_of(out->at + from, out->n - from), original->polward);
    pol_diags fresh = {.arena = arena, .sources = sources};
    if (is_same(sources, module, pol_parse_module(arena, sources, again, &fresh)))
        return true;
    pol_diag(diags, POL_D_FORMAT, module->package_span,
             "this file cannot be laid out: a comment stands in the midst of what belongs together; move it to a line of its own");
    return false;
}
