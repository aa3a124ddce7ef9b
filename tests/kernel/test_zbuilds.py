# SPDX-License-Identifier: Apache-2.0
"""Builds of deputyd that truly differ (other-builds), one after the other over the same grants."""
import os
import subprocess
import threading

from daemons import DEPUTYD, Daemon, gaps, lines, settle
from kt import POLICY, PROBE, ROOT, Agent, Log, Tap, Twin, alive, path, put, wait_for

tap = Tap()
OTHER = os.path.dirname(DEPUTYD) + "/other"
NAP = 50000  # microseconds between two tries of a hammer


def build(name):
    return f"{OTHER}/{name}/build/deputyd" if name else DEPUTYD


def mint(daemon, purpose="files", *options):
    return Agent(purpose, *options, env={**os.environ, "DEPUTY_SOCKET": daemon.socket}).ready()


def pinned(daemon):
    """Name -> inode: what is pinned anew has another."""
    return {name: os.stat(f"{daemon.pin_dir()}/{name}").st_ino for name in names(daemon)}


def names(daemon):
    return sorted(os.listdir(daemon.pin_dir()))


def start(daemon, name, *words):
    daemon.binary = build(name)
    return daemon.start(*words)


class World:
    """Agents that try the same all the time, whoever serves or does not."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.granted, self.denied, self.revoked = mint(daemon), mint(daemon), mint(daemon).deafen()
        self.asking, self.twin = mint(daemon), Twin()
        assert daemon.ask("revoke", self.revoked.grant).returncode == 0
        self.grants = {p.grant for p in (self.granted, self.denied, self.asking)}
        self.hammer()

    def hammer(self):
        self.granted.tell(f"hammer fork {path('tree/a')} {NAP}")
        self.denied.tell(f"hammer self {path('none/a')} {NAP}")
        self.twin.tell(f"hammer fork {path('none/a')} {NAP}")

    def rest(self, when):
        """What each of them got since."""
        have = []
        for probe in (self.granted, self.denied, self.twin):
            probe.tell("ids")
            probe.answer()  # to the hammer
            have.append([int(n) for n in probe.detail.split()])
            probe.answer()
        good, bad, free = have
        tap.that(f"{when}: the granted never failed", good[0] == good[1] > 0, good)
        tap.that(f"{when}: the denied never passed", bad[0] == bad[2] > 0, bad)
        tap.that(f"{when}: the untagged never failed", free[0] == free[1] > 0, free)
        tap.equal(f"{when}: the revoked is revoked", self.revoked.ask("read tree/a"), "EPERM")
        tap.equal(f"{when}: a child is bound", self.asking.ask("in fork read none/a"), "EACCES")

    def served(self, when):
        tap.equal(f"{when}: the same grants", self.grants, self.grants & self.daemon.live())
        self.rest(when)
        self.hammer()

    def end(self):
        self.rest("in the end")
        settle(self.daemon.state)
        events = lines(self.daemon.state)
        told = len([e for e in events if e.get("grant") == self.denied.grant and e.get("verdict") == "deny"])
        lost = sum(e["count"] for e in events if e["type"] == "loss")
        denials = self.daemon.show(self.denied.grant).get("denials")
        tap.that("every refusal is told of once, or counted as lost", told <= denials <= told + lost,
                 (told, denials, lost))
        tap.equal("numbered without a gap", gaps(events), [])
        for probe in (self.granted, self.denied, self.revoked, self.asking, self.twin):
            probe.end()
        status = self.daemon.status
        tap.that("no slot, task or record is left", wait_for(
            lambda: status().get("grants") == 0 and status().get("tasks") == 0 and not self.daemon.record()), status())


def upgraded(daemon):
    """To one that has a hook and a map more, back, and there again."""
    assert start(daemon, "", "--keep"), daemon.words()
    world, before = World(daemon), names(daemon)
    more = sorted(before + ["link-later_getscheduler", "map-later_seen"])
    tap.equal("this build does not refuse it", (world.asking.ask("scheduler"), world.twin.process.poll()), ("OK", None))
    tap.that("stopped, to be kept", daemon.stop())
    tap.that("the later build starts", start(daemon, "later"), daemon.words())
    world.served("upgraded")
    log = Log(daemon.state)
    tap.equal("its hook refuses", world.asking.ask("scheduler"), "EPERM")
    tap.that("which is told of", log.find(type="guard", verdict="deny", grant=world.asking.grant))
    twin = Twin()
    tap.equal("and no untagged", twin.ask("scheduler"), "OK")
    twin.end()
    tap.equal("its pins are all there is", names(daemon), more)
    tap.that("killed", daemon.kill())
    tap.equal("its hook refuses still", world.asking.ask("scheduler"), "EPERM")
    tap.that("this build starts again", start(daemon, ""), daemon.words())
    world.served("downgraded")
    tap.equal("the later build's hook is gone", world.asking.ask("scheduler"), "OK")
    tap.equal("with its pins", names(daemon), before)
    world.end()


def incompatible(daemon):
    """They change nothing while tasks are tagged."""
    world, before = World(daemon), pinned(daemon)
    tap.that("killed", daemon.kill())
    for name in ("foreign", "wider"):
        tap.that(f"{name}: it does not start", not start(daemon, name) and daemon.process.poll() == 69)
        tap.that(f"{name}: and says how to go on", "deputyd --reset" in daemon.words(), daemon.words())
        world.rest(f"{name}: refused")
        world.hammer()
        tap.equal(f"{name}: every pin is the one it was", pinned(daemon), before)
    tap.that("this build starts again", start(daemon, ""), daemon.words())
    world.served("and back")
    world.end()


def replaced(daemon):
    """Without tasks it starts on maps of its own; then this build is the stranger."""
    tap.that("no grants: killed", daemon.kill())
    tap.that("no grants: the other build starts", start(daemon, "foreign"), daemon.words())
    mine, twin = mint(daemon), Twin()
    threading.Thread(target=mine.process.wait, daemon=True).start()
    tap.equal("and enforces", (mine.ask("read tree/a"), mine.ask("read none/a")), ("OK", "EACCES"))
    tap.that("killed", daemon.kill())
    tap.that("this build does not start over it", not start(daemon, "") and daemon.process.poll() == 69, daemon.words())
    tap.equal("which enforces still", (mine.ask("read tree/a"), mine.ask("read none/a")), ("OK", "EACCES"))
    done = subprocess.run(daemon.command("--reset"), capture_output=True, text=True, check=False)
    tap.equal("its --reset", (done.returncode, "ended 1 tagged tasks" in done.stderr), (0, True))
    tap.that("ends the other build's agents", wait_for(lambda: not alive(mine.pid)))
    tap.equal("and no other", twin.ask("read none/a"), "OK")
    tap.that("and leaves nothing", not os.path.exists(daemon.pin_dir()))
    twin.end()


def open_roads(daemon):
    """A kernel without one of the hooks: said everywhere, and no grant starts that does not accept it."""
    road, needed = "io_uring with credentials of others", "open_roads: accept"
    tap.that("a hook is missing: it starts", start(daemon, "roads"), daemon.words())
    tap.that("and says what that leaves open", f"uring_override_nothing, which leaves open: {road}" in daemon.words(),
             daemon.words())
    tap.equal("so does its status", daemon.status().get("open_roads"), [road])
    words = ("--policy", POLICY, "--workdir", ROOT, "--", PROBE, "read", path("none/a"))
    refused, accepted = (daemon.ask("run", "--purpose", p, *words) for p in ("files", "open"))
    tap.equal("a grant does not start", (refused.returncode, road in refused.stderr, needed in refused.stderr, refused.stdout),
              (77, True, True, ""))
    tap.equal("one that accepts it does, and is bound", (accepted.returncode, accepted.stdout.split(" ")[0]), (0, "EACCES"))
    doctor = daemon.ask("doctor", timeout=300)
    tap.equal("doctor tells it", (doctor.returncode, f"Open on this kernel: {road}" in doctor.stdout), (69, True))
    tap.that("stopped", daemon.stop())
    tap.that("this build starts", start(daemon, ""), daemon.words())
    tap.equal("it leaves nothing open", daemon.status().get("open_roads"), [])
    tap.equal("a grant starts", daemon.ask("run", "--purpose", "files", *words).stdout.split(" ")[0], "EACCES")


def builds():
    missing = [name for name in ("later", "foreign", "wider", "roads") if not os.path.exists(build(name))]
    if missing:
        tap.skip("other builds", f"no {', '.join(missing)}: make other-builds")
        return
    daemon = Daemon("builds")
    try:
        for part in (upgraded, incompatible, replaced, open_roads):
            try:
                part(daemon)
            except Exception as e:
                tap.result(False, f"{part.__name__} came to its end", repr(e))
    finally:
        daemon.kill()
        subprocess.run(daemon.command("--reset"), capture_output=True, check=False)


for each in ("tree/a", "none/a", "none/sentinel"):
    put(each)
tap.run(builds)
