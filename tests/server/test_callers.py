#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The policy on callers: who may ask what, by uid, gid and SPIFFE ID, per endpoint and document."""
import contextlib
import os
import socket
import ssl
import sys

from credentials import Credentials
from daemon import ALLOW, ASKING, Client, Daemon, main, same
from frames import EVALUATION, FrameClient

POLICY = """package access

default allow := false

allow if startswith(input.endpoint, "health")

allow if {
    input.peer.uid == UID
    input.peer.gid == GID
    input.endpoint in {"access/v1/evaluation", "metrics"}
}

allow if {
    input.peer.uid == UID
    input.endpoint == "v1/data"
    input.method == "POST"
    startswith(input.document, "answer")
}

allow if {
    input.peer.cert.spiffe_id == "spiffe://acme.example/web"
    input.endpoint == "access/v1/evaluation"
    not input.admin
}
"""


def policy(uid=None):
    text = POLICY.replace("UID", str(os.getuid() if uid is None else uid)).replace("GID", str(os.getgid()))
    return {"access.rego": text}


def daemon(**options):
    return Daemon({"callers": "access/allow"}, data={**ALLOW, "other": 1}, modules=policy(), **options)


def test_by_uid_and_gid_per_endpoint():
    with daemon() as d:
        same(d.client().evaluate().json()["decision"], True)
        same(d.ask("GET", "/health").status, 200)
        for method, path, body in [("POST", "/access/v1/evaluations", {"evaluations": [ASKING]}), ("GET", "/v1/policies", None), ("GET", "/v1/data/answer", None)]:
            r = d.ask(method, path, body)
            same(r.status, 403, path)
            assert "this caller may not use this endpoint" in r.body.decode()
        same(d.ask("GET", "/v1/policies").json()["code"], "unauthorized")
        same(d.metric("polward_callers_refused_total"), 4)
        same(d.ask("GET", "/nowhere").status, 404)


def test_per_document():
    with daemon() as d:
        same(d.ask("POST", "/v1/data/answer/allow", {"input": {}}).json()["result"], True)
        same(d.ask("POST", "/v1/data/other", {"input": {}}).status, 403)
        same(d.ask("POST", "/v1/data", {"input": {}}).status, 403)


def test_a_caller_who_is_not_named():
    with daemon() as d:
        c = d.client()
        same(c.evaluate().status, 200)
        d.replace("r2", modules=policy(uid=4_000_000))
        d.wait(lambda: d.health()["bundle"]["revision"] == "r2")
        same(c.evaluate().status, 403, "a connection from before")
        same(d.client().evaluate().status, 403)


def test_frames_ask_the_same():
    with daemon() as d:
        f = FrameClient(d.client().sock)
        f.send(7, EVALUATION, ASKING)
        same(f.read()[:2], (7, 200))
        d.replace("r2", modules=policy(uid=4_000_000))
        d.wait(lambda: d.health()["bundle"]["revision"] == "r2")
        f.send(8, EVALUATION, ASKING)
        same(f.read()[:2], (8, 403))


def test_an_error_and_a_missing_policy_refuse():
    with Daemon({"callers": "access/allow"}, modules={"a.rego": "package access\n\nallow if input.peer.uid == 1\n\nallow := false if input.peer.pid > 0\n\nallow := true if input.peer.pid > 0\n"}) as d:
        same(d.client().evaluate().status, 500)
        d.replace("r2", modules={"a.rego": "package other\n\nx := 1\n"})
        d.wait(lambda: d.client().evaluate().status == 403)


def test_by_spiffe_id():
    with contextlib.ExitStack() as stack:
        d = daemon()
        c = Credentials(d.folder)
        c.certificate("server", "IP:127.0.0.1")
        c.certificate("web", "URI:spiffe://acme.example/web")
        c.certificate("batch", "URI:spiffe://acme.example/batch")
        d.settings.update(c.settings())
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        d.settings["tls"] = {"address": "127.0.0.1:1", "certificate": "server.pem", "key": "server.key"}
        d.sockets = [("tls", listener)]
        stack.enter_context(d)
        for name, status in [("web", 200), ("batch", 403)]:
            context = ssl.create_default_context(cafile=c.ca)
            context.load_cert_chain(c.folder / f"{name}.pem", c.folder / f"{name}.key")
            sock = context.wrap_socket(socket.create_connection(listener.getsockname(), timeout=60), server_hostname="127.0.0.1")
            client = stack.enter_context(contextlib.closing(Client(sock)))
            same(client.evaluate().status, status, name)
            same(client.ask("GET", "/health").status, 200)
            same(client.ask("GET", "/metrics").status, 403)


main(sys.modules[__name__])
