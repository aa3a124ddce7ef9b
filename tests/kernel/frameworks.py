# SPDX-License-Identifier: Apache-2.0
"""Agent frameworks under a grant, seen from outside (framework.py is what runs there), and what tests of them share."""
import json
import os
import shutil
import subprocess

from kt import DEPUTY, POLICY, ROOT, path, put

PROBE = f"{ROOT}/bin/probe"
OWN = f"{ROOT}/bin/deputy"  # where a grant may execute it
SCOPE = """apiVersion: deputy/v1
name: {name}
owner: {{any_of: ["uid:*"]}}
purposes:
  part:
    ttl: 20m
    on_revoke: {end}
    {more}
    files:
      - {{allow: [read, exec], path: "${{workdir}}/bin/**"}}
      - {{allow: [read, list, exec], path: /usr/**}}
      - {{allow: [read], path: "/etc/**"}}
      - {{allow: [metadata], path: "/*"}}
      - {{allow: [read, create], path: "${{workdir}}/tree/part/**"}}
      - {{deny: [read], path: "**/.env"}}
    ipc:
      - {{allow: connect, unix: "${{workdir}}/run/deputy.sock"}}
"""


def scope(name="part", end="deny", more=""):
    """As a request has it."""
    return {"name": f"{name}.yaml", "text": SCOPE.format(name=name, end=end, more=more)}


def prepare():
    for name in ("tree/a", "tree/part/a", "none/a", "none/sentinel"):
        put(name)
    os.makedirs(path("bin"), exist_ok=True)
    shutil.copy(DEPUTY, path("bin/deputy"))
    here = os.path.dirname(os.path.abspath(__file__))
    shutil.copy(os.path.join(here, "framework.py"), path("bin/framework.py"))


def runs(pid):
    """Nothing, for the moment in which one thread takes the place of the first."""
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except FileNotFoundError:
        return None


class Framework:
    """So many threads besides the first, under `deputy run` or whatever else starts it."""

    def __init__(self, threads=3, purpose="delegating", before=None, policy=POLICY, **options):
        run = before or (DEPUTY, "run", "--policy", policy, "--purpose", purpose, "--workdir", ROOT, "--")
        self.process = subprocess.Popen([*run, "/usr/bin/python3", "-I", path("bin/framework.py"), str(threads)], cwd=ROOT,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options)
        self.pid = self.answer()["pid"]

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise OSError(f"the framework ended with {self.process.wait()}")
        return json.loads(line)

    def tell(self, does, *args, thread=0):
        self.process.stdin.write(json.dumps({"thread": thread, "do": does, "with": args}) + "\n")
        self.process.stdin.flush()

    def ask(self, does, *args, thread=0):
        self.tell(does, *args, thread=thread)
        return self.answer()

    def errno(self, does, *args, thread=0):
        return self.ask(does, *args, thread=thread).get("errno", "OK")

    def end(self):
        self.process.kill()
        self.process.wait()
