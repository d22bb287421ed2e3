"""What the command line does with an exception that nobody expected."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from astro_ci import cli
from tests.repository import Repository

SECRET = "what-the-exception-says"

TOKEN = "a-token-that-an-exception-quotes"


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project, and a command with a bug. Gives where the summary of the job is."""
    project = Repository.create(tmp_path / "project", {"dags/a.py": "a", "Dockerfile": "FROM x"})
    monkeypatch.chdir(project.root)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "ASTRO_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))

    monkeypatch.setenv("ASTRO_API_TOKEN", f"{TOKEN}\n")

    def fail(*_arguments: object, **_options: object) -> None:
        raise LookupError(f"{SECRET} {f'{TOKEN} '!r}\n::warning::obeyed")

    monkeypatch.setattr("astro_ci.survey.plan.plan_target", fail)
    monkeypatch.setattr("astro_ci.deploying.deploy.deploy", fail)
    log = logging.getLogger("astro_ci")
    handlers, level = list(log.handlers), log.level
    yield summary
    log.handlers[:] = handlers
    log.setLevel(level)


@pytest.mark.parametrize("verb", ["plan", "deploy"])
def test_a_bug_is_told_everywhere(
    broken: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.run([verb, "--json", "--deployment-name", "x"])
    out, err = capsys.readouterr()
    assert ended.value.code == 1
    assert f"LookupError: {SECRET}" in err, "the traceback"
    assert "::error" in err
    assert "\n::warning" not in err
    assert TOKEN not in err
    document = json.loads(out)
    assert document["error"]["exit_code"] == 1
    assert document["error"]["message"] == "a bug in astro_ci ended the run (LookupError)"
    assert document.get("outcome") == ("failed" if verb == "deploy" else None)
    assert SECRET not in out + broken.read_text()
    assert "A bug in astro_ci ended the run" in broken.read_text()


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["deply"], "Did you mean `deploy`? See `astro-ci --help`."),
        (["zzz"], "See `astro-ci --help`."),
        (["plan", "production"], "Name a Deployment with --deployment-name or --deployment-id."),
        (["check", "production", "x"], "See `astro-ci check --help`."),
    ],
)
def test_a_word_that_no_command_takes_is_guessed(
    words: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.run(words)
    assert ended.value.code == 2
    assert f"hint: {hint}" in capsys.readouterr().err
