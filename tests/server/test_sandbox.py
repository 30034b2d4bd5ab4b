#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a running daemon has given up. What that refuses is in unit/test_sandbox.c; that serving does not need it, in every other test here."""
import os
import re
import sys
import tempfile
from pathlib import Path

from daemon import Daemon, main, same


def threads(d):
    """/proc's status of each thread, as a dictionary."""
    for status in Path(f"/proc/{d.process.pid}/task").glob("*/status"):
        yield dict(re.findall(r"^(\w+):\s*(.*)$", status.read_text(), re.M))


def test_every_thread_is_filtered():
    with Daemon({"decision_log": {"file": "log.json"}}) as d:
        same(d.client().evaluate().status, 200)
        found = [(t["Seccomp"], t["NoNewPrivs"]) for t in threads(d)]
        assert len(found) >= 5, found
        same(set(found), {("2", "1")})


def test_it_can_be_left_out():
    with Daemon({"sandbox": {"seccomp": False, "landlock": False}}) as d:
        same(d.client().evaluate().status, 200)
        same({(t["Seccomp"], t["NoNewPrivs"]) for t in threads(d)}, {("0", "1")})


def reload_to(d, folder):
    """Has the daemon take up a bundle in folder; whether it did."""
    d.replace("elsewhere", out=Path(folder) / "b.polb")
    d.settings["bundle"] = {"path": str(Path(folder) / "b.polb")}
    d.write_settings()
    d.signal(1)
    d.wait(lambda: d.health()["status"] != "ok" or d.health()["bundle"]["revision"] == "elsewhere")
    return d.health()


def test_a_reload_opens_no_other_folder():
    with tempfile.TemporaryDirectory() as elsewhere, Daemon() as d:
        if "no Landlock" in d.log():
            print("skipped: this kernel has no Landlock")
            return
        health = reload_to(d, elsewhere)
        same((health["status"], health["bundle"]["revision"]), ("reload-failing", "r1"))
        assert "Permission denied" in health["reload"]["error"], health


def test_a_reload_opens_a_folder_that_was_named():
    with tempfile.TemporaryDirectory() as elsewhere, Daemon({"sandbox": {"folders": [elsewhere]}}) as d:
        same(reload_to(d, elsewhere)["status"], "ok")


def test_root_becomes_the_user():
    if os.geteuid() != 0:
        print("skipped: only root can become another user")
        return
    with Daemon({"decision_log": {"file": "log.json"}}) as d:
        d.stop()
        (d.folder / "log.json").unlink()
        os.chown(d.folder, 65534, 65534)
        d.settings["user"] = "nobody"
        d.start()
        same(d.client().evaluate().status, 200)
        same({t["Uid"].split()[0] + " " + t["Gid"].split()[1] for t in threads(d)}, {"65534 65534"})
        for kind in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"):
            same({int(t[kind], 16) for t in threads(d)}, {0}, kind)
        d.replace("r2")
        d.wait(lambda: d.health()["bundle"]["revision"] == "r2")
        same(d.client().evaluate().status, 200)
        d.stop()
        assert not d.socket.exists()
        assert (d.folder / "log.json").read_text()


main(sys.modules[__name__])
