# SPDX-License-Identifier: Apache-2.0
"""A daemon that is killed and started with owners to be proven: what was good or over stays so, by its chains, and agents
begin and end by what their owners sign. Ends the suite's daemon once."""
import json
import os
import re
import subprocess
import time

from daemons import SCRATCH, Daemon
from frameworks import Framework
from kt import DEPUTY, PROBE, ROOT, Log, Tap, agent, alive, path, put, wait_for
from proofs import ALICE, CLIENT, ISSUER, Issuer, Owner, SshAgent, answers, statement
from tokens import Held, active, bound, call, claims, exchange, own, prepare_tokens, txn_form

tap = Tap()
daemon = Daemon()
HOME = f"{SCRATCH}/owners"  # theirs
SIGNERS, LOGIN = f"{SCRATCH}/signers", f"{HOME}/login"
POLICIES = f"{SCRATCH}/policy.d"
JWKS = f"{POLICIES}/idp.json"  # what is exchanged while the daemon runs belongs beneath a directory of its own
CONFIG = f"""policy_dir: {POLICIES}
allowed_signers: {SIGNERS}
issuers:
  - issuer: {ISSUER}
    audience: {CLIENT}
    jwks: {JWKS}
    owner: email
    domains: [example.com]
"""
POLICY = """apiVersion: deputy/v1
name: owned
owner: {{any_of: [{owners}]}}
profiles: [probe]
purposes:
  owned:
    ttl: 20m
    on_revoke: deny
    files:
      - {{allow: [read, list, exec], path: /usr/**}}
      - {{allow: [read], path: "/etc/**"}}
      - {{allow: [metadata], path: "/*"}}
  other:
    ttl: 20m
"""


def world():
    """alice is listed and named; bob is only listed, carol only named."""
    prepare_tokens()
    os.makedirs(HOME, mode=0o700)
    owners = [Owner(HOME, name) for name in ("alice", "bob", "carol")]
    put(SIGNERS, "".join(f'{o.name}@example.com namespaces="grant@deputy" {o.public}\n' for o in owners[:2]))
    names = [f'"{o.owner}"' for o in (owners[0], owners[2])] + [f'"oidc:{ALICE}"']
    policy = path(put("owned.yaml", POLICY.format(owners=", ".join(names))))
    put(LOGIN, f"#!/bin/sh\nexec /usr/bin/python3 {os.path.dirname(os.path.abspath(__file__))}/proofs.py {HOME}\n", 0o755)
    idp = Issuer(HOME)
    keep(idp)
    return owners, policy, idp


def keep(issuer):
    """As its keys are exchanged: to another name, and moved over the old one."""
    put(JWKS + ".new", json.dumps(issuer.jwks()))
    os.rename(JWKS + ".new", JWKS)


# ---- killed and started ----


def restarted():
    lasting, revoked = Held(Framework(0)), Held(Framework(0))
    _, once = exchange(lasting.agent, txn_form(bound_to="grant"))
    assert daemon.ask("revoke", revoked.grant, "--mode", "deny").returncode == 0
    tap.equal("before", (lasting.state(), revoked.state(), active(once)), (Held.LIVE, Held.OVER, True))
    signs = [k["kid"] for k in call("GET", "/v1/keys")[1]["keys"]]
    tap.that("every process of the daemon is killed", daemon.kill())
    tap.that("a service knows soon that nobody tells of ends", wait_for(lambda: lasting.edge.check() == "ESTALE", 10),
             lasting.edge.check())
    tap.equal("what has ended is over all the same", revoked.edge.check() in ("EKEYREVOKED", "ESTALE"), True)
    with open(daemon.config, "r+", encoding="utf-8") as f:
        before = f.read()
        f.write(CONFIG)
    tap.that("another starts, which knows owners", daemon.start(), daemon.words())
    put(daemon.config, before)  # other families' daemons know of no owners
    tap.equal("with the same keys", [k["kid"] for k in call("GET", "/v1/keys")[1]["keys"]], signs)
    tap.equal("a live grant's chain is what it was, tokens for the outside are remembered by nobody", lasting.state(),
              (False, True, 1, 0, "OK"))
    tap.equal("nor is one of a transaction", active(once), False)
    tap.equal("what was revoked stays so", revoked.state(), Held.OVER)
    tap.equal("the agent asks for others", active(bound(lasting.agent)), True)
    for each in (lasting, revoked):
        each.agent.end()


# ---- by SSH keys ----


def command(*proof, does=(PROBE, "create", "tree/ran")):
    how = ("--owner-proof", *proof) if proof else ()
    terms = ("--policy", policy, "--purpose", "owned", "--ttl", "10m", "--workdir", ROOT)
    return [DEPUTY, "run", *terms, *how, "--", *does]


def none_ran(name):
    if not tap.that(f"{name}: nothing was run", not os.path.exists(path("tree/ran"))):
        os.unlink(path("tree/ran"))


def refused(name, done, log, owner="uid:0"):
    tap.equal(f"{name}: refused", (done.returncode, done.stdout), (77, ""))
    none_ran(name)
    tap.that(f"{name}: told of", log.find(type="grant", op="refused", owner=owner), done.stderr)
    log.mark()


def by_key():
    log, keys = Log(), SshAgent(HOME, *owners)
    go = lambda *proof: subprocess.run(command(*proof), cwd=ROOT, capture_output=True, text=True, check=False, env=keys.env)
    refused("root without a proof", go(), log)
    for who, name in ((bob, "a key that the policy does not name"), (carol, "a key that the host does not know")):
        refused(name, go(f"ssh:{who.file}.pub"), log)
    mine = Framework(0, before=command(f"ssh:{alice.file}.pub", does=()), env=keys.env)
    have = own(mine)
    tap.equal("a key that is both is an owner",
              (have["owner"], have["assurance"], claims(have["token"])["assurance"]["method"]), (alice.owner, "ssh", "ssh"))
    tap.that("which is told of", log.find(type="grant", op="minted", grant=have["grant"], owner=alice.owner))
    err, token = exchange(mine, txn_form())
    tap.equal("and answers for its tokens", (err, claims(token)["sub"], claims(token)["assurance"]["method"], active(token)),
              ("OK", alice.owner, "ssh", True))
    words = ("renew", "--policy", policy, "--ttl", "10m", have["grant"])
    again = lambda *more: subprocess.run([DEPUTY, *words, *more], capture_output=True, text=True, check=False, env=keys.env)
    tap.equal("it does not go on without another signature", again().returncode, 77)
    tap.equal("but by one", again("--owner-proof", f"ssh:{alice.file}.pub").returncode, 0)
    tap.equal("by fingerprint it is revoked", daemon.ask("revoke", "--key", alice.fingerprint).returncode, 0)
    tap.equal("with its tokens", (active(token), active(have["token"])), (False, False))
    mine.end()
    keys.end()


def untagged(**options):
    return Framework(0, before=("/usr/bin/env",), **options)


def by_statement():
    """ssh-keygen signs; each nonce is asked for by who asks for the grant, or not."""
    log, asking, other = Log(), untagged(), untagged(user=65534, group=65534, extra_groups=[])
    with open(policy, encoding="utf-8") as f:
        ask = {"policy": {"name": "owned.yaml", "text": f.read()}, "purpose": "owned", "ttl": "10m", "workdir": ROOT}
    nonce = lambda who=asking: who.ask("post", "/v1/nonce")

    def proven(text, namespace="grant@deputy", who=asking, **changed):
        proof = {"type": "ssh", "statement": text, "signature": alice.sign(text, namespace)}
        return who.ask("post", "/v1/grants", {**ask, **changed, "proof": proof})["status"]

    more = {**ask["policy"], "text": ask["policy"]["text"] + "# more\n"}
    cases = (("for another purpose", statement(nonce(), ask), {"purpose": "other"}),
             ("for longer", statement(nonce(), ask), {"ttl": "20m"}),
             ("for another place", statement(nonce(), ask), {"workdir": "/usr"}),
             ("of another policy", statement(nonce(), ask), {"policy": more}),
             ("in another namespace", statement(nonce(), ask), {"namespace": "file"}),
             ("for another host", statement(nonce(), ask, aud="elsewhere"), {}),
             ("with another user's nonce", statement(nonce(other), ask), {}),
             ("with a nonce of nobody's", statement({**nonce(), "nonce": "A" * 43}, ask), {}))
    for name, text, changed in cases:
        tap.equal(f"what alice signed {name} is no proof", proven(text, **changed), 403)
        tap.that(f"{name}: told of", log.find(type="grant", op="refused", owner="uid:0"))
        log.mark()
    text = statement(nonce(), ask)
    used = {"type": "ssh", "statement": text, "signature": alice.sign(text)}
    said = asking.ask("post", "/v1/grants", {**ask, "proof": used})
    tap.equal("what she signed for this is", (said["status"], said.get("owner")), (201, alice.owner))
    tap.equal("who has a grant has no other by a proof",
              asking.ask("post", "/v1/grants", {**ask, "proof": used})["status"], 403)
    tap.that("which is told of by its grant", log.find(type="grant", op="refused", grant=said["grant"]))
    fresh = untagged()
    tap.equal("and nobody by what was used", fresh.ask("post", "/v1/grants", {**ask, "proof": used})["status"], 403)
    for each in (asking, other, fresh):
        each.end()


# ---- by ID tokens ----


def log_in(make):
    """A login for the nonce that is asked for, and what came of it."""
    pipe = subprocess.PIPE
    run = subprocess.Popen(command("oidc:-"), cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    nonce = re.search("nonce ([A-Za-z0-9_-]+);", run.stderr.readline()).group(1)
    out, err = run.communicate(make(nonce))
    return subprocess.CompletedProcess(run.args, run.returncode, out, err)


def by_login():
    now, other, log = int(time.time()), Issuer(HOME, "other"), Log()
    cases = (("for another client", {"aud": "elsewhere"}), ("for another login", {"nonce": answers("x")}),
             ("expired", {"iat": now - 500, "exp": now - 200}), ("of another issuer", {"iss": "https://else.example"}),
             ("of another owner", {"email": "bob@example.com"}))
    for name, changed in cases:
        refused(f"an ID token {name}", log_in(lambda nonce, c=changed: idp.id_token(**{"nonce": nonce, **c})), log)
    other.kid = idp.kid
    refused("an ID token by another key of the same name", log_in(other.id_token), log)
    unsigned = lambda nonce: idp.id_token(nonce, {"alg": "none"}).rsplit(".", 1)[0] + "."
    refused("an ID token that nobody signed", log_in(unsigned), log)
    done = log_in(idp.id_token)
    tap.equal("one for this login is a proof", (done.returncode, done.stdout.split()[:1], os.path.exists(path("tree/ran"))),
              (0, ["OK"], True))
    os.unlink(path("tree/ran"))
    tap.that("which is told of", log.find(type="grant", op="minted", owner=f"oidc:{ALICE}"))
    keep(other)
    refused("by the issuer's new keys the old one's is none", log_in(idp.id_token), log)
    tap.equal("the new one's is", log_in(other.id_token).returncode, 0)
    os.unlink(path("tree/ran"))
    keep(idp)


def ended_by_issuer():
    mine, log = Framework(0, before=command(f"oidc-command:{LOGIN}", does=())), Log()
    have = own(mine)
    tap.equal("a program that logs in", (have["owner"], have["assurance"], claims(have["token"])["assurance"]["issuer"]),
              (f"oidc:{ALICE}", "oidc", ISSUER))
    _, token = exchange(mine, txn_form(bound_to="grant"))
    tap.equal("the owner answers for its tokens", (claims(token)["sub"], active(token)), (f"oidc:{ALICE}", True))
    tell = lambda text: call("POST", "/v1/sets", text, "application/secevent+jwt")[0]
    time.sleep(1.1)  # an event tells of what began in a second before its own
    other = Issuer(HOME, "other")
    other.kid = idp.kid
    tap.equal("an event by another key ends nothing", (tell(other.session_revoked()), active(token)), (400, True))
    about = idp.session_revoked(sub_id={"format": "email", "email": "bob@example.com"})
    tap.equal("nor one about another", (tell(about), active(token)), (202, True))
    tap.equal("by the issuer's the agent is revoked", (tell(idp.session_revoked()), active(token), active(have["token"])),
              (202, False, False))
    tap.that("which is told of", log.find(type="grant", op="revoked", grant=have["grant"]))
    tap.that("and lives on for nothing", alive(mine.pid))
    mine.end()


def kept_from_agents():
    """Under a policy of everything nobody adds an owner."""
    mine, log = agent("all"), Log()
    for name in (SIGNERS, JWKS, daemon.config):
        put("tree/mine", "x")
        tries = [mine.ask(f"{words} {name}") for words in ("write", "truncate", "rename tree/mine", "unlink")]
        tap.equal(f"{os.path.basename(name)} is no agent's to change", tries, ["EPERM"] * 4)
        told = {"type": "file", "errno": "EPERM", "reason": "guarded", "pid": mine.pid}
        tap.that("which is told of", log.find(op="write", path=name, **told))
    tap.equal("what lies beside is", mine.ask(f"write {path('tree/mine')}"), "OK")
    mine.end()


owners, policy, idp = world()
alice, bob, carol = owners
tap.run(restarted, by_key, by_statement, by_login, ended_by_issuer, kept_from_agents)
