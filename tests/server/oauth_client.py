# SPDX-License-Identifier: Apache-2.0
"""A client of the authorization server, as a service or an app is one."""
import base64
import hashlib
import http.client
import json
import secrets
import ssl
import urllib.parse

from jwk import encode

CALLBACK = "https://app.example/callback"


class OAuthClient:
    """name and secret of a client; certificate: (file, key file) to connect with."""

    def __init__(self, server, name, certificate=None):
        self.server, self.name, self.secret = server, name, server.clients[name].secret
        context = ssl.create_default_context(cafile=str(server.ca))
        if certificate:
            context.load_cert_chain(*map(str, certificate))
        self.context = context

    def ask(self, method, path, form=None, headers=None):
        connection = http.client.HTTPSConnection("127.0.0.1", self.server.port, context=self.context, timeout=10)
        try:
            body = urllib.parse.urlencode(form) if form is not None else None
            given = {"Content-Type": "application/x-www-form-urlencoded"} if form is not None else {}
            connection.request(method, path, body, {**given, **(headers or {})})
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, dict(answer.getheaders()), json.loads(text) if text else None
        finally:
            connection.close()

    def post(self, path, basic=True, **form):
        """(status, answer), authenticated by the secret where there is one."""
        headers = {}
        if self.secret and basic:
            headers["Authorization"] = "Basic " + base64.b64encode(f"{self.name}:{self.secret}".encode()).decode()
        elif not self.secret:
            form.setdefault("client_id", self.name)
        status, _, answer = self.ask("POST", path, form, headers)
        return status, answer

    def authorize(self, user="alice", **changes):
        """What the browser brings back, and the verifier."""
        verifier = secrets.token_urlsafe(48)
        query = {"response_type": "code", "client_id": self.name, "redirect_uri": CALLBACK, "state": "s", "login_hint": user,
                 "code_challenge": encode(hashlib.sha256(verifier.encode()).digest()), "code_challenge_method": "S256", **changes}
        query = {name: value for name, value in query.items() if value is not None}
        status, headers, answer = self.ask("GET", "/authorize?" + urllib.parse.urlencode(query))
        if status != 302:
            return status, answer, verifier
        return status, dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(headers["Location"]).query)), verifier

    def sign_in(self, user="alice", **changes):
        """The token answer for a user, by code and PKCE."""
        status, back, verifier = self.authorize(user, **changes)
        assert status == 302 and "code" in back, (status, back)
        status, answer = self.post("/token", grant_type="authorization_code", code=back["code"], redirect_uri=CALLBACK, code_verifier=verifier)
        assert status == 200, answer
        return answer

    def credentials(self, **more):
        status, answer = self.post("/token", grant_type="client_credentials", **more)
        assert status == 200, answer
        return answer
