"""`parse`: load every DAG file as Airflow does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from astro_ci.terminal.check_options import CHECK_OPTIONS, PARSE_OPTIONS, REPORTS
from astro_ci.terminal.options import VerbCommand, with_options
from astro_ci.terminal.session import Session


@click.command(cls=VerbCommand)
@with_options(None, *CHECK_OPTIONS, *PARSE_OPTIONS, *REPORTS)
@click.pass_obj
@click.pass_context
def parse(
    ctx: click.Context,
    session: Session,
    /,
    as_json: bool,
    config_file: Path | None,
    sarif: Path | None,
    junit_xml: Path | None,
    code_quality: Path | None,
    **options: Any,
) -> int:
    """Load every DAG file as Airflow does, and report errors by file and line.

    Variables and Connections without a given value get made-up values; the report lists those that
    the files read. Exits with 6 when a file cannot be loaded, or when there is no DAG.
    """
    from astro_ci.terminal.checking import Checking, Options
    from astro_ci.terminal.choose import choose_project

    session.start(as_json=as_json)
    session.open_scratch()
    options |= choose_project(ctx, session, config_file)
    checking = Checking(session, Options(**options))
    with checking.runner() as runner:
        checked = checking.parse(runner)
    session.write_reports([checked], sarif=sarif, junit_xml=junit_xml, code_quality=code_quality)
    return checking.conclude([checked])
