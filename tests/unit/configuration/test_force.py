"""`--force`: the checks that may fail, by flag, variable and file."""

from __future__ import annotations

import click
import pytest

from astro_ci.commands.deploy import deploy
from astro_ci.configuration.config import Config
from astro_ci.configuration.values import CHECKS, parse_checks
from astro_ci.errors import ConfigurationError
from astro_ci.terminal.settings import read_settings

ALL = CHECKS


@pytest.mark.parametrize(
    ("text", "checks"),
    [
        ("true", ALL),
        ("Yes", ALL),
        ("1", ALL),
        ("false", ()),
        ("0", ()),
        ("parse", ("parse",)),
        ("pytest,parse", ("parse", "pytest")),
        ("static\npytest", ("static", "pytest")),
        ("parse, parse", ("parse",)),
    ],
)
def test_what_it_says(text: str, checks: tuple[str, ...]) -> None:
    assert parse_checks("--force", text) == checks


@pytest.mark.parametrize("text", ["nothing", "parse,bogus", "true,parse", "on"])
def test_what_is_no_check(text: str) -> None:
    with pytest.raises(ConfigurationError, match="which is not a check") as caught:
        parse_checks("--force", text)
    assert "static, parse, pytest" in caught.value.hint


def test_the_library_refuses_other_names() -> None:
    with pytest.raises(ConfigurationError, match="--force has 'bogus'"):
        Config(force=("bogus",))


@pytest.mark.parametrize(
    ("words", "env", "checks"),
    [
        (["--force"], {}, ALL),
        (["--force", "--json"], {}, ALL),
        (["--force", "parse,pytest"], {}, ("parse", "pytest")),
        (["--force=static"], {}, ("static",)),
        ([], {"ASTRO_CI_FORCE": "true"}, ALL),
        ([], {"ASTRO_CI_FORCE": "pytest"}, ("pytest",)),
        ([], {"ASTRO_CI_FORCE": "false"}, ()),
        ([], {"ASTRO_CI_FORCE": ""}, None),
        (["--force", "parse"], {"ASTRO_CI_FORCE": "true"}, ("parse",)),
        ([], {}, None),
    ],
)
def test_by_flag_and_variable(
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    env: dict[str, str],
    checks: tuple[str, ...] | None,
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with deploy.make_context("deploy", words) as ctx:
        assert isinstance(ctx, click.Context)
        found = read_settings(ctx, env)
    assert (found["force"].value if "force" in found else None) == checks
