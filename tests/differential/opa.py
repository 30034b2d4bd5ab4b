#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random bundles as their Rego target, decided by another engine: opa.py DECIDE_BATCH [BUNDLES [SEED]]. That engine is `opa` where it is on the PATH (or named by OPA=),
and always ours, which then reads the target as any other Rego. Every decision must be the bundle's own.
"""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import generate

REQUESTS, BATCH, SHOWN = 20, 40, 3
MEMBERS = ("allow", "effect", "tier", "rules", "roles", "reasons", "context")


def targets(engine, seed, number):
    """(text, requests, decisions, modules of the target), of bundles that the compiler takes."""
    while True:
        r = random.Random(seed * 1000003 + number)
        g = generate.Generator(r)
        bundle = g.bundle()
        requests = [g.request() for _ in range(REQUESTS)]
        text = generate.bundle_text(bundle)
        answer = engine({"modules": {"gen.pol": text}, "path": "polward/decision", "inputs": requests, "rego": True})
        if "refused" not in answer:
            modules = {name.replace(".pol", ".rego"): module for name, module in answer["rego"].items()}
            yield number, text, requests, [a.get("value") for a in answer["results"]], modules
        number += 1


def renamed(module, number):
    """The same in packages of its own, so that many fit into one program."""
    return (module.replace("package polward\n", f"package decided_{number}\n").replace("package gen\n", f"package gen_{number}\n")
            .replace('data["gen"]', f'data["gen_{number}"]'))


def by_ours(engine, cases):
    for number, _, requests, _, modules in cases:
        answer = engine({"modules": {name: renamed(m, number) for name, m in modules.items()}, "path": f"decided_{number}/decision", "inputs": requests})
        yield [a.get("value") for a in answer["results"]] if "results" in answer else answer


def by_opa(opa, cases):
    """OPA's decisions, or what it said instead: an error of one bundle is that bundle's alone."""
    with tempfile.TemporaryDirectory() as folder:
        for number, _, _, _, modules in cases:
            for name, module in modules.items():
                (Path(folder) / f"{number}_{name}").write_text(renamed(module, number), encoding="utf-8")
        (Path(folder) / "data.json").write_text(json.dumps({"requests": {str(c[0]): c[2] for c in cases}}), encoding="utf-8")
        parts = [f'"{n}": [d | some q in data.requests["{n}"]; d := data.decided_{n}.decision with input as q]' for n, *_ in cases]
        run = subprocess.run([opa, "eval", "-d", folder, "-f", "json", "--stdin"], input="{" + ", ".join(parts) + "}", capture_output=True, text=True,
                             timeout=600)
        answer = json.loads(run.stdout)
        if "errors" not in answer:
            value = answer["result"][0]["expressions"][0]["value"]
            return [value[str(c[0])] for c in cases]
    if len(cases) == 1:
        return [{"errors": answer["errors"]}]
    return by_opa(opa, cases[: len(cases) // 2]) + by_opa(opa, cases[len(cases) // 2:])


def main():
    bundles = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    process = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def engine(line):
        process.stdin.write(json.dumps(line) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    opa = os.environ.get("OPA") or shutil.which("opa")
    engines = {"ours": lambda cases: by_ours(engine, cases)}
    if opa:
        engines["opa"] = lambda cases: by_opa(opa, cases)
    passed = failed = 0
    source = targets(engine, seed, 0)
    while passed + failed < bundles * len(engines):
        cases = [next(source) for _ in range(min(BATCH, bundles))]
        for name, decide in engines.items():
            for (number, text, requests, decisions, modules), got in zip(cases, decide(cases)):
                wrong = [(q, w, g) for q, w, g in zip(requests, decisions, got) if not g or any(w.get(m) != g.get(m) for m in MEMBERS)] if isinstance(got, list) else [got]
                if not wrong and len(got) == len(decisions):
                    passed += 1
                    continue
                failed += 1
                if failed <= SHOWN:
                    print(f"bundle {number} of seed {seed} by {name}\n{text}\n{modules.get('gen.rego')}\n{json.dumps(wrong[:1], indent=1)}")
    process.stdin.close()
    process.wait()
    if not opa:
        print("skipped: opa is not on the PATH")
    print(f"{passed} passed, {failed} failed, {0 if opa else 1} skipped")
    return 1 if failed else 0


sys.exit(main())
