#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The configuration file: what is refused, with which words and line; pold --check; the reference page."""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from daemon import ALLOW, POLD, build, main, same

ROOT = Path(__file__).resolve().parent.parent.parent
GOOD = "bundle:\n  path: b.polb\nsocket:\n  path: s\n"


def check(text):
    """pold --check on text: exit code and the log line's error, the file's name left out."""
    with tempfile.TemporaryDirectory(prefix="pold-") as folder:
        build(folder, Path(folder) / "b.polb", data=ALLOW)
        path = Path(folder) / "pold.yaml"
        path.write_text(text, encoding="utf-8")
        done = subprocess.run([POLD, "--check", "-c", str(path)], capture_output=True, text=True, check=False)
        assert "Sanitizer" not in done.stderr, done.stderr
        error = done.stderr.split('"error":"', 1)[-1].rsplit('"', 1)[0].replace('\\"', '"')
        return done.returncode, error.replace(str(path), "FILE").replace(folder, "FOLDER")


def refused(text, message):
    same(check(text), (1, message), text)


def test_a_good_one():
    same(check(GOOD)[0], 0)


def test_unknown_keys_name_the_nearest():
    refused("bundel:\n  path: b.polb\n", 'FILE:1: unknown key "bundel", did you mean "bundle"?')
    refused("bundle:\n  path: b.polb\n  wach: true\n", 'FILE:3: unknown key "wach", did you mean "bundle.watch"?')
    refused(GOOD + "limits: {boddy: 1KiB}\n", 'FILE:5: unknown key "boddy", did you mean "limits.body"?')
    refused(GOOD + "something_else: 1\n", 'FILE:5: unknown key "something_else"')
    refused(GOOD + "tls: {something_else: 1}\n", 'FILE:5: unknown key "something_else" in tls.')
    refused(GOOD + '"a\\nb": 1\n', 'FILE:5: unknown key "a\\\\u000ab"')
    refused(
        GOOD + "identity:\n  issuers:\n    - isuer: x\n",
        'FILE:7: unknown key "isuer", did you mean "issuer"?',
    )


def test_a_key_twice():
    refused(GOOD + "workers: 1\nworkers: 2\n", "FILE:6: this key stands in line 5 already")


def test_values_out_of_range_or_of_the_wrong_form():
    for line, key, wanted in [
        ("workers: -1", "workers", "a number from 0 to 256"),
        ("workers: 257", "workers", "a number from 0 to 256"),
        ("workers: two", "workers", "a number from 0 to 256"),
        ("workers: [1]", "workers", "a number from 0 to 256"),
        ("trust_input: yes", "trust_input", "true or false"),
        ("limits: {body: 1}", "limits.body", "a size (64KiB, 1MiB) from 1024 to 268435456 bytes"),
        ("limits: {body: 1MB}", "limits.body", "a size (64KiB, 1MiB) from 1024 to 268435456 bytes"),
        ("limits: {body: 99999999999999999999GiB}", "limits.body", "a size (64KiB, 1MiB) from 1024 to 268435456 bytes"),
        ("limits: {idle: 10}", "limits.idle", "a time (500ms, 10s, 5m) from 100 to 86400000 ms"),
        ("limits: {idle: 99ms}", "limits.idle", "a time (500ms, 10s, 5m) from 100 to 86400000 ms"),
        ("log: {level: loud}", "log.level", "one of info|debug|warning|error"),
        ("identity: {trust: x}", "identity.trust", "a list of 0 to 64 file names"),
        ("identity: {trust: [[x]]}", "identity.trust", "texts in the list"),
        ("identity: {issuers: [x]}", "identity.issuers", "a mapping for each issuer"),
    ]:
        refused(GOOD + line + "\n", f"FILE:5: {key}: wanted {wanted}")
    refused("bundle: {path: b.polb}\nsocket: {path: s, mode: 0o660}\n", 'FILE:2: socket.mode: wanted an octal file mode ("0660") of at most 0777')
    refused("bundle: {path: b.polb}\nsocket: {path: s, mode: '1000'}\n", 'FILE:2: socket.mode: wanted an octal file mode ("0660") of at most 0777')
    refused("bundle: b.polb\n", "FILE:1: bundle: wanted a mapping of settings")


def test_bounds_are_taken():
    for line in ["workers: 256", "workers: 0", "limits: {body: 1KiB}", "limits: {body: 268435456}", "limits: {idle: 100ms}", "limits: {idle: 24h}"]:
        same(check(GOOD + line + "\n")[0], 0, line)


def test_what_must_be_there():
    refused("socket: {path: s}\n", "FILE: bundle.path is missing: the bundle to serve")
    refused("", "FILE: a mapping of settings is wanted")
    refused("- x\n", "FILE: a mapping of settings is wanted")
    refused(GOOD + "tls: {address: '127.0.0.1:1'}\n", "FILE: tls.address needs tls.certificate, tls.key and identity.trust")
    refused(
        GOOD + "identity:\n  issuers:\n    - issuer: https://a\n",
        "FILE:7: identity.issuers: issuer is required, and algorithms and one of jwks_file, jwks_url and discovery, or introspection.url",
    )
    two = GOOD + "identity:\n  issuers:\n    - {issuer: a, jwks_file: f, algorithms: [RS256], subject_prefix: 'x:'}\n"
    refused(two + "    - {issuer: b, jwks_file: f, algorithms: [RS256]}\n", "FILE:8: identity.issuers: of several issuers each needs a subject_prefix")
    refused(
        two + "    - {issuer: b, jwks_file: f, algorithms: [RS256], subject_prefix: 'x:'}\n",
        "FILE:8: identity.issuers: this subject_prefix stands in line 7 already",
    )


def test_no_yaml():
    code, error = check("bundle: {path\n")
    same(code, 1)
    assert error.startswith("FILE:2: not YAML: "), error


def test_files_that_are_not_there():
    code, error = check(GOOD + "bundle:\n".replace("bundle:\n", "") + "identity: {trust: [nothing.pem]}\n")
    same(code, 1)
    assert "nothing.pem" in error, error
    code, error = check("bundle: {path: other.polb}\nsocket: {path: s}\n")
    same(code, 1)
    assert "FOLDER/other.polb" in error, error


def test_command_line():
    same(subprocess.run([POLD, "--nothing"], capture_output=True, check=False).returncode, 2)
    same(subprocess.run([POLD, "more"], capture_output=True, check=False).returncode, 2)
    done = subprocess.run([POLD, "-c", "/nowhere/pold.yaml"], capture_output=True, text=True, check=False)
    same(done.returncode, 1)
    assert "/nowhere/pold.yaml" in done.stderr
    same(subprocess.run([POLD, "--help"], capture_output=True, check=False).returncode, 0)


def test_the_reference_page_is_the_table():
    table = subprocess.run([POLD, "--describe-config"], capture_output=True, text=True, check=True).stdout
    page = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    assert table in page, "docs/configuration.md differs from `pold --describe-config`"


def test_the_page_of_identity_has_every_reason():
    words = {"NONE": "", "INVALID_TOKEN": "`invalid_token` ", "INVALID_REQUEST": "`invalid_request` ", "INVALID_PROOF": "`invalid_dpop_proof` "}
    found = re.findall(r'^REASON\((\w+), (\w+), "(.*)"\)$', (ROOT / "runtime/identity/reasons.def").read_text(encoding="utf-8"), re.M)
    table = "".join(f"| `{code}` | {words[challenge]}| {sentence} |\n" for code, challenge, sentence in found)
    assert len(found) > 60 and table in (ROOT / "docs/identity.md").read_text(encoding="utf-8"), table


def test_the_protocols_page_has_every_route_and_metric():
    page = (ROOT / "docs/protocols.md").read_text(encoding="utf-8")
    for table, pattern in [
        ("routes.def", r'^ROUTE\(\w+, "(\w+)", "([^"]+)"'),
        ("metrics.def", r'^(?:COUNTER|FAMILY)\(\w+, "([^"]+)"'),
    ]:
        found = re.findall(pattern, (ROOT / "runtime/server" / table).read_text(encoding="utf-8"), re.M)
        assert len(found) > 5
        for names in found:
            name = " ".join(names) if isinstance(names, tuple) else names
            assert f"`{name}`" in page, f"docs/protocols.md does not name {name}"


main(sys.modules[__name__])
