# SPDX-License-Identifier: Apache-2.0
"""The kernel's own controls stay shut under a policy that grants every path for everything."""
import glob
import os
import re
import stat
import subprocess

from cases import ANY, Bench, Case, remove
from kt import Tap, Twin, agent, path, put

tap = Tap()

FILES = ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/vm/drop_caches", "/proc/sysrq-trigger",
         "/proc/sys/fs/binfmt_misc/register", "/sys/kernel/uevent_helper", "/sys/power/state", "/sys/kernel/mm/ksm/run",
         "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/release_agent", "/sys/kernel/debug/sched/features",
         "/sys/kernel/tracing/tracing_on", "/dev/uinput")
READ = ("/sys/kernel/tracing/trace", "/sys/kernel/debug/sched/debug", "/dev/mem", "/dev/port", "/dev/sg0", "/dev/snapshot")
SEEN = ("/proc/sys/kernel/core_pattern", "/sys/power/state", "/proc/meminfo", "/dev/zero")


def world():
    for kind, where in (("debugfs", "/sys/kernel/debug"), ("tracefs", "/sys/kernel/tracing"),
                        ("cgroup2", "/sys/fs/cgroup"), ("binfmt_misc", "/proc/sys/fs/binfmt_misc")):
        if not os.path.ismount(where):
            subprocess.run(["mount", "-t", kind, kind, where], capture_output=True, check=False)
    for name in ("tree/a", "none/sentinel"):
        put(name)


def guarded(name, does, op, where, allow="write tree/a", **more):
    return Case(name, does, allow, errno="EPERM", type="file", op=op, path=where, reason="guarded", **more)


def opened(op, files):
    for name in files:
        # What this kernel lacks, or does not open for anybody just now, is no road.
        if not os.path.exists(name) or bench.twin.ask(f"{op} {name}") != "OK":
            tap.skip(f"{op} {name}", "not here")
            continue
        bench.check(guarded(f"{op} {name}", f"{op} {name}", "read" if op == "open" else op, name))


def controls():
    opened("write", FILES)
    opened("open", READ)
    for name in SEEN:
        bench.same(f"what a rule lets see: {name}", f"open {name}")


def made():
    """Not only opening: a cgroup is made by mkdir, a tracing instance likewise."""
    if os.path.exists("/sys/fs/cgroup/cgroup.procs"):
        where = "/sys/fs/cgroup/kt-made"
        bench.check(guarded("a cgroup", f"mkdir {where}", "create", where),
                    guarded("removing one", f"rmdir {where}", "delete", where))
    where = "/sys/power/state"
    bench.check(guarded("a control's mode", f"chmod {where}", "write", where))


def disks():
    """By whatever name."""
    for where in sorted(glob.glob("/sys/block/*/dev")):
        with open(where, encoding="ascii") as f:
            major, minor = f.read().split(":")
        remove("tree/disk")
        os.mknod(path("tree/disk"), stat.S_IFBLK | 0o666, os.makedev(int(major), int(minor)))
        if bench.twin.ask("open tree/disk") == "OK":
            bench.check(guarded("a disk", "open tree/disk", "read", "tree/disk"),
                        guarded("writing to a disk", "write tree/disk", "write", "tree/disk"))
            return
    tap.skip("a disk", "no block device opens here")


def memory():
    remove("tree/memory")
    os.mknod(path("tree/memory"), stat.S_IFCHR | 0o666, os.makedev(1, 1))
    bench.check(guarded("memory under another name", "open tree/memory", "read", "tree/memory"))


def numbered():
    """Kinds of devices whose number the kernel gives out, and others; of most none is here, but their number is refused."""
    with open("/proc/devices", encoding="ascii") as f:
        majors = {name: int(number) for number, name in re.findall(r"^ *(\d+) (\S+)$", f.read().split("Block")[0], re.M)}
    for name, numbers in (("uhid", (10, 239)), ("usb", (189, 0)), ("mtd", (90, 0)),
                          *((name, (majors.get(name), 200)) for name in ("bsg", "nvme", "nvme-generic", "dax"))):
        if numbers[0] is None:
            tap.skip(f"a device of {name}", "not in this kernel")
            continue
        remove("tree/device")
        os.mknod(path("tree/device"), stat.S_IFCHR | 0o666, os.makedev(*numbers))
        case = guarded(f"a device of {name}", "open tree/device", "read", "tree/device")
        case.twin = bench.twin.ask("open tree/device")
        bench.check(case)
    remove("tree/device")
    os.mknod(path("tree/device"), stat.S_IFCHR | 0o666, os.makedev(1, 5))
    bench.same("a device of zeros", "open tree/device")
    remove("tree/device")
    os.mknod(path("tree/device"), stat.S_IFCHR | 0o666, os.makedev(majors["rtc"] if "rtc" in majors else 10, 200))
    have = bench.twin.ask("open tree/device")
    bench.same("one of another number", "open tree/device", have, have)
    remove("tree/device")


def old_credentials():
    """What an open file remembers of who opened it is no capability of the grant's."""
    configs = glob.glob("/sys/bus/pci/devices/*/config")
    if not configs:
        return tap.skip("credentials kept in an open file", "no PCI here")
    name = f"read-by-old-file {configs[0]}"
    bench.check(Case("credentials kept in an open file", name, errno="EPERM", type="guard", op="capability",
                     capability="cap_sys_admin", reason="guarded"))
    return None


def processes():
    """One's own files in proc are for rules to grant; another's are its."""
    bench.same("one's own oom_score_adj", "write /proc/self/oom_score_adj")
    bench.same("a thread's own comm", "in thread write /proc/thread-self/comm")
    where = f"/proc/{other.pid}/oom_score_adj"
    bench.check(guarded("another's oom_score_adj", f"write {where}", "write", where, "write /proc/self/oom_score_adj"))
    child = guarded("a child is one's own, another's child is not", f"write /proc/{os.getpid()}/comm", "write",
                    f"/proc/{os.getpid()}/comm")
    bench.check(child)


world()
other = Twin()
bench = Bench(tap, agent("everything"))
tap.run(controls, made, disks, memory, numbered, old_credentials, processes, bench.end, other.end)
