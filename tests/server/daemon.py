# SPDX-License-Identifier: Apache-2.0
"""A real pold in a folder of its own, raw HTTP over its socket, and the small runner that the end-to-end tests share.

POLWARD_BUILD names the build folder (default build/release); pol and pold are in its bin/.
"""
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

BUILD = Path(os.environ.get("POLWARD_BUILD", "build/release")).resolve()
POLD = str(BUILD / "bin/pold")
POL = str(BUILD / "bin/pol")
EVALUATION = "/access/v1/evaluation"
ASKING = {
    "subject": {"type": "user", "id": "alice"},
    "action": {"name": "read"},
    "resource": {"type": "record", "id": "record-1"},
}
ALLOW = {"answer": {"allow": True, "effect": "permit", "rules": ["a.b"], "reasons": [], "context": []}}


def build(folder, out, revision="r1", data=None, modules=None):
    """Compiles data and modules ({name: text}) to the bundle `out`, by rename."""
    with tempfile.TemporaryDirectory(dir=folder) as work:
        work = Path(work)
        for name, text in (modules or {}).items():
            (work / name).write_text(text, encoding="utf-8")
        (work / "data.json").write_text(json.dumps(data or {}), encoding="utf-8")
        names = sorted(str(p) for p in work.iterdir())
        subprocess.run([POL, "build", "--revision", revision, "-o", str(work / "made"), *names], check=True, stdout=subprocess.DEVNULL)
        os.rename(work / "made", out)


class Response:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class Client:
    """One connection; what was read too far is kept for the next answer."""

    def __init__(self, sock):
        self.sock, self.rest = sock, b""

    def send(self, data):
        self.sock.sendall(data)

    def read(self, no_body=False):
        """The next answer; None when the connection ended before one."""
        while b"\r\n\r\n" not in self.rest:
            more = self.receive()
            if not more:
                assert not self.rest, f"the connection ended within a head: {self.rest!r}"
                return None
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, value = line.split(": ", 1)
            headers[name.lower()] = value
        status = int(lines[0].split(" ")[1])
        n = 0 if no_body or status == 100 else int(headers["content-length"])
        while len(self.rest) < n:
            assert self.receive(), "the connection ended within a body"
        body, self.rest = self.rest[:n], self.rest[n:]
        return Response(status, headers, body)

    def receive(self):
        try:
            more = self.sock.recv(65536)
        except ConnectionResetError:
            more = b""
        self.rest += more
        return more

    def ask(self, method, path, body=None, headers=None):
        self.send(request(method, path, body, headers))
        return self.read(no_body=method == "HEAD")

    def evaluate(self, body=None):
        return self.ask("POST", EVALUATION, ASKING if body is None else body)

    def ended(self):
        return not self.rest and not self.receive()

    def close(self):
        self.sock.close()


def request(method, path, body=None, headers=None):
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: pold"]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
        if not headers or "Content-Type" not in headers:
            lines.append("Content-Type: application/json")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


class Daemon:
    """with Daemon(data=...) as d: a pold that serves data and modules; settings are laid over the usual ones."""

    def __init__(self, settings=None, data=None, modules=None, folder_bundle=False):
        self.place = tempfile.TemporaryDirectory(prefix="pold-")
        self.folder = Path(self.place.name)
        self.socket = self.folder / "s"
        self.bundle = self.folder / "b.polb"
        self.data, self.modules = data if data is not None else ALLOW, modules
        self.settings = {"bundle": {"path": "b.polb"}, "socket": {"path": "s"}, "decision": "answer", "workers": 2}
        for key, value in (settings or {}).items():
            self.settings[key] = {**self.settings.get(key, {}), **value} if isinstance(value, dict) else value
        self.folder_bundle = folder_bundle
        self.process, self.sockets = None, ()
        self.clients = []

    def write_settings(self):
        # JSON is YAML
        (self.folder / "pold.yaml").write_text(json.dumps(self.settings, indent=1), encoding="utf-8")

    def __enter__(self):
        if not self.folder_bundle:
            self.replace()
        self.start()
        return self

    def start(self, sockets=(), **options):
        """sockets: (name, listening socket) of those that are handed over, as systemd does; else those of self.sockets."""
        sockets = sockets or self.sockets
        self.write_settings()
        self.log_file = open(self.folder / "log", "ab")
        command = [POLD, "-c", str(self.folder / "pold.yaml")]
        if sockets:
            # to high numbers first: 3 and on may be one of them
            code = (
                "import os,sys\n"
                f"high = [os.dup2(fd, 200 + i) for i, fd in enumerate({[s.fileno() for _, s in sockets]})]\n"
                "for i, fd in enumerate(high): os.dup2(fd, 3 + i)\n"
                f"os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='{len(sockets)}', LISTEN_FDNAMES='{':'.join(n for n, _ in sockets)}')\n"
                "os.execv(sys.argv[1], sys.argv[1:])\n"
            )
            command = [sys.executable, "-c", code, *command]
            options["pass_fds"] = [s.fileno() for _, s in sockets]
        self.process = subprocess.Popen(command, stderr=self.log_file, **options)
        self.wait(lambda: self.can_connect() or self.process.poll() is not None)
        if self.process.poll() is not None:
            raise AssertionError("pold did not start: " + self.log())

    def can_connect(self):
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(str(self.socket))
                return True
            except OSError:
                return False

    def wait(self, condition, seconds=60):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if condition():
                return
            time.sleep(0.005)
        raise AssertionError("waited in vain; the log: " + self.log())

    def replace(self, revision="r1", data=None, modules=None, out=None):
        build(self.folder, out or self.bundle, revision, data if data is not None else self.data, modules or self.modules)

    def client(self, path=None):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(60)
        s.connect(str(path or self.socket))
        self.clients.append(Client(s))
        return self.clients[-1]

    def ask(self, method, path, body=None, headers=None):
        with contextlib.closing(self.client()) as c:
            return c.ask(method, path, body, headers)

    def health(self):
        return self.ask("GET", "/health").json()

    def metric(self, name):
        for line in self.ask("GET", "/metrics").body.decode().splitlines():
            if line.startswith(name + " "):
                return float(line.rsplit(" ", 1)[1])
        raise AssertionError(f"no metric {name}")

    def log(self):
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def log_lines(self):
        return [json.loads(line) for line in self.log().splitlines()]

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        self.signal(signal.SIGTERM)
        code = self.process.wait(30)
        log = self.log()
        assert "Sanitizer" not in log and "runtime error" not in log, log
        assert code == 0, f"pold ended with {code}: {log}"

    def __exit__(self, kind, value, trace):
        for c in self.clients:
            c.close()
        try:
            if self.process and self.process.poll() is None:
                self.stop()
        finally:
            if self.process and self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.log_file.close()
            self.place.cleanup()


def same(got, wanted, what=""):
    assert got == wanted, f"{what}: got {got!r}, wanted {wanted!r}"


def main(module):
    """Runs the module's test_ functions and counts."""
    passed = failed = 0
    for name, test in list(vars(module).items()):
        if not name.startswith("test_") or not callable(test):
            continue
        try:
            test()
            passed += 1
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print(f"FAILED {name}: {test.__doc__ or ''}")
            traceback.print_exc(file=sys.stdout)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
