"""Examples at the end of a verb's help."""

from __future__ import annotations

from collections.abc import Sequence

import click

Examples = Sequence[tuple[str, str]]
"""Command lines, each with a description."""


def write_examples(examples: Examples, formatter: click.HelpFormatter) -> None:
    """Write command lines without line breaks, each below its description."""
    if not examples:
        return
    with formatter.section("Examples"):
        for number, (command, meaning) in enumerate(examples):
            if number:
                formatter.write_paragraph()
            formatter.write_text(f"# {meaning}")
            formatter.write(f"{'':>{formatter.current_indent}}{command}\n")
