#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Opaque tokens: asked of an authorization server once, known until they end, and never a worker that waits."""
import contextlib
import hashlib
import json
import signal
import socket
import ssl
import subprocess
import sys
import time

from authorization_server import Client, usual_clients
from daemon import EVALUATION, POLD, Client as HttpClient, main, request, same
from frames import EVALUATION as ONE
from frames import FrameClient
from introspecting import ASKED, NOBODY, asked, body_of, decide, outcome, serving, token_of
from jwk import Key, encode
from oauth_client import OAuthClient


def send(d, data):
    client = d.client()
    client.sock.settimeout(40)
    client.send(data)
    return client


def is_silent(client):
    client.sock.settimeout(0)
    try:
        client.sock.recv(1, socket.MSG_PEEK)
        return False
    except BlockingIOError:
        return True
    finally:
        client.sock.settimeout(40)


def test_a_token_is_asked_about_once():
    with serving(workers=1) as (d, server):
        token = token_of(server)
        answers = [decide(d, token) for _ in range(5)]
        same([a["context"].get("rules") for a in answers], [["notes.service"]] * 5, answers[0])
        same(asked(server), 1)
        same(d.metric('polward_cache_hits_total{cache="introspection"}'), 4)
        same(d.metric('polward_introspections_total'), 1)
        same(outcome(d, "unknown"), "token_inactive")
        same(outcome(d, "unknown"), "token_inactive")
        same(asked(server), 2, "what is not active is known too")
        answer = decide(d, "unknown")
        assert 'error="invalid_token"' in answer["context"]["www_authenticate"], answer


def test_every_protocol():
    with serving(workers=1) as (d, server):
        batch = {**body_of(token_of(server)), "evaluations": [{}, {"action": {"name": "write"}}, {}]}
        same([e["decision"] for e in d.ask("POST", "/access/v1/evaluations", batch).json()["evaluations"]], [True, False, True])
        found = d.ask("POST", "/access/v1/search/action", {"resource": ASKED["resource"], "token": token_of(server)}).json()
        same(found["results"], [{"name": "read"}])
        described = {"method": "GET", "path": "/n", "headers": {"Authorization": "Bearer " + token_of(server)}}
        same(d.ask("POST", EVALUATION, {**ASKED, "request": described}).json()["decision"], True)
        with framing(d) as c:
            tokens = [token_of(server), token_of(server), "unknown", "unknown"]
            for i, token in enumerate(tokens):
                c.send(i, ONE, body_of(token))
            same(sorted((n, status, a["decision"]) for n, status, a in (c.read() for _ in tokens)), [(0, 200, True), (1, 200, True), (2, 200, False), (3, 200, False)])
        same(asked(server), 6)


def test_the_worker_goes_on():
    """While the issuer is silent, others are answered; who waits for the same token is answered by one call, each in the order of his connection."""
    with serving(workers=1) as (d, server):
        token = token_of(server)
        server.gate.clear()
        waiting = [send(d, request("POST", EVALUATION, body_of(token)) + request("POST", EVALUATION, NOBODY)) for _ in range(20)]
        d.wait(lambda: d.metric("polward_parked_total") == 20, 30)
        same([d.ask("POST", EVALUATION, NOBODY).json()["decision"] for _ in range(20)], [False] * 20)
        same([is_silent(c) for c in waiting], [True] * 20)
        d.replace("r2")
        d.signal(signal.SIGHUP)
        d.wait(lambda: d.metric("polward_world_generation") >= 2, 30)
        server.gate.set()
        same([(c.read().json()["decision"], c.read().json()["decision"]) for c in waiting], [(True, False)] * 20)
        same(asked(server), 1)


def test_several_workers_ask_once():
    with serving(workers=4) as (d, server):
        token = token_of(server)
        server.gate.clear()
        waiting = [send(d, request("POST", EVALUATION, body_of(token))) for _ in range(40)]
        d.wait(lambda: d.metric("polward_parked_total") == 40, 30)
        server.gate.set()
        same([c.read().json()["decision"] for c in waiting], [True] * 40)
        same(asked(server), 1)


@contextlib.contextmanager
def framing(d):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(40)
        s.connect(str(d.socket))
        yield FrameClient(s)


def test_frames_do_not_wait_for_each_other():
    """One that waits holds up no other of its connection, unless there are very many; a client that sends no more gets all answers."""
    with serving(workers=1) as (d, server):
        token = token_of(server)
        server.gate.clear()
        with framing(d) as c:
            for number, body in ((1, body_of(token)), (2, NOBODY), (3, body_of(token)), (4, NOBODY)):
                c.send(number, ONE, body)
            same(sorted((n, a["decision"]) for n, _, a in (c.read(), c.read())), [(2, False), (4, False)])
            c.sock.shutdown(socket.SHUT_WR)
            d.wait(lambda: d.metric("polward_parked_total") == 2, 30)
            server.gate.set()
            same(sorted((n, a["decision"]) for n, _, a in (c.read(), c.read())), [(1, True), (3, True)])
            same(c.sock.recv(1), b"")
        with framing(d) as c:
            server.gate.clear()
            tokens = [token_of(server) for _ in range(3)]
            for number in range(300):
                c.send(number, ONE, body_of(tokens[number % 3]))
            d.wait(lambda: d.metric("polward_parked_total") == 2 + 257, 30)
            with framing(d) as gone:
                gone.send(1, ONE, body_of(tokens[0]))
                d.wait(lambda: d.metric("polward_parked_total") == 2 + 258, 30)
            server.gate.set()
            same(sorted((n, a["decision"]) for n, _, a in (c.read() for _ in range(300))), [(n, True) for n in range(300)])
        same(asked(server), 4)


def test_a_frame_that_waits_too_long_is_denied():
    with serving(workers=1, waits="100ms") as (d, server):
        server.gate.clear()
        with framing(d) as c:
            c.send(7, ONE, body_of(token_of(server)))
            number, status, answer = c.read()
            same((number, status, answer["decision"], answer["context"]["reason"]), (7, 200, False, "introspection_failed"))
            c.send(8, ONE, NOBODY)
            same(c.read()[0], 8)


def connect_tls(d):
    context = ssl.create_default_context(cafile=str(d.folder / "ca.pem"))
    context.load_cert_chain(d.folder / "web.pem", d.folder / "web.key")
    plain = socket.create_connection(("127.0.0.1", d.port), timeout=40)
    d.clients.append(HttpClient(context.wrap_socket(plain, server_hostname="127.0.0.1")))
    return d.clients[-1]


def test_requests_wait_over_tls_too():
    """Behind one that waits come others, in the same bytes and later, while it waits."""
    with serving(workers=1, tls=True) as (d, server):
        first, second = token_of(server), token_of(server)
        server.gate.clear()
        clients = [connect_tls(d) for _ in range(5)]
        gone = connect_tls(d)
        for c in (*clients, gone):
            c.send(request("POST", EVALUATION, NOBODY) + request("POST", EVALUATION, body_of(first)) + request("POST", EVALUATION, body_of(second)) * 2)
        d.wait(lambda: d.metric("polward_parked_total") == 6, 30)
        for c in clients:
            c.send(request("POST", EVALUATION, body_of("unknown")) + request("POST", EVALUATION, body_of(first))[:-10])
        gone.close()
        same([c.read().json()["decision"] for c in clients], [False] * 5, "what stands before is answered")
        server.gate.set()
        for c in clients:
            same([c.read().json()["decision"] for _ in range(4)], [True, True, True, False])
            c.send(request("POST", EVALUATION, body_of(first))[-10:])
            same(c.read().json()["decision"], True)
        same(asked(server), 3)


def test_a_client_that_sends_no_more_is_answered():
    with serving(workers=1) as (d, server):
        for unfinished in (b"", b"POST /acc"):
            token = token_of(server)
            server.gate.clear()
            before = d.metric("polward_parked_total")
            client = send(d, request("POST", EVALUATION, body_of(token)) * 2 + unfinished)
            client.sock.shutdown(socket.SHUT_WR)
            d.wait(lambda: d.metric("polward_parked_total") == before + 1, 30)
            server.gate.set()
            same([client.read().json()["decision"] for _ in range(2)], [True] * 2)
            same(client.read().status if unfinished else client.read(), 400 if unfinished else None)


def test_a_silent_issuer_denies():
    with serving(workers=1, waits="100ms") as (d, server):
        token = token_of(server)
        server.gate.clear()
        same(outcome(d, token), "introspection_failed")
        same(d.ask("POST", EVALUATION, NOBODY).json()["decision"], False)
        server.gate.set()
        d.wait(lambda: outcome(d, token) is True, 30)


def test_wrong_answers_deny():
    with serving() as (d, server):
        for status, text, why in (
            (500, "{}", "introspection_failed"),
            (401, '{"active": true}', "introspection_failed"),
            (200, "", "introspection_form"),
            (200, "[]", "introspection_form"),
            (200, '{"active": "true"}', "introspection_form"),
            (200, '{"active": true, "active": true}', "introspection_form"),
            (200, '{"active": true, "exp": "soon"}', "introspection_form"),
            (200, '{"active": true, "aud": "orders", "exp": 1}', "token_expired"),
            (200, '{"active": true, "aud": "bills"}', "token_audience"),
            (200, '{"active": true, "aud": "orders", "iss": "https://evil.example"}', "token_issuer"),
            (200, '{"active": true, "pad": "' + "x" * 70000 + '"}', "introspection_failed"),
        ):
            server.instead["/introspect"] = status, text
            same(outcome(d, token_of(server)), why, text[:60])
        server.instead.clear()
        same(outcome(d, token_of(server)), True)


def test_an_issuer_that_is_gone_denies():
    with serving({"url": "https://127.0.0.1:1/introspect"}) as (d, server):
        same(outcome(d, token_of(server)), "introspection_failed")


def test_revoked_and_expired():
    def clients(folder):
        return usual_clients() + [Client("brief", {"client_credentials"}, opaque=True, lifetime_s=3)]

    with serving({"cache": "0s"}, clients=clients) as (d, server):
        client = OAuthClient(server, "opaque")
        token = client.credentials()["access_token"]
        same(outcome(d, token), True)
        same(client.post("/revoke", token=token)[0], 200)
        d.wait(lambda: outcome(d, token) == "token_inactive", 30)
    with serving(clients=clients) as (d, server):
        token = token_of(server, "brief")
        ends = server.tokens[token]["claims"]["exp"]
        d.wait(lambda: time.time() >= ends or outcome(d, token) is True, 30)
        d.wait(lambda: time.time() >= ends, 30)
        assert outcome(d, token) in ("token_inactive", "token_expired")


def test_the_daemon_proves_who_it_is():
    key = Key("ES256", "k1")

    def clients(folder):
        (folder / "k.jwk").write_text(json.dumps(key.jwk))
        thumbprint = encode(hashlib.sha256(ssl.PEM_cert_to_DER_cert((folder / "web.pem").read_text())).digest())
        return [Client("opaque", {"client_credentials"}, opaque=True), Client("api", introspects=True),
                Client("signs", public=True, introspects=True, key=key), Client("shows", public=True, introspects=True, thumbprint=thumbprint)]

    signs, shows = {"client_id": "signs", "auth": "private_key_jwt", "secret_file": None}, {"client_id": "shows", "auth": "mtls", "secret_file": None}
    for introspection, wanted in (
        ({**signs, "jwk_file": "k.jwk"}, True),
        ({**shows, "certificate": "web.pem", "key": "web.key"}, True),
        ({**shows, "certificate": "ca.pem", "key": "ca.key"}, "introspection_failed"),
        ({"client_id": "opaque"}, "introspection_failed"),
        ({"ca": "ca.pem"}, "introspection_failed"),
    ):
        with serving(introspection, clients=clients) as (d, server):
            same(outcome(d, token_of(server)), wanted, introspection)


def test_nothing_tells_a_secret():
    """Tokens, secrets, keys and assertions are in no output, whatever goes wrong."""
    key = Key("ES256", "k1")

    def clients(folder):
        (folder / "k.jwk").write_text(json.dumps(key.jwk))
        return usual_clients() + [Client("signs", public=True, introspects=True, key=key)]

    ways = [{}, {"client_id": "opaque"}, {"client_id": "signs", "auth": "private_key_jwt", "secret_file": None, "jwk_file": "k.jwk"},
            {"url": "https://127.0.0.1:1/introspect"}, {"ca": "ca.pem"}]
    for way in ways:
        with serving(way, clients=clients, log={"level": "debug", "decisions": True}, decision_log={"file": "decisions"}) as (d, server):
            token, told = token_of(server), []
            for instead in (None, (500, token), (200, token), (200, json.dumps({"active": True, "aud": "orders", "iss": token}))):
                if instead:
                    server.instead["/introspect"] = instead
                for path, body in ((EVALUATION, body_of(token)), (EVALUATION, body_of("not-" + token)), (EVALUATION + "?explain=full", body_of(token_of(server))),
                                   ("/access/v1/evaluations", {**body_of(token_of(server)), "evaluations": [{}, {}]})):
                    answer = d.ask("POST", path, body)
                    told.append(repr(answer.headers) + answer.body.decode())
            told += [d.ask("GET", path).body.decode() for path in ("/metrics", "/health")]
            for name, text in (("broken.jwk", json.dumps(key.jwk)[:-9]), ("public.jwk", json.dumps({**key.public, "k": key.jwk["d"]}))):
                (d.folder / name).write_text(text)
                settings = json.loads((d.folder / "pold.yaml").read_text())
                settings["identity"]["issuers"][0]["introspection"].update(client_id="signs", auth="private_key_jwt", jwk_file=name)
                (d.folder / "other.yaml").write_text(json.dumps(settings))
                run = subprocess.run([POLD, "--check", "-c", "other.yaml"], cwd=d.folder, capture_output=True, text=True, timeout=60)
                same(run.returncode, 1)
                told.append(run.stdout + run.stderr)
            secrets = server.secrets() + [key.jwk["d"]]
            d.stop()
            told += [d.log(), (d.folder / "decisions").read_text()]
            assert token in secrets and "introspection" in "".join(told) + str(way)
            same([(secret[:8], text[:200]) for secret in secrets for text in told if secret in text or secret[:32] in text], [], way)


def test_stopping_answers_who_waits():
    with serving(workers=1, limits={"drain": "60s"}) as (d, server):
        token = token_of(server)
        server.gate.clear()
        waiting = send(d, request("POST", EVALUATION, body_of(token)))
        gone = send(d, request("POST", EVALUATION, body_of(token)))
        d.wait(lambda: d.metric("polward_parked_total") == 2, 30)
        gone.close()
        d.signal(signal.SIGTERM)
        d.wait(lambda: not d.can_connect(), 30)
        server.gate.set()
        same(waiting.read().json()["decision"], True)
        same(waiting.ended(), True)
        same(d.process.wait(60), 0)


main(sys.modules[__name__])
