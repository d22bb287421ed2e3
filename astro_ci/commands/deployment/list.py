"""`deployment list`: the visible Deployments."""

from __future__ import annotations

from typing import Any

import click

from astro_ci.terminal.options import AS_JSON, VerbCommand, row, with_options
from astro_ci.terminal.session import Session


@click.command(cls=VerbCommand)
@with_options(None, row("workspace_id"), row("organization_id"), AS_JSON)
@click.pass_obj
@click.pass_context
def list(ctx: click.Context, session: Session, /, as_json: bool, **_options: Any) -> None:
    """List the Deployments that the credentials can see, and what they run."""
    from astro_ci.deployments.listing import list_overviews
    from astro_ci.reporting.deployments import overviews_document, overviews_text
    from astro_ci.terminal.target import connect_as_given

    session.start(as_json=as_json, quiet=True)
    astro, config = connect_as_given(ctx, session)
    found = list_overviews(astro, config.workspace_id)
    session.answer(overviews_document(found), overviews_text(found, columns=session.columns))
