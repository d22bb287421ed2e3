"""Allow one sandbox for each data directory: two would overwrite each other's state."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO

from astro_ci.errors import ConfigurationError

if sys.platform != "win32":
    import fcntl


def hold(directory: Path) -> IO[str]:
    """Create and lock a directory; closing the returned file, or the process's end, unlocks it.

    Raises ConfigurationError when another sandbox uses the directory, or when it cannot be used.
    There is no lock on Windows.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        file = (directory / "lock").open("a", encoding="utf-8")
    except OSError as exc:
        raise unusable(directory, exc) from exc
    if sys.platform != "win32":
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            file.close()
            raise ConfigurationError(
                f"another sandbox uses the directory {directory}",
                hint="Stop that sandbox, or name another directory with --data.",
            ) from exc
    return file


def unusable(directory: Path, error: OSError) -> ConfigurationError:
    """Make the error for a directory in which the state cannot be kept."""
    return ConfigurationError(
        f"the sandbox cannot keep its state in {directory}: {error.strerror or error}",
        hint="Name a directory that can be written with --data.",
    )
