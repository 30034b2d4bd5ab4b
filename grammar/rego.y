/* SPDX-License-Identifier: Apache-2.0
 * Rego v1 and the eight statements. Lines and blanks count only where tokens.c has turned them into kinds of tokens (CALL_OPEN, REF_OPEN, DOT touch
 * what stands before them); that expressions of a body stand on lines of their own is checked when they are joined. Every action is one call of build.h.
 *
 * A `{` may open an object, a set, a comprehension or a body. What could be a term is parsed as one, and where a body is wanted it is turned into
 * one (pol_build_block); `block` is what can only be a body. In the same way `plain` is an expression that is a term and `complex` is one that is none.
 */
%include {
#include "grammar/build.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* Lemon declares none of its functions. */
void *pol_regoAlloc(void *(*allocate)(size_t), pol_parser *p);
void pol_regoFree(void *lemon, void (*release)(void *));
int pol_regoFallback(int kind);
void pol_regoTrace(FILE *to, char *prefix);
size_t pol_rego_size(void);
bool pol_rego_takes(void *lemon, int kind);
void pol_regoInit(void *lemon, pol_parser *p);
void pol_regoFinalize(void *lemon);
void pol_rego(void *lemon, int kind, const pol_token *token);
}
%name pol_rego
%token_prefix TK_
%token_type {const pol_token *}
%extra_context {pol_parser *p}
%stack_size 12000
%start_symbol source

/* The order is used: keywords from PACKAGE to NULL, operators from ASSIGN to PERCENT. */
%token PACKAGE IMPORT AS DEFAULT ELSE IF CONTAINS NOT SOME EVERY IN WITH TRUE FALSE NULL.
%token ASSIGN UNIFY EQ NE LT LE GT GE OR AND PLUS MINUS STAR SLASH PERCENT.
%token ID STRING RAW_STRING NUMBER LPAREN RPAREN LBRACKET RBRACKET LBRACE RBRACE CALL_OPEN REF_OPEN DOT COMMA SEMICOLON COLON.
%token TEMPLATE_OPEN RAW_TEMPLATE_OPEN TEMPLATE_TEXT TEMPLATE_LBRACE TEMPLATE_RBRACE TEMPLATE_CLOSE.
%token NOT_BLOCK LOGIC_AND LOGIC_OR QUESTION.
%token TIER SCHEMA SCHEMA_RESOURCE ROLE ASSIGN_ROLE SCOPE ROUTE PERMIT FORBID.
%token TO ON AT BECAUSE RETURNING UNLESS INHERITS FROM COVERS IS.
%token START_MODULE START_STATEMENTS START_QUERY START_TERM.
/* ERROR: a token with a fault; it fits nowhere. */
%token ERROR.
%fallback ID TO ON AT BECAUSE RETURNING UNLESS INHERITS FROM COVERS IS.

%syntax_error { pol_parser_refuse(p, yypParser, yymajor); }
%stack_overflow { pol_parser_overflow(p); }
%parse_failure { p->broken = true; }

/* In `[ x |` and `{ x |` the bar begins a comprehension's body; a minus goes on with the expression of the line before. */
%nonassoc OPERAND.
%nonassoc OR MINUS.

source ::= START_MODULE package statements.
source ::= START_STATEMENTS statements.
source ::= START_QUERY body(B).          { p->query = B; }
source ::= START_TERM tin(T).            { p->term = T; }

/* ---- modules ---- */
package ::= PACKAGE(K) ref(R).           { pol_build_package(p, K, R); }
statements ::= .
statements ::= statements statement.     { pol_parser_end_statement(p); }

statement ::= IMPORT(K) ref(R).                       { pol_build_import(p, K, R, NULL); }
statement ::= IMPORT(K) ref(R) AS name_token(A).      { pol_build_import(p, K, R, A); }
statement ::= rule.
%type name_token {const pol_token *}
name_token(A) ::= ID(T). { A = T; }

/* ---- rules ---- */
%type head {pol_rule *}
%type rule {pol_rule *}
rule ::= head(H).                                     { pol_build_rule(p, H); }
rule ::= head(H) IF literal(L).                       { pol_build_body(p, H, L); pol_build_rule(p, H); }
rule ::= head(H) IF literal(L) bodies(B).             { pol_build_body(p, H, L); pol_build_rule(p, H); pol_build_more_bodies(p, H, B); }
rule ::= head(H) IF literal(L) elses(E).              { pol_build_body(p, H, L); pol_build_elses(p, H, E); pol_build_rule(p, H); }
rule ::= head(H) braces.                              { pol_build_no_if(p, H); }
rule ::= head(H) braces bodies.                       { pol_build_no_if(p, H); }
rule ::= head(H) braces elses.                        { pol_build_no_if(p, H); }
rule ::= DEFAULT(K) default_head(H).                  { pol_build_default(p, K, H); }

head(A) ::= rule_ref(R).                              { A = pol_build_head(p, R); }
head(A) ::= function(R).                              { A = R; }
head(A) ::= rule_ref(R) binds tin(V).                 { A = pol_build_value(p, pol_build_head(p, R), V); }
head(A) ::= function(R) binds tin(V).                 { A = pol_build_value(p, R, V); }
head(A) ::= rule_ref(R) CONTAINS tin(V).              { A = pol_build_contains(p, pol_build_head(p, R), V, NULL); }
head(A) ::= function(R) CONTAINS(K) tin(V).           { A = pol_build_contains(p, R, V, K); }
%type default_head {pol_rule *}
default_head(A) ::= rule_ref(R).                      { A = pol_build_head(p, R); }
default_head(A) ::= function(R).                      { A = R; }
default_head(A) ::= rule_ref(R) binds tin(V).         { A = pol_build_value(p, pol_build_head(p, R), V); }
default_head(A) ::= function(R) binds tin(V).         { A = pol_build_value(p, R, V); }
default_head(A) ::= rule_ref(R) CONTAINS tin(V).      { A = pol_build_contains(p, pol_build_head(p, R), V, NULL); }
%type function {pol_rule *}
function(A) ::= rule_ref(R) CALL_OPEN list(L) RPAREN. { A = pol_build_function(p, R, L); }
function(A) ::= rule_ref(R) CALL_OPEN RPAREN.         { A = pol_build_function(p, R, NULL); }
binds ::= ASSIGN.
binds ::= UNIFY.

%type rule_ref {pol_term *}
rule_ref(A) ::= ID(T).                                { A = pol_build_var(p, T); }
rule_ref(A) ::= rule_ref(R) DOT ID(T).                { A = pol_build_dot(p, R, T); }
rule_ref(A) ::= rule_ref(R) REF_OPEN tin(I) RBRACKET. { A = pol_build_index(p, R, I); }

%type bodies {pol_build_list *}
bodies(A) ::= braces(B).                              { A = pol_build_bodies(p, NULL, B); }
bodies(A) ::= bodies(L) braces(B).                    { A = pol_build_bodies(p, L, B); }

%type elses {pol_rule *}
%type some_elses {pol_rule *}
elses(A) ::= some_elses(E).                           { A = E; }
elses(A) ::= else(E).                                 { A = pol_build_else(p, NULL, E, NULL); }
elses(A) ::= some_elses(L) else(E).                   { A = pol_build_else(p, L, E, NULL); }
some_elses(A) ::= else(E) IF literal(L).              { A = pol_build_else(p, NULL, E, L); }
some_elses(A) ::= some_elses(O) else(E) IF literal(L). { A = pol_build_else(p, O, E, L); }
some_elses(A) ::= else(E) braces(B).                  { A = pol_build_else_no_if(p, NULL, E, B); }
some_elses(A) ::= some_elses(O) else(E) braces(B).    { A = pol_build_else_no_if(p, O, E, B); }
%type else {pol_rule *}
else(A) ::= ELSE(K).                                  { A = pol_build_else_head(p, K, NULL); }
else(A) ::= ELSE(K) binds tin(V).                     { A = pol_build_else_head(p, K, V); }

/* ---- bodies ---- */
%type body {pol_body *}
body(A) ::= literal(L).                               { A = pol_build_first(p, L); }
body(A) ::= body(B) literal(L).                       { A = pol_build_next(p, B, L, NULL); }
body(A) ::= body(B) SEMICOLON(S) literal(L).          { A = pol_build_next(p, B, L, S); }

/* What is surely a body in braces. */
%type block {pol_expr *}
block(A) ::= LBRACE(K) complex(E) RBRACE.             { A = pol_build_braces(p, K, pol_build_first(p, E)); }
block(A) ::= LBRACE(K) body2(B) RBRACE.               { A = pol_build_braces(p, K, B); }
%type body2 {pol_body *}
body2(A) ::= literal(F) literal(L).                   { A = pol_build_next(p, pol_build_first(p, F), L, NULL); }
body2(A) ::= literal(F) SEMICOLON(S) literal(L).      { A = pol_build_next(p, pol_build_first(p, F), L, S); }
body2(A) ::= body2(B) literal(L).                     { A = pol_build_next(p, B, L, NULL); }
body2(A) ::= body2(B) SEMICOLON(S) literal(L).        { A = pol_build_next(p, B, L, S); }

/* Braces where only a body can be wanted. */
%type braces {pol_expr *}
braces(A) ::= block(B).                               { A = B; }
braces(A) ::= in_braces(T).                           { A = pol_build_block(p, T); }

%type literal {pol_expr *}
%type complex {pol_expr *}
literal(A) ::= tin(T).                                { A = pol_build_plain(p, T); }
literal(A) ::= complex(E).                            { A = E; }

complex(A) ::= disjunction(E).                        { A = E; }
complex(A) ::= disjunction(E) withs(W).               { A = pol_build_withs(p, E, W); }
complex(A) ::= tin(T) withs(W).                       { A = pol_build_withs(p, pol_build_plain(p, T), W); }
complex(A) ::= some(S).                               { A = pol_build_some(p, S, NULL); }
complex(A) ::= some(S) withs(W).                      { A = pol_build_some(p, S, W); }
complex(A) ::= every(E).                              { A = E; }
complex(A) ::= every(E) withs(W).                     { A = pol_build_withs(p, E, W); }

/* Left of `and` and `or` a term is one of the operands; alone it is no disjunction, but plain. */
%type disjunction {pol_expr *}
%type disjunction_left {pol_expr *}
%type disjunction_right {pol_expr *}
disjunction(A) ::= conjunction(E).                                        { A = E; }
disjunction(A) ::= disjunction_left(L) LOGIC_OR disjunction_right(R).     { A = pol_build_logic(p, POL_EXPR_OR, L, R); }
disjunction_left(A) ::= tin(T).                                           { A = pol_build_plain(p, T); }
disjunction_left(A) ::= disjunction(E).                                   { A = E; }
disjunction_right(A) ::= tin(T).                                          { A = pol_build_plain(p, T); }
disjunction_right(A) ::= conjunction(E).                                  { A = E; }
%type conjunction {pol_expr *}
%type conjunction_left {pol_expr *}
%type conjunction_right {pol_expr *}
conjunction(A) ::= operand(E).                                            { A = E; }
conjunction(A) ::= conjunction_left(L) LOGIC_AND conjunction_right(R).    { A = pol_build_logic(p, POL_EXPR_AND, L, R); }
conjunction_left(A) ::= tin(T).                                           { A = pol_build_plain(p, T); }
conjunction_left(A) ::= conjunction(E).                                   { A = E; }
conjunction_right(A) ::= tin(T).                                          { A = pol_build_plain(p, T); }
conjunction_right(A) ::= operand(E).                                      { A = E; }

%type operand {pol_expr *}
operand(A) ::= tin(L) ASSIGN tin(R).                  { A = pol_build_pair(p, POL_EXPR_ASSIGN, L, R); }
operand(A) ::= tin(L) UNIFY tin(R).                   { A = pol_build_pair(p, POL_EXPR_UNIFY, L, R); }
operand(A) ::= NOT(K) tin(T).                         { A = pol_build_not(p, K, pol_build_plain(p, T)); }
operand(A) ::= NOT(K) tin(L) ASSIGN tin(R).           { A = pol_build_not(p, K, pol_build_pair(p, POL_EXPR_ASSIGN, L, R)); }
operand(A) ::= NOT(K) tin(L) UNIFY tin(R).            { A = pol_build_not(p, K, pol_build_pair(p, POL_EXPR_UNIFY, L, R)); }
operand(A) ::= NOT(K) LPAREN(O) complex(E) RPAREN.       { A = pol_build_not(p, K, pol_build_parens(p, O, E)); }
operand(A) ::= NOT_BLOCK(K) LBRACE body(B) RBRACE.    { A = pol_build_not_body(p, K, B); }
operand(A) ::= NOT_BLOCK LBRACE RBRACE(C).            { A = pol_build_empty(p, C); }
operand(A) ::= LPAREN(K) complex(E) RPAREN.           { A = pol_build_parens(p, K, E); }
operand(A) ::= block(B).                              { A = B; }

%type some {pol_build_list *}
some(A) ::= SOME(K) elem(T).                          { A = pol_build_some_list(p, K, T); }
some(A) ::= some(L) COMMA elem(T).                    { A = pol_build_list_add(p, L, T); }
%type every {pol_expr *}
every(A) ::= EVERY(K) rel(V) IN rel(D) braces(B).                { A = pol_build_every(p, K, NULL, V, D, B); }
every(A) ::= EVERY(K) rel(X) COMMA rel(V) IN rel(D) braces(B).   { A = pol_build_every(p, K, X, V, D, B); }
%type withs {pol_expr *}
withs(A) ::= WITH(K) ref(T) AS tin(V).                { A = pol_build_with(p, NULL, K, T, V); }
withs(A) ::= withs(W) WITH(K) ref(T) AS tin(V).       { A = pol_build_with(p, W, K, T, V); }

/* ---- terms ---- */
/* `x in y`, and outside of lists `k, v in y`. */
%type tin {pol_term *}
tin(A) ::= elem(T).                                   { A = T; }
tin(A) ::= elem(K) COMMA(C) elem(V).                  { A = pol_build_key_in(p, K, C, V); }
%type elem {pol_term *}
elem(A) ::= rel(T).                                   { A = T; }
elem(A) ::= elem(L) IN rel(R).                        { A = pol_build_infix(p, "internal.member_2", L, R); }
%type rel {pol_term *}
rel(A) ::= union(T).                                  { A = T; }
rel(A) ::= rel(L) EQ union(R).                        { A = pol_build_infix(p, "equal", L, R); }
rel(A) ::= rel(L) NE union(R).                        { A = pol_build_infix(p, "neq", L, R); }
rel(A) ::= rel(L) LT union(R).                        { A = pol_build_infix(p, "lt", L, R); }
rel(A) ::= rel(L) LE union(R).                        { A = pol_build_infix(p, "lte", L, R); }
rel(A) ::= rel(L) GT union(R).                        { A = pol_build_infix(p, "gt", L, R); }
rel(A) ::= rel(L) GE union(R).                        { A = pol_build_infix(p, "gte", L, R); }
%type union {pol_term *}
union(A) ::= intersection(T).                         { A = T; }
union(A) ::= union(L) OR intersection(R).             { A = pol_build_infix(p, "or", L, R); }
%type intersection {pol_term *}
intersection(A) ::= sum(T). [OPERAND]                 { A = T; }
intersection(A) ::= intersection(L) AND sum(R). [OPERAND] { A = pol_build_infix(p, "and", L, R); }
%type sum {pol_term *}
sum(A) ::= product(T).                                { A = T; }
sum(A) ::= sum(L) PLUS product(R).                    { A = pol_build_infix(p, "plus", L, R); }
sum(A) ::= sum(L) MINUS product(R).                   { A = pol_build_infix(p, "minus", L, R); }
%type product {pol_term *}
product(A) ::= unary(T).                              { A = T; }
product(A) ::= product(L) STAR unary(R).              { A = pol_build_infix(p, "mul", L, R); }
product(A) ::= product(L) SLASH unary(R).             { A = pol_build_infix(p, "div", L, R); }
product(A) ::= product(L) PERCENT unary(R).           { A = pol_build_infix(p, "rem", L, R); }
%type unary {pol_term *}
unary(A) ::= ref(T). [OPERAND]                        { A = T; }
unary(A) ::= MINUS(K) unary(T).                       { A = pol_build_minus(p, K, T); }

%type ref {pol_term *}
ref(A) ::= atom(T).                                   { A = T; }
ref(A) ::= ref(R) DOT ID(T).                          { A = pol_build_dot(p, R, T); }
ref(A) ::= ref(R) REF_OPEN tin(I) RBRACKET.           { A = pol_build_index(p, R, I); }
ref(A) ::= ref(R) CALL_OPEN list(L) RPAREN.           { A = pol_build_call(p, R, L); }
ref(A) ::= ref(R) CALL_OPEN RPAREN.                   { A = pol_build_call(p, R, NULL); }

%type atom {pol_term *}
atom(A) ::= ID(T).                                    { A = pol_build_var(p, T); }
atom(A) ::= NUMBER(T).                                { A = pol_build_number(p, T); }
atom(A) ::= STRING(T).                                { A = pol_build_string(p, T); }
atom(A) ::= RAW_STRING(T).                            { A = pol_build_string(p, T); }
atom(A) ::= TRUE(T).                                  { A = pol_build_bool(p, T, true); }
atom(A) ::= FALSE(T).                                 { A = pol_build_bool(p, T, false); }
atom(A) ::= NULL(T).                                  { A = pol_build_null(p, T); }
atom(A) ::= LPAREN(K) tin(T) RPAREN.                  { A = pol_build_parenthesised(p, K, T); }
atom(A) ::= in_brackets(T).                           { A = T; }
atom(A) ::= in_braces(T).                             { A = T; }
atom(A) ::= TEMPLATE_OPEN(K) parts(L) TEMPLATE_CLOSE.     { A = pol_build_template(p, K, L); }
atom(A) ::= RAW_TEMPLATE_OPEN(K) parts(L) TEMPLATE_CLOSE. { A = pol_build_template(p, K, L); }

%type parts {pol_build_list *}
parts(A) ::= .                                        { A = pol_build_list_new(p); }
parts(A) ::= parts(L) TEMPLATE_TEXT(T).               { A = pol_build_list_add(p, L, pol_build_template_text(p, T)); }
parts(A) ::= parts(L) TEMPLATE_LBRACE literal(E) TEMPLATE_RBRACE. { A = pol_build_list_add(p, L, pol_build_embedded(p, E)); }

%type items {pol_build_list *}
items(A) ::= elem(T).                                 { A = pol_build_list_add(p, pol_build_list_new(p), T); }
items(A) ::= items(L) COMMA elem(T).                  { A = pol_build_list_add(p, L, T); }
%type list {pol_build_list *}
list(A) ::= items(L).                                 { A = L; }
list(A) ::= items(L) COMMA.                           { A = L; }

%type in_brackets {pol_term *}
in_brackets(A) ::= LBRACKET(K) RBRACKET.              { A = pol_build_array(p, K, NULL); }
in_brackets(A) ::= LBRACKET(K) list(L) RBRACKET.      { A = pol_build_array(p, K, L); }
in_brackets(A) ::= LBRACKET(K) COMMA list(L) RBRACKET. { A = pol_build_array(p, K, L); }
in_brackets(A) ::= LBRACKET(K) ref(H) OR body(B) RBRACKET. { A = pol_build_comprehension(p, POL_TERM_ARRAY_COMPREHENSION, K, NULL, H, B); }
in_brackets(A) ::= LBRACKET(K) MINUS(M) ref(H) OR body(B) RBRACKET.
    { A = pol_build_comprehension(p, POL_TERM_ARRAY_COMPREHENSION, K, NULL, pol_build_minus(p, M, H), B); }

%type in_braces {pol_term *}
in_braces(A) ::= LBRACE(K) RBRACE.                    { A = pol_build_object(p, K, NULL); }
in_braces(A) ::= LBRACE(K) elem(T) RBRACE.            { A = pol_build_set(p, K, pol_build_list_add(p, pol_build_list_new(p), T)); }
in_braces(A) ::= LBRACE(K) elem(T) COMMA RBRACE.      { A = pol_build_set(p, K, pol_build_list_add(p, pol_build_list_new(p), T)); }
in_braces(A) ::= LBRACE(K) items2(L) RBRACE.          { A = pol_build_set(p, K, L); }
in_braces(A) ::= LBRACE(K) items2(L) COMMA RBRACE.    { A = pol_build_set(p, K, L); }
in_braces(A) ::= LBRACE(K) COMMA list(L) RBRACE.      { A = pol_build_set(p, K, L); }
in_braces(A) ::= LBRACE(K) members(L) RBRACE.         { A = pol_build_object(p, K, L); }
in_braces(A) ::= LBRACE(K) members(L) COMMA RBRACE.   { A = pol_build_object(p, K, L); }
in_braces(A) ::= LBRACE(K) COMMA members(L) RBRACE.   { A = pol_build_object(p, K, L); }
in_braces(A) ::= LBRACE(K) COMMA members(L) COMMA RBRACE. { A = pol_build_object(p, K, L); }
in_braces(A) ::= LBRACE(K) ref(H) OR body(B) RBRACE. { A = pol_build_comprehension(p, POL_TERM_SET_COMPREHENSION, K, NULL, H, B); }
in_braces(A) ::= LBRACE(K) MINUS(M) ref(H) OR body(B) RBRACE.
    { A = pol_build_comprehension(p, POL_TERM_SET_COMPREHENSION, K, NULL, pol_build_minus(p, M, H), B); }
in_braces(A) ::= LBRACE(K) elem(X) COLON MINUS(M) ref(H) OR body(B) RBRACE.
    { A = pol_build_comprehension(p, POL_TERM_OBJECT_COMPREHENSION, K, X, pol_build_minus(p, M, H), B); }
in_braces(A) ::= LBRACE(K) elem(X) COLON ref(H) OR body(B) RBRACE.
    { A = pol_build_comprehension(p, POL_TERM_OBJECT_COMPREHENSION, K, X, H, B); }
%type items2 {pol_build_list *}
items2(A) ::= elem(F) COMMA elem(T).                  { A = pol_build_list_add(p, pol_build_list_add(p, pol_build_list_new(p), F), T); }
items2(A) ::= items2(L) COMMA elem(T).                { A = pol_build_list_add(p, L, T); }
%type members {pol_build_list *}
members(A) ::= elem(K) COLON elem(V).                 { A = pol_build_list_add(p, pol_build_list_add(p, pol_build_list_new(p), K), V); }
members(A) ::= members(L) COMMA elem(K) COLON elem(V). { A = pol_build_list_add(p, pol_build_list_add(p, L, K), V); }

/* ---- the eight statements ---- */
%type grant {pol_statement *}
statement ::= TIER(K) name(N).                        { pol_build_named(p, POL_STATEMENT_TIER, K, N); }
statement ::= ROLE(K) name(N).                        { pol_build_role(p, K, N, NULL); }
statement ::= ROLE(K) name(N) INHERITS names(L).      { pol_build_role(p, K, N, L); }
statement ::= ROLE(K) FROM ref(R).                    { pol_build_role_from(p, K, R); }
statement ::= ASSIGN_ROLE(K) names(N) IF literal(L).  { pol_build_assign(p, K, N, NULL, L); }
statement ::= ASSIGN_ROLE(K) names(N) FROM tin(T).    { pol_build_assign(p, K, N, T, NULL); }
statement ::= ASSIGN_ROLE(K) FROM tin(T).             { pol_build_assign(p, K, NULL, T, NULL); }
statement ::= SCOPE(K) strings(S) COVERS anys(A) ON anys(T).       { pol_build_scope(p, K, S, A, T); }
statement ::= ROUTE(K) names(M) STRING(S) IS name(A) ON name(T).   { pol_build_route(p, K, M, S, A, T); }
statement ::= SCHEMA(K) path(N) schema(T).            { pol_build_schema(p, K, N, NULL, T); }
statement ::= SCHEMA_RESOURCE(K) ID(R) name(N) schema(T). { pol_build_schema(p, K, pol_build_path(p, NULL, R), N, T); }
statement ::= grant(G) at(T) id(N) because(B) returning(R) if(I) unless(U). { pol_build_grant_end(p, G, T, N, B, R, I, U); }
grant(A) ::= grant_start(K) names(R) TO anys(X) ON anys(T).                 { A = pol_build_grant(p, K, R, X, T); }
%type at {pol_name *}
at(A) ::= .                                           { A = NULL; }
at(A) ::= AT name(N).                                 { A = N; }
%type id {pol_name *}
id(A) ::= .                                           { A = NULL; }
id(A) ::= AS STRING(S).                               { A = pol_build_name(p, S); }
%type because {pol_term *}
because(A) ::= .                                      { A = NULL; }
because(A) ::= BECAUSE tin(T).                        { A = T; }
%type returning {pol_term *}
returning(A) ::= .                                    { A = NULL; }
returning(A) ::= RETURNING tin(T).                    { A = T; }
%type if {pol_expr *}
if(A) ::= .                                           { A = NULL; }
if(A) ::= IF literal(L).                              { A = L; }
%type unless {pol_expr *}
unless(A) ::= .                                       { A = NULL; }
unless(A) ::= UNLESS literal(L).                      { A = L; }
grant_start(A) ::= PERMIT(K).                         { A = K; }
grant_start(A) ::= FORBID(K).                         { A = K; }
%type grant_start {const pol_token *}

%type name {pol_name *}
name(A) ::= ID(T).                                    { A = pol_build_name(p, T); }
name(A) ::= STRING(T).                                { A = pol_build_name(p, T); }
%type names {pol_names *}
names(A) ::= name(N).                                 { A = pol_build_names(p, NULL, N); }
names(A) ::= names(L) COMMA name(N).                  { A = pol_build_names(p, L, N); }
%type anys {pol_names *}
anys(A) ::= names(L).                                 { A = L; }
anys(A) ::= STAR(T).                                  { A = pol_build_names(p, NULL, pol_build_name(p, T)); }
%type strings {pol_names *}
strings(A) ::= STRING(T).                             { A = pol_build_names(p, NULL, pol_build_name(p, T)); }
strings(A) ::= strings(L) COMMA STRING(T).            { A = pol_build_names(p, L, pol_build_name(p, T)); }
%type path {pol_name *}
path(A) ::= ID(T).                                    { A = pol_build_path(p, NULL, T); }
path(A) ::= path(N) DOT ID(T).                        { A = pol_build_path(p, N, T); }

/* ---- types ---- */
%type schema {pol_type_node *}
%type type {pol_type_node *}
%type type_atom {pol_type_node *}
%type fields {pol_type_node *}
schema(A) ::= FROM STRING(S).                         { A = pol_build_type_file(p, S); }
schema(A) ::= type(T).                                { A = T; }
type(A) ::= type_atom(T).                             { A = T; }
type(A) ::= type(L) OR type_atom(R).                  { A = pol_build_type_union(p, L, R); }
type_atom(A) ::= ID(T).                               { A = pol_build_type_name(p, T); }
type_atom(A) ::= NULL(T).                             { A = pol_build_type_name(p, T); }
type_atom(A) ::= STRING(T).                           { A = pol_build_type_literal(p, T, pol_build_string(p, T)); }
type_atom(A) ::= NUMBER(T).                           { A = pol_build_type_literal(p, T, pol_build_number(p, T)); }
type_atom(A) ::= MINUS(K) NUMBER(T).                  { A = pol_build_type_literal(p, K, pol_build_minus(p, K, pol_build_number(p, T))); }
type_atom(A) ::= TRUE(T).                             { A = pol_build_type_literal(p, T, pol_build_bool(p, T, true)); }
type_atom(A) ::= FALSE(T).                            { A = pol_build_type_literal(p, T, pol_build_bool(p, T, false)); }
type_atom(A) ::= LPAREN type(T) RPAREN.               { A = T; }
type_atom(A) ::= LBRACKET(K) type(T) RBRACKET.        { A = pol_build_type_of(p, POL_TYPE_ARRAY, K, T, NULL); }
type_atom(A) ::= ID(K) CALL_OPEN type(T) RPAREN.      { A = pol_build_type_set(p, K, T); }
type_atom(A) ::= LBRACE(K) LBRACKET type(F) RBRACKET COLON type(T) RBRACE. { A = pol_build_type_of(p, POL_TYPE_MAP, K, F, T); }
type_atom(A) ::= LBRACE(K) RBRACE.                    { A = pol_build_type_object(p, K, NULL); }
type_atom(A) ::= LBRACE(K) fields(F) RBRACE.          { A = pol_build_type_object(p, K, F); }
type_atom(A) ::= LBRACE(K) fields(F) COMMA RBRACE.    { A = pol_build_type_object(p, K, F); }
fields(A) ::= field_name(N) optional(O) COLON type(T).                 { A = pol_build_type_field(p, NULL, N, O, T); }
fields(A) ::= fields(F) COMMA field_name(N) optional(O) COLON type(T). { A = pol_build_type_field(p, F, N, O, T); }
%type field_name {pol_name *}
field_name(A) ::= ID(T).                              { A = pol_build_field_name(p, T); }
field_name(A) ::= STRING(T).                          { A = pol_build_field_name(p, T); }
%type optional {const pol_token *}
optional(A) ::= .                                     { A = NULL; }
optional(A) ::= QUESTION(T).                          { A = T; }

%code {
size_t pol_rego_size(void)
{
    return sizeof(yyParser);
}

/* Would the token be taken now? Only as good as the tables: where one reduction fits all, every token is. */
bool pol_rego_takes(void *lemon, int kind)
{
    const yyParser *parser = lemon;
    YYACTIONTYPE state = parser->yytos->stateno, action = yy_find_shift_action((YYCODETYPE)kind, state);
    bool as_name = pol_regoFallback(kind) != 0 && action == yy_find_shift_action(TK_ID, state);
    return action != YY_ERROR_ACTION && !as_name;
}
}
