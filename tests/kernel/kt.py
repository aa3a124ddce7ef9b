# SPDX-License-Identifier: Apache-2.0
"""The common part of the families: agents and twins to ask, the daemon's log to read, TAP to write."""
import json
import os
import signal
import subprocess
import sys
import time
import types

ROOT = os.environ["KT_ROOT"]  # ${workdir} of every grant
STATE = os.environ["KT_STATE"]
DEPUTY = os.environ["KT_DEPUTY"]
POLICY = os.environ["KT_POLICY"]
EXT4 = os.environ.get("KT_EXT4", "")
PROBE = ROOT + "/bin/probe"
SLOW = 30  # seconds: an emulated machine with neighbours


def path(name):
    return name if name.startswith("/") else f"{ROOT}/{name}"


def put(name, text="data\n", mode=0o644):
    """A file with its directories, as it is to be before a test."""
    os.makedirs(os.path.dirname(path(name)), exist_ok=True)
    with open(path(name), "w") as f:
        f.write(text)
    os.chmod(path(name), mode)
    return name


def make(name):
    os.makedirs(path(name), exist_ok=True)
    return name


def wait_for(what, seconds=SLOW, pause=0.02):
    """The first true value of what(), or None."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value or time.monotonic() > end:
            return value or None
        time.sleep(pause)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Gone(Exception):
    pass


class Twin:
    """A probe without a grant. ask() gives (errno or OK, pid, detail)."""

    def __init__(self, command=None, stdin=subprocess.PIPE, **options):
        self.detail = ""
        self.process = subprocess.Popen(
            command or [PROBE], stdin=stdin, stdout=subprocess.PIPE, text=True, cwd=options.pop("cwd", ROOT),
            **options
        )
        self.pid = self.process.pid
        self.mail = None

    def deafen(self):
        """From here on questions and answers go through the probe's memory: its descriptors may be refused."""
        self.ask("mailbox")
        self.mail = (open(f"/proc/{self.pid}/mem", "r+b", buffering=0), int(self.detail, 16))
        return self

    def mail_read(self, at, size):
        memory, base = self.mail
        memory.seek(base + at)
        return memory.read(size)

    def mail_write(self, at, data):
        memory, base = self.mail
        memory.seek(base + at)
        if memory.write(data) != len(data):
            raise Gone("no memory")

    def mail_tell(self, words):
        self.mail_write(8, words.encode() + b"\0")
        self.mail_write(0, b"\1\0\0\0")

    def mail_answer(self):
        if not wait_for(lambda: not alive(self.pid) or self.mail_read(0, 4) == bytes(4)) or not alive(self.pid):
            raise Gone("no answer in memory")
        return self.mail_read(8, 512).split(b"\0")[0].decode()

    def tell(self, words):
        if self.mail:
            return self.mail_tell(words)
        try:
            self.process.stdin.write(words + "\n")
            self.process.stdin.flush()
        except BrokenPipeError as e:
            raise Gone(words) from e

    def answer(self):
        line = self.mail_answer() if self.mail else self.process.stdout.readline()
        if not line:
            raise Gone(f"ended with {self.process.wait()}")
        err, pid, self.detail = line.rstrip("\n").split(" ", 2)
        return err, int(pid), self.detail

    def ask(self, words):
        self.tell(words)
        return self.answer()[0]

    def end(self):
        try:
            self.process.kill()
        except ProcessLookupError:
            pass
        self.process.wait()


class Agent(Twin):
    """A probe that `deputy run` started under one purpose of policy.yaml."""

    def __init__(self, purpose, *options, command=(PROBE,), policy=POLICY, unshare=False, before=(), **more):
        run = ["unshare", "--mount"] if unshare else list(before)
        run += [DEPUTY, "run", "--policy", policy, "--purpose", purpose, "--workdir", ROOT, *options]
        super().__init__(run + ["--", *command], **more)
        self.grant = ""

    def ready(self):
        """Waits until the command runs; its own name of the grant."""
        self.ask("getenv DEPUTY_GRANT")
        self.grant = self.detail
        return self


class Child(Twin):
    """A probe at the other end of two pipes, whoever started it."""

    def __init__(self, command):
        there, mine = os.pipe()
        back, its = os.pipe()
        fds = (there, its)
        self.parent = Agent("delegating", *(w for fd in fds for w in ("--keep-fd", str(fd))), pass_fds=fds,
                            command=("bash", "-c", f"{command} <&{there} >&{its} & exec {PROBE}"))
        for fd in fds:
            os.close(fd)
        self.process = types.SimpleNamespace(stdin=os.fdopen(mine, "w"), stdout=os.fdopen(back), wait=lambda: "its end")
        self.mail, self.detail = None, ""
        self.parent.ready()
        self.ask("getenv DEPUTY_GRANT")
        self.grant = self.detail
        self.tell("getenv HOME")
        self.pid = self.answer()[1]

    def end(self):
        subprocess.run(["kill", "-9", str(self.pid)], check=False)
        self.parent.end()


def agent(purpose, *options, **more):
    return Agent(purpose, *options, **more).ready()


def deputy(*words, timeout=60):
    return subprocess.run([DEPUTY, *words], capture_output=True, text=True, timeout=timeout)


LONGEST = 65536  # bytes: no event is as long


class Log:
    """The daemon's log from a mark on."""

    def __init__(self, state=STATE):
        self.file = open(state + "/events.jsonl", "rb")
        size = self.file.seek(0, os.SEEK_END)
        # A file grows by pages while it is written: its end may be the middle of a line.
        start = self.file.seek(max(0, size - LONGEST))
        self.file.seek(start + self.file.read(size - start).rfind(b"\n") + 1)
        self.events = []

    def mark(self):
        self.read()
        self.events = []

    def read(self):
        while True:
            at = self.file.tell()
            line = self.file.readline()
            if not line.endswith(b"\n"):
                self.file.seek(at)
                return self.events
            self.events.append(json.loads(line))

    def find(self, seconds=SLOW, **want):
        """The first event since the mark that has these values, waited for; None when it does not come."""
        return wait_for(lambda: next((e for e in self.read() if matches(e, want)), None), seconds)

    def find_more(self, seen, **want):
        """Waits for more than `seen` such events."""
        return wait_for(lambda: len(self.all(**want)) > seen)

    def all(self, **want):
        return [e for e in self.read() if matches(e, want)]


def matches(event, want):
    """A rule is asked for by a part of its label; everything else by its value."""
    for key, value in want.items():
        have = event.get(key)
        if key == "rule" and value is not None:
            if not have or value not in have:
                return False
        elif have != value:
            return False
    return True


class Tap:
    def __init__(self):
        self.count = 0
        self.family = os.path.basename(sys.argv[0]).removeprefix("test_").removesuffix(".py")

    def result(self, good, name, why="", skip=""):
        self.count += 1
        line = f"{'ok' if good else 'not ok'} {self.count} - {self.family}: {name}"
        print(line + (f" # SKIP {skip}" if skip else ""), flush=True)
        for part in str(why).splitlines() if not good else []:
            print("# " + part, flush=True)
        return good

    def road(self, name, how, errno, twin):
        """A line of the table of all roads: how it was tried, what the agent got and what the untagged twin."""
        print(f"# road: {name} | {how.replace(ROOT, '')} | {errno} | {twin}", flush=True)

    def skip(self, name, why):
        return self.result(True, name, skip=why)

    def equal(self, name, have, want):
        return self.result(have == want, name, f"have {have!r}\nwant {want!r}")

    def that(self, name, good, why=""):
        return self.result(bool(good), name, why)

    def run(self, *parts):
        """Each part is a function that tests; what it raises is a failure, and the others still run."""
        for part in parts:
            try:
                part()
            except (Gone, OSError, AssertionError, subprocess.SubprocessError, ValueError, KeyError) as e:
                self.result(False, f"{part.__name__} came to its end", repr(e))
        print(f"1..{self.count}", flush=True)
        sys.exit(0)


def reap(pids, number=signal.SIGKILL):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
