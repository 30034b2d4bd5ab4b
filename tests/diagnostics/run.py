#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Mistaken policies and what `pol check` says of them: run.py POL [FILE...]. Beside each stands what is expected, in order and nothing else:

    error ROW:COLUMN CODE the message
    hint the hint of the one before

--show prints what is said in that form, for people to review.
"""
import json
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def said(pol, file):
    run = subprocess.run([pol, "check", "--format", "json", file.name], cwd=file.parent, capture_output=True, text=True, timeout=60)
    text = run.stdout.strip() or run.stderr.strip()
    lines = []
    told = json.loads(text) if text else {}
    for e in told.get("errors", []) + told.get("warnings", []):
        place = e["location"]
        lines.append(f"{e['severity']} {place['row']}:{place['col']} {e['pol_code']} {e['message']}")
        if e.get("hint"):
            lines.append(f"hint {e['hint']}")
    return lines


def main():
    arguments = [a for a in sys.argv[1:] if a != "--show"]
    pol = str(Path(arguments[0]).resolve())
    files = [Path(a).resolve() for a in arguments[1:]] or sorted([*FOLDER.glob("*.pol"), *FOLDER.glob("*.rego")])
    passed = failed = 0
    for file in files:
        got = said(pol, file)
        if "--show" in sys.argv:
            print("\n".join([f"## {file.name}", *got]))
            continue
        beside = file.with_suffix(".expected")
        wanted = beside.read_text(encoding="utf-8").splitlines() if beside.exists() else []
        if got == wanted and wanted:
            passed += 1
            continue
        failed += 1
        print(f"FAIL {file.name}")
        print("\n".join([f"  - {line}" for line in wanted if line not in got] + [f"  + {line}" for line in got if line not in wanted]))
        if sorted(got) == sorted(wanted):
            print("  in another order")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
