# SPDX-License-Identifier: Apache-2.0
"""Keys, certificates and tokens for the tests, made with the openssl program."""
import base64
import hashlib
import json
import subprocess
import time
from pathlib import Path

ISSUER = "https://id.example"


def openssl(*arguments, **options):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, **options).stdout


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Credentials:
    """An authority, certificates by it and an issuer with one Ed25519 key, in a folder."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.ca = self.folder / "ca.pem"
        self.authority("ca")
        self.authority("stranger")
        self.issuer_key = self.folder / "issuer.key"
        openssl("genpkey", "-algorithm", "ed25519", "-out", self.issuer_key)
        self.write_jwks("jwks.json", self.issuer_key)

    def authority(self, name):
        key = self.folder / f"{name}.key"
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        openssl(
            "req", "-x509", "-new", "-key", key, "-days", "30", "-subj", f"/O=Acme/CN={name}", "-out", self.folder / f"{name}.pem",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )  # fmt: skip

    def certificate(self, name, san, by="ca", days=10):
        """Files name.pem and name.key; the PEM text."""
        key, out = self.folder / f"{name}.key", self.folder / f"{name}.pem"
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        openssl("req", "-new", "-key", key, "-subj", f"/O=Acme/CN={name}", "-out", self.folder / "csr")
        (self.folder / "ext").write_text(
            "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth,serverAuth\n"
            f"subjectAltName={san}\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"
        )
        openssl(
            "x509", "-req", "-in", self.folder / "csr", "-CA", self.folder / f"{by}.pem", "-CAkey", self.folder / f"{by}.key",
            "-CAcreateserial", "-days", str(days), "-extfile", self.folder / "ext", "-out", out,
        )  # fmt: skip
        return out.read_text()

    def write_jwks(self, name, key):
        public = openssl("pkey", "-in", key, "-pubout", "-outform", "DER")[-32:]
        keys = {"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": "k1", "x": base64url(public)}]}
        (self.folder / "next").write_text(json.dumps(keys))
        (self.folder / "next").rename(self.folder / name)

    def thumbprint(self, name):
        return base64url(hashlib.sha256(openssl("x509", "-in", self.folder / f"{name}.pem", "-outform", "DER")).digest())

    def token(self, key=None, **claims):
        now = int(time.time())
        whole = {"iss": ISSUER, "aud": "orders", "sub": "alice", "iat": now - 10, "exp": now + 600, **claims}
        head = base64url(json.dumps({"alg": "EdDSA", "typ": "JWT", "kid": "k1"}).encode())
        signed = f"{head}.{base64url(json.dumps(whole).encode())}"
        (self.folder / "signed").write_text(signed)
        return f"{signed}.{base64url(openssl('pkeyutl', '-sign', '-inkey', key or self.issuer_key, '-rawin', '-in', self.folder / 'signed'))}"

    def settings(self):
        return {
            "identity": {
                "trust": ["ca.pem"],
                "issuers": [{"issuer": ISSUER, "jwks_file": "jwks.json", "audiences": ["orders"], "algorithms": ["EdDSA"]}],
            }
        }
