/* SPDX-License-Identifier: Apache-2.0
 * Paths of requests and the templates of `route` statements.
 */
#pragma once

#include "runtime/value.h"

/* path in normal form: percent escapes decoded once. False when it has no normal form: an empty segment that is not the last, "." and "..",
 * backslashes, NULs, escaped slashes, bad escapes, invalid UTF-8, plain or after decoding. */
POL_MUST_USE bool pol_path_normal(pol_arena *arena, pol_bytes path, pol_bytes *normal);

/* "/v1/orders/{id}", "/files/{rest...}": begins with '/', a capture is a whole segment, {rest...} the last one. */
bool pol_template_valid(pol_bytes template);

/* Does a path in normal form match a valid template? captures is an object of strings. */
POL_MUST_USE bool pol_template_match(pol_arena *arena, pol_bytes template, pol_bytes normal, pol_value *captures);

enum { POL_TEMPLATE_MAX = 4096 }; /* bytes */

/* The index of the routes of a bundle's manifest: array of {"method", "template", "action", "type"}; undefined: none. *index lives in arena and borrows the
 * routes. False with a route that has no method or no valid template of at most POL_TEMPLATE_MAX bytes. */
POL_MUST_USE bool pol_route_index(pol_arena *arena, pol_value routes, pol_value *index, pol_error *err);

/* The route for a method and a path in normal form: a literal segment wins over {name}, {name} over {rest...}. Undefined when none matches. index may be undefined. The
 * cost goes by the path's segments, not by the number of routes. */
pol_value pol_route_find(pol_arena *arena, pol_value index, pol_bytes method, pol_bytes normal, pol_value *captures);
