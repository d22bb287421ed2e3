"""Describe a repository with GitPython: its branches and its remotes.

For `init`, `doctor` and the demo, which have the time to load it. GitPython reads all of this by
itself and starts no git for it, so nothing that the checkout names can run.
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
    """The branch that the remote's HEAD was on when it was cloned, else the one checked out."""
    remote_branch: str | None
    """The branch that the remote's HEAD was on when it was cloned; None where that is unknown."""
    branches: frozenset[str]
    """The branches that are known here, of this repository and of its remotes."""
    remotes: Mapping[str, str]
    """The URL of each remote. It may hold credentials: never show it as it is."""

    @property
    def remote_url(self) -> str | None:
        """The URL of `origin`, else of the only remote; None without one."""
        if "origin" in self.remotes:
            return self.remotes["origin"]
        return next(iter(self.remotes.values())) if len(self.remotes) == 1 else None


def describe(root: Path) -> Described:
    """Describe the repository whose work tree this is. Raises ProjectError when it cannot."""
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
    """Read the URL from the configuration: `Remote.url` would start git for it."""
    return str(remote.config_reader.get_value("url", ""))


def _branches(repo: Repo) -> frozenset[str]:
    found = {head.name for head in repo.heads}
    for remote in repo.remotes:
        with contextlib.suppress(AssertionError, ValueError):  # nothing was fetched from it
            found |= {ref.remote_head for ref in remote.refs}
    return frozenset(found - {"HEAD"})


def _target(repo: Repo, name: str, start: str) -> str | None:
    """Name the branch that a symbolic reference points to, or None."""
    from git import SymbolicReference

    # A reference that is none, or that is kept in a way that GitPython does not read.
    with contextlib.suppress(TypeError, ValueError, OSError):
        path = str(SymbolicReference(repo, name).reference.path)
        return path.removeprefix(start) if path.startswith(start) else None
    return None
