# SPDX-License-Identifier: Apache-2.0
"""A process that executes while its request is under way: it is tagged or it is told no, and nothing in between."""
import json
import os
import socket

from cases import Bench
from daemons import Daemon
from kt import POLICY, PROBE, ROOT, Tap, Twin, agent, path, put

tap = Tap()
ROUNDS = int(os.environ.get("CHECK_LONG") and "5000" or "150")
REQUESTS = 24
with open(POLICY, encoding="utf-8") as f:
    TEXT = f.read()


def slots(twin):
    assert twin.ask(f"race-slots {Daemon().pin_dir()}") == "OK"
    return set(filter(None, twin.detail.split(",")))


def tagging():
    """By the daemon's program, over and over: the first thread executes, or another in its place."""
    for way in ("leader", "thread"):
        have = bench.twin.ask(f"race-exec {way} {SLOT} {GEN} {ROUNDS}")
        rounds, refused, execs, bound, leaked = map(int, bench.twin.detail.split())
        print(f"# {way}: {rounds} rounds, {refused} told no, {execs} times executed, {bound} bound, {leaked} not", flush=True)
        tap.equal(f"executing by the {way} while it is tagged, {ROUNDS} rounds: without its tag", (have, leaked), ("OK", 0))
        tap.that("every one that was tagged is bound", bound == rounds - refused > 0, bench.twin.detail)
        tap.that("and they did execute meanwhile", execs > rounds + rounds // 4, execs)
        tap.road(f"executing by the {way} while it is tagged", "race-exec", "EACCES", "OK")


def requested(purpose, delay):
    """A process that asks, executes after a while, and looks: (status, what opening said)."""
    body = json.dumps({"policy": {"name": "policy.yaml", "text": TEXT}, "purpose": purpose, "workdir": ROOT,
                       "argv": ["execrace"]}).encode()
    head = b"POST /v1/grants HTTP/1.1\r\nHost: deputy\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    out, end = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            s = socket.socket(socket.AF_UNIX)
            s.connect(os.environ["DEPUTY_SOCKET"])
            s.sendall(head % len(body) + body)
            s.set_inheritable(True)
            os.dup2(end, 1)
            for _ in range(delay):
                os.getppid()
            os.execv(PROBE, ["probe", "answered", str(s.fileno()), path("none/a")])
        finally:
            os._exit(9)
    os.close(end)
    with os.fdopen(out, encoding="ascii") as f:
        said = f.read().split()
    os.waitpid(pid, 0)
    return (said[2], said[0]) if len(said) > 2 else ("-", str(said))


def requests():
    """The whole way: who is told 201 is tagged, who is told anything else is as it was."""
    have = [requested("files", 400 * n) for n in range(REQUESTS)]
    tap.equal("executing while the request is under way: granted and tagged", set(have), {("201", "EACCES")})
    tap.equal("or neither", requested("nothing-of-that-name", 0)[1], "OK")
    tap.road("executing while the request is under way", "answered", have[0][1], "OK")


for name in ("tree/a", "none/a", "none/sentinel"):
    put(name)
asking = Twin()
others = slots(asking)
bench = Bench(tap, agent("files"))
SLOT, GEN = (slots(asking) - others).pop().split(":")
asking.end()
tap.run(tagging, requests, bench.end)
