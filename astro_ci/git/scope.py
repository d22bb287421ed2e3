"""Define which files of a work tree count, and the content of a nested repository."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from astro_ci.paths import is_under


class Scope(Struct, frozen=True, kw_only=True):
    """The files of the work tree that count."""

    paths: Sequence[str]
    """Directories to search for uncommitted and untracked files; `""` is the root."""
    with_ignored: Sequence[str] = ()
    """Directories where files that git ignores count too, when `counts_ignored` accepts them."""
    counts_ignored: Callable[[str], bool] = lambda _path: True
    excludes: Callable[[str], bool] = lambda _path: False
    """Whether a path never ships."""
    needs_tree: bool = True
    """Whether a tree must be written, or only files read."""

    @property
    def is_narrow(self) -> bool:
        """Whether every directory of `with_ignored` is also in `paths`."""
        return all(
            any(is_under(path, directory) for directory in self.paths) for path in self.with_ignored
        )

    def inside(self, path: str) -> Scope:
        """Return the scope for a repository nested at `path`."""
        is_ignored = any(is_under(path, directory) for directory in self.with_ignored)
        return Scope(
            paths=("",),
            with_ignored=("",) if is_ignored else (),
            counts_ignored=lambda name: self.counts_ignored(f"{path}/{name}"),
            excludes=lambda name: self.excludes(f"{path}/{name}"),
        )


class Inner(Struct, frozen=True, kw_only=True):
    """A nested repository: its files to deploy, and its recorded commit."""

    tree: str
    recorded: str | None
    """The tree of the commit that the outer repository records."""
    identity: str
    """The tree; another id when bytes on disk differ from git's objects."""
    empty_submodules: Sequence[str]


class TakeInner(Protocol):
    """Takes a snapshot of a nested repository."""

    def __call__(self, path: str, commit: str | None) -> Inner:
        """Take the snapshot; `commit` is the recorded commit, or None."""
        ...
