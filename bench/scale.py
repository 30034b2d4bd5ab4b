#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scale.py [--quick | --check] [--only SHAPE] [--keep FOLDER] BIN: generates each shape at growing sizes, builds it with BIN/pol, decides with BIN/pol-bench, every
decision compared with what generate.py computed, and prints the table of docs/performance.md. The ratio is to the row of the shape's
smallest size. --quick leaves out the largest sizes; --check decides at the two smallest ones only and tells no times."""
import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SIZES = {
    "permits": [200, 20000, 200000, 2000000],
    "roles": [10, 1000, 10000, 100000],
    "rules": [10, 1000, 10000, 100000],
    "statements": [10, 1000, 10000],
    "documents": [1, 10, 100],
    "bindings": [100, 1000, 10000],
    "bindings as rules": [100, 1000, 10000],
}
QUERIES = {"permits": "data.polward.allow", "roles": "data.polward.allow", "rules": "data.scale.allow",
           "statements": "data.polward.allow", "documents": "data.scale.allow", "bindings": "data.polward.allow",
           "bindings as rules": "data.scale.allow"}


def measure(binaries, shape, size, folder, rounds=9):
    shape, _, form = shape.partition(" as ")
    here = os.path.join(folder, f"{shape}-{size}")
    subprocess.run([sys.executable, os.path.join(HERE, "generate.py"), shape, str(size), here], check=True)
    begins = "form." if form else "policy."
    policy = next(os.path.join(here, f) for f in os.listdir(here) if f.startswith(begins))
    bundle = os.path.join(here, "bundle.polb")
    begun = time.monotonic()
    subprocess.run([os.path.join(binaries, "pol"), "build", "-o", bundle, policy, os.path.join(here, "data.json")],
                   check=True, stdout=subprocess.DEVNULL)
    built = time.monotonic() - begun
    bench = [os.path.join(binaries, "pol-bench"), here, "--bundle", bundle, "--query", QUERIES["bindings as rules" if form else shape], "--rounds", str(rounds)]
    runs = [json.loads(subprocess.run(bench, check=True, stdout=subprocess.PIPE).stdout) for _ in range(3)]
    if any(r["mismatches"] for r in runs):
        sys.exit(f"{shape} {size}: {runs[0]['mismatches']} decisions differ from the expected ones")
    return {"build_s": built, "bytes": os.path.getsize(bundle), "ready_ms": sorted(r["load_ms"] for r in runs)[1],
            "ns": sorted(r["ns_per_decision_median"] for r in runs)[1], "p99": sorted(r["p99_ns"] for r in runs)[1]}


def check(binaries):
    with tempfile.TemporaryDirectory() as scratch:
        for shape, sizes in SIZES.items():
            for size in sizes[:1] if shape == "documents" else sizes[:2]:
                measure(binaries, shape, size, scratch, rounds=1)
    print(f"{len(SIZES)} passed, 0 failed, 0 skipped")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--keep", metavar="FOLDER")
    parser.add_argument("--only", choices=SIZES, action="append")
    parser.add_argument("bin")
    options = parser.parse_args()
    if options.check:
        return check(options.bin)
    with tempfile.TemporaryDirectory() as scratch:
        print("| shape | size | build s | bundle MB | ready ms | decision ns | p99 ns | ratio |\n|---|--:|--:|--:|--:|--:|--:|--:|")
        for shape in options.only or SIZES:
            first = None
            for size in SIZES[shape][:-1] if options.quick else SIZES[shape]:
                row = measure(options.bin, shape, size, options.keep or scratch)
                first = first or row["ns"]
                print(f"| {shape} | {size:,} | {row['build_s']:.2f} | {row['bytes'] / 1e6:.2f} | {row['ready_ms']:.1f} | "
                      f"{row['ns']} | {row['p99']} | {row['ns'] / first:.2f} |", flush=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"\nLargest process: {peak / 1000:.0f} MB.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
