/* SPDX-License-Identifier: Apache-2.0
 * YAML text into values: data files, METADATA comments, yaml.unmarshal. The YAML that JSON can say, as OPA reads it: the
 * plain scalars of go-yaml, which are YAML 1.2's with octal numbers of 1.1, keys turned into strings, aliases and merge keys resolved, one document.
 */
#pragma once

#include "runtime/value.h"

/* text as one YAML document; an empty text is null. The result lives in arena and borrows nothing. Thread-safe. err says line and column. */
POL_MUST_USE bool pol_yaml_read(pol_arena *arena, pol_bytes text, pol_value *out, pol_error *err);
/* The first of text's documents; those behind it must be well-formed too. */
POL_MUST_USE bool pol_yaml_read_first(pol_arena *arena, pol_bytes text, pol_value *out, pol_error *err);
