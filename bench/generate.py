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

    def __init__(self, policy, data, suffix="pol"):
        self.policy, self.data, self.suffix = policy, data, suffix
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


SHAPES = {f.__name__: f for f in (permits, roles, rules, statements, documents)}


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in SHAPES or not sys.argv[2].isdigit():
        sys.exit(f"usage: generate.py {'|'.join(SHAPES)} SIZE FOLDER")
    SHAPES[sys.argv[1]](int(sys.argv[2])).write(sys.argv[3])


if __name__ == "__main__":
    main()
