#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bundles, keys and settings taken up while pold serves; what is damaged changes nothing but health, metrics and log."""
import os
import shutil
import signal
import sys

from daemon import Daemon, main, same


def value(d):
    return d.ask("GET", "/v1/data/n").json().get("result")


def test_a_renamed_file_is_taken_up():
    with Daemon(data={"n": 1}) as d:
        for n in range(2, 12):
            d.replace(f"r{n}", {"n": n})
            d.wait(lambda n=n: value(d) == n)
        health = d.health()
        same((health["status"], health["bundle"]["revision"]), ("ok", "r11"))
        assert health["generation"] >= 11
        d.wait(lambda: d.log_lines()[-1].get("revision") == "r11")


def test_a_connection_sees_the_new_world():
    with Daemon(data={"n": 1}) as d:
        c = d.client()
        same(c.ask("GET", "/v1/data/n").json()["result"], 1)
        d.replace("r2", {"n": 2})
        d.wait(lambda: c.ask("GET", "/v1/data/n").json()["result"] == 2)


def test_a_damaged_file_changes_nothing_but_health_metrics_and_log():
    with Daemon(data={"n": 1}) as d:
        good = d.bundle.read_bytes()
        for damaged in [b"", b"nonsense", good[: len(good) // 2], good[:-1], good[:40] + b"\xff" + good[41:]]:
            before = d.metric('bundle_failed_load_counter{name="main"}')
            (d.folder / "new").write_bytes(damaged)
            os.rename(d.folder / "new", d.bundle)
            d.wait(lambda: d.metric('bundle_failed_load_counter{name="main"}') > before)
            same(value(d), 1)
            health = d.health()
            same((health["status"], health["generation"]), ("reload-failing", 1))
            assert health["reload"]["error"], health
            same(d.metric("polward_reload_failing"), 1)
            d.wait(lambda: d.log_lines()[-1]["level"] == "error")
            same(d.ask("GET", "/health").status, 200)
        d.replace("r2", {"n": 2})
        d.wait(lambda: d.health()["status"] == "ok")
        same(value(d), 2)
        assert "reload" not in d.health()
        same(d.metric("polward_reload_failing"), 0)


def test_an_older_revision_is_refused_where_that_is_set():
    with Daemon({"bundle": {"refuse_older": "true"}}, data={"n": 1}) as d:
        d.replace("r2026-9", {"n": 2})
        d.wait(lambda: value(d) == 2)
        d.replace("r2026-10", {"n": 3})
        d.wait(lambda: value(d) == 3)
        d.replace("r2026-09", {"n": 4})
        d.wait(lambda: "is older than" in d.health().get("reload", {}).get("error", ""))
        same((value(d), d.health()["bundle"]["revision"]), (3, "r2026-10"))
        d.replace("r2026-11", {"n": 5})
        d.wait(lambda: d.health()["status"] == "ok" and value(d) == 5)


def test_a_removed_file_changes_nothing():
    with Daemon(data={"n": 1}) as d:
        d.bundle.unlink()
        d.wait(lambda: d.health()["status"] == "reload-failing")
        same(value(d), 1)
        d.replace("r2", {"n": 2})
        d.wait(lambda: value(d) == 2)


def test_a_folder_of_bundles():
    d = Daemon({"bundle": {"path": "bundles"}}, folder_bundle=True)
    folder = d.folder / "bundles"
    folder.mkdir()
    d.replace("a", {"n": 1}, out=folder / "a.polb")
    with d:
        same(value(d), 1)
        d.replace("b", {"n": 2}, out=folder / "b.polb")
        os.utime(folder / "b.polb", (2_000_000_000, 2_000_000_000))
        d.wait(lambda: value(d) == 2)
        same(d.health()["bundle"]["revision"], "b")
        (folder / "c.txt").write_text("no bundle")
        (folder / ".d.polb").write_text("hidden")
        d.replace("e", {"n": 3}, out=folder / "e.polb")
        os.utime(folder / "e.polb", (1, 1))
        d.wait(lambda: d.metric("polward_world_generation") >= 3)
        same(value(d), 2, "e is older")
        (folder / "b.polb").unlink()
        (folder / "a.polb").unlink()
        d.wait(lambda: value(d) == 3)


def test_a_symbolic_link_turned_elsewhere():
    """As configuration volumes are replaced: a folder's link is renamed over the old one."""
    d = Daemon({"bundle": {"path": "current/b.polb"}}, folder_bundle=True)
    for n in (1, 2):
        (d.folder / f"v{n}").mkdir()
        d.replace(f"v{n}", {"n": n}, out=d.folder / f"v{n}/b.polb")
    os.symlink("v1", d.folder / "current")
    with d:
        same(value(d), 1)
        os.symlink("v2", d.folder / "next")
        os.rename(d.folder / "next", d.folder / "current")
        d.wait(lambda: value(d) == 2)


def test_writing_over_a_served_file_changes_no_decision():
    for mode, copy in [(0o666, False), (0o600, False), (0o600, True)]:
        write_over_served(mode, copy)


def write_over_served(mode, copy, n_filler=2000):
    filler = [f"{i:0100d}" for i in range(n_filler)]
    with Daemon({"bundle": {"copy": copy}}, data={"n": 1, "filler": filler}) as d:
        os.chmod(d.bundle, mode)
        d.signal(signal.SIGHUP)
        d.wait(lambda: d.metric("polward_world_generation") >= 2)
        failures = d.metric('bundle_failed_load_counter{name="main"}')
        c = d.client()
        for damage in ["overwrite", "truncate"]:
            size = d.bundle.stat().st_size
            with open(d.bundle, "r+b") as f:
                if damage == "overwrite":
                    f.write(b"\xff" * size)
                else:
                    f.truncate(10)
                f.flush()
                for i in range(0, n_filler, n_filler // 50):
                    same(c.ask("GET", "/v1/data/n").json()["result"], 1)
                    same(c.ask("GET", f"/v1/data/filler/{i}").json()["result"], filler[i])
            d.wait(lambda: d.metric('bundle_failed_load_counter{name="main"}') > failures)
            failures = d.metric('bundle_failed_load_counter{name="main"}')
            same(value(d), 1)
        return size


def test_a_large_file_that_others_can_write_cannot_change_a_served_decision():
    """Above 16 MiB only such a file is copied."""
    assert write_over_served(0o666, False, 160_000) > 16 << 20


def test_hup_takes_up_settings():
    with Daemon(data={"n": 1, "m": True, "answer": {"allow": False}}) as d:
        same(d.client().evaluate().json()["decision"], False)
        d.settings["decision"] = "m"
        d.write_settings()
        d.signal(signal.SIGHUP)
        d.wait(lambda: d.client().evaluate().json()["decision"] is True)


def test_hup_with_wrong_settings_changes_nothing():
    with Daemon(data={"n": 1}) as d:
        d.settings["decison"] = "m"
        d.write_settings()
        d.signal(signal.SIGHUP)
        d.wait(lambda: d.health()["status"] == "reload-failing")
        assert "did you mean" in d.health()["reload"]["error"], d.health()
        same(d.metric("polward_world_generation"), 1)
        same(value(d), 1)
        del d.settings["decison"]
        d.settings["workers"] = 3
        d.write_settings()
        d.signal(signal.SIGHUP)
        d.wait(lambda: d.health()["status"] == "ok")
        d.wait(lambda: any(line["msg"] == "a changed setting needs a restart" and line["key"] == "workers" for line in d.log_lines()))
        same(d.metric("polward_workers"), 2)


def test_without_watching_only_hup_counts():
    with Daemon({"bundle": {"watch": False}}, data={"n": 1}) as d:
        d.replace("r2", {"n": 2})
        shutil.copy(d.bundle, d.folder / "other")
        for _ in range(30):
            same(value(d), 1)
        d.signal(signal.SIGHUP)
        d.wait(lambda: value(d) == 2)


def test_a_damaged_bundle_at_the_start_is_an_error():
    d = Daemon()
    d.bundle.write_bytes(b"nonsense")
    d.folder_bundle = True
    try:
        with d:
            raise RuntimeError("it started")
    except AssertionError as e:
        assert "b.polb" in str(e) or "bundle" in str(e), e


main(sys.modules[__name__])
