"""`doctor`: check whether a deploy would work here."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import click

from astro_ci.configuration.option import Scope
from astro_ci.terminal.options import VerbCommand, with_options
from astro_ci.terminal.session import Session


@click.command(cls=VerbCommand)
@with_options(Scope.PLAN)
@click.pass_obj
@click.pass_context
def doctor(
    ctx: click.Context,
    session: Session,
    /,
    as_json: bool,
    config_file: Path | None,
    **_options: Any,
) -> int:
    """Check whether a deploy would work here, and say what to change. Changes nothing."""
    from astro_ci.doctor import document, examine, exit_code, lines
    from astro_ci.terminal.settings import read_settings

    session.start(as_json=as_json, quiet=True)
    found = examine(
        read_settings(ctx, session.env),
        session.env,
        session.ci,
        config_file=config_file,
        interactive=session.is_interactive,
    )
    shown, kept = itertools.tee(found)
    if not as_json:
        for line in lines(shown, columns=session.columns):  # as the checks are made
            session.show(line)
    checks = list(kept)
    if as_json:
        session.answer(document(checks))
    return exit_code(checks)
