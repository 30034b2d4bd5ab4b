#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Commands of pol as a script sees them: exit codes, shapes of output, files: run.py POL."""
import json
import os
import re
import subprocess
import sys
import tempfile
import traceback
import xml.etree.ElementTree as tree
from pathlib import Path

POL = str(Path(sys.argv[1]).resolve())
TESTS = []


def test(function):
    TESTS.append(function)
    return function


class Run:
    def __init__(self, *args, stdin="", cwd=None, env=None):
        run = subprocess.run([POL, *map(str, args)], input=stdin, capture_output=True, text=True, cwd=cwd, timeout=60,
                             env={**os.environ, **(env or {})})
        self.code, self.out, self.err = run.returncode, run.stdout, run.stderr

    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"exit {self.code}\n{self.out}\n{self.err}"


def equal(got, wanted, run=None):
    if got != wanted:
        raise AssertionError(f"wanted {wanted!r}\ngot    {got!r}\n{run or ''}")


def contains(text, part, run=None):
    if part not in text:
        raise AssertionError(f"wanted {part!r} in {text!r}\n{run or ''}")


def write(folder, files):
    for name, text in files.items():
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
    return Path(folder)


ALLOW = """package shop

default allow := false

allow if input.user in data.users
"""


# ---- eval ----

@test
def eval_prints_opas_shape(d):
    run = Run("eval", "1+1")
    equal(run.out, """{
  "result": [
    {
      "expressions": [
        {
          "value": 2,
          "text": "1+1",
          "location": {
            "row": 1,
            "col": 1
          }
        }
      ]
    }
  ]
}
""", run)
    equal(run.code, 0)


@test
def eval_prints_bindings_after_expressions(d):
    run = Run("eval", "x := 1; y := {2, x}")
    equal(run.json(), {"result": [{"expressions": [
        {"value": True, "text": "x := 1", "location": {"row": 1, "col": 1}},
        {"value": True, "text": "y := {2, x}", "location": {"row": 1, "col": 9}}], "bindings": {"x": 1, "y": [1, 2]}}]}, run)
    if run.out.index('"expressions"') > run.out.index('"bindings"'):
        raise AssertionError(run.out)


@test
def eval_has_one_result_for_each_binding(d):
    run = Run("eval", "some x in [1, 2, 3]; x > 1", "--format", "bindings")
    equal(run.out, '{\n  "x": 2\n}\n{\n  "x": 3\n}\n', run)


@test
def eval_of_what_is_undefined(d):
    run = Run("eval", "data.nothing.here")
    equal((run.out, run.code), ("{}\n", 0), run)
    equal(Run("eval", "data.nothing.here", "--format=pretty").out, "undefined\n")
    equal(Run("eval", "--fail", "data.nothing.here").code, 1)
    equal(Run("eval", "--fail-defined", "data.nothing.here").code, 0)


@test
def eval_of_what_is_defined(d):
    equal(Run("eval", "--fail", "true").code, 0)
    equal(Run("eval", "--fail-defined", "true").code, 1)
    equal(Run("eval", "--fail", "false").code, 0)
    equal(Run("eval", "--fail", "1 = 2").code, 1)


@test
def eval_formats(d):
    equal(Run("eval", "-f", "values", "1; \"a\"").out, '[\n  1,\n  "a"\n]\n')
    equal(Run("eval", "-f", "raw", '"a b"').out, "a b\n")
    equal(Run("eval", "-f", "raw", '{"a": [1]}').out, '{"a":[1]}\n')
    equal(Run("eval", "-f", "pretty", '{"a": 1}').out, '{\n  "a": 1\n}\n')
    equal(Run("eval", "-f", "discard", "1").out, "")
    equal(Run("eval", "-f", "pretty", "x := 1; y := 22").out, "+---+----+\n| x | y  |\n+---+----+\n| 1 | 22 |\n+---+----+\n")
    run = Run("eval", "-f", "xml", "1")
    equal(run.code, 1, run)
    contains(run.err, "pretty")


@test
def eval_reads_policies_data_and_input(d):
    write(d, {"p.rego": ALLOW, "d.json": {"users": ["ann"]}, "in.json": {"user": "ann"}, "in.yaml": "user: bob\n"})
    args = ["eval", "-d", d / "p.rego", "--data", d / "d.json", "--format=values", "data.shop.allow"]
    equal(Run(*args, "-i", d / "in.json").out, "[\n  true\n]\n")
    equal(Run(*args, "-i", d / "in.yaml").out, "[\n  false\n]\n")
    equal(Run(*args, "-I", stdin='{"user": "ann"}').out, "[\n  true\n]\n")
    equal(Run(*args, "--stdin-input", stdin="{").code, 2)
    equal(Run(*args, "-I", "-i", d / "in.json").code, 2)


@test
def eval_reads_folders(d):
    write(d, {"p/a.rego": ALLOW, "p/data.json": {"users": ["ann"]}, "p/lists/x.yaml": "colours: [red, green]\n",
              "p/notes.txt": "not read", "p/lists/deep/data.json": {"n": 1}})
    run = Run("eval", "-d", d / "p", "-f", "raw", "data.lists.colours[1]; data.lists.deep.n; data.users")
    equal(run.out, 'green 1 ["ann"]\n', run)
    run = Run("eval", "-d", d / "p", "--ignore", "lists", "-f", "raw", "data.lists.colours")
    equal(run.out, "", run)


@test
def eval_puts_data_under_a_prefix(d):
    write(d, {"x.json": {"a": 1}})
    equal(Run("eval", "-d", f"one.two:{d}/x.json", "-f", "raw", "data.one.two.a").out, "1\n")


@test
def eval_of_a_bundle_folder_takes_data_json_only(d):
    write(d, {"b/.manifest": {"revision": "r7"}, "b/data.json": {"n": 1}, "b/other.json": {"m": 2}, "b/p.rego": "package p\nq := data.n\n"})
    equal(Run("eval", "-b", d / "b", "-f", "raw", "data.p.q").out, "1\n")
    equal(Run("eval", "-b", d / "b", "data.m").out, "{}\n")


@test
def eval_says_where_syntax_is_wrong(d):
    write(d, {"p.rego": "package p\n\nallow if {\n"})
    run = Run("eval", "-d", d / "p.rego", "data.p.allow")
    equal(run.code, 2, run)
    error = run.json()["errors"][0]
    equal(error["code"], "rego_parse_error", run)
    equal(error["location"]["file"], str(d / "p.rego"), run)
    if not error["location"]["row"]:
        raise AssertionError(run)


@test
def eval_of_an_unsafe_query(d):
    run = Run("eval", "x > 1")
    equal(run.code, 2, run)
    equal(run.json()["errors"][0]["code"], "rego_unsafe_var_error", run)


@test
def eval_of_a_conflict(d):
    write(d, {"p.rego": "package p\n\na := 1 if input.x\na := 2 if input.y\n"})
    run = Run("eval", "-d", d / "p.rego", "-I", "data.p.a", stdin='{"x": true, "y": true}')
    equal(run.code, 2, run)
    error = run.json()["errors"][0]
    equal(error["code"], "eval_conflict_error", run)
    equal(error["location"]["file"], str(d / "p.rego"), run)


@test
def eval_with_strict_builtin_errors(d):
    equal(Run("eval", "1 / 0").out, "{}\n")
    run = Run("eval", "--strict-builtin-errors", "x := 0; 1 / x")
    equal(run.code, 2, run)
    equal(run.json()["errors"][0]["code"], "eval_builtin_error", run)


@test
def eval_in_a_package_with_imports(d):
    write(d, {"p.rego": "package a.b\n\nc := 7\n"})
    equal(Run("eval", "-d", d / "p.rego", "--package", "a.b", "-f", "raw", "c").out, "7\n")
    equal(Run("eval", "-d", d / "p.rego", "--import", "data.a.b", "-f", "raw", "b.c").out, "7\n")
    equal(Run("eval", "-d", d / "p.rego", "-e", "a/b/c", "-f", "raw").out, "7\n")
    equal(Run("eval", "--stdin", "-f", "raw", stdin="1 + 2").out, "3\n")


@test
def eval_prints_to_standard_error(d):
    run = Run("eval", "-f", "raw", 'print("hello", 1); true')
    equal(run.err, "hello 1\n", run)
    run = Run("eval", "-f", "raw", "--explain", "notes", 'trace("seen")')
    equal(run.err, "note: seen\n", run)


@test
def eval_explains(d):
    write(d, {"a.rego": 'package a\n\nallow if {\n\ttrace("seen")\n\tsome r in input.roles\n\tr == "admin"\n}\n'})
    told = lambda mode: Run("eval", "-d", "a.rego", "-I", "-f", "pretty", "--explain", mode, "data.a.allow", stdin='{"roles":["x"]}', cwd=d)
    equal(told("notes").out, 'query:0                 Enter $query\na.rego:4                | Enter data.a.allow\n'
          'a.rego:4                | | Note "seen"\nundefined\n')
    equal(told("fails").out, 'query:0                 Enter $query\na.rego:4                | Enter data.a.allow\n'
          'a.rego:6                | | Fail r == "admin"   r = "x"\na.rego:4                | | Fail data.a.allow\n'
          'query:1                 | Fail data.a.allow\nquery:0                 | Fail $query\nundefined\n')
    contains(told("full").out, 'a.rego:5                | | Redo some r in input.roles\n')
    equal(told("off").out, "undefined\n")
    run = Run("eval", "-d", "a.rego", "-I", "--explain", "fails", "data.a.allow", stdin='{"roles":["x"]}', cwd=d)
    failed = [e for e in run.json()["explanation"] if e["op"] == "Fail"]
    equal((failed[0]["node"], failed[0]["location"]), ({"text": 'r == "admin"'}, {"file": "a.rego", "row": 6, "col": 2}), run)
    equal(failed[0]["locals"], [{"key": {"type": "var", "value": "r"}, "value": {"type": "string", "value": "x"}}], run)


@test
def explain_in_wrong_use(d):
    write(d, {"a.pol": 'package a\n\npermit anyone to read on doc if action.name == "read"\n', "b.rego": "package b\n\nx := 1\n", "i.json": {}})
    equal(Run("explain", d / "a.pol").code, 1)
    contains(Run("explain", "-i", d / "i.json", d / "b.rego").err, "polward/decision")
    equal(Run("build", "--strip", "-o", d / "s.polb", d / "a.pol").code, 0)
    run = Run("explain", "-i", d / "i.json", "-b", d / "s.polb")
    equal(run.code, 1, run)
    contains(run.err, "built with --strip", run)
    equal(Run("eval", "-b", d / "s.polb", "-f", "raw", "data.polward.allow").out, "false\n")


@test
def eval_keeps_numbers_as_written(d):
    equal(Run("eval", "-I", "-f", "raw", "input", stdin='[1.0,1e2,12345678901234567890123]').out, "[1.0,1e2,12345678901234567890123]\n")


@test
def options_that_are_unknown_or_not_supported(d):
    equal(Run("eval", "--no-such", "1").code, 1)
    run = Run("eval", "--partial", "1")
    equal(run.code, 1, run)
    contains(run.err, "not supported")
    equal(Run("nothing").code, 1)
    equal(Run().code, 1)
    equal(Run("eval", "--help").code, 0)
    equal(Run("help").code, 0)
    contains(Run("version").out, "Version: ")


# ---- check ----

@test
def check_of_what_is_sound(d):
    write(d, {"p.rego": ALLOW})
    run = Run("check", d)
    equal((run.code, run.out), (0, ""), run)


TWELVE = """package orders

role viewer
role clerk inherits wiever
assign viewer from token.claim.roles
permit clerk to read on order if cert.spiffeid == "x"
a := b1
c := undefined_function(1)
d if count(1) == 1
e if { startswith("a") }
f := 1 if { x == 1 }
permit clerk to to on order
g if "a" == 1
role viewer
h contains if true
i := [1, 2
j := upper(1)
"""


@test
def check_reports_all_of_a_file(d):
    write(d, {"p.pol": TWELVE})
    run = Run("check", "--format", "json", d / "p.pol")
    equal(run.code, 1, run)
    rows = sorted({e["location"]["row"] for e in run.json()["errors"]})
    if len(rows) < 2:
        raise AssertionError(f"only lines {rows}\n{run}")


@test
def check_of_a_missing_file(d):
    run = Run("check", d / "none.rego")
    equal(run.code, 1, run)
    contains(run.err, "none.rego")


@test
def check_in_strict_mode(d):
    write(d, {"p.rego": "package p\n\nimport data.q\n\na := 1\n"})
    equal(Run("check", d).code, 0)
    equal(Run("check", "--strict", d).code, 1)


@test
def check_of_data_that_conflicts(d):
    write(d, {"a.json": {"x": 1}, "b.json": {"x": 2}})
    run = Run("check", d)
    equal(run.code, 1, run)
    contains(run.err, "b.json")


@test
def check_writes_sarif(d):
    write(d, {"p.rego": "package p\n\na := b1\n"})
    run = Run("check", "-f", "sarif", d)
    equal(run.code, 1, run)
    equal(run.json()["version"], "2.1.0", run)


# ---- build, inspect, sign, verify ----

@test
def build_gives_the_same_bytes_anywhere(d):
    files = {"a.rego": ALLOW, "z/b.pol": "package b\n\nrole r\nassign r from token.claims.roles\npermit r to read on t\n",
             "data.json": {"users": ["ann", "é"], "n": 1.50}}
    one, two = d / "one", d / "elsewhere/two"
    write(one, files)
    write(two, dict(reversed(files.items())))
    equal(Run("build", one, "-o", d / "1.polb", env={"LC_ALL": "C"}).code, 0)
    equal(Run("build", ".", "-o", d / "2.polb", cwd=two, env={"LC_ALL": "C.UTF-8", "TZ": "Asia/Tokyo"}).code, 0)
    run = Run("build", two / "data.json", two / "a.rego", f"z:{d}/none", "-o", d / "3.polb")
    equal(run.code, 1, run)
    equal((d / "1.polb").read_bytes() == (d / "2.polb").read_bytes(), True)


@test
def build_leaves_an_old_bundle_when_it_fails(d):
    write(d, {"p.rego": ALLOW, "bad.rego": "package p\n\na :=\n"})
    out = d / "b.polb"
    equal(Run("build", d / "p.rego", "-o", out).code, 0)
    before = out.read_bytes()
    equal(Run("build", d / "bad.rego", "-o", out).code, 1)
    equal(out.read_bytes() == before, True)
    equal(sorted(p.name for p in d.iterdir()), ["b.polb", "bad.rego", "p.rego"])


@test
def the_rego_target_decides_the_same(d):
    policy = """package p

schema resource order { owner: string, amount: number }

role clerk
assign clerk from token.claims.roles

permit clerk to refund on order as "small" because "up to the limit" if 100 / resource.amount >= data.factor
forbid clerk to refund on order as "own" if resource.owner == subject.id
"""
    write(d, {"p.pol": policy, "data.json": {"factor": 2}})
    equal(Run("build", "--target", "rego", "-o", d / "rego", d / "p.pol", d / "data.json").code, 0)
    request = {"subject": {"type": "user", "id": "ann"}, "action": {"name": "refund"}, "resource": {"type": "order", "owner": "bob", "amount": 20},
               "token": {"claims": {"roles": ["clerk"]}}}
    for change, effect in (({}, "permit"), ({"amount": 0}, "none"), ({"owner": "ann"}, "forbid"), ({"owner": 7}, "none")):
        asked = json.dumps({**request, "resource": {**request["resource"], **change}})
        ours = json.loads(Run("eval", "-d", d / "p.pol", "-d", d / "data.json", "-I", "-f", "raw", "data.polward.decision", stdin=asked).out)
        equal(ours["effect"], effect)
        # the package is reserved for results, which is what these are
        text = (d / "rego" / "polward.rego").read_text().replace("package polward", "package decided")
        (d / "rego" / "polward.rego").write_text(text)
        theirs = json.loads(Run("eval", "-d", d / "rego", "-I", "-f", "raw", "data.decided.decision", stdin=asked).out)
        for member in ("allow", "effect", "rules", "roles", "reasons", "context"):
            equal(theirs[member], ours[member])
    equal(json.loads(Run("eval", "-d", d / "rego", "-I", "-f", "raw", "data.decided.permissions", stdin=json.dumps(request)).out), ["refund"])


@test
def a_manifest_has_tiers_of_its_own(d):
    policy = """package p

permit anyone to read on t at region
forbid anyone to read on t at user
forbid anyone to read on t at tenant as "wall" if resource.type == "never"
"""
    write(d, {"b/.manifest": {"metadata": {"tiers": {"region": 90}}}, "b/p.pol": policy})
    request = {"action": {"name": "read"}, "resource": {"type": "t"}}
    run = Run("eval", "-b", d / "b", "-I", "-f", "raw", "data.polward.decision.tier", stdin=json.dumps(request))
    equal(run.out, "region\n", run)
    write(d, {"b/.manifest": {"metadata": {"tiers": {"user": 90}}}})
    run = Run("check", "-b", d / "b")
    equal(run.code, 1, run)
    contains(run.err + run.out, "tier `user`")
    write(d, {"b/.manifest": {"metadata": {"tiers": {"region": 0}}}})
    contains(Run("build", "-o", d / "x.polb", "-b", d / "b").err, "from 1 to 10000")


@test
def inspect_shows_the_manifest(d):
    write(d, {"p.rego": ALLOW, "data.json": {"users": []}})
    equal(Run("build", d / "p.rego", d / "data.json", "-o", d / "b.polb", "--revision", "r1").code, 0)
    run = Run("inspect", "-f", "json", d / "b.polb")
    about = run.json()
    equal(about["manifest"]["revision"], "r1", run)
    equal(about["data"], ["users"], run)
    contains(about["entrypoints"], "shop/allow", run)
    equal(len(about["sha256"]), 64)
    contains(Run("inspect", d / "b.polb").out, "shop/allow")


@test
def a_compiled_bundle_answers_paths(d):
    write(d, {"p.rego": ALLOW, "data.json": {"users": ["ann"]}})
    equal(Run("build", d / "p.rego", d / "data.json", "-o", d / "b.polb").code, 0)
    run = Run("eval", "-b", d / "b.polb", "-I", "-f", "raw", "data.shop.allow", stdin='{"user": "ann"}')
    equal(run.out, "true\n", run)
    equal(Run("eval", "-b", d / "b.polb", "-f", "raw", "data.users[0]").code, 2)


def make_key(d, name):
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", d / f"{name}.key"], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", d / f"{name}.key", "-pubout", "-out", d / f"{name}.pub"], check=True, capture_output=True)


@test
def signatures_are_made_and_checked(d):
    write(d, {"p.rego": ALLOW})
    make_key(d, "a")
    make_key(d, "b")
    bundle = d / "x.polb"
    equal(Run("build", d / "p.rego", "-o", bundle).code, 0)
    equal(Run("verify", "--verification-key", d / "a.pub", bundle).code, 1)
    run = Run("sign", "--signing-key", d / "a.key", bundle)
    equal(run.code, 0, run)
    equal(Run("verify", "--verification-key", d / "a.pub", bundle).code, 0)
    equal(Run("verify", "--verification-key", d / "b.pub", bundle).code, 1)
    damaged = bytearray(bundle.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    bundle.write_bytes(damaged)
    equal(Run("verify", "--verification-key", d / "a.pub", bundle).code, 1)
    equal(Run("build", d / "p.rego", "-o", bundle, "--signing-key", d / "b.key").code, 0)
    equal(Run("verify", "--verification-key", d / "b.pub", bundle).code, 0)
    equal(Run("sign", "--signing-key", d / "a.pub", bundle).code, 1)


@test
def build_emits_stages(d):
    write(d, {"p.rego": ALLOW})
    for stage in ("tree", "plan", "asm"):
        run = Run("build", f"--emit={stage}", d / "p.rego")
        equal(run.code, 0, run)
        contains(run.out, "allow", run)
    equal(Run("build", "--emit=wasm", d / "p.rego").code, 1)


@test
def build_of_an_entry_point(d):
    write(d, {"p.rego": ALLOW + "\nother := 1\n"})
    equal(Run("build", "-e", "shop/allow", d / "p.rego", "-o", d / "b.polb").code, 0)
    about = Run("inspect", "-f", "json", d / "b.polb").json()
    equal("shop/other" in about["entrypoints"], False)
    equal(Run("build", "-e", "shop/nothing", d / "p.rego", "-o", d / "c.polb").code, 1)


# ---- test ----

TEST_MODULE = """package shop_test

import data.shop

test_allowed if shop.allow with input as {"user": "ann"} with data.users as ["ann"]

test_denied if not shop.allow with input as {"user": "bob"} with data.users as ["ann"]
"""


@test
def test_passes(d):
    write(d, {"p.rego": ALLOW, "p_test.rego": TEST_MODULE})
    run = Run("test", d)
    equal((run.code, run.out), (0, "PASS: 2/2\n"), run)
    run = Run("test", "-v", d)
    contains(run.out, "data.shop_test.test_allowed: PASS (", run)
    equal(run.out.splitlines()[0], f"{d}/p_test.rego:", run)
    equal(run.out.splitlines()[-2:], ["-" * 80, "PASS: 2/2"], run)


@test
def test_fails(d):
    write(d, {"p.rego": ALLOW, "p_test.rego": TEST_MODULE + '\ntest_wrong if {\n\tprint("seen", 1)\n\tdata.shop.allow\n}\n'})
    run = Run("test", d)
    equal(run.code, 2, run)
    contains(run.out, "data.shop_test.test_wrong: FAIL (", run)
    contains(run.out, "\n  seen 1\n", run)
    contains(run.out, "PASS: 2/3\nFAIL: 1/3\n", run)


@test
def test_passes_over_todo(d):
    write(d, {"p_test.rego": "package t\n\ntodo_test_a if false\n\ntest_b := true\n"})
    run = Run("test", d)
    equal(run.code, 2, run)
    contains(run.out, "data.t.todo_test_a: SKIPPED\n", run)
    contains(run.out, "PASS: 1/2\nSKIPPED: 1/2\n", run)
    equal(Run("test", "-z", d).code, 0)


@test
def test_selects_by_expression(d):
    write(d, {"p.rego": ALLOW, "p_test.rego": TEST_MODULE})
    equal(Run("test", "--run", "denied$", d).out, "PASS: 1/1\n")
    equal(Run("test", "--run", "(", d).code, 1)


@test
def test_reports_errors(d):
    write(d, {"p_test.rego": "package t\n\na := x if some x in [1, 2]\n\ntest_a if a == 1\n"})
    run = Run("test", d)
    equal(run.code, 2, run)
    contains(run.out, "data.t.test_a: ERROR (", run)
    contains(run.out, "eval_conflict_error", run)
    contains(run.out, "ERROR: 1/1\n", run)


@test
def test_writes_json(d):
    write(d, {"p_test.rego": 'package t.u\n\ntest_a if {\n\tprint("x")\n\ttrue\n}\n\ntest_b if false\n'})
    run = Run("test", "--format=json", d)
    equal(run.code, 2, run)
    a, b = run.json()
    equal(a["location"], {"file": f"{d}/p_test.rego", "row": 3, "col": 1}, run)
    equal((a["package"], a["name"], "fail" in a), ("data.t.u", "test_a", False), run)
    equal((b["name"], b["fail"]), ("test_b", True), run)
    equal(a["output"], "eAo=", run)
    if not isinstance(a["duration"], int):
        raise AssertionError(run)


@test
def test_of_what_does_not_compile(d):
    write(d, {"p_test.rego": "package t\n\ntest_a if {\n"})
    equal(Run("test", d).code, 1)


SHOP = """package shop

role clerk
assign clerk if "c" in token.claims.groups
permit clerk to read on order as "r" if {
	resource.id == "1"
	x := resource.id
	count(x) == 1
}
forbid anyone to * on order as "w" unless {
	resource.id != "3"
}
permit clerk to write on order as "u"
p contains y if {
	some y in [1, 2]
	y > 1
}
q := 1 if input.a == 2
else := 3
f(x) := x + 1
"""

SHOP_TEST = """package shop_test

req := {
	"subject": {"id": "a", "type": "user"},
	"action": {"name": "read"},
	"resource": {"type": "order", "id": "1", "name": "x"},
	"token": {"claims": {"groups": ["c"]}},
}

test_read if data.polward.decision.rules == ["shop.r"] with input as req

test_p if data.shop.p == {2}

test_q if data.shop.q == 3 with input as {"a": 1}

test_not if not data.polward.allow with input as object.union(req, {"resource": {"id": "3"}})
"""


@test
def coverage_names_lines_and_statements(d):
    write(d, {"shop.pol": SHOP, "shop_test.rego": SHOP_TEST})
    run = Run("test", "-c", d)
    equal(run.code, 0, run)
    report = run.json()
    shop = report["files"][f"{d}/shop.pol"]
    equal([(r["start"]["row"], r["end"]["row"]) for r in shop["covered"]], [(4, 8), (10, 11), (14, 16), (18, 19)], run)
    equal([(r["start"]["row"], r["end"]["row"]) for r in shop["not_covered"]], [(13, 13), (20, 20)], run)
    equal([(s["name"], s["row"]) for s in shop["missed_statements"]], [("shop.u", 13), ("shop.q", 18), ("shop.f", 20)], run)
    equal((shop["covered_lines"], shop["not_covered_lines"], shop["coverage"]), (12, 2, 85.71), run)
    equal((shop["covered_statements"], shop["not_covered_statements"], shop["statement_coverage"]), (4, 3, 57.14), run)
    equal(report["files"][f"{d}/shop_test.rego"]["coverage"], 100, run)
    equal(sorted(report["files"]), [f"{d}/shop.pol", f"{d}/shop_test.rego"], run)


@test
def coverage_under_the_threshold_fails(d):
    write(d, {"shop.pol": SHOP, "shop_test.rego": SHOP_TEST})
    equal(Run("test", "-t", "80", d).code, 0)
    run = Run("test", "--threshold=99.5", d)
    equal(run.code, 2, run)
    contains(run.err, "Code coverage threshold not met: got 89.47 instead of 99.50", run)
    equal(Run("test", "-t", "many", d).code, 1)


@test
def coverage_as_tracefile(d):
    write(d, {"shop.pol": SHOP, "shop_test.rego": SHOP_TEST})
    run = Run("test", "-f", "lcov", d)
    equal(run.code, 0, run)
    shop = run.out.split("end_of_record\n")[0].splitlines()
    equal(shop[:2], ["TN:", f"SF:{d}/shop.pol"], run)
    for line in ("FN:13,shop.u:13", "FNDA:0,shop.u:13", "FNF:7", "FNH:4", "DA:13,0", "DA:20,0", "LF:14", "LH:12"):
        if line not in shop:
            raise AssertionError(f"{line} is not in {run}")


@test
def test_results_for_ci(d):
    write(d, {"p_test.rego": 'package t\n\ntest_a if true\n\ntest_b if false\n\ntodo_test_c if true\n'})
    run = Run("test", "-f", "junit", d)
    equal(run.code, 2, run)
    suites = tree.fromstring(run.out)
    equal((suites.get("tests"), suites.get("failures"), suites.get("errors"), suites.get("skipped")), ("3", "1", "0", "1"), run)
    cases = list(suites[0])
    equal([(c.get("name"), c.get("line"), [e.tag for e in c]) for c in cases],
          [("data.t.test_a", "3", []), ("data.t.test_b", "5", ["failure"]), ("data.t.todo_test_c", "7", ["skipped"])], run)


# ---- diff ----

DIFF_A = {"a/shop.pol": """package shop

role clerk
assign clerk from token.claims.roles

permit clerk to read on order as "read"
permit clerk to refund on order as "refund" if resource.amount <= data.limits.refund
forbid anyone to * on order as "closed" unless resource.state != "closed"

limit(x) := x + 1
""", "a/data.json": {"limits": {"refund": 100}}}
DIFF_B = {"b/shop.pol": """package shop

# only layout and comments
role clerk
assign clerk
	from token.claims.roles

permit clerk to refund on order as "refund" if {
	resource.amount <= data.limits.refund # a comment
	resource.currency == "EUR"
}
permit clerk to read on order as "read"
permit clerk to list on order as "list"
forbid anyone to * on order as "closed" unless resource.state != "closed"
""", "b/data.json": {"limits": {"refund": 50, "other": 1}}}


def diff_request(action, **resource):
    return {
        "subject": {"id": "a", "type": "user"}, "token": {"claims": {"roles": ["clerk"]}}, "action": {"name": action},
        "resource": {"type": "order", "id": "1", "name": "1", "amount": 40, "state": "open", **resource},
    }


DIFF_REQUESTS = [
    diff_request("refund", currency="USD"),
    diff_request("read"),
    {"decision_id": "d-3", "path": "polward/decision", "timestamp": "2026-01-02T03:04:05.678Z", "input": diff_request("list")},
]


@test
def diff_of_sources(d):
    write(d, {**DIFF_A, **DIFF_B})
    run = Run("diff", "a", "b", cwd=d)
    equal(run.code, 2, run)
    equal(run.out, """added    permit shop.list (shop.pol:13)
changed  permit shop.refund (shop.pol:8)
     permit clerk to refund on order as "refund"
     	if {
     		resource.amount <= data.limits.refund
    +		resource.currency == "EUR"
     	}
removed  rule shop.limit (shop.pol:10)
added    data.limits.other
changed  data.limits.refund
""", run)


@test
def diff_of_the_same(d):
    write(d, DIFF_A)
    run = Run("diff", "a", "a", cwd=d)
    equal((run.code, run.out), (0, "the same statements, rules and data\n"), run)
    equal(Run("fmt", "-w", "a", cwd=d).code, 0)
    equal(Run("build", "-o", "a.polb", "a", cwd=d).code, 0)
    equal(Run("diff", "a.polb", "a", cwd=d).code, 0)


@test
def diff_of_decisions(d):
    write(d, {**DIFF_A, **DIFF_B, "lines": "".join(json.dumps(r) + "\n" for r in DIFF_REQUESTS), "array": json.dumps(DIFF_REQUESTS)})
    equal(Run("build", "-o", "a.polb", "a", cwd=d).code, 0)
    for name in ("lines", "array"):
        run = Run("diff", "-f", "json", "-r", name, "a.polb", "b", cwd=d)
        equal(run.code, 2, run)
        got = run.json()["decisions"]
        equal((got["requests"], got["differ"], got["masked"]), (3, 2, 0), run)
        first, second = got["flipped"]
        equal((first["number"], first["from"]["value"]["allow"], first["to"]["value"]["allow"]), (1, True, False), run)
        equal((second["number"], second["decision_id"], second["from"]["value"]["allow"], second["to"]["value"]["rules"]), (3, "d-3", False, ["shop.list"]), run)
        equal(first["input"], DIFF_REQUESTS[0], run)
        contains(first["explain_from"], "ALLOWED", run)
        contains(first["explain_to"], 'resource.currency = "USD"', run)
    run = Run("diff", "-r", "-", "a", "b", stdin=json.dumps(DIFF_REQUESTS[1]), cwd=d)
    equal(run.code, 0, run)
    contains(run.out, "1 requests: 0 flip", run)
    run = Run("diff", "-r", "lines", "a", "b", cwd=d)
    contains(run.out, "\nrequest 3 (d-3): deny -> allow\n    before:\n      DENIED", run)


@test
def diff_of_another_rule(d):
    write(d, {"a/p.rego": "package p\n\nq := input.x + 1\n", "b/p.rego": "package p\n\nq := input.x * 2\n", "r": '{"x": 1}\n\n{"x": 3}\n'})
    run = Run("diff", "-f", "json", "-e", "p/q", "-r", "r", "a", "b", cwd=d)
    equal(run.code, 2, run)
    equal([(f["number"], f["from"], f["to"]) for f in run.json()["decisions"]["flipped"]], [(2, {"value": 4}, {"value": 6})], run)
    run = Run("diff", "-r", "r", "a", "b", cwd=d)
    equal(run.code, 1, run)
    contains(run.err, "neither side has a rule data/polward/decision: name the one that decides with -e", run)


@test
def diff_of_what_is_wrong(d):
    write(d, {**DIFF_A, "bad/p.rego": "package p\n\nq := {\n", "r": "{"})
    equal(Run("diff", "a", cwd=d).code, 1)
    equal(Run("diff", "a", "bad", cwd=d).code, 1)
    equal(Run("diff", "a", "nothing", cwd=d).code, 1)
    equal(Run("diff", "-r", "r", "a", "a", cwd=d).code, 1)
    equal(Run("build", "--strip", "-o", "s.polb", "a", cwd=d).code, 0)
    run = Run("diff", "s.polb", "a", cwd=d)
    equal(run.code, 0, run)
    contains(run.err, "--strip", run)


import archives  # noqa: E402, F401: the same
import tokens  # noqa: E402, F401: what is in it adds itself to TESTS


def main():
    passed = failed = 0
    only = sys.argv[2] if len(sys.argv) > 2 else ""
    for function in TESTS:
        if not re.search(only, function.__name__):
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                function(Path(folder))
                passed += 1
            except Exception:
                failed += 1
                print(f"FAIL {function.__name__}")
                traceback.print_exc(limit=-1, file=sys.stdout)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


sys.exit(main())
