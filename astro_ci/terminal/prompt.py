"""Questions on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

import click

from astro_ci.errors import ConfigurationError
from astro_ci.text import printable

T = TypeVar("T")


class EndOfInput(click.Abort):
    """The input ended where an answer was needed."""


class Unfit(ValueError):
    """The answer is not usable; the message says what to answer."""


def ask(question: str, *, default: str = "", choices: Sequence[str] = ()) -> str:
    """Ask on the terminal; a choice may be answered by its number or its words."""
    for number, choice in enumerate(choices, 1):
        click.echo(f"  {number}. {printable(choice)}", err=True)
    numbers = {str(number): choice for number, choice in enumerate(choices, 1)}

    def read(answer: str) -> str:
        answer = answer or default
        if answer in choices or (answer and not choices):
            return answer
        if answer not in numbers:
            raise Unfit(
                f"Answer with a number from 1 to {len(choices)}, or with the words of a choice."
                if choices
                else "An answer is needed here."
            )
        return numbers[answer]

    return ask_until(f"{question} [{default}]" if default else question, read)


def confirm(question: str) -> bool:
    """Ask for yes or no; Enter is no. Raises ConfigurationError when the input ends."""
    words = {"y": True, "yes": True, "n": False, "no": False, "": False}

    def read(answer: str) -> bool:
        if answer.lower() not in words:
            raise Unfit("Answer with y or n.")
        return words[answer.lower()]

    try:
        return ask_until(f"{question} [y/N]", read)
    except EndOfInput as error:
        raise ConfigurationError(
            "the question was not answered: the input ended", hint="Answer with y or n."
        ) from error


def ask_until(question: str, read: Callable[[str], T]) -> T:
    """Ask until `read` accepts the answer, and show the message of Unfit. Raises EndOfInput."""
    while True:
        click.echo(f"{printable(question)}: ", nl=False, err=True)
        line = sys.stdin.readline()
        if not line:
            click.echo(err=True)
            raise EndOfInput
        try:
            return read(line.strip())
        except Unfit as unfit:
            click.echo(str(unfit), err=True)
