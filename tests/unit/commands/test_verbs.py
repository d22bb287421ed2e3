"""The verbs as a group: listed without being loaded, each loading what it needs."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys

import click
import pytest

from astro_ci.commands import SUMMARIES

HEAVY = ("requests", "docker", "msgspec", "yaml", "rich", "starlette", "tenacity", "tempfile")


def loaded_by(*arguments: str) -> set[str]:
    """The modules that a run of the command line ends with."""
    script = "import sys, atexit; atexit.register(lambda: print(*sys.modules, file=sys.stderr))"
    run = f"{script}; from astro_ci.__main__ import main; sys.argv[1:] = {arguments!r}; main()"
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True)
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("verb", SUMMARIES)
def test_the_summary_is_the_first_paragraph_of_the_help(verb: str) -> None:
    command = getattr(importlib.import_module(f"astro_ci.commands.{verb}"), verb)
    assert isinstance(command, click.Command)
    assert (command.help or "").split("\n\n")[0].replace("\n", " ") == SUMMARIES[verb]


def test_listing_the_verbs_loads_none_and_cuts_no_summary() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "astro_ci", "--help"], capture_output=True, text=True, check=True
    )
    words = " ".join(done.stdout.split())
    for verb, summary in SUMMARIES.items():
        assert f"{verb} {summary}" in words
    loaded = loaded_by("--help")
    assert not loaded & {*HEAVY, *(f"astro_ci.commands.{verb}" for verb in SUMMARIES)}


@pytest.mark.parametrize("verb", SUMMARIES)
def test_the_help_of_a_verb_loads_that_verb_alone(verb: str) -> None:
    loaded = loaded_by(verb, "--help")
    assert {name for name in loaded if name.startswith("astro_ci.commands.")} == {
        f"astro_ci.commands.{verb}"
    }
    assert not loaded & (set(HEAVY) - {"msgspec"})  # the values of the options are the model's


def test_the_version_loads_no_command_line() -> None:
    assert not loaded_by("--version") & {"click", "astro_ci.cli"}


@pytest.mark.parametrize("words", [[], ["deployment"]])
def test_a_group_without_a_verb_shows_its_help(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "astro_ci", *words], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: ")
    assert re.search(r"^(Commands|Deploy):$", done.stderr, re.MULTILINE)


def test_an_unknown_verb_is_a_usage_error() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "astro_ci", "delpoy"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "No such command 'delpoy'" in done.stderr
