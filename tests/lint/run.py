#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lint: run.py POL. Of each rule in docs/lint.md the bad example is found, by that rule alone, and the good one is not; then options, comments and forms."""
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

POL = str(Path(sys.argv[1]).resolve())
PAGE = Path(__file__).resolve().parent.parent.parent / "docs/lint.md"
passed = failed = 0


def judge(name, got, wanted):
    global passed, failed
    if got == wanted:
        passed += 1
    else:
        failed += 1
        print(f"FAILED {name}\nwanted {wanted!r}\ngot    {got!r}")


def lint(folder, *args):
    return subprocess.run([POL, "lint", *args], capture_output=True, text=True, timeout=60, cwd=folder)


def found(folder, *args):
    """Exit code and [(rule, row)]."""
    run = lint(folder, "-f", "json", *args)
    try:
        result = json.loads(run.stdout)
    except ValueError:
        return run.returncode, run.stderr
    return run.returncode, [(d["code"], d["location"]["row"]) for d in result.get("errors", []) + result.get("warnings", [])]


# rule: rows of its bad example
ROWS = {
    "shadowed-statement": [6], "statement-without-id": [5], "wildcard-permit": [5], "unused-role": [4], "unassigned-role": [3],
    "non-indexable-rule": [5], "redundant-condition": [6], "never-holds": [5], "unscoped-action": [6], "unguarded-lookup": [6],
    "token-only-forbid": [8], "weak-hash": [3], "unverified-token": [5], "print-call": [4],
}


def check_page(folder):
    sections = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.M)[1:]
    seen = set()
    for section in sections:
        rule = section.split("\n", 1)[0]
        examples = re.findall(r"^```(pol|rego|text)\n(.*?)^```", section, flags=re.M | re.S)
        judge(f"{rule}: examples", len(examples), 2)
        for kind, (fence, text) in zip(("bad", "good"), examples):
            file = folder / f"example.{'rego' if fence == 'text' else fence}"
            file.write_text(text, encoding="utf-8")
            wanted = (2, [(rule, row) for row in ROWS.get(rule, [])]) if kind == "bad" else (0, [])
            if rule.startswith("Deprecated") and kind == "bad":
                wanted = (1, [("rego_type_error", 3)])
            judge(f"{rule}: {kind}", found(folder, file.name), wanted)
            file.unlink()
        seen.add(rule)
    judge("all rules have a section", set(ROWS) - seen, set())


TWO = """package shop

role clerk
assign clerk from token.claims.roles
permit clerk to * on order
"""


def check_options(folder):
    file = folder / "two.pol"
    file.write_text(TWO, encoding="utf-8")
    both = [("statement-without-id", 5), ("wildcard-permit", 5)]
    judge("two", found(folder, "two.pol"), (2, both))
    judge("--disable", found(folder, "--disable", "wildcard-permit", "two.pol"), (2, both[:1]))
    judge("--disable of both", found(folder, "--disable=wildcard-permit", "--disable=statement-without-id", "two.pol")[0], 0)
    judge("--disable of none", lint(folder, "--disable", "nonsense", "two.pol").returncode, 1)
    config = folder / ".pol-lint.yaml"
    config.write_text("rules:\n  wildcard-permit: false\n", encoding="utf-8")
    judge("config", found(folder, "two.pol"), (2, both[:1]))
    other = folder / "other.json"
    other.write_text('{"rules": {"statement-without-id": false}}', encoding="utf-8")
    judge("other config", found(folder, "--config", "other.json", "two.pol"), (2, both[1:]))
    config.write_text("rules:\n  nonsense: false\n", encoding="utf-8")
    judge("config of none", lint(folder, "two.pol").returncode, 1)
    config.write_text("wildcard-permit\n", encoding="utf-8")
    judge("config that is none", lint(folder, "two.pol").returncode, 1)
    config.unlink()


def check_comments(folder):
    file = folder / "two.pol"
    permit = "permit clerk to * on order"
    for name, text, wanted in (
        ("line before", TWO.replace(permit, "# lint: ignore wildcard-permit\n" + permit), [("statement-without-id", 6)]),
        ("same line", TWO.replace(permit, permit + " # lint: ignore statement-without-id, wildcard-permit"), []),
        ("file", "# lint: ignore-file wildcard-permit\n" + TWO, [("statement-without-id", 6)]),
        ("two lines before", TWO.replace(permit, "# lint: ignore wildcard-permit\n\n" + permit), [("statement-without-id", 7), ("wildcard-permit", 7)]),
    ):
        file.write_text(text, encoding="utf-8")
        judge(name, found(folder, "two.pol")[1], wanted)


def check_forms(folder):
    (folder / "two.pol").write_text(TWO, encoding="utf-8")
    run = lint(folder, "two.pol")
    judge("pretty", ("warning POL0602" in run.stdout, "rule wildcard-permit" in run.stdout, "2 found" in run.stdout), (True, True, True))
    results = json.loads(lint(folder, "-f", "sarif", "two.pol").stdout)["runs"][0]["results"]
    judge("sarif", [(r["ruleId"], r["level"]) for r in results], [("POL0601", "warning"), ("POL0602", "warning")])
    judge("nothing to lint", lint(folder).returncode, 1)
    (folder / "broken.rego").write_text("package a\np := {\n", encoding="utf-8")
    judge("syntax errors", lint(folder, "broken.rego").returncode, 1)
    (folder / "lone.rego").write_text('package a\n\ntest_a if true\n\np if 1 == 1\n\nq if {\n\tsome u in data.users\n\tu.id == input.id\n}\n', encoding="utf-8")
    judge("without statements", found(folder, "lone.rego"), (2, [("redundant-condition", 5), ("non-indexable-rule", 8)]))


def check_stdlib(_):
    for policy in sorted((PAGE.parent.parent / "stdlib-policies").iterdir()):
        if policy.is_dir():
            judge(f"stdlib/{policy.name}", found(policy, "."), (0, []))


def main():
    for check in (check_page, check_options, check_comments, check_forms, check_stdlib):
        with tempfile.TemporaryDirectory() as folder:
            check(Path(folder))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
