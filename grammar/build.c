/* SPDX-License-Identifier: Apache-2.0
 * Nodes of rules, expressions and terms (see build.h); the eight statements are in build_statements.c.
 */
#include "grammar/build.h"
#include "grammar/parse.h"
#include "grammar/rego.h"

enum { HEIGHT_MAX = 600 }; /* of a term or expression: later stages recurse over it */

/* ---- places and reports ---- */

static pol_span token_span(const builder *b, token t)
{
    return (pol_span){b->source, t.start, t.end};
}

static pol_span join(pol_span a, pol_span b)
{
    return (pol_span){a.source, a.start, b.end > a.end ? b.end : a.end};
}

static pol_span to_token(pol_span a, token end)
{
    return (pol_span){a.source, a.start, end.end};
}

/* Reports what the grammar takes but means nothing; the statement is dropped. */
#define REFUSE(b, code, span, ...)                                                                 \
    do {                                                                                           \
        if (!(b)->refused)                                                                         \
            pol_diag((b)->diags, code, span, __VA_ARGS__);                                         \
        (b)->refused = true;                                                                       \
    } while (0)

static const struct {
    int kind;
    const char *text;
} expectations[] = {
    {TK_NUMBER, "an expression"}, {TK_NAME, "a name"},    {TK_STRING, "a string"}, {TK_IF, "`if`"},       {TK_ASSIGN, "`:=`"},
    {TK_RPAREN, "`)`"},           {TK_RBRACKET, "`]`"},   {TK_RBRACE, "`}`"},      {TK_COLON, "`:`"},     {TK_BODY, "`{` and a body"},
    {TK_COMMA, "`,`"},            {TK_SEPARATOR, "a new line or `;`"}, {TK_IN, "`in`"}, {TK_PACKAGE, "`package`"}, {TK_AS, "`as`"},
    {TK_TO, "`to`"},              {TK_ON, "`on`"},        {TK_COVERS, "`covers`"}, {TK_IS, "`is`"},       {TK_FROM, "`from`"},
};

void build_syntax_error(builder *b, void *parser, token at)
{
    pol_buf expected = {0};
    bool expression = false;
    unsigned n = 0;
    b->failed = true;
    for (size_t i = 0; i < sizeof expectations / sizeof *expectations && n < 4; i++) {
        int kind = expectations[i].kind;
        if ((expression && (kind == TK_NAME || kind == TK_STRING)) || !parser_accepts(parser, kind))
            continue;
        expression |= kind == TK_NUMBER;
        pol_buf_printf(&expected, "%s%s", n++ ? " or " : "", expectations[i].text);
    }
    pol_bytes found = pol_bytes_of(b->lexer.text + at.start, at.end - at.start);
    pol_span span = token_span(b, at);
    int shown = found.n > 30 ? 30 : (int)found.n;
    const char *wanted = n ? (const char *)expected.at : "the end of the statement";
    if (at.kind == 0)
        pol_diag(b->diags, POL_D_SYNTAX, span, "the text ends here, where %s was expected", wanted);
    else if (at.kind == TK_SEPARATOR)
        pol_diag(b->diags, POL_D_SYNTAX, span, "the line ends before this, where %s was expected", wanted);
    else if (at.kind != TK_BAD)
        pol_diag(b->diags, POL_D_SYNTAX, span, "expected %s, found `%.*s`", wanted, shown, (const char *)found.at);
    pol_buf_deinit(&expected);
}

void build_overflow(builder *b)
{
    pol_diag(b->diags, POL_D_NESTING, (pol_span){b->source, b->last_end, b->last_end}, "this is nested too deep");
    b->failed = true;
}

/* ---- terms ---- */

/* Sets the height from that of the items and refuses what is too high. */
static pol_term *finish(builder *b, pol_term *t)
{
    for (uint32_t i = 0; i < t->n; i++)
        if (t->items[i]->height >= t->height)
            t->height = (uint16_t)(t->items[i]->height + 1);
    if (t->height > HEIGHT_MAX) {
        REFUSE(b, POL_D_NESTING, t->span, "this is nested too deep: split it");
        b->failed = true;
        t->height = 0;
    }
    return t;
}

static pol_bytes copy_text(builder *b, token t)
{
    return pol_bytes_of(b->lexer.text + t.start, t.end - t.start);
}

pol_term *build_name(builder *b, token name)
{
    return pol_term_text(b->arena, POL_TERM_VAR, token_span(b, name), copy_text(b, name));
}

pol_term *build_number(builder *b, token number)
{
    pol_bytes text = copy_text(b, number);
    if (text.n && text.at[0] == '.') { /* .5 */
        const char *whole = pol_arena_printf(b->arena, "0%.*s", (int)text.n, (const char *)text.at);
        text = pol_bytes_text(whole);
    }
    return pol_term_text(b->arena, POL_TERM_NUMBER, token_span(b, number), text);
}

pol_term *build_string(builder *b, token string)
{
    pol_term *t = pol_term_text(b->arena, POL_TERM_STRING, token_span(b, string), lex_string(&b->lexer, string, false));
    t->raw = string.raw;
    return t;
}

pol_term *build_bool(builder *b, token word, bool value)
{
    pol_term *t = pol_term_new(b->arena, POL_TERM_BOOL, token_span(b, word));
    t->boolean = value;
    return t;
}

pol_term *build_null(builder *b, token word)
{
    return pol_term_new(b->arena, POL_TERM_NULL, token_span(b, word));
}

pol_term *build_infix(builder *b, const char *name, pol_term *left, token op, pol_term *right)
{
    pol_term *args[] = {left, right};
    pol_term *t = pol_term_call(b->arena, join(left->span, right->span), name, args, 2);
    t->infix = true;
    t->items[0]->span = token_span(b, op);
    return finish(b, t);
}

pol_term *build_negative(builder *b, token minus, pol_term *term)
{
    pol_span span = join(token_span(b, minus), term->span);
    if (term->kind == POL_TERM_NUMBER && term->text.at[0] != '-' && !term->parenthesised) {
        const char *text = pol_arena_printf(b->arena, "-%.*s", (int)term->text.n, (const char *)term->text.at);
        return pol_term_text(b->arena, POL_TERM_NUMBER, span, pol_bytes_text(text));
    }
    pol_term *zero = pol_term_text(b->arena, POL_TERM_NUMBER, token_span(b, minus), POL_BYTES("0"));
    pol_term *args[] = {zero, term};
    pol_term *t = pol_term_call(b->arena, span, "minus", args, 2);
    t->infix = true;
    return finish(b, t);
}

/* ref with one more operand. The items of a ref being read are its own, so it is extended in place; room grows by doubling. */
static pol_term *extend(builder *b, pol_term *term, pol_term *operand, pol_span span)
{
    pol_term *ref = term;
    if (term->kind != POL_TERM_REF || term->parenthesised) {
        ref = pol_term_new(b->arena, POL_TERM_REF, span);
        ref->items = POL_NEW_ARRAY(b->arena, pol_term *, 4);
        ref->items[ref->n++] = term;
    } else if (ref->n >= 4 && (ref->n & (ref->n - 1)) == 0) {
        pol_term **items = POL_NEW_ARRAY(b->arena, pol_term *, 2 * ref->n);
        memcpy(items, ref->items, ref->n * sizeof *items);
        ref->items = items;
    }
    ref->items[ref->n++] = operand;
    ref->span = span;
    return finish(b, ref);
}

pol_term *build_field(builder *b, pol_term *term, token field)
{
    pol_term *name = pol_term_text(b->arena, POL_TERM_STRING, token_span(b, field), copy_text(b, field));
    name->infix = true;
    return extend(b, term, name, to_token(term->span, field));
}

static bool can_be_ref_head(const pol_term *t)
{
    return t->kind != POL_TERM_NULL && t->kind != POL_TERM_BOOL && t->kind != POL_TERM_NUMBER && t->kind != POL_TERM_STRING;
}

pol_term *build_index(builder *b, pol_term *term, pol_term *index, token end)
{
    if (!can_be_ref_head(term))
        REFUSE(b, POL_D_EXPRESSION, term->span, "a literal has no parts to look up");
    return extend(b, term, index, to_token(term->span, end));
}

pol_term *build_call(builder *b, pol_term *callee, term_list args, token end)
{
    pol_span span = to_token(callee->span, end);
    bool named = callee->kind == POL_TERM_VAR || callee->kind == POL_TERM_REF;
    for (uint32_t i = 0; named && callee->kind == POL_TERM_REF && i < callee->n; i++)
        named = callee->items[i]->kind == (i ? POL_TERM_STRING : POL_TERM_VAR);
    if (!named)
        REFUSE(b, POL_D_EXPRESSION, callee->span, "only a function's name can be called");
    if (callee->kind == POL_TERM_VAR && pol_bytes_is(callee->text, "set") && args.n == 0)
        return pol_term_list(b->arena, POL_TERM_SET, span, NULL, 0);
    pol_term **items = POL_NEW_ARRAY(b->arena, pol_term *, args.n + 1);
    items[0] = callee;
    if (args.n)
        memcpy(items + 1, args.items, args.n * sizeof *items);
    return finish(b, pol_term_list(b->arena, POL_TERM_CALL, span, items, args.n + 1));
}

pol_term *build_parens(builder *b, token open, pol_term *term, token end)
{
    (void)open;
    (void)end;
    (void)b;
    term->parenthesised = true;
    return term;
}

static bool is_member_2(const pol_term *t)
{
    return t->kind == POL_TERM_CALL && t->infix && !t->parenthesised && pol_bytes_is(t->items[0]->text, "internal.member_2");
}

/* `k, v in xs`: the key goes into the test that was read for `v in xs`. */
pol_term *build_member_term(builder *b, pol_term *key, pol_term *member)
{
    if (!is_member_2(member)) {
        REFUSE(b, POL_D_EXPRESSION, member->span, "behind a comma an expression like `key, value in collection` was expected");
        return member;
    }
    pol_term *args[] = {key, member->items[1], member->items[2]};
    pol_term *t = pol_term_call(b->arena, join(key->span, member->span), "internal.member_3", args, 3);
    t->infix = true;
    t->items[0]->span = member->items[0]->span;
    return finish(b, t);
}

pol_term *build_list(builder *b, pol_term_kind kind, token open, term_list items, token end)
{
    pol_span span = to_token(token_span(b, open), end);
    return finish(b, pol_term_list(b->arena, kind, span, items.items, items.n));
}

pol_term *build_comprehension(builder *b, pol_term_kind kind, token open, pol_term *head, pol_term *value, pol_body *body, token end)
{
    term_list items = build_one(b, head);
    if (value)
        items = build_more(b, items, value);
    pol_term *t = pol_term_list(b->arena, kind, to_token(token_span(b, open), end), items.items, items.n);
    t->body = body;
    return finish(b, t);
}

term_list build_one(builder *b, pol_term *term)
{
    return build_more(b, (term_list){0}, term);
}

term_list build_more(builder *b, term_list list, pol_term *term)
{
    POL_GROW(b->arena, list.items, list.n, list.capacity);
    list.items[list.n++] = term;
    return list;
}

/* ---- template strings ---- */

static pol_term *add_piece(builder *b, pol_term *pieces, pol_term *piece)
{
    if (!pieces)
        pieces = pol_term_new(b->arena, POL_TERM_TEMPLATE, piece->span);
    pol_term **items = pieces->items;
    if (pieces->n == 0 || (pieces->n >= 4 && (pieces->n & (pieces->n - 1)) == 0)) {
        items = POL_NEW_ARRAY(b->arena, pol_term *, pieces->n ? 2 * pieces->n : 4);
        if (pieces->n)
            memcpy(items, pieces->items, pieces->n * sizeof *items);
    }
    pieces->items = items;
    items[pieces->n++] = piece;
    return pieces;
}

pol_term *build_template_text(builder *b, pol_term *pieces, token text)
{
    if (pieces && text.start == text.end)
        return pieces;
    return add_piece(b, pieces, pol_term_text(b->arena, POL_TERM_STRING, token_span(b, text), lex_string(&b->lexer, text, true)));
}

pol_term *build_template_expr(builder *b, pol_term *pieces, token open, pol_expr *expr)
{
    pol_term *t = expr->left;
    if (expr->kind != POL_EXPR_TERM) {
        REFUSE(b, POL_D_EXPRESSION, expr->span, "a template string embeds values: a term or call was expected");
        t = pol_term_new(b->arena, POL_TERM_NULL, token_span(b, open));
    }
    if (expr->n_withs) {
        t->body = POL_NEW(b->arena, pol_body);
        pol_body_add(b->arena, t->body, expr);
    }
    return add_piece(b, pieces, t);
}

pol_term *build_template(builder *b, token open, pol_term *pieces, token end)
{
    pieces->span = to_token(token_span(b, open), end);
    pieces->raw = open.raw;
    return finish(b, pieces);
}

/* ---- expressions ---- */

static pol_expr *new_expr(builder *b, pol_expr_kind kind, pol_span span)
{
    return pol_expr_new(b->arena, kind, span);
}

pol_body *build_body(builder *b, pol_body *body, pol_expr *expr)
{
    if (!body)
        body = POL_NEW(b->arena, pol_body);
    pol_body_add(b->arena, body, expr);
    return body;
}

pol_expr *build_logic(builder *b, pol_expr_kind kind, pol_expr *left, pol_expr *right)
{
    pol_expr *e = new_expr(b, kind, join(left->span, right->span));
    /* A braced operand is a body already. */
    e->body = left->kind == POL_EXPR_NOT && left->generated ? left->body : build_body(b, NULL, left);
    e->other = right->kind == POL_EXPR_NOT && right->generated ? right->body : build_body(b, NULL, right);
    return e;
}

/* `{ ... }` as an operand of and, or: carried as a NOT that is marked as generated until build_logic takes its body. */
pol_expr *build_braced(builder *b, pol_body *body)
{
    pol_expr *e = new_expr(b, POL_EXPR_NOT, join(body->items[0]->span, body->items[body->n - 1]->span));
    e->generated = true;
    e->body = body;
    return e;
}

pol_expr *build_not(builder *b, token word, pol_expr *expr)
{
    pol_expr *e = new_expr(b, POL_EXPR_NOT, join(token_span(b, word), expr->span));
    if (expr->kind == POL_EXPR_SOME || expr->kind == POL_EXPR_SOME_IN || expr->kind == POL_EXPR_EVERY || expr->kind == POL_EXPR_ASSIGN)
        REFUSE(b, POL_D_EXPRESSION, e->span, "`not` cannot stand before %s",
               expr->kind == POL_EXPR_EVERY ? "`every`" : expr->kind == POL_EXPR_ASSIGN ? "an assignment" : "`some`");
    /* `with` belongs to the whole. */
    e->withs = expr->withs;
    e->n_withs = expr->n_withs;
    expr->withs = NULL;
    expr->n_withs = 0;
    e->body = build_body(b, NULL, expr);
    return e;
}

pol_expr *build_not_body(builder *b, token word, pol_body *body)
{
    pol_expr *e = new_expr(b, POL_EXPR_NOT, join(token_span(b, word), body->items[body->n - 1]->span));
    e->braces = true;
    e->body = body;
    return e;
}

pol_expr *build_with(builder *b, pol_expr *expr, token word, pol_term *target, pol_term *value)
{
    pol_with *withs = POL_NEW_ARRAY(b->arena, pol_with, expr->n_withs + 1);
    if (expr->n_withs)
        memcpy(withs, expr->withs, expr->n_withs * sizeof *withs);
    withs[expr->n_withs++] = (pol_with){.target = target, .value = value, .span = join(token_span(b, word), value->span)};
    expr->withs = withs;
    expr->span = join(expr->span, value->span);
    if (target->kind != POL_TERM_REF && target->kind != POL_TERM_VAR)
        REFUSE(b, POL_D_EXPRESSION, target->span, "`with` replaces input, data, a part of them or a function");
    return expr;
}

pol_expr *build_expr(builder *b, pol_term *term)
{
    pol_expr *e = new_expr(b, POL_EXPR_TERM, term->span);
    e->left = term;
    return e;
}

pol_expr *build_binding(builder *b, pol_expr_kind kind, pol_term *left, token op, pol_term *right)
{
    (void)op;
    pol_expr *e = new_expr(b, kind, join(left->span, right->span));
    e->left = left;
    e->right = right;
    return e;
}

pol_expr *build_member_expr(builder *b, pol_term *key, pol_term *member)
{
    return build_expr(b, build_member_term(b, key, member));
}

/* The operands of `some` and `every`: names, or [key,] value in domain. True for the second. */
static bool take_domain(pol_expr *e, term_list list)
{
    pol_term *last = list.items[list.n - 1];
    if (!is_member_2(last) || list.n > 2)
        return false;
    e->key = list.n == 2 ? list.items[0] : NULL;
    e->left = last->items[1];
    e->right = last->items[2];
    return true;
}

pol_expr *build_some(builder *b, token word, term_list list)
{
    pol_expr *e = new_expr(b, POL_EXPR_SOME, join(token_span(b, word), list.items[list.n - 1]->span));
    if (take_domain(e, list)) {
        e->kind = POL_EXPR_SOME_IN;
        return e;
    }
    for (uint32_t i = 0; i < list.n; i++)
        if (list.items[i]->kind != POL_TERM_VAR)
            REFUSE(b, POL_D_EXPRESSION, list.items[i]->span, "`some` declares names, or goes over a collection: `some x in xs`");
    e->terms = list.items;
    e->n_terms = list.n;
    return e;
}

pol_expr *build_every(builder *b, token word, term_list list, pol_body *body)
{
    pol_expr *e = new_expr(b, POL_EXPR_EVERY, join(token_span(b, word), body->items[body->n - 1]->span));
    if (!take_domain(e, list) || e->left->kind != POL_TERM_VAR || (e->key && e->key->kind != POL_TERM_VAR)) {
        REFUSE(b, POL_D_EXPRESSION, e->span, "`every` is written `every x in xs { ... }` or `every k, x in xs { ... }`, with names");
        e->left = e->right = list.items[0];
    }
    e->body = body;
    return e;
}

/* ---- modules ---- */

void build_package(builder *b, token package, pol_term *path)
{
    b->module->package = path;
    b->module->package_span = join(token_span(b, package), path->span);
}

static bool is_feature(const pol_term *path)
{
    static const char *const keywords[] = {"and", "or", "not", "if", "in", "contains", "every"};
    bool deep = path->kind == POL_TERM_REF;
    if (deep && path->n == 2 && pol_bytes_is(path->items[0]->text, "rego"))
        return pol_bytes_is(path->items[1]->text, "v1") || pol_bytes_is(path->items[1]->text, "v2");
    if (!deep || !pol_bytes_is(path->items[0]->text, "future") || !pol_bytes_is(path->items[1]->text, "keywords") || path->n > 3)
        return false;
    for (size_t i = 0; path->n == 3 && i < sizeof keywords / sizeof *keywords; i++)
        if (pol_bytes_is(path->items[2]->text, keywords[i]))
            return true;
    return path->n == 2;
}

void build_import(builder *b, token import, pol_term *path, const token *alias)
{
    pol_module *m = b->module;
    pol_bytes root = path->kind == POL_TERM_REF ? path->items[0]->text : path->text;
    pol_span span = join(token_span(b, import), path->span);
    bool document = pol_bytes_is(root, "data") || pol_bytes_is(root, "input");
    if (!document && !is_feature(path)) {
        pol_diag(b->diags, POL_D_IMPORT, span, "an import's path begins with `data` or `input`, or is `rego.v1`, `rego.v2` or `future.keywords`");
        m->failed = true;
        return;
    }
    if (!document && alias) {
        pol_diag(b->diags, POL_D_IMPORT, span, "`%.*s` switches keywords on and cannot have another name", (int)root.n, (const char *)root.at);
        m->failed = true;
        return;
    }
    pol_import i = {.path = path, .span = alias ? to_token(span, *alias) : span};
    if (alias) {
        i.alias = copy_text(b, *alias);
        i.alias_span = token_span(b, *alias);
    }
    POL_GROW(b->arena, m->imports, m->n_imports, m->imports_capacity);
    m->imports[m->n_imports++] = i;
    pol_bytes last = path->kind == POL_TERM_REF ? path->items[path->n - 1]->text : root;
    bool v2 = pol_bytes_is(root, "rego") && pol_bytes_is(last, "v2"), future = pol_bytes_is(root, "future");
    m->keyword_and |= v2 || (future && pol_bytes_is(last, "and"));
    m->keyword_or |= v2 || (future && pol_bytes_is(last, "or"));
    m->keyword_not |= v2 || (future && pol_bytes_is(last, "not"));
}

void build_add_rule(builder *b, pol_rule *rule)
{
    pol_module *m = b->module;
    if (b->refused || !rule) {
        m->failed = true;
        b->refused = false;
        b->n_further = 0;
        return;
    }
    for (pol_rule *r = rule; r; r = r->same_head) {
        POL_GROW(b->arena, m->rules, m->n_rules, m->rules_capacity);
        m->rules[m->n_rules++] = r;
    }
}

/* ---- rules ---- */

pol_rule *build_head(builder *b, pol_term *name, pol_term *key, pol_term *value)
{
    pol_rule *r = POL_NEW(b->arena, pol_rule);
    r->span = name->span;
    r->name = name;
    r->key = key;
    r->contains = key != NULL;
    r->value = value;
    r->assigned = value != NULL;
    if (value)
        r->span = join(r->span, value->span);
    if (key)
        r->span = join(r->span, key->span);
    r->head_span = r->span;
    if (name->kind == POL_TERM_CALL) {
        r->has_args = true;
        r->name = name->items[0];
        r->args = name->items + 1;
        r->n_args = name->n - 1;
    }
    if (r->name->kind != POL_TERM_VAR && (r->name->kind != POL_TERM_REF || r->name->items[0]->kind != POL_TERM_VAR))
        REFUSE(b, POL_D_RULE_HEAD, r->span, "a rule begins with its name");
    if (key && value)
        REFUSE(b, POL_D_RULE_HEAD, r->span, "a rule with `contains` has no value: its elements are what it contains");
    if (key && r->has_args)
        REFUSE(b, POL_D_RULE_HEAD, r->span, "a function has one value and cannot contain elements");
    return r;
}

pol_rule *build_rule_without_body(builder *b, pol_rule *head)
{
    if (!head->value && !head->key && !head->has_args)
        REFUSE(b, POL_D_RULE_BODY, head->span, "this is no rule yet: give it a value with `:=`, or conditions with `if`");
    return head;
}

static bool has_variables(const pol_term *name)
{
    for (uint32_t i = 1; name->kind == POL_TERM_REF && i < name->n; i++)
        if (name->items[i]->kind == POL_TERM_VAR || name->items[i]->kind == POL_TERM_REF || name->items[i]->kind == POL_TERM_CALL)
            return true;
    return false;
}

static void check_elses(builder *b, const pol_rule *rule, const pol_rule *elses)
{
    if (!elses)
        return;
    if (rule->contains)
        REFUSE(b, POL_D_RULE_BODY, elses->span, "`else` cannot follow a rule with `contains`");
    else if (has_variables(rule->name))
        REFUSE(b, POL_D_RULE_BODY, elses->span, "`else` cannot follow a rule with a variable in its head");
}

pol_rule *build_rule(builder *b, pol_rule *head, const token *if_token, pol_body *body, pol_rule *elses)
{
    pol_rule *last = head;
    check_elses(b, head, elses);
    if (!if_token && elses && !head->value && !head->has_args)
        REFUSE(b, POL_D_RULE_BODY, head->span, "this rule needs a value or an `if` before its `else`");
    head->has_if = head->has_body = if_token != NULL;
    if (body) {
        head->body = *body;
        head->span = join(head->span, body->items[body->n - 1]->span);
    }
    for (uint32_t i = 0; i < b->n_further; i++) {
        pol_rule *r = POL_NEW(b->arena, pol_rule);
        *r = *head;
        r->same_head = NULL;
        r->name = pol_term_copy(b->arena, head->name);
        r->key = head->key ? pol_term_copy(b->arena, head->key) : NULL;
        r->value = head->value ? pol_term_copy(b->arena, head->value) : NULL;
        r->args = POL_NEW_ARRAY(b->arena, pol_term *, head->n_args + 1);
        for (uint32_t k = 0; k < head->n_args; k++)
            r->args[k] = pol_term_copy(b->arena, head->args[k]);
        r->body = *b->further[i];
        r->span = join(r->body.items[0]->span, r->body.items[r->body.n - 1]->span);
        last->same_head = r;
        last = r;
    }
    b->n_further = 0;
    last->next_else = elses;
    return head;
}

void build_further_body(builder *b, pol_body *body)
{
    POL_GROW(b->arena, b->further, b->n_further, b->further_capacity);
    b->further[b->n_further++] = body;
}

pol_rule *build_else(builder *b, token word, pol_term *value, pol_body *body, pol_rule *next)
{
    pol_rule *r = POL_NEW(b->arena, pol_rule);
    r->is_else = true;
    r->span = r->head_span = token_span(b, word);
    r->value = value;
    r->assigned = value != NULL;
    r->has_if = r->has_body = body != NULL;
    if (value)
        r->span = join(r->span, value->span);
    if (body) {
        r->body = *body;
        r->span = join(r->span, body->items[body->n - 1]->span);
    }
    r->next_else = next;
    return r;
}

pol_rule *build_else_without_if(builder *b, token word, pol_term *value, pol_body *body)
{
    REFUSE(b, POL_D_RULE_BODY, token_span(b, word), "an `else` with conditions is written `else if { ... }` or `else := value if { ... }`");
    return build_else(b, word, value, body, NULL);
}

/* No variables, refs or calls but inside of comprehensions. */
static bool is_default_value(const pol_term *t)
{
    if (t->kind >= POL_TERM_ARRAY_COMPREHENSION)
        return true;
    if (t->kind == POL_TERM_VAR || t->kind == POL_TERM_REF || t->kind == POL_TERM_CALL || t->kind == POL_TERM_TEMPLATE)
        return false;
    for (uint32_t i = 0; i < t->n; i++)
        if (!is_default_value(t->items[i]))
            return false;
    return true;
}

pol_rule *build_default(builder *b, token word, pol_rule *head)
{
    head->is_default = true;
    head->span = join(token_span(b, word), head->span);
    if (head->contains)
        REFUSE(b, POL_D_DEFAULT, head->span, "a default gives one value; a rule with `contains` is an empty set by default");
    else if (has_variables(head->name))
        REFUSE(b, POL_D_DEFAULT, head->span, "a default's name cannot have a variable in it");
    else if (head->value && !is_default_value(head->value))
        REFUSE(b, POL_D_DEFAULT, head->span, "a default's value is a constant: no variables, refs or calls");
    for (uint32_t i = 0; i < head->n_args; i++) {
        if (head->args[i]->kind != POL_TERM_VAR)
            REFUSE(b, POL_D_DEFAULT, head->span, "the arguments of a default function are names");
        for (uint32_t k = 0; k < i; k++)
            if (pol_bytes_equal(head->args[i]->text, head->args[k]->text) && !pol_bytes_is(head->args[i]->text, "_"))
                REFUSE(b, POL_D_DEFAULT, head->span, "the arguments of a default function are different names");
    }
    return head;
}
