/* SPDX-License-Identifier: Apache-2.0
 * The machine's state: what vm.c runs and engine.c sets up and shows. Stacks are heap arrays that grow at calls; everything else that a decision
 * makes lives in its arena, so that one longjmp can end it from anywhere.
 */
#pragma once

#include "runtime/bundle.h"
#include "runtime/pattern_cache.h"

#include <setjmp.h>

enum { POL_REGISTERS_MAX = 1 << 22 }; /* of all frames */

typedef struct {
    pol_value collection;
    uint32_t at;
} pol_iterator;

/* An error that a built-in noted. */
typedef struct {
    pol_eval_error error;
} pol_noted;

/* A rule's value, good in the context with that number. Numbers are never used again, so nothing is cleared between decisions. */
typedef struct {
    uint64_t context;
    pol_value value;
    const pol_eval_error *error; /* the first one met while computing it, when errors fail closed; or NULL */
} pol_memo;

typedef struct {
    pol_value path, value; /* path: array; array of 0: a replaced function, see mock */
    pol_value input;       /* the input document before it */
    uint64_t context;      /* before it */
} pol_override;

typedef enum { POL_MOCK_FUNCTION, POL_MOCK_BUILTIN, POL_MOCK_VALUE } pol_mock_kind;

typedef struct {
    bool of_builtin;
    uint8_t kind; /* pol_mock_kind of what stands in */
    uint32_t index, by;
    pol_value value;
} pol_mock;

/* A suspended function: where its caller goes on. */
typedef struct {
    uint32_t function;
    const pol_insn *pc;    /* behind the call */
    uint32_t registers, iterators, builders; /* bases */
    uint16_t dst;          /* of the call in the caller */
    bool closed;           /* of the caller */
    bool memoised;         /* the callee's value is kept */
    uint32_t callee;
    uint32_t n_overrides, n_mocks, mocks_from; /* of the caller, at the call */
    uint32_t n_errors;
    uint64_t context;
    pol_value input;
} pol_frame;

struct pol_eval {
    pol_arena arena;
    pol_limits limits;
    const pol_bundle *bundle;
    int64_t left; /* instructions */
    pol_value *registers;
    pol_iterator *iterators;
    pol_builder *builders;
    pol_frame *frames;
    uint32_t registers_capacity, iterators_capacity, builders_capacity, frames_capacity;
    uint32_t n_registers, n_iterators, n_builders, n_frames;
    pol_memo *memos;
    uint32_t memos_capacity;
    uint64_t context, last_context;
    pol_value input;
    pol_override *overrides;
    uint32_t n_overrides, overrides_capacity;
    pol_mock *mocks;
    uint32_t n_mocks, mocks_from, mocks_capacity; /* those from mocks_from on are in force */
    bool closed;
    pol_eval_error *errors;
    uint32_t n_errors, errors_capacity;
    /* of the instruction that is running, for places of errors */
    uint32_t function;
    const pol_insn *pc;
    const char *running; /* name of the built-in that is called; NULL: none */
    bool call_failed;
    /* the outcome of a run that was ended */
    jmp_buf end;
    bool is_running;
    pol_error failure;
    pol_eval_error failure_place;
    /* what the caller set */
    int64_t now_ns;
    uint64_t seed;
    bool has_clock, has_seed;
    const struct pol_trust *trust;
    void (*line)(void *context, bool note, pol_bytes text);
    void *line_context;
    pol_listener listener;
    void *listener_context;
    pol_builder recalled; /* key, value, ... */
    pol_pattern_cache *patterns;
    const pol_builtin *arithmetic[5]; /* the built-ins of + - * / % for what is no pair of small integers */
};

/* Ends the run. */
_Noreturn POL_COLD void pol_eval_end(pol_eval *ev, pol_code code, const char *fmt, ...) POL_PRINTF(3, 4);
/* Runs a function without parameters to its end; its value, or undefined. */
pol_value pol_vm_run(pol_eval *ev, uint32_t function);
