# SPDX-License-Identifier: Apache-2.0
"""A deputyd to start, kill and start again: the suite's own, or one of a test's with files of its own."""
import glob
import http.client
import json
import os
import signal
import socket
import subprocess
import time

from kt import DEPUTY, SLOW, STATE, alive, path, wait_for

SCRATCH = os.environ["KT_SCRATCH"]
DEPUTYD = os.environ["KT_DEPUTYD"]
START = 10 * SLOW  # seconds: the verifier under emulation
ROLES = {"broker": "deputyd-broker", "recorder": "deputyd-record"}


def comm(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii") as f:
            return f.read().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


class Daemon:
    """`name` "" is the one that tests/kernel/run started."""

    def __init__(self, name="", config="", state=None, **options):
        base = f"{SCRATCH}/{name}" if name else SCRATCH
        self.state = state or (f"{base}/state" if name else STATE)
        self.run = f"{base}/run" if name else path("run")
        self.config = f"{base}/deputyd.yaml"
        self.said = f"{base}/deputyd.log"
        self.name, self.options, self.process = name, options, None
        self.binary = DEPUTYD
        self.socket = f"{self.run}/deputy.sock"
        if name:
            os.makedirs(base, exist_ok=True)
            os.makedirs(self.state, exist_ok=True)
            with open(self.config, "w", encoding="ascii") as f, open(f"{SCRATCH}/deputyd.yaml", encoding="ascii") as g:
                f.write(g.read() + config)
            self.pid = 0
        else:
            with open(f"{SCRATCH}/daemon.pid", encoding="ascii") as f:
                self.pid = int(f.read())

    def command(self, *words):
        return [self.binary, "--config", self.config, "--state-dir", self.state, "--runtime-dir", self.run, *words]

    def spawn(self, *words, before=(), **options):
        with open(self.said, "ab") as log:
            self.mark = log.tell()
            self.process = subprocess.Popen([*before, *self.command("--foreground", *words)], stdout=log, stderr=log,
                                            start_new_session=True, **{**self.options, **options})
        self.pid = self.process.pid
        if not self.name:
            with open(f"{SCRATCH}/daemon.pid", "w", encoding="ascii") as f:
                f.write(str(self.pid))
        return self

    def answers(self):
        """Who connects while it loads is answered when it is done."""
        try:
            return self.ask("ls").returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def start(self, *words, **options):
        """Whether it serves; if not it has ended or hangs."""
        began = time.monotonic()
        self.spawn(*words, **options)
        wait_for(lambda: self.process.poll() is not None or self.answers(), START, 0.1)
        print(f"# a start: {time.monotonic() - began:.1f} s", flush=True)
        return self.process.poll() is None and self.answers()

    def ask(self, *words, timeout=60):
        return subprocess.run([DEPUTY, *words], capture_output=True, text=True, timeout=timeout,
                              env={**os.environ, "DEPUTY_SOCKET": self.socket})

    def json(self, *words):
        done = self.ask(*words, "--json")
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def status(self):
        connection = http.client.HTTPConnection("deputy")
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.connect(self.socket)
            connection.request("GET", "/v1/status")
            return json.loads(connection.getresponse().read())
        except (OSError, ValueError, http.client.HTTPException):
            return {}
        finally:
            connection.close()

    def show(self, grant):
        return self.json("show", grant)

    def live(self):
        return {g["grant"] for g in self.json("ls").get("grants", [])}

    def words(self):
        """What it said since it was started last."""
        with open(self.said, "rb") as f:
            f.seek(getattr(self, "mark", 0))
            return f.read().decode()

    def roles(self):
        """Name -> pid, the warden included."""
        children = subprocess.run(["pgrep", "-P", str(self.pid)], capture_output=True, text=True, check=False)
        pids = {comm(pid): int(pid) for pid in children.stdout.split()}
        return {"warden": self.pid, **{role: pids[name] for role, name in ROLES.items() if name in pids}}

    def kill(self, *roles, number=signal.SIGKILL):
        """These, or all; returns when the whole daemon is gone, as it goes when one of them does."""
        have = self.roles()
        for role in roles or have:
            try:
                os.kill(have[role], number)
            except (KeyError, ProcessLookupError):
                pass
        return self.gone(have.values())

    def signal(self, number):
        for pid in self.roles().values():
            os.kill(pid, number)

    def gone(self, pids):
        def is_gone():
            if self.process:
                self.process.poll()
            return not any(map(alive, pids))
        return wait_for(is_gone)

    def stop(self):
        have = self.roles()
        os.kill(self.pid, signal.SIGTERM)
        return self.gone(have.values())

    def record(self):
        return sorted(glob.glob(self.state + "/records/*"))

    def pin_dir(self):
        lock = os.stat(self.state + "/lock")
        return f"/sys/fs/bpf/deputy-{lock.st_dev:x}-{lock.st_ino:x}"


def lines(state=STATE):
    """Every line of a log that is written to its end."""
    with open(state + "/events.jsonl", encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.endswith("\n")]


def gaps(events):
    """Where numbering jumps."""
    return [(a["seq"], b["seq"]) for a, b in zip(events, events[1:]) if b["seq"] != a["seq"] + 1]


def settle(state=STATE, seconds=2 * SLOW):
    """Returns when a log has stopped growing for a while."""
    last, since, end = -1, time.monotonic(), time.monotonic() + seconds
    while time.monotonic() < end and time.monotonic() - since < 2:
        size = os.path.getsize(state + "/events.jsonl")
        if size != last:
            last, since = size, time.monotonic()
        time.sleep(0.1)
