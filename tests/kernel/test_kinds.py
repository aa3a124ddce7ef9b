# SPDX-License-Identifier: Apache-2.0
"""SCTP, vsock, TLS over TCP, and descriptors of the processes behind unix sockets."""
import socket
import subprocess
import threading

from cases import ANY, Bench, Case
from kt import Agent, Tap, Twin, agent, deputy, make, put
from strangers import Greeter

tap = Tap()
V4, PORT, SCTP = "127.0.0.1", 7003, 132
CID, VPORT = 1, 7003  # the host itself
servers = []


def module(name):
    return subprocess.run(["modprobe", name], capture_output=True, check=False).returncode == 0


def drain(server):
    """Accepts for ever, and keeps what it accepted."""
    while True:
        servers.append(server.accept()[0])


def serve(*numbers, address):
    try:
        s = socket.socket(*numbers)
        s.bind(address)
    except OSError as e:
        return str(e)
    s.listen(64)
    servers.append(s)
    threading.Thread(target=drain, args=(s,), daemon=True).start()
    return ""


def kind(name, does, which, allow="socket 2 1 0", **more):
    return Case(name, does, allow, type="net", reason="family", kind=which, **more)


def from_before(fd, purpose, *words):
    """What an agent and a twin get that were started with the socket."""
    mine, twin = Agent(purpose, "--keep-fd", str(fd), pass_fds=(fd,)).ready(), Twin(pass_fds=(fd,))
    own = Bench(tap, mine)
    own.twin.end()
    own.twin = twin
    return own, [word.format(fd=fd) for word in words]


def sctp():
    if not module("sctp") or (why := serve(socket.AF_INET, socket.SOCK_STREAM, SCTP, address=(V4, PORT))):
        return tap.skip("SCTP", "this kernel has none")
    bench.check(
        kind("SCTP: a stream", f"socket 2 1 {SCTP}", "sctp", op="socket", protocol=SCTP),
        kind("SCTP: packets", f"socket 2 5 {SCTP}", "sctp", op="socket", protocol=SCTP),
        kind("SCTP over IPv6", f"socket 10 1 {SCTP}", "sctp", op="socket", protocol=SCTP),
    )
    for words in (f"socket 2 1 {SCTP}", f"socket 2 5 {SCTP}", f"kind-connect 2 1 {SCTP} {V4} {PORT}",
                  f"sctp-connectx -1 {PORT}", f"sctp-connectx-old -1 {PORT}", "sctp-bindx -1 7023"):
        granted.same(f"granted: {words}", words)
    for call, words, op in (("connect", "connect-fd {fd} %d" % PORT, "connect"),
                            ("connectx", "sctp-connectx {fd} %d" % PORT, "connect"),
                            ("connectx as of old", "sctp-connectx-old {fd} %d" % PORT, "connect"),
                            ("bindx", "sctp-bindx {fd} 7024", "bind")):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM, SCTP) as s:
            own, (does,) = from_before(s.fileno(), "files", words)
            own.check(kind(f"SCTP from before the tag: {call}", does, "sctp", op=op, protocol=SCTP))
            own.end()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, SCTP) as s:
        own, (does,) = from_before(s.fileno(), "kinds", "sctp-connectx {fd} %d" % PORT)
        tap.equal("SCTP from before the tag, granted: connectx", own.agent.ask(does), "OK")
        own.end()
    return None


def vsock():
    if not module("vsock_loopback") or (why := serve(socket.AF_VSOCK, socket.SOCK_STREAM,
                                                     address=(socket.VMADDR_CID_ANY, VPORT))):
        return tap.skip("vsock", "this kernel has none")
    to = f"{CID} {VPORT}"
    bench.check(kind("vsock: a stream", "socket 40 1 0", "vsock", op="socket"),
                kind("vsock: packets", "socket 40 5 0", "vsock", op="socket"),
                kind("vsock: connecting", f"vsock-connect -1 {to}", "vsock", op="socket"))
    granted.same("granted: vsock", f"vsock-connect -1 {to}")
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as s:
        own, (does,) = from_before(s.fileno(), "files", "vsock-connect {fd} " + to)
        own.check(kind("vsock from before the tag: connecting", does, "vsock", op=ANY))
        own.end()
    return None


def tls():
    """A protocol over TCP leads nowhere else, and ends with the grant."""
    if not module("tls") or bench.twin.ask("tls-open 7001") != "OK":
        return tap.skip("TLS by the kernel", "this kernel has none")
    mine = Bench(tap, agent("network"))
    mine.same("TLS over a granted connection", "tls-open 7001")
    mine.same("and sent", "tls-send")
    connect = {"type": "net", "op": "connect", "addr": V4, "rule": None}
    mine.check(Case("TLS to another port", "tls-open 7002", "tls-open 7001", port=7002, **connect))
    for who in (mine.agent, mine.twin):
        assert who.ask("tls-open 7001") == "OK"
    if (have := mine.twin.ask("tls-reconnect 7002")) != "OK":
        mine.same("connecting it anew is not for this kernel", "tls-reconnect 7002", have, have)
    else:
        mine.check(Case("connected anew, to another port", "tls-reconnect 7002", "connect 4 127.0.0.1 7001", port=7002,
                        **connect))
    for who in (mine.agent, mine.twin):
        assert who.ask("tls-open 7001") == "OK"
    mine.agent.deafen()
    mine.log.mark()
    assert deputy("revoke", mine.agent.grant, "--mode", "deny").returncode == 0
    have = mine.agent.ask("tls-send"), mine.twin.ask("tls-send")
    tap.equal("sent after the end of the grant", have, ("EPERM", "OK"))
    tap.that("its event", mine.log.find(type="net", op="send", verdict="deny", reason="revoked", pid=mine.agent.pid))
    mine.end()
    return None


def pidfds():
    """A process's descriptor from a socket is no more than one by its number: the process is another's."""
    name = Greeter("greeter").name
    for call in ("peer-pidfd", "scm-pidfd"):
        if (have := bench.twin.ask(f"{call} {name} have")) != "OK":
            tap.skip(call, f"not on this kernel: {have}")
            continue
        bench.same(f"{call}: it is had", f"{call} {name} have")
        for use, op in (("signal", "signal"), ("getfd", "ptrace"), ("mount-namespace", "ptrace"), ("pid-namespace", "ptrace")):
            does = f"{call} {name} {use}"
            if (have := bench.twin.ask(does)) != "OK":
                tap.skip(f"{call}: {use}", f"not on this kernel: {have}")
                continue
            case = Case(f"{call}: {use}", does, "getfd-fd 1", errno="EACCES" if "namespace" in use else "EPERM", type="guard",
                        op=op, reason="guarded")
            case.event["errno"] = "EPERM"  # of which the kernel makes EACCES for a namespace
            bench.check(case)


put("none/sentinel")
make("sockets")
for port in (7001, 7002):
    serve(socket.AF_INET, socket.SOCK_STREAM, address=(V4, port))
bench, granted = Bench(tap, agent("files")), Bench(tap, agent("kinds"))
tap.run(sctp, vsock, tls, pidfds, bench.end, granted.end)
