#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What pol explain says of denied requests of the policies that come along: run.py POL [--write].

A folder <policy>/<case> has request.json, what the policy's settings are (data.json; without it the policy's own) and golden.txt, what is to be printed for
it; below language/ the policy too. Of
each case it is also checked that the compiled bundle says the same, and that the JSON form has the verdict of the decision.
"""
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent.parent / "docs" / "explain.md"
CLOCK = re.compile(r"\b(time\.now_ns\(\)|age_s) = [0-9.e+]+")
POLICIES = HERE.parent.parent / "stdlib-policies"


def explain(pol, *args):
    run = subprocess.run([pol, "explain", *map(str, args)], capture_output=True, text=True, timeout=60)
    if run.returncode != 0:
        raise AssertionError(f"exit {run.returncode}: {run.stdout}{run.stderr}")
    return CLOCK.sub(r"\1 = <clock>", run.stdout)


def check(pol, case, work, write):
    policy = POLICIES / case.parent.name
    own = case / "policy.pol"
    sources = [own if own.exists() else policy / f"{policy.name}.pol"]
    sources += [p / "data.json" for p in (case, policy) if (p / "data.json").exists()][:1]
    request = case / "request.json"
    text = explain(pol, "-i", request, *sources)
    golden = case / "golden.txt"
    if write:
        golden.write_text(text, encoding="utf-8")
    if text != golden.read_text(encoding="utf-8"):
        raise AssertionError(f"wanted\n{golden.read_text(encoding='utf-8')}\ngot\n{text}")
    bundle = work / "b.polb"
    subprocess.run([pol, "build", "-o", str(bundle), *map(str, sources)], check=True, capture_output=True, timeout=60)
    compiled = explain(pol, "-b", bundle, "-i", request)
    if compiled != text:
        raise AssertionError(f"the compiled bundle says\n{compiled}")
    told = json.loads(explain(pol, "-b", bundle, "-i", request, "--format", "json"))
    decision = subprocess.run([pol, "eval", "-f", "raw", "-b", str(bundle), "-i", str(request), "data.polward.decision"],
                              check=True, capture_output=True, text=True, timeout=60).stdout
    if told["decision"] != json.loads(decision) or told["decision"]["allow"]:
        raise AssertionError(f"the decision is {decision}; explained was {told['decision']}")


def check_page(pol, work):
    """The example of docs/explain.md is what is printed."""
    text = PAGE.read_text(encoding="utf-8")
    policy, request, printed = (re.search(f"```{kind}\n(.*?)```", text, re.S).group(1) for kind in ("pol", "json", "text"))
    (work / "orders.pol").write_text(policy, encoding="utf-8")
    (work / "request.json").write_text(request, encoding="utf-8")
    got = explain(pol, "-i", work / "request.json", work / "orders.pol")
    if got != printed:
        raise AssertionError(f"{PAGE.name} shows\n{printed}\ngot\n{got}")


def main():
    pol, write = sys.argv[1], "--write" in sys.argv
    passed = failed = 0
    cases = [request.parent for request in sorted(HERE.glob("*/*/request.json"))]
    for case in [*cases, PAGE]:
        try:
            with tempfile.TemporaryDirectory() as work:
                if case == PAGE:
                    check_page(pol, Path(work))
                else:
                    check(pol, case, Path(work), write)
            passed += 1
        except (AssertionError, OSError, subprocess.SubprocessError, ValueError) as e:
            failed += 1
            print(f"FAIL {case.parent.name}/{case.name}: {e}")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


sys.exit(main())
