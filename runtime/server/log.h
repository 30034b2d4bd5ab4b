/* SPDX-License-Identifier: Apache-2.0
 * One JSON object a line on standard error, each written by one write(2). Never given tokens, keys, inputs or whole headers.
 */
#pragma once

#include "runtime/bytes.h"

typedef enum { POL_LOG_INFO, POL_LOG_DEBUG, POL_LOG_WARNING, POL_LOG_ERROR } pol_log_level; /* as in config.def's words */

typedef struct {
    pol_buf text;
    bool on;
} pol_log_line;

/* Lines less serious than level are not written. Thread-safe. */
void pol_log_set_level(pol_log_level level);

/* A line is begun, given members and ended; the end frees it. what is a fixed text. */
pol_log_line pol_log_begin(pol_log_level level, const char *what);
void pol_log_text(pol_log_line *line, const char *name, const char *value);
void pol_log_bytes(pol_log_line *line, const char *name, pol_bytes value);
void pol_log_number(pol_log_line *line, const char *name, int64_t value);
void pol_log_end(pol_log_line *line);

/* A line with one member "error". */
void pol_log_error(pol_log_level level, const char *what, const pol_error *err);

/* RFC 3339, UTC, with milliseconds. */
void pol_time_text(int64_t now_ns, char out[32]);
/* CLOCK_REALTIME. */
int64_t pol_clock_ns(void);

/* How many lines could not be written. */
uint64_t pol_log_lost(void);
