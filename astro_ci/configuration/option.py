"""A row of the table of options, with all facts about an option.

The rows are the fields of `Config`, and the additional options of the verbs. The command line, the
file, its JSON Schema, the inputs of the actions and of the GitLab templates, and all reference
tables are made from these rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field, fields
from enum import IntEnum, StrEnum
from typing import Any

from msgspec import Struct

from astro_ci.configuration.kinds import Kind

_METADATA = "option"


class Scope(IntEnum):
    """The verbs that have an option: verbs that find a Deployment, that plan, or that deploy."""

    TARGET = 1
    PLAN = 2
    DEPLOY = 3


class Section(StrEnum):
    """The section of `--help` that lists an option."""

    WHERE = "Where"
    WHAT = "What"
    HOW = "How"
    GUARDS = "Guards"
    OUTPUT = "Output"


class Option(Struct, frozen=True, kw_only=True):
    """A row of the table."""

    flag: str
    """The flag, such as `--build-arg`; its variable is ASTRO_CI_BUILD_ARG."""
    field: str
    """The field of Config, or the verb's argument."""
    kind: Kind
    default: Any
    help: str
    section: Section
    scope: Scope = Scope.PLAN
    metavar: str = ""
    variables: Sequence[str] = ()
    """Other known variables for the option."""
    key: str | None = None
    """The key in `astro-ci.yaml`; None when the file cannot have the option."""
    action_input: str = ""
    """The input of the GitHub actions; empty if its name is the flag's stem."""
    template_input: str = ""
    """The input of the GitLab templates; empty if its name is the flag's stem."""
    input_aliases: Sequence[str] = ()
    """Other inputs with the same meaning, for workflows that come from deploy-action."""
    input_help: str = ""
    """Additional text for the description of an input."""
    variable_stem: str = ""
    """The stem of the variable, if another verb's flag already uses the flag's own stem."""
    has_input: bool = True
    has_variable: bool = True
    """Whether click reads the variable; False for ASTRO_CI_BASE, which the CI context reads."""

    @property
    def stem(self) -> str:
        """The flag without its dashes."""
        return self.flag.removeprefix("--")

    @property
    def variable(self) -> str:
        """The environment variable with the same stem."""
        return f"ASTRO_CI_{self.variable_stem or self.stem.replace('-', '_').upper()}"

    def check(self, value: Any) -> None:
        """Refuse an invalid value. Raises ConfigurationError."""
        if value is None:
            return
        for one in value if self.kind.is_list else (value,):
            self.kind.check(self.flag, one)


def option(default: Any, flag: str, **row: Any) -> Any:
    """Make a field of Config from a row."""
    return field(default=default, metadata={_METADATA: {"default": default, "flag": flag, **row}})


def rows_of(config: type) -> Iterator[Option]:
    """Return the rows that are the fields of Config."""
    for one in fields(config):
        if _METADATA in one.metadata:
            yield Option(field=one.name, **one.metadata[_METADATA])
