# SPDX-License-Identifier: Apache-2.0
"""Files in memory at the end of a grant that ends in refusals: who has one is killed, everybody else lives."""
import os
import signal
import time

from daemons import Daemon
from kt import SLOW, Log, Tap, Twin, agent, alive, deputy, path, put, reap, wait_for

tap = Tap()
TTL = 6
FILES = ("map/write", "map/later", "map/twin", "map/thread", "map/fork", "map/vm", "map/late", "map/expired", "map/stopped")


def value(name):
    with open(path(name), "rb") as f:
        return int.from_bytes(f.read(8), "little")


def still(name):
    """Whether a file has stopped changing."""
    before = value(name)
    time.sleep(0.5)
    return value(name) == before


def counting(name):
    return wait_for(lambda: not still(name))


def revoke(*agents):
    for each in agents:
        assert deputy("revoke", each.grant, "--mode", "deny").returncode == 0


def gone(name, pids):
    tap.that(f"{name}: after the grant's end it is killed", wait_for(lambda: not any(map(alive, pids))), list(pids))


def killed():
    for way, name in (("shared-write", "tree/map/write"), ("shared-later", "tree/map/later"),
                      ("shared-valid", "tree/map/late"), ("shared-read", "readable/map")):
        mine, bystander = agent("files"), agent("files").deafen()
        log.mark()
        tap.equal(f"{way}: a granted file is mapped", mine.ask(f"map {way} {name}"), "OK")
        tap.that(f"{way}: and that is told of", log.find(type="task", op="map", pid=mine.pid, path=path(name)))
        if way in ("shared-write", "shared-valid"):
            mine.ask("map-write 77")
            tap.equal(f"{way}: and written", value(name), 77)
        tap.equal(f"{way}: it works on", mine.ask("read tree/a"), "OK")
        revoke(mine)
        gone(way, [mine.pid])
        tap.equal(f"{way}: by SIGKILL", mine.process.wait(SLOW), -signal.SIGKILL)
        tap.equal(f"{way}: another grant lives", bystander.ask("read tree/a"), "OK")
        bystander.end()


def packets():
    """What a packet socket receives goes on coming in to its ring."""
    for how in ("shared", "private"):
        mine, bystander = agent("packets"), agent("packets").deafen()
        tap.equal(f"a packet socket's ring, {how}", mine.ask(f"map-packets {how}"), "OK")
        revoke(mine, bystander)
        gone(f"a packet socket's ring, {how}", [mine.pid])
        tap.equal(f"{how}: by SIGKILL", mine.process.wait(SLOW), -signal.SIGKILL)
        tap.that("who has mapped none lives", alive(bystander.pid))
        bystander.end()


def command(pid):
    with open(f"/proc/{pid}/cmdline", encoding="utf-8") as f:
        return f.read()


def spared():
    """What is no file of anybody's, or nothing that others see."""
    for name, words in (("nothing", ()), ("a private mapping", ("map private tree/map/twin",)), ("memory", ("map-memory",)),
                        ("a program's file to read", ("map shared-read bin/probe",)),
                        ("a mapping of before it executed a program", ("map shared-write tree/map/twin", "renew"))):
        mine = agent("files")
        for word in words:
            if word == "renew":
                mine.tell(word)
                assert wait_for(lambda: command(mine.pid) == "probe\0")  # what it had read ahead would be lost
            else:
                assert mine.ask(word) == "OK", (word, mine.detail)
        mine.ask("ids")
        mine.deafen()
        revoke(mine)
        tap.equal(f"with {name}: refused", mine.ask("read tree/a"), "EPERM")
        time.sleep(1)
        tap.that(f"with {name}: alive", alive(mine.pid))
        mine.end()


def family():
    """Whoever has the memory: before and after it was mapped, and in whichever way it came by it."""
    for who, first in (("thread", True), ("fork", True), ("vm", True), ("vm", False), ("thread", False)):
        name = f"tree/map/{who}"
        put(name, "\0" * 4096)
        mine = agent("files")
        words = [f"map shared-write {name}", f"map-spin {who}"]
        for word in words if first else reversed(words):
            assert mine.ask(word) == "OK", (word, mine.detail)
            other = int(mine.detail or mine.pid)
        what = f"{who}, {'born with' if first else 'born before'} the mapping"
        tap.that(f"{what}: it writes", counting(name))
        revoke(mine)
        gone(what, {mine.pid, other})
        tap.that(f"{what}: the file is still", still(name))
        mine.process.wait(SLOW)


def stopped():
    """Time runs out, with the daemon and without."""
    first = agent("files", "--ttl", f"{TTL}s")
    assert (first.ask("map shared-write tree/map/expired"), first.ask("map-spin thread")) == ("OK", "OK")
    tap.that("expiring: it writes", counting("tree/map/expired"))
    gone("expired", [first.pid])
    tap.that("expired: the file is still", still("tree/map/expired"))
    mine, other = agent("files", "--ttl", f"{2 * TTL}s"), agent("files", "--ttl", f"{2 * TTL}s").deafen()
    assert (mine.ask("map shared-write tree/map/stopped"), mine.ask("map-spin thread")) == ("OK", "OK")
    Daemon().signal(signal.SIGSTOP)
    try:
        tap.that("daemon stopped: it writes", counting("tree/map/stopped"))
        gone("daemon stopped", [mine.pid])
        tap.that("daemon stopped: the file is still", still("tree/map/stopped"))
        tap.that("daemon stopped: without a mapping it is refused", wait_for(lambda: other.ask("read tree/a") == "EPERM"))
        tap.that("and lives", alive(other.pid))
    finally:
        Daemon().signal(signal.SIGCONT)
    other.end()


def untagged():
    twin = Twin()
    assert (twin.ask("map shared-write tree/map/twin"), twin.ask("map-spin fork")) == ("OK", "OK")
    child = int(twin.detail)
    tap.that("the untagged write on", counting("tree/map/twin"))
    reap([child])
    twin.end()


put("tree/a")
put("readable/map", "\0" * 4096)
for each in FILES:
    put("tree/" + each, "\0" * 4096)
log = Log()
tap.run(killed, packets, spared, family, stopped, untagged)
