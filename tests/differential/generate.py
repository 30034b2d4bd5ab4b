# SPDX-License-Identifier: Apache-2.0
"""Random bundles of the eight statements and requests of them, as Python data and as text. Everything follows from the random.Random that is given."""
import json

ROLES = ["clerk", "manager", "auditor", "owner"]
ACTIONS = ["read", "write", "drop"]
TYPES = ["doc", "note", "page"]
TIERS = ["override", "tenant", "user", "role", "role"]
SCHEMA = {"n": ("number", False), "s": ("string", False), "l": (["number"], False), "b": ("bool", False), "v": ("any", False),
          "on": ("number", True), "ov": ("any", True), "free": ("any", True)}
NUMBERS, STRINGS = [0, 1, 2, 3], ["a", "b", ""]
VALUES = [0, 1, "a", "", True, False, None, [], [1, 2]]


class Generator:
    def __init__(self, random):
        self.random = random
        self.variables = 0

    # ---- conditions ----
    def attribute(self):
        """(term, declared type)"""
        r = self.random
        if r.random() < 0.6:
            name = r.choice(list(SCHEMA))
            return ("attr", ["resource", name]), SCHEMA[name][0] if self.any_declared else "open"
        path = r.choice([["subject", "id"], ["token", "claims", "t"], ["context", "c"], ["cert", "spiffe_id"], ["action", "name"]])
        return ("attr", path), "string" if path in (["subject", "id"], ["cert", "spiffe_id"], ["action", "name"]) else "open"

    def literal_of(self, declared):
        r = self.random
        return {"number": lambda: r.choice(NUMBERS), "string": lambda: r.choice(STRINGS), "bool": lambda: r.random() < 0.5}.get(
            declared if isinstance(declared, str) else "", lambda: r.choice(VALUES))()

    def condition(self, depth, variable=None):
        r = self.random
        roll = r.random()
        term, declared = (("var", variable), "number") if variable and r.random() < 0.7 else self.attribute()
        if isinstance(declared, list):
            declared = "list"
        if depth < 2 and roll < 0.12:
            return ("not", [self.condition(depth + 1, variable)])
        if depth < 2 and roll < 0.2:
            return ("not", [self.condition(depth + 1, variable), self.condition(depth + 1, variable)])
        if depth < 2 and roll < 0.36 and not variable:
            self.variables += 1
            name = f"x{self.variables}"
            used = r.choice([("cmp", r.choice(["==", "!=", "<", ">="]), ("var", name), ("lit", r.choice(NUMBERS))), ("divide", ("var", name), 6)])
            inner = [used, *[self.condition(depth + 1, name) for _ in range(r.randint(0, 1))]]
            r.shuffle(inner)
            source = ("attr", ["resource", "l"])
            kind = r.choice(["some", "every", "count"])
            return (kind, name, source, inner, r.choice(["==", ">="]), r.choice([0, 1, 2])) if kind == "count" else (kind, name, source, inner)
        if roll < 0.44 and self.names and not variable:
            return ("rule", r.choice(self.names))
        if roll < 0.52:
            return ("cmp", r.choice(["==", "!="]), ("get", ["resource"], r.choice(["on", "ov", "n"]), r.choice(NUMBERS)), ("lit", r.choice(NUMBERS)))
        if roll < 0.60 and declared in ("number", "any", "open"):
            return ("divide", term, r.choice([12, 6, 4]))
        if roll < 0.66 and declared in ("string", "any", "open"):
            return ("upper", term, r.choice(["A", "B"]))
        if roll < 0.72 and declared in ("number", "open", "any"):
            return ("in", term, ("attr", ["resource", "l"]))
        if roll < 0.78 and declared != "list":
            return ("truthy", term)
        if declared == "list":
            return ("in", ("lit", r.choice(NUMBERS)), term)
        return ("cmp", r.choice(["==", "!=", "<", ">="]), term, ("lit", self.literal_of(declared)))

    def body(self):
        return [self.condition(0) for _ in range(self.random.randint(1, 3))]

    def maybe_body(self, p):
        return self.body() if self.random.random() < p else None

    # ---- bundles ----
    def some(self, names, star):
        r = self.random
        return ["*"] if r.random() < star else r.sample(names, r.randint(1, min(2, len(names))))

    def bundle(self):
        r = self.random
        self.names, self.variables = [], 0
        declared = [t for t in TYPES if r.random() < 0.8]
        self.any_declared = len(declared) > 0
        rules = {}
        for i in range(r.randint(0, 2)):
            name = f"helper{i}"
            rules[name] = {"bodies": [self.body() for _ in range(r.randint(1, 2))], "default": r.random() < 0.3}
            self.names = [*self.names, name]
        roles = {name: [p for p in ROLES[:i] if r.random() < 0.3] for i, name in enumerate(ROLES)}
        assigns = [self.assign() for _ in range(r.randint(1, 3))]
        statements = [self.statement(i) for i in range(r.randint(2, 7))]
        scopes = [{"names": [f"s{i}"], "actions": self.some(ACTIONS, 0.3), "types": self.some(TYPES, 0.3)}
                  for i in range(r.choice([0, 0, 1, 2]))]
        return {"schemas": {t: SCHEMA for t in declared}, "roles": roles, "assigns": assigns, "rules": rules, "statements": statements, "scopes": scopes}

    def assign(self):
        r = self.random
        names = r.sample(ROLES, r.randint(1, 2))
        if r.random() < 0.6:
            return {"names": names if r.random() < 0.7 else [], "if": None, "from": ("attr", ["token", "claims", "roles"])}
        return {"names": names, "if": self.body(), "from": None}

    def statement(self, i):
        r = self.random
        effect = r.choice(["permit", "permit", "forbid"])
        return {"effect": effect, "id": f"gen.i{i}", "roles": r.choice([["anyone"], ["authenticated"], r.sample(ROLES, r.randint(1, 2))]),
                "actions": self.some(ACTIONS, 0.3), "types": self.some(TYPES, 0.3), "tier": r.choice(TIERS),
                "if": self.maybe_body(0.6), "unless": self.maybe_body(0.3)}

    # ---- requests ----
    def value(self, declared):
        r = self.random
        if r.random() < 0.12:
            return r.choice(VALUES)
        if isinstance(declared, list):
            return [r.choice(NUMBERS) for _ in range(r.randint(0, 3))]
        return self.literal_of(declared)

    def request(self):
        r = self.random
        resource = {"type": r.choice([*TYPES, TYPES[0], "other"])}
        for name, (declared, optional) in SCHEMA.items():
            if r.random() < (0.5 if optional else 0.93):
                resource[name] = self.value(declared)
        request = {"subject": {"type": "user", "id": r.choice(STRINGS)}, "action": {"name": r.choice([*ACTIONS, "other"])}, "resource": resource}
        if r.random() < 0.7:
            claims = {"roles": r.sample(ROLES, r.randint(0, 2))} if r.random() < 0.9 else {"roles": r.choice(VALUES)}
            if r.random() < 0.6:
                claims["t"] = r.choice(VALUES)
            request["token"] = {"claims": claims, "scopes": r.sample(["s0", "s1"], r.randint(0, 2))}
        if r.random() < 0.3:
            request["cert"] = {"spiffe_id": r.choice(STRINGS)}
        if r.random() < 0.6:
            request["context"] = {"c": r.choice(VALUES)}
        return request


# ---- as text ----

def term_text(t):
    if t[0] == "lit":
        return json.dumps(t[1])
    if t[0] == "var":
        return t[1]
    if t[0] == "attr":
        return ".".join(t[1])
    return f"object.get({'.'.join(t[1])}, {json.dumps(t[2])}, {json.dumps(t[3])})"


def condition_text(c, indent):
    kind = c[0]
    if kind == "cmp":
        return [f"{term_text(c[2])} {c[1]} {term_text(c[3])}"]
    if kind == "truthy":
        return [term_text(c[1])]
    if kind == "in":
        return [f"{term_text(c[1])} in {term_text(c[2])}"]
    if kind == "divide":
        return [f"12 / {term_text(c[1])} == {c[2]}"]
    if kind == "upper":
        return [f'upper({term_text(c[1])}) == "{c[2]}"']
    if kind == "rule":
        return [c[1]]
    if kind == "some":
        return [f"some {c[1]} in {term_text(c[2])}", *lines_of(c[3], indent)]
    if kind == "every":
        return [f"every {c[1]} in {term_text(c[2])} {{", *["\t" + x for x in lines_of(c[3], indent)], "}"]
    if kind == "count":
        return [f"count([{c[1]} |", f"\tsome {c[1]} in {term_text(c[2])}", *["\t" + x for x in lines_of(c[3], indent)], f"]) {c[4]} {c[5]}"]
    return ["not {", *["\t" + x for x in lines_of(c[1], indent)], "}"]


def lines_of(conditions, indent=0):
    return [line for c in conditions for line in condition_text(c, indent)]


def block(conditions):
    return "{\n" + "".join(f"\t{line}\n" for line in lines_of(conditions)) + "}"


def type_text(declared):
    return f"[{declared[0]}]" if isinstance(declared, list) else declared


def bundle_text(b):
    out = ["package gen", "", "import future.keywords.not", ""]
    for t, schema in b["schemas"].items():
        fields = ", ".join(f"{name}{'?' if optional else ''}: {type_text(declared)}" for name, (declared, optional) in schema.items())
        out.append(f"schema resource {t} {{ {fields} }}")
    for name, parents in b["roles"].items():
        out.append(f"role {name}" + (f" inherits {', '.join(parents)}" if parents else ""))
    for a in b["assigns"]:
        names = f"{', '.join(a['names'])} " if a["names"] else ""
        out.append(f"assign {names}" + (f"if {block(a['if'])}" if a["if"] is not None else f"from {term_text(a['from'])}"))
    for s in b["scopes"]:
        out.append(f"scope {', '.join(json.dumps(n) for n in s['names'])} covers {', '.join(s['actions'])} on {', '.join(s['types'])}")
    for name, rule in b["rules"].items():
        if rule["default"]:
            out.append(f"default {name} := false")
        out += [f"{name} if {block(body)}" for body in rule["bodies"]]
    for s in b["statements"]:
        text = f"{s['effect']} {', '.join(s['roles'])} to {', '.join(s['actions'])} on {', '.join(s['types'])} at {s['tier']} as \"{s['id'][4:]}\""
        for clause in ("if", "unless"):
            if s[clause] is not None:
                text += f"\n{clause} {block(s[clause])}"
        out.append(text)
    return "\n\n".join(out[:1]) + "\n" + "\n".join(out[1:]) + "\n"
