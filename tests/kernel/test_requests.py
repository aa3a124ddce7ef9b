# SPDX-License-Identifier: Apache-2.0
"""What is asked wrongly is refused with a status that says how; nothing is run; the daemon goes on."""
import os
import subprocess

from kt import DEPUTY, PROBE, ROOT, STATE, Log, Tap, deputy, path, put

tap = Tap()
HEAD = 'apiVersion: deputy/v1\nname: p\nowner: {any_of: ["uid:*"]}\n'
BODY = 'purposes: {p: {ttl: 1m, files: [{allow: [read, exec, create, write], path: "${workdir}/**"}]}}\n'
POLICIES = {
    "good": HEAD + BODY,
    "not-yaml": "purposes: [}",
    "empty": "",
    "no-purpose": HEAD,
    "unknown-key": HEAD + BODY + "extra: 1\n",
    "unknown-operation": HEAD + BODY.replace("create", "make"),
    "relative-path": HEAD + BODY.replace("${workdir}/", ""),
    "hold": HEAD + BODY.replace("allow", "hold"),
    "unknown-variable": HEAD + BODY.replace("workdir", "worddir"),
    "unknown-profile": HEAD + "profiles: [nowhere]\n" + BODY,
    "no-version": HEAD.replace("deputy/v1", "deputy/v9") + BODY,
    "others": HEAD.replace("uid:*", "uid:4711") + BODY,
    "zeros": "\0" * 100,
}
USAGE, DATA, NOINPUT, UNAVAILABLE, REFUSED = 64, 65, 66, 69, 77

# name, policy, options, exit status, a part of what stderr says
RUNS = (
    ("a purpose that the policy does not have", "good", ("--purpose", "q"), REFUSED, "q"),
    ("a ttl over the purpose's own", "good", ("--ttl", "2m"), REFUSED, ""),
    ("a ttl over the host's", "good", ("--ttl", "25h"), None, ""),
    ("a ttl of nothing", "good", ("--ttl", "0s"), None, ""),
    ("a ttl that is none", "good", ("--ttl", "soon"), None, ""),
    ("no YAML", "not-yaml", (), DATA, "not-yaml.yaml:1"),
    ("no text", "empty", (), DATA, ""),
    ("no purposes", "no-purpose", (), DATA, "purposes"),
    ("an unknown key", "unknown-key", (), DATA, "unknown-key.yaml:5:1"),
    ("an unknown operation", "unknown-operation", (), DATA, "make"),
    ("a relative path", "relative-path", (), DATA, ""),
    ("what this version does not enforce", "hold", (), DATA, "hold"),
    ("an unknown variable", "unknown-variable", (), DATA, "worddir"),
    ("an unknown profile", "unknown-profile", (), DATA, "nowhere"),
    ("another version of the language", "no-version", (), DATA, "deputy/v9"),
    ("a policy for other owners", "others", (), REFUSED, ""),
    ("bytes that are no text", "zeros", (), DATA, ""),
    ("a file that is not there", "absent", (), NOINPUT, "absent"),
    ("a working directory that is not there", "good", ("--workdir", "/nowhere"), NOINPUT, "nowhere"),
    ("a descriptor that is not open", "good", ("--keep-fd", "99"), USAGE, "99"),
    ("an unknown option", "good", ("--frob",), USAGE, ""),
)


def run(policy, *options, command=None):
    words = ["--purpose", "p", "--workdir", ROOT, *options]
    return deputy("run", "--policy", f"{path('policies')}/{policy}.yaml", *words, "--",
                  *(command or (PROBE, "create", path("tree/started"))))


def started():
    there = os.path.exists(path("tree/started"))
    if there:
        os.unlink(path("tree/started"))
    return there


def control():
    done = run("good")
    tap.equal("asked rightly it runs", (done.returncode, started()), (0, True))


def refusals():
    for name, policy, options, status, text in RUNS:
        done = run(policy, *options)
        right = done.returncode == status if status else done.returncode in (USAGE, DATA, REFUSED)
        tap.that(f"{name} is refused", right and text in done.stderr and not started() and done.stderr,
                 f"status {done.returncode}, expected {status}\n{done.stderr}")


def commands():
    tap.equal("a command that is not there", run("good", command=("/nowhere",)).returncode, 127)
    put("tree/text", "no program\n", 0o644)
    tap.equal("a command that is no program", run("good", command=(path("tree/text"),)).returncode, 126)
    quiet = subprocess.run([DEPUTY, "--socket", "/nowhere", "ls"], capture_output=True, text=True, check=False)
    tap.equal("no daemon", quiet.returncode, UNAVAILABLE)


def logged():
    log.read()
    said = [e.get("text") for e in log.all(type="grant", op="refused")]
    tap.that("refusals to grant are in the log", len(said) >= 3, said)


def second_daemon():
    """One state, one daemon: the second says what is wrong and leaves the first alone."""
    done = subprocess.run([os.environ["KT_DEPUTYD"], "--config", "/dev/null", "--state-dir", STATE, "--runtime-dir",
                           path("run"), "--foreground"], capture_output=True, text=True, timeout=100, check=False)
    tap.equal("a second daemon is refused", done.returncode, UNAVAILABLE)
    tap.that("and says why", STATE in done.stderr and "in use" in done.stderr, done.stderr)


def alive():
    tap.equal("the daemon is alive", deputy("ls").returncode, 0)
    tap.equal("and grants", (run("good").returncode, started()), (0, True))


for policy_name, policy_text in POLICIES.items():
    put(f"policies/{policy_name}.yaml", policy_text)
put("tree/a")
started()
log = Log()
tap.run(control, refusals, commands, logged, alive, second_daemon, alive)
