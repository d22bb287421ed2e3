"""A command group that loads a verb only when the verb is called, not to list it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:  # loaded with the verb
    from click.shell_completion import CompletionItem

    from astro_ci.terminal.examples import Examples

_OTHERS = "Others"


class LazyGroup(click.Group):
    """Finds the verb `name` as `package.name.name`; `summaries` lists the verbs for `--help`.

    `headings` puts verbs under headings, and `examples` are shown at the end of a verb's help.
    """

    def __init__(
        self,
        *arguments: Any,
        package: str = "",
        summaries: Mapping[str, str],
        headings: Mapping[str, Sequence[str]] | None = None,
        examples: Mapping[str, Examples] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(*arguments, **settings)
        self._package = package
        self._summaries = summaries
        self._headings = headings or {}
        self._examples = examples or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the verbs, in the order of their summaries."""
        return list(self._summaries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a verb; None for an unknown name."""
        if cmd_name not in self._summaries:
            return None
        module = importlib.import_module(f"{self._package}.{cmd_name}")
        found: click.Command = getattr(module, cmd_name)
        if cmd_name in self._examples:
            found.examples = self._examples[cmd_name]  # type: ignore[attr-defined]
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs with their summaries, uncut, under their headings."""
        widest = max(map(len, self._summaries))
        listed = {verb for verbs in self._headings.values() for verb in verbs}
        others = [verb for verb in self._summaries if verb not in listed]
        rest = {_OTHERS if self._headings else "Commands": others}
        for heading, verbs in {**self._headings, **rest}.items():
            rows = [(v.ljust(widest), self._summaries[v]) for v in verbs if v in self._summaries]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples of the group itself."""
        from astro_ci.terminal.examples import write_examples

        write_examples(getattr(self, "examples", ()), formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the name of a verb, without loading any."""
        from click.shell_completion import CompletionItem

        verbs = [
            CompletionItem(verb, help=summary)
            for verb, summary in self._summaries.items()
            if verb.startswith(incomplete)
        ]
        return [*verbs, *click.Command.shell_complete(self, ctx, incomplete)]
