# SPDX-License-Identifier: Apache-2.0
"""Rings and tables of descriptors made before the tag: through them somebody untagged would do a tagged task's work."""
import ctypes
import os
import subprocess
import sys

from kt import DEPUTY, POLICY, PROBE, ROOT, Agent, Tap, Twin, agent, path, put

tap = Tap()
ASK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ask.py")
RUN = f"{DEPUTY} run --policy {POLICY} --purpose files --workdir {ROOT} --keep-fd"
RING = "has an io_uring ring"


def ring():
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.syscall(425, 4, (ctypes.c_uint32 * 30)())


def polled():
    """The attack itself: what opens for the untagged must not open for an agent, and its agent is not run at all."""
    twin = Twin()
    have = twin.ask(f"sqpoll-give {path('none/a')} {PROBE} sqpoll-run")
    if have in ("ENOSYS", "EPERM"):
        return tap.skip("a ring whose thread is a stranger's", have)
    tap.equal("untagged, a stranger's ring opens a file", have, "OK")
    have = (twin.ask(f"sqpoll-give {path('none/a')} {RUN}"), twin.detail)
    tap.equal("an agent is not started with one", have, ("EACCES", "75"))
    twin.end()
    return None


def kept():
    fd = ring()
    words = [*RUN.split(), str(fd), "--", PROBE, "create", path("tree/ring")]
    done = subprocess.run(words, pass_fds=(fd,), capture_output=True, text=True, check=False)
    tap.that("a ring kept open is refused, and how to go on is said",
             done.returncode not in (0, 1) and RING in done.stderr and "--keep-fd" in done.stderr,
             (done.returncode, done.stderr))
    tap.that("and nothing was run", not os.path.exists(path("tree/ring")))
    words = [w for w in words if w not in ("--keep-fd", str(fd))]
    done = subprocess.run(words, pass_fds=(fd,), capture_output=True, text=True, check=False)
    tap.that("without --keep-fd it is closed, and the agent runs", done.stdout.startswith("OK"), done)
    os.close(fd)
    event = os.eventfd(0)
    mine = Agent("files", "--keep-fd", str(event), pass_fds=(event,)).ready()
    tap.equal("another anonymous descriptor is kept", (mine.ask("fds"), mine.detail), ("OK", f"0,1,2,{event}"))
    mine.end()
    os.close(event)
    mine = agent("files")
    tap.equal("an agent has rings of its own", mine.ask("uring-read tree/a"), "OK")
    mine.end()


def asked(name, have, want):
    done = subprocess.run([sys.executable, ASK, "0", path("none/a"), *have], capture_output=True, text=True, timeout=60,
                          check=False)
    tap.that(f"asked by a process with {name}", done.stdout.startswith(want[0]) and want[1] in done.stdout,
             done.stdout + done.stderr)


def requests():
    """Processes that ask for their own tag."""
    for name, have, want in (
        ("nothing special", (), ("201 tagged", "")),
        ("an event descriptor", ("event",), ("201 tagged", "")),
        ("a ring", ("ring",), ("409 untagged", RING)),
        ("a ring under a high number", ("high",), ("409 untagged", RING)),
        ("a ring and its thread", ("polled",), ("409 untagged", "threads")),
        ("a ring without a descriptor", ("registered",), ("409 untagged", RING)),
        ("a ring that it has closed", ("closed",), ("201 tagged", "")),
        ("descriptors that another process shares", ("sharing",), ("409 untagged", "shares its descriptors")),
    ):
        asked(name, have, want)


for each in ("tree/a", "none/a"):
    put(each)
tap.run(polled, kept, requests)
