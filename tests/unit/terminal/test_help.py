"""What `--help` and the man pages show: grouped, with an example for each verb, nothing cut."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from astro_ci.cli import cli
from astro_ci.commands import EXAMPLES, HEADINGS, SUMMARIES
from astro_ci.commands.deployment import EXAMPLES as DEPLOYMENT_EXAMPLES
from astro_ci.commands.deployment import SUMMARIES as DEPLOYMENT_SUMMARIES
from astro_ci.configuration.option import Section


def help_of(*words: str, columns: int = 80) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "astro_ci", *words, "--help"],
        env={**os.environ, "COLUMNS": str(columns)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def commands() -> Iterator[tuple[str, ...]]:
    yield from ((verb,) for verb in SUMMARIES)
    yield from (("deployment", verb) for verb in DEPLOYMENT_SUMMARIES)


def lines_of_examples() -> Iterator[str]:
    for table in (EXAMPLES, DEPLOYMENT_EXAMPLES):
        for examples in table.values():
            yield from (command for command, _ in examples)


def test_every_verb_stands_under_a_heading_and_has_an_example() -> None:
    listed = [verb for verbs in HEADINGS.values() for verb in verbs]
    assert len(listed) == len(set(listed))
    assert set(SUMMARIES) == set(EXAMPLES)
    assert set(DEPLOYMENT_SUMMARIES) == set(DEPLOYMENT_EXAMPLES)


@pytest.mark.parametrize("line", list(lines_of_examples()))
def test_an_example_is_a_command_that_would_run(line: str) -> None:
    inner = re.search(r"\$\((.*?)\)", line)
    words = shlex.split(inner[1] if inner else re.split(r" [|>] ", line)[0])
    assert words[0] == "astro-ci"
    group: click.Command = cli
    context = click.Context(cli, obj=_Anything())
    words = words[1:]
    while isinstance(group, click.Group):
        _, found, words = group.resolve_command(context, words)
        assert found
        group = found
    group.make_context("x", words, parent=context)


class _Anything:
    """Takes what the options set."""


@pytest.mark.parametrize("words", list(commands()))
def test_the_help_ends_with_examples_and_fits_a_narrow_terminal(words: tuple[str, ...]) -> None:
    text = help_of(*words, columns=60)
    assert "\nExamples:\n" in text
    prose = text.partition("\nExamples:\n")[0].splitlines()
    assert max(map(len, prose)) <= 60
    assert "..." not in re.sub(r"\]\.\.\.|ARGS\.\.\.|\[ARGS\]", "", "".join(prose[2:]))


def test_the_options_of_deploy_stand_in_sections() -> None:
    text = help_of("deploy")
    found = re.findall(r"^(\w+):$", text, re.MULTILINE)
    assert found == [*Section, "Examples"]


@pytest.mark.parametrize(
    ("flag", "attribute"),
    [
        ("-v", "is_verbose"),
        ("--verbose", "is_verbose"),
        ("-q", "is_quiet"),
        ("--quiet", "is_quiet"),
        ("--no-color", "is_colourless"),
    ],
)
def test_how_much_is_said_can_be_set_before_the_verb_and_behind_it(
    flag: str, attribute: str
) -> None:
    for words in ([flag, "env"], ["env", flag]):
        session = _Anything()
        with pytest.raises(AttributeError, match="start"):  # the first that the verb asks of it
            cli.main(words, standalone_mode=False, obj=session)
        assert vars(session) == {attribute: True}
