# SPDX-License-Identifier: Apache-2.0
"""Sockets that are granted by their kind, netlink that only asks, and options that lead packets elsewhere."""
import socket

from cases import Bench, Case
from kt import Agent, Tap, Twin, agent, put

tap = Tap()
servers = []
V4, V6 = "127.0.0.1", "::1"
ECHO = "08" + "00*7"
ECHO6 = "80" + "00*7"


def serve():
    for port in (7001, 7002):
        for family, address in ((socket.AF_INET, V4), (socket.AF_INET6, V6)):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                s = socket.socket(family, kind)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind((address, port))
                if kind == socket.SOCK_STREAM:
                    s.listen(64)
                servers.append(s)


def as_twin(case):
    """Which kinds a kernel has differs: what the untagged one gets is not this test's business."""
    case.twin = bench.twin.ask(case.does)
    return case


# Those that the other purpose of the same bench grants: name, family, type, protocol.
KINDS = (
    ("icmp", 2, 2, 1),
    ("icmpv6", 10, 2, 58),
    ("mptcp", 2, 1, 262),
    ("mptcp", 10, 1, 262),
    ("udplite", 2, 2, 136),
    ("netlink-route", 16, 3, 0),
    ("netlink-route", 16, 2, 0),
    ("alg", 38, 5, 0),
)

# Refused although their neighbours are granted.
OTHERS = (
    ("packet", 17, 3, 0),
    ("raw6", 10, 3, 58),
    ("sctp", 2, 1, 132),
    ("vsock", 40, 1, 0),
    ("netlink-usersock", 16, 3, 2),
    ("netlink-sock-diag", 16, 3, 4),
    ("netlink-xfrm", 16, 3, 6),
    ("netlink-audit", 16, 3, 9),
    ("netlink-connector", 16, 2, 11),
    ("netlink-netfilter", 16, 3, 12),
    ("netlink-uevent", 16, 3, 15),
    ("netlink-generic", 16, 3, 16),
    ("can", 29, 3, 1),
    ("bluetooth", 31, 3, 1),
    ("key", 15, 3, 2),
    ("smc", 2, 1, 256),
    ("tipc", 30, 5, 0),
)


def kinds():
    plain = Bench(tap, agent("network"))
    for name, *numbers in KINDS:
        words = "socket " + " ".join(map(str, numbers))
        want = plain.twin.ask(words)
        bench.same(f"granted: {words} is {name}", words, want, want)
        plain.check(Case(f"not granted: {words}", words, "socket 2 1 0", twin=want, type="net", op="socket",
                         reason="family", kind=name, family=numbers[0], sock_type=numbers[1], protocol=numbers[2]))
    plain.end()
    for name, *numbers in OTHERS:
        words = "socket " + " ".join(map(str, numbers))
        bench.check(as_twin(Case(f"not granted: {words}", words, "socket 2 1 0", type="net", op="socket",
                                 reason="family", kind=name, family=numbers[0])))
    bench.check(Case("a raw one wants a capability besides", "socket 2 3 1", "socket 2 2 1", errno="EPERM", type="guard",
                     op="capability", capability="cap_net_raw"))


def addressed():
    """Those with addresses of TCP and UDP meet the rules that those meet."""
    for name, call, op in (("MPTCP", "kind-connect 2 1 262", "connect"),
                           ("UDP-Lite", "kind-send 2 2 136", "send")):
        rest = " 00" if op == "send" else ""
        good = f"{call} {V4} 7001{rest}"
        if bench.twin.ask(good) != "OK":
            tap.skip(name, f"untagged: {bench.twin.ask(good)}")
            continue
        bench.check(Case(f"{name} to another port", f"{call} {V4} 7002{rest}", good, type="net", op=op, port=7002,
                         addr=V4, rule=None))
    for name, words in (("ping", f"kind-send 2 2 1 {V4} 0 {ECHO}"), ("ping over IPv6", f"kind-send 10 2 58 {V6} 0 {ECHO6}")):
        bench.same(name, words)


def before():
    """What a kind means holds at each use of a socket from before the tag, too."""
    ping = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 1)
    fd = ping.fileno()
    words = f"kind-send-fd {fd} {V4} 0 {ECHO}"
    for purpose, want in (("sockets", "OK"), ("network", "EACCES")):
        mine, twin = Agent(purpose, "--keep-fd", str(fd), pass_fds=(fd,)).ready(), Twin(pass_fds=(fd,))
        bench.log.mark()
        tap.equal(f"a ping socket from before, under {purpose}", (mine.ask(words), twin.ask(words)), (want, "OK"))
        if want != "OK":
            tap.that("its refusal", bench.log.find(pid=mine.pid, reason="family", kind="icmp"))
        mine.end()
        twin.end()


def netlink(name, words, good="netlink 18", twin="OK", message=0, **more):
    return Case(f"netlink: {name}", words, good, errno="EPERM", twin=twin, type="guard", op="netlink", message=message,
                **more)


# A head of 16 bytes: length, type, flags, sequence, port. 28 bytes long, and then the attributes.
GETLINK = "20000000.12000100.00*8.00*16."
NEWLINK = "20000000.10000500.00*8.00*16."
NETLINK = (
    netlink("a new link", "netlink 16", message=16),
    netlink("a link gone", "netlink 17", message=17),
    netlink("a link set", "netlink 19", message=19),
    netlink("a new address", "netlink 20", message=20),
    netlink("a new route", "netlink 24", message=24),
    netlink("a new rule", "netlink 32", message=32),
    netlink("a queueing discipline", "netlink 36", message=36),
    netlink("a namespace's id", "netlink 88", message=88),
    netlink("a question, then a change", "netlink 22 16", message=16),
    netlink("questions, then a change", "netlink 18 22 26 30 21", message=21),
    netlink("an unaligned length, then a change", "netlink-raw " + "1e" + GETLINK[2:] + NEWLINK, message=16),
    netlink("an acknowledgement's type, then a change", "netlink-raw 10000000.02000000.00*8." + NEWLINK, message=16),
    netlink("to another process", "netlink-to 1 0", twin="ECONNREFUSED"),
    netlink("to a group", "netlink-to 0 1", twin="ECONNREFUSED"),
    netlink("joining the group of neighbours", "netlink-bind 4", "netlink-bind 0x551"),
    netlink("joining the group of rules", "netlink-bind 0x80", "netlink-bind 0"),
    netlink("joining every group", "netlink-bind 0xffffffff", "netlink-bind 1"),
)


def asking():
    bench.same("netlink: links", "netlink-links")
    bench.same("netlink: three questions", "netlink 18 22 26")
    bench.same("netlink: nothing whole", "netlink-raw 10000000")
    bench.same("netlink: a change longer than what is there is none", "netlink-raw " + GETLINK + "40" + NEWLINK[2:])
    bench.check(*map(as_twin, NETLINK))


def option(name, numbers, level, number, value, good="option 2 2 0 1 6 01000000", **more):
    return Case(f"option {name}", f"option {numbers} {level} {number} {value}", good, errno="EPERM", type="guard",
                op="socket_option", option_name=name, level=level, option=number, **more)


LOOSE = "8307047f00000200"  # loose source route over 127.0.0.2
RTHDR = "00020400.01000000.00*14.0001"  # a routing header of segments: its address is the first hop
OPTIONS = (
    option("IP_OPTIONS", "2 1 0", 0, 4, LOOSE),
    option("IP_OPTIONS", "2 2 0", 0, 4, LOOSE),
    option("IP_OPTIONS", "10 2 0", 0, 4, LOOSE),
    option("IPV6_RTHDR", "10 2 0", 41, 57, RTHDR),
    option("IPV6_2292RTHDR", "10 2 0", 41, 5, RTHDR),
    option("IPV6_2292PKTOPTIONS", "10 2 0", 41, 6, "00*16"),
    option("IPV6_FLOWLABEL_MGR", "10 2 0", 41, 32, "00*15.01.00010000"),
    option("IPV6_PKTINFO", "10 2 0", 41, 50, "00*16.01000000"),
    option("IP_FREEBIND", "2 2 0", 0, 15, "01000000"),
    option("IPV6_FREEBIND", "10 2 0", 41, 78, "01000000"),
    option("IP_TRANSPARENT", "2 1 0", 0, 19, "01000000"),
    option("IPV6_TRANSPARENT", "10 1 0", 41, 75, "01000000"),
    option("SO_BINDTODEVICE", "2 2 0", 1, 25, "6c6f00"),
    option("SO_BINDTOIFINDEX", "2 2 0", 1, 62, "01000000"),
    option("IP_UNICAST_IF", "2 2 0", 0, 50, "00000001"),
    option("IPV6_UNICAST_IF", "10 2 0", 41, 76, "00000001"),
    option("SO_MARK", "2 2 0", 1, 36, "01000000"),
    option("TCP_REPAIR", "2 1 0", 6, 19, "01000000"),
    option("SO_ATTACH_BPF", "2 2 0", 1, 50, "ff*4"),
    option("SO_ATTACH_REUSEPORT_EBPF", "2 2 0", 1, 52, "ff*4"),
    option("NETLINK_ADD_MEMBERSHIP", "16 3 0", 270, 1, "01000000", "option 16 3 0 270 11 01000000"),
    option("NETLINK_LISTEN_ALL_NSID", "16 3 0", 270, 8, "01000000", "option 16 3 0 270 12 01000000"),
)


def control(name, family, level, number, value, before="", **more):
    address = V4 if family == 2 else V6
    return Case(f"control message {name}{' behind another' if before else ''}",
                f"control {family} {address} 7001 {before}{level} {number} {value}",
                f"control {family} {address} 7001 {level} {9999} 00", errno="EPERM", type="guard", op="socket_control",
                level=level, option=number, **more)


CONTROLS = (
    control("IP_RETOPTS", 2, 0, 7, LOOSE),
    control("IP_RETOPTS", 2, 0, 7, LOOSE, before="0 1 40000000 0 2 40000000 "),
    control("IPV6_RTHDR", 10, 41, 57, RTHDR),
    control("IPV6_RTHDR", 10, 41, 57, RTHDR, before="41 67 00000000 "),
    control("IPV6_2292RTHDR", 10, 41, 5, RTHDR),
    control("SO_MARK", 2, 1, 36, "01000000"),
    control("IP_PKTINFO with a link", 2, 0, 8, "01000000.00*8"),
    control("IPV6_PKTINFO with a link", 10, 41, 50, "00*16.01000000"),
)


# Of several messages to one address the kernel asks about the first.
AGAIN = (("IP_RETOPTS", 2, 0, 7, LOOSE), ("IPV6_RTHDR", 10, 41, 57, RTHDR),
         ("IP_PKTINFO with a link", 2, 0, 8, "01000000.00*8"), ("time to live, which alone may be", 2, 0, 2, "40000000"))


def again(name, family, level, number, value):
    address = V4 if family == 2 else V6
    case = Case(f"in the second message of a sendmmsg: {name}", f"control-again 2 {family} {address} 7001 {level} {number} {value}",
                f"control {family} {address} 7001 {'0 2' if family == 2 else '41 52'} 40000000", errno="ENOSYS", type="guard",
                op="socket_control")
    return as_twin(case)


def controls():
    bench.same("control messages: time to live", f"control 2 {V4} 7001 0 2 40000000")
    bench.same("control messages: a source", f"control 2 {V4} 7001 0 8 00000000.7f000001.00*4")
    bench.same("control messages: one cut short", f"control 2 {V4} 7001 0 8 00", "EINVAL", "EINVAL")
    bench.check(*map(checked, CONTROLS))
    bench.check(*(again(*which) for which in AGAIN))
    bench.same("one message alone by sendmmsg", f"control-again 1 2 {V4} 7001 0 2 40000000")


def checked(case):
    """Messages of no known type are refused by some families: then a plain one is the twin."""
    family, address = case.does.split()[1:3]
    case.allow = f"control {family} {address} 7001 {'0 2' if family == '2' else '41 52'} 40000000"
    return as_twin(case)


def options():
    bench.same("option TCP_NODELAY", "option 2 1 0 6 1 01000000")
    bench.same("option SO_BROADCAST", "option 2 2 0 1 6 01000000")
    bench.same("option IP_MULTICAST_IF", "option 2 2 0 0 32 7f000001")
    bench.check(*map(as_twin, OPTIONS))


with open("/proc/sys/net/ipv4/ping_group_range", "w", encoding="ascii") as f:
    f.write("0 2147483647")
put("none/sentinel")
serve()
bench = Bench(tap, agent("sockets"))
tap.run(kinds, addressed, before, asking, options, controls, bench.end)
