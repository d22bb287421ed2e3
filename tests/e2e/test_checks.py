"""Checks in a container of a stand-in for Astro Runtime that holds a real Airflow."""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from astro_ci.checks.parse import ParseRequest, parse_dags
from astro_ci.checks.pytest import PytestRequest, run_pytest
from astro_ci.checks.runners import DockerRunner, LocalRunner
from astro_ci.errors import CheckFailedError, DockerError
from astro_ci.finding import Checked, Finding
from astro_ci.image.engine import Engine
from tests.dag_files import LIMIT_SECONDS, a_dag, write_project
from tests.e2e.airflow_image import UID, runtime_tag
from tests.e2e.images import unique

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]


# What a container adds is the same for both; `test_parse.py` loads the files with both.
@pytest.fixture(
    scope="module",
    params=[
        pytest.param(2, id="airflow-2", marks=pytest.mark.thorough),
        pytest.param(3, id="airflow-3"),
    ],
)
def major(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def python(major: int, request: pytest.FixtureRequest) -> Path:
    found: Path = request.getfixturevalue(f"airflow_{major}")
    return found


@pytest.fixture(scope="module")
def image(engine: Engine, major: int, python: Path) -> str:
    return runtime_tag(engine, major, python)


@pytest.fixture(scope="module")
def newest(engine: Engine, airflow_3: Path) -> str:
    return runtime_tag(engine, 3, airflow_3)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one DAG and one test."""
    files = {
        "dags/one.py": a_dag("one", "from include.names import NAME\n"),
        "include/names.py": "NAME = 'names'\n",
        "tests/test_one.py": "import os\n\n"
        "def test_one():\n    assert os.environ['GIVEN'] == 'x'\n",
    }
    for name, text in files.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "project"


@pytest.fixture(autouse=True)
def _leaves_nothing(engine: Engine) -> Iterator[None]:
    before = remains(engine)
    yield
    assert_nothing_remains(engine, before)


def assert_nothing_remains(engine: Engine, before: tuple[set[str], set[str]]) -> None:
    """See what is new go away: a test beside this one has containers, too, but not for ever."""
    containers, volumes = (now - then for now, then in zip(remains(engine), before, strict=True))
    deadline = time.monotonic() + 120
    while containers or volumes:
        assert time.monotonic() < deadline, (containers, volumes)
        time.sleep(0.5)
        found = remains(engine)
        containers, volumes = containers & found[0], volumes & found[1]


def remains(engine: Engine) -> tuple[set[str], set[str]]:
    containers = engine.client.containers.list(
        all=True, filters={"label": "astro-ci-check"}, ignore_removed=True
    )
    volumes = engine.client.volumes.list()
    return {str(found.name) for found in containers}, {str(found.name) for found in volumes}


def parse(engine: Engine, image: str, project: Path, **request: Any) -> Checked:
    asked = ParseRequest(project=project, dags=project / "dags", **request)
    return parse_dags(asked, DockerRunner(engine=engine, image=image))


def comparable(checked: Checked, *homes: str) -> list[Finding]:
    """The findings without what differs between two places: the directories' names."""
    found = []
    for finding in checked.findings:
        detail, message = finding.detail, finding.message
        for home in homes:
            detail, message = detail.replace(home, "HOME"), message.replace(home, "HOME")
        found.append(
            structs.replace(finding, detail="" if "PID" in detail else detail, message=message)
        )
    return found


def test_a_container_finds_what_this_machine_finds(
    engine: Engine, image: str, python: Path, major: int, tmp_path: Path
) -> None:
    project = write_project(tmp_path / "project", major)
    request = ParseRequest(
        project=project, dags=project / "dags", max_seconds=LIMIT_SECONDS, root="x/y", dags_path="d"
    )
    local = LocalRunner(python=str(python), env={"PATH": os.environ["PATH"]})
    # Both wait out the files that hang, so they wait side by side.
    runners = DockerRunner(engine=engine, image=image), local
    with ThreadPoolExecutor() as pool:
        in_container, here = pool.map(functools.partial(parse_dags, request), runners)
    homes = str(project), "/usr/local/airflow"
    assert comparable(in_container, *homes) == comparable(here, *homes)
    assert in_container.files == here.files
    assert image in in_container.notes[0]
    assert str(python) in here.notes[0]


def test_a_dag_that_was_deleted_does_not_come_back_from_the_image(
    engine: Engine, newest: str, project: Path
) -> None:
    tag = unique("stale")
    for name in ("packages.txt", "requirements.txt"):
        project.joinpath(name).write_text("\n")
    project.joinpath("Dockerfile").write_text(f"FROM {newest}\n")
    stale = project / "dags/stale.py"
    stale.write_text("from airflow import DAG\nimport nowhere\n")
    engine.client.images.build(path=str(project), tag=tag, rm=True)
    try:
        assert parse(engine, tag, project).status == "failed"
        stale.unlink()
        assert parse(engine, tag, project).status == "passed"
    finally:
        engine.client.images.remove(tag, force=True)


def test_files_belong_to_the_user_of_the_image(engine: Engine, newest: str, project: Path) -> None:
    project.joinpath("dags/one.py").write_text(
        a_dag(
            "one",
            "import os\nfound = [os.stat(p) for p in ('/usr/local/airflow/dags', __file__)]\n"
            "assert [(s.st_uid, s.st_gid, oct(s.st_mode)[-3:]) for s in found] == "
            f"[({UID}, 0, '755'), ({UID}, 0, '644')], found\n"
            f"assert os.getuid() == {UID}\n"
            "open('/usr/local/airflow/dags/written', 'w').close()\n",
        )
    )
    project.joinpath("dags/one.py").chmod(0o600)  # as a strict umask leaves it
    checked = parse(engine, newest, project)
    assert checked.findings == ()
    assert checked.status == "passed"


def test_an_image_without_python_is_no_pass(engine: Engine, base: str, project: Path) -> None:
    with pytest.raises(DockerError) as caught:
        parse(engine, base, project)
    assert base in str(caught.value)
    assert "python" in str(caught.value)
    assert "--python" in caught.value.hint


def test_an_image_that_is_not_there_is_no_pass(engine: Engine, project: Path) -> None:
    with pytest.raises(DockerError, match="has no image astro-ci-test-none:x"):
        parse(engine, "astro-ci-test-none:x", project)


def test_an_image_without_airflow_is_no_pass(engine: Engine, newest: str, project: Path) -> None:
    # The Python below the environment that has Airflow.
    program = engine.client.containers.run(
        newest, entrypoint=["python", "-c", "import sys; print(sys._base_executable)"], remove=True
    )
    bare = Path(program.decode().strip()).resolve()
    runner = DockerRunner(engine=engine, image=newest, python=str(bare))
    with pytest.raises(CheckFailedError, match="Python cannot find Airflow in the image"):
        parse_dags(ParseRequest(project=project, dags=project / "dags"), runner)


def test_tests_run_in_the_image_and_their_report_comes_out(
    engine: Engine, newest: str, project: Path, tmp_path: Path
) -> None:
    project.joinpath("pytest.ini").write_text("[pytest]\naddopts = --strict-markers -v\n")
    lines: list[str] = []
    report = tmp_path / "reports/junit.xml"
    request = PytestRequest(
        project=project, dags=project / "dags", env={"GIVEN": "x"}, junit_xml=report
    )
    runner = DockerRunner(engine=engine, image=newest)
    checked = run_pytest(request, runner, on_line=lines.append)
    assert (checked.status, checked.files) == ("passed", 1)
    assert "configfile: pytest.ini" in lines
    assert any(line.startswith("tests/test_one.py::test_one PASSED") for line in lines)
    assert b'name="test_one"' in report.read_bytes()
    failed = run_pytest(replace(request, env={"GIVEN": "y"}), runner, on_line=lines.append)
    [finding] = failed.findings
    assert (finding.path, finding.line, finding.rule) == ("tests/test_one.py", 4, "test-failed")
    assert b"<failure" in report.read_bytes()


def test_a_cancelled_check_removes_its_container(
    engine: Engine, newest: str, project: Path
) -> None:
    project.joinpath("dags/slow.py").write_text(
        "from airflow import DAG\nimport time\ntime.sleep(99)"
    )
    before, _ = remains(engine)
    process = subprocess.Popen(
        [sys.executable, "-m", "astro_ci", "parse", "--image-name", newest, "--json"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 60
    while not any(
        container.status == "running"
        for container in engine.client.containers.list(filters={"label": "astro-ci-check"})
        if container.name not in before
    ):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 143
    assert json.loads(out)["error"]["message"] == "cancelled by SIGTERM"
