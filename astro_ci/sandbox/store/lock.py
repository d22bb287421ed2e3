"""One sandbox per data directory: two would overwrite each other's state."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO

from astro_ci.errors import ConfigurationError

if sys.platform != "win32":
    import fcntl


def hold(directory: Path) -> IO[str]:
    """Make a directory and take it; closing what is returned gives it back, as the process's end.

    Raises ConfigurationError when another sandbox has it, or when it cannot be used. On Windows
    nobody is kept out.
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
                hint="stop that one, or name another directory with --data",
            ) from exc
    return file


def unusable(directory: Path, error: OSError) -> ConfigurationError:
    """Say that the state cannot be kept in a directory."""
    return ConfigurationError(
        f"the sandbox cannot keep its state in {directory}: {error.strerror or error}",
        hint="Name a directory that can be written with --data.",
    )
