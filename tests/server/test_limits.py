#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bounds of size, number and time."""
import json
import sys
import time

from daemon import ASKING, EVALUATION, Daemon, main, request, same


def test_body_at_the_limit_and_above():
    with Daemon({"limits": {"body": "2KiB"}}) as d:
        bare = len(json.dumps({**ASKING, "context": {"p": ""}}))
        c = d.client()
        exact = {**ASKING, "context": {"p": "x" * (2048 - bare)}}
        same(c.evaluate(exact).status, 200)
        above = {**ASKING, "context": {"p": "x" * (2049 - bare)}}
        r = c.evaluate(above)
        same((r.status, r.headers["connection"]), (413, "close"))
        same(d.ask("POST", "/v1/data/answer", above).status, 400, "OPA's status")


def test_head_at_the_limit_and_above():
    with Daemon({"limits": {"head": "1KiB"}}) as d:
        bare = len(request("GET", "/health/live", headers={"X": ""}))
        same(d.ask("GET", "/health/live", headers={"X": "y" * (1024 - bare)}).status, 200)
        same(d.ask("GET", "/health/live", headers={"X": "y" * (1025 - bare)}).status, 431)


def test_connections_above_the_limit_are_503():
    with Daemon({"limits": {"connections": 4}}) as d:
        watch = d.client()

        def wait_for(n):
            d.wait(lambda: b"\npolward_connections %d\n" % n in watch.ask("GET", "/metrics").body)

        wait_for(1)
        clients = [d.client() for _ in range(3)]
        for c in clients:
            same(c.ask("GET", "/health/live").status, 200)
        r = d.client().read()
        same((r.status, r.headers["retry-after"], r.json()["message"]), (503, "1", "too many connections"))
        clients[0].close()
        wait_for(3)
        same(d.ask("GET", "/health/live").status, 200)


def test_idle_connections_are_closed():
    with Daemon({"limits": {"idle": "300ms"}}) as d:
        c = d.client()
        same(c.ask("GET", "/health/live").status, 200)
        begun = time.monotonic()
        assert c.ended()
        assert time.monotonic() - begun > 0.2


def test_slow_requests_are_408():
    with Daemon({"limits": {"request": "400ms"}}) as d:
        for part in [b"GET /health", request("POST", EVALUATION, ASKING)[:-1]]:
            c = d.client()
            c.send(part)
            r = c.read()
            same((r.status, r.headers["connection"]), (408, "close"))
            assert c.ended()
        same(d.metric("polward_connections_timed_out_total"), 2)


def test_dripping_does_not_prolong():
    with Daemon({"limits": {"request": "500ms"}}) as d:
        c = d.client()
        status = None
        c.sock.settimeout(0.05)
        for byte in request("POST", EVALUATION, ASKING):
            c.send(bytes([byte]))
            try:
                status = c.read().status
                break
            except TimeoutError:
                continue
        same(status, 408)


def test_clients_that_do_not_read_are_cut():
    with Daemon({"limits": {"write": "400ms"}}, data={"big": "y" * 500_000}) as d:
        c = d.client()
        c.send(request("GET", "/v1/data/big") * 20)
        d.wait(lambda: d.metric("polward_connections_timed_out_total") == 1)
        same(d.ask("GET", "/health/live").status, 200)


def test_connections_are_spread_over_workers():
    with Daemon({"workers": 4}) as d:
        clients = [d.client() for _ in range(64)]
        for c in clients:
            same(c.evaluate().status, 200)
        # one may be the connection that asks
        same(d.metric("polward_connections"), 65)
        same(d.metric("polward_workers"), 4)


main(sys.modules[__name__])
