"""Make a git tree of the work tree's files that ship, without changing the repository.

git needs the most time to examine every file, so that step starts first. Meanwhile other steps run
on the assumption that the work tree equals the index, as in a CI system's fresh checkout.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from astro_ci.git.attributes import as_on_disk, attribute_files, converted, names_conversion
from astro_ci.git.comparisons import Comparisons
from astro_ci.git.history import Commit
from astro_ci.git.index import GITLINK, ScratchIndex, Staged
from astro_ci.git.linked_directories import LinkedDirectories
from astro_ci.git.places import Places
from astro_ci.git.process import Git
from astro_ci.git.scope import Scope, TakeInner
from astro_ci.model import PathChange, Status
from astro_ci.paths import is_under

_T = TypeVar("_T")


class Snapshot:
    """The tree of the files to deploy, and the questions that need this tree."""

    def __init__(
        self, git: Git, places: Places, scratch: Path, scope: Scope, take_inner: TakeInner
    ) -> None:
        self._git = git
        self._scope = scope
        self._take_inner = take_inner
        self._places = places
        self._index = ScratchIndex(git, places, scratch)
        root, place = os.path.realpath(git.root), os.path.realpath(scratch)
        self._own = os.path.relpath(place, root) if place.startswith(f"{root}/") else ""
        self._pool = ThreadPoolExecutor(max_workers=5)
        self._is_settled = self._is_as_staged = False
        self._inner: dict[str, str] = {}
        self._inner_changed: dict[str, Status] = {}
        self._ignored: set[str] = set()
        self._links = LinkedDirectories(git.root)
        self._comparisons = Comparisons(self._index, self._pool)
        self._listing: Callable[[], Staged]
        self._changed: Callable[[], list[str]]
        self._others: Callable[[], list[str]]
        self._tree = ""
        self._lines: Sequence[str] = ()
        self._empty_submodules: list[str] = []
        self._absent: list[str] = []

    def __enter__(self) -> Snapshot:
        """Start to examine the work tree."""
        with self._stopping():
            self._begin()
        return self

    def _begin(self) -> None:
        index, scope = self._index, self._scope
        index.copy()
        if index.is_small and scope.is_narrow:
            found = self._pool.submit(index.all, scope.paths)
            self._listing = lambda: found.result()[0]
            self._changed = lambda: found.result()[1]
            self._others = lambda: found.result()[2]
        else:
            self._changed = self._pool.submit(index.changed, scope.paths).result
            self._others = self._pool.submit(
                index.others, (*scope.paths, *scope.with_ignored)
            ).result
            self._listing = self._pool.submit(index.staged, scope.paths).result
        write = index.write_tree if scope.needs_tree else str
        self._staged_tree = self._pool.submit(write)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the processes that still run; after an error, do not wait for them."""
        with self._stopping():
            if value:
                raise value
            self._pool.shutdown(cancel_futures=True)

    @contextlib.contextmanager
    def _stopping(self) -> Iterator[None]:
        """Stop git when an exception, such as one from a signal, ends the run."""
        try:
            yield
        except BaseException:
            self._git.stop()
            self._pool.shutdown(cancel_futures=True)
            raise

    # --- questions --------------------------------------------------------------------------

    @property
    def tree(self) -> str:
        """Return the tree's object id; the tree is deleted when the snapshot ends."""
        self._settle()
        return self._tree

    @property
    def empty_submodules(self) -> Sequence[str]:
        """The submodules that were not checked out, including nested submodules."""
        self._settle()
        return self._empty_submodules

    @property
    def absent(self) -> Sequence[str]:
        """The files that a sparse checkout leaves out, which cannot be deployed."""
        self._settle()
        return self._absent

    def read(self, reader: Callable[[Sequence[str]], _T]) -> _T:
        """Let `reader` read the shipped files of the scope, as `git ls-files --stage` lists them.

        A line is `mode object 0<TAB>path`, sorted by the bytes of the paths; a nested repository
        is one line, with its tree. `reader` is called with the staged files while git examines the
        work tree, and called again when the files that ship differ from the staged files.
        """
        if self._is_settled:
            return reader(self._as_on_disk(self._lines))
        found = reader(self._as_on_disk(self._listing().lines))
        self._settle()
        return found if self._is_as_staged else reader(self._as_on_disk(self._lines))

    @property
    def identity(self) -> str:
        """Return an identity of all files: the tree, unless files differ on disk."""
        self._settle()
        lines = self._as_on_disk(self._lines)
        if lines is self._lines:
            return self._tree
        text = os.fsencode("".join(f"{line}\0" for line in lines))
        return hashlib.sha256(text).hexdigest()[: len(self._tree)]

    def prepare_changes(self, base: str) -> None:
        """Start the comparison with a commit, whose result `changes` returns."""
        if not self._is_settled:
            self._comparisons.prepare(base, self._staged_tree)

    def changes(self, base: str) -> list[PathChange]:
        """List the paths that differ between a commit and the shipped tree.

        A rename gives both paths. Raises GitError when git cannot compare, and never returns an
        empty list instead.
        """
        self._settle()
        fields = self._comparisons.text(base, self._tree).split("\0")
        found = {
            path: PathChange(path=path, status=Status(letter[:1]))
            for letter, path in zip(fields[0:-1:2], fields[1:-1:2], strict=True)
        }
        for path, status in self._inner_changed.items():
            found.setdefault(path, PathChange(path=path, status=status))
        return [found[path] for path in sorted(found)]

    def is_tree_of(self, commit: Commit) -> bool:
        """Whether the files to deploy are exactly those of the commit."""
        self._settle()
        return self._tree == commit.tree and not self._inner_changed

    def is_ignored(self, path: str) -> bool:
        """Whether git ignores a file that is deployed nevertheless."""
        self._settle()
        return path in self._ignored

    # --- steps ------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Wait until git has examined the work tree, and write the tree."""
        if self._is_settled:
            return
        staged = self._listing()
        # A name with a slash is a directory with no file in the index; `x` stands for its files.
        others = [f"{path}x" if path.endswith("/") else path for path in self._others()]
        wait([self._staged_tree])  # this task holds the lock of the private index
        # Changed leftovers count here too: an intent-to-add file is in no tree.
        is_as_staged = not (staged.flagged or staged.inner or self._changed())
        is_clean = is_as_staged and all(map(self._never_ships, others))
        if is_clean and not self._staged_tree.exception():
            self._tree, self._lines = self._staged_tree.result(), staged.lines
            self._is_as_staged = True
        else:
            self._take(staged)
        self._is_settled = True

    def _take(self, staged: Staged) -> None:
        """Update the index from the work tree, and write the tree."""
        self._absent = self._index.clear_flags(staged.flagged)
        # A submodule without its repository, as in an artifact, counts as ordinary files.
        self._index.remove(list(filter(self._is_orphan, staged.inner)))
        scope = self._scope
        wanted = ("--modified", "--deleted", "--others", "--exclude-standard")
        found = set(self._index.names(*wanted, paths=scope.paths))
        if scope.with_ignored:
            others = self._index.names("--others", paths=scope.with_ignored)
            ignored = [path for path in others if path not in found]
            found.update(path for path in ignored if scope.counts_ignored(path.rstrip("/")))
            self._ignored.update(path.rstrip("/") for path in ignored)
        # git follows a link that replaced a directory, and finds the directory's old files.
        found.update(path for path in self._index.changed(scope.paths) if self._links.lead_to(path))
        found -= self._not_told_apart(sorted(found))
        # git writes no tree while any file has a conflict.
        unmerged = {
            line.partition("\t")[2] for line in self._index.names("--unmerged", paths=("",))
        }
        shipped = sorted({path for path in found if not self._never_ships(path)} | unmerged)
        # git lists a nested repository that is not a submodule as a name with a slash.
        clones = [path.rstrip("/") for path in shipped if path.endswith("/")]
        files = [path for path in shipped if not path.endswith("/")]
        gone = [path for path in files if self._links.lead_to(path)]
        # By force, because git refuses to check files of a directory that is now a link.
        self._index.remove(gone)
        self._index.add([path for path in files if path not in set(gone)])
        self._tree = self._index.write_tree()
        lines = self._index.list_tree(self._tree, scope.paths)
        self._lines = self._with_inner_repositories(lines, clones)

    def _with_inner_repositories(self, lines: list[str], clones: Sequence[str]) -> list[str]:
        """Replace the commit of each nested repository with its tree."""
        recorded = {
            path: meta.split(" ")[1]
            for meta, _, path in (line.partition("\t") for line in lines)
            if meta.startswith(GITLINK)
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
                self._inner_changed[path] = Status.ADDED if commit is None else Status.MODIFIED
            inner[path] = f"{GITLINK}{taken.identity} 0\t{path}"
        others = (line for line in lines if line.partition("\t")[2] not in inner)
        return sorted((*others, *inner.values()), key=_path_bytes) if inner else lines

    def _as_on_disk(self, lines: Sequence[str]) -> Sequence[str]:
        """Replace objects by those of the bytes on disk, for files with a filter or an encoding."""
        files = attribute_files(self._git, lines, self._scope.paths)
        if not any(map(names_conversion, (*files, self._places.attributes))):
            return lines
        paths = [line.partition("\t")[2] for line in lines if not line.startswith(GITLINK)]
        return as_on_disk(self._git.root, lines, converted(self._git, paths))

    def _not_told_apart(self, paths: Sequence[str]) -> set[str]:
        """Return the files that git reports as changed only because a filter does not run.

        git reads the bytes of files as recent as the index, and without the filter the bytes differ
        from the commit. A file that is untouched since git wrote it still equals the commit.
        """
        closed = self._git.closed.filters
        if not closed:
            return set()
        filtered = converted(self._git, paths)
        return self._index.untouched([path for path in paths if filtered.get(path) in closed])

    def _never_ships(self, path: str) -> bool:
        is_our_own = bool(self._own) and is_under(path, self._own)
        return is_our_own or self._scope.excludes(path.rstrip("/"))

    def _is_orphan(self, path: str) -> bool:
        directory = self._git.root / path
        return not (directory / ".git").exists() and not _is_empty(directory)


def _path_bytes(line: str) -> bytes:
    return os.fsencode(line.partition("\t")[2])


def _is_empty(directory: Path) -> bool:
    return not (directory.is_dir() and any(directory.iterdir()))
