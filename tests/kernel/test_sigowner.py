# SPDX-License-Identifier: Apache-2.0
"""Signals that the kernel sends on one's behalf, when a descriptor has data."""
from cases import Bench, Case
from kt import Agent, Tap, Twin, agent, alive, put, wait_for

tap = Tap()
COMMANDS = (("FIOSETOWN", "8901"), ("SIOCSPGRP", "8902"))


def owner(name, does, **more):
    return Case(name, does, "own-self", errno="EPERM", type="guard", op="signal_owner", reason="guarded", **more)


def sockets():
    """By ioctl(2), which fcntl(2)'s hook does not see."""
    for name, number in COMMANDS:
        mine, theirs, other = Twin(), Twin(), Twin()
        bench.check(owner(f"{name}: another as a socket's owner", f"owner {number} {other.pid} 0"))
        tap.equal(f"{name}: a signal to another", bench.agent.ask(f"owner {number} {mine.pid} 9"), "EPERM")
        tap.equal(f"{name}: untagged, it is sent", bench.twin.ask(f"owner {number} {theirs.pid} 9"), "OK")
        tap.that(f"{name}: untagged, it ends another", wait_for(lambda: not alive(theirs.pid)))
        tap.that(f"{name}: no other is ended", alive(mine.pid))
        for probe in (mine, theirs, other):
            probe.end()


def groups():
    bench.check(
        owner("a whole group as owner", f"own -{bench.twin.pid}"),
        owner("another as a pipe's owner", f"own {bench.twin.pid}"),
    )
    bench.same("oneself as owner", "own-self")


def namespaces():
    """In a pid namespace one's number outside is somebody else's name, or nobody's."""
    inside = Agent("files", before=("unshare", "--pid", "--fork")).ready()
    bench.log.mark()
    tap.equal("oneself, by the number inside", inside.ask("own-self"), "OK")
    tap.equal("inside, by another's number", inside.ask(f"own {bench.agent.pid}"), "EPERM")
    tap.that("its event", bench.log.find(type="guard", op="signal_owner", grant=inside.grant, verdict="deny"))
    inside.end()


put("none/sentinel")
bench = Bench(tap, agent("files"))
tap.run(sockets, groups, namespaces, bench.end)
