/* SPDX-License-Identifier: Apache-2.0
 * A compilation on behalf of a command, and the evaluator of what it made. Reports errors in the format that the command uses.
 */
#include "compiler/cli/cli.h"
#include "runtime/calendar.h"
#include "runtime/json.h"
#include "runtime/yaml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* A command line's evaluation may be a long batch query, so its budgets are wider than a decision's. */
static const pol_limits session_limits = {.instructions = 1000000000, .arena_bytes = (size_t)1 << 30, .depth = 10000};

POL_MUST_USE static bool load_all(cli_session *s, const cli_options *o, bool use_arguments, pol_error *err)
{
    for (unsigned i = 0; i < o->data.n; i++)
        POL_TRY(pol_compiler_load(s->compiler, o->data.items[i], err));
    for (unsigned i = 0; i < o->bundles.n; i++)
        POL_TRY(pol_compiler_load_bundle(s->compiler, o->bundles.items[i], err));
    for (unsigned i = 0; use_arguments && i < o->arguments.n; i++) {
        const char *path = o->arguments.items[i];
        POL_TRY(o->as_bundle ? pol_compiler_load_bundle(s->compiler, path, err) : pol_compiler_load(s->compiler, path, err));
    }
    return true;
}

bool cli_prepare(cli_session *s, const cli_options *o, const pol_compile_options *how)
{
    pol_error err;
    s->compiler = pol_compiler_new(how);
    for (unsigned i = 0; i < o->ignore.n; i++)
        pol_compiler_ignore(s->compiler, o->ignore.items[i]);
    return load_all(s, o, true, &err) && pol_compiler_prepare(s->compiler);
}

bool cli_compile(cli_session *s, const cli_options *o, const pol_compile_options *how, bool use_arguments, const char *fallback_format)
{
    const char *format = o->format ? o->format : fallback_format;
    pol_error err;
    s->compiler = pol_compiler_new(how);
    for (unsigned i = 0; i < o->ignore.n; i++)
        pol_compiler_ignore(s->compiler, o->ignore.items[i]);
    if (!load_all(s, o, use_arguments, &err)) {
        cli_report(&err, strcmp(format, "json") == 0);
        return false;
    }
    if (pol_compiler_run(s->compiler))
        return true;
    cli_report_diags(pol_compiler_diags(s->compiler), format);
    return false;
}

bool cli_open(cli_session *s, pol_error *err)
{
    POL_CLEAN(pol_buf_deinit) pol_buf bytes = {0};
    POL_TRY(pol_compiler_bundle(s->compiler, &bytes, err));
    POL_TRY(pol_bundle_from_bytes(pol_buf_view(&bytes), NULL, &s->bundle, err));
    s->eval = pol_eval_new(&session_limits);
    return true;
}

void cli_close(cli_session *s)
{
    if (s->eval)
        pol_eval_free(s->eval);
    if (s->bundle)
        pol_bundle_close(s->bundle);
    pol_compiler_free(s->compiler);
}

bool cli_read_stdin(pol_buf *out, pol_error *err)
{
    for (;;) {
        uint8_t *room = pol_buf_reserve(out, 65536);
        ssize_t n = read(STDIN_FILENO, room, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return pol_fail(err, POL_E_IO, "standard input: %s", strerror(errno));
        if (n == 0)
            return true;
        out->n += (size_t)n;
    }
}

bool cli_read_file(const char *path, size_t max_bytes, pol_buf *out, pol_error *err)
{
    return strcmp(path, "-") == 0 ? cli_read_stdin(out, err) : pol_file_read(path, max_bytes, out, err);
}

bool cli_read_time(const char *text, int64_t *ns, pol_error *err)
{
    if (!text) {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        *ns = t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
        return true;
    }
    uint64_t seconds = 0;
    size_t n = strspn(text, "0123456789");
    for (size_t i = 0; i < n && n <= 10; i++)
        seconds = seconds * 10 + (uint64_t)(text[i] - '0');
    if (n && n <= 10 && !text[n] && seconds <= INT64_MAX / 1000000000) {
        *ns = (int64_t)seconds * 1000000000;
        return true;
    }
    pol_error ignored;
    return pol_time_parse(POL_BYTES("2006-01-02T15:04:05Z07:00"), pol_bytes_text(text), ns, &ignored) ||
           pol_fail(err, POL_E_CONFIG, "--time takes 2026-01-31T12:00:00Z or seconds since 1970");
}

bool cli_read_document(pol_arena *arena, const char *path, pol_value *out, pol_error *err)
{
    POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
    bool is_stdin = !path || strcmp(path, "-") == 0;
    POL_TRY(is_stdin ? cli_read_stdin(&text, err) : pol_file_read(path, 0, &text, err));
    bool yaml = !is_stdin && (pol_bytes_ends(pol_bytes_text(path), POL_BYTES(".yaml")) ||
                              pol_bytes_ends(pol_bytes_text(path), POL_BYTES(".yml")));
    if (yaml ? pol_yaml_read(arena, pol_buf_view(&text), out, err) : pol_json_read(arena, pol_buf_view(&text), NULL, out, err))
        return true;
    pol_error inner = *err;
    return pol_fail(err, inner.code, "%s: %s", is_stdin ? "standard input" : path, inner.text);
}
