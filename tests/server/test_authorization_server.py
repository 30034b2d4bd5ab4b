#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tests' authorization server itself: what it grants, and what it refuses and how."""
import contextlib
import json
import sys
import tempfile
import time
from pathlib import Path

from authorization_server import AuthorizationServer, Client, usual_clients
from credentials import Credentials
from daemon import main, same
from jwk import Key, decode
from oauth_client import CALLBACK, OAuthClient


@contextlib.contextmanager
def serving(**how):
    with tempfile.TemporaryDirectory() as folder, AuthorizationServer(Path(folder) / "as", **how) as server:
        yield server


def claims_of(server, token):
    """The claims of a token that a published key signed."""
    kid = json.loads(decode(token.split(".")[0]))["kid"]
    assert kid in [key["kid"] for key in server.jwks()["keys"]]
    return next(key for key in server.keys if key.kid == kid).check(token)


def test_discovery():
    with serving() as server:
        service = OAuthClient(server, "service")
        for path in ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"):
            status, headers, told = service.ask("GET", path)
            same((status, told["issuer"], told["response_types_supported"], told["code_challenge_methods_supported"]), (200, server.issuer, ["code"], ["S256"]))
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "introspection_endpoint", "revocation_endpoint"):
                assert told[name].startswith(server.issuer + "/"), told
            assert "max-age=" in headers["Cache-Control"]
        same(service.ask("GET", "/other")[0], 404)


def test_keys_rotate_and_are_withdrawn():
    with serving() as server:
        service = OAuthClient(server, "service")
        old = service.credentials()["access_token"]
        server.rotate()
        new = service.credentials()["access_token"]
        published = service.ask("GET", "/jwks")[2]["keys"]
        same([key["kid"] for key in published], ["key-1", "key-2"])
        assert not any("d" in key for key in published)
        assert claims_of(server, old) and claims_of(server, new)
        server.withdraw()
        same([key["kid"] for key in service.ask("GET", "/jwks")[2]["keys"]], ["key-2"])


def test_client_credentials():
    with serving() as server:
        service = OAuthClient(server, "service")
        answer = service.credentials(scope="read")
        same((answer["token_type"], answer["expires_in"], answer["scope"], "refresh_token" in answer), ("Bearer", 300, "read", False))
        header = json.loads(decode(answer["access_token"].split(".")[0]))
        same((header["typ"], header["alg"]), ("at+jwt", "ES256"))
        claims = claims_of(server, answer["access_token"])
        same((claims["iss"], claims["aud"], claims["sub"], claims["client_id"], claims["scope"]), (server.issuer, "orders", "service", "service", "read"))
        same(service.post("/token", grant_type="client_credentials", scope="admin"), (400, {"error": "invalid_scope", "error_description": "a scope is not the client's, or more than was granted"}))
        same(OAuthClient(server, "app").post("/token", grant_type="client_credentials")[1]["error"], "unauthorized_client")
        for grant in ("password", "implicit", "urn:ietf:params:oauth:grant-type:device_code"):
            same(service.post("/token", grant_type=grant)[1]["error"], "unsupported_grant_type")


def test_clients_authenticate():
    key = Key("ES256", "c")
    with serving(clients=[*usual_clients(), Client("signer", {"client_credentials"}, key=key)]) as server:
        service = OAuthClient(server, "service")
        status, headers, answer = service.ask("POST", "/token", {"grant_type": "client_credentials"})
        same((status, answer["error"], headers["WWW-Authenticate"], headers["Cache-Control"]), (401, "invalid_client", 'Basic realm="clients"', "no-store"))
        service.secret = "wrong"
        same(service.post("/token", grant_type="client_credentials")[0], 401)
        service.secret = server.clients["service"].secret
        same(service.post("/token", grant_type="client_credentials", client_secret=service.secret)[1]["error"], "invalid_request")
        same(service.post("/token", grant_type="client_credentials", client_id="app")[1]["error"], "invalid_request")
        same(service.ask("POST", "/token?grant_type=client_credentials", {})[2]["error"], "invalid_request")
        now = int(time.time())

        def by_assertion(**changes):
            claims = {"iss": "signer", "sub": "signer", "aud": server.issuer, "exp": now + 60, "jti": changes.pop("jti", str(time.monotonic_ns())), **changes}
            return OAuthClient(server, "signer").post("/token", basic=False, grant_type="client_credentials", client_assertion=key.token(claims))[0]

        same([by_assertion(), by_assertion(aud="other"), by_assertion(exp=now - 1), by_assertion(sub="service"), by_assertion(jti="1"), by_assertion(jti="1")],
             [200, 401, 401, 401, 200, 401])  # fmt: skip


def test_a_code_needs_its_verifier_and_counts_once():
    with serving() as server:
        app = OAuthClient(server, "app")
        status, back, verifier = app.authorize()
        same((status, back["state"], back["iss"]), (302, "s", server.issuer))
        exchange = {"grant_type": "authorization_code", "redirect_uri": CALLBACK}
        status, answer = app.post("/token", **exchange, code=back["code"], code_verifier=verifier)
        same((status, claims_of(server, answer["access_token"])["sub"], claims_of(server, answer["access_token"])["tenant_id"]), (200, "alice", "t1"))
        same(app.post("/token", **exchange, code=back["code"], code_verifier=verifier)[1]["error"], "invalid_grant")
        same(app.post("/token", grant_type="refresh_token", refresh_token=answer["refresh_token"])[1]["error"], "invalid_grant", "revoked with the code")
        for wrong in ({"code_verifier": "x" * 43}, {"code_verifier": ""}, {"redirect_uri": CALLBACK + "/"}, {"code": "x"}, {"client_id": "late"}):
            back, verifier = app.authorize()[1:]
            same(app.post("/token", **{**exchange, "code": back["code"], "code_verifier": verifier, **wrong})[1]["error"], "invalid_grant", wrong)


def test_pkce_is_s256_and_implicit_is_refused():
    with serving() as server:
        app = OAuthClient(server, "app")
        for changes, error in (({"response_type": "token"}, "unsupported_response_type"), ({"response_type": "code token"}, "unsupported_response_type"),
                               ({"code_challenge_method": "plain"}, "invalid_request"), ({"code_challenge_method": None}, "invalid_request"),
                               ({"code_challenge": None}, "invalid_request"), ({"scope": "admin"}, "invalid_scope"), ({"login_hint": "mallory"}, "access_denied")):
            status, back, _ = app.authorize(**changes)
            same((status, back.get("error"), "code" in back, "access_token" in back, back["state"]), (302, error, False, False, "s"), changes)
        for changes in ({"redirect_uri": "https://evil.example/"}, {"client_id": "nobody"}, {"redirect_uri": CALLBACK + "?x"}):
            same(app.authorize(**changes)[0], 400, "no redirect to what is not registered")


def test_refresh_tokens_rotate_and_reuse_ends_all():
    with serving() as server:
        app, api = OAuthClient(server, "app"), OAuthClient(server, "api")
        first = app.sign_in()
        second = app.post("/token", grant_type="refresh_token", refresh_token=first["refresh_token"], scope="read")[1]
        same(second["scope"], "read")
        assert second["refresh_token"] != first["refresh_token"]
        same(app.post("/token", grant_type="refresh_token", refresh_token=second["refresh_token"], scope="read write")[1]["error"], "invalid_scope")
        same(api.post("/introspect", token=second["access_token"])[1]["active"], True)
        same(app.post("/token", grant_type="refresh_token", refresh_token=first["refresh_token"])[1]["error"], "invalid_grant", "used before")
        same(app.post("/token", grant_type="refresh_token", refresh_token=second["refresh_token"])[1]["error"], "invalid_grant", "of that family")
        same(api.post("/introspect", token=second["access_token"])[1], {"active": False})


def test_introspection_and_revocation():
    with serving() as server:
        opaque, api, service = (OAuthClient(server, name) for name in ("opaque", "api", "service"))
        token = opaque.credentials(scope="read")["access_token"]
        assert "." not in token
        seen = api.post("/introspect", token=token)[1]
        same((seen["active"], seen["client_id"], seen["scope"], seen["iss"]), (True, "opaque", "read", server.issuer))
        same(api.post("/introspect", token="x")[1], {"active": False})
        same(service.post("/introspect", token=token)[0], 403)
        same(api.post("/introspect", basic=False, token=token)[0], 401)
        same((service.post("/revoke", token=token)[0], api.post("/introspect", token=token)[1]["active"]), (200, True), "another client's")
        same((opaque.post("/revoke", token=token)[0], api.post("/introspect", token=token)[1]["active"]), (200, False))
        same(opaque.post("/revoke", token="unknown")[0], 200)
        app = OAuthClient(server, "app")
        answer = app.sign_in()
        same(app.post("/revoke", token=answer["refresh_token"])[0], 200)
        same(api.post("/introspect", token=answer["access_token"])[1], {"active": False})
        same(api.post("/introspect", token=OAuthClient(server, "late").sign_in()["access_token"])[1], {"active": False}, "expired")


def test_tokens_are_bound_to_the_clients_certificate():
    with tempfile.TemporaryDirectory() as folder:
        made = Credentials(folder)
        made.certificate("web", "URI:spiffe://acme.example/web")
        with AuthorizationServer(Path(folder) / "as", client_ca=made.ca) as server:
            with_certificate = OAuthClient(server, "service", (made.folder / "web.pem", made.folder / "web.key"))
            same(claims_of(server, with_certificate.credentials()["access_token"])["cnf"], {"x5t#S256": made.thumbprint("web")})
            assert "cnf" not in claims_of(server, OAuthClient(server, "service").credentials()["access_token"])


main(sys.modules[__name__])
