# SPDX-License-Identifier: Apache-2.0
"""Sockets that strangers hand to an agent: where they lead is decided when they come in."""
import itertools
import os
import socket

from cases import Bench, Case, remove
from kt import Agent, Tap, agent, make, path, put
from strangers import Giver

tap = Tap()
V4 = "127.0.0.1"
kept = []
NUMBERS = itertools.count()


def keep(s):
    kept.append(s)
    return s


def listener(port, family=socket.AF_INET, kind=socket.SOCK_STREAM, address=V4):
    s = keep(socket.socket(family, kind))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    if kind == socket.SOCK_STREAM:
        s.listen(64)
    return s


def unbound_listener():
    s = keep(socket.socket())
    s.listen()
    return s


def connected(port, family=socket.AF_INET, kind=socket.SOCK_STREAM, address=V4):
    s = keep(socket.socket(family, kind))
    s.connect((address, port))
    return s


def accepted(port):
    connected(port)
    return keep(LISTENERS[port].accept()[0])


def given(name, s):
    """Asks for it. The name of each differs: a giver goes on serving."""
    return f"receive-fd {Giver(name, s.fileno()).name}"


def case(name, s, good, **event):
    number = next(NUMBERS)
    return Case(f"received: {name}", given(f"bad{number}", s), given(f"good{number}", good), **event)


def net(name, s, good, op, port, addr=V4, rule=None):
    return case(name, s, good, type="net", op=op, port=port, addr=addr, rule=rule)


UDP, SIX = socket.SOCK_DGRAM, socket.AF_INET6


def inet():
    good = connected(7001)
    mapped = "::ffff:127.0.0.1"
    bench.check(
        net("TCP connected to another port", connected(7002), good, "connect", 7002),
        net("TCP over IPv6 connected to another port", connected(7002, SIX, address="::1"), good, "connect", 7002, "::1"),
        net("TCP connected to an IPv4 address as IPv6", connected(7002, SIX, address=mapped),
            connected(7001, SIX, address=mapped), "connect", 7002),
        net("UDP connected to another port", connected(7002, kind=UDP), connected(7001, kind=UDP), "send", 7002),
        net("a listener at another port", listener(7022), listener(7020), "bind", 7022),
        net("a listener at every address", listener(7023, address="0.0.0.0"), good, "bind", 7023, "0.0.0.0"),
        net("a listener at a port of the kernel's choice", LOOSE, good, "bind",
            LOOSE.getsockname()[1], "0.0.0.0"),
        net("UDP bound to another port", listener(7022, kind=UDP), listener(7020, kind=UDP), "udp-bind", 7022),
    )
    for name, s in (("unconnected TCP", keep(socket.socket())),
                    ("unconnected UDP", keep(socket.socket(type=UDP)))):
        bench.same(f"received: {name}", given(name.replace(" ", "-"), s))
    bench.check(case("a ping socket", keep(socket.socket(type=UDP, proto=1)), good, type="net", reason="family",
                     kind="icmp"))


def accepted_ones():
    """Its other end is a port that no rule names: for the grant that accepted it it leads nowhere new."""
    peer = accepted(7001)
    bench.check(net("accepted by a stranger", peer, connected(7001), "connect", peer.getpeername()[1]))
    for s in kept:
        if s.fileno() >= 0 and s.family == socket.AF_INET and s.getsockname()[1] == 7020:
            s.close()
    for call in ("accept-pass", "accept-pass-inherited"):
        fd = listener(7024).fileno() if "inherited" in call else -1
        options = ("--keep-fd", str(fd)) if fd >= 0 else ()
        mine = Agent("network", *options, pass_fds=(fd,) if fd >= 0 else ()).ready()
        tap.equal(f"one's own, {call}", (mine.ask(f"{call} {fd if fd >= 0 else 7020}"), mine.detail), ("OK", ""))
        mine.end()
        if fd >= 0:
            kept.pop().close()


def unix():
    def named(name, kind=socket.SOCK_STREAM):
        if not name.startswith("\0"):
            remove(name)
        s = keep(socket.socket(socket.AF_UNIX, kind))
        s.bind(path(name) if not name.startswith("\0") else name)
        if kind != UDP:
            s.listen(8)
        return s

    def to(s, kind=socket.SOCK_STREAM):
        c = keep(socket.socket(socket.AF_UNIX, kind))
        c.connect(s.getsockname())
        return c

    make("none")
    other, good = named("sockets/other-h"), named("sockets/allowed-h")
    abstract = named(f"\0kt-handed-{os.getpid()}")
    event = {"type": "file", "op": "connect", "path": "sockets/other-h", "rule": None}
    bench.check(
        case("a unix socket connected to another path", to(other), to(good), **event),
        case("a unix socket connected to an abstract one", to(abstract), to(good), type="net", reason="family", kind="unix"),
        case("a listening unix socket", named("none/listener"), named("tree/listener"), type="file", op="create",
             path="none/listener", rule=None),
        case("a bound datagram socket", named("none/datagrams", UDP), named("tree/datagrams", UDP), type="file",
             op="create", path="none/datagrams", rule=None),
        case("an abstract listener", abstract, to(good), type="net", reason="family", kind="unix"),
    )
    bench.same("received: one of a pair", given("pair", keep(socket.socketpair()[0])))


with open("/proc/sys/net/ipv4/ping_group_range", "w", encoding="ascii") as f:
    f.write("0 2147483647")
put("none/sentinel")
make("sockets")
make("tree")
LOOSE = unbound_listener()
LISTENERS = {port: listener(port) for port in (7001, 7002)}
for p in (7001, 7002):
    listener(p, SIX, address="::1")
    listener(p, kind=UDP)
bench = Bench(tap, agent("network"))
tap.run(inet, accepted_ones, unix, bench.end)
