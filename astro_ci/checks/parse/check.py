"""Load every DAG file where Airflow is installed, and turn failures into findings."""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from astro_ci.bundle import Member, list_members
from astro_ci.checks.parse.events import Log
from astro_ci.checks.parse.judge import judge
from astro_ci.checks.parse.places import Places
from astro_ci.checks.runners import Job, Place, Runner
from astro_ci.errors import CheckFailedError
from astro_ci.finding import Checked
from astro_ci.text import printable, shorten

log = logging.getLogger(__name__)

_LAST_LINES = 5
_JOURNAL = "journal"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseRequest:
    """Which DAG files to load, and how."""

    project: Path
    """The project's directory."""
    dags: Path
    """The DAGs directory."""
    root: str = ""
    """The project's directory, relative to the repository root."""
    dags_path: str = "dags"
    """The DAGs directory, relative to the repository root."""
    directories: Sequence[str] = ("plugins", "include")
    """Directories to copy into a container beside the DAGs; missing ones are skipped."""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Environment variables for the DAG files. AIRFLOW_VAR_* and AIRFLOW_CONN_* give real values to
    Variables and Connections."""
    max_seconds: float | None = None
    """The time limit for each file; None uses the limit of Airflow's configuration."""
    allow_no_dags: bool = False


def parse_dags(request: ParseRequest, runner: Runner) -> Checked:
    """Load the DAG files. Raises CheckFailedError or DockerError when the load cannot run."""
    started = time.monotonic()
    if not request.dags.is_dir():
        raise CheckFailedError(
            f"the DAGs directory {printable(str(request.dags))} does not exist, so there is "
            "nothing to parse",
            hint="Check --project and --dags-path.",
        )
    with runner.place(_job(request)) as place:
        found = _run(place, runner)
        places = Places(
            project=place.project,
            trees=place.trees,
            root=request.root,
            dags=request.dags_path,
        )
    airflow = found.airflow
    versions = f"Airflow {airflow.version}, Python {airflow.python}" if airflow else "Airflow"
    return Checked.of(
        "parse",
        judge(found, places, allow_no_dags=request.allow_no_dags),
        notes=[f"DAG files were loaded {runner.description} ({versions})"],
        files=len(found.files.paths) if found.files else 0,
        seconds=time.monotonic() - started,
    )


def _job(request: ParseRequest) -> Job:
    members = list_members(request.dags)
    extra = {name: request.project / name for name in request.directories}
    return Job(
        modules="astro_ci.checks.parse.inside",
        main="serve",
        project=request.project,
        trees={"dags": request.dags, **{n: p for n, p in extra.items() if p.is_dir()}},
        env=request.env,
        request=_document(request, members),
    )


def _document(request: ParseRequest, members: Sequence[Member]) -> dict[str, Any]:
    """Build `request.json`; list the links out of the project, whose targets Astro lacks."""
    root = os.path.realpath(request.project)
    targets = {m.name: os.path.realpath(m.source) for m in members if m.link is not None}
    return {
        "ships": [member.name for member in members],
        "outside": [
            name for name, target in targets.items() if os.path.commonpath([root, target]) != root
        ],
        "seconds": request.max_seconds,
    }


def _run(place: Place, runner: Runner) -> Log:
    """Run the job, and read its journal."""
    lines: deque[str] = deque(maxlen=_LAST_LINES)
    code = place.run(lines.append)
    found = Log.read(place.read(_JOURNAL) or b"")
    if found.failed:
        raise _no_airflow(found, runner)
    if not found.has_ended or found.files is None:
        said = shorten(printable(" / ".join(lines)), 500) or "no output"
        raise CheckFailedError(
            f"the DAG files could not be loaded {runner.description}: the process ended with "
            f"exit code {code} before it was done ({said})",
            hint="Check that the interpreter works and has the memory that it needs.",
        )
    return found


def _no_airflow(found: Log, runner: Runner) -> CheckFailedError:
    if found.airflow and found.airflow.version is None:
        return CheckFailedError(
            f"Python cannot find Airflow {runner.description}, so no DAG file could be loaded",
            hint="Name an Astro Runtime image with --image-name, or the interpreter of an "
            "environment that has apache-airflow with --python.",
        )
    failed = found.failed[-1]
    log.info("%s", failed.traceback)
    return CheckFailedError(
        f"Airflow could not be started {runner.description}: "
        f"{shorten(printable(failed.message), 500)}",
        hint="Check airflow_local_settings.py, the plugins and the configuration in the image.",
    )
