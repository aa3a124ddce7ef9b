# SPDX-License-Identifier: Apache-2.0
"""Landlock's own selftests: as they are, against Landlock, and through tests/landlock/shim.c against Deputy."""
import ctypes
import os
import re
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from kt import ROOT, SLOW, Tap

HERE = os.path.dirname(os.path.abspath(__file__))
SUITE = os.path.realpath(HERE + "/../landlock")
BUILD = os.path.realpath(HERE + "/../../build/landlock")
CASES = SUITE + "/cases.tsv"
ABI = 6  # of the selftests' source
REASONS = """wider blind depth threads capability scope owner traceme datagram port family errno refer coarse name
    unreachable control""".split()
BUILD_COPY = ROOT + "/true"
ENVIRONMENT = {**os.environ, "SHIM_DAEMON": ROOT + "/run"}
LONG = bool(os.environ.get("CHECK_LONG"))
tap = Tap()


class Result:
    def __init__(self, status, lines):
        self.status, self.lines = status, lines

    def notes(self):
        """What the shim said, by reason."""
        return {m[1]: m[2] for m in (re.match(r"# shim: (\w+): (.*)", line) for line in self.lines) if m}

    def why(self):
        return "\n".join(line for line in self.lines if re.search(r"Expected|shim:|terminated|by signal", line))


def results_of(text):
    """Each case's result with what was printed while it ran."""
    found, lines = {}, []
    for line in text.splitlines():
        end = re.match(r"(ok|not ok) \d+ (\S+)(.*)", line)
        if line.startswith("#  RUN "):
            lines = []
        elif end:
            skip = "# SKIP" in end[3]
            found[end[2]] = Result("skip" if skip else "pass" if end[1] == "ok" else "fail", lines)
        else:
            lines.append(line)
    return found


def cases_of(program):
    """What `-l` lists, in columns of fixture, variant and test that are as wide as they need: the names of all cases."""
    out = subprocess.run([program, "-l"], capture_output=True, text=True, env=ENVIRONMENT).stderr
    for block in re.split(r"^-+\n", out, flags=re.M):
        rows, fixture = [], None
        for line in block.splitlines():
            if line.startswith("# FIXTURE"):
                continue
            first = line[: max(20, len(line.split(" ", 1)[0]))].strip()
            rest = line[max(20, len(first)) + 1 :]
            variant = rest[: max(25, len(rest.split(" ", 1)[0]))].strip()
            fixture = fixture or first
            rows.append((variant, rest[max(25, len(variant)) + 1 :].strip()))
        variants = [v for v, _ in rows if v] or [""]
        yield from (".".join(part for part in (fixture, v, t) if part) for v in variants for _, t in rows if t)


def run_case(kind, program, case):
    """In a folder of its own: a case that fails leaves things behind."""
    folder = f"{ROOT}/landlock/{kind}-{program}-{case}"
    os.makedirs(folder)
    os.link(BUILD_COPY, folder + "/true")
    try:
        run = subprocess.run([f"{BUILD}/{kind}/{program}", "-r", case], cwd=folder, env=ENVIRONMENT, text=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=4 * SLOW)
        text = run.stdout
    except subprocess.TimeoutExpired as e:
        text = (e.stdout or b"").decode() + "# did not end\n"
    shutil.rmtree(folder, ignore_errors=True)
    return text


def run_all(kind, only=None):
    """(program, case) -> Result. Three at a time, since some wait. `only` those, and what no list knows."""
    begin, results = time.monotonic(), {}
    programs = sorted(os.listdir(f"{BUILD}/{kind}"))
    wanted = [(p, c) for p in programs for c in cases_of(f"{BUILD}/{kind}/{p}")]
    if only is not None:
        wanted = [(p, c) for p, c in wanted if only.get((p.removesuffix("_test"), c), "pass") == "pass"]
    with ThreadPoolExecutor(3) as pool, open(f"{BUILD}/{kind}-{os.uname().release}.log", "w") as log:
        for (program, case), text in zip(wanted, pool.map(lambda w: run_case(kind, *w), wanted)):
            log.write(text)
            results[program.removesuffix("_test"), case] = results_of(text).get(case, Result("fail", ["# did not end"]))
    shown(kind, results, time.monotonic() - begin)
    return results


def shown(kind, results, seconds):
    for program in dict.fromkeys(p for p, _ in results):
        mine = [r.status for (p, _), r in results.items() if p == program]
        counts = ", ".join(f"{mine.count(s)} {s}" for s in ("pass", "fail", "skip"))
        print(f"# {kind}: {program}: {counts}", flush=True)
    print(f"# {kind}: {len(results)} cases in {seconds:.0f} s", flush=True)


def cases_read():
    """The version that the list was made of, and (program, case) -> expectation."""
    version, cases = "", {}
    with open(CASES) as lines:
        for line in lines:
            if line.startswith("# linux-source"):
                version = line.split()[-1]
            elif not line.startswith("#"):
                program, case, expected = line.rstrip("\n").split("\t")[:3]
                cases[program, case] = expected
    return version, cases


def problem(expected, result):
    """What is wrong with a result, or nothing."""
    if expected not in ("pass", *REASONS):
        return f"no such reason: {expected}"
    if expected == "pass":
        return "" if result.status == "pass" else f"{result.status}, listed as passing"
    if result.status == "pass":
        return f"passes, listed as not applicable: {expected}"
    noted = set(result.notes())
    if expected in ("wider", "depth", "threads"):
        return "" if expected in noted else f"failed, but not for want of {expected}"
    return f"listed as {expected}, but failed for another reason" if noted else ""


def compare():
    listed_of, cases = cases_read()
    results = run_all("deputy", None if LONG else cases)
    with open(BUILD + "/version") as f:
        same = f.read().strip() == listed_of
    for key, result in results.items():
        name = f"{key[0]}: {key[1]}"
        if key in cases:
            wrong = problem(cases[key], result)
            reason = "" if wrong or cases[key] == "pass" else f"not applicable, and fails: {cases[key]}"
            tap.result(not wrong, name, f"{wrong}\n{result.why()}", skip=reason)
        elif same:
            tap.result(False, name, f"{result.status}, not in cases.tsv\n{result.why()}")
        else:
            tap.skip(name, f"{result.status}: not in cases.tsv, which was made of {listed_of}")
    missing = [key for key in cases if key not in results and (LONG or cases[key] == "pass")]
    tap.that("every case of the list has run", not missing or not same, f"{missing}")


def landlock_abi():
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.syscall(444, None, ctypes.c_size_t(0), 1)


def control():
    """How Landlock itself does on this kernel, so that what the machine makes fail is known."""
    if not LONG:
        return
    if landlock_abi() != ABI:
        tap.skip("control", f"Landlock's ABI here is {landlock_abi()}, the selftests are for {ABI}")
        return
    results = run_all("control")
    _, cases = cases_read()
    bad = {key: r.status for key, r in results.items() if r.status != "pass" and cases.get(key) != "control"}
    tap.equal("Landlock itself fails only what is listed as control", bad, {})
    good = [key for key, r in results.items() if r.status == "pass" and cases.get(key) == "control"]
    tap.equal("what is listed as control fails", good, [])


def prepare():
    subprocess.run([SUITE + "/build"], check=True)
    shutil.copy(BUILD + "/true", BUILD_COPY)
    subprocess.run(["modprobe", "overlay"], check=False)


tap.run(prepare, control, compare)
