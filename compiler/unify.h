/* SPDX-License-Identifier: Apache-2.0
 * Types of terms, and what a term's type says about the variables in it (unify.c), for infer.c.
 */
#pragma once

#include "compiler/check.h"

typedef struct {
    pol_checker *c;
    pol_arena *arena;
    pol_locals *locals;
    const pol_type *input; /* NULL: any */
    const pol_type *data;  /* of base data; NULL: any */
    bool failed;
} pol_inference;

/* NULL: something in it is not known yet. */
const pol_type *pol_type_of(pol_inference *x, const pol_term *t);
/* Of the rules at a node of the tree; NULL: nothing is known. */
const pol_type *pol_type_of_node(const pol_rule_node *node);
/* Can the value of t be of type wanted? Variables without a type take theirs from it; widen: they
 * keep what they had as well. */
bool pol_unify_term(pol_inference *x, const pol_term *t, const pol_type *wanted, bool widen);
bool pol_unify_terms(pol_inference *x, const pol_term *a, const pol_term *b);
/* Of a call; false when nothing is known. */
bool pol_signature_of(pol_inference *x, const pol_term *call, pol_signature *out);
/* Can the target of `with` be replaced by the function that is its value? */
bool pol_functions_fit(pol_inference *x, const pol_with *w);
