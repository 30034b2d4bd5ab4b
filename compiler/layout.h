/* SPDX-License-Identifier: Apache-2.0
 * Source text in its one layout: `pol fmt`.
 */
#pragma once

#include "compiler/diag.h"

/* The layout of sources->items[source], appended to out. False when the text cannot be parsed, or when a comment stands where no layout can keep it: diags
 * says what is wrong. What comes out parses to the same tree with the same comments, and has itself for its layout. */
POL_MUST_USE bool pol_lay_out(pol_arena *arena, pol_sources *sources, uint32_t source, pol_diags *diags, pol_buf *out);
