/* SPDX-License-Identifier: Apache-2.0
 * Batches of JSON by HTTP: decision events and spans, gzipped, to a service, one request at a time, tried again with a growing delay. Belongs to one thread.
 */
#pragma once

#include "runtime/fetch/fetch.h"
#include "runtime/server/metrics.h"

typedef struct pol_upload pol_upload;

typedef struct {
    const char *url, *ca_file; /* ca_file NULL: the system's roots */
    size_t max_bytes;          /* of what waits */
    const char *head, *tail;   /* around the elements, which commas part: "[" and "]" */
    const char *what;          /* a static text, for the log: "events could not be sent" */
} pol_upload_config;

/* config is copied. */
POL_MUST_USE bool pol_upload_new(pol_fetcher *fetcher, const pol_upload_config *config, pol_upload **out, pol_error *err);
/* Waits for a request under way, for five seconds at most. NULL is nothing. */
void pol_upload_free(pol_upload *upload);
/* False: there is no room. */
POL_MUST_USE bool pol_upload_add(pol_upload *upload, pol_bytes event);
/* Sends what is due, all of it when ending; counts what came of events sent before. False: nothing waits and nothing is under way. */
bool pol_upload_step(pol_upload *upload, bool ending, pol_counter *sent, pol_counter *failed);
