/* SPDX-License-Identifier: Apache-2.0
 * The files that make plans, among themselves: lower.c (terms and expressions), lower_rules.c (rules, documents, entry points),
 * lower_decision.c (the eight statements), lower_index.c (how they are found), lower_input.c (what they must find in the input).
 */
#pragma once

#include "compiler/plan_build.h"
#include "compiler/statements.h"

/* The register of a term's value; what is undefined fails. A term with variables that are not bound yet opens loops over what they can be. */
uint32_t lower_value(pol_lowering *l, const pol_term *term);
/* The expressions of a body in order; loops stay open. */
void lower_body(pol_lowering *l, const pol_body *body);
void lower_expr(pol_lowering *l, const pol_expr *expr);
/* The same; of a plain term its value, which may be false and does not end anything; of others true. */
uint32_t lower_expr_value(pol_lowering *l, const pol_expr *expr);
/* pattern = the value in reg: binds what is not bound, compares the rest. */
void lower_pattern(pol_lowering *l, const pol_term *pattern, uint32_t reg);
/* The literal value of a term without variables, refs and calls; undefined otherwise. */
pol_value lower_constant(pol_lowering *l, const pol_term *term);

/* ---- lower_rules.c ---- */
/* Index of the function that computes a group or, of a document node, the object of all below it. Made on first use. */
uint32_t function_of_group(pol_lowering *l, pol_group *group);
uint32_t function_of_document(pol_lowering *l, pol_document *document, const pol_bytes *path, uint32_t n_path);
/* The document at data.<path>, path ground: rules, packages and base data, with what `with` may put in their place. *used is the number of segments that the
 * value's root stands for (of a rule deeper segments are the caller's to look up). */
uint32_t lower_data(pol_lowering *l, const pol_bytes *path, uint32_t n_path, uint32_t *used);

/* Where data.<path> is made of packages or rules, so that data.<path>[x].<below> for any x could be many: the object of child: value of data.<path>.<child>.<below>, of those that have one. Only these are
 * computed, not the whole documents: a rule may ask so for others of its kind. False when data.<path> is a rule or base data only. */
bool lower_children(pol_lowering *l, const pol_bytes *path, uint32_t n_path, const pol_bytes *below, uint32_t n_below, uint32_t *object);

/* ---- lower_decision.c ---- */
/* The body of an internal.* built-in of the eight statements, if name is one: adds the steps and gives the register. False when it is none. */
bool lower_intrinsic(pol_lowering *l, const char *name, uint32_t *reg);
/* ---- lower_index.c: constants by type, then by action; one that no statement names is under "*" ---- */
/* What may apply in a tier: {"permits": {role: [ids]}, "forbids": the same, "conditional": [[is forbid, plan function, id], ...]}. */
pol_value tier_index(pol_lowering *l, const pol_statements *s, uint32_t tier);
/* [scopes that would do, reason]; every type that a scope names has an action "*". */
pol_value scope_index(pol_lowering *l, const pol_statements *s);
/* Id: plan function of the hidden rule that holds the because (or returning) of the statement. */
pol_value told_index(pol_lowering *l, const pol_statements *s, bool because);
/* Type: set of the actions that statements, scopes and routes name for it. */
pol_value actions_index(pol_lowering *l, const pol_statements *s);

/* ---- lower_input.c ---- */
/* Type: action: what the statements must find in the input, as internal.input_errors takes it; empty when there is nothing to check. A type or
 * action that no statement names is under "*". */
pol_value input_check_index(pol_lowering *l, pol_statements *s);
