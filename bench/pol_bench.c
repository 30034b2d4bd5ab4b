/* SPDX-License-Identifier: Apache-2.0
 * pol-bench WORKLOAD_DIR: compiles a workload's policy with its data, checks every decision against the expected one, then times
 * single decisions over several rounds and prints one line of JSON. --policy takes another text of the same policy, --query another question, --bundle a
 * bundle in the place of both text and data, whose opening is the load then; --unchecked goes without expected decisions. --limit decides by the hand-written C of limit/ instead.
 */
#include "bench/limit/limit.h"
#include "compiler/compile.h"
#include "runtime/engine.h"
#include "runtime/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

typedef struct {
    const char *dir, *name, *policy, *path, *bundle_file;
    bool from_json, unchecked, by_hand;
    unsigned rounds;
    pol_arena arena; /* requests and what is expected */
    pol_arena scratch; /* of one decision by hand */
    pol_buf requests_text, expected_text;
    pol_bytes *requests;
    pol_value *inputs, *expected;
    uint32_t n;
    pol_value query;
    pol_entry entry;
    pol_bundle *bundle;
    const limit *limit;
    const void *limit_state;
    pol_eval *eval;
    double load_ms;
    uint32_t mismatches;
    uint64_t instructions; /* of all requests once */
    uint64_t *times_ns;
    size_t n_times;
} bench;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

POL_MUST_USE static bool read_text(bench *b, const char *file, pol_buf *out, pol_error *err)
{
    return pol_file_read(pol_arena_printf(&b->arena, "%s/%s", b->dir, file), 0, out, err);
}

/* The next line without its end; rest moves behind it. */
static bool next_line(pol_bytes *rest, pol_bytes *line)
{
    if (rest->n == 0)
        return false;
    const uint8_t *end = memchr(rest->at, '\n', rest->n);
    size_t n = end ? (size_t)(end - rest->at) : rest->n;
    *line = pol_bytes_of(rest->at, n);
    *rest = pol_bytes_of(rest->at + n + (end ? 1 : 0), rest->n - n - (end ? 1 : 0));
    return true;
}

POL_MUST_USE static bool read_requests(bench *b, pol_error *err)
{
    POL_TRY(read_text(b, "requests.ndjson", &b->requests_text, err));
    if (!b->unchecked)
        POL_TRY(read_text(b, "expected.ndjson", &b->expected_text, err));
    pol_bytes rest = pol_buf_view(&b->requests_text), wanted = pol_buf_view(&b->expected_text), line, answer;
    size_t lines = 0;
    for (size_t i = 0; i < rest.n; i++)
        lines += rest.at[i] == '\n';
    b->requests = pol_arena_array(&b->arena, lines + 2, sizeof *b->requests);
    b->inputs = pol_arena_array(&b->arena, lines + 2, sizeof *b->inputs);
    b->expected = pol_arena_array(&b->arena, lines + 2, sizeof *b->expected);
    while (next_line(&rest, &line)) {
        if (line.n == 0)
            continue;
        if (!b->unchecked && !next_line(&wanted, &answer))
            return pol_fail(err, POL_E_JSON, "expected.ndjson has fewer lines than requests.ndjson");
        b->requests[b->n] = pol_bytes_of(pol_arena_copy(&b->arena, line.at, line.n), line.n);
        POL_TRY(pol_json_read(&b->arena, line, NULL, &b->inputs[b->n], err));
        if (!b->unchecked)
            POL_TRY(pol_json_read(&b->arena, answer, NULL, &b->expected[b->n], err));
        b->n++;
    }
    return true;
}

/* The question, as "data.orders.allow". */
POL_MUST_USE static bool read_query(bench *b, pol_error *err)
{
    POL_CLEAN(pol_buf_deinit) pol_buf query = {0};
    if (!b->path) {
        POL_TRY(read_text(b, "query.txt", &query, err));
        size_t n = query.n;
        while (n && (query.at[n - 1] == '\n' || query.at[n - 1] == ' '))
            n--;
        b->path = pol_arena_printf(&b->arena, "%.*s", (int)n, (const char *)query.at);
    }
    b->query = pol_path_split(&b->arena, pol_bytes_text(b->path));
    return true;
}

POL_MUST_USE static bool compile(bench *b, pol_buf *bytes, pol_error *err)
{
    pol_compile_options options = {.optimise = true, .entrypoints = &b->path, .n_entrypoints = 1};
    pol_compiler *c = pol_compiler_new(&options);
    const char *policy = b->policy ? b->policy : pol_arena_printf(&b->arena, "%s/policy.rego", b->dir);
    bool ok = pol_compiler_load(c, policy, err) && pol_compiler_load(c, pol_arena_printf(&b->arena, "%s/data.json", b->dir), err);
    if (ok && !pol_compiler_run(c)) {
        POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
        pol_diags_write(pol_compiler_diags(c), POL_DIAGS_PRETTY, &text);
        fprintf(stderr, "%s\n", text.at ? (const char *)text.at : "");
        ok = pol_fail(err, POL_E_USAGE, "the policy does not compile");
    }
    ok = ok && pol_compiler_bundle(c, bytes, err);
    pol_compiler_free(c);
    return ok;
}

POL_MUST_USE static bool load_limit(bench *b, pol_error *err)
{
    static const limit *const limits[] = {&limit_zero_trust, &limit_rbac, &limit_gdrive, &limit_http_acl};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (pol_bytes_starts(pol_bytes_text(b->name), pol_bytes_text(limits[i]->name)))
            b->limit = limits[i];
    if (!b->limit)
        return pol_fail(err, POL_E_USAGE, "nobody has written %s by hand", b->name);
    POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
    pol_value data;
    POL_TRY(read_text(b, "data.json", &text, err));
    uint64_t from = now_ns();
    POL_TRY(pol_json_read(&b->arena, pol_buf_view(&text), NULL, &data, err));
    b->limit_state = b->limit->load(&b->arena, data);
    b->load_ms = (double)(now_ns() - from) / 1e6;
    return true;
}

POL_MUST_USE static bool load(bench *b, pol_error *err)
{
    if (b->by_hand)
        return load_limit(b, err);
    POL_CLEAN(pol_buf_deinit) pol_buf bytes = {0};
    POL_TRY(read_query(b, err));
    uint64_t from = now_ns();
    if (b->bundle_file)
        POL_TRY(pol_bundle_open(b->bundle_file, NULL, &b->bundle, err));
    else
        POL_TRY(compile(b, &bytes, err) && pol_bundle_from_bytes(pol_buf_view(&bytes), NULL, &b->bundle, err));
    b->entry = pol_bundle_entry(b->bundle, &b->arena, b->query);
    b->load_ms = (double)(now_ns() - from) / 1e6;
    return true;
}

/* Equal, where an array in the expected value stands for a set in any order. */
static bool agrees(pol_arena *arena, pol_value wanted, pol_value got)
{
    if (got.tag == POL_SET && wanted.tag == POL_ARRAY) {
        pol_builder b = pol_builder_new(arena);
        for (uint32_t i = 0; i < wanted.n; i++)
            pol_builder_add(&b, pol_element(wanted, i));
        return pol_equal(pol_builder_set(&b), got);
    }
    if (got.tag == POL_OBJECT && wanted.tag == POL_OBJECT && got.n == wanted.n) {
        for (uint32_t i = 0; i < got.n; i++)
            if (!pol_equal(pol_member_key(got, i), pol_member_key(wanted, i)) ||
                !agrees(arena, pol_member_value(wanted, i), pol_member_value(got, i)))
                return false;
        return true;
    }
    return pol_equal(wanted, got);
}

static pol_arena *arena_of(bench *b)
{
    return b->limit ? &b->scratch : pol_eval_arena(b->eval);
}

POL_MUST_USE static bool decide(bench *b, uint32_t i, pol_value *result, pol_error *err)
{
    pol_value input = b->inputs[i];
    if (b->limit)
        pol_arena_reset(&b->scratch);
    else
        pol_eval_begin(b->eval, b->bundle);
    if (b->from_json) {
        pol_json_options options = {.borrow = true};
        POL_TRY(pol_json_read(arena_of(b), b->requests[i], &options, &input, err));
    }
    if (b->limit) {
        *result = pol_bool(b->limit->decide(b->limit_state, input));
        return true;
    }
    return pol_eval_run(b->eval, b->entry, input, result, err);
}

static void check_all(bench *b)
{
    pol_error err;
    b->mismatches = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        pol_value got;
        bool decided = decide(b, i, &got, &err);
        if (b->eval && !b->by_hand)
            b->instructions += pol_eval_instructions(b->eval);
        if (!decided) {
            fprintf(stderr, "request %u: %s: %s\n", i + 1, pol_code_text(err.code), err.text);
            b->mismatches++;
        } else if (!b->unchecked && !agrees(arena_of(b), b->expected[i], got)) {
            POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
            pol_buf_printf(&text, "request %u: wanted ", i + 1);
            pol_json_write(&text, b->expected[i], 0);
            pol_buf_text(&text, ", got ");
            pol_json_write(&text, got, 0);
            if (b->mismatches < 10)
                fprintf(stderr, "%s\n", (const char *)text.at);
            b->mismatches++;
        }
    }
}

static int compare_times(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

POL_MUST_USE static bool measure(bench *b, pol_error *err)
{
    b->times_ns = calloc((size_t)b->n * b->rounds + 1, sizeof *b->times_ns);
    if (!b->times_ns)
        abort();
    for (unsigned round = 0; round < b->rounds; round++)
        for (uint32_t i = 0; i < b->n; i++) {
            pol_value got;
            uint64_t from = now_ns();
            bool ok = decide(b, i, &got, err);
            uint64_t to = now_ns();
            POL_TRY(ok);
            b->times_ns[b->n_times++] = to - from;
        }
    qsort(b->times_ns, b->n_times, sizeof *b->times_ns, compare_times);
    return true;
}

/* What the clock itself costs, to be taken off each single time. */
static uint64_t clock_cost_ns(void)
{
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 1000; i++) {
        uint64_t from = now_ns(), to = now_ns();
        if (to - from < best)
            best = to - from;
    }
    return best;
}

static void print_line(const bench *b)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    uint64_t clock = clock_cost_ns();
    uint64_t median = b->n_times ? b->times_ns[b->n_times / 2] : 0, p99 = b->n_times ? b->times_ns[b->n_times * 99 / 100] : 0;
    printf("{\"engine\": \"%s%s\", \"workload\": \"%s\", \"n\": %u, \"ns_per_decision_median\": %" PRIu64
           ", \"p99_ns\": %" PRIu64 ", \"load_ms\": %.2f, \"peak_rss_kb\": %ld, \"instructions\": %" PRIu64 ", \"mismatches\": %u}\n",
           b->by_hand ? "limit" : "polward", b->from_json ? "-from-json" : "", b->name, b->n, median > clock ? median - clock : 0, p99 > clock ? p99 - clock : 0,
           b->load_ms, usage.ru_maxrss, b->instructions, b->mismatches);
}

POL_MUST_USE static bool run(bench *b, pol_error *err)
{
    POL_TRY(load(b, err));
    POL_TRY(read_requests(b, err));
    static const pol_limits limits = {.instructions = 100000000, .arena_bytes = (size_t)256 << 20, .depth = 1000};
    b->eval = pol_eval_new(&limits);
    check_all(b);
    POL_TRY(measure(b, err));
    print_line(b);
    return true;
}

static int usage(void)
{
    fprintf(stderr, "usage: pol-bench WORKLOAD_DIR [--from-json] [--rounds N] [--policy FILE] [--query PATH] [--bundle FILE] [--unchecked] [--limit]\n");
    return 2;
}

int main(int argc, char **argv)
{
    bench b = {.rounds = 5};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--from-json") == 0)
            b.from_json = true;
        else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc)
            b.rounds = (unsigned)strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--policy") == 0 && i + 1 < argc)
            b.policy = argv[++i];
        else if (strcmp(argv[i], "--query") == 0 && i + 1 < argc)
            b.path = argv[++i];
        else if (strcmp(argv[i], "--bundle") == 0 && i + 1 < argc)
            b.bundle_file = argv[++i];
        else if (strcmp(argv[i], "--unchecked") == 0)
            b.unchecked = true;
        else if (strcmp(argv[i], "--limit") == 0)
            b.by_hand = true;
        else if (argv[i][0] == '-' || b.dir)
            return usage();
        else
            b.dir = argv[i];
    }
    if (!b.dir || b.rounds == 0 || b.rounds > 1000)
        return usage();
    char *dir = strdup(b.dir);
    size_t n = strlen(dir);
    while (n > 1 && dir[n - 1] == '/')
        dir[--n] = 0;
    b.name = strrchr(dir, '/') ? strrchr(dir, '/') + 1 : dir;
    pol_error err;
    pol_arena_init(&b.arena, 0);
    pol_arena_init(&b.scratch, 0);
    bool ok = run(&b, &err);
    if (!ok)
        fprintf(stderr, "pol-bench: %s: %s\n", pol_code_text(err.code), err.text);
    if (b.eval)
        pol_eval_free(b.eval);
    pol_bundle_close(b.bundle);
    pol_buf_deinit(&b.requests_text);
    pol_buf_deinit(&b.expected_text);
    pol_arena_deinit(&b.arena);
    pol_arena_deinit(&b.scratch);
    free(b.times_ns);
    free(dir);
    return !ok || b.mismatches ? 1 : 0;
}
