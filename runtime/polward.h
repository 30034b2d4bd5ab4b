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
    POLWARD_REFUSED,   /* of polward_decide: who asks was not verified, or not the one that the request says; `why` says it. Deny. */
} polward_outcome;

/* The document at path ("polward/decision", "orders/allow") for input, n_input bytes of JSON (0: no input). On POLWARD_DEFINED answer and
 * n_answer are set. */
POLWARD_API polward_outcome polward_ask(polward_session *session, const char *path, const char *input, size_t n_input,
                                        const char **answer, size_t *n_answer, char *why, size_t n_why);

/* Whether data.polward.decision allows. false for anything but a decision that allows, errors included. */
POLWARD_API bool polward_allows(polward_session *session, const char *input, size_t n_input);

/* ---- requests with a token and a certificate, verified here ---- */

/* Whose tokens and certificates are believed; shared by threads. */
typedef struct polward_identity polward_identity;

typedef struct {
    const char *issuer;            /* the exact `iss` */
    const char *jwks_file;         /* its keys, a JWKS */
    const char *const *audiences;  /* any of these must be in `aud`; none: not looked at */
    unsigned n_audiences;
    const char *const *algorithms; /* "ES256", ...; at least one */
    unsigned n_algorithms;
    const char *subject_prefix;    /* put before `sub`; of several issuers each has its own. NULL: none */
    bool at_jwt;                   /* RFC 9068 is required */
    unsigned leeway_s;             /* for exp, nbf and iat; at most 300 */
} polward_issuer;

typedef struct {
    const polward_issuer *issuers;
    unsigned n_issuers;
    const char *const *trust_files; /* PEM files or folders: roots and intermediates of client certificates */
    unsigned n_trust_files;
    const char *const *crl_files;   /* the same of CRLs; with any, every certificate must be in the scope of a current one */
    unsigned n_crl_files;
} polward_identity_options;

/* Reads and checks all files; options may go away. NULL on failure. Open another one to take up changed files. */
POLWARD_API polward_identity *polward_identity_open(const polward_identity_options *options, char *why, size_t n_why);
/* When no session uses it any more. NULL is allowed. */
POLWARD_API void polward_identity_close(polward_identity *identity);

/* What a service was asked. Texts end with a NUL; NULL: not given. */
typedef struct {
    const char *subject, *action, *resource, *context; /* JSON objects, as in the AuthZEN API. The subject may be left to token and certificate */
    const char *token;                                 /* a JWT */
    const char *cert;                                  /* a chain in PEM, leaf first: of the connection, whose key its holder has proved to have */
    const char *method, *path, *query, *host, *scheme; /* of an HTTP request: with method and path, routes give what action and resource leave out */
    const char *headers;                               /* JSON object of its headers: names in lower case, each once, to strings */
} polward_request;

/* As polward_ask, with the input document that docs/identity.md describes, made of what verifies. Signatures that were found good are remembered by the session. */
POLWARD_API polward_outcome polward_decide(polward_session *session, const polward_identity *identity, const char *path, const polward_request *request,
                                           const char **answer, size_t *n_answer, char *why, size_t n_why);

/* ---- a client of pold, by binary frames over its unix socket ---- */

/* One connection, made when it is needed and made anew after it failed. One thread's. */
typedef struct polward_client polward_client;

typedef enum {
    POLWARD_EVALUATION = 1, /* of AuthZEN, as in docs/protocols.md */
    POLWARD_EVALUATIONS,
    POLWARD_SEARCH_SUBJECT,
    POLWARD_SEARCH_RESOURCE,
    POLWARD_SEARCH_ACTION,
} polward_operation;

/* socket_path is copied. timeout_ms: for each call, 0: 1,000. NULL: the path is too long. Nothing is connected yet. */
POLWARD_API polward_client *polward_client_new(const char *socket_path, unsigned timeout_ms);
POLWARD_API void polward_client_free(polward_client *client); /* NULL is allowed */

/* Asks and waits for the answer: status is HTTP's (200, 400, 503, ...), answer the JSON that belongs to it, NUL-terminated, until the next call. False: there is none, and `why` says why: deny. A connection that
 * the daemon has closed meanwhile is made anew, once. No answers to polward_client_send may be awaited. */
POLWARD_API bool polward_client_ask(polward_client *client, polward_operation operation, const char *body, size_t n_body, int *status, const char **answer, size_t *n_answer, char *why,
                                    size_t n_why);
/* Whether the evaluation that body asks for allows. false for anything else, errors included. */
POLWARD_API bool polward_client_allows(polward_client *client, const char *body, size_t n_body);

/* Many under way on the connection: requests with ids of the caller's choice, and their answers, in whatever order they come. After false all of them are lost and the connection is closed. */
POLWARD_API bool polward_client_send(polward_client *client, uint32_t id, polward_operation operation, const char *body, size_t n_body, char *why, size_t n_why);
POLWARD_API bool polward_client_receive(polward_client *client, uint32_t *id, int *status, const char **answer, size_t *n_answer, char *why, size_t n_why);

#ifdef __cplusplus
}
#endif
