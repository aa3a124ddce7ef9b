# SPDX-License-Identifier: Apache-2.0
"""ask.py THREADS FILE: asks for a grant, with so many more threads; prints the status and whether it is bound."""
import http.client
import json
import os
import socket
import sys
import threading


class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(os.environ["DEPUTY_SOCKET"])


with open(os.environ["KT_POLICY"], encoding="utf-8") as f:
    text = f.read()
over = threading.Event()
threads = [threading.Thread(target=over.wait) for _ in range(int(sys.argv[1]))]
for t in threads:
    t.start()
body = {"policy": {"name": "policy.yaml", "text": text}, "purpose": "files", "workdir": os.environ["KT_ROOT"],
        "argv": ["ask"]}
connection = Unix("deputy")
connection.request("POST", "/v1/grants", json.dumps(body), {"Content-Type": "application/json"})
answer = connection.getresponse()
answer.read()
try:
    os.close(os.open(sys.argv[2], os.O_RDONLY))
    state = "untagged"
except PermissionError:
    state = "tagged"
print(answer.status, state, flush=True)
over.set()
os._exit(0)
