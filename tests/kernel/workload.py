# SPDX-License-Identifier: Apache-2.0
"""Work of every kind that has nothing to do with Deputy: what it prints has to be the same with and without."""
import os
import re
import shutil
import subprocess
import time

LONG = os.environ.get("CHECK_LONG", "")
HERE = os.path.dirname(os.path.realpath(__file__))

# The breadth of the system calls. Those that take long, or whose end is a matter of time, are for CHECK_LONG.
STRESSORS = """chmod chroot clone close dentry dir dup fcntl file-ioctl flock fork futex getdent io-uring key kill
lease memfd mknod mprotect mq msg pidfd pipe pthread ptrace rename seal sem-sysv sendfile session
shm-sysv signal sockfd sockpair splice udp userfaultfd utime vfork vm-rw wait xattr""".split()
MORE = """access af-alg affinity aio brk cap chattr chdir chown clock context copy-file dev-shm dirdeep dynlib env epoll
eventfd fallocate fanotify fault fiemap fifo filename fpunch fstat full get getrandom handle hdd inode-flags
inotify io iomix ioprio kcmp landlock link locka lockf lockofd madvise membarrier mincore mlock mmap mremap
msync munmap nanosleep netdev netlink-proc null open personality pkey poll prctl procfs pty rawsock readahead
remap revio schedpolicy seccomp secretmem seek sem set shm sigfd sigio sigpending sigsegv sock sockabuse
sockdiag switch symlink sync-file sysinfo tee timerfd touch udp-flood unshare urandom vdso vm-splice yield
zombie""".split()
SLOW = {"fallocate": 1, "inotify": 1, "link": 1, "mmap": 1, "symlink": 1, "unshare": 2}

BUILD = r"""
cat >configure <<'END'
for header in stdio.h no_such.h; do
    echo "#include <$header>" >conftest.c
    if gcc -E conftest.c >/dev/null 2>&1; then yes=1; else yes=0; fi
    echo "checking for $header... $yes"; echo "#define HAVE_$(echo $header | tr 'a-z./' 'A-Z__') $yes" >>config.h
done
for name in close_range no_such; do
    printf 'char %s(void);\nint main(void) { return %s(); }\n' $name $name >conftest.c
    gcc -fno-builtin -o conftest conftest.c 2>/dev/null && echo "checking for $name... yes" ||
        echo "checking for $name... no"
done
rm -f conftest*
END
sh configure
for i in 1 2; do printf '#include "config.h"\nint f%d(int n) { return n * %d + HAVE_STDIO_H; }\n' $i $i >f$i.c; done
printf '#include <stdio.h>\nint f1(int), f2(int);\nint main(void) { return printf("%%d\\n", f1(1) + f2(2)) < 0; }\n' >main.c
printf 'all: app\nlib.a: f1.o f2.o\n\tar rcD $@ $^\napp: main.o lib.a\n\tgcc -o $@ $^\n' >Makefile
make -s -j2 CFLAGS=-O1 && ./app && sha256sum config.h f?.o main.o lib.a app
make -q && echo nothing to do
"""

GIT = r"""
export GIT_CONFIG_NOSYSTEM=1 HOME=$PWD GIT_AUTHOR_DATE='2026-01-01 00:00:00 +0000' GIT_COMMITTER_DATE='2026-01-01 00:00:00 +0000'
git config --global user.email a@b; git config --global user.name a; git config --global init.defaultBranch main
git config --global protocol.file.allow always
git init -q one; cd one; for i in 1 2 3 4; do echo $i >f$i; git add .; git commit -qm $i; done
git checkout -qb other HEAD~2; echo x >other; git add .; git commit -qm other; git checkout -q main
git merge -qm merged other; git gc -q --prune=now; git fsck --no-progress; git log --format='%H %s' --all | sort; cd ..
git clone -q one two; cd two; git status --short; git rev-parse HEAD; git grep -c . HEAD | sha256sum; ls -A | sort
"""

APT = r"""
export SOURCE_DATE_EPOCH=1700000000 DEBIAN_FRONTEND=noninteractive; here=$PWD; umask 022
for name in kt-one kt-two; do
    mkdir -p $name/DEBIAN $name/usr/share/$name repo; echo $name >$name/usr/share/$name/data
    printf 'Package: %s\nVersion: 1.0\nArchitecture: all\nMaintainer: a <a@b>\nDescription: of a test\n' $name >$name/DEBIAN/control
done
echo 'Depends: kt-one' >>kt-two/DEBIAN/control
for name in kt-one kt-two; do dpkg-deb -Zgzip --root-owner-group -b $name repo >/dev/null || echo no $name; done
(cd repo; dpkg-scanpackages . 2>/dev/null >Packages; sha256sum *)
mkdir -p root/etc/apt/apt.conf.d root/etc/apt/preferences.d root/var/lib/dpkg/updates root/var/lib/dpkg/info \
    root/var/lib/apt/lists/partial root/var/cache/apt/archives/partial root/var/log/apt root/usr
: >root/var/lib/dpkg/status; echo "deb [trusted=yes] file:$here/repo ./" >root/etc/apt/sources.list
apt="apt-get -q -o Dir=$here/root -o Dir::State::status=$here/root/var/lib/dpkg/status -o APT::Sandbox::User=root
    -o Dir::Bin::methods=/usr/lib/apt/methods -o Dir::Etc=$here/root/etc/apt"
$apt update >/dev/null || echo no update; $apt -s install kt-two | grep -E '^(Inst|Conf)'; $apt -s install kt-none; echo $?
dpkg-deb -x repo/kt-two_1.0_all.deb out; cat out/usr/share/kt-two/data
dpkg --root=$here/root --force-script-chrootless -i repo/*.deb 2>&1 | grep -c 'Setting up'
dpkg --root=$here/root -l | grep -c ^ii; dpkg --root=$here/root --verify; cat root/usr/share/kt-one/data
dpkg --root=$here/root --purge kt-two >/dev/null; ls root/usr/share
"""

CONTAINER = r"""
box() { bwrap --unshare-all --ro-bind / / --proc /proc --dev /dev --tmpfs /tmp --dir /tmp/here --hostname box "$@"; }
box sh -c 'hostname; id -u; ls /dev | sort | tr "\n" " "; ls -A /tmp; ls /proc | grep -c "^[0-9]"; cat /proc/1/comm
    echo x >/tmp/f; cat /tmp/f; echo y 2>/dev/null >/etc/no || echo read-only; ls /sys/class/net | tr "\n" " "
    echo works | cat; exit 7'; echo $?
box --die-with-parent --new-session --cap-drop ALL sh -c 'grep -E "Cap(Eff|Bnd)|NoNewPrivs" /proc/self/status'; echo $?
bwrap --dev-bind / / --chdir /usr sh -c 'pwd; readlink /proc/self/ns/user | cut -c1-5'
box no-such-program 2>/dev/null; echo $?
"""


def shell(text, where, **options):
    os.makedirs(where)
    if "user" in options:
        os.chown(where, options["user"], options["group"])
    done = subprocess.run(["sh", "-c", text], cwd=where, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=900, env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C"}, **options)
    return f"{done.stdout}{done.stderr}".replace(where, ".") + f"status {done.returncode}\n"


def stress(where):
    """One process runs them all in turn; each has to come to its number of rounds, or be skipped by itself."""
    os.makedirs(where)
    names = STRESSORS + (MORE if LONG else [])
    with open(f"{where}/job", "w", encoding="ascii") as f:
        f.write("run sequential\nverify\nmetrics\n")
        for name in names:
            f.write(f"{name} 1\n{name}-ops {SLOW.get(name, 4)}\n")
    done = subprocess.run(["stress-ng", "--job", "job", "--temp-path", where, "--timeout", "60", "--yaml", "yaml"],
                          cwd=where, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=1500)
    said = done.stdout + done.stderr
    with open(f"{where}/yaml", encoding="utf-8") as f:
        counted = dict(re.findall(r"stressor: (\S+)\n\s+bogo-ops: (\d+)", f.read()))
    lines = [f"{name} {int(counted[name]) > 0 if name in counted else 'not run'}" for name in names]
    lines += sorted(re.sub(r"\[\d+\]|\d+(\.\d+)?", "N", line) for line in said.splitlines()
                    if re.search(r"fail|skipp|error|unsuccessful", line))
    return "\n".join(lines) + f"\nstatus {done.returncode}\n"


def hello(where):
    """Debian's `hello`, configured, made and tried, where its source is (tests/kernel/fetch-hello)."""
    source = os.environ.get("DEPUTY_CACHE", "") + "/hello/hello.tar.gz"
    if not os.path.exists(source):
        return "no source\n"
    return shell(f"tar xzf {source} --strip-components=1 && ./configure -q >/dev/null 2>&1 && make -s >/dev/null 2>&1 && "
                 "./hello && grep -c . config.status && sha256sum config.h hello src/*.o", where)


NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}
WORK = {
    "stress": (stress, "stress-ng"),
    "build": (lambda where: shell(BUILD, where), "gcc"),
    "git": (lambda where: shell(GIT, where), "git"),
    "apt": (lambda where: shell(APT, where), "dpkg-scanpackages"),
    "container": (lambda where: shell(CONTAINER, where), "bwrap"),
    "container of nobody": (lambda where: shell(CONTAINER, where, **NOBODY), "bwrap"),
}
if LONG:
    WORK["hello"] = (hello, "gcc")


def run_all(where):
    """What each kind printed, by name; nothing of those whose program is not there."""
    have = {}
    for name, (run, needs) in WORK.items():
        place = f"{where}/{name.replace(' ', '-')}"
        shutil.rmtree(place, ignore_errors=True)
        if shutil.which(needs):
            began = time.monotonic()
            have[name] = run(place)
            print(f"# {name}: {time.monotonic() - began:.0f} s", flush=True)
        shutil.rmtree(place, ignore_errors=True)
    return have
