# SPDX-License-Identifier: Apache-2.0
"""What running a program could make of an agent, and ways for one file to have another one run."""
import os
import shutil
import struct
import socket
import subprocess
import sys

from cases import ANY, Bench, Case
from kt import PROBE, Agent, Tap, Twin, agent, path, put

tap = Tap()
DENY = "deny exec path ${workdir}/programs/denied"
GOOD = "run programs/good quiet"
BINFMT = "/proc/sys/fs/binfmt_misc"
CAP_SYS_ADMIN = 21
JOIN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "join.py")


def program(name, mode=0o755):
    put(name)
    shutil.copy(PROBE, path(name))
    os.chmod(path(name), mode)


def world():
    for name in ("programs/good", "programs/denied"):
        program(name)
    put("none/sentinel")
    put("programs/script", f"#!{PROBE} quiet\n", 0o755)
    put("programs/badscript", f"#!{path('programs/denied')} quiet\n", 0o755)
    put("programs/twice", f"#!{path('programs/badscript')}\n", 0o755)
    put("programs/shell", f"#!{path('programs/script')}\n", 0o755)


def interpreters():
    bench.check(Case("a script whose interpreter is a script with a denied one", "run programs/twice",
                     "run programs/shell", op="exec", path="programs/denied", rule=DENY, pid=ANY))


def registered():
    """A format that somebody registered: its interpreter is decided like any program."""
    if not os.path.exists(f"{BINFMT}/register"):
        subprocess.run(["modprobe", "binfmt_misc"], capture_output=True)
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT], capture_output=True)
    if not os.path.exists(f"{BINFMT}/register"):
        return tap.skip("binfmt_misc", "this kernel has none")
    put("programs/odd", "KTODD\n", 0o755)
    put("programs/even", "KTEVEN\n", 0o755)
    for name, to in (("KTODD", path("programs/denied")), ("KTEVEN", PROBE)):
        with open(f"{BINFMT}/register", "w") as f:
            f.write(f":{name}:M::{name}::{to}:O")
    # The interpreter gets the program's name as its operation, which it has not: it ends well all the same.
    bench.check(Case("binfmt_misc: a denied interpreter", "run programs/odd", "run programs/even", op="exec",
                     path="programs/denied", rule=DENY, pid=ANY))
    bench.check(Case("binfmt_misc: registering one", f"write {BINFMT}/register", GOOD, errno="EPERM", op="write",
                     path=f"{BINFMT}/register", reason="guarded"))
    for name in ("KTODD", "KTEVEN"):
        with open(f"{BINFMT}/{name}", "w") as f:
            f.write("-1")
    return None


def memory():
    bench.check(Case("a program in /dev/shm", "create /dev/shm/kt-program", "create tree/program2", op="create",
                     path="/dev/shm/kt-program", rule=None,
                     setup=lambda: [os.path.exists(p) and os.unlink(p)
                                    for p in ("/dev/shm/kt-program", path("tree/program2"))]))


def privileges():
    """Nobody's agent stays nobody's, and without capabilities."""
    program("programs/setgid", 0o2755)
    program("programs/capable")
    low = 1 << CAP_SYS_ADMIN
    os.setxattr(path("programs/capable"), "security.capability", struct.pack("<IIIII", 0x02000001, low, 0, 0, 0))
    nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    mine, twin = Agent("files", **nobody).ready(), Twin(**nobody)
    tap.equal("a setgid program gains nothing", (mine.ask("run-answer programs/setgid group-ids"), mine.detail),
              ("OK", "65534 65534"))
    tap.equal("untagged it does", (twin.ask("run-answer programs/setgid group-ids"), twin.detail), ("OK", "65534 0"))
    tap.equal("a file's capabilities are not gained", (mine.ask("run-answer programs/capable caps"), mine.detail),
              ("OK", "0" * 16))
    tap.equal("untagged they are", (twin.ask("run-answer programs/capable caps"), twin.detail), ("OK", f"{low:016x}"))
    mine.end()
    twin.end()


def without_no_new_privs():
    """Who takes a tag by the interface has not given up set-id bits: they are refused, not ignored."""
    program("programs/setuid", 0o4755)
    nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    mine, other = (Twin([sys.executable, JOIN, purpose], **nobody) for purpose in ("files", "users"))
    tap.equal("a tag without no_new_privs", (mine.ask("no-new-privs"), mine.detail), ("OK", "0"))
    for name, capability in (("setgid", "cap_setgid"), ("setuid", "cap_setuid")):
        bench.log.mark()
        tap.equal(f"a {name} program is refused", mine.ask(f"run programs/{name} quiet"), "EPERM")
        tap.that("its event", bench.log.find(type="guard", op="capability", capability=capability, errno="EPERM",
                                             reason="rule"))
    tap.equal("others run", mine.ask(GOOD), "OK")
    tap.equal("a file's capabilities are of no use", mine.ask("run programs/capable sethostname kt-become"), "OK")
    tap.that("refused when used", bench.log.find(type="guard", op="capability", capability="cap_sys_admin"))
    tap.that("and the host has its name", socket.gethostname() != "kt-become")
    tap.equal("granted, it runs", (other.ask("run-answer programs/setgid group-ids"), other.detail), ("OK", "65534 0"))
    mine.end()
    other.end()


def other_root():
    """A root of one's own from before the tag: paths are those of the mount namespace, so rules do not shift."""
    root = path("none/root")
    os.makedirs(root, exist_ok=True)
    if subprocess.run(["mount", "--rbind", "/", root]).returncode:
        return tap.skip("a chroot from before the tag", "cannot mount")
    inside = Agent("files", command=(PROBE, "quiet"), preexec_fn=lambda: os.chroot(root))
    bench.log.mark()
    status = inside.process.wait(60)
    tap.that("a chroot does not bring paths under the rules of others", status not in (0, None), status)
    tap.that("its event has the whole path", bench.log.find(verdict="deny", op="exec", path=root + PROBE))
    subprocess.run(["umount", "-R", "-l", root])
    return None


world()
bench = Bench(tap, agent("files"))
tap.run(interpreters, registered, memory, privileges, without_no_new_privs, other_root, bench.end)
