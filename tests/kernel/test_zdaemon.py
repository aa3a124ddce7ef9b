# SPDX-License-Identifier: Apache-2.0
"""Without the daemon: the kernel goes on deciding. Last of the families, because it ends the daemon."""
import os
import signal
import threading
import time

from daemons import Daemon
from kt import Agent, Log, Tap, Twin, agent, alive, deputy, path, put, wait_for

tap = Tap()
daemon = Daemon()
TTL = 8


def world():
    for name in ("tree/a", "none/a", "none/sentinel"):
        put(name)


def dead_daemon():
    lasting, short = agent("files"), Agent("files", "--ttl", f"{TTL}s").ready().deafen()
    end = time.monotonic() + TTL
    killer = agent("kill")
    twin = Twin()
    tap.that("every process of the daemon is killed", daemon.kill())
    tap.equal("granted as before", (lasting.ask("read tree/a"), killer.ask("read tree/a")), ("OK", "OK"))
    tap.equal("denied as before", (lasting.ask("read none/a"), killer.ask("read none/a")), ("EACCES", "EACCES"))
    tap.equal("a child of now is bound too", lasting.ask("in daemon read none/a"), "EACCES")
    if time.monotonic() < end - 1:
        tap.equal("one that has time left", short.ask("read tree/a"), "OK")
    else:
        tap.skip("one that has time left", "this machine is too slow")
    time.sleep(max(0, end - time.monotonic()) + 0.5)
    tap.equal("one whose time is over", (short.ask("read tree/a"), short.ask("in fork ids")), ("EPERM", "EPERM"))
    tap.equal("the untagged are free", (twin.ask("read none/a"), twin.ask("in fork read none/a")), ("OK", "OK"))
    tap.equal("no grant without a daemon", deputy("run", "--policy", os.environ["KT_POLICY"], "--purpose", "files", "--",
                                                  path("bin/probe"), "create", "tree/untagged").returncode, 69)
    tap.that("and nothing was run", not os.path.exists(path("tree/untagged")))
    restarted(lasting, short, killer, twin)


def restarted(*probes):
    """Its successor; what that takes over is test_zadopt's."""
    tap.that("another daemon takes over", daemon.start(), daemon.words())
    tap.that("nobody is ended", all(alive(probe.pid) for probe in probes))
    mine, log = agent("files"), Log()
    tap.equal("agents of the new one are bound", (mine.ask("read tree/a"), mine.ask("read none/a")), ("OK", "EACCES"))
    tap.that("and told of once", log.find(pid=mine.pid, path=path("none/a")) and len(log.all(path=path("none/a"))) == 1)
    for probe in (mine, *probes):
        probe.end()


def stopped():
    """A clean stop takes the agents with it, and leaves nothing behind; not even when a dead one is not buried."""
    mine, zombie, twin = agent("files"), agent("files"), Twin()
    threading.Thread(target=mine.process.wait, daemon=True).start()
    os.kill(zombie.pid, signal.SIGKILL)
    tap.that("a dead agent whose parent does not look", wait_for(lambda: not alive(zombie.pid)))
    tap.that("a clean stop", daemon.stop())
    tap.that("ends the agents", not alive(mine.pid))
    tap.that("and no other", alive(twin.pid) and twin.ask("read none/a") == "OK")
    tap.equal("no pin is left", [n for n in os.listdir("/sys/fs/bpf") if n.startswith("deputy")], [])
    tap.that("the socket is gone", not os.path.exists(path("run/deputy.sock")))
    zombie.end()
    twin.end()


world()
tap.run(dead_daemon, stopped)
