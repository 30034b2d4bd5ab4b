/* SPDX-License-Identifier: Apache-2.0
 * Expressions and their bodies, rules, packages and imports; and what Rego refuses of them although the grammar could read it.
 */
#include "grammar/build.h"
#include "grammar/rego.h"

static pol_span join(pol_span a, pol_span b)
{
    return (pol_span){a.source, a.start, b.end > a.end ? b.end : a.end};
}

/* ---- expressions ---- */

static unsigned max(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

static pol_expr *finish(pol_parser *p, pol_expr *e)
{
    unsigned below = max(pol_body_height(e->body), pol_body_height(e->other));
    pol_term *parts[] = {e->key, e->left, e->right};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        below = parts[i] ? max(below, parts[i]->height) : below;
    for (uint32_t i = 0; i < e->n_withs; i++)
        below = max(below, max(e->withs[i].target->height, e->withs[i].value->height));
    e->height = pol_build_deeper(p, below, e->span);
    return e;
}

pol_expr *pol_build_plain(pol_parser *p, pol_term *term)
{
    pol_expr *e = pol_expr_new(p->arena, POL_EXPR_TERM, term->span);
    e->left = term;
    return finish(p, e);
}

pol_expr *pol_build_pair(pol_parser *p, pol_expr_kind kind, pol_term *left, pol_term *right)
{
    pol_expr *e = pol_expr_new(p->arena, kind, join(left->span, right->span));
    e->left = left;
    e->right = right;
    return finish(p, e);
}

static pol_body *body_of(pol_parser *p, pol_expr *expr)
{
    pol_body *body = POL_NEW(p->arena, pol_body);
    pol_body_add(p->arena, body, expr);
    return body;
}

/* A body in braces of which nobody knows yet what it is for. */
static bool is_block(const pol_expr *e)
{
    return e->kind == POL_EXPR_AND && !e->other;
}

pol_expr *pol_build_braces(pol_parser *p, const pol_token *opening, pol_body *body)
{
    pol_expr *e = pol_expr_new(p->arena, POL_EXPR_AND, pol_parser_span(p, opening->start));
    e->braces = true;
    e->body = body;
    return finish(p, e);
}

static bool in_braces(const pol_term *term)
{
    return !term->parenthesised && (term->kind == POL_TERM_SET || term->kind == POL_TERM_OBJECT || term->kind == POL_TERM_SET_COMPREHENSION ||
                                    term->kind == POL_TERM_OBJECT_COMPREHENSION);
}

static pol_expr *block_of(pol_parser *p, const pol_term *braces, pol_term *only)
{
    pol_expr *e = pol_expr_new(p->arena, POL_EXPR_AND, braces->span);
    e->braces = true;
    e->body = POL_NEW(p->arena, pol_body);
    if (only)
        pol_body_add(p->arena, e->body, pol_build_plain(p, only));
    return finish(p, e);
}

/* `{x}`, `{k, v in xs}` and `{x | y}` where a body is wanted. */
pol_expr *pol_build_block(pol_parser *p, pol_term *braces)
{
    if (braces->kind == POL_TERM_SET && braces->n == 1)
        return block_of(p, braces, braces->items[0]);
    if (braces->kind == POL_TERM_SET && braces->n == 2) {
        pol_token comma = {.start = braces->items[0]->span.end, .end = braces->items[0]->span.end + 1};
        return block_of(p, braces, pol_build_key_in(p, braces->items[0], &comma, braces->items[1]));
    }
    pol_expr *first = braces->kind == POL_TERM_SET_COMPREHENSION ? braces->body->items[0] : NULL;
    if (first && braces->body->n == 1 && first->kind == POL_EXPR_TERM && !first->n_withs)
        return block_of(p, braces, pol_build_infix(p, "or", braces->items[0], first->left));
    if (braces->n) {
        pol_span at = braces->items[0]->span;
        at.start = at.end;
        at.end++;
        pol_parser_error(p, POL_D_SYNTAX, at, "expected the end of an expression: this is a body, whose expressions stand on lines of their own or behind `;`");
    }
    return block_of(p, braces, NULL);
}

/* An operand of `and` or `or`, as a body. */
static pol_body *operand(pol_parser *p, pol_expr *e)
{
    if (e->kind == POL_EXPR_TERM && !e->n_withs && in_braces(e->left) && (e->left->kind != POL_TERM_SET || e->left->n))
        e = pol_build_block(p, e->left);
    if (!is_block(e))
        return body_of(p, e);
    if (!e->body->n)
        pol_parser_error(p, POL_D_EXPRESSION, e->span, "an empty body: there is nothing that could hold");
    return e->body;
}

pol_expr *pol_build_logic(pol_parser *p, pol_expr_kind kind, pol_expr *left, pol_expr *right)
{
    pol_expr *e = pol_expr_new(p->arena, kind, join(left->span, right->span));
    e->body = operand(p, left);
    e->other = operand(p, right);
    return finish(p, e);
}

pol_expr *pol_build_not(pol_parser *p, const pol_token *word, pol_expr *expr)
{
    pol_expr *e = pol_expr_new(p->arena, POL_EXPR_NOT, pol_parser_span(p, word->start));
    e->body = body_of(p, expr);
    return finish(p, e);
}

pol_expr *pol_build_not_body(pol_parser *p, const pol_token *word, pol_body *body)
{
    pol_expr *e = pol_expr_new(p->arena, POL_EXPR_NOT, pol_parser_span(p, word->start));
    e->braces = true;
    e->body = body;
    return finish(p, e);
}

pol_expr *pol_build_empty(pol_parser *p, const pol_token *closing)
{
    pol_span span = pol_token_span(p, closing);
    pol_parser_error(p, POL_D_EXPRESSION, span, "an empty body: there is nothing that could hold");
    return pol_build_plain(p, pol_term_new(p->arena, POL_TERM_NULL, span));
}

pol_expr *pol_build_parens(pol_parser *p, const pol_token *opening, pol_expr *expr)
{
    bool keywords = p->tokens.keyword_and || p->tokens.keyword_or || p->tokens.keyword_not;
    bool fits = expr->kind == POL_EXPR_TERM || expr->kind == POL_EXPR_NOT || expr->kind == POL_EXPR_OR || (expr->kind == POL_EXPR_AND && expr->other);
    if (!keywords || !fits)
        pol_parser_error(p, POL_D_EXPRESSION, expr->span, "parentheses hold a term, or what `and`, `or` and `not` join");
    expr->span = pol_parser_span(p, opening->start);
    return expr;
}

/* ---- some, every, with ---- */

pol_build_list *pol_build_some_list(pol_parser *p, const pol_token *word, pol_term *term)
{
    pol_build_list *list = pol_build_list_add(p, pol_build_list_new(p), term);
    list->start = word->start;
    return list;
}

static bool is_member(const pol_term *term)
{
    return !term->parenthesised && pol_is_infix(term, "internal.member_2");
}

pol_expr *pol_build_some(pol_parser *p, pol_build_list *list, pol_expr *withs)
{
    pol_term *last = list->items[list->n - 1];
    pol_span span = {p->source, list->start, last->span.end};
    if (is_member(last) && list->n <= 2) {
        pol_expr *e = pol_expr_new(p->arena, POL_EXPR_SOME_IN, span);
        e->key = list->n == 2 ? list->items[0] : NULL;
        e->left = last->items[1];
        e->right = last->items[2];
        finish(p, e);
        return withs ? pol_build_withs(p, e, withs) : e;
    }
    pol_expr *e = pol_expr_new(p->arena, POL_EXPR_SOME, span);
    e->terms = list->items;
    e->n_terms = list->n;
    for (uint32_t i = 0; i < list->n; i++)
        if (list->items[i]->kind != POL_TERM_VAR || list->items[i]->parenthesised)
            pol_parser_error(p, POL_D_EXPRESSION, list->items[i]->span, "expected the name of a variable, or `some x in xs`, `some k, x in xs`");
    if (withs)
        pol_parser_error(p, POL_D_SYNTAX, withs->span, "`with` has nothing to change here: `some` only declares");
    return finish(p, e);
}

pol_expr *pol_build_every(pol_parser *p, const pol_token *word, pol_term *key, pol_term *value, pol_term *domain, pol_expr *block)
{
    pol_expr *e = pol_expr_new(p->arena, POL_EXPR_EVERY, pol_parser_span(p, word->start));
    const pol_term *names[] = {key, value};
    for (size_t i = 0; i < 2; i++)
        if (names[i] && (names[i]->kind != POL_TERM_VAR || names[i]->parenthesised))
            pol_parser_error(p, POL_D_EXPRESSION, names[i]->span, "expected the name of a variable: `every x in xs { ... }`, `every k, x in xs { ... }`");
    if (!block->body->n)
        pol_parser_error(p, POL_D_EXPRESSION, block->span, "an empty body: there is nothing that could hold");
    e->key = key;
    e->left = value;
    e->right = domain;
    e->body = block->body;
    return finish(p, e);
}

pol_expr *pol_build_with(pol_parser *p, pol_expr *withs, const pol_token *word, pol_term *target, pol_term *value)
{
    if (!withs)
        withs = pol_expr_new(p->arena, POL_EXPR_TERM, pol_token_span(p, word));
    bool path = target->kind == POL_TERM_VAR || (target->kind == POL_TERM_REF && target->items[0]->kind == POL_TERM_VAR);
    if (!path || target->parenthesised)
        pol_parser_error(p, POL_D_EXPRESSION, target->span, "expected what to replace: `input`, `data`, a path below them, or a function");
    if ((withs->n_withs & (withs->n_withs - 1)) == 0) { /* grown at powers of two */
        pol_with *items = POL_NEW_ARRAY(p->arena, pol_with, withs->n_withs ? 2 * (size_t)withs->n_withs : 1);
        if (withs->n_withs)
            memcpy(items, withs->withs, withs->n_withs * sizeof *items);
        withs->withs = items;
    }
    withs->withs[withs->n_withs++] = (pol_with){.target = target, .value = value, .span = pol_parser_span(p, word->start)};
    return withs;
}

/* Modifiers around an expression in parentheses that has its own: those apply first. */
static pol_expr *wrapped(pol_parser *p, pol_expr *expr)
{
    pol_term *holds = pol_term_new(p->arena, POL_TERM_BOOL, expr->span);
    holds->boolean = true;
    return pol_build_logic(p, POL_EXPR_AND, expr, pol_build_plain(p, holds));
}

pol_expr *pol_build_withs(pol_parser *p, pol_expr *expr, const pol_expr *withs)
{
    if (expr->n_withs)
        expr = wrapped(p, expr);
    expr->withs = withs->withs;
    expr->n_withs = withs->n_withs;
    expr->span = join(expr->span, withs->withs[withs->n_withs - 1].span);
    return finish(p, expr);
}

/* ---- bodies ---- */

static pol_expr *checked(pol_parser *p, pol_expr *expr)
{
    if (is_block(expr))
        pol_parser_error(p, POL_D_EXPRESSION, expr->span, "a body in braces can stand here only as an operand of `and` or `or`");
    return expr;
}

pol_body *pol_build_first(pol_parser *p, pol_expr *expr)
{
    return body_of(p, checked(p, expr));
}

pol_body *pol_build_next(pol_parser *p, pol_body *body, pol_expr *expr, const pol_token *semicolon)
{
    uint32_t from = body->items[body->n - 1]->span.end, to = expr->span.start;
    if (!semicolon && to > from && !memchr(p->text.at + from, '\n', to - from))
        pol_parser_error(p, POL_D_SYNTAX, expr->span, "expected the end of the expression before this: begin a line, or write `;` between the two");
    pol_body_add(p->arena, body, checked(p, expr));
    return body;
}

pol_body *pol_build_condition(pol_parser *p, pol_expr *literal)
{
    bool set = literal->kind == POL_EXPR_TERM && !literal->n_withs && !literal->left->parenthesised && literal->left->kind == POL_TERM_SET;
    if (set && literal->left->n)
        literal = pol_build_block(p, literal->left);
    else if (set)
        pol_parser_error(p, POL_D_EXPRESSION, literal->span, "expected a condition: a set always holds");
    return is_block(literal) ? literal->body : body_of(p, literal);
}

/* ---- package and imports ---- */

static const pol_term *root_of(const pol_term *path)
{
    return path->kind == POL_TERM_REF ? path->items[0] : path;
}

static uint32_t n_parts(const pol_term *path)
{
    return path->kind == POL_TERM_REF ? path->n : 1;
}

static pol_bytes part(const pol_term *path, uint32_t i)
{
    return path->kind == POL_TERM_REF ? path->items[i]->text : path->text;
}

/* A name, then names with dots or strings in brackets. Otherwise the first part that is none is reported. */
static bool is_path(pol_parser *p, pol_diag_code code, const pol_term *path)
{
    const pol_term *wrong = root_of(path)->kind == POL_TERM_VAR && !path->parenthesised ? NULL : root_of(path);
    for (uint32_t i = 1; !wrong && i < n_parts(path); i++)
        wrong = path->items[i]->kind == POL_TERM_STRING ? NULL : path->items[i];
    if (wrong)
        pol_parser_error(p, code, wrong->span, "expected a path of names, as in `data.orders.limits` or `data.orders[\"limits\"]`");
    return !wrong;
}

void pol_build_package(pol_parser *p, const pol_token *word, pol_term *path)
{
    if (!is_path(p, POL_D_PACKAGE, path))
        return;
    p->module->package = path;
    p->module->package_span = pol_parser_span(p, word->start);
    pol_parser_end_statement(p);
}

static bool is_keyword_text(pol_bytes s)
{
    static const char *const words[] = {"as",   "contains", "data",    "default", "else", "every", "false", "if",
                                        "import", "in",     "input",   "not",     "null", "package", "some", "true", "with"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (pol_bytes_is(s, words[i]))
            return true;
    return false;
}

static bool is_one_of(pol_bytes s, const char *const *words)
{
    for (; *words; words++)
        if (pol_bytes_is(s, *words))
            return true;
    return false;
}

/* rego.v1, future.keywords ... */
static void check_feature(pol_parser *p, const pol_term *path, const pol_token *alias)
{
    static const char *const versions[] = {"v1", "v2", NULL};
    static const char *const keywords[] = {"and", "contains", "every", "if", "in", "not", "or", NULL};
    uint32_t n = n_parts(path);
    if (pol_bytes_is(part(path, 0), "rego")) {
        if (n != 2 || !is_one_of(part(path, 1), versions))
            pol_parser_error(p, POL_D_IMPORT, path->span, "of `rego` there are `rego.v1` and `rego.v2` to import");
    } else if (n < 2 || n > 3 || !pol_bytes_is(part(path, 1), "keywords")) {
        pol_parser_error(p, POL_D_IMPORT, path->span, "of `future` there is `future.keywords` to import");
    } else if (n == 3 && !is_one_of(part(path, 2), keywords)) {
        pol_parser_error(p, POL_D_IMPORT, path->span, "there is no such keyword: `and`, `contains`, `every`, `if`, `in`, `not`, `or` can be imported");
    }
    if (alias)
        pol_parser_error(p, POL_D_IMPORT, pol_token_span(p, alias), "this import switches keywords on; it cannot have another name");
}

static void check_import(pol_parser *p, const pol_term *path, const pol_token *alias)
{
    static const char *const documents[] = {"data", "input", NULL}, *const features[] = {"rego", "future", NULL};
    pol_bytes root = root_of(path)->text;
    if (is_one_of(root, features)) {
        check_feature(p, path, alias);
        return;
    }
    if (!is_one_of(root, documents))
        pol_parser_error(p, POL_D_IMPORT, path->span, "the path of an import begins with `data`, `input`, `rego` or `future`");
    else if (!alias && n_parts(path) > 1 && is_keyword_text(part(path, n_parts(path) - 1)))
        pol_parser_error(p, POL_D_IMPORT, path->span, "the last part of this path is a keyword: give the import a name with `as`");
    if (alias && is_one_of(pol_token_text(p, alias), documents))
        pol_parser_error(p, POL_D_IMPORT, pol_token_span(p, alias), "an import cannot take the name `%.*s`, which means the document",
                         (int)(alias->end - alias->start), (const char *)p->text.at + alias->start);
}

void pol_build_import(pol_parser *p, const pol_token *word, pol_term *path, const pol_token *alias)
{
    pol_module *m = p->module;
    if (!is_path(p, POL_D_IMPORT, path))
        return;
    check_import(p, path, alias);
    POL_GROW(p->arena, m->imports, m->n_imports, m->imports_capacity);
    m->imports[m->n_imports] = (pol_import){.path = path, .span = pol_parser_span(p, word->start)};
    if (alias) {
        m->imports[m->n_imports].alias = pol_token_text(p, alias);
        m->imports[m->n_imports].alias_span = pol_token_span(p, alias);
    }
    m->n_imports++;
}

/* ---- rules ---- */

static pol_rule *new_rule(pol_parser *p, uint32_t start)
{
    pol_rule *r = POL_NEW(p->arena, pol_rule);
    r->span = r->head_span = pol_parser_span(p, start);
    return r;
}

static void add_rule(pol_parser *p, pol_rule *rule)
{
    pol_module *m = p->module;
    POL_GROW(p->arena, m->rules, m->n_rules, m->rules_capacity);
    m->rules[m->n_rules++] = rule;
}

pol_rule *pol_build_head(pol_parser *p, pol_term *name)
{
    pol_rule *r = new_rule(p, name->span.start);
    r->name = name;
    return r;
}

pol_rule *pol_build_function(pol_parser *p, pol_term *name, pol_build_list *args)
{
    pol_rule *r = pol_build_head(p, name);
    r->has_args = true;
    r->args = args ? args->items : NULL;
    r->n_args = args ? args->n : 0;
    return r;
}

pol_rule *pol_build_value(pol_parser *p, pol_rule *rule, pol_term *value)
{
    rule->value = value;
    rule->assigned = true;
    rule->head_span = rule->span = pol_parser_span(p, rule->span.start);
    return rule;
}

pol_rule *pol_build_contains(pol_parser *p, pol_rule *rule, pol_term *key, const pol_token *of_function)
{
    rule->contains = true;
    rule->key = key;
    rule->head_span = rule->span = pol_parser_span(p, rule->span.start);
    if (of_function)
        pol_parser_error(p, POL_D_RULE_HEAD, pol_token_span(p, of_function), "a function has one value for its arguments and cannot contain elements");
    return rule;
}

void pol_build_body(pol_parser *p, pol_rule *rule, pol_expr *literal)
{
    rule->has_if = rule->has_body = true;
    rule->body = *pol_build_condition(p, literal);
    rule->span = join(rule->span, literal->span);
}

static bool has_variable(const pol_term *term)
{
    if (term->kind == POL_TERM_VAR)
        return true;
    for (uint32_t i = term->kind == POL_TERM_REF || term->kind == POL_TERM_CALL; i < term->n; i++)
        if (has_variable(term->items[i]))
            return true;
    return term->kind == POL_TERM_REF;
}

static bool has_variable_in_name(const pol_rule *rule)
{
    for (uint32_t i = 1; rule->name->kind == POL_TERM_REF && i < rule->name->n; i++)
        if (has_variable(rule->name->items[i]))
            return true;
    return false;
}

void pol_build_rule(pol_parser *p, pol_rule *rule)
{
    bool empty = !rule->assigned && !rule->contains && !rule->has_args && !rule->has_body;
    if (empty && rule->name->kind == POL_TERM_VAR && p->module->n_statements && pol_is_clause_word(rule->name->text))
        pol_parser_error(p, POL_D_STATEMENT, rule->span,
                         "`%.*s` cannot stand here: the clauses of a statement come in the order `to on at as because returning if unless`",
                         (int)rule->name->text.n, (const char *)rule->name->text.at);
    else if (empty)
        pol_parser_error(p, POL_D_RULE_HEAD, rule->span, "expected `:=`, `if` or `contains` after the name of a rule");
    add_rule(p, rule);
}

pol_build_list *pol_build_bodies(pol_parser *p, pol_build_list *bodies, pol_expr *block)
{
    if (!bodies)
        bodies = pol_build_list_new(p);
    if ((bodies->n & (bodies->n - 1)) == 0) {
        pol_expr **blocks = POL_NEW_ARRAY(p->arena, pol_expr *, bodies->n ? 2 * (size_t)bodies->n : 1);
        if (bodies->n)
            memcpy(blocks, bodies->blocks, bodies->n * sizeof *blocks);
        bodies->blocks = blocks;
    }
    bodies->blocks[bodies->n++] = block;
    return bodies;
}

void pol_build_more_bodies(pol_parser *p, pol_rule *rule, const pol_build_list *bodies)
{
    pol_rule *before = rule;
    for (uint32_t i = 0; i < bodies->n; i++) {
        pol_expr *block = bodies->blocks[i];
        pol_rule *r = POL_NEW(p->arena, pol_rule);
        *r = *rule;
        r->same_head = NULL;
        r->body = *block->body;
        r->span = block->span;
        if (!block->body->n)
            pol_parser_error(p, POL_D_RULE_BODY, block->span, "an empty body: there is nothing that could hold");
        before->same_head = r;
        before = r;
        add_rule(p, r);
    }
}

pol_rule *pol_build_else_head(pol_parser *p, const pol_token *word, pol_term *value)
{
    pol_rule *r = new_rule(p, word->start);
    r->is_else = true;
    r->value = value;
    r->assigned = value != NULL;
    return r;
}

/* The chain is kept by its last branch, whose same_head is the first one until pol_build_elses. */
pol_rule *pol_build_else(pol_parser *p, pol_rule *chain, pol_rule *branch, pol_expr *literal)
{
    if (literal)
        pol_build_body(p, branch, literal);
    else if (!branch->value)
        pol_parser_error(p, POL_D_RULE_BODY, branch->span, "expected a value or a condition after `else`: `else := value`, `else if { ... }`");
    branch->same_head = chain ? chain->same_head : branch;
    if (chain)
        chain->next_else = branch;
    return branch;
}

pol_rule *pol_build_else_no_if(pol_parser *p, pol_rule *chain, pol_rule *branch, pol_expr *block)
{
    pol_parser_error(p, POL_D_RULE_BODY, branch->span, "expected `if` before the body of this `else`");
    return pol_build_else(p, chain, branch, block);
}

void pol_build_elses(pol_parser *p, pol_rule *rule, pol_rule *chain)
{
    enum { ELSES_MAX = 2000 }; /* later stages may recurse over them */
    pol_rule *first = chain->same_head;
    if (rule->contains)
        pol_parser_error(p, POL_D_RULE_BODY, first->head_span, "`else` cannot follow a rule with `contains`, which can hold in many ways at once");
    else if (has_variable_in_name(rule))
        pol_parser_error(p, POL_D_RULE_BODY, first->head_span, "`else` cannot follow a rule with a variable in its name");
    rule->next_else = first;
    unsigned n = 0;
    for (pol_rule *r = first; r; r = r->next_else, n++) {
        r->same_head = NULL;
        if (n == ELSES_MAX)
            pol_parser_error(p, POL_D_NESTING, r->span, "a rule can have at most %d `else` branches", ELSES_MAX);
    }
}

void pol_build_no_if(pol_parser *p, const pol_rule *rule)
{
    bool element = rule->name->kind == POL_TERM_REF && !rule->assigned;
    pol_parser_error(p, POL_D_RULE_BODY, rule->span,
                     element ? "expected `if` before the body of a rule; a set is written `name contains x if { ... }`"
                             : "expected `if` before the body of a rule");
}

/* ---- default ---- */

/* What a constant cannot have in it: "a variable", ...; NULL if it is one. Comprehensions are allowed. */
static const char *not_constant(const pol_term *term)
{
    switch ((pol_term_kind)term->kind) {
    case POL_TERM_VAR:
        return "a variable";
    case POL_TERM_REF:
        return "a reference";
    case POL_TERM_CALL:
        return "a call";
    case POL_TERM_ARRAY_COMPREHENSION:
    case POL_TERM_SET_COMPREHENSION:
    case POL_TERM_OBJECT_COMPREHENSION:
        return NULL;
    default:
        break;
    }
    for (uint32_t i = 0; i < term->n; i++) {
        const char *what = not_constant(term->items[i]);
        if (what)
            return what;
    }
    return NULL;
}

static void check_default_args(pol_parser *p, const pol_rule *rule)
{
    enum { ARGS_MAX = 256 };
    if (rule->n_args > ARGS_MAX)
        pol_parser_error(p, POL_D_DEFAULT, rule->span, "a default function has at most %d arguments", ARGS_MAX);
    for (uint32_t i = 0; i < rule->n_args && i < ARGS_MAX; i++) {
        if (rule->args[i]->kind != POL_TERM_VAR)
            pol_parser_error(p, POL_D_DEFAULT, rule->span, "the arguments of a default function must be variables");
        for (uint32_t k = 0; k < i; k++)
            if (pol_bytes_equal(rule->args[i]->text, rule->args[k]->text) && !pol_bytes_is(rule->args[i]->text, "_"))
                pol_parser_error(p, POL_D_DEFAULT, rule->span, "the arguments of a default function must be different variables");
    }
}

void pol_build_default(pol_parser *p, const pol_token *word, pol_rule *rule)
{
    rule->is_default = true;
    rule->span = rule->head_span = pol_parser_span(p, word->start);
    const char *wrong = rule->value ? not_constant(rule->value) : NULL;
    if (rule->contains)
        pol_parser_error(p, POL_D_DEFAULT, rule->span, "a default has a value, `default p := 1`; a rule with `contains` is an empty set by default");
    else if (wrong)
        pol_parser_error(p, POL_D_DEFAULT, rule->span, "the value of a default must be a constant; this has %s in it", wrong);
    check_default_args(p, rule);
    add_rule(p, rule);
}
