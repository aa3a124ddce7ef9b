# SPDX-License-Identifier: Apache-2.0
"""With `audit: all` what is allowed is told of as well; of the untagged nothing is, whatever they do."""
import shutil

from cases import Bench
from kt import PROBE, Tap, agent, make, path, put

tap = Tap()

# words, and the events of them: operation and path
DONE = (
    ("read tree/a", [("read", "tree/a")]),
    ("write tree/a", [("write", "tree/a")]),
    ("readwrite tree/a", [("read", "tree/a"), ("write", "tree/a")]),
    ("stat tree/a", [("metadata", "tree/a")]),
    ("list tree", [("list", "tree")]),
    ("mkdir tree/made", [("create", "tree/made")]),
    ("rmdir tree/made", [("delete", "tree/made")]),
    ("create tree/made", [("create", "tree/made")]),
    ("rename tree/made tree/moved", [("delete", "tree/made"), ("create", "tree/moved")]),
    ("chmod tree/moved", [("write", "tree/moved")]),
    ("truncate tree/moved", [("write", "tree/moved")]),
    ("unlink tree/moved", [("delete", "tree/moved")]),
    ("run programs/good quiet", [("exec", "programs/good")]),
    ("reopen tree/a", [("read", "tree/a")]),
)


def allowed():
    for words, events in DONE:
        bench.log.mark()
        have = (bench.agent.ask(words), bench.twin.ask(words.replace("/m", "/twin-m")))
        bench.settle()
        missing = [e for e in events if not bench.log.all(verdict="allow", op=e[0], path=path(e[1]),
                                                          grant=bench.agent.grant, errno=None)]
        strangers = [e for e in bench.log.events if e.get("pid") == bench.twin.pid]
        tap.that(words, have == ("OK", "OK") and not missing and not strangers,
                 f"{have}, no event of {missing}, events of the untagged {strangers}")


def identity():
    """Whose it was: every event carries the grant and what stands behind it."""
    bench.log.mark()
    bench.agent.ask("read none/a")
    event = bench.log.find(verdict="deny", path=path("none/a")) or {}
    want = {"owner": "uid:0", "user": "root", "purpose": "audited", "policy": "kernel-tests", "uid": 0,
            "grant": bench.agent.grant, "pid": bench.agent.pid, "tid": bench.agent.pid, "comm": "probe",
            "type": "file"}
    tap.equal("an event says who", {k: event.get(k) for k in want}, want)
    tap.that("and when, by which chain, on what", all(map(event.get, (
        "seq", "time", "chain", "ino", "dev", "ppid", "start"))), event)


for name in ("tree/a", "none/a", "none/sentinel"):
    put(name)
make("programs")
shutil.copy(PROBE, path("programs/good"))
bench = Bench(tap, agent("audited"))
tap.run(allowed, identity, bench.end)
