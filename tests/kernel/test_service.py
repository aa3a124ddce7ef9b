# SPDX-License-Identifier: Apache-2.0
"""The token service under the kernel's tags: who asks is its grant and nothing else, and tokens end when they must."""
import ctypes
import json
import os
import signal
import socket
import threading
import time

from frameworks import OWN, PROBE, Framework, runs, scope
from kt import Log, Tap, alive, deputy, path, reap, wait_for
from tokens import (ACCESS, AUDIENCE, CHAIN, GRANT, NARROW, TXN, Unix, active, bound, call, call_form, claims, exchange,
                    listed, narrow, once_form, own, prepare_tokens, token_form, txn_form, verified)

tap = Tap()
WIDE = 2  # a thread
NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}
PIDFD_GETFD = 438


def itself():
    """Without a name and without a secret."""
    log = Log()
    grant = own(first)["grant"]
    err, token = exchange(first, once_form())
    have = claims(token)
    tap.equal("an agent has a token of its grant",
              (err, have["client_id"], have["act"]["sub"], have["owner"], have["scope"]),
              ("OK", f"agent:{grant}", f"agent:{grant}", "uid:0", "delegating"))
    told = log.find(type="grant", op="issued", grant=grant)
    tap.that("which is told of", told and have["jti"] in told["text"] and "single use" in told["text"], told)
    token = bound(first)
    tap.equal("one that is bound to a key", (active(token), verified(token), listed(token), "jkt" in claims(token)["cnf"]),
              (True, True, 0, True))
    err, token = exchange(first, txn_form(scope="delegating/part", request_context='{"uid": 1}'))
    have = claims(token)
    tap.equal("one of a transaction, in which the caller's user is the kernel's word",
              (err, have["req_wl"], have["scope"], have["rctx"]["uid"], active(token)),
              ("OK", f"agent:{grant}", "delegating/part", 0, True))
    err, _ = exchange(first, txn_form(scope="deploy"))
    tap.equal("nothing beyond its purpose", err, "invalid_scope")
    tap.that("which is told of by its grant", log.find(type="grant", op="refused", grant=grant))


def foreign():
    """All that another agent's authority can be named by."""
    theirs, mine = own(first), own(second)["grant"]
    grant, chain, token = theirs["grant"], theirs["token"], bound(first)
    _, txn = exchange(first, txn_form())
    log = Log()
    names = (("its id", grant, GRANT), ("the beginning of its id", grant[:8], GRANT), ("its chain", chain, CHAIN),
             ("its access token", token, ACCESS), ("its transaction token", txn, TXN))
    said = {second.ask("post", "/v1/token", txn_form(what, kind))["error_description"] for _, what, kind in names}
    tap.equal("another agent's grant is refused, in the same words by whatever it is named", len(said), 1)
    for name, what, kind in names:
        tap.equal(f"by {name}", exchange(second, txn_form(what, kind))[0], "invalid_request")
    tap.that("each is told of by the grant of who asked",
             wait_for(lambda: len(log.all(type="grant", op="refused", grant=mine)) == 2 * len(names)), log.events)
    tap.equal("as an actor", exchange(second, txn_form(actor_token=grant, actor_token_type=GRANT))[0], "invalid_request")
    tap.equal("as a client", exchange(second, txn_form(client_id=f"agent:{grant}"))[0], "invalid_client")
    tap.equal("under its own name", exchange(second, txn_form(client_id=f"agent:{mine}"))[0], "OK")
    twins = [exchange(first, txn_form(what, kind))[0] for _, what, kind in names if kind != ACCESS]
    tap.equal("whose it is has tokens by each", twins, ["OK"] * 4)
    tap.equal("another agent's revoking is answered, and does nothing",
              (second.ask("post", "/v1/revoke", token_form(token))["status"], active(token)), (200, True))
    second.ask("connect")
    for method, where in (("DELETE", f"/v1/grants/{grant}"), ("DELETE", f"/v1/grants/{mine}"), ("POST", "/v1/keys/rotate"),
                          ("POST", "/v1/nonce")):
        log.mark()
        tap.equal(f"under a grant there is no {method} {where.replace(grant, 'THEIRS').replace(mine, 'OWN')}",
                  second.ask("over", method, where)["status"], 403)
        tap.that("which is told of", log.find(type="grant", op="refused", grant=mine))
    tap.equal("its own is its to revoke",
              (first.ask("post", "/v1/revoke", token_form(token))["status"], active(token), listed(token)), (200, False, 1))


def strangers():
    """Another user under no grant, and the root of the host."""
    theirs, log = own(first), Log()
    stranger = Framework(0, before=("/usr/bin/env",), **NOBODY)
    for name, form in (("a grant's id", txn_form(theirs["grant"])), ("a chain", txn_form(theirs["token"], CHAIN)),
                       ("itself", txn_form())):
        tap.equal(f"another user has nothing by {name}", exchange(stranger, form)[0], "invalid_request")
    tap.that("which is told of", log.find(type="grant", op="refused", owner="uid:65534"))
    tap.equal("nor is a grant there to be seen", stranger.ask("get", f"/v1/grants/{theirs['grant']}")["status"], 404)
    tap.equal("nor are keys his to change", stranger.ask("post", "/v1/keys/rotate")["status"], 403)
    status, said = call_form("/v1/token", txn_form(theirs["grant"]))
    tap.equal("who gave it exchanges it", (status, claims(said["access_token"])["req_wl"]),
              (200, f"agent:{theirs['grant']}"))
    stranger.end()


def narrower():
    """What an agent hands on has less, in the same process and in another."""
    child, log = narrow(first), Log()
    grant, parent = child["grant"], own(first, WIDE)
    err, token = exchange(first, txn_form(), NARROW)
    have = claims(token)
    tap.equal("a narrowed thread is its own grant", (err, have["req_wl"], have["scope"], have["act"]["act"]["sub"]),
              ("OK", f"agent:{grant}", "delegating/part", f"agent:{parent['grant']}"))
    tap.equal("its process is its own", claims(exchange(first, txn_form(), WIDE)[1])["req_wl"], f"agent:{parent['grant']}")
    tap.equal("the parent's scope is none of it", exchange(first, txn_form(scope="delegating"), NARROW)[0], "invalid_scope")
    tap.that("which is told of by the thread's grant", log.find(type="grant", op="refused", grant=grant))
    tap.equal("the parent's id is unknown", exchange(first, txn_form(parent["grant"]), NARROW)[0], "invalid_request")
    token = exchange(first, txn_form(parent["token"], CHAIN), NARROW)[1]
    tap.equal("the parent's chain is good for its own", (claims(token)["req_wl"], claims(token)["scope"]),
              (f"agent:{grant}", "delegating/part"))
    detail = {who: json.dumps([{"type": "deputy_rule", "rule": what["rules"][0]}]) for who, what in
              (("own", child), ("parent's", parent))}
    said = {who: exchange(first, txn_form(authorization_details=text), NARROW)[0] for who, text in detail.items()}
    tap.equal("rules are its own", said, {"own": "OK", "parent's": "invalid_authorization_details"})
    tap.equal("a parent has tokens of what it delegated", claims(exchange(first, txn_form(grant), WIDE)[1])["req_wl"],
              f"agent:{grant}")
    ticket = first.ask("post", "/v1/delegate", {"policy": scope(), "ticket": True}, thread=WIDE)["grant"]
    inside = [OWN, "token", "exchange", "--type", "txn"]
    once = first.ask("spawn", OWN, "delegate", "--ticket", ticket, "--", *inside, thread=WIDE)
    tap.equal("a process that takes up a ticket", claims(once["out"].strip())["req_wl"], f"agent:{ticket}")
    again = first.ask("spawn", OWN, "delegate", "--ticket", ticket, "--", *inside, thread=WIDE)
    tap.equal("nobody does twice", (again["code"] != 0, again["out"]), (True, ""))
    tap.that("its token is over with it", wait_for(lambda: not active(once["out"].strip())))


def started(agent, name):
    """A process that asks for a token and then executes something else: its pid and the token."""
    where = path(f"tree/{name}")
    if os.path.exists(where):
        os.unlink(where)
    asks = [OWN, "token", "exchange", "--audience", AUDIENCE, "--key", path("tree/key.pem"), "--"]
    pid = agent.ask("start", *asks, "/bin/sh", "-c", f'echo "$DEPUTY_TOKEN" >{where}; exec {PROBE} sleep 600000')["pid"]
    assert wait_for(lambda: os.path.exists(where) and runs(pid) == PROBE), name
    with open(where, encoding="ascii") as f:
        return pid, f.read().strip()


def just_in_time():
    pid, token = started(second, "one")
    its, twin = started(second, "two")
    tap.equal("a task's token outlives what it executes", (active(token), active(twin)), (True, True))
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not alive(pid))
    tap.equal("and not the task", (active(token), listed(token), active(twin), listed(twin)), (False, 1, True, 0))
    reap([its])
    other = Framework(2)
    _, token = exchange(other, txn_form(), NARROW)
    _, lasting = exchange(other, txn_form(bound_to="grant"), NARROW)
    tid = other.ask("ids", thread=NARROW)["tid"]
    other.ask("leave", thread=NARROW)
    wait_for(lambda: not os.path.exists(f"/proc/{other.pid}/task/{tid}"))
    tap.equal("a task is a process: a thread's end is not its own", active(token), True)
    other.tell("exec", PROBE, ["probe"], thread=WIDE)
    wait_for(lambda: runs(other.pid) == PROBE)
    tap.equal("nor is it when another thread executes", (active(token), active(lasting)), (True, True))
    other.end()
    tap.that("all end with the last", wait_for(lambda: not active(token) and not active(lasting)))


def with_the_thread():
    """A thread's grant is its own, and so are its tokens."""
    other = Framework(2)
    narrow(other)
    tokens = [exchange(other, form, NARROW)[1] for form in (txn_form(), txn_form(bound_to="grant"), once_form())]
    _, twin = exchange(other, txn_form(), WIDE)
    other.ask("leave", thread=NARROW)
    tap.that("tokens of a thread's grant end with the thread", wait_for(lambda: not any(map(active, tokens))))
    tap.equal("those of its process do not", active(twin), True)
    other.end()


def once():
    log = Log()
    _, token = exchange(second, once_form(bound_to="grant"))
    said, ready = [], threading.Barrier(6)

    def redeem():
        connection = Unix()
        ready.wait()
        said.append(call("POST", "/v1/introspect", json.dumps({"token": token}), over=connection)[1]["active"])

    racing = [threading.Thread(target=redeem) for _ in range(6)]
    for each in racing:
        each.start()
    for each in racing:
        each.join()
    tap.equal("of six that redeem a token for a single use at once, one has it", sorted(said), [False] * 5 + [True])
    told = log.find(type="grant", op="redeemed")
    tap.that("which is told of, once", told and claims(token)["jti"] in told["text"] and
             len(log.all(type="grant", op="redeemed")) == 1, log.events)
    tap.equal("it was for nothing else", exchange(second, txn_form(token, ACCESS))[0], "invalid_request")


def take(agent):
    """A connection of an agent's, in the hands of who is under no grant."""
    number = agent.ask("connect")["fd"]
    pidfd = os.pidfd_open(agent.pid)
    fd = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, pidfd, number, 0)
    os.close(pidfd)
    assert fd >= 0, os.strerror(ctypes.get_errno())
    return Unix(sock=socket.socket(fileno=fd))


def over():
    """After its end a grant has nothing to ask with, whoever asks for it."""
    other, killed = Framework(0), Framework(0, "tool")
    over = {agent: take(agent) for agent in (other, killed)}
    before = {agent: call_form("/v1/token", txn_form(), over=over[agent]) for agent in over}
    tap.equal("who connected counts, and not who asks",
              [claims(said["access_token"])["req_wl"] for _, said in before.values()],
              [f"agent:{own(agent)['grant']}" for agent in over])
    grant = own(other)["grant"]
    assert deputy("revoke", grant, "--mode", "deny").returncode == 0
    log = Log()
    status, said = call_form("/v1/token", txn_form(), over=over[other])
    tap.equal("a revoked agent's connection is good for nothing", (status, said.get("error")), (400, "invalid_request"))
    tap.that("which is told of", log.find(type="grant", op="refused", grant=grant))
    killed.end()
    status, said = call_form("/v1/token", txn_form(), over=over[killed])
    tap.equal("nor is one whose process is gone", (status, said["error"]), (403, "forbidden"))
    tap.equal("all their tokens are over", [active(said["access_token"]) for _, said in before.values()], [False, False])
    other.end()


def expired():
    other = Framework(2)
    child = narrow(other, ttl="4s")
    end = time.monotonic() + 4
    other.ask("connect", thread=NARROW)
    err, token = exchange(other, txn_form(bound_to="grant"), WIDE, "over")
    tap.equal("a short grant's token is no longer", (err, claims(token)["exp"] - claims(token)["iat"] <= 4, active(token)),
              ("OK", True, True))
    time.sleep(max(0, end - time.monotonic()))
    log = Log()
    tap.equal("it ends with the grant", (active(token), active(child["token"])), (False, False))
    tap.equal("which has no other any more", exchange(other, txn_form(), WIDE, "over")[0], "invalid_request")
    tap.that("which is told of", log.find(type="grant", op="refused", grant=child["grant"]))
    tap.equal("the one above it has", exchange(other, txn_form(), WIDE)[0], "OK")
    other.end()


prepare_tokens()
first, second = Framework(2), Framework(0, "tool")
tap.run(itself, foreign, strangers, narrower, just_in_time, with_the_thread, once, over, expired)
