# SPDX-License-Identifier: Apache-2.0
"""The daemon and its host: service manager, another daemon, kernels that lack something, stopping."""
import os
import socket
import subprocess

from daemons import START, Daemon
from kt import Agent, Tap, Twin, alive, path, put, wait_for

tap = Tap()


def mint(daemon, purpose="files", *options):
    return Agent(purpose, *options, env={**os.environ, "DEPUTY_SOCKET": daemon.socket}).ready()


def pins(daemon):
    return os.path.exists(daemon.pin_dir())


class Manager:
    """What a service manager does for Type=notify with a socket of its own: sd_notify(3), sd_listen_fds(3)."""

    def __init__(self, daemon):
        os.makedirs(daemon.run, exist_ok=True)
        self.heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.heard.bind(daemon.run + "/notify")
        self.heard.settimeout(START)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(daemon.socket)
        os.chmod(daemon.socket, 0o666)
        self.listener.listen(64)
        self.env = {**os.environ, "NOTIFY_SOCKET": daemon.run + "/notify", "WATCHDOG_USEC": "4000000"}

    def spawn(self, daemon):
        """The listener becomes descriptor 3; the shell knows the number that the process will keep."""
        script = f'exec 3<&{self.listener.fileno()} {self.listener.fileno()}<&-; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"'
        daemon.spawn(before=("bash", "-c", script, "manager"), env=self.env, pass_fds=(self.listener.fileno(),))

    def wait(self, what):
        """Everything heard up to a message that says so."""
        heard = []
        while what not in heard:
            try:
                heard += self.heard.recv(4096).decode().split("\n")
            except TimeoutError:
                return []
        return heard


def managed(daemon):
    manager = Manager(daemon)
    early = subprocess.Popen([os.environ["KT_DEPUTY"], "--socket", daemon.socket, "ls"], stdout=subprocess.DEVNULL)
    manager.spawn(daemon)
    heard = manager.wait("READY=1")
    tap.that("it tells the manager when it is ready", heard, daemon.words())
    tap.that("and not that it stops", "STOPPING=1" not in heard)
    tap.equal("who connected before it was there is answered", early.wait(60), 0)
    tap.that("the watchdog is fed", manager.wait("WATCHDOG=1"))
    mine = mint(daemon)
    tap.equal("grants by the manager's socket", (mine.ask("read tree/a"), mine.ask("read none/a")), ("OK", "EACCES"))
    tap.that("killed", daemon.kill())
    early = subprocess.Popen([os.environ["KT_DEPUTY"], "--socket", daemon.socket, "show", mine.grant],
                             stdout=subprocess.DEVNULL)
    manager.spawn(daemon)
    tap.that("started again by the manager, it is ready", manager.wait("READY=1"), daemon.words())
    tap.equal("who asked meanwhile is answered by the next", early.wait(60), 0)
    tap.equal("the agent goes on", (mine.ask("read tree/a"), mine.ask("read none/a")), ("OK", "EACCES"))
    os.kill(daemon.pid, 15)
    tap.that("it tells the manager that it stops", manager.wait("STOPPING=1"))
    tap.that("and stops", wait_for(lambda: daemon.process.poll() == 0))
    tap.that("the agent has ended", wait_for(lambda: mine.process.poll() is not None))
    tap.that("the manager's socket stays", os.path.exists(daemon.socket))
    tap.that("and no pins", not pins(daemon))
    os.unlink(daemon.socket)


def kept(daemon):
    """A stop that keeps, as an upgrade is: the agents never notice."""
    tap.that("with --keep it starts", daemon.start("--keep"), daemon.words())
    mine, denied, twin = mint(daemon), mint(daemon), Twin()
    spinning = mint(daemon, "kill", "--ttl", "4s")
    spinning.tell("spin")
    mine.tell(f"hammer fork {path('tree/a')} 1000")
    denied.tell(f"hammer fork {path('none/a')} 1000")
    tap.that("it stops", daemon.stop())
    tap.that("and enforcement stays", pins(daemon))
    tap.equal("and so does the clock, for who burns time beyond its grant", spinning.process.wait(20), -9)
    tap.that("it starts again", daemon.start(), daemon.words())
    tap.equal("with the grants of before", daemon.live(), {mine.grant, denied.grant})
    for probe in (mine, denied):
        probe.tell("ids")
        probe.answer()
    good, bad = ([int(n) for n in probe.detail.split()] for probe in (mine, denied))
    tap.that("the granted never failed", good[0] == good[1] > 0, good)
    tap.that("the denied never passed", bad[0] == bad[2] > 0, bad)
    tap.that("then a stop that keeps nothing", daemon.stop())
    tap.that("ends them", wait_for(lambda: mine.process.poll() is not None and denied.process.poll() is not None))
    tap.that("and no other", alive(twin.pid))
    tap.that("nothing is left", not pins(daemon) and not daemon.record() and not os.path.exists(daemon.socket))
    twin.end()


def second(daemon):
    """Beside the suite's own daemon, on the same state."""
    done = subprocess.run(daemon.command("--foreground"), capture_output=True, text=True, timeout=60)
    tap.equal("a second daemon on the same state is refused", (done.returncode, "is in use by another" in done.stderr),
              (69, True))
    tap.that("and the first one serves", daemon.answers())


def kernel_maps(pid):
    """The types of a process' descriptors of maps, by the kernel's number, and what its mappings of maps may be."""
    types, mappings = [], []
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as f:
            types += [int(line.split()[1]) for line in f if line.startswith("map_type:")]
    with open(f"/proc/{pid}/smaps", encoding="ascii") as f:
        ours = False
        for line in f:
            if "-" in line.split()[0]:
                ours = "bpf-map" in line
            elif ours and line.startswith("VmFlags:"):
                mappings.append(bool({"wr", "mw"} & set(line.split()[1:])))
    return sorted(types), sorted(mappings)


def readers(daemon):
    """Who breaks into a role without privileges has nothing that could write slots or control, or be made to."""
    ring = 27
    have = {name: kernel_maps(pid) for name, pid in daemon.roles().items()}
    tap.equal("the broker can read two maps, and no more", have["broker"], ([], [False, False]))
    tap.equal("the recorder can read one and the ring, and write how far it got", have["recorder"],
              ([ring], [False, False, True]))
    tap.equal("the warden can write slots and control", have["warden"][1][-2:], [True, True])


def without(daemon, hidden, shown, words):
    """In a mount namespace where a file of the kernel's is another."""
    script = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
    done = subprocess.run(["unshare", "--mount", "bash", "-c", script, "hide", shown, hidden,
                           *daemon.command("--foreground")], capture_output=True, text=True, timeout=START)
    tap.equal(f"without {hidden}: refused, and why", (done.returncode, words in done.stderr), (69, True))
    tap.that(f"without {hidden}: nothing is left", not pins(daemon), done.stderr)


def lacking(daemon):
    os.makedirs(path("lack"), exist_ok=True)
    put("lack/lsm", "lockdown,capability,landlock\n")
    put("lack/btf", "")
    without(daemon, "/sys/kernel/security/lsm", path("lack/lsm"), "`bpf` is not among the active LSMs")
    without(daemon, "/sys/kernel/btf/vmlinux", path("lack/btf"), "BTF")


def site():
    own = Daemon("site")
    suite = Daemon()
    if not suite.pid or not alive(suite.pid):
        tap.that("a daemon to stand beside", suite.start(), suite.words())
    second(suite)
    readers(suite)
    for part in (lacking, managed, kept):
        part(own)


for name in ("tree/a", "none/a", "none/sentinel"):
    put(name)
tap.run(site)
