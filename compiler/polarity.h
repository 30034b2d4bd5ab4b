/* SPDX-License-Identifier: Apache-2.0
 * What parts of the input the bodies of a statement read, through the rules and functions that they use, and which way it turns the answer when
 * one is undefined (language page, section 2, "No missing attribute grants").
 */
#pragma once

#include "compiler/program.h"

enum {
    POL_READ_PLUS = 1,  /* undefined turns the answer towards deny */
    POL_READ_MINUS = 2, /* ... towards allow */
    POL_READ_WHOLE = 4, /* not only a way to what is below it */
};

typedef struct {
    pol_value path; /* segments below input: a scalar, or null for any element of a collection */
    uint8_t signs;  /* POL_READ_*; no sign: it may be undefined, as what object.get looks for */
    pol_span span;  /* of the first such read */
} pol_read;

/* No two with one path. */
typedef struct {
    pol_read *items;
    uint32_t n, capacity;
} pol_reads;

/* Remembers what the rules of a program read. Lives in the program's arena. */
typedef struct pol_polarity pol_polarity;
pol_polarity *pol_polarity_new(const pol_program *program);
/* Adds to reads those of the hidden rule, read with signs. */
void pol_polarity_rule(pol_polarity *p, pol_group *group, unsigned signs, pol_reads *reads);
void pol_reads_add(pol_arena *arena, pol_reads *reads, pol_value path, unsigned signs, pol_span span);
