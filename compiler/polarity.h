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
    pol_value path; /* segments below input: a scalar, null for any element while iterating, false for one by a key that is computed */
    uint8_t signs;  /* POL_READ_*; no sign: it may be undefined, as what object.get looks for */
    pol_span span;  /* of the first such read */
} pol_read;

/* No two with one path. */
typedef struct {
    pol_read *items;
    uint32_t n, capacity;
} pol_reads;

/* A read with `-` or both; and that no condition with `+` has the same part in a body around it (guarded are left out). */
typedef struct {
    pol_value path;
    bool whole;
    pol_span span;
} pol_loose_read;

typedef struct {
    pol_loose_read *items;
    uint32_t n, capacity;
} pol_loose_reads;

typedef struct {
    pol_value *items;
    uint32_t n, capacity;
} pol_guards;

/* What a rule reads. */
typedef struct {
    pol_reads reads;
    pol_loose_reads loose;
    pol_guards guards; /* of a rule with one body: parts that must be there for it to hold */
    pol_value place;   /* of a rule that is another name for a part of the input: its path; else undefined */
} pol_rule_reads;

/* Remembers what the rules of a program read. Lives in the program's arena. */
typedef struct pol_polarity pol_polarity;
pol_polarity *pol_polarity_new(const pol_program *program);
/* What the hidden rule reads, read with signs. */
const pol_rule_reads *pol_polarity_rule(pol_polarity *p, pol_group *group, unsigned signs);
bool pol_is_guarded(const pol_guards *guards, pol_value path);
/* "resource.items[_].price" */
void pol_read_path_print(pol_value path, pol_buf *out);
void pol_reads_add(pol_arena *arena, pol_reads *reads, pol_value path, unsigned signs, pol_span span);
