"""`deployment history`: the deploys of one Deployment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from astro_ci.configuration.option import Scope, Section
from astro_ci.terminal.options import AS_JSON, CONFIG_FILE, VerbCommand, option, with_options
from astro_ci.terminal.session import Session


@click.command(cls=VerbCommand)
@click.argument("named", metavar="[ID|NAME]", required=False)
@with_options(
    Scope.TARGET,
    CONFIG_FILE,
    option(
        "--limit",
        section=Section.OUTPUT,
        type=click.IntRange(min=1),
        default=20,
        help="How many deploys to show, newest first.",
    ),
    AS_JSON,
)
@click.pass_obj
@click.pass_context
def history(
    ctx: click.Context,
    session: Session,
    /,
    named: str | None,
    limit: int,
    as_json: bool,
    config_file: Path | None,
    **_options: Any,
) -> None:
    """List the deploys of a Deployment, and which part of which deploy is live now."""
    from itertools import islice

    from astro_ci.planning.history import read_history
    from astro_ci.reporting.history import history_document, history_text
    from astro_ci.terminal.target import find_target

    session.start(as_json=as_json, quiet=True)
    found = find_target(ctx, session, named, config_file)
    deploys = found.astro.client.list_deploys(found.deployment.id)
    rows = [*islice(read_history(found.deployment, deploys), limit + 1)]
    shown, more = rows[:limit], len(rows) > limit
    session.answer(
        history_document(found.deployment, shown, more=more),
        history_text(found.deployment, shown, more=more, columns=session.columns),
    )
