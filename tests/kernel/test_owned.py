# SPDX-License-Identifier: Apache-2.0
"""What has a number and no path: System V objects and keys, which are for the grant that made them."""
import ctypes
import os

from cases import ANY, Bench, Case
from kt import Tap, Twin, agent, put

tap = Tap()
SYSCALL = ctypes.CDLL(None, use_errno=True).syscall
SYS_ADD_KEY, SYS_KEYCTL = 248, 250
JOIN_SESSION_KEYRING = 1
SESSION, USER, PROCESS = -3, -4, -2
BASE = 0x4B540000 + os.getpid()

USES = {
    "shm": ("get {key}", "attach {id}", "stat {id}", "change {id}", "lock {id}", "remove {id}"),
    "sem": ("get {key}", "op {id}", "value {id}", "set {id}", "stat {id}", "remove {id}"),
    "msg": ("get {key}", "send {id}", "receive {id}", "stat {id}", "remove {id}"),
}


def made(by, kind, key):
    assert by.ask(f"{kind}-make {key}") == "OK", kind
    return by.detail


def refused(name, does, op, errno="EACCES", **more):
    return Case(name, does, errno=errno, type="guard", op=op, reason="guarded", **more)


def others_objects():
    """The last use removes the object: the twin's turn comes after the agent's."""
    for kind, uses in USES.items():
        id = made(other, kind, BASE)
        for use in uses:
            does = f"{kind}-{use}".format(key=BASE, id=id)
            bench.check(refused(f"another's {kind}: {use.split()[0]}", does, "sysv"))
    id = made(other, "shm", BASE)
    assert other.ask("shm-info") == "OK"
    last = other.detail
    bench.check(refused("another's shm: stat by index", f"shm-stat-index {last}", "sysv"),
                refused("another's shm: stat by index whatever its mode", f"shm-stat-any {last}", "sysv"))
    bench.same("how much there is", "shm-info")
    other.ask(f"shm-remove {id}")


def own_objects():
    """Whoever asks first makes it; the twin one of its own."""
    for n, (kind, uses) in enumerate(USES.items()):
        mine = made(bench.agent, kind, BASE + 10 + n)
        wrong = [use for use in uses if use != "remove {id}" and
                 bench.agent.ask(f"{kind}-{use}".format(key=BASE + 10 + n, id=mine)) != "OK"]
        tap.equal(f"one's own {kind}", wrong, [])
        tap.equal(f"one's own {kind} from a child", bench.agent.ask(f"in fork {kind}-stat {mine}"), "OK")
        stat = f"{kind}-stat {mine}"
        bench.log.mark()
        tap.equal(f"one's own {kind} is not another grant's", second.agent.ask(stat), "EACCES")
        tap.that("with an event", bench.log.find(type="guard", op="sysv", pid=second.agent.pid, errno="EACCES"))
        tap.equal("and whoever has no grant is free", (other.ask(stat), other.ask(f"{kind}-remove {mine}")), ("OK", "OK"))


def addresses():
    """Objects that go leave nothing to those that come: 2000 of the agent's, then as many of nobody's."""
    tap.equal("2000 objects of a grant come and go", bench.agent.ask("sysv-churn 2000"), "OK")
    ids = [made(other, "sem", 0) for _ in range(200)]
    bench.log.mark()
    answers = {bench.agent.ask(f"sem-stat {id}") for id in ids}
    tap.equal("none of 200 new ones is the grant's", answers, {"EACCES"})
    mine = [made(bench.agent, "sem", 0) for _ in range(200)]
    for id in ids:
        other.ask(f"sem-remove {id}")
    tap.equal("its own 200 are", {bench.agent.ask(f"sem-remove {id}") for id in mine}, {"OK"})
    bench.settle()


def inherited_keys():
    """Of the session that the agent was started in; the uses come in an order that leaves the key there."""
    bench.check(
        refused("the session's keyring", f"key-describe {SESSION}", "key"),
        refused("a key in it by number", f"key-describe {SECRET}", "key"),
        refused("a key in it by name", f"key-search kt-secret {SESSION}", "key"),
        refused("a key found by the kernel", "key-request kt-secret", "key"),
        refused("changing a key", f"key-update {SECRET}", "key"),
        refused("adding a key for the session to find", f"key-add kt-planted {SESSION}", "key"),
        refused("a link to a key of it", f"key-link {SECRET} {PROCESS}", "key"),
    )
    for name, does in (("reading a key", f"key-read {SECRET}"), ("the user's keyring", f"key-describe {USER}")):
        hidden = refused(name, does, "key", errno="ENOKEY")
        hidden.event["errno"] = "EACCES"  # of which the kernel makes that there is none
        bench.check(hidden)


def own_keys():
    bench.same("a keyring of the process", f"key-add kt-process {PROCESS}")
    bench.same("a session of one's own", "key-join")
    for who in (bench.agent, bench.twin):
        assert who.ask(f"key-add kt-own {SESSION}") == "OK", who.detail
        serial = who.detail
        uses = [f"key-describe {serial}", f"key-read {serial}", f"key-update {serial}", "key-request kt-own",
                f"key-search kt-own {SESSION}", f"key-link {serial} {PROCESS}"]
        tap.equal("keys of one's own", [use for use in uses if who.ask(use) != "OK"], [])
        if who is bench.agent:
            mine = serial
    bench.log.mark()
    second.agent.ask("key-join")
    tap.equal("are not another grant's", second.agent.ask(f"key-describe {mine}"), "EACCES")
    tap.that("with an event", bench.log.find(type="guard", op="key", pid=second.agent.pid))
    bench.check(
        refused("root's program that finds keys is not called", "key-call-out kt-unknown", "key", twin=CALLED),
        refused("the keyring that outlives sessions", f"key-persistent {SESSION}", "key", twin=PERSISTENT),
        refused("still not the session from before", f"key-describe {SECRET}", "key"),
    )


put("none/sentinel")
SYSCALL(SYS_KEYCTL, JOIN_SESSION_KEYRING, None)
SECRET = SYSCALL(SYS_ADD_KEY, b"user", b"kt-secret", b"secret", 6, SESSION)
assert SECRET > 0, os.strerror(ctypes.get_errno())
other = Twin()
CALLED = other.ask("key-call-out kt-unknown")  # there may be no such program
PERSISTENT = other.ask(f"key-persistent {SESSION}")
bench, second = Bench(tap, agent("files")), Bench(tap, agent("files"))
tap.run(others_objects, own_objects, addresses, inherited_keys, own_keys, bench.end, second.end, other.end)
