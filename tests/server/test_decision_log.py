#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The decision log: events, masking and dropping by policy, rotation, full buffers and sinks that fail."""
import contextlib
import gzip
import http.server
import json
import sys
import threading

from daemon import Daemon, main, same

APP = """package app

allow if input.user == "alice"

echo := input

twice := input.a

twice := input.b
"""
MASK = """package system.log

mask contains "/input/password"

mask contains {"op": "upsert", "path": "/input/user/name", "value": "***"} if input.input.user.name

mask contains "/result" if input.path == "app/echo"

drop if input.input.quiet
"""
ON = {"decision_log": {"file": "decisions"}}


def events(d, n, name="decisions"):
    path = d.folder / name
    d.wait(lambda: path.exists() and path.read_bytes().count(b"\n") >= n)
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def written(d, result):
    return d.metric('polward_log_events_total{result="%s"}' % result)


def test_events_have_opas_form():
    with Daemon({**ON, "workers": 1}, modules={"app.rego": APP}) as d:
        first = d.ask("POST", "/v1/data/app/allow", {"input": {"user": "alice"}}).json()
        d.ask("POST", "/v1/data/app/allow", {"input": {"user": "bob"}})
        d.ask("POST", "/v1/data/app/twice", {"input": {"a": 1, "b": 2}})
        d.ask("POST", "/v0/data/app/echo", {"x": 1})
        d.ask("POST", "/", {"x": 1})
        got = events(d, 5)
        same(got[0]["decision_id"], first["decision_id"])
        same((got[0]["path"], got[0]["input"]["user"], got[0]["result"]), ("app/allow", "alice", True))
        same((got[0]["bundles"], got[0]["requested_by"]), ({"main": {"revision": "r1"}}, "@"))
        same((set(got[0]["labels"]), len(got[0]["labels"]["id"])), ({"id", "version"}, 36))
        assert got[0]["timestamp"].endswith("Z") and got[0]["metrics"]["timer_server_handler_ns"] > 0, got[0]
        same([e["custom"]["polward"]["effect"] for e in got], ["permit", "deny", "error", "permit", "deny"])
        same(["result" in e for e in got], [True, False, False, True, False])
        same((got[2]["custom"]["polward"]["reason"], got[4]["path"]), ("eval_conflict_error", "system/main"))
        same(written(d, "written"), 5)


def test_an_evaluation_is_an_event_without_its_secrets():
    with Daemon(ON) as d:
        answer = d.ask("POST", "/access/v1/evaluation", {
            "subject": {"type": "user", "id": "alice"},
            "action": {"name": "read"},
            "resource": {"type": "record", "id": "1"},
            "request": {"method": "GET", "path": "/x", "headers": {"Cookie": "secret-1", "Accept": "a/b"}},
        }).json()
        event = events(d, 1)[0]
        same((event["decision_id"], event["path"]), (answer["context"]["id"], "answer"))
        same((event["result"]["allow"], event["custom"]["polward"]["rules"]), (True, ["a.b"]))
        assert "secret-1" not in json.dumps(event), event


def test_masks_and_drops():
    with Daemon({**ON, "workers": 1}, modules={"app.rego": APP, "mask.rego": MASK}) as d:
        d.ask("POST", "/v1/data/app/echo", {"input": {"quiet": True}})
        d.ask("POST", "/v1/data/app/echo", {"input": {"password": "secret-2", "user": {"name": "Ann", "id": 7}}})
        d.ask("POST", "/v1/data/app/allow", {"input": {"user": "alice"}})
        masked, plain = events(d, 2)
        same((masked["input"]["user"], "password" in masked["input"], "result" in masked), ({"name": "***", "id": 7}, False, False))
        same((sorted(masked["erased"]), masked["masked"]), (["/input/password", "/result"], ["/input/user/name"]))
        same((plain["result"], "erased" in plain), (True, False))
        d.wait(lambda: written(d, "dropped") == 1)


def test_a_mask_that_cannot_be_had_hides_everything():
    for rule in ('mask := ["/labels"]', 'mask := "no list"', 'mask := ["/input/list/0"]', 'mask contains {"op": "other", "path": "/input/x"}',
                 "mask := 1\n\nmask := 2 if input.path"):
        with Daemon(ON, modules={"app.rego": APP, "mask.rego": "package system.log\n\n" + rule + "\n"}) as d:
            d.ask("POST", "/v1/data/app/echo", {"input": {"list": ["secret-3"]}})
            event = events(d, 1)[0]
            same((event["erased"], "secret-3" in json.dumps(event)), (["/input", "/result"], False), rule)


def test_policies_of_a_new_bundle_count():
    with Daemon(ON, modules={"app.rego": APP}) as d:
        d.ask("POST", "/v1/data/app/echo", {"input": {"password": "p"}})
        same(events(d, 1)[0]["input"]["password"], "p")
        d.replace("r2", modules={"app.rego": APP, "mask.rego": MASK})
        d.wait(lambda: d.health()["bundle"]["revision"] == "r2")
        d.wait(lambda: d.metric("polward_world_generation") == 2)
        d.ask("POST", "/v1/data/app/echo", {"input": {"password": "p"}})
        same("password" in events(d, 2)[1]["input"], False)


def test_files_rotate():
    with Daemon({"decision_log": {"file": "decisions", "rotate": 4096, "keep": 2}}, modules={"app.rego": APP}) as d:
        with_client = d.client()
        for i in range(60):
            with_client.ask("POST", "/v1/data/app/echo", {"input": {"n": i}})
        d.wait(lambda: written(d, "written") == 60)
        names = sorted(p.name for p in d.folder.glob("decisions*"))
        same(names, ["decisions", "decisions.1", "decisions.2"])
        for name in names:
            assert (d.folder / name).stat().st_size <= 4096, name
        same(events(d, 1)[-1]["input"]["n"], 59)


def test_what_is_under_way_is_written_at_the_end():
    with Daemon(ON, modules={"app.rego": APP}) as d:
        c = d.client()
        for i in range(200):
            c.ask("POST", "/v1/data/app/echo", {"input": i})
        d.stop()
        same([e["input"] for e in events(d, 200)], list(range(200)))


def test_full_buffers_and_sinks_lose_events_not_decisions():
    with Daemon({"decision_log": {"file": "decisions", "buffer": 4096}, "workers": 1}, modules={"app.rego": APP}) as d:
        same(d.ask("POST", "/v1/data/app/echo", {"input": "x" * 8000}).json()["result"], "x" * 8000)
        same((written(d, "lost"), written(d, "written")), (1, 0))
    with Daemon({"decision_log": {"file": "/dev/full"}}, modules={"app.rego": APP}) as d:
        for _ in range(3):
            same(d.ask("POST", "/v1/data/app/allow", {"input": {"user": "alice"}}).json()["result"], True)
        d.wait(lambda: written(d, "failed") == 3)
        d.wait(lambda: sum("decision log events are lost" in line["msg"] for line in d.log_lines()) == 1)


@contextlib.contextmanager
def service(statuses):
    """A decision log service that answers with these statuses, the last one for ever; gives its URL and the batches that it took."""
    taken = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
            if status == 200:
                same((self.headers["Content-Encoding"], self.headers["Content-Type"]), ("gzip", "application/json"))
                taken.append(json.loads(gzip.decompress(body)))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/logs", taken
        server.shutdown()


def test_batches_go_to_a_service():
    with service([503, 200]) as (url, taken):
        with Daemon({"decision_log": {"url": url}}, modules={"app.rego": APP, "mask.rego": MASK}) as d:
            c = d.client()
            for i in range(50):
                c.ask("POST", "/v1/data/app/echo", {"input": {"n": i, "password": "secret-4"}})
            d.wait(lambda: written(d, "written") == 50)
            same([e["input"]["n"] for batch in taken for e in batch], list(range(50)))
            assert "secret-4" not in json.dumps(taken)
            c.ask("POST", "/v1/data/app/echo", {"input": {"n": 50}})
            d.stop()
            same(taken[-1][-1]["input"]["n"], 50, "sent at the end")


def test_a_service_that_refuses_or_is_not_there():
    with service([400]) as (url, taken):
        with Daemon({"decision_log": {"url": url}}, modules={"app.rego": APP}) as d:
            d.ask("POST", "/v1/data/app/echo", {"input": 1})
            d.wait(lambda: written(d, "failed") == 1)
            same(taken, [])
    with Daemon({"decision_log": {"url": "http://127.0.0.1:1/", "buffer": 4096}, "workers": 1}, modules={"app.rego": APP}) as d:
        for i in range(100):
            same(d.ask("POST", "/v1/data/app/echo", {"input": i}).json()["result"], i)
        d.wait(lambda: written(d, "lost") > 0)


main(sys.modules[__name__])
