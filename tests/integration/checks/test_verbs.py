"""`parse`, `pytest` and `check` as commands, with a real Airflow of this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests import forked
from tests.dag_files import a_dag

pytestmark = pytest.mark.timeout(300)
ROOT = Path(__file__).parents[3]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in a directory of a repository."""
    project = tmp_path / "repository/team"
    project.joinpath("dags").mkdir(parents=True)
    subprocess.run(["git", "init", "-q", project.parent], check=True)
    project.joinpath("dags/good.py").write_text(a_dag("good"))
    return project


def command(
    project: Path, *arguments: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    given = {"PATH": os.environ["PATH"], "HOME": str(project)}
    done = forked.run(arguments, cwd=project, env={**given, **(env or {})})
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_good_project_passes(project: Path, airflow_3: Path) -> None:
    done = command(project, "parse", "--python", str(airflow_3))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "parse check: passed (1 file)"
    assert f"with {airflow_3} (Airflow 3." in done.stdout


def test_an_error_is_annotated_on_its_line_in_the_repository(
    project: Path, airflow_3: Path
) -> None:
    project.joinpath("dags/bad.py").write_text("from airflow import DAG\n\nimport nowhere\n")
    done = command(
        project, "parse", "--python", str(airflow_3), "--json", env={"GITHUB_ACTIONS": "true"}
    )
    assert done.returncode == 6
    [line] = [line for line in done.stderr.splitlines() if line.startswith("::error ")]
    assert line.startswith(
        "::error file=team/dags/bad.py,line=3,title=The file cannot be imported (dag-import)::"
        "Airflow cannot import the file: ModuleNotFoundError: No module named 'nowhere'%0A"
    )
    [finding] = document(done)["findings"]
    detail = finding.pop("detail")
    assert detail.endswith("ModuleNotFoundError: No module named 'nowhere'")
    assert finding == {
        "path": "team/dags/bad.py",
        "line": 3,
        "column": None,
        "rule": "dag-import",
        "severity": "error",
        "message": "Airflow cannot import the file: ModuleNotFoundError: No module named 'nowhere'",
    }


def test_dag_files_see_what_they_are_given_and_no_secret_of_the_job(
    project: Path, airflow_3: Path
) -> None:
    project.joinpath("dags/good.py").write_text(
        a_dag(
            "good",
            "import os\n"
            "from airflow.sdk import Variable\n"
            "assert os.environ['FROM_FILE'] == 'yes'\n"
            "assert int(Variable.get('limit')) == 7\n"
            "assert Variable.get('target') == 'prod'\n"
            "found = {'ASTRO_API_TOKEN', 'GITHUB_OUTPUT', 'MY_PASSWORD'} & {*os.environ}\n"
            "assert not found, found\n"
            "assert os.environ['PLAIN'] == 'x'\n",
        )
    )
    project.joinpath(".env").write_text("FROM_FILE=yes\nAIRFLOW_VAR_TARGET=prod\n")
    env = {"ASTRO_API_TOKEN": "x", "GITHUB_OUTPUT": "/x", "MY_PASSWORD": "x", "PLAIN": "x"}
    done = command(
        project, "parse", "--python", str(airflow_3), "--set-variable", "limit=7", "--json", env=env
    )
    assert document(done)["findings"] == []
    assert done.returncode == 0


@pytest.mark.parametrize("verb", ["parse", "pytest"])
def test_without_airflow_there_is_no_pass(verb: str, project: Path, tmp_path: Path) -> None:
    env = {"PATH": str(tmp_path / "none")}
    done = command(project, verb, "--json", env=env)
    assert done.returncode == 6
    assert document(done)["error"]["message"].startswith("there is no Airflow")


def test_a_python_without_airflow_is_no_pass(project: Path) -> None:
    done = command(project, "parse", "--python", sys.executable)
    assert done.returncode == 6
    assert f"{sys.executable} has no Airflow" in done.stderr


def test_without_a_dags_directory_there_is_no_pass(project: Path, airflow_3: Path) -> None:
    project.joinpath("Dockerfile").touch()
    project.joinpath("dags").rename(project / "elsewhere")
    done = command(project, "parse", "--python", str(airflow_3))
    assert done.returncode == 6
    assert "dags does not exist, so there is nothing to parse" in done.stderr


def test_an_airflow_that_cannot_start_is_no_pass(project: Path, airflow_3: Path) -> None:
    project.joinpath("config").mkdir()
    project.joinpath("config/airflow_local_settings.py").write_text("1 / 0\n")
    done = command(project, "parse", "--python", str(airflow_3))
    assert done.returncode == 6
    assert "Airflow could not be started" in done.stderr
    assert "division by zero" in done.stderr


def test_tests_pass_or_fail_with_their_own_exit_code(
    project: Path, airflow_3: Path, tmp_path: Path
) -> None:
    project.joinpath("tests").mkdir()
    project.joinpath("include").mkdir()
    project.joinpath("include/names.py").write_text("NAME = 'x'\n")
    project.joinpath("tests/test_a.py").write_text(
        "from include.names import NAME\n\ndef test_a():\n    assert NAME == 'x'\n"
    )
    report = tmp_path / "out/junit.xml"
    arguments = ("pytest", "--python", str(airflow_3), "--json", "--junit-xml", str(report))
    before = sorted(str(path) for path in project.rglob("*"))
    done = command(project, *arguments)
    assert done.returncode == 0, done.stderr
    assert "1 passed" in done.stderr
    assert document(done)["checks"][0]["files"] == 1
    assert b'name="test_a"' in report.read_bytes()
    assert sorted(str(path) for path in project.rglob("*")) == before
    # `check` takes the variable of `deploy`, and its report lists each test.
    words = ("check", "--no-static", "--no-parse", *arguments[1:])
    done = command(project, *words, env={"ASTRO_CI_PYTEST": "test_a.py"})
    assert done.returncode == 0, done.stderr
    assert b'classname="tests.test_a" name="test_a"' in report.read_bytes()
    nothing = command(project, *arguments, "tests/test_a.py", "--", "-k", "nothing_at_all")
    assert nothing.returncode == 6
    [finding] = document(nothing)["findings"]
    assert finding["message"] == "pytest collected no test (exit code 5)"


def test_without_tests_there_is_no_pass(project: Path, airflow_3: Path) -> None:
    done = command(project, "pytest", "--python", str(airflow_3))
    assert done.returncode == 6
    assert "tests does not exist, so there are no tests to run" in done.stderr


def test_every_check_is_made_whatever_the_others_found(project: Path, airflow_3: Path) -> None:
    project.joinpath("dags/bad.py").write_text("from airflow import DAG\ndef x(:\n")
    done = command(project, "check", "--python", str(airflow_3), "--json")
    assert done.returncode == 6
    checks = {check["name"]: check for check in document(done)["checks"]}
    assert {name: check["status"] for name, check in checks.items()} == {
        "static": "failed",
        "parse": "failed",
        "pytest": "impossible",
    }
    assert "so there are no tests to run" in checks["pytest"]["not_checked"][0]
    project.joinpath("dags/bad.py").unlink()
    done = command(project, "check", "--python", str(airflow_3), "--no-pytest")
    assert done.returncode == 0, done.stdout


def test_a_cancelled_check_leaves_no_process(
    project: Path, airflow_3: Path, tmp_path: Path
) -> None:
    project.joinpath("dags/good.py").write_text(
        f"from airflow import DAG\nimport time\nopen({str(tmp_path / 'begun')!r}, 'w').close()\n"
        "while True:\n    try:\n        time.sleep(99)\n    except BaseException: pass\n"
    )
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "astro_ci", "parse", "--python", str(airflow_3)],
        cwd=project,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TMPDIR": str(scratch)},
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 120
    while not tmp_path.joinpath("begun").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143
    assert list(scratch.iterdir()) == []
    deadline = time.monotonic() + 30
    while running(scratch):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def running(scratch: Path) -> list[str]:
    """The processes whose command names a directory."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if os.fsencode(scratch) in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found
