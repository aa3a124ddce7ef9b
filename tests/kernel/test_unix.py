# SPDX-License-Identifier: Apache-2.0
"""Unix sockets: by the path that the other end is bound at, or because the other end is one's own."""
import os
import socket

from cases import Bench, Case, remove
from kt import Agent, Tap, Twin, agent, make, path, put

tap = Tap()
ABSTRACT = f"@kt-{os.getpid()}"


def serve():
    make("sockets")
    make("none")
    remove("sockets/allowed", "sockets/allowed-datagram", "sockets/allowed-packet", "sockets/other",
           "sockets/other-datagram", "sockets/other-packet", "tree/socket", "tree/own")
    for words in ("stream sockets/allowed", "stream sockets/other", "packet sockets/allowed-packet",
                  "packet sockets/other-packet", "datagram sockets/allowed-datagram",
                  "datagram sockets/other-datagram", f"stream {ABSTRACT}", f"datagram {ABSTRACT}-d", "stream tree/socket"):
        assert server.ask("unix-serve " + words) == "OK", words


def to(name, call, where, good, **more):
    return Case(name, f"{call} {where}", f"{call} {good}", type="file", op="connect", path=where, rule=None, **more)


NAMED = (
    to("stream", "unix-connect", "sockets/other", "sockets/allowed"),
    to("packets", "unix-connect-packet", "sockets/other-packet", "sockets/allowed-packet"),
    to("datagrams, connected", "unix-connect-datagram", "sockets/other-datagram", "sockets/allowed-datagram"),
    to("datagrams, sent", "unix-send", "sockets/other-datagram", "sockets/allowed-datagram"),
    Case("a tree's files may be written, its sockets not connected to", "unix-connect tree/socket",
         ["stat tree/socket", "unix-connect sockets/allowed"], type="file", op="connect", path="tree/socket", rule=None),
    Case("abstract stream", f"unix-connect {ABSTRACT}", "unix-connect sockets/allowed", type="net", reason="family",
         family=1),
    Case("abstract datagrams, connected", f"unix-connect-datagram {ABSTRACT}-d",
         "unix-connect-datagram sockets/allowed-datagram", type="net", reason="family", family=1),
    Case("abstract datagrams, sent", f"unix-send {ABSTRACT}-d", "unix-send sockets/allowed-datagram", type="net",
         reason="family", family=1),
)


def named():
    bench.check(*NAMED)


def moved():
    """A socket is where its file is now."""
    os.rename(path("sockets/other"), path("sockets/allowed-now"))
    bench.same("a socket that was moved to an allowed place", "unix-connect sockets/allowed-now")
    os.rename(path("sockets/allowed-now"), path("sockets/other"))
    bench.check(to("and back", "unix-connect", "sockets/other", "sockets/allowed"))
    os.symlink(path("sockets/other"), path("sockets/allowed-link"))
    bench.check(to("by a descriptor that opens nothing", "unix-connect-magic", "sockets/other", "sockets/allowed"))
    bench.check(Case("by a symbolic link at an allowed place", "unix-connect sockets/allowed-link",
                     "unix-connect sockets/allowed", type="file", op="connect", path="sockets/other"))
    os.unlink(path("sockets/allowed-link"))


def own():
    bench.same("one's own abstract socket", f"unix-own {ABSTRACT}-own")
    bench.same("one's own socket with a name", "unix-own tree/own")
    bench.check(Case("binding where nothing may be made", "unix-bind none/socket", "unix-bind tree/bound",
                     setup=lambda: remove("none/socket", "tree/bound"), type="file", op="create", path="none/socket"))
    bench.same("one's own packets", f"unix-own-packet {ABSTRACT}-own-p")
    bench.same("one's own abstract datagrams", f"unix-own-datagram {ABSTRACT}-own-d")
    bench.same("one's own datagrams with a name", "unix-own-datagram tree/own-d")
    bench.same("one's own of a name that the kernel chose", "unix-own-autobind")
    other = agent("files")
    for kind, call in (("stream", "unix-connect"), ("packet", "unix-connect-packet"), ("datagram", "unix-send")):
        assert other.ask(f"unix-serve {kind} {ABSTRACT}-other-{kind}") == "OK"
        bench.check(nameless(f"another grant's abstract socket: {kind}", f"{call} {ABSTRACT}-other-{kind}"))
    other.end()


def nameless(name, does, **more):
    return Case(name, does, "unix-connect sockets/allowed", type="net", reason="family", family=1, kind="unix", **more)


def listened():
    """listen(2) on an inherited socket makes the agent its last listener, and no more its maker."""
    theirs = socket.socket(socket.AF_UNIX)
    theirs.bind(f"\0{ABSTRACT[1:]}-kept")
    theirs.listen()
    fd = theirs.fileno()
    mine = Bench(tap, Agent("files", "--keep-fd", str(fd), pass_fds=(fd,)).ready())
    mine.twin.end()
    mine.twin = Twin(pass_fds=(fd,))
    mine.same("listening on an inherited socket", f"unix-listen-fd {fd}")
    mine.check(nameless("a listener from before, listened on anew", f"unix-connect {ABSTRACT}-kept"))
    mine.end()
    theirs.close()


def said():
    """Who one is is said by the kernel."""
    bench.same("one's own credentials", f"unix-credentials 0 {os.getuid()}")
    for name, words, cap in (("another's process", "1 0", "cap_sys_admin"), ("another user", "0 65534", "cap_setuid")):
        bench.check(Case(f"credentials: {name}", f"unix-credentials {words}", "unix-credentials 0 0", errno="EPERM",
                         type="guard", op="capability", capability=cap))


make("tree")
put("none/sentinel")
server = Twin()
serve()
bench = Bench(tap, agent("files"))
tap.run(named, moved, own, listened, said, bench.end, server.end)
