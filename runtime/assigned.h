/* SPDX-License-Identifier: Apache-2.0
 * Definite assignment: that no instruction reads a register, iterator or builder that some way to it has not set. So frames need no clearing.
 */
#pragma once

#include "runtime/bundle.h"

/* Function f, whose operands and jumps were checked. *work is what checking the bundle may still cost, and is lowered. */
POL_MUST_USE bool pol_assigned_check(const pol_bundle *bundle, uint32_t f, uint64_t *work, pol_error *err);
