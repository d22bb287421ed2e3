"""`build`: build and check the image, and keep it for a later job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from astro_ci.terminal.build_options import BUILD_OPTIONS, FIELDS
from astro_ci.terminal.check_options import REPORTS
from astro_ci.terminal.options import VerbCommand, with_options
from astro_ci.terminal.session import Session

if TYPE_CHECKING:  # loaded when it is needed
    from collections.abc import Iterator, Sequence

    from astro_ci.building.make import Checks
    from astro_ci.checks.runners import Runner
    from astro_ci.configuration.config import Config
    from astro_ci.finding import Checked
    from astro_ci.image.source import ReadyImage
    from astro_ci.terminal.checking import Checking


@click.command(cls=VerbCommand)
@with_options(None, *BUILD_OPTIONS, *REPORTS)
@click.pass_obj
@click.pass_context
def build(
    ctx: click.Context,
    session: Session,
    /,
    as_json: bool,
    config_file: Path | None,
    dags_in_image: bool,
    save_to: Path | None,
    push_to: str,
    sarif: Path | None,
    junit_xml: Path | None,
    code_quality: Path | None,
    **_options: Any,
) -> int:
    """Build and check the image, and keep it for a later job to deploy.

    Keeps it in a file (--save), in a registry (--push) or else on the Docker Engine. Needs no
    credentials of Astro.
    """
    from astro_ci.building.keep import where_to_keep
    from astro_ci.building.look import look
    from astro_ci.building.make import make_image
    from astro_ci.deploying.secrecy import hide_build_secrets
    from astro_ci.deploying.tools import Tools

    session.start(as_json=as_json)
    session.open_scratch()
    config = _config(ctx, session, config_file)
    hide_build_secrets(session.redactor, config, session.env)
    keep = where_to_keep(save_to, push_to.strip(), session.env, project=config.project)
    source = look(
        config,
        session.env,
        session.ci,
        has_dags=dags_in_image,
        writes=[save_to] if save_to else [],
    )
    found: list[Checked] = []
    try:
        built = make_image(
            config,
            session.env,
            source,
            keep,
            _checks(session, config, found),
            console=session.console,
            tools=Tools(),
        )
    finally:
        session.write_reports(found, sarif=sarif, junit_xml=junit_xml, code_quality=code_quality)
    session.conclude_build(built)
    return 0


def _config(ctx: click.Context, session: Session, config_file: Path | None) -> Config:
    """Read the options that a build has. Raises ConfigurationError."""
    from astro_ci.configuration.config import Config
    from astro_ci.survey.targets import find_build_settings
    from astro_ci.terminal.settings import read_settings

    settings = find_build_settings(read_settings(ctx, session.env), config_file=config_file)
    return Config(**{name: one.value for name, one in settings.items() if name in FIELDS})


def _checks(session: Session, config: Config, found: list[Checked]) -> Checks:
    """Make the checks that are asked for; `found` gets their results."""
    from astro_ci.building.make import Checks
    from astro_ci.reporting.checks.annotate import annotate_findings
    from astro_ci.reporting.checks.text import checks_text
    from astro_ci.terminal.checking import Checking, Options

    checking = Checking(
        session,
        Options(
            project=config.project,
            dags_path=config.dags_path,
            image_name="",
            image_archive=None,
            runner="auto",
            python="",
            env_file=None,
            ignore_findings=config.ignore_findings,
            allow_no_dags=True,
        ),
    )

    def tell(made: Sequence[Checked]) -> Sequence[Checked]:
        found.extend(made)
        if made:
            session.console.say("\n".join(checks_text(made)))
            annotate_findings(made, session.dialect)
        return made

    def before() -> Sequence[Checked]:
        return tell([checking.static()] if checking.checkout.project.has_dags else [])

    def inside(image: ReadyImage) -> Sequence[Checked]:
        return tell(_inside(checking, config, image))

    return Checks(before=before, inside=inside)


def _inside(checking: Checking, config: Config, image: ReadyImage) -> list[Checked]:
    """Load the DAG files and run the tests in the image, where that is asked for."""
    from contextlib import contextmanager

    from astro_ci.checks.pytest import find_tests
    from astro_ci.checks.runners import in_image
    from astro_ci.terminal.checking import attempt

    def run_tests(chosen: Runner) -> Checked:
        paths = [find_tests(checking.checkout.project.root, config.tests)]
        return checking.pytest(chosen, paths)

    @contextmanager
    def place() -> Iterator[Runner]:
        yield in_image(image)

    made = [attempt("parse", checking.parse, place())] if config.parse else []
    if config.tests:
        made.append(attempt("pytest", run_tests, place()))
    return made
