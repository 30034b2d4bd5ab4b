#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs `pol test` on folders and counts its tests: pol_test.py POL PATH..."""
import json
import subprocess
import sys


def main():
    pol, paths = sys.argv[1], sys.argv[2:]
    run = subprocess.run([pol, "test", "--format", "json", *paths], capture_output=True, text=True, timeout=300)
    try:
        tests = json.loads(run.stdout)
    except json.JSONDecodeError:
        tests = None
    if not isinstance(tests, list) or not tests:
        print(run.stdout, run.stderr)
        print("0 passed, 1 failed, 0 skipped")
        return 1
    skipped = [t for t in tests if t.get("skip")]
    failed = [t for t in tests if t.get("fail") or t.get("error")]
    for t in failed:
        print("FAIL", t["location"]["file"], t["package"], t["name"], t.get("error", ""))
    print(f"{len(tests) - len(skipped) - len(failed)} passed, {len(failed)} failed, {len(skipped)} skipped")
    return 1 if failed else 0


sys.exit(main())
