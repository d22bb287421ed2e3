"""Questions: without secrets, until there is an answer that fits."""

from __future__ import annotations

import io

import pytest

from astro_ci.ci import dialect_for
from astro_ci.errors import ConfigurationError
from astro_ci.reporting.console import Console
from astro_ci.terminal.prompt import EndOfInput, Prompt

SECRET = "hunter2hunter2"


@pytest.fixture
def prompt() -> Prompt:
    out = io.StringIO()
    console = Console(out, dialect_for("none", env={}, out=out), is_live=False)
    console.redactor.learn(SECRET)
    return Prompt(console)


def answer(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_a_question_holds_no_secret(
    prompt: Prompt, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(monkeypatch, "1\n")
    assert prompt.ask(f"Is it {SECRET}?", choices=[SECRET, "no"], default="no") == SECRET
    asked = capsys.readouterr().err
    assert SECRET not in asked
    assert asked.splitlines() == ["  1. ***", "  2. no", "Is it ***? [no]: "]


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_long_question_is_broken_between_words_and_hides_secrets_with_spaces(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "24")
    out = _Terminal()
    console = Console(out, dialect_for("none", env={}, out=out), is_live=False)
    console.redactor.learn("correct horse battery staple")
    answer(monkeypatch, "y\n")
    assert Prompt(console).confirm("Is the secret correct horse battery staple in use here?")
    assert capsys.readouterr().err == "Is the secret *** in use\nhere? [y/N]: "


def test_it_is_asked_until_an_answer_fits(
    prompt: Prompt, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(monkeypatch, "9\nb\n")
    assert prompt.ask("Which?", choices=["a", "b"]) == "b"
    assert "Answer with a number from 1 to 2" in capsys.readouterr().err


@pytest.mark.parametrize(("typed", "is_yes"), [("y\n", True), ("\n", False), ("x\nNO\n", False)])
def test_yes_has_to_be_said(
    prompt: Prompt, monkeypatch: pytest.MonkeyPatch, typed: str, is_yes: bool
) -> None:
    answer(monkeypatch, typed)
    assert prompt.confirm("Sure?") is is_yes


def test_the_end_of_the_input_is_no_answer(prompt: Prompt, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, "")
    with pytest.raises(EndOfInput):
        prompt.ask("Which?")
    with pytest.raises(ConfigurationError, match="the input ended"):
        prompt.confirm("Sure?")
