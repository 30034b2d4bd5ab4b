#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The unix socket's file: mode, group, stale and foreign ones, removal; a socket handed over by the service manager."""
import os
import socket
import stat
import subprocess
import sys

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
        code = (
            "import os,sys\n"
            f"os.dup2({listener.fileno()}, 3)\n"
            "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1')\n"
            "os.execv(sys.argv[1], sys.argv[1:])\n"
        )
        d.process = subprocess.Popen(
            [sys.executable, "-c", code, POLD, "-c", str(d.folder / "pold.yaml")], stderr=d.log_file, pass_fds=[listener.fileno()]
        )
        same(d.ask("GET", "/health/live").status, 200)
        d.stop()
        assert d.socket.exists(), "the file is the manager's"


def test_ready_and_stopping_are_notified():
    with Daemon() as d:
        d.stop()
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        manager.bind(str(d.folder / "notify"))
        manager.settimeout(10)
        d.start(env={**os.environ, "NOTIFY_SOCKET": str(d.folder / "notify")})
        same(manager.recv(200).split(b"\n")[0], b"READY=1")
        d.stop()
        same(manager.recv(200).split(b"\n")[0], b"STOPPING=1")


main(sys.modules[__name__])
