"""Run pytest where Airflow is installed, and make findings from the failed tests."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from msgspec.structs import replace

from astro_ci.checks.pytest.junit import JUnitReport, read_report
from astro_ci.checks.runners import Job, Place, Runner
from astro_ci.checks.runners.job import OnLine
from astro_ci.errors import SPACE_HINT, CheckFailedError, CommandError
from astro_ci.finding import Checked, Finding
from astro_ci.text import printable

_CODES = {
    1: "tests failed",
    2: "pytest was interrupted or could not collect the tests",
    3: "pytest itself failed",
    4: "pytest refused its arguments",
    5: "pytest collected no test",
}
_TESTS = "tests"
_CONFIGURATION = ("pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")


@dataclass(frozen=True, slots=True, kw_only=True)
class PytestRequest:
    """Which tests to run, and how."""

    project: Path
    """The project's directory."""
    dags: Path
    """The DAGs directory, which may be missing."""
    root: str = ""
    """The project's directory, relative to the repository root."""
    paths: Sequence[str] = ("tests",)
    """Files, directories or test ids, relative to the project's directory."""
    arguments: Sequence[str] = ()
    """More arguments for pytest."""
    directories: Sequence[str] = ("tests", "plugins", "include")
    """Directories to copy into a container beside the DAGs; missing ones are skipped."""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Environment variables for the tests."""
    junit_xml: Path | None = None
    """Where to write the JUnit report; None writes no report."""


def find_tests(project: Path, named: str) -> str:
    """Resolve a name against the project, then its tests directory, as the Astro CLI does."""
    inside = named.lstrip("/")
    places = (inside, f"{_TESTS}/{inside}")
    return next((path for path in places if (project / _file(path)).exists()), inside)


def _file(path: str) -> str:
    return path.partition("::")[0]


def run_pytest(request: PytestRequest, runner: Runner, *, on_line: OnLine) -> Checked:
    """Run the tests. Raises CheckFailedError, DockerError or CommandError if pytest cannot run."""
    started = time.monotonic()
    for path in request.paths:
        _require(request.project, path)
    with runner.place(_job(request)) as place:
        code = place.run(on_line)
        version = _version(place, runner, code)
        document = place.read("junit.xml")
    if request.junit_xml and document is not None:
        _write(request.junit_xml, document)
    report = read_report(document, request.root) if document is not None else None
    made = Checked.of(
        "pytest",
        _findings(code, report),
        notes=[
            f"tests were run {runner.description} (pytest {version}): {_count(report)}, "
            f"exit code {code}"
        ],
        files=report.tests if report else 0,
        seconds=time.monotonic() - started,
    )
    return replace(made, cases=report.cases) if report else made


def _require(project: Path, path: str) -> None:
    file = _file(path)
    if not (project / file).exists():
        raise CheckFailedError(
            f"{printable(str(project / file))} does not exist, so there are no tests to run",
            hint="Name the project's tests as an argument, relative to the project's directory.",
        )


def _job(request: PytestRequest) -> Job:
    files = [_file(path) for path in request.paths]
    tops = [PurePosixPath(file).parts[0] for file in files if PurePosixPath(file).parts]
    names = dict.fromkeys([*request.directories, *tops, *_CONFIGURATION, "conftest.py"])
    trees = {name: request.project / name for name in names if name not in ("..", "dags")}
    if request.dags.is_dir():
        trees["dags"] = request.dags
    return Job(
        modules="astro_ci.checks.pytest.inside",
        main="serve",
        project=request.project,
        trees={name: path for name, path in trees.items() if path.exists()},
        hidden=("dags", "tests"),
        env={"PYTHONUNBUFFERED": "1", **request.env},
        request={"paths": list(request.paths), "arguments": list(request.arguments)},
    )


def _version(place: Place, runner: Runner, code: int) -> str:
    begun = place.read("begun")
    if begun is None:
        raise CheckFailedError(
            f"pytest could not be started {runner.description}: the process ended with exit code "
            f"{code}",
            hint="Look at the lines above, which pytest printed.",
        )
    if not begun:
        raise CheckFailedError(
            f"Python cannot find pytest {runner.description}, so no test could be run",
            hint="Add pytest to requirements.txt: not every image has it.",
        )
    return printable(begun.decode("utf-8", "replace"))


def _write(path: Path, document: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(document)
    except OSError as error:
        raise CommandError(
            f"the JUnit report could not be written to {printable(str(path))}: {error.strerror}",
            hint=SPACE_HINT,
        ) from error


def _findings(code: int, report: JUnitReport | None) -> list[Finding]:
    """Return a finding for each failed test, or one finding when pytest's exit code needs it."""
    found = list(report.findings) if report else []
    if code != 0 and not found:
        why = _CODES.get(code, "pytest ended before it was done")
        found.append(_failure(f"{why} (exit code {code})"))
    elif code == 0 and report is None:
        found.append(_failure("pytest ended well, but wrote no report that could be read"))
    elif code == 0 and report and not report.tests:
        found.append(_failure("pytest ended well, but ran no test"))
    return found


def _failure(message: str) -> Finding:
    return Finding(path="", rule="test-failed", severity="error", message=message)


def _count(report: JUnitReport | None) -> str:
    if report is None:
        return "no report"
    skipped = f", {report.skipped} skipped" if report.skipped else ""
    return f"{report.tests} tests{skipped}"
