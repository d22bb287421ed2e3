"""Which files of a work tree count, and the content of a repository within it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from astro_ci.paths import is_under


class Scope(Struct, frozen=True, kw_only=True):
    """Which files of the work tree count."""

    paths: Sequence[str]
    """Directories to look for uncommitted and untracked files in; `""` is the root."""
    with_ignored: Sequence[str] = ()
    """Directories where files that git ignores count too, if `counts_ignored` says so."""
    counts_ignored: Callable[[str], bool] = lambda _path: True
    excludes: Callable[[str], bool] = lambda _path: False
    """Names the paths that never ship."""
    needs_tree: bool = True
    """Whether a tree is needed, or only the files."""

    @property
    def is_narrow(self) -> bool:
        """Whether ignored files count nowhere but where uncommitted ones do."""
        return all(
            any(is_under(path, directory) for directory in self.paths) for path in self.with_ignored
        )

    def inside(self, path: str) -> Scope:
        """The same for a repository that lies within this one."""
        is_ignored = any(is_under(path, directory) for directory in self.with_ignored)
        return Scope(
            paths=("",),
            with_ignored=("",) if is_ignored else (),
            counts_ignored=lambda name: self.counts_ignored(f"{path}/{name}"),
            excludes=lambda name: self.excludes(f"{path}/{name}"),
        )


class Inner(Struct, frozen=True, kw_only=True):
    """A repository within this one: its files to deploy, and its recorded commit."""

    tree: str
    recorded: str | None
    """The tree of the commit that the outer repository names."""
    identity: str
    """The tree, unless files lie on disk otherwise than git keeps them."""
    empty_submodules: Sequence[str]


class TakeInner(Protocol):
    """Takes a snapshot of a repository within this one."""

    def __call__(self, path: str, commit: str | None) -> Inner:
        """`commit` is the one that is recorded, if any is."""
        ...
