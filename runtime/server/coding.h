/* SPDX-License-Identifier: Apache-2.0
 * gzip, both ways; what comes out is bounded. */
#pragma once

#include "runtime/bytes.h"
#include "runtime/error.h"

/* out: in without its gzip, of at most max_bytes, and out->at[out->n] is NUL. POL_E_LIMIT: it would be longer; POL_E_USAGE: no gzip, or not whole. */
POL_MUST_USE bool pol_gunzip(pol_bytes in, size_t max_bytes, pol_buf *out, pol_error *err);
/* False: no memory for it. */
POL_MUST_USE bool pol_gzip(pol_bytes in, pol_buf *out);
