# SPDX-License-Identifier: Apache-2.0
"""The edge: services that are shown tokens and chains, when grants are revoked and when keys change."""
import json
import os
import subprocess

from daemons import SCRATCH
from edge import Chain
from frameworks import Framework
from kt import POLICY, STATE, Log, Tap, Twin, agent, deputy, path, put, wait_for
from tokens import (EPOCHS, LIBRARY, Held, active, bound, call, call_form, edge_keys, exchange, jwks, narrow, own,
                    prepare_tokens, signer, token_form, txn_form, verified)

tap = Tap()
NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}
PYTHON = ("/usr/bin/python3", "-I", path("bin/edge.py"), LIBRARY, EPOCHS)


def other_policy():
    with open(POLICY, encoding="utf-8") as f:
        return path(put("other.yaml", f.read().replace("name: kernel-tests", "name: edge-tests")))


def revoked():
    """Whatever it is named by; each beside one that stays."""
    ways = (("itself", {}, lambda g: ("revoke", g)),
            ("its owner", NOBODY, lambda g: ("revoke", "--owner", "uid:65534")),
            ("its policy", {"policy": other_policy()}, lambda g: ("revoke", "--policy", "edge-tests")),
            ("its purpose", {"purpose": "work"}, lambda g: ("revoke", "--purpose", "work")))
    stays = Held(Framework(0))
    for name, options, command in ways:
        one = Held(Framework(0, **options))
        tap.equal(f"revoked by {name}: before", one.state(), Held.LIVE)
        log = Log()
        assert deputy(*command(one.grant)).returncode == 0
        tap.equal(f"revoked by {name}: over at once", one.state(), Held.OVER)
        tap.that(f"revoked by {name}: told of", log.find(type="grant", op="revoked", grant=one.grant))
        tap.equal(f"revoked by {name}: offline it is not known", (verified(one.token), verified(one.chain)), (True, True))
        one.agent.end()
    tap.equal("another is what it was", stays.state(), Held.LIVE)
    stays.agent.end()
    tap.that("with the last task of a grant it is over, too", wait_for(lambda: stays.state() == Held.OVER), stays.state())


def above():
    """What was delegated ends with what it came from, and never the other way."""
    top = Framework(2)
    parent, child = Held(top), narrow(top)
    _, token = exchange(top, txn_form(bound_to="grant"), 1)
    below = Chain(edge_keys(), child["token"])
    tap.equal("a sub-agent's", (active(child["token"]), active(token), below.check()), (True, True, "OK"))
    second = narrow(top, 2)
    assert deputy("revoke", second["grant"], "--mode", "deny").returncode == 0
    tap.equal("a child's end is not its parent's nor its sister's", (active(second["token"]), parent.state(), below.check()),
              (False, Held.LIVE, "OK"))
    log = Log()
    status, _ = call_form("/v1/revoke", token_form(parent.chain))
    tap.equal("the chain of the one above is revoked by who gave it", (status, parent.state()), (200, Held.OVER))
    tap.equal("and with it the sub-agent's", (active(child["token"]), active(token), below.check()),
              (False, False, "EKEYREVOKED"))
    tap.that("each is told of", log.find(type="grant", op="revoked", grant=child["grant"]))
    top.end()


def services():
    """On the host: under no grant, as another user, and as an agent, which asks the socket."""
    one, serving = Held(Framework(0)), Framework(0, "tool")
    words = (*PYTHON, jwks(), one.chain)
    outside = lambda: subprocess.run(words, capture_output=True, text=True, check=False, **NOBODY).stdout.strip()
    tap.equal("a service of another user checks a chain", outside(), "chain OK")
    log = Log()
    tap.equal("an agent that serves has no epochs to look at", serving.ask("spawn", *words)["out"].strip(), "keys EPERM")
    tap.that("which is told of", log.find(type="file", op="read", path=EPOCHS, errno="EPERM", reason="guarded",
                                          grant=own(serving)["grant"]))
    asks = lambda: serving.ask("post", "/v1/introspect", {"token": one.chain})["active"]
    tap.equal("but it may ask", asks(), True)
    assert deputy("revoke", one.grant, "--mode", "deny").returncode == 0
    tap.equal("after the end each refuses", (outside(), asks()), ("chain EKEYREVOKED", False))
    everything, user = agent("all"), Twin(**NOBODY)
    tap.equal("under a policy of everything nobody tells of ends himself",
              [everything.ask(f"{does} {EPOCHS}") for does in ("write", "truncate", "unlink", "read")], ["EPERM"] * 4)
    told = {"type": "file", "path": EPOCHS, "errno": "EPERM", "reason": "guarded", "pid": everything.pid}
    tap.that("each is told of", all(log.find(op=op, **told) for op in ("write", "delete", "read")), log.events)
    tap.equal("nor does another user, who reads",
              (user.ask(f"write {EPOCHS}"), user.ask(f"read {EPOCHS}")), ("EACCES", "OK"))
    tap.equal("the agent has what is not Deputy's", everything.ask(f"write {path('tree/a')}"), "OK")
    for each in (everything, user, serving, one.agent):
        each.end()


def keys():
    return {k["deputy_state"]: k["kid"] for k in call("GET", "/v1/keys")[1]["keys"]}


def without(published, kid):
    return json.dumps({"keys": [k for k in json.loads(published)["keys"] if k["kid"] != kid]})


def rotated():
    """While agents run."""
    old, kept, before, published = Held(Framework(2)), Held(Framework(0)), keys(), jwks()
    log = Log()
    tap.equal("the host's keys are changed", deputy("key", "rotate").returncode, 0)
    after = keys()
    tap.equal("the next one signs, and the one before is kept", (after["current"], after["old"]),
              (before["next"], before["current"]))
    tap.that("which is told of", log.find(type="daemon", op="keys"))
    new = Held(Framework(0))
    tap.equal("what the old one signed is good",
              (old.state(), verified(old.token), verified(old.chain)), (Held.LIVE, True, True))
    tap.equal("by the set of before the new one's is, too", Chain(edge_keys(published), new.chain).check(), "OK")
    tap.equal("by a set without the new one it is none",
              Chain(edge_keys(without(published, after["current"])), new.chain).said, "ENOKEY")
    tap.equal("who signed", [signer(t) for t in (old.token, old.chain, new.token, new.chain)],
              [before["current"]] * 2 + [after["current"]] * 2)
    child = narrow(old.agent)
    tap.equal("an agent of before delegates", (Chain(edge_keys(), child["token"]).check(), active(child["token"])),
              ("OK", True))
    tap.equal("and is renewed", deputy("renew", "--policy", POLICY, old.grant).returncode, 0)
    renewed = own(old.agent, 2)["token"]
    tap.equal("by the new key, beside what it had", (signer(renewed), active(renewed), active(child["token"]), old.state()),
              (after["current"], True, True, Held.LIVE))
    tap.equal("its tokens are the new key's from now on", signer(bound(old.agent)), after["current"])
    sealed()
    log.mark()
    assert deputy("revoke", "--key", before["current"], "--mode", "deny").returncode == 0
    tap.equal("by the old key are revoked those that it signed", (kept.state(), new.state(), active(renewed)),
              (Held.OVER, Held.LIVE, True))
    tap.that("which is told of", log.find(type="grant", op="revoked", grant=kept.grant))
    for each in (old, kept, new):
        each.agent.end()


def sealed():
    """The file of now, which replaced that of the start."""
    mine, log = agent("all"), Log()
    for name in (f"{STATE}/key", f"{SCRATCH}/seal.key"):
        with open(name, "rb") as f:
            have = f.read()
        mode = os.stat(name).st_mode & 0o777
        tap.that(f"{os.path.basename(name)}: root's alone", mode in (0o400, 0o600), oct(mode))
        tap.equal(f"{os.path.basename(name)}: no agent's, of whatever policy", mine.ask(f"read {name}"), "EPERM")
        tap.that(f"{os.path.basename(name)}: which is told of",
                 log.find(type="file", op="read", path=name, errno="EPERM", reason="guarded", pid=mine.pid))
        if name.endswith("/key"):
            tap.equal("the keys are sealed", have[:13], b"deputy/keys/1")
    tap.equal("the agent reads what is not Deputy's", mine.ask(f"read {POLICY}"), "OK")
    mine.end()


prepare_tokens()
tap.run(revoked, above, services, rotated)
