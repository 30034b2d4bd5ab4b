#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random Rego programs, evaluated by the engine and by OPA: language.py DECIDE_BATCH [PROGRAMS [SEED [OPA_BATCH]]]. Both refuse a program or both accept it; values are
the same, numbers as they are written too; both are undefined; an error has the same code. What may differ is listed in docs/conformance.md and in deviations.py.

OPA's side is opa/main.go, built here when Go is there and its module can be had; otherwise nothing is compared. A program that differs is shown cut down to the
lines that it takes.
"""
import collections
import json
import pathlib
import random
import resource
import shutil
import subprocess
import sys
import tempfile

import programs
from deviations import deviation

HERE = pathlib.Path(__file__).resolve().parent
SHOWN = 60
MEMORY = 3 << 30  # what one of the two may take: numbers of any size can be asked for


LISTED = (HERE.parents[1] / "docs/conformance.md").read_text(encoding="utf-8")


class Other:
    """One of the two programs that answer lines."""

    def __init__(self, path):
        self.path = path
        self.start()

    def start(self):
        self.process = subprocess.Popen([self.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        resource.prlimit(self.process.pid, resource.RLIMIT_DATA, (MEMORY, MEMORY))

    def send(self, line):
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def receive(self):
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.start()
            return {"died": True}
        return json.loads(line, parse_float=Number, parse_int=Number)

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


class Number(str):
    """A number as it is written, other than a string of the same text."""

    def __eq__(self, other):
        return isinstance(other, Number) and str.__eq__(self, other)

    __hash__ = str.__hash__

    def __repr__(self):
        return str(self)


def compare(program, ours, theirs):
    """(what differs, ours, theirs) or None"""
    if "died" in theirs or any(str(r.get("error", "")).startswith(("eval_cancel", "limit_")) for a in (ours, theirs) for r in a.get("results", [])):
        return None
    if "died" in ours:
        return "died", ours, theirs
    if "refused" in ours or "refused" in theirs:
        if "refused" in ours and "refused" in theirs:
            return None
        return "refused", ours.get("refused", "accepted"), theirs.get("refused", "accepted")
    if "results" not in ours or "results" not in theirs:
        return "fault", ours, theirs
    first = None
    for i, (mine, other) in enumerate(zip(ours["results"], theirs["results"])):
        message = other.pop("message", None)
        if mine != other:
            path, given = program["paths"][i // len(program["inputs"])], program["inputs"][i % len(program["inputs"])]
            where = f"{path} of input {json.dumps(given, ensure_ascii=False)}"
            found = ("result", mine, other | ({"message": message} if message else {}), where)
            if not deviation(program, found):
                return found
            first = first or found
    return first


def judge(engine, opa, program):
    line = json.dumps(program) + "\n"
    engine.send(line)
    opa.send(line)
    return compare(program, engine.receive(), opa.receive())


def repaired(program, refused):
    """The program without the rules that OPA refused; None when it says no place."""
    modules = dict(program["modules"])
    for code, row, message, file in refused:
        row = int(row)
        if not row or file not in program["modules"]:
            continue
        text = program["modules"][file]
        blocks, at = text.split("\n\n"), 1
        for block in blocks:
            rows = block.count("\n") + 2
            if at <= row < at + rows and not block.startswith("package"):
                modules[file] = ("\n\n" + modules[file] + "\n\n").replace("\n\n" + block + "\n\n", "\n\n").strip("\n") + "\n"
            at += rows
    return {**program, "modules": modules} if modules != program["modules"] else None


def judge_repaired(engine, opa, program):
    """Yields each program on the way to one that OPA accepts, what differs, and the answers."""
    for _ in range(12):
        line = json.dumps(program) + "\n"
        engine.send(line)
        opa.send(line)
        ours, theirs = engine.receive(), opa.receive()
        yield program, compare(program, ours, theirs), theirs
        if "refused" not in theirs:
            return
        program = repaired(program, theirs["refused"])
        if not program:
            return


def essence(found):
    if found[0] != "refused":
        return found[0]
    return tuple("accepted" if side == "accepted" else frozenset(str(d[0]) + str(d[2])[:12] for d in side) for side in found[1:3])


def shrink(engine, opa, program, found):
    """The program without the rules and lines that the difference does not take."""
    wanted = essence(found)
    tries = 0

    def differs(smaller):
        nonlocal found
        again = judge(engine, opa, smaller)
        if again and essence(again) == wanted:
            found = again
            return True
        return False

    for separator in ("\n\n", "\n", "; "):
        again = True
        while again and tries < 400:
            again = False
            for name, text in list(program["modules"].items()):
                parts = text.split(separator)
                for i in range(len(parts) - 1, 0 if separator == "\n\n" else -1, -1):
                    tries += 1
                    smaller = {**program, "modules": {**program["modules"], name: separator.join(parts[:i] + parts[i + 1:])}}
                    if differs(smaller):
                        program, again = smaller, True
                        parts = program["modules"][name].split(separator)
    for name in list(program["modules"]):
        smaller = {**program, "modules": {k: v for k, v in program["modules"].items() if k != name}}
        if differs(smaller):
            program = smaller
    return program, found


def build_opa(folder):
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if not go:
        return None, "go is not there"
    made = subprocess.run([go, "build", "-o", f"{folder}/opa-batch", "."], cwd=HERE / "opa", capture_output=True, text=True)
    return (f"{folder}/opa-batch", "") if made.returncode == 0 else (None, "OPA's module cannot be built")


def main():
    wanted = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    with tempfile.TemporaryDirectory() as folder:
        path, why = (sys.argv[4], "") if len(sys.argv) > 4 else build_opa(folder)
        if not path:
            print(f"skipped: {why}")
            print("0 passed, 0 failed, 1 skipped")
            return 0
        engine, opa = Other(sys.argv[1]), Other(path)
        failed, values, refused = 0, collections.Counter(), 0
        listed = collections.Counter()
        for number in range(wanted):
            program = programs.Programs(random.Random(seed * 1000003 + number)).program()
            found = None
            for program, found, theirs in judge_repaired(engine, opa, program):
                refused += "refused" in theirs
                values.update("value" if "value" in r else "error" if "error" in r else "undefined" for r in theirs.get("results", []))
                if found:
                    break
            if not found:
                continue
            small, found = shrink(engine, opa, program, found)
            known = deviation(small, found)
            if known:
                assert f"| {known} |" in LISTED, f"docs/conformance.md does not list: {known}"
                listed[known] += 1
                continue
            failed += 1
            if failed <= SHOWN:
                print(f"program {number} of seed {seed}: {' '.join((found[0], *found[3:]))}\n" + "\n".join(small["modules"].values()))
                print(f"  ours:  {found[1]}\n  OPA's: {found[2]}\n", flush=True)
        engine.stop()
        opa.stop()
    print(f"{wanted} programs, {refused} refused by OPA, results: {dict(values)}")
    for known, n in listed.items():
        print(f"listed: {known}: {n}")
    print(f"{wanted - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
