# SPDX-License-Identifier: Apache-2.0
"""What no policy grants: changing what paths mean, and acting through or upon others."""
from cases import ANY, Bench, Case, remove
from kt import DEPUTY, POLICY, PROBE, ROOT, Tap, Twin, agent, alive, make, path, put, wait_for

tap = Tap()


def guard(name, does, op, allow=None, **more):
    return Case(name, does, allow, errno="EPERM", type="guard", op=op, reason="guarded", **more)


def mounts():
    for name in ("mount", "bind", "clone"):
        make("tree/" + name)
    put("tree/bind/a")
    bench.check(
        guard("bpf", "bpf", ANY),  # or for want of a capability, which 6.1 asks for first
        guard("mount", "mount tree/mount", "mount"),
        guard("a bind mount", "bind-mount none tree/bind", "mount", setup=lambda: make("none")),
        guard("umount of what another mounted", "umount tree/mount", ANY),  # likewise
    )
    bench.log.mark()
    have = (bench.agent.ask("clone-mount none tree/clone"), bench.twin.ask("clone-mount none tree/clone"))
    tap.equal("a mount tree cloned and moved", have, ("EPERM", "OK"))
    for place in ("tree/clone", "tree/bind"):
        bench.twin.ask("umount " + place)


def victim(words, name, op):
    """Each has a victim of its own: the twin may end it."""
    other = Twin()
    bench.check(guard(name, words.format(other.pid), op))
    other.end()


def others():
    victim("kill {} 0", "asking whether another may be signalled", "signal")
    victim("kill {} 9", "kill", "signal")
    victim("tgkill {} 9", "tgkill", "signal")
    victim("pidfd-kill {} 9", "a signal by a pidfd", "signal")
    victim("ptrace {}", "ptrace", "ptrace")
    victim("vm-writev {}", "writing another's memory", "ptrace")
    victim("pidfd-getfd {}", "taking another's descriptor", "ptrace")
    bench.same("killing one's own child", "kill-child")
    bench.same("tracing one's own child", "ptrace-child")


def other_grants():
    """Another agent is another as well."""
    other = agent("files")
    bench.log.mark()
    tap.equal("kill of another agent", bench.agent.ask(f"kill {other.pid} 9"), "EPERM")
    tap.that("its event", bench.log.find(type="guard", op="signal", pid=bench.agent.pid, reason="guarded"))
    tap.equal("which lives", other.ask("read tree/bind/a"), "OK")
    other.end()


def volunteer(command):
    """What a child from before `command` gets when it asks its parent, which runs that by now, to trace it."""
    remove("tree/go")
    put("tree/said", "")
    child = f"{PROBE} traceme {path('tree/go')} >{path('tree/said')} & exec "
    parent = Twin(["sh", "-c", child + command])
    parent.ask("getenv HOME")
    put("tree/go")
    said = wait_for(lambda: open(path("tree/said")).read().split())
    parent.end()
    return said or ["nothing", "0"]


def tracing_a_volunteer():
    """A process outside the grant whose parent has become an agent."""
    under = f"{DEPUTY} run --policy {POLICY} --purpose files --workdir {ROOT} -- {PROBE}"
    bench.log.mark()
    err, pid = volunteer(under)[:2]
    tap.equal("being traced by an agent, at one's own wish", err, "EPERM")
    tap.that("its event", bench.log.find(type="guard", op="ptrace", pid=int(pid), reason="guarded"))
    tap.equal("by an untagged parent", volunteer(PROBE)[0], "OK")


def sigio():
    """A signal that the kernel sends on one's behalf when a pipe has data."""
    mine, theirs = Twin(), Twin()
    bench.agent.ask(f"sigio {mine.pid} 9")
    bench.twin.ask(f"sigio {theirs.pid} 9")
    tap.that("untagged, a pipe's signal ends another", wait_for(lambda: not alive(theirs.pid), 5))
    tap.that("a pipe's signal does not end another", alive(mine.pid), "killed by F_SETOWN and F_SETSIG")
    mine.end()
    theirs.end()


def capabilities():
    """Root's agent has root's files, not root's capabilities (test_privileges)."""
    put("tree/shut", mode=0)
    bench.check(guard("a mount namespace", "unshare 20000", "capability"))
    bench.twin = Twin()
    tap.equal("a device node", (bench.agent.ask("mkdev tree/device"), bench.twin.ask("mkdev tree/device")),
              ("EPERM", "OK"))


put("none/sentinel")
make("tree")
bench = Bench(tap, agent("files"))
tap.run(mounts, others, other_grants, tracing_a_volunteer, sigio, capabilities, bench.end)
