"""Write new files, never over others, and all of them or none."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from astro_ci.errors import ProjectError


def write_new(root: Path, texts: Mapping[str, str]) -> None:
    """Create the files; the keys are names from the root. A ProjectError leaves no file behind."""
    made: list[Path] = []
    name = ""
    try:
        for name, text in texts.items():
            _create(root, name, text, made)
    except OSError as error:
        _remove(made)
        raise ProjectError(
            f"{name} cannot be written in {root}: {error.strerror}",
            hint="Check the permissions of the directory; --print shows the files instead.",
        ) from error
    except BaseException:
        _remove(made)
        raise


def _remove(made: Sequence[Path]) -> None:
    for path in reversed(made):
        with suppress(OSError):
            path.rmdir() if path.is_dir() else path.unlink()


def _create(root: Path, name: str, text: str, made: list[Path]) -> None:
    path = root / name
    for parent in reversed(path.relative_to(root).parents):
        directory = root / parent
        if not directory.is_dir():
            directory.mkdir()
            made.append(directory)
    if not Path(os.path.realpath(path.parent)).is_relative_to(os.path.realpath(root)):
        raise ProjectError(
            f"{name} leads out of the repository {root}",
            hint="Replace the link with a directory; --print shows the files instead.",
        )
    with path.open("x", encoding="utf-8", newline="\n") as file:
        made.append(path)
        file.write(text)
