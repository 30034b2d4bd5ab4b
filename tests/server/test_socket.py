#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The unix socket's file: mode, group, stale and foreign ones, removal; a socket handed over by the service manager."""
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time

from daemon import POLD, Daemon, main, same


def test_mode_and_group():
    groups = [g for g in os.getgroups() if g != os.getgid()] or ([12345] if os.getuid() == 0 else [os.getgid()])
    for mode in ["0660", "0600", "0666"]:
        with Daemon({"socket": {"mode": mode, "group": str(groups[0])}}) as d:
            st = os.stat(d.socket)
            same((oct(stat.S_IMODE(st.st_mode)), st.st_gid), (oct(int(mode, 8)), groups[0]))


def test_an_unknown_group_is_an_error():
    with Daemon() as d:
        d.stop()
        d.settings["socket"]["group"] = "no-such-group"
        try:
            d.start()
        except AssertionError as e:
            assert "socket.group: there is no group no-such-group" in str(e), e
        else:
            raise AssertionError("it started")


def test_the_file_goes_with_the_daemon():
    with Daemon() as d:
        assert d.socket.exists()
        d.stop()
        assert not d.socket.exists()


def test_a_stale_file_is_replaced():
    with Daemon() as d:
        d.process.kill()
        d.process.wait()
        assert d.socket.exists()
        d.start()
        same(d.ask("GET", "/health/live").status, 200)


def refusal_of_second(d):
    done = subprocess.run([POLD, "-c", str(d.folder / "pold.yaml")], capture_output=True, text=True, timeout=20, check=False)
    same(done.returncode, 1)
    return done.stderr


def test_a_living_one_is_not_taken_over():
    with Daemon() as d:
        assert "another process listens on this socket" in refusal_of_second(d)
        same(d.ask("GET", "/health/live").status, 200)


def test_a_file_that_is_no_socket_is_left_alone():
    with Daemon() as d:
        d.stop()
        d.socket.write_text("precious")
        assert "is there already and is no socket" in refusal_of_second(d)
        same(d.socket.read_text(), "precious")


def test_a_file_that_another_made_since_is_left_alone():
    with Daemon() as d:
        d.socket.unlink()
        d.socket.write_text("another's")
        d.stop()
        same(d.socket.read_text(), "another's")


def test_a_socket_handed_over():
    with Daemon() as d:
        d.stop()
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(d.socket))
        listener.listen(8)
        d.start([("pold.socket", listener)])
        same(d.ask("GET", "/health/live").status, 200)
        d.stop()
        assert d.socket.exists(), "the file is the manager's"


def test_ready_and_stopping_are_notified():
    with Daemon() as d:
        d.stop()
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        manager.bind(str(d.folder / "notify"))
        manager.settimeout(60)
        d.start(env={**os.environ, "NOTIFY_SOCKET": str(d.folder / "notify")})
        same(manager.recv(200).split(b"\n")[0], b"READY=1")
        d.signal(signal.SIGHUP)
        reloading = manager.recv(200).split(b"\n")
        same(reloading[0], b"RELOADING=1")
        assert re.fullmatch(rb"MONOTONIC_USEC=\d+", reloading[1]) and int(reloading[1][15:]) <= time.monotonic_ns() // 1000
        same(manager.recv(200), b"READY=1\nSTATUS=serving")
        (d.folder / "pold.yaml").write_text("no: such setting")
        d.signal(signal.SIGHUP)
        same(manager.recv(200).split(b"\n")[0], b"RELOADING=1")
        same(manager.recv(200), b"READY=1\nSTATUS=serving what was before a refused reload")
        d.stop()
        same(manager.recv(200).split(b"\n")[0], b"STOPPING=1")


def test_the_watchdog_is_told_while_all_workers_have_turns():
    with Daemon() as d:
        d.stop()
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        manager.bind(str(d.folder / "notify"))
        manager.settimeout(60)
        d.start(env={**os.environ, "NOTIFY_SOCKET": str(d.folder / "notify"), "WATCHDOG_USEC": "3000000"})
        same(manager.recv(200).split(b"\n")[0], b"READY=1")
        for _ in range(3):
            same(manager.recv(200), b"WATCHDOG=1")


def test_a_socket_for_operators():
    with Daemon({"admin": {"path": "admin", "mode": "0600"}}) as d:
        admin = d.folder / "admin"
        same(stat.S_IMODE(admin.stat().st_mode), 0o600)
        paths = {"/metrics": "admin", "/v1/status": "admin", "/v1/config": "admin", "/v1/policies": "admin", "/v1/data/answer": "usual", "/health": "both", "/health/live": "both", "/health/ready": "both"}
        for path, where in paths.items():
            same(d.ask("GET", path).status, 404 if where == "admin" else 200, path)
            same(d.client(admin).ask("GET", path).status, 404 if where == "usual" else 200, path)
        same(d.client(admin).evaluate().status, 404)
        same(d.client().evaluate().json()["decision"], True)
        d.stop()
        assert not admin.exists() and not d.socket.exists()


def test_operators_socket_handed_over():
    with Daemon({"admin": {"path": "admin"}}) as d:
        d.stop()
        listeners = []
        for name in ("handed-admin", "handed"):
            listeners.append(socket.socket(socket.AF_UNIX))
            listeners[-1].bind(str(d.folder / name))
            listeners[-1].listen(8)
        d.socket = d.folder / "handed"
        d.start([("admin", listeners[0]), ("pold", listeners[1])])
        same(d.ask("GET", "/metrics").status, 404)
        same(d.client(d.folder / "handed-admin").ask("GET", "/metrics").status, 200)
        same(d.client().evaluate().json()["decision"], True)
        assert not (d.folder / "admin").exists()


main(sys.modules[__name__])
