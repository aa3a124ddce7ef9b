# SPDX-License-Identifier: Apache-2.0
"""Renewal: a grant that lives goes on for itself alone, and what has ended stays so."""
import json
import subprocess
import time

from kt import DEPUTY, POLICY, ROOT, Agent, Child, Log, Tap, agent, alive, deputy, path, put, wait_for

tap = Tap()
TTL, LATER = 25, 60  # seconds; starting an agent takes some of them on an emulated machine
DEPUTY_IN = f"{ROOT}/bin/deputy"
DELEGATE = f"{DEPUTY_IN} delegate"
ROUNDS = 6


def renew(grant, ttl=LATER):
    return deputy("renew", "--policy", POLICY, "--ttl", f"{ttl}s", grant)


def show(grant):
    return json.loads(deputy("--json", "show", grant).stdout)


def state(grant):
    return show(grant)["state"]


def wait_until(end):
    time.sleep(max(0, end - time.monotonic()))


def lasting(purpose="delegating"):
    """Asked through its memory: when its grant is over its descriptors are refused too."""
    return agent(purpose, "--ttl", f"{TTL}s").deafen()


def lives_on():
    """In both modes of ending, past the old expiry and not past the new one."""
    log = Log()
    denying, killing, left = (lasting(purpose) for purpose in ("delegating", "kill", "delegating"))
    begun = time.monotonic()  # of all, at the latest
    before = show(denying.grant)
    tap.equal("a grant is renewed by its owner", [renew(a.grant).returncode for a in (denying, killing)], [0, 0])
    end, after = time.monotonic() + LATER, show(denying.grant)
    event = log.find(type="grant", op="renewed", grant=denying.grant)
    tap.that("the log has both expiries and who asked", event and before["expires"] in event["text"]
             and after["expires"] in event["text"] and "uid:0" in event["text"], event)
    tap.equal("its link is another, its id is not", (after["grant"], after["token"] != before["token"]), (before["grant"], True))
    wait_until(begun + TTL + 1)
    tap.equal("it lives past its old expiry", denying.ask("read tree/a"), "OK")
    tap.equal("one that would be killed too", killing.ask("read tree/a"), "OK")
    tap.equal("one that was not renewed is over", left.ask("read tree/a"), "EPERM")
    wait_until(end + 1)
    tap.equal("not past the new one", denying.ask("read tree/a"), "EPERM")
    tap.that("as expired", log.find(type="file", verdict="deny", reason="expired", grant=denying.grant))
    tap.that("nor the one that is killed", wait_for(lambda: not alive(killing.pid)))
    for name, one in (("after its renewal", denying), ("never renewed", left)):
        done = renew(one.grant)
        tap.that(f"expired, {name}: it is not revived", done.returncode != 0 and "has ended" in done.stderr, done)
        tap.equal(f"expired, {name}: it stays refused", one.ask("read tree/a"), "EPERM")
    for one in (denying, killing, left):
        one.end()


def revoked():
    one, twin = lasting(), lasting()
    deputy("revoke", one.grant)
    done, allowed = renew(one.grant), renew(twin.grant)
    tap.that("revoked: it is not renewed", done.returncode != 0 and "is revoked" in done.stderr, done)
    tap.equal("its twin is", allowed.returncode, 0)
    tap.equal("revoked: it stays refused", (one.ask("read tree/a"), twin.ask("read tree/a")), ("EPERM", "OK"))
    one.end()
    twin.end()


def below():
    """What an agent delegated does not live longer for its own renewal; it may itself ask, within that."""
    child = Child(f"{DELEGATE} --ttl {TTL}s -- {ROOT}/bin/probe").deafen()
    begun = time.monotonic()
    top = show(child.grant)["parent"]
    until = show(child.grant)["expires"]
    tap.equal("an agent with a child is renewed", renew(top, 1800).returncode, 0)
    tap.equal("the child's time is what it was", show(child.grant)["expires"], until)
    tap.equal("no owner renews what an agent delegated", renew(child.grant).returncode, 77)
    tap.that("the child's chain verifies", json.loads(deputy("--json", "token", "introspect", show(child.grant)["token"]).stdout)["active"])
    wait_until(begun + TTL + 1)
    tap.equal("it is over when it would have been", (child.ask("read tree/a"), child.parent.ask("read tree/a")), ("EPERM", "OK"))
    child.end()


def itself():
    put("tree/policy.yaml", open(POLICY).read())
    words = f"{DEPUTY_IN} renew --policy tree/policy.yaml --ttl 20m >&2 && exec bin/probe"
    one = Agent("delegating", "--ttl", f"{TTL}s", command=("bash", "-c", words)).ready()
    have = show(one.grant)
    tap.equal("an agent renews itself", (have["renewals"], have["state"]), (1, "live"))
    one.end()
    put("tree/policy.yaml", open(POLICY).read() + "# longer\n")
    one = Agent("delegating", "--ttl", f"{TTL}s", command=("bash", "-c", words.replace("&& exec", "; exec"))).ready()
    tap.equal("but not by another text", show(one.grant)["renewals"], 0)
    one.end()


def at_the_edge():
    """Renewed about when it ends: whichever comes first, who was once refused is never allowed again."""
    seen = {"kept": 0, "over": 0}
    for i in range(ROUNDS):
        one = lasting()
        end = time.monotonic() + TTL
        wait_until(end - 3 + 0.5 * i)
        asked = renew(one.grant)
        answers = []
        while time.monotonic() < end + 2:
            answers.append(one.ask("read tree/a"))
            time.sleep(0.05)
        kept = asked.returncode == 0
        seen["kept" if kept else "over"] += 1
        first = answers.index("EPERM") if "EPERM" in answers else len(answers)
        tap.that(f"round {i}: {'renewed, never refused' if kept else 'over, for ever'}",
                 "OK" not in answers[first:] and (kept == ("EPERM" not in answers)), (asked, answers))
        one.end()
    print("#", seen, flush=True)


put("tree/a")
subprocess.run(["cp", DEPUTY, path("bin/deputy")], check=True)
tap.run(lives_on, revoked, below, itself, at_the_edge)
