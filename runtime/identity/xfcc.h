/* SPDX-License-Identifier: Apache-2.0
 * The X-Forwarded-Client-Cert header that proxies write.
 */
#pragma once

#include "runtime/identity/reasons.h"
#include "runtime/value.h"

/* An array of objects, one an element of the header: "by", "uri", "dns" arrays of strings; "hash", "cert", "chain", "subject" strings. A header with
 * any defect is refused whole. NULL or a reason. The caller has checked who wrote the header: nothing in it is verified here. */
const char *pol_xfcc_parse(pol_arena *arena, pol_bytes header, pol_value *elements);
