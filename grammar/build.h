/* SPDX-License-Identifier: Apache-2.0
 * What the grammar's actions call: nodes of the tree from tokens and nodes. What the grammar cannot say (an `else` behind `contains`, a default
 * that is no constant) is refused here, at the place where an author would look.
 */
#pragma once

#include "grammar/tokens.h"

typedef struct {
    pol_term **items;
    uint32_t n, capacity;
} term_list;

typedef struct builder {
    pol_arena *arena;
    pol_sources *sources;
    pol_diags *diags;
    uint32_t source;
    lexer lexer;       /* for the text of strings */
    pol_module *module;
    pol_body *query;
    pol_term *term;
    pol_statement *grant; /* permit or forbid being read */
    pol_body **further;   /* bodies behind a rule's first one */
    uint32_t n_further, further_capacity;
    uint32_t last_end;    /* where the last token taken ends */
    bool failed;          /* a syntax error: the statement is given up */
    bool refused;         /* the statement was reported as meaningless: it is dropped */
} builder;

struct yyParser;
bool parser_accepts(void *parser, int kind);
void build_syntax_error(builder *b, void *parser, token at);
void build_overflow(builder *b);

void build_package(builder *b, token package, pol_term *path);
void build_import(builder *b, token import, pol_term *path, const token *alias);
void build_add_rule(builder *b, pol_rule *rule);
void build_add_statement(builder *b, pol_statement *statement);

pol_rule *build_head(builder *b, pol_term *name, pol_term *key, pol_term *value);
pol_rule *build_rule_without_body(builder *b, pol_rule *head);
pol_rule *build_rule(builder *b, pol_rule *head, const token *if_token, pol_body *body, pol_rule *elses);
pol_rule *build_default(builder *b, token word, pol_rule *head);
pol_rule *build_else(builder *b, token word, pol_term *value, pol_body *body, pol_rule *next);
pol_rule *build_else_without_if(builder *b, token word, pol_term *value, pol_body *body);
void build_further_body(builder *b, pol_body *body);

pol_body *build_body(builder *b, pol_body *body, pol_expr *expr);
pol_body *build_clause(builder *b, pol_expr *expr);
pol_expr *build_logic(builder *b, pol_expr_kind kind, pol_expr *left, pol_expr *right);
pol_expr *build_not(builder *b, token word, pol_expr *expr);
pol_expr *build_not_body(builder *b, token word, pol_body *body);
pol_expr *build_braced(builder *b, pol_body *body);
pol_expr *build_with(builder *b, pol_expr *expr, token word, pol_term *target, pol_term *value);
pol_expr *build_expr(builder *b, pol_term *term);
pol_expr *build_binding(builder *b, pol_expr_kind kind, pol_term *left, token op, pol_term *right);
pol_expr *build_member_expr(builder *b, pol_term *key, pol_term *member);
pol_expr *build_some(builder *b, token word, term_list list);
pol_expr *build_every(builder *b, token word, term_list list, pol_body *body);

pol_term *build_name(builder *b, token name);
pol_term *build_number(builder *b, token number);
pol_term *build_string(builder *b, token string);
pol_term *build_bool(builder *b, token word, bool value);
pol_term *build_null(builder *b, token word);
pol_term *build_infix(builder *b, const char *name, pol_term *left, token op, pol_term *right);
pol_term *build_negative(builder *b, token minus, pol_term *term);
pol_term *build_field(builder *b, pol_term *term, token field);
pol_term *build_index(builder *b, pol_term *term, pol_term *index, token end);
pol_term *build_call(builder *b, pol_term *callee, term_list args, token end);
pol_term *build_parens(builder *b, token open, pol_term *term, token end);
pol_term *build_member_term(builder *b, pol_term *key, pol_term *member);
pol_term *build_list(builder *b, pol_term_kind kind, token open, term_list items, token end);
pol_term *build_comprehension(builder *b, pol_term_kind kind, token open, pol_term *head, pol_term *value, pol_body *body, token end);
pol_term *build_template(builder *b, token open, pol_term *pieces, token end);
pol_term *build_template_text(builder *b, pol_term *pieces, token text);
pol_term *build_template_expr(builder *b, pol_term *pieces, token open, pol_expr *expr);
term_list build_one(builder *b, pol_term *term);
term_list build_more(builder *b, term_list list, pol_term *term);

pol_name build_statement_name(builder *b, token name);
pol_names build_names(builder *b, pol_names names, pol_name name);
pol_statement *build_tier(builder *b, token word, pol_name name);
pol_statement *build_role(builder *b, token word, pol_name name, pol_names parents);
pol_statement *build_role_from(builder *b, token word, pol_term *ref);
pol_statement *build_assign_if(builder *b, token word, pol_names names, pol_body *body);
pol_statement *build_assign_from(builder *b, token word, pol_names names, pol_term *from);
pol_statement *build_scope(builder *b, token word, pol_names names, pol_names actions, pol_names types);
pol_statement *build_route(builder *b, token word, pol_names methods, token path, pol_name action, pol_name type);
pol_statement *build_schema(builder *b, token word, token path, const token *resource, pol_type_node *type, const token *file);
void build_grant_begin(builder *b, token word, bool forbid);
void build_grant_id(builder *b, token id);
pol_statement *build_grant_head(builder *b, pol_names roles, pol_names actions, pol_names types);
pol_statement *build_grant(builder *b, pol_statement *grant);

pol_type_node *build_type_name(builder *b, token name);
pol_type_node *build_type_literal(builder *b, pol_term *literal);
pol_type_node *build_type_of(builder *b, pol_type_kind kind, token open, pol_type_node *of, pol_type_node *to, token end);
pol_type_node *build_type_set(builder *b, token word, pol_type_node *of, token end);
pol_type_node *build_type_object(builder *b, token open, pol_type_node *fields, token end);
pol_type_node *build_type_field(builder *b, pol_type_node *fields, token name, bool optional, pol_type_node *type);
pol_type_node *build_union(builder *b, pol_type_node *left, pol_type_node *right);
