"""One row of the table of options: everything that any surface says about an option.

The rows are the fields of `Config`, and what a verb adds for itself. The command line, the file,
its JSON Schema, the inputs of the actions and of the GitLab templates, and every reference table
are made from them.
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
    """Which verbs take an option: those that find a Deployment, those that plan, those that act."""

    TARGET = 1
    PLAN = 2
    DEPLOY = 3


class Section(StrEnum):
    """Where `--help` lists an option."""

    WHERE = "Where"
    WHAT = "What"
    HOW = "How"
    GUARDS = "Guards"
    OUTPUT = "Output"


class Option(Struct, frozen=True, kw_only=True):
    """A row."""

    flag: str
    """Such as `--build-arg`; the variable is ASTRO_CI_BUILD_ARG."""
    field: str
    """The name of the value in Config, or of the verb's argument."""
    kind: Kind
    default: Any
    help: str
    section: Section
    scope: Scope = Scope.PLAN
    metavar: str = ""
    variables: Sequence[str] = ()
    """Other variables that users know."""
    key: str | None = None
    """The name in `astro-ci.yaml`; None where a file may not hold the option."""
    action_input: str = ""
    """The input of the GitHub actions; empty where it is the flag's stem."""
    template_input: str = ""
    """The input of the GitLab templates; empty where it is the flag's stem."""
    input_aliases: Sequence[str] = ()
    """Inputs of the same meaning, of workflows that come from deploy-action."""
    input_help: str = ""
    """More text for the description of an input."""
    variable_stem: str = ""
    """The variable's stem where it is not the flag's, as another verb's flag has that variable."""
    has_input: bool = True
    has_variable: bool = True
    """Whether the command line reads the variable; False for ASTRO_CI_BASE, which CI reads."""

    @property
    def stem(self) -> str:
        """The flag without its dashes."""
        return self.flag.removeprefix("--")

    @property
    def variable(self) -> str:
        """The environment variable of the same stem."""
        return f"ASTRO_CI_{self.variable_stem or self.stem.replace('-', '_').upper()}"

    def check(self, value: Any) -> None:
        """Refuse an invalid value. Raises ConfigurationError."""
        if value is None:
            return
        for one in value if self.kind.is_list else (value,):
            self.kind.check(self.flag, one)


def option(default: Any, flag: str, **row: Any) -> Any:
    """Make a field of Config from its row."""
    return field(default=default, metadata={_METADATA: {"default": default, "flag": flag, **row}})


def rows_of(config: type) -> Iterator[Option]:
    """Return the rows that are the fields of Config."""
    for one in fields(config):
        yield Option(field=one.name, **one.metadata[_METADATA])
