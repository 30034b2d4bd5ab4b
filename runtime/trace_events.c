/* SPDX-License-Identifier: Apache-2.0
 * A trace as a list of events in the form of OPA's: calls are queries with a number each, conditions are expressions. What a mode
 * leaves out is left out at the end, when it is known which calls have something in them. The list is bounded: what would come
 * behind is counted.
 */
#include "runtime/trace.h"

#include "runtime/eval.h"
#include "runtime/json.h"

enum { EVENTS_MAX = 10000 };

typedef struct {
    pol_told what;
    uint32_t function, part, query, parent; /* parent: number of the query around it */
    bool shown;
    pol_value condition; /* of a condition that failed */
    pol_value message;   /* of a note */
} event;

struct pol_events {
    pol_eval *ev;
    pol_trace *trace;
    pol_events_mode mode;
    event *items;
    uint32_t n, capacity, left_out;
    uint32_t *open; /* the query of each depth */
    uint32_t n_open, open_capacity;
    uint32_t depth, n_queries;
    void (*output)(void *context, bool note, pol_bytes text); /* what was set before */
    void *output_context;
};

bool pol_events_mode_read(pol_bytes text, pol_events_mode *mode)
{
    static const struct {
        const char *name;
        pol_events_mode mode;
    } names[] = {{"notes", POL_EVENTS_NOTES}, {"fails", POL_EVENTS_FAILS}, {"full", POL_EVENTS_FULL}, {"debug", POL_EVENTS_FULL}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (pol_bytes_is(text, names[i].name)) {
            *mode = names[i].mode;
            return true;
        }
    return false;
}

static event *add_event(pol_events *e, pol_told what, uint32_t function, uint32_t part)
{
    if (e->n == EVENTS_MAX) {
        e->left_out++;
        return NULL;
    }
    POL_GROW(&e->ev->arena, e->items, e->n, e->capacity);
    event *one = &e->items[e->n++];
    *one = (event){.what = what, .function = function, .part = part, .condition = pol_undefined(), .message = pol_undefined()};
    one->query = e->depth < e->n_open ? e->open[e->depth] : 0;
    one->parent = e->depth > 0 && e->depth <= e->n_open ? e->open[e->depth - 1] : 0;
    return one;
}

static void take(void *context, pol_told what, uint32_t function, uint32_t part, size_t depth)
{
    pol_events *e = context;
    e->depth = (uint32_t)depth;
    while (e->n_open <= e->depth) {
        POL_GROW(&e->ev->arena, e->open, e->n_open, e->open_capacity);
        e->open[e->n_open++] = 0;
    }
    if (what == POL_TOLD_ENTER)
        e->open[e->depth] = ++e->n_queries;
    event *one = add_event(e, what, function, part);
    if (one && what == POL_TOLD_FAIL && part)
        one->condition = pol_trace_condition(e->trace, function, part);
}

static void take_line(void *context, bool note, pol_bytes text)
{
    pol_events *e = context;
    if (e->output)
        e->output(e->output_context, note, text);
    event *one = note ? add_event(e, POL_TOLD_NOTE, (uint32_t)(e->ev->frame->fn - e->ev->bundle->functions), 0) : NULL;
    if (one)
        one->message = pol_string_copy(&e->ev->arena, text);
}

pol_events *pol_events_begin(pol_eval *ev, pol_events_mode mode, pol_error *err)
{
    pol_trace *trace = pol_trace_begin(ev, err);
    if (!trace)
        return NULL;
    pol_events *e = POL_NEW(&ev->arena, pol_events);
    *e = (pol_events){.ev = ev, .trace = trace, .mode = mode, .output = ev->output, .output_context = ev->output_context};
    pol_trace_tell(trace, take, e);
    pol_eval_set_output(ev, take_line, e);
    return e;
}

/* ---- the list ---- */

static bool is_wanted(const pol_events *e, const event *one)
{
    return e->mode == POL_EVENTS_FULL || (e->mode == POL_EVENTS_NOTES && one->what == POL_TOLD_NOTE) ||
           (e->mode == POL_EVENTS_FAILS && one->what == POL_TOLD_FAIL);
}

/* What is wanted, and the beginnings of the calls that it is in. From the end, so that one pass finds all. */
static void mark_shown(pol_events *e)
{
    bool *wanted = POL_NEW_ARRAY(&e->ev->arena, bool, (size_t)e->n_queries + 1);
    for (uint32_t i = e->n; i-- > 0;) {
        event *one = &e->items[i];
        one->shown = is_wanted(e, one) || (one->what == POL_TOLD_ENTER && wanted[one->query]);
        if (one->shown)
            wanted[one->query] = wanted[one->parent] = true;
    }
}

/* {"type", "value"}, as OPA writes a term. */
static pol_value term(pol_arena *arena, const char *type, pol_value value)
{
    pol_builder b = pol_builder_new(arena);
    pol_builder_put_text(&b, "type", pol_string_text(type));
    pol_builder_put_text(&b, "value", value);
    return pol_builder_object(&b);
}

static pol_value locals_of(pol_arena *arena, pol_value condition)
{
    pol_builder list = pol_builder_new(arena);
    pol_value values = pol_object_member(condition, "values");
    for (uint32_t i = 0; values.tag == POL_ARRAY && i < values.n; i++) {
        pol_value one = pol_element(values, i), value = pol_object_member(one, "value");
        pol_builder b = pol_builder_new(arena);
        if (!pol_is_defined(value))
            continue;
        pol_builder_put_text(&b, "key", term(arena, "var", pol_object_member(one, "text")));
        pol_builder_put_text(&b, "value", term(arena, pol_type_name(value), value));
        pol_builder_add(&list, pol_builder_object(&b));
    }
    return pol_builder_array(&list);
}

static pol_value node_of(const pol_events *e, const event *one)
{
    const pol_bundle *bundle = e->ev->bundle;
    pol_arena *arena = &e->ev->arena;
    pol_builder b = pol_builder_new(arena);
    if (one->part)
        pol_builder_put_text(&b, "text", pol_string(pol_trace_text(e->trace, one->part)));
    else
        pol_builder_put_text(&b, "name", pol_string_text(pol_bundle_name(bundle, bundle->functions[one->function].name)));
    return pol_builder_object(&b);
}

static pol_value event_value(const pol_events *e, const event *one)
{
    static const char *const names[] = {
        [POL_TOLD_ENTER] = "Enter", [POL_TOLD_EVAL] = "Eval", [POL_TOLD_REDO] = "Redo",
        [POL_TOLD_FAIL] = "Fail", [POL_TOLD_EXIT] = "Exit", [POL_TOLD_NOTE] = "Note",
    };
    pol_arena *arena = &e->ev->arena;
    pol_builder b = pol_builder_new(arena);
    pol_builder_put_text(&b, "op", pol_string_text(names[one->what]));
    pol_builder_put_text(&b, "query_id", pol_int(one->query));
    pol_builder_put_text(&b, "parent_id", pol_int(one->parent));
    pol_builder_put_text(&b, "type", pol_string_text(one->part ? "expr" : "rule"));
    pol_builder_put_text(&b, "node", node_of(e, one));
    pol_builder_put_text(&b, "locals", locals_of(arena, one->condition));
    if (pol_is_defined(one->message))
        pol_builder_put_text(&b, "message", one->message);
    pol_builder_put_text(&b, "location", pol_trace_place(e->trace, one->function, one->part));
    return pol_builder_object(&b);
}

pol_value pol_events_end(pol_events *e)
{
    pol_builder list = pol_builder_new(&e->ev->arena);
    pol_trace_end(e->trace);
    pol_eval_set_output(e->ev, e->output, e->output_context);
    mark_shown(e);
    for (uint32_t i = 0; i < e->n; i++)
        if (e->items[i].shown)
            pol_builder_add(&list, event_value(e, &e->items[i]));
    if (e->left_out) {
        event rest = {.what = POL_TOLD_NOTE, .function = e->items[0].function, .condition = pol_undefined()};
        rest.message = pol_string_printf(&e->ev->arena, "%u further events are left out", e->left_out);
        pol_builder_add(&list, event_value(e, &rest));
    }
    return pol_builder_array(&list);
}

/* ---- as text ---- */

static void put_text(pol_buf *out, pol_value v)
{
    for (uint32_t i = 0; v.tag == POL_STRING && i < v.n; i++)
        pol_buf_byte(out, v.text[i] == '\n' || v.text[i] == '\t' ? ' ' : v.text[i]);
}

static int64_t number(pol_value v)
{
    return v.tag == POL_INT ? v.i : 0;
}

/* How deep an event lies: a beginning below its parent, all else below its own call. */
static size_t find_depth(pol_buf *calls, bool enter, int64_t query, int64_t parent)
{
    int64_t around = enter ? parent : query, top;
    while (calls->n) {
        memcpy(&top, calls->at + calls->n - sizeof top, sizeof top);
        if (top == around)
            break;
        calls->n -= sizeof top;
    }
    size_t depth = calls->n / sizeof top;
    if (enter)
        pol_buf_add(calls, &query, sizeof query);
    return depth;
}

void pol_events_text(pol_value events, pol_buf *out)
{
    POL_CLEAN(pol_buf_deinit) pol_buf calls = {0};
    for (uint32_t i = 0; i < events.n; i++) {
        pol_value one = pol_element(events, i), at = pol_object_member(one, "location"), node = pol_object_member(one, "node");
        pol_value locals = pol_object_member(one, "locals"), message = pol_object_member(one, "message");
        size_t begun = out->n;
        put_text(out, pol_object_member(at, "file"));
        pol_buf_printf(out, "%s:%lld", out->n == begun ? "query" : "", (long long)number(pol_object_member(at, "row")));
        do
            pol_buf_byte(out, ' ');
        while (out->n - begun < 24);
        pol_value op = pol_object_member(one, "op");
        bool enter = op.tag == POL_STRING && pol_bytes_is(pol_text(op), "Enter");
        int64_t query = number(pol_object_member(one, "query_id")), parent = number(pol_object_member(one, "parent_id"));
        for (size_t k = find_depth(&calls, enter, query, parent); k > 0; k--)
            pol_buf_text(out, "| ");
        put_text(out, op);
        pol_buf_byte(out, ' ');
        if (pol_is_defined(message))
            pol_json_write(out, message, POL_JSON_COMPACT);
        else
            put_text(out, pol_object_member(node, pol_is_defined(pol_object_member(node, "name")) ? "name" : "text"));
        for (uint32_t k = 0; locals.tag == POL_ARRAY && k < locals.n; k++) {
            pol_value local = pol_element(locals, k);
            pol_buf_text(out, k ? ", " : "   ");
            put_text(out, pol_object_member(pol_object_member(local, "key"), "value"));
            pol_buf_text(out, " = ");
            pol_json_write(out, pol_object_member(pol_object_member(local, "value"), "value"), POL_JSON_COMPACT);
        }
        pol_buf_byte(out, '\n');
    }
}
