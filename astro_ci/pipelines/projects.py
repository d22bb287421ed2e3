"""The Astro projects of a repository, found by their files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from astro_ci.errors import ProjectError
from astro_ci.project.dockerfile import base_image
from astro_ci.project.find import DOCKERFILE, dockerfile_text, read_dockerfile
from astro_ci.project.leftovers import VENV_MARKER

_DEEPEST = 5
_DAGS = "dags"


def find_projects(root: Path) -> list[str]:
    """The projects, from the root of the repository and with `/`, empty for the root itself.

    A project holds `dags/` and a Dockerfile that starts from Astro Runtime, or what the Astro CLI
    keeps in `.astro/`. Hidden directories and those of projects are not searched.
    """
    return sorted(_below(root, root, is_project))


def find_candidates(root: Path) -> list[str]:
    """The directories with `dags/` and a Dockerfile, whatever that starts from."""
    return sorted(_below(root, root, _may_be_project))


def _below(root: Path, directory: Path, is_one: Callable[[Path], bool]) -> Iterator[str]:
    relative = directory.relative_to(root)
    if is_one(directory):
        yield "" if directory == root else relative.as_posix()
        return
    if len(relative.parts) == _DEEPEST:
        return
    try:
        entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
    except OSError:  # what cannot be read holds no project of this user
        return
    for entry in entries:
        if not entry.is_dir(follow_symlinks=False) or entry.name.startswith("."):
            continue
        is_venv = Path(entry.path, VENV_MARKER).exists()
        if not is_venv and entry.name != "node_modules":
            yield from _below(root, Path(entry.path), is_one)


def is_project(directory: Path) -> bool:
    """Whether a directory looks like an Astro project."""
    if not (directory / _DAGS).is_dir():
        return False
    try:
        content = read_dockerfile(directory)
    except ProjectError:
        return False
    if content is None:
        return False
    base = base_image(dockerfile_text(content))
    return bool(base and base.runtime_version) or (directory / ".astro").is_dir()


def _may_be_project(directory: Path) -> bool:
    return (directory / _DAGS).is_dir() and (directory / DOCKERFILE).is_file()
