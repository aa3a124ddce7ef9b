# SPDX-License-Identifier: Apache-2.0
"""Ordinary work inside a grant goes on as it does without: nothing is refused that the grant covers."""
import os
import shutil

from cases import brief
from kt import ROOT, Agent, Log, Tap, Twin, make, path, put

tap = Tap()

COMMON = f"""set -e
export PATH=/usr/bin HOME={ROOT}/tree/home TMPDIR={ROOT}/tree/home GIT_CONFIG_NOSYSTEM=1 PYTHONDONTWRITEBYTECODE=1
unset PYTHONPATH
"""

WORK = {
    "files": ("", """
mkdir a; echo text >a/f; chmod 640 a/f; ln -s f a/l; mkfifo a/p
cp -a a b; cp -p a/f c; cp --preserve=all a/f d; install -m 755 -p a/f e
ln a/f hard; ln -s a/f l; readlink l; realpath l; readlink -f a/l; test -L l
touch a/f; touch -d yesterday a/f; touch -h -d yesterday l; touch new
mv e z; mv -T b bb; rm -r bb; chown 0:0 c; truncate -s 0 c; sed -i s/text/other/ d
tar cf t.tar a; mkdir x; tar xpf t.tar -C x; ls -laR . >list; stat a/f l; find . -newer t.tar
flock lock true; dd if=/dev/null of=empty; rmdir "$(mktemp -d)"; echo yes | cat | tail -n 1 >/dev/null
"""),
    "python": ("/usr/bin/python3", """
python3 - <<'END'
import fcntl, mmap, multiprocessing, os, shutil, socket, sqlite3, subprocess, tempfile
os.makedirs("p/q"); open("p/f", "w").write("x"); os.symlink("f", "p/l"); os.utime("p/f", (1, 1))
os.utime("p/l", (1, 1), follow_symlinks=False); shutil.copytree("p", "pp", symlinks=True); shutil.rmtree("pp")
os.listxattr("p/f"); os.scandir("p"); os.replace("p/f", "p/g"); fcntl.flock(open("p/g", "w"), fcntl.LOCK_EX)
with tempfile.TemporaryFile() as t: t.write(b"x")
with open("p/g", "w+b") as f: f.write(b"x" * 4096); f.flush(); mmap.mmap(f.fileno(), 0).close()
db = sqlite3.connect("p/db"); db.execute("create table t(x)"); db.commit(); db.close()
a, b = socket.socketpair(); socket.send_fds(a, [b"x"], [os.open("p/g", os.O_RDONLY), 1]); socket.recv_fds(b, 1, 2)
r, w = os.pipe(); socket.send_fds(a, [b"x"], [r]); socket.recv_fds(b, 1, 1); os.memfd_create("m")
assert subprocess.run(["true"]).returncode == 0
END
"""),
    "git": ("/usr/bin/git", """
git init -q r; cd r; git config user.email a@b; git config user.name a; echo x >f; ln -s f l; git add .
git commit -qm one; git checkout -qb other; echo y >>f; git commit -qam two; git checkout -q -; git merge -q other
git gc -q; git stash list; git clone -q . ../r2; git worktree add -q ../r3 other; git status; git log --stat
"""),
    "gcc": ("/usr/bin/gcc", """
echo 'int main(void) { return 0; }' >m.c; gcc -pipe -o m m.c; gcc -O2 -c m.c; ar rc m.a m.o; ./m; strip m; ./m
printf 'm2: m.c\\n\\tgcc -o m2 m.c\\n' >Makefile; make -s; ./m2
"""),
    "addresses": ("/usr/sbin/ip", """
PATH=$PATH:/usr/sbin; ip address; ip link; ip route; ip -6 route; ip neighbour; ip -json address >j; ip route get 127.0.0.1
getent ahosts 127.0.0.1
python3 -c 'import socket; socket.getaddrinfo("127.0.0.1", 80, flags=socket.AI_ADDRCONFIG); socket.if_nameindex()'
"""),
    "interfaces": ("/usr/bin/node", """
node -e 'if (!Object.keys(require("os").networkInterfaces()).length) process.exit(1);'
"""),
    "node": ("/usr/bin/node", """
node -e 'const fs = require("fs"), cp = require("child_process");
fs.mkdirSync("n"); fs.writeFileSync("n/f", "x"); fs.symlinkSync("f", "n/l"); fs.readlinkSync("n/l");
fs.utimesSync("n/f", 1, 1); fs.lutimesSync("n/l", 1, 1); fs.cpSync("n", "nn", {recursive: true});
fs.watch("n").close(); fs.rmSync("nn", {recursive: true}); cp.execFileSync("true");'
"""),
}


def script(name, text):
    shutil.rmtree(path(f"tree/{name}"), ignore_errors=True)
    make(f"tree/{name}")
    put(f"tree/{name}.sh", f"{COMMON}cd {ROOT}/tree/{name}\n{text}")
    return f"status /usr/bin/sh {ROOT}/tree/{name}.sh"


def work():
    make("tree/home")
    mine, twin, log = Agent("work").ready(), Twin(), Log()
    for name, (needs, text) in WORK.items():
        if needs and not os.path.exists(needs):
            tap.skip(name, f"no {needs}")
            continue
        want = (twin.ask(script(name, text)), twin.detail)
        log.mark()
        have = (mine.ask(script(name, text)), mine.detail)
        refused = "\n".join(str(brief(e)) for e in log.all(verdict="deny"))
        tap.that(f"{name}: as without a grant", have == want == ("OK", "0"), f"{have} {want}\n{refused}")
        inside = [brief(e) for e in log.all(verdict="deny") if str(e.get("path", "")).startswith(path("tree"))]
        tap.equal(f"{name}: nothing refused where all is granted", inside, [])
    mine.end()
    twin.end()


tap.run(work)
