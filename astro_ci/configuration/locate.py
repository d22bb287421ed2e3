"""Find the configuration file: next to the project, or above it in the repository."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # PyYAML is only loaded for a file that exists
    from astro_ci.configuration.file import ConfigFile
from astro_ci.errors import ConfigurationError

NAMES = ("astro-ci.yaml", "astro-ci.yml")


def find_config_file(directory: Path) -> Path | None:
    """The nearest file, from a directory up to the root of its repository; None when there is none.

    Outside a repository only the directory itself counts. Raises ConfigurationError for two files
    side by side.
    """
    start = Path(os.path.realpath(directory))
    upward = (start, *start.parents)
    root = next((path for path in upward if (path / ".git").exists()), start)
    for path in upward[: upward.index(root) + 1]:
        found = [path / name for name in NAMES if (path / name).is_file()]
        if len(found) > 1:
            raise ConfigurationError(
                f"{path} holds both {NAMES[0]} and {NAMES[1]}", hint="Remove one of them."
            )
        if found:
            return found[0]
    return None


def load(path: Path, *, name: str) -> ConfigFile:
    """Read a file. Raises ConfigurationError; `name` is what messages call the file."""
    from astro_ci.configuration.file import parse

    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(
            f"{name} cannot be read: {error.strerror or error}",
            hint="Check what --config or ASTRO_CI_CONFIG names.",
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{name} is not UTF-8 text: {error.reason}", hint="Save the file as UTF-8."
        ) from error
    return parse(text, path=path, name=name)
