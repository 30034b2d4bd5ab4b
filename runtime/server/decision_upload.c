/* SPDX-License-Identifier: Apache-2.0
 * Batches on their way to a service. */
#include "runtime/server/decision_upload.h"

#include "runtime/server/coding.h"
#include "runtime/server/log.h"
#include "runtime/server/worker.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    BATCH_BYTES = 262144, /* sent at once when so much waits */
    DELAY_MS = 1000,      /* the longest an event waits for others */
    TIMEOUT_MS = 5000,
    RETRY_FIRST_MS = 500,
    RETRY_MOST_MS = 60000,
};

typedef enum { IDLE, SENDING, SENT, FAILED, REFUSED } upload_state;

struct pol_upload {
    pol_fetcher *fetcher;
    char *url, *ca_file, *head, *tail;
    const char *what;
    size_t max_bytes;
    pol_buf waiting, body; /* the head, and elements with commas between; the gzipped batch in hand */
    unsigned n_waiting, n_body;
    int64_t since_ms, next_ms; /* when the first event came; not before */
    uint32_t retry_ms;         /* 0: the last request succeeded */
    _Atomic int state;         /* of body; SENDING belongs to the fetcher's thread */
    char why[sizeof((pol_error *)0)->text];
};

bool pol_upload_new(pol_fetcher *fetcher, const pol_upload_config *config, pol_upload **out, pol_error *err)
{
    POL_TRY(pol_fetch_url_check(config->url, false, err));
    pol_upload *u = calloc(1, sizeof *u);
    if (!u)
        return pol_fail(err, POL_E_MEMORY, "no memory for what is to be sent");
    *out = u;
    u->fetcher = fetcher;
    u->max_bytes = config->max_bytes;
    u->what = config->what;
    u->url = strdup(config->url);
    u->ca_file = config->ca_file ? strdup(config->ca_file) : NULL;
    u->head = strdup(config->head);
    u->tail = strdup(config->tail);
    return (u->url && u->head && u->tail && !u->ca_file == !config->ca_file) || pol_fail(err, POL_E_MEMORY, "no memory for what is to be sent");
}

bool pol_upload_add(pol_upload *u, pol_bytes element)
{
    if (u->waiting.n + element.n + 1 > u->max_bytes)
        return false;
    if (u->n_waiting == 0) {
        u->since_ms = pol_monotonic_ms();
        pol_buf_text(&u->waiting, u->head);
    } else {
        pol_buf_byte(&u->waiting, ',');
    }
    pol_buf_bytes(&u->waiting, element);
    u->n_waiting++;
    return true;
}

static void on_answer(void *context, const pol_fetch_answer *answer)
{
    pol_upload *u = context;
    bool good = answer->ok && answer->status >= 200 && answer->status < 300;
    bool again = !answer->ok || answer->status >= 500 || answer->status == 408 || answer->status == 429;
    if (answer->ok)
        snprintf(u->why, sizeof u->why, "the service answered %d", answer->status);
    else
        snprintf(u->why, sizeof u->why, "%s", answer->error);
    atomic_store_explicit(&u->state, good ? SENT : again ? FAILED : REFUSED, memory_order_release);
}

static void send_body(pol_upload *u)
{
    static const char *const headers[] = {"Content-Type: application/json", "Content-Encoding: gzip"};
    pol_error err;
    pol_fetch_request request = {.url = u->url, .headers = headers, .n_headers = 2, .body = pol_buf_view(&u->body), .ca_file = u->ca_file,
                                 .timeout_ms = TIMEOUT_MS};
    atomic_store_explicit(&u->state, SENDING, memory_order_relaxed);
    if (!pol_fetch(u->fetcher, &request, on_answer, u, &err)) {
        snprintf(u->why, sizeof u->why, "%s", err.text);
        atomic_store_explicit(&u->state, FAILED, memory_order_relaxed);
    }
}

static void forget_body(pol_upload *u, pol_counter *count)
{
    pol_count(count, u->n_body);
    u->n_body = 0;
    pol_buf_clear(&u->body);
    atomic_store_explicit(&u->state, IDLE, memory_order_relaxed);
}

static void tell_failure(const pol_upload *u)
{
    pol_error err = {.code = POL_E_IO};
    snprintf(err.text, sizeof err.text, "%s", u->why);
    pol_log_error(POL_LOG_WARNING, u->what, &err);
}

/* What came of the batch in hand. */
static void take_answer(pol_upload *u, bool ending, pol_counter *sent, pol_counter *failed)
{
    switch ((upload_state)atomic_load_explicit(&u->state, memory_order_acquire)) {
    case SENT:
        u->retry_ms = 0;
        forget_body(u, sent);
        break;
    case REFUSED:
        tell_failure(u);
        forget_body(u, failed);
        break;
    case FAILED:
        if (u->retry_ms == 0)
            tell_failure(u);
        u->retry_ms = u->retry_ms == 0 ? RETRY_FIRST_MS : u->retry_ms < RETRY_MOST_MS / 2 ? u->retry_ms * 2 : RETRY_MOST_MS;
        u->next_ms = pol_monotonic_ms() + u->retry_ms;
        atomic_store_explicit(&u->state, IDLE, memory_order_relaxed);
        if (ending)
            forget_body(u, failed);
        break;
    case IDLE:
    case SENDING:
        break;
    }
}

bool pol_upload_step(pol_upload *u, bool ending, pol_counter *sent, pol_counter *failed)
{
    int64_t now = pol_monotonic_ms();
    take_answer(u, ending, sent, failed);
    if (atomic_load_explicit(&u->state, memory_order_acquire) != IDLE)
        return true;
    if (u->n_body == 0 && u->n_waiting && (ending || u->waiting.n >= BATCH_BYTES || now - u->since_ms >= DELAY_MS)) {
        pol_buf_text(&u->waiting, u->tail);
        u->n_body = u->n_waiting;
        u->n_waiting = 0;
        bool packed = pol_gzip(pol_buf_view(&u->waiting), &u->body);
        pol_buf_clear(&u->waiting);
        if (!packed)
            forget_body(u, failed);
    }
    if (u->n_body && (ending || now >= u->next_ms))
        send_body(u);
    return u->n_body || u->n_waiting;
}

void pol_upload_free(pol_upload *u)
{
    if (!u)
        return;
    while (atomic_load_explicit(&u->state, memory_order_acquire) == SENDING) /* ends: the request has a time-out */
        poll(NULL, 0, 5);
    pol_buf_deinit(&u->waiting);
    pol_buf_deinit(&u->body);
    free(u->url);
    free(u->ca_file);
    free(u->head);
    free(u->tail);
    free(u);
}
