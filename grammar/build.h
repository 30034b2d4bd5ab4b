/* SPDX-License-Identifier: Apache-2.0
 * The actions of the grammar: what the parser knows while it runs, and one function for each construct. build.c: terms; build_rules.c: expressions,
 * rules, packages and imports; build_statements.c: the eight statements and their types. None fails: what is wrong is told by pol_parser_error, and the
 * tree, which nobody compiles then, is whole enough to go on with.
 */
#pragma once

#include "grammar/tokens.h"

typedef struct pol_parser {
    pol_arena *arena;
    pol_sources *sources;
    uint32_t source;
    pol_bytes text;
    pol_tokens tokens;
    uint32_t at;    /* the token that the parser looks at: all before it belongs to what is being reduced */
    uint32_t first; /* first token of the statement */
    pol_diags *diags;
    pol_module *module;
    bool broken; /* the statement cannot be parsed on */
    /* The first fault of the statement, by place; told when the statement ends. */
    bool faulty;
    pol_diag_code code;
    pol_span span;
    const char *message;
    /* results */
    pol_body *query;
    pol_term *term;
} pol_parser;

typedef struct {
    pol_term **items;
    uint32_t n, capacity;
    uint32_t start; /* byte offset, of `some` */
    pol_expr **blocks;
} pol_build_list;

/* ---- parse.c ---- */
void pol_parser_error(pol_parser *p, pol_diag_code code, pol_span span, const char *fmt, ...) POL_PRINTF(4, 5);
void pol_parser_refuse(pol_parser *p, void *lemon, int kind);
void pol_parser_overflow(pol_parser *p);
void pol_parser_end_statement(pol_parser *p);
/* From a byte offset to the end of the last token. */
pol_span pol_parser_span(const pol_parser *p, uint32_t start);
pol_span pol_token_span(const pol_parser *p, const pol_token *t);
static inline pol_bytes pol_token_text(const pol_parser *p, const pol_token *t)
{
    return pol_bytes_of(p->text.at + t->start, t->end - t->start);
}

/* ---- build.c: terms ---- */
pol_build_list *pol_build_list_new(pol_parser *p);
pol_build_list *pol_build_list_add(pol_parser *p, pol_build_list *list, pol_term *term);
pol_term *pol_build_var(pol_parser *p, const pol_token *t);
pol_term *pol_build_number(pol_parser *p, const pol_token *t);
pol_term *pol_build_string(pol_parser *p, const pol_token *t);
pol_term *pol_build_bool(pol_parser *p, const pol_token *t, bool value);
pol_term *pol_build_null(pol_parser *p, const pol_token *t);
pol_term *pol_build_dot(pol_parser *p, pol_term *ref, const pol_token *name);
pol_term *pol_build_index(pol_parser *p, pol_term *ref, pol_term *index);
pol_term *pol_build_call(pol_parser *p, pol_term *name, pol_build_list *args);
pol_term *pol_build_infix(pol_parser *p, const char *name, pol_term *left, pol_term *right);
pol_term *pol_build_key_in(pol_parser *p, pol_term *key, const pol_token *comma, pol_term *in);
pol_term *pol_build_minus(pol_parser *p, const pol_token *minus, pol_term *term);
pol_term *pol_build_parenthesised(pol_parser *p, const pol_token *opening, pol_term *term);
pol_term *pol_build_array(pol_parser *p, const pol_token *opening, pol_build_list *items);
pol_term *pol_build_set(pol_parser *p, const pol_token *opening, pol_build_list *items);
pol_term *pol_build_object(pol_parser *p, const pol_token *opening, pol_build_list *members);
pol_term *pol_build_comprehension(pol_parser *p, pol_term_kind kind, const pol_token *opening, pol_term *key, pol_term *head, pol_body *body);
pol_term *pol_build_template(pol_parser *p, const pol_token *opening, pol_build_list *parts);
pol_term *pol_build_template_text(pol_parser *p, const pol_token *t);
pol_term *pol_build_embedded(pol_parser *p, pol_expr *expr);
/* The decoded text of a STRING or RAW_STRING. */
pol_bytes pol_build_text(pol_parser *p, const pol_token *t);
/* Sets height from what is below, and reports when it is too much. */
void pol_build_height(pol_parser *p, pol_term *term);
uint16_t pol_body_height(const pol_body *body);
uint16_t pol_build_deeper(pol_parser *p, unsigned below, pol_span span);

/* ---- build_rules.c ---- */
pol_expr *pol_build_plain(pol_parser *p, pol_term *term);
pol_expr *pol_build_pair(pol_parser *p, pol_expr_kind kind, pol_term *left, pol_term *right);
pol_expr *pol_build_not(pol_parser *p, const pol_token *word, pol_expr *expr);
pol_expr *pol_build_not_body(pol_parser *p, const pol_token *word, pol_body *body);
pol_expr *pol_build_empty(pol_parser *p, const pol_token *closing);
pol_expr *pol_build_parens(pol_parser *p, const pol_token *opening, pol_expr *expr);
pol_expr *pol_build_logic(pol_parser *p, pol_expr_kind kind, pol_expr *left, pol_expr *right);
pol_build_list *pol_build_some_list(pol_parser *p, const pol_token *word, pol_term *term);
pol_expr *pol_build_some(pol_parser *p, pol_build_list *list, pol_expr *withs);
pol_expr *pol_build_every(pol_parser *p, const pol_token *word, pol_term *key, pol_term *value, pol_term *domain, pol_expr *block);
pol_expr *pol_build_with(pol_parser *p, pol_expr *withs, const pol_token *word, pol_term *target, pol_term *value);
pol_expr *pol_build_withs(pol_parser *p, pol_expr *expr, const pol_expr *withs);
pol_body *pol_build_first(pol_parser *p, pol_expr *expr);
pol_body *pol_build_next(pol_parser *p, pol_body *body, pol_expr *expr, const pol_token *semicolon);
/* A body in braces, until it is known what for: an AND without other. */
pol_expr *pol_build_braces(pol_parser *p, const pol_token *opening, pol_body *body);
pol_expr *pol_build_block(pol_parser *p, pol_term *braces);
/* The body that a condition stands for: a literal, or the body in its braces. */
pol_body *pol_build_condition(pol_parser *p, pol_expr *literal);

void pol_build_package(pol_parser *p, const pol_token *word, pol_term *path);
void pol_build_import(pol_parser *p, const pol_token *word, pol_term *path, const pol_token *alias);
pol_rule *pol_build_head(pol_parser *p, pol_term *name);
pol_rule *pol_build_function(pol_parser *p, pol_term *name, pol_build_list *args);
pol_rule *pol_build_value(pol_parser *p, pol_rule *rule, pol_term *value);
pol_rule *pol_build_contains(pol_parser *p, pol_rule *rule, pol_term *key, const pol_token *of_function);
void pol_build_body(pol_parser *p, pol_rule *rule, pol_expr *literal);
void pol_build_rule(pol_parser *p, pol_rule *rule);
pol_build_list *pol_build_bodies(pol_parser *p, pol_build_list *bodies, pol_expr *block);
void pol_build_more_bodies(pol_parser *p, pol_rule *rule, const pol_build_list *bodies);
pol_rule *pol_build_else_head(pol_parser *p, const pol_token *word, pol_term *value);
pol_rule *pol_build_else(pol_parser *p, pol_rule *chain, pol_rule *branch, pol_expr *literal);
pol_rule *pol_build_else_no_if(pol_parser *p, pol_rule *chain, pol_rule *branch, pol_expr *block);
void pol_build_elses(pol_parser *p, pol_rule *rule, pol_rule *chain);
void pol_build_no_if(pol_parser *p, const pol_rule *rule);
void pol_build_default(pol_parser *p, const pol_token *word, pol_rule *rule);

/* ---- build_statements.c ---- */
pol_name *pol_build_name(pol_parser *p, const pol_token *t);
pol_name *pol_build_field_name(pol_parser *p, const pol_token *t);
pol_name *pol_build_path(pol_parser *p, pol_name *path, const pol_token *t);
pol_names *pol_build_names(pol_parser *p, pol_names *names, const pol_name *name);
void pol_build_named(pol_parser *p, pol_statement_kind kind, const pol_token *word, const pol_name *name);
void pol_build_role(pol_parser *p, const pol_token *word, const pol_name *name, const pol_names *parents);
void pol_build_role_from(pol_parser *p, const pol_token *word, pol_term *from);
void pol_build_assign(pol_parser *p, const pol_token *word, const pol_names *names, pol_term *from, pol_expr *condition);
void pol_build_scope(pol_parser *p, const pol_token *word, const pol_names *scopes, const pol_names *actions, const pol_names *types);
void pol_build_route(pol_parser *p, const pol_token *word, const pol_names *methods, const pol_token *path, const pol_name *action,
                     const pol_name *type);
void pol_build_schema(pol_parser *p, const pol_token *word, const pol_name *path, const pol_name *resource, pol_type_node *type);
pol_statement *pol_build_grant(pol_parser *p, const pol_token *word, const pol_names *roles, const pol_names *actions, const pol_names *types);
void pol_build_grant_end(pol_parser *p, pol_statement *st, const pol_name *tier, const pol_name *id, pol_term *because, pol_term *returning,
                         pol_expr *condition, pol_expr *unless);
pol_type_node *pol_build_type_file(pol_parser *p, const pol_token *file);
pol_type_node *pol_build_type_name(pol_parser *p, const pol_token *t);
pol_type_node *pol_build_type_literal(pol_parser *p, const pol_token *first, pol_term *literal);
pol_type_node *pol_build_type_union(pol_parser *p, pol_type_node *left, pol_type_node *right);
pol_type_node *pol_build_type_of(pol_parser *p, pol_type_kind kind, const pol_token *opening, pol_type_node *of, pol_type_node *to);
pol_type_node *pol_build_type_set(pol_parser *p, const pol_token *name, pol_type_node *of);
pol_type_node *pol_build_type_object(pol_parser *p, const pol_token *opening, pol_type_node *fields);
pol_type_node *pol_build_type_field(pol_parser *p, pol_type_node *fields, const pol_name *name, const pol_token *optional, pol_type_node *type);

/* ---- comments.c: METADATA blocks, found among the comments and given to what they stand over ---- */
void pol_attach_metadata(pol_parser *p);
