"""The shipped tree: the work tree as it is, written as a git tree without touching the repository.

The tree is built in an index and an object store of our own, so that git's speed (it only reads
files whose stat changed) costs the checkout nothing, not even a lock.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from astro_ci.errors import GitError
from astro_ci.git.process import SPACE_HINT, Git
from astro_ci.model import PathChange, Status, TreeEntry

_GITLINK = "160000"


class Snapshot:
    """A tree of what will be shipped, and the questions that only it can answer."""

    def __init__(self, git: Git, scratch: Path) -> None:
        self._git = git
        self._index = scratch / "index"
        (scratch / "objects" / "info").mkdir(parents=True)
        # In a file: the variable for alternates splits paths that hold a colon.
        alternates = os.fsencode(self._git_path("objects")) + b"\n"
        (scratch / "objects" / "info" / "alternates").write_bytes(alternates)
        self._environment = {
            "GIT_INDEX_FILE": str(self._index),
            "GIT_OBJECT_DIRECTORY": str(scratch / "objects"),
        }
        self.tree = ""
        self._clones: list[str] = []
        self._inner: dict[str, str] = {}
        self._inner_changed: list[str] = []
        self._ignored: set[str] = set()
        self.empty_submodules: list[str] = []
        """Submodules that were not checked out, those of submodules among them."""
        self.absent: list[str] = []
        """Files that a sparse checkout leaves out, and that so cannot ship."""

    def take(
        self,
        scopes: Sequence[str],
        *,
        with_ignored: Sequence[str],
        counts_ignored: Callable[[str], bool],
        excludes: Callable[[str], bool],
    ) -> None:
        """Fill the index from the work tree and write the tree."""
        self._copy_index()
        self._clear_flags(scopes)
        found = set(
            self._list("--modified", "--deleted", "--others", "--exclude-standard", paths=scopes)
        )
        if with_ignored:
            others = self._list("--others", paths=with_ignored)
            ignored = [path for path in others if path not in found]
            found.update(path for path in ignored if counts_ignored(path.rstrip("/")))
            self._ignored.update(path.rstrip("/") for path in ignored)
        shipped = sorted(path for path in found if not excludes(path.rstrip("/")))
        # git lists a repository inside this one that is no submodule as a name with a slash.
        self._clones = [path.rstrip("/") for path in shipped if path.endswith("/")]
        self._update_index(path for path in shipped if not path.endswith("/"))
        self.tree = self._out("write-tree", "--missing-ok").strip()

    def inner_repositories(self, scopes: Sequence[str]) -> list[str]:
        """Repositories inside this one that have files: initialised submodules, and clones."""
        listed = list_tree(self._git, self.tree, scopes, env=self._environment)
        modules = [entry.path for entry in listed if entry.mode == _GITLINK]
        self.empty_submodules = [path for path in modules if _is_empty(self._git.root / path)]
        return [p for p in (*modules, *self._clones) if (self._git.root / p / ".git").exists()]

    def add_inner(self, path: str, tree: str, *, recorded: Callable[[str], str | None]) -> None:
        """Let the tree of an inner repository stand for it, instead of the commit it is at.

        `recorded` gives the tree of a commit of the inner repository.
        """
        self._inner[path] = tree
        known = list_tree(self._git, self.tree, [path], env=self._environment)
        if not known or recorded(known[0].object_id) != tree:
            self._inner_changed.append(path)

    def entries(self, paths: Sequence[str]) -> list[TreeEntry]:
        """List the shipped files under some directories; an inner repository is one entry."""
        listed = list_tree(self._git, self.tree, paths, env=self._environment)
        found = {entry.path: entry for entry in listed}
        for path, tree in self._inner.items():
            if any(is_under(path, directory) for directory in paths):
                found[path] = TreeEntry(path=path, mode=_GITLINK, object_id=tree)
        return [found[path] for path in sorted(found)]

    def changes(self, base: str) -> list[PathChange]:
        """List what differs between a commit and the shipped tree, both sides of a rename.

        Raises GitError when git cannot tell; it never answers with an empty list instead.
        """
        # By default git leaves out a submodule that .gitmodules says to ignore.
        flags = ("-r", "-z", "--name-status", "--no-renames", "--ignore-submodules=none")
        out = self._out("diff-tree", *flags, base, self.tree)
        fields = out.split("\0")
        found = {
            path: PathChange(path=path, status=Status(letter[:1]))
            for letter, path in zip(fields[0:-1:2], fields[1:-1:2], strict=True)
        }
        for path in self._inner_changed:
            found.setdefault(path, PathChange(path=path, status=Status.MODIFIED))
        return [found[path] for path in sorted(found)]

    def is_ignored(self, path: str) -> bool:
        """Whether git ignores a file that ships all the same."""
        return path in self._ignored

    def _copy_index(self) -> None:
        index = self._git_path("index")
        if not index.exists():
            self._out("read-tree", "HEAD")
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

    def _clear_flags(self, scopes: Sequence[str]) -> None:
        """Let git look at the files that it was told not to look at."""
        listed = [line.split(" ", 1) for line in self._list("-v", paths=scopes) if line[0] != "H"]
        skipped = [path for tag, path in listed if tag in "Ss"]
        self.absent = [p for p in skipped if not os.path.lexists(self._git.root / p)]
        present = [path for path in skipped if path not in set(self.absent)]
        assumed = [path for tag, path in listed if tag.islower()]
        for flag, paths in (("--no-skip-worktree", present), ("--no-assume-unchanged", assumed)):
            if paths:
                listing = "".join(f"{path}\0" for path in paths)
                self._out("update-index", flag, "-z", "--stdin", stdin=os.fsencode(listing))

    def _list(self, *flags: str, paths: Sequence[str]) -> list[str]:
        out = self._out("ls-files", "-z", *flags, "--", *(path or "." for path in paths))
        return [path for path in out.split("\0") if path]

    def _update_index(self, paths: Iterable[str]) -> None:
        listing = "".join(f"{path}\0" for path in paths)
        if listing:
            flags = ("--add", "--remove", "--replace", "-z", "--stdin")
            self._out("update-index", *flags, stdin=os.fsencode(listing))

    def _git_path(self, name: str) -> Path:
        path = self._git.out("rev-parse", "--git-path", name).removesuffix("\n")
        return self._git.root / path

    def _out(self, *arguments: str, stdin: bytes | None = None) -> str:
        return self._git.out(*arguments, env=self._environment, stdin=stdin)


def list_tree(
    git: Git, tree: str, paths: Sequence[str], *, env: Mapping[str, str] | None = None
) -> list[TreeEntry]:
    """List the files of a tree or commit below some directories; an empty path is the root."""
    names = [] if "" in paths else list(paths)
    listing = git.out("ls-tree", "-r", "-z", "--full-tree", tree, "--", *names, env=env)
    entries = []
    for line in filter(None, listing.split("\0")):
        meta, _, path = line.partition("\t")
        mode, _, object_id = meta.split(" ", 2)
        entries.append(TreeEntry(path=path, mode=mode, object_id=object_id))
    return entries


def is_under(path: str, directory: str) -> bool:
    """Whether a path is a directory or lies below it; everything is below the root, `""`."""
    return not directory or path == directory or path.startswith(f"{directory}/")


def _is_empty(directory: Path) -> bool:
    return not (directory.is_dir() and any(directory.iterdir()))
