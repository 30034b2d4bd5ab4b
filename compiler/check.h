/* SPDX-License-Identifier: Apache-2.0
 * What the stages of pol_program_check share: modules.c, conflicts.c, resolve.c, locals.c, withs.c,
 * safety.c, recursion.c, infer.c, check.c. Nobody else includes it.
 *
 * A stage reports what it finds and carries on; a rule in which a stage found an error is left out
 * by the later ones, which would only report what follows from it.
 */
#pragma once

#include "compiler/namemap.h"
#include "compiler/program.h"
#include "compiler/types.h"

/* Names are looked for to suggest while there are no more diagnostics than these: it takes long. */
enum { SUGGESTIONS_MAX = 100 };

typedef struct pol_rule_info pol_rule_info;
typedef struct pol_rule_node pol_rule_node;

/* ---- local variables of a rule, by number ---- */
typedef struct {
    pol_bytes name;
    pol_span span; /* of its first use */
    bool wildcard;
    bool generated;
    bool assigned; /* by := */
    bool argument;
    const pol_term *constant; /* the scalar that := gives it, or NULL */
    const pol_type *type;     /* infer.c */
} pol_local;

typedef struct {
    pol_local *items;
    uint32_t n, capacity;
} pol_locals;

/* ---- definitions ---- */

/* A rule or an else branch of one. */
struct pol_rule_info {
    pol_rule *rule;
    pol_rule_info *next_else; /* branches share locals and arguments */
    struct pol_module_info *module;
    pol_locals *locals;
    pol_rule_node *node;
    pol_group *group;
    uint32_t sequence; /* place among all rules of the program */
    bool failed;
    uint32_t vertex; /* recursion.c */
};

/* Rules by their refs: below each node one for each constant segment; rules with a variable in
 * their ref are at the node of the segment before it. */
struct pol_rule_node {
    pol_bytes segment; /* text of the constant */
    bool named;        /* it is a string */
    pol_namemap names, numbers,
        words; /* children by segment: strings, numbers, null and booleans */
    pol_rule_node **children;
    uint32_t n_children, capacity;
    pol_rule_info **rules;
    uint32_t n_rules, rules_capacity;
    pol_rule_node *parent;
    struct pol_module_info **modules; /* whose package this is */
    uint32_t n_modules, modules_capacity;
    uint32_t vertex;      /* recursion.c */
    const pol_type *type; /* infer.c: of the rules at this node (of a function: its result); NULL:
                             not known yet */
    const pol_type **argument_types; /* of a function */
    bool open;                       /* nothing is known of its type, for a rule of it has errors */
};

typedef struct {
    pol_bytes name;
    pol_term *path;     /* what the name stands for: REF of VAR data or input and STRINGs, or VAR */
    pol_import *import; /* NULL: a rule of the package */
    bool request;       /* subject, action ... of a .pol module */
    bool used;
} pol_global;

typedef struct {
    pol_bytes path;      /* all segments, joined; the key */
    pol_namemap exports; /* first names of its rules */
} pol_package_info;

typedef struct pol_module_info {
    pol_module *module;
    pol_bytes *path; /* segments of the package */
    uint32_t n_path;
    pol_rule_node *node;
    pol_package_info *package;
    pol_namemap names;
    pol_global *globals;
    uint32_t n_globals, globals_capacity;
    bool polward;
} pol_module_info;

typedef struct pol_checker {
    pol_program *program;
    pol_arena *arena;
    pol_arena scratch; /* order.c: what is forgotten after each try */
    pol_diags *diags;
    pol_module_info *modules;
    uint32_t n_modules;
    pol_package_info **packages;
    uint32_t n_packages, packages_capacity;
    pol_namemap package_names;
    pol_rule_info **rules; /* in order of modules and places; else branches behind their rule are
                              reached by next_else */
    uint32_t n_rules, rules_capacity;
    pol_rule_node *tree;     /* data */
    bool incomplete;         /* a module has syntax errors: what is not known may have been in it */
    const pol_type *request; /* of input in .pol modules; NULL: there are none */
    const pol_type *data;    /* of base data there */
    pol_namemap with_names;  /* withs.c: what is in program->with_paths */
    pol_namemap signature_names; /* of built-ins; unify.c */
    pol_signature *signatures;
    uint32_t n_signatures, signatures_capacity;
} pol_checker;

/* ---- modules.c ---- */
void pol_check_modules(pol_checker *c); /* packages, imports, tree of rules */
void pol_check_imports_used(pol_checker *c);
void pol_make_groups(pol_checker *c);
/* The names that a module (or query) can use without declaring them. */
void pol_module_globals(pol_checker *c, pol_module_info *m);
pol_rule_node *pol_rule_node_child(const pol_rule_node *node, const pol_term *constant);
/* The node of a ref of constants; NULL when there is none. */
pol_rule_node *pol_rule_node_at(const pol_checker *c, const pol_term *ref);
bool pol_is_constant(const pol_term *t); /* a scalar literal */
/* Beside syntax errors: may a rule or import of this name be in what could not be read? */
bool pol_may_be_lost(const pol_checker *c, pol_bytes name);
/* Does this module's name for the VAR mean something else than a local variable? */
pol_global *pol_global_find(pol_module_info *m, pol_bytes name);

/* ---- resolve.c ---- */
bool pol_resolve_rule(pol_checker *c,
                      pol_rule_info *info); /* with its else branches; false: errors in it */
bool pol_resolve_query(pol_checker *c, pol_module_info *m, pol_body *body, pol_locals *locals);
uint32_t pol_local_add(pol_checker *c, pol_locals *locals, pol_local local);
/* The function that an operator or a target of `with` names, once names are resolved. */
pol_group *pol_function_named(pol_checker *c, const pol_term *name);
const pol_builtin *pol_builtin_named(pol_checker *c, const pol_term *name);
pol_bytes pol_name_joined(pol_checker *c, const pol_term *name);

/* ---- metadata.c ---- */
/* Puts the annotations of the rule in the place of a call of rego.metadata.rule or .chain; false:
 * it is another call. */
bool pol_put_metadata(pol_checker *c, const pol_rule_info *info, pol_term *call);

/* ---- locals.c: numbers for variables that are not declared ---- */
void pol_bind_rule(pol_checker *c, pol_rule_info *branch);
void pol_bind_query(pol_checker *c, pol_body *body, pol_locals *locals);

/* ---- withs.c ---- */
bool pol_check_with(pol_checker *c, pol_with *w);
bool pol_is_rooted(const pol_term *t, pol_bound root); /* the VAR or a ref of it */

/* ---- conflicts.c ---- */
void pol_check_conflicts(pol_checker *c);

/* ---- order.c ---- */
bool pol_order_rule(pol_checker *c, pol_rule_info *branch);
bool pol_order_query(pol_checker *c, pol_module_info *m, pol_body *body, pol_locals *locals);

/* ---- request.c ---- */
const pol_type *pol_request_type(pol_checker *c);
/* Of base data in .pol modules, by schema statements. */
const pol_type *pol_data_type(pol_checker *c);

/* ---- walking (walk.c) ---- */
typedef struct pol_walk pol_walk;
struct pol_walk {
    bool (*term)(pol_walk *w,
                 pol_term *t); /* before what is in it; false: do not go in. May be NULL */
    bool (*expr)(pol_walk *w, pol_expr *e);
    void *context;
    bool closures; /* go into comprehensions, every, and, or, not { }, what is embedded in templates
                    */
};
void pol_walk_term(pol_walk *w, pol_term *t);
void pol_walk_expr(pol_walk *w, pol_expr *e);
void pol_walk_body(pol_walk *w, pol_body *body);
bool pol_is_comprehension(const pol_term *t);
/* Of what is embedded in a template: the expression that holds its `with` modifiers; NULL when it
 * has none. */
pol_expr *pol_embedded_expr(const pol_term *item);
/* print(...) as a statement: its arguments are closures, for undefined ones are shown. */
bool pol_is_print(const pol_term *t);
