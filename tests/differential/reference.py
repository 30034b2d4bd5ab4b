# SPDX-License-Identifier: Apache-2.0
"""The eight statements, decided by the book: slow, simple, and written from the language page alone. A bundle is Python data (see generate.py)."""

UNDEFINED = object()
WEIGHTS = {"override": 1000, "scope": 900, "tenant": 100, "user": 80, "role": 60}


class Fault(Exception):
    """A runtime error of a built-in or an operator."""


# ---- values: Rego's order, null < bool < number < string < array < object ----

def rank(v):
    if v is None:
        return 0
    if isinstance(v, bool):
        return 1
    if isinstance(v, (int, float)):
        return 2
    if isinstance(v, str):
        return 3
    return 4 if isinstance(v, list) else 5


def order(a, b):
    if rank(a) != rank(b):
        return -1 if rank(a) < rank(b) else 1
    if isinstance(a, list):
        for x, y in zip(a, b):
            if order(x, y):
                return order(x, y)
        return (len(a) > len(b)) - (len(a) < len(b))
    if isinstance(a, dict):
        return order([x for k in sorted(a) for x in (k, a[k])], [x for k in sorted(b) for x in (k, b[k])])
    return 0 if a is None else (a > b) - (a < b)


COMPARE = {"==": lambda n: n == 0, "!=": lambda n: n != 0, "<": lambda n: n < 0, ">=": lambda n: n >= 0}


def lookup(value, path):
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return UNDEFINED
        value = value[key]
    return value


# ---- conditions ----

class Evaluation:
    def __init__(self, bundle, request):
        self.bundle, self.request = bundle, request

    def term(self, t, env):
        kind = t[0]
        if kind == "lit":
            return t[1]
        if kind == "var":
            return env[t[1]]
        if kind == "attr":
            return lookup(self.request, t[1])
        base = lookup(self.request, t[1])  # get: base, key, default
        if base is UNDEFINED:
            return UNDEFINED
        if not isinstance(base, dict):
            raise Fault
        return base.get(t[2], t[3])

    def holds(self, c, env):
        """Whether the condition holds; Fault when it meets an error and does not hold otherwise."""
        kind = c[0]
        if kind == "cmp":
            a, b = self.term(c[2], env), self.term(c[3], env)
            return a is not UNDEFINED and b is not UNDEFINED and COMPARE[c[1]](order(a, b))
        if kind == "truthy":
            v = self.term(c[1], env)
            return v is not UNDEFINED and v is not False
        if kind == "in":
            x, xs = self.term(c[1], env), self.term(c[2], env)
            return x is not UNDEFINED and isinstance(xs, list) and any(order(x, y) == 0 for y in xs)
        if kind == "divide":  # 12 / x == k
            x = self.term(c[1], env)
            if x is UNDEFINED:
                return False
            if isinstance(x, bool) or not isinstance(x, (int, float)) or x == 0:
                raise Fault
            return 12 / x == c[2]
        if kind == "upper":  # upper(x) == k
            x = self.term(c[1], env)
            if x is UNDEFINED:
                return False
            if not isinstance(x, str):
                raise Fault
            return x.upper() == c[2]
        if kind == "not":
            return not self.body(c[1], env)
        if kind == "some":  # variable, list, conditions
            xs = self.term(c[2], env)
            if not isinstance(xs, (list, dict)):
                return False
            return self.any(lambda x: self.body(c[3], {**env, c[1]: x}), list(xs.values()) if isinstance(xs, dict) else xs)
        if kind == "every":
            xs = self.term(c[2], env)
            if not isinstance(xs, (list, dict)):
                return False
            return all(self.body(c[3], {**env, c[1]: x}) for x in (xs.values() if isinstance(xs, dict) else xs))
        if kind == "count":  # count([v | some v in list; conditions]) op n
            xs = self.term(c[2], env)
            n = 0
            if isinstance(xs, (list, dict)):
                n = sum(self.body(c[3], {**env, c[1]: x}) for x in (xs.values() if isinstance(xs, dict) else xs))
            return COMPARE[c[4]](order(n, c[5]))
        assert kind == "rule", kind
        return self.rule(c[1])

    def any(self, test, items):
        fault = False
        for x in items:
            try:
                if test(x):
                    return True
            except Fault:
                fault = True
        if fault:
            raise Fault
        return False

    def body(self, conditions, env):
        """`some` goes on with what stands behind it."""
        for i, c in enumerate(conditions):
            if c[0] == "some":
                return self.holds(("some", c[1], c[2], [*c[3], *conditions[i + 1:]]), env)
            if not self.holds(c, env):
                return False
        return True

    def rule(self, name):
        return self.any(lambda body: self.body(body, {}), self.bundle["rules"][name]["bodies"])


# ---- what may be read of the input (input_invalid) ----

def flip(sign):
    return sign.translate(str.maketrans("+-", "-+"))


class Reads:
    """path: [signs, whole]; None in a path is any element."""

    def __init__(self, bundle):
        self.bundle, self.found = bundle, {}

    def add(self, path, sign, whole):
        entry = self.found.setdefault(tuple(path), [set(), False])
        entry[0].update(sign)
        entry[1] |= whole

    def term(self, t, sign, env, whole=True):
        if t[0] == "attr":
            self.add(t[1], sign, whole)
        elif t[0] == "var" and env[t[1]]:
            self.add(env[t[1]], sign, whole)
        elif t[0] == "get":
            self.add(t[1], sign, False)
            self.add([*t[1], t[2]], "", True)

    def conditions(self, conditions, sign, env):
        for c in conditions:
            if c[0] in ("some", "every", "count"):
                inner = "+-" if c[0] == "count" else sign
                self.term(c[2], inner, env)
                env = {**env, c[1]: [*c[2][1], None] if c[2][0] == "attr" else None}
                self.conditions(c[3], inner, env)
                if c[0] == "count":
                    self.term(("var", c[1]), inner, env)
            elif c[0] == "not":
                self.conditions(c[1], flip(sign), env)
            elif c[0] == "rule":
                rule = self.bundle["rules"][c[1]]
                for body in rule["bodies"]:
                    self.conditions(body, "+-" if rule["default"] else sign, {})
            else:
                for t in c[1:]:
                    if isinstance(t, tuple):
                        self.term(t, sign, env)


def has_type(v, declared):
    if declared == "any":
        return True
    if isinstance(declared, list):
        return isinstance(v, list) and all(has_type(x, declared[0]) for x in v)
    return {"number": rank(v) == 2, "string": rank(v) == 3, "bool": rank(v) == 1}[declared]


def input_is_valid(bundle, request, found):
    schema = bundle["schemas"].get(lookup(request, ["resource", "type"]))
    for path, (signs, whole) in found.items():
        if path[0] != "resource" or len(path) < 2 or schema is None or path[1] not in schema:
            continue
        declared, optional = schema[path[1]]
        value = lookup(request, path[:2])
        absent = value is UNDEFINED or (value is None and declared != "any")
        if absent:
            if "-" in signs and not optional:
                return False
            continue
        if len(path) == 2:
            shallow = isinstance(declared, list) and not whole
            if not (isinstance(value, list) if shallow else has_type(value, declared)):
                return False
        elif not has_type(value, declared):
            return False
    return True


# ---- the decision ----

def closure(bundle, role):
    held, waiting = set(), [role]
    while waiting:
        r = waiting.pop()
        if r not in held:
            held.add(r)
            waiting += bundle["roles"][r]
    return held


def derived_roles(bundle):
    found = set()
    for a in bundle["assigns"]:
        if a["if"] is not None and mentions_request(a["if"]):
            found |= set(a["names"])
    return found


def mentions_request(conditions):
    def term(t):
        return isinstance(t, tuple) and t[0] in ("attr", "get") and t[1][0] in ("resource", "action", "context", "request")
    return any(any(term(x) for x in c if isinstance(x, tuple)) or any(mentions_request(x) for x in c if isinstance(x, list) and x and isinstance(x[0], tuple))
               for c in conditions)


def roles_of(bundle, evaluation):
    """(held for permits, held for forbids)"""
    sure, doubtful = set(), set()
    derived = derived_roles(bundle)
    for a in bundle["assigns"]:
        names = set(a["names"]) or {r for r in bundle["roles"] if r not in derived}
        try:
            if a["if"] is not None:
                given = names if evaluation.body(a["if"], {}) else set()
            else:
                value = evaluation.term(a["from"], {})
                given = {x for x in value if isinstance(x, str)} & names if isinstance(value, list) else set()
            for r in given:
                sure |= closure(bundle, r)
        except Fault:
            for r in names:
                doubtful |= closure(bundle, r)
    extra = {"anyone"}
    if "token" in evaluation.request or "cert" in evaluation.request:
        extra.add("authenticated")
    return sure, sure | extra, sure | extra | doubtful


def matches(names, name):
    return "*" in names or name in names


def decide(bundle, request):
    """{"allow", "effect", "tier", "rules", "roles"}, and whether there are errors."""
    evaluation = Evaluation(bundle, request)
    action, kind = lookup(request, ["action", "name"]), lookup(request, ["resource", "type"])
    roles, for_permits, for_forbids = roles_of(bundle, evaluation)
    result = {"allow": False, "effect": "none", "rules": [], "roles": sorted(roles)}
    statements = [s for s in bundle["statements"] if matches(s["actions"], action) and matches(s["types"], kind)]
    reads = Reads(bundle)
    for s in statements:
        forbid = s["effect"] == "forbid"
        reads.conditions(s["if"] or [], "-" if forbid else "+", {})
        reads.conditions(s["unless"] or [], "+" if forbid else "-", {})
        for a in bundle["assigns"]:
            if any(gives(bundle, a, r) for r in s["roles"]):
                of_assign = Reads(bundle)
                if a["if"] is not None:
                    of_assign.conditions(a["if"], "+-" if forbid else "+", {})
                else:
                    of_assign.term(a["from"], "+-" if forbid else "+", {})
                for path, (signs, whole) in of_assign.found.items():
                    if forbid or "-" in signs:
                        reads.add(path, signs, whole)
    if not input_is_valid(bundle, request, reads.found):
        return result
    applicable = []
    for s in statements:
        forbid = s["effect"] == "forbid"
        if not set(s["roles"]) & (for_forbids if forbid else for_permits):
            continue
        try:
            holds = s["if"] is None or evaluation.body(s["if"], {})
            if holds and s["unless"] is not None:
                holds = not evaluation.body(s["unless"], {})
        except Fault:
            holds = forbid
        if holds:
            applicable.append((WEIGHTS[s["tier"]], s["tier"], s["effect"], s["id"]))
    scopes = [s for s in bundle["scopes"] if matches(s["types"], kind)]
    if "token" in request and scopes:
        held = lookup(request, ["token", "scopes"])
        held = held if isinstance(held, list) else []
        if not any(set(s["names"]) & set(held) and matches(s["actions"], action) for s in scopes):
            applicable.append((WEIGHTS["scope"], "scope", "forbid", "scope"))
    if applicable:
        top = max(applicable)[0]
        deciding = [a for a in applicable if a[0] == top]
        effect = "forbid" if any(a[2] == "forbid" for a in deciding) else "permit"
        result.update(allow=effect == "permit", effect=effect, tier=deciding[0][1], rules=sorted(a[3] for a in deciding if a[2] == effect))
    return result


def gives(bundle, assign, role):
    if role not in bundle["roles"]:
        return False
    if not assign["names"]:
        return role not in derived_roles(bundle)
    return any(role in closure(bundle, n) for n in assign["names"])
