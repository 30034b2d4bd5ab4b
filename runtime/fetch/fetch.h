/* SPDX-License-Identifier: Apache-2.0
 * Outgoing HTTP: what pold itself asks of others (keys, introspection, OCSP, bundles, log sinks), by libcurl on one background
 * thread. No decision waits in here; an answer comes to a callback on the fetcher's thread.
 *
 * https with the peer's name and chain verified, or http where the host is this machine by number or "localhost" (or where the request says
 * that its answers are signed themselves, as OCSP's are). No redirect is followed, no proxy of the environment is used.
 */
#pragma once

#include "runtime/bytes.h"

typedef struct pol_fetcher pol_fetcher;

typedef struct {
    const char *url;
    const char *method;                 /* NULL: GET, or POST with a body */
    const char *const *headers;         /* "Name: value" */
    unsigned n_headers;
    pol_bytes body;                     /* at NULL: none */
    const char *ca_file;                /* PEM; NULL: the system's roots */
    const char *cert_file, *key_file;   /* PEM, a client certificate; NULL: none */
    uint32_t timeout_ms;                /* for the whole of it; 0: 5000 */
    size_t max_bytes;                   /* of the answer's body; 0: 1 MiB */
    bool (*part)(void *context, pol_bytes bytes); /* of an answer of status 200, on the fetcher's thread, as it comes; the body is then empty. False: enough, the answer is !ok. NULL: the body is collected */
    bool plain_http;                    /* http to any host: the answer is protected by a signature of its own */
} pol_fetch_request;

typedef struct {
    bool ok;                            /* an answer came, whole and within limits; whatever its status */
    int status;
    pol_bytes body;                     /* a NUL stands behind it */
    bool has_max_age;
    uint32_t max_age_s;                 /* Cache-Control: max-age; no-store and no-cache give 0 */
    char etag[128];                     /* "": none */
    char content_type[128];
    char error[200];                    /* when !ok: a sentence, without anything of headers, bodies or the URL's query */
} pol_fetch_answer;

/* On the fetcher's thread, once for each pol_fetch that was taken. answer is borrowed for the call. It may call pol_fetch and pol_fetch_later. */
typedef void pol_fetch_done(void *context, const pol_fetch_answer *answer);

/* Starts the thread. */
POL_MUST_USE bool pol_fetcher_new(pol_fetcher **out, pol_error *err);
/* Ends the thread: what is under way is answered !ok, timers do not run. NULL is nothing. */
void pol_fetcher_free(pol_fetcher *fetcher);

/* From any thread; request is copied. False: done is not called, and err says what is wrong with the request. */
POL_MUST_USE bool pol_fetch(pol_fetcher *fetcher, const pol_fetch_request *request, pol_fetch_done *done, void *context, pol_error *err);

/* Calls run(context) on the fetcher's thread in ms milliseconds. From any thread. cancelled (may be NULL) is called instead when the fetcher ends before.
 * False: neither is called; there was no memory, or the fetcher is ending. */
POL_MUST_USE bool pol_fetch_later(pol_fetcher *fetcher, uint32_t ms, void (*run)(void *context), void (*cancelled)(void *context), void *context);

/* From three quarters of ms to all of it, at random: so that many who ask the same server do not do so at once. */
uint32_t pol_fetch_jitter(uint64_t ms);

/* Whether pol_fetch would take this URL, for the check of a configuration. */
POL_MUST_USE bool pol_fetch_url_check(const char *url, bool plain_http, pol_error *err);
