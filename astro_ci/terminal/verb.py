"""A verb of the command line: its options in sections, its examples, and its verbosity."""

from __future__ import annotations

from typing import Any

import click

from astro_ci.configuration.option import Option, Section
from astro_ci.terminal.examples import Examples, write_examples
from astro_ci.terminal.verbosity import verbosity

_TWO_COLUMNS = 76
"""The minimum width for options beside their descriptions."""


class RowOption(click.Option):
    """An option that `--help` lists in a section; `row` is None for an option of a single verb."""

    def __init__(
        self,
        *arguments: Any,
        section: str = Section.OUTPUT,
        row: Option | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(*arguments, **settings)
        self.section = section
        self.row = row


class VerbCommand(click.Command):
    """A verb whose `--help` lists its options in sections, and ends with examples."""

    examples: Examples = ()

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the verb's own parameters, and the common parameters of all verbs."""
        own = super().get_params(ctx)
        taken = {name for param in own for name in param.opts}
        common = [one for one in verbosity() if not taken.intersection(one.opts)]
        return [*own[:-1], *common, *own[-1:]]  # the last is --help

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, section by section."""
        sections: dict[str, list[tuple[str, str]]] = {section: [] for section in Section}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record and isinstance(param, click.Option):
                sections[getattr(param, "section", Section.OUTPUT)].append(record)
        for section, records in sections.items():
            if records:
                with formatter.section(section):
                    _write_records(records, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        write_examples(self.examples, formatter)


def _write_records(records: list[tuple[str, str]], formatter: click.HelpFormatter) -> None:
    """Write options beside their descriptions, or above them if the terminal is narrow."""
    if formatter.width >= _TWO_COLUMNS:
        formatter.write_dl(records)
        return
    for names, meaning in records:
        formatter.write(f"{'':>{formatter.current_indent}}{names}\n")
        formatter.indent()
        formatter.indent()
        formatter.write_text(meaning)
        formatter.dedent()
        formatter.dedent()
