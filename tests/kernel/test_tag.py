# SPDX-License-Identifier: Apache-2.0
"""The tag: put on by `deputy run`, on every task that comes of it and on no other."""
import json
import os
import subprocess
import sys

from cases import ANY, Bench, Case
from kt import DEPUTY, POLICY, ROOT, Agent, Tap, Twin, agent, deputy, path, put, wait_for

tap = Tap()
WAYS = ("fork", "vfork", "clone3", "thread", "exec", "nonleader-fork", "nonleader-exec", "daemon", "leaderless")
CHURN = 20000
ASK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ask.py")


def world():
    for name in ("tree/a", "none/a", "none/sentinel"):
        put(name)
    for source, name in ((DEPUTY, "bin/deputy"), (POLICY, "bin/policy.yaml")):
        subprocess.run(["cp", source, path(name)], check=True)


def inheritance():
    bench.check(*(Case(f"inherited through {way}", f"in {way} read none/a", f"in {way} read tree/a", op="read",
                       path="none/a", pid=ANY) for way in WAYS))
    bench.check(Case("inherited through a fork of a fork of a thread", "in nonleader-fork in thread in fork read none/a",
                     "in nonleader-fork in thread in fork read tree/a", op="read", path="none/a", pid=ANY))
    if bench.twin.ask("uring-read tree/a") in ("ENOSYS", "EPERM"):
        return tap.skip("inherited by an io_uring worker", "no io_uring here")
    bench.check(Case("inherited by an io_uring worker", "uring-read none/a", "uring-read tree/a", op="read",
                     path="none/a"))


def churn():
    """task_structs of the tagged, freed, serve the untagged, and the other way round."""
    bench.agent.tell("churn 3000 none/a")
    bench.twin.tell(f"churn {CHURN} none/a")
    tagged, untagged = bench.agent.answer(), bench.twin.answer()
    tap.equal("3000 tagged lives in a row are all refused", (tagged[0], tagged[2]), ("OK", "0"))
    tap.equal(f"{CHURN} untagged lives beside them are all free", (untagged[0], untagged[2]), ("OK", str(CHURN)))
    again = (bench.twin.ask(f"churn {CHURN} none/a"), bench.twin.detail)
    tap.equal(f"{CHURN} untagged lives after them are all free", again, ("OK", str(CHURN)))
    tap.equal("the agent is still refused", bench.agent.ask("read none/a"), "EACCES")
    with open(path("none/a"), encoding="ascii") as f:
        tap.equal("who started the agent is free", f.read(), "data\n")
    shell = subprocess.run(["cat", path("none/a")], cwd=ROOT, capture_output=True, check=False)
    tap.equal("and its other children", shell.returncode, 0)
    bench.settle()


def descriptors():
    read, write = os.pipe()
    keep = {"pass_fds": (read, write)}
    plain = Agent("files", **keep).ready()
    tap.equal("only stdio stays open", (plain.ask("fds"), plain.detail), ("OK", "0,1,2"))
    plain.end()
    kept = Agent("files", "--keep-fd", str(read), **keep).ready()
    tap.equal("and what --keep-fd names", (kept.ask("fds"), kept.detail), ("OK", f"0,1,2,{read}"))
    kept.end()
    twin = Twin(**keep)
    tap.equal("untagged both do", (twin.ask("fds"), twin.detail), ("OK", f"0,1,2,{read},{write}"))
    twin.end()
    os.close(read)
    os.close(write)


def once():
    """A tagged process is its grant: it takes no other."""
    tool = agent("tool")
    bench.log.mark()
    words = f"status bin/deputy run --policy bin/policy.yaml --purpose files --workdir {ROOT} -- bin/probe create tree/twice"
    tap.equal("a tagged process cannot `deputy run`", (tool.ask(words), tool.detail), ("OK", "77"))
    tap.that("nothing was run", not os.path.exists(path("tree/twice")))
    tap.that("the refusal is in the log", bench.log.find(type="grant", op="refused"))
    tap.equal("nor can its child", (tool.ask("in daemon " + words), tool.detail), ("OK", "77"))
    tap.equal("it is still bound by the first", tool.ask("read none/a"), "EACCES")
    tool.end()


def requests():
    """The interface asked directly: the caller is tagged, if it is one task."""
    for threads, want in (("0", "201 tagged"), ("1", "409 untagged"), ("4", "409 untagged")):
        done = subprocess.run([sys.executable, ASK, threads, path("none/a")], capture_output=True, text=True,
                              timeout=60, check=False)
        tap.equal(f"asked by a process with {threads} more threads", " ".join(done.stdout.split()[:2]) or done.stderr, want)


def counted():
    """The daemon's own count of a grant's tasks."""
    mine = agent("files")
    mine.ask("tree 4")
    children = mine.detail
    show = json.loads(deputy("show", mine.grant, "--json").stdout)
    tap.equal("a grant's tasks are counted", show["tasks"], 5)
    mine.end()
    for pid in children.split(","):
        os.kill(int(pid), 9)
    tap.that("a grant ends with its last task", wait_for(lambda: bench.log.all(op="ended", grant=mine.grant)))


world()
bench = Bench(tap, agent("files"))
tap.run(inheritance, churn, descriptors, once, requests, counted, bench.end)
