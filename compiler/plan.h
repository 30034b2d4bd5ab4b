/* SPDX-License-Identifier: Apache-2.0
 * The plan: a tree of regions in which the order of evaluation, iteration and memoised rules are explicit. lower.c makes it, the optimiser (optimise*.c) changes it, emit.c turns it into
 * instructions.
 *
 * A region is a list of steps, run in order. A step that fails ends the innermost region around it: of a BLOCK, which is left; of a NOT, which then holds; of a LOOP, which goes on with
 * the next element. Reaching a region's end is the same as failing there. What "the body holds" means is therefore always said by a step at its innermost point: EXIT n leaves the n-th
 * enclosing BLOCK or NOT (0: the innermost, loops not counted). Leaving a BLOCK so goes on behind it; leaving a NOT so is its failure: the body held. So what depends on an element of a LOOP
 * stands in the loop's body, and a LOOP is the last step of its region or is followed by steps that run once all elements are done.
 */
#pragma once

#include "compiler/image.h"
#include "compiler/program.h"
#include "runtime/trace.h"

typedef struct pol_plan pol_plan;
typedef struct pol_step pol_step;
typedef struct {
    pol_step *items;
    uint32_t n, capacity;
} pol_region;

typedef enum {
    POL_STEP_OP,    /* one instruction of ops.def that falls through or fails */
    POL_STEP_BLOCK, /* body; whether it ends, fails or is left by EXIT, what follows goes on */
    POL_STEP_NOT,   /* holds unless its body leaves it by EXIT */
    POL_STEP_LOOP,  /* a: collection register; b, c: registers of key and value; body for each element; iterator: iterator: n */
    POL_STEP_EXIT,  /* leave BLOCK or NOT n */
} pol_step_kind;

struct pol_step {
    uint8_t kind;
    uint16_t op;      /* pol_op, of POL_STEP_OP */
    uint32_t a, b, c; /* operands; KONST: index into the function's constants; FUNC: plan function; BUILTIN: plan built-in */
    uint32_t n;       /* EXIT: blocks to leave; KONST in J: the constant */
    pol_place place;
    pol_region body;
};

/* A part of a source that explanations show. Parts are nested as the text is: a condition in a body, a term in a condition. */
typedef struct {
    uint8_t kind; /* pol_part_kind */
    uint32_t parent;     /* 1 + index; 0: none */
    uint32_t variable;   /* of a local variable: 1 + its register; 0: the part's own instructions give its value */
    pol_place place;
    pol_span span;
} pol_plan_part;

typedef struct {
    const char *name;
    uint32_t n_params, n_registers, n_iterators, n_builders;
    bool memoised;
    pol_region body;
    pol_value *constants;
    uint32_t n_constants, constants_capacity;
    uint32_t *slots, n_slots; /* while it is made: 1 + the constant, by hash; a power of two, at least half are 0 */
    pol_place place;
    uint32_t first_part, end_part; /* its parts are among these */
} pol_plan_function;

struct pol_plan {
    pol_arena *arena;
    pol_plan_function **functions;
    uint32_t n_functions, functions_capacity;
    pol_image_builtin *builtins;
    uint32_t n_builtins, builtins_capacity;
    pol_image_entry *entries;
    uint32_t n_entries, entries_capacity;
    const char **files;
    uint32_t n_files;
    pol_plan_part *parts;
    uint32_t n_parts, parts_capacity;
    pol_value data, manifest;
};

/* The plan of program: of what the entry points need (paths as in engine.h), or, with none, of every rule and package. query may be NULL: its entry point is "$query". NULL when
 * there were errors, which are in program->diags. */
pol_plan *pol_lower(pol_program *program, const pol_query *query, const char *const *entrypoints, uint32_t n_entrypoints);
/* All optimisations, in place. */
void pol_optimise(pol_plan *plan);
/* --emit=plan */
void pol_plan_print(const pol_plan *plan, pol_buf *out);
/* Instructions; everything in image lives in plan's arena. */
POL_MUST_USE bool pol_emit(const pol_plan *plan, pol_image *image, pol_error *err);
/* What explanations need, for image.explain: the parts, their texts, and what the statements say. */
void pol_explain_write(pol_program *program, const pol_plan *plan, const pol_image *image, pol_buf *out);
/* --emit=asm */
void pol_image_print(const pol_image *image, pol_buf *out);
