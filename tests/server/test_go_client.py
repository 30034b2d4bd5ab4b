#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Go client's own tests, against a pold."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

from daemon import Daemon, main, same

FOLDER = Path(__file__).resolve().parents[2] / "docs/clients/go"
POLICY = {"d.rego": 'package d\n\ndefault allow := false\n\nallow if input.subject.id == "alice"\n\nallow if input.request.path == "/open"\n'}


GRPC = {"d.rego": 'package d\n\ndefault allow := false\n\nallow if {\n\tinput.request.headers["x-user"] == "alice"\n\tstartswith(input.request.path, "/grpc.health.v1.Health/")\n}\n'}


def run_go(folder, modules, *get):
    go = shutil.which("go") or next((path for path in ["/usr/local/go/bin/go"] if os.access(path, os.X_OK)), None)
    if not go:
        print("skipped: go is not there")
        return
    with Daemon({"decision": "d/allow"}, data={}, modules=modules) as d:
        env = {**os.environ, "POLD_SOCKET": str(d.socket), "GOFLAGS": "-mod=mod"}
        if get and subprocess.run([go, *get], cwd=folder, capture_output=True, check=False, env=env, timeout=300).returncode != 0:
            print("skipped: what it needs cannot be had")
            return
        done = subprocess.run([go, "test", "-count=1", "./..."], cwd=folder, capture_output=True, text=True, check=False, env=env)
        same(done.returncode, 0, done.stdout + done.stderr)


def test_go():
    run_go(FOLDER, POLICY)


def test_grpc():
    run_go(FOLDER / "grpc", GRPC, "mod", "download")


if __name__ == "__main__":
    main(sys.modules[__name__])
