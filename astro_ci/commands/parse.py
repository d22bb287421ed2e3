"""`parse`: load every DAG file as Airflow does."""

from __future__ import annotations

from typing import Any

import click

from astro_ci.terminal.check_options import CHECK_OPTIONS, PARSE_OPTIONS
from astro_ci.terminal.options import VerbCommand, with_options
from astro_ci.terminal.session import Session


@click.command(cls=VerbCommand)
@with_options(None, *CHECK_OPTIONS, *PARSE_OPTIONS)
@click.pass_obj
def parse(session: Session, /, as_json: bool, **options: Any) -> int:
    """Load every DAG file as Airflow does, and report errors by file and line.

    Variables and Connections that are not given have made-up values; which of them are read is
    reported. Exits with 6 when a file cannot be loaded, or when there is no DAG.
    """
    from astro_ci.terminal.checking import Checking, Options

    session.start(as_json=as_json)
    session.open_scratch()
    checking = Checking(session, Options(**options))
    with checking.runner() as runner:
        checked = checking.parse(runner)
    return checking.conclude([checked])
