"""Questions on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

import click

from astro_ci.errors import ConfigurationError
from astro_ci.reporting.cells import wrapped
from astro_ci.reporting.console import Console
from astro_ci.text import printable

T = TypeVar("T")
_YES_NO = {"y": True, "yes": True, "n": False, "no": False, "": False}


class EndOfInput(click.Abort):
    """The input ended before the answer."""


class Unfit(ValueError):
    """The answer is not usable; the message says what to answer."""


class Prompt:
    """Asks questions below the console's lines, and removes secrets as the console does."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @property
    def columns(self) -> int | None:
        """The width of the terminal; None without a terminal."""
        return self._console.columns

    def ask(self, question: str, *, default: str = "", choices: Sequence[str] = ()) -> str:
        """Ask at the terminal; the user answers with the number or the words of a choice."""
        for number, choice in enumerate(choices, 1):
            self.show(f"  {number}. {printable(choice)}")
        numbers = {str(number): choice for number, choice in enumerate(choices, 1)}

        def read(answer: str) -> str:
            answer = answer or default
            if answer in choices or (answer and not choices):
                return answer
            if answer not in numbers:
                raise Unfit(
                    f"Answer with a number from 1 to {len(choices)}, or with the words of a choice."
                    if choices
                    else "This question needs an answer."
                )
            return numbers[answer]

        return self.ask_until(f"{question} [{default}]" if default else question, read)

    def confirm(self, question: str) -> bool:
        """Ask for yes or no; Enter is no. Raises ConfigurationError when the input ends."""

        def read(answer: str) -> bool:
            if answer.lower() not in _YES_NO:
                raise Unfit("Answer with y or n.")
            return _YES_NO[answer.lower()]

        try:
            return self.ask_until(f"{question} [y/N]", read)
        except EndOfInput as error:
            raise ConfigurationError(
                "the question was not answered: the input ended", hint="Answer with y or n."
            ) from error

    def ask_until(self, question: str, read: Callable[[str], T]) -> T:
        """Ask until `read` accepts the answer, and show the message of Unfit. Raises EndOfInput."""
        asked = self._console.redactor(printable(question))  # a broken secret would not be found
        lines = wrapped(f"{asked}:", self.columns, indent=0)
        with self._console.paused():
            while True:
                self.show("{} ".format("\n".join(lines)), ends=False)
                line = sys.stdin.readline()
                if not line:
                    self.show()
                    raise EndOfInput
                try:
                    return read(line.strip())
                except Unfit as unfit:
                    self.show(str(unfit))

    def show(self, text: str = "", *, ends: bool = True) -> None:
        """Print a text of a question; without `ends`, the answer follows in the same line."""
        click.echo(self._console.redactor(text), nl=ends, err=True)
