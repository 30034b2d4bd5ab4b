# SPDX-License-Identifier: Apache-2.0
"""A real Redis for tests."""
import os
import secrets
import signal
import subprocess
import time

PASSWORD = secrets.token_urlsafe(24)


class Redis:
    """A redis-server on a unix socket in folder."""

    def __init__(self, folder):
        self.folder, self.process = folder, None

    def start(self):
        arguments = ["--port", "0", "--unixsocket", str(self.folder / "redis"), "--save", "", "--appendonly", "no", "--requirepass", PASSWORD, "--dir", str(self.folder),
                     "--enable-debug-command", "local"]
        self.process = subprocess.Popen(["redis-server", *arguments], stdout=subprocess.DEVNULL)
        until = time.monotonic() + 30
        while self.call("PING", check=False) != b"PONG":
            assert time.monotonic() < until, "redis-server does not answer"
            time.sleep(0.01)

    def call(self, *words, check=True, text=None):
        run = subprocess.run(["redis-cli", "-s", str(self.folder / "redis"), *words], input=text, env={**os.environ, "REDISCLI_AUTH": PASSWORD}, capture_output=True, timeout=60)
        assert not check or run.returncode == 0, run.stderr
        return run.stdout.rstrip(b"\n")

    def keys(self):
        return sorted(line for line in self.call("KEYS", "*").split(b"\n") if line)

    def get(self, key):
        return self.call("GET", key)

    def put(self, key, value, *more):
        self.call("-x", "SET", key, text=value)
        if more:
            self.call(*more)

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
        self.process = None
