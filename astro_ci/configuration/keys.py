"""Settings with their sources, and the options that `astro-ci.yaml` may have."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from msgspec import Struct

from astro_ci.configuration.config import options
from astro_ci.configuration.option import Option


class Setting(Struct, frozen=True, kw_only=True):
    """A value and its source: a flag, a variable, or a line of the file."""

    value: Any
    source: str


Settings = Mapping[str, Setting]
"""The settings by the fields of Config."""


@cache
def keys() -> Mapping[str, Option]:
    """The options that the file may have, by their names in the file."""
    return {row.key: row for row in options() if row.key}


def read_key(row: Option, text: str) -> Any:
    """Read a text of the file. Raises ConfigurationError."""
    name = row.key or row.stem
    value = row.kind.read(name, text)
    row.kind.check(name, value)
    return value
