/* SPDX-License-Identifier: Apache-2.0
 * Coverage: instructions are counted while tests run, and afterwards the tree is asked which expressions there are. An expression is reached when an
 * instruction of its part ran, a rule when its body held, a permit or forbid when it applied. A line counts by what begins on it.
 */
#include "compiler/cli/coverage.h"
#include "compiler/check.h"
#include "compiler/statements.h"
#include "runtime/eval.h"
#include "runtime/json.h"
#include "runtime/trace.h"

#include <inttypes.h>
#include <stdlib.h>

/* Something that can be reached. */
typedef struct {
    uint32_t file, row;
    uint64_t hits;
    const char *name; /* of a rule or statement; NULL: an expression */
} point;

/* A part of the source that has instructions: a condition, or a body that gave its rule's value. */
typedef struct {
    uint32_t kind, file, row, col;
    uint64_t hits;
} place;

struct cli_coverage {
    pol_walk walk;
    const cli_session *session;
    const pol_bundle *bundle;
    pol_eval *ev;
    uint64_t *counts;  /* of each instruction */
    uint64_t *applied; /* of each grant */
    int64_t decision;  /* function; -1: none */
    pol_arena arena;
    place *places;
    size_t n_places;
    place *rows; /* of each instruction, by file and row */
    point *points;
    uint32_t n_points, points_capacity;
    bool compiled; /* the rule at hand */
    bool ready;
};

static void *take(size_t n, size_t size)
{
    void *p = calloc(n + 1, size);
    if (!p)
        abort();
    return p;
}

static const pol_statements *statements_of(const cli_coverage *c)
{
    return pol_compiler_program(c->session->compiler)->statements;
}

/* ---- while tests run ---- */

/* The decision's value names the statements that decided. */
static void note_decision(cli_coverage *c, pol_value decision)
{
    const pol_statements *s = statements_of(c);
    pol_value rules = decision.tag == POL_OBJECT ? pol_object_member(decision, "rules") : pol_undefined();
    for (uint32_t i = 0; rules.tag == POL_ARRAY && i < rules.n; i++)
        for (uint32_t k = 0; k < s->n_grants; k++)
            if (s->grants[k].id && pol_bytes_is(pol_text(pol_element(rules, i)), s->grants[k].id))
                c->applied[k]++;
}

static void listen(void *context, uint32_t function, uint32_t pc)
{
    cli_coverage *c = context;
    uint32_t i = c->bundle->functions[function].first_insn + pc;
    c->counts[i]++;
    if (function == c->decision && c->bundle->code[i].op == POL_OP_RETURN)
        note_decision(c, c->ev->frame->r[c->bundle->code[i].a]);
}

cli_coverage *cli_coverage_new(const cli_session *s)
{
    cli_coverage *c = take(1, sizeof *c);
    c->session = s;
    c->bundle = s->bundle;
    c->counts = take(s->bundle->n_code, sizeof *c->counts);
    c->decision = -1;
    pol_arena_init(&c->arena, 0);
    for (uint32_t i = 0; i < c->bundle->n_functions; i++)
        if (strcmp(pol_bundle_name(c->bundle, c->bundle->functions[i].name), "data.polward.decision") == 0)
            c->decision = i;
    const pol_statements *statements = statements_of(c);
    c->applied = take(statements ? statements->n_grants : 0, sizeof *c->applied);
    return c;
}

void cli_coverage_watch(cli_coverage *c, pol_eval *ev)
{
    c->ev = ev;
    pol_eval_set_listener(ev, listen, c);
}

void cli_coverage_free(cli_coverage *c)
{
    if (!c)
        return;
    free(c->counts);
    free(c->applied);
    free(c->places);
    free(c->rows);
    pol_arena_deinit(&c->arena);
    free(c);
}

/* ---- parts of the source ---- */

static int compare_places(const void *a, const void *b)
{
    const place *x = a, *y = b;
    const uint32_t order[4][2] = {{x->kind, y->kind}, {x->file, y->file}, {x->row, y->row}, {x->col, y->col}};
    for (int i = 0; i < 4; i++)
        if (order[i][0] != order[i][1])
            return order[i][0] < order[i][1] ? -1 : 1;
    return 0;
}

static bool gives_value(const pol_insn *in)
{
    return in->op == POL_OP_MERGE || in->op == POL_OP_PUSH || in->op == POL_OP_PUT || in->op == POL_OP_RETURN;
}

/* Each part with instructions, and how often one of them ran. The session has compiled the bundle itself, so its section can be trusted. */
static void read_places(cli_coverage *c)
{
    pol_explain_header header = {0};
    if (c->bundle->explain.n >= sizeof header)
        memcpy(&header, c->bundle->explain.at, sizeof header);
    const uint32_t *part_of = (const uint32_t *)(const void *)(c->bundle->explain.at + sizeof header);
    const pol_explain_part *parts = (const pol_explain_part *)(const void *)(part_of + header.n_code);
    c->places = take(header.n_parts, sizeof *c->places);
    c->n_places = header.n_parts;
    for (uint32_t i = 0; i < header.n_parts; i++)
        c->places[i] = (place){POL_PART_KINDS, parts[i].file, parts[i].row, parts[i].col, 0};
    for (uint32_t i = 0; i < header.n_code; i++) {
        uint32_t part = part_of[i];
        if (part && parts[part - 1].kind == POL_PART_BODY && gives_value(&c->bundle->code[i])) {
            c->places[part - 1].kind = POL_PART_BODY;
            c->places[part - 1].hits += c->counts[i];
        }
        for (; part; part = parts[part - 1].parent) {
            place *p = &c->places[part - 1];
            if (parts[part - 1].kind != POL_PART_CONDITION)
                continue;
            p->kind = POL_PART_CONDITION;
            p->hits = c->counts[i] > p->hits ? c->counts[i] : p->hits;
        }
    }
    qsort(c->places, c->n_places, sizeof *c->places, compare_places);
    c->rows = take(c->bundle->n_code, sizeof *c->rows);
    for (size_t i = 0; i < c->bundle->n_code; i++)
        c->rows[i] = (place){.file = c->bundle->places[i].file, .row = c->bundle->places[i].row, .hits = c->counts[i]};
    qsort(c->rows, c->bundle->n_code, sizeof *c->rows, compare_places);
}

/* False: key is not among the n sorted places. */
static bool find_hits(const place *places, size_t n, const place *key, uint64_t *hits)
{
    *hits = 0;
    const place *found = n ? bsearch(key, places, n, sizeof *key, compare_places) : NULL;
    if (!found)
        return false;
    while (found > places && compare_places(found - 1, key) == 0)
        found--;
    for (; found < places + n && compare_places(found, key) == 0; found++)
        *hits = found->hits > *hits ? found->hits : *hits;
    return true;
}

/* False: nothing was compiled for it. */
static bool find_place(const cli_coverage *c, pol_part_kind kind, pol_span span, uint64_t *hits)
{
    place key = {.kind = kind, .file = span.source};
    pol_source_place(pol_compiler_program(c->session->compiler)->sources, span, &key.row, &key.col);
    return find_hits(c->places, c->n_places, &key, hits);
}

/* ---- what there is to be reached ---- */

static void add_point(cli_coverage *c, pol_span span, uint64_t hits, const char *name)
{
    uint32_t row, col;
    pol_source_place(pol_compiler_program(c->session->compiler)->sources, span, &row, &col);
    POL_GROW(&c->arena, c->points, c->n_points, c->points_capacity);
    c->points[c->n_points++] = (point){span.source, row, hits, name};
}

static bool add_expr(pol_walk *walk, pol_expr *e)
{
    cli_coverage *c = (cli_coverage *)walk;
    uint64_t hits;
    if (!e->generated && (find_place(c, POL_PART_CONDITION, e->span, &hits) || !c->compiled))
        add_point(c, e->span, hits, NULL);
    return true;
}

static const char *name_of(cli_coverage *c, const pol_module *m, const pol_term *name)
{
    POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
    pol_term_print(m->package, &text);
    pol_buf_byte(&text, '.');
    pol_term_print(name, &text);
    return (const char *)pol_arena_copy(&c->arena, text.at, text.n);
}

/* Of a rule without a body: it holds whenever it is asked, which the instructions of its row tell. */
static bool find_row(const cli_coverage *c, pol_span span, uint64_t *hits)
{
    place key = {.file = span.source};
    uint32_t col;
    pol_source_place(pol_compiler_program(c->session->compiler)->sources, span, &key.row, &col);
    return find_hits(c->rows, c->bundle->n_code, &key, hits);
}

static void add_rule(cli_coverage *c, const pol_module *m, const pol_rule *rule)
{
    bool hidden = rule->name->kind == POL_TERM_VAR && rule->name->text.n && rule->name->text.at[0] == '$';
    for (const pol_rule *r = rule; r; r = r->next_else) {
        uint64_t hits = 0;
        if (r->is_default)
            continue;
        if (r->body.n)
            c->compiled = find_place(c, POL_PART_BODY, r->body.items[0]->span, &hits);
        else
            c->compiled = find_row(c, r->span, &hits);
        if (!hidden)
            add_point(c, r->span, hits, name_of(c, m, rule->name));
        pol_walk_term(&c->walk, r->key);
        pol_walk_term(&c->walk, r->value);
        pol_walk_body(&c->walk, (pol_body *)(uintptr_t)&r->body);
    }
}

/* How often the function of a statement with conditions said that it applies. */
static uint64_t hits_of_function(const cli_coverage *c, const pol_grant *g)
{
    uint64_t hits = 0;
    if (!g->function || g->function > c->bundle->n_functions)
        return 0;
    const pol_bundle_function *fn = &c->bundle->functions[g->function - 1];
    for (uint32_t k = 0; k < fn->n_code; k++)
        if (c->bundle->code[fn->first_insn + k].op == POL_OP_RETURN)
            hits += c->counts[fn->first_insn + k];
    return hits;
}

static void add_grants(cli_coverage *c)
{
    const pol_statements *s = statements_of(c);
    for (uint32_t i = 0; s && i < s->n_grants; i++)
        if (s->grants[i].statement)
            add_point(c, s->grants[i].statement->span, c->applied[i] + hits_of_function(c, &s->grants[i]), s->grants[i].id);
}

static int compare_points(const void *a, const void *b)
{
    const point *x = a, *y = b;
    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static void prepare(cli_coverage *c)
{
    const pol_program *p = pol_compiler_program(c->session->compiler);
    if (c->ready)
        return;
    c->ready = true;
    c->walk = (pol_walk){.expr = add_expr, .closures = true};
    read_places(c);
    for (uint32_t i = 0; i < p->n_modules; i++)
        for (uint32_t k = 0; !p->sources->items[p->modules[i]->source].generated && k < p->modules[i]->n_rules; k++)
            add_rule(c, p->modules[i], p->modules[i]->rules[k]);
    add_grants(c);
    if (c->n_points)
        qsort(c->points, c->n_points, sizeof *c->points, compare_points);
}

/* ---- reports ---- */

typedef struct {
    uint32_t lines[2], statements[2]; /* not reached, reached */
} sums;

static double percent(const uint32_t of[2])
{
    uint32_t all = of[0] + of[1];
    return all ? (double)(uint64_t)(10000.0 * of[1] / all + 0.5) / 100.0 : 0;
}

/* From point i to the end of its line: how often it was reached. */
static uint32_t next_line(const cli_coverage *c, uint32_t i, uint64_t *hits)
{
    uint32_t end = i;
    for (*hits = 0; end < c->n_points && compare_points(&c->points[end], &c->points[i]) == 0; end++)
        *hits = c->points[end].hits > *hits ? c->points[end].hits : *hits;
    return end;
}

static sums sum_up(const cli_coverage *c, uint32_t from, uint32_t to)
{
    sums s = {0};
    uint64_t hits;
    for (uint32_t i = from; i < to; i = next_line(c, i, &hits)) {
        next_line(c, i, &hits);
        s.lines[hits > 0]++;
    }
    for (uint32_t i = from; i < to; i++)
        if (c->points[i].name)
            s.statements[c->points[i].hits > 0]++;
    return s;
}

static uint32_t end_of_file(const cli_coverage *c, uint32_t i)
{
    uint32_t end = i;
    while (end < c->n_points && c->points[end].file == c->points[i].file)
        end++;
    return end;
}

static void put_ranges(const cli_coverage *c, const char *name, bool reached, uint32_t from, uint32_t to, pol_buf *out)
{
    uint32_t first = 0, last = 0, n = 0, end;
    uint64_t hits;
    for (uint32_t i = from; i <= to; i = end) {
        bool wanted = false;
        end = i < to ? next_line(c, i, &hits) : to + 1;
        if (i < to)
            wanted = (hits > 0) == reached;
        if (wanted && first && c->points[i].row == last + 1) {
            last++;
            continue;
        }
        if (first && (wanted || i == to)) {
            if (n++)
                pol_buf_byte(out, ',');
            else
                pol_buf_printf(out, "\"%s\":[", name);
            pol_buf_printf(out, "{\"start\":{\"row\":%u},\"end\":{\"row\":%u}}", first, last);
        }
        if (wanted)
            first = last = c->points[i].row;
    }
    if (n)
        pol_buf_text(out, "],");
}

static void put_sums(const sums *s, pol_buf *out)
{
    pol_buf_printf(out, "\"covered_lines\":%u,\"not_covered_lines\":%u,\"coverage\":%.12g", s->lines[1], s->lines[0], percent(s->lines));
    pol_buf_printf(out, ",\"covered_statements\":%u,\"not_covered_statements\":%u,\"statement_coverage\":%.12g", s->statements[1], s->statements[0],
                   percent(s->statements));
}

static void put_missed(const cli_coverage *c, uint32_t from, uint32_t to, pol_buf *out)
{
    uint32_t n = 0;
    for (uint32_t i = from; i < to; i++) {
        if (!c->points[i].name || c->points[i].hits)
            continue;
        pol_buf_text(out, n++ ? ",{\"name\":" : "\"missed_statements\":[{\"name\":");
        pol_json_write_string(out, pol_bytes_text(c->points[i].name), POL_JSON_HTML);
        pol_buf_printf(out, ",\"row\":%u}", c->points[i].row);
    }
    if (n)
        pol_buf_text(out, "],");
}

static const char *file_name(const cli_coverage *c, uint32_t i)
{
    return pol_compiler_program(c->session->compiler)->sources->items[c->points[i].file].name;
}

double cli_coverage_lines(cli_coverage *c)
{
    prepare(c);
    sums all = sum_up(c, 0, c->n_points);
    return percent(all.lines);
}

void cli_coverage_json(cli_coverage *c, pol_buf *out)
{
    prepare(c);
    POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
    pol_buf_text(&text, "{\"files\":{");
    for (uint32_t i = 0, end; i < c->n_points; i = end) {
        end = end_of_file(c, i);
        sums s = sum_up(c, i, end);
        pol_buf_text(&text, i ? "," : "");
        pol_json_write_string(&text, pol_bytes_text(file_name(c, i)), POL_JSON_HTML);
        pol_buf_text(&text, ":{");
        put_ranges(c, "covered", true, i, end, &text);
        put_ranges(c, "not_covered", false, i, end, &text);
        put_missed(c, i, end, &text);
        put_sums(&s, &text);
        pol_buf_byte(&text, '}');
    }
    sums all = sum_up(c, 0, c->n_points);
    pol_buf_text(&text, "},");
    put_sums(&all, &text);
    pol_buf_byte(&text, '}');
    cli_indent_json(pol_buf_view(&text), out);
    pol_buf_byte(out, '\n');
}

void cli_coverage_lcov(cli_coverage *c, pol_buf *out)
{
    prepare(c);
    for (uint32_t i = 0, end; i < c->n_points; i = end) {
        uint64_t hits;
        end = end_of_file(c, i);
        sums s = sum_up(c, i, end);
        pol_buf_printf(out, "TN:\nSF:%s\n", file_name(c, i));
        for (uint32_t k = i; k < end; k++)
            if (c->points[k].name)
                pol_buf_printf(out, "FN:%u,%s:%u\nFNDA:%" PRIu64 ",%s:%u\n", c->points[k].row, c->points[k].name, c->points[k].row, c->points[k].hits,
                               c->points[k].name, c->points[k].row);
        pol_buf_printf(out, "FNF:%u\nFNH:%u\n", s.statements[0] + s.statements[1], s.statements[1]);
        for (uint32_t k = i, next; k < end; k = next) {
            next = next_line(c, k, &hits);
            pol_buf_printf(out, "DA:%u,%" PRIu64 "\n", c->points[k].row, hits);
        }
        pol_buf_printf(out, "LF:%u\nLH:%u\nend_of_record\n", s.lines[0] + s.lines[1], s.lines[1]);
    }
}
