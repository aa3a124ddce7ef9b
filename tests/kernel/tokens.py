# SPDX-License-Identifier: Apache-2.0
"""The token service as tests ask it: forms to send, tokens to take apart, and how a service elsewhere sees them."""
import base64
import http.client
import json
import os
import shutil
import socket
import subprocess
import urllib.parse
import zlib

from daemons import DEPUTYD
from edge import Chain, Keys
from frameworks import OWN, prepare, scope
from kt import ROOT, deputy, path, wait_for

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
TYPE = "urn:ietf:params:oauth:token-type:"
GRANT, CHAIN, ACCESS, TXN = "urn:deputy:token-type:grant", TYPE + "jwt", TYPE + "access_token", TYPE + "txn_token"
NARROW = 1  # the thread that is narrowed
AUDIENCE = "https://api.example"
EPOCHS = f"{ROOT}/run/epochs"
LIBRARY = f"{ROOT}/bin/libdeputy.so.0"


def prepare_tokens():
    prepare()
    here = os.path.dirname(os.path.abspath(__file__))
    shutil.copy(os.path.join(here, "edge.py"), path("bin/edge.py"))
    shutil.copy(os.path.dirname(DEPUTYD) + "/libdeputy.so.0", LIBRARY)
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", path("tree/key.pem")], check=True)
    os.chmod(path("tree/key.pem"), 0o644)  # another user's agents have it, too


# ---- asking ----


class Unix(http.client.HTTPConnection):
    def __init__(self, at=None, sock=None):
        super().__init__("deputy")
        self.sock = sock or socket.socket(socket.AF_UNIX)
        if not sock:
            self.sock.connect(at or os.environ["DEPUTY_SOCKET"])


def call(method, where, body=None, kind="application/json", over=None):
    """(status, answer), of JSON or text."""
    connection = over or Unix()
    connection.request(method, where, body, {"Content-Type": kind} if body is not None else {})
    answer = connection.getresponse()
    text = answer.read().decode()
    if not over:
        connection.close()
    return answer.status, json.loads(text) if answer.getheader("Content-Type") == "application/json" else text


def call_form(where, form, **more):
    return call("POST", where, form, "application/x-www-form-urlencoded", **more)


def txn_form(subject="self", kind=GRANT, **more):
    """For the trust domain: needs no key and is good more than once."""
    return urllib.parse.urlencode({"grant_type": EXCHANGE, "subject_token": subject, "subject_token_type": kind,
                                   "requested_token_type": TXN, **more})


def once_form(subject="self", kind=GRANT, **more):
    """For a single use: needs no key either."""
    return urllib.parse.urlencode({"grant_type": EXCHANGE, "subject_token": subject, "subject_token_type": kind,
                                   "audience": AUDIENCE, "single_use": "true", **more})


def token_form(text):
    return urllib.parse.urlencode({"token": text})


def exchange(agent, form, thread=0, does="post"):
    """(error or "OK", token or None), asked by a framework's thread."""
    said = agent.ask(*(("post", "/v1/token") if does == "post" else ("over", "POST", "/v1/token")), form, thread=thread)
    return said.get("errno") or said.get("error", "OK"), said.get("access_token")


def bound(agent):
    """An access token bound to a key, by the command line's program inside the grant."""
    said = agent.ask("spawn", OWN, "token", "exchange", "--audience", AUDIENCE, "--key", path("tree/key.pem"))
    assert said["code"] == 0, said
    return said["out"].strip()


def narrow(agent, thread=NARROW, **more):
    """A thread's own grant, as soon as there is room for it."""
    ask = {"policy": scope(), "thread": True, **more}
    said = wait_for(lambda: (s := agent.ask("post", "/v1/delegate", ask, thread=thread))["status"] != 429 and s, pause=0.5)
    assert said and said["status"] == 201, said
    return said


def own(agent, thread=0):
    """The caller's own grant."""
    return agent.ask("get", "/v1/grants/self", thread=thread)


# ---- looking at tokens ----


def decode(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def claims(text):
    """Of a token, or of a chain's last link."""
    return json.loads(decode(text.rsplit("~", 1)[-1].split(".")[1]))


def signer(text):
    """The name of the key by which it was signed; of a chain's last link."""
    return json.loads(decode(text.rsplit("~", 1)[-1].split(".")[0]))["kid"]


def active(text):
    return call("POST", "/v1/introspect", json.dumps({"token": text}))[1]["active"]


def verified(text):
    """By signature, lifetime and the keys published now, as who has no connection."""
    return deputy("token", "verify", text).returncode == 0


def listed(text):
    """What the signed status list says of a token or of a chain's last link, its bit: 0 is VALID."""
    entry = claims(text)["status"]["status_list"]
    status, signed = call("GET", "/v1/status-list?" + urllib.parse.urlsplit(entry["uri"]).query)
    said = claims(signed) if status == 200 else {}
    assert said.get("sub") == entry["uri"] and said["status_list"]["bits"] == 1, (status, signed[:200])
    data = zlib.decompress(decode(said["status_list"]["lst"]))
    return data[entry["idx"] // 8] >> entry["idx"] % 8 & 1


def jwks():
    return json.dumps(call("GET", "/v1/keys")[1])


def edge_keys(text=None):
    return Keys(LIBRARY, EPOCHS, text or jwks())


class Held:
    """What an agent has of a grant, held by services that look at it again and again."""
    LIVE, OVER = (True, True, 0, 0, "OK"), (False, False, 1, 1, "EKEYREVOKED")

    def __init__(self, agent):
        self.agent, said = agent, own(agent)
        self.grant, self.chain, self.token = said["grant"], said["token"], bound(agent)
        self.edge = Chain(edge_keys(), self.chain)

    def state(self):
        """Introspected, by the status list, and by libdeputy: each at once."""
        checked = self.edge.check() if self.edge.said == "OK" else self.edge.said
        return active(self.token), active(self.chain), listed(self.token), listed(self.chain), checked
