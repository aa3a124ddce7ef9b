# SPDX-License-Identifier: Apache-2.0
"""Killed at any moment the daemon leaves the kernel deciding, and the next one takes over what runs."""
import json
import os
import shutil
import signal
import subprocess
import threading
import time

from daemons import Daemon, gaps, lines
from kt import DEPUTY, Agent, Log, Tap, Twin, agent, alive, path, put, wait_for

tap = Tap()
daemon = Daemon()
TTL = 12


def world():
    for name in ("tree/a", "none/a", "none/sentinel"):
        put(name)


def bury(*probes):
    """Their parent looks, so that the dead do not stay."""
    for probe in probes:
        threading.Thread(target=probe.process.wait, daemon=True).start()


def record_of(probe):
    """The file that speaks of a probe's grant."""
    for name in daemon.record():
        with open(name, "rb") as f:
            if probe.grant.encode() in f.read():
                return name
    return None


def adopted(probe):
    """The next daemon answers for it as the one before did."""
    shown = daemon.show(probe.grant)
    return shown.get("state") == "live" and shown.get("token") and shown.get("rules") and shown["tasks"] == 1


def links():
    """What is pinned, and how many clocks the kernel has: one a CPU while there are grants, nobody else's."""
    have = subprocess.run(["bpftool", "-j", "link"], capture_output=True, text=True, check=True).stdout
    return sorted(os.listdir(daemon.pin_dir())), len([each for each in json.loads(have) if each["type"] == "perf_event"])


def taken_over():
    lasting, revoked, twin = agent("files"), agent("files").deafen(), Twin()
    killer, short = agent("kill"), agent("files", "--ttl", f"{TTL}s").deafen()
    idle, asking, spinning = [agent("kill", "--ttl", f"{TTL}s") for _ in range(3)]
    bury(idle, asking, spinning, killer)
    spinning.tell("spin")
    end = time.monotonic() + TTL
    before, pinned = daemon.show(lasting.grant), links()
    tap.equal("a clock a CPU", (pinned[1], len([n for n in pinned[0] if "clock" in n])), (os.cpu_count(),) * 2)
    assert daemon.ask("revoke", revoked.grant).returncode == 0
    tap.that("every process of the daemon is killed", daemon.kill())
    log = Log()
    have = [lasting.ask("read none/a") for _ in range(50)]
    tap.equal("denied while nobody is there", have, ["EACCES"] * 50)
    tap.equal("granted while nobody is there", lasting.ask("read tree/a"), "OK")
    tap.equal("revoked while nobody is there", revoked.ask("read tree/a"), "EPERM")
    time.sleep(max(0, end - time.monotonic()) + 0.5)
    tap.equal("expired while nobody is there", short.ask("read tree/a"), "EPERM")
    tap.that("who burns time beyond it is killed by the kernel", wait_for(lambda: not alive(spinning.pid), 10))
    asking.tell("read tree/a")
    tap.that("and who asks for something", wait_for(lambda: not alive(asking.pid), 10))
    tap.that("who does nothing is left", alive(idle.pid))
    began = time.monotonic()
    tap.that("another daemon starts", daemon.start(), daemon.words())
    print(f"# takeover: {time.monotonic() - began:.1f} s until it answers", flush=True)
    tap.that("who was left is killed", wait_for(lambda: not alive(idle.pid), 10))
    tap.equal("the same is pinned, and no clock of before ticks on", links(), pinned)
    tap.that("the others live", all(map(alive, (lasting.pid, revoked.pid, killer.pid, short.pid, twin.pid))))
    tap.equal("granted, denied, revoked and expired as before",
              (lasting.ask("read tree/a"), lasting.ask("read none/a"), revoked.ask("read tree/a"),
               short.ask("read tree/a")), ("OK", "EACCES", "EPERM", "EPERM"))
    after = daemon.show(lasting.grant)
    same = ("grant", "token", "owner", "user", "policy", "policy_digest", "purpose", "expires", "rules", "chain", "argv",
            "workdir", "state", "on_revoke", "not_before", "chain_digest")
    tap.equal("a grant is shown as before", {k: after.get(k) for k in same}, {k: before.get(k) for k in same})
    tap.that("its token is good", daemon.ask("token", "verify", after.get("token", "")).returncode == 0)
    tap.equal("the revoked and the expired are shown as such",
              (daemon.show(revoked.grant).get("state"), daemon.show(short.grant).get("state")), ("revoked", "expired"))
    tap.that("what waited in the ring has its name", log.find(pid=lasting.pid, grant=lasting.grant, user="root"))
    mine = lambda: [e for e in lines() if e.get("pid") == lasting.pid and e.get("verdict") == "deny"]
    tap.that("every refusal is told of once", wait_for(lambda: len(mine()) == 51), len(mine()))
    tap.equal("and counted so", daemon.show(lasting.grant).get("denials"), 51)
    tap.equal("numbered without a gap", gaps(lines()), [])
    tap.that("the revocation is told of once", len([e for e in lines() if e.get("op") == "revoked" and
                                                    e.get("grant") == revoked.grant]) == 1)
    tap.that("the expiry is told of", wait_for(lambda: [e for e in lines() if e.get("op") == "expired" and
                                                        e.get("grant") == short.grant]))
    tap.that("the takeover is told of", log.find(type="grant", op="adopted", grant=lasting.grant))
    ends(lasting, killer, log)
    for probe in (revoked, short, twin):
        probe.end()


def delegated():
    """A chain is taken over link by link, those too that nobody acts under, and is cut as one afterwards."""
    subprocess.run(["cp", DEPUTY, path("bin/deputy")], check=True)
    child = Agent("delegating", command=("bin/deputy", "delegate", "--ttl", "20m", "--", path("bin/deputy"), "delegate",
                                         "--", path("bin/probe"))).ready().deafen()
    before = daemon.show(child.grant)
    top = daemon.show(before["parent"])["parent"]
    tap.equal("two grants above hold on without tasks", (daemon.show(top)["tasks"], daemon.show(top)["state"]), (0, "live"))
    tap.that("delegated: every process of the daemon is killed", daemon.kill())
    tap.that("delegated: another daemon starts", daemon.start(), daemon.words())
    after = daemon.show(child.grant)
    same = ("parent", "chain", "state", "expires", "owner", "assurance", "tasks")
    tap.equal("a delegated grant is shown as before", {k: after.get(k) for k in same}, {k: before.get(k) for k in same})
    tap.equal("and bound as before", (child.ask("read tree/a"), child.ask("read none/a")), ("OK", "EACCES"))
    tap.equal("the owner's own is revoked", daemon.ask("revoke", top).returncode, 0)
    tap.equal("and with it what it delegated before", child.ask("read tree/a"), "EPERM")
    tap.equal("all three are told of", {daemon.show(g).get("state") for g in (top, before["parent"], child.grant)},
              {"revoked"})
    child.end()


def ends(lasting, killer, log):
    """The end of a grant that was taken over."""
    assert daemon.ask("revoke", killer.grant).returncode == 0
    tap.that("revoking kills", wait_for(lambda: not alive(killer.pid), 10))
    tap.that("which is told of", log.find(type="grant", op="ended", grant=killer.grant))
    name = record_of(lasting)
    lasting.end()
    tap.that("a grant ends with its last task", log.find(type="grant", op="ended", grant=lasting.grant))
    tap.that("and its record with it", name and wait_for(lambda: not os.path.exists(name)), name)


def one_role(role):
    mine = agent("files")
    daemon.process = daemon.process or None
    tap.that(f"{role} killed: the others end too", daemon.kill(role))
    tap.equal(f"{role} killed: enforced as before", (mine.ask("read tree/a"), mine.ask("read none/a")), ("OK", "EACCES"))
    tap.that(f"{role} killed: the next one starts", daemon.start(), daemon.words())
    tap.that(f"{role} killed: and answers for the grant", adopted(mine), daemon.show(mine.grant))
    mine.end()


def roles():
    for role in ("warden", "broker", "recorder"):
        one_role(role)


def damaged():
    """A record that is not word for word what was written is none; its grant ends, and no other."""
    cut, turned, gone, swapped, whole = [agent("files").deafen() for _ in range(5)]
    killer = agent("kill")
    bury(killer)
    files = {probe: record_of(probe) for probe in (cut, turned, gone, swapped, whole, killer)}
    assert all(files.values()), files
    daemon.kill()
    os.truncate(files[cut], 200)
    with open(files[turned], "r+b") as f:
        at = f.read().index(b'"kill":false')
        f.seek(at)
        f.write(b'"kill":true ')
    os.unlink(files[gone])
    os.unlink(files[killer])
    shutil.copy(files[whole], files[swapped])
    with open(daemon.state + "/records/junk", "w", encoding="ascii") as f:
        f.write("junk")
    tap.that("with damaged records it starts", daemon.start(), daemon.words())
    ended = [probe.ask("read tree/a") for probe in (cut, turned, gone, swapped)]
    tap.equal("cut short, changed, gone, another's: revoked", ended, ["EPERM"] * 4)
    tap.that("without a record and to be killed: killed", wait_for(lambda: not alive(killer.pid), 10))
    tap.that("loudly", daemon.words().count("revoked a grant of 1 tasks") == 5, daemon.words())
    tap.equal("the whole one's grant is live", (whole.ask("read tree/a"), whole.ask("read none/a")), ("OK", "EACCES"))
    tap.that("and answered for", adopted(whole), daemon.show(whole.grant))
    tap.that("what is no record is gone", not os.path.exists(daemon.state + "/records/junk"))
    for probe in (cut, turned, gone, swapped, whole):
        probe.end()
    tap.that("in the end nothing is left", wait_for(lambda: daemon.status().get("grants") == 0 and
                                                    daemon.status().get("tasks") == 0 and not daemon.record()),
             (daemon.status(), daemon.record()))


def abi_set(value):
    """As if another build had left its control map: the third number in it."""
    pin = daemon.pin_dir() + "/map-control"
    have = subprocess.run(["bpftool", "-j", "map", "lookup", "pinned", pin, "key", "0", "0", "0", "0"],
                          capture_output=True, text=True, check=True).stdout
    numbers = [int(word, 16) for word in json.loads(have)["value"]]
    numbers[16:24] = list(value.to_bytes(8, "little"))
    subprocess.run(["bpftool", "map", "update", "pinned", pin, "key", "0", "0", "0", "0", "value",
                    *[f"0x{n:02x}" for n in numbers]], check=True)


def other_build():
    mine, twin = agent("files"), Twin()
    bury(mine)
    daemon.kill()
    abi_set(99)
    tap.that("over the maps of another build it does not start", not daemon.start() and daemon.process.poll() == 69)
    tap.that("and says how to go on", "deputyd --reset" in daemon.words() and "1 tasks" in daemon.words(),
             daemon.words())
    tap.equal("which goes on enforcing", (mine.ask("read tree/a"), mine.ask("read none/a")), ("OK", "EACCES"))
    done = subprocess.run(daemon.command("--reset"), capture_output=True, text=True)
    tap.equal("--reset", (done.returncode, "ended 1 tagged tasks" in done.stderr), (0, True))
    tap.that("ends what ran", not alive(mine.pid))
    tap.that("and no other", alive(twin.pid))
    tap.that("and enforces no more", not os.path.exists(daemon.pin_dir()))
    tap.that("then it starts", daemon.start(), daemon.words())
    daemon.kill()
    abi_set(99)
    tap.that("over maps of another build without tasks it starts", daemon.start(), daemon.words())
    mine = agent("files")
    tap.equal("and enforces", (mine.ask("read tree/a"), mine.ask("read none/a")), ("OK", "EACCES"))
    mine.end()
    twin.end()


def stuck_recorder():
    """It holds the log and does not end; what it had not written yet is still in the ring."""
    mine, have = agent("files"), daemon.roles()
    os.kill(have["recorder"], signal.SIGSTOP)
    tap.equal("refused while the recorder is stopped", [mine.ask("read none/a") for _ in range(20)], ["EACCES"] * 20)
    os.kill(have["warden"], signal.SIGKILL)
    daemon.gone([have["warden"], have["broker"]])
    tap.that("the recorder stays", alive(have["recorder"]))
    tap.that("the next daemon starts", daemon.start(), daemon.words())
    tap.that("and says whom it killed for that", f"killed process {have['recorder']}, the recorder" in daemon.words())
    told = lambda: [e for e in lines() if e.get("pid") == mine.pid and e.get("verdict") == "deny"]
    tap.that("every refusal is told of once", wait_for(lambda: len(told()) == 20), len(told()))
    tap.equal("numbered without a gap", gaps(lines()), [])
    mine.end()


def foreign_lock():
    """Somebody else's lock is no recorder's, whatever its name."""
    tap.that("killed", daemon.kill())
    shutil.copy("/usr/bin/flock", path("bin/deputyd-record"))
    other = subprocess.Popen([path("bin/deputyd-record"), daemon.state + "/events.jsonl", "sleep", "300"])
    wait_for(lambda: "sleep" in subprocess.run(["pgrep", "-lP", str(other.pid)], capture_output=True, text=True).stdout)
    tap.that("it does not start over another's lock", not daemon.start() and daemon.process.poll() == 69, daemon.words())
    tap.that("and says why", "another process has it locked" in daemon.words(), daemon.words())
    tap.that("and kills nobody", other.poll() is None)
    subprocess.run(["pkill", "-P", str(other.pid)], check=False)
    other.wait(10)
    tap.that("then it starts", wait_for(daemon.start), daemon.words())


def wards():
    """How many inodes are warded."""
    have = subprocess.run(["bpftool", "-j", "map", "dump", "pinned", daemon.pin_dir() + "/map-wards"],
                          capture_output=True, text=True, check=True).stdout
    return len(json.loads(have))


def warded():
    """What is Deputy's own stays closed under a grant of everything, and is closed again by the next daemon."""
    mine, key, count, pid = agent("all"), daemon.state + "/key", wards(), daemon.pid
    own = (f"flock {key} r", f"list {daemon.pin_dir()}", f"rename {daemon.socket} {daemon.socket}",
           f"rename {daemon.config} {daemon.config}", f"read {daemon.binary}", f"create {daemon.state}/new",
           f"create {daemon.run}/new")
    refused = ["EPERM"] * len(own)
    tap.equal("closed", [mine.ask(words) for words in own] + [mine.ask("read tree/a")], [*refused, "OK"])
    tap.equal("its process", (mine.ask(f"read /proc/{pid}/status"), mine.ask("read /proc/1/status")), ("EPERM", "OK"))
    log = Log()
    tap.that("killed", daemon.kill())
    tap.equal("closed without a daemon", [mine.ask(words) for words in own] + [mine.ask("read tree/a")],
              [*refused, "OK"])
    tap.that("another daemon starts", daemon.start(), daemon.words())
    tap.that("the events of the time between", log.find(pid=mine.pid, path=key, reason="guarded", errno="EPERM"))
    tap.equal("closed under the next daemon", [mine.ask(words) for words in own] + [mine.ask("read tree/a")],
              [*refused, "OK"])
    tap.equal("its process", (mine.ask(f"read /proc/{daemon.pid}/status"), mine.ask("read /proc/1/status")),
              ("EPERM", "OK"))
    tap.equal("and what was only the one's before is not any more", wards(), count)
    mine.end()


def busy_reset():
    mine = agent("files")
    done = subprocess.run(daemon.command("--reset"), capture_output=True, text=True)
    tap.equal("--reset beside a daemon is refused", (done.returncode, "in use" in done.stderr), (69, True))
    tap.equal("and nothing is ended", mine.ask("read tree/a"), "OK")
    mine.end()


world()
tap.run(taken_over, delegated, warded, roles, stuck_recorder, foreign_lock, damaged, other_build, busy_reset)
