# SPDX-License-Identifier: Apache-2.0
"""The end of a grant: revoked or expired, by death or by refusal, of everything that carries it."""
import os
import shutil
import signal
import socket
import threading
import time

from daemons import Daemon
from kt import DEPUTY, Agent, Gone, Log, Tap, Twin, agent, alive, deputy, path, put, reap, wait_for

tap = Tap()
TTL = 4
# What a live agent may; afterwards each asks the kernel for something new.
NEW = (("open", "read tree/a"), ("create", "create tree/new"), ("stat", "stat tree/a"), ("fork", "in fork ids"),
       ("a thread", "in thread ids"), ("connect", "connect 4 127.0.0.1 7001"), ("vfork", "in vfork ids"),
       ("unix connect", "unix-connect sockets/allowed"), ("socket", "socket 2 1 0"), ("code", "map-exec bin/probe"))


def world():
    for name in ("tree/a", "none/a", "none/sentinel"):
        put(name)
    if os.path.exists(path("tree/new")):
        os.unlink(path("tree/new"))


def feed(server):
    """Whoever connects has something to receive."""
    kept = []
    while True:
        kept.append(server.accept()[0])
        kept[-1].send(b"data" * 64)


def serve():
    server = socket.create_server(("127.0.0.1", 7001), backlog=64)
    threading.Thread(target=feed, args=(server,), daemon=True).start()
    os.makedirs(path("sockets"), exist_ok=True)
    if os.path.exists(path("sockets/allowed")):
        os.unlink(path("sockets/allowed"))
    local = socket.socket(socket.AF_UNIX)
    local.bind(path("sockets/allowed"))
    local.listen(64)
    return server, local


# What needs no new right, only what is open already.
WORK = ("read", "write", "readv", "getdents", "sendfile", "splice", "copy", "pipe-read", "pipe-write", "send", "recv",
        "ioctl", "ioctl-compat", "zerocopy", "ring-read", "ring-write", "ring-send")


def work(who):
    return {name: who.ask(f"work {name}") for name in WORK}


def all_work_refused(have):
    """A ring that has no worker yet cannot make one then: its operations are cancelled."""
    return all(err == "EPERM" or (err == "ECANCELED" and name.startswith("ring")) for name, err in have.items())


def everything(who):
    have = {}
    for name, words in NEW:
        if os.path.exists(path("tree/new")):
            os.unlink(path("tree/new"))
        have[name] = who.ask(words)
    return have


def all_of(value):
    return {name: value for name, _ in NEW}


def family_of(who):
    who.ask("tree 5")
    return [int(pid) for pid in who.detail.split(",")]


def refused(reason, end):
    """A grant that ends in refusals: before and after, with an untagged twin beside it."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.connect(("127.0.0.1", 7009))
    mine = Agent("network", "--keep-fd", str(udp.fileno()), *end.options, pass_fds=(udp.fileno(),)).ready()
    twin = Twin()
    send = f"send-fd {udp.fileno()}"
    tap.equal(f"{reason}: before, a socket of its own sends", mine.ask(send), "OK")
    mine.ask("hold tree/a w")
    cut = f"ftruncate-fd {mine.detail}"
    for each in (mine, twin):
        assert each.ask("work-open tree/a tree") == "OK"
    if not end.options:
        tap.equal(f"{reason}: before, work goes on", work(mine), dict.fromkeys(WORK, "OK"))
    if not end.options:
        tap.equal(f"{reason}: before, all is granted", everything(mine), all_of("OK"))
    mine.deafen()
    log.mark()
    end(mine)
    have = work(mine)
    tap.that(f"{reason}: after, work under way is refused", all_work_refused(have), have)
    for op in ("read", "write"):
        found = log.find(verdict="deny", type="file", op=op, path=path("tree/a"), pid=mine.pid, reason=reason)
        tap.that(f"{reason}: the event of a {op} under way", found)
    tap.that(f"{reason}: the event of a send under way", log.find(type="net", op="send", pid=mine.pid, reason=reason))
    tap.equal(f"{reason}: the twin's work", work(twin), dict.fromkeys(WORK, "OK"))
    tap.equal(f"{reason}: after, all is refused", everything(mine), all_of("EPERM"))
    for kind, op in (("file", "read"), ("file", "create"), ("task", "fork"), ("net", "socket")):
        found = log.find(verdict="deny", type=kind, op=op, pid=mine.pid, reason=reason, errno="EPERM", rule=None)
        tap.that(f"{reason}: the event of {kind} {op}", found)
    tap.equal(f"{reason}: a connected socket", mine.ask(send), "EPERM")
    tap.equal(f"{reason}: truncating an open file", mine.ask(cut), "EPERM")
    tap.equal(f"{reason}: what was never granted", mine.ask("read none/a"), "EPERM")
    tap.equal(f"{reason}: the untagged twin", everything(twin), all_of("OK"))
    tap.that(f"{reason}: the process is alive", alive(mine.pid))
    tap.that(f"{reason}: the end is in the log", log.find(type="grant", op=reason, grant=mine.grant))
    mine.end()
    twin.end()


def revoke(mode=None):
    def end(who):
        done = deputy("revoke", who.grant, *(("--mode", mode) if mode else ()))
        assert done.returncode == 0, done.stderr
    end.options = ()
    return end


def expire(_):
    time.sleep(TTL + 0.5)


expire.options = ("--ttl", f"{TTL}s")


def last_calls():
    """Nothing refuses these: in mode deny they end who makes them."""
    twin = Twin()
    assert twin.ask("work-open tree/a tree") == "OK"
    for name in ("tee", "vmsplice", "vmsplice-out"):
        mine = agent("network")
        assert mine.ask("work-open tree/a tree") == "OK"
        tap.equal(f"{name}: before the end", (mine.ask(f"work {name}"), twin.ask(f"work {name}")), ("OK", "OK"))
        mine.deafen()
        log.mark()
        assert deputy("revoke", mine.grant, "--mode", "deny").returncode == 0
        tap.equal(f"{name}: after it, refused what can be", mine.ask("work pipe-read"), "EPERM")
        tap.that(f"{name}: and alive", alive(mine.pid))
        try:
            mine.ask(f"work {name}")
        except Gone:
            pass
        tap.that(f"{name}: who calls it is killed", wait_for(lambda: not alive(mine.pid)))
        tap.equal(f"{name}: by SIGKILL", mine.process.wait(10), -signal.SIGKILL)
        tap.road(f"{name} after the end of a grant", f"work {name}", "SIGKILL", "OK")
        tap.that(f"{name}: its event", log.find(verdict="deny", type="file", op="write", pid=mine.pid, reason="revoked"))
        tap.equal(f"{name}: the untagged go on", twin.ask(f"work {name}"), "OK")
    twin.end()


def revoked_deny():
    refused("revoked", revoke())


def expired_deny():
    refused("expired", expire)


def killed(name, purpose, end, options=()):
    mine, twin = agent(purpose, *options), Twin()
    pids, others = [mine.pid, *family_of(mine)], family_of(twin)
    tap.that(f"{name}: six processes live", all(map(alive, pids)), pids)
    log.mark()
    end(mine)
    tap.that(f"{name}: all six are dead", wait_for(lambda: not any(map(alive, pids)), 10), list(map(alive, pids)))
    tap.equal(f"{name}: by SIGKILL", mine.process.wait(10), -9)
    tap.that(f"{name}: the untagged live", all(map(alive, [twin.pid, *others])))
    tap.that(f"{name}: the grant's end is in the log", log.find(type="grant", op="ended", grant=mine.grant))
    reap(others)
    twin.end()


def kill_modes():
    killed("revoked to kill", "kill", revoke())
    killed("revoked with --mode kill", "files", revoke("kill"))
    killed("expired to kill", "kill", expire, expire.options)


def storm():
    """A grant whose processes multiply while it is revoked."""
    mine = agent("kill")
    mine.tell("churn 1000000 tree/a")
    time.sleep(0.5)
    assert deputy("revoke", mine.grant).returncode == 0
    tap.that("a fork storm is killed", wait_for(lambda: not alive(mine.pid), 10))
    mine.process.wait()
    tap.that("to its last task", log.find(type="grant", op="ended", grant=mine.grant))


def others_live():
    """One grant's end is no other's."""
    first, second = agent("files").deafen(), agent("files")
    deputy("revoke", first.grant[:8])
    tap.equal("revoked by the beginning of its name", first.ask("read tree/a"), "EPERM")
    tap.equal("another of the same policy", second.ask("read tree/a"), "OK")
    tap.equal("a grant that is not there", deputy("revoke", "gaaaaaaaaaaaaaaa").returncode, 66)
    for probe in (first, second):
        probe.end()


def nobody_home():
    """The kernel ends them by itself: one that calls it no more, and one that asks for something."""
    spinning, asking = agent("kill", *expire.options), agent("kill", *expire.options).deafen()
    spinning.tell("spin")
    Daemon().signal(signal.SIGSTOP)
    try:
        expire(None)
        tap.that("daemon stopped: a spinning process is killed", wait_for(lambda: not alive(spinning.pid), 10))
        try:
            asking.tell("read tree/a")
        except (Gone, OSError):
            pass  # the clock came first
        tap.that("daemon stopped: a process that asks is killed", wait_for(lambda: not alive(asking.pid), 10))
    finally:
        Daemon().signal(signal.SIGCONT)
    tap.equal("both by SIGKILL", (spinning.process.wait(10), asking.process.wait(10)), (-9, -9))
    tap.that("their end is in the log", log.find(type="grant", op="ended", grant=spinning.grant))


def by_itself():
    """A tagged process revokes nothing, not even itself."""
    tool, other = agent("tool"), agent("files")
    for what, grant in (("itself", tool.grant), ("another", other.grant)):
        tool.ask(f"status bin/deputy revoke {grant}")
        tap.that(f"an agent does not revoke {what}", tool.detail in ("66", "77"), tool.detail)
    tap.equal("both are live", (tool.ask("read tree/a"), other.ask("read tree/a")), ("OK", "OK"))
    tool.end()
    other.end()


world()
servers = serve()
os.makedirs(path("bin"), exist_ok=True)
shutil.copy(DEPUTY, path("bin/deputy"))
log = Log()
tap.run(revoked_deny, expired_deny, last_calls, kill_modes, storm, nobody_home, others_live, by_itself)
