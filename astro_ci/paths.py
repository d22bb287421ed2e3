"""Paths as git writes them: relative to some root, with `/`; the root itself is `""`. Pure."""

from __future__ import annotations


def below(path: str, directory: str) -> str | None:
    """Return the path relative to a directory above it, else None. Compares whole parts."""
    if not directory:
        return path
    prefix = f"{directory}/"
    return path[len(prefix) :] if path.startswith(prefix) else None


def is_under(path: str, directory: str) -> bool:
    """Whether a path is a directory or lies below it; everything is below the root."""
    return not directory or path == directory or path.startswith(f"{directory}/")


def join(directory: str, name: str) -> str:
    """Name what lies in a directory."""
    return f"{directory}/{name}" if directory else name
