# SPDX-License-Identifier: Apache-2.0
"""Descriptors that come in from others, commands on those that are open, and what was inherited."""
import os
import socket

from cases import ANY, Bench, Case, remove
from kt import Agent, Tap, Twin, agent, make, path, put
from strangers import Giver

tap = Tap()
KEPT = "deny write,create,delete path ${workdir}/tree/kept/**"


def world():
    for name in ("tree/a", "tree/kept/a", "tree/denied/a", "none/a", "none/sentinel", "seen/a"):
        put(name)
    for name in ("sockets", "tree/dir", "none/dir"):
        make(name)


def opened(name, flags):
    return os.open(path(name), flags)


def received():
    pipe = os.pipe()[0]
    ours = socket.socketpair()[0]
    memory = os.memfd_create("memory")
    good = Giver("good", opened("tree/a", os.O_RDWR))
    ask = f"receive-fd {good.name}"

    def case(name, fd, **event):
        return Case(name, f"receive-fd {Giver('bad', fd).name}", ask, type="file", **event)

    for one in (
        lambda: case("a file to read, where no rule is", opened("none/a", os.O_RDONLY), op="read", path="none/a",
                     rule=None),
        lambda: case("a file to write, where reading is granted", opened("tree/kept/a", os.O_RDWR), op="write",
                     path="tree/kept/a", rule=KEPT),
        lambda: case("a directory to list", opened("none/dir", os.O_RDONLY), op="list", path="none/dir", rule=None),
        lambda: case("a file of which metadata is granted", opened("seen/a", os.O_RDONLY), op="read", path="seen/a"),
    ):
        bench.check(one())
    for name, fd in (("readable", opened("tree/kept/a", os.O_RDONLY)), ("pipe", pipe), ("socket", ours.fileno()),
                     ("memory", memory), ("path", opened("none/a", os.O_PATH))):
        bench.same(f"received: {name}", f"receive-fd {Giver(name, fd).name}")


def handed_on():
    """The roads from task to task, with a file that was granted when it was opened."""
    put("tree/fd")
    remove("none/fd")
    fds = {who.ask("hold tree/fd r") and who.detail for who in (bench.agent, bench.twin)}
    if len(fds) != 1:
        return tap.result(False, "one number for both", str(fds))
    fd = fds.pop()
    roads = {"SCM_RIGHTS": "pass-fd", "pidfd_getfd": "getfd-fd", "seccomp's notifier": "addfd-fd"}
    for name, verb in roads.items():
        bench.same(f"by {name}", f"{verb} {fd}")
    os.rename(path("tree/fd"), path("none/fd"))
    for name, verb in roads.items():
        bench.check(Case(f"by {name}, after the file moved away", f"{verb} {fd}", "read tree/a", op="read",
                         path="none/fd", rule=None, pid=ANY))
    return None


def inherited():
    """What the agent was started with stays of use, wherever it leads: a log file, a terminal."""
    put("none/log")
    log = opened("none/log", os.O_RDWR | os.O_APPEND)
    master, slave = os.openpty()
    keep = {"pass_fds": (log, slave)}
    mine = Agent("files", "--keep-fd", str(log), "--keep-fd", str(slave), **keep).ready()
    twin = Twin(**keep)
    own = Bench(tap, mine)
    own.twin.end()
    own.twin = twin
    own.same("an inherited terminal answers", f"ioctl-fd winsize {slave}")
    own.same("an inherited log file is written", f"write-fd {log}")
    own.same("an inherited terminal is written", f"write-fd {slave}")
    what = {"errno": "EPERM", "type": "file", "op": "write", "path": ANY, "reason": "guarded"}
    good = f"ioctl-fd winsize {slave}"
    own.check(
        Case("TIOCSTI", f"ioctl-fd sti {slave}", good, **what),
        Case("TIOCSETD", f"ioctl-fd setd {slave}", good, **what),
        Case("TIOCLINUX", f"ioctl-fd linux {slave}", good, twin="ENOTTY", **what),
        Case("TIOCCONS", f"ioctl-fd cons {slave}", good, **what),
    )
    compat = twin.ask(f"ioctl-fd sti-compat {slave}")
    if compat != "OK":
        tap.skip("TIOCSTI as a program of 32 bits", compat)
    else:
        own.check(Case("TIOCSTI as a program of 32 bits", f"ioctl-fd sti-compat {slave}", good, **{**what, "pid": ANY}))
    own.end()
    for fd in (log, master, slave):
        os.close(fd)


def ring():
    have = bench.twin.ask("ring-direct tree/a")
    if have != "OK":
        return tap.skip("a ring's own table of files", have)
    bench.check(Case("into a ring's own table of files", "ring-direct none/a", "ring-direct tree/a", op="read",
                     path="none/a", rule=None))
    return None


world()
bench = Bench(tap, agent("files"))
tap.run(received, handed_on, inherited, ring, bench.end)
