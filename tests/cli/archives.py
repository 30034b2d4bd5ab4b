# SPDX-License-Identifier: Apache-2.0
"""OPA's bundles as they are packed: what is taken of them, and archives that are attacks."""
import gzip
import io
import json
import sys
import tarfile

run = sys.modules["__main__"]
Run, equal, contains = run.Run, run.equal, run.contains


def pack(path, files, kind=tarfile.REGTYPE, mode="w:gz", **more):
    """files: name to text; the names as they are."""
    with tarfile.open(path, mode) as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.type = kind
            data = b"" if kind != tarfile.REGTYPE else (text if isinstance(text, bytes) else (text if isinstance(text, str) else json.dumps(text)).encode())
            info.size = len(data)
            for key, value in more.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(data))


GOOD = {"/.manifest": {"revision": "r7", "roots": ["app", "limits"]}, "./limits/data.json": {"n": 3}, "app/p.rego": "package app\nq := data.limits.n\n", "/app/data.yaml": "w: 1\n",
        "/other.json": {"app": {"w": 9}}, ".signatures.json": {"signatures": []}, "policy.wasm": b"\0asm"}


@run.test
def a_packed_bundle_is_what_its_folder_would_be(d):
    pack(d / "b.tar.gz", GOOD)
    for how in (["-b"], []):
        equal(Run("build", *how, "-o", "b.polb", "b.tar.gz", cwd=d).code, 0)
        got = Run("eval", "-b", "b.polb", "-f", "raw", "data", cwd=d)
        equal(json.loads(got.out), {"app": {"q": 3, "w": 1}, "limits": {"n": 3}}, got)
        contains(Run("inspect", "b.polb", cwd=d).out, '"revision": "r7"')
    pack(d / "again.tgz", dict(reversed(GOOD.items())))
    equal(Run("build", "-o", "again.polb", "again.tgz", cwd=d).code, 0)
    equal(Run("eval", "-b", "again.tgz", "-f", "raw", "data.app.q", cwd=d).out.strip(), "3")


@run.test
def mistakes_in_a_packed_module_are_told_with_their_place(d):
    pack(d / "b.tar.gz", {"app/p.rego": "package app\nq := nothing\n"})
    got = Run("check", "b.tar.gz", cwd=d)
    equal(got.code, 1)
    contains(got.err, "b.tar.gz/app/p.rego:2:6", got)
    pack(d / "b.tar.gz", {"app/data.json": "{"})
    contains(Run("check", "b.tar.gz", cwd=d).err, "b.tar.gz/app/data.json: ")


@run.test
def archives_that_are_attacks_are_refused(d):
    for name in ("../p.rego", "a/../../p.rego", "a//p.rego", "a/./p.rego"):
        pack(d / "b.tar.gz", {name: "package p\n"})
        contains(Run("check", "b.tar.gz", cwd=d).err, "a name in it is not a plain path")
    pack(d / "b.tar.gz", {"p.rego": "package p\n", "/p.rego": "package p\n"})
    contains(Run("check", "b.tar.gz", cwd=d).err, "p.rego is in it twice")
    pack(d / "b.tar.gz", {"patch.json": {"data": []}})
    contains(Run("check", "b.tar.gz", cwd=d).err, "a delta bundle only changes another one")
    pack(d / "b.tar.gz", {"p.rego": ""}, tarfile.SYMTYPE, linkname="/etc/passwd")
    equal(Run("eval", "-b", "b.tar.gz", "-f", "raw", "data", cwd=d).out.strip(), "{}")
    for text in (b"no archive", gzip.compress(b"no archive" * 200), (d / "b.tar.gz").read_bytes()[:60]):
        (d / "b.tar.gz").write_bytes(text)
        equal(Run("check", "b.tar.gz", cwd=d).code, 1)
    head = tarfile.TarInfo("data.json")
    head.size = 2 << 30
    (d / "b.tar.gz").write_bytes(gzip.compress(head.tobuf() + bytes(4096)))
    contains(Run("check", "b.tar.gz", cwd=d).err, "over 1024 MiB unpacked")
