"""One run of `check`, `parse` or `pytest`: its project, its Airflow, its result."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from astro_ci.checks.checkout import Checkout
from astro_ci.checks.ignore import read_silences, silence
from astro_ci.checks.parse import ParseRequest, parse_dags
from astro_ci.checks.pytest import PytestRequest, run_pytest
from astro_ci.checks.runners import Kind, Runner, choose_runner
from astro_ci.checks.static.check import StaticCheck
from astro_ci.checks.static.lint import find_ruff
from astro_ci.checks.static.request import NEWEST, Request
from astro_ci.checks.variables import DEFAULT_FILE, airflow_variables, read_env_file
from astro_ci.errors import CheckFailedError, DockerError, ProjectError
from astro_ci.finding import Checked, CheckName
from astro_ci.project.dockerfile import base_image
from astro_ci.project.find import Project, dockerfile_text
from astro_ci.project.platform import Platform, platform_of
from astro_ci.reporting.checks.annotate import annotate_findings
from astro_ci.reporting.checks.document import checks_document
from astro_ci.reporting.checks.text import checks_text
from astro_ci.reporting.secret_texts import without_secrets
from astro_ci.survey.engine import connect_engine
from astro_ci.terminal.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The common options of the three verbs, with the values from click."""

    project: Path
    dags_path: str
    image_name: str
    image_archive: Path | None
    runner: Kind
    python: str
    env_file: Path | None
    ignore_findings: Sequence[str] = ()
    variables: Sequence[str] = ()
    max_parse_seconds: float | None = None
    allow_no_dags: bool = False


class Checking:
    """Runs the checks of a project. Raises AstroCIError for wrong options or a wrong project."""

    def __init__(self, session: Session, options: Options) -> None:
        self._session = session
        self._options = options
        self.checkout = Checkout.find(options.project, options.dags_path, session.env)
        self._silences = read_silences(options.ignore_findings, project=self.checkout.root)
        default = self.checkout.project.root / DEFAULT_FILE
        file = options.env_file or (default if default.is_file() else None)
        self._env: Mapping[str, str] = {
            **(read_env_file(file) if file else {}),
            **airflow_variables(options.variables),
        }

    @contextmanager
    def runner(self) -> Iterator[Runner]:
        """Find an Airflow installation, and log it. Raises CheckFailedError when there is none."""
        options = self._options
        with choose_runner(
            options.runner,
            connect_engine=connect_engine,
            image=options.image_name.strip(),
            archive=options.image_archive,
            python=options.python.strip(),
            env=self._session.env,
            visible=without_secrets(self._session.env),
        ) as chosen:
            self._session.console.say(f"checking {chosen.description}")
            yield chosen

    def static(self) -> Checked:
        """Run the static check, which needs no Airflow."""
        project, env = self.checkout.project, self._session.env
        if not project.has_dags:
            reason = f"the DAGs directory {project.dags} does not exist"
            return Checked(name="static", status="impossible", not_checked=(reason,))
        platform = _platform(project)
        repository = os.path.realpath(self.checkout.repository)
        request = Request(
            root=str(project.root),
            dags=os.path.realpath(project.dags),
            repository=repository,
            python=platform.python or NEWEST,
            airflow=platform.airflow or NEWEST,
        )
        find = functools.partial(find_ruff, env, platform, repository=repository)
        with StaticCheck(request, find) as check:
            found = check.result().checked
        found = found if self._options.allow_no_dags else _refusing_no_dag(found)
        return silence(found, self._silences)

    def parse(self, runner: Runner) -> Checked:
        """Load the DAG files."""
        request = ParseRequest(
            project=self.checkout.project.root,
            dags=self.checkout.project.dags,
            root=self.checkout.root,
            dags_path=self.checkout.dags,
            env=self._env,
            max_seconds=self._options.max_parse_seconds,
            allow_no_dags=self._options.allow_no_dags,
        )
        return silence(parse_dags(request, runner), self._silences)

    def pytest(
        self,
        runner: Runner,
        paths: Sequence[str],
        arguments: Sequence[str] = (),
        junit_xml: Path | None = None,
    ) -> Checked:
        """Run the tests, and show their output as it arrives."""
        request = PytestRequest(
            project=self.checkout.project.root,
            dags=self.checkout.project.dags,
            root=self.checkout.root,
            paths=paths,
            arguments=arguments,
            env=self._env,
            junit_xml=junit_xml,
        )
        made = run_pytest(request, runner, on_line=self._session.console.quote)
        return silence(made, self._silences)

    def conclude(self, checks: Sequence[Checked]) -> int:
        """Report the findings, and return the exit code."""
        annotate_findings(checks, self._session.dialect)
        self._session.answer(checks_document(checks), "\n".join(checks_text(checks)))
        is_good = all(checked.status in ("passed", "skipped") for checked in checks)
        return 0 if is_good else CheckFailedError.exit_code


def _refusing_no_dag(found: Checked) -> Checked:
    """Make a failure for a project without DAGs, because nothing can be checked."""
    if all(finding.rule != "dag-none" for finding in found.findings):
        return found
    findings = [
        replace(finding, severity="error") if finding.rule == "dag-none" else finding
        for finding in found.findings
    ]
    ordered = tuple(sorted(findings, key=lambda finding: finding.order))
    return replace(found, findings=ordered, status="failed")


def _platform(project: Project) -> Platform:
    """Return the platform of the Dockerfile's Runtime; unknown when there is no Runtime."""
    found = project.read_dockerfile()
    image = base_image(dockerfile_text(found)) if found else None
    return platform_of(image.runtime_version, python=image.python_version) if image else Platform()


def attempt(
    name: CheckName, make: Callable[[Runner], Checked], place: AbstractContextManager[Runner]
) -> Checked:
    """Run a check in a place; if it cannot run, this is a result of the check, not an error."""
    try:
        with place as runner:
            return make(runner)
    except (CheckFailedError, DockerError, ProjectError) as error:
        reason = ". ".join(filter(None, (error.message, error.hint)))
        return Checked(name=name, status="impossible", not_checked=(reason,))
