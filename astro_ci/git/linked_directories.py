"""Find paths that lead through a symbolic link, and therefore are not files of the work tree."""

from __future__ import annotations

import os
from pathlib import Path


class LinkedDirectories:
    """Remembers for each directory below `root` whether a link is on the way to it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._is_linked: dict[str, bool] = {}

    def lead_to(self, path: str) -> bool:
        """Whether a directory above `path` is a link; `path` is relative to the root."""
        above = path.rpartition("/")[0]
        unknown = []
        while above and above not in self._is_linked:
            unknown.append(above)
            above = above.rpartition("/")[0]
        found = bool(above) and self._is_linked[above]
        for directory in reversed(unknown):  # a checkout may be too deep for recursion
            found = found or os.path.islink(self._root / directory)  # noqa: PTH114 - quicker
            self._is_linked[directory] = found
        return found
