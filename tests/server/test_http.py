#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""HTTP as clients use it: keep-alive, pipelining, parts that come late, methods, redirects, HTTP/1.0."""
import sys
import time

from daemon import ASKING, EVALUATION, Daemon, main, request, same


def test_many_requests_on_one_connection():
    with Daemon() as d:
        c = d.client()
        for _ in range(50):
            r = c.evaluate()
            same(r.status, 200)
            same(r.json()["decision"], True)
        ids = {c.evaluate().json()["context"]["id"] for _ in range(50)}
        same(len(ids), 50, "decision ids differ")


def test_pipelined_requests_are_answered_in_order():
    with Daemon(data={"answer": True, "n": list(range(300))}) as d:
        c = d.client()
        c.send(b"".join(request("GET", f"/v1/data/n") + request("POST", "/v1/data/answer", {"input": i}) for i in range(150)))
        for _ in range(150):
            same(c.read().json()["result"], list(range(300)))
            same(c.read().json()["result"], True)


def test_a_request_may_come_byte_by_byte():
    with Daemon() as d:
        c = d.client()
        whole = request("POST", EVALUATION, ASKING)
        for i in range(len(whole)):
            c.send(whole[i : i + 1])
        same(c.read().json()["decision"], True)


def test_a_request_may_come_in_two_parts_anywhere():
    with Daemon() as d:
        c = d.client()
        whole = request("POST", EVALUATION, ASKING) + request("GET", "/health/live")
        for i in range(1, len(whole)):
            c.send(whole[:i])
            if i % 7 == 0:
                time.sleep(0.001)
            c.send(whole[i:])
            same(c.read().json()["decision"], True)
            same(c.read().body, b"{}\n")


def test_a_large_body_comes_in_parts():
    with Daemon() as d:
        c = d.client()
        body = {**ASKING, "context": {"padding": "x" * 700_000}}
        same(c.evaluate(body).json()["decision"], True)
        same(c.evaluate().json()["decision"], True)


def test_a_slow_reader_gets_every_answer():
    with Daemon(data={"big": "y" * 200_000}) as d:
        c = d.client()
        c.send(request("GET", "/v1/data/big") * 40)
        time.sleep(0.3)
        for _ in range(40):
            same(len(c.read().json()["result"]), 200_000)


def test_continue_is_said_when_asked_for():
    with Daemon() as d:
        c = d.client()
        head, body = request("POST", EVALUATION, ASKING, {"Expect": "100-continue"}).split(b"\r\n\r\n", 1)
        c.send(head + b"\r\n\r\n")
        same(c.read().status, 100)
        c.send(body)
        same(c.read().json()["decision"], True)


def test_connection_close_is_obeyed():
    with Daemon() as d:
        c = d.client()
        r = c.ask("GET", "/health", headers={"Connection": "close"})
        same(r.headers["connection"], "close")
        assert c.ended()


def test_http_1_0_closes_unless_it_asks_not_to():
    with Daemon() as d:
        c = d.client()
        c.send(b"GET /health/live HTTP/1.0\r\n\r\n")
        same(c.read().status, 200)
        assert c.ended()
        c = d.client()
        c.send(b"GET /health/live HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n" * 2)
        same(c.read().headers["connection"], "keep-alive")
        same(c.read().status, 200)


def test_half_closed_connections_get_their_answers():
    with Daemon() as d:
        c = d.client()
        c.send(request("GET", "/health/live") * 3)
        c.sock.shutdown(1)
        for _ in range(3):
            same(c.read().status, 200)
        assert c.ended()


def test_a_request_cut_off_is_400():
    with Daemon() as d:
        c = d.client()
        c.send(request("POST", EVALUATION, ASKING)[:-5])
        c.sock.shutdown(1)
        same(c.read().status, 400)
        assert c.ended()


def test_methods_and_paths():
    with Daemon() as d:
        for method, path, status, allow in [
            ("HEAD", "/health", 405, "GET"),
            ("PUT", "/v1/data/x", 405, "POST, GET"),
            ("DELETE", "/v1/data", 405, "POST, GET"),
            ("GET", EVALUATION, 405, "POST"),
            ("POST", "/metrics", 405, "GET"),
            ("GET", "/nothing", 404, None),
            ("GET", "/v1/database", 404, None),
            ("GET", "/", 405, "POST"),
            ("GET", "/health/live/more", 404, None),
        ]:
            r = d.ask(method, path)
            same(r.status, status, f"{method} {path}")
            same(r.headers.get("allow"), allow, f"{method} {path}")
        c = d.client()
        same(c.ask("HEAD", "/health").body, b"", "an answer to HEAD has no body")
        same(c.ask("GET", "/health").status, 200, "and the connection goes on")


def test_a_slash_at_the_end_is_redirected():
    with Daemon() as d:
        for path, to in [("/v1/data/", "/v1/data"), ("/v1/data/a/?pretty", "/v1/data/a?pretty"), ("/health/", "/health")]:
            r = d.ask("GET", path)
            same((r.status, r.headers["location"]), (301, to))


def test_unknown_paths_have_the_form_that_is_accepted():
    with Daemon() as d:
        r = d.ask("GET", "/nothing", headers={"Accept": "*/*"})
        same((r.headers["content-type"], r.body), ("text/plain; charset=utf-8", b"404 page not found\n"))
        r = d.ask("GET", "/nothing", headers={"Accept": "application/json"})
        same(r.json(), {"code": "resource_not_found", "message": "404 page not found"})


def test_absolute_targets_and_an_empty_line_before():
    with Daemon() as d:
        c = d.client()
        c.send(b"\r\nGET http://other/health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        same(c.read().status, 200)
        c.send(b"GET http://other?x=1 HTTP/1.1\r\nHost: x\r\n\r\n")
        same(c.read().status, 405, "the path is /, where only POST is known")


def test_request_id_comes_back():
    with Daemon() as d:
        for value in ["r-1", 'a b;c="d"', "\xe9"]:
            for path in ["/health", "/nothing", EVALUATION]:
                same(d.ask("GET", path, headers={"X-Request-ID": value}).headers["x-request-id"], value)


def test_live_ready_health():
    with Daemon() as d:
        same(d.ask("GET", "/health/live").json(), {})
        same(d.ask("GET", "/health/ready").json(), {})
        health = d.health()
        same((health["status"], health["generation"], health["bundle"]["revision"]), ("ok", 1, "r1"))
        same(len(health["bundle"]["sha256"]), 64)


def test_metrics_are_prometheus_text():
    with Daemon() as d:
        c = d.client()
        for _ in range(5):
            c.evaluate()
        c.ask("POST", "/v1/data/nothing", {"input": 1})
        r = c.ask("GET", "/metrics")
        same(r.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8")
        text = r.body.decode()
        assert text.endswith("\n")
        samples, families = {}, set()
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                families.add(line.split(" ")[2])
            elif not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                assert name not in samples, f"{name} twice"
                samples[name] = float(value)
                base = name.split("{")[0]
                assert base in families or base.rsplit("_", 1)[0] in families, name
        same(samples['polward_decisions_total{effect="permit",protocol="authzen"}'], 5)
        same(samples['polward_decisions_total{effect="deny",protocol="data"}'], 1)
        same(samples['http_request_duration_seconds_count{code="200",handler="access/v1/evaluation",method="post"}'], 5)
        same(samples['http_request_duration_seconds_bucket{code="200",handler="access/v1/evaluation",method="post",le="+Inf"}'], 5)
        same(samples["polward_world_generation"], 1)


main(sys.modules[__name__])
