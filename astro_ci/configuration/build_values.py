"""Check the values of the options of an image build, so that no value becomes a flag of docker.

The functions raise ConfigurationError, and take the value's name for the message.
"""

from __future__ import annotations

import posixpath
import re

from astro_ci.errors import ConfigurationError
from astro_ci.text import Regex, excerpt

_BUILDER = Regex(r"[A-Za-z0-9][A-Za-z0-9_.+/-]{0,199}", re.ASCII)
_STAGE = Regex(r"[A-Za-z][A-Za-z0-9_.-]{0,199}|[0-9]{1,4}", re.ASCII)
_CONTROL = Regex(r"[\x00-\x1f\x7f]")


def check_builder(name: str, value: str) -> None:
    """Refuse an invalid name of a buildx builder."""
    if value and not _BUILDER.fullmatch(value):
        raise ConfigurationError(
            f"{name} is '{excerpt(value)}', which is not the name of a builder",
            hint="Copy the name from the first column of `docker buildx ls`.",
        )


def check_target(name: str, value: str) -> None:
    """Refuse an invalid name of a stage."""
    if value and not _STAGE.fullmatch(value):
        raise ConfigurationError(
            f"{name} is '{excerpt(value)}', which is not the name of a stage",
            hint="Use the name after AS in a FROM line of the Dockerfile.",
        )


def check_cache(name: str, value: str) -> None:
    """Refuse an empty value, and a value with control characters. It may contain a secret."""
    if not value.strip() or value.startswith("-") or _CONTROL.search(value):
        raise ConfigurationError(
            f"{name} is not a place for a build cache",
            hint="Write it as for `docker buildx build`, such as "
            "type=registry,ref=registry.example/cache:main.",
        )


def parse_dockerfile(name: str, text: str) -> str:
    """Read the path of a Dockerfile: `./docker//Dockerfile` is `docker/Dockerfile`."""
    check_dockerfile(name, text)
    return posixpath.normpath(text)


def check_dockerfile(name: str, value: str) -> None:
    """Refuse a path that leads out of the project, or that is not the path of a file."""
    if value.startswith("/") or ".." in value.split("/"):
        raise ConfigurationError(
            f"{name} is '{excerpt(value)}', which lies outside of the project",
            hint="Move the Dockerfile into the project, and name it relative to the project's "
            "directory.",
        )
    if (
        value.startswith("-")
        or _CONTROL.search(value)
        or posixpath.normpath(value or ".") == "."
        or value.endswith("/")
    ):
        raise ConfigurationError(
            f"{name} is '{excerpt(value)}', which is not the path of a file",
            hint="Name the Dockerfile relative to the project's directory, such as "
            "docker/Dockerfile.",
        )
