/* SPDX-License-Identifier: Apache-2.0
 * What a built-in function is, and what its body may use.
 *
 *   POL_BUILTIN(startswith, "startswith", "(search: string, base: string) boolean", "True when `search` begins with `base`.")
 *   {
 *       pol_bytes s = pol_arg_string(ev, args, 0), base = pol_arg_string(ev, args, 1);
 *       return pol_bool(pol_bytes_starts(s, base));
 *   }
 *
 * Getters check, convert and report an operand's type and then yield something empty; the machine drops the result when
 * an error was noted. A body is pure: it depends on its arguments, ev's clock and seed, and takes memory from ev->arena only.
 * A body that holds a foreign object (OpenSSL, RE2) takes arena memory before or after, never while: the arena may end the decision.
 *
 * Each family file ends in its table: POL_FAMILY(strings) = { POL_ROW(startswith), ..., POL_END }; and a row in families.def.
 * Bundles name built-ins; the order of tables is no part of any format.
 *
 * The grammar of signatures, blanks between tokens being free:
 *
 *   signature = "(" [argument {"," argument}] ")" (type | "none")       none: the call has no value (print)
 *   argument  = [name ":"] type                                         name: letters, digits, '_'
 *   type      = single {"|" single}
 *   single    = "null" | "boolean" | "number" | "string" | "any"
 *             | "array" "[" type "]" | "set" "[" type "]" | "object" "[" type ":" type "]"
 *             | "[" [type {"," type}] "]"                               an array of just these elements
 *             | "{" name ":" type {"," name ":" type} ["," "..."] "}"   an object of just these members; with "...", of others too
 *             | "(" type ")"
 */
#pragma once

#include "runtime/value.h"

typedef struct pol_eval pol_eval;
typedef pol_value (*pol_builtin_call)(pol_eval *ev, const pol_value *args, unsigned n_args);

enum {
    POL_DEPRECATED = 1,       /* a call in a Rego v1 module is a compile error */
    POL_NONDETERMINISTIC = 2, /* depends on clock or seed: never folded */
    POL_RELATION = 4,         /* several results: the value is an array of them (walk) */
    POL_EXCLUDED = 8,         /* reaches out of the process: a call is a compile error that says so; call is NULL */
    POL_VARIADIC = 16,        /* print: any number of arguments */
};

typedef struct {
    const char *name, *signature, *summary;
    pol_builtin_call call;
    unsigned flags;
} pol_builtin;

#define POL_BUILTIN_FLAGS(id, name_, signature_, summary_, flags_)                                 \
    static pol_value builtin_##id(pol_eval *ev, const pol_value *args, unsigned n_args);           \
    static const pol_builtin row_##id = {name_, signature_, summary_, builtin_##id, flags_};       \
    static pol_value builtin_##id(pol_eval *ev __attribute__((unused)), const pol_value *args __attribute__((unused)), \
                                  unsigned n_args __attribute__((unused)))
#define POL_BUILTIN(id, name_, signature_, summary_) POL_BUILTIN_FLAGS(id, name_, signature_, summary_, 0)
#define POL_FAMILY(family) const pol_builtin *const pol_family_##family[]
#define POL_ROW(id) &row_##id
#define POL_END NULL

/* Every family: FAMILY(strings) ... in builtins/families.def. */
#define FAMILY(name) extern const pol_builtin *const pol_family_##name[];
#include "runtime/builtins/families.def"
#undef FAMILY

/* By name ("io.jwt.decode"); NULL when there is none. Thread-safe. */
const pol_builtin *pol_builtin_find(pol_bytes name);
/* All of them, i from 0; NULL past the last. */
const pol_builtin *pol_builtin_at(unsigned i);
/* Parameters, read from the signature. */
unsigned pol_builtin_arity(const pol_builtin *b);

/* ---- for bodies ---- */
/* Note an error and yield undefined. The message is without the built-in's name, which the machine puts before it. The first
 * error of a call counts. An eval_builtin_error: */
POL_COLD pol_value pol_builtin_error(pol_eval *ev, const char *fmt, ...) POL_PRINTF(2, 3);
/* The same as an eval_type_error. */
POL_COLD pol_value pol_builtin_type_error(pol_eval *ev, const char *fmt, ...) POL_PRINTF(2, 3);
/* "operand N must be WANTED but got TYPE", N from 1: an eval_type_error. WANTED may be "one of {array, set}". */
POL_COLD pol_value pol_operand_error(pol_eval *ev, unsigned i, const char *wanted, pol_value got);
/* "operand N must be array of strings but got array containing number". */
POL_COLD pol_value pol_element_error(pol_eval *ev, unsigned i, pol_value collection, const char *wanted, pol_value element);
/* What the four above come down to; the machine's own: POL_E_BUILTIN or POL_E_TYPE, and the message, which it copies. */
POL_COLD void pol_eval_note_error(pol_eval *ev, pol_code code, pol_bytes message);
/* Ends the decision with an eval_conflict_error ("object keys must be unique"). */
_Noreturn void pol_eval_conflict(pol_eval *ev, const char *message);
/* Has this call noted an error? */
bool pol_builtin_failed(const pol_eval *ev);

pol_arena *pol_eval_arena(pol_eval *ev);
/* Pays n instructions of the decision's budget: a body pays for each element that it visits. */
void pol_charge(pol_eval *ev, uint64_t n);
/* The decision's clock: nanoseconds since 1970, the same throughout a decision. */
int64_t pol_eval_now_ns(pol_eval *ev);
/* A value kept for the decision under a key: so that rand.intn and uuid.rfc4122 give one result for one argument. Undefined when absent. */
pol_value pol_eval_recall(pol_eval *ev, pol_value key);
void pol_eval_remember(pol_eval *ev, pol_value key, pol_value value);
/* Random bits: from the seed when the caller gave one, else from the system. */
uint64_t pol_eval_random(pol_eval *ev);
/* A line for print() (and note for trace()). */
void pol_eval_print(pol_eval *ev, pol_bytes line);
void pol_eval_note(pol_eval *ev, pol_bytes line);
/* A compiled pattern from the evaluator's bounded cache, which outlives the decision; NULL with an error noted. */
struct pol_pattern;
const struct pol_pattern *pol_eval_pattern(pol_eval *ev, pol_bytes pattern);
/* What the daemon's configuration gives to pol.jwt.verify and pol.cert.verify; NULL when nothing is configured. */
struct pol_trust;
const struct pol_trust *pol_eval_trust(const pol_eval *ev);

/* Getters: i from 0. */
pol_bytes pol_arg_string(pol_eval *ev, const pol_value *args, unsigned i);
bool pol_arg_bool(pol_eval *ev, const pol_value *args, unsigned i);
/* Any number. */
pol_value pol_arg_number(pol_eval *ev, const pol_value *args, unsigned i);
/* A whole number in int64; others are an operand error ("must be integer number but got floating-point number" for 1.5). */
int64_t pol_arg_int(pol_eval *ev, const pol_value *args, unsigned i);
pol_value pol_arg_array(pol_eval *ev, const pol_value *args, unsigned i);
pol_value pol_arg_set(pol_eval *ev, const pol_value *args, unsigned i);
pol_value pol_arg_object(pol_eval *ev, const pol_value *args, unsigned i);
/* An array or a set; the error names the set first, as OPA's mostly do. */
pol_value pol_arg_list(pol_eval *ev, const pol_value *args, unsigned i);
