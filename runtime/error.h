/* SPDX-License-Identifier: Apache-2.0
 * The one error idiom of operations: what can fail returns bool and fills the caller's pol_error,
 * which needs no allocation and no freeing. Diagnostics for authors are elsewhere (compiler/diag.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define POL_MUST_USE __attribute__((warn_unused_result))
#define POL_PRINTF(fmt_i, arg_i) __attribute__((format(printf, fmt_i, arg_i)))
#define POL_COLD __attribute__((cold, noinline))

typedef enum {
#define ERR(name, text, meaning) POL_E_##name,
#include "runtime/error.def"
#undef ERR
    POL_E_COUNT
} pol_code;

typedef struct {
    pol_code code;
    char text[244]; /* one sentence, NUL-terminated; never token text, key material or a header */
} pol_error;

#define POL_TRY(call)                                                                              \
    do {                                                                                           \
        if (!(call))                                                                               \
            return false;                                                                          \
    } while (0)

/* Frees a local at the end of its scope: POL_CLEAN(EVP_MD_CTX_free) EVP_MD_CTX *ctx = ...;
 * the type's cleanup function is declared once with POL_CLEANUP. */
#define POL_CLEAN(fn) __attribute__((cleanup(fn##_at)))
#define POL_CLEANUP(type, fn)                                                                      \
    static inline void fn##_at(type *p)                                                            \
    {                                                                                              \
        if (*p)                                                                                    \
            fn(*p);                                                                                \
    }

/* Fills *err (which may be NULL) and returns false, so that refusing is one statement. A text that is too
 * long is cut. Thread-safe. */
POL_MUST_USE bool pol_fail(pol_error *err, pol_code code, const char *fmt, ...) POL_PRINTF(3, 4);

/* The code's stable text ("eval_conflict_error"). */
const char *pol_code_text(pol_code code);
