# SPDX-License-Identifier: Apache-2.0
"""Maps that are full: filled from outside to the limit and one past it. The tagged are refused, nobody else notices."""
import os
import struct

from bpfmaps import DELETE_BATCH, Filled, Map
from cases import ANY, Bench, Case
from daemons import SCRATCH, Daemon
from kt import Tap, agent, make, path, put, wait_for

tap = Tap()
daemon = Daemon()
SESSION = -3


def pinned(name):
    return Map.pinned(f"{daemon.pin_dir()}/map-{name}")


class Busy:
    """An array whose every entry somebody is using: the word that it begins with is not 0."""

    def __init__(self, name):
        self.name = name

    def set(self, word):
        with pinned(self.name) as m:
            for i in range(m.entries):
                key = struct.pack("I", i)
                m.update(key, struct.pack("I", word) + m.lookup(key)[4:])

    def __enter__(self):
        self.set(1)

    def __exit__(self, *_):
        self.set(0)


def ids(who, count, kind="shm"):
    """Makes so many objects; what it got."""
    made = [(who.ask(f"{kind}-make 0"), who.detail) for _ in range(count)]
    return [err for err, _ in made], [id for err, id in made if err == "OK"]


def entries():
    with pinned("owned") as m:
        return len(list(m.keys()))


def owned():
    """System V objects and user namespaces: OWNED_MAX of all grants. They go some time after they were removed."""
    was = entries()
    does = "userns-with 20000 read tree/a"
    granted.same("with room, a user namespace has its capabilities", does)
    wait_for(lambda: entries() <= was)
    with Filled(pinned("owned"), 2):
        bench.log.mark()
        errors, mine = ids(bench.agent, 3)
        tap.equal("objects at the limit, and one past it", errors, ["OK", "OK", "EACCES"])
        tap.road("objects at the limit, and one past it", "shm-make 0", errors[-1], "OK")
        tap.that("its event", bench.log.find(type="guard", op="sysv", reason="limit", errno="EACCES", pid=bench.agent.pid))
        bench.check(*(Case(f"one past it: {kind}", f"{kind}-make 0", "read tree/a", type="guard", op="sysv", reason="limit")
                      for kind in ("sem", "msg")))
        errors, theirs = ids(bench.twin, 3)
        tap.equal("the untagged make what they like", errors, ["OK"] * 3)
        tap.equal("those that it has it uses", {bench.agent.ask(f"shm-stat {id}") for id in mine}, {"OK"})
        # It is made; that it could not be noted leaves its maker without capabilities in it.
        past = Case("a user namespace past the limit", does, "read tree/a", type="guard", op="capability", reason=ANY,
                    capability="cap_sys_admin", pid=ANY)
        past.event["errno"] = "EPERM"  # of which proc makes EACCES
        granted.check(past)
        assert bench.agent.ask(f"shm-remove {mine.pop()}") == "OK"
        tap.that("one that goes makes room", wait_for(lambda: bench.agent.ask("shm-make 0") == "OK"))
        mine.append(bench.agent.detail)
        bench.settle()
    for id in theirs + mine:
        bench.twin.ask(f"shm-remove {id}")


def keys():
    """Keys make room for others: one whose entry went is nobody's, and never another's."""
    with pinned("owned_keys") as m:
        before = set(m.keys())
        for who in (bench.twin, bench.agent):
            assert who.ask("key-join") == "OK" and who.ask(f"key-add kt-full {SESSION}") == "OK", who.detail
        mine = bench.agent.detail
        tap.equal("a key of one's own", bench.agent.ask(f"key-describe {mine}"), "OK")
        m.batch(DELETE_BATCH, sorted(set(m.keys()) - before))
    bench.check(Case("whose entry made room", f"key-describe {mine}", "read tree/a", type="guard", op="key", reason="guarded"))
    bench.agent.ask("key-join")
    tap.equal("a new one", bench.agent.ask(f"key-add kt-new {SESSION}"), "OK")


def wards():
    """What the daemon wards past the limit it is told of: it does not start (own.c)."""
    first, second = (put(f"{SCRATCH}/ward-{n}") for n in (1, 2))
    with pinned("wards") as m:
        before = set(m.keys())
        start = max(max(struct.unpack("HHII", m.lookup(key))[2:]) for key in before)
    with Filled(pinned("wards"), 1, lambda i: struct.pack("QII", i, 0xffffffff, 0)) as m:
        tap.equal("the last ward that there is room for", bench.twin.ask(f"ward {first} {start}"), "OK")
        everything.check(Case("holds", f"read {first}", f"read {second}", errno="EPERM", type="file", op="read", path=first,
                              reason="guarded"))
        tap.equal("one past it", bench.twin.ask(f"ward {second} {start}"), "E2BIG")
        tap.equal("is not half there", everything.agent.ask(f"read {second}"), "OK")
        tap.equal("those from before hold", everything.agent.ask(f"read {daemon.state}/lock"), "EPERM")
        everything.settle()
        new = {k for k in m.keys() if struct.unpack("QII", k)[1] != 0xffffffff} - before
        tap.equal("one entry was made", len(new), 1)
        m.batch(DELETE_BATCH, sorted(new))
    tap.equal("the daemon goes on", bench.agent.ask("read tree/a"), "OK")


def lost():
    return daemon.status()["lost"]["no_scratch"]


def scratches():
    """Nowhere to put an event together: refused as ever, and the event is counted."""
    audited = agent("audited")
    bench.settle()
    was = lost()
    bench.log.mark()
    with Busy("scratches"):
        have = bench.agent.ask("read none/a"), bench.twin.ask("read none/a")
        tap.equal("no room for an event: refused", have, ("EACCES", "OK"))
        tap.road("no room for an event", "read none/a", *have)
        tap.equal("and counted", lost(), was + 1)
        tap.equal("what is granted is granted", (bench.agent.ask("read tree/a"), audited.ask("read tree/a")), ("OK", "OK"))
        tap.that("and counted where it is to be recorded", lost() > was + 1, lost())
        count = lost() - was
    bench.settle()
    told = sum(e["count"] for e in bench.log.all(type="loss", cause="no_scratch"))
    tap.equal("the log says how many are missing", told, count)
    tap.equal("and has none of them", bench.log.all(verdict="deny", path=path("none/a")), [])
    bench.check(Case("with room it is told of again", "read none/a", "read tree/a", op="read", path="none/a"))
    audited.end()


def rooms():
    """Nowhere to search for an object that comes without its mount."""
    with Busy("alias_rooms"):
        bench.check(*(Case(f"no room to search: {does}", f"{does} tree/link", "read tree/a", type="file", op=op, reason="busy")
                      for does, op in (("readlink", "metadata"), ("lutimes", "write"), ("listxattr", "metadata"))))
    for does in ("readlink", "lutimes"):
        bench.same(f"with room: {does}", f"{does} tree/link")


for name in ("tree/a", "none/a", "none/sentinel"):
    put(name)
make("tree")
if not os.path.islink(path("tree/link")):
    os.symlink("a", path("tree/link"))
bench, granted, everything = (Bench(tap, agent(purpose)) for purpose in ("files", "privileged", "all"))
tap.run(owned, keys, wards, scratches, rooms, bench.end, granted.end, everything.end)
