/* SPDX-License-Identifier: Apache-2.0
 * Instants, civil dates and time zones: the proleptic Gregorian calendar, the IANA zones of the machine, and texts of time by
 * Go's layouts ("2006-01-02"), as Rego's time functions use them. Nothing here reads a clock or the machine's own zone.
 */
#pragma once

#include "runtime/bytes.h"

enum { POL_ZONE_NAME_MAX = 15 };

/* A date and a time of day at an offset from UTC. */
typedef struct {
    int64_t year;
    int32_t month, day;           /* from 1 */
    int32_t hour, minute, second, nanosecond;
    int32_t weekday, year_day;    /* 0 is Sunday; from 1 */
    int32_t offset_s;             /* east of UTC */
    char zone[POL_ZONE_NAME_MAX + 1];
} pol_civil;

/* Days since 1970-01-01; month may be any number, day too: what is over is carried. */
int64_t pol_days_from_civil(int64_t year, int64_t month, int64_t day);

/* A zone read from the IANA data base. Zero-initialised is UTC. */
typedef struct {
    pol_buf file; /* empty: UTC */
} pol_zone;

void pol_zone_deinit(pol_zone *zone);
/* "Europe/Berlin"; "", "UTC" and "Local" are UTC: a decision does not depend on the machine's own zone. */
POL_MUST_USE bool pol_zone_read(pol_zone *zone, pol_bytes name, pol_error *err);
/* Offset east of UTC in seconds at an instant; name (may be NULL) gets the abbreviation. */
int32_t pol_zone_offset(const pol_zone *zone, int64_t unix_s, char name[POL_ZONE_NAME_MAX + 1]);

pol_civil pol_civil_at(const pol_zone *zone, int64_t unix_s, int32_t nanosecond);
/* The instant of a date and time of day in zone, where months and days may be over; false when it is beyond what int64 nanoseconds hold. */
POL_MUST_USE bool pol_civil_to_ns(const pol_zone *zone, const pol_civil *civil, int64_t *ns);

/* Appends civil by Go's layout. */
void pol_time_format(pol_buf *out, const pol_civil *civil, pol_bytes layout);
/* Reads value by Go's layout into nanoseconds since 1970. On failure err's text is Go's. */
POL_MUST_USE bool pol_time_parse(pol_bytes layout, pol_bytes value, int64_t *ns, pol_error *err);
/* "1h15m30.918s". */
POL_MUST_USE bool pol_duration_parse(pol_bytes text, int64_t *ns, pol_error *err);
