# SPDX-License-Identifier: Apache-2.0
"""Where an object is: mounts, overlays, other roots, proc, and paths longer than any buffer."""
import os
import subprocess

from cases import ANY, Bench, Case, remove
from kt import EXT4, ROOT, Agent, Tap, Twin, agent, make, path, put

tap = Tap()
HERE = os.path.dirname(os.path.abspath(__file__))
mounted = []


def mount(where, *options):
    make(where)
    done = subprocess.run(["mount", *options, path(where)], capture_output=True, text=True)
    if done.returncode == 0:
        mounted.append(path(where))
    return done.returncode == 0


def umount_all():
    for place in reversed(mounted):
        subprocess.run(["umount", "-l", place], capture_output=True)


def world():
    for name in ("tree/a", "tree/denied/a", "none/a", "none/sentinel"):
        put(name)


def mounts():
    """By where a mount is, not by what is on it."""
    mount("mounted/tmpfs", "-t", "tmpfs", "tmpfs")
    mount("mounted/denied/tmpfs", "-t", "tmpfs", "tmpfs")
    mount("mounted/alias", "--bind", path("none"))
    mount("none/alias", "--bind", path("tree"))
    put("mounted/tmpfs/a")
    put("mounted/denied/tmpfs/a")
    deny = "deny read path ${workdir}/mounted/denied/**"
    bench.check(
        Case("a file system mounted in a denied place", "read mounted/denied/tmpfs/a", "read mounted/tmpfs/a",
             op="read", path="mounted/denied/tmpfs/a", rule=deny),
        Case("a granted directory bound in a denied place", "read none/alias/a", "read tree/a", op="read",
             path="none/alias/a", rule=None),
        Case("a denied directory in its own place", "read none/a", "read mounted/alias/a", op="read", path="none/a"),
        Case("a link within such a directory", "link none/alias/a none/alias/linked", "link tree/a tree/linked2",
             setup=lambda: remove("tree/linked", "tree/linked2"), op="metadata", path="none/alias/a"),
    )
    pairs = {(bench.agent.ask("read mounted/alias/a"), bench.agent.ask("read none/a")) for _ in range(50)}
    tap.equal("one directory seen at two places has two verdicts", pairs, {("OK", "EACCES")})


def overlay():
    base = EXT4 or path("layers")
    for name in ("lower", "upper", "work"):
        os.makedirs(f"{base}/{name}", exist_ok=True)
    for name in ("a", ".env", "b"):
        put(f"{base}/lower/{name}")
    subprocess.run(["cp", path("bin/probe"), f"{base}/lower/program"], check=True)
    options = f"lowerdir={base}/lower,upperdir={base}/upper,workdir={base}/work"
    if not mount("mounted/overlay", "-t", "overlay", "overlay", "-o", options):
        return tap.skip("overlayfs", "this kernel has none")
    bench.check(
        Case("a denied name on an overlay", "read mounted/overlay/.env", ["read mounted/overlay/a",
             "write mounted/overlay/b", "stat mounted/overlay/.env"], op="read", path="mounted/overlay/.env",
             rule="deny read path **/.env"),
        Case("its lower layer in its own place", f"read {base}/lower/a", "read mounted/overlay/a", op="read",
             path=f"{base}/lower/a", rule=None),
        Case("deleting on an overlay", "unlink mounted/overlay/a", "truncate mounted/overlay/b", op="delete",
             path="mounted/overlay/a"),
    )
    bench.same("a program on an overlay runs", "run mounted/overlay/program quiet")


def ext4():
    if not EXT4:
        return tap.skip("ext4", "no ext4 at hand")
    for name in ("tree/a", "tree/denied/a", "other/a"):
        put(f"{EXT4}/{name}")
    deny = "/mnt/ext4/kt/tree/denied/**"
    bench.check(
        Case("ext4: denied by a rule", f"read {EXT4}/tree/denied/a", f"read {EXT4}/tree/a", op="read",
             path=f"{EXT4}/tree/denied/a", rule=deny),
        Case("ext4: denied by none", f"read {EXT4}/other/a", f"list {EXT4}/tree", op="read", path=f"{EXT4}/other/a",
             rule=None),
        Case("ext4: made where nothing is granted", f"create {EXT4}/other/new", f"create {EXT4}/tree/new",
             op="create", path=f"{EXT4}/other/new"),
        Case("ext4: a file without a name", f"tmpfile {EXT4}/other", f"tmpfile {EXT4}/tree", op="write", path=ANY),
    )


def proc():
    here = path("").rstrip("/")
    mine, twin = bench.agent.pid, bench.twin.pid
    bench.check(
        Case("by /proc/self/root", f"read /proc/self/root{here}/none/a", f"read /proc/self/root{here}/tree/a",
             op="read", path="none/a"),
        Case("by /proc/self/cwd", "read /proc/self/cwd/none/a", "read /proc/self/cwd/tree/a", op="read",
             path="none/a"),
        Case("what another process is started with", f"read /proc/{twin}/environ",
             ["read /proc/self/environ", f"read /proc/{mine}/environ"], op="read", path=f"/proc/{twin}/environ"),
        Case("the list of processes", "list /proc", "list /proc/self/fd", op="list", path="/proc"),
    )


def deep():
    """Paths longer than events, buffers and the system calls' own limit: by working directory."""
    put("tree/deep/.env")
    for count, name in ((34, "d"), (300, "deep-down"), (150, "n" * 40), (40, "m" * 255)):
        start = make(f"tree/deep/{count}{name[0]}")
        digger, diver = Twin(cwd=path(start)), agent("files", cwd=path(start))
        far = f"{count} directories of {len(name)} bytes"
        for words in (f"burrow {count} {name}", "create a", "create .env"):
            assert digger.ask(words) == "OK", words
        assert diver.ask(f"descend {count} {name}") == "OK"
        whole = path(start) + f"/{name}" * count
        bench.log.mark()
        tap.equal(f"granted under {far}", diver.ask("write a"), "OK")
        tap.equal(f"denied under {far}", diver.ask("read .env"), "EACCES")
        tap.equal(f"open to the untagged under {far}", digger.ask("read .env"), "OK")
        event = bench.log.find(verdict="deny", op="read", pid=diver.pid, rule="deny read path **/.env")
        long = len(whole) + 6 > 8000
        told = event and (event.get("cut") if long else event["path"] == whole + "/.env")
        tap.that(f"told of in the log under {far}", told, str(event)[:400])
        tap.that(f"in the log the end of the path is there under {far}", event and event["path"].endswith("/.env"))
        diver.end()
        digger.end()


def too_deep():
    """A path of more components than are walked is no path: refused whatever the rules say."""
    start = make("tree/toodeep")
    digger, diver = Twin(cwd=path(start)), agent("files", cwd=path(start))
    assert digger.ask("burrow 4200 x") == "OK" and digger.ask("create a") == "OK"
    assert diver.ask("descend 4000 x") == "OK"
    bench.log.mark()
    tap.equal("4000 deep may be listed", diver.ask("list ."), "OK")
    assert diver.ask("descend 200 x") == "OK"
    tap.equal("4200 deep is out of reach", diver.ask("read a"), "EACCES")
    tap.that("and its event says so", bench.log.find(verdict="deny", op="read", pid=diver.pid, reason="unreachable"))
    tap.equal("untagged it is not", digger.ask("read a"), "OK")
    diver.end()
    digger.end()


def other_roots():
    """An agent that has a root of its own, from before the tag, finds its own paths at the rules' paths."""
    mine, twin = agent("files"), Twin()
    bench.check(
        Case("chroot", "chroot tree", errno="EPERM", type="guard", op="capability", reason="rule"),
    )
    bench.twin = Twin()
    for name, flags in (("a mount namespace", "20000"), ("one with a user namespace", "10020000")):
        tap.equal(f"{name} of one's own", (mine.ask(f"unshare {flags}"), twin.ask(f"unshare {flags}")),
                  ("EPERM", "OK"))
    tap.equal("granted as before", mine.ask("read tree/a"), "OK")
    tap.equal("denied as before", mine.ask("read none/a"), "EACCES")
    mine.end()
    twin.end()


def born_in_chroot():
    """An agent in a chroot from before its grant: rules go on naming paths of the host."""
    mine = Twin(command=["python3", f"{HERE}/join.py", "files", os.path.realpath(ROOT)])
    bench.log.mark()
    tap.equal("granted by the host's path in a chroot", mine.ask("read /tree/a"), "OK")
    tap.equal("denied in a chroot", mine.ask("read /none/a"), "EACCES")
    tap.that("with the host's path", bench.log.find(op="read", path=path("none/a"), pid=mine.pid, reason="rule"))
    tap.equal("out of it by the way up", mine.ask("read /../../../etc/hostname"), "ENOENT")
    mine.end()


def born_elsewhere():
    """An agent in a mount namespace of its own from the start: it sees the same paths, and so do the rules."""
    mine = Agent("files", unshare=True).ready()
    bench.log.mark()
    tap.equal("granted in another mount namespace", mine.ask("read tree/a"), "OK")
    tap.equal("denied in another mount namespace", mine.ask("read none/a"), "EACCES")
    tap.that("with its path", bench.log.find(op="read", path=path("none/a"), pid=mine.pid, reason="rule"))
    sockets_elsewhere(mine)
    mine.end()


def sockets_elsewhere(mine):
    """Bound outside, where no path of the agent's leads: it has found them at paths of its own."""
    make("sockets")
    make("closed")
    for name in ("sockets/allowed", "sockets/allowed-datagram", "closed/socket", "closed/datagram"):
        if os.path.exists(path(name)):
            os.unlink(path(name))
        kind = "datagram" if "datagram" in name else "stream"
        assert bench.twin.ask(f"unix-serve {kind} {name}") == "OK", name
    for call, good, bad in (("unix-connect", "sockets/allowed", "closed/socket"),
                            ("unix-send", "sockets/allowed-datagram", "closed/datagram")):
        bench.log.mark()
        tap.equal(f"{call}: granted from another mount namespace", mine.ask(f"{call} {good}"), "OK")
        tap.equal(f"{call}: denied from another mount namespace", mine.ask(f"{call} {bad}"), "EACCES")
        tap.that(f"{call}: with its path", bench.log.find(op="connect", path=path(bad), pid=mine.pid),
                 bench.log.find(pid=mine.pid))
    tap.equal("Deputy can be asked from there", mine.ask(f"unix-connect {os.environ['DEPUTY_SOCKET']}"), "OK")


def lost():
    """What was unmounted, or moved by a mount, under the feet of a working directory."""
    mount("mounted/m", "-t", "tmpfs", "tmpfs")
    put("mounted/m/a")
    mine = agent("files", cwd=path("mounted/m"))
    tap.equal("in a mount", mine.ask("read a"), "OK")
    make("none/m")
    subprocess.run(["mount", "--make-private", os.path.realpath("/")], check=False)
    moved = subprocess.run(["mount", "--move", path("mounted/m"), path("none/m")], capture_output=True, text=True)
    if moved.returncode:
        tap.skip("in a mount that was moved away", moved.stderr.strip())
    else:
        mounted.append(path("none/m"))
        bench.log.mark()
        tap.equal("in a mount that was moved away", mine.ask("read a"), "EACCES")
        tap.that("its event", bench.log.find(op="read", path=path("none/m/a"), pid=mine.pid, reason="rule"))
        subprocess.run(["mount", "--move", path("none/m"), path("mounted/m")], check=True)
        tap.equal("in a mount that came back", mine.ask("read a"), "OK")
    subprocess.run(["umount", "-l", path("mounted/m")], check=True)
    tap.equal("in a mount that is gone", mine.ask("read a"), "EACCES")
    tap.that("its event says so", bench.log.find(op="read", pid=mine.pid, reason="unreachable"))
    mine.end()


world()
bench = Bench(tap, agent("files"))
tap.run(mounts, overlay, ext4, proc, deep, too_deep, other_roots, born_in_chroot, born_elsewhere, lost, bench.end, umount_all)
