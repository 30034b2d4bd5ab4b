/* SPDX-License-Identifier: Apache-2.0
 * What a listener sees of a decision: which parts of the source were reached, with which values, and which conditions failed. The
 * section "explain" of a bundle says which part an instruction computes. It is looked at only when a trace is wanted, so opening
 * a bundle does not check it: a reader here takes each number in it for a lie until it has been compared with the tables.
 *
 * pol_explain_header | uint32_t part of each instruction (1 + index; 0: none) | parts | texts | document (JSON: what the
 * statements say)
 */
#pragma once

#include "runtime/bundle.h"

typedef enum {
    POL_PART_BODY,      /* of a rule, a comprehension, a `not`: holds conditions */
    POL_PART_CONDITION, /* an expression of a body */
    POL_PART_TERM,      /* what has a value: a reference, a call, a variable */
    POL_PART_KINDS
} pol_part_kind;

typedef struct {
    uint32_t n_code, n_parts, n_text, n_document;
} pol_explain_header;

typedef struct {
    uint32_t kind;     /* pol_part_kind */
    uint32_t parent;   /* 1 + index, of an earlier part; 0: none */
    uint32_t variable; /* 1 + register of a local variable; 0: none */
    uint32_t file, row, col;
    uint32_t text, n;  /* in the texts */
} pol_explain_part;

_Static_assert(sizeof(pol_explain_header) == 16 && sizeof(pol_explain_part) == 32, "the bundle format");

typedef struct pol_trace pol_trace;

/* A trace of what ev runs next, in ev's arena, until pol_trace_end; ev has begun. NULL with err when the bundle was built without
 * what traces need. */
pol_trace *pol_trace_begin(pol_eval *ev, pol_error *err);
void pol_trace_end(pol_trace *t);
/* What a trace tells as it goes; part is 1 + the condition's, 0 of calls. */
typedef enum {
    POL_TOLD_ENTER, /* a call of function begins */
    POL_TOLD_EVAL,  /* a condition begins */
    POL_TOLD_REDO,  /* and begins once more in its call */
    POL_TOLD_FAIL,  /* it does not hold; of calls: they gave nothing */
    POL_TOLD_EXIT,  /* the call gave a value */
    POL_TOLD_NOTE,  /* trace() (trace_events.c) */
} pol_told;
typedef void (*pol_trace_teller)(void *context, pol_told what, uint32_t function, uint32_t part, size_t depth);
void pol_trace_tell(pol_trace *t, pol_trace_teller teller, void *context);
pol_bytes pol_trace_text(const pol_trace *t, uint32_t part);
/* A condition as pol_trace_failed has it, without reasons, and where a function or a condition stands. */
pol_value pol_trace_condition(pol_trace *t, uint32_t function, uint32_t part);
pol_value pol_trace_place(const pol_trace *t, uint32_t function, uint32_t part);
/* Forgets what was seen: another run follows. */
void pol_trace_clear(pol_trace *t);
/* What the statements of the bundle say, as compiler/explain.c writes it; an empty object when it has none. */
POL_MUST_USE bool pol_trace_document(pol_trace *t, pol_value *document, pol_error *err);
/* Number of the function called name, or -1. */
int64_t pol_trace_function(const pol_trace *t, pol_bytes name);
/* The last value of the function; undefined when it had none. False: it was not called. */
bool pol_trace_value(const pol_trace *t, uint32_t function, pol_value *value);
/* {"file", "row", "col"} */
pol_value pol_trace_location(pol_arena *arena, const char *file, uint32_t row, uint32_t col);

/* Why the last call of a function gave nothing: for each body the first condition that failed (of those reached, the last one),
 * as an array of {"text", "location", "values": [{"text", "value"?}], "kind"?, "tried"?, "because"?}. Values are what was seen at
 * the last try; without "value" it was undefined. "tried" is how often it failed, when that was more than once; "because" the
 * same for a rule that the condition reads; "kind" is "value" of what is no condition but the value of a rule or of an `assign
 * from`. */
pol_value pol_trace_failed(pol_trace *t, uint32_t function);
/* Why the last call of a function gave something: the conditions of the body that held, in the same form. */
pol_value pol_trace_held(pol_trace *t, uint32_t function);

/* ---- trace_events.c: a trace in the form of OPA's ---- */

/* Which events are told, each with the calls around it. */
typedef enum { POL_EVENTS_NOTES, POL_EVENTS_FAILS, POL_EVENTS_FULL } pol_events_mode;
/* "notes", "fails", "full" or "debug", which is full; false: none of these. */
POL_MUST_USE bool pol_events_mode_read(pol_bytes text, pol_events_mode *mode);

typedef struct pol_events pol_events;
/* Of what ev runs until pol_events_end. NULL with err as pol_trace_begin. */
pol_events *pol_events_begin(pol_eval *ev, pol_events_mode mode, pol_error *err);
/* [{"op", "query_id", "parent_id", "type", "node", "locals", "message", "location"}] */
pol_value pol_events_end(pol_events *e);
/* The same as text, a line each. */
void pol_events_text(pol_value events, pol_buf *out);
