#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A bundle that is fetched: taken up when it changes, kept for starts without a network, never replaced by what does not verify, and whole on the disk whenever the daemon is killed.
POLWARD_KILLS says how many times it is, default 10."""
import contextlib
import os
import random
import subprocess
import sys
import time

from bundle_server import BundleServer
from credentials import openssl
from daemon import EVALUATION, POL, POLD, Daemon, build, main, same
from exposition import read, value_of

KILLS = int(os.environ.get("POLWARD_KILLS", "10"))
WAIT_S = 60


def made(folder, revision, size=0):
    """The bytes of a bundle whose p/revision is revision, with some data."""
    build(folder, folder / "made.polb", revision, {"filler": [f"{revision}-{i}" for i in range(size)]}, {"p.rego": f'package p\n\nrevision := "{revision}"\n\nallow := true\n'})
    return (folder / "made.polb").read_bytes()


@contextlib.contextmanager
def sourced(start=True, server=None, **settings):
    """(daemon, server): the daemon has no bundle but what it fetches."""
    with BundleServer() if server is None else contextlib.nullcontext(server) as s:
        d = Daemon({"bundle": {"path": "kept/b.polb", "url": s.url, "interval": "200ms", **settings}, "decision": "p/allow"}, folder_bundle=True)
        (d.folder / "kept").mkdir()
        s.put(made(d.folder, "r1"))
        if start:
            with d:
                yield d, s
            return
        try:
            yield d, s
        finally:
            d.place.cleanup()


def revision(d):
    return d.ask("POST", "/v1/data/p/revision", {}).json().get("result")


def test_a_bundle_is_fetched_and_another_taken_up():
    with sourced() as (d, s):
        same(revision(d), "r1")
        s.put(made(d.folder, "r2"))
        d.wait(lambda: revision(d) == "r2", WAIT_S)
        d.wait(lambda: s.answers[-1] == 304, WAIT_S)
        same((d.folder / "kept/b.polb").read_bytes(), s.bundle)
        page = read(d.ask("GET", "/metrics").body.decode())
        download, answer, request = [value_of(page, name, name="main") for name in ("last_success_bundle_download", "last_success_bundle_request", "last_bundle_request")]
        assert 0 < download <= answer and abs(request / 1e9 - time.time()) < 600
        same(d.health()["source"]["failures"], 0)


def test_long_polling_hears_of_a_change_at_once():
    with sourced(interval="10m", long_poll="60s") as (d, s):
        d.wait(lambda: any("wait=60" in asked.get("Prefer", "") for asked in s.asked), WAIT_S)
        for i in range(2, 6):
            s.put(made(d.folder, f"r{i}"))
            d.wait(lambda i=i: revision(d) == f"r{i}", WAIT_S)
        assert len(s.asked) < 20, len(s.asked)


def test_a_server_that_does_not_hold_questions_is_not_flooded():
    with sourced(interval="10m", long_poll="1s") as (d, s):
        s.etag = lambda: '"always"'
        d.wait(lambda: len(s.asked) >= 3, WAIT_S)
        begun, n = time.monotonic(), len(s.asked)
        d.wait(lambda: len(s.asked) >= n + 3, WAIT_S)
        assert time.monotonic() - begun > 1


def test_a_start_without_a_network():
    with sourced(start=False) as (d, s):
        d.start()
        same(revision(d), "r1")
        d.stop()
        d.log_file.close()
        s.status = 503
        d.start()
        try:
            same(revision(d), "r1")
            d.wait(lambda: d.health()["source"]["failures"] > 1, WAIT_S)
            assert "503" in d.health()["source"]["error"]
        finally:
            d.stop()


def test_the_first_bundle_is_waited_for():
    with sourced(start=False, first_wait="60s") as (d, s):
        good, s.bundle = s.bundle, None
        d.write_settings()
        d.log_file = open(d.folder / "log", "ab")
        d.process = subprocess.Popen([POLD, "-c", str(d.folder / "pold.yaml")], stderr=d.log_file)
        d.wait(lambda: len(s.asked) >= 2, WAIT_S)
        assert not d.can_connect()
        s.put(good)
        d.wait(d.can_connect, WAIT_S)
        same(revision(d), "r1")
        d.stop()
        d.log_file.close()


def test_a_start_without_any_bundle_says_why():
    with sourced(start=False, first_wait="3s") as (d, s):
        s.status = 403
        d.write_settings()
        run = subprocess.run([POLD, "-c", str(d.folder / "pold.yaml")], capture_output=True, text=True, timeout=60)
        same(run.returncode, 1)
        assert "bundle.first_wait" in run.stderr and "the server answered 403" in run.stderr, run.stderr


def test_what_does_not_verify_changes_nothing():
    with sourced() as (d, s):
        good = s.bundle
        for bad in (b"", b"no bundle", good[:-9], good[:200] + b"x" + good[201:], good + b"x"):
            n = len(s.answers)
            s.put(bad)
            d.wait(lambda n=n: len(s.answers) >= n + 3 and d.health()["source"]["failures"] > 0, WAIT_S)
            same((revision(d), (d.folder / "kept/b.polb").read_bytes() == good), ("r1", True))
        s.put(made(d.folder, "r2"))
        d.wait(lambda: revision(d) == "r2", WAIT_S)
        same(d.health()["source"], {"failures": 0, "answered": d.health()["source"]["answered"]})


def test_only_signed_bundles_are_kept():
    with sourced(start=False, public_keys=["kept/key.pem"]) as (d, s):
        openssl("genpkey", "-algorithm", "ed25519", "-out", d.folder / "signer.key")
        (d.folder / "kept/key.pem").write_bytes(openssl("pkey", "-in", d.folder / "signer.key", "-pubout"))
        unsigned = s.bundle
        (d.folder / "signed.polb").write_bytes(unsigned)
        subprocess.run([POL, "sign", "--signing-key", str(d.folder / "signer.key"), "-o", str(d.folder / "out.polb"), str(d.folder / "signed.polb")], check=True, capture_output=True)
        s.put((d.folder / "out.polb").read_bytes())
        with d:
            same(revision(d), "r1")
            s.put(made(d.folder, "r2"))
            d.wait(lambda: d.health()["source"]["failures"] > 1, WAIT_S)
            same(revision(d), "r1")
            same((d.folder / "kept/b.polb").read_bytes(), (d.folder / "out.polb").read_bytes())


def test_an_older_revision_is_refused_where_that_is_set():
    with sourced(refuse_older="true") as (d, s):
        for new, expected in (("r9", "r9"), ("r10", "r10"), ("r9", "r10"), ("", "r10"), ("r010-1", "r010-1"), ("r11", "r11")):
            failures = d.health()["source"]["failures"]
            same(failures, 0)
            s.put(made(d.folder, new))
            d.wait(lambda expected=expected: revision(d) == expected, WAIT_S)
            if new == expected:
                continue
            d.wait(lambda: "is older than" in d.health()["source"].get("error", ""), WAIT_S)
            same(revision(d), expected)
            s.put((d.folder / "kept/b.polb").read_bytes())
            d.wait(lambda: d.health()["source"]["failures"] == 0, WAIT_S)


def test_the_token_is_shown_and_told_to_nobody():
    with sourced(start=False, token_file="token") as (d, s):
        (d.folder / "token").write_text("very-secret-token\n")
        with d:
            same(revision(d), "r1")
            assert all(asked["Authorization"] == "Bearer very-secret-token" for asked in s.asked)
            s.status = 500
            d.wait(lambda: d.health()["source"]["failures"] > 1, WAIT_S)
            told = d.log() + d.ask("GET", "/health").body.decode() + d.ask("GET", "/metrics").body.decode()
            assert "very-secret-token" not in told


def test_no_decision_is_lost_while_the_server_fails():
    with sourced() as (d, s):
        chance = random.Random(1)
        with contextlib.closing(d.client()) as c:
            for i in range(300):
                if i % 20 == 0:
                    s.status, s.cut = chance.choice([(None, None), (500, None), (None, 100), (404, None)])
                same(c.ask("POST", EVALUATION, {"subject": {"type": "u", "id": "a"}, "action": {"name": "r"}, "resource": {"type": "n", "id": "1"}}).json()["decision"], True)


def test_killed_at_any_moment_it_starts_with_a_whole_bundle():
    """The file is the old bundle or the new one, whenever the daemon is killed while it downloads and keeps it."""
    chance = random.Random(7)
    with sourced(start=False, interval="100ms") as (d, s):
        bundles = [made(d.folder, f"r{i}", 20000) for i in range(3)]
        s.put(bundles[0])
        d.settings["socket"] = {"path": "s"}
        d.start()
        same(revision(d), "r0")
        for i in range(KILLS):
            s.put(bundles[(i + 1) % 3])
            time.sleep(chance.random() * 0.15)
            d.process.kill()
            d.process.wait()
            kept = (d.folder / "kept/b.polb").read_bytes()
            assert kept in bundles, f"after kill {i}: {len(kept)} bytes"
            d.log_file.close()
            d.start()
            assert revision(d) in ("r0", "r1", "r2")
        d.stop()
        d.log_file.close()


main(sys.modules[__name__])
