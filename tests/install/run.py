#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Installs a build into a folder of its own, as packages do, and builds the program of docs/embedding.md against what was installed: run.py BUILD_DIR."""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
POLICY = 'package orders\n\npermit anyone to read on order as "all"\n'


def main():
    build = Path(sys.argv[1]).resolve()
    program = re.search(r"```c\n(.*?)```", (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8"), re.S).group(1)
    with tempfile.TemporaryDirectory() as folder:
        prefix = Path(folder) / "prefix"
        subprocess.run(["cmake", "--install", build, "--prefix", prefix], check=True, stdout=subprocess.DEVNULL)
        (Path(folder) / "service.c").write_text(program, encoding="utf-8")
        (Path(folder) / "orders.pol").write_text(POLICY, encoding="utf-8")
        packages = next(prefix.rglob("polward.pc")).parent
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "polward"], check=True, capture_output=True, text=True,
                               env={"PKG_CONFIG_PATH": str(packages), "PATH": "/usr/bin:/bin"}).stdout.split()
        subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "service.c", "-o", "service", *flags], cwd=folder, check=True)
        subprocess.run([prefix / "bin" / "pol", "build", "-o", "orders.polb", "orders.pol"], cwd=folder, check=True)
        answer = subprocess.run(["./service"], cwd=folder, check=True, capture_output=True, text=True).stdout
        version = subprocess.run([prefix / "bin" / "pold", "--version"], capture_output=True, text=True).stdout
    ok = '"allow":true' in answer and '"rules":["orders.all"]' in answer and version
    if not ok:
        print(f"got {answer!r}, {version!r}")
    print(f"{int(bool(ok))} passed, {int(not ok)} failed")
    return 0 if ok else 1


sys.exit(main())
