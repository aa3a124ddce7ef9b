# SPDX-License-Identifier: Apache-2.0
"""At the limits: slots, tasks, the ring, the disk. The tagged are refused, the untagged notice nothing."""
import os
import signal
import struct
import subprocess
import time

from bpfmaps import Filled, Map
from daemons import Daemon, lines, settle
from kt import Agent, Log, Tap, Twin, path, put, wait_for

tap = Tap()
GRANTS, TASKS = 3, 24


def mint(daemon, purpose="files", *options):
    return Agent(purpose, *options, env={**os.environ, "DEPUTY_SOCKET": daemon.socket}).ready()


def refused_mint(daemon):
    """Exit status and message of a request that is to fail."""
    done = subprocess.run([os.environ["KT_DEPUTY"], "--socket", daemon.socket, "run", "--policy", os.environ["KT_POLICY"],
                           "--purpose", "files", "--workdir", path(""), "--", path("bin/probe"), "create",
                           path("tree/limit")], capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def slots(daemon):
    probes = [mint(daemon) for _ in range(GRANTS)]
    code, why = refused_mint(daemon)
    tap.that("a grant past max_grants is refused", code not in (0, 1) and "no room for another grant" in why, (code, why))
    tap.that("and nothing was run", not os.path.exists(path("tree/limit")))
    tap.equal("those before it are as they were", [p.ask("read tree/a") for p in probes], ["OK"] * GRANTS)
    probes.pop().end()
    again = wait_for(lambda: refused_mint(daemon)[0] == 0)
    tap.that("one that ends makes room", again)
    os.unlink(path("tree/limit"))
    for probe in probes:
        probe.end()


def tasks(daemon):
    log = Log(daemon.state)
    mine, twin = mint(daemon), Twin()
    tap.equal("an agent has as many tasks as there may be", (mine.ask("children 100"), mine.detail),
              ("EAGAIN", str(TASKS - 1)))
    found = log.find(type="task", op="fork", reason="limit", errno="EAGAIN", grant=mine.grant)
    tap.that("a fork past max_tasks is refused, and told of", found)
    tap.equal("the agent goes on", (mine.ask("read tree/a"), mine.ask("read none/a")), ("OK", "EACCES"))
    tap.equal("and cannot have a thread", mine.ask("in thread ids"), "EAGAIN")
    tap.equal("the untagged fork", twin.ask("in fork ids"), "OK")
    tap.equal("the counter is at the limit", daemon.status().get("tasks"), TASKS)
    code, why = refused_mint(daemon)
    tap.that("a grant past it is refused", code not in (0, 1), (code, why))
    tap.that("and nothing was run", not os.path.exists(path("tree/limit")))
    daemon.ask("revoke", mine.grant, "--mode", "kill")
    mine.process.wait()
    tap.that("killed, they make room", wait_for(lambda: daemon.status().get("tasks") == 0), daemon.status())
    twin.end()


def flood(daemon):
    """A recorder that does not read: the ring fills, the kernel goes on refusing, and every event is counted."""
    mine, twin = mint(daemon), Twin()
    before = sum(e["count"] for e in lines(daemon.state) if e["type"] == "loss")
    os.kill(daemon.roles()["recorder"], signal.SIGSTOP)
    mine.tell(f"hammer self {path('none/a')} 0")
    full = wait_for(lambda: daemon.status().get("lost", {}).get("ring_full", 0) > 500, 120)
    mine.tell("ids")
    mine.answer()
    rounds, passed, eacces, *_ = [int(n) for n in mine.detail.split()]
    tap.that("the ring is full", full, daemon.status())
    tap.equal("every one was refused", (passed, eacces), (0, rounds))
    tap.equal("the granted is granted", mine.ask("read tree/a"), "OK")
    tap.equal("the untagged are free", twin.ask("read none/a"), "OK")
    os.kill(daemon.roles()["recorder"], signal.SIGCONT)
    settle(daemon.state)
    events = lines(daemon.state)
    told = len([e for e in events if e.get("grant") == mine.grant and e.get("verdict") == "deny"])
    lost = sum(e["count"] for e in events if e["type"] == "loss") - before
    print(f"# {rounds} refusals: {told} written, {lost} lost", flush=True)
    tap.equal("written and lost make all", told + lost, daemon.show(mine.grant).get("denials"))
    tap.equal("which is each try", daemon.show(mine.grant).get("denials"), rounds)
    mine.end()
    twin.end()


def fill(daemon):
    name = daemon.state + "/fill"
    with open(name, "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"x" * 4096)
        except OSError:
            pass
        try:
            while True:
                f.write(b"x")
        except OSError:
            return name


def disk(daemon):
    """The state directory has a small disk of its own."""
    mine, twin = mint(daemon).deafen(), Twin()
    name = fill(daemon)
    tap.equal("full disk: enforced as before", (mine.ask("read tree/a"), mine.ask("read none/a")), ("OK", "EACCES"))
    for _ in range(40):
        mine.ask("read none/a")
    tap.equal("full disk: the untagged are free", twin.ask("read none/a"), "OK")
    code, why = refused_mint(daemon)
    tap.that("full disk: no grant without a record", code not in (0, 1) and "No space left" in why, (code, why))
    tap.that("and nothing was run", not os.path.exists(path("tree/limit")))
    tap.equal("full disk: revoking works", daemon.ask("revoke", mine.grant).returncode, 0)
    tap.equal("at once", mine.ask("read tree/a"), "EPERM")
    time.sleep(2)
    os.unlink(name)
    log = Log(daemon.state)
    mine.ask("read none/a")
    tap.that("with room again it is written", wait_for(lambda: log.all(grant=mine.grant, verdict="deny") or
                                                       [e for e in lines(daemon.state) if e.get("reason") == "revoked"]))
    settle(daemon.state)
    events = lines(daemon.state)
    told = len([e for e in events if e.get("grant") == mine.grant and e.get("verdict") == "deny"])
    lost = sum(e["count"] for e in events if e["type"] == "loss" and e["cause"] == "log")
    denials = daemon.show(mine.grant).get("denials")
    tap.that("what was not is counted", lost and told < denials <= told + lost, (told, lost, denials))
    again = mint(daemon)
    tap.equal("and there are grants again", again.ask("read tree/a"), "OK")
    again.end()
    mine.end()
    twin.end()


def wards(daemon):
    """More that is Deputy's own than there is room for: no daemon starts, and what stands goes on."""
    mine, twin = mint(daemon), Twin()
    daemon.kill()
    with open(daemon.config, encoding="ascii") as f:
        text = f.read()
    with open(daemon.config + ".new", "w", encoding="ascii") as f:
        f.write(text)
    os.rename(daemon.config + ".new", daemon.config)  # another inode, which has no entry yet
    with Filled(Map.pinned(daemon.pin_dir() + "/map-wards"), 0, lambda i: struct.pack("QII", i, 0xffffffff, 0)):
        tap.that("with no room for its own files no daemon starts", not daemon.start())
        tap.that("and says so", "cannot be closed to agents" in daemon.words(), daemon.words())
        tap.equal("the agent is held as before", (mine.ask("read tree/a"), mine.ask("read none/a")), ("OK", "EACCES"))
        tap.equal("its files are closed", mine.ask(f"read {daemon.state}/lock"), "EPERM")
        tap.equal("the untagged are free", twin.ask("read none/a"), "OK")
    tap.that("with room it starts", daemon.start(), daemon.words())
    tap.that("and has its grant", mine.grant in daemon.live())
    mine.end()
    twin.end()


def main():
    small = Daemon("small", f"max_grants: {GRANTS}\nmax_tasks: {TASKS}\n")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", small.state], check=True)
    try:
        if tap.that("a daemon with small limits starts", small.start(), small.words()):
            for part in (slots, tasks, flood, disk, wards):
                try:
                    part(small)
                except Exception as e:
                    tap.result(False, f"{part.__name__} came to its end", repr(e))
            tap.that("it stops", small.stop())
    finally:
        subprocess.run(["umount", "-l", small.state], check=False)


for name in ("tree/a", "none/a", "none/sentinel"):
    put(name)
tap.run(main)
