"""What a terminal gets, and what does not get there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from astro_ci.sandbox import Sandbox
from tests.integration.stage import FILES, Stage
from tests.integration.terminal import Terminal
from tests.repository import Repository

ESCAPE, ERASE = "\x1b[", "\x1b[K"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Sandbox(rollout_seconds=0.05) as astro:
        yield Stage(astro, Repository.create(tmp_path / "project", FILES))


def seen(stage: Stage, *words: str, **env: str) -> str:
    """What a terminal gets on standard error of a run in which Astro takes a moment to answer."""
    stage.astro.faults.add("GET", "/deploys$", status=None, hang_seconds=0.5)
    settings = {**stage.env, "TERM": "xterm-256color", "NO_COLOR": "", "CI": "", **env}
    return Terminal(stage.project.root, *words, answers="", **settings).asked


def test_a_terminal_sees_what_goes_on_and_colours(stage: Stage) -> None:
    got = seen(stage, "deploy", "--dags")
    assert "comparing with what runs" in got
    assert "waiting until the deploy is live" in got
    assert "\x1b[1mPlan: DAGs only\x1b[0m" in got
    assert ERASE in got


@pytest.mark.parametrize(
    ("words", "env"), [((), {"NO_COLOR": "1"}), (("--no-color",), {}), ((), {"TERM": ""})]
)
def test_colours_can_be_turned_off(
    stage: Stage, words: tuple[str, ...], env: dict[str, str]
) -> None:
    got = seen(stage, "deploy", "--dags", *words, **env)
    assert "Plan: DAGs only, to production" in got
    assert "comparing with what runs" in got
    assert not re.search(r"\x1b\[[\d;]*m", got)


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"CI": "true"}])
def test_where_nothing_can_be_drawn_there_are_plain_lines(
    stage: Stage, env: dict[str, str]
) -> None:
    got = seen(stage, "deploy", "--dags", "--no-color", **env)
    assert ESCAPE not in got
    assert "comparing with what runs" not in got
    assert "uploaded the DAG bundle as version" in got


def test_a_quiet_deploy_says_how_it_ended(stage: Stage) -> None:
    run = stage.command("deploy", "--dags", "--quiet")
    assert (run.code, run.err) == (0, "")
    assert run.out.startswith("deployed: DAGs only to production in ")
    assert run.out.count("\n") == 1


def into_full(stage: Stage, *words: str) -> tuple[int, str]:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "astro_ci", *words],
            cwd=stage.project.root,
            env={**os.environ, **stage.env},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    return done.returncode, done.stderr


@pytest.mark.parametrize("words", [("plan",), ("plan", "--json"), ("env", "--json")])
def test_output_that_cannot_be_written_is_told_in_a_sentence(
    stage: Stage, words: tuple[str, ...]
) -> None:
    code, err = into_full(stage, *words)
    assert code == 4
    assert "could not be written to standard output: No space left on device" in err
    assert "Traceback" not in err
    assert "Exception ignored" not in err


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_deploy_is_done_even_when_nobody_can_be_told(
    stage: Stage, words: tuple[str, ...]
) -> None:
    code, err = into_full(stage, "deploy", "--dags", *words)
    assert code == 4
    assert stage.checked_out_dags() == stage.running_dags()
    assert "outcome: failed" not in err
    assert "deployed: DAGs only to production" in err


def into_closed(stage: Stage, *words: str, **env: str) -> int:
    """Run with a standard output that nobody reads, as behind `| grep -q`."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "astro_ci", *words],
            cwd=stage.project.root,
            env={**os.environ, **stage.env, **env},
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        os.close(writer)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    return done.returncode


def test_a_deploy_whose_reader_has_gone_is_published_and_leaves_nothing(
    stage: Stage, tmp_path: Path
) -> None:
    scratch, told = tmp_path / "scratch", tmp_path / "told"
    scratch.mkdir()
    code = into_closed(
        stage,
        "deploy",
        "--dags",
        TMPDIR=str(scratch),
        GITHUB_ACTIONS="true",
        GITHUB_OUTPUT=str(told),
        GITHUB_STEP_SUMMARY=str(tmp_path / "summary.md"),
    )
    assert code == 0
    assert stage.checked_out_dags() == stage.running_dags()
    assert "\ndeployed\n" in told.read_text()
    assert "Deployed" in (tmp_path / "summary.md").read_text()
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("words", [("--help",), ("env", "--json"), ("plan",)])
def test_a_reader_that_has_read_enough_leaves_no_files(
    stage: Stage, tmp_path: Path, words: tuple[str, ...]
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    assert into_closed(stage, *words, TMPDIR=str(scratch)) in (0, 1)
    assert list(scratch.iterdir()) == []
