#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Gateways in front of a service: the adaptor by itself, then Envoy, nginx and Caddy themselves, with the configurations of docs/gateways.md. POLWARD_GATEWAY_REQUESTS says how many mixed requests each of them
is asked, default 200; POLWARD_GATEWAY_VECTORS names a folder of captured requests."""
import contextlib
import json
import os
import random
import shutil
import sys
from pathlib import Path

from daemon import main, request, same
from gateways import Asking, Gateways, Service, envoy_program, start_caddy, start_envoy, start_nginx, started

N = int(os.environ.get("POLWARD_GATEWAY_REQUESTS", "200"))


def skip(what):
    print(f"skipped: {what} is not there")


# ---- the adaptor ----


def ask(g, method, path, token=None, headers=None, body=None):
    headers = dict(headers or {})
    if token:
        headers["Authorization"] = "Bearer " + token
    r = g.daemon.ask(method, path, body, headers)
    return r


def test_a_decision_is_told_by_status_and_headers():
    with Gateways() as g:
        r = ask(g, "GET", "/ext_authz/v1/orders/7?x=1", g.token())
        same((r.status, r.headers["x-auth-subject"], r.headers["x-auth-subject-type"], r.headers["x-auth-roles"]), (200, "alice", "user", ""))
        assert len(r.headers["x-decision-id"]) == 36
        r = ask(g, "GET", "/ext_authz/v1/orders/7", g.token("mallory"))
        same((r.status, r.headers["x-deny-reason"], r.json()["context"]["reason"], "www-authenticate" in r.headers), (403, "mallory is blocked", "denied", False))
        r = ask(g, "GET", "/ext_authz/v1/orders/7")
        same((r.status, r.headers["www-authenticate"], r.json()["context"]["reason"]), (401, "Bearer", "token_missing"))
        r = ask(g, "POST", "/ext_authz/v1/orders/7", g.token(scope="orders:read"), body=b"{}")
        same(r.status, 403)
        assert 'error="insufficient_scope"' in r.headers["www-authenticate"] and 'scope="orders:write"' in r.headers["www-authenticate"], r.headers
        r = ask(g, "GET", "/ext_authz/v1/orders/7", g.token(exp=1))
        same((r.status, r.json()["context"]["reason"]), (401, "token_expired"))
        assert 'error="invalid_token"' in r.headers["www-authenticate"]
        r = ask(g, "GET", "/ext_authz/v1/customers/7", g.token())
        same((r.status, r.headers["x-deny-reason"]), (403, "no permit applies"))


def test_targets_are_those_behind_the_prefix():
    with Gateways() as g:
        for path, status in (("/ext_authz/v1/orders/7/", 403), ("/ext_authz/v1/orders/a%2fb", 403), ("/ext_authz/v1/orders/%37", 200), ("/ext_authz//v1/orders/7", 403),
                             ("/ext_authz", 403), ("/ext_authz/", 403), ("/ext_authz/v1/../v1/orders/7", 403), ("/ext_authzv1/orders/7", 404)):
            same(ask(g, "GET", path, g.token()).status, status, path)
        for method, status in (("HEAD", 403), ("DELETE", 200), ("OPTIONS", 403), ("PATCH", 403)):
            same(ask(g, method, "/ext_authz/v1/orders/7", g.token()).status, status, method)


def test_two_tokens_are_none():
    with Gateways() as g:
        with contextlib.closing(g.daemon.client()) as c:
            text = request("GET", "/ext_authz/v1/orders/7", None, {"Authorization": "Bearer " + g.token()})
            c.send(text.replace(b"Authorization:", b"Authorization: Bearer " + g.token("bob").encode() + b"\r\nAuthorization:", 1))
            r = c.read()
        same((r.status, r.json()["context"]["reason"]), (401, "authorization_form"))


def test_names_that_no_header_can_hold():
    with Gateways() as g:
        same(ask(g, "GET", "/ext_authz/v1/orders/7", g.token("zoë\r\nX: 1%")).headers["x-auth-subject"], "zo%C3%AB%0D%0AX: 1%25")


def test_forwarded_requests_only_where_they_are_believed():
    described = {"X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/v1/orders/7?x=1", "X-Forwarded-Host": "shop.example"}
    with Gateways() as g:
        same(ask(g, "GET", "/forward_auth", g.token(), described).status, 404)
    with Gateways(gateway={"forward_auth": True}) as g:
        same(ask(g, "GET", "/forward_auth", g.token(), described).status, 200)
        same(ask(g, "POST", "/forward_auth?x=1", g.token("mallory"), described).status, 403)
        for wrong in ({"X-Forwarded-Uri": "v1/orders/7"}, {"X-Forwarded-Method": "G T"}, {"X-Forwarded-Uri": ""}, {"X-Forwarded-Method": ""}):
            same(ask(g, "GET", "/forward_auth", g.token(), {**described, **wrong}).status, 400, wrong)


def decided_input(g, n=1):
    """The inputs of the n decisions that the decision log has."""
    log = g.daemon.folder / "decisions"
    g.daemon.wait(lambda: log.read_text().count("\n") >= n, 30)
    return [json.loads(line)["input"] for line in log.read_text().splitlines()][-1]


def test_the_body_and_the_headers_are_in_the_input_where_they_may():
    with Gateways(gateway={"body": True}, decision_log={"file": "decisions"}) as g:
        headers = {"Content-Type": "application/json", "X-Envoy-Auth-Partial-Body": "false", "X-Envoy-Internal": "true", "X-Forwarded-For": "10.0.0.1, 192.0.2.7", "X-Forwarded-Proto": "https",
                   "Cookie": "a=b", "X-Mine": "1"}
        same(ask(g, "POST", "/ext_authz/v1/orders/7?q=1", g.token(), headers, b'{"amount": 5}').status, 200)
        seen = decided_input(g, 1)
        same((seen["request"]["method"], seen["request"]["path"], seen["request"]["query"], seen["request"]["body"], seen["request"]["scheme"]), ("POST", "/v1/orders/7", {"q": ["1"]}, {"amount": 5}, "https"))
        same(seen["request"]["source"]["ip"], "192.0.2.7")
        same((seen["action"]["name"], seen["resource"]["type"], seen["resource"]["id"]), ("update", "order", "7"))
        same([name for name in ("x-envoy-internal", "authorization", "content-length") if name in seen["request"]["headers"]], [])
        same(seen["request"]["headers"]["x-mine"], "1")
        same(ask(g, "POST", "/ext_authz/v1/orders/7", g.token(), {**headers, "X-Envoy-Auth-Partial-Body": "true"}, b'{"amount"').status, 200)
        assert "body" not in decided_input(g, 2)["request"]
        same(ask(g, "POST", "/ext_authz/v1/orders/7", g.token(), {**headers, "Content-Encoding": "br"}, b"text").status, 200)
        same(decided_input(g, 3)["request"]["body"], "text")


def test_captured_requests():
    """What gateways were seen to send, with tokens of ours in place of theirs."""
    folder = os.environ.get("POLWARD_GATEWAY_VECTORS", "")
    if not folder or not Path(folder, "captured.json").exists():
        skip("the folder of captured requests")
        return
    with Gateways(gateway={"forward_auth": True}, decision_log={"file": "decisions"}) as g:
        g.daemon.settings["identity"].pop("xfcc", None)
        g.daemon.stop()
        g.daemon.start()
        tokens = {"Bearer good": "Bearer " + g.token(), "Bearer bad": "Bearer " + g.token("mallory")}
        for n, case in enumerate(json.loads(Path(folder, "captured.json").read_text()), 1):
            q = case["request"]
            body = (q["body_all"] * q["body_bytes"] if "body_all" in q else q.get("body") or "").encode()
            lines = [f"{q['method']} {q['target']} HTTP/1.1"] + [f"{name}: {tokens.get(value, value)}" for name, value in q["headers"]]
            with contextlib.closing(g.daemon.client()) as c:
                c.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
                r = c.read(no_body=q["method"] == "HEAD")
            same(r.status, case["stub_answer"], case["id"])
            same("bearer" in r.headers.get("www-authenticate", "").lower(), r.status == 401, case["id"])
            seen = decided_input(g, n)["request"]
            query = "&".join(f"{name}={value.replace(' ', '%20')}" for name, values in seen["query"].items() for value in values)
            same({"method": seen["method"], "path": seen["path"], "query": query}, case["original"], case["id"])


# ---- the gateways themselves ----


def check_one_by_one(g, a, shows_challenge):
    status, _, sent = a.ask(token=g.token(), X_Auth_Subject="forged", X_Decision_Id="forged")
    same((status, sent["path"], sent["headers"]["x-auth-subject"]), (200, "/v1/orders/7?x=1&y=%20z", "alice"))
    assert len(sent["headers"]["x-decision-id"]) == 36
    status, _, sent = a.ask("POST", token=g.token(), body=b'{"amount": 5}', Content_Type="application/json")
    same((status, sent["method"], sent["n"]), (200, "POST", 13))
    same(a.ask("POST", token=g.token(), body=b"a" * 20000, Content_Type="text/plain")[2]["n"], 20000)
    status, headers, sent = a.ask(token=g.token("mallory"))
    same((status, headers["x-deny-reason"], sent), (403, "mallory is blocked", None))
    status, headers, sent = a.ask(token=g.token(exp=1))
    same((status, sent), (401, None))
    assert "bearer" in headers["www-authenticate"].lower()
    status, headers, sent = a.ask("POST", token=g.token(scope="orders:read"), body=b"{}")
    same((status, sent), (403, None))
    assert not shows_challenge or "insufficient_scope" in headers["www-authenticate"], headers
    _, _, sent = a.ask(token=g.token(), X_Forwarded_Client_Cert="Hash=00;URI=spiffe://forged")
    assert "forged" not in json.dumps(sent)


def check_no_token(a):
    status, headers, sent = a.ask()
    same((status, sent), (401, None))
    assert "bearer" in headers["www-authenticate"].lower()


def check_mixed(g, a, n, seed):
    """n requests in random order, each with its one right answer."""
    chance = random.Random(seed)
    kinds = [({"token": g.token()}, 200), ({"token": g.token("bob")}, 200), ({"token": g.token("mallory")}, 403), ({}, 401), ({"token": g.token(exp=1)}, 401),
             ({"method": "POST", "token": g.token(scope="orders:read"), "body": b"{}"}, 403), ({"method": "POST", "token": g.token(), "body": b"{}"}, 200),
             ({"token": g.token(), "path": "/v1/customers/1"}, 403)]
    for i in range(n):
        how, status = chance.choice(kinds)
        got, _, sent = a.ask(**how)
        same((got, sent is not None), (status, status == 200), (i, how.get("method"), how.get("path")))
        if sent:
            same(sent["headers"]["x-auth-subject"], "bob" if how["token"] == kinds[1][0]["token"] else "alice")


def check_gateway(start, shows_challenge, **settings):
    with Gateways(**settings) as g, Service() as service:
        with started(start, g, service) as port, contextlib.closing(Asking(port)) as a:
            check_one_by_one(g, a, shows_challenge)
            check_no_token(a)
            check_mixed(g, a, N, 1)


def check_mutual_tls(start, **settings):
    """The certificate of the client, verified by the gateway and again by the daemon, permits without a token; with a token the subject is the token's."""
    with Gateways(**settings) as g, Service() as service:
        with started(start, g, service, tls=True) as port, contextlib.closing(Asking(port, g.daemon.folder)) as a:
            status, _, sent = a.ask()
            same((status, sent and sent["headers"]["x-auth-subject"]), (200, "spiffe://acme.example/web"))
            check_one_by_one(g, a, False)


def test_envoy():
    if envoy_program():
        check_gateway(start_envoy, True)
        check_mutual_tls(start_envoy)
    else:
        skip("envoy")


def test_nginx():
    if shutil.which("nginx"):
        check_gateway(start_nginx, False)
        check_mutual_tls(start_nginx, gateway={"client_cert": True})
    else:
        skip("nginx")


def test_caddy():
    if shutil.which("caddy"):
        check_gateway(start_caddy, True, gateway={"forward_auth": True})
    else:
        skip("caddy")


main(sys.modules[__name__])
