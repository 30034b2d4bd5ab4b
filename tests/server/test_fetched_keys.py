#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keys that the daemon fetches from an authorization server: by URL and by discovery, rotated and withdrawn under load, unknown ones, and a server that fails."""
import contextlib
import json
import secrets
import subprocess
import sys
import threading
import time

from authorization_server import AuthorizationServer
from daemon import EVALUATION, POLD, Daemon, main, same
from jwk import Key
from oauth_client import OAuthClient

POLICY = """package notes

schema resource note { owner: string }

scope "read" covers read on note

permit anyone to read on note as "service" if subject.type == "client"
"""
ASKED = {"action": {"name": "read"}, "resource": {"type": "note", "id": "1", "properties": {"owner": "bob"}}}
WAIT_S = 60


@contextlib.contextmanager
def serving(start=True, tune=None, **keys):
    """(daemon, authorization server); keys: the issuer's settings. The daemon's first keys are not waited for."""
    with Daemon({"decision": "polward/decision"}, data={}, modules={"notes.pol": POLICY}) as d:
        d.stop()
        with AuthorizationServer(d.folder / "as") as server:
            if tune:
                tune(server)
            keys = keys or {"jwks_url": server.issuer + "/jwks"}
            issuer = {"issuer": server.issuer, "audiences": ["orders"], "algorithms": ["ES256", "EdDSA"], "jwks_ca": "as/ca.pem", "jwks_refresh": "10m", **keys}
            d.settings["identity"] = {"issuers": [issuer], "introspection": {"wait": "60s"}}
            if start:
                d.start()
            try:
                yield d, server
            finally:
                server.gate.set()


def by_url(server, **more):
    return {"jwks_url": server.issuer + "/jwks", **more}


def token_of(server):
    return OAuthClient(server, "service").credentials()["access_token"]


def outcome(d, token):
    """True, or why not."""
    answer = d.ask("POST", EVALUATION, {**ASKED, "token": token})
    same(answer.status, 200, answer.body)
    answer = answer.json()
    return answer["decision"] or answer["context"].get("reason", answer)


def metric_of(d, name, server, more=""):
    return d.metric(f'{name}{{issuer="{server.issuer}"{more}}}')


def test_keys_by_url_and_by_discovery():
    for keys in (None, {"discovery": True}):
        with serving(**(keys or {})) as (d, server):
            same(outcome(d, token_of(server)), True, "the first request waits for the first keys")
            same(server.hits.get("/.well-known/oauth-authorization-server", 0), 1 if keys else 0)
            same((server.hits["/jwks"], metric_of(d, "polward_keys", server), metric_of(d, "polward_key_fetches_total", server, ',result="fetched"')), (1, 1, 1))


def test_discovery_falls_back_to_openid():
    def tune(server):
        server.instead["/.well-known/oauth-authorization-server"] = (404, "{}")

    with serving(tune=tune, discovery=True) as (d, server):
        same(outcome(d, token_of(server)), True)
        same(server.hits["/.well-known/openid-configuration"], 1)


def test_metadata_of_another_issuer_is_refused():
    def tune(server):
        for name in ("oauth-authorization-server", "openid-configuration"):
            metadata = {**server.metadata(), "issuer": server.issuer + "/"}
            server.instead["/.well-known/" + name] = (200, json.dumps(metadata))

    with serving(tune=tune, discovery=True) as (d, server):
        same(outcome(d, token_of(server)), "keys_unavailable")
        same(server.hits.get("/jwks", 0), 0)
        d.wait(lambda: "the metadata is of another issuer" in d.log())


def test_keys_rotate_under_load():
    """No valid token is refused while keys change; of a withdrawn key none counts once that is known."""
    with serving(start=False) as (d, server):
        d.settings["identity"]["issuers"][0].update(by_url(server, jwks_refresh="2s", jwks_early="100ms"))
        d.start()
        client = OAuthClient(server, "service")
        tokens, refused, n, stop = [client.credentials()["access_token"]], [], [0], threading.Event()

        def ask():
            with contextlib.closing(d.client()) as c:
                while not stop.is_set():
                    answer = c.evaluate({**ASKED, "token": tokens[-1]}).json()
                    n[0] += 1
                    if not answer["decision"]:
                        refused.append(answer)

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for alg in ("EdDSA", "ES256", "EdDSA", "ES256"):
                # between two keys more time than between two early refreshes
                time.sleep(0.2)
                server.rotate(alg)
                tokens.append(client.credentials()["access_token"])
                before = n[0]
                d.wait(lambda: n[0] > before + 50, WAIT_S)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        same(refused, [], f"of {n[0]} decisions")
        same([outcome(d, token) for token in tokens], [True] * 5)
        server.withdraw()
        d.wait(lambda: metric_of(d, "polward_keys", server) == 1, WAIT_S)
        same([outcome(d, token) for token in tokens * 2], (["token_key"] * 4 + [True]) * 2)


def test_unknown_keys_are_asked_for_once():
    with serving(start=False) as (d, server):
        d.settings["identity"]["issuers"][0].update(by_url(server, jwks_early="1h"))
        d.start()
        same(outcome(d, token_of(server)), True)
        claims = {"iss": server.issuer, "aud": "orders", "sub": "service", "exp": int(time.time()) + 600}
        for _ in range(20):
            same(outcome(d, Key("ES256", secrets.token_hex(4)).token(claims)), "token_key")
        same(server.hits["/jwks"], 2)


def test_all_who_miss_a_key_wait_for_one_answer():
    with serving(start=False) as (d, server):
        d.settings["identity"]["issuers"][0].update(by_url(server, jwks_early="1h"))
        d.start()
        same(outcome(d, token_of(server)), True)
        server.rotate()
        server.gate.clear()
        token, got = token_of(server), []
        threads = [threading.Thread(target=lambda: got.append(outcome(d, token))) for _ in range(8)]
        for thread in threads:
            thread.start()
        d.wait(lambda: d.metric("polward_parked_total") >= 8, WAIT_S)
        server.gate.set()
        for thread in threads:
            thread.join()
        same((got, server.hits["/jwks"]), ([True] * 8, 2))


def test_keys_outlive_their_server_for_a_while():
    with serving(start=False) as (d, server):
        d.settings["identity"]["issuers"][0].update(by_url(server, jwks_refresh="100ms", jwks_max_stale="5s"))
        d.start()
        token = token_of(server)
        same(outcome(d, token), True)
        d.wait(lambda: server.hits["/jwks"] >= 3, WAIT_S)
        server.instead["/jwks"] = (500, "{}")
        d.wait(lambda: metric_of(d, "polward_key_fetches_total", server, ',result="failed"') >= 2, WAIT_S)
        assert outcome(d, token) is True or "no longer count" in d.log()
        d.wait(lambda: outcome(d, token) == "keys_unavailable", WAIT_S)
        d.wait(lambda: "its JWKS was answered with status 500" in d.log() and "no longer count" in d.log())
        same(metric_of(d, "polward_keys", server), 0)
        del server.instead["/jwks"]
        d.wait(lambda: outcome(d, token) is True, WAIT_S)


def test_a_server_that_is_down_at_the_start():
    def tune(server):
        server.instead["/jwks"] = (503, "")

    with serving(tune=tune) as (d, server):
        token = token_of(server)
        same(outcome(d, token), "keys_unavailable")
        del server.instead["/jwks"]
        d.wait(lambda: outcome(d, token) is True, WAIT_S)


def test_what_is_no_set_of_keys_changes_nothing():
    with serving(start=False) as (d, server):
        d.settings["identity"]["issuers"][0].update(by_url(server, jwks_refresh="100ms", jwks_max_stale="10m"))
        d.start()
        token = token_of(server)
        same(outcome(d, token), True)
        public = server.keys[-1].public
        for text in ("", "[]", '{"keys": {}}', '{"keys": [], "keys": []}', json.dumps({"keys": [public, public]}), '{"keys": [' + "1," * 5000 + "1]}"):
            failed = metric_of(d, "polward_key_fetches_total", server, ',result="failed"')
            server.instead["/jwks"] = (200, text)
            d.wait(lambda: metric_of(d, "polward_key_fetches_total", server, ',result="failed"') > failed, WAIT_S)
            same(outcome(d, token), True, text[:40])
        # a set without keys, or of keys that anyone could have read, is one: its issuer has withdrawn all
        secret = Key("HS256", server.keys[-1].jwk["kid"], secret=b"s" * 32).jwk
        for text in ('{"keys": []}', json.dumps({"keys": [secret]})):
            server.instead["/jwks"] = (200, text)
            d.wait(lambda: outcome(d, token) == "token_key", WAIT_S)
            del server.instead["/jwks"]
            d.wait(lambda: outcome(d, token) is True, WAIT_S)


def test_keys_stay_when_the_bundle_changes():
    with serving() as (d, server):
        token = token_of(server)
        same(outcome(d, token), True)
        server.gate.clear()
        generation = d.metric("polward_world_generation")
        d.replace("r2")
        d.wait(lambda: d.metric("polward_world_generation") > generation, WAIT_S)
        same((outcome(d, token), server.hits["/jwks"]), (True, 1))


def test_other_settings_ask_anew():
    with serving() as (d, server):
        token = token_of(server)
        same(outcome(d, token), True)
        d.settings["identity"]["issuers"][0]["jwks_refresh"] = "9m"
        d.write_settings()
        generation = d.metric("polward_world_generation")
        d.signal(1)
        d.wait(lambda: d.metric("polward_world_generation") > generation, WAIT_S)
        same((outcome(d, token), server.hits["/jwks"]), (True, 2))


def test_no_keys_by_other_ways_than_these():
    with serving() as (d, server):
        d.stop()
        for keys, wanted in (({"jwks_url": "http://keys.example/jwks"}, "https"), ({"jwks_url": "ftp://127.0.0.1/jwks"}, "https"),
                             ({"jwks_url": None, "discovery": True, "issuer": "acme"}, "URL"), ({"discovery": True}, "one of jwks_file, jwks_url and discovery")):
            issuer = {**d.settings["identity"]["issuers"][0], **keys}
            settings = {**d.settings, "identity": {"issuers": [{k: v for k, v in issuer.items() if v is not None}]}}
            (d.folder / "other.yaml").write_text(json.dumps(settings))
            run = subprocess.run([POLD, "--check", "-c", str(d.folder / "other.yaml")], capture_output=True, text=True, timeout=60)
            assert run.returncode == 1 and wanted in run.stderr, (keys, run.stderr)


main(sys.modules[__name__])
