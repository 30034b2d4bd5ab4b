#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Malformed requests, each refused with the right status and a JSON error: test_malformed.py [COUNT] (default 600).

Each case is made by a rule that knows its status; where bytes are chosen, by a generator of a fixed seed. After each one pold still
answers a good request.
"""
import json
import random
import re
import sys

from daemon import ASKING, EVALUATION, Daemon, main, request, same

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 600
BODY = json.dumps(ASKING).encode()
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
POST = b"POST " + EVALUATION.encode() + b" HTTP/1.1\r\nHost: pold\r\nContent-Type: application/json\r\n"
DATA = b"POST /v1/data/answer HTTP/1.1\r\nHost: pold\r\n"


def head(line=b"GET /health HTTP/1.1", lines=(b"Host: pold",), end=b"\r\n\r\n"):
    return b"\r\n".join([line, *lines]) + end


def control(r):
    """A byte that no head may have."""
    return bytes([r.choice([*range(0, 9), 11, 12, *range(14, 32), 127])])


# Each rule: (what, status, bytes of r). All but the JSON rules end the connection.
HTTP_RULES = [
    ("no blank", 400, lambda r: head(b"GET/health")),
    ("two blanks", 400, lambda r: head(b"GET  /health HTTP/1.1")),
    ("blank before the line", 400, lambda r: head(b" GET /health HTTP/1.1")),
    ("blank after the line", 400, lambda r: head(b"GET /health HTTP/1.1 ")),
    ("no version", 400, lambda r: head(b"GET /health")),
    ("lower-case version", 400, lambda r: head(b"GET /health http/1.1")),
    ("version 2", 505, lambda r: head(b"GET /health HTTP/2.0")),
    ("version 0.9", 505, lambda r: head(b"GET /health HTTP/0.9")),
    ("HTTP/2 preface", 505, lambda r: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("method with a bracket", 400, lambda r: head(b"G(T /health HTTP/1.1")),
    ("asterisk", 400, lambda r: head(b"OPTIONS * HTTP/1.1")),
    ("authority", 400, lambda r: head(b"CONNECT pold:80 HTTP/1.1")),
    ("relative target", 400, lambda r: head(b"GET health HTTP/1.1")),
    ("fragment", 400, lambda r: head(b"GET /health#x HTTP/1.1")),
    ("bad escape", 400, lambda r: head(b"GET /v1/data/%" + r.choice([b"", b"2", b"zz", b"%41"]) + b" HTTP/1.1")),
    ("raw byte in the target", 400, lambda r: head(b"GET /" + bytes([r.choice(b'"<>\\^`{|}\x80\xff')]) + b" HTTP/1.1")),
    ("control in the line", 400, lambda r: head(b"GET /he" + control(r) + b"alth HTTP/1.1")),
    ("bare LF", 400, lambda r: head(b"GET /health HTTP/1.1\nHost: pold", ())),
    ("bare LF in headers", 400, lambda r: head(lines=(b"Host: pold\nX: y",))),
    ("bare CR", 400, lambda r: head(lines=(b"Host: pold", b"X: a\rb"))),
    ("two empty lines before", 400, lambda r: b"\r\n\r\n" + head()),
    ("folded line", 400, lambda r: head(lines=(b"Host: pold", b"X: a", r.choice([b" ", b"\t"]) + b"b"))),
    ("blank before the colon", 400, lambda r: head(lines=(b"Host: pold", b"X" + r.choice([b" ", b"\t"]) + b": a"))),
    ("no colon", 400, lambda r: head(lines=(b"Host: pold", b"X"))),
    ("no name", 400, lambda r: head(lines=(b"Host: pold", b": x"))),
    ("bad name", 400, lambda r: head(lines=(b"Host: pold", b"X" + bytes([r.choice(b'()<>@,;\\"/[]?={}\x80')]) + b"Y: a"))),
    ("control in a value", 400, lambda r: head(lines=(b"Host: pold", b"X: a" + control(r) + b"b"))),
    ("no Host", 400, lambda r: head(lines=())),
    ("two Hosts", 400, lambda r: head(lines=(b"Host: pold", b"host: pold"))),
    ("bad Host", 400, lambda r: head(lines=(b"Host: " + r.choice([b"a b", b"a/b", b"a:b", b"a@b", b"[::1", b"a:123456"]),))),
    ("chunked", 411, lambda r: POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("other coding", 501, lambda r: POST + b"Transfer-Encoding: " + r.choice([b"gzip", b"gzip, chunked", b"chunked, gzip", b"x"]) + b"\r\n\r\n"),
    ("coding twice", 501, lambda r: POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ("coding and length", 400, lambda r: POST + b"Transfer-Encoding: chunked\r\n" + LENGTH + b"\r\n" + BODY),
    ("coding in 1.0", 400, lambda r: POST.replace(b"/1.1", b"/1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("two lengths", 400, lambda r: POST + LENGTH + r.choice([LENGTH, b"content-length: 0\r\n"]) + b"\r\n" + BODY),
    (
        "bad length",
        400,
        lambda r: POST + b"Content-Length: " + r.choice([b"", b"x", b"-1", b"+1", b"1 1", b"1,1", b"0x10", b"1.0", b"9" * 19, b"1e3"]) + b"\r\n\r\n",
    ),
    ("body too large", 413, lambda r: POST + b"Content-Length: %d\r\n\r\n" % r.randrange(1048577, 10**17)),
    ("body too large for OPA", 400, lambda r: DATA + b"Content-Length: %d\r\n\r\n" % r.randrange(1048577, 10**17)),
    ("other expectation", 417, lambda r: POST + LENGTH + b"Expect: 200-ok\r\n\r\n"),
    ("two content types", 400, lambda r: POST + b"Content-Type: application/json\r\n" + LENGTH + b"\r\n" + BODY),
    ("long line", 414, lambda r: b"GET /" + b"a" * r.randrange(16384, 20000)),
    ("long target", 414, lambda r: head(b"GET /" + b"a" * 9000 + b" HTTP/1.1")),
    ("many headers", 431, lambda r: head(lines=[b"Host: pold"] + [b"X: y"] * 64)),
    ("long headers", 431, lambda r: head(lines=[b"Host: pold"] + [b"X: " + b"y" * 1000] * 20)),
    ("noise", 400, lambda r: bytes(r.choice(b"\x00\x16\x03{[<\xff\x80") for _ in range(r.randrange(1, 300))) + b"\n"),
]


def broken_json(r):
    """A document cut short, or with one byte turned into one that cannot stand there."""
    i = r.randrange(1, len(BODY))
    return r.choice([BODY[:i], BODY[:i] + bytes([r.choice(b"\x00\x01\x1f\x80\xc0\xff")]) + BODY[i + 1 :], BODY + b"," + BODY[:i]])


def wrong_member(r):
    wrong = json.loads(BODY)
    entity = r.choice(list(wrong))
    choices = [None, 1, "x", [], True]
    if r.random() < 0.5:
        wrong[entity] = r.choice(choices)
    else:
        member = r.choice(list(wrong[entity]))
        wrong[entity][member] = r.choice([None, 1, {}, [], False])
    return json.dumps(wrong).encode()


def without_member(r):
    wrong = json.loads(BODY)
    entity = r.choice(list(wrong))
    if r.random() < 0.5:
        del wrong[entity]
    else:
        del wrong[entity][r.choice(list(wrong[entity]))]
    return json.dumps(wrong).encode()


def post(path, body, content_type=b"application/json"):
    return b"POST %s HTTP/1.1\r\nHost: pold\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (path, content_type, len(body)) + body


AUTHZEN = EVALUATION.encode()
JSON_RULES = [
    ("broken JSON", 400, lambda r: post(AUTHZEN, broken_json(r))),
    ("broken JSON for OPA", 400, lambda r: post(b"/v1/data/answer", broken_json(r))),
    ("no object", 400, lambda r: post(r.choice([AUTHZEN, b"/v1/data"]), r.choice([b"[]", b"1", b"null", b'"x"', b"true", b"[" * 5000]))),
    ("empty", 400, lambda r: post(AUTHZEN, b"")),
    ("wrong type of a member", 400, lambda r: post(AUTHZEN, wrong_member(r))),
    ("missing member", 400, lambda r: post(AUTHZEN, without_member(r))),
    ("member twice", 400, lambda r: post(AUTHZEN, b'{"subject":{},' + BODY[1:])),
    ("lone surrogate", 400, lambda r: post(AUTHZEN, BODY.replace(b"alice", b"\\ud800"))),
    ("NUL in a name", 400, lambda r: post(AUTHZEN, BODY.replace(b"alice", b"a\\u0000b"))),
    ("other content type", 400, lambda r: post(AUTHZEN, BODY, r.choice([b"text/plain", b"application/jsonx", b"application", b""]))),
    ("coded body", 415, lambda r: post(AUTHZEN, BODY, b"application/json\r\nContent-Encoding: br")),
    ("body that is no gzip", 400, lambda r: post(AUTHZEN, BODY, b"application/json\r\nContent-Encoding: gzip")),
    ("bad path", 400, lambda r: head(b"GET /v1/data/" + r.choice([b"%ff", b"%c0%80", b"a/%80"]) + b" HTTP/1.1")),
    ("bad parameter", 400, lambda r: head(b"GET /v1/data/answer?input=" + r.choice([b"", b"%7B", b"x", b"%00"]) + b" HTTP/1.1")),
    ("wrong method", 405, lambda r: head(r.choice([b"PUT", b"DELETE", b"PATCH", b"FOO"]) + b" /v1/data/x HTTP/1.1")),
    ("no such path", 404, lambda r: head(b"GET /" + r.choice([b"v2", b"v1", b"access", b".well-known/x", b"%2e"]) + b" HTTP/1.1")),
]
RULES = [(*rule, True) for rule in HTTP_RULES] + [(*rule, False) for rule in JSON_RULES]


def check_error(what, status, sent, response):
    assert response is not None, f"{what}: no answer to {sent[:200]!r}"
    same(response.status, status, f"{what}: {sent[:200]!r} {response.body!r}")
    same(response.headers["content-type"], "application/json", what)
    error = response.json()
    message = error if isinstance(error, str) else error["message"]
    assert isinstance(message, str) and message, f"{what}: {error!r}"
    if isinstance(error, dict):
        assert isinstance(error["code"], str), what


def test_each_is_refused_and_nothing_falls_over():
    r = random.Random(1)
    with Daemon() as d:
        c = d.client()
        for i in range(COUNT):
            what, status, make, ends = RULES[i % len(RULES)]
            sent = make(r)
            try:
                c.send(sent)
            except BrokenPipeError:
                pass
            if ends:
                c.sock.shutdown(1)
            check_error(what, status, sent, c.read())
            if ends:
                assert c.ended(), f"{what}: the connection goes on"
                c.close()
                c = d.client()
            if i % 10 == 0:
                same(c.evaluate().json()["decision"], True)
        same(d.process.poll(), None)
        same(d.health()["status"], "ok")
        page = d.ask("GET", "/metrics").body.decode()
        counted = re.findall(r'^http_request_duration_seconds_count\{code="[45]\d\d".*\} (\d+)$', page, re.M)
        same(sum(map(int, counted)), COUNT, "requests that pold counts as refused")


def test_a_refused_request_hides_no_other():
    """What follows a refused head is not read as a request."""
    with Daemon() as d:
        c = d.client()
        c.send(POST + LENGTH + b"Content-Length: 0\r\n\r\n" + request("GET", "/health"))
        same(c.read().status, 400)
        assert c.ended()


def test_authzen_errors_have_the_form_that_is_accepted():
    with Daemon() as d:
        for accept, content_type, body in [
            ("*/*", "text/plain; charset=utf-8", b"the body is empty\n"),
            ("text/html, text/*;q=0.5", "text/plain; charset=utf-8", b"the body is empty\n"),
            ("application/json", "application/json", b'"the body is empty"\n'),
            ("application/json, */*;q=0", "application/json", b'"the body is empty"\n'),
        ]:
            r = d.ask("POST", EVALUATION, b"", {"Accept": accept, "Content-Type": "application/json"})
            same((r.status, r.headers["content-type"], r.body), (400, content_type, body), accept)


def test_messages_name_what_is_wrong():
    with Daemon() as d:
        for body, message in [
            ({}, "subject is missing"),
            ({**ASKING, "subject": 7}, "subject must be an object, not number"),
            ({**ASKING, "action": {}}, "action.name is missing"),
            ({**ASKING, "resource": {"type": "r", "id": None}}, "resource.id must be a string, not null"),
            ({**ASKING, "resource": {"type": "r", "id": "1", "properties": []}}, "resource.properties must be an object, not array"),
            ({**ASKING, "context": "x"}, "context must be an object, not string"),
            ({**ASKING, "token": 1}, "token must be a string, not number"),
            ({**ASKING, "request": {"method": "GET"}}, "request.path is missing"),
            ({**ASKING, "request": {"method": "GET", "path": "/a?b"}}, "request.path has a query: it belongs into request.query"),
            (
                {**ASKING, "request": {"method": "GET", "path": "/a", "headers": {"A": "1", "a": "2"}}},
                "request.headers has a name twice, in different case",
            ),
        ]:
            r = d.ask("POST", EVALUATION, body)
            same((r.status, r.json()), (400, message))


main(sys.modules[__name__])
