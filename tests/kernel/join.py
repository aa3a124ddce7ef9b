# SPDX-License-Identifier: Apache-2.0
"""join.py PURPOSE [ROOT]: takes a grant by the interface, without no_new_privs, in a root of its own if one is named, and
becomes the probe."""
import http.client
import json
import os
import socket
import sys


class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(os.environ["DEPUTY_SOCKET"])


with open(os.environ["KT_POLICY"], encoding="utf-8") as f:
    text = f.read()
body = {"policy": {"name": "policy.yaml", "text": text}, "purpose": sys.argv[1], "workdir": os.environ["KT_ROOT"],
        "argv": ["join"]}
root, probe = sys.argv[2] if len(sys.argv) > 2 else "", os.environ["PROBE"]
connection = Unix("deputy")
connection.connect()
if root:
    os.chroot(root)
    os.chdir("/")
connection.request("POST", "/v1/grants", json.dumps(body), {"Content-Type": "application/json"})
assert connection.getresponse().status == 201
os.execv(probe.removeprefix(root), ["probe"])
