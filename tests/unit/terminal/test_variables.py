"""Variables that look like ours and that nothing reads."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from astro_ci.cli import cli
from astro_ci.terminal.variables import known_variables, unknown_variables

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("ASTRO_CI_TYP", "no option reads the variable ASTRO_CI_TYP; did you mean ASTRO_CI_TYPE?"),
        ("ASTRO_CI_DEPLOYMENT", "did you mean ASTRO_CI_DEPLOYMENT_"),
        ("ASTRO_CI_SOMETHING_OF_OURS", "reads the variable ASTRO_CI_SOMETHING_OF_OURS"),
    ],
)
def test_a_slip_is_told_with_the_nearest_name(name: str, told: str) -> None:
    (sentence,) = unknown_variables({name: "secret", "PATH": "/bin"})
    assert told in sentence
    assert "secret" not in sentence


def test_what_is_known_or_of_somebody_else_is_not_told() -> None:
    env = dict.fromkeys([*known_variables(), "CI_COMMIT_SHA", "ASTRO_CI_TEST_SEED", "ASTRO_X"], "1")
    assert not list(unknown_variables(env))


def test_every_variable_of_the_command_line_is_known() -> None:
    read = {name for name in _variables(cli) if name.startswith("ASTRO_CI_")}
    assert len(read) > 50
    assert read <= known_variables()


@pytest.mark.parametrize("place", ["actions", "gitlab-templates", "action.yml"])
def test_every_variable_that_a_pipeline_sets_is_known(place: str) -> None:
    path = ROOT / place
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    texts = [one.read_text(errors="replace") for one in files]
    found = {name for text in texts for name in re.findall(r"\bASTRO_CI_[A-Z_]*[A-Z]\b", text)}
    assert found
    assert found <= known_variables()


def _variables(command: click.Command) -> Iterator[str]:
    for param in command.params:
        yield from [param.envvar] if isinstance(param.envvar, str) else param.envvar or ()
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found
            yield from _variables(found)
