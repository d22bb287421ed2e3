"""What is dear is made once for all test processes of a run."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path


def once(path: Path, make: Callable[[Path], object]) -> Path:
    """Have the first test process make a file or a directory; the others wait, and use it.

    What is made must not move afterwards, so `make` gets the path itself. A mark beside it says
    that it is complete.
    """
    mark = path.with_name(f"{path.name}.made")
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not mark.exists():
            shutil.rmtree(path, ignore_errors=True)
            make(path)
            mark.touch()
    return path
