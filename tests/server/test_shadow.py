#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A shadow bundle: it decides too, never answers, and its differences are counted by kind and written with both explanations."""
import json
import sys

from daemon import EVALUATION, Daemon, build, main, same
from exposition import read

SERVED = """package notes

permit anyone to read on note as "read"
permit anyone to write on note as "write" unless object.get(input.resource, ["properties", "locked"], false)

size := 1
"""
SHADOW = """package notes

permit anyone to read on note as "reading"
permit anyone to share on note as "share"
permit anyone to write on note as "write" unless object.get(input.resource, ["properties", "locked"], false)

size := 2
"""
CONFLICT = """package notes

allow := true if input.action.name != ""
allow := false if input.resource.type != ""
"""


def shadowed(shadow=SHADOW, **settings):
    d = Daemon({"decision": "polward/decision", "shadow": {"path": "shadow.polb", "log": "differences", **settings}}, data={}, modules={"notes.pol": SERVED})
    build(d.folder, d.folder / "shadow.polb", "s1", {}, {"notes.pol": shadow})
    return d


def ask(d, action, headers=None, **properties):
    body = {"subject": {"type": "user", "id": "ann"}, "action": {"name": action}, "resource": {"type": "note", "id": "1", "properties": properties}}
    if headers:
        body["request"] = {"method": "GET", "path": "/x", "headers": headers}
    return d.ask("POST", EVALUATION, body).json()["decision"]


def counts(d):
    return {labels["result"]: value for _, labels, value in read(d.ask("GET", "/metrics").body.decode())["polward_shadow_decisions_total"][1]}


def differences(d, n):
    """The lines of the log, once there are n."""
    log = d.folder / "differences"
    d.wait(lambda: log.read_text().count("\n") >= n, 30)
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_differences_are_counted_and_explained():
    with shadowed() as d:
        same([ask(d, "read"), ask(d, "write"), ask(d, "write", locked=True), ask(d, "share")], [True, True, False, False])
        same(d.ask("POST", "/v1/data/notes/size", {"input": {}}).json()["result"], 1)
        d.wait(lambda: sum(counts(d).values()) == 5, 30)
        same(counts(d), {"same": 2, "allows": 1, "denies": 0, "rules": 2, "error": 0, "lost": 0})
        found = {(line["difference"], line.get("path")): line for line in differences(d, 3)}
        share, read_one, size = found["allows", None], [line for line in found.values() if line["difference"] == "rules" and "path" not in line][0], found["rules", "notes/size"]
        same((share["served"]["rules"], share["shadow"]["rules"]), ([], ["notes.share"]))
        same((share["served_explanation"]["decision"]["allow"], share["shadow_explanation"]["decision"]["allow"]), (False, True))
        same((read_one["served"]["rules"], read_one["shadow"]["rules"]), (["notes.read"], ["notes.reading"]))
        same((size["served"], size["shadow"], "served_explanation" in size), (1, 2, False))


def test_what_the_shadow_denies():
    with shadowed("package notes\n\nforbid anyone to read on note as \"no\"\n") as d:
        same([ask(d, "read"), ask(d, "write", locked=True)], [True, False])
        d.wait(lambda: sum(counts(d).values()) == 2, 30)
        same((counts(d)["denies"], counts(d)["same"]), (1, 1))
        line = differences(d, 1)[0]
        same((line["difference"], line["shadow"]["effect"], line["served"]["effect"]), ("denies", "forbid", "permit"))


def test_a_changed_shadow_is_taken_up_and_a_damaged_one_is_not():
    with shadowed(SERVED) as d:
        same(ask(d, "read"), True)
        d.wait(lambda: counts(d)["same"] == 1, 30)
        (d.folder / "next").write_bytes(b"no bundle")
        (d.folder / "next").rename(d.folder / "shadow.polb")
        d.wait(lambda: "shadow bundle refused" in d.log(), 30)
        same(ask(d, "read"), True)
        d.wait(lambda: counts(d)["same"] == 2, 30)
        build(d.folder, d.folder / "shadow.polb", "s2", {}, {"notes.pol": SHADOW})
        d.wait(lambda: "shadow bundle taken up" in d.log(), 30)
        same(ask(d, "read"), True)
        d.wait(lambda: counts(d)["rules"] == 1, 30)
        d.replace("r2", modules={"notes.pol": SHADOW})
        d.wait(lambda: d.metric("polward_world_generation") == 2, 30)
        same(ask(d, "read"), True)
        d.wait(lambda: counts(d)["same"] == 3, 30)


def test_a_shadow_that_fails():
    d = Daemon({"decision": "notes/allow", "shadow": {"path": "shadow.polb", "log": "differences"}}, data={}, modules={"notes.rego": "package notes\n\nallow := true\n"})
    build(d.folder, d.folder / "shadow.polb", "s1", {}, {"notes.rego": CONFLICT})
    with d:
        same(ask(d, "read"), True)
        d.wait(lambda: counts(d)["error"] == 1, 30)
        assert "multiple" in differences(d, 1)[0]["error"] or "conflict" in differences(d, 1)[0]["error"]


def test_secrets_are_in_no_difference():
    policy = 'package notes\n\npermit anyone to read on note as "r" if input.request.headers.authorization != "x"\n'
    with shadowed(policy) as d:
        same(ask(d, "read", {"cookie": "session=very-secret-cookie"}), True)
        differences(d, 1)
        assert "very-secret-cookie" not in (d.folder / "differences").read_text()


main(sys.modules[__name__])
