# SPDX-License-Identifier: Apache-2.0
"""One file, one operation: what each stands for, by which rule it is decided, and that the event says so."""
import os

from cases import Bench, Case, remove
from kt import Tap, agent, make, path, put

tap = Tap()
LONG = "n" * 251


def world():
    for name in ("tree/a", "tree/denied/a", "tree/kept/a", "tree/.env", "tree/sub/.env", "exact/file", "exact/other",
                 "exact/file2", "glob/x.txt", "glob/x.dat", "glob/sub/x.txt", "glob/prepost", "glob/pre-post",
                 "glob/prost", "glob/d/one", "glob/d/e/one", "seen/a", "listed/a", "written/a", "created/a",
                 "readable/a", "none/a", "none/sentinel", f"glob/{LONG}.txt", f"glob/{LONG}.tx_"):
        put(name)
    for name in ("tree/dir", "tree/denied/dir", "tree/kept/dir", "none/dir"):
        make(name)


def fresh(*names):
    """Setups: the names are made anew."""
    def setup():
        for name in names:
            (make if name.endswith("dir") else put)(name)
    return setup


def gone(*names):
    return lambda: remove(*names)


DENIED = "deny read,write,exec,create,delete,list,metadata path ${workdir}/tree/denied/**"
KEPT = "deny write,create,delete path ${workdir}/tree/kept/**"


def by_rule(name, verb, op, rest="", allow="tree/a", leaf="a", **more):
    """The operation where a rule denies it, inside a tree where it is allowed."""
    return Case(f"{name} by a deny inside an allowed tree", f"{verb} tree/denied/{leaf}{rest}",
                allow=f"{verb} {allow}{rest}", op=op, path=f"tree/denied/{leaf}", type="file", rule=DENIED, **more)


OPENS = (
    by_rule("read", "read", "read"),
    by_rule("write", "write", "write"),
    by_rule("open with O_TRUNC", "empty", "write"),
    by_rule("open for reading and writing", "readwrite", "read"),
    by_rule("list", "list", "list", leaf="dir", allow="tree/dir"),
    by_rule("stat", "stat", "metadata"),
    by_rule("lstat", "lstat", "metadata"),
    by_rule("truncate", "truncate", "write"),
    by_rule("chmod", "chmod", "write"),
    by_rule("chown", "chown", "write"),
    by_rule("O_PATH and open again through proc", "reopen", "read"),
    Case("reading where no rule is", "read none/a", "read tree/a", op="read", path="none/a", rule=None),
    Case("writing where no rule is", "write none/a", "write tree/a", op="write", path="none/a", rule=None),
    Case("listing where no rule is", "list none/dir", "list tree/dir", op="list", path="none/dir", rule=None),
    Case("stat where no rule is", "stat none/a", "stat tree/a", op="metadata", path="none/a", rule=None),
)

MAKES = tuple(
    Case(f"{verb} {why}", f"{verb}{first} {where}/new{leaf}", allow and f"{verb}{first} {allow}{leaf}", op="create",
         path=f"{where}/new{leaf}", rule=rule, setup=gone(f"{where}/new{leaf}", "tree/newlink", f"tree/new{leaf}"))
    for verb, first, leaf, allow in (("create", "", "", "tree/new"), ("mkdir", "", "dir", "tree/new"),
                                     ("mkfifo", "", "fifo", "tree/new"), ("mkdev", "", "dev", None),
                                     ("symlink", " a", "", "tree/newlink"))
    for where, why, rule in (("tree/denied", "by a rule", DENIED), ("none", "by none", None),
                             ("tree/kept", "where reading is granted", KEPT))
)

REMOVES = (
    Case("unlink by a rule", "unlink tree/denied/a", "unlink tree/u", setup=fresh("tree/denied/a", "tree/u"),
         op="delete", path="tree/denied/a", rule=DENIED),
    Case("unlink by none", "unlink none/u", "unlink tree/u", setup=fresh("none/u", "tree/u"), op="delete",
         path="none/u", rule=None),
    Case("unlink where reading is granted", "unlink tree/kept/u", "unlink tree/u",
         setup=fresh("tree/kept/u", "tree/u"), op="delete", path="tree/kept/u", rule=KEPT),
    Case("unlink where creating is granted", "unlink created/a", "unlink readable/a",
         setup=fresh("created/a", "readable/a"), op="delete", path="created/a"),
    Case("rmdir by a rule", "rmdir tree/denied/dir", "rmdir tree/dir", setup=fresh("tree/denied/dir", "tree/dir"),
         op="delete", path="tree/denied/dir", rule=DENIED),
    Case("rmdir by none", "rmdir none/dir", "rmdir tree/dir", setup=fresh("none/dir", "tree/dir"), op="delete",
         path="none/dir", rule=None),
)

ENV = "deny read path **/.env"
PATTERNS = (
    Case("**/name in a tree", "read tree/.env", ["write tree/.env", "stat tree/.env"], op="read", path="tree/.env",
         rule=ENV, setup=lambda: [put("tree/.env"), put("tree/sub/.env"), put("tree/a")]),
    Case("**/name deeper", "read tree/sub/.env", "read tree/a", op="read", path="tree/sub/.env", rule=ENV),
    Case("an exact name's neighbour", "read exact/other", "read exact/file", op="read", path="exact/other", rule=None),
    Case("an exact name and more", "read exact/file2", "read exact/file", op="read", path="exact/file2", rule=None),
    Case("writing what may be read", "write exact/file", "read exact/file", op="write", path="exact/file"),
    Case("listing the directory of an exact name", "list exact", ["stat exact", "list tree"], op="list", path="exact"),
    Case("a suffix that differs", "read glob/x.dat", "read glob/x.txt", op="read", path="glob/x.dat", rule=None),
    Case("one component is not two", "read glob/sub/x.txt", "read glob/x.txt", op="read", path="glob/sub/x.txt"),
    Case("prefix and suffix do not overlap", "read glob/prost", ["read glob/prepost", "read glob/pre-post"], op="read",
         path="glob/prost"),
    Case("* stands for one component", "read glob/d/e/one", "read glob/d/one", op="read", path="glob/d/e/one"),
    Case("names of 255 bytes", f"read glob/{LONG}.tx_", f"read glob/{LONG}.txt", op="read", path=f"glob/{LONG}.tx_"),
)

# A right is not another one, whichever the object.
RIGHTS = (
    Case("metadata is not read", "read seen/a", "stat seen/a", op="read", path="seen/a"),
    Case("metadata is not write", "chmod seen/a", "stat seen/a", op="write", path="seen/a"),
    Case("list is not read", "read listed/a", ["list listed", "stat listed/a"], op="read", path="listed/a"),
    Case("write is not read", "read written/a", "write written/a", op="read", path="written/a"),
    Case("write is not create", "create written/new", "write written/a", op="create", path="written/new",
         setup=gone("written/new")),
    Case("write is not delete", "unlink written/b", "write written/a", op="delete", path="written/b",
         setup=fresh("written/b")),
    Case("write is not list", "list written", "write written/a", op="list", path="written"),
    Case("create is not read", "read created/a", "write created/a", op="read", path="created/a",
         setup=fresh("created/a")),
    Case("read is not write", "write readable/a", "read readable/a", op="write", path="readable/a",
         setup=fresh("readable/a")),
    Case("read is not list", "list readable", "read readable/a", op="list", path="readable"),
)


def descriptors():
    """By a descriptor that was opened when it was granted; then the file is moved to where it is not."""
    world()
    put("tree/fd")
    bench.agent.ask("hold tree/fd w")
    mine = bench.agent.detail
    bench.same("stat by a descriptor", f"fstat-fd {mine}", twin="EBADF")
    bench.same("ftruncate by a descriptor", f"ftruncate-fd {mine}", twin="EBADF")
    os.rename(path("tree/fd"), path("none/fd"))
    where = {"path": "none/fd", "rule": None, "twin": "EBADF"}
    bench.check(
        Case("ftruncate after the file moved away", f"ftruncate-fd {mine}", op="write", **where),
        Case("fchmod after the file moved away", f"fchmod-fd {mine}", op="write", **where),
        Case("fchown after the file moved away", f"fchown-fd {mine}", op="write", **where),
        Case("fstat after the file moved away", f"fstat-fd {mine}", op="metadata", **where),
    )
    os.rename(path("none/fd"), path("tree/fd"))
    bench.same("ftruncate after it came back", f"ftruncate-fd {mine}", twin="EBADF")
    for kind in ("pipe", "socket", "eventfd", "memfd"):
        bench.same(f"a {kind} of one's own", f"nameless {kind}")
    bench.same("a name that is not there is not there", "read tree/nothing", "ENOENT", "ENOENT")
    bench.same("a name that is not there where nothing is granted", "read none/nothing", "ENOENT", "ENOENT")
    bench.same("a file that is there already", "create tree/a", "EEXIST", "EEXIST")


def table(cases):
    def part():
        world()
        bench.check(*cases)
    part.__name__ = cases[0].name
    return part


world()
bench = Bench(tap, agent("files"))
tap.run(*map(table, (OPENS, MAKES, REMOVES, PATTERNS, RIGHTS)), descriptors, bench.end)
