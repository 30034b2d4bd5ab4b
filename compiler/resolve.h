/* SPDX-License-Identifier: Apache-2.0
 * The files that resolve names, among themselves: scopes.c (declarations), names.c (variables,
 * refs, calls), resolve.c (terms, expressions, rules).
 */
#pragma once

#include "compiler/check.h"

enum { UNSET = UINT32_MAX };

typedef enum { SEEN, ASSIGNED, DECLARED, ARGUMENT } name_occurrence;

typedef struct {
    uint32_t local; /* UNSET: not declared, only seen */
    uint8_t occurrence;
    uint32_t uses;
    pol_span span; /* of the expression that declares it */
} name_entry;

typedef struct name_scope name_scope;
struct name_scope {
    name_scope *outer;
    pol_namemap names;
    name_entry *entries;
    uint32_t n, capacity;
    pol_namemap ahead; /* declared somewhere in the body */
};

typedef struct {
    pol_checker *c;
    pol_module_info *m;
    const pol_rule_info *info; /* NULL: a query */
    pol_locals *locals;
    name_scope *scope; /* innermost */
    bool failed;
    uint32_t declaration_errors;
    pol_term **templates; /* that stand in the arguments: variable, template, variable ... */
    uint32_t n_templates, templates_capacity;
} resolver;

#define FAIL(r, ...)                                                                               \
    do {                                                                                           \
        pol_diag((r)->c->diags, __VA_ARGS__);                                                      \
        (r)->failed = true;                                                                        \
    } while (0)

/* ---- scopes.c ---- */
name_entry *scope_entry(const name_scope *s, pol_bytes name); /* of this scope alone; or NULL */
name_entry *scope_find(const name_scope *s, pol_bytes name);  /* of this or the nearest around it */
bool scope_is_ahead(const name_scope *s, pol_bytes name);
name_entry *scope_add(resolver *r, pol_bytes name, name_entry e);
void scope_push(resolver *r, name_scope *s);
bool scope_add_ahead(pol_walk *w, pol_term *t); /* for pol_walk: every VAR is declared ahead */
/* x = y and x := y written as calls, or in parentheses. */
void scope_normalise(pol_expr *e);
/* Notes what body declares. */
void scope_look_ahead(resolver *r, pol_body *body);
/* Declares the VAR t in the innermost scope; where is what an error points at. */
void scope_declare(resolver *r, pol_term *t, name_occurrence how, pol_span where);
/* Reports what s declares and nobody uses. */
void scope_check_unused(resolver *r, name_scope *s);
bool resolve_is_wildcard(pol_bytes name);
bool resolve_is_request(const resolver *r, pol_bytes name);
void resolve_refuse_request(resolver *r, pol_term *t);
void resolve_as_local(pol_term *t, uint32_t local);
void resolve_wildcard(resolver *r, pol_term *t);

/* ---- names.c ---- */
typedef enum { NAME_LOCAL, NAME_GLOBAL, NAME_ROOT } name_meaning;
name_meaning resolve_meaning(resolver *r, pol_bytes name, pol_global **global);
const pol_term *resolve_operator_head(const pol_term *name);
void resolve_root(pol_term *t);
void resolve_var(resolver *r, pol_term *t);
void resolve_ref(resolver *r, pol_term *t);
/* statement: the call is an expression, and may have an argument more, for its result. */
void resolve_call(resolver *r, pol_term *call, bool statement);

/* ---- resolve.c ---- */
void resolve_term(resolver *r, pol_term *t);
