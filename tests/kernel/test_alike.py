# SPDX-License-Identifier: Apache-2.0
"""Directories whose inodes look alike, and names that have several spellings."""
import os
import subprocess

from cases import Bench, Case
from kt import Tap, agent, make, path, put

tap = Tap()
mounted = []


def done(*words):
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def mount_image(where, size, *mkfs):
    """A file system of its own on a file; False where the kernel or the tools have none."""
    image = path(f"{os.path.basename(where)}.img")
    with open(image, "wb") as f:
        f.truncate(size << 20)
    if not done(*mkfs, image) or not done("mount", "-o", "loop", image, path(make(where))):
        return False
    mounted.append(path(where))
    return True


def snapshots():
    """A snapshot has its origin's inode numbers and generations, on the same mount."""
    if not mount_image("mounted/btrfs", 256, "mkfs.btrfs", "-q"):
        return tap.skip("btrfs", "this kernel has none")
    top = path("mounted/btrfs")
    done("btrfs", "subvolume", "create", f"{top}/work")
    for name in ("a", "dir/a", "dir/.env"):
        put(f"{top}/work/{name}")
    assert done("btrfs", "subvolume", "snapshot", f"{top}/work", f"{top}/denied")
    ids = [(os.stat(f"{top}/{name}/dir").st_ino) for name in ("work", "denied")]
    tap.equal("a snapshot's directory has its origin's inode number", len(set(ids)), 1)
    deny = "deny read path ${workdir}/mounted/btrfs/denied/**"
    for _ in range(3):
        bench.check(
            Case("a file in a denied snapshot of a granted subvolume", "read mounted/btrfs/denied/dir/a",
                 "read mounted/btrfs/work/dir/a", op="read", path="mounted/btrfs/denied/dir/a", rule=deny),
            Case("at its top", "read mounted/btrfs/denied/a", "read mounted/btrfs/work/a", op="read",
                 path="mounted/btrfs/denied/a", rule=deny),
            Case("a denied name on btrfs", "read mounted/btrfs/work/dir/.env", "read mounted/btrfs/work/dir/a",
                 op="read", path="mounted/btrfs/work/dir/.env", rule="deny read path **/.env"),
        )


def umount_all():
    for place in reversed(mounted):
        done("umount", "-l", place)


put("none/sentinel")
make("mounted")
bench = Bench(tap, agent("files"))
tap.run(snapshots, bench.end, umount_all)
