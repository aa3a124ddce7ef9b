# SPDX-License-Identifier: Apache-2.0
"""Two names: renames and links give nobody rights that the old name did not."""
import os

from cases import ANY, Bench, Case, remove
from kt import Tap, agent, make, path, put

tap = Tap()
DENIED = "tree/denied/**"


def world(*more):
    """Everything as it was, and gone what the last test made."""
    def setup():
        remove("tree/new", "tree/denied/new", "readable/new", "created/new", "none/new", "tree/kept/new")
        for name in ("tree/a", "tree/b", "tree/denied/a", "tree/kept/a", "tree/.env", "none/a", "none/sentinel",
                     "readable/a", "created/a", "written/a"):
            put(name)
        for extra in more:
            extra()
    return setup


def directory(*names):
    def setup():
        for name in names:
            make(name)
    return setup


def without(*names):
    return lambda: remove(*names)


RENAMES = (
    Case("rename onto a denied name", "rename tree/a tree/denied/a", "rename tree/b tree/new", setup=world(),
         op="create", path="tree/denied/a", rule=DENIED),
    Case("rename to a denied name that is free", "rename tree/a tree/denied/new", "rename tree/b tree/new",
         setup=world(), op="create", path="tree/denied/new", rule=DENIED),
    Case("rename to where nothing is granted", "rename tree/a none/new", "rename tree/b tree/new", setup=world(),
         op="create", path="none/new", rule=None),
    Case("rename away from a denied name", "rename tree/denied/a tree/new", "rename tree/b tree/a", setup=world(),
         op="delete", path="tree/denied/a", rule=DENIED),
    Case("rename away from where nothing is granted", "rename none/a tree/new", "rename tree/b tree/a",
         setup=world(), op="delete", path="none/a", rule=None),
    Case("rename over a file that may not be deleted", "rename tree/a created/a", "rename tree/b created/new",
         setup=world(), op="delete", path="created/a"),
    Case("rename within a kept tree", "rename tree/kept/a tree/kept/new", "rename tree/b tree/new", setup=world(),
         op="delete", path="tree/kept/a"),
    Case("rename to where more is granted", "rename readable/a tree/new", "rename tree/a readable/a", errno="EXDEV",
         setup=world(), op="create", path="tree/new", reason="wider"),
    Case("rename from a name that a glob denies", "rename tree/.env tree/new", "rename tree/a tree/b", errno="EXDEV",
         setup=world(), op="create", path="tree/new", reason="wider"),
    Case("renameat2 without replacing", "rename-noreplace readable/a tree/new", "rename-noreplace tree/a readable/new",
         errno="EXDEV", setup=world(), op="create", path="tree/new", reason="wider"),
)

EXCHANGES = (
    Case("exchange with where less is granted", "exchange tree/a readable/a", "exchange tree/a tree/b", errno="EXDEV",
         setup=world(), op="create", path="readable/a", reason="wider"),
    Case("exchange the other way round", "exchange readable/a tree/a", "exchange tree/b tree/a", errno="EXDEV",
         setup=world(), op="create", path="tree/a", reason="wider"),
    Case("exchange with a denied name", "exchange tree/a tree/denied/a", "exchange tree/a tree/b", setup=world(),
         op="create", path="tree/denied/a", rule=DENIED),
    Case("exchange where it is denied here", "exchange tree/denied/a tree/a", "exchange tree/a tree/b", setup=world(),
         op=ANY, path="tree/denied/a", rule=DENIED),
)

DIRECTORIES = (
    Case("a directory to where other rules hold", "rename tree/d readable/d", "rename tree/e tree/f", errno="EXDEV",
         setup=world(without("tree/d", "tree/e", "tree/f", "readable/d"), directory("tree/d", "tree/e")),
         op="create", path="readable/d", reason="wider"),
    Case("a directory under which a rule names something", "rename tree/inner tree/outer", "rename tree/e tree/f",
         errno="EXDEV", op="create", path="tree/outer", reason="wider",
         setup=world(without("tree/inner", "tree/outer", "tree/e", "tree/f"), directory("tree/inner", "tree/e"))),
    Case("a directory deeper into its tree is free, onto a denied one not", "rename tree/e tree/denied/dir",
         "rename tree/d tree/f/d", op="create", path="tree/denied/dir", rule=DENIED,
         setup=world(directory("tree/d", "tree/e", "tree/f"), without("tree/f/d", "tree/f/e", "tree/denied/dir"))),
    Case("directories exchanged across rules", "exchange tree/d readable/d", "exchange tree/e tree/f", errno="EXDEV",
         setup=world(directory("tree/d", "readable/d", "tree/e", "tree/f")), op="create", path="readable/d",
         reason="wider"),
)

LINKS = (
    Case("link out of a denied tree", "link tree/denied/a tree/new", "link tree/a tree/sub/l", op="metadata",
         path="tree/denied/a", rule=DENIED, setup=world(directory("tree/sub"), without("tree/sub/l"))),
    Case("link from where nothing is granted", "link none/a tree/new", "link tree/a tree/sub/l", op="metadata",
         path="none/a", rule=None, setup=world(without("tree/sub/l"))),
    Case("link to a denied name", "link tree/a tree/denied/new", "link tree/a tree/new", setup=world(), op="create",
         path="tree/denied/new", rule=DENIED),
    Case("link to where more is granted", "link readable/a tree/new", "link tree/a readable/new", errno="EXDEV",
         setup=world(), op="create", path="tree/new", reason="wider"),
    Case("link from a name that a glob denies", "link tree/.env tree/new", "link tree/a tree/sub/l", errno="EXDEV",
         setup=world(without("tree/sub/l")), op="create", path="tree/new", reason="wider"),
)

UNNAMED = (
    Case("a file without a name where nothing is granted", "tmpfile none", "tmpfile tree", setup=world(), op="write",
         path=ANY, rule=None),
    Case("such a file gets a denied name", "tmplink tree tree/denied/new", "tmplink tree tree/new", setup=world(),
         op="create", path="tree/denied/new", rule=DENIED),
    Case("such a file gets a name where more is granted", "tmplink written tree/new", "tmplink tree created/new",
         errno="EXDEV", setup=world(), op="create", path="tree/new", reason="wider"),
)


def symlinks():
    world(without("tree/leads", "none/leads", "tree/leadsdir"))()
    os.symlink(path("none/a"), path("tree/leads"))
    os.symlink(path("tree/a"), path("none/leads"))
    os.symlink(path("tree/denied"), path("tree/leadsdir"))
    bench.check(
        Case("a symbolic link to a denied file", "read tree/leads", ["lstat tree/leads", "read tree/a"], op="read",
             path="none/a", rule=None),
        Case("a symbolic link to a denied directory", "read tree/leadsdir/a", "read tree/b", op="read",
             path="tree/denied/a", rule=DENIED),
        Case("chmod follows a symbolic link", "chmod tree/leads", "chmod tree/a", op="write", path="none/a"),
        Case("truncate follows a symbolic link", "truncate tree/leads", "truncate tree/a", op="write", path="none/a"),
    )
    bench.same("a symbolic link from where nothing is granted leads on", "read none/leads")


def two_names():
    """Links from before: each name has its own verdict, also when the other was just used."""
    world(without("tree/twin", "none/twin"))()
    os.link(path("none/a"), path("tree/twin"))
    results = [(bench.agent.ask("read tree/twin"), bench.agent.ask("read none/a")) for _ in range(20)]
    tap.equal("two names of one file have two verdicts", set(results), {("OK", "EACCES")})


def table(cases):
    def part():
        bench.check(*cases)
    part.__name__ = cases[0].name
    return part


make("tree/sub")
world()()
bench = Bench(tap, agent("files"))
tap.run(*map(table, (RENAMES, EXCHANGES, DIRECTORIES, LINKS, UNNAMED)), symlinks, two_names, bench.end)
