/* SPDX-License-Identifier: Apache-2.0
 * The eight statements: checked as declarations of the whole bundle, their bodies made into hidden rules before names are bound, and the
 * documents below data.polward planned after (lower_decision.c).
 */
#pragma once

#include "compiler/program.h"

typedef struct {
    pol_bytes name;
    int weight;
} pol_tier;

typedef struct {
    pol_bytes name;
    pol_span span;
    const pol_names *parents; /* of a `role` statement; NULL for a role from data */
    pol_value data_parents;   /* of a role from data: array of names */
    uint32_t *closure;        /* indices of this role and of all that it inherits */
    uint32_t n_closure;
    bool derived;             /* an `assign ... if` gives it from resource, action, context or request */
    uint8_t visit;            /* while cycles are looked for */
} pol_role;

/* A permit or forbid, or a permit of a role graph in data. */
typedef struct {
    const pol_statement *statement; /* NULL: from data */
    const pol_module *module;
    const char *id;
    bool forbid;
    uint32_t tier;         /* index */
    pol_bytes role;        /* from data: the role */
    pol_value actions, types; /* from data: arrays of names */
    uint32_t function;     /* lower_decision.c: plan function + 1; 0: it holds whenever the role is held */
} pol_grant;

typedef struct {
    const pol_statement *statement;
    const pol_module *module;
    const char *name; /* for errors: "assign-2" with its package */
} pol_assign;

typedef struct pol_statements {
    pol_tier *tiers; /* by weight, greatest first */
    uint32_t n_tiers, tiers_capacity;
    pol_role *roles;
    uint32_t n_roles, roles_capacity;
    pol_value role_index; /* object: name: number of the role */
    pol_grant *grants;
    uint32_t n_grants, grants_capacity;
    pol_assign *assigns;
    uint32_t n_assigns, assigns_capacity;
    const pol_statement **scopes;
    uint32_t n_scopes, scopes_capacity;
    const pol_statement **routes;
    uint32_t n_routes, routes_capacity;
    pol_statement **schemas;
    uint32_t n_schemas, schemas_capacity;
    struct pol_polarity *polarity; /* attributes.c */
    pol_value *tier_indexes;       /* lower_decision.c: of each tier; NULL: not made yet */
    pol_value input_checks;
} pol_statements;

/* Before pol_program_check: checks names, roles, tiers, ids, routes, scopes; appends the hidden rules ($permit-1-if ...) to the modules, and a module
 * `polward` of the result documents. False when there were errors, which are in diags. */
POL_MUST_USE bool pol_statements_prepare(pol_program *program);
/* The route table for the manifest: array of {"method", "template", "action", "type"}; empty when there are none. */
pol_value pol_statements_routes(const pol_program *program);
enum { POL_TIER_WEIGHT_MAX = 10000 };
/* The tier that a scope ceiling stands in. */
#define POL_TIER_SCOPE "scope"
/* Adds to the last diagnostic the role that name may have meant. */
void pol_role_suggest(pol_program *program, const pol_statements *s, pol_bytes name);
/* Position of the role called name, or -1. */
int64_t pol_statements_role(const pol_statements *s, pol_bytes name);

/* Once names are bound: the group of a hidden rule of module m. */
pol_group *pol_hidden_group(const pol_program *program, const pol_module *m, const pol_rule *rule);
/* Can a give the role, or one that inherits it? */
bool pol_assign_gives(const pol_statements *s, const pol_assign *a, pol_bytes role);
/* Names as an array of strings; `*` is "*". */
pol_value pol_names_value(pol_arena *arena, const pol_names *names);
pol_value pol_grant_actions(pol_arena *arena, const pol_grant *g);
pol_value pol_grant_types(pol_arena *arena, const pol_grant *g);
/* Is name, or `*`, among them? */
bool pol_names_has(pol_value names, pol_value name);

/* ---- attributes.c ---- */
/* After pol_program_check: refuses reads of parts of the input that may be missing where that could turn the answer towards allow. False when there
 * were any. */
POL_MUST_USE bool pol_attributes_check(pol_program *program);

/* ---- roles.c ---- */
/* Adds all roles of all modules and of role graphs in data, checks them and fills closures. */
void pol_roles_collect(pol_program *program, pol_statements *s);
