# SPDX-License-Identifier: Apache-2.0
"""Internet sockets: every call that names an address, by IPv4, IPv6 and one in the other's clothes."""
import socket

from cases import ANY, Bench, Case
from kt import Agent, Tap, Twin, agent, put

tap = Tap()
servers = []
V4, V6, MAPPED = "4 127.0.0.1", "6 ::1", "6 ::ffff:127.0.0.1"
HERE = "deny connect,send cidr 127.0.0.0/8"


def serve():
    """Somebody has to answer, for what is allowed and for the twin."""
    for port in (7001, 7002, 7010, 7011, 7012, 7013):
        for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::1")):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                s = socket.socket(family, kind)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind((address, port))
                if kind == socket.SOCK_STREAM:
                    s.listen(64)
                servers.append(s)


def net(name, call, where, port, good="", op="connect", addr="127.0.0.1", rule=None, twin="OK", **more):
    """Refused at that port; granted at `good`, an address and port of the same form."""
    return Case(name, f"{call} {where} {port}", good and f"{call} {good}" or None, type="net", op=op, addr=addr, port=port,
                rule=rule, twin=twin, **more)


TCP = (
    net("TCP to another port", "connect", V4, 7002, f"{V4} 7001"),
    net("TCP to another network", "connect", "4 128.0.0.1", 7001, f"{V4} 7001", addr="128.0.0.1", twin="ENETUNREACH"),
    net("TCP to a denied host of an allowed network", "connect", "4 127.0.0.2", 7001, "4 127.0.0.3 7001",
        addr="127.0.0.2", rule="deny connect cidr 127.0.0.2"),
    net("TCP just above a range of ports", "connect", V4, 7013, f"{V4} 7012"),
    net("TCP just below a range of ports", "connect", V4, 7009, f"{V4} 7010", twin="ECONNREFUSED"),
    net("TCP over IPv6 to another port", "connect", V6, 7002, f"{V6} 7001", addr="::1"),
    net("TCP to an IPv4 address as IPv6", "connect", MAPPED, 7002, f"{MAPPED} 7001"),
    net("TCP to a denied IPv4 address as IPv6", "connect", "6 ::ffff:127.0.0.2", 7001, f"{MAPPED} 7001",
        addr="127.0.0.2", rule="deny connect cidr 127.0.0.2"),
    net("TCP fast open", "fastopen", V4, 7002, f"{V4} 7001"),
    net("TCP fast open over IPv6", "fastopen", V6, 7002, f"{V6} 7001", addr="::1"),
    net("TCP to port 0", "connect", V4, 0, f"{V4} 7001", twin="ECONNREFUSED"),
)

UDP = (
    net("sendto to another port", "sendto", V4, 7002, f"{V4} 7001", op="send"),
    net("sendmsg to another port", "sendmsg", V4, 7002, f"{V4} 7001", op="send"),
    net("sendmmsg to another port", "sendmmsg", V4, 7002, f"{V4} 7001", op="send"),
    net("sendto over IPv6", "sendto", V6, 7002, f"{V6} 7001", op="send", addr="::1"),
    net("sendto to an IPv4 address as IPv6", "sendto", MAPPED, 7002, f"{MAPPED} 7001", op="send"),
    net("sendto with an IPv4 address on an IPv6 socket", "sendto", "6 127.0.0.1", 7002, "6 127.0.0.1 7001", op="send"),
    net("sendto with an address of no family", "sendto-unspec", V4, 7002, f"{V4} 7001", op="send"),
    net("a datagram socket connected", "udp-connect", V4, 7002, f"{V4} 7001", op="send"),
    net("a datagram socket connected, then sending", "udp-connect-send", V4, 7002, f"{V4} 7001", op="send"),
    net("a datagram socket connected over IPv6", "udp-connect", V6, 7002, f"{V6} 7001", op="send", addr="::1"),
    net("a grant to connect is none to send", "sendto", V4, 7010, f"{V4} 7001", op="send"),
)

BIND = (
    net("bind to another port", "bind", V4, 7021, f"{V4} 7020", op="bind"),
    net("bind to another address", "bind", "4 127.0.0.5", 7020, f"{V4} 7020", op="bind", addr="127.0.0.5"),
    net("bind to every address", "bind", "4 0.0.0.0", 7020, f"{V4} 7020", op="bind", addr="0.0.0.0"),
    net("bind over IPv6", "bind", V6, 7021, f"{V6} 7020", op="bind", addr="::1"),
    net("bind to an IPv4 address as IPv6", "bind", MAPPED, 7021, f"{MAPPED} 7020", op="bind"),
    net("bind with an address of no family", "bind-unspec", "4 0.0.0.0", 7021,
        op="bind", addr="0.0.0.0"),
    net("bind to port 0", "bind", V4, 0, f"{V4} 7020", op="bind"),
    net("bind a datagram socket", "udp-bind", V4, 7021, f"{V4} 7020", op="udp-bind"),
    net("a grant to bind TCP is none to bind UDP", "udp-bind", V6, 7020, f"{V4} 7020", op="udp-bind", addr="::1"),
    Case("listen without bind", f"listen {V4} 0", f"bind-listen {V4} 7020", type="net", op="bind", addr="0.0.0.0",
         port=0, rule=None),
    Case("listen without bind over IPv6", f"listen {V6} 0", f"bind-listen {V6} 7020", type="net", op="bind",
         addr="::", port=0, rule=None),
)


def family(name, number, kind, protocol, twin="OK"):
    return Case(f"socket: {name}", f"socket {number} {kind} {protocol}", "socket 2 1 0", type="net", reason="family",
                family=int(number), twin=twin, rule=None)


FAMILIES = (
    family("netlink", 16, 3, 0),
    family("packet", 17, 3, 0),
    family("raw IPv4", 2, 3, 1),
    family("raw IPv6", 10, 3, 58),
    family("ICMP by datagrams", 2, 2, 1),
    family("UDP-Lite", 2, 2, 136),
    family("MPTCP", 2, 1, 262),
    family("AF_ALG", 38, 5, 0),
    family("vsock", 40, 1, 0),
    family("AF_KEY", 15, 3, 2),
    family("Bluetooth", 31, 3, 1),
)

# What the kernel takes for loopback when it is asked to connect to no address in particular.
LOOPBACK = (
    net("loopback denied", "connect", V4, 7001, rule=HERE),
    net("loopback denied as IPv6", "connect", MAPPED, 7001, rule=HERE),
    *(net(f"{call} to loopback by {where}", call, where, 7001, op=op, addr=ANY, rule=ANY)
      for call, op in (("connect", "connect"), ("fastopen", "connect"), ("sendto", "send"), ("udp-connect", "send"))
      for where in ("4 0.0.0.0", "6 ::", "6 ::ffff:0.0.0.0")),
)


def families():
    """Which of them a kernel has differs: what the untagged one gets is not this test's business."""
    for case in FAMILIES:
        case.twin = bench.twin.ask(case.does)
    tap.that("the untagged can make some of them", sum(c.twin == "OK" for c in FAMILIES) >= 4,
             [(c.name, c.twin) for c in FAMILIES])
    bench.check(*FAMILIES)
    for kind in ("1", "2", "5"):
        bench.same(f"socketpair of type {kind}", f"socketpair {kind}")
    for family_number in ("2", "10"):
        for kind in ("1", "2"):
            bench.same(f"socket {family_number} {kind}", f"socket {family_number} {kind} 0")


def inherited():
    """A socket from before the tag: bound by the grant at each use."""
    udp, raw = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
    fds = (udp.fileno(), raw.fileno())
    mine = Agent("network", *(w for fd in fds for w in ("--keep-fd", str(fd))), pass_fds=fds).ready()
    twin = Twin(pass_fds=fds)
    bench.log.mark()
    have = [(mine.ask(words), twin.ask(words)) for words in (f"send-fd {fds[0]} {V4} 7001", f"send-fd {fds[0]} {V4} 7002",
                                                             f"send-fd {fds[1]} {V4} 0")]
    tap.equal("a socket from before", have, [("OK", "OK"), ("EACCES", "OK"), ("EACCES", "OK")])
    tap.that("its refusal", bench.log.find(pid=mine.pid, op="send", port=7002, reason="rule"))
    tap.that("and a raw one's", bench.log.find(pid=mine.pid, reason="family"))
    for probe in (mine, twin):
        probe.end()


def table(cases):
    def part():
        bench.check(*cases)
    part.__name__ = cases[0].name
    return part


def loopback():
    far = Bench(tap, agent("anywhere"))
    far.check(*LOOPBACK)
    far.end()


put("none/sentinel")
serve()
bench = Bench(tap, agent("network"))
tap.run(*map(table, (TCP, UDP, BIND)), families, inherited, loopback, bench.end)
