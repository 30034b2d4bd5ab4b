/* SPDX-License-Identifier: Apache-2.0
 * Decision events by HTTP: gzipped JSON arrays to a service, one request at a time, tried again with a growing delay. Belongs to the
 * decision log's thread.
 */
#pragma once

#include "runtime/fetch/fetch.h"
#include "runtime/server/metrics.h"

typedef struct pol_upload pol_upload;

/* url and ca_file (NULL: the system's roots) are copied; at most max_bytes of events wait. */
POL_MUST_USE bool pol_upload_new(pol_fetcher *fetcher, const char *url, const char *ca_file, size_t max_bytes, pol_upload **out, pol_error *err);
/* Waits for a request under way, for five seconds at most. NULL is nothing. */
void pol_upload_free(pol_upload *upload);
/* False: there is no room. */
POL_MUST_USE bool pol_upload_add(pol_upload *upload, pol_bytes event);
/* Sends what is due, all of it when ending; counts what came of events sent before. False: nothing waits and nothing is under way. */
bool pol_upload_step(pol_upload *upload, bool ending, pol_counter *sent, pol_counter *failed);
