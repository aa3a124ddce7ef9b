# SPDX-License-Identifier: Apache-2.0
"""Directories whose inodes look alike, and names that have several spellings."""
import os
import subprocess

from cases import ANY, Bench, Case
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


BARE = """apiVersion: deputy/v1
name: bare
owner: {any_of: ["uid:*"]}
purposes:
  bare:
    ttl: 10m
    files:
      - {allow: [read, exec], path: "${workdir}/bin/**"}
      - {allow: [read, list, metadata], path: "${workdir}/mounted/**"}
"""


def spelled(where, *mkfs, folded):
    """A denied name written in another way. A grant that tells no names apart reads on."""
    if not mount_image(where, 64, *mkfs):
        return tap.skip(f"{where}", "this kernel has none")
    make(f"{where}/plain")
    if not folded(path(make(f"{where}/dir"))):
        return tap.skip(f"{where}", "no such directory can be made here")
    for name in ("plain/a", "plain/.env", "dir/a", "dir/.env"):
        put(f"{where}/{name}")
    tap.equal(f"{where}: one name with two spellings", done("cat", path(f"{where}/dir/.ENV")), True)
    bench.check(
        Case(f"{where}: a denied name spelled otherwise", f"read {where}/dir/.ENV", "read tree/a", op="read",
             reason="spelling", path=ANY),
        Case(f"{where}: any other, while a rule is about one", f"read {where}/dir/a", "read tree/a", op="read",
             reason="spelling", path=f"{where}/dir/a"),
    )
    for _ in range(2):
        for name in ("dir/a", "dir/A", "dir/.ENV"):
            tap.equal(f"{where}: {name} where rules tell no names apart", bare.ask(f"read {where}/{name}"), "OK")


def folds_ext4(where):
    return done("chattr", "+F", where)


def ext4():
    spelled("mounted/ext4", "mkfs.ext4", "-q", "-O", "casefold", "-E", "encoding=utf8", folded=folds_ext4)
    if path("mounted/ext4") in mounted:
        bench.check(Case("mounted/ext4: a directory that tells spellings apart", "read mounted/ext4/plain/.env",
                         "read mounted/ext4/plain/a", op="read", path="mounted/ext4/plain/.env"))


def vfat():
    spelled("mounted/vfat", "mkfs.vfat", folded=lambda where: True)


def umount_all():
    for place in reversed(mounted):
        done("umount", "-l", place)


put("none/sentinel")
make("mounted")
put("tree/a")
put("bare.yaml", BARE)
bare = agent("bare", policy=path("bare.yaml"))
bench = Bench(tap, agent("files"))
tap.run(snapshots, ext4, vfat, bench.end, bare.end, umount_all)
