#!/usr/bin/env python3
"""Runs tables of requests with the decisions that were worked out by hand.

table.py POL FOLDER...   POL: the pol program; each FOLDER holds policies, data.json and table.json:
  {"query": entry, "base": input, "cases": [{"name", "change": {path: value or null to remove}, "data": {path: value}, "want": members}]}
A case passes when every member of want is equal to the decision's member of that name.
"""
import copy
import json
import os
import subprocess
import sys
import tempfile


def put(document, path, value):
    *parents, last = path.split(".")
    for name in parents:
        document = document.setdefault(name, {})
    if value is None:
        document.pop(last, None)
    else:
        document[last] = value


def changed(base, changes):
    document = copy.deepcopy(base)
    for path, value in (changes or {}).items():
        put(document, path, value)
    return document


def evaluate(pol, folder, data, query, request):
    with tempfile.TemporaryDirectory() as work:
        data_file, input_file = os.path.join(work, "data.json"), os.path.join(work, "input.json")
        with open(data_file, "w") as f:
            json.dump(data, f)
        with open(input_file, "w") as f:
            json.dump(request, f)
        arguments = [pol, "eval", "--format", "json", "-i", input_file, "-d", data_file]
        for name in sorted(os.listdir(folder)):
            if name.endswith(".pol") and not name.endswith("_test.pol"):
                arguments += ["-d", os.path.join(folder, name)]
        run = subprocess.run(arguments + [query], capture_output=True, text=True, timeout=60)
    try:
        return json.loads(run.stdout)["result"][0]["expressions"][0]["value"]
    except (ValueError, KeyError, IndexError):
        return {"failed": run.stdout + run.stderr}


def main():
    pol, folders, passed, failed = sys.argv[1], sys.argv[2:], 0, 0
    for folder in folders:
        with open(os.path.join(folder, "table.json")) as f:
            table = json.load(f)
        with open(os.path.join(folder, "data.json")) as f:
            data = json.load(f)
        for case in table["cases"]:
            got = evaluate(pol, folder, changed(data, case.get("data")), table["query"], changed(table["base"], case.get("change")))
            wrong = {k: got.get(k) for k, v in case["want"].items() if got.get(k) != v}
            if case["want"]["effect"] == "none" and "tier" in got:
                wrong["tier"] = got["tier"]
            if wrong:
                failed += 1
                print(f"FAIL {folder}: {case['name']}: wanted {json.dumps(case['want'])}, got {json.dumps(got)}")
            else:
                passed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
