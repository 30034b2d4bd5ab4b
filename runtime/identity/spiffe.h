/* SPDX-License-Identifier: Apache-2.0
 * SPIFFE IDs as text. X.509-SVIDs are x509.h's.
 */
#pragma once

#include "runtime/bytes.h"

/* spiffe://trust-domain/path: borrowed parts of id; path is "" or begins with '/'. False when id is none. */
POL_MUST_USE bool pol_spiffe_parse(pol_bytes id, pol_bytes *trust_domain, pol_bytes *path);
/* Does a URI claim to be a SPIFFE ID, well-formed or not? */
bool pol_spiffe_claimed(pol_bytes uri);
