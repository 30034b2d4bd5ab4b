/* SPDX-License-Identifier: Apache-2.0
 * Building plans: registers as a stack, open regions, steps, constants. Used by lower.c, lower_rules.c and lower_decision.c only.
 */
#pragma once

#include "compiler/plan.h"

typedef struct open_region open_region;

/* What is still to be planned: groups and documents that were referred to. */
typedef struct {
    pol_group *group; /* or NULL: a document */
    pol_document *document;
    const pol_bytes *path; /* of the document */
    uint32_t n_path, function;
} lowering_job;

typedef struct {
    lowering_job *items;
    uint32_t n, capacity;
} lowering_queue;

/* One function being built. */
typedef struct {
    pol_arena *arena;
    pol_program *program;
    pol_plan *plan;
    pol_plan_function *fn;
    lowering_queue *queue;
    open_region *open;     /* innermost */
    uint32_t next_register, next_iterator, next_builder;
    uint32_t *registers;   /* of locals: register + 1; 0: not bound */
    uint32_t n_locals;
    uint32_t *trail;       /* locals in the order of their binding */
    uint32_t n_trail, trail_capacity;
    pol_place place;       /* of the steps that are added */
    bool closed;           /* the bundle has statements: errors can fail closed, so rules keep account of them */
} pol_lowering;

void lowering_begin(pol_lowering *l, pol_program *program, pol_plan *plan, lowering_queue *queue, pol_plan_function *fn);
/* Ends the function: closes what is open. */
void lowering_end(pol_lowering *l);
/* A function without locals of its own rule: forgets all bindings and makes room for n locals. */
void lowering_locals(pol_lowering *l, uint32_t n);

uint32_t new_register(pol_lowering *l);
/* n consecutive ones; the first. */
uint32_t new_registers(pol_lowering *l, uint32_t n);
uint32_t new_builder(pol_lowering *l);
/* Index of v among the function's constants. */
uint32_t constant(pol_lowering *l, pol_value v);
uint32_t constant_text(pol_lowering *l, const char *text);

/* Adds a step of an instruction; operands as in ops.def, KONST in J as `n`. */
void add_op(pol_lowering *l, pol_op op, uint32_t a, uint32_t b, uint32_t c);
/* CONST into a new register. */
uint32_t load(pol_lowering *l, pol_value v);
void load_into(pol_lowering *l, uint32_t dst, pol_value v);
/* A step that always fails. */
void add_failure(pol_lowering *l);

/* Opens a region; what is added goes into it until it is closed. */
void open_block(pol_lowering *l);
void open_not(pol_lowering *l);
void open_loop(pol_lowering *l, uint32_t collection, uint32_t *key, uint32_t *value);
/* Closes the innermost BLOCK or NOT and the loops opened in it. Registers taken, and locals bound, since it was opened are free again. */
void close_region(pol_lowering *l);
/* Is a loop open inside the innermost BLOCK or NOT (or the function)? */
bool in_loop(const pol_lowering *l);
/* Leaves the n-th enclosing BLOCK or NOT. */
void add_exit(pol_lowering *l, uint32_t n);

void bind_local(pol_lowering *l, uint32_t local, uint32_t reg);
bool is_bound(const pol_lowering *l, uint32_t local);
uint32_t local_register(const pol_lowering *l, uint32_t local);

/* Index of a built-in among those that the plan imports. */
uint32_t import_builtin(pol_plan *plan, const char *name, uint32_t n_args);
pol_plan_function *new_function(pol_plan *plan, const char *name, uint32_t *index);
pol_place place_of(const pol_program *program, pol_span span);
/* A part of the source at span, inside the one that place is in: what is added with the place that comes back belongs to it. */
pol_place enter_part(pol_lowering *l, pol_part_kind kind, pol_span span, pol_place place);
