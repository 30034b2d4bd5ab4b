/* SPDX-License-Identifier: Apache-2.0
 * Time zones from the machine's IANA files: TZif versions 1 to 4 (RFC 9636) with the rule in the footer for what lies behind the
 * last transition. The files are taken as foreign bytes: each count is checked against the file's length before use.
 */
#include "runtime/calendar.h"

#include <stdio.h>

enum { FILE_MAX = 256 * 1024, HEADER = 44, NAME_MAX_BYTES = 64 };

typedef struct {
    const uint8_t *times, *types, *kinds, *names;
    uint32_t n_times, n_kinds, n_names;
    unsigned time_size; /* 4 or 8 */
    pol_bytes footer;
} tables;

typedef struct {
    int kind; /* 'J': 1..365 without Feb 29; 'D': 0..365; 'M' */
    int month, week, day;
    int32_t time_s;
} turn;

typedef struct {
    char std_name[POL_ZONE_NAME_MAX + 1], dst_name[POL_ZONE_NAME_MAX + 1];
    int32_t std_s, dst_s;
    bool has_dst;
    turn start, end;
} rule;

static uint32_t read32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t read_time(const tables *t, uint32_t i)
{
    const uint8_t *p = t->times + (size_t)i * t->time_size;
    if (t->time_size == 4)
        return (int32_t)read32(p);
    return (int64_t)((uint64_t)read32(p) << 32 | read32(p + 4));
}

/* One block of data behind its header; *size is header and data together. */
static bool read_block(pol_bytes file, unsigned time_size, tables *t, size_t *size)
{
    if (file.n < HEADER || memcmp(file.at, "TZif", 4) != 0)
        return false;
    uint32_t n_utc = read32(file.at + 20), n_std = read32(file.at + 24), n_leaps = read32(file.at + 28);
    uint32_t n_times = read32(file.at + 32), n_kinds = read32(file.at + 36), n_names = read32(file.at + 40);
    if (n_kinds == 0 || n_kinds > 256 || n_times > FILE_MAX || n_names > FILE_MAX || n_leaps > FILE_MAX ||
        n_utc > 256 || n_std > 256)
        return false;
    size_t need = HEADER + (size_t)n_times * time_size + n_times + (size_t)n_kinds * 6 + n_names +
                  (size_t)n_leaps * (time_size + 4) + n_std + n_utc;
    if (need > file.n)
        return false;
    *t = (tables){.times = file.at + HEADER, .n_times = n_times, .n_kinds = n_kinds, .n_names = n_names, .time_size = time_size};
    t->types = t->times + (size_t)n_times * time_size;
    t->kinds = t->types + n_times;
    t->names = t->kinds + (size_t)n_kinds * 6;
    for (uint32_t i = 0; i < n_times; i++) {
        if (t->types[i] >= n_kinds)
            return false;
    }
    *size = need;
    return true;
}

static bool read_tables(pol_bytes file, tables *t)
{
    size_t size = 0;
    if (!read_block(file, 4, t, &size))
        return false;
    if (file.at[4] < '2')
        return true;
    file.at += size;
    file.n -= size;
    if (!read_block(file, 8, t, &size))
        return false;
    file.at += size;
    file.n -= size;
    if (file.n >= 2 && file.at[0] == '\n' && file.at[file.n - 1] == '\n')
        t->footer = pol_bytes_of(file.at + 1, file.n - 2);
    return true;
}

/* ---- the rule of the footer: POSIX TZ text ---- */

static bool read_name(pol_bytes *s, char name[POL_ZONE_NAME_MAX + 1])
{
    size_t n = 0, skip = 0;
    if (s->n && s->at[0] == '<') {
        skip = 1;
        while (1 + n < s->n && s->at[1 + n] != '>')
            n++;
        if (1 + n == s->n)
            return false;
    } else {
        while (n < s->n && ((s->at[n] | 32) >= 'a' && (s->at[n] | 32) <= 'z'))
            n++;
    }
    if (n < 3 || n > POL_ZONE_NAME_MAX)
        return false;
    memcpy(name, s->at + skip, n);
    name[n] = 0;
    s->at += n + 2 * skip;
    s->n -= n + 2 * skip;
    return true;
}

static bool read_digits(pol_bytes *s, int max, int *out)
{
    int v = 0;
    size_t n = 0;
    while (n < s->n && n < 4 && s->at[n] >= '0' && s->at[n] <= '9')
        v = v * 10 + (s->at[n++] - '0');
    if (n == 0 || v > max)
        return false;
    s->at += n;
    s->n -= n;
    *out = v;
    return true;
}

static bool take(pol_bytes *s, char c)
{
    if (s->n == 0 || s->at[0] != (uint8_t)c)
        return false;
    s->at++;
    s->n--;
    return true;
}

/* [+-]hh[:mm[:ss]] */
static bool read_seconds(pol_bytes *s, int32_t *out)
{
    int sign = take(s, '-') ? -1 : 1, hours, minutes = 0, seconds = 0;
    if (sign == 1)
        (void)take(s, '+');
    if (!read_digits(s, 167, &hours))
        return false;
    if (take(s, ':')) {
        if (!read_digits(s, 59, &minutes))
            return false;
        if (take(s, ':') && !read_digits(s, 59, &seconds))
            return false;
    }
    *out = sign * (hours * 3600 + minutes * 60 + seconds);
    return true;
}

static bool read_turn(pol_bytes *s, turn *t)
{
    t->time_s = 7200;
    if (!take(s, ','))
        return false;
    if (take(s, 'J')) {
        t->kind = 'J';
        if (!read_digits(s, 365, &t->day) || t->day == 0)
            return false;
    } else if (take(s, 'M')) {
        t->kind = 'M';
        if (!read_digits(s, 12, &t->month) || t->month == 0 || !take(s, '.') || !read_digits(s, 5, &t->week) ||
            t->week == 0 || !take(s, '.') || !read_digits(s, 6, &t->day))
            return false;
    } else {
        t->kind = 'D';
        if (!read_digits(s, 365, &t->day))
            return false;
    }
    return !take(s, '/') || read_seconds(s, &t->time_s);
}

static bool read_rule(pol_bytes s, rule *r)
{
    *r = (rule){0};
    int32_t west;
    if (!read_name(&s, r->std_name) || !read_seconds(&s, &west))
        return false;
    r->std_s = -west;
    if (s.n == 0)
        return true;
    if (!read_name(&s, r->dst_name))
        return false;
    r->dst_s = r->std_s + 3600;
    if (s.n && s.at[0] != ',') {
        if (!read_seconds(&s, &west))
            return false;
        r->dst_s = -west;
    }
    r->has_dst = true;
    return read_turn(&s, &r->start) && read_turn(&s, &r->end) && s.n == 0;
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Seconds since 1970, by the wall clock, of a turn in a year. */
static int64_t turn_at(const turn *t, int64_t year)
{
    int64_t first = pol_days_from_civil(year, 1, 1), day;
    if (t->kind == 'J') {
        day = first + t->day - 1 + (is_leap(year) && t->day >= 60);
    } else if (t->kind == 'D') {
        day = first + t->day;
    } else {
        day = pol_days_from_civil(year, t->month, 1);
        int64_t weekday = ((day + 4) % 7 + 7) % 7, end = pol_days_from_civil(year, t->month + 1, 1);
        day += (t->day - weekday + 7) % 7 + 7 * (t->week - 1);
        while (day >= end)
            day -= 7;
    }
    return day * 86400 + t->time_s;
}

static int32_t offset_by_rule(const rule *r, int64_t unix_s, char *name)
{
    bool dst = false;
    if (r->has_dst) {
        pol_civil c = pol_civil_at(NULL, unix_s + r->std_s, 0);
        int64_t start = turn_at(&r->start, c.year) - r->std_s, end = turn_at(&r->end, c.year) - r->dst_s;
        dst = start < end ? (unix_s >= start && unix_s < end) : !(unix_s >= end && unix_s < start);
    }
    if (name)
        memcpy(name, dst ? r->dst_name : r->std_name, POL_ZONE_NAME_MAX + 1);
    return dst ? r->dst_s : r->std_s;
}

/* ---- the file ---- */

static int32_t offset_of_kind(const tables *t, uint32_t kind, char *name)
{
    const uint8_t *k = t->kinds + (size_t)kind * 6;
    if (name) {
        size_t n = 0;
        for (uint32_t at = k[5]; at + n < t->n_names && t->names[at + n] && n < POL_ZONE_NAME_MAX; n++)
            name[n] = (char)t->names[at + n];
        name[n] = 0;
    }
    return (int32_t)read32(k);
}

/* What held before the first transition: the first kind that is no summer time. */
static uint32_t first_kind(const tables *t)
{
    for (uint32_t i = 0; i < t->n_kinds; i++) {
        if (t->kinds[(size_t)i * 6 + 4] == 0)
            return i;
    }
    return 0;
}

int32_t pol_zone_offset(const pol_zone *zone, int64_t unix_s, char name[POL_ZONE_NAME_MAX + 1])
{
    tables t;
    if (!zone || zone->file.n == 0 || !read_tables(pol_buf_view(&zone->file), &t)) {
        if (name)
            memcpy(name, "UTC", 4);
        return 0;
    }
    uint32_t low = 0, high = t.n_times; /* the first transition after unix_s */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (read_time(&t, middle) <= unix_s)
            low = middle + 1;
        else
            high = middle;
    }
    rule r;
    if (low == t.n_times && t.footer.n && read_rule(t.footer, &r))
        return offset_by_rule(&r, unix_s, name);
    return offset_of_kind(&t, low == 0 ? first_kind(&t) : t.types[low - 1], name);
}

void pol_zone_deinit(pol_zone *zone)
{
    pol_buf_deinit(&zone->file);
}

static bool is_zone_name(pol_bytes name)
{
    if (name.n == 0 || name.n > NAME_MAX_BYTES || name.at[0] == '/')
        return false;
    for (size_t i = 0; i < name.n; i++) {
        uint8_t c = name.at[i];
        bool plain = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' || c == '-' || c == '+';
        if (!plain && !(c == '/' && i + 1 < name.n && name.at[i + 1] != '/'))
            return false; /* so there is no '.' either, and no way up */
    }
    return true;
}

bool pol_zone_read(pol_zone *zone, pol_bytes name, pol_error *err)
{
    *zone = (pol_zone){0};
    if (name.n == 0 || pol_bytes_is(name, "UTC") || pol_bytes_is(name, "Local"))
        return true;
    if (!is_zone_name(name))
        return pol_fail(err, POL_E_NOT_FOUND, "time: invalid location name");
    char path[sizeof "/usr/share/zoneinfo/" + NAME_MAX_BYTES];
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%.*s", (int)name.n, (const char *)name.at);
    tables t;
    if (!pol_file_read(path, FILE_MAX, &zone->file, NULL) || !read_tables(pol_buf_view(&zone->file), &t)) {
        pol_zone_deinit(zone);
        *zone = (pol_zone){0};
        return pol_fail(err, POL_E_NOT_FOUND, "unknown time zone %.*s", (int)name.n, (const char *)name.at);
    }
    return true;
}
