#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An OAuth 2.1 authorization server for tests: HTTPS on loopback, keys and secrets made at the start, nothing kept.

In a test: with AuthorizationServer(folder) as server. By itself: authorization_server.py FOLDER [CLIENT_CA], which serves until it is ended and writes url, ca.pem and
CLIENT.secret into FOLDER; url comes last. Users sign in by being named (login_hint): it is the protocol that is real here, not the people.
"""
import base64
import contextlib
import datetime
import hashlib
import hmac
import http.server
import ipaddress
import json
import os
import secrets
import ssl
import sys
import threading
import time
import urllib.parse
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from jwk import Key, decode, encode  # noqa: E402

CODE_S, ASSERTION_S, BODY_MAX = 60, 300, 65536
USERS = {"alice": {"tenant_id": "t1"}, "bob": {"tenant_id": "t2"}}
AUDIENCE = "orders"


class Client:
    """grants: what it may ask for. public: it has no secret. lifetime_s: of its access tokens, below 0 for such as have expired. opaque: they are no JWTs.
    key, thumbprint: it authenticates by assertions of that key, by the certificate of that SHA-256."""

    def __init__(self, name, grants=(), public=False, redirects=(), scopes=("read", "write"), lifetime_s=300, opaque=False, introspects=False, key=None, thumbprint=None):
        self.name, self.grants, self.public, self.redirects, self.scopes = name, set(grants), public, set(redirects), scopes
        self.lifetime_s, self.opaque, self.introspects, self.key = lifetime_s, opaque, introspects, key
        self.thumbprint = thumbprint
        self.secret = None if public else secrets.token_urlsafe(32)


def usual_clients():
    callback = ("https://app.example/callback",)
    return [
        Client("service", {"client_credentials"}),
        Client("app", {"authorization_code", "refresh_token"}, public=True, redirects=callback),
        Client("late", {"authorization_code"}, public=True, redirects=callback, lifetime_s=-600),
        Client("opaque", {"client_credentials"}, opaque=True),
        Client("api", introspects=True),
    ]


class Refused(Exception):
    """An error answer: RFC 6749, 5.2."""

    def __init__(self, error, text, status=400):
        super().__init__(text)
        self.error, self.status = error, status


def make_certificates(folder):
    """ca.pem, and server.pem with its key for 127.0.0.1 and localhost."""
    now = datetime.datetime.now(datetime.timezone.utc)

    def certificate(name, key, issuer, issuer_key, *extensions):
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        b = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer or subject).public_key(key.public_key())
        b = b.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=2))
        b = b.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        b = b.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False)
        for extension, critical in extensions:
            b = b.add_extension(extension, critical)
        return b.sign(issuer_key, hashes.SHA256())

    def usage(**yes):
        names = "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign encipher_only decipher_only".split()
        return x509.KeyUsage(**{name: yes.get(name, False) for name in names})

    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = certificate("Authorization server CA", ca_key, None, ca_key, (x509.BasicConstraints(True, None), True), (usage(key_cert_sign=True, crl_sign=True), True))
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")])
    own = certificate("127.0.0.1", key, ca.subject, ca_key, (names, False), (usage(digital_signature=True), True), (x509.BasicConstraints(False, None), True),
                      (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False))
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "ca.pem").write_bytes(ca.public_bytes(pem))
    (folder / "server.pem").write_bytes(own.public_bytes(pem))
    (folder / "server.key").touch(0o600)
    (folder / "server.key").write_bytes(private)


class AuthorizationServer:
    """clients and users may be changed before it is entered. hits: how often each path was asked for. delay_s: each answer waits so long.
    gate: while it is clear, introspection and keys do not answer. instead: (status, text) to answer to a path in place of what is right."""

    def __init__(self, folder, client_ca=None, clients=None, port=0, alg="ES256"):
        self.folder, self.client_ca = Path(folder), client_ca
        self.clients = {client.name: client for client in (clients or usual_clients())}
        self.users, self.alg, self.port = dict(USERS), alg, port
        self.lock = threading.Lock()
        self.keys, self.n_keys = [], 0  # published; the last one signs
        self.codes, self.tokens, self.refresh, self.assertions = {}, {}, {}, set()
        self.hits, self.delay_s, self.instead = {}, 0, {}
        self.gate = threading.Event()
        self.gate.set()
        self.rotate()

    # ---- keys ----

    def rotate(self, alg=None):
        """A new key signs from now on; those before stay published until withdraw."""
        with self.lock:
            self.n_keys += 1
            self.keys.append(Key(alg or self.alg, f"key-{self.n_keys}"))
            return self.keys[-1]

    def withdraw(self):
        """Only the key that signs stays published."""
        with self.lock:
            del self.keys[:-1]

    def jwks(self):
        with self.lock:
            return {"keys": [key.public for key in self.keys]}

    # ---- serving ----

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        make_certificates(self.folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.folder / "server.pem", self.folder / "server.key")
        if self.client_ca:
            context.load_verify_locations(self.client_ca)
            context.verify_mode = ssl.CERT_OPTIONAL
        server = self

        class Bound(Handler):
            authorization = server

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def finish_request(self, request, client_address):
                # here, in the connection's own thread: a slow handshake holds up nobody else
                request.settimeout(10)
                with contextlib.suppress(OSError):
                    super().finish_request(context.wrap_socket(request, server_side=True), client_address)

            def handle_error(self, request, client_address):
                pass

        self.http = Server(("127.0.0.1", self.port), Bound)
        self.port = self.http.server_address[1]
        self.issuer = f"https://127.0.0.1:{self.port}"
        self.ca = self.folder / "ca.pem"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self.gate.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def secrets(self):
        """All that must be seen by nobody but its owner."""
        with self.lock:
            return [c.secret for c in self.clients.values() if c.secret] + list(self.tokens) + list(self.refresh) + list(self.codes) + \
                   [key.jwk["d"] for key in self.keys]

    def metadata(self):
        methods = ["client_secret_basic", "private_key_jwt"]
        return {
            "issuer": self.issuer,
            "authorization_endpoint": self.issuer + "/authorize",
            "token_endpoint": self.issuer + "/token",
            "jwks_uri": self.issuer + "/jwks",
            "introspection_endpoint": self.issuer + "/introspect",
            "revocation_endpoint": self.issuer + "/revoke",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": methods + ["none"],
            "introspection_endpoint_auth_methods_supported": methods,
            "revocation_endpoint_auth_methods_supported": methods + ["none"],
            "authorization_response_iss_parameter_supported": True,
            "tls_client_certificate_bound_access_tokens": True,
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [self.alg],
        }

    # ---- who asks ----

    def check_assertion(self, text):
        """private_key_jwt: RFC 7523, 3."""
        try:
            claims = json.loads(decode(text.split(".")[1]))
            client = self.clients[claims["iss"]]
            good = client.key and client.key.check(text) and claims["sub"] == client.name and claims["aud"] in (self.issuer, self.issuer + "/token")
            good = good and time.time() < claims["exp"] < time.time() + ASSERTION_S and claims["jti"] not in self.assertions
        except (KeyError, ValueError, IndexError, TypeError):
            raise Refused("invalid_client", "the client assertion is malformed", 401) from None
        if not good:
            raise Refused("invalid_client", "the client assertion is not good", 401)
        self.assertions.add(claims["jti"])
        return client

    def client_of(self, authorization, form, thumbprint=None):
        """The client, authenticated in exactly one way."""
        assertion = form.get("client_assertion")
        if "client_secret" in form or (authorization and assertion):
            raise Refused("invalid_request", "authenticate by one method, and not with a secret in the body")
        if assertion:
            return self.check_assertion(assertion)
        if not authorization:
            client = self.clients.get(form.get("client_id", ""))
            if client and client.thumbprint and client.thumbprint == thumbprint:  # RFC 8705, 2.2
                return client
            if not client or not client.public:
                raise Refused("invalid_client", "the client is unknown or must authenticate", 401)
            return client
        scheme, _, rest = authorization.partition(" ")
        try:
            name, _, secret = base64.b64decode(rest, validate=True).decode().partition(":")
        except ValueError:
            name = secret = ""
        client = self.clients.get(urllib.parse.unquote_plus(name))
        wanted = client.secret if client and client.secret else secrets.token_urlsafe(32)
        if scheme.lower() != "basic" or not hmac.compare_digest(wanted.encode(), urllib.parse.unquote_plus(secret).encode()):
            raise Refused("invalid_client", "client and secret do not match", 401)
        if form.get("client_id", client.name) != client.name:
            raise Refused("invalid_request", "client_id is another client's")
        return client

    # ---- tokens ----

    def scopes_for(self, client, asked, within=None):
        wanted = asked.split() if asked else list(within or client.scopes)
        if any(scope not in client.scopes or (within is not None and scope not in within) for scope in wanted):
            raise Refused("invalid_scope", "a scope is not the client's, or more than was granted")
        return wanted

    def issue(self, client, subject, scopes, family, thumbprint, audience=AUDIENCE):
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": audience, "sub": subject, "client_id": client.name, "jti": secrets.token_hex(16), "scope": " ".join(scopes),
                  "iat": min(now, now + client.lifetime_s), "exp": now + client.lifetime_s, **self.users.get(subject, {})}
        if thumbprint:
            claims["cnf"] = {"x5t#S256": thumbprint}
        token = secrets.token_urlsafe(32) if client.opaque else self.keys[-1].token(claims, typ="at+jwt")
        self.tokens[token] = {"client": client.name, "claims": claims, "family": family}
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": max(client.lifetime_s, 0), "scope": claims["scope"]}
        if "refresh_token" in client.grants:
            answer["refresh_token"] = secrets.token_urlsafe(32)
            self.refresh[answer["refresh_token"]] = {"client": client.name, "subject": subject, "scopes": scopes, "family": family, "used": False}
        return answer

    def end_family(self, family):
        for tokens in (self.tokens, self.refresh):
            for token in [t for t, about in tokens.items() if about["family"] == family]:
                del tokens[token]

    def token(self, client, form, thumbprint):
        grant = form.get("grant_type", "")
        if grant not in ("authorization_code", "client_credentials", "refresh_token"):
            raise Refused("unsupported_grant_type" if grant else "invalid_request", "the grant type is missing or not one of OAuth 2.1")
        if grant not in client.grants:
            raise Refused("unauthorized_client", "the client may not use this grant")
        if grant == "client_credentials":
            return self.issue(client, client.name, self.scopes_for(client, form.get("scope")), secrets.token_hex(8), thumbprint)
        if grant == "refresh_token":
            return self.token_by_refresh(client, form, thumbprint)
        return self.token_by_code(client, form, thumbprint)

    def token_by_code(self, client, form, thumbprint):
        code = self.codes.get(form.get("code", ""))
        if not code or code["client"] != client.name:
            raise Refused("invalid_grant", "the code is unknown or another client's")
        if code["used"]:
            self.end_family(code["family"])
            raise Refused("invalid_grant", "the code was used before: what came of it is revoked")
        code["used"] = True
        challenge = encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if time.time() > code["until"] or form.get("redirect_uri") != code["redirect"]:
            raise Refused("invalid_grant", "the code has expired, or is for another redirect_uri")
        if not hmac.compare_digest(challenge, code["challenge"]):
            raise Refused("invalid_grant", "the code_verifier does not match")
        return self.issue(client, code["subject"], code["scopes"], code["family"], thumbprint)

    def token_by_refresh(self, client, form, thumbprint):
        about = self.refresh.get(form.get("refresh_token", ""))
        if not about or about["client"] != client.name:
            raise Refused("invalid_grant", "the refresh token is unknown or another client's")
        if about["used"]:
            self.end_family(about["family"])
            raise Refused("invalid_grant", "the refresh token was used before: all that came of its grant is revoked")
        scopes = self.scopes_for(client, form.get("scope"), about["scopes"])
        about["used"] = True
        return self.issue(client, about["subject"], scopes, about["family"], thumbprint)

    def authorize(self, query):
        """Where the browser is sent. Errors of client and redirect_uri are told to nobody but the user."""
        client = self.clients.get(query.get("client_id", ""))
        redirect = query.get("redirect_uri", "")
        if not client or redirect not in client.redirects:
            raise Refused("invalid_request", "client_id or redirect_uri is not registered")
        answer = {"state": query["state"]} if "state" in query else {}
        challenge = query.get("code_challenge", "")
        try:
            if query.get("response_type") != "code":
                raise Refused("unsupported_response_type" if "response_type" in query else "invalid_request", "response_type must be code: there is no implicit flow")
            if query.get("code_challenge_method") != "S256" or len(challenge) != 43:
                raise Refused("invalid_request", "PKCE with S256 is required")
            if "authorization_code" not in client.grants:
                raise Refused("unauthorized_client", "the client may not use this grant")
            if query.get("login_hint") not in self.users:
                raise Refused("access_denied", "there is no such user")
            scopes = self.scopes_for(client, query.get("scope"))
        except Refused as refused:
            answer.update(error=refused.error, error_description=str(refused))
        else:
            answer["code"] = secrets.token_urlsafe(32)
            self.codes[answer["code"]] = {"client": client.name, "redirect": redirect, "challenge": challenge, "subject": query["login_hint"], "scopes": scopes,
                                          "family": secrets.token_hex(8), "until": time.time() + CODE_S, "used": False}
        return redirect + "?" + urllib.parse.urlencode({**answer, "iss": self.issuer})

    def introspect(self, client, form):
        if not client.introspects:
            raise Refused("unauthorized_client", "the client may not introspect", 403)
        about = self.tokens.get(form.get("token", ""))
        if not about or about["claims"]["exp"] <= time.time():
            return {"active": False}
        return {"active": True, "token_type": "Bearer", **about["claims"]}

    def revoke(self, client, form):
        """RFC 7009: an unknown token is as good as revoked, another client's stays."""
        for tokens in (self.tokens, self.refresh):
            about = tokens.get(form.get("token", ""))
            if about and about["client"] == client.name:
                self.end_family(about["family"])


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    authorization = None

    def log_message(self, *arguments):
        pass

    def answer(self, status, body, headers=()):
        text = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in (("Content-Type", "application/json"), ("Content-Length", str(len(text))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def answer_instead(self, path):
        status, text = self.authorization.instead[path]
        self.send_response(status)
        for name, value in (("Content-Type", "application/json"), ("Content-Length", str(len(text)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def refuse(self, refused):
        challenge = [("WWW-Authenticate", 'Basic realm="clients"')] if refused.status == 401 else []
        self.answer(refused.status, {"error": refused.error, "error_description": str(refused)}, [("Cache-Control", "no-store"), *challenge])

    @staticmethod
    def read_form(text):
        pairs = urllib.parse.parse_qsl(text, keep_blank_values=True, max_num_fields=64)
        if len({name for name, _ in pairs}) != len(pairs):
            raise Refused("invalid_request", "a parameter is given twice")
        return dict(pairs)

    def note(self, path):
        server = self.authorization
        with server.lock:
            server.hits[path] = server.hits.get(path, 0) + 1
        time.sleep(server.delay_s)
        if path in ("/introspect", "/jwks"):
            server.gate.wait(60)

    def do_GET(self):
        server = self.authorization
        path, _, query = self.path.partition("?")
        self.note(path)
        if path in server.instead:
            self.answer_instead(path)
        elif path in ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"):
            self.answer(200, server.metadata(), [("Cache-Control", "max-age=60")])
        elif path == "/jwks":
            keys = server.jwks()
            etag = f'"{len(keys["keys"])}-{keys["keys"][-1]["kid"]}"'
            same = self.headers.get("If-None-Match") == etag
            self.answer(304 if same else 200, None if same else keys, [("Cache-Control", "max-age=3600"), ("ETag", etag)])
        elif path == "/authorize":
            try:
                with server.lock:
                    where = server.authorize(self.read_form(query))
                self.answer(302, None, [("Location", where), ("Cache-Control", "no-store")])
            except Refused as refused:
                self.refuse(refused)
        else:
            self.answer(404, {"error": "not_found"})

    def thumbprint(self):
        der = self.connection.getpeercert(True)
        return encode(hashlib.sha256(der).digest()) if der else None

    def do_POST(self):
        server = self.authorization
        path = self.path.partition("?")[0]
        self.note(path)
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > BODY_MAX:
            self.close_connection = True
            self.answer(413, {"error": "invalid_request"})
            return
        body = self.rfile.read(int(length))
        if path in server.instead:
            self.answer_instead(path)
            return
        try:
            if "?" in self.path or not self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
                raise Refused("invalid_request", "parameters come in the body, as a form")
            form = self.read_form(body.decode("utf-8", "replace"))
            with server.lock:
                client = server.client_of(self.headers.get("Authorization"), form, self.thumbprint())
                if path == "/token":
                    answer = server.token(client, form, self.thumbprint())
                elif path == "/introspect":
                    answer = server.introspect(client, form)
                elif path == "/revoke":
                    answer = server.revoke(client, form)
                else:
                    raise Refused("not_found", "there is no such endpoint", 404)
            self.answer(200, answer, [("Cache-Control", "no-store")])
        except Refused as refused:
            self.refuse(refused)


def main():
    os.umask(0o077)
    with AuthorizationServer(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None) as server:
        for client in server.clients.values():
            if client.secret:
                (server.folder / f"{client.name}.secret").write_text(client.secret)
        (server.folder / "next").write_text(server.issuer)
        (server.folder / "next").rename(server.folder / "url")
        server.thread.join()


if __name__ == "__main__":
    main()
