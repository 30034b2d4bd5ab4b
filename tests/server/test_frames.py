#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Binary frames: the answers of HTTP, pipelined; what is no frame is refused."""
import contextlib
import random
import socket
import struct
import sys

from daemon import ASKING, EVALUATION, Daemon, main, same
from frames import EVALUATION as ONE
from frames import EVALUATIONS, GREETING, SEARCH_ACTION, FrameClient, frame

POLICY = {"d.rego": 'package d\n\ndefault allow := false\n\nallow if input.subject.id == "alice"\n'}


@contextlib.contextmanager
def serving(**settings):
    with Daemon({"decision": "d/allow", **settings}, data={}, modules=POLICY) as d:
        yield d


@contextlib.contextmanager
def connected(d):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(str(d.socket))
        yield s


def raw(d, data):
    """What is answered to data, to the connection's end."""
    with connected(d) as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        got = b""
        while more := s.recv(65536):
            got += more
        return got


def asking(who):
    return {**ASKING, "subject": {"type": "user", "id": who}}


def test_the_answers_are_those_of_http():
    with serving() as d, connected(d) as s:
        c = FrameClient(s)
        for number, operation, body, status in (
            (7, ONE, asking("alice"), 200),
            (0xFFFFFFFF, ONE, asking("bob"), 200),
            (8, ONE, {}, 400),
            (8, ONE, b"", 400),
            (9, EVALUATIONS, {**ASKING, "evaluations": [{}, {"subject": {"type": "user", "id": "bob"}}]}, 200),
            (10, SEARCH_ACTION, {}, 400),
            (11, 6, {}, 404),
            (12, 0, {}, 404),
        ):
            c.send(number, operation, body)
            got = c.read()
            same(got[:2], (number, status))
            if operation == ONE and status == 200:
                same(got[2]["decision"], d.ask("POST", EVALUATION, body).json()["decision"])
            if operation == EVALUATIONS:
                same([item["decision"] for item in got[2]["evaluations"]], [True, False])


def test_many_are_under_way():
    with serving() as d, connected(d) as s:
        c, wanted = FrameClient(s), {}
        for number in range(2000):
            wanted[number] = number % 3 == 0
            c.send(number, ONE, asking("alice" if wanted[number] else "bob"))
            if number % 200 == 199:
                for _ in range(200):
                    got, status, body = c.read()
                    same((status, body["decision"]), (200, wanted.pop(got)))
        same(wanted, {})


def test_frames_come_in_any_pieces():
    stream = GREETING + b"".join(frame(i, ONE, asking("alice")) for i in range(5))
    with serving() as d, connected(d) as s:
        rest, random_ = stream, random.Random(1)
        while rest:
            n = random_.randrange(1, 40)
            s.sendall(rest[:n])
            rest = rest[n:]
        c = FrameClient.__new__(FrameClient)
        c.sock, c.rest = s, b""
        same([c.read()[:2] for _ in range(5)], [(i, 200) for i in range(5)])


def test_what_is_no_frame_is_refused():
    with serving(limits={"body": 2048, "request": "300ms"}) as d:
        for data, number, status in (
            (b"\0PW2", 0, 400),
            (b"\0P", 0, 400),
            (GREETING + b"\0\0", 0, 400),
            (GREETING + struct.pack(">II", 4, 5), 5, 400),
            (GREETING + struct.pack(">IIB", 2048 + 6, 5, 1), 5, 413),
            (GREETING + b"\xff" * 9, 0xFFFFFFFF, 413),
            (GREETING + frame(1, ONE, {})[:-1], 0, 400),
        ):
            got = raw(d, data)
            same(struct.unpack(">IIH", got[:10]), (len(got) - 4, number, status), data)
        same(raw(d, GREETING), b"")
        same(raw(d, b"P\0PW1")[:12], b"HTTP/1.1 400")
        with connected(d) as s:
            s.sendall(GREETING + b"\0")
            same(struct.unpack(">IIH", s.recv(10)), (len(s.recv(4096)) + 6, 0, 408))
        same(d.ask("POST", EVALUATION, ASKING).json()["decision"], True)


def test_noise_ends_connections_and_nothing_else():
    noise = random.Random(2)
    with serving() as d:
        whole = GREETING + frame(1, ONE, asking("alice")) + frame(2, EVALUATIONS, {**ASKING, "evaluations": [{}]})
        for _ in range(300):
            data = bytearray(whole)
            for _ in range(noise.randrange(1, 6)):
                data[noise.randrange(len(data))] = noise.randrange(256)
            raw(d, bytes(data))
        same(d.ask("POST", EVALUATION, ASKING).json()["decision"], True)


if __name__ == "__main__":
    main(sys.modules[__name__])
