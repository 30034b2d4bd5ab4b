/* SPDX-License-Identifier: Apache-2.0
 * Nodes of the eight statements and of the types in schemas.
 */
#include "grammar/build.h"
#include "grammar/rego.h"

static pol_statement *add_statement(pol_parser *p, pol_statement_kind kind, const pol_token *word)
{
    pol_module *m = p->module;
    pol_statement *st = POL_NEW(p->arena, pol_statement);
    st->kind = (uint8_t)kind;
    st->span = pol_parser_span(p, word->start);
    POL_GROW(p->arena, m->statements, m->n_statements, m->statements_capacity);
    m->statements[m->n_statements++] = st;
    return st;
}

/* ---- names ---- */

static bool is_clause_word(pol_bytes s)
{
    static const char *const words[] = {"to", "on", "at", "as", "because", "returning", "if", "unless", "inherits", "from", "covers", "is"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (pol_bytes_is(s, words[i]))
            return true;
    return false;
}

pol_name *pol_build_field_name(pol_parser *p, const pol_token *t)
{
    pol_name *name = POL_NEW(p->arena, pol_name);
    name->span = pol_token_span(p, t);
    name->quoted = t->kind == TK_STRING;
    name->star = t->kind == TK_STAR;
    name->text = name->quoted ? pol_build_text(p, t) : pol_token_text(p, t);
    return name;
}

pol_name *pol_build_name(pol_parser *p, const pol_token *t)
{
    pol_name *name = pol_build_field_name(p, t);
    if (!name->quoted && is_clause_word(name->text))
        pol_parser_error(p, POL_D_STATEMENT, name->span, "expected a name; `%.*s` is a word of the language: write it in quotes to use it as a name",
                         (int)name->text.n, (const char *)name->text.at);
    if (name->quoted && !name->text.n)
        pol_parser_error(p, POL_D_STATEMENT, name->span, "a name cannot be empty");
    return name;
}

pol_name *pol_build_path(pol_parser *p, pol_name *path, const pol_token *t)
{
    if (!path)
        return pol_build_field_name(p, t);
    path->span.end = t->end;
    path->text = pol_bytes_of(p->text.at + path->span.start, t->end - path->span.start);
    return path;
}

pol_names *pol_build_names(pol_parser *p, pol_names *names, const pol_name *name)
{
    if (!names)
        names = POL_NEW(p->arena, pol_names);
    POL_GROW(p->arena, names->items, names->n, names->capacity);
    names->items[names->n++] = *name;
    return names;
}

static pol_names one_name(pol_parser *p, const pol_name *name)
{
    return *pol_build_names(p, NULL, name);
}

/* ---- the statements ---- */

void pol_build_named(pol_parser *p, pol_statement_kind kind, const pol_token *word, const pol_name *name)
{
    add_statement(p, kind, word)->names = one_name(p, name);
}

void pol_build_role(pol_parser *p, const pol_token *word, const pol_name *name, const pol_names *parents)
{
    pol_statement *st = add_statement(p, POL_STATEMENT_ROLE, word);
    st->names = one_name(p, name);
    if (parents)
        st->parents = *parents;
}

void pol_build_role_from(pol_parser *p, const pol_token *word, pol_term *from)
{
    pol_statement *st = add_statement(p, POL_STATEMENT_ROLE, word);
    st->from = from;
    if (from->kind != POL_TERM_REF && from->kind != POL_TERM_VAR)
        pol_parser_error(p, POL_D_STATEMENT, from->span, "expected a path below `data`, as in `role from data.rbac.roles`");
}

void pol_build_assign(pol_parser *p, const pol_token *word, const pol_names *names, pol_term *from, pol_expr *condition)
{
    pol_statement *st = add_statement(p, POL_STATEMENT_ASSIGN, word);
    if (names)
        st->names = *names;
    st->from = from;
    st->if_body = condition ? pol_build_condition(p, condition) : NULL;
    if (condition && condition->kind == POL_EXPR_ASSIGN)
        pol_parser_error(p, POL_D_STATEMENT, condition->span, "a lone `:=` always holds; did you mean `==`?");
}

void pol_build_scope(pol_parser *p, const pol_token *word, const pol_names *scopes, const pol_names *actions, const pol_names *types)
{
    pol_statement *st = add_statement(p, POL_STATEMENT_SCOPE, word);
    st->names = *scopes;
    st->actions = *actions;
    st->types = *types;
}

void pol_build_route(pol_parser *p, const pol_token *word, const pol_names *methods, const pol_token *path, const pol_name *action,
                     const pol_name *type)
{
    pol_statement *st = add_statement(p, POL_STATEMENT_ROUTE, word);
    st->names = *methods;
    st->path = pol_build_text(p, path);
    st->path_span = pol_token_span(p, path);
    st->actions = one_name(p, action);
    st->types = one_name(p, type);
}

void pol_build_schema(pol_parser *p, const pol_token *word, const pol_name *path, const pol_name *resource, pol_type_node *type)
{
    pol_statement *st = add_statement(p, POL_STATEMENT_SCHEMA, word);
    st->path = path->text;
    st->path_span = path->span;
    if (resource)
        st->resource_type = *resource;
    if (type->kind == POL_TYPE_LITERAL && !type->literal)
        st->from_file = type->text;
    else
        st->type = type;
}

pol_statement *pol_build_grant(pol_parser *p, const pol_token *word, const pol_names *roles, const pol_names *actions, const pol_names *types)
{
    pol_statement *st = POL_NEW(p->arena, pol_statement);
    st->kind = word->kind == TK_PERMIT ? POL_STATEMENT_PERMIT : POL_STATEMENT_FORBID;
    st->span = pol_token_span(p, word);
    st->names = *roles;
    st->actions = *actions;
    st->types = *types;
    return st;
}

static pol_body *clause_body(pol_parser *p, pol_expr *condition)
{
    if (!condition)
        return NULL;
    if (condition->kind == POL_EXPR_ASSIGN)
        pol_parser_error(p, POL_D_STATEMENT, condition->span, "a lone `:=` always holds; did you mean `==`?");
    return pol_build_condition(p, condition);
}

void pol_build_grant_end(pol_parser *p, pol_statement *st, const pol_name *tier, const pol_name *id, pol_term *because, pol_term *returning,
                         pol_expr *condition, pol_expr *unless)
{
    pol_module *m = p->module;
    st->span = pol_parser_span(p, st->span.start);
    if (tier)
        st->tier = *tier;
    if (id)
        st->id = *id;
    st->because = because;
    st->returning = returning;
    st->if_body = clause_body(p, condition);
    st->unless_body = clause_body(p, unless);
    POL_GROW(p->arena, m->statements, m->n_statements, m->statements_capacity);
    m->statements[m->n_statements++] = st;
}

/* ---- types ---- */

static pol_type_node *new_type(pol_parser *p, pol_type_kind kind, uint32_t start)
{
    pol_type_node *type = POL_NEW(p->arena, pol_type_node);
    type->kind = (uint8_t)kind;
    type->span = pol_parser_span(p, start);
    return type;
}

/* `from "file.json"`, carried as a literal without a term as far as pol_build_schema. */
pol_type_node *pol_build_type_file(pol_parser *p, const pol_token *file)
{
    pol_type_node *type = new_type(p, POL_TYPE_LITERAL, file->start);
    type->text = pol_build_text(p, file);
    if (!type->text.n)
        pol_parser_error(p, POL_D_STATEMENT, type->span, "expected the name of a file with a JSON Schema");
    return type;
}

pol_type_node *pol_build_type_name(pol_parser *p, const pol_token *t)
{
    static const char *const names[] = {"string", "number", "integer", "bool", "null", "any", "time", "cidr", "uri"};
    pol_type_node *type = new_type(p, POL_TYPE_NAME, t->start);
    type->text = pol_token_text(p, t);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (pol_bytes_is(type->text, names[i]))
            return type;
    pol_parser_error(p, POL_D_STATEMENT, type->span, "there is no type `%.*s`: expected string, number, integer, bool, null, any, time, cidr, uri, "
                     "`[T]`, `set(T)`, `{field: T}` or a literal", (int)type->text.n, (const char *)type->text.at);
    return type;
}

pol_type_node *pol_build_type_literal(pol_parser *p, const pol_token *first, pol_term *literal)
{
    pol_type_node *type = new_type(p, POL_TYPE_LITERAL, first->start);
    type->literal = literal;
    return type;
}

/* Appending doubles the room at powers of two. */
static void add_part(pol_parser *p, pol_type_node *of, pol_type_node *part)
{
    if ((of->n_parts & (of->n_parts - 1)) == 0) {
        pol_type_node **parts = POL_NEW_ARRAY(p->arena, pol_type_node *, of->n_parts ? 2 * (size_t)of->n_parts : 1);
        if (of->n_parts)
            memcpy(parts, of->parts, of->n_parts * sizeof *parts);
        of->parts = parts;
    }
    of->parts[of->n_parts++] = part;
}

pol_type_node *pol_build_type_union(pol_parser *p, pol_type_node *left, pol_type_node *right)
{
    pol_type_node *type = left;
    if (left->kind != POL_TYPE_UNION) {
        type = new_type(p, POL_TYPE_UNION, left->span.start);
        add_part(p, type, left);
    }
    add_part(p, type, right);
    type->span = pol_parser_span(p, type->span.start);
    return type;
}

pol_type_node *pol_build_type_of(pol_parser *p, pol_type_kind kind, const pol_token *opening, pol_type_node *of, pol_type_node *to)
{
    pol_type_node *type = new_type(p, kind, opening->start);
    type->of = of;
    type->to = to;
    if (kind == POL_TYPE_MAP && (of->kind != POL_TYPE_NAME || !pol_bytes_is(of->text, "string")))
        pol_parser_error(p, POL_D_STATEMENT, of->span, "the keys of a map are strings: `{[string]: T}`");
    return type;
}

pol_type_node *pol_build_type_set(pol_parser *p, const pol_token *name, pol_type_node *of)
{
    if (!pol_bytes_is(pol_token_text(p, name), "set"))
        pol_parser_error(p, POL_D_STATEMENT, pol_token_span(p, name), "only `set(T)` takes a type in parentheses");
    return pol_build_type_of(p, POL_TYPE_SET, name, of, NULL);
}

pol_type_node *pol_build_type_object(pol_parser *p, const pol_token *opening, pol_type_node *fields)
{
    pol_type_node *type = fields ? fields : new_type(p, POL_TYPE_OBJECT, opening->start);
    type->span = pol_parser_span(p, opening->start);
    return type;
}

pol_type_node *pol_build_type_field(pol_parser *p, pol_type_node *fields, const pol_name *name, const pol_token *optional, pol_type_node *type)
{
    if (!fields)
        fields = new_type(p, POL_TYPE_OBJECT, name->span.start);
    if ((fields->n_fields & (fields->n_fields - 1)) == 0) {
        pol_type_field *items = POL_NEW_ARRAY(p->arena, pol_type_field, fields->n_fields ? 2 * (size_t)fields->n_fields : 1);
        if (fields->n_fields)
            memcpy(items, fields->fields, fields->n_fields * sizeof *items);
        fields->fields = items;
    }
    fields->fields[fields->n_fields++] = (pol_type_field){name->text, name->span, optional != NULL, type};
    return fields;
}
