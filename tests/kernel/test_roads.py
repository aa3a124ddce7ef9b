# SPDX-License-Identifier: Apache-2.0
"""Other roads to the same: io_uring, calls of other kinds of programs, data that flows by itself, file systems."""
import os
import shutil
import socket
import subprocess

from cases import ANY, Bench, Case, remove
from kt import EXT4, PROBE, Agent, Tap, agent, make, path, put

tap = Tap()
DENIED = "deny read,write,exec,create,delete,list,metadata path ${workdir}/tree/denied/**"
KEPT = "deny write,create,delete path ${workdir}/tree/kept/**"
servers, mounted = [], []


def world():
    for name in ("tree/a", "tree/b", "tree/denied/a", "tree/kept/a", "none/a", "none/sentinel", "readable/a"):
        put(name)
    for name in ("programs/good", "programs/denied"):
        put(name)
        shutil.copy(PROBE, path(name))
    make("sockets")
    for name in ("none/socket", "sockets/allowed-road"):
        remove(name)
        servers.append(socket.socket(socket.AF_UNIX))
        servers[-1].bind(path(name))
        servers[-1].listen(64)
    servers.append(socket.create_server(("127.0.0.1", 7001), backlog=64))
    servers.append(socket.create_server(("127.0.0.1", 7009), backlog=64))


def fresh():
    remove("tree/new", "tree/made", "tree/denied/new", "none/new", "none/made")
    put("tree/old")
    put("tree/older")
    put("none/old")
    put("none/doomed")
    put("tree/doomed")
    for name in ("tree/made-dir", "none/made-dir"):
        if os.path.isdir(path(name)):
            os.rmdir(path(name))


def what(op, name, rule=None, **more):
    return {"op": op, "path": name, "rule": rule, "setup": fresh, **more}


RING = (
    ("openat", "none/a", "tree/a", what("read", "none/a")),
    ("openat in a worker", "none/a", "tree/a", what("write", "none/a")),
    ("openat2", "tree/denied/a", "tree/a", what("read", "tree/denied/a", DENIED)),
    ("unlinkat", "none/doomed", "tree/doomed", what("delete", "none/doomed")),
    ("mkdirat", "none/made-dir", "tree/made-dir", what("create", "none/made-dir")),
    ("symlinkat", "none/made", "tree/made", what("create", "none/made")),
    ("renameat", "tree/old none/new", "tree/older tree/new", what("create", "none/new")),
    ("linkat", "tree/old tree/denied/new", "tree/old tree/new", what("create", "tree/denied/new", DENIED)),
    ("statx", "none/a", "tree/a", what("metadata", "none/a")),
    ("unix-connect", "none/socket", "sockets/allowed-road", what("connect", "none/socket")),
)
RING_NET = (
    ("connect", "7009", "7001", {"op": "connect", "addr": "127.0.0.1", "port": 7009}),
    ("sendmsg", "7009", "7001", {"op": "send", "addr": "127.0.0.1", "port": 7009}),
    ("send_zc", "7009", "7001", {"op": "send", "addr": "127.0.0.1", "port": 7009}),
    ("bind", "7021", "7020", {"op": "bind", "addr": "127.0.0.1", "port": 7021}),
    ("socket", "16 3 0", "2 1 0", {"reason": "family", "family": 16}),
)
RING_EXT4 = (
    ("setxattr", "tree/kept/a", "tree/a", "write", "deny write path /mnt/ext4/kt/tree/kept/**"),
    ("getxattr", "tree/denied/a", "tree/a", "metadata", "deny read,metadata path /mnt/ext4/kt/tree/denied/**"),
)


def knows(operation, words):
    """Whether this kernel's ring has the operation."""
    fresh()
    have = bench.twin.ask(f"uring {operation} {words}")
    if have in ("EINVAL", "ENOSYS", "EOPNOTSUPP"):
        tap.skip(f"io_uring: {operation}", f"not on this kernel: {have}")
    return have not in ("EINVAL", "ENOSYS", "EOPNOTSUPP")


def rings():
    if bench.twin.ask("uring openat tree/a") != "OK":
        return tap.skip("io_uring", "not on this kernel")
    for name, bad, good, event in RING:
        operation = "openat-async" if "worker" in name else name
        if knows(operation, good):
            bench.check(Case(f"io_uring: {name}", f"uring {operation} {bad}", f"uring {operation} {good}", **event))
    for name, bad, good, event in RING_NET:
        if knows(name, good):
            bench.check(Case(f"io_uring: {name}", f"uring {name} {bad}", f"uring {name} {good}", type="net", **event))
    bench.same("io_uring: a file handed to another ring of one's own", "ring-message tree/a")
    return bench.check(Case("io_uring: such a file is opened", "ring-message none/a", "ring-message tree/a", op="read",
                            path="none/a", rule=None))


def rings_ext4():
    if not EXT4:
        return tap.skip("io_uring: extended attributes", "no ext4 at hand")
    for name in ("tree/a", "tree/kept/a", "tree/denied/a"):
        put(f"{EXT4}/{name}")
    for name, bad, good, op, rule in RING_EXT4:
        if knows(name, f"{EXT4}/{good}"):
            bench.check(Case(f"io_uring: {name}", f"uring {name} {EXT4}/{bad}", f"uring {name} {EXT4}/{good}", op=op,
                             path=f"{EXT4}/{bad}", rule=rule))
    return None


def borrowed():
    """A polling thread that takes on credentials of another time has no more capabilities than its grant."""
    put("tree/shut", mode=0)
    os.chown(path("tree/shut"), 65534, 65534)
    if (have := bench.twin.ask("polled-read tree/shut")) != "OK":
        return tap.skip("io_uring: a polling thread that serves a second ring", have)
    bench.check(Case("io_uring: a polling thread that serves a second ring", "polled-read none/a",
                     "polled-read tree/a", op="read", path="none/a", rule=None, pid=ANY))
    bench.log.mark()
    have = bench.agent.ask("polled-read tree/shut")
    tap.equal("and wears other credentials: root's capability is not gained", have, "EACCES")
    tap.road("io_uring: a polling thread with other credentials", "polled-read tree/shut", have, "OK")
    tap.that("its event", bench.log.find(type="guard", op="capability", capability="cap_dac_override", verdict="deny"))
    return None


def other_programs():
    """int 0x80 and numbers of x32 from a program of 64 bits."""
    if bench.twin.ask("ia32-open tree/a") != "OK":
        tap.skip("int 0x80", "this kernel runs no programs of 32 bits")
    else:
        bench.check(
            Case("int 0x80: open", "ia32-open none/a", "ia32-open tree/a", **what("read", "none/a")),
            Case("int 0x80: unlink", "ia32-unlink none/doomed", "ia32-unlink tree/doomed",
                 **what("delete", "none/doomed")),
            Case("int 0x80: connect", "ia32-connect 7009", "ia32-connect 7001", type="net", op="connect", port=7009,
                 addr="127.0.0.1"),
            Case("int 0x80: a packet socket", "ia32-socket 17 3 0", "ia32-socket 2 1 0", type="net", reason="family",
                 family=17),
        )
    if (have := bench.twin.ask("x32-open tree/a")) != "OK":
        return tap.skip("x32: open", f"this kernel has no x32: {have}")
    return bench.check(Case("x32: open", "x32-open none/a", "x32-open tree/a", **what("read", "none/a")))


FLOWS = ("copy_file_range", "sendfile", "splice", "tee", "vmsplice")


def flows():
    """Both ends are decided when they are opened; what stands for a path only lets nothing flow."""
    for how in FLOWS:
        good = f"flow {how} readable/a tree/b"
        bench.check(
            Case(f"{how} from what may not be read", f"flow {how} none/a tree/b", good, **what("read", "none/a")),
            Case(f"{how} to what may not be written", f"flow {how} tree/a tree/kept/a", good,
                 **what("write", "tree/kept/a", KEPT)),
        )
        bench.same(f"{how} between O_PATH descriptors", f"flow-path {how} none/a tree/kept/a", agent="EBADF",
                   twin="EBADF")


def nameless():
    """linkat() of a descriptor alone: by capability before 6.10, by whose descriptor it is since."""
    for where, why in (("tree/denied/new", "denied"), ("none/new", "where nothing is granted")):
        fresh()
        bench.log.mark()
        have = bench.agent.ask(f"tmplink-empty tree {where}")
        tap.that(f"a file without a name gets none by AT_EMPTY_PATH: {why}",
                 have in ("EACCES", "ENOENT") and not os.path.exists(path(where)), have)
        tap.that("its event", bench.log.find(verdict="deny", pid=bench.agent.pid), have)
        tap.equal("untagged it does", bench.twin.ask(f"tmplink-empty tree {where}"), "OK")
    bench.check(Case("made code by pkey_mprotect", "map-pkey programs/denied", "map-pkey programs/good", op="exec",
                     path="programs/denied", rule="deny exec path ${workdir}/programs/denied"))


def mount(where, *options):
    make(where)
    good = subprocess.run(["mount", *options, path(where)], capture_output=True).returncode == 0
    mounted.extend([path(where)] if good else [])
    return good


def image(kind, size, *command):
    """A file system of that kind at mounted/KIND, or why not."""
    file = f"{os.environ['KT_SCRATCH']}/{kind}.img"
    with open(file, "wb") as f:
        f.truncate(size << 20)
    if subprocess.run(["sh", "-c", f"PATH=$PATH:/usr/sbin:/sbin; command -v {command[0]}"],
                      capture_output=True).returncode:
        return f"no {command[0]}"
    made = subprocess.run([*command, file], capture_output=True, text=True,
                          env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})
    assert made.returncode == 0, made.stderr
    subprocess.run(["modprobe", kind], capture_output=True)
    return "" if mount(f"mounted/{kind}", "-o", "loop", "-t", kind, file) else f"this kernel has no {kind}"


def place(kind):
    """The same questions on another file system."""
    here = f"mounted/{kind}"
    for name in ("a", "b", ".env", "d/a", "d/.env"):
        put(f"{here}/{name}")
    env = {"rule": "deny read path **/.env"}
    bench.check(
        Case(f"{kind}: a denied name", f"read {here}/.env", [f"read {here}/a", f"write {here}/.env"], op="read",
             path=f"{here}/.env", **env),
        Case(f"{kind}: a denied name below", f"read {here}/d/.env", f"read {here}/d/a", op="read",
             path=f"{here}/d/.env", **env),
        Case(f"{kind}: making a file", f"create {here}/new", f"write {here}/a", op="create", path=f"{here}/new",
             rule=None),
        Case(f"{kind}: removing a file", f"unlink {here}/b", f"truncate {here}/a", op="delete", path=f"{here}/b",
             rule=None),
        Case(f"{kind}: listing", f"list {here}/d", f"read {here}/d/a", op="list", path=f"{here}/d", rule=None),
        Case(f"{kind}: cloning what may not be read", f"flow FICLONE {here}/d/.env {here}/a",
             f"flow FICLONE {here}/d/a {here}/a", op="read", path=f"{here}/d/.env", **env),
        Case(f"{kind}: cloning a range of it", f"flow FICLONERANGE {here}/d/.env {here}/a",
             f"flow FICLONERANGE {here}/d/a {here}/a", op="read", path=f"{here}/d/.env", **env),
        Case(f"{kind}: a link to it", f"link {here}/a {here}/linked", f"stat {here}/a", op="create",
             path=f"{here}/linked", rule=None, setup=lambda: remove(f"{here}/linked")),
    )


def xfs():
    why = image("xfs", 320, "mkfs.xfs", "-q", "-f", "-m", "reflink=1")
    return tap.skip("xfs", why) if why else place("xfs")


def btrfs():
    why = image("btrfs", 128, "mkfs.btrfs", "-q", "-f")
    if why:
        return tap.skip("btrfs", why)
    place("btrfs")
    make("mounted/btrfs/listed")
    return bench.check(Case("btrfs: making a subvolume", "ioctl subvolume mounted/btrfs/listed", "read mounted/btrfs/a",
                            errno="EPERM", op="write", path="mounted/btrfs/listed", reason="guarded", twin="EFAULT"))


def pids_of_others():
    """A process's directory in proc is another's, whatever the road to it."""
    twin = bench.twin.pid
    bench.check(*(Case(f"/proc/PID/{name}", f"{verb} /proc/{twin}/{name}", f"{verb} /proc/self/{name}", op=op,
                       path=f"/proc/{twin}/{name}", rule=None)
                  for name, verb, op in (("maps", "read", "read"), ("auxv", "read", "read"), ("stat", "read", "read"),
                                         ("task", "list", "list"), ("pagemap", "read", "read"), ("cmdline", "read", "read"))))


def before_the_tag():
    """A container's root and mounts: made before the tag, they are where the mount namespace has them."""
    mine = Agent("files", unshare=True).ready()
    bench.log.mark()
    tap.equal("in a mount namespace of before, granted", mine.ask("read tree/a"), "OK")
    tap.equal("and denied", mine.ask("read tree/denied/a"), "EACCES")
    tap.that("with its path", bench.log.find(path=path("tree/denied/a"), pid=mine.pid, verdict="deny", rule=DENIED))
    mine.end()


def end():
    bench.end()
    for where in reversed(mounted):
        subprocess.run(["umount", "-l", where], capture_output=True)


world()
bench = Bench(tap, agent("network"))
tap.run(rings, rings_ext4, borrowed, other_programs, flows, nameless, xfs, btrfs, pids_of_others, before_the_tag, end)
