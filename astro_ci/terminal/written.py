"""Find the files that a run writes; such files are not deployed, even inside of the project."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

_STREAMS = (1, 2)


def written_files(*named: Path | None) -> Sequence[Path]:
    """List the files that the options name, and the files to which output is redirected.

    Redirected files are only found on systems with /proc, such as Linux.
    """
    found = [path for path in named if path]
    for number in _STREAMS:
        try:
            if stat.S_ISREG(os.fstat(number).st_mode):
                found.append(Path(f"/proc/self/fd/{number}").readlink())
        except OSError:
            continue
    return found
