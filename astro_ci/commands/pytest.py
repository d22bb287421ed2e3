"""`pytest`: run the project's tests with Airflow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from astro_ci.terminal.check_options import CHECK_OPTIONS, PYTEST_JUNIT_XML
from astro_ci.terminal.options import VerbCommand, with_options
from astro_ci.terminal.session import Session


@click.command(cls=VerbCommand)
@with_options(None, *CHECK_OPTIONS, PYTEST_JUNIT_XML)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[PATH]... [-- ARGS]...")
@click.pass_obj
@click.pass_context
def pytest(
    ctx: click.Context,
    session: Session,
    /,
    as_json: bool,
    arguments: tuple[str, ...],
    junit_xml: Path | None,
    config_file: Path | None,
    **options: Any,
) -> int:
    """Run the project's tests with Airflow, in an image or in this job.

    PATH is a file, a directory or a test, relative to the project; `tests` by default. ARGS go to
    pytest. Exits with 6 when a test fails, and when there is no test.
    """
    from astro_ci.terminal.checking import Checking, Options
    from astro_ci.terminal.choose import choose_project

    session.start(as_json=as_json)
    session.open_scratch()
    count = next((n for n, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    paths = arguments[:count] or ("tests",)
    options |= choose_project(ctx, session, config_file)
    checking = Checking(session, Options(**options))
    with checking.runner() as runner:
        checked = checking.pytest(runner, paths, arguments[count:], junit_xml)
    return checking.conclude([checked])
