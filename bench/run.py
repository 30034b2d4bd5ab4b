#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py, called by run.sh: decides workloads with this engine, with the hand-written C, with the eight statements and with the peers that are there,
turn about on one processor, and puts medians, spread and ratios into results.md and results.json. --check takes small workloads, once each,
without peers, and only says whether all decisions are right, and whether none takes over 3% more of the machine's instructions than counts.json
says; --update-counts writes that file, for the change that is meant to have the new ones."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path[:0] = [HERE, os.path.join(HERE, "forms")]

import forms  # noqa: E402
import workloads  # noqa: E402

BY_HAND = ("zero-trust", "rbac-large", "gdrive", "http-acl")
SLOW = ("casbin", "cedar-flat")  # seconds for each round: one turn is enough to see by how much
PEERS = ("opa", "regorus", "cedar", "cedar-flat", "casbin")
OWN = ("polward", "statements", "limit")


def pin():
    """The last processor: the first one is where interrupts go."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def commands(folder, options, scratch):
    """What decides this workload: engine to command line."""
    name, found = os.path.basename(folder), {}
    bench = os.path.join(options.bin, "pol-bench")
    found["polward"] = [bench, folder]
    if any(name.startswith(n) for n in BY_HAND):
        found["limit"] = [bench, folder, "--limit"]
    form = os.path.join(scratch, "forms", name)
    if forms.form_of(folder) and forms.write(folder, form):
        found["statements"] = [bench, form, "--policy", os.path.join(form, "policy.pol"), "--query", "data.polward.allow"]
    if options.check:
        return found
    go, rust = os.path.join(options.peers, "go-peers"), os.path.join(options.peers, "rust", "release", "peers")
    wanted = {"opa": (go, "policy.rego"), "casbin": (go, "casbin-policy.csv"), "regorus": (rust, "policy.rego"),
              "cedar": (rust, "policy.cedar"), "cedar-flat": (rust, "policy-flat.cedar")}
    for engine, (program, file) in wanted.items():
        if os.path.exists(program) and os.path.exists(os.path.join(folder, file)):
            found[engine] = [program, engine, folder]
    return found


def once(command, rounds):
    ran = subprocess.run(command + ["--rounds", str(rounds)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=pin)
    try:
        return json.loads(ran.stdout)
    except ValueError:
        return {"error": ran.stderr.strip()[-300:]}


def summary(runs):
    bad = next((r for r in runs if "error" in r), None)
    if bad:
        return bad
    medians = [r["ns_per_decision_median"] for r in runs]
    return {"ns": statistics.median(medians), "spread": max(medians) / max(1, min(medians)), "p99_ns": statistics.median(r["p99_ns"] for r in runs),
            "load_ms": statistics.median(r["load_ms"] for r in runs), "peak_rss_kb": max(r["peak_rss_kb"] for r in runs),
            "instructions": runs[0].get("instructions"), "mismatches": max(r["mismatches"] for r in runs), "turns": len(runs)}


def decide(folder, from_json, options, scratch):
    """Engines take turns, and each turn begins with another one."""
    lines, runs = commands(folder, options, scratch), {}
    order = list(lines)
    for turn in range(options.turns):
        for engine in order[turn % len(order):] + order[:turn % len(order)]:
            if engine in SLOW and turn:
                continue
            rounds = 1 if engine in SLOW else options.rounds
            runs.setdefault(engine, []).append(once(lines[engine] + (["--from-json"] if from_json else []), rounds))
    return {engine: summary(r) for engine, r in runs.items()}


def us(ns):
    return f"{ns / 1000:.3g}" if ns < 1e6 else f"{ns / 1000:.0f}"


def ratio(a, b):
    return f"{a / b:.1f}" if a and b else ""


def table(rows):
    """One line for each workload: microseconds, and how much faster than the fastest peer and slower than C."""
    engines = [e for e in OWN + PEERS if any(e in found for found in rows.values())]
    out = ["| workload | " + " | ".join(engines) + " | fastest peer ÷ polward | ÷ statements | polward ÷ limit | statements ÷ limit |",
           "|---|" + "--:|" * (len(engines) + 4)]
    for name, found in rows.items():
        ns = {e: r["ns"] for e, r in found.items() if "ns" in r}
        peer = min((ns[e] for e in PEERS if e in ns), default=None)
        cells = [(us(ns[e]) + f" (×{found[e]['spread']:.2f})" if e in ns else "fails" if e in found else "") for e in engines]
        cells += [ratio(peer, ns.get("polward")), ratio(peer, ns.get("statements")), ratio(ns.get("polward"), ns.get("limit")),
                  ratio(ns.get("statements"), ns.get("limit"))]
        out.append(f"| {name} | " + " | ".join(cells) + " |")
    return out


def load_table(rows):
    engines = [e for e in OWN + PEERS if any(e in found for found in rows.values())]
    out = ["| workload | " + " | ".join(engines) + " |", "|---|" + "--:|" * len(engines)]
    for name, found in rows.items():
        out.append(f"| {name} | " + " | ".join(
            f"{found[e]['load_ms']:.1f} / {found[e]['peak_rss_kb'] / 1000:.0f}" if "ns" in found.get(e, {}) else "" for e in engines) + " |")
    return out


def mistakes(results):
    """Decisions that were wrong, and engines that failed: nothing to be proud of a time beside."""
    for part, rows in results.items():
        for name, found in rows.items():
            for engine, r in found.items():
                if r.get("mismatches") or "error" in r:
                    yield f"{part} {name} {engine}: {r.get('error') or str(r['mismatches']) + ' wrong decisions'}"


def part_decisions(folders, options, scratch):
    results = {"native": {}, "from-json": {}}
    for folder in folders:
        for part, rows in results.items():
            print(f"{part} {os.path.basename(folder)}", file=sys.stderr, flush=True)
            rows[os.path.basename(folder)] = decide(folder, part == "from-json", options, scratch)
    text = ["## A decision, input ready (median µs, × slowest turn over fastest)", "", *table(results["native"]), "",
            "## A decision, from JSON text", "", *table(results["from-json"]), "",
            "## Load ms / peak MB, requests included (a process counts the runner that started it, some 16 MB, as the least)", "", *load_table(results["native"]), ""]
    return results, text


def compare_counts(counts, options):
    """A line for each count that grew too much, and for each that is not in the file."""
    path = os.path.join(HERE, "counts.json")
    if options.update_counts:
        with open(path, "w", encoding="utf-8") as out:
            json.dump(counts, out, indent=1, sort_keys=True)
            out.write("\n")
    with open(path, encoding="utf-8") as file:
        known = json.load(file)
    for name, n in sorted(counts.items()):
        if name not in known or n > known[name] * 1.03:
            yield f"{name}: {n} instructions, {known.get(name, 'none')} in bench/counts.json: bench/run.py --check --update-counts, if that is meant"
    for name in sorted(set(known) - set(counts)):
        yield f"{name}: in bench/counts.json, but not decided"


def check(folders, options, scratch):
    wrong = passed = 0
    counts = {}
    for folder in folders:
        for from_json in (False, True):
            for engine, r in decide(folder, from_json, options, scratch).items():
                good = "error" not in r and not r["mismatches"]
                passed, wrong = passed + good, wrong + (not good)
                if good and not from_json and r["instructions"]:
                    counts[os.path.basename(folder) + " " + engine] = r["instructions"]
                if not good:
                    print(f"{os.path.basename(folder)} {engine}: {r}")
    grown = list(compare_counts(counts, options))
    print("".join(line + "\n" for line in grown) + f"{passed + len(counts) - len(grown)} passed, {wrong + len(grown)} failed, 0 skipped")
    return 1 if wrong or grown else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--update-counts", action="store_true")
    parser.add_argument("--install-peers", action="store_true")
    parser.add_argument("--bin", default=os.path.join(ROOT, "build", "release", "bin"))
    parser.add_argument("--peers", default=os.path.join(ROOT, "build", "peers"))
    parser.add_argument("--out", default=os.path.join(ROOT, "build", "bench"))
    parser.add_argument("folders", nargs="*")
    options = parser.parse_args()
    options.turns, options.rounds = (1, 1) if options.check else (3, 1) if options.quick else (7, 3)
    return options


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as scratch:
        folders = workloads.main(os.path.join(scratch, "own"), options.check) + [os.path.abspath(f) for f in options.folders]
        if options.check:
            return check(folders, options, scratch)
        results, text = part_decisions(folders, options, scratch)
    wrong = list(mistakes(results))
    os.makedirs(options.out, exist_ok=True)
    with open(os.path.join(options.out, "results.json"), "w", encoding="utf-8") as out:
        json.dump(results, out, indent=1)
    with open(os.path.join(options.out, "results.md"), "w", encoding="utf-8") as out:
        out.write("\n".join(text + ["## Wrong", ""] * bool(wrong) + wrong) + "\n")
    print("\n".join(text + wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
