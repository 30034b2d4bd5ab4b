#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A daemon and an authorization server: tokens as services and apps get them, keys that rotate under load, and that nothing of what is secret is ever told."""
import base64
import contextlib
import hashlib
import json
import re
import subprocess
import sys
import threading
import time
import urllib.parse
from pathlib import Path

from authorization_server import AuthorizationServer
from credentials import Credentials
from daemon import EVALUATION, POL, POLD, Daemon, main, same
from jwk import Key, encode
from oauth_client import OAuthClient

POLICY = """package notes

schema resource note { owner: string }

scope "read" covers read on note
scope "write" covers write on note

permit anyone to * on note as "own" if resource.owner == subject.id
permit anyone to read on note as "service" if subject.type == "client"
"""


@contextlib.contextmanager
def serving(**settings):
    """(daemon, authorization server, credentials): the daemon trusts the server's tokens, by its published keys."""
    d = Daemon({"decision": "polward/decision", **settings}, data={}, modules={"notes.pol": POLICY})
    c = Credentials(d.folder)
    c.certificate("web", "URI:spiffe://acme.example/web")
    with AuthorizationServer(d.folder / "as", client_ca=c.ca) as server:
        d.settings["identity"] = {"trust": ["ca.pem"], "issuers": [
            {"issuer": server.issuer, "jwks_file": "jwks.json", "audiences": ["orders"], "algorithms": ["ES256", "EdDSA"], "at_jwt": True, "leeway": "0s"}]}
        publish(d, server)
        with d:
            yield d, server, c


def publish(d, server):
    """The keys that the server publishes, fetched from where its metadata say, taken to the daemon's file."""
    client = OAuthClient(server, "service")
    metadata = client.ask("GET", "/.well-known/oauth-authorization-server")[2]
    same(metadata["issuer"], server.issuer)
    keys = client.ask("GET", urllib.parse.urlsplit(metadata["jwks_uri"]).path)[2]
    (d.folder / "next").write_text(json.dumps(keys))
    (d.folder / "next").rename(d.folder / "jwks.json")


def body_of(token, action="read", owner="alice", **more):
    return {"action": {"name": action}, "resource": {"type": "note", "id": "1", "properties": {"owner": owner}}, "token": token, **more}


def decide(d, token, *how, **more):
    answer = d.ask("POST", EVALUATION, body_of(token, *how, **more))
    same(answer.status, 200, answer.body)
    return answer.json()


def test_tokens_as_services_and_apps_get_them():
    with serving() as (d, server, c):
        app, service = OAuthClient(server, "app"), OAuthClient(server, "service")
        signed_in = app.sign_in("alice")
        same(decide(d, signed_in["access_token"])["context"]["rules"], ["notes.own"])
        same(decide(d, signed_in["access_token"], "write")["decision"], True)
        same(decide(d, signed_in["access_token"], "read", "bob")["decision"], False)
        same(decide(d, app.sign_in("bob")["access_token"], "read", "bob")["decision"], True)
        narrowed = app.post("/token", grant_type="refresh_token", refresh_token=signed_in["refresh_token"], scope="read")[1]["access_token"]
        same(decide(d, narrowed)["decision"], True)
        answer = decide(d, narrowed, "write")
        same((answer["decision"], answer["context"]["rules"]), (False, ["scope"]))
        assert 'error="insufficient_scope"' in answer["context"]["www_authenticate"] and 'scope="write"' in answer["context"]["www_authenticate"]
        same(decide(d, service.credentials()["access_token"])["context"]["rules"], ["notes.service"])
        same(decide(d, OAuthClient(server, "late").sign_in()["access_token"])["context"]["reason"], "token_expired")


def test_a_token_of_another_certificate_is_refused():
    with serving() as (d, server, c):
        web = (d.folder / "web.pem").read_text()
        c.certificate("other", "URI:spiffe://acme.example/other")
        token = OAuthClient(server, "app", (d.folder / "web.pem", d.folder / "web.key")).sign_in()["access_token"]
        same(decide(d, token, cert=web)["decision"], True)
        same(decide(d, token, cert=(d.folder / "other.pem").read_text())["context"]["reason"], "binding_mismatch")
        same(decide(d, token)["context"]["reason"], "binding_mismatch")


def test_keys_rotate_under_load():
    """No valid token is refused while keys change; none of a withdrawn key counts once that is taken up."""
    with serving() as (d, server, c):
        app = OAuthClient(server, "app")
        tokens, refused, n, stop = [app.sign_in()["access_token"]], [], [0], threading.Event()

        def ask():
            with contextlib.closing(d.client()) as client:
                while not stop.is_set():
                    answer = client.evaluate(body_of(tokens[-1])).json()
                    n[0] += 1
                    if not answer["decision"]:
                        refused.append(answer)

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for alg in ("EdDSA", "ES256", "EdDSA"):
                generation = d.metric("polward_world_generation")
                server.rotate(alg)
                publish(d, server)
                d.wait(lambda: d.metric("polward_world_generation") > generation)
                tokens.append(app.sign_in()["access_token"])
                before = n[0]
                d.wait(lambda: n[0] > before + 50)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        same(refused, [], f"of {n[0]} decisions")
        same([decide(d, token)["decision"] for token in tokens], [True] * 4)
        generation = d.metric("polward_world_generation")
        server.withdraw()
        publish(d, server)
        d.wait(lambda: d.metric("polward_world_generation") > generation)
        same([decide(d, token)["context"].get("reason") for token in tokens], ["token_key"] * 3 + [None])


# ---- secrets ----


def proof_for(key, token, jti):
    claims = {"jti": jti, "htm": "GET", "htu": "https://api.example/x", "iat": int(time.time()), "ath": encode(hashlib.sha256(token.encode()).digest())}
    return key.token(claims, typ="dpop+jwt", jwk={name: key.public[name] for name in ("kty", "crv", "x", "y")})


def requests_with(token, proof, web):
    """Requests good and bad that have the secrets in all the places where they can be."""
    described = {"method": "GET", "path": "/x", "scheme": "https", "host": "api.example"}
    bearer = {"Authorization": "Bearer " + token}
    cut = token[:-30]
    yield from (body_of(t) for t in (token, cut, token + "x", "x" + token, ".." + token.split(".")[-1], token + "." + token, [token], {"t": token}))
    yield body_of(token, cert=web)
    yield body_of(token, cert=token)
    yield body_of(token, subject={"type": "user", "id": "mallory"})
    yield body_of(token, request={**described, "headers": bearer})
    yield {"request": {**described, "headers": bearer}}
    for header in ("Bearer", "Bearer " + token + " x", "DPoP " + token, "Basic " + token, token):
        yield {"request": {**described, "headers": {"Authorization": header, "DPoP": proof, "Proxy-Authorization": header}}}
    yield {"request": {**described, "headers": {"DPoP": proof}}, "token": token}
    yield {"request": {**described, "headers": {"DPoP": proof + proof}}, "token": token}
    yield {"request": {**described, "query": "access_token=" + token}}
    yield {"request": {**described, "headers": bearer, "query": "access_token=" + token}}
    yield {"request": {**described, "headers": {"X-Forwarded-Client-Cert": "Cert=" + token}}}
    yield {**body_of(token), "token": None, "resource": {"type": "note", "id": 7}}


def ask_everything(d, token, proof, web):
    """The text of all answers."""
    told = []

    def ask(*how):
        with contextlib.closing(d.client()) as client:
            answer = client.ask(*how)
            told.append(repr(answer.headers) + answer.body.decode("utf-8", "replace"))

    for body in requests_with(token, proof, web):
        ask("POST", EVALUATION, body)
        ask("POST", EVALUATION + "?explain=full", body)
        text = json.dumps(body).encode()
        ask("POST", EVALUATION, text[:-2])
        ask("POST", EVALUATION, text, {"Content-Type": "text/plain"})
    shown = {"Authorization": "Bearer " + token, "DPoP": proof, "Cookie": "session=" + token}
    for method, path in (("GET", "/health"), ("GET", "/metrics"), ("GET", "/nothing"), ("POST", EVALUATION), ("PUT", EVALUATION)):
        ask(method, path, None, shown)
    ask("POST", "/v1/data/polward/decision?explain=full", {"input": body_of(token)}, shown)
    ask("GET", "/v1/data/polward/decision?input=" + urllib.parse.quote(json.dumps(body_of(token))))
    ask("GET", "/v1/data/polward/decision?input=" + urllib.parse.quote(token))
    ask("GET", "/nothing?access_token=" + token)
    ask("POST", EVALUATION + "?access_token=" + token, body_of(token))
    ask("POST", EVALUATION, ("{\"token\":\"" + token).encode(), shown)
    ask("POST", EVALUATION, token.encode(), shown)
    return told


def tell_of_files(d, server, token):
    """What the programs say of files with secrets in them, sound and broken."""
    told = []
    mac = Key("HS256", "mac", secret=base64.b64decode("c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldA=="))
    private = server.keys[-1].jwk
    files = {"token.txt": token, "cut.txt": token[:-9], "set.json": json.dumps({"keys": [private, mac.jwk]}), "broken.json": json.dumps(private)[:-1],
             "twice.json": json.dumps(mac.jwk)[:-1] + ',"k":"' + mac.jwk["k"] + '"}', "text.json": mac.jwk["k"], "other.json": json.dumps({"keys": mac.jwk})}
    for name, text in files.items():
        (d.folder / name).write_text(text)
    commands = [[POL, "token", "verify", "--jwks", keys, of] for keys in files for of in ("token.txt", "cut.txt", "set.json")]
    commands += [[POL, "token", "decode", of] for of in ("cut.txt", "set.json")] + [[POL, "token", "mint", "--key", key, "--alg", "ES512"] for key in files]
    commands += [[POL, "cert", "--trust", "ca.pem", "set.json"], [POL, "cert", "--trust", "web.key", "web.pem"], [POL, "cert", "--trust", "ca.pem", "web.key"]]
    for name in files:
        settings = json.loads((d.folder / "pold.yaml").read_text())
        settings["identity"]["issuers"][0]["jwks_file"] = name
        (d.folder / f"{name}.yaml").write_text(json.dumps(settings))
        commands.append([POLD, "--check", "-c", f"{name}.yaml"])
    for command in commands:
        run = subprocess.run(command, cwd=d.folder, capture_output=True, text=True, timeout=60)
        assert run.returncode in (0, 1), (command, run.stderr)
        told.append(run.stdout + run.stderr)
    return told, [mac.jwk["k"], private["d"], "secret secret"]


def parts_of(secret):
    """A secret, and what would do for one: long pieces of it; of a token the signature, with or without the rest."""
    yield secret
    if secret.count(".") == 2:
        yield secret.rsplit(".", 1)[1]
        yield secret.rsplit(".", 1)[1][:40]
    elif len(secret) >= 40:
        yield secret[:32]
        yield secret[-32:]


def find_secrets(told, secrets):
    return [(part[:12] + "...", text[:300]) for secret in secrets for part in parts_of(secret) for text in told if part in text]


def test_no_output_has_a_secret_of_the_run():
    for level in ("debug", "info", "warning", "error"):
        with serving(log={"level": level, "decisions": True}) as (d, server, c):
            key = Key("ES256", "p")
            app = OAuthClient(server, "app", (d.folder / "web.pem", d.folder / "web.key"))
            answer = app.sign_in()
            OAuthClient(server, "service").credentials()
            token = answer["access_token"]
            proof = proof_for(key, token, "1")
            told = ask_everything(d, token, proof, (d.folder / "web.pem").read_text())
            opaque = OAuthClient(server, "opaque").credentials()["access_token"]
            told += ask_everything(d, opaque, proof, (d.folder / "web.pem").read_text())
            of_files, more = tell_of_files(d, server, token) if level == "debug" else ([], [])
            (d.folder / "jwks.json").write_text(json.dumps(server.keys[-1].jwk)[:-3])
            d.signal(1)
            d.wait(lambda: d.metric("polward_reload_failing") == 1)
            told += of_files + [d.ask("GET", "/health").body.decode(), d.ask("GET", "/metrics").body.decode()]
            private = (d.folder / "web.key").read_text().splitlines()[1:-1]
            secrets = server.secrets() + [proof, opaque, answer["refresh_token"], key.jwk["d"]] + private + more
            d.stop()
            told.append(d.log())
            same(find_secrets(told, secrets), [], level)
            assert "token_signature" in "".join(told), "what was asked was understood"
            assert level == "error" or d.log(), "there was a log"


def test_the_daemon_leaves_no_core():
    with Daemon() as d:
        limits = Path(f"/proc/{d.process.pid}/limits").read_text()
        same(re.search(r"Max core file size +(\S+) +(\S+)", limits).groups(), ("0", "0"))


def test_the_search_finds_what_is_there():
    token = Key("ES256", "k").token({"sub": "ann"})
    for text in (token, "x" + token.rsplit(".", 1)[1] + "x", json.dumps({"a": token})):
        assert find_secrets(["nothing", text], [token]), text
    same(find_secrets([token.rsplit(".", 1)[0]], [token]), [])
    assert find_secrets(["a" * 32], ["a" * 43])


main(sys.modules[__name__])
