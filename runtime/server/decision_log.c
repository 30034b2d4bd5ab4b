/* SPDX-License-Identifier: Apache-2.0
 * Rings, the thread that empties them, and the file that events go to. */
#include "runtime/server/decision_log.h"

#include "runtime/json.h"
#include "runtime/server/decision_upload.h"
#include "runtime/server/log.h"
#include "runtime/server/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOK_MS = 20 };

/* Of one worker. */
typedef struct {
    pol_ring ring;
    pol_buf event; /* the one in hand */
} channel;

struct pol_decision_log {
    pol_server *server;
    channel *channels;
    unsigned n_channels;
    const char *path; /* NULL: standard output */
    char *path_copy;
    int fd;
    uint64_t file_bytes, rotate_bytes;
    unsigned keep;
    pol_upload *upload; /* NULL: to the file */
    bool failing;     /* the last write failed: told once */
    int stop;         /* an eventfd */
    bool started;
    pthread_t thread;
    const pol_world *world;
    pol_eval *eval;
    pol_entry mask, drop;
    pol_arena world_arena, arena;
    pol_buf line;
    pol_counter counts[POL_LOGGED_COUNT];
};

/* ---- the worker's side ---- */

/* What shows who someone is never goes into a log: tokens and the headers that carry them. */
static bool is_secret(pol_bytes header)
{
    return pol_bytes_is(header, "authorization") || pol_bytes_is(header, "proxy-authorization") || pol_bytes_is(header, "cookie") ||
           pol_bytes_is(header, "dpop");
}

static const char of_request[] = "/input/request", of_headers[] = "/input/request/headers", of_input[] = "/input";

static pol_value without_secrets(pol_arena *arena, pol_value object, const char *where, pol_builder *erased)
{
    pol_builder b = pol_builder_new(arena);
    if (object.tag != POL_OBJECT)
        return object;
    for (uint32_t i = 0; i < object.n; i++) {
        pol_value key = pol_member_key(object, i), value = pol_member_value(object, i);
        pol_bytes name = key.tag == POL_STRING ? pol_text(key) : (pol_bytes){0};
        if ((where == of_headers && is_secret(name)) || (strcmp(where, of_input) == 0 && pol_bytes_is(name, "token"))) {
            pol_builder_add(erased, pol_string_text(pol_arena_printf(arena, "%s/%.*s", where, (int)name.n, (const char *)name.at)));
            continue;
        }
        if (strcmp(where, of_input) == 0 && pol_bytes_is(name, "request"))
            value = without_secrets(arena, value, of_request, erased);
        else if (where == of_request && pol_bytes_is(name, "headers"))
            value = without_secrets(arena, value, of_headers, erased);
        pol_builder_put(&b, key, value);
    }
    return pol_builder_object(&b);
}

pol_value pol_input_hide(pol_arena *arena, pol_value input)
{
    pol_builder erased = pol_builder_new(arena);
    pol_value request = pol_object_member(input, "request");
    if (request.tag != POL_OBJECT)
        return input;
    return pol_object_with(arena, input, pol_string_text("request"), without_secrets(arena, request, of_request, &erased));
}

static void put_text(pol_buf *out, const char *name, pol_bytes text)
{
    pol_buf_printf(out, ",\"%s\":", name);
    pol_json_write_string(out, text, POL_JSON_COMPACT);
}

static void put_value(pol_buf *out, const char *name, pol_value value)
{
    if (!pol_is_defined(value))
        return;
    pol_buf_printf(out, ",\"%s\":", name);
    pol_json_write(out, value, POL_JSON_COMPACT);
}

static void put_requester(pol_buf *out, const pol_peer *peer)
{
    if (peer->unix_socket)
        pol_buf_text(out, ",\"requested_by\":\"@\"");
}

static void put_custom(pol_buf *out, const pol_request *request, const pol_outcome *outcome)
{
    static const char *const effects[] = {"permit", "deny", "error"};
    const pol_peer *peer = request->peer;
    pol_buf_printf(out, ",\"custom\":{\"polward\":{\"effect\":\"%s\"", effects[outcome->effect]);
    if (outcome->reason)
        put_text(out, "reason", pol_bytes_text(outcome->reason));
    put_value(out, "rules", outcome->rules);
    if (peer->has_credentials)
        pol_buf_printf(out, ",\"peer\":{\"uid\":%u,\"pid\":%u}", peer->uid, peer->pid);
    pol_buf_text(out, "}}");
}

/* As hex, where the decision was traced. */
static void put_span(pol_buf *out, const pol_span *span)
{
    char trace_id[2 * sizeof span->trace_id + 1] = {0}, span_id[2 * sizeof span->span_id + 1] = {0};
    if (!span->on)
        return;
    pol_hex_encode((uint8_t *)trace_id, pol_bytes_of(span->trace_id, sizeof span->trace_id));
    pol_hex_encode((uint8_t *)span_id, pol_bytes_of(span->span_id, sizeof span->span_id));
    pol_buf_printf(out, ",\"trace_id\":\"%s\",\"span_id\":\"%s\"", trace_id, span_id);
}

void pol_decision_log_note(pol_worker *worker, const pol_request *request, const pol_outcome *outcome)
{
    channel *to = &worker->server->decision_log->channels[worker->number];
    pol_buf *out = &to->event;
    pol_arena *arena = &worker->arena;
    const pol_world *world = worker->world;
    pol_builder erased = pol_builder_new(arena);
    char when[32];
    pol_time_text(pol_clock_ns(), when);
    pol_buf_clear(out);
    pol_buf_printf(out, "{\"labels\":{\"id\":\"%s\",\"version\":\"" POLWARD_VERSION "\"},\"decision_id\":\"%s\",\"bundles\":{\"main\":{\"revision\":",
                   worker->server->id, outcome->id);
    pol_json_write_string(out, pol_bytes_text(world->revision), POL_JSON_COMPACT);
    pol_buf_text(out, "}}");
    put_text(out, "path", outcome->protocol == POL_PROTOCOL_DATA ? outcome->path : pol_bytes_text(world->config->decision));
    pol_value input = without_secrets(arena, outcome->input, "/input", &erased);
    put_value(out, "input", input);
    put_value(out, "result", outcome->result);
    if (erased.n)
        put_value(out, "erased", pol_builder_array(&erased));
    put_requester(out, request->peer);
    pol_buf_printf(out, ",\"timestamp\":\"%s\",\"metrics\":{\"timer_server_handler_ns\":%lld}", when,
                   (long long)(pol_monotonic_ns() - request->begun_ns));
    put_custom(out, request, outcome);
    put_span(out, &worker->span);
    pol_buf_byte(out, '}');
    pol_ring_put(&to->ring, pol_buf_view(out));
}

/* ---- the thread's side ---- */

static void take_world(pol_decision_log *log)
{
    const pol_world *world = atomic_load_explicit(&log->server->world, memory_order_acquire);
    if (world == log->world)
        return;
    pol_limits limits = {.instructions = world->config->limit_instructions, .arena_bytes = world->config->limit_arena,
                         .depth = (uint32_t)world->config->limit_depth};
    pol_eval_free(log->eval);
    log->eval = pol_eval_new(&limits);
    pol_arena_reset(&log->world_arena);
    log->mask = pol_bundle_entry(world->bundle, &log->world_arena, pol_path_split(&log->world_arena, POL_BYTES("system/log/mask")));
    log->drop = pol_bundle_entry(world->bundle, &log->world_arena, pol_path_split(&log->world_arena, POL_BYTES("system/log/drop")));
    log->world = world;
    atomic_store_explicit(&log->server->log_seen, world->generation, memory_order_release);
    uint64_t one = 1;
    ssize_t written = write(log->server->seen_event, &one, sizeof one);
    (void)written;
}

/* Moves path to path.1, path.1 to path.2, ...; the last one goes. */
static void rotate(pol_decision_log *log)
{
    char from[4200], to[4200];
    for (unsigned i = log->keep; i > 0; i--) {
        snprintf(to, sizeof to, "%s.%u", log->path, i);
        snprintf(from, sizeof from, i > 1 ? "%s.%u" : "%s", log->path, i - 1);
        (void)rename(from, to);
    }
    int fresh = open(log->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (log->keep ? 0 : O_TRUNC), 0640);
    if (fresh < 0)
        return; /* the old one is written on */
    close(log->fd);
    log->fd = fresh;
    log->file_bytes = 0;
}

static void write_line(pol_decision_log *log)
{
    if (log->upload) {
        if (!pol_upload_add(log->upload, pol_buf_view(&log->line)))
            pol_count(&log->counts[POL_LOGGED_LOST], 1);
        return;
    }
    pol_buf_byte(&log->line, '\n');
    if (log->path && log->file_bytes && log->file_bytes + log->line.n > log->rotate_bytes)
        rotate(log);
    size_t at = 0;
    while (at < log->line.n) {
        ssize_t n = write(log->fd, log->line.at + at, log->line.n - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    log->file_bytes += at;
    bool failed = at < log->line.n;
    if (failed && !log->failing) {
        pol_error err = {.code = POL_E_IO};
        snprintf(err.text, sizeof err.text, "%s: %s", log->path ? log->path : "standard output", strerror(errno));
        pol_log_error(POL_LOG_ERROR, "decision log events are lost", &err);
    }
    log->failing = failed;
    pol_count(&log->counts[failed ? POL_LOGGED_FAILED : POL_LOGGED_WRITTEN], 1);
}

/* The value of one of the two policies about event. */
static pol_value ask(pol_decision_log *log, pol_entry entry, pol_value event, bool *failed)
{
    pol_value answer = pol_undefined();
    pol_error err;
    pol_eval_begin(log->eval, log->world->bundle);
    *failed = !pol_eval_run(log->eval, entry, event, &answer, &err);
    if (*failed)
        pol_log_error(POL_LOG_WARNING, "a policy of the decision log ended in an error", &err);
    return answer;
}

static void finish_event(pol_decision_log *log)
{
    static const pol_json_options borrowed = {.borrow = true};
    pol_value event, answer;
    pol_error err;
    bool failed;
    bool asks = log->mask.function >= 0 || log->drop.function >= 0;
    if (!asks) {
        write_line(log);
        return;
    }
    pol_arena_reset(&log->arena);
    POL_CLEAN(pol_buf_deinit) pol_buf text = log->line;
    log->line = (pol_buf){0};
    if (!pol_json_read(&log->arena, pol_buf_view(&text), &borrowed, &event, &err)) {
        pol_count(&log->counts[POL_LOGGED_FAILED], 1);
        return;
    }
    if (log->drop.function >= 0 && pol_is_true(ask(log, log->drop, event, &failed))) {
        pol_count(&log->counts[POL_LOGGED_DROPPED], 1);
        return;
    }
    if (log->mask.function >= 0) {
        answer = ask(log, log->mask, event, &failed);
        if (failed || pol_is_defined(answer)) /* undefined: nothing is to be masked */
            event = pol_event_mask(&log->arena, event, answer);
    }
    pol_json_write(&log->line, event, POL_JSON_COMPACT);
    write_line(log);
}

static void empty_ring(pol_decision_log *log, pol_ring *ring)
{
    for (uint64_t end = pol_ring_waiting(ring), n = 0; n < end && pol_ring_take(ring, &log->line); n += log->line.n) {
        take_world(log);
        finish_event(log);
    }
}

static void *run(void *context)
{
    pol_decision_log *log = context;
    struct pollfd stop = {.fd = log->stop, .events = POLLIN};
    for (bool ending = false; !ending;) {
        ending = poll(&stop, 1, LOOK_MS) > 0;
        take_world(log);
        for (unsigned i = 0; i < log->n_channels; i++)
            empty_ring(log, &log->channels[i].ring);
        if (log->upload)
            pol_upload_step(log->upload, false, &log->counts[POL_LOGGED_WRITTEN], &log->counts[POL_LOGGED_FAILED]);
    }
    while (log->upload && pol_upload_step(log->upload, true, &log->counts[POL_LOGGED_WRITTEN], &log->counts[POL_LOGGED_FAILED]))
        poll(NULL, 0, LOOK_MS);
    return NULL;
}

/* ---- life ---- */

POL_MUST_USE static bool open_file(pol_decision_log *log, const pol_config *config, pol_error *err)
{
    struct stat st;
    log->fd = STDOUT_FILENO;
    if (config->decision_log_url) {
        const pol_upload_config upload = {.url = config->decision_log_url, .ca_file = config->decision_log_ca, .max_bytes = (size_t)config->decision_log_buffer, .head = "[", .tail = "]",
                                          .what = "decision log events could not be sent"};
        return pol_upload_new(log->server->fetcher, &upload, &log->upload, err);
    }
    if (!config->decision_log_file)
        return true;
    log->path = log->path_copy = strdup(config->decision_log_file);
    if (!log->path)
        return pol_fail(err, POL_E_MEMORY, "no memory for the decision log");
    log->fd = open(log->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (log->fd < 0 || fstat(log->fd, &st) != 0)
        return pol_fail(err, POL_E_IO, "decision_log.file: %s: %s", log->path, strerror(errno));
    log->file_bytes = (uint64_t)st.st_size;
    return true;
}

bool pol_decision_log_new(pol_server *server, const pol_config *config, unsigned n_workers, pol_decision_log **out, pol_error *err)
{
    atomic_store(&server->log_seen, UINT64_MAX);
    *out = NULL;
    if (!config->decision_log_file && !config->decision_log_stdout && !config->decision_log_url)
        return true;
    pol_decision_log *log = calloc(1, sizeof *log);
    if (!log)
        return pol_fail(err, POL_E_MEMORY, "no memory for the decision log");
    *out = log;
    log->server = server;
    log->rotate_bytes = config->decision_log_rotate;
    log->keep = (unsigned)config->decision_log_keep;
    log->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pol_arena_init(&log->world_arena, 0);
    pol_arena_init(&log->arena, 0);
    log->channels = calloc(n_workers, sizeof *log->channels);
    while (log->channels && log->n_channels < n_workers && pol_ring_init(&log->channels[log->n_channels].ring, (size_t)config->decision_log_buffer))
        log->n_channels++;
    if (log->n_channels < n_workers || log->stop < 0)
        return pol_fail(err, POL_E_MEMORY, "no memory for the decision log's buffers");
    return open_file(log, config, err);
}

bool pol_decision_log_start(pol_decision_log *log, pol_error *err)
{
    if (!log)
        return true;
    take_world(log);
    int failed = pthread_create(&log->thread, NULL, run, log);
    log->started = failed == 0;
    return log->started || pol_fail(err, POL_E_IO, "the decision log's thread could not be started: %s", strerror(failed));
}

void pol_decision_log_free(pol_decision_log *log)
{
    if (!log)
        return;
    uint64_t one = 1;
    ssize_t written = write(log->stop, &one, sizeof one);
    (void)written;
    if (log->started)
        pthread_join(log->thread, NULL);
    atomic_store(&log->server->log_seen, UINT64_MAX);
    written = write(log->server->seen_event, &one, sizeof one);
    for (unsigned i = 0; i < log->n_channels; i++) {
        pol_ring_deinit(&log->channels[i].ring);
        pol_buf_deinit(&log->channels[i].event);
    }
    free(log->channels);
    if (log->path && log->fd >= 0)
        close(log->fd);
    close(log->stop);
    free(log->path_copy);
    pol_upload_free(log->upload);
    pol_eval_free(log->eval);
    pol_arena_deinit(&log->world_arena);
    pol_arena_deinit(&log->arena);
    pol_buf_deinit(&log->line);
    free(log);
}

uint64_t pol_decision_log_waiting(const pol_decision_log *log)
{
    uint64_t n = 0;
    for (unsigned i = 0; log && i < log->n_channels; i++)
        n += pol_ring_waiting(&log->channels[i].ring);
    return n;
}

uint64_t pol_decision_log_count(const pol_decision_log *log, pol_logged kind)
{
    uint64_t n = log ? atomic_load_explicit(&((pol_decision_log *)log)->counts[kind], memory_order_relaxed) : 0;
    for (unsigned i = 0; log && kind == POL_LOGGED_LOST && i < log->n_channels; i++)
        n += atomic_load_explicit(&log->channels[i].ring.lost, memory_order_relaxed);
    return n;
}
