/* SPDX-License-Identifier: Apache-2.0
 * Values as one run of memory with relative addresses, as bundles have them: to use them again, copying it is all there is to do.
 */
#pragma once

#include "runtime/value.h"

typedef struct {
    pol_cell *cells; /* NULL: none */
    uint16_t size;
} pol_image;

/* Of n values. False, and an empty image, where they take more than 4 KiB or there is no memory. */
POL_MUST_USE bool pol_image_make(const pol_value *values, unsigned n, pol_image *out);
/* The values again, copied into arena. */
POL_MUST_USE bool pol_image_open(const pol_image *image, pol_arena *arena, pol_value *values, unsigned n);
void pol_image_free(pol_image *image);
