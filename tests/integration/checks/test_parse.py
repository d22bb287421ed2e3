"""Every kind of DAG file, loaded by a real Airflow 2 and 3 of this machine."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from astro_ci.checks.parse import ParseRequest, parse_dags
from astro_ci.checks.runners import LocalRunner
from astro_ci.finding import Checked, Finding
from tests.dag_files import BROKEN_INCLUDE, FILES, LIMIT_SECONDS, Expected, write_project

pytestmark = pytest.mark.timeout(600)

BARE = """
import json, logging, sys
from pathlib import Path
logging.disable(logging.CRITICAL)
dags = sys.argv[1]
try:
    from airflow.dag_processing.dagbag import BundleDagBag
    bag = BundleDagBag(dag_folder=dags, bundle_path=Path(dags), bundle_name="dags")
except ImportError:
    from airflow.models import DagBag
    bag = DagBag(dag_folder=dags, include_examples=False, read_dags_from_db=False)
errors = sorted(path.removeprefix(dags + "/") for path in bag.import_errors)
Path(sys.argv[2]).write_text(json.dumps({"errors": errors, "dag_ids": sorted(bag.dags)}))
"""


# One test process loads the files with one version: it takes half a minute.
@pytest.fixture(
    scope="module",
    params=[
        pytest.param(2, id="airflow-2", marks=pytest.mark.xdist_group("parse-airflow-2")),
        pytest.param(3, id="airflow-3", marks=pytest.mark.xdist_group("parse-airflow-3")),
    ],
)
def major(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def python(major: int, request: pytest.FixtureRequest) -> Path:
    found: Path = request.getfixturevalue(f"airflow_{major}")
    return found


@pytest.fixture(scope="module")
def project(major: int, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("parse") / "project", major)


@pytest.fixture(scope="module")
def before(project: Path) -> dict[str, int]:
    return listing(project)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture(scope="module")
def checked(project: Path, python: Path, before: dict[str, int], scratch: Path) -> Checked:
    assert before
    env = {"TMPDIR": str(scratch)}
    return parse(project, python, env, max_seconds=LIMIT_SECONDS)


def parse(
    project: Path, python: Path, env: Mapping[str, str] | None = None, **request: object
) -> Checked:
    runner = LocalRunner(python=str(python), env={"PATH": os.environ["PATH"], **(env or {})})
    asked = ParseRequest(project=project, dags=project / "dags", **request)  # type: ignore[arg-type]
    return parse_dags(asked, runner)


def listing(project: Path) -> dict[str, int]:
    return {str(path): path.lstat().st_mtime_ns for path in project.rglob("*")}


def about(checked: Checked, path: str) -> list[Finding]:
    return [f for f in checked.findings if f.path == path and f.severity != "notice"]


def seen(finding: Finding) -> Expected:
    return Expected(severity=finding.severity, rule=finding.rule, line=finding.line)


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_judged(name: str, major: int, checked: Checked) -> None:
    expected = FILES[name].under(major)
    assert [seen(f) for f in about(checked, f"dags/{name}")] == ([expected] if expected else [])


def test_an_error_is_told_on_the_line_of_the_imported_file(checked: Checked) -> None:
    path, expected = BROKEN_INCLUDE
    [finding] = about(checked, path)
    assert seen(finding) == expected
    assert "module 'os' has no attribute 'nothing'" in finding.message
    assert finding.message.endswith(", while dags/broken_include.py is loaded")
    assert 'dags/broken_include.py", line 4' in finding.detail


def test_a_link_out_of_the_project_is_no_dag_on_astro(checked: Checked) -> None:
    [finding] = about(checked, "dags/outside.py")
    assert seen(finding) == Expected(severity="warning", rule="dag-link")
    assert not about(checked, "dags/into_include.py")


def test_nothing_is_found_beside(checked: Checked) -> None:
    known = {f"dags/{name}" for name in FILES} | {BROKEN_INCLUDE[0], "dags/outside.py"}
    assert {finding.path for finding in checked.findings} <= known
    assert checked.status == "failed"


def test_what_is_read_while_loading_is_told(checked: Checked) -> None:
    notices = {
        (f.path, f.line, f.rule): f.message for f in checked.findings if f.severity == "notice"
    }
    assert notices["dags/default_var.py", 5, "dag-variable"] == (
        "the Variable x is read while the file is loaded; the default of the call was used"
    )
    assert notices["dags/connection.py", 8, "dag-connection"] == (
        "the Connection c is read while the file is loaded; its value was made up"
    )


def test_the_checkout_is_left_as_it_was(
    checked: Checked, project: Path, before: dict[str, int]
) -> None:
    assert checked.files
    assert listing(project) == before


def test_nothing_is_left_behind(checked: Checked, scratch: Path) -> None:
    """No file, and no process: several of the DAG files start some, or end their parent."""
    assert checked.files
    assert not list(scratch.iterdir())
    commands = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            commands.append(path.read_bytes())
    assert not [command for command in commands if os.fsencode(scratch) in command]


def test_airflow_itself_says_the_same(
    major: int, python: Path, tmp_path_factory: pytest.TempPathFactory, checked: Checked
) -> None:
    """A bare DagBag with a database sees the same files and errors, but for the stand-ins."""
    place = tmp_path_factory.mktemp("bare")
    project = write_project(place / "project", major, deadly=False)
    env = {
        "PATH": os.environ["PATH"],
        "AIRFLOW_HOME": str(place / "home"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(project / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(project / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": str(LIMIT_SECONDS),
        "PYTHONPATH": str(project),
    }
    subprocess.run(
        [python, "-m", "airflow", "db", "migrate"], env=env, check=True, capture_output=True
    )
    out = place / "bag.json"
    subprocess.run(
        [python, "-c", BARE, project / "dags", out], env=env, check=True, capture_output=True
    )
    bare = json.loads(out.read_text())
    errors = {f.path.removeprefix("dags/") for f in checked.findings if f.severity == "error"}
    made_up = {f.path.removeprefix("dags/") for f in checked.findings if f.rule == "dag-stand-in"}
    deadly = {name for name, file in FILES.items() if file.is_deadly}
    without_values = {"connection.py", "sdk_variable.py"}  # Airflow has no such Connection
    # A DagBag blames the second of two duplicates; what is imported stands for who imports it.
    ours = (errors | made_up | without_values) - deadly - {"first_duplicate.py"}
    ours = {"broken_include.py" if name == BROKEN_INCLUDE[0] else name for name in ours}
    theirs = {"bad.zip" if name.startswith("bad.zip/") else name for name in bare["errors"]}
    theirs = {"second_duplicate.py" if name == "first_duplicate.py" else name for name in theirs}
    # It loads files one after the other in one process, where modules of the same name clash;
    # and Airflow 3 keeps the database from DAG files in production, but not from a DagBag.
    assert theirs - {"one/of_common.py", "two/of_common.py"} == ours - {"database.py"}


def test_real_values_take_the_place_of_made_up_ones(
    python: Path, major: int, tmp_path: Path
) -> None:
    write_project(tmp_path / "project", major)
    for path in tmp_path.joinpath("project/dags").rglob("*"):
        if path.is_file() and path.name not in {"int_variable.py", "connection_extra.py"}:
            path.unlink()
    env = {"AIRFLOW_VAR_N": "7", "AIRFLOW_CONN_C": '{"conn_type": "http", "extra": {"k": 1}}'}
    checked = parse(tmp_path / "project", python, env)
    assert checked.status == "passed"
    assert checked.findings == ()


def test_a_project_without_dags_fails_unless_that_is_meant(python: Path, tmp_path: Path) -> None:
    tmp_path.joinpath("dags").mkdir()
    tmp_path.joinpath("dags/helper.py").write_text("x = 1\n")
    checked = parse(tmp_path, python)
    assert [(f.path, f.rule, f.severity) for f in checked.findings] == [
        ("dags", "dag-none", "error")
    ]
    assert parse(tmp_path, python, allow_no_dags=True).status == "passed"
