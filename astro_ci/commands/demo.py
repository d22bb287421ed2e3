"""`demo`: a guided run on a local Astro."""

from __future__ import annotations

import click

from astro_ci.terminal.extras import needs_extra
from astro_ci.terminal.session import Session
from astro_ci.terminal.verb import VerbCommand


@click.command(cls=VerbCommand)
@click.option("--keep", is_flag=True, help="Keep the project of the demo.")
@click.pass_obj
def demo(session: Session, /, keep: bool) -> None:
    """Walk through deploys of every kind on a local Astro.

    The story: a first deploy, a changed DAG, a changed image, and a deploy that fails.
    """
    session.open_scratch()
    with needs_extra("sandbox"):
        from astro_ci.demo.story import demo as run_demo
    run_demo(
        session.env,
        emit=session.emit,
        keep_in=session.outside if keep else None,
        columns=session.columns,
    )
