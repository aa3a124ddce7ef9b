# SPDX-License-Identifier: Apache-2.0
"""The roads that have names: services and programs that act for whoever asks, and calls upon the whole machine."""
import http.server
import os
import shutil
import socket
import subprocess
import threading
import time

from cases import ANY, Bench, Case, brief
from kt import EXT4, PROBE, Agent, Tap, Twin, alive, make, path, put, wait_for

tap = Tap()
POLICY = os.path.dirname(os.path.realpath(__file__)) + "/scenarios.yaml"
IN_VM = bool(os.environ.get("DEPUTY_VM"))
PORT = 7022
ENV = {**os.environ, "HOME": path("work/home"), "LC_ALL": "C", "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}
servers, mounted = [], []


def serve(*command, **options):
    """A real server, outside any grant, until the family ends."""
    servers.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL, start_new_session=True, env=ENV, **options))
    return servers[-1]


def is_there(*programs):
    return all(shutil.which(p, path=ENV["PATH"]) for p in programs)


def program(name, words, twin="0", **event):
    """A real program, which fails under the grant, for the reason that the event tells, and does its work without."""
    bench.log.mark()
    words = [shutil.which(words.split()[0], path=ENV["PATH"]), *words.split()[1:]]
    does = "status " + " ".join(words)
    mine = (bench.agent.ask(does), bench.agent.detail)
    theirs = (bench.twin.ask(does), bench.twin.detail)
    if isinstance(event.get("path"), str):
        event["path"] = path(event["path"])
    found = bench.log.find(verdict="deny", grant=bench.agent.grant, **event)
    refused = [brief(e) for e in bench.log.all(verdict="deny")]
    good = mine[0] == theirs[0] == "OK" and mine[1] != twin and theirs[1] == twin and found
    tap.that(name, good, f"{words}\nagent {mine}, untagged {theirs}, expected {twin}\nno event {event}\n{refused}")
    tap.road(name, does, found["errno"] if found else f"ended with {mine[1]}", f"ended with {theirs[1]}")


def dbus():
    if not is_there("dbus-daemon", "dbus-send"):
        return tap.skip("D-Bus", "no dbus-daemon")
    put("none/bus.conf", f"""<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path={path("none/bus")}</listen><listen>unix:abstract=kt-bus</listen>
<auth>EXTERNAL</auth><policy context="default"><allow send_destination="*"/><allow eavesdrop="true"/><allow own="*"/>
</policy></busconfig>""")
    serve("dbus-daemon", f"--config-file={path('none/bus.conf')}", "--nofork")
    assert wait_for(lambda: os.path.exists(path("none/bus")))
    ask = "--print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.GetId"
    program("D-Bus: a call by the bus's path", f"dbus-send --bus=unix:path={path('none/bus')} {ask}", type="file",
            op="connect", path="none/bus", rule=None)
    return program("D-Bus: a call by its abstract name", f"dbus-send --bus=unix:abstract=kt-bus {ask}", type="net",
                   op="connect", reason="family", family=1)


def docker():
    """A stand-in that answers as docker's socket does."""
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "3")
            self.end_headers()
            self.wfile.write(b"[]\n")

        def address_string(self):
            return "unix"

        def log_message(self, *_):
            pass

    class Server(http.server.ThreadingHTTPServer):
        address_family = socket.AF_UNIX

        def server_bind(self):
            self.socket.bind(self.server_address)

    if not is_there("curl"):
        return tap.skip("docker.sock", "no curl")
    remove("none/docker.sock")
    threading.Thread(target=Server(path("none/docker.sock"), Answer).serve_forever, daemon=True).start()
    return program("docker.sock: asked for its containers",
                   f"curl -sf --unix-socket {path('none/docker.sock')} http://d/containers/json", type="file",
                   op="connect", path="none/docker.sock", rule=None)


def systemd():
    """What systemd-run and busctl connect to; where there is no systemd, a stand-in."""
    places = ("/run/systemd/private", "/run/dbus/system_bus_socket")
    for place in places:
        if not os.path.exists(place):
            os.makedirs(os.path.dirname(place), exist_ok=True)
            listen(place)
        bench.check(Case(f"systemd-run: {place}", f"unix-connect {place}", "unix-connect sockets/own", type="file",
                         op="connect", path=place, rule=None))


def listen(name):
    s = socket.socket(socket.AF_UNIX)
    remove(name)
    s.bind(path(name))
    s.listen(64)
    servers.append(s)


def remove(name):
    if os.path.lexists(path(name)):
        os.unlink(path(name))


def spools():
    """Files from which cron and at run whatever stands in them, as root."""
    if IN_VM:
        scratch("/var/spool")
    for where in ("/var/spool/cron/crontabs", "/var/spool/cron/atjobs"):
        if not os.path.isdir(where) and not IN_VM:
            tap.skip(where, "not there")
            continue
        os.makedirs(where, exist_ok=True)
        bench.check(Case(f"a job for {where}", f"create {where}/kt-job", "create work/kt-job", op="create",
                         path=f"{where}/kt-job", rule=None,
                         setup=lambda where=where: [remove(f"{where}/kt-job"), remove("work/kt-job")]))
        remove(f"{where}/kt-job")
    if not IN_VM:
        return tap.skip("crontab", "only in a virtual machine: it replaces root's")
    for where in ("/etc/cron.d", "/etc/systemd/system", "/etc/profile.d"):
        if os.path.isdir(where):
            scratch(where)
            bench.check(Case(f"a file in {where}", f"create {where}/kt-job", "create work/kt-job", op="create",
                             path=f"{where}/kt-job", rule=None, setup=lambda: remove("work/kt-job")))
    put("work/crontab", "@reboot true\n")
    if is_there("crontab"):
        return program("crontab", f"crontab {path('work/crontab')}", type="file", path="/var/spool/cron")
    return tap.skip("crontab", "not installed")


def scratch(where):
    """The machine's own folders are read-only."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "kt", where], check=True)
    mounted.append(where)


def ssh():
    if not is_there("dropbear", "dropbearkey", "ssh", "ssh-keygen"):
        return tap.skip("ssh to localhost", "no dropbear or no ssh")
    make("work/home")
    for name in ("work/key", "work/key.pub", "none/hostkey"):
        remove(name)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path("work/key")], check=True)
    subprocess.run(["dropbearkey", "-t", "ed25519", "-f", path("none/hostkey")], check=True, capture_output=True)
    # In a mount namespace of its own, so that root's own keys stay as they are.
    serve("unshare", "--mount", "sh", "-c", f"""mount -t tmpfs -o mode=700 home /root && mkdir -m 700 /root/.ssh &&
        cp {path("work/key.pub")} /root/.ssh/authorized_keys && chmod 600 /root/.ssh/authorized_keys &&
        exec dropbear -F -r {path("none/hostkey")} -p 127.0.0.1:{PORT} -P {path("none/dropbear.pid")}""")
    assert wait_for(lambda: not socket.socket().connect_ex(("127.0.0.1", PORT)))
    ask = f"ssh -F none -i {path('work/key')} -p {PORT} -o StrictHostKeyChecking=no -o BatchMode=yes " \
          f"-o UserKnownHostsFile=/dev/null root@127.0.0.1 true"
    return program("ssh to localhost", ask, type="net", op="connect", addr="127.0.0.1", port=PORT, rule=None)


def ssh_agent():
    """SSH_AUTH_SOCK is inherited; what listens there would sign with its owner's keys."""
    if not is_there("ssh-agent", "ssh-add"):
        return tap.skip("ssh-agent", "not installed")
    return program("ssh-agent: its keys by SSH_AUTH_SOCK", "ssh-add -l", twin="1", type="file", op="connect",
                   path="none/ssh-agent", rule=None)


def open_to_all(name):
    os.chmod(name, 0o777)
    time.sleep(0.5)
    return os.stat(name).st_mode & 0o006 == 0o006


def other_users():
    if is_there("sudo"):
        program("sudo", "sudo -n -u nobody true", type="guard", op="capability")
    else:
        tap.skip("sudo", "not installed")
    program("su", "su nobody -s /bin/true")  # by whichever of its libraries is refused something first
    if not is_there("tmux"):
        return tap.skip("tmux of another user", "not installed")
    where = make("none/tmux")
    os.chmod(path(where), 0o777)
    serve("tmux", "-f", "/dev/null", "-S", path("none/tmux/socket"), "-D", user=65534, group=65534, extra_groups=[])
    assert wait_for(lambda: os.path.exists(path("none/tmux/socket")))
    # Modes do not keep it out, nor root's capabilities. A server that starts sets its own once more.
    assert wait_for(lambda: open_to_all(path("none/tmux/socket")))
    return program("tmux of another user: keys are typed into it",
                   f"tmux -S {path('none/tmux/socket')} start-server ; set-buffer x", type="file", op="connect",
                   path="none/tmux/socket", rule=None)


KERNEL_FILES = ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sysrq-trigger",
                "/proc/sys/vm/drop_caches", "/proc/sys/kernel/yama/ptrace_scope", "/proc/sys/fs/suid_dumpable",
                "/proc/sys/kernel/unprivileged_bpf_disabled", "/sys/kernel/uevent_helper", "/sys/kernel/mm/ksm/run",
                "/proc/sys/fs/binfmt_misc/status", "/sys/module/kernel/parameters/panic", "/sys/power/state",
                "/sys/kernel/security/lockdown", "/sys/fs/cgroup/cgroup.procs", "/proc/1/oom_score_adj",
                "/proc/irq/default_smp_affinity", "/sys/kernel/debug/sched/verbose")


def capability(name, does, errno, op="capability", allow=None):
    """The caller gets another errno than the hook gave."""
    bench.log.mark()
    have, twin = bench.agent.ask(does), bench.twin.ask(does)
    tap.equal(name, (have, twin), (errno, "OK"))
    tap.road(name, does, have, twin)
    tap.that(f"{name}: its event", bench.log.find(type="guard", op=op, verdict="deny", grant=bench.agent.grant))
    if allow:
        tap.equal(f"{name}: what is allowed", bench.agent.ask(allow), "OK")


GUARDED = {"errno": "EPERM", "reason": "guarded"}  # whatever a policy grants


def by_path(verb, name, op, good, **more):
    """Where the untagged get through at all."""
    if bench.twin.ask(f"{verb} {name}") == "OK":
        bench.check(Case(f"{verb} {name}", f"{verb} {name}", good, op=op, path=name, rule=None, **more))
    else:
        print(f"# {verb} {name}: not on this kernel", flush=True)


def kernel_files():
    """What the kernel runs as root when it is asked, and every other switch of its."""
    for name in KERNEL_FILES:
        by_path("write", name, "write", "write work/a", **GUARDED)
    for name in ("/proc/kcore", "/proc/kallsyms", "/dev/kmsg", "/proc/1/environ"):
        by_path("read", name, "read", "read work/a")
    by_path("read", "/sys/kernel/tracing/trace", "read", "read work/a", **GUARDED)


def release_agent():
    where = path(make("none/cgroup"))
    if subprocess.run(["mount", "-t", "cgroup", "-o", "none,name=kt", "cgroup", where], capture_output=True).returncode:
        return tap.skip("release_agent", "this kernel has no cgroups of the first version")
    mounted.append(where)
    return bench.check(Case("writing a cgroup's release_agent", f"write {where}/release_agent", "write work/a",
                            op="write", path=f"{where}/release_agent", rule=None, **GUARDED))


RAW = ("mem", "kmem", "port", "vda", "loop0", "cpu/0/msr", "uinput")


def devices():
    """Memory, ports and disks as files."""
    for name, numbers in (("mem", (1, 1)), ("kmem", (1, 2)), ("port", (1, 4)), ("vda", None), ("loop0", None),
                          ("cpu/0/msr", None), ("tty0", None), ("uinput", None), ("fuse", None), ("loop-control", None)):
        where = f"/dev/{name}"
        if numbers and not os.path.exists(where) and IN_VM:
            os.mknod(where, 0o20600, os.makedev(*numbers))
        by_path("write", where, "write", "write work/a", **(GUARDED if name in RAW else {}))
    remove("work/mem")
    if not IN_VM:
        return
    os.mknod(path("work/mem"), 0o20600, os.makedev(1, 1))
    bench.check(Case("memory by a node where all is granted", "readwrite work/mem", "readwrite work/a", op="read",
                     path="work/mem", rule=None, **GUARDED))
    remove("work/mem")


# What it takes; the one that the kernel asks for first, where that is not the same on all.
CALLS = {"kexec_load": "cap_sys_boot", "kexec_file_load": "cap_sys_boot", "swapon": "cap_sys_admin",
         "swapoff": "cap_sys_admin", "init_module": "cap_sys_module", "finit_module": "cap_sys_module",
         "delete_module": "cap_sys_module", "userfaultfd": "cap_sys_ptrace", "acct": "cap_sys_pacct",
         "syslog": "cap_syslog", "sethostname": "cap_sys_admin", "setdomainname": "cap_sys_admin",
         "settimeofday": "cap_sys_time", "reboot": "cap_sys_boot", "ioperm": "cap_sys_rawio",
         "iopl": "cap_sys_rawio", "fsopen": "cap_sys_admin",
         "mount_setattr": "cap_sys_admin"}


def calls():
    for call, needed in CALLS.items():
        have = bench.twin.ask(f"host {call}")
        if have in ("ENOSYS", "EOPNOTSUPP"):
            tap.skip(call, f"this kernel: {have}")
            continue
        bench.check(Case(call, f"host {call}", "read work/a", errno="EPERM", type="guard", op="capability",
                         reason=ANY, capability=needed, pid=ANY))
    bench.check(Case("pivot_root", "host pivot_root", "read work/a", errno="EPERM", type="guard", op=ANY, reason=ANY))
    capability("perf_event_open", "host perf_event_open", "EACCES", allow="read work/a")
    bench.same("userfaultfd for faults of one's own", "host userfaultfd-own")
    if EXT4 and bench.twin.ask(f"quota {EXT4}/tree") == "OK":
        bench.check(Case("quotactl", f"quota {EXT4}/tree", f"list {EXT4}/tree", errno="EPERM", type="guard",
                         op="capability", capability="cap_sys_admin"))


def others():
    """Acting upon a task that is not one's own, beyond signals and ptrace."""
    other = Twin()
    for name, words in (("process_vm_readv", "vm-readv"), ("kcmp", "kcmp"), ("setns by a pidfd", "setns-pid")):
        own = f"{words} {bench.agent.pid}" if words in ("vm-readv", "kcmp") else None
        bench.check(Case(name, f"{words} {other.pid}", own, errno="EPERM", type="guard", op=ANY, reason=ANY))
    capability("process_madvise", f"process-madvise {other.pid}", "EACCES", op="ptrace")
    bench.twin.end()
    bench.twin = Twin(env=ENV)  # setns(2) took it to another working directory
    bench.same("a pidfd alone is no more than a number", f"pidfd-open {other.pid}")
    tap.that("which all leave unharmed", alive(other.pid))
    other.end()


def personality():
    """Under which all that can be read is code."""
    for name in ("work/program", "bin/program"):
        put(name)
        shutil.copy(PROBE, path(name))
    deny = {"op": "exec", "path": "work/program", "rule": "deny exec path ${workdir}/work/**", "pid": ANY}
    bench.check(Case("READ_IMPLIES_EXEC, then mapped", "map-personality work/program", "read work/program", **deny))
    if bench.twin.ask("map-remap work/program") != "OK":
        return tap.skip("READ_IMPLIES_EXEC, then remap_file_pages", bench.twin.ask("map-remap work/program"))
    return bench.check(Case("READ_IMPLIES_EXEC, then remap_file_pages", "map-remap work/program", "read work/program",
                            **deny))


def end():
    bench.end()
    for server in servers:
        if isinstance(server, subprocess.Popen):
            os.killpg(server.pid, 9)
            server.wait()
        else:
            server.close()
    for where in reversed(mounted):
        subprocess.run(["umount", "-l", where], capture_output=True)


for each in ("work/a", "none/sentinel", "none/a"):
    put(each)
make("sockets")
if EXT4:
    make(f"{EXT4}/tree")
make("work/home")
listen("sockets/own")
ENV["SSH_AUTH_SOCK"] = path("none/ssh-agent")
if is_there("ssh-agent"):
    remove("none/ssh-agent")
    serve("ssh-agent", "-D", "-a", path("none/ssh-agent"))
bench = Bench(tap, Agent("work", policy=POLICY, env=ENV).ready())
bench.twin.end()
bench.twin = Twin(env=ENV)
tap.run(dbus, docker, systemd, spools, ssh, ssh_agent, other_users, kernel_files, release_agent, devices, calls, others,
        personality, end)
