"""Find the configuration file: next to the project, or above it in the repository."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from astro_ci.errors import ConfigurationError
from astro_ci.project.files import read_named_text, read_text, remedy, repository_root

if TYPE_CHECKING:  # PyYAML is only loaded for a file that exists
    from astro_ci.configuration.file import ConfigFile

NAMES = ("astro-ci.yaml", "astro-ci.yml")
_MOST_BYTES = 250_000


def find_config_file(directory: Path) -> Path | None:
    """Find the nearest file, from a directory up to the root of its repository, or None.

    Outside of a repository, only the directory itself is searched. Raises ConfigurationError for
    two files in the same directory.
    """
    start = Path(os.path.realpath(directory))
    upward = (start, *start.parents)
    root = repository_root(start)
    for path in upward[: upward.index(root) + 1]:
        # Any file type counts: a directory or a broken link of this name is an error to report.
        found = [path / name for name in NAMES if os.path.lexists(path / name)]
        if len(found) > 1:
            raise ConfigurationError(
                f"{path} holds both {NAMES[0]} and {NAMES[1]}", hint="Remove one of them."
            )
        if found:
            return found[0]
    return None


def load(path: Path, *, name: str, is_named: bool = False) -> ConfigFile:
    """Read a configuration file. Raises ConfigurationError.

    `name` is what messages call the file.
    """
    from astro_ci.configuration.file import parse

    try:
        read = read_named_text if is_named else read_text
        text = read(path, most_bytes=_MOST_BYTES)
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"{name} cannot be read: {error.strerror}",
            hint="Check the path in --config or ASTRO_CI_CONFIG.",
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"{name} cannot be read: {error.strerror}", hint=remedy(error)
        ) from error
    return parse(text.removeprefix("\ufeff"), path=path, name=name)
