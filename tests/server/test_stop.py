#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SIGTERM: what was accepted is answered, then the process ends with 0."""
import signal
import socket
import sys
import threading
import time

from daemon import ASKING, EVALUATION, Daemon, main, request, same


def ends(d, seconds=60):
    same(d.process.wait(seconds), 0)


def test_idle_connections_do_not_hold_it():
    with Daemon({"limits": {"idle": "1h", "drain": "1h"}}) as d:
        clients = [d.client() for _ in range(5)]
        for c in clients:
            same(c.evaluate().status, 200)
        d.signal(signal.SIGTERM)
        ends(d)
        for c in clients:
            assert c.ended()
        same(d.log_lines()[-1]["msg"], "stopped")


def test_a_request_that_has_begun_is_answered():
    with Daemon() as d:
        c = d.client()
        whole = request("POST", EVALUATION, ASKING)
        c.send(whole[:100])
        d.signal(signal.SIGTERM)
        d.wait(lambda: not d.can_connect())
        c.send(whole[100:])
        r = c.read()
        same((r.json()["decision"], r.headers["connection"]), (True, "close"))
        assert c.ended()
        ends(d)


def test_everything_sent_before_the_signal_is_answered():
    with Daemon() as d:
        clients = [d.client() for _ in range(20)]
        for c in clients:
            c.send(request("POST", EVALUATION, ASKING) * 50)
        d.signal(signal.SIGTERM)
        for c in clients:
            for _ in range(50):
                same(c.read().json()["decision"], True)
            assert c.ended()
        ends(d)


def test_no_request_in_flight_is_lost_under_load():
    """Each connection may be closed between two requests, never within one that was taken."""
    with Daemon() as d:
        errors, answered = [], []

        def ask(c):
            try:
                while True:
                    try:
                        c.send(request("POST", EVALUATION, ASKING))
                    except (BrokenPipeError, ConnectionResetError):
                        return
                    r = c.read()
                    if r is None:
                        return
                    same(r.json()["decision"], True)
                    answered.append(1)
                    if r.headers.get("connection") == "close":
                        return
            except Exception as e:  # pylint: disable=broad-except
                errors.append(e)

        threads = [threading.Thread(target=ask, args=(d.client(),)) for _ in range(8)]
        for t in threads:
            t.start()
        d.wait(lambda: len(answered) > 100)
        d.signal(signal.SIGTERM)
        for t in threads:
            t.join(60)
        same(errors, [])
        ends(d)


def test_a_request_that_never_ends_is_cut_at_the_drain_limit():
    with Daemon({"limits": {"drain": "500ms"}}) as d:
        c = d.client()
        c.send(b"GET /health HT")
        begun = time.monotonic()
        d.signal(signal.SIGTERM)
        ends(d)
        assert time.monotonic() - begun > 0.3


def test_new_connections_are_refused_while_stopping():
    with Daemon() as d:
        c = d.client()
        c.send(b"GET /health/ready HTTP/1.1\r\n")
        d.signal(signal.SIGTERM)
        d.wait(lambda: not d.can_connect())
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(str(d.socket))
        except OSError:
            pass
        else:
            raise AssertionError("connected")
        c.send(b"Host: x\r\n\r\n")
        same(c.read().status, 503)
        ends(d)


def test_a_second_signal_ends_at_once():
    with Daemon() as d:
        c = d.client()
        c.send(b"GET /health HT")
        d.signal(signal.SIGTERM)
        d.wait(lambda: not d.can_connect())
        d.signal(signal.SIGTERM)
        same(d.process.wait(60), -signal.SIGTERM)


main(sys.modules[__name__])
