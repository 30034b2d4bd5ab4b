/* SPDX-License-Identifier: Apache-2.0
 * Cases of a pack, run in a child process one after another with a time limit each; when a child dies, the case it was at has failed
 * and another child goes on. For the runners here, each of which includes it once.
 */
#pragma once

#include "runtime/bytes.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CASE_SECONDS = 20, WHY_MAX = 4000 };

typedef struct {
    uint32_t n;
    /* Runs case i; on failure why is filled. */
    bool (*run)(void *context, uint32_t i, pol_buf *why);
    void (*name)(void *context, uint32_t i, pol_buf *out);
    void (*free)(void *context); /* called in each child at its end, so that leaks show */
    void *context;
    bool verbose;
    uint32_t passed, failed, skipped;
} batch;

typedef struct {
    uint32_t passed;
    uint32_t n; /* bytes of text behind it */
} verdict;

static void run_child(const batch *b, uint32_t from, int out)
{
    for (uint32_t i = from; i < b->n; i++) {
        POL_CLEAN(pol_buf_deinit) pol_buf why = {0};
        alarm(CASE_SECONDS);
        verdict v = {.passed = b->run(b->context, i, &why)};
        v.n = why.n > WHY_MAX ? WHY_MAX : (uint32_t)why.n;
        if (write(out, &v, sizeof v) != sizeof v || (v.n && write(out, why.at, v.n) != (ssize_t)v.n))
            exit(3);
    }
    alarm(0);
}

static bool read_exactly(int fd, void *at, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t k = read(fd, (char *)at + done, n - done);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return false;
        done += (size_t)k;
    }
    return true;
}

static void count_verdict(batch *b, uint32_t i, bool passed, const char *why, size_t n)
{
    POL_CLEAN(pol_buf_deinit) pol_buf name = {0};
    if (passed)
        b->passed++;
    else
        b->failed++;
    if (passed || !b->verbose)
        return;
    b->name(b->context, i, &name);
    printf("FAIL %s\n  %.*s\n", (const char *)name.at, (int)n, why);
}

/* Cases from `from` on in one child; returns the first one that no child has judged. */
static uint32_t run_some(batch *b, uint32_t from)
{
    int ends[2];
    if (pipe(ends) != 0)
        abort();
    fflush(stdout);
    pid_t child = fork();
    if (child < 0)
        abort();
    if (child == 0) {
        close(ends[0]);
        run_child(b, from, ends[1]);
        close(ends[1]);
        b->free(b->context);
        exit(0);
    }
    close(ends[1]);
    char why[WHY_MAX];
    verdict v;
    uint32_t i = from;
    while (i < b->n && read_exactly(ends[0], &v, sizeof v) && (!v.n || read_exactly(ends[0], why, v.n)))
        count_verdict(b, i++, v.passed, why, v.n);
    close(ends[0]);
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (i == b->n) {
        if (status != 0) {
            printf("the cases were run, but the process ended with status %d (a leak?)\n", status);
            b->failed++;
        }
        return i;
    }
    const char *what = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? "no answer in time" : "the process died";
    count_verdict(b, i, false, what, strlen(what));
    return i + 1;
}

/* Runs all, prints the last line, frees; returns the exit code. */
static int run_cases(batch *b)
{
    for (uint32_t i = 0; i < b->n;)
        i = run_some(b, i);
    printf("%u passed, %u failed, %u skipped\n", b->passed, b->failed, b->skipped);
    b->free(b->context);
    return b->failed ? 1 : 0;
}
