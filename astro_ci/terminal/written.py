"""The files that a run writes: they may lie in the project, and are no part of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

_STREAMS = (1, 2)


def written_files(*named: Path | None) -> Sequence[Path]:
    """List the files that the options name, and those that the standard streams lead to.

    Where a stream leads is seen where the system tells, as Linux does.
    """
    found = [path for path in named if path]
    for number in _STREAMS:
        try:
            if stat.S_ISREG(os.fstat(number).st_mode):
                found.append(Path(f"/proc/self/fd/{number}").readlink())
        except OSError:
            continue
    return found
