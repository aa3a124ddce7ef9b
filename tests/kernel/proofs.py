# SPDX-License-Identifier: Apache-2.0
"""Owners who prove who they are: by SSH keys of an agent of theirs, and by an issuer of ID tokens.
proofs.py FOLDER: prints an ID token for DEPUTY_NONCE, as a program that logs in does."""
import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time

ISSUER, CLIENT = "https://login.example", "deputy"
ALICE = "alice@example.com"
SESSION_REVOKED = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"


def run(*words, **more):
    return subprocess.run(words, check=True, capture_output=True, **more).stdout


def encode(data):
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


# ---- an issuer ----


class Issuer:
    """Its key is KEY.pem in a folder."""

    def __init__(self, folder, key="idp"):
        self.file, self.kid = f"{folder}/{key}.pem", key
        if not os.path.exists(self.file):
            run("openssl", "genpkey", "-algorithm", "ed25519", "-out", self.file)

    def jwks(self):
        """RFC 8037; RFC 8410 section 4: the key is the last 32 bytes."""
        der = run("openssl", "pkey", "-in", self.file, "-pubout", "-outform", "DER")
        key = {"kty": "OKP", "crv": "Ed25519", "kid": self.kid, "alg": "EdDSA", "use": "sig", "x": encode(der[-32:])}
        return {"keys": [key]}

    def sign(self, claims, **header):
        text = encode({"alg": "EdDSA", "kid": self.kid, "typ": "JWT", **header}) + "." + encode(claims)
        with tempfile.NamedTemporaryFile() as f:  # -rawin wants a file
            f.write(text.encode())
            f.flush()
            signature = run("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.file, "-in", f.name)
        return text + "." + encode(signature)

    def id_token(self, nonce, header=None, **changed):
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": CLIENT, "sub": "a1", "iat": now, "exp": now + 300, "nonce": nonce, "email": ALICE,
                  "email_verified": True}
        return self.sign({**claims, **changed}, **header or {})

    def session_revoked(self, **changed):
        claims = {"iss": ISSUER, "aud": CLIENT, "iat": int(time.time()), "jti": os.urandom(8).hex(),
                  "sub_id": {"format": "email", "email": ALICE}, "events": {SESSION_REVOKED: {}}}
        return self.sign({**claims, **changed}, typ="secevent+jwt")


# ---- owners with SSH keys ----


class Owner:
    def __init__(self, folder, name):
        self.name, self.file = name, f"{folder}/{name}"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", self.file)
        with open(self.file + ".pub", encoding="ascii") as f:
            self.public = " ".join(f.read().split()[:2])
        self.fingerprint = run("ssh-keygen", "-l", "-f", self.file + ".pub").decode().split()[1]
        self.owner = f"ssh:{self.fingerprint}"

    def sign(self, text, namespace="grant@deputy"):
        return run("ssh-keygen", "-Y", "sign", "-n", namespace, "-f", self.file, input=text.encode()).decode()


class SshAgent:
    def __init__(self, folder, *owners):
        self.socket = f"{folder}/ssh-agent"
        self.process = subprocess.Popen(["ssh-agent", "-D", "-a", self.socket], stdout=subprocess.DEVNULL)
        while not os.path.exists(self.socket):
            time.sleep(0.05)
        self.env = {**os.environ, "SSH_AUTH_SOCK": self.socket}
        for owner in owners:
            run("ssh-add", "-q", owner.file, env=self.env)

    def end(self):
        self.process.kill()
        self.process.wait()


# ---- what either agrees to ----


def statement(nonce, ask, **changed):
    """Canonical: names in order, no white space."""
    digest = "sha256:" + hashlib.sha256(ask["policy"]["text"].encode()).hexdigest()
    said = {"aud": nonce["aud"], "iat": nonce["iat"], "nonce": nonce["nonce"], "policy_digest": digest,
            "purpose": ask["purpose"], "ttl_seconds": 600, "workdir": ask["workdir"]}
    return json.dumps({**said, **changed}, sort_keys=True, separators=(",", ":"))


def answers(text):
    """The nonce of a login that is for this statement."""
    return encode(hashlib.sha256(text.encode()).digest())


if __name__ == "__main__":
    print(Issuer(sys.argv[1]).id_token(os.environ["DEPUTY_NONCE"]))
