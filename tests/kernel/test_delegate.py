# SPDX-License-Identifier: Apache-2.0
"""Grants that agents hand on: within their own, no longer than it, and over when it is."""
import json
import os
import shutil
import socket
import subprocess

from cases import Bench, Case
from kt import DEPUTY, ROOT, Agent, Child, Log, Tap, agent, deputy, make, path, put, wait_for

tap = Tap()
SCOPE = """apiVersion: deputy/v1
name: {name}
owner: {{any_of: ["uid:*"]}}
purposes:
  part:
    ttl: 20m
    on_revoke: deny
    {more}
    files:
      - {{allow: [read, exec], path: "${{workdir}}/bin/**"}}
      - {{allow: [read, list, exec], path: /usr/**}}
      - {{allow: [read], path: "/etc/**"}}
      - {{allow: [metadata], path: "/*"}}
      - {{allow: [read, create, delete], path: "${{workdir}}/tree/part/**"}}
      - {{deny: [read], path: "**/.env"}}
      {files}
    ipc:
      - {{allow: connect, unix: "${{workdir}}/run/deputy.sock"}}
"""
DELEGATE = f"{ROOT}/bin/deputy delegate"
PROBE = f"{ROOT}/bin/probe"


def scope(name, files="", more=""):
    return put(f"tree/{name}.yaml", SCOPE.format(name=name, files=files, more=more))


def delegated(*options, command=PROBE, purpose="delegating", **more):
    """The process that held the grant is the one that narrows it."""
    return Agent(purpose, command=("bin/deputy", "delegate", *options, "--", *command.split()), **more)


def show(grant):
    return json.loads(deputy("--json", "show", grant).stdout)


def narrowed():
    child = delegated("--scope", "tree/part.yaml", "--purpose", "part").ready()
    bench = Bench(tap, child)
    bench.check(
        Case("what the child's scope leaves out", "read tree/a", "read tree/part/a", op="read", path="tree/a", rule=None),
        Case("what it denies itself", "read tree/part/.env", "read tree/part/a", op="read", path="tree/part/.env",
             rule="part.yaml"),
        Case("an address that the child has not", "connect 4 127.0.0.1 7001", "read tree/part/a", type="net",
             op="connect", port=7001),
    )
    have = show(child.grant)
    tap.that("it has a parent", have["parent"] and have["parent"] != child.grant, have)
    above = show(have["parent"])
    tap.equal("its chain goes from the owner by its parent", have["chain"],
              above["chain"] + [f"{child.grant} delegating/part (policy part {have['policy_digest']})"])
    tap.equal("the owner is the parent's", (have["owner"], have["policy"]), (above["owner"], "part"))
    tap.that("it ends no later", have["expires"] <= above["expires"], (have["expires"], above["expires"]))
    tap.equal("nobody is left under the parent, which holds on", (above["tasks"], above["state"]), (0, "live"))
    mine = agent("delegating")
    tap.equal("the parent's own table has it", mine.ask("read tree/a"), "OK")
    mine.end()
    bench.end()
    tap.that("both end with the last task", wait_for(
        lambda: {show(child.grant)["state"], show(have["parent"])["state"]} == {"ended"}), show(have["parent"])["state"])


def moves():
    """A sub-agent that may move what its agent may not read brings it nowhere that the agent may."""
    scope("mover", '- {allow: [create, delete], path: "${workdir}/tree/inner/**"}\n'
                   '      - {allow: [create, delete], path: "${workdir}/tree/drop/**"}')
    for name in ("tree/inner/secret", "tree/inner/other"):
        put(name)
    make("tree/drop")
    bench = Bench(tap, delegated("--scope", "tree/mover.yaml").ready())
    bench.check(
        Case("moving for the agent above", "rename tree/inner/secret tree/drop/secret", "rename tree/inner/other tree/drop/other",
             errno="EXDEV", op="create", reason="wider"),
    )
    bench.end()
    for name in ("tree/inner", "tree/drop"):
        shutil.rmtree(path(name))


def run_refused(name, words, code, *said, purpose="delegating"):
    done = subprocess.run([DEPUTY, "run", "--policy", os.environ["KT_POLICY"], "--purpose", purpose, "--workdir", ROOT,
                           "--", "bin/deputy", "delegate", *words, "--", "bin/probe", "create", path("tree/ran")],
                          cwd=ROOT, capture_output=True, text=True, check=False)
    tap.equal(name, (done.returncode, [w for w in said if w not in done.stderr], done.stdout), (code, [], ""))
    if not tap.that(f"{name}: nothing was run", not os.path.exists(path("tree/ran")), done.stderr):
        os.unlink(path("tree/ran"))


def refused():
    scope("wide-file", '- {allow: [read], path: "${workdir}/none/**"}')
    scope("wide-op", '- {allow: [read, write], path: "/etc/**"}')
    scope("loose-env", '- {allow: [read], path: "${workdir}/tree/**/.env"}')
    put("tree/wide-net.yaml", SCOPE.format(name="wide-net", files="", more="")
        + "    network: [{allow: connect, cidr: 127.0.0.1, port: [7001, 7002]}]\n")
    put("tree/wide-cap.yaml", SCOPE.format(name="wide-cap", files="", more="") + "    privileges: {capabilities: [chown]}\n")
    put("tree/bad.yaml", "purposes: 1\n")
    for name, *said in (("wide-file", "wider than grant", "wide-file.yaml", "read", "/none/"),
                        ("wide-op", "wider than grant", "wide-op.yaml", "write", "/etc/"),
                        ("loose-env", "wider than grant", ".env"),
                        ("wide-net", "wider than grant", "connect", "127.0.0.1:7002"),
                        ("wide-cap", "wider than grant", "chown")):
        run_refused(f"refused: {name}", ("--scope", f"tree/{name}.yaml"), 77, *said)
    run_refused("refused: a scope that is no policy", ("--scope", "tree/bad.yaml"), 65, "bad.yaml:1")
    run_refused("refused: a longer life", ("--ttl", "31m"), 77, "too long")
    run_refused("refused: a purpose that the scope has not", ("--scope", "tree/part.yaml", "--purpose", "other"), 77,
                'no purpose "other"')
    run_refused("refused: a purpose that is no name", ("--purpose", "../other"), 65, '"purpose" must be')
    run_refused("refused: from a grant that may not be delegated", ("--scope", "tree/part.yaml"), 77, "may not be delegated",
                purpose="tool")
    done = deputy("delegate", "--scope", path("tree/part.yaml"), "--", PROBE, "create", path("tree/ran"))
    tap.equal("refused: without a grant", (done.returncode, "under no grant" in done.stderr, done.stdout), (77, True, ""))


def same_table():
    child = delegated("--ttl", "5m", "--purpose", "review").ready()
    have = show(child.grant)
    above = show(have["parent"])
    tap.equal("without a scope the child has the parent's table", (child.ask("read tree/a"), child.ask("read none/a")),
              ("OK", "EACCES"))
    tap.equal("and its rules", have["rules"], above["rules"])
    tap.equal("its purpose is a part of the parent's", have["purpose"], "delegating/review")
    tap.that("its time is shorter", have["expires"] < above["expires"], (have["expires"], above["expires"]))
    child.end()


def depth():
    scope("deep", more="delegate: {depth: 7, children: 9}")
    words = f"bin/deputy delegate --scope tree/deep.yaml -- {DELEGATE} --ttl 1m -- {PROBE}"
    child = Agent("delegating", command=words.split()).ready()
    tap.equal("two below the owner's own", [line.split()[1] for line in show(child.grant)["chain"][2:]],
              ["delegating", "delegating/part", "delegating/part"])
    child.end()
    words = f"bin/deputy delegate --scope tree/deep.yaml -- {DELEGATE} --ttl 1m -- {DELEGATE} -- {PROBE} create tree/ran"
    done = subprocess.run([DEPUTY, "run", "--policy", os.environ["KT_POLICY"], "--purpose", "delegating", "--workdir", ROOT,
                           "--", *words.split()], cwd=ROOT, capture_output=True, text=True, check=False)
    tap.equal("a third is refused, whatever the second's scope says",
              (done.returncode, "any further" in done.stderr, os.path.exists(path("tree/ran"))), (77, True, False))
    words = f"bin/deputy delegate --scope tree/part.yaml -- {DELEGATE} -- {PROBE} create tree/ran"
    done = subprocess.run([DEPUTY, "run", "--policy", os.environ["KT_POLICY"], "--purpose", "delegating", "--workdir", ROOT,
                           "--", *words.split()], cwd=ROOT, capture_output=True, text=True, check=False)
    tap.equal("and a second, when the first's scope says nothing of it", (done.returncode, "any further" in done.stderr),
              (77, True))


def children():
    mine = agent("delegating")
    ask = f"status bin/deputy delegate --scope tree/part.yaml -- {PROBE} in daemon sleep 600000"
    for n in (1, 2, 3):
        tap.equal(f"child {n} of 3", (mine.ask(ask), mine.detail), ("OK", "0"))
    tap.equal("the fourth is refused", (mine.ask(ask), mine.detail), ("OK", "75"))
    below = [g for g in json.loads(deputy("--json", "ls").stdout)["grants"] if g["parent"] == mine.grant]
    tap.equal("three live", (len(below), {g["tasks"] for g in below}), (3, {1}))
    tap.equal("one is revoked", deputy("revoke", below[0]["grant"], "--mode", "kill").returncode, 0)
    tap.that("and another has its place", wait_for(lambda: (mine.ask(ask), mine.detail) == ("OK", "0"), pause=0.5),
             mine.detail)
    bench = Log()
    tap.equal("the parent is revoked", deputy("revoke", mine.grant, "--mode", "kill").returncode, 0)
    for g in below[1:]:
        tap.that("each child's end is in the log", bench.find(type="grant", op="revoked", grant=g["grant"]))
    tap.that("with the parent it was delegated by", bench.find(type="grant", op="revoked", parent=mine.grant))
    mine.end()
    tap.that("and all its tasks are gone", wait_for(lambda: not [
        g for g in json.loads(deputy("--json", "ls", "--all").stdout)["grants"]
        if mine.grant in (g["grant"], g["parent"]) and g["tasks"]]))


def cut_together():
    child = Child(f"{DELEGATE} --scope tree/deep.yaml --purpose part -- {DELEGATE} --ttl 5m -- {PROBE}")
    tap.equal("parent, child and grandchild at work", (child.parent.ask("read tree/a"), child.ask("read tree/part/a")),
              ("OK", "OK"))
    middle = show(child.grant)["parent"]
    child.deafen()
    tap.equal("a grant in the middle is revoked", deputy("revoke", middle).returncode, 0)
    log = Log()
    have = child.parent.ask("read tree/a")
    tap.equal("above it work goes on", have, "OK")
    tap.equal("below it nothing is allowed", child.ask("read tree/part/a"), "EPERM")
    tap.that("and told of", log.find(grant=child.grant, verdict="deny", reason="revoked"))
    child.end()


def neighbours():
    """Who delegated may signal, trace and talk to whom it delegated to; not the other way round, nor sideways."""
    child = Child(f"{DELEGATE} --scope tree/part.yaml -- {PROBE}")
    other = Child(f"{DELEGATE} --scope tree/part.yaml -- {PROBE}")
    log = Log()
    tap.equal("a child's signal to its parent", child.ask(f"kill {child.parent.pid} 0"), "EPERM")
    tap.that("is told of", log.find(type="guard", op="signal", pid=child.pid))
    tap.equal("to another family's child", child.ask(f"kill {other.pid} 0"), "EPERM")
    tap.equal("a parent's to its child", child.parent.ask(f"kill {child.pid} 0"), "OK")
    tap.equal("to another's child", child.parent.ask(f"kill {other.pid} 0"), "EPERM")
    tap.equal("a child traces its parent", child.ask(f"ptrace {child.parent.pid}"), "EPERM")
    tap.equal("a parent its child", child.parent.ask(f"ptrace {child.pid}"), "OK")
    child.end()
    other.end()


def seen():
    """A tagged caller sees its own grant and what it delegated."""
    child = Child(f"{DELEGATE} --scope tree/part.yaml -- {PROBE}")
    up = child.parent.ask(f"status bin/deputy show {child.grant}"), child.parent.detail
    down = child.ask(f"status bin/deputy show {child.parent.grant}"), child.detail
    tap.equal("a parent sees its child's grant", up, ("OK", "0"))
    tap.equal("a child does not see its parent's", down, ("OK", "66"))
    child.end()


for each in ("tree/a", "tree/part/a", "tree/part/.env", "none/a", "none/sentinel"):
    put(each)
make("sockets")
subprocess.run(["cp", DEPUTY, path("bin/deputy")], check=True)
scope("part")
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", 7001))
server.listen()
tap.run(narrowed, moves, refused, same_table, depth, children, cut_together, neighbours, seen)
