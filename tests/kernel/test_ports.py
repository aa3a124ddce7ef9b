# SPDX-License-Identifier: Apache-2.0
"""Port 0: whoever may have a port of the kernel's choice listens at it, and at no other."""
import socket

from cases import ANY, Bench, Case
from kt import Agent, Tap, Twin, agent, make, put
from strangers import Binder

tap = Tap()
V4 = "127.0.0.1"
NAMED = 47001  # nobody's, and no rule's


def net(name, does, allow, port, addr=V4, rule=None):
    return Case(name, does, allow, type="net", op="bind", port=port, addr=addr, rule=rule)


def granted():
    bench.same("bind to port 0, then listen", f"bind-listen 4 {V4} 0")
    bench.same("bind to port 0, then listen, over IPv6", "bind-listen 6 ::1 0")
    bench.same("bind to port 0, then listen, an IPv4 address as IPv6", f"bind-listen 6 ::ffff:{V4} 0")
    bench.same("listen without bind", f"listen 4 {V4} 0")


def refused():
    good = f"bind-listen 4 {V4} 0"
    bench.check(
        net("a port by its number", f"bind-listen 4 {V4} {NAMED}", good, NAMED),
        net("port 0 at another address", "bind-listen 4 127.0.0.5 0", good, 0, "127.0.0.5"),
        net("port 0 at another address, as IPv6", "bind-listen 6 ::ffff:127.0.0.5 0", good, 0, "127.0.0.5"),
        net("listen without bind, over IPv6", "listen 6 ::1 0", f"listen 4 {V4} 0", 0, "::"),
        net("the kernel's choice is a denied port", "bind-listen 4 127.0.0.2 0", ["bind 4 127.0.0.2 0", good], ANY,
            "127.0.0.2", "deny bind cidr 127.0.0.2"),
        Case("a grant to bind TCP to port 0 is none for UDP", f"udp-bind 4 {V4} 0", good, type="net", op="udp-bind",
             port=0, addr=V4, rule=None),
    )


def lent():
    """A socket of the grant's own that another process has bound."""
    named, chosen = Binder("named", V4, NAMED), Binder("chosen", V4, 0)
    bench.same("bound to port 0 by another", f"lent-listen {chosen.name} 2 1 0")
    bench.check(net("bound to a port by another", f"lent-listen {named.name} 2 1 0", f"bind-listen 4 {V4} 0", NAMED))
    words = f"kind-listen 2 1 262 {V4}"
    if bench.twin.ask(f"{words} 0") != "OK":
        return tap.skip("MPTCP", "this kernel has none")
    bench.same("MPTCP: bind to port 0, then listen", f"{words} 0")
    bench.same("MPTCP: bound to port 0 by another", f"lent-listen {chosen.name} 2 1 262")
    return bench.check(
        net("MPTCP: a port by its number", f"{words} {NAMED}", f"{words} 0", NAMED),
        net("MPTCP: bound to a port by another", f"lent-listen {named.name} 2 1 262", f"{words} 0", NAMED))


def inherited():
    """A stranger's socket: that it let the kernel choose is no grant for the agent."""
    for name, port in (("a port", NAMED), ("port 0", 0)):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((V4, port))
            fd = s.fileno()
            mine, twin = Agent("ports", "--keep-fd", str(fd), pass_fds=(fd,)).ready(), Twin(pass_fds=(fd,))
            bench.log.mark()
            tap.equal(f"inherited, bound to {name}", (mine.ask(f"listen-fd {fd}"), twin.ask(f"listen-fd {fd}")), ("EACCES", "OK"))
            tap.that("its event", bench.log.find(type="net", op="bind", verdict="deny", pid=mine.pid, reason="rule", addr=V4,
                                                 port=s.getsockname()[1]))
            tap.equal("its own", mine.ask(f"bind-listen 4 {V4} 0"), "OK")
            mine.end()
            twin.end()


put("none/sentinel")
make("sockets")
bench = Bench(tap, agent("ports"))
tap.run(granted, refused, lent, inherited, bench.end)
