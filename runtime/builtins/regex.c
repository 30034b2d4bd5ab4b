/* SPDX-License-Identifier: Apache-2.0
 * Built-ins of family regex, with the rules of Go's regexp for what follows an empty match.
 */
#include "runtime/builtins/writer.h"
#include "runtime/pattern.h"
#include "runtime/pattern_cache.h"

enum { GROUPS_MAX = 64 };

/* One of many searches in a text mostly ends soon; only some patterns look on to the text's end
 * each time. */
static void charge_next(pol_eval *ev, pol_bytes pattern, size_t rest)
{
    pol_charge(ev, (1 + rest / 256) * (1 + pattern.n / 128));
}

static size_t width_at(pol_bytes s, size_t at)
{
    size_t next = at;
    if (at < s.n)
        pol_utf8_next(s, &next);
    return next - at;
}

static const pol_pattern *arg_pattern(pol_eval *ev, pol_bytes pattern)
{
    return pol_builtin_failed(ev) ? NULL : pol_eval_pattern(ev, pattern);
}

static int groups_of(const pol_pattern *p)
{
    int n = pol_pattern_groups(p) + 1;
    return n < GROUPS_MAX ? n : GROUPS_MAX;
}

static pol_value match_pattern(pol_eval *ev, const pol_value *args)
{
    pol_bytes pattern = pol_arg_string(ev, args, 0), s = pol_arg_string(ev, args, 1);
    const pol_pattern *p = arg_pattern(ev, pattern);
    if (!p)
        return pol_undefined();
    pol_charge_search(ev, pattern, s);
    return pol_bool(pol_pattern_matches(p, s));
}

POL_BUILTIN(regex_match, "regex.match", "(pattern: string, value: string) boolean",
            "True when the pattern is found in the value.")
{
    return match_pattern(ev, args);
}

POL_BUILTIN_FLAGS(re_match, "re_match", "(string, string) boolean", "The same as `regex.match`.",
                  POL_DEPRECATED)
{
    return match_pattern(ev, args);
}

POL_BUILTIN(regex_is_valid, "regex.is_valid", "(pattern: string) boolean",
            "True when the pattern is a regular expression.")
{
    if (args[0].tag != POL_STRING)
        return pol_bool(false);
    char why[64];
    pol_charge(ev, 100 + args[0].n);
    pol_pattern *p = args[0].n <= POL_PATTERN_TEXT_MAX
                         ? pol_pattern_new(pol_text(args[0]), why, sizeof why)
                         : NULL;
    pol_pattern_free(p);
    return pol_bool(p != NULL);
}

/* ---- all matches ---- */

typedef struct {
    pol_eval *ev;
    const pol_pattern *p;
    pol_bytes pattern, s;
    size_t at;
    const uint8_t *last_end; /* of the match before; NULL: none yet */
    pol_bytes groups[GROUPS_MAX];
    int n_groups;
} searching;

/* The next match: an empty one right behind another does not count. */
static bool next_match(searching *m)
{
    while (m->at <= m->s.n) {
        charge_next(m->ev, m->pattern, m->s.n - m->at);
        if (!pol_pattern_find(m->p, m->s, m->at, m->groups, m->n_groups))
            return false;
        const uint8_t *begin = m->groups[0].at, *end = begin + m->groups[0].n;
        bool accepted = true;
        if (end == m->s.at + m->at) {
            accepted = begin != m->last_end;
            size_t width = width_at(m->s, m->at);
            m->at = width ? m->at + width : m->s.n + 1;
        } else {
            m->at = (size_t)(end - m->s.at);
        }
        m->last_end = end;
        if (accepted)
            return true;
    }
    return false;
}

static searching search(pol_eval *ev, const pol_pattern *p, pol_bytes pattern, pol_bytes s,
                        int n_groups)
{
    if (!s.at) /* positions are compared, so the empty text needs one too */
        s = POL_BYTES("");
    return (searching){.ev = ev, .p = p, .pattern = pattern, .s = s, .n_groups = n_groups};
}

/* A match points into the argument, which lives as long as the decision. */
static pol_value string_of(pol_bytes group)
{
    return pol_string(group.at ? group : POL_BYTES(""));
}

POL_BUILTIN(find_n, "regex.find_n",
            "(pattern: string, value: string, number: number) array[string]",
            "The first `number` matches, all of them when it is negative.")
{
    pol_bytes pattern = pol_arg_string(ev, args, 0), s = pol_arg_string(ev, args, 1);
    int64_t n = pol_arg_int(ev, args, 2);
    const pol_pattern *p = arg_pattern(ev, pattern);
    if (!p)
        return pol_undefined();
    pol_builder found = pol_builder_new(pol_eval_arena(ev));
    searching m = search(ev, p, pattern, s, 1);
    for (int64_t i = 0; (n < 0 || i < n) && next_match(&m); i++)
        pol_builder_add(&found, string_of(m.groups[0]));
    return pol_builder_array(&found);
}

POL_BUILTIN(find_all_string_submatch_n, "regex.find_all_string_submatch_n",
            "(pattern: string, value: string, number: number) array[array[string]]",
            "The first `number` matches, all of them when it is negative, each with what its "
            "groups matched.")
{
    pol_bytes pattern = pol_arg_string(ev, args, 0), s = pol_arg_string(ev, args, 1);
    int64_t n = pol_arg_int(ev, args, 2);
    const pol_pattern *p = arg_pattern(ev, pattern);
    if (!p)
        return pol_undefined();
    if (pol_pattern_groups(p) >= GROUPS_MAX)
        return pol_builtin_error(ev, "the pattern has more than %d groups", GROUPS_MAX - 1);
    pol_builder found = pol_builder_new(pol_eval_arena(ev));
    searching m = search(ev, p, pattern, s, groups_of(p));
    for (int64_t i = 0; (n < 0 || i < n) && next_match(&m); i++) {
        pol_builder groups = pol_builder_new(pol_eval_arena(ev));
        pol_charge(ev, (uint64_t)m.n_groups);
        for (int k = 0; k < m.n_groups; k++)
            pol_builder_add(&groups, string_of(m.groups[k]));
        pol_builder_add(&found, pol_builder_array(&groups));
    }
    return pol_builder_array(&found);
}

POL_BUILTIN(regex_split, "regex.split", "(pattern: string, value: string) array[string]",
            "What stands between the matches.")
{
    pol_bytes pattern = pol_arg_string(ev, args, 0), s = pol_arg_string(ev, args, 1);
    const pol_pattern *p = arg_pattern(ev, pattern);
    if (!p)
        return pol_undefined();
    pol_builder parts = pol_builder_new(pol_eval_arena(ev));
    if (pattern.n && s.n == 0) {
        pol_builder_add(&parts, pol_string(s));
        return pol_builder_array(&parts);
    }
    searching m = search(ev, p, pattern, s, 1);
    size_t from = 0, end = 0;
    while (next_match(&m)) {
        end = (size_t)(m.groups[0].at - m.s.at);
        if (end + m.groups[0].n != 0)
            pol_builder_add(&parts, pol_string(pol_bytes_of(m.s.at + from, end - from)));
        from = end + m.groups[0].n;
    }
    if (end != s.n)
        pol_builder_add(&parts, pol_string(pol_bytes_of(m.s.at + from, m.s.n - from)));
    return pol_builder_array(&parts);
}

/* ---- replacing ---- */

static bool is_name_byte(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
}

/* The number of the group that pattern calls name; -1: none. */
static int group_named(pol_bytes pattern, pol_bytes name)
{
    int group = 0;
    bool in_class = false;
    for (size_t i = 0; i < pattern.n; i++) {
        pol_bytes rest = pol_bytes_of(pattern.at + i, pattern.n - i);
        if (rest.at[0] == '\\') {
            if (pol_bytes_starts(rest, POL_BYTES("\\Q"))) {
                int64_t end = pol_bytes_find(pattern, POL_BYTES("\\E"), i + 2);
                i = end < 0 ? pattern.n : (size_t)end;
            }
            i++;
        } else if (in_class || rest.at[0] == '[') {
            in_class = rest.at[0] != ']';
        } else if (rest.at[0] == '(') {
            size_t skip = pol_bytes_starts(rest, POL_BYTES("(?P<"))  ? 4
                          : pol_bytes_starts(rest, POL_BYTES("(?<")) ? 3
                                                                     : 0;
            if (!skip && pol_bytes_starts(rest, POL_BYTES("(?")))
                continue;
            group++;
            rest = pol_bytes_of(rest.at + skip, rest.n - skip);
            if (skip && rest.n > name.n && pol_bytes_starts(rest, name) && rest.at[name.n] == '>')
                return group;
        }
    }
    return -1;
}

/* The group that a name or number stands for; -1: none, which is replaced by nothing. */
static int group_of(pol_bytes pattern, pol_bytes name)
{
    int n = 0;
    for (size_t i = 0; i < name.n; i++) {
        if (name.at[i] < '0' || name.at[i] > '9' || n >= GROUPS_MAX)
            return name.at[i] >= '0' && name.at[i] <= '9' ? -1 : group_named(pattern, name);
        n = 10 * n + (name.at[i] - '0');
    }
    return n;
}

/* value with $1, ${1}, $name, ${name} and $$ filled in. */
static void expand(const searching *m, pol_bytes value, pol_writer *w)
{
    for (size_t i = 0; i < value.n;) {
        const uint8_t *dollar = memchr(value.at + i, '$', value.n - i);
        size_t to = dollar ? (size_t)(dollar - value.at) : value.n;
        pol_charge(m->ev, 1 + (to - i) / 32);
        pol_writer_add(w, value.at + i, to - i);
        if (!dollar)
            return;
        i = to + 1;
        bool braced = i < value.n && value.at[i] == '{';
        size_t from = i + braced, end = from;
        while (end < value.n && is_name_byte(value.at[end]))
            end++;
        bool closed = end > from && (!braced || (end < value.n && value.at[end] == '}'));
        if (!closed) {
            pol_writer_byte(w, '$');
            i += i < value.n && value.at[i] == '$';
            continue;
        }
        int group = group_of(m->pattern, pol_bytes_of(value.at + from, end - from));
        if (group >= 0 && group < m->n_groups && m->groups[group].at)
            pol_writer_bytes(w, m->groups[group]);
        i = end + braced;
    }
}

POL_BUILTIN(regex_replace, "regex.replace", "(s: string, pattern: string, value: string) string",
            "`s` with each match replaced by `value`, in which $1 or ${name} stand for what a "
            "group matched.")
{
    pol_bytes s = pol_arg_string(ev, args, 0), pattern = pol_arg_string(ev, args, 1),
              value = pol_arg_string(ev, args, 2);
    const pol_pattern *p = arg_pattern(ev, pattern);
    if (!p)
        return pol_undefined();
    searching m = search(ev, p, pattern, s, groups_of(p));
    pol_writer w = pol_writer_new(ev, s.n);
    size_t copied = 0;
    for (size_t at = 0; at <= m.s.n;) {
        charge_next(ev, pattern, m.s.n - at);
        if (!pol_pattern_find(p, m.s, at, m.groups, m.n_groups))
            break;
        size_t begin = (size_t)(m.groups[0].at - m.s.at), end = begin + m.groups[0].n;
        pol_writer_add(&w, m.s.at + copied, begin - copied);
        if (end > copied || begin == 0)
            expand(&m, value, &w);
        copied = end;
        size_t width = width_at(m.s, at);
        at = at + width > end ? at + width : at + 1 > end ? at + 1 : end;
    }
    pol_writer_add(&w, m.s.at + copied, m.s.n - copied);
    return pol_writer_string(&w);
}

/* ---- templates ---- */

static void write_quoted(pol_writer *w, pol_bytes s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.at[i] && strchr("\\.+*?()|[]{}^$", s.at[i]))
            pol_writer_byte(w, '\\');
        if (s.at[i])
            pol_writer_byte(w, (char)s.at[i]);
        else
            pol_writer_text(w, "\\x00");
    }
}

/* The template as a pattern: what stands between delimiters is one, all else is itself. */
static bool write_template(pol_writer *w, pol_bytes s, uint8_t start, uint8_t end)
{
    size_t from = 0, depth = 0;
    pol_writer_byte(w, '^');
    for (size_t i = 0; i < s.n; i++) {
        if (s.at[i] == start && depth++ == 0) {
            write_quoted(w, pol_bytes_of(s.at + from, i - from));
            from = i + 1;
        } else if (s.at[i] == end) {
            if (depth == 0)
                return false;
            if (--depth > 0)
                continue;
            pol_writer_byte(w, '(');
            pol_writer_add(w, s.at + from, i - from);
            pol_writer_byte(w, ')');
            from = i + 1;
        }
    }
    write_quoted(w, pol_bytes_of(s.at + from, s.n - from));
    pol_writer_byte(w, '$');
    return depth == 0;
}

POL_BUILTIN(
    template_match, "regex.template_match",
    "(template: string, value: string, delimiter_start: string, delimiter_end: string) boolean",
    "True when the value as a whole fits the template, in which patterns stand between the "
    "delimiters.")
{
    pol_bytes template = pol_arg_string(ev, args, 0), value = pol_arg_string(ev, args, 1);
    pol_bytes start = pol_arg_string(ev, args, 2), end = pol_arg_string(ev, args, 3);
    if (pol_builtin_failed(ev))
        return pol_undefined();
    if (start.n != 1 || end.n != 1)
        return pol_builtin_error(
            ev, "%s delimiter has to be exactly one character long but is %zu long",
            start.n != 1 ? "start" : "end", start.n != 1 ? start.n : end.n);
    pol_charge(ev, template.n / 16);
    pol_writer w = pol_writer_new(ev, 2 * template.n);
    if (!write_template(&w, template, start.at[0], end.at[0])) {
        pol_bytes shown = pol_quoted(ev, template);
        return pol_builtin_error(ev, "unbalanced braces in %.*s", (int)shown.n,
                                 (const char *)shown.at);
    }
    const pol_pattern *p = arg_pattern(ev, pol_writer_view(&w));
    if (!p)
        return pol_undefined();
    pol_charge_search(ev, pol_writer_view(&w), value);
    return pol_bool(pol_pattern_matches(p, value));
}

/* ---- regex.globs_match ---- */

typedef struct {
    uint32_t low, high;
} range;

/* One character out of some ranges, any number of times when repeated. */
typedef struct {
    const range *ranges;
    uint32_t n;
    bool repeated;
} piece;

typedef struct {
    piece *pieces;
    uint32_t n, capacity;
} glob;

static bool read_character(pol_bytes s, size_t *at, uint32_t *c)
{
    *c = pol_utf8_next(s, at);
    if (*c == '\\' && *at < s.n) {
        *c = pol_utf8_next(s, at);
        return true;
    }
    return false;
}

/* What stands behind '['. */
static bool read_class(pol_eval *ev, pol_bytes s, size_t *at, piece *out)
{
    range *ranges = pol_arena_array(pol_eval_arena(ev), s.n - *at + 1, sizeof *ranges);
    uint32_t n = 0, c;
    while (*at < s.n) {
        bool escaped = read_character(s, at, &c);
        if (c == ']' && !escaped) {
            *out = (piece){ranges, n, false};
            return n > 0;
        }
        uint32_t high = c;
        if (*at + 1 < s.n && s.at[*at] == '-' && s.at[*at + 1] != ']') {
            (*at)++;
            read_character(s, at, &high);
        }
        ranges[n++] = (range){c, high};
    }
    return false;
}

static bool fail_glob(pol_eval *ev, pol_bytes s, size_t at, const char *why)
{
    enum { SHOWN_MAX = 100 };
    pol_builtin_error(ev, "input:%.*s, pos:%zu, %s: the input provided is invalid",
                      (int)(s.n < SHOWN_MAX ? s.n : SHOWN_MAX), (const char *)s.at, at, why);
    return false;
}

static bool read_glob(pol_eval *ev, pol_bytes s, glob *out)
{
    static const range any = {0, 0x10ffff};
    *out = (glob){0};
    pol_charge(ev, s.n);
    for (size_t at = 0; at < s.n;) {
        piece p;
        uint32_t c;
        bool escaped = read_character(s, &at, &c);
        if (!escaped && c == ']')
            return fail_glob(ev, s, at, "set-close ']' with no preceding '['");
        if (!escaped && (c == '*' || c == '+'))
            return fail_glob(ev, s, at, "a flag must be preceded by a non-flag");
        if (!escaped && c == '[') {
            if (!read_class(ev, s, &at, &p))
                return fail_glob(ev, s, at, "set-open '[' with no matching ']'");
        } else if (!escaped && c == '.') {
            p = (piece){&any, 1, false};
        } else {
            range *one = pol_arena_alloc(pol_eval_arena(ev), sizeof *one);
            *one = (range){c, c};
            p = (piece){one, 1, false};
        }
        bool plus = at < s.n && s.at[at] == '+';
        if (!(at < s.n && s.at[at] == '*')) {
            POL_GROW(pol_eval_arena(ev), out->pieces, out->n, out->capacity);
            out->pieces[out->n++] = p;
        }
        if (at < s.n && (plus || s.at[at] == '*')) {
            at++;
            p.repeated = true;
            POL_GROW(pol_eval_arena(ev), out->pieces, out->n, out->capacity);
            out->pieces[out->n++] = p;
        }
    }
    return true;
}

static bool have_common(pol_eval *ev, const piece *a, const piece *b)
{
    pol_charge(ev, (uint64_t)a->n * b->n / 8);
    for (uint32_t i = 0; i < a->n; i++)
        for (uint32_t k = 0; k < b->n; k++)
            if (a->ranges[i].low <= b->ranges[k].high && b->ranges[k].low <= a->ranges[i].high)
                return true;
    return false;
}

/* Is there a text that both fit? Positions in the two are reached in order, for every step goes
 * forward in at least one. */
static bool intersect(pol_eval *ev, const glob *a, const glob *b)
{
    size_t width = (size_t)b->n + 1;
    pol_charge(ev, (uint64_t)(a->n + 1) * width);
    bool *reached = pol_arena_zero(pol_eval_arena(ev), (size_t)a->n + 1, width);
    reached[0] = true;
    for (size_t i = 0; i <= a->n; i++)
        for (size_t k = 0; k <= b->n; k++) {
            if (!reached[i * width + k])
                continue;
            const piece *x = i < a->n ? &a->pieces[i] : NULL, *y = k < b->n ? &b->pieces[k] : NULL;
            if (x && x->repeated)
                reached[(i + 1) * width + k] = true;
            if (y && y->repeated)
                reached[i * width + k + 1] = true;
            if (x && y && have_common(ev, x, y))
                reached[(i + !x->repeated) * width + k + !y->repeated] = true;
        }
    return reached[a->n * width + b->n];
}

POL_BUILTIN(globs_match, "regex.globs_match", "(glob1: string, glob2: string) boolean",
            "True when some text fits both; in these '.' is any character, [a-z] one of some, and "
            "'*' and '+' repeat.")
{
    glob a, b;
    if (!read_glob(ev, pol_arg_string(ev, args, 0), &a) ||
        !read_glob(ev, pol_arg_string(ev, args, 1), &b))
        return pol_undefined();
    return pol_bool(intersect(ev, &a, &b));
}

POL_FAMILY(regex) = {
    POL_ROW(regex_match),
    POL_ROW(re_match),
    POL_ROW(regex_is_valid),
    POL_ROW(find_n),
    POL_ROW(find_all_string_submatch_n),
    POL_ROW(regex_split),
    POL_ROW(regex_replace),
    POL_ROW(template_match),
    POL_ROW(globs_match),
    POL_END,
};
