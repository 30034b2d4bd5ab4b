/* SPDX-License-Identifier: Apache-2.0
 * Regular expressions and globs in linear time: RE2 behind extern "C" (pattern.cc, the one C++ file).
 * A compiled pattern is immutable and may be shared by threads; matching allocates inside RE2 only.
 */
#pragma once

#include "runtime/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pol_pattern pol_pattern;

/* RE2 syntax, UTF-8, as Go's regexp. NULL and a text in why (cut to n_why) when pattern does not compile. */
pol_pattern *pol_pattern_new(pol_bytes pattern, char *why, size_t n_why);
void pol_pattern_free(pol_pattern *p);
/* Number of capturing groups; name of group i (1..n) or NULL. */
int pol_pattern_groups(const pol_pattern *p);
/* First match at or after offset. groups[0] is the whole match, up to n_groups; a group that did not take part has at == NULL. */
bool pol_pattern_find(const pol_pattern *p, pol_bytes text, size_t offset, pol_bytes *groups, int n_groups);
bool pol_pattern_matches(const pol_pattern *p, pol_bytes text);

#ifdef __cplusplus
}
#endif
