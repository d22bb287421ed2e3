"""The shipped tree: the work tree as it is, as a git tree, without touching the repository.

The tree is built in an index and an object store of our own, so that git's speed (it only reads
files whose stat changed) costs the checkout nothing, not even a lock. Looking at every file takes
git the longest, so that is begun first, and what can be done meanwhile is done on the assumption
that the work tree is as the index says, as in a CI system's fresh checkout.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, TypeVar

from astro_ci.errors import GitError
from astro_ci.git.process import SPACE_HINT, Git
from astro_ci.model import PathChange, Status
from astro_ci.paths import is_under

_T = TypeVar("_T")
_GITLINK = "160000 "


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """The checked-out commit. `time` is the committer's, in seconds since 1970."""

    sha: str
    tree: str
    author: str
    time: int
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which files of the work tree count."""

    paths: Sequence[str]
    """Directories to look for uncommitted and untracked files in; `""` is the root."""
    with_ignored: Sequence[str] = ()
    """Directories where files that git ignores count too, if `counts_ignored` says so."""
    counts_ignored: Callable[[str], bool] = lambda _path: True
    excludes: Callable[[str], bool] = lambda _path: False
    """Names the paths that never ship."""

    def inside(self, path: str) -> Scope:
        """The same for a repository that lies within this one."""
        is_ignored = any(is_under(path, directory) for directory in self.with_ignored)
        return Scope(
            paths=("",),
            with_ignored=("",) if is_ignored else (),
            counts_ignored=lambda name: self.counts_ignored(f"{path}/{name}"),
            excludes=lambda name: self.excludes(f"{path}/{name}"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """A repository within this one: what it would ship, and what it was recorded with."""

    tree: str
    recorded: str | None
    """The tree of the commit that the outer repository names."""
    empty_submodules: Sequence[str]


class TakeInner(Protocol):
    """Takes a snapshot of a repository within this one."""

    def __call__(self, path: str, commit: str | None) -> Inner:
        """`commit` is the one that is recorded, if any is."""
        ...


class Snapshot:
    """A tree of what will be shipped, and the questions that only it can answer."""

    def __init__(self, git: Git, scratch: Path, scope: Scope, take_inner: TakeInner) -> None:
        self._git = git
        self._scope = scope
        self._take_inner = take_inner
        self._index = scratch / "index"
        objects, self._real_index = _git_paths(git, "objects", "index")
        (scratch / "objects" / "info").mkdir(parents=True)
        # In a file: the variable for alternates splits paths that hold a colon.
        (scratch / "objects" / "info" / "alternates").write_bytes(_alternate(objects))
        root, place = os.path.realpath(git.root), os.path.realpath(scratch)
        self._own = os.path.relpath(place, root) if place.startswith(f"{root}/") else ""
        self._environment = {
            "GIT_INDEX_FILE": str(self._index),
            "GIT_OBJECT_DIRECTORY": str(scratch / "objects"),
        }
        self._pool = ThreadPoolExecutor(max_workers=4)
        self._is_settled = self._is_as_staged = False
        self._inner: dict[str, str] = {}
        self._inner_changed: list[str] = []
        self._ignored: set[str] = set()
        self._behind_link: dict[str, bool] = {}
        self._compared: dict[str, Future[_Difference]] = {}
        self._tree = ""
        self._lines: Sequence[str] = ()
        self._empty_submodules: list[str] = []
        self._absent: list[str] = []

    def __enter__(self) -> Snapshot:
        """Begin to look at the work tree."""
        try:
            self._begin()
        except BaseException:
            self._pool.shutdown(cancel_futures=True)
            raise
        return self

    def _begin(self) -> None:
        self._copy_index()
        self._changed = self._pool.submit(self._list_changed)
        self._others = self._pool.submit(self._list_others)
        self._staged_tree = self._pool.submit(self._write_tree)
        self._listing = self._pool.submit(self._list_staged)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End what is still under way, which nobody waits for when something else went wrong."""
        if kind:
            self._git.stop()
        self._pool.shutdown(cancel_futures=True)

    # --- questions --------------------------------------------------------------------------

    @property
    def tree(self) -> str:
        """The tree's object id; what it names is gone when the snapshot ends."""
        self._settle()
        return self._tree

    @property
    def empty_submodules(self) -> Sequence[str]:
        """Submodules that were not checked out, those of submodules among them."""
        self._settle()
        return self._empty_submodules

    @property
    def absent(self) -> Sequence[str]:
        """Files that a sparse checkout leaves out, and that so cannot ship."""
        self._settle()
        return self._absent

    def read(self, reader: Callable[[Sequence[str]], _T]) -> _T:
        """Let `reader` read the shipped files of the scope, as `git ls-files --stage` lists them.

        A line is `mode object 0<TAB>path`, sorted by the bytes of the paths; an inner repository
        is one line, with its tree. It is called on what is staged while git looks at the work
        tree, and called again when that is not what ships.
        """
        if self._is_settled:
            return reader(self._lines)
        found = reader(self._listing.result().lines)
        self._settle()
        return found if self._is_as_staged else reader(self._lines)

    def prepare_changes(self, base: str) -> None:
        """Begin to compare with a commit, as `changes` will."""
        if not self._is_settled and base not in self._compared:
            staged = self._staged_tree
            self._compared[base] = self._pool.submit(lambda: self._compare(base, staged.result()))

    def changes(self, base: str) -> list[PathChange]:
        """List what differs between a commit and the shipped tree, both sides of a rename.

        Raises GitError when git cannot tell; it never answers with an empty list instead.
        """
        self._settle()
        fields = self._compared_with(base).split("\0")
        found = {
            path: PathChange(path=path, status=Status(letter[:1]))
            for letter, path in zip(fields[0:-1:2], fields[1:-1:2], strict=True)
        }
        for path in self._inner_changed:
            found.setdefault(path, PathChange(path=path, status=Status.MODIFIED))
        return [found[path] for path in sorted(found)]

    def is_tree_of(self, commit: Commit) -> bool:
        """Whether what ships is the commit, to the last file."""
        self._settle()
        return self._tree == commit.tree and not self._inner_changed

    def is_ignored(self, path: str) -> bool:
        """Whether git ignores a file that ships all the same."""
        self._settle()
        return path in self._ignored

    # --- looking ----------------------------------------------------------------------------

    def _settle(self) -> None:
        """Wait for what git says of the work tree, and make the tree of it."""
        if self._is_settled:
            return
        staged = self._listing.result()
        # For a directory of files that are not in the index, any of them stands.
        others = [f"{path}x" if path.endswith("/") else path for path in self._others.result()]
        wait([self._staged_tree])  # which holds the lock of our index
        # Not even a leftover that changed: one that is only meant to be added is in no tree.
        is_as_staged = not (staged.flagged or staged.inner or self._changed.result())
        is_clean = is_as_staged and all(map(self._never_ships, others))
        if is_clean and not self._staged_tree.exception():
            self._tree, self._lines = self._staged_tree.result(), staged.lines
            self._is_as_staged = True
        else:
            self._take(staged)
        self._is_settled = True

    def _take(self, staged: _Staged) -> None:
        """Fill the index from the work tree and write the tree."""
        self._clear_flags(staged.flagged)
        # A submodule that came without its repository, as in an artifact, is files like others.
        self._update_index("--force-remove", list(filter(self._is_orphan, staged.inner)))
        scope = self._scope
        wanted = ("--modified", "--deleted", "--others", "--exclude-standard")
        found = set(self._list(*wanted, paths=scope.paths))
        if scope.with_ignored:
            others = self._list("--others", paths=scope.with_ignored)
            ignored = [path for path in others if path not in found]
            found.update(path for path in ignored if scope.counts_ignored(path.rstrip("/")))
            self._ignored.update(path.rstrip("/") for path in ignored)
        # git looks through a link for what was in the directory that it stands for.
        found.update(path for path in self._changed.result() if self._is_behind_link(path))
        # A conflict anywhere would keep the tree from being written.
        unmerged = {line.partition("\t")[2] for line in self._list("--unmerged", paths=("",))}
        shipped = sorted({path for path in found if not self._never_ships(path)} | unmerged)
        # git lists a repository inside this one that is no submodule as a name with a slash.
        clones = [path.rstrip("/") for path in shipped if path.endswith("/")]
        files = [path for path in shipped if not path.endswith("/")]
        gone = [path for path in files if self._is_behind_link(path)]
        # By force, as git refuses to look for what was in a directory that is a link now.
        self._update_index("--force-remove", gone)
        self._update_index("--add", [path for path in files if path not in set(gone)])
        self._tree = self._write_tree()
        lines = list_tree(self._git, self._tree, scope.paths, env=self._environment)
        self._lines = self._with_inner_repositories(lines, clones)

    def _with_inner_repositories(self, lines: list[str], clones: Sequence[str]) -> list[str]:
        """Let the tree of an inner repository stand for it, instead of the commit it is at."""
        recorded = {
            path: meta.split(" ")[1]
            for meta, _, path in (line.partition("\t") for line in lines)
            if meta.startswith(_GITLINK)
        }
        self._empty_submodules = [p for p in recorded if _is_empty(self._git.root / p)]
        inner = {}
        for path in (*recorded, *clones):
            if not (self._git.root / path / ".git").exists():
                continue
            commit = recorded.get(path)
            taken = self._take_inner(path, commit)
            self._empty_submodules += [f"{path}/{below}" for below in taken.empty_submodules]
            if commit is None or taken.recorded != taken.tree:
                self._inner_changed.append(path)
            inner[path] = f"{_GITLINK}{taken.tree} 0\t{path}"
        others = (line for line in lines if line.partition("\t")[2] not in inner)
        return sorted((*others, *inner.values()), key=_path_bytes) if inner else lines

    def _never_ships(self, path: str) -> bool:
        is_our_own = bool(self._own) and is_under(path, self._own)
        return is_our_own or self._scope.excludes(path.rstrip("/"))

    def _is_orphan(self, path: str) -> bool:
        directory = self._git.root / path
        return not (directory / ".git").exists() and not _is_empty(directory)

    def _list_changed(self) -> list[str]:
        """What differs from the index; unlike ls-files, this looks at many files at a time."""
        flags = ("-z", "--name-only", "--no-renames", "--ignore-submodules=dirty")
        out = self._out("diff-files", *flags, "--", *_pathspecs(self._scope.paths))
        return [path for path in out.split("\0") if path]

    def _list_staged(self) -> _Staged:
        tagged = self._list("--stage", "-v", paths=self._scope.paths)
        return _Staged(
            lines=[line[2:] for line in tagged],
            flagged=[line for line in tagged if line[0] != "H"],
            inner=[line.partition("\t")[2] for line in tagged if line.startswith(_GITLINK, 2)],
        )

    def _list_others(self) -> list[str]:
        """What is not in the index, ignored or not; a directory of such files is one name."""
        paths = (*self._scope.paths, *self._scope.with_ignored)
        return self._list("--others", "--directory", "--no-empty-directory", paths=paths)

    def _compared_with(self, base: str) -> str:
        prepared = self._compared.get(base)
        if prepared:
            try:
                found = prepared.result()
            except GitError:
                found = None  # what was staged may have been no tree at all
            if found and found.tree == self._tree:
                return found.text
        found = self._compare(base, self._tree)
        done: Future[_Difference] = Future()
        done.set_result(found)
        self._compared[base] = done
        return found.text

    def _compare(self, base: str, tree: str) -> _Difference:
        # By default git leaves out a submodule that .gitmodules says to ignore.
        flags = ("-r", "-z", "--name-status", "--no-renames", "--ignore-submodules=none")
        return _Difference(tree, self._out("diff-tree", *flags, base, tree))

    # --- our index --------------------------------------------------------------------------

    def _copy_index(self) -> None:
        index = self._real_index
        if not index.exists():
            # A repository within this one may have no commit yet.
            is_born = self._git.code("rev-parse", "--verify", "--quiet", "HEAD^{tree}") == 0
            self._out("read-tree", "HEAD" if is_born else "--empty")
            return
        try:
            # With its times: by them git knows which entries are too young to be trusted.
            shutil.copy2(index, self._index)
        except OSError as error:
            raise GitError(
                f"{index} could not be copied to {self._index.parent}: {error.strerror}",
                hint=SPACE_HINT
                if error.errno == errno.ENOSPC
                else "Check the permissions of both.",
            ) from error

    def _clear_flags(self, flagged: Sequence[str]) -> None:
        """Let git look at the files that it was told not to look at."""
        listed = [(line[0], line.partition("\t")[2]) for line in flagged]
        skipped = [path for tag, path in listed if tag in "Ss"]
        self._absent = [p for p in skipped if not os.path.lexists(self._git.root / p)]
        present = [path for path in skipped if path not in set(self._absent)]
        assumed = [path for tag, path in listed if tag.islower()]
        for flag, paths in (("--no-skip-worktree", present), ("--no-assume-unchanged", assumed)):
            if paths:
                listing = "".join(f"{path}\0" for path in paths)
                self._out("update-index", flag, "-z", "--stdin", stdin=os.fsencode(listing))

    def _list(self, *flags: str, paths: Sequence[str]) -> list[str]:
        out = self._out("ls-files", "-z", *flags, "--", *_pathspecs(paths))
        return [path for path in out.split("\0") if path]

    def _is_behind_link(self, path: str) -> bool:
        """Whether a path leads through a link, and so is no file of the work tree."""
        above = path.rpartition("/")[0]
        if not above:
            return False
        if above not in self._behind_link:
            is_link = os.path.islink(self._git.root / above)  # noqa: PTH114 - quicker
            self._behind_link[above] = is_link or self._is_behind_link(above)
        return self._behind_link[above]

    def _update_index(self, how: str, paths: Sequence[str]) -> None:
        listing = "".join(f"{path}\0" for path in paths)
        if listing:
            flags = (how, "--remove", "--replace", "-z", "--stdin")
            self._out("update-index", *flags, stdin=os.fsencode(listing))

    def _write_tree(self) -> str:
        return self._out("write-tree", "--missing-ok").strip()

    def _out(self, *arguments: str, stdin: bytes | None = None) -> str:
        return self._git.out(*arguments, env=self._environment, stdin=stdin)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Staged:
    """What the index lists."""

    lines: Sequence[str]
    flagged: Sequence[str]
    """Those that git was told not to look at, with their tags."""
    inner: Sequence[str]
    """Submodules."""


@dataclass(frozen=True, slots=True)
class _Difference:
    """What git printed of a commit and a tree."""

    tree: str
    text: str


def list_tree(
    git: Git, tree: str, paths: Sequence[str], *, env: Mapping[str, str] | None = None
) -> list[str]:
    """List the files of a tree or commit below some directories; an empty path is the root.

    A line is `mode object 0<TAB>path`, as for an index.
    """
    names = [] if "" in paths else list(paths)
    out = git.out("ls-tree", "-r", "-z", "--full-tree", tree, "--", *names, env=env)
    lines = []
    for line in filter(None, out.split("\0")):
        meta, _, path = line.partition("\t")
        mode, _, object_id = meta.split(" ", 2)
        lines.append(f"{mode} {object_id} 0\t{path}")
    return lines


def _alternate(objects: Path) -> bytes:
    """The line that names another object store; git unquotes it as it does strings of C."""
    path = os.fsencode(objects)
    for character, escaped in ((b"\\", b"\\\\"), (b'"', b'\\"'), (b"\n", b"\\n")):
        path = path.replace(character, escaped)
    return b'"' + path + b'"\n'


def _pathspecs(paths: Sequence[str]) -> list[str]:
    # Each costs git time for every file, and the root holds the others.
    return ["."] if "" in paths else list(paths)


def _path_bytes(line: str) -> bytes:
    return os.fsencode(line.partition("\t")[2])


def _is_empty(directory: Path) -> bool:
    return not (directory.is_dir() and any(directory.iterdir()))


def _git_paths(git: Git, *names: str) -> list[Path]:
    """Where parts of the repository are; a work tree of several shares some with the others."""
    flags = [flag for name in names for flag in ("--git-path", name)]
    found = git.out("rev-parse", *flags).removesuffix("\n").split("\n")
    if len(found) != len(names):  # a directory whose name holds a line break
        one = [git.out("rev-parse", "--git-path", name).removesuffix("\n") for name in names]
        found = one
    return [git.root / path for path in found]
