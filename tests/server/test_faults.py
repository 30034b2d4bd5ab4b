#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What goes wrong around the daemon: clocks, descriptors, logs that nobody reads, clients that flood or drip. Decisions go on. Disks that are full and log
services that are down are in test_decision_log.py, servers of bundles in test_source.py, Redis in test_introspection_redis.py."""
import os
import resource
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from credentials import Credentials
from daemon import ASKING, EVALUATION, POLD, Daemon, main, request, same
from frames import EVALUATION as FRAME_EVALUATION, FrameClient
from introspecting import NOBODY, body_of, serving, token_of

SANITIZED = b"__asan_init" in Path(POLD).read_bytes()


def is_answered(c):
    try:
        r = c.evaluate()
        return r is not None and r.status == 200
    except BrokenPipeError:
        return False


def test_descriptors_run_out():
    limit = 128
    with Daemon({"workers": 1}, data={"n": 1, "answer": {"allow": True}}) as d:
        d.stop()
        d.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
        first = d.client()
        same(first.evaluate().status, 200)
        taken = refused = 0
        for _ in range(limit):
            if is_answered(d.client()):
                taken += 1
            else:
                refused += 1  # who sends while he is refused may lose the answer
        r = d.client().read()
        same((r.status, r.headers["retry-after"]), (503, "1"))
        assert taken >= 32 and refused >= 32 and taken + refused == limit, (taken, refused)
        # a bundle can still be taken up
        d.replace("r2", data={"n": 2, "answer": {"allow": True}})
        d.wait(lambda: first.ask("GET", "/v1/data/n").json()["result"] == 2)
        for c in d.clients:
            if c is not first:
                c.close()
        d.wait(lambda: is_answered(d.client()))


CLOCK = """
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static volatile long *offset;
__attribute__((constructor)) static void open_offset(void)
{
    offset = mmap(NULL, 4096, PROT_READ, MAP_SHARED, open(getenv("CLOCK_OFFSET"), O_RDONLY), 0);
}
int clock_gettime(clockid_t id, struct timespec *t)
{
    int failed = (int)syscall(SYS_clock_gettime, id, t);
    if (offset && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        t->tv_sec += *offset;
    return failed;
}
time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}
int gettimeofday(struct timeval *t, void *zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    t->tv_sec = now.tv_sec;
    t->tv_usec = now.tv_nsec / 1000;
    return 0;
}
"""


def test_the_clock_jumps():
    """Years on and back: tokens end and count again, connections and requests that have begun notice nothing."""
    if SANITIZED:
        print("skipped: a clock of one's own and the sanitizer do not go together")
        return
    year = 365 * 86400
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "clock.c").write_text(CLOCK)
        (Path(folder) / "offset").write_bytes(bytes(4096))
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", f"{folder}/clock.so", f"{folder}/clock.c"], check=True)
        with Daemon({"limits": {"idle": "1h", "request": "1h"}}) as d:
            d.stop()
            c = Credentials(d.folder)
            d.settings.update(c.settings())
            d.start(env={**os.environ, "LD_PRELOAD": f"{folder}/clock.so", "CLOCK_OFFSET": f"{folder}/offset"})
            begun, asking = d.client(), d.client()
            whole = request("POST", EVALUATION, ASKING)
            begun.send(whole[:60])
            token = {**ASKING, "token": c.token()}

            def jump_to(seconds):
                with open(f"{folder}/offset", "r+b") as f:
                    f.write(seconds.to_bytes(8, "little", signed=True))

            for seconds, good in [(0, True), (10 * year, False), (0, True), (-10 * year, False), (3000, False), (0, True)]:
                jump_to(seconds)
                r = asking.evaluate(token)
                same((r.status, r.json()["decision"]), (200, good), seconds)
                if not good:
                    same(r.json()["context"]["reason"], "token_expired" if seconds > 0 else "token_not_yet_valid")
                same(asking.evaluate().json()["decision"], True, seconds)
                d.replace(f"r{seconds}")
                d.wait(lambda s=seconds: d.health()["bundle"]["revision"] == f"r{s}")
            begun.send(whole[60:])
            same(begun.read().json()["decision"], True)


def test_nobody_reads_the_log():
    reader, writer = os.pipe()
    try:
        with Daemon({"log": {"decisions": True}}) as d:
            d.stop()
            kept, d.log_file = d.log_file, os.fdopen(os.dup(writer), "wb")
            kept.close()
            d.process = subprocess.Popen([POLD, "-c", str(d.folder / "pold.yaml")], stderr=d.log_file)
            d.wait(d.can_connect)
            c = d.client()
            # some 150 bytes a line into a pipe of 64 KiB
            d.wait(lambda: c.evaluate().json()["decision"] and d.metric("polward_log_lines_lost_total") > 100)
            d.process.terminate()
            same(d.process.wait(60), 0)
    finally:
        os.close(reader)
        os.close(writer)


def test_a_flood_does_not_hold_up_others():
    """With one worker: a client that pipelines without end, and one who asks as usual."""
    with Daemon({"workers": 1}) as d:
        flood, stop = d.client(), threading.Event()
        batch = request("POST", EVALUATION, ASKING) * 100

        def pour():
            try:
                while not stop.is_set():
                    flood.send(batch)
            except OSError:
                pass

        def drain():
            try:
                while not stop.is_set() and flood.sock.recv(1 << 20):
                    pass
            except OSError:
                pass

        threads = [threading.Thread(target=pour, daemon=True), threading.Thread(target=drain, daemon=True)]
        for t in threads:
            t.start()
        for kind in ("http", "frames"):
            c = d.client()
            f = FrameClient(c.sock) if kind == "frames" else None
            for i in range(50):
                if f:
                    f.send(i, FRAME_EVALUATION, ASKING)
                    same(f.read()[:2], (i, 200))
                else:
                    same(c.evaluate().json()["decision"], True)
        assert all(t.is_alive() for t in threads), "the flood has ended by itself"
        stop.set()
        flood.close()


def test_many_that_drip():
    with Daemon({"limits": {"request": "1s"}, "workers": 1}) as d:
        asking = d.client()
        drips = [d.client() for _ in range(200)]
        for c in drips:
            c.send(b"POST /access/v1/evaluation HTTP/1.1\r\nHost: ")
        same(asking.evaluate().json()["decision"], True)
        for c in drips:
            r = c.read()
            same((r.status, r.headers["connection"]), (408, "close"))
            assert c.ended()
        same(asking.evaluate().json()["decision"], True)
        d.wait(lambda: d.metric("polward_connections_timed_out_total") == 200)


def test_only_so_many_wait():
    """One worker, two may wait for the issuer, who does not answer; the third is told at once."""
    with serving(waits="60s", limits={"waiting": 2}, workers=1) as (d, server):
        server.gate.clear()
        waiting = [d.client() for _ in range(2)]
        for i, c in enumerate(waiting):
            c.send(request("POST", EVALUATION, body_of(f"opaque-{i}")))
        d.wait(lambda: d.metric("polward_parked_total") == 2)
        r = d.client().ask("POST", EVALUATION, body_of("opaque-3"))
        same((r.status, r.headers["retry-after"]), (503, "1"))
        f = FrameClient(d.client().sock)
        f.send(9, FRAME_EVALUATION, body_of("opaque-4"))
        same(f.read(), (9, 503, "too many requests are waiting"))
        same(d.metric("polward_waiting_refused_total"), 2)
        same(d.ask("POST", EVALUATION, NOBODY).status, 200, "who needs not wait")
        server.gate.set()
        for c in waiting:
            same(c.read().json()["context"]["reason"], "token_inactive")
        token = token_of(server)
        d.wait(lambda: d.ask("POST", EVALUATION, body_of(token)).json()["decision"])


main(sys.modules[__name__])
