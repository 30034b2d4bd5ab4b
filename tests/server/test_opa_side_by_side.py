#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pold beside `opa run --server` with the same policy: the same requests, by hand and by OPA's own clients, get the same answers.

Clients are fetched by pip and npm into the build folder; without opa, a package client or a network the tests that need them are skipped.
"""
import contextlib
import gzip
import json
import shutil
import socket
import subprocess
import sys
import threading
import traceback
import urllib.error
import urllib.request

from daemon import BUILD, Daemon, same

APP = """package app

default allow := false

allow if input.user == "alice"

who := input.user

echo := input.doc

twice := input.a

twice := input.b

quotient := 1 / input.by
"""
SYSTEM = """package system

main := {"seen": input.user}
"""
MODULES = {"app.rego": APP, "system.rego": SYSTEM}
DATA = {"limits": {"a/b": 1, "list": [10, [20, 21]]}}
LONG = "x" * 4000


class Skip(Exception):
    pass


def pump(source, sink):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def relay(path):
    """A TCP port of this machine whose bytes go to the unix socket and back: OPA's clients know no unix sockets."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                client = listener.accept()[0]
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(path))
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return listener


@contextlib.contextmanager
def both():
    """The ports of an opa and of a pold that serve the same."""
    if not shutil.which("opa"):
        raise Skip("there is no opa")
    with Daemon(data=DATA, modules=MODULES) as d, relay(d.socket) as listener:
        work = d.folder / "opa"
        work.mkdir()
        for name, text in MODULES.items():
            (work / name).write_text(text, encoding="utf-8")
        (work / "data.json").write_text(json.dumps(DATA), encoding="utf-8")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        opa = subprocess.Popen(["opa", "run", "--server", "--addr", f"127.0.0.1:{port}", "--log-level", "error", "."], cwd=work)
        try:
            d.wait(lambda: answers(port))
            yield port, listener.getsockname()[1], d
        finally:
            opa.terminate()
            opa.wait(15)


def answers(port):
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port)).close()
        return True
    return False


def ask(port, method, path, body=None, headers=None):
    """(status, headers, body)"""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body, headers={"Accept": "*/*", **(headers or {})}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as r:
            return r.status, r.headers, r.read()
    except urllib.error.HTTPError as e:
        with e:
            return e.code, e.headers, e.read()


def comparable(body):
    """What must be equal: everything but ids, clocks, and of errors the code and that a place is named."""
    try:
        value = json.loads(body)
    except ValueError:
        return body
    if isinstance(value, dict):
        for name in ("decision_id", "metrics", "provenance", "explanation"):
            value.pop(name, None)
        if value.get("code") == "invalid_parameter":
            value["message"] = value["message"].split(": ")[0]
        for error in value.get("errors", ()):
            error.pop("stack_trace", None)
            error.pop("message")
            error["location"] = set(error["location"]) # of two rules in conflict OPA names the second, we the first
    return value


def test_the_same_answers():
    cases = [
        ("POST", "/v1/data/app/allow", {"input": {"user": "alice"}}),
        ("POST", "/v1/data/app/allow", {"input": {"user": "bob"}}),
        ("POST", "/v1/data/app/allow", {}),
        ("POST", "/v1/data/app/allow", b""),
        ("POST", "/v1/data/app/who", {"input": {}}),
        ("POST", "/v1/data/app/nothing", {"input": {}}),
        ("POST", "/v1/data/nothing", {"input": {}}),
        ("POST", "/v1/data/limits/a%2Fb", {"input": {}}),
        ("POST", "/v1/data/limits/list/1/0", {"input": {}}),
        ("POST", "/v1/data/app", {"input": {"user": "alice"}}),
        ("POST", "/v1/data/app/quotient", {"input": {"by": 0}}),
        ("POST", "/v1/data/app/quotient?strict-builtin-errors", {"input": {"by": 0}}),
        ("POST", "/v1/data/app/twice", {"input": {"a": 1, "b": 2}}),
        ("POST", "/v1/data/app/allow", b"{"),
        ("POST", "/v1/data/app/allow", b"[]"),
        ("GET", "/v1/data/app/allow", None),
        ("GET", "/v1/data/limits", None),
        ("GET", "/v1/data/app/who?input=%7B%22user%22%3A7%7D", None),
        ("GET", "/v1/data/app/who?input=%7B", None),
        ("POST", "/v0/data/app/who", {"user": "x"}),
        ("POST", "/v0/data/app/allow", {"user": "bob"}),
        ("POST", "/v0/data/app/who", {}),
        ("POST", "/v0/data/nothing/here", {}),
        ("POST", "/v0/data/app/nothing", {}),
        ("POST", "/v0/data/limits/list", {}),
        ("POST", "/v0/data/app/twice", {"a": 1, "b": 2}),
        ("POST", "/v0/data/app/who?pretty", {"user": {"a": [1, {}]}}),
        ("POST", "/", {"user": "x"}),
        ("POST", "/", {}),
        ("GET", "/v0/data/app/who", None),
        ("GET", "/health?bundles=true&plugins", None),
        ("GET", "/nowhere", None),
    ]
    with both() as (opa, pold, _):
        for method, path, body in cases:
            data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            theirs, ours = ask(opa, method, path, data), ask(pold, method, path, data)
            same(ours[0], theirs[0], f"{method} {path} {body}")
            if path.startswith("/health") or ours[0] == 405:
                continue # OPA's body is empty, ours says more
            same(comparable(ours[2]), comparable(theirs[2]), f"{method} {path} {body}")
            kind = theirs[1]["Content-Type"].split(";")[0]
            same(ours[1]["Content-Type"].split(";")[0], kind, path)
            same(ours[1]["Vary"], theirs[1]["Vary"], path)


def test_members_that_parameters_add():
    with both() as (opa, pold, _):
        body = b'{"input": {"user": "alice"}}'
        for parameters in ("metrics", "metrics=true&pretty=true", "instrument", "provenance", "explain=notes", "explain=full", "metrics=no"):
            path = "/v1/data/app/allow?" + parameters
            theirs, ours = ask(opa, "POST", path, body), ask(pold, "POST", path, body)
            same(set(json.loads(ours[2])) - {"decision_id"}, set(json.loads(theirs[2])) - {"decision_id"}, path)
            same(b"\n  " in ours[2], b"\n  " in theirs[2], path)
        timers = json.loads(ask(pold, "POST", "/v1/data/app/allow?metrics", body)[2])["metrics"]
        theirs = json.loads(ask(opa, "POST", "/v1/data/app/allow?metrics", body)[2])["metrics"]
        same(set(timers) - set(theirs), set())


def test_gzip_both_ways():
    with both() as (opa, pold, d):
        body = gzip.compress(json.dumps({"input": {"doc": LONG}}).encode())
        for port in (opa, pold):
            status, headers, got = ask(port, "POST", "/v1/data/app/echo", body, {"Content-Encoding": "gzip", "Accept-Encoding": "gzip"})
            same((status, headers["Content-Encoding"]), (200, "gzip"))
            same(json.loads(gzip.decompress(got))["result"], LONG)
            status, headers, got = ask(port, "POST", "/v1/data/app/who", b'{"input": {"user": 1}}', {"Accept-Encoding": "gzip"})
            same((status, headers["Content-Encoding"]), (200, None), "a small one stays plain")


def test_gzip_that_is_none_or_too_much():
    with Daemon(data=DATA, modules=MODULES) as d:
        def send(body, coding="gzip"):
            return d.ask("POST", "/v1/data/app/who", body, {"Content-Encoding": coding})
        good = gzip.compress(b'{"input": {"user": 1}}')
        same(send(good).json()["result"], 1)
        same(send(good + gzip.compress(b"  ")).json()["result"], 1, "two members")
        for bad in (b"", b"{}", good[:-1], good[:5], good + b"x"):
            r = send(bad)
            same((r.status, r.json()["code"]), (400, "invalid_parameter"), bad)
        bomb = gzip.compress(b" " * (64 << 20))
        r = send(bomb)
        same((r.status, r.json()["message"]), (400, "request body too large: more than 1048576 bytes without its gzip"))
        same(send(good, "br").status, 415)
        same(d.ask("POST", "/v1/data/app/echo", {"input": {"doc": LONG}}, {"Accept-Encoding": "gzip;q=0"}).headers.get("content-encoding"), None)


def test_batches():
    with Daemon(data=DATA, modules=MODULES) as d:
        r = d.ask("POST", "/v1/batch/data/app/who", {"inputs": {"a": {"user": 1}, "b": {}}})
        answer = r.json()
        same((r.status, set(answer)), (200, {"batch_decision_id", "responses"}))
        same((answer["responses"]["a"]["result"], set(answer["responses"]["b"])), (1, {"decision_id"}))
        r = d.ask("POST", "/v1/batch/data/app/twice", {"inputs": {"bad": {"a": 1, "b": 2}, "good": {"a": 3}}})
        same(r.status, 207)
        bad, good = r.json()["responses"]["bad"], r.json()["responses"]["good"]
        same((good["http_status_code"], good["result"]), ("200", 3))
        same((bad["http_status_code"], bad["code"], bad["errors"][0]["code"]), ("500", "internal_error", "eval_conflict_error"))
        same(d.ask("POST", "/v1/batch/data/app/twice", {"inputs": {"bad": {"a": 1, "b": 2}}}).status, 500)
        same(d.ask("POST", "/v1/batch/data/app/who", {"inputs": {}}).json()["responses"], {})
        for wrong in ({}, {"inputs": []}, [], {"inputs": {str(i): 0 for i in range(1001)}}):
            same(d.ask("POST", "/v1/batch/data/app/who", wrong).status, 400)


def test_a_batch_has_a_budget():
    with Daemon({"limits": {"instructions": 2000, "request_instructions": 1000}}, data={"n": list(range(150))},
                modules={"m.rego": "package m\n\nall := count([x | some x in data.n; x != 5])\n"}) as d:
        r = d.ask("POST", "/v1/batch/data/m/all", {"inputs": {str(i): {} for i in range(10)}})
        responses = r.json()["responses"]
        same((r.status, responses["0"]["result"]), (207, 149))
        same((responses["9"]["http_status_code"], responses["9"]["errors"][0]["code"]), ("500", "limit_instructions"))


def test_what_is_told_beside_decisions():
    with Daemon({"default_decision": "app/who"}, data=DATA, modules=MODULES) as d:
        same(d.ask("POST", "/", {"user": "u"}).json(), "u")
        r = d.ask("POST", "/", {})
        same((r.status, r.json()["message"]), (404, "document undefined: data.app.who"))
        ids = [p["id"] for p in d.ask("GET", "/v1/policies").json()["result"]]
        same(("app/allow" in ids, "system/main" in ids), (True, True))
        same(d.ask("GET", "/v1/policies/").status, 301)
        config = d.ask("GET", "/v1/config").json()["result"]
        same((config["default_decision"], len(config["labels"]["id"])), ("/app/who", 36))
        status = d.ask("GET", "/v1/status").json()["result"]
        same((status["bundles"]["main"]["active_revision"], status["plugins"]["bundle"]["state"]), ("r1", "OK"))
        same(status["labels"], config["labels"])
        for method, path in (("POST", "/v1/query"), ("GET", "/v1/query?q=data"), ("POST", "/v1/compile"), ("POST", "/v1/compile/app/allow")):
            r = d.ask(method, path, {} if method == "POST" else None)
            same((r.status, r.json()["code"]), (501, "invalid_operation"), path)
        for method in ("PUT", "PATCH", "DELETE"):
            same(d.ask(method, "/v1/data/app").status, 405)


# ---- OPA's clients ----

PYTHON = """
import json, sys
from opa_client.opa import OpaClient
out = []
with OpaClient(host="127.0.0.1", port=int(sys.argv[1])) as c:
    out.append(c.check_connection())
    out.append(c.check_health())
    out.append(c.check_health({"bundles": True, "plugins": True}))
    for user in ("alice", "bob"):
        out.append(c.query_rule(input_data={"user": user}, package_path="app", rule_name="allow").get("result"))
    out.append(c.query_rule(input_data={}, package_path="app", rule_name="who").get("result"))
    out.append(c.get_data("limits")["result"])
    out.append("http_request_duration_seconds" in c.get_metrics())
    try:
        c.query_rule(input_data={"a": 1, "b": 2}, package_path="app", rule_name="twice")
    except Exception as e:
        out.append(type(e).__name__)
print(json.dumps(out))
"""

NODE = """
import { OPAClient } from "@open-policy-agent/opa";
const c = new OPAClient("http://127.0.0.1:" + process.argv[2]);
const out = [];
const note = async (what) => { try { const v = await what(); out.push(v === undefined ? "undefined" : v); } catch (e) { out.push(e.constructor.name); } };
await note(() => c.evaluate("app/allow", { user: "alice" }));
await note(() => c.evaluate("app/allow", { user: "bob" }));
await note(() => c.evaluate("app/allow"));
await note(() => c.evaluate("app/who", {}));
await note(() => c.evaluate("app/who", { user: [1, { a: null }] }));
await note(() => c.evaluate("app/twice", { a: 1, b: 2 }));
await note(() => c.evaluate("limits/list"));
await note(() => c.evaluateDefault({ user: "x" }));
await note(() => c.evaluateDefault({}));
await note(() => c.evaluateBatch("app/who", { one: { user: 1 }, two: { user: 2 } }, { fallback: true }));
console.log(JSON.stringify(out));
"""


def fetched(name, marker, *command):
    """A folder with a package that its own package client put there, once."""
    folder = BUILD.parent / "clients" / name
    if not (folder / marker).exists():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            subprocess.run([c.format(folder=folder) for c in command], cwd=folder, check=True, capture_output=True, timeout=180)
        except (OSError, subprocess.SubprocessError) as e:
            raise Skip(f"{name} is not to be had: {e}") from e
    return folder


def compare_client(what, run):
    with both() as (opa, pold, _):
        theirs, ours = run(opa), run(pold)
        same(ours, theirs, what)
        assert len(json.loads(ours)) >= 8, ours


def test_the_python_client():
    folder = fetched("opa-python-client", "opa_client", sys.executable, "-m", "pip", "install", "-q", "--target", "{folder}",
                     "opa-python-client==3.0.0")
    compare_client("opa-python-client", lambda port: subprocess.run(
        [sys.executable, "-c", PYTHON, str(port)], env={"PYTHONPATH": str(folder)}, check=True, capture_output=True, text=True, timeout=60).stdout)


def test_the_npm_client():
    if not shutil.which("npm") or not shutil.which("node"):
        raise Skip("there is no node")
    folder = fetched("opa-npm", "node_modules/@open-policy-agent/opa", "npm", "install", "--silent", "--no-save", "--prefix", "{folder}",
                     "@open-policy-agent/opa@2.0.0")
    (folder / "ask.mjs").write_text(NODE, encoding="utf-8")
    compare_client("@open-policy-agent/opa", lambda port: subprocess.run(
        ["node", "ask.mjs", str(port)], cwd=folder, check=True, capture_output=True, text=True, timeout=60).stdout)


def run():
    passed = failed = skipped = 0
    for name, test in list(globals().items()):
        if not name.startswith("test_"):
            continue
        try:
            test()
            passed += 1
        except Skip as why:
            skipped += 1
            print(f"skipped: {name}: {why}")
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print(f"FAILED {name}")
            traceback.print_exc(file=sys.stdout)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)


run()
