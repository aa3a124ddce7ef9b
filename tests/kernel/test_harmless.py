# SPDX-License-Identifier: Apache-2.0
"""Who has no grant notices nothing, and who had one leaves nothing behind."""
import difflib
import http.client
import json
import os
import re
import socket
import struct
import time

import kmsg
import workload
from bpfmaps import Map, all_memory
from daemons import Daemon
from kt import EXT4, PROBE, ROOT, Tap, agent, deputy, path, put, wait_for

tap = Tap()
SCRATCH = os.environ["KT_SCRATCH"]
LONG = bool(os.environ.get("CHECK_LONG"))
GRANTS = 400 if LONG else 24
ROUNDS = 84 if LONG else 28  # of three tasks each
TOGETHER = 4
SLOT_TASKS = 28  # offset in struct slot
SETTLE = 120 if LONG else 60  # seconds: memory of tasks is freed when RCU comes round


def noise(text):
    """Without what differs between any two runs: numbers and addresses."""
    return re.sub(r"0x[0-9a-f]+|\b[0-9a-f]{8,}\b|\d+", "N", text)


def same_work(name, want, have):
    if name not in have:
        return tap.skip(f"{name}: as without Deputy", "its program is not installed")
    unfit = [line.split()[0] for line in want.splitlines() if name == "stress" and line.endswith(" False")]
    if unfit:
        print(f"# {name}: not compared, for they fail without Deputy: {' '.join(unfit)}", flush=True)
    before, after = ([line for line in text.splitlines() if line.split(" ")[0] not in unfit] for text in (want, have[name]))
    difference = "\n".join(difflib.unified_diff(before, after, "without", "with", n=0, lineterm=""))
    return tap.that(f"{name}: as without Deputy", before == after and "status" in want, difference or want)


def unharmed():
    """Beside an agent at work whose grant may end without killing: all hooks are attached, those on reads as well."""
    with open(SCRATCH + "/harmless.json", encoding="utf-8") as f:
        before = json.load(f)
    tap.equal("compared with a host that has no Deputy", before["pins"], [])
    mine = agent("audited")
    links = os.listdir(Daemon().pin_dir())
    tap.that("the hooks on reads and writes are attached", "link-running_file_permission" in links, links)
    since = kmsg.last()
    mine.tell(f"hammer fork {path('tree/a')} 20000")
    have = workload.run_all(EXT4 or SCRATCH + "/harmless")
    mine.tell("ids")
    mine.answer()
    tally = mine.detail.split()
    tap.that("the agent beside it was at work", int(tally[1]) > 0 and tally[0] == tally[1], tally)
    mine.end()
    ran = before["work"].get("stress", "").count(" True")
    if ran:
        tap.that("without Deputy, the stressors run", ran >= 0.9 * len(workload.STRESSORS), before["work"]["stress"])
    for name, want in before["work"].items():
        same_work(name, want, have)
    known = set(map(noise, before["complaints"]))
    tap.equal("the kernel complains of nothing new", [c for c in kmsg.complaints(since) if noise(c) not in known], [])


class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(os.environ["DEPUTY_SOCKET"])


def short_agent(body):
    """A child that asks for a grant by the interface, and becomes a storm of short lives under it."""
    pid = os.fork()
    if pid:
        return pid
    try:
        connection = Unix("deputy")
        connection.request("POST", "/v1/grants", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        if answer.status == 201:
            os.execv(PROBE, ["probe", "storm", str(ROUNDS), PROBE])
    finally:
        os._exit(99)


def agents_come_and_go():
    """How many ended well, and how many were cut short by their grant's revocation."""
    with open(os.environ["KT_POLICY"], encoding="utf-8") as f:
        text = f.read()
    bodies = [json.dumps({"policy": {"name": "policy.yaml", "text": text}, "purpose": purpose, "workdir": ROOT,
                          "argv": ["storm"]}) for purpose in ("files", "kill")]
    running, good, cut = set(), 0, 0
    for n in range(GRANTS + TOGETHER):
        if n < GRANTS:
            running.add(short_agent(bodies[n % 2]))
        if n % 6 == 5:
            cut += revoke_one(n % 12 == 5)
        if len(running) >= TOGETHER or n >= GRANTS:
            pid, status = os.wait() if running else (0, 1)
            running.discard(pid)
            good += status == 0
    return good, cut


def revoke_one(kill):
    live = [g for g in json.loads(deputy("ls", "--json").stdout)["grants"] if g["state"] == "live"]
    if not live:
        return 0
    return deputy("revoke", live[-1]["grant"], "--mode", "kill" if kill else "deny").returncode == 0


def pinned(name):
    return Map.pinned(f"{Daemon().pin_dir()}/map-{name}")


def held():
    """What the maps hold, by map: nothing when no agent is alive. A table that is left is one map more on the host."""
    have = {}
    with pinned("tags") as tags:
        have["tags"] = sum(1 for _ in tags.keys())
    with pinned("slots") as slots:
        values = slots.values()
        have["slots"] = sum(1 for v in values if struct.unpack_from("II", v)[1])
        have["tasks of slots"] = sum(struct.unpack_from("I", v, SLOT_TASKS)[0] for v in values)
    with pinned("control") as control:
        have["tagged"] = struct.unpack_from("Q", control.values()[0], 8)[0]
    for name in ("alias_rooms", "scratches"):
        with pinned(name) as m:
            have[name] = sum(1 for v in m.values() if struct.unpack_from("I", v)[0])
    return have


def descriptors():
    return {role: len(os.listdir(f"/proc/{pid}/fd")) for role, pid in Daemon().roles().items()}


def nothing_left():
    empty = dict.fromkeys(("tags", "slots", "tasks of slots", "tagged", "alias_rooms", "scratches"), 0)
    wait_for(lambda: held() == empty, SETTLE, 0.5)
    tap.equal("without agents the maps are empty", held(), empty)
    maps, fds, since = all_memory(), descriptors(), kmsg.last()
    began = time.monotonic()
    good, cut = agents_come_and_go()
    print(f"# {GRANTS} grants, {good} with all their {3 * ROUNDS} tasks, {cut} revoked: "
          f"{time.monotonic() - began:.0f} s", flush=True)
    tap.that("agents came and went", good >= GRANTS // 2 and cut, f"{good} of {GRANTS}, {cut} revoked")
    wait_for(lambda: held() == empty, SETTLE, 0.5)
    tap.equal("they leave nothing in the maps", held(), empty)
    wait_for(lambda: all_memory() == maps, SETTLE, 0.5)
    tap.equal("the host has the maps and the memory in them that it had", all_memory(), maps)
    more = {role: n - fds[role] for role, n in descriptors().items() if n > fds[role]}
    tap.equal("the daemon has no descriptors more than it had", more, {})
    tap.equal("the kernel complains of nothing", kmsg.complaints(since), [])


put("tree/a")
tap.run(unharmed, nothing_left)
