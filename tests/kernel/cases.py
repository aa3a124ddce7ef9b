# SPDX-License-Identifier: Apache-2.0
"""Tables of refusals: each tried by the agent, the same by its untagged twin, then what the agent may."""
import os

from kt import Log, Twin, path

SENTINEL = "none/sentinel"  # granted to nobody: its event tells that all before have been written


ANY = object()  # said of an event's value that a test does not know


class Case:
    """What it does is refused to the agent, with an event; `twin` is what the untagged one gets for it."""

    def __init__(self, name, does, allow=None, errno="EACCES", twin="OK", setup=None, **event):
        self.name, self.does, self.allow, self.setup = name, does, allow, setup
        self.errno, self.twin = errno, twin
        self.event = event


class Bench:
    def __init__(self, tap, agent):
        self.tap, self.agent, self.twin, self.log = tap, agent, Twin(), Log()

    def end(self):
        self.agent.end()
        self.twin.end()

    def settle(self):
        """Returns when the events of all that was done so far are in the log."""
        seen = len(self.log.all(path=path(SENTINEL)))
        self.agent.ask("read " + path(SENTINEL))
        return self.log.find_more(seen, path=path(SENTINEL))

    def expect(self, case):
        want = {"verdict": "deny", "errno": case.errno, "pid": self.agent.pid, **case.event}
        if "path" in want and isinstance(want["path"], str):
            want["path"] = path(want["path"])
        if case.errno == "EACCES":
            want.setdefault("reason", "rule")
        return {k: v for k, v in want.items() if v is not ANY}

    def problems(self, case):
        if case.setup:
            case.setup()
        self.log.mark()
        have = self.agent.ask(case.does)
        if have != case.errno:
            yield f"agent: {case.does}: {have}, expected {case.errno}"
        twin = self.twin.ask(case.does)
        self.road = (case.does, have, twin)
        if twin != case.twin:
            yield f"untagged: {case.does}: {twin}, expected {case.twin}"
        for op in [case.allow] if isinstance(case.allow, str) else case.allow or []:
            allowed = self.agent.ask(op)
            if allowed != "OK":
                yield f"agent: {op}: {allowed}, expected OK"
        yield from self.event_problems(case)

    def event_problems(self, case):
        self.settle()
        refused = [e for e in self.log.all(verdict="deny") if e.get("path") != path(SENTINEL)]
        want, wrong = self.expect(case), []
        if not self.log.all(**want):
            wrong.append(f"no event {want}")
        # Guards stand one behind the other, in an order of the kernel's: some calls meet several.
        if len(refused) != 1 and not all(e["type"] == "guard" for e in refused):
            wrong.append(f"{len(refused)} refusals in the log, expected 1")
        if any(e.get("pid") == self.twin.pid for e in self.log.events):
            wrong.append("the untagged twin has an event")
        return wrong + [f"event {brief(e)}" for e in refused if wrong]

    def check(self, *cases):
        for case in cases:
            self.road = (case.does, "-", "-")
            self.tap.result(not (why := "\n".join(self.problems(case))), case.name, why)
            self.tap.road(case.name, *self.road)

    def same(self, name, op, agent="OK", twin="OK"):
        """What both get, without a refusal when it is OK."""
        self.log.mark()
        have = (self.agent.ask(op), self.twin.ask(op))
        self.settle()
        refused = [brief(e) for e in self.log.all(verdict="deny") if e.get("path") != path(SENTINEL)]
        good = have == (agent, twin) and (agent != "OK" or not refused)
        self.tap.result(good, name, f"{op}: agent and twin {have}, expected {(agent, twin)}\n{refused}")


def brief(event):
    keys = ("pid", "type", "op", "path", "addr", "port", "family", "errno", "reason", "rule")
    return {k: event[k] for k in keys if k in event}


def remove(*names):
    """For setups: gone, whatever it was."""
    for name in names:
        try:
            os.unlink(path(name))
        except IsADirectoryError:
            os.rmdir(path(name))
        except FileNotFoundError:
            pass
