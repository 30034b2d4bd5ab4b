/* SPDX-License-Identifier: Apache-2.0
 * Gzipped tar archives, as OPA's bundles are, read into memory by libarchive. Archives are attacks: sizes and names are bounded.
 */
#pragma once

#include "runtime/arena.h"
#include "runtime/bytes.h"
#include "runtime/error.h"

typedef struct {
    const char *name; /* without "/" and "./" before it; of plain segments only */
    pol_bytes bytes;  /* a NUL stands behind them */
} pol_archive_file;

/* The files of the archive at path, by name, each once; all in arena. */
POL_MUST_USE bool pol_archive_read(pol_arena *arena, const char *path, pol_archive_file **files, size_t *n, pol_error *err);
