# SPDX-License-Identifier: Apache-2.0
"""Random Rego v1 programs, data and inputs, as text and as Python data. Everything follows from the random.Random that is given.

A term is asked for by a kind: n number, s string, b boolean, a array, t set, o object, l array of numbers, w array of strings, ? anything. Mostly what comes is of
that kind, and now and then it is not: in OPA's order of things a wrong operand is refused at compile time when its type is known, and makes an expression
undefined when it comes from the input.
"""
import collections
import json
import re

NUMBERS = """0 1 -1 2 3 5 7 10 16 64 100 -3 -7 0.5 1.5 2.5 -2.5 -0.5 0.1 0.2 0.3 1.0 3.0 1e2 1E3 1e-2 2.50 -0.0 12345.678 123456.789 1234567.5 9007199254740993 2147483648
    9223372036854775807 -9223372036854775808 9223372036854775808 123456789012345678901234567890 1e21 1e30 3.141592653589793238462643 0.000001 1e-7""".split()
STRINGS = ["", "a", "b", "c", "ab", "abc", "aab", "Ab", "a b", " a ", "a.b", "a,b,c", "a/b", "x", "Ä", "äöü", "ß", "İ", "日本語", "e\u0301", "🙂x", "1", "-1.5", "1e3", "0x1f",
           "true", "a\"b", "a\\b", "a\tb", "a\nb", "<&>", "%d", "{x}", "*", "a*", "\u2028"]
PATTERNS = ["a", "a+", "^a", "[a-c]+", "(a)(b)?", "b$", "\\d+", "(?i)AB", "", "[", "a|b", "x*", ".", "\\s", "[^a]", "(?P<n>a)b", "\\pL+", "a{2}", "(?s).b"]
GLOBS = ["*", "a*", "?b", "a.*", "**", "{a,b}", "[a-c]", "[!a]b", "a.b", "*.b", "a**c", "{a*,b}.?", "\\*"]
TIMES = ["2024-02-29T12:30:45Z", "2023-12-31T23:59:59.123456789+02:00", "1970-01-01T00:00:00Z", "1969-07-20T20:17:40Z", "2024-13-01T00:00:00Z", "2024-03-31T01:30:00+01:00",
         "2024-02-29", "nonsense", "2262-04-11T23:47:16Z", "2300-01-01T00:00:00Z"]
DURATIONS = ["1h", "1h30m", "-1.5s", "100ms", "3us", "1d", "", "5", "1h1h", ".5m", "9999999h"]
NANOSECONDS = ["0", "1709209845000000000", "-14182940000000000", "1711846800000000000", "1e18", "1.5", "9223372036854775807", "9223372036854775808", "1730000000123456789"]
ZONES = ["UTC", "", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Nowhere/Here", "Local2"]
LAYOUTS = ["2006-01-02", "2006-01-02T15:04:05Z07:00", "Jan _2, 2006 at 3:04pm (MST)", "RFC1123", "RFC3339Nano", "ANSIC", "Mon Monday 02 002 .000 .999", "06 1 2 15 03 PM Z0700",
           "15:04:05.000000"]
VERSIONS = ["1.2.3", "1.2.10", "1.2.3-alpha.1", "1.2.3-alpha.beta", "1.2.3+build", "v1.2.3", "1.2", "0.0.0", "1.2.3-1", "1.2.3-10", "01.2.3", "x"]
UNITS = ["10", "1K", "1Ki", "2.5Gi", "100m", "1e3", "1KB", "3MiB", "5 MB", "", "K", "1Q", "-1k", "0.5G", "10kib", "1Pi", "1EB", "1.5m"]
JSONS = ['{"a": 1}', "[1, 2.50, null]", '"x"', "1", "1.0", "", "{", '{"a": {"b": [1]}, "a": 2}', "tru", "[1e2]", '"\\u00e9"', "  null "]
YAMLS = ["a: 1", "- 1\n- b", "x", "a: [1, 2]\nb: {c: null}", "1", "true", "'1'", "a: 1\n b: 2", "", "1.50", "0x10", "~"]
CODED = ["aGVsbG8=", "aGVsbG8", "_-8=", "+/8=", "68656c6c6f", "6g", "", "YQ==", "YQ", "%41b%20c", "%zz", "a+b", "a=1&b=2&a=3", "a", "Y Q", "a=%C3%A4&b"]
CIDRS = ["10.0.0.0/8", "10.1.2.3", "10.1.0.0/16", "192.168.1.0/30", "::1", "2001:db8::/126", "10.0.0.0/33", "x", "0.0.0.0/0", "10.1.2.3/32", "::ffff:10.0.0.1"]
FORMATS = ["%d", "%s", "%v", "%5d|", "%-5d|", "%05d", "%x", "%X", "%o", "%b", "%f", "%.2f", "%e", "%g", "%q", "%t", "%c", "%%", "%d %s", "%v-%v", "%5s|", "%-5s|", "%.1s", "%+d", "% d", "%#x",
           "%T", "%s %d", "%8.3f|", "%!", "%", "%z", "x", "%[2]v %[1]v", "%*d", "%U", "%i", "%G", "%x %v"]
POINTERS = ["a", "a/b", "/a", "/a/b", "b/0", "/l/1", "", "/", "a/c", "x/y", "/o/a~1b"]
SCHEMAS = ['{"type": "object"}', '{"type": "string"}', '{"type": "object", "required": ["a"]}', '{"properties": {"a": {"type": "integer"}}}', '{"enum": [1, "a"]}', '{"type": "bogus"}',
           '{"items": {"type": "number", "minimum": 1}}']
SPECIAL = {"R": PATTERNS, "G": GLOBS, "T": TIMES, "D": DURATIONS, "Z": ZONES, "L": LAYOUTS, "V": VERSIONS, "U": UNITS, "J": JSONS, "Y": YAMLS, "C": CODED, "I": CIDRS, "F": FORMATS, "P": POINTERS}

# name, kinds of the operands, kind of the result; a capital is a string of that sort, N a number of nanoseconds
CALLS = [line.split() for line in """
abs n n|ceil n n|floor n n|round n n|count ? n|sum l n|product l n|max ? ?|min ? ?|sort ? a|numbers.range ee l|numbers.range_step eee l
plus nn n|minus nn n|mul nn n|div nn n|rem nn n|bits.and nn n|bits.or nn n|bits.xor nn n|bits.negate n n|bits.lsh ne n|bits.rsh ne n
array.concat aa a|array.slice ann a|array.reverse a a|array.flatten a a
union t t|intersection t t
concat sw s|contains ss b|startswith ss b|endswith ss b|indexof ss n|indexof_n ss l|lower s s|upper s s|replace sss s|split ss w|substring snn s|strings.count ss n
strings.reverse s s|strings.any_prefix_match sw b|strings.any_suffix_match ww b|strings.replace_n os s|trim ss s|trim_left ss s|trim_right ss s|trim_prefix ss s|trim_suffix ss s
trim_space s s|sprintf Fa s|format_int nn s|strings.render_template so s
regex.match Rs b|regex.is_valid R b|regex.split Rs w|regex.find_n Rsn w|regex.find_all_string_submatch_n Rsn a|regex.replace sRs s|regex.template_match sssS b|regex.globs_match RR b
glob.match Gws b|glob.quote_meta G s
to_number s n|is_number ? b|is_string ? b|is_boolean ? b|is_array ? b|is_set ? b|is_object ? b|is_null ? b|type_name ? s
object.get os? ?|object.get oa? ?|object.keys o t|object.remove ow o|object.filter ow o|object.union oo o|object.union_n q o|object.subset oo b|object.subset tt b|object.subset aa b
json.marshal ? s|json.unmarshal J ?|json.is_valid J b|json.filter op o|json.remove op o|json.patch oh ?|json.marshal_with_options ?m s|json.match_schema ?k a|json.verify_schema k a
yaml.marshal ? s|yaml.unmarshal Y ?|yaml.is_valid Y b
base64.encode s s|base64.decode C s|base64.is_valid C b|base64url.encode s s|base64url.encode_no_pad s s|base64url.decode C s|hex.encode s s|hex.decode C s
urlquery.encode s s|urlquery.decode C s|urlquery.encode_object o s|urlquery.decode_object C o
time.parse_rfc3339_ns T n|time.parse_duration_ns D n|time.parse_ns LT n|time.date N a|time.clock N a|time.weekday N s|time.add_date Nnnn n|time.diff NN a|time.format N s
time.date z a|time.clock z a|time.weekday z s|time.format f s|time.diff zz a
semver.compare VV n|semver.is_valid V b|units.parse U n|units.parse_bytes U n
net.cidr_contains II b|net.cidr_intersects II b|net.cidr_expand i t|net.cidr_merge c t|net.cidr_is_valid I b|net.cidr_contains_matches cc t
crypto.md5 s s|crypto.sha1 s s|crypto.sha256 s s|crypto.hmac.sha256 ss s|crypto.hmac.equal ss b|uuid.parse s ?|io.jwt.decode s ?
graph.reachable gw t|graph.reachable_paths gw t|walk ? p
equal ?? b|neq ?? b|lt ?? b|gte ?? b
""".replace("\n", "|").split("|") if line]

SHAPES = {"a": "alw", "?": "nsbatolw?", "t": "t", "o": "o"}


class Programs:
    def __init__(self, random):
        self.random = random
        self.count = 0
        self.rules = []  # (package, name, kind, operands' kinds or None, how it is read)
        self.package = ""

    def name(self):
        self.count += 1
        return f"v{self.count}"

    def chance(self, p):
        return self.random.random() < p

    # ---- constants ----
    def constant(self, kind, depth=0):
        r = self.random
        some = lambda kind, most=3: [self.constant(kind, depth + 1) for _ in range(r.randint(0, most if depth < 3 else 1))]
        if kind in SPECIAL:
            return self.string(r.choice(SPECIAL[kind]))
        if kind == "?":
            kind = r.choice("nnssbatolwx" if depth < 3 else "nsbx")
        if kind == "n":
            return r.choice(NUMBERS[:20]) if self.chance(0.7) else r.choice(NUMBERS)
        if kind == "s":
            return self.string(r.choice(STRINGS))
        if kind == "e":
            return r.choice(["0", "1", "-1", "2", "5", "10", "1.5"])
        if kind == "i":
            return r.choice(['"192.168.1.0/30"', '"2001:db8::/126"', '"10.1.2.3/32"', '"x"', '"10.1.2.3"'])
        if kind == "S":
            return self.string(r.choice(["{", "}", "<", ">", "a", "{}"]))
        if kind == "b":
            return r.choice(["true", "false"])
        if kind == "x":
            return "null"
        if kind == "a":
            return "[" + ", ".join(some("?")) + "]"
        if kind in "lw":
            return "[" + ", ".join(some("n" if kind == "l" else "s")) + "]"
        if kind == "c":
            return "[" + ", ".join(some("I")) + "]"
        if kind == "p":
            return "[" + ", ".join(some("P")) + "]"
        if kind == "q":
            return "[" + ", ".join(some("o")) + "]"
        if kind == "t":
            inside = some(r.choice("ns?"))
            return "{" + ", ".join(inside) + "}" if inside else "set()"
        if kind == "o":
            keys = r.sample(["a", "b", "c", "a/b", "ä", "l"], r.randint(0, 3))
            members = [f"{self.string(k)}: {self.constant('?', depth + 1)}" for k in keys]
            if self.chance(0.15):
                members.append(f"{r.choice(['1', 'null', '[1]', 'true', '{1}', '1.5'])}: {self.constant('?', depth + 1)}")
            return "{" + ", ".join(members) + "}"
        if kind == "N":
            return r.choice(NANOSECONDS)
        if kind == "z":
            return f"[{r.choice(NANOSECONDS)}, {self.string(r.choice(ZONES))}]"
        if kind == "f":
            return f"[{r.choice(NANOSECONDS)}, {self.string(r.choice(ZONES))}, {self.string(r.choice(LAYOUTS))}]"
        if kind == "k":
            return r.choice(SCHEMAS)
        if kind == "m":
            return r.choice(['{"pretty": true}', '{"indent": "  "}', '{"prefix": "> "}', '{"pretty": false, "indent": "\\t"}', "{}"])
        if kind == "g":
            return r.choice(['{"a": ["b"], "b": ["c", "a"], "c": []}', '{"a": {"b"}, "b": ["a"]}', '{"a": ["x"]}', '{"a": null, "b": ["a"]}'])
        if kind == "h":
            ops = [f'{{"op": "{r.choice(["add", "remove", "replace", "copy", "move", "test"])}", "path": {self.constant("P")}, "from": {self.constant("P")}, '
                   f'"value": {self.constant("?", 2)}}}' for _ in range(r.randint(0, 2))]
            return "[" + ", ".join(ops) + "]"
        raise ValueError(kind)

    def string(self, text):
        if self.chance(0.1) and "`" not in text and "\n" not in text:
            return "`" + text + "`"
        return json.dumps(text, ensure_ascii=self.chance(0.1))

    # ---- terms ----
    def input_ref(self, kind):
        r = self.random
        known = {"n": ["n", "m", "o.n", "l[0]"], "s": ["s", "t", "o.s", "w[0]"], "b": ["b"], "a": ["a", "l", "w", "q"], "o": ["o", "q[0]", "e"], "l": ["l"], "w": ["w"], "t": ["l"],
                 "?": ["n", "s", "a", "o", "v", "q[1]", "o.s", "missing", "o.missing", "q"]}
        if kind in SPECIAL or kind not in known:
            return "input.s"
        return "input." + r.choice(known[kind])

    def data_ref(self, kind):
        known = {"n": ["n", "users[0].age"], "s": ["users[1].name", "config.mode"], "a": ["users"], "o": ["config", "users[0]", "table"], "l": ["limits"], "w": ["users[0].tags"],
                 "b": ["config.on"], "?": ["config.none", "table.x", "limits[1]"]}
        return "data.base." + self.random.choice(known.get(kind, known["?"]))

    def rule_ref(self, kind, scope, depth):
        r = self.random
        wanted = SHAPES.get(kind, kind)
        found = [x for x in self.rules if x[2] in wanted or x[4] == "contains" and kind in "t?" or x[4] == "object" and kind in "o?"]
        if not found:
            return None
        package, name, _, operands, form = r.choice(found)
        ref = name if package == self.package and self.chance(0.7) else f"data.{package}.{name}"
        if operands is not None:
            return f"{ref}({', '.join(self.term(k, scope, depth + 1) for k in operands)})"
        if form == "object" and kind not in "o":
            return f"{ref}[{self.term('s', scope, depth + 1)}]"
        return ref

    def variable(self, kind, scope):
        wanted = SHAPES.get(kind, kind)
        found = [v for v, k in scope if k in wanted]
        return self.random.choice(found) if found else None

    def term(self, kind, scope, depth=0):
        r = self.random
        if self.chance(0.015):
            kind = r.choice("nsbato")
        roll = r.random()
        if kind in "cpqzfkmghSNei":
            return self.constant(kind) if roll < 0.9 or kind in "ei" else self.input_ref("?")
        if roll < 0.3:
            found = self.variable(kind, scope)
            if found:
                return found
        if kind in SPECIAL:
            return self.constant(kind) if roll < 0.85 else self.term("s", scope, depth)
        if depth > 3 or roll < 0.42:
            return self.constant(kind, 1)
        if roll < 0.56:
            return self.input_ref(kind)
        if roll < 0.60:
            return self.data_ref(kind)
        if roll < 0.72:
            found = self.rule_ref(kind, scope, depth)
            if found:
                return found
        if roll < 0.86:
            return self.made(kind, scope, depth + 1)
        return self.call(kind, scope, depth + 1) or self.constant(kind, 1)

    def untyped(self, kind, scope):
        """Mostly a term whose type OPA's compiler cannot know."""
        return self.term(kind, scope, 3) if self.chance(0.05) else self.input_ref(kind)

    def made(self, kind, scope, depth):
        """A term by the language's own means: operators, literals with terms in them, comprehensions."""
        r = self.random
        if kind == "n":
            return f"({self.term('n', scope, depth)} {r.choice('+-*/%')} {self.term('n', scope, depth)})"
        if kind == "s":
            parts = "".join(r.choice(["a", "é ", "{" + self.term(r.choice("ns?"), scope, depth + 1) + "}", " \\{", ""]) for _ in range(r.randint(1, 3)))
            return f'$"{parts}"' if '"' not in parts.replace('\\"', "") or True else self.constant("s")
        if kind == "b":
            return r.choice([f"({self.untyped('?', scope)} {r.choice(['==', '!=', '<', '>=', '<=', '>'])} {self.term('?', scope, depth)})",
                             f"({self.untyped('?', scope)} in {self.term(r.choice('ato'), scope, depth)})"])
        if kind in "alw":
            inner = {"a": "?", "l": "n", "w": "s"}[kind]
            if self.chance(0.5):
                return "[" + ", ".join(self.term(inner, scope, depth + 1) for _ in range(r.randint(1, 3))) + "]"
            inside = list(scope)
            body = self.body(inside, depth + 1)
            return f"[{self.term(inner, inside, depth + 1)} | {body}]"
        if kind == "t":
            roll = r.random()
            if roll < 0.4:
                return f"({self.term('t', scope, depth)} {r.choice('|&-')} {self.term('t', scope, depth)})"
            if roll < 0.6:
                return "{" + ", ".join(self.term("?", scope, depth + 1) for _ in range(r.randint(1, 3))) + "}"
            inside = list(scope)
            body = self.body(inside, depth + 1)
            return f"{{{self.term('?', inside, depth + 1)} | {body}}}"
        if kind == "o":
            if self.chance(0.5):
                return "{" + ", ".join(f"{self.string(k)}: {self.term('?', scope, depth + 1)}" for k in r.sample(["a", "b", "c", "d"], r.randint(1, 2))) + "}"
            inside = list(scope)
            body = self.body(inside, depth + 1)
            return f"{{{self.term('s', inside, depth + 1)}: {self.term('?', inside, depth + 1)} | {body}}}"
        return self.term(r.choice("nsbatolw"), scope, depth)

    def call(self, kind, scope, depth):
        wanted = SHAPES.get(kind, kind)
        found = [c for c in CALLS if c[2] in wanted]
        if not found:
            return None
        name, operands, _ = self.random.choice(found)
        return f"{name}({', '.join(self.term(k, scope, depth + 1) for k in operands)})"

    # ---- bodies ----
    def body(self, scope, depth):
        """Literals, as a text with `; ` between them; the variables that they bind are added to scope."""
        return "; ".join(self.literal(scope, depth) for _ in range(self.random.choice([1, 1, 2, 2, 3] if depth < 3 else [1])))

    def collection(self, scope, depth):
        kind = self.random.choice("aatolwlw")
        return kind, self.term(kind, scope, depth + 1)

    def with_part(self, scope, depth):
        r = self.random
        target = r.choice(["input", "input.n", "input.s", "input.o.s", "data.base.n", "data.base.config", "data.base.limits", "input.v", "count", "lower", "data.base.table.x"] +
                          [f"data.{p}.{n}" for p, n, _, o, _ in self.rules])
        if target in ("count", "lower"):
            functions = [f"data.{p}.{n}" for p, n, _, o, _ in self.rules if o is not None and len(o) == 1]
            return f" with {target} as {r.choice(functions) if functions and self.chance(0.5) else self.constant('?', 2)}"
        return f" with {target} as {self.term('?', scope, depth + 2)}"

    def literal(self, scope, depth):
        r = self.random
        roll = r.random()
        if roll < 0.16:
            kind, source = self.collection(scope, depth)
            value, key = self.name(), self.name()
            both = self.chance(0.3)
            element = {"l": "n", "w": "s"}.get(kind, "?")
            if self.chance(0.1):  # a pattern
                text = f"some [{value}, {r.choice(['_', self.constant('n')])}] in {source}"
                scope.append((value, "?"))
                return text
            scope.append((value, element))
            if both:
                scope.append((key, "n" if kind in "alw" else "?"))
            return f"some {key + ', ' if both else ''}{value} in {source}"
        if roll < 0.26:
            kind = r.choice("nsbatolw?")
            name = self.name()
            text = f"{name} := {self.term(kind, scope, depth)}"
            scope.append((name, kind))
            return text
        if roll < 0.34:
            return self.unification(scope, depth)
        if roll < 0.41 and depth < 3:
            value, key = self.name(), self.name()
            kind, source = self.collection(scope, depth)
            inside = scope + [(value, {"l": "n", "w": "s"}.get(kind, "?"))] + [(key, "?")]
            return f"every {key}, {value} in {source} {{ {self.body(inside, depth + 1)} }}"
        if roll < 0.49:
            text = self.condition(scope, depth)
            return f"not {text}" + (self.with_part(scope, depth) if self.chance(0.15) else "")
        if roll < 0.56:
            name = self.name()
            kind, source = self.collection(scope, depth)
            if not source.startswith(("input", "data", "[", "{")):
                source = self.input_ref(r.choice("alwo"))
            text = f"{source}[{name}]"
            scope.append((name, "?"))
            if self.chance(0.5):
                value = self.name()
                text = f"{value} {r.choice(['=', ':='])} {text}"
                scope.append((value, "?"))
            return text
        if roll < 0.6:
            path, value = self.name(), self.name()
            text = f"walk({self.term(r.choice('oa?'), scope, depth + 1)}, [{path}, {value}])"
            scope.extend([(path, "a"), (value, "?")])
            return text
        text = self.condition(scope, depth)
        return text + (self.with_part(scope, depth) if self.chance(0.12) else "")

    def unification(self, scope, depth):
        r = self.random
        one, two = self.name(), self.name()
        shape = r.random()
        if shape < 0.4:
            left = f"[{one}, {r.choice([two, self.term('?', scope, 3)])}]"
            right = r.choice([f"[{self.term('?', scope, depth + 1)}, {self.term('?', scope, depth + 1)}]", self.input_ref("a"), self.term("a", scope, depth + 1)])
        elif shape < 0.75:
            left = f'{{"{r.choice(["a", "n"])}": {one}, "{r.choice(["b", "s"])}": {r.choice([two, self.term("?", scope, 3)])}}}'
            right = r.choice([self.term("o", scope, depth + 1), "input.o", "input.q[_]"])
        else:
            left, right = one, self.term("?", scope, depth + 1)
        scope.append((one, "?"))
        if two in left:
            scope.append((two, "?"))
        return f"{left} = {right}" if self.chance(0.7) else f"{right} = {left}"

    def condition(self, scope, depth):
        r = self.random
        roll = r.random()
        if roll < 0.45:
            kind = r.choice("nns?ato")
            left = self.term(kind, scope, depth + 1) if kind in "ns" or self.chance(0.1) else self.untyped(kind, scope)
            return f"{left} {r.choice(['==', '!=', '<', '<=', '>', '>='])} {self.term(kind, scope, depth + 1)}"
        if roll < 0.55:
            return f"{self.untyped('?', scope)} in {self.term(r.choice('ato'), scope, depth + 1)}"
        if roll < 0.6:
            return f"{self.untyped('?', scope)}, {self.untyped('?', scope)} in {self.term(r.choice('oa'), scope, depth + 1)}"
        if roll < 0.75:
            return self.call("b", scope, depth + 1)
        return self.term(r.choice("b?"), scope, depth + 1)

    # ---- rules ----
    def lines(self, scope, most=3):
        return "".join(f"\n\t{self.literal(scope, 0)}" for _ in range(self.random.randint(1, most)))

    def rule(self):
        r = self.random
        name = f"r{len(self.rules)}"
        kind = r.choice("nsbatolw?")
        form = r.choice(["complete"] * 4 + ["value"] * 2 + ["contains"] * 3 + ["object"] * 3 + ["function"] * 4 + ["general"] * 2 + ["else"] * 2 + ["default"] * 2)
        text, operands, read = "", None, form
        if form == "value":
            text = f"{name} := {self.term(kind, [])}"
        elif form in ("complete", "default"):
            if form == "default":
                text = f"default {name} := {self.constant(kind, 1)}\n\n"
            for _ in range(r.choice([1, 1, 1, 2])):
                scope = []
                body = self.lines(scope)
                text += f"{name} := {self.term(kind, scope)} if {{{body}\n}}\n\n"
        elif form == "else":
            for i in range(r.randint(2, 3)):
                scope = []
                body = self.lines(scope, 2)
                head = f"{name} := {self.term(kind, scope)} if" if i == 0 else f" else := {self.term(kind, scope)} if"
                text += f"{head} {{{body}\n}}"
        elif form == "contains":
            for _ in range(r.randint(1, 2)):
                scope = []
                body = self.lines(scope)
                text += f"{name} contains {self.term(r.choice('?n'), scope)} if {{{body}\n}}\n\n"
        elif form == "object":
            for _ in range(r.randint(1, 2)):
                scope = []
                body = self.lines(scope)
                key = self.term("s" if self.chance(0.8) else "?", scope)
                plain = self.variable("s?n", scope)
                if self.chance(0.7) or not key.replace(".", "").isalnum():
                    key = plain or self.constant("s", 1)
                text += f"{name}[{key}] := {self.term('?', scope)} if {{{body}\n}}\n\n"
        elif form == "general":
            read = "object"
            for i in range(r.randint(1, 2)):
                scope = []
                body = self.lines(scope)
                key = self.variable("s?n", scope) or '"k"'
                other = self.variable("s?n", scope) or '"z"'
                head = r.choice([f"{name}.a[{key}]", f"{name}[{key}].b", f'{name}[{key}][{other}]', f'{name}.c["d"]'])
                text += r.choice([f"{head} := {self.term('?', scope)} if {{{body}\n}}\n\n", f"{head} contains {self.term('?', scope)} if {{{body}\n}}\n\n"])
        else:
            operands = "".join(r.choice("nso?a") for _ in range(r.randint(1, 2)))
            if self.chance(0.25):
                text = f"default {name}({', '.join(self.name() for _ in operands)}) := {self.constant(kind, 1)}\n\n"
            for _ in range(r.randint(1, 2)):
                scope, parameters = [], []
                for k in operands:
                    p = self.name()
                    roll = r.random()
                    if roll < 0.15:
                        parameters.append(self.constant(k, 2))
                    elif roll < 0.25:
                        parameters.append(f"[{p}, _]")
                        scope.append((p, "?"))
                    elif roll < 0.32:
                        parameters.append(f'{{"a": {p}}}')
                        scope.append((p, "?"))
                    else:
                        parameters.append(p)
                        scope.append((p, k))
                body = self.lines(scope, 2)
                text += f"{name}({', '.join(parameters)}) := {self.term(kind, scope)} if {{{body}\n}}"
                if self.chance(0.2):
                    inside = [(p, k) for p, k in scope if p in " ".join(parameters)]
                    body = self.lines(inside, 1)
                    text += f" else := {self.term(kind, inside)} if {{{body}\n}}"
                text += "\n\n"
        self.rules.append((self.package, name, kind, operands, read))
        return text + "\n"

    def without_unused(self, text):
        """OPA refuses a variable of `some` that nothing reads; a few stay."""
        seen = collections.Counter(re.findall(r"\bv\d+\b", text))
        return re.sub(r"\bv\d+\b", lambda m: "_" if seen[m[0]] == 1 and not self.chance(0.01) else m[0], text)

    def value(self, depth=0):
        r = self.random
        kind = r.choice("nnssbxao" if depth < 2 else "nsbx")
        if kind == "n":
            return r.choice([0, 1, 2, 3, -1, 0.5, 2.5, 10, 9007199254740993, 123456789012345678901234567890])
        return {"s": lambda: r.choice(STRINGS), "b": lambda: self.chance(0.5), "x": lambda: None, "a": lambda: [self.value(depth + 1) for _ in range(r.randint(0, 3))],
                "o": lambda: {k: self.value(depth + 1) for k in r.sample(["a", "b", "n", "s", "1"], r.randint(0, 3))}}[kind]()

    def input(self):
        r = self.random
        number = lambda: r.choice([0, 1, 2, 3, -1, 1.5, 10, 100, 2.5])
        out = {"n": number(), "m": r.choice([0.1, 2.5, 1e21, 7, 1234567.5, 9007199254740993]), "s": r.choice(STRINGS), "t": r.choice(STRINGS + TIMES + VERSIONS), "b": self.chance(0.5),
               "l": [number() for _ in range(r.randint(0, 4))], "w": [r.choice(STRINGS) for _ in range(r.randint(0, 3))], "a": [self.value(1) for _ in range(r.randint(0, 3))],
               "o": {"n": number(), "s": r.choice(STRINGS), "a": self.value(1)}, "e": {}, "v": self.value(), "q": [{"a": self.value(1), "b": number()} for _ in range(r.randint(0, 3))]}
        for name in list(out):
            if self.chance(0.06):
                del out[name]
            elif self.chance(0.06):
                out[name] = self.value()
        return out

    def data(self):
        r = self.random
        return {"base": {"n": r.choice([1, 2.5]), "users": [{"name": "ann", "age": 30, "tags": ["x", "y"]}, {"name": "Bo", "age": 3.5, "tags": []}], "limits": [3, 1, 2],
                         "config": {"mode": "abc", "on": True, "none": None}, "table": {"x": self.value(1), "ä": {"y": 1}}}}

    def program(self):
        """{"modules", "data", "paths", "inputs"}"""
        modules = {}
        packages = self.random.sample(["p", "q", "p.sub", "r"], self.random.randint(1, 3))
        for package in packages:
            self.package = package
            text = f"package {package}\n\n" + "".join(self.rule() for _ in range(self.random.randint(1, 4)))
            modules[f"{package}.rego"] = self.without_unused(text)
        paths = [f"{p.replace('.', '/')}/{n}" for p, n, _, o, _ in self.rules if o is None]
        return {"modules": modules, "data": self.data(), "paths": paths + ([packages[-1]] if self.chance(0.2) else []), "inputs": [self.input() for _ in range(2)]}
