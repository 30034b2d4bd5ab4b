#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""generate.py SHAPE SIZE FOLDER: writes one workload of the curves in docs/performance.md: policy.pol or policy.rego, data.json,
requests.ndjson and expected.ndjson. Seeds are fixed: the same shape and size give the same bytes. What is expected is computed here,
by plain loops over the same facts, never by the engine."""
import json
import math
import os
import random
import sys

REQUESTS = 1000


class Workload:
    """The facts of one policy and the requests asked of it, written when both are complete."""

    def __init__(self, policy, data, suffix="pol", rego=None):
        self.policy, self.data, self.suffix, self.rego = policy, data, suffix, rego
        self.requests, self.expected = [], []

    def ask(self, request, answer):
        self.requests.append(request)
        self.expected.append(answer)

    def write(self, folder):
        os.makedirs(folder, exist_ok=True)
        for name, text in ((f"policy.{self.suffix}", self.policy), ("data.json", json.dumps(self.data)),
                           ("requests.ndjson", lines(self.requests)), ("expected.ndjson", lines(self.expected))):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as out:
                out.write(text)
        if self.rego:
            with open(os.path.join(folder, "form.rego"), "w", encoding="utf-8") as out:
                out.write(self.rego)


def lines(values):
    return "".join(json.dumps(v, separators=(",", ":")) + "\n" for v in values)


def request(action, type_, **members):
    return {"subject": {"type": "user", "id": "u"}, "action": {"name": action}, "resource": {"type": type_}, **members}


def claims(**members):
    return {"claims": members}


def closure(roles, names):
    held, waiting = set(), [n for n in names if n in roles]
    while waiting:
        name = waiting.pop()
        if name not in held:
            held.add(name)
            waiting += roles[name]["inherits"]
    return held


ROLES_POLICY = """package scale

role from data.rbac.roles

assign from object.get(token.claims, "roles", [])
"""


def roles_in_data(n_roles, n_permits):
    """A role graph with permits in data; the caller of each request holds three roles by name and what they inherit: every second
    role has one parent, so that a caller holds as many roles of 10 as of 100,000. The number of permits for one type and action stays the
    same, 200, as in a system that grows by applications."""
    rand = random.Random(1)
    cells = max(4, n_permits // 200)
    types = min(200, max(2, math.isqrt(cells * 4)))
    actions = min(50, max(2, math.isqrt(cells // 4)))
    roles = {}
    for i in range(n_roles):
        parents = [f"role{rand.randrange(0, i, 2)}"] if i % 2 else []
        roles[f"role{i}"] = {"inherits": parents, "permits": [
            {"actions": [f"a{rand.randrange(actions)}"], "types": [f"t{rand.randrange(types)}"]}
            for _ in range(max(1, n_permits // n_roles))]}
    made = Workload(ROLES_POLICY, {"rbac": {"roles": roles}})
    rand = random.Random(7)
    for _ in range(REQUESTS):
        action, type_ = f"a{rand.randrange(actions)}", f"t{rand.randrange(types)}"
        held = [f"role{rand.randrange(n_roles)}" for _ in range(3)]
        answer = any(action in p["actions"] and type_ in p["types"]
                     for name in closure(roles, held) for p in roles[name]["permits"])
        made.ask(request(action, type_, token=claims(roles=held)), answer)
    return made


def permits(size):
    return roles_in_data(max(10, size // 20), size)


def roles(size):
    return roles_in_data(size, size * 2)


def rules(size):
    """Rules of one name, of which an equality on the input leaves one; half of the requests meet none that holds."""
    rand = random.Random(2)
    text = ["package scale\n\ndefault allow := false\n"]
    for i in range(size):
        text.append(f'allow if {{\n\tinput.action.name == "a{i}"\n\tinput.resource.amount < {i % 97 + 2}\n}}\n')
    made = Workload("\n".join(text), {}, "rego")
    for _ in range(REQUESTS):
        i, amount = rand.randrange(size), rand.randrange(100)
        asked = request(f"a{i}", "order")
        asked["resource"]["amount"] = amount
        made.ask(asked, amount < i % 97 + 2)
    return made


def statements(size):
    """Permits in the policy's text, each for an action and a type of its own, with a condition."""
    rand = random.Random(3)
    text = ["package scale\n\nrole clerk\n\nassign clerk if token.claims.role == \"clerk\"\n"]
    for i in range(size):
        text.append(f'permit clerk to a{i % 100} on t{i // 100} as "p{i}" if resource.amount < {i % 97 + 2}\n')
    made = Workload("\n".join(text), {})
    for _ in range(REQUESTS):
        i, amount, role = rand.randrange(size), rand.randrange(100), rand.choice(["clerk", "guest"])
        asked = request(f"a{i % 100}", f"t{i // 100}", token=claims(role=role))
        asked["resource"]["amount"] = amount
        made.ask(asked, role == "clerk" and amount < i % 97 + 2)
    return made


def documents(size):
    """Data of about that many megabytes, looked up by a key from the input."""
    rand = random.Random(4)
    n = size * 1000000 // 200
    grants = {f"user-{i:08}": {"team": f"team-{i % 1000}", "limit": i % 1000,
                              "note": f"{rand.getrandbits(480):0120x}"} for i in range(n)}
    made = Workload("package scale\n\ndefault allow := false\n\n"
                    "allow if input.resource.amount <= data.grants[input.subject.id].limit\n", {"grants": grants}, "rego")
    for _ in range(REQUESTS):
        i, amount = rand.randrange(n), rand.randrange(1000)
        asked = request("read", "order")
        asked["subject"]["id"] = f"user-{i:08}"
        asked["resource"]["amount"] = amount
        made.ask(asked, amount <= i % 1000)
    return made


BINDINGS_POLICY = """package scale

role from data.rbac.roles

assign from object.get(data.bindings, subject.id, [])
"""

BINDINGS_REGO = """package scale

default allow := false

held := graph.reachable(data.parents, object.get(data.bindings, input.subject.id, []))

allow if {
	some role in held
	some grant in data.grants[role]
	grant.action == input.action.name
	grant.type == input.resource.type
}
"""


def bindings(size):
    """As many roles, ten grants each, six levels of inheritance, ten users to a role; as statements and, in form.rego, as rules."""
    rand = random.Random(5)
    types, actions = [f"type{i}" for i in range(40)], [f"action{i}" for i in range(20)]
    level = max(1, size // 6)
    roles = {}
    for i in range(size):
        parents = sorted({f"role{rand.randrange(i - level, i)}" for _ in range(2)}) if i >= level else []
        roles[f"role{i}"] = {"inherits": parents, "permits": [
            {"actions": [rand.choice(actions)], "types": [rand.choice(types)]} for _ in range(10)]}
    users = {f"user{i}": [f"role{rand.randrange(size)}" for _ in range(rand.randint(1, 5))] for i in range(size * 10)}
    made = Workload(BINDINGS_POLICY, {
        "rbac": {"roles": roles}, "bindings": users, "parents": {name: role["inherits"] for name, role in roles.items()},
        "grants": {name: [{"action": p["actions"][0], "type": p["types"][0]} for p in role["permits"]]
                   for name, role in roles.items()}}, rego=BINDINGS_REGO)
    for i in range(REQUESTS):
        user = f"user{rand.randrange(size * 10)}"
        granted = [p for name in sorted(closure(roles, users[user])) for p in roles[name]["permits"]]
        one = rand.choice(granted)
        action, type_ = (one["actions"][0], one["types"][0]) if i % 2 else (rand.choice(actions), rand.choice(types))
        asked = request(action, type_)
        asked["subject"]["id"] = user
        made.ask(asked, any(action in p["actions"] and type_ in p["types"] for p in granted))
    return made


SHAPES = {f.__name__: f for f in (permits, roles, rules, statements, documents, bindings)}


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in SHAPES or not sys.argv[2].isdigit():
        sys.exit(f"usage: generate.py {'|'.join(SHAPES)} SIZE FOLDER")
    SHAPES[sys.argv[1]](int(sys.argv[2])).write(sys.argv[3])


if __name__ == "__main__":
    main()
