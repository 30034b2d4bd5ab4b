# SPDX-License-Identifier: Apache-2.0
"""Keys as JWKs and tokens, by the cryptography package: nothing of ours, so that the two can be held against each other."""
import base64
import json

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

ALGORITHMS = "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA HS256 HS384 HS512".split()
CURVES = {"ES256": ("P-256", ec.SECP256R1(), 32), "ES384": ("P-384", ec.SECP384R1(), 48), "ES512": ("P-521", ec.SECP521R1(), 66)}
HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
EDWARDS = {"Ed25519": ed25519.Ed25519PrivateKey, "Ed448": ed448.Ed448PrivateKey}
SECRET = {"d", "p", "q", "dp", "dq", "qi", "k"}


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(n, size=None):
    return encode(n.to_bytes(size or (n.bit_length() + 7) // 8, "big"))


def to_number(text):
    return int.from_bytes(decode(text), "big")


class Key:
    """A private key for one algorithm. jwk is whole, public what others may see."""

    def __init__(self, alg, kid, curve="Ed25519", bits=2048, secret=None):
        self.alg, self.kid = alg, kid
        self.jwk = {"alg": alg, "kid": kid, "use": "sig"}
        if alg[:2] in ("RS", "PS"):
            self.key = rsa.generate_private_key(65537, bits)
            p = self.key.private_numbers()
            self.jwk.update(kty="RSA", n=number(p.public_numbers.n), e=number(p.public_numbers.e), d=number(p.d), p=number(p.p), q=number(p.q),
                            dp=number(p.dmp1), dq=number(p.dmq1), qi=number(p.iqmp))
        elif alg in CURVES:
            name, group, size = CURVES[alg]
            self.key = ec.generate_private_key(group)
            p = self.key.private_numbers()
            self.jwk.update(kty="EC", crv=name, x=number(p.public_numbers.x, size), y=number(p.public_numbers.y, size), d=number(p.private_value, size))
        elif alg == "EdDSA":
            self.key = EDWARDS[curve].generate()
            raw = self.key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
            self.jwk.update(kty="OKP", crv=curve, x=encode(self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)), d=encode(raw))
        else:
            self.key = secret
            self.jwk.update(kty="oct", k=encode(secret))
        self.public = {name: value for name, value in self.jwk.items() if name not in SECRET}

    def sign_bytes(self, data):
        digest = HASHES.get(self.alg[2:])
        if self.alg[:2] == "RS":
            return self.key.sign(data, padding.PKCS1v15(), digest)
        if self.alg[:2] == "PS":
            return self.key.sign(data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
        if self.alg in CURVES:
            size = CURVES[self.alg][2]
            r, s = utils.decode_dss_signature(self.key.sign(data, ec.ECDSA(digest)))
            return r.to_bytes(size, "big") + s.to_bytes(size, "big")
        if self.alg == "EdDSA":
            return self.key.sign(data)
        mac = hmac.HMAC(self.key, digest)
        mac.update(data)
        return mac.finalize()

    def check_bytes(self, data, signature):
        digest = HASHES.get(self.alg[2:])
        try:
            if self.alg[:2] == "RS":
                self.key.public_key().verify(signature, data, padding.PKCS1v15(), digest)
            elif self.alg[:2] == "PS":
                self.key.public_key().verify(signature, data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
            elif self.alg in CURVES:
                size = CURVES[self.alg][2]
                der = utils.encode_dss_signature(int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big"))
                self.key.public_key().verify(der, data, ec.ECDSA(digest))
            elif self.alg == "EdDSA":
                self.key.public_key().verify(signature, data)
            else:
                mac = hmac.HMAC(self.key, digest)
                mac.update(data)
                mac.verify(signature)
        except InvalidSignature:
            return False
        return True

    def token(self, claims, **header):
        whole = {"alg": self.alg, "kid": self.kid, "typ": "JWT", **header}
        signed = f"{encode(json.dumps(whole).encode())}.{encode(json.dumps(claims).encode())}"
        return f"{signed}.{encode(self.sign_bytes(signed.encode()))}"

    def check(self, token):
        """The claims of a token with a good signature; else None."""
        signed, signature = token.rsplit(".", 1)
        return json.loads(decode(signed.split(".")[1])) if self.check_bytes(signed.encode(), decode(signature)) else None


def jwks(*keys):
    return {"keys": [key.public for key in keys]}
