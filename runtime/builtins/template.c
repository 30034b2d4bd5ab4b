/* SPDX-License-Identifier: Apache-2.0
 * Templates are cut into texts and actions once and then run over that list; a range goes back to
 * its first item for each element. What is not run is walked over in the same way, not evaluated.
 */
#include "runtime/builtins/template.h"

#include "runtime/builtins/format.h"
#include "runtime/builtins/writer.h"

enum { NESTING_MAX = 100, ARGUMENTS_MAX = 32 };

typedef struct {
    bool action;
    pol_bytes text; /* of an action what is between the braces, blanks trimmed */
} item;

typedef struct {
    pol_bytes name;
    pol_value value;
} variable;

typedef enum { RUNNING, CONTINUING, BREAKING } flow;

typedef struct {
    pol_eval *ev;
    pol_writer w;
    item *items;
    uint32_t n, capacity, at;
    variable *variables;
    uint32_t n_variables, variables_capacity;
    unsigned nesting, ranges;
    flow flow;
} rendering;

static bool fail(rendering *r, const char *why, pol_bytes where)
{
    pol_bytes shown = pol_quoted(r->ev, where);
    pol_builtin_error(r->ev, "template: %s: %.*s", why, (int)shown.n, (const char *)shown.at);
    return false;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static pol_bytes trim(pol_bytes s)
{
    while (s.n && is_blank(s.at[0]))
        s = pol_bytes_of(s.at + 1, s.n - 1);
    while (s.n && is_blank(s.at[s.n - 1]))
        s.n--;
    return s;
}

/* ---- cutting ---- */

/* Where the action that begins at from ends: at the "}}" outside of strings; s.n: nowhere. */
static size_t action_end(pol_bytes s, size_t from)
{
    uint8_t quote = 0;
    for (size_t i = from; i + 1 < s.n; i++) {
        if (quote) {
            if (s.at[i] == '\\' && quote != '`')
                i++;
            else if (s.at[i] == quote)
                quote = 0;
        } else if (s.at[i] == '"' || s.at[i] == '`' || s.at[i] == '\'') {
            quote = s.at[i];
        } else if (s.at[i] == '}' && s.at[i + 1] == '}') {
            return i;
        }
    }
    return s.n;
}

static void add_item(rendering *r, bool action, pol_bytes text)
{
    pol_charge(r->ev, 1);
    POL_GROW(pol_eval_arena(r->ev), r->items, r->n, r->capacity);
    r->items[r->n++] = (item){action, text};
}

static bool cut_items(rendering *r, pol_bytes s)
{
    bool trim_next = false;
    for (size_t from = 0; from < s.n;) {
        int64_t open = pol_bytes_find(s, POL_BYTES("{{"), from);
        pol_bytes text = pol_bytes_of(s.at + from, (open < 0 ? s.n : (size_t)open) - from);
        size_t begin = (size_t)open + 2;
        bool trims =
            open >= 0 && begin + 1 < s.n && s.at[begin] == '-' && is_blank(s.at[begin + 1]);
        while (trim_next && text.n && is_blank(text.at[0]))
            text = pol_bytes_of(text.at + 1, text.n - 1);
        while (trims && text.n && is_blank(text.at[text.n - 1]))
            text.n--;
        if (text.n)
            add_item(r, false, text);
        if (open < 0)
            return true;
        begin += trims;
        pol_bytes rest = trim(pol_bytes_of(s.at + begin, s.n - begin));
        bool comment = pol_bytes_starts(rest, POL_BYTES("/*"));
        int64_t closed = comment ? pol_bytes_find(s, POL_BYTES("*/"), begin) : (int64_t)begin;
        size_t end = closed < 0 ? s.n : action_end(s, (size_t)closed);
        if (end == s.n)
            return fail(r, comment ? "unclosed comment" : "unclosed action",
                        pol_bytes_of(s.at + open, s.n - (size_t)open));
        pol_bytes inner = pol_bytes_of(s.at + begin, end - begin);
        trim_next = inner.n > 1 && inner.at[inner.n - 1] == '-' && is_blank(inner.at[inner.n - 2]);
        inner.n -= trim_next;
        if (!comment)
            add_item(r, true, trim(inner));
        from = end + 2;
    }
    return true;
}

/* ---- words of an action ---- */

static bool is_name_byte(uint8_t c)
{
    return (c | 0x20) == '_' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
           (c >= '0' && c <= '9') || c >= 0x80;
}

static pol_bytes take_name(pol_bytes *s)
{
    size_t n = 0;
    while (n < s->n && is_name_byte(s->at[n]))
        n++;
    pol_bytes name = pol_bytes_of(s->at, n);
    *s = pol_bytes_of(s->at + n, s->n - n);
    return name;
}

static bool take(pol_bytes *s, const char *token)
{
    *s = trim(*s);
    if (!pol_bytes_starts(*s, pol_bytes_text(token)))
        return false;
    *s = pol_bytes_of(s->at + strlen(token), s->n - strlen(token));
    return true;
}

/* The keyword that an action begins with, taken off. */
static bool take_keyword(pol_bytes *s, const char *word)
{
    pol_bytes rest = *s, name = take_name(&rest);
    if (!pol_bytes_is(name, word))
        return false;
    *s = trim(rest);
    return true;
}

/* ---- values ---- */

static bool is_truth(pol_value v)
{
    if (pol_is_collection(v) || v.tag == POL_STRING)
        return v.n > 0;
    return pol_is_number(v) ? !pol_equal(v, pol_int(0)) : pol_is_true(v);
}

/* v as Go prints what JSON became there: maps and slices in its own form. */
static void write_value(pol_writer *w, pol_value v)
{
    pol_charge(w->ev, 1);
    if (!pol_is_defined(v) || v.tag == POL_NULL) {
        pol_writer_text(w, "<undefined>");
    } else if (!pol_is_collection(v)) {
        pol_writer_value(w, v);
    } else {
        pol_writer_text(w, v.tag == POL_OBJECT ? "map[" : "[");
        for (uint32_t i = 0; i < v.n; i++) {
            if (i)
                pol_writer_byte(w, ' ');
            if (v.tag == POL_OBJECT) {
                pol_writer_value(w, pol_member_key(v, i));
                pol_writer_byte(w, ':');
            }
            write_value(w, v.tag == POL_OBJECT ? pol_member_value(v, i) : pol_element(v, i));
        }
        pol_writer_byte(w, ']');
    }
}

static pol_value print_arguments(rendering *r, const pol_value *args, unsigned n, bool line)
{
    pol_writer w = pol_writer_new(r->ev, 0);
    for (unsigned i = 0; i < n; i++) {
        /* Like Go's Print: a blank where neither side is a string; Println puts one everywhere. */
        if (i && (line || (args[i].tag != POL_STRING && args[i - 1].tag != POL_STRING)))
            pol_writer_byte(&w, ' ');
        write_value(&w, args[i]);
    }
    if (line)
        pol_writer_byte(&w, '\n');
    return pol_writer_string(&w);
}

static pol_value escape_html(rendering *r, const pol_value *args, unsigned n)
{
    static const struct {
        char c;
        const char *text;
    } escapes[] = {{'<', "&lt;"}, {'>', "&gt;"}, {'&', "&amp;"}, {'\'', "&#39;"}, {'"', "&#34;"}};
    pol_bytes s = pol_text(print_arguments(r, args, n, false));
    pol_writer w = pol_writer_new(r->ev, s.n);
    for (size_t i = 0; i < s.n; i++) {
        const char *text = NULL;
        for (size_t k = 0; k < sizeof escapes / sizeof *escapes; k++)
            if (s.at[i] == (uint8_t)escapes[k].c)
                text = escapes[k].text;
        if (text)
            pol_writer_text(&w, text);
        else
            pol_writer_byte(&w, (char)s.at[i]);
    }
    return pol_writer_string(&w);
}

static pol_value compare(pol_bytes name, const pol_value *args, unsigned n)
{
    int order = pol_compare(args[0], args[1]);
    if (pol_bytes_is(name, "eq")) {
        bool any = false;
        for (unsigned i = 1; i < n; i++)
            any |= pol_equal(args[0], args[i]);
        return pol_bool(any);
    }
    if (pol_bytes_is(name, "ne"))
        return pol_bool(order != 0);
    return pol_bool(pol_bytes_is(name, "lt")   ? order < 0
                    : pol_bytes_is(name, "le") ? order <= 0
                    : pol_bytes_is(name, "gt") ? order > 0
                                               : order >= 0);
}

static pol_value size_of(rendering *r, pol_value v)
{
    if (pol_is_collection(v) || v.tag == POL_STRING)
        return pol_int(v.n);
    fail(r, "len of a value without length", pol_bytes_text(pol_type_name(v)));
    return pol_undefined();
}

static bool is_function(pol_bytes name)
{
    static const char *const names[] = {"and",   "or",      "not",    "len",  "index",
                                        "print", "println", "printf", "html", "eq",
                                        "ne",    "lt",      "le",     "gt",   "ge"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (pol_bytes_is(name, names[i]))
            return true;
    return false;
}

static pol_value call(rendering *r, pol_bytes name, const pol_value *args, unsigned n)
{
    bool compares = name.n == 2 && !pol_bytes_is(name, "or"),
         prints = pol_bytes_is(name, "print") || pol_bytes_is(name, "println");
    if (n < (compares ? 2 : prints ? 0 : 1)) {
        fail(r, "wrong number of arguments for", name);
        return pol_undefined();
    }
    if (compares)
        return compare(name, args, n);
    if (prints)
        return print_arguments(r, args, n, name.n > 5);
    if (pol_bytes_is(name, "html"))
        return escape_html(r, args, n);
    if (pol_bytes_is(name, "not"))
        return pol_bool(!is_truth(args[0]));
    if (pol_bytes_is(name, "len"))
        return size_of(r, args[0]);
    if (pol_bytes_is(name, "index")) {
        pol_value v = args[0];
        for (unsigned i = 1; i < n; i++)
            v = pol_lookup(v, args[i]);
        return v;
    }
    if (pol_bytes_is(name, "printf")) {
        if (args[0].tag != POL_STRING) {
            fail(r, "the format is no string", name);
            return pol_undefined();
        }
        pol_builder b = pol_builder_new(pol_eval_arena(r->ev));
        for (unsigned i = 1; i < n; i++)
            pol_builder_add(&b, pol_is_defined(args[i]) ? args[i] : pol_null());
        return pol_format(r->ev, pol_text(args[0]), pol_builder_array(&b));
    }
    bool all = pol_bytes_is(name, "and");
    unsigned i = 0;
    while (i + 1 < n && is_truth(args[i]) == all)
        i++;
    return args[i];
}

/* ---- pipelines ---- */

static bool read_pipeline(rendering *r, pol_bytes *s, pol_value dot, pol_value *out);

static bool read_quoted(rendering *r, pol_bytes *s, pol_value *out)
{
    static const char named[] = "a\ab\bf\fn\nr\rt\tv\v\\\\\"\"''";
    uint8_t quote = s->at[0];
    pol_writer w = pol_writer_new(r->ev, 32);
    for (size_t i = 1; i < s->n; i++) {
        if (s->at[i] == quote) {
            *s = pol_bytes_of(s->at + i + 1, s->n - i - 1);
            *out = pol_writer_string(&w);
            return true;
        }
        if (s->at[i] != '\\' || quote == '`') {
            pol_writer_byte(&w, (char)s->at[i]);
            continue;
        }
        const char *letter = NULL;
        for (size_t k = 0; i + 1 < s->n && k + 1 < sizeof named; k += 2)
            if ((uint8_t)named[k] == s->at[i + 1])
                letter = &named[k + 1];
        if (!letter)
            return fail(r, "unknown escape", *s);
        pol_writer_byte(&w, *letter);
        i++;
    }
    return fail(r, "unterminated string", *s);
}

static bool read_literal_number(rendering *r, pol_bytes *s, pol_value *out)
{
    size_t n = 0;
    while (n < s->n && (is_name_byte(s->at[n]) || s->at[n] == '.' ||
                        (n == 0 && (s->at[n] == '-' || s->at[n] == '+'))))
        n++;
    pol_bytes text = pol_bytes_of(s->at, n);
    bool digits = n > 0, point = false;
    for (size_t i = text.n && text.at[0] == '-'; i < text.n; i++) {
        digits &= (text.at[i] >= '0' && text.at[i] <= '9') ||
                  (text.at[i] == '.' && !point && i + 1 < text.n && i > 0);
        point |= text.at[i] == '.';
    }
    if (!digits || (text.at[0] == '-' && n == 1))
        return fail(r, "unexpected text", *s);
    *out = pol_number_read(text);
    *s = pol_bytes_of(s->at + n, s->n - n);
    return true;
}

/* ".a.b" behind a value. */
static bool read_fields(rendering *r, pol_bytes *s, pol_value *v)
{
    while (s->n > 1 && s->at[0] == '.' && is_name_byte(s->at[1])) {
        *s = pol_bytes_of(s->at + 1, s->n - 1);
        pol_bytes name = take_name(s);
        if (v->tag != POL_OBJECT)
            return fail(r, "no field of that name in what is no object", name);
        *v = pol_object_get(*v, pol_string(name));
    }
    return true;
}

static bool read_operand(rendering *r, pol_bytes *s, pol_value dot, pol_value *out)
{
    *s = trim(*s);
    uint8_t c = s->n ? s->at[0] : 0;
    if (c == '(') {
        *s = pol_bytes_of(s->at + 1, s->n - 1);
        if (++r->nesting > NESTING_MAX)
            return fail(r, "nested too deep", *s);
        if (!read_pipeline(r, s, dot, out) || !take(s, ")"))
            return fail(r, "unclosed parenthesis", *s);
        r->nesting--;
    } else if (c == '"' || c == '`') {
        return read_quoted(r, s, out);
    } else if (c == '$') {
        *s = pol_bytes_of(s->at + 1, s->n - 1);
        pol_bytes name = take_name(s);
        uint32_t i = r->n_variables;
        while (i > 0 && !pol_bytes_equal(r->variables[i - 1].name, name))
            i--;
        if (i == 0)
            return fail(r, "undefined variable", name);
        *out = r->variables[i - 1].value;
    } else if (c == '.') {
        *out = dot;
        if (s->n == 1 || !is_name_byte(s->at[1])) {
            *s = pol_bytes_of(s->at + 1, s->n - 1);
            return true;
        }
    } else if (take_keyword(s, "true") || take_keyword(s, "false")) {
        *out = pol_bool(c == 't');
        return true;
    } else if (take_keyword(s, "nil")) {
        *out = pol_null();
        return true;
    } else {
        return read_literal_number(r, s, out);
    }
    return read_fields(r, s, out);
}

/* One command: an operand, or a function with its operands; piped, if defined by has_piped, is the
 * last of them. */
static bool read_command(rendering *r, pol_bytes *s, pol_value dot, bool has_piped,
                         pol_value *value)
{
    pol_value args[ARGUMENTS_MAX + 1];
    unsigned n = 0;
    *s = trim(*s);
    pol_bytes rest = *s, name = take_name(&rest);
    pol_charge(r->ev, 1);
    if (!is_function(name)) {
        if (has_piped)
            return fail(r, "no function to pipe into", *s);
        return read_operand(r, s, dot, value);
    }
    for (*s = trim(rest); s->n && s->at[0] != '|' && s->at[0] != ')'; *s = trim(*s)) {
        if (n == ARGUMENTS_MAX)
            return fail(r, "too many arguments for", name);
        if (!read_operand(r, s, dot, &args[n++]))
            return false;
    }
    if (has_piped)
        args[n++] = *value;
    *value = call(r, name, args, n);
    return !pol_builtin_failed(r->ev);
}

static bool read_pipeline(rendering *r, pol_bytes *s, pol_value dot, pol_value *out)
{
    if (!read_command(r, s, dot, false, out))
        return false;
    while (take(s, "|"))
        if (!read_command(r, s, dot, true, out))
            return false;
    return true;
}

static void declare(rendering *r, pol_bytes name, pol_value value)
{
    POL_GROW(pol_eval_arena(r->ev), r->variables, r->n_variables, r->variables_capacity);
    r->variables[r->n_variables++] = (variable){name, value};
}

/* "$x :=", "$x =" or "$i, $x :=" before a pipeline; names without '$'. n: 0 to 2. */
static bool read_targets(rendering *r, pol_bytes *s, pol_bytes names[2], unsigned *n,
                         bool *declares)
{
    pol_bytes rest = trim(*s);
    *n = 0;
    while (*n < 2 && take(&rest, "$")) {
        names[(*n)++] = take_name(&rest);
        if (!take(&rest, ","))
            break;
    }
    *declares = take(&rest, ":=");
    if (!*n || (!*declares && !take(&rest, "="))) {
        *n = 0;
        return true;
    }
    *s = rest;
    return names[0].n && (*n == 1 || names[1].n) ? true : fail(r, "a variable without a name", *s);
}

static bool set_target(rendering *r, pol_bytes name, pol_value value, bool declares)
{
    if (declares) {
        declare(r, name, value);
        return true;
    }
    for (uint32_t i = r->n_variables; i > 0; i--)
        if (pol_bytes_equal(r->variables[i - 1].name, name)) {
            r->variables[i - 1].value = value;
            return true;
        }
    return fail(r, "undefined variable", name);
}

/* The value of an action's pipeline; *assigned: it was given to a variable. */
static bool evaluate(rendering *r, pol_bytes s, pol_value dot, pol_value *out, bool *assigned)
{
    pol_bytes names[2];
    unsigned n;
    bool declares;
    if (!read_targets(r, &s, names, &n, &declares) || !read_pipeline(r, &s, dot, out))
        return false;
    if (trim(s).n)
        return fail(r, "unexpected text", s);
    *assigned = n == 1;
    if (n > 1)
        return fail(r, "two variables outside of range", names[1]);
    return n == 0 || set_target(r, names[0], *out, declares);
}

/* ---- running ---- */

/* Runs items up to an else or end of this level, which is not taken; without live it only walks
 * over them. */
static bool run_list(rendering *r, pol_value dot, bool live);

static bool at_keyword(const rendering *r, const char *word, pol_bytes *rest)
{
    if (r->at >= r->n || !r->items[r->at].action)
        return false;
    *rest = r->items[r->at].text;
    return take_keyword(rest, word);
}

static bool take_end(rendering *r)
{
    pol_bytes rest;
    if (!at_keyword(r, "end", &rest))
        return fail(r, "unexpected end of the template", POL_BYTES("{{end}} is missing"));
    r->at++;
    return true;
}

/* if and with, of which the first branch that holds is run. */
static bool run_condition(rendering *r, pol_bytes pipeline, pol_value dot, bool live, bool with)
{
    for (bool last = false;;) {
        uint32_t scope = r->n_variables;
        pol_value value = pol_undefined();
        bool assigned, holds = live;
        if (live && !last) {
            if (!evaluate(r, pipeline, dot, &value, &assigned))
                return false;
            holds = is_truth(value);
        }
        if (!run_list(r, with && !last ? value : dot, holds))
            return false;
        r->n_variables = scope;
        live = live && !holds;
        pol_bytes rest;
        if (last || !at_keyword(r, "else", &rest))
            return take_end(r);
        r->at++;
        last = rest.n == 0;
        pipeline = rest;
        if (!last && !take_keyword(&pipeline, "if") && !take_keyword(&pipeline, "with"))
            return fail(r, "unexpected text behind else", rest);
        with = !last && rest.at[0] == 'w';
    }
}

static bool run_element(rendering *r, pol_value list, uint32_t i, const pol_bytes names[2],
                        unsigned n_names, bool declares)
{
    pol_value key = list.tag == POL_OBJECT ? pol_member_key(list, i) : pol_int(i);
    pol_value value = list.tag == POL_OBJECT ? pol_member_value(list, i) : pol_element(list, i);
    pol_charge(r->ev, 1);
    if (n_names == 2 && !set_target(r, names[0], key, declares))
        return false;
    if (n_names && !set_target(r, names[n_names - 1], value, declares))
        return false;
    return run_list(r, value, true);
}

static bool run_range(rendering *r, pol_bytes pipeline, pol_value dot, bool live)
{
    pol_bytes names[2], rest;
    unsigned n_names = 0;
    bool declares = false;
    pol_value list = pol_empty(POL_ARRAY);
    if (live) {
        if (!read_targets(r, &pipeline, names, &n_names, &declares) ||
            !read_pipeline(r, &pipeline, dot, &list))
            return false;
        if (!pol_is_defined(list) || list.tag == POL_NULL)
            list = pol_empty(POL_ARRAY);
        if (!pol_is_collection(list))
            return fail(r, "range can't iterate over", pol_bytes_text(pol_type_name(list)));
    }
    uint32_t start = r->at, scope = r->n_variables;
    r->ranges++;
    for (uint32_t i = 0; i < list.n && r->flow != BREAKING; i++) {
        r->at = start;
        r->flow = RUNNING;
        if (!run_element(r, list, i, names, n_names, declares))
            return false;
        r->n_variables = scope;
    }
    r->ranges--;
    if (live)
        r->flow = RUNNING;
    if (list.n == 0 && !run_list(r, dot, false))
        return false;
    if (at_keyword(r, "else", &rest)) {
        r->at++;
        if (!run_list(r, dot, live && list.n == 0))
            return false;
        r->n_variables = scope;
    }
    return take_end(r);
}

static bool run_action(rendering *r, pol_bytes s, pol_value dot, bool live)
{
    bool is_if = take_keyword(&s, "if"), is_with = !is_if && take_keyword(&s, "with");
    if (is_if || is_with)
        return run_condition(r, s, dot, live, is_with);
    if (take_keyword(&s, "range"))
        return run_range(r, s, dot, live);
    if (!live)
        return true;
    bool breaks = take_keyword(&s, "break");
    if (breaks || take_keyword(&s, "continue")) {
        r->flow = breaks ? BREAKING : CONTINUING;
        return r->ranges ? true : fail(r, "break or continue outside of range", s);
    }
    pol_value value;
    bool assigned;
    if (!evaluate(r, s, dot, &value, &assigned))
        return false;
    if (!assigned)
        write_value(&r->w, value);
    return true;
}

static bool run_list(rendering *r, pol_value dot, bool live)
{
    if (++r->nesting > NESTING_MAX)
        return fail(r, "nested too deep", POL_BYTES(""));
    pol_bytes rest;
    while (r->at < r->n && !at_keyword(r, "end", &rest) && !at_keyword(r, "else", &rest)) {
        const item *i = &r->items[r->at++];
        bool runs = live && r->flow == RUNNING;
        pol_charge(r->ev, 1);
        if (!i->action && runs)
            pol_writer_bytes(&r->w, i->text);
        if (i->action && !run_action(r, i->text, dot, runs))
            return false;
    }
    r->nesting--;
    return !pol_builtin_failed(r->ev);
}

pol_value pol_template_render(pol_eval *ev, pol_bytes text, pol_value vars)
{
    rendering r = {.ev = ev, .w = pol_writer_new(ev, text.n)};
    declare(&r, POL_BYTES(""), vars);
    pol_charge(ev, text.n / 16);
    if (!cut_items(&r, text) || !run_list(&r, vars, true))
        return pol_undefined();
    if (r.at < r.n) {
        fail(&r, "unexpected action", r.items[r.at].text);
        return pol_undefined();
    }
    return pol_writer_string(&r.w);
}
