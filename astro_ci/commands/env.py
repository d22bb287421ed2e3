"""`env`: show what the CI system says about this run."""

from __future__ import annotations

import click

from astro_ci.terminal.session import Session
from astro_ci.terminal.verb import VerbCommand


@click.command(cls=VerbCommand)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def env(session: Session, /, as_json: bool) -> None:
    """Show what the CI system says about this run, and which variable says it."""
    from astro_ci.reporting.environment import env_document, env_text

    session.start(as_json=as_json)
    session.answer(env_document(session.ci), env_text(session.ci, columns=session.columns))
