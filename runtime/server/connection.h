/* SPDX-License-Identifier: Apache-2.0
 * A connection as the files that serve it see it: connection.c reads and answers, parking.c keeps what waits.
 */
#pragma once

#include "runtime/server/answer.h"
#include "runtime/server/wire.h"
#include "runtime/server/worker.h"

#include <event2/event_struct.h>

struct bufferevent;

typedef enum {
    HANDSHAKE, /* TLS only */
    SERVING,
    LINGERING, /* the answer is out, what the client still sends is thrown away so that it can read the answer */
} pol_connection_state;

typedef enum { SILENT, HTTP, GREETING, FRAMES } pol_speech; /* nothing has come yet; GREETING: its first byte has */

/* A frame that waits for something that is fetched, apart from its connection, which goes on with others. */
typedef struct pol_parked_frame {
    TAILQ_ENTRY(pol_parked_frame) link;
    struct pol_connection *connection;
    pol_awaited awaited;
    int64_t begun_ns, until_ms;
    pol_wire_frame frame;
    uint8_t bytes[]; /* the whole of it, and room for a NUL */
} pol_parked_frame;

typedef struct pol_connection {
    TAILQ_ENTRY(pol_connection) link, parked_link;
    pol_worker *worker;
    int fd;
    struct event read_event, write_event; /* plain sockets */
    struct bufferevent *tls;
    uint64_t tls_generation; /* of the world whose trust its certificate was last verified under */
    pol_peer peer;
    pol_connection_state state;
    pol_speech speech;
    pol_buf in;    /* what was read and not yet used; mostly empty */
    size_t need;   /* bytes of the request at its beginning, once its head is known; else 0 */
    pol_buf out;   /* what the socket did not take */
    size_t out_at;
    bool parked;      /* the request at the beginning waits for something that is fetched: nothing is read, nothing else is answered */
    pol_awaited awaited;
    int64_t begun_ns;         /* of the request at the beginning, once it was parked; else 0 */
    int64_t parked_until_ms;
    unsigned n_parked_frames;
    bool continued;   /* 100 was sent for the request at the beginning */
    bool ended;       /* the client sends no more */
    bool close_after; /* once out is written */
    bool refused;     /* closing because of a refusal: linger */
    size_t lingered;
    int64_t deadline_ms;
} pol_connection;

/* ---- connection.c ---- */
void pol_connection_close(pol_connection *c);
/* False: the connection is dead. */
POL_MUST_USE bool pol_connection_serve_kept(pol_connection *c);
POL_MUST_USE bool pol_connection_serve_frame(pol_connection *c, const pol_wire_frame *frame, uint8_t *text, bool more, pol_parked_frame *waited);
/* After something was served: closes it when it is at its end, or has it wait for the next request. */
void pol_connection_after_serving(pol_connection *c);
/* Reads on, after what held it up was served. */
void pol_connection_read_on(pol_connection *c);
POL_MUST_USE bool pol_connection_take_end(pol_connection *c);
/* Trust may have changed since the handshake: a certificate that would be refused now asks no more. */
bool pol_connection_is_still_good(pol_connection *c);
bool pol_connection_has_output(const pol_connection *c);
/* Whether no more requests of the client are taken: one of his is parked, or he is so slow to read. */
bool pol_connection_is_blocked(const pol_connection *c);

/* ---- parking.c ---- */
/* Whether one more may wait. */
bool pol_park_has_room(const pol_worker *worker);
/* It waits no more. */
void pol_unpark(pol_connection *c);
/* The request stays at the beginning of in, and is handled anew when more is known. */
void pol_park(pol_connection *c, int64_t begun_ns);
/* False: the connection is to be parked with it. begun_ns: of the frame. */
POL_MUST_USE bool pol_park_frame(pol_connection *c, const pol_wire_frame *frame, const uint8_t *text, int64_t begun_ns);
void pol_parked_frame_drop(pol_parked_frame *f);
void pol_parked_frames_drop(pol_connection *c);
/* Handles the parked request again, and what follows it. */
void pol_parked_resume(pol_connection *c, bool give_up);
/* Frames that are no longer awaited, or with late_ones those whose time is over. */
void pol_parked_frames_resume(pol_worker *worker, bool late_ones);
