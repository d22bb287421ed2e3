"""The paths and the branch of a repository, from one git process."""

from __future__ import annotations

import logging
from pathlib import Path

from msgspec import Struct

from astro_ci.errors import ProjectError
from astro_ci.git.process import Git

log = logging.getLogger(__name__)

_NAMES = ("objects", "index", "info/attributes", "shallow")
_BRANCHES = "refs/heads/"


class Places(Struct, frozen=True, kw_only=True):
    """Paths of a repository's files; several work trees of one repository share some of them."""

    objects: Path
    index: Path
    attributes: Path
    shallow: Path
    """A file that exists when the clone is shallow."""
    branch: str | None
    """The checked-out branch; None when HEAD is detached, or before the first commit."""

    @classmethod
    def find(cls, git: Git) -> Places:
        """Find the paths. Raises ProjectError when the directory is not a repository's root."""
        asked = [word for name in _NAMES for word in ("--git-path", name)]
        code, out, err = git.look(
            "rev-parse", "--show-cdup", *asked, "--symbolic-full-name", "HEAD"
        )
        way_up, *lines = out.removesuffix("\n").split("\n")
        # git searches the parent directories when the directory itself has no valid repository.
        if way_up or not lines:
            log.debug("git rev-parse: %s", err.strip())
            raise ProjectError(
                f"{git.root} holds a .git that git does not recognise",
                hint="Check the repository out again.",
            )
        *paths, head = lines
        if len(paths) != len(_NAMES):  # a directory's name contains a line break
            answers = (git.look("rev-parse", "--git-path", name)[1] for name in _NAMES)
            paths = [answer.removesuffix("\n") for answer in answers]
        objects, index, attributes, shallow = (git.root / path for path in paths)
        is_branch = code == 0 and head.startswith(_BRANCHES)
        return cls(
            objects=objects,
            index=index,
            attributes=attributes,
            shallow=shallow,
            branch=head.removeprefix(_BRANCHES) if is_branch else None,
        )
