"""Questions on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

import click

from astro_ci.text import printable


def ask(question: str, *, default: str = "", choices: Sequence[str] = ()) -> str:
    """Ask on the terminal; a choice may be answered by its number or its words."""
    for number, choice in enumerate(choices, 1):
        click.echo(f"  {number}. {printable(choice)}", err=True)
    numbers = {str(number): choice for number, choice in enumerate(choices, 1)}
    while True:
        answer: str = click.prompt(printable(question), default=default or None, err=True).strip()
        answer = numbers.get(answer, answer)
        if answer and (not choices or answer in choices):
            return answer
