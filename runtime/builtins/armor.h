/* SPDX-License-Identifier: Apache-2.0
 * Arguments of built-ins that are keys or certificates as text: PEM, or base64 of PEM or DER.
 */
#pragma once

#include "runtime/builtin.h"

/* Decodes as Go's decoders do; on failure *bad_at is the offset that Go's error names. */
POL_MUST_USE bool pol_armor_base64(pol_arena *arena, pol_bytes text, pol_base64_kind kind, pol_bytes *out, size_t *bad_at);

/* PEM text as it is, else what its base64 says (PEM or DER). False with an error noted. */
POL_MUST_USE bool pol_armor_open(pol_eval *ev, pol_bytes text, pol_bytes *out);
static inline bool pol_armor_is_pem(pol_bytes s)
{
    return pol_bytes_starts(s, POL_BYTES("-----BEGIN"));
}

/* The value of JSON text made while foreign objects were held: copies it into the arena, frees it, reads it. Undefined with an error
 * noted when the decision's memory is spent. */
pol_value pol_armor_value(pol_eval *ev, pol_buf *json);
