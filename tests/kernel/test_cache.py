# SPDX-License-Identifier: Apache-2.0
"""A verdict that was remembered is given again only where it still holds."""
import os
import subprocess

from kt import EXT4, Log, Tap, Twin, agent, make, path, put

tap = Tap()
ROUNDS = 1000


def move(old, new):
    os.rename(path(old), path(new))


def world():
    put("tree/flip/sub/f")
    put("tree/a")
    put("none/other/f")
    put("none/sentinel")


def renamed_parent():
    """The directory above the one that was remembered moves."""
    wrong = []
    for i in range(20):
        have = [mine.ask("read tree/flip/sub/f")]
        move("tree/flip", "none/flip")
        have.append(mine.ask("read none/flip/sub/f"))
        move("none/flip", "tree/flip")
        if have != ["OK", "EACCES"]:
            wrong.append((i, have))
    tap.equal("a parent that moves, by path", wrong, [])


def renamed_under_cwd():
    """The same directory all the time, by a working directory: only the kernel's counters tell."""
    inside = agent("files", cwd=path("tree/flip/sub"))
    wrong = []
    log.mark()
    for i in range(ROUNDS):
        have = inside.ask("read f")
        move("tree/flip", "none/flip")
        have += " " + inside.ask("read f")
        move("none/flip", "tree/flip")
        if have != "OK EACCES":
            wrong.append((i, have))
    tap.equal(f"{ROUNDS} rounds of a rename, each seen by the next open", wrong, [])
    tap.that(f"{ROUNDS} refusals in the log",
             log.find_more(ROUNDS - 1, pid=inside.pid, path=path("none/flip/sub/f")), len(log.all(pid=inside.pid)))
    inside.end()


def made_anew():
    """A directory that takes the place, and on some file systems the inode number, of another."""
    for base, name in ((path(""), "tmpfs"), (EXT4 + "/", "ext4")):
        if base == "/":
            tap.skip("directories made anew on ext4", "no ext4 at hand")
            continue
        wrong, numbers = [], set()
        make(base + "none2")
        for i in range(50):
            for where, want in (("tree/r", "OK"), ("none2/r", "EACCES")):
                put(f"{base}{where}/f")
                numbers.add(os.stat(f"{base}{where}").st_ino)
                have = mine.ask(f"read {base}{where}/f")
                if have != want:
                    wrong.append((i, where, have))
                os.unlink(f"{base}{where}/f")
                os.rmdir(f"{base}{where}")
        tap.equal(f"directories made anew on {name}", wrong, [])
        print(f"# {name}: {len(numbers)} inode numbers for 100 directories")


def mounted_over():
    """What is mounted over a remembered directory is another directory; its place is the same."""
    make("mounted/cover")
    put("mounted/cover/f", "below\n")
    first = (mine.ask("read mounted/cover/f"), mine.detail)
    subprocess.run(["mount", "--bind", path("none/other"), path("mounted/cover")], check=True)
    put("none/other/f", "above\n")
    second = (mine.ask("read mounted/cover/f"), mine.detail)
    below = mine.ask("read none/other/f")
    subprocess.run(["umount", path("mounted/cover")], check=True)
    third = (mine.ask("read mounted/cover/f"), mine.detail)
    tap.equal("mounted over a directory", (first, second, below, third),
              (("OK", "below"), ("OK", "above"), "EACCES", ("OK", "below")))


def two_grants():
    """What was remembered for one grant is nothing to another."""
    other = agent("tool")
    put("readable/f")
    have = {(mine.ask("read /usr/bin/env"), other.ask("read /usr/bin/env")) for _ in range(20)}
    tap.equal("two grants, two verdicts on one file", have, {("EACCES", "OK")})
    other.end()
    again = [agent("files"), agent("tool")]
    have = [probe.ask("read /usr/bin/env") for probe in again]
    tap.equal("grants that take the slots of others", have, ["EACCES", "OK"])
    for probe in again:
        probe.end()


def noise():
    """Somebody else's renames may cost time; they refuse nothing and grant nothing."""
    mover = Twin()
    put("none/noise")
    mover.tell("rename-loop 20000 none/noise none/noise2")
    granted = (mine.ask("read-loop 2000 tree/a"), mine.detail)
    denied = (mine.ask("read-loop 500 none/other/f"), mine.detail)
    tap.equal("granted while others rename", granted, ("OK", "0"))
    tap.equal("denied while others rename", denied, ("OK", "500"))
    tap.equal("the others could", mover.answer()[0], "OK")
    print(f"# {len(log.all(reason='busy'))} refusals because renames kept moving the path")
    mover.end()


world()
log = Log()
mine = agent("files")
tap.run(renamed_parent, renamed_under_cwd, made_anew, mounted_over, two_grants, noise, mine.end)
