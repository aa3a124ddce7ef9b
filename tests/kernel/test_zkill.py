# SPDX-License-Identifier: Apache-2.0
"""Roles of the daemon killed over and over under load (KT_KILLS times): nobody gains, nobody loses, nothing is
lost without being counted."""
import os
import random
import subprocess
import threading
import time

from daemons import Daemon, gaps, lines, settle
from kt import DEPUTY, POLICY, PROBE, ROOT, Tap, Twin, agent, alive, path, put, wait_for

tap = Tap()
daemon = Daemon()
KILLS = int(os.environ.get("KT_KILLS") or 3)
NAP = 50000  # microseconds between two tries of a hammer, or of the minter
A_STORM = 25  # kills: some minutes, for a grant lives 30
CHOICES = (("warden",), ("broker",), ("recorder",), ("broker", "recorder"), ())
chance = random.Random(20261123)


class Hammer:
    """An agent that tries one thing all the time."""

    def __init__(self, name, mode, target, passed):
        self.name, self.probe, self.passed = name, agent("files"), passed
        self.probe.tell(f"hammer {mode} {path(target)} {NAP}")

    def stop(self):
        """[rounds, passed, eacces, eperm, other, last]"""
        self.probe.tell("ids")
        self.probe.answer()
        return [int(n) for n in self.probe.detail.split()]


class Minter(threading.Thread):
    """Grants asked for all the time, whether or not anybody is there: what runs is bound, or nothing runs."""

    def __init__(self):
        super().__init__(daemon=True)
        self.over, self.codes, self.free = False, {}, 0
        self.start()

    def run(self):
        while not self.over:
            done = subprocess.run([DEPUTY, "run", "--policy", POLICY, "--purpose", "files", "--workdir", ROOT, "--", PROBE,
                                   "read", path("none/a")], capture_output=True, text=True, check=False)
            self.codes[done.returncode] = self.codes.get(done.returncode, 0) + 1
            self.free += done.stdout.startswith("OK")
            time.sleep(NAP / 1000000)


def cut_off(took):
    """Starts that are killed at any point of them, as often as not none: how many."""
    count = 0
    while chance.random() < 0.5:
        daemon.spawn()
        time.sleep(chance.uniform(0, took))
        daemon.kill("warden")
        count += 1
    return count


def takeovers(minter, wanted):
    """Seconds without a daemon that answers, each."""
    away, took, kills = [], 8, 0
    while kills < wanted:
        time.sleep(chance.uniform(0, 2))
        roles = chance.choice(CHOICES)
        began = time.monotonic()
        if not daemon.kill(*roles):
            tap.that(f"kill {kills} of {roles or 'all'} ended the daemon", False, daemon.words())
        kills += 1 + cut_off(took)
        start = time.monotonic()
        if not daemon.start():
            tap.that(f"start after kill {kills}, of {roles or 'all'}", False, daemon.words())
            break
        took = time.monotonic() - start
        away.append(time.monotonic() - began)
        print(f"# {kills} kills, last {' and '.join(roles) or 'all'}; {len(away)} takeovers", flush=True)
    minter.over = True
    minter.join()
    tap.that(f"killed {wanted} times or more, taken over whenever a start was let be", kills >= wanted, kills)
    return away


def told(events, grant):
    return len([e for e in events if e.get("verdict") == "deny" and e.get("grant") == grant])


def storm(kills):
    if not alive(daemon.pid):
        assert daemon.start(), daemon.words()
    revoked = agent("files").deafen()
    assert daemon.ask("revoke", revoked.grant).returncode == 0
    hammers = [Hammer("a denied file", "self", "none/a", False), Hammer("a granted file", "self", "tree/a", True),
               Hammer("a denied file by children", "fork", "none/a", False),
               Hammer("a granted file by children", "fork", "tree/a", True)]
    twin, minter = Twin(), Minter()
    twin.tell(f"hammer fork {path('none/a')} {NAP}")
    before = len(lines())
    away = takeovers(minter, kills)
    assert away, "no start succeeded"
    away.sort()
    print(f"# away: median {away[len(away) // 2]:.1f} s, longest {away[-1]:.1f} s; mints by exit status {minter.codes}",
          flush=True)
    rounds = {}
    for hammer in hammers:
        rounds[hammer.name], passed, eacces, *others = have = hammer.stop()
        good = have[0] > 0 and (passed if hammer.passed else eacces) == have[0]
        tap.that(f"{hammer.name}: the same answer each time", good, have)
    print(f"# rounds {rounds}", flush=True)
    tap.equal("the untagged twin never fails", *both(twin))
    tap.equal("no agent ran without its grant", minter.free, 0)
    tap.equal("the revoked is revoked", revoked.ask("read tree/a"), "EPERM")
    counted(hammers, before)
    for probe in (revoked, twin, *[h.probe for h in hammers]):
        probe.end()
    tap.that("in the end no slot, task or record is left", wait_for(empty), (daemon.status(), daemon.record()))


def both(twin):
    twin.tell("ids")
    twin.answer()
    have = [int(n) for n in twin.detail.split()]
    return have[1], have[0]


def empty():
    status = daemon.status()
    return status.get("grants") == 0 and status.get("tasks") == 0 and not daemon.record()


def counted(hammers, before):
    """Every refusal that the kernel counted is a line, or counted in a line as lost."""
    settle()
    events = lines()
    tap.equal("the log is numbered without a gap", gaps(events), [])
    lost = sum(e["count"] for e in events[before:] if e["type"] == "loss")
    want = {h.name: daemon.show(h.probe.grant).get("denials") for h in hammers}
    have = {h.name: told(events, h.probe.grant) for h in hammers}
    print(f"# refusals {want}, lost {lost}", flush=True)
    if lost:
        tap.that("refusals written and lost", sum(have.values()) <= sum(want.values()) <= sum(have.values()) + lost,
                 (have, want, lost))
    else:
        tap.equal("every refusal is told of once", have, want)


def storms():
    for done in range(0, KILLS, A_STORM):
        storm(min(A_STORM, KILLS - done))


for name in ("tree/a", "none/a", "none/sentinel"):
    put(name)
tap.run(storms)
