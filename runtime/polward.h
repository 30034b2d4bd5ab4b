/* SPDX-License-Identifier: Apache-2.0
 * The C interface of libpolward, for services that decide in their own process. Includes nothing but the C library.
 *
 * An engine holds one bundle at a time and may be shared by threads; a session is one thread's evaluator. Texts are UTF-8 JSON; answers
 * belong to the session and live until its next call. Where a function takes `why`, it is filled, on failure, with one sentence,
 * NUL-terminated and cut to n_why bytes; it may be NULL.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define POLWARD_API __attribute__((visibility("default")))

typedef struct polward_engine polward_engine;
typedef struct polward_session polward_session;

typedef struct {
    const uint8_t *const *public_keys; /* raw Ed25519 keys of 32 bytes; with n_public_keys > 0 one of them must have signed the bundle */
    unsigned n_public_keys;
    uint64_t instructions; /* limits of one decision; 0: 1,000,000, 16 MiB, 256 */
    size_t arena_bytes;
    uint32_t depth;
} polward_options;

/* Opens and verifies the bundle at path. options may be NULL and are copied. NULL on failure. */
POLWARD_API polward_engine *polward_engine_open(const char *path, const polward_options *options, char *why, size_t n_why);
/* Puts the bundle at path in the place of the one before, when it verifies; else nothing changes. Decisions that are running end with the
 * bundle that they began with. Any thread. */
POLWARD_API bool polward_engine_reload(polward_engine *engine, const char *path, char *why, size_t n_why);
/* All sessions must have been freed. NULL is allowed. */
POLWARD_API void polward_engine_close(polward_engine *engine);

/* One thread's evaluator of engine. Never NULL: ends the process when memory is out. */
POLWARD_API polward_session *polward_session_new(polward_engine *engine);
POLWARD_API void polward_session_free(polward_session *session);

typedef enum {
    POLWARD_DEFINED,   /* answer is the document's value as JSON */
    POLWARD_UNDEFINED, /* the document has no value for this input */
    POLWARD_FAILED,    /* wrong input, a limit or a conflict: `why` says it. Deny. */
} polward_outcome;

/* The document at path ("polward/decision", "orders/allow") for input, n_input bytes of JSON (0: no input). On POLWARD_DEFINED answer and
 * n_answer are set. */
POLWARD_API polward_outcome polward_ask(polward_session *session, const char *path, const char *input, size_t n_input,
                                        const char **answer, size_t *n_answer, char *why, size_t n_why);

/* Whether data.polward.decision allows. false for anything but a decision that allows, errors included. */
POLWARD_API bool polward_allows(polward_session *session, const char *input, size_t n_input);

#ifdef __cplusplus
}
#endif
