# SPDX-License-Identifier: Apache-2.0
"""What runs: programs, interpreters, programs without a name, code that is mapped; and what they may become."""
import os
import shutil

from cases import ANY, Bench, Case
from kt import PROBE, Agent, Log, Tap, Twin, agent, path, put

tap = Tap()
DENY = "deny exec path ${workdir}/programs/denied"
LOADER = "/usr/lib64/ld-linux-x86-64.so.2"


def program(name, mode=0o755):
    put(name)
    shutil.copy(PROBE, path(name))
    os.chmod(path(name), mode)


def world():
    for name in ("programs/good", "programs/denied", "none/program", "readable/program", "tree/program"):
        program(name)
    put("none/sentinel")
    put("programs/script", f"#!{PROBE} quiet\n", 0o755)
    put("programs/badscript", f"#!{path('programs/denied')} quiet\n", 0o755)
    put("none/script", f"#!{PROBE} quiet\n", 0o755)


GOOD = "run programs/good quiet"
PROGRAMS = (
    Case("a denied program", "run programs/denied quiet", GOOD, op="exec", path="programs/denied", rule=DENY),
    Case("a program that no rule names", "run none/program quiet", GOOD, op="exec", path="none/program", rule=None),
    Case("a program that may be read only", "run readable/program quiet", ["read readable/program", GOOD], op="exec",
         path="readable/program", rule=None),
    Case("a script with a denied interpreter", "run programs/badscript", "run programs/script", op="exec",
         path="programs/denied", rule=DENY),
    Case("a denied script", "run none/script", "run programs/script", op="exec", path="none/script", rule=None),
    Case("a program by a descriptor of its copy in memory", f"run-memfd {PROBE}", GOOD, op="exec", path=ANY,
         anon=True),
    Case("a denied program mapped as code", "map-exec programs/denied",
         ["map-exec programs/good", "read programs/denied"], op="exec", path="programs/denied", rule=DENY),
    Case("a denied program made code after it was mapped", "map-exec programs/denied late",
         "map-exec programs/good late", op="exec", path="programs/denied", rule=DENY),
)


def programs():
    for case in PROGRAMS:
        if case.does.startswith("run"):
            case.event["pid"] = ANY  # the child's
    bench.check(*PROGRAMS)
    bench.same("memory of nobody's file may be code", "map-anonymous private")
    bench.same("such memory may be shared", "map-anonymous shared")
    bench.same("a deleted copy runs where running is granted", f"run-deleted {PROBE} tree/copy")


def descriptors():
    """The verdict is the object's: O_PATH asks for nothing, and a name that is gone changes nothing."""
    bench.agent.ask("hold programs/denied p")
    by_path = bench.agent.detail
    bench.check(Case("a denied program by O_PATH", f"run-fd {by_path}", GOOD, twin="EBADF", pid=ANY, op="exec",
                     path="programs/denied", rule=DENY))
    os.unlink(path("programs/denied"))
    bench.check(Case("a denied program whose name is gone", f"run-fd {by_path}", GOOD, twin="EBADF", pid=ANY, op="exec",
                     path="programs/denied", rule=DENY))
    program("programs/denied")


def loader():
    """ld.so maps the program that it is told to run."""
    if not os.path.exists(LOADER):
        return tap.skip("ld.so does not run a denied program", "another loader")
    tool, twin, log = agent("tool"), Twin(), Log()
    ours = (tool.ask(f"status {LOADER} /usr/bin/su --help"), tool.detail)
    tap.that("ld.so does not run a denied program", ours[0] == "OK" and ours[1] != "0", ours)
    tap.that("its event", log.find(verdict="deny", op="exec", path="/usr/bin/su", rule="deny exec path /usr/bin/su"))
    tap.equal("ld.so runs another", (tool.ask(f"status {LOADER} /usr/bin/true"), tool.detail), ("OK", "0"))
    tap.equal("untagged, ld.so runs the same", (twin.ask(f"status {LOADER} /usr/bin/su --help"), twin.detail),
              ("OK", "0"))
    tool.end()
    twin.end()


def privileges():
    """Nobody's agent: a setuid program of root stays nobody's."""
    program("programs/setuid", 0o4755)
    nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    mine, twin = Agent("files", **nobody).ready(), Twin(**nobody)
    tap.equal("a setuid program gains nothing", (mine.ask("run-answer programs/setuid ids"), mine.detail),
              ("OK", "65534 65534"))
    tap.equal("untagged it does", (twin.ask("run-answer programs/setuid ids"), twin.detail), ("OK", "65534 0"))
    tap.equal("no_new_privs is set", (mine.ask("no-new-privs"), mine.detail), ("OK", "1"))
    tap.equal("and inherited", (mine.ask("in exec no-new-privs"), mine.detail), ("OK", "1"))
    twin.ask("no-new-privs")
    tap.equal("untagged it is not", twin.detail, "0")
    mine.end()
    twin.end()


def named():
    """The command of `deputy run` itself is decided too."""
    log = Log()
    refused = Agent("files", command=(path("programs/denied"), "quiet"))
    tap.equal("a denied command ends with 126", refused.process.wait(30), 126)
    tap.that("its event", log.find(verdict="deny", op="exec", path=path("programs/denied"), rule=DENY))
    tap.that("its grant ends", log.find(type="grant", op="ended"))
    tap.equal("a granted command ends with its own status",
              Agent("files", command=(path("programs/good"), "quiet")).process.wait(30), 0)


world()
bench = Bench(tap, agent("files"))
tap.run(programs, descriptors, loader, privileges, named, bench.end)
