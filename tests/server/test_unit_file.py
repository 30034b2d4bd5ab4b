#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The systemd unit: systemd takes it without a warning, and it exposes little."""
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from daemon import POLD, main

UNIT = Path(__file__).resolve().parents[2] / "packaging" / "systemd" / "pold.service"


def analyze(*arguments):
    """systemd-analyze on the unit as it is installed; None when the program is absent."""
    if not shutil.which("systemd-analyze"):
        print("skipped: systemd-analyze is not here")
        return None
    with tempfile.TemporaryDirectory() as folder:
        unit = Path(folder) / "pold.service"
        text = UNIT.read_text().replace("@CMAKE_INSTALL_FULL_BINDIR@/pold", str(Path(POLD).resolve()))
        assert "@CMAKE" not in text
        unit.write_text(text)
        return subprocess.run(["systemd-analyze", *arguments, str(unit)], capture_output=True, text=True, timeout=60, check=False)


def test_it_has_no_fault():
    done = analyze("verify", "--man=no")
    if done:
        of_ours = [line for line in done.stderr.splitlines() if "pold.service" in line]
        assert not of_ours, of_ours


def test_it_exposes_little():
    done = analyze("security", "--offline=true", "--threshold=16")
    if done:
        assert done.returncode == 0, done.stdout


def test_callers_keep_their_ids():
    assert not re.search(r"^PrivateUsers=", UNIT.read_text(), re.M)


main(sys.modules[__name__])
