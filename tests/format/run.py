#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The layout of policies: run.py POL [POLICY_TESTS].

NAME.in.EXT gives NAME.out.EXT (kept by hand); every policy of the project keeps its layout when it is laid out twice, and what is tested of it
holds for its layout too.
"""
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

POL = str(Path(sys.argv[1]).resolve())
POLICY_TESTS = str(Path(sys.argv[2]).resolve()) if len(sys.argv) > 2 else None
HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
passed = failed = 0


def judge(name, ok, why=""):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print(f"FAILED {name}\n{why}")


def run(*command):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=120)


def check_pairs():
    for path in sorted(HERE.glob("*.in.*")):
        wanted = path.with_name(path.name.replace(".in.", ".out."))
        got = run(POL, "fmt", path)
        judge(path.name, got.returncode == 0 and got.stdout == wanted.read_text(encoding="utf-8"), got.stdout + got.stderr)
        again = run(POL, "fmt", "--check", wanted)
        judge(wanted.name, again.returncode == 0, again.stdout + again.stderr)


def lay_out(folder, name):
    """Writes the layout of all below folder into it; what cannot be parsed stays."""
    for path in sorted([*folder.rglob("*.pol"), *folder.rglob("*.rego")]):
        if run(POL, "fmt", path).returncode == 2:
            continue
        first = run(POL, "fmt", "-w", path)
        once = path.read_text(encoding="utf-8")
        again = run(POL, "fmt", path)
        judge(f"{name}/{path.relative_to(folder)}", first.returncode == 0 and again.stdout == once, first.stderr + again.stderr)


def check_options(work):
    good, bad = work / "good.rego", work / "bad.rego"
    good.write_text("package a\n\np := 1\n", encoding="utf-8")
    bad.write_text("package a\np=1\n", encoding="utf-8")

    def options(args, code, out):
        got = run(POL, "fmt", *args)
        judge(f"fmt {' '.join(map(str, args))}", (got.returncode, got.stdout) == (code, out), f"exit {got.returncode}\n{got.stdout}{got.stderr}")

    options([bad], 0, "package a\n\np := 1\n")
    options(["--fail", bad], 1, "package a\n\np := 1\n")
    options(["--fail", good], 0, "package a\n\np := 1\n")
    options(["-l", work], 0, f"{bad}\n")
    options(["-l", "--fail", work], 1, f"{bad}\n")
    options(["--check", work], 1, f"{bad}\n")
    options(["--check", "--ignore", "bad*", work], 0, "")
    options(["-d", work], 0, f"--- {bad}.orig\n+++ {bad}\n@@ -1,2 +1,3 @@\n package a\n-p=1\n+\n+p := 1\n")
    options(["-w", work], 0, "")
    options(["--check", work], 0, "")
    broken = work / "broken.rego"
    broken.write_text("package a\np := {\n", encoding="utf-8")
    options(["-w", broken], 2, "")
    judge("what cannot be parsed stays", broken.read_text(encoding="utf-8") == "package a\np := {\n")
    broken.unlink()


def check_copies(work):
    stdlib = work / "stdlib"
    shutil.copytree(ROOT / "stdlib-policies", stdlib)
    lay_out(stdlib, "stdlib")
    for policy in sorted(p for p in stdlib.iterdir() if p.is_dir()):
        got = run(sys.executable, ROOT / "tests/pol_test.py", POL, policy)
        judge(f"stdlib/{policy.name} as laid out", got.returncode == 0, got.stdout[-2000:] + got.stderr)
    policies = work / "policies"
    shutil.copytree(ROOT / "tests/policies", policies)
    lay_out(policies, "policies")
    if POLICY_TESTS:
        got = run(POLICY_TESTS, policies)
        judge("policies as laid out", got.returncode == 0, got.stdout[-2000:] + got.stderr)
    mistakes = work / "diagnostics"
    shutil.copytree(ROOT / "tests/diagnostics", mistakes)
    lay_out(mistakes, "diagnostics")


def main():
    check_pairs()
    with tempfile.TemporaryDirectory() as work:
        check_options(Path(work))
    with tempfile.TemporaryDirectory() as work:
        check_copies(Path(work))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
