#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""AuthZEN evaluations of .pol policies: what is told of a decision, routes, and decisions that are none."""
import json
import sys

from daemon import ASKING, EVALUATION, Daemon, main, same

POLICY = """package orders

role clerk
assign clerk if subject.id in data.clerks

route GET "/orders/{id}" is read on order
route POST "/orders/{id}/refund" is refund on order

permit clerk to read on order as "read"
permit clerk to refund on order as "refund"
	because "clerks refund"
	returning {"limit": data.limit}
forbid anyone to refund on order as "closed"
	because sprintf("order %s is closed", [resource.id])
	unless resource.state == "open"
"""
SERVED = {"modules": {"orders.pol": POLICY}, "data": {"clerks": ["ann"], "limit": 100}, "settings": {"decision": "polward/decision"}}
DECISIONS = """package d

yes := true

no := {"allow": false, "why": "no", "id": "forged", "decision": true}

other := {"decision": true, "context": {"a": 1}}

text := "yes"

half := {"allow": "yes"}

missing if input.nothing

twice := 1 if input.action

twice := 2 if input.action
"""


def evaluate(d, subject="ann", **more):
    body = {"subject": {"type": "user", "id": subject}, **more}
    answer = d.ask("POST", EVALUATION, body)
    same(answer.status, 200, answer.body)
    return answer.json()["decision"], {key: value for key, value in answer.json()["context"].items() if key != "id"}


def order(action, **attributes):
    return {"action": {"name": action}, "resource": {"type": "order", "id": "7", "properties": attributes}}


def test_what_is_told():
    with Daemon(**SERVED) as d:
        same(
            evaluate(d, **order("read")),
            (True, {"effect": "permit", "tier": "role", "rules": ["orders.read"], "reasons": [], "returned": [], "roles": ["clerk"], "errors": []}),
        )
        same(
            evaluate(d, **order("refund", state="open")),
            (
                True,
                {
                    "effect": "permit",
                    "tier": "role",
                    "rules": ["orders.refund"],
                    "reasons": [{"rule": "orders.refund", "text": "clerks refund"}],
                    "returned": [{"rule": "orders.refund", "value": {"limit": 100}}],
                    "roles": ["clerk"],
                    "errors": [],
                },
            ),
        )
        decision, context = evaluate(d, **order("refund", state="shipped"))
        same((decision, context["effect"], context["reasons"]), (False, "forbid", [{"rule": "orders.closed", "text": "order 7 is closed"}]))
        decision, context = evaluate(d, subject="bob", **order("read"))
        same((decision, context["effect"], context["rules"]), (False, "none", []))


def test_a_described_request_is_routed():
    with Daemon(**SERVED) as d:
        for method, path, wanted in [
            ("GET", "/orders/7", ["orders.read"]),
            ("POST", "/orders/7/refund", ["orders.closed"]),
            ("POST", "/orders/7", []),
            ("GET", "/orders/7/", []),
        ]:
            same(evaluate(d, request={"method": method, "path": path})[1]["rules"], wanted, f"{method} {path}")
        decision, context = evaluate(d, request={"method": "GET", "path": "/orders/7"}, **order("refund"))
        same((decision, context["reason"]), (False, "route_mismatch"))
        decision, context = evaluate(d, request={"method": "GET", "path": "/orders/../orders/7"})
        same((decision, context["effect"]), (False, "none"))
        assert context["reason"] not in ("internal_error", ""), context


def test_reserved_and_empty_ids_are_refused():
    with Daemon(**SERVED) as d:
        for subject in ["", "polward:anonymous"]:
            same(evaluate(d, subject=subject, **order("read"))[0], False)


def test_other_documents_as_decision():
    for document, decision, context in [
        ("d/yes", True, {}),
        ("d/no", False, {"why": "no"}),
        ("d/other", True, {"returned": {"a": 1}}),
        ("d/text", False, {"effect": "none", "reason": "decision_malformed", "text": None}),
        ("d/half", False, {"effect": "none", "reason": "decision_malformed", "text": None}),
        ("d/missing", False, {"effect": "none", "reason": "decision_undefined", "text": None}),
        ("d/nowhere", False, {"effect": "none", "reason": "decision_undefined", "text": None}),
        ("d/twice", False, {"effect": "none", "reason": "eval_conflict_error", "text": None}),
        ("data.d.yes", True, {}),
    ]:
        with Daemon({"decision": document}, data={}, modules={"d.rego": DECISIONS}) as d:
            answer = d.ask("POST", EVALUATION, ASKING).json()
            same(answer["decision"], decision, document)
            found = {key: value for key, value in answer["context"].items() if key != "id"}
            if "text" in found:
                assert found["text"], document
                found["text"] = None
            same(found, context, document)
            assert answer["context"]["id"] != "forged"


def test_limits_deny():
    modules = {"d.rego": "package d\n\nyes := count([x | some x in data.n; x != 5]) > 0\n"}
    with Daemon({"decision": "d/yes", "limits": {"instructions": 2000}}, data={"n": list(range(3000))}, modules=modules) as d:
        answer = d.ask("POST", EVALUATION, ASKING).json()
        same((answer["decision"], answer["context"]["effect"], answer["context"]["reason"]), (False, "none", "limit_instructions"))
        same('polward_decisions_total{effect="error",protocol="authzen"} 1\n' in d.ask("GET", "/metrics").body.decode(), True)


def test_decisions_are_logged_when_asked_for():
    with Daemon({"log": {"decisions": True}}) as d:
        secret = {"token": "very.secret.token", "password": "hidden"}
        answer = d.ask("POST", EVALUATION, {**ASKING, "context": secret}).json()
        d.wait(lambda: d.log_lines()[-1]["msg"] == "decision")
        line = d.log_lines()[-1]
        same((line["id"], line["effect"], line["protocol"], line["rules"]), (answer["context"]["id"], "permit", "authzen", ["a.b"]))
        assert "secret" not in json.dumps(line) and "hidden" not in json.dumps(line)


main(sys.modules[__name__])
