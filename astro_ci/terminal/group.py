"""A command group that loads a verb only when the verb is called, not to list it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click


class LazyGroup(click.Group):
    """Finds the verb `name` as `package.name.name`; `summaries` lists the verbs for `--help`."""

    def __init__(
        self, *arguments: Any, package: str = "", summaries: Mapping[str, str], **settings: Any
    ) -> None:
        super().__init__(*arguments, **settings)
        self._package = package
        self._summaries = summaries

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the verbs, in the order of their summaries."""
        return list(self._summaries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a verb; None when there is none of that name."""
        if cmd_name not in self._summaries:
            return None
        module = importlib.import_module(f"{self._package}.{cmd_name}")
        found: click.Command = getattr(module, cmd_name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs with their summaries, uncut."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._summaries.items()))
