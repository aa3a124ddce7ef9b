# SPDX-License-Identifier: Apache-2.0
"""What is Deputy's own: refused under a grant of everything, by whatever name it is reached."""
import os
import socket
import subprocess
import threading

from cases import ANY, Bench, Case, remove
from daemons import DEPUTYD, SCRATCH, Daemon
from kt import DEPUTY, EXT4, POLICY, ROOT, STATE, Agent, Tap, agent, deputy, make, path, put

tap = Tap()
daemon = Daemon()
PINS = daemon.pin_dir()
SOCKET = daemon.socket
CLI = os.path.dirname(DEPUTYD) + "/deputy"
CONFIG = SCRATCH + "/deputyd.yaml"
SEAL = SCRATCH + "/seal.key"  # where none is configured
ROOM = STATE + "/room"  # a directory of the daemon's with nothing that it needs
mounted = []


def world():
    for name in ("tree/a", "tree/b", "none/sentinel", "sockets/a", "mounted/a"):
        put(name)
    for name in (ROOM + "/a", ROOM + "/deep/er/a", ROOM + "/kept"):
        put(name)
    os.symlink("a", ROOM + "/link") if not os.path.islink(ROOM + "/link") else None


def ward(name, does, allow=None, op=ANY, where=ANY, **more):
    return Case(name, does, allow, errno="EPERM", type="file", op=op, path=where, reason="guarded", rule=None, **more)


def fresh(*names):
    def setup():
        for name in names:
            put(name)
    return setup


def gone(*names):
    return lambda: remove(*names)


def state():
    """Each operation, on files of the state directory that the daemon does not need."""
    a, beside = ROOM + "/a", "tree/a"
    bench.check(
        ward("read", f"read {a}", f"read {beside}", op="read", where=a),
        ward("write", f"write {a}", f"write {beside}", op="write", where=a),
        ward("list", f"list {ROOM}", "list tree", op="list", where=ROOM),
        ward("stat", f"stat {a}", f"stat {beside}", op="metadata", where=a),
        ward("readlink", f"readlink {ROOM}/link", op="metadata", where=ROOM + "/link"),
        ward("create", f"create {ROOM}/new", "create tree/new", op="create", where=ROOM + "/new",
             setup=gone(ROOM + "/new", "tree/new")),
        ward("mkdir", f"mkdir {ROOM}/newdir", op="create", where=ROOM + "/newdir", setup=gone(ROOM + "/newdir")),
        ward("symlink", f"symlink a {ROOM}/other", op="create", where=ROOM + "/other", setup=gone(ROOM + "/other")),
        ward("a fifo", f"mkfifo {ROOM}/fifo", op="create", where=ROOM + "/fifo", setup=gone(ROOM + "/fifo")),
        ward("a socket", f"unix-bind {ROOM}/socket", "unix-bind sockets/b", op="create", where=ROOM + "/socket",
             setup=gone(ROOM + "/socket", "sockets/b")),
        ward("a file without a name", f"tmpfile {ROOM}", "tmpfile tree"),
        ward("unlink", f"unlink {a}", "unlink tree/b", op="delete", where=a, setup=fresh(a, "tree/b")),
        ward("rmdir", f"rmdir {ROOM}/empty", op="delete", where=ROOM + "/empty", setup=lambda: make(ROOM + "/empty")),
        ward("rename out of it", f"rename {a} tree/out", op="delete", where=a, setup=fresh(a)),
        ward("rename into it", f"rename tree/b {ROOM}/in", "rename tree/a tree/b", op="create", where=ROOM + "/in",
             setup=fresh("tree/a", "tree/b")),
        ward("rename onto it", f"rename tree/b {a}", where=a, setup=fresh("tree/b", a)),
        ward("exchange", f"exchange tree/a {a}", where=a, setup=fresh("tree/a", a)),
        ward("link out of it", f"link {a} tree/linked", "link tree/a tree/linked2", where=a,
             setup=lambda: (fresh(a, "tree/a")(), gone("tree/linked", "tree/linked2")())),
        ward("link into it", f"link tree/a {ROOM}/linked", where=ROOM + "/linked", setup=gone(ROOM + "/linked")),
        ward("truncate", f"truncate {a}", f"truncate {beside}", op="write", where=a),
        ward("chmod", f"chmod {a}", f"chmod {beside}", op="write", where=a),
        ward("chown", f"chown {a}", f"chown {beside}", op="write", where=a),
        ward("utimes", f"utimes {a}", f"utimes {beside}", op="write", where=a),
        ward("setacl", f"setacl {a}", f"setacl {beside}", op="write", where=a),
        ward("getacl", f"getacl {a}", f"getacl {beside}", op="metadata", where=a),
        ward("listxattr", f"listxattr {a}", f"listxattr {beside}", op="metadata", where=a),
        ward("watching", f"inotify {ROOM}", "inotify tree", op="list", where=ROOM),
        ward("by io_uring", f"uring-read {a}", f"uring-read {beside}", op="read", where=a),
        ward("far beneath", f"read {ROOM}/deep/er/a", op="read", where=ROOM + "/deep/er/a"),
        ward("again, when the directory is known", f"read {ROOM}/deep/er/a", op="read", where=ROOM + "/deep/er/a"),
    )


def files():
    """Those that it does need: nothing that would change them."""
    bench.check(
        ward("the key", f"flock {STATE}/key r", f"read {POLICY}", op="read", where=STATE + "/key"),
        ward("the key to write", f"write {STATE}/key", op="write", where=STATE + "/key"),
        ward("the log", f"read {STATE}/events.jsonl", op="read", where=STATE + "/events.jsonl"),
        ward("the log to write", f"write {STATE}/events.jsonl", op="write", where=STATE + "/events.jsonl"),
        ward("the lock", f"read {STATE}/lock", op="read", where=STATE + "/lock"),
        ward("the records", f"list {STATE}/records", "list tree", op="list", where=STATE + "/records"),
        ward("the state directory", f"list {STATE}", op="list", where=STATE),
        ward("moving the state directory", f"rename {STATE} {STATE}", op="delete", where=STATE),
        ward("the configuration", f"read {CONFIG}", f"read {POLICY}", op="read", where=CONFIG),
        ward("the configuration to write", f"write {CONFIG}", f"write {POLICY}", op="write", where=CONFIG),
        ward("another configuration in its place", f"rename {CONFIG} {CONFIG}", f"rename {POLICY} {POLICY}",
             op="delete", where=CONFIG),
        ward("what the keys are sealed with", f"flock {SEAL} r", f"read {POLICY}", op="read", where=SEAL),
        ward("another in its place", f"rename {SEAL} {SEAL}", f"rename {POLICY} {POLICY}", op="delete", where=SEAL),
        ward("a profile kept from others", f"flock {PROFILES}/probe.yaml e", f"read {PROFILES}/probe.yaml", op="write",
             where=f"{PROFILES}/probe.yaml"),
        ward("deputyd", f"read {DEPUTYD}", f"read {CLI}", op="read", where=DEPUTYD),
        ward("deputyd's metadata", f"stat {DEPUTYD}", f"stat {CLI}", op="metadata", where=DEPUTYD),
        ward("running deputyd", f"run {DEPUTYD} --version", f"run {CLI} --version", op="exec", where=DEPUTYD, pid=ANY),
        ward("deputyd as code", f"map-exec {DEPUTYD}", f"map-exec {CLI}", where=DEPUTYD),
        ward("deputy kept from others", f"flock {CLI} e", f"flock {CLI} r", op="write", where=CLI),
    )


def parents():
    """Moving what leads to it away would leave the next daemon without it; what is beneath stays usable."""
    bench.check(
        ward("the directory above", f"rename {SCRATCH} {SCRATCH}", "rename tree tree", op="delete", where=SCRATCH),
    )
    bench.same("what is beside it on the way is anybody's as granted", f"utimes {ROOT}")


def listening():
    """The socket may be connected to, and asked; nothing else."""
    run = os.path.dirname(SOCKET)
    bench.check(
        ward("the socket's mode", f"chmod {SOCKET}", [f"unix-connect {SOCKET}", f"stat {SOCKET}"], op="write", where=SOCKET),
        ward("the socket's place", f"rename {SOCKET} {SOCKET}", op="delete", where=SOCKET),
        ward("another name for it", f"link {SOCKET} sockets/second", f"unix-connect {SOCKET}", where=SOCKET,
             setup=gone("sockets/second")),
        ward("a socket beside it", f"unix-bind {run}/other.sock", "unix-bind sockets/c", op="create",
             where=run + "/other.sock", setup=gone(run + "/other.sock", "sockets/c")),
        ward("the runtime directory", f"list {run}", op="list", where=run),
    )
    os.link(SOCKET, path("sockets/third"))
    bench.same("by a second name it is connected to", "unix-connect sockets/third")
    bench.check(ward("but not removed", "unlink sockets/third", op="delete", where="sockets/third"))
    os.chmod(SOCKET, 0o666)
    remove("sockets/second", "sockets/third", run + "/other.sock")


def asked():
    """From inside an agent the command line works."""
    for words, want in ((["ls"], 0), (["why", "--json"], None)):
        done = subprocess.run([DEPUTY, "run", "--policy", POLICY, "--purpose", "all", "--workdir", ROOT, "--", CLI, *words],
                              capture_output=True, text=True, timeout=60, check=False)
        good = done.returncode == want or (want is None and done.returncode in (0, 66, 69) and "EPERM" not in done.stderr)
        tap.that(f"deputy {words[0]} from inside", good, (done.returncode, done.stdout, done.stderr))


def pins():
    first = PINS + "/map-slots"
    bench.check(
        ward("the pins", f"list {PINS}", "list tree", op="list", where=PINS),
        ward("a pin's metadata", f"stat {first}", "stat /sys/fs/bpf", op="metadata", where=first),
        ward("a pin's mode", f"chmod {first}", op="write", where=first),
        ward("moving a pin", f"rename {first} {first}", op="delete", where=first),
        ward("a pin in its place", f"mkdir {PINS}/new", "mkdir tree/pin", op="create", where=PINS + "/new",
             setup=gone(PINS + "/new", "tree/pin")),
        ward("what a pinned iterator says", f"flock {PINS}/link-list_tagged r", op="read", where=PINS + "/link-list_tagged"),
        ward("moving the pins", f"rename {PINS} {PINS}", op="delete", where=PINS),
    )
    remove(PINS + "/new", "tree/pin")
    os.chmod(first, 0o600)


def processes():
    twin = bench.twin.pid
    for role, pid in daemon.roles().items():
        thread = max(map(int, os.listdir(f"/proc/{pid}/task")))
        bench.check(
            ward(f"{role}: its directory in proc", f"list /proc/{pid}", f"list /proc/{twin}", op="list", where=f"/proc/{pid}"),
            ward(f"{role}: its state", f"read /proc/{pid}/status", f"read /proc/{twin}/status", op="read",
                 where=f"/proc/{pid}/status"),
            ward(f"{role}: its memory", f"read /proc/{pid}/mem", op="read", where=f"/proc/{pid}/mem"),
            ward(f"{role}: its place before the out-of-memory killer", f"write /proc/{pid}/oom_score_adj",
                 "write /proc/self/oom_score_adj", op="write", where=f"/proc/{pid}/oom_score_adj"),
            ward(f"{role}: by a thread's number", f"read /proc/{thread}/task/{thread}/status", "read /proc/self/status",
                 op="read", where=f"/proc/{thread}/task/{thread}/status"),
            ward(f"{role}: its descriptors", f"stat /proc/{pid}/fd", f"stat /proc/{twin}/fd", op="metadata",
                 where=f"/proc/{pid}/fd"),
        )
        for name, op, does in (("a signal", "signal", f"kill {pid} 0"), ("by a pidfd", "signal", f"pidfd-kill {pid} 0"),
                               ("ptrace", "ptrace", f"ptrace {pid}"), ("its memory written", "ptrace", f"vm-writev {pid}"),
                               ("a descriptor taken", "ptrace", f"pidfd-getfd {pid}")):
            # Another user's processes are guarded for want of a capability before anything else.
            bench.check(Case(f"{role}: {name}", does, errno="EPERM", type="guard", op=op if role == "warden" else ANY,
                             reason="guarded" if role == "warden" else ANY))


def mount(where, *options):
    good = subprocess.run(["mount", *options, path(where)], capture_output=True, check=False).returncode == 0
    mounted.extend([path(where)] if good else [])
    return good


def aliases():
    """Under other names, made by somebody who may."""
    for name in ("state", "deep", "pins", "overlay"):
        make("mounted/" + name)
    put("mounted/file")
    for place, source in (("state", STATE), ("deep", ROOM + "/deep/er"), ("file", ROOM + "/a"), ("pins", PINS)):
        tap.that(f"bound: {place}", mount(f"mounted/{place}", "--bind", source))
    tap.equal("the signing key is written anew", deputy("key", "rotate").returncode, 0)
    os.link(STATE + "/key", path("tree/key")) if not os.path.exists(path("tree/key")) else None
    bench.check(
        ward("a bind mount", "flock mounted/state/key r", "read mounted/a", op="read", where="mounted/state/key"),
        ward("a bind mount, listed", "list mounted/state", "list mounted", op="list", where="mounted/state"),
        ward("by times alone", "utimes mounted/state/room/a", "utimes mounted/a", op="write"),
        ward("a bind mount of a directory beneath", "read mounted/deep/a", op="read", where="mounted/deep/a"),
        ward("a bind mount of a file", "read mounted/file", "read mounted/a", op="read", where="mounted/file"),
        ward("a bind mount of the pins", "list mounted/pins", op="list", where="mounted/pins"),
        ward("a hard link made before", "flock tree/key r", "read tree/a", op="read", where="tree/key"),
        ward("and its times", "utimes tree/key", "utimes tree/a", op="write", where="tree/key"),
    )
    remove("tree/key")


def overlay():
    base = (EXT4 or path("layers")) + "/ward"
    for name in ("upper", "work", "lower"):
        os.makedirs(f"{base}/{name}", exist_ok=True)
    put(f"{base}/lower/b")
    if not mount("mounted/overlay", "-t", "overlay", "overlay", "-o",
                 f"lowerdir={STATE}:{base}/lower,upperdir={base}/upper,workdir={base}/work"):
        return tap.skip("the layer below an overlay", "this kernel has none")
    bench.check(
        ward("the layer below an overlay", "flock mounted/overlay/key r", "read mounted/overlay/b", op="read"),
        ward("copied up from there", "write mounted/overlay/room/kept", "write mounted/overlay/b"),
    )


def elsewhere():
    """A mount namespace of one's own, from before the tag."""
    mine = Agent("all", unshare=True).ready()
    bench.log.mark()
    tap.equal("in another mount namespace", (mine.ask(f"read {STATE}/key"), mine.ask("read tree/a")), ("EPERM", "OK"))
    tap.that("its event", bench.log.find(op="read", path=STATE + "/key", pid=mine.pid, reason="guarded"))
    mine.end()


def received():
    """A descriptor of the log, from a stranger."""
    remove("sockets/ward")
    server = socket.socket(socket.AF_UNIX)
    server.bind(path("sockets/ward"))
    server.listen()

    def serve():
        with open(STATE + "/events.jsonl", "rb") as log:
            for _ in range(2):
                to, _ = server.accept()
                socket.send_fds(to, [b"x"], [log.fileno()])
                to.close()

    threading.Thread(target=serve, daemon=True).start()
    bench.log.mark()
    have = bench.agent.ask("receive-fd sockets/ward"), bench.twin.ask("receive-fd sockets/ward")
    tap.equal("a descriptor of the log does not arrive", have, ("EACCES", "OK"))  # as recvmsg(2) tells it: cut off
    tap.that("its event", bench.log.find(op="read", path=STATE + "/events.jsonl", errno="EPERM", reason="guarded",
                                         pid=bench.agent.pid))


def moved():
    """Renamed by who may, it is warded where it is; and what takes its place in an ordinary directory is not."""
    put(ROOM + "/moving/a")
    os.rename(ROOM + "/moving", path("tree/moving"))
    bench.same("moved out of the state directory it is anybody's", "read tree/moving/a")
    os.rename(path("tree/moving"), ROOM + "/moving")
    bench.check(ward("moved back it is Deputy's", f"read {ROOM}/moving/a", op="read", where=ROOM + "/moving/a"))


def end():
    bench.end()
    for place in reversed(mounted):
        subprocess.run(["umount", "-l", place], capture_output=True, check=False)


PROFILES = os.path.dirname(os.path.realpath(__file__)) + "/profiles"
world()
bench = Bench(tap, agent("all"))
tap.run(state, files, parents, listening, asked, pins, processes, aliases, overlay, elsewhere, received, moved, end)
