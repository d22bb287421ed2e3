"""Recognise leftovers of tools, which are never deployed. Pure.

The bundle and its digest must leave out the same files, so both use this list.
"""

from __future__ import annotations

from collections.abc import Callable

_NAMES = frozenset(
    {
        ".git",
        "__pycache__",
        ".pytest_cache",
        ".mypy_cache",
        ".ruff_cache",
        ".hypothesis",
        ".ipynb_checkpoints",
        ".tox",
        ".nox",
        ".DS_Store",
    }
)
_SUFFIXES = (".pyc", ".pyo")
VENV_MARKER = "pyvenv.cfg"
"""A directory that holds this file is a virtual environment."""


def is_excluded_name(name: str) -> bool:
    """Whether a file or directory of this name never ships."""
    return name in _NAMES or name.endswith(_SUFFIXES)


def may_hold_excluded_names(text: str) -> bool:
    """Whether a text with file names may contain a name that never ships."""
    return any(part in text for part in (*_NAMES, *_SUFFIXES))


def leftover_matcher(is_venv: Callable[[str], bool]) -> Callable[[str], bool]:
    """Make the predicate for whole paths; `is_venv` tells whether a directory holds VENV_MARKER."""
    directories: dict[str, bool] = {"": False}

    def excludes_directory(path: str) -> bool:
        below = []
        while path not in directories:
            below.append(path)
            path = path.rpartition("/")[0]
        for path in reversed(below):
            above, _, name = path.rpartition("/")
            directories[path] = directories[above] or is_excluded_name(name) or is_venv(path)
        return directories[path]

    def excludes_file(path: str) -> bool:
        directory, _, name = path.rpartition("/")
        return is_excluded_name(name) or excludes_directory(directory)

    return excludes_file
