"""Write a chosen Deployment into `astro-ci.yaml`, without changing any other byte."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from astro_ci.configuration.locate import NAMES
from astro_ci.configuration.scalar import yaml_text
from astro_ci.errors import ConfigurationError
from astro_ci.project.files import read_bytes

if TYPE_CHECKING:  # PyYAML is only loaded for a file that exists
    from astro_ci.configuration.file import ConfigFile

_MOST_BYTES = 250_000
_BY_HAND = "Add the Deployment to the file by hand, under `deployments`."
_WRITE = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC


class Place(Struct, frozen=True, kw_only=True):
    """The file in which to write a Deployment; it may not exist yet."""

    path: Path
    name: str
    """The name of the file in messages."""
    is_new: bool


def find_place(file: ConfigFile | None, directory: Path) -> Place:
    """Find the file to write to; `directory` is the project's directory, for a new file.

    Raises ConfigurationError for a file that has Deployments already, or cannot be written.
    """
    if file is None:
        return Place(path=directory / NAMES[0], name=NAMES[0], is_new=True)
    if file.has_projects or any(project.entries for project in file.projects):
        key = "projects" if file.has_projects else "deployments"
        raise ConfigurationError(
            f"--save would write `deployments` into {file.name}, which already has `{key}`",
            hint=_BY_HAND,
        )
    if not file.path.lstat().st_mode & 0o222 or not os.access(file.path, os.W_OK):
        raise ConfigurationError(
            f"--save cannot write to {file.name}: the file is read-only",
            hint="Make the file writable, or leave out --save.",
        )
    return Place(path=file.path, name=file.name, is_new=False)


def save_deployment(place: Place, *, key: str, deployment_id: str, branch: str) -> None:
    """Add a Deployment for a branch; `deployment_id` is empty if the name is enough.

    Raises ConfigurationError; the file is then unchanged.
    """
    try:
        before = b"" if place.is_new else read_bytes(place.path, most_bytes=_MOST_BYTES)
        added = _addition(before, key, deployment_id, branch).encode()
        _check(place, before + added, key, branch)
        _append(place, added, size=len(before))
    except OSError as error:
        raise ConfigurationError(
            f"--save cannot write to {place.name}: {error.strerror}",
            hint="Check the permissions of the file and its directory, or leave out --save.",
        ) from error


def _addition(before: bytes, key: str, deployment_id: str, branch: str) -> str:
    newline = "\r\n" if b"\r\n" in before else "\n"
    lines = [
        *([""] if before and not before.endswith(b"\n") else []),  # end the last line
        "deployments:",
        f"  {yaml_text(key)}:",
        *([f"    id: {yaml_text(deployment_id)}"] if deployment_id else []),
        f"    branches: [{yaml_text(branch)}]",
        "",
    ]
    return newline.join(lines)


def _check(place: Place, content: bytes, key: str, branch: str) -> None:
    """Refuse a file that cannot be extended at its end: in flow style, or with an end mark."""
    from astro_ci.configuration.file import parse

    try:
        text = content.decode().removeprefix("\ufeff")
        found = parse(text, path=place.path, name=place.name)
        (entry,) = found.projects[0].entries
        is_meant = entry.key == key and entry.branches.deciding(branch) is not None
    except (ConfigurationError, UnicodeDecodeError, ValueError):
        is_meant = False
    if not is_meant:
        raise ConfigurationError(
            f"--save cannot add the Deployment at the end of {place.name}: the file would then be "
            "read differently",
            hint=_BY_HAND,
        )


def _append(place: Place, added: bytes, *, size: int) -> None:
    create = os.O_CREAT | os.O_EXCL if place.is_new else 0
    descriptor = os.open(place.path, _WRITE | create, 0o666)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(added)
    except BaseException:
        os.ftruncate(descriptor, size)
        raise
    finally:
        os.close(descriptor)
