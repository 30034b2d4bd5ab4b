/* SPDX-License-Identifier: Apache-2.0
 * Civil dates, texts of time by Go's layouts, and durations. A layout is cut into elements by next_element, the one
 * place that knows them; formatting and parsing are a switch over the elements each.
 */
#include "runtime/calendar.h"

#include <stdio.h>

/* ---- dates ---- */

static int64_t divide_floor(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

int64_t pol_days_from_civil(int64_t year, int64_t month, int64_t day)
{
    int64_t years = divide_floor(month - 1, 12);
    year += years;
    month -= 12 * years;
    /* years that begin in March, so that the leap day is the last one */
    int64_t y = month <= 2 ? year - 1 : year, era = divide_floor(y, 400), of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719468 + (day - 1);
}

pol_civil pol_civil_at(const pol_zone *zone, int64_t unix_s, int32_t nanosecond)
{
    pol_civil c = {.nanosecond = nanosecond};
    c.offset_s = pol_zone_offset(zone, unix_s, c.zone);
    int64_t local = unix_s + c.offset_s, days = divide_floor(local, 86400), rest = local - days * 86400;
    c.hour = (int32_t)(rest / 3600);
    c.minute = (int32_t)(rest / 60 % 60);
    c.second = (int32_t)(rest % 60);
    c.weekday = (int32_t)(((days + 4) % 7 + 7) % 7);
    int64_t z = days + 719468, era = divide_floor(z, 146097), of_era = z - era * 146097;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;
    c.day = (int32_t)(of_year - (153 * m + 2) / 5 + 1);
    c.month = (int32_t)(m < 10 ? m + 3 : m - 9);
    c.year = y + era * 400 + (c.month <= 2);
    c.year_day = (int32_t)(days - pol_days_from_civil(c.year, 1, 1) + 1);
    return c;
}

static bool to_ns(int64_t unix_s, int32_t nanosecond, int64_t *ns)
{
    /* the least int64 is -9223372037 s + 145224192 ns: its product alone would overflow */
    if (unix_s < 0) {
        unix_s += 1;
        nanosecond -= 1000000000;
    }
    return !__builtin_mul_overflow(unix_s, (int64_t)1000000000, ns) && !__builtin_add_overflow(*ns, nanosecond, ns);
}

bool pol_civil_to_ns(const pol_zone *zone, const pol_civil *c, int64_t *ns)
{
    enum { YEARS_MAX = 100000 };
    if (c->year < -YEARS_MAX || c->year > YEARS_MAX)
        return false;
    int64_t local = pol_days_from_civil(c->year, c->month, c->day) * 86400 + c->hour * 3600 + c->minute * 60 + c->second;
    int32_t offset = pol_zone_offset(zone, local, NULL);
    if (offset)
        offset = pol_zone_offset(zone, local - offset, NULL);
    return to_ns(local - offset, c->nanosecond, ns);
}

/* ---- layouts ---- */

typedef enum {
    NOTHING, LONG_MONTH, MONTH, NUM_MONTH, ZERO_MONTH, LONG_WEEKDAY, WEEKDAY, DAY, UNDER_DAY, ZERO_DAY, UNDER_YEAR_DAY,
    ZERO_YEAR_DAY, HOUR, HOUR12, ZERO_HOUR12, MINUTE, ZERO_MINUTE, SECOND, ZERO_SECOND, LONG_YEAR, YEAR, UPPER_PM, LOWER_PM,
    ZONE_NAME, ZONE_NUM, /* the form of a numeric zone is the element's text */
    FRACTION_ZEROS, FRACTION_NINES,
} element;

static const struct {
    const char *text;
    element element;
} elements[] = { /* a longer one before its beginning */
    {"January", LONG_MONTH}, {"Jan", MONTH}, {"Monday", LONG_WEEKDAY}, {"Mon", WEEKDAY}, {"MST", ZONE_NAME},
    {"01", ZERO_MONTH}, {"002", ZERO_YEAR_DAY}, {"02", ZERO_DAY}, {"03", ZERO_HOUR12}, {"04", ZERO_MINUTE},
    {"05", ZERO_SECOND}, {"06", YEAR}, {"15", HOUR}, {"1", NUM_MONTH}, {"2006", LONG_YEAR}, {"2", DAY},
    {"__2", UNDER_YEAR_DAY}, {"_2", UNDER_DAY}, {"3", HOUR12}, {"4", MINUTE}, {"5", SECOND}, {"PM", UPPER_PM},
    {"pm", LOWER_PM}, {"-070000", ZONE_NUM}, {"-07:00:00", ZONE_NUM}, {"-0700", ZONE_NUM}, {"-07:00", ZONE_NUM},
    {"-07", ZONE_NUM}, {"Z070000", ZONE_NUM}, {"Z07:00:00", ZONE_NUM}, {"Z0700", ZONE_NUM}, {"Z07:00", ZONE_NUM},
    {"Z07", ZONE_NUM},
};

static const char *const months[] = {"January", "February", "March", "April", "May", "June", "July", "August", "September",
                                     "October", "November", "December"};
static const char *const weekdays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

static pol_bytes slice(pol_bytes s, size_t from, size_t n)
{
    return pol_bytes_of(s.at + from, n);
}
static bool is_digit(pol_bytes s, size_t i)
{
    return i < s.n && s.at[i] >= '0' && s.at[i] <= '9';
}

/* The element that begins at layout[i]; its text's length in *n. */
static element element_at(pol_bytes layout, size_t i, size_t *n)
{
    pol_bytes rest = slice(layout, i, layout.n - i);
    if ((rest.at[0] == '.' || rest.at[0] == ',') && rest.n > 1 && (rest.at[1] == '0' || rest.at[1] == '9')) {
        size_t end = 1;
        while (end < rest.n && rest.at[end] == rest.at[1])
            end++;
        *n = end;
        return is_digit(rest, end) ? NOTHING : rest.at[1] == '0' ? FRACTION_ZEROS : FRACTION_NINES;
    }
    if (pol_bytes_starts(rest, POL_BYTES("_2006")))
        return NOTHING; /* a plain '_' before a year */
    for (size_t k = 0; k < sizeof elements / sizeof *elements; k++) {
        pol_bytes text = pol_bytes_text(elements[k].text);
        if (!pol_bytes_starts(rest, text))
            continue;
        if ((elements[k].element == MONTH || elements[k].element == WEEKDAY) && rest.n > 3 && rest.at[3] >= 'a' &&
            rest.at[3] <= 'z')
            continue;
        *n = text.n;
        return elements[k].element;
    }
    return NOTHING;
}

/* The next element of layout: what is before it in *prefix, its text in *text; *layout moves behind it. */
static element next_element(pol_bytes *layout, pol_bytes *prefix, pol_bytes *text)
{
    for (size_t i = 0; i < layout->n; i++) {
        size_t n = 0;
        element e = element_at(*layout, i, &n);
        if (e != NOTHING) {
            *prefix = slice(*layout, 0, i);
            *text = slice(*layout, i, n);
            *layout = slice(*layout, i + n, layout->n - i - n);
            return e;
        }
    }
    *prefix = *layout;
    *text = (pol_bytes){0};
    *layout = (pol_bytes){0};
    return NOTHING;
}

/* ---- writing ---- */

static void put_zone(pol_buf *out, int32_t offset_s, pol_bytes form)
{
    if (form.at[0] == 'Z' && offset_s == 0) {
        pol_buf_byte(out, 'Z');
        return;
    }
    int32_t s = offset_s < 0 ? -offset_s : offset_s;
    bool colons = pol_bytes_find(form, POL_BYTES(":"), 0) >= 0;
    pol_buf_printf(out, "%c%02d", offset_s < 0 ? '-' : '+', s / 3600);
    if (form.n >= 5)
        pol_buf_printf(out, "%s%02d", colons ? ":" : "", s / 60 % 60);
    if (form.n >= 7)
        pol_buf_printf(out, "%s%02d", colons ? ":" : "", s % 60);
}

static void put_fraction(pol_buf *out, int32_t nanosecond, pol_bytes form, bool trim)
{
    char digits[12];
    snprintf(digits, sizeof digits, "%09d", nanosecond);
    size_t n = form.n - 1 < 9 ? form.n - 1 : 9;
    while (trim && n && digits[n - 1] == '0')
        n--;
    if (trim && n == 0)
        return;
    pol_buf_byte(out, form.at[0]);
    pol_buf_add(out, digits, n);
    for (size_t i = n; !trim && i < form.n - 1; i++)
        pol_buf_byte(out, '0');
}

static void put_year(pol_buf *out, int64_t year)
{
    if (year < 0)
        pol_buf_byte(out, '-');
    pol_buf_printf(out, "%04lld", (long long)(year < 0 ? -year : year));
}

static void put_zone_name(pol_buf *out, const pol_civil *c)
{
    if (c->zone[0])
        pol_buf_text(out, c->zone);
    else
        put_zone(out, c->offset_s, c->offset_s % 3600 ? POL_BYTES("-0700") : POL_BYTES("-07"));
}

static void put_element(pol_buf *out, const pol_civil *c, element e, pol_bytes text)
{
    int hour12 = c->hour % 12 ? c->hour % 12 : 12;
    switch (e) {
    case LONG_MONTH: pol_buf_text(out, months[c->month - 1]); break;
    case MONTH: pol_buf_add(out, months[c->month - 1], 3); break;
    case NUM_MONTH: pol_buf_printf(out, "%d", c->month); break;
    case ZERO_MONTH: pol_buf_printf(out, "%02d", c->month); break;
    case LONG_WEEKDAY: pol_buf_text(out, weekdays[c->weekday]); break;
    case WEEKDAY: pol_buf_add(out, weekdays[c->weekday], 3); break;
    case DAY: pol_buf_printf(out, "%d", c->day); break;
    case UNDER_DAY: pol_buf_printf(out, "%2d", c->day); break;
    case ZERO_DAY: pol_buf_printf(out, "%02d", c->day); break;
    case UNDER_YEAR_DAY: pol_buf_printf(out, "%3d", c->year_day); break;
    case ZERO_YEAR_DAY: pol_buf_printf(out, "%03d", c->year_day); break;
    case HOUR: pol_buf_printf(out, "%02d", c->hour); break;
    case HOUR12: pol_buf_printf(out, "%d", hour12); break;
    case ZERO_HOUR12: pol_buf_printf(out, "%02d", hour12); break;
    case MINUTE: pol_buf_printf(out, "%d", c->minute); break;
    case ZERO_MINUTE: pol_buf_printf(out, "%02d", c->minute); break;
    case SECOND: pol_buf_printf(out, "%d", c->second); break;
    case ZERO_SECOND: pol_buf_printf(out, "%02d", c->second); break;
    case LONG_YEAR: put_year(out, c->year); break;
    case YEAR: pol_buf_printf(out, "%02d", (int)((c->year % 100 + 100) % 100)); break;
    case UPPER_PM: pol_buf_text(out, c->hour >= 12 ? "PM" : "AM"); break;
    case LOWER_PM: pol_buf_text(out, c->hour >= 12 ? "pm" : "am"); break;
    case ZONE_NAME: put_zone_name(out, c); break;
    case ZONE_NUM: put_zone(out, c->offset_s, text); break;
    case FRACTION_ZEROS: put_fraction(out, c->nanosecond, text, false); break;
    case FRACTION_NINES: put_fraction(out, c->nanosecond, text, true); break;
    case NOTHING: break;
    }
}

void pol_time_format(pol_buf *out, const pol_civil *civil, pol_bytes layout)
{
    while (layout.n) {
        pol_bytes prefix, text;
        element e = next_element(&layout, &prefix, &text);
        pol_buf_bytes(out, prefix);
        put_element(out, civil, e, text);
    }
}

/* ---- reading ---- */

typedef struct {
    pol_bytes rest;
    int64_t year;
    int month, day, year_day, hour, minute, second, nanosecond;
    int64_t offset_s;
    bool pm, pm_set;
    const char *range; /* what is out of range, NULL when nothing */
} reading;

static void skip(reading *r, size_t n)
{
    r->rest.at += n;
    r->rest.n -= n;
}

/* Between least and most digits. */
static bool read_int(reading *r, size_t least, size_t most, int *out)
{
    size_t n = 0;
    int v = 0;
    while (n < most && is_digit(r->rest, n))
        v = v * 10 + (r->rest.at[n++] - '0');
    if (n < least)
        return false;
    skip(r, n);
    *out = v;
    return true;
}

/* One or two digits; exactly two when fixed. */
static bool read_two(reading *r, bool fixed, int *out)
{
    return read_int(r, fixed ? 2 : 1, 2, out);
}

static bool read_word(reading *r, const char *const *words, int n_words, size_t length, int *out)
{
    for (int i = 0; i < n_words; i++) {
        size_t n = length ? length : strlen(words[i]);
        bool same = r->rest.n >= n;
        for (size_t k = 0; same && k < n; k++)
            same = (r->rest.at[k] | 32) == ((uint8_t)words[i][k] | 32);
        if (same) {
            skip(r, n);
            *out = i;
            return true;
        }
    }
    return false;
}

static bool read_fraction(reading *r, size_t n)
{
    if (r->rest.n < n || (r->rest.at[0] != '.' && r->rest.at[0] != ','))
        return false;
    int64_t v = 0;
    size_t digits = 0;
    for (size_t i = 1; i < n; i++) {
        if (!is_digit(r->rest, i))
            return false;
        if (digits < 9) {
            v = v * 10 + (r->rest.at[i] - '0');
            digits++;
        }
    }
    for (; digits < 9; digits++)
        v *= 10;
    r->nanosecond = (int)v;
    skip(r, n);
    return true;
}

static size_t fraction_length(const reading *r)
{
    if (r->rest.n < 2 || (r->rest.at[0] != '.' && r->rest.at[0] != ',') || !is_digit(r->rest, 1))
        return 0;
    size_t n = 2;
    while (is_digit(r->rest, n))
        n++;
    return n;
}

static bool read_zone_num(reading *r, pol_bytes form)
{
    if (form.at[0] == 'Z' && r->rest.n && r->rest.at[0] == 'Z') {
        skip(r, 1);
        r->offset_s = 0;
        return true;
    }
    bool colons = pol_bytes_find(form, POL_BYTES(":"), 0) >= 0;
    if (r->rest.n == 0 || (r->rest.at[0] != '+' && r->rest.at[0] != '-'))
        return false;
    int sign = r->rest.at[0] == '-' ? -1 : 1, part[3] = {0};
    skip(r, 1);
    for (size_t i = 0; i < (form.n >= 7 ? 3u : form.n >= 5 ? 2u : 1u); i++) {
        if (i && colons) {
            if (r->rest.n == 0 || r->rest.at[0] != ':')
                return false;
            skip(r, 1);
        }
        if (!read_int(r, 2, 2, &part[i]))
            return false;
    }
    if (part[0] > 24)
        r->range = "time zone offset hour";
    if (part[1] > 60)
        r->range = "time zone offset minute";
    if (part[2] > 60)
        r->range = "time zone offset second";
    r->offset_s = sign * (part[0] * 3600 + part[1] * 60 + part[2]);
    return true;
}

/* "MST", "CEST", "GMT+3", "WITA", "+03": its offset is not known from the name, and so it does not move the instant. */
static bool read_zone_name(reading *r)
{
    pol_bytes s = r->rest;
    size_t n = 0;
    if (pol_bytes_starts(s, POL_BYTES("ChST")) || pol_bytes_starts(s, POL_BYTES("MeST"))) {
        n = 4;
    } else if (pol_bytes_starts(s, POL_BYTES("GMT"))) {
        n = 3;
        if (s.n > 4 && (s.at[3] == '+' || s.at[3] == '-') && is_digit(s, 4)) {
            size_t end = is_digit(s, 5) ? 6 : 5;
            if ((s.at[4] - '0') * (end == 6 ? 10 : 1) + (end == 6 ? s.at[5] - '0' : 0) <= 23)
                n = end;
        }
    } else if (s.n && (s.at[0] == '+' || s.at[0] == '-')) {
        n = is_digit(s, 1) && is_digit(s, 2) ? 3 : 0;
    } else {
        while (n < s.n && n < 6 && s.at[n] >= 'A' && s.at[n] <= 'Z')
            n++;
        if (n < 3 || n > 5 || (n == 5 && s.at[4] != 'T') || (n == 4 && s.at[3] != 'T' && !pol_bytes_starts(s, POL_BYTES("WITA"))))
            n = 0;
    }
    skip(r, n);
    return n > 0;
}

static bool read_second(reading *r, bool fixed, pol_bytes layout)
{
    if (!read_two(r, fixed, &r->second))
        return false;
    if (r->second > 59) {
        r->range = "second";
        return true;
    }
    /* a fraction may follow though the layout has none */
    size_t n = fraction_length(r);
    if (n == 0)
        return true;
    pol_bytes prefix, text;
    element next = next_element(&layout, &prefix, &text);
    if (next == FRACTION_ZEROS || next == FRACTION_NINES)
        return true;
    return read_fraction(r, n);
}

static bool read_pm(reading *r, bool upper)
{
    bool pm = pol_bytes_starts(r->rest, upper ? POL_BYTES("PM") : POL_BYTES("pm"));
    if (!pm && !pol_bytes_starts(r->rest, upper ? POL_BYTES("AM") : POL_BYTES("am")))
        return false;
    skip(r, 2);
    r->pm = pm;
    r->pm_set = true;
    return true;
}

static bool read_long_year(reading *r)
{
    int year;
    if (!read_int(r, 4, 4, &year))
        return false;
    r->year = year;
    return true;
}

static bool read_year(reading *r)
{
    int year;
    if (!read_int(r, 2, 2, &year))
        return false;
    r->year = year >= 69 ? 1900 + year : 2000 + year;
    return true;
}

static bool read_month_name(reading *r, size_t length)
{
    int i;
    if (!read_word(r, months, 12, length, &i))
        return false;
    r->month = i + 1;
    return true;
}

static bool check_range(reading *r, bool ok, const char *what)
{
    if (!ok)
        r->range = what;
    return true;
}

static bool read_element(reading *r, element e, pol_bytes text, pol_bytes layout)
{
    int ignored;
    switch (e) {
    case LONG_YEAR: return read_long_year(r);
    case YEAR: return read_year(r);
    case LONG_MONTH: return read_month_name(r, 0);
    case MONTH: return read_month_name(r, 3);
    case NUM_MONTH:
    case ZERO_MONTH:
        return read_two(r, e == ZERO_MONTH, &r->month) && check_range(r, r->month >= 1 && r->month <= 12, "month");
    case LONG_WEEKDAY: return read_word(r, weekdays, 7, 0, &ignored);
    case WEEKDAY: return read_word(r, weekdays, 7, 3, &ignored);
    case DAY:
    case UNDER_DAY:
    case ZERO_DAY:
        if (e == UNDER_DAY && r->rest.n && r->rest.at[0] == ' ')
            skip(r, 1);
        return read_two(r, e == ZERO_DAY, &r->day);
    case UNDER_YEAR_DAY:
    case ZERO_YEAR_DAY:
        for (int i = 0; i < 2 && e == UNDER_YEAR_DAY && r->rest.n && r->rest.at[0] == ' '; i++)
            skip(r, 1);
        return read_int(r, e == ZERO_YEAR_DAY ? 3 : 1, 3, &r->year_day);
    case HOUR: return read_two(r, false, &r->hour) && check_range(r, r->hour <= 23, "hour");
    case HOUR12:
    case ZERO_HOUR12: return read_two(r, e == ZERO_HOUR12, &r->hour) && check_range(r, r->hour <= 12, "hour");
    case MINUTE:
    case ZERO_MINUTE: return read_two(r, e == ZERO_MINUTE, &r->minute) && check_range(r, r->minute <= 59, "minute");
    case SECOND:
    case ZERO_SECOND: return read_second(r, e == ZERO_SECOND, layout);
    case UPPER_PM: return read_pm(r, true);
    case LOWER_PM: return read_pm(r, false);
    case ZONE_NUM: return read_zone_num(r, text);
    case ZONE_NAME:
        if (pol_bytes_starts(r->rest, POL_BYTES("UTC"))) {
            skip(r, 3);
            return true;
        }
        return read_zone_name(r);
    case FRACTION_ZEROS: return read_fraction(r, text.n);
    case FRACTION_NINES: {
        size_t n = fraction_length(r);
        return n == 0 || read_fraction(r, n);
    }
    case NOTHING: break;
    }
    return true;
}

/* The instant of what was read, with the checks of dates that need all of it. */
static bool finish(reading *r, int64_t *ns, bool *in_range)
{
    static const int length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (r->year % 4 == 0 && r->year % 100 != 0) || r->year % 400 == 0;
    if (r->pm && r->hour < 12)
        r->hour += 12;
    else if (r->pm_set && !r->pm && r->hour == 12)
        r->hour = 0;
    if (r->year_day >= 0) {
        if (r->year_day < 1 || r->year_day > 365 + leap) {
            r->range = "day-of-year";
            return false;
        }
        pol_civil c = pol_civil_at(NULL, (pol_days_from_civil(r->year, 1, 1) + r->year_day - 1) * 86400, 0);
        if ((r->month >= 0 && r->month != c.month) || (r->day >= 0 && r->day != c.day)) {
            r->range = "day-of-year does not match ";
            return false;
        }
        r->month = c.month;
        r->day = c.day;
    }
    int month = r->month < 0 ? 1 : r->month, day = r->day < 0 ? 1 : r->day;
    if (day < 1 || day > length[month - 1] + (leap && month == 2)) {
        r->range = "day";
        return false;
    }
    int64_t s = pol_days_from_civil(r->year, month, day) * 86400 + r->hour * 3600 + r->minute * 60 + r->second - r->offset_s;
    *in_range = to_ns(s, r->nanosecond, ns);
    return true;
}

static bool fail_parse(pol_error *err, pol_bytes layout, pol_bytes value, pol_bytes rest, pol_bytes element_text, const char *range)
{
    enum { SHOWN = 60 };
    pol_buf text = {0};
    pol_buf_text(&text, "parsing time ");
    pol_buf_quoted(&text, value, SHOWN);
    if (range) {
        pol_buf_printf(&text, ": %s out of range", range);
    } else if (layout.n) {
        pol_buf_text(&text, " as ");
        pol_buf_quoted(&text, layout, SHOWN);
        pol_buf_text(&text, ": cannot parse ");
        pol_buf_quoted(&text, rest, SHOWN);
        pol_buf_text(&text, " as ");
        pol_buf_quoted(&text, element_text, SHOWN);
    } else {
        pol_buf_text(&text, ": extra text: ");
        pol_buf_quoted(&text, rest, SHOWN);
    }
    bool result = pol_fail(err, POL_E_BUILTIN, "%s", (const char *)text.at);
    pol_buf_deinit(&text);
    return result;
}

static bool skip_prefix(reading *r, pol_bytes prefix)
{
    /* as in Go: a blank stands for any number of them */
    for (size_t i = 0; i < prefix.n;) {
        if (prefix.at[i] == ' ') {
            if (r->rest.n && r->rest.at[0] != ' ')
                return false;
            while (i < prefix.n && prefix.at[i] == ' ')
                i++;
            while (r->rest.n && r->rest.at[0] == ' ')
                skip(r, 1);
            continue;
        }
        if (r->rest.n == 0 || r->rest.at[0] != prefix.at[i])
            return false;
        skip(r, 1);
        i++;
    }
    return true;
}

bool pol_time_parse(pol_bytes layout, pol_bytes value, int64_t *ns, pol_error *err)
{
    reading r = {.rest = value, .month = -1, .day = -1, .year_day = -1};
    pol_bytes left = layout, prefix, text;
    for (;;) {
        element e = next_element(&left, &prefix, &text);
        if (!skip_prefix(&r, prefix))
            return fail_parse(err, layout, value, r.rest, prefix, NULL);
        if (e == NOTHING)
            break;
        pol_bytes before = r.rest;
        if (!read_element(&r, e, text, left))
            return fail_parse(err, layout, value, before, text, NULL);
        if (r.range)
            return fail_parse(err, layout, value, before, text, r.range);
    }
    if (r.rest.n)
        return fail_parse(err, (pol_bytes){0}, value, r.rest, text, NULL);
    bool in_range = false;
    if (!finish(&r, ns, &in_range))
        return fail_parse(err, layout, value, value, text, r.range);
    if (!in_range)
        return pol_fail(err, POL_E_BUILTIN, "time outside of valid range");
    return true;
}

/* ---- durations ---- */

static bool read_unit(pol_bytes *s, uint64_t *unit)
{
    static const struct {
        const char *text;
        uint64_t ns;
    } units[] = {{"ns", 1}, {"us", 1000}, {"\xc2\xb5s", 1000}, {"\xce\xbcs", 1000}, {"ms", 1000000}, {"s", 1000000000},
                 {"m", 60000000000}, {"h", 3600000000000},
                 {"d", 86400000000000}, {"w", 604800000000000}, {"y", 31536000000000000}};
    size_t n = 0;
    while (n < s->n && s->at[n] != '.' && !(s->at[n] >= '0' && s->at[n] <= '9'))
        n++;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (pol_bytes_equal(slice(*s, 0, n), pol_bytes_text(units[i].text))) {
            *unit = units[i].ns;
            s->at += n;
            s->n -= n;
            return true;
        }
    }
    return false;
}

/* digits[.digits]unit added to *total, which stays at 2^63 or below. */
static bool add_term(pol_bytes *s, uint64_t *total)
{
    const uint64_t most = (uint64_t)1 << 63;
    uint64_t whole = 0, fraction = 0, unit = 0, value;
    double scale = 1;
    size_t i = 0, digits = 0;
    for (; is_digit(*s, i); i++, digits++) {
        if (whole > most / 10)
            return false;
        whole = whole * 10 + (uint64_t)(s->at[i] - '0');
        if (whole > most)
            return false;
    }
    if (i < s->n && s->at[i] == '.') {
        bool full = false;
        for (i++; is_digit(*s, i); i++, digits++) {
            if (full || fraction > (most - 1) / 10) {
                full = true;
                continue;
            }
            fraction = fraction * 10 + (uint64_t)(s->at[i] - '0');
            scale *= 10;
        }
    }
    *s = slice(*s, i, s->n - i);
    if (digits == 0 || !read_unit(s, &unit) || __builtin_mul_overflow(whole, unit, &value) || value > most)
        return false;
    value += (uint64_t)((double)fraction * ((double)unit / scale));
    *total += value;
    return value <= most && *total <= most;
}

bool pol_duration_parse(pol_bytes text, int64_t *ns, pol_error *err)
{
    pol_bytes s = text;
    bool minus = s.n && s.at[0] == '-';
    if (s.n && (s.at[0] == '-' || s.at[0] == '+'))
        s = slice(s, 1, s.n - 1);
    uint64_t total = 0;
    bool ok = s.n > 0;
    if (pol_bytes_is(s, "0"))
        s.n = 0;
    while (ok && s.n)
        ok = add_term(&s, &total);
    if (!ok || (!minus && total > INT64_MAX)) {
        pol_buf shown = {0};
        pol_buf_quoted(&shown, text, 80);
        bool result = pol_fail(err, POL_E_BUILTIN, "time: invalid duration %s", (const char *)shown.at);
        pol_buf_deinit(&shown);
        return result;
    }
    *ns = minus ? (int64_t)(0 - total) : (int64_t)total;
    return true;
}
