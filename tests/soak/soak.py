#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""soak.py SECONDS: 64 connections by AuthZEN, OPA's data API and binary frames, with and without tokens, while a bundle is taken up each second, the
issuer's keys are rotated, SIGHUP comes and Redis is killed and started again. One request in a thousand is malformed. Every answer is checked. After the
first minute resident memory may not grow by more than 5%, and no descriptor may be left over at the end.

POLWARD_BUILD as for the tests of the server. Says each half minute how it goes; the last line is OK or what was wrong.
"""
import contextlib
import json
import os
import random
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "server"))
from authorization_server import AuthorizationServer, Client as OAuthRegistration  # noqa: E402
from daemon import EVALUATION as EVALUATION_PATH, Client, Daemon, request, same  # noqa: E402
from frames import EVALUATION, FrameClient  # noqa: E402
from oauth_client import OAuthClient  # noqa: E402
from redis_server import PASSWORD, Redis  # noqa: E402

CONNECTIONS, PROCESSES = 64, 2
PAUSE_S = 0.01  # of each connection between two requests: the machine is to serve, not to choke
MALFORMED = 1 / 1000
FRESH = 1 / 10  # of the tokens that nobody issued: never seen before, so that what is kept of tokens soon has its full size
POLICY = """package soak

default allow := false

allow if input.resource.properties.n % 3 == 0

decision := {"allow": allow, "rev": data.rev}
"""


# ---- those who ask ----


class Asker(threading.Thread):
    """One connection, opened again after what ends it. way: authzen, data or frames."""

    def __init__(self, path, way, shared):
        super().__init__()
        self.path, self.way, self.shared, self.random = path, way, shared, random.Random()
        self.count, self.malformed, self.rev, self.error = 0, 0, 0, None
        self.open()

    def open(self):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(120)
        sock.connect(self.path)
        self.client = FrameClient(sock) if self.way == "frames" else Client(sock)
        self.rev = 0  # another worker may have the connection, which takes up a bundle a moment later

    def run(self):
        try:
            while not self.shared["stop"].is_set():
                if self.random.random() < MALFORMED:
                    self.ask_malformed()
                else:
                    self.ask()
                time.sleep(PAUSE_S)
        except Exception as e:  # pylint: disable=broad-except
            self.error = f"{self.way}: {type(e).__name__}: {e}"

    def evaluate(self, body):
        """(decision, context)"""
        if self.way == "frames":
            self.client.send(self.count & 0xFFFF, EVALUATION, body)
            number, status, answer = self.client.read()
            same((number, status), (self.count & 0xFFFF, 200), answer)
        else:
            r = self.client.ask("POST", EVALUATION_PATH, body)
            same(r.status, 200, r.body)
            answer = r.json()
        return answer["decision"], answer.get("context", {})

    def ask(self):
        n = self.random.randrange(1000)
        body = {"subject": {"type": "user", "id": "u"}, "action": {"name": "read"}, "resource": {"type": "thing", "id": str(n), "properties": {"n": n}}}
        self.count += 1
        if self.way == "data":
            r = self.client.ask("POST", "/v1/data/soak/decision", {"input": body})
            same(r.status, 200, r.body)
            result = r.json()["result"]
            self.check(result["allow"], n % 3 == 0, result)
            return
        kind = self.random.randrange(8)
        if kind < 3:
            del body["subject"]
            body["token"] = self.random.choice(self.shared["tokens"][("jwt", "opaque", "unknown")[kind]])
            if kind == 2 and self.random.random() < FRESH:
                body["token"] = secrets.token_urlsafe(32)
        decision, context = self.evaluate(body)
        if kind == 2:
            same((decision, context.get("reason")), (False, "token_inactive"), context)
        else:
            self.check(decision, n % 3 == 0, context)

    def check(self, decision, wanted, answer):
        same(decision, wanted, answer)
        assert self.rev <= answer["rev"], f"revision {answer['rev']} after {self.rev}"
        self.rev = answer["rev"]

    def ask_malformed(self):
        self.malformed += 1
        if self.way == "frames":
            self.client.sock.sendall(b"\0\0\0\1" + secrets.token_bytes(5))
            same(self.client.read()[1], 400)
        else:
            damaged = self.random.choice([b"GET / HTTP/9.9\r\n\r\n", b"\1\2\3\r\n\r\n", request("POST", EVALUATION_PATH, b"{]"), request("POST", "/v1/data/soak", b"\xff{")])
            self.client.send(damaged)
            r = self.client.read()
            assert 400 <= r.status < 506, r.status
            if r.headers.get("connection") != "close":
                return
        self.client.sock.close()
        self.open()


def read_tokens(folder, shared):
    while True:
        shared["tokens"] = json.loads((folder / "tokens.json").read_text())
        if shared["stop"].wait(1):
            return


def ask_all(folder, first, last):
    """A process of its own: it asks until its standard input ends, then says how it was."""
    shared = {"stop": threading.Event(), "tokens": json.loads((folder / "tokens.json").read_text())}
    askers = [Asker(str(folder / "s"), ("authzen", "data", "frames")[i % 3], shared) for i in range(first, last)]
    for thread in [threading.Thread(target=read_tokens, args=(folder, shared)), *askers]:
        thread.start()
    sys.stdin.read()
    shared["stop"].set()
    for a in askers:
        a.join()
    print(json.dumps({"count": sum(a.count for a in askers), "malformed": sum(a.malformed for a in askers), "errors": [a.error for a in askers if a.error]}))


# ---- what happens meanwhile ----


class Trouble(threading.Thread):
    """Does something again and again, and remembers what went wrong."""

    def __init__(self, period, what, stop):
        super().__init__()
        self.period, self.what, self.stop, self.count, self.error = period, what, stop, 0, None

    def run(self):
        try:
            while not self.stop.wait(self.period):
                self.what()
                self.count += 1
        except Exception as e:  # pylint: disable=broad-except
            self.error = f"{self.what.__name__}: {type(e).__name__}: {e}"


class Soak:
    def __init__(self, d, server, redis):
        self.d, self.server, self.redis, self.rev = d, server, redis, 1
        self.samples = []
        self.jwt = []

    def put(self, name, value):
        (self.d.folder / (name + ".new")).write_text(json.dumps(value))
        os.rename(self.d.folder / (name + ".new"), self.d.folder / name)

    def probe(self, token):
        body = {"action": {"name": "read"}, "resource": {"type": "thing", "id": "3", "properties": {"n": 3}}, "token": token}
        return self.d.ask("POST", EVALUATION_PATH, body).json()["decision"]

    def swap_bundle(self):
        self.rev += 1
        self.d.replace(f"r{self.rev}", {"rev": self.rev})

    def hang_up(self):
        self.d.signal(signal.SIGHUP)

    def rotate_keys(self):
        """A new key, which signs from now on; the third last one counts no more."""
        self.server.rotate()
        del self.server.keys[:-3]
        self.put("keys.json", self.server.jwks())
        self.jwt.append(OAuthClient(self.server, "service").credentials()["access_token"])
        self.d.wait(lambda: self.probe(self.jwt[-1]))
        self.put_tokens()
        if len(self.jwt) > 3:
            gone = self.jwt.pop(0)
            self.d.wait(lambda: not self.probe(gone))
            assert not any(self.probe(gone) for _ in range(8)), "a token of a key that is gone counts"

    def put_tokens(self):
        self.put("tokens.json", {"jwt": self.jwt[-1:], "opaque": self.opaque, "unknown": [secrets.token_urlsafe(32) for _ in range(4)]})

    def stop_and_start_redis(self):
        if self.redis.process:
            self.redis.stop()
        else:
            self.redis.start()

    def open_descriptors(self):
        return len(os.listdir(f"/proc/{self.d.process.pid}/fd"))

    def resident(self):
        return int(Path(f"/proc/{self.d.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

    def start(self):
        self.opaque = [OAuthClient(self.server, "opaque").credentials()["access_token"] for _ in range(16)]
        self.jwt.append(OAuthClient(self.server, "service").credentials()["access_token"])
        self.put_tokens()
        for token in self.opaque + self.jwt:
            assert self.probe(token), "a good token is refused before it begins"

    def sample(self, begun):
        self.samples.append((time.monotonic() - begun, self.resident(), self.open_descriptors()))


def judge_memory(samples, seconds):
    """What is wrong with it; prints what it was."""
    base = [rss for at, rss, _ in samples if 60 <= at < 90]
    after = [rss for at, rss, _ in samples if at >= 60]
    if seconds < 120 or not base:
        print(f"resident: {samples[-1][1] >> 10} KiB; too short a time to judge it")
        return []
    growth = statistics.median(after[-6:]) / statistics.median(base)
    print(f"resident: {statistics.median(base) / 2**20:.1f} MiB in the second minute, {statistics.median(after[-6:]) / 2**20:.1f} at the end ({(growth - 1) * 100:+.1f}%), at most {max(after) / 2**20:.1f}")
    return [f"resident memory grew by {(growth - 1) * 100:.1f}%"] if growth > 1.05 else []


def run(soak, seconds):
    d, wrong = soak.d, []
    soak.start()
    idle = soak.open_descriptors()
    clients = []
    for i in range(PROCESSES):
        share = CONNECTIONS // PROCESSES
        command = [sys.executable, __file__, "--ask", str(d.folder), str(i * share), str((i + 1) * share)]
        clients.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    stop, begun = threading.Event(), time.monotonic()
    troubles = [Trouble(1, soak.swap_bundle, stop), Trouble(7, soak.hang_up, stop), Trouble(10, soak.rotate_keys, stop), Trouble(15, soak.stop_and_start_redis, stop)]
    for t in troubles:
        t.start()
    told = 0
    while time.monotonic() - begun < seconds and d.process.poll() is None and not any(t.error for t in troubles) and all(c.poll() is None for c in clients):
        soak.sample(begun)
        at, rss, descriptors = soak.samples[-1]
        if at - told >= 30:
            told = at
            print(f"{at:6.0f} s  resident {rss >> 10} KiB, {descriptors} descriptors, {', '.join(f'{t.count} {t.what.__name__}' for t in troubles)}", flush=True)
        time.sleep(min(5, seconds / 10))
    soak.sample(begun)
    stop.set()
    for t in troubles:
        t.join()
        wrong += [t.error] if t.error else []
    counts = []
    for c in clients:
        said, _ = c.communicate("")
        counts.append(json.loads(said) if said.strip() else {"count": 0, "malformed": 0, "errors": ["a client process died"]})
        wrong += counts[-1]["errors"]
    if not soak.redis.process:
        soak.redis.start()
    print(f"{sum(c['count'] for c in counts)} answers checked, {sum(c['malformed'] for c in counts)} malformed requests refused, {', '.join(f'{t.count} {t.what.__name__}' for t in troubles)}")
    if d.process.poll() is not None:
        return [*wrong, f"pold ended with {d.process.returncode}: {d.log()[-2000:]}"]
    wrong += judge_memory(soak.samples, seconds)
    with_clients = [n for at, _, n in soak.samples]
    print(f"descriptors: {idle} before the connections, {max(with_clients)} at most with them", end="")
    try:
        # one connection to the issuer may be kept, and one to Redis come back
        d.wait(lambda: soak.open_descriptors() <= idle + 2)
    except AssertionError:
        wrong.append(f"{soak.open_descriptors()} descriptors are open at the end, {idle} were before")
    print(f", {soak.open_descriptors()} at the end")
    same(d.health()["status"], "ok")
    failed = d.metric('bundle_failed_load_counter{name="main"}')
    return wrong + ([f"{failed} reloads were refused"] if failed else [])


def main():
    if sys.argv[1:2] == ["--ask"]:
        ask_all(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
        return 0
    seconds = float(sys.argv[1])
    registered = [OAuthRegistration("service", {"client_credentials"}, lifetime_s=86400), OAuthRegistration("opaque", {"client_credentials"}, opaque=True, lifetime_s=86400),
                  OAuthRegistration("api", introspects=True)]
    with contextlib.ExitStack() as stack:
        d = Daemon({"decision": "soak/decision", "decision_log": {"file": "decisions", "rotate": "16MiB", "keep": 1}}, data={"rev": 1}, modules={"soak.rego": POLICY})
        server = stack.enter_context(AuthorizationServer(d.folder / "as", clients=registered))
        redis = Redis(d.folder)
        stack.callback(redis.stop)
        redis.start()
        (d.folder / "api.secret").write_text(server.clients["api"].secret + "\n")
        (d.folder / "hash.key").write_bytes(secrets.token_bytes(32))
        (d.folder / "redis.password").write_text(PASSWORD + "\n")
        (d.folder / "keys.json").write_text(json.dumps(server.jwks()))
        asking = {"url": server.issuer + "/introspect", "client_id": "api", "secret_file": "api.secret", "ca": "as/ca.pem", "timeout": "30s", "cache": "2s", "cache_inactive": "2s"}
        issuer = {"issuer": server.issuer, "audiences": ["orders"], "jwks_file": "keys.json", "algorithms": ["ES256"], "introspection": asking}
        about = {"wait": "60s", "key_file": "hash.key", "redis": str(d.folder / "redis"), "redis_password_file": "redis.password", "redis_timeout": "500ms"}
        d.settings["identity"] = {"issuers": [issuer], "introspection": about}
        stack.enter_context(d)
        wrong = run(Soak(d, server, redis), seconds)
    print("\n".join(f"WRONG: {w}" for w in wrong[:20]) or "OK")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
