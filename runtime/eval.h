/* SPDX-License-Identifier: Apache-2.0
 * The evaluator's inside, for vm.c (which runs code), scope.c (with, mocks, errors), engine.c (which sets up and ends), trace.c (which watches) and
 * explain.c (which runs one statement by itself). Nobody else reads it.
 */
#pragma once

#include "runtime/bundle.h"
#include "runtime/pattern_cache.h"

#include <setjmp.h>

typedef struct {
    pol_value collection;
    uint32_t at; /* next element */
} pol_iterator;

/* One call that runs. Its registers, iterators and builders lie in the stack, one behind the other. */
typedef struct {
    const pol_bundle_function *fn;
    const pol_insn *code;
    const pol_insn *call; /* in the caller; NULL: the entry point */
    const pol_cell *k;
    pol_value *r;
    pol_iterator *iterators;
    pol_builder *builders;
    uint32_t rule;     /* 1 + index of the memoised rule that this computes; 0: none */
    uint32_t mock;     /* 1 + index of the override that is off while this runs; 0: none */
    uint32_t n_overrides, n_errors; /* when it began */
    uint64_t generation;
    bool closed;
} pol_frame;

typedef enum { POL_WITH_INPUT, POL_WITH_DATA, POL_MOCK_FUNCTION, POL_MOCK_BUILTIN } pol_override_kind;
typedef enum { POL_BY_VALUE, POL_BY_FUNCTION, POL_BY_BUILTIN } pol_replacement;

typedef struct {
    uint8_t kind, by; /* pol_override_kind, pol_replacement */
    bool off;         /* its replacement runs: calls of the replaced one reach the original */
    uint32_t target, replacement;
    pol_value path, value; /* of WITH_DATA; the value also of BY_VALUE */
    pol_value input;       /* what the input was before */
    uint64_t generation;   /* and the generation */
} pol_override;

/* What a memoised rule gave, valid while its generation is the evaluator's. */
typedef struct {
    uint64_t generation;
    pol_value value;
    const pol_eval_error *error; /* the first one noted while it was computed; NULL: none */
} pol_memo;

typedef struct {
    pol_value key, value;
} pol_kept;

/* How a longjmp to pol_eval_run goes on. */
enum { POL_JUMP_END = 1, POL_JUMP_UNWIND = 2 };

struct pol_eval {
    /* read at every turn */
    uint64_t steps_left;
    const pol_bundle *bundle;
    pol_frame *frame;     /* the one that runs */
    const pol_insn *pc;   /* where it stands, as of the last call, error or limit */
    uint64_t generation;  /* of memoised values that are valid now */
    pol_memo *memos;      /* one for each function */
    pol_value input;
    bool closed;          /* errors fail closed */
    bool failed;          /* the built-in that runs has noted an error */
    bool running;
    bool unwind;          /* the frame's function ends undefined */
    const pol_builtin *builtin; /* the one that runs */
    uint64_t generations; /* the greatest one given out */

    pol_override *overrides;
    uint32_t n_overrides, overrides_capacity;
    uint32_t n_given; /* of the overrides those that hold from the beginning of a run: of an explainer */
    pol_eval_error *errors;
    uint32_t n_errors, errors_capacity;
    pol_kept *kept;
    uint32_t n_kept, kept_capacity;

    pol_arena arena;
    pol_limits limits;
    pol_frame *frames; /* limits.depth + 1 */
    uint8_t *stack, *stack_end;
    uint32_t n_memos;
    const pol_builtin *arithmetic[5]; /* by pol_arithmetic */
    pol_pattern_cache *patterns;
    pol_listener listener;
    void *listener_context;
    void (*output)(void *context, bool note, pol_bytes text);
    void *output_context;
    const struct pol_trust *trust;
    pol_eval *explainer; /* runs explanations that a policy asks for; NULL: not yet */
    bool explains;       /* this is one */
    int64_t clock_ns, now_ns; /* the caller's; this decision's, 0 until asked for */
    uint64_t seed, random;
    bool seeded;

    pol_value result;
    pol_eval_error failure;
    pol_error end; /* why the decision ended early */
    jmp_buf jump;
};

/* ---- vm.c ---- */
/* Begins a call of function i with args; call is NULL for the entry point. Ends the decision at the limit of depth. */
pol_frame *pol_frame_push(pol_eval *ev, const pol_insn *call, uint32_t i, const pol_value *args);
/* Runs from where ev stands until the entry point's function returns. */
void pol_vm_run(pol_eval *ev);

/* ---- scope.c ---- */
static inline uint64_t pol_generation_fresh(pol_eval *ev)
{
    return ev->generation = ++ev->generations;
}
void pol_override_with(pol_eval *ev, pol_value path, pol_value value);
void pol_override_mock(pol_eval *ev, pol_override_kind kind, uint32_t target, pol_replacement by, uint32_t replacement, pol_value value);
/* The overrides behind the first n end. */
void pol_override_end(pol_eval *ev, uint32_t n);
/* 1 + index of the override that replaces the function or built-in now; 0: none. */
uint32_t pol_override_find(const pol_eval *ev, pol_override_kind kind, uint32_t target);
/* The override of path or of a prefix of it. */
bool pol_override_read(const pol_eval *ev, pol_value path, pol_value *value);
/* document with what overrides below path put into it. */
pol_value pol_override_patch(pol_eval *ev, pol_value path, pol_value document);
/* Notes error once more: a memoised value that was computed with it is read again. */
void pol_error_again(pol_eval *ev, const pol_eval_error *error);
/* {code, message, location} of the first error since mark; undefined: none. */
pol_value pol_error_since(pol_eval *ev, pol_value mark);
/* Whether an error was noted since mark. */
bool pol_error_any(const pol_eval *ev, pol_value mark);
void pol_error_forget(pol_eval *ev, pol_value mark);

/* ---- engine.c ---- */
/* Ends the decision. */
POL_COLD _Noreturn void pol_eval_end(pol_eval *ev, pol_code code, const char *fmt, ...) POL_PRINTF(3, 4);
/* Runs a function without parameters as the decision of the eight statements does: errors fail closed. As pol_eval_run. */
POL_MUST_USE bool pol_eval_run_closed(pol_eval *ev, uint32_t function, pol_value input, pol_value *result, pol_error *err);
/* The evaluator, set up as ev is, that explains what ev decides; NULL when ev is one itself. */
pol_eval *pol_eval_explainer(pol_eval *ev);
/* The place in the source of where ev stands. */
POL_COLD pol_eval_error pol_eval_place(const pol_eval *ev);
