"""Nothing passes because something was missing: interpreters that break in every way."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from astro_ci.checks.parse import ParseRequest, parse_dags
from astro_ci.checks.pytest import PytestRequest, run_pytest
from astro_ci.checks.runners import LocalRunner
from astro_ci.errors import AstroCIError
from astro_ci.finding import Checked

AIRFLOW = json.dumps({"event": "airflow", "version": "3.1.0", "python": "3.12.1"})
END = json.dumps({"event": "end"})


def runner(directory: Path, script: str) -> LocalRunner:
    """An interpreter that does what a script says; `$work` is our private directory."""
    python = directory / "python"
    python.write_text(f"#!/bin/sh\nwork=$3\n{script}\n")
    python.chmod(0o755)
    return LocalRunner(python=str(python), env={"PATH": os.environ["PATH"]})


@pytest.fixture
def project(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    for name in ("dags/a.py", "tests/test_a.py"):
        (project / name).parent.mkdir(parents=True)
        (project / name).write_text("from airflow import DAG\n")
    return project


def parse(project: Path, script: str) -> Checked:
    request = ParseRequest(project=project, dags=project / "dags")
    return parse_dags(request, runner(project.parent, script))


def pytest_check(project: Path, script: str, junit_xml: Path | None = None) -> Checked:
    request = PytestRequest(project=project, dags=project / "dags", junit_xml=junit_xml)
    return run_pytest(request, runner(project.parent, script), on_line=lambda line: None)


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("exit 0", "exit code 0 before it was done (no output)"),
        ("echo boom; exit 3", "exit code 3 before it was done (boom)"),
        ("kill -9 $$", "exit code -9 before it was done (no output)"),
        (f"echo '{AIRFLOW}' > $work/journal", "exit code 0 before it was done"),
        (f"echo '{END}' > $work/journal", "exit code 0 before it was done"),
        (
            f"printf '%s\\n%s' '{AIRFLOW}' '{{\"event\": \"files\", \"pa' > $work/journal",
            "exit code 0 before it was done",
        ),
        ("ln -s /etc/passwd $work/journal", "the result of the check could not be read: "),
        ("mkfifo $work/journal", "could not be read: it is no regular file"),
        ("mkdir $work/journal", "the result of the check could not be read: "),
        ("truncate -s 300M $work/journal", "could not be read: it is larger than 256 MiB"),
    ],
)
def test_parse_without_a_whole_result_fails(project: Path, script: str, sentence: str) -> None:
    with pytest.raises(AstroCIError) as caught:
        parse(project, script)
    assert sentence in caught.value.message
    assert caught.value.exit_code == 6
    assert caught.value.hint


def test_a_file_that_was_never_loaded_is_an_error(project: Path) -> None:
    files = {"event": "files", "paths": ["/p/dags/a.py"], "unreadable": [], "dangling": []}
    text = "\n".join((AIRFLOW, json.dumps(files), END))
    checked = parse(project, f"cat > $work/journal <<'.'\n{text}\n.")
    assert checked.status == "failed"
    assert checked.findings[0].message == "the file was not loaded: the check was cut off"


BEGUN = "printf 8.0 > $work/begun; "


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("exit 0", "pytest could not be started with "),
        ("touch $work/begun", "Python cannot find pytest with "),
        (BEGUN + "ln -s /proc/self/environ $work/junit.xml", "could not be read: "),
    ],
)
def test_pytest_that_did_not_run_fails(project: Path, script: str, sentence: str) -> None:
    report = project.parent / "junit.xml"
    with pytest.raises(AstroCIError) as caught:
        pytest_check(project, script, report)
    assert sentence in caught.value.message
    assert caught.value.exit_code == 6
    assert not report.exists()


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("", "pytest ended well, but wrote no report that could be read"),
        ("echo '<testsuites><testcase' > $work/junit.xml", "wrote no report that could be read"),
        ("echo '<testsuites/>' > $work/junit.xml", "pytest ended well, but ran no test"),
        ("exit 5", "pytest collected no test (exit code 5)"),
        ("exit 99", "pytest ended before it was done (exit code 99)"),
        ("kill -9 $$", "pytest ended before it was done (exit code -9)"),
    ],
)
def test_pytest_without_a_whole_report_fails(project: Path, script: str, sentence: str) -> None:
    checked = pytest_check(project, BEGUN + script)
    assert checked.status == "failed"
    assert sentence in checked.findings[0].message


def test_an_interpreter_that_is_gone_fails(project: Path) -> None:
    gone = runner(project.parent, "exit 0")
    Path(gone.python).unlink()
    with pytest.raises(AstroCIError, match="could not be started: No such file"):
        parse_dags(ParseRequest(project=project, dags=project / "dags"), gone)


def test_a_project_without_dags_fails(project: Path) -> None:
    (project / "dags" / "a.py").unlink()
    (project / "dags").rmdir()
    with pytest.raises(AstroCIError, match="does not exist, so there is nothing to parse"):
        parse(project, "exit 0")


def test_a_project_without_tests_fails(project: Path) -> None:
    (project / "tests" / "test_a.py").unlink()
    (project / "tests").rmdir()
    with pytest.raises(AstroCIError, match="does not exist, so there are no tests to run"):
        pytest_check(project, "exit 0")
