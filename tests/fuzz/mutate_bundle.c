/* SPDX-License-Identifier: Apache-2.0
 * mutate-bundle BUNDLE COUNT SEED: COUNT changed copies of a bundle, each opened and, where the verifier accepts it, asked for a decision of each of its
 * entry points. Ends with a line of figures; a crash or a copy that takes more than HANG_S seconds ends the program by a signal, after which
 * the seed and the last number printed make the case again.
 */
#include "tests/fuzz/bundle_case.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { HANG_S = 20, REPORT_EVERY = 10000, CHANGES_MAX = 3 };

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static bool read_count(const char *text, uint64_t *out)
{
    char *end;
    *out = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == 0;
}

/* Copy number i does not depend on those before it. */
static void make_copy(pol_buf *copy, const pol_buf *bundle, uint64_t seed, uint64_t i)
{
    dice d = {seed * 1000003 + i};
    pol_buf_clear(copy);
    pol_buf_add(copy, bundle->at, bundle->n);
    for (uint64_t changes = 1 + below(&d, CHANGES_MAX); changes > 0; changes--)
        copy->n = change(&d, copy->at, copy->n);
    if (below(&d, 32) != 0)
        seal(copy);
}

static void run_copies(pol_eval *ev, const pol_buf *bundle, uint64_t count, uint64_t seed)
{
    uint64_t accepted = 0, decisions = 0;
    double slowest = 0;
    pol_buf copy = {0};
    for (uint64_t i = 0; i < count; i++) {
        make_copy(&copy, bundle, seed, i);
        alarm(HANG_S);
        double begun = now_ms();
        unsigned n = decide_all(ev, &copy);
        double took = now_ms() - begun;
        accepted += n > 0;
        decisions += n;
        slowest = took > slowest ? took : slowest;
        if ((i + 1) % REPORT_EVERY == 0) {
            printf("%llu copies, %llu accepted\n", (unsigned long long)i + 1, (unsigned long long)accepted);
            fflush(stdout);
        }
    }
    printf("%llu copies, %llu accepted, %llu decisions, slowest %.1f ms\n", (unsigned long long)count, (unsigned long long)accepted,
           (unsigned long long)decisions, slowest);
    pol_buf_deinit(&copy);
}

int main(int argc, char **argv)
{
    uint64_t count, seed;
    pol_buf bundle = {0};
    pol_error err;
    if (argc != 4 || !read_count(argv[2], &count) || !read_count(argv[3], &seed)) {
        fprintf(stderr, "usage: mutate-bundle BUNDLE COUNT SEED\n");
        return 2;
    }
    if (!pol_file_read(argv[1], 0, &bundle, &err)) {
        fprintf(stderr, "mutate-bundle: %s\n", err.text);
        return 2;
    }
    pol_eval *ev = case_evaluator();
    bool usable = decide_all(ev, &bundle) > 0;
    if (usable)
        run_copies(ev, &bundle, count, seed);
    else
        fprintf(stderr, "mutate-bundle: %s is no bundle with entry points\n", argv[1]);
    pol_eval_free(ev);
    pol_buf_deinit(&bundle);
    return usable ? 0 : 2;
}
