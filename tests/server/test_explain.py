#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The query parameter `explain` of the data API and of AuthZEN."""
import sys

from daemon import EVALUATION, Daemon, main, same

POLICY = """package orders

role clerk
assign clerk if subject.id in data.clerks

permit clerk to refund on order as "small"
	if resource.amount <= 100
"""
MODULE = """package app

allow if {
	trace("seen")
	some r in input.roles
	r == "admin"
}
"""
SERVED = {"modules": {"orders.pol": POLICY, "app.rego": MODULE}, "data": {"clerks": ["ann"]}}
REFUND = {"subject": {"type": "user", "id": "ann"}, "action": {"name": "refund"}, "resource": {"type": "order", "id": "1", "amount": 250}}


def served(**settings):
    return Daemon(settings={"decision": "polward/decision", **settings}, **SERVED)


def asked(d, query, path="/v1/data/app/allow", body=None):
    answer = d.ask("POST", path + query, body or {"input": {"roles": ["x", "y"]}})
    same(answer.status, 200, answer.body)
    return answer.json()


def test_events_of_the_data_api():
    with served() as d:
        same("explanation" in asked(d, ""), False)
        same("explanation" in asked(d, "?explain=off"), False)
        failed = [e for e in asked(d, "?explain=fails")["explanation"] if e["op"] == "Fail" and e["type"] == "expr"]
        same([e["node"] for e in failed], [{"text": 'r == "admin"'}] * 2)
        same([e["locals"][0]["value"]["value"] for e in failed], ["x", "y"])
        same([e["message"] for e in asked(d, "?explain=notes")["explanation"] if e["op"] == "Note"], ["seen"])
        same([e["op"] for e in asked(d, "?explain=full")["explanation"]][:3], ["Enter", "Eval", "Note"])
        same(asked(d, "?explain=debug")["explanation"], asked(d, "?explain=full")["explanation"])
        same(asked(d, "?explain=notes&pretty")["explanation"][1], 'app.rego:3              | Note "seen"')
        same(asked(d, "?explain=full", "/v1/data/clerks")["explanation"], [])


def refused_for(explanation):
    same(explanation["decision"]["effect"], "none")
    same([s["id"] for s in explanation["statements"]], ["orders.small"])
    condition = explanation["statements"][0]["clauses"][0]["conditions"][0]
    same((condition["text"], condition["values"]), ("resource.amount <= 100", [{"text": "resource.amount", "value": 250}]))
    same(explanation["nearest"]["id"], "orders.small")
    same(explanation["roles"][0]["by"][0]["assign"], "orders.assign-1")


def test_decision_of_the_data_api():
    with served() as d:
        answer = asked(d, "?explain=decision", "/v1/data/polward/allow", {"input": REFUND})
        same(answer["result"], False)
        refused_for(answer["explanation"])


def test_authzen():
    with served() as d:
        request = {**REFUND, "resource": {"type": "order", "id": "1", "properties": {"amount": 250}}}
        same("explanation" in asked(d, "", EVALUATION, request)["context"], False)
        answer = asked(d, "?explain=decision", EVALUATION, request)
        same(answer["decision"], False)
        refused_for(answer["context"]["explanation"])
        same(asked(d, "", EVALUATION, request)["decision"], False)


def test_forbidden_by_setting():
    with served(explain=False) as d:
        same("explanation" in asked(d, "?explain=full"), False)
        same("explanation" in asked(d, "?explain=decision", EVALUATION, REFUND)["context"], False)


def test_a_limit_ends_the_explanation_only():
    with served(limits={"instructions": 1000}) as d:
        for query in ["?explain=decision", "?explain=full"]:
            same(asked(d, query, "/v1/data/polward/allow", {"input": REFUND})["result"], False)


main(sys.modules[__name__])
