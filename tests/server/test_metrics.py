#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The page of metrics: its form, its list, and that each number is the one that was meant."""
import json
import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from credentials import Credentials
from daemon import EVALUATION, Daemon, main, same
from exposition import read, value_of
from jwk import Key, jwks

ROOT = Path(__file__).resolve().parent.parent.parent
POLICY = """package notes

tier role

permit anyone to read on note as "read"
permit anyone to write on note as "write"
"""
OVERRIDE = """package locked

tier override

forbid anyone to write on note as "locked" if object.get(input.resource, ["properties", "locked"], false)
"""
MODULES = {"notes.pol": POLICY, "locked.pol": OVERRIDE}


def ask(d, action, token=None, **properties):
    body = {"subject": {"type": "user", "id": "ann"}, "action": {"name": action}, "resource": {"type": "note", "id": "1", "properties": properties}}
    if token:
        body = {**body, "token": token}
        del body["subject"]
    return d.ask("POST", EVALUATION, body).json()


def page(d):
    return read(d.ask("GET", "/metrics").body.decode())


def test_the_form_and_the_list():
    with Daemon({"decision": "polward/decision"}, data={}, modules=MODULES) as d:
        for _ in range(3):
            same(ask(d, "read")["decision"], True)
        d.ask("GET", "/nothing")
        d.ask("PUT", EVALUATION, {})
        d.ask("POST", EVALUATION, b"{")
        found = page(d)
        rows = re.findall(r'^(COUNTER|FAMILY)\(\w+, "([^"]+)"(?:, "(\w+)", "([^"]*)")?, "(.*)"\)$', (ROOT / "runtime/server/metrics.def").read_text(), re.M)
        same(sorted(found), sorted(row[1] for row in rows))
        shown = (ROOT / "docs/protocols.md").read_text()
        for what, name, kind, labels, words in rows:
            kind = "counter" if what == "COUNTER" else kind
            same(found[name][0], kind, name)
            for _, its, _ in found[name][1]:
                same(sorted(set(its) - {"le"}), sorted(filter(None, labels.split(", "))), name)
            assert f"| `{name}` | {kind} | {labels} | {words} |\n" in shown, f"docs/protocols.md: {name}"
        same(value_of(found, "http_request_duration_seconds_count", code="200", handler="access/v1/evaluation", method="post"), 3)
        assert not [labels for _, labels, _ in found["http_request_duration_seconds"][1] if labels["code"] == "other"]


def test_decisions_by_effect_and_tier():
    with Daemon({"decision": "polward/decision"}, data={}, modules=MODULES) as d:
        same([ask(d, "read")["decision"], ask(d, "write")["decision"]], [True, True])
        same([ask(d, "write", locked=True)["decision"], ask(d, "delete")["decision"]], [False, False])
        found = page(d)
        tiers = {(labels["effect"], labels["tier"]): value for _, labels, value in found["polward_tier_decisions_total"][1]}
        same(tiers, {("permit", "role"): 2, ("deny", "override"): 1, ("deny", "none"): 1})
        same(value_of(found, "polward_decisions_total", effect="deny", protocol="authzen"), 2)


def test_tiers_that_are_no_labels_and_too_many_of_them():
    policy = 'package p\n\nd := {"allow": true, "tier": input.resource.id}\n'
    with Daemon({"decision": "p/d", "workers": 1}, data={}, modules={"p.rego": policy}) as d:
        for tier in ['a"b', "x" * 60, "ä"] + [f"t{i}" for i in range(40)]:
            same(d.ask("POST", EVALUATION, {"subject": {"type": "u", "id": "a"}, "action": {"name": "r"}, "resource": {"type": "n", "id": tier}}).json()["decision"], True)
        tiers = {labels["tier"]: value for _, labels, value in page(d)["polward_tier_decisions_total"][1]}
        same((tiers["other"], len(tiers), sum(tiers.values())), (13, 31, 43))


def test_caches_of_what_was_verified():
    key = Key("ES256", "k")
    with Daemon({"decision": "polward/decision", "workers": 1}, data={}, modules=MODULES) as d:
        d.stop()
        Credentials(d.folder)
        (d.folder / "keys.json").write_text(json.dumps(jwks(key)))
        d.settings["identity"] = {"issuers": [{"issuer": "https://id.example", "jwks_file": "keys.json", "algorithms": ["ES256"]}]}
        d.start()
        token = key.token({"iss": "https://id.example", "sub": "ann", "exp": int(time.time()) + 600})
        for _ in range(4):
            same(ask(d, "read", token)["decision"], True)
        same(ask(d, "read", token[:-4] + "AAAA")["context"]["reason"], "token_signature")
        found = page(d)
        same([value_of(found, f"polward_cache_{what}_total", cache="jwt") for what in ("hits", "misses")], [3, 2])
        same(value_of(found, "polward_identity_failures_total", reason="token_signature"), 1)


def test_the_age_of_the_bundle():
    with Daemon({"decision": "polward/decision"}, data={}, modules=MODULES) as d:
        d.wait(lambda: value_of(page(d), "polward_bundle_age_seconds") > 0.2, 30)
        d.replace("r2")
        d.wait(lambda: value_of(page(d), "polward_world_generation") == 2, 30)
        found = page(d)
        same([labels["active_revision"] for _, labels, _ in found["last_success_bundle_activation"][1]], ["r2"])


main(sys.modules[__name__])
