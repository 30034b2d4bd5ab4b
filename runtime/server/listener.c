/* SPDX-License-Identifier: Apache-2.0
 * Listening sockets: made with the right mode before anyone can connect, or handed over by systemd. */
#include "runtime/server/listener.h"

#include "runtime/server/log.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { LISTENERS_MAX = 8, BACKLOG = 1024, FIRST_PASSED_FD = 3, REST_MS = 100 };

typedef struct {
    pol_listeners *all;
    int fd;
    bool tls, admin;
    char *path; /* of the unix socket that we made; else NULL */
    dev_t device;
    ino_t inode;
    struct event *event, *rest; /* rest: starts event again after a shortage of descriptors */
} listener;

struct pol_listeners {
    listener items[LISTENERS_MAX];
    unsigned n;
    pol_server *server;
    uint64_t max_connections;
};

/* Where a unix socket is to be made. */
typedef struct {
    const char *setting, *path, *group; /* setting: of group */
    uint64_t mode;
    bool admin;
} place;

POL_MUST_USE static bool add_socket(pol_listeners *all, listener l, pol_error *err)
{
    if (all->n == LISTENERS_MAX) {
        close(l.fd);
        free(l.path);
        return pol_fail(err, POL_E_LIMIT, "more than %d listening sockets", LISTENERS_MAX);
    }
    l.all = all;
    all->items[all->n++] = l;
    return true;
}

/* ---- unix ---- */

POL_MUST_USE static bool remove_stale(const struct sockaddr_un *address, pol_error *err)
{
    struct stat st;
    if (lstat(address->sun_path, &st) != 0)
        return errno == ENOENT || pol_fail(err, POL_E_IO, "%s: %s", address->sun_path, strerror(errno));
    if (!S_ISSOCK(st.st_mode))
        return pol_fail(err, POL_E_IO, "%s: is there already and is no socket", address->sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool answers = fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno != ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    if (answers)
        return pol_fail(err, POL_E_IO, "%s: another process listens on this socket", address->sun_path);
    return unlink(address->sun_path) == 0 || pol_fail(err, POL_E_IO, "%s: %s", address->sun_path, strerror(errno));
}

POL_MUST_USE static bool find_group(const place *at, gid_t *out, pol_error *err)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(at->group, &end, 10);
    if (*end == 0 && errno == 0 && number < UINT32_MAX) {
        *out = (gid_t)number;
        return true;
    }
    struct group entry, *found = NULL;
    char buffer[16384];
    if (getgrnam_r(at->group, &entry, buffer, sizeof buffer, &found) != 0 || !found)
        return pol_fail(err, POL_E_CONFIG, "%s: there is no group %s", at->setting, at->group);
    *out = found->gr_gid;
    return true;
}

/* Mode and group are set before listen: until then a connect is refused. */
POL_MUST_USE static bool bind_unix(listener *l, const place *at, const struct sockaddr_un *address, pol_error *err)
{
    struct stat st;
    gid_t group = (gid_t)-1;
    if (at->group)
        POL_TRY(find_group(at, &group, err));
    mode_t old = umask(0177);
    int bound = bind(l->fd, (const struct sockaddr *)address, sizeof *address);
    umask(old);
    if (bound != 0)
        return pol_fail(err, POL_E_IO, "%s: the socket could not be made: %s", at->path, strerror(errno));
    l->path = strdup(at->path);
    if (!l->path || lstat(at->path, &st) != 0)
        return pol_fail(err, POL_E_IO, "%s: %s", at->path, strerror(errno));
    l->device = st.st_dev;
    l->inode = st.st_ino;
    if (at->group && lchown(at->path, (uid_t)-1, group) != 0)
        return pol_fail(err, POL_E_IO, "%s: group %s could not be set: %s", at->path, at->group, strerror(errno));
    if (chmod(at->path, (mode_t)at->mode) != 0 || listen(l->fd, BACKLOG) != 0)
        return pol_fail(err, POL_E_IO, "%s: %s", at->path, strerror(errno));
    return true;
}

static void remove_file(const listener *l)
{
    struct stat st;
    if (l->path && lstat(l->path, &st) == 0 && st.st_dev == l->device && st.st_ino == l->inode)
        unlink(l->path);
}

POL_MUST_USE static bool open_unix(pol_listeners *all, const place *at, pol_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, at->path, strlen(at->path)); /* config.def bounds it */
    POL_TRY(remove_stale(&address, err));
    listener l = {.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), .admin = at->admin};
    if (l.fd < 0)
        return pol_fail(err, POL_E_IO, "no socket could be made: %s", strerror(errno));
    if (bind_unix(&l, at, &address, err))
        return add_socket(all, l, err);
    remove_file(&l);
    free(l.path);
    close(l.fd);
    return false;
}

/* ---- TCP ---- */

/* "host:port", "[v6]:port" into two texts. */
POL_MUST_USE static bool split_address(const char *text, char host[256], char port[8])
{
    const char *colon = strrchr(text, ':');
    if (!colon || colon == text || strlen(colon + 1) == 0 || strlen(colon + 1) > 5)
        return false;
    const char *from = text, *to = colon;
    if (*from == '[') {
        if (to[-1] != ']')
            return false;
        from++;
        to--;
    } else if (memchr(from, ':', (size_t)(to - from))) {
        return false;
    }
    snprintf(host, 256, "%.*s", (int)(to - from), from);
    snprintf(port, 8, "%s", colon + 1);
    return strspn(port, "0123456789") == strlen(port);
}

POL_MUST_USE static bool open_tcp(pol_listeners *all, const char *text, pol_error *err)
{
    char host[256], port[8];
    struct addrinfo *found, hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    if (!split_address(text, host, port) || getaddrinfo(host, port, &hints, &found) != 0)
        return pol_fail(err, POL_E_CONFIG, "tls.address: %s is no address with a port, as 127.0.0.1:8443 or [::1]:8443", text);
    int one = 1, fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool ok = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
              bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0;
    int why = errno;
    freeaddrinfo(found);
    if (ok)
        return add_socket(all, (listener){.fd = fd, .tls = true}, err);
    if (fd >= 0)
        close(fd);
    return pol_fail(err, POL_E_IO, "tls.address: cannot listen on %s: %s", text, strerror(why));
}

/* ---- systemd ---- */

POL_MUST_USE static bool take_passed(pol_listeners *all, int fd, bool admin, pol_error *err)
{
    int type = 0, listening = 0;
    socklen_t n_type = sizeof type, n_listening = sizeof listening;
    struct sockaddr_storage address = {0};
    socklen_t n_address = sizeof address;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n_type) != 0 || type != SOCK_STREAM ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &n_listening) != 0 || !listening ||
        getsockname(fd, (struct sockaddr *)&address, &n_address) != 0)
        return pol_fail(err, POL_E_CONFIG, "descriptor %d of LISTEN_FDS is no listening stream socket", fd);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    bool is_unix = address.ss_family == AF_UNIX;
    if (admin && !is_unix)
        return pol_fail(err, POL_E_CONFIG, "the socket that LISTEN_FDNAMES calls admin is no unix socket");
    return add_socket(all, (listener){.fd = fd, .tls = !is_unix, .admin = admin}, err);
}

/* The next of the names between colons. */
static pol_bytes next_name(const char **names)
{
    pol_bytes name = pol_bytes_of(*names, strcspn(*names, ":"));
    *names += name.n + ((*names)[name.n] == ':');
    return name;
}

POL_MUST_USE static bool take_all_passed(pol_listeners *all, const pol_config *config, pol_error *err)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    bool ours = pid && count && strtoul(pid, NULL, 10) == (unsigned long)getpid();
    unsigned long n = ours ? strtoul(count, NULL, 10) : 0;
    char names_copy[512];
    const char *names = getenv("LISTEN_FDNAMES");
    snprintf(names_copy, sizeof names_copy, "%s", names ? names : "");
    names = names_copy;
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    if (n > LISTENERS_MAX)
        return pol_fail(err, POL_E_LIMIT, "LISTEN_FDS hands over more than %d sockets", LISTENERS_MAX);
    for (unsigned long i = 0; i < n; i++) {
        bool admin = pol_bytes_is(next_name(&names), "admin");
        POL_TRY(take_passed(all, FIRST_PASSED_FD + (int)i, admin, err));
        if (admin && !config->admin_path)
            return pol_fail(err, POL_E_CONFIG, "LISTEN_FDNAMES calls a socket admin, but admin.path is not configured");
        if (all->items[all->n - 1].tls && !config->tls_address)
            return pol_fail(err, POL_E_CONFIG, "LISTEN_FDS hands over a TCP socket, but tls.address is not configured");
    }
    return true;
}

static bool has_kind(const pol_listeners *all, bool tls, bool admin)
{
    for (unsigned i = 0; i < all->n; i++)
        if (all->items[i].tls == tls && all->items[i].admin == admin)
            return true;
    return false;
}

POL_MUST_USE static bool open_all(pol_listeners *all, const pol_config *config, pol_error *err)
{
    const place usual = {"socket.group", config->socket_path, config->socket_group, config->socket_mode, false};
    const place admin = {"admin.group", config->admin_path, config->admin_group, config->admin_mode, true};
    POL_TRY(take_all_passed(all, config, err));
    if (usual.path && !has_kind(all, false, false))
        POL_TRY(open_unix(all, &usual, err));
    if (config->tls_address && !has_kind(all, true, false))
        POL_TRY(open_tcp(all, config->tls_address, err));
    if (all->n == 0 || (all->n == 1 && all->items[0].admin))
        return pol_fail(err, POL_E_CONFIG, "nothing to listen on: set socket.path or tls.address");
    return !admin.path || has_kind(all, false, true) || open_unix(all, &admin, err);
}

bool pol_listeners_open(const pol_config *config, pol_listeners **out, pol_error *err)
{
    pol_listeners *all = calloc(1, sizeof *all);
    if (!all)
        return pol_fail(err, POL_E_MEMORY, "no memory for listeners");
    if (!open_all(all, config, err)) {
        pol_listeners_close(all);
        return false;
    }
    *out = all;
    return true;
}

/* ---- accepting ---- */

static pol_worker *least_busy(const pol_server *server)
{
    pol_worker *best = server->workers[0];
    for (unsigned i = 1; i < server->n_workers; i++)
        if (atomic_load_explicit(&server->workers[i]->n_connections, memory_order_relaxed) <
            atomic_load_explicit(&best->n_connections, memory_order_relaxed))
            best = server->workers[i];
    return best;
}

static void refuse(pol_server *server, int fd, bool tls)
{
    static const char full[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n"
                               "Connection: close\r\nContent-Length: 68\r\n\r\n"
                               "{\n  \"code\": \"internal_error\",\n  \"message\": \"too many connections\"\n}\n";
    if (!tls) {
        ssize_t sent = send(fd, full, sizeof full - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)sent;
    }
    close(fd);
    pol_count(&server->n_refused, 1);
}

static void hand_over(listener *l, int fd)
{
    pol_server *server = l->all->server;
    int one = 1;
    if (l->tls)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (atomic_load(&server->n_connections) >= l->all->max_connections ||
        !pol_worker_hand(least_busy(server), (pol_handover){.fd = fd, .tls = l->tls, .admin = l->admin}))
        refuse(server, fd, l->tls);
}

static void on_acceptable(evutil_socket_t fd, short what, void *context)
{
    listener *l = context;
    (void)what;
    for (;;) {
        int accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (accepted >= 0) {
            hand_over(l, accepted);
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED)
            continue;
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            /* the connection stays in the backlog; asking again at once would only spin */
            struct timeval rest = {0, REST_MS * 1000};
            pol_log_line line = pol_log_begin(POL_LOG_ERROR, "no connection can be accepted");
            pol_log_text(&line, "error", strerror(errno));
            pol_log_end(&line);
            event_del(l->event);
            event_add(l->rest, &rest);
        }
        return;
    }
}

static void on_rested(evutil_socket_t fd, short what, void *context)
{
    listener *l = context;
    (void)fd;
    (void)what;
    event_add(l->event, NULL);
}

bool pol_listeners_start(pol_listeners *listeners, struct event_base *base, pol_server *server, uint64_t max_connections, pol_error *err)
{
    listeners->server = server;
    listeners->max_connections = max_connections;
    for (unsigned i = 0; i < listeners->n; i++) {
        listener *l = &listeners->items[i];
        l->event = event_new(base, l->fd, EV_READ | EV_PERSIST, on_acceptable, l);
        l->rest = event_new(base, -1, 0, on_rested, l);
        if (!l->event || !l->rest || event_add(l->event, NULL) != 0)
            return pol_fail(err, POL_E_MEMORY, "the acceptor's events could not be made");
    }
    return true;
}

static void close_listener(listener *l)
{
    /* what was connected before the stop is accepted, and so answered */
    if (l->event)
        on_acceptable(l->fd, EV_READ, l);
    if (l->event)
        event_free(l->event);
    if (l->rest)
        event_free(l->rest);
    free(l->path);
    close(l->fd);
}

void pol_listeners_close(pol_listeners *listeners)
{
    if (!listeners)
        return;
    /* the names go first, so that nobody connects to a socket that is about to close */
    for (unsigned i = 0; i < listeners->n; i++)
        remove_file(&listeners->items[i]);
    for (unsigned i = 0; i < listeners->n; i++)
        close_listener(&listeners->items[i]);
    free(listeners);
}
