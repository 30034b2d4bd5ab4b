/* SPDX-License-Identifier: Apache-2.0
 * Paths into documents as json.filter, json.remove and json.patch take them, and JSON Patch (RFC
 * 6902) on values, sets included.
 */
#pragma once

#include "runtime/builtin.h"

/* The segments of a path: an array as it is, a string split at '/' with ~1 and ~0 resolved ("" has
 * none). Undefined, without an error noted, when v is neither. */
pol_value pol_path_segments(pol_eval *ev, pol_value v);
/* The position that a segment names in an array of n elements: an integer, or its digits without
 * leading zeros; -1: none. */
int64_t pol_segment_index(pol_value segment, uint32_t n);
/* target with the patches, an array, applied in order; undefined when one of them fails, with an
 * error noted when it is malformed. */
pol_value pol_patch_apply(pol_eval *ev, pol_value target, pol_value patches);
