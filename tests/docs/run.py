#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the examples of the documents: run.py BIN_DIR. A block that is fenced as pol or rego carries its expectations as a policy test does, and is
run as one; without any it must compile. Links between the documents must lead somewhere, and the tests
that the page of security names must be there."""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def blocks(page):
    """(row, kind, text) of each fenced block."""
    kind, start, lines = None, 0, []
    for row, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        fence = re.match(r"```(\w*)", line)
        if fence and kind is None:
            kind, start, lines = fence.group(1), row, []
        elif fence:
            yield start, kind, "\n".join(lines) + "\n"
            kind = None
        elif kind is not None:
            lines.append(line)


def broken_links(page):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target and not (page.parent / target).exists():
            yield target


def missing_tests(page):
    """(row, what is missing) of a page whose tables have a column of tests: `file in tests/:test`."""
    in_table = False
    for row, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if not line.startswith("|"):
            in_table = False
            continue
        in_table, header = True, not in_table
        if header or line.startswith("| ---"):
            continue
        named = re.findall(r"`([a-z]+/\w+\.(?:c|py)):(\w+)`", line)
        if not named:
            yield row, "a row without a test"
        for file, test in named:
            path = ROOT / "tests" / file
            text = path.read_text(encoding="utf-8") if path.exists() else ""
            found = f"cmocka_unit_test({test})" in text if file.endswith(".c") else re.search(rf"^def {test}\(", text, re.M)
            if not found:
                yield row, f"there is no test {file}:{test}"


def main():
    runner = Path(sys.argv[1]).resolve() / "policy-tests"
    passed = failed = 0
    for page in sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]):
        name = page.relative_to(ROOT)
        for target in broken_links(page):
            failed += 1
            print(f"FAIL {name}: a link leads nowhere: {target}")
        for row, kind, text in blocks(page):
            if kind not in ("pol", "rego"):
                continue
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / f"example.{kind}"
                file.write_text(text, encoding="utf-8")
                run = subprocess.run([runner, file], capture_output=True, text=True, timeout=60)
            if run.returncode == 0:
                passed += 1
            else:
                failed += 1
                print(f"FAIL {name}:{row}\n{run.stdout}{run.stderr}")
    security = ROOT / "docs/security.md"
    missing = list(missing_tests(security))
    passed, failed = passed + (not missing), failed + len(missing)
    for row, what in missing:
        print(f"FAIL {security.relative_to(ROOT)}:{row}: {what}")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


sys.exit(main())
