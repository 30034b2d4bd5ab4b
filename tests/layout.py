#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rules of the sources that a compiler does not check: layout.py BUILD_DIR.

Which folder may include which, who allocates, which functions are never called, no writable globals in libpolward, one licence
line in each file. Each rule is one test; each offender is printed.
"""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# folder of the including file -> folders it must not include from
INCLUDES = {
    "runtime/server": ["compiler/", "grammar/"],
    "runtime/identity": ["compiler/", "grammar/", "runtime/server/"],
    "runtime/builtins": ["compiler/", "grammar/", "runtime/server/"],
    "runtime/fetch": ["compiler/", "grammar/", "runtime/server/", "runtime/identity/", "runtime/builtins/", "runtime/engine.h"],
    "runtime": ["compiler/", "grammar/", "runtime/server/"],
    "grammar": ["compiler/cli/", "compiler/program.h", "compiler/plan.h", "compiler/image.h", "compiler/compile.h", "runtime/server/"],
    "compiler": ["compiler/cli/", "runtime/server/", "runtime/identity/"],
    "compiler/cli": ["runtime/server/"],
}

# Files of libpolward and the compiler that may take memory from the heap; all others take it from an arena or a pol_buf.
ALLOCATORS = set(
    """runtime/arena.c runtime/bytes.c runtime/bundle.c runtime/client.c runtime/engine.c runtime/pattern.cc runtime/pattern_cache.c runtime/polward.c
    compiler/compile.c compiler/load.c""".split()
)
ALLOCATOR_FOLDERS = ("compiler/cli/", "runtime/server/", "runtime/identity/", "runtime/fetch/")

FORBIDDEN = """strcpy strcat sprintf vsprintf atoi atol atof strtok localtime gmtime setlocale rand srand alloca gets asctime
    ctime tmpnam system popen""".split()


def sources():
    for folder in ("grammar", "compiler", "runtime"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".c", ".h", ".cc", ".re", ".y", ".def"):
                yield path


def name(path):
    return str(path.relative_to(ROOT))


def code_of(path):
    """The text without comments and string literals."""
    text = path.read_text(encoding="utf-8")
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)
    return pattern.sub(lambda m: "\n" * m.group(0).count("\n"), text)


def check_includes():
    for path in sources():
        banned = INCLUDES.get(name(path.parent), [])
        for row, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not found:
                continue
            if any(found.group(1).startswith(b) for b in banned):
                yield f"{name(path)}:{row}: includes {found.group(1)}"
            if "/" not in found.group(1):
                yield f"{name(path)}:{row}: {found.group(1)} is not named from the root"


def check_public_header():
    header = ROOT / "runtime/polward.h"
    if header.exists() and re.search(r'#\s*include\s+"', header.read_text(encoding="utf-8")):
        yield "runtime/polward.h includes a header of ours"


def check_allocation():
    calls = re.compile(r"\b(malloc|calloc|realloc|reallocarray|strdup|strndup|aligned_alloc|posix_memalign)\s*\(")
    for path in sources():
        if name(path) in ALLOCATORS or name(path).startswith(ALLOCATOR_FOLDERS):
            continue
        for row, line in enumerate(code_of(path).splitlines(), 1):
            if calls.search(line):
                yield f"{name(path)}:{row}: {line.strip()}"


def check_forbidden():
    calls = re.compile(r"(?<![\w.>])(" + "|".join(FORBIDDEN) + r")\s*\(")
    for path in sources():
        for row, line in enumerate(code_of(path).splitlines(), 1):
            found = calls.search(line)
            if found:
                yield f"{name(path)}:{row}: calls {found.group(1)}"


def check_licence():
    for path in sources():
        if "SPDX-License-Identifier: Apache-2.0" not in path.read_text(encoding="utf-8")[:200] and path.suffix != ".def":
            yield f"{name(path)}: no licence line"


def check_names():
    for path in sources():
        if re.search(r"(util|common|misc|helper|manager)", path.stem):
            yield f"{name(path)}: a name that says nothing"


def check_todo():
    for path in sources():
        for row, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
                yield f"{name(path)}:{row}: {line.strip()}"


def check_globals(build):
    library = build / "libpolward.a"
    if not library.exists():
        yield f"{library} is not there"
        return
    out = subprocess.run(["objdump", "-t", str(library)], capture_output=True, text=True, check=True).stdout
    member = ""
    for line in out.splitlines():
        if line.endswith("file format elf64-x86-64") or ":     file format" in line:
            member = line.split(":")[0]
        found = re.match(r"[0-9a-f]+ (.{7}) (\.data|\.bss|\.tdata|\.tbss|\.data\.(?!rel\.ro)\S+|\.bss\.\S+)\s+([0-9a-f]+) (.*)", line)
        # sections themselves have a d, and empty ones no size
        if found and "d" not in found.group(1)[5:6] and int(found.group(3), 16) > 0 and "DW.ref." not in line:
            yield f"{member}: {found.group(4).strip()} in {found.group(2)}"


def main():
    build = Path(sys.argv[1])
    passed = failed = 0
    rules = {
        "includes point one way": check_includes(),
        "the public header stands alone": check_public_header(),
        "who takes memory from the heap": check_allocation(),
        "functions that are never called": check_forbidden(),
        "licence lines": check_licence(),
        "names of files": check_names(),
        "nothing left to do": check_todo(),
        "no writable globals in libpolward": check_globals(build),
    }
    for title, offenders in rules.items():
        found = list(offenders)
        passed, failed = passed + (not found), failed + bool(found)
        for offender in found:
            print(f"FAIL {title}: {offender}")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


sys.exit(main())
