/* SPDX-License-Identifier: Apache-2.0
 * The shadow's thread: it takes what workers put into their rings, decides it with its own bundle and compares. It uses the serving world too, for the explanation of a difference, and so is one of those
 * that the reloader waits for.
 */
#include "runtime/server/shadow.h"

#include "runtime/explain.h"
#include "runtime/json.h"
#include "runtime/server/decision_log.h"
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

enum { LOOK_MS = 20, FILE_LOOK_MS = 500 };

const char *const pol_shadow_words[POL_SHADOW_COUNT] = {"same", "allows", "denies", "rules", "error", "lost"};

/* Of one worker. */
typedef struct {
    pol_ring ring;
    pol_buf event; /* the one in hand */
} channel;

struct pol_shadow {
    pol_server *server;
    channel *channels;
    unsigned n_channels;
    char *path;
    int log_fd; /* -1: none */
    int stop;   /* an eventfd */
    bool started;
    pthread_t thread;
    const pol_world *world;
    struct stat opened; /* the file that bundle is of, or that was refused */
    int64_t looked_ms;
    pol_bundle *bundle;
    pol_limits limits;
    pol_eval *eval, *serving; /* of the shadow's bundle, and of the world's */
    pol_entry decision;       /* of bundle */
    pol_arena entries, arena; /* of decision; of the event in hand */
    pol_buf event, line;
    pol_counter counts[POL_SHADOW_COUNT];
};

/* ---- the worker's side ---- */

static void put_value(pol_buf *out, const char *name, pol_value value)
{
    if (!pol_is_defined(value))
        return;
    pol_buf_printf(out, ",\"%s\":", name);
    pol_json_write(out, value, POL_JSON_COMPACT);
}

void pol_shadow_note(pol_worker *worker, const pol_outcome *outcome)
{
    channel *to = &worker->server->shadow->channels[worker->number];
    pol_buf *out = &to->event;
    if (!pol_is_defined(outcome->input)) /* refused before any policy was asked */
        return;
    pol_buf_clear(out);
    pol_buf_printf(out, "{\"id\":\"%s\",\"generation\":%llu,\"configured\":%s,\"path\":", outcome->id, (unsigned long long)worker->world->generation,
                   outcome->protocol == POL_PROTOCOL_DATA ? "false" : "true");
    pol_json_write_string(out, outcome->path, POL_JSON_COMPACT);
    put_value(out, "result", outcome->result);
    put_value(out, "input", outcome->input);
    pol_buf_byte(out, '}');
    pol_ring_put(&to->ring, pol_buf_view(out));
}

/* ---- the shadow's bundle ---- */

static void take_world(pol_shadow *s)
{
    const pol_world *world = atomic_load_explicit(&s->server->world, memory_order_acquire);
    if (world == s->world)
        return;
    s->world = world;
    atomic_store_explicit(&s->server->shadow_seen, world->generation, memory_order_release);
    uint64_t one = 1;
    ssize_t written = write(s->server->seen_event, &one, sizeof one);
    (void)written;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

POL_MUST_USE static bool open_bundle(pol_shadow *s, const pol_config *config, pol_error *err)
{
    pol_bundle *fresh;
    POL_TRY(pol_world_bundle(config, s->path, true, &fresh, err));
    pol_eval_free(s->eval); /* may hold on to the old bundle */
    pol_bundle_close(s->bundle);
    s->bundle = fresh;
    s->eval = pol_eval_new(&s->limits);
    pol_arena_reset(&s->entries);
    s->decision = pol_bundle_entry(fresh, &s->entries, pol_path_split(&s->entries, pol_bytes_text(config->decision ? config->decision : "")));
    return true;
}

/* A changed file is taken up; one that is refused changes nothing. */
static void look_at_file(pol_shadow *s)
{
    struct stat now;
    pol_error err;
    if (pol_monotonic_ms() < s->looked_ms + FILE_LOOK_MS)
        return;
    s->looked_ms = pol_monotonic_ms();
    if (stat(s->path, &now) != 0 || is_same_file(&now, &s->opened))
        return;
    s->opened = now;
    if (!open_bundle(s, s->world->config, &err)) {
        pol_log_error(POL_LOG_ERROR, "shadow bundle refused, the one before it goes on deciding", &err);
        return;
    }
    pol_log_line line = pol_log_begin(POL_LOG_INFO, "shadow bundle taken up");
    pol_log_text(&line, "file", s->path);
    pol_log_end(&line);
}

/* ---- comparing ---- */

static bool members_equal(pol_value a, pol_value b)
{
    static const char *const names[] = {"effect", "tier", "rules"};
    if (a.tag != POL_OBJECT || b.tag != POL_OBJECT)
        return pol_equal(a, b);
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        pol_value x = pol_object_member(a, names[i]), y = pol_object_member(b, names[i]);
        if (pol_is_defined(x) != pol_is_defined(y) || (pol_is_defined(x) && !pol_equal(x, y)))
            return false;
    }
    return true;
}

static pol_shadow_kind compare(bool configured, pol_value served, pol_value shadow)
{
    bool served_allows = pol_is_true(pol_allow_of(served)), shadow_allows = pol_is_true(pol_allow_of(shadow));
    if (served_allows != shadow_allows)
        return shadow_allows ? POL_SHADOW_ALLOWS : POL_SHADOW_DENIES;
    if (configured)
        return members_equal(served, shadow) ? POL_SHADOW_SAME : POL_SHADOW_RULES;
    bool both = pol_is_defined(served) && pol_is_defined(shadow);
    return both ? (pol_equal(served, shadow) ? POL_SHADOW_SAME : POL_SHADOW_RULES) : pol_is_defined(served) == pol_is_defined(shadow) ? POL_SHADOW_SAME : POL_SHADOW_RULES;
}

/* ---- telling ---- */

static void put_explanation(pol_buf *out, const char *name, pol_eval *ev, const pol_bundle *bundle, pol_value input)
{
    pol_value told;
    pol_error err;
    pol_eval_begin(ev, bundle);
    if (pol_explain(ev, input, &told, &err)) {
        put_value(out, name, told);
        return;
    }
    pol_buf_printf(out, ",\"%s\":{\"error\":", name);
    pol_json_write_string(out, pol_bytes_text(err.text), POL_JSON_COMPACT);
    pol_buf_byte(out, '}');
}

/* shadow is gone once something is explained, so its part is written first. */
static void write_difference(pol_shadow *s, pol_shadow_kind kind, pol_value event, pol_value shadow, const pol_error *err)
{
    pol_value input = pol_input_hide(&s->arena, pol_object_member(event, "input")), generation = pol_object_member(event, "generation");
    bool configured = pol_is_true(pol_object_member(event, "configured"));
    char when[32];
    pol_time_text(pol_clock_ns(), when);
    pol_buf_clear(&s->line);
    pol_buf_printf(&s->line, "{\"time\":\"%s\",\"difference\":\"%s\"", when, pol_shadow_words[kind]);
    put_value(&s->line, "decision_id", pol_object_member(event, "id"));
    if (!configured)
        put_value(&s->line, "path", pol_object_member(event, "path"));
    put_value(&s->line, "served", pol_object_member(event, "result"));
    put_value(&s->line, "shadow", shadow);
    if (err) {
        pol_buf_text(&s->line, ",\"error\":");
        pol_json_write_string(&s->line, pol_bytes_text(err->text), POL_JSON_COMPACT);
    }
    if (configured && !err)
        put_explanation(&s->line, "shadow_explanation", s->eval, s->bundle, input);
    if (configured && pol_equal(generation, pol_int((int64_t)s->world->generation)))
        put_explanation(&s->line, "served_explanation", s->serving, s->world->bundle, input);
    pol_buf_text(&s->line, "}\n");
    if (write(s->log_fd, s->line.at, s->line.n) != (ssize_t)s->line.n) {
        pol_log_line line = pol_log_begin(POL_LOG_WARNING, "a difference of the shadow bundle could not be written");
        pol_log_text(&line, "error", strerror(errno));
        pol_log_end(&line);
    }
}

static void decide_event(pol_shadow *s)
{
    static const pol_json_options borrowed = {.borrow = true};
    pol_value event, shadow = pol_undefined();
    pol_error err;
    pol_arena_reset(&s->arena);
    if (!pol_json_read(&s->arena, pol_buf_view(&s->event), &borrowed, &event, &err)) {
        pol_count(&s->counts[POL_SHADOW_ERROR], 1);
        return;
    }
    bool configured = pol_is_true(pol_object_member(event, "configured"));
    pol_entry entry = configured ? s->decision : pol_bundle_entry(s->bundle, &s->arena, pol_path_split(&s->arena, pol_text(pol_object_member(event, "path"))));
    pol_eval_begin(s->eval, s->bundle);
    bool ok = pol_eval_run(s->eval, entry, pol_object_member(event, "input"), &shadow, &err);
    pol_shadow_kind kind = ok ? compare(configured, pol_object_member(event, "result"), shadow) : POL_SHADOW_ERROR;
    pol_count(&s->counts[kind], 1);
    if (kind != POL_SHADOW_SAME && s->log_fd >= 0)
        write_difference(s, kind, event, shadow, ok ? NULL : &err);
}

static void *run(void *context)
{
    pol_shadow *s = context;
    struct pollfd stop = {.fd = s->stop, .events = POLLIN};
    while (poll(&stop, 1, LOOK_MS) == 0) {
        take_world(s);
        look_at_file(s);
        for (unsigned i = 0; i < s->n_channels; i++) {
            uint64_t end = pol_ring_waiting(&s->channels[i].ring);
            for (uint64_t n = 0; n < end && pol_ring_take(&s->channels[i].ring, &s->event); n += s->event.n) {
                take_world(s);
                decide_event(s);
            }
        }
    }
    return NULL;
}

/* ---- life ---- */

POL_MUST_USE static bool open_files(pol_shadow *s, const pol_config *config, pol_error *err)
{
    s->path = strdup(config->shadow_path);
    if (!s->path || stat(s->path, &s->opened) != 0)
        return pol_fail(err, POL_E_IO, "shadow.path: %s: %s", config->shadow_path, strerror(errno));
    if (config->shadow_log) {
        s->log_fd = open(config->shadow_log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
        if (s->log_fd < 0)
            return pol_fail(err, POL_E_IO, "shadow.log: %s: %s", config->shadow_log, strerror(errno));
    }
    return open_bundle(s, config, err);
}

bool pol_shadow_new(pol_server *server, const pol_config *config, unsigned n_workers, pol_shadow **out, pol_error *err)
{
    atomic_store(&server->shadow_seen, UINT64_MAX);
    *out = NULL;
    if (!config->shadow_path)
        return true;
    pol_shadow *s = calloc(1, sizeof *s);
    if (!s)
        return pol_fail(err, POL_E_MEMORY, "no memory for the shadow bundle");
    *out = s;
    s->server = server;
    s->log_fd = -1;
    s->limits = (pol_limits){.instructions = config->limit_instructions, .arena_bytes = config->limit_arena, .depth = (uint32_t)config->limit_depth};
    s->serving = pol_eval_new(&s->limits);
    pol_arena_init(&s->entries, 0);
    pol_arena_init(&s->arena, 0);
    s->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->channels = calloc(n_workers, sizeof *s->channels);
    while (s->channels && s->n_channels < n_workers && pol_ring_init(&s->channels[s->n_channels].ring, (size_t)config->shadow_buffer))
        s->n_channels++;
    if (s->n_channels < n_workers || s->stop < 0)
        return pol_fail(err, POL_E_MEMORY, "no memory for the shadow bundle's buffers");
    return open_files(s, config, err);
}

bool pol_shadow_start(pol_shadow *shadow, pol_error *err)
{
    if (!shadow)
        return true;
    take_world(shadow);
    int failed = pthread_create(&shadow->thread, NULL, run, shadow);
    shadow->started = failed == 0;
    return shadow->started || pol_fail(err, POL_E_IO, "the shadow's thread could not be started: %s", strerror(failed));
}

void pol_shadow_free(pol_shadow *shadow)
{
    if (!shadow)
        return;
    uint64_t one = 1;
    ssize_t written = write(shadow->stop, &one, sizeof one);
    if (shadow->started)
        pthread_join(shadow->thread, NULL);
    atomic_store(&shadow->server->shadow_seen, UINT64_MAX);
    written = write(shadow->server->seen_event, &one, sizeof one);
    (void)written;
    for (unsigned i = 0; i < shadow->n_channels; i++) {
        pol_ring_deinit(&shadow->channels[i].ring);
        pol_buf_deinit(&shadow->channels[i].event);
    }
    free(shadow->channels);
    pol_eval_free(shadow->eval);
    pol_eval_free(shadow->serving);
    pol_bundle_close(shadow->bundle);
    pol_arena_deinit(&shadow->entries);
    pol_arena_deinit(&shadow->arena);
    pol_buf_deinit(&shadow->event);
    pol_buf_deinit(&shadow->line);
    if (shadow->log_fd >= 0)
        close(shadow->log_fd);
    close(shadow->stop);
    free(shadow->path);
    free(shadow);
}

uint64_t pol_shadow_count(const pol_shadow *shadow, pol_shadow_kind kind)
{
    uint64_t n = shadow ? atomic_load_explicit(&((pol_shadow *)(uintptr_t)shadow)->counts[kind], memory_order_relaxed) : 0;
    for (unsigned i = 0; shadow && kind == POL_SHADOW_LOST && i < shadow->n_channels; i++)
        n += atomic_load_explicit(&shadow->channels[i].ring.lost, memory_order_relaxed);
    return n;
}
