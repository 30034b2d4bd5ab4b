# SPDX-License-Identifier: Apache-2.0
"""pol token and pol cert. Loaded by run.py, whose means it uses; signatures are held against another library's."""
import base64
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path

from __main__ import Run, contains, equal, test, write

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent.parent / "server")]
from credentials import Credentials  # noqa: E402
from jwk import ALGORITHMS, Key, decode, jwks  # noqa: E402

CLAIMS = {"iss": "https://id.example", "sub": "ann", "aud": "orders", "scope": "write read"}


def secret_for(alg):
    return bytes(range(1, 65)) if alg[:2] == "HS" else None


def mint(d, key, *options, claims=CLAIMS):
    write(d, {"key.json": key.jwk})
    run = Run("token", "mint", "--key", d / "key.json", "--claims", json.dumps(claims), *options)
    equal((run.code, run.err), (0, ""), run)
    (d / "token").write_text(run.out)
    return run.out.strip()


def header_of(token):
    return json.loads(decode(token.split(".")[0]))


def claims_of(token):
    return json.loads(decode(token.split(".")[1]))


@test
def minted_tokens_verify_elsewhere_and_here(d):
    for alg in ALGORITHMS:
        for curve in ("Ed25519", "Ed448") if alg == "EdDSA" else ("",):
            key = Key(alg, "k1", curve=curve, secret=secret_for(alg))
            token = mint(d, key)
            equal(header_of(token), {"alg": alg, "kid": "k1", "typ": "JWT"})
            claims = key.check(token)
            equal({name: claims[name] for name in CLAIMS}, CLAIMS)
            equal(claims["exp"] - claims["iat"], 300)
            if abs(claims["iat"] - time.time()) > 60:
                raise AssertionError(claims)
            write(d, {"jwks.json": jwks(key) if key.alg[:2] != "HS" else {"keys": [key.jwk]}})
            run = Run("token", "verify", "--jwks", d / "jwks.json", "--audience", "orders", "--issuer", CLAIMS["iss"], "-f", "json", d / "token")
            equal(run.code, 0, run)
            seen = run.json()
            equal((seen["accepted"], seen["input"]["subject"]), (True, {"id": "ann", "type": "user"}), run)
            equal((seen["input"]["token"]["scopes"], seen["input"]["token"]["bound"]), (["read", "write"], False), run)


@test
def tokens_of_another_library_verify(d):
    for alg in ALGORITHMS:
        key = Key(alg, "k1", secret=secret_for(alg))
        good = key.token({**CLAIMS, "exp": int(time.time()) + 60})
        write(d, {"jwks.json": {"keys": [key.jwk]}, "good": good + "\n", "bad": good[:-20] + ("A" if good[-20] != "A" else "B") + good[-19:]})
        equal(Run("token", "verify", "--jwks", d / "jwks.json", d / "good").code, 0)
        run = Run("token", "verify", "--jwks", d / "jwks.json", "-f", "json", "-", stdin=(d / "bad").read_text())
        equal((run.code, run.json()["reason"]), (1, "token_signature"), run)


@test
def options_of_minting(d):
    key = Key("ES256", "k1")
    token = mint(d, key, "--kid", "other", "--typ", "at+jwt", "--expires-in", "1h30m", claims={**CLAIMS, "iat": 1000, "exp": 5})
    equal(header_of(token), {"alg": "ES256", "kid": "other", "typ": "at+jwt"})
    claims = key.check(token)
    equal((claims["iat"], abs(claims["exp"] - time.time() - 5400) < 60), (1000, True))
    equal(claims_of(mint(d, key, claims={"exp": 5}))["exp"], 5)
    equal("exp" in claims_of(mint(d, key, "--expires-in", "never")), False)
    old = claims_of(mint(d, key, "--expires-in", "-10m"))
    equal((abs(old["exp"] + 600 - time.time()) < 60, old["iat"] <= old["exp"]), (True, True))
    write(d, {"claims.json": {"sub": "bob"}, "set.json": {"keys": [Key("EdDSA", "a").jwk, key.jwk]}})
    run = Run("token", "mint", "--key", d / "set.json", "--kid", "k1", "--claims", d / "claims.json")
    equal(key.check(run.out.strip())["sub"], "bob", run)
    equal(key.check(Run("token", "mint", "--key", d / "key.json", "--claims", "-", stdin='{"sub": "cy"}').out.strip())["sub"], "cy")
    plain = {name: value for name, value in Key("RS256", "r").jwk.items() if name not in ("alg", "kid")}
    write(d, {"plain.json": plain})
    equal(header_of(Run("token", "mint", "--key", d / "plain.json").out), {"alg": "RS256", "typ": "JWT"})
    equal(header_of(Run("token", "mint", "--key", d / "plain.json", "--alg", "PS384").out)["alg"], "PS384")


@test
def minting_refuses(d):
    rsa = Key("RS256", "r")
    short = Key("HS256", "h", secret=b"0123456789")
    weak = Key("RS256", "w", bits=1024)
    whole = {name: value for name, value in rsa.jwk.items() if name != "alg"}
    write(d, {"public.json": rsa.public, "rsa.json": rsa.jwk, "free.json": whole, "short.json": short.jwk, "weak.json": weak.jwk, "bad.json": "{",
              "set.json": {"keys": [rsa.jwk, weak.jwk]}, "list.json": "[1]"})
    for file, options, wanted in (
        ("public.json", (), "no private one"), ("rsa.json", ("--alg", "PS256"), "another algorithm"), ("free.json", ("--alg", "ES256"), "type"),
        ("free.json", ("--alg", "HS256"), "type"), ("free.json", ("--alg", "none"), "algorithm is not one of"), ("short.json", (), "32 bytes"),
        ("weak.json", (), "2048"), ("bad.json", (), "not JSON"), ("set.json", (), "--kid"), ("none.json", (), "none.json"),
        ("rsa.json", ("--claims", "[1]"), "[1]"), ("rsa.json", ("--claims", d / "list.json"), "an object"),
        ("rsa.json", ("--claims", '{"a":1,"a":2}'), ""), ("rsa.json", ("--expires-in", "soon"), "5m"), ("rsa.json", ("--bind-cert", d / "bad.json"), "PEM"),
    ):  # fmt: skip
        run = Run("token", "mint", "--key", d / file, *options)
        equal((run.code, run.out), (1, ""), run)
        contains(run.err, wanted, run)
        for secret in (rsa.jwk["d"], short.jwk["k"], weak.jwk["d"]):
            equal(secret in run.err, False)
    equal(Run("token", "mint").code, 1)
    equal(Run("token").code, 1)
    equal(Run("token", "steal").code, 1)


@test
def a_token_is_decoded(d):
    key = Key("EdDSA", "k1")
    token = mint(d, key)
    run = Run("token", "decode", d / "token")
    equal((run.code, run.json()), (0, {"header": header_of(token), "claims": claims_of(token)}), run)
    equal(Run("token", "decode", stdin=token).json()["claims"]["sub"], "ann")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode() + "." + token.split(".")[1] + "."
    run = Run("token", "decode", "-", stdin=none)
    equal((run.code, run.json()["header"], run.json()["claims"]["sub"]), (1, {"alg": "none"}, "ann"), run)
    contains(run.err, "token_alg", run)
    for bad, reason in (("a.b", "token_malformed"), ("", "token_malformed"), ("a!.b.c", "token_encoding"), ("YQ.YQ.YQ", "token_json")):
        run = Run("token", "decode", "-", stdin=bad)
        equal((run.code, run.out), (1, ""), run)
        contains(run.err, reason, run)


@test
def a_refused_token_says_why(d):
    key, other = Key("ES256", "k1"), Key("ES256", "k2")
    write(d, {"jwks.json": jwks(key)})
    now = int(time.time())

    def refused(token, *options):
        run = Run("token", "verify", "--jwks", d / "jwks.json", "-f", "json", *options, stdin=token)
        equal(run.code, 1, run)
        seen = run.json()
        equal((seen["accepted"], bool(seen["message"])), (False, True), run)
        return seen["reason"], seen["details"]

    good = key.token({**CLAIMS, "exp": now + 60, "iat": now})
    reason, details = refused(key.token({**CLAIMS, "exp": 1700000000}), "--time", "1700000031")
    equal((reason, details), ("token_expired", {"exp": "2023-11-14T22:13:20Z", "now": "2023-11-14T22:13:51Z"}))
    equal(refused(key.token({**CLAIMS, "exp": 1700000000}), "--time", "2023-11-14T22:13:50Z", "--leeway", "0")[0], "token_expired")
    equal(Run("token", "verify", "--jwks", d / "jwks.json", "--time", "2023-11-14T22:13:49Z", stdin=key.token({**CLAIMS, "exp": 1700000000})).code, 0)
    equal(refused(key.token({**CLAIMS, "nbf": now + 600}))[0], "token_not_yet_valid")
    equal(refused(good, "--audience", "other"), ("token_audience", {"aud": "orders", "wanted": ["other"]}))
    equal(refused(good, "--issuer", "https://other"), ("token_issuer", {"iss": CLAIMS["iss"], "wanted": "https://other"}))
    equal(refused(good, "--alg", "RS256"), ("token_alg", {"alg": "ES256", "wanted": ["RS256"]}))
    equal(refused(good, "--require", "tenant"), ("token_claim_missing", {"claims": ["aud", "exp", "iat", "iss", "scope", "sub"]}))
    equal(refused(good, "--at-jwt"), ("token_typ", {"typ": "JWT"}))
    equal(refused(other.token({**CLAIMS, "exp": now + 60})), ("token_key", {"kid": "k2", "alg": "ES256", "keys": ["k1"]}))
    equal(refused(key.token({"sub": "ann"}))[0], "token_issuer")
    run = Run("token", "verify", "--jwks", d / "jwks.json", "--audience", "other", stdin=good)
    equal(run.out, 'refused: token_audience: the token is meant for another audience\n  aud: "orders"\n  wanted: ["other"]\n', run)


@test
def verifying_in_wrong_use(d):
    write(d, {"token": "a.b.c", "jwks.json": jwks(Key("ES256", "k1")), "empty.json": {"keys": []}})
    for options, wanted in ((("token",), "--jwks"), (("--jwks", "none.json", "token"), "none.json"), (("--jwks", "empty.json", "token"), "no key"),
                            (("--jwks", "jwks.json", "none"), "none"), (("--jwks", "jwks.json", "--leeway", "301", "token"), "300"),
                            (("--jwks", "jwks.json", "--time", "noon", "token"), "--time"), (("--jwks", "jwks.json", "--alg", "none", "token"), "algorithm"),
                            (("--jwks", "jwks.json", "token", "token"), "one file")):  # fmt: skip
        run = Run("token", "verify", *options, cwd=d)
        equal((run.code, run.out), (1, ""), run)
        contains(run.err, wanted, run)


@test
def a_token_is_bound_to_a_certificate(d):
    made = Credentials(d)
    made.certificate("web", "URI:spiffe://acme.example/web")
    made.certificate("other", "URI:spiffe://acme.example/other")
    key = Key("EdDSA", "k1")
    token = mint(d, key, "--bind-cert", d / "web.pem", claims={**CLAIMS, "cnf": {"jkt2": "x"}})
    der = subprocess.run(["openssl", "x509", "-in", d / "web.pem", "-outform", "DER"], check=True, capture_output=True).stdout
    digest = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
    equal(claims_of(token)["cnf"], {"jkt2": "x", "x5t#S256": digest})
    mint(d, key, "--bind-cert", d / "web.pem")
    write(d, {"jwks.json": jwks(key)})

    def verify(*options):
        run = Run("token", "verify", "--jwks", d / "jwks.json", "-f", "json", *options, d / "token")
        seen = run.json()
        return (run.code, seen["input"]["token"]["bound"], seen["input"]["cert"]["spiffe_id"]) if run.code == 0 else (run.code, seen["reason"])

    equal(verify("--cert", d / "web.pem", "--trust", d / "ca.pem"), (0, True, "spiffe://acme.example/web"))
    equal(verify("--cert", d / "other.pem", "--trust", d / "ca.pem"), (1, "binding_mismatch"))
    equal(verify(), (1, "binding_mismatch"))
    equal(verify("--cert", d / "web.pem", "--trust", d / "stranger.pem"), (1, "cert_untrusted"))


@test
def a_certificate_as_policies_see_it(d):
    made = Credentials(d)
    made.certificate("web", "URI:spiffe://acme.example/web")
    run = Run("cert", "--trust", d / "ca.pem", "-f", "json", d / "web.pem")
    equal(run.code, 0, run)
    seen = run.json()["input"]
    equal(seen["subject"], {"id": "spiffe://acme.example/web", "type": "workload"}, run)
    equal((seen["cert"]["subject"], seen["cert"]["issuer"], seen["cert"]["chain_length"], seen["cert"]["source"]), ("CN=web,O=Acme", "CN=ca,O=Acme", 2, "request"))
    equal(Run("cert", "--trust", d / "ca.pem", "-", stdin=(d / "web.pem").read_text()).out.splitlines()[0], "accepted")
    run = Run("cert", "--trust", d / "stranger.pem", "-f", "json", d / "web.pem")
    equal((run.code, run.json()["reason"], [c["subject"] for c in run.json()["details"]["chain"]]), (1, "cert_untrusted", ["CN=web,O=Acme"]), run)
    run = Run("cert", "--trust", d / "ca.pem", "--time", "2100-01-01T00:00:00Z", d / "web.pem")
    equal((run.code, run.out.splitlines()[0]), (1, "refused: cert_expired: the certificate or one of its chain has expired"), run)
    equal(run.out.splitlines()[2], '  now: "2100-01-01T00:00:00Z"', run)
    contains(run.out, '  chain: {"', run)
    equal(Run("cert", "--trust", d / "ca.pem", "-f", "json", d / "web.key").json()["reason"], "cert_malformed")
    equal(Run("cert", d / "web.pem").code, 1)
    contains(Run("cert", "--trust", d / "ca.pem", d / "none.pem").err, "none.pem")
    write(d, {"empty": ""})
    contains(Run("cert", "--trust", d / "ca.pem", d / "empty").err, "empty")
