"""Describe a repository with GitPython: its branches and its remotes.

Only `init`, `doctor` and the demo use this module, because GitPython takes long to import.
GitPython reads branches and remotes without starting git, so no program that the checkout names
can run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from astro_ci.errors import ProjectError

if TYPE_CHECKING:
    from git import Remote, Repo


class Described(Struct, frozen=True, kw_only=True):
    """The branches and the remotes of a repository."""

    branch: str | None
    """The branch that is checked out; None when HEAD is detached, as in most CI systems."""
    default_branch: str | None
    """The branch of the remote's HEAD at the time of the clone, else the checked-out branch."""
    remote_branch: str | None
    """The branch of the remote's HEAD at the time of the clone; None when unknown."""
    branches: frozenset[str]
    """The branches that the clone knows, of this repository and of its remotes."""
    remotes: Mapping[str, str]
    """The URL of each remote. A URL may hold credentials, so never print it unchanged."""

    @property
    def remote_url(self) -> str | None:
        """The URL of `origin`, else of the only remote; None when neither exists."""
        if "origin" in self.remotes:
            return self.remotes["origin"]
        return next(iter(self.remotes.values())) if len(self.remotes) == 1 else None


def describe(root: Path) -> Described:
    """Describe the repository with this work tree. Raises ProjectError when it cannot be read."""
    from git import Repo
    from git.exc import GitError as UnreadableError

    try:
        with Repo(root) as repo:
            remotes = {remote.name: _first_url(remote) for remote in repo.remotes}
            branch = _target(repo, "HEAD", "refs/heads/")
            name = "origin" if "origin" in remotes or len(remotes) != 1 else next(iter(remotes))
            cloned = _target(repo, f"refs/remotes/{name}/HEAD", f"refs/remotes/{name}/")
            return Described(
                branch=branch,
                default_branch=cloned or branch,
                remote_branch=cloned,
                branches=_branches(repo),
                remotes=remotes,
            )
    except (UnreadableError, OSError) as error:
        raise ProjectError(
            f"the repository at {root} cannot be read", hint="Check the repository out again."
        ) from error


def _first_url(remote: Remote) -> str:
    """Read the URL from the configuration, because `Remote.url` would start git."""
    return str(remote.config_reader.get_value("url", ""))


def _branches(repo: Repo) -> frozenset[str]:
    found = {head.name for head in repo.heads}
    for remote in repo.remotes:
        with contextlib.suppress(AssertionError, ValueError):  # nothing was fetched from the remote
            found |= {ref.remote_head for ref in remote.refs}
    return frozenset(found - {"HEAD"})


def _target(repo: Repo, name: str, start: str) -> str | None:
    """Return the branch that a symbolic reference points to, or None."""
    from git import SymbolicReference

    # Not a symbolic reference, or stored in a format that GitPython does not read.
    with contextlib.suppress(TypeError, ValueError, OSError):
        path = str(SymbolicReference(repo, name).reference.path)
        return path.removeprefix(start) if path.startswith(start) else None
    return None
