#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Spans of decisions, as a collector gets them: their form, what is sampled, and what the callers' headers say."""
import contextlib
import gzip
import hashlib
import http.server
import json
import re
import sys
import threading
import time

from daemon import EVALUATION, Daemon, main, same
from exposition import read, value_of

POLICY = """package notes

permit anyone to read on note as "read"
forbid anyone to burn on note as "no-fire"
"""
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SPAN = {"traceId", "spanId", "parentSpanId", "traceState", "flags", "name", "kind", "startTimeUnixNano", "endTimeUnixNano", "attributes", "status"}


class Collector:
    """Keeps the spans of good requests; answers with `status`."""

    def __init__(self):
        self.spans, self.wrong, self.status, self.n = [], [], 200, 0

    def take(self, headers, body):
        assert headers["Content-Type"] == "application/json" and headers["Content-Encoding"] == "gzip", headers
        document = json.loads(gzip.decompress(body))
        same(list(document), ["resourceSpans"])
        for resource in document["resourceSpans"]:
            names = {a["key"]: a["value"]["stringValue"] for a in resource["resource"]["attributes"]}
            same((names["service.name"], len(names["service.instance.id"])), ("pold", 36))
            for scope in resource["scopeSpans"]:
                same(scope["scope"]["name"], "polward")
                for span in scope["spans"]:
                    self.check(span)
                    self.spans.append(span)

    @staticmethod
    def check(span):
        assert not set(span) - SPAN, span
        assert re.fullmatch(r"[0-9a-f]{32}", span["traceId"]) and re.fullmatch(r"[0-9a-f]{16}", span["spanId"]) and set(span["traceId"]) != {"0"}, span
        assert span["name"] == "authz.decide" and span["kind"] == 2
        begin, end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
        assert 0 < end - begin < 60e9 and abs(end / 1e9 - time.time()) < 600, span
        for attribute in span["attributes"]:
            same(sorted(attribute), ["key", "value"])
            same(len(attribute["value"]), 1)
        keys = [a["key"] for a in span["attributes"]]
        same(len(keys), len(set(keys)))

    def __enter__(self):
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.n += 1
                if collector.status == 200:
                    try:
                        same(self.path, "/v1/traces")
                        collector.take(self.headers, body)
                    except Exception as error:  # pylint: disable=broad-except
                        collector.wrong.append(error)
                self.send_response(collector.status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1/traces"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exception):
        self.server.shutdown()
        self.server.server_close()
        assert exception[0] or not self.wrong, self.wrong


@contextlib.contextmanager
def traced(sample=1000000, more=None, **tracing):
    with Collector() as collector:
        with Daemon({"decision": "polward/decision", "tracing": {"url": collector.url, "sample": sample, **tracing}, **(more or {})}, data={}, modules={"notes.pol": POLICY}) as d:
            yield d, collector


def ask(d, action="read", headers=None):
    body = {"subject": {"type": "user", "id": "ann"}, "action": {"name": action}, "resource": {"type": "note", "id": "1"}}
    return d.ask("POST", EVALUATION, body, headers).json()


def spans(d, collector, n):
    d.wait(lambda: len(collector.spans) >= n, 60)
    same(len(collector.spans), n)
    return collector.spans


def values(span):
    return {a["key"]: next(iter(a["value"].values())) for a in span["attributes"]}


def test_a_span_tells_of_the_decision():
    with traced(more={"decision_log": {"file": "decisions"}}) as (d, collector):
        answers = [ask(d), ask(d, "burn"), ask(d, "hide")]
        found = {values(span)["authz.decision_id"]: span for span in spans(d, collector, 3)}
        permit, deny, none = [found[answer["context"]["id"]] for answer in answers]
        same(values(permit), {"authz.effect": "permit", "authz.decision_id": answers[0]["context"]["id"], "authz.policy": "polward/decision", "authz.principal": "user:ann",
                              "authz.rule_id": "notes.read", "authz.tier": "role", "authz.cache_hit": False})
        same((permit["status"], permit["flags"], "parentSpanId" in permit), ({}, 0x101, False))
        same((values(deny)["authz.effect"], values(deny)["authz.rule_id"]), ("deny", "notes.no-fire"))
        same([name in values(none) for name in ("authz.rule_id", "authz.tier")], [False, False])
        same(len({span["traceId"] for span in found.values()}), 3)
        log = d.folder / "decisions"
        d.wait(lambda: log.read_text().count("\n") == 3, 30)
        logged = {line["decision_id"]: line for line in map(json.loads, log.read_text().splitlines())}
        same({i: (line["trace_id"], line["span_id"]) for i, line in logged.items()}, {i: (span["traceId"], span["spanId"]) for i, span in found.items()})
        d.wait(lambda: value_of(read(d.ask("GET", "/metrics").body.decode()), "polward_spans_total", result="sent") == 3, 30)


def test_the_caller_decides_for_his_trace():
    with traced(sample=0) as (d, collector):
        same(ask(d)["decision"], True)
        ask(d, headers={"traceparent": f"00-{TRACE}-{PARENT}-00"})
        ask(d, headers={"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "a=1,b@c=2"})
        ask(d, headers={"traceparent": f"cc-{TRACE}-{PARENT}-03-more", "tracestate": "A=1"})
        first, second = sorted(spans(d, collector, 2), key=lambda span: span["flags"])
        same((first["traceId"], first["parentSpanId"], first["flags"], first["traceState"]), (TRACE, PARENT, 0x301, "a=1,b@c=2"))
        same((second["traceId"], second["flags"], "traceState" in second), (TRACE, 0x303, False))
        assert len({first["spanId"], second["spanId"], PARENT}) == 3


def test_malformed_headers_are_as_good_as_none():
    bad = [f"00-{TRACE.upper()}-{PARENT}-01", f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}-{'0' * 16}-01", f"ff-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-01-x", f"00-{TRACE}-{PARENT}-1",
           f"00-{TRACE}_{PARENT}-01", f"01-{TRACE}-{PARENT}-01x", "", "00", f"0g-{TRACE}-{PARENT}-01"]
    with traced(sample=0) as (d, collector):
        for text in bad:
            ask(d, headers={"traceparent": text})
        with contextlib.closing(d.client()) as c:  # two of them
            body = json.dumps({"subject": {"type": "user", "id": "ann"}, "action": {"name": "read"}, "resource": {"type": "note", "id": "1"}})
            parent = f"traceparent: 00-{TRACE}-{PARENT}-01\r\n"
            c.send(f"POST {EVALUATION} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{parent}{parent}\r\n{body}".encode())
            same(c.read().status, 200)
        ask(d, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
        spans(d, collector, 1)


def test_principals_are_named_as_configured():
    for how, wanted in (("hash", hashlib.sha256(b"user:ann").hexdigest()), ("none", None)):
        with traced(principal=how) as (d, collector):
            ask(d)
            same(values(spans(d, collector, 1)[0]).get("authz.principal"), wanted)


def test_baggage_that_is_asked_for():
    with traced(baggage=["tenant", "team"]) as (d, collector):
        ask(d, headers={"baggage": "other=1, tenant = t%C3%A4;p=1,team=a b"})
        found = values(spans(d, collector, 1)[0])
        same({k: v for k, v in found.items() if k.startswith("baggage.")}, {"baggage.tenant": "tä"})


def test_a_share_of_the_others():
    with traced(sample=500000) as (d, collector):
        with contextlib.closing(d.client()) as c:
            for _ in range(400):
                same(c.evaluate({"subject": {"type": "user", "id": "ann"}, "action": {"name": "read"}, "resource": {"type": "note", "id": "1"}}).json()["decision"], True)
        d.stop()  # what waits is sent first
        assert 100 < len(collector.spans) < 300, len(collector.spans)
        d.start()


def test_a_collector_that_is_down_loses_spans_and_nothing_else():
    with traced(buffer="4KiB") as (d, collector):
        collector.status = 503
        for _ in range(60):
            same(ask(d)["decision"], True)
        page = lambda: read(d.ask("GET", "/metrics").body.decode())
        d.wait(lambda: value_of(page(), "polward_spans_total", result="lost") > 10, 60)
        collector.status = 200
        d.wait(lambda: value_of(page(), "polward_spans_total", result="sent") > 3, 60)


main(sys.modules[__name__])
