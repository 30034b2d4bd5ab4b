/* SPDX-License-Identifier: Apache-2.0
 * The syntax tree: what the author wrote, nothing else, with spans. Lives in the compile arena; nothing is freed singly.
 * Fields under "resolved" are empty after parsing and filled by resolve.c; the printer and fmt never look at them.
 */
#pragma once

#include "compiler/source.h"
#include "runtime/builtin.h"

typedef struct pol_term pol_term;
typedef struct pol_expr pol_expr;
typedef struct pol_rule pol_rule;
typedef struct pol_group pol_group; /* program.h */

typedef struct {
    pol_expr **items;
    uint32_t n, capacity;
} pol_body;

enum { POL_TREE_HEIGHT_MAX = 1000 };

typedef enum {
    POL_TERM_NULL,
    POL_TERM_BOOL,     /* boolean */
    POL_TERM_NUMBER,   /* text, as written */
    POL_TERM_STRING,   /* text, decoded */
    POL_TERM_TEMPLATE, /* items: STRING terms and embedded expressions in order; an embedded one is a SET COMPREHENSION-free term or,
                        * with `with` modifiers, a term whose withs are in `body` (one expr) */
    POL_TERM_VAR,      /* text; "_" for a wildcard */
    POL_TERM_REF,      /* items[0]: head (VAR, or any term: call, array, ...), items[1..]: operands; .name is a STRING term */
    POL_TERM_CALL,     /* items[0]: operator (VAR or REF of VAR and STRINGs), items[1..]: arguments. Infix operators are calls of
                        * their built-in: plus minus mul div rem and or equal neq lt lte gt gte internal.member_2 internal.member_3,
                        * and eq, assign where = or := stands inside a term. Flag infix. */
    POL_TERM_ARRAY,    /* items */
    POL_TERM_SET,      /* items; none: set() */
    POL_TERM_OBJECT,   /* items: key, value, key, value ... */
    POL_TERM_ARRAY_COMPREHENSION,  /* items[0]: head; body */
    POL_TERM_SET_COMPREHENSION,    /* items[0]: head; body */
    POL_TERM_OBJECT_COMPREHENSION, /* items[0]: key, items[1]: value; body */
} pol_term_kind;

typedef enum {
    POL_BOUND_NOWHERE, /* not resolved */
    POL_BOUND_LOCAL,   /* local: a variable of the rule, or of a query */
    POL_BOUND_INPUT,   /* the input document */
    POL_BOUND_DATA,    /* the data document (base data and rules) */
} pol_bound;

struct pol_term {
    uint8_t kind; /* pol_term_kind */
    bool boolean;
    bool infix;   /* CALL: written with an operator; STRING operand of a REF: written with a dot */
    bool raw;     /* STRING, TEMPLATE: written with back quotes */
    bool parenthesised;
    uint16_t height; /* of the tree below, as parsed: at most POL_TREE_HEIGHT_MAX, so that all may walk it by recursion */
    uint8_t bound; /* pol_bound: resolved, of VAR */
    uint32_t local; /* resolved: number of the local variable, unique in the rule; the same number is the same variable */
    pol_span span;
    pol_bytes text;
    pol_term **items;
    uint32_t n;
    pol_body *body;
    const pol_builtin *builtin; /* resolved, of CALL */
    pol_group *group;           /* resolved, of CALL: user function */
};

typedef enum {
    POL_EXPR_TERM,    /* left: must be neither false nor undefined */
    POL_EXPR_ASSIGN,  /* left := right */
    POL_EXPR_UNIFY,   /* left = right */
    POL_EXPR_NOT,     /* body must not hold: `not expr` (one expression) or, with future.keywords.not, `not { ... }` (braces) */
    POL_EXPR_SOME,    /* terms: declared VARs */
    POL_EXPR_SOME_IN, /* key (may be NULL), left: value pattern, right: domain */
    POL_EXPR_EVERY,   /* key (may be NULL), left: value VAR, right: domain, body */
    POL_EXPR_AND,     /* body and other (future.keywords.and) */
    POL_EXPR_OR,      /* body or other */
} pol_expr_kind;

typedef struct {
    pol_term *target; /* REF or VAR */
    pol_term *value;
    pol_span span;
    /* resolved: what is replaced */
    pol_group *group;           /* a user function; NULL otherwise */
    const pol_builtin *builtin; /* a built-in function */
    /* ... and by which function, where value names one; else value is evaluated */
    pol_group *value_group;
    const pol_builtin *value_builtin;
} pol_with;

struct pol_expr {
    uint8_t kind; /* pol_expr_kind */
    bool braces;
    bool generated; /* made by the compiler, not written */
    uint16_t height; /* as of a term */
    pol_span span;
    pol_term *key, *left, *right;
    pol_term **terms;
    uint32_t n_terms;
    pol_body *body, *other;
    pol_with *withs;
    uint32_t n_withs;
};

/* ---- modules ---- */
typedef struct {
    pol_bytes text; /* without # and line end */
    pol_span span;
} pol_comment;

typedef struct {
    pol_span span;    /* of the comment block */
    pol_bytes yaml;   /* the text after # METADATA, comment marks removed */
    pol_value value;  /* parsed: an object; undefined when there is none */
} pol_metadata;

typedef struct {
    pol_term *path;  /* REF or VAR: data.x, input.x, rego.v1, future.keywords... */
    pol_bytes alias; /* n == 0: none */
    pol_span span, alias_span;
} pol_import;

struct pol_rule {
    bool is_default;
    bool is_else;     /* reached by other's next_else */
    bool contains;    /* partial set: head.key */
    bool has_args;    /* f() has none but is no function in Rego; kept as written */
    bool has_if, has_body, assigned; /* assigned: `:=` or `=` was written */
    pol_span span;    /* whole rule (of an else: from the word else) */
    pol_span head_span;
    pol_term *name;   /* VAR or REF: p, p.q[x].r */
    pol_term **args;
    uint32_t n_args;
    pol_term *key;    /* of contains */
    pol_term *value;  /* NULL: true */
    pol_body body;    /* empty: always holds */
    pol_rule *next_else;
    pol_rule *same_head; /* a further { ... } right after the body: another definition with the same head (its own pol_rule, listed in
                          * the module too); NULL usually */
    pol_metadata *metadata;
    uint32_t n_locals; /* resolved */
};

/* ---- the eight statements ---- */
typedef struct {
    pol_bytes text;
    pol_span span;
    bool quoted, star; /* star: `*` */
} pol_name;

typedef struct {
    pol_name *items;
    uint32_t n, capacity;
} pol_names;

typedef struct pol_type_node pol_type_node;
typedef struct {
    pol_bytes name;
    pol_span span;
    bool optional; /* name?: T */
    pol_type_node *type;
} pol_type_field;

typedef enum {
    POL_TYPE_NAME,    /* text: string number integer bool null any time cidr uri */
    POL_TYPE_LITERAL, /* literal: a STRING, NUMBER, BOOL or NULL term */
    POL_TYPE_ARRAY,   /* [of] */
    POL_TYPE_SET,     /* set(of) */
    POL_TYPE_OBJECT,  /* {fields} */
    POL_TYPE_MAP,     /* {[of]: to} */
    POL_TYPE_UNION,   /* parts */
} pol_type_kind;

struct pol_type_node {
    uint8_t kind;
    pol_span span;
    pol_bytes text;
    pol_term *literal;
    pol_type_node *of, *to;
    pol_type_field *fields;
    uint32_t n_fields;
    pol_type_node **parts;
    uint32_t n_parts;
};

typedef enum {
    POL_STATEMENT_TIER,
    POL_STATEMENT_SCHEMA,
    POL_STATEMENT_ROLE,
    POL_STATEMENT_ASSIGN,
    POL_STATEMENT_SCOPE,
    POL_STATEMENT_ROUTE,
    POL_STATEMENT_PERMIT,
    POL_STATEMENT_FORBID,
} pol_statement_kind;

typedef struct {
    uint8_t kind; /* pol_statement_kind */
    pol_span span;
    pol_names names;      /* tier: the tier; role: the role; assign: roles (none: any); permit, forbid: roles, `anyone`, `authenticated`;
                           * scope: the scope strings; route: the methods */
    pol_names parents;    /* role: inherits */
    pol_names actions;    /* scope, route, permit, forbid */
    pol_names types;      /* scope, route, permit, forbid */
    pol_name tier;        /* at; n == 0: none */
    pol_name id;          /* as */
    pol_term *from;       /* role from REF; assign from EXPR */
    pol_term *because, *returning;
    pol_body *if_body, *unless_body; /* assign: if_body */
    pol_bytes path;       /* schema: "token.claims", "resource order" is path "resource", resource_type below; route: the template, decoded */
    pol_span path_span;
    pol_name resource_type; /* schema resource NAME */
    pol_type_node *type;  /* schema TYPE; NULL with from_file */
    pol_bytes from_file;  /* schema ... from "file.json" */
    pol_metadata *metadata;
    /* made by statements.c: the hidden rules that hold the bodies; NULL where there is none */
    pol_rule *if_rule, *unless_rule, *because_rule, *returning_rule, *from_rule;
} pol_statement;

typedef struct {
    uint32_t source;
    pol_term *package; /* VAR or REF of VAR and STRINGs, without "data" */
    pol_span package_span; /* from the word package */
    pol_metadata *package_metadata;
    pol_import *imports;
    uint32_t n_imports, imports_capacity;
    pol_rule **rules; /* in source order; else branches are not in it */
    uint32_t n_rules, rules_capacity;
    pol_statement **statements;
    uint32_t n_statements, statements_capacity;
    pol_comment *comments; /* all, in source order */
    uint32_t n_comments, comments_capacity;
    pol_metadata **metadata; /* all blocks, in order */
    uint32_t n_metadata, metadata_capacity;
    bool keyword_and, keyword_or, keyword_not; /* future.keywords.and|or|not, rego.v2 were imported */
    bool failed; /* had syntax errors */
} pol_module;

/* ---- constructors (tree.c): nodes are zeroed in arena ---- */
pol_term *pol_term_new(pol_arena *arena, pol_term_kind kind, pol_span span);
pol_term *pol_term_text(pol_arena *arena, pol_term_kind kind, pol_span span, pol_bytes text);
pol_term *pol_term_list(pol_arena *arena, pol_term_kind kind, pol_span span, pol_term **items, uint32_t n);
/* A call of the built-in called name with n arguments. */
pol_term *pol_term_call(pol_arena *arena, pol_span span, const char *name, pol_term **args, uint32_t n);
pol_expr *pol_expr_new(pol_arena *arena, pol_expr_kind kind, pol_span span);
void pol_body_add(pol_arena *arena, pol_body *body, pol_expr *expr);
bool pol_is_infix(const pol_term *term, const char *name);
/* A deep copy, resolved fields included. */
pol_term *pol_term_copy(pol_arena *arena, const pol_term *term);

/* ---- parse.c in grammar/ : the one public function of the grammar (declared in grammar/parse.h) ---- */

/* ---- printing (tree_print.c): canonical text, which parses to the same tree ---- */
void pol_module_print(const pol_module *module, const pol_sources *sources, pol_buf *out);
void pol_term_print(const pol_term *term, pol_buf *out);
void pol_expr_print(const pol_expr *expr, pol_buf *out);
void pol_rule_print(const pol_rule *rule, pol_buf *out);
void pol_statement_print(const pol_statement *statement, pol_buf *out);
void pol_type_node_print(const pol_type_node *type, pol_buf *out);
/* --emit=tree: the tree as indented text with node kinds and spans, for tests of the parser. */
void pol_module_dump(const pol_module *module, const pol_sources *sources, pol_buf *out);
