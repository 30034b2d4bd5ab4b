/* SPDX-License-Identifier: Apache-2.0
 * Recorded requests decided by two bundles. A record is an input document, or an event of a decision log, whose path and time count then. Where one side allows and
 * the other does not (of another rule than the decision: where the values differ) the decision flips, and both sides explain themselves.
 */
#include "compiler/cli/compare.h"
#include "runtime/calendar.h"
#include "runtime/explain.h"
#include "runtime/json.h"

#include <stdio.h>
#include <time.h>

static const char decision_path[] = "polward/decision";

typedef struct {
    const cli_options *o;
    const cli_side *sides[2];
    pol_eval *evals[2];
    pol_arena *arena; /* of the result */
    int64_t now;
    uint64_t requests, masked, differ;
    unsigned unknown; /* sides that have no rule for the record */
    pol_builder flipped;
} replay;

/* What one side says. */
typedef struct {
    pol_value value; /* undefined: none */
    const char *error;
} answer;

static bool is_decision(pol_bytes path)
{
    return pol_bytes_is(path, decision_path) || pol_bytes_is(path, "polward/allow");
}

static answer decide(replay *r, int side, pol_bytes path, pol_value input, int64_t now)
{
    pol_eval *ev = r->evals[side];
    pol_error err;
    answer a = {.value = pol_undefined()};
    pol_eval_begin(ev, r->sides[side]->bundle);
    pol_eval_set_clock(ev, now);
    pol_entry entry = pol_bundle_entry(r->sides[side]->bundle, pol_eval_arena(ev), pol_path_split(pol_eval_arena(ev), path));
    r->unknown += entry.function < 0;
    if (!pol_eval_run(ev, entry, input, &a.value, &err)) {
        a.value = pol_undefined();
        a.error = (const char *)pol_arena_copy(r->arena, err.text, strlen(err.text));
    }
    return a;
}

/* Into the result's arena, as text: the evaluator's own is emptied by the next decision. */
static pol_value keep(const replay *r, pol_value v)
{
    POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
    pol_value copy;
    pol_error err;
    pol_json_write(&text, v, POL_JSON_COMPACT);
    return pol_json_read(r->arena, pol_buf_to_arena(&text, r->arena), NULL, &copy, &err) ? copy : pol_undefined();
}

static pol_value explain(const replay *r, int side, pol_value input, int64_t now)
{
    POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
    pol_eval *ev = r->evals[side];
    pol_value explanation;
    pol_error err;
    pol_eval_begin(ev, r->sides[side]->bundle);
    pol_eval_set_clock(ev, now);
    if (pol_explain(ev, input, &explanation, &err))
        pol_explain_text(explanation, &text);
    else
        pol_buf_printf(&text, "%s\n", err.text);
    return pol_string_copy(r->arena, pol_buf_view(&text));
}

static pol_value answer_value(const replay *r, const answer *a)
{
    pol_builder b = pol_builder_new(r->arena);
    if (pol_is_defined(a->value))
        pol_builder_put_text(&b, "value", keep(r, a->value));
    if (a->error)
        pol_builder_put_text(&b, "error", pol_string_text(a->error));
    return pol_builder_object(&b);
}

static bool allows(const answer *a)
{
    return a->value.tag == POL_OBJECT && pol_is_true(pol_object_member(a->value, "allow"));
}

static bool is_same(const answer *a, const answer *b)
{
    if (pol_is_defined(a->value) != pol_is_defined(b->value) || !a->error != !b->error)
        return false;
    return !pol_is_defined(a->value) || pol_equal(a->value, b->value);
}

static void add_flip(replay *r, pol_value record, pol_value input, const answer answers[2], bool decision, int64_t now)
{
    pol_builder b = pol_builder_new(r->arena);
    pol_value id = record.tag == POL_OBJECT ? pol_object_member(record, "decision_id") : pol_undefined();
    pol_builder_put_text(&b, "number", pol_int((int64_t)r->requests));
    if (pol_is_defined(id))
        pol_builder_put_text(&b, "decision_id", keep(r, id));
    pol_builder_put_text(&b, "input", keep(r, input));
    pol_builder_put_text(&b, "from", answer_value(r, &answers[0]));
    pol_builder_put_text(&b, "to", answer_value(r, &answers[1]));
    if (decision) {
        pol_builder_put_text(&b, "explain_from", explain(r, 0, input, now));
        pol_builder_put_text(&b, "explain_to", explain(r, 1, input, now));
    }
    pol_builder_add(&r->flipped, pol_builder_object(&b));
}

static pol_value member(pol_value record, const char *name, pol_tag tag)
{
    pol_value v = record.tag == POL_OBJECT ? pol_object_member(record, name) : pol_undefined();
    return v.tag == tag ? v : pol_undefined();
}

POL_MUST_USE static bool run_record(replay *r, pol_value record, pol_error *err)
{
    pol_value logged = member(record, "input", POL_OBJECT), path = member(record, "path", POL_STRING), time = member(record, "timestamp", POL_STRING);
    pol_value input = pol_is_defined(logged) ? logged : record;
    pol_bytes at = r->o->target ? pol_bytes_text(r->o->target) : pol_is_defined(logged) && pol_is_defined(path) ? pol_text(path) : POL_BYTES("polward/decision");
    int64_t now = r->now;
    pol_error inner;
    if (pol_is_defined(logged) && pol_is_defined(time) && !pol_time_parse(POL_BYTES("2006-01-02T15:04:05.999999999Z07:00"), pol_text(time), &now, &inner))
        now = r->now;
    bool decision = is_decision(at);
    answer answers[2];
    r->requests++;
    r->masked += pol_is_defined(logged) && (pol_is_defined(pol_object_member(record, "masked")) || pol_is_defined(pol_object_member(record, "erased")));
    for (int i = 0; i < 2; i++)
        answers[i] = decide(r, i, decision ? POL_BYTES("polward/decision") : at, input, now);
    if (r->unknown == 2)
        return pol_fail(err, POL_E_USAGE, "neither side has a rule data/%.*s: name the one that decides with -e", (int)at.n, (const char *)at.at);
    r->unknown = 0;
    if (is_same(&answers[0], &answers[1]))
        return true;
    r->differ++;
    if (!decision || allows(&answers[0]) != allows(&answers[1]))
        add_flip(r, record, input, answers, decision, now);
    return true;
}

/* An array of records, or one on each line. */
POL_MUST_USE static bool run_records(replay *r, pol_bytes text, pol_error *err)
{
    size_t from = 0, row = 0;
    while (from < text.n && strchr(" \t\r\n", text.at[from]))
        from++;
    bool array = from < text.n && text.at[from] == '[';
    for (from = 0; from < text.n;) {
        const uint8_t *end = array ? NULL : memchr(text.at + from, '\n', text.n - from);
        size_t to = end ? (size_t)(end - text.at) : text.n;
        pol_bytes line = pol_bytes_of(text.at + from, to - from);
        from = to + 1;
        row++;
        while (line.n && strchr(" \t\r\n", line.at[line.n - 1]))
            line.n--;
        if (!line.n)
            continue;
        pol_arena arena;
        pol_value record;
        pol_error inner;
        pol_arena_init(&arena, 0);
        bool ok = pol_json_read(&arena, line, NULL, &record, &inner);
        for (uint32_t i = 0; ok && array && i < record.n; i++)
            ok = run_record(r, pol_element(record, i), &inner);
        if (ok && !array)
            ok = run_record(r, record, &inner);
        pol_arena_deinit(&arena);
        if (!ok)
            return pol_fail(err, inner.code, "%s:%zu: %s", r->o->requests, row, inner.text);
    }
    return true;
}

bool cli_replay(const cli_options *o, const cli_side *a, const cli_side *b, pol_arena *arena, pol_value *out, pol_error *err)
{
    replay r = {.o = o, .sides = {a, b}, .arena = arena, .flipped = pol_builder_new(arena)};
    POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
    struct timespec t;
    if (strcmp(o->requests, "-") == 0)
        POL_TRY(cli_read_stdin(&text, err));
    else
        POL_TRY(pol_file_read(o->requests, 0, &text, err));
    clock_gettime(CLOCK_REALTIME, &t);
    r.now = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
    for (int i = 0; i < 2; i++)
        r.evals[i] = pol_eval_new(NULL);
    bool ok = run_records(&r, pol_buf_view(&text), err);
    for (int i = 0; i < 2; i++)
        pol_eval_free(r.evals[i]);
    pol_builder result = pol_builder_new(arena);
    pol_builder_put_text(&result, "requests", pol_int((int64_t)r.requests));
    pol_builder_put_text(&result, "masked", pol_int((int64_t)r.masked));
    pol_builder_put_text(&result, "differ", pol_int((int64_t)r.differ));
    pol_builder_put_text(&result, "flipped", pol_builder_array(&r.flipped));
    *out = pol_builder_object(&result);
    return ok;
}

/* ---- output ---- */

static void print_indented(pol_bytes text, pol_buf *out)
{
    for (size_t i = 0, end; i < text.n; i = end + 1) {
        const uint8_t *at = memchr(text.at + i, '\n', text.n - i);
        end = at ? (size_t)(at - text.at) : text.n;
        pol_buf_printf(out, "%s%.*s\n", end > i ? "      " : "", (int)(end - i), (const char *)text.at + i);
    }
}

static void print_answer(pol_value told, pol_buf *out)
{
    pol_value value = pol_object_member(told, "value"), error = pol_object_member(told, "error");
    pol_value allow = member(value, "allow", POL_BOOL);
    if (pol_is_defined(error))
        pol_buf_printf(out, "error: %.*s", (int)error.n, (const char *)error.text);
    else if (pol_is_defined(allow))
        pol_buf_text(out, pol_is_true(allow) ? "allow" : "deny");
    else if (pol_is_defined(value))
        pol_json_write(out, value, POL_JSON_COMPACT);
    else
        pol_buf_text(out, "undefined");
}

static void print_flip(pol_value flip, pol_buf *out)
{
    static const char *const sides[2][2] = {{"explain_from", "before"}, {"explain_to", "after"}};
    POL_CLEAN(pol_buf_deinit) pol_buf number = {0};
    pol_json_write(&number, pol_object_member(flip, "number"), POL_JSON_COMPACT);
    pol_value id = pol_object_member(flip, "decision_id");
    pol_buf_printf(out, "\nrequest %.*s", (int)number.n, (const char *)number.at);
    if (id.tag == POL_STRING)
        pol_buf_printf(out, " (%.*s)", (int)id.n, (const char *)id.text);
    pol_buf_text(out, ": ");
    print_answer(pol_object_member(flip, "from"), out);
    pol_buf_text(out, " -> ");
    print_answer(pol_object_member(flip, "to"), out);
    pol_buf_byte(out, '\n');
    for (int i = 0; i < 2; i++) {
        pol_value text = pol_object_member(flip, sides[i][0]);
        if (text.tag != POL_STRING)
            continue;
        pol_buf_printf(out, "    %s:\n", sides[i][1]);
        print_indented(pol_text(text), out);
    }
}

static uint64_t count_of(pol_value result, const char *name)
{
    int64_t n = 0;
    return pol_number_int64(pol_object_member(result, name), &n) ? (uint64_t)n : 0;
}

void cli_print_replay(pol_value value, pol_buf *out)
{
    pol_value flipped = pol_object_member(value, "flipped");
    uint64_t differ = count_of(value, "differ"), masked = count_of(value, "masked");
    pol_buf_printf(out, "\n%llu requests: %u flip", (unsigned long long)count_of(value, "requests"), flipped.n);
    if (differ > flipped.n)
        pol_buf_printf(out, ", %llu more are decided alike for other reasons", (unsigned long long)(differ - flipped.n));
    pol_buf_byte(out, '\n');
    if (masked)
        pol_buf_printf(out, "%llu were logged with parts masked or erased, and were decided without them\n", (unsigned long long)masked);
    for (uint32_t i = 0; i < flipped.n; i++)
        print_flip(pol_element(flipped, i), out);
}
