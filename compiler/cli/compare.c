/* SPDX-License-Identifier: Apache-2.0
 * pol diff: what changes from one bundle, or folder of sources, to another: statements and rules by what they say, data by its paths, and decisions of recorded
 * requests (replay.c). Statements are read from the sources, which a bundle keeps for its explanations.
 */
#include "compiler/cli/compare.h"
#include "grammar/parse.h"
#include "runtime/json.h"
#include "runtime/trace.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const formats[] = {"pretty", "json", NULL};

static const cli_option options[] = {
    {'e', "entrypoint", CLI_TEXT, CLI_OFFSET(target), "PATH", "the rule that decides (polward/decision, or what a decision log names)", NULL},
    {'f', "format", CLI_TEXT, CLI_OFFSET(format), "FORMAT", "form of the output", formats},
    {0, "ignore", CLI_MANY, CLI_OFFSET(ignore), "PATTERN", "names of files and folders to pass over", NULL},
    {'r', "requests", CLI_TEXT, CLI_OFFSET(requests), "FILE", "requests to decide by both: inputs or events of a decision log, as JSON lines or an array", NULL},
    CLI_END,
};

/* ---- a side ---- */

POL_MUST_USE static bool open_side(cli_side *s, const cli_options *o, const char *path, bool *reported, pol_error *err)
{
    *reported = false;
    if (pol_bytes_ends(pol_bytes_text(path), POL_BYTES(".polb")))
        return pol_bundle_open(path, NULL, &s->bundle, err);
    cli_options sources = {.format = NULL, .ignore = o->ignore, .arguments = {&path, 1}};
    pol_compile_options how = {.optimise = true, .relative_names = true};
    *reported = !cli_compile(&s->session, &sources, &how, true, "pretty");
    if (*reported)
        return pol_fail(err, POL_E_USAGE, "%s does not compile", path);
    POL_CLEAN(pol_buf_deinit) pol_buf bytes = {0};
    POL_TRY(pol_compiler_bundle(s->session.compiler, &bytes, err));
    return pol_bundle_from_bytes(pol_buf_view(&bytes), NULL, &s->bundle, err);
}

static void close_side(cli_side *s)
{
    pol_bundle_close(s->bundle);
    if (s->session.compiler)
        cli_close(&s->session);
    pol_arena_deinit(&s->arena);
}

static pol_bytes package_of(cli_side *s, const pol_module *m)
{
    POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
    pol_term_print(m->package, &text);
    return pol_buf_to_arena(&text, &s->arena);
}

static void add_saying(cli_side *s, const pol_sources *sources, const pol_buf *name, const pol_buf *text, pol_span span)
{
    uint32_t row, col;
    pol_source_place(sources, span, &row, &col);
    POL_GROW(&s->arena, s->items, s->n, s->capacity);
    s->items[s->n++] = (cli_saying){
        .name = (const char *)pol_buf_to_arena(name, &s->arena).at,
        .text = pol_buf_to_arena(text, &s->arena),
        .file = sources->items[span.source].name,
        .row = row,
    };
}

/* What a statement is called: a permit or forbid by its id, others by what they declare; what has no name is what it says. */
static void name_statement(const pol_statement *st, pol_bytes package, pol_bytes text, pol_buf *out)
{
    static const char *const words[] = {"tier", "schema", "role", "assign", "scope", "route", "permit", "forbid"};
    pol_buf_printf(out, "%s ", words[st->kind]);
    bool grant = st->kind == POL_STATEMENT_PERMIT || st->kind == POL_STATEMENT_FORBID;
    if (grant && st->id.text.n)
        pol_buf_printf(out, "%.*s.%.*s", (int)package.n, (const char *)package.at, (int)st->id.text.n, (const char *)st->id.text.at);
    else if (st->kind == POL_STATEMENT_ROLE && st->names.n)
        pol_buf_bytes(out, st->names.items[0].text);
    else if (st->kind == POL_STATEMENT_SCHEMA)
        pol_buf_printf(out, "%.*s%s%.*s", (int)st->path.n, (const char *)st->path.at, st->resource_type.text.n ? " " : "", (int)st->resource_type.text.n,
                       (const char *)st->resource_type.text.at);
    else
        pol_buf_printf(out, "of %.*s: %.*s", (int)package.n, (const char *)package.at, (int)text.n, (const char *)text.at);
}

static void read_statements(cli_side *s, const pol_sources *sources, const pol_module *m)
{
    pol_bytes package = package_of(s, m);
    for (uint32_t i = 0; i < m->n_statements; i++) {
        POL_CLEAN(pol_buf_deinit) pol_buf name = {0};
        POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
        pol_statement_print(m->statements[i], &text);
        while (text.n && text.at[text.n - 1] == '\n')
            text.n--;
        name_statement(m->statements[i], package, pol_buf_view(&text), &name);
        add_saying(s, sources, &name, &text, m->statements[i]->span);
    }
}

static void read_rules(cli_side *s, const pol_sources *sources, const pol_module *m)
{
    pol_bytes package = package_of(s, m);
    for (uint32_t i = 0; i < m->n_rules; i++) {
        POL_CLEAN(pol_buf_deinit) pol_buf name = {0};
        POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
        const pol_term *head = m->rules[i]->name;
        pol_buf_printf(&name, "rule %.*s.", (int)package.n, (const char *)package.at);
        pol_term_print(head->kind == POL_TERM_REF ? head->items[0] : head, &name);
        pol_rule_print(m->rules[i], &text);
        add_saying(s, sources, &name, &text, m->rules[i]->span);
    }
}

static int compare_sayings(const void *a, const void *b)
{
    const cli_saying *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    if (!order)
        order = strcmp(x->file, y->file);
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

/* Definitions of one name become one. */
static void join_sayings(cli_side *s)
{
    uint32_t n = 0;
    if (s->n)
        qsort(s->items, s->n, sizeof *s->items, compare_sayings);
    for (uint32_t i = 0, end; i < s->n; i = end) {
        POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
        for (end = i; end < s->n && strcmp(s->items[i].name, s->items[end].name) == 0; end++)
            pol_buf_bytes(&text, s->items[end].text);
        cli_saying joined = s->items[i];
        joined.text = end == i + 1 ? joined.text : pol_buf_to_arena(&text, &s->arena);
        s->items[n++] = joined;
    }
    s->n = n;
}

static bool read_number(pol_value v, int64_t *out)
{
    *out = v.tag == POL_INT ? v.i : -1;
    return v.tag == POL_INT;
}

static void read_source(cli_side *s, pol_sources *sources, pol_value about, pol_bytes texts)
{
    int64_t start = 0, size = 0;
    pol_value file = pol_object_member(about, "file");
    bool ok = file.tag == POL_STRING && read_number(pol_object_member(about, "start"), &start) &&
              read_number(pol_object_member(about, "size"), &size) && start >= 0 && size >= 0 && (uint64_t)start <= texts.n &&
              (uint64_t)size <= texts.n - (uint64_t)start;
    if (!ok)
        return;
    pol_diags diags = {.arena = &s->arena, .sources = sources};
    const char *name = (const char *)pol_arena_copy(&s->arena, file.text, file.n);
    uint32_t i = pol_source_add(sources, name, pol_bytes_of(texts.at + start, (size_t)size), pol_is_true(pol_object_member(about, "polward")));
    const pol_module *m = pol_parse_module(&s->arena, sources, i, &diags);
    read_statements(s, sources, m);
    read_rules(s, sources, m);
}

/* The section of explanations holds the sources. */
POL_MUST_USE static bool read_side(cli_side *s, pol_error *err)
{
    pol_explain_header header;
    pol_bytes section = s->bundle->explain;
    s->stripped = section.n < sizeof header;
    if (s->stripped)
        return true;
    memcpy(&header, section.at, sizeof header);
    uint64_t before = sizeof header + (uint64_t)header.n_code * sizeof(uint32_t) + (uint64_t)header.n_parts * sizeof(pol_explain_part);
    if (before + header.n_text + header.n_document != section.n)
        return pol_fail(err, POL_E_BUNDLE, "section explain: its tables are not of this bundle");
    pol_bytes texts = pol_bytes_of(section.at + before, header.n_text);
    pol_value document;
    POL_TRY(pol_json_read(&s->arena, pol_bytes_of(texts.at + texts.n, header.n_document), NULL, &document, err));
    pol_value list = document.tag == POL_OBJECT ? pol_object_member(document, "sources") : pol_undefined();
    pol_sources *sources = POL_NEW(&s->arena, pol_sources);
    sources->arena = &s->arena;
    for (uint32_t i = 0; list.tag == POL_ARRAY && i < list.n; i++)
        if (pol_element(list, i).tag == POL_OBJECT)
            read_source(s, sources, pol_element(list, i), texts);
    join_sayings(s);
    return true;
}

/* ---- what differs ---- */

typedef struct {
    const cli_saying *from, *to; /* NULL: not there */
} change;

typedef struct {
    pol_arena arena;
    change *changes;
    uint32_t n, capacity;
    pol_builder data; /* {"path", "change"} */
    pol_value replay; /* undefined: none */
} result;

static void compare_sides(result *r, const cli_side *a, const cli_side *b)
{
    uint32_t i = 0, k = 0;
    while (i < a->n || k < b->n) {
        int order = i == a->n ? 1 : k == b->n ? -1 : strcmp(a->items[i].name, b->items[k].name);
        change c = {order <= 0 ? &a->items[i] : NULL, order >= 0 ? &b->items[k] : NULL};
        i += order <= 0;
        k += order >= 0;
        if (c.from && c.to && pol_bytes_equal(c.from->text, c.to->text))
            continue;
        POL_GROW(&r->arena, r->changes, r->n, r->capacity);
        r->changes[r->n++] = c;
    }
}

static void add_data(result *r, const char *path, const char *what)
{
    pol_builder b = pol_builder_new(&r->arena);
    pol_builder_put_text(&b, "path", pol_string_text(path));
    pol_builder_put_text(&b, "change", pol_string_text(what));
    pol_builder_add(&r->data, pol_builder_object(&b));
}

static void compare_data(result *r, const char *path, pol_value a, pol_value b, unsigned depth)
{
    enum { DEPTH_MAX = 20 };
    bool inside = a.tag == POL_OBJECT && b.tag == POL_OBJECT && depth < DEPTH_MAX;
    if (!pol_is_defined(a) || !pol_is_defined(b) || !inside) {
        if (!pol_is_defined(a) || !pol_is_defined(b) || !pol_equal(a, b))
            add_data(r, path, !pol_is_defined(a) ? "added" : !pol_is_defined(b) ? "removed" : "changed");
        return;
    }
    for (uint32_t i = 0, k = 0; i < a.n || k < b.n;) {
        int order = i == a.n ? 1 : k == b.n ? -1 : pol_compare(pol_member_key(a, i), pol_member_key(b, k));
        POL_CLEAN(pol_buf_deinit) pol_buf below = {0};
        pol_value key = order <= 0 ? pol_member_key(a, i) : pol_member_key(b, k);
        pol_buf_printf(&below, "%s.", path);
        if (key.tag == POL_STRING)
            pol_buf_bytes(&below, pol_text(key));
        else
            pol_json_write(&below, key, POL_JSON_COMPACT);
        const char *name = (const char *)pol_buf_to_arena(&below, &r->arena).at;
        compare_data(r, name, order <= 0 ? pol_member_value(a, i) : pol_undefined(), order >= 0 ? pol_member_value(b, k) : pol_undefined(), depth + 1);
        i += order <= 0;
        k += order >= 0;
    }
}

/* ---- output ---- */

static const char *word_of(const change *c)
{
    return !c->from ? "added" : !c->to ? "removed" : "changed";
}

static void print_change(const change *c, pol_buf *out)
{
    const cli_saying *s = c->to ? c->to : c->from;
    pol_buf_printf(out, "%-8s %s (%s:%u)\n", word_of(c), s->name, s->file, s->row);
    if (!c->from || !c->to)
        return;
    POL_CLEAN(pol_buf_deinit) pol_buf from = {0};
    POL_CLEAN(pol_buf_deinit) pol_buf to = {0};
    POL_CLEAN(pol_buf_deinit) pol_buf diff = {0};
    pol_buf_bytes(&from, c->from->text);
    pol_buf_bytes(&to, c->to->text);
    if (from.n && from.at[from.n - 1] != '\n')
        pol_buf_byte(&from, '\n');
    if (to.n && to.at[to.n - 1] != '\n')
        pol_buf_byte(&to, '\n');
    cli_diff("", "", pol_buf_view(&from), pol_buf_view(&to), &diff);
    for (size_t i = 0, end, row = 0; i < diff.n; i = end + 1, row++) {
        const uint8_t *at = memchr(diff.at + i, '\n', diff.n - i);
        end = at ? (size_t)(at - diff.at) : diff.n;
        if (row >= 2 && diff.at[i] != '@') /* not the names and places, which are those of nothing */
            pol_buf_printf(out, "    %.*s\n", (int)(end - i), (const char *)diff.at + i);
    }
}

static void print_pretty(const result *r, pol_value data, pol_buf *out)
{
    for (uint32_t i = 0; i < r->n; i++)
        print_change(&r->changes[i], out);
    for (uint32_t i = 0; i < data.n; i++) {
        pol_value path = pol_object_member(pol_element(data, i), "path"), what = pol_object_member(pol_element(data, i), "change");
        pol_buf_printf(out, "%-8.*s %.*s\n", (int)what.n, (const char *)what.text, (int)path.n, (const char *)path.text);
    }
    if (!r->n && !data.n)
        pol_buf_text(out, "the same statements, rules and data\n");
    if (pol_is_defined(r->replay))
        cli_print_replay(r->replay, out);
}

static pol_value saying_value(pol_arena *arena, const cli_saying *s)
{
    pol_builder b = pol_builder_new(arena);
    pol_builder_put_text(&b, "file", pol_string_text(s->file));
    pol_builder_put_text(&b, "row", pol_int(s->row));
    pol_builder_put_text(&b, "text", pol_string(s->text));
    return pol_builder_object(&b);
}

static void print_json(result *r, pol_value data, pol_buf *out)
{
    pol_builder b = pol_builder_new(&r->arena), changes = pol_builder_new(&r->arena);
    for (uint32_t i = 0; i < r->n; i++) {
        pol_builder c = pol_builder_new(&r->arena);
        pol_builder_put_text(&c, "name", pol_string_text((r->changes[i].to ? r->changes[i].to : r->changes[i].from)->name));
        pol_builder_put_text(&c, "change", pol_string_text(word_of(&r->changes[i])));
        if (r->changes[i].from)
            pol_builder_put_text(&c, "from", saying_value(&r->arena, r->changes[i].from));
        if (r->changes[i].to)
            pol_builder_put_text(&c, "to", saying_value(&r->arena, r->changes[i].to));
        pol_builder_add(&changes, pol_builder_object(&c));
    }
    pol_builder_put_text(&b, "statements", pol_builder_array(&changes));
    pol_builder_put_text(&b, "data", data);
    if (pol_is_defined(r->replay))
        pol_builder_put_text(&b, "decisions", r->replay);
    pol_json_write(out, pol_builder_object(&b), POL_JSON_PRETTY);
    pol_buf_byte(out, '\n');
}

/* With requests what counts is whether a decision flips, else whether anything differs. */
static int finish(const cli_options *o, result *r)
{
    POL_CLEAN(pol_buf_deinit) pol_buf out = {0};
    pol_value data = pol_builder_array(&r->data);
    if (cli_is_format(o, "json", "pretty"))
        print_json(r, data, &out);
    else
        print_pretty(r, data, &out);
    cli_write(&out);
    bool differs = pol_is_defined(r->replay) ? pol_object_member(r->replay, "flipped").n > 0 : r->n || data.n;
    return differs ? CLI_ERROR : CLI_OK;
}

static int run(const cli_options *o)
{
    cli_side a = {0}, b = {0};
    result r = {.replay = pol_undefined()};
    pol_error err;
    bool reported = false;
    int code = CLI_FAILED;
    if (o->arguments.n != 2) {
        fprintf(stderr, "pol diff: name two bundles, folders or files\n");
        return CLI_FAILED;
    }
    pol_arena_init(&r.arena, 0);
    pol_arena_init(&a.arena, 0);
    pol_arena_init(&b.arena, 0);
    bool ok = open_side(&a, o, o->arguments.items[0], &reported, &err) && open_side(&b, o, o->arguments.items[1], &reported, &err) && read_side(&a, &err) &&
              read_side(&b, &err);
    if (ok && (a.stripped || b.stripped))
        fprintf(stderr, "pol diff: a bundle was built with --strip: statements and rules are not compared\n");
    else if (ok)
        compare_sides(&r, &a, &b);
    if (ok) {
        r.data = pol_builder_new(&r.arena);
        compare_data(&r, "data", pol_bundle_data(a.bundle), pol_bundle_data(b.bundle), 0);
        ok = !o->requests || cli_replay(o, &a, &b, &r.arena, &r.replay, &err);
    }
    if (ok)
        code = finish(o, &r);
    else if (!reported)
        cli_report(&err, cli_is_format(o, "json", "pretty"));
    pol_arena_deinit(&r.arena);
    close_side(&a);
    close_side(&b);
    return code;
}

const cli_command cli_compare = {"diff", "A B", "say what changes from one bundle or folder to another", options, run};
