/* SPDX-License-Identifier: Apache-2.0
 * Built-ins of family time. Instants are nanoseconds since 1970 in int64; the clock is the decision's own, and the calendar and zones
 * are runtime/calendar.h's.
 */
#include "runtime/builtin.h"
#include "runtime/calendar.h"

static const struct {
    const char *name, *layout;
} named_layouts[] = {
    {"ANSIC", "Mon Jan _2 15:04:05 2006"},
    {"UnixDate", "Mon Jan _2 15:04:05 MST 2006"},
    {"RubyDate", "Mon Jan 02 15:04:05 -0700 2006"},
    {"RFC822", "02 Jan 06 15:04 MST"},
    {"RFC822Z", "02 Jan 06 15:04 -0700"},
    {"RFC850", "Monday, 02-Jan-06 15:04:05 MST"},
    {"RFC1123", "Mon, 02 Jan 2006 15:04:05 MST"},
    {"RFC1123Z", "Mon, 02 Jan 2006 15:04:05 -0700"},
    {"RFC3339", "2006-01-02T15:04:05Z07:00"},
    {"RFC3339Nano", "2006-01-02T15:04:05.999999999Z07:00"},
};

static pol_bytes find_layout(pol_bytes layout)
{
    for (size_t i = 0; i < sizeof named_layouts / sizeof *named_layouts; i++) {
        if (pol_bytes_is(layout, named_layouts[i].name))
            return pol_bytes_text(named_layouts[i].layout);
    }
    return layout;
}

/* ns, [ns, zone] or [ns, zone, layout] taken apart. */
typedef struct {
    int64_t ns;
    pol_bytes zone, layout;
} instant;

static bool take_text(pol_eval *ev, unsigned operand, pol_value v, pol_bytes *out)
{
    if (v.tag != POL_STRING) {
        pol_operand_error(ev, operand, "string", v);
        return false;
    }
    *out = pol_text(v);
    return true;
}

static bool take_instant(pol_eval *ev, const pol_value *args, unsigned i, instant *out)
{
    *out = (instant){.layout = POL_BYTES("2006-01-02T15:04:05.999999999Z07:00")};
    pol_value v = args[i];
    if (v.tag == POL_ARRAY && v.n > 0) {
        if (v.n > 1 && !take_text(ev, 1, pol_element(v, 1), &out->zone))
            return false;
        pol_bytes layout = {0};
        if (v.n > 2 && !take_text(ev, 1, pol_element(v, 2), &layout))
            return false;
        if (layout.n)
            out->layout = find_layout(layout);
        v = pol_element(v, 0);
        if (!pol_is_number(v)) {
            pol_operand_error(ev, 1, "number", v);
            return false;
        }
    } else if (!pol_is_number(v)) {
        pol_operand_error(ev, 1, "either number (ns) or [number (ns), string (tz)]", v);
        return false;
    }
    if (!pol_number_int64(v, &out->ns)) {
        pol_builtin_error(ev, "timestamp too big");
        return false;
    }
    return true;
}

static pol_civil civil_in(const pol_zone *zone, int64_t ns)
{
    int64_t s = ns / 1000000000, rest = ns % 1000000000;
    if (rest < 0) {
        rest += 1000000000;
        s--;
    }
    return pol_civil_at(zone, s, (int32_t)rest);
}

/* args[i] as a date and time of day in its zone. Takes nothing from the arena while it holds the zone's file. */
static bool take_civil(pol_eval *ev, const pol_value *args, unsigned i, pol_civil *out)
{
    instant at;
    POL_TRY(take_instant(ev, args, i, &at));
    pol_zone zone;
    pol_error err;
    if (!pol_zone_read(&zone, at.zone, &err)) {
        pol_builtin_error(ev, "%s", err.text);
        return false;
    }
    *out = civil_in(&zone, at.ns);
    pol_zone_deinit(&zone);
    return true;
}

static pol_value make_ints(pol_eval *ev, const int64_t *numbers, uint32_t n)
{
    pol_value v[6];
    for (uint32_t i = 0; i < n; i++)
        v[i] = pol_int(numbers[i]);
    return pol_array_of(pol_eval_arena(ev), v, n);
}

POL_BUILTIN_FLAGS(now_ns, "time.now_ns", "() number",
                  "The decision's time in nanoseconds since 1970, the same throughout one decision.", POL_NONDETERMINISTIC)
{
    return pol_int(pol_eval_now_ns(ev));
}

POL_BUILTIN(parse_ns, "time.parse_ns", "(layout: string, value: string) number",
            "`value` read by a layout of Go's (\"2006-01-02\") or by the name of one (\"RFC1123\").")
{
    pol_bytes layout = pol_arg_string(ev, args, 0), value = pol_arg_string(ev, args, 1);
    if (pol_builtin_failed(ev))
        return pol_undefined();
    int64_t ns;
    pol_error err;
    if (!pol_time_parse(find_layout(layout), value, &ns, &err))
        return pol_builtin_error(ev, "%s", err.text);
    return pol_int(ns);
}

POL_BUILTIN(parse_rfc3339_ns, "time.parse_rfc3339_ns", "(value: string) number", "An RFC 3339 time in nanoseconds since 1970.")
{
    pol_bytes value = pol_arg_string(ev, args, 0);
    if (pol_builtin_failed(ev))
        return pol_undefined();
    int64_t ns;
    pol_error err;
    if (!pol_time_parse(POL_BYTES("2006-01-02T15:04:05Z07:00"), value, &ns, &err))
        return pol_builtin_error(ev, "%s", err.text);
    return pol_int(ns);
}

POL_BUILTIN(parse_duration_ns, "time.parse_duration_ns", "(duration: string) number",
            "A duration such as \"1h30m\" or \"250ms\" in nanoseconds.")
{
    pol_bytes text = pol_arg_string(ev, args, 0);
    if (pol_builtin_failed(ev))
        return pol_undefined();
    int64_t ns;
    pol_error err;
    if (!pol_duration_parse(text, &ns, &err))
        return pol_builtin_error(ev, "%s", err.text);
    return pol_int(ns);
}

POL_BUILTIN(format, "time.format", "(x: number|[number, string]|[number, string, string]) string",
            "A time as text: RFC 3339 in UTC, or in the zone and by the layout given.")
{
    instant at;
    pol_civil civil;
    if (!take_instant(ev, args, 0, &at) || !take_civil(ev, args, 0, &civil))
        return pol_undefined();
    pol_charge(ev, at.layout.n);
    pol_buf text = {0};
    pol_time_format(&text, &civil, at.layout);
    uint8_t *copy = pol_arena_try(pol_eval_arena(ev), text.n + 1);
    size_t n = text.n;
    if (copy)
        memcpy(copy, text.at ? text.at : (const uint8_t *)"", n);
    pol_buf_deinit(&text);
    return copy ? pol_string(pol_bytes_of(copy, n)) : pol_builtin_error(ev, "the text is too long");
}

POL_BUILTIN(date, "time.date", "(x: number|[number, string]) [number, number, number]", "Year, month and day, in UTC or the zone given.")
{
    pol_civil c;
    if (!take_civil(ev, args, 0, &c))
        return pol_undefined();
    return make_ints(ev, (int64_t[]){c.year, c.month, c.day}, 3);
}

POL_BUILTIN(clock, "time.clock", "(x: number|[number, string]) [number, number, number]",
            "Hour, minute and second of the day, in UTC or the zone given.")
{
    pol_civil c;
    if (!take_civil(ev, args, 0, &c))
        return pol_undefined();
    return make_ints(ev, (int64_t[]){c.hour, c.minute, c.second}, 3);
}

POL_BUILTIN(weekday, "time.weekday", "(x: number|[number, string]) string", "The day of the week: \"Monday\" to \"Sunday\".")
{
    static const char *const names[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
    pol_civil c;
    if (!take_civil(ev, args, 0, &c))
        return pol_undefined();
    return pol_string_text(names[c.weekday]);
}

POL_BUILTIN(add_date, "time.add_date", "(ns: number, years: number, months: number, days: number) number",
            "The time so many years, months and days later, by the calendar of UTC.")
{
    enum { MOST = 1000000000 };
    instant at;
    if (!take_instant(ev, args, 0, &at))
        return pol_undefined();
    int64_t years = pol_arg_int(ev, args, 1), months = pol_arg_int(ev, args, 2), days = pol_arg_int(ev, args, 3);
    if (pol_builtin_failed(ev))
        return pol_undefined();
    int64_t ns = 0;
    bool ok = years >= -MOST && years <= MOST && months >= -MOST && months <= MOST && days >= -MOST && days <= MOST;
    pol_zone zone;
    pol_error err;
    if (!pol_zone_read(&zone, at.zone, &err))
        return pol_builtin_error(ev, "%s", err.text);
    if (ok) {
        pol_civil c = civil_in(&zone, at.ns);
        c.year += years;
        c.month += (int32_t)months;
        c.day += (int32_t)days;
        ok = pol_civil_to_ns(&zone, &c, &ns);
    }
    pol_zone_deinit(&zone);
    return ok ? pol_int(ns) : pol_builtin_error(ev, "time outside of valid range");
}

/* Years to seconds between two dates, as one counts them on a calendar. */
static pol_value count_between(pol_eval *ev, const pol_civil *a, const pol_civil *b)
{
    int64_t years = b->year - a->year, months = b->month - a->month, days = b->day - a->day;
    int64_t hours = b->hour - a->hour, minutes = b->minute - a->minute, seconds = b->second - a->second;
    if (seconds < 0) {
        seconds += 60;
        minutes--;
    }
    if (minutes < 0) {
        minutes += 60;
        hours--;
    }
    if (hours < 0) {
        hours += 24;
        days--;
    }
    if (days < 0) {
        days += pol_days_from_civil(a->year, a->month + 1, 1) - pol_days_from_civil(a->year, a->month, 1);
        months--;
    }
    if (months < 0) {
        months += 12;
        years--;
    }
    return make_ints(ev, (int64_t[]){years, months, days, hours, minutes, seconds}, 6);
}

POL_BUILTIN(diff, "time.diff",
            "(ns1: number|[number, string], ns2: number|[number, string]) [number, number, number, number, number, number]",
            "Years, months, days, hours, minutes and seconds between two times, by the calendar of the first one's zone.")
{
    instant a, b;
    if (!take_instant(ev, args, 0, &a) || !take_instant(ev, args, 1, &b))
        return pol_undefined();
    pol_zone zone;
    pol_error err;
    if (!pol_zone_read(&zone, b.zone, &err))
        return pol_builtin_error(ev, "%s", err.text);
    pol_zone_deinit(&zone);
    if (!pol_zone_read(&zone, a.zone, &err))
        return pol_builtin_error(ev, "%s", err.text);
    pol_civil first = civil_in(&zone, a.ns < b.ns ? a.ns : b.ns), second = civil_in(&zone, a.ns < b.ns ? b.ns : a.ns);
    pol_zone_deinit(&zone);
    return count_between(ev, &first, &second);
}

POL_FAMILY(time) = {
    POL_ROW(now_ns), POL_ROW(parse_ns), POL_ROW(parse_rfc3339_ns), POL_ROW(parse_duration_ns), POL_ROW(format), POL_ROW(date),
    POL_ROW(clock), POL_ROW(weekday), POL_ROW(add_date), POL_ROW(diff), POL_END,
};
