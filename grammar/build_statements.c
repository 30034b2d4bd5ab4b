/* SPDX-License-Identifier: Apache-2.0
 * Nodes of the eight statements and of the types in schemas (see build.h).
 */
#include "grammar/build.h"
#include "grammar/rego.h"

static pol_span token_span(const builder *b, token t)
{
    return (pol_span){b->source, t.start, t.end};
}

static pol_bytes token_text(const builder *b, token t)
{
    return pol_bytes_of(b->lexer.text + t.start, t.end - t.start);
}

static pol_statement *new_statement(builder *b, pol_statement_kind kind, token word)
{
    pol_statement *s = POL_NEW(b->arena, pol_statement);
    s->kind = (uint8_t)kind;
    s->span = (pol_span){b->source, word.start, b->last_end > word.end ? b->last_end : word.end};
    return s;
}

void build_add_statement(builder *b, pol_statement *statement)
{
    pol_module *m = b->module;
    if (b->refused || !statement) {
        m->failed = true;
        b->refused = false;
        return;
    }
    POL_GROW(b->arena, m->statements, m->n_statements, m->statements_capacity);
    m->statements[m->n_statements++] = statement;
}

/* ---- names ---- */

pol_name build_statement_name(builder *b, token name)
{
    pol_name n = {.span = token_span(b, name), .star = name.kind == TK_STAR, .quoted = name.kind == TK_STRING};
    n.text = n.quoted ? lex_string(&b->lexer, name, false) : token_text(b, name);
    if (n.quoted && n.text.n == 0) {
        pol_diag(b->diags, POL_D_STATEMENT, n.span, "a name cannot be empty");
        b->refused = true;
    }
    return n;
}

pol_names build_names(builder *b, pol_names names, pol_name name)
{
    POL_GROW(b->arena, names.items, names.n, names.capacity);
    names.items[names.n++] = name;
    return names;
}

/* ---- statements ---- */

pol_statement *build_tier(builder *b, token word, pol_name name)
{
    pol_statement *s = new_statement(b, POL_STATEMENT_TIER, word);
    s->names = build_names(b, (pol_names){0}, name);
    return s;
}

pol_statement *build_role(builder *b, token word, pol_name name, pol_names parents)
{
    pol_statement *s = new_statement(b, POL_STATEMENT_ROLE, word);
    s->names = build_names(b, (pol_names){0}, name);
    s->parents = parents;
    return s;
}

pol_statement *build_role_from(builder *b, token word, pol_term *ref)
{
    pol_statement *s = new_statement(b, POL_STATEMENT_ROLE, word);
    s->from = ref;
    return s;
}

pol_statement *build_assign_if(builder *b, token word, pol_names names, pol_body *body)
{
    pol_statement *s = new_statement(b, POL_STATEMENT_ASSIGN, word);
    s->names = names;
    s->if_body = body;
    return s;
}

pol_statement *build_assign_from(builder *b, token word, pol_names names, pol_term *from)
{
    pol_statement *s = new_statement(b, POL_STATEMENT_ASSIGN, word);
    s->names = names;
    s->from = from;
    return s;
}

pol_statement *build_scope(builder *b, token word, pol_names names, pol_names actions, pol_names types)
{
    pol_statement *s = new_statement(b, POL_STATEMENT_SCOPE, word);
    s->names = names;
    s->actions = actions;
    s->types = types;
    for (uint32_t i = 0; i < names.n; i++)
        if (!names.items[i].quoted) {
            pol_diag(b->diags, POL_D_STATEMENT, names.items[i].span, "a scope is a string: \"%.*s\"", (int)names.items[i].text.n,
                     (const char *)names.items[i].text.at);
            b->refused = true;
        }
    return s;
}

pol_statement *build_route(builder *b, token word, pol_names methods, token path, pol_name action, pol_name type)
{
    pol_statement *s = new_statement(b, POL_STATEMENT_ROUTE, word);
    s->names = methods;
    s->path = lex_string(&b->lexer, path, false);
    s->path_span = token_span(b, path);
    s->actions = build_names(b, (pol_names){0}, action);
    s->types = build_names(b, (pol_names){0}, type);
    return s;
}

pol_statement *build_schema(builder *b, token word, token path, const token *resource, pol_type_node *type, const token *file)
{
    pol_statement *s = new_statement(b, POL_STATEMENT_SCHEMA, word);
    s->path = token_text(b, path);
    s->path_span = token_span(b, path);
    if (resource)
        s->resource_type = build_statement_name(b, *resource);
    s->type = type;
    if (file)
        s->from_file = lex_string(&b->lexer, *file, false);
    if (resource && !pol_bytes_is(s->path, "resource")) {
        pol_diag(b->diags, POL_D_STATEMENT, s->path_span, "only `schema resource NAME` takes a name before the type");
        b->refused = true;
    }
    return s;
}

/* ---- permit and forbid: their clauses go into b->grant as they are read ---- */

void build_grant_begin(builder *b, token word, bool forbid)
{
    b->grant = new_statement(b, forbid ? POL_STATEMENT_FORBID : POL_STATEMENT_PERMIT, word);
}

void build_grant_id(builder *b, token id)
{
    b->grant->id = build_statement_name(b, id);
}

pol_statement *build_grant_head(builder *b, pol_names roles, pol_names actions, pol_names types)
{
    b->grant->names = roles;
    b->grant->actions = actions;
    b->grant->types = types;
    return b->grant;
}

pol_statement *build_grant(builder *b, pol_statement *grant)
{
    if (b->last_end > grant->span.end)
        grant->span.end = b->last_end;
    return grant;
}

/* A clause's body without braces. An assignment alone would say nothing. */
pol_body *build_clause(builder *b, pol_expr *expr)
{
    if (expr->kind == POL_EXPR_ASSIGN) {
        pol_diag(b->diags, POL_D_STATEMENT, expr->span, "a condition that only assigns always holds; write `==` to compare, or braces around a longer body");
        b->refused = true;
    }
    return build_body(b, NULL, expr);
}

/* ---- types ---- */

static pol_type_node *new_type(builder *b, pol_type_kind kind, pol_span span)
{
    pol_type_node *t = POL_NEW(b->arena, pol_type_node);
    t->kind = (uint8_t)kind;
    t->span = span;
    return t;
}

pol_type_node *build_type_name(builder *b, token name)
{
    static const char *const known[] = {"string", "number", "integer", "bool", "null", "any", "time", "cidr", "uri"};
    enum { N_KNOWN = sizeof known / sizeof *known };
    pol_type_node *t = new_type(b, POL_TYPE_NAME, token_span(b, name));
    pol_bytes names[N_KNOWN];
    t->text = token_text(b, name);
    for (size_t i = 0; i < N_KNOWN; i++) {
        names[i] = pol_bytes_text(known[i]);
        if (pol_bytes_equal(t->text, names[i]))
            return t;
    }
    pol_diag(b->diags, POL_D_STATEMENT, t->span, "there is no type `%.*s`", (int)t->text.n, (const char *)t->text.at);
    pol_diag_suggest(b->diags, t->text, names, N_KNOWN);
    b->refused = true;
    return t;
}

pol_type_node *build_type_literal(builder *b, pol_term *literal)
{
    pol_type_node *t = new_type(b, POL_TYPE_LITERAL, literal->span);
    t->literal = literal;
    return t;
}

pol_type_node *build_type_of(builder *b, pol_type_kind kind, token open, pol_type_node *of, pol_type_node *to, token end)
{
    pol_type_node *t = new_type(b, kind, (pol_span){b->source, open.start, end.end});
    t->of = of;
    t->to = to;
    return t;
}

pol_type_node *build_type_set(builder *b, token word, pol_type_node *of, token end)
{
    if (!pol_bytes_is(token_text(b, word), "set")) {
        pol_diag(b->diags, POL_D_STATEMENT, token_span(b, word), "a type in parentheses is written `set(T)`");
        b->refused = true;
    }
    return build_type_of(b, POL_TYPE_SET, word, of, NULL, end);
}

pol_type_node *build_type_object(builder *b, token open, pol_type_node *fields, token end)
{
    pol_type_node *t = fields ? fields : new_type(b, POL_TYPE_OBJECT, token_span(b, open));
    t->span = (pol_span){b->source, open.start, end.end};
    return t;
}

pol_type_node *build_type_field(builder *b, pol_type_node *fields, token name, bool optional, pol_type_node *type)
{
    pol_type_node *t = fields ? fields : new_type(b, POL_TYPE_OBJECT, token_span(b, name));
    pol_name n = build_statement_name(b, name);
    for (uint32_t i = 0; i < t->n_fields; i++)
        if (pol_bytes_equal(t->fields[i].name, n.text)) {
            pol_diag(b->diags, POL_D_STATEMENT, n.span, "the field `%.*s` is declared twice", (int)n.text.n, (const char *)n.text.at);
            b->refused = true;
        }
    if (t->n_fields == 0 || (t->n_fields >= 8 && (t->n_fields & (t->n_fields - 1)) == 0)) {
        pol_type_field *grown = POL_NEW_ARRAY(b->arena, pol_type_field, t->n_fields ? 2 * t->n_fields : 8);
        if (t->n_fields)
            memcpy(grown, t->fields, t->n_fields * sizeof *grown);
        t->fields = grown;
    }
    t->fields[t->n_fields++] = (pol_type_field){.name = n.text, .span = n.span, .optional = optional, .type = type};
    return t;
}

pol_type_node *build_union(builder *b, pol_type_node *left, pol_type_node *right)
{
    pol_type_node *t = new_type(b, POL_TYPE_UNION, (pol_span){b->source, left->span.start, right->span.end});
    uint32_t n = left->kind == POL_TYPE_UNION ? left->n_parts : 1;
    t->parts = POL_NEW_ARRAY(b->arena, pol_type_node *, n + 1);
    if (left->kind == POL_TYPE_UNION)
        memcpy(t->parts, left->parts, n * sizeof *t->parts);
    else
        t->parts[0] = left;
    t->parts[n] = right;
    t->n_parts = n + 1;
    return t;
}
