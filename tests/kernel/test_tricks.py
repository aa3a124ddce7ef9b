# SPDX-License-Identifier: Apache-2.0
"""Addresses in disguise, several in one go, changed under the call, and by io_uring."""
import os
import socket
import subprocess

from cases import ANY, Bench, Case
from kt import Tap, agent, put, wait_for

tap = Tap()
servers = {}
V4, V6, LINK = "127.0.0.1", "::1", "fe80::1%1"
ROUNDS = int(os.environ.get("CHECK_LONG") or 1) * 3000


def serve():
    subprocess.run(["ip", "-6", "address", "add", "fe80::1/64", "dev", "lo", "nodad"], check=False,
                   stderr=subprocess.DEVNULL)
    for port in (7001, 7002):
        for address in (V4, V6, "fe80::1"):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    s.bind((address, port, 0, 1) if ":" in address else (address, port))
                except OSError:
                    continue  # the twin will tell
                if kind == socket.SOCK_STREAM:
                    s.listen(4096)
                servers[address, kind, port] = s


def net(name, does, good, op="send", addr=V4, port=7002, rule=None, **more):
    return Case(name, does, good, type="net", op=op, addr=addr, port=port, rule=rule, **more)


def as_twin(case):
    """What a host without routes says to the untagged one is not this test's business."""
    case.twin = bench.twin.ask(case.does)
    return case


def pair(name, verb, **more):
    two = f"4 {V4} 7001 {V4}"
    return net(name, f"{verb} {two} 7002", f"{verb} {two} 7001", **more)


SEVERAL = (
    pair("connected to one, then sending to another", "connect-send"),
    pair("a datagram socket connected twice", "connect-twice"),
    pair("disconnected, then connected to another", "reconnect", op="connect"),
    pair("more to come for one, then sent to another", "cork"),
)

DISGUISED = (
    net("an IPv4-compatible address", "connect-scoped 6 ::127.0.0.1 7001", f"connect 6 {V6} 7001", op="connect",
        addr="::127.0.0.1", port=7001),
    net("an IPv4-mapped address of nobody", "connect-scoped 6 ::ffff:0.0.0.0 7002", f"connect 6 {V6} 7001", op="connect"),
    net("NAT64", "send-scoped 6 64:ff9b::7f00:1 7001", f"sendto 6 {V6} 7001", addr="64:ff9b::7f00:1", port=7001),
    net("a scoped address, another port", f"connect-scoped 6 {LINK} 7002", f"connect-scoped 6 {LINK} 7001", op="connect",
        addr="fe80::1"),
    net("a scoped address by UDP, another port", f"send-scoped 6 {LINK} 7002", f"send-scoped 6 {LINK} 7001",
        addr="fe80::1"),
    net("a scope on an address that has none", "connect-scoped 6 ::1%1 7002", "connect-scoped 6 ::1%1 7001",
        op="connect", addr="::1"),
    net("broadcast", "send-many 4 255.255.255.255 7001", f"sendto 4 {V4} 7001", addr="255.255.255.255", port=7001),
    net("a network's broadcast", "send-many 4 127.255.255.255 7002", "send-many 4 127.255.255.255 7001",
        addr="127.255.255.255"),
    net("multicast", "send-many 4 224.0.0.1 7001", "send-many 4 224.0.0.2 7001", addr="224.0.0.1", port=7001),
    net("multicast over IPv6", "send-many 6 ff02::1 7001", f"sendto 6 {V6} 7001", addr="ff02::1", port=7001),
    net("port 0 by UDP", f"sendto 4 {V4} 0", f"sendto 4 {V4} 7001", port=0),
    net("an IPv6 address of the length of RFC 2133", f"send-len 6 {V6} 7002 24", f"send-len 6 {V6} 7001 24", addr="::1"),
    net("an address with a tail", f"connect-len 4 {V4} 7002 28", f"connect-len 4 {V4} 7001 28", op="connect"),
)


def several():
    bench.check(*SEVERAL)
    # Nobody is asked about the second of two to one address; test_sockets.py says what it could carry.
    two = f"4 {V4} 7001 {V4}"
    bench.check(Case("two addressed messages in one call", f"mmsg {two} 7002", f"sendto 4 {V4} 7001", errno="ENOSYS",
                     type="guard", op="socket_control"),
                Case("even where both may go", f"mmsg {two} 7001", f"mmsg-connected {two} 7001", errno="ENOSYS",
                     type="guard", op="socket_control"))


def disguised():
    bench.check(*map(as_twin, DISGUISED))
    for name, words, errno in (("an address cut short", f"connect-len 4 {V4} 7002 15", "EINVAL"),
                               ("an address of two bytes", f"send-len 4 {V4} 7002 2", "EINVAL"),
                               ("an IPv6 address cut short", f"connect-len 6 {V6} 7002 23", "EINVAL"),
                               ("an IPv4 address to connect IPv6", f"connect-scoped 6 {V4} 7001", "EINVAL"),
                               ("an IPv6 address to send by IPv4", f"send-scoped 4 {V6} 7001", "EAFNOSUPPORT")):
        bench.same(name, words, errno, errno)


def taken(kind, port):
    """What has arrived there; nothing is left."""
    s, count = servers[V4, kind, port], 0
    s.setblocking(False)
    try:
        while True:
            if kind == socket.SOCK_STREAM:
                s.accept()[0].close()
            else:
                s.recv(16)
            count += 1
    except BlockingIOError:
        return count


def strays(kind, name):
    """How many of the untagged one's went where it did not say. With one processor at hand a few rounds see none."""
    bench.twin.ask(f"address-race {name} {V4} 7001 7002 300")
    return taken(kind, 7002)


def raced():
    """The kernel copies an address once, and it is the copy that is decided and used."""
    for kind, name in ((socket.SOCK_DGRAM, "datagram"), (socket.SOCK_STREAM, "stream")):
        for port in (7001, 7002):
            taken(kind, port)
        assert bench.agent.ask(f"address-race {name} {V4} 7001 7002 {ROUNDS if name == 'datagram' else ROUNDS // 3}") == "OK"
        out, refused = map(int, bench.agent.detail.split())
        tap.that(f"raced, {name}: some went out, some were refused", out > 10 and refused > 10, bench.agent.detail)
        tap.equal(f"raced, {name}: none came where none may", taken(kind, 7002), 0)
        tap.that(f"raced, {name}: the untagged one's do", wait_for(lambda: strays(kind, name)), bench.twin.detail)


def rings():
    table = [net(f"a ring's {verb}{how}", f"ring-{verb} 4 {V4} {port}{how}", f"ring-{verb} 4 {V4} {good}{how}",
                 op=op, port=port, pid=ANY)
             for how in ("", " async")
             for verb, op, port, good in (("connect", "connect", 7002, 7001), ("sendmsg", "send", 7002, 7001),
                                          ("send", "send", 7002, 7001), ("send-zc", "send", 7002, 7001),
                                          ("bind", "bind", 7022, 7020))]
    table += [Case(f"a ring's socket{how}", f"ring-socket 16 3 9{how}", f"ring-socket 2 1 0{how}", type="net",
                   op="socket", reason="family", kind="netlink-audit", pid=ANY) for how in ("", " async")]
    table += [Case("a ring's listen", f"ring-listen 4 {V4} 0", f"ring-socket 2 1 0", type="net", op="bind", port=0,
                   addr="0.0.0.0", pid=ANY),
              Case("a ring's option", "ring-option 0 15", "ring-option 1 2", errno="EPERM", type="guard",
                   op="socket_option", option_name="IP_FREEBIND", pid=ANY)]
    for case in table:
        have = bench.twin.ask(case.allow)
        if have not in ("OK", "EADDRINUSE") or (have := bench.twin.ask(case.does)) == "EINVAL":
            tap.skip(case.name, f"untagged: {have}")
            continue
        case.twin = have
        bench.check(case)


put("none/sentinel")
serve()
bench = Bench(tap, agent("tricks"))
tap.run(several, disguised, raced, rings, bench.end)
