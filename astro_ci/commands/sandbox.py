"""`sandbox`: run a local Astro."""

from __future__ import annotations

from pathlib import Path

import click

from astro_ci.terminal.extras import needs_extra
from astro_ci.terminal.options import VerbCommand, option
from astro_ci.terminal.session import Session


@click.command(cls=VerbCommand)
@option("--data", type=click.Path(path_type=Path), help="Keep the state in this directory.")
@option("--port", type=int, default=8888, help="The port to listen on; 0 takes a free port.")
@option(
    "--rollout-seconds", type=float, default=2.0, help="How long a deploy takes to become live."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line when ready.")
@click.pass_obj
def sandbox(
    session: Session, /, as_json: bool, data: Path | None, port: int, rollout_seconds: float
) -> None:
    """Start a local Astro and print the variables that point a pipeline at it."""
    session.start(as_json=as_json)
    session.open_scratch()
    with needs_extra("sandbox"):
        from astro_ci.sandbox.serve import serve
    try:
        serve(
            data=data,
            port=port,
            rollout_seconds=rollout_seconds,
            as_json=as_json,
            emit=click.echo,  # its token is what it is asked for
            tell=session.console.say,
        )
    except KeyboardInterrupt:  # how it is meant to end
        return
