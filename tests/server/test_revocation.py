#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Revocation and trust domains end to end: a real `openssl ocsp`, lists by `openssl ca`, a stapled response seen by `openssl s_client`."""
import contextlib
import socket
import subprocess
import sys
import time

from credentials import Credentials, openssl
from daemon import ASKING, EVALUATION, Daemon, main, same

ECHO = {"echo.rego": 'package echo\n\ndefault allow := false\n\nallow if input.action.name == "read"\n\ndecision := {"allow": allow, "seen": input}\n'}
INTERVAL_S = 2
SLOW_S = 1.0  # a responder may take 3 s; no decision comes near


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Authority(Credentials):
    """With a database of what it issued, a responder for it and lists."""

    def __init__(self, folder):
        super().__init__(folder)
        self.port = free_port()
        self.revoked = {}
        self.rows = {}
        self.responder = None
        (self.folder / "crlnumber").write_text("01\n")
        (self.folder / "ca.cnf").write_text(
            f"[ca]\ndefault_ca=d\n[d]\ndatabase={self.folder}/index.txt\ncrlnumber={self.folder}/crlnumber\ndefault_md=sha256\n"
            "crl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n"
        )
        self.issue("responder", "extendedKeyUsage=OCSPSigning")
        self.write_index()

    def issue(self, name, extensions):
        key, out = self.folder / f"{name}.key", self.folder / f"{name}.pem"
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        openssl("req", "-new", "-key", key, "-subj", f"/O=Acme/CN={name}", "-out", self.folder / "csr")
        (self.folder / "ext").write_text(
            "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nauthorityKeyIdentifier=keyid\n"
            f"subjectKeyIdentifier=hash\n{extensions}\n"
        )
        openssl(
            "x509", "-req", "-in", self.folder / "csr", "-CA", self.ca, "-CAkey", self.folder / "ca.key",
            "-CAcreateserial", "-days", "10", "-extfile", self.folder / "ext", "-out", out,
        )  # fmt: skip
        self.rows[name] = openssl("x509", "-in", out, "-noout", "-serial").decode().strip().split("=")[1]
        return out.read_text()

    def client(self, name, san=None):
        """A client certificate that names the responder."""
        return self.issue(
            name,
            f"extendedKeyUsage=clientAuth,serverAuth\nsubjectAltName={san or 'URI:spiffe://acme.example/' + name}\n"
            f"authorityInfoAccess=OCSP;URI:http://127.0.0.1:{self.port}",
        )

    def write_index(self):
        lines = []
        for name, serial in self.rows.items():
            state = f"R\t400101000000Z\t{self.revoked[name]}" if name in self.revoked else "V\t400101000000Z\t"
            lines.append(f"{state}\t{serial}\tunknown\t/O=Acme/CN={name}\n")
        (self.folder / "next").write_text("".join(lines))
        (self.folder / "next").rename(self.folder / "index.txt")
        (self.folder / "index.txt.attr").write_text("unique_subject = no\n")

    def revoke(self, name):
        self.revoked[name] = time.strftime("%y%m%d%H%M%SZ", time.gmtime(time.time() - 5))
        self.write_index()
        if self.responder:
            # it looks at its database behind an answer, not before
            openssl("ocsp", "-issuer", self.ca, "-cert", self.folder / f"{name}.pem", "-url", f"http://127.0.0.1:{self.port}", "-noverify")

    def start(self, *more):
        self.responder = subprocess.Popen(
            ["openssl", "ocsp", "-index", "index.txt", "-port", str(self.port), "-rsigner", "responder.pem", "-rkey", "responder.key", "-CA", "ca.pem",
             "-ignore_err", *(more or ("-nmin", "5"))],
            cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        # not by a connection: one that asks nothing is waited for by this program, and nobody else is served
        line = self.responder.stdout.readline()
        assert line.startswith(b"ACCEPT"), line

    def stop(self):
        if self.responder:
            self.responder.kill()
            self.responder.wait()
            self.responder.stdout.close()
            self.responder = None

    def write_list(self, name="crl.pem", *more):
        openssl("ca", "-config", self.folder / "ca.cnf", "-gencrl", "-keyfile", self.folder / "ca.key", "-cert", self.ca,
                "-out", self.folder / "crl.next", *(more or ("-crldays", "1")))  # fmt: skip
        (self.folder / "crl.next").rename(self.folder / name)


@contextlib.contextmanager
def serving(identity, prepare=None, tls=False):
    d = Daemon({"decision": "echo/decision"}, data={}, modules=ECHO)
    c = Authority(d.folder)
    if prepare:
        prepare(c)
    d.settings["identity"] = {"trust": ["ca.pem"], **identity}
    if tls:
        d.port = free_port()
        d.settings["tls"] = {"address": f"127.0.0.1:{d.port}", "certificate": "server.pem", "key": "server.key"}
    try:
        with d:
            yield d, c
    finally:
        c.stop()


def ocsp(mode, **more):
    return {"revocation": mode, "ocsp": {"interval": f"{INTERVAL_S}s", "timeout": "3s", **more}}


def judge(d, pem):
    """What becomes of a decision with this certificate: its revocation, or why it is refused. None of them is slow."""
    begun = time.monotonic()
    answer = d.ask("POST", EVALUATION, {**{k: v for k, v in ASKING.items() if k != "subject"}, "cert": pem})
    took = time.monotonic() - begun
    assert took < SLOW_S, f"a decision took {took} s"
    context = answer.json()["context"]
    return context["seen"]["cert"]["revocation"] if "seen" in context else context["reason"]


def until(d, pem, wanted, seconds):
    """Asks until it is so; how long that took. What was before that stays so."""
    begun, before = time.monotonic(), judge(d, pem)
    while time.monotonic() < begun + seconds:
        got = judge(d, pem)
        if got == wanted:
            return time.monotonic() - begun
        same(got, before)
        time.sleep(0.01)
    raise AssertionError(f"not {wanted} in {seconds} s: {got}; the log: {d.log()}")


def test_hard_refuses_a_revoked_certificate_within_an_interval():
    with serving(ocsp("hard")) as (d, c):
        web, other = c.client("web"), c.client("other")
        c.write_index()
        c.start()
        same(judge(d, web), "cert_revocation", "nothing is known yet")
        until(d, web, "good", INTERVAL_S)
        until(d, other, "good", INTERVAL_S)
        c.revoke("web")
        until(d, web, "cert_revoked", INTERVAL_S + 1)
        same(judge(d, other), "good")
        metrics = d.ask("GET", "/metrics").body.decode()
        assert 'polward_ocsp_answers_total{result="revoked"} 1' in metrics, metrics
        same(d.metric("polward_ocsp_certificates"), 2)


def test_no_decision_waits_for_a_responder():
    """One that takes connections and never answers; judge() looks at the time of each decision."""
    with serving(ocsp("hard")) as (d, c), socket.socket() as silent:
        pem = c.client("web")
        silent.bind(("127.0.0.1", c.port))
        silent.listen(16)
        begun = time.monotonic()
        while time.monotonic() < begun + 3.5:
            same(judge(d, pem), "cert_revocation")
        d.wait(lambda: 'polward_ocsp_answers_total{result="failed"} 0\n' not in d.ask("GET", "/metrics").body.decode())
        assert any(line["msg"] == "OCSP" and line["responder"].endswith(str(c.port)) for line in d.log_lines()), d.log()


def test_soft_accepts_what_is_not_known():
    with serving(ocsp("soft")) as (d, c):
        pem = c.client("web")
        same(judge(d, pem), "unknown")
        c.write_index()
        c.start()
        until(d, pem, "good", 10)
        c.revoke("web")
        until(d, pem, "cert_revoked", INTERVAL_S + 1)
        c.stop()
        time.sleep(1)
        same(judge(d, pem), "cert_revoked", "it stays so without a responder")


def test_a_good_status_counts_while_the_responder_is_away():
    with serving(ocsp("hard", nonce="none")) as (d, c):
        pem = c.client("web")
        c.write_index()
        c.start()
        until(d, pem, "good", 10)
        c.stop()
        time.sleep(2 * INTERVAL_S)
        same(judge(d, pem), "good")


def test_a_responder_that_is_not_certified_for_it_counts_nothing():
    def prepare(c):
        c.issue("responder", "extendedKeyUsage=clientAuth")

    with serving(ocsp("hard"), prepare) as (d, c):
        pem = c.client("web")
        c.write_index()
        c.start()
        judge(d, pem)
        d.wait(lambda: any("not signed by the issuer" in line.get("error", "") for line in d.log_lines()))
        same(judge(d, pem), "cert_revocation")


def test_a_required_nonce_comes_back():
    with serving(ocsp("hard", nonce="required", url="http://127.0.0.1:1")) as (d, c):
        pem = c.certificate("plain", "DNS:plain.example")
        same(judge(d, pem), "cert_revocation")
        d.settings["identity"]["ocsp"]["url"] = f"http://127.0.0.1:{c.port}"
        c.rows["plain"] = openssl("x509", "-in", c.folder / "plain.pem", "-noout", "-serial").decode().strip().split("=")[1]
        c.write_index()
        c.start()
        d.write_settings()
        d.signal(1)
        until(d, pem, "good", 10)


def test_lists_by_mode():
    def prepare(c):
        c.client("web")
        c.client("bad")
        c.revoke("bad")
        c.write_list()

    for mode, missing in (("auto", "cert_revocation"), ("soft", "unknown"), ("hard", "cert_revocation"), ("off", "unknown")):
        with serving({"crls": ["crl.pem"], "revocation": mode}, prepare) as (d, c):
            web, bad = (c.folder / "web.pem").read_text(), (c.folder / "bad.pem").read_text()
            same(judge(d, web), "unknown" if mode == "off" else "good", mode)
            same(judge(d, web), "unknown" if mode == "off" else "good", mode + ", known")
            same(judge(d, bad), "unknown" if mode == "off" else "cert_revoked", mode)
            # the list has expired, then it is another authority's
            c.write_list("crl.pem", "-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", "20200201000000Z")
            d.wait(lambda: d.metric("polward_world_generation") == 2)
            same(judge(d, web), missing, mode + ", expired")
            same(judge(d, bad), "unknown" if mode == "off" else "cert_revocation" if mode == "auto" else "cert_revoked", mode + ", expired, held")


def test_trust_domains_have_roots_of_their_own():
    def prepare(c):
        for name, by in (("ours", "ca"), ("theirs", "stranger")):
            c.certificate(f"acme-{name}", "URI:spiffe://acme.example/web", by)
            c.certificate(f"other-{name}", "URI:spiffe://other.example/web", by)
            c.certificate(f"dns-{name}", "DNS:web.example", by)
        (c.folder / "domain").mkdir()
        (c.folder / "stranger.pem").rename(c.folder / "domain/stranger.pem")

    domains = {"trust_domains": [{"domain": "other.example", "trust": ["domain"]}]}
    with serving(domains, prepare) as (d, c):

        def all_of():
            return {name: judge(d, (c.folder / f"{name}.pem").read_text()) for name in
                    ("acme-ours", "acme-theirs", "other-ours", "other-theirs", "dns-ours", "dns-theirs")}  # fmt: skip

        wanted = {"acme-ours": "unknown", "acme-theirs": "cert_untrusted", "other-ours": "cert_untrusted", "other-theirs": "unknown",
                  "dns-ours": "unknown", "dns-theirs": "cert_untrusted"}  # fmt: skip
        same(all_of(), wanted)
        same(all_of(), wanted, "known")
        (c.folder / "next").write_bytes(c.ca.read_bytes())
        (c.folder / "next").rename(c.folder / "domain/stranger.pem")
        d.wait(lambda: d.metric("polward_world_generation") == 2)
        same(all_of(), {**wanted, "other-ours": "unknown", "other-theirs": "cert_untrusted"})


def test_the_listeners_response_is_stapled():
    def prepare(c):
        c.client("server", "IP:127.0.0.1")
        c.client("web")
        c.write_index()
        c.start()

    with serving({}, prepare, tls=True) as (d, c):
        d.wait(lambda: d.metric("polward_ocsp_stapling") == 1)

        def asked(*more):
            return openssl("s_client", "-connect", f"127.0.0.1:{d.port}", "-cert", c.folder / "web.pem", "-key", c.folder / "web.key", "-CAfile", c.ca,
                           "-verify_return_error", *more, input=b"").decode()  # fmt: skip

        seen = asked("-status")
        assert "OCSP Response Status: successful" in seen and "Cert Status: good" in seen, seen
        assert "OCSP Response" not in asked()
        c.revoke("server")
        d.settings["tls"]["staple"] = False
        d.write_settings()
        d.signal(1)
        d.wait(lambda: d.metric("polward_ocsp_stapling") == 0)
        assert "OCSP response: no response sent" in asked("-status")


main(sys.modules[__name__])
