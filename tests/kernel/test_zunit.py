# SPDX-License-Identifier: Apache-2.0
"""What `make install` installs, under the service manager it is written for: a root of its own, with systemd as its
first process, and the units as they are."""
import json
import os
import re
import subprocess

from kt import Tap, make, path, wait_for

tap = Tap()
REPOSITORY = os.path.realpath(os.path.dirname(os.path.abspath(__file__)) + "/../..")
SYSTEMD = "/lib/systemd/systemd"
BASE = path("unit")
ROOT = BASE + "/root"
START = 240  # seconds: a system's start and the verifier, under emulation
MOUNTS = (("proc", "proc", "proc"), ("sysfs", "sysfs", "sys"), ("cgroup2", "cgroup2", "sys/fs/cgroup"),
          ("bpf", "bpf", "sys/fs/bpf"), ("securityfs", "securityfs", "sys/kernel/security"), ("tmpfs", "run", "run"),
          ("tmpfs", "tmp", "tmp"), ("tmpfs", "srv", "srv"))
TARGET = """[Unit]
Description=Deputy and what it asks for
Requires=deputyd.service
After=deputyd.service
AllowIsolate=yes
"""
POLICY = """apiVersion: deputy/v1
name: unit
owner: {any_of: [uid:root]}
profiles: [base]
purposes:
  read:
    ttl: 20m
    files:
      - {allow: read, path: /srv/granted}
      - {allow: exec, path: /usr/bin/*}
"""


def sh(*words, **more):
    return subprocess.run(words, capture_output=True, text=True, check=False, **more)


def text_put(name, text):
    os.makedirs(os.path.dirname(f"{ROOT}/{name}"), exist_ok=True)
    with open(f"{ROOT}/{name}", "w", encoding="ascii") as f:
        f.write(text)


def root_made():
    """This machine's root below an overlay, with what is installed on top."""
    for name in ("upper", "work", "root"):
        make(f"unit/{name}")
    done = sh("mount", "-t", "overlay", "overlay", "-o", f"lowerdir=/,upperdir={BASE}/upper,workdir={BASE}/work", ROOT)
    if done.returncode:
        return done.stderr
    done = sh("make", "-s", "-C", REPOSITORY, "-o", "all", "install", f"DESTDIR={ROOT}")
    if done.returncode:
        return done.stderr
    text_put("etc/systemd/system/deputy-test.target", TARGET)
    text_put("etc/policy.yaml", POLICY)
    return ""


class System:
    """systemd as the first process of name spaces of its own."""

    def __init__(self):
        mounts = " && ".join(f"mount -t {kind} {source} {ROOT}/{where}" for kind, source, where in MOUNTS)
        script = (f"{mounts} && mount --rbind /dev {ROOT}/dev && mkdir -p {ROOT}/run/lock {ROOT}/old && cd {ROOT} && "
                  f"pivot_root . old && umount -l old && "
                  f"exec chroot . /usr/bin/env -i container=deputy-test {SYSTEMD} --unit=deputy-test.target")
        self.process = subprocess.Popen(["unshare", "--mount", "--pid", "--fork", "--ipc", "--uts", "--cgroup", "--propagation",
                                         "private", "sh", "-c", script], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.pid = wait_for(self.first)

    def first(self):
        return sh("pgrep", "-P", str(self.process.pid)).stdout.strip()

    def run(self, *words, **more):
        return sh("nsenter", "-t", self.pid, "--all", "--root", "--wd", "env", "-u", "DEPUTY_SOCKET", *words, **more)

    def shown(self, unit, name):
        return self.run("systemctl", "show", "-P", name, unit).stdout.strip()

    def active(self):
        return wait_for(lambda: self.shown("deputyd.service", "ActiveState") == "active", START, 1)

    def end(self):
        sh("kill", "-KILL", self.pid)
        self.process.wait()


def files_made(system):
    """On a file system of their own: overlays over two of them use inode numbers twice, and one may be that of a ward."""
    for name in ("granted", "other"):
        system.run("sh", "-c", f"echo {name} >/srv/{name}")


def agent_of(system, *command):
    return system.run("deputy", "run", "--policy", "/etc/policy.yaml", "--purpose", "read", "--workdir", "/srv", "--", *command)


def told(system):
    words = system.run("journalctl", "-u", "deputyd", "--no-pager", "-n", "20").stdout
    return system.run("systemctl", "status", "--no-pager", "deputyd.service").stdout + words


def serves(system, when):
    good = agent_of(system, "/usr/bin/cat", "/srv/granted")
    tap.that(f"{when}: granted", (good.returncode, good.stdout) == (0, "granted\n"),
             good.stderr + system.run("tail", "-n", "4", "/var/lib/deputy/events.jsonl").stdout)
    bad = agent_of(system, "/usr/bin/cat", "/srv/other")
    tap.that(f"{when}: refused", bad.returncode and "Permission denied" in bad.stderr, bad.stderr)


def event_of(system):
    log = system.run("cat", "/var/lib/deputy/events.jsonl").stdout.splitlines()
    return any(e.get("path") == "/srv/other" and e.get("verdict") == "deny" for e in map(json.loads, log))


def killed(system):
    """The manager starts another, and who runs meanwhile goes on under it."""
    running = subprocess.Popen(["nsenter", "-t", system.pid, "--all", "--root", "--wd", "env", "-u", "DEPUTY_SOCKET",
                                "deputy", "run", "--policy", "/etc/policy.yaml",
                                "--purpose", "read", "--workdir", "/srv", "--", "/usr/bin/tail", "-f", "/srv/granted"],
                               stdout=subprocess.PIPE, text=True)
    tap.equal("an agent that goes on", running.stdout.readline(), "granted\n")
    before = system.shown("deputyd.service", "MainPID")
    system.run("systemctl", "kill", "-s", "KILL", "deputyd.service")
    tap.that("killed, it is started again", wait_for(lambda: system.shown("deputyd.service", "MainPID") not in ("0", before)
                                                     and system.active(), START, 1), told(system))
    grants = json.loads(system.run("deputy", "ls", "--json").stdout)["grants"]
    if not tap.equal("with the agent's grant", [g["state"] for g in grants], ["live"]):
        return
    tap.that("and the agent", running.poll() is None)
    done = system.run("deputy", "revoke", grants[0]["grant"], "--mode", "kill")
    tap.that("which ends when it is revoked", done.returncode == 0 and wait_for(lambda: running.poll() is not None, START),
             done.stdout + done.stderr + system.run("deputy", "show", grants[0]["grant"]).stdout + told(system))


def stopped(system):
    system.run("systemctl", "stop", "deputyd.service", "deputyd.socket")
    tap.equal("stopped, it leaves no failure", system.shown("deputyd.service", "Result"), "success")
    tap.equal("and no pins", system.run("ls", "/sys/fs/bpf").stdout.split().count("deputy"), 0)


def doctor(system):
    """systemd sets kernel.unprivileged_bpf_disabled: then 6.1 refuses bpf(2) before it asks anybody, and nothing is told."""
    done = system.run("deputy", "doctor")
    rows = [row for row in done.stdout.splitlines() if re.search(" (done|-) +(E[A-Z]+|SIGKILL) ", row)]
    bad = {row.split()[0] for row in rows if not row.endswith(" enforced")}
    untold = {"bpf"} if os.uname().release.startswith("6.1.") else set()
    tap.that("doctor finds that it enforces", rows and bad <= untold and (bad or done.returncode == 0),
             done.stdout + done.stderr)


def installed():
    if not os.path.exists(SYSTEMD):
        return tap.skip("the installed units", "there is no systemd here")
    problem = root_made()
    if problem:
        return tap.that("a root to install into", False, problem)
    system = System()
    try:
        if not tap.that("the installed unit starts", system.active(), told(system)):
            return None
        tap.equal("at the first try", system.shown("deputyd.service", "NRestarts"), "0")
        doctor(system)
        files_made(system)
        serves(system, "installed")
        tap.that("with its event", wait_for(lambda: event_of(system)))
        killed(system)
        serves(system, "started again")
        stopped(system)
    finally:
        system.end()
        sh("umount", "-l", ROOT)
    return None


tap.run(installed)
