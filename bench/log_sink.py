#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""log_sink.py [TURNS [REQUESTS]]: what a decision log costs those who ask, with a sink that takes everything and with one that takes nothing, so that all buffers are full. Three daemons are asked by turns over
one connection each; shown are medians over the turns of the round trip's median and 99th percentile, and what was lost and counted."""
import contextlib
import http.server
import os
import socket
import statistics
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(ROOT, "tests", "server"), os.path.join(ROOT, "tests")]

from daemon import ASKING, EVALUATION, Daemon, request  # noqa: E402
from exposition import read, value_of  # noqa: E402


class Sink(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


def measure(client, n):
    """(median, p99) of n round trips, in microseconds."""
    text, times = request("POST", EVALUATION, ASKING), []
    for _ in range(n):
        begun = time.perf_counter_ns()
        client.send(text)
        client.read()
        times.append((time.perf_counter_ns() - begun) / 1000)
    times.sort()
    return times[n // 2], times[n * 99 // 100]


def main():
    turns, n = [int(a) for a in sys.argv[1:]] + [15, 3000][len(sys.argv) - 1:]
    with contextlib.ExitStack() as stack:
        good = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
        threading.Thread(target=good.serve_forever, daemon=True).start()
        deaf = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))  # takes connections and never answers
        sinks = {"no log": None, "a sink that takes all": good.server_address[1], "a sink that takes nothing": deaf.getsockname()[1]}
        daemons, clients = {}, {}
        for name, port in sinks.items():
            log = {"decision_log": {"url": f"http://127.0.0.1:{port}/logs", "buffer": "64MiB" if name == "a sink that takes all" else "64KiB"}} if port else {}
            daemons[name] = stack.enter_context(Daemon({"workers": 1, **log}))
            clients[name] = stack.enter_context(contextlib.closing(daemons[name].client()))
            measure(clients[name], 3000)
        took = {name: [] for name in sinks}
        for turn in range(turns):
            for name in sorted(sinks, key=lambda name: hash((name, turn))):
                took[name].append(measure(clients[name], n))
        base = None
        for name in sinks:
            median, p99 = (statistics.median(t[i] for t in took[name]) for i in (0, 1))
            base = base or (median, p99)
            lost = value_of(read(daemons[name].ask("GET", "/metrics").body.decode()), "polward_log_events_total", result="lost")
            print(f"{name:26} median {median:6.1f} us ({median / base[0]:.2f})  p99 {p99:6.1f} us ({p99 / base[1]:.2f})  lost {lost:.0f} of {turns * n + 3000}")
        good.shutdown()


main()
