/* SPDX-License-Identifier: Apache-2.0
 * Log lines. */
#include "runtime/server/log.h"

#include "runtime/json.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const struct {
    const char *name;
    unsigned weight;
} levels[] = {
    [POL_LOG_INFO] = {"info", 1},
    [POL_LOG_DEBUG] = {"debug", 0},
    [POL_LOG_WARNING] = {"warning", 2},
    [POL_LOG_ERROR] = {"error", 3},
};

static atomic_uint least_weight = 1;
static _Atomic uint64_t n_lost;

void pol_log_set_level(pol_log_level level)
{
    atomic_store_explicit(&least_weight, levels[level].weight, memory_order_relaxed);
}

int64_t pol_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void pol_time_text(int64_t now_ns, char out[32])
{
    time_t seconds = (time_t)(now_ns / 1000000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t n = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, 32 - n, ".%03uZ", (unsigned)(now_ns / 1000000 % 1000));
}

pol_log_line pol_log_begin(pol_log_level level, const char *what)
{
    pol_log_line line = {.on = levels[level].weight >= atomic_load_explicit(&least_weight, memory_order_relaxed)};
    if (line.on) {
        char now[32];
        pol_time_text(pol_clock_ns(), now);
        pol_buf_printf(&line.text, "{\"time\":\"%s\",\"level\":\"%s\",\"msg\":", now, levels[level].name);
        pol_json_write_string(&line.text, pol_bytes_text(what), POL_JSON_COMPACT);
    }
    return line;
}

static bool write_name(pol_log_line *line, const char *name)
{
    if (line->on)
        pol_buf_printf(&line->text, ",\"%s\":", name);
    return line->on;
}

void pol_log_text(pol_log_line *line, const char *name, const char *value)
{
    pol_log_bytes(line, name, pol_bytes_text(value));
}

void pol_log_bytes(pol_log_line *line, const char *name, pol_bytes value)
{
    if (!write_name(line, name))
        return;
    if (pol_utf8_valid(value)) {
        pol_json_write_string(&line->text, value, POL_JSON_COMPACT);
        return;
    }
    POL_CLEAN(pol_buf_deinit) pol_buf quoted = {0};
    pol_buf_quoted(&quoted, value, 1024);
    pol_json_write_string(&line->text, pol_buf_view(&quoted), POL_JSON_COMPACT);
}

void pol_log_number(pol_log_line *line, const char *name, int64_t value)
{
    if (write_name(line, name))
        pol_buf_printf(&line->text, "%lld", (long long)value);
}

/* A log that nobody reads must not stop decisions: what does not fit is lost, and counted. */
static void write_line(pol_bytes text)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    ssize_t n = send(STDERR_FILENO, text.at, text.n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == ENOTSOCK)
        n = poll(&out, 1, 0) == 1 && (out.revents & POLLOUT) ? write(STDERR_FILENO, text.at, text.n) : -1;
    if (n < 0)
        atomic_fetch_add_explicit(&n_lost, 1, memory_order_relaxed);
}

uint64_t pol_log_lost(void)
{
    return atomic_load_explicit(&n_lost, memory_order_relaxed);
}

void pol_log_end(pol_log_line *line)
{
    if (line->on) {
        pol_buf_text(&line->text, "}\n");
        write_line(pol_buf_view(&line->text));
    }
    pol_buf_deinit(&line->text);
    line->on = false;
}

void pol_log_error(pol_log_level level, const char *what, const pol_error *err)
{
    pol_log_line line = pol_log_begin(level, what);
    pol_log_text(&line, "code", pol_code_text(err->code));
    pol_log_text(&line, "error", err->text);
    pol_log_end(&line);
}
