#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random bundles and requests, decided by the engine and by reference.py: run.py DECIDE_BATCH [BUNDLES [SEED]]. Of each request subsets of its attributes are left
out too: that never turns a deny into an allow. A bundle that the compiler refuses for an attribute that may be missing is counted and left.

token and cert are left out as wholes, and only where no forbid depends on who asks: whoever comes without a token has no role by it and no scope to keep to, and so
may meet fewer forbids. What object.get looks for stays too: its default is what the author said that a missing one means. What is denied because of an error (a
value that has not its declared type, a division by it) is no deny that more knowledge made.
"""
import copy
import json
import random
import re
import subprocess
import sys

import generate
import reference

REQUESTS, SUBSETS, SHOWN = 12, 4, 10


def forbids_by_who_asks(bundle):
    return bundle["scopes"] or any(s["effect"] == "forbid" and s["roles"] != ["anyone"] for s in bundle["statements"])


def removed(r, request, verified, kept):
    """The request without some of its attributes."""
    out = copy.deepcopy(request)
    for part in (*verified, "context"):
        if part in out and r.random() < 0.3:
            del out[part]
    for name in [n for n in out["resource"] if n != "type" and n not in kept]:
        if r.random() < 0.3:
            del out["resource"][name]
    if "context" in out and r.random() < 0.3:
        out["context"].pop("c", None)
    return out


def differences(bundle, requests, answers, removals):
    for i, (request, answer) in enumerate(zip(requests, answers)):
        got = answer.get("value")
        before = answers[removals[i]].get("value") if i in removals else None
        if before and got and got["allow"] and not before["allow"] and not before["errors"]:
            yield request, "less was known, and it was allowed", requests[removals[i]]
        wanted = reference.decide(bundle, request)
        shown = {k: got.get(k) for k in ("allow", "effect", "rules", "roles", "tier") if k in got} if got else answer
        if shown != wanted:
            yield request, f"wanted {wanted}", f"got    {json.dumps(got) if got else answer}"


def main():
    bundles = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    engine = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    decided = failed = refused = 0
    number = 0
    while decided < bundles:
        r = random.Random(seed * 1000003 + number)
        number += 1
        g = generate.Generator(r)
        bundle = g.bundle()
        text = generate.bundle_text(bundle)
        kept = re.findall(r'object\.get\(resource, "(\w+)"', text)
        requests, removals = [], {}
        verified = () if forbids_by_who_asks(bundle) else ("token", "cert")
        for _ in range(REQUESTS):
            whole = len(requests)
            requests.append(g.request())
            for _ in range(SUBSETS):
                removals[len(requests)] = whole
                requests.append(removed(r, requests[whole], verified, kept))
        line = json.dumps({"modules": {"gen.pol": text}, "path": "polward/decision", "inputs": requests, "plain": number % 2 == 0})
        engine.stdin.write(line + "\n")
        engine.stdin.flush()
        answer = json.loads(engine.stdout.readline())
        if "refused" in answer:
            refused += 1
            if any(code not in ("POL0460",) for code, _, _ in answer["refused"]):
                failed += 1
                print(f"bundle {number - 1} of seed {seed}: {answer['refused']}\n{text}")
            continue
        decided += 1
        found = list(differences(bundle, requests, answer["results"], removals))
        if found:
            failed += 1
            if failed <= SHOWN:
                print(f"bundle {number - 1} of seed {seed}\n{text}")
                for request, *said in found[:2]:
                    print(json.dumps(request), *said, sep="\n  ")
    engine.stdin.close()
    engine.wait()
    print(f"{refused} bundles were refused, {decided} decided {len(requests)} requests each")
    print(f"{decided - failed if failed < decided else 0} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
