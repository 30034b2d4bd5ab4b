#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tokens and certificates: from the request, from the TLS connection; verified, bound, refused; keys and roots replaced."""
import contextlib
import hashlib
import json
import os
import socket
import ssl
import sys
import time
import urllib.parse

from credentials import Credentials, base64url, openssl
from daemon import ASKING, EVALUATION, Client, Daemon, main, request, same

ECHO = {"echo.rego": 'package echo\n\ndefault allow := false\n\nallow if input.action.name == "read"\n\ndecision := {"allow": allow, "seen": input}\n'}
SPIFFE = "URI:spiffe://acme.example/web"


@contextlib.contextmanager
def serving(settings=None, tls=False):
    """A daemon whose decision shows its input, with credentials in its folder."""
    d = Daemon({"decision": "echo/decision"}, data={}, modules=ECHO)
    c = Credentials(d.folder)
    d.settings.update(c.settings())
    if tls:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        c.certificate("server", "IP:127.0.0.1")
        d.settings["tls"] = {"address": f"127.0.0.1:{port}", "certificate": "server.pem", "key": "server.key", **(settings or {})}
        d.port = port
    with d:
        yield d, c


def decide(d, **more):
    body = {key: value for key, value in {**ASKING, **more}.items() if value is not None}
    answer = d.ask("POST", EVALUATION, body)
    same(answer.status, 200, answer.body)
    return answer.json()


def refused(answer, reason):
    same((answer["decision"], answer["context"]["effect"], answer["context"]["reason"]), (False, "none", reason))
    assert answer["context"]["text"]


def test_a_good_token_is_in_the_input():
    with serving() as (d, c):
        answer = decide(d, token=c.token(scope="a b", tenant_id="t1"))
        seen = answer["context"]["seen"]
        same(answer["decision"], True)
        same((seen["token"]["issuer"], seen["token"]["subject"], seen["token"]["scopes"], seen["token"]["bound"]), ("https://id.example", "alice", ["a", "b"], False))
        same((seen["token"]["claims"]["tenant_id"], seen["token"]["kind"], seen["subject"]["id"]), ("t1", "jwt", "alice"))
        same((seen["peer"]["uid"], seen["peer"]["pid"], seen["peer"]["transport"]), (os.getuid(), os.getpid(), "unix"))
        assert "cert" not in seen and "request" not in seen


def test_tokens_that_do_not_verify_deny():
    with serving() as (d, c):
        now = int(time.time())
        other = c.folder / "other.key"
        openssl("genpkey", "-algorithm", "ed25519", "-out", other)
        for token, reason in [
            (c.token(exp=now - 100), "token_expired"),
            (c.token(nbf=now + 100), "token_not_yet_valid"),
            (c.token(aud="other"), "token_audience"),
            (c.token(iss="https://other.example"), "token_issuer"),
            (c.token(key=other), "token_signature"),
            (c.token(sub="mallory"), "subject_mismatch"),
        ]:
            refused(decide(d, token=token), reason)
        answer = decide(d, token="a.b")
        same((answer["decision"], answer["context"]["effect"]), (False, "none"))
        page = d.ask("GET", "/metrics").body.decode()
        assert 'polward_identity_failures_total{reason="token_expired"} 1\n' in page, page


def test_subject_and_target_may_be_left_to_token_and_request():
    with serving() as (d, c):
        described = {"method": "GET", "path": "/x", "headers": {"Authorization": "Bearer " + c.token(), "X-A": "1"}, "query": "q=1"}
        seen = decide(d, subject=None, action=None, resource=None, request=described)["context"]["seen"]
        same((seen["subject"]["id"], seen["action"]["name"], seen["resource"]), ("alice", "get", {"type": "http", "id": "/x"}))
        same((seen["request"]["method"], seen["request"]["path"], seen["request"]["query"]), ("GET", "/x", {"q": ["1"]}))
        same(seen["request"]["headers"]["x-a"], "1")
        assert "Bearer" not in str(seen)


def test_two_tokens_at_once_are_refused():
    with serving() as (d, c):
        described = {"method": "GET", "path": "/x", "headers": {"authorization": "Bearer " + c.token()}}
        answer = decide(d, token=c.token(), request=described, action=None, resource=None)
        same((answer["decision"], answer["context"]["effect"]), (False, "none"))


def test_certificates_of_the_request():
    with serving() as (d, c):
        web = c.certificate("web", SPIFFE)
        seen = decide(d, subject=None, cert=web)["context"]["seen"]
        same((seen["cert"]["spiffe_id"], seen["cert"]["source"]), ("spiffe://acme.example/web", "request"))
        same(seen["subject"]["id"], "spiffe://acme.example/web")
        refused(decide(d, subject=None, cert=c.certificate("fake", SPIFFE, by="stranger")), "cert_untrusted")
        answer = decide(d, cert="-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        same((answer["decision"], answer["context"]["effect"]), (False, "none"))


def test_binding():
    with serving() as (d, c):
        web = c.certificate("web", SPIFFE)
        c.certificate("other", "URI:spiffe://acme.example/other")
        bound = c.token(cnf={"x5t#S256": c.thumbprint("web")})
        same(decide(d, token=bound, cert=web)["context"]["seen"]["token"]["bound"], True)
        refused(decide(d, token=c.token(cnf={"x5t#S256": c.thumbprint("other")}), cert=web), "binding_mismatch")
        answer = decide(d, token=bound)
        same((answer["decision"], answer["context"]["effect"]), (False, "none"), "without the certificate")


def test_a_client_is_told_why_its_token_is_refused():
    with serving() as (d, c):
        answer = decide(d, token=c.token(exp=int(time.time()) - 100))
        same(answer["context"]["www_authenticate"], 'Bearer error="invalid_token", error_description="the token has expired"')
        assert "www_authenticate" not in decide(d, subject=None, cert="x")["context"]


SCOPED = '''package notes

scope "notes.read" covers read on note
scope "notes.all" covers read, drop on note

permit anyone to * on note
forbid anyone to burn on note as "never"
'''


def test_a_missing_scope_is_told():
    d = Daemon({"decision": "polward/decision"}, data={}, modules={"notes.pol": SCOPED})
    c = Credentials(d.folder)
    d.settings.update(c.settings())
    with d:
        def told(action, scope):
            answer = decide(d, token=c.token(scope=scope), action={"name": action}, resource={"type": "note", "id": "1"})
            return answer["decision"], answer["context"].get("www_authenticate")

        lacks = 'Bearer error="insufficient_scope", error_description="the token does not have a scope that covers this", scope='
        same(told("read", "notes.read other"), (True, None))
        same(told("read", "notes other"), (False, lacks + '"notes.all notes.read"'))
        same(told("drop", "notes.read"), (False, lacks + '"notes.all"'))
        same(told("burn", "notes.all"), (False, 'Bearer error="insufficient_scope", error_description="no scope covers this"'))
        answer = decide(d, token=c.token(), action={"name": "read"}, resource={"type": "other", "id": "1"})
        same((answer["decision"], "www_authenticate" in answer["context"]), (False, False))


def test_a_subject_tied_to_a_certificate():
    with serving() as (d, c):
        d.settings["identity"]["issuers"][0]["sub_certificates"] = ["alice => spiffe://acme.example/web"]
        d.write_settings()
        d.signal(1)
        d.wait(lambda: d.metric("polward_world_generation") == 2)
        web, other = c.certificate("web", SPIFFE), c.certificate("other", "URI:spiffe://acme.example/other")
        same([decide(d, token=c.token(), cert=cert)["context"]["seen"]["token"]["bound"] for cert in (web, other, None)], [True, False, False])


def test_a_forwarded_certificate():
    with serving() as (d, c):
        web = c.certificate("web", SPIFFE)
        described = {"method": "GET", "path": "/x", "headers": {"X-Forwarded-Client-Cert": "Cert=" + urllib.parse.quote(web, safe="")}}
        seen = decide(d, subject=None, request=described)["context"]["seen"]
        assert "cert" not in seen and "x-forwarded-client-cert" not in seen["request"]["headers"], "nobody is a proxy"
        d.settings["identity"]["xfcc"] = {"uids": [os.getuid()]}
        d.write_settings()
        d.signal(1)
        d.wait(lambda: d.metric("polward_world_generation") == 2)
        seen = decide(d, subject=None, request=described)["context"]["seen"]
        same((seen["cert"]["source"], seen["subject"]["id"]), ("xfcc", "spiffe://acme.example/web"))
        fake = c.certificate("fake", SPIFFE, by="stranger")
        described["headers"] = {"X-Forwarded-Client-Cert": "Cert=" + urllib.parse.quote(fake, safe="")}
        refused(decide(d, subject=None, request=described), "cert_untrusted")


def test_a_proof_of_the_tokens_key_counts_once():
    with serving() as (d, c):
        key = c.folder / "client.key"
        openssl("genpkey", "-algorithm", "ed25519", "-out", key)
        jwk = {"crv": "Ed25519", "kty": "OKP", "x": base64url(openssl("pkey", "-in", key, "-pubout", "-outform", "DER")[-32:])}
        thumbprint = base64url(hashlib.sha256(json.dumps(jwk, separators=(",", ":")).encode()).digest())
        token = c.token(cnf={"jkt": thumbprint})
        described = {"method": "GET", "scheme": "https", "host": "api.example", "path": "/x", "headers": {"Authorization": "DPoP " + token}}
        refused(decide(d, request=described, action=None, resource=None), "dpop_missing")
        proof = {"jti": "1", "htm": "GET", "htu": "https://api.example/x", "iat": int(time.time())}
        proof["ath"] = base64url(hashlib.sha256(token.encode()).digest())
        signed = base64url(json.dumps({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk}).encode()) + "." + base64url(json.dumps(proof).encode())
        (c.folder / "signed").write_text(signed)
        described["headers"]["DPoP"] = signed + "." + base64url(openssl("pkeyutl", "-sign", "-inkey", key, "-rawin", "-in", c.folder / "signed"))
        same(decide(d, request=described, action=None, resource=None)["context"]["seen"]["token"]["bound"], True)
        answer = decide(d, request=described, action=None, resource=None)
        refused(answer, "dpop_replay")
        same(answer["context"]["www_authenticate"], 'DPoP error="invalid_dpop_proof", error_description="the DPoP proof was used before"')


def test_nothing_verified_is_taken_on_a_callers_word():
    forged = {"claims": {"sub": "root"}, "bound": True}
    with serving() as (d, c):
        seen = decide(d, token=None, cert=None, peer={"uid": 0}, input={"token": forged})["context"]["seen"]
        assert "token" not in seen and "cert" not in seen
        same(seen["peer"]["pid"], os.getpid())
        asked = {"input": {"action": {"name": "read"}, "token": forged, "cert": {"subject": "x"}, "peer": {"uid": 4711}}}
        answer = d.ask("POST", "/v1/data/echo/decision", asked).json()
        same(set(answer["result"]["seen"]), {"action", "peer"})
        same(answer["result"]["seen"]["peer"]["pid"], os.getpid())
        assert "trust_input" in answer["warning"]["message"]
        d.settings["trust_input"] = True
        d.write_settings()
        d.signal(1)
        d.wait(lambda: d.metric("polward_world_generation") == 2)
        answer = d.ask("POST", "/v1/data/echo/decision", asked).json()
        same(answer["result"]["seen"]["token"], forged)
        same(answer["result"]["seen"]["peer"]["pid"], os.getpid())
        assert "warning" not in answer


def test_new_keys_are_taken_up():
    with serving() as (d, c):
        old = c.token()
        same(decide(d, token=old)["decision"], True)
        openssl("genpkey", "-algorithm", "ed25519", "-out", c.folder / "new.key")
        c.write_jwks("jwks.json", c.folder / "new.key")
        d.wait(lambda: decide(d, token=old)["decision"] is False)
        refused(decide(d, token=old), "token_signature")
        same(decide(d, token=c.token(key=c.folder / "new.key"))["decision"], True)


# ---- TLS ----


def connect(d, c, certificate=None, version=None):
    context = ssl.create_default_context(cafile=str(c.ca))
    context.check_hostname = False
    if certificate:
        context.load_cert_chain(c.folder / f"{certificate}.pem", c.folder / f"{certificate}.key")
    if version:
        context.maximum_version = version
    raw = socket.create_connection(("127.0.0.1", d.port), timeout=10)
    return Client(context.wrap_socket(raw, server_hostname="127.0.0.1"))


def refuses(d, c, **how):
    """In TLS 1.3 the client hears of a refused certificate with its first read."""
    try:
        client = connect(d, c, **how)
        client.send(request("GET", "/health/live"))
        answer = client.read()
    except (ssl.SSLError, ConnectionError):
        return True
    return answer is None


def test_tls_asks_for_a_certificate():
    with serving(tls=True) as (d, c):
        c.certificate("web", SPIFFE)
        c.certificate("fake", SPIFFE, by="stranger")
        client = connect(d, c, "web")
        same(client.sock.version(), "TLSv1.3")
        for _ in range(20):
            same(client.ask("GET", "/health/live").status, 200)
        assert refuses(d, c), "no certificate"
        assert refuses(d, c, certificate="fake"), "another authority"
        assert refuses(d, c, certificate="web", version=ssl.TLSVersion.TLSv1_2), "TLS 1.2"
        d.wait(lambda: d.metric("polward_tls_failures_total") == 3)
        client.send(request("GET", "/health/live") * 100)
        for _ in range(100):
            same(client.read().status, 200)
        client.send(b"GET /health\n\r\n")
        same(client.read().status, 400)


def test_the_tls_certificate_is_the_peers():
    with serving(tls=True) as (d, c):
        c.certificate("web", SPIFFE)
        seen = connect(d, c, "web").evaluate().json()["context"]["seen"]
        same((seen["peer"]["transport"], seen["peer"]["cert"]["spiffe_id"]), ("tls", "spiffe://acme.example/web"))
        assert "cert" not in seen and "uid" not in seen["peer"]
        same(seen["subject"]["id"], "alice")


def test_the_tls_certificate_may_be_the_subjects():
    with serving({"peer_is": "subject"}, tls=True) as (d, c):
        c.certificate("web", SPIFFE)
        body = {key: value for key, value in ASKING.items() if key != "subject"}
        seen = connect(d, c, "web").evaluate(body).json()["context"]["seen"]
        same((seen["cert"]["spiffe_id"], seen["cert"]["source"], seen["subject"]["id"]), ("spiffe://acme.example/web", "tls", "spiffe://acme.example/web"))
        assert "cert" not in seen["peer"]
        answer = connect(d, c, "web").evaluate(ASKING).json()
        refused(answer, "subject_mismatch")


def test_a_large_exchange_over_tls():
    with serving(tls=True) as (d, c):
        c.certificate("web", SPIFFE)
        client = connect(d, c, "web")
        body = {**ASKING, "context": {"padding": "x" * 500_000}}
        for _ in range(5):
            same(len(client.evaluate(body).json()["context"]["seen"]["context"]["padding"]), 500_000)


def test_connections_do_not_outlive_their_trust():
    with serving(tls=True) as (d, c):
        c.certificate("web", SPIFFE)
        client = connect(d, c, "web")
        same(client.ask("GET", "/health/live").status, 200)
        (c.folder / "next").write_bytes((c.folder / "stranger.pem").read_bytes())
        (c.folder / "next").rename(c.ca)
        d.wait(lambda: d.metric("polward_world_generation") == 2)
        try:
            client.send(request("GET", "/health/live"))
            assert client.read() is None
        except (ssl.SSLError, ConnectionError):
            pass


def test_stopping_ends_tls_connections():
    with serving(tls=True) as (d, c):
        c.certificate("web", SPIFFE)
        client = connect(d, c, "web")
        client.send(request("POST", EVALUATION, ASKING)[:-3])
        time.sleep(0.2)
        d.signal(15)
        d.wait(lambda: not d.can_connect())
        client.send(request("POST", EVALUATION, ASKING)[-3:])
        same(client.read().json()["decision"], True)
        assert client.ended()
        same(d.process.wait(10), 0)


main(sys.modules[__name__])
