# SPDX-License-Identifier: Apache-2.0
"""Two processes with one memory (CLONE_VM), of which one narrows itself: each is judged by its own grant, nobody gets at the
wider one by the narrower, and the end of a grant reaches what either of them mapped or opened."""
import collections
import json
import os
import resource
import time

from frameworks import SCOPE
from kt import Agent, Log, Tap, Twin, alive, deputy, path, put, reap, wait_for

tap = Tap()
A, PART, MAP = path("tree/a"), path("tree/part/a"), path("tree/part/map")
QUEUE = "/kt-allowed-lent"
BIRTHS = int(os.environ.get("KT_BIRTHS", "20"))
BEFORE = 40000  # microseconds that a request takes, or more
TABLE = 400000  # descriptors: some milliseconds to copy
WIDE, LESS = {"read tree/part/a": "OK", "read tree/a": "OK"}, {"read tree/part/a": "OK", "read tree/a": "EACCES"}


def request(name, where, body):
    """What the probe sends as it is."""
    text = json.dumps(body)
    head = f"POST {where} HTTP/1.1\r\nHost: deputy\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
    return put(name, head + text)


def requests():
    part = SCOPE.format(name="part", end="deny", more="")
    more = (f'      - {{allow: [read, write], path: "{MAP}"}}\n'
            '      - {allow: [read, write, create, delete], path: "/dev/mqueue/kt-allowed*"}\n')
    text = part.replace("    ipc:\n", more + "    ipc:\n")
    request("tree/part/narrow", "/v1/delegate", {"policy": {"name": "part.yaml", "text": text}})
    with open(os.environ["KT_POLICY"], encoding="utf-8") as f:
        text = f.read()
    request("tree/part/grant", "/v1/grants", {"policy": {"name": "policy.yaml", "text": text}, "purpose": "files",
                                              "workdir": os.environ["KT_ROOT"], "argv": ["lent"]})


class Pair:
    """An agent and the borrower of its memory."""

    def __init__(self):
        self.agent = Agent("delegating").ready()
        assert self.agent.ask("lend") == "OK"
        self.pid = int(self.agent.detail)
        self.grant = ""

    def ask(self, who, words):
        return self.agent.ask(words if who == "lender" else f"lent {words}")

    def narrow(self, who):
        """Its new grant."""
        asked = self.ask(who, "request tree/part/narrow")
        assert (asked, self.agent.detail[:3]) == ("OK", "201"), (asked, self.agent.detail)
        self.grant = json.loads(self.agent.detail[4:].split(",")[0] + "}")["grant"]

    def has(self, who, want):
        return {words: self.ask(who, words) for words in want}

    def living(self):
        return [pid for pid in (self.agent.pid, self.pid) if alive(pid)]

    def end(self):
        reap([self.pid])
        self.agent.end()


def each_its_own():
    for narrowed, other in (("borrower", "lender"), ("lender", "borrower")):
        pair = Pair()
        assert pair.has("lender", WIDE) == pair.has("borrower", WIDE) == WIDE
        pair.narrow(narrowed)
        tap.equal(f"the {narrowed} narrows itself: it has less", pair.has(narrowed, LESS), LESS)
        tap.equal(f"and the {other} what it had", pair.has(other, WIDE), WIDE)
        for how, want in (("fork", "EACCES"), ("vfork", "EACCES"), ("thread", "EACCES")):
            tap.equal(f"the {narrowed}'s {how} has less too", pair.ask(narrowed, f"in {how} read tree/a"), want)
            tap.equal(f"the {other}'s has not", pair.ask(other, f"in {how} read tree/a"), "OK")
        pids = {"lender": pair.agent.pid, "borrower": pair.pid}
        log = Log()
        tap.equal(f"a child of the {narrowed} gets not at the memory of both",
                  pair.ask(narrowed, f"in fork ptrace {pids[narrowed]}"), "EPERM")
        tap.that("which is told of", log.find(type="guard", op="ptrace", grant=pair.grant))
        tap.equal("nor by signals", pair.ask(narrowed, f"in fork kill {pids[other]} 0"), "EPERM")
        tap.equal(f"one of the {other} does", pair.ask(other, f"in fork ptrace {pids[narrowed]}"), "OK")
        pair.end()
        tap.that("both grants end with them", wait_for(lambda: ended(pair.grant) and ended(pair.agent.grant)))


def ended(grant):
    shown = deputy("--json", "show", grant)
    return not shown.returncode and json.loads(shown.stdout)["state"] == "ended"


def mapped():
    """In mode deny: whoever has the memory is killed, whichever of the two mapped the file, and when."""
    map_it, narrow = f"map shared-write {MAP}", "narrow"
    for name, steps in (("lender, before the borrower narrowed itself", (("lender", map_it), ("borrower", narrow))),
                        ("lender, after it", (("borrower", narrow), ("lender", map_it))),
                        ("narrowed borrower", (("borrower", narrow), ("borrower", map_it))),
                        ("borrower of a narrowed lender", (("lender", narrow), ("borrower", map_it))),
                        ("narrowed lender", (("lender", narrow), ("lender", map_it)))):
        pair = Pair()
        for who, step in steps:
            if step == narrow:
                pair.narrow(who)
            else:
                assert pair.ask(who, step) == "OK"
        assert deputy("revoke", pair.agent.grant, "--mode", "deny").returncode == 0
        gone = wait_for(lambda: not pair.living())
        tap.that(f"a file mapped by the {name}: both are killed at the end", gone,
                 f"agent {pair.agent.pid}, borrower {pair.pid}, alive {pair.living()}")
        pair.end()


def part_of_it():
    """The end of the narrower grant is not that of the wider, though it takes those who may have what it mapped."""
    pair = Pair()
    pair.narrow("borrower")
    assert pair.ask("lender", f"map shared-write {MAP}") == "OK"
    assert deputy("revoke", pair.grant, "--mode", "deny").returncode == 0
    tap.that("the narrower one ends: its task is killed for what the other mapped", wait_for(lambda: not alive(pair.pid)))
    tap.equal("who has the wider one lives", pair.has("lender", WIDE), WIDE)
    pair.end()
    pair = Pair()
    pair.narrow("borrower")
    assert deputy("revoke", pair.agent.grant, "--mode", "deny").returncode == 0
    time.sleep(2)
    tap.equal("where nothing is mapped both live on", pair.living(), [pair.agent.pid, pair.pid])
    pair.end()


def raced(pause):
    """Whoever asks for less and lends its memory in that moment: how it came out, and whether it came out well."""
    agent = Agent("delegating").ready()
    asked = agent.ask(f"request-lend tree/part/narrow {pause} {TABLE}")
    status, pid = agent.detail.split()
    assert (asked, status in ("201", "409")) == ("OK", True), (asked, agent.detail)
    pids = {"lender": agent.pid, "borrower": int(pid)}
    wide = [who for who, ask in (("lender", "read tree/a"), ("borrower", "lent read tree/a")) if agent.ask(ask) == "OK"]
    have = [agent.ask(f"in fork ptrace {pids[who]}") for who in pids]
    reap([pids["borrower"]])
    agent.end()
    return (*wide,), have == (["EPERM", "EPERM"] if wide == ["borrower"] else ["OK", "OK"])


def born():
    """The kernel gives a child the memory after it asked who may be born: a grant narrowed in between splits them too."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, TABLE + 1))
    came = [raced(BEFORE * turn // BIRTHS) for turn in range(BIRTHS)]
    print(f"# born: {dict(collections.Counter(wide for wide, _ in came))}", flush=True)
    tap.equal("lent while it is narrowed: the narrower gets not at the memory of the wider", [each for each in came if not each[1]],
              [])


def untagged():
    """A process that has its memory in common with an untagged one gets no tag: the other would do its work."""
    for who in ("", "lent "):
        twin = Twin()
        assert twin.ask("lend") == "OK"
        pid = int(twin.detail)
        asked = twin.ask(f"{who}request tree/part/grant")
        tap.equal(f"the {'borrower' if who else 'lender'} asks for a grant", (asked, twin.detail[:3]), ("OK", "409"))
        tap.that("and hears why", "memory" in twin.detail, twin.detail)
        tap.equal("and has none", (twin.ask("read none/a"), twin.ask("lent read none/a")), ("OK", "OK"))
        reap([pid])
        wait_for(lambda: not alive(pid))
        asked = twin.ask("request tree/part/grant")
        tap.equal("alone it gets one", (asked, twin.detail[:3], twin.ask("read none/a")), ("OK", "201", "EACCES"))
        twin.end()


for name in ("tree/a", "tree/part/a", "none/a", "none/sentinel"):
    put(name)
put("tree/part/map", "\0" * 4096)
requests()
tap.run(each_its_own, mapped, part_of_it, born, untagged)
