/* SPDX-License-Identifier: Apache-2.0
 * pold: command line, start, signals, stop. */
#include "runtime/fetch/fetch.h"
#include "runtime/identity/view.h"
#include "runtime/identity/replay.h"
#include "runtime/identity/revocation.h"
#include "runtime/server/decision_log.h"
#include "runtime/server/listener.h"
#include "runtime/server/log.h"
#include "runtime/server/notify.h"
#include "runtime/server/probe.h"
#include "runtime/server/redis_store.h"
#include "runtime/server/reload.h"
#include "runtime/server/sandbox.h"
#include "runtime/server/shadow.h"
#include "runtime/server/source.h"
#include "runtime/server/tracer.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

enum { EXIT_REFUSED = 1, EXIT_COMMAND_LINE = 2, WORKERS_MAX = 256, N_SIGNALS = 3 };

static const char usage[] =
    "usage: pold [-c FILE] [--check]\n"
    "  -c, --config FILE      the configuration (default /etc/polward/pold.yaml)\n"
    "      --check            read the configuration and everything it names, then exit: 0 good, 1 not\n"
    "      --ready            ask the daemon that runs with this configuration whether it is ready, then exit: 0 yes, 1 not\n"
    "      --describe-config  print every setting as a table and exit\n"
    "      --version          print the version and exit\n"
    "signals: SIGHUP reads the configuration, bundle, keys and certificates again; SIGTERM and SIGINT answer what was\n"
    "accepted and stop; a second one stops at once\n";

/* What the signal handlers of the main loop need. */
typedef struct {
    struct event_base *base;
    struct event *signals[N_SIGNALS];
    struct event *watchdog; /* NULL: the manager does not ask for signs of life */
    uint64_t watchdog_ms;
    pol_server *server;
    pol_reloader *reloader;
} main_loop;

static void on_reload(evutil_socket_t number, short what, void *context)
{
    const main_loop *loop = context;
    (void)number;
    (void)what;
    pol_reloader_wake(loop->reloader);
}

static void on_stop(evutil_socket_t number, short what, void *context)
{
    const main_loop *loop = context;
    (void)number;
    (void)what;
    event_base_loopbreak(loop->base);
}

/* A worker that has had no turn for a whole period hangs: then nothing is said, and the manager starts the daemon anew. */
static void on_watchdog(evutil_socket_t number, short what, void *context)
{
    const main_loop *loop = context;
    int64_t least = pol_monotonic_ms() - (int64_t)loop->watchdog_ms;
    (void)number;
    (void)what;
    for (unsigned i = 0; i < loop->server->n_workers; i++)
        if (atomic_load_explicit(&loop->server->workers[i]->beat_ms, memory_order_relaxed) < least)
            return;
    pol_notify("WATCHDOG=1");
}

POL_MUST_USE static bool start_watchdog(main_loop *loop, pol_server *server, pol_error *err)
{
    loop->server = server;
    loop->watchdog_ms = pol_watchdog_ms();
    if (loop->watchdog_ms == 0)
        return true;
    uint64_t period_us = loop->watchdog_ms * 1000 / 3;
    struct timeval period = {(time_t)(period_us / 1000000), (suseconds_t)(period_us % 1000000)};
    loop->watchdog = event_new(loop->base, -1, EV_PERSIST, on_watchdog, loop);
    return (loop->watchdog && event_add(loop->watchdog, &period) == 0) || pol_fail(err, POL_E_MEMORY, "the watchdog's event could not be made");
}

static void prepare_process(void)
{
    struct rlimit files;
    signal(SIGPIPE, SIG_IGN);
    pol_sandbox_memory();
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

static unsigned count_workers(const pol_config *config)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (config->workers)
        return (unsigned)config->workers;
    return processors < 1 ? 1 : processors > WORKERS_MAX ? WORKERS_MAX : (unsigned)processors;
}

POL_MUST_USE static bool start_workers(pol_server *server, unsigned n, pol_error *err)
{
    server->workers = calloc(n, sizeof *server->workers);
    if (!server->workers)
        return pol_fail(err, POL_E_MEMORY, "no memory for workers");
    for (; server->n_workers < n; server->n_workers++)
        POL_TRY(pol_worker_start(server, server->n_workers, &server->workers[server->n_workers], err));
    return true;
}

/* Lets the workers answer what they have, and waits for them. */
static void stop_workers(pol_server *server)
{
    for (unsigned i = 0; i < server->n_workers; i++) {
        pol_worker_close_inbox(server->workers[i]);
        pol_worker_wake(server->workers[i]);
    }
    for (unsigned i = 0; i < server->n_workers; i++)
        pthread_join(server->workers[i]->thread, NULL);
}

static void free_workers(pol_server *server)
{
    for (unsigned i = 0; i < server->n_workers; i++)
        pol_worker_free(server->workers[i]);
    free(server->workers);
}

/* A second signal while draining ends the process at once. */
static void end_at_second_signal(void)
{
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
}

/* From here on signals wait for the loop: one that comes while starting is not lost and does not end the process half-way. */
POL_MUST_USE static bool open_loop(main_loop *loop, pol_error *err)
{
    loop->base = event_base_new();
    if (!loop->base)
        return pol_fail(err, POL_E_MEMORY, "the main loop could not be made");
    loop->signals[0] = evsignal_new(loop->base, SIGHUP, on_reload, loop);
    loop->signals[1] = evsignal_new(loop->base, SIGTERM, on_stop, loop);
    loop->signals[2] = evsignal_new(loop->base, SIGINT, on_stop, loop);
    for (unsigned i = 0; i < N_SIGNALS; i++)
        if (!loop->signals[i] || event_add(loop->signals[i], NULL) != 0)
            return pol_fail(err, POL_E_MEMORY, "the signals' events could not be made");
    return true;
}

static void free_signals(main_loop *loop)
{
    for (unsigned i = 0; i < N_SIGNALS; i++)
        if (loop->signals[i])
            event_free(loop->signals[i]);
    memset(loop->signals, 0, sizeof loop->signals);
}

static void close_loop(main_loop *loop)
{
    free_signals(loop);
    if (loop->watchdog)
        event_free(loop->watchdog);
    if (loop->base)
        event_base_free(loop->base);
}

/* On the fetcher's thread. */
static void tell_of_ocsp(void *context, const char *url, const char *text)
{
    (void)context;
    pol_log_line line = pol_log_begin(POL_LOG_WARNING, "OCSP");
    pol_log_text(&line, "responder", url);
    pol_log_text(&line, "error", text);
    pol_log_end(&line);
}

/* On the fetcher's thread, or that of a decision. */
static void tell_of_keys(void *context, const char *issuer, const char *text, bool failed)
{
    (void)context;
    pol_log_line line = pol_log_begin(failed ? POL_LOG_WARNING : POL_LOG_INFO, "keys of an issuer");
    pol_log_text(&line, "issuer", issuer);
    pol_log_text(&line, failed ? "error" : "event", text);
    pol_log_end(&line);
}

/* From any thread. */
static void wake_worker(void *context, unsigned waiter)
{
    const pol_server *server = context;
    pol_worker_wake(server->workers[waiter]);
}

/* A secret on one line. */
POL_MUST_USE static bool read_password(const char *path, pol_buf *out, pol_error *err)
{
    enum { MOST = 4096 };
    POL_TRY(pol_file_read(path, MOST, out, err));
    while (out->n && (out->at[out->n - 1] == '\n' || out->at[out->n - 1] == '\r'))
        out->n--;
    pol_buf_byte(out, 0);
    return strlen((const char *)out->at) == out->n - 1 || pol_fail(err, POL_E_CONFIG, "%s: a password has no NUL in it", path);
}

static void forget(pol_buf *secret)
{
    if (secret->at)
        OPENSSL_cleanse(secret->at, secret->capacity);
    pol_buf_deinit(secret);
}

POL_MUST_USE static bool start_redis(pol_server *server, const pol_config *config, pol_bytes key, pol_error *err)
{
    pol_buf password = {0};
    bool ok = !config->redis_password || read_password(config->redis_password, &password, err);
    pol_redis_config redis = {.address = config->redis_address, .user = config->redis_user, .password = (const char *)password.at,
                              .timeout_ms = (uint32_t)config->redis_timeout_ms};
    ok = ok && pol_redis_new(&redis, key, &server->redis, err);
    forget(&password);
    return ok;
}

/* With start, Redis is asked from now on. */
POL_MUST_USE static bool make_introspection(pol_server *server, const pol_config *config, bool start, pol_error *err)
{
    enum { LEAST = 32, MOST = 4096 };
    pol_buf key = {0};
    bool ok = !config->introspection_key || pol_file_read(config->introspection_key, MOST, &key, err);
    if (ok && config->introspection_key && key.n < LEAST)
        ok = pol_fail(err, POL_E_CONFIG, "%s: identity.introspection.key_file needs at least %d bytes", config->introspection_key, LEAST);
    ok = ok && pol_introspection_new(pol_buf_view(&key), &server->introspection, err) &&
         (!start || !config->redis_address || start_redis(server, config, pol_buf_view(&key), err));
    forget(&key);
    return ok;
}

POL_MUST_USE static bool start_fetching(pol_server *server, pol_error *err)
{
    POL_TRY(pol_fetcher_new(&server->fetcher, err));
    pol_revocation_start(server->revocation, server->fetcher);
    pol_key_sources_start(server->key_sources, server->fetcher, wake_worker, server);
    pol_introspection_store store = server->redis ? pol_redis_as_store(server->redis) : (pol_introspection_store){0};
    pol_introspection_start(server->introspection, server->fetcher, server->redis ? &store : NULL, wake_worker, server);
    pol_world_follow(atomic_load(&server->world), server->revocation);
    return true;
}

/* ---- those that look on: before workers, after them, and when they have ended ---- */

POL_MUST_USE static bool make_observers(pol_server *server, const pol_config *config, pol_error *err)
{
    unsigned n = count_workers(config);
    return pol_decision_log_new(server, config, n, &server->decision_log, err) && pol_shadow_new(server, config, n, &server->shadow, err) &&
           pol_tracer_new(server, config, n, &server->tracer, err);
}

POL_MUST_USE static bool start_observers(pol_server *server, pol_error *err)
{
    return pol_decision_log_start(server->decision_log, err) && pol_shadow_start(server->shadow, err) && pol_tracer_start(server->tracer, err);
}

static void free_observers(pol_server *server)
{
    pol_decision_log_free(server->decision_log);
    pol_shadow_free(server->shadow);
    pol_tracer_free(server->tracer);
}

/* Descriptors are kept for bundles, logs and what is fetched, so that connections cannot take the last one. */
static uint64_t connections_that_fit(uint64_t wanted)
{
    enum { KEPT = 128 };
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY)
        return wanted;
    uint64_t fit = files.rlim_cur > 2 * KEPT ? files.rlim_cur - KEPT : files.rlim_cur / 2;
    if (wanted <= fit)
        return wanted;
    pol_log_line line = pol_log_begin(POL_LOG_WARNING, "limits.connections is more than the process may open: fewer are taken");
    pol_log_number(&line, "taken", (int64_t)fit);
    pol_log_end(&line);
    return fit;
}

/* Starts the threads, takes over config and the world that server has published, serves until a signal, stops everything. */
POL_MUST_USE static bool run(main_loop *loop, pol_server *server, const char *config_path, pol_config *config, pol_listeners *listeners,
                             pol_error *err)
{
    uint64_t max_connections = connections_that_fit(config->max_connections);
    bool ok = start_fetching(server, err) && make_observers(server, config, err) && start_workers(server, count_workers(config), err) && start_observers(server, err) &&
              pol_reloader_start(server, config_path, config, &loop->reloader, err) && pol_listeners_start(listeners, loop->base, server, max_connections, err) && start_watchdog(loop, server, err);
    if (ok) {
        pol_notify("READY=1\nSTATUS=serving");
        event_base_dispatch(loop->base);
        pol_notify("STOPPING=1\nSTATUS=answering what was accepted");
    }
    free_signals(loop);
    end_at_second_signal();
    atomic_store(&server->draining, true); /* first of all: who finds the socket gone is told Connection: close */
    pol_listeners_close(listeners);
    stop_workers(server);
    pol_introspection_stop(server->introspection);
    pol_key_sources_stop(server->key_sources);
    free_observers(server);
    if (loop->reloader) {
        pol_reloader_stop(loop->reloader);
    } else {
        pol_world_free(atomic_load(&server->world));
        pol_config_free(config);
    }
    free_workers(server);
    pol_source_free(server->source);
    pol_redis_free(server->redis);
    pol_fetcher_free(server->fetcher);
    return ok;
}

/* Everything that config names, opened and verified. */
POL_MUST_USE static bool open_world(pol_server *server, const pol_config *config, pol_world **world, pol_error *err)
{
    POL_TRY(pol_revocation_new(tell_of_ocsp, NULL, &server->revocation, err));
    POL_TRY(pol_key_sources_new(tell_of_keys, NULL, &server->key_sources, err));
    return pol_world_new(config, 1, (pol_background){server->revocation, server->key_sources}, world, err);
}

/* The sockets, and then what is left to be given up. */
POL_MUST_USE static bool listen_and_close_the_sandbox(pol_server *server, const pol_config *config, pol_listeners **listeners, pol_error *err)
{
    server->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    POL_TRY(pol_listeners_open(config, listeners, err));
    POL_TRY(pol_sandbox_user(config, err));
    return pol_sandbox_calls(config, err);
}

POL_MUST_USE static bool serve(const char *config_path, bool only_check, pol_error *err)
{
    pol_config *config = NULL;
    pol_world *world = NULL;
    pol_listeners *listeners = NULL;
    main_loop loop = {0};
    static pol_server server = {.status_lock = PTHREAD_MUTEX_INITIALIZER, .seen_event = -1, .statm = -1};
    bool ok = open_loop(&loop, err) && pol_config_open(config_path, &config, err);
    if (ok)
        pol_log_set_level((pol_log_level)config->log_level);
    ok = ok && (only_check || (pol_sandbox_files(config, config_path, err) && pol_source_start(config, &server.source, err))) && make_introspection(&server, config, !only_check, err) &&
         open_world(&server, config, &world, err) && (only_check || listen_and_close_the_sandbox(&server, config, &listeners, err));
    if (!ok || only_check) {
        pol_source_free(server.source);
        pol_listeners_close(listeners);
        pol_world_free(world);
        pol_revocation_free(server.revocation);
        pol_redis_free(server.redis);
        pol_introspection_free(server.introspection);
        pol_key_sources_free(server.key_sources);
        pol_config_free(config);
        close_loop(&loop);
        return ok && only_check;
    }
    server.started_ns = pol_clock_ns();
    uint8_t random[16];
    if (RAND_bytes(random, sizeof random) != 1)
        abort();
    pol_uuid_text(random, server.id);
    server.drain_ms = config->drain_ms;
    server.seen_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    server.replay = pol_replay_new();
    atomic_store(&server.world, world);
    ok = run(&loop, &server, config_path, config, listeners, err);
    close_loop(&loop);
    close(server.seen_event);
    pol_replay_free(server.replay);
    pol_revocation_free(server.revocation);
    pol_introspection_free(server.introspection);
    pol_key_sources_free(server.key_sources);
    return ok;
}

static int describe_config(void)
{
    POL_CLEAN(pol_buf_deinit) pol_buf out = {0};
    pol_config_describe(&out);
    return fwrite(out.at, 1, out.n, stdout) == out.n && fflush(stdout) == 0 ? 0 : EXIT_REFUSED;
}

static int probe(const char *config_path)
{
    pol_error err;
    pol_config *config = NULL;
    bool ready = pol_config_open(config_path, &config, &err) && pol_probe_ready(config, &err);
    pol_config_free(config);
    if (!ready)
        fprintf(stderr, "pold: %s\n", err.text);
    return ready ? 0 : EXIT_REFUSED;
}

int main(int argc, char **argv)
{
    enum { CHECK = 256, READY, DESCRIBE, VERSION, HELP };
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"check", no_argument, NULL, CHECK}, {"ready", no_argument, NULL, READY}, {"describe-config", no_argument, NULL, DESCRIBE},
        {"version", no_argument, NULL, VERSION},  {"help", no_argument, NULL, HELP},   {0},
    };
    const char *config_path = "/etc/polward/pold.yaml";
    bool only_check = false, only_probe = false;
    for (int option; (option = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            config_path = optarg;
            break;
        case CHECK:
            only_check = true;
            break;
        case READY:
            only_probe = true;
            break;
        case DESCRIBE:
            return describe_config();
        case VERSION:
            puts("pold " POLWARD_VERSION);
            return 0;
        case 'h':
        case HELP:
            fputs(usage, stdout);
            return 0;
        default:
            fputs(usage, stderr);
            return EXIT_COMMAND_LINE;
        }
    }
    if (optind != argc) {
        fputs(usage, stderr);
        return EXIT_COMMAND_LINE;
    }
    pol_error err = {0};
    if (only_probe)
        return probe(config_path);
    prepare_process();
    if (!serve(config_path, only_check, &err)) {
        pol_log_error(POL_LOG_ERROR, only_check ? "the configuration is not good" : "pold cannot serve", &err);
        return EXIT_REFUSED;
    }
    if (only_check) {
        puts("the configuration and what it names are good");
        return 0;
    }
    pol_log_line line = pol_log_begin(POL_LOG_INFO, "stopped");
    pol_log_end(&line);
    return 0;
}
