# SPDX-License-Identifier: Apache-2.0
"""Tickets: a process of many threads has a grant delegated that a child of its own takes up, once, and executes."""
import json
import os
import time

from frameworks import OWN, PROBE, Framework, prepare, scope
from kt import Log, Tap, deputy, path, wait_for

tap = Tap()


def ticket(agent, thread=0, **more):
    """As soon as the grants of before have given their places back."""
    said = wait_for(lambda: (s := agent.ask("post", "/v1/delegate", {"policy": scope(), "ticket": True, **more},
                                            thread=thread))["status"] != 429 and s, pause=0.5)
    assert said and said["status"] == 201, said
    return said["grant"], said


def redeem(agent, what, *argv, thread=0):
    return agent.ask("spawn", OWN, "delegate", "--ticket", what, "--", *argv, thread=thread)


def known(grant):
    shown = deputy("--json", "show", grant)
    return json.loads(shown.stdout) if not shown.returncode else {}


def lines(*does):
    return ["/bin/sh", "-c", "; ".join(f"{PROBE} {d}" for d in does)]


def words(said):
    return [line.split()[0] for line in said["out"].splitlines()]


def redeemed():
    agent = framework
    log = Log()
    said = agent.ask("post", "/v1/delegate", {"policy": scope()})
    tap.equal("one of many threads cannot be narrowed as a process", said["status"], 409)
    have, said = ticket(agent, thread=2, argv=["sub-agent"])
    tap.equal("but gets a ticket", (said["status"], said.get("ticket"), said.get("tasks")), (201, "open", 0))
    tap.that("whose grant is in the log", log.find(type="grant", op="minted", grant=have, parent=said["parent"]))
    said = redeem(agent, have, *lines("read tree/part/a", "read tree/a", "getenv DEPUTY_GRANT"), thread=1)
    tap.equal("a child of another thread takes it up and has what its scope says", (said["code"], words(said)),
              (0, ["OK", "EACCES", "OK"]))
    tap.that("it is told its grant", have in said["out"], said)
    tap.that("that is in the log", log.find(type="grant", op="redeemed", grant=have))
    refused = log.find(type="file", verdict="deny", path=path("tree/a"), grant=have)
    tap.that("its refusals are told of by its own grant", refused, log.events)
    tap.equal("the framework has what it had", [agent.errno("read", path(f), thread=t) for t in (0, 1, 2, 3)
                                                for f in ("tree/a", "none/a")], ["OK", "EACCES"] * 4)
    tap.that("the grant is over with its last task", wait_for(lambda: known(have).get("state") == "ended"))


def refused():
    agent = framework
    log = Log()
    have, _ = ticket(agent)
    agent.ask("start", OWN, "delegate", "--ticket", have, "--", PROBE, "sleep", "600000")
    tap.that("redeemed once", wait_for(lambda: known(have)["ticket"] == "redeemed"))
    again = redeem(agent, have, PROBE, "create", path("tree/ran"))
    tap.equal("a second time it is refused", (again["code"], "was redeemed" in again["err"]), (75, True))
    parent = known(have)["parent"]
    told = log.find(type="grant", op="refused", grant=parent)
    tap.that("with an event of who asked", told and "was redeemed" in told["text"], told)
    tap.that("and nothing was run", not os.path.exists(path("tree/ran")))

    have, _ = ticket(agent)
    log.mark()
    said = agent.ask("post", f"/v1/tickets/{have}", thread=1)
    tap.equal("nobody of many threads is narrowed by one", (said["status"], "threads" in said["message"]), (409, True))
    tap.that("and told of", log.find(type="grant", op="refused", grant=parent))

    other, outside = Framework(0), Framework(0, before=("/usr/bin/env",))
    log.mark()
    said = other.ask("post", f"/v1/tickets/{have}")
    tap.equal("another grant, of the same policy, is told of no such ticket", said["status"], 404)
    tap.that("and told of", log.find(type="grant", op="refused", parent=None))
    log.mark()
    said = outside.ask("post", f"/v1/tickets/{have}")
    tap.equal("nor is it for root without a grant", said["status"], 403)
    tap.that("and told of", log.find(type="grant", op="refused"))
    inner, _ = ticket(agent)
    log.mark()
    said = redeem(agent, have, OWN, "delegate", "--ticket", inner, "--", PROBE, "create", path("tree/ran"))
    tap.equal("nor for a grant beside it", (said["code"], "no grant" in said["err"]), (66, True))
    tap.that("which is told of by that grant", log.find(type="grant", op="refused", grant=have))
    said = redeem(agent, inner, OWN, "delegate", "--ticket", inner, "--", PROBE, "create", path("tree/ran"))
    tap.equal("nor for the one that it gives", (said["code"], "only a process under" in said["err"]), (77, True))
    tap.that("nothing was run", not os.path.exists(path("tree/ran")))
    for each in (other, outside):
        each.end()


def single():
    """The kernel puts on what it finds to be a part of what the caller has: without threads, by hand."""
    plain = Framework(0)
    have, _ = ticket(plain)
    before = [plain.errno("read", path(f)) for f in ("tree/a", "tree/part/a")]
    said = plain.ask("post", f"/v1/tickets/{have}")
    after = [plain.errno("read", path(f)) for f in ("tree/a", "tree/part/a")]
    tap.equal("a process of one thread may redeem its own", (said["status"], before, after),
              (201, ["OK", "OK"], ["EACCES", "OK"]))
    plain.end()


def lapsed():
    agent = framework
    log = Log()
    have, said = ticket(agent, ttl="2s")
    tap.equal("a short one", said["status"], 201)
    last, _ = ticket(agent)
    made = time.monotonic()
    time.sleep(2.5)
    over = redeem(agent, have, PROBE, "create", path("tree/ran"))
    tap.equal("after its time it is refused", over["code"], 66)
    tap.that("and told of", log.find(type="grant", op="refused", grant=said["parent"]))
    tap.that("its grant has ended", log.find(type="grant", op="ended", grant=have))
    tap.that("another lives no longer than 30 seconds unredeemed",
             wait_for(lambda: log.find(seconds=1, type="grant", op="ended", grant=last), 60), log.events)
    tap.that("nor shorter", time.monotonic() - made > 25, time.monotonic() - made)
    tap.equal("and the slots are free", len([ticket(agent, ttl="5s") for _ in range(2)]), 2)
    tap.that("nothing was run", not os.path.exists(path("tree/ran")))


def cut():
    agent = framework
    have, said = ticket(agent)
    tap.equal("one more", said["status"], 201)
    log = Log()
    tap.equal("the parent is revoked", deputy("revoke", said["parent"], "--mode", "kill").returncode, 0)
    tap.that("and its ticket with it", log.find(type="grant", op="revoked", grant=have))
    agent.process.wait()
    tap.that("both end", wait_for(lambda: {known(g)["state"] for g in (have, said["parent"])} == {"revoked"}))


def words_of_the_shell():
    """`deputy ticket` from a script."""
    plain = Framework(0)
    said = plain.ask("spawn", "/bin/sh", "-c", f"t=$({OWN} ticket --ttl 1m) && exec {OWN} delegate --ticket $t -- {PROBE} "
                     "read tree/a")
    tap.equal("a script makes one and takes it up", (said["code"], words(said)), (0, ["OK"]))
    said = plain.ask("spawn", OWN, "ticket", "--ttl", "40m")
    tap.equal("which is as narrow as any", (said["code"], "too long" in said["err"]), (77, True))
    plain.end()


prepare()
framework = Framework()
tap.run(redeemed, refused, single, lapsed, cut, words_of_the_shell)
