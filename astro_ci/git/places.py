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
    """Parts of a repository; a work tree of several shares some with the others."""

    objects: Path
    index: Path
    attributes: Path
    shallow: Path
    """A file that is there while history is cut off."""
    branch: str | None
    """The branch that is checked out; None without one, or before its first commit."""

    @classmethod
    def find(cls, git: Git) -> Places:
        """Find them. Raises ProjectError when the directory is no repository of its own."""
        asked = [word for name in _NAMES for word in ("--git-path", name)]
        code, out, err = git.look(
            "rev-parse", "--show-cdup", *asked, "--symbolic-full-name", "HEAD"
        )
        way_up, *lines = out.removesuffix("\n").split("\n")
        # What git takes for no repository of its own, it looks for further up.
        if way_up or not lines:
            log.debug("git rev-parse: %s", err.strip())
            raise ProjectError(
                f"{git.root} holds a .git that git does not recognise",
                hint="Check the repository out again.",
            )
        *paths, head = lines
        if len(paths) != len(_NAMES):  # a directory whose name holds a line break
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
