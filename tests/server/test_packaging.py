#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What comes with it for operators: manifests, container, alerts and dashboard name things that there are."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from daemon import POLD, Daemon, main, same

ROOT = Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"


def test_alerts_and_dashboard_name_metrics_that_there_are():
    known = set(re.findall(r'^(?:COUNTER|FAMILY)\(\w+, "([^"]+)"', (ROOT / "runtime/server/metrics.def").read_text(), re.M))
    for name in ("alerts.yaml", "dashboard.json"):
        text = (PACKAGING / "monitoring" / name).read_text()
        named = set(re.findall(r"\b(?:polward|bundle|last|process|http_request)_\w+\b", text)) - {"polward_bundle"}
        assert len(named) > 8, named
        for metric in named:
            assert re.sub("_(bucket|count|sum)$", "", metric) in known, f"{name}: {metric}"


def test_the_dashboard_is_the_programs():
    made = subprocess.run([sys.executable, PACKAGING / "monitoring/dashboard.py"], capture_output=True, text=True, check=True).stdout
    same((PACKAGING / "monitoring/dashboard.json").read_text(), made)
    json.loads(made)


def test_settings_of_the_manifests_are_read():
    for name in ("base", "sidecar"):
        done = subprocess.run([POLD, "--ready", "-c", PACKAGING / "kubernetes" / name / "pold.yaml"], capture_output=True, text=True, check=False)
        same((done.returncode, done.stderr), (1, "pold: /run/polward/pold.sock: No such file or directory\n"), name)


def test_the_manifests_are_whole():
    if not shutil.which("kubectl"):
        print("skipped: kubectl is not here")
        return
    for name, kind in [("base", "DaemonSet"), ("sidecar", "Deployment")]:
        done = subprocess.run(["kubectl", "kustomize", PACKAGING / "kubernetes" / name], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        for wanted in [f"kind: {kind}", "runAsNonRoot: true", "readOnlyRootFilesystem: true", "image: polward:", "name: polward-"]:
            assert wanted in done.stdout, wanted


def test_the_files_of_the_container_are_enough():
    if os.geteuid() != 0 or b"__asan_init" in Path(POLD).read_bytes():
        print("skipped: only root can change the root folder, and the sanitizer needs more")
        return
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([PACKAGING / "container/collect.sh", POLD, folder], check=True, stdout=subprocess.DEVNULL)
        os.chmod(folder, 0o755)
        done = subprocess.run(["chroot", "--userspec=10001:10001", folder, "/usr/bin/pold", "--version"], capture_output=True, text=True, check=False)
        assert re.fullmatch(r"pold \d+\.\d+\.\d+\n", done.stdout), done


def test_a_probe_asks_whether_it_is_ready():
    with Daemon() as d:
        probe = [POLD, "--ready", "-c", str(d.folder / "pold.yaml")]
        d.wait(lambda: subprocess.run(probe, check=False).returncode == 0)
        d.stop()
        done = subprocess.run(probe, capture_output=True, text=True, check=False)
        same(done.returncode, 1)
        assert str(d.socket) in done.stderr


main(sys.modules[__name__])
