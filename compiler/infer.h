/* SPDX-License-Identifier: Apache-2.0
 * The type checker (infer.c), for check.c.
 */
#pragma once

#include "compiler/recursion.h"
#include "compiler/safety.h"

/* Finds the types of all rules, what is read before what reads it, and reports operands,
 * comparisons and refs that cannot be right. */
void pol_check_types(pol_checker *c, const pol_rule_order *order);
void pol_check_query_types(pol_checker *c, pol_body *body, pol_locals *locals);
