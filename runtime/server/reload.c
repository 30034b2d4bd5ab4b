/* SPDX-License-Identifier: Apache-2.0
 * The reloader's thread: it notices, makes, publishes, waits and closes. Everything that it reads from disk it reads here, aside. */
#include "runtime/server/reload.h"

#include "runtime/server/log.h"
#include "runtime/server/notify.h"
#include "runtime/server/worker.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    QUIET_MS = 20,      /* changes that come closer together than this are one */
    PATIENCE_MS = 200,  /* but the first one never waits longer */
    FALLBACK_MS = 5000, /* how often files are looked at where inotify says nothing (network file systems) */
};

struct pol_reloader {
    pol_server *server;
    pthread_t thread;
    const char *config_path;
    pol_config *config;   /* of the world that is published */
    pol_world *world;     /* the published one */
    int wake;             /* an eventfd */
    int watch;            /* inotify; -1: the fallback alone */
    pol_buf signature;    /* of the files when they were last read */
    atomic_bool asked, stopping;
};

static void drain_descriptor(int fd)
{
    uint8_t bytes[4096];
    while (fd >= 0 && read(fd, bytes, sizeof bytes) > 0)
        continue;
}

/* ---- watching ---- */

static void watch_path(void *context, const char *path)
{
    const pol_reloader *r = context;
    const uint32_t mask = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
    struct stat st;
    const char *slash = strrchr(path, '/');
    char folder[4096];
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        inotify_add_watch(r->watch, path, mask);
    /* the folder around it sees the rename that replaces it */
    size_t n = slash ? (size_t)(slash - path) : 0;
    if (n >= sizeof folder)
        return;
    memcpy(folder, path, n);
    folder[n] = 0;
    inotify_add_watch(r->watch, !slash ? "." : n ? folder : "/", mask);
}

/* Adding a watch that exists changes nothing, so this also repairs watches on folders that were made anew. */
static void watch_files(pol_reloader *r)
{
    if (r->watch >= 0)
        pol_world_files(r->config, watch_path, r);
}

static bool files_changed(const pol_reloader *r, pol_buf *now)
{
    pol_world_signature(r->config, now);
    return !pol_bytes_equal(pol_buf_view(now), pol_buf_view(&r->signature));
}

/* ---- publishing ---- */

static bool all_have_seen(const pol_server *server, uint64_t generation)
{
    for (unsigned i = 0; i < server->n_workers; i++)
        if (atomic_load_explicit(&server->workers[i]->seen, memory_order_acquire) < generation)
            return false;
    return atomic_load_explicit(&server->log_seen, memory_order_acquire) >= generation && atomic_load_explicit(&server->shadow_seen, memory_order_acquire) >= generation;
}

static void wait_for_workers(const pol_reloader *r, uint64_t generation)
{
    while (!all_have_seen(r->server, generation)) {
        struct pollfd seen = {.fd = r->server->seen_event, .events = POLLIN};
        poll(&seen, 1, -1);
        drain_descriptor(r->server->seen_event);
    }
}

static void note_success(pol_server *server, const pol_world *world, bool counts)
{
    pthread_mutex_lock(&server->status_lock);
    pol_reload_status *status = &server->status;
    status->succeeded += counts;
    status->failing = false;
    status->error[0] = 0;
    status->generation = world->generation;
    status->activated_ns = world->activated_ns;
    snprintf(status->revision, sizeof status->revision, "%s", world->revision);
    snprintf(status->digest, sizeof status->digest, "%s", world->digest);
    pthread_mutex_unlock(&server->status_lock);
}

static void note_failure(pol_server *server, const pol_error *err)
{
    pthread_mutex_lock(&server->status_lock);
    server->status.failed++;
    server->status.failing = true;
    server->status.failed_ns = pol_clock_ns();
    snprintf(server->status.error, sizeof server->status.error, "%s", err->text);
    pthread_mutex_unlock(&server->status_lock);
    pol_log_error(POL_LOG_ERROR, "reload refused, the world before it goes on serving", err);
}

static void log_world(const pol_world *world, int64_t took_ns)
{
    pol_log_line line = pol_log_begin(POL_LOG_INFO, "bundle taken up");
    pol_log_text(&line, "file", world->bundle_file);
    pol_log_text(&line, "revision", world->revision);
    pol_log_text(&line, "sha256", world->digest);
    pol_log_number(&line, "generation", (int64_t)world->generation);
    pol_log_number(&line, "took_us", took_ns / 1000);
    pol_log_end(&line);
}

/* The new world to all workers; back when none uses the old one any more, which is closed then. */
static void publish(pol_reloader *r, pol_world *world)
{
    pol_world *old = r->world;
    pol_world_follow(world, r->server->revocation);
    atomic_store_explicit(&r->server->world, world, memory_order_release);
    for (unsigned i = 0; i < r->server->n_workers; i++)
        pol_worker_wake(r->server->workers[i]);
    wait_for_workers(r, world->generation);
    r->world = world;
    pol_world_free(old);
}

POL_MUST_USE static bool make_and_publish(pol_reloader *r, pol_config *config, pol_error *err)
{
    int64_t begun = pol_monotonic_ns();
    pol_world *world;
    POL_CLEAN(pol_buf_deinit) pol_buf signature = {0};
    pol_world_signature(config, &signature);
    bool ok = pol_world_new(config, r->world->generation + 1, (pol_background){r->server->revocation, r->server->key_sources}, &world, err);
    if (ok && config->bundle_refuse_older && !pol_world_not_older(world->bundle, r->world->bundle, err)) {
        pol_world_free(world);
        ok = false;
    }
    /* files that were refused are looked at again when they change; those of a refused configuration are not the ones in use */
    if (ok || config == r->config) {
        pol_buf_clear(&r->signature);
        pol_buf_bytes(&r->signature, ok ? pol_bytes_text(world->signature) : pol_buf_view(&signature));
    }
    POL_TRY(ok);
    publish(r, world);
    note_success(r->server, world, true);
    log_world(world, pol_monotonic_ns() - begun);
    return true;
}

POL_MUST_USE static bool reload_config(pol_reloader *r, pol_error *err)
{
    pol_config *wanted;
    POL_TRY(pol_config_open(r->config_path, &wanted, err));
    if (!make_and_publish(r, wanted, err)) {
        pol_config_free(wanted);
        return false;
    }
    const char *restart = pol_config_restart_needed(r->config, wanted);
    if (restart) {
        pol_log_line line = pol_log_begin(POL_LOG_WARNING, "a changed setting needs a restart");
        pol_log_text(&line, "key", restart);
        pol_log_end(&line);
    }
    pol_config_free(r->config); /* no world uses it any more */
    r->config = wanted;
    pol_log_set_level((pol_log_level)wanted->log_level);
    watch_files(r);
    return true;
}

static void reload_as_asked(pol_reloader *r)
{
    pol_error err;
    char state[64];
    snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)(pol_monotonic_ns() / 1000));
    pol_notify(state);
    bool ok = reload_config(r, &err);
    if (!ok)
        note_failure(r->server, &err);
    pol_notify(ok ? "READY=1\nSTATUS=serving" : "READY=1\nSTATUS=serving what was before a refused reload");
}

/* ---- the thread ---- */

static void wait_until_quiet(pol_reloader *r)
{
    int64_t until = pol_monotonic_ms() + PATIENCE_MS;
    struct pollfd watch = {.fd = r->watch, .events = POLLIN};
    while (pol_monotonic_ms() < until && poll(&watch, 1, QUIET_MS) > 0)
        drain_descriptor(r->watch);
}

static void look_at_files(pol_reloader *r)
{
    pol_error err;
    POL_CLEAN(pol_buf_deinit) pol_buf now = {0};
    if (!r->config->bundle_watch || !files_changed(r, &now))
        return;
    if (!make_and_publish(r, r->config, &err))
        note_failure(r->server, &err);
}

static void *run(void *context)
{
    pol_reloader *r = context;
    while (!atomic_load(&r->stopping)) {
        struct pollfd sources[] = {{.fd = r->wake, .events = POLLIN}, {.fd = r->watch, .events = POLLIN}};
        int n = poll(sources, r->watch >= 0 ? 2 : 1, FALLBACK_MS);
        drain_descriptor(r->wake);
        if (atomic_exchange(&r->asked, false) && !atomic_load(&r->stopping))
            reload_as_asked(r);
        if (n > 0 && (sources[1].revents & POLLIN)) {
            drain_descriptor(r->watch);
            wait_until_quiet(r);
        }
        if (!atomic_load(&r->stopping))
            look_at_files(r);
        watch_files(r);
    }
    return NULL;
}

bool pol_reloader_start(pol_server *server, const char *config_path, pol_config *config, pol_reloader **out, pol_error *err)
{
    pol_reloader *r = calloc(1, sizeof *r);
    if (!r)
        return pol_fail(err, POL_E_MEMORY, "no memory for the reloader");
    r->server = server;
    r->config_path = config_path;
    r->config = config;
    r->world = atomic_load(&server->world);
    r->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    /* what changed since the first world was made is found by the first look */
    pol_buf_bytes(&r->signature, pol_bytes_text(r->world->signature));
    watch_files(r);
    note_success(server, r->world, true);
    log_world(r->world, 0);
    int failed = r->wake < 0 ? errno : pthread_create(&r->thread, NULL, run, r);
    if (failed == 0) {
        *out = r;
        return true;
    }
    pol_buf_deinit(&r->signature);
    free(r);
    return pol_fail(err, POL_E_IO, "the reloader could not be started: %s", strerror(failed));
}

void pol_reloader_wake(pol_reloader *reloader)
{
    uint64_t one = 1;
    atomic_store(&reloader->asked, true);
    ssize_t written = write(reloader->wake, &one, sizeof one);
    (void)written; /* a full counter wakes too */
}

void pol_reloader_stop(pol_reloader *reloader)
{
    if (!reloader)
        return;
    uint64_t one = 1;
    atomic_store(&reloader->stopping, true);
    ssize_t written = write(reloader->wake, &one, sizeof one);
    (void)written;
    pthread_join(reloader->thread, NULL);
    pol_world_free(reloader->world);
    pol_config_free(reloader->config);
    close(reloader->wake);
    if (reloader->watch >= 0)
        close(reloader->watch);
    pol_buf_deinit(&reloader->signature);
    free(reloader);
}

pol_reload_status pol_server_status(const pol_server *server)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)&server->status_lock;
    pthread_mutex_lock(lock);
    pol_reload_status status = server->status;
    pthread_mutex_unlock(lock);
    return status;
}
