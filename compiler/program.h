/* SPDX-License-Identifier: Apache-2.0
 * The resolved program: all modules together, names bound to definitions, bodies in an order in which they can be evaluated from left to right.
 * Made by modules.c, resolve.c, safety.c, check.c (in this order); read by lower.c.
 *
 * After pol_program_check without errors:
 * - every VAR has its bound; VARs that meant an import or a rule of the package have become REFs from the VAR `data` or `input` (so `p.q` in package a is
 *   data.a.p.q). A VAR `input` or `data` alone stays a VAR with its bound. In .pol modules subject, action ... have become refs of input.
 * - every CALL has builtin or group. A built-in with POL_RELATION and `f(args, out)` calls (one argument more than the arity) stay calls with n_args = arity + 1.
 * - locals are numbered per rule (arguments too), each wildcard has its own number. Variables of different scopes (comprehension, every, not ...) with one
 *   name have different numbers unless the inner one means the outer one.
 * - bodies are ordered so that what an expression needs is bound before it. `some` declarations are dropped from bodies.
 * - print calls are erased unless options keep them.
 */
#pragma once

#include "compiler/diag.h"
#include "compiler/tree.h"

typedef enum {
    POL_GROUP_COMPLETE, /* p := v */
    POL_GROUP_SET,      /* p contains x (no variable in the head's ref) */
    POL_GROUP_OBJECT,   /* p[x] := v, p.q[x].r := v, p[x] contains y: at least one rule has a non-ground ref below path */
    POL_GROUP_FUNCTION,
} pol_group_kind;

/* All definitions that make one document (or function): path is the longest ground prefix below which some rule's ref is not ground; rules whose
 * refs go on below path of a POL_GROUP_OBJECT belong to it, ground or not. */
struct pol_group {
    pol_group_kind kind;
    const char *name;     /* "data.orders.allow"; a segment that is no name is in brackets: data.orders["a b"] */
    pol_bytes *path;      /* segments without "data" */
    uint32_t n_path;
    pol_rule **rules;     /* in order of files by name and place; defaults are not in it */
    pol_module **modules; /* of each rule */
    uint32_t n_rules, capacity;
    pol_rule *default_rule;
    uint32_t arity;       /* of a function */
    bool mocked;          /* some `with` replaces this function */
    bool hidden;          /* made by the compiler: no entry point */
    uint32_t index;       /* in pol_program.groups */
    void *plan;           /* for lower.c */
};

/* The documents below data that rules make: packages and groups, as a tree of segments. */
typedef struct pol_document pol_document;
struct pol_document {
    pol_bytes segment;
    pol_document **children; /* sorted by segment */
    uint32_t n_children, capacity;
    pol_group *group;        /* not NULL: this document is made by rules; then there are no children below, but functions may be */
    bool is_package;
    void *plan;              /* for lower.c */
};

typedef struct {
    pol_body *body;      /* resolved, ordered */
    uint32_t n_locals;
    pol_term **vars;     /* the query's own variables (bound LOCAL), wildcards and generated ones not among them; in order of first use */
    uint32_t n_vars;
    pol_term **values;   /* for pol eval: the written expressions, in the order written, as terms whose value is shown (NULL: `true`) */
    pol_expr **written;  /* the expressions in the order written */
    uint32_t n_written;
    bool iterates;       /* it has variables, wildcards among them */
    bool show_values;    /* for lower.c: what an expression gives is shown; of one that stands alone and does not iterate also false */
} pol_query;

typedef struct {
    bool strict;           /* OPA's strict mode */
    bool print_statements; /* keep calls of print */
} pol_check_options;

typedef struct {
    pol_arena *arena;
    pol_sources *sources;
    pol_diags *diags;
    pol_check_options options;
    pol_module **modules;
    uint32_t n_modules, modules_capacity;
    pol_value data;         /* base documents: an object */
    pol_value tiers;        /* {name: weight} beside the ones that are always there; undefined: none */
    /* made by pol_program_check */
    pol_group **groups;
    uint32_t n_groups, groups_capacity;
    pol_document *root;     /* data */
    pol_bytes **with_paths; /* ground paths below data or input that some `with` replaces: segments, first "data" or "input" */
    uint32_t *with_path_lengths;
    uint32_t n_with_paths, with_paths_capacity;
    pol_builtin const **mocked_builtins;
    uint32_t n_mocked_builtins, mocked_builtins_capacity;
    bool has_statements;    /* permits or forbids are there: data.polward exists */
    struct pol_statements *statements; /* statements.h */
    struct pol_checker *checker; /* check.c's own, for queries */
} pol_program;

/* Binds names, checks and orders all modules of program. False when there were errors; they are in diags. Modules with syntax
 * errors may be among them: what could be read is checked, and what is only unknown is not reported then. */
POL_MUST_USE bool pol_program_check(pol_program *program);
/* The same of one query in package (segments; n_package 0: none) with the imports given as "data.a.b" or "input.x" texts, against a checked program. Must be
 * called before lowering (it may add to with_paths and mocked_builtins). NULL on errors. */
pol_query *pol_program_query(pol_program *program, pol_body *body, const pol_bytes *package, uint32_t n_package,
                             const char *const *imports, uint32_t n_imports);
/* Finds the group whose path is the longest prefix of segments; *used is its length. NULL when none is; *document then is the deepest document
 * node on the way (or NULL) . */
pol_group *pol_program_find(const pol_program *program, const pol_bytes *segments, uint32_t n, uint32_t *used,
                            pol_document **document);
