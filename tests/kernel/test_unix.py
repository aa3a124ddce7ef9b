# SPDX-License-Identifier: Apache-2.0
"""Unix sockets: by the path that the other end is bound at, or because the other end is one's own."""
import os

from cases import Bench, Case, remove
from kt import Tap, Twin, agent, make, path, put

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
    bench.check(Case("by a symbolic link at an allowed place", "unix-connect sockets/allowed-link",
                     "unix-connect sockets/allowed", type="file", op="connect", path="sockets/other"))
    os.unlink(path("sockets/allowed-link"))


def own():
    bench.same("one's own abstract socket", f"unix-own {ABSTRACT}-own")
    bench.same("one's own socket with a name", "unix-own tree/own")
    bench.check(Case("binding where nothing may be made", "unix-bind none/socket", "unix-bind tree/bound",
                     setup=lambda: remove("none/socket", "tree/bound"), type="file", op="create", path="none/socket"))
    other = agent("files")
    assert other.ask(f"unix-serve stream {ABSTRACT}-other") == "OK"
    bench.check(Case("another grant's abstract socket", f"unix-connect {ABSTRACT}-other",
                     "unix-connect sockets/allowed", type="net", reason="family", family=1))
    other.end()


make("tree")
put("none/sentinel")
server = Twin()
serve()
bench = Bench(tap, agent("files"))
tap.run(named, moved, own, bench.end, server.end)
