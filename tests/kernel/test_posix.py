# SPDX-License-Identifier: Apache-2.0
"""POSIX message queues and shared memory: by the path of their names, whoever opened them."""
import ctypes
import os
import signal
import subprocess

from cases import ANY, Bench, Case, remove
from kt import PROBE, SLOW, Agent, Tap, Twin, agent, alive, deputy, make, path, put, wait_for
from strangers import Giver

tap = Tap()
SYSCALL = ctypes.CDLL(None, use_errno=True).syscall
SYS_MQ_OPEN = 240
QUEUES = ("other", "allowed-1", "readable-1")
OTHER, READABLE = "/dev/mqueue/kt-other", "/dev/mqueue/kt-readable-1"
MEMORY, SEEN = "/dev/shm/kt-other", "/dev/shm/kt-readable"


def queue_open(name, flags):
    """As mq_open(2) does, which is by a mount of the kernel's own."""
    fd = SYSCALL(SYS_MQ_OPEN, name.encode(), flags | os.O_NONBLOCK, 0, None)
    assert fd >= 0, os.strerror(ctypes.get_errno())
    return fd


def file(name, does, allow, op, where, **more):
    return Case(name, does, allow, type="file", op=op, path=where, **{"rule": None, **more})


def named():
    good = "mq-use /kt-allowed-1 rw exchange"
    bench.check(
        file("a queue opened to receive", "mq-use /kt-other r state", "mq-use /kt-allowed-1 r state", "read", OTHER),
        file("a queue opened to send", "mq-use /kt-other w state", "mq-use /kt-allowed-1 w state", "write", OTHER),
        file("a queue of which receiving is granted, opened to send", "mq-use /kt-readable-1 w state",
             "mq-use /kt-readable-1 r state", "write", READABLE),
        file("and opened for both", "mq-use /kt-readable-1 rw exchange", good, "write", READABLE),
        file("a queue opened by its path", f"read {OTHER}", "read /dev/mqueue/kt-allowed-1", "read", OTHER),
        file("a queue looked at", f"stat {OTHER}", "stat /dev/mqueue/kt-allowed-1", "metadata", OTHER),
        file("the queues listed", "list /dev/mqueue", good, "list", "/dev/mqueue"),
        file("a queue removed that may be read", "mq-unlink /kt-readable-1", good, "delete", READABLE, twin="OK",
             setup=queues),
    )
    queues()
    for use in ("exchange", "state", "notify", "stat"):
        bench.same(f"a granted queue: {use}", f"mq-use /kt-allowed-1 rw {use}")
    bench.same("a queue of which receiving is granted: receive", "mq-use /kt-readable-1 r receive", "EAGAIN", "EAGAIN")


def handed():
    """By whichever mount a stranger opened them: a granted one comes in, another does not."""
    opens = {"mq_open": lambda name, flags: queue_open("kt-" + name, flags),
             "open": lambda name, flags: os.open("/dev/mqueue/kt-" + name, flags | os.O_NONBLOCK)}
    for how, opened in opens.items():
        both, receive, other, wider = (Giver(f"queue{n}-{how}", opened(name, flags)).name for n, (name, flags) in enumerate((
            ("allowed-1", os.O_RDWR), ("readable-1", os.O_RDONLY), ("other", os.O_RDONLY), ("readable-1", os.O_RDWR))))
        bench.same(f"{how}: a granted queue comes in", f"mq-received {both} exchange")
        bench.same(f"{how}: one of which receiving is granted", f"mq-received {receive} state")
        bench.check(
            file(f"{how}: another's queue comes in", f"mq-received {other} state", f"mq-received {both} stat", "read",
                 OTHER),
            file(f"{how}: a queue comes in open for more than is granted", f"mq-received {wider} exchange",
                 f"mq-received {receive} state", "write", READABLE),
        )


def inherited():
    """What the agent was started with stays of use, and leads to no more than that."""
    fds = (queue_open("kt-other", os.O_RDWR), os.open(MEMORY, os.O_RDWR))
    mine = Agent("files", *(w for fd in fds for w in ("--keep-fd", str(fd))), pass_fds=fds).ready()
    own = Bench(tap, mine)
    own.twin.end()
    own.twin = Twin(pass_fds=fds)
    own.same("an inherited queue sends and receives", f"mq-fd {fds[0]} exchange")
    own.same("an inherited queue tells its state", f"mq-fd {fds[0]} state")
    own.same("inherited memory is mapped", f"shm-fd {fds[1]} rw")
    own.check(
        file("an inherited queue opened anew", f"reopen-fd {fds[0]}", "read tree/a", "read", OTHER),
        file("inherited memory opened anew", f"reopen-fd {fds[1]}", "read tree/a", "read", MEMORY),
        file("an inherited queue's metadata", f"mq-fd {fds[0]} stat", f"mq-fd {fds[0]} state", "metadata", OTHER),
    )
    own.end()
    for fd in fds:
        os.close(fd)


def elsewhere():
    """The queues of an IPC namespace are where it is mounted, and this one is nowhere."""
    mine, twin = Agent("files", before=["unshare", "--ipc"]).ready(), Twin(["unshare", "--ipc", PROBE])
    bench.log.mark()
    does = "mq-create /kt-allowed-1"
    have = (mine.ask(does), twin.ask(does))
    tap.equal("a queue in a namespace that is mounted nowhere", have, ("EACCES", "OK"))
    tap.road("a queue in a namespace that is mounted nowhere", does, *have)
    tap.that("its event", bench.log.find(op="create", verdict="deny", pid=mine.pid, reason="unreachable"))
    for each in (mine, twin):
        each.end()


def memory():
    good = "shm-open /kt-allowed rw"
    bench.check(
        file("shared memory opened to read", "shm-open /kt-other r", "shm-open /kt-readable r", "read", MEMORY),
        file("shared memory opened", "shm-open /kt-other rw", good, "read", MEMORY),
        file("shared memory that may be read, opened to write", "shm-open /kt-readable rw", good, "write", SEEN),
        file("shared memory made", "shm-create /kt-new", "shm-create /kt-allowed-new", "create", "/dev/shm/kt-new",
             setup=lambda: remove("/dev/shm/kt-new", "/dev/shm/kt-allowed-new")),
        file("shared memory removed", "shm-unlink /kt-readable-2", "shm-unlink /kt-allowed-2", "delete",
             "/dev/shm/kt-readable-2", setup=memories),
        file("shared memory cut", f"truncate {SEEN}", "truncate /dev/shm/kt-allowed-2", "write", SEEN, setup=memories),
        file("shared memory executed", "map-exec /dev/shm/kt-allowed", "map-exec bin/probe", "exec", "/dev/shm/kt-allowed",
             setup=memories),
    )
    memories()
    names = ("/dev/shm/kt-allowed", SEEN, MEMORY)
    both, wider, other = (Giver(f"memory{n}", os.open(name, os.O_RDWR)).name for n, name in enumerate(names))
    seen = Giver("memory-seen", os.open(SEEN, os.O_RDONLY)).name
    bench.same("granted memory comes in", f"shm-received {both} rw")
    bench.check(
        file("another's memory comes in", f"shm-received {other} r", f"shm-received {both} rw", "read", MEMORY),
        file("memory comes in open for more than is granted", f"shm-received {wider} r", f"shm-received {seen} r", "write",
             SEEN),
    )


def ended():
    """Refusals do not reach memory: who has some mapped at the end of a grant in mode deny is killed."""
    mine, twin = agent("files"), Twin()
    for each in (mine, twin):
        assert each.ask("map shared-write /dev/shm/kt-allowed") == "OK", each.detail
    assert deputy("revoke", mine.grant, "--mode", "deny").returncode == 0
    tap.that("memory mapped at the end: killed", wait_for(lambda: not alive(mine.pid)))
    tap.equal("by SIGKILL", mine.process.wait(SLOW), -signal.SIGKILL)
    tap.equal("the untagged write on", twin.ask("map-write 1"), "OK")
    twin.end()


def queues_ended():
    """No refusal reaches who has a queue open, however it came by it: the end of the grant is its own."""
    fd = queue_open("kt-other", os.O_RDWR)
    giver = Giver("queue-ended", queue_open("kt-allowed-1", os.O_RDWR))
    for name, options, does in (("opened", (), "mq-hold /kt-allowed-1"), ("received", (), f"mq-received {giver.name} state"),
                                ("from before the tag", ("--keep-fd", str(fd)), f"mq-fd {fd} exchange")):
        mine, bystander = Agent("files", *options, pass_fds=(fd,)).ready(), agent("files").deafen()
        bench.log.mark()
        tap.equal(f"a queue {name} is used", mine.ask(does), "OK")
        if not options:
            tap.that("and that is told of", bench.log.find(type="task", op="map", pid=mine.pid,
                                                           path="/dev/mqueue/kt-allowed-1"))
        assert deputy("revoke", mine.grant, "--mode", "deny").returncode == 0
        tap.that(f"a queue {name} at the end of the grant: killed", wait_for(lambda: not alive(mine.pid)))
        tap.equal("by SIGKILL", mine.process.wait(SLOW), -signal.SIGKILL)
        tap.road(f"a queue {name} at the end of the grant", does, "SIGKILL", "OK")
        tap.equal("another grant lives", bystander.ask("read tree/a"), "OK")
        bystander.end()
    mine = agent("files").deafen()
    tap.equal("one that it could not open", mine.ask("mq-open /kt-other"), "EACCES")
    assert deputy("revoke", mine.grant, "--mode", "deny").returncode == 0
    tap.equal("is no reason: refused", mine.ask("read tree/a"), "EPERM")
    tap.that("and alive", alive(mine.pid))
    mine.end()
    os.close(fd)


def queues():
    for name in QUEUES:
        bench.twin.ask(f"mq-unlink /kt-{name}")
        assert bench.twin.ask(f"mq-create /kt-{name}") == "OK", name


def memories():
    for name in ("other", "readable", "readable-2", "allowed", "allowed-2"):
        put(f"/dev/shm/kt-{name}", "\0" * 4096)


def end():
    for name in QUEUES:
        bench.twin.ask(f"mq-unlink /kt-{name}")
    remove(*(f"/dev/shm/kt-{name}" for name in ("other", "readable", "readable-2", "allowed", "allowed-2", "new",
                                                "allowed-new")))
    bench.end()


put("tree/a")
put("none/sentinel")
make("sockets")
make("/dev/mqueue")
bench = Bench(tap, agent("files"))
if os.path.ismount("/dev/mqueue") or not subprocess.run(["mount", "-t", "mqueue", "mq", "/dev/mqueue"], check=False).returncode:
    queues()
    memories()
    tap.run(named, handed, inherited, elsewhere, memory, ended, queues_ended, end)
else:
    tap.run(lambda: tap.skip("message queues", "this kernel has none"), end)
