# SPDX-License-Identifier: Apache-2.0
"""Threads that narrow themselves: what each does is judged by its own grant, and nobody gains by the mixture."""
import json
import os
import signal

from frameworks import OWN, PROBE, Framework, prepare, runs, scope
from kt import Log, Tap, agent as kt_agent, deputy, path, put, wait_for

tap = Tap()
ROUNDS = 48 * int(os.environ.get("CHECK_LONG") or 1)
PROCESS, NARROW, WIDE = 0, 1, 2  # the first thread, and two others
A, PART, NONE = path("tree/a"), path("tree/part/a"), path("none/a")


def narrow(agent, thread=NARROW, **more):
    said = wait_for(lambda: (s := agent.ask("post", "/v1/delegate", {"policy": scope(**more), "thread": True}, thread=thread)
                             )["status"] != 429 and s, pause=0.5)
    assert said and said["status"] == 201, said
    return said


def has(agent, thread, how="read"):
    """What of its own, of its parent's and of nobody's it may read."""
    return [agent.errno(how, name, thread=thread) for name in (PART, A, NONE)]


LESS, MORE = ["OK", "EACCES", "EACCES"], ["OK", "OK", "EACCES"]


def known(grant):
    shown = deputy("--json", "show", grant)
    return json.loads(shown.stdout) if not shown.returncode else {}


def each_its_own():
    agent = Framework()
    tap.equal("before", [has(agent, t) for t in range(4)], [MORE] * 4)
    said = narrow(agent)
    log = Log()
    tap.equal("a thread has less from its answer on", has(agent, NARROW), LESS)
    told = log.find(type="file", verdict="deny", path=A, grant=said["grant"], pid=agent.pid,
                    tid=agent.ask("ids", thread=NARROW)["tid"])
    tap.that("its refusals are its own grant's", told, log.events)
    tap.equal("the others have what they had", [has(agent, t) for t in (PROCESS, WIDE, 3)], [MORE] * 3)
    for how in ("fork-read", "thread-read"):
        tap.equal(f"{how}: of a narrowed thread", has(agent, NARROW, how), LESS)
        tap.equal(f"{how}: of another", has(agent, WIDE, how), MORE)
    tap.equal("one task is under the new grant", known(said["grant"])["tasks"], 1)
    agent.ask("leave", thread=NARROW)
    tap.that("which ends with it", wait_for(lambda: known(said["grant"])["state"] == "ended"))
    tap.equal("the process does not", has(agent, WIDE), MORE)
    first = narrow(agent, PROCESS)
    tap.equal("the first thread likewise", (has(agent, PROCESS), has(agent, WIDE)), (LESS, MORE))
    tap.equal("with a grant of its own", first["parent"], said["parent"])
    agent.end()


def asking():
    """On the socket a thread is its own grant, and not its process's."""
    agent = Framework()
    mine = narrow(agent, more="delegate: {depth: 1, children: 2}")
    seen = [{g["grant"] for g in agent.ask("get", "/v1/grants", thread=t)["grants"]} for t in (NARROW, WIDE)]
    tap.equal("each sees its own and what is below", seen, [{mine["grant"]}, {mine["grant"], mine["parent"]}])
    agent.ask("connect", thread=NARROW)
    said = agent.ask("over", "GET", "/v1/grants", thread=WIDE)
    tap.equal("who connected counts, and not who asks", {g["grant"] for g in said["grants"]}, {mine["grant"]})
    agent.ask("connect", thread=3)
    tap.equal("a thread's connection", agent.ask("over", "GET", "/v1/status", thread=WIDE)["status"], 200)
    tid = agent.ask("ids", thread=3)["tid"]
    agent.ask("leave", thread=3)
    wait_for(lambda: not os.path.exists(f"/proc/{agent.pid}/task/{tid}"))
    said = agent.ask("over", "GET", "/v1/status", thread=WIDE)
    tap.equal("is nobody's when the thread is gone", (said["status"], "is gone" in said["message"]), (403, True))
    have = agent.ask("post", "/v1/delegate", {"ticket": True}, thread=WIDE)
    tap.equal("a thread that has all asks for its grant", (have["status"], have["parent"]), (201, mine["parent"]))
    log = Log()
    said = agent.ask("spawn", OWN, "delegate", "--ticket", have["grant"], "--", PROBE, "read", A, thread=NARROW)
    tap.equal("its ticket is none for a child of the narrowed one", (said["code"], "no grant" in said["err"]), (66, True))
    tap.that("which is told of by that grant", log.find(type="grant", op="refused", grant=mine["grant"]))
    said = agent.ask("spawn", OWN, "delegate", "--ticket", have["grant"], "--", PROBE, "read", A, thread=WIDE)
    tap.equal("but for one of another", (said["code"], said["out"].split()[:1]), (0, ["OK"]))
    said = agent.ask("spawn", OWN, "show", mine["parent"], thread=NARROW)
    tap.equal("what is above it, it does not see", said["code"], 66)
    said = agent.ask("spawn", OWN, "show", mine["grant"], thread=WIDE)
    tap.equal("what is below is seen", said["code"], 0)
    said = agent.ask("post", "/v1/delegate", {"thread": True, "ttl": "1m"}, thread=NARROW)
    tap.equal("it delegates of its own", (said["status"], said["parent"]), (201, mine["grant"]))
    said = agent.ask("post", "/v1/delegate", {"thread": True}, thread=NARROW)
    tap.equal("as far as its own may be", (said["status"], "any further" in said["message"]), (422, True))
    agent.end()
    outside = Framework(1, before=("/usr/bin/env",))
    said = outside.ask("post", "/v1/delegate", {"thread": True}, thread=1)
    tap.equal("without a grant there is nothing to narrow", said["status"], 403)
    outside.end()


def signals():
    agent = Framework()
    mine, number = narrow(agent), int(signal.SIGUSR1)
    tid = {t: agent.ask("ids", thread=t)["tid"] for t in range(3)}
    log = Log()
    tap.equal("a narrowed thread signals itself", agent.errno("tgkill", agent.pid, tid[NARROW], number, thread=NARROW), "OK")
    tap.equal("no other thread", agent.errno("tgkill", agent.pid, tid[WIDE], number, thread=NARROW), "EPERM")
    tap.that("which is told of", log.find(type="guard", op="signal", grant=mine["grant"]))
    tap.equal("nor its process", agent.errno("kill", agent.pid, number, thread=NARROW), "EPERM")
    tap.equal("others do", [agent.errno("kill", agent.pid, number, thread=WIDE),
                            agent.errno("tgkill", agent.pid, tid[NARROW], number, thread=WIDE)], ["OK", "OK"])
    agent.end()


def memory():
    """What the narrowed thread's children may do to it, they may do to all that has its memory."""
    agent = Framework()
    mine = narrow(agent)
    tid = agent.ask("ids", thread=NARROW)["tid"]
    log = Log()

    def by_child(thread, *does):
        return agent.ask("spawn", PROBE, *map(str, does), thread=thread)["out"].split()[:1]

    tap.equal("a child of the narrowed thread traces it", by_child(NARROW, "ptrace", tid), ["EPERM"])
    tap.that("which is told of", log.find(type="guard", op="ptrace", grant=mine["grant"]))
    tap.equal("a child of another does", by_child(WIDE, "ptrace", tid), ["OK"])
    log.mark()
    tap.equal("a signal to its process", by_child(NARROW, "kill", agent.pid, 0), ["EPERM"])
    tap.equal("by a child of another thread", by_child(WIDE, "kill", agent.pid, 0), ["OK"])
    agent.end()
    agent = Framework()
    narrow(agent, PROCESS)
    tap.equal("nor when the first thread is the narrowed one",
              (by_child(PROCESS, "ptrace", agent.pid), by_child(PROCESS, "kill", agent.pid, 0)), (["EPERM"], ["EPERM"]))
    tap.equal("a child of another, which has it all, does",
              (by_child(WIDE, "ptrace", agent.pid), by_child(WIDE, "kill", agent.pid, 0)), (["OK"], ["OK"]))
    agent.end()


def executing():
    """Of all threads the one that executes is left, with its tag."""
    for thread, narrowed, want in ((NARROW, NARROW, LESS), (WIDE, NARROW, MORE), (PROCESS, PROCESS, LESS),
                                   (WIDE, PROCESS, MORE)):
        agent = Framework()
        mine = narrow(agent, narrowed)
        agent.tell("exec", PROBE, ["probe"], thread=thread)
        wait_for(lambda: runs(agent.pid) == PROBE)
        have = []
        for does in [f"read {name}" for name in (PART, A, NONE)] + [f"kill {agent.pid} 0"]:
            agent.process.stdin.write(does + "\n")
            agent.process.stdin.flush()
            have.append(agent.process.stdout.readline().split()[:2])
        tap.equal(f"thread {thread} executes, {narrowed} was narrowed", have, [[e, str(agent.pid)] for e in want + ["OK"]])
        tasks = known(mine["grant"] if thread == narrowed else mine["parent"])["tasks"]
        tap.equal("one task is left, under that grant", tasks, 1)
        agent.end()


def rings():
    agent = Framework()
    if agent.errno("ring", thread=WIDE) == "ENOSYS":
        agent.end()
        return tap.skip("io_uring", "not in this kernel")
    ask = {"policy": scope(), "thread": True}
    said = agent.ask("post", "/v1/delegate", ask, thread=NARROW)
    tap.equal("with a ring open no thread is narrowed", (said["status"], "io_uring" in said["message"]), (409, True))
    tap.equal("nor has one less for having asked", has(agent, NARROW), MORE)
    tap.equal("a worker of each", [agent.errno("ring-work", A, thread=t) for t in (NARROW, WIDE)], ["OK", "OK"])
    agent.ask("ring-close", thread=WIDE)
    said = agent.ask("post", "/v1/delegate", ask, thread=NARROW)
    tap.equal("nor one that has used a ring since closed", (said["status"], has(agent, NARROW)), (409, MORE))
    mine = narrow(agent, 3)
    tap.equal("but one that has not", has(agent, 3), LESS)
    agent.ask("ring", thread=WIDE)
    log = Log()
    for how in ("ring-open", "ring-work"):
        tap.equal(f"{how}: to another thread's ring, by a narrowed one", has(agent, 3, how), LESS)
        tap.equal(f"{how}: by that thread", has(agent, WIDE, how), MORE)
    tap.that("which is told of by its grant", log.find(type="file", verdict="deny", path=A, grant=mine["grant"]))
    log.mark()
    tap.equal("no thread of the kernel's serves them all", agent.errno("ring", 2, thread=WIDE), "EPERM")
    tap.that("which is told of", log.find(type="guard", op="ring", grant=mine["parent"]))
    agent.end()
    alike = Framework()
    tap.equal("where all threads are alike it does", alike.errno("ring", 2, thread=WIDE), "OK")
    alike.end()


def ends():
    agent = Framework()
    mine = narrow(agent)
    tap.equal("a thread's grant is revoked", deputy("revoke", mine["grant"], "--mode", "deny").returncode, 0)
    log = Log()
    agent.tell("aside", "read", PART, thread=NARROW)
    tap.equal("it is refused all", agent.ask("result"), {"errno": "EPERM"})
    tap.that("and told of", log.find(verdict="deny", reason="revoked", grant=mine["grant"]))
    tap.equal("the others work on", has(agent, WIDE), MORE)
    agent.end()
    agent = Framework()
    mine = narrow(agent, end="kill")
    tap.equal("another is revoked in mode kill", deputy("revoke", mine["grant"]).returncode, 0)
    tap.equal("which ends its process, as a thread cannot be ended alone", agent.process.wait(), -signal.SIGKILL)


def storm():
    """Threads that narrow themselves while others exit, fork, execute and end the process."""
    body = json.dumps({"policy": scope(), "thread": True})
    put("tree/narrow", f"POST /v1/delegate HTTP/1.1\r\nHost: deputy\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}")
    mine, log = kt_agent("storming"), Log()
    tap.equal("a storm of them", mine.ask(f"storm-narrow {ROUNDS} tree/narrow tree/a {PROBE}"), "OK")
    rounds, narrowed, executed, checks, leaked, lost = map(int, mine.detail.split())
    print(f"# {rounds} rounds, {narrowed} narrowed, {executed} executed, {checks} checks", flush=True)
    tap.equal("goes on to its end", rounds, ROUNDS)
    tap.that("many narrowed themselves, and many executed", narrowed > ROUNDS // 4 and executed > ROUNDS // 8, mine.detail)
    tap.equal("none had more than its own grant, by any birth or program", leaked, 0)
    tap.equal("and none less", lost, 0)
    tap.that("one task is left", wait_for(lambda: known(mine.grant)["tasks"] == 1), known(mine.grant))
    minted = {e["grant"] for e in log.all(type="grant", op="minted")}
    over = lambda: {e["grant"] for e in log.all(type="grant", op="ended")}
    tap.that("and every other grant is over", minted and wait_for(lambda: minted <= over()), sorted(minted - over()))
    mine.end()


prepare()
tap.run(each_its_own, asking, signals, memory, executing, rings, ends, storm)
