/* SPDX-License-Identifier: Apache-2.0
 * One request over the unix socket, and the status of its answer. */
#include "runtime/server/probe.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

POL_MUST_USE static bool ask(int fd, const char *path, pol_error *err)
{
    static const char asking[] = "GET /health/ready HTTP/1.1\r\nHost: pold\r\nConnection: close\r\n\r\n", wanted[] = "HTTP/1.1 200 ";
    struct timeval patience = {.tv_sec = 5};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path)); /* config.def bounds it */
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 || send(fd, asking, sizeof asking - 1, MSG_NOSIGNAL) < 0)
        return pol_fail(err, POL_E_IO, "%s: %s", path, strerror(errno));
    char text[256];
    size_t n = 0;
    for (ssize_t got; n < sizeof wanted - 1 && (got = recv(fd, text + n, sizeof text - n, 0)) > 0;)
        n += (size_t)got;
    bool ready = n >= sizeof wanted - 1 && memcmp(text, wanted, sizeof wanted - 1) == 0;
    return ready || pol_fail(err, POL_E_IO, "%s: the daemon is not ready", path);
}

bool pol_probe_ready(const pol_config *config, pol_error *err)
{
    if (!config->socket_path)
        return pol_fail(err, POL_E_CONFIG, "--ready asks over socket.path, which is not set");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return pol_fail(err, POL_E_IO, "no socket could be made: %s", strerror(errno));
    bool ready = ask(fd, config->socket_path, err);
    close(fd);
    return ready;
}
