# SPDX-License-Identifier: Apache-2.0
"""io_uring with what a ring was given beforehand: its own files and memory, its thread, commands to drivers."""
import os
import socket
import threading

from cases import Bench, Case
from kt import Tap, agent, alive, deputy, path, put

tap = Tap()
KEPT = ("read", "write", "send", "recv", "send-zc", "splice", "fallocate", "ftruncate", "install", "cmd", "polled")
MISSING = ("EINVAL", "EOPNOTSUPP", "ENOSYS")
servers, peers = [], []


def feed(server):
    """Whoever connects has something to receive."""
    while True:
        peers.append(server.accept()[0])
        peers[-1].send(b"data" * 64)


def fresh():
    """Both have the same files in their rings."""
    put("tree/fixed")
    for who in (bench.agent, bench.twin):
        assert who.ask("fixed-open tree/fixed") == "OK", who.detail


def knows(way):
    """Whether this kernel's ring has it."""
    have = bench.twin.ask(f"fixed {way}")
    if have in MISSING:
        tap.skip(f"io_uring: {way}", f"not on this kernel: {have}")
    return have not in MISSING


def scope():
    """What is in a ring's table was made and is used by the rules that hold for descriptors."""
    fresh()
    if knows("socket 2 1 0"):
        bench.check(
            Case("a socket straight into a ring's table", "fixed socket 16 3 0", "fixed socket 2 1 0", type="net",
                 op="socket", reason="family", family=16),
            Case("connecting it", "fixed connect 7009", "fixed connect 7001", type="net", op="connect", port=7009,
                 addr="127.0.0.1", rule=None, twin="ECONNREFUSED"),
        )
    if knows("option 6 1"):
        bench.check(Case("an option by a command to it", "fixed option 1 36", "fixed option 6 1", errno="EPERM", type="guard",
                         op="socket_option", option=36, level=1))
    if knows("install"):
        bench.same("a file of a ring's table becomes a descriptor", "fixed install")
        os.rename(path("tree/fixed"), path("none/fixed"))
        bench.check(Case("but not after it moved away", "fixed install", "read tree/a", type="file", op="read",
                         path="none/fixed", rule=None))
    if bench.twin.ask("uring-cmd /dev/null") in MISSING:
        return tap.skip("a command to a device", "not on this kernel")
    bench.same("a command to a granted device", "uring-cmd /dev/null")
    return bench.check(Case("a command to another", "uring-cmd /dev/zero", "uring-cmd /dev/null", type="file", op="read",
                            path="/dev/zero", rule=None, twin=bench.twin.ask("uring-cmd /dev/zero")))


def ended():
    """After the end of a grant nothing of it is of use."""
    fresh()
    ways = [way for way in KEPT if knows(way)]
    tap.equal("before the end", {way: bench.agent.ask(f"fixed {way}") for way in ways}, dict.fromkeys(ways, "OK"))
    bench.agent.deafen()
    bench.log.mark()
    assert deputy("revoke", bench.agent.grant, "--mode", "deny").returncode == 0
    have = {way: bench.agent.ask(f"fixed {way}") for way in ways}
    # A ring that has no worker cannot make one then: what wants one is cancelled.
    tap.that("after it", all(err in ("EPERM", "ECANCELED") for err in have.values()), have)
    for way in ways:
        tap.road(f"after the end: {way}", f"fixed {way}", have[way], "OK")
    for way in ("read", "write", "polled", "cmd"):
        tap.that(f"{way} is refused", have.get(way, "EPERM") == "EPERM", have)
    for event in ({"type": "file", "op": "read", "path": path("tree/fixed")}, {"type": "net", "op": "send"},
                  {"type": "file", "op": "write", "path": path("tree/fixed")}):
        tap.that(f"an event: {event['type']} {event['op']}", bench.log.find(verdict="deny", reason="revoked", errno="EPERM",
                                                                          pid=bench.agent.pid, **event))
    tap.equal("the untagged go on", {way: bench.twin.ask(f"fixed {way}") for way in ways}, dict.fromkeys(ways, "OK"))
    tap.that("and the process lives", alive(bench.agent.pid))


for name in ("tree/a", "none/a", "none/sentinel"):
    put(name)
servers.append(socket.create_server(("127.0.0.1", 7001), backlog=64))
threading.Thread(target=feed, args=servers, daemon=True).start()
bench = Bench(tap, agent("network"))
if (made := bench.twin.ask("uring openat tree/a")) != "OK":
    tap.run(lambda: tap.skip("io_uring", f"not on this kernel: {made}"), bench.end)
tap.run(scope, ended, bench.end)
