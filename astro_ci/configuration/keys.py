"""What may be set in `astro-ci.yaml`, on the command line and in the environment: one row a key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from astro_ci.configuration.config import (
    check_base,
    check_build_argument,
    check_description,
    check_id,
    check_wait,
    parse_boolean,
    parse_duration,
    parse_type,
)
from astro_ci.errors import ConfigurationError, ProjectError
from astro_ci.planning.rules import parse_globs

Read = Callable[[str, str], Any]
"""From the name that the user knows a value by, and its text. Raises ConfigurationError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A value, and where it came from: a flag, a variable, a line of the file."""

    value: Any
    source: str


Settings = Mapping[str, Setting]
"""By field of Config."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key of the file."""

    name: str
    field: str
    """Config's."""
    read: Read
    is_list: bool = False
    """Whether `read` takes one of several texts."""


def _text(name: str, text: str) -> str:
    if not text.strip():
        raise ConfigurationError(f"{name} is empty", hint=f"Give {name} a value, or remove it.")
    return text


def _id(name: str, text: str) -> str:
    try:
        check_id(name, text)
    except ConfigurationError as error:
        raise ConfigurationError(
            error.message, hint="Copy the id from Astro; a Deployment's name goes into name."
        ) from error
    return text


def _base(name: str, text: str) -> str:
    check_base(name, _text(name, text))
    return text


def _description(name: str, text: str) -> str:
    check_description(name, text)
    return text


def _build_argument(name: str, text: str) -> str:
    check_build_argument(name, text)
    return text


def _glob(name: str, text: str) -> str:
    try:
        parse_globs([_text(name, text)], name=name)
    except ProjectError as error:
        message = error.message.removeprefix(f"{name} line 1: ")
        raise ConfigurationError(f"{name}: {message}", hint=error.hint) from error
    return text


def _wait(name: str, text: str) -> float:
    try:
        seconds = parse_duration(text)
    except ConfigurationError as error:
        raise ConfigurationError(f"{name}: {error.message}", hint=error.hint) from error
    check_wait(name, seconds)
    return seconds


KEYS: Sequence[Key] = (
    Key(name="dags-path", field="dags_path", read=_text),
    Key(name="workspace-id", field="workspace_id", read=_id),
    Key(name="organization-id", field="organization_id", read=_id),
    Key(name="type", field="requested", read=parse_type),
    Key(name="base", field="base", read=_base),
    Key(name="ignore", field="ignore", read=_glob, is_list=True),
    Key(name="image-paths", field="image_paths", read=_glob, is_list=True),
    Key(name="build-args", field="build_args", read=_build_argument, is_list=True),
    Key(name="build-secrets", field="build_secrets", read=_text, is_list=True),
    Key(name="description", field="description", read=_description),
    Key(name="force", field="force", read=parse_boolean),
    Key(name="skip-unchanged", field="skip_unchanged", read=parse_boolean),
    Key(name="allow-older", field="allow_older", read=parse_boolean),
    Key(name="allow-shrink", field="allow_shrink", read=parse_boolean),
    Key(name="wait", field="wait", read=parse_boolean),
    Key(name="wait-time", field="wait_seconds", read=_wait),
)
BY_NAME = {key.name: key for key in KEYS}
read_id, read_text = _id, _text
