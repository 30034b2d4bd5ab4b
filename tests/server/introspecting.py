# SPDX-License-Identifier: Apache-2.0
"""A daemon that asks an authorization server about opaque tokens, as the tests of introspection share it."""
import contextlib
import json
import socket

from authorization_server import AuthorizationServer
from credentials import Credentials
from daemon import EVALUATION, Daemon, same
from oauth_client import OAuthClient

POLICY = """package notes

schema resource note { owner: string }

scope "read" covers read on note

permit anyone to read on note as "service" if subject.type == "client"
"""
ASKED = {"action": {"name": "read"}, "resource": {"type": "note", "id": "1", "properties": {"owner": "bob"}}}
NOBODY = {**ASKED, "subject": {"type": "user", "id": "bob"}}


def start_with_tls(d):
    """Another may take the port that was free a moment ago: then the next one."""
    for tries in range(20):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            d.port = s.getsockname()[1]
        d.settings["tls"] = {"address": f"127.0.0.1:{d.port}", "certificate": "server.pem", "key": "server.key"}
        try:
            d.start()
            return
        except AssertionError:
            if tries == 19:
                raise


@contextlib.contextmanager
def serving(introspection=None, keys=False, clients=None, waits="60s", tls=False, **settings):
    """(daemon, authorization server). tls: the daemon listens at d.port too, for the certificate `web`."""
    with Daemon({"decision": "polward/decision", **settings}, data={}, modules={"notes.pol": POLICY}) as d:
        d.stop()
        c = Credentials(d.folder)
        c.certificate("web", "URI:spiffe://acme.example/web")
        with AuthorizationServer(d.folder / "as", client_ca=c.ca, clients=clients and clients(d.folder)) as server:
            asking = {"url": server.issuer + "/introspect", "client_id": "api", "secret_file": "api.secret", "ca": "as/ca.pem", "timeout": "30s"}
            asking.update(introspection or {})
            issuer = {"issuer": server.issuer, "audiences": ["orders"], "introspection": {k: v for k, v in asking.items() if v is not None}}
            if keys:
                (d.folder / "keys.json").write_text(json.dumps(server.jwks()))
                issuer.update(jwks_file="keys.json", algorithms=["ES256"])
            (d.folder / "api.secret").write_text((server.clients["api"].secret or "none") + "\n")
            d.settings["identity"] = {"issuers": [issuer], "introspection": {"wait": waits}, "trust": ["ca.pem"]}
            if tls:
                c.certificate("server", "IP:127.0.0.1")
                start_with_tls(d)
            else:
                d.start()
            try:
                yield d, server
            finally:
                server.gate.set()


def token_of(server, name="opaque"):
    return OAuthClient(server, name).credentials()["access_token"]


def body_of(token):
    return {**ASKED, "token": token}


def decide(d, token):
    answer = d.ask("POST", EVALUATION, body_of(token))
    same(answer.status, 200, answer.body)
    return answer.json()


def outcome(d, token):
    """True, or why not."""
    answer = decide(d, token)
    return answer["decision"] or answer["context"].get("reason", answer)


def asked(server):
    return server.hits.get("/introspect", 0)
