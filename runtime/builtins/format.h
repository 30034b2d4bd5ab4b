/* SPDX-License-Identifier: Apache-2.0
 * sprintf with the verbs, flags and error marks of Go's fmt.
 */
#pragma once

#include "runtime/builtin.h"

/* The text as a value; undefined with an error noted. */
pol_value pol_format(pol_eval *ev, pol_bytes format, pol_value values);
