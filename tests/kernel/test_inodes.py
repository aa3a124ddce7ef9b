# SPDX-License-Identifier: Apache-2.0
"""What the kernel asks about by name or inode alone: links, times, attributes, watches, locks, queues."""
import os
import subprocess

from cases import ANY, Bench, Case, remove
from kt import EXT4, PROBE, Agent, Tap, agent, make, path, put

tap = Tap()
DENIED = "deny read,write,exec,create,delete,list,metadata path ${workdir}/tree/denied/**"
KEPT = "deny write,create,delete path ${workdir}/tree/kept/**"
mounted = []


def link(name, to="a"):
    if not os.path.islink(path(name)):
        os.symlink(to, path(name))


def world():
    for name in ("tree/a", "tree/denied/a", "tree/kept/a", "none/a", "none/sentinel", "seen/a", "readable/a"):
        put(name)
    for name in ("tree/dir", "tree/denied/dir", "none/dir"):
        make(name)
    for name in ("tree/link", "tree/denied/link", "tree/kept/link", "none/link"):
        link(name)
    if EXT4:
        for name in ("tree/a", "tree/kept/a", "tree/denied/a", "other/a"):
            put(f"{EXT4}/{name}")
        for name in ("tree/dir", "other/dir"):
            make(f"{EXT4}/{name}")


def write(name, verb, leaf="a", **more):
    return Case(name, f"{verb} tree/kept/{leaf}", f"{verb} tree/{leaf}", op="write", path=f"tree/kept/{leaf}",
                type="file", rule=KEPT, **more)


LINKS_AND_TIMES = (
    Case("readlink by a rule", "readlink tree/denied/link", ["readlink tree/link", "readlink tree/kept/link"],
         op="metadata", path="tree/denied/link", type="file", rule=DENIED),
    Case("readlink where no rule is", "readlink none/link", "readlink tree/link", op="metadata", path="none/link",
         rule=None),
    write("utimensat with times of old", "utimes"),
    write("utimensat with the present time", "touch"),
    write("utimensat of a symbolic link itself", "lutimes", leaf="link"),
    Case("utimensat where no rule is", "utimes none/a", "utimes tree/a", op="write", path="none/a", rule=None),
)

WATCHES = (
    Case("inotify on a directory", "inotify none/dir", "inotify tree/dir", op="list", path="none/dir", rule=None),
    Case("inotify on a denied directory", "inotify tree/denied/dir", "inotify tree/dir", op="list",
         path="tree/denied/dir", rule=DENIED),
    Case("inotify on a file that may not be read", "inotify seen/a", ["inotify readable/a", "stat seen/a"], op="read",
         path="seen/a"),
)

LOCKS = (
    Case("an exclusive flock on what may be read only", "flock tree/kept/a ex", ["flock tree/a ex",
         "flock tree/kept/a sh"], op="write", path="tree/kept/a", rule=KEPT),
)

OPENAT2 = tuple(
    Case(f"openat2 with {name}", f"openat2 tree/denied/a {flags}", f"openat2 tree/a {flags}", op="read",
         path="tree/denied/a", rule=DENIED)
    for name, flags in (("no flags", "0"), ("RESOLVE_NO_XDEV", "1"), ("RESOLVE_NO_MAGICLINKS", "2"),
                        ("RESOLVE_NO_SYMLINKS", "4"), ("RESOLVE_BENEATH", "8"), ("RESOLVE_IN_ROOT", "10"))
)

WHITEOUT = (
    Case("a whiteout where nothing may be made", "rename-whiteout deletable/a readable/new",
         "rename-whiteout tree/w tree/new", op="create", path="deletable/a",
         setup=lambda: [remove("readable/new", "tree/new", "tree/w", "deletable/a"), put("deletable/a"),
                        put("tree/w")]),
)


def attributes():
    """On ext4, which has all of them on every kernel."""
    if not EXT4:
        return tap.skip("attributes", "no ext4 at hand")
    for name in ("tree/kept/a", "tree/denied/a", "tree/a"):
        os.setxattr(f"{EXT4}/{name}", "user.kt", b"x")
    kept = "deny write path /mnt/ext4/kt/tree/kept/**"
    hidden = "deny read,metadata path /mnt/ext4/kt/tree/denied/**"
    cases = [Case(verb, f"{verb} {EXT4}/tree/kept/a", f"{verb} {EXT4}/tree/a", op="write", path=f"{EXT4}/tree/kept/a",
                  rule=kept, type="file")
             for verb in ("setxattr", "removexattr", "setacl", "removeacl", "utimes", "chmod", "truncate",
                          "ioctl setflags", "ioctl setxflags")]
    cases += [Case(verb, f"{verb} {EXT4}/tree/denied/a", [f"{verb} {EXT4}/tree/a", f"{verb} {EXT4}/tree/kept/a"],
                   op="metadata", path=f"{EXT4}/tree/denied/a", rule=hidden, type="file")
              for verb in ("getxattr", "listxattr", "getacl", "stat")]
    bench.check(*cases, Case("FS_IOC_SETVERSION", f"ioctl setversion {EXT4}/tree/kept/a",
                             f"ioctl getflags {EXT4}/tree/kept/a", op="write", path=f"{EXT4}/tree/kept/a", rule=kept,
                             twin="ENOTTY"),
                Case("a subvolume", f"ioctl subvolume {EXT4}/tree", f"list {EXT4}/tree", errno="EPERM", op="write",
                     path=f"{EXT4}/tree", reason="guarded", twin="ENOTTY"),
                Case("opening by handle", f"open-handle {EXT4}/other/a {EXT4}/tree", f"read {EXT4}/tree/a",
                     errno="EPERM", type="guard", op="capability", reason="guarded"))


def op_of(verb):
    """Flags are read before they are set, which 7.x asks about too."""
    return ANY if "setflags" in verb else "write"


def by_descriptor():
    """Opened where it was granted; then the file is moved to where it is not."""
    if not EXT4:
        return tap.skip("attributes by descriptor", "no ext4 at hand")
    put(f"{EXT4}/tree/fd")
    bench.agent.ask(f"hold {EXT4}/tree/fd w")
    fd = bench.agent.detail
    for verb in ("futimes-fd", "fsetxattr-fd", "ioctl-fd setflags"):
        bench.same(f"{verb} where it is granted", f"{verb} {fd}", twin="EBADF")
    os.rename(f"{EXT4}/tree/fd", f"{EXT4}/other/fd")
    where = {"path": f"{EXT4}/other/fd", "rule": None, "twin": "EBADF"}
    bench.check(*(Case(f"{verb} after the file moved away", f"{verb} {fd}", op=op_of(verb), **where)
                  for verb in ("futimes-fd", "fsetxattr-fd", "ioctl-fd setflags")))
    bench.agent.ask(f"close {fd}")


def fanotify():
    if not EXT4:
        return tap.skip("fanotify", "no ext4 at hand")
    if (have := bench.twin.ask(f"fanotify {EXT4}/other/dir")) != "OK":
        return tap.skip("fanotify", have)
    bench.log.mark()
    tap.equal("fanotify on a directory that may not be listed", bench.agent.ask(f"fanotify {EXT4}/other/dir"), "EACCES")
    tap.that("its event", bench.log.find(op="list", path=f"{EXT4}/other/dir", pid=bench.agent.pid, verdict="deny"))
    tap.equal("fanotify on one that may", bench.agent.ask(f"fanotify {EXT4}/tree/dir"), "OK")


def queues():
    make("/dev/mqueue")
    if not os.path.ismount("/dev/mqueue") and subprocess.run(["mount", "-t", "mqueue", "mq", "/dev/mqueue"],
                                                             check=False).returncode:
        return tap.skip("message queues", "this kernel has none")

    def setup(*there):
        def run():
            for name in ("other", "allowed-1", "allowed-2"):
                bench.twin.ask(f"mq-unlink /kt-{name}")
            for name in there:
                bench.twin.ask(f"mq-create /kt-{name}")
        return run

    what = {"path": "/dev/mqueue/kt-other", "rule": None, "type": "file"}
    setup()()
    bench.log.mark()  # the kernel asks for a capability too, on the way: two refusals
    have = (bench.agent.ask("mq-create /kt-other"), bench.twin.ask("mq-create /kt-other"))
    tap.equal("a message queue is made", have, ("EACCES", "OK"))
    tap.that("its event", bench.log.find(op="create", path="/dev/mqueue/kt-other", pid=bench.agent.pid, rule=None))
    tap.equal("a message queue that is granted is made", bench.agent.ask("mq-create /kt-allowed-1"), "OK")
    bench.settle()  # mq_open(2) asks for CAP_SYS_RESOURCE in passing: an event that is not the next case's
    bench.check(
        Case("a message queue is opened", "mq-open /kt-other", "mq-open /kt-allowed-1", op="read",
             setup=setup("other", "allowed-1"), **what),
        Case("a message queue is removed", "mq-unlink /kt-other", "mq-unlink /kt-allowed-1", op="delete",
             setup=setup("other", "allowed-1"), **what),
    )
    setup()()


def others():
    """Another's directory in proc: by rule where it opens something, by ptrace where a link leads on."""
    twin = bench.twin.pid
    bench.check(
        Case("which program another is", f"readlink /proc/{twin}/exe", "readlink /proc/self/exe", op="metadata",
             path=f"/proc/{twin}/exe", rule=None),
        Case("another's memory", f"readwrite /proc/{twin}/mem", "read /proc/self/status", errno="EPERM", op="read",
             reason="guarded", path=f"/proc/{twin}/mem"),
        Case("another's descriptors", f"list /proc/{twin}/fd", "list /proc/self/fd", op="list",
             path=f"/proc/{twin}/fd"),
        Case("another's mapped files", f"list /proc/{twin}/map_files", "list /proc/self/fd", op="list",
             path=f"/proc/{twin}/map_files"),
    )
    for what in (f"root{path('tree/a')}", "cwd/tree/a", "fd/0"):
        bench.log.mark()
        tap.equal(f"another's {what.split('/')[0]}", (bench.agent.ask(f"write /proc/{twin}/{what}"),
                                                      bench.twin.ask(f"write /proc/{twin}/{what}")), ("EACCES", "OK"))
        tap.that("its event", bench.log.find(type="guard", op="ptrace", pid=bench.agent.pid, verdict="deny"))


def elsewhere():
    """Decided by the mounts of the caller's own namespace, wherever else the file system is mounted."""
    mine = Agent("files", unshare=True).ready()
    bench.log.mark()
    for verb, leaf in (("utimes", "a"), ("readlink", "link")):
        tap.equal(f"{verb} granted in another mount namespace", mine.ask(f"{verb} tree/{leaf}"), "OK")
        tap.equal(f"{verb} denied in another mount namespace", mine.ask(f"{verb} none/{leaf}"), "EACCES")
        tap.that("with its path", bench.log.find(path=path(f"none/{leaf}"), pid=mine.pid, reason="rule"))
    mine.end()


def mount(where, *options):
    make(where)
    good = subprocess.run(["mount", *options, path(where)], capture_output=True).returncode == 0
    mounted.extend([path(where)] if good else [])
    return good


def overlay():
    base = EXT4 or path("layers2")
    for name in ("lower2", "upper2", "work2"):
        os.makedirs(f"{base}/{name}", exist_ok=True)
    for name in ("denied", "program"):
        subprocess.run(["cp", PROBE, f"{base}/lower2/{name}"], check=True)
    put(f"{base}/lower2/a")
    if not os.path.islink(f"{base}/lower2/link"):
        os.symlink("a", f"{base}/lower2/link")
    options = f"lowerdir={base}/lower2,upperdir={base}/upper2,workdir={base}/work2"
    if not mount("mounted/overlay2", "-t", "overlay", "overlay", "-o", options):
        return tap.skip("overlayfs", "this kernel has none")
    what = {"path": "mounted/overlay2/denied", "rule": "deny write,exec path ${workdir}/mounted/overlay2/denied"}
    on = "mounted/overlay2"
    bench.check(
        Case("overlay: mapped as code", f"map-exec {on}/denied", f"map-exec {on}/program", op="exec", **what),
        Case("overlay: made code after it was mapped", f"map-exec {on}/denied late", f"map-exec {on}/program late",
             op="exec", **what),
        Case("overlay: times", f"utimes {on}/denied", [f"utimes {on}/a", f"lutimes {on}/link"], op="write", **what),
        Case("overlay: chmod", f"chmod {on}/denied", [f"chmod {on}/a", f"readlink {on}/link"], op="write", **what),
        Case("overlay: the layer below in its own place", f"utimes {base}/lower2/a", f"utimes {on}/a", op="write",
             path=f"{base}/lower2/a", rule=None),
    )


def bound():
    """One directory at two places: by name alone, what is allowed at one of them is allowed."""
    put("none/bound/a")
    if not mount("mounted/bound", "--bind", path("none/bound")):
        return tap.skip("a bind mount", "cannot mount")
    bench.same("times of what is granted at another place", "utimes mounted/bound/a")
    bench.check(Case("times of its neighbour", "utimes none/a", "utimes mounted/bound/a", op="write", path="none/a"))


def end():
    bench.end()
    for place in reversed(mounted):
        subprocess.run(["umount", "-l", place], capture_output=True)


def table(cases):
    def part():
        bench.check(*cases)
    part.__name__ = cases[0].name
    return part


world()
bench = Bench(tap, agent("files"))
tap.run(*map(table, (LINKS_AND_TIMES, WATCHES, LOCKS, OPENAT2, WHITEOUT)), attributes, by_descriptor, fanotify, queues,
        others, elsewhere, overlay, bound, end)
