/* SPDX-License-Identifier: Apache-2.0
 * pol test: runs every rule called test_..., one after another, each as a decision of its own. A rule that is undefined, false or
 * meets an error fails; todo_test_... is passed over. Output and exit codes are OPA's; junit and lcov are for CI.
 */
#include "compiler/cli/coverage.h"
#include "runtime/json.h"
#include "runtime/pattern.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char *const formats[] = {"pretty", "json", "junit", "lcov", NULL};

static const cli_option options[] = {
    {'b', "bundle", CLI_FLAG, CLI_OFFSET(as_bundle), NULL, "read the paths as bundles in OPA's layout", NULL},
    {'c', "coverage", CLI_FLAG, CLI_OFFSET(coverage), NULL, "report which lines and statements the tests reach, as JSON or with -f lcov", NULL},
    {0, "count", CLI_TEXT, CLI_OFFSET(count), "N", "run each test so many times (1)", NULL},
    {'d', "data", CLI_MANY, CLI_OFFSET(data), "PATH", "a further file or folder", NULL},
    {'z', "exit-zero-on-skipped", CLI_FLAG, CLI_OFFSET(exit_zero_on_skipped), NULL, "skipped tests are no failure", NULL},
    {'f', "format", CLI_TEXT, CLI_OFFSET(format), "FORMAT", "form of the output", formats},
    {0, "ignore", CLI_MANY, CLI_OFFSET(ignore), "PATTERN", "names of files and folders to pass over", NULL},
    {'r', "run", CLI_TEXT, CLI_OFFSET(run), "REGEX", "only tests whose whole name matches", NULL},
    {'t', "threshold", CLI_TEXT, CLI_OFFSET(threshold), "PERCENT", "exit with 2 if the tests reach fewer lines; implies --coverage", NULL},
    {'v', "verbose", CLI_FLAG, CLI_OFFSET(verbose), NULL, "show passing tests and what they print", NULL},
    {'s', "schema", CLI_REFUSED, 0, "PATH", "schemas are declared by `schema` statements", NULL},
    {0, "bench", CLI_REFUSED, 0, NULL, "pol-bench measures workloads", NULL},
    CLI_END,
};

typedef enum { TEST_PASS, TEST_FAIL, TEST_ERROR, TEST_SKIPPED } outcome;

typedef struct {
    const pol_group *group;
    const char *file;
    uint32_t row, col;
    outcome outcome;
    int64_t duration_ns;
    char *error; /* NULL: none */
    pol_buf output;
} test_case;

typedef struct {
    const cli_options *o;
    cli_session session;
    pol_pattern *only; /* NULL: all */
    cli_coverage *coverage; /* NULL: not wanted */
    test_case *items;
    uint32_t n;
    uint32_t counts[4];
} suite;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool is_test(const pol_group *g, bool *is_todo)
{
    if (g->hidden || g->n_path == 0 || g->n_rules == 0 || g->kind == POL_GROUP_FUNCTION)
        return false;
    pol_bytes name = g->path[g->n_path - 1];
    *is_todo = pol_bytes_starts(name, POL_BYTES("todo_test_"));
    return *is_todo || pol_bytes_starts(name, POL_BYTES("test_"));
}

static int compare_tests(const void *a, const void *b)
{
    const test_case *x = a, *y = b;
    int order = strcmp(x->file, y->file);
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

static void find_tests(suite *s)
{
    const pol_program *p = pol_compiler_program(s->session.compiler);
    s->items = calloc((size_t)p->n_groups + 1, sizeof *s->items);
    if (!s->items)
        abort();
    for (uint32_t i = 0; i < p->n_groups; i++) {
        const pol_group *g = p->groups[i];
        bool is_todo;
        if (!is_test(g, &is_todo) || (s->only && !pol_pattern_matches(s->only, pol_bytes_text(g->name))))
            continue;
        test_case *t = &s->items[s->n++];
        pol_span span = g->rules[0]->span;
        *t = (test_case){.group = g, .file = p->sources->items[span.source].name, .outcome = is_todo ? TEST_SKIPPED : TEST_FAIL};
        pol_source_place(p->sources, span, &t->row, &t->col);
    }
    qsort(s->items, s->n, sizeof *s->items, compare_tests);
}

static void keep_line(void *context, bool note, pol_bytes text)
{
    test_case *t = context;
    if (note)
        return;
    pol_buf_bytes(&t->output, text);
    pol_buf_byte(&t->output, '\n');
}

/* A rule with a variable in its head is a table of cases: each must be true. */
static bool is_passed(pol_value v)
{
    if (v.tag != POL_OBJECT)
        return pol_is_defined(v) && !pol_is_false(v);
    for (uint32_t i = 0; i < v.n; i++)
        if (!is_passed(pol_member_value(v, i)))
            return false;
    return true;
}

static void run_once(suite *s, test_case *t)
{
    pol_eval *ev = s->session.eval;
    pol_error err;
    pol_value value;
    pol_eval_begin(ev, s->session.bundle);
    pol_eval_set_output(ev, keep_line, t);
    if (s->coverage)
        cli_coverage_watch(s->coverage, ev);
    pol_arena *arena = pol_eval_arena(ev);
    pol_builder path = pol_builder_new(arena);
    for (uint32_t i = 0; i < t->group->n_path; i++)
        pol_builder_add(&path, pol_string(t->group->path[i]));
    pol_entry entry = pol_bundle_entry(s->session.bundle, arena, pol_builder_array(&path));
    int64_t from = now_ns();
    bool ok = pol_eval_run(ev, entry, pol_undefined(), &value, &err);
    t->duration_ns = now_ns() - from;
    if (ok) {
        t->outcome = is_passed(value) ? TEST_PASS : TEST_FAIL;
        return;
    }
    pol_eval_error at = pol_eval_failure(ev);
    POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
    if (at.file && at.row)
        pol_buf_printf(&text, "%s:%u: ", at.file, at.row);
    pol_buf_printf(&text, "%s: %s", pol_code_text(err.code), err.text);
    free(t->error);
    t->error = strdup((const char *)text.at);
    t->outcome = TEST_ERROR;
}

static void run_tests(suite *s, uint64_t count)
{
    for (uint32_t i = 0; i < s->n; i++) {
        test_case *t = &s->items[i];
        for (uint64_t k = 0; k < count && t->outcome != TEST_SKIPPED; k++) {
            pol_buf_clear(&t->output);
            run_once(s, t);
            if (t->outcome != TEST_PASS)
                break;
        }
        s->counts[t->outcome]++;
    }
}

/* ---- output ---- */

static void put_base64(pol_buf *out, pol_bytes text)
{
    uint8_t *room = pol_buf_reserve(out, pol_base64_size(text.n));
    out->n += pol_base64_encode(room, text, POL_BASE64);
}

static void write_json(const suite *s, pol_buf *out)
{
    POL_CLEAN(pol_buf_deinit) pol_buf c = {0};
    pol_buf_byte(&c, '[');
    for (uint32_t i = 0; i < s->n; i++) {
        const test_case *t = &s->items[i];
        pol_bytes name = t->group->path[t->group->n_path - 1];
        pol_bytes whole = pol_bytes_text(t->group->name);
        size_t tail = whole.n > name.n && pol_bytes_ends(whole, name) ? name.n + 1 : 0;
        pol_buf_text(&c, i ? ",{\"location\":{\"file\":" : "{\"location\":{\"file\":");
        pol_json_write_string(&c, pol_bytes_text(t->file), POL_JSON_HTML);
        pol_buf_printf(&c, ",\"row\":%u,\"col\":%u},\"package\":", t->row, t->col);
        pol_json_write_string(&c, pol_bytes_of(whole.at, whole.n - tail), POL_JSON_HTML);
        pol_buf_text(&c, ",\"name\":");
        pol_json_write_string(&c, name, POL_JSON_HTML);
        if (t->outcome == TEST_FAIL)
            pol_buf_text(&c, ",\"fail\":true");
        if (t->error) {
            pol_buf_text(&c, ",\"error\":{\"message\":");
            pol_json_write_string(&c, pol_bytes_text(t->error), POL_JSON_HTML);
            pol_buf_byte(&c, '}');
        }
        if (t->outcome == TEST_SKIPPED)
            pol_buf_text(&c, ",\"skip\":true");
        pol_buf_printf(&c, ",\"duration\":%" PRId64, t->duration_ns);
        if (t->output.n) {
            pol_buf_text(&c, ",\"output\":\"");
            put_base64(&c, pol_buf_view(&t->output));
            pol_buf_byte(&c, '"');
        }
        pol_buf_byte(&c, '}');
    }
    pol_buf_byte(&c, ']');
    cli_indent_json(pol_buf_view(&c), out);
    pol_buf_byte(out, '\n');
}

/* As Go prints a duration: 312ns, 41.2µs, 1.5ms, 2.1s. */
static void put_duration(pol_buf *out, int64_t ns)
{
    if (ns < 1000)
        pol_buf_printf(out, "%" PRId64 "ns", ns);
    else if (ns < 1000000)
        pol_buf_printf(out, "%gµs", (double)ns / 1e3);
    else if (ns < 1000000000)
        pol_buf_printf(out, "%gms", (double)ns / 1e6);
    else
        pol_buf_printf(out, "%gs", (double)ns / 1e9);
}

static void put_line(const test_case *t, pol_buf *out)
{
    static const char *const words[] = {"PASS", "FAIL", "ERROR", "SKIPPED"};
    pol_buf_printf(out, "%s: %s", t->group->name, words[t->outcome]);
    if (t->outcome != TEST_SKIPPED) {
        pol_buf_text(out, " (");
        put_duration(out, t->duration_ns);
        pol_buf_byte(out, ')');
    }
    pol_buf_byte(out, '\n');
    if (t->error)
        pol_buf_printf(out, "  %s\n", t->error);
}

static void put_output(const test_case *t, pol_buf *out)
{
    size_t from = 0;
    if (t->output.n == 0)
        return;
    pol_buf_byte(out, '\n');
    for (size_t i = 0; i < t->output.n; i++)
        if (t->output.at[i] == '\n') {
            pol_buf_printf(out, "  %.*s\n", (int)(i - from), (const char *)t->output.at + from);
            from = i + 1;
        }
    pol_buf_byte(out, '\n');
}

static const char rule_line[] = "--------------------------------------------------------------------------------\n";

static void write_pretty(const suite *s, pol_buf *out)
{
    uint32_t bad = s->counts[TEST_FAIL] + s->counts[TEST_ERROR];
    if (bad && s->o->verbose) {
        pol_buf_printf(out, "FAILURES\n%s", rule_line);
        for (uint32_t i = 0; i < s->n; i++)
            if (s->items[i].outcome == TEST_FAIL || s->items[i].outcome == TEST_ERROR)
                put_line(&s->items[i], out);
        pol_buf_printf(out, "\nSUMMARY\n%s", rule_line);
    }
    const char *file = NULL;
    for (uint32_t i = 0; i < s->n; i++) {
        const test_case *t = &s->items[i];
        if (t->outcome == TEST_PASS && !s->o->verbose)
            continue;
        if (!file || strcmp(file, t->file) != 0)
            pol_buf_printf(out, "%s%s:\n", file ? "\n" : "", t->file);
        file = t->file;
        put_line(t, out);
        put_output(t, out);
    }
    static const char *const words[] = {"PASS", "FAIL", "ERROR", "SKIPPED"};
    if (file)
        pol_buf_text(out, rule_line);
    for (unsigned k = 0; k < 4; k++)
        if (s->counts[k])
            pol_buf_printf(out, "%s: %u/%u\n", words[k], s->counts[k], s->n);
}

/* ---- JUnit ---- */

static void put_xml(pol_buf *out, const char *text)
{
    static const struct {
        char c;
        const char *entity;
    } entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\n', "&#10;"}, {'\t', "&#9;"}};
    for (; *text; text++) {
        const char *entity = NULL;
        for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
            entity = *text == entities[i].c ? entities[i].entity : entity;
        if (entity)
            pol_buf_text(out, entity);
        else
            pol_buf_byte(out, (uint8_t)*text < 0x20 ? '?' : (uint8_t)*text);
    }
}

static void put_junit_case(const test_case *t, pol_buf *out)
{
    pol_buf_text(out, "    <testcase classname=\"");
    put_xml(out, t->file);
    pol_buf_text(out, "\" name=\"");
    put_xml(out, t->group->name);
    pol_buf_printf(out, "\" file=\"");
    put_xml(out, t->file);
    pol_buf_printf(out, "\" line=\"%u\" time=\"%.6f\">", t->row, (double)t->duration_ns / 1e9);
    if (t->outcome == TEST_FAIL)
        pol_buf_text(out, "<failure message=\"the rule is false or undefined\"/>");
    if (t->outcome == TEST_SKIPPED)
        pol_buf_text(out, "<skipped/>");
    if (t->error) {
        pol_buf_text(out, "<error message=\"");
        put_xml(out, t->error);
        pol_buf_text(out, "\"/>");
    }
    if (t->output.n) {
        POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
        pol_buf_printf(&text, "%.*s", (int)t->output.n, (const char *)t->output.at);
        pol_buf_text(out, "<system-out>");
        put_xml(out, (const char *)text.at);
        pol_buf_text(out, "</system-out>");
    }
    pol_buf_text(out, "</testcase>\n");
}

/* One suite for each file. */
static void write_junit(const suite *s, pol_buf *out)
{
    pol_buf_printf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"%u\">\n", s->n,
                   s->counts[TEST_FAIL], s->counts[TEST_ERROR], s->counts[TEST_SKIPPED]);
    for (uint32_t i = 0, end; i < s->n; i = end) {
        uint32_t counts[4] = {0};
        for (end = i; end < s->n && strcmp(s->items[i].file, s->items[end].file) == 0; end++)
            counts[s->items[end].outcome]++;
        pol_buf_text(out, "  <testsuite name=\"");
        put_xml(out, s->items[i].file);
        pol_buf_printf(out, "\" tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"%u\">\n", end - i, counts[TEST_FAIL], counts[TEST_ERROR],
                       counts[TEST_SKIPPED]);
        for (uint32_t k = i; k < end; k++)
            put_junit_case(&s->items[k], out);
        pol_buf_text(out, "  </testsuite>\n");
    }
    pol_buf_text(out, "</testsuites>\n");
}

/* With coverage that is what is printed, and what failed goes to standard error. */
static void report(const suite *s)
{
    POL_CLEAN(pol_buf_deinit) pol_buf out = {0};
    bool junit = cli_is_format(s->o, "junit", "pretty");
    if (s->coverage && !junit) {
        POL_CLEAN(pol_buf_deinit) pol_buf failed = {0};
        for (uint32_t i = 0; i < s->n; i++)
            if (s->items[i].outcome == TEST_FAIL || s->items[i].outcome == TEST_ERROR)
                put_line(&s->items[i], &failed);
        if (failed.n)
            fwrite(failed.at, 1, failed.n, stderr);
        if (cli_is_format(s->o, "lcov", "pretty"))
            cli_coverage_lcov(s->coverage, &out);
        else
            cli_coverage_json(s->coverage, &out);
    } else if (cli_is_format(s->o, "json", "pretty")) {
        write_json(s, &out);
    } else if (junit) {
        write_junit(s, &out);
    } else {
        write_pretty(s, &out);
    }
    cli_write(&out);
}

/* False: the tests reach fewer lines than are wanted. */
static bool reaches_threshold(const suite *s, double threshold)
{
    double got = s->coverage ? cli_coverage_lines(s->coverage) : 0;
    if (!s->coverage || got >= threshold)
        return true;
    fprintf(stderr, "Code coverage threshold not met: got %.2f instead of %.2f\n", got, threshold);
    return false;
}

static bool read_threshold(const char *text, double *threshold)
{
    char *end;
    *threshold = text ? strtod(text, &end) : 0;
    if (!text || (end != text && !*end && *threshold >= 0 && *threshold <= 100))
        return true;
    fprintf(stderr, "pol test: --threshold takes a number from 0 to 100\n");
    return false;
}

static void free_suite(suite *s)
{
    for (uint32_t i = 0; i < s->n; i++) {
        free(s->items[i].error);
        pol_buf_deinit(&s->items[i].output);
    }
    free(s->items);
    cli_coverage_free(s->coverage);
    if (s->only)
        pol_pattern_free(s->only);
    cli_close(&s->session);
}

static int run(const cli_options *o)
{
    suite s = {.o = o};
    pol_error err;
    uint64_t count;
    if (o->arguments.n == 0 && o->data.n == 0) {
        fprintf(stderr, "pol test: name at least one file or folder\n");
        return CLI_FAILED;
    }
    double threshold;
    if (!cli_number("count", o->count, 1, &count) || !read_threshold(o->threshold, &threshold))
        return CLI_FAILED;
    bool coverage = o->coverage || o->threshold || cli_is_format(o, "lcov", "pretty");
    char why[160];
    if (o->run && !(s.only = pol_pattern_new(pol_bytes_text(o->run), why, sizeof why))) {
        fprintf(stderr, "pol test: --run: %s\n", why);
        return CLI_FAILED;
    }
    pol_compile_options how = {.print_statements = true, .optimise = !coverage};
    int code = CLI_FAILED;
    if (cli_compile(&s.session, o, &how, true, "pretty")) {
        if (!cli_open(&s.session, &err)) {
            cli_report(&err, cli_is_format(o, "json", "pretty"));
        } else {
            s.coverage = coverage ? cli_coverage_new(&s.session) : NULL;
            find_tests(&s);
            run_tests(&s, count);
            report(&s);
            bool failed = s.counts[TEST_FAIL] || s.counts[TEST_ERROR] || (s.counts[TEST_SKIPPED] && !o->exit_zero_on_skipped);
            code = failed || !reaches_threshold(&s, threshold) ? CLI_ERROR : CLI_OK;
        }
    }
    free_suite(&s);
    return code;
}

const cli_command cli_test = {"test", "PATH ...", "run the tests of policies", options, run};
