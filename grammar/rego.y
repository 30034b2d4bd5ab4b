/* SPDX-License-Identifier: Apache-2.0
 * The grammar of Rego v1 and of the eight statements (lemon). Every action is one call of build.c. What one token of look-ahead cannot tell, tokens.c has settled:
 * BODY is a `{` that opens a body, GROUP one that opens an operand of `and` and `or`, BAR the `|` of a comprehension, INDEX and CALL are brackets that touch what stands before them, SEPARATOR is a line end that parts expressions.
 */
%name PolParse
%token_prefix TK_
%token_type {token}
%extra_context {builder *b}
%stack_size 0
%include {
#include "grammar/build.h"
#include "grammar/rego.h"

#include <assert.h>
#include <stdlib.h>
}
%syntax_error { build_syntax_error(b, yypParser, TOKEN); }
%parse_failure { b->failed = true; }
%stack_overflow { build_overflow(b); }

/* Token numbers in an order that tokens.c relies on: operators from ASSIGN to PIPE. */
%token NAME FIELD NUMBER STRING.
%token AS CONTAINS DEFAULT ELSE EVERY FALSE IF IMPORT IN NOT NULL PACKAGE SOME TRUE WITH AND OR.
%token ASSIGN UNIFY EQUAL UNEQUAL LESS LESS_EQUAL GREATER GREATER_EQUAL PLUS MINUS STAR SLASH PERCENT AMPERSAND PIPE.
%token BAR LPAREN CALL RPAREN LBRACKET INDEX RBRACKET LBRACE BODY GROUP RBRACE COMMA COLON SEMICOLON SEPARATOR DOT QUESTION.
%token TEMPLATE TEMPLATE_TEXT TEMPLATE_OPEN TEMPLATE_CLOSE TEMPLATE_END BAD.
%token PERMIT FORBID ROLE ASSIGN_ROLES SCOPE ROUTE SCHEMA TIER.
%token TO ON AT BECAUSE RETURNING UNLESS INHERITS FROM COVERS IS.
%token START_MODULE START_REST START_QUERY START_TERM.
%fallback NAME TO ON AT BECAUSE RETURNING UNLESS INHERITS FROM COVERS IS.

%type term {pol_term *}
%type relation {pol_term *}
%type union {pol_term *}
%type intersection {pol_term *}
%type sum {pol_term *}
%type product {pol_term *}
%type unary {pol_term *}
%type postfix {pol_term *}
%type primary {pol_term *}
%type collection {pol_term *}
%type template {pol_term *}
%type pieces {pol_term *}
%type package_path {pol_term *}
%type items {term_list}
%type list {term_list}
%type members {term_list}
%type member_list {term_list}
%type body {pol_body *}
%type braced {pol_body *}
%type rule_body {pol_body *}
%type clause_body {pol_body *}
%type literal {pol_expr *}
%type conjunction {pol_expr *}
%type operand {pol_expr *}
%type modified {pol_expr *}
%type plain {pol_expr *}
%type group {pol_expr *}
%type rule {pol_rule *}
%type head {pol_rule *}
%type elses {pol_rule *}
%type value {pol_term *}
%type key {pol_term *}
%type names {pol_names}
%type actions {pol_names}
%type name {pol_name}
%type grant {pol_statement *}
%type statement {pol_statement *}
%type type {pol_type_node *}
%type type_part {pol_type_node *}
%type fields {pol_type_node *}
%type field_list {pol_type_node *}
%type dotted {token}

start ::= START_MODULE package rest.
start ::= START_REST rest.
start ::= START_QUERY body(B). { b->query = B; }
start ::= START_TERM term(T). { b->term = T; }

package ::= PACKAGE(P) package_path(T). { build_package(b, P, T); }
package_path(A) ::= NAME(N). { A = build_name(b, N); }
package_path(A) ::= package_path(X) DOT FIELD(N). { A = build_field(b, X, N); }
package_path(A) ::= package_path(X) INDEX STRING(S) RBRACKET(E). { A = build_index(b, X, build_string(b, S), E); }

rest ::= .
rest ::= rest item.
item ::= import.
item ::= rule(R). { build_add_rule(b, R); }
item ::= statement(S). { build_add_statement(b, S); }

import ::= IMPORT(I) package_path(P). { build_import(b, I, P, NULL); }
import ::= IMPORT(I) package_path(P) AS NAME(N). { build_import(b, I, P, &N); }

/* ---- rules ---- */
rule(A) ::= head(H). { A = build_rule_without_body(b, H); }
rule(A) ::= head(H) elses(E). { A = build_rule(b, H, NULL, NULL, E); }
rule(A) ::= head(H) IF(I) rule_body(B) more(M) elses(E). { A = build_rule(b, H, &I, B, E); (void)M; }
rule(A) ::= head(H) IF(I) rule_body(B) more(M). { A = build_rule(b, H, &I, B, NULL); (void)M; }
rule(A) ::= DEFAULT(D) head(H). { A = build_default(b, D, H); }

/* A further body right behind the first one is another definition with the same head. */
%type more {int}
more(A) ::= . { A = 0; }
more(A) ::= more(N) braced(B). { A = N + 1; build_further_body(b, B); }

head(A) ::= ref(N) key(K) value(V). { A = build_head(b, N, K, V); }
%type ref {pol_term *}
ref(A) ::= NAME(N). { A = build_name(b, N); }
ref(A) ::= ref(T) DOT FIELD(N). { A = build_field(b, T, N); }
ref(A) ::= ref(T) INDEX term(I) RBRACKET(E). { A = build_index(b, T, I, E); }
ref(A) ::= ref(T) CALL items(L) RPAREN(E). { A = build_call(b, T, L, E); }
key(A) ::= . { A = NULL; }
key(A) ::= CONTAINS term(T). { A = T; }
value(A) ::= . { A = NULL; }
value(A) ::= ASSIGN term(T). { A = T; }
value(A) ::= UNIFY term(T). { A = T; }

elses(A) ::= ELSE(E) value(V) IF rule_body(B). { A = build_else(b, E, V, B, NULL); }
elses(A) ::= ELSE(E) value(V) IF rule_body(B) elses(N). { A = build_else(b, E, V, B, N); }
elses(A) ::= ELSE(E) ASSIGN term(T). { A = build_else(b, E, T, NULL, NULL); }
elses(A) ::= ELSE(E) UNIFY term(T). { A = build_else(b, E, T, NULL, NULL); }
elses(A) ::= ELSE(E) ASSIGN term(T) elses(N). { A = build_else(b, E, T, NULL, N); }
elses(A) ::= ELSE(E) UNIFY term(T) elses(N). { A = build_else(b, E, T, NULL, N); }
elses(A) ::= ELSE(E) value(V) braced(B). { A = build_else_without_if(b, E, V, B); }

rule_body(A) ::= braced(B). { A = B; }
rule_body(A) ::= literal(E). { A = build_body(b, NULL, E); }
braced(A) ::= BODY body(B) RBRACE. { A = B; }
body(A) ::= literal(E). { A = build_body(b, NULL, E); }
body(A) ::= body(B) SEMICOLON literal(E). { A = build_body(b, B, E); }
body(A) ::= body(B) SEPARATOR literal(E). { A = build_body(b, B, E); }

/* ---- expressions ---- */
literal(A) ::= conjunction(X). { A = X; }
literal(A) ::= literal(X) OR conjunction(Y). { A = build_logic(b, POL_EXPR_OR, X, Y); }
conjunction(A) ::= operand(X). { A = X; }
conjunction(A) ::= conjunction(X) AND operand(Y). { A = build_logic(b, POL_EXPR_AND, X, Y); }
operand(A) ::= modified(E). { A = E; }
operand(A) ::= NOT(N) modified(E). { A = build_not(b, N, E); }
operand(A) ::= NOT(N) braced(B). { A = build_not_body(b, N, B); }
operand(A) ::= GROUP body(B) RBRACE. { A = build_braced(b, B); }
modified(A) ::= plain(E). { A = E; }
modified(A) ::= modified(E) WITH(W) postfix(T) AS sum_or_more(V). { A = build_with(b, E, W, T, V); }
%type sum_or_more {pol_term *}
sum_or_more(A) ::= relation(T). { A = T; }

plain(A) ::= term(T). { A = build_expr(b, T); }
plain(A) ::= group(E). { A = E; }
plain(A) ::= term(L) ASSIGN(O) term(R). { A = build_binding(b, POL_EXPR_ASSIGN, L, O, R); }
plain(A) ::= term(L) UNIFY(O) term(R). { A = build_binding(b, POL_EXPR_UNIFY, L, O, R); }
plain(A) ::= term(K) COMMA term(T). { A = build_member_expr(b, K, T); }
plain(A) ::= SOME(S) list(L). { A = build_some(b, S, L); }
plain(A) ::= EVERY(E) list(L) braced(B). { A = build_every(b, E, L, B); }
/* Parentheses around what is joined by `and` or `or`. */
group(A) ::= LPAREN literal_in_group(E) RPAREN. { A = E; }
%type literal_in_group {pol_expr *}
literal_in_group(A) ::= literal(X) OR conjunction(Y). { A = build_logic(b, POL_EXPR_OR, X, Y); }
literal_in_group(A) ::= conjunction(X) AND operand(Y). { A = build_logic(b, POL_EXPR_AND, X, Y); }

/* ---- terms ---- */
term(A) ::= relation(T). { A = T; }
term(A) ::= term(L) IN(O) relation(R). { A = build_infix(b, "internal.member_2", L, O, R); }
relation(A) ::= union(T). { A = T; }
relation(A) ::= relation(L) EQUAL(O) union(R). { A = build_infix(b, "equal", L, O, R); }
relation(A) ::= relation(L) UNEQUAL(O) union(R). { A = build_infix(b, "neq", L, O, R); }
relation(A) ::= relation(L) LESS(O) union(R). { A = build_infix(b, "lt", L, O, R); }
relation(A) ::= relation(L) LESS_EQUAL(O) union(R). { A = build_infix(b, "lte", L, O, R); }
relation(A) ::= relation(L) GREATER(O) union(R). { A = build_infix(b, "gt", L, O, R); }
relation(A) ::= relation(L) GREATER_EQUAL(O) union(R). { A = build_infix(b, "gte", L, O, R); }
union(A) ::= intersection(T). { A = T; }
union(A) ::= union(L) PIPE(O) intersection(R). { A = build_infix(b, "or", L, O, R); }
intersection(A) ::= sum(T). { A = T; }
intersection(A) ::= intersection(L) AMPERSAND(O) sum(R). { A = build_infix(b, "and", L, O, R); }
sum(A) ::= product(T). { A = T; }
sum(A) ::= sum(L) PLUS(O) product(R). { A = build_infix(b, "plus", L, O, R); }
sum(A) ::= sum(L) MINUS(O) product(R). { A = build_infix(b, "minus", L, O, R); }
product(A) ::= unary(T). { A = T; }
product(A) ::= product(L) STAR(O) unary(R). { A = build_infix(b, "mul", L, O, R); }
product(A) ::= product(L) SLASH(O) unary(R). { A = build_infix(b, "div", L, O, R); }
product(A) ::= product(L) PERCENT(O) unary(R). { A = build_infix(b, "rem", L, O, R); }
unary(A) ::= postfix(T). { A = T; }
unary(A) ::= MINUS(M) unary(T). { A = build_negative(b, M, T); }
postfix(A) ::= primary(T). { A = T; }
postfix(A) ::= postfix(T) DOT FIELD(N). { A = build_field(b, T, N); }
postfix(A) ::= postfix(T) INDEX term(I) RBRACKET(E). { A = build_index(b, T, I, E); }
postfix(A) ::= postfix(T) CALL items(L) RPAREN(E). { A = build_call(b, T, L, E); }

primary(A) ::= NAME(N). { A = build_name(b, N); }
primary(A) ::= NUMBER(N). { A = build_number(b, N); }
primary(A) ::= STRING(S). { A = build_string(b, S); }
primary(A) ::= TRUE(T). { A = build_bool(b, T, true); }
primary(A) ::= FALSE(T). { A = build_bool(b, T, false); }
primary(A) ::= NULL(T). { A = build_null(b, T); }
primary(A) ::= template(T). { A = T; }
primary(A) ::= collection(T). { A = T; }
primary(A) ::= LPAREN(P) term(T) RPAREN(E). { A = build_parens(b, P, T, E); }
primary(A) ::= LPAREN(P) term(K) COMMA term(T) RPAREN(E). { A = build_parens(b, P, build_member_term(b, K, T), E); }
primary(A) ::= LPAREN(P) term(L) UNIFY(O) term(R) RPAREN(E). { A = build_parens(b, P, build_infix(b, "eq", L, O, R), E); }
primary(A) ::= LPAREN(P) term(L) ASSIGN(O) term(R) RPAREN(E). { A = build_parens(b, P, build_infix(b, "assign", L, O, R), E); }

collection(A) ::= LBRACKET(P) items(L) RBRACKET(E). { A = build_list(b, POL_TERM_ARRAY, P, L, E); }
collection(A) ::= LBRACKET(P) term(T) BAR body(B) RBRACKET(E). { A = build_comprehension(b, POL_TERM_ARRAY_COMPREHENSION, P, T, NULL, B, E); }
collection(A) ::= LBRACE(P) list(L) RBRACE(E). { A = build_list(b, POL_TERM_SET, P, L, E); }
collection(A) ::= LBRACE(P) list(L) COMMA RBRACE(E). { A = build_list(b, POL_TERM_SET, P, L, E); }
collection(A) ::= LBRACE(P) COMMA list(L) RBRACE(E). { A = build_list(b, POL_TERM_SET, P, L, E); }
collection(A) ::= LBRACE(P) term(T) BAR body(B) RBRACE(E). { A = build_comprehension(b, POL_TERM_SET_COMPREHENSION, P, T, NULL, B, E); }
collection(A) ::= LBRACE(P) members(L) RBRACE(E). { A = build_list(b, POL_TERM_OBJECT, P, L, E); }
collection(A) ::= LBRACE(P) term(K) COLON term(T) BAR body(B) RBRACE(E). { A = build_comprehension(b, POL_TERM_OBJECT_COMPREHENSION, P, K, T, B, E); }

items(A) ::= . { A = (term_list){0}; }
items(A) ::= list(L). { A = L; }
items(A) ::= list(L) COMMA. { A = L; }
items(A) ::= COMMA list(L). { A = L; }
list(A) ::= term(T). { A = build_one(b, T); }
list(A) ::= list(L) COMMA term(T). { A = build_more(b, L, T); }
members(A) ::= . { A = (term_list){0}; }
members(A) ::= member_list(L). { A = L; }
members(A) ::= member_list(L) COMMA. { A = L; }
members(A) ::= COMMA member_list(L). { A = L; }
member_list(A) ::= term(K) COLON term(T). { A = build_more(b, build_one(b, K), T); }
member_list(A) ::= member_list(L) COMMA term(K) COLON term(T). { A = build_more(b, build_more(b, L, K), T); }

template(A) ::= TEMPLATE(T) pieces(P) TEMPLATE_END(E). { A = build_template(b, T, P, E); }
pieces(A) ::= TEMPLATE_TEXT(T). { A = build_template_text(b, NULL, T); }
pieces(A) ::= pieces(P) TEMPLATE_OPEN(O) modified(E) TEMPLATE_CLOSE TEMPLATE_TEXT(T). { A = build_template_text(b, build_template_expr(b, P, O, E), T); }

/* ---- the eight statements ---- */
statement(A) ::= TIER(S) name(N). { A = build_tier(b, S, N); }
statement(A) ::= ROLE(S) name(N). { A = build_role(b, S, N, (pol_names){0}); }
statement(A) ::= ROLE(S) name(N) INHERITS names(P). { A = build_role(b, S, N, P); }
statement(A) ::= ROLE(S) FROM postfix(T). { A = build_role_from(b, S, T); }
statement(A) ::= ASSIGN_ROLES(S) names(N) IF clause_body(B). { A = build_assign_if(b, S, N, B); }
statement(A) ::= ASSIGN_ROLES(S) names(N) FROM term(T). { A = build_assign_from(b, S, N, T); }
statement(A) ::= ASSIGN_ROLES(S) FROM term(T). { A = build_assign_from(b, S, (pol_names){0}, T); }
statement(A) ::= SCOPE(S) names(N) COVERS actions(X) ON actions(Y). { A = build_scope(b, S, N, X, Y); }
statement(A) ::= ROUTE(S) names(M) STRING(T) IS name(X) ON name(Y). { A = build_route(b, S, M, T, X, Y); }
statement(A) ::= SCHEMA(S) dotted(P) type(T). { A = build_schema(b, S, P, NULL, T, NULL); }
statement(A) ::= SCHEMA(S) dotted(P) NAME(N) object_type(T). { A = build_schema(b, S, P, &N, T, NULL); }
statement(A) ::= SCHEMA(S) dotted(P) STRING(N) object_type(T). { A = build_schema(b, S, P, &N, T, NULL); }
statement(A) ::= SCHEMA(S) dotted(P) FROM STRING(F). { A = build_schema(b, S, P, NULL, NULL, &F); }
statement(A) ::= SCHEMA(S) dotted(P) NAME(N) FROM STRING(F). { A = build_schema(b, S, P, &N, NULL, &F); }
statement(A) ::= grant(G) if_clause unless_clause. { A = build_grant(b, G); }
grant(A) ::= grant_word names(N) TO actions(X) ON actions(Y) at as because returning. { A = build_grant_head(b, N, X, Y); }
grant_word ::= PERMIT(S). { build_grant_begin(b, S, false); }
grant_word ::= FORBID(S). { build_grant_begin(b, S, true); }
at ::= .
at ::= AT name(N). { b->grant->tier = N; }
as ::= .
as ::= AS STRING(S). { build_grant_id(b, S); }
because ::= .
because ::= BECAUSE term(T). { b->grant->because = T; }
returning ::= .
returning ::= RETURNING term(T). { b->grant->returning = T; }
if_clause ::= .
if_clause ::= IF clause_body(B). { b->grant->if_body = B; }
unless_clause ::= .
unless_clause ::= UNLESS clause_body(B). { b->grant->unless_body = B; }
clause_body(A) ::= braced(B). { A = B; }
clause_body(A) ::= literal(E). { A = build_clause(b, E); }

name(A) ::= NAME(N). { A = build_statement_name(b, N); }
name(A) ::= STRING(N). { A = build_statement_name(b, N); }
names(A) ::= name(N). { A = build_names(b, (pol_names){0}, N); }
names(A) ::= names(L) COMMA name(N). { A = build_names(b, L, N); }
actions(A) ::= STAR(S). { A = build_names(b, (pol_names){0}, build_statement_name(b, S)); }
actions(A) ::= names(L). { A = L; }

dotted(A) ::= NAME(N). { A = N; }
dotted(A) ::= dotted(D) DOT FIELD(N). { A = D; A.end = N.end; }

type(A) ::= type_part(T). { A = T; }
type(A) ::= type(L) PIPE type_part(R). { A = build_union(b, L, R); }
type(A) ::= type(L) BAR type_part(R). { A = build_union(b, L, R); }
type_part(A) ::= NAME(N). { A = build_type_name(b, N); }
type_part(A) ::= NULL(N). { A = build_type_name(b, N); }
type_part(A) ::= STRING(S). { A = build_type_literal(b, build_string(b, S)); }
type_part(A) ::= NUMBER(N). { A = build_type_literal(b, build_number(b, N)); }
type_part(A) ::= TRUE(T). { A = build_type_literal(b, build_bool(b, T, true)); }
type_part(A) ::= FALSE(T). { A = build_type_literal(b, build_bool(b, T, false)); }
type_part(A) ::= LBRACKET(P) type(T) RBRACKET(E). { A = build_type_of(b, POL_TYPE_ARRAY, P, T, NULL, E); }
type_part(A) ::= NAME(N) CALL type(T) RPAREN(E). { A = build_type_set(b, N, T, E); }
type_part(A) ::= object_type(T). { A = T; }
%type object_type {pol_type_node *}
object_type(A) ::= LBRACE(P) fields(F) RBRACE(E). { A = build_type_object(b, P, F, E); }
object_type(A) ::= LBRACE(P) LBRACKET type(K) RBRACKET COLON type(T) RBRACE(E). { A = build_type_of(b, POL_TYPE_MAP, P, K, T, E); }
fields(A) ::= . { A = NULL; }
fields(A) ::= field_list(F). { A = F; }
fields(A) ::= field_list(F) COMMA. { A = F; }
field_list(A) ::= field_name(N) COLON type(T). { A = build_type_field(b, NULL, N, false, T); }
field_list(A) ::= field_name(N) QUESTION COLON type(T). { A = build_type_field(b, NULL, N, true, T); }
field_list(A) ::= field_list(F) COMMA field_name(N) COLON type(T). { A = build_type_field(b, F, N, false, T); }
field_list(A) ::= field_list(F) COMMA field_name(N) QUESTION COLON type(T). { A = build_type_field(b, F, N, true, T); }
%type field_name {token}
field_name(A) ::= NAME(N). { A = N; }
field_name(A) ::= STRING(N). { A = N; }

%code {
/* Would the parser take kind next? Its stack is only looked at: reductions are followed on a copy of the states. */
static bool accepts(const yyParser *p, int kind)
{
    YYACTIONTYPE states[256];
    size_t n = 0;
    for (const yyStackEntry *e = p->yystack; e <= p->yytos; e++) {
        if (n == sizeof states / sizeof *states)
            return false;
        states[n++] = e->stateno;
    }
    for (;;) {
        YYACTIONTYPE act = states[n - 1];
        if (act <= YY_MAX_SHIFT)
            act = yy_find_shift_action((YYCODETYPE)kind, act);
        if (act == YY_ERROR_ACTION || act == YY_NO_ACTION)
            return false;
        if (act == YY_ACCEPT_ACTION || act <= YY_MAX_SHIFTREDUCE)
            return true;
        unsigned rule = act - YY_MIN_REDUCE;
        size_t drop = (size_t)-yyRuleInfoNRhs[rule];
        if (drop >= n || n - drop == sizeof states / sizeof *states)
            return false;
        n -= drop;
        states[n] = yy_find_reduce_action(states[n - 1], yyRuleInfoLhs[rule]);
        n++;
    }
}

bool parser_accepts(void *parser, int kind)
{
    return accepts(parser, kind);
}
}
