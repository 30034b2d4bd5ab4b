/* SPDX-License-Identifier: Apache-2.0
 * What expressions need and bind (safety.c), for order.c, which puts bodies in order.
 */
#pragma once

#include "compiler/check.h"

typedef struct {
    uint64_t *words;
    uint32_t n;
} pol_varset;

typedef struct {
    uint32_t *items;
    uint32_t n, capacity;
} pol_varlist;

void pol_varset_add(pol_arena *arena, pol_varset *set, uint32_t local);
bool pol_varset_has(const pol_varset *set, uint32_t local);
pol_varset pol_varset_copy(pol_arena *arena, const pol_varset *set);
void pol_varlist_add(pol_arena *arena, pol_varlist *list, uint32_t local);

/* Variables at the term's own level: not those of closures in it. */
void pol_vars_of_term(pol_arena *arena, pol_term *t, pol_varlist *out);
void pol_vars_of_expr(pol_arena *arena, pol_expr *e, pol_varset *out);
void pol_vars_of_body(pol_arena *arena, pol_body *body, pol_varset *out);
/* All that e mentions, in closures too. */
void pol_mentioned_in(pol_arena *arena, pol_expr *e, pol_varlist *out);
/* What e binds when safe is bound. */
pol_varset pol_outputs_of(pol_arena *arena, const pol_varset *safe, pol_expr *e);
/* What refs in t bind by iterating. */
pol_varset pol_ref_outputs_of(pol_arena *arena, const pol_varset *safe, pol_term *t);
/* What e needs and has not; closures need what the body around them has at its own level. */
void pol_missing_of(pol_arena *arena, const pol_varset *safe, const pol_varset *body_vars,
                    pol_expr *e, pol_varset *outputs, pol_varlist *missing);
