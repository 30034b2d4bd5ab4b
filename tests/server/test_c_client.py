#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The C client of binary frames, against pold and against servers that answer wrongly, late or not at all."""
import contextlib
import json
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from daemon import ASKING, BUILD, Daemon, main, same


class Client:
    def __init__(self, path, timeout_ms=30000):
        self.process = subprocess.Popen([str(BUILD / "tests/client-ask"), str(path), str(timeout_ms)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def ask(self, body, operation=1):
        return self.say(f"ask {operation} {json.dumps(body)}")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.stdin.close()
        same(self.process.wait(60), 0)


class Wrong:
    """A server that sends `answer` to whatever connects, and then, if told so, waits."""

    def __init__(self, answer, holds=True):
        self.answer, self.holds = answer, holds

    def __enter__(self):
        self.place = tempfile.TemporaryDirectory(prefix="wrong-")
        self.path = Path(self.place.name) / "s"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(8)
        self.n, self.kept = 0, []
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                s, _ = self.listener.accept()
                self.n += 1
                s.recv(65536)
                s.sendall(self.answer)
                if self.holds:
                    self.kept.append(s)
                else:
                    s.close()

    def __exit__(self, *exception):
        self.listener.close()
        for s in self.kept:
            s.close()
        self.place.cleanup()


def test_it_asks_and_is_answered():
    with Daemon() as d, Client(d.socket) as c:
        number, status, text = c.ask(ASKING).split(" ", 2)
        same((number, status, json.loads(text)["decision"]), ("0", "200", True))
        status, text = c.ask({"evaluations": [ASKING, ASKING]}, 2).split(" ", 2)[1:]
        same((status, [e["decision"] for e in json.loads(text)["evaluations"]]), ("200", [True, True]))
        same(c.ask({"subject": 1}).split(" ")[1], "400")
        same(c.ask(ASKING, 9).split(" ")[1], "404")
        same([c.say("allows " + json.dumps(ASKING)), c.say("allows {}"), c.say("allows [")], ["yes", "no", "no"])


def test_many_are_under_way():
    with Daemon() as d, Client(d.socket) as c:
        for i in range(200):
            assert c.say(f"send {i + 7} 1 {json.dumps(ASKING)}").startswith(str(i + 7))
        got = [c.say("receive").split(" ", 2) for _ in range(200)]
        same(sorted(int(number) for number, _, _ in got), list(range(7, 207)))
        same({status for _, status, _ in got}, {"200"})


def test_a_daemon_that_was_started_again_is_found():
    with Daemon() as d, Client(d.socket) as c:
        same(c.say("allows " + json.dumps(ASKING)), "yes")
        d.stop()
        same(c.say("allows " + json.dumps(ASKING)), "no")
        assert c.ask(ASKING).startswith("failed: ")
        d.log_file.close()
        d.start()
        same(c.say("allows " + json.dumps(ASKING)), "yes")
        d.stop()
        d.log_file.close()
        d.start()
        same(c.ask(ASKING).split(" ")[1], "200", "the closed connection is made anew")


def test_wrong_answers_are_none():
    body = b'{"decision":true}'
    good = struct.pack(">IIH", len(body) + 6, 1, 200) + body
    for answer, wanted in (
        (struct.pack(">IIH", 5, 1, 200), "what came is no answer of pold"),
        (struct.pack(">IIH", 0xFFFFFFFF, 1, 200), "what came is no answer of pold"),
        (struct.pack(">IIH", len(body) + 6, 2, 200) + body, "the answer is to another request"),
        (good[:-1], "the daemon did not answer in time"),
        (good[:3], "the daemon did not answer in time"),
        (b"", "the daemon did not answer in time"),
    ):
        with Wrong(answer) as w, Client(w.path, 500) as c:
            same(c.ask(ASKING), "failed: " + wanted, answer)
            same(c.say("allows " + json.dumps(ASKING)), "no")
    with Wrong(good) as w, Client(w.path) as c:
        same(c.ask(ASKING), "0 200 " + body.decode())
    for answer in (good[:-1], b""):
        with Wrong(answer, holds=False) as w, Client(w.path) as c:
            assert c.ask(ASKING).startswith("failed: the daemon closed the connection")
            same(w.n, 1, "a first connection is not tried again")


def test_nobody_there():
    with Client("/nowhere/socket") as c:
        same(c.ask(ASKING), "failed: /nowhere/socket: No such file or directory")
        same(c.say("receive"), "failed: nothing is awaited")


main(sys.modules[__name__])
