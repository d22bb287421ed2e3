"""`config`: show the options in effect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from astro_ci.configuration.option import Scope, Section
from astro_ci.terminal.options import VerbCommand, flag, with_options
from astro_ci.terminal.session import Session


@click.command(cls=VerbCommand)
@with_options(
    Scope.DEPLOY,
    flag("--schema", "show_schema", section=Section.OUTPUT, help="Print the file's JSON Schema."),
)
@click.pass_obj
@click.pass_context
def config(
    ctx: click.Context,
    session: Session,
    /,
    as_json: bool,
    config_file: Path | None,
    show_schema: bool,
    **_options: Any,
) -> None:
    """Show the options in effect, and where each came from.

    An option comes from a flag, a variable, the configuration file or the default, in this order.
    """
    from astro_ci.reporting.settings import SCHEMA_FILE, config_document, config_text

    session.start(as_json=as_json)
    if show_schema:
        session.emit(SCHEMA_FILE.read_text().rstrip())
        return
    from astro_ci.terminal.choose import choose_targets

    found = choose_targets(ctx, session, config_file, deploys=True)
    file = found.file.path if found.file else None
    text = config_text(found.choice, file, found.ci, columns=session.columns)
    session.answer(config_document(found.choice, file, found.ci), text)
