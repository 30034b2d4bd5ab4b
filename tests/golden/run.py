#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares `pol build --emit` of each .pol and .rego here with the .tree, .plan and .asm beside it: run.py POL.

POL_UPDATE_GOLDEN=1 rewrites them; the difference is for people to review.
"""
import difflib
import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def main():
    pol = str(Path(sys.argv[1]).resolve())
    update = os.environ.get("POL_UPDATE_GOLDEN") == "1"
    passed = failed = 0
    for source in sorted([*FOLDER.glob("*.pol"), *FOLDER.glob("*.rego")]):
        for stage in ("tree", "plan", "asm"):
            golden = source.with_suffix(f".{stage}")
            run = subprocess.run([pol, "build", f"--emit={stage}", source.name], cwd=FOLDER, capture_output=True, text=True, timeout=60)
            if run.returncode == 0 and update:
                golden.write_text(run.stdout, encoding="utf-8")
            wanted = golden.read_text(encoding="utf-8") if golden.exists() else ""
            if run.returncode == 0 and run.stdout == wanted and wanted:
                passed += 1
                continue
            failed += 1
            print(f"FAIL {golden.name} (exit {run.returncode}) {run.stderr}")
            lines = difflib.unified_diff(wanted.splitlines(), run.stdout.splitlines(), "wanted", "got", lineterm="", n=1)
            print("\n".join(list(lines)[:40]))
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


sys.exit(main())
