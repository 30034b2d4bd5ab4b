/* SPDX-License-Identifier: Apache-2.0
 * Terms of the tree: literals decoded, refs and calls put together, operators as calls of their built-ins.
 */
#include "grammar/build.h"
#include "grammar/rego.h"

static pol_span join(pol_span a, pol_span b)
{
    return (pol_span){a.source, a.start, b.end > a.end ? b.end : a.end};
}

/* ---- depth ---- */

uint16_t pol_build_deeper(pol_parser *p, unsigned below, pol_span span)
{
    if (below + 1 > POL_TREE_HEIGHT_MAX) {
        pol_parser_error(p, POL_D_NESTING, span, "this expression is nested more than %d deep: give parts of it names", POL_TREE_HEIGHT_MAX);
        return POL_TREE_HEIGHT_MAX;
    }
    return (uint16_t)(below + 1);
}

uint16_t pol_body_height(const pol_body *body)
{
    uint16_t height = 0;
    for (uint32_t i = 0; body && i < body->n; i++)
        if (body->items[i]->height > height)
            height = body->items[i]->height;
    return height;
}

void pol_build_height(pol_parser *p, pol_term *term)
{
    unsigned below = pol_body_height(term->body);
    for (uint32_t i = 0; i < term->n; i++)
        if (term->items[i]->height > below)
            below = term->items[i]->height;
    term->height = pol_build_deeper(p, below, term->span);
}

static pol_term *finish(pol_parser *p, pol_term *term)
{
    pol_build_height(p, term);
    return term;
}

/* ---- lists ---- */

pol_build_list *pol_build_list_new(pol_parser *p)
{
    return POL_NEW(p->arena, pol_build_list);
}

pol_build_list *pol_build_list_add(pol_parser *p, pol_build_list *list, pol_term *term)
{
    POL_GROW(p->arena, list->items, list->n, list->capacity);
    list->items[list->n++] = term;
    return list;
}

static pol_term *from_list(pol_parser *p, pol_term_kind kind, uint32_t start, const pol_build_list *list)
{
    return finish(p, pol_term_list(p->arena, kind, pol_parser_span(p, start), list ? list->items : NULL, list ? list->n : 0));
}

/* ---- scalars ---- */

pol_term *pol_build_var(pol_parser *p, const pol_token *t)
{
    return pol_term_text(p->arena, POL_TERM_VAR, pol_token_span(p, t), pol_token_text(p, t));
}

pol_term *pol_build_number(pol_parser *p, const pol_token *t)
{
    pol_bytes text = pol_token_text(p, t);
    if (text.at[0] == '.') /* JSON wants a digit */
        text = pol_bytes_text(pol_arena_printf(p->arena, "0%.*s", (int)text.n, (const char *)text.at));
    return pol_term_text(p->arena, POL_TERM_NUMBER, pol_token_span(p, t), text);
}

pol_term *pol_build_bool(pol_parser *p, const pol_token *t, bool value)
{
    pol_term *term = pol_term_new(p->arena, POL_TERM_BOOL, pol_token_span(p, t));
    term->boolean = value;
    return term;
}

pol_term *pol_build_null(pol_parser *p, const pol_token *t)
{
    return pol_term_new(p->arena, POL_TERM_NULL, pol_token_span(p, t));
}

static uint32_t hex4(const uint8_t *at)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++)
        v = v * 16 + (uint32_t)(at[i] <= '9' ? at[i] - '0' : (at[i] | 0x20) - 'a' + 10);
    return v;
}

/* The code point of \uXXXX at s[*at], which is moved behind it; surrogates are joined, and a lone one is U+FFFD. */
static uint32_t read_unicode(pol_bytes s, size_t *at)
{
    uint32_t c = hex4(s.at + *at + 2);
    *at += 6;
    if (c >= 0xd800 && c < 0xdc00 && *at + 6 <= s.n && s.at[*at] == '\\' && s.at[*at + 1] == 'u') {
        uint32_t low = hex4(s.at + *at + 2);
        if (low >= 0xdc00 && low < 0xe000) {
            *at += 6;
            return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    return c >= 0xd800 && c < 0xe000 ? 0xfffd : c;
}

/* The lexer has seen to it that all escapes are well-formed. */
static pol_bytes decode(pol_parser *p, pol_bytes s)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    if (!memchr(s.at, '\\', s.n))
        return s;
    uint8_t *out = pol_arena_array(p->arena, s.n + 1, 1);
    size_t n = 0;
    for (size_t at = 0; at < s.n;) {
        if (s.at[at] != '\\') {
            out[n++] = s.at[at++];
        } else if (s.at[at + 1] == 'u') {
            n += pol_utf8_put(out + n, read_unicode(s, &at));
        } else {
            const char *short_form = strchr(from, s.at[at + 1]);
            out[n++] = short_form ? (uint8_t)to[short_form - from] : s.at[at + 1];
            at += 2;
        }
    }
    return pol_bytes_of(out, n);
}

pol_bytes pol_build_text(pol_parser *p, const pol_token *t)
{
    pol_bytes s = pol_bytes_of(p->text.at + t->start + 1, t->end - t->start - 2);
    return t->kind == TK_RAW_STRING ? s : decode(p, s);
}

pol_term *pol_build_string(pol_parser *p, const pol_token *t)
{
    pol_term *term = pol_term_text(p->arena, POL_TERM_STRING, pol_token_span(p, t), pol_build_text(p, t));
    term->raw = t->kind == TK_RAW_STRING;
    return term;
}

/* ---- refs and calls ---- */

/* Appending doubles the room at powers of two, so that a long chain costs linear time. */
static void append(pol_parser *p, pol_term *ref, pol_term *item)
{
    if ((ref->n & (ref->n - 1)) == 0) {
        pol_term **items = POL_NEW_ARRAY(p->arena, pol_term *, 2 * (size_t)ref->n);
        memcpy(items, ref->items, ref->n * sizeof *items);
        ref->items = items;
    }
    ref->items[ref->n++] = item;
    ref->span.end = pol_parser_span(p, 0).end;
    if (item->height >= ref->height)
        ref->height = pol_build_deeper(p, item->height, ref->span);
}

static const char *kind_name(const pol_term *term)
{
    switch ((pol_term_kind)term->kind) {
    case POL_TERM_NULL:
        return "null";
    case POL_TERM_BOOL:
        return "a boolean";
    case POL_TERM_NUMBER:
        return "a number";
    case POL_TERM_STRING:
    case POL_TERM_TEMPLATE:
        return "a string";
    default:
        return "this";
    }
}

static pol_term *ref_of(pol_parser *p, pol_term *head)
{
    if (head->kind == POL_TERM_REF && !head->parenthesised)
        return head;
    if (head->kind <= POL_TERM_TEMPLATE)
        pol_parser_error(p, POL_D_EXPRESSION, head->span, "%s has no parts to refer to", kind_name(head));
    pol_term **items = POL_NEW_ARRAY(p->arena, pol_term *, 1);
    items[0] = head;
    pol_term *ref = pol_term_list(p->arena, POL_TERM_REF, head->span, items, 1);
    pol_build_height(p, ref);
    return ref;
}

pol_term *pol_build_dot(pol_parser *p, pol_term *ref, const pol_token *name)
{
    pol_term *item = pol_term_text(p->arena, POL_TERM_STRING, pol_token_span(p, name), pol_token_text(p, name));
    item->infix = true;
    ref = ref_of(p, ref);
    append(p, ref, item);
    return ref;
}

pol_term *pol_build_index(pol_parser *p, pol_term *ref, pol_term *index)
{
    ref = ref_of(p, ref);
    append(p, ref, index);
    return ref;
}

static bool is_name(const pol_term *term)
{
    if (term->parenthesised)
        return false;
    if (term->kind != POL_TERM_REF)
        return term->kind == POL_TERM_VAR;
    for (uint32_t i = 1; i < term->n; i++)
        if (term->items[i]->kind != POL_TERM_STRING)
            return false;
    return term->items[0]->kind == POL_TERM_VAR;
}

pol_term *pol_build_call(pol_parser *p, pol_term *name, pol_build_list *args)
{
    pol_span span = pol_parser_span(p, name->span.start);
    if (!is_name(name))
        pol_parser_error(p, POL_D_EXPRESSION, span, "only a function can be called, by its name");
    if (!args && name->kind == POL_TERM_VAR && pol_bytes_is(name->text, "set"))
        return finish(p, pol_term_list(p->arena, POL_TERM_SET, span, NULL, 0));
    uint32_t n = args ? args->n : 0;
    pol_term **items = POL_NEW_ARRAY(p->arena, pol_term *, n + 1);
    items[0] = name;
    if (n)
        memcpy(items + 1, args->items, n * sizeof *items);
    return finish(p, pol_term_list(p->arena, POL_TERM_CALL, span, items, n + 1));
}

/* ---- operators ---- */

static pol_term *infix(pol_parser *p, const char *name, pol_term **args, uint32_t n)
{
    pol_term *call = pol_term_call(p->arena, join(args[0]->span, args[n - 1]->span), name, args, n);
    call->infix = true;
    return finish(p, call);
}

pol_term *pol_build_infix(pol_parser *p, const char *name, pol_term *left, pol_term *right)
{
    return infix(p, name, (pol_term *[]){left, right}, 2);
}

pol_term *pol_build_key_in(pol_parser *p, pol_term *key, const pol_token *comma, pol_term *in)
{
    bool key_ok = key->parenthesised || !pol_is_infix(key, "internal.member_2");
    if (!key_ok || in->parenthesised || !pol_is_infix(in, "internal.member_2")) {
        pol_parser_error(p, POL_D_SYNTAX, pol_token_span(p, comma), "unexpected `,`: conditions have a new line or `;` between them; two values need `in`, as in `key, value in xs`");
        return in;
    }
    pol_term *innermost = in; /* of `k, v in xs in ys` */
    while (!innermost->items[1]->parenthesised && pol_is_infix(innermost->items[1], "internal.member_2"))
        innermost = innermost->items[1];
    pol_term *call = infix(p, "internal.member_3", (pol_term *[]){key, innermost->items[1], innermost->items[2]}, 3);
    if (innermost == in)
        return call;
    *innermost = *call;
    in->span = join(key->span, in->span);
    in->height = pol_build_deeper(p, in->height, in->span);
    return in;
}

pol_term *pol_build_minus(pol_parser *p, const pol_token *minus, pol_term *term)
{
    pol_span span = join(pol_token_span(p, minus), term->span);
    if (term->kind == POL_TERM_NUMBER && !term->parenthesised && term->text.at[0] != '-') {
        const char *text = pol_arena_printf(p->arena, "-%.*s", (int)term->text.n, (const char *)term->text.at);
        return pol_term_text(p->arena, POL_TERM_NUMBER, span, pol_bytes_text(text));
    }
    pol_term *zero = pol_term_text(p->arena, POL_TERM_NUMBER, pol_token_span(p, minus), POL_BYTES("0"));
    return infix(p, "minus", (pol_term *[]){zero, term}, 2);
}

pol_term *pol_build_parenthesised(pol_parser *p, const pol_token *opening, pol_term *term)
{
    term->parenthesised = true;
    term->span = pol_parser_span(p, opening->start);
    return term;
}

/* ---- collections ---- */

pol_term *pol_build_array(pol_parser *p, const pol_token *opening, pol_build_list *items)
{
    return from_list(p, POL_TERM_ARRAY, opening->start, items);
}

pol_term *pol_build_set(pol_parser *p, const pol_token *opening, pol_build_list *items)
{
    return from_list(p, POL_TERM_SET, opening->start, items);
}

pol_term *pol_build_object(pol_parser *p, const pol_token *opening, pol_build_list *members)
{
    return from_list(p, POL_TERM_OBJECT, opening->start, members);
}

pol_term *pol_build_comprehension(pol_parser *p, pol_term_kind kind, const pol_token *opening, pol_term *key, pol_term *head, pol_body *body)
{
    pol_build_list *items = pol_build_list_new(p);
    if (key)
        pol_build_list_add(p, items, key);
    pol_build_list_add(p, items, head);
    pol_term *term = pol_term_list(p->arena, kind, pol_parser_span(p, opening->start), items->items, items->n);
    term->body = body;
    return finish(p, term);
}

/* ---- templates ---- */

/* A raw template knows one escape. */
static pol_bytes decode_raw(pol_parser *p, pol_bytes s)
{
    if (!memchr(s.at, '\\', s.n))
        return s;
    uint8_t *out = pol_arena_array(p->arena, s.n + 1, 1);
    size_t n = 0;
    for (size_t at = 0; at < s.n; at++)
        if (s.at[at] != '\\' || at + 1 == s.n || s.at[at + 1] != '{')
            out[n++] = s.at[at];
    return pol_bytes_of(out, n);
}

/* Decoded by pol_build_template, which knows of what kind the string is. */
pol_term *pol_build_template_text(pol_parser *p, const pol_token *t)
{
    pol_term *term = pol_term_text(p->arena, POL_TERM_STRING, pol_token_span(p, t), pol_token_text(p, t));
    term->infix = true; /* text of the template, no embedded string */
    return term;
}

pol_term *pol_build_template(pol_parser *p, const pol_token *opening, pol_build_list *parts)
{
    pol_term *term = from_list(p, POL_TERM_TEMPLATE, opening->start, parts);
    term->raw = opening->kind == TK_RAW_TEMPLATE_OPEN;
    for (uint32_t i = 0; i < term->n; i++) {
        pol_term *part = term->items[i];
        if (part->kind == POL_TERM_STRING && part->infix)
            part->text = term->raw ? decode_raw(p, part->text) : decode(p, part->text);
        part->infix = part->kind == POL_TERM_STRING ? false : part->infix;
    }
    return term;
}

pol_term *pol_build_embedded(pol_parser *p, pol_expr *expr)
{
    static const char *const names[] = {
        [POL_EXPR_ASSIGN] = "an assignment", [POL_EXPR_UNIFY] = "a unification", [POL_EXPR_NOT] = "`not`",
        [POL_EXPR_SOME] = "`some`",          [POL_EXPR_SOME_IN] = "`some`",      [POL_EXPR_EVERY] = "`every`",
        [POL_EXPR_AND] = "`and`",            [POL_EXPR_OR] = "`or`",
    };
    if (expr->kind != POL_EXPR_TERM) {
        pol_parser_error(p, POL_D_EXPRESSION, expr->span, "%s has no value that a template string could show", names[expr->kind]);
        return pol_term_new(p->arena, POL_TERM_NULL, expr->span);
    }
    pol_term *term = expr->left;
    if (!expr->n_withs)
        return term;
    if (term->body) { /* a comprehension: the modifiers stand around one that gives its value */
        pol_parser_error(p, POL_D_EXPRESSION, expr->span, "`with` cannot change a comprehension here: give the comprehension a name first");
        return term;
    }
    term->body = POL_NEW(p->arena, pol_body);
    pol_expr *withs = pol_expr_new(p->arena, POL_EXPR_TERM, expr->span);
    *withs = *expr;
    withs->left = pol_term_new(p->arena, POL_TERM_NULL, expr->span);
    withs->generated = true;
    pol_body_add(p->arena, term->body, withs);
    return finish(p, term);
}
