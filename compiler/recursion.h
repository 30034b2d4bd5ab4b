/* SPDX-License-Identifier: Apache-2.0
 * The order in which rules depend on each other (recursion.c), for the type checker.
 */
#pragma once

#include "compiler/check.h"

typedef struct {
    pol_rule_info *
        *items; /* what is read before what reads it; else branches are items of their own */
    uint32_t n;
} pol_rule_order;

/* Reports every rule that depends on itself; it is marked as failed. */
pol_rule_order pol_check_recursion(pol_checker *c);
