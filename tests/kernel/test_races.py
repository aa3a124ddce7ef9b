# SPDX-License-Identifier: Apache-2.0
"""Cuts and moves against everything else, thousands of times: not one call that began after a cut is let through, and
none is refused that began while all was granted. RACE_ROUNDS: how often (100,000 with CHECK_LONG), those of a way to cut
shared by the groups of calls; RACE_ONLY: which parts."""
import os
import shutil
import signal
import socket

from daemons import Daemon
from kt import Agent, Gone, Tap, Twin, make, path, put

tap = Tap()
daemon = Daemon()
ROUNDS = int(os.environ.get("RACE_ROUNDS") or (100000 if os.environ.get("CHECK_LONG") else 1000))
PARTS = 4 if ROUNDS >= 10000 else 1  # of a storm: a grant lives 30 minutes
# Processes that race side by side. Few at a time, because whoever is not on a CPU sees no cut.
GROUPS = (("open", "read", "write", "create", "unlink", "rename"), ("connect", "udp", "send", "recv", "pipe", "unix"),
          ("fork", "exec", "code", "ring", "socket"), ("mkdir", "stat", "chmod", "truncate"))
KINDS = ("calls", "passed", "refused", "late", "lost", "other", "last")


class Race:
    """An agent that hammers, an untagged twin that cuts, a page of memory in common."""

    def __init__(self, kinds, extra=()):
        self.kinds = kinds
        self.fd = os.memfd_create("race", 0)
        os.ftruncate(self.fd, 8192)
        self.twin = Twin(pass_fds=(self.fd,))
        before = self.slots()
        self.agent = Agent("network", "--keep-fd", str(self.fd), pass_fds=(self.fd,)).ready()
        self.slot, self.gen = (self.slots() - before).pop().split(":")
        self.extra = [Twin(pass_fds=(self.fd,)) for _ in extra]
        for twin, kind in zip(self.extra, extra):
            twin.tell(f"race {self.fd} {kind}")
        self.agent.tell(f"race {self.fd} {' '.join(kinds)}")
        self.count = len(kinds) + len(extra)

    def slots(self):
        assert self.twin.ask(f"race-slots {daemon.pin_dir()}") == "OK"
        return set(filter(None, self.twin.detail.split(",")))

    def cut(self, way, rounds):
        return self.twin.ask(f"race-cut {self.fd} {daemon.pin_dir()} {self.slot} {way} {rounds} {self.count}")

    def storm(self, way, rounds):
        return self.twin.ask(f"race-storm {self.fd} {way} {rounds} {self.count}")

    def tally(self):
        have = {}
        for kind in self.kinds:
            assert self.twin.ask(f"race-tally {self.fd} {kind}") == "OK"
            have[kind] = dict(zip(KINDS, map(int, self.twin.detail.split())))
        return have

    def end(self):
        try:
            answer = self.agent.answer()[0]
        except Gone as e:
            answer = str(e)
        for probe in (self.agent, self.twin, *self.extra):
            probe.end()
        os.close(self.fd)
        return answer


def quiet(role, number):
    os.kill(daemon.roles()[role], number)


def told(name, have):
    for kind, n in have.items():
        print(f"# {name}: {kind}: " + " ".join(f"{k} {v}" for k, v in n.items()), flush=True)


def judged(name, have, refused=True):
    tap.equal(f"{name}: calls let through that began after the cut", {k: n["late"] for k, n in have.items() if n["late"]}, {})
    tap.equal(f"{name}: calls refused that began before it", {k: n["lost"] for k, n in have.items() if n["lost"]}, {})
    tap.equal(f"{name}: other errors", {k: n["last"] for k, n in have.items() if n["other"] > n["calls"] // 2}, {})
    tap.that(f"{name}: both were seen", all(n["passed"] and (n["refused"] or not refused) for n in have.values()), have)


def cuts(way, rounds, groups=GROUPS):
    for group in groups:
        race = Race(group)
        have = race.cut(way, rounds)
        tally, answer = race.tally(), race.end()
        name = f"{way}, {' '.join(group)}"
        tap.equal(f"{name}: {rounds} rounds", (have, answer), ("OK", "OK"))
        told(name, tally)
        judged(name, tally)


def storms(way, kinds):
    """The tagged and the untagged are born and die on the same CPUs."""
    for name in ("tree/storm", "none/storm", "none/mnt"):
        shutil.rmtree(path(name), ignore_errors=True)
        make(name)
    put("tree/storm/d/f")
    for _ in range(PARTS):
        storm(way, kinds, ROUNDS // PARTS)


def moves():
    storms("move", ("here", "never", "open"))


def mounts():
    storms("mount", ("never", "open", "fork"))


def storm(way, kinds, rounds):
    race = Race(kinds, extra=("fork", "fork"))
    have = race.storm(way, rounds)
    tally, answer = race.tally(), race.end()
    told(f"storm of {way}s", tally)
    tap.equal(f"storm of {way}s: {rounds} rounds", (have, answer), ("OK", "OK"))
    never = tally.pop("never")
    tap.equal(f"storm of {way}s: what is denied stays so", (never["passed"], never["refused"]), (0, never["calls"]))
    others = {k: n for k, n in tally.items() if k in ("open", "fork")}
    if "open" in others:
        tap.equal(f"storm of {way}s: what stays in its place stays readable", others["open"]["refused"], 0)
    if "here" in tally:
        judged(f"storm of {way}s", {"here": tally["here"]})


def tagging():
    """A process that makes threads while it is tagged."""
    race = Race(("stat",))
    have = race.twin.ask(f"race-tag {race.slot} {race.gen} {ROUNDS}")
    visits, rounds, threads, bound, leaked = map(int, race.twin.detail.split())
    print(f"# tagging: {visits} visits, {rounds} tagged, {threads} threads, {bound} bound, {leaked} not", flush=True)
    tap.equal(f"tagging, {ROUNDS} rounds: threads without the tag of their process", (have, leaked), ("OK", 0))
    tap.that("tagging: there were some", bound >= rounds > 0)
    race.cut("state", 1)
    race.end()


def revocations():
    cuts("state", ROUNDS // len(GROUPS) if ROUNDS >= 10000 else ROUNDS)


def expiries():
    long = ROUNDS >= 10000
    cuts("expires", ROUNDS // len(GROUPS) if long else ROUNDS, GROUPS if long else GROUPS[:1])


def main():
    """A recorder that rests: the kernel's answers are what counts, and the ring's losses are counted elsewhere."""
    parts = (revocations, expiries, moves, mounts, tagging)
    only = os.environ.get("RACE_ONLY", "").split()
    quiet("recorder", signal.SIGSTOP)
    try:
        for part in parts:
            if not only or part.__name__ in only:
                part()
    finally:
        quiet("recorder", signal.SIGCONT)


for each in ("tree/a", "none/a"):
    put(each)
make("sockets")
if os.path.exists(path("sockets/allowed-race")):
    os.unlink(path("sockets/allowed-race"))
server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.bind(path("sockets/allowed-race"))
tap.run(main)
