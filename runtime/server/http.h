/* SPDX-License-Identifier: Apache-2.0
 * The head of an HTTP/1.1 request, read strictly (RFC 9110, RFC 9112): what two readers could take for two different requests is
 * refused. One length, no folded lines, no bare LF, no transfer coding. Pure functions over bytes; no sockets.
 */
#pragma once

#include "runtime/bytes.h"

enum {
    POL_HTTP_HEADERS_MAX = 64,
    POL_HTTP_TARGET_MAX = 8192,
};

typedef struct {
    pol_bytes name, value; /* the name as it was sent; the value without blanks around it */
} pol_http_header;

/* All bytes point into the text that was read. */
typedef struct {
    pol_bytes method, path, query; /* the path raw, beginning with '/'; the query without '?' */
    pol_bytes host;                /* of an absolute target, else of Host */
    pol_bytes content_type, content_encoding, accept, request_id;
    bool has_query, has_accept, has_request_id;
    bool http_1_0;
    bool keep_alive;
    bool expects_continue;
    uint64_t body_bytes;
    size_t head_bytes; /* the empty line included; where the body begins */
    pol_http_header headers[POL_HTTP_HEADERS_MAX];
    unsigned n_headers;
    /* a refusal: */
    int status;        /* 400, 411, 414, 417, 431, 501, 505 */
    const char *why;   /* a static sentence */
} pol_http_head;

typedef enum {
    POL_HTTP_COMPLETE, /* head is filled */
    POL_HTTP_MORE,     /* so far nothing is wrong */
    POL_HTTP_REFUSED,  /* status and why are filled; where the next request would begin is unknown */
} pol_http_outcome;

/* Reads the head at the beginning of text. max_head_bytes bounds it, the empty line included. */
pol_http_outcome pol_http_read(pol_bytes text, size_t max_head_bytes, pol_http_head *head);

/* The value of the header called name (any case), or n == 0 and at == NULL. */
pol_bytes pol_http_header_get(const pol_http_head *head, const char *name);

/* The same where it stands there once; n == 0: not, or twice. */
pol_bytes pol_http_header_once(const pol_http_head *head, const char *name);

/* Percent-decoding; plus: '+' is a blank, as in a query. out has room for in.n bytes. False: a bad escape. */
POL_MUST_USE bool pol_http_unescape(uint8_t *out, size_t *n_out, pol_bytes in, bool plus);

/* The first parameter called name in a query, still escaped. False: not there. Without '=' the value is empty. */
bool pol_http_parameter(pol_bytes query, const char *name, pol_bytes *value);

/* Whether a media type ("application/json; charset=utf-8") is the given one; parameters and case do not count. */
bool pol_http_media_type_is(pol_bytes value, const char *type);
/* Whether an Accept header has an element of that exact type with a weight above 0. */
bool pol_http_accepts(pol_bytes accept, const char *type);

/* "Not Found" */
const char *pol_http_reason(int status);
