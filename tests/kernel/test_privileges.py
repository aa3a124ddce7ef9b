# SPDX-License-Identifier: Apache-2.0
"""Capabilities, user namespaces and others' tasks: root's agent has of root's powers what its policy names."""
import socket

from cases import ANY, Bench, Case, remove
from kt import Tap, Twin, agent, make, path, put

tap = Tap()
HOST = socket.gethostname()


def guard(name, does, op, allow=None, reason="guarded", **more):
    return Case(name, does, allow, **{"errno": "EPERM", "type": "guard", "op": op, "reason": reason, **more})


def lacks(name, does, capability, **more):
    return guard(name, does, "capability", capability="cap_" + capability, **more)


NEVER = (
    lacks("the host's name", f"sethostname {HOST}", "sys_admin"),
    lacks("the clock", "settime", "sys_time"),
    Case("marks on packets", "so-mark", errno="EPERM", type="guard", op="socket_option", reason="guarded"),
)


def none():
    """Nothing is granted by default."""
    bench.check(
        lacks("giving a file away", "chown-to tree/owned 65534", "chown", reason="rule"),
        lacks("a root of one's own", "in fork chroot tree", "sys_chroot", reason="rule", pid=ANY),
        guard("a user namespace by clone3", "userns-clone", "user_namespace", "read tree/a", reason="rule"),
        guard("a user namespace by unshare", "userns read tree/a", "user_namespace", "read tree/a", reason="rule",
              pid=ANY),
        *NEVER,
    )


def set_id():
    """A program that others run as its owner."""
    gone = lambda: remove("tree/made", "tree/linked")
    bench.check(
        lacks("chmod to set-user-id", "set-id tree/program 4755", "fsetid", allow="set-id tree/program 755", reason="rule"),
        lacks("chmod to set-group-id", "set-id tree/program 2755", "fsetid", allow="set-id tree/sub 2755", reason="rule"),
        lacks("made with it", "make-set-id tree/made", "fsetid", setup=gone, reason="rule"),
        lacks("made without a name", "link-set-id tree tree/linked", "fsetid", setup=gone, reason="rule"),
    )


def some():
    """What is granted, and nothing with it."""
    granted.same("a granted capability", "chown-to tree/given 65534")
    tap.that("is recorded", granted.log.find(verdict="allow", type="guard", op="capability", capability="cap_chown",
                                             pid=granted.agent.pid))
    granted.same("chroot granted", "in fork chroot tree")
    granted.check(
        guard("nothing mounts", "mount tree/mount", "mount"),
        guard("nothing traces another", f"ptrace {other.pid}", "ptrace"),
        lacks("a mount namespace without a user namespace", "in fork unshare 20000", "sys_admin", pid=ANY),
        *NEVER,
    )


def userns():
    """A user namespace gives its capabilities over what is its own, and no other paths."""
    here, mounts = "userns ", "userns-with 20000 "
    granted.same("a user namespace by clone3", "userns-clone")
    tap.that("is recorded", granted.log.find(verdict="allow", type="guard", op="user_namespace"))
    granted.same("its own root", here + "chroot tree")
    granted.same("a mount namespace in it", mounts + "read tree/a")
    granted.same("a network of its own", "userns-with 40000000 read tree/a")
    granted.same("objects of its own", "userns-at-once 8000000 read tree/a")
    granted.check(
        Case("the same paths in it", mounts + "read none/a", mounts + "read tree/a", op="read", path="none/a", pid=ANY),
        Case("and behind its own root", here + "read none/a", here + "read tree/a", op="read", path="none/a", pid=ANY),
        guard("mounting in it", mounts + "mount tree/mount", "mount", pid=ANY),
        guard("a bind mount in it", mounts + "bind-mount none tree/bind", "mount", pid=ANY),
        guard("a mount tree moved in it", mounts + "clone-mount none tree/bind", "mount", pid=ANY),
        guard("another's namespaces", f"setns {other.pid} 20000", ANY, pid=ANY),
        guard("a file system put nowhere", mounts + "fsopen tmpfs", "mount", errno="ENOMEM", pid=ANY),
        Case("the same paths when all is made at once", "userns-at-once 60020000 read none/a",
             "userns-at-once 60020000 read tree/a", op="read", path="none/a", pid=ANY),
    )
    tree()
    granted.same("another's namespaces from it", here + f"setns {other.pid} 20000", "EPERM", "EPERM")
    granted.same("the host's capabilities from it", here + f"sethostname {HOST}", "EPERM", "EPERM")


def tree():
    """Where another directory is the root, its files are under the paths of others. Since 7.0 open_tree(2) makes such."""
    jail = path("none/jail")
    put(jail + path("tree/a"))
    for name, flags in (("a mount namespace of a directory", "0"), ("and of what is mounted beneath", "8000")):
        does = f"userns tree-namespace {flags} {jail} read {path('tree/a')}"
        have = granted.twin.ask(does)
        if have != "OK":
            tap.skip(name, f"untagged: {have}")
            continue
        granted.check(Case(name, does, "userns read tree/a", type="file", reason="unreachable", pid=ANY))


def scheduling():
    """Each has a victim of its own, which its twin changes."""
    calls = (("priority", "nice"), ("priority of input and output", "ioprio"), ("scheduler", "set-scheduler"),
             ("scheduler, by sched_setattr", "sched-attr"), ("processors", "affinity"), ("limits", "prlimit"))
    for name, call in calls:
        bench.check(guard("another's " + name, f"{call} {other.pid}", "scheduling", f"own-child {call}"))
    calls = (("descriptors compared", "kcmp"), ("robust futexes", "robust-list"), ("pages moved", "move-pages"),
             ("pages migrated", "migrate-pages"))
    for name, call in calls:
        bench.check(guard("another's " + name, f"{call} {other.pid}", "ptrace", f"own-child {call}"))
    advised = guard("another's memory advised on", f"madvise {other.pid}", "ptrace", errno="EACCES")
    advised.event["errno"] = "EPERM"  # what the guard said, which mm_access() makes EACCES
    bench.check(advised)


def facts():
    """Numbers that ps(1) shows are free."""
    for call in ("get-nice", "get-ioprio", "get-scheduler", "get-affinity", "get-prlimit", "getpgid", "getsid"):
        bench.same(f"{call} of another", f"{call} {other.pid}")


for name in ("tree/a", "none/a", "none/sentinel", "tree/owned", "tree/given", "tree/program"):
    put(name)
for name in ("tree/mount", "tree/bind", "tree/sub"):
    make(name)
other = Twin()
bench, granted = Bench(tap, agent("files")), Bench(tap, agent("privileged"))
tap.run(none, set_id, some, userns, scheduling, facts, bench.end, granted.end, other.end)
