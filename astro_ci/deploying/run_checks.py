"""Run the checks of a deploy that need Airflow: load the DAG files, run the tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from astro_ci.configuration.config import Config
from astro_ci.errors import CheckFailedError, DockerError, ProjectError, RegistryError
from astro_ci.finding import Checked, CheckName
from astro_ci.reporting.console import Console
from astro_ci.survey.static import keep_shipped
from astro_ci.survey.survey import Survey

if TYPE_CHECKING:  # imported only when a check runs
    from astro_ci.checks.runners import Runner
    from astro_ci.deploying.check_runner import Surroundings

_TESTS = "tests"
DIRECTORIES = ("plugins", "include")
"""The directories of a checkout, beside the DAGs, that the checks need."""
Make = Callable[["Runner"], Checked]


class Wanted(Struct, frozen=True, kw_only=True):
    """The checks that a deploy must run."""

    parse: bool
    tests: str
    """The tests to run; empty for none."""
    is_asked: bool
    """Whether the user asked for the checks, so that an impossible check is a failure."""

    @classmethod
    def of(cls, config: Config, survey: Survey) -> Wanted:
        """Read the options; by default the DAG files are loaded, if there are any."""
        parses = config.parse
        if parses is None:
            files, shipping = survey.differences.dag_files, survey.shipping
            parses = files is not None and files.dag_files > 0 and not shipping.image_has_dags
        return cls(
            parse=parses,
            tests=config.tests,
            is_asked=bool(config.parse or config.tests),
        )

    @property
    def names(self) -> tuple[CheckName, ...]:
        """The checks, in their order."""
        parse: tuple[CheckName, ...] = ("parse",) if self.parse else ()
        return (*parse, "pytest") if self.tests else parse


def run_checks(
    config: Config, survey: Survey, surroundings: Surroundings, console: Console
) -> tuple[Checked, ...]:
    """Run all checks, even when the first check fails.

    An impossible check gives a result, not an error. Raises ConfigurationError for variables
    that cannot be read.
    """
    wanted = Wanted.of(config, survey)
    if not wanted.names:
        return ()
    if survey.shipping.image_has_dags:
        reason = "the DAGs that ship are those in the prebuilt image, and not the checked-out ones"
        return tuple(_impossible(name, reason) for name in wanted.names)
    try:
        with surroundings.runner(is_asked=wanted.is_asked) as runner:
            if runner is None:
                console.say(
                    f"DAG files were not loaded: there is no Airflow here ({surroundings.remedy})"
                )
                return ()
            console.say(f"checking {runner.description}")
            makers = _makers(survey, console, wanted)
            return tuple(_attempt(name, makers[name], runner) for name in wanted.names)
    except (CheckFailedError, DockerError, RegistryError) as error:
        return tuple(_impossible(name, error.message) for name in wanted.names)


def _makers(survey: Survey, console: Console, wanted: Wanted) -> dict[CheckName, Make]:
    from astro_ci.checks.parse import ParseRequest, parse_dags
    from astro_ci.checks.pytest import PytestRequest, find_tests, run_pytest
    from astro_ci.checks.variables import DEFAULT_FILE, read_env_file

    checkout, project = survey.checkout, survey.checkout.project
    file = project.root / DEFAULT_FILE
    env = read_env_file(file) if file.is_file() else {}
    layout = checkout.layout
    # A prebuilt image has these directories; those of the checkout do not ship.
    beside = () if survey.shipping.prebuilt else DIRECTORIES

    def parse(runner: Runner) -> Checked:
        request = ParseRequest(
            project=project.root,
            dags=project.dags,
            root=layout.project,
            dags_path=layout.dags[0],
            directories=beside,
            env=env,
        )
        return keep_shipped(parse_dags(request, runner), checkout, survey.standing)

    def pytest(runner: Runner) -> Checked:
        request = PytestRequest(
            project=project.root,
            dags=project.dags,
            root=layout.project,
            paths=(find_tests(project.root, wanted.tests),),
            directories=(_TESTS, *beside),
            env=env,
        )
        with console.group("Run the tests"):
            return run_pytest(request, runner, on_line=console.quote)

    return {"parse": parse, "pytest": pytest}


def _attempt(name: CheckName, make: Make, runner: Runner) -> Checked:
    try:
        return make(runner)
    except (CheckFailedError, DockerError, ProjectError) as error:
        return _impossible(name, error.message)


def _impossible(name: CheckName, reason: str) -> Checked:
    return Checked(name=name, status="impossible", not_checked=(reason,))
