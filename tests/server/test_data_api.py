#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""OPA's data API: paths, input, parameters, results and failures."""
import sys
import urllib.parse

from daemon import Daemon, main, same

MODULE = """package app

default allow := false

allow if input.user == "alice"

who := input.user

echo := input

twice := input.a

twice := input.b

quotient := 1 / input.by

"""
SERVED = {"app.rego": MODULE}
DATA = {"limits": {"a/b": 1, "ä": 2, "": 3}, "list": [10, [20, 21]], "text": "<&>"}


def ask(d, path, body=None, **parameters):
    query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
    return d.ask("GET" if body is None else "POST", "/v1/data" + path + query, body)


def test_results():
    with Daemon(data=DATA, modules=SERVED) as d:
        for path, body, result in [
            ("/app/allow", {"input": {"user": "alice"}}, True),
            ("/app/allow", {"input": {"user": "bob"}}, False),
            ("/app/who", {"input": {"user": 7}}, 7),
            ("/limits/a%2Fb", {"input": {}}, 1),
            ("/limits/%C3%A4", {"input": {}}, 2),
            ("/list/1", {"input": {}}, [20, 21]),
            ("/list/1/0", {"input": {}}, 20),
            ("/text", {"input": {}}, "<&>"),
        ]:
            answer = ask(d, path, body).json()
            same(answer["result"], result, path)
            same(set(answer), {"decision_id", "result"}, path)


def test_undefined_has_no_result():
    with Daemon(data=DATA, modules=SERVED) as d:
        for path in ["/app/who", "/nothing", "/app/nothing/x", "/limits/zzz", "/list/2", "/list/x", "/text/x"]:
            r = ask(d, path, {"input": {}})
            same((r.status, set(r.json())), (200, {"decision_id"}), path)


def test_whole_documents():
    with Daemon(data=DATA, modules=SERVED) as d:
        whole = ask(d, "", {"input": {"user": "alice"}}).json()["result"]
        same((whole["app"]["allow"], whole["list"]), (True, [10, [20, 21]]))
        package = ask(d, "/app", {"input": {"user": "alice"}}).json()["result"]
        same((package["allow"], package["who"]), (True, "alice"))


def test_without_input_there_is_a_warning():
    with Daemon(data=DATA, modules=SERVED) as d:
        for body in [{}, {"other": 1}, b""]:
            answer = ask(d, "/app/allow", body).json()
            same(answer["result"], False)
            same(answer["warning"], {"code": "api_usage_warning", "message": "'input' key missing from the request"})
        answer = ask(d, "/app/allow").json()
        same(set(answer), {"decision_id", "result"}, "GET needs none")


def test_input_by_parameter():
    with Daemon(data=DATA, modules=SERVED) as d:
        same(ask(d, "/app/allow", input='{"user": "alice"}').json()["result"], True)
        same(ask(d, "/app/who", input='{"user": "a+b c%"}').json()["result"], "a+b c%")
        r = ask(d, "/app/who", input="{")
        same((r.status, r.json()["code"]), (400, "invalid_parameter"))
        assert r.json()["message"].startswith("parameter contains malformed input document: "), r.body


def test_input_may_be_any_value():
    with Daemon(data=DATA, modules=SERVED) as d:
        for value in [1, "x", None, [1, {"a": 2}], True, 12345678901234567890123, 1.5]:
            same(ask(d, "/app/echo", {"input": value}).json()["result"], value)


def test_peer_is_the_connections():
    with Daemon(data=DATA, modules=SERVED) as d:
        seen = ask(d, "/app/echo", {"input": {"x": 1, "peer": "forged"}}).json()["result"]
        same((seen["x"], seen["peer"]["transport"]), (1, "unix"))


def test_wrong_bodies():
    with Daemon(data=DATA, modules=SERVED) as d:
        for body, begins in [
            (b"{", "body contains malformed input document: "),
            (b"[]", "body contains malformed input document: an object is wanted, not array"),
            (b'{"input": 01}', "body contains malformed input document: "),
        ]:
            r = ask(d, "/app/allow", body)
            same((r.status, r.json()["code"]), (400, "invalid_parameter"))
            assert r.json()["message"].startswith(begins), r.body
            assert r.body.startswith(b'{\n  "code": "invalid_parameter",\n  "message": '), r.body


def test_conflicts_are_500():
    with Daemon(data=DATA, modules=SERVED) as d:
        same(ask(d, "/app/twice", {"input": {"a": 1, "b": 1}}).json()["result"], 1)
        r = ask(d, "/app/twice", {"input": {"a": 1, "b": 2}})
        same((r.status, r.json()["code"], r.json()["message"]), (500, "internal_error", "error(s) occurred while evaluating query"))
        error = r.json()["errors"][0]
        same((error["code"], error["location"]["file"].endswith("app.rego")), ("eval_conflict_error", True))


def test_strict_builtin_errors():
    with Daemon(data=DATA, modules=SERVED) as d:
        same(ask(d, "/app/quotient", {"input": {"by": 2}}).json()["result"], 0.5)
        r = ask(d, "/app/quotient", {"input": {"by": 0}})
        same((r.status, "result" in r.json()), (200, False))
        r = d.ask("POST", "/v1/data/app/quotient?strict-builtin-errors", {"input": {"by": 0}})
        same((r.status, r.json()["errors"][0]["code"]), (500, "eval_builtin_error"))


def test_parameters():
    with Daemon(data=DATA, modules=SERVED) as d:
        same(ask(d, "/list", {"input": {}}, pretty="true").body.count(b"\n"), 10)
        answer = ask(d, "/list", {"input": {}}, metrics="true", provenance="").json()
        assert answer["metrics"]["timer_rego_query_eval_ns"] > 0
        same(answer["provenance"]["bundles"], {"main": {"revision": "r1"}})
        same("metrics" in ask(d, "/list", {"input": {}}, metrics="no").json(), False)


def test_bodies_end_in_a_line_end_and_escape_as_gos_encoder():
    with Daemon(data=DATA, modules=SERVED) as d:
        body = ask(d, "/text", {"input": {}}).body
        assert body.endswith(b'"result":"\\u003c\\u0026\\u003e"}\n'), body


def test_limits_of_a_decision():
    with Daemon({"limits": {"instructions": 2000}}, data={"n": list(range(3000))}, modules={"m.rego": "package m\n\nall := [x | some x in data.n; x != 5]\n"}) as d:
        r = ask(d, "/m/all", {"input": {}})
        same((r.status, r.json()["errors"][0]["code"]), (500, "limit_instructions"))
        same(ask(d, "/n", {"input": {}}).status, 200)


main(sys.modules[__name__])
